"""Decide which stories an edition holds, in what order, and say of each candidate why it is in or out.

    stories ─rules─▶ in or out, each with one reason ─rank─▶ order ─limit─▶ first N ─group─▶ Selection

The rules are a tuple of small functions, asked in order; the first that has an answer decides, and its name is what
`--explain` shows. Pure: values and `now` in, values out. It never reads a file or a clock, and never changes a story.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.model import Decision, Group, LateGroup, Overrides, Selection, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from digest.model import Audience, Edition, Match, PastEdition, Story, Thin
    from digest.period import Period

# Out for now, not for good: such a story has not had its chance, so a later edition may still offer it.
_NOT_YET = frozenset({"draft", "embargoed", "outside-period"})
_LAST = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
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


_Answer = tuple[bool, str, str]  # in or out, the rule's name, the reason


def select(
    stories: Iterable[Story],
    *,
    edition: Edition,
    audience: Audience,
    now: datetime,
    history: Sequence[PastEdition] = (),
    overrides: Overrides | None = None,
) -> Selection:
    """Select the stories of `edition` for `audience` as things stand at `now`.

    `stories` are all candidates: those of the period, and those that may be late, carried over or pinned. `history` is
    what earlier editions held; only editions of this audience and language count. The result is the same for any order
    of `stories`.
    """
    candidates = sorted(stories, key=lambda story: (story.date, story.id))
    question = _question(candidates, edition, audience, now, history, overrides or Overrides())
    decisions = {
        story.id: Decision(story=story, included=yes, rule=rule, reason=reason)
        for story in candidates
        for yes, rule, reason in [_decide(story, question)]
    }
    ranked = sorted((d.story for d in decisions.values() if d.included), key=lambda story: _rank(story, question))
    kept, over = _cut(ranked, audience.limit, len(question.overrides.pin))
    for place, story in enumerate(over, start=len(kept) + 1):
        reason = f"number {place} of {len(ranked)}, and the limit is {audience.limit}"
        decisions[story.id] = Decision(story=story, included=False, rule="over-limit", reason=reason)
    late = [story for story in kept if decisions[story.id].rule in ("late", "carried-over")]
    fresh = [story for story in kept if decisions[story.id].rule not in ("late", "carried-over")]
    return Selection(
        edition=edition,
        groups=_grouped(fresh, audience, edition),
        late=_late_groups(late, question.earlier),
        decisions=tuple(decisions.values()),
        more=len(over),
        verdict=_verdict(len(kept), audience),
    )


def had_their_chance(selection: Selection) -> frozenset[str]:
    """The story ids that this edition settled: what `PastEdition.candidates` remembers of it."""
    return frozenset(d.story.id for d in selection.decisions if d.rule not in _NOT_YET)


def _question(
    candidates: Sequence[Story],
    edition: Edition,
    audience: Audience,
    now: datetime,
    history: Sequence[PastEdition],
    overrides: Overrides,
) -> _Question:
    ours = [
        past
        for past in history
        if past.edition.audience == edition.audience and past.edition.language == edition.language
    ]
    others = [past for past in ours if past.edition.id != edition.id]
    before = sorted(
        (
            p
            for p in others
            if p.edition.period.kind == edition.period.kind and p.edition.period.after <= edition.period.first
        ),
        key=lambda past: past.edition.period.first,
        reverse=True,
    )
    return _Question(
        edition=edition,
        audience=audience,
        now=now,
        overrides=overrides,
        seen=frozenset().union(*(past.candidates | past.included for past in before)),
        sent=frozenset().union(*(past.included for past in others if past.sent)),
        carried=before[0].carried if before else frozenset(),
        earlier=tuple(past.edition.period for past in before),
        translated={
            story.translation_of: story.id
            for story in candidates
            if story.translation_of and story.status is Status.PUBLISHED and _speaks(story.language, edition.language)
        },
    )


# The rules, in the order in which they are asked.


def _skipped(story: Story, q: _Question) -> _Answer | None:
    return (False, "skipped", "the editor skips it, in the overrides file") if story.id in q.overrides.skip else None


def _status(story: Story, _: _Question) -> _Answer | None:
    if story.status is Status.PUBLISHED:
        return None
    sentence = {Status.DRAFT: "still a draft", Status.WITHDRAWN: "withdrawn by the newsroom"}[story.status]
    return False, str(story.status), sentence


def _embargo(story: Story, q: _Question) -> _Answer | None:
    if story.embargo is None or story.embargo <= q.now:
        return None
    return False, "embargoed", f"under embargo until {story.embargo:%Y-%m-%d %H:%M %Z}"


def _pinned(story: Story, q: _Question) -> _Answer | None:
    return (True, "pinned", "the editor pins it, in the overrides file") if story.id in q.overrides.pin else None


def _elsewhen(story: Story, q: _Question) -> _Answer | None:
    """Out when it is dated outside the period and has no other way in. Says nothing about one that is inside."""
    if story.date in q.edition.period or _carried(story, q) or _late(story, q):
        return None
    return False, "outside-period", f"dated {_day(story)}, not in {q.edition.period.id}"


def _language(story: Story, q: _Question) -> _Answer | None:
    wanted = q.audience.select.languages or (q.edition.language,)
    if any(_speaks(story.language, language) for language in wanted):
        return None
    return False, "language", f"in {story.language or 'no language'}, this edition takes {', '.join(wanted)}"


def _translated(story: Story, q: _Question) -> _Answer | None:
    better = q.translated.get(story.id)
    if better is None or better == story.id:
        return None
    return False, "translated", f"{better} is its translation into {q.edition.language}"


def _excluded(story: Story, q: _Question) -> _Answer | None:
    for name, values, wanted in _pairs(story, q.audience.exclude):
        if found := _shared(values, wanted):
            return False, name, f"{name} {found[0]!r} is excluded for {q.audience.name}"
    return None


def _unsuited(story: Story, q: _Question) -> _Answer | None:
    for name, values, wanted in _pairs(story, q.audience.select):
        if wanted and not _shared(values, wanted):
            has = ", ".join(values) or "none"
            return False, name, f"{name} {has}; {q.audience.name} takes {', '.join(wanted)}"
    return None


def _sent_before(story: Story, q: _Question) -> _Answer | None:
    if story.id not in q.sent or story.repeat:
        return None
    return False, "sent-before", f"{q.audience.name} has had it in another edition; `repeat: true` would send it again"


def _arrival(story: Story, q: _Question) -> _Answer:
    """It is in: say by which door."""
    if story.date in q.edition.period:
        return True, "in-period", f"dated {_day(story)}, in {q.edition.period.id}"
    if _carried(story, q):
        return True, "carried-over", f"dated {_day(story)}, held back when that edition was thin"
    return True, "late", f"dated {_day(story)}, first seen after that period's edition was made"


_RULES: tuple[Callable[[Story, _Question], _Answer | None], ...] = (
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


def _decide(story: Story, question: _Question) -> _Answer:
    return next(answer for rule in _RULES if (answer := rule(story, question)) is not None)


def _carried(story: Story, q: _Question) -> bool:
    return story.id in q.carried and any(story.date in period for period in q.earlier)


def _late(story: Story, q: _Question) -> bool:
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


def _shared(values: Iterable[str], wanted: Iterable[str]) -> list[str]:
    folded = {value.casefold() for value in wanted}
    return [value for value in values if value.casefold() in folded]


def _speaks(language: str, wanted: str) -> bool:
    """`en-GB` speaks `en`; `en` does not speak `en-GB`."""
    language, wanted = language.lower(), wanted.lower()
    return language == wanted or language.startswith(wanted + "-")


def _day(story: Story) -> str:
    return f"{story.date:%Y-%m-%d}"


def _rank(story: Story, q: _Question) -> tuple[int, int, bool, int, float, str]:
    """The editor's order, then pins, the lead, weight, the newest, and last the id, so that no two are equal."""
    return (
        _place(story.id, q.overrides.order),
        _place(story.id, q.overrides.pin),
        not story.lead,
        -story.weight,
        -story.date.timestamp(),
        story.id,
    )


def _place(story_id: str, order: tuple[str, ...]) -> int:
    return order.index(story_id) if story_id in order else _LAST


def _cut(ranked: list[Story], limit: int | None, pinned: int) -> tuple[list[Story], list[Story]]:
    """The first `limit`; what an editor pinned is never among the rest."""
    at = len(ranked) if limit is None else max(limit, pinned)
    return ranked[:at], ranked[at:]


def _verdict(count: int, audience: Audience) -> Thin:
    return "send" if count >= audience.min_items else audience.thin


def _grouped(stories: list[Story], audience: Audience, edition: Edition) -> tuple[Group, ...]:
    """Sections in the order of their first story; months newest first; what has no key comes last."""
    keyed: dict[str, list[Story]] = {}
    for story in stories:
        keyed.setdefault(_key(story, audience, edition), []).append(story)
    keys = sorted(keyed, reverse=True) if audience.group_by == "month" else list(keyed)
    keys.sort(key=lambda key: not key)
    return tuple(Group(key=key, stories=tuple(keyed[key])) for key in keys)


def _key(story: Story, audience: Audience, edition: Edition) -> str:
    match audience.group_by:
        case "none":
            return ""
        case "month":
            return f"{story.date.astimezone(edition.period.zone):%Y-%m}"
        case "kicker":
            return story.kicker
        case "channel":
            return _first(story.channels, audience.select.channels)
        case "topic":
            return _first(story.topics, audience.select.topics)
        case "country":
            return _first(story.countries, audience.select.countries)


def _first(values: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    """The value that a story of several stands under: the first that the audience asked for, else its own first."""
    return next(iter(_shared(values, wanted) or values), "")


def _late_groups(stories: list[Story], earlier: tuple[Period, ...]) -> tuple[LateGroup, ...]:
    """One group for each earlier period, newest first; a story in two that overlap stands in the newer."""
    groups: dict[Period, list[Story]] = {}
    for story in stories:
        period = next(period for period in earlier if story.date in period)
        groups.setdefault(period, []).append(story)
    return tuple(LateGroup(period=p, stories=tuple(groups[p])) for p in earlier if p in groups)
