"""The kinds of blocks and what each may say: the one table from which all that knows blocks is made.

    KINDS ─▶ what is refused in a file, the JSON Schema, the table in the documentation, the forms of the desk

A block is data, never a template. A field says of itself what it holds, whether it must be there, and what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

# What a field holds. `line` is one line; `markdown` as in a summary; `link` an address; `image` an address or a file
# of the newsroom; `day` a date; `choice` one of some words; `rows` a list whose items have fields of their own.
Holds = Literal["line", "markdown", "link", "image", "day", "choice", "rows"]
Place = Literal["top", "lead", "groups", "end"]
PLACES: tuple[Place, ...] = get_args(Place)
_TABLE = "block"  # the key of a field's own metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockField:
    """One field of a kind, as the table has it. With `needs`, that field must be there when this one is."""

    name: str
    holds: Holds
    required: bool
    tells: str
    choices: tuple[str, ...] = ()
    needs: str = ""
    longest: int = 0  # columns beyond which a check says that nobody reads it; 0: none
    item: type | None = None  # of a list: the class of its items

    @property
    def rows(self) -> tuple[BlockField, ...]:
        """The fields of each item of a list."""
        return table(self.item) if self.item else ()


class BlockKind(NamedTuple):
    """A kind: its name, the class of its values, when to use it, and where it stands when its block does not say."""

    name: str
    type: type[Block]
    use: str
    place: Place

    @property
    def fields(self) -> tuple[BlockField, ...]:
        """What a block of this kind may say, in the order in which it is written."""
        return table(self.type)


def _holds(
    holds: Holds,
    tells: str,
    *,
    required: bool = False,
    choices: tuple[str, ...] = (),
    needs: str = "",
    longest: int = 0,
    item: type | None = None,
) -> Any:
    """A dataclass field that says what it holds; what is not there is empty."""
    row = BlockField(
        name="", holds=holds, required=required, tells=tells, choices=choices, needs=needs, longest=longest, item=item
    )
    if holds == "day":
        return field(metadata={_TABLE: row})
    return field(default=() if holds == "rows" else "", metadata={_TABLE: row})


def table(kind: type) -> tuple[BlockField, ...]:
    """The fields of a kind, or of an item of one of its lists."""
    return tuple(replace(each.metadata[_TABLE], name=each.name) for each in fields(kind) if _TABLE in each.metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Something that stands in an issue beside its stories.

    `at` is empty where the kind's own place will do; `after` is a story's id, and wins. `language` is that of a block
    which was written for no language or for all others, where it is not the edition's. `where` is the file and line.
    """

    kind: ClassVar[str] = ""
    at: Place | Literal[""] = ""
    after: str = ""
    language: str = ""
    where: str = field(default="", metadata={"said": False})  # where it is written is not what it says

    @property
    def place(self) -> Place:
        """Where it stands, unless it stands after a story."""
        return self.at or KINDS[self.kind].place

    @property
    def fields(self) -> tuple[BlockField, ...]:
        """What a block of its kind may say, in the order in which it is written."""
        return table(type(self))

    def said(self) -> Iterator[tuple[BlockField, str]]:
        """Every text and address that it says, with its field; those of the items of a list, too."""
        for row in self.fields:
            value = getattr(self, row.name)
            if row.holds == "rows":
                for item in value:
                    yield from (
                        (part, text) for part in row.rows if isinstance(text := getattr(item, part.name), str) and text
                    )
            elif value:
                yield row, value


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterBlock(Block):
    """The editor's own words."""

    kind: ClassVar[str] = "letter"
    text: str = _holds("markdown", "What the editor says: 40 to 120 words.", required=True, longest=1200)
    title: str = _holds("line", "A heading, where the letter wants one.", longest=80)
    name: str = _holds("line", "Who signs it.")
    role: str = _holds("line", "What they are: Editor.", needs="name")
    portrait: str = _holds("image", "Their portrait, cropped to a square and shown round.", needs="name")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeBlock(Block):
    """A mistake put right, or something to announce."""

    kind: ClassVar[str] = "notice"
    text: str = _holds("markdown", "What is to be known.", required=True, longest=400)
    label: str = _holds("choice", "What it is.", choices=("correction", "announcement"))
    link: str = _holds("link", "Where there is more.", needs="link_text")
    link_text: str = _holds("line", "The words of the link: See what changed.", needs="link", longest=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBlock(Block):
    """One figure and the sentence that makes it mean something."""

    kind: ClassVar[str] = "number"
    figure: str = _holds("line", "The figure: 160 million.", required=True, longest=16)
    text: str = _holds("line", "The sentence that goes on from it.", required=True, longest=200)
    source: str = _holds("line", "Who says so.", required=True)
    title: str = _holds("line", "A line above: Number of the month.", longest=60)
    link: str = _holds("link", "Where the source can be read.")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteBlock(Block):
    """Somebody else's words."""

    kind: ClassVar[str] = "quote"
    text: str = _holds("line", "What they said, without quotation marks.", required=True, longest=240)
    name: str = _holds("line", "Who said it.", required=True)
    role: str = _holds("line", "What they are.")
    portrait: str = _holds("image", "Their portrait, cropped to a square and shown round.")
    link: str = _holds("link", "Where they said it; their name leads there.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBlock(Block):
    """A picture for itself: a photo story, a chart, the still of a film."""

    kind: ClassVar[str] = "image"
    image: str = _holds("image", "An https address, or a file of the newsroom.", required=True)
    alt: str = _holds("line", "What it shows, for those who do not see it.", required=True, longest=250)
    caption: str = _holds("markdown", "What stands beneath it.", longest=300)
    credit: str = _holds("line", "Whose picture it is.")
    link: str = _holds("link", "A film or a gallery.", needs="link_text")
    link_text: str = _holds("line", "The words of the link: Watch the film (3 minutes).", needs="link", longest=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One of the dates of an events block."""

    date: date = _holds("day", "The day, like 2022-03-08.", required=True)  # noqa: RUF009 - a field, as all are
    title: str = _holds("line", "What happens.", required=True, longest=120)
    time: str = _holds("line", "At what time, and by whose clock: 14:00 Geneva time.", longest=40)
    place: str = _holds("line", "Where: a room and a town, or online.", longest=80)
    link: str = _holds("link", "Where one learns more, or signs up.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsBlock(Block):
    """What comes, in the order of its dates."""

    kind: ClassVar[str] = "events"
    title: str = _holds("line", "The heading: Coming up.", required=True, longest=60)
    events: tuple[EventRow, ...] = _holds("rows", "The dates.", required=True, item=EventRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """One of the links of a links block."""

    title: str = _holds("line", "The words of the link; say what a file is: PDF, 2 MB.", required=True, longest=120)
    link: str = _holds("link", "Where it leads.", required=True)
    source: str = _holds("line", "Who published it.", longest=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksBlock(Block):
    """Also in the news; publications; vacancies."""

    kind: ClassVar[str] = "links"
    title: str = _holds("line", "The heading: Also in the news.", required=True, longest=60)
    links: tuple[LinkRow, ...] = _holds("rows", "The links.", required=True, item=LinkRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class SponsorBlock(Block):
    """Paid for by others, and says so first."""

    kind: ClassVar[str] = "sponsor"
    name: str = _holds("line", "Who pays for it.", required=True, longest=60)
    title: str = _holds("line", "What is offered.", required=True, longest=80)
    text: str = _holds("markdown", "What there is to say of it.", required=True, longest=300)
    link: str = _holds("link", "Where it leads.", required=True)
    link_text: str = _holds("line", "The words of the link: Look inside the book.", required=True, longest=60)
    image: str = _holds("image", "A picture.", needs="alt")
    alt: str = _holds("line", "What the picture shows.", longest=250)


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonBlock(Block):
    """The one thing to do; a poll or a survey is a button that opens a web form."""

    kind: ClassVar[str] = "button"
    label: str = _holds("line", "The words on the button: Answer the survey.", required=True, longest=32)
    link: str = _holds("link", "Where it leads.", required=True)
    title: str = _holds("line", "A heading above it.", longest=80)
    text: str = _holds("line", "A sentence above it.", longest=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadingBlock(Block):
    """A heading before a run of blocks."""

    kind: ClassVar[str] = "heading"
    title: str = _holds("line", "The words.", required=True, longest=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class DividerBlock(Block):
    """A line between two blocks that have none."""

    kind: ClassVar[str] = "divider"


# In the order in which an editor is offered them.
KINDS: Mapping[str, BlockKind] = {
    kind.name: kind
    for kind in (
        BlockKind("letter", LetterBlock, "The editor says why this issue; without a name, a text.", "top"),
        BlockKind("notice", NoticeBlock, "A mistake put right, or an announcement.", "top"),
        BlockKind("number", NumberBlock, "One figure that needs its sentence.", "lead"),
        BlockKind("quote", QuoteBlock, "Somebody else's words, not a story's own line again.", "lead"),
        BlockKind("image", ImageBlock, "A photo story, a chart, a film: its still, with a link to it.", "end"),
        BlockKind("events", EventsBlock, "What comes, sorted by date.", "end"),
        BlockKind("links", LinksBlock, "Also in the news; publications; vacancies.", "end"),
        BlockKind("sponsor", SponsorBlock, "Paid for by others; never above the lead.", "end"),
        BlockKind("button", ButtonBlock, "The one thing to do; at most one in an issue.", "end"),
        BlockKind("heading", HeadingBlock, "A heading before a run of blocks.", "end"),
        BlockKind("divider", DividerBlock, "A line between two blocks that have none.", "end"),
    )
}
