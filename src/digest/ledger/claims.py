"""Taking deliveries under a lease, and what becomes of those whose sender died. It never decides about one reader.

A claim is a promise to nobody: until an intent is recorded, nothing was said to a server, so whatever is found claimed
goes back to the plan. What is found sending may have been accepted: it is held, and never sent again by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Text, case, cast, exists, func, literal, select, update

from digest.delivery import Event, MailingStatus, State
from digest.ledger import backoff, statements
from digest.ledger.rows import delivery_of
from digest.ledger.schema import deliveries, editions
from digest.ledger.suppressing import sweep
from digest.ledger.transitions import AT_WORK, TARGET, WAITING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.delivery import Delivery
    from digest.ledger.database import Transaction
    from digest.ledger.editions import EditionRow

FOUND_SENDING = "its sender stopped between the intent and the answer: it may have been accepted"


def claim(
    transaction: Transaction, edition: EditionRow, owner: str, limit: int, now: float, only: str, *, lease: float
) -> Sequence[Delivery]:
    """`Ledger.claim`."""
    sweep(transaction, now)
    rows = transaction.run(
        statements.CLAIM_ONE if only else statements.CLAIM,
        edition=edition.id,
        now=now,
        never=now + backoff.LONGEST,
        limit=limit,
        owner=owner,
        lease=now + lease,
        **({"only": only.casefold()} if only else {}),
    )
    taken = [delivery_of(edition.name, row) for row in rows]
    taken.sort(key=lambda delivery: (delivery.next_try, delivery.id))  # RETURNING keeps no order
    return taken


def renew(transaction: Transaction, edition: EditionRow, owner: str, now: float) -> int:
    """`Ledger.renew`."""
    held = update(deliveries).where(edition.rows, deliveries.c.owner == owner, deliveries.c.state.in_(AT_WORK))
    return transaction.core.execute(held.values(lease=now + backoff.LEASE)).rowcount


def recover(transaction: Transaction, edition: EditionRow, now: float, *, expired: bool) -> dict[State, int]:
    """`Ledger.recover`."""
    ours = edition.rows
    if expired:
        ours &= deliveries.c.lease < now
    free = {"owner": "", "lease": 0, "changed": now}
    doubted = transaction.core.execute(
        update(deliveries)
        .where(ours, deliveries.c.state == State.SENDING)
        .values(state=TARGET[Event.DOUBT], attempts=deliveries.c.attempts + 1, detail=FOUND_SENDING, **free)
    ).rowcount
    released = transaction.core.execute(
        update(deliveries)
        .where(ours, deliveries.c.state == State.CLAIMED)
        .values(state=TARGET[Event.RELEASE], next_try=0, **free)
    ).rowcount
    cancelled = select(editions.c.id).where(editions.c.id == edition.id, editions.c.standing == MailingStatus.CANCELLED)
    transaction.core.execute(
        update(deliveries)
        .where(edition.rows, deliveries.c.state.in_(WAITING), exists(cancelled))
        .values(state=TARGET[Event.CANCEL], next_try=0, changed=now)
    )
    if not expired:
        # A new run: what was put off because of us, and not because of the reader, need not wait.
        transaction.core.execute(
            update(deliveries)
            .where(edition.rows, deliveries.c.state == State.DEFERRED, deliveries.c.code >= backoff.FAILED)
            .values(next_try=0)
        )
    return {state: count for state, count in ((State.PLANNED, released), (State.IN_DOUBT, doubted)) if count}


def expire(transaction: Transaction, edition: EditionRow, now: float, *, age: float, attempts: int) -> int:
    """`Ledger.expire`. Both are asked for, so that a clock that is set forward gives nobody up."""
    if edition.frozen + age > now:
        return 0
    tries = cast(deliveries.c.attempts, Text)
    words = literal("given up after ") + tries + literal(" tries; the last answer: ") + deliveries.c.detail
    given_up = update(deliveries).where(
        deliveries.c.edition == edition.id,
        deliveries.c.state == State.DEFERRED,
        deliveries.c.state.in_(WAITING),  # what the index of waiting deliveries asks for
        deliveries.c.attempts >= attempts,
    )
    return transaction.core.execute(given_up.values(state=TARGET[Event.REFUSE], detail=words, changed=now)).rowcount


def next_try(transaction: Transaction, edition: EditionRow, now: float) -> float | None:
    """`Ledger.next_try`."""
    too_late = deliveries.c.next_try > now + backoff.LONGEST
    due = case((deliveries.c.state == State.PLANNED, now), (too_late, now), else_=deliveries.c.next_try)
    first = transaction.core.scalar(
        select(func.min(due)).where(deliveries.c.edition == edition.id, deliveries.c.state.in_(WAITING))
    )
    return None if first is None else max(now, float(first))
