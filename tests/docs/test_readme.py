"""The README is executed: its commands run as written and print what it shows; every verb and link is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SAMPLE = ("config.yaml", "stories", "recipients")


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(README) if found == language]


@pytest.fixture
def newsroom(tmp_path: Path) -> Path:
    """A copy of the repository's own newsroom, as a fresh clone has it."""
    for name in SAMPLE:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return tmp_path


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
    return {**kept, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100", "SOURCE_DATE_EPOCH": "1646121600"}


def sessions(block: str) -> list[tuple[str, str]]:
    """`$ command` lines with the output that follows each."""
    found: list[tuple[str, str]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found:
            command, output = found[-1]
            found[-1] = (command, output + line + "\n")
    return found


def matches(shown: str, printed: str) -> bool:
    """What is printed is what is shown; a line `…` stands for any lines, `…` in a line for any text."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ ]*\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else printed + "\n") is not None


def test_every_console_example_prints_what_it_shows(newsroom):
    """The commands of the README, run in order in the newsroom of a fresh clone, print what stands below them."""
    ran = 0
    for block in blocks("console"):
        for command, shown in sessions(block):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=newsroom,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            printed = done.stdout + done.stderr
            assert matches(shown, printed), f"$ {command}\n--- README says\n{shown}\n--- it prints\n{printed}"
            ran += 1
    assert ran >= 5


def test_every_python_example_runs(newsroom):
    """The Python of the README runs as it stands."""
    found = blocks("python")
    assert found
    for code in found:
        subprocess.run([sys.executable, "-c", code], cwd=newsroom, env=environment(), check=True, timeout=120)


def test_every_verb_is_in_the_readme():
    """A verb that the README does not name does not exist."""
    from typer.main import get_command

    from digest.cli.app import app, load

    load()
    for name in get_command(app).commands:
        assert f"digest {name}" in README, name


def test_the_reference_is_what_the_program_says():
    """docs/verbs.md is every verb's --help; `python docs/verbs.py` writes it anew."""
    done = subprocess.run([sys.executable, ROOT / "docs" / "verbs.py", "--check"], env=environment(), check=False)
    assert done.returncode == 0, "run: python docs/verbs.py"


def test_every_link_leads_somewhere():
    """Files and headings that the README links to are there."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_two_commands_are_there():
    """The two commands that set everything up on a fresh machine stand in the README as they must be typed."""
    install = "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e"
    assert f"{install} . && .venv/bin/digest build --month 2022-02\n" in README
    assert f"{install} '.[test]' && .venv/bin/pytest\n" in README
