"""What makes a machine run the schedule: a cron line, systemd units, a Kubernetes CronJob, a GitHub workflow.

    Newsroom, Unit ─units─▶ texts with their places ─installer.write─▶ put there

All of them run `digest run` every ten minutes, not at the time of an edition: a run that finds nothing due ends at
once, and one that comes late, or again after the relay was away, finds what is left. systemd keeps `digest serve` and
an hourly `digest bounces`, too, where they are asked for.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.newsroom.newsroom import Newsroom


EVERY = 10  # minutes
_PING = "DIGEST_PING_URL"


class Unit(StrEnum):
    """What `digest schedule --install` can write."""

    CRON = "cron"
    SYSTEMD = "systemd"
    KUBERNETES = "kubernetes"
    GITHUB = "github"


class UnitFile(Struct, frozen=True, kw_only=True):
    """One text, and the file that it is for; `crontab` stands for the user's own."""

    place: str
    text: str


def units(
    newsroom: Newsroom, unit: Unit, ping: str = "", *, serve: bool = False, bounces: str = ""
) -> tuple[UnitFile, ...]:
    """The exact units for this newsroom, this user and this program; every run tells the watchdog at `ping`, if any.

    With systemd, `digest serve` and an hourly `digest bounces` of a mailbox as well. Raises UsageError for what cannot
    work.
    """
    more = ["--ping", ping] if ping else []
    if (serve or bounces) and unit is not Unit.SYSTEMD:
        message = f"{'--serve' if serve else '--bounces'} goes with --install systemd, not with {unit}"
        raise UsageError(message)
    match unit:
        case Unit.CRON:
            return (_cron(newsroom.root, more),)
        case Unit.SYSTEMD:
            return _systemd(newsroom, more, serve=serve, bounces=_mailbox(bounces))
        case Unit.KUBERNETES:
            return (kubernetes(newsroom.root, more),)
        case Unit.GITHUB:
            return (github(newsroom, ping=bool(ping)),)


def _mailbox(source: str) -> str:
    """A mailbox as it is called from any folder. Raises UsageError for an address that cannot be, or has a password."""
    from digest.bounces.mailbox import is_imap, place

    if is_imap(source):
        place(source)
        return source
    return str(Path(source).absolute()) if source else ""


def command() -> list[str]:
    """How this very program is started: its own file, or this Python with it."""
    program = shutil.which(sys.argv[0]) or shutil.which("digest", path=str(Path(sys.executable).parent))
    if program and Path(program).name == "digest":
        return [str(Path(program).absolute())]
    return [sys.executable, "-c", "from digest.cli import main; main()"]


def _cron(root: Path, more: Sequence[str]) -> UnitFile:
    begin, end = marks(Path(_one_line(root)))
    # cron reads % as a line end, in quotes too.
    line = shlex.join([*command(), "run", "--quiet", "--config", str(root / "config.yaml"), *more]).replace("%", r"\%")
    folder = shlex.quote(str(root)).replace("%", r"\%")
    return UnitFile(
        place="crontab",
        text=f"""{begin}
# cron mails what is printed. It knows none of your environment: name secrets by file (smtp: {{password_file: …}}).
*/{EVERY} * * * * cd {folder} && {line}
{end}
""",
    )


def marks(root: Path) -> tuple[str, str]:
    """The lines around a newsroom's block in a crontab."""
    return f"# begin digest {root}", f"# end digest {root}"


def _systemd(newsroom: Newsroom, more: Sequence[str], *, serve: bool, bounces: str) -> tuple[UnitFile, ...]:
    root, config = newsroom.root, ["--config", str(newsroom.root / "config.yaml")]
    name = " ".join(_escaped(newsroom.config.newsroom.name).split())
    unit = f"digest-{slug(root)}"
    due, back = f"what is due of {name}", f"what came back of {name}"
    made = {
        f"{unit}.service": _service(root, f"Send {due}", ["run", *config, *more], _SENDS),
        f"{unit}.timer": _timer(f"Look every {EVERY} minutes {due}", f"*:0/{EVERY}"),
    }
    if serve:
        what = f"Pages of {name} on which readers leave, and its archive"
        target = "multi-user.target" if _by_root() else "default.target"
        text = _service(root, what, ["serve", *config], _STAYS, kind="exec")
        made[f"{unit}-serve.service"] = f"{text}\n[Install]\nWantedBy={target}\n"
    if bounces:
        made[f"{unit}-bounces.service"] = _service(root, f"Read {back}", ["bounces", bounces, *config], _READS)
        made[f"{unit}-bounces.timer"] = _timer(f"Look every hour {back}", "*:15")
    folder = Path("/etc/systemd/system") if _by_root() else _own_units()
    return tuple(UnitFile(place=str(folder / file), text=text) for file, text in made.items())


def _own_units() -> Path:
    try:
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"
    except RuntimeError:
        message = (
            "this user has no home folder, in which systemd would look; set XDG_CONFIG_HOME, or install it as root"
        )
        raise UsageError(message) from None


def _by_root() -> bool:
    return os.geteuid() == 0


_SENDS = """# 75: the next run goes on with what is left.
SuccessExitStatus=75
# A long send is no hang: each phase of it has its own limit.
TimeoutStartSec=infinity
# On a stop, mails in flight are finished and recorded.
KillSignal=SIGTERM
TimeoutStopSec=10min
"""
_READS = """# 75: the mailbox could not be reached; the next hour reads on.
SuccessExitStatus=75
"""
_STAYS = """Restart=always
RestartSec=5
# 2: a mistake in config.yaml, or a secret that is missing; the journal says which, and nothing mends it by itself.
RestartPreventExitStatus=2
"""


def _service(root: Path, what: str, words: Sequence[str], how: str, kind: str = "oneshot") -> str:
    start = " ".join(_quoted(word) for word in [*command(), *words])
    secrets = f"{'/etc/digest/' if _by_root() else '%h/.config/digest/'}{slug(root)}.env"
    return f"""[Unit]
Description={what}
Wants=network-online.target
After=network-online.target

[Service]
Type={kind}
{_owner(root) if _by_root() else ""}WorkingDirectory={_escaped(_one_line(root))}
ExecStart={start}
# Secrets, one NAME=value a line, readable by you alone; the dash lets it be absent.
EnvironmentFile=-{secrets}
{how}NoNewPrivileges=yes
"""


def _timer(what: str, calendar: str) -> str:
    return f"""[Unit]
Description={what}

[Timer]
OnCalendar={calendar}
# After the machine was off, once at its start.
Persistent=yes
RandomizedDelaySec=30

[Install]
WantedBy=timers.target
"""


def _owner(root: Path) -> str:
    """Run as whom the newsroom belongs to: what root writes into .digest/, nobody else could go on with."""
    from pwd import getpwuid

    number = root.stat().st_uid
    if number == 0:
        return ""
    try:
        return f"User={getpwuid(number).pw_name}\n"
    except KeyError:  # a number of another machine, on a shared disk
        return f"User={number}\n"


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


def slug(root: Path) -> str:
    """A newsroom's folder as a name for units: small letters, digits and hyphens.

    >>> slug(Path("/srv/News & Co"))
    'news-co'
    """
    return re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-") or "newsroom"


def kubernetes(root: Path, more: Sequence[str]) -> UnitFile:
    """A CronJob on a volume that holds the newsroom; `more` are further words of the command."""
    words = ", ".join(["digest", "run", "--config", "/newsroom/config.yaml", *map(json.dumps, more)])
    name = f"digest-{slug(root)}"[:50].rstrip("-")
    return UnitFile(
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
              image: registry.example.org/digest:0.1.0   # yours: Python 3.11 or newer with digest installed
              command: [{words}]
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


def github(newsroom: Newsroom, *, ping: bool) -> UnitFile:
    """A workflow of the repository. Raises UsageError without a ledger that lasts.

    With `ping` the watchdog's address is a secret of the repository: whoever reads it could answer for us.
    """
    send = newsroom.config.settings.send
    if not send.ledger_env:
        message = (
            "a GitHub runner forgets its disk, and with it who was mailed: keep the ledger in PostgreSQL first, "
            "send: {ledger_env: DIGEST_LEDGER_URL}"
        )
        raise UsageError(message)
    settings = newsroom.config.settings
    named = (send.ledger_env, settings.smtp.password_env, settings.unsubscribe.secret_env, _PING if ping else "")
    watched = f' --ping "${_PING}"' if ping else ""
    secrets = "\n".join(f"          {name}: ${{{{ secrets.{name} }}}}" for name in named if name)
    root = newsroom.root.resolve()
    top = next((each for each in (root, *root.parents) if (each / ".git").exists()), root)
    inside = root.relative_to(top).as_posix()
    lower = inside != "."  # GitHub looks for workflows at the top of the repository only
    place = str(top / f".github/workflows/digest-{slug(root)}.yaml") if lower else ".github/workflows/digest.yaml"
    before = f"{inside}/" if lower else ""
    kept = "\n".join(f"            {before}{name}" for name in (".digest", "archive", "build"))
    step = f"        working-directory: {json.dumps(inside)}\n" if lower else ""
    return UnitFile(
        place=place,
        text=f"""# The ledger is in PostgreSQL. The schedule's own record and what was frozen are in the cache; if it is
# lost, what was due while it was gone is held and said, never sent twice.
name: digest
on:
  schedule:
    - cron: "*/{EVERY} * * * *"   # GitHub may start it late: see catch_up
  workflow_dispatch: {{}}
permissions: {{contents: read}}
concurrency: {{group: digest-{slug(root)}, cancel-in-progress: false}}
jobs:
  run:
    runs-on: ubuntu-latest
    timeout-minutes: 350
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
      - uses: actions/cache/restore@v4
        with:
          path: |
{kept}
          key: digest-{slug(root)}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: digest-{slug(root)}-
      # digest itself, from where you keep it: OWNER/NAME and a commit, in two variables of this repository. Without
      # them it is taken from this repository.
      - uses: actions/checkout@v4
        with:
          repository: ${{{{ vars.DIGEST_REPOSITORY }}}}
          ref: ${{{{ vars.DIGEST_REF }}}}
          path: .digest-checkout
      - run: pip install -c .digest-checkout/constraints.txt './.digest-checkout[fleet]'
      - run: digest run{watched} || [ $? -eq 75 ]   # 75: the next run goes on
{step}        env:
{secrets}
      - uses: actions/cache/save@v4
        if: always()   # a run that fails has told somebody: the next one must know
        with:
          path: |
{kept}
          key: digest-{slug(root)}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
""",
    )
