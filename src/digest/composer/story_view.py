"""One story as templates see it: clean words, links a mail may carry, its Markdown as HTML and as text, its image.

    Story ─prepare_stories()─▶ PreparedStory ─placed()─▶ StoryView, with its number and those of its links

Everything that had to be dropped is said in a finding that names the story's file.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from msgspec import Struct

from digest.composer.i18n import direction
from digest.composer.photos import BESIDE, LEAD, ROW, WORDS, WORDS_BESIDE, ImageRoute, Photo
from digest.composer.sandbox import template_value
from digest.model import Finding, Severity, content_hash
from digest.text.cleaning import one_line
from digest.text.language import primary, script
from digest.text.urls import SafeLink, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from digest.composer.i18n import Wording
    from digest.composer.options import ThemeOptions
    from digest.composer.recompress import Box
    from digest.composer.summary import Markdown, Summary
    from digest.model import NewsroomProfile, Story

# What a credit may say itself that it is of, in Latin letters: then nothing is put before it.
_KIND = re.compile(
    r"(?:photo|foto|image|imagen|bild|illustra|ilustra|dessin|dibujo|drawing|graphi|infograph)\w*\b", re.IGNORECASE
)
SEVERITIES = {"image-missing": Severity.ERROR, "image-unsafe": Severity.ERROR, "link-unsafe": Severity.WARNING}


@template_value
class LinkView(Struct, kw_only=True, eq=False):
    """A numbered address of the text part."""

    number: int
    url: str


@template_value
class StoryView(Struct, kw_only=True, eq=False):
    """One story as it stands in this edition.

    `number` counts from 1 in reading order. `level` is the level of its heading. `brief` stories are a title with its
    link, because the mail would be too large; a `row` has kicker, date and a small image besides. `lang` and `dir` are
    set when they are not the edition's. `text` is the summary for the text part, wrapped, with `[n]` after what is
    linked; `links` are these and the title's own.
    """

    id: str
    title: str
    kicker: str
    credit: str
    date: str
    link: str
    byline: str  # for the text part: date and credit
    signed: str  # the credit, with what it is of: `Photo: © Ana Silva`; as it is where it says so itself
    html: Markup
    image: str
    image_alt: str
    image_width: int
    image_height: int
    lang: str
    dir: str
    number: int = 0
    heading: str = ""  # for the text part: the title, with the number of its link
    text: str = ""
    links: tuple[LinkView, ...] = ()
    lead: bool = False
    first: bool = False  # of its group
    last: bool = False  # of its group
    level: int = 2
    brief: bool = False
    row: bool = False
    read: str = ""  # the words of the link below the summary; empty when the headline's is enough
    own_read: str = ""  # these, where the story says them itself

    def height_at(self, width: int) -> int:
        """The image's height when it is `width` pixels wide; 0 when its size is not known."""
        return round(self.image_height * width / self.image_width) if self.image_width else 0

    def width_within(self, width: int, height: int) -> int:
        """How wide the image is that fits into `width` by `height` pixels; `width` when its size is not known.

        >>> from types import SimpleNamespace as Image
        >>> sizes = ((1200, 800), (800, 1200), (0, 0))
        >>> [StoryView.width_within(Image(image_width=w, image_height=h), 189, 252) for w, h in sizes]
        [189, 168, 189]
        """
        if not self.image_width or self.image_height * width <= height * self.image_width:
            return width
        return max(1, self.image_width * height // self.image_height)


class PreparedStory(Struct, frozen=True, kw_only=True, eq=False):
    """A story ready to be set anywhere in an edition: what templates see but for its place, and what else it gave."""

    said: Mapping[str, Any]  # a StoryView's fields but for its place
    own_read: str  # its words for the link below the summary
    summary: Summary
    unlinked: str  # the summary for the text part where no number of a link stands in it
    photos: tuple[Photo, ...]  # its own, and those of its summary
    findings: tuple[Finding, ...]
    hash: str  # of all that it says

    def placed(
        self,
        *,
        number: int,
        reference: int,
        level: int,
        lead: bool,
        first: bool,
        last: bool,
        brief: bool,
        row: bool,
        read: str,
    ) -> StoryView:
        """The story at this place. `reference` is the number of its first link in the text part."""
        title, link = self.said["title"], self.said["link"]
        whole = not (brief or row)
        own_read = self.own_read if link and whole else ""
        text = self.unlinked if whole else ""
        links: tuple[LinkView, ...] = (LinkView(number=reference, url=link),) if link else ()
        if whole and self.summary.links:
            text, links = self._numbered(reference)
        return StoryView(
            **self.said,
            own_read=own_read,
            number=number,
            heading=f"{title}\u00a0[{reference}]" if link else title,
            text=text,
            links=links,
            lead=lead,
            first=first,
            last=last,
            level=level,
            brief=brief,
            row=row,
            read=own_read or (read if lead and link else ""),
        )

    def _numbered(self, reference: int) -> tuple[str, tuple[LinkView, ...]]:
        """The summary for the text part with the numbers of its links, and these after the story's own."""
        numbers: dict[str, int] = {self.said["link"]: reference} if self.said["link"] else {}
        text = self.summary.text(lambda url: numbers.setdefault(url, reference + len(numbers)))
        return text, tuple([LinkView(number=count, url=url) for url, count in numbers.items()])


def prepare_stories(
    stories: Sequence[Story],
    in_full: int,
    *,
    markdown: Markdown,
    newsroom: NewsroomProfile,
    wording: Wording,
    options: ThemeOptions,
    route: ImageRoute,
) -> list[PreparedStory]:
    """Make stories ready to be set, of which the first `in_full` have room for more than a small image.

    They come from memory where no file of the newsroom is read, which may change.
    """
    remembered = _remembered(markdown, newsroom, wording, options)
    prepared: list[PreparedStory] = []
    for index, story in enumerate(stories):
        if "![" not in story.summary and (not story.image or story.image.startswith(("http://", "https://"))):
            prepared.append(remembered(story))
        else:
            box = LEAD if index == 0 else BESIDE if index < in_full else ROW
            photo = route.place(story.image, box) if story.image else Photo()
            words = WORDS_BESIDE if index and story.image else WORDS
            prepared.append(_prepare(story, markdown, newsroom, wording, options, photo, route, words))
    return prepared


@lru_cache(maxsize=8)  # of the audiences and languages of a month
def _remembered(
    markdown: Markdown, newsroom: NewsroomProfile, wording: Wording, options: ThemeOptions
) -> Callable[[Story], PreparedStory]:
    @lru_cache(maxsize=1000)  # they are composed for many audiences, and an edition again while somebody writes
    def prepared(story: Story) -> PreparedStory:
        photo = ImageRoute().place(story.image, BESIDE) if story.image else Photo()
        return _prepare(story, markdown, newsroom, wording, options, photo)

    return prepared


def _prepare(
    story: Story,
    markdown: Markdown,
    newsroom: NewsroomProfile,
    wording: Wording,
    options: ThemeOptions,
    photo: Photo,
    route: ImageRoute = ImageRoute(),  # noqa: B008 - frozen
    words: Box = WORDS,
) -> PreparedStory:
    problems: list[tuple[str, str]] = []
    link = resolve(story.link, newsroom.url) if story.link else SafeLink()
    if link.code:
        problems.append((link.code, f"link: {link.reason}"))
    own, edition = story.language, wording.language
    foreign = bool(own) and (primary(own), script(own)) != (primary(edition), script(edition))
    way = direction(own) if foreign else wording.direction
    markdown = markdown.towards(way)
    summary = markdown.read(story.summary, lambda url: resolve(url, newsroom.url), route, words)
    problems += summary.problems
    if photo.code:
        problems.append((photo.code, f"image: {photo.reason}"))
    credit = one_line(story.credit)
    date = wording.day(story.date.astimezone(newsroom.timezone).date()) if options.dates else ""
    signed = wording.say("photo", credit=credit) if credit and photo.src and not _KIND.match(credit) else credit
    said = {
        "id": story.id,
        "title": one_line(story.title),
        "kicker": one_line(story.kicker),
        "credit": credit,
        "date": date,
        "link": link.url,
        "signed": signed,
        "byline": " · ".join(filter(None, (date, signed))),
        "html": Markup(summary.html),  # noqa: S704 - nh3 has cleaned it
        "image": photo.src,
        "image_alt": one_line(story.image_alt),
        "image_width": photo.width,
        "image_height": photo.height,
        "lang": story.language if foreign else "",
        "dir": way if way != wording.direction else "",
    }
    findings = tuple(
        Finding(
            code=code, severity=SEVERITIES.get(code, Severity.WARNING), where=story.file or story.id, message=message
        )
        for code, message in problems
    )
    photos = (photo, *summary.photos)
    content = content_hash((story, *(part.src for part in photos)))
    read = one_line(story.read)
    return PreparedStory(
        said=said,
        own_read=read,
        summary=summary,
        unlinked="" if summary.links else summary.text(lambda _: 0),
        photos=photos,
        findings=findings,
        hash=content,
    )
