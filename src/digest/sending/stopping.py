"""This process: who it is, and whether somebody asked it to end.

Ctrl-C, SIGTERM and a closed terminal are a request to end calmly: what is in flight is finished and recorded. It never
loses or doubles a mail, however impatient one is: the ledger stands a kill at any moment.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from _thread import start_new_thread
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ASKED_TWICE = b"\nStill finishing the mails in flight. Once more ends at once, and leaves those in doubt.\n"
_THIRD = 3


class Stopping:
    """Whether somebody asked this process to end. `event` is what a run and its pacer wait on."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal = 0  # the first one that came

    @property
    def exit_code(self) -> int:
        """As shells count: 130 for Ctrl-C, 143 for SIGTERM; 0 when nobody asked."""
        return 128 + self.signal if self.signal else 0


@contextmanager
def signals() -> Iterator[Stopping]:
    """Take SIGINT, SIGTERM and SIGHUP as a request to end while inside; SIGHUP not where nohup has it ignored.

    In any thread but the main one, do nothing. The second signal says what it is that takes time; the third ends the
    process at once.
    """
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    count = 0

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        stopping.signal = stopping.signal or number
        if count >= _THIRD:
            os._exit(128 + number)
        if count > 1:
            os.write(2, _ASKED_TWICE)
        else:  # not here: whoever was interrupted, a signal's handler too, may hold the event's own lock
            try:
                start_new_thread(stopping.event.set, ())
            except RuntimeError:  # there may be as many threads here as are allowed
                stopping.event.set()

    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    heeded = [number for number in _SIGNALS if not (nohup and number == signal.SIGHUP)]
    before = {number: signal.signal(number, on_signal) for number in heeded}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def this_process() -> str:
    """Who we are, for the lock, the leases and the one who finds the edition taken."""
    return f"{socket.gethostname()}, process {os.getpid()}, run {secrets.token_hex(3)}"
