"""`schedule:` and `hooks:` in config.yaml: what they become, and every mistake with its line."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from digest.config import load
from digest.config.show import rows
from digest.errors import ConfigError
from digest.scheduling.due import schedule_lines, words

BASE = """\
newsroom: {name: Example, contact: press@example.org, from: digest@example.org, timezone: Europe/Zurich}
audiences:
  everyone: {title: Everyone, recipients: {csv: everyone.csv}}
  friends: {title: Friends, recipients: {csv: friends.csv}}
  shelf: {title: Looked at only}
"""


def read(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(BASE + text, encoding="utf-8")
    return load.load(file, {})


def refused(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.faults]


def test_a_short_line_is_enough(tmp_path):
    """One empty rule is every month, first working day, nine o'clock, for all who have readers, for three days."""
    (rule,) = schedule_lines(read(tmp_path, "schedule: [{}]\n"))
    assert (rule.period, rule.on, rule.at, rule.audiences) == (
        "month", "first working day", time(9), ("everyone", "friends"),
    )  # fmt: skip
    assert (rule.approval, rule.catch_up) == ("none", timedelta(days=3))


def test_every_key_reaches_the_rule(tmp_path):
    """Period, day, time, audiences, approval and catch_up are as written; one audience needs no list."""
    line = '{period: quarter, on: last friday, at: "17:30", audiences: friends, approval: two, catch_up: 12 hours}'
    (rule,) = schedule_lines(read(tmp_path, f"schedule:\n  - {line}\n"))
    assert words(rule, "friends") == "friends: every quarter, last friday at 17:30 Europe/Zurich"
    assert (rule.approval, rule.catch_up) == ("two", timedelta(hours=12))


def test_holidays_of_a_country_and_of_its_part(tmp_path):
    """2 January is a holiday in Bern and not in Geneva; 1 January in both."""
    bern, geneva = schedule_lines(read(tmp_path, "schedule: [{country: CH-BE}, {country: CH-GE}]\n"))
    assert not bern.works(date(2024, 1, 1))
    assert not geneva.works(date(2024, 1, 1))
    assert (bern.works(date(2024, 1, 2)), geneva.works(date(2024, 1, 2))) == (False, True)


def test_every_mistake_comes_with_its_line(tmp_path):
    """Days, times, cron lines, lengths, countries and audiences that cannot be are told together, each on its line."""
    text = """\
schedule:
  - on: first wensday
    at: "25:00"
    catch_up: a while
  - {cron: 0 9 1 *, audiences: [evryone]}
  - {cron: 0 9 1 * *, on: last day, country: XX}
  - audiences: [everyone, shelf]
    approval: reqired
  - {period: week, on: day 9, catchup: 3 days}
"""
    found = refused(tmp_path, text)
    assert [line.split(":")[1] for line in found] == sorted((line.split(":")[1] for line in found), key=int)
    expected = {
        "config.yaml:7: schedule[0].on: 'first wensday' is not a day",
        "config.yaml:8: schedule[0].at: '25:00' is not a time of day; write it like 09:00",
        "config.yaml:9: schedule[0].catch_up: 'a while' is not a length of time",
        "config.yaml:10: schedule[1].cron: '0 9 1 *' is not a cron line; write five fields",
        "config.yaml:10: schedule[1].audiences[0]: there is no audience 'evryone', did you mean 'everyone'?",
        "config.yaml:11: schedule[2].on: is not used beside cron; keep one of the two",
        "config.yaml:11: schedule[2].country: 'XX' is no country whose holidays are known",
        "config.yaml:11: schedule[2].country: is not used beside cron; keep one of the two",
        "config.yaml:12: schedule[3].audiences[1]: shelf has no readers; give it a list",
        "config.yaml:13: schedule[3].approval: 'reqired' is none of 'none', 'required' or 'two', did you mean",
        "config.yaml:14: schedule[4].on: 'day 9' is not a day",
        "config.yaml:14: schedule[4].catchup: is not a key here, did you mean 'catch_up'?",
    }
    for start in expected:
        assert any(line.startswith(start) for line in found), (start, found)
    assert len(found) == len(expected)


def test_an_audience_that_is_misspelled_twice_is_named_on_both_lines(tmp_path):
    """Who mended the first line is not sent to it again."""
    found = refused(tmp_path, "schedule:\n  - audiences:\n      - evryone\n      - everyone\n      - evryone\n")
    assert [line.partition(": there")[0].partition(": ")[2] for line in found] == [
        "schedule[0].audiences[0]",
        "schedule[0].audiences[2]",
    ]
    assert len({line.split(":")[1] for line in found}) == len(found)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{catch_up: 59 minutes}", "59 minutes is too short"),
        ("{catch_up: 0 days}", "0 days is too short"),
        ("{catch_up: 32 days}", "32 days is longer than a month: two editions would go at once; write 31 days or less"),
        ("{period: week, catch_up: 8 days}", "8 days is longer than a week"),
        ("{catch_up: 93 days, period: quarter}", "93 days is longer than a quarter"),
    ],
)
def test_a_catch_up_that_cannot_work_is_refused(tmp_path, line, said):
    """Shorter than a run may be late, everything would be held; longer than a period, two editions would go at once."""
    (fault,) = refused(tmp_path, f"schedule:\n  - {line}\n")
    assert fault.startswith(f"config.yaml:7: schedule[0].catch_up: {said}")
    read(
        tmp_path,
        "schedule: [{catch_up: 31 days}, {period: week, catch_up: 1 hour}, {period: year, catch_up: 366 days}]",
    )


@pytest.mark.parametrize("line", ["on: last friday", "on: day 1", "cron: 0 9 1 * *"])
def test_a_country_that_has_no_say_is_refused(tmp_path, line):
    """Holidays move working days alone: whoever wrote `country` beside another day believed something else."""
    (fault,) = refused(tmp_path, f"schedule:\n  - {{country: CH, {line}}}\n")
    assert fault.startswith("config.yaml:7: schedule[0].country: ")


def test_another_country_is_another_schedule(tmp_path):
    """Its holidays move the day, so a change of the country is a changed line, shown before anything goes."""
    plain, swiss = schedule_lines(read(tmp_path, "schedule: [{}, {country: CH}]\n"))
    assert words(swiss, "friends") == f"{words(plain, 'friends')}, without the holidays of CH"


def test_what_is_in_force_is_shown_as_it_is_written(tmp_path):
    """`digest config --print` has a row for each key of each rule, in words that config.yaml would take."""
    found = {
        key: (value, origin) for key, value, origin in rows(read(tmp_path, "schedule:\n  - {catch_up: 36 hours}\n"))
    }
    assert found["schedule[0].catch_up"][0] == "36 hours"
    assert found["schedule[0].catch_up"][1].endswith("config.yaml:7")
    assert found["schedule[0].at"] == ("09:00", "default")
    default = load.schema()["$defs"]["ScheduleSection"]["properties"]
    assert (default["at"]["default"], default["catch_up"]["default"]) == ("09:00", "3 days")


def test_a_hook_may_be_one_text_or_a_list(tmp_path):
    """`sent: ./tell` is a list of one; an unknown event is refused with the nearest."""
    hooks = read(tmp_path, "hooks: {sent: ./tell, failed: [./a, https://example.org/b]}\n").settings.hooks
    assert (hooks.sent, len(hooks.failed)) == (("./tell",), 2)
    assert "did you mean 'failed'?" in refused(tmp_path, "hooks: {faild: ./tell}\n")[0]
