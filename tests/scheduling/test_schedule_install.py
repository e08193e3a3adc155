"""`digest schedule --install`: units that systemd, cron and YAML themselves find right, for awkward folders too."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
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
    """systemd-analyze verify has nothing to say about the services and their timers."""
    analyze = needs(shutil.which("systemd-analyze"), "systemd")
    moved(newsroom, name)
    newsroom.monkeypatch.setattr(os, "geteuid", lambda: 1000)  # as a person would, not as this container's root
    newsroom.monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    mailbox = "imaps://news%40harbour.example@imap.harbour.example/In%20%24box"
    out = installed(newsroom, "systemd", "--write", "--serve", "--bounces", mailbox)
    assert "systemctl --user daemon-reload" in out
    folder = tmp_path / "config/systemd/user"
    found = sorted(folder.iterdir())
    kinds = ["-bounces.service", "-bounces.timer", "-serve.service", ".service", ".timer"]
    assert [path.name.removeprefix(found[3].stem) for path in found] == kinds
    enabled = out.split("enable --now ")[1].split("\n")[0].split()
    assert sorted(enabled) == [found[1].name, found[2].name, found[4].name], "what is started by itself, and no more"
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


@pytest.fixture
def table(newsroom, tmp_path):
    """A user's crontab. `crontab` is a script: the tests may not touch the crontab of whoever runs them."""
    (tmp_path / "bin").mkdir()
    table, program = tmp_path / "table", tmp_path / "bin/crontab"
    program.write_text(
        f"""#!/bin/sh
if [ "$1" = -l ]; then
  [ -e {table}.refused ] && echo "you are not allowed to use this program" >&2 && exit 1
  [ -e {table} ] || {{ echo "no crontab for me" >&2; exit 1; }}
  cat {table}
else cat > {table}; fi
"""
    )
    program.chmod(0o755)
    newsroom.monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return table


def test_the_crontab_keeps_what_was_there_and_has_one_block(newsroom, table):
    """Written twice, a user's other lines stay as they were and ours stand once."""
    table.write_text("0 4 * * * backup\n# mine")
    assert "every 10 minutes" in installed(newsroom, "cron", "--write")
    assert "has it already" in installed(newsroom, "cron", "--write")
    text = table.read_text()
    assert text.startswith("0 4 * * * backup\n# mine\n# begin digest ")
    assert text.count("*/10 * * * *") == 1


def test_the_first_line_of_a_crontab(newsroom, table):
    """A user who has no crontab yet gets one."""
    installed(newsroom, "cron", "--write")
    assert table.read_text().startswith("# begin digest ")


def test_a_block_that_somebody_changed_stays(newsroom, table):
    """A line with a watchdog's address, written by hand into our block, is not lost to a second --write."""
    installed(newsroom, "cron", "--write")
    table.write_text(table.read_text().replace("run --quiet", "run --ping https://hc.example/x"))
    before = table.read_text()
    done = newsroom("schedule", "--install", "cron", "--write")
    assert (done.code, "take it out first" in done.err, table.read_text()) == (2, True, before)


def test_a_crontab_that_cannot_be_read_is_not_replaced(newsroom, table):
    """Where `crontab -l` fails for another reason than that there is none, what is there may not be written over."""
    table.write_text("0 4 * * * backup\n")
    table.with_name("table.refused").touch()
    done = newsroom("schedule", "--install", "cron", "--write")
    assert (done.code, "not allowed" in done.err, table.read_text()) == (1, True, "0 4 * * * backup\n")


@pytest.mark.parametrize("unit", ["kubernetes", "systemd"])
def test_nobodys_file_is_written_over(newsroom, tmp_path, unit):
    """Written again it is there already; a file of another text stays, and nothing beside it is written."""
    newsroom.monkeypatch.setattr(os, "geteuid", lambda: 1000)
    newsroom.monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    installed(newsroom, unit, "--write")
    assert "is there already" in installed(newsroom, unit, "--write")
    made = (
        [newsroom.root / "kubernetes.yaml"] if unit == "kubernetes" else sorted(tmp_path.glob("config/systemd/user/*"))
    )
    made[-1].write_text("mine")
    for each in made[:-1]:
        each.unlink()
    done = newsroom("schedule", "--install", unit, "--write")
    assert (done.code, "move it away first; nothing was written" in done.err) == (2, True)
    assert made[-1].read_text() == "mine"
    assert not any(each.exists() for each in made[:-1])


def test_a_service_of_root_runs_as_whom_the_newsroom_belongs_to(newsroom):
    """Files that root makes in .digest/ are closed to the people of the newsroom."""
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    assert "User=" not in installed(newsroom, "systemd")
    os.chown(newsroom.root, 1, 1)
    assert "\n[Service]\nType=oneshot\nUser=daemon\nWorkingDirectory=" in installed(newsroom, "systemd")
    os.chown(newsroom.root, 54_321, 1)
    assert "\nUser=54321\n" in installed(newsroom, "systemd")


def started(text):
    """What ExecStart hands to the program, as systemd reads the line."""
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line.removeprefix("ExecStart="))]


def test_what_systemd_starts_beside_the_run(newsroom, tmp_path):
    """`serve` answers and stays, `bounces` reads its mailbox, each as the owner, from whatever folder they start in."""
    box = tmp_path / "50% in"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    (box / "new" / "1").write_text("Subject: hello\n\nno report\n")
    newsroom.monkeypatch.chdir(tmp_path)
    if not os.geteuid():
        os.chown(newsroom.root, 1, 1)
    done = newsroom("schedule", "--install", "systemd", "--serve", "--bounces", box.name, "--json")
    units = {Path(each["place"]).name: each["text"] for each in json.loads(done.out)}
    _, serve, bounces = (
        text for name, text in sorted(units.items(), key=lambda unit: len(unit[0])) if "ExecStart" in text
    )
    assert all(os.geteuid() or "\nUser=daemon\n" in text for text in (serve, bounces))
    os.chown(newsroom.root, os.geteuid(), os.getegid())
    environment = {**os.environ, "DIGEST_UNSUBSCRIBE_SECRET": "a-secret-of-thirty-two-characters"}
    read = subprocess.run(started(bounces), cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert (read.returncode, "read: 1 " in read.stdout) == (0, True), read
    with subprocess.Popen([*started(serve), "--port", "0"], cwd="/", env=environment, stdout=subprocess.PIPE) as pages:
        assert b"/u/" in pages.stdout.readline()
        pages.terminate()
    assert pages.returncode in (-signal.SIGTERM, 0), "systemd calls both a clean end"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--install", "cron", "--serve"), "--serve goes with --install systemd"),
        (("--bounces", "box"), "--bounces goes with --install systemd"),
        (("--install", "systemd", "--bounces", "imaps://news:Geheim77@imap.harbour.example"), "holds a password"),
    ],
)
def test_units_that_cannot_be_are_one_line(newsroom, asked, says):
    """Where nothing would keep them, and where a password would stand in a file that anybody reads."""
    done = newsroom("schedule", *asked)
    assert (done.code, says in done.err, "Geheim" in done.err) == (2, True, False)


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
    ours, program = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert ("with" in ours, program["with"]["repository"]) == (False, "${{ vars.DIGEST_REPOSITORY }}")
    (install,) = [step["run"] for step in steps if step.get("run", "").startswith("pip ")]
    place = program["with"]["path"]
    assert install == f"pip install -c {place}/constraints.txt './{place}[fleet]'"
    (run,) = [step for step in steps if step.get("run", "").startswith("digest run")]
    assert run["env"]["DIGEST_LEDGER_URL"] == "${{ secrets.DIGEST_LEDGER_URL }}"
    before, after = [step for step in steps if step.get("uses", "").startswith("actions/cache/")]
    assert before["with"]["path"].split() == after["with"]["path"].split() == [".digest", "archive", "build"]
    assert before["with"]["key"] == after["with"]["key"]
    # An edition that waits for approval, and a refused reader, end a run with an error, and are told once.
    assert (after["uses"].split("@")[0], after["if"], steps[-1]) == ("actions/cache/save", "always()", after)


def test_the_workflow_of_a_newsroom_inside_a_repository(newsroom, tmp_path):
    """GitHub reads workflows at the top of a repository only: it is put there, and works in the newsroom's folder."""
    newsroom.edit("config.yaml", "  ledger: sqlite:///.digest/ledger.db", "  ledger_env: DIGEST_LEDGER_URL")
    (tmp_path / ".git").mkdir()
    moved(newsroom, "press & news")
    installed(newsroom, "github", "--write")
    text = (tmp_path / ".github/workflows/digest-press-news.yaml").read_text()
    steps = yaml.safe_load(text)["jobs"]["run"]["steps"]
    (run,) = [step for step in steps if step.get("run", "").startswith("digest run")]
    assert run["working-directory"] == "press & news"
    assert steps[-1]["with"]["path"].splitlines()[0] == "press & news/.digest"


@pytest.mark.parametrize("unit", ["cron", "systemd", "kubernetes", "github"])
def test_a_watchdog_for_every_run(newsroom, unit):
    """--ping stands in the command of each unit, as that unit quotes it; in a workflow it is a secret."""
    newsroom.edit("config.yaml", "  ledger: sqlite:///.digest/ledger.db", "  ledger_env: DIGEST_LEDGER_URL")
    out = installed(newsroom, unit, "--ping", "https://hc.example/a%20b?rid=1")
    expected = {
        "cron": r" --ping 'https://hc.example/a\%20b?rid=1'",
        "systemd": '--ping "https://hc.example/a%%20b?rid=1"',
        "kubernetes": '/newsroom/config.yaml, "--ping", "https://hc.example/a%20b?rid=1"]',
        "github": 'digest run --ping "$DIGEST_PING_URL" ||',
    }
    assert expected[unit] in out
    assert yaml.safe_load(out) if unit in ("kubernetes", "github") else True
    done = newsroom("schedule", "--install", unit, "--ping", "hc.example")
    assert (done.code, "is not a web address" in done.err) == (2, True)
    assert newsroom("schedule", "--ping", "https://hc.example/x").code == 2


def test_write_alone_is_refused(newsroom):
    """--write without --install says what it goes with."""
    done = newsroom("schedule", "--write")
    assert (done.code, "--install" in done.err) == (2, True)
    assert not Path(newsroom.root / "kubernetes.yaml").exists()
