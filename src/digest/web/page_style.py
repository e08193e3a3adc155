"""The style sheet of the public pages in a theme's colours, and the Content-Security-Policy that allows just that.

Whatever the theme says, what is written can be read (WCAG 2.2, 1.4.3): a colour that can't be on its ground is black or
white instead. Nothing is loaded but the newsroom's logo, where it has one.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.text.colour import READABLE, contrast, ink_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.composer.page_theme import PageTheme

_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--body);font:1rem/1.55 var(--text);overflow-wrap:anywhere}
header{border-top:.3rem solid var(--rule);background:var(--band);color:var(--on-band)}
header p{max-width:36.5rem;margin:0 auto;padding:1rem 1.25rem;font-weight:700;font-size:.875rem}
header img{display:block;max-width:100%;height:auto;background:var(--plate)}
main{max-width:36.5rem;margin:1.5rem auto;padding:1.75rem 1.25rem;background:var(--sheet)}
h1{margin:0 0 .75rem;color:var(--ink);font:700 1.75rem/1.2 var(--heading)}
p{margin:0 0 1.25rem}
main>p:last-child,button:last-child{margin-bottom:0}
main p bdi{color:var(--ink);font-weight:600}
main a bdi{color:inherit;font-weight:inherit}
button{display:block;width:100%;min-height:3rem;margin:0 0 .75rem;padding:.65rem 1rem;border:2px solid var(--accent);\
border-radius:.3rem;background:var(--accent);color:var(--on-accent);font:inherit;font-weight:700;cursor:pointer}
button.second{border-color:var(--body);background:transparent;color:var(--ink);font-weight:600}
button:hover{text-decoration:underline}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
footer{max-width:36.5rem;margin:0 auto 2rem;padding:0 1.25rem;font-size:.875rem}
@media (min-width:40rem){main{margin-top:3rem;padding:2.5rem}footer{padding:0 2.5rem}header p{padding:1rem 2.5rem}}
"""


class PageStyle(Struct, frozen=True, kw_only=True):
    """A style sheet, and the policy under which a page with it is served."""

    sheet: str
    policy: str


def page_style(theme: PageTheme) -> PageStyle:
    """The same theme gives the same style."""
    fonts = f"--heading:{theme.options.heading_font};--text:{theme.options.body_font}"
    plain = theme.options.masthead == "plain"
    day, night = (_variables(theme.colours, scheme, plain=plain) for scheme in ("", "_dark"))
    sheet = (
        f"\n:root{{color-scheme:light dark;{fonts};{day}}}"
        f"\n@media (prefers-color-scheme:dark){{:root{{{night}}}}}{_RULES}"
    )
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    logo = theme.options.logo_url.partition("?")[0].replace(";", "%3B").replace(",", "%2C")
    return PageStyle(
        sheet=sheet,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; {f'img-src {logo}; ' if logo else ''}"
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )


def _variables(colours: Mapping[str, str], scheme: str, *, plain: bool) -> str:
    def of(name: str, otherwise: str = "ink") -> str:
        return colours.get(name + scheme) or colours[otherwise + scheme]

    def on(ground: str, name: str) -> str:
        return of(name) if contrast(of(name), ground) >= READABLE else ink_on(ground)

    sheet, accent = of("sheet"), of("accent")
    band = sheet if plain else of("band")
    values = {
        "page": of("page"),
        "sheet": sheet,
        "band": band,
        "on-band": accent if plain else on(band, "on_band"),
        "rule": accent if plain else band,
        "plate": "#ffffff" if plain else band,  # under a logo, so that it keeps its colours after dark
        "ink": on(sheet, "ink"),
        "body": on(sheet, "body"),
        "accent": accent,
        "on-accent": ink_on(accent),
    }
    return ";".join(f"--{name}:{value}" for name, value in values.items())
