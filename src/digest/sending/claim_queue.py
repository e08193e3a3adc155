"""The deliveries that a run still has to make: claimed a batch at a time, handed out one by one, given back at the end.

Shared by all connections. It never waits for anybody: when nothing is to be had now, it says so, and `pause` tells
whether waiting makes sense.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from digest.delivery import MailingStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Delivery
    from digest.ports import Ledger

BATCH = 256  # claimed in one transaction; a crash gives them all back


class Work:
    """What is left to do. `limit` bounds the deliveries that are handed out, None does not; `only` is one address."""

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
