"""The id of a story: its file's path below the stories folder, with forward slashes and without `.md`."""

from __future__ import annotations

import unicodedata

SUFFIX = ".md"


def story_id(text: str) -> str:
    """The id that a person means who types it, or the file's path: `./`, `stories/` and `.md` are taken off.

    >>> story_id("stories/2022/helping-women.md")
    '2022/helping-women'
    """
    text = unicodedata.normalize("NFC", text.strip().replace("\\", "/"))
    return text.removeprefix("./").removeprefix("stories/").removesuffix(SUFFIX)
