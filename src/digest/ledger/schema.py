"""The ledger's tables, the same on SQLite and PostgreSQL, and the steps from an older version to this one.

An edition is a row; a reader in an edition is a row; both are UNIQUE, so nothing can be planned twice. A reader's place
in an edition has a table of its own, beside the deliveries: those are written in the order of the list, and places in
the order of the addresses, so that neither meets its pages at random, however the list is sorted. Whether an edition is
finished is not stored: it is computed from its deliveries. This module runs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION = 2
APPLICATION_ID = 0x44494745  # "DIGE": what `file` and we read in the header of a SQLite ledger
POSTGRES_SCHEMA = "digest"  # our tables live there, beside whatever else the database holds

# From each older version, the statements that lead to the next. They run in one transaction, after a copy was made.
# Version 1 kept a reader's place as an index of the deliveries; SQLite takes that away only with the table.
_PLACES = "CREATE TABLE places (edition {id}, recipient TEXT NOT NULL, id {id}, PRIMARY KEY (edition, recipient)){bare}"
_FILL = "INSERT INTO places SELECT edition, recipient, id FROM deliveries ORDER BY edition, recipient"
_DELIVERIES_2 = (
    "CREATE TABLE deliveries_2 (id INTEGER NOT NULL, edition INTEGER NOT NULL, recipient TEXT NOT NULL, address TEXT, "
    "name TEXT NOT NULL, language TEXT NOT NULL, fields TEXT NOT NULL, message_id TEXT NOT NULL, state TEXT NOT NULL, "
    "attempts INTEGER DEFAULT 0 NOT NULL, code INTEGER DEFAULT 0 NOT NULL, detail TEXT DEFAULT '' NOT NULL, "
    "next_try FLOAT DEFAULT 0 NOT NULL, changed FLOAT DEFAULT 0 NOT NULL, owner TEXT DEFAULT '' NOT NULL, "
    "lease FLOAT DEFAULT 0 NOT NULL, PRIMARY KEY (id), FOREIGN KEY(edition) REFERENCES editions (id))"
)
_WAITING_2 = (
    "CREATE INDEX deliveries_waiting ON deliveries (edition, next_try, id) WHERE state IN ('planned', 'deferred')"
)
MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (
        _PLACES.format(id="INTEGER NOT NULL", bare=" WITHOUT ROWID"),
        _FILL,
        _DELIVERIES_2,
        "INSERT INTO deliveries_2 SELECT * FROM deliveries ORDER BY id",
        "DROP TABLE deliveries",
        "ALTER TABLE deliveries_2 RENAME TO deliveries",
        _WAITING_2,
    ),
}
POSTGRES_MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (
        _PLACES.format(id="BIGINT NOT NULL", bare=""),
        _FILL,
        "ALTER TABLE deliveries DROP CONSTRAINT deliveries_edition_recipient_key",
    ),
}

_ID = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's row number

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),  # newsroom, ledger (a random name), version, generation
    Column("value", Text, nullable=False),
)

editions = Table(
    "editions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # 2022-02/everyone/en
    Column("audience", Text, nullable=False),
    Column("content", Text, nullable=False),  # the rendering's fingerprint
    Column("standing", Text, nullable=False),
    Column("frozen", Float(53), nullable=False),
    Column("duplicates", Integer, nullable=False),
    Column("swept", BigInteger, nullable=False),  # suppressions up to this one are marked in the deliveries
    # Its deliveries lie between these ids, so that a scan reads them in their order and no others.
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    sqlite_strict=False,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("edition", _ID, ForeignKey("editions.id"), nullable=False),
    Column("recipient", Text, nullable=False),  # the canonical address, casefolded: one reader, however it is spelled
    Column("address", Text),  # as it is mailed, where that differs
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("code", Integer, nullable=False, server_default=text("0")),
    Column("detail", Text, nullable=False, server_default=text("''")),
    Column("next_try", Float(53), nullable=False, server_default=text("0")),
    Column("changed", Float(53), nullable=False, server_default=text("0")),
    Column("owner", Text, nullable=False, server_default=text("''")),
    Column("lease", Float(53), nullable=False, server_default=text("0")),
)

# One place for a reader in an edition, and which delivery has it. Only a freeze writes here.
places = Table(
    "places",
    metadata,
    Column("edition", _ID, nullable=False, autoincrement=False),
    Column("recipient", Text, nullable=False),
    Column("id", _ID, nullable=False),
    PrimaryKeyConstraint("edition", "recipient"),
    sqlite_with_rowid=False,
)

# What a claim looks for, and nothing else: it shrinks as the edition goes out.
_WAITING = text("state IN ('planned', 'deferred')")
Index(
    "deliveries_waiting",
    deliveries.c.edition,
    deliveries.c.next_try,
    deliveries.c.id,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("seq", _ID, primary_key=True),  # never used again, so that "newer than" can be asked
    Column("address", Text, nullable=False),  # casefolded
    Column("scope", Text, nullable=False),  # an audience, or * for every one
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("since", Float(53), nullable=False),
    UniqueConstraint("address", "scope"),
    sqlite_autoincrement=True,
)
