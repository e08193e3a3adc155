"""Write a file whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder.

A reader sees the old content or the new, never a half, and after a power cut too. It never leaves its temporary file
behind when it fails, and never writes through a symbolic link: a link at `path` is replaced by the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest.errors import DigestError

if TYPE_CHECKING:
    from collections.abc import Iterator


def typed(path: Path) -> Path:
    """The path as a person in the current folder would type it: what messages about files in it begin with."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else Path(relative)


def spelled_below(root: Path, path: str) -> Path:
    """The file that `path` names below `root`, though its name is spelled otherwise there: é as e and an accent (NFD).

    Where there is none, the path as it is.
    """
    place = root / path
    if path.isascii() or place.exists():
        return place
    found = root
    for part in path.split("/"):
        there = found.iterdir() if not (found / part).exists() and found.is_dir() else ()
        wanted = unicodedata.normalize("NFC", part)
        found = next((each for each in there if unicodedata.normalize("NFC", each.name) == wanted), found / part)
    return found if found.exists() else place


def readable_json(value: Any) -> bytes:
    """JSON as files of ours have it: two blanks, letters as they are, times by ISO 8601, one line end at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=2, default=datetime.isoformat) + "\n").encode()


def write_whole(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Make `path` hold `data`, durably, creating the folders above it that are missing.

    `mode` is the file's permission bits; None keeps those of the file that is replaced, and for a new file means what
    the umask says. Raises OSError (full disk, read-only folder); then `path` is as it was.
    """
    make_folder(path.parent)
    if mode is None:
        with contextlib.suppress(FileNotFoundError):
            before = path.lstat().st_mode
            mode = stat.S_IMODE(before) if stat.S_ISREG(before) else None
    # Not made from the file's own name: that may already be as long as a name can be.
    temporary = path.parent / f".digest-{secrets.token_hex(8)}.tmp"
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode
    )
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - from a descriptor
            if mode is not None:
                os.fchmod(descriptor, mode)  # the umask has no say over a mode that was asked for
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def writing(name: object, then: str = "") -> Iterator[None]:
    """Whatever the disk refuses inside is told of the file (or folder) of this name, with what to do `then`.

    Raises DigestError.
    """
    try:
        yield
    except OSError as error:
        message = f"{name}: cannot be written: {error.strerror}{then}"
        raise DigestError(message) from error


def refusal(error: OSError, path: Path) -> str:
    """Why the disk refuses `path`, in words; with whose the folder or file is that keeps it from us, and what to do."""
    said = (error.strerror or str(error)).lower()
    for place in (*reversed(path.parents), path) if isinstance(error, PermissionError) else ():
        wanted = os.X_OK if place != path else os.R_OK | os.X_OK * place.is_dir()  # /home may be passed, and not read
        if place.exists() and not os.access(place, wanted, effective_ids=True):
            owner = place.stat().st_uid
            mend = f"belongs to user {owner}, and you are {os.geteuid()}; run digest as its owner, or `chown` it"
            return f"{said}: {place} {mend if owner != os.geteuid() else 'may not be read; `chmod u+rwX` it'}"
    return said


def is_temporary(path: Path) -> bool:
    """Whether the file is what `write_whole` leaves when its process is killed."""
    return path.match(".digest-*.tmp")


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: what was created, renamed or removed there. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing; one whose name begins with a dot is ours alone (0700).

    What lies in `.digest` tells of readers, and a umask of 0 (some containers and timers have it) would show it to all.
    Raises OSError.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    # another process may have been faster
    folder.mkdir(mode=0o700 if folder.name.startswith(".") else 0o777, exist_ok=True)
    sync_folder(folder.parent)
