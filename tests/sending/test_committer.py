"""Commits shared between connections: each waits for its own intent, and a commit serves all who wait."""

from __future__ import annotations

import threading

import pytest

from digest.delivery import Event, Outcome, Phase, State
from digest.errors import LedgerError
from digest.sending.group_commit import Committer
from digest.testing import MemoryLedger, readers

EDITION = "2022-02/everyone/en"


class Slow(MemoryLedger):
    """A ledger whose commits wait for `gate`, as a disk would, and are counted."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.batches = []

    def record(self, events, now, owner=""):
        self.entered.release()
        self.gate.acquire()
        self.batches.append(list(events))
        return super().record(events, now, owner)


def ready(ledger, count=8):
    ledger.freeze(EDITION, "hash", readers(count), now=0.0)
    return [row.id for row in ledger.claim(EDITION, "me", count, 0.0)]


def accepted(number):
    return Outcome(delivery=number, event=Event.ACCEPT, phase=Phase.DOT, code=250)


def test_one_commit_for_all_who_wait():
    """Intents that arrive while a commit runs go together in the next one."""
    ledger = Slow()
    ids = ready(ledger)
    committer = Committer(ledger, "me", lambda: 0.0)
    allowed = {}

    def intend(number):
        allowed[number] = committer.intend(number)

    first = threading.Thread(target=intend, args=(ids[0],))
    first.start()
    ledger.entered.acquire()
    others = [threading.Thread(target=intend, args=(number,)) for number in ids[1:]]
    for thread in others:
        thread.start()
    while len(committer._tickets) < len(others):
        pass
    ledger.gate.release(2)
    for thread in (first, *others):
        thread.join()
    assert allowed == dict.fromkeys(ids, True)
    assert [len(batch) for batch in ledger.batches] == [1, 7]


def test_an_intent_waits_for_its_own_commit():
    """An intent does not return before the commit that holds it."""
    ledger = Slow()
    (number,) = ready(ledger, 1)
    committer = Committer(ledger, "me", lambda: 0.0)
    thread = threading.Thread(target=committer.intend, args=(number,))
    thread.start()
    ledger.entered.acquire()
    assert thread.is_alive()
    assert ledger.counts(EDITION) == {State.CLAIMED: 1}
    ledger.gate.release()
    thread.join()
    assert ledger.counts(EDITION) == {State.SENDING: 1}


def test_what_is_told_goes_with_the_next_commit():
    """An outcome does not wait; the next intent's commit takes it along, and so does flush."""
    ledger = MemoryLedger()
    ids = ready(ledger, 2)
    committer = Committer(ledger, "me", lambda: 0.0)
    assert committer.intend(ids[0])
    committer.tell(ids[0], Event.ACCEPT, accepted(ids[0]))
    assert State.SENT not in ledger.counts(EDITION)
    assert committer.intend(ids[1])
    assert ledger.counts(EDITION)[State.SENT] == 1
    committer.tell(ids[1], Event.ACCEPT, accepted(ids[1]))
    committer.flush()
    assert ledger.counts(EDITION) == {State.SENT: 2}


def test_only_the_unfit_is_refused():
    """In one commit, one reader's suppression does not hold up the others."""
    ledger = MemoryLedger()
    ids = ready(ledger, 3)
    ledger.suppress("reader2@example.org", "*", "manual", "", 0.0)
    committer = Committer(ledger, "me", lambda: 0.0)
    assert [committer.intend(number) for number in ids] == [True, False, True]


def test_a_ledger_that_fails():
    """After a failure no intent is given, even when the ledger works again; what was told is kept and written."""

    class Failing(MemoryLedger):
        broken = False

        def record(self, events, now, owner=""):
            if self.broken:
                message = "the disk is full"
                raise LedgerError(message)
            return super().record(events, now, owner)

    ledger = Failing()
    ids = ready(ledger, 3)
    committer = Committer(ledger, "me", lambda: 0.0)
    assert committer.intend(ids[0])
    ledger.broken = True
    committer.tell(ids[0], Event.ACCEPT, accepted(ids[0]))
    assert not committer.intend(ids[1])
    assert "disk is full" in str(committer.failure)
    with pytest.raises(LedgerError, match="disk is full"):
        committer.finish(0.0)
    ledger.broken = False
    assert not committer.intend(ids[2])
    committer.finish(0.0)
    assert ledger.counts(EDITION) == {State.CLAIMED: 2, State.SENT: 1}


def test_many_threads():
    """Many connections over one committer: every intent is recorded once, nobody waits for ever."""
    ledger = MemoryLedger()
    ids = ready(ledger, 600)
    committer = Committer(ledger, "me", lambda: 0.0)

    def work(part):
        for number in part:
            assert committer.intend(number)
            committer.tell(number, Event.ACCEPT, accepted(number))
            if number % 7 == 0:
                committer.flush()

    threads = [threading.Thread(target=work, args=(ids[start::12],)) for start in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    committer.flush()
    assert ledger.counts(EDITION) == {State.SENT: 600}


def test_an_announced_intent_goes_with_anothers_commit():
    """What is announced waits for nobody's commit and forces none; when its turn comes, it finds itself written."""
    ledger = Slow()
    ids = ready(ledger, 3)
    committer = Committer(ledger, "me", lambda: 0.0)
    committer.announce(ids[1])
    committer.announce(ids[2])
    assert not ledger.batches
    ledger.gate.release()
    assert committer.intend(ids[0])
    assert committer.intend(ids[1])
    assert committer.intend(ids[2])
    assert [len(batch) for batch in ledger.batches] == [3]


def test_an_announced_intent_that_nobody_wrote():
    """It is written when its turn comes, and only once."""
    ledger = Slow()
    (number,) = ready(ledger, 1)
    committer = Committer(ledger, "me", lambda: 0.0)
    committer.announce(number)
    ledger.gate.release()
    assert committer.intend(number)
    assert ledger.batches == [[(number, Event.INTEND, None)]]


def test_an_announced_intent_that_is_being_written():
    """Whoever asks while the commit runs waits for that commit, and does not begin another."""
    ledger = Slow()
    ids = ready(ledger, 2)
    committer = Committer(ledger, "me", lambda: 0.0)
    committer.announce(ids[1])
    first = threading.Thread(target=committer.intend, args=(ids[0],))
    first.start()
    ledger.entered.acquire()
    allowed = []
    second = threading.Thread(target=lambda: allowed.append(committer.intend(ids[1])))
    second.start()
    second.join(0.05)
    assert not allowed
    ledger.gate.release()
    first.join()
    second.join()
    assert allowed == [True]
    assert len(ledger.batches) == 1


def test_an_announced_intent_that_does_not_fit():
    """The ledger's no to an early intent is the answer when its turn comes."""
    ledger = MemoryLedger()
    ids = ready(ledger, 2)
    ledger.suppress("reader2@example.org", "*", "manual", "", 0.0)
    committer = Committer(ledger, "me", lambda: 0.0)
    committer.announce(ids[1])
    assert committer.intend(ids[0])
    assert not committer.intend(ids[1])


def test_an_announcement_ends_with_its_outcome():
    """Given back after its early intent was written, a reader waits again; the next try asks the ledger anew."""
    ledger = MemoryLedger()
    ids = ready(ledger, 2)
    committer = Committer(ledger, "me", lambda: 0.0)
    committer.announce(ids[1])
    assert committer.intend(ids[0])
    assert ledger.counts(EDITION) == {State.SENDING: 2}
    committer.tell(ids[1], Event.RELEASE)
    committer.flush()
    assert ledger.counts(EDITION) == {State.SENDING: 1, State.PLANNED: 1}
    ledger.claim(EDITION, "another", 1, 0.0)
    assert not committer.intend(ids[1])


def test_what_could_not_be_written_goes_before_what_came_later():
    """A delivery's events keep their order over a commit that failed: the last word about a reader is the last."""

    class Failing(MemoryLedger):
        meanwhile = None

        def record(self, events, now, owner=""):
            if meanwhile := self.meanwhile:
                self.meanwhile = None
                meanwhile()
                message = "the disk is full"
                raise LedgerError(message)
            self.told = [event for _, event, _ in events]
            return super().record(events, now, owner)

    ledger = Failing()
    (number,) = ready(ledger, 1)
    committer = Committer(ledger, "me", lambda: 0.0)
    later = Outcome(delivery=number, event=Event.DEFER, phase=Phase.RCPT, code=450)
    never = Outcome(delivery=number, event=Event.REFUSE, phase=Phase.RCPT, code=550)
    committer.tell(number, Event.DEFER, later)
    ledger.meanwhile = lambda: committer.tell(number, Event.REFUSE, never)
    committer.flush()
    assert ledger.counts(EDITION) == {State.CLAIMED: 1}
    committer.flush()
    assert ledger.told == [Event.DEFER, Event.REFUSE]
    assert ledger.counts(EDITION) == {State.REFUSED: 1}
