"""A mail's own structure: its MIME parts, its header fields, and the order in which a screen reader says its HTML.

It reads the finished bytes, and the tree that the checks read; not what they were made from. Pure.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from html import escape
from typing import TYPE_CHECKING, Any

from digest.checks.document import read, start_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from digest.checks.document import Node


def tree(data: bytes) -> dict[str, Any]:
    """The tree of parts: type, charset, encoding, disposition, octets on the wire, parts within."""
    return _node(message_from_bytes(data))


def fields(data: bytes) -> list[tuple[str, str]]:
    """The header fields as they stand, unfolded, in order."""
    head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    lines = head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return [(name, value.strip()) for name, _, value in pairs]


def _node(message: Message) -> dict[str, Any]:
    parts = message.get_payload()
    inner = [_node(part) for part in parts if not isinstance(part, str)] if isinstance(parts, list) else []
    size = 0 if inner else len(str(parts).encode("utf-8", "surrogateescape"))
    return {
        "type": message.get_content_type(),
        "charset": message.get_content_charset() or "",
        "encoding": str(message.get("Content-Transfer-Encoding", "")),
        "disposition": message.get_content_disposition() or "",
        "id": str(message.get("Content-ID", "")),
        "bytes": sum(part["bytes"] for part in inner) if inner else size,
        "parts": inner,
    }


def spot(html: str, shown: str, line: int, column: int) -> dict[str, Any] | None:
    """The element whose start tag ends there in `html`, as it stands in `shown`, the same mail with its slots filled.

    Its `tag`, the how many-th of that tag it is (`nth`, from 0), and the start tag's `line`, `start` and `end`.
    """
    document = read(html)
    element = document.at((line, column))
    if element is None:
        return None
    alike = [each for each in document.elements if each.tag == element.tag]
    nth = next(number for number, each in enumerate(alike) if each is element)
    same = [each for each in read(shown).elements if each.tag == element.tag]
    if nth >= len(same):
        return None
    source, end = shown.split("\n"), same[nth]
    text = source[end.line - 1] if 0 < end.line <= len(source) else ""
    start = max(0, text.lower().rfind(f"<{element.tag}", 0, end.column))
    return {"tag": element.tag, "nth": nth, "line": end.line, "start": start, "end": end.column}


def begins(html: str, tag: str, nth: int) -> int:
    """Where the start tag of the `nth` element of this tag (from 0) begins in the HTML; -1 where there is none."""
    alike = [each for each in read(html).elements if each.tag == tag]
    return start_tag(html, alike[nth])[0] if 0 <= nth < len(alike) else -1


_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SILENT = frozenset({"head", "style", "script", "title"})
_STYLE = """
:root{color-scheme:light dark}
body{margin:0;padding:1.25rem;font:1rem/1.5 system-ui,sans-serif;background:#fff;color:#14161c;overflow-wrap:anywhere}
ol{list-style:none;margin:0 auto;padding:0;max-width:40rem}
li{display:grid;grid-template-columns:5.5rem 1fr;gap:.75rem;padding:.45rem 0;border-bottom:1px solid #d5d9e2}
b{font:600 .8rem/1.9 system-ui,sans-serif;color:#565c6b}
.heading span{font-family:Georgia,serif;font-size:1.2rem}
.link span{color:#1e2dbe;text-decoration:underline}
.wrong span{color:#a3151f;font-weight:600}
@media (prefers-color-scheme:dark){body{background:#181b23;color:#f2f3f7}li{border-color:#343a48}b{color:#b3b9c7}
.link span{color:#9db0ff}.wrong span{color:#ff9d9d}}
"""


def steps(html: str) -> Iterator[tuple[str, str]]:
    """What is read, in order, as (kind, words): kinds are `heading 2`, `link`, `image`, `text`, `no alt`."""
    yield from _below(read(html).root)


def order_page(html: str, language: str, direction: str) -> str:
    """The reading order as a page of its own."""
    rows = "".join(
        f'<li class="{_class(kind)}"><b>{escape(kind)}</b><span dir="auto">{escape(words)}</span></li>'
        for kind, words in steps(html)
    )
    head = f'<html lang="{escape(language)}" dir="{escape(direction)}">'
    return (
        f"<!doctype html>{head}<title>Reading order</title><style>{_STYLE}</style><main><ol>{rows}</ol></main></html>"
    )


def _class(kind: str) -> str:
    return "wrong" if kind == "no alt" else kind.partition(" ")[0]


def _below(element: Node) -> Iterator[tuple[str, str]]:
    for child in element.children:
        if isinstance(child, str):
            if words := _words(child):
                yield "text", words
        elif child.tag in _SILENT or child.attributes.get("aria-hidden") == "true":
            continue
        elif child.tag in _HEADINGS:
            yield f"heading {child.tag[1]}", _words(child.text)
        elif child.tag == "a" and child.attributes.get("href"):
            yield "link", _words(child.text) or "(a link without words)"
        elif child.tag == "img":
            yield from _image(child)
        else:
            yield from _below(child)


def _image(element: Node) -> Iterator[tuple[str, str]]:
    alt = element.attributes.get("alt")
    if alt is None:
        yield "no alt", element.attributes.get("src", "")[:80]
    elif alt:
        yield "image", _words(alt)


def _words(text: str) -> str:
    return " ".join(re.sub(r"[\u034f\u200c\u00ad\u200b]", "", text).split())
