"""Deliveries are found across editions, by Message-ID and by reader, alike in every stored."""

from __future__ import annotations

import pytest

from digest.delivery import Event, State
from digest.errors import LedgerError
from digest.model import Recipient
from digest.testing import readers

EDITIONS = ("2022-01/everyone/en", "2022-02/everyone/en", "2022-01/skills/en", "2022-03/everyone/en")
NOW = 1_646_000_000.0


@pytest.fixture
def filled(stored):
    """Four editions, frozen in this order, each with the same three readers; the third reader's mail was refused."""
    for edition in EDITIONS:
        stored.freeze(edition, "hash", readers(3), NOW, lambda address, edition=edition: f"<{edition}.{address}>")
        first, second, third = (row.id for row in stored.claim(edition, "me", 3, NOW))
        stored.record([(number, Event.INTEND, None) for number in (first, second, third)], NOW, "me")
        stored.record([(first, Event.ACCEPT, None), (third, Event.REFUSE, None)], NOW, "me")
    return stored


def test_mails_are_found_by_their_message_ids(filled):
    """Whatever their edition, the newest edition first; what the ledger does not know is left out."""
    wanted = [f"<{EDITIONS[0]}.reader2@example.org>", f"<{EDITIONS[3]}.reader1@example.org>", "<x@example.org>", ""]
    found = filled.find(wanted)
    assert [(row.edition, row.address) for row in found] == [
        (EDITIONS[3], "reader1@example.org"),
        (EDITIONS[0], "reader2@example.org"),
    ]
    assert [row.state for row in found] == [State.SENT, State.SENDING]
    assert list(filled.find([])) == []


def test_many_message_ids_are_asked_for_at_once(stored):
    """More than one statement holds, and none of them twice."""
    stored.freeze(EDITIONS[0], "hash", readers(1_200), NOW, lambda address: f"<{address}>")
    found = stored.find(f"<reader{number}@example.org>" for number in range(1, 1_400))
    assert len({row.id for row in found}) == len(found) == 1_200


def test_mails_without_a_message_id_are_not_found(stored):
    """An empty Message-ID is none: it never matches."""
    stored.freeze(EDITIONS[0], "hash", readers(2), NOW)
    assert list(stored.find([""])) == []


def test_a_readers_last_mails(filled):
    """However the address is spelled, the newest edition first, no more than asked for, in the states asked for."""
    assert [row.edition for row in filled.latest("READER1@Example.org", 3)] == list(EDITIONS[:0:-1])
    assert [row.edition for row in filled.latest("reader3@example.org", 9, [State.REFUSED])] == list(EDITIONS[::-1])
    assert list(filled.latest("reader3@example.org", 9, [State.SENT])) == []
    assert list(filled.latest("nobody@example.org", 9)) == []


def test_a_reader_of_some_editions_only(filled):
    """An edition that the reader was not in does not count."""
    filled.freeze("2022-04/everyone/en", "hash", [Recipient(address="late@example.org")], NOW)
    filled.freeze("2022-05/everyone/en", "hash", readers(1), NOW)
    assert [row.edition for row in filled.latest("late@example.org", 2)] == ["2022-04/everyone/en"]
    newest = [row.edition for row in filled.latest("reader1@example.org", 2)]
    assert newest == ["2022-05/everyone/en", "2022-03/everyone/en"]


def test_finding_changes_nothing(filled):
    """Every row is as it was, in an edition that is being sent too."""
    before = [row for edition in EDITIONS for row in filled.deliveries(edition)]
    filled.find(row.message_id for row in before)
    filled.latest("reader2@example.org", 4)
    assert [row for edition in EDITIONS for row in filled.deliveries(edition)] == before


def test_a_closed_ledger_says_so(tmp_path):
    """A file that is damaged meanwhile is a LedgerError, never an empty answer."""
    from digest.ledger.opening import open_ledger

    opened = open_ledger("sqlite:///ledger.db", newsroom="test", root=tmp_path)
    opened.freeze(EDITIONS[0], "hash", readers(3), NOW, lambda address: f"<{address}>")
    opened.close()
    for left in tmp_path.glob("ledger.db-*"):
        if left.is_file():
            left.unlink()
    broken = open_ledger("sqlite:///ledger.db", newsroom="test", root=tmp_path)
    with broken.database.writing() as transaction:
        transaction.core.exec_driver_sql("ALTER TABLE deliveries RENAME TO elsewhere")
    with pytest.raises(LedgerError):
        broken.find(["<reader1@example.org>"])
    broken.close()
