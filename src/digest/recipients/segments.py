"""Which readers of a list an audience takes: by topics, and by any column (`only:` and `except:` in config.yaml).

    Segment ─why_not(reader)─▶ "" for one who is in, else why they are not

Keys are "and", values "or". A value that is missing, or is not the date or number that is asked for, fails `only` and
passes `except`. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from digest.model import language_tags
from digest.recipients.columns import HEADER
from digest.recipients.rows import topic_key
from digest.text.likeness import label_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.model import Recipient

Value = TypeVar("Value", date, float)


class Condition(Struct, frozen=True, kw_only=True):
    """What one column must be. Times are days, `before` and `after` exclusive.

    `values` are compared without case, topics as labels; of the column `language` they are tags.
    """

    column: str
    values: tuple[str, ...] = ()
    present: bool | None = None
    before: date | None = None
    after: date | None = None
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, reader: Recipient) -> tuple[bool | None, str]:
        """Whether all of it holds for this reader, None where nobody can tell; and the same in words."""
        said = list(self._parts(reader)) or [(None, f"{self.column} is asked for nothing")]
        return next((part for part in said if part[0] is False), None) or min(said, key=lambda part: part[0] is True)

    def _parts(self, reader: Recipient) -> Iterator[tuple[bool | None, str]]:
        cells = [cell for cell in self._cells(reader) if cell.strip()]
        if self.present is not None:
            yield bool(cells) is self.present, f"{'has' if cells else 'has no'} {self.column}"
        elif not cells:
            yield None, f"has no {self.column}"
        if not cells:
            return
        if self.values:
            key = label_key if self.column == "topics" else topic_key
            wanted = set(map(key, self.values))
            holds = any(
                not wanted.isdisjoint(language_tags(cell) if self.column == "language" else (key(cell),))
                for cell in cells
            )
            yield holds, f"{self.column} is {'one' if holds else 'none'} of {', '.join(self.values)}"
        if self.before or self.after:
            yield self._within(cells[0], _day, self.after, self.before, "date")
        if self.at_least is not None or self.at_most is not None:
            yield self._within(cells[0], float, self.at_least, self.at_most, "number")

    def unread(self, reader: Recipient) -> str:
        """What cannot be read in this reader's cell, in words; empty where it can, or nothing is in it."""
        holds, words = self.holds(reader)
        return words if holds is None and any(cell.strip() for cell in self._cells(reader)) else ""

    def _cells(self, reader: Recipient) -> tuple[str, ...]:
        own = {"email": reader.address, "name": reader.name, "language": reader.language}
        if self.column == "topics":
            return reader.topics
        return tuple((own.get(self.column) or reader.fields.get(self.column, "")).split(";"))

    def _within(
        self, cell: str, read: Callable[[str], Value], low: Value | None, high: Value | None, what: str
    ) -> tuple[bool | None, str]:
        try:
            value = read(cell.strip())
        except ValueError:
            return None, f"{self.column} is no {what} that can be read"
        days = what == "date"
        fits = (low is None or (value > low if days else value >= low)) and (
            high is None or (value < high if days else value <= high)
        )
        limits = {"after" if days else "at least": low, "before" if days else "at most": high}
        said = " and ".join(f"{word} {limit}" for word, limit in limits.items() if limit is not None)
        return fits, f"{self.column} is {'' if fits else 'not '}{said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The readers that an audience takes: those with one of the topics, all of `only`, and nothing of `excepted`."""

    topics: tuple[str, ...] = ()
    only: tuple[Condition, ...] = ()
    excepted: tuple[Condition, ...] = ()
    _wanted: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the topics once."""
        object.__setattr__(self, "_wanted", frozenset(map(label_key, self.topics)))

    def why_not(self, reader: Recipient) -> str:
        """Why this reader is not in, in words that are the same for all of whom it is true; empty for one who is."""
        if self._wanted and self._wanted.isdisjoint(map(label_key, reader.topics)):
            return f"has none of the topics {', '.join(self.topics)}"
        for condition in self.only:
            holds, words = condition.holds(reader)
            if not holds:
                return words
        for condition in self.excepted:
            holds, words = condition.holds(reader)
            if holds:
                return words
        return ""

    def unsure(self, reader: Recipient) -> str:
        """Why nobody can tell whether this reader, who is in, is excepted, in the same kind of words; else empty."""
        return next(filter(None, (condition.unread(reader) for condition in self.excepted)), "")

    def unknown(self, columns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """What it asks of columns that the list does not have, as (`only` or `except`, column)."""
        for key, conditions in (("only", self.only), ("except", self.excepted)):
            yield from ((key, each.column) for each in conditions if each.column not in (*HEADER, *columns))


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])
