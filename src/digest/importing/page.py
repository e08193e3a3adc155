"""A parsed page and what it says as a whole: its title, language, media contact, base address.

It hands out text and addresses that are clean; it never fetches, and knows nothing of stories.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from lxml import etree
from lxml.html import Element, HTMLParser, document_fromstring

from digest.errors import ImportFailed
from digest.importing import dates, html_to_markdown, languages
from digest.text.characters import clean_line
from digest.text.urls import absolute, comparable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from lxml.html import HtmlElement

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
HIDDEN = frozenset(
    {"script", "style", "template", "noscript", "head", "svg", "nav", "aside", "iframe", "object", "select", "dialog"}
)
MAX_ELEMENTS = 100_000  # a listing page has 2,000; more is an archive or an attack
_LANDMARKS = {"header", "footer"}
_SECTIONS = {"article", "section", "main", "li", "td", "dd"}  # a header in one of these is no banner of the page
_NO_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_DATE_SIGNS = re.compile(r"\s*[|·•—–()]\s*|:\s+")
_DASHES = re.compile(r"\d.*[—–]")
# A date that tells when somebody last touched a page or a story, and not when it came out.
_UPDATE = re.compile(
    r"\b(?:updated?|modified|revised|reviewed|mise? à jour|modification|actualizado|actualización|modificación"
    r"|atualização|atualizado|stand|aktualisiert|geändert|aktualisierung|änderung|aggiornamento|aggiornato|bijgewerkt"
    r"|gewijzigd|обновлено|изменено|оновлено|güncelleme|güncellendi)\b|更新|تحديث",
    re.IGNORECASE,
)
_BEFORE_DATE = re.compile(
    r"[^\w]*(?:(?:on|le|el|am|em|il|op|date|日|：)\b)?[^\w]*(?:\w+,?\s+)?[\w.]*\s*\d", re.IGNORECASE
)
_OF_THE_PAGE = re.compile(r"\b(?:page|site|website|seite|página|pagina)\b|^\W*date modified|^\W*stand\b", re.IGNORECASE)
_LONGEST_DATE = 120
_SAVED = re.compile(r"<!--\s*saved from url=\(\d{4}\)(https?://\S{1,2000})")
_HEAD = 4_096
_REFRESH = re.compile(r"url\s*=\s*[\"']?([^\"'\s]{1,2000})", re.IGNORECASE)
_IS_REFRESH = "translate(@http-equiv, 'REFSH', 'refsh') = 'refresh'"
_IS_FEED = "contains(@type, 'rss') or contains(@type, 'atom') or contains(@type, 'feed+json')"
_FEW_WORDS = 60  # on a page that shows nothing without its scripts; a listing of one story has more
_JSON_LD = "//script[@type='application/ld+json']"


class ListingPage:
    """One page. `source` is where it came from; `notes` collects what a person may want to know."""

    def __init__(
        self, root: HtmlElement, source: str, zone: tzinfo, language: str, *, address: str = "", saved: str = ""
    ) -> None:
        """Hold what the page says as a whole, and take out of `root` what is no story's."""
        self.root = root
        self.scripts = [(script.text or "", script.sourceline or 0) for script in root.xpath(_JSON_LD)]
        self.source = source
        self.address = address or source  # where it came from in the end
        self.saved = saved  # from where the browser says that it saved it
        self.beside = 0  # pictures that it saved beside it
        self.zone = zone
        self.language = languages.language(root.get("lang") or root.get("xml:lang"), language)
        self.notes: list[str] = []
        # The page's name and whom to write to may stand in what is dropped now.
        self.title = self._title()
        self.contact = self._contact()
        self.elsewhere = self._elsewhere()
        _drop_furniture(root)

    @classmethod
    def parse(cls, text: str, source: str, zone: tzinfo, language: str, address: str = "") -> ListingPage:
        """Parse HTML. Raises ImportFailed for a page that has no element, or more than MAX_ELEMENTS."""
        # Bytes with a fixed character set: what the page says about its own was heeded when it was decoded.
        data = html_to_markdown.without_bad_references(html_to_markdown.without_declaration(text)).encode()
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
        found = _SAVED.search(text, 0, _HEAD)
        return cls(root, source, zone, language, address=address, saved=found[1] if found else "")

    @cached_property
    def base(self) -> str:
        """The address against which links are read: `<base>`, the source, or what the page calls its own."""
        own = self.address if self.address.startswith(("http://", "https://")) else ""
        canonical = self.first_attribute("//link[@rel='canonical']/@href") or self.meta("og:url")
        own = own or absolute(canonical) or absolute(self.saved)
        return absolute(self.first_attribute("//base/@href"), own) or own

    def _title(self) -> str:
        """The page's own heading, or what it calls itself."""
        for heading in self.root.iter("h1"):
            if name := words(heading):
                return name
        if name := self.meta("og:title"):
            return name
        return next((name for one in self.root.iter("title") if (name := clean_line(one.text or ""))), "")

    def _contact(self) -> str:
        """The first address that the page offers to write to."""
        for href in self.root.xpath("//a/@href"):
            if href.lower().startswith("mailto:") and (found := html_to_markdown.EMAIL.match(href[7:])):
                return found[0]
        found = html_to_markdown.EMAIL.search(" ".join(text for text in self.texts() if "@" in text))
        return found[0] if found else ""

    def _elsewhere(self) -> str:
        """Why a page without stories has none, and where they may be, as it says itself; mostly nothing."""
        moved = "://" in self.source and comparable(self.address) != comparable(self.source)
        says = [f"the address led to {self.address}"] if moved else []
        if self.root.xpath("//input[@type='password']"):
            says.append("it asks for a password; save the page from a browser that is logged in, and import the file")
        if (onward := _REFRESH.search(self.first_attribute(f"//meta[{_IS_REFRESH}]/@content"))) is not None:
            says.append(f"it sends browsers on to {absolute(clean_line(onward[1]), self.base)}; import that")
        if feed := absolute(self.first_attribute(f"//link[@rel='alternate' and ({_IS_FEED})]/@href"), self.base):
            says.append(f"it names a feed, {feed}; import that")
        elif self.root.xpath("//script[@src]") and len(" ".join(self.texts()).split()) < _FEW_WORDS:
            says.append("it has hardly any words: scripts draw it; import its feed")
        return "; ".join(says)

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

    def picture(self, source: str) -> str:
        """The absolute address of a picture; nothing for one that the browser saved beside the page (`News_files/`)."""
        first, slash, _ = unquote(source).removeprefix("./").partition("/")
        if (
            slash
            and self.address == self.source
            and re.fullmatch(rf"{re.escape(PurePath(self.source).stem)}[_-]\w+", first)
        ):
            self.beside += 1
            return ""
        return absolute(source, self.base)

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
                moment = dates.parse(part, self.zone, self.language, place=True)
            except dates.NoSuchDay as problem:
                error = error or problem
                continue
            if moment and part != text and _DASHES.search(text[: text.find(part)]):
                # What stands before the dash has numbers, too: the end of a range must not pass for its first day.
                return dates.NoSuchDay(f"'{text}' may be a range of days whose first cannot be read")
            if moment:
                return moment
        return error

    def update(self, element: HtmlElement) -> Literal["", "story", "page"]:
        """Whether the date in an element is that of a change, by the words on it or before it; and of what."""
        said = self.update_in(f"{_label(element)} {words(element)}")
        return said or ("story" if element.get("itemprop") == "dateModified" else "")

    def update_in(self, text: str) -> Literal["", "story", "page"]:
        """Whether a text is the date of a change, and of what."""
        found = _UPDATE.search(text)
        if not found or not _BEFORE_DATE.match(text, found.end()):
            return ""
        return "page" if _OF_THE_PAGE.search(text[: found.end()]) else "story"


def _label(element: HtmlElement) -> str:
    """The few words right before an element: those of its parent, or of a sibling that holds nothing but words."""
    before, above = element.getprevious(), element.getparent()
    if element.tag in HEADINGS or above is None:
        return ""
    text = above.text if before is None else f"{'' if len(before) else before.text or ''} {before.tail or ''}"
    text = clean_line(text or "")
    return text if len(text) <= _LONGEST_DATE and not any(map(str.isdigit, text)) else ""


def _drop_furniture(root: HtmlElement) -> None:
    """Take out what a visitor does not see, and what belongs to the site and to no story, with all that is in it."""
    banners = [one for one in root.iter(*_LANDMARKS) if not any(up.tag in _SECTIONS for up in one.iterancestors())]
    dropped = [
        one
        for one in root.iter()
        if isinstance(one.tag, str)
        and one.tag not in ("html", "head", "body")
        and (
            one.tag in HIDDEN
            or one.get("hidden") is not None
            or one.get("aria-hidden") == "true"
            or one.get("role") in ("navigation", "banner", "contentinfo", "search", "complementary")
            or _NO_STYLE.search(one.get("style") or "")
        )
    ]
    for tag in _LANDMARKS:
        of_tag = [one for one in banners if one.tag == tag]
        # Many of them are the heads of cards; the one that stands alone, or right in the body, is the page's.
        dropped += [one for one in of_tag if len(of_tag) == 1 or one.getparent().tag == "body"]
    for one in dropped:
        if one.getparent() is not None:
            one.drop_tree()


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
    """The text of an element as one clean line; a comment has none."""
    if not isinstance(element.tag, str):
        return ""
    parts: list[str] = []
    for event, one in etree.iterwalk(element, events=("start", "end")):
        shown = isinstance(one.tag, str) and one.tag not in HIDDEN
        if event == "start":
            parts.append((one.text or "") if shown else "")
        elif one is not element:
            parts.append(("" if one.tag in _INLINE else " ") + (one.tail or ""))
    return clean_line("".join(parts))


_INLINE = frozenset({"a", "span", "em", "i", "strong", "b", "small", "sup", "sub", "abbr", "time", "mark", "u", "cite"})
