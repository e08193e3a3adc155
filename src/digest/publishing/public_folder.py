"""The folder that any web server serves: each file whole or as it was, what is no longer wanted gone, all else let be.

    wanted paths, changed files ─update─▶ pictures, pages, feeds, lists, in this order; then what is left over goes

A `.digest-archive` in it says which files are ours to replace, before they are there. What lies beside them (a CNAME,
a page of somebody else's) stays. A crash between two files leaves a folder in which nothing links to what is missing,
and the next run finishes it.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from digest import files
from digest.errors import DigestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MARK = ".digest-archive"
_SAID = "Made by `digest archive`, which replaces and removes its own files here. It can be made anew at any time.\n"
_LISTED = "These, and no other:\n"
_OWN = re.compile(  # whatever the list says
    r"(?:index\.html|feed\.atom|feed\.json|sitemap\.xml|style\.css|search\.js|gone\.conf|gone\.txt)"  # the root's
    r"|img/[0-9a-f]{20}-\d+\.(?:jpg|png)"
    r"|[a-z0-9][a-z0-9_-]*/(?:[A-Za-z0-9-]+/(?:\d{4}/)?)?(?:index\.html|feed(?:-\d{4})?\.atom|feed\.json)"  # lists
    r"|[0-9][0-9QW-]*/[A-Za-z0-9_.-]+/[A-Za-z0-9-]+/index\.html"  # editions
)
_LINKED_FIRST = ("img/", "style.css", "search.js")  # written before the pages that need them
Stamp = tuple[int, int]  # modification time in nanoseconds, size


class Update(Struct, frozen=True, kw_only=True):
    """What an update did to the folder."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    faults: tuple[str, ...] = ()  # of stories' files of today; pages say of these what they said before


def may_own(path: str) -> bool:
    """Whether a file of this path below the folder could be ours."""
    return _OWN.fullmatch(path) is not None


def claim(folder: Path) -> None:
    """Make the folder ours. Raises UsageError for one that holds somebody else's files, DigestError when it cannot."""
    try:
        if (folder / MARK).exists():
            return
        if folder.exists() and not all(files.is_temporary(path) for path in folder.iterdir()):  # killed at the mark
            message = f"{folder} is not empty, and not made by `digest archive`; name a new or empty folder"
            raise UsageError(message)
        files.write_whole(folder / MARK, _said(()))
    except OSError as error:
        raise DigestError(refused(folder, error)) from None


def stamps(folder: Path) -> dict[str, Stamp]:
    """Every file of ours in the folder by its path below it, also behind a link. Raises DigestError."""
    found: dict[str, Stamp] = {}
    try:
        said = (folder / MARK).read_text("utf-8", "replace")
        for path in filter(may_own, said.splitlines()[2:] if _LISTED in said else _scanned(folder)):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                status = (folder / path).lstat()
                found[path] = (status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DigestError(refused(folder, OSError(error.errno, error.strerror, str(folder)))) from None
    return found


def _scanned(folder: Path) -> Iterator[str]:
    """All that is there: an older version did not write down what of it is ours."""
    for parent, _folders, names in os.walk(folder):
        for name in names:
            yield (Path(parent) / name).relative_to(folder).as_posix()


def update(folder: Path, changed: Mapping[str, bytes], wanted: Iterable[str], before: Mapping[str, Stamp]) -> Update:
    """Write what changed and remove our files that are not wanted. `before` is what `stamps` found.

    Raises DigestError when the disk refuses: what was written by then is whole, and the next run goes on.
    """
    kept = set(wanted)
    written: list[str] = []
    try:
        _own(folder, before.keys() | kept)
        for path in sorted(changed, key=lambda each: (not each.startswith(_LINKED_FIRST), each.count("/") != 3, each)):  # noqa: PLR2004 - editions, then their lists
            if path not in before or before[path][1] != len(changed[path]) or _differs(folder / path, changed[path]):
                files.write_whole(folder / path, changed[path])
                written.append(path)
        removed = sorted(before.keys() - kept)
        for path in removed:
            (folder / path).unlink(missing_ok=True)
        for parent in sorted({parent for path in removed for parent in (folder / path).parents}, reverse=True):
            if parent != folder and parent.is_relative_to(folder) and not any(parent.iterdir()):
                parent.rmdir()
        _own(folder, kept)
    except OSError as error:
        raise DigestError(refused(folder, error)) from None
    return Update(written=tuple(written), removed=tuple(removed), unchanged=len(kept) - len(written))


def _own(folder: Path, paths: Iterable[str]) -> None:
    if (folder / MARK).read_bytes() != (said := _said(paths)):
        files.write_whole(folder / MARK, said)


def _said(paths: Iterable[str]) -> bytes:
    return "".join([_SAID, _LISTED, *(f"{path}\n" for path in sorted(paths))]).encode()


def _differs(path: Path, data: bytes) -> bool:
    try:
        return path.is_symlink() or path.read_bytes() != data
    except OSError:
        return True


def refused(folder: Path, error: OSError) -> str:
    """What to say of an error of the disk, which the next run gets over."""
    return f"{error.filename or folder}: cannot be written: {error.strerror or error}; run `digest archive` again then"
