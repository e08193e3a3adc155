"""What a plan says is what a freeze of the same list then does, whatever the list holds."""

from __future__ import annotations

from collections import Counter
from datetime import UTC

import pytest

from digest.errors import Fault
from digest.model import Audience, Edition, Recipient
from digest.period import parse
from digest.sending import edition_readers
from digest.sending.edition_readers import Readers
from digest.testing import MemoryLedger


class Listed:
    """A list in memory."""

    def __init__(self, rows):
        self.rows = rows

    def recipients(self):
        return iter(self.rows)


@pytest.fixture
def edition():
    return Edition(period=parse("2022-02", UTC), audience="everyone", language="en")


def audience():
    return Audience(name="everyone", title="Everyone", languages=("en", "fr"))


def test_as_the_freeze(edition):
    """Doubles far apart, in whatever case, count once and as the first; the suppressed, bad rows and others apart."""
    rows = [
        Recipient(address=f"Reader{number}@{number % 7}.example.org", language=("en", "fr", "", "en-GB")[number % 4])
        for number in range(1_500)
    ]
    again = [Recipient(address=row.address.upper().lower(), language="en-US") for row in rows[::4]]
    bad = Fault(file="list.csv", line=3, message="has no @")
    ledger = MemoryLedger()
    ledger.suppress("reader4@4.example.org", "everyone", "unsubscribed", "", 1.0)
    ledger.suppress("READER8@1.example.org", "*", "bounced", "", 1.0)
    listed = [*rows, bad, *again, *again, bad]
    made = edition_readers.plan_send(Readers(Listed(listed), edition, audience()), ledger, 10.0, {"3.example.org": 1.0})
    counts = ledger.freeze(edition.id, "hash", Readers(Listed(listed), edition, audience()), 2.0)
    assert counts == {"planned": made.readers, "suppressed": made.suppressed, "duplicates": made.duplicates}
    assert (made.suppressed, made.duplicates, made.bad, made.others) == (2, 2 * len(again), 2, 375)
    ours = [row for number, row in enumerate(rows) if number % 4 != 1 and number not in (4, 8)]
    assert made.domains == Counter(row.address.partition("@")[2] for row in ours)
    assert made.languages == Counter(row.language or "en" for row in ours)
    assert made.seconds == pytest.approx(max(made.domains["3.example.org"], made.readers / 10))


def test_nobody(edition):
    """An empty list is a plan for nobody."""
    made = edition_readers.plan_send(Readers(Listed([]), edition, audience()), MemoryLedger(), 0.0, {})
    assert (made.readers, made.suppressed, made.duplicates, made.domains, made.seconds) == (0, 0, 0, {}, None)
