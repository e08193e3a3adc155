"""Eleven phases, eight ways a server can behave in each: what one session says of the reader, and how it ends."""

from __future__ import annotations

import pytest
from faultrows import BEHAVIOURS, BIG, HEADER, ROWS, met_by, victim
from smtprun import mails, tell

from authority import Authority
from digest.delivery import Event, Phase
from digest.errors import SendStopped, TransportError


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(("phase", "behaviour", "cell"), ROWS)
def test_what_a_reader_and_a_session_get_from_each_fault(phase, behaviour, cell, authority):
    """Each of the 88 faults gives the event and the end of the session of the table; nobody who was taken is unsaid."""
    server, changes = met_by(phase, behaviour, authority)
    reader = victim(phase)
    with server:
        outgoing = mails(1, BIG) + mails(2, start=1) if phase is Phase.BODY else mails(3)
        told = tell(server, outgoing, **changes)
    word, ending = cell.rstrip("!"), {0: None, 1: TransportError, 2: SendStopped}[cell.count("!")]

    assert type(told.error) is (ending or type(None)), told.error
    assert [outcome.delivery for outcome in told.outcomes] == told.taken, "each that was taken has one, in order"
    if word == "open":
        assert not told.taken
    else:
        assert told.events[reader] is Event(word)
    others = {event for delivery, event in told.events.items() if delivery > reader}
    assert others <= ({Event.RELEASE} if ending else {Event.ACCEPT})
    released = {delivery for delivery, event in told.events.items() if event is Event.RELEASE}
    assert not released & set(told.intents), "who is given back has no intent"
    assert not server.seen.violations
    assert (f"r{reader}@readers.test" in {mail.recipient for mail in server.seen.accepted}) == (word == "accept")


def test_the_table_is_whole():
    """Every phase of a session but the connecting itself is in the table, against every behaviour."""
    assert tuple(HEADER[1:]) == BEHAVIOURS
    assert {phase for phase, _, _ in ROWS} == set(Phase) - {Phase.CONNECT}
    assert len(ROWS) == 88
