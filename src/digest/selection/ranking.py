"""Order what was selected, cut it at the limit, and put it under headings. Pure, and the same for any order given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from digest.model import Group, LateGroup
from digest.selection.rules import shared
from digest.text.likeness import label_key

if TYPE_CHECKING:
    from digest.model import Audience, Edition, Overrides, Story
    from digest.period import Period

_LAST = 1 << 30


def rank(story: Story, overrides: Overrides) -> tuple[int, int, bool, int, float, str]:
    """The editor's order, then pins, the lead, weight, the newest, and last the id, so that no two are equal."""
    return (
        _place(story.id, overrides.order),
        _place(story.id, overrides.pin),
        not story.lead,
        -story.weight,
        -story.date.timestamp(),
        story.id,
    )


def _place(story_id: str, order: tuple[str, ...]) -> int:
    return order.index(story_id) if story_id in order else _LAST


def cut(ranked: list[Story], limit: int | None, pinned: int) -> tuple[list[Story], list[Story]]:
    """The first `limit`; what an editor pinned is never among the rest."""
    at = len(ranked) if limit is None else max(limit, pinned)
    return ranked[:at], ranked[at:]


def grouped(stories: list[Story], audience: Audience, edition: Edition) -> tuple[Group, ...]:
    """Sections in the order of their first story; months and years newest first; what has no key comes last.

    A lead that its section would not bring to the top stands above all sections, alone.
    """
    keyed: dict[str, list[Story]] = {}
    spelled: dict[str, str] = {}  # by their first stories
    for story in stories:
        key = _key(story, audience, edition)
        keyed.setdefault(spelled.setdefault(label_key(key), key), []).append(story)
    keys = sorted(keyed, reverse=True) if audience.group_by in ("month", "year") else list(keyed)
    keys.sort(key=lambda key: not key)
    sections = [Group(key=key, stories=tuple(keyed[key])) for key in keys]
    if stories and stories[0].lead and sections[0].stories[0] is not stories[0]:
        rest = [replace(section, stories=_without(stories[0], section.stories)) for section in sections]
        sections = [Group(key="", stories=(stories[0],)), *(section for section in rest if section.stories)]
    return tuple(sections)


def _without(one: Story, stories: tuple[Story, ...]) -> tuple[Story, ...]:
    return tuple(story for story in stories if story is not one)


def _key(story: Story, audience: Audience, edition: Edition) -> str:
    match audience.group_by:
        case "none":
            return ""
        case "month" | "year":
            day = story.date.astimezone(edition.period.zone)
            return f"{day:%Y-%m}" if audience.group_by == "month" else f"{day:%Y}"
        case "kicker" | "language":
            return story.kicker if audience.group_by == "kicker" else story.language
        case "channel":
            return _first(story.channels, audience.select.channels)
        case "topic":
            return _first(story.topics, audience.select.topics)
        case "country":
            return _first(story.countries, audience.select.countries)


def _first(values: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    """The value that a story of several stands under: the first that the audience asked for, else its own first."""
    return next(iter(shared(values, wanted) or values), "")


def late_groups(stories: list[Story], earlier: tuple[Period, ...]) -> tuple[LateGroup, ...]:
    """One group for each earlier period, newest first; a story in two that overlap stands in the newer."""
    groups: dict[Period, list[Story]] = {}
    for story in stories:
        period = next(period for period in earlier if story.date in period)
        groups.setdefault(period, []).append(story)
    return tuple(LateGroup(period=p, stories=tuple(groups[p])) for p in earlier if p in groups)
