"""A newsroom's edition in a fleet: published for the workers, sent by them, followed from wherever one looks.

    freeze ─publish─▶ shelf in the ledger's database ─recall─▶ Crew on each worker ─chunk─▶ mails
    send ─jobs─▶ queue;  follow: counts from the ledger until nothing moves any more ─▶ Report

Whoever follows may leave: the fleet goes on without. It never decides which reader is next.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.delivery import MailingStatus, State
from digest.editions import archive
from digest.errors import LedgerError, SendStopped, TransportError, UsageError
from digest.fleet import chunk
from digest.sending.messages import letters
from digest.sending.progress import UNFINISHED, Progress, RunReport

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from digest.fleet.chunk import Chunk
    from digest.fleet.clock import SharedClock
    from digest.ledger.sharing import Sharing
    from digest.model import Edition, Rendering
    from digest.newsroom.newsroom import Newsroom
    from digest.sending.local import Stopping
    from digest.sending.messages import MessageBuilder
    from digest.smtp.transport import SmtpTransport

ABSENT = 20.0  # seconds without any worker, then it is said that there is none
_LOOK = 0.5  # seconds between two looks, or ten times what a look takes
_SETTLED = (State.SENT, State.DEFERRED, State.REFUSED, State.IN_DOUBT)


def publish(sharing: Sharing, rendering: Rendering) -> None:
    """Put a rendering where every worker finds it."""
    sharing.put(f"rendering {rendering.fingerprint}", archive.as_data(rendering))


def recall(sharing: Sharing, edition: Edition, fingerprint: str) -> Rendering:
    """The rendering that was frozen with this fingerprint. Raises LedgerError when it is not there, or another."""
    data = sharing.get(f"rendering {fingerprint}")
    try:
        rendering = archive.from_data(data or b"", edition)
    except (ValueError, KeyError, TypeError):
        rendering = None
    if rendering is None or rendering.fingerprint != fingerprint:
        message = (
            f"{edition.id}: what its readers so far have got is not in the ledger's database; put the table `shelf` "
            f"back from your backup, or call the rest off with `digest cancel {edition.id}`"
        )
        raise LedgerError(message)
    return rendering


@dataclass(kw_only=True)
class ChunkSender:
    """What one process of a fleet sends with: the relay at the fleet's pace, and each edition's mails."""

    newsroom: Newsroom
    sharing: Sharing
    stop: threading.Event
    _transport: SmtpTransport | None = None
    _letters: dict[str, MessageBuilder] = field(default_factory=dict)

    def send(
        self,
        edition: str,
        owner: str,
        clock: SharedClock,
        *,
        size: int = chunk.SIZE,
        only: str = "",
        progress: Callable[[Progress], None] | None = None,
    ) -> Chunk:
        """Send a chunk of an edition. Raises LedgerError, ConfigError when this machine cannot."""
        settings = self.newsroom.config.settings
        return chunk.send_chunk(
            self.sharing,
            self._relay(clock),
            self._mails(edition).outgoing,
            edition=edition,
            owner=owner,
            clock=clock,
            stop=self.stop,
            connections=settings.smtp.connections,
            size=size,
            only=only,
            relay_patience=settings.send.relay_patience,
            progress=progress,
        )

    def _relay(self, clock: SharedClock) -> SmtpTransport:
        if self._transport is None:
            from digest.fleet.pacing import FleetPacing
            from digest.smtp.transport import SmtpTransport

            smtp = self.newsroom.sending_setup.smtp()
            pacer = FleetPacing(
                self.sharing, clock, relay=smtp.peer, rate=smtp.rate, per_domain=smtp.per_domain, stop=self.stop
            )
            self._transport = SmtpTransport(smtp, pacer)
        return self._transport

    def _mails(self, edition: str) -> MessageBuilder:
        if edition not in self._letters:
            mailing = self.sharing.ledger.mailing(edition)
            if mailing is None:
                message = f"{edition} is not in the ledger: nothing was frozen to be sent"
                raise LedgerError(message)
            newsroom = self.newsroom
            rendering = recall(self.sharing, newsroom.edition(*edition.split("/")), mailing.content)
            self._letters = {edition: letters(self.newsroom, rendering, now=newsroom.now(), live=True)}
        return self._letters[edition]


def send(
    newsroom: Newsroom,
    sharing: Sharing,
    rendering: Rendering,
    *,
    stopping: Stopping,
    progress: Callable[[Progress], None] | None = None,
    limit: int | None = None,
    only: str = "",
) -> RunReport:
    """Let the fleet send what is left of the edition, and follow it to the end; with `limit` or `only`, send from here.

    A request to stop ends the following, not the sending. Raises UsageError when it is paused, AlreadySent when
    nothing is left.
    """
    from digest.fleet.jobs import Queue
    from digest.sending.post import refuse_finished

    ledger, edition = sharing.ledger, rendering.edition.id
    refuse_finished(ledger, edition)
    mailing = ledger.mailing(edition)
    if mailing is not None and mailing.standing is MailingStatus.PAUSED:
        message = f"{edition} is paused; `digest resume` lets it go on"
        raise UsageError(message)
    sharing.clear(edition)
    publish(sharing, rendering)
    before = ledger.counts(edition)
    if limit is not None or only:
        return _from_here(newsroom, sharing, edition, stopping, progress, limit=limit, only=only)
    Queue(sharing).fill(edition, before.get(State.PLANNED, 0) + before.get(State.DEFERRED, 0))
    return follow(
        sharing,
        edition,
        leave=stopping.event,
        progress=progress,
        patience=newsroom.config.settings.send.patience,
    )


def _from_here(
    newsroom: Newsroom,
    sharing: Sharing,
    edition: str,
    stopping: Stopping,
    progress: Callable[[Progress], None] | None,
    *,
    limit: int | None,
    only: str,
) -> RunReport:
    from digest.errors import NothingToSend
    from digest.fleet.clock import SharedClock
    from digest.sending.local import this_process

    crew = ChunkSender(newsroom=newsroom, sharing=sharing, stop=stopping.event)
    done = crew.send(
        edition, this_process(), SharedClock(sharing.now), size=1 if only else limit or 1, only=only, progress=progress
    )
    if only and not done.outcomes and done.stopped is None and not done.interrupted:
        message = f"{only} does not wait for {edition}; `digest status` says where this reader stands"
        raise NothingToSend(message)
    return RunReport(
        edition=edition,
        counts=sharing.ledger.counts(edition),
        outcomes=done.outcomes,
        stopped=done.stopped,
        interrupted=done.interrupted,
        seconds=done.seconds,
    )


def follow(
    sharing: Sharing,
    edition: str,
    *,
    leave: threading.Event,
    progress: Callable[[Progress], None] | None = None,
    patience: float = 30.0,
) -> RunReport:
    """Watch the fleet send an edition until nothing is left, nothing is due for `patience` seconds, or one leaves."""
    ledger, began = sharing.ledger, time.monotonic()
    before = ledger.counts(edition)
    total = sum(before.get(state, 0) for state in UNFINISHED)
    seen = began
    while True:
        asked = time.monotonic()
        counts = ledger.counts(edition)
        outcomes = _since(before, counts)
        if progress is not None:
            progress(Progress(total=total, outcomes=outcomes, elapsed=asked - began))
        seen = asked if sharing.present() else seen
        ending = _ending(sharing, edition, counts, patience, absent=asked - seen > ABSENT)
        took = time.monotonic() - asked
        interrupted = ending is None and leave.wait(max(_LOOK, 10 * took))
        if ending is not None or interrupted:
            return RunReport(
                edition=edition,
                counts=counts,
                outcomes=outcomes,
                stopped=ending.stopped if ending else None,
                interrupted=interrupted,
                next_try=ending.next_try if ending else None,
                seconds=time.monotonic() - began,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    stopped: SendStopped | None = None
    next_try: float | None = None


def _ending(
    sharing: Sharing, edition: str, counts: Mapping[State, int], patience: float, *, absent: bool
) -> _Ending | None:
    """Why there is nothing more to watch; None while something moves."""
    ledger = sharing.ledger
    if not any(counts.get(state) for state in UNFINISHED):
        return _Ending()
    at_work = counts.get(State.CLAIMED, 0) + counts.get(State.SENDING, 0)
    mailing = ledger.mailing(edition)
    if not at_work and (mailing is None or mailing.standing is not MailingStatus.OPEN):
        reason = sharing.halted(edition)
        return _Ending(stopped=SendStopped(f"{reason}; mended, `digest resume {edition}`") if reason else None)
    if absent:
        message = f"{edition}: no worker of the fleet is there to send it; it waits: start `digest worker`"
        return _Ending(stopped=TransportError(message))
    if not at_work and not counts.get(State.PLANNED):
        now = sharing.now()
        due = ledger.next_try(edition, now)
        if due is not None and due - now > patience:
            return _Ending(next_try=due)
    return None


def _since(before: Mapping[State, int], counts: Mapping[State, int]) -> dict[State, int]:
    grown = {state: counts.get(state, 0) - before.get(state, 0) for state in _SETTLED}
    return {state: count for state, count in grown.items() if count > 0}
