"""What the page says about an edition, as plain data for JSON: inbox, sizes, findings, selection, calendar.

Reads what was made and stories, decides nothing, and escapes nothing: the page puts all of it in as text.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from digest.checks.registry import CHECKS
from digest.errors import DigestError
from digest.files import spelled_below
from digest.model import GMAIL_CLIPS_AT, STORY_SUFFIX, Severity, Status
from digest.period import containing
from digest.preview.issue_form import open_issue, place_of
from digest.preview.saves import version
from digest.preview.story_form import field_at
from digest.preview.stress import CASES
from digest.text.merge import shown_subject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from digest.model import Decision, Edition, Finding, Selection, Story
    from digest.newsroom.newsroom import Newsroom
    from digest.preview.state import ShownEdition

ROWS = 300  # decisions that are listed; a search finds the others


def edition(view: ShownEdition, revision: int) -> dict[str, Any]:
    """All that the page shows at once."""
    build, rendering = view.build, view.build.rendering
    config = view.newsroom.config
    head = view.identity
    return {
        "revision": revision,
        "errors": list(view.errors),
        "newsroom": config.newsroom.name,
        "edition": {
            "id": view.edition.id,
            "month": containing(view.edition.period.first, "month", view.edition.period.zone).id,
            "audience": view.edition.audience,
            "language": view.edition.language,
            "direction": rendering.direction if rendering else "ltr",
            **around(view.edition),
        },
        "audiences": [
            {"name": each.name, "title": each.title, "languages": list(each.languages)}
            for each in (audience.in_language(view.edition.language) for audience in config.audiences.values())
        ],
        "cases": [{"name": name, "title": case.title} for name, case in CASES.items()],
        "test_addresses": list(config.settings.preview.test_addresses),
        "inbox": {
            "from_name": head.sender_name or head.organization,
            "from": head.sender,
            "reply_to": head.reply_to,
            "subject": shown_subject(rendering) if rendering else "",
            "preheader": rendering.preheader if rendering else "",
            "date": f"{build.made:%Y-%m-%d}",
            "to": f"{view.reader.name} <{view.reader.address}>".strip() if view.reader else "",
        },
        "size": _sizes(view),
        "findings": [_finding(each, view) for each in sorted(build.findings, key=_loudest_first)],
        "verdict": build.selection.verdict,
        "stories": len(build.selection.stories),
        "included": [{"id": s.id, "title": s.title, "link": s.link} for s in build.selection.stories],
        "fingerprint": view.fingerprint,
    }


def selection(chosen: Selection, newsroom: Newsroom, words: str = "") -> dict[str, Any]:
    """Every candidate with in or out and why: those in by reading order, then the rest from the newest."""
    hand = newsroom.overrides(chosen.edition)
    order = {story.id: place for place, story in enumerate(chosen.stories)}
    found = [each for each in chosen.decisions if words.casefold() in f"{each.story.title} {each.story.id}".casefold()]
    inside = sorted((each for each in found if each.included), key=lambda d: order.get(d.story.id, len(order)))
    rest = sorted((each for each in found if not each.included), key=_nearest_first)
    rows = [*inside, *rest]
    return {
        "rows": [_row(each) for each in rows[:ROWS]],
        "total": len(rows),
        "included": len(inside),
        "version": version(open_issue(newsroom, chosen.edition).data),
        "pin": list(hand.pin),
        "skip": list(hand.skip),
        "order": list(hand.order),
    }


def calendar(stories: Iterable[Story], newsroom: Newsroom) -> dict[str, Any]:
    """How many published stories each month has, of each kicker; months without any are there too."""
    zone = newsroom.config.newsroom.timezone
    counts: dict[str, Counter[str]] = {}
    for story in stories:
        if story.status is Status.PUBLISHED:
            month = f"{story.date.astimezone(zone):%Y-%m}"
            counts.setdefault(month, Counter())[story.kicker] += 1
    total: Counter[str] = sum(counts.values(), Counter())
    months: list[dict[str, Any]] = []
    if counts:
        span, last = newsroom.period(min(counts)), max(counts)
        while span.id <= last:
            kickers = counts.get(span.id, Counter())
            months.append({"month": span.id, "total": kickers.total(), "kickers": dict(kickers.most_common())})
            span = span.step(1)
    return {"months": months, "kickers": [name for name, _ in total.most_common()]}


def around(edition: Edition) -> dict[str, str]:
    """The edition's period, and those before and after it."""
    return {"period": edition.period.id, "previous": _step(edition, -1), "next": _step(edition, 1)}


def _step(edition: Edition, count: int) -> str:
    try:
        return edition.period.step(count).id
    except DigestError:
        return ""  # at the calendar's end


def _sizes(view: ShownEdition) -> dict[str, Any]:
    rendering = view.build.rendering
    if rendering is None:
        return {"html": 0, "text": 0, "mail": 0, "limit": GMAIL_CLIPS_AT, "cut": 0, "stories": []}
    titles = {story.id: story.title for story in view.build.selection.stories}
    return {
        "html": len(rendering.html.encode()),
        "text": len(rendering.text.encode()),
        "mail": len(view.build.mail),
        "limit": GMAIL_CLIPS_AT,
        "cut": rendering.cut,
        "stories": [
            {"id": name, "title": titles.get(name, name), "bytes": size}
            for name, size in rendering.bytes_per_story.items()
        ],
    }


def _loudest_first(finding: Finding) -> int:
    return list(Severity).index(finding.severity)


def _finding(finding: Finding, view: ShownEdition) -> dict[str, Any]:
    """A finding, with the story or the place of the issue file that it is about, and the field of the form."""
    place, _, line = finding.where.partition(":")
    number = int(line) if line.isdecimal() else 0
    stories = view.build.selection.stories
    about = next((story for story in stories if place and place in (story.file, story.id)), None)
    check = CHECKS.get(finding.code)
    issue = place_of(view, place, number) if place.endswith(".yaml") and number else None
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "where": finding.where,
        "message": finding.message,
        "element": finding.element,
        "html": finding.html,
        "why": check.why if check else "",
        "story": {"id": about.id, "title": about.title, "link": about.link} if about else None,
        "issue": issue,
        "field": _field(view.newsroom.root, about, number) if about and number else issue["field"] if issue else "",
    }


def _field(root: Path, story: Story, line: int) -> str:
    try:
        text = spelled_below(root / "stories", f"{story.id}{STORY_SUFFIX}").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""  # it was there a moment ago: the page is told of the change next
    return field_at(text, line)


def _nearest_first(decision: Decision) -> tuple[bool, float, str]:
    return decision.rule == "outside-period", -decision.story.date.timestamp(), decision.story.id


def _row(decision: Decision) -> dict[str, Any]:
    story = decision.story
    return {
        "id": story.id,
        "title": story.title,
        "kicker": story.kicker,
        "date": f"{story.date:%Y-%m-%d}",
        "file": story.file,
        "included": decision.included,
        "rule": decision.rule,
        "reason": decision.reason,
    }
