"""Reports are settled by rule, and only when they prove which mail they are about: with the real ledger."""

from __future__ import annotations

import pytest
from test_bounce_reports import RETURNED, TOKEN, dsn

from digest.bounces.log import BounceLog
from digest.bounces.mailbox import Letter
from digest.bounces.process import BounceRecords, settle, settle_mailbox
from digest.bounces.report import ReportKind, read
from digest.delivery import Event, Outcome, Phase, State
from digest.ledger.opening import open_ledger
from digest.mail.message_id import message_id
from digest.model import Audience, Recipient
from digest.recipients import tokens

SECRET = "0123456789abcdef0123456789abcdef"
NOW = 1_650_000_000.0
MONTHS = ["2022-01/everyone/en", "2022-02/everyone/en", "2022-03/everyone/en", "2022-04/everyone/en"]
READERS = ("ann@example.org", "Bob@example.org", "carl@example.org")


def identify(edition, address):
    return message_id(edition, address, domain="example.org", secret=SECRET.encode())


@pytest.fixture
def ledger(request, tmp_path):
    opened = open_ledger(f"sqlite:///{tmp_path}/ledger.db", newsroom="test")
    for number, edition in enumerate(MONTHS):
        stored = (
            (lambda address, edition=edition: identify(edition, address)) if getattr(request, "param", True) else None
        )
        opened.freeze(edition, "c", [Recipient(address=one) for one in READERS], NOW + number, stored)
        for delivery in opened.claim(edition, "me", 10, NOW + number):
            doubtful = delivery.address == "carl@example.org"
            steps = [Event.INTEND, Event.DOUBT if doubtful else Event.ACCEPT]
            opened.record([(delivery.id, event, None) for event in steps], NOW + number, "me")
    yield opened
    opened.close()


@pytest.fixture
def log(tmp_path):
    opened = BounceLog(tmp_path / "bounces.db")
    yield opened
    opened.close()


@pytest.fixture
def run(ledger, log):
    def run_(*mails, dry=False, **options):
        reports = [read(mail if isinstance(mail, bytes) else mail.encode(), key=str(n)) for n, mail in enumerate(mails)]
        records = BounceRecords(ledger=ledger, log=log, identify=identify, secrets=[SECRET], now=NOW + 99, **options)
        return settle(reports, records, dry=dry)

    return run_


def about(edition, address, status="5.1.1", action="failed", words=""):
    head = RETURNED.replace("<0123456789abcdef@example.org>", identify(edition, address)).replace(TOKEN, "x")
    return dsn(status=status, action=action, diagnostic=f"smtp; {words or status + ' said'}", returned=f"{head}\n")


def rows(ledger):
    return {(one.address, one.scope, one.reason) for one in ledger.suppressions()}


@pytest.mark.parametrize("ledger", [True, False], indirect=True, ids=["ids stored", "ids derived"])
@pytest.mark.parametrize("status", ["5.1.1", "5.1.10", "5.2.1"])
def test_a_dead_address_is_suppressed_at_once(run, ledger, status):
    """Permanent about the address: one report is enough, for every audience."""
    summary = run(about(MONTHS[3], "Bob@example.org", status))
    assert rows(ledger) == {("bob@example.org", "*", "bounced")}
    assert summary.suppressed == {"bounced": 1}
    assert ledger.suppressed(["Bob@example.org"], "anything")


@pytest.mark.parametrize("ledger", [True, False], indirect=True, ids=["ids stored", "ids derived"])
def test_other_failures_suppress_after_three_in_a_row(run, ledger):
    """A full mailbox may pass: only the third issue in a row that came back is one too many."""
    for month in MONTHS[:2]:
        assert not run(about(month, "ann@example.org", "5.2.2")).suppressed
        assert not rows(ledger)
    run(about(MONTHS[2], "ann@example.org", "5.4.4"))
    assert not rows(ledger)  # April went out and did not come back
    run(about(MONTHS[3], "ann@example.org", "5.2.2"))
    assert rows(ledger) == {("ann@example.org", "*", "bounced")}


def test_a_mail_that_arrived_in_between_begins_the_count_anew(run, ledger):
    """January, February and April came back, March did not: that is one in a row."""
    for month in (MONTHS[0], MONTHS[1], MONTHS[3]):
        summary = run(about(month, "ann@example.org", "5.2.2"))
    assert not rows(ledger)
    assert summary.verdicts[0].note == "ann@example.org came back (5.2.2), 1 in a row of 3: kept"


def test_two_in_a_row_are_not_enough(run, ledger):
    """March and April came back: the reader stays, and the note says how near it is."""
    for month in MONTHS[2:]:
        summary = run(about(month, "ann@example.org", "5.2.2"))
    assert not rows(ledger)
    assert summary.verdicts[0].note == "ann@example.org came back (5.2.2), 2 in a row of 3: kept"


def test_three_reports_of_one_run_count_together(run, ledger):
    """A mailbox that nobody read for a quarter is settled as if it had been read each month."""
    run(*(about(month, "ann@example.org", "5.2.2") for month in MONTHS[1:]))
    assert rows(ledger) == {("ann@example.org", "*", "bounced")}


def test_the_same_report_read_again_does_not_count_again(run, ledger):
    """A crash between settling and marking reads a mail twice; a relay may send a report twice."""
    for _ in range(4):
        run(about(MONTHS[3], "ann@example.org", "5.2.2"), about(MONTHS[3], "ann@example.org", "5.2.2"))
    assert not rows(ledger)


def test_temporary_failures_never_suppress(run, ledger):
    """A relay that goes on trying, and greylisting for which it gave up, month after month."""
    for month in MONTHS:
        run(
            about(month, "ann@example.org", "4.7.1", words="450 4.7.1 Greylisted, try again"),
            about(month, "ann@example.org", "4.2.2", "delayed"),
        )
    assert not rows(ledger)


def test_a_relay_that_gave_up_counts(run, ledger):
    """Three issues that could not be delivered within days each are three real bounces."""
    for month in MONTHS[1:]:
        run(about(month, "ann@example.org", "4.4.7", words="delivery time expired"))
    assert rows(ledger) == {("ann@example.org", "*", "bounced")}


def test_policy_never_counts(run, ledger):
    """What a server says of us is no fault of its reader, however often."""
    for month in MONTHS:
        run(about(month, "ann@example.org", "5.7.1", words="554 5.7.1 Message rejected as spam"))
        summary = run(about(month, "Bob@example.org", "5.1.1", words="550 5.7.1 IP address blacklisted"))
    assert not rows(ledger)
    assert "about us and not the reader" in summary.verdicts[0].note


def test_what_our_own_relay_refused_never_counts(run, ledger):
    """Two mails that the relay refused at once, and one that came back, are one bounce."""
    for number in range(3):
        edition = f"2022-0{5 + number}/everyone/en"
        ledger.freeze(edition, "c", [Recipient(address="dora@example.org")], NOW, lambda a, e=edition: identify(e, a))
        (row,) = ledger.claim(edition, "me", 9, NOW)
        event = Event.REFUSE if number < 2 else Event.ACCEPT
        said = Outcome(delivery=row.id, event=event, phase=Phase.RCPT, code=550, detail="5.7.1 refused")
        ledger.record([(row.id, Event.INTEND, None), (row.id, event, said)], NOW, "me")
    summary = run(about("2022-07/everyone/en", "dora@example.org", "5.2.2"))
    assert not rows(ledger)
    assert "1 in a row of 3" in summary.verdicts[0].note


def test_three_audiences_of_one_month_are_one_issue(run, ledger):
    """A mailbox that was full for a day bounces every audience's mail, and has bounced once."""
    for audience in ("impact", "skills"):
        edition = f"2022-04/{audience}/en"
        ledger.freeze(edition, "c", [Recipient(address="ann@example.org")], NOW, lambda a, e=edition: identify(e, a))
        (row,) = ledger.claim(edition, "me", 9, NOW)
        ledger.record([(row.id, Event.INTEND, None), (row.id, Event.ACCEPT, None)], NOW, "me")
    editions = (MONTHS[3], "2022-04/impact/en", "2022-04/skills/en")
    summary = run(*(about(edition, "ann@example.org", "5.2.2") for edition in editions))
    assert not rows(ledger)
    assert {one.note for one in summary.verdicts} == {"ann@example.org came back (5.2.2), 1 in a row of 3: kept"}


def test_a_message_id_made_without_the_secret_proves_nothing(run, ledger):
    """Whoever knows a reader can make such a Message-ID: a report about it is left for a person."""
    edition = "2022-05/everyone/en"
    ledger.freeze(
        edition,
        "c",
        [Recipient(address="ann@example.org")],
        NOW,
        lambda address: message_id(edition, address, domain="example.org"),
    )
    head = RETURNED.replace(
        "<0123456789abcdef@example.org>", message_id(edition, "ann@example.org", domain="example.org")
    ).replace(TOKEN, "x")
    summary = run(dsn(returned=f"{head}\n"))
    assert not rows(ledger)
    assert len(summary.unsettled) == 1


def test_a_complaint_suppresses_everywhere(run, ledger):
    """Who says "this is spam" means the newsroom, not about one audience."""
    head = RETURNED.replace("<0123456789abcdef@example.org>", identify(MONTHS[3], "Bob@example.org"))
    mail = (
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n--b\n'
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b\n"
        f"Content-Type: text/rfc822-headers\n\n{head}\n--b--\n"
    )
    run(mail)
    assert rows(ledger) == {("bob@example.org", "*", "complained")}


def test_a_complaint_without_our_id_is_proven_by_its_token(run, ledger):
    """Providers black out addresses and ids; the unsubscribe link that is left was made here."""
    mail = (
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n--b\n'
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b\n"
        f"Content-Type: text/rfc822-headers\n\n{RETURNED}\n--b--\n"
    )
    run(mail)
    assert rows(ledger) == {("ann@example.org", "*", "complained")}


def test_an_unsubscribe_mail_suppresses_its_audience(run, ledger):
    """The token says who and what; the From address, which anybody can write, says nothing."""
    summary = run(f"From: somebody@else.example\nSubject: unsubscribe {TOKEN}\n\n")
    assert rows(ledger) == {("ann@example.org", "everyone", "unsubscribed")}
    assert summary.verdicts[0].note == "ann@example.org left everyone by mail"
    assert not run(f"Subject: unsubscribe {TOKEN}\n\n").suppressed


@pytest.mark.parametrize(("token_of", "scope"), [("everyone", "all"), ("all", "all"), ("gone", "*")])
def test_an_unsubscribe_mail_of_a_renamed_or_vanished_audience(run, ledger, token_of, scope):
    """The token of an audience that was renamed leaves what it became; of one that is gone, everything."""
    token = tokens.token([SECRET], token_of, "ann@example.org")
    audiences = {"all": Audience(name="all", title="All", was=("everyone",))}
    run(f"Subject: unsubscribe {token}\n\n", audiences=audiences)
    assert rows(ledger) == {("ann@example.org", scope, "unsubscribed")}


@pytest.mark.parametrize(
    "mail",
    [
        "From: ann@example.org\nSubject: unsubscribe\n\n",
        f"From: ann@example.org\nSubject: unsubscribe {tokens.token(['f' * 32], 'everyone', 'ann@example.org')}\n\n",
        dsn(returned="From: x@example.org\n"),
        dsn(returned="Message-ID: <guessed@example.org>\n"),
        dsn(
            returned=f"Message-ID: {message_id(MONTHS[3], 'ann@example.org', domain='example.org', secret=b'guess')}\n"
        ),
    ],
)
def test_what_proves_nothing_changes_nothing(run, ledger, mail):
    """Anybody can write a report about anybody: it is named for a person with the command, and not marked as done."""
    summary = run(mail)
    assert not rows(ledger)
    assert len(summary.unsettled) == 1
    assert "digest subscribers suppress ADDRESS" in summary.unsettled[0].note


def test_robots_are_ignored_and_said(run, ledger):
    """An out-of-office reply names our Message-ID too, and means nothing."""
    summary = run(
        f"Subject: Automatic reply: x\nIn-Reply-To: {identify(MONTHS[3], 'ann@example.org')}\n\n",
        "From: ann@example.org\nSubject: Hello there\n\n",
    )
    assert [one.note for one in summary.verdicts] == [
        "an automatic reply (out of office): ignored",
        "no report that is known here: 'Hello there', from ann@example.org: left for a person",
    ]
    assert summary.kinds == {ReportKind.AUTOMATIC: 1, ReportKind.OTHER: 1}
    assert not rows(ledger)


@pytest.mark.parametrize(("status", "action"), [("5.2.2", "failed"), ("4.4.1", "delayed"), ("2.0.0", "delivered")])
def test_a_report_about_a_mail_in_doubt_settles_it(run, ledger, status, action):
    """Whoever reports about a mail has had it: it is sent, and not sent again."""
    summary = run(about(MONTHS[3], "carl@example.org", status, action))
    assert summary.settled == 1
    states = {one.address: one.state for one in ledger.deliveries(MONTHS[3])}
    assert states["carl@example.org"] is State.SENT
    assert {one.state for one in ledger.deliveries(MONTHS[2]) if one.address == "carl@example.org"} == {State.IN_DOUBT}


def test_a_dry_run_counts_what_the_run_does(run, ledger):
    """The same reader, or the same mail, in several reports is one; who is suppressed so already is none."""
    ledger.suppress("ann@example.org", "*", "bounced", "", NOW)
    mails = [about(month, address) for month in MONTHS[2:] for address in READERS]
    dry = run(*mails, about(MONTHS[2], "CARL@example.org"), dry=True)
    wet = run(*mails, about(MONTHS[2], "CARL@example.org"))
    assert (dry.suppressed, dry.settled) == (wet.suppressed, wet.settled) == ({"bounced": 2}, 2)
    again = run(*mails, dry=True)
    assert (again.suppressed, again.settled) == ({}, 0)


def test_a_dry_run_says_and_does_nothing(run, ledger):
    """The same verdicts, and neither ledger nor suppressions nor count are touched."""
    mails = [about(MONTHS[3], "Bob@example.org"), about(MONTHS[3], "carl@example.org", "5.2.2")]
    dry = run(*mails, dry=True)
    assert not rows(ledger)
    assert {one.state for one in ledger.deliveries(MONTHS[3], [State.IN_DOUBT])} == {State.IN_DOUBT}
    wet = run(*mails)
    assert (dry.suppressed, dry.settled) == (wet.suppressed, wet.settled) == ({"bounced": 1}, 1)


def test_a_mailbox_is_marked_after_what_it_says_was_done(ledger, log):
    """What was carried out is marked; what a person must see is left; with a failure in between nothing is marked."""

    class Box:
        marked = None

        def letters(self):
            yield Letter(key="a", data=about(MONTHS[3], "Bob@example.org"))
            yield Letter(key="b", data=b"Subject: hello\n\n")
            yield Letter(key="c", data=b"")

        def done(self, keys):
            assert rows(ledger) == {("bob@example.org", "*", "bounced")}
            self.marked = list(keys)

    box = Box()
    records = BounceRecords(ledger=ledger, log=log, identify=identify, secrets=[SECRET], now=NOW)
    settle_mailbox(box, records, dry=True)
    assert box.marked is None
    settle_mailbox(box, records)
    assert box.marked == ["a"]


def test_the_bounce_log_cannot_be_used_is_one_line(tmp_path):
    """A folder in the place of the file: said, without a traceback or a URL."""
    from digest.errors import LedgerError

    (tmp_path / "b.db").mkdir()
    with pytest.raises(LedgerError, match="the record of bounces cannot be used"):
        BounceLog(tmp_path / "b.db")


def test_the_bounce_log_lies_in_a_folder_of_any_name(tmp_path):
    """What means something else in a URL is a letter in a folder's name."""
    (folder := tmp_path / "what?").mkdir()
    BounceLog(folder / "b.db").close()
    assert (list(tmp_path.iterdir()), list(folder.iterdir())) == ([folder], [folder / "b.db"])
