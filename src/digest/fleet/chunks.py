"""Send one chunk of an edition, as one of many: claims under a short lease, beside whoever else sends it.

    shared lock ─▶ claim, intend, send, settle (as everywhere) ─▶ what came of it

Unlike the local engine it never takes anything from others but what the ledger gives: nobody is assumed dead here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.delivery import MailingStatus
from digest.errors import DigestError, LedgerBusy, LedgerError
from digest.fleet.pacing import FleetPacing
from digest.sending.freeze import recall_published
from digest.sending.messages import message_builder
from digest.sending.progress import Progress
from digest.sending.run import Patience, Run
from digest.sending.sender_threads import drive
from digest.sending.transports import TransportSetup, open_transport

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from digest.delivery import Delivery, Outgoing, State
    from digest.fleet.pacing import SharedClock
    from digest.ledger.sharing import Sharing
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import Transport
    from digest.sending.messages import MessageBuilder

SIZE = 2_000  # mails that one job may send; at 50 a second that is 40 s
LINGER = 2.0  # seconds for a slow domain alone, when a chunk has nothing else: there may be other chunks
REMEMBER = 3600.0  # seconds for which what is known of mails that went is kept while the database is away


class Chunk(Struct, frozen=True, kw_only=True):
    """What came of a chunk: `outcomes` counts answers, `stopped` is why it ended early."""

    outcomes: Mapping[State, int] = field(default_factory=dict)
    stopped: DigestError | None = None
    interrupted: bool = False
    seconds: float = 0.0


def send_chunk(
    sharing: Sharing,
    transport: Transport,
    build: Callable[[Delivery], Outgoing],
    *,
    edition: str,
    owner: str,
    clock: Callable[[], float],
    stop: threading.Event,
    connections: int,
    size: int = SIZE,
    only: str = "",
    relay_patience: float = 30.0,
    progress: Callable[[Progress], None] | None = None,
) -> Chunk:
    """Send up to `size` mails of a frozen edition under the name `owner`, whose leases others must renew.

    An edition that is held back or gone gives an empty Chunk, as does one that somebody sends alone (`stopped` says
    who). While the database is away, nothing new is begun, and what is known is kept until it is back. Raises
    LedgerError when the ledger cannot be used at the start.
    """
    began = time.monotonic()
    ledger = sharing.ledger
    try:
        with sharing.database.together(edition, owner):
            mailing = ledger.mailing(edition)
            if mailing is None or mailing.standing is not MailingStatus.OPEN:
                return Chunk()
            run = Run(
                ledger=ledger,
                edition=edition,
                owner=owner,
                build=build,
                clock=clock,
                patience=Patience(budget=relay_patience, deferred=0.5, ledger=REMEMBER),
                ahead=False,  # others may take what a frozen worker held: nothing is theirs that it could still begin
                limit=size,
                only=only,
                pacing=transport.pacing,
                linger=LINGER,
            )

            def look() -> None:
                run.committer.flush()
                if progress is not None:
                    progress(Progress(total=size, outcomes=dict(run.outcomes), elapsed=time.monotonic() - began))

            interrupted = drive(run, transport, max(1, min(connections, size)), stop, look)
    except LedgerBusy as error:
        return Chunk(stopped=error, seconds=time.monotonic() - began)
    return Chunk(
        outcomes=dict(run.outcomes),
        stopped=run.halted if isinstance(run.halted, DigestError) else None,
        interrupted=interrupted,
        seconds=time.monotonic() - began,
    )


class ChunkSender(Struct, kw_only=True):
    """What one process of a fleet sends with: the relay at the fleet's pace, and each edition's mails.

    `tell` takes what a person should know of the way out.
    """

    newsroom: Newsroom
    sharing: Sharing
    stop: threading.Event
    tell: Callable[[str], None]
    _transport: Transport | None = None
    _builders: dict[str, MessageBuilder] = field(default_factory=dict)

    def send(
        self,
        edition: str,
        owner: str,
        clock: SharedClock,
        *,
        size: int = SIZE,
        only: str = "",
        progress: Callable[[Progress], None] | None = None,
    ) -> Chunk:
        """Send a chunk of an edition. Raises LedgerError, ConfigError when this machine cannot."""
        transport = self._relay(clock)
        return send_chunk(
            self.sharing,
            transport,
            self._mails(edition).outgoing,
            edition=edition,
            owner=owner,
            clock=clock,
            stop=self.stop,
            connections=transport.connections,
            size=size,
            only=only,
            relay_patience=self.newsroom.config.settings.send.relay_patience,
            progress=progress,
        )

    def _relay(self, clock: SharedClock) -> Transport:
        if self._transport is None:

            def pacer(relay: str, rate: float, per_domain: Mapping[str, float]) -> FleetPacing:
                return FleetPacing(self.sharing, clock, relay=relay, rate=rate, per_domain=per_domain, stop=self.stop)

            way = TransportSetup(newsroom=self.newsroom, tell=self.tell, stop=self.stop, pacer=pacer)
            self._transport = open_transport(way)
        return self._transport

    def _mails(self, edition: str) -> MessageBuilder:
        mailing = self.sharing.ledger.mailing(edition)
        if mailing is None:
            message = f"{edition} is not in the ledger: nothing was frozen to be sent"
            raise LedgerError(message)
        key = f"{edition} {mailing.content}"  # which a person may have replaced for those who are left
        if key not in self._builders:
            newsroom = self.newsroom
            self.sharing.ledger.demand_place()
            newsroom.sending_setup.settle_secret(self.sharing.ledger, make=False, believe=False)
            content = recall_published(self.sharing, newsroom.edition_of(edition), mailing.content)
            self._builders = {key: message_builder(newsroom, content, now=newsroom.now(), live=True)}
        return self._builders[key]
