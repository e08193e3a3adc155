"""Tell programs what happened: a command gets JSON on its standard input, a web address gets it by POST.

Each is tried once, bounded in time, and never through a shell. A hook that fails is told as a warning: it never stops,
delays beyond its time, or repeats a send. A value `$NAME` is taken from the environment, as addresses hold secrets,
and no warning shows an address in full.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from digest.config.load import Config

Event = Literal["built", "approved", "sent", "failed"]
FORMAT = 1
_SHOWN = 300  # characters of what a failing command wrote
_NO_SUCCESS = 300  # the first HTTP status that is not a success


def fire(config: Config, environ: Mapping[str, str], event: Event, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Tell every hook of this event, one after another. Returns a warning for each that failed."""
    section = config.settings.hooks
    named: tuple[str, ...] = getattr(section, event)
    data = json.dumps({"format": FORMAT, "event": event, **facts}, ensure_ascii=False).encode()
    return tuple(
        " ".join(f"hook {event}: {problem}".split())  # a command may have several lines, a warning has one
        for each in named
        for problem in _tell(each, data, config.root, environ, section.timeout)
    )


def _tell(hook: str, data: bytes, root: Path, environ: Mapping[str, str], timeout: float) -> Iterator[str]:
    if hook.startswith("$"):
        name, hook = hook[1:], environ.get(hook[1:], "")
        if not hook:
            yield f"the environment has no {name}"
            return
    if hook.startswith(("https://", "http://")):
        yield from _post(hook, data, timeout)
    else:
        yield from _command(hook, data, root, environ, timeout)


def _post(url: str, data: bytes, timeout: float) -> Iterator[str]:
    import httpx

    host = urlsplit(url).hostname or "?"  # the rest of the address is often a secret
    try:
        # No proxy or netrc from the environment: what config.yaml names is what is asked.
        answer = httpx.post(
            url, content=data, headers={"Content-Type": "application/json"}, timeout=timeout, trust_env=False
        )
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        yield f"{host}: {type(error).__name__}"
        return
    if answer.status_code >= _NO_SUCCESS:
        yield f"{host} answered {answer.status_code}"


def _command(line: str, data: bytes, root: Path, environ: Mapping[str, str], timeout: float) -> Iterator[str]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        yield f"{line!r} is no command: {error}".lower()
        return
    try:
        # A session of its own, so that whatever it starts can be ended with it, and Ctrl-C is ours alone.
        process = subprocess.Popen(
            words, cwd=root, env={**os.environ, **environ}, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except (OSError, IndexError, ValueError) as error:
        yield f"{line}: {getattr(error, 'strerror', None) or error}"
        return
    with process:
        try:
            said, _ = process.communicate(data, timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            yield f"{line}: took more than {timeout:g} s, and was ended"
            return
    if process.returncode:
        words_said = " ".join(said.decode(errors="replace").split())[-_SHOWN:]
        yield f"{line}: ended with {process.returncode}" + (f": {words_said}" if words_said else "")
