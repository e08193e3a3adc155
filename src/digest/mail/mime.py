"""The body's architecture (RFC 2046, 2387): text first, then HTML, its inline images beside it where it has some.

    multipart/alternative                 multipart/alternative
    ├── text/plain                        ├── text/plain
    └── text/html                         └── multipart/related
                                              ├── text/html
                                              └── image/… (cid), as many as there are

Boundaries are derived from the content, so the same edition gives the same bytes. They begin with `=_`, which neither
quoted-printable (`=` is followed by a hexadecimal digit or a line end) nor Base64 (no `_`) can write: no body, with
whatever values its slots are filled, contains one (FAULTS 63).
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from digest.model import InlineImage

BASE64_LINE = 76
_MEDIA_TYPE = re.compile(r"image/[a-z0-9][a-z0-9.+-]{0,60}", re.ASCII)
_CID = re.compile(r"[A-Za-z0-9._+-]+(?:@[A-Za-z0-9._-]+)?", re.ASCII)
_MAX_CID = 200


class Architecture:
    """The multipart frame of one edition's mails: what stands before, between and after the two bodies."""

    __slots__ = ("after_html", "before_html", "before_text", "content_type")

    def __init__(self, identity: Iterable[str], images: Sequence[InlineImage] = ()) -> None:
        """Frame an edition whose content is `identity` (its texts). Raises ValueError for an image that cannot travel.

        `content_type` is the whole header field; the others are octets to be joined with the encoded bodies.
        """
        stamp = _stamp(identity, images)
        outer, inner = f"=_alternative_{stamp}", f"=_related_{stamp}"
        self.content_type = f'Content-Type: multipart/alternative;\r\n boundary="{outer}"\r\n'.encode("ascii")
        self.before_text = f"--{outer}\r\n{_leaf('text/plain')}".encode("ascii")
        between = f"\r\n--{outer}\r\n"
        after = f"\r\n--{outer}--\r\n".encode("ascii")
        if images:
            between += f'Content-Type: multipart/related; type="text/html";\r\n boundary="{inner}"\r\n\r\n--{inner}\r\n'
            parts = b"".join(f"\r\n--{inner}\r\n".encode("ascii") + _image(image) for image in images)
            after = parts + f"\r\n--{inner}--\r\n".encode("ascii") + after
        self.before_html = (between + _leaf("text/html")).encode("ascii")
        self.after_html = after


def _stamp(identity: Iterable[str], images: Iterable[InlineImage]) -> str:
    digest = hashlib.sha256()
    for part in identity:
        digest.update(hashlib.sha256(part.encode("utf-8", "replace")).digest())
    for image in images:
        digest.update(hashlib.sha256(image.cid.encode() + b"\0" + image.data).digest())
    return digest.hexdigest()[:32]


def _leaf(media_type: str) -> str:
    return f"Content-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


def _image(image: InlineImage) -> bytes:
    if not _MEDIA_TYPE.fullmatch(image.media_type):
        message = f"the inline image {image.cid!a} has no image type: {image.media_type!a}"
        raise ValueError(message)
    if not _CID.fullmatch(image.cid) or len(image.cid) > _MAX_CID:
        message = f"{image.cid!a} cannot name an inline image: use letters, digits, . _ + - and one @"
        raise ValueError(message)
    encoded = b64encode(image.data).decode("ascii")
    lines = "\r\n".join(encoded[start : start + BASE64_LINE] for start in range(0, len(encoded), BASE64_LINE))
    return (
        f"Content-Type: {image.media_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{image.cid}>\r\nContent-Disposition: inline\r\n\r\n{lines}\r\n"
    ).encode("ascii")
