"""Read RSS, Atom and JSON Feed from text that somebody else fetched.

    XML ─mend what can be, refuse entities─▶ tree ─▶ entries ─▶ items        JSON ─▶ items

It fetches nothing, expands no entity that a feed declares, guesses no date, and turns HTML into Markdown instead of
keeping it. Times in feeds are in UTC unless they say otherwise; midnight means a day without a time. An entry that
cannot be read is named, and the others go on.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, timezone
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from digest.errors import Fault, ImportFailed
from digest.importing import dates, feed_xml, languages
from digest.importing.feed_xml import FeedElement, address_of, html_of, name_of, said, text_of
from digest.importing.html_to_markdown import BLANK_LINES, before_more, fragment, from_html, paragraphs, plain
from digest.importing.listing_text import CREDIT
from digest.importing.naming import slug
from digest.importing.pictures import Picture, is_image, largest, of_image, pixels
from digest.importing.source import Item, Listing, told_apart
from digest.model import Status
from digest.text.characters import blank, clean_line
from digest.text.counting import counted
from digest.text.urls import absolute, host_of, untracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import tzinfo

    from lxml.etree import _Element as Element

MAX_ENTRIES = 5_000  # feeds have 10 to 100; what has more is an archive, to be imported in parts
MAX_TEASER = 600  # characters of an article that comes without a summary; about two paragraphs

_PUBLISHED = ("pubDate", "published", "dcterms:issued", "dcterms:created", "dc:date", "issued", "created")
_POSTS = ("", "post")  # the kinds that are stories; pages, menus and attachments are not
# Of a WordPress export; what waits for its day, or for few, is for nobody yet.
_STATUS = dict.fromkeys(("draft", "pending", "future", "private", "auto-draft"), Status.DRAFT)
_STATUS |= {"trash": Status.WITHDRAWN}
_UPDATED = ("updated", "modified", "dcterms:modified")
# What programs file under when nobody chose: WordPress in its languages.
_NO_TOPICS = {"uncategorized", "uncategorised", "non-classe", "sin-categoria", "sem-categoria", "senza-categoria"}
_NO_TOPICS |= {"unkategorisiert", "allgemein", "geen-categorie", "bez-kategorii", "uncategorized-en"}

_LONGEST_DATE = 80  # characters
_LONGEST_MORE = 500
_ZONES = {**dates.ZONES, "WET": 0, "WEST": 1, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9}
_ZONES |= {"MET": 1, "MEST": 2, "MEZ": 1, "MESZ": 2, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "HKT": 8}
_ZONES |= {"CAT": 2, "EAT": 3, "SAST": 2, "BRT": -3, "HST": -10, "AKST": -9, "AKDT": -8}
_ZONE = re.compile(r"(.*\d(?:\s*[AaPp]\.?[Mm]\.?)?)\s*\(?([A-Z]{1,5})\)?")
_ISO_WEEK = re.compile(r"(\d{4})-?W(\d{2})(?:-?([1-7]))?")
_PATH = re.compile(r"https?:|/", re.IGNORECASE)  # the number of a picture is neither
_NAMED_MONTH = re.compile(r"(\d{4})[- /.]([A-Za-z]{3,9})[- /.](\d{1,2})\b")

# What WordPress makes HTML of when it shows a post: an export has it raw, and a feed what nobody made anything of.
_CAPTION = re.compile(r"\[caption\b[^\[\]]{0,500}\].{0,1000}?\[/caption\]", re.DOTALL)
_CODE = re.compile(r"\[(/?)([a-z][\w-]{1,40})(\s[^\[\]]{0,900})?\]")
_VALUE = re.compile(r"\w=[\"'“”‘’″′&]")
# What WordPress puts below an excerpt, in its languages: a link back, and that there is more.
_APPEARED = re.compile(
    r"(?:The post|L[’']article|La entrada|Der Beitrag|O post|L[’']articolo)\b.{0,900}"
    r"\b(?:appeared first on|est apparu en premier sur|aparece primero en|se publicó primero en|erschien zuerst auf"
    r"|apareceu primeiro em|proviene da)\b.*",
    re.DOTALL | re.IGNORECASE,
)
_MORE = re.compile(
    r"\s*(?:\[?\\?\[(?:…|\.{3})\\?\](?:\([^)\s]*\))?|(?:(?:…|\.{3})\s*)?\[?(?:Continue reading|Read (?:more|the rest)"
    r"|Lire la suite|Continuer la lecture|Seguir leyendo|Leer más|Continuar leyendo|Weiterlesen|Mehr lesen)\b"
    r"[^\n]{0,400})\s*\Z",
    re.IGNORECASE,
)


def parse_xml(text: str, source: str, *, zone: tzinfo, language: str = "", base: str = "") -> Listing:
    """Read RSS or Atom. Raises ImportFailed for what is none, declares entities, or nests without end."""
    root, notes = feed_xml.parse(text, source)
    kind = name_of(root).lower()
    entries = [FeedElement(element) for element in root.iter() if name_of(element).lower() in ("item", "entry")]
    posts = [entry for entry in entries if entry.text("wp:post_type") in _POSTS]
    others = Counter(one for entry in entries if (one := entry.text("wp:post_type")) not in _POSTS)
    notes += [
        f"{source}: {count} of kind '{clean_line(kind)}' are no posts; not read" for kind, count in others.items()
    ]
    head = FeedElement(
        root if kind == "feed" else next((one for one in root if name_of(one).lower() == "channel"), root)
    )
    own = next((one.get("href", "") for one in head.all("link") if one.get("rel") == "self"), "")
    spoken = languages.language(head.language(), language)
    home = absolute(head.link(), head.element.base or "") or head.link()
    reader = FeedReader(source, base, zone, spoken, own=own, home=home)
    reader.attachments = {entry.text("wp:post_id"): entry for entry in entries if entry.text("wp:attachment_url")}
    if head.language() and not languages.read(head.language()):
        notes.append(f"{source}: '{clean_line(head.language())[:40]}' is no language; left out")
    own = clean_line(head.text("id") or own)
    return reader.listing(plain(head.html("title")), map(reader.entry, posts), notes, own)


def parse_json(text: str, source: str, *, zone: tzinfo, language: str = "", base: str = "") -> Listing:
    """Read JSON Feed 1.0 or 1.1 (jsonfeed.org). Raises ImportFailed for what is none."""
    feed = json_of(text, source)
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        message = f"{source}: is JSON, but no JSON Feed: it has no list of items"
        raise ImportFailed(message)
    own, home = _text(feed.get("feed_url")), _text(feed.get("home_page_url"))
    reader = FeedReader(source, base, zone, languages.language(feed.get("language"), language), own=own, home=home)
    items = (reader.object(one if isinstance(one, dict) else {}) for one in feed["items"])
    return reader.listing(clean_line(_text(feed.get("title"))), items, [], clean_line(own))


def json_of(text: str, source: str) -> Any:
    """The data that a JSON text is. Raises ImportFailed."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{source}: is not JSON: {error}"
        raise ImportFailed(message) from None


class _Article(Struct, frozen=True, kw_only=True):
    """What stands in a feed's HTML besides its prose."""

    picture: Picture | None = None
    credit: str = ""
    lost: tuple[str, ...] = ()  # as it is written, the address of one that cannot be told


class FeedReader:
    """Makes items of entries; what an entry lacks becomes a fault.

    Relative addresses are read from the feed's address (RFC 3986, 5.1): `base`, the source, else what the feed calls
    its `own`; else from its site, `home`.
    """

    def __init__(self, source: str, base: str, zone: tzinfo, language: str, *, own: str = "", home: str = "") -> None:
        self.source = source
        known = absolute(base) or absolute(source) or absolute(own)
        self.home = absolute(home, known)
        self.base = known or self.home
        self.zone = zone
        self.language = language
        self.notes: list[str] = []
        self.lost: list[str] = []  # pictures of entries that have no other, and no address of theirs can be made out
        self.attachments: Mapping[str, FeedElement] = {}  # of a WordPress export, by number

    def listing(self, title: str, reads: Iterator[Item | Fault], notes: Iterable[str], own: str) -> Listing:
        """What was read, as far as MAX_ENTRIES; `own` is the source's own id."""
        items, faults = told_apart(islice(reads, MAX_ENTRIES))
        if next(reads, None):
            message = f"has more than {MAX_ENTRIES} entries; the rest is left out"
            faults += (Fault(file=self.source, message=message),)
        if self.lost:
            hint = "" if self.base or ":" in self.lost[0] else "; --base https://… says from where the feed is"
            shown = f"'{clean_line(self.lost[0])[:60]}' is no http or https address"
            self.notes.append(f"{self.source}: {counted(len(self.lost), 'picture')} left out: {shown}{hint}")
        return Listing(
            source=self.source,
            title=title,
            id=own,
            language=self.language,
            items=items,
            faults=faults,
            notes=(*notes, *self.notes),
        )

    def entry(self, entry: FeedElement) -> Item | Fault:
        """An entry of RSS or Atom."""
        about = entry.element.get("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about", "")
        base = absolute(entry.element.base or "", self.base) or self.base
        link = entry.link()
        summary, of_summary = entry.markup("excerpt:encoded", "description", "summary", "itunes:summary")
        content, of_content = entry.markup("content:encoded", "content")
        raw = bool(entry.text("wp:post_type"))
        bare, of_bare = _as_shown(summary, raw=raw), _as_shown(content, raw=raw)
        if content and summary.strip() in ("", content.strip()):
            summary = ""
        page = absolute(link, base)
        of_summary, of_content = self.around(of_summary, page), self.around(of_content, page)
        inside = self.inside(content or summary, of_content if content else of_summary)
        enclosed = self.featured(entry) or self.picture(entry, base or page)
        picture = enclosed or inside.picture or self.thumbnail(entry, base or page)
        if picture is None:
            self.lost += inside.lost
        described = "" if enclosed or summary or content else next(map(text_of, entry.media("media:description")), "")
        credits_ = [clean_line(text_of(one)) for one in entry.media("media:credit")]
        named = [one for one in entry.all("category") if one.get("domain") != "post_format"]
        tags = [one.get("label") or one.get("term") or text_of(one) for one in named]
        locked = entry.text("wp:post_password")
        return self.item(
            title=entry.html("title"),
            written=_first_date(entry),
            link=link,
            base=base,
            guid=entry.text("guid", "id") or about,
            summary=from_html(bare, of_summary) or paragraphs(described),
            article=from_html(before_more(of_bare), of_content),
            picture=picture or Picture(address=""),
            credit=next(filter(None, (*credits_, inside.credit)), ""),
            topics=[*tags, *(text_of(one) for one in entry.all("dc:subject"))],
            language=languages.language(entry.language(), self.language),
            status=Status.DRAFT if locked else _STATUS.get(entry.text("wp:status"), Status.PUBLISHED),
        )

    def featured(self, entry: FeedElement) -> Picture | None:
        """The picture that WordPress keeps as an entry of its own."""
        number = _meta(entry, "_thumbnail_id")
        if not (attached := self.attachments.get(number)):
            return None
        address = absolute(attached.text("wp:attachment_url"), self.base)
        return (
            Picture(address=address, alt=clean_line(_meta(attached, "_wp_attachment_image_alt"))) if address else None
        )

    def around(self, explicit: str, page: str) -> str:
        """From where the addresses in an entry's HTML are read: its xml:base, else its page, where the site has it."""
        near = page if not self.home or _site(page) == _site(self.home) else ""
        return absolute(explicit, self.base) or near or self.home or self.base

    def inside(self, html: str, base: str) -> _Article:
        """The first picture of an article, seen from `base`, and the credit below it."""
        root = fragment(html) if "<img" in html.lower() else None
        if root is None:
            return _Article()
        named = [(name, image.get("alt") or "") for image in root.iter("img") if (name := of_image(image))]
        found = [(address, clean_line(alt)) for name, alt in named if (address := absolute(name, base))]
        captions = [clean_line(" ".join(one.itertext())) for one in root.iter("figcaption")]
        credit = next((text for text in captions if CREDIT.match(text)), "")
        if not found:
            return _Article(credit=credit, lost=tuple(name for name, _ in named[:1]))
        address, alt = found[0]
        alt = alt or next((text for text in captions if not CREDIT.match(text)), "")
        return _Article(picture=Picture(address=address, alt=alt), credit=credit)

    def picture(self, entry: FeedElement, base: str) -> Picture | None:
        """The largest of what the entry encloses as its picture."""
        found = []
        links = [one for one in entry.all("link") if one.get("rel") == "enclosure"]
        for part in (*entry.media("media:content"), *entry.all("enclosure"), *links):
            named = part.get("url") or part.get("href") or ""
            kind = part.get("type") or part.get("medium") or ""
            if not kind.startswith("image") and (kind.startswith(("audio", "video")) or not is_image(named)):
                continue
            if not (address := absolute(named, base)):
                self.lost += [named] if named else []
            else:
                found.append(Picture(address=address, width=pixels(part.get("width")), alt=_media_alt(part)))
        best = largest(found)
        alts = (plain(html_of(one)) for one in entry.media("media:description"))
        return Picture(address=best.address, alt=best.alt or next(filter(None, alts), "")) if best else None

    def thumbnail(self, entry: FeedElement, base: str) -> Picture | None:
        """The largest thumbnail, where there is nothing better."""
        parts = (*entry.media("media:thumbnail"), *entry.all("itunes:image", "image"))
        return largest(
            Picture(address=absolute(address, base), width=pixels(one.get("width")))
            for one, address in zip(parts, map(address_of, parts), strict=True)
            if one.get("url") or one.get("href") or _PATH.match(address) or is_image(address)
        )

    def object(self, one: Mapping[str, Any]) -> Item | Fault:
        """An item of a JSON Feed."""
        html = _text(one.get("content_html"))
        link, page = _text(one.get("external_url") or one.get("url")), _text(one.get("url"))
        around = self.around("", absolute(page, self.base))
        tags = one.get("tags")
        named = _text(one.get("image") or one.get("banner_image")) or _attached(one.get("attachments"))
        inside = self.inside(html, around)
        picture = largest([Picture(address=absolute(named, self.base or around))]) or inside.picture
        if picture is None:
            self.lost += [named] if named else inside.lost
        return self.item(
            title=escape(_text(one.get("title")), quote=False),
            written=str(one.get("date_published") or one.get("date_modified") or ""),
            link=link,
            base=self.base,
            guid=str(one.get("id") or ""),  # a number counts as its digits (JSON Feed 1.1)
            summary=paragraphs(_text(one.get("summary"))),
            article=from_html(html, around) or paragraphs(_text(one.get("content_text"))),
            picture=picture or Picture(address=""),
            credit=inside.credit,
            topics=[_text(tag) for tag in tags] if isinstance(tags, list) else [],
            language=languages.language(one.get("language"), self.language),
        )

    def item(
        self,
        *,
        title: str,
        written: str,
        link: str,
        base: str,
        guid: str,
        summary: str,
        article: str,
        picture: Picture,
        credit: str,
        topics: Iterable[str],
        language: str,
        status: Status = Status.PUBLISHED,
    ) -> Item | Fault:
        """An item of what an entry says, or why it is none; `title` and `topics` may be HTML, texts are Markdown.

        A relative `link` is seen from `base`.
        """
        name = plain(title)
        which = f"'{name[:60]}'" if not blank(name) else f"the entry {clean_line(guid or link)}"[:100].rstrip()
        if blank(name):
            return Fault(file=self.source, message=f"{which} has no title; left out")
        try:
            when = moment(written, self.zone, language)
        except dates.NoSuchDay as error:
            return Fault(file=self.source, message=f"{which}: {error}; left out")
        if when is None:
            said = f"its date '{clean_line(written)[:40]}' cannot be read" if written else "has no date"
            return Fault(file=self.source, message=f"{which}: {said}; left out")
        if link and not absolute(link, base):
            self.notes.append(
                f"{self.source}: {which}: '{clean_line(link)[:60]}' is no http or https address; left out"
            )
        names = (slug(plain(topic)) for topic in topics)
        return Item(
            title=name,
            date=when.at,
            date_only=when.date_only,
            credit=credit,
            link=untracked(absolute(link, base)),
            image=picture.address,
            image_alt=picture.alt,
            guid=clean_line(guid),
            summary=_excerpt(summary) or teaser(_excerpt(article)),
            topics=tuple(dict.fromkeys(one for one in names if one and one not in _NO_TOPICS)),
            language=language,
            status=status,
        )


def moment(text: str, zone: tzinfo, language: str) -> dates.Moment | None:
    """A feed's date in the newsroom's `zone`. A time without a zone is in UTC; a day is one of the newsroom's.

    None when it cannot be read. Raises dates.NoSuchDay for a day that is none or two.
    """
    line = clean_line(text)
    if len(line) > _LONGEST_DATE:
        return None
    found = dates.parse(line, UTC, language) or _iso_week(line) or _spelled_out(line, language)
    if found is None:
        return None
    if found.date_only:
        return replace(found, at=datetime.combine(found.at.date(), time.min, zone))
    at = found.at.astimezone(zone)
    return replace(found, at=at, date_only=at.time() == time.min)


def _iso_week(text: str) -> dates.Moment | None:
    if not (found := _ISO_WEEK.fullmatch(text)):
        return None
    try:
        day = date.fromisocalendar(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        message = f"'{text}' is no week that the calendar has"
        raise dates.NoSuchDay(message) from None
    return dates.Moment(at=datetime.combine(day, time.min, UTC), date_only=True)


def _spelled_out(text: str, language: str) -> dates.Moment | None:
    """A date in a form that only feeds have: with the name of a zone, or the year before the name of a month."""
    offset: tzinfo = UTC
    if (found := _ZONE.fullmatch(text)) and found[2].upper() not in ("AM", "PM"):
        if found[2] not in _ZONES:
            message = f"'{text}': nobody knows which zone '{found[2]}' is meant to be; write an offset like +01:00"
            raise dates.NoSuchDay(message)
        text, offset = found[1], timezone(timedelta(hours=_ZONES[found[2]]))
    try:
        return dates.parse(_NAMED_MONTH.sub(r"\3 \2 \1", text), offset, language)
    except dates.NoSuchDay:
        return None  # the text is not as it was written any more: the fault shows that one


def _first_date(entry: FeedElement) -> str:
    """When it was published, as written; of a draft in a WordPress export, when it was begun."""
    written = said(entry.text(*_PUBLISHED) or entry.text(*_UPDATED), "datetime")
    if entry.text("wp:post_date") and (not written or " -0001 " in written or " 0000 " in written):
        return entry.text("wp:post_date")
    return written


def _meta(entry: FeedElement, key: str) -> str:
    """A value that WordPress keeps beside an entry."""
    pairs = (FeedElement(one) for one in entry.all("wp:postmeta"))
    return next((pair.text("wp:meta_value") for pair in pairs if pair.text("wp:meta_key") == key), "")


def _media_alt(part: Element) -> str:
    """What a picture of Media RSS shows: its description, else its title."""
    texts = {name_of(child): plain(html_of(child)) for child in part}
    return clean_line(texts.get("media:description") or texts.get("media:title") or "")


def _as_shown(html: str, *, raw: bool) -> str:
    """A post without WordPress's short codes (`[gallery ids="1,2"]`); of a `raw` one blank lines are paragraphs."""
    closed = {name for slash, name, _ in _CODE.findall(html) if slash}

    def left(found: re.Match[str]) -> str:
        coded = found[1] or found[2] in closed or found[2] == "gallery" or _VALUE.search(found[3] or "")
        return "" if coded else found[0]

    bare = _CODE.sub(left, _CAPTION.sub("", html))
    return BLANK_LINES.sub("<p>", bare) if raw and "<!-- wp:" not in bare else bare


def _excerpt(markdown: str) -> str:
    """Markdown without what programs put below an excerpt."""
    blocks = [block for block in markdown.split("\n\n") if not _APPEARED.match(block)]
    while blocks and (found := _MORE.search(blocks[-1], max(0, len(blocks[-1]) - _LONGEST_MORE))):
        last = blocks.pop()[: found.start()]
        blocks += [last] if last else []
    return "\n\n".join(blocks)


def teaser(article: str) -> str:
    """The first paragraphs of an article; at least one."""
    text = ""
    for block in article.split("\n\n"):
        if text and len(text) + len(block) > MAX_TEASER:
            break
        text += ("\n\n" if text else "") + block
    return text


def _site(address: str) -> str:
    return host_of(address).removeprefix("www.")


def _attached(parts: object) -> str:
    """The first picture among what is attached to an item of a JSON Feed."""
    every = (one for one in parts if isinstance(one, dict)) if isinstance(parts, list) else ()
    return next((_text(one.get("url")) for one in every if _text(one.get("mime_type")).startswith("image/")), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
