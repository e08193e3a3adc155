"""Find deliveries across the editions: those with certain Message-IDs, and the last ones of a reader.

What a bounce, a complaint or a relay's log is about is asked here. The newest edition is read first, because a report
is rarely older than a week; each is read in a transaction of its own, so that nobody's log grows meanwhile. Nothing
here changes a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from digest.ledger import editions
from digest.ledger.rows import SELECTED, delivery_of
from digest.ledger.schema import deliveries, places
from digest.ledger.schema import editions as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from digest.delivery import Delivery, State
    from digest.ledger.database import Database, Transaction

_ASKED = 500  # Message-IDs in one statement
_PLACES = 50  # editions in one statement


def by_message_id(database: Database, message_ids: Iterable[str]) -> Sequence[Delivery]:
    """`Ledger.find`. One pass over an edition's rows for every 500 Message-IDs, until all are found."""
    missing = {each for each in message_ids if each}
    found: list[Delivery] = []
    with database.reading() as transaction:
        names = transaction.core.scalars(select(table.c.name).order_by(table.c.id.desc())).all()
    for name in names:
        if not missing:
            break
        with database.reading() as transaction:
            here = _in_edition(transaction, name, sorted(missing))
        missing.difference_update(each.message_id for each in here)
        found += here
    return found


def _in_edition(transaction: Transaction, name: str, wanted: Sequence[str]) -> list[Delivery]:
    row = editions.find(transaction, name)
    if row is None:
        return []
    asked = select(*SELECTED).where(row.rows).order_by(deliveries.c.id)
    return [
        delivery_of(name, each)
        for start in range(0, len(wanted), _ASKED)
        for each in transaction.core.execute(asked.where(deliveries.c.message_id.in_(wanted[start : start + _ASKED])))
    ]


def latest(database: Database, address: str, count: int, states: Iterable[State] = ()) -> Sequence[Delivery]:
    """`Ledger.latest`. A reader's place in each edition is looked up; no edition is read through."""
    asked = (
        select(places.c.edition, *SELECTED)
        .join(deliveries, deliveries.c.id == places.c.id)
        .where(places.c.recipient == address.casefold())
        .order_by(places.c.edition.desc())
    )
    if wanted := tuple(states):
        asked = asked.where(deliveries.c.state.in_(wanted))
    found: list[Delivery] = []
    with database.reading() as transaction:
        names = dict(transaction.core.execute(select(table.c.id, table.c.name).order_by(table.c.id.desc())).all())
        newest = list(names)
        for start in range(0, len(newest), _PLACES):
            if len(found) >= count:
                break
            # Named one by one, the editions lead each database through the places' key; joined, SQLite reads them all.
            some = asked.where(places.c.edition.in_(newest[start : start + _PLACES])).limit(count - len(found))
            found += [delivery_of(names[edition], row) for edition, *row in transaction.core.execute(some)]
    return found
