"""The clock and the pace of a whole fleet: one row in the database for the relay, one for each domain with a limit.

A worker takes as many turns at once as it used a moment ago, each with its own moment, and sends each mail at its
moment. So the rate holds over all workers together, in any ten seconds; it is reached, as no worker keeps turns that
another could use; and a worker asks some ten times a second, however high the rate. It sends nothing.

Leases and paces of many machines need one clock: the database's, read without asking each time. It never goes by this
machine's idea of the date, so a wrong or stepping local clock harms nobody.
"""

from __future__ import annotations

import random
import time
from collections import deque
from typing import TYPE_CHECKING

from digest.errors import LedgerBusy
from digest.smtp.rates import Pacing

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from digest.ledger.sharing import Sharing
    from digest.smtp.rates import Bucket

SPAN = 0.05  # at most so many seconds' worth of turns are taken at once
AHEAD = 0.1  # how far in the future turns may lie: those of a worker that dies are lost
LATE = 0.2  # a turn may be used so much later; 2 % of any ten seconds
SLACK = 0.15  # what nobody took in time may be taken so much later, with time left to be used
RECENT = 0.1  # seconds: a worker takes as many turns as it used in these, so that it uses what it takes
_AWAY = 0.5  # seconds until the database is asked again when it is away
_WRONG = 5.0  # so many seconds off, and the database's clock was set; the next beat says by how much
_TRUSTED = 60.0  # seconds for which a better-measured offset of the clock is kept


class SharedClock:
    """Seconds since the epoch by the database. `ask` gives its time; `learn` may also be told one by others."""

    def __init__(self, ask: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._offset = 0.0
        self._doubt = float("inf")
        self._since = float("-inf")
        self.measure(ask)

    def __call__(self) -> float:
        """Now."""
        return self._monotonic() + self._offset

    def measure(self, ask: Callable[[], float]) -> None:
        """Ask the database, and learn from the answer."""
        before = self._monotonic()
        told = ask()
        self.learn(told, before, self._monotonic())

    def learn(self, told: float, before: float, after: float) -> None:
        """The database said `told` somewhere between two local moments. A longer question says less exactly when.

        An answer that the offset so far cannot explain says that the database's clock was set, or is another server's.
        """
        doubt, offset = after - before, told - (before + after) / 2
        was_set = abs(offset - self._offset) > (doubt + self._doubt) / 2
        if doubt <= self._doubt or was_set or after - self._since > _TRUSTED:
            self._offset = offset
            self._doubt, self._since = doubt, after


class _Bucket:
    """The turns of one limit that this worker has taken and not used."""

    def __init__(
        self, sharing: Sharing, clock: Callable[[], float], name: str, rate: float, *, single: bool = False
    ) -> None:
        """With `single`, one turn at a time is taken, the very next one, though others have all until then."""
        self._sharing = sharing
        self._clock = clock
        self._name = name
        self._interval = 1.0 / rate
        self._most = 1 if single else max(1, round(rate * SPAN))
        self._ahead = AHEAD + max(SPAN, self._interval) if single else AHEAD
        self._late = max(LATE, self._interval)
        self._far = AHEAD + max(_WRONG, self._interval)  # no turn is that far ahead, but by a clock that was set back
        self._turns: deque[float] = deque()
        self._used: deque[float] = deque()  # when the recent ones were used
        self._barren = float("-inf")  # until then there is no turn to be had

    def lack(self, ahead: int = 0) -> float:
        """Seconds until this worker has a turn, when so many others are to be taken before; 0.0: now."""
        return self._until_next() + ahead * self._interval

    def _until_next(self) -> float:
        now = self._clock()
        while self._turns and not now - self._late <= self._turns[0] <= now + self._far:
            self._turns.popleft()  # slept through: sending them now would be a burst
        if not self._turns:
            if now < self._barren <= now + self._far:  # one of many connections was told; the others need not ask
                return self._barren - now
            size = self._wanted(now)
            turn = self._sharing.pace(self._name, span=self._interval * size, slack=SLACK, ahead=self._ahead)
            if abs(turn.now - now) > _WRONG:
                return _AWAY
            if not turn.granted:
                # Those who have the next turns have some for AHEAD seconds. Who is refused together asks again apart.
                apart = AHEAD * random.uniform(0.25, 0.75)  # noqa: S311 - no secret
                self._barren = now + max(apart, turn.start - AHEAD - turn.now)
                return self._barren - now
            self._turns.extend(turn.start + number * self._interval for number in range(size))
        return max(0.0, self._turns[0] - self._clock())

    def take(self) -> None:
        """Use the turn."""
        self._turns.popleft()
        self._used.append(self._clock())

    def _wanted(self, now: float) -> int:
        """How many turns to take: a turn that is taken and not used is lost for the whole fleet."""
        while self._used and not now - RECENT <= self._used[0] <= now + RECENT:
            self._used.popleft()
        return min(self._most, max(1, len(self._used)))


class FleetPacing(Pacing):
    """The pacer of one worker of a fleet. Rates are mails a second over the whole fleet; 0 is no limit.

    `relay` names the relay whose rate it is. `stop`, once set, ends every wait.
    """

    def __init__(
        self,
        sharing: Sharing,
        clock: Callable[[], float],
        *,
        relay: str,
        rate: float,
        per_domain: Mapping[str, float],
        stop: threading.Event,
    ) -> None:
        self._sharing = sharing
        self._relay = relay
        super().__init__(rate, per_domain, stop=stop, clock=clock)
        # A mail to a domain with a rate wants two turns at once. Were the relay's not kept for it, the domain's would
        # be lost again and again by who waits for the relay's, and the relay's by who waits for a domain's.
        self._beside = {domain: self._bucket(rate, single=True) for domain in self._domains} if rate else {}

    def _all_for(self, domain: str) -> Bucket | None:
        return self._beside.get(domain, self._all)

    def _bucket(self, rate: float, domain: str = "", *, single: bool = False) -> Bucket:
        name = f"domain {domain}" if domain else f"relay {self._relay}"
        return _Bucket(self._sharing, self._clock, name, rate, single=single)

    def offer(self, domain: str) -> float:
        """See `Pacing.offer`. While the database is away nobody's turn comes; LedgerError is for what stays so."""
        try:
            return super().offer(domain)
        except LedgerBusy:
            return _AWAY

    def ask(self, domain: str) -> float:
        """See `Pacing.ask`, and `offer`."""
        try:
            return super().ask(domain)
        except LedgerBusy:
            return _AWAY
