"""Read what Ghost exports (Settings, Import/Export: one JSON file) as posts with excerpt, tags and feature picture.

    JSON ─▶ posts, tags, settings ─▶ items

An export does not say its site's address: without a `base` its posts have no link, and that is noted. Of a post for
members or for who pays, nothing is taken but its excerpt and what stands before its wall.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from digest.errors import ImportFailed
from digest.importing import html_to_markdown, languages
from digest.importing.feeds import FeedReader, json_of
from digest.importing.listing_text import CREDIT
from digest.importing.pictures import Picture
from digest.model import Status
from digest.text.characters import clean_line
from digest.text.urls import absolute

if TYPE_CHECKING:
    from datetime import tzinfo

    from digest.errors import Fault
    from digest.importing.source import Item, Listing

    Row = dict[str, Any]

_EXPORT = re.compile(r'\{\s*"(?:db"\s*:\s*\[|meta"\s*:\s*\{[^{}]*"exported_on")')
_HERE = "__GHOST_URL__"  # stands in an export for the address of its site
_WALL = "<!--members-only-->"
_STATUS = dict.fromkeys(("draft", "scheduled"), Status.DRAFT)


def is_export(head: str) -> bool:
    """Tell an export by how it begins."""
    return _EXPORT.match(head) is not None


def parse(text: str, source: str, *, zone: tzinfo, language: str = "", base: str = "") -> Listing:
    """Read an export. `base` is the site's address. Raises ImportFailed for what is none."""
    site = base.rstrip("/")
    tables = _tables(json_of(text.replace(_HERE, site), source))
    if tables is None:
        message = f"{source}: is JSON, but no Ghost export: it has no list of posts"
        raise ImportFailed(message)
    settings = {_text(row.get("key")): _text(row.get("value")) for row in _rows(tables, "settings")}
    reader = FeedReader(
        source, base, zone, languages.language(settings.get("locale") or settings.get("lang"), language)
    )
    kinds = [_kind(post) for post in _rows(tables, "posts")]
    posts = _Posts(tables, reader, site)
    reads = [posts.item(post) for post, kind in zip(_rows(tables, "posts"), kinds, strict=True) if kind == "post"]
    others = Counter(kind for kind in kinds if kind != "post")
    notes = [f"{source}: {count} of kind '{kind}' are no posts; not read" for kind, count in others.items()]
    if reads and not site:
        notes.append(
            f"{source}: does not say its site's address, so its posts have no links; --base https://… gives it"
        )
    return reader.listing(clean_line(settings.get("title", "")), iter(reads), notes, "")


class _Posts:
    """Makes items of posts, with what stands of them in other tables."""

    def __init__(self, tables: Row, reader: FeedReader, site: str) -> None:
        self._reader, self._site = reader, site
        public = {
            _text(tag.get("id")): _text(tag.get("name"))
            for tag in _rows(tables, "tags")
            if tag.get("visibility") != "internal" and not _text(tag.get("name")).startswith("#")
        }
        self._tags: dict[str, list[str]] = {}
        for row in sorted(_rows(tables, "posts_tags"), key=lambda row: _number(row.get("sort_order"))):
            if name := public.get(_text(row.get("tag_id"))):
                self._tags.setdefault(_text(row.get("post_id")), []).append(name)
        self._more = {_text(row.get("post_id")): row for row in _rows(tables, "posts_meta")}

    def item(self, post: Row) -> Item | Fault:
        number = _text(post.get("id"))
        more = {**self._more.get(number, {}), **{key: value for key, value in post.items() if value is not None}}
        html = _text(post.get("html"))
        if post.get("visibility", "public") != "public":
            html = html.partition(_WALL)[0] if _WALL in html else ""
        inside = self._reader.inside(html, self._site)
        address = absolute(_text(post.get("feature_image")), self._site)
        picture = Picture(address=address, alt=clean_line(_text(more.get("feature_image_alt"))))
        caption = html_to_markdown.plain(_text(more.get("feature_image_caption")))
        return self._reader.item(
            title=escape(_text(post.get("title")), quote=False),
            written=_written(post.get("published_at")) or _written(post.get("created_at")),
            link=self._link(post),
            base=self._site,
            guid=_text(post.get("uuid")) or number,
            summary=html_to_markdown.paragraphs(_text(post.get("custom_excerpt"))),
            article=html_to_markdown.from_html(html, self._site),
            picture=picture if address else inside.picture or Picture(address=""),
            credit=caption if CREDIT.match(caption) else inside.credit,
            topics=self._tags.get(number, []),
            language=languages.language(_text(post.get("locale")), self._reader.language),
            status=_STATUS.get(_text(post.get("status")), Status.PUBLISHED),
        )

    def _link(self, post: Row) -> str:
        if own := _text(post.get("canonical_url")):
            return own
        if not self._site:
            return ""
        if post.get("status") == "sent":  # by mail only
            return f"{self._site}/email/{_text(post.get('uuid'))}/"
        return f"{self._site}/{_text(post.get('slug'))}/"


def _tables(data: object) -> Row | None:
    """The tables of an export: `{db: [{data: …}]}`, of the oldest versions `{data: …}`."""
    outer = data.get("db") if isinstance(data, dict) else None
    first = outer[0] if isinstance(outer, list) and outer else data
    tables = first.get("data") if isinstance(first, dict) else None
    return tables if isinstance(tables, dict) and isinstance(tables.get("posts"), list) else None


def _rows(tables: Row, name: str) -> list[Row]:
    rows = tables.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _kind(post: Row) -> str:
    return clean_line(_text(post.get("type"))) or ("page" if post.get("page") in (1, True) else "post")


def _written(value: object) -> str:
    """A time as text; the oldest versions have milliseconds since 1970."""
    if not isinstance(value, int):
        return _text(value)
    try:
        return datetime.fromtimestamp(value / 1000, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return str(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
