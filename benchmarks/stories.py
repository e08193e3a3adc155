"""One month out of a large folder of story files: with the index, verified against every file, and without one.

Run `python -m benchmarks.stories [--quick]`. 100,000 files of 21 years (20,000 when quick). The floor with
an index is looking at every file (scandir and stat), as a file that changed must be noticed; without one it is reading
every file. Every figure is of a process of its own, which also says how much memory it needed.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Contestant, Table, Target, alone, compete, environment, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

FLOOR = """
import json, os, resource, sys, time
def walk(folder):
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from walk(entry.path)
            else:
                yield entry
start = time.process_time()
if sys.argv[2] == "stat":
    count = sum(1 for entry in walk(sys.argv[1]) if entry.stat().st_size)
else:
    count = 0
    for entry in walk(sys.argv[1]):
        handle = os.open(entry.path, os.O_RDONLY)
        count += len(os.read(handle, 65536)) > 0
        os.close(handle)
seconds = time.process_time() - start
print(json.dumps([seconds, count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""
OURS = """
import json, os, resource, sys, time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo
from digest.stories import fields  # imported before the clock runs, as in a process that lives longer
from digest.stories.folder import FolderSource
zone = ZoneInfo("Europe/Zurich")
index = Path(sys.argv[2]) if sys.argv[2] != "none" else None
start = time.process_time()
source = FolderSource(Path(sys.argv[1]), zone=zone, language="en", index=index)
count = len(source.stories(datetime(2018, 5, 1, tzinfo=zone), datetime(2018, 6, 1, tzinfo=zone)))
seconds = time.process_time() - start
print(json.dumps([seconds, count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""
FIRST_RUN = OURS.replace("start =", "index.unlink(missing_ok=True); start =")
FIRST, LAST = date(2001, 1, 1), date(2022, 1, 1)
WORDS = (
    "women",
    "workers",
    "skills",
    "training",
    "programme",
    "young",
    "people",
    "rights",
    "dialogue",
    "decent",
    "jobs",
)
SETTLED = 2.1  # seconds; the index does not trust files that are younger


def measure(quick: bool) -> list[Table]:
    """Two tables: with the index and without."""
    count, rounds = (20_000, 3) if quick else (100_000, 7)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "stories"
        _write(root, count)
        index = Path(folder) / "stories.db"
        memory: dict[str, int] = {}
        stat = _contestant("looking at every file (stat)", memory, FLOOR, root, "stat")
        read = _contestant("reading every file", memory, FLOOR, root, "read")
        warm = _contestant("digest: one month, by the index", memory, OURS, root, str(index))
        first = _contestant("digest: one month, first run, which makes the index", memory, FIRST_RUN, root, str(index))
        bare = _contestant("digest: one month, without an index", memory, OURS, root, "none")
        compete([read, bare, first], max(3, rounds // 2))
        compete([stat, warm], rounds)
    title = f"One month out of {count:,} stories"
    return [
        Table(
            title=f"{title}, indexed and verified",
            contestants=[stat, warm],
            limit=stat,
            piece="month",
            targets=[Target(what=f"{title}, indexed, to stat of every file", measured=ratio(warm, stat), at_most=1.5)],
            notes=[_said(memory)],
        ),
        Table(
            title=f"{title}, without an index",
            contestants=[read, bare, first],
            limit=read,
            piece="month",
            targets=[Target(what=f"{title}, no index, to reading every file", measured=ratio(bare, read), at_most=2)],
        ),
    ]


def _contestant(name: str, memory: dict[str, int], program: str, root: Path, way: str) -> Contestant:
    return Contestant(name, _turn(name, memory, program, root, way))


def _turn(name: str, memory: dict[str, int], program: str, root: Path, way: str) -> Callable[[], float]:
    given = environment()

    def turn() -> float:
        command = [sys.executable, "-c", program, str(root), way]
        shown = subprocess.run(command, env=given, check=True, capture_output=True, text=True).stdout
        seconds, _, kilobytes = json.loads(shown)
        memory[name] = kilobytes
        return float(seconds)

    return turn


def _said(memory: dict[str, int]) -> str:
    parts = (f"{name} {kilobytes / 1024:.0f} MB" for name, kilobytes in memory.items())
    return f"Memory at most, with Python itself and all that is imported: {', '.join(parts)}."


def _write(root: Path, files: int) -> None:
    """A newsroom's archive of 21 years, a folder a year, the same number of stories every day."""
    chance = random.Random(7)
    days = (LAST - FIRST).days
    for number in range(files):
        day = FIRST + timedelta(days=number * days // files)
        folder = root / str(day.year)
        folder.mkdir(parents=True, exist_ok=True)
        slug = "-".join(chance.choices(WORDS, k=7))
        (folder / f"{day}-{slug}-{number}.md").write_text(
            f"---\ntitle: {' '.join(chance.choices(WORDS, k=8)).capitalize()}\ndate: {day}\n"
            f"kicker: {chance.choice(WORDS)}\nlink: https://www.example.org/news/{number}\n"
            f"topics: [skills, gender]\ncountries: [PK]\nchannels: [all-content]\n---\n\n"
            f"{' '.join(chance.choices(WORDS, k=90))}\n",
            encoding="utf-8",
        )
    time.sleep(SETTLED)


if __name__ == "__main__":
    alone(measure, __doc__)
