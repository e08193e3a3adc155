"""How long one command takes from nothing: `digest build` of one edition, and `digest --help`.

Run `python -m benchmarks.cold [--quick]`. The theme is cached, and the stories' index is made, as from the second
build on. The peer is mjml 5's command line on the same twelve stories; the limit is Python that does nothing. Children
run with compiled modules (`PYTHONDONTWRITEBYTECODE` is taken out of their environment, and each has run before).
Times are the processor's (user and system), which a busy machine disturbs least; the clock's are in a table of their
own.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import content, peers
from benchmarks.harness import Contestant, Table, Target, alone, compete, environment, ratio
from benchmarks.render import as_people_write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STORIES = 12
SETTLED = 2.1  # seconds
DIGEST = Path(sys.executable).with_name("digest")


def measure(quick: bool) -> list[Table]:
    """By the processor's time and by the clock."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        _newsroom(room)
        commands = _commands(room)
        clock: dict[str, list[float]] = {name: [] for name in commands}
        contestants = {name: Contestant(name, _turn(given, room, clock[name])) for name, given in commands.items()}
        for one in contestants.values():
            one.turn()
        time.sleep(SETTLED)  # the index does not trust files that are younger
        contestants["digest build"].turn()
        for times in clock.values():
            times.clear()
        compete(list(contestants.values()), 7 if quick else 15)
    by_clock = {name: Contestant(name, lambda: 0.0, times) for name, times in clock.items()}
    return [_table("by the processor's time", contestants, judge=True), _table("by the clock", by_clock, judge=False)]


def _commands(room: Path) -> dict[str, list[str]]:
    build = [str(DIGEST), "build", "--month", "2022-02", "-c", str(room / "config.yaml")]
    found = {
        "Python that does nothing": [sys.executable, "-c", "pass"],
        "Python that imports typer": [sys.executable, "-c", "import typer"],
        "digest --help": [str(DIGEST), "--help"],
        "digest build": build,
    }
    if place := peers.node():
        file = room / "digest.mjml"
        file.write_text(as_people_write(STORIES), "utf-8")
        for name in ("mjml5", "mjml4"):
            program = place / "node_modules" / name / "bin" / "mjml"
            found[f"npm mjml {name[-1]}, its command"] = ["node", str(program), str(file), "-o", str(room / "out.html")]
        found["node that does nothing"] = ["node", "-e", "0"]
    return found


def _turn(command: Sequence[str], room: Path, clock: list[float]) -> Callable[[], float]:
    # What else runs on this machine keeps its themes in the user's own cache, which holds few of them.
    given = environment() | {"XDG_CACHE_HOME": str(room / "cache")}

    def turn() -> float:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=room, env=given, check=True, stdout=subprocess.DEVNULL)
        clock.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return turn


def _table(how: str, contestants: dict[str, Contestant], *, judge: bool) -> Table:
    python = contestants["Python that does nothing"]
    peer = contestants.get("npm mjml 5, its command")
    build, usage = contestants["digest build"], contestants["digest --help"]
    table = Table(
        title=f"From nothing, {how}", contestants=list(contestants.values()), limit=python, peer=peer, piece="command"
    )
    if not judge:
        return table
    table.targets.append(
        Target(
            what="`digest --help` to `import typer`",
            measured=ratio(usage, contestants["Python that imports typer"]),
            at_most=2,
        )
    )
    if peer:
        table.targets.append(
            Target(
                what="cold `digest build` of one edition to mjml 5's command",
                measured=ratio(build, peer),
                at_most=0.6,
            )
        )
    return table


def _newsroom(room: Path) -> None:
    (room / "config.yaml").write_text(content.CONFIG, "utf-8")
    (room / "readers.csv").write_text("email,name\nreader@example.org,Reader\n", "utf-8")
    (room / "stories").mkdir()
    for number in range(STORIES):
        (room / "stories" / f"{number:02}.md").write_text(content.source(number), "utf-8")
    shutil.rmtree(room / ".digest", ignore_errors=True)


if __name__ == "__main__":
    alone(measure, __doc__)
