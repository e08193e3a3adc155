"""What the connections of one run share: the ledger's commits, what was heard so far, and the reason to stop.

Refusals are not told to the ledger before somebody was accepted: until then they may be about us. Whoever finds a
reason to stop stops all: what is in flight is finished, the rest is given back, and nobody is marked for our fault.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.delivery import Event, MailingStatus, Outcome, State
from digest.errors import SendStopped
from digest.sending.decisions import FIRST, about_us, proves, reason_to_stop
from digest.sending.group_commit import Committer

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Delivery, Outgoing
    from digest.errors import TransportError
    from digest.ports import Ledger
    from digest.sending.claim_queue import Work

_CLOSING = 421
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


class Run:
    """One run over one edition. `stop` is set when it is to end: by a reason of its own, or by whoever watches it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        edition: str,
        owner: str,
        build: Callable[[Delivery], Outgoing],
        work: Work,
        clock: Callable[[], float],
        patience: Patience,
        ahead: bool,
    ) -> None:
        self.build = build
        self.ahead = ahead  # whether an intent may be made durable before its mail's turn
        self.work = work
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
        self._refusals: list[Outcome] = []
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

    def hear(self, outcome: Outcome) -> None:
        """Take in what became of one mail."""
        if outcome.event is Event.SUPPRESS:
            # The ledger did what was to be done when it refused the intent. Where it was not asked, this gives back.
            self.committer.tell(outcome.delivery, Event.RELEASE)
            return
        with self._lock:
            if proves(outcome) or (outcome.event is not Event.RELEASE and outcome.code not in (0, _CLOSING)):
                self._failing_since = None
            if proves(outcome) and not self._proven:
                self._proven = True
                self._settle_refusals(Event.REFUSE)
            if about_us(outcome) or (outcome.event is Event.REFUSE and not self._proven):
                self._refusals.append(outcome)
            else:
                self._tell(outcome, outcome.event)
            reason = reason_to_stop(self._refusals, first=self.patience.first) if self._refusals else ""
        if reason:
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
        for delivery in self.work.rest():
            self.committer.tell(delivery.id, Event.RELEASE)
        self.committer.finish(self.patience.ledger)

    def _settle_refusals(self, event: Event) -> None:
        for outcome in self._refusals:
            self._tell(outcome, event)
        self._refusals.clear()

    def _tell(self, outcome: Outcome, event: Event) -> None:
        self.committer.tell(outcome.delivery, event, outcome)
        if event in _MEANS:
            self.outcomes[_MEANS[event]] += 1
