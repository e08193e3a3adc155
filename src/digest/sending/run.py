"""What the threads of one run share: the queue of claims, the ledger's commits, what was heard, the reason to stop.

A refusal is not told to the ledger before the next acceptance: until then it may be about us. Whoever finds a reason
to stop stops all: what is in flight is finished, the rest is given back, and nobody is marked for our fault.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.delivery import Event, MailingStatus, Outcome, State
from digest.errors import RelayLimit, SendStopped
from digest.sending.decisions import FIRST, Refusal, limited, proves, reason_to_stop
from digest.sending.group_commit import Committer

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Delivery, Outgoing
    from digest.errors import TransportError
    from digest.ports import Ledger

BATCH = 256  # claimed in one transaction; a crash gives them all back
_HELD = 200  # refusals that wait for the next acceptance, where one domain refuses all its readers
_MEANS = {
    Event.ACCEPT: State.SENT,
    Event.DEFER: State.DEFERRED,
    Event.REFUSE: State.REFUSED,
    Event.DOUBT: State.IN_DOUBT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a run waits for what. In seconds, but for `first`."""

    budget: float = 30.0  # without an answer about any reader: then the relay is given up for now
    shortest: float = 0.5  # before the second try to connect; it doubles
    longest: float = 8.0
    deferred: float = 30.0  # for a reader who is due again soon; who is due later is left to the next run
    ledger: float = 5.0  # for a ledger that fails to take what is known already
    first: int = FIRST  # the same refusal for so many readers at the start stops the run; 0: never


class ClaimQueue:
    """The deliveries that a run still has to make: claimed a batch at a time, handed out singly, the rest given back.

    Shared by all threads. It never waits for anybody: when nothing is to be had now it says so, and `pause` tells
    whether waiting makes sense. `limit` bounds the deliveries that are handed out, None does not; `only` is one
    address.
    """

    def __init__(
        self, ledger: Ledger, edition: str, owner: str, clock: Callable[[], float], *, limit: int | None, only: str
    ) -> None:
        self._ledger = ledger
        self._edition = edition
        self._owner = owner
        self._clock = clock
        self._left = limit
        self._only = only
        self._lock = threading.Lock()
        self._claimed: deque[Delivery] = deque()

    def take(self) -> Delivery | None:
        """The next delivery, claimed; None when there is none now. Raises LedgerError."""
        with self._lock:
            if not self._claimed:
                batch = BATCH if self._left is None else min(BATCH, self._left)
                if batch <= 0:
                    return None
                self._claimed.extend(self._ledger.claim(self._edition, self._owner, batch, self._clock(), self._only))
                if self._left is not None:
                    self._left -= len(self._claimed)
            return self._claimed.popleft() if self._claimed else None

    def pause(self) -> float | None:
        """Seconds until something can be taken (0: now); None when nothing is to be waited for."""
        with self._lock:
            if self._claimed:
                return 0.0
            if self._only or (self._left is not None and self._left <= 0):
                return None
            mailing = self._ledger.mailing(self._edition)
            if mailing is None or mailing.standing is not MailingStatus.OPEN:
                return None
            now = self._clock()
            due = self._ledger.next_try(self._edition, now)
            return None if due is None else max(0.0, due - now)

    def rest(self) -> list[Delivery]:
        """What was claimed and never handed out; nothing more is handed out after that."""
        with self._lock:
            left = list(self._claimed)
            self._claimed.clear()
            self._left = 0
            return left


class Run:
    """One run over one edition. `stop` is set when it is to end: by a reason of its own, or by whoever watches it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        edition: str,
        owner: str,
        build: Callable[[Delivery], Outgoing],
        clock: Callable[[], float],
        patience: Patience,
        ahead: bool,
        limit: int | None = None,
        only: str = "",
    ) -> None:
        self.build = build
        self.ahead = ahead  # whether an intent may be made durable before its mail's turn
        self.queue = ClaimQueue(ledger, edition, owner, clock, limit=limit, only=only)
        self.stop = threading.Event()
        self.patience = patience
        self.committer = Committer(ledger, owner, clock)
        self.outcomes: Counter[State] = Counter()
        self.halted: BaseException | None = None
        self.called_off = False  # paused or cancelled, from wherever
        self._ledger = ledger
        self._edition = edition
        self._lock = threading.Lock()
        self._proven = False
        self._refusals: list[Refusal] = []  # since the last acceptance
        self._failing_since: float | None = None
        self._talking = 0
        self._quiet = threading.Condition(self._lock)

    def halt(self, reason: BaseException) -> None:
        """End the run, for the first reason that is given."""
        with self._lock:
            if self.halted is None:
                self.halted = reason
        self.stop.set()

    def intend(self, mail: Outgoing) -> bool:
        """Whether this mail may go; its intent is on the disk then."""
        if self.halted is not None:
            return False
        allowed = self.committer.intend(mail.delivery)
        if self.committer.failure is not None:
            self.halt(self.committer.failure)
        elif not allowed:
            mailing = self._ledger.mailing(self._edition)
            if mailing is None or mailing.standing is not MailingStatus.OPEN:
                self.called_off = True
                self.stop.set()
        return allowed

    def announce(self, mail: Outgoing) -> None:
        """Let the intent of the mail whose turn is next share a commit that comes before it is needed."""
        if self.halted is None:
            self.committer.announce(mail.delivery)

    def hear(self, outcome: Outcome, domain: str = "") -> None:
        """Take in what became of one mail to a reader of this domain."""
        if outcome.event is Event.SUPPRESS:
            # The ledger did what was to be done when it refused the intent. Where it was not asked, this gives back.
            self.committer.tell(outcome.delivery, Event.RELEASE)
            return
        with self._lock:
            if proves(outcome) or (outcome.event is not Event.RELEASE and outcome.answered):
                self._failing_since = None
            if proves(outcome):
                self._proven = True
                self._settle_refusals(Event.REFUSE)
            if outcome.event is not Event.REFUSE:
                self._tell(outcome, outcome.event)
                return
            self._refusals.append(Refusal(outcome=outcome, domain=domain))
            reason = reason_to_stop(self._refusals, proven=self._proven, first=self.patience.first)
            if not reason and self._proven and len(self._refusals) > _HELD:
                self._settle_refusals(Event.REFUSE, len(self._refusals) // 2)
            for_now = limited(self._refusals)
        if reason and for_now:
            message = f"{reason}. Nobody was marked as refused; `digest resume` goes on with the rest, later"
            self.halt(RelayLimit(message))
        elif reason:
            message = f"{reason}. Nobody was marked as refused; mend the cause, then `digest resume`"
            self.halt(SendStopped(message))

    def talking(self, change: int) -> None:
        """Count the connections that talk: each may still put somebody off, for the others to take up."""
        with self._quiet:
            self._talking += change
            self._quiet.notify_all()

    def wait_for_others(self, seconds: float) -> bool:
        """Wait while others talk, at most so long. False when nobody does."""
        with self._quiet:
            if not self._talking:
                return False
            self._quiet.wait(seconds)
            return True

    @property
    def failing(self) -> bool:
        """Whether connections broke since the last answer about a reader."""
        return self._failing_since is not None

    def back_off(self, error: TransportError, failures: int) -> None:
        """Wait before the next try to connect, not at all for the first; give up when the budget is used."""
        now = time.monotonic()
        with self._lock:
            if self._failing_since is None:
                self._failing_since = now
            used = now - self._failing_since
        if used >= self.patience.budget:
            self.halt(error)
        elif failures:
            wait = min(self.patience.shortest * 2.0 ** min(failures - 1, 16), self.patience.longest)
            self.stop.wait(min(wait, self.patience.budget - used))

    def close(self) -> None:
        """Settle what was held back, give back what was not used. Raises LedgerError when it cannot be recorded."""
        with self._lock:
            # A run that came to its end has heard all there was. One that was stopped has proven nothing about them.
            self._settle_refusals(Event.DEFER if self.stop.is_set() else Event.REFUSE)
        for delivery in self.queue.rest():
            self.committer.tell(delivery.id, Event.RELEASE)
        self.committer.finish(self.patience.ledger)

    def _settle_refusals(self, event: Event, count: int | None = None) -> None:
        """Tell the ledger of the first `count`, of all when None. What is our own fault is no reader's refusal."""
        for refusal in self._refusals[:count]:
            self._tell(refusal.outcome, Event.DEFER if refusal.outcome.ours else event)
        del self._refusals[:count]

    def _tell(self, outcome: Outcome, event: Event) -> None:
        self.committer.tell(outcome.delivery, event, outcome)
        if event in _MEANS:
            self.outcomes[_MEANS[event]] += 1
