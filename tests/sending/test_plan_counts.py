"""What a plan says is what a freeze of the same list then does, whatever the list holds."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import Fault, LedgerError, NothingToSend
from digest.ledger.opening import open_ledger
from digest.model import Audience, Edition, InactiveReader, Recipient
from digest.period import parse
from digest.recipients.segments import Condition, Segment
from digest.sending import edition_readers
from digest.sending.edition_readers import Readers
from digest.testing import MemoryLedger


class Listed:
    """A list in memory."""

    def __init__(self, rows):
        self.rows = rows

    def unread(self):
        return ()

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


SEGMENT = Segment(only=(Condition(column="role", values=("press",)),))
ROWS = st.lists(
    st.one_of(
        st.builds(
            Recipient,
            address=st.sampled_from([f"r{n}@example.org" for n in range(8)] + ["R1@Example.org"]),
            language=st.sampled_from(["", "en", "fr", "fr-CA", "de"]),
            fields=st.sampled_from([{"role": "press"}, {}]),
        ),
        st.just(Fault(file="list.csv", line=3, message="has no @")),
        st.builds(
            InactiveReader,
            recipient=st.just(Recipient(address="gone@example.org")),
            reason=st.sampled_from(["bounced", "left"]),
        ),
    ),
    max_size=30,
)


@given(ROWS)
def test_each_row_of_a_list_is_accounted_for(tmp_path_factory, rows):
    """Whatever stands on the list, each of its rows is planned, or left out for a reason that is counted."""
    edition = Edition(period=parse("2022-02", UTC), audience="everyone", language="en")
    ids = {language: f"2022-02/everyone/{language}" for language in ("en", "fr")}
    readers = Readers(Listed(rows), edition, audience(), SEGMENT, ("en", "fr"))
    folder = tmp_path_factory.mktemp("ledger")
    with closing(open_ledger("sqlite:///ledger.db", newsroom="N", root=folder)) as ledger:
        ledger.suppress("r2@example.org", "everyone", "unsubscribed", "", 1.0)
        try:
            counts = ledger.freeze_round(
                {ids["en"]: "hash", ids["fr"]: ""},
                ((ids[language], reader) for language, reader in readers.in_languages()),
                2.0,
            )
        except NothingToSend:  # they all read French: nothing was frozen
            return
        words = readers.account(counts)
        mailed = {
            row.address.casefold() for name in ids.values() if ledger.mailing(name) for row in ledger.deliveries(name)
        }
    assert words.startswith(f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}: ")
    assert {row.address.casefold() for row in rows if isinstance(row, Recipient) and row.fields} == mailed


def test_a_row_that_nobody_counted_is_told(edition):
    """A reader who would be lost between the list and the ledger stops the freeze; it is never a smaller number."""
    readers = Readers(
        Listed([Recipient(address="a@example.org"), Recipient(address="b@example.org")]), edition, audience()
    )
    assert len(list(readers)) == 2
    with pytest.raises(LedgerError, match="2 rows: 1 2022-02/everyone/en: that is not all of them"):
        readers.account({edition.id: {"planned": 1, "suppressed": 0, "duplicates": 0}})
