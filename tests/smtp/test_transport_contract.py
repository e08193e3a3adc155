"""What every way for mails to leave must keep: SMTP in each of its manners, files, and the relay in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from faultserver import FULL, FaultServer
from smtprun import mails, settings

from digest.config.sections import SendSection
from digest.delivery import Event
from digest.errors import TransportError
from digest.sending.eml import EmlFolder, Maildir
from digest.sending.transports import TRANSPORTS, send_one
from digest.smtp.transport import SmtpTransport
from digest.testing import MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.ports import Transport

MANNERS = {
    "pipelined": (FULL, {}),
    "lock-step": ((), {}),
    "bdat": ((*FULL, "CHUNKING"), {"bdat": True, "window": 4}),
    "renewed": (FULL, {"messages_per_connection": 2}),
}


OTHERS = ("memory", "files", "maildir")


@pytest.fixture(params=[*MANNERS, *OTHERS])
def way(request, tmp_path):
    """A transport, and a function that tells the recipients whose mails arrived."""
    if request.param == "memory":
        memory = MemoryTransport()
        yield memory, lambda: sorted(mail.recipient for mail in memory.sent)
    elif request.param in {"files", "maildir"}:
        transport = EmlFolder(tmp_path) if request.param == "files" else Maildir(tmp_path)
        wanted = {mail.data: mail.recipient for mail in mails(20)}
        yield (
            transport,
            lambda: sorted(wanted[path.read_bytes()] for path in tmp_path.rglob("*") if path.is_file()),
        )
    else:
        extensions, changes = MANNERS[request.param]
        with FaultServer(extensions=extensions) as server:
            transport = SmtpTransport(settings(server, **changes))
            yield transport, lambda: sorted(mail.recipient for mail in server.seen.accepted)
            assert not server.seen.violations


def test_every_transport_is_held_to_this():
    """A transport that config.yaml can name, and these tests do not know, is not finished."""
    assert set(TRANSPORTS) == {"smtp", *OTHERS}
    assert set(get_args(SendSection.model_fields["transport"].annotation)) == set(TRANSPORTS)


Way = tuple["Transport", "Callable[[], list[str]]"]


def addresses(*numbers: int) -> list[str]:
    return sorted(f"r{number}@readers.test" for number in numbers)


def test_every_mail_has_one_outcome_in_order_and_arrives_once(way: Way):
    """As many outcomes as mails, each accepted, none twice."""
    transport, arrived = way
    session = transport.open()
    outcomes = list(session.deliver(mails(9), lambda _: True))
    session.close()
    assert [(outcome.delivery, outcome.event) for outcome in outcomes] == [(n, Event.ACCEPT) for n in range(9)]
    assert arrived() == addresses(*range(9))


def test_an_intent_is_asked_for_once_before_the_mail_arrives(way: Way):
    """When the intent is asked for, that mail is nowhere yet."""
    transport, arrived = way
    asked: list[int] = []

    def intend(mail) -> bool:
        asked.append(mail.delivery)
        assert mail.recipient not in arrived()
        return True

    session = transport.open()
    list(session.deliver(mails(5), intend))
    session.close()
    assert asked == [0, 1, 2, 3, 4]


def test_a_mail_without_intent_does_not_go_and_the_others_do(way: Way):
    """Refused intents give SUPPRESS, wherever they stand."""
    transport, arrived = way
    session = transport.open()
    outcomes = list(session.deliver(mails(6), lambda mail: mail.delivery not in {0, 3, 5}))
    session.close()
    assert [outcome.delivery for outcome in outcomes if outcome.event is Event.SUPPRESS] == [0, 3, 5]
    assert arrived() == addresses(1, 2, 4)


def test_a_session_takes_one_chunk_after_another(way: Way):
    """Empty ones too; closing twice does no harm."""
    transport, arrived = way
    session = transport.open()
    counts = [len(list(session.deliver(chunk, lambda _: True))) for chunk in (mails(3), [], mails(2, start=3))]
    session.close()
    session.close()
    assert counts == [3, 0, 2]
    assert arrived() == addresses(*range(5))


def test_sessions_do_not_disturb_each_other(way: Way):
    """Two that are open at once, used in turns."""
    transport, arrived = way
    sessions = [transport.open(), transport.open()]
    for number in range(6):
        chunk = mails(1, start=number)
        assert [o.event for o in sessions[number % 2].deliver(chunk, lambda _: True)] == [Event.ACCEPT]
    for session in sessions:
        session.close()
    assert arrived() == addresses(*range(6))


def test_a_mail_of_which_a_transport_says_nothing_is_told():
    """One of somebody's own that breaks the port: a notice, a test mail and a canary end in a sentence."""

    class Silent(MemoryTransport):
        def open(self):
            session = super().open()
            session.deliver = lambda *_: iter(())
            return session

    with pytest.raises(TransportError, match="did not say what became of the mail to r0@"):
        send_one(Silent(), mails(1)[0])
