"""One walk over the stories folder: which stories are in a range, and what is wrong with files that could be.

    scan ─page─▶ as the index knows it? ─no─▶ glance at the changed files, or parse them
                        │ yes                           │
                        └─────── days that fit ◀────────┘ ─▶ stories, from the index or parsed ─▶ no two the same

Every file is checked against the index, so that no change is missed; only what may be in the range is parsed. It
holds one page and what it selects, and reports a fault of a file only when that file may be in the range.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from digest.errors import Fault
from digest.model import STORY_SUFFIX, Status
from digest.stories import frontmatter, scan
from digest.stories.header_peek import SIZE, UNKNOWN, glance, mark, of_story
from digest.stories.index import PER_GLANCE, DamagedIndexError, dump_story, load_story

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from digest.model import Story
    from digest.stories.header_peek import Glance
    from digest.stories.index import Index, Parsed
    from digest.stories.scan import ScanPage

_NOTHING: Glance = (UNKNOWN, 0, 0)
_FIRST, _LAST = 1, 10_000 * 366  # no day's ordinal is outside
_MARGIN = 2  # days between a date as written and its day in another zone, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryReader:
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
        """The same from the index; None when what it holds makes no sense."""
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


@dataclass(slots=True)
class Gathering:
    """The walk. `run` it once; then `stories` are in order, by date and id, and `faults` by file and line."""

    reader: StoryReader
    index: Index
    start: datetime | None
    end: datetime | None
    stories: list[Story] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _taken: dict[str, Story] = field(default_factory=dict)
    _places: list[tuple[str, str, int]] = field(default_factory=list)  # folder, last name and length of each page
    _marks: tuple[array[int], array[int]] = field(default_factory=lambda: (array("I"), array("I")))  # per key, per file

    def run(self) -> None:
        """Walk. Raises DamagedIndexError; then another walk, with another index, is needed."""
        first = self.start.toordinal() - _MARGIN if self.start else _FIRST
        last = self.end.toordinal() + _MARGIN if self.end else _LAST
        self.index.recall(first, last)
        for page in scan.pages(self.reader.root, self.index.ends, self.faults):
            parsed: dict[int, Parsed] = {}
            glances = self._glances(page, parsed)
            self._places.append((page.folder, page.names[-1], len(page.names)))
            for number, marks in enumerate(self._marks, 1):
                marks.extend(glances[number::PER_GLANCE])
            for number, day in enumerate(glances[0::PER_GLANCE]):
                if first <= day <= last or day == UNKNOWN:
                    found = parsed.get(number) or self._known(page, number) or self._parse(page, number)
                    self._take(page.path(number), found)
        self.index.finish()
        self._refuse_duplicates()
        self.stories = sorted(self._taken.values(), key=_order)
        self.faults.sort(key=lambda fault: (fault.file, fault.line))

    def _glances(self, page: ScanPage, parsed: dict[int, Parsed]) -> array[int]:
        """Three numbers for each file of the page, from the index where the file is unchanged."""
        known = self.index.page(page.folder, page.names[-1])
        if known and known.covers(page):
            return known.glances
        if not page.stamps:
            return self._first_glances(page, parsed)
        before = known.by_name() if known else {}
        seen: list[Iterable[int] | None] = [None] * len(page.names)
        for number, name in enumerate(page.names if before else ()):
            old = before.pop(name, None)
            if old and old[0] == page.stamp(number):
                seen[number] = old[1]
        changed = [number for number, one in enumerate(seen) if one is None]
        for number, head in zip(changed, page.heads(changed, SIZE), strict=True):
            seen[number] = (head and glance(head)) or self._closer_look(page, number, head, parsed)
        glances = array("I", chain.from_iterable(one or _NOTHING for one in seen))
        self.index.learn(page, glances, gone=[page.folder + name for name in before])
        return glances

    def _first_glances(self, page: ScanPage, parsed: dict[int, Parsed]) -> array[int]:
        """The same for a page of a folder of which the index knows nothing."""
        glances = array("I")
        for number, head in enumerate(page.heads(range(len(page.names)), SIZE, stamps=self.index.is_kept)):
            glances.extend((head and glance(head)) or self._closer_look(page, number, head, parsed))
        self.index.learn(page, glances, gone=())
        return glances

    def _closer_look(self, page: ScanPage, number: int, head: bytes | None, parsed: dict[int, Parsed]) -> Glance:
        """What a glance could not tell, or could not because the file cannot be read: parsing will say so."""
        story, _ = parsed[number] = self._parse(page, number)
        if story:
            return of_story(story)
        return (frontmatter.day_written(head, self.reader.zone) if head else UNKNOWN), 0, 0

    def _take(self, path: str, found: Parsed) -> None:
        story, faults = found
        self.faults += faults
        if story and self._inside(story):
            self._taken[path] = story

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
        day = found[0].date.toordinal() if found[0] else frontmatter.day_written(data, self.reader.zone)
        self.index.remember(path, stamp, day, dump_story(found))
        return found

    def _inside(self, story: Story) -> bool:
        # In UTC: two times of one zone compare by the clock on the wall, which is wrong in the hour that comes twice.
        moment = story.date.astimezone(UTC)
        return (not self.start or self.start.astimezone(UTC) <= moment) and (
            not self.end or moment < self.end.astimezone(UTC)
        )

    def _refuse_duplicates(self) -> None:
        """Find stories in two files, one of them selected. The later one is at fault, and is not taken."""
        others = {path: story for path in self._suspects() if (story := self._elsewhere(path))}
        paths = {story.id: path for path, story in self._taken.items()}
        for story, earlier, key in duplicates(sorted((*self._taken.values(), *others.values()), key=_order)):
            if story.id in paths or earlier.id in paths:
                self.faults.append(self._repetition(story, earlier, key))
                self._taken.pop(paths.get(story.id, ""), None)
        for path, story in list(self._taken.items()):
            if paths[story.id] != path:
                message = f"its name differs from {self.reader.shown(paths[story.id])} in spelling only; rename one"
                self.faults.append(Fault(file=story.file, message=message))
                del self._taken[path]

    def _suspects(self) -> list[str]:
        """Paths of files that are not selected, and whose link or guid may be that of a story that is."""
        found: list[str] = []
        for key, marks in zip(KEYS, self._marks, strict=True):
            wanted = {mark(getattr(story, key).encode()) for story in self._taken.values()} - {0}
            counts = Counter([one for one in marks if one in wanted] if wanted else ())
            twice = {one for one, count in counts.items() if count > 1}
            start = 0
            for folder, last, length in self._places if twice else ():
                hits = [number for number, one in enumerate(marks[start : start + length]) if one in twice]
                start += length
                if hits:
                    known = self.index.page(folder, last)
                    if known is None:
                        message = "a page that was there is there no more"
                        raise DamagedIndexError(message)
                    names = known.names.split("\0")
                    found += [folder + names[number] for number in hits]
        return [path for path in dict.fromkeys(found) if path not in self._taken]

    def _elsewhere(self, path: str) -> Story | None:
        try:
            return self.reader.parse(path, (self.reader.root / path).read_bytes())[0]
        except OSError:
            return None

    def _repetition(self, story: Story, earlier: Story, key: str) -> Fault:
        try:
            line = frontmatter.line_of(key, Path(story.file).read_bytes())
        except OSError:
            line = 0
        message = f"is the same as that of {earlier.file}; keep one of the two, or say translation_of"
        return Fault(file=story.file, line=line, key=key, message=message)


def _order(story: Story) -> tuple[datetime, str]:
    return story.date.astimezone(UTC), story.id


Key = Literal["link", "guid"]
KEYS: tuple[Key, ...] = ("link", "guid")


def duplicates(stories: Iterable[Story]) -> Iterator[tuple[Story, Story, Key]]:
    """Pairs (a story, the earlier one that it repeats, by which key); a story is named once.

    `stories` are in order. Translations of each other share an address by right, drafts and withdrawn ones do not
    count.
    """
    seen: dict[tuple[Key, str], list[Story]] = {}
    for story in stories:
        if story.status is not Status.PUBLISHED:
            continue
        repeated = False
        for key in KEYS:
            value = getattr(story, key)
            if not value:
                continue
            others = seen.setdefault((key, value), [])
            other = next((one for one in others if not _translations(one, story)), None)
            others.append(story)
            if other and not repeated:
                repeated = True
                yield story, other, key


def _translations(one: Story, other: Story) -> bool:
    return (
        one.language != other.language
        or one.translation_of == other.id
        or other.translation_of == one.id
        or (one.translation_of != "" and one.translation_of == other.translation_of)
    )
