"""What `digest subscribers` does with one list: show it, add, remove, export, suppress. See `list_import` for two.

    source ─listed─▶ ListEntry(reader, why not mailed) ─export─▶ CSV        add, remove ─▶ Change: what became of it

The list is the truth about who was put there, suppressions in the ledger's database about who is not to be mailed: they
beat every list, and no import lifts one. A list in a database is only read here: the newsroom changes it where it
lives. Nothing is printed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.delivery import EVERYWHERE
from digest.errors import Fault, UsageError
from digest.mail.address import canonical, key
from digest.model import InactiveReader, Recipient
from digest.recipients.columns import HEADER, BadRow, header, worst
from digest.recipients.csvfile import inert
from digest.recipients.listfile import editing, line
from digest.recipients.rows import RowReader, topics_cell
from digest.recipients.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from digest.delivery import Suppression
    from digest.ports import RecipientSource, Suppressions

_BATCH = 500  # rows that are judged together
BY_ITSELF = ("bounced",)  # an address can be mended
NEED_WORDS = ("unsubscribed", "complained", "manual")  # somebody said no
_TWICE = "on the list twice"  # the first of the rows is mailed, as the freeze decides


class ListEntry(Struct, frozen=True, kw_only=True):
    """A reader on a list. `why` says why they are not mailed, empty for one who is; `status` is the word for it."""

    recipient: Recipient
    why: str = ""
    status: str = "subscribed"

    @property
    def suppressed(self) -> bool:
        """Whether a suppression, or the list itself, keeps every mail from them."""
        return self.status != "subscribed"


class Change(Struct, frozen=True, kw_only=True):
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
        kept = keep_word(suppressions, (audience, *sharing), gone, edit.name, now)
        if gone:
            edit.save()
    notes = gone_notes(edit.name, sharing, kept) if gone else (f"{address} is not on {edit.name}",)
    return Change(removed=len(gone), notes=tuple(notes))


def keep_word(
    suppressions: Suppressions,
    audiences: Iterable[str],
    rows: Sequence[Recipient | InactiveReader],
    source: str,
    now: float,
    *,
    dry_run: bool = False,
) -> list[InactiveReader]:
    """Suppress whom these rows keep from being mailed, where that is news: a row that goes takes its word along."""
    kept: list[InactiveReader] = []
    for audience in audiences:
        news = [row for row in rows if isinstance(row, InactiveReader) and _is_news(suppressions, audience, row)]
        for row in () if dry_run else news:
            suppressions.suppress(row.address, _scope(row, audience), row.reason, f"{source}: {row.detail}", now)
        kept += news
    return kept


def gone_notes(
    name: str, sharing: Sequence[str], kept: Sequence[InactiveReader], *, dry_run: bool = False
) -> Iterator[str]:
    """What a person should know when rows are taken off the list of this name."""
    if sharing:
        yield f"{name} is the list of {', '.join(sharing)}, too: who is taken off is not mailed there either"
    if kept:
        count, done = len({key(row.address) for row in kept}), "would be suppressed" if dry_run else "suppressed"
        yield f"{done} here, as a row that is taken off kept them from being mailed: {count:,}"


def _is_news(suppressions: Suppressions, audience: str, row: InactiveReader) -> bool:
    """Whether the old list's word keeps mails from somebody here for a reason that was not known."""
    if row.reason == "unconfirmed":
        return False
    scopes = (_scope(row, audience), audience, EVERYWHERE)
    return not any(each.scope in scopes and each.reason == row.reason for each in suppressions.reasons(row.address))


def _scope(row: InactiveReader, audience: str) -> str:
    """Who unsubscribed left this audience; who cannot or must not be reached is not mailed for any."""
    return audience if row.reason == "unsubscribed" else EVERYWHERE


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


class Lifting(Struct, frozen=True, kw_only=True):
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
        held = self._suppressions.suppressed([row.address for row in rows], self._audience)
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
