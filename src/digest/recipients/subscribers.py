"""What `digest subscribers` does: list, add, remove, export, suppress, and bring another list in.

    source ─listed─▶ Entry(reader, why not in) ─export─▶ CSV        another list ─bring_in─▶ Change: what became of it

The list is the truth about who was put there, suppressions in the ledger's database about who is not to be mailed: they
beat every list, and no import lifts one. A list in a database is only read here: the newsroom changes it where it
lives. Nothing is printed here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from digest.errors import Fault, UsageError
from digest.mail.address import canonical, key
from digest.model import InactiveReader, Recipient
from digest.recipients.columns import BadRow, header, worst
from digest.recipients.csvfile import inert
from digest.recipients.listfile import HEADER, ListFile, cells_of, editing, line
from digest.recipients.rows import RowReader, topics_cell
from digest.recipients.segments import Segment
from digest.text.counting import counted
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from digest.delivery import Suppression
    from digest.ports import RecipientSource, Suppressions
    from digest.recipients.csvfile import CsvSource

EVERYWHERE = "*"
_BATCH = 500  # addresses asked about at once
BY_ITSELF = ("bounced",)  # an address can be mended
NEED_WORDS = ("unsubscribed", "complained", "manual")  # somebody said no
_EXAMPLES = 3
_TWICE = "on the list twice"  # the first of the rows is mailed, as the freeze decides
_SHRINK_PART, _SHRINK_ROWS, _SHRINK_FREE = 0.1, 50, 3  # a sync that takes more than this off is a mistake with the file


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """A reader on a list. `why` says why they are not mailed, empty for one who is; `status` is the word for it."""

    recipient: Recipient
    why: str = ""
    status: str = "subscribed"

    @property
    def suppressed(self) -> bool:
        """Whether a suppression, or the list itself, keeps every mail from them."""
        return self.status != "subscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a list. `already` were on it; `suppressed` were added but are not mailed.

    `inactive` counts who came with a status that keeps mails from them, by reason; `stopped`, whom of them no
    suppression had kept from it before.
    """

    added: int = 0
    removed: int = 0
    updated: int = 0
    already: int = 0
    suppressed: tuple[str, ...] = ()
    inactive: Mapping[str, int] = field(default_factory=dict)
    stopped: int = 0
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """How another list is brought in: which columns overwrite, whether empty cells do, whether who is missing goes."""

    update: tuple[str, ...] = ()
    clear: bool = False
    sync: bool = False
    shrink: bool = False
    dry_run: bool = False


def listed(
    source: RecipientSource, suppressions: Suppressions, audience: str, segment: Segment | None = None
) -> Iterator[ListEntry | Fault]:
    """Every row of the list, streamed, with why it is not mailed, as the send decides; bad rows near their place."""
    judge = _Judge(suppressions, audience, segment or Segment())
    batch: list[Recipient | InactiveReader] = []
    faults: list[Fault] = []
    for row in source.recipients():
        if isinstance(row, Fault):
            faults.append(row)
        else:
            batch.append(row)
        if len(batch) + len(faults) >= _BATCH:
            yield from judge.entries(batch)
            yield from faults
            batch, faults = [], []
    yield from judge.entries(batch)
    yield from faults


def reader(address: str, name: str = "", language: str = "", topics: str = "") -> Recipient:
    """A reader as they are typed, read as a row of a list would be. Raises UsageError."""
    try:
        row = RowReader(header(HEADER)).one([_canonical(address), name, language, topics])
    except BadRow as bad:
        message = f"--{bad.key}: {bad}"
        raise UsageError(message) from None
    assert isinstance(row, Recipient), "no status was given"
    return row


def add(path: Path, reader: Recipient, suppressions: Suppressions, audience: str, *, name: str = "") -> Change:
    """Put one reader at the end of the list, unless the address is there in whatever case; a missing file is made.

    A suppressed address may be on the list: the change says so, and it is still not mailed. Raises FaultyInput for a
    file that is no list, UsageError for an address that cannot be mailed or a merge field without a column.
    """
    address = _canonical(reader.address)
    held = tuple(suppressions.suppressed([address], audience))
    notes = (f"{address} has left or cannot be reached, and is not mailed until `unsuppress`",) if held else ()
    with editing(path, name) as edit:
        if unknown := [name for name in reader.fields if name not in edit.keys]:
            message = f"{edit.name} has no column {', '.join(unknown)}; add it to the header first"
            raise UsageError(message)
        for known, lines in edit.readers():
            if key(known.address) != key(address):
                continue
            said = f", and not mailed by it ({known.detail})" if isinstance(known, InactiveReader) else ""
            if not said and lines in edit.faults:
                said = f", and left out of it: {edit.faults[lines].message}"
            return Change(already=1, notes=(f"{edit.name}:{lines[0]}: {address} is on the list already{said}", *notes))
        edit.make_room(reader, HEADER)
        edit.append(reader, address)
        edit.save()
    return Change(added=1, suppressed=held, notes=notes)


def remove(
    path: Path,
    address: str,
    suppressions: Suppressions,
    audience: str,
    *,
    now: float,
    name: str = "",
    sharing: Sequence[str] = (),
) -> Change:
    """Take every row with this address, in whatever case, off the list. Raises FaultyInput, UsageError.

    `sharing` are other audiences of whom it is the list, too: what a row said is kept for them as well.

    It suppresses only whom a row itself keeps from being mailed: an import may bring any other reader back. Somebody
    who wants to leave is suppressed instead.
    """
    address = _canonical(address)
    with editing(path, name) as edit:
        gone = edit.drop_reader(address)
        kept = _keep_word(suppressions, (audience, *sharing), gone, edit.name, now)
        if gone:
            edit.save()
    notes = _shared(edit.name, sharing) if gone else (f"{address} is not on {edit.name}",)
    return Change(removed=len(gone), notes=(*notes, *_kept_words(kept)))


def bring_in(
    path: Path,
    incoming: CsvSource,
    suppressions: Suppressions,
    audience: str,
    how: Intake = Intake(),
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
        audiences = (audience, *sharing)
        stopped = _told(suppressions, audience, merge.inactive)
        kept = [row for each in audiences for row in _told(suppressions, each, gone)]
        if not how.dry_run:
            _keep_word(suppressions, (audience,), stopped, incoming.name, now)
            _keep_word(suppressions, audiences, gone, edit.name, now)
            if merge.changed or gone:
                edit.save()
    return Change(
        added=len(merge.added),
        removed=len(gone),
        updated=merge.updated,
        already=merge.already,
        suppressed=tuple(_held(suppressions, audience, merge.added)),
        inactive=dict(Counter(row.reason for row in merge.inactive)),
        stopped=len({key(row.address) for row in stopped}),
        faults=tuple(merge.faults),
        notes=(
            *incoming.unread(),
            *merge.notes(),
            *(_shared(edit.name, sharing) if gone else ()),
            *_kept_words(kept, dry_run=how.dry_run),
        ),
    )


def _keep_word(
    suppressions: Suppressions,
    audiences: Iterable[str],
    rows: Sequence[Recipient | InactiveReader],
    source: str,
    now: float,
) -> list[InactiveReader]:
    """Suppress whom these rows keep from being mailed, where that is news: a row that goes takes its word along."""
    kept: list[InactiveReader] = []
    for audience in audiences:
        told = _told(suppressions, audience, rows)
        for row in told:
            suppressions.suppress(row.address, _scope(row, audience), row.reason, f"{source}: {row.detail}", now)
        kept += told
    return kept


def _told(
    suppressions: Suppressions, audience: str, rows: Iterable[Recipient | InactiveReader]
) -> list[InactiveReader]:
    return [row for row in rows if isinstance(row, InactiveReader) and _is_news(suppressions, audience, row)]


def _shared(name: str, sharing: Sequence[str]) -> tuple[str, ...]:
    return (
        (f"{name} is the list of {', '.join(sharing)}, too: who is taken off is not mailed there either",)
        if sharing
        else ()
    )


def _kept_words(rows: Sequence[InactiveReader], *, dry_run: bool = False) -> tuple[str, ...]:
    if not rows:
        return ()
    count, done = len({key(row.address) for row in rows}), "would be suppressed" if dry_run else "suppressed"
    return (f"{done} here, as a row that is taken off kept them from being mailed: {count:,}",)


class _Merge:
    """One list going into another: what is new, what differs, who is not to be mailed, who was not met."""

    def __init__(self, edit: ListFile, how: Intake, incoming: CsvSource) -> None:
        """Raises UsageError for columns to update that one of the lists does not have."""
        self._edit = edit
        self._how = how
        self._known: dict[str, tuple[Recipient | InactiveReader, tuple[int, int]]] = {}
        self._rows: list[tuple[Recipient | InactiveReader, tuple[int, int]]] = []
        for reader, lines in edit.readers():
            self._rows.append((reader, lines))
            self._known.setdefault(key(reader.address), (reader, lines))
        self._met: set[str] = set()
        self._own = tuple(edit.keys)
        theirs, ours = incoming.columns(), edit.columns
        places = ((theirs.first, ours.first), (theirs.last, ours.last))
        # A second column of first names would be read as the only one, and every name beside it be lost.
        spelled = {theirs.keys[at]: ours.keys[own] for at, own in places if at >= 0 <= own}
        self._spelled = {column: own for column, own in spelled.items() if column == own or own not in theirs.keys}
        self._offered = tuple(self._spelled.get(column, column) for column in theirs.gives)
        self.added: list[str] = []
        self.inactive: list[InactiveReader] = []
        self.faults: list[Fault] = []
        self.already = self.updated = 0
        self._differing: dict[str, list[str]] = {}
        self._doubtful: dict[str, str] = {}
        self._stopped: dict[str, str] = {}
        self._beyond = ""
        alike = {self._spelled.get(column, column) for column in theirs.names} == set(ours.names)
        both = ours.names if ours.name < 0 > theirs.name and alike else ()
        self._parted = ours.name < 0 <= ours.first and theirs.name >= 0  # a whole name there, as the reader's is here
        asked = (both if both and column == "name" else (column,) for column in how.update)
        self._update = tuple(self._spelled.get(column, column) for columns in asked for column in columns)
        for column in self._update:
            for where, columns in ((incoming.name, self._offered), (edit.name, self._own)):
                parted = column == "name" and self._parted
                if column == "email" or (column not in columns and not parted):
                    others = [known for known in columns if known and known != "email"]
                    message = f"--update: {where} has no column {column!r}{did_you_mean(column, others)}"
                    raise UsageError(message)

    @property
    def changed(self) -> bool:
        return bool(self.added or self.updated)

    def take(self, row: Recipient | InactiveReader | Fault) -> None:
        if isinstance(row, Fault):
            self.faults.append(row)
            return
        address = key(row.address)
        first = address not in self._met
        known = self._known[address][0] if address in self._known else None
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
        if known is not None:
            self.already += 1
            if first:
                self._compare(row, *self._known[address])
        elif first:
            self._edit.make_room(row, self._offered)
            self._edit.append(row, row.address)
            self.added.append(row.address)
        else:
            self.already += 1

    def _compare(self, row: Recipient, known: Recipient | InactiveReader, lines: tuple[int, int]) -> None:
        if isinstance(known, InactiveReader):
            return
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


def _is_news(suppressions: Suppressions, audience: str, row: InactiveReader) -> bool:
    """Whether the old list's word keeps mails from somebody here for a reason that was not known."""
    if row.reason == "unconfirmed":
        return False
    scopes = (_scope(row, audience), audience, EVERYWHERE)
    return not any(each.scope in scopes and each.reason == row.reason for each in suppressions.reasons(row.address))


def _scope(row: InactiveReader, audience: str) -> str:
    """Who unsubscribed left this audience; who cannot or must not be reached is not mailed for any."""
    return audience if row.reason == "unsubscribed" else EVERYWHERE


def _held(suppressions: Suppressions, audience: str, addresses: Sequence[str]) -> list[str]:
    return [
        address
        for start in range(0, len(addresses), _BATCH)
        for address in suppressions.suppressed(addresses[start : start + _BATCH], audience)
    ]


def export(entries: Iterable[ListEntry | Fault], *, everyone: bool = False) -> Iterator[str]:
    """The list as CSV text, line by line, with all merge fields, and no cell that a spreadsheet would run.

    With `everyone`, those who are not mailed too, and a `status` column, so that it can be read back without harm.
    """
    fields: list[str] | None = None
    more = ["status"] if everyone else []
    for entry in entries:
        if isinstance(entry, Fault) or (entry.why and not everyone):
            continue
        reader = entry.recipient
        if fields is None:  # every row of one source has the same merge fields
            fields = [name for name in reader.fields if name not in (*HEADER, *more)]
            if header((*HEADER, *fields)).name < 0:  # beside a Vorname alone, the name would be the family's
                fields.append("nachname")
            yield line(map(inert, (*HEADER, *fields, *more)), ",", "\n")
        values = (reader.address, reader.name, reader.language, topics_cell(reader.topics))
        status = [entry.status] if everyone else []
        cells = (*values, *(reader.fields.get(name, "") for name in fields), *status)
        yield line(map(inert, cells), ",", "\n")
    if fields is None:
        yield line((*HEADER, *more), ",", "\n")


def suppress(suppressions: Suppressions, address: str, scope: str, *, now: float) -> bool:
    """Never mail this address for this audience (`*`: for any). False when it was so already. Raises UsageError."""
    return suppressions.suppress(_canonical(address), scope, "manual", "by hand", now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifting:
    """What `unsuppress` lifted, and what still keeps the address from being mailed, in whatever scope."""

    lifted: tuple[Suppression, ...]
    held: tuple[Suppression, ...]


def unsuppress(suppressions: Suppressions, address: str, scope: str, *, now: float, because: str = "") -> Lifting:
    """Lift what keeps this address from that scope: a bounce as such, anything else only `because` of something.

    Who left, complained or was suppressed by hand did not want the mail: why they get it again is kept. Raises
    UsageError when only such reasons hold, and no word is said why.
    """
    address = _canonical(address)
    reasons = BY_ITSELF if not because.strip() else (*BY_ITSELF, *NEED_WORDS)
    lifted = tuple(suppressions.unsuppress(address, scope, reasons, now, because))
    held = tuple(suppressions.reasons(address))
    if not lifted and not because.strip() and any(row.scope == scope for row in held):
        why = ", ".join(row.reason for row in held if row.scope == scope)
        message = f"{address} is held back ({why}), which is lifted only with a reason that is kept: --because WORDS"
        raise UsageError(message)
    return Lifting(lifted=lifted, held=held)


class _Judge:
    """Says of readers why they are not mailed: by a suppression, by the list itself, or by the audience's segment."""

    def __init__(self, suppressions: Suppressions, audience: str, segment: Segment) -> None:
        self._suppressions = suppressions
        self._audience = audience
        self._segment = segment
        self._mailed: set[int] = set()  # hashes of addresses (of 64 bits, which no two readers of a list share)

    def entries(self, rows: Sequence[Recipient | InactiveReader]) -> Iterator[ListEntry]:
        held = frozenset(_held(self._suppressions, self._audience, [row.address for row in rows]))
        for row in rows:
            if isinstance(row, InactiveReader):
                status: str = row.reason  # unless a suppression weighs more: what goes elsewhere must say so
                if row.address in held:
                    status = worst((row.reason, self._reason(row.address)))
                why = f"{row.reason} ({row.detail})" if status == row.reason else status
                yield ListEntry(recipient=row.recipient, why=why, status=status)
            elif row.address in held:
                status = self._reason(row.address)
                yield ListEntry(recipient=row, why=status, status=status)
            else:
                why, hashed = self._segment.why_not(row), hash(key(row.address))
                why = why or (_TWICE if hashed in self._mailed else "")
                if not why:
                    self._mailed.add(hashed)
                yield ListEntry(recipient=row, why=why)

    def _reason(self, address: str) -> str:
        rows = self._suppressions.reasons(address)
        known = worst(row.reason for row in rows if row.scope in (self._audience, EVERYWHERE))
        return known or next((row.reason for row in rows), "suppressed")


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except ValueError as error:
        message = f"{address!r} {error}" if address else "no address was given"
        raise UsageError(message) from None
