"""Read a listing page in HTML: what it says about itself for machines, or the shape in which it shows its stories.

    page ─▶ JSON-LD articles ─────┐
         ─▶ elements with a date ─┼─▶ the reading that found most, completed by the other ─▶ Listing
         ─▶ OpenGraph (one story) ┘      or, with selectors, exactly what these name

libxml2 parses without network and with its limits on; scripts are never run, and of the stories' HTML only prose is
kept. It never follows a link.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from digest.importing import dates, html_to_markdown, identity, languages
from digest.importing.dom_heuristics import by_selectors, by_shape
from digest.importing.naming import slug
from digest.importing.page import ListingPage
from digest.importing.source import Item, Listing
from digest.text.characters import clean_line
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from digest.errors import Fault

_FAR_MORE = 3  # times as many articles as dates were found: then the page draws its stories by script
_UNDATED = "no day stands on it that can be read, like 14 February 2022"
_FILLED = ("kicker", "credit", "link", "image", "image_alt", "summary")


def parse(
    text: str,
    source: str,
    *,
    zone: tzinfo,
    language: str = "",
    selectors: Mapping[str, str] | None = None,
    base: str = "",
) -> Listing:
    """Read a page. `selectors` are CSS: `item`, and within it `title`, `date`, `kicker`, `credit`, `link`, ….

    Raises ImportFailed for what is not HTML, UsageError for a selector that cannot be read.
    """
    page = ListingPage.parse(text, source, zone, language, base)
    items, faults = by_selectors(page, selectors) if selectors else _unaided(page)
    if not items and not faults:
        page.notes.insert(0, f"{source}: {page.elsewhere or _UNDATED}")
    if page.beside:
        where = f"{counted(page.beside, 'picture')} in the folder that the browser saved beside it"
        page.notes.append(f"{source}: {where}; left out: give the page's address instead of the file")
    return Listing(
        source=source,
        title=page.title,
        contact=page.contact,
        language=page.language,
        items=tuple(items),
        faults=tuple(faults),
        notes=tuple(page.notes),
    )


def _unaided(page: ListingPage) -> tuple[Sequence[Item], Sequence[Fault]]:
    """What the page shows, what it tells machines, or the one of these that found more, completed by the other."""
    items, faults = by_shape(page)
    said = articles(page)
    if items and len(said) < _FAR_MORE * len(items) and not _same_stories(said, items):
        if said:
            page.notes.append(f"{page.source}: its JSON-LD tells of other articles; what the page shows was read")
        return items, faults
    if len(said) >= max(len(items), 1):
        return _completed(said, items), [] if len(said) > len(items) else faults
    if said:
        return _completed(items, said), faults
    alone = open_graph(page)
    return ([alone], []) if alone and not items else (items, faults)


def _same_stories(said: Sequence[Item], items: Sequence[Item]) -> bool:
    """Whether at least half of the fewer are among the others."""
    known = [[_identity(item)] for item in said]
    met = sum(number < len(said) for number in identity.unite(known, [_identity(item) for item in items]))
    return 2 * met >= min(len(said), len(items)) > 0


def _completed(items: Sequence[Item], others: Sequence[Item]) -> list[Item]:
    """The items, with what only the other reading of the same stories has."""
    known = [[_identity(item)] for item in others]
    result = []
    for item, number in zip(items, identity.unite(known, [_identity(item) for item in items]), strict=True):
        other = others[number] if number < len(others) else item
        missing = {key: value for key in _FILLED if not getattr(item, key) and (value := getattr(other, key))}
        result.append(replace(item, **missing))
    return result


def _identity(item: Item) -> identity.Identity:
    return identity.identity(title=item.title, day=item.date.date().isoformat(), kicker=item.kicker, link=item.link)


_ARTICLES = ("Article", "NewsArticle", "BlogPosting", "Report", "ReportageNewsArticle", "PressRelease", "VideoObject")
_MAX_NODES = 20_000


def articles(page: ListingPage) -> list[Item]:
    """The articles of the page's JSON-LD that have a headline and a date, each once."""
    found: dict[tuple[str, str], Item] = {}
    for text, line in page.scripts:
        try:
            data = json.loads(text, strict=False)  # many write line breaks into their texts
        except (ValueError, RecursionError):
            page.notes.append(f"{page.source}:{line}: its JSON-LD cannot be read; the page itself was")
            continue
        for node in _nodes(data):
            if item := _article(node, page, line):
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
        summary=html_to_markdown.paragraphs(page.meta("og:description")),
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
        language=languages.language(node.get("inLanguage"), page.language),
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
