"""Read MJML just far enough to judge it: tags, attributes and where each stands. Content that is HTML is skipped.

    MJML text ─▶ Tag(name, attributes, start, end, closing …) in order │ Mark(offset, what is wrong)

Pure. It never builds a tree and never decides what is allowed: that is the lint's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.composer.mjml_table import ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]*)((?:[^\"'<>]|\"[^\"]*\"|'[^']*')*?)(/?)>")
_ATTRIBUTE = re.compile(r"\s+([^\s=\"'<>/]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+)))?")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute, with the offset of its name. `value` is None when it has none (`<a disabled>`)."""

    name: str
    value: str | None
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MjmlTag:
    """One tag of an MJML element. `inner` is the HTML inside, for elements that hold HTML."""

    name: str
    offset: int
    end: int
    closing: bool = False
    empty: bool = False  # <mj-image … />
    attributes: tuple[Attribute, ...] = field(default=())
    inner: str = ""
    inner_offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that cannot be read, at an offset."""

    offset: int
    message: str


def tags(text: str) -> Iterator[MjmlTag | Mark]:
    """Every MJML tag of `text` in order, and what cannot be read. Comments are passed over."""
    at = 0
    while (at := text.find("<", at)) >= 0:
        if text.startswith("<!--", at):
            comment = _COMMENT.match(text, at)
            if not comment:
                yield Mark(offset=at, message="this comment has no end (-->)")
                return
            at = comment.end()
            continue
        found = _TAG.match(text, at)
        if not found:
            yield Mark(offset=at, message="this < begins no tag; write &lt;, or close the quotes of an attribute")
            at += 1
            continue
        name, at = found[2], found.end()
        if found[1]:
            yield MjmlTag(name=name, offset=found.start(), end=at, closing=True)
            continue
        empty = bool(found[4])
        attributes = tuple(_attributes(found[3], found.start(3)))
        known = ELEMENTS.get(name)
        if not empty and known and known.content:
            stop = re.compile(rf"</{re.escape(name)}\s*>").search(text, at)
            if not stop:
                yield Mark(offset=found.start(), message=f"<{name}> is not closed; </{name}> is missing")
                return
            inner = text[at : stop.start()]
            yield MjmlTag(
                name=name,
                offset=found.start(),
                end=stop.end(),
                empty=True,
                attributes=attributes,
                inner=inner,
                inner_offset=at,
            )
            at = stop.end()
            continue
        yield MjmlTag(name=name, offset=found.start(), end=at, empty=empty, attributes=attributes)


def _attributes(text: str, offset: int) -> Iterator[Attribute]:
    for found in _ATTRIBUTE.finditer(text):
        value = next((group for group in found.groups()[1:] if group is not None), None)
        yield Attribute(name=found[1], value=value, offset=offset + found.start(1))
