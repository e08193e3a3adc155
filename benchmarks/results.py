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
# Why a target was not reached, by the first words of what it is. Said only when it was not.
REASONS = {
    "an edition of 12": (
        "The limit, Jinja alone, is not that far ahead here (see the table): mjml 5 takes a quarter of what it took on "
        "the sketch with which the target was set, and the default theme's template does more than the sketch's. Made "
        "of the same theme, MJML takes about twice as long again; its own time is the kinder comparison."
    ),
    "composed whole": (
        "Beside the HTML, an edition is a text part, a subject, a preheader, what each story weighs, and the hash for "
        "its slots; the largest of these is the draft that all of them are made from. It is four tenths of a "
        "millisecond a mail that is sent once a month, and remembering more from one edition to the next was taken "
        "out on purpose."
    ),
    "cold `digest build`": (
        "Three fifths of it are importing: pydantic, which reads config.yaml, typer and Jinja are the most. Then come "
        "the checks, which run at every build; of these, the contrast of what is read on what, and reading the HTML as "
        "a browser does, take the longest. MJML, premailer and Babel are not imported."
    ),
    "`digest --help`": "Half of it is typer, the rest is reading the flags of thirty verbs.",
    "end to end, 4 connections, speed to the naive": (
        "The sink is full before that: smtp-source, which makes and records nothing, is not 25 times the naive way "
        "either (see the table)."
    ),
    "end to end, 4": (
        "A mail costs digest about 200 µs of a processor here, 85 of them for the ledger: with it left out, digest "
        "sent 4,700 to 4,800 mails a second to the same sink, more than smtp-source, which is C, makes one mail and "
        "records nothing."
    ),
    "mails built, time": (
        "The target is of a machine on which the copy took 1.1 µs, and a mail 6.1 (5.6 times). Here, where the copy "
        "takes a third of that, the code of then takes 12.2 times as long: what is above the copy are the expressions "
        "that look at each reader's name, address, link and Message-ID before they stand in a mail."
    ),
    "20 ms": "A mail takes one round trip, and smtplib four; the rest is the making of the mail, and the line.",
    "One month": (
        "Reading is half of it; the other half is looking at each file's first lines for its date, in Python. With the "
        "index, which is made on the first run, it is not done again."
    ),
    "1,000,000 recipients frozen": (
        "csv.reader makes lists of texts and keeps nothing. Freezing understands each row, writes a row of the ledger "
        "for it, and sorts the addresses, so that nobody is planned twice."
    ),
    "1,000,000 recipients planned": (
        "Beside reading and understanding each row, the plan looks for doubles, counts domains and languages, and asks "
        "who is suppressed."
    ),
    "memory for": (
        "SQLite's page cache and what it sorts with, each of a fixed size; reading the list takes the same memory at "
        "any length."
    ),
    "claim, intent": "Three statements of SQL for each mail, in batches; a journal answers no question.",
}
OPENING = """\
# How fast digest is

Written by `python -m benchmarks`, which anyone can repeat; [README.md](README.md) says how it measures. All contestants
of a table ran in turns in one run, so their ratios hold where their times don't: on a busy machine, and on yours.
"""


def write(folder: Path, found: Mapping[str, Sequence[Mapping[str, Any]]], missing: Sequence[str]) -> Path:
    """Write RESULTS.md and charts/ into `folder`, and what was not measured. Returns the path of the former."""
    charts = folder / "charts"
    charts.mkdir(exist_ok=True)
    for old in charts.glob("*.svg"):
        old.unlink()
    parts = [OPENING, _machine(), _targets(found)]
    parts += [f"Not measured in this run: {', '.join(missing)}.\n"] if missing else []
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
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {platform.system()}",
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
                why = "" if each["met"] else each["why"] or _reason(each["what"])
                lines.append(f"| {each['what']} | {each['bound']} | {each['measured']} | {word} | {why} |")
    return "\n".join(lines) + "\n"


def _reason(what: str) -> str:
    return next((why for start, why in REASONS.items() if what.startswith(start)), "")


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
