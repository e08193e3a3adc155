"""Swap Jinja tags for opaque words that MJML and premailer pass through, and put the tags back afterwards.

    MJML with Jinja ─swap()─▶ MJML with tokens ─MJML, premailer─▶ HTML with tokens ─restore()─▶ HTML with Jinja

What reads only `theme` is known when the theme is compiled, and is written out at once. restore() puts every tag on a
line of its own (inside the tag, where Jinja ignores it), so that an error at run time is traced back to its file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError, meta
from msgspec import Struct, field

from digest.composer.files import SourceMap, whole
from digest.composer.sandbox import run
from digest.errors import Fault, ThemeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from digest.composer.sandbox import ThemeEnvironment

TOKEN = re.compile(r"jx(\d+)xj")
_OPENING = re.compile(r"\{[{%][-+]?")
_NAME = re.compile(r"\{%[-+]?\s*(\w+)")
_BLOCKS = frozenset(("autoescape", "call", "filter", "for", "if", "macro", "with"))
_BINDS = re.compile(r"\{%[-+]?\s*(?:for\s+(.+?)\s+in\b|macro\s+\w+\s*\(([^)]*)\))", re.DOTALL)
_UNBINDS = re.compile(r"\{%[-+]?\s*end(?:for|macro)\b")
_OFFSET = re.compile(r" at \d+$")
_ENDS = {"variable_begin": "variable_end", "block_begin": "block_end"}


class TemplateTag(Struct, frozen=True, kw_only=True):
    """One Jinja tag as it was written, with the file and line it begins on."""

    text: str
    file: str
    line: int

    @property
    def is_block(self) -> bool:
        """Whether it is `{% … %}`: it must come through exactly once, or the template falls apart."""
        return self.text.startswith("{%")


class Swapped(Struct):
    """A text whose Jinja tags are tokens. `spots` are (offset in the text, line of the source) to count lines from."""

    text: str = ""
    tags: list[TemplateTag] = field(default_factory=list)
    spots: list[tuple[int, int]] = field(default_factory=list)
    places: SourceMap = field(default_factory=lambda: SourceMap(starts=(), files=(), lines=()))

    def place(self, offset: int) -> tuple[str, int]:
        """The file and line that stand at `offset` of the text."""
        index = max(bisect_right(self.spots, (offset, 1 << 62)) - 1, 0)
        start, line = self.spots[index] if self.spots else (0, 1)
        return self.places.find(line + self.text.count("\n", start, offset))


def swap(source: str, places: SourceMap, environment: ThemeEnvironment, constants: Mapping[str, Any]) -> Swapped:
    """Swap the Jinja tags of `source`. Raises ThemeError for Jinja that cannot be read."""
    if found := TOKEN.search(source):
        file, line = places.find(source.count("\n", 0, found.start()) + 1)
        raise ThemeError([Fault(file=file, line=line, message=f"{found[0]!r} is a word kept for digest, use another")])
    swapped = Swapped(places=places)
    parts: list[str] = []
    size = 0
    known: dict[str, str | None] = {}
    pieces: list[tuple[int, str, str]] = []
    try:
        pieces.extend(environment.lex(source))  # as far as it can be read
    except TemplateSyntaxError as error:
        file, line = places.find(_begun(pieces) or error.lineno)
        message = _OFFSET.sub("", error.message or "this is not Jinja")
        if _begun(pieces):
            message = f"the tag that begins here is not closed, or cannot be read: {message}"
        raise ThemeError([Fault(file=file, line=line, message=message)]) from None
    for line, text, is_tag in _joined(pieces):
        written = text
        if is_tag:
            tag, place = text.rstrip(), places.find(line)
            if tag not in known:  # a theme writes its few colours and fonts hundreds of times
                known[tag] = _constant(tag, place, environment, constants)
            constant = known[tag]
            written = _token(tag, place, swapped) if constant is None else constant
        swapped.spots.append((size, line))
        parts.append(written)
        size += len(written)
    swapped.text = "".join(parts)
    return swapped


def _begun(pieces: Sequence[tuple[int, str, str]]) -> int:
    """The line of the last tag's first word, where it has no end; else 0. What Jinja trips on may be far below."""
    begun = 0
    for line, kind, _ in reversed(pieces):
        if kind in _ENDS.values():
            return 0
        if kind in _ENDS:
            return begun or line
        begun = line if kind != "whitespace" else begun
    return 0


def _joined(pieces: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, str, bool]]:
    """Jinja's tokens as the texts between tags and whole tags: the line, what stands there, whether it is a tag.

    A tag's line is where its words begin: blanks before them may have been taken in from the file that includes it.
    """
    tag, begun, ends, comment = "", 0, "", False
    for line, kind, value in pieces:
        if kind in ("comment_begin", "comment_end"):
            comment = kind == "comment_begin"
        elif comment or kind in ("raw_begin", "raw_end"):
            continue
        elif kind in _ENDS:
            tag, begun, ends = value, 0, _ENDS[kind]
        elif not ends:
            yield line, value, False
        else:
            tag += value
            begun = begun or (line if kind != "whitespace" else 0)
            if kind == ends:
                yield begun, tag, True
                ends = ""


def _constant(
    tag: str, place: tuple[str, int], environment: ThemeEnvironment, constants: Mapping[str, Any]
) -> str | None:
    """What a tag writes that names nothing but `constants`; None for every other."""
    if not tag.startswith("{{"):
        return None
    try:
        names = meta.find_undeclared_variables(environment.parse(tag))
    except TemplateSyntaxError as error:
        raise ThemeError([Fault(file=place[0], line=place[1], message=error.message or "not Jinja")]) from None
    if not names or not names <= set(constants):
        return None
    template = environment.template(environment.guarded(tag, place[0]))
    return run(template, constants, whole(*place), [])


def _token(tag: str, place: tuple[str, int], swapped: Swapped) -> str:
    swapped.tags.append(TemplateTag(text=tag, file=place[0], line=place[1]))
    return f"jx{len(swapped.tags) - 1}xj"


def unclosed(tags: list[TemplateTag]) -> Fault | None:
    """The first block that is not closed before its surroundings are; Jinja would name the end of the file.

    A block of one file may be closed in another. But where the whole does not come out even, and one file by itself
    does not either, the fault is in that one: an include first, before the file that includes it.
    """
    fault = _uneven(tags)
    if fault is None:
        return None
    files = list(dict.fromkeys(tag.file for tag in tags))
    each = (_uneven([tag for tag in tags if tag.file == file]) for file in (*files[1:], files[0]))
    return next(filter(None, each), fault)


def _uneven(tags: list[TemplateTag]) -> Fault | None:
    waiting: list[tuple[str, TemplateTag]] = []
    for tag in tags:
        if not tag.is_block:
            continue
        found = _NAME.match(tag.text)
        name = found[1] if found else ""
        if name in _BLOCKS or (name == "set" and "=" not in tag.text):
            waiting.append((name, tag))
        elif name.startswith("end") and waiting:
            above, opening = waiting.pop()
            if name != f"end{above}":
                return _not_closed(above, opening)
        elif name.startswith("end"):
            return Fault(file=tag.file, line=tag.line, message=f"{tag.text} closes nothing; remove it")
    return _not_closed(*waiting[-1]) if waiting else None


def marked(text: str, tags: list[TemplateTag], call: str) -> str:
    """Put the tags back with `{{ call(number) }}` behind each block tag, and before and behind each value.

    `call` gets the tag's number, and what the loops and macros around it bind, the innermost first; behind a value its
    number is negative, counted from -1.
    """
    bound: list[tuple[str, ...]] = []

    def written(found: re.Match[str]) -> str:
        number, tag = int(found[1]), tags[int(found[1])]
        if binding := _BINDS.match(tag.text):
            bound.append(tuple(re.findall(r"\w+", re.sub(r"=[^,]*", "", binding[1] or binding[2] or ""))))
        elif _UNBINDS.match(tag.text):
            bound.pop()
        names = ", ".join(dict.fromkeys(name for each in reversed(bound) for name in each))
        before, after = ("-" if tag.text[2] == "-" else ""), ("-" if tag.text[-3] == "-" else "")
        behind = f"{{{{ {call}({number if tag.is_block else -1 - number}, {names}) {after}}}}}"
        return tag.text + behind if tag.is_block else f"{{{{{before} {call}({number}, {names}) }}}}{tag.text}{behind}"

    return TOKEN.sub(written, text)


def _not_closed(name: str, tag: TemplateTag) -> Fault:
    return Fault(file=tag.file, line=tag.line, message=f"{tag.text} is not closed; {{% end{name} %}} is missing")


def restore(text: str, tags: list[TemplateTag]) -> tuple[str, SourceMap]:
    """Put the tags back. Raises ThemeError for a block tag that was lost or doubled on the way."""
    counts = [0] * len(tags)
    for found in TOKEN.finditer(text):
        counts[int(found[1])] += 1
    faults = [
        Fault(
            file=tag.file,
            line=tag.line,
            message=f"{tag.text} {'is lost' if not count else 'is doubled'} in MJML; "
            "put it into <mj-raw>, or into the text of <mj-text>",
        )
        for tag, count in zip(tags, counts, strict=True)
        if tag.is_block and count != 1
    ]
    if faults:
        raise ThemeError(faults)
    starts: list[int] = []
    files: list[str] = []
    lines: list[int] = []
    parts: list[str] = []
    at, line = 0, 1
    for found in TOKEN.finditer(text):
        before = text[at : found.start()]
        tag = tags[int(found[1])]
        opening = _OPENING.match(tag.text)
        assert opening is not None
        written = f"{opening[0]}\n{tag.text[opening.end() :].replace(chr(10), ' ')}"
        parts += (before, written)
        line += before.count("\n") + 1
        starts.append(line)
        files.append(tag.file)
        lines.append(tag.line)
        at = found.end()
    parts.append(text[at:])
    return "".join(parts), SourceMap(starts=tuple(starts), files=tuple(files), lines=tuple(lines), fixed=True)
