"""Slots: where they are in a composed text, what kind of place each stands in, and a reader's values in them.

    text ─cut─▶ literals and names, in turn        html ─places─▶ text | attribute | URL | part of a URL

A token that is not known, or that stands where no value can be made safe (in a script, a style, an unquoted
attribute), is a RenderError: a reader's data goes nowhere that cannot be escaped.

Every value is first made one clean line (`text.cleaning.one_line`), then escaped: HTML's five specials in text and
attributes, percent-encoding inside a URL. A value that is a URL must be https, http or mailto. Jinja, MJML and slot
tokens in a value are letters like any others: nothing is evaluated after this, and values are never scanned for slots.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from digest.errors import RenderError
from digest.mail import quoted
from digest.model import slot_token
from digest.text.cleaning import one_line
from digest.text.merge import ELSE, END, Expression, evaluate, expression, holds, is_branch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


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
_SPECIALS = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&#x27;"}
_URL = re.compile(r"(?:https?://|mailto:)[!#-;=?-\[\]_a-z{-~]+", re.ASCII)
# Values that need no work, in most mails most of them: no specials of HTML or quoted-printable, one encoded line.
_EASY_TEXT = re.compile(r"(?!From |\.)[!#-%(-;?-~]+(?: [!#-%(-;?-~]+)*", re.ASCII)
_EASY_URL = re.compile(r"(?:https?://|mailto:)[!#-%(-;?-\[\]_a-z{-~]+", re.ASCII)
_NEVER = re.compile(r"(?!)")  # written whole in one place and percent-encoded in another
_EASY_PART = re.compile(r"(?!\.)[A-Za-z0-9._~-]+", re.ASCII)


def cut(text: str, nonce: str, names: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cut `text` at the slots of `names`: n + 1 literals around n names. Raises RenderError for any other token."""
    known = {slot_token(nonce, name): name for name in names}
    if len(known) < len(names):
        message = f"two of the slots {', '.join(sorted(names))} are spelled alike; rename one"
        raise RenderError(message)
    parts = re.split(f"({_any(known).pattern})", text) if known else [text]
    literals = tuple(parts[::2])
    for literal in literals:
        if stray := re.search(rf"slot-{re.escape(nonce)}-[\w-]*", literal, re.IGNORECASE):
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
            if is_branch(slot := self.tokens[match[0]]) or slot in (ELSE, END):
                _refuse("if", f"in the address of a link ({name})")
            self._note(match[0], SlotContext.URL_PART if value[: match.start()].strip() else SlotContext.URL, where)

    def _note(self, text: str, place: SlotContext, where: str) -> None:
        for match in self.pattern.finditer(text):
            if where:
                _refuse(self.tokens[match[0]], where)
            self.seen.append(match[0])
            self.places.append(place)


def escaped(value: str, place: SlotContext) -> str:
    """`value` as it must be written in `place`. Raises ValueError with a reason when it cannot stand there."""
    line = one_line(value)
    if place is SlotContext.PLAIN:
        return line
    if place is SlotContext.HTML:
        return line.translate(_SPECIALS)
    if place is SlotContext.URL_PART:
        return quote(line, safe="")
    if not _URL.fullmatch(line):
        message = "is no https, http or mailto address in ASCII, which its place in a link asks for"
        raise ValueError(message)
    return line.translate(_SPECIALS)


def _named(slot: str, value: str, place: SlotContext) -> str:
    """`escaped`, whose ValueError says of which slot."""
    try:
        return escaped(value, place)
    except ValueError as error:
        message = f"the value of the slot {slot!r} {error}"
        raise ValueError(message) from None


class SlotFill(Struct, frozen=True, kw_only=True, eq=False):
    """One slot of a body that was encoded in parts: where its value belongs, and as what."""

    name: str
    holes: tuple[int, ...]  # the numbers of the parts
    places: tuple[SlotContext, ...]  # one for each hole
    easy: Callable[[str], object]  # whether a value is written alike in all these places, and as it is

    def into(self, parts: list[bytes], values: Mapping[str, str]) -> None:
        """Put its value where it belongs, as octets of quoted-printable.

        Raises ValueError, naming the slot, where the value cannot stand.
        """
        value = values[self.name]
        if len(value) <= quoted.WIDTH and self.easy(value):
            data = value.encode()
            for hole in self.holes:
                parts[hole] = data
            return
        for hole, place in zip(self.holes, self.places, strict=True):
            parts[hole] = quoted.piece(_named(self.name, value, place))


class Hole(Struct, frozen=True, kw_only=True):
    """What stands between two literals that all readers get: a slot's value, or words that only some of them get."""

    slot: str = ""  # empty for words
    words: str = ""
    place: SlotContext = SlotContext.PLAIN
    under: tuple[tuple[Expression, bool], ...] = ()  # conditions, with whether they must hold

    @property
    def plain(self) -> bool:
        """Whether it is a value as it is, for every reader."""
        return bool(self.slot) and isinstance(expression(self.slot), str) and not self.under

    def applies(self, values: Mapping[str, str]) -> bool:
        """Whether a reader with these values gets it."""
        return all(holds(condition, values) is wanted for condition, wanted in self.under)

    def text(self, values: Mapping[str, str]) -> str:
        """What a reader with these values gets, as it is written in its place. Raises RenderError."""
        if not self.applies(values):
            return ""
        if not self.slot:
            return self.words
        shown = expression(self.slot)
        try:
            text = _named(self.slot, evaluate(shown, values), self.place)
        except ValueError as error:
            raise RenderError(str(error)) from None
        return f" {text}" if text and shown[0] == "spaced" else text


def holes(
    literals: Sequence[str], names: Sequence[str], places: Sequence[SlotContext] = ()
) -> tuple[tuple[str, ...], tuple[Hole, ...]]:
    """What `cut` gave, with every branch taken apart: n + 1 literals that all readers get, around n holes.

    Without `places` the text is plain. Raises RenderError for a branch that begins or ends alone.
    """
    common, found = [literals[0]], list[Hole]()
    branches: list[tuple[Expression, bool]] = []

    def add(hole: Hole) -> None:
        found.append(hole)
        common.append("")

    for name, place, literal in zip(names, places or (SlotContext.PLAIN,) * len(names), literals[1:], strict=True):
        if is_branch(name):
            branches.append((expression(name), True))
        elif name in (ELSE, END):
            if not branches:
                break
            condition, _ = branches.pop()
            if name == ELSE:
                branches.append((condition, False))
        else:
            add(Hole(slot=name, place=place, under=tuple(branches)))
        if not branches:
            common[-1] += literal
        elif literal:
            add(Hole(words=literal, under=tuple(branches)))
    else:
        if not branches:
            return tuple(common), tuple(found)
    message = "a branch for some readers has lost its beginning or its end; keep {% if %} and {% endif %} in one text"
    raise RenderError(message)


def fillings(slots: Sequence[Hole], first: int) -> tuple[SlotFill, ...]:
    """The fillings of plain values that lie at every second part from `first` on."""
    names = sorted({hole.slot for hole in slots if hole.plain})
    return tuple(_filling(name, slots, first) for name in names)


def _filling(name: str, slots: Sequence[Hole], first: int) -> SlotFill:
    own = [(first + 2 * index, hole.place) for index, hole in enumerate(slots) if hole.plain and hole.slot == name]
    kinds = {place for _, place in own}
    if kinds >= {SlotContext.URL, SlotContext.URL_PART}:
        easy = _NEVER
    else:
        easy = _EASY_URL if SlotContext.URL in kinds else _EASY_PART if SlotContext.URL_PART in kinds else _EASY_TEXT
    return SlotFill(
        name=name,
        holes=tuple(hole for hole, _ in own),
        places=tuple(place for _, place in own),
        easy=easy.fullmatch,
    )


def fill_line(literals: Iterable[str], holes: Iterable[Hole], values: Mapping[str, str]) -> str:
    """A line such as the subject, filled: its literals and holes as `holes` gave them."""
    return one_line(interleave(literals, (hole.text(values) for hole in holes)))


def interleave(literals: Iterable[str], fillings: Iterable[str]) -> str:
    """Literals and what stands between them, joined."""
    literals = iter(literals)
    parts = [next(literals)]
    for filling, literal in zip(fillings, literals, strict=True):
        parts += (filling, literal)
    return "".join(parts)
