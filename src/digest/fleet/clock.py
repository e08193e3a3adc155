"""The database's clock, read without asking each time: leases and paces of many machines need one clock.

It never goes by this machine's idea of the date, so a wrong or stepping local clock harms nobody.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUSTED = 60.0  # seconds for which a better-measured offset is kept


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
        """The database said `told` somewhere between two local moments. A longer question says less exactly when."""
        doubt = after - before
        if doubt <= self._doubt or after - self._since > _TRUSTED:
            self._offset = told - (before + after) / 2
            self._doubt, self._since = doubt, after
