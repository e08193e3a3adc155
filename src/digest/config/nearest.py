"""Which config.yaml is meant when nobody names one: the one here, or the newsroom's in the nearest folder above.

The name is a common one. From below, a file of another program is passed over, and so is one in a folder where every
user may put files, such as /tmp: its hooks would run as whoever stands below it.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from digest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "config.yaml"
_ALMOST = ("config.yml", "Config.yaml", "config.yaml.txt")  # as other programs, telephones and Notepad call theirs
# At a line's beginning, or as JSON is written: a file that cannot be read as YAML is ours all the same, and one that
# has such a key further in is not.
_OURS = re.compile(
    rb"""^(?:\xef\xbb\xbf)?(?:\{[ \t]*)?["']?newsroom["']?[ \t]*:|^[ \t]+"newsroom"[ \t]*:""", re.MULTILINE
)
MAX_BYTES = 1_000_000  # of config.yaml
_ANYONES = stat.S_ISVTX | stat.S_IWOTH  # sticky, and written by all


class Nearest(NamedTuple):
    """The file that is meant, if there is one, and a clause about each that was passed over before it."""

    file: Path | None
    passed_over: tuple[str, ...]


def nearest(start: Path) -> Nearest:
    """config.yaml in `start`, whatever it says, or the newsroom's in the nearest folder above."""
    passed_over: list[str] = []
    for folder in (start, *start.parents):
        file = folder / NAME
        if not os.path.isfile(file):  # noqa: PTH113 - False, too, for a folder that may not be searched
            almost = (folder / name for name in _ALMOST if folder == start)
            passed_over += [f"{each} is not called {NAME}; rename it" for each in almost if not _not_ours(each)]
            continue
        why = "" if folder == start else _not_ours(file)
        if not why:
            return Nearest(file, tuple(passed_over))
        passed_over.append(f"{file} {why}")
    return Nearest(None, tuple(passed_over))


def find(start: Path) -> Path:
    """The same file. Raises UsageError when there is none."""
    file, passed_over = nearest(start)
    if file:
        return file
    beside = f" ({'; '.join(passed_over)})" if passed_over else ""
    what_to_do = "make a newsroom with `digest init DIR`, or name one with -c"
    message = f"there is no {NAME} in {start} or above it{beside}; {what_to_do}"
    raise UsageError(message)


def _not_ours(file: Path) -> str:
    """Why the file is not taken from below; "" when it is."""
    try:
        if file.parent.stat().st_mode & _ANYONES == _ANYONES:
            return "is in a folder that is everybody's to write to"
        with file.open("rb") as opened:
            return "" if _OURS.search(opened.read(MAX_BYTES)) else "has no `newsroom:`"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
