"""Relays as providers' pages and bug reports tell of them: too fast, too many, a quota, one bad machine of two.

What is put off for how we send is about all readers: a run waits as it is told, or ends early, the rest as it was.
"""

from __future__ import annotations

from collections import Counter

import pytest
from faultserver import Drop, FaultServer, Say, Slow, at
from smtprun import settings

from digest.delivery import Concern, Outgoing, Phase, State
from digest.errors import RelayLimit
from digest.ledger.opening import open_ledger
from digest.model import Recipient
from digest.sending.engines import send_edition
from digest.sending.run import Patience
from digest.smtp.refusals import asked_wait, concern
from digest.smtp.transport import SmtpTransport

EDITION = "2022-02/everyone/en"
PATIENCE = Patience(budget=20.0, shortest=0.01, longest=0.05, deferred=5.0)
READERS = 60
DOMAINS = ("a.example", "b.example", "c.example", "d.example")
HOURLY = "451 4.5.4 Domain a.example has exceeded the max emails per hour (100/100), message deferred"


@pytest.fixture
def ledger(tmp_path):
    opened = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=tmp_path)
    opened.freeze(EDITION, "hash", [Recipient(address=address(number)) for number in range(READERS)], 0.0)
    yield opened
    opened.close()


def address(number):
    return f"r{number}@{DOMAINS[number % len(DOMAINS)]}"


def build(delivery):
    data = b"Subject: February\r\n\r\nto you\r\n"
    return Outgoing(delivery=delivery.id, sender="digest@newsroom.test", recipient=delivery.address, data=data)


def run(ledger, server, *, connections=1, patience=PATIENCE, **changes):
    transport = SmtpTransport(settings(server, **changes))
    return send_edition(ledger, transport, build, edition=EDITION, connections=connections, patience=patience)


def once_each(server):
    return Counter(mail.recipient for mail in server.seen.accepted) == Counter(map(address, range(READERS)))


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT])
@pytest.mark.parametrize(
    "words",
    [
        "454 4.7.0 Throttling failure: Daily message quota exceeded.",
        "450 4.4.5 Daily sending limit exceeded",
        HOURLY,
        "421 4.7.0 rate limit, try again in 3 hours",
    ],
)
def test_a_quota_ends_the_run_at_once(ledger, phase, words):
    """Nobody after the first is tried, none is refused, and the next run mails the rest, each once."""

    def script(visit):
        then = Drop() if words.startswith("421") else None
        return Say(words, then=then) if visit.phase is phase and visit.count > 10 else None

    with FaultServer(script) as server:
        report = run(ledger, server)
        assert isinstance(report.stopped, RelayLimit)
        assert words in str(report.stopped)
        assert report.exit_code == 75
        assert report.counts[State.SENT] == 10
        assert report.counts.get(State.DEFERRED, 0) <= 1
        assert server.visits[phase] <= 12, "no more than it takes to see it"
        server.script = lambda _: None
        clock = {"clock": lambda: 2e9}  # long after what was asked for
        again = send_edition(
            ledger, SmtpTransport(settings(server)), build, edition=EDITION, connections=1, patience=PATIENCE, **clock
        )
        assert again.exit_code == 0
        assert once_each(server)


@pytest.mark.parametrize(
    "words",
    [
        "454 Throttling failure: Maximum sending rate exceeded.",
        "421 4.7.28 Our system has detected an unusual rate of mail, try again in 1 second",
        "450 4.2.1 Peak SMTP relay limit exceeded for customer",
    ],
)
def test_a_relay_that_finds_us_too_fast_is_waited_for(ledger, words):
    """It says so twice: all connections wait, those readers are tried again in the same run, and all are mailed."""
    left = [2]

    def script(visit):
        if visit.phase is Phase.RCPT and visit.count > 10 and left[0]:
            left[0] -= 1
            return Say(words, then=Drop() if words.startswith("421") else None)
        return None

    with FaultServer(script) as server:
        report = run(ledger, server, connections=2)
    assert report.exit_code == 0
    assert report.counts == {State.SENT: READERS}
    assert once_each(server)


def test_one_that_never_has_enough_ends_the_run(ledger):
    """After some waits, each longer, the run ends; a handful of readers were tried, not the list."""
    words = "454 Throttling failure: Maximum sending rate exceeded."
    with FaultServer(lambda visit: Say(words) if visit.phase is Phase.DATA else None) as server:
        report = run(ledger, server, connections=2)
    assert isinstance(report.stopped, RelayLimit)
    assert server.visits[Phase.DATA] < READERS / 2
    assert set(report.counts) == {State.PLANNED, State.DEFERRED}


def test_too_many_connections_are_made_fewer(ledger):
    """432 to all but two connections: the others close, the two mail everybody, and nothing stops."""

    def script(visit):
        crowd = visit.phase is Phase.MAIL and visit.connection not in sorted(server.open)[:2]
        return Say("432 4.3.2 Concurrent connections limit exceeded.") if crowd else None

    with FaultServer(script) as server:
        report = run(ledger, server, connections=4)
    assert report.exit_code == 0
    assert report.counts == {State.SENT: READERS}
    assert once_each(server)


@pytest.mark.parametrize(
    "words",
    ["421 4.7.0 Too many connections from 192.0.2.1", "554 Too many connections", "421 Too many auth sessions"],
)
def test_connections_that_are_not_even_greeted_are_given_up(ledger, words):
    """A relay that takes two, and turns the others away with whatever code: two mail everybody, none knocks on."""
    refused = []

    def script(visit):
        if visit.phase is Phase.BANNER and visit.connection not in sorted(server.open)[:2]:
            refused.append(visit.connection)
            return Say(words, then=Drop())
        return Slow(0.02) if visit.phase is Phase.DOT else None

    with FaultServer(script) as server:
        report = run(ledger, server, connections=4)
    assert report.exit_code == 0
    assert once_each(server)
    assert len(refused) <= 8


def test_a_quota_that_is_said_for_a_greeting(ledger):
    """Nothing is wrong that a person could mend: the rest goes later, and the exit code says so."""
    with FaultServer(lambda _: Say("550 5.4.5 Daily sending quota exceeded", then=Drop())) as server:
        report = run(ledger, server)
    assert isinstance(report.stopped, RelayLimit)
    assert report.counts == {State.PLANNED: READERS}


def test_one_bad_connection_of_two_does_not_put_half_the_list_off(ledger):
    """A relay is two machines, one of which has no disk: what it puts off are few, the other one mails the rest."""

    def script(visit):
        bad = visit.connection % 2 == 0 and visit.phase is Phase.RCPT
        return Say("451 4.3.0 Temporary lookup failure") if bad else None

    with FaultServer(script) as server:
        patience = Patience(budget=20.0, shortest=0.01, longest=0.05, deferred=0.0)
        report = run(ledger, server, connections=2, patience=patience, rate=100.0)
    assert report.stopped is None
    assert report.counts[State.DEFERRED] <= 10
    assert report.counts[State.SENT] + report.counts[State.DEFERRED] == READERS


def test_a_relay_that_puts_everybody_off_is_asked_again_later(ledger):
    """The same 451 to one reader after another: the run ends early, instead of trying every reader that is left."""

    def script(visit):
        return Say("451 4.3.0 Temporary lookup failure") if visit.phase is Phase.RCPT and visit.count > 5 else None

    with FaultServer(script) as server:
        report = run(ledger, server)
    assert isinstance(report.stopped, RelayLimit)
    assert "4.3.0 Temporary lookup failure" in str(report.stopped)
    assert server.visits[Phase.RCPT] < 25
    assert report.counts[State.SENT] == 5


def test_greylisting_is_about_each_reader(ledger):
    """Every first mail is greylisted: all are tried, all wait, nothing stops."""

    def script(visit):
        return Say("450 4.7.1 Greylisted, see http://example.org") if visit.phase is Phase.RCPT else None

    with FaultServer(script) as server:
        report = run(ledger, server)
    assert report.stopped is None
    assert report.counts == {State.DEFERRED: READERS}


def test_a_reader_who_gets_too_much_mail_just_now_waits(ledger):
    """Google says so with a 550 5.2.1, as of a mailbox that is gone: that reader waits, the others have theirs."""
    words = "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages"
    with FaultServer(lambda visit: Say(words) if visit.recipient == address(7) else None) as server:
        report = run(ledger, server)
    assert report.stopped is None
    assert report.counts == {State.SENT: READERS - 1, State.DEFERRED: 1}


def test_a_relay_that_takes_no_mail_of_this_size(ledger):
    """Said before any reader was named: nobody is refused, and it is not the sender that is to be mended."""
    with FaultServer(at(Phase.MAIL, Say("552 5.3.4 Message size exceeds fixed limit"))) as server:
        report = run(ledger, server)
    assert "takes no mail of 29 bytes: 552 5.3.4 Message size exceeds fixed limit; check what it" in str(report.stopped)
    assert "newsroom.from" not in str(report.stopped)
    assert report.counts == {State.PLANNED: READERS}


def test_a_relay_that_writes_its_own_message_id(ledger):
    """SES puts its own Message-ID in the place of ours: it is what the relay says, and the mail counts as sent."""
    with FaultServer(lambda visit: Say("250 Ok 0102-ses") if visit.phase is Phase.DOT else None) as server:
        report = run(ledger, server)
    assert report.counts == {State.SENT: READERS}


def test_a_limit_on_the_size(ledger):
    """A mail above the server's SIZE is not even offered: nobody is refused for it, and both numbers are said."""
    with FaultServer(extensions=("PIPELINING", "SIZE 10")) as server:
        report = run(ledger, server)
    assert "the server takes 10 at most" in str(report.stopped)
    assert report.counts == {State.PLANNED: READERS}
    assert not server.visits[Phase.MAIL]


@pytest.mark.parametrize(
    ("phase", "reply", "about"),
    [
        (Phase.RCPT, "450 4.2.0 Greylisted for 300 seconds", Concern.MAIL),
        (Phase.RCPT, "451 4.7.1 Please try again later", Concern.MAIL),
        (Phase.RCPT, "452 4.2.2 mailbox full", Concern.MAIL),
        (Phase.RCPT, "450 4.2.1 The user you are trying to contact is receiving mail too quickly", Concern.MAIL),
        (Phase.DOT, "451 4.7.0 Temporary server error. Please try again later", Concern.LIMIT),
        (Phase.MAIL, "451 4.3.0 Mail server temporarily rejected message", Concern.MAIL),
        (Phase.MAIL, "421 4.3.2 Too many concurrent SMTP connections", Concern.CONNECTIONS),
        (Phase.DOT, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Concern.CONNECTIONS),
        (Phase.AUTH, "454 4.7.0 Temporary authentication failure", Concern.LIMIT),
        (Phase.MAIL, "421 4.4.2 Message submission rate for this client has exceeded the limit", Concern.LIMIT),
        (Phase.RCPT, "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)", Concern.LIMIT),
        (Phase.DOT, "450 Requested mail action not taken: mailbox unavailable Sending limit exceeded", Concern.LIMIT),
        (Phase.DOT, "451 You have exceeded your messaging limits", Concern.LIMIT),
        (Phase.RCPT, "451 Authentication failed: Maximum credits exceeded", Concern.LIMIT),
        (Phase.RCPT, "450 4.7.1 <15b0717dc4c2>: Helo command rejected: Host not found", Concern.POLICY),
        (Phase.RCPT, "450 4.7.25 Client host rejected: cannot find your hostname", Concern.POLICY),
        (Phase.RCPT, "450 4.1.8 <news@x.example>: Sender address rejected: Domain not found", Concern.POLICY),
        (Phase.RCPT, "450 4.7.1 <news@x.example>: Sender address rejected: Greylisted", Concern.MAIL),
    ],
)
def test_whom_a_4xx_is_about(phase, reply, about):
    """Words of providers, and whom they mean: one reader, how fast we send, or how many connections we hold."""
    code, _, words = reply.partition(" ")
    assert concern(phase, int(code), words) is about


@pytest.mark.parametrize(
    ("reply", "about"),
    [
        # Exchange, Google, SES, Postmark, Mailgun, SendGrid, Brevo
        ("550 5.1.8 Access denied, bad outbound sender AS(42004)", Concern.POLICY),
        ("550 5.1.90 Your message can't be sent because you've reached your daily limit", Concern.LIMIT),
        ("554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", Concern.POLICY),
        ("550 5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address is not registered", Concern.POLICY),
        ("554 Message rejected: Email address is not verified. These identities failed the check", Concern.POLICY),
        ("554 Message rejected: Sending paused for this account.", Concern.POLICY),
        ("554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:Send'", Concern.POLICY),
        ("550 The Sender signature for this address was not found", Concern.POLICY),
        ("550 Account pending approval: all recipients must share the domain of the From", Concern.POLICY),
        ("550 5.7.1 Domain mg.example.org is not allowed to send: Free accounts are for tests", Concern.POLICY),
        ("550 The from address does not match a verified Sender Identity.", Concern.POLICY),
        ("525 5.7.1 Unauthorized IP address", Concern.POLICY),
        ("550 Unable to send email. Your SMTP account has insufficient credits", Concern.LIMIT),
        ("550 The harbour.example domain is not verified. Please, add and verify it", Concern.POLICY),
        ("550 From domain 'harbour.example' is not verified", Concern.POLICY),
        ("554 5.7.1 Monthly quota exceeded", Concern.LIMIT),
        ("550 You have exceeded your plan's message allowance", Concern.LIMIT),
        ("554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Actual verdict is RefuseQuota", Concern.LIMIT),
        ("554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; verdict is Suspend", Concern.POLICY),
        ("550 Sender address is not valid for your login. Check the address", Concern.POLICY),
        ("501 mail from address must be same as authorization user", Concern.POLICY),
        # a hoster's Exim, Postfix, qmail, Zoho, T-Online
        ("550 Domain a.example has exceeded the max defers and failures per hour (5/5)", Concern.LIMIT),
        ("550 Sender verify failed", Concern.POLICY),
        ("550 SMTP AUTH is required for message submission on port 587", Concern.POLICY),
        ("554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", Concern.POLICY),
        ("553 Relaying disallowed as news", Concern.POLICY),
        # Haraka, qmail, Stalwart, hMailServer, Mercury: we are none of theirs
        ("550 I cannot deliver mail for <x@a.example>", Concern.POLICY),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", Concern.POLICY),
        ("550 5.1.2 Relay not allowed.", Concern.POLICY),
        ("550 Delivery is not allowed to this address.", Concern.POLICY),
        ("550 We do not relay non-local mail, sorry.", Concern.POLICY),
        ("550 5.4.6 Unusual sending activity detected", Concern.LIMIT),
        ("554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster)", Concern.POLICY),
        ("550 5.7.1 Límite de envío diario alcanzado", Concern.LIMIT),
        ("550 Das Versandlimit wurde erreicht", Concern.LIMIT),
        ("550 5.7.1 Your IP address 192.0.2.1 is blacklisted in zen.spamhaus.org", Concern.POLICY),
        ("550 IP address [192.0.2.1] is blocklisted in dnsbl.example", Concern.POLICY),
        ("550 sending IP address 192.0.2.1 black listed in our list", Concern.POLICY),
        ("550 sender address suppressed by policy", Concern.POLICY),
        # a mail that is too big is so for all
        ("552 5.3.4 Message size exceeds fixed limit", Concern.POLICY),
        ("552 Message size exceeds maximum permitted", Concern.POLICY),
        ("552 5.2.3 Your message exceeded Google's message size limits", Concern.POLICY),
        # and what is about one reader, be it in the relay's own list of whom it mails no more
        ('550 5.7.1 recipient is in suppression list "bad": <x@a.example>', Concern.MAILBOX),
        ("550 5.7.1 recipient address suppressed due to customer policy", Concern.MAILBOX),
        ("550 5.1.1 cannot deliver mail for <x@a.example>: no such user", Concern.MAILBOX),
        ("550 5.1.1 Recipient address rejected: address not verified", Concern.MAILBOX),
        ("550 5.2.1 The recipient's trial account has expired", Concern.MAILBOX),
        ("552 5.2.2 recipient exceeded their plan's storage quota", Concern.MAIL),
        ("552 mailbox over its monthly quota", Concern.MAIL),
        ("550 5.7.1 <list@a.example>: sender not authorized to post to this group", Concern.MAIL),
        ("552 5.2.2 Mailbox size limit exceeded", Concern.MAIL),
        ("550 5.1.1 <x@auth.example.com>: Recipient address rejected: User unknown", Concern.MAILBOX),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", Concern.MAIL),
        ("552 5.2.2 The mailbox of this account is full", Concern.MAIL),
        ("550 5.1.1 unverified address: the account john.doe is disabled", Concern.MAILBOX),
    ],
)
def test_whom_a_5xx_is_about(reply, about):
    """The account, the sender and the address we come from are no reader's fault."""
    code, _, words = reply.partition(" ")
    assert concern(Phase.RCPT, int(code), words) is about


@pytest.mark.parametrize(
    "words",
    [
        "554 Message rejected: Email address is not verified. The following identities failed the check",
        "552 5.3.4 Error: message file too big",
        "550 Account mg.example.org is temporarily disabled. (DNS settings)",
    ],
)
def test_a_short_list_pays_no_more_than_a_long_one(tmp_path, words):
    """Three readers and what is about us: nobody is refused for it, though three are no proof."""
    opened = open_ledger("sqlite:///short.db", newsroom="ILO Newsroom", root=tmp_path)
    opened.freeze(EDITION, "hash", [Recipient(address=f"r{number}@a.example") for number in range(3)], 0.0)
    with FaultServer(lambda visit: Say(words) if visit.phase is Phase.DOT else None) as server:
        report = run(opened, server, patience=Patience(deferred=0.0))
    opened.close()
    assert report.counts == {State.DEFERRED: 3}
    assert report.exit_code == 75


def test_a_relay_that_is_restarted_in_the_middle_stops_nothing(ledger):
    """Each connection is lost once with a mail of which nobody knows; all others are mailed."""
    with FaultServer(at(Phase.DOT, Drop(accept=True), first=9, times=4)) as server:
        report = run(ledger, server, connections=4)
    assert (report.stopped, report.counts) == (None, {State.SENT: READERS - 4, State.IN_DOUBT: 4})
    assert once_each(server)


@pytest.mark.parametrize(("connections", "most"), [(1, 3), (4, 11)])
def test_a_relay_that_is_lost_at_the_end_of_every_mail_is_left_alone(ledger, connections, most):
    """Each further try would put one more reader in doubt: a few do, and the run says what may be in between."""
    with FaultServer(at(Phase.DOT, Drop())) as server:
        report = run(ledger, server, connections=connections)
    assert report.stopped.held
    assert "firewall" in str(report.stopped)
    assert report.counts[State.IN_DOUBT] <= most


def test_readers_whom_the_relay_mails_no_more_hold_up_nobody(ledger):
    """They are refused by name, whatever the relay says of policy, and the edition comes to its end."""
    left_out = {address(number) for number in (4, 5, 9, 11, 57, 58, 59)}
    words = Say("550 5.7.1 recipient address suppressed due to customer policy")
    with FaultServer(
        lambda visit: words if visit.recipient in left_out and visit.phase is Phase.RCPT else None
    ) as server:
        report = run(ledger, server)
    assert (report.stopped, report.counts) == (None, {State.SENT: READERS - 7, State.REFUSED: 7})


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase.MAIL, "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)"),
        (Phase.RCPT, "504 5.5.2 <15b0717dc4c2>: Helo command rejected: need fully-qualified hostname"),
        (Phase.RCPT, "450 4.7.1 <15b0717dc4c2>: Helo command rejected: Host not found"),
    ],
)
def test_a_greeting_that_is_refused_later_on_is_mended_by_its_setting(ledger, phase, words):
    """Postfix refuses the name at RCPT: the run ends early, says which setting mends it, and nobody pays for it."""
    with FaultServer(at(phase, Say(words))) as server:
        report = run(ledger, server)
        assert server.visits[phase] <= 8
    assert "smtp.helo" in str(report.stopped)
    assert report.counts.get(State.REFUSED, 0) == 0


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("try again in 5 minutes", 300.0),
        ("Please retry after 30 seconds", 30.0),
        ("wait 2 hours", 7200.0),
        ("4.7.0 Try again later", 0.0),
        ("from 10.0.0.1 in 5 mails", 0.0),
    ],
)
def test_a_time_to_wait_is_read(words, seconds):
    """What a server says in words counts in seconds; without a time there is none."""
    assert asked_wait(words) == seconds
