"""Stories that readers have had, and what became of them since: changed without a word, withdrawn without a day.

Looks at what was kept of an edition when it was sent, and at the same stories as their files say them today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.checks.context import Hit, check
from digest.model import STORY_SHOWN, STORY_SUFFIX, Severity, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext
    from digest.model import Story


def changes(sent: Story, now: Story) -> tuple[str, ...]:
    """The fields in which a story that was sent is another today, and nobody has said that it was corrected."""
    if now.status is Status.WITHDRAWN or (now.corrected and now.corrected != sent.corrected):
        return ()
    return tuple(key for key in STORY_SHOWN if getattr(sent, key) != getattr(now, key))


def said(fields: tuple[str, ...], edition: str) -> str:
    """What to do about a story that changed."""
    return (
        f"{', '.join(fields)}: changed since it was sent in {edition}; if that was a mistake, tell its readers: "
        "`corrected: DATE` and `correction: WORDS`"
    )


@check(
    "sent-story-changed", Severity.WARNING, "stories", "Readers were told something else, and nobody tells them of it."
)
def sent_story_changed(context: CheckContext) -> Iterator[Hit]:
    """A story that was sent, whose words are others today, without `corrected`."""
    for edition, stories in context.sent.items():
        for sent in stories:
            now = context.stories_by_id.get(sent.id)
            if now is not None and (fields := changes(sent, now)):
                yield Hit(context.place(now, fields[0]), said(fields, edition))


@check(
    "sent-as-another", Severity.ERROR, "stories", "Readers would get a story again because its file has another name."
)
def sent_as_another(context: CheckContext) -> Iterator[Hit]:
    """A story that was sent from a file that is gone: the same guid, or two of title, time and link."""
    gone = [
        (edition, sent)
        for edition, stories in context.sent.items()
        if edition != context.selection.edition.id
        for sent in stories
        if context.read_file(f"stories/{sent.id}{STORY_SUFFIX}") is None
    ]
    for story in context.stories:
        edition, sent = next((each for each in gone if _same(each[1], story)), ("", None))
        if sent and not story.repeat:
            message = (
                f"was sent in {edition} as {sent.id}, whose file is gone: give it that name again, or leave it out "
                "(`skip:`); `repeat: true` sends it once more"
            )
            yield Hit(context.place(story, "title"), message)


def _same(sent: Story, now: Story) -> bool:
    alike = (sent.title == now.title, sent.date == now.date, bool(sent.link) and sent.link == now.link)
    return bool(sent.guid and sent.guid == now.guid) or sum(alike) > 1


@check("withdrawn-undated", Severity.WARNING, "stories", "The archive should say since when a story is withdrawn.")
def withdrawn_undated(context: CheckContext) -> Iterator[Hit]:
    """A story that was sent and is withdrawn, without the day."""
    for edition, stories in context.sent.items():
        for sent in stories:
            now = context.stories_by_id.get(sent.id)
            if now is not None and now.status is Status.WITHDRAWN and now.corrected is None:
                message = f"was sent in {edition} and is withdrawn; add the day: `corrected: DATE`"
                yield Hit(context.place(now, "status"), message)
