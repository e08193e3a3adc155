"""When each edition is due, and what is due now.

    rules, now, what was done ─due─▶ tasks: to be made now, or held because their time is long past

An edition of a period is due once, at a moment in the stretch of the same length that follows the period: February's
digest is due in March. The rules for odd days: day 31 of a short month is its last day; a time that the clocks skip
comes as much later as they skip (02:30 is 03:30); a time that comes twice is the first of the two. Pure: `now` is an
argument, working days are asked of a function that is handed in, and nothing here builds, sends or remembers.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from digest import period
from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from datetime import tzinfo

    from digest.errors import Fault
    from digest.model import Needed
    from digest.period import Kind, Period
    from digest.yamlfile import Document

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
_ON = re.compile(
    rf"(?:(?:the )?(?P<nth>{'|'.join(_NTH)}|\d{{1,2}}(?:st|nd|rd|th)) )?(?P<what>working day|day|{'|'.join(_DAYS)})"
    r"|(?:day )?(?P<number>\d{1,2})"
)
_MONTH = 31
_WEEK = 7
_FRIDAYS = 5  # that a month may have
_SATURDAY = 5
_TRIED: dict[Kind, tuple[str, int]] = {  # the four years in which a cron line must have a time for each period
    "month": ("2023-02", 48), "quarter": ("2023-Q1", 16), "year": ("2023", 4), "week": ("2023-W05", 209),
}  # fmt: skip


def weekdays_only(day: date) -> bool:
    """Monday to Friday: working days where no country's holidays are known."""
    return day.weekday() < _SATURDAY


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleLine:
    """One line of `schedule:`. `on` is read by `check_on`; `cron` (five fields) is given instead of `on` and `at`.

    `works` tells a working day; `country` is the name of whose days those are, where it is not Monday to Friday.
    """

    period: Kind
    zone: tzinfo
    on: str = "first working day"
    at: time = time(9)
    cron: str = ""
    audiences: tuple[str, ...] = ()
    approval: Needed = "none"
    catch_up: timedelta = timedelta(days=3)
    country: str = ""
    works: Callable[[date], bool] = field(default=weekdays_only, compare=False, repr=False)


class Task(Struct, frozen=True, kw_only=True):
    """One audience's edition of one period. `held`: its time passed longer ago than the rule's `catch_up`."""

    rule: ScheduleLine
    period: Period
    audience: str
    at: datetime
    held: bool = False

    @property
    def name(self) -> str:
        """`2022-02/everyone`."""
        return "/".join(self.key)

    @property
    def key(self) -> tuple[str, str]:
        """What marks it as done: (period id, audience)."""
        return self.period.id, self.audience


def due(
    rules: Sequence[ScheduleLine], now: datetime, done: Container[tuple[str, str]], since: datetime
) -> tuple[Task, ...]:
    """Everything whose time has come at `now` and that is not in `done`, in the order of its time.

    `since` is when the schedule was put in force: what was due before is none of its business. A task inside its
    rule's `catch_up` is to be done now; an older one is `held` for a person, and named at every call until it is done.
    """
    utc = now.astimezone(UTC)  # of two times in one zone Python takes the clocks' difference, whatever was put forward
    found = [
        Task(rule=rule, period=span, audience=audience, at=at, held=utc - at > rule.catch_up)
        for rule in rules
        for span in _periods(rule, since, now)
        for at in [scheduled(rule, span)]
        if since <= at <= now
        for audience in rule.audiences
        if (span.id, audience) not in done
    ]
    once: dict[tuple[str, str], Task] = {}
    for task in sorted(found, key=lambda task: (task.at, task.period.id, task.audience)):
        once.setdefault(task.key, task)  # two rules may name one edition: the earlier one counts
    return tuple(once.values())


def upcoming(rules: Sequence[ScheduleLine], now: datetime, count: int) -> tuple[Task, ...]:
    """The next `count` tasks of each rule whose time is still to come, in the order of their time."""
    tasks: list[Task] = []
    for rule in rules:
        span = period.last(rule.period, now, rule.zone).step(-1)
        found: list[Task] = []
        while len(found) < count * max(1, len(rule.audiences)):
            at = scheduled(rule, span)
            if at > now:
                found += [Task(rule=rule, period=span, audience=name, at=at) for name in rule.audiences or ("",)]
            span = span.step(1)
        tasks += found
    return tuple(sorted(tasks, key=lambda task: (task.at, task.period.id, task.audience)))


def scheduled(rule: ScheduleLine, span: Period) -> datetime:
    """The moment at which this period's editions are due: in the period's zone, after the period is over."""
    if rule.cron:
        return _next_cron(rule, span)
    return moment(_day(rule, span), rule.at, rule.zone)


def moment(day: date, at: time, zone: tzinfo) -> datetime:
    """The instant of a wall time: later by the gap when the clocks skip it, the first of two when it comes twice."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC).astimezone(zone)


def check_on(on: str, kind: Kind) -> None:
    """Refuse an `on` that cannot be read, or counts further than any such stretch goes. Raises UsageError."""
    found = _ON.fullmatch(on.strip().lower())
    if found is None or not 1 <= abs(_place(found)) <= _most(found["what"] or "day", kind):
        message = f"{on!r} is not a day; write: first working day, last day, day 15, second tuesday, last friday" + (
            ", monday" if kind == "week" else ""
        )
        raise UsageError(message)


def either_day(line: str) -> str:
    """What a cron line with a day of the month and a weekday really means, in words; empty where it has one or none.

    >>> either_day("0 9 1-7 * 1")
    "'0 9 1-7 * 1': cron takes day 1-7 of the month or weekday 1, whichever comes first; for both at once write `on: …`"
    """
    fields = line.split()
    if len(fields) != 5 or "*" in (fields[2][0], fields[4][0]):  # noqa: PLR2004 - minute hour day month weekday
        return ""
    return (
        f"{line!r}: cron takes day {fields[2]} of the month or weekday {fields[4]}, whichever comes first; "
        "for both at once write `on: …`"
    )


def either_days(document: Document) -> Iterator[Fault]:
    """What such cron lines of config.yaml really mean, each on its line; none of them is a mistake."""
    schedule = document.data.get("schedule")
    for number, part in enumerate(schedule if isinstance(schedule, list) else ()):
        if isinstance(part, dict) and (words := either_day(str(part.get("cron", "")))):
            yield document.fault(("schedule", number, "cron"), words)


def check_cron(line: str, kind: Kind) -> None:
    """Refuse a cron line that cannot be read, or that has no time of its own for each period. Raises UsageError."""
    from croniter import croniter

    chance = re.search(r"(?<![a-z])[hr](?![a-z])", line, re.IGNORECASE)  # croniter would draw another time at each run
    if len(line.split()) != 5 or chance or not croniter.is_valid(line):  # noqa: PLR2004 - minute hour day month weekday
        message = f"{line!r} is not a cron line; write five fields: minute hour day month weekday, like 0 9 1 * *"
        raise UsageError(message)
    first, count = _TRIED[kind]
    span = period.parse(first, UTC)
    for step in range(count):
        if (at := _wall(line, span.step(step).after)) is None or at.date() >= span.step(step + 1).after:
            message = (
                f"{line!r} does not come in each {kind}: for {span.step(step).id} there is no time before the next "
                f"{kind}'s; write a line that does, or `on`, where day 31 is the last day of a short month"
            )
            raise UsageError(message)


def _place(found: re.Match[str]) -> int:
    """Which of the days an `on` means: 3 for `third friday`, 15 for `day 15`, -1 for `last day`, 1 for `monday`."""
    nth = found["number"] or found["nth"] or "first"
    return _NTH.get(nth) or int(nth.rstrip("stndrh"))


def _most(what: str, kind: Kind) -> int:
    """How far this kind of day can be counted in the stretch in which a period's editions are due."""
    if what in _DAYS:
        return 1 if kind == "week" else _FRIDAYS
    return _WEEK if kind == "week" else _MONTH


def _periods(rule: ScheduleLine, since: datetime, now: datetime) -> Iterator[Period]:
    """The periods that were over at some time between `since` and `now`."""
    span = period.last(rule.period, since, rule.zone)
    newest = period.last(rule.period, now, rule.zone)
    while span.first <= newest.first:
        yield span
        span = span.step(1)


def _day(rule: ScheduleLine, span: Period) -> date:
    """The day of `on`, counted from the day after the period: within a month, or within a week for weeks."""
    first = span.after
    length = _WEEK if span.kind == "week" else monthrange(first.year, first.month)[1]
    days = [first + timedelta(days=offset) for offset in range(length)]
    found = _ON.fullmatch(rule.on.strip().lower())
    assert found is not None, f"{rule.on!r} was not checked by check_on"
    what, place = found["what"] or "day", _place(found)
    if what == "working day":
        days = [day for day in days if rule.works(day)] or days[-1:]
    elif what != "day":
        days = [day for day in days if day.weekday() == _DAYS.index(what)]
    return days[-1] if place < 0 else days[min(place, len(days)) - 1]


def _next_cron(rule: ScheduleLine, span: Period) -> datetime:
    """The first time after the period at which cron would fire, by the wall clock of the zone."""
    wall = _wall(rule.cron, span.after)
    assert wall is not None, f"{rule.cron!r} was not checked by check_cron"
    return moment(wall.date(), wall.time(), rule.zone)


def _wall(line: str, first: date) -> datetime | None:
    """The first time of a cron line on or after this day, on the clock on the wall; None when there is none, ever."""
    from croniter import CroniterBadDateError, croniter

    # croniter counts on naive wall times here, so that our own rules for gaps and repeats hold.
    before = datetime.combine(first, time()) - timedelta(minutes=1)
    try:
        found: datetime = croniter(line, before).get_next(datetime)
    except CroniterBadDateError:
        return None
    return found
