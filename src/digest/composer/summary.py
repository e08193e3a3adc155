"""Turn a story's summary (Markdown) into clean HTML with its styles on each element, and into blocks of plain text.

    Markdown ─markdown-it─▶ tokens ─links checked─▶ HTML ─nh3 + styles─▶ Summary.html
                                              └────▶ blocks ─wrap─────▶ Summary.text(first number)

HTML in a summary is shown as it was typed, never obeyed, and headings become words. Tables, footnotes, task lists,
pictures and ~~what is gone~~ are read as people write them; a picture travels by the same way as a story's photo.
Plain paragraphs, as most summaries are, take a short cut that gives the same bytes without Markdown's parser.
"""

from __future__ import annotations

import html
import re
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from digest.composer.photos import WORDS, ImageRoute
from digest.text.cleaning import multiline, one_line
from digest.text.urls import is_private
from digest.text.wrapping import COLUMNS, SPACED_LETTER, unspaced, width, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import nh3
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from digest.composer.photos import Photo
    from digest.composer.recompress import Box
    from digest.text.urls import SafeLink

ELEMENTS = (
    *("p", "a", "strong", "em", "s", "ul", "ol", "li", "blockquote", "code", "pre", "hr", "br"),
    *("table", "thead", "tbody", "tr", "th", "td", "img"),
)
_MARKDOWN = re.compile(
    r"[\\`*_\[\]<>&~|\xa0\x00]|://|^[ \t]|[ \t]$|^#|^[-+=•◦▪‣●]|^\d{1,9}[.)]", re.MULTILINE
)  # what may mean something to Markdown, or be spelled otherwise by nh3
_BULLET = re.compile(r"^([ \t]*)[•◦▪‣●][ \t\xa0]+", re.MULTILINE)  # of a list, as word processors write it
_PARAGRAPHS = re.compile(r"\n{2,}")
_TYPED_HTML = re.compile(r"</?[a-zA-Z](?![\w.+-]{1,31}:|[\w.+-]*@)[^<>]*>|<!--")  # <https://…> and <a@b.org> are links
_BETWEEN = re.compile(
    r"(</(?:p|ul|ol|li|blockquote|pre|table|thead|tbody|tr|th|td)>"
    r"|<(?:ul|ol|li|blockquote|hr|table|thead|tbody|tr)(?: [^>]*)?>)\n"
)
_BEHIND = re.compile(r"(padding:[^\s;!(]+) ([^\s;!(]+) ([^\s;!(]+) (0[a-z]*)(?![^;])")  # room on the right alone
_ALIGNED = re.compile(r'(<t[hd] align="(\w+)" style="[^"]*)"')  # a style wins over an align
_NO_NOTE = re.compile(r"\[\^[^\]\s]+\]")
_TASK = re.compile(r"\[([ xX])\][ \u00a0]")
_TABLE = COLUMNS - 8  # columns of a table in the text part, which may stand in a list or a quotation
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_REFERENCE = "\x00"
_REFERRED = re.compile(r"\x00(\d+)\x00")
_SAID = ("text", "softbreak")
_PICTURE = "!["  # what begins one


class NamedPicture(NamedTuple):
    """A picture that Markdown names, by its address or path, with what it says of it to who does not see it."""

    address: str
    alt: str


class SummaryBlock(Struct, frozen=True, kw_only=True):
    """A paragraph of plain text, with what begins its first line and the others. `whole` keeps its own line ends.

    A table has its `rows` instead of a text.
    """

    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    first: str = ""
    rest: str = ""
    whole: bool = False
    tight: bool = False  # no blank line before it: the next item of a list
    between: str = ""  # what the line before it has, within one quotation


class Summary(Struct, frozen=True, kw_only=True):
    """A summary ready to be set. `links` are its addresses in order; in the blocks, NUL + index + NUL refers to one."""

    html: str = ""
    blocks: tuple[SummaryBlock, ...] = ()
    links: tuple[str, ...] = ()
    photos: tuple[Photo, ...] = ()
    opening: str = ""  # its first words, without numbers and pictures
    problems: tuple[tuple[str, str], ...] = ()  # (finding code, what is wrong)

    def text(self, number: Callable[[str], int]) -> str:
        """The summary in 72 columns; `number(address)` is the number by which the text refers to a link."""

        def refer(found: re.Match[str]) -> str:
            return f"\u00a0[{number(self.links[int(found[1])])}]"

        for link in self.links:  # as in the HTML: a wide table says its head again in every row
            number(link)
        lines: list[str] = []
        for block in self.blocks:
            rows = [[_REFERRED.sub(refer, cell) for cell in row] for row in block.rows]
            text = _table(rows) if rows else _REFERRED.sub(refer, block.text) if self.links else block.text
            if said := _whole(text, block) if block.whole else _broken(text, block):
                lines += [said] if block.tight or not lines else [block.between, said]
        return "\n".join(lines)


class Markdown:
    """Reads summaries for one theme: `styles` has the inline style of each Markdown element."""

    def __init__(self, styles: Mapping[str, str]) -> None:
        self.styles = {element: styles.get(element, "") for element in ELEMENTS}
        style = html.escape(self.styles["p"], quote=False).replace('"', "&quot;")  # as nh3 spells attributes
        self._opening = f'<p style="{style}">' if style else "<p>"

    def towards(self, direction: str) -> Markdown:
        """What reads words in this direction: the room that cells of tables have to their right is left for `rtl`."""
        return self._mirrored if direction == "rtl" else self

    @cached_property
    def _mirrored(self) -> Markdown:
        cells = {cell: _BEHIND.sub(r"\1 \4 \3 \2", self.styles[cell]) for cell in ("th", "td")}
        return Markdown({**self.styles, **cells})

    def read(
        self,
        source: str,
        resolve: Callable[[str], SafeLink],
        route: ImageRoute = ImageRoute(),  # noqa: B008 - frozen
        box: Box = WORDS,
    ) -> Summary:
        """Read one summary; `resolve` says what becomes of each address in it, `route` of each picture.

        `box` is the room in which its pictures are shown.
        """
        source = multiline(source).strip("\n")
        if not source.strip():
            return Summary()
        if not _MARKDOWN.search(source):
            return self.plain(source)
        return self.full(source, resolve, route, box)

    def plain(self, source: str) -> Summary:
        """The short cut, for text in which Markdown would find nothing but paragraphs."""
        paragraphs = _PARAGRAPHS.split(unspaced(source))
        parts = [f"{self._opening}{html.escape(text, quote=False)}</p>" for text in paragraphs]
        blocks = tuple(SummaryBlock(text=one_line(text)) for text in paragraphs)
        return Summary(html="".join(parts), blocks=blocks, opening=blocks[0].text)

    def full(
        self,
        source: str,
        resolve: Callable[[str], SafeLink],
        route: ImageRoute = ImageRoute(),  # noqa: B008 - frozen
        box: Box = WORDS,
    ) -> Summary:
        """The whole way, for any Markdown."""
        from digest.composer.markdown_dialect import parser

        reading, notes = parser(), dict[str, Any]()
        reader = _Reader(resolve, route, box)
        tokens = reader.clean(reading.parse(_with_lists(source, reading), notes))
        if missed := [label[1:] for label, number in notes.get("footnotes", {}).get("refs", {}).items() if number < 0]:
            reader.problems.append(
                ("summary-footnote", f"nothing refers to the footnote [^{missed[0]}], so it is left out")
            )
        markup = _BETWEEN.sub(r"\1", self._cleaner.clean(reading.renderer.render(tokens, reading.options, {})))
        markup = _ALIGNED.sub(r'\1;text-align:\2"', markup)
        reader.problems += _shown_as_typed(source, tokens)
        lines = (_words(token.children or [], bare=True) for token in tokens if token.type == "inline")
        return Summary(
            html=markup,
            blocks=tuple(_blocks(tokens)),
            links=tuple(reader.links),
            photos=tuple(reader.photos),
            opening=next((one_line(line) for line in lines if line.strip()), ""),
            problems=tuple(reader.problems),
        )

    @cached_property
    def _cleaner(self) -> nh3.Cleaner:
        import nh3

        return nh3.Cleaner(
            tags=set(ELEMENTS),
            attributes={
                "a": {"href"},
                "ol": {"start"},
                "th": {"align"},
                "td": {"align"},
                "img": {"src", "alt", "width", "height"},
            },
            url_schemes={"http", "https", "mailto", "tel", "cid"},
            link_rel=None,
            set_tag_attribute_values={tag: {"style": style} for tag, style in self.styles.items() if style},
        )


def pictures(source: str) -> tuple[NamedPicture, ...]:
    """The pictures that a Markdown text names, in order."""
    if _PICTURE not in source:
        return ()
    from digest.composer.markdown_dialect import parser

    inline = (token.children or [] for token in parser().parse(multiline(source)))
    return tuple(_named(child) for children in inline for child in children if child.type == "image")


def _with_lists(source: str, reading: MarkdownIt) -> str:
    """The text with Markdown's mark for the bullets that were pasted, but in code."""
    typed, made = source.split("\n"), _BULLET.sub(r"\1- ", source).split("\n")
    for token in reading.parse("\n".join(made), {}) if made != typed else ():
        if token.type in ("fence", "code_block") and token.map:
            inside = slice(token.map[0] + (token.type == "fence"), token.map[1])  # a fence may begin in a bullet's line
            made[inside] = typed[inside]
    return "\n".join(made)


class _Reader:
    """Goes through the tokens of one summary and puts right what a mail cannot carry."""

    def __init__(self, resolve: Callable[[str], SafeLink], route: ImageRoute, box: Box) -> None:
        self.resolve, self.route, self.box = resolve, route, box
        self.links: list[str] = []
        self.photos: list[Photo] = []
        self.problems: list[tuple[str, str]] = []

    def clean(self, tokens: list[Token]) -> list[Token]:
        """The tokens that a mail can carry; footnotes are paragraphs that begin with their number."""
        kept: list[Token] = []
        number, item = "", False
        for token in tokens:
            if token.type.startswith("footnote_"):
                if token.type == "footnote_open":
                    number = _raised(token)
                continue
            if token.type in ("th_open", "td_open") and (style := str(token.attrGet("style") or "")):
                token.attrs = {"align": style.rpartition(":")[2]}
            elif token.type == "inline":
                token.children = self._inline(token.children or [])
                if item and token.children and (task := _TASK.match(token.children[0].content)):
                    box = "☐ " if task[1] == " " else "☑ "
                    token.children[0].content = box + token.children[0].content[task.end() :]
                if number and token.children:
                    token.children.insert(0, _text(f"{number}\u00a0", token.children[0]))
                    number = ""
            item = token.type == "list_item_open" or (item and token.type == "paragraph_open")
            kept.append(token)
        return kept

    def _inline(self, children: list[Token]) -> list[Token]:
        kept: list[Token] = []
        opened: list[dict[str, int] | None] = []  # what is noted of every open link; None where it was dropped
        for at, token in enumerate(children):
            if token.type == "image":
                self._picture(token, linked=bool(opened) and opened[-1] is not None)
            if token.type == "footnote_ref":
                token.type, token.tag, token.content = "text", "", _raised(token)
            elif token.type == "footnote_anchor":
                continue
            elif token.type == "text" and (lost := _NO_NOTE.search(token.content)):
                self.problems.append(("summary-footnote", f"{lost[0]} has no footnote; write a line {lost[0]}: …"))
            if token.type == "link_open":
                opened.append(self._link(token, children[at + 1].content))
                if opened[-1] is None:
                    continue
            elif token.type == "link_close":
                if (noted := opened.pop()) is None:
                    continue
                token.meta = noted
            kept.append(token)
        return kept

    def _link(self, token: Token, shown: str) -> dict[str, int] | None:
        """Put the link right, and note its number; None where it is dropped."""
        link = self.resolve(str(token.attrGet("href") or ""))
        if not link.url or (token.markup == "linkify" and is_private(urlsplit(link.url).hostname or "")):
            if token.markup != "linkify":  # which stays the words that it is
                self.problems.append((link.code, link.reason))
            return None
        token.attrs = {"href": link.url}
        if shown == link.url:  # the text part has it in its words
            return {}
        self.links.append(link.url)
        return {"link": len(self.links) - 1}

    def _picture(self, token: Token, *, linked: bool) -> None:
        """Make the token the picture as it travels, or its words where it cannot.

        The text part has the address of a picture on the web, unless it is `linked` elsewhere.
        """
        address, alt = _named(token)
        photo = self.route.place(address, self.box)
        if photo.code:
            token.type, token.tag, token.content = "text", "", alt
            self.problems.append((photo.code, photo.reason))
            return
        self.photos.append(photo)
        width = min(self.box.width, photo.width or self.box.width)
        token.attrs = {"src": photo.src, "alt": "", "width": width}  # the parser fills in alt, from the children
        if height := photo.height_at(width):
            token.attrs["height"] = height
        token.children, token.meta = [_text(alt, token)], {}
        if not linked and not photo.carried:
            token.meta = {"link": len(self.links)}
            self.links.append(photo.src)


def _blocks(tokens: Sequence[Token]) -> list[SummaryBlock]:
    """The same summary as blocks of plain text: `• ` and `1. ` for lists, `> ` for quotations."""
    blocks: list[SummaryBlock] = []
    # What begins the next line and what the others, for every open list item and quotation: a marker stands once.
    firsts: list[str] = []
    rests: list[str] = []
    counters, tight, shared = list[int | None](), False, 0

    def add(token: Token | None = None) -> None:
        nonlocal tight, shared
        between = "".join(rests[:shared]).rstrip()
        blocks.append(replace(_said(token), first="".join(firsts), rest="".join(rests), tight=tight, between=between))
        firsts[:], tight, shared = rests, False, len(rests)

    for token in _tables_as_one(tokens):
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                start = token.attrGet("start")
                counters.append(None if token.type == "bullet_list_open" else 1 if start is None else int(start))
                tight = False
            case "bullet_list_close" | "ordered_list_close":
                counters.pop()
                tight = False
            case "list_item_open":
                count = counters[-1]
                firsts.append("• " if count is None else f"{count}. ")
                rests.append(" " * len(firsts[-1]))
                counters[-1] = None if count is None else count + 1
            case "list_item_close" | "blockquote_close":
                if firsts != rests:  # nothing stands in it
                    add()
                firsts.pop()
                rests.pop()
                shared = min(shared, len(rests))
                tight = token.type == "list_item_close"
            case "blockquote_open":
                firsts.append("> ")
                rests.append("> ")
            case "inline" | "fence" | "code_block" | "hr" | "table":
                add(token)
    return blocks


def _said(token: Token | None) -> SummaryBlock:
    if token is None:
        return SummaryBlock()
    if token.type == "inline":
        return SummaryBlock(text=_words(token.children or []))
    if token.type == "hr":
        return SummaryBlock(text="* * *")
    if token.type == "table":
        return SummaryBlock(rows=token.meta["rows"], whole=True)
    return SummaryBlock(text=token.content.rstrip("\n"), whole=True)


def _tables_as_one(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens, but each table is one, with its rows."""
    rows: list[list[str]] | None = None
    for token in tokens:
        if token.type == "table_open":
            rows = []
        elif rows is None:
            yield token
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_words(token.children or []))
        elif token.type == "table_close":
            token.type, token.meta, rows = "table", {"rows": tuple(map(tuple, rows))}, None
            yield token


def _words(children: Sequence[Token], *, bare: bool = False) -> str:
    """The line as text; `bare`, without pictures and references."""
    text = ""
    for token in children:
        if token.type in ("text", "code_inline", "text_special"):
            text += token.content
        elif token.type == "softbreak":
            text += " "
        elif token.type == "hardbreak":
            text += "\n"
        elif token.type in ("s_open", "s_close"):
            text += "-"
        elif bare:
            continue
        elif token.type == "image" and (alt := _words(token.children or [])):
            text += f"[{alt}]"
        if not bare and token.type in ("image", "link_close") and "link" in token.meta:
            text += f"{_REFERENCE}{token.meta['link']}{_REFERENCE}"
    return text


def _named(token: Token) -> NamedPicture:
    """What an image of Markdown names. A path may be written as in an address, with `%20` for a blank."""
    address = str(token.attrGet("src") or "")
    path = address if ":" in address or address.startswith("//") else unquote(address)
    return NamedPicture(path, one_line(_words(token.children or [])))


def _raised(token: Token) -> str:
    """The number of a footnote, as it stands in text: ¹."""
    return str(int(token.meta["id"]) + 1).translate(_RAISED)


@cache
def _marks() -> re.Pattern[str]:
    """Marks of Markdown that are words, not `f**k`, `*****`, `0.3**`: `**Note: **text`, `[a] (https://…)`."""
    return re.compile(
        rf"(?<!{SPACED_LETTER})(?<!\*)\*\*(?=[^\s*])|(?<=[^\s*\d])\*\*(?!\*|{SPACED_LETTER})"
        r"|(?<!\S)\*\*(?=\s[^*]+\s\*\*(?!\S))|~~|\]\(|(?<!\[sic)\] \(https?://"
    )


def _shown_as_typed(source: str, tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """HTML that was typed, and marks of Markdown that stand where they do nothing; what is code is meant to be seen."""
    lines = ((token.children or []) for token in tokens if token.type == "inline")
    said = " ".join("".join(child.content or " " for child in line if child.type in _SAID) for line in lines)
    said, typed = " ".join(said.split()), {" ".join(tag[0].split()) for tag in _TYPED_HTML.finditer(source)}
    if tag := next((tag[0] for tag in _TYPED_HTML.finditer(said) if tag[0] in typed), ""):
        yield "summary-html", f"HTML in a summary is shown as it is typed ({tag[:40]}); write Markdown"
    if (mark := _marks().search(said)) and f"\\{mark[0][0]}" not in source:
        shown = said[max(0, mark.start() - 12) : mark.end() + 12]
        yield (
            "summary-markup",
            f"{mark[0][:2]} does nothing in '{shown}', and is shown; write **words**, [words](https://…)",
        )


def _text(content: str, like: Token) -> Token:
    """A token of words, at the level of another."""
    from markdown_it.token import Token

    return Token("text", "", 0, content=content, level=like.level)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """A table in columns, its head underlined; where there is no room for that, each row as `Head: cell` lines."""
    head, *body = rows
    if not body:
        return "\n".join(filter(None, head))
    widths = [max(width(row[column]) for row in rows) for column in range(len(head))]
    if sum(widths) + 2 * (len(widths) - 1) > _TABLE:
        lines = ("\n".join(f"{name}: {cell}" for name, cell in zip(head, row, strict=True)) for row in body)
        return "\n\n".join(lines)
    ruled = [head, ["-" * size for size in widths], *body]
    padded = ((cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)) for row in ruled)
    return "\n".join("  ".join(row).rstrip() for row in padded)


def _broken(text: str, block: SummaryBlock) -> str:
    """A paragraph, which may have line breaks of its own."""
    parts = enumerate(text.split("\n"))
    return "\n".join(wrap(part, COLUMNS, block.rest if at else block.first, block.rest) for at, part in parts)


def _whole(text: str, block: SummaryBlock) -> str:
    """Lines of code: as they are, but for those too wide for the page."""
    lines = [multiline(line).replace("\t", "    ") for line in text.split("\n")]
    room = COLUMNS - width(block.rest)
    wrapped = [part for line in lines for part in ((line,) if width(line) <= room else wrap(line, room).split("\n"))]
    return "\n".join(((block.rest if at else block.first) + line).rstrip() for at, line in enumerate(wrapped))
