"""Terminals as they are: ASCII only, a full disk behind standard output, no standard output at all."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
DIGEST = f"'{sys.executable}' -c 'from digest.cli import main; main()'"


def shell(newsroom, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=newsroom.root, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_terminal_that_knows_ascii_only_gets_escapes_and_no_traceback(newsroom):
    """A letter that the terminal cannot show is written as an escape; nothing fails."""
    newsroom.story("arabic", title="مرحبا", credit="© René 2022")

    done = newsroom.shell("stories", env=ASCII)

    assert (done.code, done.err) == (0, "")
    assert r"\u0645\u0631\u062d\u0628\u0627" in done.out


def test_json_is_json_on_a_terminal_that_knows_ascii_only(newsroom):
    """With --json a program reads the same values whatever the terminal's letters."""
    newsroom.story("arabic", title="مرحبا", credit="© René 2022")

    done = newsroom.shell("stories", "--json", env=ASCII)

    found = {row["id"]: row for row in json.loads(done.out)}
    assert (found["arabic"]["title"], found["arabic"]["credit"]) == ("مرحبا", "© René 2022")


@pytest.mark.parametrize("verb", ["stories", "build --month 2022-02 --audience skills"])
def test_a_full_disk_behind_standard_output_is_one_line(newsroom, verb):
    """What cannot be printed is said on standard error, with exit code 1 and no traceback."""
    done = shell(newsroom, f"{DIGEST} {verb} > /dev/full")

    assert done.returncode == 1
    assert done.stderr.splitlines() == ["digest: standard output cannot be written: No space left on device"]


def test_a_closed_standard_output_is_no_fault(newsroom):
    """A verb works when it was started with its standard output closed, as some timers do."""
    done = shell(newsroom, f"{DIGEST} build --month 2022-02 --audience skills >&-")

    assert (done.returncode, done.stderr) == (0, "")
    assert (newsroom.root / "build/2022-02/skills/en/index.html").is_file()


def test_a_closed_standard_error_does_not_change_the_exit_code(newsroom):
    """A mistake has its exit code even when there is nobody to tell."""
    assert shell(newsroom, f"{DIGEST} nonsense 2>&-").returncode == 2
