"""How much one text says of another: whether two labels are the same, which line of a file something was made from."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[^\s<>\"'={}:;,()\[\]]{2,}")


@lru_cache(maxsize=4096)  # a list of a million readers has some dozen topics
def label_key(label: str) -> str:
    """A label (a topic, a channel) for comparing: without case, and words apart by blanks, hyphens or underscores.

    >>> label_key("  Green   JOBS ") == label_key("green-jobs") == "green jobs"
    True
    """
    return " ".join(label.casefold().replace("-", " ").replace("_", " ").split()) or label.strip()


def likeness(line: str, words: str) -> int:
    """How many letters of `words` stand in `line`, by whole words, each once.

    >>> likeness('<a class="more" href="https://example.org/">more</a>', 'class="more"')
    9
    """
    said = set(_WORD.findall(line))
    return sum(len(word) for word in set(_WORD.findall(words)) if word in said)
