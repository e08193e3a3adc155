"""A year in twelve small months, the days on which something goes out marked: for a terminal, from Monday to Sunday."""

from __future__ import annotations

import calendar
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

_ACROSS = 3  # months side by side: 70 columns
_MONTHS = 12
_WEEK = "Mo Tu We Th Fr Sa Su "
_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip


def year(first: date, marked: Container[date]) -> Iterator[str]:
    """Twelve months from that of `first`, as lines; a marked day has a star behind it."""
    months = [divmod(first.year * _MONTHS + first.month - 1 + step, _MONTHS) for step in range(_MONTHS)]
    for start in range(0, _MONTHS, _ACROSS):
        blocks = [_month(number, month + 1, marked) for number, month in months[start : start + _ACROSS]]
        height = max(map(len, blocks))
        if start:
            yield ""
        for row in range(height):
            yield "  ".join(block[row] if row < len(block) else " " * len(_WEEK) for block in blocks).rstrip()


def _month(number: int, month: int, marked: Container[date]) -> list[str]:
    weeks = calendar.Calendar().monthdayscalendar(number, month)
    return [
        f"{_NAMES[month - 1]} {number}".center(len(_WEEK)),
        _WEEK,
        *("".join(_day(number, month, day, marked) for day in week) for week in weeks),
    ]


def _day(number: int, month: int, day: int, marked: Container[date]) -> str:
    if not day:
        return "   "
    return f"{day:2}{'*' if date(number, month, day) in marked else ' '}"
