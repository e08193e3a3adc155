"""Read the dates of a story file: a day, or a time with its zone. Never a guess, and never "now"."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_FORM = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ] ?(?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?) ?(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
# The first and the last year are what machines write for "none" and "never", no period holds them whole, and their
# edges fall out of the calendar in half of the zones.
_FIRST_YEAR, _LAST_YEAR = 2, 9998


def read(text: str, zone: ZoneInfo) -> tuple[datetime, bool]:
    """Return the instant in `zone`, and whether only a day was given (then it is that day's first instant there).

    Raises ValueError that says what is wrong and how to write it: another form, a day or time that does not exist, a
    time without a zone, a year outside 2 to 9998.
    """
    text = text.strip()
    found = _FORM.fullmatch(text)
    if not found:
        message = f"{text!r} is no date; write a day like 2022-02-14, or a time like 2022-02-14T09:00+01:00"
        raise ValueError(message)
    try:
        day = date.fromisoformat(found["day"])
        clock = time.fromisoformat((found["time"] or "00:00") + (found["offset"] or "").upper())
    except ValueError as error:
        message = f"{text!r} does not exist in the calendar ({error}); correct it"
        raise ValueError(message) from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        message = f"{text!r} is a placeholder, not a date; write the day on which the story was published"
        raise ValueError(message)
    if found["time"] is None:
        return first_instant(day, zone), True
    if found["offset"] is None:
        aware = datetime.combine(day, clock, tzinfo=zone).isoformat()
        message = f"{text!r} has a time but no zone; in {zone.key} it would be {aware}"
        raise ValueError(message)
    return datetime.combine(day, clock).astimezone(zone), False


@lru_cache(4096)  # a month has thirty of them, whatever the number of its stories
def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """When `day` begins in `zone`. Where the clocks skip midnight, that is the moment after the gap."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC).astimezone(zone)
