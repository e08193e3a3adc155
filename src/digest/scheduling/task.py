"""Do one task: each edition of one audience and period is built, approved, frozen, sent, and said to be where it is.

    DueTask ─decide─▶ where each edition stands ─▶ build/, frozen ─send─▶ Result(kind, a sentence, an exit code)
                                                └─foresee─▶ the same Result, of what a run would do now

What was begun goes on, however late it is. What is settled in the ledger is only reported. Every refusal, and every
bug, becomes part of the Result, so that one audience's trouble is never another's; it remembers nothing.
"""

from __future__ import annotations

import traceback
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from digest import hooks
from digest.editions import build_folder
from digest.editions.builder import build_edition
from digest.errors import AlreadySent, DigestError, LedgerBusy, gathered
from digest.newsroom.edition_setup import UNPUBLISHED
from digest.publishing.publisher import keeping_current
from digest.scheduling import due, outcome
from digest.scheduling.hook_reporter import build_facts, is_new
from digest.scheduling.outcome import EditionOutcome, TaskStatus
from digest.sending.engines import SendJob, demand_own, send
from digest.sending.freeze import demand_ready, foreseen_readers, freeze, paused
from digest.sending.rounds import unoffered, whole_rounds
from digest.sending.transports import TransportSetup, open_transport
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from digest.config.schedule_lines import Task
    from digest.delivery import State
    from digest.editions.builder import Build
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition, Needed
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import Transport
    from digest.scheduling.due import DueTask
    from digest.sending.engines import Engine
    from digest.sending.stopping import Stopping

_LATER = 75
_NO_SOURCE = 6  # as ImportFailed


class Result(Struct, frozen=True, kw_only=True):
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
        worst = max(self.outcomes, key=lambda each: each.rank)
        if worst.kind is TaskStatus.PAUSED:  # whoever was refused in another language is held all the same
            worst = max(self.outcomes, key=lambda each: each.code)
        return worst.code or (_LATER if self.untold else 0)

    def as_data(self) -> dict[str, Any]:
        """For programs."""
        return outcome.as_data(self.item.task.key, self.outcomes)


class Reporter(Struct, frozen=True, kw_only=True):
    """How people and programs are told. `transport` opens the way out when it is first needed."""

    newsroom: Newsroom
    transport: Callable[[], Transport]
    now: datetime
    stopping: Stopping
    warn: Callable[[str], None]

    def hook(self, event: hooks.HookEvent, facts: Mapping[str, Any]) -> None:
        """Tell the hooks of this event; those that fail are warned of."""
        newsroom = self.newsroom
        for warning in hooks.fire(newsroom.config, newsroom.environ, event, facts, self.stopping.event):
            self.warn(warning)


class RunContext(Reporter, frozen=True, kw_only=True):
    """What one run does its tasks with."""

    ledger: SqlLedger
    engine: Engine
    publishes: bool
    note: Callable[[str], None]  # takes what is no error
    told: set[object] = field(default_factory=set)  # what editions share, and was noted


def run_task(context: RunContext, item: DueTask, *, force: bool = False) -> Result:
    """Do the task as far as it can be done now. With `force`, what is held goes too."""
    editions = editions_of(context.newsroom, context.ledger, item)
    if waits := _waiting(context.newsroom, context.ledger, item, editions, context.now, force=force):
        return waits
    demand = due.needed(context.newsroom, item.task.rule)
    outcomes = (
        _guarded(partial(_attempt, context, edition, demand), context.newsroom, context.ledger, edition, context.warn)
        for edition in editions
    )
    return Result(item=item, outcomes=tuple(outcomes))


def foresee(
    newsroom: Newsroom, ledger: SqlLedger | None, item: DueTask, now: datetime, warn: Callable[[str], None]
) -> Result:
    """What a run would make of the task now; nothing is written or sent. No ledger where nothing was ever sent."""
    editions = editions_of(newsroom, ledger, item)
    if waits := _waiting(newsroom, ledger, item, editions, now, force=False):
        return waits
    demand = due.needed(newsroom, item.task.rule)

    def stands(edition: Edition) -> EditionOutcome:
        decision = decide(newsroom, ledger, edition, now, demand)
        if decision.outcome.kind is not TaskStatus.DUE:
            return decision.outcome
        newsroom.sending_setup.demand_sound()
        # It connects to nothing, and tells what is wrong with its settings.
        open_transport(TransportSetup(newsroom=newsroom, tell=warn))
        if decision.build is None:
            return decision.outcome
        readers = counted(foreseen_readers(newsroom, ledger, edition, now), "reader")
        return replace(decision.outcome, message=f"{decision.outcome.message}, to {readers}")

    outcomes = (_guarded(partial(stands, edition), newsroom, ledger, edition, warn) for edition in editions)
    return Result(item=item, outcomes=tuple(outcomes))


class EditionDecision(Struct, frozen=True, kw_only=True):
    """Where an edition stands before a run: with the kind DUE it goes. `build` where one was made to know."""

    outcome: EditionOutcome
    build: Build | None = None


def decide(
    newsroom: Newsroom, ledger: SqlLedger | None, edition: Edition, now: datetime, demand: Needed
) -> EditionDecision:
    """What becomes of an edition whose time has come: it is settled, has nothing to say, must not go, or goes.

    Raises what building it raises, and LedgerError for a ledger in another place than where it sent from.
    """
    if ledger is not None and (stands := _recorded(newsroom, ledger, edition)):
        return EditionDecision(outcome=stands)
    build = build_edition(newsroom, edition, now=now)
    count = len(build.selection.stories)
    stands = EditionOutcome(
        edition=edition, kind=TaskStatus.DUE, message=counted(count, "story", "stories"), stories=count
    )
    if build.rendering is None:
        stands = EditionOutcome(edition=edition, kind=TaskStatus.NOTHING, message=_thin(build))
    else:
        try:
            demand_ready(newsroom, build, demand)
        except DigestError as error:
            stands = outcome.stopped(ledger, edition, error)
    return EditionDecision(outcome=stands, build=build)


def _recorded(newsroom: Newsroom, ledger: SqlLedger, edition: Edition) -> EditionOutcome | None:
    """How it stands by what the ledger says; None while its content is not settled. Raises LedgerError."""
    if outcome.is_settled(ledger, edition):
        return outcome.sent(newsroom.root, ledger, edition)
    if paused(ledger, edition.id):
        return outcome.paused(ledger, edition)
    if why := unoffered(ledger, edition):
        return EditionOutcome(edition=edition, kind=TaskStatus.NOTHING, message=why)
    ledger.demand_place()
    return outcome.going_on(ledger, edition) if outcome.is_begun(ledger, edition) else None


def editions_of(newsroom: Newsroom, ledger: SqlLedger | None, item: DueTask) -> list[Edition]:
    """The task's editions, and those of its round that wait in a language which config.yaml has no more."""
    editions = newsroom.editions(item.task.period, [item.task.audience])
    return list(editions) if ledger is None else whole_rounds(newsroom, ledger, editions)


def _waiting(
    newsroom: Newsroom,
    ledger: SqlLedger | None,
    item: DueTask,
    editions: Sequence[Edition],
    now: datetime,
    *,
    force: bool,
) -> Result | None:
    """Why none of the task's editions is even looked at: it is held, or waits for a source. None when it is begun."""
    if force or (ledger is not None and any(ledger.mailing(edition.id) for edition in editions)):
        return None
    if item.hold:
        return held_result(newsroom, item, now)
    if missing := missing_sources(newsroom, item.task):
        message = f"it waits for its stories: {'; '.join(missing)}"
        return _alike(item, editions, TaskStatus.SOURCE, message, _NO_SOURCE)
    return None


def _alike(item: DueTask, editions: Sequence[Edition], kind: TaskStatus, message: str, code: int) -> Result:
    """A task whose editions all stand so."""
    outcomes = (EditionOutcome(edition=each, kind=kind, message=message, code=code) for each in editions)
    return Result(item=item, outcomes=tuple(outcomes))


def missing_sources(newsroom: Newsroom, task: Task) -> tuple[str, ...]:
    """The sources of config.yaml that the task's editions must wait for, each with what is wrong."""
    if not newsroom.config.settings.sources:
        return ()
    from digest.importing import sources

    return sources.wanting(newsroom, newsroom.config.audience(task.audience), task.period)


def held_result(newsroom: Newsroom, item: DueTask, now: datetime) -> Result:
    """A task that waits for a person's decision; of one that has nothing to send, sending is not offered."""
    editions = newsroom.editions(item.task.period, [item.task.audience])
    return _alike(item, editions, TaskStatus.HELD, item.why(_nothing(newsroom, editions, now)), 1)


def _nothing(newsroom: Newsroom, editions: Sequence[Edition], now: datetime) -> str:
    """That none of the editions has anything to send, and why; empty where one has, or cannot be built."""
    try:
        made = [build_edition(newsroom, each, now=now, checked=False) for each in editions]
    except Exception:  # noqa: BLE001 - whoever sends it is told
        return ""
    return "" if any(each.rendering for each in made) else f"nothing is there to send ({made[0].why_nothing}):"


def failed_result(newsroom: Newsroom, item: DueTask, error: DigestError) -> Result:
    """What became of a task that could not even be looked at: the ledger cannot be used."""
    kind = TaskStatus.RETRY if isinstance(error, LedgerBusy) else TaskStatus.FAILED
    editions = newsroom.editions(item.task.period, [item.task.audience])
    return _alike(item, editions, kind, str(error), error.exit_code)


def _guarded(
    act: Callable[[], EditionOutcome],
    newsroom: Newsroom,
    ledger: SqlLedger | None,
    edition: Edition,
    warn: Callable[[str], None],
) -> EditionOutcome:
    """How the edition stands after `act`, whatever that raises."""
    try:
        return act()
    except AlreadySent:
        assert ledger is not None, "only a ledger knows"
        return outcome.sent(newsroom.root, ledger, edition)  # somebody else was faster
    except DigestError as error:
        return outcome.stopped(ledger, edition, error)
    except Exception as error:  # noqa: BLE001 - a bug met in one edition keeps no other from going
        warn(f"{edition.id}: {traceback.format_exc()}")
        return outcome.stopped(ledger, edition, outcome.bug(error))


def _attempt(context: RunContext, edition: Edition, demand: Needed) -> EditionOutcome:
    decision = decide(context.newsroom, context.ledger, edition, context.now, demand)
    goes = decision.outcome.kind is TaskStatus.DUE
    if goes and context.stopping.signal:
        return EditionOutcome(edition=edition, kind=TaskStatus.RETRY, message="not begun: asked to end", code=75)
    if decision.build is not None:
        _keep(context, decision.build)
    return _send(context, edition, demand) if goes else decision.outcome


def _send(context: RunContext, edition: Edition, demand: Needed) -> EditionOutcome:
    if said := demand_own(context.newsroom, context.ledger):
        context.warn(f"{edition.id}: {said}")
    transport = context.transport()
    ready = freeze(context.newsroom, context.ledger, edition, context.now, needed=demand)
    for line in gathered(ready.faults):
        context.warn(f"{edition.id}: {line}")
    for line in ready.notes:
        context.note(f"{edition.id}: {line}")
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
    if report.left and paused(context.ledger, edition.id):  # while it went
        return outcome.paused(context.ledger, edition)
    stands = outcome.waiting if report.left else outcome.sent
    return stands(context.newsroom.root, context.ledger, edition)


def _keep(context: RunContext, build: Build) -> None:
    """Write the build where an editor looks, unless the same is there already."""
    newsroom = context.newsroom
    for finding in build.findings:
        if finding.code == UNPUBLISHED and finding.fact not in context.told:
            context.told.add(finding.fact)
            context.note(f"{build.edition.id}: {finding.message}")
    if is_new(newsroom, build):
        build_folder.write(newsroom, build)
        if build.rendering is not None:
            context.hook("built", build_facts(newsroom, build))


def _thin(build: Build) -> str:
    count = len(build.selection.stories)
    if not count:
        return "nothing was sent: no stories"
    verdict = build.selection.verdict
    what = "carried over to the next" if verdict == "carry-over" else "left out"
    return f"nothing was sent: only {counted(count, 'story', 'stories')}, {what} by `thin: {verdict}`"
