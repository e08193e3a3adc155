"""Mails that come back are understood as what they are: from tidy RFC 3464 to a robot's prose."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.bounces.report import ReportKind, read
from digest.recipients import tokens

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = tokens.token([SECRET], "everyone", "ann@example.org")
QUOTED = TOKEN.replace("_", "=5F")
ID = "<0123456789abcdef@example.org>"
RETURNED = f"""From: ILO Newsroom <digest@example.org>
To: Ann <ann@example.org>
Message-ID: {ID}
List-Unsubscribe: <https://digest.example.org/u/{TOKEN}>,
 <mailto:leave@example.org?subject=unsubscribe%20{TOKEN}>
Subject: February
"""


def dsn(status="5.1.1", action="failed", diagnostic="smtp; 550 5.1.1 no such user", **changes):
    parts = {
        "fields": f"Final-Recipient: rfc822; ann@example.org\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: {diagnostic}\n",
        "encoding": "7bit",
        "returned_type": "message/rfc822",
        "returned": f"{RETURNED}\nStories\n",
    } | changes
    return f"""Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: <report@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain

I'm sorry to have to inform you...
--=b
Content-Type: message/delivery-status
Content-Transfer-Encoding: {parts["encoding"]}

Reporting-MTA: dns; mx.example.net

{parts["fields"]}
--=b
Content-Type: {parts["returned_type"]}

{parts["returned"]}
--=b--
""".encode()


def test_a_delivery_report_is_a_bounce():
    """RFC 3464: status, words, the address and our Message-ID; the report's own id is not taken for ours."""
    report = read(dsn(), key="7")
    assert (report.kind, report.status, report.addresses) == (ReportKind.BOUNCE, "5.1.1", ("ann@example.org",))
    assert report.detail == "smtp; 550 5.1.1 no such user"
    assert report.message_ids == (ID,)
    assert report.tokens == (TOKEN,)
    assert report.key == "7"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "Message/RFC822"])
def test_the_mail_that_came_back_is_found_in_every_form(kind, end):
    """Whole mails and heads only, with either line end."""
    assert read(dsn(returned_type=kind).replace(b"\n", end)).message_ids == (ID,)


def test_a_status_part_that_is_encoded_is_read():
    """RFC 3464 forbids it, some do it."""
    fields = "Final-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.2.1\n"
    message = dsn().replace(b"7bit", b"base64").replace(b"Reporting-MTA: dns; mx.example.net\n\n", b"")
    start, end = message.index(b"Final-Recipient"), message.index(b"\n--=b\nContent-Type: message/rfc822")
    report = read(message[:start] + base64.encodebytes(fields.encode()) + message[end:])
    assert (report.kind, report.status) == (ReportKind.BOUNCE, "5.2.1")


@pytest.mark.parametrize(
    ("fields", "kind", "status"),
    [
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 unknown", ReportKind.BOUNCE, "5.1.1"),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 554 no", ReportKind.BOUNCE, "5.0.0"),
        ("Action: FAILED (permanent)\nStatus: 5.7.1 (policy)", ReportKind.BOUNCE, "5.7.1"),
        ("Final-Recipient: ann@example.org\nStatus: 5.2.2", ReportKind.BOUNCE, "5.2.2"),
        ("Action: failed\nDiagnostic-Code: smtp;550 user unknown", ReportKind.BOUNCE, "5.0.0"),
        ("Action: failed\nStatus: 4.4.7", ReportKind.BOUNCE, "4.4.7"),
        ("Action: delayed\nStatus: 4.4.1", ReportKind.DELAY, "4.4.1"),
        ("Action: delivered\nStatus: 2.0.0", ReportKind.DELIVERED, "2.0.0"),
        ("Action: relayed\nStatus: 2.1.9", ReportKind.DELIVERED, "2.1.9"),
        ("Action: failed\nStatus: 5.1.1\n\nAction: delivered\nStatus: 2.0.0", ReportKind.DELIVERED, "2.0.0"),
        ("Final-Recipient: rfc822; ann@example.org", ReportKind.OTHER, ""),
    ],
)
def test_actions_and_codes_as_they_are_written(fields, kind, status):
    """The code that says most is taken; what reached one mailbox of an alias has arrived."""
    report = read(dsn(fields=fields + "\n"))
    assert (report.kind, report.status) == (kind, status)


@pytest.mark.parametrize(
    ("feedback", "kind"),
    [
        ("abuse", ReportKind.COMPLAINT),
        ("fraud", ReportKind.COMPLAINT),
        ("not-spam", ReportKind.AUTOMATIC),
        ("auth-failure", ReportKind.AUTOMATIC),
    ],
)
def test_a_complaint_is_one_only_when_it_says_so(feedback, kind):
    """RFC 5965: abuse is a complaint; "this is not spam" and authentication reports are not."""
    report = read(
        f"""From: <feedback@provider.example>
Subject: FW: February
Content-Type: multipart/report; report-type=feedback-report; boundary="=b"

--=b
Content-Type: text/plain

This is an email abuse report.
--=b
Content-Type: message/feedback-report

Feedback-Type: {feedback}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <ann@example.org>

--=b
Content-Type: message/rfc822

{RETURNED}
Stories
--=b--
""".encode()
    )
    assert report.kind is kind
    if kind is ReportKind.COMPLAINT:
        assert (report.message_ids, report.tokens, report.addresses) == ((ID,), (TOKEN,), ("ann@example.org",))


EXIM = f"""Return-path: <>
X-Failed-Recipients: ann@example.org
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1n@mx.example.net>

This message was created automatically by mail delivery software.

  ann@example.org
    host mx.example.org [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<ann@example.org>:
    550 5.1.1 <ann@example.org>: Recipient address rejected

------ This is a copy of the message, including all the headers. ------

{RETURNED}"""
QMAIL = f"""Return-Path: <>
From: MAILER-DAEMON@mx.example.net
Subject: failure notice

Hi. This is the qmail-send program.
<ann@example.org>:
192.0.2.1 does not like recipient. Remote host said: 550 No such user here
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

{RETURNED}"""
WARNING = f"""Return-Path: <>
From: MAILER-DAEMON@mx.example.net
Subject: Warning: could not send message for past 4 hours, delivery delayed

    ** THIS IS A WARNING MESSAGE ONLY, YOU DO NOT NEED TO RESEND **
451 4.4.1 Connection timed out, will keep trying

{RETURNED}"""


@pytest.mark.parametrize(
    ("prose", "kind", "status", "words"),
    [
        (EXIM, ReportKind.BOUNCE, "5.1.1", "550 5.1.1 <ann@example.org>: Recipient address rejected"),
        (
            QMAIL,
            ReportKind.BOUNCE,
            "5.0.0",
            "192.0.2.1 does not like recipient. Remote host said: 550 No such user here",
        ),
        (WARNING, ReportKind.DELAY, "4.4.1", "451 4.4.1 Connection timed out, will keep trying"),
    ],
)
def test_bounces_in_prose_are_read(prose, kind, status, words):
    """Exim, qmail and sendmail's warnings: the code, the reason and our Message-ID are found in the text."""
    report = read(prose.encode())
    assert (report.kind, report.status, report.detail) == (kind, status, words)
    assert report.message_ids[0] == ID
    assert TOKEN in report.tokens


@pytest.mark.parametrize(
    "mail",
    [
        f"Subject: unsubscribe {TOKEN}\n\n",
        f"Subject: Unsubscribe {TOKEN}\nAuto-Submitted: auto-generated\n\n",
        f"Subject: unsubscribe\n {TOKEN}\n\n",
        f"Subject: =?utf-8?q?unsubscribe_{QUOTED[:40]}?=\n =?utf-8?q?{QUOTED[40:]}?=\n\n",
        f"Subject: Re: unsubscribe {TOKEN}\n\nplease",
        f"Subject: [EXTERNAL] unsubscribe {TOKEN}\n\n",
        f"Subject: [SPAM?] Re: [EXT] unsubscribe {TOKEN}\n\n",
        f"Subject: EXTERN: unsubscribe {TOKEN}\n\n",
        f"Subject: unsubscribe\nContent-Type: text/plain\n\nunsubscribe {TOKEN}\n",
    ],
)
def test_an_unsubscribe_mail_is_read(mail):
    """The mailto form, as mail programs fold and encode it; also from a program that says it is one (RFC 3834)."""
    report = read(f"From: Ann <ann@example.org>\n{mail}".encode())
    assert report.kind is ReportKind.UNSUBSCRIBE
    assert report.tokens == (TOKEN,)
    assert report.sender == "Ann <ann@example.org>"


def test_an_unsubscribe_mail_without_its_token_is_still_a_wish():
    """A person who just writes "unsubscribe" is heard, by a person."""
    report = read(b"From: ann@example.org\nSubject: UNSUBSCRIBE\n\nthank you")
    assert (report.kind, report.tokens) == (ReportKind.UNSUBSCRIBE, ())


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("Subject: Out of office: February\nAuto-Submitted: auto-replied", ReportKind.AUTOMATIC),
        ("Subject: Automatic reply: February", ReportKind.AUTOMATIC),
        ("Subject: Réponse automatique : février", ReportKind.AUTOMATIC),
        ("Subject: February\nX-Autoreply: yes", ReportKind.AUTOMATIC),
        ("Subject: February\nPrecedence: auto_reply", ReportKind.AUTOMATIC),
        ("Subject: Please confirm your message to bob@example.com", ReportKind.AUTOMATIC),
        ("Subject: Read: February\nContent-Type: message/disposition-notification", ReportKind.AUTOMATIC),
        ("Subject: Re: February", ReportKind.OTHER),
        ("Subject: How do I unsubscribe from this?", ReportKind.OTHER),
        ("Subject: Delivery failure", ReportKind.OTHER),  # a person's question, not a mail system's
    ],
)
def test_robots_and_people_are_told_apart(head, kind):
    """Out of office, receipts and challenges are nothing; what a person writes is for a person."""
    report = read(f"From: ann@example.org\nIn-Reply-To: {ID}\n{head}\n\nHello".encode())
    assert report.kind is kind
    assert report.why


@given(st.binary(max_size=300))
def test_any_bytes_are_a_report(data):
    """Whatever lies in the mailbox, reading it ends with a value."""
    assert read(data).kind in ReportKind


@given(st.binary(max_size=60), st.integers(0, 900))
def test_any_damage_to_a_report_is_a_report(noise, place):
    """A report with bytes put in anywhere is still read without an error."""
    message = dsn()
    assert read(message[:place] + noise + message[place:]).kind in ReportKind


def test_a_mail_nested_without_end_is_for_a_person():
    """A bomb of parts within parts ends as a mail that cannot be read, not as a crash."""
    head = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3_000))
    assert read(b"From: x@example.org\nSubject: x\n" + head).kind is ReportKind.OTHER
