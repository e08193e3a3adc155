"""The parts of one story in a page: title, kicker, credit, link, picture, summary, told by tags, order and class names.

It looks at the elements that it is given and at nothing around them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from digest.importing import html_to_markdown
from digest.importing.listing_text import CREDIT
from digest.importing.page import HEADINGS, HIDDEN, words
from digest.importing.pictures import of_image
from digest.text.characters import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lxml.html import HtmlElement

    from digest.importing import dates
    from digest.importing.page import ListingPage

_BLOCKS = frozenset(
    {"p", "div", "section", "article", "ul", "ol", "li", "table", "tr", "td", "th", "dl", "dt", "dd", "figure"}
    | {"header", "footer", "blockquote", "figcaption", "br", "main", "aside", *HEADINGS}
)
_KICKER = re.compile(r"kicker|eyebrow|overline|supertitle|pretitle|dachzeile", re.IGNORECASE)
_CREDIT = re.compile(r"credit|copyright", re.IGNORECASE)
_BYLINE = re.compile(r"(?:^|[\s_-])(?:byline|author)(?:$|[\s_-])", re.IGNORECASE)
_HEADLINE = re.compile(r"title|headline|heading", re.IGNORECASE)
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "؟")
_LONGEST_KICKER = 80
_LONGEST_MORE = 25  # "Read more", "Lire la suite", "Weiterlesen"; a sentence is longer
_MANY_PARTS = 6  # elements that make up one date: day, month, year and what parts them
_PROSE = 20  # letters beside a date that make it a date in a sentence


def has_title(element: HtmlElement, date: HtmlElement | None = None) -> bool:
    """Tell whether an element can hold a story: it has a heading, a link with words, or is itself a link or a term.

    What is in `date`, the element of the story's date, is no title.
    """
    if element.tag == "a" and len(element) > 1:
        return True
    aside = set() if date is None else {element} if date is element else set(date.iter())
    inside = (one for one in element.iter() if isinstance(one.tag, str) and one not in aside)
    named = (
        one
        for one in inside
        if one.tag == "dt"
        or (one is not element and (one.tag in (*HEADINGS, "a") or _HEADLINE.search(one.get("class") or "")))
    )
    return any(words(one) for one in named)


def is_link(element: HtmlElement) -> bool:
    """Tell whether all that an element says is one link."""
    anchors = [element] if element.tag == "a" else list(element.iter("a"))
    return len(anchors) == 1 and bool(words(element)) and words(anchors[0]) == words(element)


def is_bold(element: HtmlElement) -> bool:
    """Tell whether all that a paragraph says is bold: a title, as Word saves one."""
    bold = list(element.iter("b", "strong")) if element.tag == "p" else []
    return bool(bold) and bool(words(element)) and words(bold[0]) == words(element)


class Dated(Struct, frozen=True, eq=False):
    """A date on a page: the innermost element that holds it, what it says, and whether it is that of a change."""

    place: HtmlElement
    when: dates.Moment | dates.NoSuchDay
    update: Literal["", "story", "page"]


def dated(page: ListingPage, root: HtmlElement) -> Iterator[Dated]:
    """The dates in an element, in the order of the page."""
    taken: set[HtmlElement] = set()
    prose_in: dict[HtmlElement, bool] = {}  # asked once for each parent: a page may put all its dates into one
    for element in root.iter():
        if not isinstance(element.tag, str) or element in taken or not _shown(element):
            continue
        when = None
        if element.tag == "time" or (len(element) <= _MANY_PARTS and not any(len(child) for child in element)):
            when = page.date(element)
        parent = element.getparent()
        if when and parent is not None and element.tag not in (*_BLOCKS, "time"):
            if parent not in prose_in:
                prose_in[parent] = _is_sentence(parent)
            if prose_in[parent]:
                when = None
        inner = next((child for child in element if page.date(child)), None) if when and len(element) else None
        if when and inner is None:
            taken.update(element.iter())
            yield Dated(element, when, page.update(element))
            continue
        for holder, text in ((element, element.text if len(element) else ""), (parent, element.tail)):
            if holder is not None and text and element is not root and (loose := page.moment(clean_line(text))):
                yield Dated(holder, loose, page.update_in(clean_line(text)))


class Parts:
    """What was found of one story. Each part is the elements that hold it, mostly one."""

    def __init__(self, page: ListingPage, room: HtmlElement | None) -> None:
        self.page = page
        self.room = room
        self.found: dict[str, list[HtmlElement]] = {}

    @classmethod
    def of(cls, page: ListingPage, title: HtmlElement | None, rest: Sequence[HtmlElement]) -> Parts:
        """A story that lies flat: its title, and what comes below its date."""
        parts = cls(page, None)
        if title is not None:
            parts.found["title"] = [title]
        parts._sort(rest)
        return parts

    @classmethod
    def within(cls, page: ListingPage, room: HtmlElement, date: HtmlElement | None = None) -> Parts:
        """A story that has an element of its own; `date` is the element of its date, which may be made of several."""
        parts = cls(page, room)
        aside = set() if date is None or date is room else set(date.iter())
        pieces = [
            one
            for one in _pieces(room)
            if not (one in aside or page.date(one) or page.update_in(words(one)) or _is_byline(one, room))
        ]
        title = _title(room, pieces)
        if title is None:
            return parts
        parts.found["title"] = [title]
        inside = set(title.iter()) | set(title.iterancestors())
        place = next((n for n, one in enumerate(pieces) if one in inside), 0)
        parts._sort(one for one in pieces if one not in inside)
        told = {*parts.found.get("credit", ()), *parts.found.get("caption", ())}
        above = [one for one in pieces[:place] if one not in inside and one not in told]
        short = [one for one in above if words(one) and len(words(one)) <= _LONGEST_KICKER]
        if short and "kicker" not in parts.found:
            parts.found["kicker"] = short[-1:]
        # Who wrote it may stand beside the day: that is no summary.
        row = None if date is None or date is room else date.getparent()
        beside = set(row) if row is not None and row is not room and len(words(row)) <= _LONGEST_KICKER else set()
        below = [one for one in parts.found.get("summary", ()) if one not in above and one not in beside]
        parts.found["summary"] = below
        return parts

    def text(self, key: str) -> str:
        """A part as one line."""
        return next((text for one in self.found.get(key, ()) if (text := words(one))), "")

    def link(self) -> str:
        """Where the story is: the link on its title, or around it, or the first."""
        title = self.found.get("title", [])[:1]
        around = [one for part in title for one in part.iterancestors("a")]
        candidates = [*self.found.get("link", ()), *title, *around]
        if self.room is not None:
            candidates += [self.room, *self.room.iterancestors("a")]
        for one in candidates:
            for anchor in (one, *one.iter("a")):
                href = anchor.get("href") if anchor.tag == "a" else None
                if href and not href.startswith(("#", "mailto:")):
                    return self.page.link(href, self.text("title"))
        return ""

    def picture(self) -> tuple[str, str]:
        """The address and the alternative text of the story's picture; its caption where it has no such text."""
        chosen = self.found.get("image", [] if self.room is None else [self.room])
        for one in chosen:
            for image in one.iter("img"):
                if address := self.page.picture(of_image(image)):
                    return address, clean_line(image.get("alt") or "") or self.text("caption")
        return "", ""

    def summary(self) -> str:
        """The summary as Markdown."""
        texts = [html_to_markdown.from_element(one, self.page.base) for one in self.found.get("summary", ())]
        # "Continue reading" behind a sentence says no more than the story's link.
        more = re.compile(rf"(?<=[.…!?\])»”])\s*\[[^\[\]]{{1,200}}\]\({re.escape(self.link())}\)$")
        return "\n\n".join(dict.fromkeys(filter(None, (more.sub("", text) for text in texts))))

    def _sort(self, pieces: Iterator[HtmlElement] | Sequence[HtmlElement]) -> None:
        for one in pieces:
            text, name = words(one), one.get("class") or ""
            more = len(text) <= _LONGEST_MORE and is_link(one)  # it says no more than where it leads
            if not text or more or self.page.moment(text):
                continue
            if CREDIT.match(text) or _CREDIT.search(name):
                self.found.setdefault("credit", []).append(one)
            elif one.tag == "figcaption":
                self.found.setdefault("caption", []).append(one)
            elif _KICKER.search(name) and len(text) <= _LONGEST_KICKER:
                self.found.setdefault("kicker", []).append(one)
            else:
                self.found.setdefault("summary", []).append(one)


def _pieces(element: HtmlElement) -> Iterator[HtmlElement]:
    """The elements that hold one piece of text each: paragraphs, headings, and what stands alone."""
    if not _shown(element):
        return
    blocks = any(child.tag in _BLOCKS or len(child) for child in element)
    whole = element.tag == "p" or element.tag in HEADINGS or not len(element)
    if whole or (not blocks and _is_sentence(element)):
        yield element
        return
    for child in element:
        if isinstance(child.tag, str):
            yield from _pieces(child)


def _is_byline(element: HtmlElement, room: HtmlElement) -> bool:
    """Tell who wrote it: no summary, and no kicker. It is short and no sentence; `text with author` is a layout."""
    near = (one for one in (element, element.getparent()) if one is not None and one is not room)
    called = (one for one in near if len(one) <= _MANY_PARTS and _BYLINE.search(one.get("class") or ""))
    return any(len(said) <= _LONGEST_KICKER and not said.endswith(_SENTENCE_ENDS) for said in map(words, called))


def _title(room: HtmlElement, pieces: list[HtmlElement]) -> HtmlElement | None:
    """The heading; else what is called one; else the link with the most words; else the first piece."""
    shown = [one for one in room.iter() if isinstance(one.tag, str) and _shown(one)]
    for chosen in (
        [one for one in shown if one.tag in HEADINGS or one.tag == "dt"],
        [one for one in shown if one is not room and _HEADLINE.search(one.get("class") or "")],
        sorted((one for one in shown if one.tag == "a"), key=lambda one: -len(words(one))),
        [one for one in pieces if not CREDIT.match(words(one))],
    ):
        found = next((one for one in chosen if words(one)), None)
        if found is not None:
            return found
    return None


def _shown(element: HtmlElement) -> bool:
    return element.tag not in HIDDEN and element.get("hidden") is None


def _is_sentence(element: HtmlElement) -> bool:
    """Tell whether an element has words of its own beside its children."""
    beside = "".join([element.text or "", *(child.tail or "" for child in element)])
    return len(re.sub(r"\W", "", beside)) >= _PROSE
