"""Write RESULTS.md and the charts from what was measured. It measures nothing."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import chart, peers
from benchmarks.harness import as_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PACKAGES = ("jinja2", "mjml-python", "premailer", "pydantic", "typer", "sqlalchemy", "cryptography", "dkimpy")
OPENING = """\
# How fast digest is

Written by `python -m benchmarks`, which anyone can repeat; [README.md](README.md) says how it measures. All contestants
of a table ran in turns in one run, so their ratios hold where their times don't: on a busy machine, and on yours.
"""


def write(folder: Path, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """Write RESULTS.md and charts/ into `folder`. Returns the path of the former."""
    charts = folder / "charts"
    charts.mkdir(exist_ok=True)
    for old in charts.glob("*.svg"):
        old.unlink()
    parts = [OPENING, _machine(), _targets(found)]
    for name, tables in found.items():
        parts.append(f"## {name}\n")
        for table in tables:
            file = charts / f"{_slug(table['title'])}.svg"
            file.write_text(chart.draw(table), "utf-8")
            parts.append(f"{as_markdown(table)}\n\n![{table['title']}](charts/{file.name})\n")
    place = folder / "RESULTS.md"
    place.write_text("\n".join(parts), "utf-8")
    return place


def _machine() -> str:
    ours = {name: version(name) for name in PACKAGES}
    facts = {
        "date": f"{datetime.now(UTC):%d %B %Y}",
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {platform.system()} {platform.release()}",
        "busy": f"load {os.getloadavg()[2]:.1f} over the last 15 minutes; a run of its own has about 1",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {number}" for name, number in ours.items()),
        "peers": ", ".join(f"{name} {number}" for name, number in peers.versions().items()),
    }
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in facts.items()) + "\n"


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"


def _targets(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    lines = ["## Targets\n", "| what | target | measured | | |", "|---|--:|--:|---|---|"]
    for tables in found.values():
        for table in tables:
            for each in table["targets"]:
                word = "met" if each["met"] else "**not met**"
                lines.append(f"| {each['what']} | {each['bound']} | {each['measured']} | {word} | {each['why']} |")
    return "\n".join(lines) + "\n"


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
