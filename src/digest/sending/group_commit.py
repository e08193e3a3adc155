"""Commits shared between connections: whoever needs one writes for all who wait, and for all who will soon.

    connection 1 ─ announce, intent ─┐
    connection 2 ─ announce, intent ─┼─▶ one transaction, one fsync ─▶ each goes on with its own answer
    connection 3 ─ outcome ──────────┘

An intent returns when it is on the disk. An announcement does not wait: it goes with the next commit, so that its own
intent often finds itself written. Nor does an outcome: it goes with the next commit, or with `flush()`. So a crash
leaves in doubt at most the mails in flight, those announced, and what was answered since the last commit. There is no
thread of its own to start or stop. A ledger that fails is remembered: from then on no intent is given.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from digest.delivery import Event
from digest.errors import DigestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Outcome
    from digest.ports import Ledger

    Entry = tuple[int, Event, Outcome | None]


class _Ticket:
    """One intent on its way to the disk, and the thread that waits for it."""

    __slots__ = ("allowed", "leads", "queued", "wake", "written")

    def __init__(self) -> None:
        self.queued = True  # no commit has taken it yet
        self.written = False
        self.allowed = False
        self.leads = False  # woken to write for those who came meanwhile, itself among them
        self.wake: threading.Lock | None = None  # made when a thread waits

    def wait(self) -> None:
        """Wait to be woken. Each waits for itself alone: a lock that all wait for would let them by one by one."""
        assert self.wake is not None
        self.wake.acquire()


class Committer:
    """Group commit over a ledger, for all connections of one run. `clock` gives seconds since the epoch."""

    def __init__(self, ledger: Ledger, owner: str, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._owner = owner
        self._clock = clock
        self._queue = threading.Lock()  # guards what waits, and whether somebody leads
        self._commit = threading.Lock()  # held while writing
        self._entries: list[Entry] = []
        self._tickets: list[tuple[int, _Ticket]] = []
        self._waiting: deque[_Ticket] = deque()  # those of the tickets whose threads wait
        self._announced: dict[int, _Ticket] = {}
        self._led = False
        self.failure: DigestError | None = None

    def announce(self, delivery: int) -> None:
        """Say that this intent will be wanted next: whoever commits before that writes it too. Waits for nobody."""
        with self._queue:
            self._announced[delivery] = self._queued(delivery)

    def intend(self, delivery: int) -> bool:
        """Make the intent durable. False when the mail must not go: the ledger says so, or cannot be written."""
        with self._queue:
            ticket = self._announced.pop(delivery, None) or self._queued(delivery)
            if ticket.written:
                return ticket.allowed
            if ticket.queued:
                self._waiting.append(ticket)
                ticket.leads = not self._led
                self._led = True
            if not ticket.leads:
                ticket.wake = threading.Lock()
                ticket.wake.acquire()
        if not ticket.leads:
            ticket.wait()
        if ticket.leads:
            self._lead()
        return ticket.allowed

    def _queued(self, delivery: int) -> _Ticket:
        ticket = _Ticket()
        self._entries.append((delivery, Event.INTEND, None))
        self._tickets.append((delivery, ticket))
        return ticket

    def tell(self, delivery: int, event: Event, outcome: Outcome | None = None) -> None:
        """Say what became of a delivery. It is durable after the next commit; an announcement is over."""
        with self._queue:
            self._announced.pop(delivery, None)
            self._entries.append((delivery, event, outcome))

    def flush(self) -> None:
        """Make durable all that was told. What cannot be written stays, and `failure` says why."""
        if self._entries:
            self._write()

    def _lead(self) -> None:
        """Write for all who wait, then let the first of those who came meanwhile lead."""
        try:
            self._write()
        finally:
            with self._queue:
                following = self._waiting[0] if self._waiting else None
                if following is None:
                    self._led = False
                else:
                    following.leads = True
            if following is not None and following.wake is not None:
                following.wake.release()

    def finish(self, grace: float) -> None:
        """Make durable all that was told, trying for `grace` seconds. Raises what the ledger raised last."""
        end = time.monotonic() + grace
        while True:
            self.flush()
            if not self._entries:
                return
            if time.monotonic() >= end:
                assert self.failure is not None
                raise self.failure
            time.sleep(min(0.5, grace))

    def _write(self) -> None:
        """One transaction for all that waits."""
        with self._commit:
            with self._queue:
                entries, self._entries = self._entries, []
                tickets, self._tickets = self._tickets, []
                self._waiting.clear()
                for _, ticket in tickets:
                    ticket.queued = False
            if self.failure is not None:  # the disk may be back, but no new mail goes in this run
                entries = [entry for entry in entries if entry[1] is not Event.INTEND]
            unfit: frozenset[int] = frozenset()
            written = False
            try:
                if entries:
                    unfit = self._ledger.record(entries, self._clock(), self._owner)
                written = self.failure is None
            except DigestError as error:
                self.failure = error
                with self._queue:
                    self._entries = [entry for entry in entries if entry[1] is not Event.INTEND] + self._entries
            finally:
                with self._queue:
                    for delivery, ticket in tickets:
                        ticket.allowed = written and delivery not in unfit
                        ticket.written = True
                    waiting = [ticket.wake for _, ticket in tickets if ticket.wake is not None and not ticket.leads]
                for wake in waiting:
                    wake.release()
