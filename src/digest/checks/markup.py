"""Read HTML as a browser would: a tree with line numbers, and every parse error.

    html ─one regular expression─▶ well-formed? ─yes─▶ tree, no errors
                                        └─no─▶ html5lib ─▶ tree, with errors

Markup in which every tag is closed where it should be (all that our themes ever make) needs no browser's repairs, so
it is read in one pass; html5lib, at ten times the price, is asked only about the rest. The tests hold the two to the
same tree. Conditional comments are comments here, as they are to everything but Outlook. Nothing is ever fetched.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from digest.checks.tree import HtmlDocument, Node, ParseError, walk
from digest.checks.wellformed import read_wellformed

if TYPE_CHECKING:
    from collections.abc import Iterator

# html5lib's own codes in words; the rest is shown as it names them.
_WORDS = {
    "expected-doctype-but-got-start-tag": "the doctype is missing; begin with <!doctype html>",
    "expected-doctype-but-got-chars": "the doctype is missing; begin with <!doctype html>",
    "expected-doctype-but-got-eof": "there is nothing to show",
    "unexpected-end-tag": "an end tag closes nothing that is open",
    "expected-closing-tag-but-got-eof": "an element is never closed",
    "duplicate-attribute": "an attribute is given twice",
    "invalid-codepoint": "a character that may not be in HTML",
}
_LOCAL = re.compile(r"^\{[^}]*\}")  # a namespace before a name


def read(html: str) -> HtmlDocument:
    """Read a whole HTML document. Never raises, for any text, however broken."""
    root = read_wellformed(html)
    return HtmlDocument(root=root, elements=tuple(walk(root))) if root else repaired(html)


def repaired(html: str) -> HtmlDocument:
    """Read it with html5lib, which repairs as the HTML standard says a browser must, and notes each repair."""
    import html5lib

    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    make = parser.tree.elementClass
    lines: dict[int, int] = {}
    kept: list[Any] = []  # alive until the end, so that no id is given twice

    def lined(*arguments: Any) -> Any:
        node = make(*arguments)
        tokenizer = getattr(parser, "tokenizer", None)
        lines[id(node._element)] = tokenizer.stream.position()[0] if tokenizer else 0  # noqa: SLF001 - no other way in
        kept.append(node)
        return node

    parser.tree.elementClass = lined
    root = _converted(parser.parse(_unpaired(html)), lines)
    return HtmlDocument(root=root, elements=tuple(walk(root)), errors=tuple(_errors(parser.errors, html)))


def _unpaired(html: str) -> str:
    """Half a surrogate pair is no character, and html5lib stumbles over it: it becomes the one that says so."""
    return re.sub("[\ud800-\udfff]", "\ufffd", html)


def _converted(tree: Any, lines: dict[int, int]) -> Node:
    root = Node(tag="#document")
    todo: list[tuple[Any, Node]] = [(tree, root)]
    while todo:
        node, parent = todo.pop()
        if isinstance(node, str):
            parent.children.append(node)
        elif isinstance(node.tag, str):  # a comment's tag is a function
            names = {_LOCAL.sub("", str(key)): value for key, value in node.attrib.items()}
            element = Node(tag=_LOCAL.sub("", node.tag), attributes=names, line=lines.get(id(node), 0), parent=parent)
            parent.children.append(element)
            if node.text:
                element.children.append(node.text)
            for child in reversed(node):
                if child.tail:
                    todo.append((child.tail, element))
                todo.append((child, element))
    return root


def _errors(found: list[Any], html: str) -> Iterator[ParseError]:
    source = html.split("\n")
    for (line, column), code, data in found:
        text = source[line - 1] if 0 < line <= len(source) else ""
        # `<![if !mso]>` is a comment to browsers and a condition to Outlook; the XHTML doctype is old, not wrong.
        if code == "unknown-doctype" or (code == "expected-dashes-or-doctype" and "<![" in text[: column + 3]):
            continue
        name = f" ({data['name']})" if isinstance(data, dict) and data.get("name") else ""
        yield ParseError(line=line, message=_WORDS.get(code, code.replace("-", " ")) + name)
