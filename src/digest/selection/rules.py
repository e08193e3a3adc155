"""The rules of selection: small functions that are asked in order; the first that has an answer decides.

A rule's answer names itself and gives a reason in words: that is what `--explain` shows. Pure, and each rule knows one
thing only: where a new one is wanted, it is a function here and a name in `RULES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.model import Status
from digest.text.likeness import label_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from digest.model import Audience, Edition, Match, Overrides, Story
    from digest.period import Period


class Question(Struct, frozen=True, kw_only=True):
    """What the rules are asked about, worked out once: the edition, and what earlier editions held."""

    edition: Edition
    audience: Audience
    now: datetime
    overrides: Overrides
    seen: frozenset[str]  # had their chance in an earlier edition
    sent: frozenset[str]  # mailed to this audience in another edition
    carried: frozenset[str]  # held back by the edition just before, because it was thin
    earlier: tuple[Period, ...]  # periods of earlier editions, newest first
    translated: dict[str, str] = field(default_factory=dict)  # original's id -> its translation into our language


Answer = tuple[bool, str, str]  # in or out, the rule's name, the reason


# The rules, in the order in which they are asked.


def _skipped(story: Story, q: Question) -> Answer | None:
    return (False, "skipped", "the editor skips it, in the issue file") if story.id in q.overrides.skip else None


def _status(story: Story, _: Question) -> Answer | None:
    if story.status is Status.PUBLISHED:
        return None
    sentence = {Status.DRAFT: "still a draft", Status.WITHDRAWN: "withdrawn by the newsroom"}[story.status]
    return False, str(story.status), sentence


def _embargo(story: Story, q: Question) -> Answer | None:
    if story.embargo is None or story.embargo <= q.now:
        return None
    return False, "embargoed", f"under embargo until {story.embargo:%Y-%m-%d %H:%M %Z}"


def _pinned(story: Story, q: Question) -> Answer | None:
    return (True, "pinned", "the editor pins it, in the issue file") if story.id in q.overrides.pin else None


def _elsewhen(story: Story, q: Question) -> Answer | None:
    """Out when it is dated outside the period and has no other way in. Says nothing about one that is inside."""
    if story.date in q.edition.period or _carried(story, q) or _late(story, q):
        return None
    return False, "outside-period", f"dated {_day(story)}, not in {q.edition.period.id}"


def _language(story: Story, q: Question) -> Answer | None:
    if suits(story, q.edition, q.audience):
        return None
    wanted = q.audience.select.languages or (q.edition.language,)
    return False, "language", f"in {story.language or 'no language'}, this edition takes {', '.join(wanted)}"


def _translated(story: Story, q: Question) -> Answer | None:
    better = q.translated.get(story.id)
    if better is None or better == story.id:
        return None
    return False, "translated", f"{better} is its translation into {q.edition.language}"


def _excluded(story: Story, q: Question) -> Answer | None:
    for name, values, wanted in _pairs(story, q.audience.exclude):
        if found := shared(values, wanted):
            return False, name, f"{name} {found[0]!r} is excluded for {q.audience.name}"
    return None


def _unsuited(story: Story, q: Question) -> Answer | None:
    for name, values, wanted in _pairs(story, q.audience.select):
        if wanted and not shared(values, wanted):
            has = ", ".join(values) or "none"
            return False, name, f"{name} {has}; {q.audience.name} takes {', '.join(wanted)}"
    return None


def _sent_before(story: Story, q: Question) -> Answer | None:
    if story.id not in q.sent or story.repeat:
        return None
    return False, "sent-before", f"{q.audience.name} has had it in another edition; `repeat: true` would send it again"


def _arrival(story: Story, q: Question) -> Answer:
    """It is in: say by which door."""
    if story.date in q.edition.period:
        return True, "in-period", f"dated {_day(story)}, in {q.edition.period.id}"
    if _carried(story, q):
        return True, "carried-over", f"dated {_day(story)}, held back when that edition was thin"
    return True, "late", f"dated {_day(story)}, first seen after that period's edition was made"


RULES: tuple[Callable[[Story, Question], Answer | None], ...] = (
    _skipped,
    _status,
    _embargo,
    _pinned,
    _elsewhen,
    _language,
    _translated,
    _excluded,
    _unsuited,
    _sent_before,
    _arrival,
)


def decide(story: Story, question: Question) -> Answer:
    """The answer of the first rule that has one; the last rule always has."""
    return next(answer for rule in RULES if (answer := rule(story, question)) is not None)


def _carried(story: Story, q: Question) -> bool:
    return story.id in q.carried and any(story.date in period for period in q.earlier)


def _late(story: Story, q: Question) -> bool:
    if q.audience.late == "ignore" or story.id in q.seen:
        return False
    return any(story.date in period for period in q.earlier)


def _pairs(story: Story, match: Match) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    return (
        ("channel", story.channels, match.channels),
        ("topic", story.topics, match.topics),
        ("country", story.countries, match.countries),
        ("kicker", (story.kicker,) if story.kicker else (), match.kickers),
    )


def shared(values: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Those of `values` that are wanted, by `label_key`, as they were written: an import writes `green-jobs`."""
    keys = set(map(label_key, wanted))
    return [value for value in values if label_key(value) in keys]


def speaks(language: str, wanted: str) -> bool:
    """`en-GB` speaks `en`; `en` does not speak `en-GB`."""
    language, wanted = language.lower(), wanted.lower()
    return language == wanted or language.startswith(wanted + "-")


def suits(story: Story, edition: Edition, audience: Audience) -> bool:
    """Tell whether the story is in a language that the edition takes."""
    return any(speaks(story.language, language) for language in audience.select.languages or (edition.language,))


def translation(story: Story, edition: Edition, audience: Audience, stories: Iterable[Story]) -> Story | None:
    """The story of `stories` that says the same in a language that the edition takes; the first by its id."""
    origin = story.translation_of or story.id
    same = (
        other
        for other in stories
        if other.status is Status.PUBLISHED
        and origin in (other.id, other.translation_of)
        and suits(other, edition, audience)
    )
    return min(same, key=lambda other: other.id, default=None)


def _day(story: Story) -> str:
    return f"{story.date:%Y-%m-%d}"
