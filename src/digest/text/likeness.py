"""What texts have in common: whether two labels or two names are the same, from which line something was made."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\s<>\"'={}:;,()\[\]]{2,}")


@lru_cache(maxsize=4096)  # a list of a million readers has some dozen topics
def label_key(label: str) -> str:
    """A label (a topic, a channel) for comparing: without case, and words apart by blanks, hyphens or underscores.

    >>> label_key("  Green   JOBS ") == label_key("green-jobs") == "green jobs"
    True
    """
    return " ".join(label.casefold().replace("-", " ").replace("_", " ").split()) or label.strip()


def unaccented(text: str) -> str:
    """A text for comparing: without case, accents and marks.

    >>> unaccented("Zoë") == unaccented("ZOE") == unaccented("𝐙𝐨𝐞") == "zoe"
    True
    """
    letters = unicodedata.normalize("NFKD", text).casefold()  # in this order: some letters have their case only then
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def likeness(line: str, words: str) -> int:
    """How many letters of `words` stand in `line`, by whole words, each once.

    >>> likeness('<a class="more" href="https://example.org/">more</a>', 'class="more"')
    9
    """
    said = set(_WORD.findall(line))
    return sum(len(word) for word in set(_WORD.findall(words)) if word in said)
