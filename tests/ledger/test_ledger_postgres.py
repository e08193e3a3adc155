"""What only a PostgreSQL ledger can be asked: two machines at once, a server that goes away, whose schema it is."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from sqlalchemy import make_url

from digest.delivery import State
from digest.errors import ConfigError, LedgerBusy, LedgerError
from digest.ledger.opening import open_ledger
from digest.ledger.postgres import cut_off
from digest.testing import readers

EDITION = "2022-02/everyone/en"


@pytest.fixture
def opened(postgres, postgres_schema, tmp_path):
    """Opens the same ledger again and again, as so many machines would."""
    ledgers = []

    def one(**options):
        options = {"newsroom": "ILO Newsroom", "schema": postgres_schema, "witnesses": tmp_path / "sent"} | options
        ledgers.append(open_ledger(postgres, **options))
        return ledgers[-1]

    yield one
    for ledger in ledgers:
        ledger.close()


def test_machines_that_start_together(opened):
    """Several machines that find an empty database make one ledger of it."""
    found, errors = [], []

    def start():
        try:
            found.append(opened())
        except LedgerError as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len({ledger.id for ledger in found}) == 1


def test_lock_between_machines(opened):
    """The lock holds between machines, names its holder, and ends with the holder's connection."""
    one, two = opened(), opened()
    one.freeze(EDITION, "hash", readers(1), now=1.0)
    with one.lock(EDITION, "newsroom-1, process 42"):
        with pytest.raises(LedgerBusy, match="newsroom-1, process 42 since 20"), two.lock(EDITION, "me"):
            pass
        with two.database.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE application_name LIKE 'newsroom-1%%'"
            )
        with two.lock(EDITION, "me"):
            pass


def test_an_edition_that_one_machine_took_back(opened, tmp_path):
    """The others still have a record of it, and go on; a ledger that never heard of an edition is refused as before."""
    one = opened(witnesses=tmp_path / "one")
    one.freeze(EDITION, "hash", readers(2), now=1.0)
    two = opened(witnesses=tmp_path / "two")
    two.witness(EDITION, 2.0)
    assert one.thaw(EDITION) == [EDITION]
    assert opened(witnesses=tmp_path / "two").mailing(EDITION) is None
    one.freeze(EDITION, "another", readers(2), now=3.0)
    assert one.thaw(EDITION) == [EDITION]
    assert opened(witnesses=tmp_path / "two").mailing(EDITION) is None
    with one.database.writing() as transaction:
        transaction.core.exec_driver_sql("DELETE FROM meta WHERE key LIKE 'thawed%%'")
    with pytest.raises(LedgerError, match="has never heard of it"):
        opened(witnesses=tmp_path / "two")


def test_a_deadlock_is_busy(opened):
    """Two processes that wait for each other's rows: the one that the server ends is told to try again."""
    one, two = opened(), opened()
    one.freeze(EDITION, "hash", readers(2), now=1.0)
    both, errors = threading.Barrier(2), []

    def take(ledger, first, second):
        update = "UPDATE deliveries SET recipient = recipient WHERE recipient = 'reader{}@example.org'"
        try:
            with ledger.database.writing() as transaction:
                transaction.core.exec_driver_sql(update.format(first))
                both.wait(30)
                transaction.core.exec_driver_sql(update.format(second))
        except LedgerError as error:
            errors.append(error)

    threads = [threading.Thread(target=take, args=each) for each in ((one, 1, 2), (two, 2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (error,) = errors
    assert isinstance(error, LedgerBusy)
    assert "deadlock" in str(error)


@pytest.mark.parametrize("query", ["password=hunter2", "sslpassword=hunter2&connect_timeout=2"])
def test_no_message_shows_a_password_of_the_query(query):
    """A password may stand in the URL's query, too; errors, `status` and the archive's ledger.json show the name."""
    with pytest.raises(LedgerBusy) as caught:
        open_ledger(f"postgresql://digest@127.0.0.1:1/news?{query}", newsroom="ILO Newsroom")
    assert "hunter2" not in str(caught.value)
    assert "digest@127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("port", ["port", "54x32", "-1", "99999"])
def test_a_port_that_is_none_is_one_line(port):
    """A slip in send.ledger is a mistake in the configuration, named without its password."""
    with pytest.raises(ConfigError) as caught:
        open_ledger(f"postgresql://digest:hunter2@db:{port}/news?password=hunter2", newsroom="ILO Newsroom")
    assert str(caught.value).count("\n") == 0
    assert "is no ledger URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_claims_do_not_wait_for_each_other(opened):
    """A claim that is not committed yet is stepped over, not waited for."""
    one, two = opened(), opened()
    one.freeze(EDITION, "hash", readers(4), now=1.0)
    with one.database.writing() as transaction:
        transaction.core.exec_driver_sql("SELECT id FROM deliveries ORDER BY id LIMIT 2 FOR UPDATE")
        assert [row.address for row in two.claim(EDITION, "two", 9, 2.0)] == [
            "reader3@example.org",
            "reader4@example.org",
        ]


def test_connection_lost(opened, postgres):
    """A server that drops our connections is away, not broken: it is said, and the next try works."""
    ledger = opened()
    ledger.freeze(EDITION, "hash", readers(2), now=1.0)

    def work():
        with psycopg.connect(postgres, autocommit=True) as other, ledger.database.writing() as transaction:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'digest'")
            transaction.run("SELECT 1")

    with pytest.raises(LedgerBusy, match="cannot be reached") as caught:
        work()
    assert caught.value.exit_code == 75
    assert ledger.counts(EDITION) == {State.PLANNED: 2}


def test_nobody_there():
    """A server that cannot be reached is named without the password."""
    with pytest.raises(LedgerBusy, match="cannot be reached") as caught:
        open_ledger("postgresql://news:secret@127.0.0.1:1/digest", newsroom="ILO Newsroom")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_dropped(opened, postgres, postgres_schema):
    """A ledger that was dropped while its second record is there is not begun afresh."""
    opened().freeze(EDITION, "hash", readers(2), now=1.0)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA "{postgres_schema}" CASCADE')
    with pytest.raises(LedgerError, match=r"is missing, but .*2022-02~everyone~en\.json"):
        opened()


def test_other_newsroom_and_only_looking(opened):
    """Whose it is and whether it is there are asked here too."""
    with pytest.raises(LedgerError, match="there is no ledger yet"):
        opened(create=False)
    opened()
    with pytest.raises(LedgerError, match="not of 'Other'"):
        opened(newsroom="Other")


def test_commits_are_synchronous(opened):
    """A commit waits for the server's disk, whatever the server's default is."""
    with opened().database.reading() as transaction:
        assert transaction.core.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_an_address_as_hosters_and_psql_write_it(opened, postgres, postgres_schema, tmp_path):
    """`postgres://`, with the line's end that a variable may keep, is the same ledger."""
    opened().freeze(EDITION, "hash", readers(3), now=1.0)
    url = postgres.replace("postgresql", "postgres", 1) + "\n"
    again = open_ledger(url, newsroom="ILO Newsroom", schema=postgres_schema, witnesses=tmp_path / "sent")
    assert again.counts(EDITION) == {State.PLANNED: 3}
    again.close()


def test_a_server_that_is_cut_off_is_given_up(opened):
    """Cut off by the network it sends no word: both sides look after half a minute, where the kernel takes hours.

    What the address itself says of it holds.
    """
    with opened().database.engine.connect() as connection:
        asked = connection.connection.driver_connection.info.get_parameters()
    assert (asked["keepalives_idle"], asked["tcp_user_timeout"]) == ("30", "30000")
    assert "-c tcp_keepalives_idle=30" in asked["options"]
    assert "keepalives_idle" not in cut_off(make_url("postgresql://db/digest?keepalives_idle=5"))


def test_version_1(opened, postgres, postgres_schema):
    """A ledger of version 1, whose deliveries were themselves unique, is brought up to date and finds its readers."""
    opened().freeze(EDITION, "hash", readers(3), now=1.0)
    with psycopg.connect(postgres, autocommit=True, options=f"-c search_path={postgres_schema}") as connection:
        for table in ("places", "rounds", "lifted"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE editions DROP COLUMN round")
        connection.execute("ALTER TABLE suppressions DROP CONSTRAINT suppressions_address_scope_reason_key")
        connection.execute("ALTER TABLE suppressions ADD UNIQUE (address, scope)")
        connection.execute("ALTER TABLE deliveries ADD UNIQUE (edition, recipient)")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'version'")
    ledger = opened()
    ledger.suppress("reader2@example.org", "everyone", "unsubscribed", "", 2.0)
    assert [row.address for row in ledger.claim(EDITION, "me", 1, 3.0, only="reader3@example.org")]
    assert ledger.counts(EDITION) == {State.PLANNED: 1, State.CLAIMED: 1, State.SUPPRESSED: 1}
    assert ledger.freeze("2022-03/everyone/en", "hash", [*readers(4), *readers(4)])["duplicates"] == 4
    with psycopg.connect(postgres, options=f"-c search_path={postgres_schema}") as connection:
        asked = "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND tablename = 'deliveries' ORDER BY 1"
        found = connection.execute(asked, (postgres_schema,)).fetchall()
    assert found == [("deliveries_pkey",), ("deliveries_waiting",)]


def test_who_leaves_is_numbered_in_the_order_of_the_commits(opened, postgres, postgres_schema):
    """While one leaving is not committed, none gets a later number: a sweep up to that one would pass the first by."""
    ledger = opened()
    with psycopg.connect(postgres) as first, psycopg.connect(postgres, autocommit=True) as watching:
        first.execute(
            f"INSERT INTO {postgres_schema}.suppressions (address, scope, reason, detail, since) "
            "VALUES ('first@example.org', '*', 'unsubscribed', '', 0)"
        )
        second = threading.Thread(target=ledger.suppress, args=["second@example.org", "*", "unsubscribed", "", 0.0])
        second.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
        while second.is_alive() and not watching.execute(waits, [f"{postgres_schema}.suppressions"]).fetchone()[0]:
            time.sleep(0.01)
        assert second.is_alive()
        first.commit()
        second.join()
    assert [each.address for each in ledger.suppressions()] == ["first@example.org", "second@example.org"]
