"""A fleet for tests: a relay that remembers who got what and when, a newsroom's folder, and worker processes."""

from __future__ import annotations

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
    from pathlib import Path

EDITION = "2022-02/everyone/en"
MAIN = "from digest.cli import main; main()"

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


class Sink:
    """A relay on loopback that takes everything: `taken` has (moment, address) for each body that it said 250 to."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, str]] = []
        self.refuse_sender = False
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
                self.taken.append((time.monotonic(), address))
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

    def wait_for(self, count: int, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while len(self.taken) < count:
            assert time.monotonic() < end, f"{len(self.taken)} of {count} mails came"
            time.sleep(0.02)


@dataclass
class Fleet:
    """A newsroom's folder, on which workers are started as on so many machines."""

    root: Path
    url: str
    sink: Sink
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

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
                [sys.executable, "-c", MAIN, *arguments],
                cwd=self.root,
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[str]:
        process = self.start("worker", "--port", "0")
        self.address(process)
        return process

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
        return subprocess.run(
            [sys.executable, "-c", MAIN, *arguments],
            cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

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
