"""A fleet for tests: a relay that remembers who got what and when, a newsroom's folder, and worker processes."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from digest.fleet.queue import Queue

EDITION = "2022-02/everyone/en"
MAIN = "from digest.cli import main; main()"

# A fleet in which a worker is given up after 10 seconds instead of 30, and beats in proportion: what is frozen for
# longer than that, and woken, is the same.
SHORT_LEASE = "from digest.ledger import sharing; sharing.LEASE /= 3; sharing.BEAT /= 3; " + MAIN

CONFIG = """\
newsroom:
  name: Fleet Newsroom
  contact: newsroom@ilo.org
  from: digest@example.org
  timezone: UTC
audiences:
  everyone:
    title: Everyone
    recipients: {{csv: readers.csv}}
smtp: {{host: 127.0.0.1, port: {port}, tls: none, connections: {connections}, rate: "{rate}"{more}}}
send: {{engine: procrastinate, ledger_env: FLEET_LEDGER, patience: 2}}
"""


def wait_until(true: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def waiting(queue: Queue) -> int:
    """How many jobs nobody has taken yet."""
    with queue._sharing.database.reading() as transaction:
        (count,) = transaction.run(f"SELECT count(*) FROM {queue.schema}.procrastinate_jobs WHERE status = 'todo'")[0]
        return count


class Sink:
    """A relay on loopback that takes everything: `taken` has (moment, address) for each body that it said 250 to.

    Told to, it takes only so many (`take_only`) and lets the others wait for their answer, until it is told otherwise:
    a test does something in the middle of a send, however busy the machine is.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[float, str]] = []
        self.refuse_sender = False
        self._most: int | None = None
        self._change = threading.Condition()
        sink = self

        class Talk(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True  # or each answer waits for the other side's delayed acknowledgement

            def handle(self) -> None:
                try:
                    sink.talk(self.rfile, self.wfile)
                except (OSError, ValueError):
                    return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Talk)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.take_only(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def talk(self, rfile, wfile) -> None:
        wfile.write(b"220 sink\r\n")
        address = ""
        while line := rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                wfile.write(b"250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n")
            elif verb == b"MAIL" and self.refuse_sender:
                wfile.write(b"550 5.7.1 we do not know you\r\n")
            elif verb == b"RCPT":
                address = re.search(rb"<(.*?)>", line)[1].decode()
                wfile.write(b"250 2.1.5 Ok\r\n")
            elif verb == b"DATA":
                wfile.write(b"354 go on\r\n")
                wfile.flush()
                while rfile.readline() != b".\r\n":
                    pass
                with self._change:
                    self._change.wait_for(lambda: self._most is None or len(self.taken) < self._most)
                    self.taken.append((time.monotonic(), address))
                    self._change.notify_all()
                wfile.write(b"250 2.0.0 Ok\r\n")
            elif verb == b"QUIT":
                wfile.write(b"221 bye\r\n")
                return
            else:
                wfile.write(b"250 Ok\r\n")
            wfile.flush()

    @property
    def times(self) -> list[float]:
        return sorted(moment for moment, _ in list(self.taken))

    @property
    def got(self) -> Counter[str]:
        return Counter(address for _, address in list(self.taken))

    def take_only(self, count: int | None) -> None:
        """Answer until so many mails were taken in all; None: answer for ever."""
        with self._change:
            self._most = count
            self._change.notify_all()

    def wait_for(self, count: int, seconds: float = 60.0) -> None:
        with self._change:
            came = self._change.wait_for(lambda: len(self.taken) >= count, seconds)
        assert came, f"{len(self.taken)} of {count} mails came"


@dataclass
class Fleet:
    """A newsroom's folder, on which workers are started as on so many machines."""

    root: Path
    url: str
    sink: Sink
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    main: str = MAIN

    def write(self, readers: int, *, rate: str = "", connections: int = 2, more: str = "", domains: int = 1) -> None:
        (self.root / "stories").mkdir(exist_ok=True)
        (self.root / "config.yaml").write_text(
            CONFIG.format(port=self.sink.port, rate=rate, connections=connections, more=more)
        )
        (self.root / "stories" / "one.md").write_text(
            "---\ntitle: Women at work\ndate: 2022-02-14\nlink: https://example.org/one\n---\n\nA summary.\n"
        )
        rows = "".join(f"reader{n}@d{n % domains}.example.org,Reader {n}\n" for n in range(readers))
        (self.root / "readers.csv").write_text("email,name\n" + rows)

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "FLEET_LEDGER": self.url, "PYTHONUNBUFFERED": "1"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        with (self.root / f"process-{len(self.processes)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", self.main, *arguments],
                cwd=self.root,
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[str]:
        return self.workers(1)[0]

    def workers(self, count: int) -> list[subprocess.Popen[str]]:
        """So many, which start at the same time."""
        started = [self.start("worker", "--port", "0") for _ in range(count)]
        for process in started:
            self.address(process)
        return started

    def log(self, process: subprocess.Popen[str]) -> str:
        return (self.root / f"process-{self.processes.index(process)}.log").read_text()

    def address(self, process: subprocess.Popen[str]) -> str:
        """Where a worker shows what it does; it is at work then."""
        end = time.monotonic() + 60
        while not (found := re.search(r"(http://\S+)/metrics", self.log(process))):
            assert process.poll() is None, self.log(process)
            assert time.monotonic() < end, self.log(process)
            time.sleep(0.05)
        return found[1]

    def send(self) -> subprocess.Popen[str]:
        return self.start(
            "send",
            "--month",
            "2022-02",
            "--live",
            "--yes",
            "--now",
            "2022-03-01T09:00",
            "--yes-now",
            "2022-03-01T09:00",
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What a person types on another machine, in this process: it is none of the workers'."""
        from digest.cli.app import main

        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        before = dict(os.environ)
        os.environ.update(self.environ)
        try:
            with contextlib.chdir(self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main(list(arguments))
        except SystemExit as ended:
            code = ended.code
        finally:
            os.environ.clear()
            os.environ.update(before)
        said = []
        for stream in (out, err):
            stream.flush()
            said.append(stream.buffer.getvalue().decode())
        return subprocess.CompletedProcess(arguments, code, *said)

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
