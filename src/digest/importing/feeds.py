"""Read RSS, Atom and JSON Feed from text that somebody else fetched.

    XML ─refuse entities─▶ feedparser ─▶ entries ─▶ items        JSON ─▶ items

It fetches nothing, expands no entity that a feed declares, and turns HTML into Markdown instead of keeping it. Times
in feeds are in UTC unless they say otherwise; midnight means a day without a time.
"""

from __future__ import annotations

import io
import json
import re
from calendar import timegm
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from digest.errors import Fault, ImportFailed
from digest.importing import dates, html_to_markdown
from digest.importing.naming import slug
from digest.importing.source import Item, Listing
from digest.stories.characters import clean_line
from digest.text.urls import absolute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import tzinfo

MAX_ENTRIES = 5_000  # feeds have 10 to 100; what has more is an archive, to be imported in parts
MAX_TEASER = 600  # characters of an article that comes without a summary; about two paragraphs
MAX_DEPTH = 200  # elements within elements; a real feed has 10

_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
_TEXTS = {"<![CDATA[": "]]>", "<!--": "-->"}  # what is between them has no elements
_TAGS = re.compile(r"<(/?)[A-Za-z_][^<>]*?(/?)>")


def parse_xml(text: str, source: str, *, zone: tzinfo, language: str = "") -> Listing:
    """Read RSS or Atom. Raises ImportFailed for what is none, declares entities, or nests without end."""
    import feedparser

    _refuse_bombs(text, source)
    body = html_to_markdown.without_declaration(text).encode()
    headers = {"content-type": "application/xml; charset=utf-8"}
    if source.startswith(("http://", "https://")):
        headers["content-location"] = source
    # A stream, never a string: a string may be taken for an address or a file's name, and be opened.
    feed = feedparser.parse(io.BytesIO(body), response_headers=headers, sanitize_html=False)
    if not feed.version and not feed.entries:
        message = f"{source}: is neither RSS nor Atom: {feed.get('bozo_exception', 'no feed in it')}"
        raise ImportFailed(" ".join(message.split()))
    reader = _Reader(source, zone, html_to_markdown.language(feed.feed.get("language", ""), language))
    notes = (f"{source}: is damaged XML ({feed.bozo_exception}); read as far as it goes",) if feed.bozo else ()
    return reader.listing(
        html_to_markdown.plain(feed.feed.get("title", "")), (reader.entry(entry) for entry in feed.entries), notes
    )


def parse_json(text: str, source: str, *, zone: tzinfo, language: str = "") -> Listing:
    """Read JSON Feed 1.0 or 1.1 (jsonfeed.org). Raises ImportFailed for what is none."""
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{source}: is not JSON: {error}"
        raise ImportFailed(message) from None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        message = f"{source}: is JSON, but no JSON Feed: it has no list of items"
        raise ImportFailed(message)
    reader = _Reader(source, zone, html_to_markdown.language(feed.get("language"), language))
    items = (reader.object(one if isinstance(one, dict) else {}) for one in feed["items"])
    return reader.listing(clean_line(_text(feed.get("title"))), items, ())


def _refuse_bombs(text: str, source: str) -> None:
    if _ENTITY.search(text):
        message = f"{source}: declares XML entities, which no feed needs and which are not read"
        raise ImportFailed(message)
    depth = 0
    for found in _TAGS.finditer(_bare(text)):
        depth += -1 if found[1] else 0 if found[2] else 1
        if depth > MAX_DEPTH:
            message = f"{source}: has more than {MAX_DEPTH} elements within each other; this is no feed"
            raise ImportFailed(message)


def _bare(text: str) -> str:
    """The text without comments and CDATA; what is opened and never closed is neither, and is looked for once."""
    parts: list[str] = []
    at = 0
    never: set[str] = set()
    for found in re.finditer("|".join(map(re.escape, _TEXTS)), text):
        if found.start() < at or found[0] in never:
            continue
        end = text.find(_TEXTS[found[0]], found.end())
        if end < 0:
            never.add(found[0])
        else:
            parts.append(text[at : found.start()])
            at = end + len("-->")
    return "".join([*parts, text[at:]])


class _Reader:
    """Makes items of entries; what an entry lacks becomes a fault."""

    def __init__(self, source: str, zone: tzinfo, language: str) -> None:
        self.source = source
        self.zone = zone
        self.language = language
        self.notes: list[str] = []

    def listing(self, title: str, reads: Iterator[Item | Fault], notes: tuple[str, ...]) -> Listing:
        items: list[Item] = []
        faults: list[Fault] = []
        for number, read in enumerate(reads):
            if number == MAX_ENTRIES:
                faults.append(
                    Fault(file=self.source, message=f"has more than {MAX_ENTRIES} entries; the rest is left out")
                )
                break
            if isinstance(read, Item):
                items.append(read)
            else:
                faults.append(read)
        return Listing(
            source=self.source,
            title=title,
            language=self.language,
            items=tuple(items),
            faults=tuple(faults),
            notes=(*notes, *self.notes),
        )

    def entry(self, entry: dict[str, Any]) -> Item | Fault:
        """An entry of feedparser's."""
        # dict.get: feedparser's own get() gives one date for the other, with a warning that it will not for long.
        written = _text(dict.get(entry, "published") or dict.get(entry, "updated"))
        stamp = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
        content = [part.get("value", "") for part in entry.get("content", ()) if isinstance(part, dict)]
        summary = _text(entry.get("summary"))
        if content and summary in ("", content[0]):
            summary, content = "", content[:1]
        owners = [part.get("content", "") for part in entry.get("media_credit", ()) if isinstance(part, dict)]
        return self.item(
            title=_text(entry.get("title")),
            written=written,
            stamp=datetime.fromtimestamp(timegm(stamp), UTC) if stamp else None,
            link=_text(entry.get("link")),
            guid=_text(entry.get("id")),
            summary=self.prose(summary, entry.get("summary_detail")),
            article=self.prose(content[0], None) if content else "",
            image=_picture(entry),
            credit=clean_line(_text(owners[0])) if owners else "",
            topics=[_text(tag.get("label") or tag.get("term")) for tag in entry.get("tags", ())],
            language=html_to_markdown.language(entry.get("language"), self.language),
        )

    def prose(self, text: str, detail: object) -> str:
        """Markdown of a text, which is HTML unless the feed calls it plain."""
        if isinstance(detail, dict) and detail.get("type") == "text/plain":
            return html_to_markdown.paragraphs(text.split("\n\n"))
        return html_to_markdown.from_html(text, self.source)

    def object(self, one: Mapping[str, Any]) -> Item | Fault:
        """An item of a JSON Feed."""
        page = html_to_markdown.from_html(_text(one.get("content_html")), self.source)
        tags = one.get("tags")
        return self.item(
            title=_text(one.get("title")),
            written=_text(one.get("date_published") or one.get("date_modified")),
            stamp=None,
            link=_text(one.get("external_url") or one.get("url")),
            guid=_text(one.get("id")),
            summary=html_to_markdown.paragraphs(_text(one.get("summary")).split("\n\n")),
            article=page or html_to_markdown.paragraphs(_text(one.get("content_text")).split("\n\n")),
            image=_text(one.get("image") or one.get("banner_image")),
            credit="",
            topics=[_text(tag) for tag in tags] if isinstance(tags, list) else [],
            language=html_to_markdown.language(one.get("language"), self.language),
        )

    def item(
        self,
        *,
        title: str,
        written: str,
        stamp: datetime | None,
        link: str,
        guid: str,
        summary: str,
        article: str,
        image: str,
        credit: str,
        topics: Iterable[str],
        language: str,
    ) -> Item | Fault:
        name = html_to_markdown.plain(title)
        which = f"'{name[:60]}'" if name else f"the entry {guid or link}"[:100].rstrip()
        if not name:
            return Fault(file=self.source, message=f"{which} has no title; left out")
        try:
            when = dates.parse(written, self.zone, language)
        except dates.NoSuchDay as error:
            return Fault(file=self.source, message=f"{which}: {error}; left out")
        at, date_only = (when.at, when.date_only) if when else (stamp and stamp.astimezone(self.zone), False)
        if at is None:
            said = f"its date '{written[:40]}' cannot be read" if written else "has no date"
            return Fault(file=self.source, message=f"{which}: {said}; left out")
        base = self.source
        for address in filter(None, (link, image)):
            if not absolute(address, base):
                self.notes.append(
                    f"{base}: {which}: '{clean_line(address)[:60]}' is no http or https address; left out"
                )
        return Item(
            title=name,
            date=at,
            date_only=date_only,
            credit=credit,
            link=absolute(link, base),
            image=absolute(image, base),
            guid=clean_line(guid),
            summary=summary or _teaser(article),
            topics=tuple(dict.fromkeys(one for topic in topics if (one := slug(topic)))),
            language=language,
        )


def _teaser(article: str) -> str:
    """The first paragraphs of an article; at least one."""
    text = ""
    for block in article.split("\n\n"):
        if text and len(text) + len(block) > MAX_TEASER:
            break
        text += ("\n\n" if text else "") + block
    return text


def _picture(entry: Mapping[str, Any]) -> str:
    for part in (*entry.get("media_content", ()), *entry.get("enclosures", ()), *entry.get("media_thumbnail", ())):
        address = _text(part.get("url") or part.get("href"))
        kind = _text(part.get("type") or part.get("medium") or "image")
        if address and kind.startswith("image"):
            return address
    return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
