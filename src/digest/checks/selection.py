"""What an editor would see in the choice of stories: one twice, one sent before, one of another month, too few.

Looks at the selection as a whole; each story by itself is `stories`' business.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from digest.checks.check import Hit, check
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext
    from digest.model import Story

ALIKE = 0.85  # of two headlines' words
_COMPARED = 400  # headlines compared with one another; a digest of more has other worries


@check(
    "date-outside-period", Severity.WARNING, "stories", "A story of another month looks like a mistake, and often is."
)
def date_outside_period(subject: CheckContext) -> Iterator[Hit]:
    """A story dated outside the period that is neither late, nor carried over, nor pinned by an editor."""
    if subject.selection is None:
        return
    period = subject.selection.edition.period
    meant = {d.story.id for d in subject.selection.decisions if d.rule in ("late", "carried-over", "pinned")}
    for story in (story for group in subject.selection.groups for story in group.stories):
        if story.date not in period and story.id not in meant:
            day = story.date.astimezone(period.zone).date()
            yield Hit(subject.place(story, "date"), f"is of {day}, which is not in {period.id}")


@check("headline-near-duplicate", Severity.WARNING, "stories", "The same story twice in one mail.")
def headline_near_duplicate(subject: CheckContext) -> Iterator[Hit]:
    """Two headlines that differ by next to nothing; parts of a series (1, 2) may."""
    seen: list[tuple[Story, list[str]]] = []
    for story in subject.stories[:_COMPARED]:
        words = _words(story.title)
        for other, others in seen:
            if _alike(words, others):
                place = subject.place(story, "title")
                yield Hit(place, f"“{story.title[:60]}” is much like the headline of {other.file or other.id}")
                break
        seen.append((story, words))


@check("sent-before", Severity.ERROR, "stories", "A story goes to an audience once, unless it says that it may again.")
def sent_before(subject: CheckContext) -> Iterator[Hit]:
    """A story that another edition already brought to the same readers."""
    if subject.selection is None:
        return
    edition = subject.selection.edition
    for past in subject.history:
        same = (past.edition.audience, past.edition.language) == (edition.audience, edition.language)
        if not past.sent or not same or past.edition.id == edition.id:
            continue
        for story in subject.stories:
            if story.id in past.included and not story.repeat:
                message = f"was sent to this audience in {past.edition.id}; if it is meant to go again: `repeat: true`"
                yield Hit(subject.place(story, "title"), message)


@check("thin-month", Severity.WARNING, "stories", "A month far thinner than usual is often an import that failed.")
def thin_month(subject: CheckContext) -> Iterator[Hit]:
    """Fewer stories than the audience asks for, or than half of what its last editions of this kind had."""
    if subject.selection is None:
        return
    edition, count = subject.selection.edition, len(subject.selection.stories)
    sizes = sorted(
        len(past.included)
        for past in subject.history
        if past.edition.id != edition.id
        and (past.edition.audience, past.edition.language) == (edition.audience, edition.language)
        and past.edition.period.kind == edition.period.kind
    )
    usual = sizes[len(sizes) // 2] if len(sizes) >= 3 else 0  # noqa: PLR2004 - two editions make no habit
    wanted = subject.audience.min_items if subject.audience else 1
    if count < wanted:
        yield Hit(edition.id, f"{_stories(count)}, and the audience asks for at least {wanted}")
    elif count * 2 < usual:
        yield Hit(edition.id, f"{_stories(count)}, where {usual} are usual; is an import missing?")


@check("link-twice", Severity.WARNING, "stories", "Two headlines that open the same page: one of the links is wrong.")
def link_twice(subject: CheckContext) -> Iterator[Hit]:
    """Two stories with the same link."""
    seen: dict[str, Story] = {}
    for story in subject.stories:
        other = seen.setdefault(story.link, story) if story.link else story
        if other is not story:
            yield Hit(subject.place(story, "link"), f"has the same link as {other.file or other.id}")


def _words(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"\w+", plain)


def _alike(one: list[str], two: list[str]) -> bool:
    if not one or not two or min(len(one), len(two)) / max(len(one), len(two)) < ALIKE - 0.1:
        return False
    different = set(one) ^ set(two)
    if different and all(word.isdigit() for word in different):
        return False  # parts of a series
    common = len(set(one) & set(two))
    if common * 2 < ALIKE * (len(set(one)) + len(set(two))):
        return False
    return SequenceMatcher(None, one, two, autojunk=False).ratio() >= ALIKE


def _stories(count: int) -> str:
    return "no story" if count == 0 else "1 story" if count == 1 else f"{count} stories"
