"""`digest send`: a plan, unless told to go; then the edition goes out, each reader once."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from msgspec import structs

from digest.cli.call import Call
from digest.cli.flags import Common, EditionFlags, SendFlags, refuse
from digest.cli.output import duration, tell
from digest.cli.send_plan import as_known, confirm, tell_plan, tell_running
from digest.cli.verbs import verb
from digest.errors import DigestError, NothingToSend, gathered
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.ports import Transport
    from digest.sending.freeze import Frozen
    from digest.sending.progress import Progress, RunReport
    from digest.sending.stopping import Stopping


@verb("send")
def send(common: Common, chosen: EditionFlags, how: SendFlags) -> None:
    """Show what sending would do; with --live, send: each reader once."""
    call = Call(common)
    editions = call.editions(chosen)
    if not (chosen.named or chosen.audience):
        # Audiences without a list are built, and looked at, and not sent to anybody.
        editions = tuple(each for each in editions if each.audience in call.newsroom.config.with_readers)
    single = how.to and (how.only or how.limit is not None)
    refuse(
        (not editions, "no audience of config.yaml has recipients; give one a list: recipients: {csv: FILE}"),
        (how.maildir and how.eml is None, "--maildir goes with --eml DIR"),
        (single, "--to is one test mail by itself; leave out --only and --limit"),
    )
    if how.to:
        _test(call, editions, how.to, _transport(call, how))
    elif not how.live:
        tell_plan(call, editions, chosen)
    else:
        deliver(call, editions, structs.replace(how, whole=chosen.whole))


def _test(call: Call, editions: tuple[Edition, ...], to: str, transport: Transport) -> None:
    from digest.delivery import Event
    from digest.errors import SendStopped
    from digest.sending.engines import send_test

    rows, empty = [], list[NothingToSend]()
    for edition in editions:
        try:
            outcome = send_test(call.newsroom, edition, to, transport, call.now)
        except NothingToSend as error:
            empty.append(error)
            continue
        if outcome.event is not Event.ACCEPT:
            said = " ".join(str(part) for part in (outcome.code, outcome.detail) if part)
            message = f"{edition.id}: the test mail was not accepted: {said}"
            raise SendStopped(message)
        call.out.line(f"{edition.id}: a test mail went to {to}; nothing was recorded")
        rows.append({"edition": edition.id, "test_mail_to": to})
    if call.common.json and rows:
        call.out.data(rows)
    if empty and not rows:
        raise NothingToSend("\n".join(map(str, empty)))
    for nothing in empty:
        call.out.warn(str(nothing))


def deliver(call: Call, editions: tuple[Edition, ...], how: SendFlags) -> None:
    """Freeze and send each edition that is not finished, and end with the exit code of the worst."""
    from digest.scheduling.hook_reporter import reporting
    from digest.sending.engines import demand_own
    from digest.sending.freeze import finished, freeze, refuse_finished, refuse_paused
    from digest.sending.stopping import signals

    if how.eml is None:
        call.demand_clock(how.yes_now)
    reports: list[RunReport] = []
    nothing: list[NothingToSend] = []
    with (
        _told(call, reports),
        call.ledger() as ledger,
        signals() as stopping,
        reporting(call.newsroom, ledger, call.now, tell) as hooks,
    ):
        transport = _transport(call, how, stop=stopping.event)
        editions = as_known(call, ledger, editions, whole=how.whole)
        done = [each for each in editions if finished(ledger, each.id)]
        if len(done) == len(editions):
            refuse_finished(ledger, done[0].id)
        for edition in () if how.go_on else editions:
            refuse_paused(ledger, edition.id)  # before anybody is asked, and before another edition goes
        if said := demand_own(call.newsroom, ledger):
            tell(said)
        left = [each for each in editions if each not in done]
        for edition in left:
            if ledger.mailing(edition.id) is None:
                tell_running(call, edition)
        if not how.yes:
            confirm(call, ledger, left, how)
        while left and not stopping.signal:
            edition = left.pop(0)
            with _naming(edition, left), hooks.about(edition):
                try:
                    ready = freeze(
                        call.newsroom, ledger, edition, call.now, shrink=how.shrink, as_configured=how.as_configured
                    )
                except NothingToSend as error:  # those behind it have readers: a month without it is not without them
                    nothing.append(error)
                    continue
                report = _send(call, ledger, ready, transport, stopping, how)
            hooks.ended(edition, report.stopped)
            reports.append(report)
            _tell(call, report, how)
    call.tell_exposed()
    _end(reports, nothing, stopping.exit_code)


def _send(
    call: Call, ledger: SqlLedger, ready: Frozen, transport: Transport, stopping: Stopping, how: SendFlags
) -> RunReport:
    """Send one edition that is frozen."""
    from digest.publishing.publisher import keeping_current
    from digest.sending.engines import SendJob, send

    _frozen(call, ready)
    with _progress(call, ready.content.edition) as show:
        job = SendJob(
            newsroom=call.newsroom,
            ledger=ledger,
            content=ready.content,
            transport=transport,
            now=call.now,
            stopping=stopping,
            progress=show,
            limit=how.limit,
            only=how.only,
            go_on=how.go_on,
            mailed=keeping_current(call.newsroom, ledger, tell),
        )
        return send(job, call.engine)


@contextmanager
def _naming(edition: Edition, left: list[Edition]) -> Iterator[None]:
    """Where an edition is refused, name those that were asked for and are not begun either."""
    try:
        yield
    except DigestError:
        if left:
            tell(f"not begun, as {edition.id} was refused: {', '.join(each.id for each in left)}")
        raise


@contextmanager
def _told(call: Call, reports: list[RunReport]) -> Iterator[None]:
    """Print the reports as one document in the end; what went before an edition is refused is told, too."""
    try:
        yield
    finally:
        if call.common.json and reports:
            call.out.data([_report_facts(report) for report in reports])


def _transport(call: Call, how: SendFlags, stop: Event | None = None) -> Transport:
    """Files, or what config.yaml says. `stop`, once set, ends a wait for a slow rate."""
    from digest.sending.transports import TransportSetup, open_transport

    name = "" if how.eml is None else "maildir" if how.maildir else "files"
    return open_transport(TransportSetup(newsroom=call.newsroom, tell=tell, folder=how.eml, stop=stop), name)


def _frozen(call: Call, ready: Frozen) -> None:
    from digest.text.merge import shown_subject

    for line in gathered(ready.faults):
        tell(f"left out: {line}")
    for note in ready.notes:
        call.out.warn(note)
    if ready.fresh:
        subject = shown_subject(ready.content.rendering)
        call.out.line(f"{ready.content.edition.id}: {counted(ready.planned, 'reader')}: {subject}")
        if "," in ready.account:  # not all of the list are this edition's readers
            call.out.line(f"  {ready.account}")


@contextmanager
def _progress(call: Call, edition: Edition) -> Iterator[Callable[[Progress], None] | None]:
    if call.common.quiet or call.common.json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    from digest.report import sentence

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(edition.id, total=None, words="")

        def show(now: Progress) -> None:
            left = "" if now.remaining is None else f", {duration(now.remaining)} left"
            words = f"{sentence(now.outcomes) if now.outcomes else 'connecting'} · {now.rate:,.0f}/s{left}"
            bar.update(task, total=now.total, completed=now.done, words=words)

        yield show


def _tell(call: Call, report: RunReport, how: SendFlags) -> None:
    from digest.report import sentence

    call.out.line(f"{report.edition}: {sentence(report.counts)}, in {duration(report.seconds)}")
    if report.held:
        call.out.line(f"  each of them by name: digest status {report.edition}")
    if report.left:
        files = f"send {report.edition} --live --eml {how.eml}{' --maildir' if how.maildir else ''}"
        call.out.line(f"  to go on: digest {files if how.eml else f'resume {report.edition}'}")


def _report_facts(report: RunReport) -> dict[str, Any]:
    return {
        "edition": report.edition, "sent": report.sent, "seconds": round(report.seconds, 3),
        "counts": dict(report.counts),
        "stopped": str(report.stopped) if report.stopped else "", "interrupted": report.interrupted,
    }  # fmt: skip


def _end(reports: list[RunReport], nothing: list[NothingToSend], signalled: int) -> None:
    """The exit code of the worst: a reason to stop first, then a signal, readers to retry, readers held.

    What had nothing to send is told, and is the end where nothing else was to be done.
    """
    last = nothing.pop() if nothing and not reports else None
    for each in nothing:
        tell(str(each))
    if stopped := next((each.stopped for each in reports if each.stopped), None):
        raise stopped
    if signalled:
        raise typer.Exit(signalled)
    if last is not None:
        raise last
    codes = [each.exit_code for each in reports]
    if worst := next((code for code in (130, 75, 1) if code in codes), 0):
        raise typer.Exit(worst)
