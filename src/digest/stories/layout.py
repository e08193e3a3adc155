"""The two parts of a story file, as text: YAML between two lines `---`, then the summary. Knows nothing of either."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPEN = re.compile(r"\ufeff?---[ \t]*(?:\r?\n|\Z)")
_CLOSE = re.compile(r"^---[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A file cut into four: put together again they are the file, to the character. The fences keep their line ends."""

    opening: str
    header: str
    closing: str
    body: str


def cut(text: str) -> Layout:
    """Cut a file's text. Raises ValueError saying what is missing; it is missing from line 1 on."""
    opening = _OPEN.match(text)
    if not opening:
        hint = "; TOML (+++) is not read here" if text.startswith("+++") else ""
        message = f"a story file begins with a line ---, then title and date, then a line ---{hint}"
        raise ValueError(message)
    closing = _CLOSE.search(text, opening.end())
    if not closing:
        message = "the front matter that begins here is never closed; add a line --- after its last key"
        raise ValueError(message)
    return Layout(
        opening=opening[0],
        header=text[opening.end() : closing.start()],
        closing=closing[0],
        body=text[closing.end() :],
    )


def summary(body: str) -> str:
    """The summary as a Story has it: no blank lines around it, every line end LF (U+2028, U+2029 and NEL too)."""
    body = body.replace("\r\n", "\n").replace("\u2029", "\n\n").replace("\u2028", "\n").replace("\x85", "\n")
    return _BLANK_LINES.sub("", body).rstrip()
