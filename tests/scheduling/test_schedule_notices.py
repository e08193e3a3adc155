"""What the newsroom is told by mail, and what programs are told by hooks and the watchdog."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest

from digest.mail.inspect import inspect

EVERYONE = "2022-02/everyone"


def hook(newsroom, name="hook.sh", body="cat >> heard.jsonl; echo >> heard.jsonl"):
    """A real program that keeps what it is told."""
    file = newsroom.root / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return f"./{name}"


def heard(newsroom):
    file = newsroom.root / "heard.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line]


def test_the_report_has_the_numbers_the_picture_and_the_names(newsroom, sink):
    """Who was refused stands in the report with the server's words; the bar has a cell for each state."""
    sink.answers["wei.chen@example.net"] = "550 5.1.1 No such user <here>"
    assert newsroom.run("2022-03-01T09:00").code == 1
    (mail,) = sink.notices
    assert mail["Subject"] == "February 2022, everyone: 5 stories, 5 accepted, 1 refused"
    assert (mail["To"], mail["Auto-Submitted"]) == ("newsroom@ilo.org", "auto-generated")
    text = mail.get_body(("plain",)).get_content()
    assert "wei.chen@example.net: refused: 550 5.1.1 No such user <here>" in text
    assert "digest status 2022-02/everyone/en" in text
    html = mail.get_body(("html",)).get_content()
    assert html.count("<td ") == 2
    assert "No such user &lt;here&gt;" in html


def test_who_is_still_to_be_tried_again_is_named(newsroom, sink):
    """Hours later one reader is still put off: the subject says how many, the text who, and in the server's words."""
    sink.answers["wei.chen@example.net"] = "451 4.7.1 Greylisted"
    assert newsroom.run("2022-03-01T09:00").code == 75
    assert newsroom.run("2022-03-01T12:00").code == 75
    (mail,) = sink.notices
    assert mail["Subject"] == "February 2022, everyone has NOT gone out to everybody: 1 to be tried again"
    assert "wei.chen@example.net: to be tried again: 451 4.7.1 Greylisted" in mail.get_body(("plain",)).get_content()


def test_a_notice_is_a_sound_mail_to_the_newsroom_alone(newsroom, sink):
    """It passes the checks of finished bytes, and no reader's mail program is told how to leave."""
    newsroom.run("2022-03-01T09:00")
    (data,) = [data for to, data in sink.mails if to == "newsroom@ilo.org"]
    assert inspect(data) == ()
    assert b"List-Unsubscribe" not in data


def test_a_report_that_could_not_go_goes_with_the_next_run(newsroom, sink):
    """The relay refuses the newsroom's address for now: the readers have theirs, and the report comes later, once."""
    sink.answers["newsroom@ilo.org"] = "451 4.3.0 Later, please"
    done = newsroom.run("2022-03-01T09:00")
    assert (done.code, "newsroom@ilo.org was not told" in done.err) == (75, True)
    sink.answers.clear()
    for minute in ("10", "20"):
        assert newsroom.run(f"2022-03-01T09:{minute}").code == 0
    assert set(sink.readers.values()) == {1}
    assert len(sink.notices) == 1


def test_hooks_hear_of_each_event_once(newsroom, sink):
    """Built, approved, failed and sent reach a command as JSON on standard input, each once."""
    newsroom.schedule("audiences: [everyone], approval: required")
    line = hook(newsroom)
    newsroom.append(f"hooks: {{built: {line}, approved: {line}, sent: {line}, failed: {line}}}\n")
    for clock in ("09:00", "09:10"):
        newsroom.run(f"2022-03-01T{clock}")
    assert newsroom("approve", f"{EVERYONE}/en", "--by", "Ana", now="2022-03-01T09:15").code == 0
    for clock in ("09:20", "09:30"):
        assert newsroom.run(f"2022-03-01T{clock}").code == 0
    told = heard(newsroom)
    assert [each["event"] for each in told] == ["built", "failed", "approved", "sent"]
    assert told[1]["state"] == "unapproved"
    assert (told[2]["by"], told[2]["holds"]) == ("Ana", True)
    assert told[3]["editions"][0]["counts"] == {"sent": 6}
    assert set(sink.readers.values()) == {1}


def test_a_webhook_gets_json_and_its_address_stays_secret(newsroom, sink, web):
    """A hook named by a variable is asked by POST; when it fails the warning names the host and no more."""
    newsroom.monkeypatch.setenv("NEWSROOM_HOOK", f"{web.url}/T0/secret-part")
    newsroom.append("hooks: {sent: $NEWSROOM_HOOK}\n")
    web.status = 500
    done = newsroom.run("2022-03-01T09:00")
    assert done.code == 0
    assert "hook sent: 127.0.0.1 answered 500" in done.err
    assert "secret-part" not in done.err
    ((method, path, body),) = web.asked
    assert (method, path, json.loads(body)["audience"]) == ("POST", "/T0/secret-part", "everyone")
    assert set(sink.readers.values()) == {1}


def test_a_hook_that_fails_stops_nothing(newsroom, sink):
    """Missing, failing, hanging or badly written: each is warned of, and the next is told, and every reader mailed."""
    faults = {
        "./none.sh": "No such file",
        hook(newsroom, "fails.sh", "echo out of paper >&2; exit 3"): "ended with 3: out of paper",
        hook(newsroom, "hangs.sh", "sleep 60 & sleep 60"): "took more than 0.5 s, and was ended",
        "$NOT_THERE": "the environment has no NOT_THERE",
        "./hook.sh 'unclosed": "is no command",
        "http://127.0.0.1:1/x": "127.0.0.1: ConnectError",
    }
    newsroom.append(f"hooks:\n  timeout: 0.5\n  sent: {json.dumps([*faults, hook(newsroom)])}\n")
    done = newsroom.run("2022-03-01T09:00")
    assert done.code == 0, done.err
    assert [said for said in faults.values() if said not in done.err] == []
    assert len(heard(newsroom)) == 1
    assert set(sink.readers.values()) == {1}


@pytest.mark.usefixtures("sink")
def test_a_hook_that_hangs_takes_its_children_with_it(newsroom):
    """What a hook started in the background ends with it: nothing is left on the machine after its time."""
    line = hook(newsroom, body="sleep 60 & echo $! > child; sleep 60")
    newsroom.append(f"hooks: {{timeout: 1, sent: {line}}}\n")
    newsroom.run("2022-03-01T09:00")
    child = Path("/proc") / (newsroom.root / "child").read_text().strip() / "stat"
    deadline = time.monotonic() + 30
    # A child that has ended may wait for its new parent as a zombie.
    while child.exists() and child.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.05)


def test_the_watchdog_hears_of_good_and_bad_runs(newsroom, sink, web):
    """--ping asks the address after a run that did all it could, /fail with the reason after another, nothing at 75."""
    newsroom.run("2022-02-20T09:00", "--ping", f"{web.url}/uuid?rid=1")
    newsroom.run("2022-03-20T09:00", "--ping", f"{web.url}/uuid?rid=1")
    assert [(method, path) for method, path, _ in web.asked] == [("GET", "/uuid?rid=1"), ("POST", "/uuid/fail?rid=1")]
    assert b"longer ago than catch_up allows" in web.asked[1][2]
    newsroom.edit("config.yaml", "timezone: Europe/Zurich", "timezone: Europe/Zuerich")
    assert newsroom.run("2022-03-20T09:10", "--ping", web.url).code == 2
    assert (web.asked[2][1], b"is not a time zone" in web.asked[2][2]) == ("/fail", True)
    assert not sink.readers


def test_a_refused_reader_is_no_failure_of_the_schedule(newsroom, sink, web):
    """A month with a dead address ends with 1, and the watchdog hears that the schedule runs."""
    sink.answers["wei.chen@example.net"] = "550 5.1.1 No such user"
    assert newsroom.run("2022-03-01T09:00", "--ping", f"{web.url}/uuid").code == 1
    assert [(method, path) for method, path, _ in web.asked] == [("GET", "/uuid")]


def test_a_report_that_nobody_gets_is_no_good_run(newsroom, sink, web):
    """The contact's address is dead: the readers have theirs, and the watchdog misses its beat, as nobody was told."""
    sink.answers["newsroom@ilo.org"] = "550 5.1.1 No such user"
    assert newsroom.run("2022-03-01T09:00", "--ping", f"{web.url}/uuid").code == 75
    assert (web.asked, set(sink.readers.values())) == ([], {1})
    sink.answers["wei.chen@example.net"] = "550 5.1.1 No such user"
    newsroom.story("march", "2022-03-10")
    assert newsroom.run("2022-04-01T09:00", "--ping", f"{web.url}/uuid").code == 1
    assert [path for _, path, _ in web.asked] == ["/uuid/fail"]


def test_a_relay_that_is_away_does_not_wake_anybody_yet(newsroom, sink, web):
    """75 says that the next run goes on: the watchdog hears nothing, and if it stays so it misses a beat."""
    newsroom.monkeypatch.setenv("DIGEST_SMTP__PORT", "1")
    assert newsroom.run("2022-03-01T09:00", "--ping", f"{web.url}/uuid").code == 75
    assert web.asked == []
    assert not sink.mails


def test_a_watchdog_that_is_away_is_only_warned_of(newsroom, sink):
    """The run is as good as it was; the warning names the host."""
    done = newsroom.run("2022-02-20T09:00", "--ping", "http://127.0.0.1:1/uuid")
    assert (done.code, "the watchdog at 127.0.0.1 was not told: ConnectError" in done.err) == (0, True)
    assert newsroom.run("2022-02-20T09:00", "--ping", "hc-ping.com/uuid").code == 2
    assert not sink.mails


def test_a_contact_that_is_still_a_placeholder_is_not_mailed(newsroom, sink):
    """A refused run says so here, with the line to fill in and the same exit code; once that is done, it is mailed."""
    newsroom.edit("config.yaml", "contact: newsroom@ilo.org", "contact: news@example.org")
    with (newsroom.root / "recipients/everyone.csv").open("a", encoding="utf-8") as file:
        file.write("ann@ilo.org,Ann,en,\n")  # a real reader: nobody is mailed before all is filled in
    refused = newsroom.run("2022-03-01T09:00")
    assert (refused.code, sink.mails) == (2, [])
    assert "newsroom.contact: is still the placeholder news@example.org; write the newsroom's address" in refused.err
    assert "so nobody was told by mail: February 2022, everyone has NOT gone out" in refused.err
    newsroom.edit("config.yaml", "contact: news@example.org", "contact: newsroom@ilo.org")
    assert newsroom.run("2022-03-01T09:10").code == 2  # other placeholders are left
    assert sink.subjects == ["February 2022, everyone has NOT gone out"]
    assert sink.readers == {}


@pytest.mark.parametrize("now", ["2022-03-01T08:00", "2022-03-09T09:00"])
def test_reminders_and_what_is_held_are_not_mailed_to_a_placeholder_either(newsroom, sink, now):
    """The day before, and after too long: what a person must do is said, and kept for when there is an address."""
    newsroom.edit("config.yaml", "contact: newsroom@ilo.org", "contact: news@example.org")
    newsroom.schedule("audiences: [everyone], approval: required")
    newsroom.run("2022-02-15T09:00")
    assert "so nobody was told by mail" in newsroom.run(now).err
    assert sink.mails == []
    newsroom.edit("config.yaml", "contact: news@example.org", "contact: newsroom@ilo.org")
    newsroom.run(now)
    assert len(sink.notices) == 1


def test_a_month_that_went_to_examples_alone_is_settled(newsroom, sink):
    """A rehearsal with example readers and a contact that is not filled in ends well, and is not done twice."""
    newsroom.edit("config.yaml", "contact: newsroom@ilo.org", "contact: news@example.org")
    assert newsroom.run("2022-03-01T09:00").code == 0
    assert sink.readers.total() == 6
    assert "nothing is due" in newsroom.run("2022-03-01T09:10").out
    assert sink.readers.total() == 6
