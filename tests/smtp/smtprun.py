"""Short ways to run a session against a fault server, and the smallest loop that keeps the promise over many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from digest.delivery import Event, Outcome, Outgoing, Phase
from digest.errors import SendStopped
from digest.smtp.relay_settings import SmtpSettings, Timeouts
from digest.smtp.transport import SmtpTransport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from faultserver import FaultServer

# Long enough for a busy machine to answer what a server does answer, where a hang has to be waited out.
QUICK = Timeouts.each(20.0)


def impatient(phase: Phase, seconds: float = 0.7) -> Timeouts:
    """For tests in which the server hangs in `phase`: that is what they wait for."""
    return replace(QUICK, **{"block" if phase is Phase.BODY else phase.value: seconds})


def mails(count: int, size: int = 0, start: int = 0) -> list[Outgoing]:
    """So many mails, to r0@readers.test, r1@…, each with its number in it."""
    filler = b"x" * 74 + b"\r\n"
    return [
        Outgoing(
            delivery=number,
            sender="digest@newsroom.test",
            recipient=f"r{number}@readers.test",
            data=b"Subject: February\r\n\r\nto %d\r\n" % number + filler * (size // len(filler)),
        )
        for number in range(start, start + count)
    ]


def settings(server: FaultServer, **changes: Any) -> SmtpSettings:
    return SmtpSettings(**{"host": "127.0.0.1", "port": server.port, "tls": "none", "timeouts": QUICK} | changes)


@dataclass
class Told:
    """What one session said: outcomes, the error it ended with, whose intent was asked for, and whom it took."""

    outcomes: list[Outcome] = field(default_factory=list)
    error: SendStopped | None = None
    intents: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)

    @property
    def events(self) -> dict[int, Event]:
        return {outcome.delivery: outcome.event for outcome in self.outcomes}


def tell(server: FaultServer, outgoing: Iterable[Outgoing], *, refuse: Iterable[int] = (), **changes: Any) -> Told:
    """Open a session, deliver, close it. `refuse`: the deliveries whose intent is refused (suppressed by now)."""
    told, refused = Told(), set(refuse)

    def intend(mail: Outgoing) -> bool:
        told.intents.append(mail.delivery)
        return mail.delivery not in refused

    def feed() -> Iterator[Outgoing]:
        for mail in outgoing:
            told.taken.append(mail.delivery)
            yield mail

    try:
        session = SmtpTransport(settings(server, **changes)).open()
    except SendStopped as error:
        told.error = error
        return told
    try:
        for outcome in session.deliver(feed(), intend, lambda mail: told.announced.append(mail.delivery)):
            told.outcomes.append(outcome)
    except SendStopped as error:
        told.error = error
    session.close()
    assert set(told.announced) <= told.events.keys()  # a durable intent without an outcome would be held for ever
    return told
