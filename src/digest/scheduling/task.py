"""Do one task: each edition of one audience and period is built, approved, frozen, sent, and said to be where it is.

    DueTask ─build─▶ build/ ─check, approval, archive─▶ frozen ─send─▶ Result(kind, a sentence, an exit code)

What was begun goes on, however late it is. What is settled in the ledger is only reported. Every refusal, and every
bug, becomes part of the Result, so that one audience's trouble is never another's; it remembers nothing.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest import hooks
from digest.editions import build_folder
from digest.editions.builder import build_edition
from digest.errors import AlreadySent, DigestError, LedgerBusy, gathered
from digest.newsroom.edition_setup import UNPUBLISHED
from digest.publishing.publisher import keeping_current
from digest.scheduling import due, outcome
from digest.scheduling.hook_reporter import build_facts, is_new
from digest.scheduling.outcome import EditionOutcome, TaskStatus
from digest.sending.engines import SendJob, send
from digest.sending.freeze import freeze, frozen_as, unoffered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from digest.config.schedule_lines import Task
    from digest.delivery import State
    from digest.editions.approval import Needed
    from digest.editions.builder import Build
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import Transport
    from digest.scheduling.due import DueTask
    from digest.sending.engines import Engine
    from digest.sending.stopping import Stopping

_LATER = 75
_NO_SOURCE = 6  # as ImportFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a task stands: as its worst edition does."""

    item: DueTask
    outcomes: tuple[EditionOutcome, ...]
    untold: bool = False  # the newsroom's own mail about it could not go: the next run tries again

    @property
    def worst(self) -> EditionOutcome:
        """The outcome that speaks for all: the worst kind, and of those the first."""
        return max(self.outcomes, key=lambda each: each.rank[0])

    @property
    def kind(self) -> TaskStatus:
        """Of the worst."""
        return self.worst.kind

    @property
    def settled(self) -> bool:
        """Whether there is nothing left that the machine may do."""
        return self.kind in (TaskStatus.SENT, TaskStatus.NOTHING)

    @property
    def counts(self) -> dict[State, int]:
        """The readers of all its editions."""
        states = dict.fromkeys(state for each in self.outcomes for state in each.counts)
        return {state: sum(each.counts.get(state, 0) for each in self.outcomes) for state in states}

    @property
    def code(self) -> int:
        """The exit code of the worst; 75 where all is well but for the mail that says so."""
        return max(self.outcomes, key=lambda each: each.rank).code or (_LATER if self.untold else 0)

    def as_data(self) -> dict[str, Any]:
        """For programs."""
        return outcome.as_data(self.item.task.key, self.outcomes)


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """How people and programs are told. `transport` opens the way out when it is first needed."""

    newsroom: Newsroom
    transport: Callable[[], Transport]
    now: datetime
    stopping: Stopping
    warn: Callable[[str], None]

    def hook(self, event: hooks.Event, facts: Mapping[str, Any]) -> None:
        """Tell the hooks of this event; those that fail are warned of."""
        newsroom = self.newsroom
        for warning in hooks.fire(newsroom.config, newsroom.environ, event, facts, self.stopping.event):
            self.warn(warning)


@dataclass(frozen=True, kw_only=True)
class RunContext(Reporter):
    """What one run does its tasks with."""

    ledger: SqlLedger
    engine: Engine
    publishes: bool


def run_task(context: RunContext, item: DueTask, *, force: bool = False) -> Result:
    """Do the task as far as it can be done now. With `force`, what is held goes too."""
    newsroom, task = context.newsroom, item.task
    editions = [frozen_as(context.ledger, each) for each in newsroom.editions(task.period, [task.audience])]
    if not force and not any(context.ledger.mailing(edition.id) for edition in editions):
        if item.hold:
            return held_result(context.newsroom, item)
        if missing := missing_sources(newsroom, task):
            message = f"it waits for its stories: {'; '.join(missing)}"
            waiting = (
                EditionOutcome(edition=edition, kind=TaskStatus.SOURCE, message=message, code=_NO_SOURCE)
                for edition in editions
            )
            return Result(item=item, outcomes=tuple(waiting))
    demand = due.needed(newsroom, task.rule)
    return Result(item=item, outcomes=tuple(_edition(context, each, demand) for each in editions))


def missing_sources(newsroom: Newsroom, task: Task) -> tuple[str, ...]:
    """The sources of config.yaml that the task's editions must wait for, each with what is wrong."""
    if not newsroom.config.settings.sources:
        return ()
    from digest.importing import sources

    return sources.wanting(newsroom, newsroom.config.audience(task.audience), task.period)


def held_result(newsroom: Newsroom, item: DueTask) -> Result:
    """A task that waits for a person's decision."""
    editions = newsroom.editions(item.task.period, [item.task.audience])
    outcomes = (EditionOutcome(edition=each, kind=TaskStatus.HELD, message=item.why, code=1) for each in editions)
    return Result(item=item, outcomes=tuple(outcomes))


def failed_result(newsroom: Newsroom, item: DueTask, error: DigestError) -> Result:
    """What became of a task that could not even be looked at: the ledger cannot be used."""
    kind = TaskStatus.RETRY if isinstance(error, LedgerBusy) else TaskStatus.FAILED
    editions = newsroom.editions(item.task.period, [item.task.audience])
    outcomes = (EditionOutcome(edition=each, kind=kind, message=str(error), code=error.exit_code) for each in editions)
    return Result(item=item, outcomes=tuple(outcomes))


def _edition(context: RunContext, edition: Edition, demand: Needed) -> EditionOutcome:
    try:
        return _attempt(context, edition, demand)
    except AlreadySent:
        return outcome.sent(context.newsroom.root, context.ledger, edition)  # somebody else was faster
    except DigestError as error:
        return outcome.stopped(context.ledger, edition, error)
    except Exception as error:  # noqa: BLE001 - a bug met in one edition keeps no other from going
        context.warn(f"{edition.id}: {traceback.format_exc()}")
        return outcome.stopped(context.ledger, edition, outcome.bug(error))


def _attempt(context: RunContext, edition: Edition, demand: Needed) -> EditionOutcome:
    if outcome.is_settled(context.ledger, edition):
        return outcome.sent(context.newsroom.root, context.ledger, edition)
    if context.stopping.signal:
        return EditionOutcome(edition=edition, kind=TaskStatus.RETRY, message="not begun: asked to end", code=75)
    if why := unoffered(context.ledger, edition):
        return EditionOutcome(edition=edition, kind=TaskStatus.NOTHING, message=why)
    mailing = context.ledger.mailing(edition.id)
    if mailing is None or not mailing.content:  # its readers may be frozen already, with those of another language
        build = _build(context, edition)
        if build.rendering is None:
            return EditionOutcome(edition=edition, kind=TaskStatus.NOTHING, message=_thin(build))
    return _send(context, edition, demand)


def _send(context: RunContext, edition: Edition, demand: Needed) -> EditionOutcome:
    transport = context.transport()
    ready = freeze(context.newsroom, context.ledger, edition, context.now, needed=demand)
    for said in (*gathered(ready.faults), *ready.notes):
        context.warn(f"{edition.id}: {said}")
    job = SendJob(
        newsroom=context.newsroom,
        ledger=context.ledger,
        content=ready.content,
        transport=transport,
        now=context.now,
        stopping=context.stopping,
        mailed=keeping_current(context.newsroom, context.ledger, context.warn) if context.publishes else None,
    )
    report = send(job, context.engine)
    if report.stopped is not None:
        raise report.stopped
    stands = outcome.waiting if report.left else outcome.sent
    return stands(context.newsroom.root, context.ledger, edition)


def _build(context: RunContext, edition: Edition) -> Build:
    """Build it, and write it where an editor looks, unless the same is there already."""
    newsroom = context.newsroom
    build = build_edition(newsroom, edition, now=context.now)
    for finding in build.findings:
        if finding.code == UNPUBLISHED:
            context.warn(f"{edition.id}: {finding.message}")
    if is_new(newsroom, build):
        build_folder.write(newsroom, build)
        if build.rendering is not None:
            context.hook("built", build_facts(newsroom, build))
    return build


def _thin(build: Build) -> str:
    count = len(build.selection.stories)
    if not count:
        return "nothing was sent: no stories"
    verdict = build.selection.verdict
    what = "carried over to the next" if verdict == "carry-over" else "left out"
    return f"nothing was sent: only {count} stor{'y' if count == 1 else 'ies'}, {what} by `thin: {verdict}`"
