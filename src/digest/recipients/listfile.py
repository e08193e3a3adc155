"""Change a list of readers and leave the rest of the file alone.

A row is added at the end or taken out by its lines; every other byte (order, delimiter, line ends, unknown columns, bad
rows) stays as it was. The file is rewritten whole or not at all, under a lock on its folder, so that two people who
add a reader at the same moment both succeed.
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
from digest.recipients import columns
from digest.recipients.csvfile import Rows, line_end, open_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from digest.model import Recipient

HEADER = ("email", "name", "language", "topics")


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
