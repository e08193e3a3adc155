"""Suppressions in memory: who must not be mailed, by which scope, and why."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from digest.delivery import Suppression
from digest.ledger.transitions import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EVERYWHERE = "*"


class MemorySuppressions:
    """`ports.Suppressions` in memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._suppressions: dict[tuple[str, str], Suppression] = {}

    def reason(self, address: str, audience: str) -> str:
        """Why the address must not be mailed for this audience; empty when it may."""
        scopes = (EVERYWHERE, audience)
        with self._lock:
            found = [self._suppressions.get((address.casefold(), scope)) for scope in scopes]
        return max((each.reason for each in found if each), default="")

    def suppressed(self, addresses: Sequence[str], audience: str) -> frozenset[str]:
        """See `ports.Suppressions.suppressed`."""
        with self._lock:
            return frozenset(address for address in addresses if self.reason(address, audience))

    def suppress(self, address: str, scope: str, reason: str, detail: str, now: float) -> bool:
        """See `ports.Suppressions.suppress`."""
        key = (address.casefold(), scope)
        with self._lock:
            if key in self._suppressions:
                return False
            self._suppressions[key] = Suppression(
                address=key[0], scope=scope, reason=reason, detail=words(detail), since=now
            )
            return True

    def unsuppress(self, address: str, scope: str) -> bool:
        """See `ports.Suppressions.unsuppress`."""
        with self._lock:
            return self._suppressions.pop((address.casefold(), scope), None) is not None

    def suppressions(self) -> Iterator[Suppression]:
        """See `ports.Suppressions.suppressions`."""
        with self._lock:
            return iter([self._suppressions[key] for key in sorted(self._suppressions)])
