"""Where the schedule's journal lies: a file of the newsroom's; in a fleet, beside the ledger, one for all machines.

    kept ─▶ Record ─load─▶ Journal ─…─▶ Journal ─save─▶ the file, or what all machines know by now

Two machines may hold the journal at once (one sends for an hour, a person on the other settles what is held): what
either has learned stays. It decides nothing about editions.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from digest.errors import DigestError, LedgerBusy
from digest.newsroom.newsroom import STATE
from digest.scheduling import journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from digest.ledger.sharing import Sharing
    from digest.newsroom.sending_setup import SendingSetup
    from digest.scheduling.journal import Journal

SHELF = "schedule"  # its name beside the ledger


class Record(Protocol):
    """The journal's place."""

    def load(self, now: datetime) -> tuple[Journal, str]:
        """The journal, and a warning when a clock was wrong. Raises DigestError when it cannot be read."""
        ...

    def save(self, found: Journal, now: datetime) -> None:
        """Keep it. Raises DigestError when that is impossible."""
        ...

    def exists(self) -> bool:
        """Whether a schedule was ever in force here."""
        ...


class FileRecord:
    """A newsroom's own journal: .digest/schedule.json."""

    def __init__(self, root: Path) -> None:
        self._path = root / STATE / journal.NAME

    def load(self, now: datetime) -> tuple[Journal, str]:
        """See Record."""
        return journal.load(self._path, now)

    def save(self, found: Journal, now: datetime) -> None:  # noqa: ARG002 - only who shares needs the time
        """See Record."""
        journal.save(self._path, found)

    def exists(self) -> bool:
        """See Record."""
        return self._path.exists()


class SharedRecord:
    """A fleet's journal. Before the fleet has one, the newsroom's file counts."""

    def __init__(self, sharing: Sharing, file: FileRecord) -> None:
        self._sharing = sharing
        self._file = file

    def load(self, now: datetime) -> tuple[Journal, str]:
        """See Record."""
        data = self._sharing.get(SHELF)
        return self._file.load(now) if data is None else journal.parse(data, self._name, now)

    def save(self, found: Journal, now: datetime) -> None:
        """See Record."""

        def joined(data: bytes | None) -> bytes:
            known = None if data is None else journal.parse(data, self._name, now)[0]
            return journal.dump(found if known is None else found.with_learned(known))

        self._sharing.change(SHELF, joined)

    def exists(self) -> bool:
        """See Record."""
        return self._sharing.get(SHELF) is not None or self._file.exists()

    @property
    def _name(self) -> str:
        return f"{self._sharing.database.name}: the schedule's journal (table shelf)"


@contextmanager
def kept(parts: SendingSetup) -> Iterator[Record]:
    """The journal's place, for as long as the block runs. Raises LedgerError when a fleet's ledger cannot be used."""
    file = FileRecord(parts.newsroom.root)
    if parts.newsroom.config.settings.send.engine != "procrastinate":
        yield file
        return
    ledger = parts.ledger()
    try:
        assert ledger.sharing is not None, "a fleet's ledger is shared"
        yield SharedRecord(ledger.sharing, file)
    finally:
        ledger.close()


@contextmanager
def held(parts: SendingSetup) -> Iterator[Record]:
    """The same, and no other run of this machine inside. Raises LedgerBusy, naming the other."""
    from digest.ledger.locks import file_lock
    from digest.sending.local import this_process

    lock = parts.newsroom.root / STATE / journal.LOCK
    with file_lock(lock, this_process(), "what is due"), kept(parts) as record:
        yield record


def remember(parts: SendingSetup, what: str, now: datetime) -> tuple[str, ...]:
    """Let the next run know that `what` was told by hand. Without a schedule in force there is nobody to be let know.

    Returns a warning when that is impossible, as then it is told twice.
    """
    if not parts.newsroom.config.settings.schedule:
        return ()
    try:
        with kept(parts) as place:
            if not place.exists():
                return ()
        with held(parts) as place:
            found, _ = place.load(now)
            place.save(found.tell(what, now), now)
    except LedgerBusy:
        return ()  # a run is at it this moment, and sees for itself that the edition went out
    except DigestError as error:
        return (f"the schedule could not be told: {error}",)
    return ()
