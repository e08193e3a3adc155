"""The ways to look at a mail: light or dark, images off, without `<style>`, large text. HTML in, HTML out.

Each is what some mail programs do to every mail. The content is never changed beyond that, and nothing is added but a
`<base>` that makes links open beside the page. Pure.

A program that forces its own dark mode turns colours round and asks nobody: `full` turns every colour (Outlook on
Windows, Gmail on iOS), `partial` turns light grounds dark and dark words light (Outlook.com, Gmail on Android). The hue
is kept, only the lightness is turned; the author's dark styles are taken out first.
"""

from __future__ import annotations

import colorsys
import re
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Scheme = Literal["light", "dark", "partial", "full"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_LIGHT = re.compile(r"\(\s*prefers-color-scheme\s*:\s*light\s*\)", re.IGNORECASE)
_DARK_BLOCK = re.compile(
    r"@media[^{]*prefers-color-scheme\s*:\s*dark[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", re.IGNORECASE
)
_META = re.compile(r"(<meta\s+name=\"(?:supported-)?color-schemes?\"\s+content=\")[^\"]*", re.IGNORECASE)
_ROOT = re.compile(r"((?<![\w-])(?:supported-)?color-schemes?\s*:\s*)[^;}]+", re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]*>.*?</style\s*>", re.DOTALL | re.IGNORECASE)
_CONDITIONAL = re.compile(r"<!--\[if.*?<!\[endif\]-->", re.DOTALL | re.IGNORECASE)
_SOURCE = re.compile(r"(<img\b[^>]*?)\s(?:src|srcset)=\"[^\"]*\"", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;\"}]*url\([^)]*\)[^;\"}]*", re.IGNORECASE)
_SIZE = re.compile(r"((?<![\w-])(?:font-size|line-height)\s*:\s*)(\d+(?:\.\d+)?)px", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_IMAGE = re.compile(r"(<img\b[^>]*?\ssrc=\")([^\"]*)", re.IGNORECASE)
LARGE = 2


class ViewMode(Struct, frozen=True, kw_only=True):
    """How a mail is looked at."""

    scheme: Scheme = "light"
    images: bool = True
    style: bool = True
    large: bool = False


def view_mode(query: Mapping[str, str]) -> ViewMode:
    """Read a mode from a query: `scheme=dark&images=off&style=off&size=200`. Raises UsageError."""
    wanted = query.get("scheme", "light")
    scheme = next((each for each in SCHEMES if each == wanted), None)
    if scheme is None:
        message = f"there is no scheme {wanted[:40]!r}; there are {', '.join(SCHEMES)}"
        raise UsageError(message)
    return ViewMode(
        scheme=scheme,
        images=query.get("images") != "off",
        style=query.get("style") != "off",
        large=query.get("size") == "200",
    )


def in_mode(html: str, mode: ViewMode) -> str:
    """The mail's HTML as this mode shows it, for the frame."""
    html = _CONDITIONAL.sub(_unless_downlevel, html)
    html = _schemed(html, mode.scheme)
    if not mode.style:
        html = _STYLE.sub("", html)
    if not mode.images:
        html = _BACKGROUND.sub("", _SOURCE.sub(r"\1", html))
    if mode.large:
        html = _SIZE.sub(lambda m: f"{m[1]}{float(m[2]) * LARGE:g}px", html)
    return _HEAD.sub(lambda m: f'{m[0]}<base target="_blank">', html, count=1)


def local_images(html: str, base: str, has: Callable[[str], bool]) -> str:
    """Show the newsroom's own file for an image that is to be served below `base`, where there is such a file."""
    if not base:
        return html

    def replaced(match: re.Match[str]) -> str:
        source, start = match[2], base.rstrip("/") + "/"
        name = source.removeprefix(start)
        return f"{match[1]}/image/{name}" if source.startswith(start) and has(name) else match[0]

    return _IMAGE.sub(replaced, html)


def _unless_downlevel(match: re.Match[str]) -> str:
    """Comments for Outlook say nothing to a browser; the frame is lighter without them. Revealed ones stay."""
    return match[0] if match[0].startswith("<!--[if !mso]><!-->") else ""


def _schemed(html: str, scheme: Scheme) -> str:
    """Decide what `prefers-color-scheme` would ask the reader's system, so that the editor's own has no say."""
    shown = "dark" if scheme == "dark" else "light"
    html = _META.sub(rf"\g<1>{shown}", html)
    if scheme in ("partial", "full"):
        html = _STYLE.sub(lambda m: _ROOT.sub(r"\1light", _DARK_BLOCK.sub("", m[0])), html)
        return force_dark(html, "partial" if scheme == "partial" else "full")
    yes, no = (_DARK, _LIGHT) if scheme == "dark" else (_LIGHT, _DARK)
    # A width says yes or no to every reader alike: (min-width: 0) always holds, (max-width: 0) never does.
    return _STYLE.sub(
        lambda m: _ROOT.sub(rf"\g<1>{shown}", no.sub("(max-width: 0)", yes.sub("(min-width: 0)", m[0]))), html
    )


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


def force_dark(html: str, force: Force) -> str:
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
