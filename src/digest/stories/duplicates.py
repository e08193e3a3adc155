"""Which stories are one story in two files: the same link or guid, in the same language. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from digest.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from digest.model import Story

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
