"""What `status` shows: counts, domains, refusals, a timeline, the deliveries themselves. Nothing here changes a row.

Long answers are read a page at a time, each page in a short transaction, so that nobody's log grows while a report is
being written.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, cast, func, select

from digest.delivery import State
from digest.ledger.rows import SELECTED, delivery_of
from digest.ledger.schema import deliveries
from digest.ledger.transitions import reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from digest.delivery import Delivery
    from digest.ledger.database import Database, Transaction
    from digest.ledger.editions import EditionRow

_PAGE = 2_000


def counts(transaction: Transaction, edition: EditionRow) -> dict[State, int]:
    """`Ledger.counts`, in the order of the states."""
    asked = select(deliveries.c.state, func.count()).where(edition.rows).group_by(deliveries.c.state)
    found: dict[str, int] = dict(transaction.core.execute(asked).all())
    return {state: found[state] for state in State if state in found}


def domains(database: Database, edition: EditionRow) -> dict[str, dict[State, int]]:
    """`Ledger.domains`."""
    domain = database.domain_of(deliveries.c.recipient).label("domain")
    asked = select(domain, deliveries.c.state, func.count()).where(edition.rows).group_by(domain, deliveries.c.state)
    found: dict[str, dict[State, int]] = {}
    with database.reading() as transaction:
        for name, state, count in transaction.core.execute(asked):
            found.setdefault(name, {})[State(state)] = count
    return dict(sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def refusals(database: Database, edition: EditionRow) -> dict[tuple[int, str], int]:
    """`Ledger.refusals`."""
    found = Counter(
        (delivery.code, reason(delivery.detail, delivery.address))
        for delivery in listed(database, edition, (State.REFUSED,))
    )
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def timeline(transaction: Transaction, edition: EditionRow, step: float) -> Sequence[tuple[float, State, int]]:
    """`Ledger.timeline`."""
    quotient = deliveries.c.changed / step
    # A cast cuts off in SQLite, which has no floor() everywhere, and rounds in PostgreSQL.
    on_sqlite = transaction.core.dialect.name == "sqlite"
    span = cast(quotient if on_sqlite else func.floor(quotient), BigInteger).label("span")
    asked = (
        select(span, deliveries.c.state, func.count())
        .where(edition.rows)
        .group_by(span, deliveries.c.state)
        .order_by(span, deliveries.c.state)
    )
    return [(number * step, State(state), count) for number, state, count in transaction.core.execute(asked)]


def listed(database: Database, edition: EditionRow, states: Iterable[State]) -> Iterator[Delivery]:
    """`Ledger.deliveries`."""
    wanted = tuple(states)
    last = 0
    while True:
        page = select(*SELECTED).where(edition.rows, deliveries.c.id > last).order_by(deliveries.c.id).limit(_PAGE)
        if wanted:
            page = page.where(deliveries.c.state.in_(wanted))
        with database.reading() as transaction:
            rows = transaction.core.execute(page).all()
        for row in rows:
            yield delivery_of(edition.name, row)
        if len(rows) < _PAGE:
            return
        last = rows[-1][0]
