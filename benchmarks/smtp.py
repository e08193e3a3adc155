"""How fast mails leave: a session alone, and end to end with the durable ledger, beside other clients, on one sink.

Run `python -m benchmarks.smtp [--quick]`. The server is Postfix's smtp-sink, on loopback; the peers are Postfix's own
smtp-source (in C, one mail over and over), smtplib with its connections kept, and what one writes first (an
EmailMessage, a connection and a commit for each reader). Contestants take turns in rounds, so that a busy moment of the
machine hits all alike; a figure is the median in mails a second, with min and max, and ratios are taken round by round.
A second table has a relay that is 20 ms away.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import smtplib
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.mail import DATE, LETTERHEAD, email_message, identifier, rendering, values

from digest.delivery import Event, Outgoing
from digest.ledger.opening import open_ledger
from digest.mail.template import MailTemplate
from digest.model import Recipient
from digest.sender.loop import send_edition
from digest.sender.settings import SmtpSettings
from digest.sender.smtp import SmtpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.delivery import Delivery

SENDER = "bounces@example.org"
ROUND_TRIP = 20  # milliseconds


@dataclass(slots=True)
class Contestant:
    """One way of sending `count` mails, and its rates: mails a second, one for each round."""

    name: str
    work: Callable[[int], None]
    count: int
    rates: list[float] = field(default_factory=list)

    def run(self) -> None:
        start = time.perf_counter()
        self.work(self.count)
        self.rates.append(self.count / (time.perf_counter() - start))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer mails and rounds: half a minute")
    quick = parser.parse_args().quick
    rounds, count = (3, 1500) if quick else (7, 6000)
    with tempfile.TemporaryDirectory(prefix="digest-benchmark-") as folder, sink() as port:
        bench = Bench(Path(folder), port)
        for connections in (1, 4, 16):
            near = bench.contestants(connections, count)
            compete(near, rounds)
            print(table(f"{connections} connection(s), smtp-sink on loopback", near), flush=True)
            print()
        with delayed(port) as far_port:
            bench = Bench(Path(folder), far_port)
            for connections in (1, 16):
                far = bench.contestants(connections, count // 25 * min(connections, 8), naive=False)
                compete(far, rounds)
                print(table(f"{connections} connection(s), {ROUND_TRIP} ms a round trip", far), flush=True)
                print()


class Bench:
    """The contestants, and the mails that they send: 36 KB, another one for each reader."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.editions = 0
        self.composed = rendering()
        self.template = MailTemplate.compile(self.composed, LETTERHEAD, date=DATE)
        self.canned = self.make(0, "reader0@example.net")

    def make(self, number: int, address: str) -> bytes:
        reader = Recipient(address=address, name=f"Reader {number}")
        return self.template.join(reader, values(number, reader), identifier(reader))

    def contestants(self, connections: int, count: int, *, naive: bool = True) -> list[Contestant]:
        found = [
            Contestant("smtp-source (C, one canned mail)", lambda n: self.smtp_source(connections, n), count),
            Contestant(
                "smtplib, connections kept, one canned mail", lambda n: self.smtplib(connections, n), count // 2
            ),
            Contestant("digest: session alone, mails joined", lambda n: self.session(connections, n), count),
            Contestant("digest: end to end, SQLite ledger FULL", lambda n: self.end_to_end(connections, n), count),
        ]
        if naive:
            found.append(Contestant("naive: EmailMessage, connect, commit for each", self.naive, max(40, count // 50)))
        return found

    def smtp_source(self, connections: int, count: int) -> None:
        program = shutil.which("smtp-source", path="/usr/sbin:/usr/bin") or "smtp-source"
        sizes = ["-s", str(connections), "-m", str(count), "-l", str(len(self.canned))]
        ends = ["-d", "-f", SENDER, "-t", "reader0@example.net", f"127.0.0.1:{self.port}"]
        subprocess.run([program, *sizes, *ends], check=True)

    def smtplib(self, connections: int, count: int) -> None:
        def work(share: range) -> None:
            with smtplib.SMTP("127.0.0.1", self.port, local_hostname="localhost") as client:
                for number in share:
                    client.sendmail(SENDER, f"reader{number}@example.net", self.canned)

        in_threads(work, connections, count)

    def session(self, connections: int, count: int) -> None:
        transport = SmtpTransport(SmtpSettings(host="127.0.0.1", port=self.port, tls="none"))

        def work(share: range) -> None:
            session = transport.open()
            sent = sum(outcome.event is Event.ACCEPT for outcome in session.deliver(self.mails(share), always))
            session.close()
            assert sent == len(share)

        in_threads(work, connections, count)

    def mails(self, share: range) -> Iterator[Outgoing]:
        for number in share:
            address = f"reader{number}@example.net"
            yield Outgoing(delivery=number, sender=SENDER, recipient=address, data=self.make(number, address))

    def end_to_end(self, connections: int, count: int) -> None:
        """Claims, mails, intents and outcomes on the disk; the freezing of the list counts too."""
        self.editions += 1
        edition = f"2022-02/bench{self.editions}/en"
        ledger = open_ledger(f"sqlite:///{self.folder}/{self.port}/ledger.db", newsroom="Benchmark")
        transport = SmtpTransport(SmtpSettings(host="127.0.0.1", port=self.port, tls="none"))

        def build(delivery: Delivery) -> Outgoing:
            data = self.make(delivery.id, delivery.address)
            return Outgoing(delivery=delivery.id, sender=SENDER, recipient=delivery.address, data=data)

        ledger.freeze(edition, "hash", (Recipient(address=f"reader{n}@example.net") for n in range(count)), time.time())
        report = send_edition(ledger, transport, build, edition=edition, owner="benchmark", connections=connections)
        ledger.close()
        assert (report.sent, report.exit_code) == (count, 0), report

    def naive(self, count: int) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "naive.db")) as ledger:
            ledger.execute("CREATE TABLE IF NOT EXISTS sent (address TEXT)")
            for number in range(count):
                reader = Recipient(address=f"reader{number}@example.net", name=f"Reader {number}")
                data = email_message(self.composed, (reader, values(number, reader), identifier(reader)))
                with smtplib.SMTP("127.0.0.1", self.port, local_hostname="localhost") as client:
                    client.sendmail(SENDER, reader.address, data)
                with ledger:
                    ledger.execute("INSERT INTO sent VALUES (?)", (reader.address,))


def always(_mail: Outgoing) -> bool:
    return True


def in_threads(work: Callable[[range], None], connections: int, count: int) -> None:
    threads = [
        threading.Thread(target=work, args=(range(number, count, connections),)) for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def compete(contestants: list[Contestant], rounds: int) -> None:
    for _ in range(rounds):
        for one in contestants:
            one.run()


def table(title: str, contestants: list[Contestant]) -> str:
    """A Markdown table: mails a second, and the ratios to smtp-source and to smtplib, round by round."""
    rows = [
        f"### {title}",
        "",
        "| client | mails a second | min–max | x smtp-source | x smtplib |",
        "|---|---|---|---|---|",
    ]
    source, library = contestants[0], contestants[1]
    for one in contestants:
        ratios = [
            statistics.median(mine / theirs for mine, theirs in zip(one.rates, peer.rates, strict=True))
            for peer in (source, library)
        ]
        spread = f"{min(one.rates):,.0f}–{max(one.rates):,.0f}"
        rows.append(
            f"| {one.name} | {statistics.median(one.rates):,.0f} | {spread} | {ratios[0]:.2f} | {ratios[1]:.2f} |"
        )
    return "\n".join(rows)


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Postfix's smtp-sink on a free port of loopback; ended by its own handle."""
    program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
    if program is None:
        sys.exit("smtp-sink is not installed (apt-get install postfix)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([program, "-u", "nobody", f"127.0.0.1:{port}", "256"]) as process:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def delayed(port: int) -> Iterator[int]:
    """The same server, further away."""
    command = [sys.executable, "-m", "benchmarks.delay", str(port), str(ROUND_TRIP)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield int(process.stdout.readline())
        process.stdin.close()


if __name__ == "__main__":
    main()
