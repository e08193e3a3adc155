"""Reports that come back to an address of their own (VERP), through a real Postfix that rewrites our header."""

from __future__ import annotations

import pytest
from faultserver import FaultServer, Say, at

from authority import Authority
from digest.bounces.log import BounceLog
from digest.bounces.mailbox import open_mailbox
from digest.bounces.process import BounceRecords, settle_mailbox
from digest.delivery import Event, Outgoing, Phase, State
from digest.ledger.opening import open_ledger
from digest.mail.message_id import message_id
from digest.mail.sender_identity import SenderIdentity, problems
from digest.model import Recipient
from digest.smtp.relay_settings import SmtpSettings
from digest.smtp.transport import SmtpTransport
from relay import Postfix

EDITION = "2022-02/everyone/en"
SECRET = "0123456789abcdef0123456789abcdef"
IDENTITY = SenderIdentity(
    sender="digest@newsroom.test",
    reply_to="desk@newsroom.test",
    list_id="a.b.newsroom.test",
    envelope="bounces@readers.test",
    verp=True,
)
# No such user at gone.test, said after the mail was taken; and no Message-ID of ours survives.
HABITS = """
recipient_delimiter = +
transport_maps = inline:{ {gone.test = smtp:[127.0.0.1]:%d} }
header_checks = regexp:{ {/^(Message-ID|List-|Feedback-ID|X-)/ REPLACE X-Rewritten: by the relay} }
"""
MAIL = (
    b"From: digest@newsroom.test\r\nTo: %s\r\nMessage-ID: %s\r\nSubject: February\r\n"
    b"Date: Tue, 01 Mar 2022 09:00:00 +0100\r\n\r\nto you\r\n"
)


def identify(edition, address):
    return message_id(edition, address, domain="newsroom.test", secret=SECRET.encode())


@pytest.mark.postfix
def test_a_report_is_known_by_the_address_to_which_it_came(tmp_path):
    """End to end: accepted, bounced, delivered to bounces+TOKEN, read, and the right reader suppressed."""
    ledger = open_ledger("sqlite:///ledger.db", newsroom="test", root=tmp_path)
    log = BounceLog(tmp_path / "bounces.db")
    readers = ("ann@gone.test", "bob@readers.test")
    ledger.freeze(EDITION, "c", [Recipient(address=reader) for reader in readers], 0.0, lambda a: identify(EDITION, a))
    authority = Authority(tmp_path)
    with (
        FaultServer(at(Phase.RCPT, Say("550 5.1.1 no such user here"))) as far,
        Postfix(authority.issue("relay", "127.0.0.1"), ["bob", "bounces"], HABITS % far.port) as postfix,
    ):
        session = SmtpTransport(
            SmtpSettings(host="127.0.0.1", port=postfix.port, ca_file=str(authority.ca_file))
        ).open()
        rows = ledger.claim(EDITION, "me", 9, 1.0)
        mails = [
            Outgoing(
                delivery=row.id,
                sender=IDENTITY.envelope_for(row.message_id),
                recipient=row.address,
                data=MAIL % (row.address.encode(), row.message_id.encode()),
            )
            for row in rows
        ]
        outcomes = list(session.deliver(mails, lambda _: True))
        session.close()
        ledger.record([(row.id, event, None) for row in rows for event in (Event.INTEND, Event.ACCEPT)], 2.0, "me")
        postfix.wait_until_delivered(3)  # two mails, and the report
        boxes = postfix.mailboxes()
    assert [outcome.event for outcome in outcomes] == [Event.ACCEPT] * 2
    (report,) = boxes["bounces"]
    assert identify(EDITION, "ann@gone.test").encode() not in report, "nothing of ours is left but the address"
    (tmp_path / "report.eml").write_bytes(report)
    with open_mailbox(str(tmp_path / "report.eml")) as box:
        records = BounceRecords(
            ledger=ledger, log=log, identify=identify, secrets=[SECRET], now=3.0, domain="newsroom.test"
        )
        summary = settle_mailbox(box, records)
    assert summary.suppressed == {"bounced": 1}
    assert [row.address for row in ledger.suppressions()] == ["ann@gone.test"]
    assert ledger.counts(EDITION) == {State.SENT: 2}
    log.close()
    ledger.close()


def test_an_address_with_no_room_for_the_token_is_said():
    """The part before the @ has at most 64 octets: what cannot be is said before any mail is made."""
    long = SenderIdentity(
        sender="digest@newsroom.test", reply_to="desk@newsroom.test", envelope=f"{'b' * 30}@newsroom.test", verp=True
    )
    assert problems(IDENTITY) == ()
    assert any("bounces.verp" in problem for problem in problems(long))


def test_without_verp_all_come_back_to_one_address():
    """newsroom.bounces_to is the envelope sender; without it, the From address."""
    one = SenderIdentity(sender="digest@newsroom.test", reply_to="d@newsroom.test", envelope="back@newsroom.test")
    assert one.envelope_for("<0a@newsroom.test>") == "back@newsroom.test"
    none = SenderIdentity(sender="digest@newsroom.test", reply_to="d@newsroom.test")
    assert none.envelope_for("<0a@newsroom.test>") == "digest@newsroom.test"
