"""`digest run`: do what is due, remember it, and tell the newsroom. Run again, it does nothing.

    lock ─▶ Journal ─pending─▶ each Item ─errand─▶ Result ─notice, hook─▶ settled in the Journal, saved at once

One run at a time on this machine. A task counts as settled only when the newsroom was told of it, so a relay that
fails after the last reader leaves the report to the next run. It decides nothing about stories, mails or times.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from digest.errors import DigestError, LedgerBusy, UsageError
from digest.scheduling import due, record, telling
from digest.scheduling.holding import held_back
from digest.scheduling.outcome import TaskStatus
from digest.scheduling.rules import rules
from digest.scheduling.task import Reporter, Result, RunContext, cannot, held, run_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from threading import Event

    from digest.config.schedule import ScheduleLine, Task
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.sending_setup import SendingSetup
    from digest.ports import Transport
    from digest.scheduling.due import DueTask
    from digest.scheduling.journal import Journal
    from digest.scheduling.notices import Notice
    from digest.scheduling.record import Record
    from digest.sending.local import Stopping

# A machine without a battery begins in 1970: a schedule put in force then would name every month since as not sent.
_SANE = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # how long before its time a missing approval is called for


class AnotherRun(LedgerBusy):
    """A run that began before is still at it. Where a timer starts runs, that is no news: it does what is due."""


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """A newsroom's schedule at one moment. `say` and `warn` take what a person should read, line by line."""

    parts: SendingSetup
    now: datetime
    say: Callable[[str], None]
    warn: Callable[[str], None]

    @cached_property
    def rules(self) -> tuple[ScheduleLine, ...]:
        """The schedule of config.yaml. Raises UsageError when it has none."""
        found = rules(self.parts.newsroom.config)
        if not found:
            message = "config.yaml has no schedule; add one: schedule: [{period: month, on: first working day}]"
            raise UsageError(message)
        if not any(rule.audiences for rule in found):
            message = "no audience of config.yaml has recipients; give one a list: recipients: {csv: FILE}"
            raise UsageError(message)
        return found

    @cached_property
    def moment(self) -> datetime:
        """Now, in UTC: two times of one zone compare by the clock on the wall, wrong in the hour that comes twice."""
        return self.now.astimezone(UTC)

    def recall(self) -> tuple[Journal, tuple[str, ...]]:
        """The journal as this run would begin with it, and how the schedule changed since the last. Writes nothing."""
        with record.kept(self.parts) as place:
            return self._recall(place)

    def _recall(self, place: Record) -> tuple[Journal, tuple[str, ...]]:
        found, warning = place.load(self.moment)
        if warning:
            self.warn(warning)
        lines = due.lines(self.rules)
        return found.meet(lines, self.rules, self.moment), found.changes(lines)

    def pending(self, found: Journal) -> tuple[DueTask, ...]:
        """What is due, and what is held."""
        return due.pending(self.rules, found, self.moment)

    def coming(self, found: Journal, count: int) -> tuple[Task, ...]:
        """What comes next."""
        return due.coming(self.rules, found, self.moment, count)

    def skip(self, name: str) -> None:
        """Settle an edition that is due or held without sending it. Raises UsageError when it is neither."""
        with self._held() as run:
            known = [item.name for item in self.pending(run.journal)]
            if name not in known:
                message = f"{name!r} is not due; what is: {', '.join(known) or 'nothing'}"
                raise UsageError(message)
            run.journal = run.journal.settle(name, self.moment)
            self.say(f"{name} is settled without having been sent")

    def run(self, stopping: Stopping, *, force: bool = False) -> tuple[Result, ...]:
        """Do what is due. Raises AnotherRun when another run is at it, and DigestError when nothing can be done."""
        with self._held() as run:
            due, soon = self.pending(run.journal), self._unapproved(run.journal)
            if not due and not soon:
                return ()
            transport = _once(self.parts, stopping.event)
            ledger = self._ledger(run, due, transport)
            try:
                office = RunContext(
                    parts=self.parts,
                    ledger=ledger,
                    transport=transport,
                    now=self.now,
                    stopping=stopping,
                    warn=self.warn,
                )
                results = []
                for item in due:
                    result = run_task(office, item, force=force)
                    told = self._tell(office, run, result, ledger)
                    results.append(result if told else replace(result, untold=True))
                if not self._tell_held(
                    office, run, waiting := [each for each in results if each.kind is TaskStatus.HELD]
                ):
                    results = [replace(each, untold=True) if each in waiting else each for each in results]
                for task, missing in soon:
                    self._remind(office, run, task, missing)
            finally:
                ledger.close()
            return tuple(results)

    def _ledger(self, run: _Run, due: Sequence[DueTask], transport: Callable[[], Transport]) -> SqlLedger:
        """The ledger; when it cannot be used, the newsroom hears what does not go out, and why."""
        try:
            return self.parts.ledger()
        except DigestError as error:
            voice = Reporter(parts=self.parts, transport=transport, now=self.now, warn=self.warn)
            made = [held(self.parts, each) if each.hold else cannot(self.parts, each, error) for each in due]
            for each in made:
                self._tell(voice, run, each, None)
            self._tell_held(voice, run, [each for each in made if each.kind is TaskStatus.HELD])
            raise

    @contextmanager
    def _held(self) -> Iterator[_Run]:
        if self.moment < _SANE:
            message = f"this machine believes that it is {self.now:%-d %B %Y}; set its clock, then run again"
            raise DigestError(message)
        with ExitStack() as stack:
            try:
                place = stack.enter_context(record.held(self.parts))
            except LedgerBusy as error:
                raise AnotherRun(str(error)) from None
            found, changes = self._recall(place)
            for line in changes:
                self.say(f"schedule: {line}")
            run = _Run(routine=self, record=place, journal=found)
            run.save()
            yield run
            run.save()

    def _unapproved(self, found: Journal) -> list[tuple[Task, dict[Edition, str]]]:
        """What goes out within a day and a person must first do something for, of which nobody was told."""
        newsroom, waiting = self.parts.newsroom, []
        for task in self.coming(found, 1):
            name = "/".join(task.key)
            far = task.at - self.moment > AHEAD or self.moment < task.period.end  # before that it is not whole
            if far or found.was_told(f"{name} reminder", self.moment):
                continue
            demand = due.needed(newsroom, task.rule)
            editions = newsroom.editions(task.period, [task.audience])
            obstacles = {each: due.obstacle(newsroom, each, demand, self.now) for each in editions}
            if missing := {each: words for each, words in obstacles.items() if words}:
                waiting.append((task, missing))
        return waiting

    def _tell(self, voice: Reporter, run: _Run, result: Result, ledger: SqlLedger | None) -> bool:
        """Say how a task stands: here, to the hooks, by mail; then remember what was told and settled.

        Returns whether the newsroom's contact knows what it must.
        """
        name, kind = result.item.name, result.kind
        for each in result.outcomes:
            self.say(f"{each.edition.id}: {each.message}")
        again = telling.AGAIN.get(kind)
        notice = telling.notice(result, ledger, self.now)
        if notice is not None:
            if kind is not TaskStatus.NOTHING and not run.journal.was_told(f"{name} {kind} hook", self.moment, again):
                voice.hook("sent" if kind is TaskStatus.SENT else "failed", result.as_data())
                run.told(f"{name} {kind} hook")
            if kind is not TaskStatus.HELD and not run.journal.was_told(f"{name} {kind}", self.moment, again):
                if not self._mail(voice, notice):
                    return False
                run.told(f"{name} {kind}")
        if result.settled:
            run.journal = run.journal.settle(name, self.moment)
            run.save()
        return True

    def _tell_held(self, voice: Reporter, run: _Run, held: Sequence[Result]) -> bool:
        """One mail for everything that is held, when something of it is news: who was off for a year gets one.

        Returns whether the newsroom's contact knows.
        """
        news = [each for each in held if not run.journal.was_told(f"{each.item.name} {TaskStatus.HELD}", self.moment)]
        if not news:
            return True
        known = [each for each in held if each not in news]
        if not self._mail(voice, held_back([*news, *known], self.now)):
            return False
        for each in news:
            run.told(f"{each.item.name} {TaskStatus.HELD}")
        return True

    def _remind(self, voice: Reporter, run: _Run, task: Task, missing: Mapping[Edition, str]) -> None:
        if self._mail(voice, telling.reminder(task, missing, self.now)):
            run.told(f"{'/'.join(task.key)} reminder")

    def _mail(self, voice: Reporter, notice: Notice) -> bool:
        from digest.scheduling import notices

        try:
            notices.post(self.parts, notice, voice.transport(), self.now)
        except DigestError as error:
            self.warn(f"{self.parts.newsroom.config.newsroom.contact} was not told: {error}")
            return False
        return True


@dataclass(kw_only=True)
class _Run:
    """The journal while the lock is held."""

    routine: Scheduler
    record: Record
    journal: Journal

    def told(self, what: str) -> None:
        self.journal = self.journal.tell(what, self.routine.moment)
        self.save()

    def save(self) -> None:
        self.record.save(self.journal, self.routine.moment)


def _once(parts: SendingSetup, stop: Event) -> Callable[[], Transport]:
    """The relay of config.yaml, made when it is first asked for: then its settings' faults are that task's."""
    made: list[Transport] = []

    def transport() -> Transport:
        if not made:
            made.append(parts.relay(stop))
        return made[0]

    return transport
