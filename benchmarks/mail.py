"""How fast mails are made: built and personalised per reader, and signed. Prints its figures alone.

Run `python -m benchmarks.mail [--quick]`. Contestants take turns in rounds, so that a busy moment of the machine hits
all alike; the figure is the median, with min and max, and the ratio to the fastest possible: a copy in memory for
building, `openssl speed` for signing.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dkim
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks import peers
from benchmarks.harness import Contestant, Table, Target, alone, compete, ratio, timed
from digest import period
from digest.mail.body import fill_html, fill_text
from digest.mail.dkim import load_signer
from digest.mail.inspect import demand_sound
from digest.mail.message_id import message_id
from digest.mail.sender_identity import SenderIdentity
from digest.mail.template import MailTemplate
from digest.model import Edition, Recipient, Rendering, slot_token

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ZONE = ZoneInfo("Europe/Zurich")
DATE = datetime(2022, 3, 1, 9, 0, tzinfo=ZONE)
NONCE = "5d41402abc4b"
SIZE = 36_000  # octets of a finished mail: a digest of twelve stories
LETTERHEAD = SenderIdentity(
    sender="digest@example.org",
    sender_name="ILO Newsroom",
    reply_to="newsroom@example.org",
    list_id="everyone.digest.example.org",
    list_name="All newsroom content",
    unsubscribe_mailto="leave@example.org",
    unsubscribe_https=True,
)


def measure(quick: bool) -> list[Table]:
    """Building, then signing."""
    rounds = 3 if quick else 15
    # Many short rounds for what is short: what disturbs one then disturbs all contestants alike.
    return [built(rounds * 10), signed(rounds, quick=quick)]


def built(rounds: int) -> Table:
    """Mails of 36 KB, each with its reader's name, link, To and Message-ID."""
    composed = rendering()
    template = MailTemplate.compile(composed, LETTERHEAD, date=DATE)
    readers = [Recipient(address=f"reader{number}@example.net", name=f"Reader {number}") for number in range(1000)]
    prepared = [(reader, values(number, reader), identifier(reader)) for number, reader in enumerate(readers)]
    turns = Turns(prepared)
    specimen = template.join(*prepared[0])
    demand_sound(specimen)
    buffer = bytearray(specimen)
    contestants = [
        Contestant("memcpy of the finished mail", timed(lambda: bytes(buffer), 1000)),
        Contestant("digest: template.join", timed(lambda: template.join(*turns.next()), 300)),
        Contestant("digest: Message-ID derived and join", timed(lambda: one_reader(template, turns.next()), 300)),
        Contestant("email.message.EmailMessage", timed(lambda: email_message(composed, turns.next()), 2)),
    ]
    place = peers.node()
    if place:
        contestants.insert(3, Contestant("nodemailer's MailComposer", composer(place, 30)))
    compete(contestants, rounds)
    title = f"Mails built, {len(specimen) / 1024:.1f} KB, personalised, one core"
    memcpy, join, library = contestants[0], contestants[1], contestants[-1]
    targets = [
        Target(what="mails built, speed to EmailMessage", measured=ratio(library, join), at_least=500),
        Target(what="mails built, time to a copy in memory", measured=ratio(join, memcpy), at_most=6),
    ]
    return Table(title=title, contestants=contestants, limit=memcpy, peer=library, targets=targets)


def composer(place: Path, repeat: int) -> Callable[[], float]:
    """A turn of nodemailer's MailComposer, which makes a mail of the same size, in a process of its own."""
    command = ["node", str(place / "composer.mjs"), str(repeat)]

    def turn() -> float:
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return turn


def signed(rounds: int, *, quick: bool) -> Table:
    """DKIM signatures over such mails."""
    scale = 1 if quick else 3
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    edwards = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    rsa = load_signer(pem, domain="example.org", selector="bench", file="dkim.pem")
    ed25519 = load_signer(edwards, domain="example.org", selector="bench", file="dkim.pem")
    composed, reader = rendering(), Recipient(address="reader@example.net", name="Reader")
    own, identity = values(0, reader), identifier(reader)
    plain = MailTemplate.compile(composed, LETTERHEAD, date=DATE)
    with_rsa = MailTemplate.compile(composed, LETTERHEAD, date=DATE, signer=rsa)
    with_ed25519 = MailTemplate.compile(composed, LETTERHEAD, date=DATE, signer=ed25519)
    data = plain.join(reader, own, identity)
    digest = hashlib.sha256(data).digest()
    headers = [name.encode() for name in ("from", "to", "subject", "date", "message-id", "reply-to", "mime-version")]

    def by_dkimpy() -> bytes:
        options = {"canonicalize": (b"relaxed", b"simple"), "include_headers": headers}
        return dkim.sign(data, b"bench", b"example.org", pem, **options)

    contestants = [
        Contestant(
            "SHA-256 of the mail, which every signature needs",
            timed(lambda: hashlib.sha256(data).digest(), 300 * scale),
        ),
        Contestant("digest: rsa-2048, the signature alone", timed(lambda: rsa.raw_sign(digest), 60 * scale)),
        Contestant(
            "digest: rsa-2048, mail joined, hashed, signed",
            timed(lambda: with_rsa.join(reader, own, identity), 60 * scale),
        ),
        Contestant(
            "digest: ed25519, mail joined, hashed, signed",
            timed(lambda: with_ed25519.join(reader, own, identity), 300 * scale),
        ),
        Contestant("dkimpy: rsa-2048, hashed and signed", timed(by_dkimpy, 2 * scale)),
    ]
    if not shutil.which("openssl"):
        compete(contestants, rounds)
        title = "DKIM signatures, one core (openssl is not installed)"
        return Table(
            title=title, contestants=contestants, limit=contestants[0], peer=contestants[-1], piece="signature"
        )
    openssl = Contestant("openssl speed: rsa-2048", openssl_speed)
    contestants.insert(0, openssl)
    compete(contestants, rounds)
    # Speed of the signature alone, as openssl's own benchmark measures it.
    target = Target(
        what="rsa-2048, speed to openssl's own benchmark", measured=ratio(openssl, contestants[2]), at_least=0.95
    )
    return Table(
        title="DKIM signatures, one core",
        contestants=contestants,
        limit=openssl,
        peer=contestants[-1],
        targets=[target],
        piece="signature",
    )


def openssl_speed() -> float:
    """Seconds for one rsa-2048 signature by OpenSSL's own benchmark."""
    command = ["openssl", "speed", "-seconds", "1", "rsa2048"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return 1 / float(re.search(r"^rsa\s+2048 bits\s+\S+\s+\S+\s+(\S+)", shown, re.MULTILINE)[1])


class Turns:
    """The readers in turn, without end, so that no contestant serves the same one twice in a row."""

    def __init__(self, readers: list[tuple]) -> None:
        self.readers, self.at = readers, 0

    def next(self) -> tuple:
        self.at = (self.at + 1) % len(self.readers)
        return self.readers[self.at]


def one_reader(template: MailTemplate, turn: tuple) -> bytes:
    reader, own, _ = turn
    return template.join(reader, own, identifier(reader))


def email_message(composed: Rendering, turn: tuple) -> bytes:
    """The same mail by the standard library: one EmailMessage per reader, serialised for SMTP."""
    reader, own, identity = turn
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{LETTERHEAD.sender_name} <{LETTERHEAD.sender}>"
    message["Reply-To"] = LETTERHEAD.reply_to
    message["To"] = f"{reader.name} <{reader.address}>"
    message["Subject"] = composed.subject
    message["Date"] = DATE
    message["Message-ID"] = identity
    message["List-Id"] = f"{LETTERHEAD.list_name} <{LETTERHEAD.list_id}>"
    message["List-Unsubscribe"] = f"<{own['unsubscribe_url']}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(fill_plainly(composed.text, own), cte="quoted-printable")
    message.add_alternative(fill_plainly(composed.html, own), subtype="html", cte="quoted-printable")
    return message.as_bytes()


def fill_plainly(text: str, own: dict[str, str]) -> str:
    for name, value in own.items():
        text = text.replace(slot_token(NONCE, name), value)
    return text


def identifier(reader: Recipient) -> str:
    return message_id("2022-02/everyone/en", reader.address, domain="example.org", secret=b"benchmark")


def values(number: int, reader: Recipient) -> dict[str, str]:
    token = hashlib.sha256(str(number).encode()).hexdigest()[:32]
    return {"name": reader.name, "unsubscribe_url": f"https://digest.example.org/u/{token}"}


def rendering() -> Rendering:
    """A digest whose finished mail has about 36 KB: twelve stories of styled HTML and a text part, not all ASCII."""
    name, leave = slot_token(NONCE, "name"), slot_token(NONCE, "unsubscribe_url")
    words = "Décent wörk and skills for all, the newsroom says – 雇用 and more. "
    story = (
        '<tr><td style="padding:16px 24px;font-family:Arial,sans-serif;font-size:16px;line-height:24px">'
        '<h2 style="margin:0 0 8px"><a href="https://example.org/story/{n}" style="color:#1e2dbe">A headline</a></h2>'
        "<p>{words}</p></td></tr>\n"
    )
    start = f'<!doctype html>\n<html lang="en"><body><table><tr><td>Dear {name},</td></tr>\n'
    end = f'<tr><td>For {name}. <a href="{leave}">Leave</a></td></tr></table></body></html>\n'
    text = f"Dear {name},\n\n" + "A headline\nA summary of the story in a line or two.\n\n" * 12 + f"Leave: {leave}\n"
    edition = Edition(period=period.parse("2022-02", ZONE), audience="everyone", language="en")
    slots = frozenset({"name", "unsubscribe_url"})
    repeat = 1
    while True:
        html = start + "".join(story.format(n=n, words=words * repeat) for n in range(12)) + end
        composed = Rendering(
            edition=edition,
            subject="ILO Newsroom: February 2022",
            preheader="",
            html=html,
            text=text,
            nonce=NONCE,
            slots=slots,
        )
        template = MailTemplate.compile(composed, LETTERHEAD, date=DATE)
        own = dict.fromkeys(slots, "https://example.org/")
        if len(template.join(None, own, "<a@example.org>")) >= SIZE:
            assert "slot-" not in fill_html(html, NONCE, own) + fill_text(text, NONCE, own)
            return composed
        repeat += 1


if __name__ == "__main__":
    alone(measure, __doc__)
