"""`digest resume`, `pause` and `cancel`: whether an edition may go on. What another process sends meanwhile obeys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from digest.cli.call import Call
from digest.cli.flags import Common, EditionFlags, SendFlags, Yes, YesNow
from digest.cli.verbs import verb
from digest.errors import UsageError
from digest.text.counting import counted

if TYPE_CHECKING:
    from digest.ledger.ledger import SqlLedger


@verb("resume")
def resume(
    common: Common,
    chosen: EditionFlags,
    yes: Yes = False,
    yes_now: YesNow = "",
    as_configured: Annotated[
        bool, Option("--as-configured", help="Give who is left what would be made now, approved as such.")
    ] = False,
) -> None:
    """Go on with an edition that was interrupted or paused."""
    from digest.cli.send import deliver
    from digest.delivery import MailingStatus

    call = Call(common)
    call.demand_clock(yes_now)
    with call.begun(chosen) as (editions, ledger):
        standing = {mailing.edition: mailing.standing for mailing in ledger.mailings()}
        left = tuple(each for each in editions if standing[each.id] is not MailingStatus.CANCELLED)
        if not left:
            ledger.resume(editions[0].id)  # which says that this is final
    deliver(call, left, SendFlags(yes=yes, yes_now=yes_now, as_configured=as_configured, go_on=True))


@verb("pause")
def pause(common: Common, chosen: EditionFlags) -> None:
    """Let no further mail of an edition go; `resume` undoes it."""
    call = Call(common)
    with call.begun(chosen, unfinished=True) as (editions, ledger):
        rows = []
        for edition in editions:
            ledger.pause(edition.id)
            on_the_way = _on_the_way(ledger, edition.id)
            rows.append({"edition": edition.id, "on_the_way": on_the_way})
            call.out.line(f"{edition.id} is paused{_in_words(on_the_way)}; to go on: digest resume {edition.id}")
    if common.json:
        call.out.data(rows)


@verb("cancel")
def cancel(
    common: Common,
    chosen: EditionFlags,
    yes: Yes = False,
) -> None:
    """Call an edition off for everybody who has not been mailed. It cannot be undone."""
    from digest.sending.engines import WAITING
    from digest.sending.freeze import call_off

    call = Call(common)
    with call.begun(chosen, unfinished=True, or_cancelled=True) as (editions, ledger):  # killed, it may have to end
        # What cannot be called off is said before anybody is asked.
        waiting = sum(count for each in editions for state, count in ledger.counts(each.id).items() if state in WAITING)
    names = ", ".join(each.id for each in editions)
    question = f"Call {names} off for good, for {counted(waiting, 'reader')} not mailed yet?"
    if not yes and not (sys.stdin.isatty() and typer.confirm(question, err=True)):
        message = f"{names} was not called off; in a script say --yes"
        raise UsageError(message)
    rows = []
    with call.ledger(create=False) as ledger:
        for edition in editions:
            spared = call_off(call.newsroom, ledger, edition, call.now)
            on_the_way = _on_the_way(ledger, edition.id)
            rows.append({"edition": edition.id, "spared": spared, "on_the_way": on_the_way})
            called_off = f"{edition.id} is called off: {counted(spared, 'reader')} will not be mailed"
            call.out.line(f"{called_off}{_in_words(on_the_way)}")
    if common.json:
        call.out.data(rows)


@verb("thaw")
def thaw(
    common: Common,
    chosen: EditionFlags,
    yes: Yes = False,
) -> None:
    """Take back an edition of which nobody was mailed: the next send makes it anew, with its readers."""
    from digest.delivery import MailingStatus
    from digest.sending.freeze import thaw as take_back

    call = Call(common)
    with call.begun(chosen) as (editions, ledger):  # what was never sent is said before anybody is asked
        held = {mailing.edition for mailing in ledger.mailings() if mailing.standing is MailingStatus.PAUSED}
    names = ", ".join(each.id for each in editions)
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Take {names} back?", err=True)):
        message = f"{names} was not taken back; in a script say --yes"
        raise UsageError(message)
    gone: list[str] = []
    waiting: list[str] = []
    with call.ledger(create=False) as ledger:
        for edition in editions:
            if edition.id in gone:
                continue  # it went with another language of its round
            if taken := take_back(call.newsroom, ledger, edition):
                gone += taken
                call.out.line(f"taken back, as if they had never been frozen: {', '.join(taken)}")
            else:
                waiting.append(edition.id)
                call.out.line(
                    f"{edition.id} waits for a new content; its readers stay, as others of the period were mailed"
                )
    if freed := sorted(held.intersection((*gone, *waiting))):
        call.out.warn(f"no longer paused, so a send, the schedule's too, makes it anew: {', '.join(freed)}")
    if common.json:
        call.out.data({"taken_back": gone, "waiting": waiting})


def _on_the_way(ledger: SqlLedger, edition: str) -> int:
    """What another process had begun to hand over before it could hear of this: it cannot be called back."""
    from digest.delivery import State

    return ledger.counts(edition).get(State.SENDING, 0)


def _in_words(on_the_way: int) -> str:
    return f" ({counted(on_the_way, 'mail is', 'mails are')} on the way, and may arrive)" if on_the_way else ""
