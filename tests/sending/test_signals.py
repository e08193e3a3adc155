"""Signals to a sender, and two senders at once, as real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from digest.delivery import State
from digest.ledger.opening import open_ledger
from digest.sending.stopping import signals

EDITION = "2022-02/everyone/en"
SCRIPT = Path(__file__).with_name("patient_sender.py")


@pytest.fixture
def start(tmp_path):
    """Starts a sender and waits for its first mail."""
    running = []

    def one(seconds, *before):
        process = subprocess.Popen(
            [*before, sys.executable, SCRIPT, tmp_path, str(seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        process.first = process.stdout.readline()
        return process

    yield one
    for process in running:
        process.kill()
        process.communicate()


def counts(folder):
    ledger = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=folder)
    found = dict(ledger.counts(EDITION))
    ledger.close()
    return found


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_asked_to_end(start, tmp_path, number, code):
    """Ctrl-C, SIGTERM and a closed terminal: mails in flight are finished, nobody is in doubt, the shell sees why."""
    process = start(1.0)
    process.stdout.readline()  # the other connection's mail, so that both are in flight
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert json.loads(out.splitlines()[-1])["interrupted"] is True
    found = counts(tmp_path)
    assert set(found) == {State.SENT, State.PLANNED}
    assert 2 <= found[State.SENT] < 40


def test_a_closed_terminal_ends_no_send_that_was_begun_with_nohup(start, tmp_path):
    """What whoever started us has ignored stays ignored: all are mailed after the terminal is gone."""
    process = start(0.05, "nohup")
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out.splitlines()[-1])["interrupted"]) == (0, False), err
    assert counts(tmp_path) == {State.SENT: 40}


def test_asked_three_times(start, tmp_path):
    """The second signal says what takes time; the third ends at once, and what was in flight is held, not lost."""
    process = start(30.0)
    process.stdout.readline()  # the other connection's mail, so that both are in flight
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.stderr.readline() == "\n"
    assert "Still finishing the mails in flight" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    ledger = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=tmp_path)
    ledger.recover(EDITION, 0.0)
    assert ledger.counts(EDITION) == {State.IN_DOUBT: 2, State.PLANNED: 38}
    ledger.close()


def test_two_at_once(start):
    """The second sender names the first and leaves with 75; a kill lets go of the lock."""
    first = start(1.0)
    second = start(0.0)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 75
    assert f"process {first.pid}" in err
    first.kill()
    first.communicate()
    third = start(0.0)
    third.communicate(timeout=60)
    assert third.returncode in (0, 1)


def test_a_signal_may_come_at_any_moment():
    """Also while this thread holds the event's lock, as it does for a moment when it waits or hears of another one."""
    with signals() as stopping:
        with stopping.event._cond:
            signal.raise_signal(signal.SIGTERM)
        assert stopping.event.wait(60)
    assert stopping.exit_code == 143


def test_a_signal_is_heard_where_no_thread_more_may_be_started(monkeypatch):
    """A container's limit of processes raises nothing in whatever was interrupted."""

    def refuse(*_):
        raise RuntimeError

    monkeypatch.setattr("digest.sending.stopping.start_new_thread", refuse)
    with signals() as stopping:
        signal.raise_signal(signal.SIGTERM)
        assert stopping.event.is_set()


def test_signals_are_given_back():
    """After a run the signals mean again what they meant before."""
    before = signal.getsignal(signal.SIGTERM)
    with signals() as stopping:
        assert signal.getsignal(signal.SIGTERM) is not before
        assert stopping.exit_code == 0
    assert signal.getsignal(signal.SIGTERM) is before
