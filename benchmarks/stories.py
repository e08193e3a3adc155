"""One month out of 100,000 story files: with the index (verified against every file), on the first run, and without.

Against what the system itself needs: listing and stat of every file (the floor of any verification), and listing,
stat and reading of every file (the floor of any first run). Runs are interleaved; ratios are taken within a round.

    python -m benchmarks.stories [--quick] [--files N] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import tempfile
import time
import tracemalloc
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from digest import period
from digest.stories import fields  # noqa: F401 - imported before the clock runs, as in a long-lived process
from digest.stories.folder import FolderSource

if TYPE_CHECKING:
    from collections.abc import Callable

ZONE = ZoneInfo("Europe/Zurich")
FIRST, LAST = date(2001, 1, 1), date(2022, 1, 1)
MONTH = period.parse("2018-05", ZONE)
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


def plant(root: Path, files: int, *, flat: bool) -> None:
    """Write a newsroom's archive of 21 years: `flat` in one folder, otherwise a folder a year."""
    chance = random.Random(7)
    days = (LAST - FIRST).days
    for number in range(files):
        day = FIRST + timedelta(days=number * days // files)
        folder = root if flat else root / str(day.year)
        folder.mkdir(parents=True, exist_ok=True)
        slug = "-".join(chance.choices(WORDS, k=7))
        (folder / f"{day}-{slug}-{number}.md").write_text(
            f"---\ntitle: {' '.join(chance.choices(WORDS, k=8)).capitalize()}\ndate: {day}\n"
            f"kicker: {chance.choice(WORDS)}\nlink: https://www.example.org/news/{number}\n"
            f"topics: [skills, gender]\ncountries: [PK]\nchannels: [all-content]\n---\n\n"
            f"{' '.join(chance.choices(WORDS, k=90))}\n",
            encoding="utf-8",
        )


def listed(root: Path, each: Callable[[os.DirEntry[str]], object]) -> None:
    folders = [str(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    each(entry)


def stat_floor(root: Path) -> None:
    listed(root, lambda entry: entry.stat(follow_symlinks=False))


def read_floor(root: Path) -> None:
    def read(entry: os.DirEntry[str]) -> None:
        size = entry.stat(follow_symlinks=False).st_size
        file = os.open(entry.path, os.O_RDONLY)
        os.read(file, size)
        os.close(file)

    listed(root, read)


def peak_of_selecting(root: Path, index: Path) -> float:
    """MB of Python objects at the most, while a month is selected."""
    tracemalloc.start()
    FolderSource(root, zone=ZONE, language="en", index=index).stories(MONTH.start, MONTH.end)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def compare(root: Path, index: Path, rounds: int) -> None:
    def month(place: Path | None) -> None:
        FolderSource(root, zone=ZONE, language="en", index=place).stories(MONTH.start, MONTH.end)

    def first() -> None:
        index.unlink(missing_ok=True)
        month(index)

    runs: dict[str, tuple[Callable[[], None], str]] = {
        "list and stat every file": (lambda: stat_floor(root), ""),
        "list, stat and read every file": (lambda: read_floor(root), ""),
        "a month, first run (makes the index)": (first, "list, stat and read every file"),
        "a month, index verified": (lambda: month(index), "list and stat every file"),
        "a month, no index": (lambda: month(None), "list, stat and read every file"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (run, _) in runs.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    for name, (_, floor) in runs.items():
        times = seconds[name]
        line = f"  {name:40} {statistics.median(times):7.3f} s  ({min(times):.3f}-{max(times):.3f})"
        if floor:
            ratio = statistics.median(mine / its for mine, its in zip(times, seconds[floor], strict=True))
            line += f"  {ratio:5.2f}x"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 files, three rounds")
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=0)
    options = parser.parse_args()
    files = options.files or (20_000 if options.quick else 100_000)
    rounds = options.rounds or (3 if options.quick else 9)
    with tempfile.TemporaryDirectory(prefix="digest-stories-") as folder:
        peaks = {}
        for name in ("flat", "years", "tenth"):
            root, index = Path(folder, name), Path(folder, f"{name}.db")
            plant(root, files // 10 if name == "tenth" else files, flat=name == "flat")
            time.sleep(2.1)  # the index does not trust files that are younger
            if name != "tenth":
                print(f"{files:,} files, {'one folder' if name == 'flat' else 'a folder a year'}")
                compare(root, index, rounds)
            peak_of_selecting(root, index)
            peaks[name] = peak_of_selecting(root, index)
        print(
            f"peak memory of a month: {peaks['years']:.1f} MB with {files:,} files, {peaks['tenth']:.1f} MB with "
            f"{files // 10:,} (of objects; the whole process "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB)"
        )


if __name__ == "__main__":
    main()
