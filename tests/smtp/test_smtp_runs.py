"""The table of 88 with the send loop and a real ledger: state, exit code, and what the next run does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from faultrows import BIG, ROWS, met_by, victim
from smtprun import mails, settings

from authority import Authority
from digest.delivery import Delivery, Outgoing, Phase, State
from digest.errors import AlreadySent
from digest.ledger.opening import open_ledger
from digest.model import Recipient
from digest.sending.engines import send_edition
from digest.sending.run import Patience
from digest.smtp.transport import SmtpTransport

if TYPE_CHECKING:
    from faultserver import FaultServer

# One more connection at once, no waiting for readers who were put off, and a relay is given up for now after a moment.
PATIENCE = Patience(budget=20.0, shortest=0.01, longest=0.05, deferred=0.0)
START, LATER = 1_646_092_800.0, 1_646_092_800.0 + 2 * 86400


def consequence(cell: str) -> tuple[State, int, str]:
    """What a run leaves for the reader, its exit code, and what the next run does.

    A run opens another connection at once, so what only cost a connection costs nobody anything. What was said of a
    reader stays: put off until later, refused, or held in doubt. What is about us stops the run.
    """
    word, ending = cell.rstrip("!"), cell.count("!")
    if ending == 2:
        return State.PLANNED, 1, "sends"
    return {
        "accept": (State.SENT, 0, "nothing"),
        "open": (State.SENT, 0, "nothing"),
        "release": (State.SENT, 0, "nothing"),
        "defer": (State.DEFERRED, 75, "sends"),
        "refuse": (State.REFUSED, 1, "nothing"),
        "doubt": (State.IN_DOUBT, 1, "holds"),
    }[word]


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    opened = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=tmp_path_factory.mktemp("ledger"))
    yield opened
    opened.close()


def run(ledger, edition: str, server: FaultServer, changes, build, now: float):
    """One run over one connection: its exit code and each reader's state."""
    transport = SmtpTransport(settings(server, **changes))
    try:
        code = send_edition(
            ledger,
            transport,
            build,
            edition=edition,
            owner="tests",
            connections=1,
            clock=lambda: now,
            patience=PATIENCE,
        ).exit_code
    except AlreadySent as finished:
        code = finished.exit_code
    return code, {each.address.partition("@")[0]: each.state for each in ledger.deliveries(edition)}


@pytest.mark.parametrize(("phase", "behaviour", "cell"), ROWS)
def test_what_a_run_and_the_next_one_do_after_each_fault(phase, behaviour, cell, authority, ledger):
    """State and exit code as the table says; the next run sends, holds or leaves alone; nobody has two mails."""
    state, code, next_run = consequence(cell)
    reader = f"r{victim(phase)}"
    bodies = [mail.data for mail in (mails(1, BIG) if phase is Phase.BODY else mails(1)) + mails(2, start=1)]

    def build(delivery: Delivery) -> Outgoing:
        number = int(delivery.address[1:].partition("@")[0])
        return Outgoing(
            delivery=delivery.id, sender="digest@newsroom.test", recipient=delivery.address, data=bodies[number]
        )

    edition = f"2022-02/{phase}-{behaviour}/en"
    ledger.freeze(edition, "hash", [Recipient(address=f"r{number}@readers.test") for number in range(3)], START)
    server, changes = met_by(phase, behaviour, authority)
    with server:
        found, states = run(ledger, edition, server, changes, build, START)
        assert states[reader] is state
        assert found == (1 if State.REFUSED in states.values() and code == 0 else code)
        before = Counter(mail.recipient.partition("@")[0] for mail in server.seen.accepted)

        server.script = lambda _: None  # the relay is well again
        bodies[0] = bodies[1]
        found, states = run(ledger, edition, server, changes, build, LATER)
        after = Counter(mail.recipient.partition("@")[0] for mail in server.seen.accepted)
    assert (after[reader] > before[reader]) == (next_run == "sends")
    assert states[reader] is {"sends": State.SENT, "holds": State.IN_DOUBT, "nothing": state}[next_run]
    assert max(after.values()) == 1, "nobody twice"
    assert {after[name] for name in states if states[name] is State.SENT} == {1}, "nobody lost"
    assert set(states.values()) <= {State.SENT, State.REFUSED, State.IN_DOUBT}
    assert found == (1 if State.IN_DOUBT in states.values() else 4 if next_run == "nothing" else 0)
