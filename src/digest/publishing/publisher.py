"""Bring the public archive up to date: look what was sent, make the pages, feeds and lists that changed, write those.

    found ─▶ Records ─overlay, pictures─▶ EditionPages ─stamp as before? keep─▶ pages ─▶ lists, feeds, sitemap ─▶ update

Everything is made before anything is written. What a page is made of is remembered as a stamp under .digest/, so that a
thousand editions of which one is new cost one page, its neighbours and the lists that name it. One run at a time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import traceback
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from digest.composer.photos import size, sniff
from digest.distribution import version
from digest.editions.archive import PAGE
from digest.errors import DigestError
from digest.ledger.locks import file_lock
from digest.newsroom import paths
from digest.newsroom.edition_setup import page_path
from digest.publishing import public_folder, sent_editions, syndication, withdrawals
from digest.publishing.edition_page import Card, EditionPage, EditionPageMaker, body_of, pictures_of
from digest.publishing.index_page import IndexPageMaker, IndexPart
from digest.publishing.made_pages import MadePages, stamp
from digest.publishing.page_images import PICTURES, Pictures
from digest.publishing.page_templates import PageTemplates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from digest.editions.sent_edition import SentEdition
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom
    from digest.publishing.page_images import PageImage
    from digest.publishing.public_folder import Update
    from digest.publishing.sent_editions import Record, StoryChange
    from digest.publishing.withdrawals import Withdrawal

_WHOLE = 24  # cards with pictures in a list; what is older is a line each
_FIRST = 4  # of each list on the archive's own page
_PER_LANGUAGE = 12  # of each on an audience's
_MOMENT = timedelta(seconds=1)


@dataclass(slots=True, kw_only=True)
class _Known:
    """A published edition while its page is looked at."""

    record: Record
    ids: Sequence[str]
    images: Mapping[str, str]  # by story
    kept: str
    sent: SentEdition | None = None
    changes: dict[str, StoryChange] = field(default_factory=dict)
    pictures: dict[str, PageImage | str] = field(default_factory=dict)
    withdrawal: Withdrawal | None = None
    card: Card | None = None
    stamp: str = ""

    @property
    def edition(self) -> Edition:
        return self.record.edition


def is_public(newsroom: Newsroom) -> bool:
    """Whether anything of this newsroom is, or was, published: then its folder is kept up to date."""
    audiences = newsroom.config.settings.audiences.values()
    return any(part.archive == "public" for part in audiences) or (newsroom.root / paths.PUBLIC).exists()


def publish(
    newsroom: Newsroom,
    ledger: SqlLedger | None,
    *,
    out: Path | None = None,
    note: Callable[[str], None],
    online: bool = True,
    retry: bool = False,
) -> Update:
    """Bring `out` (public/ in the newsroom's folder) up to date. `note` hears what a person should know.

    Pictures from elsewhere are fetched when `online`; with `retry`, those that could not be had are asked for again.
    Raises ThemeError, RenderError, FaultyInput and DigestError; then nothing was written.
    """
    newsroom = dataclasses.replace(newsroom, skip_bad=True)  # a broken story of today changes nothing that was sent
    folder = out or newsroom.root / paths.PUBLIC
    state = newsroom.root / paths.STATE
    with file_lock(state / "public.lock", "digest archive", "the public archive", wait=True):
        return _Publication(
            newsroom=newsroom, ledger=ledger, folder=folder, note=note, online=online, retry=retry
        ).run()


@dataclass(kw_only=True)
class _Publication:
    """One run."""

    newsroom: Newsroom
    ledger: SqlLedger | None
    folder: Path
    note: Callable[[str], None]
    online: bool
    retry: bool
    stories: dict[str, list[Any]] = field(
        default_factory=dict
    )  # by id: the file's stamp, whether it says something new

    def run(self) -> Update:
        known = [
            each
            for record in sent_editions.found(self.newsroom, self.ledger, self.note)
            if (each := self._known(record)) is not None
        ]
        if not known and not self.folder.exists():
            return public_folder.Update(written=(), removed=(), unchanged=0)
        public_folder.claim(self.folder)
        if known:
            self._site(known)
        update = self.pages.write()
        self.newsroom.edition_setup.theme.save_cache()
        self._remember(known)
        return update

    @cached_property
    def pages(self) -> MadePages:
        return MadePages.of(self.newsroom.root, self.folder)

    @cached_property
    def withdrawn(self) -> dict[str, Withdrawal]:
        return withdrawals.load(self.newsroom.root)

    @cached_property
    def templates(self) -> PageTemplates:
        return PageTemplates(newsroom=self.newsroom, logo=self._logo())

    def _logo(self) -> str:
        """The logo's address elsewhere, or its file, by the hash of its content as pictures are."""
        logo = self.newsroom.edition_setup.options.logo
        data = None if not logo or "://" in logo else self.newsroom.edition_setup.read_image(logo)
        suffix = {"image/png": "png", "image/jpeg": "jpg"}.get(sniff(data)) if data else None
        if data is None or suffix is None:
            return logo if logo.startswith("https://") else ""
        name = f"{hashlib.sha256(data).hexdigest()[:20]}-{size(data)[0]}.{suffix}"
        self.pages.add(f"img/{name}", name, lambda: data)
        return name

    @cached_property
    def common(self) -> str:
        return stamp([version(), self.templates.stamp])

    # What each edition is made of

    def _known(self, record: Record) -> _Known | None:
        """The edition with the ids of its stories, from memory when what was kept of it is as it was."""
        kept = _stamp_of(record.home / PAGE)
        said = self.pages.known("editions").get(record.edition.id)
        if kept and said and said["kept"] == kept:
            return _Known(
                record=record,
                ids=said["ids"],
                images=said["images"],
                kept=said["hash"],
                withdrawal=self.withdrawn.get(record.edition.id),
            )
        sent = sent_editions.recall(self.newsroom, record, self.note)
        if sent is None:
            if said:  # its page stays as it was
                self.pages.wanted[f"{page_path(record.edition)}index.html"] = ""
            return None
        return _Known(
            record=record,
            ids=[story.id for story in sent.stories],
            images={
                **{story.id: story.image for story in sent.stories if story.image},
                **{image: image for block in sent.selection.issue.blocks for image in pictures_of(block).values()},
            },
            kept=hashlib.sha256((record.home / PAGE).read_bytes()).hexdigest(),
            sent=sent,
            withdrawal=self.withdrawn.get(record.edition.id),
        )

    def _sent(self, known: _Known) -> SentEdition:
        if known.sent is None:
            known.sent = sent_editions.recall(self.newsroom, known.record, self.note)
            assert known.sent is not None, "it was read when it was remembered"
        return known.sent

    def _overlay(self, editions: Sequence[_Known]) -> None:
        """Which stories were corrected or withdrawn since: only files that are not as they were are read."""
        root = self.newsroom.root / "stories"
        said: dict[str, list[Any]] = {}
        for name in {story for known in editions for story in known.ids}:
            stamp = _stamp_of(root / f"{name}.md")
            before = self.pages.known("stories").get(name)
            if stamp and before and before[0] == stamp:
                said[name] = before
            elif stamp:
                now = sent_editions.today(self.newsroom, name)
                said[name] = [stamp, now is not None]
        self.stories = said
        changed = {name for name, (_stamp, flag) in said.items() if flag}
        for known in editions:
            for name in changed.intersection(known.ids):
                now = sent_editions.today(self.newsroom, name)
                story = next(each for each in self._sent(known).stories if each.id == name)
                if now is not None and (change := sent_editions.since_sent(story, now)):
                    known.changes[name] = change

    # The files

    def _site(self, editions: Sequence[_Known]) -> None:
        self._overlay(editions)
        pictures = Pictures(newsroom=self.newsroom, note=self.note, online=self.online, retry=self.retry)
        for known in editions:
            shown = {**known.images}
            for name, change in known.changes.items():
                shown[name] = "" if change.withdrawn else change.story.image
            known.pictures = pictures.of(known.edition.id, known.record.home, filter(None, shown.values()))
        lists: dict[tuple[str, str], list[_Known]] = {}
        rounds: dict[tuple[str, str], list[_Known]] = {}
        for known in editions:
            lists.setdefault((known.record.audience, known.edition.language), []).append(known)
            rounds.setdefault((known.edition.period.id, known.record.audience), []).append(known)
        for group in lists.values():
            group.sort(key=_order)
        for group in lists.values():
            for number, known in enumerate(group):
                earlier = group[number - 1].edition if number else None
                later = group[number + 1].edition if number + 1 < len(group) else None
                same = rounds[known.edition.period.id, known.record.audience]
                self._edition(known, earlier, later, [each.edition for each in same])
        cards = {key: [known.card for known in reversed(group) if known.card] for key, group in lists.items()}
        self._lists(cards)
        self._feeds(lists)
        self.pages.add("style.css", self.common, self.templates.style)
        self.pages.add("search.js", self.common, self.templates.script)
        self.pages.add_now("gone.txt", "".join(f"{page_path(k.edition)}\n" for k in editions if k.withdrawal).encode())
        self.pages.add_now("gone.conf", self._gone([known.edition for known in editions if known.withdrawal]))
        if self.newsroom.config.settings.archive.index:
            self.pages.add_now("sitemap.xml", self._sitemap(cards))
        for known in editions:
            self._images(known)

    def _edition(
        self, known: _Known, earlier: Edition | None, later: Edition | None, languages: Sequence[Edition]
    ) -> None:
        path = f"{page_path(known.edition)}index.html"
        made_of = stamp(
            [
                self.common,
                known.kept,
                known.record.first.isoformat(),
                known.record.audience,
                [earlier and earlier.id, later and later.id, [each.id for each in languages]],
                str(known.withdrawal),
                sorted((name, repr(change)) for name, change in known.changes.items()),
                sorted((name, repr(picture)) for name, picture in known.pictures.items()),
            ]
        )
        known.stamp = made_of
        said = self.pages.known("editions").get(known.edition.id, {})
        if said.get("card") and self.pages.is_as_made(path, made_of):
            known.card = _card(said["card"])
            self.pages.wanted[path] = made_of
            return
        page = EditionPage(
            sent=self._sent(known),
            audience=known.record.audience,
            first=known.record.first,
            changes=known.changes,
            pictures=known.pictures,
            earlier=earlier,
            later=later,
            languages=languages,
            withdrawal=known.withdrawal,
            updated=self._updated(known),
        )
        self.pages.changed[path], known.card = EditionPageMaker(templates=self.templates).page(page)
        self.pages.wanted[path] = made_of

    def _updated(self, known: _Known) -> datetime:
        """When the page last said something else to its readers: corrections and withdrawals, and nothing else."""
        first = known.record.first
        days = [change.day for change in known.changes.values() if change.day]
        if known.withdrawal:
            zone = self.newsroom.config.newsroom.timezone
            days.append(
                datetime(known.withdrawal.on.year, known.withdrawal.on.month, known.withdrawal.on.day, tzinfo=zone)
            )
        # A day begins before what was sent on it, and a feed must still tell that there is something new.
        return max([first, *(max(day, first + _MOMENT) for day in days)]).astimezone(first.tzinfo)

    def _lists(self, cards: Mapping[tuple[str, str], Sequence[Card]]) -> None:
        config, templates = self.newsroom.config, self.templates
        order = list(config.audiences)
        keys = sorted(
            cards, key=lambda key: (order.index(key[0]), _language_place(config.audience(key[0]).languages, key[1]))
        )
        newest = [self._part(key, cards[key], _FIRST) for key in keys]
        own = config.newsroom.language
        name = config.newsroom.name
        self._index(
            "", title=name, description=templates.theme.wording(own).say("past_issues"), language=own, parts=newest
        )
        for audience in dict.fromkeys(key[0] for key in keys):
            mine = [key for key in keys if key[0] == audience]
            settings = config.audience(audience)
            language = settings.languages[0]
            titled = settings.in_language(language)
            self._index(
                f"{audience}/",
                title=titled.title,
                description=titled.description,
                language=language,
                parts=[self._part(key, cards[key], _PER_LANGUAGE, by_language=True) for key in mine],
                feed=False,
                contact=settings.contact,
            )
            for key in mine:
                self._list(key, cards[key], [(tag, f"{audience}/{tag}/") for _, tag in mine])

    def _part(self, key: tuple[str, str], cards: Sequence[Card], most: int, *, by_language: bool = False) -> IndexPart:
        audience, language = key
        title = self.newsroom.config.audience(audience).in_language(language).title
        return IndexPart(
            title=self.templates.called(language) if by_language else title,
            path=f"{audience}/{language}/",
            language=language,
            cards=cards[:most],
            more=len(cards) > most,
        )

    def _list(self, key: tuple[str, str], cards: Sequence[Card], languages: Sequence[tuple[str, str]]) -> None:
        """The page of all editions of an audience in a language, and one for each year."""
        audience, language = key
        settings = self.newsroom.config.audience(audience).in_language(language)
        home = f"{audience}/{language}/"
        years = sorted({_year(card) for card in cards}, reverse=True)
        labels = {year: self.templates.year(year, language) for year in years}
        links = [(labels[year], f"{home}{year:04}/") for year in years] if len(years) > 1 else []
        parts = []
        for year in years:
            numbered = [(number, card) for number, card in enumerate(cards) if _year(card) == year]
            parts.append(
                IndexPart(
                    title=labels[year],
                    path=f"{home}{year:04}/" if links else home,
                    language=language,
                    cards=[card for number, card in numbered if number < _WHOLE],
                    lines=[card for number, card in numbered if number >= _WHOLE],
                )
            )
        shared: dict[str, Any] = {"language": language, "years": links, "contact": settings.contact}
        self._index(
            home, title=settings.title, description=settings.description, parts=parts, languages=languages, **shared
        )
        for part, year in zip(parts, years if links else (), strict=False):
            whole = dataclasses.replace(part, cards=[*part.cards, *part.lines], lines=())
            self._index(
                part.path,
                title=f"{settings.title}: {labels[year]}",
                description="",
                parts=[whole],
                feed=False,
                **shared,
            )

    def _index(self, path: str, **values: Any) -> None:
        made_of = stamp([self.common, path, repr(values)])
        self.pages.add(
            f"{path}index.html", made_of, lambda: IndexPageMaker(templates=self.templates).page(path=path, **values)
        )

    def _feeds(self, lists: Mapping[tuple[str, str], Sequence[_Known]]) -> None:
        config, most = self.newsroom.config, self.newsroom.config.settings.archive.feed_items
        entries: list[_Known] = []
        for (audience, language), group in lists.items():
            newest = sorted(group, key=_published, reverse=True)
            entries += newest[:most]
            settings = config.audience(audience).in_language(language)
            oldest = newest[-1].card
            assert oldest is not None, "every edition has its card by now"
            info = syndication.FeedInfo(
                id=f"{oldest.id.partition('digest/')[0]}digest/{audience}/{language}",
                title=settings.title,
                language=language,
                author=config.newsroom.name,
                email=settings.contact,
                base=f"{self.templates.base}{audience}/{language}/",
                home=f"{self.templates.base}{audience}/{language}/",
                description=settings.description,
            )
            self._feed(info, newest, most, f"{audience}/{language}/", years=True)
        own = config.newsroom.language
        first = min(entries, key=_published).card
        assert first is not None, "every edition has its card by now"
        info = syndication.FeedInfo(
            id=f"{first.id.partition(',')[0]},{min(map(_published, entries)).year:04}:digest",
            title=config.newsroom.name,
            language=own,
            author=config.newsroom.name,
            email=config.newsroom.contact,
            base=self.templates.base,
            home=self.templates.base,
        )
        self._feed(info, sorted(entries, key=_published, reverse=True)[:most], most, "", years=False)

    def _feed(
        self, info: syndication.FeedInfo, group: Sequence[_Known], most: int, folder: str, *, years: bool
    ) -> None:
        for name, part in syndication.documents(group, year=lambda each: _published(each).year, most=most, years=years):
            made_of = stamp([self.common, repr(info), name, repr(part.links), [known.stamp for known in part.entries]])
            for suffix, make in (("atom", syndication.atom), ("json", syndication.json_feed)):
                if suffix == "json" and name != "feed":
                    continue

                def made(make: Callable[..., bytes] = make, part: syndication.FeedPart[_Known] = part) -> bytes:
                    return make(info, [self._entry(known) for known in part.entries], part.links)

                self.pages.add(f"{folder}{name}.{suffix}", made_of, made)

    def _entry(self, known: _Known) -> syndication.FeedEntry:
        card, base = known.card, self.templates.base
        assert card is not None, "every edition has its card by now"
        path = f"{card.path}index.html"
        page = self.pages.content(path)
        html = body_of(page.decode(), base) or f"<p>{escape(card.headline)}</p>"
        return syndication.FeedEntry(
            id=card.id,
            url=f"{base}{card.path}",
            title=card.title,
            summary=card.summary,
            html=html,
            language=card.language,
            published=datetime.fromisoformat(card.published),
            updated=datetime.fromisoformat(card.updated),
            image=f"{base}img/{card.cover}" if card.cover else "",
            tags=card.tags,
        )

    def _gone(self, editions: Sequence[Edition]) -> bytes:
        """For nginx: 410 with the page that says so."""
        from urllib.parse import urlsplit

        prefix = urlsplit(self.templates.base).path
        lines = ["# Editions that were withdrawn, for nginx: include this in the server that serves the archive.\n"]
        for edition in sorted(editions, key=lambda each: each.id):
            path = f"{prefix}{page_path(edition)}"
            lines.append(f"location = {path} {{ error_page 410 {path}index.html; return 410; }}\n")
        return "".join(lines).encode()

    def _sitemap(self, cards: Mapping[tuple[str, str], Sequence[Card]]) -> bytes:
        base = self.templates.base
        pages = sorted(path for path in self.pages.wanted if path.endswith("index.html") and not path[:1].isdigit())
        rows = [f"<url><loc>{escape(base + path.removesuffix('index.html'))}</loc></url>" for path in pages]
        listed = sorted(
            (card for group in cards.values() for card in group if not card.withdrawn), key=lambda c: c.path
        )
        rows += [
            f"<url><loc>{escape(base + card.path)}</loc><lastmod>{card.updated}</lastmod></url>" for card in listed
        ]
        head = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        return (head + "\n".join(rows) + "\n</urlset>\n").encode()

    def _images(self, known: _Known) -> None:
        if known.withdrawal:
            return
        store = self.newsroom.root / paths.ARCHIVE / PICTURES
        for picture in known.pictures.values():
            for name, _width, _height in () if isinstance(picture, str) else picture.files:
                path = f"img/{name}"  # its name is its content's hash
                if path not in self.pages.wanted and path not in self.pages.before:
                    self.pages.changed[path] = (store / name).read_bytes()
                self.pages.wanted[path] = ""

    def _remember(self, editions: Iterable[_Known]) -> None:
        self.pages.remember(
            {
                "editions": {
                    known.edition.id: {
                        "kept": _stamp_of(known.record.home / PAGE),
                        "hash": known.kept,
                        "ids": known.ids,
                        "images": known.images,
                        "card": known.card and dataclasses.asdict(known.card),
                    }
                    for known in editions
                },
                "stories": self.stories,
            }
        )


def _card(said: dict[str, Any]) -> Card:
    image = said["image"]
    return Card(**{**said, "tags": tuple(said["tags"]), "image": tuple(image) if image else None})


def _order(known: _Known) -> tuple[datetime, datetime, str]:
    return known.edition.period.start, known.record.first, known.edition.id


def _published(known: _Known) -> datetime:
    return known.record.first


def _year(card: Card) -> int:
    return int(card.edition[:4])


def _language_place(languages: Sequence[str], language: str) -> tuple[int, str]:
    return (languages.index(language) if language in languages else len(languages)), language


def _stamp_of(path: Path) -> list[int]:
    """When a file changed and how long it is; empty when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_mtime_ns, status.st_size]


def keeping_current(
    newsroom: Newsroom, ledger: SqlLedger | None, warn: Callable[[str], None]
) -> Callable[[bool], None]:
    """What whoever sends calls when the first mail is out (False), and at the end (True): then what was sent is there.

    It never keeps a send from going on: what goes wrong is told to `warn`, with what to do.
    """

    def publish_now(done: bool) -> None:
        if not is_public(newsroom):
            return
        try:
            publish(newsroom, ledger, note=warn, online=done)
        except (DigestError, OSError) as error:
            lines = "; ".join(str(error).splitlines())
            warn(f"the public archive is not up to date: {lines}; then `digest archive`")
        except Exception:  # noqa: BLE001 - a bug met by a page keeps no mail from going
            warn(f"the public archive is not up to date, for a bug of digest: {traceback.format_exc()}")

    return publish_now
