"""An edition's readers: who of its audience's list gets it, and what sending it to them would do.

    list ─▶ Readers: no bad rows, only those of its segment and language ─▶ freeze, or plan_send ─▶ SendPlan

A reader belongs to exactly one of the languages that are offered: by the tag on the list, or else the first. It
streams; it never holds the list. Bad rows are kept to be named, the first thousand in full and the rest by number.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from itertools import count, islice
from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.errors import Fault, LedgerError
from digest.mail.address import domain_of
from digest.mail.address import key as address_key
from digest.model import InactiveReader, language_tags
from digest.recipients.segments import Segment
from digest.text.counting import counted
from digest.text.language import primary, script, shortest, usual_script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from digest.model import Audience, Edition, Recipient
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import RecipientSource, Suppressions

NAMED = 1000  # bad rows that are kept in full
_BATCH = 200  # few at a time: what is held longer, Python looks through for garbage again and again
_BUCKETS = 256
_MASK = _BUCKETS - 1


class Readers(Struct):
    """One pass over the list. `faults` and the counts fill while it runs."""

    source: RecipientSource
    edition: Edition
    audience: Audience
    segment: Segment = field(default_factory=Segment)
    offered: tuple[str, ...] = ()  # the languages that have an edition; empty: all of the audience's
    faults: list[Fault] = field(default_factory=list)
    rows: int = 0  # of the list, whoever they are
    bad: int = 0
    others: int = 0  # of another language, or not of the segment
    inactive: Counter[str] = field(default_factory=Counter)  # who by the list itself is not to be mailed, by reason
    outside: Counter[str] = field(default_factory=Counter)  # who is not of the segment, by why
    unsure: Counter[str] = field(default_factory=Counter)  # who is of it, as what is excepted cannot be read

    def __iter__(self) -> Iterator[Recipient]:
        """The readers of this edition, in the list's order."""
        for language, reader in self.in_languages():
            if language == self.edition.language:
                yield reader
            else:
                self.others += 1

    def in_languages(self) -> Iterator[tuple[str, Recipient]]:
        """The readers of all the round's editions, each with the language in which they get it, in the list's order."""
        offered = self.offered or self.audience.languages
        chosen: dict[str, str] = {}  # by the tag on the list
        for row in self.source.recipients():
            self.rows += 1
            if isinstance(row, Fault):
                self.bad += 1
                if len(self.faults) < NAMED:
                    self.faults.append(row)
            elif isinstance(row, InactiveReader):
                self.inactive[row.reason] += 1
            elif why := self.segment.why_not(row):
                self.outside[why] += 1
                self.others += 1
            else:
                if self.segment.excepted and (doubt := self.segment.unsure(row)):
                    self.unsure[doubt] += 1
                if row.language not in chosen:
                    chosen[row.language] = language_of(row.language, offered)
                yield chosen[row.language], row

    def account(self, rounds: Mapping[str, Mapping[str, int]]) -> str:
        """What became of each row of the list, for a person, by what the freeze counted for each edition.

        Raises LedgerError when that is not every row: somebody would be lost without being named.
        """
        kinds = {name: count["planned"] for name, count in rounds.items()} | {
            "suppressed": sum(count["suppressed"] for count in rounds.values()),
            "on the list twice": sum(count["duplicates"] for count in rounds.values()),
            "bad": self.bad,
            "not to be mailed by the list itself": self.inactive.total(),
            "not in the segment": self.outside.total(),
        }
        words = f"{counted(self.rows, 'row')}: " + ", ".join(
            f"{count:,} {kind}" for kind, count in kinds.items() if count
        )
        if sum(kinds.values()) != self.rows:
            message = f"{self.audience.name}: {words}: that is not all of them; nobody was mailed, please report it"
            raise LedgerError(message)
        return words

    def notes(self) -> tuple[str, ...]:
        """Who was left out, and why, for a person."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.inactive.items()))
        stopped = (f"by the list itself not to be mailed: {reasons}",) if reasons else ()
        return (
            *self.source.unread(),
            *stopped,
            *(f"not in the segment: {count:,}, {why}" for why, count in sorted(self.outside.items())),
            *(f"not held back by except: {count:,}, {why}" for why, count in sorted(self.unsure.items())),
        )


def readers_of(newsroom: Newsroom, edition: Edition, offered: tuple[str, ...] = ()) -> Readers:
    """The readers of an edition's list, of its segment, as config.yaml has them. Raises UsageError, ConfigError."""
    audience, parts = newsroom.config.audience(edition.audience), newsroom.sending_setup
    return Readers(parts.source(audience), edition, audience, parts.segment(audience), offered)


def language_of(tag: str, offered: Sequence[str]) -> str:
    """Which of the languages that are offered suits a reader with this tag: always one, the first when none does.

    The exact tag; else of those of the same language, and of no other script than the tag says, one in the script
    that is usual there; among these the tag cut from the right (RFC 4647, 3.4) before the first.

    >>> [language_of(tag, ("en", "fr")) for tag in ("fr-CA", "de", "")]
    ['fr', 'en', 'en']
    >>> language_of("en", ("en-ZA", "en")), language_of("zh-TW", ("zh-Hans", "zh-Hant"))
    ('en', 'zh-Hant')
    """
    wanted = shortest(tag)
    known = {shortest(language).lower(): language for language in reversed(offered)}
    exact, *broader = language_tags(wanted)
    if exact in known:
        return known[exact]
    said = script(wanted)
    related = [language for language in offered if tag and primary(shortest(language)) == primary(wanted)]
    suiting = [language for language in related if not said or script(language) in ("", said)]
    if len(suiting) > 1:
        usual = usual_script(wanted)
        suiting = [language for language in suiting if usual_script(language) == usual] or suiting
        return next((known[each] for each in broader if known.get(each) in suiting), suiting[0])
    return suiting[0] if suiting else offered[0]


class SendPlan(Struct, frozen=True, kw_only=True):
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


def plan_send(
    readers: Readers, suppressions: Suppressions | None, rate: float, per_domain: Mapping[str, float]
) -> SendPlan:
    """Count what a send of this edition would do: once through the list, sixteen octets a reader, nothing written.

    Rates are mails a second, 0 for no limit. Where there is no ledger yet, nobody is suppressed.
    """
    # (domain, language), numbered as they are met; None: suppressed
    kinds: defaultdict[tuple[str, str] | None, int] = defaultdict(count(1).__next__, {None: 0})
    # Beside each address's hash (of 64 bits, which no two readers of a list share) stands its kind, so that one that
    # comes twice is counted once, as the freeze will.
    hashes = [array("q") for _ in range(_BUCKETS)]
    marks = [array("L") for _ in range(_BUCKETS)]
    own = readers.edition.language
    for batch in _batches(readers):
        addresses = [reader.address for reader in batch]
        held = suppressions.suppressed(addresses, readers.edition.audience) if suppressions else frozenset()
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
