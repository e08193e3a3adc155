"""Hooks that hang, drip, flood or fail: each is bounded, each is told, and none holds what called it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from digest import hooks
from digest.scheduling import watchdog
from drip import dripping

BODY = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def fire(root, *named, timeout=30.0, stop=None):
    """Tell these hooks that an edition was sent."""
    section = SimpleNamespace(sent=named, timeout=timeout)
    config = SimpleNamespace(settings=SimpleNamespace(hooks=section), root=root)
    return hooks.fire(config, {}, "sent", {"edition": "2022-02"}, stop)


def test_a_webhook_that_drips_its_head_ends_at_one_deadline(tmp_path):
    """The time that a hook may take is for all of it, not for each byte."""
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as server:
        assert fire(tmp_path, server.url, timeout=0.5) == ("hook sent: 127.0.0.1: took longer than 0.5 s",)
    assert server.dripped < server.most


def test_a_webhook_that_drips_its_body_is_not_waited_for(tmp_path):
    """Its status is all that is asked for."""
    with dripping(BODY) as server:
        assert fire(tmp_path, server.url) == ()
    assert server.dripped < server.most


def test_a_watchdog_that_drips_ends_at_one_deadline(monkeypatch):
    """A ping has one deadline, too, and is tried twice."""
    monkeypatch.setattr(watchdog, "_TIMEOUT", 0.5)
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as server:
        assert watchdog.ping(f"{server.url}/token") == "the watchdog at 127.0.0.1 was not told: took longer than 0.5 s"


def test_a_ping_goes_by_the_environments_proxy(monkeypatch):
    """A watchdog stands outside, and some machines reach the outside by a proxy only."""
    with dripping(BODY) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert watchdog.ping("http://watchdog.example/token") == ""
    assert proxy.asked[0].startswith(b"GET http://watchdog.example/token HTTP/1.1")


def test_a_stop_ends_the_wait_for_a_webhook(tmp_path):
    """Whoever asks the program to end does not wait for a stranger's server."""
    stop = threading.Event()
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as server:
        server.on_first = stop.set
        assert fire(tmp_path, server.url, timeout=600, stop=stop) == (
            "hook sent: 127.0.0.1: was ended before it answered",
        )


def test_a_stop_ends_a_command_and_what_it_began(tmp_path):
    """The command and its children are ended, and those that come after are not begun."""
    stop = threading.Event()
    command = "sh -c 'sleep 600 & echo $! > child; touch begun; wait'"
    threading.Thread(target=lambda: (_wait_for(tmp_path / "begun"), stop.set())).start()
    told = fire(tmp_path, command, "touch second", timeout=600, stop=stop)
    assert [line.endswith("was ended before it was done") for line in told] == [True, True]
    _wait_for_end(int((tmp_path / "child").read_text()))


def _wait_for(path):
    while not path.exists():
        time.sleep(0.01)


def _wait_for_end(pid):
    """Until the process is no more, or waits only for its parent to notice."""
    while True:
        try:
            with Path(f"/proc/{pid}/stat").open(encoding="ascii") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except OSError:
            return
        time.sleep(0.01)


FLOOD = """
import json, resource, sys
from pathlib import Path
from pathlib import Path
from types import SimpleNamespace
from digest import hooks
section = SimpleNamespace(sent=(sys.argv[1],), timeout=60.0)
config = SimpleNamespace(settings=SimpleNamespace(hooks=section), root=Path("."))
hooks.fire(SimpleNamespace(settings=SimpleNamespace(hooks=SimpleNamespace(sent=("true",), timeout=60.0)), root=Path(".")), {}, "sent", {})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
told = hooks.fire(config, {}, "sent", {})
print(json.dumps([told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""  # noqa: E501 - a program


def test_a_command_that_floods_is_read_in_bounded_memory(tmp_path):
    """Of 200 MB that a failing command writes, the last words are kept."""
    command = "sh -c 'head -c 200000000 /dev/zero; echo the last words; exit 3'"
    done = subprocess.run(
        [sys.executable, "-c", FLOOD, command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (told,), kilobytes = json.loads(done.stdout)
    assert told.endswith("the last words")
    assert kilobytes < 50_000


def test_a_command_may_leave_its_input_unread_and_its_output_closed(tmp_path):
    """Neither a closed pipe nor an early end of output is a fault; what counts is how it ends."""
    assert fire(tmp_path, "sh -c 'exec <&- >&- 2>&-; sleep 0.3; exit 0'") == ()
    assert fire(tmp_path, "sh -c 'exec >&- 2>&-; sleep 0.3; exit 4'")[0].endswith("ended with 4")


def test_a_script_that_is_no_program_says_how_it_becomes_one(tmp_path):
    """As an editor writes it, a file may not be run."""
    (tmp_path / "tell.sh").write_text("#!/bin/sh\n")
    assert fire(tmp_path, "./tell.sh") == (
        "hook sent: ./tell.sh: Permission denied; make it a program: chmod +x ./tell.sh",
    )


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_a_command_gets_all_of_its_input(tmp_path, size):
    """However long the facts are, and however slowly they are read."""
    section = SimpleNamespace(sent=("sh -c 'sleep 0.1; cat > told'",), timeout=30.0)
    config = SimpleNamespace(settings=SimpleNamespace(hooks=section), root=tmp_path)
    assert hooks.fire(config, {}, "sent", {"words": "x" * size}) == ()
    assert len(json.loads((tmp_path / "told").read_text())["words"]) == size
