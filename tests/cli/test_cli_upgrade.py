"""A newsroom of the version before opens and goes on: config, overrides, approvals, and an edition half sent."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from email import message_from_bytes
from pathlib import Path

import pytest

# Written by the version before: English approved and sent to one of three, French approved, one reader left.
BEFORE = Path(__file__).parent / "version2"
EN, FR = "2022-02/everyone/en", "2022-02/everyone/fr"


@pytest.fixture
def before(newsroom, monkeypatch):
    """That newsroom, as it lay on the disk."""
    monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "0123456789abcdef0123456789abcdef")
    for name in ("config.yaml", "stories", "recipients"):
        path = newsroom.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(BEFORE, newsroom.root, dirs_exist_ok=True)
    (newsroom.root / "state").rename(newsroom.root / ".digest")
    ledger = newsroom.root / ".digest/ledger.db"
    with closing(sqlite3.connect(ledger)) as file:
        file.executescript((newsroom.root / ".digest/ledger.sql").read_text(encoding="utf-8"))
    ledger.chmod(0o600)
    return newsroom


def mailed(newsroom):
    files = (newsroom.root / "out").rglob("*.eml")
    return Counter(str(message_from_bytes(file.read_bytes())["To"]).split("<")[-1].split("@")[0] for file in files)


def test_it_knows_what_was_sent(before):
    """The first look brings the ledger up to date, keeps a copy, and loses nothing."""
    done = before("status")
    assert done.code == 75
    assert f"{EN}: 1 accepted, 1 left out (suppressed), 2 waiting" in done.out
    assert "left@reader.test" in before("subscribers", "suppressed").out
    assert len(list((before.root / ".digest").glob("ledger.db.version-2-*"))) == 1


def test_the_rest_of_a_half_sent_edition_goes_once(before):
    """What was frozen goes on without a new approval, with the content that the first reader got."""
    assert mailed(before) == {"ann": 1}
    before.monkeypatch.setenv("DIGEST_SEND__RELAY_PATIENCE", "0")
    done = before("resume", EN, "--yes")
    assert done.code == 75  # over SMTP, where no relay listens: nobody is lost by that
    done = before("send", "--month", "2022-02", "--language", "en", "--live", "--yes", "--eml", "out")
    assert done.code == 0, done.err
    assert mailed(before) == {"ann": 1, "cid": 1, "dan": 1}
    bodies = {file.read_text().count("Ports-Of-Call") for file in (before.root / "out").rglob("*.eml")}
    assert bodies == {0}  # the editor's hand of then


def test_its_ledger_learns_its_place_with_the_next_mail(before, tmp_path_factory):
    """From before places were known, it is at home wherever it lies; once it has sent, a copy knows that it is one."""
    assert "not where it last sent from" not in before("status").err
    done = before("send", "--month", "2022-02", "--language", "en", "--live", "--yes", "--eml", "out")
    assert done.code == 0, done.err
    assert "not where it last sent from" not in before("status").err
    before.root = Path(shutil.copytree(before.root, tmp_path_factory.mktemp("copy") / "newsroom"))
    assert "not where it last sent from" in before("status").err


def test_an_edition_that_was_only_approved_is_looked_at_again(before):
    """An approval of the version before is void and says so; approved again, it goes to those who have no mail yet."""
    before("send", "--month", "2022-02", "--language", "en", "--live", "--yes", "--eml", "out")
    french = ("send", "--month", "2022-02", "--language", "fr", "--live", "--yes", "--eml", "out")
    refused = before(*french)
    assert (refused.code, "approved with an older version" in refused.err) == (5, True)
    before.edit("readers.csv", "ann@reader.test,Ann,en", "ann@reader.test,Ann,fr")
    assert before("build", "--month", "2022-02").code == 0
    assert before("approve", FR, "--by", "Kim").code == 0
    done = before(*french)
    assert done.code == 0, done.err
    assert mailed(before) == {"ann": 1, "bob": 1, "cid": 1, "dan": 1, "eve": 1}
