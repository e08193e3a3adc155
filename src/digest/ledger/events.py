"""Applying events to deliveries, a batch in one transaction: what fits is done, what does not is named.

    events ─▶ rounds (each delivery's own order kept) ─▶ a statement for each kind of event ─▶ the ids that did not fit

The statement itself asks for the state and the owner, so two senders cannot both have their way with one delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.delivery import Event
from digest.ledger import backoff, statements
from digest.ledger.database import as_json
from digest.ledger.suppressing import sweep
from digest.ledger.transitions import TARGET, WAITING, words

if TYPE_CHECKING:
    from collections.abc import Iterable

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
                unfit |= _intend(transaction, told, now, owner)
            else:
                unfit |= _apply(transaction, event, told, now, owner)
    return frozenset(unfit)


def _rounds(events: Iterable[tuple[int, Event, Outcome | None]]) -> list[Round]:
    """The events in as few groups as possible; an id's second event is in the second round."""
    rounds: list[Round] = [{}]
    seen: dict[int, int] = {}  # in which round an id's next event is
    for delivery, event, outcome in events:
        number = seen.get(delivery, 0)
        seen[delivery] = number + 1
        if number == len(rounds):
            rounds.append({})
        try:
            rounds[number][event][delivery] = outcome
        except KeyError:
            rounds[number][event] = {delivery: outcome}
    if any(Event.CLAIM in group for group in rounds):
        message = "a claim is made with claim(), which gives the lease"
        raise ValueError(message)
    return rounds


def _intend(transaction: Transaction, told: dict[int, Outcome | None], now: float, owner: str) -> set[int]:
    silent = dict.fromkeys(told, "")
    late = told.keys() - transaction.apply(statements.INTEND, silent, now=now, owner=owner)
    if late:  # perhaps only because somebody was suppressed meanwhile, and is not marked yet
        sweep(transaction, now)
        again = {delivery: "" for delivery in told if delivery in late}
        late -= transaction.apply(statements.INTEND, again, now=now, owner=owner)
    if late:
        transaction.run(statements.GIVE_BACK, ids=as_json(sorted(late)), now=now, owner=owner)
    return late


def _apply(transaction: Transaction, event: Event, told: dict[int, Outcome | None], now: float, owner: str) -> set[int]:
    done: set[int] = set()
    for code, said in _by_code(told).items():
        done |= transaction.apply(statements.APPLY[event], said, code=code, now=now, owner=owner)
    if TARGET[event] in WAITING:
        ids = as_json(list(told))
        transaction.run(statements.CALL_OFF, ids=ids)
        transaction.run(statements.LEFT_MEANWHILE, ids=ids)
        if event is Event.DEFER:
            transaction.run(statements.DUE, due=as_json(_due(transaction, told, ids, now, done)))
    return told.keys() - done


def _by_code(told: dict[int, Outcome | None]) -> dict[int, dict[int, str]]:
    """The words for each delivery, by reply code: there are many deliveries, and few codes."""
    found: dict[int, dict[int, str]] = {}
    for delivery, outcome in told.items():
        code, said = (outcome.code, words(outcome.detail)) if outcome else (0, "")
        try:
            found[code][delivery] = said
        except KeyError:
            found[code] = {delivery: said}
    return found


def _due(
    transaction: Transaction, told: dict[int, Outcome | None], ids: str, now: float, done: set[int]
) -> dict[int, float]:
    """When each of those that were deferred is tried again, by how often it was tried."""
    return {
        delivery: now + backoff.delay(told[delivery], delivery=delivery, attempts=attempts)
        for delivery, attempts in transaction.run(statements.ATTEMPTS, ids=ids)
        if delivery in done
    }
