"""Bring another list into an audience's (`digest subscribers import`): who is new, what differs, who is missing.

    another list ─bring_in─▶ our list, suppressions, and a Change: what became of them

Run again, it changes nothing. No import lifts a suppression: who has left, here or there, is not mailed.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from digest.errors import Fault, UsageError
from digest.mail.address import key
from digest.model import InactiveReader, Recipient
from digest.recipients.columns import folded
from digest.recipients.listfile import ListFile, cells_of, editing
from digest.recipients.subscribers import Change, gone_notes, keep_word
from digest.text.counting import counted
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from digest.ports import Suppressions
    from digest.recipients.columns import Columns
    from digest.recipients.csvfile import CsvSource

_EXAMPLES = 3
# Files of nobody but people who are not to be mailed, by their names: some tools write no more than addresses into them
# (Mailchimp's nonsubscribed_…csv, SendGrid's suppression_unsubscribes.csv).
_OF_THE_GONE = re.compile(
    r"(?<!without )(?<!minus )(?<!no )(?<!ohne )(?<!sans )(?<!sin )"
    r"\b(?:(?:un|non) ?subscri|unsubs\b|opt(?:ed)? ?out|suppress|bounce|complain|spam ?reports?\b|bl(?:o|a)ck ?list|"
    r"abgemeldet|abmeldung|desabonn|desinscri|bajas\b)\w*"
)
_SHRINK_PART, _SHRINK_ROWS, _SHRINK_FREE = 0.1, 50, 3  # a sync that takes more than this off is a mistake with the file


class Intake(Struct, frozen=True, kw_only=True):
    """How another list is brought in: which columns overwrite, whether empty cells do, whether who is missing goes."""

    update: tuple[str, ...] = ()
    clear: bool = False
    sync: bool = False
    shrink: bool = False
    dry_run: bool = False


ADDING = Intake()


def bring_in(
    path: Path,
    incoming: CsvSource,
    suppressions: Suppressions,
    audience: str,
    how: Intake = ADDING,
    *,
    now: float,
    name: str = "",
    sharing: Sequence[str] = (),
) -> Change:
    """Bring another list into this one (`digest subscribers import`). Run again, it changes nothing.

    New readers are added, in the order of their list, with columns that this one did not have; known ones are left as
    they are, and their differences told, unless `how` says which columns overwrite. Who has left, bounced, complained
    or was blocked there is suppressed here, and never the other way round; who never confirmed is left out. Raises
    UsageError for a column that neither list has, and for a sync that takes off too many.
    """
    with editing(path, name) as edit:
        merge = _Merge(edit, how, incoming)
        for row in incoming.recipients():
            merge.take(row)
        gone = merge.missing()
        dry_run = how.dry_run
        stopped = keep_word(suppressions, (audience,), merge.inactive, incoming.name, now, dry_run=dry_run)
        kept = keep_word(suppressions, (audience, *sharing), gone, edit.name, now, dry_run=dry_run)
        if (merge.changed or gone) and not dry_run:
            edit.save()
    return Change(
        added=len(merge.added),
        removed=len(gone),
        updated=merge.updated,
        already=merge.already,
        suppressed=tuple(suppressions.suppressed(merge.added, audience)),
        inactive=dict(Counter(row.reason for row in merge.inactive)),
        stopped=len({key(row.address) for row in stopped}),
        faults=tuple(merge.faults),
        notes=(
            *incoming.unread(),
            *merge.notes(),
            *(gone_notes(edit.name, sharing, kept, dry_run=dry_run) if gone else ()),
        ),
    )


def take_gone(
    incoming: CsvSource, suppressions: Suppressions, audience: str, *, now: float, dry_run: bool = False
) -> Change:
    """Suppress whom another list keeps from being mailed, and nothing else: ours is only read here (a database)."""
    rows = list(incoming.recipients())
    gone = [row for row in rows if isinstance(row, InactiveReader)]
    stopped = keep_word(suppressions, (audience,), gone, incoming.name, now, dry_run=dry_run)
    readers = sum(isinstance(row, Recipient) for row in rows)
    note = f"{counted(readers, 'reader')} of the file not added: the list of {audience} is in a database"
    return Change(
        inactive=dict(Counter(row.reason for row in gone)),
        stopped=len({key(row.address) for row in stopped}),
        faults=tuple(row for row in rows if isinstance(row, Fault)),
        notes=(*incoming.unread(), *((note,) if readers else ())),
    )


class _Merge:
    """One list going into another: what is new, what differs, who is not to be mailed, who was not met."""

    def __init__(self, edit: ListFile, how: Intake, incoming: CsvSource) -> None:
        """Raises UsageError for columns to update that a list does not have, and for a file of who has left alone."""
        self._edit = edit
        self._how = how
        self._rows = list(edit.readers())
        self._known = {key(reader.address): (reader, lines) for reader, lines in reversed(self._rows)}  # their first
        self._met: set[str] = set()
        self.added: list[str] = []
        self.inactive: list[InactiveReader] = []
        self.faults: list[Fault] = []
        self.already = self.updated = 0
        self._differing: dict[str, list[str]] = {}
        self._doubtful: dict[str, str] = {}
        self._stopped: dict[str, str] = {}
        self._beyond = ""
        self._own = tuple(edit.keys)
        theirs, ours = incoming.columns(), edit.columns
        if not theirs.statuses and (gone := _OF_THE_GONE.search(folded(incoming.path.stem))):
            message = (
                f"{incoming.name}: is called {gone[0]!r}, and no column of it says who has left; nobody was added: "
                "give it a column status with unsubscribed, bounced or complained in each row, or another "
                "name if they are readers"
            )
            raise UsageError(message)
        places = ((theirs.first, ours.first), (theirs.last, ours.last))
        # A second column of first names would be read as the only one, and every name beside it be lost.
        spelled = {theirs.keys[at]: ours.keys[own] for at, own in places if at >= 0 <= own}
        self._spelled = {column: own for column, own in spelled.items() if column == own or own not in theirs.keys}
        self._offered = tuple(self._spelled.get(column, column) for column in theirs.gives)
        self._parted = ours.name < 0 <= ours.first and theirs.name >= 0  # a whole name there, as the reader's is here
        self._update = self._updated(theirs, ours, incoming.name)

    def _updated(self, theirs: Columns, ours: Columns, name: str) -> tuple[str, ...]:
        """The columns that overwrite, as ours are called: with `name`, both of its parts where the lists have these."""
        alike = {self._spelled.get(column, column) for column in theirs.names} == set(ours.names)
        both = ours.names if ours.name < 0 > theirs.name and alike else ()
        asked = (both if both and column == "name" else (column,) for column in self._how.update)
        update = tuple(self._spelled.get(column, column) for columns in asked for column in columns)
        for column in update:
            for where, columns in ((name, self._offered), (self._edit.name, self._own)):
                parted = column == "name" and self._parted
                if column == "email" or (column not in columns and not parted):
                    others = [known for known in columns if known and known != "email"]
                    message = f"--update: {where} has no column {column!r}{did_you_mean(column, others)}"
                    raise UsageError(message)
        return update

    @property
    def changed(self) -> bool:
        return bool(self.added or self.updated)

    def take(self, row: Recipient | InactiveReader | Fault) -> None:
        if isinstance(row, Fault):
            self.faults.append(row)
            return
        address = key(row.address)
        first = address not in self._met
        known, lines = self._known.get(address, (None, (0, 0)))
        if isinstance(row, InactiveReader):
            self.inactive.append(row)
            if row.reason != "unconfirmed" or not isinstance(known, Recipient):
                self._met.add(address)
            elif first:
                self._doubtful[address] = known.address  # with --sync taken off, unless another row says otherwise
            return
        spelled = {own: row.fields[column] for column, own in self._spelled.items()}
        row = replace(row, fields={**row.fields, **spelled})
        self._met.add(address)
        self._doubtful.pop(address, None)
        if isinstance(known, InactiveReader):
            self._stopped.setdefault(address, f"{known.address} ({known.detail})")
        if known is None and first:
            self._edit.make_room(row, self._offered)
            self._edit.append(row, row.address)
            self.added.append(row.address)
            return
        self.already += 1
        if first and isinstance(known, Recipient):
            self._compare(row, known, lines)

    def _compare(self, row: Recipient, known: Recipient, lines: tuple[int, int]) -> None:
        old, new = cells_of(known), cells_of(row)
        taken: dict[str, str] = {}
        for column in self._offered:
            value, parted = new.get(column, ""), column == "name" and self._parted
            if not (parted or column in self._own) or column not in old or _same(column, value, old[column]):
                continue
            if column in self._update and (value or self._how.clear):
                taken |= self._edit.parts(value, old) if parted else {column: value}
            elif value:
                self._differing.setdefault(column, []).append(
                    f"{known.address} ({old[column] or 'nothing'!r}, there {value!r})"
                )
        if taken:
            self._edit.replace(lines, taken)
            self.updated += 1

    def missing(self) -> list[Recipient | InactiveReader]:
        """The rows of readers who are not on the other list, taken out. Raises UsageError when that are too many."""
        if not self._how.sync:
            return []
        if self.faults:
            message = (
                f"--sync takes nobody off while a row of the file cannot be read, as it may be theirs: {self.faults[0]}"
            )
            raise UsageError(message)
        gone = [(reader, lines) for reader, lines in self._rows if key(reader.address) not in self._met]
        most = min(_SHRINK_PART * len(self._rows), _SHRINK_ROWS)
        if len(gone) > most and len(gone) >= _SHRINK_FREE and not self._how.shrink:
            off = f"--sync would take {len(gone):,} of {len(self._rows):,} readers off {self._edit.name}"
            off += f", more than a tenth or {_SHRINK_ROWS}"
            if not self._how.dry_run:
                message = f"{off}; nothing was changed: look with --dry-run, then add --shrink"
                raise UsageError(message)
            names = _some(reader.address for reader, _ in gone)
            self._beyond = f"{off}: {names}; it is not done without --shrink"
        for _, lines in gone:
            self._edit.drop(lines)
        return [reader for reader, _ in gone]

    def notes(self) -> Iterator[str]:
        """What a person should know besides the counts."""
        if self._beyond:
            yield self._beyond
        if new := [column for column in self._edit.keys if column not in self._own]:
            yield f"{self._edit.name} {'would get' if self._how.dry_run else 'got'} more columns: {', '.join(new)}"
        if refused := ", ".join(sorted(self._edit.refused)):
            yield f"not taken: {refused}; {self._edit.name} would be read otherwise with it, so give it another name"
        for column, examples in self._differing.items():
            who = counted(len(examples), "reader differs", "readers differ")
            yield f"{who} in {column}: {_some(examples)}; --update {column} takes the other list's"
        if self._doubtful and not self._how.sync:
            who = counted(len(self._doubtful), "reader has", "readers have")
            stay = f"{'stay' if len(self._doubtful) > 1 else 'stays'} on {self._edit.name} and mailed"
            some = _some(self._doubtful.values())
            yield f"{who} not confirmed by the file, and {stay}: {some}; --sync takes them off"
        if self._stopped:
            who = counted(len(self._stopped), "reader is", "readers are")
            some = _some(self._stopped.values())
            yield f"{who} not mailed by {self._edit.name} itself, whatever the file says: {some}"


def _some(examples: Iterable[str]) -> str:
    shown = list(examples)
    return "; ".join(shown[:_EXAMPLES]) + ("; …" if len(shown) > _EXAMPLES else "")


def _same(column: str, one: str, other: str) -> bool:
    return one == other or (column == "topics" and sorted(one.split(";")) == sorted(other.split(";")))
