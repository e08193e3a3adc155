"""A parsed story, or the faults of a file that is none, as text for the index, and back. Pure."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from digest.errors import Fault
from digest.model import Status, Story
from digest.stories.moment import first_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_TEXTS = ("title", "kicker", "credit", "link", "image", "image_alt", "guid", "language", "translation_of", "summary")
_LISTS = ("topics", "countries", "channels")
_PLAIN = ("weight", "lead", "repeat")

_decode = json.JSONDecoder().raw_decode  # json.loads looks at the text three times before it begins

Parsed = tuple[Story | None, tuple[Fault, ...]]


def dump(parsed: Parsed) -> str:
    """The text of what frontmatter.parse returned. The id and the file are left to the index: they are its key."""
    story, faults = parsed
    if story is None:
        return json.dumps({"faults": [(fault.line, fault.key, fault.message) for fault in faults]})
    values: dict[str, Any] = {key: getattr(story, key) for key in (*_TEXTS, *_LISTS, *_PLAIN)}
    values = {key: value for key, value in values.items() if value}
    # A day stays a day: when it begins is for the zone's rules to say, and they change.
    values["day" if story.date_only else "time"] = (
        story.date.date().isoformat() if story.date_only else story.date.astimezone(UTC).isoformat()
    )
    values["status"] = story.status.value
    if story.embargo:
        values["embargo"] = story.embargo.astimezone(UTC).isoformat()
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def load(text: str, *, story_id: str, file: str, zone: ZoneInfo) -> Parsed:
    """What `dump` was given. Raises ValueError, KeyError or TypeError for a text that dump did not write."""
    values = _decode(text)[0]
    if "faults" in values:
        faults = (Fault(file=file, line=line, key=key, message=message) for line, key, message in values["faults"])
        return None, tuple(faults)
    day, time, embargo = values.pop("day", None), values.pop("time", None), values.pop("embargo", None)
    for key in _LISTS:
        if key in values:
            values[key] = tuple(values[key])
    status = Status(values.pop("status"))
    return Story(
        id=story_id,
        file=file,
        date=first_instant(date.fromisoformat(day), zone) if day else _instant(time, zone),
        date_only=day is not None,
        status=status,
        embargo=_instant(embargo, zone) if embargo else None,
        **values,
    ), ()


def _instant(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)
