"""Find out how a story's image travels: linked from the web, or inside the mail; and whether mail programs show it.

    story.image ─▶ Photo(src, width, height) │ why not

Reads images only through the callable it is handed; never opens a file or an address itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from digest.errors import DigestError
from digest.model import InlineImage
from digest.text.urls import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.composer.options import ThemeOptions

LARGEST = 1024 * 1024  # bytes of one image inside the mail
_SHOWN = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_UNSHOWN = {
    ".svg": "SVG",
    ".svgz": "SVG",
    ".webp": "WebP",
    ".avif": "AVIF",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".heic": "HEIC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """An image as the mail refers to it; `width` and `height` in its own pixels, 0 when they are not known.

    With an empty `src` the image is left out, and `code` and `reason` say why.
    """

    src: str = ""
    width: int = 0
    height: int = 0
    inline: InlineImage | None = None
    code: str = ""
    reason: str = ""


def place(image: str, options: ThemeOptions, read_image: Callable[[str], bytes] | None) -> Photo:
    """Decide how `image` (an address, or a path as the story gives it) travels."""
    parts = urlsplit(image) if ":" in image or image.startswith("//") else None
    remote = parts is not None and (parts.scheme.lower() in ("http", "https") or image.startswith("//"))
    if parts is not None and not remote:
        return Photo(code="image-unsafe", reason=f"{image[:80]!r} is no address for a mail; use https:// or a path")
    path = parts.path if parts is not None else image
    for suffix, kind in _UNSHOWN.items():
        if path.lower().endswith(suffix):
            return Photo(code="image-type", reason=f"many mail programs do not show {kind}; use JPEG or PNG")
    if remote:
        link = resolve(image)
        return Photo(src=link.url) if link.url else Photo(code="image-unsafe", reason=link.reason)
    if options.images == "embed":
        return _embedded(image, read_image)
    if not options.image_base_url:
        reason = f"{image!r} is a path; set theme.image_base_url, or theme.images: embed"
        return Photo(code="image-unresolved", reason=reason)
    src = options.image_base_url.rstrip("/") + "/" + quote(image.lstrip("/"))
    width, height = _known_size(image, read_image)
    return Photo(src=src, width=width, height=height)


def _embedded(image: str, read_image: Callable[[str], bytes] | None) -> Photo:
    if read_image is None:
        return Photo(code="image-missing", reason=f"{image!r} cannot be read here")
    try:
        data = read_image(image)
    except (OSError, DigestError) as error:
        return Photo(code="image-missing", reason=f"{image!r} cannot be read: {error}")
    if len(data) > LARGEST:
        reason = f"{image!r} has {len(data) // 1024} KB, at most {LARGEST // 1024} may travel inside a mail"
        return Photo(code="image-size", reason=reason)
    media_type = sniff(data)
    if not media_type:
        return Photo(
            code="image-type", reason=f"{image!r} is neither JPEG, PNG nor GIF; many mail programs show no other"
        )
    width, height = size(data)
    cid = f"{hashlib.sha256(data).hexdigest()[:24]}@digest"
    inline = InlineImage(cid=cid, media_type=media_type, data=data)
    return Photo(src=f"cid:{cid}", width=width, height=height, inline=inline)


def _known_size(image: str, read_image: Callable[[str], bytes] | None) -> tuple[int, int]:
    if read_image is None:
        return 0, 0
    try:
        return size(read_image(image))
    except (OSError, DigestError):
        return 0, 0  # it is linked, not carried: whether it is on the web is a check's question


def sniff(data: bytes) -> str:
    """The media type by the first bytes; empty for what mail programs do not all show."""
    return next((kind for magic, kind in _SHOWN.items() if data.startswith(magic)), "")


def size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, GIF or JPEG in pixels; (0, 0) when the file does not say."""
    kind = sniff(data)
    if kind == "image/png" and len(data) >= 24:  # noqa: PLR2004 - signature, IHDR length and type, two sizes
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if kind == "image/gif" and len(data) >= 10:  # noqa: PLR2004 - signature and the logical screen's size
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    return _jpeg_size(data) if kind == "image/jpeg" else (0, 0)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Read the frame header (ITU T.81, B.2.2): SOF0 to SOF15, without the tables that share their range."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # noqa: PLR2004
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + length
    return 0, 0
