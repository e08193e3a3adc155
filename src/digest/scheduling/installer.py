"""Put the units of `digest schedule --install` into their files, or the crontab.

Never starts anything, and never replaces what somebody wrote, or changed, since: that is refused, with nothing written.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from digest import files
from digest.errors import DigestError, UsageError
from digest.scheduling.units import EVERY, Unit, marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.scheduling.units import UnitFile


def write(root: Path, unit: Unit, made: Sequence[UnitFile]) -> Iterator[str]:
    """Put the units in their places; yields what was done and the next command.

    Raises DigestError for what cannot be written; UsageError, with nothing written, where something else stands.
    """
    if unit is Unit.CRON:
        yield _write_crontab(root, made[0].text)
        return
    wanted = [each for each in made if not _stands(root / each.place, each, unit)]
    for each in made:
        if each not in wanted:
            yield f"{each.place} is there already"
            continue
        with files.writing(each.place):
            files.write_whole(root / each.place, each.text.encode())
        yield f"wrote {each.place}"
    if unit is Unit.SYSTEMD:
        user = "" if os.geteuid() == 0 else "--user "
        begun = " ".join(Path(each.place).name for each in made if "\n[Install]\n" in each.text)
        yield f"to start it: systemctl {user}daemon-reload && systemctl {user}enable --now {begun}"
        if user:
            yield "so that it runs while nobody is logged in: loginctl enable-linger"
    elif unit is Unit.KUBERNETES:
        yield f"to start it: kubectl apply -f {made[0].place}"
    else:
        yield "to start it: commit and push it, and add the secrets and variables that it names to the repository"


def _stands(path: Path, made: UnitFile, unit: Unit) -> bool:
    """Whether this very text stands there. Raises UsageError for another one: it may be somebody's work."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return False
    except OSError as error:
        message = f"{made.place}: cannot be read: {error.strerror}; nothing was written"
        raise DigestError(message) from None
    if found != made.text.encode():
        message = (
            f"{made.place}: is there already, and is not what would be written now; compare it with what "
            f"`digest schedule --install {unit}` prints, and move it away first; nothing was written"
        )
        raise UsageError(message)
    return True


def _write_crontab(root: Path, text: str) -> str:
    """Put the block at the end of the user's crontab, unless it is there."""
    program = shutil.which("crontab")
    if program is None:
        message = "this machine has no crontab; install cron, or use --install systemd"
        raise UsageError(message)
    # Its words tell "there is none yet" from "it cannot be read"; what cannot be read must not be replaced.
    before = subprocess.run(
        [program, "-l"], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    said = " ".join(before.stderr.split())
    if before.returncode and not re.search("no crontab|no such file", said, re.IGNORECASE):
        message = f"crontab -l: {said or 'failed'}; nothing was changed, print the lines without --write"
        raise DigestError(message)
    kept = before.stdout if before.returncode == 0 else ""
    if text in kept:
        return f"your crontab has it already, every {EVERY} minutes; to see it: crontab -l"
    if any(mark in kept.splitlines() for mark in marks(root)):
        message = (
            "your crontab has another block for this newsroom; take it out first (`crontab -e`, from "
            f"{marks(root)[0]!r} to {marks(root)[1]!r}); nothing was changed"
        )
        raise UsageError(message)
    done = subprocess.run(
        [program, "-"], input=f"{kept}{'' if not kept or kept.endswith(chr(10)) else chr(10)}{text}",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        message = f"crontab: {' '.join(done.stderr.split()) or 'failed'}; print the lines without --write"
        raise DigestError(message)
    return f"your crontab runs it every {EVERY} minutes; to see it: crontab -l"
