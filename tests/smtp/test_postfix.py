"""Through a real Postfix with STARTTLS: each reader has exactly one mail, and its DKIM signature is still good."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from authority import Authority
from digest import period
from digest.delivery import Event, Outgoing
from digest.errors import SendStopped
from digest.mail.dkim import load_signer
from digest.mail.message_id import message_id
from digest.mail.sender_identity import SenderIdentity
from digest.mail.template import MailTemplate
from digest.model import Edition, Recipient, Rendering, slot_token
from digest.smtp.examine import examine
from digest.smtp.relay_settings import SmtpSettings
from digest.smtp.transport import SmtpTransport
from needed import needs
from relay import Postfix

pytestmark = pytest.mark.postfix

READERS = 500
NAMES = [f"r{number}" for number in range(READERS)]
ZONE = ZoneInfo("Europe/Zurich")
EDITION = Edition(period=period.parse("2022-02", ZONE), audience="everyone", language="en")
NAME = slot_token("0f3ac2", "name")
LEAVE = slot_token("0f3ac2", "unsubscribe_url")
LETTERHEAD = SenderIdentity(
    sender="digest@newsroom.test",
    sender_name="ILO Newsroom",
    reply_to="desk@newsroom.test",
    list_id="everyone.digest.newsroom.test",
    list_name="All content",
    unsubscribe_mailto="leave@newsroom.test",
    unsubscribe_https=True,
)
STORIES = "\n".join(
    f"<p>.Story {n}: <b>skills for all</b>, «déjà vu», 雇用.</p>\n.\nFrom here on: x" for n in range(60)
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def signer():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return load_signer(pem, domain="newsroom.test", selector="digest1", file="dkim.pem")


def outgoing(signer) -> list[Outgoing]:
    """One signed mail for each reader, as the product makes them."""
    rendering = Rendering(
        edition=EDITION,
        subject="ILO Newsroom: February 2022",
        preheader="Five stories",
        html=f"<!doctype html><html lang='en'><p>Dear {NAME}</p>{STORIES}<a href='{LEAVE}'>Leave</a></html>",
        text=f"Dear {NAME},\n\n.a dot\n.\nFrom the newsroom\n\nLeave: {LEAVE}\n",
        nonce="0f3ac2",
        slots=frozenset({"name", "unsubscribe_url"}),
    )
    template = MailTemplate.compile(rendering, LETTERHEAD, date=datetime(2022, 3, 1, 9, 0, tzinfo=ZONE), signer=signer)
    made = []
    for number in range(READERS):
        reader = Recipient(address=f"r{number}@readers.test", name=f"Reader Ñ {number}")
        values = {"name": reader.name, "unsubscribe_url": f"https://newsroom.test/u/{number:06}"}
        identity = message_id(EDITION.id, reader.address, domain="newsroom.test", secret=b"tests")
        data = template.join(reader, values, identity)
        made.append(Outgoing(delivery=number, sender="bounces@newsroom.test", recipient=reader.address, data=data))
    return made


def send(transport: SmtpTransport, mails: list[Outgoing], connections: int) -> dict[int, Event]:
    """Every connection takes its share, as the local engine's do."""
    events: dict[int, Event] = {}

    def work(share: list[Outgoing]) -> None:
        session = transport.open()
        for outcome in session.deliver(share, lambda _: True):
            events[outcome.delivery] = outcome.event
        session.close()

    threads = [threading.Thread(target=work, args=(mails[n::connections],)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return events


def settings(relay: Postfix, authority: Authority, **changes) -> SmtpSettings:
    given = {"host": "127.0.0.1", "port": relay.port, "tls": "starttls", "ca_file": str(authority.ca_file)}
    return SmtpSettings(**given | changes)


def opendkim_verifies(mails: list[bytes], record: str, folder: Path) -> list[bool]:
    """What OpenDKIM's library says of each, in one process of its own."""
    needs(shutil.which("opendkim-testmsg"), "OpenDKIM's library (apt-get install opendkim-tools)")
    (folder / "records").write_text(f"digest1._domainkey.newsroom.test {record}\n")
    for number, data in enumerate(mails):
        (folder / f"{number:04}.eml").write_bytes(data)
    script = (
        "import json, pathlib, sys; sys.path.insert(0, sys.argv[1]); from opendkim_verify import verify;"
        "folder = pathlib.Path(sys.argv[2]);"
        "print(json.dumps([verify(p.read_bytes(), str(folder / 'records')) for p in sorted(folder.glob('*.eml'))]))"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parents[1] / "mail"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return [status == 0 for status in json.loads(done.stdout)]


def test_500_readers_have_one_mail_each_with_a_good_signature(authority, signer, tmp_path):
    """Over four connections with STARTTLS: each mailbox holds exactly its own mail, byte for byte, still signed."""
    mails = outgoing(signer)
    with Postfix(authority.issue("relay", "127.0.0.1"), NAMES) as relay:
        events = send(SmtpTransport(settings(relay, authority)), mails, 4)
        assert events == dict.fromkeys(range(READERS), Event.ACCEPT)
        relay.wait_until_delivered(READERS)
        boxes = relay.mailboxes()
        log = relay.log()
    assert sorted(boxes) == sorted(NAMES)
    assert {len(box) for box in boxes.values()} == {1}
    for mail in mails:
        (arrived,) = boxes[mail.recipient.partition("@")[0]]
        assert arrived.endswith(mail.data), "what Postfix adds is on top"
        assert arrived.count(b"\r\nTo: ") == 1
        assert f"{mail.recipient}>".encode() in arrived.partition(b"\r\n\r\n")[0]
        assert dkim.verify(arrived, dnsfunc=lambda *_, **__: signer.record.encode())
    assert all(opendkim_verifies([box[0] for box in boxes.values()], signer.record, tmp_path))
    assert "improper command pipelining" not in log
    assert log.count(" starttls=1 ") == 4
    assert "rset=" not in log


def test_a_real_relay_is_tried_without_a_mail(authority):
    """Postfix's own offers are said over STARTTLS, and its log knows of no mail."""
    with Postfix(authority.issue("relay", "127.0.0.1"), NAMES[:1]) as relay:
        traits = {trait.name: trait for trait in examine(settings(relay, authority))}
        log = relay.log()
    assert all(traits[name].offered for name in ("TLS", "SIZE", "PIPELINING", "8BITMIME", "CHUNKING"))
    assert "from=<" not in log


@pytest.mark.parametrize("changes", [{"bdat": True, "window": 8}, {"messages_per_connection": 20}])
def test_other_ways_of_sending_give_the_same(authority, signer, changes):
    """With BDAT and a window, and with few mails for a connection: one mail each."""
    mails = outgoing(signer)[:100]
    with Postfix(authority.issue("relay", "127.0.0.1"), NAMES) as relay:
        events = send(SmtpTransport(settings(relay, authority, **changes)), mails, 2)
        relay.wait_until_delivered(len(mails))
        boxes = relay.mailboxes()
        log = relay.log()
    assert set(events.values()) == {Event.ACCEPT}
    assert {name: len(box) for name, box in boxes.items()} == {f"r{number}": 1 for number in range(100)}
    assert all(boxes[f"r{mail.delivery}"][0].endswith(mail.data) for mail in mails)
    assert ("bdat=" in log) == ("bdat" in changes)


def test_a_relay_that_knows_some_readers_and_limits_the_session(authority, signer):
    """Unknown readers are refused with Postfix's words, the others have their mail; the certificate is checked."""
    mails = outgoing(signer)[:20]
    strange = [
        Outgoing(delivery=900 + n, sender="a@newsroom.test", recipient=f"no.body{n}@readers.test", data=mails[0].data)
        for n in range(5)
    ]
    mixed = [mail for pair in zip(mails[:5], strange, strict=True) for mail in pair] + mails[5:]
    with Postfix(authority.issue("relay", "127.0.0.1"), NAMES, "smtpd_hard_error_limit = 1000") as relay:
        session = SmtpTransport(settings(relay, authority)).open()
        outcomes = list(session.deliver(mixed, lambda _: True))
        session.close()
        with pytest.raises(SendStopped, match="not to be trusted"):
            SmtpTransport(settings(relay, authority, host="localhost")).open()
        session = SmtpTransport(settings(relay, authority, tls="none")).open()
        with pytest.raises(SendStopped, match="STARTTLS command first"):
            list(session.deliver(mails[:1], lambda _: True))
        session.close()
        relay.wait_until_delivered(len(mails))
        boxes = relay.mailboxes()
    refused = [outcome for outcome in outcomes if outcome.event is Event.REFUSE]
    assert [outcome.delivery for outcome in refused] == [mail.delivery for mail in strange]
    assert all(outcome.detail.startswith("5.1.1 <no.body") for outcome in refused)
    assert len(boxes) == len(mails)
