"""Pictures of the public pages: taken once, when an edition is published, sized, and known by the hash of their bytes.

    story.image ─read or fetch─▶ bytes ─Pillow─▶ archive/pictures/HASH-1280.jpg, HASH-480.jpg ─▶ public/img/

What a camera wrote into a file (where, when, by whom) is not in its copies. A copy is kept beside what was sent, so a
picture that vanishes from where it was, or is replaced there, is still the one that was sent.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from digest import files
from digest.composer.recompress import FORMATS
from digest.errors import DigestError
from digest.newsroom.paths import ARCHIVE
from digest.text.urls import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from digest.newsroom.newsroom import Newsroom

PICTURES = "pictures"  # the folder in the archive
TAKEN = "pictures.json"  # beside an edition: which copies are whose
_LARGEST = 20_000_000  # bytes of one picture from elsewhere
_SECONDS = 20.0
WIDTHS = (480, 1280)  # pixels: a card or a phone, a page
_TALLEST = 4  # times as high as wide
_PIXELS = 60_000_000  # more is no photo for a page
_HASH = 20  # hex digits: 80 bits


class PageImage(Struct, frozen=True, kw_only=True):
    """A picture's copies: `files` are their names, the smaller first, each with its size in pixels."""

    files: tuple[tuple[str, int, int], ...]

    @property
    def largest(self) -> tuple[str, int, int]:
        """The copy for a page."""
        return self.files[-1]

    @property
    def smallest(self) -> tuple[str, int, int]:
        """The copy for a card."""
        return self.files[0]


class PictureError(ValueError):
    """A picture that cannot be shown; the page goes without it."""


def take(data: bytes, folder: Path) -> PageImage:
    """Keep sized copies of a picture in `folder`. Raises PictureError for what is none, OSError when it cannot."""
    copies = _copies(data)
    name = hashlib.sha256(data).hexdigest()[:_HASH]
    made: list[tuple[str, int, int]] = []
    for suffix, content, width, height in copies:
        file = f"{name}-{width}.{suffix}"
        if not (folder / file).exists():
            files.write_whole(folder / file, content)
        made.append((file, width, height))
    return PageImage(files=tuple(made))


def _copies(data: bytes) -> list[tuple[str, bytes, int, int]]:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged EXIF, a large one: judged here
            opened: Any = Image.open(io.BytesIO(data), formats=FORMATS)
            if opened.width * opened.height > _PIXELS:
                message = f"it has {opened.width} by {opened.height} pixels, more than a page can use"
                raise PictureError(message)
            upright = ImageOps.exif_transpose(opened)
            alike = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        message = "it is no picture that can be read; use JPEG, PNG, GIF or WebP"
        raise PictureError(message) from None
    if alike.height > _TALLEST * alike.width:
        message = f"it is {alike.width} pixels wide and {alike.height} high, a strip and no picture"
        raise PictureError(message)
    widths = sorted({min(width, alike.width) for width in WIDTHS})
    return [_sized(upright, alike, width) for width in widths]


def _sized(upright: Any, alike: Any, width: int) -> tuple[str, bytes, int, int]:
    """A copy of this width. One of few colours keeps to few: in full colour it would be several times as large."""
    from PIL import Image

    height = max(1, round(alike.height * width / alike.width))
    copy = alike if width == alike.width else alike.resize((width, height), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    # With see-through parts or a palette it stays a PNG: as a JPEG it would be spoilt.
    if upright.mode != "P" and not upright.has_transparency_data:
        copy.save(target, "JPEG", quality=82, optimize=True, progressive=True)
        return "jpg", target.getvalue(), width, height
    if upright.mode == "P":
        copy = upright if copy is alike else copy.quantize(256)
    copy.save(target, "PNG", optimize=True)
    return "png", target.getvalue(), width, height


def copies_taken(home: Path) -> list[str]:
    """The files of all copies that were taken for an edition."""
    parts = (part for part in _taken(home / TAKEN).values() if isinstance(part, list))
    return [name for part in parts for name, _width, _height in part]


def _taken(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Pictures(Struct, frozen=True, kw_only=True):
    """The pictures of a newsroom's published editions. `note` hears of those that cannot be had.

    Other servers are asked when `online`, and with `retry` again for what they did not give before.
    """

    newsroom: Newsroom
    note: Callable[[str], None]
    online: bool
    retry: bool

    def of(self, edition: str, home: Path, images: Iterable[str]) -> dict[str, PageImage | str]:
        """The copies of an edition's pictures by what their stories say; a text is an address elsewhere.

        `home` is where the edition is kept: which copies are its pictures' is written down there. Raises OSError.
        """
        taken = _taken(home / TAKEN)
        fresh = dict(taken)
        found: dict[str, PageImage | str] = {}
        for image in dict.fromkeys(images):
            known = fresh.get(image)
            if isinstance(known, list) and all((self._folder / name).exists() for name, _width, _height in known):
                found[image] = PageImage(files=tuple((name, width, height) for name, width, height in known))
            elif isinstance(known, str) and not self.retry:  # it could not be had, which was told then
                found[image] = known
            else:
                found[image] = self._new(edition, image, fresh)
        if fresh != taken:
            files.write_whole(home / TAKEN, files.readable_json(fresh))
        return {image: copy for image, copy in found.items() if copy}

    def _new(self, edition: str, image: str, fresh: dict[str, Any]) -> PageImage | str:
        """A copy taken now; else the address where it is, or nothing."""
        elsewhere = resolve(image).url if image.startswith("https://") else ""
        try:
            data = self._bytes(image)
            if data is None:  # while mails go out nobody waits for another server; it is asked when they are out
                return elsewhere
            copy = take(data, self._folder)
        except PictureError as error:
            fresh[image] = elsewhere
            what = "its page links it where it is" if elsewhere else "its page goes without it"
            self.note(f"{edition}: the picture {image}: {error}; {what}")
            return elsewhere
        fresh[image] = [list(part) for part in copy.files]
        return copy

    def _bytes(self, image: str) -> bytes | None:
        """What the picture holds; None when another server would have to be asked. Raises PictureError."""
        try:
            if not image.startswith(("http://", "https://", "//")):
                return self.newsroom.edition_setup.image(image)
            return self._fetched(f"https:{image}" if image.startswith("//") else image) if self.online else None
        except (OSError, DigestError) as error:
            message = str(error).splitlines()[0]
            raise PictureError(message) from None

    def _fetched(self, url: str) -> bytes:
        from digest.fetching.fetch import ask

        allow = self.newsroom.config.settings.imports.allow_private
        answer = ask(url, max_bytes=_LARGEST, timeout=_SECONDS, allow_private=allow)
        if answer.status != HTTPStatus.OK:
            message = f"its server answers {answer.status}"
            raise PictureError(message)
        return answer.data

    @property
    def _folder(self) -> Path:
        return self.newsroom.root / ARCHIVE / PICTURES
