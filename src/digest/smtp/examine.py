"""What a relay is like before any mail goes: it is greeted and logged in to, and what it offers is said in words.

SmtpSettings ─examine─▶ Trait, …      connects, greets, STARTTLS, AUTH, QUIT; it never says MAIL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from digest.smtp.connect import Connector, Login, tls_context
from digest.smtp.protocol import Channel
from digest.smtp.rates import Pacing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.smtp.connect import Connected
    from digest.smtp.relay_settings import SmtpSettings

_TLS = {
    "none": "none: in clear, which is taken on this machine only",
    "starttls": "STARTTLS, and the certificate is to be trusted",
    "tls": "from the first byte, and the certificate is to be trusted",
}


class Trait(Struct, frozen=True, kw_only=True):
    """One thing that a relay does or offers, and what that means for an edition."""

    name: str
    offered: bool
    meaning: str


def examine(settings: SmtpSettings) -> tuple[Trait, ...]:
    """Connect as a send would, and say goodbye. Raises TransportError (try later) or SendStopped (do not)."""
    connector = Connector(settings, Login(settings), tls_context(settings))
    channel = Channel(connector.connect, settings, Pacing(0.0, {}))
    try:
        return tuple(_traits(settings, channel.talk.link))
    finally:
        channel.close()


def _traits(settings: SmtpSettings, link: Connected) -> Iterator[Trait]:
    login = f"accepted, as {settings.username}" if settings.username else "not tried: smtp.username is empty"
    yield Trait(name="TLS", offered=settings.tls != "none", meaning=_TLS[settings.tls])
    yield Trait(name="AUTH", offered=bool(settings.username), meaning=login)
    size = f"{link.size:,} bytes at most for a mail" if link.size else "no limit is told: a large mail may be refused"
    yield Trait(name="SIZE", offered=link.declares_size, meaning=size)
    for name, offered, there, absent in (
        ("PIPELINING", link.pipelining, "a mail costs few round trips", "each line waits for its answer: slower"),
        ("8BITMIME", link.eight_bit, "not needed: our mails are 7-bit", "no matter: our mails are 7-bit"),
        ("SMTPUTF8", link.smtputf8, "addresses like józef@… are mailed", "addresses like józef@… are refused"),
        ("CHUNKING", link.chunking, "smtp.bdat may be used", "smtp.bdat has no effect"),
    ):
        yield Trait(name=name, offered=offered, meaning=there if offered else f"not offered; {absent}")
