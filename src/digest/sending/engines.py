"""Send a frozen edition: by the engine that the caller hands in, or from this process, and say what came of it.

    SendJob ─▶ Engine.send ─┬─ LocalEngine ─▶ lock ─▶ recover ─▶ connections (threads) ─▶ settle, give back ─▶ RunReport
                            └─ a fleet's, which hands the mails out to its workers ─▶ RunReport

The ledger is the truth, the transport is how mails leave, and `build` makes a mail for one reader. `send_edition` knows
no SMTP, SQL or templates. A second call for an edition that is finished sends nothing and says so.

A test mail goes through the same relay, signature and checks of the bytes as every other mail. It never touches the
ledger, and never mails anybody but the address that was asked for.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from digest.delivery import MAILED, Delivery, State
from digest.editions import archive
from digest.editions.builder import UNKNOWN_FIELD, build_edition
from digest.errors import AlreadySent, CheckFailed, DigestError, LedgerError, NothingToSend, SendStopped, UsageError
from digest.mail.address import canonical, typed_key
from digest.mail.address import key as address_key
from digest.model import Recipient
from digest.newsroom import newsroom_id
from digest.newsroom.history import folder
from digest.newsroom.paths import ARCHIVE
from digest.sending.edition_readers import Readers
from digest.sending.freeze import refuse_paused
from digest.sending.messages import content_of, message_builder
from digest.sending.progress import STOPPED, Progress, RunReport
from digest.sending.rounds import ledger_place
from digest.sending.run import Patience, Run
from digest.sending.sender_threads import drive
from digest.sending.stopping import this_process
from digest.sending.transports import send_one
from digest.text.merge import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from digest.delivery import Outcome, Outgoing
    from digest.editions.archive import EditionContent
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition, Rendering
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import Ledger, Transport
    from digest.sending.stopping import Stopping

WAITING = (State.PLANNED, State.DEFERRED)
MAX_AGE = 5 * 86400.0  # a deferred reader is given up after this (RFC 5321, 4.5.4.1: four to five days) …
MIN_TRIES = 4  # … and no fewer tries, so that a clock set forward gives nobody up
TEST_PREFIX = "[Test] "
_TESTIFY = 10.0  # seconds between two updates of the second record


class SendJob(Struct, frozen=True, kw_only=True):
    """A frozen edition to be sent, and by what."""

    newsroom: Newsroom
    ledger: SqlLedger
    content: EditionContent
    transport: Transport
    now: datetime
    stopping: Stopping
    progress: Callable[[Progress], None] | None = None
    limit: int | None = None  # at most so many mails
    only: str = ""  # this address, and no other
    go_on: bool = False  # undo a pause
    mailed: Callable[[bool], None] | None = None  # called when the first mail is out (False), and at the end (True)


class Engine(Protocol):
    """What hands out the mails of an edition."""

    def send(self, job: SendJob) -> RunReport:
        """Send what is left. Raises LedgerBusy when somebody else is sending it; otherwise the report tells all."""
        ...


class LocalEngine:
    """This process: a pool of threads, a connection each, no server and no daemon."""

    def send(self, job: SendJob) -> RunReport:
        """Send what is left from here. Raises what `send_edition` raises, but NothingToSend for a frozen edition."""
        section = job.newsroom.config.settings.send
        edition = job.content.edition.id
        report = send_edition(
            job.ledger,
            job.transport,
            message_builder(job.newsroom, job.content, now=job.now, live=True).outgoing,
            edition=edition,
            connections=job.transport.connections,
            stop=job.stopping.event,
            progress=job.progress,
            limit=job.limit,
            only=_on_the_list(job.ledger, edition, job.only) if job.only else "",
            patience=Patience(deferred=section.patience, budget=section.relay_patience),
            # Safe here: the edition's lock is ours, and a claim has no lease that could run out beneath it.
            ahead=section.early_intents,
        )
        why = " ".join(str(report.stopped or "").split())
        with contextlib.suppress(LedgerError):  # which the report tells
            if job.ledger.mark(STOPPED + edition) != why:
                job.ledger.set_mark(STOPPED + edition, why)
            if isinstance(report.stopped, SendStopped) and report.stopped.held and report.left:
                job.ledger.pause(edition)
        return report


def send(job: SendJob, engine: Engine) -> RunReport:
    """Send what is left of a frozen edition by `engine`; from here, when its transport is of this machine alone.

    Raises LedgerBusy when somebody else is sending it, LedgerError in another place than where the ledger sent from;
    otherwise the report tells all.
    """
    job.ledger.settle_place()
    if not newsroom_id.read(job.newsroom.root):
        newsroom_id.write(job.newsroom.root, job.ledger.identity)
    place = ledger_place(job.newsroom, job.ledger)
    archive.begin(job.newsroom.root / ARCHIVE, job.content.edition, place, job.ledger.id)
    if job.go_on:
        (job.ledger.sharing or job.ledger).resume(job.content.edition.id)
    chosen = engine if job.transport.shared else LocalEngine()
    home = folder(job.newsroom.root / ARCHIVE, job.content.edition)
    # Beside the sending: pages take seconds to make, and whoever watches must hear at once that it is to end.
    telling = threading.Thread(target=_mailed, args=(job, home), kwargs={"done": False}, name="first mail")

    def watch(now: Progress) -> None:
        if telling.ident is None and any(now.outcomes.get(state) for state in MAILED):
            telling.start()
        if job.progress is not None:
            job.progress(now)

    try:
        report = chosen.send(replace(job, progress=watch))
    finally:
        if telling.ident is not None:
            telling.join()
    if any(report.counts.get(state) for state in MAILED):
        _mailed(job, home, done=True)
    return report


def _mailed(job: SendJob, home: Path, *, done: bool) -> None:
    """Write down that somebody has the edition, and tell who waits for that. A full disk stops no mail for it.

    In a fleet the moment is the same on every machine, so that each makes the same pages and feeds of it.
    """
    sharing = job.ledger.sharing
    with contextlib.suppress(OSError, LedgerError):
        moment = archive.first_sent(home) or job.now
        archive.mark_sent(home, sharing.mark_mailed(job.content.edition.id, moment) if sharing else moment)
    if job.mailed is not None:
        job.mailed(done)


def demand_own(newsroom: Newsroom, ledger: SqlLedger) -> str:
    """See to it that this ledger is the one to send by. Raises LedgerError in another place than where it sent from.

    Returns what a person should hear before anybody is mailed: of a newsroom without an id, the ledger's is taken over.
    """
    ledger.demand_place()
    known = ledger.mailings()
    if not known or newsroom_id.read(newsroom.root):
        return ""
    return (
        f"{newsroom.root / newsroom_id.FILE}: taken over from the ledger, in which {known[-1].edition} was sent "
        "before; commit it. If another newsroom of this name sent that, stop: this one needs a ledger of its own, and "
        "`digest config --new-id`"
    )


def _on_the_list(ledger: SqlLedger, edition: str, only: str) -> str:
    wanted = typed_key(only)
    for delivery in ledger.deliveries(edition):
        if address_key(delivery.address) == wanted:
            return delivery.address
    message = f"{edition}: {only} is not among its readers; `--to {only}` sends a test mail to anybody"
    raise LedgerError(message)


def send_edition(
    ledger: Ledger,
    transport: Transport,
    build: Callable[[Delivery], Outgoing],
    *,
    edition: str,
    owner: str = "",
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

    `owner` names this run; empty: this process. `build` makes one reader's mail; a DigestError that it raises is that
    reader's refusal. `stop`, when set, ends the run after what is in flight. `progress` is called about ten times a
    second. `limit` bounds the mails that are tried; `only` is one address. `clock` gives seconds since the epoch. What
    ends the run early (SendStopped, TransportError, LedgerError) is in the report's `stopped`. With `ahead`, an intent
    may be made durable while the mail before it waits for its answer, so that a crash leaves two mails a connection in
    doubt, not one; only for a sender whose claims nobody can take over while it lives.

    Raises LedgerBusy when somebody else is sending it, AlreadySent when nothing is left to do, NothingToSend when it
    was never frozen or `only` names nobody who waits, EditionPaused, LedgerError when the ledger cannot
    be used from the start.
    """
    owner = owner or this_process()
    with ledger.lock(edition, owner):
        began = time.monotonic()
        mailing = ledger.mailing(edition)
        if mailing is None:
            message = f"{edition} is not in the ledger: nothing was frozen to be sent"
            raise NothingToSend(message)
        refuse_paused(ledger, edition)
        now = clock()
        ledger.recover(edition, now)
        counts = ledger.counts(edition)
        total = sum(counts.get(state, 0) for state in WAITING)
        if not total:
            _say_finished(edition, counts)
            return RunReport(edition=edition, counts=counts)
        ledger.witness(edition, now)
        run = Run(
            ledger=ledger,
            edition=edition,
            owner=owner,
            build=build,
            clock=clock,
            patience=patience or Patience(),
            ahead=ahead,
            limit=limit,
            only=only,
            pacing=transport.pacing,
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
        return _report(run, ledger, edition, clock, began, interrupted=interrupted)


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
    began: float,
    *,
    interrupted: bool,
) -> RunReport:
    stopped = run.halted if isinstance(run.halted, DigestError) else None
    try:
        now = clock()
        if stopped is None and not (interrupted or run.called_off):  # a relay that is away, or refuses us, burns nobody
            given_up = ledger.expire(edition, now, age=MAX_AGE, attempts=MIN_TRIES)
            run.outcomes[State.REFUSED] += given_up
            run.outcomes[State.DEFERRED] -= min(given_up, run.outcomes[State.DEFERRED])
        if not isinstance(stopped, LedgerError):
            ledger.witness(edition, now)
        counts, next_try = ledger.counts(edition), ledger.next_try(edition, now)
    except DigestError as error:
        raise stopped or error from error
    return RunReport(
        edition=edition,
        counts=counts,
        outcomes=dict(+run.outcomes),
        stopped=stopped,
        interrupted=interrupted,
        next_try=next_try,
        seconds=time.monotonic() - began,
    )


def send_test(newsroom: Newsroom, edition: Edition, address: str, transport: Transport, now: datetime) -> Outcome:
    """Send one mail of the edition as it would go now, its subject marked, and return what the server said.

    Nothing is recorded. Raises NothingToSend, UsageError, SendStopped, TransportError.
    """
    build = build_edition(newsroom, edition, now=now)
    rendering = build.rendering
    if rendering is None:
        message = f"{edition.id}: nothing to send: {build.why_nothing}"
        raise NothingToSend(message)
    if unknown := next((finding for finding in build.findings if finding.code == UNKNOWN_FIELD), None):
        message = f"{edition.id}: {unknown.where}: {unknown.message}"
        raise CheckFailed(message)
    reader = _reader(newsroom, edition, address, rendering)
    messages = message_builder(newsroom, content_of(newsroom, rendering), now=now, live=False, prefix=TEST_PREFIX)
    delivery = Delivery(
        id=0, edition=edition.id, address=reader.address, name=reader.name, fields=json.dumps(dict(reader.fields))
    )
    return send_one(transport, messages.outgoing(delivery))


def _reader(newsroom: Newsroom, edition: Edition, address: str, rendering: Rendering) -> Recipient:
    """The reader of this address on the audience's list; for anybody else, merge fields show their own names."""
    try:
        wanted = canonical(address)
    except ValueError as error:
        message = f"--to {address!r}: {error}"
        raise UsageError(message) from None
    audience = newsroom.config.audience(edition.audience)
    if newsroom.config.settings.audiences[audience.name].recipients is not None:
        for reader in Readers(newsroom.sending_setup.source(audience), edition, audience):
            if reader.address.casefold() == wanted.casefold():
                return reader
    columns = (slot.removeprefix("field.") for slot in needed(rendering.slots) if slot.startswith("field."))
    return Recipient(address=wanted, fields={column: f"[{column}]" for column in columns})
