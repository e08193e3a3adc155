"""Read a CSV of stories: `date,title,link` and any other columns that a story has, by their names in the first row.

Comma, semicolon or tab; UTF-8 with or without byte order mark; quotes as spreadsheets write them. A row that cannot be
read is a fault with its line, and the others go on. A column that is not known is said, never dropped in silence.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from digest import yamlfile
from digest.errors import Fault
from digest.importing import dates
from digest.importing.html_to_markdown import paragraphs
from digest.importing.naming import slug
from digest.importing.source import Item, Listing
from digest.model import STORY_KEYS, STORY_LISTS, STORY_TIMES
from digest.stories.characters import clean_line
from digest.stories.fields import StoryFields
from digest.text.urls import absolute
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

# What other programs call the columns.
ALIASES = {
    "title": ("headline", "name"),
    "date": ("published", "pubdate", "publication_date", "date_published", "day"),
    "link": ("url", "address", "href", "permalink"),
    "kicker": ("series", "programme", "program", "overline"),
    "credit": ("photo_credit", "copyright"),
    "summary": ("description", "abstract", "text", "teaser", "excerpt"),
    "image": ("image_url", "photo", "picture"),
    "image_alt": ("alt", "alt_text"),
    "guid": ("id", "identifier"),
    "topics": ("topic", "tags", "keywords"),
    "countries": ("country",),
    "channels": ("channel", "section"),
    "language": ("lang", "locale"),
}
COLUMNS = (*STORY_KEYS, "summary")
_NAMES = {name: column for column in COLUMNS for name in (column, *ALIASES.get(column, ()))}
_SIGNS = ",;\t|"


def columns(text: str) -> tuple[str, list[str]] | None:
    """The sign between the columns and the columns' own names here (unknown ones as written); None: not a table."""
    first = text.lstrip("\ufeff").lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    for sign in _SIGNS:
        try:
            heads = next(csv.reader([first], delimiter=sign), [])
        except csv.Error:
            continue
        names = [_NAMES.get(re.sub(r"[\s-]+", "_", head.strip().lower()), head.strip()) for head in heads]
        if {"title", "date"} <= set(names):
            return sign, names
    return None


def parse(text: str, source: str, *, zone: tzinfo, language: str = "") -> Listing:
    """Read a table. Its first row must name at least title and date; otherwise the listing has one fault, no item."""
    found = columns(text)
    if not found:
        message = "the first row must name the columns, at least title and date"
        return Listing(source=source, language=language, faults=(Fault(file=source, line=1, message=message),))
    sign, names = found
    faults = [
        Fault(file=source, line=1, key=name, message="this column is given twice; keep one")
        for name in sorted(name for name, count in Counter(names).items() if count > 1 and name)
    ]
    unknown = [name for name in dict.fromkeys(names) if name and name not in COLUMNS]
    notes = tuple(
        f"{source}:1: column '{name}' is not known{did_you_mean(name, COLUMNS)}; not read" for name in unknown
    )
    items: list[Item] = []
    for read in _read(text, sign, names, source, zone, language) if not faults else ():
        if isinstance(read, Item):
            items.append(read)
        else:
            faults.append(read)
    return Listing(source=source, language=language, items=tuple(items), faults=tuple(faults), notes=notes)


def _read(text: str, sign: str, names: list[str], source: str, zone: tzinfo, language: str) -> Iterator[Item | Fault]:
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=sign, strict=True)
    line = 1
    header = True
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Fault(file=source, line=line, message=f"is not CSV from here on: {error}; the rest is left out")
            return
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            continue
        if header:
            header = False
        elif len(row) > len(names) and any(cell.strip() for cell in row[len(names) :]):
            message = f"{len(row)} values in {len(names)} columns; put quotes around a value that holds '{sign}'"
            yield Fault(file=source, line=line, message=message)
        else:
            yield _item(dict(zip(names, row, strict=False)), line, source, zone, language)


def _item(row: dict[str, str], line: int, source: str, zone: tzinfo, language: str) -> Item | Fault:
    cells = {key: text for key, value in row.items() if (text := clean_line(value))}
    spoken = cells.get("language", "").replace("_", "-") or language
    try:
        times = _times(cells, zone, spoken)
        values = _values(cells, line, source)
    except _CellError as error:
        return Fault(file=source, line=line, key=error.key, message=f"{error}; the row is left out")
    values |= {key: when.at for key, when in times.items()}
    summary = paragraphs(re.split(r"\r?\n\s*\r?\n", row.get("summary", "")))
    return Item(**values, language=spoken, date_only=times["date"].date_only, summary=summary, line=line)


class _CellError(ValueError):
    """What is wrong with the cell in the column `key`."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _times(cells: dict[str, str], zone: tzinfo, language: str) -> dict[str, dates.Moment]:
    times: dict[str, dates.Moment] = {}
    for key in STORY_TIMES:
        text = cells.get(key, "")
        try:
            when = dates.parse(text, zone, language)
        except dates.NoSuchDay as error:
            raise _CellError(key, str(error)) from None
        if when is not None:
            times[key] = when
        elif text or key == "date":
            raise _CellError(key, f"'{text}' is no date; write it like 2022-02-14")
    return times


def _values(cells: dict[str, str], line: int, source: str) -> dict[str, Any]:
    """The typed values of a row: what a story file with these keys would say. Without its times and language."""
    for key in ("link", "image"):
        if key in cells and not absolute(cells[key]):
            raise _CellError(key, f"'{cells[key][:80]}' is no http or https address")
    data: dict[str, Any] = {key: _several(text) if key in STORY_LISTS else text for key, text in cells.items()}
    for key in {"topics", "channels"} & data.keys():
        data[key] = [name for part in data[key] if (name := slug(part))]
    data = {key: value for key, value in data.items() if key in STORY_KEYS and key != "language"}
    document = yamlfile.Document(file=source, data=data, lines={(key,): line for key in data})
    fields, faults = yamlfile.validate(StoryFields, document)
    if fields is None:
        raise _CellError(faults[0].key.partition("[")[0], faults[0].message)
    return {key: value for key, value in fields if key not in {*STORY_TIMES, "language"}}


def _several(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;|]", text) if part.strip()]
