"""`digest run`: do what is due, remember it, and tell the newsroom. Run again, it does nothing.

    lock ─▶ Journal ─pending─▶ each DueTask ─run_task─▶ Result ─notice, hook─▶ settled in the Journal, saved at once

One run at a time on this machine. A task counts as settled only when the newsroom was told of it, so a relay that
fails after the last reader leaves the report to the next run. It decides nothing about stories, mails or times.
"""

from __future__ import annotations

import traceback
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from digest.config.unfilled import unfilled
from digest.errors import DigestError, LedgerBusy, NoLedger, UsageError
from digest.publishing import publisher
from digest.scheduling import due, notices
from digest.scheduling.journal import journal_store, locked_journal
from digest.scheduling.outcome import TaskStatus, bug, is_begun, is_settled
from digest.scheduling.task import (
    Reporter,
    Result,
    RunContext,
    editions_of,
    failed_result,
    foresee,
    held_result,
    missing_sources,
    run_task,
)
from digest.sending.engines import LocalEngine
from digest.sending.rounds import frozen_as
from digest.sending.transports import TransportSetup, open_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from digest.config.schedule_lines import ScheduleLine, Task
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition, Needed
    from digest.newsroom.newsroom import Newsroom
    from digest.scheduling.due import DueTask
    from digest.scheduling.journal import Journal, JournalStore
    from digest.scheduling.notices import Notice
    from digest.sending.engines import Engine
    from digest.sending.stopping import Stopping

# A machine without a battery begins in 1970: a schedule put in force then would name every month since as not sent.
_SANE = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # how long before its time a missing approval is called for


class AnotherRun(LedgerBusy):
    """A run that began before is still at it. Where a timer starts runs, that is no news: it does what is due."""


class Scheduler(Struct, frozen=True, kw_only=True, dict=True):
    """A newsroom's schedule at one moment. `say` and `warn` take what a person should read, line by line."""

    newsroom: Newsroom
    now: datetime
    say: Callable[[str], None]
    warn: Callable[[str], None]
    note: Callable[[str], None] | None = None  # what is no error, and may be left out; `warn` where nothing is said
    engine: Engine = field(default_factory=LocalEngine)  # what hands out the mails
    publishes: bool = True  # whether the public archive is kept current on this machine

    @cached_property
    def rules(self) -> tuple[ScheduleLine, ...]:
        """The schedule of config.yaml. Raises UsageError when it has none."""
        rules = due.schedule_lines(self.newsroom.config)
        if not rules:
            message = "config.yaml has no schedule; add one: schedule: [{period: month, on: first working day}]"
            raise UsageError(message)
        if not any(rule.audiences for rule in rules):
            message = "no audience of config.yaml has recipients; give one a list: recipients: {csv: FILE}"
            raise UsageError(message)
        return rules

    @cached_property
    def moment(self) -> datetime:
        """Now, in UTC: two times of one zone compare by the clock on the wall, wrong in the hour that comes twice."""
        return self.now.astimezone(UTC)

    def recall(self) -> tuple[Journal, tuple[str, ...]]:
        """The journal as this run would begin with it, and how the schedule changed since the last. Writes nothing."""
        with journal_store(self.newsroom) as store:
            return self._recall(store)

    def _recall(self, store: JournalStore) -> tuple[Journal, tuple[str, ...]]:
        journal, warning = store.load(self.moment)
        if warning:
            self.warn(warning)
        audiences = self.newsroom.config.audiences.values()
        journal = journal.renamed({former: each.name for each in audiences for former in each.was})
        lines = due.lines(self.rules)
        return journal.meet(lines, self.rules, self.moment), journal.changes(lines)

    def pending(self, journal: Journal) -> tuple[DueTask, ...]:
        """What is due, and what is held."""
        return due.pending(self.rules, journal, self.moment)

    def coming(self, journal: Journal, count: int) -> tuple[Task, ...]:
        """What comes next."""
        return due.coming(self.rules, journal, self.moment, count)

    def foresee(self, journal: Journal, ledger: SqlLedger | None) -> tuple[Result, ...]:
        """What a run would make of what is due, now; nothing is written or sent."""
        return tuple(foresee(self.newsroom, ledger, item, self.now, self.warn) for item in self.pending(journal))

    def skip(self, names: Sequence[str]) -> None:
        """Settle editions that are due or held without sending them.

        Raises UsageError when one of them is neither, or was begun: somebody waits for that.
        """
        chosen = dict.fromkeys(name.strip("/") for name in names)
        with self._locked() as run:
            known = {item.name: item for item in self.pending(run.journal)}
            if unknown := [name for name in chosen if name not in known]:
                message = f"{unknown[0]!r} is not due; what is: {', '.join(known) or 'nothing'}"
                raise UsageError(message)
            for name in chosen:
                if waiting := self._begun(known[name]):
                    message = f"{name} was begun, and readers of {waiting} wait; digest resume {waiting}, or cancel it"
                    raise UsageError(message)
            for name in chosen:
                run.journal = run.journal.settle(name, self.moment)
                self.say(f"{name} is settled without having been sent")

    def _begun(self, item: DueTask) -> str:
        """The first edition of a task that was frozen and has readers left; empty when there is none."""
        try:
            ledger = self.newsroom.sending_setup.ledger(create=False)
        except NoLedger:
            return ""
        with closing(ledger):
            frozen = (each for each in editions_of(self.newsroom, ledger, item) if ledger.mailing(each.id))
            return next((each.id for each in frozen if not is_settled(ledger, each)), "")

    def run(self, stopping: Stopping, *, force: bool = False) -> tuple[Result, ...]:
        """Do what is due. Raises AnotherRun when another run is at it, and DigestError when nothing can be done."""
        with self._locked() as run:
            tasks, reporter = self.pending(run.journal), self._reporter(stopping)
            self._read_sources(run, tasks, reporter)
            soon = self._unapproved(run.journal)
            if not tasks and not soon:
                self._keep_archive()
                return ()
            ledger = self._ledger(run, tasks, reporter)
            try:
                context = RunContext(
                    **asdict(reporter),
                    ledger=ledger,
                    note=self.note or self.warn,
                    engine=self.engine,
                    publishes=self.publishes,
                )
                for fault in self.newsroom.sending_setup.exposed_secrets() if tasks else ():
                    context.note(str(fault))
                results = []
                for item in tasks:
                    result = run_task(context, item, force=force)
                    told = self._tell(context, run, result, ledger)
                    results.append(result if told else replace(result, untold=True))
                held = [result for result in results if result.kind is TaskStatus.HELD]
                if not self._tell_held(context, run, held):
                    results = [replace(each, untold=True) if each in held else each for each in results]
                for task, missing in soon:
                    left = {each: why for each, why in missing.items() if not is_begun(ledger, frozen_as(ledger, each))}
                    if left:
                        notice = notices.reminder(task, left, self.now)
                        self._mail(context, run, notice, f"{task.name} reminder")
                self._keep_archive(ledger)
            finally:
                ledger.close()
            return tuple(results)

    def _keep_archive(self, ledger: SqlLedger | None = None) -> None:
        """Let what was corrected or withdrawn since the last run show on the web; the editions are there already."""
        if self.publishes:
            publisher.keeping_current(self.newsroom, ledger, self.warn)(True)  # noqa: FBT003 - as when a send is done

    def _reporter(self, stopping: Stopping) -> Reporter:
        """How this run tells. The relay of config.yaml is opened when it is first asked for: faults are that task's."""
        setup = TransportSetup(newsroom=self.newsroom, tell=self.warn, stop=stopping.event)
        relay = cache(partial(open_transport, setup))
        return Reporter(newsroom=self.newsroom, transport=relay, now=self.now, stopping=stopping, warn=self.warn)

    def _read_sources(self, run: _Run, tasks: Sequence[DueTask], reporter: Reporter) -> None:
        """Read the sources of config.yaml: those whose time has come, and all anew before an edition is built.

        One that cannot be read for a day, or is not what it was, is told to the newsroom; of one for which an edition
        waits, that edition's own notice tells.
        """
        if not self.newsroom.config.settings.sources:
            return
        from digest.importing import sources

        since = max((item.task.at for item in tasks if not item.hold), default=None)
        for report in sources.refresh(self.newsroom, self.now, since=since, stop=reporter.stopping.event):
            (self.warn if report.state.trouble else self.say)(f"source {report.line}")
            state, what = report.state, f"source {report.name}"
            if state.failing is None or not (state.odd or self.now - state.failing >= notices.DAY):
                continue
            waited = any(
                line.startswith(f"{report.name}: ")
                for item in tasks
                for line in missing_sources(self.newsroom, item.task)
            )
            following = next(iter(self.coming(run.journal, 1)), None)
            if waited or following is None or run.journal.was_told(what, self.moment, notices.DAY):
                continue
            edition = self.newsroom.editions(following.period, [following.audience])[0]
            self._mail(reporter, run, notices.about_source(report.name, state.trouble, state.failing, edition), what)

    def _ledger(self, run: _Run, tasks: Sequence[DueTask], reporter: Reporter) -> SqlLedger:
        """The ledger; when it cannot be used, the newsroom hears what does not go out, and why."""
        try:
            return self.newsroom.sending_setup.ledger()
        except DigestError as error:
            results = [
                held_result(self.newsroom, item, self.now) if item.hold else failed_result(self.newsroom, item, error)
                for item in tasks
            ]
            for result in results:
                self._tell(reporter, run, result, None)
            self._tell_held(reporter, run, [result for result in results if result.kind is TaskStatus.HELD])
            raise

    @contextmanager
    def _locked(self) -> Iterator[_Run]:
        if self.moment < _SANE:
            message = f"this machine believes that it is {self.now:%-d %B %Y}; set its clock, then run again"
            raise DigestError(message)
        with ExitStack() as stack:
            try:
                store = stack.enter_context(locked_journal(self.newsroom))
            except LedgerBusy as error:
                raise AnotherRun(str(error)) from None
            journal, changes = self._recall(store)
            for line in changes:
                self.say(f"schedule: {line}")
            run = _Run(scheduler=self, store=store, journal=journal)
            run.save()
            yield run
            run.save()

    def _unapproved(self, journal: Journal) -> list[tuple[Task, dict[Edition, str]]]:
        """What goes out within a day and a person must first do something for, of which nobody was told."""
        newsroom, waiting = self.newsroom, []
        for task in self.coming(journal, 1):
            far = task.at - self.moment > AHEAD or self.moment < task.period.end  # before that it is not whole
            if far or journal.was_told(f"{task.name} reminder", self.moment):
                continue
            demand = due.needed(newsroom, task.rule)
            editions = newsroom.editions(task.period, [task.audience])
            obstacles = {edition: self._obstacle(edition, demand) for edition in editions}
            if missing := {each: words for each, words in obstacles.items() if words}:
                waiting.append((task, missing))
        return waiting

    def _obstacle(self, edition: Edition, demand: Needed) -> str:
        try:
            return due.obstacle(self.newsroom, edition, demand, self.now)
        except Exception as error:  # noqa: BLE001 - what comes tomorrow keeps nothing from going today
            self.warn(f"{edition.id}: {traceback.format_exc()}")
            return f"it cannot be built: {bug(error)}"

    def _tell(self, reporter: Reporter, run: _Run, result: Result, ledger: SqlLedger | None) -> bool:
        """Say how a task stands: here, to the hooks, by mail; then remember what was told and settled.

        Returns whether the newsroom's contact knows what it must.
        """
        name, kind = result.item.name, result.kind
        if kind is not TaskStatus.HELD:  # those are told together
            for each in result.outcomes:
                self.say(f"{each.edition.id}: {each.message}")
        again = notices.AGAIN.get(kind)
        notice = notices.notice_about(result, ledger, self.now)
        if notice is not None:
            quiet = kind in (TaskStatus.NOTHING, TaskStatus.PAUSED)
            if not quiet and not run.journal.was_told(f"{name} {kind} hook", self.moment, again):
                if reporter.stopping.signal:
                    return False  # the next run tells
                run.told(f"{name} {kind} hook")  # first: a hook is tried once, also one that hangs until we are killed
                reporter.hook("sent" if kind is TaskStatus.SENT else "failed", result.as_data())
            untold = kind is not TaskStatus.HELD and not run.journal.was_told(f"{name} {kind}", self.moment, again)
            if untold and not self._mail(reporter, run, notice, f"{name} {kind}"):
                return False
        if result.settled:
            run.journal = run.journal.settle(name, self.moment)
            run.save()
        return True

    def _tell_held(self, reporter: Reporter, run: _Run, held: Sequence[Result]) -> bool:
        """Say what is held; one mail for all of it, when something is news: who was off for a year gets one.

        Returns whether the newsroom's contact knows.
        """
        for line in notices.held_lines(held):
            self.say(line)
        news = [each for each in held if not run.journal.was_told(f"{each.item.name} {TaskStatus.HELD}", self.moment)]
        if not news:
            return True
        known = [each for each in held if each not in news]
        told = [f"{each.item.name} {TaskStatus.HELD}" for each in news]
        return self._mail(reporter, run, notices.notice_of_held([*news, *known], self.now), *told)

    def _mail(self, reporter: Reporter, run: _Run, notice: Notice, *told: str) -> bool:
        """Mail it to the newsroom's contact, and remember that it was `told`. False when the next run is to try again.

        A contact that is still a placeholder is not mailed: it is nobody's, or a stranger's. That is said instead, and
        not remembered, so that the newsroom is told as soon as it has an address.
        """
        blanks = unfilled(self.newsroom.config.document)
        if blank := next((fault for fault in blanks if fault.key == "newsroom.contact"), None):
            self.warn(f"{blank}; so nobody was told by mail: {notice.subject}")
            return True
        try:
            notices.post(self.newsroom, notice, reporter.transport(), self.now)
        except DigestError as error:
            self.warn(f"{self.newsroom.config.newsroom.contact} was not told: {error}")
            return False
        for what in told:
            run.told(what)
        return True


class _Run(Struct, kw_only=True):
    """The journal while the lock is held."""

    scheduler: Scheduler
    store: JournalStore
    journal: Journal

    def told(self, what: str) -> None:
        self.journal = self.journal.tell(what, self.scheduler.moment)
        self.save()

    def save(self) -> None:
        self.store.save(self.journal, self.scheduler.moment)
