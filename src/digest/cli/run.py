"""`digest run`: do what is due, for cron, a systemd timer or, with --watch, by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.schedule import facts, scheduler_of, warn
from digest.cli.verbs import verb
from digest.errors import DigestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from digest.scheduling.task import Result
    from digest.sending.local import Stopping

    Results = tuple[Result, ...]

_BAD = (2, 1, 5)  # exit codes, the worst first; 75 says that the next run goes on
_LATER = 75
_LONGEST = 600.0  # seconds between two looks: config.yaml and the clock may change meanwhile
_SOON = 60.0  # when somebody is to be tried again


@verb("run")
def run(
    common: Common,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write and send nothing.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Send all that is held, too: you have looked at it.")] = False,
    skip: Annotated[
        str, typer.Option("--skip", metavar="PERIOD/AUDIENCE", help="Settle this edition without sending it.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and run whenever something is due.")] = False,
    ping: Annotated[
        str,
        typer.Option("--ping", metavar="URL", help="A watchdog: asked after a good run, URL/fail after a failed one."),
    ] = "",
) -> None:
    """Do what is due: build, check, approval, send, report. Run again, it does nothing."""
    from digest.scheduling import watchdog
    from digest.sending.local import signals

    call = Call(common)
    _alone({"--skip": skip, "--dry-run": dry_run}, {"--watch": watch, "--held": held, "--ping": ping})
    if ping:
        watchdog.check(ping)
    if skip:
        scheduler_of(call).skip(skip)
        if common.json:
            call.out.data({"skipped": skip})
    elif dry_run:
        _foresee(call)
    elif watch:
        _stay(common, held=held, ping=ping)
    else:
        from digest.scheduling.scheduler import AnotherRun

        try:
            with signals() as stopping:
                code = _watched(call, stopping, _show, held=held, ping=ping)
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
    due = scheduler.pending(found)
    if call.common.json:
        call.out.data({"due": [facts(item) for item in due], "changed": list(changes)})
        return
    warn(call, due, changes)
    if not due:
        call.out.line(f"nothing is due; {_next(call)}")


def _next(call: Call) -> str:
    from digest.scheduling.due import away

    scheduler = scheduler_of(call)
    coming = scheduler.coming(scheduler.recall()[0], 1)
    return ", ".join(f"{'/'.join(task.key)} goes out {away(task, call.now)}" for task in coming)


def _watched(call: Call, stopping: Stopping, show: Callable[[Call, Results], None], *, held: bool, ping: str) -> int:
    """One run, its end told to the watchdog, whatever it is. Returns its exit code."""
    from digest.scheduling import watchdog

    said, good, code = "", False, 0
    try:
        results = scheduler_of(call).run(stopping, force=held)
        code, said = _code(results), "\n".join(each.worst.message for each in results if each.code)
        # A reader who is refused is no failure of the schedule; a newsroom that does not know is one.
        good = all(each.settled and not each.untold for each in results)
        show(call, results)
    except BaseException as error:
        said = str(error) or type(error).__name__
        code = error.exit_code if isinstance(error, DigestError) else 1
        raise
    finally:
        if ping and (good or code != _LATER) and not stopping.signal:
            problem = watchdog.ping(ping, "" if good else said, stopping.event)
            if problem:
                typer.echo(f"digest: {problem}", err=True)
    return stopping.exit_code or code


def _show(call: Call, results: Results) -> None:
    if call.common.json:
        call.out.data([each.as_data() for each in results])
    elif not results and not call.common.quiet:
        call.out.line(f"nothing is due; {_next(call)}")


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

    return show


def _code(results: tuple[Result, ...]) -> int:
    codes = [each.code for each in results]
    return next((code for code in (*_BAD, _LATER) if code in codes), 0)


def _stay(common: Common, *, held: bool, ping: str) -> None:
    """Run whenever something is due, until somebody asks for the end; a run that fails is told, and not the last."""
    from digest.sending.local import signals

    if common.now or held:
        message = "--watch lives by the clock and decides nothing for you: it takes no --now and no --held"
        raise UsageError(message)
    show = _showing()
    with signals() as stopping:
        while not stopping.signal:
            call, code = Call(common), 2
            try:
                code = _watched(call, stopping, show, held=False, ping=ping)
            except DigestError as error:
                for line in str(error).splitlines():
                    typer.echo(f"digest: {line}", err=True)
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
