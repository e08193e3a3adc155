"""Readers from a CSV file, streamed: `,` `;` or tab, a header in any order and case, with or without BOM.

    bytes ─blocks─▶ lines ─csv.reader─▶ rows ─RowReader─▶ Recipient, InactiveReader, or a Fault with its line

A bad row is named and left out, and the others go on: also after a quote that is never closed, where the reading
starts again at the next line. A list that is written while it is read is refused, and a last line that looks cut off is
a bad row. The file is never changed here, and never held in memory as a whole.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
import stat
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.errors import Fault, FaultyInput, ImportFailed
from digest.recipients import columns
from digest.recipients.columns import BadRow
from digest.recipients.encoding import as_utf8, encoding_of
from digest.recipients.rows import RowReader, row_fault, stopped_once
from digest.text import sheet

if TYPE_CHECKING:
    import _csv
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from digest.model import InactiveReader, Recipient
    from digest.recipients.columns import Columns

BLOCK = 1 << 18  # bytes read at a time
BATCH = 64  # rows that are understood together
MAX_LINE = 1 << 20  # a longer line cannot be a reader; it is named and skipped
MAX_RESTARTS = 1_000  # after so many open quotes their rows are named together, so that reading stays linear
DELIMITERS = ",;\t"
_TITLES = 10  # lines among which the header is looked for; an address among them, and there is none
_LONGEST_TITLE = 100_000  # characters; such a line, and all after it, is read as ever
_OPEN = "a quote that opens in this row is not closed in it; close it, or remove it"
_TOO_LONG = "\0"  # stands for a line over MAX_LINE
_QUOTED = re.compile(r'"[^"]*"')
_FIRST = frozenset("'=@+-\t\r")
# A number or a telephone number begins with a sign, too, and is left alone.
_FORMULA = re.compile(r"'*(?:[=@\t\r]|[+-](?![\d .,()/-]*\Z))")
_BREAK = re.compile(r"\r\n|\r|\n")


class CsvSource:
    """An audience's readers in a CSV file. `name` is what messages call it; the path when empty."""

    def __init__(self, path: Path, *, name: str = "") -> None:
        self.path = path
        self.name = name or str(path)

    def merge_fields(self) -> tuple[str, ...]:
        """The columns of the list's own; of what may be a status, its values tell. Raises FaultyInput."""
        with open_list(self.path, self.name) as file:
            named = Rows(file, self.name).columns
        return (self.columns() if named.statuses else named).merge_fields

    def columns(self) -> Columns:
        """Which column is what, by the header and the values of what may be a status. Raises FaultyInput."""
        with open_list(self.path, self.name) as file:
            return settled_columns(file, self.name)

    def unread(self) -> tuple[str, ...]:
        """Of an Excel workbook the sheets that are not read, but for empty ones; of any other list nothing."""
        try:
            with self.path.open("rb") as file:
                if file.read(len(sheet.MAGIC)) != sheet.MAGIC:
                    return ()
                file.seek(0)
                others = sheet.other_sheets(file.read(), self.name)
        except (OSError, ImportFailed):
            return ()  # going through the list says it
        return tuple(f"{self.name}: the sheet {other!r} is not read; the first is the list" for other in others)

    def recipients(self) -> Iterator[Recipient | InactiveReader | Fault]:
        """Every row as a Recipient, as an InactiveReader where it says so itself, or as a Fault; in file order.

        Raises FaultyInput when the file as a whole cannot be used: not there, no header, a column twice, an encoding
        that is not certain, or written while it was read.
        """
        known = self.columns()
        yield from stopped_once(partial(self._rows, known)) if known.statuses else self._rows(known)

    def _rows(self, known: Columns) -> Iterator[Recipient | InactiveReader | Fault]:
        before = _file_state(self.path)
        with open_list(self.path, self.name) as file:
            rows = Rows(file, self.name)
            understand = RowReader(known)
            for batch in rows.batches(doubt_the_end=True):
                # Nearly all batches hold nothing but common rows, which are understood a column at a time.
                many = understand.many(batch.rows) if batch.rows else []
                if many is not None:
                    yield from many
                else:
                    yield from (one for _first, _last, one in rows.one_by_one(batch, understand))
                if batch.fault:
                    yield batch.fault
            after = _file_state(self.path)
            if before != after and before[0] == after[0]:  # a file that was put in its place is another one
                message = "was written while it was read, so it is perhaps not whole; try again when that is done"
                raise FaultyInput([Fault(file=self.name, message=message)])


class Batch(Struct, frozen=True, kw_only=True):
    """Rows that follow each other, the line on which the first begins, and what is wrong with the row after them.

    `plain` says that each row, blank ones too, is one line.
    """

    rows: list[list[str]]
    first: int
    plain: bool
    fault: Fault | None = None


class Rows:
    """The rows of a CSV text, in batches that know their lines. Going through them never raises."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Read the header. Raises FaultyInput."""
        self.name = name
        self._blocks = _Blocks(file)
        self._lines: Iterator[str] = itertools.chain.from_iterable(self._blocks)
        self._start = 0  # lines that were given to earlier csv readers
        text = self._header_line()
        if text is None:
            raise self._unusable(BadRow("is empty; the first line must name the columns: email,name,language,topics"))
        self.delimiter = _delimiter(text)
        self._reader = self._read_from([text])
        try:
            self.names = next(self._reader)
            self.header_end = self._start + self._reader.line_num
            self.columns = columns.header(self.names)
        except BadRow as bad:
            raise self._unusable(bad) from None
        except csv.Error as error:
            raise self._unusable(BadRow(explained(str(error)))) from None

    def batches(self, *, doubt_the_end: bool = False) -> Iterator[Batch]:
        """All rows. A row that CSV itself cannot read is its batch's `fault`; reading goes on at the next line.

        With `doubt_the_end`, so is a last line without an end that has too few values, or can have no more than one.
        """
        restarts = 0
        while True:
            first = self._start + self._reader.line_num + 1
            rows: list[list[str]] = []
            problem = ""
            try:
                rows.extend(itertools.islice(self._reader, BATCH))  # keeps what came before an error
                if doubt_the_end and self._blocks.cut:
                    rows.extend(self._reader)  # nothing but the last line can be left
            except csv.Error as error:
                problem = explained(str(error))
            last = self._start + self._reader.line_num
            plain = not problem and last - first + 1 == len(rows)
            if not plain:
                # What comes after a cell that ran away was read from within a quote: it is read again.
                runaway = next((at for at, row in enumerate(rows) if _swallowed(row)), None)
                if runaway is not None:
                    del rows[runaway:]
                    problem = _OPEN
            if not problem:
                if not rows:
                    return
                fault = self._cut_off(rows, first) if doubt_the_end and self._blocks.cut else None
                yield Batch(rows=_as_meant(rows), first=first, plain=plain, fault=fault)
                continue
            bad = first + sum(map(_span, rows))
            again = self._blocks.lines(bad + 1, last) if restarts < MAX_RESTARTS else []
            literal = self._as_it_is(bad) if again or bad == last else []
            rows += [literal] if literal else []
            if again:
                restarts += 1
                self._start = bad
                self._reader = self._read_from(again)
                problem = _OPEN
            elif bad < last:
                problem += f"; lines {bad} to {last} are left out, mend them"
            fault = None if literal else Fault(file=self.name, line=bad, message=problem)
            yield Batch(rows=_as_meant(rows), first=first, plain=False, fault=fault)

    def _as_it_is(self, number: int) -> list[str]:
        """The row of a line in which a quote behind a blank is no quote: `, "Bob" Smith`. Empty where it is none."""
        lines = self._blocks.lines(number, number)
        try:
            return next(csv.reader(lines, delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            return []

    def one_by_one(
        self, batch: Batch, understand: RowReader
    ) -> Iterator[tuple[int, int, Recipient | InactiveReader | Fault]]:
        """Each row of a batch that is not blank: its first and last line, and what it says."""
        first = batch.first
        for row in batch.rows:
            last = first + (0 if batch.plain else _span(row) - 1)
            if len(row) > 1 or (row and row[0].strip()):
                try:
                    yield first, last, understand.one(row)
                except BadRow as bad:
                    yield first, last, row_fault(bad, file=self.name, line=first, key=bad.key)
            first = last + 1

    def _cut_off(self, rows: list[list[str]], first: int) -> Fault | None:
        """Take the last row away, and say so, when it may be cut off: no end, and values lacking or only one."""
        row, width = rows[-1], self.columns.width
        if not any(cell.strip() for cell in row) or (len(row) == width and width > 1):
            return None
        del rows[-1]
        message = f"is the last line and has no end, so it may be cut off: {','.join(row)[:80]!r}"
        message += "; if it is whole, end it with a line break"
        return Fault(file=self.name, line=first + sum(map(_span, rows)), message=message)

    def _read_from(self, lines: list[str]) -> _csv.Reader:
        self._lines = itertools.chain(lines, self._lines)
        return csv.reader(self._lines, delimiter=self.delimiter, strict=True, skipinitialspace=True)

    def _header_line(self) -> str | None:
        """The line that names the columns: the first that is not blank, or after titles (Google Groups) and `sep=;`."""
        above: list[str] = []
        for line in itertools.islice(self._lines, _TITLES):
            above.append(line)
            if "@" in line or line.count('"') % 2 or len(line) > _LONGEST_TITLE:
                break
            with contextlib.suppress(csv.Error):
                if columns.is_header(next(csv.reader([line], delimiter=_delimiter(line), skipinitialspace=True), [])):
                    self._start = len(above) - 1
                    return line
        self._lines = itertools.chain(above, self._lines)
        return next((line for line in self._counted() if line.strip()), None)

    def _counted(self) -> Iterator[str]:
        for line in self._lines:
            yield line
            self._start += 1

    def _unusable(self, bad: BadRow) -> FaultyInput:
        return FaultyInput([Fault(file=self.name, line=self._start + 1, key=bad.key, message=str(bad))])


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=_QUOTED.sub("", header).count)


def runs(cell: str) -> bool:
    """Tell whether a spreadsheet would run this cell, or whether it looks like one that `inert` has kept from that."""
    return cell[:1] in _FIRST and _FORMULA.match(cell) is not None


def inert(cell: str) -> str:
    """The cell as a spreadsheet shows it instead of running it: after an apostrophe, which reading takes off."""
    return f"'{cell}" if runs(cell) else cell


def _as_meant(rows: list[list[str]]) -> list[list[str]]:
    """Take off the apostrophes that `inert` has put before cells, in place."""
    if "'" in "".join(map("".join, rows)):
        for row in rows:
            row[:] = [cell[1:] if cell[:1] == "'" and runs(cell) else cell for cell in row]
    return rows


class _Blocks:
    """A file as blocks of whole lines, decoded.

    It was found to be UTF-8. What changed since and is not becomes lone surrogates, for the row to say.

    The last blocks are remembered, so that lines which an open quote has swallowed can be read again.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._recent: deque[tuple[int, str]] = deque(maxlen=2)
        self._end = "\n"
        self.cut = False  # whether the last line was given out, and had no end

    def __iter__(self) -> Iterator[Iterable[str]]:
        head = self._file.read(BLOCK)
        self._end = line_end(head)
        block = head.removeprefix(b"\xef\xbb\xbf")
        line, rest = 1, b""
        while block:
            block, rest = self._whole(rest + block)
            if block:
                text = block.decode("utf-8", "surrogateescape")
                self._recent.append((line, text))
                line += text.count(self._end)
                yield self._stream(text)
            block = self._file.read(BLOCK)
        if rest:
            text = rest.decode("utf-8", "surrogateescape")
            self._recent.append((line, text))
            yield self._last(text)

    def _last(self, text: str) -> Iterator[str]:
        self.cut = True
        yield text

    def lines(self, first: int, last: int) -> list[str]:
        """Lines `first` to `last`, as read; empty when they are not remembered any more."""
        if not self._recent or first < self._recent[0][0]:
            return []
        begin = self._recent[0][0]
        texts = itertools.chain.from_iterable(self._stream(text) for _, text in self._recent)
        return list(itertools.islice(texts, first - begin, last - begin + 1))

    def _whole(self, data: bytes) -> tuple[bytes, bytes]:
        """Cut after the last line's end. A line over MAX_LINE is read to its end and replaced."""
        end = self._end.encode()
        cut = data.rfind(end) + 1
        if cut or len(data) <= MAX_LINE:
            return data[:cut], data[cut:]
        while (more := self._file.read(BLOCK)) and end not in more:
            pass
        return _TOO_LONG.encode() + end, more.partition(end)[2]

    def _stream(self, text: str) -> io.StringIO:
        return io.StringIO(text, newline=self._end)


def settled_columns(file: BinaryIO, name: str) -> Columns:
    """The columns of a CSV text, and which of them are statuses by their values. Raises FaultyInput."""
    rows = Rows(file, name)
    return rows.columns.settled(row for batch in rows.batches() for row in batch.rows)


def line_end(data: bytes) -> str:
    r"""What ends the lines of a list that begins with `data`: `\n` (also for `\r\n`), or a lone `\r`.

    Lone ones are what old Macs wrote, and what Excel still offers.
    """
    head = data[:BLOCK]
    return "\r" if b"\r" in head and b"\n" not in head else "\n"


def open_list(path: Path, name: str, *, edit: bool = False) -> BinaryIO:
    """Open a list of readers as UTF-8. Raises FaultyInput when it is not there, is not a file, or has no sure encoding.

    To `edit` it, its bytes must be UTF-8 themselves: what is added to them is.
    """
    try:
        kind = path.stat().st_mode  # first: opening a named pipe would wait for ever
        if not stat.S_ISREG(kind):
            what = "a folder" if stat.S_ISDIR(kind) else "not a regular file"
            raise FaultyInput([Fault(file=name, message=f"is {what}; name a CSV file")])
        file = path.open("rb")
    except OSError as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise FaultyInput(
            [Fault(file=name, message=f"{reason}; name the CSV file with this audience's readers")]
        ) from None
    try:
        if file.read(len(sheet.MAGIC)) == sheet.MAGIC:
            return _sheet(file, name, edit=edit)
        file.seek(0)
        return as_utf8(file, encoding_of(file, name, only="utf-8" if edit else ""))
    except BaseException:
        file.close()
        raise


def _file_state(path: Path) -> tuple[tuple[int, int], int, int]:
    """Which file it is, and what changes when it is written; nothing of it when it is gone."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0), 0, 0
    return (found.st_dev, found.st_ino), found.st_size, found.st_mtime_ns


def _sheet(file: BinaryIO, name: str, *, edit: bool) -> BinaryIO:
    """An Excel workbook's first sheet as CSV, a line for each of its rows. Raises FaultyInput."""
    if edit:
        message = "is an Excel workbook; save the list as 'CSV UTF-8', so that digest can write into it"
        raise FaultyInput([Fault(file=name, message=message)])
    try:
        with file:
            file.seek(0)
            text = io.StringIO(newline="")
            rows = (cells for _number, cells in sheet.sheet_rows(file.read(), name))
            csv.writer(text, lineterminator="\n").writerows([" ".join(cell.split()) for cell in row] for row in rows)
    except ImportFailed as error:
        raise FaultyInput([Fault(file=name, message=str(error).removeprefix(f"{name}: "))]) from None
    return io.BytesIO(text.getvalue().encode())


def _swallowed(row: list[str]) -> bool:
    """Tell whether a cell over several lines looks like rows that an open quote ran together: an @ after a break."""
    return any("@" in cell and _BREAK.search(cell) and "@" in _BREAK.split(cell, maxsplit=1)[1] for cell in row)


def _span(row: list[str]) -> int:
    """How many lines a row takes: one, and one for each line break within quotes."""
    return 1 + sum(len(_BREAK.findall(cell)) for cell in row)


def explained(problem: str) -> str:
    """What is wrong with a row that CSV cannot read, of what Python's reader says."""
    if "field larger" in problem:
        return "a value is longer than 131072 characters"
    if "new-line character" in problem:
        return "a line break stands outside quotes; save the list with one kind of line ends"
    if "expected after" in problem:
        return 'something follows a closing quote; write a quote within a value twice, like ""'
    if "unexpected end" in problem:
        return "a quote that opens in this row is never closed"
    return problem
