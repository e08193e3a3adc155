"""HTML as a tree: elements with their attributes, texts and lines, and what a browser had to repair.

Made by `markup.read`, read by the checks. It knows no CSS and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """One element. `children` holds elements and texts in order; `line` counts from 1 in the source."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    line: int = 0
    parent: Node | None = None
    children: list[Node | str] = field(default_factory=list)
    classes: frozenset[str] = field(init=False)
    classes_above: frozenset[str] = field(init=False, default=frozenset())  # those of all its ancestors

    def __post_init__(self) -> None:
        """Split the class attribute once: selectors ask for it at every element and every ancestor."""
        self.classes = frozenset(self.attributes.get("class", "").split())
        if self.parent is not None:
            above = self.parent.classes_above
            self.classes_above = above | self.parent.classes if self.parent.classes else above

    def ancestors(self) -> Iterator[Node]:
        """Its parent, the parent's parent, and so on."""
        at = self.parent
        while at is not None:
            yield at
            at = at.parent

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseError:
    """One thing a browser had to repair."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlDocument:
    """HTML, read. `elements` are in document order; `root` is the document itself, above `html`."""

    root: Node
    elements: tuple[Node, ...]
    errors: tuple[ParseError, ...] = ()

    @property
    def styles(self) -> tuple[tuple[str, int], ...]:
        """The text of each `<style>` and its line, in order; one for another medium than screens is left out."""
        return tuple(
            (e.own_text, e.line)
            for e in self.elements
            if e.tag == "style" and "print" not in e.attributes.get("media", "").lower()
        )

    def first(self, tag: str) -> Node | None:
        """The first element with this tag."""
        return next((element for element in self.elements if element.tag == tag), None)


def walk(root: Node) -> Iterator[Node]:
    """Every element below `root`, in document order; however deep, without recursion."""
    todo = [child for child in reversed(root.children) if isinstance(child, Node)]
    while todo:
        at = todo.pop()
        yield at
        todo.extend(child for child in reversed(at.children) if isinstance(child, Node))
