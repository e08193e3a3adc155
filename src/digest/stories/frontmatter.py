"""Read a story file: front matter between two lines `---`, then the summary in Markdown. Every fault at once.

    bytes ─decode─▶ text ─split─▶ YAML + summary ─schema─▶ Story, or faults with the file's own lines

UTF-8 with or without a byte order mark, LF or CRLF. It never guesses (a date that is missing stays missing), opens no
file, and leaves pictures and addresses as they were written: whether they exist is for the checks.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from msgspec import Struct

from digest import yamlfile
from digest.errors import Fault
from digest.model import STORY_TIMES, STORY_WORDS, Story
from digest.period import first_instant
from digest.text.characters import checked_line, decoded, loose_isolate, named, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from digest.yamlfile import Document

VERSION = 6  # raise it when the same bytes mean another story than before: indexes are then made anew
MAX_BYTES = 1_000_000  # a story is a page of text; what is larger is something else
_MANY = 10  # faults of one kind in one file, after which the rest is not listed
_DATE_LINE = re.compile(r"^date[ \t]*:[ \t]*['\"]?([0-9][^'\"#\n]*)", re.MULTILINE)
_IN_WORDS = frozenset(
    (*STORY_WORDS, "topics", "channels", "correction")
)  # where a comment that touches its sign is text
_BREAKS_IN_HEADER = re.compile("[\x85\u2028\u2029]")


def parse(
    data: bytes, *, story_id: str, file: str, zone: ZoneInfo, language: str
) -> tuple[Story | None, tuple[Fault, ...]]:
    """Make the story that `data`, the bytes of its file, tell; or None and everything that is wrong with them.

    `file` is the path as a person would type it, for the faults; `zone` and `language` are the newsroom's, for bare
    dates and for stories that name no language. Nothing is raised.
    """
    if len(data) > MAX_BYTES:
        return None, (too_large(file, len(data)),)
    text = decoded(data, file)
    if isinstance(text, Fault):
        return None, (text,)
    faults = list(_bad_characters(text, file))
    try:
        layout = cut(text)
    except ValueError as error:
        return None, (*faults, Fault(file=file, line=1, message=str(error)))
    if faults or (faults := [*_bad_breaks(layout.header, file)]):
        return None, tuple(faults)
    document = yamlfile.parse(layout.header, file, first_line=2)
    document.faults += document.cut_texts(lambda path: path[0] in _IN_WORDS)
    story, faults = _story(document, story_id, zone, language, summary_of(layout.body))
    if loose_isolate(layout.body):
        line = layout.header.count("\n") + 3
        faults.append(Fault(file=file, line=line, message="the summary turns the reading direction and not back"))
    return (None if faults else story), tuple(faults)


def too_large(file: str, size: int) -> Fault:
    """The fault of a file with more than MAX_BYTES."""
    message = f"has {size:,} bytes, and a story file at most {MAX_BYTES:,}; move what is not its summary elsewhere"
    return Fault(file=file, message=message)


def day_written(data: bytes, zone: ZoneInfo) -> int:
    """The day on which a faulty file dates itself, as a proleptic ordinal; 0 when that is not sure."""
    document = _document(data)
    if document and document.data and not any(fault.key == "date" for fault in document.faults):
        written = {str(document.data.get("date", ""))}
    else:  # half edited: then the lines that can be read must agree
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        closing = _CLOSE.search(text, 1)
        written = set(_DATE_LINE.findall(text[: closing.start()] if closing else text))
    try:
        return read_date(written.pop(), zone)[0].toordinal() if len(written) == 1 else 0
    except ValueError:
        return 0  # the fault was reported with all others when the file was parsed


def day_named(name: str) -> int:
    """The day with which a file's name begins (`2022-02-14-helping-women.md`), as an ordinal; 0 when there is none."""
    try:
        return date.fromisoformat(name[: len("2022-02-14")]).toordinal()
    except ValueError:
        return 0


def _document(data: bytes) -> Document | None:
    text = decoded(data, "")
    try:
        return None if isinstance(text, Fault) else yamlfile.parse(cut(text).header, "", first_line=2)
    except ValueError:
        return None


def _bad_characters(text: str, file: str) -> Iterator[Fault]:
    position, line, seen = 0, 1, 0
    while (found := refused(text[position:] if position else text)) and seen < _MANY:
        start = position + found.start()
        line += text.count("\n", position, start)
        message = f"holds the character {named(found[0][0])}, which has no place in a story; remove it"
        yield Fault(file=file, line=line, message=message)
        # One fault a line is enough: go on with the next one.
        end = text.find("\n", start)
        if end < 0:
            return
        position, line, seen = end + 1, line + 1, seen + 1


def _bad_breaks(header: str, file: str) -> Iterator[Fault]:
    if found := _BREAKS_IN_HEADER.search(header):
        line = header.count("\n", 0, found.start()) + 2
        message = f"holds the line break {named(found[0])}; use an ordinary one"
        yield Fault(file=file, line=line, message=message)


def _story(
    document: Document, story_id: str, zone: ZoneInfo, language: str, text: str
) -> tuple[Story | None, list[Fault]]:
    from digest.stories.fields import FOREIGN, StoryFields

    if document.faults and not document.data:  # unreadable: then nothing is "missing"
        return None, document.faults
    for key in FOREIGN.keys() & document.data.keys():
        document.faults.append(document.fault((key,), FOREIGN[key]))
        del document.data[key]
    fields, faults = yamlfile.validate(StoryFields, document)
    moments: dict[str, tuple[datetime, bool]] = {}
    for key in STORY_TIMES:
        given = document.data.get(key)
        if isinstance(given, str) and given.strip():
            try:
                moments[key] = read_date(checked_line(given), zone)
            except ValueError as error:
                faults.append(document.fault((key,), str(error)))
    faults.sort(key=lambda fault: fault.line)
    if faults or fields is None:
        return None, faults
    times = {key: at for key, (at, _) in moments.items()}
    values = {**dict(fields), **times, "language": fields.language or language}
    return Story(id=story_id, file=document.file, date_only=moments["date"][1], summary=text, **values), []


_OPEN = re.compile(r"\ufeff?---[ \t]*(?:\r?\n|\Z)")
_CLOSE = re.compile(r"^---[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")


class Layout(Struct, frozen=True, kw_only=True):
    """A file cut into four: put together again they are the file, to the character. The fences keep their line ends."""

    opening: str
    header: str
    closing: str
    body: str


def cut(text: str) -> Layout:
    """Cut a file's text. Raises ValueError saying what is missing; it is missing from line 1 on."""
    opening = _OPEN.match(text)
    if not opening:
        hint = "; TOML (+++) is not read here" if text.startswith("+++") else ""
        message = f"a story file begins with a line ---, then title and date, then a line ---{hint}"
        raise ValueError(message)
    closing = _CLOSE.search(text, opening.end())
    if not closing:
        message = "the front matter that begins here is never closed; add a line --- after its last key"
        raise ValueError(message)
    return Layout(
        opening=opening[0],
        header=text[opening.end() : closing.start()],
        closing=closing[0],
        body=text[closing.end() :],
    )


def summary_of(body: str) -> str:
    """The summary as a Story has it: no blank lines around it, every line end LF (U+2028, U+2029 and NEL too)."""
    body = body.replace("\r\n", "\n").replace("\u2029", "\n\n").replace("\u2028", "\n").replace("\x85", "\n")
    return _BLANK_LINES.sub("", body).rstrip()


_FORM = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ] ?(?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?) ?(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
# The first and the last year are what machines write for "none" and "never", no period holds them whole, and their
# edges fall out of the calendar in half of the zones.
_FIRST_YEAR, _LAST_YEAR = 2, 9998


def read_date(text: str, zone: ZoneInfo) -> tuple[datetime, bool]:
    """Return the instant in `zone`, and whether only a day was given (then it is that day's first instant there).

    Raises ValueError that says what is wrong and how to write it: another form, a day or time that does not exist, a
    time without a zone, a year outside 2 to 9998.
    """
    text = text.strip()
    found = _FORM.fullmatch(text)
    if not found:
        message = f"{text!r} is no date; write a day like 2022-02-14, or a time like 2022-02-14T09:00+01:00"
        raise ValueError(message)
    try:
        day = date.fromisoformat(found["day"])
        clock = time.fromisoformat((found["time"] or "00:00") + (found["offset"] or "").upper())
    except ValueError as error:
        message = f"{text!r} does not exist in the calendar ({error}); correct it"
        raise ValueError(message) from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        message = f"{text!r} is a placeholder, not a date; write the day on which the story was published"
        raise ValueError(message)
    if found["time"] is None:
        return first_instant(day, zone), True
    if found["offset"] is None:
        aware = datetime.combine(day, clock, tzinfo=zone).isoformat()
        message = f"{text!r} has a time but no zone; in {zone.key} it would be {aware}"
        raise ValueError(message)
    return datetime.combine(day, clock).astimezone(zone), False
