"""Every domain moves at its own rate: readers of a slow one, first on the list, keep nobody else waiting."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from digest.delivery import State
from digest.model import Recipient
from digest.sending.engines import send_edition
from digest.sending.run import ENOUGH, ClaimQueue, Patience
from digest.smtp.rates import Pacing
from digest.testing import MemoryLedger, MemoryTransport, plain_mail

EDITION = "2022-02/everyone/en"
QUICK = Patience(budget=5.0, shortest=0.01, longest=0.05, deferred=0.0, ledger=0.2)


def people(slow, others):
    return [
        *(Recipient(address=f"s{number}@slow.example") for number in range(slow)),
        *(Recipient(address=f"o{number}@other{number % 7}.example") for number in range(others)),
    ]


class WhenTheOthersHaveTheirs:
    """Gives a slow domain no turn before so many mails to others have arrived."""

    domains = frozenset({"slow.example"})

    def __init__(self, transport, others):
        self.transport, self.others = transport, others

    def offer(self, domain):
        assert domain == "slow.example"
        arrived = sum(not mail.recipient.endswith("@slow.example") for mail in self.transport.sent)
        return 0.0 if arrived >= self.others else 0.01


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("slow", [40, 4 * ENOUGH + 3])
def test_a_slow_domain_at_the_head_of_the_list_blocks_nobody(connections, slow):
    """However many its readers are, all others are mailed before its first turn comes, and each reader once."""
    ledger, transport = MemoryLedger(), MemoryTransport()
    transport.pacing = WhenTheOthersHaveTheirs(transport, 600)
    ledger.freeze(EDITION, "hash", people(slow, 600), now=0.0)
    report = send_edition(ledger, transport, plain_mail, edition=EDITION, connections=connections, patience=QUICK)
    assert report.counts == {State.SENT: 600 + slow}
    assert set(Counter(mail.recipient for mail in transport.sent).values()) == {1}
    first = next(n for n, mail in enumerate(transport.sent) if mail.recipient.endswith("@slow.example"))
    assert first >= 600


def test_a_stop_while_a_turn_is_waited_for_gives_back_what_waits():
    """Nobody is lost with the run: who waited for a turn is planned again."""
    ledger, transport, stop = MemoryLedger(), MemoryTransport(), threading.Event()
    transport.pacing = WhenTheOthersHaveTheirs(transport, 10**9)
    ledger.freeze(EDITION, "hash", people(20, 30), now=0.0)

    def show(progress):
        if progress.done == 30:
            stop.set()

    report = send_edition(
        ledger, transport, plain_mail, edition=EDITION, connections=2, patience=QUICK, stop=stop, progress=show
    )
    assert report.interrupted
    assert report.counts == {State.SENT: 30, State.PLANNED: 20}


def test_a_chunk_leaves_a_slow_domain_alone_to_others():
    """A bounded run that has nothing else to do gives its slow readers back, so that it can take up other work."""
    ledger = MemoryLedger()
    ledger.freeze(EDITION, "hash", people(20, 30), now=0.0)
    never = WhenTheOthersHaveTheirs(MemoryTransport(), 1)
    queue = ClaimQueue(ledger, EDITION, "me", lambda: 1.0, limit=30, only="", pacing=never, linger=0.0)
    assert len([*iter(queue.take, None)]) == 10
    while queue.waiting:
        assert queue.take() is None
    assert len(queue.rest()) == 20


def test_a_turn_is_kept_for_a_mail_that_was_handed_out():
    """Two are not offered the same turn; one that never asked for it keeps the domain waiting a moment only."""
    now = [100.0]
    pacing = Pacing(per_domain={"slow.example": 1.0}, clock=lambda: now[0])
    assert pacing.offer("slow.example") == 0.0
    assert pacing.offer("slow.example") > 0.0
    assert pacing.ask("slow.example") == 0.0
    assert pacing.offer("slow.example") > 0.0
    now[0] += 1.0
    assert pacing.offer("slow.example") == 0.0  # and it is never asked for
    now[0] += 3.0
    assert pacing.offer("slow.example") == 0.0
