"""Style sheets as mails have them: rules with their selectors, declarations and media.

    <style> blocks ─parse─▶ Stylesheet(rules, at_rules)        style="…" ─declarations─▶ Declarations

It keeps what browsers keep and skips what they skip; it never raises, never follows an @import and never fetches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from digest.checks.selectors import Selector, selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_DEPTH = 10  # of at-rules in one another
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
_STRING_OR = re.compile(
    r"\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?|\((?:[^()\"']|\"[^\"]*\"|'[^']*')*\)|[{};]", re.DOTALL
)
_DECLARATION = re.compile(r"\s*([a-zA-Z-][\w-]*)\s*:\s*(.*?)\s*(!\s*important)?\s*", re.DOTALL | re.IGNORECASE)


class Declaration(NamedTuple):
    """`property: value`, the property in lower case."""

    property: str
    value: str
    important: bool


@dataclass(frozen=True, kw_only=True)  # no slots: its selectors are worked out once
class StyleRule:
    """One rule of a style sheet. `media` holds the conditions around it, outermost first; `line` is the HTML's."""

    prelude: str
    declarations: tuple[Declaration, ...]
    media: tuple[str, ...] = ()
    line: int = 0

    @cached_property
    def selectors(self) -> tuple[Selector, ...]:
        """Those of the rule's selectors that can be matched."""
        return tuple(one for text in split(self.prelude, ",") if (one := selector(text.strip())))


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRule:
    """An at-rule by name (`media`, `import`) with what follows the name, up to its block or semicolon."""

    name: str
    prelude: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stylesheet:
    """All style blocks of a document, as one sheet in order."""

    rules: tuple[StyleRule, ...] = ()
    at_rules: tuple[AtRule, ...] = ()


@dataclass(slots=True)
class _Reading:
    rules: list[StyleRule] = field(default_factory=list)
    at_rules: list[AtRule] = field(default_factory=list)


def parse(blocks: Iterable[tuple[str, int]]) -> Stylesheet:
    """Parse style blocks, each with the line on which it begins."""
    reading = _Reading()
    for text, line in blocks:
        plain = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
        _block(plain, 0, line, (), reading, 0)
    return Stylesheet(rules=tuple(reading.rules), at_rules=tuple(reading.at_rules))


@lru_cache(maxsize=4096)  # a mail repeats a few dozen style attributes hundreds of times
def declarations(text: str) -> tuple[Declaration, ...]:
    """The declarations of a `style` attribute or a rule's block; what is none is left out."""
    found = (_DECLARATION.fullmatch(part) for part in split(text, ";"))
    return tuple(Declaration(one[1].lower(), one[2], bool(one[3])) for one in found if one and one[2])


def split(text: str, separator: str) -> list[str]:
    """Split at separators that are not inside brackets or quotes (`url(data:a;b)`, `:not(a, b)`)."""
    if "(" not in text and '"' not in text and "'" not in text and "[" not in text:
        return text.split(separator)
    parts, depth, quote, start = [], 0, "", 0
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth = max(0, depth - 1)
        elif letter == separator and not depth:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _block(text: str, at: int, line: int, media: tuple[str, ...], reading: _Reading, depth: int) -> int:
    """Read rules from `at` to the closing brace or the end; returns the place after it."""
    start = at
    while found := _STRING_OR.search(text, at):
        at = found.end()
        mark = found[0]
        if mark == "}" and depth:
            return at
        prelude = text[start : found.start()].strip()
        # A stray brace or semicolon spoils the rule after it, as in browsers; only an at-rule ends at a semicolon.
        if mark != "{" and not (mark == ";" and prelude.startswith("@")):
            continue
        here = line + text.count("\n", 0, found.start() - len(text[start : found.start()].lstrip()))
        name = re.match(r"@([\w-]+)\s*", prelude)
        if name:
            reading.at_rules.append(AtRule(name=name[1].lower(), prelude=prelude[name.end() :], line=here))
        if mark == "{" and name and name[1].lower() in ("media", "supports", "layer") and depth < MAX_DEPTH:
            at = _block(text, at, line, (*media, prelude[name.end() :].strip().lower()), reading, depth + 1)
        elif mark == "{":
            end = _end(text, at)
            if not name:
                body = declarations(text[at:end])
                reading.rules.append(StyleRule(prelude=prelude, declarations=body, media=media, line=here))
            at = end + 1
        start = at
    return len(text)


def _end(text: str, at: int) -> int:
    """The place of the brace that closes the block which begins at `at`, or the end of the text."""
    depth = 1
    while found := _STRING_OR.search(text, at):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return found.start()
        at = found.end()
    return len(text)


def all_declarations(sheet: Stylesheet, inline: Iterable[tuple[str, int]]) -> Iterator[tuple[Declaration, int]]:
    """Every declaration of the sheet and of `style` attributes, with its line."""
    for rule in sheet.rules:
        for one in rule.declarations:
            yield one, rule.line
    for text, line in inline:
        for one in declarations(text):
            yield one, line
