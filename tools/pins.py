"""Exact versions to install: the newest that every supported Python takes, or the lowest that pyproject.toml allows.

    python tools/pins.py newest     write constraints.txt; wants each Python that pyproject.toml names
    python tools/pins.py lowest     print the lowest of each direct dependency
    python tools/pins.py pythons    print where the supported Pythons are that this machine has, oldest first

pip works the newest out and installs nothing: for the oldest Python first, then for each other one under what was found
so far, so that one list serves all. The lowest are the bounds of the builder, of `dependencies` and of the extras
`fleet`, `docs` and `test`; what those need in turn is left to pip. Runs before anything is installed, so on the
standard library alone.
"""

# ruff: noqa: INP001, T201 - a script, run by hand and by .ci, which prints what it is asked for
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEAD = """\
# Exact versions of everything that the README's commands and the linters install, on every Python that pyproject.toml
# names. Written by `python tools/pins.py newest`, not by hand.
"""


def supported() -> list[str]:
    """The Pythons that the classifiers name, oldest first: `3.11`."""
    text = "\n".join(PROJECT["project"]["classifiers"])
    minors = re.findall(r"^Programming Language :: Python :: 3\.(\d+)$", text, re.MULTILINE)
    return [f"3.{minor}" for minor in sorted(map(int, minors))]


def python(version: str) -> Path | None:
    """A Python of that version which can make environments: on PATH, or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    places = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
    places += pyenv.glob(f"{version}.*/bin/python{version}")
    return next((place for place in places if place.exists() and _works(place)), None)


def _works(place: Path) -> bool:
    # pyenv puts programs on PATH that only say which version they are not; Debian leaves ensurepip to another package.
    return subprocess.run([place, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def newest() -> dict[str, str]:
    """The version of each package, by its name. Raises SystemExit where a supported Python is missing."""
    pins: dict[str, str] = {}
    for version in supported():
        if (program := python(version)) is None:
            message = f"pins: Python {version} is not on this machine, and constraints.txt must serve it"
            raise SystemExit(message)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as so_far:
            so_far.write(listing(pins))
            so_far.flush()
            options = ["--quiet", "--dry-run", "--ignore-installed", "--report", "-", "-c", so_far.name, "-e", ".[dev]"]
            command: list[str | Path] = [program, "-m", "pip", "install", *options]
            report = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
        packages = [
            item["metadata"] for item in report["install"] if not item["is_direct"]
        ]  # all but the project itself
        pins |= {_plain(package["name"]): package["version"] for package in packages}
    return pins


def lowest() -> dict[str, str]:
    """The lowest version of each direct dependency, by its name. Raises SystemExit for one that has no lower bound."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    rows = [*PROJECT["build-system"]["requires"], *project["dependencies"]]
    rows += [row for extra in ("fleet", "docs", "test") for row in extras[extra]]
    pins: dict[str, str] = {}
    for row in rows:
        if row.startswith(f"{project['name']}["):
            continue  # one of our own extras
        if (bound := re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)", row)) is None:
            message = f"pins: pyproject.toml: {row}: has no lower bound, or more than that: write NAME>=VERSION"
            raise SystemExit(message)
        pins[_plain(bound[1])] = bound[2]
    return pins


def listing(pins: dict[str, str]) -> str:
    """A requirements file of them, in the order of their names."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["newest"]:
            (ROOT / "constraints.txt").write_text(HEAD + listing(newest()), encoding="utf-8")
        case ["lowest"]:
            print(listing(lowest()), end="")
        case ["pythons"]:
            print(*filter(None, map(python, supported())), sep="\n")
        case _:
            raise SystemExit(__doc__)
