"""A mail's body: text first, then HTML, its inline images beside it where it has some (RFC 2046, 2387).

    multipart/alternative                 multipart/alternative
    ├── text/plain                        ├── text/plain
    └── text/html                         └── multipart/related
                                              ├── text/html
                                              └── image/… (cid), as many as there are

Both texts are encoded once, with holes where their slots were. Boundaries are derived from the content, so the same
edition gives the same bytes. They begin with `=_`, which neither quoted-printable (`=` is followed by a hexadecimal
digit or a line end) nor Base64 (no `_`) can write: no body, with whatever values its slots are filled, contains one.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.errors import RenderError
from digest.mail.quoted import around
from digest.mail.slots import Hole, cut, holes, interleave, places
from digest.text.cleaning import multiline

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from digest.model import InlineImage, Rendering

BASE64_LINE = 76
_MEDIA_TYPE = re.compile(r"image/[a-z0-9][a-z0-9.+-]{0,60}", re.ASCII)
_CID = re.compile(r"[A-Za-z0-9._+-]+(?:@[A-Za-z0-9._-]+)?", re.ASCII)
_MAX_CID = 200
_SIGNATURE = re.compile(r"^-- $", re.MULTILINE)
_SLOT = re.compile(r"(slot-\w{1,64}-[\w-]{1,200}?-tols)", re.ASCII)


class Body(Struct, frozen=True, kw_only=True, eq=False):
    """Octets with holes: `parts[i]` is empty where hole i's value belongs (`parts` has the holes at odd places)."""

    parts: tuple[bytes, ...]
    holes: tuple[Hole, ...]
    content_type: bytes  # the header field that announces it


def encode(rendering: Rendering) -> Body:
    """Encode a rendering's text and HTML. Raises RenderError for a slot, or an image, that cannot be where it is."""
    text, html = plain_body(rendering.text), html_body(rendering.html)
    text_literals, text_holes = holes(*cut(text, rendering.nonce, rendering.slots))
    where = places(html, rendering.nonce, rendering.slots)
    html_literals, html_holes = holes(*cut(html, rendering.nonce, rendering.slots), where)
    frame = architecture(rendering)
    text_parts, html_parts = around(text_literals), around(html_literals)
    text_parts[0] = frame.before_text + text_parts[0]
    middle = text_parts.pop() + frame.before_html + html_parts.pop(0)
    literals = [*text_parts, middle, *html_parts]
    literals[-1] += frame.after_html
    parts = [b""] * (2 * len(literals) - 1)
    parts[::2] = literals
    return Body(parts=tuple(parts), holes=(*text_holes, *html_holes), content_type=frame.content_type)


def plain_body(text: str) -> str:
    """A text part as it is encoded: clean, ended by a line end, and without a line that marks a signature.

    A story whose line is `-- ` would make mail programs fold away all that follows; the line loses its blank.
    """
    # Apart from the slots: a terminal's code that begins before one would take its first letter along.
    parts = [part if number % 2 else multiline(part, isolates=True) for number, part in enumerate(_SLOT.split(text))]
    return _SIGNATURE.sub("--", _ended("".join(parts)))


def html_body(html: str) -> str:
    """An HTML part as it is encoded: clean, ended by a line end. Isolates stay: right-to-left themes set them."""
    return _ended(multiline(html, isolates=True, escapes=False))


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def fill_text(text: str, nonce: str, values: Mapping[str, str], slots: Collection[str] | None = None) -> str:
    """A rendering's text as a reader with these values sees it: what the mail's text part decodes to.

    `slots` are the rendering's; without, they are plain values, those that are given. Raises RenderError for a slot
    that has no value. Values without a slot are left unused.
    """
    common, found = holes(*cut(plain_body(text), nonce, values if slots is None else slots))
    return interleave(common, (hole.text(values) for hole in found))


def fill_html(html: str, nonce: str, values: Mapping[str, str], slots: Collection[str] | None = None) -> str:
    """A rendering's HTML as a reader with these values sees it: what the mail's HTML part decodes to.

    Raises RenderError for a slot that has no value, stands where none is safe, or gets one that cannot stand there.
    """
    html, names = html_body(html), values if slots is None else slots
    common, found = holes(*cut(html, nonce, names), places(html, nonce, names))
    return interleave(common, (hole.text(values) for hole in found))


class Architecture(Struct, frozen=True, kw_only=True):
    """The multipart frame of one edition's mails: what stands before, between and after the two encoded bodies."""

    content_type: bytes  # the whole header field
    before_text: bytes
    before_html: bytes
    after_html: bytes


def architecture(rendering: Rendering) -> Architecture:
    """The multipart frame of a rendering. Raises RenderError for an image that cannot travel."""
    stamp = _stamp(rendering)
    outer, inner = f"=_alternative_{stamp}", f"=_related_{stamp}"
    between, parts = f"\r\n--{outer}\r\n", ""
    if rendering.images:
        between += f'Content-Type: multipart/related; type="text/html";\r\n boundary="{inner}"\r\n\r\n--{inner}\r\n'
        try:
            parts = "".join(
                f"\r\n--{inner}\r\n{_image(image, number)}" for number, image in enumerate(rendering.images, 1)
            )
        except ValueError as error:
            message = f"{rendering.edition.id}: {error}"
            raise RenderError(message) from None
        parts += f"\r\n--{inner}--\r\n"
    return Architecture(
        content_type=f'Content-Type: multipart/alternative;\r\n boundary="{outer}"\r\n'.encode(),
        before_text=f"--{outer}\r\n{_leaf('text/plain')}".encode(),
        before_html=f"{between}{_leaf('text/html')}".encode(),
        after_html=f"{parts}\r\n--{outer}--\r\n".encode(),
    )


def _stamp(rendering: Rendering) -> str:
    digest = hashlib.sha256()
    for part in (rendering.text, rendering.html):
        digest.update(hashlib.sha256(part.encode("utf-8", "replace")).digest())
    for image in rendering.images:
        digest.update(hashlib.sha256(image.cid.encode() + b"\0" + image.data).digest())
    return digest.hexdigest()[:32]


def _leaf(media_type: str) -> str:
    return f"Content-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


def _image(image: InlineImage, number: int) -> str:
    """The part of an image. Its name is what a reader sees who saves it, or whose program lists what a mail carries."""
    if not _MEDIA_TYPE.fullmatch(image.media_type):
        message = f"the inline image {image.cid!a} has no image type: {image.media_type!a}"
        raise ValueError(message)
    if not _CID.fullmatch(image.cid) or len(image.cid) > _MAX_CID:
        message = f"{image.cid!a} cannot name an inline image: use letters, digits, . _ + - and one @"
        raise ValueError(message)
    name = f"picture-{number}.{image.media_type.partition('/')[2]}"
    encoded = b64encode(image.data).decode("ascii")
    lines = "\r\n".join(encoded[start : start + BASE64_LINE] for start in range(0, len(encoded), BASE64_LINE))
    return (
        f"Content-Type: {image.media_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-ID: <{image.cid}>\r\nContent-Disposition: inline; filename="{name}"\r\n\r\n{lines}\r\n'
    )
