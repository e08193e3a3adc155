"""docs/fleet.md and the examples are what they say: files that their programs take, verbs that exist, true figures."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from digest.cli import app as cli
from digest.config import load
from digest.delivery import State
from digest.fleet import chunks, pacing
from digest.fleet.chunks import Chunk
from digest.fleet.monitor import FleetCounts, exposition
from digest.ledger.sharing import BEAT, LEASE
from needed import needs

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "fleet"
PAGE = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
PORT = 9464  # of `digest worker`
ANSWER = 600  # seconds that a server may take to answer the dot: RFC 5321, 4.5.3.2.6


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((EXAMPLES / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def manifests():
    return {part["kind"]: part for part in yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text())}


def known(verb):
    cli.load()
    return {option: each for each in get_command(cli.app).commands[verb].params for option in each.opts}


def service():
    """The lines of the systemd unit, by key."""
    lines = (EXAMPLES / "digest-worker@.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_verbs_of_the_examples_exist(compose, manifests):
    """Each command in the compose file, the manifests and the unit is a verb with flags that it has."""
    found = [part["command"] for part in compose["services"].values() if "command" in part]
    found += [part["command"] for part in manifests["Deployment"]["spec"]["template"]["spec"]["containers"]]
    found.append(["digest", *service()["ExecStart"].split()[1:]])
    assert [verb for _, verb, *_ in found] == ["worker", "serve", "worker", "worker"]
    for program, verb, *flags in found:
        assert program == "digest"
        assert {flag for flag in flags if flag.startswith("-")} <= set(known(verb))


def test_config_of_the_example():
    """The example's config.yaml is taken as it is."""
    config = load.load(EXAMPLES / "config.yaml", {})
    assert config.settings.send.engine == "procrastinate"
    assert config.settings.send.ledger_env == "DIGEST_LEDGER"


def test_the_compose_file_fits_together(compose):
    """Whom a service names is there; ports are the verbs'; a worker may finish its mails before it is killed."""
    services, volumes = compose["services"], compose["volumes"]
    for name, part in services.items():
        assert set(part.get("depends_on", {})) <= set(services), name
        assert set(part.get("secrets", ())) <= set(compose["secrets"]), name
        named = [volume.partition(":")[0] for volume in part["volumes"]]
        assert all(volume.startswith("./") or volume in volumes for volume in named), name
        assert part["image"], name
    worker, endpoint = services["worker"], services["endpoint"]
    assert known("worker")["--port"].default == PORT
    assert f"127.0.0.1:{PORT}/healthz" in " ".join(worker["healthcheck"]["test"])
    assert worker["stop_grace_period"] == f"{ANSWER // 60 + 1}m"
    assert f":{known('serve')['--port'].default}" in endpoint["ports"][0]
    settings = load.load(EXAMPLES / "config.yaml", {}).settings
    wanted = {settings.send.ledger_env, settings.smtp.password_env, settings.unsubscribe.secret_env}
    assert wanted == set(worker["environment"]) == set(endpoint["environment"])


def test_the_kubernetes_manifests_fit_together(manifests):
    """Selectors meet the pods, probes ask what a worker serves, volumes are mounted, and the grace is long enough."""
    assert set(manifests) == {"Deployment", "PodDisruptionBudget"}
    spec = manifests["Deployment"]["spec"]
    labels, pod = spec["template"]["metadata"]["labels"], spec["template"]["spec"]
    for part in manifests.values():
        assert part["spec"]["selector"]["matchLabels"] == labels
    assert pod["terminationGracePeriodSeconds"] > ANSWER
    (worker,) = pod["containers"]
    assert worker["ports"] == [{"name": "metrics", "containerPort": PORT}]
    for probe in ("readinessProbe", "livenessProbe"):
        assert worker[probe]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert spec["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(PORT)
    assert {each["name"] for each in worker["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    patience = worker["livenessProbe"]["periodSeconds"] * worker["livenessProbe"]["failureThreshold"]
    assert patience > 2 * LEASE, "a database that is away for a while is no reason to restart the workers"


def test_systemd_finds_the_unit_right(tmp_path):
    """systemd-analyze verify has nothing to say about an instance of it, on a machine that has the program."""
    analyze = needs(shutil.which("systemd-analyze"), "systemd")
    text = (EXAMPLES / "digest-worker@.service").read_text()
    unit = tmp_path / "digest-worker@9464.service"
    unit.write_text(text.replace("/opt/digest/bin/digest", sys.executable).replace("User=digest", "User=root"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", unit], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "digest-worker" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
    assert service()["TimeoutStopSec"] == f"{ANSWER // 60 + 1}min"


def test_the_metrics_that_are_to_be_watched_exist():
    """Each metric of the page is one that a worker shows."""
    tally = FleetCounts()
    tally.add(Chunk(outcomes={State.SENT: 1}))
    page = exposition(tally, version="1", beat_age=0.0, editions={"e": {State.PLANNED: 1}})
    shown = {line.split("{")[0].split()[0] for line in page.splitlines() if not line.startswith("#")}
    named = set(re.findall(r"`(digest_\w+?)(?:\{[^`]*\})?` \|", PAGE))
    assert len(named) >= 4
    assert named <= shown


def test_the_figures_of_the_page_are_the_programs():
    """Leases, beats, jobs and paces are what the program does, not what it once did."""
    words = " ".join(PAGE.split())
    for said in (
        f"({chunks.SIZE:,} mails each)",
        f"A claim is held for {LEASE:.0f} seconds and renewed every {BEAT:.0f}.",
        f"is planned again within {LEASE + BEAT:.0f} seconds",
        f"known of mails that went is kept for {'an hour' if chunks.REMEMBER == 3600 else '?'}",
        f"No lease ends before the server has been up for {LEASE:.0f} seconds",
        f"says 503 when a worker has not reached the database for {LEASE:.0f} seconds",
        f"as it used in the last {pacing.RECENT:g} s, at most {pacing.SPAN * 1000:.0f} ms' worth",
        f"may miss by {pacing.LATE:g} s: so no ten seconds see more than {pacing.LATE * 10:.0f} % and one mail above",
        f"may be caught up for {pacing.SLACK:g} s",
    ):
        assert said in words, said
