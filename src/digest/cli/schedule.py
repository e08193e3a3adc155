"""`digest schedule` and `digest run`: what goes out when, the unit that runs it, and the run itself."""

from __future__ import annotations

import calendar
import contextlib
import sys
from datetime import date
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from digest.cli.call import Call
from digest.cli.flags import Common, YesNow, refuse
from digest.cli.output import tell
from digest.cli.verbs import verb
from digest.errors import DigestError, FaultyInput, UsageError
from digest.scheduling.units import Unit
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping
    from datetime import datetime

    from digest.config.schedule_lines import Task
    from digest.ledger.ledger import SqlLedger
    from digest.scheduling.scheduler import Scheduler
    from digest.scheduling.task import Result
    from digest.sending.stopping import Stopping

    Results = tuple[Result, ...]

_BAD = (2, 1, 5, 6)  # exit codes, the worst first; 75 says that the next run goes on
_LATER = 75
_LONGEST = 600.0  # seconds between two looks: config.yaml and the clock may change meanwhile
_SHOWN = 10  # of what is due, beside what comes next
_SOON = 60.0  # when somebody is to be tried again
_WEEKS = 54  # times in a year, at most
_ACROSS = 3  # months side by side: 70 columns
_MONTHS = 12
_WEEK = f"{calendar.weekheader(2)} "


@verb("schedule")
def schedule(
    common: Common,
    count: Annotated[int, Option("--count", min=1, max=500, metavar="N", help="The next N of each audience.")] = 2,
    install: Annotated[
        Unit | None, Option("--install", help="Print what makes this machine run `digest run` by itself.")
    ] = None,
    write: Annotated[bool, Option("--write", help="With --install: put it in its place.")] = False,
    ping: Annotated[str, Option("--ping", metavar="URL", help="With --install: a watchdog for `digest run`.")] = "",
    serve: Annotated[bool, Option("--serve", help="With --install systemd: `digest serve`, too.")] = False,
    bounces: Annotated[
        str, Option("--bounces", metavar="SOURCE", help="With --install systemd: `digest bounces` every hour.")
    ] = "",
) -> None:
    """Show what goes out when, to how many, and where its approval stands."""
    call = Call(common)
    if install is not None:
        _install(call, install, ping, write=write, serve=serve, bounces=bounces)
        return
    for name, value in {"--write": write, "--ping": ping, "--serve": serve, "--bounces": bounces}.items():
        if value:
            some = "systemd" if name in ("--serve", "--bounces") else "cron, systemd, kubernetes or github"
            message = f"{name} goes with --install {some}"
            raise UsageError(message)
    scheduler = scheduler_of(call)
    found, changes = scheduler.recall()
    with call.known_ledger() as ledger:
        due = scheduler.foresee(found, ledger)
        rows = list(_rows(call, scheduler, ledger, scheduler.coming(found, count)))
    if common.json:
        call.out.data({
            "next": rows, "due": [facts(result) for result in due], "changed": list(changes),
        })  # fmt: skip
        return
    warn(call, due, changes, most=_SHOWN)
    if due or changes:
        call.out.line()
    call.out.table(
        ("edition", "goes out", "", "readers", "approval"),
        [(row["name"], row["at_words"], row["away"], row["readers_words"], row["approval"]) for row in rows],
        right=(3,),
    )
    call.out.line()
    _year(call, scheduler, scheduler.coming(found, _WEEKS))
    call.out.to_fill_in(call.unfilled)


def scheduler_of(call: Call) -> Scheduler:
    """The newsroom's schedule at the call's moment."""
    from digest.scheduling.scheduler import Scheduler

    def say(text: str) -> None:
        if not call.common.json:
            call.out.line(text)

    return Scheduler(newsroom=call.newsroom, now=call.now, say=say, warn=tell, note=call.out.warn, engine=call.engine)


def warn(call: Call, due: Results, changes: tuple[str, ...], *, most: int | None = None) -> None:
    """Say what a run would make of what is due, and how the schedule is not what the last run knew."""
    from digest.config.schedule_lines import either_days

    for fault in either_days(call.newsroom.config.document):
        call.out.line(str(fault))
    for line in changes:
        call.out.line(f"changed since the last run: {line}")
    for result in due[:most]:
        for line in _foreseen(result, call.now):
            call.out.line(line)
    if more := len(due[most:]) if most else 0:
        call.out.line(
            f"and {counted(more, 'more edition is', 'more editions are')} due; all of them: digest run --dry-run"
        )


def _foreseen(result: Result, now: datetime) -> Iterator[str]:
    """What a run would make of something that is due, a line for each of its editions."""
    from digest.scheduling.due import away
    from digest.scheduling.outcome import TaskStatus

    if result.kind is TaskStatus.HELD:
        yield f"{result.item.name}: {result.worst.message}"
        return
    would = {
        TaskStatus.DUE: "send it now",
        TaskStatus.SENT: "only report it, as nothing of it is left to send",
        TaskStatus.NOTHING: "send nothing",
    }
    for each in result.outcomes:
        then = would.get(each.kind, "not send it")
        why = each.message.removeprefix("nothing was sent: ")
        yield f"{each.edition.id}: it was due {away(result.item.task, now)}: `digest run` would {then}: {why}"


def facts(result: Result) -> dict[str, Any]:
    """For programs: something whose time has come, and what a run would make of it."""
    from digest.scheduling.outcome import TaskStatus

    told, item = result.as_data(), result.item
    held = item.hold if result.kind is TaskStatus.HELD else ""
    return {"name": item.name, "at": item.task.at.isoformat(), "held": held,
            "state": told["state"], "editions": told["editions"]}  # fmt: skip


def _rows(
    call: Call, scheduler: Scheduler, ledger: SqlLedger | None, tasks: tuple[Task, ...]
) -> Iterator[dict[str, Any]]:
    from digest.scheduling import due
    from digest.scheduling.outcome import is_settled
    from digest.sending.rounds import frozen_as

    readers: dict[str, int | None] = {}
    for task in tasks:
        if task.audience not in readers:
            readers[task.audience] = _readers(call, ledger, task)
        count = readers[task.audience]
        demand = due.needed(call.newsroom, task.rule)
        states = [
            (True, "sent already")
            if ledger is not None and is_settled(ledger, frozen_as(ledger, each))
            else due.approval_state(call.newsroom, each, demand, call.now)
            for each in call.newsroom.editions(task.period, [task.audience])
        ]
        _, words = min(states, key=lambda state: state[0])
        yield {
            "name": task.name, "at": task.at.isoformat(), "at_words": f"{task.at:%a %-d %b %Y, %H:%M}",
            "away": due.away(task, scheduler.now), "readers": count,
            "readers_words": "?" if count is None else f"{count:,}", "approval": words,
        }  # fmt: skip


def _readers(call: Call, ledger: SqlLedger | None, task: Task) -> int | None:
    """How many an audience's next editions would reach; None, with a warning, when the list cannot be read."""
    from digest.sending.edition_readers import plan_send, readers_of

    try:
        lists = [readers_of(call.newsroom, each) for each in call.newsroom.editions(task.period, [task.audience])]
        return sum(plan_send(readers, ledger, 0.0, {}).readers for readers in lists)
    except DigestError as error:
        tell(str(error))
        return None


def _year(call: Call, scheduler: Scheduler, tasks: tuple[Task, ...]) -> None:
    zone = call.newsroom.config.newsroom.timezone
    days = {task.at.astimezone(zone).date() for task in tasks}
    for line in year(scheduler.now.astimezone(zone).date(), days):
        call.out.line(line)


def year(first: date, marked: Container[date]) -> Iterator[str]:
    """Twelve months from that of `first`, as lines; a marked day has a star behind it."""
    months = [divmod(first.year * _MONTHS + first.month - 1 + step, _MONTHS) for step in range(_MONTHS)]
    for start in range(0, _MONTHS, _ACROSS):
        if start:
            yield ""
        blocks = [_month(number, month + 1, marked) for number, month in months[start : start + _ACROSS]]
        for row in zip_longest(*blocks, fillvalue=" " * len(_WEEK)):
            yield "  ".join(row).rstrip()


def _month(number: int, month: int, marked: Container[date]) -> list[str]:
    weeks = calendar.Calendar().monthdayscalendar(number, month)
    return [
        f"{calendar.month_name[month]} {number}".center(len(_WEEK)),
        _WEEK,
        *("".join(_day(number, month, day, marked) for day in week) for week in weeks),
    ]


def _day(number: int, month: int, day: int, marked: Container[date]) -> str:
    if not day:
        return "   "
    return f"{day:2}{'*' if date(number, month, day) in marked else ' '}"


def _install(call: Call, unit: Unit, ping: str, *, write: bool, serve: bool, bounces: str) -> None:
    from digest.scheduling import installer, units, watchdog

    if ping:
        watchdog.check(ping)
    made = units.units(call.newsroom, unit, ping, serve=serve, bounces=bounces)
    if write:
        lines = list(installer.write(call.newsroom.root, unit, made))
        for line in lines:
            call.out.line(line)
        if call.common.json:
            call.out.data({"written": lines})
        return
    if call.common.json:
        call.out.data([{"place": each.place, "text": each.text} for each in made])
    for each in made:
        call.out.line(f"# {each.place}")
        call.out.line(each.text)


@verb("run")
def run(
    common: Common,
    dry_run: Annotated[bool, Option("--dry-run", help="Say what would be done; write and send nothing.")] = False,
    held: Annotated[bool, Option("--held", help="Send all that is held, too: you have looked at it.")] = False,
    skip: Annotated[
        list[str] | None,
        Option("--skip", metavar="PERIOD/AUDIENCE", help="Settle this one without sending it; may be repeated."),
    ] = None,
    watch: Annotated[bool, Option("--watch", help="Stay, and run whenever something is due.")] = False,
    ping: Annotated[
        str,
        Option("--ping", metavar="URL", help="A watchdog: asked after a good run, URL/fail after a failed one."),
    ] = "",
    yes_now: YesNow = "",
) -> None:
    """Do what is due: build, check, approval, send, report. Run again, it does nothing."""
    from digest.scheduling import watchdog
    from digest.sending.stopping import signals

    call = Call(common)
    _alone({"--skip": skip, "--dry-run": dry_run}, {"--watch": watch, "--held": held, "--ping": ping})
    if ping:
        watchdog.check(ping)
    if skip:
        scheduler_of(call).skip(skip)
        if common.json:
            call.out.data({"skipped": skip[0] if len(skip) == 1 else skip})
    elif dry_run:
        _foresee(call)
    elif watch:
        _stay(common, held=held, ping=ping)
    else:
        from digest.scheduling.scheduler import AnotherRun

        try:
            with signals() as stopping:
                code = _watched(call, stopping, _show, held=held, ping=ping, yes_now=yes_now)
        except AnotherRun as error:
            if not common.quiet:  # cron mails every word, and a long send is met by a run every ten minutes
                raise
            code = error.exit_code
        if code:
            raise typer.Exit(code)


def _alone(only: Mapping[str, object], others: Mapping[str, object]) -> None:
    """Refuse what is no run beside what belongs to one: half of it would be done, and the rest passed over."""
    given = [name for name, value in {**only, **others}.items() if value]
    if len(given) > 1 and any(only[name] for name in given if name in only):
        message = f"{given[0]} and {given[1]} do not go together; give one of them"
        raise UsageError(message)


def _foresee(call: Call) -> None:
    scheduler = scheduler_of(call)
    found, changes = scheduler.recall()
    with call.known_ledger() as ledger:
        due = scheduler.foresee(found, ledger)
    if call.common.json:
        call.out.data({"due": [facts(result) for result in due], "changed": list(changes)})
        return
    warn(call, due, changes)
    if not due:
        call.out.line(f"nothing is due; {_next(call)}")
    call.out.to_fill_in(call.unfilled)


def _next(call: Call) -> str:
    from digest.scheduling.due import away

    scheduler = scheduler_of(call)
    coming = scheduler.coming(scheduler.recall()[0], 1)
    return ", ".join(f"{task.name} goes out {away(task, call.now)}" for task in coming)


def _watched(
    call: Call, stopping: Stopping, show: Callable[[Call, Results], None], *, held: bool, ping: str, yes_now: str
) -> int:
    """One run, its end told to the watchdog, whatever it is. Returns its exit code."""
    from digest.scheduling import watchdog
    from digest.scheduling.outcome import TaskStatus

    said, good, code = "", False, 0
    try:
        call.demand_clock(yes_now)  # here, as it reads config.yaml: a mistake in that is the watchdog's news, too
        results = scheduler_of(call).run(stopping, force=held)
        code, said = _code(results), "\n".join(each.worst.message for each in results if each.code)
        # A reader who is refused is no failure of the schedule; a newsroom that does not know is one.
        # Nor is what a person holds back, of which the newsroom is told every day.
        good = all((each.settled or each.kind is TaskStatus.PAUSED) and not each.untold for each in results)
        show(call, results)
    except BaseException as error:
        said = str(error) or type(error).__name__
        code = error.exit_code if isinstance(error, DigestError) else 1
        raise
    finally:
        if ping and (good or code != _LATER) and not stopping.signal:
            problem = watchdog.ping(ping, "" if good else said, stopping.event)
            if problem:
                tell(problem)
    return stopping.exit_code or code


def _show(call: Call, results: Results) -> None:
    if call.common.json:
        call.out.data([each.as_data() for each in results])
    elif not results and not call.common.quiet:
        call.out.line(f"nothing is due; {_next(call)}")
        call.out.to_fill_in(call.unfilled)


def _showing() -> Callable[[Call, Results], None]:
    """The same for run after run: that nothing is due is said when it is news, once a day, and near the time."""
    last = ""

    def show(call: Call, results: Results) -> None:
        nonlocal last
        if results:
            _show(call, results)
        elif not call.common.quiet and not call.common.json and last != (line := _next(call)):
            last = line
            call.out.line(f"nothing is due; {line}")
            call.out.to_fill_in(call.unfilled)

    return show


def _code(results: tuple[Result, ...]) -> int:
    codes = [each.code for each in results]
    return next((code for code in (*_BAD, _LATER) if code in codes), 0)


def _stay(common: Common, *, held: bool, ping: str) -> None:
    """Run whenever something is due, until somebody asks for the end; a run that fails is told, and not the last."""
    from digest.sending.stopping import signals

    refuse(
        (common.json, "--watch says line by line what happens, and --json is one document at the end; leave one out"),
        (common.now or held, "--watch lives by the clock and decides nothing for you: it takes no --now and no --held"),
    )
    with contextlib.suppress(FaultyInput):  # a mistake in config.yaml is told by the first run, and may be mended
        Call(common).demand_clock("")
    show = _showing()
    with signals() as stopping:
        while not stopping.signal:
            call, code = Call(common), 2
            try:
                code = _watched(call, stopping, show, held=False, ping=ping, yes_now="")
            except DigestError as error:
                for line in str(error).splitlines():
                    tell(line)
            sys.stdout.flush()
            stopping.event.wait(_pause(call, code))
    raise typer.Exit(stopping.exit_code)


def _pause(call: Call, code: int) -> float:
    """Seconds until the next look."""
    try:
        scheduler = scheduler_of(call)
        times: list[datetime] = [task.at for task in scheduler.coming(scheduler.recall()[0], 1)]
    except DigestError:
        return _SOON  # it was told; somebody is at it
    until = min(((at - scheduler.moment).total_seconds() for at in times), default=_LONGEST)
    return max(1.0, min(until, _SOON if code == _LATER else _LONGEST))
