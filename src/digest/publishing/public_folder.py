"""The folder that any web server serves: each file whole or as it was, what is no longer wanted gone, all else let be.

    wanted paths, changed files ─update─▶ pictures, pages, feeds, lists, in this order; then what is left over goes

It knows its own files by their paths; a `.digest-archive` in it says that they are ours to replace. What lies beside
them (a robots.txt, a CNAME) stays. A crash between two files leaves a folder in which nothing links to what is missing,
and the next run finishes it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest import files
from digest.errors import DigestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MARK = ".digest-archive"
_SAID = b"Made by `digest archive`, which replaces and removes its own files here. It can be made anew at any time.\n"
_OWN = re.compile(
    r"(?:index\.html|feed\.atom|feed\.json|sitemap\.xml|style\.css|search\.js|gone\.conf|gone\.txt)"  # the root's
    r"|img/[0-9a-f]{20}-\d+\.(?:jpg|png)"
    r"|[a-z0-9][a-z0-9_-]*/(?:[A-Za-z0-9-]+/(?:\d{4}/)?)?(?:index\.html|feed(?:-\d{4})?\.atom|feed\.json)"  # lists
    r"|[0-9][0-9QW-]*/[A-Za-z0-9_.-]+/[A-Za-z0-9-]+/index\.html"  # editions
)
_LINKED_FIRST = ("img/", "style.css", "search.js")  # written before the pages that need them
Stamp = tuple[int, int]  # modification time in nanoseconds, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What an update did to the folder."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    faults: tuple[str, ...] = ()  # of stories' files of today; pages say of these what they said before


def claim(folder: Path) -> None:
    """Make the folder ours. Raises UsageError for one that holds somebody else's files, DigestError when it cannot."""
    try:
        if (folder / MARK).exists():
            return
        if folder.exists() and not all(files.is_temporary(path) for path in folder.iterdir()):  # killed at the mark
            message = f"{folder} is not empty, and not made by `digest archive`; name a new or empty folder"
            raise UsageError(message)
        files.write_whole(folder / MARK, _SAID)
    except OSError as error:
        raise DigestError(_refused(folder, error)) from None


def stamps(folder: Path) -> dict[str, Stamp]:
    """Every file in the folder by its path below it, hidden ones left out. Raises DigestError."""
    found: dict[str, Stamp] = {}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(folder / below) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{below}{entry.name}/")
                    else:
                        status = entry.stat(follow_symlinks=False)
                        found[f"{below}{entry.name}"] = (status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DigestError(_refused(folder, error)) from None
    return found


def update(folder: Path, changed: Mapping[str, bytes], wanted: Iterable[str], before: Mapping[str, Stamp]) -> Update:
    """Write what changed and remove our files that are not wanted. `before` is what `stamps` found.

    Raises DigestError when the disk refuses: what was written by then is whole, and the next run goes on.
    """
    kept = set(wanted)
    written: list[str] = []
    try:
        for path in sorted(changed, key=lambda each: (not each.startswith(_LINKED_FIRST), each.count("/") != 3, each)):  # noqa: PLR2004 - editions, then their lists
            if path not in before or before[path][1] != len(changed[path]) or _differs(folder / path, changed[path]):
                files.write_whole(folder / path, changed[path])
                written.append(path)
        removed = sorted(path for path in before if path not in kept and _OWN.fullmatch(path))
        for path in removed:
            (folder / path).unlink(missing_ok=True)
        for parent in sorted({parent for path in removed for parent in (folder / path).parents}, reverse=True):
            if parent != folder and parent.is_relative_to(folder) and not any(parent.iterdir()):
                parent.rmdir()
    except OSError as error:
        raise DigestError(_refused(folder, error)) from None
    return Update(written=tuple(written), removed=tuple(removed), unchanged=len(kept) - len(written))


def _differs(path: Path, data: bytes) -> bool:
    try:
        return path.is_symlink() or path.read_bytes() != data
    except OSError:
        return True


def _refused(folder: Path, error: OSError) -> str:
    return f"{error.filename or folder}: cannot be written: {error.strerror or error}; run `digest archive` again then"
