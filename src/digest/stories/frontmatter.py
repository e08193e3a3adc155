"""Read a story file: front matter between two lines `---`, then the summary in Markdown. Every fault at once.

    bytes ─decode─▶ text ─split─▶ YAML + summary ─schema─▶ Story, or faults with the file's own lines

UTF-8 with or without a byte order mark, LF or CRLF. It never guesses (a date that is missing stays missing), opens no
file, and leaves pictures and addresses as they were written: whether they exist is for the checks.
"""

from __future__ import annotations

import codecs
import importlib
import re
from typing import TYPE_CHECKING, Any

from digest import yamlfile
from digest.errors import Fault
from digest.model import Story
from digest.stories import moment
from digest.stories.characters import loose_isolate, named, one_line, refused
from digest.stories.layout import cut, summary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from digest.stories.editing import edit
    from digest.stories.fields import StoryFields
    from digest.stories.writing import as_fields, serialise
    from digest.yamlfile import Document

__all__ = ["MAX_BYTES", "VERSION", "as_fields", "edit", "parse", "serialise"]

VERSION = 1  # raise it when the same bytes mean another story than before: indexes are then made anew
MAX_BYTES = 1_000_000  # a story is a page of text; what is larger is something else
_MANY = 10  # faults of one kind in one file, after which the rest is not listed
_BREAKS_IN_HEADER = re.compile("[\x85\u2028\u2029]")


def __getattr__(name: str) -> Any:
    """What writes story files, when somebody writes one: those who only read need not load it."""
    room = {"edit": "editing", "as_fields": "writing", "serialise": "writing"}.get(name)
    if room is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"digest.stories.{room}"), name)


def parse(
    data: bytes, *, story_id: str, file: str, zone: ZoneInfo, language: str
) -> tuple[Story | None, tuple[Fault, ...]]:
    """Make the story that `data`, the bytes of its file, tell; or None and everything that is wrong with them.

    `file` is the path as a person would type it, for the faults; `zone` and `language` are the newsroom's, for bare
    dates and for stories that name no language. Nothing is raised.
    """
    if len(data) > MAX_BYTES:
        return None, (too_large(file, len(data)),)
    text = _decode(data, file)
    if isinstance(text, Fault):
        return None, (text,)
    faults = list(_bad_characters(text, file))
    try:
        layout = cut(text)
    except ValueError as error:
        return None, (*faults, Fault(file=file, line=1, message=str(error)))
    if faults or (faults := list(_bad_breaks(layout.header, file))):
        return None, tuple(faults)
    document = yamlfile.parse(layout.header, file, first_line=2)
    story, faults = _story(document, story_id, zone, language, summary(layout.body))
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
    try:
        if document and not any(fault.key == "date" for fault in document.faults):
            return moment.read(str(document.data.get("date", "")), zone)[0].toordinal()
    except ValueError:
        pass  # the fault was reported with all others when the file was parsed
    return 0


def line_of(key: str, data: bytes) -> int:
    """The line on which a key stands; 0 when it does not."""
    document = _document(data)
    return document.lines.get((key,), 0) if document else 0


def _document(data: bytes) -> Document | None:
    text = _decode(data, "")
    try:
        return None if isinstance(text, Fault) else yamlfile.parse(cut(text).header, "", first_line=2)
    except ValueError:
        return None


def _decode(data: bytes, file: str) -> str | Fault:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Fault(file=file, line=1, message="is UTF-16; save the file as UTF-8")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 here (byte 0x{data[error.start]:02X}); save the file as UTF-8"
        return Fault(file=file, line=line, message=message)


def _bad_characters(text: str, file: str) -> Iterator[Fault]:
    position, line, seen = 0, 1, 0
    while (found := refused(text[position:] if position else text)) and seen < _MANY:
        start = position + found.start()
        line += text.count("\n", position, start)
        message = f"holds the character {named(found[0])}, which has no place in a story; remove it"
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
    for key in ("date", "embargo"):
        given = document.data.get(key)
        if isinstance(given, str) and given.strip():
            try:
                moments[key] = moment.read(one_line(given), zone)
            except ValueError as error:
                faults.append(document.fault((key,), str(error)))
    faults.sort(key=lambda fault: fault.line)
    if faults or fields is None:
        return None, faults
    return _assemble(fields, moments, story_id, document.file, language, text), []


def _assemble(
    fields: StoryFields, moments: dict[str, tuple[datetime, bool]], story_id: str, file: str, language: str, text: str
) -> Story:
    date, date_only = moments["date"]
    return Story(
        id=story_id,
        file=file,
        title=fields.title,
        date=date,
        date_only=date_only,
        kicker=fields.kicker,
        credit=fields.credit,
        link=fields.link,
        image=fields.image,
        image_alt=fields.image_alt,
        guid=fields.guid,
        topics=fields.topics,
        countries=fields.countries,
        channels=fields.channels,
        language=fields.language or language,
        translation_of=fields.translation_of,
        status=fields.status,
        embargo=moments["embargo"][0] if "embargo" in moments else None,
        weight=fields.weight,
        lead=fields.lead,
        repeat=fields.repeat,
        summary=text,
    )
