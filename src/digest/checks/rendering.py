"""The composed edition: subject and preheader, the size at which Gmail clips, the text part, nothing left out.

Looks at the rendering as a whole; its HTML's structure is `structure`'s business.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from digest.checks.context import Hit, check
from digest.model import GMAIL_CLIPS_AT, Severity, slot_token
from digest.text.merge import shown_subject
from digest.text.wrapping import width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext

NEAR_CLIP = 92 * 1024
MAX_SUBJECT = 78  # columns; a desktop list shows about 70, a phone 40
MAX_PREHEADER = 140  # columns; what is beyond is shown by no list
MAX_LINE = 78  # columns of the text part, RFC 5322 2.1.1; ours wraps at 72
_MERGE_TAG = re.compile(
    r"\{\{[^{}\n]{1,60}\}\}|\{%[^{}\n]{1,60}%\}|\*\|[A-Z_:]{2,40}\|\*|%%[A-Za-z_]{2,40}%%|<%=?[^%\n]{1,60}%>"
)
_LEAVING = re.compile(r"unsubscri|opt-?out|d[ée]sabon", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@check("subject-empty", Severity.ERROR, "rendering", "A mail without a subject is taken for spam.")
def subject_empty(context: CheckContext) -> Iterator[Hit]:
    """No context."""
    if not context.rendering.subject.strip():
        yield Hit("subject", "is empty; set mail.subject in config.yaml")


@check("subject-long", Severity.WARNING, "rendering", "The end of a long subject is seen by nobody.")
def subject_long(context: CheckContext) -> Iterator[Hit]:
    """A subject wider than MAX_SUBJECT columns."""
    if (columns := width(shown_subject(context.rendering))) > MAX_SUBJECT:
        yield Hit("subject", f"is {columns} columns wide; lists show about 70, phones 40, so put the news first")


@check("preheader-missing", Severity.WARNING, "rendering", "Without one, the list shows whatever text comes first.")
def preheader_missing(context: CheckContext) -> Iterator[Hit]:
    """No preheader, or the subject again."""
    if not context.rendering.preheader.strip():
        yield Hit("preheader", "is empty; set mail.preheader in config.yaml")
    elif context.rendering.preheader.strip().casefold() == context.rendering.subject.strip().casefold():
        yield Hit("preheader", "repeats the subject; say what else is in the mail")


@check("preheader-long", Severity.INFO, "rendering", "What no list shows need not be written.")
def preheader_long(context: CheckContext) -> Iterator[Hit]:
    """A preheader wider than MAX_PREHEADER columns."""
    if (columns := width(context.rendering.preheader)) > MAX_PREHEADER:
        yield Hit("preheader", f"is {columns} columns wide; lists show at most {MAX_PREHEADER}")


@check("html-clipped", Severity.ERROR, "rendering", "Gmail cuts a longer mail off, and the unsubscribe link with it.")
def html_clipped(context: CheckContext) -> Iterator[Hit]:
    """HTML over 102 KB."""
    if (size := len(_bytes(context))) > GMAIL_CLIPS_AT:
        mend = "lower the audience's limit or shorten summaries"
        yield Hit("html", f"has {size:,} bytes, over Gmail's {GMAIL_CLIPS_AT:,}; {mend}")


@check(
    "html-near-clip",
    Severity.WARNING,
    "rendering",
    "Links grow on the way (relays rewrite them), and then Gmail clips.",
)
def html_near_clip(context: CheckContext) -> Iterator[Hit]:
    """HTML over 92 KB and not over 102."""
    if NEAR_CLIP < (size := len(_bytes(context))) <= GMAIL_CLIPS_AT:
        yield Hit("html", f"has {size:,} bytes; Gmail clips at {GMAIL_CLIPS_AT:,}")


@check(
    "text-empty",
    Severity.ERROR,
    "rendering",
    "Some readers have only the text part, and filters distrust a mail without.",
)
def text_empty(context: CheckContext) -> Iterator[Hit]:
    """No text part."""
    if not context.rendering.text.strip():
        yield Hit("text", "is empty; the theme's text template gives nothing")


@check(
    "text-lines", Severity.WARNING, "rendering", "Longer lines are broken at random by old programs and quoted badly."
)
def text_lines(context: CheckContext) -> Iterator[Hit]:
    """A line of the text part wider than 78 columns; one that is a single long word (an address) may be."""
    for number, line in enumerate(context.rendering.text.split("\n"), 1):
        longest = max(map(len, line.split()), default=0)
        if (columns := width(line)) > MAX_LINE and longest <= MAX_LINE - 8:
            yield Hit(f"text:{number}", f"is {columns} columns wide; wrap it at 72")


@check(
    "text-control",
    Severity.ERROR,
    "rendering",
    "Control characters can rewrite a terminal, forge lines and turn text round.",
)
def text_control(context: CheckContext) -> Iterator[Hit]:
    """Escapes, form feeds, carriage returns, line separators and bidirectional overrides in subject or text."""
    parts = (("subject", context.rendering.subject), ("preheader", context.rendering.preheader))
    lines = ((f"text:{number}", line) for number, line in enumerate(context.rendering.text.split("\n"), 1))
    for where, text in (*parts, *lines):
        if found := _CONTROL.search(text):
            yield Hit(
                where, f"holds U+{ord(found[0]):04X} ({unicodedata.name(found[0], 'a control').lower()}); remove it"
            )


@check(
    "text-signature", Severity.WARNING, "rendering", "After a line of two hyphens and a blank, programs hide the rest."
)
def text_signature(context: CheckContext) -> Iterator[Hit]:
    """A signature's delimiter (`-- `, RFC 3676 4.3) with stories below it."""
    lines = context.rendering.text.split("\n")
    for number in (place for place, line in enumerate(lines, 1) if line == "-- "):
        below = letters_only(" ".join(lines[number:]))
        if any(letters_only(story.title) in below for story in context.stories):
            yield Hit(f"text:{number}", "a signature's delimiter stands above stories; programs fold them away")


@check("merge-tag", Severity.WARNING, "rendering", "A tag of this or another mailing program that nobody filled in.")
def merge_tag(context: CheckContext) -> Iterator[Hit]:
    """`{{ name }}`, `{% … %}`, `*|NAME|*`, `%%name%%` in what readers see, unless a story quotes it."""
    issue, told = context.selection.issue, set[str]()
    lines = [(issue.places.get(key, key), getattr(issue, key)) for key in ("subject", "preheader", "intro")]
    for where, text in (*lines, *((block.where, text) for block in context.blocks for _, text in block.said())):
        for found in dict.fromkeys(_MERGE_TAG.findall(text)):
            told.add(found)
            yield Hit(where, f"'{found[:60]}' is not filled in: an issue has the same words for everybody")
    seen = context.document.root.text
    quoted = "\n".join(f"{story.title} {story.summary} {story.kicker}" for story in context.stories)
    texts = (("subject", context.rendering.subject), ("html", seen), ("text", context.rendering.text))
    for where, text in texts:
        for found in dict.fromkeys(_MERGE_TAG.findall(text)):
            if found not in quoted and found not in told:
                yield Hit(where, f"'{found[:60]}' was not filled in")


@check("story-not-shown", Severity.ERROR, "rendering", "A story that was selected must be in the mail, in both parts.")
def story_not_shown(context: CheckContext) -> Iterator[Hit]:
    """A selected story whose title is missing from the HTML or the text."""
    parts = {"HTML": letters_only(context.document.root.text), "text": letters_only(context.rendering.text)}
    for story in context.stories:
        title = letters_only(story.title)
        for name, shown in parts.items():
            if title and title not in shown:
                yield Hit(context.place(story, "title"), f"“{story.title[:60]}” is selected and not in the {name} part")


@check(
    "unsubscribe-missing",
    Severity.ERROR,
    "rendering",
    "Readers must be able to leave: the law says so, and so do relays.",
)
def unsubscribe_missing(context: CheckContext) -> Iterator[Hit]:
    """No unsubscribe link or address in the HTML, or in the text."""
    slot = slot_token(context.rendering.nonce, "unsubscribe_url")
    for name, text in (("html", context.rendering.html), ("text", context.rendering.text)):
        addresses = re.findall(r"(?:https?://|mailto:)[^\s\"'<>]*", text, re.IGNORECASE)
        if slot not in text and not any(_LEAVING.search(address) for address in addresses):
            yield Hit(name, "has no unsubscribe link; the theme should write {{ unsubscribe_url }}")


def _bytes(context: CheckContext) -> bytes:
    return context.rendering.html.encode("utf-8", "surrogatepass")


def letters_only(text: str) -> str:
    """Letters and digits only: neither wrapping, nor capitals, nor typography matter for "is it there"."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())
