"""The newsroom's folder of story files, read for a period. It never writes a story file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from digest.errors import Fault, StoryError
from digest.files import spelled_below
from digest.model import STORY_KEYS, STORY_SUFFIX, story_id
from digest.stories import frontmatter
from digest.stories.index import DamagedIndexError, Index, discard
from digest.stories.walk import Gathering, StoryReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from digest.model import Story


class FolderSource:
    """The story files `**/*.md` below `root`. `zone` and `language` are the newsroom's.

    `index` is where the index is kept; it is made when it is not there, and None does without one. With `skip_bad`,
    files with faults are left out, and `faults` has what was wrong with them after each call.
    """

    def __init__(
        self, root: Path, *, zone: ZoneInfo, language: str, index: Path | None = None, skip_bad: bool = False
    ) -> None:
        self.faults: tuple[Fault, ...] = ()
        self._reader = StoryReader(root=root, zone=zone, language=language)
        self._index = index
        self._skip_bad = skip_bad

    def stories(
        self, start: datetime | None = None, end: datetime | None = None, *, own: datetime | None = None
    ) -> Sequence[Story]:
        """Every story dated in `[start, end)` (None: open), drafts and withdrawn ones too, ordered by date, then id.

        Raises StoryError with every fault of every file that could be in the range, unless bad ones are skipped. A
        file that dates itself before `own` stops nothing: it is left out and named in `faults`.
        """
        gathered = self._gather(start, end, own)
        self.faults = (*gathered.faults, *gathered.earlier)
        if gathered.faults and not self._skip_bad:
            raise StoryError(gathered.faults)
        return gathered.stories

    def story(self, name: str) -> Story:
        """The story with this id, or in this file. Raises StoryError when there is none, or when it has faults."""
        path = story_id(name) + STORY_SUFFIX
        shown = self._reader.shown(path)
        if path.startswith("/") or ".." in path.split("/"):
            raise StoryError([Fault(file=shown, message="is outside of the stories folder")])
        try:
            data = spelled_below(self._reader.root, path).read_bytes()
        except FileNotFoundError:
            raise StoryError([Fault(file=shown, message="is not there")]) from None
        except OSError as error:
            raise StoryError([Fault(file=shown, message=f"cannot be read ({error.strerror})")]) from None
        story, faults = self._reader.parse(path, data)
        if story is None:
            raise StoryError(faults)
        return story

    def _gather(self, start: datetime | None, end: datetime | None, own: datetime | None) -> Gathering:
        if self._index is not None:
            for _ in range(2):
                try:
                    return self._walk(self._index, start, end, own)
                except DamagedIndexError:
                    with contextlib.suppress(OSError):  # where it cannot be removed, the walk goes without it
                        discard(self._index)
        return self._walk(None, start, end, own)

    def _walk(
        self, index: Path | None, start: datetime | None, end: datetime | None, own: datetime | None
    ) -> Gathering:
        reader = self._reader
        known = ",".join(STORY_KEYS)  # a key that is new makes a story of what was a file with a fault
        owner = f"{frontmatter.VERSION} {known} {reader.language} {reader.zone.key} {reader.root.resolve()}"
        with contextlib.closing(Index(index, owner)) as opened:
            gathering = Gathering(reader=reader, index=opened, start=start, end=end, own=own)
            gathering.run()
            return gathering
