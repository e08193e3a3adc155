"""`digest schedule`: the table, the year, the warnings; and `digest run --watch`, which lives by the clock."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.cli.schedule import year
from mailsink import TELLS_OF_ITS_END, wait_for_its_end

ZURICH = ZoneInfo("Europe/Zurich")


def test_the_table_says_when_to_how_many_and_who_approved(newsroom):
    """Each next edition with its day, how far off, its readers and where its approval stands."""
    newsroom.schedule("audiences: [everyone], approval: required, country: CH")
    done = newsroom("schedule", now="2022-03-18T12:00")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:3] == [
        "edition           goes out                           readers  approval",
        "2022-03/everyone  Fri 1 Apr 2022, 09:00  in 14 days        6  missing",
        "2022-04/everyone  Mon 2 May 2022, 09:00  in 45 days        6  missing",
    ]


def test_the_approval_is_followed(newsroom):
    """Missing, given by name, void once a story changes."""
    newsroom.schedule("audiences: [everyone], approval: required")

    def approval():
        return json.loads(newsroom("schedule", "--json", now="2022-02-28T12:00").out)["next"][0]["approval"]

    assert approval() == "missing"
    newsroom("build", "--month", "2022-02", now="2022-02-28T12:00")
    newsroom("approve", "2022-02/everyone/en", "--by", "Ana", now="2022-02-28T12:00")
    assert approval() == "by Ana"
    name = "stories/2022-02-10-strengthening-digital-tvet-in-ukraine.md"
    newsroom.edit(name, "title: Strengthening", "title: Stronger")
    assert approval() == "void"


def test_a_time_that_has_passed_is_warned_of(newsroom):
    """What would go at once, and what is held, stand above the table; and nothing is written."""
    done = newsroom("schedule", now="2022-03-01T09:20")
    went = "2022-02/everyone/en: it was due 20 minutes ago: `digest run` would send it now: 5 stories, to 6 readers"
    assert done.out.startswith(f"{went}\n")
    assert newsroom("schedule", now="2022-03-02T09:00").out.startswith("2022-02/everyone: it was due on 1 March 2022")
    assert not (newsroom.root / ".digest/schedule.json").exists()


def test_a_cron_line_of_two_days_is_explained_where_it_is_typed(newsroom):
    """`config`, `check` and `schedule` say what cron makes of it, with the line of config.yaml."""
    newsroom.schedule('audiences: [everyone], cron: "0 9 1-7 * 1"')
    lines = (newsroom.root / "config.yaml").read_text().splitlines()
    place = f"config.yaml:{next(number for number, line in enumerate(lines, 1) if '1-7 * 1' in line)}"
    words = "schedule[0].cron: '0 9 1-7 * 1': cron takes day 1-7 of the month or weekday 1, whichever comes first"
    assert f"{place}: {words}" in newsroom("config").out
    assert f"{place}: {words}" in newsroom("check", "2022-02/everyone/en", now="2022-03-01T09:20").out
    assert f"{place}: {words}" in newsroom("schedule", now="2022-03-01T09:20").out
    newsroom.schedule('audiences: [everyone], cron: "0 9 1 * *"')
    assert "cron takes" not in newsroom("config").out


def test_the_year_marks_the_days(newsroom):
    """Twelve months from this one, with a star on each day on which something goes out."""
    out = newsroom("schedule", now="2022-02-20T12:00").out
    assert out.count("*") == 12 - 1  # February's own day is past
    assert "February 2022            March 2022" in out
    assert " 1* 2  3  4  5  6" in out  # Tuesday, 1 March


def test_a_list_that_cannot_be_read_is_a_question_mark(newsroom):
    """The schedule is shown all the same, and what is wrong with the list is said."""
    (newsroom.root / "recipients/everyone.csv").unlink()
    done = newsroom("schedule", now="2022-02-20T12:00")
    assert done.code == 0
    assert "?" in done.out
    assert "recipients/everyone.csv" in done.err


@given(first=st.dates(date(2000, 1, 1), date(2090, 12, 31)), offsets=st.sets(st.integers(0, 330), max_size=20))
def test_every_marked_day_of_the_year_has_its_star(first, offsets):
    """As many stars as days within the twelve months, each day of which stands there once."""
    start = first.replace(day=1)
    marked = {start + timedelta(days=each) for each in offsets}
    lines = list(year(first, marked))
    assert "".join(lines).count("*") == len(marked)
    assert max(map(len, lines)) <= 80


def wait_for(condition, seconds=150.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def today(newsroom):
    """A schedule whose time was some minutes ago, by the real clock, and a story of the month before."""
    now = datetime.now(ZURICH)
    at = (now.astimezone(UTC) - timedelta(minutes=20)).astimezone(ZURICH)  # there is no 02:40 when summer time begins
    at = max(at, now.replace(hour=0, minute=0))
    newsroom.schedule(f'audiences: [everyone], on: day {now.day}, at: "{at:%H:%M}"')
    newsroom.story("of-last-month", f"{now.replace(day=1) - timedelta(days=3):%Y-%m-%d}")
    return now


@pytest.mark.usefixtures("today")
def test_watching_sends_what_is_due_and_ends_calmly(newsroom, sink):
    """--watch sends at once what is due, stays, and SIGTERM ends it with 143 and no traceback."""
    run = newsroom.process("run", "--watch")
    wait_for(lambda: len(sink.mails) == 7)
    assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (143, "")
    assert "1 story, 6 accepted" in out
    assert set(sink.readers.values()) == {1}


@pytest.mark.usefixtures("today")
def test_watching_ended_in_the_middle_loses_nobody(newsroom, sink):
    """SIGTERM while mails go: what is in flight is finished, and the next run sends the rest, each reader one."""
    sink.holds_after = 1
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    run = newsroom.process("run", "--watch", program=TELLS_OF_ITS_END)
    sink.wait_for_held()
    run.send_signal(signal.SIGTERM)
    wait_for_its_end(newsroom.root)
    sink.let_go()
    _, err = run.communicate(timeout=60)
    assert (run.returncode, "Traceback" in err) == (143, False)
    assert 0 < len(sink.readers) < 6
    assert newsroom("run").code == 0
    assert (len(sink.readers), set(sink.readers.values())) == (6, {1})


@pytest.mark.usefixtures("sink")
def test_watching_outlives_a_mistake_in_the_config(newsroom):
    """A config with a mistake is told, and the loop stays for its being mended."""
    newsroom.append("schedul: []\n")
    run = newsroom.process("run", "--watch")
    assert "schedul: is not a key here" in run.stderr.readline()
    assert run.poll() is None
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert (run.returncode, "Traceback" in err) == (130, False)


def test_watching_takes_no_other_time(newsroom):
    """--watch with --now or --held makes no sense, and says so."""
    assert newsroom("run", "--watch", now="2022-03-01T09:00").code == 2
    assert newsroom("run", "--watch", "--held").code == 2


def test_watching_says_once_that_nothing_is_due(newsroom):
    """One look after another finds nothing, and the log is not filled with it."""
    newsroom.monkeypatch.setattr("digest.cli.schedule._LONGEST", 0.0)
    newsroom.schedule(f"audiences: [everyone], on: day {(datetime.now(ZURICH) + timedelta(days=4)).day}")
    record = newsroom.root / ".digest/schedule.json"

    def look_twice():
        wait_for(record.exists)
        first = record.read_text()
        wait_for(lambda: record.read_text() != first)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=look_twice)
    watcher.start()
    done = newsroom("run", "--watch")
    watcher.join()
    assert (done.code, done.out.count("nothing is due")) == (143, 1)


@pytest.mark.parametrize(
    "flags",
    [
        ("--skip", "2022-02/everyone", "--dry-run"), ("--skip", "2022-02/everyone", "--watch"),
        ("--skip", "2022-02/everyone", "--held"), ("--dry-run", "--held"), ("--dry-run", "--ping", "https://hc.example/x"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(newsroom, flags):
    """A dry run that settles, or a skip that watches, would do half of what was asked: nothing is done."""
    done = newsroom.run("2022-03-14T09:00", *flags)
    assert (done.code, "do not go together" in done.err) == (2, True)
    assert not (newsroom.root / ".digest").exists()


def test_a_skip_told_to_a_program(newsroom):
    """--json of --skip says what was settled, and nothing else stands on standard output."""
    done = newsroom.run("2022-03-14T09:00", "--skip", "2022-02/everyone", "--json")
    # its first run is the one that puts the schedule in force
    assert (done.code, json.loads(done.out)["error"]["exit_code"]) == (2, 2)
    newsroom.run("2022-02-20T09:00")
    done = newsroom.run("2022-03-14T09:00", "--skip", "2022-02/everyone", "--json")
    assert json.loads(done.out) == {"skipped": "2022-02/everyone"}


@pytest.mark.usefixtures("sink")
def test_what_programs_are_told(newsroom):
    """--json of a run is one document: each task with its state, its editions and their counts."""
    (task,) = json.loads(newsroom.run("2022-03-01T09:00", "--json").out)
    assert (task["period"], task["audience"], task["state"]) == ("2022-02", "everyone", "sent")
    assert task["editions"][0]["counts"] == {"sent": 6}
    assert json.loads(newsroom.run("2022-03-01T09:10", "--json").out) == []
