"""What a server's status and words mean for the reader, kind by kind: words that contradict "dead" win."""

from __future__ import annotations

import base64

import pytest
from test_bounce_reports import ID, RETURNED, dsn

from digest.bounces.report import ReportKind, read
from digest.bounces.rules import BounceClass, classify

CASES = [
    ("5.1.1", "smtp; 550 5.1.1 The email account that you tried to reach does not exist", "dead"),
    ("5.2.1", "smtp; 550 5.2.1 The email account that you tried to reach is disabled", "dead"),
    ("5.1.1", "smtp; 550 5.1.1 <spam.fighter@example.org>: Recipient address rejected: User unknown", "dead"),
    ("5.1.10", "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup", "dead"),
    ("5.1.1", "", "dead"),
    ("5.0.0", "smtp; 550 No Such User Here", "dead"),
    ("5.0.0", "smtp; 550 <ann@example.org>: Recipient address rejected: User unknown in virtual mailbox table", "dead"),
    ("5.0.0", "smtp; 5.1.0 - Unknown address error 550-'5.1.1 <ann@example.org>... User unknown'", "dead"),
    ("5.1.0", "smtp; 5.1.0 - Unknown address error 550-'5.1.1 Mailbox <a@example.org> does not exist'", "dead"),
    ("5.0.0", "smtp; 554 delivery error: dd Not a valid recipient - mail.example.net", "dead"),
    ("5.3.0", "smtp; 553 5.3.0 <ann@example.org>... Addressee unknown, relay=[203.0.113.9]", "dead"),
    ("5.5.0", "smtp; 550 5.5.0 User unknown", "dead"),
    ("5.1.1", "smtp; host mx10.mailspamprotection.example[203.0.113.9] said: 550 5.1.1 User unknown", "dead"),
    ("", "user does not exist", "dead"),
    ("5.1.1", "smtp; 550 5.1.1 203.0.113.222 has sent to too many recipients this hour", "us"),
    ("5.1.1", "SMTP; 550 5.7.1 IP address blacklisted by recipient", "us"),
    ("5.1.3", "SMTP; 553 https://www.example.net/query/bl?ip=192.0.2.222", "us"),
    ("5.7.606", "smtp; 550 5.7.606 Access denied, banned sending IP [198.51.100.222]", "us"),
    ("5.7.26", "smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated", "us"),
    ("5.4.5", "smtp; 550 5.4.5 Daily user sending limit exceeded", "us"),
    ("5.7.1", "smtp; 554 5.7.1 Message rejected as spam", "us"),
    ("5.1.1", "smtp; 550 Service unavailable; client [203.0.113.9] blocked using zen.example.net", "us"),
    ("5.1.1", "smtp; 550 max emails per hour (300) exceeded", "us"),
    ("5.1.1", "smtp; 550 SubmissionQuotaExceeded", "us"),
    ("5.1.8", "smtp; 553 5.1.8 Domain of sender address does not exist", "us"),
    ("5.3.4", "smtp; 552 5.3.4 Message size exceeds fixed limit", "us"),
    ("4.7.0", "smtp; 421 4.7.0 deferred due to the reputation of your IP", "us"),
    ("5.5.0", "smtp; 554 5.5.0 possible spam", "us"),
    ("5.5.0", "smtp; 550 5.5.0 Protocol error", "us"),
    ("5.0.0", "smtp; 550 Mailbox unavailable. The server response was: 550 5.7.1 Unfortunately, not sent", "us"),
    ("5.7.1", "smtp; 550 5.7.1 User unknown", "us"),
    ("5.5.0", "smtp; 550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)", "soft"),
    ("5.0.0", "smtp; 550 Requested action not taken: mailbox unavailable", "soft"),
    ("5.4.1", "smtp; 550 5.4.1 Recipient address rejected: Access denied", "soft"),
    ("5.0.0", "smtp; 550 Callback setup failed: user unknown", "soft"),
    ("5.0.0", "smtp; 550 sender mailbox does not exist", "soft"),
    ("5.0.0", "smtp; 552 user unknown or over quota", "soft"),
    ("5.0.0", "smtp; 450 user unknown, try again later", "later"),
    ("5.1.1", "smtp; 552 5.2.2 Over quota", "soft"),
    ("5.2.2", "smtp; 552-5.2.2 The recipient inbox is out of storage space", "soft"),
    ("5.1.1", "smtp; 550 mailbox is full", "soft"),
    ("4.2.2", "smtp; 452 4.2.2 Mailbox full", "soft"),
    ("4.4.7", "smtp; delivery time expired", "soft"),
    ("5.4.4", "dns; host not found", "soft"),
    ("5.2.1", ("smtp; 550-5.2.1 The user you are trying to contact is receiving mail at a rate that 550-5.2.1 prevents "
     "additional messages from being delivered"), "later"),
    ("5.1.1", "smtp; 451 4.1.1 Recipient address rejected: unverified address: Greylisted", "later"),
    ("5.1.1", "smtp; 450 mailbox unavailable", "later"),
    ("5.2.1", "smtp; 550 5.2.1 Mailbox temporarily disabled", "later"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "words", "kind"), CASES)
def test_classes(status, words, kind):
    """Policy, quota, blocklists and greylisting are no death of an address, whatever the status says."""
    assert classify(status, words) is BounceClass(kind)


def test_neither_status_nor_words():
    """A failure that says nothing is none that counts."""
    assert classify("", "could not be delivered") is None


def auto(subject, **headers):
    lines = {"From": "Ann <ann@example.org>", "Subject": subject, "Return-Path": "<>", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in lines.items())
    return f"{head}\nI am away until Monday. Call +41 22 555 12 12, room 550.\n".encode()


@pytest.mark.parametrize(
    "mail",
    [
        auto("Mail delivery: I am away", Auto_Submitted="auto-replied"),
        auto("Automatic reply: Undeliverable", From="postmaster@example.org"),
        auto("Assenza dall'ufficio: delivery failure"),
        auto("Fuori ufficio fino a lunedi, mail delivery"),
        auto("Risposta automatica: mail delivery"),
        auto("Returned mail", X_Autoreply="yes"),
        auto("Returned mail", Precedence="auto_reply"),
    ],
)
def test_autoreplies_come_first(mail):
    """Who is away writes of numbers and failures too: no status is read out of it."""
    assert read(mail).kind is ReportKind.AUTOMATIC


def test_a_person_answers():
    """A person's answer is no report."""
    mail = b"From: Ann <ann@example.org>\nSubject: Re: February 2022\n\nThank you, I read it every month.\n"
    assert read(mail).kind is ReportKind.OTHER


def test_blank_before_the_colon():
    """Mimecast writes `Action : failed`."""
    report = read(dsn().replace(b"Action: failed", b"Action : failed").replace(b"Status: 5.1.1", b"Status : 5.1.1"))
    assert (report.kind, report.status, report.message_ids) == (ReportKind.BOUNCE, "5.1.1", (ID,))


@pytest.mark.parametrize("headers", ["message/global-headers", "message/global"])
def test_reports_of_mails_in_utf8(headers):
    """RFC 6533 gives the parts of a report names of their own: what they say is the same."""
    report = read(dsn(returned_type=headers).replace(b"message/delivery-status", b"message/global-delivery-status"))
    plain = read(dsn())
    assert (report.kind, report.status, report.detail) == (plain.kind, plain.status, plain.detail)
    assert (report.message_ids, report.addresses) == (plain.message_ids, plain.addresses)


def test_words_beside_the_diagnostic_code():
    """Some relays leave Diagnostic-Code out, and say why in X-Supplementary-Info."""
    report = read(dsn(status="5.0.0").replace(b"Diagnostic-Code:", b"X-Supplementary-Info:"))
    assert report.detail == read(dsn(status="5.0.0")).detail != ""


def test_expired():
    """SendGrid says `expired` of what it gave up."""
    report = read(dsn(action="expired", status="4.4.7", diagnostic="unable to get mx info"))
    assert (report.kind, report.status) == (ReportKind.BOUNCE, "4.4.7")


def test_the_returned_mail_in_base64():
    """A returned mail that was encoded, which none should be, still names its Message-ID."""
    returned = base64.encodebytes(RETURNED.encode()).decode()
    mail = dsn(returned_type="message/rfc822\nContent-Transfer-Encoding: base64", returned=returned)
    assert read(mail).message_ids == (ID,)


NOTICES = {
    "Trend Micro": "From: InterScan Notification <admin@mx.example.net>\nSubject: Mail could not be delivered\n\n"
    "Unable to deliver message to <ann@example.org>\n550 5.1.1 User unknown\n",
    "KDDI": "From: no-reply@au.ne.jp\nSubject: Mail System Error - Returned Mail\n\n"
    "Could not be delivered to: <ann@example.org>\nAs their mailbox is full.\n",
    "SES": "From: MAILER-DAEMON@eu-west-1.amazonses.example\nSubject: Delivery Status Notification (Failure)\n\n"
    "An error occurred while trying to deliver the mail to the following recipients:\nann@example.org\n",
}


@pytest.mark.parametrize("notice", NOTICES.values(), ids=NOTICES)
def test_notices_in_prose_name_their_reader(notice):
    """A notice without a machine-readable part is a bounce, with the reader that it names."""
    report = read(notice.encode())
    assert (report.kind, report.addresses) == (ReportKind.BOUNCE, ("ann@example.org",))


@pytest.mark.parametrize("unit", ["@", "@,", "a@", "<a@", "a@b."])
def test_a_field_of_many_addresses_is_not_read_for_ever(unit):
    """What stands in a field is of bounded length, before anything looks for an address in it."""
    assert read(dsn().replace(b"rfc822; ann@example.org", b"rfc822; " + unit.encode() * 30_000)).addresses == ()
