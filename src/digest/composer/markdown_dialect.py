"""The Markdown that editors write: CommonMark with tables, footnotes and ~~what is gone~~, and what they expect of it.

An address that stands in the words by itself is a link, and one may have blanks in it. What is emphasised may touch
Chinese, Japanese and Korean words, which CommonMark forbids where a bracket or a full stop is between, and a line of
Chinese goes on in the next without a blank. A heading is a line in bold: a mail's outline is its theme's.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from digest.text.urls import UNENDED, bare_addresses
from digest.text.wrapping import unspaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.rules_core import StateCore


# An address with blanks in it, as people write telephone numbers, subjects and names of files.
_SPACED = re.compile(r"(?:tel:|mailto:|https?://|[^\s()<>\"']*[/.])[^()<>\"'\n]*(?=\))", re.IGNORECASE)
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003fffd]"
)


@cache
def parser() -> MarkdownIt:
    """The one parser, which threads share."""
    made: Any = MarkdownIt("commonmark")
    made.inline = _Inline()
    made.configure("commonmark", {"html": False}).enable(["table", "strikethrough"])
    made.use(footnote_plugin)
    made.core.ruler.push("as_meant", _read_as_meant)
    made.helpers = _Helpers(made.helpers)
    made.validateLink = lambda _: True  # links.resolve() decides, and says so
    made.normalizeLink = lambda url: url
    made.parse("a")  # its rules are put together with the first text: another thread's would be read by half of them
    return cast("MarkdownIt", made)


class _InlineState(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803 - the parser's own names
        """What a run of `*` or `~` may do: beside a CJK character, without a blank, both begin and end something."""
        found = super().scanDelims(start, canSplitWord)
        end = start + found.length
        sides = (self.src[start - 1 : start] or " ", self.src[end : min(end + 1, self.posMax)] or " ")
        if canSplitWord and any(map(_CJK.match, sides)) and not any(map(str.isspace, sides)):
            return Scanned(can_open=True, can_close=True, length=found.length)
        return found


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        """As the parser's own, with our state."""
        state = _InlineState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _Helpers:
    """Markdown's readers of links, which also take an address with blanks in it: `[us](tel:+41 22 799 61 11)`."""

    def __init__(self, helpers: Any) -> None:
        self.parseLinkLabel, self.parseLinkTitle = helpers.parseLinkLabel, helpers.parseLinkTitle
        self._parse = helpers.parseLinkDestination

    def parseLinkDestination(self, source: str, start: int, end: int) -> Any:  # noqa: N802 - the parser's own name
        """Where an address ends, and what it is."""
        found = self._parse(source, start, end)
        whole = _SPACED.match(source, start, end)
        if found.ok and whole and whole.end() > found.pos:
            found.pos, found.str = whole.end(), whole[0].strip()
        return found


def _read_as_meant(state: StateCore) -> None:
    for at, block in enumerate(state.tokens):
        if block.type in ("heading_open", "heading_close"):
            block.tag = "p"
        if not block.children:
            continue
        if "://" in block.content:
            block.children = list(_linked(block.children))
        if unspaced(block.content) != block.content:
            block.children = list(_joined(block.children))
        if state.tokens[at - 1].type == "heading_open":
            begin, end = Token("strong_open", "strong", 1), Token("strong_close", "strong", -1)
            block.children = [begin, *block.children, end]


def _linked(children: list[Token]) -> Iterator[Token]:
    """The tokens of a line, with a link around each address in its words that is not within one."""
    depth = 0
    for token, after in zip(children, [*children[1:], None], strict=True):
        depth += token.nesting if token.tag == "a" else 0
        at = 0
        for start, end in bare_addresses(token.content) if token.type == "text" and not depth else ():
            address = token.content[start:end]
            if end == len(token.content) and address.endswith(UNENDED) and after and after.nesting == 1:
                continue  # https://a.org/*x*
            yield _text(token.content[at:start], token)
            yield Token("link_open", "a", 1, {"href": address}, level=token.level, markup="linkify")
            yield _text(address, token)
            yield Token("link_close", "a", -1, level=token.level, markup="linkify")
            at = end
        if at:
            token.content = token.content[at:]
        yield token


def _joined(children: list[Token]) -> Iterator[Token]:
    """The tokens of a line, without the ends of lines that would be a blank in the midst of Chinese."""
    before = ""
    for at, token in enumerate(children):
        after = next((later.content for later in children[at + 1 : at + 4] if later.content), "")
        if token.type != "softbreak" or "\n" in unspaced(f"{before[-1:]}\n{after[:1]}"):
            yield token
        before = token.content or before


def _text(content: str, like: Token) -> Token:
    return Token("text", "", 0, content=content, level=like.level)
