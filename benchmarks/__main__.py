"""Run the benchmarks, and write what came out: RESULTS.md with every table, and a chart of each beside it.

    python -m benchmarks [--quick] [NAME …]

Peers are fetched first (see peers.py). Each benchmark runs in a process of its own, one after another; one that fails
is said and does not keep the others from running. Figures of an earlier run stand where a benchmark was not named.
`--quick` prints and writes no RESULTS.md: its sizes are too small for the targets.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import peers, results
from benchmarks.harness import environment

NAMES = ("render", "cold", "stories", "archive", "desk", "mail", "smtp", "fairness", "recipients", "ledger", "fleet")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="two minutes in all; prints, and leaves RESULTS.md alone")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    peers.node()
    peers.python()
    figures = peers.folder() / "figures"
    figures.mkdir(exist_ok=True)
    failed = [name for name in asked.names or NAMES if not _run(name, figures / f"{name}.json", quick=asked.quick)]
    if not asked.quick:
        found = {name: json.loads(file.read_bytes()) for name in NAMES if (file := figures / f"{name}.json").exists()}
        missing = [name for name in NAMES if name not in found]
        place = results.write(Path(__file__).parent, found, missing)
        print(f"benchmarks: wrote {place}", file=sys.stderr)
    for name in failed:
        print(f"benchmarks: {name} failed; see above", file=sys.stderr)
    return bool(failed)


def _run(name: str, file: Path, *, quick: bool) -> bool:
    start = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    command += ["--quick"] if quick else ["--json", str(file)]
    # With compiled modules, which an installed program has too.
    code = subprocess.run(command, env=environment(), check=False).returncode
    print(f"\nbenchmarks: {name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
