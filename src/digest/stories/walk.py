"""One walk over the stories folder: which stories are in a range, and what is wrong with files that could be.

    scan ─page─▶ as the index knows it? ─no─▶ glance at the changed files, or parse them
                        │ yes                           │
                        └─────── days that fit ◀────────┘ ─▶ stories, from the index or parsed

Every file is checked against the index, so that no change is missed; only what may be in the range is parsed. It
holds one page and what it selects, and reports a fault of a file only when that file may be in the range.
"""

from __future__ import annotations

import unicodedata
from array import array
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from digest.errors import Fault
from digest.model import STORY_SUFFIX
from digest.stories import frontmatter, scan
from digest.stories.header_peek import SIZE, UNKNOWN, day_of
from digest.stories.index import dump_story, load_story

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from digest.model import Story
    from digest.stories.index import Index, Parsed
    from digest.stories.scan import ScanPage

_FIRST, _LAST = 1, 10_000 * 366  # no day's ordinal is outside
_MARGIN = 2  # days between a date as written and its day in another zone, at most


class StoryReader(Struct, frozen=True, kw_only=True, eq=False):
    """How the bytes of a file below `root` become a story: the newsroom's zone and language."""

    root: Path
    zone: ZoneInfo
    language: str

    def parse(self, path: str, data: bytes) -> Parsed:
        """The story in the file at `path` (relative, with `.md`), or its faults."""
        return frontmatter.parse(
            data, story_id=identity(path), file=self.shown(path), zone=self.zone, language=self.language
        )

    def load(self, path: str, text: str) -> Parsed | None:
        """The story in the file at `path`, or its faults, from the index; None when what it holds makes no sense."""
        try:
            return load_story(text, story_id=identity(path), file=self.shown(path), zone=self.zone)
        except (ValueError, KeyError, TypeError):
            return None

    def shown(self, path: str) -> str:
        """The file's path as a person would type it."""
        root = str(self.root)
        return path if root == "." else f"{root}/{path}"  # ten times faster than Path joins


def identity(path: str) -> str:
    """The id of the story in the file at `path` below the root: NFC, since file systems differ in how they spell é."""
    return unicodedata.normalize("NFC", path.removesuffix(STORY_SUFFIX))


def names_taken(root: Path) -> set[str]:
    """The ids of the story files right below `root`, in small letters: no new one may differ by these alone."""
    return {identity(path.name).casefold() for path in root.glob(f"*{STORY_SUFFIX}")}


class Gathering(Struct, eq=False):
    """The walk. `run` it once; then `stories` are in order, by date and id, and `faults` by file and line.

    `earlier` are the faults of files that date themselves before `own`: of stories that an edition only looks back at.
    """

    reader: StoryReader
    index: Index
    start: datetime | None
    end: datetime | None
    own: datetime | None = None
    stories: list[Story] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    earlier: list[Fault] = field(default_factory=list)
    _taken: dict[str, Story] = field(default_factory=dict)

    def run(self) -> None:
        """Walk. Raises DamagedIndexError; then another walk, with another index, is needed."""
        first = self.start.toordinal() - _MARGIN if self.start else _FIRST
        last = self.end.toordinal() + _MARGIN if self.end else _LAST
        self.index.recall(first, last)
        for page in scan.pages(self.reader.root, self.index.ends, self.faults):
            parsed: dict[int, Parsed] = {}
            for number, day in enumerate(self._days(page, parsed)):
                if first <= day <= last or day == UNKNOWN:
                    story, faults = parsed.get(number) or self._known(page, number) or self._parse(page, number)
                    if story and self._inside(story):
                        self._taken[page.path(number)] = story
                    elif faults:
                        self._refuse(page, number, day, faults)
        self.index.finish()
        self._refuse_one_name()
        self.stories = sorted(self._taken.values(), key=_order)
        for listed in (self.faults, self.earlier):
            listed.sort(key=lambda fault: (fault.file, fault.line))

    def _days(self, page: ScanPage, parsed: dict[int, Parsed]) -> array[int]:
        """The day of each file of the page, from the index where the file is unchanged."""
        known = self.index.page(page.folder, page.names[-1])
        if known and known.covers(page):
            return known.days
        before = known.by_name() if known and page.stamps else {}
        seen: list[int | None] = [None] * len(page.names)
        for number, name in enumerate(page.names if before else ()):
            old = before.pop(name, None)
            if old and old[0] == page.stamp(number):
                seen[number] = old[1]
        changed = [number for number, day in enumerate(seen) if day is None]
        stamps = not page.stamps and self.index.is_kept
        for number, head in zip(changed, page.heads(changed, SIZE, stamps=stamps), strict=True):
            seen[number] = (head and day_of(head)) or self._closer_look(page, number, parsed)
        days = array("I", (day or UNKNOWN for day in seen))
        self.index.learn(page, days, gone=[page.folder + name for name in before])
        return days

    def _closer_look(self, page: ScanPage, number: int, parsed: dict[int, Parsed]) -> int:
        """The day that a look could not tell, or could not because the file cannot be read: parsing will say so."""
        story, _ = parsed[number] = self._parse(page, number)
        return story.date.toordinal() if story else self._day_of_faulty(page, number)

    def _day_of_faulty(self, page: ScanPage, number: int) -> int:
        """The day of a file with faults: from the lines that can be read, else from its name; else UNKNOWN."""
        try:
            data = page.read(number, frontmatter.MAX_BYTES)
        except OSError:
            data = b""
        return frontmatter.day_written(data, self.reader.zone) or frontmatter.day_named(page.names[number])

    def _refuse(self, page: ScanPage, number: int, day: int, faults: Iterable[Fault]) -> None:
        """Say what is wrong with a file that may be in the range; of one that is of another day say nothing."""
        if day == UNKNOWN:
            hint = "; neither its date nor its name says of which day it is, so it holds up every edition"
            faults = [replace(fault, message=fault.message + hint) for fault in faults]
        else:
            day = self._day_of_faulty(page, number) or day  # that of a glance is the day as written, in any zone
            if (self.start and day < self.start.toordinal()) or (self.end and day > _last_day(self.end)):
                return
        (self.earlier if self.own and UNKNOWN < day < self.own.toordinal() else self.faults).extend(faults)

    def _known(self, page: ScanPage, number: int) -> Parsed | None:
        if not page.stamps:
            return None
        path = page.path(number)
        text = self.index.record(path, page.stamp(number))
        return self.reader.load(path, text) if text else None

    def _parse(self, page: ScanPage, number: int) -> Parsed:
        path = page.path(number)
        try:
            stamp = page.stamp(number)
            if stamp[-1] > frontmatter.MAX_BYTES:
                return None, (frontmatter.too_large(self.reader.shown(path), stamp[-1]),)
            data = page.read(number, stamp[-1] + 1)
            if len(data) > stamp[-1]:  # it has grown since it was listed
                data = page.read(number, frontmatter.MAX_BYTES + 1)
        except FileNotFoundError:
            return None, ()  # it went away since it was listed
        except OSError as error:
            return None, (Fault(file=self.reader.shown(path), message=f"cannot be read ({error.strerror})"),)
        found = self.reader.parse(path, data)
        day = found[0].date.toordinal() if found[0] else self._day_of_faulty(page, number)
        self.index.remember(path, stamp, day, dump_story(found))
        return found

    def _inside(self, story: Story) -> bool:
        # In UTC: two times of one zone compare by the clock on the wall, which is wrong in the hour that comes twice.
        moment = story.date.astimezone(UTC)
        return (not self.start or self.start.astimezone(UTC) <= moment) and (
            not self.end or moment < self.end.astimezone(UTC)
        )

    def _refuse_one_name(self) -> None:
        """Of files whose names differ in how they spell é only, none but the last can be told by its id."""
        paths = {story.id: path for path, story in self._taken.items()}
        for path, story in list(self._taken.items()):
            if paths[story.id] != path:
                message = f"its name differs from {self.reader.shown(paths[story.id])} in spelling only; rename one"
                self.faults.append(Fault(file=story.file, message=message))
                del self._taken[path]


def _last_day(end: datetime) -> int:
    """The last day that begins before `end`, as an ordinal."""
    return (end - timedelta(microseconds=1)).toordinal()


def _order(story: Story) -> tuple[datetime, str]:
    return story.date.astimezone(UTC), story.id
