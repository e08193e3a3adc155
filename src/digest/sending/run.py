"""What the threads of one run share: the queue of claims, the ledger's commits, what was heard, the reason to stop.

A refusal is not told to the ledger before the next acceptance: until then it may be about us. Whoever finds a reason
to stop stops all: what is in flight is finished, the rest is given back, and nobody is marked for our fault.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import Concern, Event, MailingStatus, Outcome, Phase, State
from digest.errors import RelayLimit, SendStopped
from digest.sending.decisions import (
    FIRST,
    Refusal,
    limited,
    proves,
    reason_to_pause,
    reason_to_put_off,
    reason_to_stop,
    throttled,
)
from digest.sending.group_commit import Committer

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Delivery, Outgoing
    from digest.errors import TransportError
    from digest.ports import DomainPacing, Ledger

BATCH = 256  # claimed in one transaction; a crash gives them all back
ENOUGH = BATCH // 2  # of a domain with a rate of its own at hand: more of it is not claimed for now
_GLANCE = 0.25  # seconds between two looks for what else there is, while a turn is waited for
_LOST_AT_THE_END = 3  # connections in a row: the fewest that show more than a relay that was restarted
_HELD = 200  # refusals that wait for the next acceptance, where one domain refuses all its readers
_MEANS = {
    Event.ACCEPT: State.SENT,
    Event.DEFER: State.DEFERRED,
    Event.REFUSE: State.REFUSED,
    Event.DOUBT: State.IN_DOUBT,
}


class Patience(Struct, frozen=True, kw_only=True):
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
    address. A domain with a rate of its own has a lane of its own, from which one is handed out when its turn comes, so
    that nobody else waits behind it. With `linger`, a bounded run whose lanes alone are left gives them back after so
    many seconds, as somebody else may have more to do.
    """

    def __init__(
        self,
        ledger: Ledger,
        edition: str,
        owner: str,
        clock: Callable[[], float],
        *,
        limit: int | None,
        only: str,
        pacing: DomainPacing | None = None,
        linger: float | None = None,
    ) -> None:
        self._ledger = ledger
        self._edition = edition
        self._owner = owner
        self._clock = clock
        self._left = limit
        self._only = only
        self._pacing = pacing
        self._linger = linger
        self._lock = threading.Lock()
        self._claimed: deque[Delivery] = deque()
        self._held: set[int] = set()  # claimed, and nothing told of it yet
        self._lanes: dict[str, deque[Delivery]] = {domain: deque() for domain in (pacing.domains if pacing else ())}
        self._turn = 0.0  # seconds until a lane's next one, when it was last asked
        self._reached: dict[frozenset[str], int] = {}  # without these domains: up to which id nobody else is planned
        self._empty_since = 0.0  # when nothing more could be claimed, in monotonic seconds
        self.given_up: list[Delivery] = []  # of slow domains, left to others
        self._alone_since: float | None = None  # since when lanes are all that is left of a bounded run

    def take(self) -> Delivery | None:
        """The next delivery, claimed; None when there is none now. Raises LedgerError."""
        with self._lock:
            while (delivery := self._at_hand()) is None and self._claim():
                pass
            return delivery

    def settled(self, delivery: int) -> None:
        """Something was told of this delivery, so that it may come again. Waits for no claim."""
        self._held.discard(delivery)

    @property
    def waiting(self) -> bool:
        """Whether something is claimed whose turn has not come."""
        return any(self._lanes.values())

    def pause(self) -> float | None:
        """Seconds until something can be taken (0: now); None when nothing is to be waited for."""
        with self._lock:
            if self._claimed:
                return 0.0
            if self.waiting:
                return min(self._turn, _GLANCE)
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
            left = [*self.given_up, *self._claimed, *chain.from_iterable(self._lanes.values())]
            self.given_up.clear()
            self._claimed.clear()
            for lane in self._lanes.values():
                lane.clear()
            self._left = 0
            return left

    def _at_hand(self) -> Delivery | None:
        """What is claimed and may go now: of the domains with a rate first, as their turns pass."""
        self._turn = _GLANCE
        for domain, lane in self._lanes.items():
            if lane and self._pacing is not None:
                seconds = self._pacing.offer(domain)
                if seconds <= 0.0:
                    return lane.popleft()
                self._turn = min(self._turn, seconds)
        return self._claimed.popleft() if self._claimed else None

    def _claim(self) -> bool:
        """Claim a batch, without the domains of which enough is at hand. False when there was none."""
        batch = BATCH if self._left is None else min(BATCH, self._left)
        if batch <= 0:
            self._leave_lanes()
            return False
        now = time.monotonic()
        if self.waiting and now - self._empty_since < _GLANCE:
            return False
        full = frozenset(domain for domain, lane in self._lanes.items() if len(lane) >= ENOUGH)
        rows = self._ledger.claim(
            self._edition,
            self._owner,
            batch,
            self._clock(),
            self._only,
            without=sorted(full),
            after=self._reached.get(full, 0) if full else 0,
        )
        if not rows:
            self._empty_since = now
            return False
        if full:
            planned = (row.id for row in rows if not row.next_try)
            self._reached[full] = max(planned, default=self._reached.get(full, 0))
        # A lease that ran out beneath us gave it back, and this claim took it again: what is in hand already goes.
        rows = [row for row in rows if row.id not in self._held]
        self._held.update(row.id for row in rows)
        if self._left is not None:
            self._left -= len(rows)
        if not self._lanes:
            self._claimed.extend(rows)
        else:
            for row in rows:
                self._lanes.get(row.address.rpartition("@")[2].lower(), self._claimed).append(row)
        return True

    def _leave_lanes(self) -> None:
        """Give up waiting for slow domains when a bounded run has nothing else to do: rest() gives them back."""
        if self._linger is None or not self.waiting:
            return
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if now - self._alone_since > self._linger:
            self.given_up.extend(chain.from_iterable(self._lanes.values()))
            for lane in self._lanes.values():
                lane.clear()


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
        pacing: DomainPacing | None = None,
        linger: float | None = None,
    ) -> None:
        self.build = build
        self.ahead = ahead  # whether an intent may be made durable before its mail's turn
        self.queue = ClaimQueue(ledger, edition, owner, clock, limit=limit, only=only, pacing=pacing, linger=linger)
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
        self._deferrals: list[Refusal] = []  # the same
        self._throttles = 0  # the same: how often we were to wait
        self._held_until = 0.0  # in monotonic seconds
        self.accepted = 0
        self._failing_since: float | None = None
        self.connections = 1  # how many there may be at a time; drive() says it
        self._talking = 0
        self._lost_at_the_end = 0  # connections, since a mail had its answer
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
            self.tell(outcome.delivery, Event.RELEASE)
            return
        with self._lock:
            if proves(outcome) or (outcome.event is not Event.RELEASE and outcome.answered):
                self._failing_since = None
            if outcome.phase is Phase.DOT and outcome.code and outcome.event is not Event.DOUBT:
                self._lost_at_the_end = 0
            if proves(outcome):
                self._proven = True
                self.accepted += 1
                self._throttles = 0
                self._deferrals.clear()
                self._settle_refusals(Event.REFUSE)
            if outcome.event is not Event.REFUSE:
                self._tell(outcome, outcome.event)
                reason, for_now = self._put_off(outcome, domain) if outcome.code else "", True
            else:
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

    def _put_off(self, outcome: Outcome, domain: str) -> str:
        """Take in a 4xx; all connections wait for a relay that finds us too fast. Returns the reason to end, if any."""
        now = time.monotonic()
        if not throttled(outcome):
            if outcome.event is not Event.DEFER:
                return ""
            self._deferrals.append(Refusal(outcome=outcome, domain=domain))
            return reason_to_put_off(self._deferrals) if self.patience.first else ""
        if now < self._held_until or (outcome.about is Concern.CONNECTIONS and self._talking > 1):
            return ""  # others have been told the same, or one connection less is enough
        self._throttles += 1
        if reason := reason_to_pause(outcome, self._throttles, self.patience.budget):
            return reason
        doubled = min(self.patience.shortest * 2.0**self._throttles, self.patience.longest)
        self._held_until = now + max(outcome.wait, doubled)
        return ""

    def lost_at_the_end(self) -> None:
        """Take in that a connection was lost at the end of a mail, before its answer: its readers are in doubt now.

        A relay that is restarted does so to each connection once. Where it goes on, all would come to be in doubt.
        """
        with self._lock:
            self._lost_at_the_end += 1
            count = self._lost_at_the_end
            often = count >= max(_LOST_AT_THE_END, 2 * self.connections)
        if often:
            error = SendStopped(
                f"{count} connections in a row were lost at the end of a mail, before the server answered: is there "
                "a firewall or a virus scanner between, or a path that takes no large packets? Who is left waits, as "
                "each further mail would be in doubt, too; mend it, then `digest resume`"
            )
            error.held = True
            self.halt(error)

    @property
    def held(self) -> float:
        """Seconds for which nothing more is to be said to a relay that finds us too fast."""
        return max(0.0, self._held_until - time.monotonic())

    def others_talk(self, *, besides: int = 1) -> bool:
        """Whether another connection is open beside the one that asks; `besides` 0: it is not open itself."""
        with self._lock:
            return self._talking > besides

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

    def tell(self, delivery: int, event: Event, outcome: Outcome | None = None) -> None:
        """Tell the ledger what became of a delivery, with its next commit."""
        self.queue.settled(delivery)  # first: once it is told, another thread may commit it, and claim it again
        self.committer.tell(delivery, event, outcome)

    def _tell(self, outcome: Outcome, event: Event) -> None:
        self.tell(outcome.delivery, event, outcome)
        if event in _MEANS:
            self.outcomes[_MEANS[event]] += 1
