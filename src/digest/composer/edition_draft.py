"""An edition in the making: every value that the templates see, and how many stories are still shown in full.

    Selection + NewsroomProfile + Audience ─▶ views ─▶ values() ─theme─▶ html()

Every text of the views is clean, every address one that a mail may carry. Images come by the route that was handed in.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec.structs import replace

from digest.composer.block_view import BlockMaker, BlockView, IssueView, PreparedBlock, issue_hash
from digest.composer.edition_view import EditionView, GroupView, NewsroomView, PlaceView, StoryCount, StoryList, runs
from digest.composer.i18n import PAGE, first_upper
from digest.composer.merge_fields import ReaderView
from digest.composer.photos import MOST, within
from digest.composer.sandbox import run
from digest.composer.story_view import StoryView, prepare_stories
from digest.model import Finding, InlineImage, Issue, Severity, canonical_json, text_hash
from digest.text.cleaning import multiline, one_line
from digest.text.urls import resolve
from digest.text.wrapping import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from digest.composer.options import ThemeOptions
    from digest.composer.photos import ImageRoute, Photo
    from digest.composer.story_view import PreparedStory
    from digest.composer.theme import Theme
    from digest.model import Audience, NewsroomProfile, Selection

_TEASER = 140  # columns: more than any inbox shows after the subject
_TEASED = 4  # headlines in it


@lru_cache(maxsize=64)  # the same for every edition of an audience
def _house(newsroom: NewsroomProfile, audience: Audience) -> str:
    """Both as a part of the JSON of a list."""
    return canonical_json((newsroom, audience))[1:-1]


class EditionDraft:
    """One edition while it is being composed. `cut_to(n)` shows only the first `n` stories in full."""

    def __init__(
        self,
        *,
        selection: Selection,
        theme: Theme,
        newsroom: NewsroomProfile,
        audience: Audience,
        options: ThemeOptions,
        now: datetime,
        route: ImageRoute,
        archive_url: str,
        logo: Photo | None = None,
    ) -> None:
        self.selection, self.theme, self.newsroom, self.audience = selection, theme, newsroom, audience
        self.options, self.now, self.archive_url = options, now, archive_url
        self.wording = theme.wording(selection.edition.language)
        self.period_name = self.wording.period_name(selection.edition.period)
        self.period_label = first_upper(self.period_name)
        stories = selection.stories
        self.in_full = options.in_full(len(stories))
        # What stands over rows that follow stories in full: a lead alone needs no such line.
        self.more_stories = self.wording.say("more_stories") if self.in_full > 1 else ""
        self.photos = [logo] if logo else []
        self.stories = prepare_stories(
            stories,
            self.in_full,
            markdown=theme.markdown,
            newsroom=newsroom,
            wording=self.wording,
            options=options,
            route=route,
        )
        self.blocks = BlockMaker(
            markdown=theme.markdown,
            newsroom=newsroom,
            wording=self.wording,
            route=route,
            today=now.astimezone(newsroom.timezone).date(),
            speak=theme.wording,
        ).placed(selection.issue, stories)
        parts: list[PreparedStory | PreparedBlock] = [*self.stories, *self.blocks.all()]
        self.photos += [photo for part in parts for photo in part.photos]
        self.findings = [*(finding for part in parts for finding in part.findings), *self._missing_words()]
        self.nonce = self._nonce()
        self.reader = ReaderView(self.nonce)
        self.tally = StoryCount()
        self.cut = 0
        self._arrange()
        self._newsroom_view = self._newsroom()

    def images(self, html: str) -> tuple[tuple[InlineImage, ...], list[Finding]]:
        """The images that travel in the mail, each once, and only those that `html` shows; what is wrong with them."""
        carried = [photo.carried for photo in self.photos if photo.carried]
        if not carried:
            return (), []
        images, total = within(image for image in carried if f"cid:{image.cid}" in html)
        if total <= MOST:
            return images, []
        message = (
            f"the images have {total // 1024} KB together even at the lowest quality, over {MOST // 1024}: leave some "
            "out, choose the layout auto or list, or serve them on the web (theme.image_base_url)"
        )
        where = self.selection.edition.id
        return images, [Finding(code="images-heavy", severity=Severity.WARNING, where=where, message=message)]

    def cut_to(self, full: int) -> None:
        """Show the first `full` stories whole and the others as titles with links."""
        self.cut = len(self.stories) - full
        self._arrange()

    def values(self) -> dict[str, Any]:
        """What templates see."""
        return {
            "edition": self.edition,
            "issue": self.issue,
            "newsroom": self._newsroom_view,
            "reader": self.reader,
            "theme": self.theme.constants,
            "words": self.wording.catalogue,
        }

    def html(self, lines: dict[str, str]) -> str:
        """The HTML of the edition as it now stands. Raises RenderError."""
        self.tally.parts.clear()
        self.tally.spans.clear()
        return run(self.theme.html, self.values() | lines, self.theme.html_places, self.tally.parts)

    def _missing_words(self) -> Iterator[Finding]:
        """What the mail, and the pages that it leads to, say in English for want of words in its language."""
        wording, where = self.wording, self.selection.edition.id
        file = f"templates/locale/{wording.language}.yaml"
        if wording.missing:
            message = f"the theme has no words in {wording.language!r} and speaks English; add {file}"
            yield Finding(code="words-missing", severity=Severity.WARNING, where=where, message=message)
            return
        mail = [key for key in wording.lacking if not key.startswith(PAGE)]
        page = [key for key in wording.lacking if key.startswith(PAGE)]
        for keys, severity, speaker in (
            (mail, Severity.WARNING, "mail says"),
            (page, Severity.INFO, "public pages say"),
        ):
            if keys:
                message = f"the {speaker} {', '.join(keys)} in English; add {'them' if keys[1:] else 'it'} to {file}"
                yield Finding(code="words-missing", severity=severity, where=where, message=message)

    def _nonce(self) -> str:
        """Hash what goes in: a story would have to contain a hash of itself to forge a slot."""
        issue = (issue_hash(self.selection.issue, self.blocks),) if self.selection.issue != Issue() else ()
        theme = canonical_json((self.theme.hash, self.selection.edition.id))[1:-1]
        stories = canonical_json((self.archive_url, [story.hash for story in self.stories], *issue))[1:-1]
        return text_hash(f"[{theme},{_house(self.newsroom, self.audience)},{stories}]")[:20]

    def _arrange(self) -> None:
        """Set blocks and stories in reading order, so that the links of the text part are numbered in that."""
        self._reference = 1
        top = self._set(self.blocks.top)
        self.groups = self._groups()
        end = self._set(self.blocks.end)
        self.issue = IssueView(top=top, end=end, blocks=any(True for _ in self.blocks.all()))
        self.edition = self._edition()

    def _set(self, blocks: Sequence[PreparedBlock]) -> tuple[BlockView, ...]:
        """Views of the blocks, which stand next."""
        views: list[BlockView] = []
        for block in blocks:
            views.append(block.placed(self._reference))
            self._reference += len(views[-1].links)
        return tuple(views)

    def _groups(self) -> tuple[GroupView, ...]:
        period, selection = self.selection.edition.period, self.selection
        groups: list[GroupView] = []
        only = len(selection.groups) == 1 and not selection.late
        at = 0
        for group in selection.groups:
            if group.key:
                label = self.wording.heading(group.key, self.audience.group_by, period.zone)
            else:  # below others, stories without a key would seem to belong to the last of them
                label = self.wording.say("other_stories") if groups and groups[-1].label else ""
            told = self.audience.group_by == "language" or label == self.period_label
            label = "" if only and told else one_line(label)
            groups.append(self._group(len(groups), label, at, len(group.stories)))
            at += len(group.stories)
        for late in selection.late:
            label = self.wording.also_from(late.period, period)
            groups.append(self._group(len(groups), label, at, len(late.stories), late=True))
            at += len(late.stories)
        return tuple(groups)

    def _group(self, place: int, label: str, at: int, count: int, *, late: bool = False) -> GroupView:
        """The group at `place` with its `count` stories from the one at `at`, and what stands after it."""
        stories, after = self._views(at, count, label=label)
        parts = runs(stories, self.tally, "" if label else self.more_stories, after)
        parts = tuple(replace(part, credit=self._credit(part.stories[:])) if part.rows else part for part in parts)
        last = place == len(self.selection.groups) + len(self.selection.late) - 1
        blocks = self._set(self.blocks.groups[place : None if last else place + 1])
        return GroupView(label=label, stories=StoryList(stories, self.tally), runs=parts, late=late, blocks=blocks)

    def _credit(self, rows: Sequence[StoryView]) -> str:
        """One line for small pictures, which have no room of their own for it: `Photos: © A, © B · Illustration: C`."""
        pictured = [story for story in rows if story.image and story.credit]
        photos = tuple(dict.fromkeys(story.credit for story in pictured if story.signed != story.credit))
        others = dict.fromkeys(story.credit for story in pictured if story.signed == story.credit)
        several = [self.wording.say("photos", credits=", ".join(photos))] if photos[1:] else []
        return " · ".join(
            (*several, *(self.wording.say("photo", credit=credit) for credit in photos if not several), *others)
        )

    def _views(self, at: int, count: int, *, label: str) -> tuple[list[StoryView], dict[str, tuple[BlockView, ...]]]:
        """Views of the `count` stories from the one at `at`, and of the blocks that stand after them, by story."""
        views: list[StoryView] = []
        after: dict[str, tuple[BlockView, ...]] = {}
        full = len(self.stories) - self.cut
        read = self.wording.say("read")
        below = bool(label or self.more_stories)  # rows of a group without a label stand under one of their own
        for index in range(at, at + count):
            view = self.stories[index].placed(
                number=index + 1,
                reference=self._reference,
                level=3 if label or (below and index >= self.in_full) else 2,
                lead=index == 0,
                first=index == at,
                last=index == at + count - 1,
                brief=index >= full,
                row=index >= self.in_full,
                read=read,
            )
            views.append(view)
            self._reference += len(view.links)
            if blocks := self.blocks.after.get(view.id):
                after[view.id] = self._set(blocks)
        return views, after

    def _edition(self) -> EditionView:
        wording, edition, audience = self.wording, self.selection.edition, self.audience
        stories = tuple(story for group in self.groups for story in group.stories[:])
        rtl = wording.direction == "rtl"
        more = self.selection.more
        more_url = audience.more_url or self.newsroom.url
        return EditionView(
            id=edition.id,
            language=edition.language,
            dir=wording.direction,
            start="right" if rtl else "left",
            end="left" if rtl else "right",
            back="ltr" if rtl else "rtl",
            title=one_line(audience.title),
            description=one_line(audience.description),
            period_label=self.period_label,
            period_name=self.period_name,
            count=len(stories),
            count_label=wording.count("stories", len(stories)),
            lead=stories[0] if stories else None,
            stories=stories,
            groups=self.groups,
            contents=self.in_full >= len(stories) > self.options.contents_over,
            more=more,
            more_label=wording.count("more", more) if more else "",
            more_url=resolve(more_url).url if more_url else "",
            teaser=self._teaser(stories),
            others=_headlines(stories[1:]),
            view_url=self.archive_url,
            forward_url=self._forward_url(),
            date=wording.day(self.now.astimezone(self.newsroom.timezone).date()),
        )

    def _teaser(self, stories: Sequence[StoryView]) -> str:
        """What an inbox shows after the subject: the headlines, or the one story's headline and first wording."""
        if len(stories) > 1:
            return _headlines(stories)
        opening = self.stories[0].summary.opening if self.stories else ""
        parts = [*(story.title for story in stories), *filter(None, (opening,))]
        return shorten(one_line(" · ".join(parts)), _TEASER)

    def _forward_url(self) -> str:
        """A mail without an address, which the reader gives (RFC 6068, 2); a subject has no reader's own values."""
        if not (self.options.forward and self.archive_url):
            return ""
        return f"mailto:?subject={quote(self.titled, safe='')}&body={quote(self.archive_url, safe='')}"

    @property
    def titled(self) -> str:
        """What the edition is called in one line: `ILO News: February 2022`."""
        return self.wording.say("titled", title=one_line(self.audience.title), period=self.period_name)

    def _newsroom(self) -> NewsroomView:
        newsroom = self.newsroom
        return NewsroomView(
            name=one_line(newsroom.name),
            contact=self.audience.contact or newsroom.contact,
            url=resolve(newsroom.url).url if newsroom.url else "",
            address_lines=tuple(filter(None, map(str.strip, multiline(newsroom.postal_address).split("\n")))),
            social=tuple(PlaceView(name=one_line(name), url=resolve(url).url) for name, url in newsroom.social),
        )


def _headlines(stories: Sequence[StoryView]) -> str:
    return shorten(" · ".join(story.title for story in stories[:_TEASED]), _TEASER)
