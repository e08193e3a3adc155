"""The XML of a feed as a tree: mended where it can be, its names made short, with nothing expanded or fetched.

    text ─refuse bombs─▶ sound XML ─libxml2, recovering─▶ elements ─▶ FeedElement: children by name, texts, HTML

It knows how feeds are spelled and nothing of stories.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from html import escape
from html.entities import html5
from typing import TYPE_CHECKING

from digest.errors import ImportFailed
from digest.importing import html_to_markdown
from digest.text.urls import absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element as Element

RDF = "{rdf}rdf"  # the root of RSS 1.0
MAX_DEPTH = 200  # elements within elements; a real feed has 10
_TEXTS = {"<![CDATA[": "]]>", "<!--": "-->"}  # what is between them has no elements and no entities
# Where a feed begins that has something before it: a warning of PHP's, the head of an answer.
BEGINNING = re.compile(r"<\?xml[\s?]|<(?:rss|feed|rdf:RDF|atom:feed)[\s>]", re.IGNORECASE)
_OWN_ROOT = re.compile(r"<(?:[\w.-]{1,40}:)?(?:rss|feed|rdf)\b", re.IGNORECASE)  # with whatever prefix
_DOCTYPE = re.compile(r"<!DOCTYPE", re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
_CHARACTER_ENTITY = re.compile(r"""<!ENTITY\s+(\w+)\s+(["'])(?:&\#\w{1,8};|[^<&%"'])\2\s*>""", re.IGNORECASE)
# What is written as it is, and begins markup: an ampersand, or a `<` that begins no tag.
_LOOSE = re.compile(r"&(#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|\w{2,31};)?|<(?=[\s\d=.,;)]|\Z)")
_TAGS = re.compile(r"<(/?)[A-Za-z_][^<>]*?(/?)>")

# Namespaces as elements carry them, and the short names by which they are asked for here.
_SPACES = {
    **dict.fromkeys(("", "http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#", "http://purl.org/rss/1.0/"), ""),
    **dict.fromkeys(("http://my.netscape.com/rdf/simple/0.9/", "http://backend.userland.com/rss2"), ""),
    **dict.fromkeys(("http://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss"), "media:"),
    "http://purl.org/rss/1.0/modules/content/": "content:",
    "http://purl.org/dc/elements/1.1/": "dc:",
    "http://purl.org/dc/terms/": "dcterms:",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes:",
}
_WORDPRESS = "http://wordpress.org/export/"


def parse(text: str, source: str) -> tuple[Element, list[str]]:
    """The root of a feed's tree, with notes of what was wrong with it. Raises ImportFailed for what is no feed."""
    from lxml import etree

    begins = BEGINNING.search(text)
    above = text[: begins.start()].strip("\ufeff \t\r\n") if begins else ""
    markup = bool(_TAGS.match(above)) and not _OWN_ROOT.match(above)  # and neither comment nor document type
    foreign = bool(above) and (above[0] != "<" or markup)
    body, mended = _mended(text[begins.start() :] if begins and foreign else text, source)
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(body.encode("utf-8"), parser) if body.strip() else None
    problem = f": {parser.error_log[0].message}" if parser.error_log else ""
    if root is None or name_of(root).lower() not in ("rss", "feed", RDF):
        message = f"{source}: is neither RSS nor Atom{problem or ': no feed in it'}"
        raise ImportFailed(" ".join(message.split()))
    notes = [f"{source}: {mended}"] if mended else []
    if foreign:
        notes.append(f"{source}: begins with what is no feed, left out: {html_to_markdown.plain(above)[:80]}")
    if problem:
        notes.append(f"{source}: is damaged XML{problem}; read as far as it goes")
    return root, notes


def _mended(text: str, source: str) -> tuple[str, str]:
    """XML that a parser takes as it was meant, and what was wrong with it. Raises ImportFailed for bombs."""
    bare = "".join(piece for piece, opaque in _pieces(text) if not opaque)
    # HTML's own names for one character harm nobody: they are read as HTML means them, declared or not.
    if _ENTITY.search(_CHARACTER_ENTITY.sub(lambda found: "" if f"{found[1]};" in html5 else found[0], bare)):
        message = f"{source}: declares XML entities, which no feed needs and which are not read"
        raise ImportFailed(message)
    depth = 0
    for found in _TAGS.finditer(bare):
        depth += -1 if found[1] else 0 if found[2] else 1
        if depth > MAX_DEPTH:
            message = f"{source}: has more than {MAX_DEPTH} elements within each other; this is no feed"
            raise ImportFailed(message)
    body = _without_doctype(html_to_markdown.without_bad_references(html_to_markdown.without_declaration(text)))
    loose: Counter[str] = Counter()

    def meant(found: re.Match[str]) -> str:
        name = found[1] or ""
        if name.startswith("#"):
            return found[0]
        # By number, XML's own five too: once its text is damaged, libxml2 drops what is written by name.
        if name in html5:
            return "".join(f"&#{ord(sign)};" for sign in html5[name])
        loose.update(found[0][0])
        return f"&#{ord(found[0][0])};{name}"

    sound = "".join(piece if opaque else _LOOSE.sub(meant, piece) for piece, opaque in _pieces(body))
    told = [f"{count} '{sign}' that should be written '{escape(sign)}'" for sign, count in loose.items()]
    return sound.lstrip("\ufeff \t\r\n"), f"has {' and '.join(told)}; read as meant" if told else ""


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is a comment or CDATA; what is never closed is neither."""
    at = 0
    never: set[str] = set()
    for found in re.finditer("|".join(map(re.escape, _TEXTS)), text):
        if found.start() < at or found[0] in never:
            continue
        close = _TEXTS[found[0]]
        end = text.find(close, found.end())
        if end < 0:
            never.add(found[0])
            continue
        yield text[at : found.start()], False
        at = end + len(close)
        yield text[found.start() : at], True
    yield text[at:], False


def _without_doctype(text: str) -> str:
    """The text without its document type, which may have a subset in brackets."""
    found = _DOCTYPE.search(text)
    if not found:
        return text
    end, bracket = text.find(">", found.end()), text.find("[", found.end())
    if 0 <= bracket < end:
        end = text.find(">", text.find("]", bracket))
    return text if end < 0 else text[: found.start()] + text[end + 1 :]


def text_of(element: Element) -> str:
    """All the text in an element."""
    return "".join(str(part) for part in element.itertext())


def name_of(element: Element) -> str:
    """`item`, `dc:date`, `media:content`; a name in braces for what is of another namespace."""
    tag = str(element.tag)
    space, _, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    if name == "RDF":
        return RDF
    if space.startswith(_WORDPRESS):  # its version is part of the address
        return f"{'excerpt:' if 'excerpt' in space else 'wp:'}{name}"
    return f"{_SPACES[space]}{name}" if space in _SPACES else f"{{{space}}}{name}"


class FeedElement:
    """An element of a feed, its children by their short names, in whatever case they are spelled."""

    def __init__(self, element: Element) -> None:
        self.element = element
        self.children: dict[str, list[Element]] = defaultdict(list)
        for child in element:
            self.children[name_of(child).lower()].append(child)

    def all(self, *names: str) -> list[Element]:
        """The children of these names, in the order of the names."""
        return [child for name in names for child in self.children.get(name.lower(), ())]

    def text(self, *names: str) -> str:
        """The text of the first child of one of these names that has any."""
        return next((text for child in self.all(*names) if (text := text_of(child).strip())), "")

    def html(self, *names: str) -> str:
        """The text as HTML: what Atom calls plain text is escaped, what is written as elements is kept as such."""
        return self.markup(*names)[0]

    def markup(self, *names: str) -> tuple[str, str]:
        """The text as HTML, and the xml:base that holds in it; empty where there is none."""
        for child in self.all(*names):
            if (html := html_of(child)).strip():
                return html, (child[0] if len(child) else child).base or ""
        return "", ""

    def language(self) -> str:
        """The language that it says it is in, as written."""
        xml = "{http://www.w3.org/XML/1998/namespace}lang"
        return self.text("language", "dc:language") or self.element.get(xml, "")

    def link(self) -> str:
        """The address of the page: `link`, the alternate one first; else a guid that says that it is one."""
        links = self.all("link")
        hrefs = [one for one in links if one.get("href") and one.get("rel", "alternate") == "alternate"]
        hrefs.sort(key=lambda one: one.get("type", "text/html") != "text/html")
        permanent = [one for one in self.all("guid") if one.get("isPermaLink", "true") == "true"]
        texts = (said(text_of(one).strip(), "href") for one in links if not one.get("href"))
        guids = (text for one in permanent if absolute(text := text_of(one).strip()))
        return next(filter(None, (*texts, *(one.get("href", "") for one in hrefs), *guids)), "")

    def media(self, name: str) -> list[Element]:
        """The elements of Media RSS with this name, at any depth."""
        return [child for child in self.element.iter() if name_of(child) == name]


def html_of(element: Element) -> str:
    """The content of an element as HTML."""
    from lxml import etree

    kind = element.get("type", "")
    if len(element):
        inner = "".join(etree.tostring(child, encoding="unicode", method="html") for child in element)
        return (element.text or "") + inner
    text = element.text or ""
    if text.lstrip().startswith("<![CDATA["):  # wrapped twice
        text = text.replace("<![CDATA[", "").replace("]]>", "")
    if name_of(element) in ("title", "summary", "content") and "html" not in kind and (kind or _is_atom(element)):
        return escape(text, quote=False)
    return re.sub(r"<!(?!--|doctype|\[)", "&lt;!", text, flags=re.IGNORECASE)


def address_of(element: Element) -> str:
    """The address that an element names: in an attribute, in a `url` of its own, or as its text."""
    inner = next((child for child in element if name_of(child) == "url"), element)
    return element.get("url") or element.get("href") or text_of(inner).strip()


def said(text: str, attribute: str) -> str:
    """What a text says that is an element, as Drupal writes its fields: for machines (`datetime`, `href`), or in words.

    >>> said('<time datetime="2022-02-14T09:30:00+01:00">Mon, 02/14/2022 - 09:30</time>', "datetime")
    '2022-02-14T09:30:00+01:00'
    """
    root = html_to_markdown.fragment(text) if text.startswith("<") else None
    return text if root is None else next(map(str, root.xpath(f"//@{attribute}")), "") or text_of(root).strip()


def _is_atom(element: Element) -> bool:
    return isinstance(element.tag, str) and element.tag.startswith(
        ("{http://www.w3.org/2005/Atom}", "{http://purl.org/atom")
    )
