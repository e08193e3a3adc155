"""The two bodies of an edition's mails, encoded once, with holes where their slots were."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.errors import RenderError
from digest.mail.mime import Architecture
from digest.mail.quoted import around
from digest.mail.slots import SlotContext, cut, places
from digest.text.cleaning import multiline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.model import Rendering

_SIGNATURE = re.compile(r"^-- $", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Octets with holes: `parts[i]` is empty where hole i's value belongs (`parts` has the holes at odd places)."""

    parts: tuple[bytes, ...]
    holes: tuple[tuple[str, SlotContext], ...]  # the slot's name and its place, in order
    content_type: bytes  # the header field that announces it


def encode(rendering: Rendering) -> Body:
    """Encode a rendering's text and HTML. Raises RenderError for a slot, or an image, that cannot be where it is."""
    text, html = plain_body(rendering.text), html_body(rendering.html)
    text_literals, text_names = cut(text, rendering.nonce, rendering.slots)
    html_literals, html_names = cut(html, rendering.nonce, rendering.slots)
    html_places = places(html, rendering.nonce, rendering.slots)
    frame = architecture(rendering)
    text_parts, html_parts = around(text_literals), around(html_literals)
    text_parts[0] = frame.before_text + text_parts[0]
    middle = text_parts.pop() + frame.before_html + html_parts.pop(0)
    literals = [*text_parts, middle, *html_parts]
    literals[-1] += frame.after_html
    return Body(
        parts=_with_holes(literals),
        holes=(*((name, SlotContext.PLAIN) for name in text_names), *zip(html_names, html_places, strict=True)),
        content_type=frame.content_type,
    )


def plain_body(text: str) -> str:
    """A text part as it is encoded: clean, ended by a line end, and without a line that marks a signature.

    A story whose line is `-- ` would make mail programs fold away all that follows; the line loses its blank.
    """
    return _SIGNATURE.sub("--", html_body(text))


def html_body(html: str) -> str:
    """An HTML part as it is encoded: clean, ended by a line end. Isolates stay: right-to-left themes set them."""
    html = multiline(html, isolates=True)
    return html if html.endswith("\n") else html + "\n"


def architecture(rendering: Rendering) -> Architecture:
    """The multipart frame of a rendering."""
    try:
        return Architecture((rendering.text, rendering.html), rendering.images)
    except ValueError as error:
        message = f"{rendering.edition.id}: {error}"
        raise RenderError(message) from None


def _with_holes(literals: Sequence[bytes]) -> tuple[bytes, ...]:
    parts = [b""] * (2 * len(literals) - 1)
    parts[::2] = literals
    return tuple(parts)
