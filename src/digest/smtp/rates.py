"""How fast mails may leave: one bucket for the relay, one for each domain that has a limit. Never sends anything.

A mail goes when both of its buckets have a token, and takes one from each; when one has none, nothing is taken, and
the asker waits and asks again. So no limit is passed whatever the number of connections, and a slow domain does not
use up the others' share.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECONDS = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}
RATE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*/\s*([a-z]+)\s*", re.ASCII | re.IGNORECASE)

# A thread that overslept may catch up by this much, so that the rate is reached. It is 2.5 % of any ten seconds.
BURST_SECONDS = 0.25


EARLY = 0.1  # a mail may be handed out so many seconds before its turn: it is built, and said, meanwhile
_KEPT = 2.0  # a turn is kept so long for a mail that was handed out; one that never asks for it holds up nobody


class _Promises:
    """The mails to domains with a rate that were handed out and have not asked for their turn yet. Not thread-safe."""

    def __init__(self) -> None:
        self._given: dict[str, deque[float]] = {}

    def count(self, domain: str, now: float) -> int:
        """How many wait for their turn."""
        given = self._given.get(domain)
        while given and not now - _KEPT <= given[0] <= now + _KEPT:  # later: by a clock that was set back
            given.popleft()
        return len(given) if given else 0

    def give(self, domain: str, now: float) -> None:
        """One more."""
        self._given.setdefault(domain, deque()).append(now)

    def keep(self, domain: str) -> None:
        """One of them has had its turn."""
        if given := self._given.get(domain):
            given.popleft()


def parse_rate(text: str) -> float:
    """Mails a second from "50/s", "600/min", "1000/h" or "5000/d". Raises ValueError with what to write instead.

    >>> parse_rate("600/min")
    10.0
    """
    found = RATE.fullmatch(text)
    unit = SECONDS.get(found[2].lower()) if found else None
    if found is None or unit is None or not float(found[1]):
        message = f"{text!r} is no rate: write a number above 0 per s, min, h or d, like 50/s or 1000/h"
        raise ValueError(message)
    return float(found[1]) / unit


class Bucket(Protocol):
    """The turns of one limit."""

    def lack(self, ahead: int = 0) -> float:
        """Seconds until there is a turn, when so many others are to be taken before."""
        ...

    def take(self) -> None:
        """Use one."""
        ...


class _Bucket:
    """A token bucket kept as one number: when the next token is due (the generic cell rate algorithm)."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._interval = 1.0 / rate
        self._slack = max(0.0, BURST_SECONDS - self._interval)
        self._due = float("-inf")

    def lack(self, ahead: int = 0) -> float:
        now = self._clock()
        due = max(self._due, now - self._slack) + ahead * self._interval if ahead else self._due
        return max(0.0, due - now)

    def take(self) -> None:
        """Use one. What was not used for long is not saved up, but for the slack."""
        self._due = max(self._due, self._clock() - self._slack) + self._interval


class Pacing:
    """The pacer of one machine, shared by its connections. Rates are mails a second; 0 is no limit.

    `stop`, once set, ends every wait. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        rate: float = 0.0,
        per_domain: Mapping[str, float] | None = None,
        *,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._all = self._bucket(rate) if rate else None
        limits = {domain.lower(): limit for domain, limit in (per_domain or {}).items() if limit}
        self._domains = {domain: self._bucket(limit, domain) for domain, limit in limits.items()}
        self._stop = stop or threading.Event()
        self._lock = threading.Lock()
        self._promises = _Promises()
        self.domains = frozenset(self._domains)

    def _bucket(self, rate: float, domain: str = "") -> Bucket:
        """The bucket of a domain, or of the relay."""
        del domain
        return _Bucket(rate, self._clock)

    def _all_for(self, domain: str) -> Bucket | None:
        """The relay's bucket, for a mail to this domain."""
        del domain
        return self._all

    def offer(self, domain: str) -> float:
        """0.0 when a mail to `domain` that is handed out now finds a turn, which is kept for it; else the seconds."""
        with self._lock:
            waiting = self._promises.count(domain, self._clock())
            lack = self._domains[domain].lack(waiting) - EARLY
            if lack <= 0.0:
                self._promises.give(domain, self._clock())
            return max(0.0, lack)

    def ask(self, domain: str) -> float:
        """0.0 when a mail to `domain` may go now (it is counted then), else the seconds after which to ask again."""
        own = self._domains.get(domain.lower()) if self._domains else None
        if own is None and self._all is None:
            return 0.0
        with self._lock:
            # The domain's first: the relay's turns are for whoever can use them at their moment.
            buckets = [bucket for bucket in (own, self._all_for(domain.lower())) if bucket is not None]
            for bucket in buckets:
                if (lack := bucket.lack()) > 0.0:
                    return lack
            for bucket in buckets:
                bucket.take()
            if own is not None:
                self._promises.keep(domain.lower())
            return 0.0

    def wait(self, seconds: float) -> bool:
        """Wait so long. False when the run is to stop: then the mail that waits must not go."""
        return not self._stop.wait(seconds)
