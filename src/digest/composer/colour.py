"""Colours and how well they can be told apart: WCAG 2.2 contrast, and the shades a theme needs of one brand colour.

    brand ─▶ band, what is written on it ─▶ accent on the sheet ─▶ the same for dark mode

Pure arithmetic on `#rrggbb`. It never guesses from names, and it never returns a shade that cannot be read.
"""

from __future__ import annotations

import colorsys
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

READABLE = 4.5  # WCAG 2.2, 1.4.3, for text of any size
_HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_STEPS = 100

RGB = tuple[float, float, float]


def is_colour(text: str) -> bool:
    """Tell whether `text` is a colour as we take them: `#1e2dbe` or `#12b`."""
    return _HEX.fullmatch(text) is not None


def rgb(text: str) -> RGB:
    """The three channels of `#rrggbb`, each from 0 to 1. Raises ValueError for anything else."""
    if not is_colour(text):
        message = f"{text!r} is not a colour; write it like #1e2dbe"
        raise ValueError(message)
    digits = text[1:] if len(text) > len("#rgb") else "".join(digit * 2 for digit in text[1:])
    red, green, blue = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    return red, green, blue


def spell(channels: RGB) -> str:
    """The channels as `#rrggbb`."""
    return "#" + "".join(f"{round(max(0.0, min(1.0, channel)) * 255):02x}" for channel in channels)


def luminance(text: str) -> float:
    """Relative luminance, from 0 (black) to 1 (white)."""
    knee = 0.04045
    linear = [c / 12.92 if c <= knee else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(text)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mix(one: str, other: str, share: float) -> str:
    """`one` with `share` (0 to 1) of `other` in it."""
    first, second = rgb(one), rgb(other)
    return spell(
        (
            first[0] + (second[0] - first[0]) * share,
            first[1] + (second[1] - first[1]) * share,
            first[2] + (second[2] - first[2]) * share,
        )
    )


def lightness(text: str, value: float) -> str:
    """The same hue and saturation at another lightness (0 to 1)."""
    hue, _, saturation = colorsys.rgb_to_hls(*rgb(text))
    return spell(colorsys.hls_to_rgb(hue, value, saturation))


def readable(colour: str, grounds: Iterable[str], ratio: float = READABLE) -> str:
    """`colour` itself when it has `ratio` on all `grounds`, else the nearest lightness of it that does.

    The grounds are all light or all dark. Raises ValueError when nothing of this hue can be read on all of them.
    """
    grounds = tuple(grounds)
    if all(contrast(colour, ground) >= ratio for ground in grounds):
        return colour
    _, start, _ = colorsys.rgb_to_hls(*rgb(colour))
    target = 1.0 if luminance(grounds[0]) < luminance("#777777") else 0.0
    for step in range(1, _STEPS + 1):
        shade = lightness(colour, start + (target - start) * step / _STEPS)
        if all(contrast(shade, ground) >= ratio for ground in grounds):
            return shade
    message = f"no shade of {colour} can be read on {' and '.join(grounds)}"
    raise ValueError(message)


def ink_on(ground: str, dark: str = "#14161c") -> str:
    """White where it can be read on `ground`, else `dark`, else black: one of them always can."""
    return next(ink for ink in ("#ffffff", dark, "#000000") if contrast(ink, ground) >= READABLE)


def softer(ink: str, ground: str, share: float = 0.2) -> str:
    """`ink` with some of its ground in it, as much as `share`, as long as it stays readable."""
    for step in range(10, 0, -1):
        shade = mix(ink, ground, share * step / 10)
        if contrast(shade, ground) >= READABLE:
            return shade
    return ink
