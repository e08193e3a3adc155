"""docs/importing.md lists the columns that tables may have."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from digest.importing.formats import FORMATS
from digest.importing.table import COLUMNS, WORDS
from digest.model import ImportFormat, SourceFormat

PAGE = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")


def test_every_name_of_every_column_is_listed():
    """In the row of its key, in each language; and every key is on the page."""
    rows = {line.split("`")[1]: line for line in PAGE.splitlines() if line.startswith("| `")}
    for words in WORDS.values():
        for key, names in words.items():
            assert [name for name in names if name.replace("_", " ") not in rows[key]] == []
    assert [key for key in COLUMNS if f"`{key}`" not in PAGE] == []


def test_every_format_has_a_name_and_its_help():
    """What may be said is what can be read, neither more nor less; `--format` names each, and a source those for it."""
    assert set(get_args(ImportFormat)) == set(FORMATS)
    assert set(get_args(SourceFormat)) <= set(FORMATS)
    verbs = (Path(__file__).parents[2] / "docs" / "verbs.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if name not in verbs] == []
