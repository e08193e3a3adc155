"""An edition as templates see it: its stories under their headings and in runs, and whose digest it is.

Views are plain values made for one edition. A template reads their public attributes and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, overload

from msgspec import Struct

from digest.composer.sandbox import template_value
from digest.composer.story_view import StoryView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.composer.block_view import BlockView
    from digest.model import Direction


class StoryCount:
    """Notes which pieces of a rendering belong to which story, as the template walks through them."""

    __slots__ = ("parts", "spans")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.spans: list[tuple[str, int]] = []

    def sizes(self) -> dict[str, int]:
        """Bytes of UTF-8 per story id; what belongs to no story is under the empty one."""
        found: dict[str, int] = {"": 0}
        bytes_to = list(accumulate(map(len, map(str.encode, self.parts)), initial=0))
        story, start = "", 0
        for following, end in [*self.spans, ("", len(self.parts))]:
            found[story] = found.get(story, 0) + bytes_to[end] - bytes_to[start]
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
class RunView(Struct, kw_only=True, eq=False):
    """Stories of a group that can be set in one column: one with a `photo` of its own, or several without.

    Those of `rows` are not shown in full; `label` says so where stories in full stand before them. `blocks` stand after
    the last of them.
    """

    stories: StoryList
    photo: bool
    rows: bool = False
    label: str = ""
    blocks: tuple[BlockView, ...] = ()
    credit: str = ""  # whose the small pictures of its rows are, each once


@template_value
class GroupView(Struct, kw_only=True, eq=False):
    """Stories under one heading; `label` is empty when they need none. `late` ones are of an earlier period.

    A theme walks through `stories`, or through `runs` of them, which take fewer bytes than a section for each. `blocks`
    stand after all of them.
    """

    label: str
    stories: StoryList
    runs: tuple[RunView, ...]
    late: bool = False
    blocks: tuple[BlockView, ...] = ()


def runs(
    stories: Sequence[StoryView],
    tally: StoryCount,
    label: str = "",
    after: Mapping[str, tuple[BlockView, ...]] = MappingProxyType({}),
) -> tuple[RunView, ...]:
    """Cut stories into runs: each with a photo alone, neighbours without one together, and rows, under `label`.

    `after` has the blocks that stand after a story, by its id: they end its run.
    """
    found: list[tuple[str, list[StoryView]]] = []
    for story in stories:
        kind = "words" if story.brief else "rows" if story.row else "photo" if story.image else "words"
        if kind == "photo" or not found or found[-1][0] != kind or found[-1][1][-1].id in after:
            found.append((kind, [story]))
        else:
            found[-1][1].append(story)
    labels = {"rows": label}  # the first of them has it
    return tuple(
        RunView(
            stories=StoryList(part, tally),
            photo=kind == "photo",
            rows=kind == "rows",
            label=labels.pop(kind, ""),
            blocks=after.get(part[-1].id, ()),
        )
        for kind, part in found
    )


@template_value
class EditionView(Struct, kw_only=True, eq=False):
    """The edition: its names, its stories in order (`stories`) and under their headings (`groups`, late ones last)."""

    id: str
    language: str
    dir: Direction
    start: Literal["left", "right"]  # the side where a line begins
    end: Literal["left", "right"]
    back: Direction  # against the direction of reading
    title: str
    description: str
    period_label: str  # as a heading
    period_name: str  # inside a sentence
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
    forward_url: str  # begins a mail to somebody else, with `view_url` in it
    date: str


@template_value
class PlaceView(Struct, kw_only=True, eq=False):
    """A place on the web by its name."""

    name: str
    url: str


@template_value
class NewsroomView(Struct, kw_only=True, eq=False):
    """Whose digest it is; `contact` is the address for this audience."""

    name: str
    contact: str
    url: str
    address_lines: tuple[str, ...]
    social: tuple[PlaceView, ...]  # where else one can follow it
