"""Where each place of a composed HTML part comes from: which line of the theme, and whose words.

    theme ─marked_theme─▶ the same theme, which marks what each of its tags wrote ─compose─▶ marked HTML ─Trace─▶ Origin

Made only when there is a finding to explain: the edition is composed a second time, with marks. The marks taken out
again must leave the very HTML that readers get; where they do not (a theme that counts letters, say), nothing is said
to come from anywhere. What readers get is never touched.
"""

from __future__ import annotations

import re
import secrets
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import asdict, replace

from digest.composer import cache as stored
from digest.composer.block_view import BlockView
from digest.composer.edition_view import PlaceView
from digest.composer.placeholders import TOKEN, TemplateTag, marked
from digest.composer.sandbox import ThemeEnvironment
from digest.composer.story_view import StoryView
from digest.composer.theme import packed_code, unpacked_code
from digest.model import Origin
from digest.text.likeness import likeness

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from jinja2 import Template

    from digest.composer.files import ThemeFiles
    from digest.composer.options import ThemeOptions
    from digest.composer.theme import Theme

_CALL = "jx_mark"
_KEPT = 4  # marked themes on disk


class MarkedTheme(Struct, frozen=True, kw_only=True):
    """A theme that marks what its tags write: `key` is in each mark, so that no content can hold one."""

    theme: Theme
    sources: ThemeSources
    key: str

    def trace(self, html: str, plain: str) -> Trace | None:
        """How `html`, composed with this theme, came about; None unless it is `plain` but for its marks."""
        marks: list[_Mark] = []
        parts: list[str] = []
        at = size = 0
        for found in re.finditer(rf"\ue000{self.key} (-?\d+) ([^\ue000\ue001]*)\ue001", html):
            parts.append(html[at : found.start()])
            size += len(parts[-1])
            at = found.end()
            marks.append(_Mark(offset=size, number=int(found[1]), subject=found[2]))
        parts.append(html[at:])
        return Trace(marks=marks, sources=self.sources) if "".join(parts) == plain else None


class _Mark(Struct, frozen=True, kw_only=True):
    offset: int
    number: int  # of the tag; behind a value from -1 downwards
    subject: str

    @property
    def tag(self) -> int:
        return self.number if self.number >= 0 else -1 - self.number


class ThemeSources(Struct, frozen=True, kw_only=True):
    """The theme's tags, which follows which, and its text as it was put together, with the place of each line."""

    tags: Sequence[TemplateTag]
    following: Mapping[int, int]
    lines: Sequence[str]
    places: Sequence[tuple[str, int]]

    def after(self, number: int, words: str) -> tuple[str, int]:
        """The line between this tag and the next that says most of these words; the tag's own where none says any.

        What MJML has moved (the head's styles) is looked for in all of the theme.
        """
        tag, next_tag = self.tags[number], self.tags[self.following.get(number, number)]
        here, there = (
            [at for at, place in enumerate(self.places) if place == (named.file, named.line)]
            for named in (tag, next_tag)
        )
        spans = [(end - start, start) for start in here for end in there if end >= start]
        length, start = min(spans, default=(0, here[0]))
        for lines in (range(start, start + length + 1), range(len(self.lines))):
            best = max(lines, key=lambda at: likeness(self.lines[at], words))
            if likeness(self.lines[best], words):
                return self.places[best]
        return tag.file, tag.line


class Trace:
    """How an HTML part came about, place by place; places are offsets into it."""

    def __init__(self, *, marks: Sequence[_Mark], sources: ThemeSources) -> None:
        self._marks = marks
        self._offsets = [mark.offset for mark in marks]
        self._sources = sources

    def value(self, start: int, end: int) -> Origin | None:
        """The first value that was written between two places; None where there is none."""
        for mark in self._marks[bisect_left(self._offsets, start) :]:
            if mark.offset >= end:
                return None
            if self._is_value(mark):
                return self._written(mark)
        return None

    def at(self, place: int, words: str) -> Origin | None:
        """What wrote the character at a place: the value that it is part of, or a line of the theme.

        Of the lines between the tags around it, it is the one that has most of `words`.
        """
        index = bisect_right(self._offsets, place) - 1
        if index < 0:
            return None
        mark = self._marks[index]
        if self._is_value(mark):
            return self._written(mark)
        file, line = self._sources.after(mark.tag, words)
        return replace(_of_subject(mark.subject), file=file, line=line)

    def _is_value(self, mark: _Mark) -> bool:
        return mark.number >= 0 and not self._sources.tags[mark.number].is_block

    def _written(self, mark: _Mark) -> Origin:
        tag = self._sources.tags[mark.tag]
        name = re.search(r"[A-Za-z]\w*(?:\.\w+)?", tag.text)
        return replace(_of_subject(mark.subject), file=tag.file, line=tag.line, name=name[0] if name else "")


def marked_theme(options: ThemeOptions, theme: Theme) -> MarkedTheme:
    """`theme`, which was loaded with these options, compiled anew with marks."""
    template, sources, key = _compiled(theme.files, options, theme.key, theme.cache)
    return MarkedTheme(theme=replace(theme, html=template), sources=sources, key=key)


@lru_cache(maxsize=4)  # a newsroom is opened anew each time that a story is saved
def _compiled(
    files: ThemeFiles, options: ThemeOptions, theme_key: str, cache: Path | None
) -> tuple[Template, ThemeSources, str]:
    """The marked template, what it was made of, and the key of its marks; kept beside the theme, as it takes a second.

    `theme_key` is another when any file of the theme is.
    """
    path = cache / f"marks-{options.name}-{theme_key[:32]}.json" if cache else None
    kept = stored.use(path) if path else None
    if kept is None:
        kept = _packed(files, options)
        if path:
            stored.store(path, kept, family="marks-*.json", most=_KEPT)
    sources = ThemeSources(
        tags=[TemplateTag(**tag) for tag in kept["tags"]],
        following=dict(pairwise(kept["order"])),
        lines=kept["lines"],
        places=tuple((file, line) for file, line in kept["places"]),
    )
    environment, key = ThemeEnvironment(escape=True), secrets.token_hex(8)

    def mark(number: int, *around: Any) -> Markup:
        return Markup(f"\ue000{key} {number} {_subject(around)}\ue001")  # noqa: S704 - ours, and taken out again

    environment.globals[_CALL] = mark
    return environment.template(unpacked_code(kept["code"])), sources, key


def _packed(files: ThemeFiles, options: ThemeOptions) -> dict[str, Any]:
    """All of it but for the key, as it is kept."""
    from digest.composer.compile import assemble, constant_values, woven
    from digest.composer.settings import colours

    source, places = assemble(files)
    environment = ThemeEnvironment(escape=True)
    markup, tags, _ = woven(files, constant_values(options, colours(files, options)[0]), environment)
    return {
        "code": packed_code(environment.guarded(marked(markup, tags, _CALL), options.name)),
        "tags": [asdict(tag) for tag in tags],
        "order": [int(found[1]) for found in TOKEN.finditer(markup)],
        "lines": source.split("\n"),
        "places": list(zip(places.files, places.lines, strict=True)),
    }


def _subject(around: Iterable[Any]) -> str:
    """What of the values that a template has bound around a place is shown there."""
    for value in around:
        match value:
            case StoryView():
                return f"story {value.id}"
            case BlockView():
                return f"block {value.where}"
            case PlaceView():
                return "place"
    return ""


def _of_subject(subject: str) -> Origin:
    kind, _, name = subject.partition(" ")
    return Origin(
        file="",
        line=0,
        story=name if kind == "story" else "",
        block=name if kind == "block" else "",
        place=kind == "place",
    )
