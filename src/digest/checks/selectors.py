"""CSS selectors: read one, and tell whether it picks an element.

By type, class, id, attribute, `*`, `:root`, `:link` and the descendant and child combinators. A selector with anything
else (`:hover`, `+`, `::before`) is not read, because what it styles is not what a reader sees first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from digest.checks.tree import Node

_PART = re.compile(
    r"(?P<type>\*|[a-zA-Z][\w-]*)|\.(?P<class>[\w-]+)|#(?P<id>[\w-]+)"
    r"|\[\s*(?P<name>[\w-]+)\s*(?:(?P<how>[~|^$*]?=)\s*[\"']?(?P<value>[^\"'\]]*)[\"']?\s*)?\]"
    r"|:(?P<pseudo>root|link|any-link)(?![\w(-])"
)


class Compound(NamedTuple):
    """What one element must be: `a.more[href]`. With `child` it must be the parent of the next, not any ancestor."""

    types: tuple[str, ...]
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    attributes: tuple[tuple[str, str, str], ...]
    pseudos: tuple[str, ...]
    child: bool


class Selector(NamedTuple):
    """A selector that can be matched, its compounds from left to right, and its specificity (ids, classes, types)."""

    compounds: tuple[Compound, ...]
    specificity: tuple[int, int, int]


def selector(text: str) -> Selector | None:
    """Read one selector, or None when it has anything that is not matched here."""
    compounds: list[Compound] = []
    counts = [0, 0, 0]
    tokens = re.sub(r"\s*>\s*", " > ", text).split() if "[" not in text else _words(text)
    child = False
    for index, word in enumerate(tokens):
        if word == ">":
            if child or not compounds:
                return None
            child = True
            continue
        one = _compound(word, child=index + 1 < len(tokens) and tokens[index + 1] == ">")
        if one is None:
            return None
        child = False
        counts[0] += len(one.ids)
        counts[1] += len(one.classes) + len(one.attributes) + len(one.pseudos)
        counts[2] += sum(name != "*" for name in one.types)
        compounds.append(one)
    return Selector(tuple(compounds), (counts[0], counts[1], counts[2])) if compounds and not child else None


def _words(text: str) -> list[str]:
    """Split at blanks and `>` that are not inside an attribute's brackets."""
    return re.findall(r">|(?:\[[^\]]*\]|[^\s>\[])+", text)


def _compound(word: str, *, child: bool) -> Compound | None:
    parts: dict[str, list[str]] = {"type": [], "class": [], "id": [], "pseudo": []}
    attributes: list[tuple[str, str, str]] = []
    at = 0
    while at < len(word):
        found = _PART.match(word, at)
        if not found:
            return None
        if found["name"]:
            attributes.append((found["name"].lower(), found["how"] or "", found["value"] or ""))
        else:
            kind = next(kind for kind in parts if found[kind])
            parts[kind].append(found[kind].lower() if kind == "type" else found[kind])
        at = found.end()
    return Compound(
        tuple(parts["type"]),
        tuple(parts["class"]),
        tuple(parts["id"]),
        tuple(attributes),
        tuple(parts["pseudo"]),
        child,
    )


def matches(element: Node, wanted: Selector) -> bool:
    """Tell whether the selector picks this element."""
    for outer in wanted.compounds[:-1]:  # most rules fail here, before any ancestor is walked
        if outer.classes and not element.classes_above.issuperset(outer.classes):
            return False
    return _matches(element, wanted.compounds, len(wanted.compounds) - 1)


def _matches(element: Node, compounds: Sequence[Compound], at: int) -> bool:
    if not _is(element, compounds[at]):
        return False
    if at == 0:
        return True
    if compounds[at - 1].child:
        return element.parent is not None and _matches(element.parent, compounds, at - 1)
    return any(_matches(ancestor, compounds, at - 1) for ancestor in element.ancestors())


def _is(element: Node, one: Compound) -> bool:
    if one.types and one.types[0] not in ("*", element.tag):
        return False
    if one.classes and not element.classes.issuperset(one.classes):
        return False
    if one.ids and element.attributes.get("id") != one.ids[0]:
        return False
    for pseudo in one.pseudos:
        if (pseudo == "root") != (element.tag == "html") or (pseudo != "root" and "href" not in element.attributes):
            return False
    return all(_has(element, *wanted) for wanted in one.attributes)


def _has(element: Node, name: str, how: str, value: str) -> bool:
    have = element.attributes.get(name)
    return have is not None and _HOW[how](have, value)


_HOW: dict[str, Callable[[str, str], bool]] = {
    "": lambda _have, _value: True,
    "=": lambda have, value: have == value,
    "~=": lambda have, value: value in have.split(),
    "|=": lambda have, value: have == value or have.startswith(f"{value}-"),
    "^=": lambda have, value: bool(value) and have.startswith(value),
    "$=": lambda have, value: bool(value) and have.endswith(value),
    "*=": lambda have, value: bool(value) and value in have,
}
