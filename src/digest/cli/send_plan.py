"""What a send would do: to how many readers each edition goes, what keeps it from going, and the question before it.

    editions, ledger ─tell_plan─▶ lines, or data         editions, ledger ─confirm─▶ a person's yes

It writes nothing, and mails nobody.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from digest.cli.output import duration, size, tell
from digest.errors import AlreadySent, ConfigError, LedgerError, NothingToSend, UsageError, gathered
from digest.text.counting import counted

if TYPE_CHECKING:
    from pathlib import Path

    from digest.cli.call import Call
    from digest.cli.flags import EditionFlags, SendFlags
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.sending.edition_readers import SendPlan

_SHOWN = 10  # domains in a plan


def tell_plan(call: Call, editions: tuple[Edition, ...], chosen: EditionFlags) -> None:
    """Say what sending these editions would do. Raises AlreadySent, NothingToSend when that is nothing."""
    from digest.text.urls import is_reserved

    with call.ledger() as ledger:
        rows = []
        for edition in as_known(call, ledger, editions, whole=chosen.whole):
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


def as_known(call: Call, ledger: SqlLedger, editions: tuple[Edition, ...], *, whole: bool) -> tuple[Edition, ...]:
    """The editions as the ledger knows them; with `whole`, those that wait in a language that is gone as well."""
    from digest.sending.rounds import frozen_as, whole_rounds

    if whole:
        return tuple(whole_rounds(call.newsroom, ledger, editions))
    return tuple(frozen_as(ledger, each) for each in editions)


def _foresee(call: Call, ledger: SqlLedger, edition: Edition) -> dict[str, Any]:
    """What would be sent, and to whom, of an edition that was not begun."""
    from digest.checks.bulk_sender import bulk_sender
    from digest.editions import approval
    from digest.editions.builder import build_edition
    from digest.newsroom.edition_setup import UNPUBLISHED
    from digest.sending.rounds import demand_known, demand_unbegun, unoffered
    from digest.text.merge import shown_subject

    demand_unbegun(call.newsroom, ledger, edition)
    try:
        demand_known(call.newsroom, ledger)
    except LedgerError as error:  # a live send refuses it; a colleague's checkout may look
        if call.out.is_new(str(error)):
            tell(str(error))
    plan = _planned(call, ledger, edition)
    build = build_edition(call.newsroom, edition, now=call.now)
    nothing = build.why_nothing or unoffered(ledger, edition)
    if nothing or build.rendering is None:
        call.out.line(f"{edition.id}: {'' if build.rendering else 'nothing to send: '}{nothing}\n")
        return {"edition": edition.id, "begun": False, "nothing": nothing}
    tell_running(call, edition)
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


def _planned(call: Call, ledger: SqlLedger, edition: Edition) -> SendPlan:
    from digest.sending.edition_readers import plan_send
    from digest.sending.rounds import round_readers

    readers = round_readers(call.newsroom, edition, call.now)
    return plan_send(readers, ledger, *call.newsroom.sending_setup.rates())


def _frozen_already(call: Call, ledger: SqlLedger, edition: Edition) -> dict[str, Any]:
    from digest.report import sentence
    from digest.sending.freeze import finished

    done = finished(ledger, edition.id)
    state = "finished" if done else "begun; --live goes on where it stopped"
    call.out.line(f"{edition.id}: {sentence(ledger.counts(edition.id))} ({state})")
    return {"edition": edition.id, "begun": True, "finished": done, "counts": dict(ledger.counts(edition.id))}


def _show_plan(call: Call, plan: SendPlan, subject: str, bytes_each: int) -> None:
    for line in filter(call.out.is_new, gathered(plan.faults)):
        tell(f"left out: {line}")
    call.out.line(f"{plan.edition}: {subject}")
    extra = [(plan.suppressed, "suppressed"), (plan.duplicates, "on the list twice"), (plan.bad, "not readable"),
             (plan.others, "not for this edition")]  # fmt: skip
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
        call.out.line(f"  about {duration(plan.seconds)} at the rates of config.yaml")
    call.out.line()


def confirm(call: Call, ledger: SqlLedger, editions: list[Edition], how: SendFlags) -> None:
    """Ask, with what a person must know to say yes: of each edition to how many, its subject, from whom, by what."""
    most = 1 if how.only else how.limit
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
        tell(f"  to {counted(readers, 'reader')}, from {profile.sender_name} <{profile.sender}>, {_way(call, how.eml)}")
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
    from digest.sending.engines import WAITING
    from digest.sending.freeze import frozen_content
    from digest.sending.rounds import unoffered
    from digest.text.merge import shown_subject

    if content := frozen_content(call.newsroom, ledger, edition):
        counts = ledger.counts(edition.id)
        return sum(counts.get(state, 0) for state in WAITING), shown_subject(content.rendering)
    build = build_edition(call.newsroom, edition, now=call.now)
    if build.rendering is None:
        return 0, f"nothing to send: {build.why_nothing}"
    if why := unoffered(ledger, edition):
        return 0, why
    return _planned(call, ledger, edition).readers, shown_subject(build.rendering)


def tell_running(call: Call, edition: Edition) -> None:
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
