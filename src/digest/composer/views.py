"""The values that templates see: stories, groups, the edition, the newsroom, and slots for what differs per reader.

Plain values made for one edition; every text in them is clean, every address is one that a mail may carry. A template
reads their public attributes and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

from digest.composer.sandbox import template_value
from digest.model import slot_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

Direction = Literal["ltr", "rtl"]


@template_value
@dataclass(slots=True, kw_only=True)
class LinkView:
    """A numbered address of the text part."""

    number: int
    url: str


@template_value
@dataclass(slots=True, kw_only=True)
class StoryView:
    """One story as it stands in this edition.

    `number` counts from 1 in reading order. `level` is the level of its heading. `brief` stories are a title with its
    link, because the mail would be too large. `lang` and `dir` are set when they are not the edition's. `text` is the
    summary for the text part, wrapped, with `[n]` after what is linked; `links` are these and the title's own.
    """

    id: str
    number: int
    title: str
    kicker: str
    credit: str
    date: str
    link: str
    heading: str  # for the text part: the title, with the number of its link
    byline: str  # for the text part: date and credit
    html: Markup
    text: str
    links: tuple[LinkView, ...]
    image: str
    image_alt: str
    image_width: int
    image_height: int
    lang: str
    dir: str
    lead: bool
    first: bool  # of its group
    last: bool  # of its group
    level: int
    brief: bool

    def height_at(self, width: int) -> int:
        """The image's height when it is `width` pixels wide; 0 when its size is not known."""
        return round(self.image_height * width / self.image_width) if self.image_width else 0

    def width_within(self, width: int, height: int) -> int:
        """How wide the image is that fits into `width` by `height` pixels; `width` when its size is not known.

        >>> from types import SimpleNamespace as Image
        >>> sizes = ((1200, 800), (800, 1200), (0, 0))
        >>> [StoryView.width_within(Image(image_width=w, image_height=h), 189, 252) for w, h in sizes]
        [189, 168, 189]
        """
        if not self.image_width or self.image_height * width <= height * self.image_width:
            return width
        return max(1, self.image_width * height // self.image_height)


class StoryCount:
    """Notes which pieces of a rendering belong to which story, as the template walks through them."""

    __slots__ = ("parts", "spans")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.spans: list[tuple[str, int]] = []

    def sizes(self) -> dict[str, int]:
        """Bytes of UTF-8 per story id; what belongs to no story is under the empty one."""
        found: dict[str, int] = {"": 0}
        story, start = "", 0
        for following, end in [*self.spans, ("", len(self.parts))]:
            found[story] = found.get(story, 0) + len("".join(self.parts[start:end]).encode())
            story, start = following, end
        return found


class StoryList(Sequence[StoryView]):
    """Stories of a group, which tell the tally whose turn it is."""

    __slots__ = ("_items", "_tally")

    def __init__(self, items: Sequence[StoryView], tally: StoryCount) -> None:
        self._items = tuple(items)
        self._tally = tally

    def __iter__(self) -> Iterator[StoryView]:
        """Walk through them, noting in the tally where each begins."""
        tally = self._tally
        for story in self._items:
            tally.spans.append((story.id, len(tally.parts)))
            yield story
        tally.spans.append(("", len(tally.parts)))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> StoryView: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[StoryView, ...]: ...

    def __getitem__(self, index: int | slice) -> StoryView | tuple[StoryView, ...]:
        """One of them, or some."""
        return self._items[index]


@template_value
@dataclass(slots=True, kw_only=True)
class RunView:
    """Stories of a group that can be set in one column: one with a `photo` of its own, or several without."""

    stories: StoryList
    photo: bool


@template_value
@dataclass(slots=True, kw_only=True)
class GroupView:
    """Stories under one heading; `label` is empty when they need none. `late` ones are of an earlier period.

    A theme walks through `stories`, or through `runs` of them, which take fewer bytes than a section for each.
    """

    label: str
    stories: StoryList
    runs: tuple[RunView, ...]
    late: bool = False


def runs(stories: Sequence[StoryView], tally: StoryCount) -> tuple[RunView, ...]:
    """Cut stories into runs: each with a photo alone, neighbours without one together."""
    found: list[tuple[bool, list[StoryView]]] = []
    for story in stories:
        photo = bool(story.image) and not story.brief
        if photo or not found or found[-1][0]:
            found.append((photo, [story]))
        else:
            found[-1][1].append(story)
    return tuple(RunView(stories=StoryList(part, tally), photo=photo) for photo, part in found)


@template_value
@dataclass(slots=True, kw_only=True)
class EditionView:
    """The edition: its names, its stories in order (`stories`) and under their headings (`groups`, late ones last)."""

    id: str
    language: str
    dir: Direction
    start: Literal["left", "right"]  # the side where a line begins
    end: Literal["left", "right"]
    back: Direction  # against the direction of reading
    title: str
    description: str
    period_label: str
    count: int
    count_label: str
    lead: StoryView | None
    stories: tuple[StoryView, ...]
    groups: tuple[GroupView, ...]
    contents: bool
    more: int
    more_label: str
    more_url: str
    teaser: str  # the headlines, for the line after the subject
    others: str  # the same without the lead's, for subjects that have it
    view_url: str
    date: str


@template_value
@dataclass(slots=True, kw_only=True)
class NewsroomView:
    """Whose digest it is; `contact` is the address for this audience."""

    name: str
    contact: str
    url: str
    address_lines: tuple[str, ...]


@template_value
class ReaderView:
    """What differs per reader. Each value is a slot: a token that `mail/` replaces, escaped for where it stands."""

    __slots__ = ("_nonce", "_used", "field")

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce
        self._used: set[str] = set()
        self.field = FieldsView(self)

    @property
    def name(self) -> str:
        """The reader's name, maybe empty."""
        return self._slot("name")

    @property
    def address(self) -> str:
        """The reader's address."""
        return self._slot("address")

    @property
    def unsubscribe_url(self) -> str:
        """Where this reader leaves."""
        return self._slot("unsubscribe_url")

    def _slot(self, name: str) -> str:
        self._used.add(name)
        return slot_token(self._nonce, name)

    def _slots(self, *texts: str) -> frozenset[str]:
        """The slots that occur in `texts`."""
        texts = tuple(sorted(texts, key=len))  # the text part has most of them, and is searched in no time
        return frozenset(name for name in self._used if any(slot_token(self._nonce, name) in text for text in texts))


class FieldsView:
    """A reader's other values: `reader.field.city` or `reader.field["city"]`."""

    __slots__ = ("_reader",)

    def __init__(self, reader: ReaderView) -> None:
        self._reader = reader

    def __getitem__(self, name: str) -> str:
        """The slot of the value called `name` (a column of the recipients' file)."""
        return self._reader._slot(f"field.{name}")  # noqa: SLF001 - one value in two classes
