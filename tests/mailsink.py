"""A real SMTP server on loopback that keeps what it takes, and answers as a test wants, and when."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from aiosmtpd.controller import Controller


class AnyPort(Controller):
    """aiosmtpd connects to itself once to see that it is up; with port 0 it must learn its port first."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Sink:
    """Takes mails and keeps them. `answers` maps an address to what RCPT says of it.

    After as many mails as `holds_after` says, the next ones come whole and have no answer until `let_go`: a test does
    something while they are in flight, however busy the machine is.
    """

    def __init__(self):
        self.mails: list[tuple[str, bytes]] = []
        self.answers: dict[str, str] = {}
        self.drops: set[str] = set()  # whose mail is taken, and the connection lost before the answer
        self.holds_after: int | None = None
        self.held = 0  # mails that wait for their answer

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        self.held += 1
        try:
            while self._holds():  # noqa: ASYNC110 - the test, which ends it, is in another thread
                await asyncio.sleep(0.01)
        finally:
            self.held -= 1  # also when its sender is gone: aiosmtpd ends this then
        (to,) = envelope.rcpt_tos
        self.mails.append((to, envelope.original_content))
        if to in self.drops:
            server.transport.abort()
        return "250 OK"

    def _holds(self) -> bool:
        return self.holds_after is not None and len(self.mails) >= self.holds_after

    def wait_for_held(self, count: int = 1) -> None:
        """Wait until so many mails, or more, have come and have no answer; 0: until none has."""
        end = time.monotonic() + 120
        while (self.held < count if count else self.held) or len(self.mails) < (self.holds_after or 0):
            assert time.monotonic() < end, f"{len(self.mails)} mails came, and {self.held} are held"
            time.sleep(0.01)

    def let_go(self) -> None:
        """Answer from now on."""
        self.holds_after = None

    @property
    def readers(self):
        return Counter(to for to, _ in self.mails)


# `digest` as a program that leaves a file where it runs once its connections know that they are to end.
TELLS_OF_ITS_END = """
import threading, types
from pathlib import Path
from digest.cli import main
from digest.sending import run

class Stop(threading.Event):
    def set(self):
        super().set()
        Path("ending").touch()

run.threading = types.SimpleNamespace(**{**vars(threading), "Event": Stop})
main()
"""


def wait_for_its_end(folder):
    """Wait until such a program knows: what it is about is finished, and nothing else begun."""
    end = time.monotonic() + 120
    while not (folder / "ending").exists():
        assert time.monotonic() < end, "it does not end"
        time.sleep(0.01)
