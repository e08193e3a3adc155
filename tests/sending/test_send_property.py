"""Whatever happens in whatever order, the promise holds: at most one mail each, and every missing reader named."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from digest.delivery import Event, MailingStatus, State
from digest.errors import AlreadySent, LedgerError, NothingToSend, UsageError
from digest.ledger.opening import open_ledger
from digest.sending.engines import send_edition
from digest.sending.run import Patience
from digest.testing import FlakyTransport, MemoryLedger, plain_mail, readers

EDITION = "2022-02/everyone/en"
READERS = readers(12)
SOME = st.sampled_from([reader.address for reader in READERS])
AT_ONCE = Patience(budget=0.05, shortest=0.001, longest=0.002, deferred=0.0, ledger=0.1, first=0)


class Newsroom(RuleBasedStateMachine):
    """One edition, and everything that can happen to it. `got` is what the readers find in their mailboxes."""

    def __init__(self):
        super().__init__()
        self.now = 1_646_000_000.0
        self.got = Counter()
        self.left = set()  # suppressed before any mail went to them
        self.ledger = self.open()
        self.ledger.freeze(EDITION, "hash", READERS, now=self.now)
        self.relays = 0

    def open(self):
        return MemoryLedger()

    @rule(
        seed=st.integers(0, 99),
        rate=st.sampled_from([0.0, 0.2, 0.6]),
        limit=st.none() | st.integers(1, 9),
        ahead=st.booleans(),
    )
    def run(self, seed, rate, limit, ahead):
        relay = FlakyTransport(seed, rate)
        self.now += 1.0
        try:
            send_edition(
                self.ledger,
                relay,
                plain_mail,
                edition=EDITION,
                owner="me",
                connections=2,
                clock=lambda: self.now,
                limit=limit,
                patience=AT_ONCE,
                ahead=ahead,
            )
        except (AlreadySent, UsageError, NothingToSend):
            assert relay.sent == []
        self.deliver(relay)

    def deliver(self, relay):
        for mail in relay.sent:
            self.got[mail.recipient] += 1
            assert mail.recipient not in self.left, "mailed after the unsubscription was stored"

    @rule(count=st.integers(1, 6), intended=st.integers(0, 6), arrived=st.integers(0, 6), told=st.integers(0, 6))
    def killed(self, count, intended, arrived, told):
        """A sender that dies at some point of its work, with some mails claimed, intended, arrived and told."""
        with self.ledger.lock(EDITION, "doomed"):
            self.ledger.recover(EDITION, self.now)
            ids = {row.id: row.address for row in self.ledger.claim(EDITION, "doomed", count, self.now)}
            asked = list(ids)[:intended]
            unfit = self.ledger.record([(number, Event.INTEND, None) for number in asked], self.now, "doomed")
            gone = [number for number in asked if number not in unfit][:arrived]
            for number in gone:
                self.got[ids[number]] += 1
                assert ids[number] not in self.left
            self.ledger.record([(number, Event.ACCEPT, None) for number in gone[:told]], self.now, "doomed")

    @rule(address=SOME)
    def unsubscribe(self, address):
        self.ledger.suppress(address, "everyone", "unsubscribed", "", self.now)
        if not self.got[address]:
            self.left.add(address)

    @rule()
    def edit_the_content(self):
        with pytest.raises(LedgerError):
            self.ledger.freeze(EDITION, "other", READERS, now=self.now)

    @rule(count=st.integers(1, 3))
    def add_readers(self, count):
        added = readers(count, "late.example.org")
        self.ledger.freeze(EDITION, "hash", [*READERS, *added], now=self.now)
        assert len(list(self.ledger.deliveries(EDITION))) == len(READERS)

    @rule(seconds=st.sampled_from([1.0, 400.0, 20_000.0, 31 * 86400.0, -31 * 86400.0, 366 * 86400.0]))
    def clock(self, seconds):
        self.now += seconds

    @rule()
    def pause(self):
        if self.ledger.mailing(EDITION).standing is not MailingStatus.CANCELLED:
            self.ledger.pause(EDITION)

    @rule()
    def resume(self):
        if self.ledger.mailing(EDITION).standing is not MailingStatus.CANCELLED:
            self.ledger.resume(EDITION)

    @rule()
    def cancel(self):
        if sum(self.got.values()) <= 8:  # not a precondition: how far two threads came is not the same each time
            return
        self.ledger.cancel(EDITION, self.now)

    @rule()
    def resolve(self):
        """A person looks into the relay's log, which knows, and settles what is in doubt."""
        for row in list(self.ledger.deliveries(EDITION, [State.IN_DOUBT])):
            event = Event.SETTLE_SENT if self.got[row.address] else Event.SETTLE_RESEND
            self.ledger.settle(EDITION, [row.address], event, "seen in the log", self.now)

    @rule()
    def reopen(self):
        self.ledger = self.reopened()

    def reopened(self):
        return self.ledger

    @invariant()
    def nobody_twice(self):
        assert max(self.got.values(), default=0) <= 1

    @invariant()
    def every_missing_one_is_named(self):
        known = {row.address: row.state for row in self.ledger.deliveries(EDITION)}
        assert set(known) == {reader.address for reader in READERS}
        for address, state in known.items():
            if state is State.SENT:
                assert self.got[address] == 1
            if self.got[address] and state is not State.SENT:
                assert state in (State.IN_DOUBT, State.SENDING), f"{address} has a mail and is {state}"

    def teardown(self):
        """Let the edition come to its end: whoever is left then is held, refused, suppressed or cancelled."""
        if self.ledger.mailing(EDITION).standing is not MailingStatus.CANCELLED:
            self.ledger.resume(EDITION)
        for _ in range(9):
            self.now += 20_000.0
            self.run(seed=0, rate=0.0, limit=None, ahead=True)
        counts = self.ledger.counts(EDITION)
        assert not {State.PLANNED, State.CLAIMED, State.SENDING, State.DEFERRED} & set(counts)
        self.nobody_twice()
        self.every_missing_one_is_named()
        self.ledger.close()
        assert threading.active_count() < 20


class SqliteNewsroom(Newsroom):
    """The same over a real file, closed and opened again now and then."""

    def open(self):
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="digest-property-", dir=memory))
        return self.again()

    def again(self):
        return open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=self.folder)

    def reopened(self):
        self.ledger.close()
        return self.again()

    def teardown(self):
        try:
            super().teardown()
        finally:
            shutil.rmtree(self.folder)


# Without shrinking: with threads in play it takes minutes, and the steps that failed are printed anyway.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
Newsroom.TestCase.settings = settings(max_examples=150, stateful_step_count=30, phases=PHASES)
SqliteNewsroom.TestCase.settings = settings(max_examples=25, stateful_step_count=20, phases=PHASES)
TestInMemory = Newsroom.TestCase
TestOnSqlite = SqliteNewsroom.TestCase
