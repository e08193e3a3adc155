"""What is said for one mail: MAIL, RCPT and the way to its body, as bytes. Pure; it also says what cannot be said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.delivery import Event, Phase

if TYPE_CHECKING:
    from digest.delivery import Outgoing
    from digest.smtp.connect import Connected

# An address ends a command's path with ">" and its line with CRLF, so these would let it say more than itself.
UNSAYABLE = re.compile(r"[\x00-\x20\x7f<>]")
ENVELOPE = (Phase.MAIL, Phase.RCPT, Phase.DATA)
CRLF = b"\r\n"
END = b".\r\n"  # after a body that ends with CRLF


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a mail is not even offered. RELEASE: about all of them, so the run stops; REFUSE: about this reader."""

    event: Event
    phase: Phase
    detail: str


def objection(mail: Outgoing, link: Connected) -> Objection | None:
    """Why this server cannot be asked to take this mail, or None."""
    if UNSAYABLE.search(mail.sender):
        return Objection(event=Event.RELEASE, phase=Phase.MAIL, detail=f"the sender {mail.sender!r} is no address")
    if not link.smtputf8 and not mail.sender.isascii():
        detail = f"the sender {mail.sender} needs SMTPUTF8 (RFC 6531), which the server does not offer"
        return Objection(event=Event.RELEASE, phase=Phase.MAIL, detail=detail)
    if link.size and len(mail.data) > link.size:
        detail = f"the mail has {len(mail.data):,} bytes, the server takes {link.size:,} at most"
        return Objection(event=Event.RELEASE, phase=Phase.MAIL, detail=detail)
    if not mail.recipient or UNSAYABLE.search(mail.recipient):
        return Objection(event=Event.REFUSE, phase=Phase.RCPT, detail="this is no address that SMTP can say")
    if not link.smtputf8 and not mail.recipient.isascii():
        detail = "the address needs SMTPUTF8 (RFC 6531), which the server does not offer"
        return Objection(event=Event.REFUSE, phase=Phase.RCPT, detail=detail)
    return None


def envelope(mail: Outgoing, link: Connected) -> list[bytes]:
    """The lines MAIL and RCPT, without line ends. SIZE (RFC 1870) and SMTPUTF8 (RFC 6531) where they are offered."""
    size = f" SIZE={len(mail.data)}" if link.declares_size else ""
    utf8 = "" if mail.recipient.isascii() and mail.sender.isascii() else " SMTPUTF8"
    return [f"MAIL FROM:<{mail.sender}>{size}{utf8}".encode(), f"RCPT TO:<{mail.recipient}>".encode()]


def dotted(data: bytes) -> tuple[bytes, bytes]:
    r"""The body as DATA wants it, and its end with the final dot (RFC 5321, 4.5.2).

    Our own mails have no line that begins with a dot, so nothing is copied; a stranger's is made safe.

    >>> dotted(b"a\r\n.b\r\n")
    (b'a\r\n..b\r\n', b'.\r\n')
    """
    if data.rfind(b"\r\n.") >= 0 or data.startswith(b"."):  # rfind takes half the time of "in"
        data = data.replace(b"\r\n.", b"\r\n..")
        data = b"." + data if data.startswith(b".") else data
    return data, END if data.endswith(CRLF) else CRLF + END
