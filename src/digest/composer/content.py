"""Make one story ready to be set: clean words, links a mail may carry, its Markdown as HTML and as text, its image.

    Story ─▶ Content (the same in every edition of a language; remembered) ─position─▶ StoryView

Everything that had to be dropped is said in a finding that names the story's file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from digest.composer import photos
from digest.composer.i18n import direction
from digest.composer.views import LinkView, StoryView
from digest.model import Finding, Severity
from digest.text.cleaning import one_line
from digest.text.urls import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from digest.composer.i18n import Wording
    from digest.composer.options import ThemeOptions
    from digest.composer.summary import Summary
    from digest.composer.theme import Theme
    from digest.model import NewsroomProfile, Story

_PLACES = 100  # places of one story that are remembered
_SEVERITY = {"image-missing": Severity.ERROR, "image-unsafe": Severity.ERROR, "link-unsafe": Severity.WARNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a story says, ready to be set anywhere."""

    story: Story
    title: str
    kicker: str
    credit: str
    photo_credit: str
    date: str
    link: str
    summary: Summary
    html: Markup
    image_alt: str
    lang: str
    dir: str
    findings: tuple[Finding, ...]
    photo: photos.Photo
    views: dict[tuple[object, ...], StoryView] = field(default_factory=dict, compare=False, repr=False)


def contents(
    stories: Iterable[Story], *, theme: Theme, newsroom: NewsroomProfile, words: Wording, options: ThemeOptions
) -> list[Content]:
    """The stories made ready; from memory when this theme has made them ready before."""
    kept = theme.contents(words.language, newsroom.url, newsroom.timezone, options)
    made: list[Content] = []
    for story in stories:
        found: Content | None = kept.get(story)
        if found is None:
            found = kept[story] = _make(story, theme=theme, newsroom=newsroom, words=words, options=options)
        made.append(found)
    return made


def _make(story: Story, *, theme: Theme, newsroom: NewsroomProfile, words: Wording, options: ThemeOptions) -> Content:
    problems: list[tuple[str, str]] = []
    link = ""
    if story.link:
        checked = resolve(story.link, newsroom.url)
        link = checked.url
        if checked.code:
            problems.append((checked.code, f"link: {checked.reason}"))
    summary = theme.markdown.read(story.summary, lambda url: resolve(url, newsroom.url))
    problems += summary.problems
    credit = one_line(story.credit)
    foreign = bool(story.language) and not _same_language(story.language, words.language)
    turned = foreign and direction(story.language) != words.direction
    return Content(
        story=story,
        title=one_line(story.title),
        kicker=one_line(story.kicker),
        credit=credit,
        photo_credit=words.say("photo", credit=credit) if credit else "",
        date=words.day(story.date.astimezone(newsroom.timezone).date()) if options.dates else "",
        link=link,
        summary=summary,
        html=Markup(summary.html),  # noqa: S704 - nh3 has cleaned it
        image_alt=one_line(story.image_alt),
        lang=story.language if foreign else "",
        dir=direction(story.language) if turned else "",
        findings=tuple(finding(story, code, message) for code, message in problems),
        photo=photos.place(story.image, options, None) if story.image and options.images == "link" else photos.Photo(),
    )


def with_photo(made: Content, options: ThemeOptions, read_image: Callable[[str], bytes] | None) -> photos.Photo:
    """The story's image: read anew when it can be read, since files change under a name that stays."""
    image = made.story.image
    if not image or (options.images == "link" and read_image is None):
        return made.photo
    return photos.place(image, options, read_image)


def finding(story: Story, code: str, message: str) -> Finding:
    """A finding about one story."""
    return Finding(
        code=code, severity=_SEVERITY.get(code, Severity.WARNING), where=story.file or story.id, message=message
    )


class Position(NamedTuple):
    """Where a story stands in an edition. `reference` is the number of its first link in the text part."""

    number: int
    reference: int
    level: int
    lead: bool
    first: bool
    last: bool
    brief: bool


def view(made: Content, photo: photos.Photo, at: Position) -> StoryView:
    """The story as templates see it at this place; remembered, since a month is composed for many audiences."""
    key = (at, photo.src, photo.width)
    found = made.views.get(key)
    if found is None:
        if len(made.views) >= _PLACES:
            made.views.clear()
        found = made.views[key] = _view(made, photo, at)
    return found


def _view(made: Content, photo: photos.Photo, at: Position) -> StoryView:
    links, text = _references(made, at)
    return StoryView(
        id=made.story.id,
        number=at.number,
        title=made.title,
        kicker=made.kicker,
        credit=made.credit,
        date=made.date,
        link=made.link,
        heading=f"{made.title}\u00a0[{at.reference}]" if made.link else made.title,
        byline=" · ".join(filter(None, (made.date, made.photo_credit if photo.src else made.credit))),
        html=made.html,
        text=text,
        links=links,
        image=photo.src,
        image_alt=made.image_alt,
        image_width=photo.width,
        image_height=photo.height,
        lang=made.lang,
        dir=made.dir,
        lead=at.lead,
        first=at.first,
        last=at.last,
        level=at.level,
        brief=at.brief,
    )


def _references(made: Content, at: Position) -> tuple[tuple[LinkView, ...], str]:
    """The numbered links of a story, its own first, and its summary as text with these numbers in it."""
    numbers: dict[str, int] = {}

    def number(url: str) -> int:
        return numbers.setdefault(url, at.reference + len(numbers))

    if made.link:
        number(made.link)
    text = "" if at.brief else made.summary.text(number)
    return tuple(LinkView(number=count, url=url) for url, count in numbers.items()), text


def _same_language(one: str, other: str) -> bool:
    return one.replace("_", "-").split("-")[0].lower() == other.replace("_", "-").split("-")[0].lower()
