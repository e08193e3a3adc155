"""Change single keys in a story file and leave every other character as somebody wrote it.

    text ─cut─▶ front matter ─YAML events─▶ where each value stands ─replace─▶ read again and compared ─▶ text

Comments, order, blanks and line ends stay. It never writes what does not read back as asked: then it refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import yaml

from digest import yamlfile
from digest.stories.layout import cut, summary
from digest.stories.writing import ORDER, empty, plain, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BODY = "summary"  # not a key of the front matter, but the text below it
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def edit(text: str, changes: Mapping[str, object]) -> str:
    """Set the keys of `changes` in a story file; every other character stays. Values are as for `serialise`.

    None, empty texts and empty lists remove their key; `summary` is the text below the front matter. A key that says
    the same already is not touched. `text` is the file as it is, with its byte order mark and line ends. Raises
    ValueError when the file cannot be read, and when a key cannot be changed alone (aliases, keys in braces).
    """
    layout = cut(text)
    newline = "\r\n" if layout.opening.endswith("\r\n") else "\n"
    header, wanted = layout.header, _data(layout.header)
    for key in sorted(changes.keys() - {_BODY}, key=ORDER.index):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
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
        earlier = [one for one in ORDER[: ORDER.index(key)] if one in entries]
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
    if summary(body) == summary(text):
        return body
    before = re.match(r"(?:[^\S\n]*\n)*", body)
    after = body[len(body.rstrip()) :] or newline
    text = summary(text).replace("\n", newline)
    return f"{(before and before[0]) or newline}{text}{after}" if text else ""


def _data(header: str) -> dict[str, object]:
    document = yamlfile.parse(header, "")
    if document.faults:
        raise ValueError(document.faults[0].message)
    return document.data
