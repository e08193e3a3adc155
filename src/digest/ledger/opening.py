"""Open the ledger: find it, look at it, refuse what cannot be trusted, bring an older one up to date.

    URL ─▶ examine the file ─▶ whole? ─▶ which version? ─▶ whose? ─▶ does a witness know more? ─▶ SqlLedger

Created is only what was never there: a ledger of which any trace is left is never begun afresh.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import URL, create_engine, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from digest.distribution import installing
from digest.errors import ConfigError, Fault, LedgerError, NoLedger
from digest.files import make_folder, sync_folder
from digest.ledger import locks, sidecar
from digest.ledger.editions import mailings
from digest.ledger.ledger import SqlLedger
from digest.ledger.schema import (
    APPLICATION_ID,
    MIGRATIONS,
    POSTGRES_MIGRATIONS,
    POSTGRES_SCHEMA,
    VERSION,
    meta,
    metadata,
)
from digest.ledger.sqlite import SqliteDatabase, check_whole, examine
from digest.ledger.suppressions import share
from digest.text.urls import NO_LEDGER_URL, database_url, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from digest.ledger.database import Database

_OLDEST_SQLITE = (3, 35)  # RETURNING, UPDATE FROM, MATERIALIZED


def open_ledger(
    url: str,
    *,
    newsroom: str,
    root: Path | None = None,
    witnesses: Path | None = None,
    create: bool = True,
    schema: str = POSTGRES_SCHEMA,
    faulty: Callable[[str], Fault] | None = None,
    identity: str = "",
    formerly: Mapping[str, Sequence[str]] | None = None,
) -> SqlLedger:
    """Open the ledger at `url`, and create it when there never was one.

    `newsroom` is whose it is by name, and `identity` by its random id (newsroom.id), empty where it has none yet: then
    the ledger's, which `SqlLedger.identity` tells, is to be taken over. `formerly` has the earlier names of audiences.
    `root` is the folder to which a relative SQLite path belongs. The second record is kept in `witnesses`; when not
    given, for SQLite in `sent/` beside the file, for PostgreSQL in `.digest/sent` below `root`, nowhere without it.
    With `create=False` a ledger that is not there is a LedgerError. Raises LedgerError, saying what is wrong and how to
    mend it; ConfigError for a URL that is none, which `faulty` says where it stands.
    """
    owner = _Owner(name=newsroom, identity=identity, formerly=formerly or {})
    target = _target(url, faulty or (lambda message: Fault(file="config.yaml", key="send.ledger", message=message)))
    if target.get_backend_name() == "postgresql":
        if witnesses is None and root is not None:
            witnesses = root / ".digest" / "sent"
        return _open_postgres(target, owner, witnesses, create=create, schema=schema)
    path = (root or Path()) / str(target.database)
    return _open_sqlite(path, owner, witnesses or path.parent / "sent", create=create)


class _Owner(Struct, frozen=True, kw_only=True):
    """Whose ledger is expected."""

    name: str
    identity: str
    formerly: Mapping[str, Sequence[str]]


def _target(url: str, faulty: Callable[[str], Fault]) -> URL:
    try:
        target = make_url(database_url(url))
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        target = None
    known = target is not None and target.get_backend_name() in ("sqlite", "postgresql")
    # What stands between two slashes and the third is no part of a file's path: the ledger would be another one.
    known = known and target is not None and not (target.get_backend_name() == "sqlite" and target.host)
    known = known and target is not None and (target.port is None or 0 < target.port < 65536)  # noqa: PLR2004 - RFC 793
    if target is None or not known or not target.database or target.database == ":memory:":
        shown = target.render_as_string(hide_password=True) if target is not None else url.rpartition("@")[2]
        shown = without_secrets(shown)
        raise ConfigError([faulty(f"{shown!r} {NO_LEDGER_URL}")])
    return target


def _open_sqlite(path: Path, owner: _Owner, witnesses: Path, *, create: bool) -> SqlLedger:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        message = f"this Python brings SQLite {sqlite3.sqlite_version}; the ledger needs 3.35 or newer"
        raise LedgerError(message)
    if not examine(path):
        sidecar.missing(str(path), witnesses)
        if not create:
            raise NoLedger(str(path))
        _create_sqlite(path, owner)
    database = SqliteDatabase(path)
    try:
        with database.reading() as transaction:
            check_whole(transaction, path)
        return _checked(database, owner, witnesses)
    except BaseException:
        database.close()
        raise


def _create_sqlite(path: Path, owner: _Owner) -> None:
    """Make the file under another name, whole, and then give it its own: a crash leaves no half a ledger."""
    try:
        make_folder(path.parent)
        with locks.file_lock(Path(f"{path}-locks") / "create.lock", f"process {os.getpid()}", str(path), wait=True):
            if path.exists():
                return  # another process was faster
            for left in path.parent.glob(f"{path.name}.new*"):
                left.unlink()  # of one that died on the way
            new = Path(f"{path}.new")
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            # The log comes last: what is in a log when it is closed on a full disk stays there, and nobody is told.
            engine = create_engine(URL.create("sqlite", database=str(new)), poolclass=NullPool)
            with engine.begin() as connection:
                _create_tables(connection, owner)
            with closing(sqlite3.connect(new, isolation_level=None)) as file:
                file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                file.execute(f"PRAGMA user_version = {VERSION}")
                file.execute("PRAGMA journal_mode = WAL")
            new.rename(path)
            sync_folder(path.parent)
    except (OSError, sqlite3.Error, DBAPIError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        message = (
            f"{path}: cannot be created: {(getattr(reason, 'strerror', '') or str(reason)).lower()}; "
            f"check the folder and the disk, nothing was sent"
        )
        raise LedgerError(message) from None


def _create_tables(connection: Connection, owner: _Owner) -> None:
    metadata.create_all(connection)
    said = {
        "newsroom": owner.name,
        "identity": owner.identity or secrets.token_hex(16),
        "ledger": secrets.token_hex(8),
        "version": str(VERSION),
        "generation": "0",
    }
    connection.execute(insert(meta), [{"key": key, "value": value} for key, value in said.items()])


def _open_postgres(url: URL, owner: _Owner, witnesses: Path | None, *, create: bool, schema: str) -> SqlLedger:
    try:
        from digest.ledger.postgres import PostgresDatabase
    except ImportError:
        shown = without_secrets(url.render_as_string(hide_password=True))
        message = f"{shown}: needs psycopg; {installing('fleet')}"
        raise LedgerError(message) from None
    database = PostgresDatabase(url, schema=schema)
    try:
        with database.writing() as transaction:
            core = transaction.core
            # Two machines may open an empty database at once: the second waits, and then finds the tables.
            core.execute(
                text("SELECT pg_advisory_xact_lock(hashtext('digest ledger ' || :schema))"), {"schema": schema}
            )
            if core.scalar(text("SELECT to_regclass(:table)"), {"table": f"{schema}.meta"}) is None:
                if witnesses is not None:
                    sidecar.missing(database.name, witnesses)
                if not create:
                    raise NoLedger(database.name)  # noqa: TRY301 - what is raised here closes the database
                if core.scalar(text("SELECT to_regnamespace(:schema)"), {"schema": schema}) is None:
                    core.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
                _create_tables(core, owner)
        return _checked(database, owner, witnesses)
    except BaseException:
        database.close()
        raise


def _checked(database: Database, owner: _Owner, witnesses: Path | None) -> SqlLedger:
    """Ask what is the same for both databases: which version, whose, and whether it is the newest copy."""
    # Read first: what another process does meanwhile is in the ledger before a witness tells of it.
    told = sidecar.read_all(witnesses) if witnesses else ()
    with database.reading() as transaction:
        said = dict(transaction.core.execute(select(meta.c.key, meta.c.value)).all())
    version = int(said.get("version", "0"))
    if version > VERSION:
        message = (
            f"{database.name}: was written by a newer digest (ledger version {version}, this program knows {VERSION}); "
            f"update this one: {installing()}"
        )
        raise LedgerError(message)
    if version < VERSION:
        steps = MIGRATIONS if isinstance(database, SqliteDatabase) else POSTGRES_MIGRATIONS
        migrate(database, version, VERSION, steps)
    identity = _identified(database, said, owner)
    if told:
        with database.reading() as transaction:
            names = frozenset(mailing.edition for mailing in mailings(transaction))
        sidecar.compare(database.name, told, said=said, editions=names)
    if owner.formerly:
        share(database, owner.formerly)
    return SqlLedger(
        database, ledger_id=said["ledger"], identity=identity, witnesses=witnesses, formerly=owner.formerly
    )


def _identified(database: Database, said: Mapping[str, str], owner: _Owner) -> str:
    """The newsroom's id that the ledger keeps; one from before there were ids is given one. Raises LedgerError.

    A name may be corrected; the id stays. Without an id on either side the name must be the same.
    """
    name, kept = said.get("newsroom", ""), said.get("identity", "")
    if kept and owner.identity and kept != owner.identity:
        message = (
            f"{database.name}: is the ledger of {name!r} (its id begins with {kept[:8]}), not of {owner.name!r} "
            f"({owner.identity[:8]}), whatever they are called: two newsrooms cannot share one. Give this one a ledger "
            "of its own in send.ledger; if newsroom.id was lost or copied, put back the one with that id"
        )
        raise LedgerError(message)
    if name != owner.name and not (kept and owner.identity):
        rename = f"UPDATE meta SET value = '{owner.name}' WHERE key = 'newsroom'"  # noqa: S608 - to be read, not run
        message = (
            f"{database.name}: is the ledger of {name!r}, not of {owner.name!r}; send.ledger must name this newsroom's "
            f"own. If the newsroom was renamed, put its newsroom.id back, or tell the ledger: `{rename}`"
        )
        raise LedgerError(message)
    identity = kept or owner.identity or secrets.token_hex(16)
    if name != owner.name or not kept:
        with database.writing() as transaction:
            transaction.core.execute(update(meta).where(meta.c.key == "newsroom").values(value=owner.name))
            if not kept:
                transaction.core.execute(insert(meta).values(key="identity", value=identity))
    return identity


def migrate(database: Database, version: int, target: int, steps: Mapping[int, Sequence[str]]) -> None:
    """Bring a ledger from `version` to `target`, all or nothing; a SQLite file is copied first.

    `steps` has, for each version, the statements that lead to the next. Raises LedgerError when there is no way.
    """
    lacking = [each for each in range(version, target) if each not in steps]
    if lacking:
        message = f"{database.name}: has ledger version {version}, for which this program knows no way to {target}"
        raise LedgerError(message)
    if isinstance(database, SqliteDatabase):
        _back_up(database.path, version)
    with database.writing() as transaction:
        for each in range(version, target):
            for statement in steps[each]:
                transaction.core.exec_driver_sql(statement)
        transaction.core.execute(update(meta).where(meta.c.key == "version").values(value=str(target)))
        if isinstance(database, SqliteDatabase):
            transaction.core.exec_driver_sql(f"PRAGMA user_version = {target}")


def _back_up(path: Path, version: int) -> None:
    copy = Path(f"{path}.version-{version}-{time.strftime('%Y%m%d%H%M%S')}")
    try:
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as destination:
            source.backup(destination)
        sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        message = f"{path}: could not be copied to {copy} before its migration ({error}); nothing was changed"
        raise LedgerError(message) from None
