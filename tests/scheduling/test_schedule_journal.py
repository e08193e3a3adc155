"""The schedule's memory: through any outages each edition goes once inside its window, or is named as held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from digest import period
from digest.config.schedule_lines import ScheduleLine, scheduled
from digest.errors import DigestError
from digest.files import write_whole
from digest.scheduling import due
from digest.scheduling.journal import GRACE, Journal, JournalFile

ZURICH = ZoneInfo("Europe/Zurich")
START = datetime(2022, 1, 15, tzinfo=UTC)


def rule(**more) -> ScheduleLine:
    return ScheduleLine(**{"period": "month", "zone": ZURICH, "audiences": ("everyone", "friends"), **more})


@settings(max_examples=60)
@given(
    gaps=st.lists(st.floats(0.1, 24 * 50), min_size=1, max_size=40),
    kind=st.sampled_from(["month", "week", "quarter"]),
    catch_up=st.sampled_from([timedelta(hours=1), timedelta(days=3), timedelta(days=30)]),
)
def test_through_any_outages_each_edition_goes_once_in_its_window_or_is_held(gaps, kind, catch_up):
    """Runs at any times, the record written and read each time: what was due is done once and in time, or held."""
    rules = [rule(period=kind, catch_up=catch_up, on="monday" if kind == "week" else "day 3")]
    lines, now, went, held = due.lines(rules), START, {}, set()
    with TemporaryDirectory() as folder:
        store = JournalFile(Path(folder))
        for gap in gaps:
            found, warning = store.load(now)
            assert not warning
            found = found.meet(lines, rules, now)
            items = due.pending(rules, found, now)
            held = {item.name for item in items if item.hold}
            for item in items:
                if not item.hold:
                    assert item.name not in went
                    assert timedelta() <= now - item.task.at <= catch_up
                    went[item.name] = now
                    found = found.settle(item.name, now)
            store.save(found, now)
            last, now = now, now + timedelta(hours=gap)
    span = period.containing(START, kind, ZURICH)
    while (at := scheduled(rules[0], span)) <= last:
        if at >= START:
            for audience in rules[0].audiences:
                name = f"{span.id}/{audience}"
                assert (name in went) != (name in held), name
        span = span.step(1)


def test_what_is_written_is_read_back(tmp_path):
    """Every moment and every word of the record survives the file."""
    made = Journal().meet(["everyone: every month"], [rule()], START).settle("2021-12/everyone", START)
    made = made.tell("2021-12/everyone sent", START)
    JournalFile(tmp_path).save(made, START)
    assert JournalFile(tmp_path).load(START + timedelta(hours=1)) == (made, "")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1}', '{"format": 9, "x": 1}', '{"format": 1, "since": "2022-01-01T00:00:00"}', "\x00"],
)
def test_a_damaged_record_is_refused_and_left_alone(tmp_path, text):
    """A file that is no record is named with what to do, and stays as it is for who wants to look."""
    path = tmp_path / ".digest/schedule.json"
    write_whole(path, text.encode())
    with pytest.raises(DigestError, match=r"schedule\.json: is (damaged|from a newer digest)"):
        JournalFile(tmp_path).load(START)
    assert path.read_text() == text


def test_a_new_line_reaches_back_an_hour_and_an_old_one_keeps_its_date():
    """A line that was known is in force since then; a new one since an hour ago; one that is gone is forgotten."""
    later = START + timedelta(days=10)
    found = Journal().meet(["a", "b"], [rule()], START).meet(["b", "c"], [rule()], later)
    assert found.in_force == {"b": START - GRACE, "c": later - GRACE}


def test_what_changed_is_told_line_by_line():
    """The difference between the last run's schedule and this one, and nothing at the first run."""
    assert Journal().changes(["a"]) == ()
    assert Journal().meet(["a", "b"], [rule()], START).changes(["b", "c"]) == ("- a", "+ c")


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(minutes=20), "in 20 minutes"),
        (timedelta(seconds=20), "now"),
        (timedelta(hours=5), "in 5 hours"),
        (timedelta(hours=20), "tomorrow"),
        (timedelta(days=12), "in 12 days"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(hours=-20), "yesterday"),
        (timedelta(days=-3), "3 days ago"),
    ],
)
def test_how_far_off_it_is(later, words):
    """Minutes and hours within a day, days by the calendar of the newsroom's zone."""
    now = datetime(2022, 3, 1, 9 if later.days >= 0 else 15, tzinfo=ZURICH)
    (task, *_) = due.coming([rule(audiences=("everyone",))], Journal(), now, 1)
    assert due.away(replace(task, at=now + later), now) == words
