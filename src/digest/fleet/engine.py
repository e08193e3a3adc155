"""The engine of a fleet: an edition is given to the workers as jobs, and followed from wherever one looks.

    SendJob ─publish─▶ ledger's database ─jobs─▶ queue ─▶ ChunkSender on each worker ─▶ mails
    follow: counts from the ledger until nothing moves any more ─▶ RunReport

Whoever follows may leave: the fleet goes on without. It never decides which reader is next.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import MailingStatus, State
from digest.errors import NothingToSend, SendStopped, TransportError
from digest.fleet.chunks import ChunkSender
from digest.fleet.pacing import SharedClock
from digest.sending.freeze import publish, refuse_paused
from digest.sending.progress import UNFINISHED, Progress, RunReport
from digest.sending.stopping import this_process

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from digest.ledger.sharing import Sharing
    from digest.sending.engines import SendJob

ABSENT = 20.0  # seconds without any worker, then it is said that there is none
_LOOK = 0.5  # seconds between two looks, or ten times what a look takes
_SETTLED = (State.SENT, State.DEFERRED, State.REFUSED, State.IN_DOUBT)


class FleetEngine:
    """The fleet: its workers send, and whoever asked follows. With `limit` or `only` the mails go from here."""

    def send(self, job: SendJob) -> RunReport:
        """Let the fleet send what is left of the edition, and follow it to the end.

        A request to stop ends the following, not the sending. Workers may have sent it all before it is looked at: that
        is no mistake. Raises EditionPaused.
        """
        sharing, edition = job.ledger.sharing, job.content.edition.id
        assert sharing is not None, "a fleet's ledger is opened as one"
        ledger = sharing.ledger
        refuse_paused(ledger, edition)
        publish(sharing, job.content)
        if job.limit is not None or job.only:
            return _from_here(job, sharing)
        from digest.fleet.queue import Queue

        before = ledger.counts(edition)
        Queue(sharing).fill(edition, before.get(State.PLANNED, 0) + before.get(State.DEFERRED, 0))
        patience = job.newsroom.config.settings.send.patience
        return follow(sharing, edition, leave=job.stopping.event, progress=job.progress, patience=patience)


def _from_here(job: SendJob, sharing: Sharing) -> RunReport:
    edition = job.content.edition.id
    # Whoever made the job was told of its way out, which is this one.
    sender = ChunkSender(newsroom=job.newsroom, sharing=sharing, stop=job.stopping.event, tell=lambda _: None)
    chunk = sender.send(
        edition,
        this_process(),
        SharedClock(sharing.now),
        size=1 if job.only else job.limit or 1,
        only=job.only,
        progress=job.progress,
    )
    if job.only and not chunk.outcomes and chunk.stopped is None and not chunk.interrupted:
        message = f"{job.only} does not wait for {edition}; `digest status` says where this reader stands"
        raise NothingToSend(message)
    return RunReport(
        edition=edition,
        counts=sharing.ledger.counts(edition),
        outcomes=chunk.outcomes,
        stopped=chunk.stopped,
        interrupted=chunk.interrupted,
        seconds=chunk.seconds,
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


class _Ending(Struct, frozen=True, kw_only=True):
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
