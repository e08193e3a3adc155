"""The secret that digest makes for a newsroom which names none: who has it, who is refused without it, what wins."""

from __future__ import annotations

import email
import re
import stat

import pytest

from digest.newsroom.newsroom import open_newsroom

FEBRUARY = ("--month", "2022-02", "--audience", "everyone")
AGAIN = ("--since", "2022-01-01", "--until", "2022-02-15", "--audience", "everyone", "--live", "--yes")
NAMED = "named-in-the-environment-by-a-person"


def send(newsroom, *more):
    return newsroom("send", *FEBRUARY, "--live", "--yes", "--eml", "out", *more)


def leaving(newsroom):
    mails = [email.message_from_bytes(path.read_bytes()) for path in (newsroom.root / "out").glob("*.eml")]
    return {str(mail["List-Unsubscribe"]) for mail in mails}


def test_the_first_live_send_makes_one_and_each_mail_carries_proof(newsroom):
    """Without a word in config.yaml: a file for its owner only, and a mailto of each reader's own; it stays."""
    assert newsroom("send", *FEBRUARY).code == 0
    path = newsroom.root / ".digest" / "secret"
    assert not path.exists(), "a plan makes none"
    assert send(newsroom).code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", path.read_text())
    found = leaving(newsroom)
    assert len(found) == 6
    assert all(re.search(r"subject=unsubscribe%20[\w-]{60,}", field) for field in found)


def test_init_makes_one(newsroom, tmp_path):
    """A new newsroom has a secret from the start, for its owner only."""
    assert newsroom("init", str(tmp_path / "new")).code == 0
    path = tmp_path / "new" / ".digest" / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_copy_without_it_is_refused_where_the_ledger_knows_it(newsroom):
    """Its mails would carry no proof, or another: nothing goes before the file is back, or a secret is named."""
    assert send(newsroom).code == 0
    path = newsroom.root / ".digest" / "secret"
    kept = path.read_bytes()
    for left in (None, b"f" * 64):
        path.unlink()
        if left:
            path.write_bytes(left)
            path.chmod(0o600)
        done = newsroom("send", *AGAIN, "--eml", "more")
        assert (done.code, len(done.lines)) == (2, 1)
        assert ".digest/secret" in done.err
        assert "$DIGEST_UNSUBSCRIBE_SECRET" in done.err
        assert not list(newsroom.root.glob("more/*.eml"))
        path.write_bytes(kept)
    assert newsroom("send", *AGAIN, "--eml", "more").code == 0


def test_the_environment_wins(newsroom):
    """A secret that a person names is the one, whatever the file and the ledger have; no file is made beside it."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", NAMED)
    assert send(newsroom).code == 0
    assert not (newsroom.root / ".digest" / "secret").exists()
    newsroom.monkeypatch.delenv("DIGEST_UNSUBSCRIBE_SECRET")
    assert "is missing" in newsroom("send", *AGAIN, "--eml", "more").err


def test_a_secret_in_the_place_of_another_is_said(newsroom):
    """Links of the mails so far lead nowhere then. Beside the old one, a new one is nothing to speak of."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", NAMED)
    assert "another than that of the mails so far" not in send(newsroom).err
    other = NAMED[::-1]
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", f"{other} {NAMED}")
    assert "another than that of the mails so far" not in newsroom("send", *AGAIN, "--eml", "more", "--limit", "1").err
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "x" * 64)
    done = newsroom("send", *AGAIN, "--eml", "more", "--limit", "1")
    assert "the secret is another than that of the mails so far: their links to leave lead nowhere" in done.err
    assert "another than that of the mails so far" not in newsroom("send", *AGAIN, "--eml", "more").err


def test_a_secret_is_no_mails_before_one_is_frozen_with_it(newsroom):
    """A send that fails has mailed nobody: the next says of a new secret what is to be said, and of the old nothing."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", NAMED)
    assert send(newsroom).code == 0
    empty = ("send", "--month", "1999-01", "--audience", "everyone", "--live", "--yes", "--eml", "more")
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "x" * 64)
    assert newsroom(*empty).code != 0
    assert "another than that of the mails so far" in newsroom("send", *AGAIN, "--eml", "more", "--limit", "1").err
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "mistyped" * 8)
    assert newsroom(*empty).code != 0
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "x" * 64)
    assert "another than that of the mails so far" not in newsroom("send", *AGAIN, "--eml", "more").err


def test_a_secret_with_windows_mark_before_it_stays_what_mails_went_out_with(newsroom):
    """Read without the mark it would be another: links to leave in mails already sent would lead nowhere."""
    newsroom.monkeypatch.delenv("DIGEST_UNSUBSCRIBE_SECRET", raising=False)
    (newsroom.root / "leave.key").write_bytes(b"\xef\xbb\xbf" + b"x" * 32 + b"\r\n")
    newsroom.edit("config.yaml", "smtp:\n", "unsubscribe: {secret_file: leave.key}\n\nsmtp:\n")
    setup = open_newsroom(newsroom.root / "config.yaml").sending_setup
    assert setup.unsubscribe_secrets() == ("\ufeff" + "x" * 32,)


@pytest.mark.parametrize(("blank", "named"), [("", ".digest/secret is missing"), ("leave.key", "leave.key is empty")])
def test_a_named_secret_that_is_blank_is_refused_where_the_ledger_knows_one(newsroom, blank, named):
    """It would be another than that of the mails so far; which, and what to do, is one line."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", NAMED)
    assert send(newsroom).code == 0
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", " ")
    if blank:
        (newsroom.root / blank).write_text("\n")
        with (newsroom.root / "config.yaml").open("a") as config:
            config.write(f"unsubscribe: {{secret_file: {blank}}}\n")
    done = newsroom("send", *AGAIN, "--eml", "more")
    assert (done.code, len(done.lines)) == (2, 1)
    assert f"{named}; it is the secret of the mails that this ledger knows" in done.err
