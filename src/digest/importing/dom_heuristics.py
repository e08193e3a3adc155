"""Find the stories of a page by its shape: every story has a date, and an element around it that no other date shares.

    dates ─climb─▶ one element a story, or siblings cut at headings where stories lie flat ─parts─▶ items
    or, with CSS selectors: exactly the elements that these name

What has no date where its neighbours have one, or a day that the calendar has not, is a fault with its line.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from digest.errors import Fault, UsageError
from digest.importing import dates
from digest.importing.page import HEADINGS, words
from digest.importing.source import Item, told_apart
from digest.importing.story_nodes import Dated, Parts, dated, has_title, is_bold, is_link
from digest.text.urls import absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lxml.html import HtmlElement

    from digest.importing.page import ListingPage

    Moment = dates.Moment | dates.NoSuchDay

_OWN_ROOM = ("article", "li", "tr", "dd")  # elements that pages give to one story each
_TITLES = (*HEADINGS, "dt")
_NEIGHBOURS = 2  # stories of one shape, and what differs from them is no story
_NEVER = ("body", "html", "main")


def by_shape(page: ListingPage) -> tuple[Sequence[Item], Sequence[Fault]]:
    """The items that the page shows, in its order."""
    shape = _Shape(page)
    items, faults = told_apart(_item(page, shape.parts(date.place), date.when, date.place) for date in shape.dates)
    return _alike(page, items), sorted((*faults, *shape.undated()), key=lambda fault: fault.line)


def _alike(page: ListingPage, items: Sequence[Item]) -> Sequence[Item]:
    """The items without the one that has a date but not what all of its neighbours have: a link. It becomes a note."""
    linked = [item for item in items if item.link]
    if len(items) - len(linked) != 1 or len(linked) < _NEIGHBOURS:
        return items
    for item in items:
        if not item.link:
            page.notes.append(
                f"{page.source}:{item.line}: '{item.title[:60]}' has a date but no link, as all others have; left out"
            )
    return linked


def by_selectors(page: ListingPage, selectors: Mapping[str, str]) -> tuple[Sequence[Item], Sequence[Fault]]:
    """The items that CSS selectors name; title, date, link and picture are looked for where they have no selector."""
    chosen = {key: _compiled(key, text) for key, text in selectors.items() if text}
    if "item" not in chosen:
        message = "selectors: item: is missing; name the element that holds one story"
        raise UsageError(message)
    reads: list[Item | Fault] = []
    for room in chosen.pop("item")(page.root):
        named = {key: find(room) for key, find in chosen.items()}
        parts = Parts.within(page, room)
        parts.found = {"title": parts.found.get("title", []), **named}
        place = next(iter(named.get("date", ())), room)
        date = _published(list(dated(page, place)))
        reads.append(_item(page, parts, date.when if date else None, date.place if date else room))
    return told_apart(reads)


def _compiled(key: str, text: str) -> Callable[[HtmlElement], list[HtmlElement]]:
    from cssselect import SelectorError
    from lxml.cssselect import CSSSelector

    try:
        select = CSSSelector(text, translator="html")
    except SelectorError as error:
        message = f"selectors: {key}: {text!r} is no CSS selector: {error}"
        raise UsageError(message) from None
    return lambda room: cast("list[HtmlElement]", select(room))


def _item(page: ListingPage, parts: Parts, when: Moment | None, place: HtmlElement) -> Item | Fault:
    line = place.sourceline or 0
    title = parts.text("title")
    name = f"'{title[:60]}'" if title else "a story"
    if not isinstance(when, dates.Moment):
        problem = f"{name}: {when}" if when else f"{name} has no date"
        return Fault(file=page.source, line=line, message=f"{problem}; left out")
    if absolute(title) or not title:
        problem = f"{name} is an address and no title" if title else "no title was found for this date"
        return Fault(file=page.source, line=line, message=f"{problem}; left out")
    image, alt = parts.picture()
    return Item(
        title=title,
        date=when.at,
        date_only=when.date_only,
        kicker=parts.text("kicker"),
        credit=parts.text("credit"),
        link=parts.link(),
        image=image,
        image_alt=alt,
        summary=parts.summary(),
        language=page.language,
        line=line,
    )


class _Shape:
    """Where the dates of a page stand, and what is around them."""

    def __init__(self, page: ListingPage) -> None:
        self.page = page
        self.dates = _one_a_room(dated(page, page.root))
        self.count = Counter(above for date in self.dates for above in (date.place, *date.place.iterancestors()))
        headings = [one for one in page.root.iter(*_TITLES) if dates.is_period(words(one), page.language)]
        self.periods = set(headings)
        titles = list(page.root.iter(*_TITLES))
        firsts = [one for one in titles if one.tag == "h1"]
        if len(firsts) == 1 < max(len(titles), len(self.dates)):
            self.periods.add(firsts[0])  # the page's own title is no story's
        self.parted = {above for heading in headings for above in (heading, *heading.iterancestors())}
        self.rooms: list[HtmlElement] = []
        self.dates_lead: bool | None = None  # whether flat stories have their date above the title; the first one tells

    def parts(self, place: HtmlElement) -> Parts:
        """The parts of the story of the date in this element."""
        room = self._room(place)
        if room is None:
            return self._flat(place)
        self.rooms.append(room)
        return Parts.within(self.page, room, place)

    def _room(self, place: HtmlElement) -> HtmlElement | None:
        """The element that holds the story of this date and of no other; None where stories lie flat."""
        reach: list[HtmlElement] = []
        for one in (place, *place.iterancestors()):
            if self.count[one] > 1 or one in self.parted or one.tag in _NEVER:
                break
            reach.append(one)
        own = [one for one in reach if one.tag in _OWN_ROOM and has_title(one, place)]
        return own[-1] if own else next((one for one in reach if has_title(one, place)), None)

    def _flat(self, place: HtmlElement) -> Parts:
        """The parts of a story whose title, date and summary are siblings."""
        row = place
        while (above := row.getparent()) is not None and self.count[above] == 1 and above.tag not in _NEVER:
            row = above
        before = self._title(self._until(row, backwards=True))
        after = list(self._until(row, backwards=False))
        if self.dates_lead is None:
            self.dates_lead = before is None
        title = before
        if self.dates_lead:
            title = self._title(after)
            if title is None and (room := next((one for one in after if has_title(one)), None)) is not None:
                return Parts.within(self.page, room)  # `<dt>` the day, `<dd>` the story
            after = after[after.index(title) + 1 :] if title is not None else []
        ends = next(
            (n for n, one in enumerate(after) if one.tag in _TITLES or is_link(one) or is_bold(one)), len(after)
        )
        return Parts.of(self.page, title, after[:ends])

    def _title(self, row: Iterable[HtmlElement]) -> HtmlElement | None:
        siblings = list(row)
        heading = next((one for one in siblings if one.tag in _TITLES), None)
        alone = (next((one for one in siblings if is_title(one)), None) for is_title in (is_link, is_bold))
        return heading if heading is not None else next((one for one in alone if one is not None), None)

    def _until(self, row: HtmlElement, *, backwards: bool) -> Iterator[HtmlElement]:
        """Siblings up to the next date or heading of a period; up to the title, going back."""
        for one in row.itersiblings(preceding=backwards):
            if self.count[one] or one in self.periods:
                return
            yield one
            if backwards and (one.tag in _TITLES or is_link(one)):
                return

    def undated(self) -> Iterator[Fault]:
        """Elements that look like the rooms of stories and have no date."""
        kinds = {(room.getparent(), room.tag, room.get("class")) for room in self.rooms}
        for parent, tag, name in kinds:
            if parent is None or (tag not in _OWN_ROOM and not name):
                continue
            for one in parent.iterchildren(tag):
                if one.get("class") == name and not self.count[one] and one not in self.parted and has_title(one):
                    title = Parts.within(self.page, one).text("title")
                    message = f"'{title[:60]}' has no date; left out"
                    yield Fault(file=self.page.source, line=one.sourceline or 0, message=message)


def _published(found: Sequence[Dated]) -> Dated | None:
    """Of the dates of one story the first that is not said to be of a change."""
    return next((date for date in found if not date.update), found[0] if found else None)


def _one_a_room(every: Iterable[Dated]) -> list[Dated]:
    """The dates of a page, of a story with two of them only that on which it came out; none of the page itself.

    Two dates are one story's where both are in one room with one title.
    """
    stories: dict[HtmlElement, list[Dated]] = {}
    for date in every:
        if date.update == "page":
            continue
        room = next((one for one in (date.place, *date.place.iterancestors()) if one.tag in _OWN_ROOM), None)
        alone = room is not None and sum(1 for _ in room.iter(*_TITLES)) == 1
        stories.setdefault(room if alone and room is not None else date.place, []).append(date)
    return [found for dates_ in stories.values() if (found := _published(dates_)) is not None]
