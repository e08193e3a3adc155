"""A process that has loaded everything and forks a sender for each line it reads: so a kill costs milliseconds.

    {"folder": …, "readers": 8, "to": "files" or a port, "connections": 1, "ahead": true, "kill_at": 17}
    ─▶ the sender's exit code, or minus the signal that ended it

A sender counts the points at which a crash could matter (commits, fsyncs, renames, sends) and kills itself with SIGKILL
at the one it is told (`kill_at`), or is killed after so many seconds (`kill_after`). The first of a kind is done in the
process itself (`here`): what is imported late, compiled and kept in memory is there for all that are forked then. Run
as a script; the tests talk to it through `Zygote`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

from digest.cli.app import main as digest_main
from digest.delivery import Event, Outcome, Phase
from digest.errors import AlreadySent, DigestError, TransportError
from digest.ledger.opening import open_ledger
from digest.sending.eml import EmlFolder
from digest.sending.engines import send_edition
from digest.sending.run import Patience
from digest.smtp.lookahead import Lookahead
from digest.testing import plain_mail, readers

EDITION = "2022-02/everyone/en"


class Points:
    """Counts the moments at which a crash could matter, and dies at one of them."""

    def __init__(self, kill_at):
        self.kill_at = kill_at
        self.count = 0
        self.lock = threading.Lock()

    def pass_one(self):
        with self.lock:
            self.count += 1
            if self.count == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function):
        def counted(*args, **kwargs):
            self.pass_one()
            result = function(*args, **kwargs)
            self.pass_one()
            return result

        return counted

    def watch(self):
        for name in ("fsync", "rename", "replace", "unlink", "pwrite"):
            setattr(os, name, self.around(getattr(os, name)))
        points = self

        class Connection(sqlite3.Connection):
            def commit(self):
                points.pass_one()
                super().commit()
                points.pass_one()

        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)


class Wire:
    """A transport over TCP to a sink that takes one address a line and answers each with a line."""

    pacing = None

    def __init__(self, port, points):
        self.port = port
        self.points = points

    def open(self):
        try:
            return WireSession(socket.create_connection(("127.0.0.1", self.port)), self.points)
        except OSError as error:
            raise TransportError(str(error)) from None


class WireSession:
    def __init__(self, connection, points):
        self.connection = connection
        self.points = points

    def deliver(self, mails, intend, announce):
        taken = Lookahead(mails)
        while (mail := taken.first()) is not None:
            following = taken.second()
            taken.drop()
            if not intend(mail):
                yield Outcome(delivery=mail.delivery, event=Event.SUPPRESS, phase=Phase.DATA)
                continue
            if following is not None and announce is not None:
                announce(following)
            self.points.pass_one()
            try:
                self.connection.sendall(mail.recipient.encode() + b"\n")
                self.points.pass_one()
                answer = self.connection.recv(100)
            except OSError:
                answer = b""
            self.points.pass_one()
            if not answer:
                yield Outcome(delivery=mail.delivery, event=Event.DOUBT, phase=Phase.DOT)
                message = "lost"
                raise TransportError(message)
            yield Outcome(delivery=mail.delivery, event=Event.ACCEPT, phase=Phase.DOT, code=250, detail="ok")

    def close(self):
        self.connection.close()


def command(order, points):
    """The life of one `digest` command in a newsroom's folder. Returns its exit code."""
    os.chdir(order["folder"])
    os.environ["DIGEST_UNSUBSCRIBE_SECRET"] = "0123456789abcdef0123456789abcdef"
    try:
        digest_main(order["command"])
    except SystemExit as ended:
        return ended.code
    finally:
        Path("points").write_text(str(points.count))


def send(order, points):
    """One sender's whole life. Returns its exit code."""
    folder = Path(order["folder"])
    try:
        ledger = open_ledger("sqlite:///state/ledger.db", newsroom="ILO Newsroom", root=folder)
        with contextlib.closing(ledger):
            ledger.freeze(EDITION, "hash", readers(order["readers"]))
            to = order["to"]
            relay = EmlFolder(folder / "out") if to == "files" else Wire(to, points)
            report = send_edition(
                ledger,
                relay,
                plain_mail,
                edition=EDITION,
                owner=f"process {os.getpid()}",
                connections=order["connections"],
                patience=Patience(deferred=5.0),
                ahead=order["ahead"],
            )
            code = report.exit_code
    except AlreadySent as error:
        code = error.exit_code
    except DigestError as error:
        sys.stderr.write(f"{error}\n")
        code = 99
    finally:
        with contextlib.suppress(OSError):
            Path(order["folder"], "points").write_text(str(points.count))
    return code


def live(order, points):
    return command(order, points) if "command" in order else send(order, points)


def main():
    for line in sys.stdin:
        order = json.loads(line)
        if order["here"]:
            code = live(order, Points(None))
            assert threading.active_count() == 1, "only a process of one thread can be forked"
            gc.collect()
            gc.freeze()  # a child need not look through all this, and copy it
        else:
            code = forked(order)
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def forked(order):
    """What became of a child that did it: its exit code, or minus the signal that ended it."""
    pid = os.fork()
    if not pid:
        code = 98
        try:
            points = Points(order.get("kill_at"))
            points.watch()
            code = live(order, points)
        finally:
            sys.stderr.flush()
            os._exit(code)
    if "kill_after" in order:
        time.sleep(order["kill_after"])
        os.kill(pid, signal.SIGKILL)  # nobody has waited for it yet, so the number is still its own
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


class Zygote:
    """The process, from the test's side."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, folder, **order):
        """Let one sender live; returns its exit code, or minus the signal that ended it."""
        folder.mkdir(exist_ok=True)
        usual = {"readers": 8, "to": "files", "connections": 1, "ahead": True, "here": False}
        order = {"folder": str(folder)} | usual | order
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def died(self, folder, point, **order):
        """Let one sender live until this point. Whether it died there, or never came so far.

        How many points there are depends on how long it takes: commits are shared, and some come ten times a second.
        """
        code = self.run(folder, **order, kill_at=point)
        return code == -signal.SIGKILL or int((folder / "points").read_text()) < point

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
