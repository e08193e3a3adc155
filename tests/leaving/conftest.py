"""Suppressions in memory, as digest.ports asks for them: the ledger's own tests are about its database."""

from __future__ import annotations

import pytest

from digest.delivery import Suppression


class MemorySuppressions:
    def __init__(self):
        self.rows = {}

    def suppressed(self, addresses, audience):
        return frozenset(
            one for one in addresses if (one.lower(), audience) in self.rows or (one.lower(), "*") in self.rows
        )

    def suppress(self, address, scope, reason, detail, now):
        row = Suppression(address=address, scope=scope, reason=reason, detail=detail, since=now)
        return self.rows.setdefault((address.lower(), scope), row) is row

    def unsuppress(self, address, scope):
        return self.rows.pop((address.lower(), scope), None) is not None

    def suppressions(self):
        return iter([self.rows[one] for one in sorted(self.rows)])


@pytest.fixture
def suppressions():
    return MemorySuppressions()
