"""The public page of one edition, and the card by which lists and feeds speak of it. Made for nobody in particular.

    SentEdition, StoryChanges, pictures ─EditionPageMaker─▶ HTML, Card

Pure but for reading the templates: what pages are to be made, and where they go, others decide.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from digest.composer.edition_draft import EditionDraft
from digest.composer.photos import ImageRoute, Photo
from digest.composer.sandbox import template_value
from digest.composer.summary import pictures
from digest.model import STORY_DEFAULTS, STORY_SHOWN, Group, LateGroup
from digest.newsroom.edition_setup import page_path
from digest.publishing.page_templates import IMAGES
from digest.text.cleaning import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from digest.composer.block_view import BlockView
    from digest.composer.i18n import Wording
    from digest.composer.recompress import Box
    from digest.composer.story_view import StoryView
    from digest.editions.sent_edition import SentEdition
    from digest.model import Edition, Issue, Selection, Story
    from digest.publishing.page_images import PageImage
    from digest.publishing.page_templates import PageLink, PageTemplates
    from digest.publishing.sent_editions import StoryChange
    from digest.publishing.withdrawals import Withdrawal

_DEPTH = 3  # folders between the archive's address and a page: 2022-02/everyone/en/
BEGIN, END = "<!--stories-->", "<!--/stories-->"


@template_value
class PagePicture(Struct, kw_only=True):
    """A picture as a page shows it: its address, its copies for a `srcset`, and its size in pixels."""

    src: str
    srcset: str
    url: str  # absolute
    width: int
    height: int


@template_value
class PageStory(Struct, kw_only=True):
    """A story on its edition's page. `note` says that it was corrected; of a `withdrawn` one only that is left."""

    view: StoryView
    anchor: str
    picture: PagePicture | None
    note: str
    withdrawn: str
    blocks: tuple[BlockView, ...]  # what stands after it


@template_value
class PageGroup(Struct, kw_only=True):
    """Stories under one heading."""

    label: str
    stories: tuple[PageStory, ...]
    blocks: tuple[BlockView, ...]


class EditionPage(Struct, frozen=True, kw_only=True):
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


class Card(Struct, frozen=True, kw_only=True):
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


class _KeptCopies(ImageRoute, frozen=True, kw_only=True):
    """A page's pictures are the copies that were kept, each with its size."""

    pictures: Mapping[str, PagePicture]  # by what the story or block says

    def place(self, image: str, box: Box) -> Photo:
        """The copy of a picture; none where none could be had, which was told when it was looked for."""
        del box  # a copy is as wide as any page shows it
        if picture := self.pictures.get(image):
            return Photo(src=picture.src, width=picture.width, height=picture.height)
        return Photo(code="image-missing", reason=f"there is no copy of {image!r}")


class EditionPageMaker(Struct, frozen=True, kw_only=True):
    """Makes the pages of editions."""

    templates: PageTemplates

    def page(self, page: EditionPage) -> tuple[bytes, Card]:
        """The page of one edition, and what lists and feeds say of it."""
        sent, edition = page.sent, page.sent.edition
        config = self.templates.newsroom.config
        audience = structs.replace(
            config.audience(page.audience).in_language(edition.language), title=sent.title, description=sent.description
        )
        draft = EditionDraft(
            selection=self._of_today(page),
            theme=self.templates.theme,
            newsroom=config.newsroom,
            audience=audience,
            options=self.templates.newsroom.edition_setup.options,
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
        gone = wording.say("withdrawn_on", day=wording.day(page.withdrawal.on)) if page.withdrawal else ""
        title = ("" if gone else one_line(sent.subject)) or wording.say(
            "titled", title=view.title, period=wording.period_name(edition.period)
        )
        card = self._card(page, draft, told, title=title, gone=gone)
        values = {
            **self.templates.frame(wording, depth=_DEPTH, path=page_path(edition)),
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
            "earlier": self.templates.link(page.earlier, _DEPTH) if page.earlier else None,
            "later": self.templates.link(page.later, _DEPTH) if page.later else None,
            "languages": self._languages(page.languages, edition),
            "contact": audience.contact,
            "home": f"{'../' * _DEPTH}{page.audience}/{edition.language}/",
            "feed": f"{self.templates.base}{page.audience}/{edition.language}/",
        }
        return self.templates.filled("edition.html.j2", values), card

    def _of_today(self, page: EditionPage) -> Selection:
        """What was sent, its stories as they are to be shown now."""
        selection = page.sent.selection

        def shown(stories: Iterable[Story]) -> tuple[Story, ...]:
            return tuple(_now(story, page.changes) for story in stories)

        return structs.replace(
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
                    picture=self._picture(page.pictures.get(story.image)),
                    note=self._note(change, draft.wording) if change and not change.withdrawn else "",
                    withdrawn=self._note(change, draft.wording) if change and change.withdrawn else "",
                    blocks=tuple(block.view for block in draft.blocks.after.get(story.id, ())),
                )
            )
        return made

    def _note(self, change: StoryChange, wording: Wording) -> str:
        kind = "withdrawn" if change.withdrawn else "corrected"
        zone = self.templates.newsroom.config.newsroom.timezone
        day = wording.day(change.day.astimezone(zone).date()) if change.day else ""
        said = wording.say(f"{kind}_on", day=day) if day else wording.say(kind)
        return f"{said}: {one_line(change.words)}" if change.words and not change.withdrawn else said

    def _pictures(self, page: EditionPage) -> dict[str, PagePicture]:
        return {name: picture for name, image in page.pictures.items() if (picture := self._picture(image))}

    def _picture(self, image: PageImage | str | None) -> PagePicture | None:
        if not image:
            return None
        if isinstance(image, str):
            return PagePicture(src=image, srcset="", url=image, width=0, height=0)
        file, width, height = image.largest
        folder = f"{'../' * _DEPTH}{IMAGES}/"
        several = len(image.files) > 1
        return PagePicture(
            src=f"{folder}{file}",
            srcset=", ".join(f"{folder}{name} {wide}w" for name, wide, _high in image.files) if several else "",
            url=f"{self.templates.base}{IMAGES}/{file}",
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
        zone = self.templates.newsroom.config.newsroom.timezone
        return Card(
            edition=sent.edition.id,
            id=sent.id,
            path=page_path(sent.edition),
            language=sent.edition.language,
            title=title,
            label=view.period_label,
            headline=gone or (lead.view.title if lead else title),
            # The inbox's line may be of a story that is another now, or gone.
            summary=gone or ("" if page.changes else one_line(sent.preheader)) or view.teaser,
            count="" if gone else view.count_label,
            day=draft.wording.day(page.first.astimezone(zone).date()),
            published=page.first.isoformat(timespec="seconds"),
            updated=page.updated.isoformat(timespec="seconds"),
            text=" ".join(dict.fromkeys([view.period_label, title] if gone else words)),
            tags=() if gone else tuple(dict.fromkeys(each for s in draft.selection.stories for each in s.topics)),
            image=None if gone or not image else image.smallest,
            cover="" if gone or not image else image.largest[0],
            withdrawn=bool(gone),
        )

    def _languages(self, others: Sequence[Edition], own: Edition) -> tuple[PageLink, ...]:
        if len(others) < 2:  # noqa: PLR2004 - a choice
            return ()
        links = ((edition, self.templates.link(edition, _DEPTH)) for edition in others)
        return tuple(
            structs.replace(link, label=self.templates.called(edition.language), current=edition.id == own.id)
            for edition, link in links
        )


def _now(story: Story, changes: Mapping[str, StoryChange]) -> Story:
    """A story that was corrected as it is now, one that was withdrawn as its title, any other as it was sent."""
    change = changes.get(story.id)
    if change is None:
        return story
    if change.withdrawn:
        seen = (*STORY_SHOWN, "topics")  # which lists of editions show
        gone = {key: STORY_DEFAULTS[key] for key in seen if key not in ("title", "date")}
        return dataclasses.replace(story, **gone)  # type: ignore[arg-type]  # each is its field's own default
    return change.story


def pictures_of_story(story: Story) -> dict[str, str]:
    """The pictures of a story, its own by its id, those of its summary by that and, after a line end, their address."""
    own = {story.id: story.image} if story.image else {}
    return own | {f"{story.id}\n{address}": address for address, _ in pictures(story.summary)}


def pictures_of_issue(issue: Issue) -> list[str]:
    """The pictures of what stands beside the stories, in fields of their own and in Markdown."""
    texts = [issue.intro]
    named: list[str] = []
    for block in issue.blocks:
        texts += (text for row, text in block.said() if row.holds == "markdown")
        named += (text for row, text in block.said() if row.holds == "image")
    return [*named, *(address for text in texts for address, _ in pictures(text))]


def feed_body(html: str, base: str) -> str:
    """The stories of an edition's page as a feed carries them: alone, with absolute addresses."""
    inside = html.partition(BEGIN)[2].partition(END)[0].strip()
    return re.sub(r"<[^>]*>", lambda tag: re.sub(r'(?<=[" ])\.\./\.\./\.\./', lambda _: base, tag[0]), inside)
