"""The ways to look at a mail: light or dark, images off, without `<style>`, large text. HTML in, HTML out.

Each look is what some mail programs do to every mail. The content is never changed beyond that, and nothing is added
but a `<base>` that makes links open beside the page. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from digest.errors import UsageError
from digest.preview.recolour import forced

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMode:
    """How a mail is looked at."""

    scheme: Scheme = "light"
    images: bool = True
    style: bool = True
    large: bool = False


def look_of(query: Mapping[str, str]) -> ViewMode:
    """Read a look from a query: `scheme=dark&images=off&style=off&size=200`. Raises UsageError."""
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


def dressed(html: str, look: ViewMode) -> str:
    """The mail's HTML as this look shows it, for the frame."""
    html = _CONDITIONAL.sub(_unless_downlevel, html)
    html = _schemed(html, look.scheme)
    if not look.style:
        html = _STYLE.sub("", html)
    if not look.images:
        html = _BACKGROUND.sub("", _SOURCE.sub(r"\1", html))
    if look.large:
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
        return forced(html, "partial" if scheme == "partial" else "full")
    yes, no = (_DARK, _LIGHT) if scheme == "dark" else (_LIGHT, _DARK)
    # A width says yes or no to every reader alike: (min-width: 0) always holds, (max-width: 0) never does.
    return _STYLE.sub(
        lambda m: _ROOT.sub(rf"\g<1>{shown}", no.sub("(max-width: 0)", yes.sub("(min-width: 0)", m[0]))), html
    )
