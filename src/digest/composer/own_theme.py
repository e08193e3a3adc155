"""Begin a theme of a newsroom's own, and try one: with everything that an edition can have, in both directions.

    digest theme new NAME ─▶ templates/NAME/theme.mjml.j2, theme.yaml, and what else its like has of its own
    a theme ─compile─▶ faults │ ─compose a made-up edition in each layout─▶ what goes wrong only then

A theme that compiles may still name a value that is not there, in a branch that no story of this month takes.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from digest import files
from digest.composer import files as theme_files
from digest.composer.compile import check_theme
from digest.composer.compose import compose
from digest.composer.theme import load_theme
from digest.errors import RenderError, UsageError
from digest.model import Audience, Edition, Group, Issue, LateGroup, Selection, Story, slot_token
from digest.period import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from digest.blocks.kinds import Block, BlockField
    from digest.composer.options import ThemeOptions
    from digest.model import NewsroomProfile

_BEGUN = (theme_files.MJML, theme_files.SETTINGS)
_MARKDOWN = (
    "A **word** with [a link](https://example.org/a), ~~gone~~ and a note.[^1]\n\n- one\n- [x] two\n\n> said\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n`code`\n\n---\n\n[^1]: The note."
)
_WEB = "https://example.org"
_ROOM = 1_000_000  # bytes for the HTML, and so few that most stories are titles only
_CUT = 20_000


def begin(templates: Path, name: str, like: str) -> tuple[Path, ...]:
    """Write the first files of a theme, as those of `like` are. Raises UsageError for a name that is taken or none."""
    from digest.composer.options import ThemeOptions

    if wrong := [message for key, message in ThemeOptions(name=name).faults() if key == "name"]:
        raise UsageError(wrong[0])
    if name in theme_files.themes([templates]):
        message = f"there is a theme {name} already; to change a file of it, put yours into {templates / name}"
        raise UsageError(message)
    known = theme_files.themes([templates])
    if like not in known:
        message = f"there is no theme {like!r} to begin with; there are {', '.join(known)}"
        raise UsageError(message)
    origin, default = (theme_files.gather([templates], each).files for each in (like, theme_files.FALLBACK))
    own = {
        part for part, file in origin.items() if default.get(part) != file and not part.startswith(theme_files.LOCALE)
    }
    parts = {part: origin[part] for part in sorted(own | {*_BEGUN})}
    with files.writing(templates / name):
        for part, file in parts.items():
            files.write_whole(templates / name / part, file.text.encode())
    return tuple(templates / name / part for part in parts)


def tried(folders: Sequence[Path], options: ThemeOptions, newsroom: NewsroomProfile) -> tuple[list[str], list[str]]:
    """What is wrong with a theme, each with file and line, and what was adjusted so that it can be read."""
    if faults := check_theme(folders, options):
        return [str(fault) for fault in faults], []
    theme = load_theme(folders, options)
    newsroom = replace(newsroom, social=newsroom.social or (("Mastodon", f"{_WEB}/us"),))
    wrong: dict[str, None] = {}
    for selection, layout, room in _editions(newsroom):
        try:
            made = compose(
                selection,
                theme=theme,
                newsroom=newsroom,
                audience=Audience(name="trial", title="A trial"),
                options=replace(options, layout=layout, size_limit=room, forward=True, images="link"),
                now=datetime(2022, 3, 1, tzinfo=newsroom.timezone),
                archive_url=f"{_WEB}/2022-02",
            )
        except RenderError as error:
            wrong[str(error)] = None
            continue
        way_out = slot_token(made.nonce, "unsubscribe_url")
        for part, words in ((theme_files.MJML, made.html), (theme_files.TEXT, made.text)):
            if way_out not in words:
                wrong[
                    f"{options.name}: {part} shows no {{{{ reader.unsubscribe_url }}}}, so that nobody could leave"
                ] = None
    return list(wrong), list(theme.notes)


def _editions(newsroom: NewsroomProfile) -> Iterator[tuple[Selection, Literal["auto", "full", "list"], int]]:
    """Editions of twelve stories and of one: grouped or not, with late ones, in both directions, cut to titles.

    Twelve have every kind of block beside them.
    """
    zone = newsroom.timezone
    period, before = parse("2022-02", zone), parse("2022-01", zone)
    stories = tuple(
        Story(
            id=f"trial-{number}",
            title=f"Story {number}",
            date=datetime(2022, 2, 1 + number, tzinfo=zone),
            kicker="A series" if number % 2 else "",
            credit="© Somebody" if number % 3 else "",
            link=f"{_WEB}/{number}" if number % 4 else "",
            image=f"{_WEB}/{number}.jpg" if number % 3 == 0 else "",
            language="ar" if number == 5 else "",  # noqa: PLR2004 - one of them, in whatever layout
            summary=_MARKDOWN if number % 2 else "",
        )
        for number in range(12)
    )
    for language in ("en", "ar"):
        edition = Edition(period=period, audience="trial", language=language)
        halves = (Group(key="skills", stories=stories[:6]), Group(key="", stories=stories[6:]))
        for groups in ((Group(key="", stories=stories),), halves, (Group(key="", stories=stories[:1]),)):
            late = (LateGroup(period=before, stories=stories[:2]),)
            issue = Issue() if len(groups[0].stories) == 1 else Issue(intro=_MARKDOWN, blocks=tuple(_blocks(stories)))
            selection = Selection(edition=edition, groups=groups, late=late, more=3, issue=issue)
            yield from ((selection, "full", _ROOM), (selection, "auto", _ROOM), (selection, "list", _ROOM))
            yield selection, "full", _CUT


def _blocks(stories: Sequence[Story]) -> Iterator[Block]:
    """One of each kind that says all that it may, and one that says what it must, in another language."""
    from digest.blocks.kinds import KINDS

    for kind in KINDS.values():
        yield kind.type(**_said(kind.fields))
        must = tuple(row for row in kind.fields if row.required)
        yield kind.type(**_said(must), language="ar", after=stories[-1].id)


def _said(rows: Sequence[BlockField]) -> dict[str, Any]:
    words = {"markdown": _MARKDOWN, "link": _WEB, "image": f"{_WEB}/picture.jpg", "day": date(2022, 3, 8)}
    return {
        row.name: (row.item(**_said(row.rows)),) if row.item else (row.choices or (words.get(row.holds, "Words"),))[0]
        for row in rows
    }
