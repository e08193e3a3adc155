"""What an editor would see in an issue's own words: too long, past, in the wrong place, paid for and above the news.

Looks at the blocks as they were written, and names the file and the line; that each is shown, in both parts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.checks.context import Hit, check
from digest.checks.rendering import letters_only
from digest.model import Severity
from digest.text.wrapping import width
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext

_SHOWN_BY = ("title", "figure", "name", "label", "text")  # what tells one block from another, the first that it has
_HOLDING = frozenset(("draft", "withdrawn", "embargoed"))  # rules that a pin does not overrule
_MARKS = re.compile(r"^(?:[#>*+|\s-]|\d{1,9}[.)]\s)+")  # with which a line of Markdown may begin
_TARGETS = re.compile(r"\]\([^()]*\)")


@check("block-long", Severity.WARNING, "stories", "A block is read at a glance; what is longer is a story.")
def block_long(context: CheckContext) -> Iterator[Hit]:
    """A field of a block wider than its table says is read, link targets not counted."""
    for block in context.blocks:
        for row, text in block.said():
            columns = width(_TARGETS.sub("]", text))
            if 0 < row.longest < columns:
                yield Hit(
                    block.where, f"{row.name} of the {block.kind} is {columns} columns long; {row.longest} are plenty"
                )


@check("block-unplaced", Severity.WARNING, "stories", "What belongs beside a story makes no sense at the end.")
def block_unplaced(context: CheckContext) -> Iterator[Hit]:
    """A block that is to stand after a story that is not in this edition: it stands at the end."""
    ids = {name for story in context.stories for name in (story.id, story.translation_of)}
    for block in context.blocks:
        if block.after and block.after not in ids:
            near = did_you_mean(block.after, (story.id for story in context.stories))
            near = near if near.startswith(", did") else ""
            yield Hit(block.where, f"{block.after} is not in this edition{near}; the {block.kind} stands at the end")


@check("button-twice", Severity.WARNING, "stories", "Two things to do are two things that nobody does.")
def button_twice(context: CheckContext) -> Iterator[Hit]:
    """More than one button in an issue."""
    buttons = [block for block in context.blocks if block.kind == "button"]
    for block in buttons[1:]:
        yield Hit(
            block.where, f"is button {buttons.index(block) + 1} of this issue; one is heard, keep the one that matters"
        )


@check("event-past", Severity.WARNING, "stories", "A date that is over when the mail comes is a mistake, or old.")
def event_past(context: CheckContext) -> Iterator[Hit]:
    """An event whose day is before the day of the mail."""
    if not context.blocks:
        return
    from digest.blocks.kinds import EventsBlock

    today = context.now.astimezone(context.newsroom.timezone).date()
    for block in context.blocks:
        for event in block.events if isinstance(block, EventsBlock) else ():
            if event.date < today:
                yield Hit(
                    block.where, f"“{event.title[:60]}” was on {event.date}, and the mail goes on {today} or later"
                )


@check("sponsor-above-lead", Severity.ERROR, "stories", "What is paid for never comes before the news.")
def sponsor_above_lead(context: CheckContext) -> Iterator[Hit]:
    """An advertisement at the top of the mail."""
    for block in context.blocks:
        if block.kind == "sponsor" and block.place == "top" and not block.after:
            yield Hit(block.where, "stands above the lead; write `at: end`, or `after:` a story")


@check("pin-language", Severity.WARNING, "stories", "A story in another language is not what these readers asked for.")
def pin_language(context: CheckContext) -> Iterator[Hit]:
    """A story that is pinned, and is in another language than the edition, with no translation into that."""
    edition = context.selection.edition
    for story in context.selection.foreign:
        where = context.selection.issue.places.get(f"pin {story.id}", edition.id)
        outcome = "is in all the same" if story in context.stories else f"is left to the edition in {story.language}"
        yield Hit(where, f"{story.id} is in {story.language}, this edition in {edition.language}, so it {outcome}")


@check("pin-held", Severity.WARNING, "stories", "An editor who pins a story believes that it is in.")
def pin_held(context: CheckContext) -> Iterator[Hit]:
    """A story that is pinned, and a draft, withdrawn, or under embargo: no pin brings it in."""
    for decision in context.selection.decisions:
        where = context.selection.issue.places.get(f"pin {decision.story.id}")
        if where and not decision.included and decision.rule in _HOLDING:
            yield Hit(where, f"{decision.story.id} is pinned and not in: {decision.reason}")


@check("block-not-shown", Severity.ERROR, "rendering", "What an editor wrote must be in the mail, in both parts.")
def block_not_shown(context: CheckContext) -> Iterator[Hit]:
    """A block, or an intro, whose words are missing from the HTML or the text: a theme that shows none."""
    parts = {"HTML": letters_only(context.document.root.text), "text": letters_only(context.rendering.text)}
    issue = context.selection.issue
    words = [
        (block.where, block.kind, _first_words({row.name: text for row, text in block.said() if row.holds != "choice"}))
        for block in context.blocks
    ]
    if issue.intro:
        words.append((issue.places.get("intro", "intro"), "intro", _first_words({"text": issue.intro})))
    for where, kind, text in words:
        for name, shown in parts.items():
            if text and letters_only(text) not in shown:
                yield Hit(where, f"the {kind} is not in the {name} part: the theme's own templates know no blocks yet")


def _first_words(texts: dict[str, str]) -> str:
    """What shows that a block is there: its first field of these, up to the first thing that Markdown may change."""
    text = next((texts[key] for key in _SHOWN_BY if key in texts), "")
    return re.split(r"[\[\]*_`<>&\\\n!#|]", _MARKS.sub("", text))[0]
