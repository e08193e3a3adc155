"""The formats in which stories come, each with how it is told and how it is read.

    bytes ─detect, in this order─▶ the format ─read─▶ Listing

A new format is a reader, its name in digest.model, a row here, and its tests. By content first, then by what a server
claims: many call everything text/html.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from digest.errors import ImportFailed, UsageError
from digest.importing import feeds, ghost, listing_text, table
from digest.importing.html_to_markdown import unescaped
from digest.model import STORY_WORDS
from digest.text.characters import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digest.importing.source import Item, Listing, Source

MAX_BYTES = 20_000_000  # where no newsroom says another limit, and of what the desk takes in
_ROOT = re.compile(
    r"(?>(?:<!--.*?-->|<\?[^>]*\?>|<!DOCTYPE[^>\[]*(?:\[[^\]]*\])?[^>]*>|\s)*)<([A-Za-z:]+)", re.DOTALL | re.IGNORECASE
)
_NO_HEADLINES = {"urlset": "a sitemap", "sitemapindex": "a list of sitemaps", "opml": "a list of feeds"}
_FEED_ROOTS = {"rss", "feed", "rdf:rdf", "atom:feed"}
# The root of a feed below something else; prose and cells of tables speak of `<?xml ?>`, `<rss>` and `<feed>`, too.
_FEED_BELOW = re.compile(
    r"<(?:rss\b[^<>]{0,500}(?:\bversion=|>\s{0,99}<channel\b)"
    r"|(?:[\w.-]{1,40}:)?feed\b[^<>]{0,500}\bxmlns|(?:rdf:)?RDF\b[^<>]{0,500}\bxmlns)",
    re.IGNORECASE,
)


class Format(Struct, frozen=True, kw_only=True):
    """One format. `detect` raises nothing; `read` raises ImportFailed for what is no listing of this kind."""

    detect: Callable[[Source], bool]
    read: Callable[[Source], Listing]


def _root(source: Source) -> str:
    """The name of the first element, when the source is markup: `rss`, `html`; else nothing."""
    found = _ROOT.match(source.head)
    return found[1].lower() if found else "!" if source.head.startswith("<!") else ""


def _read_page(source: Source) -> Listing:
    from digest.importing import listing_html  # lxml, which nothing else here needs

    return listing_html.parse(
        source.text,
        source.name,
        zone=source.zone,
        language=source.language,
        selectors=source.selectors or None,
        base=source.base,
    )


def _reader(parse: Callable[..., Listing]) -> Callable[[Source], Listing]:
    return lambda source: parse(source.text, source.name, zone=source.zone, language=source.language, base=source.base)


FORMATS: Mapping[str, Format] = {
    "xlsx": Format(
        detect=lambda source: source.data.startswith(b"PK\x03\x04") and b"xl/" in source.data,
        read=lambda source: table.parse_sheet(
            source.data, source.name, zone=source.zone, language=source.language, sheet=source.sheet
        ),
    ),
    "ghost": Format(
        detect=lambda source: ghost.is_export(source.head),
        read=_reader(ghost.parse),
    ),
    "jsonfeed": Format(
        detect=lambda source: source.head.startswith("{"),
        read=_reader(feeds.parse_json),
    ),
    "feed": Format(
        detect=lambda source: (
            _root(source) in _FEED_ROOTS
            or (
                _root(source) not in ("html", "!")
                and bool(_FEED_BELOW.search(source.head))
                and not table.columns(source.head)
            )
        ),
        read=_reader(feeds.parse_xml),
    ),
    "csv": Format(
        detect=lambda source: (
            not _root(source)
            and (
                source.media_type == "text/csv"
                or source.name.lower().endswith((".csv", ".tsv"))  # or a column is missing, and nobody said so
                or bool(table.columns(source.head))
            )
        ),
        read=lambda source: table.parse(source.text, source.name, zone=source.zone, language=source.language),
    ),
    "html": Format(
        detect=lambda source: bool(_root(source)) or source.media_type in ("text/html", "application/xhtml+xml"),
        read=_read_page,
    ),
    "text": Format(
        detect=lambda _: True,
        read=lambda source: listing_text.parse(source.text, source.name, zone=source.zone, language=source.language),
    ),
}


def detect(source: Source) -> str:
    """The name of the first format that knows the source for its own."""
    return next(name for name, known in FORMATS.items() if known.detect(source))


def read(source: Source, format: str = "", *, most: int = MAX_BYTES) -> Listing:  # noqa: A002 - as on the command line
    """Read a source in the format that is said, else found out. With selectors it is a page.

    Raises ImportFailed for what is no listing of any kind or has more than `most` bytes, UsageError for a sheet of what
    is no workbook.
    """
    if len(source.data) > most:
        message = f"{source.name}: has {len(source.data):,} bytes, and import.max_bytes allows {most:,}"
        raise ImportFailed(message)
    if what := _NO_HEADLINES.get(_root(source)):
        message = f"{source.name}: is {what}, without headlines; give the site's feed, or the page that lists its news"
        raise ImportFailed(message)
    name = format or ("html" if source.selectors else detect(source))
    if source.sheet and name != "xlsx":
        message = f"{source.name}: has no sheets, as it is no Excel workbook; leave --sheet out"
        raise UsageError(message)
    listing = as_meant(FORMATS[name].read(source))
    damage = (source.damage,) if source.damage else ()
    return replace(listing, format=name, notes=(*damage, *listing.notes))


def as_meant(listing: Listing) -> Listing:
    """The listing without HTML's escapes (`&#8217;`) in its words, which escaping twice leaves there; with a note."""
    items: list[Item] = []
    first = ""
    for item in listing.items:
        texts = {key: text for key in STORY_WORDS if isinstance(text := getattr(item, key), str) and "&" in text}
        meant: dict[str, Any] = {
            key: text if key == "summary" else clean_line(text)
            for key, said in texts.items()
            if (text := unescaped(said)) != said
        }
        first = first or next((texts[key] for key in meant), "")
        items.append(dataclasses.replace(item, **meant) if meant else item)
    if not first:
        return listing
    note = f"{listing.source}: has HTML's escapes in its words ('{clean_line(first)[:60]}'); read as meant"
    return replace(listing, items=tuple(items), notes=(*listing.notes, note))
