"""Which mail a Result is worth, and how often: words for the newsroom, the whole truth in the subject.

    Result, demand ─notice─▶ Notice or nothing          AGAIN says after how long the same thing is said again

Pure but for the names of refused readers, which are asked of the ledger. Never sends.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from digest.delivery import State
from digest.report import WORDS
from digest.scheduling.due import away, flag
from digest.scheduling.notices import Notice, name_of
from digest.scheduling.outcome import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from digest.config.schedule import Task
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.scheduling.task import Result

DAY = timedelta(days=1)
LATE = timedelta(hours=2)  # a relay that is away, or greylists, is back by then; longer is news
AGAIN: dict[TaskStatus, timedelta | None] = {
    TaskStatus.RETRY: DAY,
    TaskStatus.UNAPPROVED: DAY,
    TaskStatus.FAILED: DAY,
}  # the others: once
_NAMED = 20  # readers in a mail
_HELD = (State.IN_DOUBT, State.REFUSED)


def notice(result: Result, ledger: SqlLedger | None, now: datetime) -> Notice | None:
    """The mail to the newsroom about how a task stands; None while it is only being tried again.

    Without a ledger that can be read nobody is named.
    """
    task, kind, worst = result.item.task, result.kind, result.worst
    what = f"{name_of(task.period)}, {task.audience}"
    several = len(result.outcomes) > 1
    lines = tuple(f"{each.edition.id}: {each.message}." for each in result.outcomes)
    if kind in (TaskStatus.SENT, TaskStatus.NOTHING):
        told = [each for each in result.outcomes if each.kind is TaskStatus.SENT] or result.outcomes
        said = "; ".join(f"{each.edition.language}: {each.message}" if several else each.message for each in told)
        subject = f"{what}: {said}"
        lines += tuple(_named(result, ledger, _HELD)) if ledger else ()
    elif kind is TaskStatus.RETRY:
        if now - task.at < LATE:
            return None
        waiting = result.counts.get(State.DEFERRED)
        left = f"{waiting:,} to be tried again" if waiting else "it is being tried again"
        subject = f"{what} has NOT gone out to everybody: {left}"
        lines += (
            "Nothing needs to be done, unless the relay stays away: every run goes on where the last one stopped.",
            *(_named(result, ledger, (State.DEFERRED, *_HELD)) if ledger else ()),
        )
    elif kind is TaskStatus.UNAPPROVED:
        subject = f"{what} has NOT gone out: it waits for approval"
        lines += (_overdue(task, now), *_until(task, "approved", now))
    elif kind is TaskStatus.FAILED:
        subject = f"{what} has NOT gone out"
        lines += (_overdue(task, now), *(() if result.counts else _until(task, "mended", now)))
    else:
        subject = f"{what} has NOT gone out"
        lines += (_overdue(task, now),)
    return Notice(kind=kind.value, edition=worst.edition, subject=subject, lines=lines, counts=result.counts)


def reminder(task: Task, missing: Mapping[Edition, str], now: datetime) -> Notice:
    """The mail that says, the day before, what each of these editions still needs from a person: mostly an approval."""
    build = f"digest build {flag(task.period)} --audience {task.audience}"
    named = ", ".join(f"digest approve {edition.id}" for edition in missing)
    return Notice(
        kind="reminder",
        edition=next(iter(missing)),
        subject=f"{name_of(task.period)}, {task.audience} goes out {away(task, now)}, if it is approved",
        lines=(
            *(f"{each.id} is due {_when(task.at)}. Its approval: {words}." for each, words in missing.items()),
            f"To look at it and approve it: {build}, digest preview, {named}",
        ),
    )


def _named(result: Result, ledger: SqlLedger, wanted: Sequence[State]) -> Iterator[str]:
    """Readers in these states, by name, with the server's words."""
    for each in result.outcomes:
        states = [state for state in wanted if each.counts.get(state)]
        if not states:
            continue
        for delivery in islice(ledger.deliveries(each.edition.id, states), _NAMED):
            said = f"{delivery.code or ''} {delivery.detail}".strip()
            yield f"{delivery.address}: {WORDS[delivery.state]}: {said}"
        yield f"All of them by name: digest status {each.edition.id}"


def _overdue(task: Task, now: datetime) -> str:
    return f"It was due {_when(task.at)}, {away(task, now)}."


def _until(task: Task, done: str, now: datetime) -> Iterator[str]:
    """How long it may still go by itself, if this is done."""
    last = (task.at.astimezone(UTC) + task.rule.catch_up).astimezone(task.rule.zone)
    if now <= last:
        yield f"Once it is {done} it goes out by itself, until {_when(last)[3:]}; after that a person must send it."


def _when(at: datetime) -> str:
    return f"on {at:%A, %-d %B %Y at %H:%M}"
