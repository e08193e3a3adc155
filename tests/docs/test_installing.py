"""What an installation takes, and from where: exact versions for all that the README's commands install."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def direct() -> list[str]:
    rows = [*PROJECT["dependencies"], *(row for extra in PROJECT["optional-dependencies"].values() for row in extra)]
    return [row for row in rows if not row.startswith(f"{PROJECT['name']}[")]


def test_constraints_are_names_and_exact_versions():
    """Each line is NAME==VERSION, once, in order: no address of an index, no file, no hash."""
    assert [line for line in PINS if not re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)] == []
    names = [line.partition("==")[0] for line in PINS]
    assert names == sorted(set(names))


@pytest.mark.parametrize("row", direct())
def test_every_direct_dependency_is_pinned_within_its_bounds(row):
    """A dependency that pyproject.toml gained, or a bound that was raised, is in constraints.txt, too."""
    from packaging.requirements import Requirement

    requirement = Requirement(row)
    pins = dict(line.split("==") for line in PINS)
    assert pins[plain(requirement.name)] in requirement.specifier


def test_every_supported_python_is_named():
    """The classifiers begin with the Python that `requires-python` asks for, and leave none out."""
    minors = [int(row.rpartition(".")[2]) for row in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", row)]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert PROJECT["requires-python"] == f">=3.{minors[0]}"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{', '.join(f'3.{minor}' for minor in minors[:-1])} and 3.{minors[-1]}" in readme
