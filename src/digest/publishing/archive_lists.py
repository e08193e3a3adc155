"""All that names the editions of the public archive: index pages, feeds, and lists for search engines and for nginx.

    PublishedEditions, each with its card ─ArchiveLists─▶ MadePages

A list is made again only when what it is made of is not as it was. Nothing is written here.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from msgspec import Struct, structs

from digest.newsroom.edition_setup import page_path
from digest.publishing import syndication
from digest.publishing.edition_page import feed_body
from digest.publishing.index_page import IndexPart, index_page
from digest.publishing.made_pages import stamp
from digest.publishing.public_folder import may_own

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from digest.model import Edition
    from digest.publishing.edition_page import Card
    from digest.publishing.made_pages import MadePages
    from digest.publishing.page_templates import PageTemplates
    from digest.publishing.published_edition import PublishedEdition

_PUBLISHED = attrgetter("published")
_WHOLE = 24  # cards with pictures in a list; what is older is a line each
_FIRST = 4  # of each list on the archive's own page
_PER_LANGUAGE = 12  # of each on an audience's


class ArchiveLists(Struct, frozen=True, kw_only=True):
    """Makes the lists. `common` is the stamp of all that every page has in common."""

    templates: PageTemplates
    pages: MadePages
    common: str

    def add(self, lists: Mapping[tuple[str, str], Sequence[PublishedEdition]]) -> None:
        """Add all of them to the pages; `lists` are the editions by audience and language, the earliest first."""
        cards = {key: [known.card for known in reversed(group) if known.card] for key, group in lists.items()}
        self._lists(cards)
        self._feeds(lists)
        self._former(cards)
        editions = [known for group in lists.values() for known in group]
        gone = sorted((known.edition for known in editions if known.withdrawal), key=lambda edition: edition.id)
        self.pages.add_now("gone.txt", "".join(f"{page_path(edition)}\n" for edition in gone).encode())
        self.pages.add_now("gone.conf", self._gone(gone))
        if self.templates.newsroom.config.settings.archive.index:
            self.pages.add_now("sitemap.xml", self._sitemap(cards))

    def _lists(self, cards: Mapping[tuple[str, str], Sequence[Card]]) -> None:
        config, templates = self.templates.newsroom.config, self.templates
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

    def _former(self, cards: Mapping[tuple[str, str], Sequence[Card]]) -> None:
        """What names an audience stands below its former names, too: bookmarks and feeds go on at the old addresses."""
        for audience in {audience for audience, _language in cards}:
            for path in [path for path in self.pages.wanted if path.startswith(f"{audience}/")]:
                for name in self.templates.newsroom.config.audience(audience).was:
                    former = f"{name}{path.removeprefix(audience)}"
                    if may_own(former):  # config.yaml may say anything
                        self.pages.add(former, self.pages.wanted[path], partial(self.pages.content, path))

    def _part(self, key: tuple[str, str], cards: Sequence[Card], most: int, *, by_language: bool = False) -> IndexPart:
        audience, language = key
        title = self.templates.newsroom.config.audience(audience).in_language(language).title
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
        settings = self.templates.newsroom.config.audience(audience).in_language(language)
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
            whole = structs.replace(part, cards=[*part.cards, *part.lines], lines=())
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
        self.pages.add(f"{path}index.html", made_of, partial(index_page, self.templates, path=path, **values))

    def _feeds(self, lists: Mapping[tuple[str, str], Sequence[PublishedEdition]]) -> None:
        config, most = self.templates.newsroom.config, self.templates.newsroom.config.settings.archive.feed_items
        entries: list[PublishedEdition] = []
        for (audience, language), group in lists.items():
            newest = sorted(group, key=_PUBLISHED, reverse=True)
            entries += newest[:most]
            settings = config.audience(audience).in_language(language)
            oldest = newest[-1]
            assert oldest.card is not None, "every edition has its card by now"
            info = syndication.FeedInfo(
                id=f"{oldest.card.id.partition('digest/')[0]}digest/{oldest.edition.audience}/{language}",
                title=settings.title,
                language=language,
                author=config.newsroom.name,
                email=settings.contact,
                base=f"{self.templates.base}{audience}/{language}/",
                description=settings.description,
            )
            self._feed(info, newest, most, f"{audience}/{language}/", years=True)
        own = config.newsroom.language
        first = min((known for group in lists.values() for known in group), key=_PUBLISHED)
        assert first.card is not None, "every edition has its card by now"
        info = syndication.FeedInfo(
            id=f"{first.card.id.partition(',')[0]},{first.published.year:04}:digest",
            title=config.newsroom.name,
            language=own,
            author=config.newsroom.name,
            email=config.newsroom.contact,
            base=self.templates.base,
        )
        self._feed(info, sorted(entries, key=_PUBLISHED, reverse=True)[:most], most, "", years=False)

    def _feed(
        self, info: syndication.FeedInfo, group: Sequence[PublishedEdition], most: int, folder: str, *, years: bool
    ) -> None:
        for part in syndication.documents(group, year=lambda each: each.published.year, most=most, years=years):
            name = part.links.name
            made_of = stamp([self.common, repr(info), name, repr(part.links), [known.stamp for known in part.entries]])
            self.pages.add(f"{folder}{name}.atom", made_of, partial(self._document, syndication.atom, info, part))
            if name == "feed":
                self.pages.add(
                    f"{folder}feed.json", made_of, partial(self._document, syndication.json_feed, info, part)
                )

    def _document(
        self,
        make: Callable[[syndication.FeedInfo, Sequence[syndication.FeedEntry], syndication.FeedLinks], bytes],
        info: syndication.FeedInfo,
        part: syndication.FeedPart[PublishedEdition],
    ) -> bytes:
        return make(info, [self._entry(known) for known in part.entries], part.links)

    def _entry(self, known: PublishedEdition) -> syndication.FeedEntry:
        card, base = known.card, self.templates.base
        assert card is not None, "every edition has its card by now"
        path = f"{card.path}index.html"
        page = self.pages.content(path)
        html = feed_body(page.decode(), base) or f"<p>{escape(card.headline)}</p>"
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
        for edition in editions:
            path = f"{prefix}{page_path(edition)}"
            lines.append(f"location = {path} {{ error_page 410 {path}index.html; return 410; }}\n")
        return "".join(lines).encode()

    def _sitemap(self, cards: Mapping[tuple[str, str], Sequence[Card]]) -> bytes:
        base = self.templates.base
        audiences = {audience for audience, _language in cards}
        lists = (path for path in self.pages.wanted if path.endswith("index.html"))
        pages = sorted(path for path in lists if path == "index.html" or path.partition("/")[0] in audiences)
        rows = [f"<url><loc>{escape(base + path.removesuffix('index.html'))}</loc></url>" for path in pages]
        listed = sorted(
            (card for group in cards.values() for card in group if not card.withdrawn), key=lambda c: c.path
        )
        rows += [
            f"<url><loc>{escape(base + card.path)}</loc><lastmod>{card.updated}</lastmod></url>" for card in listed
        ]
        head = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        return (head + "\n".join(rows) + "\n</urlset>\n").encode()


def _year(card: Card) -> int:
    return int(card.edition[:4])


def _language_place(languages: Sequence[str], language: str) -> tuple[int, str]:
    return (languages.index(language) if language in languages else len(languages)), language
