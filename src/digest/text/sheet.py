"""The rows of an Excel workbook's first sheet, as text. Raises ImportFailed for what cannot be opened."""

from __future__ import annotations

import io
import zlib
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from digest.errors import ImportFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"PK\x03\x04"  # a zip file, which every workbook is
# What openpyxl, and the zip and XML readers below it, raise for a file that is none or is damaged.
_SHEET_ERRORS = (BadZipFile, zlib.error, KeyError, ValueError, IndexError, OSError, SyntaxError, TypeError, EOFError)
_LARGEST_SHEET = 200_000_000  # bytes unpacked; a sheet of 20,000 stories has 60 MB


def sheet_rows(data: bytes, source: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first sheet, as text: a day as an ISO date, a whole number without its `.0`.

    Formulas give the values that Excel kept, and no macro or link is followed. Raises ImportFailed.
    """
    from openpyxl import load_workbook

    try:
        with ZipFile(io.BytesIO(data)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _LARGEST_SHEET:
                message = f"{source}: unpacks to more than {_LARGEST_SHEET:,} bytes; save the listing as CSV"
                raise ImportFailed(message)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a sheet says of its own size is often wrong
        yield from enumerate(([_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)), 1)
    except _SHEET_ERRORS as error:
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        message = f"{source}: is no Excel workbook that can be read ({reason}); save it again, or as CSV"
        raise ImportFailed(message) from None


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
