"""Tell programs what happened: a command gets JSON on its standard input, a web address gets it by POST.

Each is tried once, bounded in time and memory, and never through a shell. A hook that fails is told as a warning: it
never stops, delays beyond its time, or repeats a send. A value `$NAME` is taken from the environment, as addresses hold
secrets, and no warning shows an address in full.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shlex
import signal
import subprocess
import time
from threading import Event
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from digest.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from digest.config.load import Config

HookEvent = Literal["built", "approved", "sent", "failed"]
FORMAT = 1
_SHOWN = 300  # characters of what a failing command wrote
_KEPT = 8 * _SHOWN  # bytes of what a command wrote; the rest is read and forgotten
_BLOCK = 65_536
_LOOK = 0.2  # seconds between two looks whether somebody asked to stop
_NO_SUCCESS = 300  # the first HTTP status that is not a success


def fire(
    config: Config, environ: Mapping[str, str], event: HookEvent, facts: Mapping[str, Any], stop: Event | None = None
) -> tuple[str, ...]:
    """Tell every hook of this event, one after another. Returns a warning for each that failed.

    `stop` ends the wait for the one that is at it, and the others are not begun.
    """
    section = config.settings.hooks
    named: tuple[str, ...] = getattr(section, event)
    data = json.dumps({"format": FORMAT, "event": event, **facts}, ensure_ascii=False).encode()
    return tuple(
        " ".join(f"hook {event}: {problem}".split())  # a command may have several lines, a warning has one
        for each in named
        for problem in _tell(each, data, config.root, environ, section.timeout, stop or Event())
    )


def _tell(hook: str, data: bytes, root: Path, environ: Mapping[str, str], timeout: float, stop: Event) -> Iterator[str]:
    if hook.startswith("$"):
        name, hook = hook[1:], environ.get(hook[1:], "")
        if not hook:
            yield f"the environment has no {name}"
            return
    if hook.startswith(("https://", "http://")):
        yield from _post(hook, data, timeout, stop)
    else:
        yield from _command(hook, data, root, environ, timeout, stop)


def _post(url: str, data: bytes, timeout: float, stop: Event) -> Iterator[str]:
    from digest.fetching.fetch import notify

    host = urlsplit(url).hostname or "?"  # the rest of the address is often a secret
    try:
        # No proxy or netrc from the environment: what config.yaml names is what is asked.
        status = notify(url, data=data, kind="application/json", timeout=timeout, stop=stop)
    except FetchError as error:
        yield f"{host}: {error}"
        return
    if status >= _NO_SUCCESS:
        yield f"{host} answered {status}"


def _command(
    line: str, data: bytes, root: Path, environ: Mapping[str, str], timeout: float, stop: Event
) -> Iterator[str]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        yield f"{line!r} is no command: {error}".lower()
        return
    try:
        # A session of its own, so that whatever it starts can be ended with it, and Ctrl-C is ours alone.
        process = subprocess.Popen(
            words, cwd=root, env={**os.environ, **environ}, start_new_session=True, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except (OSError, IndexError, ValueError) as error:
        hint = f"; make it a program: chmod +x {words[0]}" if isinstance(error, PermissionError) else ""
        if words and not hint and (root / words[0]).is_file():  # `\r` at the end of `#!/bin/sh`, or no such line
            hint = "; its first line must name what runs it, as #!/bin/sh, and have no line end of Windows"
        yield f"{line}: {getattr(error, 'strerror', None) or error}{hint}"
        return
    with process:
        try:
            output = _communicate(process, data, time.monotonic() + timeout, stop)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            why = "was ended before it was done" if stop.is_set() else f"took more than {timeout:g} s, and was ended"
            yield f"{line}: {why}"
            return
    if process.returncode:
        words_said = " ".join(output.decode(errors="replace").split())[-_SHOWN:]
        yield f"{line}: ended with {process.returncode}" + (f": {words_said}" if words_said else "")


def _communicate(process: subprocess.Popen[bytes], data: bytes, until: float, stop: Event) -> bytes:
    """Give a command its input and take its output, of which only the end is kept. Raises TimeoutError."""
    assert process.stdin is not None
    assert process.stdout is not None
    rest, output = memoryview(data), b""
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdin, selectors.EVENT_WRITE)
        waiting.register(process.stdout, selectors.EVENT_READ)
        while process.stdout in (key.fileobj for key in waiting.get_map().values()):
            for key, _ in waiting.select(_left(until, stop)):
                if key.fileobj is process.stdout:
                    chunk = os.read(key.fd, _BLOCK)
                    output = (output + chunk)[-_KEPT:]
                    if not chunk:
                        waiting.unregister(process.stdout)
                    continue
                try:
                    rest = rest[os.write(key.fd, rest[:_BLOCK]) :]
                except BrokenPipeError:  # it does not want to hear more
                    rest = memoryview(b"")
                if not rest:
                    waiting.unregister(process.stdin)
                    process.stdin.close()
    while process.poll() is None:  # it has closed its output, and goes on
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_left(until, stop))
    return output


def _left(until: float, stop: Event) -> float:
    """Seconds to wait before the next look. Raises TimeoutError when it is time to end, or somebody asked for it."""
    left = until - time.monotonic()
    if left <= 0 or stop.is_set():
        raise TimeoutError
    return min(left, _LOOK)
