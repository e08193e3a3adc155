"""Every state meets every event, in every ledger: what the table has happens, what it has not changes nothing."""

from __future__ import annotations

import pytest

from digest.delivery import FINAL, TRANSITIONS, Event, Outcome, Phase, State, step
from digest.ledger.transitions import SOURCES, TARGET
from digest.testing import readers

NOW = 1_646_000_000.0
PATHS = {
    State.PLANNED: [],
    State.CLAIMED: [Event.CLAIM],
    State.SENDING: [Event.CLAIM, Event.INTEND],
    State.SENT: [Event.CLAIM, Event.INTEND, Event.ACCEPT],
    State.DEFERRED: [Event.CLAIM, Event.DEFER],
    State.REFUSED: [Event.CLAIM, Event.REFUSE],
    State.IN_DOUBT: [Event.CLAIM, Event.INTEND, Event.DOUBT],
    State.SUPPRESSED: [Event.SUPPRESS],
    State.CANCELLED: [Event.CANCEL],
}


def happen(ledger, edition, number, event):
    if event is Event.CLAIM:
        return frozenset() if ledger.claim(edition, "me", 1, NOW) else {number}
    outcome = None if event is Event.INTEND else Outcome(delivery=number, event=event, phase=Phase.DOT, code=450)
    return ledger.record([(number, event, outcome)], NOW, "me")


@pytest.mark.parametrize("state", list(State))
def test_every_state_and_event(ledger, state):
    """An event leads where the table says; where it says nothing, the delivery stays and its id comes back."""
    for event in Event:
        edition = f"2022-02/{event}/en"
        ledger.freeze(edition, "hash", readers(1), now=NOW)
        (row,) = ledger.deliveries(edition)
        for each in PATHS[state]:
            assert not happen(ledger, edition, row.id, each)
        assert next(iter(ledger.deliveries(edition))).state is state
        unfit = happen(ledger, edition, row.id, event)
        after = next(iter(ledger.deliveries(edition))).state
        late = (state, event) == (State.IN_DOUBT, Event.ACCEPT)
        waits = (state, event) == (State.DEFERRED, Event.CLAIM)  # it is not due yet
        if ((state, event) in TRANSITIONS and not waits) or late:
            assert (event, after) == (event, State.SENT if late else step(state, event))
            assert not unfit
        else:
            assert (event, after) == (event, state)
            assert unfit == {row.id}


def test_step_refuses_what_is_not_in_the_table():
    """A pair that the table does not have is a bug, and says which."""
    with pytest.raises(ValueError, match="sent cannot claim"):
        step(State.SENT, Event.CLAIM)


def test_each_event_leads_to_one_state():
    """The SQL relies on it: where an event leads does not depend on where it came from."""
    for (state, event), target in TRANSITIONS.items():
        assert TARGET[event] is target
        assert state in SOURCES[event]


def test_nobody_is_mailed_from_an_end():
    """From an end, and from what is held, no way leads to sending but over a person's word."""
    words = {Event.SETTLE_SENT, Event.SETTLE_RESEND}
    assert all(event in words for state, event in TRANSITIONS if state in FINAL | {State.IN_DOUBT})
