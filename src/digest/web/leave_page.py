"""The public page for leaving, as HTML, in each language it speaks: a question, a button or two, an answer.

Pure: words, names and style in, bytes out. No script, no font, nothing from elsewhere but the newsroom's logo; readable
at 320 px, in light and dark, by ear and by keyboard. Every value is escaped, and no page shows a whole address.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from digest.composer.i18n import DEFAULT, fill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.composer.i18n import Wording
    from digest.web.page_style import PageStyle


def preferred(accept_language: str) -> list[str]:
    """The languages that a browser asks for, the dearest first (RFC 9110, 12.5.4)."""
    wanted: list[tuple[float, str]] = []
    for part in accept_language[:500].split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if weight > 0:
            wanted.append((-weight, tag.strip()))
    wanted.sort(key=lambda pair: pair[0])  # stable: the first of equals is preferred
    return [tag for _, tag in wanted]


Kind = Literal["ask", "unclear", "left", "left_all", "left_before", "unknown", "trouble", "refused"]
_TITLES: Mapping[Kind, str] = {
    "left": "page_left_title",
    "left_all": "page_left_title",
    "left_before": "page_left_title",
    "unknown": "page_unknown_title",
    "trouble": "page_trouble_title",
    "refused": "page_refused_title",
}

_JOINED = "\u2060"  # keeps the line from breaking at the dots


class PageNames(Struct, frozen=True, kw_only=True):
    """Who asks whom: the newsroom as it is shown, the audience's title, the reader's address (shown masked)."""

    newsroom: str
    contact: str
    newsroom_url: str = ""
    logo: str = ""
    logo_alt: str = ""
    logo_width: int = 160  # pixels
    audience: str = ""
    address: str = ""


def leave_page(kind: Kind, words: Wording, names: PageNames, style: PageStyle) -> bytes:
    """The whole page, UTF-8. The same kind, words, names and style give the same bytes."""
    sentence = {"ask": "page_leave", "unclear": "page_press"}.get(kind, f"page_{kind}")
    if kind == "ask" and not names.audience:  # the audience is gone: there is nothing but all of it to leave
        sentence = "page_press"
    lines = [_filled(sentence, words, names)]
    form = ""
    if kind in ("ask", "unclear"):
        this = f'<button name="leave" value="this">{_filled("page_leave_this", words, names)}</button>'
        every = f'<button name="leave" value="all" class="second">{_filled("page_leave_all", words, names)}</button>'
        form = f'<form method="post">{this if names.audience else ""}{every}</form>'
    elif kind in ("left", "left_all", "left_before"):
        lines.append(_filled("page_mistake", words, names))
    title = _TITLES.get(kind, "page_leave_title")
    newsroom = escape(names.newsroom)
    home = f'<a href="{escape(names.newsroom_url)}">{newsroom}</a>' if names.newsroom_url else ""
    return (
        f'<!DOCTYPE html><html lang="{words.language}" dir="{words.direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(words.say(title))} · {newsroom}</title><style>{style.sheet}</style></head>"
        f'<body><header><p>{_masthead(names)}</p></header><main role="main"><h1>{_filled(title, words, names)}</h1>'
        f"{''.join(f'<p>{line}</p>' for line in lines)}{form}</main>"
        f"{f'<footer><p>{home}</p></footer>' if home else ''}</body></html>"
    ).encode()


def masked(address: str) -> str:
    """`ann@example.org` as `a…@example.org` on one line: its reader knows it again, nobody else learns it."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}{_JOINED}…{_JOINED}@{domain}"


def _masthead(names: PageNames) -> str:
    if not names.logo:
        return f"<bdi>{escape(names.newsroom)}</bdi>"
    alt = escape(names.logo_alt or names.newsroom)
    return f'<img src="{escape(names.logo)}" alt="{alt}" width="{names.logo_width}">'


def _filled(key: str, words: Wording, names: PageNames) -> str:
    contact = escape(names.contact)
    sentence = fill(
        escape(words.say(key)),
        audience=f"<bdi>{escape(names.audience)}</bdi>",
        newsroom=f"<bdi>{escape(names.newsroom)}</bdi>",
        address=f"<bdi>{escape(masked(names.address))}</bdi>",
        contact=f'<a href="mailto:{contact}"><bdi>{contact}</bdi></a>',
    )
    foreign = key in words.lacking and words.language != DEFAULT  # WCAG 2.2, 3.1.2
    return f'<span lang="{DEFAULT}" dir="ltr">{sentence}</span>' if foreign else sentence
