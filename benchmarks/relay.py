"""The receiver of the SMTP benchmarks: Postfix's smtp-sink on loopback, and a line that is 20 ms away."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks import peers

if TYPE_CHECKING:
    from collections.abc import Iterator


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def sink() -> Iterator[int]:
    """A running smtp-sink; the port it listens on."""
    program = peers.postfix("smtp-sink")
    assert program, "smtp-sink is needed: apt-get install postfix"
    port = free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    with _running([program, *user, f"127.0.0.1:{port}", "512"], port):
        yield port


@contextmanager
def slow_line(port: int, seconds: float) -> Iterator[int]:
    """A line to `port` on which a round trip takes so long; the port at its near end."""
    command = [sys.executable, "-m", "benchmarks.delay", str(port), str(round(seconds * 1000))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield int(process.stdout.readline())
        process.stdin.close()


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)
