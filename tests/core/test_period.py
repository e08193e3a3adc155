"""Periods: reading them, naming them, their edges in the newsroom's zone, and stepping."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import period
from digest.errors import PeriodError

ZURICH = ZoneInfo("Europe/Zurich")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Zurich", "America/Sao_Paulo", "Pacific/Kiritimati", "Asia/Beirut")]
ONE = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2022-02", date(2022, 2, 1), date(2022, 3, 1)),
        ("2021-12", date(2021, 12, 1), date(2022, 1, 1)),
        ("0940-02", date(940, 2, 1), date(940, 3, 1)),
        ("2022-Q1", date(2022, 1, 1), date(2022, 4, 1)),
        ("2022-q4", date(2022, 10, 1), date(2023, 1, 1)),
        ("2021", date(2021, 1, 1), date(2022, 1, 1)),
        ("2022-W07", date(2022, 2, 14), date(2022, 2, 21)),
        ("2020-W53", date(2020, 12, 28), date(2021, 1, 4)),
        ("2022-02-01--2022-02-15", date(2022, 2, 1), date(2022, 2, 15)),
    ],
)
def test_each_form_names_its_days(text, first, after):
    """A month, quarter, year, ISO week and span are read as the days from `first` up to, not including, `after`."""
    found = period.parse(text, ZURICH)
    assert (found.first, found.after) == (first, after)
    assert found.id == text.upper()


@pytest.mark.parametrize(
    "text",
    [
        "2022-13",
        "2022-00",
        "0000-01",
        "9999-12",
        "2021-W53",
        "2022-Q5",
        "22-02",
        "Feb 2022",
        "",
        "２０２２-02",
        "2022-02-31--2022-03-01",
    ],
)
def test_what_is_no_period_is_said_in_one_line(text):
    """Text that is no period, or one that does not exist, is refused in one line that shows how to write it."""
    with pytest.raises(PeriodError) as caught:
        period.parse(text, ZURICH)
    assert "\n" not in str(caught.value)
    assert "2022-" in str(caught.value)


def test_the_edges_are_half_open_local_midnights():
    """The last microsecond before midnight is in, midnight itself belongs to the next month."""
    february = period.parse("2022-02", ZURICH)
    assert february.start in february
    assert february.end - ONE in february
    assert february.end not in february
    assert february.end in period.parse("2022-03", ZURICH)
    assert datetime(2022, 1, 31, 23, 0, tzinfo=UTC) in february  # that is midnight in Zurich


def test_summer_time_does_not_move_an_edge():
    """March in Zurich is an hour short and October an hour long, and both begin and end at local midnight."""
    march, october = period.parse("2022-03", ZURICH), period.parse("2022-10", ZURICH)
    assert march.end.astimezone(UTC) - march.start.astimezone(UTC) == timedelta(days=31, hours=-1)
    assert october.end.astimezone(UTC) - october.start.astimezone(UTC) == timedelta(days=31, hours=1)


def test_a_midnight_that_does_not_exist_becomes_the_first_moment_of_the_day():
    """Where the clocks jump at midnight, the day begins when the gap is over, and no instant is in two periods."""
    beirut = ZoneInfo("Asia/Beirut")
    day = period.span("2022-03-27", "2022-03-28", beirut)  # 00:00 became 01:00
    assert day.start == datetime(2022, 3, 27, 1, tzinfo=beirut)
    assert day.start.astimezone(UTC) - ONE not in day


def test_a_midnight_that_comes_twice_is_the_first_of_them():
    """Where the clocks fall back over midnight, the second 23:30 of a Saturday is still Saturday."""
    sao_paulo = ZoneInfo("America/Sao_Paulo")
    saturday = period.span("2019-02-16", "2019-02-17", sao_paulo)  # midnight fell back to 23:00
    second = datetime(2019, 2, 16, 23, 30, tzinfo=sao_paulo, fold=1)
    assert second in saturday
    assert saturday.end.astimezone(UTC) - saturday.start.astimezone(UTC) == timedelta(hours=25)


def test_a_naive_or_foreign_value_is_in_no_period():
    """Membership is asked of aware datetimes; anything else is simply not in it."""
    assert "2022-02-14" not in period.parse("2022-02", ZURICH)


@pytest.mark.parametrize(
    ("text", "steps", "there"),
    [
        ("2022-02", 1, "2022-03"),
        ("2022-01", -1, "2021-12"),
        ("2022-02", -14, "2020-12"),
        ("2022-Q1", -1, "2021-Q4"),
        ("2022", 3, "2025"),
        ("2021-W01", -1, "2020-W53"),
        ("2022-02-01--2022-02-15", 1, "2022-02-15--2022-03-01"),
    ],
)
def test_stepping_goes_by_the_calendar(text, steps, there):
    """A step from a month is a month, from a week a week, from a span its own length."""
    assert period.parse(text, ZURICH).step(steps).id == there


def test_stepping_out_of_the_calendar_is_refused():
    """There is no year 0 and no year 10000."""
    with pytest.raises(PeriodError, match="outside the calendar"):
        period.parse("0001-01", UTC).step(-1)
    with pytest.raises(PeriodError, match="outside the calendar"):
        period.parse("9998", UTC).step(1)


def test_last_month_is_told_by_the_newsrooms_clock():
    """Half an hour past midnight in Zurich it is March, so the last month is February; by UTC it is not over."""
    now = datetime(2022, 2, 28, 23, 30, tzinfo=UTC)
    assert period.last("month", now, ZURICH).id == "2022-02"
    assert period.last("month", now, ZoneInfo("UTC")).id == "2022-01"
    assert period.last("week", now, ZURICH).id == "2022-W08"
    assert period.last("quarter", now, ZURICH).id == "2021-Q4"
    assert period.last("year", now, ZURICH).id == "2021"


def test_until_must_come_after_since():
    """An empty or reversed span is refused, and the message says that the day of --until is left out."""
    with pytest.raises(PeriodError, match="first one left out"):
        period.span("2022-02-01", "2022-02-01", UTC)


@given(
    moment=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - the zone follows
    zone=st.sampled_from(ZONES),
    kind=st.sampled_from(period.KINDS),
)
def test_every_moment_is_in_exactly_one_period_of_a_kind(moment, zone, kind):
    """The period that contains a moment holds it, and neither neighbour does; its id reads back as itself."""
    moment = moment.replace(tzinfo=UTC)
    found = period.containing(moment, kind, zone)
    assert moment in found
    assert moment not in found.step(1)
    assert moment not in found.step(-1)
    assert found.step(1).start == found.end
    assert period.parse(found.id, zone) == found
    assert found.step(5).step(-5) == found
