"""How a count is said in English, with its noun and what agrees with it: `1 mail is`, `2,000 mails are`."""

from __future__ import annotations


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
