"""An edition's readers: its audience's list and segment, without rows that cannot be mailed, of its language only.

A reader belongs to exactly one language of the audience: the one on the list, or else the audience's first. It streams;
it never holds the list. Bad rows are kept to be named, the first thousand in full and the rest by number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.errors import Fault
from digest.model import InactiveReader
from digest.recipients.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.model import Audience, Edition, Recipient
    from digest.ports import RecipientSource

NAMED = 1000


@dataclass(slots=True)
class Readers:
    """One pass over the list. `faults` and the counts fill while it runs."""

    source: RecipientSource
    edition: Edition
    audience: Audience
    segment: Segment = field(default_factory=Segment)
    faults: list[Fault] = field(default_factory=list)
    bad: int = 0
    others: int = 0  # of another language, or not of the segment
    inactive: Counter[str] = field(default_factory=Counter)  # who by the list itself is not to be mailed, by reason
    outside: Counter[str] = field(default_factory=Counter)  # who is not of the segment, by why
    _right: dict[str, bool] = field(default_factory=dict, repr=False)  # whether a language tag means this edition

    def __iter__(self) -> Iterator[Recipient]:
        """The readers of this edition, in the list's order."""
        for row in self.source.recipients():
            if isinstance(row, Fault):
                self.bad += 1
                if len(self.faults) < NAMED:
                    self.faults.append(row)
            elif isinstance(row, InactiveReader):
                self.inactive[row.reason] += 1
            elif self._suits(row):
                yield row
            else:
                self.others += 1

    def notes(self) -> tuple[str, ...]:
        """Who was left out, and why, for a person."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.inactive.items()))
        stopped = (f"by the list itself not to be mailed: {reasons}",) if reasons else ()
        return (*stopped, *(f"not in the segment: {count:,}, {why}" for why, count in sorted(self.outside.items())))

    def _suits(self, reader: Recipient) -> bool:
        if why := self.segment.why_not(reader):
            self.outside[why] += 1
            return False
        right = self._right.get(reader.language)
        if right is None:
            right = self._right[reader.language] = language_of(reader, self.audience) == self.edition.language
        return right


def language_of(reader: Recipient, audience: Audience) -> str:
    """In which of the audience's languages this reader gets the edition.

    >>> from digest.model import Audience, Recipient
    >>> both = Audience(name="a", title="A", languages=("en", "fr"))
    >>> [language_of(Recipient(address="r@example.org", language=tag), both) for tag in ("fr-CA", "de", "")]
    ['fr', 'en', 'en']
    """
    wanted = reader.language.lower()
    for language in audience.languages:
        if wanted == language.lower() or wanted.split("-")[0] == language.lower().split("-")[0]:
            return language
    return audience.languages[0]
