"""HTML read as a browser reads it: a tree of elements with lines, and what had to be repaired.

    html ─tinyhtml5─▶ HtmlDocument(root, elements, errors)

Conditional comments are comments here, as they are to everything but Outlook. Nothing is ever fetched.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# tinyhtml5's own codes in words; the rest is shown as it names them.
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


class _UpTo(dict[Any, re.Pattern[str]]):
    """The pattern of characters up to which tinyhtml5 reads a text, or of which it reads as many as there are.

    tinyhtml5 2.1 keeps each under a key for which it never looks: it writes them anew at every tag and text, which is
    half of its time.
    """

    def __missing__(self, key: tuple[Any, bool]) -> re.Pattern[str]:
        characters, of_these = key
        pattern = re.compile(f"[{'' if of_these else '^'}{re.escape(''.join(characters))}]+")
        return self.setdefault(key, pattern)


_UP_TO = _UpTo()


Place = tuple[int, int]  # line and column; no column where only the line is known


def html_place(place: Place) -> str:
    """A place of the HTML part as findings name it: `html:12:3041`, `html:12`."""
    line, column = place
    return f"html:{line}:{column}" if column else f"html:{line}"


class Node(Struct, kw_only=True, eq=False):
    """One element. `children` holds elements and texts in order; `line` counts from 1 in the source.

    `column` is where its start tag ends on that line, in characters: a mail's HTML has few lines, and they are long.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    line: int = 0
    column: int = 0
    parent: Node | None = None
    children: list[Node | str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where it is, as findings name it: `html:12:3041`."""
        return html_place((self.line, self.column))

    @property
    def own_text(self) -> str:
        """The text directly in it, not that of its children."""
        return "".join(child for child in self.children if isinstance(child, str))

    @property
    def text(self) -> str:
        """All text in it, blanks folded; an image stands as its alt text."""
        parts: list[str] = []
        todo: list[Node | str] = [self]
        while todo:
            at = todo.pop()
            if isinstance(at, str):
                parts.append(at)
            elif at.tag == "img":
                parts.append(f" {at.attributes.get('alt', '')} ")
            elif at.tag not in ("style", "script", "title") or at is self:
                parts.append(" " if at.tag == "br" else "")
                todo.extend(reversed(at.children))
        return " ".join("".join(parts).split())


class ParseError(Struct, frozen=True, kw_only=True):
    """One thing a browser had to repair."""

    line: int
    message: str


class HtmlDocument(Struct, frozen=True, kw_only=True, eq=False):
    """HTML, read. `elements` are in document order; `root` is the document itself, above `html`.

    `etree` is tinyhtml5's own tree, for libraries that match selectors on one; its elements are those of `elements`.
    """

    root: Node
    elements: tuple[Node, ...]
    errors: tuple[ParseError, ...]
    etree: Any

    @property
    def styles(self) -> tuple[tuple[str, int], ...]:
        """The text of each `<style>` and its line, in order; one for another medium than screens is left out."""
        return tuple(
            (e.own_text, e.line)
            for e in self.elements
            if e.tag == "style" and "print" not in e.attributes.get("media", "").lower()
        )

    def at(self, place: Place) -> Node | None:
        """The element whose start tag ends there."""
        # Elements that HTML implies (tbody) end where the tag ends that implied them: the last is the one written.
        return next((element for element in reversed(self.elements) if (element.line, element.column) == place), None)

    def first(self, tag: str) -> Node | None:
        """The first element with this tag."""
        return next((element for element in self.elements if element.tag == tag), None)


def read(html: str) -> HtmlDocument:
    """Read a whole HTML document, repaired as the HTML standard says. Never raises, for any text, however broken."""
    from tinyhtml5 import inputstream
    from tinyhtml5.parser import HTMLParser

    inputstream.characters_until_regex = _UP_TO
    parser = HTMLParser(namespace_html_elements=False)
    lines: dict[int, tuple[int, int]] = {}
    kept: list[Any] = []  # alive until the end, so that no id is given twice

    def lined(insert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def inserted(token: Any) -> Any:
            node = insert(token)
            made = parser.tree.open_elements[-1]
            lines[id(made._element)] = parser.tokenizer.stream.position()  # noqa: SLF001 - no other way in
            kept.append(made)
            return node

        return inserted

    for name in ("insert_root", "insert_element_normal", "insert_element_table"):
        setattr(parser.tree, name, lined(getattr(parser.tree, name)))
    # Half a surrogate pair is no character: it becomes the one that says so.
    etree = parser.parse(re.sub("[\ud800-\udfff]", "\ufffd", html))
    root = _converted(etree, lines)
    errors = tuple(_errors(parser.errors, html))
    return HtmlDocument(root=root, elements=tuple(_walk(root)), errors=errors, etree=etree)


def offset(html: str, place: Place) -> int:
    """How many characters stand before a place of the HTML."""
    line, column = place
    return sum(len(text) + 1 for text in html.split("\n")[: line - 1]) + column


def start_tag(html: str, element: Node) -> tuple[int, int]:
    """From where to where the element's start tag stands in the HTML that it was read from."""
    end = offset(html, (element.line, element.column))
    start = html.lower().rfind(f"<{element.tag}", 0, end)
    return (start if start >= 0 else end), end


def _walk(root: Node) -> Iterator[Node]:
    """Every element below `root`, in document order; however deep, without recursion."""
    todo = [child for child in reversed(root.children) if isinstance(child, Node)]
    while todo:
        at = todo.pop()
        yield at
        todo.extend(child for child in reversed(at.children) if isinstance(child, Node))


def _converted(tree: Any, lines: dict[int, tuple[int, int]]) -> Node:
    root = Node(tag="#document")
    todo: list[tuple[Any, Node]] = [(tree, root)]
    while todo:
        node, parent = todo.pop()
        if isinstance(node, str):
            parent.children.append(node)
        elif isinstance(node.tag, str):  # a comment's tag is a function
            names = {_LOCAL.sub("", str(key)): value for key, value in node.attrib.items()}
            line, column = lines.get(id(node), (0, 0))
            element = Node(tag=_LOCAL.sub("", node.tag), attributes=names, line=line, column=column, parent=parent)
            parent.children.append(element)
            if node.text:
                element.children.append(node.text)
            for child in reversed(node):
                if child.tail:
                    todo.append((child.tail, element))
                todo.append((child, element))
    return root


def _errors(repairs: list[Any], html: str) -> Iterator[ParseError]:
    source = html.split("\n")
    for (line, column), code, data in repairs:
        text = source[line - 1] if 0 < line <= len(source) else ""
        # `<![if !mso]>` is a comment to browsers and a condition to Outlook; the XHTML doctype is old, not wrong.
        if code == "unknown-doctype" or (code == "expected-dashes-or-doctype" and "<![" in text[: column + 3]):
            continue
        name = f" ({data['name']})" if isinstance(data, dict) and data.get("name") else ""
        yield ParseError(line=line, message=_WORDS.get(code, code.replace("-", " ")) + name)
