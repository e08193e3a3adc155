"""Style sheets as mails have them: rules with their selectors, declarations and media, read by tinycss2.

    <style> blocks ─parse─▶ Stylesheet(rules, at_rules)        style="…" ─declarations─▶ Declarations

It keeps what browsers keep and skips what they skip; it never raises, never follows an @import and never fetches.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from digest.checks.document import Node, Place

MAX_DEPTH = 10  # of at-rules in one another
_ENDLESS = re.compile(r"(?<![0-9])[0-9]{1000,}")


class Declaration(NamedTuple):
    """`property: value`, the property in lower case."""

    property: str
    value: str
    important: bool


class StyleRule(Struct, frozen=True, kw_only=True, dict=True):  # a dict: its selectors are worked out once
    """One rule of a style sheet. `media` holds the conditions around it, outermost first; `line` is the HTML's."""

    prelude: str
    declarations: tuple[Declaration, ...]
    media: tuple[str, ...] = ()
    line: int = 0

    @cached_property
    def selectors(self) -> tuple[Any, ...]:
        """Compiled by cssselect2: none when one of them cannot be read, as in a browser; `::before` picks nothing."""
        import cssselect2

        try:
            compiled = cssselect2.compile_selector_list(self.prelude)
        except cssselect2.SelectorError:
            return ()
        return tuple(selector for selector in compiled if selector.pseudo_element is None)


class AtRule(Struct, frozen=True, kw_only=True):
    """An at-rule by name (`media`, `import`) with what follows the name, up to its block or semicolon.

    `within` is what follows the name of the at-rule around it.
    """

    name: str
    prelude: str
    line: int = 0
    within: str = ""


class Stylesheet(Struct, kw_only=True, eq=False):
    """All style blocks of a document, as one sheet in order."""

    rules: list[StyleRule] = field(default_factory=list)
    at_rules: list[AtRule] = field(default_factory=list)


def parse(blocks: Iterable[tuple[str, int]]) -> Stylesheet:
    """Parse style blocks, each with the line on which it begins."""
    import tinycss2

    sheet = Stylesheet()
    for text, line in blocks:
        nodes = tinycss2.parse_stylesheet(_countable(text), skip_comments=True, skip_whitespace=True)
        _collect(sheet, nodes, line - 1, ())
    return sheet


@lru_cache(maxsize=4096)  # a mail repeats a few dozen style attributes hundreds of times
def declarations(text: str) -> tuple[Declaration, ...]:
    """The declarations of a `style` attribute; what is none is left out."""
    return _declarations(_countable(text))


def all_declarations(sheet: Stylesheet, elements: Iterable[Node]) -> Iterator[tuple[Declaration, Place]]:
    """Every declaration of the sheet and of the elements' `style` attributes, with its place."""
    for rule in sheet.rules:
        for declaration in rule.declarations:
            yield declaration, (rule.line, 0)
    for element in elements:
        for declaration in declarations(element.attributes.get("style", "")):
            yield declaration, (element.line, element.column)


def _collect(sheet: Stylesheet, nodes: Iterable[Any], above: int, media: tuple[str, ...]) -> None:
    import tinycss2

    for node in nodes:
        line = above + node.source_line
        if node.type == "qualified-rule":
            body = _declarations(node.content)
            sheet.rules.append(StyleRule(prelude=_text(node.prelude), declarations=body, media=media, line=line))
        elif node.type == "at-rule":
            prelude = _text(node.prelude)
            sheet.at_rules.append(
                AtRule(name=node.lower_at_keyword, prelude=prelude, line=line, within=media[-1] if media else "")
            )
            if node.content and node.lower_at_keyword in ("media", "supports", "layer") and len(media) < MAX_DEPTH:
                inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
                _collect(sheet, inner, above, (*media, prelude.lower()))


def _declarations(source: str | Sequence[Any]) -> tuple[Declaration, ...]:
    import tinycss2

    nodes = tinycss2.parse_blocks_contents(source, skip_comments=True, skip_whitespace=True)
    read = ((node, _text(node.value)) for node in nodes if node.type == "declaration")
    return tuple(Declaration(node.lower_name, value, node.important) for node, value in read if value)


def _countable(text: str) -> str:
    """The text without numbers that Python refuses to read, of which tinycss2 would die."""
    return _ENDLESS.sub("0", text)


def _text(nodes: Sequence[Any]) -> str:
    import tinycss2

    try:
        return str(tinycss2.serialize([node for node in nodes if node.type != "comment"])).strip()
    except RecursionError:  # tinycss2 writes brackets within brackets by recursion; nobody means a thousand of them
        return ""
