"""Terminals as they are: ASCII only, a full disk behind standard output, no standard output at all."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

from mailsink import TELLS_OF_ITS_END, wait_for_its_end
from needed import needs

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


def test_an_exported_list_is_utf8_on_a_terminal_that_knows_ascii_only(newsroom):
    """It is read back, as itself: no name has escapes in it."""
    newsroom.write("recipients/everyone.csv", "email,name\nann@example.org,Zoë 日本\n")
    done = newsroom.shell("subscribers", "export", "--audience", "everyone", env=ASCII)
    assert (done.code, done.out) == (0, "email,name,language,topics\nann@example.org,Zoë 日本,,\n")


def test_a_turkish_machine_sends_as_any_other(newsroom, tmp_path_factory):
    """There the small letter of I is another one, also for the C library: Python's sqlite3 knows no INSERT by it."""
    source = Path("/usr/share/i18n/locales/tr_TR")
    needs(str(source) if source.exists() else None, "what Turkish locales are made of (apt-get install locales)")
    made = tmp_path_factory.mktemp("locales")
    subprocess.run(["localedef", "-i", source, "-f", "UTF-8", made / "tr_TR.UTF-8"], check=True)
    turkish = {"LOCPATH": str(made), "LC_ALL": "tr_TR.UTF-8"}
    send = ("send", "--month", "2022-02", "--audience", "everyone", "--live", "--yes", "--eml", "out")

    done = newsroom.shell(*send, env=turkish)

    assert (done.code, done.err, len(list((newsroom.root / "out").glob("*.eml")))) == (0, "", 6)


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


@pytest.mark.parametrize("unbuffered", ["", "PYTHONUNBUFFERED=1"])
def test_nobody_reading_does_not_stop_a_send(newsroom, unbuffered):
    """With `| true` behind it, a send does what it was told, and its exit code says that readers are left."""
    send = f"{DIGEST} send --month 2022-02 --audience everyone --live --yes --eml out --limit 2"
    done = shell(newsroom, f"({unbuffered} {send}; echo $? > code) | true; sleep 0.1; while ! test -s code; do :; done")

    assert (newsroom.root / "code").read_text().strip() == "75"
    assert done.stderr == ""
    assert len(list((newsroom.root / "out").glob("*.eml"))) == 2


def test_a_full_disk_behind_standard_output_does_not_stop_a_send(newsroom):
    """What could not be told is said on standard error; what was to be done is done."""
    send = f"{DIGEST} send --month 2022-02 --audience everyone --live --yes --eml out"
    done = shell(newsroom, f"PYTHONUNBUFFERED=1 {send} > /dev/full")

    assert done.returncode == 1
    assert done.stderr.splitlines() == ["digest: standard output cannot be written: No space left on device"]
    assert len(list((newsroom.root / "out").glob("*.eml"))) == 6


def test_a_closed_terminal_ends_a_send_calmly(newsroom, sink):
    """The window is closed in the middle: the mails in flight are finished, and the exit code is SIGHUP's."""
    sink.holds_after = 1
    newsroom.monkeypatch.setenv("DIGEST_SMTP__CONNECTIONS", "1")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(newsroom.root)
        send = ["send", "--month", "2022-02", "--audience", "everyone", "--live", "--yes"]
        os.execv(sys.executable, [sys.executable, "-c", TELLS_OF_ITS_END, *send])
    sink.wait_for_held()
    os.close(terminal)
    wait_for_its_end(newsroom.root)
    sink.let_go()
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    (edition,) = json.loads(newsroom("status", "--json").out)
    assert edition["held"] == []
    assert edition["counts"] == {"sent": len(sink.mails), "planned": ANY}


def test_a_server_says_at_once_where_it_is(newsroom):
    """What serves says so when it begins, to a pipe or a journal too, and not when it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", "from digest.cli import main; main()", "serve", "--port", "0"],
        cwd=newsroom.root,
        env={**os.environ, "DIGEST_UNSUBSCRIBE_SECRET": "k" * 40, "PYTHONUNBUFFERED": ""},
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        assert "Ctrl-C ends it" in serving.stdout.readline()
        serving.terminate()
