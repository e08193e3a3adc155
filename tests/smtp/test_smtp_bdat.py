"""Mails by BDAT: several in flight on one connection, and what is in doubt when it dies."""

from __future__ import annotations

import pytest
from faultserver import FULL, GARBAGE, Drop, FaultServer, Hang, Reset, Say, Visit, at
from msgspec.structs import replace
from smtprun import impatient, mails, settings, tell

from digest.delivery import Event, Outgoing, Phase
from digest.errors import LedgerError, SendStopped, TransportError
from digest.smtp.transport import SmtpTransport

CHUNKS = (*FULL, "CHUNKING")
WINDOW = {"bdat": True, "window": 4}
windows = pytest.mark.parametrize("window", [1, 2, 8, 100])


def verbs(server: FaultServer) -> list[str]:
    return [line.split(" ")[0].split(":")[0].upper() for _, line in server.seen.lines]


@windows
@pytest.mark.parametrize("size", [0, 40_000, 3_000_000])
def test_each_mail_arrives_once_and_byte_for_byte(window, size):
    """Whatever the window and the size, over one connection, in order, without DATA and without dots."""
    outgoing = mails(6, size)
    with FaultServer(extensions=CHUNKS) as server:
        told = tell(server, outgoing, bdat=True, window=window)
    assert [(outcome.delivery, outcome.event) for outcome in told.outcomes] == [(n, Event.ACCEPT) for n in range(6)]
    assert [(mail.recipient, mail.data) for mail in server.seen.accepted] == [
        (mail.recipient, mail.data) for mail in outgoing
    ]
    assert "DATA" not in verbs(server)
    assert server.seen.connections == 1
    assert not server.seen.violations


def test_any_bytes_arrive_as_they_are():
    """A body of dots and line ends needs no stuffing, and cannot end a mail early."""
    data = b".\r\n..two\r\n.\r\nQUIT\r\n.one"
    outgoing = [Outgoing(delivery=n, sender="a@x.test", recipient=f"r{n}@x.test", data=data) for n in range(3)]
    with FaultServer(extensions=CHUNKS) as server:
        tell(server, outgoing, **WINDOW)
    assert [mail.data for mail in server.seen.accepted] == [data] * 3


@pytest.mark.parametrize("extensions", [FULL, ("CHUNKING",), ()])
def test_a_server_without_it_gets_data(extensions):
    """CHUNKING and PIPELINING are both needed, else mails go by DATA."""
    with FaultServer(extensions=extensions) as server:
        told = tell(server, mails(3), **WINDOW)
    assert set(told.events.values()) == {Event.ACCEPT}
    assert "BDAT" not in verbs(server)
    assert not server.seen.violations


@windows
@pytest.mark.parametrize(
    ("phase", "words", "event"),
    [
        (Phase.MAIL, "451 4.3.0 later", Event.DEFER),
        (Phase.RCPT, "450 4.2.0 greylisted", Event.DEFER),
        (Phase.RCPT, "550 5.1.1 nobody", Event.REFUSE),
        (Phase.DOT, "451 4.3.0 later", Event.DEFER),
        (Phase.DOT, "554 5.7.1 content", Event.REFUSE),
    ],
)
def test_an_error_costs_only_its_reader(window, phase, words, event):
    """Mails in flight behind a refused one are not mixed up with it: each begins with RSET."""
    with FaultServer(at(phase, Say(words), first=2, times=1), extensions=CHUNKS) as server:
        told = tell(server, mails(5), bdat=True, window=window)
    assert told.events == {0: Event.ACCEPT, 1: event, 2: Event.ACCEPT, 3: Event.ACCEPT, 4: Event.ACCEPT}
    assert [mail.recipient for mail in server.seen.accepted] == [f"r{n}@readers.test" for n in (0, 2, 3, 4)]
    assert server.seen.connections == 1
    assert not server.seen.violations


def test_a_refused_sender_stops_the_run_and_refuses_nobody():
    """5xx at MAIL: those in flight are put off, as their intents are on the disk; those behind are given back."""
    with FaultServer(at(Phase.MAIL, Say("550 5.7.1 not you")), extensions=CHUNKS) as server:
        told = tell(server, mails(9), **WINDOW)
    assert type(told.error) is SendStopped
    assert {told.events[delivery] for delivery in told.intents} == {Event.DEFER}
    assert {event for delivery, event in told.events.items() if delivery not in told.intents} == {Event.RELEASE}
    assert len(told.intents) == 4
    assert [outcome.delivery for outcome in told.outcomes] == told.taken


@pytest.mark.parametrize("fault", [Drop(), Drop(accept=True), Reset(), Hang(), GARBAGE])
def test_when_the_connection_dies_what_is_in_flight_is_in_doubt(fault):
    """The price of the window: up to so many are held, the ones that were answered are not, the rest is given back."""
    with FaultServer(at(Phase.DOT, fault, first=3, times=1), extensions=CHUNKS) as server:
        told = tell(server, mails(12), timeouts=impatient(Phase.DOT), **WINDOW)
    assert [told.events[n] for n in range(3)] == [Event.ACCEPT, Event.ACCEPT, Event.DOUBT]
    lost = [told.events[delivery] for delivery in told.intents[2:]]
    assert len(lost) <= 4
    assert lost == sorted(lost, reverse=True), "in doubt what left whole, and put off the one that did not, if any"
    assert set(lost) <= {Event.DOUBT, Event.DEFER}
    assert lost.count(Event.DEFER) <= 1
    assert type(told.error) is TransportError
    assert [outcome.delivery for outcome in told.outcomes] == told.taken
    assert {told.events[delivery] for delivery in told.taken if delivery not in told.intents} == {Event.RELEASE}


def test_a_mail_that_could_not_be_said_whole_is_sure_not_to_have_gone():
    """The server stops reading in the middle: those that left whole are in doubt, the one that did not is put off."""
    small = mails(1)
    with FaultServer(at(Phase.DOT, Hang(), times=1), extensions=CHUNKS, small_window=True) as server:
        times = replace(impatient(Phase.BODY, 0.004), dot=0.5)
        told = tell(server, [*small, *mails(3, 12_000_000, start=1)], timeouts=times, **WINDOW | {"window": 2})
    assert told.events[1] is Event.DEFER
    assert told.outcomes[1].phase is Phase.BODY


def test_a_yes_to_a_body_whose_envelope_was_refused_is_not_believed():
    """A server that contradicts itself leaves the mail in doubt."""
    odd = Say(b"550 5.1.1 nobody\r\n250 2.0.0 queued\r\n", then=Hang())
    with FaultServer(at(Phase.RCPT, odd, times=1), extensions=CHUNKS) as server:
        told = tell(server, mails(1), **WINDOW)
    assert told.events == {0: Event.DOUBT}


def test_a_mail_whose_intent_is_refused_is_not_spoken_of():
    """Nothing was said for it, so that the connection lasts."""
    with FaultServer(extensions=CHUNKS) as server:
        told = tell(server, mails(6), refuse=[0, 3, 5], **WINDOW)
    assert [told.events[n] for n in range(6)] == [
        Event.SUPPRESS, Event.ACCEPT, Event.ACCEPT, Event.SUPPRESS, Event.ACCEPT, Event.SUPPRESS,
    ]  # fmt: skip
    assert server.seen.connections == 1
    assert b"to 3\r\n" not in server.seen.received


def test_every_mail_in_the_window_has_its_intent_before_its_first_byte():
    """Also with BDAT nothing of a mail is said before its intent is durable."""
    with FaultServer(extensions=CHUNKS) as server:
        session = SmtpTransport(settings(server, **WINDOW)).open()

        def intend(mail: Outgoing) -> bool:
            assert mail.recipient.encode() not in server.seen.received
            return True

        assert len(list(session.deliver(mails(20), intend))) == 20
        session.close()


def test_a_ledger_that_fails_ends_the_session():
    """What intend() raises is raised at once; the mails in flight are found in doubt by the next run's recovery."""

    def intend(mail: Outgoing) -> bool:
        if mail.delivery == 2:
            message = "the disk is full"
            raise LedgerError(message)
        return True

    with FaultServer(extensions=CHUNKS) as server:
        session = SmtpTransport(settings(server, **WINDOW)).open()
        with pytest.raises(LedgerError, match="full"):
            list(session.deliver(mails(5), intend))
        session.close()
    assert len(server.seen.accepted) <= 2


def test_a_reader_who_cannot_be_asked_for_keeps_its_place():
    """An address that needs SMTPUTF8 gets its refusal in order, between the others."""
    odd = Outgoing(delivery=50, sender="a@x.test", recipient="grüße@x.test", data=b"a: b\r\n\r\nc\r\n")
    with FaultServer(extensions=CHUNKS) as server:
        told = tell(server, [*mails(2), odd, *mails(2, start=2)], **WINDOW)
    assert [(outcome.delivery, outcome.event) for outcome in told.outcomes] == [
        (0, Event.ACCEPT), (1, Event.ACCEPT), (50, Event.REFUSE), (2, Event.ACCEPT), (3, Event.ACCEPT),
    ]  # fmt: skip


def test_a_connection_carries_no_more_mails_than_it_should():
    """messages_per_connection holds with a window too."""
    with FaultServer(extensions=CHUNKS) as server:
        told = tell(server, mails(7), messages_per_connection=3, **WINDOW)
    assert set(told.events.values()) == {Event.ACCEPT}
    assert [mail.connection for mail in server.seen.accepted] == [1, 1, 1, 2, 2, 2, 3]


def test_a_421_in_the_window_loses_nobody():
    """The server leaves after two mails: they are sent, the others are put off, held or given back, each by name."""

    def script(visit: Visit):
        return Say("421 4.3.2 enough", then=Drop()) if visit.phase is Phase.MAIL and visit.count == 3 else None

    with FaultServer(script, extensions=CHUNKS) as server:
        told = tell(server, mails(9), **WINDOW)
    assert [told.events[n] for n in range(3)] == [Event.ACCEPT, Event.ACCEPT, Event.DEFER]
    assert len(server.seen.accepted) == 2
    assert [outcome.delivery for outcome in told.outcomes] == told.taken
