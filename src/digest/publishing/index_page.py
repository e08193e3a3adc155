"""The public pages that list editions: each as a card, or as a line where the list is long.

Cards ─▶ IndexParts ─index_page─▶ HTML
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from digest.composer.i18n import direction
from digest.composer.sandbox import template_value
from digest.publishing.page_templates import IMAGES, PageLink
from digest.text.cleaning import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.publishing.edition_page import Card
    from digest.publishing.page_templates import PageTemplates


@template_value
class CardView(Struct, kw_only=True):
    """A card in a list: whole, or one line where the list is long."""

    href: str
    label: str
    headline: str
    count: str
    day: str
    text: str
    lang: str
    dir: str
    image: str
    width: int
    height: int
    withdrawn: bool


@template_value
class IndexSection(Struct, kw_only=True):
    """Cards under one heading; `href` leads to all of them."""

    title: str
    href: str
    lang: str
    dir: str
    cards: tuple[CardView, ...]
    lines: tuple[CardView, ...]
    all_label: str


class IndexPart(Struct, frozen=True, kw_only=True):
    """A section of an index page before it is set. `path` is the folder of the page that has all of it."""

    title: str
    path: str
    language: str
    cards: Sequence[Card]
    lines: Sequence[Card] = ()
    more: bool = False


def index_page(
    templates: PageTemplates,
    *,
    path: str,
    title: str,
    description: str,
    language: str,
    parts: Sequence[IndexPart],
    languages: Sequence[tuple[str, str]] = (),
    years: Sequence[tuple[str, str]] = (),
    feed: bool = True,
    contact: str = "",
) -> bytes:
    """A page that lists editions, in the folder `path` (empty: the archive's own).

    `languages` are (tag, folder) of the same list in each language, this one among them; `years` are (label,
    folder) of its parts by year.
    """
    wording = templates.theme.wording(language)
    depth = path.count("/")
    up = "../" * depth
    values = {
        **templates.frame(wording, depth=depth, path=path),
        "title": one_line(title),
        "description": one_line(description),
        "sections": tuple(_section(templates, part, path, language) for part in parts),
        "languages": tuple(
            PageLink(
                href=f"{up}{folder}",
                url=f"{templates.base}{folder}",
                label=templates.called(tag),
                language=tag,
                dir=direction(tag),
                current=folder == path,
            )
            for tag, folder in (languages if len(languages) > 1 else ())
        ),
        "years": tuple(
            PageLink(href=f"{up}{folder}", url="", label=label, language="", dir="", current=folder == path)
            for label, folder in years
        ),
        "feed": f"{templates.base}{path}" if feed else "",
        "contact": contact or templates.newsroom.config.newsroom.contact,
        "search": any(part.cards or part.lines for part in parts),
    }
    return templates.filled("index.html.j2", values)


def _section(templates: PageTemplates, part: IndexPart, path: str, language: str) -> IndexSection:
    up = "../" * path.count("/")
    return IndexSection(
        title=one_line(part.title),
        href=f"{up}{part.path}" if part.path != path else "",
        **_marked(part.language, language),
        cards=tuple(_view(card, up, language) for card in part.cards),
        lines=tuple(_view(card, up, language) for card in part.lines),
        all_label=templates.theme.wording(part.language).say("all_issues") if part.more else "",
    )


def _view(card: Card, up: str, language: str) -> CardView:
    name, width, height = card.image or ("", 0, 0)
    return CardView(
        href=f"{up}{card.path}",
        label=card.label,
        headline=card.headline,
        count=card.count,
        day=card.day,
        text=card.text,
        **_marked(card.language, language),
        image=f"{up}{IMAGES}/{name}" if name else "",
        width=width,
        height=height,
        withdrawn=card.withdrawn,
    )


def _marked(own: str, around: str) -> dict[str, str]:
    """How HTML says that something is in another language than what stands around it; empty where it is not."""
    return {"lang": "", "dir": ""} if own == around else {"lang": own, "dir": direction(own)}
