"""The rows of one sheet of an Excel workbook, as text. Raises ImportFailed for what cannot be opened."""

from __future__ import annotations

import functools
import io
import re
import warnings
import zlib
from contextlib import contextmanager
from datetime import date, datetime, time
from html import unescape
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from digest.errors import ImportFailed, UsageError
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openpyxl import Workbook

MAGIC = b"PK\x03\x04"  # a zip file, which every workbook is
# What openpyxl, and the zip and XML readers below it, raise for a file that is none or is damaged.
_SHEET_ERRORS = (BadZipFile, zlib.error, KeyError, ValueError, IndexError, OSError, SyntaxError, TypeError, EOFError)
# A formula that links: the address, and the words that are shown; with two `"` for one.
LINKED = re.compile(r'=HYPERLINK\(\s*"((?:[^"]|"")*)"\s*(?:[,;]\s*"((?:[^"]|"")*)"\s*)?\)', re.IGNORECASE)
_LINK = re.compile(r"<(?:\w{1,9}:)?hyperlink\s[^<>]*>")
_RELATION = re.compile(r"<(?:\w{1,9}:)?Relationship\s[^<>]*>")
_FORMULAS = re.compile(
    r'<(?:\w{1,9}:)?c\s[^<>]*?\br="([A-Z]{1,3}\d{1,7})"[^<>]*>\s*<(?:\w{1,9}:)?f>(HYPERLINK\([^<>]*)<'
)
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
_LARGEST_SHEET = 200_000_000  # bytes unpacked; a sheet of 20,000 stories has 60 MB


def sheet_rows(data: bytes, source: str, sheet: str = "", *, links: bool = False) -> Iterator[tuple[int, list[str]]]:
    """The rows of the sheet of that name, or of the first, as text: a day as an ISO date, a whole number without `.0`.

    Formulas give the values that Excel kept, and no macro or link is followed; with `links`, a cell that leads to an
    address is as LINKED has it. Raises ImportFailed, and UsageError for a sheet that is not there.
    """
    with _opened(data, source) as book:
        names = book.sheetnames
        if sheet and sheet not in names:
            message = f"{source}: has no sheet {sheet!r}{did_you_mean(sheet, names)}"
            raise UsageError(message)
        chosen = book[sheet] if sheet else book.worksheets[0]
        leading = _links(data, chosen._worksheet_path) if links else {}  # noqa: SLF001 - nothing else says its file
        for line, row in enumerate(_cells(chosen), 1):
            cells = [_cell(value) for value in row]
            for place, address, words in leading.get(line, ()):
                if place < len(cells):
                    shown = (cells[place] or words).replace('"', '""')
                    cells[place] = f'=HYPERLINK("{address}","{shown}")'
            yield line, cells


def other_sheets(data: bytes, source: str, sheet: str = "") -> list[str]:
    """The names of the sheets that sheet_rows() leaves unread, but for empty ones. Raises ImportFailed."""
    with _opened(data, source) as book:
        read = sheet or book.worksheets[0].title
        others = (each for each in book.worksheets if each.title != read)
        return [each.title for each in others if any(value is not None for row in _cells(each) for value in row)]


@contextmanager
def _opened(data: bytes, source: str) -> Iterator[Workbook]:
    from openpyxl import load_workbook

    warnings.filterwarnings("ignore", module="openpyxl")  # of styles and rules that no value needs
    try:
        with ZipFile(io.BytesIO(data)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _LARGEST_SHEET:
                message = f"{source}: unpacks to more than {_LARGEST_SHEET:,} bytes; save the listing as CSV"
                raise ImportFailed(message)
            if "content.xml" in packed.namelist():
                message = f"{source}: is an OpenDocument sheet; save it as Excel (.xlsx), or as 'CSV UTF-8'"
                raise ImportFailed(message)
            if "[Content_Types].xml" not in (names := packed.namelist()):  # an export in several files
                files = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")  # noqa: PLR2004 - enough to know it by
                message = f"{source}: is a ZIP of other files ({files}); unpack it, and import each of them"
                raise ImportFailed(message)
        yield load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except _SHEET_ERRORS as error:
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        message = f"{source}: is no Excel workbook that can be read ({reason}); save it again, or as CSV"
        raise ImportFailed(message) from None


def _cells(sheet: Any) -> Iterator[tuple[object, ...]]:
    sheet.reset_dimensions()  # what a sheet says of its own size is often wrong
    rows: Iterator[tuple[object, ...]] = sheet.iter_rows(values_only=True)
    return rows


def _links(data: bytes, path: str) -> dict[int, list[tuple[int, str, str]]]:
    """By line what leads somewhere, by hand or by a formula: the column from 0, the address, and a formula's words.

    Read by patterns: to openpyxl a sheet of which it knows the links is ten times as large.
    """
    folder, _, name = path.rpartition("/")
    with ZipFile(io.BytesIO(data)) as packed:
        text = packed.read(path).decode("utf-8", "replace")
        beside = f"{folder}/_rels/{name}.rels"
        kept = packed.read(beside).decode("utf-8", "replace") if beside in packed.namelist() else ""
    targets = {one.get("Id"): one.get("Target", "") for one in map(_attributes, _RELATION.findall(kept))}
    by_hand = ((one.get("ref", ""), targets.get(one.get("id"), "")) for one in map(_attributes, _LINK.findall(text)))
    led = [(ref, address, "") for ref, address in by_hand if address.startswith(("http://", "https://"))]
    made = ((ref, LINKED.fullmatch(f"={unescape(formula)}")) for ref, formula in _FORMULAS.findall(text))
    led += [(ref, found[1], (found[2] or found[1]).replace('""', '"')) for ref, found in made if found]
    lines: dict[int, list[tuple[int, str, str]]] = {}
    for ref, address, words in led:
        if place := _PLACE.match(ref):
            column = functools.reduce(lambda number, letter: number * 26 + ord(letter) - 64, place[1], 0)
            lines.setdefault(int(place[2]), []).append((column - 1, address.replace('"', "%22"), words))
    return lines


def _attributes(tag: str) -> dict[str, str]:
    return {name.rpartition(":")[2]: unescape(value) for name, value in _ATTRIBUTE.findall(tag)}


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return (
                value.date().isoformat() if value.time() == time.min else value.isoformat(sep=" ", timespec="minutes")
            )
        case date():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)
