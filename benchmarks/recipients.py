"""A million recipients: read from CSV, frozen into the ledger, planned. Beside csv.reader, with the memory each needs.

Run `python -m benchmarks.recipients [--quick]` (100,000 when quick). Every figure is of a process of its own. Times are
the processor's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import content
from benchmarks.harness import Contestant, Table, Target, alone, compete, environment, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

CHILD = """
import json, resource, sys, time
from pathlib import Path
way, room = sys.argv[1], Path(sys.argv[2])
file = room / "readers.csv"
def nothing(): return 0
def reader():
    import csv
    with file.open(newline="", encoding="utf-8") as lines:
        return sum(1 for row in csv.reader(lines))
def source():
    from digest.recipients.csvfile import CsvSource
    return sum(1 for row in CsvSource(file).recipients())
def freeze():
    import shutil
    from digest.ledger.opening import open_ledger
    from digest.recipients.csvfile import CsvSource
    shutil.rmtree(room / "frozen", ignore_errors=True)
    (room / "frozen").mkdir()
    ledger = open_ledger(f"sqlite:///{room}/frozen/ledger.db", newsroom="bench")
    counts = ledger.freeze("2022-02/everyone/en", "content", CsvSource(file).recipients())
    ledger.close()
    return counts["planned"]
def plan():
    from digest.ledger.opening import open_ledger
    from digest.sending.edition_readers import plan_send
    from digest.sending.edition_readers import Readers
    from digest.newsroom.newsroom import open_newsroom
    newsroom = open_newsroom(room / "config.yaml", {})
    parts = newsroom.sending_setup
    edition = newsroom.edition("2022-02", "everyone")
    audience = newsroom.config.audience("everyone")
    ledger = parts.ledger(create=True)
    made = plan_send(Readers(parts.source(audience), edition, audience), ledger, 0, {})
    ledger.close()
    return made.readers
work = {"reader": reader, "source": source, "freeze": freeze, "plan": plan}[way]
start = time.process_time()
count = work()
print(json.dumps([time.process_time() - start, count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""
WAYS = {
    "csv.reader": "reader",
    "digest: the list read and understood": "source",
    "digest: read and frozen into the ledger": "freeze",
    "digest: planned (read, counted by domain)": "plan",
}


def measure(quick: bool) -> list[Table]:
    """One table."""
    count, rounds = (100_000, 3) if quick else (1_000_000, 5)
    memory: dict[str, list[int]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        (room / "config.yaml").write_text(content.CONFIG, "utf-8")
        _write(room / "readers.csv", count)
        contestants = [Contestant(name, _turn(way, room, memory[name], count)) for name, way in WAYS.items()]
        compete(contestants, rounds)
        smaller = {name: max(found) for name, found in memory.items()}
        _write(room / "readers.csv", count // 10)
        tenth: dict[str, list[int]] = {name: [] for name in WAYS}
        for name, way in WAYS.items():
            _turn(way, room, tenth[name], count // 10)()
    reader, source, freeze, plan = contestants
    targets = [
        Target(what=f"{count:,} recipients imported, to csv.reader", measured=ratio(source, reader), at_most=6),
        Target(
            what=f"{count:,} recipients frozen into the ledger, to csv.reader",
            measured=ratio(freeze, reader),
            at_most=6,
        ),
        Target(what=f"{count:,} recipients planned, to csv.reader", measured=ratio(plan, reader), at_most=6),
        Target(
            what="memory for ten times the recipients, when they are frozen",
            measured=smaller["digest: read and frozen into the ledger"]
            / max(tenth["digest: read and frozen into the ledger"]),
            at_most=1.5,
        ),
    ]
    said = (
        f"{name} {most / 1024:.0f} MB (a tenth: {max(tenth[name]) / 1024:.0f} MB)" for name, most in smaller.items()
    )
    notes = [f"Memory at most, with Python and all that is imported: {', '.join(said)}."]
    title = f"{count:,} recipients from CSV"
    return [Table(title=title, contestants=contestants, limit=reader, piece="list", targets=targets, notes=notes)]


def _turn(way: str, room: Path, memory: list[int], expected: int) -> Callable[[], float]:
    given = environment()

    def turn() -> float:
        command = [sys.executable, "-c", CHILD, way, str(room)]
        shown = subprocess.run(command, env=given, check=True, capture_output=True, text=True).stdout
        seconds, count, kilobytes = json.loads(shown)
        assert abs(count - expected) <= 1, (way, count)
        memory.append(kilobytes)
        return float(seconds)

    return turn


def _write(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("email,name,language,topics,city\n")
        for number in range(count):
            file.write(f"reader{number}@{number % 997}.example.org,Reader Nº {number},en,skills,Genève\n")


if __name__ == "__main__":
    alone(measure, __doc__)
