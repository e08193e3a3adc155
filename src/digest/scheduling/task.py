"""Do one task: each edition of one audience and period is built, approved, frozen, sent, and said to be where it is.

    Item ─build─▶ build/ ─check, approval, archive─▶ frozen ─send─▶ Result(kind, a sentence, an exit code)

What was begun goes on, however late it is. What is settled in the ledger is only reported. Every refusal becomes part
of the Result, so that one audience's trouble is never another's; it remembers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest import hooks
from digest.errors import AlreadySent, DigestError, LedgerBusy
from digest.scheduling import due, outcome
from digest.scheduling.heard import account_of, is_new
from digest.scheduling.outcome import EditionOutcome, TaskStatus
from digest.sending import post

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from digest.delivery import State
    from digest.editions.approval import Needed
    from digest.editions.build_folder import Build
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.sending_setup import SendingSetup
    from digest.ports import Transport
    from digest.scheduling.due import DueTask
    from digest.sending.local import Stopping

_LATER = 75


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

    parts: SendingSetup
    transport: Callable[[], Transport]
    now: datetime
    warn: Callable[[str], None]

    def hook(self, event: hooks.Event, facts: Mapping[str, Any]) -> None:
        """Tell the hooks of this event; those that fail are warned of."""
        newsroom = self.parts.newsroom
        for warning in hooks.fire(newsroom.config, newsroom.environ, event, facts):
            self.warn(warning)


@dataclass(frozen=True, kw_only=True)
class RunContext(Reporter):
    """What an errand works with."""

    ledger: SqlLedger
    stopping: Stopping


def run_task(office: RunContext, item: DueTask, *, force: bool = False) -> Result:
    """Do the task as far as it can be done now. With `force`, what is held goes too."""
    newsroom, task = office.parts.newsroom, item.task
    editions = newsroom.editions(task.period, [task.audience])
    if item.hold and not force and not any(office.ledger.mailing(each.id) for each in editions):
        return held(office.parts, item)
    demand = due.needed(newsroom, task.rule)
    return Result(item=item, outcomes=tuple(_edition(office, each, demand) for each in editions))


def held(parts: SendingSetup, item: DueTask) -> Result:
    """A task that waits for a person's decision."""
    editions = parts.newsroom.editions(item.task.period, [item.task.audience])
    made = (EditionOutcome(edition=each, kind=TaskStatus.HELD, message=item.why, code=1) for each in editions)
    return Result(item=item, outcomes=tuple(made))


def cannot(parts: SendingSetup, item: DueTask, error: DigestError) -> Result:
    """What became of a task that could not even be looked at: the ledger cannot be used."""
    kind = TaskStatus.RETRY if isinstance(error, LedgerBusy) else TaskStatus.FAILED
    editions = parts.newsroom.editions(item.task.period, [item.task.audience])
    made = (EditionOutcome(edition=each, kind=kind, message=str(error), code=error.exit_code) for each in editions)
    return Result(item=item, outcomes=tuple(made))


def _edition(office: RunContext, edition: Edition, demand: Needed) -> EditionOutcome:
    root = office.parts.newsroom.root
    if outcome.is_settled(office.ledger, edition):
        return outcome.sent(root, office.ledger, edition)
    if office.stopping.signal:
        return EditionOutcome(edition=edition, kind=TaskStatus.RETRY, message="not begun: asked to end", code=75)
    try:
        if office.ledger.mailing(edition.id) is None:
            build = _build(office, edition)
            if build.rendering is None:
                return EditionOutcome(edition=edition, kind=TaskStatus.NOTHING, message=_thin(build))
        return _send(office, edition, demand)
    except AlreadySent:
        return outcome.sent(root, office.ledger, edition)  # somebody else was faster
    except DigestError as error:
        return outcome.stopped(office.ledger, edition, error)


def _send(office: RunContext, edition: Edition, demand: Needed) -> EditionOutcome:
    transport = office.transport()
    ready = post.freeze(office.parts, office.ledger, edition, office.now, needed=demand)
    for said in (*ready.faults, *ready.notes):
        office.warn(f"{edition.id}: {said}")
    report = post.send(
        office.parts, office.ledger, ready, transport,
        now=office.now, connections=office.parts.smtp().connections, stopping=office.stopping,
    )  # fmt: skip
    if report.stopped is not None:
        raise report.stopped
    stands = outcome.waiting if report.left else outcome.sent
    return stands(office.parts.newsroom.root, office.ledger, edition)


def _build(office: RunContext, edition: Edition) -> Build:
    """Build it, and write it where an editor looks, unless the same is there already."""
    newsroom = office.parts.newsroom
    build = newsroom.build(edition, now=office.now)
    if is_new(newsroom, build):
        newsroom.write(build)
        if build.rendering is not None:
            office.hook("built", account_of(newsroom, build))
    return build


def _thin(build: Build) -> str:
    count = len(build.selection.stories)
    if not count:
        return "nothing was sent: no stories"
    verdict = build.selection.verdict
    what = "carried over to the next" if verdict == "carry-over" else "left out"
    return f"nothing was sent: only {count} stor{'y' if count == 1 else 'ies'}, {what} by `thin: {verdict}`"
