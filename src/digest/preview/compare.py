"""What changed since an edition was last built, or sent: its text, line by line.

Reads the folders of builds; decides nothing and writes nothing.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from digest.errors import UsageError
from digest.newsroom import history
from digest.newsroom.paths import ARCHIVE, BUILD

if TYPE_CHECKING:
    from pathlib import Path

    from digest.model import Edition

FOLDERS = {"built": BUILD, "sent": ARCHIVE}


def earlier(root: Path, edition: Edition, which: str, name: str) -> str:
    """A file of the edition as it was last built or sent. Raises UsageError when it never was."""
    if which not in FOLDERS:
        message = f"there is nothing called {which[:40]!r} to compare with; there are {', '.join(FOLDERS)}"
        raise UsageError(message)
    path = history.folder(root / FOLDERS[which], edition) / name
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        message = f"{edition.id} was never {which}; there is nothing to compare with"
        raise UsageError(message) from None


def difference(before: str, after: str) -> list[dict[str, Any]]:
    """The lines of both texts, each marked `same`, `gone` or `new`; long stretches of the same are left out."""
    old, new = before.splitlines(), after.splitlines()
    rows: list[dict[str, Any]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(2):
        if rows:
            rows.append({"mark": "skip", "line": ""})
        for tag, start, end, first, last in group:
            if tag == "equal":
                rows += [{"mark": "same", "line": line} for line in old[start:end]]
                continue
            rows += [{"mark": "gone", "line": line} for line in old[start:end]]
            rows += [{"mark": "new", "line": line} for line in new[first:last]]
    return rows
