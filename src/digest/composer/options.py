"""What a newsroom may set about its theme: brand colours, logo, fonts, how images travel, how large a mail may be.

`ThemeOptions.faults()` says every value that cannot be used; `notes` of a loaded theme say what had to be adjusted.
This module reads no file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

from digest.model import GMAIL_CLIPS_AT
from digest.text.colour import is_colour
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

SERIF = "Georgia, 'Times New Roman', Times, serif"
SANS = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_FONTS = re.compile(r"[A-Za-z0-9 _,'-]{1,300}")  # what a font-family list needs, and nothing that could leave it
Layout = Literal["auto", "full", "list"]  # how many stories are shown in full, the others as rows
Masthead = Literal["band", "plain"]
Images = Literal["auto", "link", "embed"]
_WORDS = {"layout": get_args(Layout), "masthead": get_args(Masthead), "images": get_args(Images)}
_URL = re.compile(r"https?://[^\s\"'<>]+|cid:[\w.@-]+")
SMALLEST = 4096  # bytes of HTML in which a theme of few words can still say something
_ALL_IN_FULL = 6  # stories, up to which the layout `auto` shows each in full
_SOME_IN_FULL = 5  # beyond it: the lead and four
WIDEST = 592  # the sheet's 640 less its margins


class ThemeOptions(Struct, frozen=True, kw_only=True):
    """The `theme:` part of config.yaml. Sizes in bytes, widths in pixels, colours as `#rrggbb`."""

    name: str = "default"  # the folder in templates/
    brand: str = "#1e2dbe"
    brand_dark: str = ""  # the accent in dark mode; made from `brand` when empty
    logo: str = ""  # the address (https://…) of a PNG or JPEG for the masthead, where else the newsroom's name stands
    logo_alt: str = ""  # the newsroom's name when empty
    logo_width: int = 160
    heading_font: str = SERIF
    body_font: str = SANS
    images: Images = "auto"  # auto: linked where they are served, else carried
    image_base_url: str = ""  # what a relative image path is appended to
    size_limit: int = GMAIL_CLIPS_AT
    layout: Layout = "full"
    masthead: Masthead = "band"
    masthead_color: str = ""  # the band's; `brand` when empty
    forward: bool = False  # a link with which a reader sends the view in the browser on
    contents_over: int = 6  # an edition with more stories than this opens with a contents list
    dates: bool = True  # show each story's date

    @property
    def logo_url(self) -> str:
        """The logo's address on the web; empty where there is none, or where it travels in the mail (`cid:`)."""
        return self.logo if self.logo.startswith(("https://", "http://")) else ""

    def in_full(self, stories: int) -> int:
        """How many of an edition's stories are shown in full, those first; the others are rows."""
        if self.layout == "list":
            return min(stories, 1)
        return _SOME_IN_FULL if self.layout == "auto" and stories > _ALL_IN_FULL else stories

    def faults(self) -> tuple[tuple[str, str], ...]:
        """Every value that cannot be used, as (key, message); empty when all can."""
        return tuple(self._faults())

    def _faults(self) -> Iterator[tuple[str, str]]:  # noqa: C901 - one rule per key, nothing between them
        if not NAME.fullmatch(self.name):
            yield "name", f"{self.name!r} is not a folder's name; use small letters, digits and hyphens"
        for key in ("brand", "brand_dark", "masthead_color"):
            colour: str = getattr(self, key)
            if (colour or key == "brand") and not is_colour(colour):
                yield key, f"{colour!r} is not a colour; write it in quotes, like '#1e2dbe'"
        for key, known in _WORDS.items():
            if (word := getattr(self, key)) not in known:
                yield key, f"{word!r} is none of {', '.join(known)}"
        for key in ("heading_font", "body_font"):
            fonts: str = getattr(self, key)
            if not _FONTS.fullmatch(fonts) or fonts.count("'") % 2:
                yield key, f"{fonts!r} is not a list of font names; write it like Georgia, 'Times New Roman', serif"
        for key in ("logo", "image_base_url"):
            url: str = getattr(self, key)
            if url and not _URL.fullmatch(url):
                yield key, f"{url!r} is not an address that a mail can load; begin with https://"
        if not 1 <= self.logo_width <= WIDEST:
            yield "logo_width", f"{self.logo_width} is not a width in pixels from 1 to {WIDEST}"
        if self.size_limit < SMALLEST:
            yield "size_limit", f"{counted(self.size_limit, 'byte')} cannot hold a digest; give at least {SMALLEST}"
        if self.contents_over < 0:
            yield "contents_over", f"{self.contents_over} is below 0; 0 always shows the contents list"
