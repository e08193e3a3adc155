r"""Turn what sources write into clean lines and safe Markdown: plain text escaped, HTML reduced to its prose.

    text ─escape─▶ Markdown that shows exactly that text        html ─walk─▶ paragraphs, lists, links, emphasis

It never keeps a tag, an image, a script or an address other than http(s) and mailto, and never fetches anything.
"""

from __future__ import annotations

import re
import sys
from html import unescape
from html.entities import html5
from typing import TYPE_CHECKING

from digest.text.characters import clean_line, refused
from digest.text.urls import absolute

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Of bounded length, and tried once for each word: a line of 100,000 dashes is none.
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")

_INLINE = re.compile(
    r"\\(?=[!-/:-@\[-`{-~])"  # a backslash before what it would escape
    r"|[*`]|~~"
    r"|(?<![^\W_])_|_(?![^\W_])"  # inside a word an underscore is only itself
    r"|\["  # where it would begin a link
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?\w{1,32};)"
)
_AT_START = re.compile(r"(?:#{1,6}|[-+])(?=\s|$)|>|\d{1,9}(?=[.)](?:\s|$))|(?:=+|-+)$")
_DROPPED = frozenset(
    {"script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "form", "head", "title"}
    | {"button", "select", "textarea", "input", "audio", "video", "canvas", "img", "picture", "nav"}
)
_BLOCKS = frozenset(
    {"p", "div", "section", "article", "blockquote", "ul", "ol", "table", "tr", "dl", "dt", "dd", "pre", "figure"}
    | {"header", "footer", "aside", "main", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "figcaption", "body", "html"}
)
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
# Where a text says U+0092, somebody took the bytes of Windows-1252 for those of Latin-1.
C1 = {code: sign for code in range(0x80, 0xA0) if (sign := bytes([code]).decode("cp1252", "ignore"))}
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,12})|(\d{1,12}));?")
_ESCAPED = re.compile(r"\\?&(#\d{2,7};|#[xX][0-9a-fA-F]{2,6};|[A-Za-z][A-Za-z0-9]{1,30};)")
_NO_MARKUP = frozenset("&\"'$%,;@")  # of ASCII: all else is a mark somewhere, if only where a line begins
_NEVER_MEANT = re.compile("[\u2028\u2029\u2066-\u2069\ufffd]")  # line ends, isolates, and what has no sign
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
BLANK_LINES = re.compile(r"\n[^\S\n]*\n")
_MORE = re.compile(r"<!--\s{0,9}more\b[^<>]{0,200}-->|<span id=\"more-\d{1,12}\">", re.IGNORECASE)
_EMOJI = re.compile(r"(?:^|\s)(?:wp-smiley|emoji)(?:\s|$)")  # an image that WordPress made of a character
_MARKS = {"em": "*", "i": "*", "strong": "**", "b": "**"}
_DEEPEST = 200  # libxml2 stops at 256


def escape(text: str) -> str:
    r"""Markdown that shows `text`, one line, as it is. Only what would mean something else is escaped.

    >>> escape("5 * 3, snake_case, C# and [this](that)")
    '5 \\* 3, snake_case, C# and \\[this](that)'
    """
    return _start(_escape(text))


def _escape(text: str) -> str:
    close = -1  # the next closing bracket, looked for once however many are opened before it

    def escaped(found: re.Match[str]) -> str:
        nonlocal close
        if found[0] == "[":
            if close < found.end():
                close = text.find("]", found.end()) % (len(text) + 1)  # none: the end
            if not text.startswith(("(", "[", ":"), close + 1):
                return "["
        return "\\" + found[0]

    return _INLINE.sub(escaped, text)


def _start(line: str) -> str:
    """Escape what would make the line a heading, a list, a quotation or a rule."""
    if found := _AT_START.match(line):
        place = found.end() if line[0].isdigit() else 0
        return f"{line[:place]}\\{line[place:]}"
    return line


def paragraphs(text: str) -> str:
    """Markdown of a plain text, whose paragraphs are parted by blank lines."""
    return "\n\n".join(escape(line) for part in BLANK_LINES.split(text) if (line := clean_line(part)))


def without_declaration(text: str) -> str:
    """A page or feed without the `<?xml … ?>` at its head: the encoding it names was heeded when it was decoded."""
    found = _DECLARATION.match(text)
    return text[found.end() :] if found else text


def without_bad_references(markup: str) -> str:
    """Markup without references to what is no character (`&#0;`, `&#xD800;`), and without such characters.

    `&#146;` is an apostrophe, as HTML has it (13.2.5.80), in a feed as well.
    """

    def kept(found: re.Match[str]) -> str:
        number = int(found[1], 16) if found[1] else int(found[2])
        if number in C1:
            return C1[number]
        return "" if number > sys.maxunicode or NOT_XML.match(chr(number)) else found[0]

    return NOT_XML.sub("", _REFERENCE.sub(kept, markup))


def plain(html: str) -> str:
    """One clean line out of an HTML fragment: a feed's title."""
    if "<" not in html and "&" not in html:
        return clean_line(html)
    root = fragment(html)
    for block in root.iter("br", *_BLOCKS) if root is not None else ():  # its words are none of its neighbours'
        block.text, block.tail = f" {block.text or ''}", f" {block.tail or ''}"
    return "" if root is None else clean_line("".join(root.itertext()))


def unescaped(text: str) -> str:
    r"""A line or Markdown in which a program has left HTML's escapes, having escaped twice, as it was meant.

    What would be markup is left as it is: a headline may speak of `&lt;b&gt;`.

    >>> unescaped(r"Tom &amp; Jerry&#8217;s \&amp;hellip; &lt;b&gt;")
    'Tom & Jerry’s … &lt;b&gt;'
    """

    def meant(found: re.Match[str]) -> str:
        sign = html5.get(found[1], "") if found[1][0] != "#" else unescape(f"&{found[1]}")
        safe = sign and all(char > "\x7e" or char in _NO_MARKUP for char in sign)
        return sign if safe and not refused(sign) and not _NEVER_MEANT.search(sign) else found[0]

    return _ESCAPED.sub(meant, _ESCAPED.sub(meant, text))  # `&amp;#8217;`: some escape three times


def before_more(text: str) -> str:
    """What stands before `<!--more-->`, by which WordPress, Hugo and Jekyll part a teaser from the rest; else all."""
    found = _MORE.search(text)
    lead = text[: found.start()] if found else ""
    return lead if plain(lead) else text


def from_html(html: str, base: str = "") -> str:
    """Markdown of an HTML fragment: its paragraphs, lists, links and emphasis, without what stands below pictures."""
    root = fragment(html)
    for caption in root.xpath("//figure[.//img]//figcaption") if root is not None else ():
        caption.clear(keep_tail=True)  # to drop it would join the texts around it, each time anew
    return "" if root is None else from_element(root, base)


def from_element(element: HtmlElement, base: str = "") -> str:
    """Markdown of an element's content."""
    writer = _Writer(base)
    writer.walk(element, 0)
    return writer.finish()


def fragment(html: str) -> HtmlElement | None:
    """The tree of an HTML fragment; None when there is nothing in it."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    if not html.strip():
        return None
    body = f"<body><div>{without_bad_references(html)}</div></body>"
    try:
        return document_fromstring(body, parser=HTMLParser(huge_tree=False, encoding=None))
    except (etree.ParserError, ValueError):
        return None  # nothing but comments, or characters that XML has not


class _Writer:
    """Collects inline Markdown into blocks while walking a tree."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.blocks: list[str] = []
        self.line: list[str] = []
        self.bullet = ""

    def walk(self, element: HtmlElement, depth: int) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        if tag == "img" and _EMOJI.search(element.get("class") or ""):
            self.text(element.get("alt"))
        if not tag or tag in _DROPPED or depth > _DEEPEST:
            return
        if tag == "br":
            self.line.append("\n")
        elif tag == "li":
            self.end()
            self.bullet = "- "
            self.inside(element, depth)
            self.end()
            self.bullet = ""
        elif tag in _BLOCKS:
            self.end()
            self.inside(element, depth)
            self.end()
        elif tag == "a" and (address := self.address(element)):
            self.wrapped(element, depth, "[", f"]({address})")
        elif tag in _MARKS:
            self.wrapped(element, depth, _MARKS[tag], _MARKS[tag])
        else:
            self.line += [" "] * (tag in ("td", "th"))  # a cell's words are none of its neighbour's
            self.inside(element, depth)

    def inside(self, element: HtmlElement, depth: int) -> None:
        self.text(element.text)
        for child in element:
            self.walk(child, depth + 1)
            self.text(child.tail)

    def wrapped(self, element: HtmlElement, depth: int, before: str, after: str) -> None:
        """Put marks around an inline element, where it has a text and no block inside."""
        start, blocks = len(self.line), len(self.blocks)
        self.inside(element, depth)
        if len(self.blocks) != blocks:
            return
        inner = "".join(self.line[start:])
        bare = inner.strip()
        if bare:
            lead, trail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
            self.line[start:] = [f"{lead}{before}{' '.join(bare.split())}{after}{trail}"]

    def address(self, element: HtmlElement) -> str:
        href = element.get("href") or ""
        if href.lower().startswith("mailto:") and EMAIL.fullmatch(href[7:]):
            return href
        return absolute(href, self.base).replace("(", "%28").replace(")", "%29").replace("<", "%3C")

    def text(self, text: str | None) -> None:
        if text:
            self.line.append(_escape(re.sub(r"\s+", " ", text)))

    def end(self) -> None:
        parts = "".join(self.line).split("\n")
        self.line.clear()
        for part in parts:
            if line := clean_line(part):
                self.blocks.append(self.bullet + _start(line))
                self.bullet = "  " if self.bullet else ""

    def finish(self) -> str:
        self.end()
        parts: list[str] = []
        before = False
        for block in self.blocks:
            listed = block.startswith(("- ", "  "))
            if parts:
                parts.append("\n" if listed and before else "\n\n")
            parts.append(block)
            before = listed
        return "".join(parts)
