"""Mails over one session: each phase's faults, what is said on the wire, and what never is."""

from __future__ import annotations

import pytest
from faultserver import FULL, GARBAGE, Drop, FaultServer, Hang, Reset, Say, Slow, Visit, at
from smtprun import QUICK, impatient, mails, settings, tell

from authority import Authority
from digest.delivery import TRANSITIONS, Event, Outgoing, Phase, State
from digest.errors import LedgerError, SendStopped, TransportError
from digest.smtp import data
from digest.smtp.transport import SmtpTransport

LOCK_STEP = ("SIZE 33554432", "8BITMIME")  # everything but PIPELINING
NEVER_FAR = float("inf")
both_ways = pytest.mark.parametrize("extensions", [FULL, LOCK_STEP], ids=["pipelined", "lock-step"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def near(monkeypatch):
    """On a busy machine a server on loopback may seem far away."""
    monkeypatch.setattr(data, "FAR", NEVER_FAR)


def verbs(server: FaultServer) -> list[str]:
    return [line.split(" ")[0].split(":")[0].upper() for _, line in server.seen.lines]


@both_ways
@pytest.mark.parametrize("size", [0, 40_000, 3_000_000])
def test_each_mail_arrives_once_and_byte_for_byte(extensions, size):
    """Small, usual and huge bodies, with and without PIPELINING, over one connection."""
    outgoing = mails(4, size)
    with FaultServer(extensions=extensions) as server:
        told = tell(server, outgoing)
    assert [(outcome.delivery, outcome.event) for outcome in told.outcomes] == [(n, Event.ACCEPT) for n in range(4)]
    assert [(mail.recipient, mail.data) for mail in server.seen.accepted] == [
        (mail.recipient, mail.data) for mail in outgoing
    ]
    assert told.outcomes[0].code == 250
    assert told.outcomes[0].detail == "2.0.0 queued"
    assert server.seen.connections == 1
    assert not server.seen.violations
    assert "RSET" not in verbs(server)
    assert told.intents == [0, 1, 2, 3]


@pytest.mark.parametrize(("extensions", "announced"), [(FULL, [1, 2, 3]), (LOCK_STEP, [])])
def test_a_mail_is_announced_when_its_envelope_is_said(extensions, announced):
    """What goes out behind another mail's body is announced, once; what waits for its turn is not."""
    with FaultServer(extensions=extensions) as server:
        told = tell(server, mails(4))
    assert told.announced == announced
    assert told.intents == [0, 1, 2, 3]


@pytest.mark.parametrize("far", [True, False])
@pytest.mark.parametrize("fault", [Say("550 5.1.1 nobody"), Say("450 4.2.1 later"), Say("421 4.3.2 bye"), Drop()])
@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA])
def test_an_announced_mail_whose_turn_never_comes(phase, fault, far, monkeypatch):
    """Whatever ends it before its body: it has an outcome that fits a mail whose early intent is durable."""
    monkeypatch.setattr(data, "FAR", 0.0 if far else NEVER_FAR)
    with FaultServer(at(phase, fault, first=3, times=1)) as server:
        told = tell(server, mails(5))
    assert 2 in told.announced
    assert (2 in told.intents) == far
    assert (State.SENDING, told.events[2]) in TRANSITIONS
    assert told.events[0] is told.events[1] is Event.ACCEPT


def test_far_from_the_server_the_next_intent_is_made_while_the_answer_travels(monkeypatch):
    """Where answers take their time, an intent does not wait for the 354, and is asked for once."""
    monkeypatch.setattr(data, "FAR", 0.0)
    order: list[str] = []

    def intend(mail: Outgoing) -> bool:
        order.append(f"intent {mail.delivery}")
        return mail.delivery != 3

    with FaultServer() as server:
        session = SmtpTransport(settings(server)).open()
        outcomes = session.deliver(mails(5), intend, lambda mail: order.append(f"soon {mail.delivery}"))
        order.extend(f"{outcome.event} {outcome.delivery}" for outcome in outcomes)
        session.close()
    assert order[:4] == ["intent 0", "soon 1", "accept 0", "intent 1"]  # how far away it is, nobody knows yet
    assert order[4:8] == ["soon 2", "intent 2", "accept 1", "soon 3"]
    assert order[8:] == ["intent 3", "accept 2", "suppress 3", "intent 4", "accept 4"]
    assert [mail.recipient for mail in server.seen.accepted] == [
        each.recipient for each in mails(5) if each.delivery != 3
    ]


def test_a_body_and_the_next_envelope_are_one_write():
    """With PIPELINING the server has the next mail's envelope before it answers the dot."""
    order: list[str] = []

    def script(visit: Visit):
        order.append(visit.phase.value)

    with FaultServer(script) as server:
        session = SmtpTransport(settings(server)).open()
        arrived = [outcome.delivery for outcome in session.deliver(mails(3), lambda _: True)]
        session.close()
    assert arrived == [0, 1, 2]
    assert order == ["banner", "ehlo", *["mail", "rcpt", "data", "body", "dot"] * 3, "quit"]


def test_a_session_can_be_used_again():
    """Chunk after chunk goes over the same connection, also when one was empty or a reader was refused last."""
    script = at(Phase.RCPT, Say("550 5.1.1 nobody"), first=2, times=1)
    with FaultServer(script) as server:
        session = SmtpTransport(settings(server)).open()
        chunks = [mails(2), [], mails(2, start=2)]
        events = [[outcome.event for outcome in session.deliver(chunk, lambda _: True)] for chunk in chunks]
        session.close()
    assert events == [[Event.ACCEPT, Event.REFUSE], [], [Event.ACCEPT, Event.ACCEPT]]
    assert server.seen.connections == 1
    assert not server.seen.violations


@both_ways
def test_lines_that_begin_with_a_dot_arrive_as_they_are(extensions):
    """A mail that is not ours to have encoded is made safe: no line ends it early, none loses a dot."""
    data = b".\r\n..two\r\n.\r\nMAIL FROM:<evil@x.test>\r\n.one\r\n"
    outgoing = [Outgoing(delivery=n, sender="a@x.test", recipient=f"r{n}@x.test", data=data) for n in range(2)]
    with FaultServer(extensions=extensions) as server:
        tell(server, outgoing)
    assert [mail.data for mail in server.seen.accepted] == [data, data]
    assert not server.seen.violations


def test_a_body_without_a_last_line_end_gets_one():
    """The dot stands on a line of its own whatever the body ends with."""
    with FaultServer() as server:
        tell(server, [Outgoing(delivery=1, sender="a@x.test", recipient="b@x.test", data=b"a: b\r\n\r\nend")])
    assert server.seen.accepted[0].data == b"a: b\r\n\r\nend\r\n"


# FAULTS 29: MAIL


@both_ways
@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("550 5.7.1 sender not allowed", "newsroom.from"),
        ("552 5.3.4 too big", "bytes"),
        ("530 5.7.0 authentication required", "smtp.username"),
    ],
)
def test_a_refused_sender_stops_the_run_and_burns_nobody(extensions, words, hint):
    """5xx at MAIL: every reader is given back, none has an intent, the server's words are quoted."""
    with FaultServer(at(Phase.MAIL, Say(words)), extensions=extensions) as server:
        told = tell(server, mails(5))
    assert type(told.error) is SendStopped
    assert words in str(told.error)
    assert hint in str(told.error)
    assert set(told.events.values()) == {Event.RELEASE}
    assert told.outcomes[0].code == int(words[:3])
    assert not told.intents
    assert len([verb for verb in verbs(server) if verb == "MAIL"]) == 1
    assert verbs(server)[-1] == "QUIT"


def test_a_mail_over_the_servers_size_is_not_even_offered():
    """SIZE (RFC 1870): all readers get mails of that size, so the run stops, with both numbers."""
    with FaultServer(extensions=("PIPELINING", "SIZE 1000")) as server:
        told = tell(server, mails(3, 2000))
    assert "2,0" in str(told.error)
    assert "1,000" in str(told.error)
    assert set(told.events.values()) == {Event.RELEASE}
    assert "MAIL" not in verbs(server)


def test_the_size_is_declared_where_it_is_understood():
    """SIZE= is said with SIZE offered, and only then; SIZE 0 is no limit."""
    for extensions, said in ((("SIZE 0",), True), (("PIPELINING",), False)):
        with FaultServer(extensions=extensions) as server:
            tell(server, mails(1, 5000))
        assert any(" SIZE=" in line for _, line in server.seen.lines) is said
        assert not server.seen.violations


# FAULTS 30: RCPT


@both_ways
@pytest.mark.parametrize(
    ("words", "event"),
    [
        ("450 4.2.0 greylisted", Event.DEFER),
        ("451 4.7.1 greylisted", Event.DEFER),
        ("452 4.2.2 full", Event.DEFER),
        ("550 5.1.1 no such user", Event.REFUSE),
        ("552 5.2.2 over quota", Event.REFUSE),
        ("552 too many", Event.DEFER),
        ("553-5.1.3 bad\r\n553 5.1.3 address", Event.REFUSE),
    ],
)
def test_a_reader_who_is_not_taken_costs_only_that_reader(extensions, words, event):
    """4xx and 5xx at RCPT: that reader's state, the server's words, RSET, and the next mail on the same connection."""
    with FaultServer(at(Phase.RCPT, Say(words), first=2, times=1), extensions=extensions) as server:
        told = tell(server, mails(4))
    assert told.events == {0: Event.ACCEPT, 1: event, 2: Event.ACCEPT, 3: Event.ACCEPT}
    assert told.outcomes[1].phase is Phase.RCPT
    assert told.outcomes[1].code == int(words[:3])
    assert told.outcomes[1].detail.startswith(words[4:9].removesuffix("-"))
    assert told.intents == [0, 2, 3]
    assert verbs(server).count("RSET") == 1
    assert server.seen.connections == 1
    assert not server.seen.violations


def test_a_list_of_refused_readers_needs_one_connection():
    """Nobody on it exists: each is refused by name, and the connection lasts."""
    with FaultServer(at(Phase.RCPT, Say("550 5.1.1 nobody"))) as server:
        told = tell(server, mails(50))
    assert [outcome.event for outcome in told.outcomes] == [Event.REFUSE] * 50
    assert server.seen.connections == 1
    assert not server.seen.accepted


@pytest.mark.parametrize("after", ["554 5.5.1 no valid recipients", "250 2.0.0 queued, whatever it was"])
def test_a_354_to_a_refused_reader_gets_a_lone_dot_and_is_never_an_acceptance(after):
    """RFC 2920, 3.1: a server that wants a body for nobody gets an empty one, and what it says is not believed."""

    def script(visit: Visit):
        if visit.recipient == "r1@readers.test" and visit.phase is Phase.RCPT:
            return Say("550 5.1.1 nobody")
        if visit.count == 2 and visit.phase is Phase.DATA:
            return Say("354 go on then")
        if visit.count == 2 and visit.phase is Phase.DOT:
            return Say(after)
        return None

    with FaultServer(script) as server:
        told = tell(server, mails(4))
    assert told.events == {0: Event.ACCEPT, 1: Event.REFUSE, 2: Event.ACCEPT, 3: Event.ACCEPT}
    assert told.intents == [0, 2, 3]
    assert server.seen.connections == 1
    assert not server.seen.violations


def test_a_354_after_a_refused_sender_gets_no_dot_at_all():
    """Where the sender was refused and yet the reader taken, a lone dot could bring an empty mail: hang up instead."""
    raw = Say(b"450 4.3.0 later\r\n250 2.1.5 Ok\r\n354 go\r\n", then=Hang())
    with FaultServer(at(Phase.MAIL, raw, times=1)) as server:
        told = tell(server, mails(3))
    assert told.events[0] is Event.DEFER
    assert type(told.error) is TransportError
    assert not server.seen.accepted


# FAULTS 31: DATA and the body


@both_ways
@pytest.mark.parametrize(
    ("fault", "event"),
    [(Say("451 4.3.0 later"), Event.DEFER), (Say("554 5.7.1 never"), Event.REFUSE)],
)
def test_data_that_is_refused_is_sure_not_to_have_gone(extensions, fault, event):
    """No intent is made for it, and the next mail goes over the same connection."""
    with FaultServer(at(Phase.DATA, fault, times=1), extensions=extensions) as server:
        told = tell(server, mails(3))
    assert told.events == {0: event, 1: Event.ACCEPT, 2: Event.ACCEPT}
    assert told.intents == [1, 2]
    assert not server.seen.violations


@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize("fault", [Drop(), Reset(), Hang()])
def test_a_body_that_could_not_be_said_whole_is_sure_not_to_have_gone(fault, secure, authority):
    """Dropped, reset, or not read any more in the middle of a body: the dot never left, so it is safe to try again."""
    changes = {"timeouts": impatient(Phase.BODY, 0.004)} if isinstance(fault, Hang) else {"timeouts": QUICK}
    issued = authority.issue("body", "127.0.0.1").server_context() if secure else None
    if secure:
        changes |= {"tls": "starttls", "ca_file": str(authority.ca_file)}
    with FaultServer(at(Phase.BODY, fault, times=1), tls=issued, small_window=True) as server:
        told = tell(server, mails(2, 12_000_000), **changes)
    assert told.events == {0: Event.DEFER, 1: Event.RELEASE}
    assert told.outcomes[0].phase is Phase.BODY
    assert type(told.error) is TransportError


def test_a_server_that_answers_before_the_end_is_not_believed():
    """A 250 in the middle of the body accepts nothing; its words are kept."""
    with FaultServer(at(Phase.BODY, Say("250 2.0.0 early", then=Hang())), small_window=True) as server:
        told = tell(server, mails(1, 12_000_000))
    assert told.events == {0: Event.DEFER}
    assert told.outcomes[0].detail == "2.0.0 early"


# FAULTS 32, 33, 34: the dot


@pytest.mark.parametrize("accept", [False, True])
@pytest.mark.parametrize("kind", [Drop, Reset])
def test_a_connection_lost_at_the_dot_leaves_the_mail_in_doubt(kind, accept):
    """Accepted or not, we cannot know: DOUBT, and the mail behind it is given back untouched."""
    with FaultServer(at(Phase.DOT, kind(accept=accept), times=1)) as server:
        told = tell(server, mails(3))
    assert told.events == {0: Event.DOUBT, 1: Event.RELEASE, 2: Event.RELEASE}
    assert told.intents == [0]
    assert len(server.seen.accepted) == int(accept)


def test_a_mail_that_was_answered_is_not_in_doubt_when_the_next_one_is_lost():
    """The server takes the first and drops the connection at the next envelope: sent, and surely not accepted."""
    with FaultServer(at(Phase.MAIL, Drop(), first=2, times=1)) as server:
        told = tell(server, mails(3))
    assert told.events == {0: Event.ACCEPT, 1: Event.DEFER, 2: Event.RELEASE}
    assert told.outcomes[1].phase is Phase.MAIL


@pytest.mark.parametrize(
    ("words", "event"),
    [("451 4.3.0 later", Event.DEFER), ("554 5.7.1 content", Event.REFUSE), ("421 4.3.2 bye", Event.DEFER)],
)
def test_an_explicit_no_after_the_dot_is_a_no(words, event):
    """4xx and 5xx after the dot are answers, not doubts."""
    with FaultServer(at(Phase.DOT, Say(words), times=1)) as server:
        told = tell(server, mails(2))
    assert told.events[0] is event
    assert told.outcomes[0].phase is Phase.DOT
    assert verbs(server).count("RSET") == 0


def test_a_slow_yes_is_waited_for():
    """A server that thinks about a mail gets the time, and the mail goes once."""
    with FaultServer(at(Phase.DOT, Slow(1.0), times=1)) as server:
        told = tell(server, mails(2))
    assert set(told.events.values()) == {Event.ACCEPT}
    assert len(server.seen.accepted) == 2


# FAULTS 35: the server's limits


@both_ways
def test_421_at_mail_gives_the_reader_back(extensions):
    """A server that ends the session between mails says nothing about the reader: RELEASE, and another connection."""
    fault = Say("421 4.7.0 too many mails in this session", then=Drop())
    with FaultServer(at(Phase.MAIL, fault, first=3, times=1), extensions=extensions) as server:
        told = tell(server, mails(4))
    assert told.events == {0: Event.ACCEPT, 1: Event.ACCEPT, 2: Event.RELEASE} | dict.fromkeys(
        told.taken[3:], Event.RELEASE
    )
    assert type(told.error) is TransportError
    assert "too many mails" in str(told.error)


def test_a_connection_carries_no_more_mails_than_it_should():
    """messages_per_connection: QUIT, a new connection, and nobody notices."""
    with FaultServer() as server:
        told = tell(server, mails(7), messages_per_connection=3)
    assert set(told.events.values()) == {Event.ACCEPT}
    assert [mail.connection for mail in server.seen.accepted] == [1, 1, 1, 2, 2, 2, 3]
    assert verbs(server).count("QUIT") == 3


@pytest.mark.parametrize("fault", [Say("421 4.4.2 idle for too long", then=Drop()), Drop()])
def test_a_server_that_left_while_nothing_was_said_costs_nobody(fault):
    """An idle time-out between two mails: a new connection is opened before the next mail is spoken of."""
    idle = Say(b"250 2.0.0 queued\r\n", then=fault)
    with FaultServer(at(Phase.DOT, idle, times=1)) as server:
        session = SmtpTransport(settings(server)).open()
        events = [outcome.event for outcome in session.deliver(mails(1), lambda _: True)]
        while not session._channel.talk.link.wire.heard():
            pass
        events += [outcome.event for outcome in session.deliver(mails(2, start=1), lambda _: True)]
        session.close()
    assert events == [Event.ACCEPT] * 3
    assert server.seen.connections == 2


# FAULTS 36: QUIT


@pytest.mark.parametrize("fault", [Drop(), Reset(), Hang(), GARBAGE, Say("554 5.0.0 no, stay")])
def test_a_goodbye_that_fails_changes_nothing(fault):
    """What was accepted stays accepted, and close() never raises."""
    with FaultServer(at(Phase.QUIT, fault)) as server:
        told = tell(server, mails(2), timeouts=impatient(Phase.QUIT, 0.1))
    assert set(told.events.values()) == {Event.ACCEPT}
    assert told.error is None


# FAULTS 37: what was not offered


@pytest.mark.parametrize("extensions", [(), ("8BITMIME",), ("SMTPUTF8",), FULL])
def test_nothing_is_used_that_was_not_offered(extensions):
    """No violation with no extension at all, and none with each."""
    with FaultServer(at(Phase.RCPT, Say("550 5.1.1 nobody"), first=2, times=1), extensions=extensions) as server:
        told = tell(server, mails(4))
    assert list(told.events.values()).count(Event.ACCEPT) == 3
    assert not server.seen.violations


def test_a_reader_whose_address_needs_smtputf8():
    """A local part that is not ASCII: sent with SMTPUTF8 where it is offered, else refused in our own words."""
    reader = Outgoing(delivery=1, sender="a@x.test", recipient="grüße@x.test", data=b"a: b\r\n\r\nc\r\n")
    for extensions, event in (((*FULL, "SMTPUTF8"), Event.ACCEPT), (FULL, Event.REFUSE)):
        with FaultServer(extensions=extensions) as server:
            told = tell(server, [reader, *mails(1)])
        assert told.events == {1: event, 0: Event.ACCEPT}
        assert not server.seen.violations
        if event is Event.REFUSE:
            assert told.outcomes[0].code == 0
            assert "SMTPUTF8" in told.outcomes[0].detail
        else:
            assert server.seen.accepted[0].recipient == "grüße@x.test"
            assert [line.endswith("SMTPUTF8") for _, line in server.seen.lines if line.startswith("MAIL")] == [
                True,
                False,
            ]


@pytest.mark.parametrize("sender", ["grüße@x.test", "a b@x.test", "a@x.test>\r\nRSET"])
def test_a_sender_that_cannot_be_said_stops_the_run(sender):
    """It would be the same for all readers: everybody is given back, and nothing was said."""
    outgoing = [Outgoing(delivery=n, sender=sender, recipient=f"r{n}@x.test", data=b"a: b\r\n") for n in range(3)]
    with FaultServer() as server:
        told = tell(server, outgoing)
    assert type(told.error) is SendStopped
    assert set(told.events.values()) == {Event.RELEASE}
    assert verbs(server) == ["EHLO", "QUIT"]


@pytest.mark.parametrize(
    "address", ["a@x.test>\r\nRCPT TO:<b@x.test", "a@x.test\nDATA", "a b@x.test", "<a@x.test>", "a\0@x.test", ""]
)
def test_an_address_cannot_say_more_than_itself(address):
    """Line ends, brackets, blanks and controls never reach the wire: that reader is refused, the next is served."""
    odd = Outgoing(delivery=9, sender="a@x.test", recipient=address, data=b"a: b\r\n\r\nc\r\n")
    with FaultServer() as server:
        told = tell(server, [odd, *mails(1)])
    assert told.events == {9: Event.REFUSE, 0: Event.ACCEPT}
    assert [mail.recipient for mail in server.seen.accepted] == ["r0@readers.test"]
    assert not server.seen.violations


# The last moment


@both_ways
def test_a_mail_whose_intent_is_refused_never_gets_its_body(extensions):
    """Unsubscribed at the last moment: the connection is given up before the dot, the others go over a new one."""
    with FaultServer(extensions=extensions) as server:
        told = tell(server, mails(4), refuse=[1])
    assert told.events == {0: Event.ACCEPT, 1: Event.SUPPRESS, 2: Event.ACCEPT, 3: Event.ACCEPT}
    assert [mail.recipient for mail in server.seen.accepted] == [
        "r0@readers.test",
        "r2@readers.test",
        "r3@readers.test",
    ]
    assert server.seen.connections == 2
    assert b"to 1\r\n" not in server.seen.received


def test_no_byte_of_a_body_is_said_before_its_intent():
    """When the intent is asked for, the server has seen nothing of that mail but its envelope."""
    with FaultServer() as server:
        session = SmtpTransport(settings(server)).open()

        def intend(mail: Outgoing) -> bool:
            assert b"to %d\r\n" % mail.delivery not in server.seen.received
            return True

        assert len(list(session.deliver(mails(20), intend))) == 20
        session.close()


def test_a_ledger_that_fails_at_the_intent_ends_the_session_before_the_body():
    """What intend() raises is raised, no body follows, and close() does not say QUIT into an open body."""

    def intend(mail: Outgoing) -> bool:
        if mail.delivery == 2:
            message = "the disk is full"
            raise LedgerError(message)
        return True

    told = []
    with FaultServer() as server:
        session = SmtpTransport(settings(server)).open()
        with pytest.raises(LedgerError, match="full"):
            told.extend(session.deliver(mails(5), intend))
        session.close()
    assert [mail.recipient for mail in server.seen.accepted] == ["r0@readers.test", "r1@readers.test"]
    assert "QUIT" not in verbs(server)


def test_a_feed_that_fails_is_heard_after_what_is_in_flight():
    """An error in making the next mail is raised when the mails before it have their outcome."""

    def feed():
        yield from mails(2)
        message = "no third mail"
        raise LedgerError(message)

    told = []
    with FaultServer() as server:
        session = SmtpTransport(settings(server)).open()
        with pytest.raises(LedgerError, match="third"):
            told.extend(session.deliver(feed(), lambda _: True))
        session.close()
    assert [outcome.event for outcome in told] == [Event.ACCEPT, Event.ACCEPT]
    assert verbs(server)[-1] == "QUIT"


def test_a_delivery_that_is_left_in_the_middle_does_not_spoil_the_next():
    """Who stops listening gets a fresh connection afterwards, as replies are still owed on the old one."""
    with FaultServer() as server:
        session = SmtpTransport(settings(server)).open()
        for outcome in session.deliver(mails(3), lambda _: True):
            assert outcome.delivery == 0
            break
        assert [outcome.event for outcome in session.deliver(mails(1, start=7), lambda _: True)] == [Event.ACCEPT]
        session.close()
    assert [mail.recipient for mail in server.seen.accepted] == ["r0@readers.test", "r7@readers.test"]
    assert server.seen.connections == 2


class Stopping:
    """A pacer that says stop at the third mail."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, domain: str) -> float:
        assert domain == "readers.test"
        self.asked += 1
        return 0.0 if self.asked < 3 else 60.0

    def wait(self, seconds: float) -> bool:
        assert seconds == 60.0
        return False


@both_ways
def test_a_stop_while_a_mail_waits_for_its_turn_gives_it_back(extensions):
    """Mails in flight are finished, the one that waits for the pacer and those behind it get RELEASE."""
    with FaultServer(extensions=extensions) as server:
        session = SmtpTransport(settings(server), Stopping()).open()
        events = [outcome.event for outcome in session.deliver(mails(5), lambda _: True)]
        session.close()
    assert events[:3] == [Event.ACCEPT, Event.ACCEPT, Event.RELEASE]
    assert len(server.seen.accepted) == 2
    assert verbs(server)[-1] == "QUIT"


def test_a_reply_too_many_behind_the_354_ends_the_session_before_the_body():
    """It would be taken for the answer to the dot: a mail would count as sent that was not."""
    with FaultServer(at(Phase.DATA, Say("354 go\r\n250 2.0.0 queued, though nothing was said"), times=1)) as server:
        told = tell(server, mails(2))
    assert told.events[0] is Event.DEFER
    assert told.outcomes[0].phase is Phase.DATA
    assert not told.intents
    assert not server.seen.accepted


def test_replies_that_nobody_asked_for_are_not_taken_for_others():
    """One reply too many shifts all that follow: the session ends before a body is said, and nothing is miscounted."""
    with FaultServer(at(Phase.RCPT, Say("250 2.1.5 Ok\r\n250 2.1.5 Ok again"), times=1)) as server:
        told = tell(server, mails(2))
    assert told.events[0] is Event.DEFER
    assert not server.seen.accepted
    assert not told.intents
