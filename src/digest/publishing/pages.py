"""The public pages as HTML: one of each edition, and those that list them. Made for nobody in particular.

    SentEdition, StoryChanges, pictures ─edition_page─▶ HTML, Card          Cards ─index_page─▶ HTML

The templates are templates/archive/*.j2, run as a theme's are; colours and fonts are the theme's. A newsroom's own come
first, file by file. Pure but for reading the templates: what pages are to be made, and where they go, others decide.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from digest.composer.edition_draft import EditionDraft
from digest.composer.files import builtin, whole
from digest.composer.i18n import direction
from digest.composer.photos import ImageRoute, Photo
from digest.composer.sandbox import ThemeEnvironment, run, template_value
from digest.composer.summary import Markdown
from digest.errors import Fault, ThemeError
from digest.model import Group, LateGroup, content_hash
from digest.newsroom.edition_setup import page_path
from digest.text.cleaning import one_line
from digest.text.urls import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from jinja2 import Template

    from digest.blocks.kinds import Block
    from digest.composer.block_view import BlockView
    from digest.composer.i18n import Wording
    from digest.composer.recompress import Box
    from digest.composer.story_view import StoryView
    from digest.composer.theme import Theme
    from digest.editions.sent_edition import SentEdition
    from digest.model import Edition, Selection, Story
    from digest.newsroom.newsroom import Newsroom
    from digest.publishing.page_images import PageImage
    from digest.publishing.sent_editions import StoryChange
    from digest.publishing.withdrawals import Withdrawal

FOLDER = "archive"  # of the templates
PAGES = ("edition.html.j2", "index.html.j2", "style.css.j2", "search.js")
BEGIN, END = "<!--stories-->", "<!--/stories-->"
_SHADES = {"body": "ink", "soft": "ink", "line": "soft", "tint": "page", "accent": "ink", "band": "accent"}
_IMAGES = "img"


@template_value
@dataclass(slots=True, kw_only=True)
class PagePicture:
    """A picture as a page shows it: its address, its copies for a `srcset`, and its size in pixels."""

    src: str
    srcset: str
    url: str  # absolute
    width: int
    height: int


@template_value
@dataclass(slots=True, kw_only=True)
class PageStory:
    """A story on its edition's page. `note` says that it was corrected; of a `withdrawn` one only that is left."""

    view: StoryView
    anchor: str
    picture: PagePicture | None
    note: str
    withdrawn: str
    blocks: tuple[BlockView, ...]  # what stands after it


@template_value
@dataclass(slots=True, kw_only=True)
class PageGroup:
    """Stories under one heading."""

    label: str
    stories: tuple[PageStory, ...]
    blocks: tuple[BlockView, ...]


@template_value
@dataclass(slots=True, kw_only=True)
class PageLink:
    """Another page: its address seen from this one, the absolute one, and what it is called in its own language."""

    href: str
    url: str
    label: str
    language: str
    dir: str
    locale: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What lists and feeds say of an edition. `image` is (file, width, height); `text` is what one may search."""

    edition: str
    id: str
    path: str
    language: str
    title: str
    label: str
    headline: str
    summary: str
    count: str
    day: str
    published: str
    updated: str
    text: str
    tags: tuple[str, ...] = ()
    image: tuple[str, int, int] | None = None
    cover: str = ""  # the file of the picture at its largest
    withdrawn: bool = False


@template_value
@dataclass(slots=True, kw_only=True)
class CardView:
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
@dataclass(slots=True, kw_only=True)
class IndexSection:
    """Cards under one heading; `href` leads to all of them."""

    title: str
    href: str
    lang: str
    dir: str
    cards: tuple[CardView, ...]
    lines: tuple[CardView, ...]
    all_label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionPage:
    """All that one edition's page is made of. `updated` is later than `first` when something was corrected since."""

    sent: SentEdition
    audience: str
    first: datetime
    changes: Mapping[str, StoryChange]
    pictures: Mapping[str, PageImage | str]  # by what the story says; a text is an address elsewhere
    earlier: Edition | None = None
    later: Edition | None = None
    languages: Sequence[Edition] = ()
    withdrawal: Withdrawal | None = None
    updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPart:
    """A section of an index page before it is set. `path` is the folder of the page that has all of it."""

    title: str
    path: str
    language: str
    cards: Sequence[Card]
    lines: Sequence[Card] = ()
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeptCopies(ImageRoute):
    """A page's pictures are the copies that were kept, each with its size."""

    pictures: Mapping[str, PagePicture]  # by what the story or block says

    def place(self, image: str, box: Box) -> Photo:
        """The copy of a picture; none where none could be had, which was told when it was looked for."""
        del box  # a copy is as wide as any page shows it
        if picture := self.pictures.get(image):
            return Photo(src=picture.src, width=picture.width, height=picture.height)
        return Photo(code="image-missing", reason=f"there is no copy of {image!r}")


@dataclass(frozen=True, kw_only=True)
class PageMaker:
    """Makes a newsroom's pages. Raises ThemeError for what is no Jinja, RenderError for a template that fails."""

    newsroom: Newsroom
    logo: str = ""  # its file below img/, or its address elsewhere

    @cached_property
    def base(self) -> str:
        """The archive's address, with a slash at its end."""
        return self.newsroom.config.settings.archive.url.rstrip("/") + "/"

    @cached_property
    def theme(self) -> Theme:
        """The newsroom's theme; Markdown without a mail's inline styles."""
        return dataclasses.replace(self.newsroom.edition_setup.theme, markdown=Markdown({}))

    @cached_property
    def sources(self) -> dict[str, tuple[str, str]]:
        """Each template's text, with the name by which a person would open it."""
        found: dict[str, tuple[str, str]] = {}
        for name in PAGES:
            own, ours = (root / FOLDER / name for root in (self.newsroom.root / "templates", builtin()))
            file = own if own.is_file() else ours
            found[name] = file.read_text("utf-8"), str(file)
        return found

    @cached_property
    def stamp(self) -> str:
        """A hash of all that every page has in common."""
        settings = self.newsroom.config.settings
        return content_hash(
            {
                "templates": {name: text for name, (text, _file) in self.sources.items()},
                "theme": self.theme.hash,
                "logo": self.logo,
                "newsroom": self.newsroom.config.newsroom,
                "archive": settings.archive.model_dump(mode="json"),
                "audiences": {name: each.titles or each.title for name, each in self.newsroom.config.audiences.items()},
                "contacts": {name: each.contact for name, each in self.newsroom.config.audiences.items()},
            }
        )

    def _template(self, name: str, *, escape: bool = True) -> Template:
        from jinja2 import TemplateSyntaxError

        if name not in self._templates:
            text, file = self.sources[name]
            environment = ThemeEnvironment(escape=escape, lines=True)
            try:
                self._templates[name] = environment.template(environment.guarded(text, file))
            except TemplateSyntaxError as error:
                message = error.message or "this is not Jinja"
                raise ThemeError([Fault(file=file, line=error.lineno, message=message)]) from None
        return self._templates[name]

    @cached_property
    def _templates(self) -> dict[str, Template]:
        return {}

    def _filled(self, name: str, values: Mapping[str, Any], *, escape: bool = True) -> bytes:
        page = run(self._template(name, escape=escape), values, whole(self.sources[name][1]), [])
        return f"{page.strip()}\n".encode()

    def style(self) -> bytes:
        """The style sheet of all pages."""
        constants = self.theme.constants
        look: dict[str, Any] = {"heading_font": constants["heading_font"], "body_font": constants["body_font"]}
        for scheme in ("", "_dark"):
            for name in ("ink", "page", "sheet", "band", "on_band", "on_band_soft", *_SHADES):
                value = constants.get(f"{name}{scheme}")
                look[f"{name}{scheme}"] = value or look.get(f"{_SHADES.get(name, name)}{scheme}") or constants["ink"]
        return self._filled("style.css.j2", {"look": look}, escape=False)

    def script(self) -> bytes:
        """What makes the search work."""
        return self.sources["search.js"][0].encode()

    def edition_page(self, page: EditionPage) -> tuple[bytes, Card]:
        """The page of one edition, and what lists and feeds say of it."""
        sent, edition = page.sent, page.sent.edition
        config = self.newsroom.config
        audience = dataclasses.replace(
            config.audience(page.audience).in_language(edition.language), title=sent.title, description=sent.description
        )
        draft = EditionDraft(
            selection=self._of_today(page),
            theme=self.theme,
            newsroom=config.newsroom,
            audience=audience,
            options=self.newsroom.edition_setup.options,
            now=page.first,
            route=_KeptCopies(pictures=self._pictures(page)),
            archive_url="",
        )
        wording, view = draft.wording, draft.edition
        stories = iter(self._stories(page, draft))
        groups = tuple(
            PageGroup(label=group.label, stories=tuple(next(stories) for _ in group.stories[:]), blocks=group.blocks)
            for group in view.groups
        )
        told = [story for group in groups for story in group.stories]
        cover = next((story for story in told if story.picture and not story.withdrawn), None)
        title = one_line(sent.subject) or wording.say(
            "titled", title=view.title, period=wording.period_name(edition.period)
        )
        gone = self._gone(page.withdrawal, wording)
        card = self._card(page, draft, told, title=title, gone=gone)
        values = {
            **self._frame(wording, depth=3, path=page_path(edition)),
            "edition": view,
            "title": title,
            "description": card.summary,
            "groups": () if gone else groups,
            "top": () if gone else draft.issue.top,
            "end": () if gone else draft.issue.end,
            "stories": () if gone else told,
            "cover": None if gone else cover and cover.picture,
            "gone": gone,
            "because": page.withdrawal.because if page.withdrawal else "",
            "sent": wording.say("sent_on", day=card.day),
            "published": card.published,
            "updated": card.updated,
            "earlier": self._link(page.earlier, 3) if page.earlier else None,
            "later": self._link(page.later, 3) if page.later else None,
            "languages": self._languages(page.languages, edition, 3),
            "contact": audience.contact,
            "home": f"../../../{page.audience}/{edition.language}/",
            "feed": f"{self.base}{page.audience}/{edition.language}/",
        }
        return self._filled("edition.html.j2", values), card

    def _of_today(self, page: EditionPage) -> Selection:
        """What was sent, its stories as they are to be shown now."""
        selection = page.sent.selection

        def shown(stories: Iterable[Story]) -> tuple[Story, ...]:
            return tuple(_now(story, page.changes) for story in stories)

        return dataclasses.replace(
            selection,
            groups=tuple(Group(key=part.key, stories=shown(part.stories)) for part in selection.groups),
            late=tuple(LateGroup(period=part.period, stories=shown(part.stories)) for part in selection.late),
        )

    def _stories(self, page: EditionPage, draft: EditionDraft) -> list[PageStory]:
        anchors: dict[str, int] = {}
        made: list[PageStory] = []
        for view, story in zip(draft.edition.stories, draft.selection.stories, strict=True):
            change = page.changes.get(story.id)
            anchor = re.sub(r"[^\w-]+", "-", story.id).strip("-") or "story"
            anchors[anchor] = anchors.get(anchor, 0) + 1
            name = anchor if anchors[anchor] == 1 else f"{anchor}-{anchors[anchor]}"
            made.append(
                PageStory(
                    view=view,
                    anchor=name,
                    picture=self._picture(page.pictures.get(story.image), 3),
                    note=self._note(change, draft.wording) if change and not change.withdrawn else "",
                    withdrawn=self._note(change, draft.wording) if change and change.withdrawn else "",
                    blocks=tuple(block.view for block in draft.blocks.after.get(story.id, ())),
                )
            )
        return made

    def _note(self, change: StoryChange, wording: Wording) -> str:
        kind = "withdrawn" if change.withdrawn else "corrected"
        zone = self.newsroom.config.newsroom.timezone
        day = wording.day(change.day.astimezone(zone).date()) if change.day else ""
        said = wording.say(f"{kind}_on", day=day) if day else wording.say(kind)
        return f"{said}: {one_line(change.words)}" if change.words and not change.withdrawn else said

    def _gone(self, withdrawal: Withdrawal | None, wording: Wording) -> str:
        return wording.say("withdrawn_on", day=wording.day(withdrawal.on)) if withdrawal else ""

    def _pictures(self, page: EditionPage) -> dict[str, PagePicture]:
        shown = ((name, self._picture(image, 3)) for name, image in page.pictures.items())
        return {name: picture for name, picture in shown if picture}

    def _picture(self, image: PageImage | str | None, depth: int) -> PagePicture | None:
        if not image:
            return None
        if isinstance(image, str):
            return PagePicture(src=image, srcset="", url=image, width=0, height=0)
        file, width, height = image.largest
        folder = f"{'../' * depth}{_IMAGES}/"
        several = len(image.files) > 1
        return PagePicture(
            src=f"{folder}{file}",
            srcset=", ".join(f"{folder}{name} {wide}w" for name, wide, _high in image.files) if several else "",
            url=f"{self.base}{_IMAGES}/{file}",
            width=width,
            height=height,
        )

    def _card(
        self, page: EditionPage, draft: EditionDraft, stories: Sequence[PageStory], *, title: str, gone: str
    ) -> Card:
        sent, view = page.sent, draft.edition
        live = [story for story in stories if not story.withdrawn]
        lead = next(iter(live or stories), None)
        pictures = (page.pictures.get(story.image) for story in draft.selection.stories)
        image = next((each for each in pictures if each is not None and not isinstance(each, str)), None)
        words = [view.period_label, title, *(story.view.title for story in stories), *(s.view.kicker for s in live)]
        zone = self.newsroom.config.newsroom.timezone
        return Card(
            edition=sent.edition.id,
            id=sent.id,
            path=page_path(sent.edition),
            language=sent.edition.language,
            title=title,
            label=view.period_label,
            headline=gone or (lead.view.title if lead else title),
            summary=gone or one_line(sent.preheader) or view.teaser,
            count="" if gone else view.count_label,
            day=draft.wording.day(page.first.astimezone(zone).date()),
            published=page.first.isoformat(timespec="seconds"),
            updated=page.updated.isoformat(timespec="seconds"),
            text=" ".join(dict.fromkeys([view.period_label, title] if gone else words)),
            tags=() if gone else _tags(draft.selection.stories),
            image=None if gone or not image else image.smallest,
            cover="" if gone or not image else image.largest[0],
            withdrawn=bool(gone),
        )

    def index_page(
        self,
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
        wording = self.theme.wording(language)
        depth = path.count("/")
        up = "../" * depth
        values = {
            **self._frame(wording, depth=depth, path=path),
            "title": one_line(title),
            "description": one_line(description),
            "sections": tuple(self._section(part, path, language) for part in parts),
            "languages": tuple(
                PageLink(
                    href=f"{up}{folder}",
                    url=f"{self.base}{folder}",
                    label=self.called(tag),
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
            "feed": f"{self.base}{path}" if feed else "",
            "contact": contact or self.newsroom.config.newsroom.contact,
            "search": any(part.cards or part.lines for part in parts),
        }
        return self._filled("index.html.j2", values)

    def _section(self, part: IndexPart, path: str, language: str) -> IndexSection:
        up = "../" * path.count("/")
        foreign = part.language != language
        return IndexSection(
            title=one_line(part.title),
            href=f"{up}{part.path}" if part.path != path else "",
            lang=part.language if foreign else "",
            dir=direction(part.language) if foreign else "",
            cards=tuple(self._view(card, up, language) for card in part.cards),
            lines=tuple(self._view(card, up, language) for card in part.lines),
            all_label=self.theme.wording(part.language).say("all_issues") if part.more else "",
        )

    @staticmethod
    def _view(card: Card, up: str, language: str) -> CardView:
        foreign = card.language != language
        name, width, height = card.image or ("", 0, 0)
        return CardView(
            href=f"{up}{card.path}",
            label=card.label,
            headline=card.headline,
            count=card.count,
            day=card.day,
            text=card.text,
            lang=card.language if foreign else "",
            dir=direction(card.language) if foreign else "",
            image=f"{up}{_IMAGES}/{name}" if name else "",
            width=width,
            height=height,
            withdrawn=card.withdrawn,
        )

    def _frame(self, wording: Wording, *, depth: int, path: str) -> dict[str, Any]:
        """What every page has round its content."""
        newsroom, archive = self.newsroom.config.newsroom, self.newsroom.config.settings.archive
        constants = self.theme.constants
        return {
            "language": wording.language,
            "dir": wording.direction,
            "words": wording.catalogue,
            "newsroom": {
                "name": one_line(newsroom.name),
                "url": resolve(newsroom.url).url if newsroom.url else "",
                "address_lines": [line.strip() for line in newsroom.postal_address.splitlines() if line.strip()],
            },
            "logo": self._logo(depth),
            "logo_width": constants.get("logo_width") or 160,
            "logo_alt": constants.get("logo_alt") or one_line(newsroom.name),
            "root": "../" * depth or "./",
            "url": f"{self.base}{path}",
            "base": self.base,
            "indexed": archive.index,
            "subscribe": archive.subscribe_url,
            "locale": wording.regional_tag,
        }

    def _logo(self, depth: int) -> str:
        """The logo's address seen from a page so many folders deep; empty when there is none."""
        return self.logo if not self.logo or "://" in self.logo else f"{'../' * depth}{_IMAGES}/{self.logo}"

    def _link(self, edition: Edition, depth: int) -> PageLink:
        path, wording = page_path(edition), self.theme.wording(edition.language)
        return PageLink(
            href=f"{'../' * depth}{path}",
            url=f"{self.base}{path}",
            label=wording.period(edition.period),
            language=edition.language,
            dir=direction(edition.language),
            locale=wording.regional_tag,
        )

    def _languages(self, others: Sequence[Edition], own: Edition, depth: int) -> tuple[PageLink, ...]:
        if len(others) < 2:  # noqa: PLR2004 - a choice
            return ()
        links = ((edition, self._link(edition, depth)) for edition in others)
        return tuple(
            dataclasses.replace(link, label=self.called(edition.language), current=edition.id == own.id)
            for edition, link in links
        )

    def called(self, language: str) -> str:
        """A language by its own name: `français`, `português (Brasil)`."""
        from babel import Locale, UnknownLocaleError

        try:
            return str(Locale.parse(language, sep="-").get_display_name() or language)
        except (UnknownLocaleError, ValueError):
            return language

    def year(self, year: int, language: str) -> str:
        """A year as the language writes it."""
        from digest.period import parse

        return self.theme.wording(language).period(parse(f"{year:04}", self.newsroom.config.newsroom.timezone))


def _now(story: Story, changes: Mapping[str, StoryChange]) -> Story:
    """A story that was corrected as it is now, one that was withdrawn as its title, any other as it was sent."""
    change = changes.get(story.id)
    if change is None:
        return story
    if change.withdrawn:
        return dataclasses.replace(story, kicker="", credit="", link="", image="", image_alt="", summary="")
    return change.story


def pictures_of(block: Block) -> dict[str, str]:
    """The pictures of a block, by the field that names each."""
    named = ((name, getattr(block, name, "")) for name in ("image", "portrait"))
    return {name: image for name, image in named if image}


def _tags(stories: Sequence[Story]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(topic for story in stories for topic in story.topics))


def body_of(html: str, base: str, folder: str = "../../../") -> str:
    """The stories of an edition's page as a feed carries them: alone, with absolute addresses."""
    inside = html.partition(BEGIN)[2].partition(END)[0].strip()
    return re.sub(rf'(?<=[" ]){re.escape(folder)}', base, inside)
