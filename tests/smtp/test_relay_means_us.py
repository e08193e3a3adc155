"""A relay that refuses us in the middle of a run: the run stops, nobody pays for it, and the next one goes on."""

from __future__ import annotations

from collections import Counter

import pytest
from faultserver import Drop, FaultServer, Say
from msgspec.structs import replace
from smtprun import settings

from digest.delivery import Outgoing, Phase, State
from digest.errors import RelayLimit, SendStopped
from digest.ledger.opening import open_ledger
from digest.model import Recipient
from digest.sending.engines import send_edition
from digest.sending.run import Patience
from digest.smtp.transport import SmtpTransport

EDITION = "2022-02/everyone/en"
PATIENCE = Patience(budget=20.0, shortest=0.01, longest=0.05, deferred=0.0)
START, LATER = 1_646_092_800.0, 1_646_092_800.0 + 600
DAY = 86_400.0
TAKEN = 10  # mails, before the relay changes its mind
DOMAINS = ("a.example", "b.example", "c.example")


@pytest.fixture
def ledger(tmp_path):
    opened = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=tmp_path)
    opened.freeze(EDITION, "hash", [Recipient(address=address(number)) for number in range(40)], START)
    yield opened
    opened.close()


def address(number):
    return f"r{number}@{DOMAINS[number % len(DOMAINS)]}"


def run(ledger, server, now=START, patience=PATIENCE, **options):
    def build(delivery):
        data = b"Subject: February\r\n\r\nto you\r\n"
        return Outgoing(delivery=delivery.id, sender="digest@newsroom.test", recipient=delivery.address, data=data)

    transport = SmtpTransport(settings(server))
    return send_edition(
        ledger, transport, build, edition=EDITION, connections=1, clock=lambda: now, patience=patience, **options
    )


def after(count, phase, words):
    """Take so many mails, then say this in this phase of every one."""

    def script(visit):
        return Say(words) if visit.phase is phase and visit.count > count else None

    return script


def mailed(server):
    return Counter(mail.recipient for mail in server.seen.accepted)


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT])
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("550 5.4.5 Daily user sending limit exceeded", RelayLimit),
        ("550 Domain a.example has exceeded the max emails per hour (10/10 (100%)) allowed", RelayLimit),
        ("554 5.2.0 Submission.Exception:SubmissionQuotaExceededException", RelayLimit),
        ("554 5.7.1 Message refused by policy", SendStopped),
        ("550 5.7.1 Client host blocked using zen.example.net", SendStopped),
        ("554 5.0.0 it is what it is", SendStopped),
    ],
)
def test_nobody_pays_for_what_is_about_us(ledger, phase, words, kind):
    """None is refused, the words are shown, and when the relay is well again each reader has exactly one mail."""
    with FaultServer(after(TAKEN, phase, words)) as server:
        report = run(ledger, server)
        assert type(report.stopped) is kind
        assert words in str(report.stopped)
        assert report.exit_code == (75 if kind is RelayLimit else 1)
        assert report.counts.keys() <= {State.SENT, State.PLANNED, State.DEFERRED}
        assert report.counts[State.SENT] == TAKEN
        assert server.visits[phase] <= TAKEN + 6, "no more than it takes to see it"
        server.script = lambda _: None
        assert run(ledger, server, LATER).exit_code == 0
    assert mailed(server) == dict.fromkeys(map(address, range(40)), 1)


def test_mailboxes_that_do_not_exist_are_refused_one_after_another(ledger):
    """Nineteen in a row may well be a list that nobody kept; twenty of two domains are not."""
    gone = "550 5.1.1 User unknown"
    for dead, state in ((19, State.REFUSED), (20, State.DEFERRED)):
        edition = f"2022-02/{dead}/en"
        ledger.freeze(edition, "hash", [Recipient(address=address(number)) for number in range(40)], START)
        names = {address(number) for number in range(5, 5 + dead)}
        with FaultServer(lambda visit, names=names: Say(gone) if visit.recipient in names else None) as server:
            report = send_edition(
                ledger,
                SmtpTransport(settings(server)),
                lambda delivery: Outgoing(
                    delivery=delivery.id, sender="digest@newsroom.test", recipient=delivery.address, data=b"a\r\n"
                ),
                edition=edition, connections=1, clock=lambda: START, patience=PATIENCE,
            )  # fmt: skip
        assert report.counts[state] == dead
        assert (report.stopped is None) == (state is State.REFUSED)


def test_one_domain_that_refuses_all_its_readers_stops_nothing(ledger):
    """Its readers are refused, the others are mailed, and none is mailed twice."""

    def script(visit):
        return Say("550 5.2.0 not here") if visit.recipient.endswith("@b.example") else None

    with FaultServer(script) as server:
        report = run(ledger, server)
    assert report.stopped is None
    assert report.counts == {State.SENT: 27, State.REFUSED: 13}
    assert not any(name.endswith("@b.example") for name in mailed(server))


def test_one_domain_that_judges_us_holds_up_nobody(ledger):
    """Readers of a domain with a policy of its own wait while the others are mailed; they are tried last, and again."""

    def script(visit):
        return Say("550 5.7.1 refused by our policy") if visit.recipient.endswith("@b.example") else None

    with FaultServer(script) as server:
        report = run(ledger, server)
        assert report.counts == {State.SENT: 27, State.DEFERRED: 13}
        assert report.exit_code == 75
        server.script = lambda _: None
        assert run(ledger, server, LATER).counts == {State.SENT: 40}


def test_who_was_put_off_for_us_comes_after_who_was_never_tried(ledger):
    """A relay that still refuses those few would else stop every run at the same readers."""
    stubborn = {address(number) for number in range(TAKEN, TAKEN + 2)}

    def script(visit):
        return Say("550 5.7.1 refused by our policy") if visit.recipient in stubborn else None

    with FaultServer(script) as server:
        assert isinstance(run(ledger, server).stopped, SendStopped)
        report = run(ledger, server, LATER)
    assert report.counts == {State.SENT: 38, State.DEFERRED: 2}


@pytest.mark.parametrize(
    "said", ["550 5.7.1 Client host blocked using zen.example.net", "451 4.3.0 lookup failure", ""]
)
def test_nobody_is_given_up_while_the_relay_takes_nothing(ledger, said):
    """A week on a blocklist, or with a relay that is broken or lost: all wait, and have their mail when it is well."""

    def script(visit):
        return (Say(said) if said else Drop()) if visit.phase is Phase.RCPT else None

    patience = replace(PATIENCE, budget=0.0)
    with FaultServer(script) as server:
        for each in range(40):
            report = run(ledger, server, START + each * DAY / 4, patience=patience)
            assert report.counts.keys() <= {State.PLANNED, State.DEFERRED}, report.counts
        assert max(row.attempts for row in ledger.deliveries(EDITION)) >= 4
        server.script = lambda _: None
        report = run(ledger, server, START + 20 * DAY)
    assert report.counts == {State.SENT: 40}


def test_a_reader_is_given_up_by_a_run_that_tried(ledger):
    """A mailbox is full for five days: refused, with the words; after a pause not without one more try."""

    def script(visit):
        full = visit.recipient == address(7) and visit.phase is Phase.RCPT
        return Say("452 4.2.2 mailbox full") if full else None

    with FaultServer(script) as server:
        for hours in (0, 5, 10, 15, 20):
            assert run(ledger, server, START + hours * 3600).counts == {State.SENT: 39, State.DEFERRED: 1}
        tried = server.visits[Phase.RCPT]
        report = run(ledger, server, START + 9 * DAY)
        assert server.visits[Phase.RCPT] == tried + 1
    assert (report.exit_code, report.outcomes) == (1, {State.REFUSED: 1})
    (row,) = ledger.deliveries(EDITION, [State.REFUSED])
    assert row.detail == "given up after 6 tries; the last answer: 4.2.2 mailbox full"


def test_a_dot_answered_with_mixed_codes(ledger):
    """Of one class it is that answer. A yes and a no in one reply are no knowledge: that reader is held."""
    replies = {
        address(0): "250-2.0.0 queued\r\n251 2.1.5 will forward",
        address(1): "554-5.6.0 one filter says no\r\n550 5.6.0 so does another",
        address(2): "451-4.3.0 later\r\n452 4.3.1 much later",
        address(3): "250-2.0.0 queued\r\n550 5.6.0 or not",
        address(4): "554-5.6.0 refused\r\n250 2.0.0 queued",
    }

    def script(visit):
        return Say(replies[visit.recipient]) if visit.phase is Phase.DOT and visit.recipient in replies else None

    with FaultServer(script) as server:
        run(ledger, server)
        states = {row.address: row.state for row in ledger.deliveries(EDITION)}
        assert [states[address(number)] for number in range(5)] == [
            State.SENT, State.REFUSED, State.DEFERRED, State.IN_DOUBT, State.IN_DOUBT,
        ]  # fmt: skip
        server.script = lambda _: None
        report = run(ledger, server, LATER + 86400)
    assert report.counts == {State.SENT: 37, State.REFUSED: 1, State.IN_DOUBT: 2}
    assert max(mailed(server).values()) == 1
