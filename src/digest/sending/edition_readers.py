"""An edition's readers: who of its audience's list gets it, and what sending it to them would do.

    list ─▶ Readers: no bad rows, only those of its segment and language ─▶ freeze, or plan_send ─▶ SendPlan

A reader belongs to exactly one language of the audience: the one on the list, or else the audience's first. It streams;
it never holds the list. Bad rows are kept to be named, the first thousand in full and the rest by number.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from digest.errors import Fault
from digest.mail.address import domain_of
from digest.mail.address import key as address_key
from digest.model import InactiveReader
from digest.recipients.segments import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from digest.model import Audience, Edition, Recipient
    from digest.ports import RecipientSource, Suppressions

NAMED = 1000  # bad rows that are kept in full
_BATCH = 200  # few at a time: what is held longer, Python looks through for garbage again and again
_BUCKETS = 256
_MASK = _BUCKETS - 1


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPlan:
    """What would happen. `readers` is how many mails would go; `seconds` how long that takes at the set rates."""

    edition: str
    readers: int
    suppressed: int
    duplicates: int
    bad: int
    others: int
    notes: tuple[str, ...]  # who else is left out, and why
    faults: tuple[Fault, ...]
    domains: Mapping[str, int]  # the largest first
    languages: Mapping[str, int]
    seconds: float | None  # None when no rate is set


def plan_send(readers: Readers, suppressions: Suppressions, rate: float, per_domain: Mapping[str, float]) -> SendPlan:
    """Count what a send of this edition would do: once through the list, sixteen octets a reader, nothing written.

    Rates are mails a second, 0 for no limit.
    """
    kinds = _Numbers({None: 0})  # (domain, language), numbered; None: suppressed
    # Beside each address's hash (of 64 bits, which no two readers of a list share) stands its kind, so that one that
    # comes twice is counted once, as the freeze will.
    hashes = [array("q") for _ in range(_BUCKETS)]
    marks = [array("L") for _ in range(_BUCKETS)]
    own = readers.edition.language
    for batch in _batches(readers):
        addresses = [reader.address for reader in batch]
        held = suppressions.suppressed(addresses, readers.edition.audience)
        numbers = [kinds[domain_of(each.address), each.language or own] for each in batch]
        if held:
            numbers = [0 if one in held else number for one, number in zip(addresses, numbers, strict=True)]
        keys = address_key("\n".join(addresses)).split("\n")  # of all at once: no address holds a line break
        for hashed, number in zip(map(hash, keys), numbers, strict=True):
            place = hashed & _MASK
            hashes[place].append(hashed)
            marks[place].append(number)
    counts: Counter[int] = Counter()
    for bucket, marked in zip(hashes, marks, strict=True):
        if len(set(bucket)) == len(bucket):
            counts.update(marked)
        else:  # the first one's kind stays
            counts.update(dict(zip(reversed(bucket), reversed(marked), strict=True)).values())
    domains: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for each, number in kinds.items():
        if each is not None and counts[number]:
            domains[each[0]] += counts[number]
            languages[each[1]] += counts[number]
    return SendPlan(
        edition=readers.edition.id,
        readers=domains.total(),
        suppressed=counts[0],
        duplicates=sum(map(len, hashes)) - counts.total(),
        bad=readers.bad,
        others=readers.others,
        notes=readers.notes(),
        faults=tuple(readers.faults),
        domains=dict(domains.most_common()),
        languages=dict(languages.most_common()),
        seconds=duration(domains, rate, per_domain),
    )


class _Numbers(dict[tuple[str, str] | None, int]):
    """Numbers its keys as they are asked for."""

    def __missing__(self, key: tuple[str, str] | None) -> int:
        number = self[key] = len(self)
        return number


def duration(domains: Mapping[str, int], rate: float, per_domain: Mapping[str, float]) -> float | None:
    """Seconds that so many mails take: the slowest of the relay's rate and each domain's. None without any limit.

    >>> duration({"gmail.com": 100, "example.org": 100}, 50.0, {"gmail.com": 2.0})
    50.0
    """
    times = [sum(domains.values()) / rate] if rate else []
    times += [count / per_domain[domain] for domain, count in domains.items() if per_domain.get(domain)]
    return max(times, default=None)


def _batches(readers: Iterable[Recipient]) -> Iterator[list[Recipient]]:
    walk = iter(readers)
    while batch := list(islice(walk, _BATCH)):
        yield batch
