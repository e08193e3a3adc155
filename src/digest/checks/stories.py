"""What an editor would see in the stories: a photo without credit, an unknown kicker, "TK"; one twice, one sent before.

Looks at the stories as they were written and chosen, before anything is composed, and names the file and the line.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from difflib import SequenceMatcher, get_close_matches
from functools import cache
from typing import TYPE_CHECKING

from digest.checks.context import Hit, check
from digest.model import STORY_WORDS, Severity
from digest.text.cleaning import LOOSE_TAGS, NOWHERE
from digest.text.counting import counted
from digest.text.likeness import label_key, unaccented
from digest.text.wrapping import SPACED_LETTER, clipped, width
from digest.yamlfile import CONFLICT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from digest.checks.context import CheckContext
    from digest.model import Story

MAX_TITLE = 150  # columns; the longest real headline of the model newsroom has 138
MAX_SUMMARY = 900  # columns, about 150 words: more is an article, not a summary
ALIKE = 0.85  # of two kickers' letters, of two headlines' words
_COMPARED = 400  # headlines compared with one another; a digest of more has other worries

_FILE_NAME = re.compile(r"\S+\.(?:jpe?g|png|gif|webp|svg|heic|avif|tiff?|bmp)", re.IGNORECASE)
_CAMERA_NAME = re.compile(r"(?:img|dsc[nf]?|image|photo|picture|screenshot|untitled|p)[-_ ]?\d*", re.IGNORECASE)
_MAYBE_HTML = re.compile(r"<|&|\*\*|\]\(")
_DIGITS = re.compile(r"\d+")
_PLACEHOLDERS = (
    # A capitalised word after it is a name or an ordinal: TK Maxx, the XXX Olympiad (a thirtieth one).
    re.compile(r"\b(?:TK(?:TK)*|X{3,})\b(?! [A-Z][a-z])"),
    re.compile(r"\blorem\s+ipsum\b|\bdummy (?:text|copy)\b|\?{3,}", re.IGNORECASE),
    CONFLICT,
    re.compile(r"\binsert\b[^.\n]{0,40}\bhere\b|\byour (?:text|title|headline|link) here\b", re.IGNORECASE),
)
# Controls, line separators, zero-width spaces, and what reorders text. Joiners (emoji, Persian) and marks stay.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u2028\u2029\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff"
    f"{NOWHERE}]|{LOOSE_TAGS}"
)
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bq]\?", re.IGNORECASE)


@check("credit-missing", Severity.WARNING, "stories", "A photo without its credit may not be ours to print.")
def credit_missing(context: CheckContext) -> Iterator[Hit]:
    """A story with an image and no credit."""
    for story in context.stories:
        if story.image and not story.credit.strip():
            yield Hit(context.place(story, "image"), "has a photo and no credit; add `credit: © Name Year`")


@check("alt-missing", Severity.ERROR, "stories", "Readers who cannot see the photo, or load it, get nothing of it.")
def alt_missing(context: CheckContext) -> Iterator[Hit]:
    """A story with an image and no text for those who do not see it; a picture in a text without one."""
    for story in context.stories:
        if story.image and not story.image_alt.strip():
            yield Hit(context.place(story, "image"), "has a photo and no `image_alt`; say what it shows")
    for where, address, alt in context.marked_down():
        if not alt:
            message = f"the picture {_short(address)!r} has no words; say what it shows: ![what it shows]({address})"
            yield Hit(context.place(where, "summary", words=address), message)


@check("alt-file-name", Severity.WARNING, "stories", "A file name read aloud tells nobody what the photo shows.")
def alt_file_name(context: CheckContext) -> Iterator[Hit]:
    """An alt text that is a file name or a camera's number."""
    for story in context.stories:
        alt = story.image_alt.strip()
        if story.image and alt and (_FILE_NAME.fullmatch(alt) or _CAMERA_NAME.fullmatch(alt)):
            yield Hit(context.place(story, "image_alt"), f"'{_short(alt)}' is a file's name; say what the photo shows")
    for block in context.blocks:
        for row, text in block.said():
            if row.name == "alt" and (_FILE_NAME.fullmatch(text) or _CAMERA_NAME.fullmatch(text)):
                yield Hit(block.where, f"'{_short(text)}' is a file's name; say what the picture shows")
    for where, _, alt in context.marked_down():
        if _FILE_NAME.fullmatch(alt) or _CAMERA_NAME.fullmatch(alt):
            place = context.place(where, "summary", words=alt)
            yield Hit(place, f"'{_short(alt)}' is a file's name; say what the picture shows")


@check("kicker-unknown", Severity.WARNING, "stories", "A misspelt kicker splits a series in two.")
def kicker_unknown(context: CheckContext) -> Iterator[Hit]:
    """A kicker a letter off one that more stories in its language have."""
    for language in dict.fromkeys(story.language for story in context.stories):
        given = [(s, (s.kicker,)) for s in context.stories if s.kicker and s.language == language]
        used = (s.kicker for s in context.stories_by_id.values() if s.language == language)
        yield from _unknown(context, given, "kicker", used)


@check(
    "topic-unknown", Severity.WARNING, "stories", "A misspelt topic keeps a story from the readers who asked for it."
)
def topic_unknown(context: CheckContext) -> Iterator[Hit]:
    """The same for topics."""
    given = [(story, story.topics) for story in context.stories]
    used = (topic for story in context.stories_by_id.values() for topic in story.topics)
    yield from _unknown(context, given, "topic", used)


@check(
    "channel-unknown", Severity.WARNING, "stories", "A misspelt channel keeps a story from the audiences that take it."
)
def channel_unknown(context: CheckContext) -> Iterator[Hit]:
    """The same for channels."""
    given = [(story, story.channels) for story in context.stories]
    used = (channel for story in context.stories_by_id.values() for channel in story.channels)
    selected = set(map(label_key, context.audience.select.channels))
    given = [(story, tuple(c for c in channels if label_key(c) not in selected)) for story, channels in given]
    yield from _unknown(context, given, "channel", used)


@check("words-html", Severity.WARNING, "stories", "A line of words is shown as it is typed, its tags and codes too.")
def words_html(context: CheckContext) -> Iterator[Hit]:
    """HTML or Markdown in a line of plain words (`<em>`, `&amp;`, `**new**`): of stories, the issue, config.yaml."""
    for where, key, text in _lines(context):
        for found in _html().finditer(text) if _MAYBE_HTML.search(text) else ():
            right = html.unescape(found[0])
            if found[0].startswith("&") and right == found[0]:
                continue  # M&As; are no code
            hint = f"write '{right}'" if right != found[0] else "write words alone"
            yield Hit(where, f"'{_short(found[0])}' in {key} is shown as it is typed; {hint}")
            break


@cache
def _html() -> re.Pattern[str]:
    return re.compile(
        r"</?(?:a|abbr|b|big|br|cite|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|q|s|small|span|strike|strong|sub|sup|table|td|th"
        r"|tr|u|ul)(?:\s[^<>]*)?/?>|&(?:[a-zA-Z]{2,8}|#\d{2,7}|#x[0-9a-fA-F]{2,6});"
        # And what means something in Markdown.
        rf"|(?<!{SPACED_LETTER})(?<!\*)\*\*[^*\s][^*\n]{{0,200}}\*\*(?!\*|{SPACED_LETTER})"
        r"|\[(?!sic\])[^\[\]\n]{1,200}\]\([^()\s]+\)"
    )


def _lines(context: CheckContext) -> Iterator[tuple[str, str, str]]:
    """The lines of plain words that readers see, of a story those with HTML: where it is written, its key, the line."""
    yield "config.yaml: newsroom.name", "newsroom.name", context.newsroom.name
    yield f"config.yaml: audiences.{context.audience.name}.title", "its title", context.audience.title
    for story in context.stories:
        lines = [(key, getattr(story, key)) for key in STORY_WORDS if key != "summary"]
        yield from ((context.place(story, key), key, text) for key, text in lines if _MAYBE_HTML.search(text))
    issue = context.selection.issue
    yield from ((issue.places.get(key, key), key, getattr(issue, key)) for key in ("subject", "preheader"))
    for block in context.blocks:
        yield from ((block.where, row.name, text) for row, text in block.said() if row.holds == "line")


@check("placeholder", Severity.ERROR, "stories", "Words that stood for words to come must not reach readers.")
def placeholder(context: CheckContext) -> Iterator[Hit]:
    """TK, lorem ipsum, a row of X, "insert … here", git's marks of a conflict in any text that readers see."""
    for story in context.stories:
        for key in STORY_WORDS:
            if found := _stand_in(getattr(story, key)):
                place = context.place(story, key, words=found)
                yield Hit(place, f"'{_short(found)}' in {key} {_meant(found)}")
    issue = context.selection.issue
    texts = [(issue.places.get(key, key), key, getattr(issue, key)) for key in ("subject", "preheader", "intro")]
    texts += [(block.where, row.name, text) for block in context.blocks for row, text in block.said()]
    for where, key, text in texts:
        if found := _stand_in(text):
            yield Hit(where, f"'{_short(found)}' in {key} {_meant(found)}")


def _stand_in(text: str) -> str:
    return next((found[0] for pattern in _PLACEHOLDERS if (found := pattern.search(text))), "")


def _meant(found: str) -> str:
    conflict = CONFLICT.match(f"{found} x")
    return "is git's mark of a conflict; keep one version" if conflict else "stands for words to come; write them"


@check(
    "hidden-characters", Severity.WARNING, "stories", "Invisible characters break searches, headers and reading order."
)
def hidden_characters(context: CheckContext) -> Iterator[Hit]:
    """Controls, bidirectional overrides, zero-width spaces and encoded words in a story's lines."""
    for story in context.stories:
        for key in (key for key in STORY_WORDS if key != "summary"):
            text = getattr(story, key)
            if found := _HIDDEN.search(text):
                name = unicodedata.name(found[0][0], "control character")
                code = f"U+{ord(found[0][0]):04X}"
                yield Hit(context.place(story, key), f"{key} holds {code} ({name.lower()}); remove it")
            elif found := _ENCODED_WORD.search(text):
                yield Hit(
                    context.place(story, key), f"{key} holds a mail header's encoding ({found[0]}…); write the text"
                )


@check("title-empty", Severity.ERROR, "stories", "A story without a headline cannot be found or opened.")
def title_empty(context: CheckContext) -> Iterator[Hit]:
    """No title, or one of blanks and invisible characters only."""
    for story in context.stories:
        if not _HIDDEN.sub("", story.title).strip():
            yield Hit(context.place(story, "title"), "has no title; give it one")


@check("title-long", Severity.WARNING, "stories", "A headline of many lines is not read on a phone.")
def title_long(context: CheckContext) -> Iterator[Hit]:
    """A title wider than MAX_TITLE columns."""
    for story in context.stories:
        if (columns := width(story.title)) > MAX_TITLE:
            yield Hit(context.place(story, "title"), f"title is {columns} columns wide; {MAX_TITLE} are plenty")


@check("summary-empty", Severity.WARNING, "stories", "A headline alone rarely tells why to read on.")
def summary_empty(context: CheckContext) -> Iterator[Hit]:
    """No summary."""
    for story in context.stories:
        if not story.summary.strip():
            yield Hit(context.place(story, "summary"), "has no summary; a sentence or two below the front matter")


@check("summary-long", Severity.WARNING, "stories", "A digest is skimmed: long summaries bury the stories below them.")
def summary_long(context: CheckContext) -> Iterator[Hit]:
    """A summary wider than MAX_SUMMARY columns, link targets not counted."""
    for story in context.stories:
        columns = width(re.sub(r"\]\([^()]*\)", "]", story.summary))
        if columns > MAX_SUMMARY:
            yield Hit(context.place(story, "summary"), f"summary is {columns} columns long; {MAX_SUMMARY} are plenty")


@check(
    "date-outside-period", Severity.WARNING, "stories", "A story of another month looks like a mistake, and often is."
)
def date_outside_period(context: CheckContext) -> Iterator[Hit]:
    """A story dated outside the period that is neither late, nor carried over, nor pinned by an editor."""
    period = context.selection.edition.period
    meant = {d.story.id for d in context.selection.decisions if d.rule in ("late", "carried-over", "pinned")}
    for story in (story for group in context.selection.groups for story in group.stories):
        if story.date not in period and story.id not in meant:
            day = story.date.astimezone(period.zone).date()
            yield Hit(context.place(story, "date"), f"is of {day}, which is not in {period.id}")


@check("headline-near-duplicate", Severity.WARNING, "stories", "The same story twice in one mail.")
def headline_near_duplicate(context: CheckContext) -> Iterator[Hit]:
    """Two headlines that differ by next to nothing; parts of a series (1, 2) may."""
    seen: list[tuple[Story, list[str]]] = []
    for story in context.stories[:_COMPARED]:
        words = _words(story.title)
        for other, others in seen:
            if _alike(words, others):
                place = context.place(story, "title")
                yield Hit(place, f"“{story.title[:60]}” is much like the headline of {other.file or other.id}")
                break
        seen.append((story, words))


@check("sent-before", Severity.ERROR, "stories", "A story goes to an audience once, unless it says that it may again.")
def sent_before(context: CheckContext) -> Iterator[Hit]:
    """A story that another edition already brought to the same readers."""
    edition = context.selection.edition
    for past in context.history:
        same = (past.edition.audience, past.edition.language) == (edition.audience, edition.language)
        if not past.sent or not same or past.edition.id == edition.id:
            continue
        for story in context.stories:
            if story.id in past.included and not story.repeat:
                message = f"was sent to this audience in {past.edition.id}; if it is meant to go again: `repeat: true`"
                yield Hit(context.place(story, "title"), message)


@check("thin-month", Severity.WARNING, "stories", "A month far thinner than usual is often an import that failed.")
def thin_month(context: CheckContext) -> Iterator[Hit]:
    """Fewer stories than the audience asks for, or than half of what its last editions of this kind had."""
    edition, count = context.selection.edition, len(context.selection.stories)
    sizes = sorted(
        len(past.included)
        for past in context.history
        if past.edition.id != edition.id
        and (past.edition.audience, past.edition.language) == (edition.audience, edition.language)
        and past.edition.period.kind == edition.period.kind
    )
    usual = sizes[len(sizes) // 2] if len(sizes) >= 3 else 0  # noqa: PLR2004 - two editions make no habit
    wanted = context.audience.min_items
    if count < wanted:
        yield Hit(edition.id, f"{_count(count)}, and the audience asks for at least {wanted}")
    elif count * 2 < usual:
        yield Hit(edition.id, f"{_count(count)}, where {usual} are usual; is an import missing?")


@check("link-twice", Severity.WARNING, "stories", "Two headlines that open the same page: one of the links is wrong.")
def link_twice(context: CheckContext) -> Iterator[Hit]:
    """Two stories with the same link."""
    seen: dict[str, Story] = {}
    for story in context.stories:
        other = seen.setdefault(story.link, story) if story.link else story
        if other is not story:
            yield Hit(context.place(story, "link"), f"has the same link as {other.file or other.id}")


def _unknown(
    context: CheckContext,
    given: Iterable[tuple[Story, tuple[str, ...]]],
    key: str,
    used: Iterable[str],
) -> Iterator[Hit]:
    counts = Counter(used)
    for story, words in given:
        for word in words:
            pool = {other for other, count in counts.items() if count > counts[word]}
            if label_key(word) in set(map(label_key, pool)):
                continue
            near = get_close_matches(word.casefold(), sorted({one.casefold() for one in pool}), n=1, cutoff=ALIKE)
            if near and _DIGITS.sub("", near[0]) == _DIGITS.sub("", word.casefold()):
                continue  # jobs-2022 and jobs-2021 are two
            if near:
                meant = next(one for one in sorted(pool) if one.casefold() == near[0])
                yield Hit(context.place(story, key, f"{key}s"), f"{key} '{word}' is new here, did you mean '{meant}'?")


def _short(text: str) -> str:
    return clipped(" ".join(text.split()), 60)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unaccented(text))


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


def _count(count: int) -> str:
    return counted(count, "story", "stories") if count else "no story"
