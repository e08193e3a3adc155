"""`digest send` and what follows, against a real SMTP server: plan, test mail, live, status, resume, resolve."""

from __future__ import annotations

import bz2
import contextlib
import csv
import email
import email.policy
import gzip
import json
import lzma
import os
import pty
import re
import shutil
import signal
import subprocess
import sys

import pytest

from digest.delivery import State
from digest.newsroom.newsroom import open_newsroom
from mailsink import TELLS_OF_ITS_END, wait_for_its_end

FEBRUARY = ("--month", "2022-02", "--audience", "everyone")
EDITION = "2022-02/everyone/en"
READERS = 6


def live(newsroom, *more):
    return newsroom("send", *FEBRUARY, "--live", "--yes", *more)


def status(newsroom):
    return json.loads(newsroom("status", "--json").out)[0]


def test_without_live_nothing_is_sent(newsroom, sink):
    """A plan says how many, to which domains and languages, and how to go on; no mail goes."""
    done = newsroom("send", *FEBRUARY)
    assert done.code == 0
    for words in ("6 mails", "example.org 2", "languages: en 3", "--live", "Nothing was sent"):
        assert words in done.out
    assert not sink.mails


def test_each_reader_gets_one_mail_and_a_second_send_none(newsroom, sink):
    """Live, each reader gets exactly one mail; the same command again ends with 4 and sends nothing."""
    done = live(newsroom)
    assert (done.code, done.err) == (0, "")
    assert "6 accepted" in done.out
    assert set(sink.readers.values()) == {1}
    assert len(sink.mails) == READERS
    again = live(newsroom)
    assert (again.code, len(again.lines)) == (4, 1)
    assert len(sink.mails) == READERS
    assert newsroom("status").code == 0


def test_a_mail_is_to_one_reader_and_names_no_other(newsroom, sink):
    """Each mail has its one To, Reply-To is the newsroom, and no other reader's address is in it."""
    live(newsroom)
    everybody = set(sink.readers)
    for to, data in sink.mails:
        mail = email.message_from_bytes(data, policy=email.policy.default)
        assert mail["To"].addresses[0].addr_spec == to
        assert mail["Reply-To"] == "newsroom@ilo.org"
        assert mail["Bcc"] is None
        for other in everybody - {to}:
            assert other.encode() not in data


def test_google_can_tell_who_sends_and_which_issue(newsroom, sink):
    """Feedback-ID has four fields: the last, of 5 to 15 characters, is the same for ever, the others tell the issue."""
    newsroom.edit("config.yaml", "title: Skills\n", "title: Skills\n    recipients: {csv: recipients/everyone.csv}\n")
    newsroom.story("march", date="2022-03-10")
    told = {}
    for month, audience, now in (("02", "everyone", "2022-03-01"), ("02", "skills", "2022-03-01"),
                                 ("03", "everyone", "2022-04-01")):  # fmt: skip
        sink.mails.clear()
        issue = ("--month", f"2022-{month}", "--audience", audience)
        assert newsroom("send", *issue, "--live", "--yes", now=f"{now}T09:00").code == 0
        heads = [email.message_from_bytes(data, policy=email.policy.default) for _, data in sink.mails]
        (told[month, audience],) = {tuple(head["Feedback-ID"].split(":")) for head in heads}
    assert {len(fields) for fields in told.values()} == {4}
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", field) for fields in told.values() for field in fields)
    (sender,) = {fields[3] for fields in told.values()}
    assert 5 <= len(sender) <= 15
    assert len({fields[:3] for fields in told.values()}) == 3
    assert told["02", "everyone"][1:] == told["03", "everyone"][1:], "an issue differs in its period alone"


def test_a_test_mail_is_marked_and_not_recorded(newsroom, sink):
    """--to sends one mail with a marked subject to anybody, and the ledger knows nothing of it."""
    done = newsroom("send", *FEBRUARY, "--to", "editor@example.org")
    assert done.code == 0
    ((to, data),) = sink.mails
    assert to == "editor@example.org"
    assert email.message_from_bytes(data, policy=email.policy.default)["Subject"].startswith("[Test] ")
    assert newsroom("status").code != 0
    assert live(newsroom).code == 0
    assert len(sink.mails) == 1 + READERS


def test_a_refused_reader_is_named_with_the_servers_words(newsroom, sink):
    """A 550 is for that reader alone: the others get theirs, and status says who, and what the server said."""
    sink.answers["wei.chen@example.net"] = "550 5.1.1 No such user here"
    assert live(newsroom).code == 1
    assert len(sink.mails) == READERS - 1
    done = newsroom("status")
    assert done.code == 1
    assert "wei.chen@example.net: refused: 550 5.1.1 No such user here" in done.out
    (held,) = status(newsroom)["held"]
    assert (held["address"], held["state"], held["code"]) == ("wei.chen@example.net", "refused", 550)


def test_who_was_refused_can_have_another_try(newsroom, sink):
    """`resolve --refused` brings back those it names, or all; the others, and who was mailed, are left alone."""
    for name in ("wei.chen@example.net", "newsdesk@example.com"):
        sink.answers[name] = "550 5.2.0 not today"
    assert live(newsroom).code == 1
    assert f"digest resolve {EDITION} --refused" in newsroom("status").out
    assert newsroom("resolve", EDITION, "--refused", "--all").code == 2
    sink.answers.clear()
    done = newsroom("resolve", EDITION, "--refused", "Wei.Chen@example.net", "ana@example.org")
    assert (done.code, "1 settled as to be mailed" in done.out, "ana@example.org is not held" in done.err) == (
        1,
        True,
        True,
    )
    assert newsroom("resume", EDITION, "--yes").code == 1
    assert newsroom("resolve", EDITION, "--refused").code == 0
    assert newsroom("resume", EDITION, "--yes").code == 0
    assert (len(sink.mails), set(sink.readers.values())) == (READERS, {1})


def test_a_deferred_reader_is_tried_again_later(newsroom, sink):
    """A 451 leaves the reader for later (75), with the time of the next try; resume after that sends it."""
    newsroom.monkeypatch.setenv("DIGEST_SEND__PATIENCE", "0")
    sink.answers["newsdesk@example.com"] = "451 4.7.1 Greylisted, come back"
    assert live(newsroom).code == 75
    assert "newsdesk@example.com: to be tried again: 451 4.7.1 Greylisted" in newsroom("status").out
    assert len(sink.mails) == READERS - 1


def test_a_suppressed_reader_is_left_out_even_when_on_the_list(newsroom, sink):
    """Suppression beats the list, in whatever case the address is written."""
    newsroom("subscribers", "suppress", "NEWSDESK@example.com")
    done = live(newsroom)
    assert (done.code, "1 suppressed" in done.out) == (0, True)
    assert "newsdesk@example.com" not in sink.readers


def test_bad_rows_are_named_and_the_others_go(newsroom, sink):
    """A row that is no address is named with its line; a reader on the list twice gets one mail."""
    with (newsroom.root / "recipients/everyone.csv").open("a", encoding="utf-8") as file:
        file.write("broken@@example.org,X,en,\nO.BRIEN@example.org,Twice,en,\n")
    done = live(newsroom)
    assert "recipients/everyone.csv:8" in done.err
    assert sum(sink.readers.values()) == READERS


def test_limit_and_only(newsroom, sink):
    """--limit stops after so many mails, --only mails one reader, and the next send goes on with the rest."""
    assert live(newsroom, "--limit", "2").code == 75
    assert len(sink.mails) == 2
    waiting = next(a for a in ("wei.chen@example.net", "newsdesk@example.com") if a not in sink.readers)
    assert live(newsroom, "--only", waiting.upper()).code == 75
    assert sink.readers[waiting] == 1
    assert live(newsroom).code == 0
    assert set(sink.readers.values()) == {1}
    assert len(sink.mails) == READERS


def test_an_edited_story_does_not_reach_the_second_half(newsroom, sink):
    """Between two runs a story changes: the readers who are left get what the others got, and it is said."""
    live(newsroom, "--limit", "2")
    name = "2022-02-10-strengthening-digital-tvet-in-ukraine"
    newsroom.edit(f"stories/{name}.md", "title: Strengthening", "title: CHANGED")
    done = live(newsroom)
    assert done.code == 0
    assert "changed since it was frozen" in done.err
    assert len(sink.mails) == READERS
    assert not any(b"CHANGED" in data for _, data in sink.mails)


def test_a_tampered_archive_is_refused(newsroom, sink):
    """The frozen content is checked against the ledger's hash before another mail goes."""
    live(newsroom, "--limit", "2")
    newsroom.edit(f"archive/{EDITION}/rendering.json", "Strengthening", "Weakening")
    done = live(newsroom)
    assert (done.code, len(done.lines)) == (1, 1)
    assert "not what the readers so far have got" in done.err
    assert len(sink.mails) == 2


def test_a_server_that_is_not_there_marks_nobody(newsroom, sink):
    """Connection refused: 75, nobody is marked, and the same command later sends everything."""
    port = os.environ["DIGEST_SMTP__PORT"]
    newsroom.monkeypatch.setenv("DIGEST_SMTP__PORT", "1")
    newsroom.monkeypatch.setenv("DIGEST_SEND__RELAY_PATIENCE", "0")
    done = live(newsroom)
    assert done.code == 75, done.err
    assert set(status(newsroom)["counts"]) == {"planned"}
    newsroom.monkeypatch.setenv("DIGEST_SMTP__PORT", port)
    assert live(newsroom).code == 0
    assert len(sink.mails) == READERS


def test_tls_is_not_given_up(newsroom, sink):
    """A server without STARTTLS, where it is asked for, gets no mail, and the message says why."""
    newsroom.monkeypatch.setenv("DIGEST_SMTP__TLS", "starttls")
    done = live(newsroom)
    assert done.code in (1, 75)
    assert "STARTTLS" in done.err
    assert not sink.mails


def test_an_error_of_a_check_stops_the_send(newsroom, sink):
    """What `check` calls an error is not sent, and nothing is frozen."""
    newsroom.story("photo", image="images/none.jpg", image_alt="A photo", credit="© Nobody 2022")
    done = live(newsroom)
    assert (done.code, len(done.lines)) == (1, 1)
    assert "digest check" in done.err
    assert not sink.mails
    assert not (newsroom.root / "archive").exists()


def test_a_missing_approval_stops_the_send(newsroom, sink):
    """Where config.yaml wants a word, a send without it ends with 5; with it, it goes; after a change, 5 again."""
    newsroom.edit("config.yaml", "  engine: local", "  engine: local\n  approval: required")
    assert live(newsroom).code == 5
    newsroom("build", "--month", "2022-02")
    newsroom("approve", EDITION, "--by", "Ana")
    name = "2022-02-10-strengthening-digital-tvet-in-ukraine"
    newsroom.edit(f"stories/{name}.md", "title: Strengthening", "title: Stronger")
    done = live(newsroom)
    assert (done.code, f"story {name}" in done.err) == (5, True)
    newsroom.edit(f"stories/{name}.md", "title: Stronger", "title: Strengthening")
    assert live(newsroom).code == 0
    assert len(sink.mails) == READERS


def three_editions(newsroom):
    """English goes to everyone and to skills; nobody has written in French yet, which comes between the two."""
    newsroom.edit("config.yaml", "  everyone:\n", "  everyone:\n    languages: [en, fr]\n")
    newsroom.edit("config.yaml", "title: Skills\n", "title: Skills\n    recipients: {csv: recipients/everyone.csv}\n")


MONTH = ("--month", "2022-02")


def test_a_language_without_stories_holds_up_no_other_edition(newsroom, sink):
    """All others go, and it is named; asked for alone, or again when all has gone, it is an edition with nothing."""
    three_editions(newsroom)
    done = newsroom("send", *MONTH, "--live", "--yes")
    assert done.code == 0, done
    assert "2022-02/everyone/fr: nobody to send it to" in done.err
    assert "2022-02/skills/en: 6 accepted" in done.out
    assert set(sink.readers.values()) == {2}
    assert newsroom("send", *MONTH, "--live", "--yes").code == 3
    assert newsroom("send", "2022-02/everyone/fr", "--live", "--yes").code == 3


def test_a_test_mail_of_a_month_is_one_of_each_edition_that_has_stories(newsroom, sink):
    """The one without is named beside them, and an error only when it is all that was asked for."""
    three_editions(newsroom)
    done = newsroom("send", *MONTH, "--to", "me@example.org")
    assert (done.code, "2022-02/everyone/fr: nothing to send" in done.err, len(sink.mails)) == (0, True, 2)
    assert newsroom("send", "2022-02/everyone/fr", "--to", "me@example.org").code == 3


def test_what_is_not_begun_after_a_refusal_is_named(newsroom, sink):
    """An edition that is refused ends the command, and none that was asked for is passed over in silence."""
    three_editions(newsroom)
    newsroom.edit("config.yaml", "engine: local", "engine: local\n  approval: required")
    done = newsroom("send", *MONTH, "--live", "--yes")
    assert (done.code, sink.mails) == (5, [])
    assert f"not begun, as {EDITION} was refused: 2022-02/everyone/fr, 2022-02/skills/en" in done.err


@pytest.mark.usefixtures("sink")
def test_a_month_that_is_not_over_is_warned_of(newsroom):
    """By plan and send, once, and with what becomes of later stories: 2022-03 for 2022-02 is a slip of a finger."""
    said = "2022-02 is not over: what is published after this issue has gone has to wait for the next one"
    for more in ((), ("--live", "--yes")):
        done = newsroom("send", *FEBRUARY, *more, now="2022-02-27T09:00")
        assert (done.code, done.err.count(said)) == (0, 1)
    assert said not in newsroom("send", EDITION, now="2022-02-27T09:00").err  # it went
    newsroom.edit("config.yaml", "title: Skills\n", "title: Skills\n    recipients: {csv: recipients/everyone.csv}\n")
    newsroom.edit("config.yaml", "title: Skills\n", "title: Skills\n    late: ignore\n")
    done = newsroom("send", "2022-02/skills", now="2022-02-27T09:00")
    assert "is not sent at all (late: ignore)" in done.err


def test_an_unsubscribe_address_without_tls_is_refused(newsroom, sink):
    """Readers must be able to leave over https: an http or localhost base, or a missing secret, stops the send."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE__URL", "http://localhost:8025")
    done = live(newsroom)
    assert done.code == 2
    assert "https" in done.err
    assert "DIGEST_UNSUBSCRIBE_SECRET" in done.err
    assert not sink.mails


def test_one_click_links_are_in_every_mail(newsroom, sink):
    """With an https base and a secret, each mail has its own List-Unsubscribe and the one-click header."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE__URL", "https://leave.example.org")
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "a-secret-of-thirty-two-characters")
    assert live(newsroom).code == 0
    links = set()
    for to, data in sink.mails:
        mail = email.message_from_bytes(data, policy=email.policy.default)
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "https://leave.example.org/u/" in mail["List-Unsubscribe"]
        assert to.partition("@")[0] not in mail["List-Unsubscribe"]
        links.add(mail["List-Unsubscribe"])
        assert b"a-secret-of" not in data
    assert len(links) == READERS


def test_pause_resume_and_cancel(newsroom, sink):
    """A paused edition does not go on, resume lets it, and a cancelled one never does."""
    live(newsroom, "--limit", "2")
    assert newsroom("pause", EDITION).code == 0
    refused = live(newsroom)
    assert (refused.code, refused.err.count(EDITION)) == (2, 2), "as what it is, and in the command"
    assert f"is paused; when it may go on: digest resume {EDITION}" in refused.err
    looked = newsroom("status", EDITION)
    assert (looked.code, f"when it may go on: digest resume {EDITION}" in looked.out) == (75, True), looked
    assert len(sink.mails) == 2
    assert newsroom("resume", EDITION, "--yes").code == 0
    assert len(sink.mails) == READERS


def test_cancel_spares_the_rest(newsroom, sink):
    """After cancel nobody else is mailed, and status says who was spared."""
    live(newsroom, "--limit", "2")
    assert "4 readers will not be mailed" in newsroom("cancel", EDITION, "--yes").out
    assert live(newsroom).code == 4
    assert len(sink.mails) == 2


def test_only_the_same_reader_twice_mails_once(newsroom, sink):
    """`send --only` of a reader who was mailed mails nobody, says so, and leaves the others waiting."""
    assert live(newsroom, "--only", "wei.chen@example.net").code == 75
    before = status(newsroom)["counts"]
    again = live(newsroom, "--only", "Wei.Chen@Example.net")
    assert list(sink.readers) == ["wei.chen@example.net"]
    assert status(newsroom)["counts"] == before == {"sent": 1, "planned": READERS - 1}
    assert again.code == 3, again
    assert f"wei.chen@example.net does not wait for {EDITION}; `digest status` says" in again.err.lower()
    assert newsroom("resume", EDITION, "--yes").code == 0
    assert sorted(sink.readers.values()) == [1] * READERS


@contextlib.contextmanager
def running(newsroom, sink, readers):
    """`digest send`, a program of its own, with one connection; two mails have arrived, and the third is in flight."""
    newsroom.write("recipients/everyone.csv", "email\n" + "".join(f"r{n}@example.org\n" for n in range(readers)))
    sink.holds_after = 2
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    command = [sys.executable, "-c", "from digest.cli import main; main()", "send", *FEBRUARY, "--live", "--yes"]
    with subprocess.Popen(command, cwd=newsroom.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        sink.wait_for_held()
        yield run


def in_flight(said):
    """How many mails the verb named as on their way."""
    found = re.search(r"(\d+) (?:mail is|mails are) on the way", said.out)
    return int(found[1]) if found else 0


def test_cancel_while_another_process_sends(newsroom, sink):
    """Nobody is mailed after cancel has returned but who was in flight, and cancel says how many those are."""
    with running(newsroom, sink, 40) as run:
        said = newsroom("cancel", EDITION, "--yes")
        sink.let_go()
        _, err = run.communicate(timeout=60)
    assert said.code == 0, said.err
    spared = int(re.search(r"([\d,]+) readers will not be mailed", said.out)[1])
    assert (len(sink.mails), in_flight(said)) == (3, 1), said.out
    assert set(sink.readers.values()) == {1}
    counts = status(newsroom)["counts"]
    assert counts == {"sent": len(sink.mails), "cancelled": 40 - len(sink.mails)}
    assert spared == counts["cancelled"]
    assert run.returncode == 0, err
    assert live(newsroom).code == 4
    assert sum(sink.readers.values()) == counts["sent"]


def test_pause_while_another_process_sends(newsroom, sink):
    """Nobody is mailed after pause has returned but who was in flight; resume mails the rest, each once."""
    with running(newsroom, sink, 20) as run:
        said = newsroom("pause", EDITION)
        sink.let_go()
        out, err = run.communicate(timeout=60)
    assert said.code == 0, said.err
    assert (len(sink.mails), in_flight(said)) == (3, 1), said.out
    counts = status(newsroom)["counts"]
    assert counts == {"sent": len(sink.mails), "planned": 20 - len(sink.mails)}
    assert run.returncode in (2, 75), (run.returncode, out, err)
    assert newsroom("resume", EDITION, "--yes").code == 0
    assert sorted(sink.readers.values()) == [1] * 20


def test_what_is_finished_cannot_be_paused_or_called_off(newsroom):
    """Pause and cancel of a finished edition say that it went out, and change nothing."""
    live(newsroom, "--eml", "out")
    for verb in (["pause", EDITION], ["cancel", EDITION, "--yes"]):
        done = newsroom(*verb)
        assert (done.code, "was sent already" in done.err) == (4, True), done.err
    assert newsroom("status").out == f"{EDITION}: 6 accepted\n"


def test_a_reader_in_doubt_is_settled_by_word(newsroom, sink):
    """Resolve takes --sent, --resend or --all, in any case of letters; others are named, and it ends with 1."""
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    doubted = ["amina.haddad@example.org", "newsdesk@example.com", "wei.chen@example.net"]
    sink.drops = set(doubted)
    assert live(newsroom).code == 1
    assert sorted(each["address"] for each in status(newsroom)["held"]) == doubted
    assert newsroom("resume", EDITION, "--yes").code == 1
    assert len(sink.mails) == READERS
    done = newsroom("resolve", EDITION, "NewsDesk@Example.com", "jean-luc.moreau@example.com", "--sent")
    assert done.code == 1
    assert "1 settled as sent\n2 in doubt" in done.out
    assert done.lines == [f"digest: jean-luc.moreau@example.com is not held in {EDITION}; nothing was changed for it"]
    assert newsroom("resolve", EDITION, "--resend", doubted[0]).code == 0
    sink.drops.clear()
    assert newsroom("resume", EDITION, "--yes").code == 1
    assert sink.readers[doubted[0]] == 2  # as the person asked
    assert "1 settled as sent\nnobody is in doubt any more" in newsroom("resolve", EDITION, "--sent", "--all").out
    assert newsroom("status").code == 0


def test_a_resolve_that_says_two_things_changes_nothing(newsroom):
    """Contradicting or missing words are told as a mistake before the ledger is looked at."""
    assert live(newsroom, "--eml", "out").code == 0
    for options, said in (
        ([], "say one: --sent"),
        (["--sent", "--resend", "--all"], "say one: --sent"),
        (["--sent", "--maillog", "mail.log"], "say one: --sent"),
        (["--sent"], "name the readers, or say --all"),
        (["--sent", "--all", "a@example.org"], "name the readers, or say --all"),
        (["--maillog", "mail.log", "a@example.org"], "leave out the addresses"),
        (["--maillog", "mail.log"], "mail.log: cannot be read"),
    ):
        done = newsroom("resolve", EDITION, *options)
        assert (done.code, len(done.lines)) == (2, 1), options
        assert said in done.err, options


def test_a_story_broken_meanwhile_holds_nobody_up(newsroom, sink):
    """Once frozen, an edition goes to the readers left whatever became of its stories, and says that they changed."""
    live(newsroom, "--limit", "2")
    newsroom.write("stories/2022-02-20-broken.md", "---\ntitle: [\n")
    done = newsroom("resume", EDITION, "--yes")
    assert done.code == 0, done.err
    assert "get what the others got" in done.err
    assert sorted(sink.readers.values()) == [1] * READERS
    assert len({mail.split(b"--=_", 1)[1] for _, mail in sink.mails}) == READERS


def test_a_ledger_lost_with_its_folder_is_noticed(newsroom, sink):
    """Without .digest the archive still knows that an edition was begun: nobody is mailed by a new ledger there."""
    live(newsroom)
    shutil.rmtree(newsroom.root / ".digest")
    done = live(newsroom)
    assert (done.code, len(done.lines)) == (1, 1)
    assert "begun before" in done.err
    assert "put the ledger back" in done.err
    assert len(sink.mails) == READERS


def test_another_ledger_mails_nobody_again(newsroom, sink):
    """Where config.yaml names another ledger halfway, it does not know to whom an edition went, and says which does."""
    live(newsroom, "--limit", "2")
    newsroom.monkeypatch.setenv("DIGEST_SEND__LEDGER", "sqlite:///other/ledger.db")
    done = live(newsroom)
    assert (done.code, len(done.lines), len(sink.mails)) == (1, 1, 2)
    assert "it is .digest/ledger.db that does; set send.ledger to it" in done.err
    plan = newsroom("send", "2022-02/everyone/en")
    assert (plan.code, plan.err) == (1, done.err)
    assert "2022-02: sent" in newsroom(now=None).out
    newsroom.monkeypatch.delenv("DIGEST_SEND__LEDGER")
    assert live(newsroom).code == 0
    assert sorted(sink.readers.values()) == [1] * READERS


def test_a_plan_counts_each_reader_once(newsroom):
    """Addresses that are twice on the list, suppressed ones too, count once in every number of the plan."""
    newsroom.write(
        "recipients/everyone.csv", "email\na@x.example\nA@X.example\nb@x.example\nb@x.example\nc@y.example\n"
    )
    newsroom("subscribers", "suppress", "b@x.example")
    (plan,) = json.loads(newsroom("send", *FEBRUARY, "--json").out)
    assert (plan["readers"], plan["suppressed"], plan["duplicates"]) == (2, 1, 2)
    assert plan["domains"] == {"x.example": 1, "y.example": 1}
    assert plan["languages"] == {"en": 2}


def test_a_test_mail_can_be_a_file(newsroom, sink):
    """--to with --eml writes the test mail into the folder, and the relay sees nothing of it."""
    assert newsroom("send", *FEBRUARY, "--to", "editor@example.org", "--eml", "out").code == 0
    assert [b"[Test] " in path.read_bytes() for path in (newsroom.root / "out").glob("*.eml")] == [True]
    assert not sink.mails
    assert newsroom("send", *FEBRUARY, "--maildir").code == 2
    assert newsroom("send", *FEBRUARY, "--to", "editor@example.org", "--limit", "1").code == 2


@pytest.mark.parametrize("number", ["0", "many"])
def test_a_value_that_is_refused_is_named_with_its_option(newsroom, number):
    """A number that is none, or too small, is told in one line that begins with the option."""
    done = newsroom("send", *FEBRUARY, "--limit", number)
    assert (done.code, len(done.lines)) == (2, 1)
    assert done.err.startswith("digest: --limit: input should be ")


def test_a_script_must_say_yes(newsroom, sink):
    """Without a terminal and without --yes nothing is sent."""
    done = newsroom.shell("send", *FEBRUARY, "--live", stdin="")
    assert (done.code, "--yes" in done.err) == (2, True)
    assert not sink.mails


def test_a_pause_lasts_until_a_person_has_said_yes(newsroom, sink):
    """`resume` asks before anything goes on: whoever does not say yes has not undone the pause."""
    sink.answers["wei.chen@example.net"] = "450 4.2.0 later"
    assert live(newsroom).code == 75
    assert newsroom("pause", EDITION).code == 0
    refused = newsroom("resume", EDITION)
    assert (refused.code, "say --yes" in refused.err) == (2, True)
    assert "paused" in newsroom("status").out
    sink.answers.clear()
    newsroom("resume", EDITION, "--yes")
    assert "paused" not in newsroom("status").out


def test_a_signal_ends_it_calmly_and_resume_finishes(newsroom, sink):
    """Ctrl-C in the middle: what is in flight is finished, the next command printed, nobody lost or mailed twice."""
    sink.holds_after = 1
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    command = [sys.executable, "-c", TELLS_OF_ITS_END, "send", *FEBRUARY, "--live", "--yes"]
    with subprocess.Popen(command, cwd=newsroom.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        sink.wait_for_held()
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGTERM)
        assert run.stderr.readline() == "\n"
        assert "Still finishing the mails in flight" in run.stderr.readline()
        wait_for_its_end(newsroom.root)
        sink.let_go()
        out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert f"digest resume {EDITION}" in out
    count = len(sink.mails)
    assert 2 <= count <= 3, "what was in flight, and what was ready to follow it"
    assert status(newsroom)["counts"] == {"sent": count, "planned": READERS - count}
    assert newsroom("resume", EDITION, "--yes").code == 0
    assert sorted(sink.readers.values()) == [1] * READERS


def test_a_second_sender_says_so_and_leaves(newsroom, sink):
    """While one `send` works, another ends with 75 and names it; each reader still gets one mail."""
    sink.holds_after = 0
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    command = [sys.executable, "-c", "from digest.cli import main; main()", "send", *FEBRUARY, "--live", "--yes"]
    with subprocess.Popen(command, cwd=newsroom.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        sink.wait_for_held()
        second = live(newsroom)
        sink.let_go()
        _, err = run.communicate(timeout=60)
    assert (run.returncode, second.code) == (0, 75), (err, second.err)
    assert str(run.pid) in second.err
    assert sorted(sink.readers.values()) == [1] * READERS


def test_a_kill_leaves_doubt_that_a_person_or_the_log_settles(newsroom, sink):
    """Kill -9 with a mail in flight: that reader is held by name; resolve settles it and the rest goes out."""
    sink.holds_after = 1
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    command = [sys.executable, "-c", "from digest.cli import main; main()", "send", *FEBRUARY, "--live", "--yes"]
    with subprocess.Popen(command, cwd=newsroom.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        sink.wait_for_held()
        run.kill()
        run.wait(timeout=60)
    sink.wait_for_held(0)
    sink.let_go()
    done = newsroom("resume", EDITION, "--yes")
    assert done.code == 1
    (doubted,) = [each["address"] for each in status(newsroom)["held"]]
    log = newsroom.root / "mail.log"
    identifier = next(each["message_id"] for each in status(newsroom)["held"]).strip("<>")
    log.write_text(
        f"x postfix/cleanup[1]: AB12: message-id=<{identifier}>\n"
        "x postfix/qmgr[1]: AB12: from=<digest@example.org>, size=1, nrcpt=1 (queue active)\n"
    )
    assert "1 settled as sent" in newsroom("resolve", EDITION, "--maillog", "mail.log").out
    assert newsroom("status").code == 0
    assert max(sink.readers.values()) == 1
    # aiosmtpd drops a mail whose sender is gone; the log above said otherwise, and its word was taken.
    assert len({*sink.readers, doubted}) == READERS


def test_connections_that_are_lost_at_the_end_of_each_mail_hold_the_edition(newsroom, sink):
    """A firewall or a scanner in between: a few are in doubt, and no schedule puts the others there, too."""
    newsroom.edit("config.yaml", "  connections: 4\n", "  connections: 1\n")
    with (newsroom.root / "recipients/everyone.csv").open(encoding="utf-8") as rows:
        sink.drops = {row["email"] for row in csv.DictReader(rows)}
    done = live(newsroom)
    assert (done.code, "3 connections in a row were lost at the end of a mail" in done.err) == (1, True)
    assert "3 in doubt, 3 waiting, paused" in newsroom("status").out
    assert "is paused" in live(newsroom).err
    sink.drops = set()
    assert newsroom("resume", EDITION, "--yes").code == 1
    assert (len(sink.mails), max(sink.readers.values())) == (READERS, 1)


def test_an_edition_whose_last_mails_are_in_doubt_is_not_paused(newsroom, sink):
    """Nobody is left who could be put there, too: once they are settled, it is done."""
    newsroom.edit("config.yaml", "  connections: 4\n", "  connections: 1\n")
    newsroom.write("recipients/everyone.csv", "email\na@example.org\nb@example.org\nc@example.org\n")
    sink.drops = {"a@example.org", "b@example.org", "c@example.org"}
    assert "3 connections in a row were lost" in live(newsroom).err
    assert newsroom("status").out.startswith(f"{EDITION}: 3 in doubt\n")
    newsroom("resolve", EDITION, "--sent", "--all")
    assert newsroom("status").out == f"{EDITION}: 3 accepted\n"


def test_a_log_that_settles_nobody_says_why(newsroom, sink, tmp_path):
    """One of another program, or packed and cut off, is refused; one that is packed is read, and what it names holds.

    A test mail to the same address has a Message-ID of its own: that the relay took it proves nothing of the edition's.
    """
    sink.drops = {"wei.chen@example.net"}
    newsroom("send", *FEBRUARY, "--to", "wei.chen@example.net")
    newsroom("send", *FEBRUARY, "--to", "ana@example.org")
    tests = [email.message_from_bytes(data)["Message-ID"] for _, data in sink.mails]
    assert live(newsroom).code == 1
    (held,) = status(newsroom)["held"]
    assert held["message_id"] not in tests

    def resolve(log):
        path = tmp_path / "mail.log.2.gz"
        path.write_bytes(log)
        return newsroom("resolve", EDITION, "--maillog", str(path))

    def postfix(identifier, packed=gzip):
        return packed.compress(
            f"Mar 01 09:00:01 mx postfix/cleanup[1]: AB12: message-id={identifier}\n"
            "Mar 01 09:00:01 mx postfix/qmgr[1]: AB12: from=<d@example.org>, size=1, nrcpt=1 (queue active)\n".encode()
        )

    sendmail = f"Mar  1 09:00:01 mx sm-mta[9]: 221: from=<d@example.org>, nrcpts=1, msgid={held['message_id']}\n"
    for log, said in (
        (sendmail.encode(), "no mail that was taken is in it, as Postfix (cleanup, then qmgr) and Exim (<=) log it"),
        (b"(\xb5/\xfd", "no mail that was taken is in it"),
        (b"\xfd7zXZ\x00", "cannot be read: "),
        (postfix(held["message_id"])[:-9], "cannot be read: Compressed file ended before"),
        (b"\x1f\x8b" + bytes(9), "cannot be read: "),
    ):
        done = resolve(log)
        assert (done.code, len(done.lines)) == (2, 1), done.err
        assert said in done.err
    for packed in (gzip, bz2, lzma):
        assert "0 settled as sent" in resolve(postfix(tests[0], packed)).out
    assert "1 settled as sent" in resolve(postfix(held["message_id"])).out


def test_eml_files_instead_of_smtp(newsroom):
    """--eml writes one whole file a reader, and the ledger counts them as sent."""
    assert live(newsroom, "--eml", "out").code == 0
    files = list((newsroom.root / "out").glob("*.eml"))
    assert len(files) == READERS
    assert all(file.read_bytes().endswith(b"--\r\n") for file in files)
    assert live(newsroom, "--eml", "out").code == 4


def test_maildir_opens_in_a_mail_program(newsroom):
    """--maildir makes DIR a Maildir with one new mail a reader."""
    import mailbox

    assert live(newsroom, "--eml", "box", "--maildir").code == 0
    assert len(mailbox.Maildir(newsroom.root / "box", create=False)) == READERS


def test_status_says_why_the_last_run_ended_early(newsroom, sink):
    """Everybody waits, as the relay refuses the From: that is said to who asks later, until a run comes to its end."""

    async def refuse(*_):
        return "550 5.1.8 Sender address rejected"

    sink.handle_MAIL = refuse
    assert newsroom("send", "--month", "2022-02", "--audience", "everyone", "--live", "--yes").code == 1
    asked = newsroom("status")
    assert (asked.code, asked.out.count("6 waiting")) == (75, 1)
    assert "  the last run ended early: 127.0.0.1:" in asked.out
    assert "refuses the sender digest@example.org: 550 5.1.8 Sender address rejected; check newsroom.from" in asked.out
    (told,) = json.loads(newsroom("status", "--json").out)
    assert "Sender address rejected" in told["stopped"]
    del sink.handle_MAIL
    assert newsroom("resume", "2022-02/everyone/en", "--yes").code == 0
    assert "ended early" not in newsroom("status").out


def test_the_status_page(newsroom, sink):
    """Status --html writes a page with charts and every held reader."""
    sink.answers["wei.chen@example.net"] = "550 5.1.1 No such user here"
    live(newsroom)
    newsroom("status", EDITION, "--html", "status.html")
    html = (newsroom.root / "status.html").read_text(encoding="utf-8")
    assert html.count("<svg") >= 3
    assert "wei.chen@example.net" in html


def test_readers_in_their_own_language(newsroom, sink):
    """An audience in two languages mails each reader one edition: the one in their language, or else the first."""
    newsroom.edit("config.yaml", "    group_by: month\n    recipients:", "    languages: [en, fr]\n    recipients:")
    newsroom.story("nouvelle", date="2022-02-14", language="fr", title="Une nouvelle")
    assert live(newsroom).code == 0
    assert sorted(sink.readers.values()) == [1] * READERS
    for to, data in sink.mails:
        mail = email.message_from_bytes(data, policy=email.policy.default)
        assert mail["Content-Language"] == ("fr" if to == "jean-luc.moreau@example.com" else "en")


def test_each_language_goes_out_under_its_own_title(newsroom, sink):
    """Subject, masthead, text and List-Id say the title in the edition's language."""
    newsroom.edit("config.yaml", "title: All ILO Newsroom content", "title: {en: All news, fr: Toute l’actualité}")
    newsroom.edit("config.yaml", "    group_by: month\n    recipients", "    languages: [en, fr]\n    recipients")
    newsroom.story("nouvelle", date="2022-02-14", language="fr", title="Une nouvelle")
    assert live(newsroom).code == 0
    for to, data in sink.mails:
        mail = email.message_from_bytes(data, policy=email.policy.default)
        title, other = ("All news", "Toute l’actualité")[:: -1 if to == "jean-luc.moreau@example.com" else 1]
        html, text = (mail.get_body([kind]).get_content() for kind in ("html", "plain"))
        assert mail["Subject"].replace("\N{NO-BREAK SPACE}:", ":").startswith(f"{title}: ")
        assert str(mail["List-Id"]).startswith(f"{title} <") or str(mail["List-Id"]).startswith(f'"{title}" <')
        assert all(title in part and other not in part for part in (html, text))


def test_merge_fields_and_a_reader_without_one(newsroom, sink):
    """A column of the list can stand in the subject; a column that the list does not have is that reader's refusal."""
    newsroom.write("recipients/everyone.csv", "email,name,city\na@example.org,Ana,Genève\nb@example.org,Ben,\n")
    newsroom.edit("config.yaml", "smtp:\n", 'mail: {subject: "News for {{ reader.field.city }}"}\nsmtp:\n')
    assert live(newsroom).code == 0
    subjects = {to: email.message_from_bytes(data, policy=email.policy.default)["Subject"] for to, data in sink.mails}
    assert subjects == {"a@example.org": "News for Genève", "b@example.org": "News for"}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b""), "0 bytes"),
        (lambda path: path.write_bytes(b"not a database" * 500), "ledger.db"),
        (lambda path: path.unlink(), "ledger.db"),
    ],
)
def test_a_damaged_ledger_is_never_begun_afresh(newsroom, sink, damage, said):
    """Emptied, overwritten or deleted after a send, the ledger is refused with the way to mend it; nobody is mailed."""
    live(newsroom)
    for extra in (newsroom.root / ".digest").glob("ledger.db-*"):
        if extra.is_file():
            extra.unlink()
    damage(newsroom.root / ".digest/ledger.db")
    done = live(newsroom)
    assert done.code == 1, done.err
    assert said in done.err
    assert len(sink.mails) == READERS


@pytest.mark.parametrize(
    ("config", "environ", "said"),
    [
        (
            "sqlite:///.digest/ledger.db",
            {"DIGEST_SEND__LEDGER": "oops"},
            "environment DIGEST_SEND__LEDGER: send.ledger:",
        ),
        ("oops", {}, "config.yaml:49: send.ledger:"),
    ],
)
def test_a_ledger_url_that_is_none_is_named_where_it_stands(newsroom, config, environ, said):
    """A mistake in the environment is not blamed on config.yaml, and one in config.yaml is told with its line."""
    newsroom.edit("config.yaml", "sqlite:///.digest/ledger.db", config)
    for name, value in environ.items():
        newsroom.monkeypatch.setenv(name, value)
    done = newsroom("send", *FEBRUARY)
    (line,) = done.lines
    asked = "write sqlite:///.digest/ledger.db or postgresql://user@host/database"
    assert (done.code, line) == (2, f"digest: {said} 'oops' is no ledger URL; {asked}")


def test_a_ledger_that_only_the_environment_knows_is_asked_for_by_name(newsroom):
    """With send.ledger_env, the variable is named when it is missing, and when it is wrong; a password is not shown."""
    newsroom.edit("config.yaml", "ledger: sqlite:///.digest/ledger.db", "ledger_env: OUR_LEDGER")
    assert "environment OUR_LEDGER: is not set; send.ledger_env names it" in newsroom("send", *FEBRUARY).err
    newsroom.monkeypatch.setenv("OUR_LEDGER", "mysql://digest:hunter2@db/x")
    done = newsroom("send", *FEBRUARY)
    assert "environment OUR_LEDGER: 'mysql://" in done.err
    assert "hunter2" not in done.err


def test_a_large_list_at_one_provider_is_warned_about_at_build_check_and_plan(newsroom):
    """5,000 readers at Gmail, and no one-click: each says so with the settings; a list that is gone says nothing."""
    rows = "".join(f"r{number}@gmail.com,,\n" for number in range(5000))
    newsroom.write("recipients/everyone.csv", f"email,name,language\n{rows}")
    words = (
        "the list has 5,000 readers or more at Gmail; missing: one-click unsubscribe by https (unsubscribe.url); a DKIM"
    )
    for arguments in (("build", *FEBRUARY), ("check", *FEBRUARY), ("send", *FEBRUARY)):
        done = newsroom(*arguments)
        assert done.code == 0, done.err
        assert words in done.out + done.err, arguments
    (newsroom.root / "recipients/everyone.csv").unlink()
    assert "Gmail" not in newsroom("check", *FEBRUARY).err


def test_a_relay_is_tried_without_a_mail(newsroom, sink):
    """What it offers is said, as one document too; what is wrong is one line, with the exit code of a send."""
    done = newsroom("check", "--relay")
    assert (done.code, done.err) == (0, "")
    assert "ready for mail; nothing was sent" in done.out
    assert {row["name"] for row in json.loads(newsroom("check", "--relay", "--json").out)["traits"]} > {"SIZE", "TLS"}
    assert newsroom("check", "--relay", *FEBRUARY).code == 2
    newsroom.monkeypatch.setenv("DIGEST_SMTP__TLS", "starttls")
    refused = newsroom("check", "--relay")
    assert (refused.code, len(refused.lines)) == (1, 1)
    assert "offers no STARTTLS" in refused.err
    newsroom.monkeypatch.setenv("DIGEST_SMTP__PORT", "1")
    assert newsroom("check", "--relay").code == 75
    assert not sink.mails


def test_refusals_that_were_not_yet_written_down_when_it_was_killed(newsroom, sink):
    """They wait for the next acceptance, as they may be about us. Killed before it, nobody is lost or mailed twice.

    Who was refused had no mail, so the next run asks again, and writes down what is said then.
    """
    refused = {"amina.haddad@example.org", "jean-luc.moreau@example.com"}
    sink.answers = dict.fromkeys(refused, "550 5.1.1 no such user")
    sink.holds_after = 0
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    command = [sys.executable, "-c", "from digest.cli import main; main()", "send", *FEBRUARY, "--live", "--yes"]
    with subprocess.Popen(command, cwd=newsroom.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        sink.wait_for_held()
        run.kill()
        run.wait(timeout=60)
    assert status(newsroom)["counts"].get("refused", 0) == 0  # heard, and not written down
    sink.wait_for_held(0)
    sink.let_go()
    assert newsroom("resume", EDITION, "--yes").code == 1
    counts = status(newsroom)["counts"]
    assert counts.pop("sent") + counts.pop("in_doubt") == READERS - len(refused)
    assert counts == {"refused": len(refused)}
    assert {each["address"] for each in status(newsroom)["held"] if each["state"] == "refused"} == refused
    assert max(sink.readers.values()) == 1
    assert not refused & set(sink.readers)


def asked(newsroom, *arguments, answer):
    """A live send on a terminal, where a person answers its question; gives what they saw."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(newsroom.root)
        program = "from digest.cli import main; main()"
        os.execv(sys.executable, [sys.executable, "-c", program, "send", *arguments, "--live"])
    shown, answered = b"", False
    with contextlib.suppress(OSError):  # the other side is closed
        while data := os.read(terminal, 65536):
            shown += data
            if not answered and b"[y/N]" in shown:
                answered = True
                os.write(terminal, f"{answer}\n".encode())
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), shown.decode().replace("\r\n", "\n")


def test_the_question_says_what_yes_means(newsroom, sink):
    """Before a live send a person is told of each edition how many readers, its subject, From and the relay."""
    newsroom.edit("config.yaml", "  skills:\n", "  skills:\n    recipients: {csv: recipients/everyone.csv}\n")
    with (newsroom.root / "recipients/everyone.csv").open("a") as file:
        file.write("twice@example.org,,en,\ntwice@example.org,,en,\n")
    port = os.environ["DIGEST_SMTP__PORT"]
    code, shown = asked(newsroom, "--month", "2022-02", answer="n")
    assert code == 130
    way = f"from ILO Newsroom <digest@example.org>, by 127.0.0.1:{port}"
    for said in (
        "2022-02/everyone/en: All ILO Newsroom content: February 2022",
        f"  to 7 readers, {way}",
        "2022-02/skills/en: Skills: February 2022",
        "Send these 2 editions to 14 readers now? [y/N]",
        "nothing was sent",
    ):
        assert said in shown
    assert not sink.mails
    code, shown = asked(newsroom, EDITION, "--limit", "3", answer="y")
    assert f"  to 3 readers, {way}" in shown
    assert "Send it to 3 readers now? [y/N]" in shown
    assert (code, len(sink.mails)) == (75, 3)
    assert f"  to 4 readers, {way}" in asked(newsroom, EDITION, answer="n")[1]
    assert (
        "  to 4 readers, from ILO Newsroom <digest@example.org>, as files in out"
        in asked(newsroom, EDITION, "--eml", "out", answer="n")[1]
    )


def test_a_transport_that_mails_nobody_says_so_wherever_mails_would_leave(newsroom, sink):
    """`memory` is for tests; who left it in config.yaml hears of it from a schedule, too, and of a run foreseen."""
    schedule = "schedule: [{period: month, on: day 1, at: '09:00', audiences: [everyone]}]"
    newsroom.edit("config.yaml", "\nsend:\n", f"\n{schedule}\nsend:\n  transport: memory\n")
    said = "send.transport is memory, which is for tests: nobody is mailed"
    newsroom("run", now="2022-02-20T09:00")
    assert said in newsroom("run", "--dry-run", now="2022-03-01T09:30").err
    done = newsroom("run", now="2022-03-01T09:30")
    assert (done.code, done.err.count(said)) == (0, 1), done.err
    assert said in newsroom("send", *FEBRUARY, "--to", "ana@example.org").err
    assert not sink.mails


def test_what_began_as_files_goes_on_as_files(newsroom):
    """`resume` would mail the rest for real: whoever rehearses is told the command that does not."""
    done = newsroom(
        "send", "--month", "2022-02", "--audience", "everyone", "--live", "--yes", "--limit", "1", "--eml", "out"
    )
    assert "to go on: digest send 2022-02/everyone/en --live --eml out" in done.out
    again = newsroom("send", "2022-02/everyone/en", "--live", "--yes", "--eml", "out")
    assert again.code == 0
    assert "to go on" not in again.out


def test_a_reader_is_named_however_the_domain_is_typed(newsroom):
    """`bücher.example` is its A-label for who sends to one reader, for who settles one, and for a rate."""
    newsroom.write("recipients/everyone.csv", "email,name\nanna@bücher.example,Anna\nbob@example.org,Bob\n")
    newsroom.edit("config.yaml", "per_domain: {", "per_domain: {Bücher.example: 2/s, ")
    _, rates = open_newsroom(newsroom.root / "config.yaml").sending_setup.rates()
    assert rates["xn--bcher-kva.example"] == 2.0
    edition = "2022-02/everyone/en"
    newsroom("build", edition)
    done = newsroom("send", edition, "--live", "--yes", "--eml", "out", "--only", "Anna@Bücher.example")
    assert (done.code, len(list((newsroom.root / "out").rglob("*.eml")))) == (75, 1), done.err
    with contextlib.closing(open_newsroom(newsroom.root / "config.yaml").sending_setup.ledger()) as ledger:
        (bob,) = ledger.deliveries(edition, [State.PLANNED])
        assert bob.address == "bob@example.org"


def test_an_empty_name_is_nobodys_word(newsroom):
    """`--by "$WHO"` with nothing in it signs as nobody, not as the machine's user."""
    newsroom("build", "2022-02/everyone/en")
    done = newsroom("approve", "2022-02/everyone/en", "--by", " ")
    assert (done.code, done.lines) == (2, ["digest: --by is empty; it takes the name of who approves"])
    assert not list(newsroom.root.rglob("approvals/**/*.json"))
