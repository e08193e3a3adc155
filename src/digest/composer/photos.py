"""Find out how an image travels: linked from the web, or inside the mail; and whether mail programs show it.

    image, where it is shown ─ImageRoute─▶ Photo(src, width, height) │ why not
    photos of a mail ─within()─▶ images that have at most 600 KB together

Reads images only through the callable it is handed; opens nothing else but its cache.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from digest.composer import cache as stored
from digest.composer.recompress import QUALITIES, Box, Recompressed, recompress
from digest.errors import DigestError
from digest.model import InlineImage
from digest.text.urls import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from digest.composer.options import ThemeOptions

MOST = 600 * 1024  # bytes of all images of one mail: what a phone loads in a second or two
LEAD = Box(width=640, height=480, on_sheet=True)
BESIDE = Box(width=328, height=328, on_sheet=True)  # beside the words 189 across, on a phone as wide as these
ROW = Box(width=96, height=72, on_sheet=True)
WORDS = Box(width=592, height=1184, on_sheet=True)  # in a text as wide as the sheet
WORDS_BESIDE = Box(width=382, height=764, on_sheet=True)  # in one that stands beside its story's photo
_MADE = 2  # goes up when the same file becomes another image
_KEPT = 400  # recompressed images on disk: of two years
_REMEMBERED = 100  # in memory
_SHOWN = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
UNSHOWN = {
    ".svg": "SVG",
    ".svgz": "SVG",
    ".webp": "WebP",
    ".avif": "AVIF",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".heic": "HEIC",
    ".heif": "HEIC",
}
_DRAWN = (".svg", ".svgz", ".heic", ".heif")  # which nothing here can unpack


class CarriedImage(Struct, frozen=True, kw_only=True):
    """An image that travels in the mail, by the file that it is made of. `cid` says file and size, at any quality."""

    cid: str
    data: bytes
    box: Box
    cache: Path | None

    def at(self, quality: int) -> Recompressed:
        """The image at one of QUALITIES, made once. Raises ValueError for a file that is no image."""
        made = _made.get((self.cid, quality))
        if made is None:
            made = self._stored(quality) if self.cache else recompress(self.data, self.box, quality)
            while len(_made) >= _REMEMBERED:
                _made.pop(next(iter(_made)), None)
            _made[self.cid, quality] = made
        return made

    def _stored(self, quality: int) -> Recompressed:
        """From the cache where it is there; another version of Pillow may make other bytes."""
        from PIL import __version__

        assert self.cache is not None
        path = self.cache / f"image-{self.cid.partition('@')[0]}-{quality}-{__version__}-{_MADE}.json"
        if isinstance(kept := stored.load(path), dict):
            return Recompressed(**(kept | {"data": base64.b64decode(kept["data"])}))
        made = recompress(self.data, self.box, quality)
        packed = {"media_type": made.media_type, "width": made.width, "height": made.height}
        packed["data"] = base64.b64encode(made.data).decode("ascii")
        stored.store(path, packed, family="image-*.json", most=_KEPT)
        return made


_made: dict[tuple[str, int], Recompressed] = {}


class Photo(Struct, frozen=True, kw_only=True):
    """An image as the mail refers to it; `width` and `height` in its own pixels, 0 when they are not known.

    With an empty `src` the image is left out, and `code` and `reason` say why.
    """

    src: str = ""
    width: int = 0
    height: int = 0
    carried: CarriedImage | None = None
    code: str = ""
    reason: str = ""

    def height_at(self, width: int) -> int:
        """Its height when it is `width` pixels wide; 0 when its size is not known."""
        return round(self.height * width / self.width) if self.width else 0


class ImageRoute(Struct, frozen=True, kw_only=True, eq=False):
    """How a newsroom's own files come to readers: linked below `base_url`, or carried. `read` gives their bytes."""

    base_url: str = ""
    carry: bool = False
    read: Callable[[str], bytes] | None = None
    cache: Path | None = None

    @classmethod
    def choose(cls, options: ThemeOptions, read: Callable[[str], bytes] | None, cache: Path | None) -> ImageRoute:
        """The way by `theme.images`: `auto` links what `image_base_url` serves, and carries where there is none."""
        base_url = options.image_base_url
        carry = options.images == "embed" or (options.images == "auto" and not base_url and read is not None)
        return cls(base_url=base_url, carry=carry, read=read, cache=cache)

    def place(self, image: str, box: Box) -> Photo:
        """Decide how `image` (an address, or a path as a story gives it) travels, that is shown within `box`."""
        parts = urlsplit(image) if ":" in image or image.startswith("//") else None
        remote = parts is not None and (parts.scheme.lower() in ("http", "https") or image.startswith("//"))
        if parts is not None and not remote:
            return Photo(code="image-unsafe", reason=f"{image[:80]!r} is no address for a mail; use https:// or a path")
        path = parts.path if parts is not None else image
        for suffix, kind in UNSHOWN.items():
            if path.lower().endswith(suffix) and (remote or not self.carry or suffix in _DRAWN):
                return Photo(code="image-type", reason=f"many mail programs do not show {kind}; use JPEG or PNG")
        if remote:
            link = resolve(image)
            return Photo(src=link.url) if link.url else Photo(code="image-unsafe", reason=link.reason)
        return self._carried(image, box) if self.carry else self._linked(image)

    def _linked(self, image: str) -> Photo:
        if not self.base_url:
            reason = f"{image!r} is a path; set theme.image_base_url, or theme.images: auto"
            return Photo(code="image-unresolved", reason=reason)
        name = image if self._has(quote(image)) else unquote(image)
        src = self.base_url.rstrip("/") + "/" + quote(name.lstrip("/"))
        try:
            width, height = size(self.read(image)) if self.read else (0, 0)
        except (OSError, DigestError):
            width, height = 0, 0  # it is linked, not carried: whether it is on the web is a check's question
        return Photo(src=src, width=width, height=height)

    def _has(self, address: str) -> bool:
        """Whether `address` names a file whose own name has a percent sign: `a%2520b.png`, the file `a%20b.png`."""
        try:
            return "%25" in address and self.read is not None and bool(self.read(address))
        except (OSError, DigestError):
            return False

    def _carried(self, image: str, box: Box) -> Photo:
        if self.read is None:
            return Photo(code="image-missing", reason=f"{image!r} cannot be read here")
        try:
            data = self.read(image)
        except (OSError, DigestError) as error:
            return Photo(code="image-missing", reason=f"{image!r} cannot be read: {error}")
        name = hashlib.sha256(f"{box.width} {box.height} {box.square} ".encode() + data).hexdigest()[:24]
        carried = CarriedImage(cid=f"{name}@digest", data=data, box=box, cache=self.cache)
        try:
            made = carried.at(QUALITIES[0])
        except ValueError as error:
            return Photo(code="image-type", reason=f"{image!r} {error}")
        return Photo(src=f"cid:{carried.cid}", width=made.width, height=made.height, carried=carried)


def within(images: Iterable[CarriedImage], most: int = MOST) -> tuple[tuple[InlineImage, ...], int]:
    """The images at the best quality at which they have `most` bytes together, else at the lowest; and their bytes."""
    chosen = tuple({image.cid: image for image in images}.values())
    made: list[Recompressed] = []
    total = 0
    for quality in QUALITIES:
        made = [image.at(quality) for image in chosen]
        total = sum(len(part.data) for part in made)
        if total <= most:
            break
    inline = (
        InlineImage(cid=image.cid, media_type=part.media_type, data=part.data, width=part.width)
        for image, part in zip(chosen, made, strict=True)
    )
    return tuple(inline), total


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
    at, on_its_side = 2, False
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":  # noqa: PLR2004
            on_its_side = _on_its_side(data[at + 10 : at + 2 + length])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # noqa: PLR2004
            height, width = (int.from_bytes(data[at + offset : at + offset + 2], "big") for offset in (5, 7))
            return (height, width) if on_its_side else (width, height)
        at += 2 + length
    return 0, 0


def _on_its_side(exif: bytes) -> bool:
    """Whether a camera was held upright: EXIF's orientations 5 to 8, which every browser turns (CIPA DC-008, 4.6.4)."""
    order: Literal["little", "big"] = "little" if exif.startswith(b"II") else "big"
    start = int.from_bytes(exif[4:8], order)
    for entry in range(int.from_bytes(exif[start : start + 2], order)):
        at = start + 2 + 12 * entry
        if at + 12 > len(exif):
            break
        if int.from_bytes(exif[at : at + 2], order) == 0x0112:  # noqa: PLR2004 - the tag of the orientation
            return int.from_bytes(exif[at + 8 : at + 10], order) > 4  # noqa: PLR2004
    return False
