"""Write a story file as a person would, or change single keys in one and leave every other character as it was.

    text ─cut─▶ front matter ─YAML events─▶ where each value stands ─replace─▶ read again and compared ─▶ text

Known order, quotes only where they are needed, lists on one line; in a file that is there, comments, order, blanks and
line ends stay. It never writes what does not read back as asked: then it refuses. It opens no file.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, cast

import yaml
from msgspec import Struct

from digest import yamlfile
from digest.model import STORY_DEFAULTS, STORY_KEYS, STORY_TIMES
from digest.stories.frontmatter import cut, summary_of
from digest.text.scalar import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from digest.model import Story

# The keys whose values other YAML readers may take for what they are: all that are no text.
_TYPED = {key for key in STORY_KEYS if key in STORY_TIMES or isinstance(STORY_DEFAULTS[key], int)}
_BODY = "summary"  # not a key of the front matter, but the text below it
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def as_fields(story: Story) -> dict[str, object]:
    """The front matter that says what `story` says; what is as it is by default is left out."""
    fields = {key: value for key in STORY_KEYS if (value := getattr(story, key)) != STORY_DEFAULTS[key]}
    return {**fields, "date": story.date.date() if story.date_only else story.date}


def serialise(fields: Mapping[str, object], summary: str) -> str:
    """The text of a story file. None, empty texts and empty lists are left out; the order is that of STORY_KEYS.

    A value is a text, a list of texts, a date, an aware datetime, a number, a truth or a Status. Raises ValueError
    for a key that a story file does not have, and for a time without a zone.
    """
    if unknown := fields.keys() - set(STORY_KEYS):
        message = f"a story file has no {', '.join(sorted(unknown))}"
        raise ValueError(message)
    lines = [f"{key}: {written(key, fields[key])}\n" for key in STORY_KEYS if key in fields and not empty(fields[key])]
    text = summary.strip("\n").rstrip()
    return f"---\n{''.join(lines)}---\n" + (f"\n{text}\n" if text else "")


def empty(value: object) -> bool:
    """Tell whether a value says nothing, so that its key is left out."""
    return value is None or value in ("", (), [])


def plain(value: object) -> str | list[str]:
    """The value as it reads back: a text, or a list of texts. Raises ValueError for a time without a zone."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return [str(one) for one in value]
        case datetime():
            if value.tzinfo is None:
                message = f"{value} has no zone"
                raise ValueError(message)
            return value.isoformat(timespec="auto" if value.second or value.microsecond else "minutes")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def written(key: str, value: object) -> str:
    """The value as it stands after `key: ` in a file. Raises ValueError for a time without a zone."""
    text = plain(value)
    if isinstance(text, list):
        return "[" + ", ".join(quoted(one, in_list=True) for one in text) + "]"
    return quoted(text, typed=key in _TYPED)


def edit(text: str, changes: Mapping[str, object]) -> str:
    """Set the keys of `changes` in a story file; every other character stays. Values are as for `serialise`.

    None, empty texts and empty lists remove their key; `summary` is the text below the front matter. A key that says
    the same already is not touched. `text` is the file as it is, with its byte order mark and line ends. Raises
    ValueError when the file cannot be read, and when a key cannot be changed alone (aliases, keys in braces).
    """
    layout = cut(text)
    newline = "\r\n" if layout.opening.endswith("\r\n") else "\n"
    header, wanted = layout.header, yamlfile.data_of(layout.header)
    for key in sorted(changes.keys() - {_BODY}, key=STORY_KEYS.index):
        value = None if empty(changes[key]) else plain(changes[key])
        if wanted.get(key) in (value, value[0] if isinstance(value, list) and len(value) == 1 else value):
            continue
        if value is None:
            header = _without(header, key)
            del wanted[key]
        else:
            header = _with(header, key, written(key, changes[key]), newline)
            wanted[key] = value
    document = yamlfile.parse(header, "")
    if document.faults or document.data != wanted:
        message = f"{', '.join(sorted(changes))} cannot be changed alone here; edit the file by hand"
        raise ValueError(message)
    body, closing = layout.body, layout.closing
    if _BODY in changes:
        body = _with_summary(body, str(changes[_BODY] or ""), newline)
        closing = closing if closing.endswith("\n") or not body else closing + newline
    return layout.opening + header + closing + body


class _Entry(Struct, frozen=True, kw_only=True):
    """Where a key and its value stand in the front matter, counted in characters."""

    key: str
    start: int
    colon: int  # just after it
    value: int
    end: int


def _entries(header: str) -> Iterator[_Entry]:
    """The top-level keys, in the order of the file. Events, not nodes: an alias has no place of its own as a node."""
    kinds = (yaml.NodeEvent, yaml.CollectionEndEvent)
    events = [event for event in yaml.parse(header, Loader=_LOADER) if isinstance(event, kinds)][1:-1]
    position = 0
    while position < len(events):
        middle = _after(events, position)
        after = _after(events, middle)
        key = events[position]
        if isinstance(key, yaml.ScalarEvent):
            yield _Entry(
                key=key.value,
                start=_start(key),
                colon=header.find(":", _end(key)) + 1,
                value=_start(events[middle]),
                end=max(map(_end, events[middle:after])),
            )
        position = after


def _after(events: Sequence[yaml.Event], position: int) -> int:
    """Where the node that begins at `position` is over."""
    depth = 0
    while True:
        event = events[position]
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        position += 1
        if depth == 0:
            return position


def _start(event: yaml.Event) -> int:
    return cast("yaml.Mark", event.start_mark).index


def _end(event: yaml.Event) -> int:
    end = cast("yaml.Mark", event.end_mark).index
    # A block list or mapping ends where the next thing begins, far behind its last word: that word's end counts.
    return -1 if isinstance(event, yaml.CollectionEndEvent) and end == _start(event) else end


def _with(header: str, key: str, value: str, newline: str) -> str:
    """Set one key: in its place, else after the key that comes before it in a file of ours."""
    entries = {entry.key: entry for entry in _entries(header)}
    if key not in entries:
        earlier = [one for one in STORY_KEYS[: STORY_KEYS.index(key)] if one in entries]
        place = max((_line_end(header, entries[one]) for one in earlier), default=0)
        return f"{header[:place]}{key}: {value}{newline}{header[place:]}"
    entry = entries[key]
    end = entry.colon + len(header[entry.colon : entry.end].rstrip())
    before = header[entry.colon : entry.value]
    if "\n" in before:  # a value that begins on the next line: a comment behind the key stays there
        comment = before.split("\n")[0].rstrip("\r")
        return f"{header[: entry.colon]} {value}{comment.rstrip()}{header[end:]}"
    rest = header[max(end, entry.value) :]
    if entry.end == entry.value and not rest[:1].isspace():  # an empty value may have a comment at its heels
        rest = f" {rest}" if rest else rest
    return f"{header[: entry.colon]}{before or ' '}{value}{rest}"


def _without(header: str, key: str) -> str:
    entry = next(entry for entry in _entries(header) if entry.key == key)
    return header[: entry.start] + header[_line_end(header, entry) :]


def _line_end(header: str, entry: _Entry) -> int:
    """The start of the line after the entry, whose comments and blank lines are not its own."""
    last = entry.start + len(header[entry.start : entry.end].rstrip())
    found = header.find("\n", last)
    return len(header) if found < 0 else found + 1


def _with_summary(body: str, text: str, newline: str) -> str:
    """Replace the text and keep the blank lines around it."""
    if summary_of(body) == summary_of(text):
        return body
    before = re.match(r"(?:[^\S\n]*\n)*", body)
    after = body[len(body.rstrip()) :] or newline
    text = summary_of(text).replace("\n", newline)
    return f"{(before and before[0]) or newline}{text}{after}" if text else ""
