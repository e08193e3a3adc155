"""A server that fails in a tenth of everything, at random: nobody is lost in silence, nobody gets two (FAULTS 38)."""

from __future__ import annotations

from collections import Counter

import pytest
from faultserver import FULL, GARBAGE, Drop, FaultServer, Reset, Say, at_random
from smtprun import mails, settings

from digest.delivery import Event, Phase, State, step
from digest.errors import SendStopped
from digest.smtp.transport import SmtpTransport

READERS = 500
FAULTS = (
    Say("451 4.3.0 later"),
    Say("550 5.7.1 never"),
    Say("421 4.3.2 leaving", then=Drop()),
    Drop(),
    Drop(accept=True),
    Reset(),
    Reset(accept=True),
    GARBAGE,
)


def send_all(server: FaultServer, **changes) -> dict[int, State]:
    """The smallest loop that keeps the promise: the state table in memory, until nobody is left to be sent to."""
    states = dict.fromkeys(range(READERS), State.PLANNED)
    outgoing = {mail.delivery: mail for mail in mails(READERS, 2000)}
    transport = SmtpTransport(settings(server, **changes))

    def intend(mail) -> bool:
        states[mail.delivery] = step(states[mail.delivery], Event.INTEND)
        return True

    def feed():
        for delivery, state in list(states.items()):
            if state in {State.PLANNED, State.DEFERRED}:
                states[delivery] = step(state, Event.CLAIM)
                yield outgoing[delivery]

    for _ in range(10_000):
        if not {State.PLANNED, State.DEFERRED} & set(states.values()):
            return states
        try:
            session = transport.open()
        except SendStopped:
            continue
        try:
            for outcome in session.deliver(feed(), intend):
                states[outcome.delivery] = step(states[outcome.delivery], outcome.event)
        except SendStopped:
            pass
        session.close()
        assert State.CLAIMED not in states.values(), "whoever was taken got an outcome"
        assert State.SENDING not in states.values()
    pytest.fail("it never came to an end")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("extensions", "changes"),
    [(FULL, {}), (("SIZE",), {}), ((*FULL, "CHUNKING"), {"bdat": True, "window": 8})],
    ids=["pipelined", "lock-step", "bdat"],
)
def test_nobody_is_lost_in_silence_and_nobody_gets_two(seed, extensions, changes):
    """Who is sent has exactly one, who is refused or deferred has none, and who may have one is held."""
    with FaultServer(at_random(seed, 0.1, FAULTS), extensions=extensions) as server:
        states = send_all(server, **changes)
    copies = Counter(int(mail.recipient[1:].partition("@")[0]) for mail in server.seen.accepted)
    assert max(copies.values()) == 1, "twice"
    assert set(states.values()) <= {State.SENT, State.REFUSED, State.IN_DOUBT}
    for reader, state in states.items():
        assert copies[reader] == 1 or state is not State.SENT, f"{reader} is lost in silence"
        assert copies[reader] == 0 or state in {State.SENT, State.IN_DOUBT}, f"{reader} would be mailed again"
    assert sum(state is State.SENT for state in states.values()) > READERS / 10
    assert server.visits[Phase.DOT] > READERS / 5
