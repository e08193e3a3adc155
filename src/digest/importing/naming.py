"""Names made from titles: of story files (`2022-02-14-helping-women.md`), channels and topics (`impact-and-people`).

Names are readable, the same on every file system, and never a way out of the folder: letters, digits and hyphens.
Latin letters lose their accents; other scripts keep their letters.
"""

from __future__ import annotations

import unicodedata
from itertools import chain, count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

LONGEST = 40  # characters; readable in a terminal, and 160 bytes of UTF-8 at most, where 255 are allowed

_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ŋ": "n", "ħ": "h"}
)
_INSIDE_WORDS = str.maketrans("", "", "'’‘ʼ`´\u200c\u200d")  # workers’ is workers; joiners have no place in a name


def slug(text: str, longest: int = LONGEST) -> str:
    """Fold a text to a name, cut between words where it is too long. Empty when nothing in it can be named.

    >>> slug("From 9-5 to web development: Honey Sta Ana's story")
    'from-9-5-to-web-development-honey-sta'
    """
    words: list[str] = [""]
    for char in unicodedata.normalize("NFKC", text.translate(_INSIDE_WORDS)).casefold().translate(_LETTERS):
        kind = unicodedata.category(char)[0]
        if kind in "LM" or char.isdecimal():
            words[-1] += _bare(char)
        elif words[-1]:
            words.append("")
    name = ""
    for word in words:
        if name and len(name) + 1 + len(word) > longest:
            break
        name += f"-{word}" if name and word else word
    return _cut(unicodedata.normalize("NFC", name), longest)


def story_name(day: str, title: str, taken: Container[str]) -> str:
    """The id of a new story: its day, the title's slug, and `-2`, `-3` when that is in `taken` (casefolded ids)."""
    name = f"{day}-{slug(title) or 'story'}"
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(each for each in names if each.casefold() not in taken)


def _bare(char: str) -> str:
    """Take the accents from a Latin letter. In other scripts they are letters of their own (й, が, आ)."""
    apart = unicodedata.normalize("NFKD", char)
    latin = apart[0].isascii()
    return "".join(part for part in apart if part.isalnum() and part.isascii()) if latin else char


def _cut(name: str, longest: int) -> str:
    """Cut a word without end (Chinese has no blanks), never before a mark that belongs to the letter."""
    if len(name) <= longest:
        return name
    while longest > 1 and unicodedata.category(name[longest])[0] == "M":
        longest -= 1
    return name[:longest].rstrip("-")
