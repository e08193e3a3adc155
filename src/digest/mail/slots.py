"""Slots: where they are in a composed text, and what kind of place each stands in.

    text ─cut─▶ literals and names, in turn        html ─places─▶ text | attribute | URL | part of a URL

A token that is not known, or that stands where no value can be made safe (in a script, a style, an unquoted
attribute), is a RenderError: a reader's data goes nowhere that cannot be escaped. Never fills anything in: merge does.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from digest.errors import RenderError
from digest.model import slot_token

if TYPE_CHECKING:
    from collections.abc import Collection


class SlotContext(StrEnum):
    """What a slot stands in: it decides how its value is escaped."""

    PLAIN = "plain text"
    HTML = "HTML text or attribute"
    URL = "the start of a URL attribute"
    URL_PART = "the inside of a URL"


_URL_ATTRIBUTES = frozenset({"href", "src", "action", "background", "cite", "poster", "longdesc", "formaction"})
_NO_PLACE = re.compile(r"on.*|style|srcset|srcdoc|ping")  # a value there is code, or a list that has its own grammar
_RAW_TEXT = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext"})
_ESCAPABLE = frozenset({"title", "textarea"})  # raw text in which character references still count


def cut(text: str, nonce: str, names: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cut `text` at the slots of `names`: n + 1 literals around n names. Raises RenderError for any other token."""
    known = {slot_token(nonce, name): name for name in names}
    if len(known) < len(names):
        message = f"two of the slots {', '.join(sorted(names))} are spelled alike; rename one"
        raise RenderError(message)
    parts = re.split(f"({_any(known).pattern})", text) if known else [text]
    literals = tuple(parts[::2])
    for literal in literals:
        if stray := re.search(rf"slot-{re.escape(nonce)}-[\w-]*", literal):
            message = (
                f"the slot {stray[0]!a} has no name that is known here; known: {', '.join(sorted(names)) or 'none'}"
            )
            raise RenderError(message)
    return literals, tuple(known[token] for token in parts[1::2])


def places(html: str, nonce: str, names: Collection[str]) -> tuple[SlotContext, ...]:
    """The place of each slot of `html`, in order. Raises RenderError, naming the slot, where none can be safe."""
    return _places(html, nonce, frozenset(names))


@lru_cache(maxsize=2)  # an edition's page and its mail ask the same, one after the other
def _places(html: str, nonce: str, names: frozenset[str]) -> tuple[SlotContext, ...]:
    tokens = {slot_token(nonce, name): name for name in names}
    if not tokens:
        return ()
    finder = _Finder(tokens)
    finder.feed(html)
    finder.close()
    expected = finder.pattern.findall(html)
    if finder.seen != expected:
        lost = next(
            token for index, token in enumerate(expected) if index >= len(finder.seen) or finder.seen[index] != token
        )
        _refuse(tokens[lost], "where a browser would not show it")
    return tuple(finder.places)


def _any(tokens: Collection[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))))


def _is_quoted(tag: str, position: int) -> bool:
    """Whether `position` in the source of a start tag is inside an attribute's quotes."""
    quote = ""
    for character in tag[:position]:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
    return bool(quote)


def _refuse(name: str, where: str) -> None:
    message = f"the slot {name!r} stands {where}, where no value is safe; move it into text or a quoted attribute"
    raise RenderError(message)


class _Finder(HTMLParser):
    """Walks the HTML and notes each token with its place."""

    def __init__(self, tokens: dict[str, str]) -> None:
        super().__init__(convert_charrefs=False)
        self.tokens = tokens
        self.pattern = _any(tokens)
        self.seen: list[str] = []
        self.places: list[SlotContext] = []
        self.inside = ""  # the raw text element that is open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, attrs)
        self.inside = tag if tag in _RAW_TEXT else self.inside

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        where = f"in <{self.inside}>" if self.inside and self.inside not in _ESCAPABLE else ""
        self._note(data, SlotContext.HTML, where)

    def handle_comment(self, data: str) -> None:
        if not data.startswith("[if"):
            self._note(data, SlotContext.HTML, "in a comment")
            return
        inner = _Finder(self.tokens)  # Outlook reads a conditional comment as HTML, and so must we
        inner.feed(data.partition(">")[2].removesuffix("<![endif]"))
        inner.close()
        self.seen += inner.seen
        self.places += inner.places

    def handle_decl(self, decl: str) -> None:
        self._note(decl, SlotContext.HTML, "in a declaration")

    def handle_pi(self, data: str) -> None:
        self._note(data, SlotContext.HTML, "in a processing instruction")

    def unknown_decl(self, data: str) -> None:
        self._note(data, SlotContext.HTML, "in a marked section")

    def _tag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, SlotContext.HTML, "in a tag's name")
        source = self.get_starttag_text() or ""
        for match in self.pattern.finditer(source):
            if not _is_quoted(source, match.start()):
                _refuse(self.tokens[match[0]], f"unquoted in <{tag}>")
        for name, value in attrs:
            self._note(name, SlotContext.HTML, "in an attribute's name")
            if value:
                self._attribute(name, value)

    def _attribute(self, name: str, value: str) -> None:
        where = f"in the attribute {name}" if _NO_PLACE.fullmatch(name) else ""
        if name not in _URL_ATTRIBUTES:
            self._note(value, SlotContext.HTML, where)
            return
        for match in self.pattern.finditer(value):
            self._note(match[0], SlotContext.URL_PART if value[: match.start()].strip() else SlotContext.URL, where)

    def _note(self, text: str, place: SlotContext, where: str) -> None:
        for match in self.pattern.finditer(text):
            if where:
                _refuse(self.tokens[match[0]], where)
            self.seen.append(match[0])
            self.places.append(place)
