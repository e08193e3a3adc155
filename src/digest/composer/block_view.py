"""Blocks as templates see them: clean words, links a mail may carry, Markdown as HTML and as text, days in words.

    Issue ─BlockMaker─▶ PreparedBlock ─placed(number of its first link)─▶ BlockView

Where each stands is decided here too. Everything that had to be dropped is said in a finding that names file and line.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from digest.composer.i18n import direction
from digest.composer.photos import WORDS, Photo
from digest.composer.recompress import Box
from digest.composer.sandbox import template_value
from digest.composer.story_view import SEVERITIES, LinkView
from digest.composer.summary import Summary
from digest.model import Finding, Severity, content_hash
from digest.text.cleaning import one_line
from digest.text.urls import resolve, untracked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from digest.blocks.kinds import Block, EventRow, LinkRow
    from digest.composer.i18n import Wording
    from digest.composer.photos import ImageRoute
    from digest.composer.summary import Markdown
    from digest.model import Issue, NewsroomProfile, Story
    from digest.text.urls import SafeLink

# Within what a picture of a block is shown: a portrait cropped, all others as they are.
_PORTRAIT = Box(width=48, height=48, square=True)
_BOXES = {
    "letter": _PORTRAIT,
    "quote": _PORTRAIT,
    "image": Box(width=640, height=1280, on_sheet=True),
    "sponsor": Box(width=550, height=1100, on_sheet=True),
}
_WORDS = {"sponsor": _BOXES["sponsor"]}  # of pictures in a block's Markdown, where it is narrower than the others'


@template_value
class BlockPicture(Struct, kw_only=True, eq=False):
    """A picture of a block; `width` and `height` are its own, 0 when they are not known."""

    src: str
    width: int
    height: int

    def height_at(self, width: int) -> int:
        """Its height when it is `width` pixels wide; 0 when its size is not known."""
        return round(self.height * width / self.width) if self.width else 0


@template_value
class RowView(Struct, kw_only=True, eq=False):
    """An item of a list: a link with its source, or an event with its day in words and the line about it."""

    title: str
    link: str
    source: str = ""
    day: str = ""  # 8
    month: str = ""  # March
    date: str = ""  # 8 March
    line: str = ""  # Tuesday · 14:00 Geneva time · online


@template_value
class BlockView(Struct, kw_only=True, eq=False):
    """A block as it stands in this edition. What its kind does not have, or it does not say, is empty.

    `html` is its Markdown, and `text` its line of plain words; `words` is either for the text part, wrapped, with `[n]`
    after what is linked in it, and `links` are these. `link` is its own, with `link_text`. `lang` is set when it is
    not the edition's language; `dir`, the side `start` where its lines begin, and `catalogue`, the theme's words in it,
    always are. `where` is the file and line at which it is written.
    """

    kind: str
    where: str = ""
    lang: str = ""
    dir: str = "ltr"
    start: str = "left"
    catalogue: Any = None
    title: str = ""
    html: Markup | Literal[""] = ""
    text: str = ""
    words: str = ""
    links: tuple[LinkView, ...] = ()
    label: str = ""
    link: str = ""
    link_text: str = ""
    figure: str = ""
    source: str = ""
    name: str = ""
    role: str = ""
    portrait: BlockPicture | None = None
    image: BlockPicture | None = None
    alt: str = ""
    credit: str = ""
    rows: tuple[RowView, ...] = ()


@template_value
class IssueView(Struct, kw_only=True, eq=False):
    """What stands beside the stories of groups: at the top, and at the end. `blocks` says whether there are any."""

    top: tuple[BlockView, ...]
    end: tuple[BlockView, ...]
    blocks: bool


class PreparedBlock(Struct, frozen=True, kw_only=True, eq=False):
    """A block ready to be set anywhere: what templates see but for the numbers of its links, and what else it gave."""

    view: BlockView
    markdown: Summary
    photos: tuple[Photo, ...]
    findings: tuple[Finding, ...]

    def placed(self, reference: int) -> BlockView:
        """The block where `reference` is the number of its first link in the text part."""
        if not self.markdown.blocks:
            return self.view
        numbers: dict[str, int] = {}
        words = self.markdown.text(lambda url: numbers.setdefault(url, reference + len(numbers)))
        links = tuple(LinkView(number=count, url=url) for url, count in numbers.items())
        return replace(self.view, words=words, links=links)


class PlacedBlocks(Struct, frozen=True, kw_only=True, eq=False):
    """The blocks of an issue, each where it stands, in order."""

    top: tuple[PreparedBlock, ...] = ()
    after: Mapping[str, tuple[PreparedBlock, ...]]  # by the id of the story that they stand after
    groups: tuple[PreparedBlock, ...] = ()
    end: tuple[PreparedBlock, ...] = ()

    def all(self) -> Iterable[PreparedBlock]:
        """Every one of them."""
        yield from self.top
        for blocks in self.after.values():
            yield from blocks
        yield from self.groups
        yield from self.end


def _letter(issue: Issue) -> Block:
    """The intro as the block that it looks like."""
    from digest.blocks.kinds import LetterBlock

    where = issue.places.get("intro", "")
    return LetterBlock(text=issue.intro, language=issue.intro_language, where=where)


def story_after(block: Block, stories: Iterable[Story]) -> Story | None:
    """The story of the edition that the block is to stand after, or its translation; None when neither is in."""
    same = (story for story in stories if block.after in (story.id, story.translation_of))
    return min(same, key=lambda story: story.id != block.after, default=None)


class BlockMaker(Struct, kw_only=True, eq=False):
    """Makes blocks ready for one edition. `speak` gives the theme's words in a language."""

    markdown: Markdown
    newsroom: NewsroomProfile
    wording: Wording
    route: ImageRoute
    today: date
    speak: Callable[[str], Wording]

    def placed(self, issue: Issue, stories: Sequence[Story]) -> PlacedBlocks:
        """The blocks made ready, each where it stands among `stories`, which are in reading order.

        At the top notices come first, then the intro. What is to stand after a story that is not in stands at the end.
        """
        if not (issue.blocks or issue.intro):
            return PlacedBlocks(after={})
        after, at = (defaultdict[str, list[PreparedBlock]](list) for _ in range(2))
        for block in issue.blocks:
            story = story_after(block, stories) if block.after else stories[0] if block.place == "lead" else None
            place = (
                "end" if block.after else "notice" if (block.place, block.kind) == ("top", "notice") else block.place
            )
            (after[story.id] if story else at[place]).append(self._prepared(block))
        intro = [self._prepared(_letter(issue))] if issue.intro else []
        return PlacedBlocks(
            top=(*at["notice"], *intro, *at["top"]),
            after={story: tuple(made) for story, made in after.items()},
            groups=tuple(at["groups"]),
            end=tuple(at["end"]),
        )

    def _prepared(self, block: Block) -> PreparedBlock:
        """One block, each field as its table says what it holds."""
        values: dict[str, Any] = {}
        wording = self._wording(block)
        way = direction(block.language or wording.language)
        summary, photos, problems = Summary(), list[Photo](), list[tuple[str, str]]()
        for row in block.fields:
            given = getattr(block, row.name)
            match row.holds:
                case "markdown":
                    summary = self.markdown.towards(way).read(
                        given, self._resolved, self.route, _WORDS.get(block.kind, WORDS)
                    )
                    photos += summary.photos
                    problems += [(code, f"{row.name}: {reason}") for code, reason in summary.problems]
                    values["html"] = Markup(summary.html)  # noqa: S704 - nh3 has cleaned it
                case "link":
                    values[row.name] = self._link(given, row.name, problems)
                case "image" if given:
                    photo = self.route.place(given, _BOXES[block.kind])
                    photos.append(photo)
                    if photo.code:
                        problems.append((photo.code, f"{row.name}: {photo.reason}"))
                    else:
                        values[row.name] = BlockPicture(src=photo.src, width=photo.width, height=photo.height)
                case "image":
                    pass
                case "rows":
                    values["rows"] = tuple(self._row(item, problems, wording) for item in _in_order(given))
                case _:
                    values[row.name] = one_line(given)
        if block.kind == "notice":
            values["label"] = wording.say(values["label"] or "announcement")
        findings = tuple(
            Finding(code=code, severity=SEVERITIES.get(code, Severity.WARNING), where=block.where, message=message)
            for code, message in problems
        )
        return PreparedBlock(
            view=BlockView(
                kind=block.kind,
                where=block.where,
                lang=block.language,
                dir=way,
                start="right" if way == "rtl" else "left",
                catalogue=wording.catalogue,
                **values,
            ),
            markdown=summary,
            photos=tuple(photos),
            findings=findings,
        )

    def _wording(self, block: Block) -> Wording:
        """The theme's words in the block's language, or in the edition's where the theme has none."""
        own = self.speak(block.language) if block.language else self.wording
        return self.wording if own.missing else own

    def _resolved(self, address: str) -> SafeLink:
        return resolve(untracked(address), self.newsroom.url)

    def _link(self, address: str, name: str, problems: list[tuple[str, str]]) -> str:
        if not address:
            return ""
        link = self._resolved(address)
        if link.code:
            problems.append((link.code, f"{name}: {link.reason}"))
        return link.url

    def _row(self, item: EventRow | LinkRow, problems: list[tuple[str, str]], wording: Wording) -> RowView:
        link = self._link(item.link, "link", problems)
        day: date | None = getattr(item, "date", None)
        if day is None:
            return RowView(title=one_line(item.title), link=link, source=one_line(getattr(item, "source", "")))
        year = day.year if day.year != self.today.year else None
        about = (wording.weekday(day), *(one_line(getattr(item, name)) for name in ("time", "place")))
        return RowView(
            title=one_line(item.title),
            link=link,
            day=wording.day_of_month(day),
            month=wording.month_with_day(day) + (f" {year}" if year else ""),
            date=wording.day(day) if year else wording.day_and_month(day),
            line=" · ".join(filter(None, about)),
        )


def _in_order(rows: Sequence[Any]) -> Sequence[Any]:
    """Events by their date, and otherwise as they are written."""
    dated = rows and "date" in {each.name for each in fields(rows[0])}
    return sorted(rows, key=lambda row: row.date) if dated else rows


def issue_hash(issue: Issue, blocks: PlacedBlocks) -> str:
    """A hash of all that an issue says beside its stories, with where its pictures are."""
    pictures = [photo.src for made in blocks.all() for photo in made.photos]
    return content_hash((issue, [block.kind for block in issue.blocks], pictures))
