"""`digest schedule`: what goes out when, with its readers and approval; and the unit that runs it."""

from __future__ import annotations

import calendar
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.verbs import verb
from digest.errors import DigestError, UsageError
from digest.scheduling.units import Unit

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from digest.config.schedule import Task
    from digest.ledger.ledger import SqlLedger
    from digest.scheduling.due import DueTask
    from digest.scheduling.scheduler import Scheduler

_WEEKS = 54  # times in a year, at most
_ACROSS = 3  # months side by side: 70 columns
_MONTHS = 12
_WEEK = "Mo Tu We Th Fr Sa Su "
_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip


@verb("schedule")
def schedule(
    common: Common,
    count: Annotated[
        int, typer.Option("--count", min=1, max=500, metavar="N", help="The next N of each audience.")
    ] = 2,
    install: Annotated[
        Unit | None, typer.Option("--install", help="Print what makes this machine run `digest run` by itself.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="With --install: put it in its place.")] = False,
    ping: Annotated[
        str, typer.Option("--ping", metavar="URL", help="With --install: a watchdog for `digest run`.")
    ] = "",
) -> None:
    """Show what goes out when, to how many, and where its approval stands."""
    call = Call(common)
    if (write or ping) and install is None:
        message = f"{'--write' if write else '--ping'} goes with --install cron, systemd, kubernetes or github"
        raise UsageError(message)
    if install is not None:
        _install(call, install, ping, write=write)
        return
    scheduler = scheduler_of(call)
    found, changes = scheduler.recall()
    due = scheduler.pending(found)
    with call.opened() as (_, ledger):
        rows = list(_rows(call, scheduler, ledger, scheduler.coming(found, count)))
    if common.json:
        call.out.data({
            "next": rows, "due": [facts(item) for item in due], "changed": list(changes),
        })  # fmt: skip
        return
    warn(call, due, changes)
    if due or changes:
        call.out.line()
    call.out.table(
        ("edition", "goes out", "", "readers", "approval"),
        [(row["name"], row["at_words"], row["away"], row["readers_words"], row["approval"]) for row in rows],
        right=(3,),
    )
    call.out.line()
    _year(call, scheduler, scheduler.coming(found, _WEEKS))


def scheduler_of(call: Call) -> Scheduler:
    """The newsroom's schedule at the call's moment."""
    from digest.scheduling.scheduler import Scheduler

    def say(text: str) -> None:
        if not call.common.json:
            call.out.line(text)

    def complain(text: str) -> None:
        typer.echo(f"digest: {text}", err=True)

    return Scheduler(parts=call.parts, now=call.now, say=say, warn=complain)


def warn(call: Call, due: tuple[DueTask, ...], changes: tuple[str, ...]) -> None:
    """Say what would go now, what is held, and how the schedule is not what the last run knew."""
    from digest.scheduling.due import away

    for line in changes:
        call.out.line(f"changed since the last run: {line}")
    for item in due:
        ago = away(item.task, call.now)
        said = item.why if item.hold else f"it was due {ago}: `digest run` would send it now"
        call.out.line(f"{item.name}: {said}")


def facts(item: DueTask) -> dict[str, Any]:
    """For programs: something whose time has come."""
    return {"name": item.name, "at": item.task.at.isoformat(), "held": item.hold}


def _rows(call: Call, scheduler: Scheduler, ledger: SqlLedger, tasks: tuple[Task, ...]) -> Iterator[dict[str, Any]]:
    from digest.scheduling import due

    readers: dict[str, int | None] = {}
    for task in tasks:
        if task.audience not in readers:
            readers[task.audience] = _readers(call, ledger, task)
        count = readers[task.audience]
        demand = due.needed(call.newsroom, task.rule)
        states = [
            due.approval_state(call.newsroom, each, demand, call.now)
            for each in call.newsroom.editions(task.period, [task.audience])
        ]
        _, words = min(states, key=lambda state: state[0])
        yield {
            "name": "/".join(task.key), "at": task.at.isoformat(), "at_words": f"{task.at:%a %-d %b %Y, %H:%M}",
            "away": due.away(task, scheduler.now), "readers": count,
            "readers_words": "?" if count is None else f"{count:,}", "approval": words,
        }  # fmt: skip


def _readers(call: Call, ledger: SqlLedger, task: Task) -> int | None:
    """How many an audience's next editions would reach; None, with a warning, when the list cannot be read."""
    from digest.sending import plan
    from digest.sending.readers import Readers

    audience = call.newsroom.config.audience(task.audience)
    total = 0
    try:
        for edition in call.newsroom.editions(task.period, [task.audience]):
            readers = Readers(call.parts.source(audience), edition, audience, call.parts.topics(audience))
            total += plan.make(readers, ledger, 0.0, {}).readers
    except DigestError as error:
        typer.echo(f"digest: {error}", err=True)
        return None
    return total


def _year(call: Call, scheduler: Scheduler, tasks: tuple[Task, ...]) -> None:
    zone = call.newsroom.config.newsroom.timezone
    days = {task.at.astimezone(zone).date() for task in tasks}
    for line in year(scheduler.now.astimezone(zone).date(), days):
        call.out.line(line)


def year(first: date, marked: Container[date]) -> Iterator[str]:
    """Twelve months from that of `first`, as lines; a marked day has a star behind it."""
    months = [divmod(first.year * _MONTHS + first.month - 1 + step, _MONTHS) for step in range(_MONTHS)]
    for start in range(0, _MONTHS, _ACROSS):
        blocks = [_month(number, month + 1, marked) for number, month in months[start : start + _ACROSS]]
        height = max(map(len, blocks))
        if start:
            yield ""
        for row in range(height):
            yield "  ".join(block[row] if row < len(block) else " " * len(_WEEK) for block in blocks).rstrip()


def _month(number: int, month: int, marked: Container[date]) -> list[str]:
    weeks = calendar.Calendar().monthdayscalendar(number, month)
    return [
        f"{_NAMES[month - 1]} {number}".center(len(_WEEK)),
        _WEEK,
        *("".join(_day(number, month, day, marked) for day in week) for week in weeks),
    ]


def _day(number: int, month: int, day: int, marked: Container[date]) -> str:
    if not day:
        return "   "
    return f"{day:2}{'*' if date(number, month, day) in marked else ' '}"


def _install(call: Call, unit: Unit, ping: str, *, write: bool) -> None:
    from digest.scheduling import installer, units, watchdog

    if ping:
        watchdog.check(ping)
    made = units.units(call.newsroom, unit, ping)
    if write:
        for line in installer.write(call.newsroom.root, unit, made):
            call.out.line(line)
        return
    for each in made:
        call.out.line(f"# {each.place}")
        call.out.line(each.text)
