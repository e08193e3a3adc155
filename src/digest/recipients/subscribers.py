"""What `digest subscribers` does to an audience's CSV file, and to the suppressions.

The file is the truth. A row is added at the end or taken out by its lines; every other byte (order, delimiter, line
ends, unknown columns, bad rows) stays as it was. The file is rewritten whole or not at all, under a lock on its folder,
so that two people who add a reader at the same moment both succeed. Suppressions live in the ledger's database and beat
every list. A list in a database is only read here: the newsroom changes it where it lives. Nothing is printed here.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.errors import Fault, FaultyInput, UsageError
from digest.files import write_whole
from digest.mail.address import canonical, key
from digest.recipients import columns
from digest.recipients.csvfile import Rows, line_end, open_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from digest.delivery import Suppression
    from digest.model import Recipient
    from digest.ports import RecipientSource, Suppressions

HEADER = ("email", "name", "language", "topics")
_BATCH = 500  # addresses asked about at once
BY_ITSELF = ("bounced",)  # an address can be mended
NEED_WORDS = ("unsubscribed", "complained", "manual")  # somebody said no


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A reader on a list, and whether a suppression keeps the mail from them."""

    recipient: Recipient
    suppressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a list. `already` were on it; `suppressed` were added but are not mailed."""

    added: int = 0
    removed: int = 0
    already: int = 0
    suppressed: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def listed(source: RecipientSource, suppressions: Suppressions, audience: str) -> Iterator[Entry | Fault]:
    """Every reader of the list, streamed, with whether they may be mailed; bad rows as faults near their place."""
    batch: list[Recipient] = []
    faults: list[Fault] = []
    for one in source.recipients():
        if isinstance(one, Fault):
            faults.append(one)
        else:
            batch.append(one)
        if len(batch) + len(faults) >= _BATCH:
            yield from _judged(batch, suppressions, audience)
            yield from faults
            batch, faults = [], []
    yield from _judged(batch, suppressions, audience)
    yield from faults


def add(path: Path, reader: Recipient, suppressions: Suppressions, audience: str, *, name: str = "") -> Change:
    """Put one reader at the end of the list, unless the address is there in whatever case; a missing file is made.

    A suppressed address may be on the list: the change says so, and it is still not mailed. Raises FaultyInput for a
    file that is no list, UsageError for an address that cannot be mailed or a merge field without a column.
    """
    address = _canonical(reader.address)
    with editing(path, name) as edit:
        if unknown := [one for one in reader.fields if one not in edit.fields]:
            message = f"{edit.name} has no column {', '.join(unknown)}; add it to the header first"
            raise UsageError(message)
        where = next((at for known, at in edit.readers() if key(known) == key(address)), 0)
        if where:
            return Change(already=1, notes=(f"{edit.name}:{where}: {address} is on the list already",))
        edit.append(reader, address)
        edit.save()
    held = tuple(suppressions.suppressed([address], audience))
    notes = (f"{address} has left or cannot be reached, and is not mailed until `unsuppress`",) if held else ()
    return Change(added=1, suppressed=held, notes=notes)


def remove(path: Path, address: str, *, name: str = "") -> Change:
    """Take every row with this address, in whatever case, off the list. Raises FaultyInput, UsageError.

    It does not suppress: an import may bring the reader back. Somebody who wants to leave is suppressed instead.
    """
    address = _canonical(address)
    with editing(path, name) as edit:
        count = edit.drop(address)
        if count:
            edit.save()
    notes = () if count else (f"{address} is not on {edit.name}",)
    return Change(removed=count, notes=notes)


def take_in(
    path: Path, incoming: RecipientSource, suppressions: Suppressions, audience: str, *, name: str = ""
) -> Change:
    """Add every reader of another list who is not on this one yet (`digest subscribers import`).

    Bad rows are named and left out. Merge fields that this list has no column for are left out, and said. Readers who
    are suppressed come onto the list, and stay suppressed.
    """
    added: list[str] = []
    faults: list[Fault] = []
    already = 0
    lost: dict[str, None] = {}
    with editing(path, name) as edit:
        known = {key(address) for address, _line in edit.readers()}
        for one in incoming.recipients():
            if isinstance(one, Fault):
                faults.append(one)
            elif key(one.address) in known:
                already += 1
            else:
                known.add(key(one.address))
                added.append(one.address)
                lost.update((field_, None) for field_ in one.fields if field_ not in edit.fields)
                edit.append(one, one.address)
        if added:
            edit.save()
    held = [
        address
        for start in range(0, len(added), _BATCH)
        for address in suppressions.suppressed(added[start : start + _BATCH], audience)
    ]
    notes = (f"{edit.name} has no column {', '.join(lost)}: these values were left out",) if lost else ()
    return Change(added=len(added), already=already, suppressed=tuple(held), faults=tuple(faults), notes=notes)


def export(entries: Iterable[Entry | Fault], *, everyone: bool = False) -> Iterator[str]:
    """The list as CSV text, line by line, with all merge fields; suppressed readers only with `everyone`."""
    fields: list[str] | None = None
    for entry in entries:
        if isinstance(entry, Fault) or (entry.suppressed and not everyone):
            continue
        reader = entry.recipient
        if fields is None:  # every row of one source has the same merge fields
            fields = list(reader.fields)
            yield line((*HEADER, *fields), ",", "\n")
        values = (reader.address, reader.name, reader.language, ";".join(reader.topics))
        yield line((*values, *(reader.fields.get(one, "") for one in fields)), ",", "\n")
    if fields is None:
        yield line(HEADER, ",", "\n")


def suppress(suppressions: Suppressions, address: str, scope: str, *, now: float, detail: str = "") -> bool:
    """Never mail this address for this audience (`*`: for any). False when it was so already. Raises UsageError."""
    return suppressions.suppress(_canonical(address), scope, "manual", detail or "by hand", now)


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


def _judged(batch: list[Recipient], suppressions: Suppressions, audience: str) -> Iterator[Entry]:
    held = suppressions.suppressed([one.address for one in batch], audience) if batch else frozenset()
    for one in batch:
        yield Entry(recipient=one, suppressed=one.address in held)


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except ValueError as error:
        message = f"{address!r} {error}" if address else "no address was given"
        raise UsageError(message) from None


@contextmanager
def editing(path: Path, name: str = "") -> Iterator[ListFile]:
    """Have the list to oneself while inside; a second one waits. `name` is what messages call the file.

    A file that is not there is begun with the header `email,name,language,topics`. Raises FaultyInput.
    """
    path = path.resolve()  # a list behind a symbolic link is changed where it lies
    with _locked(path.parent):
        if path.exists():
            with open_list(path, name or str(path)) as file:
                data = file.read()
        else:
            data = (",".join(HEADER) + "\n").encode()
        yield ListFile(path, name or str(path), data)


class ListFile:
    """A list that is being changed. Nothing is written before save()."""

    def __init__(self, path: Path, name: str, data: bytes) -> None:
        """Understand the header. Raises FaultyInput."""
        self.name = name
        self._path = path
        self._data = data
        rows = Rows(io.BytesIO(data), name)
        self._delimiter = rows.delimiter
        self._names = [columns.field_name(one) for one in rows.names]
        self.fields = {one for one, _place in rows.columns.fields}
        self._break = line_end(data).encode()  # what lines are counted by
        self._end = "\r\n" if b"\r\n" in data[:4096] else line_end(data)
        self._added: list[str] = []

    def readers(self) -> Iterator[tuple[str, int]]:
        """The canonical address and the first line of every usable row."""
        for address, first, _last in self._spans():
            yield address, first

    def append(self, reader: Recipient, address: str) -> None:
        """Add a row in this file's own columns."""
        own = {"email": address, "name": reader.name, "language": reader.language, "topics": ";".join(reader.topics)}
        values = {**reader.fields, **own}
        self._added.append(line([values.get(one, "") for one in self._names], self._delimiter, self._end))

    def drop(self, address: str) -> int:
        """Take out the lines of every row with this address, in whatever case; say how many rows there were."""
        gone = [(first, last) for known, first, last in self._spans() if key(known) == key(address)]
        lines = self._data.split(self._break)
        for first, last in reversed(gone):
            del lines[first - 1 : last]
        self._data = self._break.join(lines)
        return len(gone)

    def save(self) -> None:
        """Write the file whole. Raises UsageError when the folder or the disk refuses; then it is as it was."""
        if self._added and not self._data.endswith(self._break):
            self._data += self._end.encode()
        try:
            write_whole(self._path, self._data + "".join(self._added).encode())
        except OSError as error:
            message = f"{self.name}: cannot be written: {error.strerror}; the list is as it was"
            raise UsageError(message) from None

    def _spans(self) -> Iterator[tuple[str, int, int]]:
        rows = Rows(io.BytesIO(self._data), self.name)
        understand = columns.RowReader(rows.columns)
        for batch in rows.batches():
            for first, last, one in rows.one_by_one(batch, understand):
                if not isinstance(one, Fault):  # a bad row stays in the file, for a person to mend
                    yield one.address, first, last


def line(cells: Iterable[str], delimiter: str = ",", end: str = "\n") -> str:
    """One row as CSV text (RFC 4180), quoted where it must be."""
    row = list(cells)
    # The writer quotes only those line breaks that it ends lines with itself; readers stumble over any.
    broken = any("\n" in cell or "\r" in cell for cell in row)
    text = io.StringIO(newline="")
    csv.writer(
        text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL if broken else csv.QUOTE_MINIMAL
    ).writerow(row)
    return text.getvalue()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second one waiting. The lock is on the folder: the file itself is replaced by another."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FaultyInput([Fault(file=str(folder), message=f"cannot be used: {error.strerror}")]) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
