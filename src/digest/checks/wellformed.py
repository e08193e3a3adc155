"""Read well-formed HTML in one pass, or say that it is not: a browser would read it to the same tree with no repair.

The rules are stricter than HTML's: every element closed in order, attributes in double quotes and once each, only the
elements below and only where they may stand. Whatever breaks one is not judged here: the answer is None, and a real
HTML parser is asked. So a mistake in these rules may cost time, and the tests see to it that it costs nothing else.
"""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5

from digest.checks.tree import Node

MAX_DEPTH = 200  # a mail of ours is 20 deep; the scan of what is open above must not grow without end
_TOKEN = re.compile(
    r"(?P<text>[^<]+)"
    r"|<!--(?!-?>)(?:(?!--).)*+-->"
    r'|<(?P<tag>[a-zA-Z][a-zA-Z0-9]*)(?P<attributes>(?:\s+[a-zA-Z_][\w:.-]*(?:="[^"]*")?)*)\s*(?P<slash>/)?>'
    r"|</(?P<end>[a-zA-Z][a-zA-Z0-9]*)\s*>",
    re.DOTALL | re.ASCII,
)
_ATTRIBUTE = re.compile(r'\s+([a-zA-Z_][\w:.-]*)(?:="([^"]*)")?', re.ASCII)
_START = re.compile(r"\s*<!doctype html>\s*", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:(#[0-9]{2,6}|#[xX][0-9a-fA-F]{2,5}|[a-zA-Z0-9]+);)?")
# Controls, halves of pairs and non-characters: html5lib names each as an error.
_ODD = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)

_VOID = frozenset({"br", "img", "hr", "wbr", "meta", "link", "base"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PHRASING = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "br", "cite", "code", "del", "dfn", "em", "font", "i", "img", "ins", "kbd", "mark",
    "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
})  # fmt: skip
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "center", "div", "dl", "figcaption", "figure", "footer", "header",
    "hr", "main", "nav", "ol", "p", "section", "table", "ul", *_HEADINGS,
})  # fmt: skip
_HEAD = frozenset({"title", "meta", "style", "link", "base"})
# The only children that these take, and the only parents that those have.
_CHILDREN = {
    "table": frozenset({"thead", "tbody", "tfoot", "tr"}),
    "thead": frozenset({"tr"}), "tbody": frozenset({"tr"}), "tfoot": frozenset({"tr"}),
    "tr": frozenset({"td", "th"}),
    "ul": frozenset({"li"}), "ol": frozenset({"li"}), "dl": frozenset({"dt", "dd"}),
    "html": frozenset({"head", "body"}),
    "head": _HEAD,
    "#document": frozenset({"html"}),
}  # fmt: skip
_RAW = {"style": re.compile(r"</style\s*>", re.IGNORECASE), "title": re.compile(r"</title\s*>", re.IGNORECASE)}


def read_wellformed(html: str) -> Node | None:
    """The tree of a document that needs no repair, or None for any other text."""
    start = _START.match(html)
    if not start or _ODD.search(html):
        return None
    root = Node(tag="#document")
    try:
        _fill(root, html, start.end())
    except _NotWellFormed:
        return None
    return root


class _NotWellFormed(Exception):
    """A rule was broken."""


def _fill(root: Node, html: str, at: int) -> None:
    here, line = root, 1 + html.count("\n", 0, at)
    while at < len(html):
        token = _TOKEN.match(html, at)
        if token is None:
            raise _NotWellFormed
        if (tag := token["tag"]) is not None:
            tag = tag.lower()
            here = _opened(here, tag, token, line)
            if tag in _RAW:
                end = _RAW[tag].search(html, token.end())
                if end is None:
                    raise _NotWellFormed
                text = html[token.end() : end.start()]
                here.children.append(_text(text) if tag == "title" else text)
                here = here.parent or root
                line += html.count("\n", at, end.end())
                at = end.end()
                continue
        elif (name := token["end"]) is not None:
            here = _closed(here, name.lower())
        elif token["text"] is not None:
            _append_text(here, token["text"])
        line += html.count("\n", at, token.end())
        at = token.end()
    page = root.children[0] if root.children else None
    # Both are there, in order, once, and closed.
    parts = [child.tag for child in page.children if isinstance(child, Node)] if isinstance(page, Node) else []
    if here is not root or len(root.children) != 1 or parts != ["head", "body"]:
        raise _NotWellFormed


def _opened(here: Node, tag: str, token: re.Match[str], line: int) -> Node:
    allowed = _CHILDREN.get(here.tag)
    if (allowed is not None and tag not in allowed) or (allowed is None and not _fits(here, tag)):
        raise _NotWellFormed
    pairs = _ATTRIBUTE.findall(token["attributes"])
    attributes = {name.lower(): _text(value) for name, value in pairs}
    if len(attributes) != len(pairs) or (token["slash"] and tag not in _VOID):
        raise _NotWellFormed
    if here.tag == "table" and tag == "tr":  # the body that a browser supplies
        body = here.children[-1] if here.children else None
        if not isinstance(body, Node) or body.tag != "tbody" or body.line:
            body = Node(tag="tbody", parent=here)
            here.children.append(body)
        here = body
    element = Node(tag=tag, attributes=attributes, line=line, parent=here)
    here.children.append(element)
    return here if tag in _VOID else element


def _fits(here: Node, tag: str) -> bool:
    """Tell whether `tag` may open inside `here`, where content flows."""
    if tag not in _PHRASING and tag not in _BLOCKS:
        return False
    at: Node | None = here
    for _ in range(MAX_DEPTH):
        if at is None or at.tag in ("td", "th", "body"):
            return True
        if at.tag == "p" and tag in _BLOCKS:
            return False  # a paragraph ends where a block begins
        if at.tag == tag and tag in ("a", "p"):
            return False
        if at.tag in _HEADINGS and tag in _HEADINGS:
            return False
        at = at.parent
    return False


def _closed(here: Node, name: str) -> Node:
    if here.tag != name or here.parent is None:
        raise _NotWellFormed
    parent = here.parent
    # The body that we supplied to rows straight in a table has no tag of its own to close.
    return parent.parent if name == "tr" and parent.tag == "tbody" and not parent.line and parent.parent else parent


def _append_text(here: Node, text: str) -> None:
    if here.tag in _CHILDREN:
        # Blanks between rows or items are kept by browsers in places and dropped in others; no check looks at them.
        if text.strip(" \t\n"):
            raise _NotWellFormed
        return
    here.children.append(_text(text))


def _text(text: str) -> str:
    if "&" not in text:
        return text
    for found in _REFERENCE.finditer(text):
        if not _is_legal(found[1]):
            raise _NotWellFormed
    return unescape(text)


def _is_legal(reference: str | None) -> bool:
    if reference is None:
        return False
    if not reference.startswith("#"):
        return f"{reference};" in html5
    digits = reference[1:]
    number = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
    return number <= 0x10FFFF and number >= 0x20 and not _ODD.match(chr(number))  # noqa: PLR2004 - Unicode's edges
