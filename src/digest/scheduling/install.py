"""What makes a machine run the schedule: a cron line, systemd units, a Kubernetes CronJob, a GitHub workflow.

    OpenNewsroom, Unit ─units─▶ texts with their places ─write─▶ put there

All of them run `digest run` every ten minutes, not at the time of an edition: a run that finds nothing due ends at
once, and one that comes late, or again after the relay was away, finds what is left. Writing never starts anything.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from digest import files
from digest.errors import DigestError, UsageError
from digest.scheduling.kinds import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.wiring import OpenNewsroom

EVERY = 10  # minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One text, and the file that it is for; `crontab` stands for the user's own."""

    place: str
    text: str


def units(newsroom: OpenNewsroom, unit: Unit) -> tuple[Made, ...]:
    """The exact units for this newsroom, this user and this program. Raises UsageError for what cannot work."""
    match unit:
        case Unit.CRON:
            return (_cron(newsroom.root),)
        case Unit.SYSTEMD:
            return _systemd(newsroom.root, newsroom.config.newsroom.name)
        case Unit.KUBERNETES:
            return (_kubernetes(newsroom.root),)
        case Unit.GITHUB:
            return (_github(newsroom),)


def write(root: Path, unit: Unit, made: Sequence[Made]) -> Iterator[str]:
    """Put the units in their places; yields what was done and the next command. Raises DigestError, UsageError."""
    if unit is Unit.CRON:
        yield _write_crontab(root, made[0].text)
        return
    for each in made:
        try:
            files.write_whole(root / each.place, each.text.encode())
        except OSError as error:
            message = f"{each.place}: cannot be written: {error.strerror}"
            raise DigestError(message) from None
        yield f"wrote {each.place}"
    if unit is Unit.SYSTEMD:
        user = "" if os.geteuid() == 0 else "--user "
        timer = Path(made[-1].place).name
        yield f"to start it: systemctl {user}daemon-reload && systemctl {user}enable --now {timer}"
        if user:
            yield "so that it runs while nobody is logged in: loginctl enable-linger"
    elif unit is Unit.KUBERNETES:
        yield f"to start it: kubectl apply -f {made[0].place}"
    else:
        yield "to start it: commit and push it, and add the secrets that it names to the repository"


def command() -> list[str]:
    """How this very program is started: its own file, or this Python with it."""
    program = shutil.which(sys.argv[0]) or shutil.which("digest", path=str(Path(sys.executable).parent))
    if program and Path(program).name == "digest":
        return [str(Path(program).absolute())]
    return [sys.executable, "-c", "from digest.cli import main; main()"]


def slug(root: Path) -> str:
    """A newsroom's folder as a name for units: small letters, digits and hyphens.

    >>> slug(Path("/srv/News & Co"))
    'news-co'
    """
    return re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-") or "newsroom"


def _cron(root: Path) -> Made:
    begin, end = _marks(Path(_one_line(root)))
    # cron reads % as a line end, in quotes too.
    line = shlex.join([*command(), "run", "--quiet", "--config", str(root / "config.yaml")]).replace("%", r"\%")
    folder = shlex.quote(str(root)).replace("%", r"\%")
    return Made(
        place="crontab",
        text=f"""{begin}
# cron mails what is printed. It knows none of your environment: name secrets by file (smtp: {{password_file: …}}).
*/{EVERY} * * * * cd {folder} && {line}
{end}
""",
    )


def _marks(root: Path) -> tuple[str, str]:
    return f"# begin digest {root}", f"# end digest {root}"


def _write_crontab(root: Path, text: str) -> str:
    """Put the block into the user's crontab, in the place of the one that was there."""
    program = shutil.which("crontab")
    if program is None:
        message = "this machine has no crontab; install cron, or use --install systemd"
        raise UsageError(message)
    before = subprocess.run([program, "-l"], capture_output=True, text=True, check=False)
    # A user without a crontab gets an error, and an empty one is what there is then.
    kept = before.stdout if before.returncode == 0 else ""
    begin, end = map(re.escape, _marks(root))
    kept = re.sub(rf"^{begin}\n.*?^{end}\n", "", kept, flags=re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [program, "-"], input=f"{kept}{'' if not kept or kept.endswith(chr(10)) else chr(10)}{text}",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        message = f"crontab: {' '.join(done.stderr.split()) or 'failed'}; print the lines without --write"
        raise DigestError(message)
    return f"your crontab runs it every {EVERY} minutes; to see it: crontab -l"


def _systemd(root: Path, name: str) -> tuple[Made, ...]:
    if os.geteuid() == 0:
        folder = Path("/etc/systemd/system")
        target = ""
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        folder, target = Path(base) / "systemd/user", "%h/.config/digest/"
    unit = f"digest-{slug(root)}"
    start = " ".join(_quoted(word) for word in [*command(), "run", "--config", str(root / "config.yaml")])
    secrets = f"{target or '/etc/digest/'}{slug(root)}.env"
    title = " ".join(name.replace("%", "%%").split())
    service = f"""[Unit]
Description=Send what is due of {title}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={_escaped(_one_line(root))}
ExecStart={start}
# Secrets, one NAME=value a line, readable by you alone; the dash lets it be absent.
EnvironmentFile=-{secrets}
# 75: the next run goes on with what is left.
SuccessExitStatus=75
# A long send is no hang: each phase of it has its own limit.
TimeoutStartSec=infinity
# On a stop, mails in flight are finished and recorded.
KillSignal=SIGTERM
TimeoutStopSec=10min
NoNewPrivileges=yes
"""
    timer = f"""[Unit]
Description=Look every {EVERY} minutes what is due of {title}

[Timer]
OnCalendar=*:0/{EVERY}
# After the machine was off, once at its start.
Persistent=yes
RandomizedDelaySec=30

[Install]
WantedBy=timers.target
"""
    return (
        Made(place=str(folder / f"{unit}.service"), text=service),
        Made(place=str(folder / f"{unit}.timer"), text=timer),
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _one_line(root: Path) -> str:
    if "\n" in str(root):
        message = "a folder whose name has a line break cannot stand in a unit; rename it"
        raise UsageError(message)
    return str(root)


def _quoted(word: str) -> str:
    """A word of ExecStart: % and $ mean something to systemd, and so do blanks and quotes."""
    escaped = _escaped(word).replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./$-]+", escaped):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _kubernetes(root: Path) -> Made:
    name = f"digest-{slug(root)}"[:50].rstrip("-")
    return Made(
        place="kubernetes.yaml",
        text=f"""# One run at a time, on a volume that outlives it: .digest/ holds the ledger and the schedule's record.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
spec:
  schedule: "*/{EVERY} * * * *"
  concurrencyPolicy: Forbid          # a second run would only find the first one's lock
  startingDeadlineSeconds: 300
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0                # the next run goes on with what is left
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 600   # mails in flight are finished and recorded
          securityContext: {{runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001}}
          containers:
            - name: digest
              image: digest:latest   # yours: Python 3.11 or newer with digest installed
              command: [digest, run, --config, /newsroom/config.yaml]
              workingDir: /newsroom
              envFrom:
                - secretRef: {{name: {name}, optional: true}}   # DIGEST_SMTP_PASSWORD and the like
              volumeMounts:
                - {{name: newsroom, mountPath: /newsroom}}
          volumes:
            - name: newsroom
              persistentVolumeClaim: {{claimName: {name}}}      # the newsroom's folder
""",
    )


def _github(newsroom: OpenNewsroom) -> Made:
    send = newsroom.config.settings.send
    if not send.ledger_env:
        message = (
            "a GitHub runner forgets its disk, and with it who was mailed: keep the ledger in PostgreSQL first, "
            "send: {ledger_env: DIGEST_LEDGER_URL}"
        )
        raise UsageError(message)
    settings = newsroom.config.settings
    named = (send.ledger_env, settings.smtp.password_env, settings.unsubscribe.secret_env)
    secrets = "\n".join(f"          {name}: ${{{{ secrets.{name} }}}}" for name in named if name)
    return Made(
        place=".github/workflows/digest.yaml",
        text=f"""# The ledger is in PostgreSQL. The schedule's own record and what was frozen are in the cache; if it is
# lost, what was due while it was gone is held and said, never sent twice.
name: digest
on:
  schedule:
    - cron: "*/{EVERY} * * * *"   # GitHub may start it late: see catch_up
  workflow_dispatch: {{}}
permissions: {{contents: read}}
concurrency: {{group: digest-run, cancel-in-progress: false}}
jobs:
  run:
    runs-on: ubuntu-latest
    timeout-minutes: 350
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
      - uses: actions/cache@v4
        with:
          path: |
            .digest
            archive
          key: digest-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: digest-
      - run: pip install 'digest[fleet]'
      - run: digest run || [ $? -eq 75 ]   # 75: the next run goes on
        env:
{secrets}
""",
    )
