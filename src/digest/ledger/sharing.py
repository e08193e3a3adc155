"""What the workers of a fleet share in the ledger's PostgreSQL: leases, rate limits, frozen renderings, who is there.

    workers ─ beat ─▶ leases renewed · what the dead left is put right · one row for each rate limit

Every time here is the database's. A lease is short, so it is renewed while its owner lives; what a frozen owner held
goes to others, and whatever that owner still wants to begin is refused, because the rows no longer say its name. All
of it is beside the ledger's own tables: a ledger that was never shared has none of them. It sends nothing.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from sqlalchemy import Column, Float, LargeBinary, MetaData, Table, Text, delete, event, func, select, text
from sqlalchemy.dialects.postgresql import insert

from digest.delivery import MailingStatus
from digest.distribution import installing
from digest.errors import LedgerError
from digest.ledger import backoff, statements
from digest.ledger.database import as_json
from digest.ledger.editions import stand
from digest.ledger.postgres import PostgresDatabase
from digest.ledger.schema import VERSION, editions, meta
from digest.ledger.transitions import FOUND_SENDING
from digest.ports import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from digest.delivery import Mailing
    from digest.ledger.database import Database, Transaction

LEASE = 30.0  # seconds without a beat until what an owner held goes to others
BEAT = 5.0  # seconds between two beats
GONE = 60.0  # a worker that was silent for so long is not counted any more

metadata = MetaData()

rate_limits = Table(
    "paces",
    metadata,
    Column("bucket", Text, primary_key=True),  # relay HOST:PORT, or domain NAME
    Column("due", Float(53), nullable=False),  # when the next mail may go
)

blobs = Table(
    "shelf",
    metadata,
    Column("name", Text, primary_key=True),  # rendering FINGERPRINT, or schedule
    Column("data", LargeBinary, nullable=False),
)

holds = Table(
    "halts",
    metadata,
    Column("edition", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", Float(53), nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen", Float(53), nullable=False),
    Column("version", Text, nullable=False),
)

_AT_WORK = (
    "CREATE INDEX IF NOT EXISTS deliveries_at_work ON deliveries (lease) WHERE state IN ('claimed', 'sending')",
    # A queue's dead entries are stepped over by every claim, so they are cleared away early.
    "ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)",
)
_NOW = "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
_SINCE = "CAST(extract(epoch FROM pg_postmaster_start_time()) AS double precision)"

# A worker that is frozen in the middle of a transaction must not hold its rows for ever.
_IDLE = f"SET idle_in_transaction_session_timeout = '{LEASE:.0f}s'"

_RENEW = (
    f"UPDATE deliveries SET lease = {_NOW} + :lease WHERE id IN (SELECT id FROM deliveries "  # noqa: S608 - our words
    "WHERE state IN ('claimed', 'sending') AND owner = :owner FOR UPDATE SKIP LOCKED)"
)
# Nobody could renew while the server was down, so no lease is over before it has been up for as long as a lease is.
_REAP = (
    "WITH over AS MATERIALIZED (SELECT id, state FROM deliveries "  # noqa: S608 - our words
    f"WHERE state IN ('claimed', 'sending') AND lease < {_NOW} "
    f"AND NOT {_NOW} BETWEEN {_SINCE} AND {_SINCE} + :lease "
    "ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED) "
    f"UPDATE deliveries SET owner = '', lease = 0, next_try = 0, changed = {_NOW}, "
    "state = CASE over.state WHEN 'sending' THEN 'in_doubt' ELSE 'planned' END, "
    "attempts = attempts + CASE over.state WHEN 'sending' THEN 1 ELSE 0 END, "
    "detail = CASE over.state WHEN 'sending' THEN :found ELSE detail END "
    "FROM over WHERE deliveries.id = over.id RETURNING deliveries.id, deliveries.state"
)
# What a clock wrote that has since been set back, and no owner may be left to renew, holds nobody for longer.
_SET_BACK = (
    f"UPDATE deliveries SET lease = {_NOW} + :lease WHERE id IN (SELECT id FROM deliveries "  # noqa: S608 - our words
    f"WHERE state IN ('claimed', 'sending') AND lease > {_NOW} + :longest FOR UPDATE SKIP LOCKED)"
)
_TOO_LATE = f"paces.due > {_NOW} + :ahead + greatest(:span, 60)"  # the same of a turn
_PACE = (
    f"INSERT INTO paces (bucket, due) VALUES (:bucket, {_NOW} + :span) ON CONFLICT (bucket) DO UPDATE "  # noqa: S608
    f"SET due = greatest(CASE WHEN {_TOO_LATE} THEN {_NOW} ELSE paces.due END, {_NOW} - :slack) + :span "
    f"WHERE paces.due < {_NOW} + :ahead OR {_TOO_LATE} "
    f"RETURNING due - :span, {_NOW}, set_config('synchronous_commit', 'off', true)"
)
_PACE_DUE = f"SELECT due, {_NOW} FROM paces WHERE bucket = :bucket"  # noqa: S608 - our words
_DUE = (
    "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE edition = :edition AND state IN ('planned', 'deferred') "
    "AND (next_try <= :now OR next_try > :never) LIMIT :most) AS due"
)


class Reservation(Struct, frozen=True, kw_only=True):
    """A place under a rate limit. `start` and `now` are the database's seconds; `granted` says whether it was taken."""

    start: float
    now: float
    granted: bool


class SharedLedger(Ledger, Protocol):
    """What a fleet asks of the ledger that it shares, beside what any sender asks."""

    database: Database
    lease: float
    sharing: Sharing | None

    def pause(self, edition: str) -> None:
        """Let no further mail of this edition go, from any machine."""
        ...

    def mailings(self) -> Sequence[Mailing]:
        """Every edition that was frozen, in that order."""
        ...

    def demand_place(self) -> None:
        """Raise LedgerError when the ledger sent from another place, with what to do."""
        ...

    def mark(self, key: str) -> str:
        """What was noted under this key; empty when nothing was."""
        ...

    def set_mark(self, key: str, value: str) -> None:
        """Note it, in the place of what was noted before."""
        ...


class Sharing:
    """The fleet's side of a ledger. Safe to use from many threads. Raises LedgerError as the ledger does."""

    def __init__(self, ledger: SharedLedger, database: PostgresDatabase) -> None:
        self.ledger = ledger
        self.database = database
        self._single = database.engine.execution_options(isolation_level="AUTOCOMMIT")  # one statement, one question

    def now(self) -> float:
        """The database's clock, in seconds since the epoch."""
        with self.database.reading() as transaction:
            return _now(transaction)

    def beat(self, worker: str, version: str, owners: Sequence[str]) -> float:
        """Say that `worker` lives and renew the leases of its runs. Returns the database's time."""
        with self.database.writing() as transaction:
            now = _now(transaction)
            seen = insert(workers).values(name=worker, seen=now, version=version)
            transaction.core.execute(
                seen.on_conflict_do_update(index_elements=["name"], set_={"seen": now, "version": version})
            )
            for owner in owners:
                transaction.run(_RENEW, owner=owner, lease=LEASE)
        return now

    def check_version(self) -> None:
        """Raise LedgerError when the ledger was meanwhile brought to a version that this program does not know."""
        with self.database.reading() as transaction:
            version = int(transaction.core.scalar(select(meta.c.value).where(meta.c.key == "version")) or 0)
        if version > VERSION:
            message = (
                f"{self.database.name}: was brought to version {version} by a newer digest (this one knows {VERSION}); "
                f"update this one, then start it again: {installing('fleet')}"
            )
            raise LedgerError(message)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else of the fleet is inside; for housekeeping. One who is frozen inside is put out."""
        with self.database.writing() as transaction:
            key = f"digest tending {self.database.schema}"
            yield bool(transaction.run("SELECT pg_try_advisory_xact_lock(hashtext(:key))", key=key)[0][0])

    def leave(self, worker: str) -> None:
        """Take a worker off the list."""
        with self.database.writing() as transaction:
            transaction.core.execute(delete(workers).where(workers.c.name == worker))

    def present(self, within: float = 3 * BEAT) -> int:
        """How many workers were heard in the last `within` seconds."""
        with self.database.reading() as transaction:
            now = _now(transaction)
            heard = workers.c.seen.between(now - within, now + within)  # not by a clock that was set back
            return int(transaction.core.scalar(select(func.count()).where(heard)) or 0)

    def reap(self) -> Mapping[str, int]:
        """Put right what those left whose lease is over: claimed becomes planned, sending in_doubt. Returns counts."""
        with self.database.writing() as transaction:
            transaction.run(_SET_BACK, lease=LEASE, longest=backoff.LEASE)
            found = transaction.run(_REAP, lease=LEASE, found=FOUND_SENDING)
            if found:
                ids = as_json([row[0] for row in found])
                transaction.run(statements.CALL_OFF, ids=ids)
                transaction.run(statements.LEFT_MEANWHILE, ids=ids)
            now = _now(transaction)
            transaction.core.execute(delete(workers).where(~workers.c.seen.between(now - GONE, now + GONE)))
        return Counter(state for _, state in found)

    def due(self, edition: str, now: float, most: int) -> int:
        """How many readers of an edition could be mailed now, counted up to `most`."""
        with self.database.reading() as transaction:
            number = transaction.core.scalar(
                select(editions.c.id).where(editions.c.name == edition, editions.c.standing == MailingStatus.OPEN)
            )
            if number is None:
                return 0
            never = now + backoff.LONGEST  # written by a clock that has since been set back
            return int(transaction.run(_DUE, edition=number, now=now, never=never, most=most)[0][0])

    def pace(self, bucket: str, *, span: float, slack: float, ahead: float) -> Reservation:
        """Take a turn of `span` seconds in a bucket, unless the next one begins more than `ahead` seconds from now.

        A turn that nobody took is lost, but for `slack` seconds. Pace need not outlive a crash, so it costs no fsync.
        """
        database = self.database
        with database.explained(), self._single.connect() as connection:
            cursor = connection.connection.cursor()
            values = {"bucket": bucket, "span": span, "slack": slack, "ahead": ahead}
            if taken := cursor.execute(database.spell(_PACE), values).fetchone():
                return Reservation(start=float(taken[0]), now=float(taken[1]), granted=True)
            due, now = cursor.execute(database.spell(_PACE_DUE), {"bucket": bucket}).fetchone()
        return Reservation(start=float(due), now=float(now), granted=False)

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under a name, for every machine."""
        with self.database.writing() as transaction:
            _put(transaction, name, data)

    def get(self, name: str) -> bytes | None:
        """What is kept under a name."""
        with self.database.reading() as transaction:
            return _get(transaction, name)

    def mark_mailed(self, edition: str, moment: datetime) -> datetime:
        """Write down when an edition's first reader was mailed, once for all machines; gives what is written."""
        self.change(f"first {edition}", lambda known: known or moment.isoformat().encode())
        return self.first_mailed(edition) or moment

    def first_mailed(self, edition: str) -> datetime | None:
        """When an edition's first reader was mailed, as it was written down; None when it was not."""
        data = self.get(f"first {edition}")
        return None if data is None else datetime.fromisoformat(data.decode())

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Put in the place of what is kept under a name what `change` makes of it, nobody else between the two."""
        with self.database.writing() as transaction:
            key = f"digest shelf {self.database.schema} {name}"
            transaction.run("SELECT pg_advisory_xact_lock(hashtext(:key))", key=key)
            _put(transaction, name, change(_get(transaction, name)))

    def halt(self, edition: str, reason: str) -> None:
        """Hold an edition back for the whole fleet, and remember why. Raises LedgerError when it was cancelled."""
        now = self.now()
        with self.database.writing() as transaction:  # as one: who sees the pause sees the reason
            added = insert(holds).values(edition=edition, reason=reason, since=now)
            transaction.core.execute(added.on_conflict_do_nothing())
            stand(transaction, edition, MailingStatus.PAUSED)

    def halted(self, edition: str) -> str:
        """Why a worker held this edition back; empty when none did."""
        with self.database.reading() as transaction:
            return transaction.core.scalar(select(holds.c.reason).where(holds.c.edition == edition)) or ""

    def resume(self, edition: str) -> None:
        """Undo `halt`, or a pause, and forget why. Raises LedgerError when the edition was cancelled."""
        with self.database.writing() as transaction:
            transaction.core.execute(delete(holds).where(holds.c.edition == edition))
            stand(transaction, edition, MailingStatus.OPEN)


def _now(transaction: Transaction) -> float:
    return float(transaction.run(f"SELECT {_NOW}")[0][0])


def _put(transaction: Transaction, name: str, data: bytes) -> None:
    added = insert(blobs).values(name=name, data=data)
    transaction.core.execute(added.on_conflict_do_update(index_elements=["name"], set_={"data": data}))


def _get(transaction: Transaction, name: str) -> bytes | None:
    data = transaction.core.scalar(select(blobs.c.data).where(blobs.c.name == name))
    return None if data is None else bytes(data)


def join(ledger: SharedLedger) -> Sharing:
    """Make a ledger one that a fleet shares, with what that needs beside its tables. Raises LedgerError for SQLite."""
    database = ledger.database
    if not isinstance(database, PostgresDatabase):
        message = f"{database.name}: a fleet shares a PostgreSQL; set send.ledger to postgresql://user@host/database"
        raise LedgerError(message)

    @event.listens_for(database.engine, "connect")
    def _bound(connection: object, _record: object) -> None:
        with connection.cursor() as cursor:  # type: ignore[attr-defined] # psycopg's own
            cursor.execute(_IDLE)
        connection.commit()  # type: ignore[attr-defined]

    database.engine.dispose()  # the connections so far do not know that bound
    with database.writing() as transaction:
        transaction.run("SELECT pg_advisory_xact_lock(hashtext('digest ledger ' || :schema))", schema=database.schema)
        metadata.create_all(transaction.core)
        if transaction.core.scalar(text("SELECT to_regclass('deliveries_at_work')")) is None:
            for statement in _AT_WORK:
                transaction.core.exec_driver_sql(statement)
    ledger.lease = LEASE
    ledger.sharing = Sharing(ledger, database)
    return ledger.sharing
