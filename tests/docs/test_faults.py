"""docs/faults.md is whole: its rows in order, and every test file that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| (\d+) \| .* \| ([^|]+) \|$", (ROOT / "docs/faults.md").read_text(encoding="utf-8"), re.MULTILINE
)


def test_every_fault_has_its_row():
    """The rows are numbered in order and without a gap."""
    assert [int(number) for number, _ in ROWS] == list(range(1, 83))


def test_every_test_that_is_named_is_there():
    """A row that names a test file which does not exist would be a promise that nobody keeps."""
    known = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    named = {name.strip() for _, names in ROWS for name in names.split(",")}
    assert named <= known, named - known


def test_every_number_in_a_test_is_a_row():
    """Whatever test cites a fault cites one of these."""
    for path in (ROOT / "tests").rglob("*.py"):
        for cited in re.findall(r"FAULTS (\d+)", path.read_text(encoding="utf-8")):
            assert cited in {number for number, _ in ROWS}, path
