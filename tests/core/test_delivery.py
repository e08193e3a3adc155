"""The state table of a delivery: every state, every event."""

from __future__ import annotations

import itertools

import pytest

from digest.delivery import FINAL, TRANSITIONS, Event, State, step


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_pair_is_in_the_table_or_refused(state, event):
    """A pair in the table leads to its state; any other pair is a bug and raises."""
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(ValueError, match=f"{state} cannot {event}"):
            step(state, event)


def test_a_sent_mail_is_never_sent_again():
    """Nothing leads out of `sent`."""
    assert not [event for (state, event) in TRANSITIONS if state is State.SENT]


def test_doubt_is_only_left_by_a_person_or_the_relays_log():
    """From `in_doubt` there are two ways, and both are somebody's word."""
    ways = {event for (state, event) in TRANSITIONS if state is State.IN_DOUBT}
    assert ways == {Event.SETTLE_SENT, Event.SETTLE_RESEND}


def test_only_an_intent_leads_to_sending():
    """`sending` is reached by a committed intent and by nothing else."""
    assert {event for (_, event), after in TRANSITIONS.items() if after is State.SENDING} == {Event.INTEND}


def test_no_state_is_a_trap():
    """From every state that is not final a final one can be reached."""
    for start in State:
        reached, edge = {start}, [start]
        while edge:
            here = edge.pop()
            for (state, _), after in TRANSITIONS.items():
                if state is here and after not in reached:
                    reached.add(after)
                    edge.append(after)
        assert reached & FINAL
