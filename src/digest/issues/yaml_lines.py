"""Values in a YAML text set, removed and put in another order line by line, all other lines as they were.

    text ─composed─▶ nodes ─▶ the lines of each key or item ─▶ those lines moved, replaced, removed

What is written anew is in the block style that people write; a comment above an item goes where the item goes. Whether
the text then says what it should, the caller looks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from digest.text.scalar import literal, quoted

if TYPE_CHECKING:
    import yaml

DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_COMMENT = re.compile(r"(?:^|\s)#")
_BLOCK_SCALAR = re.compile(r"[|>][-+0-9]*(\s+#.*)?\s*\Z")


class NotAloneError(Exception):
    """A value is written such that its lines hold something else, too."""


class _Span(Struct, frozen=True, kw_only=True):
    """The lines of a key with its value, or of an item: from `above` (what is said of it) and `first` up to `end`."""

    above: int
    first: int
    end: int
    column: int  # where its key or its value begins


def _node(text: str, path: Sequence[str | int]) -> yaml.Node | None:
    import yaml

    node = yaml.compose(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    for part in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        else:
            return None
    return node


def _spans(text: str, node: yaml.Node) -> dict[str | int, _Span]:
    """Where each key or item of a collection stands. Raises NotAloneError for one that is not written line by line."""
    import yaml

    if not isinstance(node, yaml.CollectionNode) or node.flow_style:
        raise NotAloneError
    lines = text.split("\n")
    listed = isinstance(node, yaml.SequenceNode)
    spans: dict[str | int, _Span] = {}
    above = -1  # the line after the item before
    for index, part in enumerate(node.value):
        head, value = (part, part) if listed else part
        start, end = cast("yaml.Mark", head.start_mark), _end(text, value)
        before = lines[start.line][: start.column]
        # a block's first key stands behind the dash of its item; an anchor or a tag, or another item, may not
        if not re.fullmatch(r"\s*(?:-\s+)?" if not listed else r"\s*-\s+", before) or start.line < above:
            raise NotAloneError
        if above < 0:
            above = start.line
            while listed and above and lines[above - 1].lstrip().startswith("#"):
                above -= 1
        key = index if listed else head.value
        spans[key] = _Span(above=above, first=start.line, end=end, column=start.column)
        above = end
    return spans


def _end(text: str, node: yaml.Node) -> int:
    """The line after the last word of a node; a collection's own end is where the next thing begins."""
    import yaml

    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start, end = cast("yaml.Mark", node.start_mark), cast("yaml.Mark", node.end_mark)
    words = text[start.index : end.index].rstrip()
    return start.line + words.count("\n") + 1


def set_key(text: str, path: Sequence[str | int], key: str, value: Any, order: Sequence[str]) -> str:
    """Set a key of the mapping at `path`, or take it away; one that is new stands behind those before it in `order`."""
    node = _node(text, path)
    lines = text.split("\n")
    spans = _spans(text, node) if node is not None else {}
    span = spans.get(key)
    if span is not None:
        before = lines[span.first][: span.column]
        comment = "" if value is None else _comment(text, (*path, key), lines, span)
        written = [] if value is None else _written(key, value, span.column)
        if written:
            written[0] = before + written[0].lstrip() + comment
        elif before.strip() and span.end < len(lines):  # the dash goes to the key that follows
            after = next((each for each in spans.values() if each.first == span.end), None)
            if after is None:
                raise NotAloneError
            lines[after.first] = before + lines[after.first].lstrip()
        return "\n".join(lines[: span.first] + written + lines[span.end :])
    if value is None:
        return text
    column = next(iter(spans.values())).column if spans else 0
    earlier = [spans[name].end for name in order[: order.index(key) if key in order else len(order)] if name in spans]
    place = max(earlier, default=0) or (_first_line(lines, spans) if order else max(s.end for s in spans.values()))
    return "\n".join(lines[:place] + _written(key, value, column) + lines[place:])


def _first_line(lines: Sequence[str], spans: Mapping[str | int, _Span]) -> int:
    """Where a key goes that comes before all others: above the first one's comment, unless that is the file's own."""
    if not spans:
        return len(lines) - (lines[-1] == "")
    first = min(span.first for span in spans.values())
    above = first
    while above and lines[above - 1].lstrip().startswith("#"):
        above -= 1
    return above or first


def _comment(text: str, path: Sequence[str | int], lines: Sequence[str], span: _Span) -> str:
    """The comment behind a value that is to be replaced. Raises NotAloneError for comments within it."""
    import yaml

    node = _node(text, path)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        found = _BLOCK_SCALAR.search(lines[span.first])
        return (found[1] or "") if found else ""
    braces = isinstance(node, yaml.CollectionNode) and node.flow_style and span.end > span.first + 1
    if any(_COMMENT.search(line) for line in lines[span.first + (not braces) : span.end]):
        raise NotAloneError
    start, end = span.first, cast("yaml.Mark", node.end_mark) if node is not None else None
    if end is not None and end.line == start:
        rest = lines[start][end.column :]
        return rest.rstrip() if rest.strip().startswith("#") else ""
    found = re.search(r":(\s+#.*)\Z", lines[start])
    return found[1] if found else ""


def arranged(text: str, path: Sequence[str | int], places: Sequence[Any]) -> str:
    """The list at `path` with its items in another order: `places` are indexes of old ones, and values of new ones."""
    node = _node(text, path)
    if node is None:
        raise NotAloneError
    spans, lines = _spans(text, node), text.split("\n")
    first, last = spans[0], spans[len(spans) - 1]
    indent = lines[first.first][: first.column].index("-")
    written: list[str] = []
    for place in places:
        if isinstance(place, int):
            written += lines[spans[place].above : spans[place].end]
        else:
            written += _item(place, indent)
    return "\n".join(lines[: first.above] + written + lines[last.end :])


def nested(text: str, key: str, name: str) -> str:
    """The list under a `key` of the top as what `name` says there."""
    node = _node(text, (key,))
    top = _node(text, ())
    assert node is not None
    assert top is not None
    _spans(text, node)
    span, lines = _spans(text, top)[key], text.split("\n")
    moved = [f"  {line}" if line else line for line in lines[span.first + 1 : span.end]]
    return "\n".join([*lines[: span.first + 1], f"  {name}:", *moved, *lines[span.end :]])


def _written(key: str, value: Any, indent: int) -> list[str]:
    """The lines of a key with its value."""
    blanks = " " * indent
    match value:
        case Mapping():
            below = (line for name, part in value.items() for line in _written(name, part, indent + 2))
            return [f"{blanks}{key}:", *below]
        case list() | tuple():
            return [f"{blanks}{key}:", *(line for part in value for line in _item(part, indent + 2))]
        case _:
            text = str(value)
    if literal(text):
        return [f"{blanks}{key}: |-", *(f"{blanks}  {line}".rstrip() for line in text.split("\n"))]
    return [f"{blanks}{key}: {quoted(text, typed=DAY.fullmatch(text) is not None)}"]


def _item(value: Any, indent: int) -> list[str]:
    """The lines of an item of a list."""
    blanks = " " * indent
    if not isinstance(value, Mapping):
        return [f"{blanks}- {quoted(str(value))}"]
    lines = [line for name, part in value.items() for line in _written(name, part, indent + 2)]
    return [f"{blanks}- {lines[0].lstrip()}", *lines[1:]]
