"""Claims on deliveries and the events that follow: taken under a lease, applied a batch at a time, put right by others.

    claim ─▶ events ─▶ rounds (each delivery's own order kept) ─▶ a statement for each kind ─▶ the ids that did not fit

A claim is a promise to nobody: until an intent is recorded, nothing was said to a server, so whatever is found claimed
goes back to the plan. What is found sending may have been accepted: it is held, and never sent again by itself. The
statement of an event asks for the state and the owner, so two senders cannot both have their way with one delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Text, case, cast, exists, func, literal, select, update

from digest.delivery import Event, MailingStatus, State
from digest.ledger import backoff, statements
from digest.ledger.database import as_json
from digest.ledger.queries import delivery_of
from digest.ledger.schema import deliveries, editions
from digest.ledger.suppressions import sweep
from digest.ledger.transitions import FOUND_SENDING, TARGET, WAITING, words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from digest.delivery import Delivery, Outcome
    from digest.ledger.database import Transaction
    from digest.ledger.editions import EditionRow

    Round = dict[Event, dict[int, Outcome | None]]


def claim(
    transaction: Transaction,
    edition: EditionRow,
    owner: str,
    limit: int,
    now: float,
    only: str,
    *,
    lease: float,
    without: Collection[str],
    after: int,
) -> Sequence[Delivery]:
    """`Ledger.claim`."""
    sweep(transaction, now)
    ordinary = statements.claim_without(len(without)) if without else statements.CLAIM
    others = {f"domain{number}": f"%@{domain}" for number, domain in enumerate(without)}
    rows = transaction.run(
        statements.CLAIM_ONE if only else ordinary,
        edition=edition.id,
        now=now,
        never=now + backoff.LONGEST,
        limit=limit,
        owner=owner,
        lease=now + lease,
        **({"only": only.casefold(), "round": edition.round} if only else {}),
        **({"after": after, **others} if without and not only else {}),
    )
    taken = [delivery_of(edition.name, row) for row in rows]
    taken.sort(key=lambda delivery: (delivery.next_try, delivery.id))  # RETURNING keeps no order
    return taken


def recover(transaction: Transaction, edition: EditionRow, now: float) -> dict[State, int]:
    """`Ledger.recover`."""
    free = {"owner": "", "lease": 0, "changed": now}
    doubted = transaction.core.execute(
        update(deliveries)
        .where(edition.rows, deliveries.c.state == State.SENDING)
        .values(state=TARGET[Event.DOUBT], attempts=deliveries.c.attempts + 1, detail=FOUND_SENDING, **free)
    ).rowcount
    released = transaction.core.execute(
        update(deliveries)
        .where(edition.rows, deliveries.c.state == State.CLAIMED)
        .values(state=TARGET[Event.RELEASE], next_try=0, **free)
    ).rowcount
    cancelled = select(editions.c.id).where(editions.c.id == edition.id, editions.c.standing == MailingStatus.CANCELLED)
    transaction.core.execute(
        update(deliveries)
        .where(edition.rows, deliveries.c.state.in_(WAITING), exists(cancelled))
        .values(state=TARGET[Event.CANCEL], next_try=0, changed=now)
    )
    # A new run: what was put off because of us, and not because of the reader, need not wait; but those who were not
    # tried yet come first, so that a run which stops at the same few readers again still brings others on.
    transaction.core.execute(
        update(deliveries)
        .where(edition.rows, deliveries.c.state == State.DEFERRED, deliveries.c.code >= backoff.FAILED)
        .values(next_try=now)
    )
    return {state: count for state, count in ((State.PLANNED, released), (State.IN_DOUBT, doubted)) if count}


def expire(transaction: Transaction, edition: EditionRow, now: float, *, age: float, attempts: int) -> int:
    """`Ledger.expire`. All is asked for: nobody is given up for a clock that is set forward, or for a long pause."""
    if edition.frozen + age > now:
        return 0
    tries = cast(deliveries.c.attempts, Text)
    words = literal("given up after ") + tries + literal(" tries; the last answer: ") + deliveries.c.detail
    given_up = update(deliveries).where(
        deliveries.c.edition == edition.id,
        deliveries.c.state == State.DEFERRED,
        deliveries.c.state.in_(WAITING),  # what the index of waiting deliveries asks for
        deliveries.c.attempts >= attempts,
        deliveries.c.changed >= edition.frozen + age,
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
        rounds[number].setdefault(event, {})[delivery] = outcome
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
        found.setdefault(code, {})[delivery] = said
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
