"""Read YAML as people write it, and say every mistake with its line: duplicate keys, unknown keys, wrong values.

    text ─compose─▶ nodes ─walk─▶ Document(data, lines) ─pydantic─▶ a frozen model, or every fault at once

Every scalar stays the string it was written as (`no`, `12:30` and `2022-14-02` mean themselves); pydantic converts.
`text.scalar` writes them. This module never guesses a type, never runs a tag, and never touches a file: it is handed
text. The YAML library is imported when there is YAML to read: a build whose config and stories are as they were has
none.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from digest.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import yaml
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    M = TypeVar("M", bound=BaseModel)

Path = tuple[str | int, ...]
MAX_VALUES = 50_000  # a config of ten thousand lines has fewer; an alias bomb has a billion
MAX_DEPTH = 40
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # as YAML counts lines
_TAKEN = re.compile(
    r"\s*(?:- )*[\w.-]+:[ \t]+(?:[@`%&*!\[{\"']|[-?] )"
)  # a text whose first sign means something to YAML
_TOUCHING = re.compile(r"[ \t]+#(?=[^\s#])")
_WITHIN = re.compile(r"[ \t]#[^\s#]")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_WORDS = re.compile(r"#(?![\s#!=*~/-]|[\w.-]+:(?:\s|$))")  # no remark or rule, and no item or key that was taken out
_ODD_BLANK = re.compile(  # where a blank is wanted: before a key, or behind its colon
    r"^ *([\xa0\u2000-\u200b\u202f\u205f\u3000])|^\s*(?:- )*[\w.-]+:([\xa0\u2000-\u200b\u202f\u205f\u3000])"
)
CONFLICT = re.compile(r"^(?:<{7}|>{7})(?= \S)", re.MULTILINE)  # what git leaves around two versions
_ANCHOR = re.compile(r"(?:^|[\s\[{,])&\S", re.MULTILINE)
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}
_ABYSS = 1000  # levels at which composing is not even tried
_TOO_DEEP = f"more than {_ABYSS} levels deep"
_BOUNDS = {
    "greater_than": ("gt", "it must be more than"),
    "greater_than_equal": ("ge", "the least is"),
    "less_than": ("lt", "it must be less than"),
    "less_than_equal": ("le", "the most is"),
    "too_short": ("min_length", "it must have at least"),
}
_ALIKE = 0.6  # how alike an unknown key must be to a known one to be offered


class Document(Struct):
    """What a YAML text says. `data` holds strings, lists and dicts only; a key with nothing after it is left out.

    `lines` gives the line (from 1) on which the value at a path was written; `origins` names the source of values that
    did not come from the file itself (`environment DIGEST_SMTP__HOST`). `cut` says of each text how a comment cuts it
    that touches its sign: it `ends at 'We are'` of `We are #1 in jobs`, `is empty` of `#8M`. `empty` are the keys that
    were left out. What is not `readable` is no YAML, or no mapping: then nothing more can be said of it than `faults`
    does. Nor is what has too many values, or levels.
    """

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)
    cut: dict[Path, str] = field(default_factory=dict)
    empty: list[Path] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    readable: bool = True

    def fault(self, path: Path, message: str) -> Fault:
        """A Fault at `path`, on the line of the nearest thing that was written down."""
        key = dotted(path)
        if origin := self.origin(path):
            return Fault(file=origin, key=key, message=message)
        place = path
        while place and place not in self.lines:
            place = place[:-1]
        return Fault(file=self.file, line=self.lines.get(place, 0), key=key, message=message)

    def cut_texts(self, suspect: Callable[[Path], bool]) -> Iterator[Fault]:
        """A Fault for each text that YAML cut, of those that `suspect(path)` takes for one."""
        for path, how in self.cut.items():
            if suspect(path):
                yield self.fault(path, f"{how} begins a comment; put quotes around the whole text")

    def origin(self, path: Path) -> str:
        """Where what stands at `path` is from, or what it is part of; empty where that is the file itself."""
        return next((self.origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.origins), "")

    def where(self, path: Path) -> str:
        """`file:line` of what stands at `path`, or of the nearest thing that was written down."""
        return self.fault(path, "").place


def dotted(path: Path) -> str:
    """`("schedule", 0, "on")` as a person writes it: `schedule[0].on`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse(text: str, file: str, *, first_line: int = 1) -> Document:
    """Read a YAML mapping. Mistakes are in the result's `faults`, with the lines of the file; nothing is raised."""
    import yaml

    document = Document(file=file)
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _refuse_abyss(text, loader)
        node = yaml.compose(text, Loader=loader)
        anchors = _unused_anchors(text, loader) if _ANCHOR.search(text) else {}
    except (yaml.YAMLError, ValueError) as error:
        line, problem = _explained(error, text)
        document.faults.append(Fault(file=file, line=line + first_line, message=f"this is not YAML: {problem}"))
        document.readable = False
        return document
    if node is None:
        return document
    document.readable = isinstance(node, yaml.MappingNode)
    if not isinstance(node, yaml.MappingNode):
        message = "expected keys and values (`key: value`) here"
        document.faults.append(Fault(file=file, line=node.start_mark.line + first_line, message=message))
        return document
    walker = _Walker(document, first_line, text, anchors)
    document.data = walker.value(node, ())
    return document


def in_conflict(text: str) -> tuple[int, str] | None:
    """The line, from 0, at which git left two versions in a text, and what to do; None where it did not."""
    if not (mark := CONFLICT.search(text)):
        return None
    said = f"{mark[0]} is git's mark of a conflict; keep one version, and take the marks out"
    return text.count("\n", 0, mark.start()), said


def _explained(error: Exception, text: str) -> tuple[int, str]:
    """The line, from 0, at which the text is no YAML, and why, with what is mostly meant there."""
    import yaml

    if not isinstance(error, yaml.MarkedYAMLError):
        return 0, str(error).splitlines()[0]
    if conflict := in_conflict(text):
        return conflict
    problem = " ".join(str(part) for part in (error.context, error.problem) if part)
    keyless = "could not find expected ':'" in problem  # which is known a line later than it stands
    place = (error.context_mark if keyless else None) or error.problem_mark or error.context_mark
    line, column = (place.line, place.column) if place else (0, 0)
    lines = text.split("\n")
    for number in range(line, max(-1, line - 3), -1):
        if blank := _ODD_BLANK.search("".join(lines[number : number + 1])):
            return (
                number,
                f"U+{ord(blank[1] or blank[2]):04X} is no blank to it, though it looks like one; type a blank",
            )
    if "nesting depth" in problem:  # libyaml's newer releases count, too, and may be first: they read ahead
        problem = _TOO_DEEP
    return line, problem + _hint(problem, lines, line, column)


def _hint(problem: str, lines: list[str], line: int, column: int) -> str:
    """What is mostly to be done where libyaml has this problem."""
    at = "".join(lines[line : line + 1])
    if "could not find expected ':'" in problem:
        return "; write `key: value`, a blank behind the colon, and behind the dash of a list"
    if "unexpected ':'" in problem:
        return "; write a blank behind each colon"
    if "mapping values are not allowed" in problem:
        one = "; keys of one section begin in one column, and a text that holds a colon wants quotes"
        return "; put quotes around a value that holds a colon: 'Skills: a path'" if ": " in at[:column] else one
    if _TAKEN.match(at):
        return "; put single quotes around the whole text, and write those in it twice"
    if any(map(_WITHIN.search, lines[max(0, line - 2) : line + 1])):
        return "; ' #' begins a comment: put quotes around a text that holds it"
    return "; indent with blanks, not tabs" if at.startswith("\t") else ""


def data_of(text: str) -> dict[str, Any]:
    """The data of a text that somebody edits. Raises ValueError with its first mistake."""
    document = parse(text, "")
    if document.faults:
        raise ValueError(document.faults[0].message)
    return document.data


def validate(model: type[M], document: Document) -> tuple[M | None, list[Fault]]:
    """Make `model` from the document. Returns the model, or None with every fault, in the order of their lines."""
    from pydantic import ValidationError

    faults = list(document.faults)
    if not document.readable:
        return None, faults
    result: M | None = None
    try:
        result = model.model_validate(document.data)
    except ValidationError as error:
        faults.extend(_faults(model, document, error.errors(include_url=False)))
    faults.extend(_empty(model, document))
    faults.sort(key=lambda fault: (fault.file, fault.line))
    return (None if faults else result), faults


def did_you_mean(word: str, known: typing.Iterable[str]) -> str:
    """`, did you mean 'limit'?` when a known word is much like this one; otherwise the known words, else nothing."""
    words = sorted(known)
    return nearest(word, words) or (f"; known here: {', '.join(words)}" if words else "")


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """`, did you mean 'limit'?` when a known word is much like this one, else nothing."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=_ALIKE)
    return f", did you mean '{close[0]}'?" if close else ""


def _refuse_abyss(text: str, loader: Any) -> None:
    """Raise MarkedYAMLError for text that nests too deep: the composer recurses in C, and would end the process."""
    import yaml

    if sum(map(text.count, "[{-?\n")) < _ABYSS:
        return  # every level needs one of these
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _ABYSS:
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=typing.cast("yaml.Mark", event.start_mark))


def _unused_anchors(text: str, loader: Any) -> dict[tuple[int, int], str]:
    """The anchors that no alias names, by where they stand: they are words that begin with an &, and would be lost.

    Not of a text in quotes: nobody writes its first word before them.
    """
    import yaml

    found: dict[str, tuple[int, int]] = {}
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            found.pop(str(event.anchor), None)
        elif isinstance(event, yaml.ScalarEvent) and event.anchor and not event.style and event.start_mark:
            found[event.anchor] = (event.start_mark.line, event.start_mark.column)
    return {place: anchor for anchor, place in found.items()}


class _Walker:
    """Turns composed nodes into plain data, noting lines, and refusing what no config needs: tags, bombs, doubles."""

    def __init__(self, document: Document, first_line: int, text: str, anchors: Mapping[tuple[int, int], str]) -> None:
        import yaml

        self.document = document
        self.anchors = anchors
        self.text_lines = _BREAK.split(text.removeprefix("\ufeff")) if "#" in text else []
        self.cut_lines: set[int] = set()
        self.first_line = first_line
        self.count = 0
        self.mapping, self.sequence, self.scalar = yaml.MappingNode, yaml.SequenceNode, yaml.ScalarNode

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        line = node.start_mark.line + self.first_line
        self.document.lines.setdefault(path, line)
        if self.count > MAX_VALUES or len(path) > MAX_DEPTH:
            if self.count <= MAX_VALUES + 1 or len(path) == MAX_DEPTH + 1:
                self._fault(
                    path, f"more than {MAX_VALUES} values or {MAX_DEPTH} levels; aliases that repeat themselves?"
                )
            self.count = MAX_VALUES + 2
            self.document.readable = False  # of what follows nothing is taken
            return ""
        if self._marked(node, path):
            return ""
        if isinstance(node, self.mapping):
            return dict(self._pairs(node, path))
        if isinstance(node, self.sequence):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        self._note_cut(node, path)
        return node.value

    def _marked(self, node: yaml.Node, path: Path) -> bool:
        """Refuse a tag, and an anchor that nothing names: both take the first word away from a text."""
        if node.tag not in _PLAIN_TAGS and node.tag != "!":
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self._fault(path, f"tags like {tag} are not used here, remove it, or put quotes around the whole text")
        elif anchor := self.anchors.get((node.start_mark.line, node.start_mark.column)):
            self._fault(path, f"'&{anchor}' is no text to YAML; put quotes around the whole text")
        else:
            return False
        return True

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for number, (key_node, value_node) in enumerate(node.value):
            line = key_node.start_mark.line + self.first_line
            if not isinstance(key_node, self.scalar):
                self._fault(path, "a key is a word, not a list or a mapping")
                continue
            key = key_node.value
            here = (*path, key)
            if key in seen:
                fault = Fault(
                    file=self.document.file,
                    line=line,
                    key=dotted(here),
                    message=f"is given twice, first on line {seen[key]}; keep one",
                )
                self.document.faults.append(fault)
                continue
            seen[key] = line
            self.document.lines[here] = line
            empty = isinstance(value_node, self.scalar) and value_node.value in ("", "~", "null")
            if key == "<<" and not key_node.style:
                self._fault(here, "merges nothing here; write the keys out")
            elif (blank := _ODD_BLANK.match(key)) and blank[1] and not key_node.style:
                self._fault(here, f"begins with U+{ord(blank[1]):04X}, which is no blank to YAML; type blanks")
            elif empty and not value_node.style:  # quoted, it is a text
                word, colon, rest = key.partition(":")
                if colon and rest and not key_node.style:  # `{country:CH}` is one word, with nothing after it
                    self._fault(here, f"wants a blank behind its colon: {word}: {rest}")
                elif not self._marked(value_node, here):
                    self.document.empty.append(here)
                self._note_cut(value_node, here)
            else:
                yield key, self.value(value_node, here)
            if self.text_lines:
                after = [key.start_mark for key, _ in node.value[number + 1 : number + 2]]
                self._note_lines(here, key_node, value_node, *after or [node.end_mark])

    def _note_cut(self, node: typing.Any, path: Path) -> None:
        """Note a plain text that a comment ends; one whose sign stands alone is a comment and nothing else."""
        if node.style or node.value in ("~", "null"):
            return
        (rest, *_) = (*self.text_lines[node.end_mark.line : node.end_mark.line + 1], "")
        if _TOUCHING.match(rest, node.end_mark.column):
            how = f"ends at {node.value[-40:]!r}, since ' #'" if node.value else "is empty, since '#'"
            self.document.cut[path] = how
            self.cut_lines.add(node.end_mark.line)

    def _note_lines(self, path: Path, key: typing.Any, node: typing.Any, end: yaml.Mark) -> None:
        """Note a text, or a list of texts, of which comments take whole lines, or its first words; up to `end`."""
        several = isinstance(node, self.sequence)
        parts = node.value if several else [node]
        if not all(isinstance(part, self.scalar) and part.start_mark.index >= key.end_mark.index for part in parts):
            return  # keys of their own, which are looked at one by one; or what stands elsewhere, and is an alias here
        flow = getattr(node, "flow_style", False)
        # Among items that each have a dash of their own, a line without one is a remark, unless it goes on with a text.
        dashes = node.start_mark if several and not flow else None
        column = (dashes or key.start_mark).column
        stops = [*(part.start_mark for part in parts), node.end_mark if flow else end]
        starts = [key.end_mark, *(part.end_mark for part in parts)]
        for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            before = parts[number - 1] if number else None
            whole = before and (before.style or before.value in ("~", "null"))  # what stands behind it is a comment
            for line in () if whole else range(start.line, min(stop.line + 1, len(self.text_lines))):
                if line in self.cut_lines or (dashes and line < dashes.line):
                    continue
                first, last = line == start.line, line == stop.line
                text = self.text_lines[line]  # which may be all of the file: it is never copied
                found = _COMMENT.search(text, start.column if first else 0, stop.column if last else len(text))
                if found and _WORDS.match(found[0]) and (first or found.start() > column):
                    how = f"lacks {found[0][:40]!r}" if parts and parts[0].value else "is empty"
                    self.document.cut.setdefault(path, f"{how}, since '#'")

    def _fault(self, path: Path, message: str) -> None:
        self.document.faults.append(self.document.fault(path, message))


def _faults(model: type[BaseModel], document: Document, errors: list[ErrorDetails]) -> Iterator[Fault]:
    for error in errors:
        path = tuple(part for part in error["loc"] if not (isinstance(part, str) and part.startswith("[")))
        yield document.fault(path, _message(model, path, error))


def _message(model: type[BaseModel], path: Path, error: ErrorDetails) -> str:  # noqa: PLR0911 - one return per kind
    kind, context = error["type"], error.get("ctx") or {}
    given = error.get("input")
    shown = f"{given!r}" if isinstance(given, str | int | float) else ""
    if kind == "extra_forbidden":
        return f"is not a key here{did_you_mean(str(path[-1]), _keys_at(model, path[:-1]))}"
    if kind == "missing":
        return "is missing, give it a value"
    if kind in ("literal_error", "enum"):
        expected = str(context.get("expected", ""))
        choices = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
        return f"{shown} is none of {expected}{nearest(str(given), choices)}"
    if kind.startswith(("int_", "float_", "bool_")):
        return f"{shown} is {'neither true nor false' if kind.startswith('bool_') else 'not a number'}"
    if kind in ("string_type", "list_type", "tuple_type", "dict_type", "model_type", "model_attributes_type"):
        wanted = {"string": "one text", "list": "a list", "tuple": "a list"}.get(kind.split("_")[0], "keys and values")
        return f"expected {wanted} here"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"{given} is out of range; {words} {context[bound]}" if given else "is empty, give it a value"
    if kind.startswith("date_"):
        return f"{shown} is no day; write it like 2022-02-14"
    if kind == "value_error":
        return str(context.get("error", error["msg"]))
    text = error["msg"][:1].lower() + error["msg"][1:]
    return f"{shown}: {text}" if shown else text


def _empty(model: type[BaseModel], document: Document) -> Iterator[Fault]:
    """Keys with nothing after them where that means nothing: ones that are not known, and ones that a person names."""
    for path in document.empty:
        kind = _plain(kind_at(model, path[:-1]))
        if typing.get_origin(kind) is dict:
            yield document.fault(path, "is empty, give it a value")
        elif (known := _fields(kind)) is not None and path[-1] not in known:
            yield document.fault(path, f"is not a key here{did_you_mean(str(path[-1]), known)}")


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the model knows at `path`."""
    return list(_fields(_plain(kind_at(model, path))) or ())


def kind_at(model: type[BaseModel], path: Path) -> Any:
    """What may stand at `path`, found by walking the model's annotations; None where that is not known."""
    kind: Any = model
    for part in path:
        kind = _plain(kind)
        fields = _fields(kind)
        if fields is not None:
            kind = fields.get(str(part))
        else:
            arguments = typing.get_args(kind)
            kind = arguments[-1] if isinstance(part, str) and arguments else next(iter(arguments), None)
        if kind is None:
            return None
    return kind


def _fields(kind: Any) -> Mapping[str, Any] | None:
    fields = getattr(kind, "model_fields", None)
    return None if fields is None else {info.alias or name: info.annotation for name, info in fields.items()}


def _plain(kind: Any) -> Any:
    """Take Annotated and Optional off."""
    while True:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif origin in (typing.Union, types.UnionType):
            kind = next((one for one in typing.get_args(kind) if one is not type(None)), None)
        else:
            return kind
