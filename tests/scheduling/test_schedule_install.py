"""`digest schedule --install`: units that systemd, cron and YAML themselves find right, for awkward folders too."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from croniter import croniter

from needed import needs

AWKWARD = ["plain", "50% off & Co", "it's $HOME", 'a "b" c']


def installed(newsroom, unit, *more):
    done = newsroom("schedule", "--install", unit, *more)
    assert done.code == 0, done.err
    return done.out


def moved(newsroom, name):
    """The same newsroom in a folder of this name."""
    newsroom.monkeypatch.chdir("/")
    inner = newsroom.root / name
    inner.mkdir()
    for each in ("config.yaml", "stories", "recipients"):
        shutil.move(newsroom.root / each, inner / each)
    newsroom.root = inner
    return inner


@pytest.mark.parametrize("name", AWKWARD)
def test_systemd_finds_its_units_right(newsroom, tmp_path, name):
    """systemd-analyze verify has nothing to say about the service and the timer."""
    analyze = needs(shutil.which("systemd-analyze"), "systemd")
    moved(newsroom, name)
    newsroom.monkeypatch.setattr(os, "geteuid", lambda: 1000)  # as a person would, not as this container's root
    newsroom.monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    out = installed(newsroom, "systemd", "--write")
    assert "systemctl --user daemon-reload" in out
    folder = tmp_path / "config/systemd/user"
    found = sorted(folder.iterdir())
    assert [path.suffix for path in found] == [".service", ".timer"]
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", *found], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "digest-" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
    calendar = subprocess.run([analyze, "calendar", "*:0/10"], capture_output=True, text=True, check=False)
    assert calendar.returncode == 0, calendar.stderr


@pytest.mark.parametrize("name", AWKWARD)
def test_the_cron_line_fires_every_ten_minutes_and_runs_as_written(newsroom, name):
    """Croniter reads the five fields, and sh runs the command in whatever folder the newsroom is."""
    root = moved(newsroom, name)
    (line,) = [line for line in installed(newsroom, "cron").splitlines() if line and not line.startswith("#")]
    fields, command = " ".join(line.split()[:5]), line.split(maxsplit=5)[5]
    times = croniter(fields, datetime(2022, 3, 1, 8, 55))  # noqa: DTZ001 - cron lives by the wall clock
    assert [times.get_next(datetime).minute for _ in range(3)] == [0, 10, 20]
    assert "%" not in command.replace(r"\%", "")
    shell = command.replace(r"\%", "%")  # what cron hands to sh
    done = subprocess.run(["sh", "-c", shell], cwd="/", capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (root / ".digest/schedule.json").exists()


def test_the_crontab_keeps_what_was_there_and_has_one_block(newsroom, tmp_path):
    """Written twice, a user's other lines stay as they were and ours stand once.

    `crontab` is a script here: the tests may not touch the crontab of whoever runs them.
    """
    (tmp_path / "bin").mkdir()
    table, program = tmp_path / "table", tmp_path / "bin/crontab"
    table.write_text("0 4 * * * backup\n# mine")
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat {table}; else cat > {table}; fi\n')
    program.chmod(0o755)
    newsroom.monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for _ in range(2):
        installed(newsroom, "cron", "--write")
    text = table.read_text()
    assert text.startswith("0 4 * * * backup\n# mine\n# begin digest ")
    assert text.count("*/10 * * * *") == 1


def test_without_crontab_it_says_what_to_use(newsroom):
    """A machine that has no cron: one line, and 2."""
    newsroom.monkeypatch.setenv("PATH", "/nowhere")
    done = newsroom("schedule", "--install", "cron", "--write")
    assert (done.code, "--install systemd" in done.err) == (2, True)


def test_the_kubernetes_cronjob(newsroom):
    """One run at a time, every ten minutes, with time to end calmly, and the newsroom on a volume."""
    installed(newsroom, "kubernetes", "--write")
    job = yaml.safe_load((newsroom.root / "kubernetes.yaml").read_text())
    assert (job["kind"], job["spec"]["concurrencyPolicy"]) == ("CronJob", "Forbid")
    assert croniter.is_valid(job["spec"]["schedule"])
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"][:2] == ["digest", "run"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == job["metadata"]["name"]


def test_the_github_workflow_needs_a_ledger_that_lasts(newsroom):
    """With a ledger on the runner's disk readers would be mailed again: refused; with PostgreSQL it is written."""
    done = newsroom("schedule", "--install", "github")
    assert (done.code, "forgets its disk" in done.err) == (2, True)
    newsroom.edit("config.yaml", "  ledger: sqlite:///.digest/ledger.db", "  ledger_env: DIGEST_LEDGER_URL")
    installed(newsroom, "github", "--write")
    flow = yaml.load((newsroom.root / ".github/workflows/digest.yaml").read_text(), yaml.BaseLoader)
    assert croniter.is_valid(flow["on"]["schedule"][0]["cron"])
    steps = flow["jobs"]["run"]["steps"]
    assert steps[-1]["env"]["DIGEST_LEDGER_URL"] == "${{ secrets.DIGEST_LEDGER_URL }}"
    assert any(".digest" in step.get("with", {}).get("path", "") for step in steps)


def test_write_alone_is_refused(newsroom):
    """--write without --install says what it goes with."""
    done = newsroom("schedule", "--write")
    assert (done.code, "--install" in done.err) == (2, True)
    assert not Path(newsroom.root / "kubernetes.yaml").exists()
