"""Read a listing page that was saved or copied as plain text.

    [Media contact]            a heading and an address, optional
    Impact and people          the listing's title
    2022 | February 2022       headings that are years or months, in any language, optional
      1. © René Levita 2022    a bullet or number begins an item; a photo credit, optional
        Skills stories         the kicker, optional
        From prison to …       the title
        27 January 2021        the date, alone on its line: the one part that every item has
        Sergio was …           the summary, none or more paragraphs

Blank lines part the parts; where an item has none, each line is a part. What cannot be read is a fault with its line,
and the other items go on. It never guesses a date and never drops an item in silence.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from digest.errors import Fault
from digest.stories import dates
from digest.stories.characters import clean_line
from digest.stories.listing import Item, Listing
from digest.stories.prose import EMAIL, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

CREDIT = re.compile(
    r"©|\(c\)\s|(?:photos?|photo credit|credits?|crédits?(?: photo)?|fotos?|créditos?)\s*:", re.IGNORECASE
)
MAX_TITLE = 300  # a longer paragraph above the items introduces the listing, it does not name it

_BULLET = re.compile(r"(?P<indent>\s*)(?P<sign>\(?(?P<number>\d{1,5})[.)、]|[-*+•‣▪◦·●○■□–—→►])(?=\s|$)\s*(?P<text>.*)")
_RULE = re.compile(r"\s*([-=*_~#])(?:\s*\1){2,}\s*")
_MAX_HEAD = 2  # kicker and title
_CONTACT_LINES = 4  # name, office, telephone, address


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line that is not blank. `gap`: a blank line comes before it. `sign` is empty when it has no bullet."""

    line: int
    indent: int
    text: str
    gap: bool
    sign: str = ""
    number: int = 0

    @property
    def kind(self) -> str:
        return "number" if self.number else self.sign


@dataclass(slots=True)
class _Block:
    """Rows that belong together: an item, or an outer paragraph."""

    item: bool
    rows: list[_Row] = field(default_factory=list)

    @property
    def inner(self) -> int:
        """The indent of what is inside the item."""
        first = self.rows[0]
        return min((row.indent for row in self.rows[1:] if not row.sign), default=first.indent + 1)

    @property
    def text(self) -> str:
        return _joined(row.text for row in self.rows)


def parse(text: str, source: str, *, zone: tzinfo, language: str = "") -> Listing:
    """Read a listing. `language` (BCP 47) is the newsroom's; dates that can't be in it tell another."""
    reader = _Reader(source, zone, language)
    blocks = list(_blocks(list(_rows(text)), reader))
    items: list[Item] = []
    faults: list[Fault] = []
    contact = ""
    heads: list[str] = []  # outer paragraphs above the first item
    contact_head = ""
    for block in blocks:
        address = EMAIL.search(block.text)
        dated = block.item and reader.has_date(block.rows)
        if not dated and address and not items and len(block.rows) <= _CONTACT_LINES:
            contact = contact or address[0]
            if heads and not contact_head:
                contact_head = heads.pop()
            heads.extend(_below_contact(block.rows))
        elif not block.item:
            if not items and not reader.is_period(block.rows[0]) and len(block.text) <= MAX_TITLE:
                heads.append(clean_line(block.text.strip("# :")))
        elif isinstance(read := reader.item(block.rows), Item):
            items.append(read)
        else:
            faults.append(read)
    title = next(iter(heads), contact_head)
    items, spoken, notes = reader.spoken(items)
    return Listing(
        source=source,
        title=title,
        contact=contact,
        language=spoken,
        items=tuple(items),
        faults=tuple(faults),
        notes=notes,
    )


def _rows(text: str) -> Iterator[_Row]:
    gap = True
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = raw.replace("\xa0", " ").expandtabs(4).lstrip("\ufeff").rstrip()
        if not clean_line(line) or _RULE.fullmatch(line):
            gap = True
            continue
        found = _BULLET.match(line)
        shown = clean_line(found["text"] if found else line)
        indent = len(line) - len(line.lstrip())
        sign = found["sign"] if found else ""
        count = int(found["number"]) if found and found["number"] else 0
        yield _Row(line=number, indent=indent, text=shown, gap=gap, sign=sign, number=count)
        gap = False


def _blocks(rows: list[_Row], reader: _Reader) -> Iterator[_Block]:
    """Cut the rows into items and outer paragraphs."""
    current: _Block | None = None
    for place, row in enumerate(rows):
        if row.sign and reader.is_period(row):
            starts, item = True, False
        elif row.sign:
            starts = item = current is None or not current.item or _begins_item(current, rows, place, reader)
        else:
            starts = current is None or _is_outer(current, rows, place, reader)
            item = False
        if current is None or starts:
            if current:
                yield current
            current = _Block(item=item)
        current.rows.append(row)
    if current:
        yield current


def _begins_item(current: _Block, rows: list[_Row], place: int, reader: _Reader) -> bool:
    """Tell a bullet that begins the next item from one in a list inside the current item's summary."""
    row, first = rows[place], current.rows[0]
    if row.indent > first.indent and row.indent >= current.inner:
        return False
    after = rows[place + 1 :]
    end = next((n for n, other in enumerate(after) if other.sign and other.indent <= row.indent), len(after))
    if reader.has_date([row, *after[:end]]) or not reader.has_date(current.rows):
        return True
    if row.kind != first.kind:
        return False
    return row.number in (1, first.number + 1) if row.number else row.gap


def _is_outer(current: _Block, rows: list[_Row], place: int, reader: _Reader) -> bool:
    """Tell a heading, or a paragraph outside all items, from a line of the current item or paragraph."""
    row, first = rows[place], current.rows[0]
    if not current.item:
        return row.gap or reader.is_period(row) or reader.is_period(first)
    outdented = row.indent < first.indent or (row.indent == first.indent < current.inner and len(current.rows) > 1)
    if reader.is_period(row):
        titled = not reader.has_date(current.rows) and place + 1 < len(rows) and reader.has_date([rows[place + 1]])
        return outdented or not titled
    contact = bool(EMAIL.search(current.text)) and not reader.has_date(current.rows)
    return outdented or (contact and row.gap)


def _below_contact(rows: list[_Row]) -> list[str]:
    """Words below an address are the listing's title, in a text that lost its blank lines; numbers are telephones."""
    place = next((n for n, row in enumerate(rows) if EMAIL.search(row.text)), len(rows))
    return [row.text for row in rows[place + 1 :] if not re.search(r"[\d@]", row.text)]


class _Reader:
    """Reads items, and remembers which languages their dates are in."""

    def __init__(self, source: str, zone: tzinfo, language: str) -> None:
        self.source = source
        self.zone = zone
        self.language = language
        self.moments: dict[str, dates.Moment | dates.NoSuchDay | None] = {}

    def date(self, text: str) -> dates.Moment | dates.NoSuchDay | None:
        if text not in self.moments:
            try:
                self.moments[text] = dates.parse(text, self.zone, self.language)
            except dates.NoSuchDay as error:
                self.moments[text] = error
        return self.moments[text]

    def has_date(self, rows: Iterable[_Row]) -> bool:
        return any(self.date(row.text) for row in rows)

    def is_period(self, row: _Row) -> bool:
        return dates.is_period(row.text, self.language)

    def item(self, rows: list[_Row]) -> Item | Fault:
        first = rows[0]
        rows = [row for row in rows if row.text]
        place = next((n for n, row in enumerate(rows) if self.date(row.text)), None)
        if place is None:
            name = next((row.text for row in rows if not CREDIT.match(row.text)), "")
            return self.fault(first, f"{_quoted(name)} has no line that is a date, like 14 February 2022; left out")
        when = self.date(rows[place].text)
        if not isinstance(when, dates.Moment):
            return self.fault(rows[place], f"{when}; the item is left out")
        credit, head = _credit(rows[:place])
        parts = _parts(head, spaced=rows[place].gap or any(row.gap for row in head[1:]))
        if not parts:
            return self.fault(first, "an item has no title above its date; left out")
        if len(parts) > _MAX_HEAD:
            message = f"{len(parts)} paragraphs above the date, expected a credit, a kicker and the title; left out"
            return self.fault(head[0], message)
        return Item(
            title=parts[-1],
            date=when.at,
            date_only=when.date_only,
            kicker=parts[0] if len(parts) == _MAX_HEAD else "",
            credit=credit,
            summary=_summary(rows[place + 1 :]),
            line=first.line,
        )

    def fault(self, row: _Row, message: str) -> Fault:
        return Fault(file=self.source, line=row.line, message=message)

    def spoken(self, items: list[Item]) -> tuple[list[Item], str, tuple[str, ...]]:
        """The items with the listing's language, as far as the names of months tell it."""
        told = [when.languages for when in self.moments.values() if isinstance(when, dates.Moment) and when.languages]
        common = frozenset.intersection(*told) if told else frozenset()
        own = self.language[:2].lower()
        spoken, notes = self.language, ()
        if common and own not in common:
            if len(common) == 1:
                spoken = next(iter(common))
            else:
                listed = " or ".join(sorted(common))
                notes = (f"{self.source}: its dates are in {listed}, not in {own or 'a known language'}; say which",)
        return [replace(item, language=spoken) for item in items], spoken, notes


def _credit(head: list[_Row]) -> tuple[str, list[_Row]]:
    """Take the credit out: from the line that begins like one to the one that ends with a year, as `© … YYYY`."""
    start = next((n for n, row in enumerate(head) if CREDIT.match(row.text)), None)
    if start is None:
        return "", head
    end = start + 1
    for place in range(start, len(head)):
        if place > start and head[place].gap:
            break
        if re.search(r"\d{4}\W*$", head[place].text):
            end = place + 1
            break
    return _joined(row.text for row in head[start:end]), head[:start] + head[end:]


def _parts(rows: list[_Row], *, spaced: bool) -> list[str]:
    if not spaced:  # no blank line tells parts from broken lines: the first is the kicker, the others are the title
        texts = [row.text for row in rows]
        return texts if len(texts) <= _MAX_HEAD else [texts[0], _joined(texts[1:])]
    groups: list[list[str]] = []
    for row in rows:
        if row.gap or not groups:
            groups.append([])
        groups[-1].append(row.text)
    return [_joined(group) for group in groups]


def _summary(rows: list[_Row]) -> str:
    """Markdown of the lines below the date; a list inside stays a list."""
    groups: list[list[_Row]] = []
    for row in rows:
        if row.gap or row.sign or not groups:
            groups.append([])
        groups[-1].append(row)
    text = ""
    listed = False
    for group in groups:
        between = "\n" if listed and group[0].sign else "\n\n" if text else ""
        listed = bool(group[0].sign)
        text += between + ("- " if listed else "") + escape(_joined(row.text for row in group))
    return text


def _joined(texts: Iterable[str]) -> str:
    """One line out of broken ones. Chinese and Japanese are written without blanks."""
    result = ""
    for text in texts:
        wide = (
            result
            and text
            and {unicodedata.east_asian_width(result[-1]), unicodedata.east_asian_width(text[0])} <= {"W"}
        )
        result += text if wide or not result else f" {text}"
    return result


def _quoted(text: str, longest: int = 60) -> str:
    return f"'{text[: longest - 1]}…'" if len(text) > longest else f"'{text}'" if text else "an item"
