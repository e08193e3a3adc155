"""What CLDR says in one language, asked of Babel once and kept beside the compiled themes.

    question ─▶ the answer that was kept │ Babel ─▶ the answer, to be kept

Importing Babel and merging a language's data takes longer than composing the edition. The answers depend on the
language and Babel's version alone, and both are in the file's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.composer import cache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MOST = 5_000  # answers in a file; a year has 365 days
_FILES = 32  # languages, or versions of Babel


class Answers:
    """Answers by their questions, in one language. Without a `path` they last as long as the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        found = cache.load(path) if path else None
        self._known: dict[str, str] = found if isinstance(found, dict) else {}
        self._fresh = False

    def get(self, question: str, find: Callable[[], str]) -> str:
        """The answer to `question`: the one that is known, or what `find` finds."""
        answer = self._known.get(question)
        if answer is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            answer = self._known[question] = find()
            self._fresh = True
        return answer

    def keep(self) -> None:
        """Write down what is new."""
        if self._path and self._fresh:
            self._fresh = False
            cache.store(self._path, self._known, family="cldr-*.json", most=_FILES)
