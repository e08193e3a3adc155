"""Applying events to deliveries, a batch in one transaction: what fits is done, what does not is named.

    events ─▶ rounds (each delivery's own order kept) ─▶ one statement per kind of event ─▶ the ids that did not fit

The statement itself asks for the state and the owner, so two senders cannot both have their way with one delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.delivery import Event
from digest.ledger import backoff, statements
from digest.ledger.database import as_json
from digest.ledger.moves import TARGET, WAITING, words
from digest.ledger.suppressing import sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from digest.delivery import Outcome
    from digest.ledger.database import Transaction

    Round = dict[Event, dict[int, Outcome | None]]


def record(
    transaction: Transaction, events: Iterable[tuple[int, Event, Outcome | None]], now: float, owner: str
) -> frozenset[int]:
    """`Ledger.record`."""
    unfit: set[int] = set()
    for group in _rounds(events):
        for event, told in group.items():
            if event is Event.INTEND:
                unfit |= _intend(transaction, list(told), now, owner)
            else:
                unfit |= _apply(transaction, event, told, now, owner)
    return frozenset(unfit)


def _rounds(events: Iterable[tuple[int, Event, Outcome | None]]) -> list[Round]:
    """The events in as few groups as possible; an id's second event is in the second round."""
    rounds: list[Round] = []
    seen: dict[int, int] = {}
    for delivery, event, outcome in events:
        if event is Event.CLAIM:
            message = "a claim is made with claim(), which gives the lease"
            raise ValueError(message)
        number = seen.get(delivery, 0)
        seen[delivery] = number + 1
        if number == len(rounds):
            rounds.append({})
        rounds[number].setdefault(event, {})[delivery] = outcome
    return rounds


def _intend(transaction: Transaction, ids: Sequence[int], now: float, owner: str) -> set[int]:
    sweep(transaction, now)
    asked = as_json(ids)
    done = {row[0] for row in transaction.run(statements.INTEND, ids=asked, now=now, owner=owner)}
    late = set(ids) - done
    if late:
        transaction.run(statements.GIVE_BACK, ids=as_json(sorted(late)), now=now, owner=owner)
    return late


def _apply(transaction: Transaction, event: Event, told: dict[int, Outcome | None], now: float, owner: str) -> set[int]:
    due = _due(transaction, told, now) if event is Event.DEFER else {}
    rows = [
        (delivery, outcome.code, words(outcome.detail), due.get(delivery, 0.0))
        if outcome
        else (delivery, 0, "", due.get(delivery, 0.0))
        for delivery, outcome in told.items()
    ]
    done = transaction.run(statements.APPLY[event], rows=as_json(rows), now=now, owner=owner)
    if TARGET[event] in WAITING:
        transaction.run(statements.CALL_OFF, ids=as_json(told))
        transaction.run(statements.LEFT_MEANWHILE, ids=as_json(told))
    return set() if len(done) == len(told) else set(told) - {row[0] for row in done}


def _due(transaction: Transaction, told: dict[int, Outcome | None], now: float) -> dict[int, float]:
    """When each of the deferred is tried again, by how often it was tried."""
    return {
        delivery: now + backoff.delay(told[delivery], delivery=delivery, attempts=attempts + 1)
        for delivery, attempts in transaction.run(statements.ATTEMPTS, ids=as_json(sorted(told)))
    }
