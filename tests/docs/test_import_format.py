"""docs/adding-an-import-format.md is followed to the letter, in a copy of the program: what it makes loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from pages import PAGES, ROOT, blocks, environment

SHOWN = {block.title: block.text for block in blocks(PAGES["docs/adding-an-import-format.md"]) if block.title}
STORY = {
    "title": "A\u2028B",
    "date": "2022-02-14",
    "link": "https://e.org/a",
    "topics": ["Water", "health"],
    "summary": "One.\n\nTwo.",
}
CONFIG = """newsroom:
  {name: Agency, contact: news@example.org, from: digest@example.org, timezone: Europe/Zurich, postal_address: 1 Street}
audiences: {everyone: {title: All, recipients: {csv: recipients.csv}}}
sources: [{name: stories, url: a.jsonl, format: jsonlines}]
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program with the page's format: new files are written, and what it adds to a file stands in its place."""
    folder = tmp_path_factory.mktemp("program")
    passing = shutil.ignore_patterns("*.pyc.*", "*.egg-info")  # what other tests are just compiling may be gone by then
    shutil.copytree(ROOT / "src", folder / "src", ignore=passing)
    (folder / "tests/importing").mkdir(parents=True)
    shutil.copy(ROOT / "tests/importing/newsdesk.py", folder / "tests/importing")
    for name, text in SHOWN.items():
        file = folder / name
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        file.write_text(ADDED[name](before, text) if before else text, encoding="utf-8")
    return folder


def with_name(before, line):
    """The page's line instead of the one that begins as it does."""
    begins = line.partition(" = ")[0]
    (old,) = [each for each in before.splitlines(keepends=True) if each.startswith(f"{begins} = ")]
    return before.replace(old, line)


def with_row(before, row):
    """The row above the one that the page names, and the reader among the imports."""
    below, imports = '    "jsonfeed": Format(\n', "from digest.importing import feeds, ghost, "
    assert before.count(below) == before.count(imports) == 1
    return before.replace(below, row + below).replace(imports, f"{imports}json_lines, ")


ADDED = {"src/digest/model.py": with_name, "src/digest/importing/formats.py": with_row}


def run(program, folder, *arguments):
    """`python -m …` with that program instead of ours."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**environment(), "PYTHONPATH": os.fspath(program / "src"), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_tests_that_it_shows_pass(program):
    """They are its first."""
    done = run(program, program, "pytest", "-q", "-p", "no:cacheprovider", "tests/importing/test_json_lines.py")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_its_format_keeps_link_topics_and_summary_and_names_what_is_bad(program, tmp_path):
    """By its line, which U+2028 does not move; the format is found out, though the first line is bad or very long."""
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    rows = [
        {**STORY, "summary": "x" * 9000, "title": "Long"},
        {"title": "No date"},
        STORY,
        {**STORY, "date": "03/04/2022"},
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    for begins in ("", '{"title": \n'):
        (tmp_path / "a.jsonl").write_text(f"{begins}{text}\n", encoding="utf-8")
        told = json.loads(run(program, tmp_path, "digest", "import", "a.jsonl", "--json", "--dry-run").stdout)
        assert len(told["new"]) == 2
        assert [fault.partition(" ")[0] for fault in told["faults"]] == [
            f"a.jsonl:{number + bool(begins)}:" for number in ((0, 2, 4) if begins else (2, 4))
        ]
    assert "date: is missing" in told["faults"][1]
    (tmp_path / "a.jsonl").write_text(json.dumps(STORY, ensure_ascii=False), encoding="utf-8")  # one line alone
    done = run(program, tmp_path, "digest", "import")  # which the sources of config.yaml may have as their format
    (file,) = (tmp_path / "stories").glob("**/*.md")
    story = file.read_text(encoding="utf-8")
    assert "title: A B\n" in story, done
    assert "link: https://e.org/a\n" in story
    assert "topics: [water, health]\n" in story
    assert story.endswith("\nOne.\n\nTwo.\n")


def test_its_name_is_one_that_can_be_said(program, tmp_path):
    """`--format` has it in its help, from the one place where it was written."""
    assert "text, html, feed, jsonfeed, jsonlines, ghost, csv or xlsx" in " ".join(
        run(program, tmp_path, "digest", "import", "--help").stdout.split()
    )


def test_a_feed_on_one_line_is_a_feed_as_before(program, tmp_path):
    """Its items have the dates."""
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "F", "items": [{"title": "A", "id": "1"}]}
    (tmp_path / "a.json").write_text(json.dumps(feed), encoding="utf-8")
    assert "has no date" in run(program, tmp_path, "digest", "import", "a.json").stderr
