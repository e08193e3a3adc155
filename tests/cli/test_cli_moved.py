"""A newsroom that was put back from a backup in another folder mails nobody before a person says what became of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from email import message_from_bytes
from pathlib import Path

import pytest

JANUARY, FEBRUARY, MARCH = ("--month", "2022-01"), ("--month", "2022-02"), ("--month", "2022-03")
EDITION = "2022-02/everyone/en"


def live(newsroom, *more):
    return newsroom("send", *more, "--audience", "everyone", "--live", "--yes")


def mailed(sink):
    """How often each reader got each mail."""
    return Counter((to, message_from_bytes(data)["Subject"]) for to, data in sink.mails)


def backed_up(newsroom, folder):
    """A copy made as docs/backup.md says, with the witnesses of that moment, and put back into another folder."""
    there = folder / "newsroom"
    shutil.copytree(newsroom.root, there, ignore=shutil.ignore_patterns("ledger.db*"))
    with closing(sqlite3.connect(newsroom.root / ".digest/ledger.db")) as file:
        file.execute("VACUUM INTO ?", (str(there / ".digest/ledger.db"),))
    (there / ".digest/ledger.db").chmod(0o600)
    return there


def test_a_backup_that_was_put_back_elsewhere_mails_nobody_twice(newsroom, sink, tmp_path_factory):
    """What went after it was made is not sent again; it says how far it knows, and goes on when a person says so."""
    assert live(newsroom, *JANUARY).code == 0
    there = backed_up(newsroom, tmp_path_factory.mktemp("restored"))
    assert live(newsroom, *FEBRUARY).code == 0
    sent = len(sink.mails)

    newsroom.root = there
    done = live(newsroom, *FEBRUARY)
    assert (done.code, len(done.lines), len(sink.mails)) == (1, 1, sent)
    assert f"{there}/.digest/ledger.db: this ledger is not where it last sent from" in done.err
    assert "(2022-01/everyone/en)" in done.err
    assert "`digest config --moved`" in done.err
    home = newsroom(now=None)
    assert (home.code, home.err) == (0, "")
    assert "this ledger is not where it last sent from" in home.out
    assert "Next: digest status  (compare it with the relay's log, then say so: digest config --moved)" in home.out
    looked = newsroom("status")
    assert (looked.code, "2022-01/everyone/en: 6 accepted" in looked.out) == (0, True)
    assert "not where it last sent from" in looked.err
    assert newsroom("send", *FEBRUARY, "--audience", "everyone").code == 0  # a plan mails nobody

    said = newsroom("config", "--moved")
    assert (said.code, said.out.strip().endswith("it sends from here from now on; the other place must not")) == (
        0,
        True,
    )
    assert newsroom("config", "--moved").out.strip().endswith("it was not moved")
    assert newsroom("status").err == ""
    assert "not where it last sent from" not in newsroom(now=None).out
    newsroom.story("spring", date="2022-03-05")
    assert live(newsroom, *MARCH).code == 0
    assert len(sink.mails) > sent
    assert set(mailed(sink).values()) == {1}


def test_the_rest_of_a_half_sent_edition_goes_from_one_place(newsroom, sink, tmp_path_factory):
    """A copy made in the middle of a send does not resume it; where it was begun, it goes on."""
    assert live(newsroom, *FEBRUARY, "--limit", "2").code == 75
    here, there = newsroom.root, backed_up(newsroom, tmp_path_factory.mktemp("restored"))
    newsroom.root = there
    done = newsroom("resume", EDITION, "--yes")
    assert (done.code, "not where it last sent from" in done.err, len(sink.mails)) == (1, True, 2)
    newsroom.root = here
    assert newsroom("resume", EDITION, "--yes").code == 0
    assert set(mailed(sink).values()) == {1}
    assert len(sink.mails) == 6


def test_a_renamed_folder_is_the_same_place(newsroom, sink, tmp_path_factory):
    """Whoever moves the folder on the same disk is asked nothing: it is the same file."""
    assert live(newsroom, *JANUARY).code == 0
    newsroom.root = Path(shutil.move(newsroom.root, tmp_path_factory.mktemp("moved") / "newsroom"))
    assert live(newsroom, *FEBRUARY).code == 0
    assert set(mailed(sink).values()) == {1}


@pytest.mark.parametrize("lost", ["all of .digest", "another ledger"])
def test_a_new_ledger_beside_an_archive_mails_nobody_who_left(newsroom, sink, lost):
    """A clone has what was sent, and not who has left since: it asks for the ledger, or for a person's word."""
    assert live(newsroom, *JANUARY).code == 0
    assert newsroom("subscribers", "suppress", "newsdesk@example.com").code == 0
    if lost == "another ledger":
        newsroom.monkeypatch.setenv("DIGEST_SEND__LEDGER", "sqlite:///var/ledger.db")
    else:
        shutil.rmtree(newsroom.root / ".digest")
    sent = len(sink.mails)
    plan = newsroom("send", *FEBRUARY, "--audience", "everyone")
    done = live(newsroom, *FEBRUARY)
    assert plan.code == 0  # a colleague's checkout may look
    assert (done.code, len(done.lines)) == (1, 1)
    assert "2022-02: sent" not in newsroom().out
    for refused in (plan, done):
        assert "/archive/2022-01/everyone/en/ledger.json says that another sent before" in refused.err
        assert "`digest config --moved`" in refused.err
    assert newsroom("subscribers", "suppress", "newsdesk@example.com").code == 0
    assert live(newsroom, *FEBRUARY).code == 1  # one who is known to have left says nothing of the others
    assert len(sink.mails) == sent
    assert newsroom("config", "--moved").code == 0
    assert live(newsroom, *FEBRUARY).code == 0
    assert "newsdesk@example.com" not in {to for to, _ in sink.mails[sent:]}


@pytest.mark.usefixtures("sink")
def test_a_clone_says_of_what_was_sent_what_a_send_would_say(newsroom):
    """archive/ came along, and the ledger did not: `status` and `digest` alone know that, before and after a send."""
    assert live(newsroom, *JANUARY).code == 0
    shutil.rmtree(newsroom.root / ".digest")
    said = "knows of nothing sent, but"
    for verb in (("status",), ("pause", "2022-01/everyone/en")):
        asked = newsroom(*verb)
        assert (asked.code, said in asked.err, "another sent before" in asked.err) == (1, True, True)
    assert live(newsroom, *FEBRUARY).code == 1  # which has made an empty ledger
    asked = newsroom("status")
    assert (asked.code, said in asked.err, len(asked.lines)) == (1, True, 1)


@pytest.mark.usefixtures("sink")
def test_on_a_desk_without_the_ledger_what_is_in_the_archive_was_sent(newsroom):
    """`digest` alone does not lead to a build of what went out already."""
    assert live(newsroom, *FEBRUARY).code == 0
    shutil.rmtree(newsroom.root / ".digest")
    home = newsroom(now=None)
    assert (home.code, "2022-02: sent" in home.out, "not sent" in home.out) == (0, True, False)


@pytest.mark.usefixtures("sink")
@pytest.mark.parametrize("way", [("suppress", "gone@example.org"), ("suppressed",)])
def test_a_slip_in_the_ledgers_address_makes_no_ledger_that_sends_from_there(newsroom, way):
    """What is not there was not moved; of an empty one it is said that it knows nothing."""
    assert live(newsroom, *FEBRUARY).code == 0
    config = newsroom.root / "config.yaml"
    config.write_text(config.read_text().replace(".digest/ledger.db", "elsewhere/legder.db"))
    done = newsroom("config", "--moved")
    assert (done.code, "config.yaml:" in done.err, "send.ledger: there is no ledger here" in done.err) == (
        2,
        True,
        True,
    )
    assert not (newsroom.root / "elsewhere").exists()
    assert f"`{way[-1] if way == ('suppressed',) else 'digest subscribers suppress'}`" in done.err
    assert newsroom("subscribers", *way).code == 0  # the way on when it is gone for good
    assert newsroom("config", "--moved").out.strip().endswith("it is new, and knows of nothing that was sent before")
