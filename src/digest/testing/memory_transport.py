"""Relays in memory: one that says what it is told to say, and one that fails at random but reproducibly.

They keep the port's promises as a real session does: a refusal before DATA comes before the intent, every mail that was
taken has its Outcome before an error is raised, and `sent` holds what a reader would really find.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import Event, Outcome, Phase
from digest.errors import SendStopped, TransportError
from digest.smtp.lookahead import Lookahead
from digest.smtp.refusals import concern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from digest.delivery import Outgoing
    from digest.ports import DomainPacing

_BEFORE_INTENT = frozenset({Phase.MAIL, Phase.RCPT, Phase.DATA})


class ScriptedReply(Struct, frozen=True, kw_only=True):
    """What a relay says about one mail. `arrives`: the reader gets it, whatever was said. `error` ends the session."""

    event: Event = Event.ACCEPT
    phase: Phase = Phase.DOT
    code: int = 250
    detail: str = "2.0.0 Ok"
    arrives: bool = False
    error: SendStopped | None = None


ACCEPTED = ScriptedReply(arrives=True)


class MemoryTransport:
    """A relay in memory. `sent` holds every mail that arrived, in order; `answer(mail)` says what becomes of a mail."""

    shared = False
    connections = 1
    pacing: DomainPacing | None = None

    def __init__(self, answer: Callable[[Outgoing], ScriptedReply] | None = None) -> None:
        self.sent: list[Outgoing] = []
        self.opened = 0
        self.closed = 0
        self._answer = answer or (lambda _mail: ACCEPTED)
        self._lock = threading.Lock()

    def open(self) -> MemorySession:
        """See `ports.Transport.open`."""
        with self._lock:
            self.opened += 1
        return MemorySession(self)

    def answer(self, mail: Outgoing) -> ScriptedReply:
        """What is said about this mail."""
        with self._lock:
            return self._answer(mail)

    def arrive(self, mail: Outgoing) -> None:
        """Put it into the reader's mailbox."""
        with self._lock:
            self.sent.append(mail)

    def close_one(self) -> None:
        """Count a session that was closed."""
        with self._lock:
            self.closed += 1


class MemorySession:
    """A session with a MemoryTransport."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport

    def deliver(
        self,
        mails: Iterable[Outgoing],
        intend: Callable[[Outgoing], bool],
        announce: Callable[[Outgoing], None] | None = None,
    ) -> Iterator[Outcome]:
        """See `ports.Session.deliver`."""
        taken = Lookahead(mails)
        while (mail := taken.first()) is not None:
            following = taken.second()
            taken.drop()
            answer = self._transport.answer(mail)
            if answer.phase not in _BEFORE_INTENT and not intend(mail):
                yield Outcome(delivery=mail.delivery, event=Event.SUPPRESS, phase=Phase.DATA)
                continue
            if following is not None and announce is not None:
                announce(following)
            if answer.arrives:
                self._transport.arrive(mail)
            yield Outcome(
                delivery=mail.delivery,
                event=answer.event,
                phase=answer.phase,
                code=answer.code,
                detail=answer.detail,
                about=concern(answer.phase, answer.code, answer.detail),
            )
            if answer.error is not None:
                for left in taken.rest():
                    yield Outcome(delivery=left.delivery, event=Event.RELEASE, phase=Phase.MAIL)
                raise answer.error
        taken.check(None)

    def close(self) -> None:
        """See `ports.Session.close`."""
        self._transport.close_one()


def _lost(event: Event, phase: Phase, *, arrives: bool = False) -> ScriptedReply:
    detail = f"the connection was lost ({phase})"
    return ScriptedReply(event=event, phase=phase, code=0, detail=detail, arrives=arrives, error=TransportError(detail))


FAULTS = (
    ScriptedReply(event=Event.DEFER, phase=Phase.RCPT, code=450, detail="4.2.0 greylisted"),
    ScriptedReply(event=Event.DEFER, phase=Phase.DOT, code=451, detail="4.3.0 try again"),
    ScriptedReply(event=Event.REFUSE, phase=Phase.RCPT, code=550, detail="5.1.1 no such user"),
    ScriptedReply(event=Event.REFUSE, phase=Phase.DOT, code=554, detail="5.7.1 content refused"),
    _lost(Event.RELEASE, Phase.MAIL),
    _lost(Event.DEFER, Phase.RCPT),
    _lost(Event.DEFER, Phase.BODY),
    _lost(Event.DOUBT, Phase.DOT),
    _lost(Event.DOUBT, Phase.DOT, arrives=True),
)


class FlakyTransport(MemoryTransport):
    """A relay that fails at each step with the chance `rate`; the same `seed` gives the same faults in order."""

    def __init__(self, seed: int, rate: float = 0.1, faults: tuple[ScriptedReply, ...] = FAULTS) -> None:
        super().__init__(self._stumble)
        self._random = random.Random(seed)  # noqa: S311 - faults, not secrets
        self._rate = rate
        self._faults = faults

    def open(self) -> MemorySession:
        """See `ports.Transport.open`. Raises TransportError by chance."""
        with self._lock:
            refused = self._random.random() < self._rate
        if refused:
            message = "connection refused"
            raise TransportError(message)
        return super().open()

    def _stumble(self, _mail: Outgoing) -> ScriptedReply:
        return self._random.choice(self._faults) if self._random.random() < self._rate else ACCEPTED
