"""`digest run` against a real relay: each edition once, whatever clock and config do (FAULTS 52-56)."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

READERS = 6
FEBRUARY = "2022-02/everyone"
ZURICH = ZoneInfo("Europe/Zurich")


def begin(newsroom, now="2022-02-20T10:00"):
    """The first run, with which the schedule is put in force."""
    done = newsroom.run(now)
    assert done.code == 0, done.err


def journal(newsroom):
    return json.loads((newsroom.root / ".digest/schedule.json").read_text())


def test_what_is_due_goes_out_once_and_the_second_run_does_nothing(newsroom, sink):
    """At its time each reader gets one mail and the newsroom its report; the next run finds nothing to do."""
    begin(newsroom)
    done = newsroom.run("2022-03-01T09:00")
    assert (done.code, done.err) == (0, "")
    assert "2022-02/everyone/en: 5 stories, 6 accepted" in done.out
    assert (len(sink.readers), set(sink.readers.values())) == (READERS, {1})
    assert sink.subjects == ["February 2022, everyone: 5 stories, 6 accepted"]
    again = newsroom.run("2022-03-01T09:10")
    assert (again.code, again.out.startswith("nothing is due; 2022-03/everyone goes out in 31 days")) == (0, True)
    assert (len(sink.mails), list(journal(newsroom)["done"])) == (READERS + 1, [FEBRUARY])


def test_a_month_of_runs(newsroom, sink):
    """Eight hours at a time from February to April: two editions go out at their times, nothing else ever does."""
    newsroom.story("a-march-story", "2022-03-10")
    now, sent = datetime(2022, 2, 25, 1, tzinfo=ZURICH), []
    while now < datetime(2022, 4, 5, tzinfo=ZURICH):
        before = len(sink.mails)
        assert newsroom.run(now.isoformat()).code == 0
        if len(sink.mails) > before:
            sent.append((now.date().isoformat(), len(sink.mails) - before))
        now += timedelta(hours=8)
    assert sent == [("2022-03-01", READERS + 1), ("2022-04-01", READERS + 1)]
    assert set(sink.readers.values()) == {2}
    assert sink.subjects[1].startswith("March 2022, everyone: 1 story, 6 accepted")


def test_a_machine_that_was_off_catches_up_once(newsroom, sink):
    """Two days late is inside catch_up: one run sends, the next does nothing."""
    begin(newsroom)
    assert newsroom.run("2022-03-03T08:00").code == 0
    assert newsroom.run("2022-03-03T08:00").code == 0
    assert set(sink.readers.values()) == {1}


def test_beyond_catch_up_it_is_held_and_said(newsroom, sink):
    """Off for weeks: no reader is mailed, each run names it, the newsroom is told once, a person settles."""
    begin(newsroom)
    for day in ("2022-03-14T09:00", "2022-03-14T09:10"):
        done = newsroom.run(day)
        assert (done.code, "longer ago than catch_up allows" in done.out) == (1, True)
        assert "digest send --month 2022-02 --audience everyone --live" in done.out
    assert not sink.readers
    assert sink.subjects == ["February 2022, everyone has NOT gone out"]
    assert newsroom("run", "--skip", FEBRUARY, now="2022-03-14T09:20").code == 0
    assert newsroom.run("2022-03-14T09:30").code == 0
    assert not sink.readers


def test_off_for_many_periods_is_one_notice(newsroom, sink):
    """Off for months: one mail names every edition that is held, though each is held by itself; later ones are news."""
    newsroom.append("hooks: {failed: sh -c 'cat >> heard'}\n")
    begin(newsroom)
    sink.answers["newsroom@ilo.org"] = "451 4.3.0 Later, please"
    assert newsroom.run("2022-06-20T09:00").code == 1
    sink.answers.clear()
    for clock in ("09:10", "09:20"):
        assert newsroom.run(f"2022-06-20T{clock}").code == 1
    (mail,) = sink.notices
    assert mail["Subject"] == "4 editions have NOT gone out: February 2022, everyone, and 3 more"
    text = " ".join(mail.get_body(("plain",)).get_content().split())
    for month in ("02", "03", "04", "05"):
        assert f"2022-{month}/everyone/en: it was due on" in text
        assert f"digest run --skip 2022-{month}/everyone" in text
    assert "digest send --month 2022-02 --audience everyone --live" in text
    assert "digest send --month 2022-03" not in text, "there are no stories"
    assert (
        "on 1 April 2022 at 09:00, longer ago than catch_up allows; nothing is there to send (no stories): let" in text
    )
    every = " ".join(f"--skip 2022-{month}/everyone" for month in ("02", "03", "04", "05"))
    assert f"None of them: digest run {every}" in text
    assert (newsroom.root / "heard").read_text().count('"state": "held", "editions"') == 4
    wrong = newsroom("run", "--skip", FEBRUARY, "--skip", "2021-03/everyone", now="2022-06-20T10:00")
    assert (wrong.code, "'2021-03/everyone' is not due" in wrong.err) == (2, True)
    assert not journal(newsroom)["done"], "all of what is named, or nothing"
    assert newsroom("run", "--skip", FEBRUARY, "--skip", "2022-03/everyone", now="2022-06-20T10:00").code == 0
    newsroom.run("2022-07-20T09:00")
    assert sink.subjects[1:] == ["3 editions have NOT gone out: June 2022, everyone, and 2 more"]
    assert not sink.readers


def test_what_is_held_goes_when_a_person_says_so(newsroom, sink):
    """--held sends what is held; sending it with `digest send` settles it too."""
    begin(newsroom)
    newsroom.run("2022-03-14T09:00")
    assert newsroom.run("2022-03-14T09:10", "--held").code == 0
    assert set(sink.readers.values()) == {1}


def test_sent_by_hand_before_its_time_it_does_not_go_again(newsroom, sink):
    """The ledger knows what `digest send` did: at its time there is a report, and no mail."""
    begin(newsroom)
    flags = ("--month", "2022-02", "--audience", "everyone", "--live", "--yes")
    assert newsroom("send", *flags, now="2022-02-28T18:00").code == 0
    assert newsroom.run("2022-03-01T09:00").code == 0
    assert set(sink.readers.values()) == {1}
    assert len(sink.notices) == 1


def test_a_lost_record_mails_nobody_again(newsroom, sink):
    """With .digest/schedule.json gone or damaged nobody is mailed twice: the ledger is the truth."""
    begin(newsroom)
    newsroom.run("2022-03-01T09:00")
    record = newsroom.root / ".digest/schedule.json"
    record.write_text('{"format": 1, "done"')
    done = newsroom.run("2022-03-01T09:10")
    assert (done.code, "is damaged; move it away" in done.err) == (1, True)
    record.unlink()
    assert newsroom.run("2022-03-01T09:20").code == 0
    assert set(sink.readers.values()) == {1}


def test_two_schedulers_at_once_send_once(newsroom, sink):
    """Cron and a systemd timer start together: one sends, the other says who is at it, or finds it done."""
    begin(newsroom)
    sink.holds_after = 0
    both = [newsroom.process("run", "--now", "2022-03-01T09:00") for _ in range(2)]
    sink.wait_for_held()  # by one of the two, or by both
    sink.let_go()
    ended = [(*each.communicate(timeout=60), each.returncode) for each in both]
    codes = sorted(code for _, _, code in ended)
    assert codes in ([0, 75], [0, 0]), ended
    if codes == [0, 75]:
        assert any("is being sent by" in err for _, err, _ in ended)
    assert (len(sink.readers), set(sink.readers.values())) == (READERS, {1})


def test_cron_is_silent_while_a_run_is_still_at_it(newsroom, sink):
    """A send of hours is met by a run every ten minutes: cron, which mails every word, has none to mail."""
    begin(newsroom)
    sink.holds_after = 1
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    first = newsroom.process("run", "--now", "2022-03-01T09:00")
    lock = newsroom.root / ".digest/schedule.lock"
    sink.wait_for_held()
    assert lock.exists()
    done = newsroom.run("2022-03-01T09:00", "--quiet")
    assert (done.code, done.out, done.err) == (75, "", "")
    assert "is being sent by" in newsroom.run("2022-03-01T09:00").err
    sink.let_go()
    assert first.communicate(timeout=60)[1] == ""
    assert set(sink.readers.values()) == {1}


def test_the_hour_that_the_clocks_skip(newsroom, sink):
    """02:30 on the day it does not exist is 03:30: not before, and once."""
    newsroom.schedule('audiences: [everyone], on: day 27, at: "02:30"')
    begin(newsroom, "2022-03-20T10:00")
    assert newsroom.run("2022-03-27T01:59+01:00").out.startswith("nothing is due")
    assert newsroom.run("2022-03-27T03:30+02:00").code == 0
    assert newsroom.run("2022-03-27T03:40+02:00").code == 0
    assert set(sink.readers.values()) == {1}


def test_the_hour_that_comes_twice(newsroom, sink):
    """02:30 on the day it comes twice is the first one, and the second does nothing."""
    newsroom.schedule('audiences: [everyone], on: day 30, at: "02:30"')
    newsroom.story("september", "2022-09-10")
    begin(newsroom, "2022-10-20T09:00")
    assert newsroom.run("2022-10-30T02:29+02:00").out.startswith("nothing is due")
    assert newsroom.run("2022-10-30T02:30+02:00").code == 0
    assert set(sink.readers.values()) == {1}
    newsroom.run("2022-10-30T02:30+01:00")
    assert set(sink.readers.values()) == {1}


def test_in_the_hour_that_comes_twice_time_goes_on(newsroom, sink):
    """02:10 for the second time is forty minutes after 02:30 for the first: what was due then goes now."""
    newsroom.schedule('audiences: [everyone], on: day 30, at: "02:30"')
    newsroom.story("september", "2022-09-10")
    begin(newsroom, "2022-10-20T09:00")
    second = datetime.fromisoformat("2022-10-30T02:10+01:00")
    epoch = str(int(second.timestamp()))
    newsroom.monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert newsroom("run", "--yes-now", epoch).code == 0
    assert set(sink.readers.values()) == {1}


def test_a_clock_that_ran_ahead_a_year_loses_nothing(newsroom, sink):
    """Empty months of a year that has not come are not taken for done; the real one still goes, once."""
    begin(newsroom)
    newsroom.run("2023-03-01T09:30")  # every month of the year is late, the last one is empty
    assert not sink.readers
    done = newsroom.run("2022-03-01T09:00")
    assert "one of the two clocks was wrong" in done.err
    assert set(sink.readers.values()) == {1}
    newsroom.story("january", "2023-02-10")
    assert newsroom.run("2023-03-01T09:00").code == 1  # the months in between: held, and named
    assert set(sink.readers.values()) == {2}


def test_a_clock_that_goes_back_a_month_sends_nothing_again(newsroom, sink):
    """What was sent is not sent again when its time comes a second time."""
    begin(newsroom)
    newsroom.run("2022-03-01T09:00")
    newsroom.run("2022-02-01T09:00")
    assert newsroom.run("2022-03-01T09:00").code == 0
    assert set(sink.readers.values()) == {1}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Nowhere/None"])
def test_the_machines_zone_has_no_say(newsroom, sink, zone):
    """With TZ set to anything, the period and its time are the newsroom's."""
    begin(newsroom)
    newsroom.monkeypatch.setenv("TZ", zone)
    run = newsroom.process("run", "--now", "2022-03-01T08:59")
    assert "nothing is due" in run.communicate(timeout=60)[0]
    run = newsroom.process("run", "--now", "2022-03-01T09:00")
    assert "2022-02/everyone/en: 5 stories" in run.communicate(timeout=60)[0]
    assert set(sink.readers.values()) == {1}


def test_a_changed_config_is_shown_and_sends_nothing_by_surprise(newsroom, sink):
    """A new line whose time is past is held, and --dry-run shows what changed; nothing goes by itself."""
    begin(newsroom)
    newsroom.run("2022-03-01T09:00")
    newsroom.append("  - {audiences: [everyone], period: quarter, on: day 1}\n  - {period: week, on: monday}\n")
    dry = newsroom.run("2022-03-02T12:00", "--dry-run")
    assert "changed since the last run: + everyone: every week, monday at 09:00 Europe/Zurich" in dry.out
    assert "2022-W08/everyone: it was due on 28 February 2022 at 09:00, and its schedule is newer than that" in dry.out
    before = journal(newsroom)
    assert newsroom.run("2022-03-02T12:10").code == 1
    assert set(sink.readers.values()) == {1}
    assert before["done"].keys() == journal(newsroom)["done"].keys()


def test_a_schedule_written_just_before_its_time_is_not_missed(newsroom, sink):
    """The first run ever comes minutes after the time: within the hour's grace it goes."""
    assert newsroom.run("2022-03-01T09:08").code == 0
    assert set(sink.readers.values()) == {1}


def test_a_schedule_written_the_day_after_is_held(newsroom, sink):
    """The first run ever comes a day after the time: nobody meant that month to go by surprise; it is held and said."""
    done = newsroom.run("2022-03-02T09:00")
    assert (done.code, "its schedule is newer" in done.out) == (1, True)
    assert not sink.readers


def test_an_audience_that_was_renamed_is_no_news(newsroom, sink):
    """What was sent, empty or skipped under its former name is not reported, held or offered again."""
    begin(newsroom)
    newsroom.run("2022-03-01T09:00")
    newsroom.run("2022-04-01T09:00")  # nothing to send
    newsroom.story("an-april-story", "2022-04-10")
    assert "longer ago" in newsroom.run("2022-05-20T09:00").out
    assert newsroom("run", "--skip", "2022-04/everyone", now="2022-05-20T09:10").code == 0
    told = len(sink.mails)
    newsroom.edit("config.yaml", "\n  everyone:\n", "\n  all:\n    was: [everyone]\n")
    newsroom.edit("config.yaml", "audiences: [everyone]", "audiences: [all]")
    done = newsroom.run("2022-05-20T09:20", "--held")
    assert (done.code, done.out.startswith("nothing is due; 2022-05/all"), len(sink.mails)) == (0, True, told)


def test_an_empty_month_is_said_and_settled(newsroom, sink):
    """No stories: nobody is mailed, the newsroom hears so once, and the month is done."""
    begin(newsroom, "2022-05-20T09:00")
    assert newsroom.run("2022-06-01T09:00").code == 0
    assert newsroom.run("2022-06-01T09:10").out.startswith("nothing is due")
    assert not sink.readers
    assert sink.subjects == ["May 2022, everyone: nothing was sent: no stories"]


def test_a_thin_month_is_carried_over_and_goes_with_the_next(newsroom, sink):
    """One story where two are wanted: said, carried over by policy, and sent with the next month's."""
    newsroom.edit(
        "config.yaml", "    thin: carry-over", "    thin: carry-over\n    recipients: {csv: recipients/everyone.csv}"
    )
    newsroom.schedule("audiences: [skills]")
    newsroom.story("may-story", "2022-05-10")
    newsroom.story("june-story", "2022-06-10")
    begin(newsroom, "2022-05-20T09:00")
    done = newsroom.run("2022-06-01T09:00")
    assert "only 1 story, carried over to the next by `thin: carry-over`" in done.out
    assert not sink.readers
    assert "2 stories, 6 accepted" in newsroom.run("2022-07-01T09:00").out


def test_a_relay_that_is_away_is_tried_again_and_told_when_late(newsroom, sink):
    """75 while the relay is away; nobody is marked; the newsroom hears of it once it is back, and readers get one."""
    begin(newsroom)
    newsroom.monkeypatch.setenv("DIGEST_SMTP__PORT", "1")
    for minute in ("00", "10"):
        assert newsroom.run(f"2022-03-01T09:{minute}").code == 75
    late = newsroom.run("2022-03-01T12:00")
    assert (late.code, "newsroom@ilo.org was not told" in late.err) == (75, True)
    newsroom.monkeypatch.setenv("DIGEST_SMTP__PORT", str(sink.port))
    assert newsroom.run("2022-03-01T12:10").code == 0
    assert set(sink.readers.values()) == {1}
    assert len(sink.notices) == 1


def test_a_ledger_that_cannot_be_used_is_told_to_the_newsroom(newsroom, sink):
    """Nothing goes and the newsroom hears why, once a day, without the ledger; mended, it goes out, once."""
    newsroom.append("hooks: {failed: sh -c 'cat >> heard'}\n")
    begin(newsroom)
    ledger = newsroom.root / ".digest/ledger.db"
    ledger.write_bytes(b"no ledger" * 500)
    for minute in ("00", "10"):
        done = newsroom.run(f"2022-03-01T09:{minute}")
        assert (done.code, "ledger.db: is not a ledger" in done.err, "Traceback" in done.err) == (1, True, False)
    assert sink.subjects == ["February 2022, everyone has NOT gone out"]
    assert "ledger.db: is not a ledger" in sink.notices[0].get_body(("plain",)).get_content()
    assert json.loads((newsroom.root / "heard").read_text())["state"] == "failed"
    assert newsroom.run("2022-03-02T09:10").code == 1
    assert len(sink.notices) == 2
    ledger.unlink()
    assert newsroom.run("2022-03-02T09:20").code == 0
    assert set(sink.readers.values()) == {1}


def test_a_newsroom_that_was_put_back_elsewhere_is_held_and_told(newsroom, sink, tmp_path_factory):
    """Nothing goes to readers from a copy that may not know all; each run says so; a person's word lets it go."""
    begin(newsroom)
    assert newsroom("send", "--month", "2022-01", "-a", "everyone", "--live", "--yes", now="2022-02-20T11:00").code == 0
    sent = sink.readers.total()
    newsroom.root = Path(shutil.copytree(newsroom.root, tmp_path_factory.mktemp("copy") / "newsroom"))
    foreseen = newsroom.run("2022-03-01T09:00", "--dry-run")
    assert "not where it last sent from" in foreseen.out
    for minute in ("00", "10"):
        done = newsroom.run(f"2022-03-01T09:{minute}")
        assert (done.code, f"{FEBRUARY}/en: " in done.out, "Traceback" in done.err) == (1, True, False)
    assert sink.readers.total() == sent
    assert sink.subjects == ["February 2022, everyone has NOT gone out"]
    told = " ".join(sink.notices[0].get_body(("plain",)).get_content().split())
    assert "(2022-01/everyone/en)" in told
    assert "digest config --moved" in told
    assert newsroom("config", "--moved").code == 0
    assert newsroom.run("2022-03-01T09:20").code == 0
    assert sink.readers.total() == sent + READERS


def broken(patch, audience, method):
    """A bug that only this audience's editions meet. It stands in for one that nobody knows of yet."""
    from digest.editions import builder
    from digest.scheduling import task

    place, name = {"build": (builder, "assemble"), "send": (task, "send")}[method]
    real = getattr(place, name)

    def failing(*arguments, **more):
        edition = arguments[1] if method == "build" else arguments[0].content.edition
        if edition.audience == audience:
            raise KeyError(audience)
        return real(*arguments, **more)

    patch.setattr(place, name, failing)


@pytest.mark.parametrize("method", ["build", "send"])
def test_a_bug_in_one_edition_halts_that_edition_only(newsroom, sink, method):
    """Whatever it meets: the other audience goes, the newsroom hears what has NOT gone out; mended, it goes, once."""
    newsroom.edit("config.yaml", "    archive: none\n  skills:", "    recipients: {csv: impact.csv}\n  skills:")
    (newsroom.root / "impact.csv").write_text("email\nimpact@example.org\n")
    newsroom.schedule("audiences: [everyone, impact]")
    begin(newsroom)
    with newsroom.monkeypatch.context() as patched:
        broken(patched, "everyone", method)
        for minute in ("00", "10"):
            done = newsroom.run(f"2022-03-01T09:{minute}")
            assert (done.code, "KeyError: 'everyone'" in done.err, "Traceback" in done.err) == (1, True, True)
    assert sink.readers == {"impact@example.org": 1}
    assert sink.subjects[0] == "February 2022, everyone has NOT gone out"
    assert sink.subjects[1].startswith("February 2022, impact: ")
    assert "a bug of digest, KeyError: 'everyone'" in sink.notices[0].get_body(("plain",)).get_content()
    assert len(sink.notices) == 2
    assert newsroom.run("2022-03-01T09:20").code == 0
    assert set(sink.readers.values()) == {1}
    assert len(sink.readers) == READERS + 1


def test_a_bug_in_what_comes_tomorrow_keeps_nothing_from_going_today(newsroom, sink):
    """An edition that fails while its approval is called for: what is due goes, and the reminder says what is wrong."""
    newsroom.edit("config.yaml", "    archive: none\n  skills:", "    recipients: {csv: impact.csv}\n  skills:")
    (newsroom.root / "impact.csv").write_text("email\nimpact@example.org\n")
    newsroom.schedule("audiences: [everyone]", "audiences: [impact], on: 2, approval: required")
    begin(newsroom)
    broken(newsroom.monkeypatch, "impact", "build")
    done = newsroom.run("2022-03-01T09:00")
    assert (done.code, "Traceback" in done.err) == (0, True)
    assert (len(sink.readers), set(sink.readers.values())) == (READERS, {1})
    assert "a bug of digest, KeyError: 'impact'" in sink.notices[1].get_body(("plain",)).get_content()


def test_what_is_held_is_told_without_a_ledger_too(newsroom, sink):
    """The machine was off for months, and its ledger is broken as well: the newsroom hears of both months, once."""
    begin(newsroom)
    (newsroom.root / ".digest/ledger.db").write_bytes(b"no ledger" * 500)
    for minute in ("00", "10"):
        assert newsroom.run(f"2022-04-20T09:{minute}").code == 1
    assert sink.subjects == ["2 editions have NOT gone out: February 2022, everyone, and 1 more"]


def test_a_clock_that_was_never_set_puts_nothing_in_force(newsroom, sink):
    """A machine that believes it is 1970 says so; set right, it names no month of the years between."""
    done = newsroom.run("1970-01-01T00:10")
    assert (done.code, done.err) == (
        1,
        "digest: this machine believes that it is 1 January 1970; set its clock, then run again\n",
    )
    assert newsroom.run("2022-03-01T09:00").code == 0
    assert (set(sink.readers.values()), len(sink.notices)) == ({1}, 1)


def test_what_was_begun_goes_on_after_catch_up(newsroom, sink):
    """A reader who was put off is not dropped because the window closed: the edition is begun, so it goes on."""
    begin(newsroom)
    sink.answers["newsdesk@example.com"] = "451 4.7.1 Greylisted, come back"
    assert newsroom.run("2022-03-01T09:00").code == 75
    assert len(sink.readers) == READERS - 1
    sink.answers.clear()
    ledger_time_passes(newsroom)
    assert newsroom.run("2022-03-08T09:00").code == 0
    assert (len(sink.readers), set(sink.readers.values())) == (READERS, {1})


def test_what_a_person_paused_is_passed_over_and_told_once_a_day(newsroom, sink):
    """It is no failure: no code, no hook; each day the newsroom hears how many have it, until a person says go on."""
    newsroom.append("hooks: {failed: sh -c 'cat >> heard'}\n")
    begin(newsroom)
    flags = ("--month", "2022-02", "--audience", "everyone", "--live", "--yes", "--limit", "2")
    assert newsroom("send", *flags, now="2022-02-28T18:00").code == 75
    assert newsroom("pause", f"{FEBRUARY}/en").code == 0
    paused = f"paused: 2 accepted, 4 waiting; when it may go on: digest resume {FEBRUARY}/en"
    foreseen = newsroom.run("2022-03-01T09:00", "--dry-run")
    assert f"`digest run` would not send it: {paused}" in foreseen.out
    for day, told in (("01", 1), ("01", 1), ("02", 2), ("20", 3)):
        done = newsroom.run(f"2022-03-{day}T09:0{told}")
        assert (done.code, done.err, done.out) == (0, "", f"{FEBRUARY}/en: {paused}\n")
        assert sink.subjects == ["February 2022, everyone has NOT gone out to everybody: it is paused"] * told
    assert sum(sink.readers.values()) == 2
    assert not (newsroom.root / "heard").exists()
    (data,) = json.loads(newsroom.run("2022-03-20T10:00", "--json").out)
    assert (data["state"], data["editions"][0]["state"]) == ("paused", "paused")
    assert newsroom("resume", f"{FEBRUARY}/en", "--yes", now="2022-03-20T11:00").code == 0
    assert newsroom.run("2022-03-20T11:10").code == 0
    assert (len(sink.readers), set(sink.readers.values())) == (READERS, {1})
    assert sink.subjects[3:] == ["February 2022, everyone: 5 stories, 6 accepted"]


def test_what_is_paused_while_it_goes_waits_for_a_person(newsroom, sink):
    """What is paused under a run that sends it is not said to go on by itself."""
    begin(newsroom)
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    sink.holds_after = 2
    run = newsroom.process("run", "--now", "2022-03-01T09:00")
    sink.wait_for_held()
    assert newsroom("pause", f"{FEBRUARY}/en").code == 0
    sink.let_go()
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, ""), out
    assert f"paused: 3 accepted, 3 waiting; when it may go on: digest resume {FEBRUARY}/en" in out
    assert sink.subjects == ["February 2022, everyone has NOT gone out to everybody: it is paused"]


def test_the_watchdog_hears_of_a_good_run_where_something_is_paused(newsroom, sink, web):
    """A person knows of it."""
    begin(newsroom)
    flags = ("--month", "2022-02", "--audience", "everyone", "--live", "--yes", "--limit", "1")
    newsroom("send", *flags, now="2022-02-28T18:00")
    assert sum(sink.readers.values()) == 1
    newsroom("pause", f"{FEBRUARY}/en")
    assert newsroom.run("2022-03-01T09:00", "--ping", f"{web.url}/p").code == 0
    assert [path for _, path, _ in web.asked] == ["/p"]


def ledger_time_passes(newsroom):
    """The back-off of a greylisted reader is real time; make it be over."""
    import sqlite3

    with closing(sqlite3.connect(newsroom.root / ".digest/ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE deliveries SET next_try = 1 WHERE next_try > 0")
    ledger.close()


def test_a_missing_approval_stops_it_until_somebody_approves(newsroom, sink):
    """The rule's own demand counts: 5 and one reminder a day, with an approval it goes by itself at the next run."""
    newsroom.schedule("audiences: [everyone], approval: required")
    begin(newsroom)
    newsroom.run("2022-03-01T00:10")
    assert sink.subjects == ["February 2022, everyone goes out in 9 hours, if it is approved"]
    for clock in ("01T09:00", "01T09:10", "02T10:00"):
        assert newsroom.run(f"2022-03-{clock}").code == 5
    assert sink.subjects[1:] == ["February 2022, everyone has NOT gone out: it waits for approval"] * 2
    said = [mail.get_body(("plain",)).get_content() for mail in sink.notices[1:]]
    assert "It was due on Tuesday, 1 March 2022 at 09:00, now." in said[0]
    assert "by itself, until Friday, 4 March 2022 at 09:00; after that a person must send it." in " ".join(
        said[1].split()
    )
    assert newsroom("approve", f"{FEBRUARY}/en", "--by", "Ana", now="2022-03-02T10:05").code == 0
    assert newsroom.run("2022-03-02T10:10").code == 0
    assert set(sink.readers.values()) == {1}


def test_the_reminder_names_the_language_that_waits(newsroom, sink):
    """English is approved and French is not: the reminder is about French; one without stories is nobody's work."""
    newsroom.edit("config.yaml", "    title: All ILO", "    languages: [en, fr, es]\n    title: All ILO")
    newsroom.schedule("audiences: [everyone], approval: required")
    newsroom.story("une-histoire", "2022-02-10")
    newsroom.edit("stories/une-histoire.md", "date:", "language: fr\ndate:")
    begin(newsroom)
    newsroom("build", "--month", "2022-02", now="2022-02-28T18:00")
    newsroom("approve", f"{FEBRUARY}/en", "--by", "Ana", now="2022-02-28T18:00")
    newsroom.run("2022-03-01T00:10")
    (mail,) = sink.notices
    said = mail.get_body(("plain",)).get_content()
    assert ("2022-02/everyone/fr is due" in said, "everyone/en" in said, "everyone/es" in said) == (True, False, False)


def test_an_edition_to_come_that_cannot_be_built_stops_no_other(newsroom, sink):
    """Tomorrow's approved edition has a story that broke since: today's goes, and the newsroom hears of tomorrow's."""
    newsroom.edit(
        "config.yaml", "    thin: carry-over", "    thin: carry-over\n    recipients: {csv: recipients/everyone.csv}"
    )
    newsroom.schedule('audiences: [skills], on: day 2, at: "08:00", approval: required', "audiences: [everyone]")
    begin(newsroom)
    assert newsroom("send", "--month", "2022-02", "--audience", "everyone", "--live", "--yes", "--limit", "2",
                    now="2022-02-28T18:00").code == 75  # fmt: skip
    newsroom("build", "--month", "2022-02", "--audience", "skills", now="2022-02-28T18:00")
    newsroom("approve", "2022-02/skills/en", "--by", "Ana", now="2022-02-28T18:00")
    newsroom.edit("stories/2022-02-10-strengthening-digital-tvet-in-ukraine.md", "date: 2022", "date: 2022-99")
    done = newsroom.run("2022-03-01T09:00")
    assert (done.code, "2022-02/everyone/en: 5 stories, 6 accepted" in done.out) == (0, True)
    assert any("2022-02/skills/en is due" in mail.get_body(("plain",)).get_content() for mail in sink.notices)
    assert "it cannot be built" in newsroom("schedule", now="2022-03-01T09:10").out


def test_the_stricter_of_two_demands_counts(newsroom, sink):
    """Send.approval: two beats a rule that wants one word, and a rule that wants two beats send.approval."""
    newsroom.schedule("audiences: [everyone], approval: two")
    newsroom.edit("config.yaml", "  engine: local", "  engine: local\n  approval: required")
    begin(newsroom)
    assert newsroom.run("2022-03-01T09:00").code == 5
    newsroom("approve", f"{FEBRUARY}/en", "--by", "Ana", now="2022-03-01T09:05")
    assert newsroom.run("2022-03-01T09:10").code == 5
    newsroom("approve", f"{FEBRUARY}/en", "--by", "Ben", now="2022-03-01T09:15")
    assert newsroom.run("2022-03-01T09:20").code == 0
    assert set(sink.readers.values()) == {1}


def test_a_failing_check_holds_one_audience_and_not_the_other(newsroom, sink):
    """One audience's mistake is told as NOT gone out; the other's edition goes."""
    newsroom.edit(
        "config.yaml", "    thin: carry-over", "    thin: carry-over\n    recipients: {csv: recipients/none.csv}"
    )
    newsroom.schedule("audiences: [skills, everyone]")
    begin(newsroom)
    done = newsroom.run("2022-03-01T09:00")
    assert done.code in (1, 2)
    assert set(sink.readers.values()) == {1}
    assert [subject.partition(":")[0] for subject in sink.subjects] == [
        "February 2022, everyone", "February 2022, skills has NOT gone out",
    ]  # fmt: skip


def test_dry_run_writes_and_sends_nothing(newsroom, sink):
    """--dry-run says what would go, and leaves no file and no mail."""
    done = newsroom.run("2022-03-01T09:05", "--dry-run")
    assert (done.code, "`digest run` would send it now" in done.out) == (0, True)
    assert not sink.mails
    assert not (newsroom.root / ".digest/schedule.json").exists()
    assert json.loads(newsroom.run("2022-03-01T09:05", "--dry-run", "--json").out)["due"][0]["name"] == FEBRUARY


def test_a_dry_run_says_that_nobody_is_on_the_list(newsroom, sink):
    """As the run would: it is somebody's mistake with a list, and no edition that goes to 0 readers."""
    begin(newsroom)
    (newsroom.root / "recipients/everyone.csv").write_text("email,name\n")
    done = newsroom.run("2022-03-01T09:00", "--dry-run")
    assert "nobody to send it to: the list of everyone has no reader who can be mailed" in done.out
    assert not sink.mails


def test_without_a_schedule_it_says_so(newsroom):
    """A newsroom without `schedule:`: one line with what to write, and 2."""
    newsroom.edit("config.yaml", "schedule:\n  - {audiences: [everyone]}\n", "")
    done = newsroom.run("2022-03-01T09:00")
    assert (done.code, "config.yaml has no schedule" in done.err, len(done.err.splitlines())) == (2, True, 1)


FRENCH = "---\ntitle: Une histoire\ndate: 2022-02-10\nlanguage: fr\n---\n\nQuelques mots.\n"


def bilingual(newsroom, languages="en, fr"):
    """English and French readers, and a story for each."""
    newsroom.edit("config.yaml", "  everyone:\n", f"  everyone:\n    languages: [{languages}]\n")
    (newsroom.root / "stories/une-histoire.md").write_text(FRENCH)
    (newsroom.root / "recipients/everyone.csv").write_text(
        "email,language\nann@example.org,en\nbob@example.org,en\ncid@example.org,fr\n"
    )


def test_readers_of_a_language_that_is_taken_out_are_mailed_all_the_same(newsroom, sink):
    """They were settled with the others, and wait: what was begun goes on, whatever config.yaml says by now."""
    bilingual(newsroom)
    begin(newsroom)
    sink.answers["cid@example.org"] = "450 4.2.0 Later, please"
    assert newsroom.run("2022-03-01T09:00").code == 75
    newsroom.edit("config.yaml", "languages: [en, fr]", "languages: [en]")
    sink.answers.clear()
    ledger_time_passes(newsroom)
    done = newsroom.run("2022-03-01T11:30")
    assert (done.code, f"{FEBRUARY}/fr: " in done.out) == (0, True), done
    assert sink.readers == {"ann@example.org": 1, "bob@example.org": 1, "cid@example.org": 1}
    assert "fr: 1 story, 1 accepted" in sink.subjects[-1]


def test_what_was_begun_is_not_skipped(newsroom, sink):
    """Somebody waits for it: it is called off by its name, or goes on."""
    begin(newsroom)
    flags = ("--month", "2022-02", "--audience", "everyone", "--live", "--yes", "--limit", "2")
    assert newsroom("send", *flags, now="2022-02-28T18:00").code == 75
    refused = newsroom.run("2022-03-01T09:00", "--skip", FEBRUARY)
    assert (
        refused.code,
        f"readers of {FEBRUARY}/en wait; digest resume {FEBRUARY}/en, or cancel it" in refused.err,
    ) == (2, True)
    assert not journal(newsroom)["done"]
    assert newsroom("cancel", f"{FEBRUARY}/en", "--yes").code == 0
    assert newsroom.run("2022-03-01T09:00", "--skip", f"{FEBRUARY}/", "--skip", FEBRUARY).code == 0
    assert sum(sink.readers.values()) == 2


def test_a_language_without_stories_is_not_said_to_be_new(newsroom, sink):
    """Its readers are settled with the others', and nothing is said that is not so."""
    bilingual(newsroom, "en, fr, es")
    begin(newsroom)
    done = newsroom.run("2022-03-01T09:00")
    assert done.code == 0
    assert f"{FEBRUARY}/es: nobody to send it to: the readers of this period were settled in" in done.out
    assert "without this language" in done.out
    assert sum(sink.readers.values()) == 3
    plan = newsroom("send", f"{FEBRUARY}/es")
    assert (plan.code, "nothing to send" in plan.out) == (3, True)


def test_who_is_refused_is_named_beside_a_language_that_is_paused(newsroom, sink):
    """What is paused hides nobody: the exit code and the notice have them."""
    bilingual(newsroom)
    begin(newsroom)
    sink.answers["cid@example.org"] = sink.answers["bob@example.org"] = "450 4.2.0 Later, please"
    assert (
        newsroom("send", "--month", "2022-02", "-a", "everyone", "--live", "--yes", now="2022-02-28T18:00").code == 75
    )
    assert newsroom("pause", f"{FEBRUARY}/fr").code == 0
    sink.answers["bob@example.org"] = "550 5.1.1 User unknown"
    ledger_time_passes(newsroom)
    assert newsroom.run("2022-03-01T09:00").code == 1
    (mail,) = sink.notices
    text = mail.get_body(("plain",)).get_content()
    assert "bob@example.org: refused: 550 5.1.1 User unknown" in " ".join(text.split())
    assert "paused: 1 to be tried again" in " ".join(text.split())
