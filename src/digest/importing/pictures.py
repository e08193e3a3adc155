"""Which picture of an `<img>`, of a group or of an article is the story's: the largest, and none that is no photo.

    src, srcset, lazy attributes ─▶ addresses with their widths ─▶ the largest that is not a placeholder, icon or avatar

It looks at addresses and attributes, and fetches nothing.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.text.cleaning import one_line
from digest.text.urls import absolute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lxml.html import HtmlElement

ICON = 40  # pixels; what says that it is no wider or higher is an icon, a smiley or a counter
_SRCSETS = ("data-srcset", "data-lazy-srcset", "srcset")
_SOURCES = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-orig-file", "src")
_NO_PHOTO = re.compile(
    r"(?:^|[/_.-])(?:spacer|blank|placeholder|pixel|transparent|1x1|lazy|loading|loader|clear|dot)[\w-]*\.\w{3,4}(?:$|\?)"
    r"|gravatar\.com/|/avatars?/|[/_-]avatar|/emoji/|/smilies/|/~r/|feedburner|feedsportal|pixel\.wp\.com|stats\.wordpress"
    r"|\.svg(?:$|\?)",
    re.IGNORECASE,
)
_IMAGE_NAME = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:$|[?#])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture. `width` is in pixels, 0 where nothing tells it."""

    address: str
    width: int = 0
    alt: str = ""


def is_image(address: str) -> bool:
    """Tell an image by the end of its address, where nothing else says what it is."""
    return bool(_IMAGE_NAME.search(address))


def is_photo(address: str) -> bool:
    """Tell what may be a story's photo from placeholders, avatars, icons and counters."""
    return bool(address) and not _NO_PHOTO.search(address)


def largest(pictures: Iterable[Picture]) -> Picture | None:
    """The widest picture; of those that do not say how wide they are, the first."""
    return max((one for one in pictures if is_photo(one.address)), key=lambda one: one.width, default=None)


def of_image(image: HtmlElement, base: str) -> Picture | None:
    """The best address of an `<img>`: the widest of its sets, else what it loads late, else `src`."""
    if any(0 < pixels(image.get(side)) <= ICON for side in ("width", "height")):
        return None
    alt = one_line(image.get("alt") or "")
    sets = [found for name in _SRCSETS for found in _srcset(image.get(name) or "", base)]
    single = (absolute(image.get(name) or "", base) for name in _SOURCES)
    best = largest(sets) or next((Picture(address=found) for found in single if is_photo(found)), None)
    return Picture(address=best.address, width=best.width or pixels(image.get("width")), alt=alt) if best else None


def pixels(text: str | None) -> int:
    """A width or height as an attribute has it: `300`, `300px`; 0 for anything else."""
    found = re.fullmatch(r"\s*(\d{1,6})(?:\.\d+)?(?:px)?\s*", text or "")
    return int(found[1]) if found else 0


def _srcset(text: str, base: str) -> Iterator[Picture]:
    """The candidates of a `srcset` (HTML 4.8.4.2.1): addresses, each with a width or a density, parted by commas."""
    words = deque(text.split())
    while words:
        address, size = words.popleft(), ""
        if not address.endswith(",") and words:
            size, _, rest = words.popleft().partition(",")
            words.extendleft([rest] if rest else [])
        if found := absolute(address.rstrip(","), base):
            number = pixels(size[:-1]) or 1
            yield Picture(address=found, width=number if size.endswith("w") else number * 2)
