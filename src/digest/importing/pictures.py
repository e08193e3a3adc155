"""Which picture of an `<img>`, or of a group, is the story's: the largest, and none that is no photo.

    src, srcset, lazy attributes ─▶ addresses, the largest first ─▶ the first that is no placeholder, icon or avatar

It looks at addresses and attributes, and fetches nothing.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml.html import HtmlElement

ICON = 40  # pixels; what says that it is no wider or higher is an icon, a smiley or a counter
_LONGEST_SRCSET = 20_000
# Where an `<img>` names its picture; pages that load them late keep the real one in a `data-` attribute.
_SOURCE = re.compile(
    r"src|srcset|data-(?![\w-]*(?:title|alt|caption|sizes)$)"
    r"(?:[\w-]*(?:src|original|srcset|lazy|orig-file)[\w-]*|image|img|url)"
)
_WORD = re.compile(r"[\w-]*")  # in a `data-` attribute, `data-lazy="true"`, no address
_NO_PHOTO = re.compile(
    r"^(?:$|about:)|(?:^|[/_.-])(?:(?:spacer|placeholder)[\w-]*|(?:blank|pixel|transparent|1x1|lazy|loading|loader|spinner|clear|dot|gr[ae]y)"
    r"(?:[_-]?\d+(?:x\d+)?)?)\.\w{3,4}(?:$|\?)"
    r"|gravatar\.com/|/avatars?/|[/_-]avatar|/emoji/|/smilies/|/~r/|feedburner|feedsportal|pixel\.wp\.com|stats\.wordpress"
    r"|\.svg(?:$|\?)",
    re.IGNORECASE,
)
_IMAGE_NAME = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:$|[?#])", re.IGNORECASE)


class Picture(Struct, frozen=True, kw_only=True):
    """One picture. `width` is in pixels, 0 where nothing tells it."""

    address: str
    width: int = 0
    alt: str = ""


def is_image(address: str) -> bool:
    """Tell an image by the end of its address, where nothing else says what it is."""
    return bool(_IMAGE_NAME.search(address))


def is_photo(address: str) -> bool:
    """Tell what may be a story's photo from placeholders, avatars, icons and counters."""
    return not _NO_PHOTO.search(address)


def largest(pictures: Iterable[Picture]) -> Picture | None:
    """The widest picture; of those that do not say how wide they are, the first."""
    return max((one for one in pictures if is_photo(one.address)), key=lambda one: one.width, default=None)


def of_image(image: HtmlElement) -> str:
    """The best address of an `<img>`, as written there: of a set the largest, and what it loads late before the rest.

    Nothing for an icon or a placeholder; what holds the picture itself (`data:`) only where there is nothing else.
    """
    if any(0 < pixels(image.get(side)) <= ICON for side in ("width", "height")):
        return ""
    named = [(key, text.strip()) for key, text in image.items() if _SOURCE.fullmatch(key)]
    named = [(key, text) for key, text in named if not (key.startswith("data-") and _WORD.fullmatch(text))]
    named.sort(key=lambda pair: (not pair[0].startswith("data-"), "set" not in pair[0]))
    # A single address may have blanks in it, as people name their files.
    each = (name for key, text in named for name in (_srcset(text) if "set" in key else [text]))
    return min(filter(is_photo, each), key=lambda name: name.startswith("data:"), default="")


def pixels(text: str | None) -> int:
    """A width or height as an attribute has it: `300`, `300px`; 0 for anything else."""
    found = re.fullmatch(r"\s*(\d{1,6})(?:\.\d+)?(?:px)?\s*", text or "")
    return int(found[1]) if found else 0


def _srcset(text: str) -> list[str]:
    """The addresses of a `srcset` (HTML 4.8.4.2.1), parted by commas, each with a width or a density: largest first."""
    sizes: dict[str, float] = {}
    words = deque(text[:_LONGEST_SRCSET].split())
    while words:
        address, size = words.popleft(), ""
        if not address.endswith(",") and words:
            size, _, rest = words.popleft().partition(",")
            words.extendleft([rest] if rest else [])
        found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)[wx]", size)
        sizes.setdefault(address.rstrip(","), float(found[1]) if found else 1)
    return sorted(sizes, key=lambda address: -sizes[address])
