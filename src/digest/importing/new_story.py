"""Begin a story's file by hand: a title, a day, and what else is known, as a draft that nobody is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest import files
from digest.errors import Fault, StoryError
from digest.importing.naming import story_name
from digest.model import STORY_SUFFIX, Status
from digest.stories import frontmatter, writing
from digest.stories.walk import names_taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

_SUMMARY = "A sentence or two: what happened, and why it matters to this reader."


def begin(folder: Path, fields: Mapping[str, object], day: str, zone: ZoneInfo, language: str) -> Path:
    """Write the file, named after its day and title. Raises StoryError for fields that no story may have.

    `language` is the newsroom's, for a story that names none.
    """
    text = writing.serialise({**fields, "date": day, "status": Status.DRAFT}, _SUMMARY)
    story, faults = frontmatter.parse(text.encode(), story_id="new", file="", zone=zone, language=language)
    if story is None:
        raise StoryError([Fault(file="the new story", key=fault.key, message=fault.message) for fault in faults])
    path = folder / f"{story_name(f'{story.date:%Y-%m-%d}', story.title, names_taken(folder))}{STORY_SUFFIX}"
    with files.writing(files.typed(path)):
        files.write_whole(path, text.encode())
    return path
