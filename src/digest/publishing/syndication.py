"""Feeds of the public archive: Atom, with a document for each past year, and JSON Feed. Pure: entries in, bytes out.

    entries, newest first ─documents─▶ feed (the newest, all of this year) ─prev-archive─▶ feed-2021 ─▶ feed-2020 ─▶ …
                                         └─atom, json_feed─▶ bytes

RFC 4287 (Atom), RFC 5005 section 4 (archived feeds), RFC 4151 (tag URIs), JSON Feed 1.1. An entry's id is made of what
never changes, so a reader's program shows no issue twice when a title or an address does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Generic, TypeVar
from xml.etree import ElementTree as ET

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

ATOM = "http://www.w3.org/2005/Atom"
HISTORY = "http://purl.org/syndication/history/1.0"
JSON_FEED = "https://jsonfeed.org/version/1.1"
T = TypeVar("T")

ET.register_namespace("", ATOM)
ET.register_namespace("fh", HISTORY)


class FeedEntry(Struct, frozen=True, kw_only=True):
    """One issue as feeds carry it. `html` is whole and has absolute addresses only; `updated` moves for corrections."""

    id: str
    url: str
    title: str
    summary: str
    html: str
    language: str
    published: datetime
    updated: datetime
    image: str = ""
    tags: tuple[str, ...] = ()


class FeedInfo(Struct, frozen=True, kw_only=True):
    """What a feed says of itself. `base` is the address of its folder, and of its page, with a slash at the end."""

    id: str
    title: str
    language: str
    author: str
    email: str
    base: str
    description: str = ""


class FeedLinks(Struct, frozen=True, kw_only=True):
    """Where a document stands among a feed's documents, by their names without suffix; `name` is its own."""

    name: str
    earlier: str = ""
    later: str = ""
    is_archive: bool = False


class FeedPart(Struct, Generic[T], frozen=True, kw_only=True):
    """One document: its entries, newest first."""

    entries: Sequence[T]
    links: FeedLinks


def documents(entries: Sequence[T], *, year: Callable[[T], int], most: int, years: bool) -> Iterator[FeedPart[T]]:
    """The documents of a feed. `entries` are newest first, and at least one.

    With `years`, the first holds all of the newest year, and each past year has one of its own, which is closed.
    """
    newest = year(entries[0])
    past = sorted({year(entry) for entry in entries} - {newest}) if years else []
    names = [f"feed-{number:04}" for number in past]
    recent = [entry for number, entry in enumerate(entries) if number < most or (years and year(entry) == newest)]
    yield FeedPart(entries=recent, links=FeedLinks(name="feed", earlier=names[-1] if names else ""))
    for place, (name, number) in enumerate(zip(names, past, strict=True)):
        links = FeedLinks(
            name=name,
            earlier=names[place - 1] if place else "",
            later=names[place + 1] if place + 1 < len(names) else "",
            is_archive=True,
        )
        yield FeedPart(entries=[entry for entry in entries if year(entry) == number], links=links)


def json_feed(info: FeedInfo, entries: Sequence[FeedEntry], _links: FeedLinks) -> bytes:
    """The entries as JSON Feed 1.1."""
    feed = {
        "version": JSON_FEED,
        "title": info.title,
        "home_page_url": info.base,
        "feed_url": f"{info.base}feed.json",
        **({"description": info.description} if info.description else {}),
        "language": info.language,
        "authors": [{"name": info.author}],
        "items": [_item(entry) for entry in entries],
    }
    return (json.dumps(feed, ensure_ascii=False, indent=1) + "\n").encode()


def _item(entry: FeedEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "url": entry.url,
        "title": entry.title,
        "summary": entry.summary,
        "content_html": entry.html,
        "date_published": entry.published.isoformat(timespec="seconds"),
        "date_modified": entry.updated.isoformat(timespec="seconds"),
        "language": entry.language,
        **({"image": entry.image} if entry.image else {}),
        **({"tags": list(entry.tags)} if entry.tags else {}),
    }


def atom(info: FeedInfo, entries: Sequence[FeedEntry], links: FeedLinks) -> bytes:
    """The entries as an Atom document, linked to the feed's others."""
    feed = ET.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": info.language})
    # One id for all of the feed's documents: they are one feed (RFC 5005, 4).
    _text(feed, "id", info.id)
    _text(feed, "title", info.title)
    if info.description:
        _text(feed, "subtitle", info.description)
    _text(feed, "updated", max(entry.updated for entry in entries).isoformat(timespec="seconds"))
    author = ET.SubElement(feed, f"{{{ATOM}}}author")
    _text(author, "name", info.author)
    _text(author, "email", info.email)
    _link(feed, "self", f"{info.base}{links.name}.atom", "application/atom+xml")
    _link(feed, "alternate", info.base, "text/html")
    if links.is_archive:
        ET.SubElement(feed, f"{{{HISTORY}}}archive")
        _link(feed, "current", f"{info.base}feed.atom", "application/atom+xml")
    if links.earlier:
        _link(feed, "prev-archive", f"{info.base}{links.earlier}.atom", "application/atom+xml")
    if links.later:
        _link(feed, "next-archive", f"{info.base}{links.later}.atom", "application/atom+xml")
    for entry in entries:
        _entry(feed, entry, info.language)
    ET.indent(feed, " ")
    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _entry(feed: ET.Element, entry: FeedEntry, language: str) -> None:
    own = {} if entry.language == language else {"{http://www.w3.org/XML/1998/namespace}lang": entry.language}
    element = ET.SubElement(feed, f"{{{ATOM}}}entry", own)
    _text(element, "id", entry.id)
    _text(element, "title", entry.title)
    _link(element, "alternate", entry.url, "text/html")
    _text(element, "published", entry.published.isoformat(timespec="seconds"))
    _text(element, "updated", entry.updated.isoformat(timespec="seconds"))
    for tag in entry.tags:
        ET.SubElement(element, f"{{{ATOM}}}category", term=tag)
    if entry.summary:
        _text(element, "summary", entry.summary)
    content = ET.SubElement(element, f"{{{ATOM}}}content", type="html")
    content.text = entry.html


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}").text = text


def _link(parent: ET.Element, rel: str, href: str, media_type: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}link", rel=rel, type=media_type, href=href)
