"""What makes a machine run the schedule: a cron line, systemd units, a Kubernetes CronJob, a GitHub workflow.

    Newsroom, Unit ─units─▶ texts with their places ─placing.write─▶ put there

All of them run `digest run` every ten minutes, not at the time of an edition: a run that finds nothing due ends at
once, and one that comes late, or again after the relay was away, finds what is left.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from digest.errors import UsageError
from digest.scheduling.cloud_units import github, kubernetes
from digest.scheduling.kinds import Unit
from digest.scheduling.made import EVERY, UnitFile, slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.newsroom.newsroom import Newsroom


def units(newsroom: Newsroom, unit: Unit, ping: str = "") -> tuple[UnitFile, ...]:
    """The exact units for this newsroom, this user and this program; every run tells the watchdog at `ping`, if any.

    Raises UsageError for what cannot work.
    """
    more = ["--ping", ping] if ping else []
    match unit:
        case Unit.CRON:
            return (_cron(newsroom.root, more),)
        case Unit.SYSTEMD:
            return _systemd(newsroom.root, newsroom.config.newsroom.name, more)
        case Unit.KUBERNETES:
            return (kubernetes(newsroom.root, more),)
        case Unit.GITHUB:
            return (github(newsroom, ping=bool(ping)),)


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


def _systemd(root: Path, name: str, more: Sequence[str]) -> tuple[UnitFile, ...]:
    if os.geteuid() == 0:
        folder = Path("/etc/systemd/system")
        target = ""
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        folder, target = Path(base) / "systemd/user", "%h/.config/digest/"
    unit = f"digest-{slug(root)}"
    owner = _owner(root) if os.geteuid() == 0 else ""
    start = " ".join(_quoted(word) for word in [*command(), "run", "--config", str(root / "config.yaml"), *more])
    secrets = f"{target or '/etc/digest/'}{slug(root)}.env"
    title = " ".join(name.replace("%", "%%").split())
    service = f"""[Unit]
Description=Send what is due of {title}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
{owner}WorkingDirectory={_escaped(_one_line(root))}
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
        UnitFile(place=str(folder / f"{unit}.service"), text=service),
        UnitFile(place=str(folder / f"{unit}.timer"), text=timer),
    )


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
