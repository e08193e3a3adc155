"""Decide which stories an edition holds, in what order, and say of each candidate why it is in or out.

    stories ─rules─▶ in or out, each with one reason ─rank─▶ order ─limit─▶ first N ─group─▶ Selection

What decides is in `rules`, what orders and groups in `ranking`. Pure: values and `now` in, values out. It never reads a
file or a clock, and never changes a story.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.model import Decision, Issue, Overrides, Selection, Status
from digest.selection.ranking import cut, grouped, late_groups, rank
from digest.selection.rules import Question, decide, speaks, suits, translation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from digest.model import Audience, Edition, PastEdition, Story

# Out for now, not for good: such a story has not had its chance, so a later edition may still offer it.
_NOT_YET = frozenset({"draft", "embargoed", "outside-period"})


def select(
    stories: Iterable[Story],
    *,
    edition: Edition,
    audience: Audience,
    now: datetime,
    history: Sequence[PastEdition] = (),
    overrides: Overrides | None = None,
    issue: Issue | None = None,
) -> Selection:
    """Select the stories of `edition` for `audience` as things stand at `now`.

    `stories` are all candidates: those of the period, and those that may be late, carried over or pinned. `history` is
    what earlier editions held; only editions of this audience and language count. The result is the same for any order
    of `stories`. `issue` is what stands beside them.
    """
    candidates = sorted(stories, key=lambda story: (story.date, story.id))
    asked = overrides or Overrides()
    overrides = _in_language(asked, candidates, edition, audience)
    question = _question(candidates, edition, audience, now, history, overrides)
    decisions = {
        story.id: Decision(story=story, included=yes, rule=rule, reason=reason)
        for story in candidates
        for yes, rule, reason in [decide(story, question)]
    }
    ranked = sorted(
        (d.story for d in decisions.values() if d.included), key=lambda story: rank(story, question.overrides)
    )
    kept, over = cut(ranked, audience.limit, len(question.overrides.pin))
    for place, story in enumerate(over, start=len(kept) + 1):
        reason = f"number {place} of {len(ranked)}, and the limit is {audience.limit}"
        decisions[story.id] = Decision(story=story, included=False, rule="over-limit", reason=reason)
    late = [story for story in kept if decisions[story.id].rule in ("late", "carried-over")]
    fresh = [story for story in kept if decisions[story.id].rule not in ("late", "carried-over")]
    return Selection(
        edition=edition,
        groups=grouped(fresh, audience, edition),
        late=late_groups(late, question.earlier),
        decisions=tuple(decisions.values()),
        more=len(over),
        verdict="send" if len(kept) >= audience.min_items else audience.thin,
        issue=issue or Issue(),
        foreign=tuple(
            story for story in candidates if story.id in asked.pin and _is_foreign(story, candidates, edition, audience)
        ),
    )


def _is_foreign(story: Story, candidates: Sequence[Story], edition: Edition, audience: Audience) -> bool:
    return not suits(story, edition, audience) and translation(story, edition, audience, candidates) is None


def _in_language(overrides: Overrides, candidates: Sequence[Story], edition: Edition, audience: Audience) -> Overrides:
    """The editor's lists as this edition reads them: each story in its language, where it exists in that.

    One that does not is left to the edition of its own language, where the audience has one.
    """
    by_id = {story.id: story for story in candidates}

    def read(name: str) -> str:
        story = by_id.get(name)
        if story is None or suits(story, edition, audience):
            return name
        if ours := translation(story, edition, audience, candidates):
            return ours.id
        return "" if any(speaks(story.language, language) for language in audience.languages) else name

    pin, skip, order = (
        tuple(dict.fromkeys(filter(None, map(read, names))))
        for names in (overrides.pin, overrides.skip, overrides.order)
    )
    return Overrides(pin=pin, skip=skip, order=order)


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
) -> Question:
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
    return Question(
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
            if story.translation_of and story.status is Status.PUBLISHED and speaks(story.language, edition.language)
        },
    )
