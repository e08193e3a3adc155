"""When editions are due: the stated rules for odd days, the clocks' jumps, and outages."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest import period
from digest.config.schedule_lines import (
    ScheduleLine,
    check_cron,
    check_on,
    due,
    either_day,
    moment,
    scheduled,
    upcoming,
)
from digest.errors import UsageError

ZONES = ["UTC", "Europe/Zurich", "America/New_York", "Pacific/Kiritimati", "Australia/Lord_Howe"]
ZURICH = ZoneInfo("Europe/Zurich")
MONTHS = [(year, month) for year in range(2021, 2025) for month in range(1, 13)]


def rule(**more) -> ScheduleLine:
    return ScheduleLine(**{"period": "month", "zone": ZURICH, "audiences": ("everyone",), **more})


def on(text, span, **more):
    return scheduled(rule(on=text, **more), period.parse(span, ZURICH)).date()


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("first day", "2022-02", date(2022, 3, 1)),
        ("last day", "2022-01", date(2022, 2, 28)),
        ("last day", "2024-01", date(2024, 2, 29)),
        ("day 31", "2022-01", date(2022, 2, 28)),
        ("day 31", "2024-01", date(2024, 2, 29)),
        ("31", "2022-03", date(2022, 4, 30)),
        ("15", "2022-02", date(2022, 3, 15)),
        ("15th day", "2022-02", date(2022, 3, 15)),
        ("first monday", "2022-02", date(2022, 3, 7)),
        ("second tuesday", "2022-02", date(2022, 3, 8)),
        ("last friday", "2022-11", date(2022, 12, 30)),
        ("fifth friday", "2022-01", date(2022, 2, 25)),  # there are four: the last
        ("first working day", "2021-12", date(2022, 1, 3)),  # the 1st is a Saturday
        ("last working day", "2022-06", date(2022, 7, 29)),
        ("third working day", "2022-02", date(2022, 3, 3)),
        ("day 1", "2022-12", date(2023, 1, 1)),
    ],
)
def test_each_way_to_name_a_day(text, span, expected):
    """The day is counted in the month after the period; 31 in a short month is its last day."""
    check_on(text, "month")
    assert on(text, span) == expected


@pytest.mark.parametrize(
    ("kind", "span", "text", "expected"),
    [
        ("quarter", "2022-Q1", "first working day", date(2022, 4, 1)),
        ("quarter", "2022-Q4", "15", date(2023, 1, 15)),
        ("year", "2021", "last day", date(2022, 1, 31)),
        ("week", "2022-W07", "monday", date(2022, 2, 21)),
        ("week", "2022-W52", "friday", date(2023, 1, 6)),
        ("week", "2022-W07", "first working day", date(2022, 2, 21)),
    ],
)
def test_other_periods_are_due_just_after_they_end(kind, span, text, expected):
    """A quarter and a year are due in the month after them, a week in the week after it."""
    check_on(text, kind)
    assert on(text, span, period=kind) == expected


def test_holidays_are_not_working_days():
    """Working days are asked of the function that is handed in: 3 January off moves the day to the 4th."""
    closed = {date(2022, 1, 3)}

    def works(day: date) -> bool:
        return day.weekday() < 5 and day not in closed

    assert on("first working day", "2021-12", works=works) == date(2022, 1, 4)


@pytest.mark.parametrize("text", ["", "someday", "day 32", "0", "first fryday", "sixth", "second weekend"])
def test_a_day_that_cannot_be_read_is_refused(text):
    """The message shows how to write one."""
    with pytest.raises(UsageError, match="first working day"):
        check_on(text, "month")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0th monday", "month"), ("6th friday", "month"), ("32nd day", "quarter"), ("99th working day", "month"),
        ("00", "month"), ("second monday", "week"), ("8th day", "week"), ("31st working day", "week"),
    ],
)  # fmt: skip
def test_a_day_counted_further_than_there_are_any_is_refused(text, kind):
    """No month has a sixth Friday and no week a second Monday: never taken in silence for another day."""
    with pytest.raises(UsageError, match="is not a day"):
        check_on(text, kind)


@pytest.mark.parametrize("line", ["", "0 9 1 *", "0 9 1 * * *", "61 9 1 * *", "@monthly", "R R 1 * *", "H 9 1 * *"])
def test_a_cron_line_that_cannot_be_read_is_refused(line):
    """Five fields, each in its range, and none that is drawn anew at each run."""
    with pytest.raises(UsageError, match="five fields"):
        check_cron(line, "month")


@pytest.mark.parametrize(
    ("line", "kind", "span"),
    [
        ("0 9 30 2 *", "month", "2023-02"),  # never
        ("0 9 31 * *", "month", "2023-03"),  # not in April
        ("0 9 1 1 *", "month", "2023-02"),  # twelve months on one day
        ("0 9 29 2 *", "year", "2024"),
        ("0 9 1 * *", "week", "2023-W05"),
        ("0 9 15 5 *", "quarter", "2023-Q2"),
    ],
)
def test_a_cron_line_that_leaves_out_a_period_is_refused(line, kind, span):
    """Two editions of one rule never fall on one moment, and a date that never comes is no traceback later."""
    with pytest.raises(UsageError, match=f"does not come in each {kind}: for {span} "):
        check_cron(line, kind)


@pytest.mark.parametrize(
    ("line", "kind"),
    [("0 9 1 * *", "month"), ("0 9 L * *", "month"), ("0 9 * * mon#1", "month"), ("0 9 28 1-12 THU", "month"),
     ("30 8 * * FRI", "week"), ("0 9 15 2,5,8,11 *", "quarter"), ("0 9 1 MAR *", "year")],
)  # fmt: skip
def test_a_cron_line_for_each_kind_of_period(line, kind):
    """Names of days and months, the last day and the first Monday are read; each period has its own time."""
    check_cron(line, kind)
    span = period.parse({"month": "2022-01", "week": "2022-W01", "quarter": "2022-Q1", "year": "2021"}[kind], ZURICH)
    made = rule(period=kind, cron=line)
    for step in range(60):
        assert scheduled(made, span.step(step)) in span.step(step + 1)


@pytest.mark.parametrize("line", ["0 9 1-7 * 1", "0 9 15 * mon", "0 9 1 * 1-5"])
def test_a_cron_line_with_two_days_is_explained(line):
    """Cron takes either of them, which few people mean: it is taken, and said in words."""
    check_cron(line, "month")
    assert "whichever comes first" in either_day(line)


@pytest.mark.parametrize("line", ["0 9 1 * *", "0 9 * * 1", "0 9 */2 * 1", "nonsense"])
def test_a_cron_line_with_one_day_needs_no_words(line):
    """One of the two is free: cron then goes by the other."""
    assert either_day(line) == ""


def test_a_cron_line_gives_the_first_time_after_the_period():
    """The first time that cron would fire once the period is over, midnight included."""
    check_cron("30 8 * * 1-5", "month")
    assert scheduled(rule(cron="30 8 * * 1-5"), period.parse("2021-12", ZURICH)) == datetime(
        2022, 1, 3, 8, 30, tzinfo=ZURICH
    )
    assert scheduled(rule(cron="0 0 1 * *"), period.parse("2021-12", ZURICH)) == datetime(2022, 1, 1, tzinfo=ZURICH)


def test_a_time_that_the_clocks_skip_is_the_moment_after_the_gap():
    """02:30 on 27 March 2022 does not exist in Zurich: 03:30, once."""
    at = scheduled(rule(on="27", at=time(2, 30)), period.parse("2022-02", ZURICH))
    assert at == datetime(2022, 3, 27, 3, 30, tzinfo=ZURICH)
    assert at.utcoffset() == timedelta(hours=2)


def test_a_time_that_comes_twice_is_the_first_of_them():
    """02:30 on 30 October 2022 comes twice in Zurich: the first, in summer time."""
    at = scheduled(rule(on="30", at=time(2, 30)), period.parse("2022-09", ZURICH))
    assert at.astimezone(UTC) == datetime(2022, 10, 30, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", ["first working day", "last day", "day 31", "second tuesday", "last friday"])
def test_forty_eight_months_in_five_zones(zone, text):
    """Over four years every month has one due moment: inside the next month, on the day the calendar says."""
    place = ZoneInfo(zone)
    for year, month in MONTHS:
        span = period.parse(f"{year}-{month:02}", place)
        at = scheduled(rule(on=text, zone=place), span)
        assert at in span.step(1)
        assert at == moment(at.date(), time(9), place)
        days = calendar.monthrange(at.year, at.month)[1]
        expected = {
            "last day": at.day == days,
            "day 31": at.day == min(31, days),
            "second tuesday": at.weekday() == 1 and 8 <= at.day <= 14,
            "last friday": at.weekday() == 4 and at.day > days - 7,
            "first working day": at.weekday() < 5 and (at.day == 1 or (at.day <= 3 and at.weekday() == 0)),
        }
        assert expected[text], at


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", [time(0), time(2, 15)])
@pytest.mark.parametrize("text", ["day 31", "last sunday"])  # the clocks change on Sundays
def test_due_over_forty_eight_months_in_five_zones(zone, at, text):
    """Every month is due once: not a second before its moment, at it, and never again when it is done."""
    rules = [rule(on=text, at=at, zone=ZoneInfo(zone))]
    since = datetime(2021, 2, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    done: set[tuple[str, str]] = set()
    for year, month in MONTHS:
        span = period.parse(f"{year}-{month:02}", ZoneInfo(zone))
        moment_ = scheduled(rules[0], span).astimezone(UTC)
        assert due(rules, moment_ - timedelta(seconds=1), done, since) == ()
        (task,) = due(rules, moment_, done, since)
        assert (task.key, task.held) == ((span.id, "everyone"), False)
        done.add(task.key)
        assert due(rules, moment_ + timedelta(hours=3), done, since) == ()
    assert len(done) == 48


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        ("Europe/Zurich", date(2023, 3, 26), time(2, 30), "2023-03-26 01:30"),
        ("Europe/Zurich", date(2023, 10, 29), time(2, 30), "2023-10-29 00:30"),
        ("America/New_York", date(2024, 3, 10), time(2), "2024-03-10 07:00"),
        ("America/New_York", date(2024, 11, 3), time(1, 59), "2024-11-03 05:59"),
        ("Australia/Lord_Howe", date(2023, 10, 1), time(2, 15), "2023-09-30 15:45"),  # they skip 30 minutes
        ("Australia/Lord_Howe", date(2024, 4, 7), time(1, 45), "2024-04-06 14:45"),  # and repeat them
        ("Asia/Beirut", date(2022, 3, 27), time(0), "2022-03-26 22:00"),  # there is no midnight
        ("Pacific/Apia", date(2011, 12, 30), time(9), "2011-12-30 19:00"),  # there is no such day
        ("Pacific/Kiritimati", date(2024, 2, 29), time(0), "2024-02-28 10:00"),
    ],
)
def test_a_time_on_the_day_the_clocks_change(zone, day, at, expected):
    """Skipped, it comes as much later as the clocks skip; repeated, it is the first; told in UTC."""
    found = moment(day, at, ZoneInfo(zone)).astimezone(UTC)
    assert f"{found:%Y-%m-%d %H:%M}" == expected


def test_due_says_nothing_twice_and_nothing_early():
    """Before its time nothing is due; from then on it is, until it is done."""
    rules, since = [rule()], datetime(2022, 1, 15, tzinfo=UTC)
    at = datetime(2022, 2, 1, 9, tzinfo=ZURICH)
    assert due(rules, at - timedelta(seconds=1), set(), since) == ()
    (task,) = due(rules, at, set(), since)
    assert (task.key, task.at, task.held) == (("2022-01", "everyone"), at, False)
    assert due(rules, at, {task.key}, since) == ()


def test_after_the_catch_up_window_it_is_held_not_sent():
    """A machine that was off for longer than `catch_up` names the edition instead of sending old news."""
    rules, since = [rule(catch_up=timedelta(days=3))], datetime(2022, 1, 15, tzinfo=UTC)
    at = datetime(2022, 2, 1, 9, tzinfo=ZURICH)
    assert [task.held for task in due(rules, at + timedelta(days=3), set(), since)] == [False]
    assert [task.held for task in due(rules, at + timedelta(days=3, seconds=1), set(), since)] == [True]


def test_a_long_outage_names_every_month():
    """Five months off: four are held, each by name, and the last is made."""
    found = due([rule()], datetime(2022, 7, 2, tzinfo=ZURICH), set(), datetime(2022, 2, 15, tzinfo=UTC))
    assert [(task.period.id, task.held) for task in found] == [
        ("2022-02", True), ("2022-03", True), ("2022-04", True), ("2022-05", True), ("2022-06", False),
    ]  # fmt: skip


def test_two_rules_for_one_edition_are_one_task():
    """Where two lines name the same edition, the earlier time counts and it goes once."""
    rules = [rule(on="15"), rule(on="first day")]
    found = due(rules, datetime(2022, 3, 16, tzinfo=ZURICH), set(), datetime(2022, 2, 16, tzinfo=UTC))
    assert [(task.period.id, task.at.day) for task in found] == [("2022-02", 1)]


def test_upcoming_lists_the_next_times():
    """The next three months, each with its moment."""
    found = upcoming([rule(on="last day")], datetime(2022, 1, 31, 9, tzinfo=ZURICH), 3)
    assert [(task.period.id, f"{task.at:%Y-%m-%d}") for task in found] == [
        ("2022-01", "2022-02-28"), ("2022-02", "2022-03-31"), ("2022-03", "2022-04-30"),
    ]  # fmt: skip


@settings(max_examples=150)
@given(
    zone=st.sampled_from(ZONES),
    text=st.sampled_from(["first working day", "last day", "day 31", "second tuesday"]),
    catch_up=st.integers(0, 40),
    wakes=st.lists(st.integers(0, 400 * 24), min_size=1, max_size=40),
)
def test_whatever_the_outages_each_period_goes_once_or_is_held(zone, text, catch_up, wakes):
    """For any pattern of wake-ups each period is made once inside its window, or is named as held at the end."""
    place = ZoneInfo(zone)
    since = datetime(2023, 11, 15, tzinfo=UTC)
    rules = [rule(on=text, zone=place, catch_up=timedelta(days=catch_up))]
    done: dict[tuple[str, str], datetime] = {}
    now = since
    for hours in sorted(wakes):
        now = since + timedelta(hours=hours)
        for task in due(rules, now, done, since):
            if not task.held:
                assert task.key not in done
                assert task.at <= now <= task.at + timedelta(days=catch_up)
                done[task.key] = now
    held = {task.key for task in due(rules, now, done, since)}
    span = period.last("month", since, place)
    while scheduled(rules[0], span) <= now:
        if scheduled(rules[0], span) >= since:
            key = (span.id, "everyone")
            assert (key in done) != (key in held)
        span = span.step(1)


@pytest.mark.parametrize(("day", "month"), [(27, 3), (30, 10)])  # clocks are put forward, and back
def test_how_late_it_is_does_not_hang_on_the_zone_in_which_now_is_told(day, month):
    """Three hours are three hours: on the day on which clocks are set, too, and however the moment is written."""
    line = rule(period="month", on=f"day {day - 1}", at=time(23), catch_up=timedelta(hours=3))
    at = scheduled(line, period.parse(f"2022-{month - 1:02}", ZURICH))
    late = at.astimezone(UTC) + timedelta(hours=3)
    for now, held in [(late, False), (late + timedelta(seconds=1), True)]:
        for zone in (UTC, ZURICH, ZoneInfo("America/New_York")):
            assert [task.held for task in due([line], now.astimezone(zone), set(), at)] == [held], zone
