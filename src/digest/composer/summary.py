"""Turn a story's summary (Markdown) into clean HTML with its styles on each element, and into blocks of plain text.

    Markdown ─markdown-it─▶ tokens ─links checked─▶ HTML ─nh3 + styles─▶ Summary.html
                                              └────▶ blocks ─wrap─────▶ Summary.text(first number)

HTML in a summary is shown as it was typed, never obeyed. Images and headings of Markdown become words: a summary has
neither. Plain paragraphs, as most summaries are, take a short cut that gives the same bytes without Markdown's parser.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.text.cleaning import multiline, one_line
from digest.text.wrapping import COLUMNS, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import nh3
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from digest.text.urls import SafeLink

ELEMENTS = ("p", "a", "strong", "em", "ul", "ol", "li", "blockquote", "code", "pre", "hr", "br")
_MARKDOWN = re.compile(
    r"[\\`*_\[\]<>&~\xa0\x00]|^[ \t]|[ \t]$|^#|^[-+=]|^\d{1,9}[.)]", re.MULTILINE
)  # what may mean something to Markdown, or be spelled otherwise by nh3
_PARAGRAPHS = re.compile(r"\n{2,}")
_TYPED_HTML = re.compile(r"</?[a-zA-Z][^>]*>|<!--")
_BETWEEN = re.compile(r"(</(?:p|ul|ol|li|blockquote|pre)>|<(?:ul|ol|li|blockquote|hr)(?: [^>]*)?>)\n")
_REFERENCE = "\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryBlock:
    """A paragraph of plain text, with what begins its first line and the others. `whole` keeps its own line ends."""

    text: str
    first: str = ""
    rest: str = ""
    whole: bool = False
    tight: bool = False  # no blank line before it: the next item of a list


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A summary ready to be set. `links` are its addresses in order; in the blocks, NUL + index + NUL refers to one."""

    html: str = ""
    blocks: tuple[SummaryBlock, ...] = ()
    links: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()  # (finding code, what is wrong)

    def text(self, number: Callable[[str], int]) -> str:
        """The summary in 72 columns; `number(address)` is the number by which the text refers to a link."""

        def refer(found: re.Match[str]) -> str:
            return f"\u00a0[{number(self.links[int(found[1])])}]"

        lines: list[str] = []
        for block in self.blocks:
            text = re.sub(r"\x00(\d+)\x00", refer, block.text) if self.links else block.text
            if lines and not block.tight:
                lines.append("")
            lines.append(_whole(text, block.rest) if block.whole else wrap(text, first=block.first, rest=block.rest))
        return "\n".join(lines)


class Markdown:
    """Reads summaries for one theme: `styles` has the inline style of each Markdown element."""

    def __init__(self, styles: Mapping[str, str]) -> None:
        self.styles = {element: styles.get(element, "") for element in ELEMENTS}
        style = html.escape(self.styles["p"], quote=False).replace('"', "&quot;")  # as nh3 spells attributes
        self._opening = f'<p style="{style}">' if style else "<p>"
        self._parser: MarkdownIt | None = None
        self._cleaner: nh3.Cleaner | None = None

    def read(self, source: str, resolve: Callable[[str], SafeLink]) -> Summary:
        """Read one summary; `resolve` says what becomes of each address in it."""
        source = multiline(source).strip("\n")
        if not source.strip():
            return Summary()
        if not _MARKDOWN.search(source):
            return self.plain(source)
        return self.full(source, resolve)

    def plain(self, source: str) -> Summary:
        """The short cut, for text in which Markdown would find nothing but paragraphs."""
        paragraphs = _PARAGRAPHS.split(source)
        parts = [f"{self._opening}{html.escape(text, quote=False)}</p>" for text in paragraphs]
        return Summary(html="".join(parts), blocks=tuple(SummaryBlock(text=one_line(text)) for text in paragraphs))

    def full(self, source: str, resolve: Callable[[str], SafeLink]) -> Summary:
        """The whole way, for any Markdown."""
        parser, cleaner = self._tools()
        tokens = parser.parse(source)
        reader = _Reader(resolve)
        reader.clean(tokens)
        markup = _BETWEEN.sub(r"\1", cleaner.clean(parser.renderer.render(tokens, parser.options, {})))
        if _TYPED_HTML.search(source):
            reader.problems.append(("summary-html", "HTML in a summary is shown as it is typed; write Markdown"))
        return Summary(
            html=markup, blocks=tuple(_blocks(tokens)), links=tuple(reader.links), problems=tuple(reader.problems)
        )

    def _tools(self) -> tuple[MarkdownIt, nh3.Cleaner]:
        if self._parser is None or self._cleaner is None:
            import nh3
            from markdown_it import MarkdownIt

            parser: Any = MarkdownIt("commonmark", {"html": False})
            parser.validateLink = lambda _: True  # links.resolve() decides, and says so
            parser.normalizeLink = lambda url: url
            self._parser = parser
            self._cleaner = nh3.Cleaner(
                tags=set(ELEMENTS),
                attributes={"a": {"href"}, "ol": {"start"}},
                url_schemes={"http", "https", "mailto", "tel"},
                link_rel=None,
                set_tag_attribute_values={tag: {"style": style} for tag, style in self.styles.items() if style},
            )
        assert self._parser is not None
        assert self._cleaner is not None
        return self._parser, self._cleaner


class _Reader:
    """Goes through the tokens of one summary and puts right what a mail cannot carry."""

    def __init__(self, resolve: Callable[[str], SafeLink]) -> None:
        self.resolve = resolve
        self.links: list[str] = []
        self.problems: list[tuple[str, str]] = []

    def clean(self, tokens: list[Token]) -> None:
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = "p"
            elif token.type == "inline":
                token.children = self._inline(token.children or [])

    def _inline(self, children: list[Token]) -> list[Token]:
        kept: list[Token] = []
        unsafe: list[bool] = []  # for every open link, whether it was dropped
        for token in children:
            if token.type == "image":
                token.type, token.tag = "text", ""
            if token.type == "link_open":
                link = self.resolve(str(token.attrGet("href") or ""))
                unsafe.append(not link.url)
                if not link.url:
                    self.problems.append((link.code, link.reason))
                    continue
                token.attrs = {"href": link.url}
                token.meta = {"link": len(self.links)}
                self.links.append(link.url)
            elif token.type == "link_close":
                if unsafe.pop():
                    continue
                token.meta = {"link": len(self.links) - 1}
            kept.append(token)
        return kept


def _blocks(tokens: Sequence[Token]) -> list[SummaryBlock]:
    """The same summary as blocks of plain text: `• ` and `1. ` for lists, `> ` for quotations."""
    blocks: list[SummaryBlock] = []
    margins: list[str] = []  # what begins each line, for every open list item and quotation
    marker, counters, tight = "", [], False
    for token in tokens:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                counters.append(int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else None)
                tight = False
            case "bullet_list_close" | "ordered_list_close":
                counters.pop()
                tight = False
            case "list_item_open":
                count = counters[-1]
                marker = "• " if count is None else f"{count}. "
                counters[-1] = None if count is None else count + 1
                margins.append(" " * len(marker))
            case "list_item_close":
                margins.pop()
                tight = True
            case "blockquote_open":
                margins.append("> ")
            case "blockquote_close":
                margins.pop()
            case "inline" | "fence" | "code_block" | "hr":
                rest = "".join(margins)
                first = "".join(margins[:-1]) + marker if marker else rest
                blocks.append(_block(token, first=first, rest=rest, tight=tight))
                marker, tight = "", False
    return blocks


def _block(token: Token, *, first: str, rest: str, tight: bool) -> SummaryBlock:
    if token.type == "inline":
        return SummaryBlock(text=_words(token.children or []), first=first, rest=rest, tight=tight)
    if token.type == "hr":
        return SummaryBlock(text="* * *", first=first, rest=rest, tight=tight)
    return SummaryBlock(text=token.content.rstrip("\n"), first=first, rest=rest, whole=True, tight=tight)


def _words(children: Sequence[Token]) -> str:
    text = ""
    for token in children:
        if token.type in ("text", "code_inline", "text_special"):
            text += token.content
        elif token.type in ("softbreak", "hardbreak"):
            text += " "
        elif token.type == "link_close":
            text += f"{_REFERENCE}{token.meta['link']}{_REFERENCE}"
    return text


def _whole(text: str, margin: str) -> str:
    """Lines of code: as they are, but for those too wide for the page."""
    lines = [multiline(line).replace("\t", "    ") for line in text.split("\n")]
    room = COLUMNS - len(margin)
    wrapped = ((line,) if len(line) <= room else wrap(line, room).split("\n") for line in lines)
    return "\n".join((margin + line).rstrip() for group in wrapped for line in group)
