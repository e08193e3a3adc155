"""What an installation takes, and from where: exact versions of everything, and digest itself from no package index."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# Installers, in a shell's line or a list of words, and what they are given.
INSTALL = re.compile(
    r"\b(?:pip3?|pipx|uv|uvx|poetry|pdm|conda) (?:pip |tool |-\S+ )*(?:install|add|run|wheel|download) (.*)"
)
OURS = re.compile(r"(?:newsroom[-_.]+)?digest(?:\[[^]]*\]?)?(?:[=<>~!@].*)?", re.IGNORECASE)


def installed_by_name(text: str) -> list[str]:
    """The places at which a text has digest installed from an index, or pulled from a registry, by its bare name."""
    found = []
    for given in INSTALL.findall(re.sub(r"""["'],\s*["']""", " ", text)):
        words = re.split(r"&&|[`;|]", given)[0].split()
        found += [word for word in (word.strip("\"'()],.") for word in words) if OURS.fullmatch(word)]
    found += re.findall(r"(?<![\w./-])digest\[\w+\]", text)
    return found + re.findall(r"image: (?:library/)?digest\S*(?!\S*\n *pull_policy: build\n)", text)


def shipped() -> list[Path]:
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file() and ROOT / name != Path(__file__)]


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
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["everything"]["strategy"]["matrix"] == {"python": [f"3.{minor}" for minor in minors]}


@pytest.mark.parametrize(
    "text",
    [
        "run `pip install 'digest[fleet]'` on every machine",
        "`pip install --upgrade digest`, then start it again",
        "        RUN pip install --no-cache-dir newsroom_digest==0.1 && useradd digest",
        "uv tool install digest",
        'subprocess.run([python, "-m", "pip", "install", "newsroom-digest"])',
        "in the environment that has `digest[test]`",
        "image: digest:latest   # yours",
    ],
)
def test_a_bare_name_is_found(text):
    """Each way in which a text would have a stranger's program installed."""
    assert installed_by_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install -c digest/constraints.txt './digest[fleet]' && digest worker",
        "pip install -c constraints.txt -e '.[test]'",
        "pip install newsroom_digest-0.1.0-py3-none-any.whl; digest build",
        "image: digest-fleet\n    pull_policy: build\n",
        "image: registry.example.org/digest:0.1.0",
    ],
)
def test_a_checkout_and_a_wheel_are_no_bare_names(text):
    """What is named by its place comes from there."""
    assert installed_by_name(text) == []


def test_nothing_that_is_shipped_installs_digest_by_a_bare_name():
    """`digest` on PyPI is a stranger's program, `newsroom-digest` is nobody's yet: they must not get at our secrets."""
    found = {}
    for path in shipped():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        if places := installed_by_name(text):
            found[path.relative_to(ROOT).as_posix()] = places
    assert found == {}
