"""What a page says about its stories for machines: JSON-LD (schema.org) and OpenGraph.

It reads what is there and guesses nothing: an article without a headline or a date is not an item.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from digest.importing import dates, html_to_markdown
from digest.importing.listing import Item
from digest.importing.naming import slug
from digest.stories.characters import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.importing.page import ListingPage

_ARTICLES = ("Article", "NewsArticle", "BlogPosting", "Report", "ReportageNewsArticle", "PressRelease", "VideoObject")
_MAX_NODES = 20_000


def articles(page: ListingPage) -> list[Item]:
    """The articles of the page's JSON-LD that have a headline and a date, each once."""
    found: dict[tuple[str, str], Item] = {}
    for script in page.root.xpath("//script[@type='application/ld+json']"):
        try:
            data = json.loads(script.text or "")
        except (ValueError, RecursionError):
            page.notes.append(f"{page.source}:{script.sourceline}: its JSON-LD cannot be read; the page itself was")
            continue
        for node in _nodes(data):
            if item := _article(node, page, script.sourceline or 0):
                found.setdefault((item.title, item.link), item)
    return list(found.values())


def open_graph(page: ListingPage) -> Item | None:
    """The one story that a page is about, when it says so."""
    written = page.meta("article:published_time")
    title = page.meta("og:title")
    when = _moment(written, page)
    if not when or not title:
        return None
    return Item(
        title=title,
        date=when.at,
        date_only=when.date_only,
        kicker=page.meta("article:section"),
        link=page.link(page.meta("og:url"), title),
        image=page.link(page.meta("og:image"), title),
        image_alt=page.meta("og:image:alt"),
        summary=html_to_markdown.paragraphs([page.meta("og:description")]),
        language=page.language,
    )


def _nodes(data: Any) -> Iterator[dict[str, Any]]:
    """Every object in the data, in order, without recursion."""
    waiting = [data]
    count = 0
    while waiting and count < _MAX_NODES:
        count += 1
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += reversed(list(node.values()))
        elif isinstance(node, list):
            waiting += reversed(node)


def _article(node: dict[str, Any], page: ListingPage, line: int) -> Item | None:
    kinds = node.get("@type")
    title = html_to_markdown.plain(_text(node.get("headline") or node.get("name")))
    when = _moment(_text(node.get("datePublished") or node.get("uploadDate")), page)
    if not title or not when or not set(kinds if isinstance(kinds, list) else [kinds]) & set(_ARTICLES):
        return None
    image = node.get("image")
    image = image[0] if isinstance(image, list) and image else image
    picture = image if isinstance(image, dict) else {"url": image}
    place = node.get("mainEntityOfPage")
    link = node.get("url") or (place.get("@id") if isinstance(place, dict) else place)
    keywords = node.get("keywords")
    topics = keywords if isinstance(keywords, list) else _text(keywords).split(",")
    return Item(
        title=title,
        date=when.at,
        date_only=when.date_only,
        kicker=clean_line(_text(node.get("articleSection"))),
        credit=clean_line(_text(picture.get("creditText") or picture.get("copyrightNotice"))),
        link=page.link(_text(link), title),
        image=page.link(_text(picture.get("url") or picture.get("contentUrl")), title),
        image_alt=clean_line(_text(picture.get("caption"))),
        summary=html_to_markdown.from_html(_text(node.get("description"))),
        topics=tuple(dict.fromkeys(name for one in topics if (name := slug(_text(one))))),
        language=html_to_markdown.language(node.get("inLanguage"), page.language),
        line=line,
    )


def _moment(written: str, page: ListingPage) -> dates.Moment | None:
    try:
        return dates.parse(written, page.zone, page.language)
    except dates.NoSuchDay as error:
        page.notes.append(f"{page.source}: {error}; an article of its metadata is left out")
        return None


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("name") or value.get("url") or ""
    return value if isinstance(value, str) else ""
