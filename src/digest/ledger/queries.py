"""Answers from the ledger: counts, domains, refusals, a timeline, deliveries by Message-ID and by reader.

Nothing here changes a row. Long answers are read a page at a time, each page in a short transaction, so that nobody's
log grows while a report is being written. Across editions, the newest is read first: a report that comes back is rarely
older than a week.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, cast, func, select

from digest.delivery import Delivery, State
from digest.ledger.editions import find
from digest.ledger.schema import deliveries, editions, places, rounds
from digest.ledger.statements import COLUMNS
from digest.ledger.transitions import reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from digest.ledger.database import Database, Transaction
    from digest.ledger.editions import EditionRow

_PAGE = 2_000  # rows
_ASKED = 500  # Message-IDs in one statement
_PLACES = 50  # rounds in one statement
_STATES = {str(state): state for state in State}
SELECTED = tuple(deliveries.c[name] for name in COLUMNS.split(", "))


def delivery_of(edition: str, row: Sequence[Any]) -> Delivery:
    """The delivery in a row of `COLUMNS`."""
    number, recipient, address, name, language, fields, message_id, state, attempts, code, detail, due, changed = row
    return Delivery(
        id=number,
        edition=edition,
        address=recipient if address is None else address,
        name=name,
        language=language,
        fields=fields,
        state=_STATES[state],
        attempts=attempts,
        message_id=message_id,
        code=code,
        detail=detail,
        next_try=due,
        changed=changed,
    )


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


def by_message_id(database: Database, message_ids: Iterable[str]) -> Sequence[Delivery]:
    """`Ledger.find`. One pass over an edition's rows for every 500 Message-IDs, until all are found."""
    missing = {each for each in message_ids if each}
    found: list[Delivery] = []
    with database.reading() as transaction:
        names = transaction.core.scalars(select(editions.c.name).order_by(editions.c.id.desc())).all()
    for name in names:
        if not missing:
            break
        with database.reading() as transaction:
            here = _in_edition(transaction, name, sorted(missing))
        missing.difference_update(each.message_id for each in here)
        found += here
    return found


def _in_edition(transaction: Transaction, name: str, wanted: Sequence[str]) -> list[Delivery]:
    row = find(transaction, name)
    if row is None:
        return []
    asked = select(*SELECTED).where(row.rows).order_by(deliveries.c.id)
    return [
        delivery_of(name, found)
        for start in range(0, len(wanted), _ASKED)
        for found in transaction.core.execute(asked.where(deliveries.c.message_id.in_(wanted[start : start + _ASKED])))
    ]


def latest(database: Database, address: str, count: int, states: Iterable[State] = ()) -> Sequence[Delivery]:
    """`SqlLedger.latest`. A reader's place in each round is looked up; no edition is read through."""
    asked = (
        select(editions.c.name, *SELECTED)
        .join(deliveries, deliveries.c.id == places.c.id)
        .join(editions, editions.c.id == deliveries.c.edition)
        .where(places.c.recipient == address.casefold())
        .order_by(deliveries.c.edition.desc())
    )
    if wanted := tuple(states):
        asked = asked.where(deliveries.c.state.in_(wanted))
    found: list[Delivery] = []
    with database.reading() as transaction:
        newest = transaction.core.scalars(select(rounds.c.id).order_by(rounds.c.id.desc())).all()
        for start in range(0, len(newest), _PLACES):
            if len(found) >= count:
                break
            # Named one by one, the rounds lead each database through the places' key; joined, SQLite reads them all.
            some = asked.where(places.c.round.in_(newest[start : start + _PLACES])).limit(count - len(found))
            found += [delivery_of(name, row) for name, *row in transaction.core.execute(some)]
    return found
