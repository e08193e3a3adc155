"""What is asked of deliveries in memory: counts, domains, refusals, a timeline, those of a reader. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from digest.delivery import State
from digest.ledger import backoff
from digest.ledger.transitions import WAITING, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digest.delivery import Delivery


def next_try(rows: Iterable[Delivery], now: float) -> float | None:
    """See `ports.Ledger.next_try`."""
    due = [
        now if row.state is State.PLANNED or row.next_try > now + backoff.LONGEST else max(now, row.next_try)
        for row in rows
        if row.state in WAITING
    ]
    return min(due, default=None)


def counts(rows: Iterable[Delivery]) -> Mapping[State, int]:
    """See `ports.Ledger.counts`."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in State if found[state]}


def domains(rows: Iterable[Delivery]) -> Mapping[str, Mapping[State, int]]:
    """See `ports.Ledger.domains`."""
    found: dict[str, Counter[State]] = {}
    for row in rows:
        found.setdefault(row.address.casefold().rpartition("@")[2], Counter())[row.state] += 1
    return {name: dict(found[name]) for name in sorted(found, key=lambda each: (-found[each].total(), each))}


def refusals(rows: Iterable[Delivery]) -> Mapping[tuple[int, str], int]:
    """See `ports.Ledger.refusals`."""
    found = Counter((row.code, reason(row.detail, row.address)) for row in rows if row.state is State.REFUSED)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def timeline(rows: Iterable[Delivery], step: float) -> Sequence[tuple[float, State, int]]:
    """See `ports.Ledger.timeline`."""
    found = Counter((int(row.changed // step), row.state) for row in rows)
    return [(span * step, state, count) for (span, state), count in sorted(found.items())]


def find(newest: Iterable[Sequence[Delivery]], message_ids: Iterable[str]) -> Sequence[Delivery]:
    """See `ports.Ledger.find`. `newest` are the editions' rows, the newest edition's first."""
    wanted = {each for each in message_ids if each}
    return [row for rows in newest for row in rows if row.message_id in wanted]


def latest(
    newest: Iterable[Sequence[Delivery]], address: str, count: int, states: Iterable[State]
) -> Sequence[Delivery]:
    """See `ports.Ledger.latest`."""
    wanted, folded = set(states), address.casefold()
    mine = [row for rows in newest for row in rows if row.address.casefold() == folded]
    return [row for row in mine if not wanted or row.state in wanted][:count]
