"""What every ledger does alike: in memory, in a SQLite file, in PostgreSQL."""

from __future__ import annotations

import json
import threading

import pytest

from digest.delivery import Event, MailingStatus, Outcome, Phase, State
from digest.errors import LedgerBusy, LedgerError
from digest.ledger import backoff, statements
from digest.model import Recipient
from digest.testing import readers

EDITION = "2022-02/everyone/en"
NOW = 1_646_000_000.0


def said(delivery, event, code=250, detail="2.0.0 Ok", phase=Phase.DOT):
    return delivery, event, Outcome(delivery=delivery, event=event, phase=phase, code=code, detail=detail)


def states(ledger, edition=EDITION):
    return {row.address: row.state for row in ledger.deliveries(edition)}


def frozen(ledger, count=3, edition=EDITION):
    ledger.freeze(edition, "hash", readers(count), now=NOW)
    return ledger


def claimed(ledger, count=3, owner="me"):
    return [row.id for row in frozen(ledger, count).claim(EDITION, owner, count, NOW)]


def sending(ledger, count=3, owner="me"):
    ids = claimed(ledger, count, owner)
    assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, owner) == frozenset()
    return ids


class TestFreeze:
    def test_counts(self, ledger):
        """A freeze plans one delivery for each reader and counts what it left out."""
        ledger.suppress("READER2@example.org", "everyone", "unsubscribed", "", NOW)
        ledger.suppress("reader3@example.org", "*", "bounced", "", NOW)
        ledger.suppress("reader1@example.org", "impact", "unsubscribed", "", NOW)
        counts = ledger.freeze(EDITION, "hash", [*readers(4), *readers(2)], now=NOW)
        assert counts == {"planned": 2, "suppressed": 2, "duplicates": 2}
        assert ledger.counts(EDITION) == {State.PLANNED: 2, State.SUPPRESSED: 2}

    def test_one_reader_however_spelled(self, ledger):
        """Addresses that differ only in case are one reader, mailed as first spelled."""
        spelled = [Recipient(address=each) for each in ("Ana@example.org", "ana@example.org", "ANA@example.org")]
        assert ledger.freeze(EDITION, "hash", spelled, now=NOW)["duplicates"] == 2
        assert [row.address for row in ledger.deliveries(EDITION)] == ["Ana@example.org"]

    def test_keeps_what_a_mail_needs(self, ledger):
        """Name, language, fields and Message-ID are frozen with the reader."""
        reader = Recipient(address="ana@example.org", name="Ana Ñ", language="es", fields={"city": "Łódź", "b": "1"})
        ledger.freeze(EDITION, "hash", [reader], now=NOW, message_id=lambda address: f"<{address}>")
        (row,) = ledger.deliveries(EDITION)
        assert (row.name, row.language, row.message_id) == ("Ana Ñ", "es", "<ana@example.org>")
        assert json.loads(row.fields) == {"b": "1", "city": "Łódź"}
        assert (row.edition, row.attempts, row.changed) == (EDITION, 0, NOW)

    def test_values_are_kept_as_they_are(self, ledger):
        """Whatever a name or a merge field holds comes back from the ledger unchanged, each reader's own."""
        odd = [
            "a\\b\\N\\.",
            "tab\there",
            "two\nlines\r\n",
            '"}, {"',
            "\x01}\x01{\x02",
            "",
            "'); --",
            "%s :name {ids}",
            "日本 😀",
        ]
        made = [
            Recipient(address=f"r{number}@example.org", name=each, fields={"b": each, "a": odd[number - 1], each: "c"})
            for number, each in enumerate(odd)
        ]
        ledger.freeze(EDITION, "hash", [*made, Recipient(address="plain@example.org")], now=NOW)
        rows = list(ledger.deliveries(EDITION))
        assert [row.name for row in rows] == [*odd, ""]
        assert [json.loads(row.fields) for row in rows] == [*(reader.fields for reader in made), {}]
        assert rows[0].fields == json.dumps(made[0].fields, ensure_ascii=False, sort_keys=True)

    def test_the_first_of_many(self, ledger):
        """Of a reader's rows, however far apart, the first is mailed, in its place on the list."""
        first = [Recipient(address=f"Reader{number * 7 % 1201}@example.org", name="first") for number in range(1201)]
        again = [Recipient(address=f"reader{number}@example.org", name="again") for number in range(0, 1201, 3)]
        ledger.suppress("reader6@example.org", "*", "bounced", "", NOW)
        counts = ledger.freeze(EDITION, "hash", [*first, *again, *again], now=NOW)
        assert counts == {"planned": 1200, "suppressed": 1, "duplicates": 2 * len(again)}
        rows = list(ledger.deliveries(EDITION))
        assert [row.address for row in rows] == [reader.address for reader in first]
        assert {row.name for row in rows} == {"first"}
        assert ledger.freeze(EDITION, "hash", [], now=NOW) == counts
        ledger.freeze("2022-03/everyone/en", "hash", again, now=NOW)
        assert len(ledger.claim("2022-03/everyone/en", "me", 2000, NOW)) == len(again) - 1

    def test_second_time_adds_nothing(self, ledger):
        """A second freeze with the same content gives the first one's counts and takes in no new reader."""
        first = ledger.freeze(EDITION, "hash", readers(3), now=NOW)

        def untouched():
            pytest.fail("the list was read again")
            yield

        assert ledger.freeze(EDITION, "hash", untouched(), now=NOW + 1) == first
        assert len(list(ledger.deliveries(EDITION))) == 3

    def test_other_content_is_refused(self, ledger):
        """An edition that was frozen is never sent with another content."""
        frozen(ledger)
        with pytest.raises(LedgerError, match="another content"):
            ledger.freeze(EDITION, "other", readers(3), now=NOW)

    def test_nobody(self, ledger):
        """Without a reader nothing is recorded, and a later freeze with readers works."""
        assert ledger.freeze(EDITION, "hash", [], now=NOW) == {"planned": 0, "suppressed": 0, "duplicates": 0}
        assert ledger.mailing(EDITION) is None
        assert ledger.freeze(EDITION, "hash", readers(1), now=NOW)["planned"] == 1

    def test_all_or_nothing(self, ledger):
        """A list that breaks off half way leaves nothing behind."""

        def broken():
            yield from readers(3)
            message = "the list broke off"
            raise OSError(message)

        with pytest.raises(OSError, match="broke off"):
            ledger.freeze(EDITION, "hash", broken(), now=NOW)
        assert ledger.mailing(EDITION) is None
        with pytest.raises(LedgerError):
            ledger.counts(EDITION)

    def test_order(self, ledger):
        """Deliveries are listed and claimed in the order of the list."""
        frozen(ledger, 30)
        wanted = [reader.address for reader in readers(30)]
        assert [row.address for row in ledger.deliveries(EDITION)] == wanted
        assert [row.address for row in ledger.claim(EDITION, "me", 30, NOW)] == wanted

    def test_many(self, ledger):
        """More readers than fit a page or a batch are all there, once."""
        ledger.freeze(EDITION, "hash", readers(6_001), now=NOW)
        assert len({row.address for row in ledger.deliveries(EDITION)}) == 6_001


class TestClaim:
    def test_no_two_senders(self, ledger):
        """What one has claimed, another does not get."""
        frozen(ledger, 5)
        first, second = ledger.claim(EDITION, "one", 3, NOW), ledger.claim(EDITION, "two", 9, NOW)
        assert [len(first), len(second)] == [3, 2]
        assert not {row.id for row in first} & {row.id for row in second}
        assert ledger.claim(EDITION, "three", 9, NOW) == []
        assert all(row.state is State.CLAIMED for row in (*first, *second))

    def test_from_many_threads(self, ledger):
        """Threads that claim at once share the readers without overlap."""
        frozen(ledger, 60)
        got: list[int] = []

        def claim():
            while rows := ledger.claim(EDITION, "me", 4, NOW):
                got.extend(row.id for row in rows)

        threads = [threading.Thread(target=claim) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == len(set(got)) == 60

    def test_only_one_address(self, ledger):
        """A claim for one address, in any spelling, gives that one alone."""
        frozen(ledger)
        assert [row.address for row in ledger.claim(EDITION, "me", 9, NOW, "READER2@example.org")] == [
            "reader2@example.org"
        ]
        assert ledger.claim(EDITION, "me", 9, NOW, "nobody@example.org") == []

    def test_domains_can_be_left_out_of_a_claim(self, ledger):
        """Where enough of a slow domain is at hand, a claim takes the others, from where the one before it ended."""
        people = [Recipient(address=f"r{n}@{'slow' if n % 2 else 'other'}.example") for n in range(12)]
        ledger.freeze(EDITION, "hash", people, NOW)
        first = ledger.claim(EDITION, "me", 4, NOW, without=["slow.example"])
        assert [row.address for row in first] == [f"r{n}@other.example" for n in (0, 2, 4, 6)]
        after = max(row.id for row in first)
        second = ledger.claim(EDITION, "me", 9, NOW, without=["slow.example", "none.example"], after=after)
        assert [row.address for row in second] == [f"r{n}@other.example" for n in (8, 10)]
        assert ledger.claim(EDITION, "me", 9, NOW, without=["slow.example"], after=after) == []
        assert len(ledger.claim(EDITION, "me", 9, NOW)) == 6

    def test_not_the_suppressed(self, ledger):
        """Who was suppressed after the freeze is not claimed."""
        frozen(ledger)
        ledger.suppress("reader1@example.org", "everyone", "unsubscribed", "", NOW)
        assert len(ledger.claim(EDITION, "me", 9, NOW)) == 2
        assert states(ledger)["reader1@example.org"] is State.SUPPRESSED

    def test_unknown_edition(self, ledger):
        """An edition that was never frozen is named in the error."""
        with pytest.raises(LedgerError, match="2030-01/everyone/en"):
            ledger.claim("2030-01/everyone/en", "me", 1, NOW)

    def test_editions_apart(self, ledger):
        """A claim in one edition leaves another edition's readers alone."""
        frozen(ledger)
        frozen(ledger, 2, "2022-02/impact/fr")
        assert len(ledger.claim("2022-02/impact/fr", "me", 9, NOW)) == 2
        assert ledger.counts(EDITION) == {State.PLANNED: 3}


class TestRecord:
    def test_accepted(self, ledger):
        """An accepted mail is sent, with the server's code and words, and counts as one try."""
        (number,) = sending(ledger, 1)
        assert (
            ledger.record([said(number, Event.ACCEPT, 250, "2.0.0 Ok: queued as 4B2C")], NOW + 5, "me") == frozenset()
        )
        (row,) = ledger.deliveries(EDITION)
        assert (row.state, row.attempts, row.code, row.detail) == (State.SENT, 1, 250, "2.0.0 Ok: queued as 4B2C")
        assert row.changed == NOW + 5

    def test_deferred_waits(self, ledger):
        """A deferred reader is claimed again when the back-off is over, and not before."""
        (number,) = sending(ledger, 1)
        ledger.record([said(number, Event.DEFER, 450, "4.2.0 greylisted")], NOW, "me")
        (row,) = ledger.deliveries(EDITION)
        assert NOW + backoff.ASKED <= row.next_try <= NOW + backoff.ASKED * 1.1
        assert ledger.next_try(EDITION, NOW) == row.next_try
        assert ledger.claim(EDITION, "me", 9, row.next_try - 1) == []
        (again,) = ledger.claim(EDITION, "me", 9, row.next_try)
        assert (again.id, again.attempts, again.code, again.detail) == (number, 1, 450, "4.2.0 greylisted")

    def test_clock_set_back(self, ledger):
        """A waiting time beyond any back-off comes from a clock since set back, and holds nobody up."""
        (number,) = sending(ledger, 1)
        year = 365 * 86400.0
        ledger.record([said(number, Event.DEFER, 450, "later")], NOW + year, "me")
        assert ledger.next_try(EDITION, NOW) == NOW
        assert len(ledger.claim(EDITION, "me", 9, NOW)) == 1

    def test_suppressed_at_the_last_moment(self, ledger):
        """Who leaves between claim and intent is not mailed, and is recorded as suppressed."""
        ids = claimed(ledger)
        ledger.suppress("Reader2@Example.org", "everyone", "unsubscribed", "", NOW)
        assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "me") == {ids[1]}
        assert list(states(ledger).values()) == [State.SENDING, State.SUPPRESSED, State.SENDING]

    def test_other_audiences_suppression(self, ledger):
        """Leaving another audience's list changes nothing here."""
        ids = claimed(ledger)
        ledger.suppress("reader2@example.org", "impact", "unsubscribed", "", NOW)
        assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "me") == frozenset()

    def test_suppressed_again(self, ledger):
        """A suppression that was lifted and set again counts again."""
        ledger.suppress("reader1@example.org", "*", "manual", "", NOW)
        assert ledger.unsuppress("reader1@example.org", "*", ["manual"], NOW)
        ids = claimed(ledger)
        ledger.suppress("reader1@example.org", "*", "manual", "", NOW)
        assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "me") == {ids[0]}

    def test_other_owner(self, ledger):
        """A sender whose claim went to another cannot mail, nor spoil what the other does."""
        ids = claimed(ledger, owner="one")
        ledger.recover(EDITION, NOW + backoff.LEASE + 1)
        assert [row.id for row in ledger.claim(EDITION, "two", 9, NOW)] == ids
        assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "one") == frozenset(ids)
        assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "two") == frozenset()
        assert ledger.record([said(ids[0], Event.DEFER, 450, "late")], NOW, "one") == {ids[0]}
        assert set(states(ledger).values()) == {State.SENDING}

    def test_intent_twice(self, ledger):
        """The second intent for one claim is refused: a mail goes once."""
        ids = sending(ledger)
        assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "me") == frozenset(ids)

    def test_left_while_it_was_sent(self, ledger):
        """Who leaves while the mail is in flight, and is put off or settled as not sent, does not wait again."""
        ids = sending(ledger)
        ledger.suppress("reader1@example.org", "everyone", "unsubscribed", "", NOW)
        ledger.suppress("reader2@example.org", "*", "bounced", "", NOW)
        assert ledger.counts(EDITION) == {State.SENDING: 3}
        assert ledger.claim(EDITION, "me", 9, NOW) == []  # the sweep passes them by
        ledger.record([said(ids[0], Event.DEFER, 450, "later")], NOW, "me")
        ledger.recover(EDITION, NOW)
        ledger.settle(EDITION, ["reader2@example.org", "reader3@example.org"], Event.SETTLE_RESEND, "", NOW)
        assert list(states(ledger).values()) == [State.SUPPRESSED, State.SUPPRESSED, State.PLANNED]
        assert [row.detail for row in ledger.deliveries(EDITION, [State.SUPPRESSED])] == ["unsubscribed", "bounced"]

    def test_paused_between(self, ledger):
        """A pause gives back what was claimed: nothing goes, nothing is lost."""
        ids = claimed(ledger)
        ledger.pause(EDITION)
        assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "me") == frozenset(ids)
        assert ledger.counts(EDITION) == {State.PLANNED: 3}
        assert ledger.claim(EDITION, "me", 9, NOW) == []
        ledger.resume(EDITION)
        assert len(ledger.claim(EDITION, "me", 9, NOW)) == 3

    def test_cancelled_between(self, ledger):
        """A cancellation spares those who were only claimed."""
        ids = claimed(ledger)
        ledger.cancel(EDITION, NOW)
        assert ledger.record([(number, Event.INTEND, None) for number in ids], NOW, "me") == frozenset(ids)
        assert ledger.counts(EDITION) == {State.CANCELLED: 3}

    def test_late_acceptance_ends_the_doubt(self, ledger):
        """An acceptance that comes after the delivery was held in doubt settles it."""
        (number,) = sending(ledger, 1)
        ledger.recover(EDITION, NOW)
        assert states(ledger) == {"reader1@example.org": State.IN_DOUBT}
        assert ledger.record([said(number, Event.ACCEPT)], NOW, "me") == frozenset()
        assert states(ledger) == {"reader1@example.org": State.SENT}

    def test_several_at_once(self, ledger):
        """Events of many kinds go in one transaction; a delivery's second event sees its first."""
        ids = sending(ledger, 4)
        left = ledger.record(
            [
                said(ids[0], Event.ACCEPT),
                said(ids[1], Event.DEFER, 450, "later"),
                said(ids[2], Event.REFUSE, 550, "5.1.1 no such user"),
                said(ids[3], Event.DOUBT, 0, "lost after the dot"),
                said(ids[1], Event.REFUSE, 550, "after all"),
            ],
            NOW,
            "me",
        )
        assert left == frozenset()
        assert list(states(ledger).values()) == [State.SENT, State.REFUSED, State.REFUSED, State.IN_DOUBT]
        assert [row.attempts for row in ledger.deliveries(EDITION)] == [1, 1, 1, 1]

    def test_words_are_one_clean_line(self, ledger):
        """A server's words are stored on one line, without control characters, and not for ever long."""
        (number,) = sending(ledger, 1)
        ledger.record([said(number, Event.REFUSE, 550, "no\r\nsuch\x00 \x1b[31muser\u2028é" + "x" * 9999)], NOW, "me")
        (row,) = ledger.deliveries(EDITION)
        assert row.detail.startswith("no such [31muser éxxx")
        assert len(row.detail) == 500

    def test_a_claim_is_no_event(self, ledger):
        """A claim without a lease cannot be recorded."""
        frozen(ledger)
        with pytest.raises(ValueError, match="claim"):
            ledger.record([(1, Event.CLAIM, None)], NOW)


class TestRecover:
    def test_after_a_crash(self, ledger):
        """What was claimed is planned again; what was being sent is held in doubt, and says why."""
        ids = claimed(ledger)
        ledger.record([(ids[0], Event.INTEND, None)], NOW, "me")
        assert ledger.recover(EDITION, NOW + 1) == {State.PLANNED: 2, State.IN_DOUBT: 1}
        (held,) = ledger.deliveries(EDITION, [State.IN_DOUBT])
        assert (held.id, held.attempts) == (ids[0], 1)
        assert "may have been accepted" in held.detail
        assert ledger.recover(EDITION, NOW + 2) == {}

    def test_in_doubt_is_never_claimed(self, ledger):
        """What is in doubt is not sent again by itself, however late it is."""
        sending(ledger)
        ledger.recover(EDITION, NOW)
        assert ledger.claim(EDITION, "me", 9, NOW + 10**9) == []
        assert ledger.next_try(EDITION, NOW) is None

    def test_our_fault_need_not_wait(self, ledger):
        """Readers put off because the server refused us are due at once in the next run; the others wait."""
        ids = sending(ledger, 2)
        ledger.record([said(ids[0], Event.DEFER, 550, "sender refused")], NOW, "me")
        ledger.record([said(ids[1], Event.DEFER, 450, "greylisted")], NOW, "me")
        assert ledger.claim(EDITION, "me", 9, NOW) == []
        ledger.recover(EDITION, NOW)
        assert [row.id for row in ledger.claim(EDITION, "me", 9, NOW)] == [ids[0]]


class TestSettle:
    def test_by_hand(self, ledger):
        """A person's word ends the doubt either way, and is kept."""
        sending(ledger)
        ledger.recover(EDITION, NOW)
        assert ledger.settle(EDITION, ["READER1@example.org"], Event.SETTLE_SENT, "seen in the log", NOW) == frozenset()
        assert ledger.settle(EDITION, ["reader2@example.org"], Event.SETTLE_RESEND, "by hand", NOW) == frozenset()
        assert list(states(ledger).values()) == [State.SENT, State.PLANNED, State.IN_DOUBT]
        assert next(iter(ledger.deliveries(EDITION, [State.SENT]))).detail == "seen in the log"
        assert len(ledger.claim(EDITION, "me", 9, NOW)) == 1

    def test_refused_can_be_sent_again(self, ledger):
        """Who was refused can be put back, when a person says so."""
        (number,) = sending(ledger, 1)
        ledger.record([said(number, Event.REFUSE, 550, "no")], NOW, "me")
        assert ledger.settle(EDITION, ["reader1@example.org"], Event.SETTLE_RESEND, "", NOW) == frozenset()
        assert states(ledger) == {"reader1@example.org": State.PLANNED}

    def test_what_does_not_fit_is_named(self, ledger):
        """Readers who are not held, and those nobody knows, come back as they were given."""
        (number, _) = sending(ledger, 2)
        ledger.record([said(number, Event.ACCEPT)], NOW, "me")
        asked = ["Reader1@example.org", "who@example.org"]
        assert ledger.settle(EDITION, asked, Event.SETTLE_RESEND, "", NOW) == frozenset(asked)
        assert states(ledger)["reader1@example.org"] is State.SENT

    def test_only_settling(self, ledger):
        """Nothing but settling can be said this way."""
        frozen(ledger)
        with pytest.raises(ValueError, match="settles"):
            ledger.settle(EDITION, ["reader1@example.org"], Event.ACCEPT, "", NOW)


class TestStanding:
    def test_cancel(self, ledger):
        """Cancelling spares all who were not mailed, and is final."""
        (number, _, _) = sending(ledger)
        ledger.record([said(number, Event.ACCEPT)], NOW, "me")
        ledger.freeze("2022-03/everyone/en", "hash", readers(4), now=NOW)
        assert ledger.cancel("2022-03/everyone/en", NOW) == 4
        assert ledger.counts("2022-03/everyone/en") == {State.CANCELLED: 4}
        assert ledger.counts(EDITION) == {State.SENDING: 2, State.SENT: 1}
        for change in (ledger.pause, ledger.resume):
            with pytest.raises(LedgerError, match="final"):
                change("2022-03/everyone/en")
        assert ledger.cancel("2022-03/everyone/en", NOW) == 0

    def test_back_from_a_sender(self, ledger):
        """What a sender gives back, or puts off, after the cancellation is cancelled too."""
        ids = sending(ledger)
        ledger.cancel(EDITION, NOW)
        ledger.record([said(ids[0], Event.ACCEPT), said(ids[1], Event.DEFER, 450, "later")], NOW, "me")
        assert ledger.counts(EDITION) == {State.SENDING: 1, State.SENT: 1, State.CANCELLED: 1}

    def test_crash_after_cancel(self, ledger):
        """What a dead sender had claimed of a cancelled edition is cancelled too, and no doubt is sent again."""
        ids = claimed(ledger)
        ledger.record([(ids[0], Event.INTEND, None)], NOW, "me")
        ledger.cancel(EDITION, NOW)
        ledger.recover(EDITION, NOW)
        assert ledger.counts(EDITION) == {State.IN_DOUBT: 1, State.CANCELLED: 2}
        held = ["reader1@example.org"]
        assert ledger.settle(EDITION, held, Event.SETTLE_RESEND, "", NOW) == frozenset(held)

    def test_listed(self, stored):
        """Editions are listed in the order of their freeze, each with its standing."""
        assert stored.mailings() == []
        frozen(stored)
        stored.freeze("2022-03/everyone/en", "other", [*readers(1), *readers(1)], now=NOW + 1)
        stored.pause("2022-03/everyone/en")
        first, second = stored.mailings()
        assert (first.edition, first.content, first.frozen, first.standing) == (
            EDITION,
            "hash",
            NOW,
            MailingStatus.OPEN,
        )
        assert (second.standing, second.duplicates) == (MailingStatus.PAUSED, 1)
        assert stored.mailing("2022-03/everyone/en") == second
        assert stored.mailing("2022-04/everyone/en") is None

    def test_unknown(self, ledger):
        """An edition that is not known cannot be paused."""
        with pytest.raises(LedgerError, match="not in the ledger"):
            ledger.pause("2030-01/everyone/en")


class TestExpire:
    def test_old_and_tried(self, ledger):
        """Who was tried often enough for long enough is refused, with the last words."""
        frozen(ledger, 2)
        now = NOW
        for _ in range(4):
            (row,) = ledger.claim(EDITION, "me", 9, now, "reader1@example.org")
            ledger.record([said(row.id, Event.DEFER, 450, "4.2.2 full", Phase.RCPT)], now, "me")
            now += 20_000
        assert ledger.expire(EDITION, NOW + 99, age=100, attempts=4) == 0
        assert ledger.expire(EDITION, NOW + 99_999, age=60_001, attempts=4) == 0, "not tried since, in a long pause"
        assert ledger.expire(EDITION, NOW + 101, age=100, attempts=5) == 0
        assert ledger.expire(EDITION, NOW + 101, age=100, attempts=4) == 1
        (row,) = ledger.deliveries(EDITION, [State.REFUSED])
        assert (row.code, row.detail) == (450, "given up after 4 tries; the last answer: 4.2.2 full")


class TestOverview:
    @pytest.fixture
    def seen(self, stored):
        addresses = ['"a@b"@x.org', "b@x.org", "c@y.org", "d@y.org", "e@y.org", "f@z.org"]
        stored.freeze(EDITION, "hash", [Recipient(address=each) for each in addresses], now=NOW)
        ids = [row.id for row in stored.claim(EDITION, "me", 9, NOW)]
        stored.record([(number, Event.INTEND, None) for number in ids[:5]], NOW, "me")
        stored.record([said(ids[0], Event.ACCEPT)], NOW + 10, "me")
        stored.record([said(ids[2], Event.ACCEPT)], NOW + 70, "me")
        for number, address in ((ids[1], "b@x.org"), (ids[3], "d@y.org")):
            told = said(number, Event.REFUSE, 550, f"5.1.1 <{address}>: user unknown", Phase.RCPT)
            stored.record([told], NOW + 70, "me")
        return stored

    def test_domains(self, seen):
        """Counts for each domain, the largest first; the domain is what follows the last @."""
        assert seen.domains(EDITION) == {
            "y.org": {State.SENT: 1, State.REFUSED: 1, State.SENDING: 1},
            "x.org": {State.SENT: 1, State.REFUSED: 1},
            "z.org": {State.CLAIMED: 1},
        }
        assert list(seen.domains(EDITION)) == ["y.org", "x.org", "z.org"]

    def test_refusals(self, seen):
        """The same reason for two readers is one reason, without their addresses."""
        assert seen.refusals(EDITION) == {(550, "5.1.1 : user unknown"): 2}

    def test_timeline(self, seen):
        """How many came into their state in each span of time."""
        found = seen.timeline(EDITION, 60)
        start = NOW // 60 * 60
        assert {start <= moment <= start + 120 for moment, _, _ in found} == {True}
        assert sum(count for _, _, count in found) == 6
        assert [count for _, state, count in found if state is State.SENT] == [1, 1]

    def test_by_state(self, seen):
        """Deliveries can be asked for by state."""
        found = list(seen.deliveries(EDITION, [State.CLAIMED, State.SENDING]))
        assert [row.address for row in found] == ["e@y.org", "f@z.org"]


class TestLock:
    def test_one_sender(self, ledger):
        """The second sender of an edition is told who the first is; another edition is free."""
        frozen(ledger)
        with ledger.lock(EDITION, "newsroom-1, process 42"):
            with pytest.raises(LedgerBusy, match="newsroom-1, process 42"), ledger.lock(EDITION, "me"):
                pass
            with ledger.lock("2022-03/everyone/en", "me"):
                pass
        with ledger.lock(EDITION, "me"):
            pass

    def test_let_go_by_an_error(self, ledger):
        """An error inside lets go of the lock."""
        with pytest.raises(KeyError), ledger.lock(EDITION, "me"):
            raise KeyError
        with ledger.lock(EDITION, "me"):
            pass


class TestSuppressions:
    def test_kept(self, ledger):
        """A suppression is kept once for each reason, side by side, and listed by address."""
        assert ledger.suppress("B@example.org", "*", "bounced", "550 5.1.1", NOW)
        assert not ledger.suppress("b@EXAMPLE.org", "*", "bounced", "", NOW + 1)
        assert ledger.suppress("b@EXAMPLE.org", "*", "complained", "", NOW)
        assert ledger.suppress("a@example.org", "everyone", "unsubscribed", "", NOW)
        assert [(each.address, each.scope, each.reason, each.since) for each in ledger.suppressions()] == [
            ("a@example.org", "everyone", "unsubscribed", NOW),
            ("b@example.org", "*", "bounced", NOW),
            ("b@example.org", "*", "complained", NOW),
        ]
        assert [each.reason for each in ledger.reasons("B@example.org")] == ["bounced", "complained"]

    def test_asked(self, ledger):
        """Who is suppressed for an audience: for it, or for every one; answered in the spelling of the question."""
        ledger.suppress("a@example.org", "*", "bounced", "", NOW)
        ledger.suppress("b@example.org", "everyone", "unsubscribed", "", NOW)
        asked = ["A@example.org", "b@example.org", "c@example.org"]
        assert ledger.suppressed(asked, "everyone") == {"A@example.org", "b@example.org"}
        assert ledger.suppressed(asked, "impact") == {"A@example.org"}
        assert ledger.suppressed([], "impact") == frozenset()
        assert ledger.suppressed([f"x{number}@example.org" for number in range(1200)], "impact") == frozenset()

    def test_lifted(self, ledger):
        """A suppression can be taken away, once; the other reasons stay."""
        ledger.suppress("a@example.org", "*", "manual", "", NOW)
        ledger.suppress("a@example.org", "*", "bounced", "", NOW)
        (lifted,) = ledger.unsuppress("A@example.org", "*", ["manual", "unsubscribed"], NOW, "she asked")
        assert (lifted.address, lifted.reason) == ("a@example.org", "manual")
        assert list(ledger.unsuppress("a@example.org", "*", ["manual"], NOW)) == []
        assert [each.reason for each in ledger.suppressions()] == ["bounced"]
        assert ledger.suppressed(["a@example.org"], "everyone")

    def test_a_lifted_bounce_loses_no_leaving(self, ledger):
        """Who bounced, then left, is not mailed when the bounce is lifted."""
        ledger.suppress("a@example.org", "*", "bounced", "", NOW)
        ledger.suppress("a@example.org", "*", "unsubscribed", "", NOW)
        ledger.unsuppress("a@example.org", "*", ["bounced"], NOW)
        assert ledger.suppressed(["a@example.org"], "everyone")


@pytest.mark.parametrize("ledger", ["sqlite", "postgres"], indirect=True)
def test_a_freeze_that_would_mail_somebody_twice_is_none(ledger, monkeypatch):
    """Should a reader ever be left with two rows, nothing is frozen: the count is taken before the commit."""
    nothing = (
        "DELETE FROM deliveries WHERE id BETWEEN :first AND :last AND id < 0 AND edition = :round AND edition IN {ids}"
    )
    monkeypatch.setattr(statements, "DROP_DOUBLES", nothing)
    with pytest.raises(LedgerError, match="3 mails for 2 readers, so nothing was frozen"):
        ledger.freeze(EDITION, "hash", [*readers(2), *readers(1)], now=0.0)
    assert ledger.mailing(EDITION) is None
    monkeypatch.undo()
    assert ledger.freeze(EDITION, "hash", [*readers(2), *readers(1)], now=0.0)["duplicates"] == 1
