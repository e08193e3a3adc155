"""A parsed page and what it says as a whole: its title, language, media contact, base address.

It hands out text and addresses that are clean; it never fetches, and knows nothing of stories.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from lxml import etree
from lxml.html import Element, HTMLParser, document_fromstring

from digest.errors import ImportFailed
from digest.importing import dates, html_to_markdown
from digest.stories.characters import clean_line
from digest.text.urls import absolute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from lxml.html import HtmlElement

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
HIDDEN = frozenset({"script", "style", "template", "noscript", "head", "svg", "nav", "iframe", "object"})
MAX_ELEMENTS = 100_000  # a listing page has 2,000; more is an archive or an attack
_DATE_SIGNS = re.compile(r"\s*[|·•—–()]\s*|:\s+")
_LONGEST_DATE = 120


class ListingPage:
    """One page. `source` is where it came from; `notes` collects what a person may want to know."""

    def __init__(self, root: HtmlElement, source: str, zone: tzinfo, language: str) -> None:
        self.root = root
        self.source = source
        self.zone = zone
        self.language = html_to_markdown.language(root.get("lang") or root.get("xml:lang"), language)
        self.notes: list[str] = []

    @classmethod
    def parse(cls, text: str, source: str, zone: tzinfo, language: str) -> ListingPage:
        """Parse HTML. Raises ImportFailed for a page that has no element, or more than MAX_ELEMENTS."""
        # Bytes with a fixed character set: what the page says about its own was heeded when it was decoded.
        data = html_to_markdown.without_declaration(text.replace("\x00", "")).encode()
        try:
            root = document_fromstring(data, parser=HTMLParser(encoding="utf-8", huge_tree=False, no_network=True))
        except (etree.ParserError, ValueError) as error:
            message = f"{source}: is no HTML page: {error}"
            raise ImportFailed(message) from None
        count = sum(1 for _ in root.iter())
        if count > MAX_ELEMENTS:
            message = f"{source}: has {count:,} elements; a listing page has a few thousand"
            raise ImportFailed(message)
        _wrap_broken_lines(root)
        return cls(root, source, zone, language)

    @cached_property
    def base(self) -> str:
        """The address against which links are read: `<base>`, the source, or what the page calls its own."""
        own = self.source if self.source.startswith(("http://", "https://")) else ""
        canonical = self.first_attribute("//link[@rel='canonical']/@href") or self.meta("og:url")
        own = own or absolute(canonical)
        return absolute(self.first_attribute("//base/@href"), own) or own

    @cached_property
    def title(self) -> str:
        """The page's own heading, or what it calls itself."""
        for heading in self.root.iter("h1"):
            if name := words(heading):
                return name
        if name := self.meta("og:title"):
            return name
        return next((name for one in self.root.iter("title") if (name := clean_line(one.text or ""))), "")

    @cached_property
    def contact(self) -> str:
        """The first address that the page offers to write to."""
        for href in self.root.xpath("//a/@href"):
            if href.lower().startswith("mailto:") and (found := html_to_markdown.EMAIL.match(href[7:])):
                return found[0]
        found = html_to_markdown.EMAIL.search(" ".join(text for text in self.texts() if "@" in text))
        return found[0] if found else ""

    def meta(self, name: str) -> str:
        """What a `<meta>` of this property or name says."""
        for element in self.root.iter("meta"):
            if name in (element.get("property"), element.get("name")) and element.get("content"):
                return clean_line(element.get("content") or "")
        return ""

    def first_attribute(self, xpath: str) -> str:
        """The first of the attributes that an XPath of ours finds, or nothing."""
        return next((str(one) for one in self.root.xpath(xpath)), "")

    def texts(self) -> Iterator[str]:
        """The texts of the page that are shown."""
        for element in self.root.iter():
            if isinstance(element.tag, str) and element.tag not in HIDDEN:
                yield from filter(None, (element.text, element.tail))

    def link(self, href: str | None, which: str) -> str:
        """The absolute address of a link, or nothing and a note."""
        if not href or href.startswith("#"):
            return ""
        address = absolute(href, self.base)
        if not address:
            hint = "" if self.base else "; the page's own address is not known, import it from there"
            given = clean_line(href)[:60]
            self.notes.append(f"{self.source}: {which[:60]}: '{given}' is no http or https address{hint}")
        return address

    def date(self, element: HtmlElement) -> dates.Moment | dates.NoSuchDay | None:
        """The date that an element is: what it shows, then what it tells machines."""
        shown = self.moment(words(element))
        if isinstance(shown, dates.Moment):
            return shown
        said = element.get("datetime") or (element.get("content") if element.get("itemprop") else None)
        return (self.moment(clean_line(said)) if said else None) or shown

    def moment(self, text: str) -> dates.Moment | dates.NoSuchDay | None:
        """The date that a text is, or that stands in it between signs: `News | 14 February 2022`."""
        error = None
        if len(text) > _LONGEST_DATE:
            return None
        for part in (text, *_DATE_SIGNS.split(text)):
            try:
                if moment := dates.parse(part, self.zone, self.language):
                    return moment
            except dates.NoSuchDay as problem:
                error = error or problem
        return error


def _wrap_broken_lines(root: HtmlElement) -> None:
    """Give each line between `<br>`s an element, so that a date or a summary among them can be pointed at."""
    for element in {line.getparent() for line in root.iter("br")}:
        for child in list(element):
            if (tail := child.tail or "").strip():
                child.tail = None
                child.addnext(_line(tail, child.sourceline))
        if (element.text or "").strip():
            element.insert(0, _line(element.text, element.sourceline))
            element.text = None


def _line(text: str | None, sourceline: int | None) -> HtmlElement:
    span = Element("span")
    span.text, span.sourceline = text, sourceline
    return span


def words(element: HtmlElement) -> str:
    """The text of an element as one clean line."""
    parts: list[str] = []
    for event, one in etree.iterwalk(element, events=("start", "end")):
        shown = isinstance(one.tag, str) and one.tag not in HIDDEN
        if event == "start":
            parts.append((one.text or "") if shown else "")
        elif one is not element:
            parts.append(("" if one.tag in _INLINE else " ") + (one.tail or ""))
    return clean_line("".join(parts))


_INLINE = frozenset({"a", "span", "em", "i", "strong", "b", "small", "sup", "sub", "abbr", "time", "mark", "u", "cite"})
