"""Colours: CSS notation to numbers, WCAG 2.2 contrast, and the shades a theme needs of one brand colour.

    brand ─▶ band, what is written on it ─▶ accent on the sheet ─▶ the same for dark mode

Pure arithmetic. Where a shade is asked for, it never returns one that cannot be read.
"""

from __future__ import annotations

import colorsys
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

READABLE = 4.5  # WCAG 2.2, 1.4.3, for text of any size

_NAMES = {
    "black": "000000", "silver": "c0c0c0", "gray": "808080", "grey": "808080", "white": "ffffff", "maroon": "800000",
    "red": "ff0000", "purple": "800080", "fuchsia": "ff00ff", "magenta": "ff00ff", "green": "008000", "lime": "00ff00",
    "olive": "808000", "yellow": "ffff00", "navy": "000080", "blue": "0000ff", "teal": "008080", "aqua": "00ffff",
    "cyan": "00ffff", "orange": "ffa500", "brown": "a52a2a", "pink": "ffc0cb", "gold": "ffd700", "crimson": "dc143c",
    "darkgray": "a9a9a9", "darkgrey": "a9a9a9", "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "dimgray": "696969",
    "dimgrey": "696969", "whitesmoke": "f5f5f5", "gainsboro": "dcdcdc", "darkblue": "00008b", "darkred": "8b0000",
    "darkgreen": "006400", "indigo": "4b0082", "tomato": "ff6347", "steelblue": "4682b4", "royalblue": "4169e1",
}  # fmt: skip
_OURS = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})(?![0-9a-z])")
_RGB = re.compile(r"rgba?\(\s*([\d.]+%?)[\s,]+([\d.]+%?)[\s,]+([\d.]+%?)(?:\s*[,/]\s*([\d.]+%?))?\s*\)")
_LOW = 0.04045  # below it the sRGB curve is a straight line
_STEPS = 100


class Colour(NamedTuple):
    """Red, green, blue from 0 to 255, and how opaque it is, from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def __str__(self) -> str:
        """`#1e2dbe`; transparency is not shown."""
        return "#" + "".join(f"{round(max(0.0, min(255.0, channel))):02x}" for channel in self[:3])

    def over(self, below: Colour) -> Colour:
        """What is seen when this lies over an opaque colour."""
        a = self.alpha
        red, green, blue = (top * a + under * (1 - a) for top, under in zip(self[:3], below[:3], strict=True))
        return Colour(red, green, blue)


TRANSPARENT = Colour(0, 0, 0, 0)


def is_colour(text: str) -> bool:
    """Tell whether `text` is a colour as a newsroom's settings have it: `#1e2dbe` or `#12b`, and no name."""
    return _OURS.fullmatch(text) is not None


def rgb(text: str) -> Colour:
    """The colour that a setting gives. Raises ValueError for what `is_colour` refuses."""
    colour = parse(text) if is_colour(text) else None
    if colour is None:
        message = f"{text!r} is not a colour; write it like #1e2dbe"
        raise ValueError(message)
    return colour


@lru_cache(maxsize=1024)  # a theme has a dozen colours
def parse(text: str) -> Colour | None:
    """The first colour in a CSS value (`#fff url(a.png)`), or None for none, or a notation that is not read here."""
    value = text.lower()
    if found := _HEX.search(value):
        digits = found[1]
        if len(digits) <= 4:  # noqa: PLR2004 - #rgb and #rgba double each digit
            digits = "".join(digit * 2 for digit in digits)
        numbers = [int(digits[i : i + 2], 16) for i in range(0, len(digits), 2)]
        return Colour(numbers[0], numbers[1], numbers[2], numbers[3] / 255 if numbers[3:] else 1.0)
    if found := _RGB.search(value):
        red, green, blue = (_number(part, 255) for part in found.groups()[:3])
        return Colour(red, green, blue, _number(found[4], 1) if found[4] else 1.0)
    for word in re.findall(r"[a-z]+", re.sub(r"url\([^)]*\)", " ", value)):
        if word == "transparent":
            return TRANSPARENT
        if word in _NAMES:
            return parse(f"#{_NAMES[word]}")
    return None


def _number(text: str, full: float) -> float:
    try:
        value = float(text.rstrip("%"))
    except ValueError:  # `1.2.3` passes the pattern and is no number
        return 0.0
    return min(value * full / 100 if text.endswith("%") else value, full)


def luminance(colour: Colour | str) -> float:
    """Relative luminance of an opaque colour, from 0 (black) to 1 (white)."""
    channels = rgb(colour) if isinstance(colour, str) else colour
    red, green, blue = (
        c / 12.92 if c <= _LOW else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in channels[:3])
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour | str, other: Colour | str) -> float:
    """The contrast ratio of two opaque colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mix(one: str, other: str, share: float) -> str:
    """`one` with `share` (0 to 1) of `other` in it."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    red, green, blue = (first + (second - first) * share for first, second in pairs)
    return str(Colour(red * 255, green * 255, blue * 255))


def lightness(text: str, value: float) -> str:
    """The same hue and saturation at another lightness (0 to 1)."""
    hue, _, saturation = _hls(text)
    red, green, blue = colorsys.hls_to_rgb(hue, value, saturation)
    return str(Colour(red * 255, green * 255, blue * 255))


def lightness_of(text: str) -> float:
    """How light a colour is, from 0 to 1, as `lightness` sets it."""
    return _hls(text)[1]


def _hls(text: str) -> tuple[float, float, float]:
    return colorsys.rgb_to_hls(*_channels(text))


def _channels(text: str) -> tuple[float, float, float]:
    """Red, green and blue, each from 0 to 1."""
    red, green, blue = (channel / 255 for channel in rgb(text)[:3])
    return red, green, blue


def readable(colour: str, grounds: Iterable[str], ratio: float = READABLE) -> str:
    """`colour` itself when it has `ratio` on all `grounds`, else the nearest lightness of it that does.

    The grounds are all light or all dark. Raises ValueError when nothing of this hue can be read on all of them.
    """
    grounds = tuple(grounds)
    if all(contrast(colour, ground) >= ratio for ground in grounds):
        return colour
    start = lightness_of(colour)
    target = 1.0 if luminance(grounds[0]) < luminance("#777777") else 0.0
    for step in range(1, _STEPS + 1):
        shade = lightness(colour, start + (target - start) * step / _STEPS)
        if all(contrast(shade, ground) >= ratio for ground in grounds):
            return shade
    message = f"no shade of {colour} can be read on {' and '.join(grounds)}"
    raise ValueError(message)


def ink_on(ground: str) -> str:
    """White where it can be read on `ground`, else our dark, else black: one of them always can."""
    return next(ink for ink in ("#ffffff", "#14161c", "#000000") if contrast(ink, ground) >= READABLE)


def softer(ink: str, ground: str) -> str:
    """`ink` with some of its ground in it, up to a fifth, as long as it stays readable."""
    for step in range(10, 0, -1):
        shade = mix(ink, ground, 0.2 * step / 10)
        if contrast(shade, ground) >= READABLE:
            return shade
    return ink
