"""A ledger that was copied, restored or dumped knows that it is elsewhere; one in a renamed folder is where it was."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text
from test_ledger_opening import EDITION, send

from digest.errors import LedgerError
from digest.ledger import sqlite
from digest.ledger.opening import open_ledger
from digest.testing import readers


def opened(folder):
    return open_ledger("sqlite:///ledger.db", newsroom="N", root=folder)


def elsewhere(folder):
    with closing(opened(folder)) as ledger:
        return ledger.elsewhere()


def vacuumed(source, copy):
    """A copy as docs/backup.md makes it."""
    with closing(sqlite3.connect(source)) as file:
        file.execute("VACUUM INTO ?", (str(copy),))
    copy.chmod(0o600)


@pytest.fixture
def used(tmp_path):
    """The folder of a ledger that knows its place, and of two mails."""
    folder = tmp_path / "here"
    folder.mkdir()
    with closing(opened(folder)) as ledger:
        ledger.settle_place()
        ledger.freeze(EDITION, "hash", readers(3), now=100.0)
        send(ledger, 2)
    return folder


class TestFile:
    def test_the_same_place(self, used, tmp_path):
        """Opened again, in a renamed folder, through another path to it: nothing is asked."""
        assert elsewhere(used) == ""
        used.rename(tmp_path / "renamed")
        assert elsewhere(tmp_path / "renamed") == ""
        (tmp_path / "link").symlink_to(tmp_path / "renamed")
        assert elsewhere(tmp_path / "link") == ""

    @pytest.mark.parametrize("copied", [shutil.copytree, lambda here, there: os.system(f"cp -a {here} {there}")])
    def test_a_copied_folder(self, used, tmp_path, copied):
        """A copy with its witnesses is elsewhere, and says how far it knows; the original goes on."""
        copied(used, tmp_path / "there")
        words = elsewhere(tmp_path / "there")
        assert "what was mailed until 1970-01-01" in words
        assert f"({EDITION})" in words
        assert "`digest config --moved`" in words
        assert elsewhere(used) == ""

    @pytest.mark.skipif(not sqlite._birth(__file__), reason="files here have no birth")
    def test_put_back_in_the_same_place(self, used, tmp_path):
        """A file that takes the old one's name, and often its inode, is another: it was born later."""
        vacuumed(used / "ledger.db", tmp_path / "backup.db")
        number = (used / "ledger.db").stat().st_ino
        for left in used.glob("ledger.db*"):
            left.unlink() if left.is_file() else shutil.rmtree(left)
        for count in range(100):  # until the file system gives the number out again
            shutil.copy(tmp_path / "backup.db", used / f"{count}.db")
            if (used / f"{count}.db").stat().st_ino == number:
                break
        (used / f"{count}.db").rename(used / "ledger.db")
        assert "it was moved, copied, or put back" in elsewhere(used)

    def test_nothing_is_sent_before_it_is_said(self, used, tmp_path):
        """Demanded and settled, both are refused; a person's word is kept, and then the copy sends from there."""
        shutil.copytree(used, tmp_path / "there")
        with closing(opened(tmp_path / "there")) as ledger:
            with pytest.raises(LedgerError, match="not where it last sent from"):
                ledger.demand_place()
            with pytest.raises(LedgerError, match="not where it last sent from"):
                ledger.settle_place()
            assert ledger.move(200.0)
            assert not ledger.move(300.0)
            ledger.settle_place()
            with ledger.database.reading() as transaction:
                kept = dict(transaction.core.execute(text("SELECT key, value FROM meta")).all())
        (moment,) = [key for key in kept if key.startswith("moved 1970-01-01")]
        assert json.loads(kept[moment])["inode"] == str((used / "ledger.db").stat().st_ino)
        assert json.loads(kept["place"])["inode"] == str((tmp_path / "there/ledger.db").stat().st_ino)
        assert elsewhere(tmp_path / "there") == ""

    def test_one_that_never_sent_has_no_place(self, tmp_path):
        """A new ledger, and one from before places were known, is at home wherever it lies, until it sends."""
        (tmp_path / "new").mkdir()
        with closing(opened(tmp_path / "new")) as ledger:
            ledger.freeze(EDITION, "hash", readers(3), now=100.0)
        shutil.copytree(tmp_path / "new", tmp_path / "there")
        with closing(opened(tmp_path / "there")) as ledger:
            assert not ledger.move(100.0)
            ledger.settle_place()
        shutil.copytree(tmp_path / "there", tmp_path / "third")
        assert "It knows of no mail at all" in elsewhere(tmp_path / "third")

    def test_where_births_are_not_kept(self, used, tmp_path, monkeypatch):
        """What only one of the two moments knows is not compared."""
        monkeypatch.setattr(sqlite, "_birth", lambda _: "")
        assert elsewhere(used) == ""
        shutil.copytree(used, tmp_path / "there")
        assert elsewhere(tmp_path / "there")

    def test_where_files_are_numbered_anew(self, used, tmp_path, monkeypatch):
        """On such a file system the path counts: from one start to the next nothing is asked."""
        shutil.copytree(used, tmp_path / "there")
        monkeypatch.setattr(sqlite, "_mounts", lambda: f"1 2 8:1 / {tmp_path} rw - fuse.sparse /dev/a rw\n")
        with closing(opened(tmp_path / "there")) as ledger:
            assert ledger.elsewhere()
            ledger.move(100.0)
        monkeypatch.setattr(sqlite, "_birth", lambda _: "another")
        assert elsewhere(tmp_path / "there") == ""
        shutil.copytree(tmp_path / "there", tmp_path / "third")
        assert elsewhere(tmp_path / "third")


class TestDatabase:
    def test_any_client_and_a_restored_dump(self, postgres, postgres_schema, tmp_path):
        """Machines share the place; tables that were made anew, as a restore makes them, are another."""
        import psycopg

        def elsewhere(machine):
            with closing(open_ledger(postgres, newsroom="N", root=machine, schema=postgres_schema)) as ledger:
                return ledger.elsewhere()

        with closing(open_ledger(postgres, newsroom="N", root=tmp_path, schema=postgres_schema)) as ledger:
            ledger.settle_place()
            ledger.freeze(EDITION, "hash", readers(3), now=100.0)
            send(ledger, 2)
            place = ledger.database.place()
        assert place.keys() == {"cluster", "database", "table"}
        assert elsewhere(tmp_path / "another machine") == ""
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"SET search_path = {postgres_schema}")
            connection.execute("CREATE TABLE restored (LIKE meta INCLUDING ALL)")
            connection.execute("INSERT INTO restored SELECT * FROM meta")
            connection.execute("DROP TABLE meta")
            connection.execute("ALTER TABLE restored RENAME TO meta")
        assert f"({EDITION})" in elsewhere(tmp_path)

    def test_two_that_send_first(self, postgres, postgres_schema, tmp_path):
        """Of two machines that send for the first time at once, neither fails."""
        from concurrent.futures import ThreadPoolExecutor

        ledgers = [open_ledger(postgres, newsroom="N", root=tmp_path, schema=postgres_schema) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda ledger: ledger.settle_place(), ledgers))
        assert {ledger.elsewhere() for ledger in ledgers} == {""}
        for ledger in ledgers:
            ledger.close()
