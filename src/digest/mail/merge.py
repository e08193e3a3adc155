"""A reader's values, escaped for the place in which each stands, so that data never becomes markup, code or a header.

Every value is first made one clean line (`cleaning.one_line`), then escaped: HTML's five specials in text and
attributes, percent-encoding inside a URL. A value that is a URL must be https, http or mailto. Jinja, MJML and slot
tokens in a value are letters like any others: nothing is evaluated after this, and values are never scanned for slots.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from digest.errors import RenderError
from digest.mail import quoted
from digest.mail.body import html_body, plain_body
from digest.mail.slots import SlotContext, cut, places
from digest.text.cleaning import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_SPECIALS = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&#x27;"}
_URL = re.compile(r"(?:https?://|mailto:)[!#-;=?-\[\]_a-z{-~]+", re.ASCII)
# Values that need no work, in most mails most of them: no specials of HTML or quoted-printable, one encoded line.
_EASY_TEXT = re.compile(r"(?!From |\.)[!#-%(-;?-~]+(?: [!#-%(-;?-~]+)*", re.ASCII)
_EASY_URL = re.compile(r"(?:https?://|mailto:)[!#-%(-;?-\[\]_a-z{-~]+", re.ASCII)
_NEVER = re.compile(r"(?!)")  # written whole in one place and percent-encoded in another
_EASY_PART = re.compile(r"(?!\.)[A-Za-z0-9._~-]+", re.ASCII)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """One slot of a body that was encoded in parts: where its value belongs, and as what."""

    name: str
    holes: tuple[int, ...]  # the numbers of the parts
    places: tuple[SlotContext, ...]  # one for each hole
    easy: Callable[[str], object]  # whether a value is written alike in all these places, and as it is

    def into(self, parts: list[bytes], value: str) -> None:
        """Put the value where it belongs, as octets of quoted-printable. Raises ValueError where it cannot stand."""
        if len(value) <= quoted.WIDTH and self.easy(value):
            data = value.encode()
            for hole in self.holes:
                parts[hole] = data
        else:
            for hole, place in zip(self.holes, self.places, strict=True):
                parts[hole] = quoted.piece(escaped(value, place))


def fillings(slots: Sequence[tuple[str, SlotContext]], first: int) -> tuple[Filling, ...]:
    """The fillings of slots that lie at every second part from `first` on."""
    names = sorted({name for name, _ in slots})
    return tuple(_filling(name, slots, first) for name in names)


def _filling(name: str, slots: Sequence[tuple[str, SlotContext]], first: int) -> Filling:
    own = [(first + 2 * index, place) for index, (other, place) in enumerate(slots) if other == name]
    kinds = {place for _, place in own}
    if kinds >= {SlotContext.URL, SlotContext.URL_PART}:
        easy = _NEVER
    else:
        easy = _EASY_URL if SlotContext.URL in kinds else _EASY_PART if SlotContext.URL_PART in kinds else _EASY_TEXT
    return Filling(
        name=name,
        holes=tuple(hole for hole, _ in own),
        places=tuple(place for _, place in own),
        easy=easy.fullmatch,
    )


def fill_text(text: str, nonce: str, values: Mapping[str, str]) -> str:
    """A rendering's text as a reader with these values sees it: what the mail's text part decodes to.

    Raises RenderError for a slot that has no value. Values without a slot are left unused.
    """
    literals, names = cut(plain_body(text), nonce, values)
    return _interleave(literals, (_fill(name, values, SlotContext.PLAIN) for name in names))


def fill_html(html: str, nonce: str, values: Mapping[str, str]) -> str:
    """A rendering's HTML as a reader with these values sees it: what the mail's HTML part decodes to.

    Raises RenderError for a slot that has no value, stands where none is safe, or gets one that cannot stand there.
    """
    html = html_body(html)
    literals, names = cut(html, nonce, values)
    where = places(html, nonce, values)
    return _interleave(literals, (_fill(name, values, place) for name, place in zip(names, where, strict=True)))


def fill_line(literals: Iterable[str], names: Iterable[str], values: Mapping[str, str]) -> str:
    """A line such as the subject, filled: its literals and slots as `cut` gave them."""
    return one_line(_interleave(literals, (one_line(values[name]) for name in names)))


def _fill(name: str, values: Mapping[str, str], place: SlotContext) -> str:
    try:
        return escaped(values[name], place)
    except ValueError as error:
        message = f"the value of the slot {name!r} {error}"
        raise RenderError(message) from None


def _interleave(literals: Iterable[str], fillings: Iterable[str]) -> str:
    literals = iter(literals)
    parts = [next(literals)]
    for filling, literal in zip(fillings, literals, strict=True):
        parts += (filling, literal)
    return "".join(parts)
