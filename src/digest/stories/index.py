"""What the story files said when they were last read, kept in SQLite, so that only changed files are read again.

Pages of the folder (names, stamps, days) and the stories that were parsed, each with the stamp of the file from
which it came. It is a cache: whatever is damaged, older or of another newsroom counts as not there, and deleting the
file loses nothing. It never answers for a file whose stamp differs, and never trusts a stamp so young that a later
write could bear the same one. Several processes may use one index: each row is right by itself.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
import zlib
from array import array
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from digest.errors import Fault
from digest.files import make_folder
from digest.model import STORY_DEFAULTS, STORY_KEYS, STORY_TIMES, Status, Story
from digest.period import first_instant
from digest.stories.scan import PER_STAMP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from digest.stories.scan import ScanPage, Stamp

_KEYS = (*(key for key in STORY_KEYS if key not in STORY_TIMES), "summary")

_decode = json.JSONDecoder().raw_decode  # json.loads looks at the text three times before it begins

Parsed = tuple[Story | None, tuple[Fault, ...]]

_APPLICATION = 0x44696753  # "DigS", SQLite's application_id
_SCHEMA = 3  # raise it when a table changes
_YOUNG = 2_000_000_000  # ns: FAT keeps times to two seconds, and nothing is coarser
_PATIENCE = 2.0  # seconds to wait for another process, before doing without it
_BATCH = 64  # pages in one transaction, about 32,000 files
_TABLES = """
CREATE TABLE IF NOT EXISTS owner (name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS page (folder TEXT NOT NULL, last TEXT NOT NULL, names TEXT NOT NULL, stamps BLOB NOT NULL,
    days BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (folder, last));
CREATE TABLE IF NOT EXISTS story (path TEXT PRIMARY KEY, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
    size INTEGER NOT NULL, day INTEGER NOT NULL, record TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS story_day ON story (day);
DELETE FROM owner; DELETE FROM page; DELETE FROM story
"""
# Errors that speak of the circumstances (busy, read-only, full, forbidden), not of what the file holds.
_CIRCUMSTANCES = {
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY),
    *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_AUTH),
}


class DamagedIndexError(Exception):
    """The index cannot be read: `discard` it and begin again."""


class Known(Struct, frozen=True, eq=False):
    """What is known of a page's files: their names joined with NUL, PER_STAMP numbers and one day for each."""

    names: str
    stamps: bytes
    days: array[int]

    def covers(self, page: ScanPage) -> bool:
        """Tell whether the page is still as it was."""
        return self.stamps == page.stamps.tobytes() and self.names == "\0".join(page.names)

    def by_name(self) -> dict[str, tuple[Stamp, int]]:
        """Stamp and day of each file; of none when the names are damaged."""
        stamps, names = array("q", self.stamps), self.names.split("\0")
        if len(names) * PER_STAMP != len(stamps):
            return {}
        times = zip(stamps[0::PER_STAMP], stamps[1::PER_STAMP], stamps[2::PER_STAMP], strict=True)
        return dict(zip(names, zip(times, self.days, strict=True), strict=True))


class Index:
    """One run over the folder with the index at hand; without one, or with one that cannot be written, from memory.

    `owner` is all that the answers depend on besides the files. The constructor and every method can raise
    DamagedIndexError.
    """

    def __init__(self, path: Path | None, owner: str) -> None:
        self._young = time.time_ns() - _YOUNG
        self._visited: set[tuple[str, str]] = set()
        self._pages: dict[tuple[str, str], Known] = {}  # to be written
        self._records: dict[str, tuple[int, int, int, int, str, int]] = {}
        self._recalled: dict[str, tuple[Stamp, str]] = {}
        self._gone: list[str] = []  # paths without a story any more
        self._dropped: list[tuple[str, str]] = []  # pages that are no more
        self._connection = None if path is None else _connect(path, owner)
        self._writable = self._connection is not None

    def close(self) -> None:
        """Close it. What `finish` did not write is lost without harm."""
        if self._connection is not None:
            self._connection.close()

    @property
    def is_kept(self) -> bool:
        """Whether what is learnt outlives this run."""
        return self._writable

    def ends(self, folder: str) -> frozenset[str]:
        """The names at which the pages of this folder end."""
        return frozenset(str(last) for (last,) in self._ask("SELECT last FROM page WHERE folder = ?", (folder,)))

    def page(self, folder: str, last: str) -> Known | None:
        """What is known of the page of this folder that ends with the file `last`."""
        key = (folder, last)
        self._visited.add(key)
        if key in self._pages:
            return self._pages[key]
        query = "SELECT names, stamps, days, checksum FROM page WHERE folder = ? AND last = ?"
        for names, stamps, days, checksum in self._ask(query, key):
            texts = isinstance(names, str) and isinstance(stamps, bytes) and isinstance(days, bytes)
            # Names and stamps need no checksum: they are compared with the files.
            if texts and zlib.crc32(days) == checksum and len(stamps) // PER_STAMP // 8 == len(days) // 4:
                return Known(names, stamps, array("I", days))
        return None

    def learn(self, page: ScanPage, days: array[int], gone: Iterable[str]) -> None:
        """Remember a page as it is now; `gone` are the paths whose stories are no longer to be remembered."""
        stamps = array("q", page.stamps)
        for number in self._too_young(stamps):
            stamps[number * PER_STAMP] = -1  # no file's time: it will be read again
        self._pages[page.folder, page.names[-1]] = Known("\0".join(page.names), stamps.tobytes(), days)
        self._gone += gone
        if len(self._pages) >= _BATCH:
            self._write()

    def recall(self, first: int, last: int) -> None:
        """Fetch the records of the days from `first` to `last` (ordinals), and those of unknown days, all at once."""
        query = "SELECT path, mtime, ctime, size, record, checksum FROM story WHERE day BETWEEN ? AND ? OR day = 0"
        for path, mtime, ctime, size, record, checksum in self._ask(query, (first, last)):
            if isinstance(record, str) and zlib.crc32(record.encode()) == checksum:
                self._recalled[path] = (mtime, ctime, size), record

    def record(self, path: str, stamp: Stamp) -> str | None:
        """The record of the file with this path and stamp, if it was recalled; it is given once."""
        known = self._recalled.pop(path, None)
        return known[1] if known and known[0] == stamp else None

    def remember(self, path: str, stamp: Stamp, day: int, record: str) -> None:
        """Keep the record of a story that was parsed."""
        if self._writable and max(stamp[:2]) < self._young:
            self._records[path] = (*stamp, day, record, zlib.crc32(record.encode()))
            if len(self._records) >= _BATCH * _BATCH:
                self._write()

    def finish(self) -> None:
        """Say that the whole folder was walked: what was not met is forgotten, and all is written."""
        for folder, last in list(self._ask("SELECT folder, last FROM page", ())):
            if (folder, last) not in self._visited:
                known = self.page(str(folder), str(last))
                self._gone += [f"{folder}{name}" for name in known.names.split("\0")] if known else []
                self._dropped.append((str(folder), str(last)))
        self._write()

    def _too_young(self, stamps: array[int]) -> Iterator[int]:
        for times in (stamps[0::PER_STAMP], stamps[1::PER_STAMP]):
            if times and max(times) >= self._young:
                yield from (number for number, moment in enumerate(times) if moment >= self._young)

    def _ask(self, query: str, values: tuple[object, ...]) -> Iterator[tuple[Any, ...]]:
        if self._connection is None:
            return
        try:
            yield from self._connection.execute(query, values)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            _raise_if_damaged(error)  # otherwise: nothing is known just now

    def _write(self) -> None:
        if self._connection is None or not self._writable or not (self._pages or self._records or self._dropped):
            return
        pages = [
            (folder, last, known.names, known.stamps, known.days.tobytes(), zlib.crc32(known.days.tobytes()))
            for (folder, last), known in self._pages.items()
        ]
        records = [(path, *values) for path, values in self._records.items()]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("DELETE FROM story WHERE path = ?", ((path,) for path in self._gone))
            self._connection.executemany("DELETE FROM page WHERE folder = ? AND last = ?", self._dropped)
            self._connection.executemany("INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?, ?)", pages)
            self._connection.executemany("INSERT OR REPLACE INTO story VALUES (?, ?, ?, ?, ?, ?, ?)", records)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            _raise_if_damaged(error)
            self._writable = False  # what is to be written stays in memory, and is lost without harm
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        else:
            self._pages, self._records, self._gone, self._dropped = {}, {}, [], []


def discard(path: Path) -> None:
    """Remove a damaged index with the journal that goes with it. Raises OSError."""
    for name in (path, path.with_name(path.name + "-journal")):
        name.unlink(missing_ok=True)


def _connect(path: Path, owner: str) -> sqlite3.Connection | None:
    """Open or make the index; None when the circumstances forbid it, or when the file is another program's database."""
    with contextlib.suppress(OSError):  # a read-only newsroom: then SQLite says so below
        make_folder(path.parent)
    try:
        connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    except sqlite3.Error:
        return None
    ours = False
    try:
        ours = _prepare(connection, owner)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        _raise_if_damaged(error)
    finally:
        if not ours:
            connection.close()
    return connection if ours else None


def _prepare(connection: sqlite3.Connection, owner: str) -> bool:
    """Make the tables where there are none and empty those of another owner. False for another program's database."""
    owner = owner.encode("utf-8", "backslashreplace").decode()  # a path may have bytes that are no letters
    connection.execute("PRAGMA synchronous = NORMAL")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != _APPLICATION:
        return False
    if tables and version != _SCHEMA:
        message = f"the index has schema {version}, this program {_SCHEMA}"
        raise DamagedIndexError(message)
    if not tables or connection.execute("SELECT name FROM owner").fetchall() != [(owner,)]:
        # Rows of 50 KB are read in two pieces instead of thirteen. (Heeded only while the file is empty.)
        connection.execute("PRAGMA page_size = 32768")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO owner VALUES (?)", (owner,))
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_SCHEMA}")
        connection.execute("COMMIT")
    return True


def _raise_if_damaged(error: sqlite3.Error | UnicodeDecodeError) -> None:
    # Python itself finds text that is not UTF-8, in the tables or in SQLite's message: then there is no code.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    if code & 0xFF not in _CIRCUMSTANCES:
        raise DamagedIndexError(str(error)) from error


def dump_story(parsed: Parsed) -> str:
    """The text of what frontmatter.parse returned. The id and the file are left to the index: they are its key."""
    story, faults = parsed
    if story is None:
        return json.dumps({"faults": [(fault.line, fault.key, fault.message) for fault in faults]})
    values: dict[str, Any] = {key: value for key in _KEYS if (value := getattr(story, key)) != STORY_DEFAULTS[key]}
    for key in STORY_TIMES:
        if (time := getattr(story, key)) is not None:
            values[key] = time.astimezone(UTC).isoformat()
    if story.date_only:  # a day stays a day: when it begins is for the zone's rules to say, and they change
        values["date"] = story.date.date().isoformat()
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def load_story(text: str, *, story_id: str, file: str, zone: ZoneInfo) -> Parsed:
    """What `dump_story` was given. Raises ValueError, KeyError or TypeError for a text that it did not write."""
    values = _decode(text)[0]
    if "faults" in values:
        faults = (Fault(file=file, line=line, key=key, message=message) for line, key, message in values["faults"])
        return None, tuple(faults)
    day = values["date"] if "T" not in values["date"] else None
    for key, value in values.items():
        if isinstance(value, list):
            values[key] = tuple(value)
        elif key in STORY_TIMES and not (day and key == "date"):
            values[key] = datetime.fromisoformat(value).astimezone(zone)
    if day is not None:
        values["date"] = first_instant(date.fromisoformat(day), zone)
    if "status" in values:
        values["status"] = Status(values["status"])
    return Story(id=story_id, file=file, date_only=day is not None, **values), ()
