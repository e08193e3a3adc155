"""Colours: CSS notation to numbers, one laid over another, and the WCAG contrast ratio between two.

WCAG 2.2, 1.4.3 (contrast, minimum) and its definitions of relative luminance and contrast ratio.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_NAMES = {
    "black": "000000", "silver": "c0c0c0", "gray": "808080", "grey": "808080", "white": "ffffff", "maroon": "800000",
    "red": "ff0000", "purple": "800080", "fuchsia": "ff00ff", "magenta": "ff00ff", "green": "008000", "lime": "00ff00",
    "olive": "808000", "yellow": "ffff00", "navy": "000080", "blue": "0000ff", "teal": "008080", "aqua": "00ffff",
    "cyan": "00ffff", "orange": "ffa500", "brown": "a52a2a", "pink": "ffc0cb", "gold": "ffd700", "crimson": "dc143c",
    "darkgray": "a9a9a9", "darkgrey": "a9a9a9", "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "dimgray": "696969",
    "dimgrey": "696969", "whitesmoke": "f5f5f5", "gainsboro": "dcdcdc", "darkblue": "00008b", "darkred": "8b0000",
    "darkgreen": "006400", "indigo": "4b0082", "tomato": "ff6347", "steelblue": "4682b4", "royalblue": "4169e1",
}  # fmt: skip
_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})(?![0-9a-z])")
_RGB = re.compile(r"rgba?\(\s*([\d.]+%?)[\s,]+([\d.]+%?)[\s,]+([\d.]+%?)(?:\s*[,/]\s*([\d.]+%?))?\s*\)")
_LOW = 0.04045  # below it the sRGB curve is a straight line


class Colour(NamedTuple):
    """Red, green, blue from 0 to 255, and how opaque it is, from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def __str__(self) -> str:
        """`#1e2dbe`; transparency is not shown."""
        return f"#{round(self.red):02x}{round(self.green):02x}{round(self.blue):02x}"

    def over(self, below: Colour) -> Colour:
        """What is seen when this lies over an opaque colour."""
        a = self.alpha
        red, green, blue = (top * a + under * (1 - a) for top, under in zip(self[:3], below[:3], strict=True))
        return Colour(red, green, blue)


TRANSPARENT = Colour(0, 0, 0, 0)


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


def contrast(one: Colour, two: Colour) -> float:
    """The contrast ratio of two opaque colours, from 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(two)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        c / 12.92 if c <= _LOW else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour[:3])
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _number(text: str, full: float) -> float:
    try:
        value = float(text.rstrip("%"))
    except ValueError:  # `1.2.3` passes the pattern and is no number
        return 0.0
    return min(value * full / 100 if text.endswith("%") else value, full)
