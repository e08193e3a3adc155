"""What the schedule remembers: since when each line of it is in force, which editions are settled, who was told.

    JournalFile, SharedJournal ─load(now)─▶ Journal ─settle, tell, meet─▶ Journal ─save─▶ what all machines know by now

The ledger knows who was mailed; this record only keeps a settled edition from being looked at again and a notice from
being sent twice. A clock that ran ahead leaves moments in the future in it: they are not believed, so that what was
then taken for past or empty is looked at again. Never deletes a damaged file by itself.

The journal lies in the newsroom's .digest/, or in a fleet beside the ledger, one for all machines. Two machines may
hold it at once (one sends for an hour, a person on the other settles what is held): what either has learned stays.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from digest import files
from digest.errors import DigestError, LedgerBusy, LedgerError
from digest.newsroom.paths import STATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from digest.config.schedule_lines import ScheduleLine
    from digest.ledger.sharing import Sharing
    from digest.newsroom.newsroom import Newsroom

NAME = "schedule.json"
LOCK = "schedule.lock"
FORMAT = 1
GRACE = timedelta(hours=1)  # cron's first call comes somewhat after the minute for which the line was written
SHELF = "schedule"  # its name beside the ledger
SKEW = timedelta(minutes=5)  # clocks of one machine may differ so much from one run to the next (NTP)


class Journal(Struct, frozen=True, kw_only=True):
    """The record. `done` and `told` map `2022-02/everyone` (and what was told of it) to when; times are aware.

    `since`: what was due before is none of the schedule's business. `in_force`: from when on each line (in words)
    sends by itself. `last`: the last run.
    """

    since: datetime | None = None
    last: datetime | None = None
    in_force: Mapping[str, datetime] = field(default_factory=dict)
    done: Mapping[str, datetime] = field(default_factory=dict)
    told: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def settled(self) -> frozenset[tuple[str, str]]:
        """The keys of tasks that are done: (period id, audience)."""
        return frozenset((name.split("/")[0], name.split("/")[1]) for name in self.done)

    def renamed(self, today: Mapping[str, str]) -> Journal:
        """The same by the names that audiences have today; `today` has it for each that they had before."""

        def keyed(known: Mapping[str, datetime], name: str) -> dict[str, datetime]:
            new = {key: re.sub(name, lambda found: today.get(found[0], found[0]), key, count=1) for key in known}
            same = {key: at for key, at in known.items() if new[key] == key}
            return {new[key]: at for key, at in known.items()} | same

        # Where a name stands in `everyone: every month` and in `2022-02/everyone sent`:
        line, task = r"^[^:]+", r"(?<=/)[^ ]+"
        return replace(
            self, in_force=keyed(self.in_force, line), done=keyed(self.done, task), told=keyed(self.told, task)
        )

    def meet(self, lines: Iterable[str], rules: Sequence[ScheduleLine], now: datetime) -> Journal:
        """Put lines that were not known in force from now on, and forget those that are gone."""
        longest = max((rule.catch_up for rule in rules), default=timedelta())
        return replace(
            self,
            since=self.since or now - max(longest, GRACE),
            last=now,
            in_force={line: self.in_force.get(line, now - GRACE) for line in lines},
        )

    def settle(self, name: str, now: datetime) -> Journal:
        """The edition of this period and audience needs nothing more."""
        return replace(self, done={**self.done, name: now})

    def tell(self, what: str, now: datetime) -> Journal:
        """The newsroom was told this."""
        return replace(self, told={**self.told, what: now})

    def was_told(self, what: str, now: datetime, again: timedelta | None = None) -> bool:
        """Whether it was told before, and not so long ago that it is to be told again."""
        before = self.told.get(what)
        return before is not None and (again is None or now - before < again)

    def with_learned(self, other: Journal) -> Journal:
        """This record, and what another one knows besides to be settled and told."""
        return replace(self, done={**other.done, **self.done}, told={**other.told, **self.told})

    def changes(self, lines: Iterable[str]) -> tuple[str, ...]:
        """What of the schedule is not as at the last run, a line each; nothing when there was none."""
        if self.since is None:
            return ()
        now = list(lines)
        gone = [f"- {line}" for line in self.in_force if line not in now]
        return (*gone, *(f"+ {line}" for line in now if line not in self.in_force))


def parse(data: bytes, name: str, now: datetime) -> tuple[Journal, str]:
    """What `dump` made, wherever it was kept; `name` says where, for the error. As `JournalFile.load` does."""
    try:
        read = json.loads(data)
        if read["format"] > FORMAT:
            message = f"{name}: is from a newer digest; update this one"
            raise LedgerError(message)
        found = Journal(
            since=_moment(read["since"]),
            last=_moment(read["last"]),
            in_force={line: _moment(at) for line, at in read["in_force"].items()},
            done={name: _moment(at) for name, at in read["done"].items()},
            told={name: _moment(at) for name, at in read["told"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _unreadable(name, "is damaged") from None
    return _believable(found, now)


def _unreadable(name: str, reason: str) -> DigestError:
    return DigestError(f"{name}: {reason}; move it away and run again: who was mailed is in the ledger, not there")


def dump(journal: Journal) -> bytes:
    """The record as bytes."""
    assert None not in (journal.since, journal.last), "a record is written after meet()"
    return files.readable_json({"format": FORMAT, **asdict(journal)})


def _believable(found: Journal, now: datetime) -> tuple[Journal, str]:
    latest = now + SKEW
    if found.last is None or found.last <= latest:
        return found, ""
    warning = (
        f"the last run was at {found.last:%Y-%m-%d %H:%M}, and it is only {now:%Y-%m-%d %H:%M} now: one of the two "
        f"clocks was wrong; see that this machine's time is right"
    )
    after = now + timedelta.resolution  # what is due at this very moment may be due for the second time
    trusted = replace(
        found,
        since=min(found.since, after) if found.since else None,
        last=now,
        in_force={line: min(at, after) for line, at in found.in_force.items()},
        done={name: at for name, at in found.done.items() if at <= latest},
        told={name: at for name, at in found.told.items() if at <= latest},
    )
    return trusted, warning


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"{text!r} has no zone"
        raise ValueError(message)
    return moment


class JournalFile:
    """A newsroom's own journal: .digest/schedule.json."""

    def __init__(self, root: Path) -> None:
        self._path = root / STATE / NAME

    def load(self, now: datetime) -> tuple[Journal, str]:
        """The journal, and a warning when the clock must have run ahead. Raises DigestError when it cannot be read."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return Journal(), ""
        except PermissionError as error:
            message = f"{self._path}: {files.refusal(error, self._path)}"
            raise DigestError(message) from None
        except OSError as error:
            raise _unreadable(str(self._path), (error.strerror or str(error)).lower()) from None
        return parse(data, str(self._path), now)

    def save(self, found: Journal, now: datetime) -> None:  # noqa: ARG002 - only who shares needs the time
        """Write it whole. Raises DigestError when the disk refuses."""
        with files.writing(self._path, "; free the disk, then run again"):
            files.write_whole(self._path, dump(found))

    def exists(self) -> bool:
        """Whether a schedule was ever in force here."""
        return self._path.exists()


class SharedJournal:
    """A fleet's journal. Before the fleet has one, the newsroom's file counts."""

    def __init__(self, sharing: Sharing, file: JournalFile) -> None:
        self._sharing = sharing
        self._file = file

    def load(self, now: datetime) -> tuple[Journal, str]:
        """As the file's."""
        data = self._sharing.get(SHELF)
        return self._file.load(now) if data is None else parse(data, self._name, now)

    def save(self, found: Journal, now: datetime) -> None:
        """Keep it, beside what other machines have learned meanwhile."""

        def joined(data: bytes | None) -> bytes:
            known = None if data is None else parse(data, self._name, now)[0]
            return dump(found if known is None else found.with_learned(known))

        self._sharing.change(SHELF, joined)

    def exists(self) -> bool:
        """As the file's."""
        return self._sharing.get(SHELF) is not None or self._file.exists()

    @property
    def _name(self) -> str:
        return f"{self._sharing.database.name}: the schedule's journal (table shelf)"


JournalStore = JournalFile | SharedJournal


@contextmanager
def journal_store(newsroom: Newsroom) -> Iterator[JournalStore]:
    """The journal's place, for as long as the block runs. Raises LedgerError when a fleet's ledger cannot be used."""
    file = JournalFile(newsroom.root)
    if newsroom.config.settings.send.engine != "procrastinate":
        yield file
        return
    ledger = newsroom.sending_setup.ledger()
    try:
        assert ledger.sharing is not None, "a fleet's ledger is shared"
        yield SharedJournal(ledger.sharing, file)
    finally:
        ledger.close()


@contextmanager
def locked_journal(newsroom: Newsroom) -> Iterator[JournalStore]:
    """The same, and no other run of this machine inside. Raises LedgerBusy, naming the other."""
    from digest.ledger.locks import file_lock
    from digest.sending.stopping import this_process

    lock = newsroom.root / STATE / LOCK
    with file_lock(lock, this_process(), "what is due"), journal_store(newsroom) as record:
        yield record


def remember_told(newsroom: Newsroom, what: str, now: datetime) -> tuple[str, ...]:
    """Let the next run know that `what` was told by hand. Without a schedule in force there is nobody to be let know.

    Returns a warning when that is impossible, as then it is told twice.
    """
    if not newsroom.config.settings.schedule:
        return ()
    try:
        with journal_store(newsroom) as place:
            if not place.exists():
                return ()
        with locked_journal(newsroom) as place:
            found, _ = place.load(now)
            place.save(found.tell(what, now), now)
    except LedgerBusy:
        return ()  # a run is at it this moment, and sees for itself that the edition went out
    except DigestError as error:
        return (f"the schedule could not be told: {error}",)
    return ()
