"""The ledger in one SQLite file: WAL, synchronous FULL, one writer at a time, readers beside it.

A transaction that was committed is on the disk, in the write-ahead log, before `writing()` ends. Before anything opens
a file, `examine` asks whether it can be trusted with the ledger: a plain file, ours, on a local disk, and a ledger at
all. Nothing is repaired here.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import struct
import threading
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, func
from sqlalchemy.pool import QueuePool

from digest import files
from digest.errors import LedgerBusy, LedgerError
from digest.ledger import locks, statements
from digest.ledger.database import Database, Transaction
from digest.ledger.schema import APPLICATION_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

PATIENCE = 10.0  # seconds that a transaction waits for another program's
_CACHE = 16_384  # KiB at most that the writer keeps in memory, and at most as much while it sorts
_TOGETHER = 100  # rows written by one statement
_LOG_LEFT = 64 * 1024 * 1024  # bytes of the write-ahead log kept for the next time

_FRAGMENTS = {
    "{ids}": "(SELECT value FROM json_each(:ids))",
    "{each}": "",
    "{id}": ":id",
    "{words}": ":words",
    "{which}": "",
    "{due}": "(SELECT CAST(key AS integer) AS id, value AS due FROM json_each(:due)) AS e",
    "{skip}": "",
    "INSERT": "insert",  # in a Turkish locale, sqlite3 knows no capital I of it, and counts no rows
}

_MEANINGS = {
    "SQLITE_FULL": "the disk is full; nothing more was sent. Free some space, then `digest resume` goes on",
    "SQLITE_READONLY": "cannot be written to; check who owns it and its folder, and that the disk is not read-only",
    "SQLITE_CANTOPEN": "cannot be opened; check that its folder exists and may be written to",
    "SQLITE_IOERR": "the disk reports an error, or is full; nothing more was sent. Once it is mended, `digest resume`",
    "SQLITE_CORRUPT": "is damaged",
    "SQLITE_NOTADB": "is no SQLite file, or was overwritten",
}

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
_RENUMBERING = ("vfat", "msdos", "exfat", "fuse")
_STATX = 256  # bytes of struct statx; see statx(2)
_STATX_BTIME, _STATX_BTIME_AT = 0x800, 80
_AT_FDCWD, _AT_SYMLINK_NOFOLLOW = -100, 0x100


class SqliteDatabase(Database):
    """A ledger's file."""

    driver_error = sqlite3.Error

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.name = str(path)
        self._writing = threading.Lock()
        self._writer: Connection | None = None
        self._opened: int | None = None
        target = f"{path.absolute().as_uri()}?mode=rw"
        self.engine = create_engine(
            "sqlite+pysqlite://",
            creator=lambda: sqlite3.connect(
                target, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            ),
            poolclass=QueuePool,
        )
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that may write; it is in the log, and the log on the disk, when the block ends."""
        with self._writing, self.explained():
            if self._writer is None:
                self._writer = self.engine.connect()
                self._writer.connection.cursor().execute(f"PRAGMA cache_size = -{_CACHE}")
                self._opened = _inode(self.path)
            core = self._writer
            driver = core.connection.dbapi_connection
            assert driver is not None
            driver.cursor().execute("BEGIN IMMEDIATE")  # by the driver: this happens for every mail
            try:
                if self._opened != _inode(self.path):
                    words = (
                        "was moved, removed or put back while this ran; start this again, with the ledger in its place"
                    )
                    raise _fault(self.path, words)
                yield Transaction(self, core)
                driver.commit()
            finally:
                if driver.in_transaction:
                    driver.rollback()
                if core.in_transaction():  # SQLAlchemy took part, and has not heard of the end
                    core.rollback()

    def respell(self, statement: str) -> str:
        """SQLite takes `:name` as it stands."""
        for fragment, words in _FRAGMENTS.items():
            statement = statement.replace(fragment, words)
        return statement

    def apply(
        self, transaction: Transaction, spelled: str, said: Mapping[int, str], values: dict[str, object]
    ) -> set[int]:
        """Run it for one after another: a statement that is prepared costs less here than JSON taken apart."""
        cursor, done = transaction.cursor, set[int]()
        for number, values["words"] in said.items():
            values["id"] = number
            cursor.execute(spelled, values)
            if cursor.rowcount:
                done.add(number)
        return done

    def insert(self, transaction: Transaction, columns: Sequence[Sequence[Any]]) -> None:
        """Insert deliveries, many in one statement, so that each finds the indexes open where the last one left them.

        What is the same in all rows, as the edition and often the language is, is handed over once.
        """
        rows = len(columns[0])
        same = tuple(column.count(column[0]) == rows for column in columns)
        shared = [column[0] for column, alike in zip(columns, same, strict=True) if alike]
        own = [column for column, alike in zip(columns, same, strict=True) if not alike]
        width = len(own)
        values: list[Any] = [None] * (rows * width)
        for place, column in enumerate(own):
            values[place::width] = column
        for start in range(0, rows, _TOGETHER):
            statement = _insertion(same, min(_TOGETHER, rows - start))
            part = values[start * width : (start + _TOGETHER) * width]
            transaction.cursor.execute(statement, [*shared, *part])

    def exclusive(self, edition: str, owner: str) -> AbstractContextManager[None]:
        """Hold the edition's lock file, which a crash lets go of."""
        return locks.file_lock(locks.edition_lock(self.path, edition), owner, edition)

    def place(self) -> Mapping[str, str]:
        """The file's inode and birth; its path where files are numbered anew at each mount."""
        path = os.path.realpath(self.path)
        if file_system(_mounts(), path).startswith(_RENUMBERING):
            return {"path": path}
        number, born = str(self.path.stat().st_ino), _birth(path)
        return {"inode": number, "born": born} if born else {"inode": number}

    def domain_of(self, column: Any) -> Any:
        """What comes after the last @: an address may hold another in a quoted local part."""
        return func.replace(column, func.rtrim(column, func.replace(column, "@", "")), "")

    def explain(self, error: BaseException) -> LedgerError:
        """What SQLite's error means, and what to do."""
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            message = (
                f"{self.path}: another program has held it for more than {PATIENCE:.0f} s; "
                f"see which with `fuser {self.path}`, then try again"
            )
            return LedgerBusy(message)
        for start, meaning in _MEANINGS.items():
            if name.startswith(start):
                mend = f"; {rescue(self.path)}" if start in ("SQLITE_CORRUPT", "SQLITE_NOTADB") else ""
                return LedgerError(f"{self.path}: {meaning}{mend}")
        return LedgerError(f"{self.path}: {error}")

    def close(self) -> None:
        """Close every connection; the last one moves the log into the file."""
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self.engine.dispose()


def _inode(path: Path) -> int | None:
    """Which file it is: one that was opened goes on to be written where nobody will ever read it again."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def rescue(path: Path) -> str:
    """What a person can do about a damaged file."""
    return (
        f"put a backup in its place, or save what can be read: `sqlite3 {path} .recover | sqlite3 {path}.rescued`, "
        f"then move {path}.rescued there. Do not start afresh: readers would be mailed twice"
    )


@lru_cache(maxsize=32)
def _insertion(same: tuple[bool, ...], rows: int) -> str:
    """Insert so many rows; a column that is the same in all of them is a parameter of all, and comes first."""
    shared = count(1)
    fixed = [next(shared) if alike else 0 for alike in same]
    own = count(next(shared))
    row = (f"({', '.join(f'?{number or next(own)}' for number in fixed)})" for _ in range(rows))
    return f"INSERT INTO deliveries ({', '.join(statements.FREEZE)}) VALUES {', '.join(row)}"  # noqa: S608 - our words


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit has reached the disk (EXTRA adds nothing in WAL mode)
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = OFF")  # Debian turns it on; it writes every page twice
    cursor.execute(f"PRAGMA journal_size_limit = {_LOG_LEFT}")


def _begin(connection: Connection) -> None:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    if not driver.in_transaction:  # what writes has begun already
        driver.cursor().execute("BEGIN")


def examine(path: Path) -> bool:
    """Look at the path before anything opens it. Returns whether there is a ledger. Raises LedgerError."""
    mounts = _mounts()
    if kind := remote_file_system(mounts, os.path.realpath(path.parent)):
        raise _fault(path, f"is on {kind}, where locks cannot be relied on; send.ledger must be on a local disk")
    try:
        found = path.lstat()
    except FileNotFoundError:
        _no_orphans(path)
        return False
    except OSError as error:
        said = files.refusal(error, path)
        raise _fault(path, said if "`" in said else f"{said}; check send.ledger") from None
    if not stat.S_ISREG(found.st_mode):
        said = next((words for test, words in _KINDS if test(found.st_mode)), "is no plain file")
        raise _fault(path, f"{said}")
    if found.st_nlink > 1:
        who = f"has {found.st_nlink} names (hard links), and each would get a log and locks of its own"
        raise _fault(path, f"{who}; keep one: `find / -xdev -inum {found.st_ino}` finds them")
    if is_mount_point(mounts, os.path.realpath(path)):
        raise _fault(path, "is mounted as a single file, without its log and locks; mount its folder instead")
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
    kind = file_system(mounts, folder)
    return kind if kind.startswith(_REMOTE) else ""


def file_system(mounts: str, path: str) -> str:
    """The kind of file system that `path` is on; empty when that cannot be known. `mounts` as above."""
    best, kind = "", ""
    for point, name in _mount_points(mounts):
        inside = point in ("/", path) or path.startswith(f"{point}/")
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind


def _mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux: then this cannot be known
        return ""


def _birth(path: str) -> str:
    """When the file was made, to the nanosecond, which no copy of it takes along; empty where that is not kept.

    Linux has it in statx(2) alone, which this Python does not call.
    """
    if born := getattr(Path(path).stat(), "st_birthtime", None):
        return str(born)
    import ctypes

    answer = ctypes.create_string_buffer(_STATX)
    try:
        failed = ctypes.CDLL(None).statx(_AT_FDCWD, os.fsencode(path), _AT_SYMLINK_NOFOLLOW, _STATX_BTIME, answer)
    except (AttributeError, OSError):  # a C library without it
        return ""
    (known,) = struct.unpack_from("=I", answer, 0)
    seconds, nanoseconds = struct.unpack_from("=qI", answer, _STATX_BTIME_AT)
    return "" if failed or not known & _STATX_BTIME else f"{seconds}.{nanoseconds:09}"


def is_mount_point(mounts: str, path: str) -> bool:
    """Whether something is mounted on the path itself. `mounts` as above."""
    return any(point == path for point, _kind in _mount_points(mounts))


def _mount_points(mounts: str) -> Iterator[tuple[str, str]]:
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = fields[4].encode("latin-1", "replace").decode("unicode_escape") if "\\" in fields[4] else fields[4]
        yield point, after.split()[0]
