"""The threads of one run: a connection each, watched from the thread that called. Decides nothing about readers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from digest.errors import DigestError
from digest.sending.sender_thread import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.ports import Transport
    from digest.sending.run import Run

_TICK = 0.1  # seconds between two looks at the connections


def drive(run: Run, transport: Transport, connections: int, stop: threading.Event, look: Callable[[], None]) -> bool:
    """Let the connections work until there is nothing left, then settle. Returns whether somebody asked for the end.

    `look` is called about ten times a second; what it raises ends the run. Raises what is no DigestError: a bug.
    """
    threads = [
        threading.Thread(target=Connection(run, transport).live, name=f"connection {number}")
        for number in range(1, connections + 1)
    ]
    interrupted = _watch(run, threads, stop, look)
    try:
        run.close()
    except DigestError as error:
        run.halt(error)
    if run.halted is not None and not isinstance(run.halted, DigestError):
        raise run.halted
    return interrupted


def _watch(run: Run, threads: list[threading.Thread], stop: threading.Event, look: Callable[[], None]) -> bool:
    """Wait for the connections, having a look ten times a second. Returns whether somebody asked for the end."""
    interrupted = False
    _start(threads)
    while (thread := next((each for each in threads if each.is_alive()), None)) is not None:
        try:
            thread.join(_TICK)
            if stop.is_set():
                interrupted = True
                run.stop.set()
            if run.halted is None:
                look()
        except KeyboardInterrupt:  # where nobody handles the signal: the same as `stop`
            interrupted = True
            run.stop.set()
        except BaseException as error:  # noqa: BLE001 - told, or raised, when the connections are done
            run.halt(error)
    return interrupted and run.halted is None


def _start(threads: list[threading.Thread]) -> None:
    """Start the connections, or as many as the machine can bear. Raises RuntimeError when that is none."""
    for number, thread in enumerate(threads):
        try:
            thread.start()
        except RuntimeError:
            if not number:
                raise
            return
