"""`digest send`: a plan, unless told to go; then the edition goes out, each reader once."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.call import Call
from digest.cli.flags import Common, EditionFlags, YesNow
from digest.cli.output import size, tell
from digest.cli.verbs import verb
from digest.errors import AlreadySent, ConfigError, DigestError, NothingToSend, UsageError, gathered
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.ports import Transport
    from digest.sending.edition_readers import SendPlan
    from digest.sending.freeze import Frozen
    from digest.sending.progress import Progress, RunReport

_SHOWN = 10  # domains in a plan


@verb("send")
def send(
    common: Common,
    chosen: EditionFlags,
    live: Annotated[bool, typer.Option("--live", help="Really send. Without it: a plan.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask (for scripts).")] = False,
    to: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="One test mail to this address, not recorded.")
    ] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most N mails in this run.")
    ] = None,
    only: Annotated[str, typer.Option("--only", metavar="ADDRESS", help="Only this reader of the list.")] = "",
    eml: Annotated[Path | None, typer.Option("--eml", metavar="DIR", help="Write .eml files instead of SMTP.")] = None,
    maildir: Annotated[bool, typer.Option("--maildir", help="With --eml: make DIR a Maildir.")] = False,
    shrink: Annotated[
        bool, typer.Option("--shrink", help="The list may be far shorter than last time's: it is whole.")
    ] = False,
    yes_now: YesNow = "",
) -> None:
    """Show what sending would do; with --live, send: each reader once."""
    call = Call(common)
    editions = call.editions(chosen)
    if not (chosen.named or chosen.audience):
        # Audiences without a list are built, and looked at, and not sent to anybody.
        named = call.newsroom.config.settings.audiences
        editions = tuple(each for each in editions if named[each.audience].recipients is not None)
    if not editions:
        message = "no audience of config.yaml has recipients; give one a list: recipients: {csv: FILE}"
        raise UsageError(message)
    if maildir and eml is None:
        message = "--maildir goes with --eml DIR"
        raise UsageError(message)
    if to and (only or limit is not None):
        message = "--to is one test mail by itself; leave out --only and --limit"
        raise UsageError(message)
    if to:
        _test(call, editions, to, _transport(call, eml, maildir=maildir))
    elif not live:
        _plan(call, editions, chosen)
    else:
        deliver(
            call,
            editions,
            yes=yes,
            yes_now=yes_now,
            limit=limit,
            only=only,
            eml=eml,
            maildir=maildir,
            shrink=shrink,
            whole=chosen.whole,
        )


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
    _tell_empty(call, empty, went=bool(rows))


def _tell_empty(call: Call, empty: list[NothingToSend], *, went: bool) -> None:
    """Say of each edition that had nothing to send why. It is an error where no other edition went, either."""
    if empty and not went:
        raise NothingToSend("\n".join(map(str, empty)))
    for error in empty:
        call.out.warn(str(error))


def _plan(call: Call, editions: tuple[Edition, ...], chosen: EditionFlags) -> None:
    from digest.text.urls import is_reserved

    with call.ledger() as ledger:
        rows = []
        for edition in _as_known(call, ledger, editions, whole=chosen.whole):
            make = _frozen_already if ledger.mailing(edition.id) else _foresee
            rows.append(make(call, ledger, edition))
    unsound = _unsound(call)
    call.tell_exposed()
    if any(row.get("subject") for row in rows):
        call.out.to_fill_in(call.unfilled)
        again = f"digest send {chosen.again()}"
        real = any(not is_reserved(domain) for row in rows for domain in row.get("domains", ()))
        wrong = unsound or (real and call.unfilled) or any(row.get("errors") or row.get("unapproved") for row in rows)
        then = "mend what is named above, then add --live" if wrong else "add --live"
        call.out.line(f"Nothing was sent. To look: {again} --to you@example.org; to send: {then}")
    elif any(not row.get("finished", True) for row in rows):
        call.out.line("Nothing was sent; to send: add --live")
    if call.common.json:
        call.out.data(rows)
    if all(row.get("finished") for row in rows):
        message = "every edition of this period was sent already"
        raise AlreadySent(message)
    if all("nothing" in row or row.get("finished") for row in rows):
        message = "nothing to send: no edition that is left has stories enough, and readers"
        raise NothingToSend(message)


def _tell_running(call: Call, edition: Edition) -> None:
    """Warn of a period that is not over: sent now, by a slip of the month, its issue lacks what is yet to come."""
    if edition.period.end > call.now:
        late = call.newsroom.config.audience(edition.audience).late
        then = "has to wait for the next one" if late == "include" else "is not sent at all (late: ignore)"
        text = f"{edition.period.id} is not over: what is published after this issue has gone {then}"
        if call.out.is_new(text):
            call.out.warn(text)


def _unsound(call: Call) -> bool:
    """Whether config.yaml has mistakes that a live send would refuse; they are told."""
    try:
        call.newsroom.demand_sound()
    except ConfigError as error:
        tell(str(error))
        return True
    return False


def _foresee(call: Call, ledger: SqlLedger, edition: Edition) -> dict[str, Any]:
    """What would be sent, and to whom, of an edition that was not begun."""
    from digest.checks.bulk_sender import bulk_sender
    from digest.editions import approval
    from digest.editions.builder import build_edition
    from digest.newsroom.edition_setup import UNPUBLISHED
    from digest.sending.edition_readers import plan_send
    from digest.sending.rounds import demand_unbegun, round_readers, unoffered
    from digest.text.merge import shown_subject

    demand_unbegun(call.newsroom, ledger, edition)
    readers = round_readers(call.newsroom, edition, call.now)
    plan = plan_send(readers, ledger, *call.newsroom.sending_setup.rates())
    build = build_edition(call.newsroom, edition, now=call.now)
    nothing = build.why_nothing or unoffered(ledger, edition)
    if nothing or build.rendering is None:
        call.out.line(f"{edition.id}: {'' if build.rendering else 'nothing to send: '}{nothing}\n")
        return {"edition": edition.id, "begun": False, "nothing": nothing}
    _tell_running(call, edition)
    errors = [finding for finding in build.findings if finding.severity.value == "error"]
    for finding in build.findings:
        if finding in errors:
            tell(f"{edition.id}: {finding.sentence}; it must be mended before it is sent")
        elif finding.code in (UNPUBLISHED, bulk_sender.code) and call.out.is_new(finding.fact):
            call.out.warn(f"{edition.id}: {finding.message}")
    status = approval.standing(call.newsroom, build)
    unapproved = status.problem if status.needed != "none" else ""
    if unapproved:
        tell(f"{edition.id}: {unapproved.removeprefix(f'{edition.id}: ')}")
    subject = shown_subject(build.rendering)
    _show_plan(call, plan, subject, len(build.mail))
    return {
        "edition": plan.edition, "begun": False, "subject": subject, "readers": plan.readers,
        "suppressed": plan.suppressed, "duplicates": plan.duplicates, "bad": plan.bad, "notes": list(plan.notes),
        "faults": [str(fault) for fault in plan.faults], "domains": dict(plan.domains),
        "languages": dict(plan.languages), "seconds": plan.seconds, "bytes": len(build.mail),
        "errors": len(errors), "unapproved": unapproved, "to_fill_in": [str(fault) for fault in call.unfilled],
    }  # fmt: skip


def _frozen_already(call: Call, ledger: SqlLedger, edition: Edition) -> dict[str, Any]:
    from digest.report import sentence
    from digest.sending.freeze import finished

    done = finished(ledger, edition.id)
    state = "finished" if done else "begun; --live goes on where it stopped"
    call.out.line(f"{edition.id}: {sentence(ledger.counts(edition.id))} ({state})")
    counts = {state.value: count for state, count in ledger.counts(edition.id).items()}
    return {"edition": edition.id, "begun": True, "finished": done, "counts": counts}


def _show_plan(call: Call, plan: SendPlan, subject: str, bytes_each: int) -> None:
    for line in filter(call.out.is_new, gathered(plan.faults)):
        tell(f"left out: {line}")
    call.out.line(f"{plan.edition}: {subject}")
    extra = [(plan.suppressed, "suppressed"), (plan.duplicates, "on the list twice"), (plan.bad, "not readable"),
             (plan.others, "for another edition")]  # fmt: skip
    words = ", ".join(f"{count:,} {word}" for count, word in extra if count)
    weight = f" x {size(bytes_each)}" if bytes_each and plan.readers else ""
    call.out.line(f"  {counted(plan.readers, 'mail')}{weight}" + (f" ({words} left out)" if words else ""))
    audience = plan.edition.split("/")[1]
    for note in plan.notes:
        if call.out.is_new((audience, note)):  # its languages share a list
            call.out.line(f"  {note}")
    for label, counts in (("domains", plan.domains), ("languages", plan.languages)) if plan.readers else ():
        shown = [f"{name} {count:,}" for name, count in list(counts.items())[:_SHOWN]]
        more = len(counts) - len(shown)
        call.out.line(f"  {label}: {', '.join(shown)}{f' and {more} more' if more > 0 else ''}")
    if plan.seconds is not None:
        call.out.line(f"  about {_duration(plan.seconds)} at the rates of config.yaml")
    call.out.line()


def deliver(
    call: Call,
    editions: tuple[Edition, ...],
    *,
    yes: bool,
    yes_now: str = "",
    as_configured: bool = False,
    limit: int | None = None,
    only: str = "",
    eml: Path | None = None,
    maildir: bool = False,
    shrink: bool = False,
    go_on: bool = False,
    whole: bool = False,
) -> None:
    """Freeze and send each edition that is not finished, and end with the exit code of the worst.

    With `go_on`, one that is paused goes on: when all is asked and ready, for then the fleet sends, too. With `whole`,
    who waits in a language that is gone from config.yaml is mailed as well.
    """
    from digest.publishing.publisher import keeping_current
    from digest.scheduling.hook_reporter import reporting
    from digest.sending.engines import SendJob, demand_own
    from digest.sending.engines import send as send_edition
    from digest.sending.freeze import finished, freeze, refuse_finished, refuse_paused
    from digest.sending.stopping import signals

    if eml is None:
        call.demand_clock(yes_now)
    reports: list[RunReport] = []
    nothing: list[NothingToSend] = []
    with (
        _told(call, reports),
        call.ledger() as ledger,
        signals() as stopping,
        reporting(call.newsroom, ledger, call.now, tell) as hooks,
    ):
        transport = _transport(call, eml, maildir=maildir, stop=stopping.event)
        editions = _as_known(call, ledger, editions, whole=whole)
        done = [each for each in editions if finished(ledger, each.id)]
        if len(done) == len(editions):
            refuse_finished(ledger, done[0].id)
        for edition in () if go_on else editions:
            refuse_paused(ledger, edition.id)  # before anybody is asked, and before another edition goes
        if said := demand_own(call.newsroom, ledger):
            tell(said)
        left = [each for each in editions if each not in done]
        for edition in left:
            if ledger.mailing(edition.id) is None:
                _tell_running(call, edition)
        if not yes:
            most = 1 if only else limit
            _confirm(call, ledger, left, eml, most)
        while left and not stopping.signal:
            edition = left.pop(0)
            with _naming(edition, left), hooks.about(edition):
                try:
                    ready = freeze(call.newsroom, ledger, edition, call.now, shrink=shrink, as_configured=as_configured)
                except NothingToSend as error:  # those behind it have readers: a month without it is not without them
                    nothing.append(error)
                    continue
                _frozen(call, ready)
                with _progress(call, edition) as show:
                    job = SendJob(
                        newsroom=call.newsroom,
                        ledger=ledger,
                        content=ready.content,
                        transport=transport,
                        now=call.now,
                        stopping=stopping,
                        progress=show,
                        limit=limit,
                        only=only,
                        go_on=go_on,
                        mailed=keeping_current(call.newsroom, ledger, tell),
                    )
                    report = send_edition(job, call.engine)
            hooks.ended(edition, report.stopped)
            reports.append(report)
            _tell(call, report, eml, maildir=maildir)
    call.tell_exposed()
    _end(reports, nothing, stopping.exit_code)


def _as_known(call: Call, ledger: SqlLedger, editions: tuple[Edition, ...], *, whole: bool) -> tuple[Edition, ...]:
    from digest.sending.rounds import frozen_as, whole_rounds

    if whole:
        return tuple(whole_rounds(call.newsroom, ledger, editions))
    return tuple(frozen_as(ledger, each) for each in editions)


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


def _transport(call: Call, eml: Path | None, *, maildir: bool, stop: Event | None = None) -> Transport:
    """Files, or what config.yaml says. `stop`, once set, ends a wait for a slow rate."""
    from digest.sending.transports import TransportSetup, open_transport

    name = "" if eml is None else "maildir" if maildir else "files"
    return open_transport(TransportSetup(newsroom=call.newsroom, tell=tell, folder=eml, stop=stop), name)


def _confirm(call: Call, ledger: SqlLedger, editions: list[Edition], eml: Path | None, most: int | None) -> None:
    """Ask, with what a person must know to say yes: of each edition to how many, its subject, from whom, by what.

    `most` is how many of each are mailed at the most.
    """
    names = ", ".join(each.id for each in editions)
    if not sys.stdin.isatty():
        message = f"this sends {names} to its readers; in a script say --yes"
        raise UsageError(message)
    profile, total = call.newsroom.config.newsroom, 0
    for edition in editions:
        readers, subject = _about(call, ledger, edition)
        readers = readers if most is None else min(readers, most)
        total += readers
        tell(f"{edition.id}: {subject}")
        tell(f"  to {counted(readers, 'reader')}, from {profile.sender_name} <{profile.sender}>, {_way(call, eml)}")
    what = f"these {len(editions)} editions" if len(editions) > 1 else "it"
    if not typer.confirm(f"Send {what} to {counted(total, 'reader')} now?", err=True):
        tell("nothing was sent")
        raise typer.Exit(130)
    call.out.line()


def _way(call: Call, eml: Path | None) -> str:
    settings = call.newsroom.config.settings
    if eml is not None:
        return f"as files in {eml}"
    name = settings.send.transport
    return f"by {settings.smtp.host}:{settings.smtp.port}" if name == "smtp" else f"by {name}"


def _about(call: Call, ledger: SqlLedger, edition: Edition) -> tuple[int, str]:
    """How many readers an edition has yet to reach, and its subject; why not, of one that has nothing to send."""
    from digest.editions.builder import build_edition
    from digest.sending.edition_readers import plan_send
    from digest.sending.engines import WAITING
    from digest.sending.freeze import frozen_content
    from digest.sending.rounds import round_readers, unoffered
    from digest.text.merge import shown_subject

    if content := frozen_content(call.newsroom, ledger, edition):
        counts = ledger.counts(edition.id)
        return sum(counts.get(state, 0) for state in WAITING), shown_subject(content.rendering)
    build = build_edition(call.newsroom, edition, now=call.now)
    if build.rendering is None:
        return 0, f"nothing to send: {build.why_nothing}"
    if why := unoffered(ledger, edition):
        return 0, why
    readers = round_readers(call.newsroom, edition, call.now)
    return plan_send(readers, ledger, *call.newsroom.sending_setup.rates()).readers, shown_subject(build.rendering)


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
            left = "" if now.remaining is None else f", {_duration(now.remaining)} left"
            words = f"{sentence(now.outcomes) if now.outcomes else 'connecting'} · {now.rate:,.0f}/s{left}"
            bar.update(task, total=now.total, completed=now.done, words=words)

        yield show


def _tell(call: Call, report: RunReport, eml: Path | None, *, maildir: bool) -> None:
    from digest.report import sentence

    call.out.line(f"{report.edition}: {sentence(report.counts)}, in {_duration(report.seconds)}")
    if report.held:
        call.out.line(f"  each of them by name: digest status {report.edition}")
    if report.left:
        files = f"send {report.edition} --live --eml {eml}{' --maildir' if maildir else ''}"
        call.out.line(f"  to go on: digest {files if eml else f'resume {report.edition}'}")


def _report_facts(report: RunReport) -> dict[str, Any]:
    return {
        "edition": report.edition, "sent": report.sent, "seconds": round(report.seconds, 3),
        "counts": {state.value: count for state, count in report.counts.items()},
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


def _duration(seconds: float) -> str:
    """`4 s`, `12 min`, `3 h 5 min`.

    >>> [_duration(n) for n in (0.4, 75, 11100)]
    ['0.4 s', '1 min 15 s', '3 h 5 min']
    """
    if seconds < 10:  # noqa: PLR2004 - where tenths still mean something
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else left, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
