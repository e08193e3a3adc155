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
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.errors import Fault
from digest.importing import dates
from digest.importing.html_to_markdown import EMAIL, escape
from digest.importing.source import Item, Listing
from digest.text.characters import clean_line
from digest.text.language import primary
from digest.text.urls import absolute
from digest.text.wrapping import clipped, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

CREDIT = re.compile(
    r"©|\(c\)\s|(?:photos?|photo credit|credits?|crédits?(?: photo)?|fotos?|créditos?|bild|foto(?:nachweis)?)\s*:"
    r"|(?:photo(?:graph)?s?|pictures?|images?)\s+(?:by|courtesy of)\s+(?-i:[A-Z])"
    r"|(?:fotos?|bild)\s+(?:de|von)\s+(?-i:[A-Z])"
    r"|[^.:!?©]{2,60}\s(?:©|\(c\))\s*\d{0,4}\s*$",
    re.IGNORECASE,
)
MAX_TITLE = 300  # a longer paragraph above the items introduces the listing, it does not name it

_MAX_HEAD = 2  # kicker and title
_LOOK_AHEAD = 200  # lines in which an item that begins has its date
_CONTACT_LINES = 4  # name, office, telephone, address


def parse(text: str, source: str, *, zone: tzinfo, language: str = "") -> Listing:
    """Read a listing. `language` (BCP 47) is the newsroom's; dates that can't be in it tell another."""
    reader = _Reader(source, zone, language)
    blocks = cut_blocks(text, reader.calendar)
    items: list[Item] = []
    faults: list[Fault] = []
    contact = ""
    heads: list[str] = []  # outer paragraphs above the first item
    contact_head = ""
    for block in blocks:
        if _is_contact(block, early=not items):
            contact = contact or block.address
            if heads and not contact_head:
                contact_head = heads.pop()
            heads.extend(_below_contact(block.rows))
        elif not block.item:
            name = clean_line(joined(row.text for row in block.rows).strip("# :"))
            if not items and not reader.calendar.is_period(name) and len(name) <= MAX_TITLE:
                heads.append(name)
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


def _is_contact(block: TextBlock, *, early: bool) -> bool:
    """Tell a media contact from an item that lost its date: below the items, only an address alone is one."""
    if not block.address or block.dated or len(block.rows) > _CONTACT_LINES:
        return False
    return early or not block.item or block.address in block.rows[0].text


def _below_contact(rows: list[Row]) -> list[str]:
    """Words below an address are the listing's title, in a text that lost its blank lines; numbers are telephones."""
    place = next((n for n, row in enumerate(rows) if EMAIL.search(row.text)), len(rows))
    return [row.text for row in rows[place + 1 :] if not re.search(r"[\d@]", row.text)]


class _Reader:
    """Reads items, and remembers which languages their dates are in."""

    def __init__(self, source: str, zone: tzinfo, language: str) -> None:
        self.source = source
        self.calendar = Calendar(zone, language)

    def item(self, rows: list[Row]) -> Item | Fault:
        first = rows[0]
        rows = [row for row in rows if row.text]
        place = next((n for n, row in enumerate(rows) if self.calendar.date(row.text)), None)
        if place is None:
            name = next((row.text for row in rows if not CREDIT.match(row.text)), "")
            return self.fault(first, f"{_quoted(name)} has no line that is a date, like 14 February 2022; left out")
        link = next((address for row in rows if (address := absolute(row.text))), "")
        when = self.calendar.date(rows[place].text)
        if not isinstance(when, dates.Moment):
            return self.fault(rows[place], f"{when}; the item is left out")
        credit, head = _credit([row for row in rows[:place] if not absolute(row.text)])
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
            link=link,
            summary=_summary([row for row in rows[place + 1 :] if absolute(row.text) != link or not link]),
            line=first.line,
        )

    def fault(self, row: Row, message: str) -> Fault:
        return Fault(file=self.source, line=row.line, message=message)

    def spoken(self, items: list[Item]) -> tuple[list[Item], str, tuple[str, ...]]:
        """The items with the listing's language, as far as the names of months tell it."""
        read = [when for when in self.calendar.moments.values() if isinstance(when, dates.Moment)]
        told = [when.languages for when in read if when.languages]
        common = frozenset.intersection(*told) if told else frozenset()
        own = primary(self.calendar.language)
        spoken = self.calendar.language
        notes: tuple[str, ...] = ()
        if common and own not in common:
            listed = " or ".join(sorted(common))
            if len(common) == 1:
                spoken = listed
            else:
                notes = (f"{self.source}: its dates are in {listed}, not in '{own}'; say which with --language",)
        return [replace(item, language=spoken) for item in items], spoken, notes


def _credit(head: list[Row]) -> tuple[str, list[Row]]:
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
    return joined(row.text for row in head[start:end]), head[:start] + head[end:]


def _parts(rows: list[Row], *, spaced: bool) -> list[str]:
    if not spaced:  # no blank line tells parts from broken lines: the first is the kicker, the others are the title
        texts = [row.text for row in rows]
        return texts if len(texts) <= _MAX_HEAD else [texts[0], joined(texts[1:])]
    return [joined(row.text for row in group) for group in _groups(rows)]


def _groups(rows: list[Row], *, signs: bool = False) -> list[list[Row]]:
    """The rows between blank lines, and between `signs` of a list."""
    groups: list[list[Row]] = []
    for row in rows:
        if row.gap or (signs and row.sign) or not groups:
            groups.append([])
        groups[-1].append(row)
    return groups


def _summary(rows: list[Row]) -> str:
    """Markdown of the lines below the date; a list inside stays a list."""
    text = ""
    listed = False
    for group in _groups(rows, signs=True):
        between = "\n" if listed and group[0].sign else "\n\n" if text else ""
        listed = bool(group[0].sign)
        text += between + ("- " if listed else "") + escape(joined(row.text for row in group))
    return text


def _quoted(text: str) -> str:
    return f"'{clipped(text, 60)}'" if text else "an item"


# Chinese and Japanese numbers need no blank behind them: 1、 and １．
_BULLET = re.compile(
    r"(?P<indent>\s*)(?P<sign>\(?(?P<number>\d{1,5})(?:[.)](?=\s|$)|[、．）])|[-*+•‣▪◦·●○■□–—→►](?=\s|$))\s*(?P<text>.*)"
)
_WORD_BULLET = re.compile(r"^(\s*)(?:[\uf000-\uf0ff]|[o§ØüvqF](?=\t))(\s)")  # letters of Symbol and Wingdings
_CONTACT_WORDS = 60  # a name and an office beside an address; a sentence has more
_RULE = re.compile(r"\s*([-=*_~#])(?:\s*\1){2,}\s*")


class Row(Struct, frozen=True, kw_only=True):
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
    """Knows which lines are dates or headings of a period; remembers the dates."""

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
        line = _WORD_BULLET.sub(r"\1•\2", raw.replace("\xa0", " ")).expandtabs(4).lstrip("\ufeff").rstrip()
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


def cut_blocks(text: str, calendar: Calendar) -> Iterator[TextBlock]:
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
    for other in rows[place + 1 : place + 1 + _LOOK_AHEAD]:
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
