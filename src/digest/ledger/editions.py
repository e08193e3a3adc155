"""Editions in the ledger: frozen once with their readers, paused, resumed, cancelled, listed.

`freeze` streams: a million readers take no more memory than a thousand, and one transaction holds them all. Nothing
here decides whether an edition should be sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from digest.delivery import Mailing, Standing, State
from digest.errors import LedgerError
from digest.ledger import statements
from digest.ledger.moves import audience_of
from digest.ledger.schema import deliveries, editions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement

    from digest.ledger.database import Database, Transaction
    from digest.model import Recipient

_BATCH = 5_000  # rows in memory at once


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionRow:
    """What never changes about a frozen edition."""

    id: int
    name: str
    audience: str
    content: str
    frozen: float
    duplicates: int
    first: int
    last: int

    @property
    def rows(self) -> ColumnElement[bool]:
        """Its deliveries, by their ids: read in their order, not through an index."""
        return deliveries.c.id.between(self.first, self.last) & (deliveries.c.edition + 0 == self.id)


_ROW = (
    editions.c.id,
    editions.c.name,
    editions.c.audience,
    editions.c.content,
    editions.c.frozen,
    editions.c.duplicates,
    editions.c.first,
    editions.c.last,
)


def find(transaction: Transaction, name: str) -> EditionRow | None:
    """The edition of this name."""
    row = transaction.core.execute(select(*_ROW).where(editions.c.name == name)).mappings().first()
    return EditionRow(**row) if row else None


def freeze(
    database: Database,
    name: str,
    content: str,
    recipients: Iterable[Recipient],
    now: float,
    message_id: Callable[[str], str] | None,
) -> dict[str, int]:
    """`Ledger.freeze`. Raises LedgerError for an edition that was frozen with another content."""
    with database.writing() as transaction:
        newest = transaction.run(statements.NEWEST_SUPPRESSION)[0][0]
        values = {
            "name": name,
            "audience": audience_of(name),
            "content": content,
            "standing": Standing.OPEN,
            "frozen": now,
            "duplicates": 0,
            "swept": newest,
            "first": 0,
            "last": 0,
        }
        dialect = sqlite if transaction.core.dialect.name == "sqlite" else postgresql
        if dialect is postgresql:  # a slow list may keep it waiting; it holds nobody else's rows
            transaction.run("SET LOCAL idle_in_transaction_session_timeout = 0")
        added = transaction.core.execute(
            dialect.insert(editions).values(values).on_conflict_do_nothing().returning(editions.c.id)
        ).scalar()
        if added is None:
            return _again(transaction, name, content)
        seen = planned = 0
        for batch in _batches(_rows(added, recipients, now, message_id)):
            seen += len(batch)
            planned += transaction.insert(batch)
        if not planned:
            transaction.core.execute(editions.delete().where(editions.c.id == added))
            return {"planned": 0, "suppressed": 0, "duplicates": 0}
        first, last = transaction.core.execute(
            select(func.min(deliveries.c.id), func.max(deliveries.c.id)).where(deliveries.c.edition == added)
        ).one()
        transaction.core.execute(
            update(editions).where(editions.c.id == added).values(first=first, last=last, duplicates=seen - planned)
        )
        if dialect is postgresql:  # without it the first claims sort the whole edition
            transaction.core.exec_driver_sql("ANALYZE deliveries")
        transaction.run(statements.SWEEP, now=now, edition=added, audience=values["audience"], swept=0)
        return _counts(transaction, _must(find(transaction, name), name))


def _again(transaction: Transaction, name: str, content: str) -> dict[str, int]:
    """The same edition a second time: nothing new is taken in, and nothing else is sent under its name."""
    row = _must(find(transaction, name), name)
    if row.content != content:
        message = (
            f"{name} was frozen with another content ({row.content[:12]}, now {content[:12]}), and readers may have it "
            "already: undo the change to its stories or theme, or call the rest off with `digest cancel`"
        )
        raise LedgerError(message)
    return _counts(transaction, row)


def _counts(transaction: Transaction, row: EditionRow) -> dict[str, int]:
    suppressed = func.count().filter(deliveries.c.state == State.SUPPRESSED)
    total, left = transaction.core.execute(select(func.count(), suppressed).where(row.rows)).one()
    return {"planned": total - left, "suppressed": left, "duplicates": row.duplicates}


def _rows(
    edition: int, recipients: Iterable[Recipient], now: float, message_id: Callable[[str], str] | None
) -> Iterator[tuple[object, ...]]:
    """What to insert, in the order of `statements.FREEZE`."""
    for recipient in recipients:
        address = recipient.address
        folded = address.casefold()
        fields = json.dumps(dict(recipient.fields), ensure_ascii=False, sort_keys=True) if recipient.fields else "{}"
        yield (
            edition,
            folded,
            None if folded == address else address,
            recipient.name,
            recipient.language,
            fields,
            message_id(address) if message_id else "",
            now,
        )


def _batches(rows: Iterator[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _must(row: EditionRow | None, name: str) -> EditionRow:
    if row is None:
        message = f"{name} is not in the ledger; `digest send` puts it there"
        raise LedgerError(message)
    return row


def must_find(transaction: Transaction, name: str) -> EditionRow:
    """The edition of this name. Raises LedgerError when there is none."""
    return _must(find(transaction, name), name)


def stand(transaction: Transaction, name: str, standing: Standing) -> EditionRow:
    """Pause, resume or cancel. Raises LedgerError for what is not known, and for what was cancelled already."""
    row = must_find(transaction, name)
    changed = transaction.core.execute(
        update(editions)
        .where(editions.c.id == row.id, editions.c.standing != Standing.CANCELLED)
        .values(standing=standing)
        .returning(editions.c.id)
    ).all()
    if not changed and standing is not Standing.CANCELLED:
        message = f"{name} was cancelled, which is final; `digest status` shows who had been mailed by then"
        raise LedgerError(message)
    return row


def mailings(transaction: Transaction, name: str = "") -> Sequence[Mailing]:
    """Every edition in the order of the freeze, or the one of this name."""
    chosen = select(
        editions.c.name, editions.c.content, editions.c.standing, editions.c.frozen, editions.c.duplicates
    ).order_by(editions.c.id)
    if name:
        chosen = chosen.where(editions.c.name == name)
    return [
        Mailing(
            edition=row.name,
            content=row.content,
            standing=Standing(row.standing),
            frozen=row.frozen,
            duplicates=row.duplicates,
        )
        for row in transaction.core.execute(chosen)
    ]
