"""Send one edition: be its only sender, put right what a dead one left, let the connections work, say what came of it.

    lock ─▶ recover ─▶ anything to do? ─▶ connections (threads) ─▶ settle, give back ─▶ report

The ledger is the truth, the transport is how mails leave, and `build` makes a mail for one reader. Nothing here knows
SMTP, SQL or templates. A second call for an edition that is finished sends nothing and says so.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from digest.delivery import MailingStatus, State
from digest.errors import AlreadySent, DigestError, LedgerError, NothingToSend, UsageError
from digest.sending.claim_queue import Work
from digest.sending.progress import Progress, RunReport
from digest.sending.run import Patience, Run
from digest.sending.threads import drive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digest.delivery import Delivery, Outgoing
    from digest.ports import Ledger, Transport

WAITING = (State.PLANNED, State.DEFERRED)
MAX_AGE = 5 * 86400.0  # a deferred reader is given up after this (RFC 5321, 4.5.4.1: four to five days) …
MIN_TRIES = 4  # … and no fewer tries, so that a clock set forward gives nobody up
_TESTIFY = 10.0  # seconds between two updates of the second record


def send_edition(
    ledger: Ledger,
    transport: Transport,
    build: Callable[[Delivery], Outgoing],
    *,
    edition: str,
    owner: str,
    connections: int = 4,
    clock: Callable[[], float] = time.time,
    stop: threading.Event | None = None,
    progress: Callable[[Progress], None] | None = None,
    limit: int | None = None,
    only: str = "",
    patience: Patience | None = None,
    ahead: bool = False,
) -> RunReport:
    """Send what is left of a frozen edition, and report.

    `build` makes one reader's mail; a DigestError that it raises is that reader's refusal. `stop`, when set, ends the
    run after what is in flight. `progress` is called about ten times a second.
    `limit` bounds the mails that are tried; `only` is one address. `clock` gives seconds since the epoch. What ends the
    run early (SendStopped, TransportError, LedgerError) is in the report's `stopped`. With `ahead`, an intent may be
    made durable while the mail before it waits for its answer, so that a crash leaves two mails a connection in doubt,
    not one; only for a sender whose claims nobody can take over while it lives.

    Raises LedgerBusy when somebody else is sending it, AlreadySent when nothing is left to do, NothingToSend when it
    was never frozen or `only` names nobody who waits, UsageError when it is paused, LedgerError when the ledger cannot
    be used from the start.
    """
    with ledger.lock(edition, owner):
        began = time.monotonic()
        mailing = ledger.mailing(edition)
        if mailing is None:
            message = f"{edition} is not in the ledger: nothing was frozen to be sent"
            raise NothingToSend(message)
        if mailing.standing is MailingStatus.PAUSED:
            message = f"{edition} is paused; `digest resume` lets it go on"
            raise UsageError(message)
        now = clock()
        recovered = ledger.recover(edition, now)
        ledger.expire(edition, now, age=MAX_AGE, attempts=MIN_TRIES)
        counts = ledger.counts(edition)
        total = sum(counts.get(state, 0) for state in WAITING)
        if not total:
            _say_finished(edition, counts)
            return RunReport(edition=edition, counts=counts, recovered=recovered)
        ledger.witness(edition, now)
        work = Work(ledger, edition, owner, clock, limit=limit, only=only)
        run = Run(
            ledger=ledger,
            edition=edition,
            owner=owner,
            build=build,
            work=work,
            clock=clock,
            patience=patience or Patience(),
            ahead=ahead,
        )
        bounds = [each for each in (limit, 1 if only else None) if each is not None]
        total = min(total, *bounds) if bounds else total
        testified = began

        def look() -> None:
            nonlocal testified
            run.committer.flush()
            _show(run, progress, total, began)
            if time.monotonic() - testified > _TESTIFY:
                testified = time.monotonic()
                ledger.witness(edition, clock())

        interrupted = drive(run, transport, max(1, min(connections, total)), stop or threading.Event(), look)
        _show(run, progress, total, began)
        if only and not run.outcomes and run.halted is None and not interrupted:
            message = f"{only} does not wait for {edition}; `digest status` says where this reader stands"
            raise NothingToSend(message)
        return _report(run, ledger, edition, clock, recovered, began, interrupted=interrupted)


def _say_finished(edition: str, counts: Mapping[State, int]) -> None:
    """Raise AlreadySent, unless somebody is in doubt: then there is something to say, though nothing to send."""
    if not counts.get(State.IN_DOUBT):
        said = ", ".join(f"{count:,} {state}" for state, count in counts.items())
        message = f"{edition} is finished, nothing is left to send: {said}"
        raise AlreadySent(message)


def _show(run: Run, progress: Callable[[Progress], None] | None, total: int, began: float) -> None:
    if progress is not None:
        progress(Progress(total=total, outcomes=dict(run.outcomes), elapsed=time.monotonic() - began))


def _report(
    run: Run,
    ledger: Ledger,
    edition: str,
    clock: Callable[[], float],
    recovered: Mapping[State, int],
    began: float,
    *,
    interrupted: bool,
) -> RunReport:
    stopped = run.halted if isinstance(run.halted, DigestError) else None
    try:
        now = clock()
        if not isinstance(stopped, LedgerError):
            ledger.witness(edition, now)
        counts, next_try = ledger.counts(edition), ledger.next_try(edition, now)
    except DigestError as error:
        raise stopped or error from error
    return RunReport(
        edition=edition,
        counts=counts,
        outcomes=dict(run.outcomes),
        recovered=recovered,
        stopped=stopped,
        interrupted=interrupted,
        next_try=next_try,
        seconds=time.monotonic() - began,
    )
