"""The ledger in a PostgreSQL that many machines share: our own schema, synchronous commits, advisory locks.

A transaction that was committed is in the server's write-ahead log before `writing()` ends, whatever the server's own
default says. A pooler must give sessions, not transactions: locks and settings belong to the session.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import create_engine, func, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from digest.errors import LedgerBusy, LedgerError
from digest.ledger import locks, statements
from digest.ledger.database import Database, Transaction, as_json
from digest.ledger.schema import POSTGRES_SCHEMA
from digest.text.urls import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import URL

_FRAGMENTS = {
    "{ids}": "(SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:ids AS json)))",
    "{each}": " FROM (SELECT CAST(key AS bigint) AS id, value AS words FROM json_each_text(CAST(:said AS json))) AS e",
    "{id}": "e.id",
    "{words}": "e.words",
    "{which}": " RETURNING deliveries.id",
    "{due}": (
        "(SELECT CAST(key AS bigint) AS id, CAST(value AS double precision) AS due "
        "FROM json_each_text(CAST(:due AS json))) AS e"
    ),
    "{skip}": " FOR UPDATE SKIP LOCKED",
}
_PARAMETER = re.compile(r":(\w+)", re.ASCII)
_COPY = f"COPY deliveries ({', '.join(statements.FREEZE)}) FROM STDIN"
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPED = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}  # https://www.postgresql.org/docs/current/sql-copy.html
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_AWAY = ("08", "57P", "53300", "25P03")
_IN_THE_WAY = ("40001", "40P01", "55P03")  # serialization failure, deadlock, a lock that is not free
_MEANINGS = {
    "53100": "its disk is full; nothing more was sent. Free some space there, then `digest resume` goes on",
    "25006": "it is read-only (a standby?); send.ledger must name the primary",
    "42501": "this user may not do that; it needs to own the schema `digest`, or CREATE on the database",
}

_HOLDER = text(
    "SELECT a.application_name, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
    "AND ((CAST(l.classid AS bigint) << 32) | CAST(l.objid AS bigint)) = :key "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

_OIDS = text(
    "SELECT CAST(oid AS bigint), CAST(CAST(to_regclass('meta') AS oid) AS bigint) "
    "FROM pg_database WHERE datname = current_database()"
)

_MAY_ASK = text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')")
_CLUSTER = text("SELECT system_identifier FROM pg_control_system()")


# Who is cut off says nothing: the kernel would wait 15 minutes for a receipt, and two hours for what comes next. The
# server holds the locks of a sender that is cut off, so it is told the same.
_CUT_OFF = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}
_SERVER = " ".join(f"-c tcp_{name.removeprefix('tcp_')}={value}" for name, value in _CUT_OFF.items())


def cut_off(url: URL) -> dict[str, int]:
    """After how long a connection to a server that is cut off ends, for psycopg; what the address itself says holds."""
    return {name: value for name, value in _CUT_OFF.items() if name not in url.query}


class PostgresDatabase(Database):
    """A ledger's server. `schema` is where its tables are."""

    driver_error = psycopg.Error

    def __init__(self, url: URL, *, schema: str = POSTGRES_SCHEMA) -> None:
        super().__init__()
        self.name = without_secrets(url.render_as_string(hide_password=True))
        self.schema = schema
        self.engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=QueuePool,
            pool_pre_ping=True,
            hide_parameters=True,  # they hold readers' addresses, and errors are shown
            connect_args={
                "options": f"-c search_path={schema} -c synchronous_commit=on -c client_encoding=UTF8 {_SERVER}",
                "application_name": "digest",
                "connect_timeout": 10,
                **cut_off(url),
            },
        )

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction; the server has it in its log when the block ends."""
        with self.explained(), self.engine.begin() as connection:
            yield Transaction(self, connection)

    def respell(self, statement: str) -> str:
        """Psycopg takes `%(name)s`."""
        for fragment, words in _FRAGMENTS.items():
            statement = statement.replace(fragment, words)
        return _PARAMETER.sub(r"%(\1)s", statement)

    def apply(
        self, transaction: Transaction, spelled: str, said: Mapping[int, str], values: dict[str, object]
    ) -> set[int]:
        """Run it for all at once: one round trip."""
        cursor = transaction.cursor
        cursor.execute(spelled, {**values, "said": as_json(said)})
        return {row[0] for row in cursor.fetchall()}

    def insert(self, transaction: Transaction, columns: Sequence[Sequence[Any]]) -> None:
        """Insert deliveries with COPY, in its text format."""
        lines = map("\t".join, zip(*map(_copied, columns), strict=True))
        with transaction.cursor.copy(_COPY) as copy:
            copy.write("\n".join([*lines, ""]))

    @contextmanager
    def exclusive(self, edition: str, owner: str) -> Iterator[None]:
        """Hold the edition's advisory lock on a connection of its own; it ends with the connection."""
        with self._locked(edition, owner, "pg_try_advisory_lock"):
            yield

    @contextmanager
    def together(self, edition: str, owner: str) -> Iterator[None]:
        """Hold it as one of a fleet: with the others of the fleet, and with nobody who sends alone."""
        with self._locked(edition, owner, "pg_try_advisory_lock_shared"):
            yield

    @contextmanager
    def _locked(self, edition: str, owner: str, take: str) -> Iterator[None]:
        key = int.from_bytes(hashlib.sha256(f"{self.schema}/{edition}".encode()).digest()[:8], signed=True)
        with self.explained(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            try:
                connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": owner[:63]})
                if not connection.scalar(text(f"SELECT {take}(:key)"), {"key": key}):
                    row = connection.execute(_HOLDER, {"key": key}).first()
                    holder = f"{row[0]} since {row[1]:%Y-%m-%d %H:%M:%S %z}" if row else "another process"
                    raise LedgerBusy(locks.busy(edition, holder))
                yield
            finally:
                with suppress(SQLAlchemyError):  # a server that is told to let go has done so when it answers
                    connection.execute(text("SELECT pg_advisory_unlock_all()"))
                connection.invalidate()  # closed, not given back: that lets go even of a broken one, a moment later

    def place(self) -> Mapping[str, str]:
        """The cluster's identifier, where we may ask for it, and the numbers of the database and of the table."""
        with self.reading() as transaction:
            database, table = transaction.core.execute(_OIDS).one()
            known = {"database": str(database), "table": str(table)}
            if transaction.core.scalar(_MAY_ASK):
                known["cluster"] = str(transaction.core.scalar(_CLUSTER))
        return known

    def domain_of(self, column: Any) -> Any:
        """What comes after the last @: an address may hold another in a quoted local part."""
        return func.substring(column, "[^@]*$")

    def explain(self, error: BaseException) -> LedgerError:
        """What the server's error means, and what to do."""
        state = getattr(error, "sqlstate", None) or ""
        said = " ".join(str(error).split())
        if state in _IN_THE_WAY:
            return LedgerBusy(f"{self.name}: another process was at the same rows; nothing is lost, try again ({said})")
        if (isinstance(error, psycopg.OperationalError) and not state) or state.startswith(_AWAY):
            return LedgerBusy(f"{self.name}: the database cannot be reached; nothing is lost, try again later ({said})")
        if state in _MEANINGS:
            return LedgerError(f"{self.name}: {_MEANINGS[state]} ({said})")
        return LedgerError(f"{self.name}: {said}")

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _copied(column: Sequence[Any]) -> list[str]:
    """Values as COPY reads them."""
    return [
        r"\N" if value is None else _SPECIAL.sub(_escape, value) if isinstance(value, str) else str(value)
        for value in column
    ]


def _escape(found: re.Match[str]) -> str:
    return _ESCAPED[found[0]]
