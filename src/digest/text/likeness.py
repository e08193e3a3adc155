"""How much one text says of another: to find the line of a file that something was made from."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\s<>\"'={}:;,()\[\]]{2,}")


def likeness(line: str, words: str) -> int:
    """How many letters of `words` stand in `line`, by whole words, each once.

    >>> likeness('<a class="more" href="https://example.org/">more</a>', 'class="more"')
    9
    """
    said = set(_WORD.findall(line))
    return sum(len(word) for word in set(_WORD.findall(words)) if word in said)
