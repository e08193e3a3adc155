"""A real SMTP server on loopback that keeps what it takes, and answers as a test wants."""

from __future__ import annotations

from collections import Counter

from aiosmtpd.controller import Controller


class AnyPort(Controller):
    """aiosmtpd connects to itself once to see that it is up; with port 0 it must learn its port first."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Sink:
    """Takes mails and keeps them. `answers` maps an address to what RCPT says of it."""

    def __init__(self):
        self.mails: list[tuple[str, bytes]] = []
        self.answers: dict[str, str] = {}
        self.drops: set[str] = set()  # whose mail is taken, and the connection lost before the answer
        self.delay = 0.0

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.delay:
            import asyncio

            await asyncio.sleep(self.delay)
        (to,) = envelope.rcpt_tos
        self.mails.append((to, envelope.original_content))
        if to in self.drops:
            server.transport.abort()
        return "250 OK"

    @property
    def readers(self):
        return Counter(to for to, _ in self.mails)
