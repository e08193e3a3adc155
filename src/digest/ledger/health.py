"""Whether a file can be trusted with the ledger: a plain file, ours, on a local disk, whole, and a ledger at all.

Every fault is a LedgerError that says what is wrong and what to do. Nothing is repaired here, and nothing is created.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from digest.errors import LedgerError
from digest.ledger.schema import APPLICATION_ID
from digest.ledger.sqlite import rescue

if TYPE_CHECKING:
    from digest.ledger.database import Transaction

MAGIC = b"SQLite format 3\0"
_HEADER = 100  # https://sqlite.org/fileformat.html#the_database_header
_APPLICATION = slice(68, 72)
_KINDS = (
    (stat.S_ISLNK, "is a symbolic link; give send.ledger the path that it leads to"),
    (stat.S_ISDIR, "is a folder; send.ledger must name a file"),
    (stat.S_ISFIFO, "is a pipe; send.ledger must name a plain file"),
    (stat.S_ISSOCK, "is a socket; send.ledger must name a plain file"),
)
# Where locks and memory maps between machines cannot be relied on (https://sqlite.org/wal.html, "same host").
_REMOTE = ("nfs", "cifs", "smb", "afs", "ncpfs", "9p", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "davfs", "glusterfs")


def examine(path: Path) -> bool:
    """Look at the path before anything opens it. Returns whether there is a ledger. Raises LedgerError."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux: then this cannot be known
        mounts = ""
    if kind := remote_file_system(mounts, os.path.realpath(path.parent)):
        raise _fault(path, f"is on {kind}, where locks cannot be relied on; send.ledger must be on a local disk")
    try:
        found = path.lstat()
    except FileNotFoundError:
        _no_orphans(path)
        return False
    except OSError as error:
        raise _fault(path, f"{(error.strerror or str(error)).lower()}; check send.ledger") from None
    if not stat.S_ISREG(found.st_mode):
        said = next((words for test, words in _KINDS if test(found.st_mode)), "is no plain file")
        raise _fault(path, f"{said}")
    if found.st_uid != os.geteuid():
        who = f"belongs to user {found.st_uid}, and you are {os.geteuid()}"
        raise _fault(path, f"{who}; run digest as its owner, or `chown` it")
    if found.st_mode & stat.S_IWOTH:
        raise _fault(path, f"everybody on this machine may write to it; `chmod o-w {path}`")
    _look_inside(path, found.st_size)
    return True


def _fault(path: Path, words: str) -> LedgerError:
    return LedgerError(f"{path}: {words}")


def _no_orphans(path: Path) -> None:
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        message = f"{path} is missing, but {log} is there: the ledger was moved or deleted without it; put it back"
        raise LedgerError(message)


def _look_inside(path: Path, size: int) -> None:
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError as error:
        raise _fault(path, f"{(error.strerror or str(error)).lower()}; check its permissions") from None
    if not size:
        raise _fault(path, f"is empty (0 bytes), a ledger never is; {rescue(path)}")
    if not header.startswith(MAGIC) or len(header) < _HEADER:
        raise _fault(path, f"is not a ledger, or was overwritten; {rescue(path)}")
    if int.from_bytes(header[_APPLICATION]) != APPLICATION_ID:
        raise _fault(path, "is a SQLite file of some other program; send.ledger must name another path")


def check_whole(transaction: Transaction, path: Path) -> None:
    """Have SQLite read every page. Raises LedgerError with the first thing that is wrong."""
    found = transaction.core.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        said = " ".join(str(found).split())
        raise _fault(path, f"is damaged ({said}); {rescue(path)}")


def remote_file_system(mounts: str, folder: str) -> str:
    """The kind of network file system that `folder` is on, or nothing. `mounts` is /proc/self/mountinfo (proc(5))."""
    best, kind = "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = fields[4].encode("latin-1", "replace").decode("unicode_escape") if "\\" in fields[4] else fields[4]
        inside = point in ("/", folder) or folder.startswith(f"{point}/")
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind if kind.startswith(_REMOTE) else ""
