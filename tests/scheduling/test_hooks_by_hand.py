"""What programs hear of what a person does: `digest build`, `digest send`, `digest resume`, with real programs."""

from __future__ import annotations

import json
import signal
import stat
from contextlib import closing

import pytest

from mailsink import TELLS_OF_ITS_END, wait_for_its_end

BUILD = ("build", "--month", "2022-02", "--audience", "everyone")
SEND = ("send", "--month", "2022-02", "--audience", "everyone", "--live", "--yes")
NOW = "2022-03-01T08:00"


@pytest.fixture
def listener(newsroom):
    """A real program for every event, which keeps what it is told; calling it gives what it heard."""
    file = newsroom.root / "hook.sh"
    file.write_text("#!/bin/sh\ncat >> heard.jsonl; echo >> heard.jsonl\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    newsroom.append("hooks: {built: ./hook.sh, approved: ./hook.sh, sent: ./hook.sh, failed: ./hook.sh}\n")

    def heard():
        kept = newsroom.root / "heard.jsonl"
        return [json.loads(line) for line in kept.read_text().splitlines() if line] if kept.exists() else []

    return heard


def events(listener):
    return [each["event"] for each in listener()]


def test_a_build_is_told_when_it_is_another_one(newsroom, listener):
    """The first build is told with its facts; the same again is not; a changed story is."""
    assert newsroom(*BUILD, now=NOW).code == 0
    (told,) = listener()
    assert (told["event"], told["edition"], told["stories"]) == ("built", "2022-02/everyone/en", 5)
    assert (newsroom.root / told["folder"] / "index.html").exists()
    assert (told["errors"], len(told["fingerprint"])) == (0, 64)
    newsroom(*BUILD, now=NOW)
    assert len(listener()) == 1
    newsroom.story("one-more", "2022-02-20")
    newsroom(*BUILD, now=NOW)
    assert [each["stories"] for each in listener()] == [5, 6]


@pytest.mark.parametrize("script", ["#!/bin/sh\r\ncat\r\n", "cat\n"])
def test_a_program_that_cannot_begin_is_told_by_its_first_line(newsroom, script):
    """It is there, and yet "no such file": its first line is what is wrong, and is named."""
    file = newsroom.root / "tell.sh"
    file.write_bytes(script.encode())
    file.chmod(0o755)
    newsroom.append("hooks: {built: ./tell.sh}\n")
    assert "its first line must name what runs it" in newsroom(*BUILD, now=NOW).err


def test_the_run_does_not_repeat_a_build_that_was_told(newsroom, sink, listener):
    """What was built by hand and is still the same is no news when its time comes."""
    newsroom(*BUILD, now=NOW)
    newsroom.run("2022-03-01T09:00")
    assert events(listener) == ["built", "sent"]
    assert set(sink.readers.values()) == {1}


def test_what_is_no_edition_to_be_sent_is_not_told(newsroom, sink, listener):
    """A build into another folder, an empty month, a plan and a test mail: no hook hears of them."""
    newsroom(*BUILD, "--out", "draft", now=NOW)
    assert newsroom("build", "--month", "2019-02", "--audience", "everyone", now=NOW).code == 3
    newsroom("send", "--month", "2022-02", "--audience", "everyone", now=NOW)
    assert newsroom("send", "--month", "2022-02", "--audience", "everyone", "--to", "me@example.org", now=NOW).code == 0
    assert newsroom("send", "--month", "2019-02", "--audience", "everyone", "--live", "--yes", now=NOW).code == 3
    assert newsroom(*SEND[:-1], now=NOW).code == 2  # nobody said yes
    assert listener() == []
    assert list(sink.readers) == ["me@example.org"]


def test_a_send_by_hand_is_told_as_the_schedules_own_is(newsroom, sink, listener):
    """The facts have one shape, whoever sent; a second send of what is finished is no news."""
    assert newsroom(*SEND, now=NOW).code == 0
    (told,) = listener()
    assert (told["event"], told["period"], told["audience"], told["state"]) == ("sent", "2022-02", "everyone", "sent")
    (edition,) = told["editions"]
    assert (edition["edition"], edition["stories"], edition["counts"]) == ("2022-02/everyone/en", 5, {"sent": 6})
    assert newsroom(*SEND, now=NOW).code == 4
    assert len(listener()) == 1
    assert set(sink.readers.values()) == {1}


def test_the_run_does_not_repeat_what_was_told_by_hand(newsroom, sink, listener):
    """Sent by hand before its time: then the newsroom has its report, and the hook no second call."""
    newsroom.run("2022-02-20T10:00")
    assert newsroom(*SEND, now="2022-02-28T18:00").code == 0
    assert newsroom.run("2022-03-01T09:00").code == 0
    assert events(listener) == ["sent"]
    assert len(sink.notices) == 1


def test_the_languages_of_an_audience_are_told_together(newsroom, sink, listener):
    """Two editions of one audience are one call; one of them alone leaves the whole to be told at its time."""
    newsroom.edit("config.yaml", "  everyone:", "  everyone:\n    languages: [en, fr]")
    for name, month in (("fevrier", "02"), ("mars", "03")):
        newsroom.story(name, f"2022-{month}-10")
        newsroom.edit(f"stories/{name}.md", "topics:", "language: fr\ntopics:")
    newsroom.run("2022-02-20T10:00")
    assert newsroom(*SEND, "--language", "fr", now="2022-02-28T18:00").code == 0
    assert [each["edition"] for each in listener()[-1]["editions"]] == ["2022-02/everyone/fr"]
    newsroom.run("2022-03-01T09:00")
    assert [each["event"] for each in listener()] == ["sent", "built", "sent"]
    assert len(listener()[-1]["editions"]) == 2
    newsroom.story("march", "2022-03-20")
    assert (
        newsroom("send", "--month", "2022-03", "--audience", "everyone", "--live", "--yes", now="2022-04-01T08:00").code
        == 0
    )
    assert len(listener()[-1]["editions"]) == 2
    assert len(listener()) == 4
    assert set(sink.readers.values()) == {2}


def test_a_send_that_waits_is_told_when_the_resume_ends_it(newsroom, sink, listener):
    """With a reader to be tried again there is no news yet; the resume that brings it to its end tells."""
    sink.answers["newsdesk@example.com"] = "451 4.7.1 Greylisted, come back"
    assert newsroom(*SEND, now=NOW).code == 75
    assert listener() == []
    assert newsroom(*SEND, "--limit", "1", now=NOW).code == 75
    sink.answers.clear()
    make_due(newsroom)
    assert newsroom("resume", "2022-02/everyone/en", "--yes", now=NOW).code == 0
    assert events(listener) == ["sent"]


def make_due(newsroom):
    """The back-off of a greylisted reader is real time; make it be over."""
    import sqlite3

    with closing(sqlite3.connect(newsroom.root / ".digest/ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE deliveries SET next_try = 1 WHERE next_try > 0")
    ledger.close()


@pytest.mark.usefixtures("sink")
def test_a_send_that_is_refused_or_given_up_is_told_as_failed(newsroom, listener):
    """Approval missing, relay away, nobody on the list: `failed`, with why, and the verb's own exit code."""
    newsroom.edit("config.yaml", "  engine: local", "  engine: local\n  approval: required")
    assert newsroom(*SEND, now=NOW).code == 5
    newsroom.edit("config.yaml", "\n  approval: required", "")
    newsroom.monkeypatch.setenv("DIGEST_SMTP__PORT", "1")
    assert newsroom(*SEND, now=NOW).code == 75
    told = listener()
    assert [(each["event"], each["state"]) for each in told] == [("failed", "unapproved"), ("failed", "retry")]
    assert "nobody has approved it" in told[0]["editions"][0]["message"]
    assert told[1]["editions"][0]["counts"] == {"planned": 6}


def test_a_send_that_a_person_ends_is_no_failure(newsroom, sink, listener):
    """Ctrl-C: the person knows; `failed` is for what nobody asked for."""
    sink.holds_after = 1
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    run = newsroom.process(*SEND, "--now", NOW, program=TELLS_OF_ITS_END)
    sink.wait_for_held()
    run.send_signal(signal.SIGINT)
    wait_for_its_end(newsroom.root)
    sink.let_go()
    assert (run.communicate(timeout=60), run.returncode)[1] == 130
    assert listener() == []


def test_a_webhook_hears_of_a_send_by_hand(newsroom, sink, web):
    """The same facts go to a web address by POST."""
    newsroom.append(f"hooks: {{sent: {web.url}/hook, built: {web.url}/built}}\n")
    newsroom(*BUILD, now=NOW)
    newsroom(*SEND, now=NOW)
    assert [(method, path, json.loads(body)["event"]) for method, path, body in web.asked] == [
        ("POST", "/built", "built"), ("POST", "/hook", "sent"),
    ]  # fmt: skip
    assert set(sink.readers.values()) == {1}


@pytest.mark.parametrize("verb", ["build", "send"])
def test_a_hook_that_fails_changes_nothing_but_a_line(newsroom, sink, verb):
    """Exit code and output are those without the hook; the failure is one line on standard error."""
    newsroom.append("hooks:\n  built: |-\n    sh -c 'echo no\n    paper >&2; exit 3'\n  sent: http://127.0.0.1:1/x\n")
    done = newsroom(*(BUILD if verb == "build" else SEND), now=NOW)
    said = {
        "build": "digest: hook built: sh -c 'echo no paper >&2; exit 3': ended with 3: no sh: 2: paper: not found",
        "send": "digest: hook sent: 127.0.0.1: ConnectError",
    }[verb]
    assert (done.code, [line for line in done.err.splitlines() if "hook" in line]) == (0, [said]), done.err
    assert len(sink.readers) == (0 if verb == "build" else 6)


def test_what_was_called_off_before_anybody_had_it_is_not_told_as_sent(newsroom, sink, listener):
    """Neither by the run, whose time comes then, nor as failed: who called it off knows. In part, it went out."""
    assert newsroom.run("2022-02-20T10:00").code == 0
    (newsroom.root / "recipients/everyone.csv").write_text("email\nann@example.org\nbob@example.org\n")
    sink.answers |= dict.fromkeys(("ann@example.org", "bob@example.org"), "450 4.2.0 Later, please")
    assert newsroom(*SEND, now="2022-02-28T18:00").code == 75
    assert newsroom("cancel", "2022-02/everyone/en", "--yes").code == 0
    before = events(listener)
    done = newsroom.run("2022-03-01T09:00")
    assert (done.code, "2 called off" in done.out) == (0, True), done
    assert "sent" not in events(listener)
    assert events(listener) == before
