"""A CSV list that is being changed: rows added, replaced or taken out by their lines, every other byte as it was.

    editing(path) ─▶ ListFile ─append, replace, drop, add_columns─▶ save(): the file whole, or as it was

Order, delimiter, line ends, unknown columns and bad rows stay. The file is rewritten whole or not at all, under a lock
on its folder, so that two people who add a reader at the same moment both succeed.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from digest.errors import Fault, FaultyInput, UsageError
from digest.files import write_whole
from digest.mail.address import key
from digest.model import InactiveReader
from digest.recipients.columns import HEADER, header, takes
from digest.recipients.csvfile import Rows, line_end, open_list, runs, settled_columns
from digest.recipients.rows import RowFault, RowReader, topics_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from digest.model import Recipient


@contextmanager
def editing(path: Path, name: str = "") -> Iterator[ListFile]:
    """Have the list to oneself while inside; a second one waits. `name` is what messages call the file.

    A file that is not there is begun with the header `email,name,language,topics`. Raises FaultyInput.
    """
    path = path.resolve()  # a list behind a symbolic link is changed where it lies
    with _locked(path.parent):
        if path.exists():
            with open_list(path, name or str(path), edit=True) as file:
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
        rows = Rows(io.BytesIO(data), name)
        self._delimiter = rows.delimiter
        self.columns = settled_columns(io.BytesIO(data), name)
        self.keys = list(self.columns.keys)
        self._grown = self.columns  # with the columns that are new, as the list will be read
        self._break = line_end(data).encode()  # what lines are counted by
        self._end = "\r\n" if b"\r\n" in data[:4096] else line_end(data)
        self._data = data
        self._header = rows.header_end
        self._changed: dict[tuple[int, int], str | None] = {}  # first and last line: what stands there now
        self._added: list[dict[str, str]] = []
        self._names = rows.names
        self._new_keys: list[str] = []
        self.refused: set[str] = set()
        self.faults: dict[tuple[int, int], Fault] = {}

    def readers(self) -> Iterator[tuple[Recipient | InactiveReader, tuple[int, int]]]:
        """Every row of a reader, with its first and last line; one of nobody stays in the file, for a person to mend.

        A bad one is read as far as it can be, and is in `faults`: whom its status may stop is one not to be mailed.
        """
        rows = Rows(io.BytesIO(self._data), self.name)
        understand = RowReader(self.columns)
        for batch in rows.batches():
            for first, last, row in rows.one_by_one(batch, understand):
                if isinstance(row, RowFault):
                    self.faults[first, last] = row
                    doubted = InactiveReader(recipient=row.reader, reason="manual", detail=row.doubt)
                    yield doubted if row.doubt else row.reader, (first, last)
                elif not isinstance(row, Fault):
                    yield row, (first, last)

    def append(self, reader: Recipient, address: str) -> None:
        """Add a row in this file's own columns, as one of a reader who may be mailed.

        Raises FaultyInput where the last line may be cut off: with one after it, nobody would doubt it any more.
        """
        if not self._added and not self._data.endswith(self._break):
            last: Fault | None = None
            for batch in Rows(io.BytesIO(self._data), self.name).batches(doubt_the_end=True):
                last = batch.fault
            if last:
                raise FaultyInput([last])
        values = {**cells_of(reader), "email": address}
        at = self._grown
        if at.name < 0 <= at.first:
            parts = self.parts(reader.name, values)
            self.refused |= {column for column, part in parts.items() if values.get(column, part) not in ("", part)}
            values |= parts
        for status in self.columns.statuses:
            values[at.keys[status.place]] = {"yes": "yes", "status": "subscribed"}.get(status.says, "")
        self._added.append(values)

    def parts(self, name: str, values: Mapping[str, str]) -> dict[str, str]:
        """A whole name in this list's columns of a first and a last one, parted as `values` part it where they can."""
        one, *two = self._grown.names
        first, last = values.get(one, ""), values.get(two[0], "") if two else ""
        if " ".join(filter(None, (first, last))) == name:
            cells = first, last
        elif last and name.endswith(f" {last}"):
            cells = name.removesuffix(last).rstrip(), last
        elif two and first and name.startswith(f"{first} "):
            cells = first, name.removeprefix(first).lstrip()
        else:
            cells = name, ""
        return dict(zip((one, *two), cells, strict=False))

    def replace(self, lines: tuple[int, int], values: Mapping[str, str]) -> None:
        """Write other values into some columns of the row on these lines."""
        text = self._break.join(self._data.split(self._break)[lines[0] - 1 : lines[1]]).decode().removeprefix("\ufeff")
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, skipinitialspace=True))
        row = [*cells, *([""] * (len(self.keys) - len(cells)))]
        for place, column in enumerate(self.keys):
            row[place] = self._cell(values[column]) if column in values else row[place]
        self._changed[lines] = line(row, self._delimiter, "")

    def drop(self, lines: tuple[int, int]) -> None:
        """Take out the row on these lines."""
        self._changed[lines] = None

    def drop_reader(self, address: str) -> list[Recipient | InactiveReader]:
        """Take out the lines of every row with this address, in whatever case; return the rows as they were read."""
        gone = [(reader, lines) for reader, lines in self.readers() if key(reader.address) == key(address)]
        for _, lines in gone:
            self.drop(lines)
        return [reader for reader, _ in gone]

    def make_room(self, reader: Recipient, columns: Iterable[str]) -> None:
        """Give the header, at its end, those of `columns` in which this reader has something; other rows stay.

        But for those beside which what is there would be read as something else: they are `refused`.
        """
        given = cells_of(reader)
        if self._grown.name < 0 <= self._grown.first:  # a first name and a last: there is room for a name, where
            parts = self.parts(reader.name, given)  # what else is said of it can stay beside it
            fits = all(given.get(column, part) in ("", part) for column, part in parts.items())
            if fits or not takes((*self._names, *self._new_keys), "name"):
                columns = [column for column in columns if column != "name"]
        known = {*self.keys, *self.refused}
        self._take([column for column in columns if given.get(column) and column not in known])

    def _take(self, columns: list[str]) -> None:
        """Have these columns, too; all at once where they fit, as a list may get some hundreds, else by halves."""
        if not columns:
            return
        if takes((*self._names, *self._new_keys), *columns):
            self.keys += columns
            self._new_keys += columns
            self._grown = header((*self._names, *self._new_keys))
        elif len(columns) == 1:
            self.refused.add(columns[0])
        else:
            self._take(columns[: len(columns) // 2])
            self._take(columns[len(columns) // 2 :])

    def _cell(self, value: str) -> str:
        """A value as this file holds it: breaks as its lines end, and with the apostrophe that reading takes off."""
        cell = value.replace("\n", "\r") if self._end == "\r" else value
        return f"'{cell}" if cell[:1] == "'" and runs(cell) else cell

    def save(self) -> None:
        """Write the file whole. Raises UsageError when the folder or the disk refuses; then it is as it was."""
        try:
            write_whole(self._path, self._whole(), mode=None if self._path.exists() else 0o600)
        except OSError as error:
            message = f"{self.name}: cannot be written: {error.strerror}; the list is as it was"
            raise UsageError(message) from None

    def _whole(self) -> bytes:
        lines = self._data.split(self._break)
        # The end of \r\n stays with the line before it, as lines are counted by \n.
        tail = b"\r" if self._end == "\r\n" else b""
        if lines[-1] and any(last == len(lines) and text is None for (_, last), text in self._changed.items()):
            lines.append(b"")  # the line before the last one keeps its end, or it would look cut off
        for (first, last), text in sorted(self._changed.items(), reverse=True):
            ending = tail if lines[last - 1].endswith(b"\r") else b""
            lines[first - 1 : last] = [] if text is None else [text.encode() + ending]
        if self._new_keys:
            header = lines[self._header - 1]
            more = self._delimiter + line(self._new_keys, self._delimiter, "")
            ending = b"\r" if header.endswith(b"\r") else b""
            lines[self._header - 1] = header.removesuffix(b"\r") + more.encode() + ending
        data = self._break.join(lines)
        if self._added and not data.endswith(self._break):
            data += self._end.encode()
        rows = ([self._cell(values.get(key_, "")) for key_ in self.keys] for values in self._added)
        return data + "".join(line(row, self._delimiter, self._end) for row in rows).encode()


def cells_of(reader: Recipient) -> dict[str, str]:
    """What a list says of a reader besides the address, by column."""
    return {
        **reader.fields, "name": reader.name, "language": reader.language, "topics": topics_cell(reader.topics)
    }  # fmt: skip


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
