"""What the record of each mail costs: claim, durable intent, outcome, beside a journal that is fdatasynced as often.

    python -m benchmarks.ledger [--quick] [--json FILE]

The journal is the limit: one line for each intent and outcome, written and synced once for a batch, and nothing can be
asked of it. A mail's time is the whole batch's over its mails; the outcomes of one batch share the commit of the next
one's intents, as they do in a run. A million readers are frozen beside csv.reader reading the same list.
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Contestant, Table, Target, alone, compete, ratio, timed
from digest.delivery import Event, Outcome, Phase, State
from digest.ledger.opening import open_ledger
from digest.model import Recipient
from digest.sending.group_commit import Committer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.ledger.ledger import SqlLedger

WORDS = "2.0.0 Ok: queued as 4B2C3D4E5F"
CLAIMED = 512


class Ledger:
    """A ledger with so many readers; each turn records mails in a new edition."""

    def __init__(self, folder: Path, mails: int) -> None:
        self.ledger: SqlLedger = open_ledger("sqlite:///ledger.db", newsroom="benchmark", root=folder)
        self.mails = mails
        self.turns = 0

    def edition(self) -> str:
        self.turns += 1
        name = f"2022-{self.turns:02}/everyone/en"
        readers = (Recipient(address=f"reader{n * 7919 % self.mails}@example{n % 50}.org") for n in range(self.mails))
        self.ledger.freeze(name, "hash", readers)
        return name

    def in_batches(self, batch: int, mails: int) -> Callable[[], float]:
        """Claim, intend and settle, a batch in one commit."""

        def turn() -> float:
            name = self.edition()
            now = time.time()
            done, told = 0, []
            outcomes = [accepted(number) for number in range(1, self.mails * self.turns + 1)]  # the session's work
            claimed: list[int] = []
            start = time.perf_counter()
            while done < mails:
                if len(claimed) < batch:
                    claimed += [row.id for row in self.ledger.claim(name, "me", max(batch, CLAIMED), now)]
                ids, claimed = claimed[:batch], claimed[batch:]
                assert not self.ledger.record([*told, *((each, Event.INTEND, None) for each in ids)], now, "me")
                told = [(each, Event.ACCEPT, outcomes[each - 1]) for each in ids]
                done += len(ids)
            self.ledger.record(told, now, "me")
            seconds = time.perf_counter() - start
            assert self.ledger.counts(name)[State.SENT] == done
            return seconds / done

        return turn

    def by_connections(self, connections: int, mails: int) -> Callable[[], float]:
        """As a run does it: threads that share commits, each waiting for its own intents."""

        def turn() -> float:
            name = self.edition()
            committer = Committer(self.ledger, "me", time.time)
            ids = [row.id for row in self.ledger.claim(name, "me", mails, time.time())]

            def work(part: list[int]) -> None:
                for each in part:
                    assert committer.intend(each)
                    committer.tell(each, Event.ACCEPT, accepted(each))

            threads = [threading.Thread(target=work, args=(ids[n::connections],)) for n in range(connections)]
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            committer.finish(0.0)
            return (time.perf_counter() - start) / mails

        return turn


def accepted(delivery: int) -> Outcome:
    return Outcome(delivery=delivery, event=Event.ACCEPT, phase=Phase.DOT, code=250, detail=WORDS)


def journal(folder: Path, batch: int, mails: int) -> Callable[[], float]:
    """The least that durability costs: lines appended, and one fdatasync for a batch."""

    def turn() -> float:
        file = os.open(folder / "journal", os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND)
        start = time.perf_counter()
        told: list[str] = []
        for first in range(0, mails, batch):
            ids = range(first, min(first + batch, mails))
            os.write(file, "".join((*told, *(f"intend {each}\n" for each in ids))).encode())
            os.fdatasync(file)
            told = [f"accept {each} 250 {WORDS}\n" for each in ids]
        os.write(file, "".join(told).encode())
        os.fdatasync(file)
        seconds = time.perf_counter() - start
        os.close(file)
        return seconds / mails

    return turn


def recording(folder: Path, *, quick: bool) -> Table:
    mails = 4_000 if quick else 20_000
    few = mails // 10
    ledger = Ledger(folder, mails)
    by_100 = Contestant("ledger, commits of 100", ledger.in_batches(100, mails))
    limit = Contestant("journal, fdatasync for 100", journal(folder, 100, mails))
    contestants = [
        limit,
        by_100,
        Contestant("ledger, 16 connections", ledger.by_connections(16, few)),
        Contestant("ledger, 4 connections", ledger.by_connections(4, few)),
        Contestant("ledger, one by one", ledger.in_batches(1, few)),
        Contestant("journal, one by one", journal(folder, 1, few)),
    ]
    compete(contestants, 5 if quick else 11)
    ledger.ledger.close()
    target = Target(
        what="claim, intent and outcome of a mail, synchronous FULL, commits of 100",
        measured=by_100.median * 1e6,
        at_most=10.0,
        unit=" µs",
        why=f"The journal took {limit.median * 1e6:.1f} µs in the same rounds.",
    )
    notes = [f"One by one, the ledger takes {ratio(contestants[4], contestants[5]):.1f} times what the journal takes."]
    return Table(title="Record of a mail", contestants=contestants, limit=limit, targets=[target], notes=notes)


def freezing(folder: Path, *, quick: bool) -> Table:
    count = 100_000 if quick else 1_000_000
    listed = folder / "readers.csv"
    with listed.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            (f"reader{n * 7919 % count:07}@example{n % 50}.org", f"Reader {n}", "en") for n in range(count)
        )

    def rows() -> Iterator[list[str]]:
        with listed.open(newline="", encoding="utf-8") as file:
            yield from csv.reader(file)

    def recipients() -> Iterator[Recipient]:
        for address, name, language in rows():
            yield Recipient(address=address, name=name, language=language)

    def freeze() -> float:
        place = Path(tempfile.mkdtemp(dir=folder))
        ledger = open_ledger("sqlite:///ledger.db", newsroom="benchmark", root=place)
        start = time.perf_counter()
        counts = ledger.freeze("2022-02/everyone/en", "hash", recipients())
        seconds = time.perf_counter() - start
        assert counts["planned"] == count
        ledger.close()
        shutil.rmtree(place)
        return seconds

    read = Contestant("csv.reader reads the list", timed(lambda: sum(1 for _ in rows())))
    made = Contestant("and makes recipients", timed(lambda: sum(1 for _ in recipients())))
    frozen = Contestant("and they are frozen, unique and durable", freeze)
    compete([read, made, frozen], 3 if quick else 5)
    target = Target(
        what=f"{count:,} readers frozen, to csv.reader",
        measured=ratio(frozen, read),
        at_most=6.0,
        why="What is above it: making recipients, a row of the ledger for each, and sorting the addresses, so that "
        "nobody is planned twice.",
    )
    title = f"Freeze of {count:,} readers"
    return Table(title=title, contestants=[read, made, frozen], limit=read, targets=[target], piece="list")


def measure(quick: bool) -> list[Table]:
    """Both tables. The folder is on the disk that holds temporary files, as a ledger is on a disk."""
    with tempfile.TemporaryDirectory(prefix="digest-ledger-", dir=os.environ.get("DIGEST_BENCHMARK_DIR")) as name:
        return [recording(Path(name), quick=quick), freezing(Path(name), quick=quick)]


if __name__ == "__main__":
    alone(measure, __doc__)
