"""What a mail program does that forces its own dark mode: it turns colours round and asks nobody.

`full` turns every colour round (Outlook on Windows, Gmail on iOS): light becomes dark, dark becomes light. `partial`
turns light grounds dark and dark words light, and leaves what is dark already alone (Outlook.com, Gmail on Android).
Pure: HTML in, HTML out. The hue is kept, only the lightness is turned; the author's dark styles are taken out first.
"""

from __future__ import annotations

import colorsys
import re
from typing import Literal

Force = Literal["partial", "full"]
Kind = Literal["ink", "ground"]

DARKEST = 0.07  # what white becomes: programs use a near-black, not black
_MIDDLE = 0.5
_HEX = r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b"
_NAMED = {"white": "#ffffff", "black": "#000000"}
_COLOUR = re.compile(rf"{_HEX}|\b(?:white|black)\b(?!-)", re.IGNORECASE)
_DECLARATION = re.compile(
    r"(?P<name>(?<![\w-])(?:background-color|background|border[\w-]*|color))(?P<colon>\s*:\s*)(?P<value>[^;\"{}<]+)",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rf"(?P<name>\bbgcolor=\")(?P<value>{_HEX})", re.IGNORECASE)
_STYLED = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)|(\sstyle=\")([^\"]*)(\")", re.DOTALL | re.IGNORECASE)
GROUND = "<style>html{background:#121212;color:#ededed}</style>"


def forced(html: str, force: Force) -> str:
    """The HTML as a program that forces its dark mode shows it."""
    html = _ATTRIBUTE.sub(lambda m: m["name"] + _turned(m["value"], "ground", force), html)
    html = _STYLED.sub(lambda m: _styles(m, force), html)
    return re.sub(r"(?=</head>)", GROUND, html, count=1)


def turned(colour: str) -> str:
    """The colour with its lightness turned round, of the same hue.

    >>> turned("#ffffff"), turned("#000000"), turned("#1e2dbe")
    ('#121212', '#ededed', '#5e6ce2')
    """
    red, green, blue = _channels(colour)
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    light = 1 - light
    light = DARKEST + light * (1 - 2 * DARKEST)
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, light, saturation))


def _styles(match: re.Match[str], force: Force) -> str:
    start, text, end = match.group(1, 2, 3) if match[1] else match.group(4, 5, 6)
    return start + _DECLARATION.sub(lambda m: _declared(m, force), text) + end


def _declared(match: re.Match[str], force: Force) -> str:
    name = match["name"].lower()
    kind: Kind = "ink" if name == "color" else "ground"
    value = _COLOUR.sub(lambda m: _turned(m[0], kind, force), match["value"])
    return f"{match['name']}{match['colon']}{value}"


def _turned(colour: str, kind: Kind, force: Force) -> str:
    _, light, _ = colorsys.rgb_to_hls(*_channels(colour))
    dark = light < _MIDDLE
    if force == "full" or dark == (kind == "ink"):
        return turned(colour)
    return colour


def _channels(colour: str) -> tuple[float, float, float]:
    digits = _NAMED.get(colour.lower(), colour).lstrip("#")
    if len(digits) == 3:  # noqa: PLR2004 - the short form
        digits = "".join(letter * 2 for letter in digits)
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue
