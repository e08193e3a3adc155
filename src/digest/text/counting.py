"""How counts and choices are said in English: `1 mail is`, `2,000 mails are`, `red, green or blue`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def counted(count: int, noun: str, plural: str = "") -> str:
    """The count with thousands set off, and the noun in its number; `plural` where it is not the noun with an s.

    >>> [counted(count, "mail") for count in (0, 1, 2000)]
    ['0 mails', '1 mail', '2,000 mails']
    >>> counted(2, "story", "stories")
    '2 stories'
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def them(count: int) -> str:
    """What stands for so many things: `it`, or `them`."""
    return "it" if count == 1 else "them"


def one_of(words: Sequence[str]) -> str:
    """The words among which one chooses.

    >>> [one_of(words) for words in (["text"], ["text", "csv"], ["text", "html", "csv"])]
    ['text', 'text or csv', 'text, html or csv']
    """
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
