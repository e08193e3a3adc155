"""Senders are killed at every point that matters, and at random: nobody is mailed twice, nobody is lost unnamed."""

from __future__ import annotations

import email
import os
import random
import shutil
import socketserver
import tempfile
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from crash_zygote import EDITION, Zygote

from digest.delivery import State
from digest.ledger.opening import open_ledger
from digest.testing import readers

HELD = {State.IN_DOUBT}
NOW = "2022-03-01T09:00:00+01:00"


@pytest.fixture
def tmp_path(tmp_path):
    """In memory where that can be had: a killed process leaves its files, so no disk is needed to test that."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="digest-crash-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def zygote(tmp_path_factory):
    process = Zygote()
    assert process.run(tmp_path_factory.mktemp("warm"), here=True) == 0
    yield process
    process.close()


class Sink(socketserver.ThreadingTCPServer):
    """Takes an address a line, and remembers it before it answers: that is what accepted means."""

    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            try:
                while (line := self.rfile.readline()).endswith(b"\n"):
                    with self.server.lock:
                        self.server.accepted[line.strip().decode()] += 1
                    self.wfile.write(b"ok\n")
            except OSError:
                pass  # the sender was killed: that is what these tests do

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.accepted = Counter()
        self.lock = threading.Lock()


@pytest.fixture
def sink():
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def states(folder):
    ledger = open_ledger("sqlite:///state/ledger.db", newsroom="ILO Newsroom", root=folder)
    found = {row.address: row.state for row in ledger.deliveries(EDITION)}
    ledger.close()
    return found


def files(folder):
    """The readers whose whole mail is in the folder. A short one under a final name is a failure."""
    found = Counter()
    for path in (folder / "out").glob("*.eml"):
        text = path.read_bytes()
        assert text.endswith(b"\r\nHello\r\n")
        found[text.split(b"To: ")[1].split(b"\r\n")[0].decode()] += 1
    return found


def check(folder, got, count):
    """The promise, after the last run."""
    known = states(folder)
    assert len(known) == count
    assert max(got.values(), default=0) <= 1
    assert {address for address, state in known.items() if state is State.SENT} <= set(got)
    assert {address for address, state in known.items() if state is not State.SENT} <= {
        address for address, state in known.items() if state in HELD
    }
    missing = {reader.address for reader in readers(count)} - set(got)
    assert missing <= {address for address, state in known.items() if state in HELD}


def test_no_crash(zygote, tmp_path):
    """Without a kill everybody has a mail, and a second run finds nothing to do."""
    assert zygote.run(tmp_path / "a") == 0
    assert files(tmp_path / "a") == Counter({reader.address: 1 for reader in readers(8)})
    assert zygote.run(tmp_path / "a") == 4
    check(tmp_path / "a", files(tmp_path / "a"), 8)


@pytest.mark.parametrize("part", range(4))
def test_killed_at_every_point_writing_files(zygote, tmp_path, part):
    """Killed at each commit, fsync, rename and unlink: the next run finishes, and each reader has one whole file."""
    zygote.run(tmp_path / "count")
    points = int((tmp_path / "count" / "points").read_text())
    assert points > 60
    for point in range(1 + part, points + 1, 4):
        folder = tmp_path / f"at-{point}"
        assert zygote.died(folder, point)
        code = zygote.run(folder)
        assert code in (0, 1, 4), f"killed at {point}"
        held = sum(state in HELD for state in states(folder).values())
        assert held <= 8
        assert (code == 1) == bool(held), f"killed at {point}"
        check(folder, files(folder), 8)


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("ahead", [True, False])
def test_killed_at_every_point_over_a_connection(zygote, tmp_path, sink, part, ahead):
    """Killed before and after each intent, send and answer: no reader gets two mails, and one is in doubt at most.

    Two where an intent goes early: what is shown of the run is committed ten times a second, with what is announced.
    """
    zygote.run(tmp_path / "count", to=sink.server_address[1], ahead=ahead)
    points = int((tmp_path / "count" / "points").read_text())
    assert points > 60
    for point in range(1 + part, points + 1, 2):
        folder = tmp_path / f"at-{point}"
        sink.accepted.clear()
        assert zygote.died(folder, point, to=sink.server_address[1], ahead=ahead)
        code = zygote.run(folder, to=sink.server_address[1], ahead=ahead)
        assert code in (0, 1, 4), f"killed at {point}"
        assert sum(state in HELD for state in states(folder).values()) <= 1 + ahead, f"killed at {point}"
        check(folder, sink.accepted, 8)


CONFIG = """\
newsroom:
  name: Harbour Newsroom
  contact: press@harbour.test
  from: digest@harbour.test
  timezone: Europe/Zurich
  language: en
  postal_address: Quay 4, Geneva
audiences:
  everyone: {title: All harbour news, languages: [en], recipients: {csv: readers.csv}}
unsubscribe: {url: "https://leave.harbour.test", allow_local: true, secret_env: DIGEST_UNSUBSCRIBE_SECRET}
"""
STORY = "---\ntitle: {}\ndate: 2022-02-14\nlink: https://harbour.test/1\n---\n\nA summary.\n"
COMMAND = ["send", "--month", "2022-02", "--live", "--yes", "--yes-now", NOW, "--now", NOW, "--eml", "out", "-q"]


@pytest.mark.parametrize("part", range(2))
def test_killed_anywhere_in_a_send_and_edited_then(zygote, tmp_path, part):
    """Killed between archive and ledger or elsewhere, a story is edited, `send` again: all have one and the same."""

    def newsroom(name):
        folder = tmp_path / name
        (folder / "stories").mkdir(parents=True)
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "readers.csv").write_text("email\nann@reader.test\nbob@reader.test\ncid@reader.test\n")
        (folder / "stories" / "one.md").write_text(STORY.format("Before"))
        return folder

    counted = newsroom("count")
    assert zygote.run(newsroom("warm"), command=COMMAND, here=True) == 0  # it also puts a compiled theme into the cache
    assert zygote.run(counted, command=COMMAND) == 0
    points = int((counted / "points").read_text())
    assert points > 60
    titles = Counter()
    for point in range(1 + part, points + 1, 8):
        folder = newsroom(f"at-{point}")
        assert zygote.died(folder, point, command=COMMAND)
        (folder / "stories" / "one.md").write_text(STORY.format("After"))
        code = zygote.run(folder, command=COMMAND)
        ledger = open_ledger("sqlite:///.digest/ledger.db", newsroom="Harbour Newsroom", root=folder)
        with closing(ledger):
            held = {row.address for row in ledger.deliveries(EDITION) if row.state in HELD}
        assert code == (1 if held else 0 if code == 0 else 4), f"killed at {point}"
        mails = [email.message_from_bytes(path.read_bytes()) for path in (folder / "out").rglob("*.eml")]
        got = Counter(mail["To"] for mail in mails)
        assert max(got.values()) == 1
        assert {"ann@reader.test", "bob@reader.test", "cid@reader.test"} - set(got) <= held, f"killed at {point}"
        read = {title for title in (b"Before", b"After") for mail in mails if title in mail.as_bytes()}
        assert len(read) == 1, f"killed at {point}: {read}"
        titles.update(read)
    assert len(titles) == 2, "killed before the freeze, they read what was edited; after it, what was frozen"


def test_killed_at_random(zygote, tmp_path, sink):
    """Kill -9 at random times, 50 times, over 500 readers and 4 connections: nobody twice, nobody lost unnamed."""
    chance = random.Random(39)
    kills = editions = 0
    while kills < 50:
        editions += 1
        folder = tmp_path / f"edition-{editions}"
        sink.accepted.clear()
        port = sink.server_address[1]
        order = {"to": port, "readers": 500, "connections": 4, "ahead": editions % 2 == 1}
        # Each time may be longer, so that a slow machine comes to an end, too.
        while zygote.run(folder, **order, kill_after=chance.uniform(0.0, 0.2 + kills / 100)) < 0:
            kills += 1
        check(folder, sink.accepted, 500)
    assert kills >= 50


@pytest.mark.parametrize(("ahead", "most"), [(True, 8), (False, 4)])
def test_how_many_one_crash_leaves_in_doubt(zygote, tmp_path, sink, ahead, most):
    """Of four connections: one mail each, or two where an intent may share the commit of the mail before it."""
    chance = random.Random(40)
    kills = 0
    for edition in range(12):
        folder = tmp_path / f"edition-{edition}"
        sink.accepted.clear()
        order = {"to": sink.server_address[1], "readers": 200, "connections": 4, "ahead": ahead}
        kills += zygote.run(folder, **order, kill_after=chance.uniform(0.02, 0.1)) < 0
        zygote.run(folder, **order)
        assert sum(state in HELD for state in states(folder).values()) <= most
        check(folder, sink.accepted, 200)
    assert kills
