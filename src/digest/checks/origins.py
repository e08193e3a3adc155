"""Findings of the HTML part, led back to what wrote it: a story's field, a block of the issue, a setting, the theme.

    Finding at html:56:3041 ─element, Trace─▶ stories/a.md:9, <a href="https://…">

The HTML is nobody's file: it is one long line that was made. Asked only where something was found in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from digest.checks.document import offset, start_tag
from digest.model import STORY_SHOWN
from digest.text.merge import shown
from digest.text.wrapping import shorten

if TYPE_CHECKING:
    from digest.checks.context import CheckContext
    from digest.checks.document import Node
    from digest.model import Finding, Origin

_PLACE = re.compile(r"html:(\d{1,9})(?::(\d{1,9}))?")
_TOLD = ("href", "src", "alt", "class", "id", "lang")  # what tells one element from another, the first two that it has
_COLUMNS = 40  # of an attribute that is shown
# What a story's file calls what templates see of it, and config.yaml what they see of the newsroom and the audience.
_FIELDS = {
    "html": "summary",
    "text": "summary",
    "heading": "title",
    "signed": "credit",
    "byline": "credit",
    "own_read": "read",
    "lang": "language",
    "dir": "language",
}
_SETTINGS = {
    "subject": "mail.subject",
    "preheader": "mail.preheader",
    "newsroom.name": "newsroom.name",
    "newsroom.contact": "newsroom.contact",
    "newsroom.url": "newsroom.url",
    "edition.title": "audiences.{audience}.title",
    "edition.description": "audiences.{audience}.description",
    "edition.more_url": "audiences.{audience}.more_url",
}


_STORY = frozenset({*STORY_SHOWN, "language"})
_NEVER_OF_A_STORY = frozenset({"edition", "group", "issue", "loop", "newsroom", "reader", "run", "theme", "words"})


def traced(context: CheckContext, finding: Finding, of: str = "") -> Finding:
    """The finding with its element, and with what wrote that as its place; one of another part as it is.

    `of` is what of the element it is about: the name of an attribute, or "text".
    """
    found = _PLACE.fullmatch(finding.where)
    if found is None:
        return finding
    html, place = context.rendering.html, (int(found[1]), int(found[2] or 0))
    element = context.document.at(place) if place[1] else None
    finding = replace(finding, element=_shown(context, element, of) if element else "", html=finding.where)
    trace = context.trace()
    if trace is None:
        return finding
    if element is None:
        start = offset(html, (place[0], 0))
        words = html[start:].partition("\n")[0]
        origin = trace.at(start, words)
    else:
        start, end = start_tag(html, element)
        words = f"{html[start:end]} {element.own_text}"
        origin = trace.value(*_span(html, element, (start, end), of)) or trace.at(start, words)
    if origin is None:
        return finding
    where = _where(context, origin, words)
    about = origin.block or next((story.file or story.id for story in context.stories if story.id == origin.story), "")
    told = about and finding.element and not where.startswith(about)  # a template's line is filled with many stories
    return replace(finding, where=where, element=f"{finding.element} of {about}" if told else finding.element)


def _span(html: str, element: Node, tag: tuple[int, int], of: str) -> tuple[int, int]:
    """From where to where that stands which the finding is about: an attribute's value, or what the element holds."""
    start, end = tag
    if of == "text":
        return end, max(html.lower().find(f"</{element.tag}", end), end)
    if of and (
        value := re.compile(rf"\s{re.escape(of)}\s*=\s*(\"[^\"]*|'[^']*|[^\s>]*)", re.IGNORECASE).search(
            html, start, end
        )
    ):
        return value.span(1)
    return end, end


def _where(context: CheckContext, origin: Origin, words: str) -> str:
    """A file and its line, or `config.yaml` and a key."""
    audience = context.audience.name
    if key := "newsroom.social" if origin.place else _SETTINGS.get(origin.name, ""):
        return f"config.yaml: {key.format(audience=audience)}"
    holder, _, name = origin.name.partition(".")
    if name and holder not in _NEVER_OF_A_STORY:
        story = next((story for story in context.stories if story.id == origin.story), None)
        field = _FIELDS.get(name, name)
        if story and field in _STORY and (field != "read" or story.read):  # else the words are the theme's own
            return context.place(story, field, words=words)
        if origin.block:
            return origin.block
    return f"{origin.file}:{origin.line}"


def _shown(context: CheckContext, element: Node, of: str) -> str:
    """The element's start tag, with the two attributes that tell most."""
    told = [name for name in dict.fromkeys((of, *_TOLD)) if name in element.attributes][:2]
    nonce, slots = context.rendering.nonce, context.rendering.slots
    parts = (f'{name}="{shorten(shown(element.attributes[name], nonce, slots), _COLUMNS)}"' for name in told)
    more = "…" if len(element.attributes) > len(told) else ""
    return f"<{' '.join((element.tag, *parts))}{' ' * bool(more)}{more}>"
