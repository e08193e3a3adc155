"""One mail for a reader, a period and an audience: whatever the language, the audience's name, or what was before."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from digest.delivery import Event, MailingStatus, State
from digest.errors import CheckFailed, LedgerError, NothingToSend
from digest.ledger.opening import open_ledger
from digest.ledger.sqlite import is_mount_point
from digest.ledger.transitions import round_of
from digest.model import Recipient
from digest.testing import readers

NOW = 1_000_000.0
EN, FR = "2022-02/everyone/en", "2022-02/everyone/fr"
OLD = Path(__file__).parent / "version2"


def reader(local, **values):
    return Recipient(address=f"{local}@example.org", **values)


def both(*rows):
    """Readers with their edition, as their language says."""
    return [(FR if row.language.startswith("fr") else EN, row) for row in rows]


def states(ledger, edition):
    return {row.address.partition("@")[0]: row.state for row in ledger.deliveries(edition)}


def send(ledger, edition, *names):
    """Mail these readers, or all who wait; their names."""
    gone = []
    for name in names or [""]:
        rows = ledger.claim(edition, "me", 99, NOW, only=f"{name}@example.org" if name else "")
        ids = [row.id for row in rows]
        refused = ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "me")
        ledger.record([(number, Event.ACCEPT, None) for number in ids if number not in refused], NOW, "me")
        gone += [row.address.partition("@")[0] for row in rows if row.id not in refused]
    return gone


class TestFrozenTogether:
    def test_all_languages_in_one_pass(self, stored):
        """Each reader has one edition; what is not ready waits, with its readers, and goes when it is opened."""
        counts = stored.freeze_round(
            {EN: "hash", FR: ""}, both(reader("ann"), reader("bob", language="fr"), reader("cid")), NOW
        )
        assert {name: count["planned"] for name, count in counts.items()} == {EN: 2, FR: 1}
        assert stored.mailing(FR).standing is MailingStatus.WAITING
        assert send(stored, EN) == ["ann", "cid"]
        assert send(stored, FR) == []
        assert stored.next_try(FR, NOW) == NOW
        stored.open_edition(FR, "other", NOW)
        assert stored.mailing(FR).standing is MailingStatus.OPEN
        assert send(stored, FR) == ["bob"]

    def test_changed_language_between_two_runs(self, stored):
        """Whose language changes after the freeze gets the edition that they were frozen with, and no other."""
        stored.freeze_round({EN: "hash", FR: ""}, both(reader("ann"), reader("bob", language="fr")), NOW)
        send(stored, EN)
        again = both(reader("ann", language="fr"), reader("bob"))
        stored.freeze_round({EN: "hash", FR: "other"}, again, NOW)
        assert send(stored, EN) + send(stored, FR) == ["bob"]

    def test_language_added_later(self, stored):
        """A language that comes to the audience after the freeze is no new edition of the round."""
        stored.freeze_round({EN: "hash"}, [(EN, row) for row in readers(3)], NOW)
        counts = stored.freeze_round({FR: "other", EN: "hash"}, [(FR, row) for row in readers(5)], NOW)
        assert counts == {
            FR: {"planned": 0, "suppressed": 0, "duplicates": 0},
            EN: {"planned": 3, "suppressed": 0, "duplicates": 0},
        }
        assert stored.mailing(FR) is None
        assert [mailing.edition for mailing in stored.round(FR)] == [EN]

    def test_one_reader_in_two_rows(self, stored):
        """Two rows of one reader are one mail: the first row's name, the first language that is given."""
        rows = [
            (EN, reader("ann", name="Ann")),
            (FR, reader("bob", language="fr")),
            (FR, Recipient(address="ANN@example.org", name="Anne", language="fr")),
            (EN, reader("bob", language="en", name="Bob")),
        ]
        counts = stored.freeze_round({EN: "hash", FR: "other"}, rows, NOW)
        assert stored.mailing(EN) is None
        (ann, bob) = stored.deliveries(FR)
        assert (ann.address, ann.name, ann.language) == ("ann@example.org", "Ann", "fr")
        assert (bob.language, bob.name) == ("fr", "")
        assert {name: count["planned"] for name, count in counts.items()} == {EN: 0, FR: 2}

    def test_nobody_in_the_language_that_is_sent(self, stored):
        """A language that nobody reads settles nothing, neither for those who read another."""
        with pytest.raises(NothingToSend, match="no reader of 2022-02/everyone gets it in this language"):
            stored.freeze_round({FR: "hash", EN: ""}, both(reader("ann")), NOW)
        assert (stored.mailings(), stored.round(EN)) == ([], None)

    def test_message_ids_belong_to_the_edition(self, stored):
        """A reader's Message-ID is made for the edition they get, also where a second row decided that."""
        rows = [(EN, reader("ann")), (FR, reader("ann", language="fr"))]
        stored.freeze_round({EN: "hash", FR: "other"}, rows, NOW, lambda edition, address: f"<{edition}.{address}>")
        assert [row.message_id for row in stored.deliveries(FR)] == [f"<{FR}.ann@example.org>"]

    def test_frozen_one_by_one(self, ledger):
        """Editions frozen one after another share the round's places too: who has one is left out of the next."""
        ledger.freeze(EN, "hash", [reader("ann"), reader("bob")], now=NOW)
        counts = ledger.freeze(FR, "other", [reader("BOB"), reader("cid")], now=NOW)
        assert counts == {"planned": 1, "suppressed": 0, "duplicates": 1}
        assert list(states(ledger, FR)) == ["cid"]

    def test_waiting_is_held_back_and_called_off(self, stored):
        """An edition that waits can be paused, goes back to waiting, and can be cancelled."""
        stored.freeze_round({EN: "", FR: ""}, both(reader("ann"), reader("bob", language="fr")), NOW)
        stored.pause(EN)
        stored.resume(EN)
        assert stored.mailing(EN).standing is MailingStatus.WAITING
        stored.pause(EN)
        stored.open_edition(EN, "hash", NOW)
        assert stored.mailing(EN).standing is MailingStatus.PAUSED
        assert stored.cancel(FR, NOW) == 1
        assert states(stored, FR) == {"bob": State.CANCELLED}
        with pytest.raises(LedgerError, match="another content"):
            stored.open_edition(EN, "third", NOW)

    def test_who_leaves_while_an_edition_waits(self, stored):
        """A leaving reaches the readers of an edition that waits."""
        stored.freeze_round({EN: "", FR: ""}, both(reader("ann"), reader("bob", language="fr")), NOW)
        stored.suppress("bob@example.org", "everyone", "unsubscribed", "", NOW)
        stored.open_edition(FR, "hash", NOW)
        assert send(stored, FR) == []
        assert states(stored, FR) == {"bob": State.SUPPRESSED}

    def test_all_or_nothing(self, stored):
        """A list that breaks off leaves neither round nor edition."""

        def broken():
            yield EN, reader("ann")
            message = "the list broke off"
            raise OSError(message)

        with pytest.raises(OSError, match="broke off"):
            stored.freeze_round({EN: "hash", FR: ""}, broken(), NOW)
        assert (stored.mailings(), stored.round(EN), stored.audiences()) == ([], None, frozenset())


class TestShrunk:
    def test_half_a_list_is_refused(self, stored):
        """A list under 60 % of the last round's, and 20 readers fewer, freezes nothing unless that is said."""
        stored.freeze_round({EN: "hash"}, [(EN, row) for row in readers(100)], NOW)
        march = "2022-03/everyone/en"
        with pytest.raises(CheckFailed, match=r"59 readers, and 2022-02/everyone went to 100.*--shrink"):
            stored.freeze_round({march: "hash"}, [(march, row) for row in readers(59)], NOW)
        assert stored.mailing(march) is None
        assert stored.freeze_round({march: "hash"}, [(march, row) for row in readers(59)], NOW, shrink=True)
        assert stored.mailing(march)

    @pytest.mark.parametrize(("before", "now"), [(100, 60), (30, 11), (19, 1)])
    def test_not_by_much(self, stored, before, now):
        """A list that lost less, or a short one that lost a few, is frozen."""
        stored.freeze_round({EN: "hash"}, [(EN, row) for row in readers(before)], NOW)
        march = "2022-03/everyone/en"
        assert (
            stored.freeze_round({march: "hash"}, [(march, row) for row in readers(now)], NOW)[march]["planned"] == now
        )

    def test_another_audience(self, stored):
        """What another audience had does not count."""
        stored.freeze_round({EN: "hash"}, [(EN, row) for row in readers(100)], NOW)
        impact = "2022-02/impact/en"
        assert stored.freeze_round({impact: "hash"}, [(impact, row) for row in readers(3)], NOW)


class TestRenamed:
    @pytest.fixture
    def renamed(self, tmp_path):
        """Opens one ledger again and again, each time with what config.yaml says of former names."""
        ledgers = []

        def again(**formerly):
            if ledgers:
                ledgers.pop().close()
            ledgers.append(open_ledger("sqlite:///l.db", newsroom="N", root=tmp_path, formerly=formerly))
            return ledgers[-1]

        yield again
        ledgers.pop().close()

    def test_nobody_twice(self, renamed):
        """The round of a period is the same under the new name: everybody has their place in it."""
        ledger = renamed()
        ledger.freeze_round({EN: "hash"}, [(EN, row) for row in readers(4)], NOW)
        send(ledger, EN, "reader1")
        ledger = renamed(all=["everyone"])
        new = "2022-02/all/en"
        assert ledger.freeze_round({new: "hash"}, [(new, row) for row in readers(6)], NOW)[new]["planned"] == 0
        assert [mailing.edition for mailing in ledger.round(new)] == [EN]

    def test_suppressions_go_along(self, renamed):
        """Who left the old name is not mailed under the new one, and who leaves the new one stays left under both."""
        ledger = renamed()
        ledger.suppress("ann@example.org", "everyone", "unsubscribed", "", NOW)
        ledger = renamed(all=["everyone"])
        assert ledger.suppressed(["ann@example.org"], "all")
        ledger.suppress("bob@example.org", "all", "unsubscribed", "", NOW)
        ledger = renamed()
        assert ledger.suppressed(["ann@example.org", "bob@example.org"], "everyone") == {
            "ann@example.org",
            "bob@example.org",
        }

    def test_lifted_under_all_names(self, renamed):
        """What is lifted does not come back with the next opening."""
        renamed().suppress("ann@example.org", "everyone", "unsubscribed", "", NOW)
        ledger = renamed(all=["everyone"])
        ledger.unsuppress("ann@example.org", "all", ["unsubscribed"], NOW, "she asked")
        assert not renamed(all=["everyone"]).suppressed(["ann@example.org"], "all")

    def test_a_shrunken_list_is_noticed(self, renamed):
        """The last round under the old name is what a list is measured by."""
        renamed().freeze_round({EN: "hash"}, [(EN, row) for row in readers(100)], NOW)
        march = "2022-03/all/en"
        with pytest.raises(CheckFailed, match="2022-02/everyone went to 100"):
            renamed(all=["everyone"]).freeze_round({march: "hash"}, [(march, row) for row in readers(5)], NOW)


class TestIdentity:
    def opened(self, folder, name="Harbour", **options):
        return open_ledger("sqlite:///l.db", newsroom=name, root=folder, **options)

    def test_kept(self, tmp_path):
        """The ledger keeps the newsroom's id, and gives one where there is none; it stays the same."""
        first = self.opened(tmp_path)
        assert first.identity
        first.close()
        with closing(self.opened(tmp_path)) as again:
            assert again.identity == first.identity

    def test_corrected_name(self, tmp_path):
        """With the id, the name may be corrected, and counts from then on."""
        self.opened(tmp_path, identity="a" * 32).close()
        self.opened(tmp_path, name="Harbor", identity="a" * 32).close()
        self.opened(tmp_path, name="Harbor").close()
        with pytest.raises(LedgerError, match="'Harbor', not of 'Harbour'"):
            self.opened(tmp_path)

    def test_another_newsroom_of_the_same_name(self, tmp_path):
        """Two newsrooms of one name do not share a ledger."""
        self.opened(tmp_path, identity="a" * 32).close()
        with pytest.raises(LedgerError, match=r"'Harbour' .*aaaaaaaa.*'Harbour' .*bbbbbbbb"):
            self.opened(tmp_path, identity="b" * 32)


@pytest.fixture(params=["sqlite", "postgres"])
def version2(request, tmp_path):
    """Opens a ledger that the program of version 2 wrote: January sent, February begun in two languages."""
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
            file.executescript((OLD / "sqlite.sql").read_text(encoding="utf-8"))
        (tmp_path / "ledger.db").chmod(0o600)
        opened = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=tmp_path)
    else:
        import psycopg

        url, schema = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_schema")
        with psycopg.connect(url, autocommit=True) as connection:
            script = (OLD / "postgres.sql").read_text(encoding="utf-8")
            connection.execute(script.replace("digest.", f"{schema}.").replace("SCHEMA digest", f"SCHEMA {schema}"))
        opened = open_ledger(url, newsroom="ILO Newsroom", witnesses=tmp_path / "sent", schema=schema)
    yield opened
    opened.close()


class TestFromVersion2:
    def test_one_place_in_the_round(self, version2):
        """Who stood in two languages keeps the one that went, else the first; the other is called off, with why."""
        assert states(version2, EN) == {
            "ann": State.SENT,
            "bob": State.SENDING,
            "kim": State.CANCELLED,
            "lea": State.PLANNED,
            "left": State.SUPPRESSED,
        }
        assert states(version2, FR) == {"kim": State.SENT, "lea": State.CANCELLED, "max": State.PLANNED}
        assert {row.detail for row in version2.deliveries(EN, [State.CANCELLED])} == {"in another language too"}

    def test_the_rest_goes_once(self, version2):
        """A half-sent edition goes on where it stopped, and nobody is mailed a second time."""
        assert version2.recover(EN, NOW) == {State.IN_DOUBT: 1}
        assert send(version2, EN) + send(version2, FR) == ["lea", "max"]
        assert send(version2, EN) + send(version2, FR) == []

    def test_a_language_that_was_not_frozen_yet(self, version2):
        """A language of the month that has not been frozen takes those readers only who have no mail of it."""
        german = "2022-02/everyone/de"
        rows = [*((german, reader(name)) for name in ("ann", "max", "neu")), (EN, reader("late"))]
        counts = version2.freeze_round({german: "hash", EN: "enhash"}, rows, NOW)
        assert counts[german] == {"planned": 1, "suppressed": 0, "duplicates": 2}
        assert send(version2, german) == ["neu"]

    def test_what_it_knew_it_knows(self, version2):
        """Editions, contents, suppressions and past mails are as they were."""
        assert [(row.edition, row.content) for row in version2.mailings()] == [
            ("2022-01/everyone/en", "jan"),
            (EN, "enhash"),
            (FR, "frhash"),
        ]
        assert [(row.address, row.reason) for row in version2.suppressions()] == [
            ("gone@example.org", "bounced"),
            ("left@example.org", "unsubscribed"),
        ]
        assert [row.edition for row in version2.latest("ann@example.org", 9)] == [EN, "2022-01/everyone/en"]
        assert version2.suppress("gone@example.org", "*", "complained", "", NOW)
        assert version2.audiences() == {"everyone"}

    def test_in_doubt_beside_its_place_is_settled_but_never_sent_again(self, version2):
        """Who has the round's mail in one language is not sent the other again, though it was in doubt."""
        version2.recover(EN, NOW)
        assert version2.settle(EN, ["kim@example.org"], Event.SETTLE_RESEND, "", NOW) == {"kim@example.org"}
        assert version2.settle(EN, ["bob@example.org"], Event.SETTLE_SENT, "", NOW) == frozenset()


class TestTwoPaths:
    def test_hard_link(self, tmp_path):
        """A ledger with two names is refused: SQLite would keep two logs for one file, and mail everybody twice."""
        with closing(open_ledger("sqlite:///one.db", newsroom="N", root=tmp_path)) as ledger:
            ledger.freeze(EN, "hash", readers(2), now=NOW)
        (tmp_path / "two.db").hardlink_to(tmp_path / "one.db")
        for name in ("one.db", "two.db"):
            with pytest.raises(LedgerError, match=r"has 2 names \(hard links\)"):
                open_ledger(f"sqlite:///{name}", newsroom="N", root=tmp_path, witnesses=tmp_path / "sent")

    def test_mounted_file(self):
        """A ledger that is mounted as a single file is refused: its log would lie in another folder."""
        mounts = (
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
            "40 22 8:1 /srv/ledger.db /data/my\\040ledger.db rw - ext4 /dev/sda1 rw\n"
        )
        assert is_mount_point(mounts, "/data/my ledger.db")
        assert not is_mount_point(mounts, "/data/other.db")

    def test_really_mounted(self, tmp_path):
        """The kernel's own list of mounts is read."""
        with closing(open_ledger("sqlite:///one.db", newsroom="N", root=tmp_path)) as ledger:
            ledger.freeze(EN, "hash", readers(2), now=NOW)
        (tmp_path / "two.db").touch()
        program = (
            f'mount --bind {tmp_path}/one.db {tmp_path}/two.db && exec {sys.executable} -c "from pathlib import Path; '
            "from digest.ledger.opening import open_ledger; "
            f"open_ledger('sqlite:///two.db', newsroom='N', root=Path('{tmp_path}'))\""
        )
        try:
            done = subprocess.run(["unshare", "-m", "sh", "-c", program], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("unshare(1) is not installed")
        if "not permitted" in done.stderr or "permission denied" in done.stderr:
            pytest.skip("this machine lets nobody mount")
        assert "is mounted as a single file" in done.stderr


def test_a_database_put_back_from_a_backup(postgres, postgres_schema, tmp_path):
    """A PostgreSQL that knows less than this machine has seen sent is refused, as a file is."""
    import psycopg

    def opened():
        return open_ledger(postgres, newsroom="N", root=tmp_path, schema=postgres_schema)

    with closing(opened()) as ledger:
        ledger.freeze(EN, "hash", readers(2), now=NOW)
    with psycopg.connect(postgres, autocommit=True) as connection:
        saved = connection.execute(f"SELECT value FROM {postgres_schema}.meta WHERE key = 'generation'").fetchone()[0]
        before = connection.execute(f"SELECT id, state FROM {postgres_schema}.deliveries ORDER BY id").fetchall()
    with closing(opened()) as ledger:
        send(ledger, EN)
        ledger.witness(EN, NOW)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"UPDATE {postgres_schema}.meta SET value = %s WHERE key = 'generation'", [saved])
        for number, state in before:
            connection.execute(f"UPDATE {postgres_schema}.deliveries SET state = %s WHERE id = %s", [state, number])
    with pytest.raises(LedgerError, match="this ledger is older than that"):
        opened()


def test_the_round_of_an_edition():
    """A round is an edition's id without its language."""
    assert round_of(EN) == "2022-02/everyone"
    assert round_of("odd") == "odd"
