"""A ledger that cannot be trusted is refused before the first mail, with what is wrong and how to mend it."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from digest.delivery import Event, Outcome, Phase, State
from digest.errors import ConfigError, LedgerBusy, LedgerError
from digest.ledger import opening, schema, sqlite
from digest.ledger.opening import migrate, open_ledger
from digest.ledger.sqlite import SqliteDatabase, remote_file_system
from digest.testing import readers

EDITION = "2022-02/everyone/en"
NEWSROOM = "ILO Newsroom"


def opened(folder, **options):
    return open_ledger("sqlite:///ledger.db", newsroom=NEWSROOM, root=folder, **options)


@pytest.fixture
def used(tmp_path):
    """The folder of a ledger that has sent two of three mails and was closed."""
    ledger = opened(tmp_path)
    ledger.freeze(EDITION, "hash", readers(3), now=100.0)
    send(ledger, 2)
    ledger.close()
    return tmp_path


def send(ledger, count):
    with ledger.lock(EDITION, "me"):
        ids = [row.id for row in ledger.claim(EDITION, "me", count, 200.0)]
        ledger.record([(number, Event.INTEND, None) for number in ids], 200.0, "me")
        outcomes = [Outcome(delivery=number, event=Event.ACCEPT, phase=Phase.DOT, code=250) for number in ids]
        ledger.record([(each.delivery, each.event, each) for each in outcomes], 200.0, "me")
        ledger.witness(EDITION, 200.0)


def structure(path):
    """Each table's columns and indexes."""
    with closing(sqlite3.connect(path)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        kinds = ("table_info", "index_list", "foreign_key_list")
        return {(each, kind): file.execute(f"PRAGMA {kind}({each})").fetchall() for each in tables for kind in kinds}


def back_to_version_1(path):
    """Give a ledger the form it had in version 1: the deliveries themselves keep a reader from coming twice."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        (made,) = file.execute("SELECT sql FROM sqlite_master WHERE name = 'deliveries'").fetchone()
        (index,) = file.execute("SELECT sql FROM sqlite_master WHERE name = 'deliveries_waiting'").fetchone()
        file.execute("ALTER TABLE deliveries RENAME TO newer")
        file.execute("DROP INDEX deliveries_waiting")
        file.execute(f"{made.rstrip().removesuffix(')')}, UNIQUE (edition, recipient))")
        file.execute("INSERT INTO deliveries SELECT * FROM newer")
        file.execute("DROP TABLE newer")
        for table in ("places", "rounds", "lifted"):
            file.execute(f"DROP TABLE {table}")
        file.execute("ALTER TABLE editions DROP COLUMN round")
        (made,) = file.execute("SELECT sql FROM sqlite_master WHERE name = 'suppressions'").fetchone()
        file.execute("DROP TABLE suppressions")
        file.execute(made.replace("UNIQUE (address, scope, reason)", "UNIQUE (address, scope)"))
        file.execute(index)
        file.execute("PRAGMA user_version = 1")
        file.execute("UPDATE meta SET value = '1' WHERE key = 'version'")


def refusal(folder, **options):
    with pytest.raises(LedgerError) as caught:
        opened(folder, **options)
    assert "\n" not in str(caught.value)
    assert str(folder / "ledger.db") in str(caught.value)
    return str(caught.value)


class TestWhatIsNoLedger:
    def test_folder(self, tmp_path):
        """A folder in the ledger's place is named as such."""
        (tmp_path / "ledger.db").mkdir()
        assert "is a folder" in refusal(tmp_path)

    def test_symbolic_link(self, used):
        """A symbolic link is refused: the log and the locks would lie elsewhere than people think."""
        (used / "ledger.db").rename(used / "real.db")
        (used / "ledger.db").symlink_to(used / "real.db")
        assert "is a symbolic link" in refusal(used)

    def test_dangling_link(self, tmp_path):
        """A link to nothing is refused too, not followed to create something."""
        (tmp_path / "ledger.db").symlink_to(tmp_path / "nowhere.db")
        assert "is a symbolic link" in refusal(tmp_path)
        assert not (tmp_path / "nowhere.db").exists()

    def test_pipe_and_socket(self, tmp_path):
        """A FIFO or a socket is refused, without waiting for anybody at its other end."""
        os.mkfifo(tmp_path / "ledger.db")
        assert "is a pipe" in refusal(tmp_path)
        (tmp_path / "ledger.db").unlink()
        with closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind(os.path.relpath(tmp_path / "ledger.db"))  # its name may be no longer than 107 bytes
            assert "is a socket" in refusal(tmp_path)

    def test_empty(self, used):
        """0 bytes are what is left of a ledger, not a new one."""
        (used / "ledger.db").write_bytes(b"")
        assert "is empty (0 bytes)" in refusal(used)

    def test_random_bytes(self, used):
        """Random bytes are refused, with the way to save what can be read."""
        (used / "ledger.db").write_bytes(os.urandom(50_000))
        assert ".recover" in refusal(used)

    def test_other_program(self, tmp_path):
        """A SQLite file of another program is left alone."""
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
            other.execute("CREATE TABLE cookies (id)")
            other.commit()
        before = (tmp_path / "ledger.db").read_bytes()
        assert "some other program" in refusal(tmp_path)
        assert (tmp_path / "ledger.db").read_bytes() == before

    @pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
    def test_truncated(self, tmp_path, keep):
        """A ledger that was cut off is refused."""
        ledger = opened(tmp_path)
        ledger.freeze(EDITION, "hash", readers(2_000), now=100.0)
        ledger.close()
        path = tmp_path / "ledger.db"
        os.truncate(path, int(path.stat().st_size * keep))
        said = refusal(tmp_path)
        assert "is damaged" in said
        assert "Do not start afresh" in said

    def test_damaged_page(self, tmp_path):
        """A page that holds rubbish is found when the ledger is opened, not in the middle of a send."""
        ledger = opened(tmp_path)
        ledger.freeze(EDITION, "hash", readers(2_000), now=100.0)
        ledger.close()
        with (tmp_path / "ledger.db").open("r+b") as file:
            file.seek(4096 * 20)
            file.write(os.urandom(4096))
        assert "is damaged" in refusal(tmp_path)


class TestWhereItIs:
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_other_owner(self, used):
        """Another user's ledger is refused: our files beside it would lock its owner out."""
        os.chown(used / "ledger.db", 12_345, 12_345)
        assert "belongs to user 12345" in refusal(used)

    def test_writable_by_everybody(self, used):
        """A ledger that everybody may write to is no record; chmod is named."""
        (used / "ledger.db").chmod(0o666)
        assert f"chmod o-w {used / 'ledger.db'}" in refusal(used)

    def test_is_nobody_elses_business(self, used):
        """The ledger, its locks and its second record are readable by their owner only: they hold addresses."""
        for path in (used / "ledger.db", *used.glob("sent/*"), *used.glob("ledger.db-locks/*")):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0

    def test_folder_is_a_file(self, tmp_path):
        """A file where the folder should be is named."""
        (tmp_path / "file").write_text("")
        with pytest.raises(LedgerError, match="not a directory"):
            open_ledger("sqlite:///file/ledger.db", newsroom=NEWSROOM, root=tmp_path)

    def test_network_file_system(self):
        """A folder on NFS or the like is recognised by the mount that it lies on."""
        mounts = (
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
            "30 22 0:40 / /srv/news\\040room rw - nfs4 filer:/x rw\n"
            "31 30 8:2 / /srv/news\\040room/local rw - xfs /dev/sdb rw\n"
            "32 22 0:41 / /mnt/share rw - cifs //filer/share rw\n"
        )
        assert remote_file_system(mounts, "/srv/news room/.digest") == "nfs4"
        assert remote_file_system(mounts, "/srv/news room/local") == ""
        assert remote_file_system(mounts, "/mnt/share") == "cifs"
        assert remote_file_system(mounts, "/mnt/shared") == ""
        assert remote_file_system("", "/srv") == ""

    @pytest.mark.parametrize("url", ["", "nonsense", "mysql://root:secret@host/db", "sqlite://", "sqlite:///:memory:"])
    def test_no_url(self, url):
        """What is no URL of a ledger is a mistake in config.yaml; a password in it is not repeated."""
        with pytest.raises(ConfigError, match=r"send\.ledger") as caught:
            open_ledger(url, newsroom=NEWSROOM)
        assert "secret" not in str(caught.value)


class TestWhose:
    def test_other_newsroom(self, used):
        """Another newsroom's ledger is refused, with the command for one that was only renamed."""
        with pytest.raises(LedgerError, match="is the ledger of 'ILO Newsroom', not of 'Other'") as caught:
            open_ledger("sqlite:///ledger.db", newsroom="Other", root=used)
        assert "UPDATE meta" in str(caught.value)

    def test_newer_version(self, used):
        """A ledger of a newer program is refused by an older one."""
        with closing(sqlite3.connect(used / "ledger.db")) as file:
            file.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
            file.commit()
        assert "newer digest (ledger version 99" in refusal(used)

    def test_older_version(self, used, monkeypatch):
        """An older ledger is copied, then brought up to date in one transaction, and keeps what it knows."""
        monkeypatch.setattr(opening, "VERSION", 5)
        steps = {3: ["ALTER TABLE meta ADD COLUMN note TEXT"], 4: ["UPDATE meta SET note = 'seen'"]}
        monkeypatch.setattr(opening, "MIGRATIONS", steps)
        ledger = opened(used)
        assert ledger.counts(EDITION) == {State.PLANNED: 1, State.SENT: 2}
        ledger.close()
        with closing(sqlite3.connect(used / "ledger.db")) as file:
            assert dict(file.execute("SELECT key, value FROM meta"))["version"] == "5"
            assert file.execute("PRAGMA user_version").fetchone() == (5,)
            assert file.execute("SELECT DISTINCT note FROM meta").fetchall() == [("seen",)]
        (copy,) = used.glob("ledger.db.version-3-*")
        with closing(sqlite3.connect(copy)) as file:
            assert dict(file.execute("SELECT key, value FROM meta"))["version"] == "3"
            assert file.execute("SELECT count(*) FROM deliveries WHERE state = 'sent'").fetchone() == (2,)

    def test_version_1(self, used):
        """A ledger of version 1 becomes what a new one is, finds its readers, and takes in the next edition."""
        made = structure(used / "ledger.db")
        back_to_version_1(used / "ledger.db")
        assert structure(used / "ledger.db") != made
        ledger = opened(used)
        assert ledger.counts(EDITION) == {State.PLANNED: 1, State.SENT: 2}
        ledger.suppress("reader3@example.org", "everyone", "unsubscribed", "", 300.0)
        assert ledger.claim(EDITION, "me", 9, 300.0) == []
        assert ledger.counts(EDITION) == {State.SUPPRESSED: 1, State.SENT: 2}
        assert ledger.freeze("2022-03/everyone/en", "hash", [*readers(4), *readers(4)])["duplicates"] == 4
        assert [row.address for row in ledger.claim("2022-03/everyone/en", "me", 1, 400.0, only="reader4@example.org")]
        ledger.close()
        assert structure(used / "ledger.db") == made
        assert len(list(used.glob("ledger.db.version-1-*"))) == 1

    def test_migration_that_fails(self, used):
        """A migration that fails half way changes nothing."""
        database = SqliteDatabase(used / "ledger.db")
        with pytest.raises(LedgerError, match="no such table"):
            migrate(database, 3, 4, {3: ["DELETE FROM meta", "DELETE FROM nowhere"]})
        with pytest.raises(LedgerError, match="knows no way"):
            migrate(database, 3, 5, {3: []})
        database.close()
        ledger = opened(used)
        assert ledger.counts(EDITION)[State.SENT] == 2
        ledger.close()


class TestSecondRecord:
    def test_deleted(self, used):
        """A ledger that is gone is noticed by what it left: it is not begun afresh."""
        (used / "ledger.db").unlink()
        said = refusal(used)
        assert "2022-02/everyone/en went to 2 readers" in said
        assert f"move {used / 'sent'} away" in said
        assert not (used / "ledger.db").exists()

    def test_deleted_after_several(self, used):
        """Of several editions the newest is named: so far the ledger that is gone had come."""
        for edition in ("2022-04/everyone/en", "2022-03/everyone/en"):
            with closing(opened(used)) as ledger:
                ledger.freeze(edition, "hash", readers(1), now=300.0)
        (used / "ledger.db").unlink()
        assert "2022-04~everyone~en.json says that 2022-04/everyone/en went to 0 readers" in refusal(used)

    def test_way_to_go_on(self, used):
        """What the message says works: with the second record moved away, a new ledger begins."""
        (used / "ledger.db").unlink()
        (used / "sent").rename(used / "sent.old")
        ledger = opened(used)
        assert ledger.mailings() == []
        ledger.close()

    def test_log_without_ledger(self, tmp_path):
        """A write-ahead log whose ledger was moved away is noticed even without a second record."""
        (tmp_path / "ledger.db-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(60))
        assert "was moved or deleted without it" in refusal(tmp_path)

    def test_last_months_backup(self, used):
        """A backup that was put back knows less than was sent: it is refused."""
        backup = (used / "ledger.db").read_bytes()
        ledger = opened(used)
        send(ledger, 1)
        ledger.close()
        (used / "ledger.db").write_bytes(backup)
        said = refusal(used)
        assert "this ledger is older than that" in said
        assert "went to 3 readers" in said

    def test_copied_without_its_log(self, used):
        """A copy of the file alone, made while the log held the newest commits, is refused."""
        ledger = opened(used)
        file = (used / "ledger.db").read_bytes()
        send(ledger, 1)
        assert (used / "ledger.db-wal").stat().st_size
        ledger.close()
        for name in ("ledger.db-wal", "ledger.db-shm"):
            (used / name).unlink(missing_ok=True)
        (used / "ledger.db").write_bytes(file)
        assert "older than that" in refusal(used)

    def test_another_ledger(self, used, tmp_path_factory):
        """A whole and healthy ledger that is not the one that sent is refused."""
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        opened(elsewhere).close()
        shutil.copy(elsewhere / "ledger.db", used / "ledger.db")
        assert "another ledger than the one that sent it" in refusal(used)

    def test_unreadable(self, used):
        """A second record that cannot be read is not ignored."""
        (path,) = (used / "sent").iterdir()
        path.write_text("{")
        with pytest.raises(
            LedgerError, match=r"2022-02~everyone~en\.json: this record of what was sent cannot be read"
        ):
            opened(used)

    def test_says_how_far_it_came(self, used):
        """The second record names the edition, its content and how many have it."""
        said = json.loads((used / "sent" / "2022-02~everyone~en.json").read_text())
        assert (said["edition"], said["content"], said["sent"], said["held"]) == (EDITION, "hash", 2, 0)


class TestNotThereYet:
    def test_created_whole(self, tmp_path):
        """A new ledger appears with its name only when it is whole, in folders that did not exist."""
        ledger = opened(tmp_path / "a" / "b")
        assert ledger.mailings() == []
        ledger.close()
        assert [path.name for path in (tmp_path / "a" / "b").iterdir() if ".new" in path.name] == []

    @pytest.mark.parametrize("name", ["what?", "a%20b", "50%3F", "é#x"])
    def test_created_in_a_folder_of_any_name(self, tmp_path, name):
        """What means something else in a URL is a letter in a folder's name."""
        (folder := tmp_path / name).mkdir()
        for _ in range(2):
            open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=folder).close()
        assert (list(tmp_path.iterdir()), (folder / "ledger.db").exists()) == ([folder], True)

    def test_a_crash_while_it_is_made(self, tmp_path):
        """What a crash left of a ledger in the making is no ledger: the next start makes it anew."""
        (tmp_path / "ledger.db.new").write_bytes(b"SQLite format 3\0 and then the power went")
        opened(tmp_path).close()

    def test_only_looking(self, tmp_path):
        """Whoever only looks does not create a ledger, and is told when there will be one."""
        assert "there is no ledger yet" in refusal(tmp_path, create=False)
        assert list(tmp_path.iterdir()) == []

    def test_many_at_once(self, tmp_path):
        """Processes that all find no ledger make one, and share it."""
        context = multiprocessing.get_context("spawn")
        with context.Pool(3) as pool:
            ids = pool.map(_open_and_tell, [str(tmp_path)] * 3)
        assert len(set(ids)) == 1


def _open_and_tell(folder):
    ledger = opened(Path(folder))
    ledger.close()
    return ledger.id


class TestShared:
    def test_log_left_over(self, used):
        """What a dead process had committed is in the log it left, and is there at the next opening."""
        ledger = opened(used)
        send(ledger, 1)
        copy = used / "copy"
        copy.mkdir()
        for path in used.glob("ledger.db*"):
            if path.is_file():
                shutil.copy(path, copy)
        ledger.close()
        assert (copy / "ledger.db-wal").stat().st_size
        shutil.copytree(used / "sent", copy / "sent")
        again = opened(copy)
        assert again.counts(EDITION) == {State.SENT: 3}
        again.close()

    @pytest.mark.parametrize("damage", ["torn", "zeros", "rubbish"])
    def test_torn_log(self, used, damage):
        """A power cut in the middle of the log costs what was not yet confirmed, and nothing else."""
        ledger = opened(used)
        ledger.claim(EDITION, "me", 1, 300.0)
        log = used / "ledger.db-wal"
        size = log.stat().st_size
        copy = used / "copy"
        copy.mkdir()
        (row,) = ledger.deliveries(EDITION, [State.CLAIMED])
        ledger.record([(row.id, Event.INTEND, None)], 301.0, "me")
        for path in used.glob("ledger.db*"):
            if path.is_file():
                shutil.copy(path, copy)
        ledger.close()
        (copy / "ledger.db-shm").unlink()
        with (copy / "ledger.db-wal").open("r+b") as file:
            file.truncate(size + 1000)
            if damage != "torn":
                file.seek(size)
                file.write(bytes(4096) if damage == "zeros" else os.urandom(4096))
        again = opened(copy)
        assert again.counts(EDITION) == {State.CLAIMED: 1, State.SENT: 2}
        assert again.recover(EDITION, 400.0) == {State.PLANNED: 1}
        again.close()

    def test_held_by_another_program(self, used, monkeypatch):
        """A program that holds the file makes us wait, and then say so, as something to be tried again."""
        monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
        ledger = opened(used)
        with closing(sqlite3.connect(used / "ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerBusy, match="another program has held it") as caught:
                ledger.claim(EDITION, "me", 1, 300.0)
            assert caught.value.exit_code == 75
            other.execute("ROLLBACK")
        assert len(ledger.claim(EDITION, "me", 1, 300.0)) == 1
        ledger.close()

    def test_durable(self, used):
        """Commits are on the disk when they return: write-ahead log, synchronous FULL, foreign keys kept."""
        ledger = opened(used)
        with ledger.database.reading() as transaction:
            values = [
                transaction.core.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "application_id", "user_version")
            ]
        ledger.close()
        assert values == ["wal", 2, 1, schema.APPLICATION_ID, schema.VERSION]

    def test_one_row_for_a_reader(self, used):
        """The database itself refuses a second place for one reader of a round."""
        with closing(sqlite3.connect(used / "ledger.db")) as file, pytest.raises(sqlite3.IntegrityError):
            file.execute("INSERT INTO places (round, recipient, id) SELECT round, recipient, 99 FROM places LIMIT 1")


@pytest.mark.parametrize("then", ["gone", "put back"])
def test_a_ledger_that_is_replaced_while_it_is_open_takes_nothing_more(used, then):
    """What is written into the file that was moved away nobody reads again: a reader who left would be mailed."""
    with closing(opened(used)) as ledger:
        ledger.suppress("ann@example.org", "everyone", "unsubscribed", "", 300.0)
        shutil.copy(used / "ledger.db", used / "backup.db")
        (used / "ledger.db").rename(used / "away.db")
        if then == "put back":
            (used / "backup.db").rename(used / "ledger.db")
        with pytest.raises(LedgerError, match=r"ledger\.db: was moved, removed or put back while this ran; start this"):
            ledger.suppress("bea@example.org", "everyone", "unsubscribed", "", 300.0)
        (used / "away.db").replace(used / "ledger.db")
        ledger.suppress("cyd@example.org", "everyone", "unsubscribed", "", 300.0)


def test_a_ledger_that_another_process_writes_meanwhile_is_not_older(used, monkeypatch):
    """Who opens it asks the ledger, then its witnesses tell of a mail that went since: it is the same ledger still."""
    look = opening._identified

    def meanwhile(*asked):
        with closing(real_opened(used)) as other:
            send(other, 1)
        return look(*asked)

    def real_opened(folder):
        monkeypatch.setattr(opening, "_identified", look)
        return opened(folder)

    monkeypatch.setattr(opening, "_identified", meanwhile)
    with closing(opened(used)) as ledger:
        assert ledger.counts(EDITION) == {State.SENT: 3}
