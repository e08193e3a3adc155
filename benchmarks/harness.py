"""What all benchmarks share: contestants that take turns, figures with their spread, ratios, targets, and printing.

    contestants ─rounds: each in turn─▶ times ─▶ Table ─▶ Markdown, JSON

Contestants take turns in rounds, so that a busy moment of a shared machine hits all of them alike. A figure is the
median over the rounds, with the smallest and largest beside it. A ratio is the median of the ratios within each round,
never the ratio of two medians that were taken at different moments.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(slots=True, eq=False)
class Contestant:
    """One way of doing the work. `turn` does it and returns the seconds that one piece of work took."""

    name: str
    turn: Callable[[], float]
    times: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds for one piece of work."""
        return statistics.median(self.times)


def timed(work: Callable[[], object], repeat: int = 1) -> Callable[[], float]:
    """A turn that does `work` so many times in this process, by the processor's time: nobody else's work counts."""

    def turn() -> float:
        start = time.process_time()
        for _ in range(repeat):
            work()
        return (time.process_time() - start) / repeat

    return turn


def compete(contestants: list[Contestant], rounds: int) -> None:
    """So many rounds, in which each contestant has its turn; the order is reversed in every other round."""
    for number in range(rounds):
        for one in contestants if number % 2 == 0 else reversed(contestants):
            one.times.append(one.turn())


def ratio(one: Contestant, other: Contestant) -> float:
    """How many times as long `one` takes as `other`: the median over the rounds."""
    return statistics.median(mine / theirs for mine, theirs in zip(one.times, other.times, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A ratio that was promised. `why` is said when it was not reached, and may be said when it was."""

    what: str
    measured: float
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "x"
    why: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure is on the promised side."""
        low = self.at_least is None or self.measured >= self.at_least
        return low and (self.at_most is None or self.measured <= self.at_most)

    def data(self) -> dict[str, Any]:
        """The target as plain values, for JSON and for the table of all targets."""
        sign, bound = ("≤", self.at_most) if self.at_most is not None else ("≥", self.at_least)
        return {
            "what": self.what,
            "bound": f"{sign} {_figure(bound or 0)}{self.unit}",
            "measured": f"{_figure(self.measured)}{self.unit}",
            "met": self.met,
            "why": self.why,
        }


@dataclass(slots=True, kw_only=True)
class Table:
    """Contestants that were measured together, with what they are compared to."""

    title: str
    contestants: list[Contestant]
    limit: Contestant | None = None
    peer: Contestant | None = None
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    piece: str = "mail"  # what one piece of work is

    def markdown(self) -> str:
        """The table as it stands in RESULTS.md."""
        return as_markdown(self.data())

    def data(self) -> dict[str, Any]:
        """Everything that was measured, as plain values. Times in seconds."""
        return {
            "title": self.title,
            "piece": self.piece,
            "limit": self.limit.name if self.limit else "",
            "peer": self.peer.name if self.peer else "",
            "rows": [self._row(one) for one in self.contestants],
            "targets": [each.data() for each in self.targets],
            "notes": self.notes,
        }

    def _row(self, one: Contestant) -> dict[str, Any]:
        return {
            "name": one.name,
            "median": one.median,
            "least": min(one.times),
            "most": max(one.times),
            "rounds": len(one.times),
            "to_limit": ratio(one, self.limit) if self.limit else None,
            "to_peer": ratio(self.peer, one) if self.peer else None,
        }


def as_markdown(table: Mapping[str, Any]) -> str:
    """A Markdown table of what `Table.data` gave."""
    head = [f"{table['piece']}: median", "min–max", "a second"]
    head += [f"time / {table['limit']}"] if table["limit"] else []
    head += [f"speed / {table['peer']}"] if table["peer"] else []
    lines = [
        f"### {table['title']}",
        "",
        "| way | " + " | ".join(head) + " |",
        "|---|" + "--:|" * len(head),
    ]
    for row in table["rows"]:
        cells = [row["name"], shown(row["median"]), f"{shown(row['least'])}–{shown(row['most'])}"]
        cells.append(_figure(1 / row["median"]))
        cells += [_figure(row["to_limit"])] if table["limit"] else []
        cells += [_figure(row["to_peer"])] if table["peer"] else []
        lines.append("| " + " | ".join(cells) + " |")
    for each in table["targets"]:
        word = "met" if each["met"] else "**not met**"
        why = f" {each['why']}" if each["why"] else ""
        lines += ["", f"Target: {each['what']} {each['bound']}: measured {each['measured']}, {word}.{why}"]
    for note in table["notes"]:
        lines += ["", note]
    return "\n".join(lines)


def shown(seconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{_figure(seconds * factor)} {unit}"
    return f"{_figure(seconds * 1e9)} ns"


def _figure(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def environment() -> dict[str, str]:
    """The environment for measured children: with compiled modules, which an installed program has too."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def alone(measure: Callable[[bool], list[Table]], doc: str | None) -> None:
    """The command line of one benchmark: print its tables, and write them where `--json` says."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes: seconds, not minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args()
    tables = measure(asked.quick)
    print("\n\n".join(each.markdown() for each in tables))
    if asked.json:
        asked.json.write_text(json.dumps([each.data() for each in tables], indent=1, ensure_ascii=False), "utf-8")
    sys.stdout.flush()
