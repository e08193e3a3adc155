"""Parse, name and step periods: months, quarters, years, ISO weeks, and spans between two dates.

A period is half-open, `[start, end)`, from midnight to midnight in the newsroom's zone; its edges are computed from
the calendar, never by adding hours, so a change to or from summer time cannot move them. Pure: `now` is an argument.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from digest.errors import PeriodError

if TYPE_CHECKING:
    from datetime import tzinfo

Kind = Literal["month", "quarter", "year", "week", "span"]
KINDS: tuple[Kind, ...] = ("month", "quarter", "year", "week")

_EXAMPLE: dict[Kind, str] = {
    "month": "2022-02",
    "quarter": "2022-Q1",
    "year": "2021",
    "week": "2022-W07",
    "span": "2022-02-01--2022-02-15",
}
_FORM: dict[Kind, re.Pattern[str]] = {
    "month": re.compile(r"(\d{4})-(\d{2})", re.ASCII),
    "quarter": re.compile(r"(\d{4})-[Qq]([1-4])", re.ASCII),
    "year": re.compile(r"(\d{4})", re.ASCII),
    "week": re.compile(r"(\d{4})-[Ww](\d{2})", re.ASCII),
    "span": re.compile(r"(\d{4}-\d{2}-\d{2})--(\d{4}-\d{2}-\d{2})", re.ASCII),
}


class Period(Struct, frozen=True, kw_only=True):
    """A stretch of calendar days in one zone. `first` is its first day, `after` the first day that is not in it."""

    kind: Kind
    first: date
    after: date
    zone: tzinfo

    @property
    def id(self) -> str:
        """The period as it is typed and stored: `2022-02`, `2022-Q1`, `2021`, `2022-W07`, `2022-02-01--2022-02-15`."""
        match self.kind:
            case "month":
                return f"{self.first.year:04}-{self.first.month:02}"
            case "quarter":
                return f"{self.first.year:04}-Q{(self.first.month + 2) // 3}"
            case "year":
                return f"{self.first.year:04}"
            case "week":
                year, week, _ = self.first.isocalendar()
                return f"{year:04}-W{week:02}"
            case "span":
                return f"{self.first}--{self.after}"

    @property
    def start(self) -> datetime:
        """The first instant that is in the period."""
        return first_instant(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first instant that is no longer in the period."""
        return first_instant(self.after, self.zone)

    def __contains__(self, moment: object) -> bool:
        """Tell whether an aware datetime falls in `[start, end)`."""
        if not isinstance(moment, datetime):
            return False
        # In UTC: two times of one zone compare by the clock on the wall, which is wrong in the hour that comes twice.
        return self.start.astimezone(UTC) <= moment.astimezone(UTC) < self.end.astimezone(UTC)

    def step(self, count: int) -> Period:
        """The period `count` steps later (earlier when negative). A span steps by its own length in days.

        Raises PeriodError when that would leave the years 1 to 9999.
        """
        try:
            if self.kind in ("week", "span"):
                shift = (self.after - self.first) * count
                return Period(kind=self.kind, first=self.first + shift, after=self.after + shift, zone=self.zone)
            months = {"month": 1, "quarter": 3, "year": 12}[self.kind]
            first = _add_months(self.first, months * count)
            return Period(kind=self.kind, first=first, after=_add_months(first, months), zone=self.zone)
        except (OverflowError, ValueError):
            message = f"{self.id}: {count:+} steps from there is outside the calendar (years 1 to 9999)"
            raise PeriodError(message) from None


def parse(text: str, zone: tzinfo, *, kind: Kind | None = None) -> Period:
    """Read a period from its id. With `kind`, only that kind is taken, and the message says what it looks like.

    Raises PeriodError for text that is no period or a period that does not exist (month 13, week 53 of a short year).
    """
    text = text.strip()
    for candidate in (kind,) if kind else _FORM:
        if found := _FORM[candidate].fullmatch(text):
            return _build(candidate, text, found, zone)
    if kind:
        message = f"{text!r} is not a {kind}; write it like {_EXAMPLE[kind]}"
        raise PeriodError(message)
    message = f"{text!r} is not a period; write a month 2022-02, quarter 2022-Q1, year 2021 or week 2022-W07"
    raise PeriodError(message)


def span(since: str, until: str, zone: tzinfo) -> Period:
    """Read the period from `since` (included) to `until` (not included), both `YYYY-MM-DD`. Raises PeriodError."""
    first, after = _day(since, "since"), _day(until, "until")
    if after <= first:
        message = f"--until {until} is not after --since {since}; the day of --until is the first one left out"
        raise PeriodError(message)
    return Period(kind="span", first=first, after=after, zone=zone)


def containing(moment: datetime | date, kind: Kind, zone: tzinfo) -> Period:
    """The period of this kind (not `span`) that holds `moment`; a date stands for itself. Raises PeriodError."""
    if kind == "span":
        message = "a span holds the days it was given; there is no last one"
        raise PeriodError(message)
    day = moment.astimezone(zone).date() if isinstance(moment, datetime) else moment
    return parse(Period(kind=kind, first=day, after=day, zone=zone).id, zone, kind=kind)


def last(kind: Kind, now: datetime, zone: tzinfo) -> Period:
    """The newest period of this kind that is over at `now`: `--last month` on 3 March is February."""
    return containing(now, kind, zone).step(-1)


def _build(kind: Kind, text: str, found: re.Match[str], zone: tzinfo) -> Period:
    try:
        match kind:
            case "month":
                first = date(int(found[1]), int(found[2]), 1)
                after = _add_months(first, 1)
            case "quarter":
                first = date(int(found[1]), int(found[2]) * 3 - 2, 1)
                after = _add_months(first, 3)
            case "year":
                first = date(int(found[1]), 1, 1)
                after = _add_months(first, 12)
            case "week":
                first = date.fromisocalendar(int(found[1]), int(found[2]), 1)
                after = first + timedelta(days=7)
            case "span":
                return span(found[1], found[2], zone)
        return Period(kind=kind, first=first, after=after, zone=zone)
    except (OverflowError, ValueError):
        message = f"{text!r} is not a {kind} that exists; write it like {_EXAMPLE[kind]}"
        raise PeriodError(message) from None


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        message = f"--{name} {text!r} is not a day that exists; write it like 2022-02-14"
        raise PeriodError(message) from None


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, day.day)


@lru_cache(4096)  # a month has thirty of them, whatever the number of its stories
def first_instant(day: date, zone: tzinfo) -> datetime:
    """When `day` begins in `zone`. Where the clocks skip midnight (Beirut, São Paulo), that is after the gap."""
    naive = datetime.combine(day, time(), tzinfo=zone)
    # A wall time that does not exist comes back from UTC as another one: then that other one is the day's first.
    return naive.astimezone(UTC).astimezone(zone)
