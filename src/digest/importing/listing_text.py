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

from digest.errors import Fault
from digest.importing import dates, text_blocks
from digest.importing.html_to_markdown import EMAIL, escape
from digest.importing.listing import Item, Listing
from digest.importing.text_blocks import Calendar, Row, TextBlock, joined
from digest.stories.characters import clean_line

if TYPE_CHECKING:
    from datetime import tzinfo

CREDIT = re.compile(
    r"©|\(c\)\s|(?:photos?|photo credit|credits?|crédits?(?: photo)?|fotos?|créditos?)\s*:", re.IGNORECASE
)
MAX_TITLE = 300  # a longer paragraph above the items introduces the listing, it does not name it

_MAX_HEAD = 2  # kicker and title
_CONTACT_LINES = 4  # name, office, telephone, address


def parse(text: str, source: str, *, zone: tzinfo, language: str = "") -> Listing:
    """Read a listing. `language` (BCP 47) is the newsroom's; dates that can't be in it tell another."""
    reader = _Reader(source, zone, language)
    blocks = text_blocks.blocks(text, reader.calendar)
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
        when = self.calendar.date(rows[place].text)
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

    def fault(self, row: Row, message: str) -> Fault:
        return Fault(file=self.source, line=row.line, message=message)

    def spoken(self, items: list[Item]) -> tuple[list[Item], str, tuple[str, ...]]:
        """The items with the listing's language, as far as the names of months tell it."""
        read = [when for when in self.calendar.moments.values() if isinstance(when, dates.Moment)]
        told = [when.languages for when in read if when.languages]
        common = frozenset.intersection(*told) if told else frozenset()
        own = self.calendar.language[:2].lower()
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
    groups: list[list[str]] = []
    for row in rows:
        if row.gap or not groups:
            groups.append([])
        groups[-1].append(row.text)
    return [joined(group) for group in groups]


def _summary(rows: list[Row]) -> str:
    """Markdown of the lines below the date; a list inside stays a list."""
    groups: list[list[Row]] = []
    for row in rows:
        if row.gap or row.sign or not groups:
            groups.append([])
        groups[-1].append(row)
    text = ""
    listed = False
    for group in groups:
        between = "\n" if listed and group[0].sign else "\n\n" if text else ""
        listed = bool(group[0].sign)
        text += between + ("- " if listed else "") + escape(joined(row.text for row in group))
    return text


def _quoted(text: str, longest: int = 60) -> str:
    return f"'{text[: longest - 1]}…'" if len(text) > longest else f"'{text}'" if text else "an item"
