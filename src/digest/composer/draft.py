"""An edition in the making: every value that the templates see, and how many stories are still shown in full.

    Selection + Newsroom + Audience ─▶ views ─▶ values() ─theme─▶ html()

It reads images through the callable it was given and nothing else; it writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.composer.content import Position, contents, finding, view, with_photo
from digest.composer.sandbox import run
from digest.composer.views import (
    EditionView,
    GroupView,
    NewsroomView,
    ReaderView,
    StoryCount,
    StoryList,
    StoryView,
    runs,
)
from digest.model import Finding, InlineImage, Severity, content_hash
from digest.text.cleaning import multiline, one_line
from digest.text.urls import resolve
from digest.text.wrapping import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from digest.composer.options import ThemeOptions
    from digest.composer.theme import Theme
    from digest.model import Audience, NewsroomProfile, Selection

_TEASER = 140  # columns: more than any inbox shows after the subject
_TEASED = 4  # headlines in it


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
        read_image: Callable[[str], bytes] | None,
        archive_url: str,
    ) -> None:
        self.selection, self.theme, self.newsroom, self.audience = selection, theme, newsroom, audience
        self.options, self.now, self.archive_url = options, now, archive_url
        self.words = theme.words(selection.edition.language)
        self.findings: list[Finding] = []
        self.contents = contents(selection.stories, theme=theme, newsroom=newsroom, words=self.words, options=options)
        self.photos = [with_photo(made, options, read_image) for made in self.contents]
        self.nonce = self._nonce()
        self.reader = ReaderView(self.nonce)
        self.tally = StoryCount()
        self._find()
        self.cut = 0
        self.groups = self._groups()
        self.edition = self._edition()
        self._newsroom_view = self._newsroom()

    @property
    def images(self) -> tuple[InlineImage, ...]:
        """The images that travel in the mail, each once, and only those of stories that still show them."""
        shown = zip(self.photos, (story.brief for story in self.edition.stories), strict=True)
        found = {photo.inline.cid: photo.inline for photo, brief in shown if photo.inline and not brief}
        return tuple(found.values())

    def cut_to(self, full: int) -> None:
        """Show the first `full` stories whole and the others as titles with links."""
        self.cut = len(self.contents) - full
        self.groups = self._groups()
        self.edition = self._edition()

    def values(self) -> dict[str, Any]:
        """What templates see."""
        return {
            "edition": self.edition,
            "newsroom": self._newsroom_view,
            "reader": self.reader,
            "theme": self.theme.constants,
            "words": self.words.catalogue,
        }

    def html(self, lines: dict[str, str]) -> str:
        """The HTML of the edition as it now stands. Raises RenderError."""
        self.tally.parts.clear()
        self.tally.spans.clear()
        return run(self.theme.html, self.values() | lines, self.theme.html_places, self.tally.parts)

    def _find(self) -> None:
        for made, photo in zip(self.contents, self.photos, strict=True):
            self.findings += made.findings
            if photo.code:
                self.findings.append(finding(made.story, photo.code, f"image: {photo.reason}"))
        if self.words.missing:
            language = self.words.language
            message = f"the theme has no words in {language!r} and speaks English; add templates/locale/{language}.yaml"
            where = self.selection.edition.id
            self.findings.append(Finding(code="words-missing", severity=Severity.WARNING, where=where, message=message))

    def _nonce(self) -> str:
        """Hash what goes in: a story would have to contain a hash of itself to forge a slot."""
        said = (self.theme.key, self.selection.edition.id, self.newsroom, self.audience, self.archive_url)
        stories = [(made.story, photo.src) for made, photo in zip(self.contents, self.photos, strict=True)]
        return content_hash((*said, stories))[:20]

    def _groups(self) -> tuple[GroupView, ...]:
        period = self.selection.edition.period
        groups: list[GroupView] = []
        only = len(self.selection.groups) == 1 and not self.selection.late
        at, reference = 0, 1
        for group in self.selection.groups:
            if group.key:
                label = self.words.heading(group.key, period.zone)
            else:  # below others, stories without a key would seem to belong to the last of them
                label = self.words.say("other_stories") if groups and groups[-1].label else ""
            label = "" if only and label == self.words.period(period) else one_line(label)
            stories, reference = self._views(at, len(group.stories), reference, level=3 if label else 2)
            groups.append(self._group(label, stories))
            at += len(group.stories)
        for late in self.selection.late:
            label = self.words.also_from(late.period, period)
            stories, reference = self._views(at, len(late.stories), reference, level=3)
            groups.append(self._group(label, stories, late=True))
            at += len(late.stories)
        return tuple(groups)

    def _group(self, label: str, stories: list[StoryView], *, late: bool = False) -> GroupView:
        return GroupView(label=label, stories=StoryList(stories, self.tally), runs=runs(stories, self.tally), late=late)

    def _views(self, at: int, count: int, reference: int, *, level: int) -> tuple[list[StoryView], int]:
        """Views of the `count` stories from the one at `at`, and the number of the next link."""
        found: list[StoryView] = []
        full = len(self.contents) - self.cut
        for index in range(at, at + count):
            first, last = index == at, index == at + count - 1
            place = Position(index + 1, reference, level, index == 0, first, last, index >= full)
            found.append(view(self.contents[index], self.photos[index], place))
            reference += len(found[-1].links)
        return found, reference

    def _edition(self) -> EditionView:
        words, edition, audience = self.words, self.selection.edition, self.audience
        stories = tuple(story for group in self.groups for story in group.stories[:])
        rtl = words.direction == "rtl"
        more = self.selection.more
        more_url = audience.more_url or self.newsroom.url
        return EditionView(
            id=edition.id,
            language=edition.language,
            dir=words.direction,
            start="right" if rtl else "left",
            end="left" if rtl else "right",
            back="ltr" if rtl else "rtl",
            title=one_line(audience.title),
            description=one_line(audience.description),
            period_label=words.period(edition.period),
            count=len(stories),
            count_label=words.count("stories", len(stories)),
            lead=stories[0] if stories else None,
            stories=stories,
            groups=self.groups,
            contents=len(stories) > self.options.contents_over,
            more=more,
            more_label=words.count("more", more) if more else "",
            more_url=resolve(more_url).url if more_url else "",
            teaser=self._teaser(stories),
            others=_headlines(stories[1:]),
            view_url=self.archive_url,
            date=words.day(self.now.astimezone(self.newsroom.timezone).date()),
        )

    def _teaser(self, stories: Sequence[StoryView]) -> str:
        """What an inbox shows after the subject: the headlines, or the one story's headline and first words."""
        if len(stories) > 1:
            return _headlines(stories)
        blocks = self.contents[0].summary.blocks if self.contents else ()
        parts = [*(story.title for story in stories), *(block.text for block in blocks[:1])]
        return shorten(one_line(" · ".join(parts)), _TEASER)

    def _newsroom(self) -> NewsroomView:
        newsroom = self.newsroom
        return NewsroomView(
            name=one_line(newsroom.name),
            contact=self.audience.contact or newsroom.contact,
            url=resolve(newsroom.url).url if newsroom.url else "",
            address_lines=tuple(filter(None, map(str.strip, multiline(newsroom.postal_address).split("\n")))),
        )


def _headlines(stories: Sequence[StoryView]) -> str:
    return shorten(" · ".join(story.title for story in stories[:_TEASED]), _TEASER)
