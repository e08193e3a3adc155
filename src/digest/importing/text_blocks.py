"""Cut a listing page in plain text into its items and the paragraphs around them, by bullets, indents and blank lines.

It decides where an item begins and ends, and nothing about what is in it. Indents may be lost, blank lines may be
lost, bullets may be numbers or signs; a list inside a summary is not taken for items.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from digest.importing import dates
from digest.importing.html_to_markdown import EMAIL
from digest.stories.characters import clean_line
from digest.text.wrapping import width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

_BULLET = re.compile(r"(?P<indent>\s*)(?P<sign>\(?(?P<number>\d{1,5})[.)、]|[-*+•‣▪◦·●○■□–—→►])(?=\s|$)\s*(?P<text>.*)")
_CONTACT_WORDS = 60  # a name and an office beside an address; a sentence has more
_RULE = re.compile(r"\s*([-=*_~#])(?:\s*\1){2,}\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line that is not blank. `gap`: a blank line comes before it. `sign` is empty when it has no bullet."""

    line: int
    indent: int
    text: str
    gap: bool
    sign: str = ""
    number: int = 0

    @property
    def kind(self) -> str:
        """Bullets of one kind make one list."""
        return "number" if self.number else self.sign


class TextBlock:
    """Rows that belong together: an item, or an outer paragraph. What is asked of it often is kept while it grows."""

    def __init__(self, *, item: bool) -> None:
        self.item = item
        self.rows: list[Row] = []
        self.dated = False
        self.inner: int | None = None  # the least indent of its lines without a bullet
        self.address = ""  # of a media contact

    def add(self, row: Row, calendar: Calendar) -> None:
        """Take one more row in."""
        if not row.sign:
            self.inner = row.indent if self.inner is None else min(self.inner, row.indent)
        self.rows.append(row)
        self.dated = self.dated or bool(calendar.date(row.text))
        if not self.address and (found := EMAIL.search(row.text)) and len(row.text) - len(found[0]) < _CONTACT_WORDS:
            self.address = found[0]


class Calendar:
    """Knows which lines are dates or headings of a period; remembers what it was asked."""

    def __init__(self, zone: tzinfo, language: str) -> None:
        self.zone = zone
        self.language = language
        self.moments: dict[str, dates.Moment | dates.NoSuchDay | None] = {}

    def date(self, text: str) -> dates.Moment | dates.NoSuchDay | None:
        """The date that `text` is; the error when the calendar has no such day; None when it is no date."""
        if text not in self.moments:
            try:
                self.moments[text] = dates.parse(text, self.zone, self.language)
            except dates.NoSuchDay as error:
                self.moments[text] = error
        return self.moments[text]

    def is_period(self, text: str) -> bool:
        """Tell whether `text` is a heading of a month or a year."""
        return dates.is_period(text, self.language)


def _rows(text: str, calendar: Calendar) -> Iterator[Row]:
    gap = True
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = raw.replace("\xa0", " ").expandtabs(4).lstrip("\ufeff").rstrip()
        if not clean_line(line) or _RULE.fullmatch(line):
            gap = True
            continue
        # "3. Juni 2021" is a German date, not the third item.
        found = None if isinstance(calendar.date(clean_line(line)), dates.Moment) else _BULLET.match(line)
        shown = clean_line(found["text"] if found else line)
        indent = len(line) - len(line.lstrip())
        sign = found["sign"] if found else ""
        count = int(found["number"]) if found and found["number"] else 0
        yield Row(line=number, indent=indent, text=shown, gap=gap, sign=sign, number=count)
        gap = False


def blocks(text: str, calendar: Calendar) -> Iterator[TextBlock]:
    """The items and outer paragraphs of a listing, in order."""
    rows = list(_rows(text, calendar))
    current: TextBlock | None = None
    for place, row in enumerate(rows):
        heading = calendar.is_period(row.text) and not _titles(rows, place, calendar, current)
        if row.sign and not heading:
            starts = item = current is None or not current.item or _begins_item(current, rows, place, calendar)
        else:
            starts, item = current is None or heading or _is_outer(current, row, calendar), False
        if current is None or starts:
            if current:
                yield current
            current = TextBlock(item=item)
        current.add(row, calendar)
    if current:
        yield current


def _titles(rows: list[Row], place: int, calendar: Calendar, current: TextBlock | None) -> bool:
    """Tell a title that is a month or a year ("1984") from a heading: its date comes next, and nothing above did."""
    row = rows[place]
    waiting = row.sign or (current and current.item and not current.dated and row.indent >= current.rows[0].indent)
    return bool(waiting) and place + 1 < len(rows) and bool(calendar.date(rows[place + 1].text))


def _begins_item(current: TextBlock, rows: list[Row], place: int, calendar: Calendar) -> bool:
    """Tell a bullet that begins the next item from one in a list inside the current item's summary."""
    row, first = rows[place], current.rows[0]
    if row.indent > first.indent and (current.dated if current.inner is None else row.indent >= current.inner):
        return False
    if not current.dated:
        return True
    for other in islice(rows, place + 1, None):
        if other.sign and other.indent <= row.indent:
            break
        if calendar.date(other.text):
            return True
    if row.kind != first.kind:
        return False
    return row.number in (1, first.number + 1) if row.number else row.gap


def _is_outer(current: TextBlock, row: Row, calendar: Calendar) -> bool:
    """Tell a paragraph outside all items from a line of the current item or paragraph."""
    first = current.rows[0]
    if not current.item:
        return row.gap or calendar.is_period(first.text)
    inside = current.inner is not None and row.indent == first.indent < current.inner
    return row.indent < first.indent or inside or (row.gap and bool(current.address) and not current.dated)


def joined(texts: Iterable[str]) -> str:
    """One line out of broken ones. Chinese and Japanese are written without blanks."""
    result = ""
    for text in texts:
        result += text if not result or (_wide(result[-1:]) and _wide(text[:1])) else f" {text}"
    return result


def _wide(character: str) -> bool:
    return width(character) == 2  # noqa: PLR2004 - columns
