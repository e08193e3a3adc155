"""The public archive brought up to date: a thousand editions, and one that is new.

Run `python -m benchmarks.archive [--quick]`. 1,000 editions of twelve stories each (100 when quick), a month each, are
published once; then one more, and then none. Figures are of the processor's time of `publish` alone, in a process of
its own, which has imported what it needs. The floor is looking at every file of the folder and of what it is made of.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Contestant, Table, Target, alone, compete, environment

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
FLOOR = """
import json, os, sys, time
from pathlib import Path
start = time.process_time()
count = 0
for top in ("archive", "public", "stories"):
    for folder, _, names in os.walk(Path(sys.argv[1]) / top):
        for name in names:
            count += os.stat(os.path.join(folder, name)).st_size > 0
print(json.dumps(time.process_time() - start))
"""
OURS = """
import json, shutil, sys, time
from pathlib import Path
from digest.newsroom.newsroom import open_newsroom
from digest.publishing.publisher import publish
from digest.composer import edition_draft, block_view
root = Path(sys.argv[1])
newest = root / "archive" / sys.argv[2]
if sys.argv[3] == "new":  # it is taken away, and comes back
    shutil.move(newest, root / "away")
    publish(open_newsroom(root / "config.yaml", {}), None, note=print)
    shutil.move(root / "away", newest)
newsroom = open_newsroom(root / "config.yaml", {})
start = time.process_time()
update = publish(newsroom, None, note=lambda line: print(line, file=sys.stderr))
seconds = time.process_time() - start
assert bool(update.written) == (sys.argv[3] == "new"), update
print(json.dumps(seconds))
"""
MAKE = """
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo
from digest import period
from digest.editions import archive, sent_edition
from digest.model import Edition, Group, Selection, Story
from digest.newsroom.newsroom import open_newsroom
from digest.publishing.publisher import publish
from digest.stories.writing import as_fields, serialise
root, editions = Path(sys.argv[1]), int(sys.argv[2])
zone = ZoneInfo("Europe/Zurich")
newsroom = open_newsroom(root / "config.yaml", {})
audience = newsroom.config.audience("everyone")
month = period.parse("1940-01", zone)
for number in range(editions):
    stories = []
    for place in range(12):
        name = f"{month.id}/{place}"
        story = Story(
            id=name, file=f"stories/{name}.md", title=f"Story {place} of {month.id}: women, workers and rights",
            date=month.start + timedelta(days=place), link=f"https://www.example.org/{name}", language="en",
            topics=("skills",), channels=("all-content",), summary="A summary of some words. " * 12,
        )
        path = root / story.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(serialise(as_fields(story), story.summary))
        stories.append(story)
    edition = Edition(period=month, audience="everyone", language="en")
    selection = Selection(edition=edition, groups=(Group(key="", stories=tuple(stories)),))
    home = root / "archive" / edition.id
    home.mkdir(parents=True)
    sent = sent_edition.of_selection(selection, audience, domain="example.org", year=month.first.year)
    (home / sent_edition.FILE).write_bytes(sent_edition.as_data(sent))
    archive.mark_sent(home, month.end + timedelta(hours=9))
    last = edition.id
    month = month.step(1)
publish(newsroom, None, note=print)
print(last)
"""


def measure(quick: bool) -> list[Table]:
    """One table: nothing new, one edition new, and looking at every file."""
    count, rounds = (100, 3) if quick else (1_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copy(ROOT / "config.yaml", root)
        newest = _run(MAKE, str(root), str(count)).splitlines()[-1]
        floor = Contestant("looking at every file (stat)", _turn(FLOOR, str(root)))
        none = Contestant("digest: nothing new", _turn(OURS, str(root), newest, "none"))
        new = Contestant("digest: one edition new", _turn(OURS, str(root), newest, "new"))
        compete([floor, none, new], rounds)
    title = f"{count:,} editions in the archive"
    seconds = Target(what=f"{title}, one of them new", measured=new.median, at_most=1.0, unit=" s")
    return [Table(title=title, contestants=[floor, none, new], limit=floor, piece="run", targets=[seconds])]


def _turn(program: str, *arguments: str) -> Callable[[], float]:
    return lambda: float(json.loads(_run(program, *arguments).splitlines()[-1]))


def _run(program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environment(), check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    alone(measure, __doc__)
