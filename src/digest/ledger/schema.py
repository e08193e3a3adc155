"""The ledger's tables, the same on SQLite and PostgreSQL, and the steps from an older version to this one.

A round is a period and an audience: `2022-02/everyone`; its editions are its languages. A reader has one place in a
round, whatever the language: rounds, editions and places are UNIQUE, so nothing can be planned twice. Places have a
table of their own, beside the deliveries: those are written in the order of the list, and places in the order of the
addresses, so that neither meets its pages at random, however the list is sorted. Whether an edition is finished is not
stored: it is computed from its deliveries. This module runs nothing.
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

VERSION = 3
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
# Version 2 knew no rounds: each language had its places. One reader keeps one place in a round: that of the mail which
# went, else of one that waits, else of the first; another that still waits is called off with these words.
TWICE = "in another language too"
_ROUND_OF = {
    "sqlite": "CASE instr(name, '/') WHEN 0 THEN name ELSE rtrim(rtrim(name, replace(name, '/', '')), '/') END",
    "postgresql": "regexp_replace(name, '/[^/]*$', '')",
}
_RANKED = (
    "SELECT e.round, p.recipient, p.id, row_number() OVER (PARTITION BY e.round, p.recipient ORDER BY "
    "CASE WHEN d.state IN ('sent', 'in_doubt', 'sending') THEN 0 "
    "WHEN d.state IN ('planned', 'deferred', 'claimed') THEN 1 ELSE 2 END, p.edition) AS rank "
    "FROM places p JOIN editions e ON e.id = p.edition JOIN deliveries d ON d.id = p.id"
)


def _rounds(dialect: str, number: str, serial: str, bare: str) -> Sequence[str]:
    """From version 2 to 3, but for the suppressions."""
    real = "FLOAT" if dialect == "sqlite" else "FLOAT(53)"
    round_of = _ROUND_OF[dialect].replace("name", "editions.name")
    return (
        (
            f"CREATE TABLE rounds (id {serial}, name TEXT NOT NULL, audience TEXT NOT NULL, complete INTEGER NOT NULL, "
            f"readers {number} NOT NULL, frozen {real} NOT NULL, PRIMARY KEY (id), UNIQUE (name))"
        ),
        (
            f"INSERT INTO rounds (name, audience, complete, readers, frozen) SELECT {round_of} AS name_, "  # noqa: S608
            "max(audience), 0, 0, min(frozen) FROM editions GROUP BY name_ ORDER BY min(id)"
        ),
        f"ALTER TABLE editions ADD COLUMN round {number} DEFAULT 0 NOT NULL",
        f"UPDATE editions SET round = (SELECT rounds.id FROM rounds WHERE rounds.name = {round_of})",  # noqa: S608
        (
            f"CREATE TABLE places_3 (round {number} NOT NULL, recipient TEXT NOT NULL, id {number} NOT NULL, "
            f"PRIMARY KEY (round, recipient)){bare}"
        ),
        (
            f"INSERT INTO places_3 SELECT round, recipient, id FROM ({_RANKED}) AS ranked WHERE rank = 1 "  # noqa: S608
            "ORDER BY round, recipient"
        ),
        (
            f"UPDATE deliveries SET state = 'cancelled', next_try = 0, owner = '', lease = 0, detail = '{TWICE}' "  # noqa: S608
            f"WHERE state IN ('planned', 'deferred', 'claimed') AND id IN "
            f"(SELECT id FROM ({_RANKED}) AS ranked WHERE rank > 1)"
        ),
        "UPDATE rounds SET readers = (SELECT count(*) FROM places_3 WHERE places_3.round = rounds.id)",
        "DROP TABLE places",
        "ALTER TABLE places_3 RENAME TO places",
        (
            f"CREATE TABLE lifted (address TEXT NOT NULL, scope TEXT NOT NULL, reason TEXT NOT NULL, "
            f"since {real} NOT NULL, lifted {real} NOT NULL, because TEXT NOT NULL)"
        ),
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
    2: (
        *_rounds("sqlite", "INTEGER", "INTEGER NOT NULL", " WITHOUT ROWID"),
        (
            "CREATE TABLE suppressions_3 (seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, address TEXT NOT NULL, "
            "scope TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, since FLOAT NOT NULL, "
            "UNIQUE (address, scope, reason))"
        ),
        "INSERT INTO suppressions_3 SELECT seq, address, scope, reason, detail, since FROM suppressions ORDER BY seq",
        # A number that was given out once is never given out again: an edition may be swept up to it.
        "DELETE FROM sqlite_sequence WHERE name = 'suppressions_3'",
        "UPDATE sqlite_sequence SET name = 'suppressions_3' WHERE name = 'suppressions'",
        "DROP TABLE suppressions",
        "ALTER TABLE suppressions_3 RENAME TO suppressions",
    ),
}
POSTGRES_MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (
        _PLACES.format(id="BIGINT NOT NULL", bare=""),
        _FILL,
        "ALTER TABLE deliveries DROP CONSTRAINT deliveries_edition_recipient_key",
    ),
    2: (
        *_rounds("postgresql", "BIGINT", "BIGSERIAL NOT NULL", ""),
        "ALTER TABLE places RENAME CONSTRAINT places_3_pkey TO places_pkey",
        "ALTER TABLE suppressions DROP CONSTRAINT suppressions_address_scope_key",
        "ALTER TABLE suppressions ADD CONSTRAINT suppressions_address_scope_reason_key UNIQUE (address, scope, reason)",
    ),
}

_ID = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's row number

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    # newsroom (its name), identity (of the newsroom), ledger (a random name), version, generation, place
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

rounds = Table(
    "rounds",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # 2022-02/everyone
    Column("audience", Text, nullable=False),
    Column("complete", Integer, nullable=False),  # 1 when all its languages were frozen in one pass: nobody is added
    Column("readers", _ID, nullable=False),
    Column("frozen", Float(53), nullable=False),
)

editions = Table(
    "editions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # 2022-02/everyone/en
    Column("audience", Text, nullable=False),
    Column("content", Text, nullable=False),  # the rendering's fingerprint; empty while the edition waits for it
    Column("standing", Text, nullable=False),
    Column("frozen", Float(53), nullable=False),
    Column("duplicates", Integer, nullable=False),
    Column("swept", BigInteger, nullable=False),  # suppressions up to this one are marked in the deliveries
    # Its deliveries lie between these ids, so that a scan reads them in their order and no others.
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("round", _ID, nullable=False, server_default=text("0")),
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

# One place for a reader in a round, and which delivery has it. Only a freeze writes here.
places = Table(
    "places",
    metadata,
    Column("round", _ID, nullable=False, autoincrement=False),
    Column("recipient", Text, nullable=False),
    Column("id", _ID, nullable=False),
    PrimaryKeyConstraint("round", "recipient"),
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
    Column("reason", Text, nullable=False),  # reasons stand side by side, each lifted by its own rule
    Column("detail", Text, nullable=False),
    Column("since", Float(53), nullable=False),
    UniqueConstraint("address", "scope", "reason"),
    sqlite_autoincrement=True,
)

# Suppressions that a person lifted, with why: append only.
lifted = Table(
    "lifted",
    metadata,
    Column("address", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Float(53), nullable=False),  # of the suppression
    Column("lifted", Float(53), nullable=False),
    Column("because", Text, nullable=False),
)
