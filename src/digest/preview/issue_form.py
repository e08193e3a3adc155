"""An edition's issue file as forms, and back: its texts, its blocks in their order, and which stories an editor chose.

    issues/2022-02/everyone.yaml ─issue_file─▶ values, blocks, version ─▶ the page ─▶ one change ─issue_edit─▶ Saves

The forms of the blocks are made from the table of their kinds. What would not read back is never written. An overrides
file as there were before becomes an issue file when it is to say more than that could.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import JSONResponse

from digest.blocks.kinds import KINDS, PLACES
from digest.errors import DigestError, EditConflict, Fault, IssueError, UsageError
from digest.issues import issue_edit, issue_file
from digest.issues.issue_edit import AddBlock, ChangeBlock, MoveBlock, RemoveBlock, SetStories, SetText
from digest.issues.issue_file import EVERY_LANGUAGE, OTHERWISE
from digest.model import EVERY_AUDIENCE, language_tags
from digest.preview import forms
from digest.preview.forms import FormField
from digest.preview.saves import FileChange, Save, contents, version
from digest.preview.state import requested

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from starlette.responses import Response

    from digest.blocks.kinds import Block, BlockField, BlockKind
    from digest.issues.issue_edit import Change
    from digest.issues.issue_file import IssueFile
    from digest.model import Edition, Story
    from digest.newsroom.newsroom import Newsroom
    from digest.preview.state import PreviewState, ShownEdition

TEXTS = (
    FormField(key="subject", label="Subject", help="The newsroom's usual one, if this is empty."),
    FormField(key="preheader", label="Preheader", help="The line after the subject in an inbox."),
    FormField(key="intro", label="Intro", kind="markdown"),
)
_KINDS: dict[str, forms.Kind] = {
    "line": "line", "markdown": "markdown", "link": "address", "image": "picture", "day": "date", "choice": "choice",
    "rows": "rows",
}  # fmt: skip
_WHERE = "where"  # the form's one field for a block's `at` and `after`
_AFTER = "after "
_PLACES: dict[str, str] = {
    "top": "above the first story",
    "lead": "after the first story",
    "groups": "between groups",
    "end": "at the end",
}
_OF_BLOCK = re.compile(r"blocks(?:\.[\w-]+)?\[(\d+)\]\.?(.*)")
_SHOWN = ("title", "label", "figure", "caption", "text", "name", "alt")  # what tells one block from another of its kind


class OpenedIssue(Struct, frozen=True, kw_only=True):
    """One issue file as it is. `path` is where it is written, `source` where it was read: maybe an overrides file."""

    path: Path
    source: Path
    data: bytes | None
    file: IssueFile
    languages: tuple[str, ...]
    language: str

    def scope(self, key: str) -> str:
        """The language under which the file says `key`; EVERY_LANGUAGE where it says it once."""
        value = self.file.document.data.get(key)
        if isinstance(value, dict):
            names = [name.lower() for name in value]
            own = next((name for name in language_tags(self.language) if name in names), "")
            shared = OTHERWISE in names and (key == "blocks" or len(self.languages) < 2)  # noqa: PLR2004 - one of several
            return own or (EVERY_LANGUAGE if shared else self.language)
        return EVERY_LANGUAGE if value is not None or len(self.languages) < 2 else self.language  # noqa: PLR2004

    def texts(self) -> dict[str, str]:
        """The texts in its language."""
        values = self.file.texts
        return {field.key: issue_file.in_language(values.get(field.key, {}), self.language) or "" for field in TEXTS}

    def blocks(self) -> list[dict[str, Any]]:
        """The blocks in its language as they are written."""
        value = self.file.document.data.get("blocks", [])
        if isinstance(value, dict):
            by_name = {name.lower(): blocks for name, blocks in value.items()}
            value = by_name.get(self.scope("blocks") or OTHERWISE, [])
        return [block for block in value if isinstance(block, dict)] if isinstance(value, list) else []


def show(state: PreviewState, query: Mapping[str, str]) -> Response:
    """What the issue says beside its stories, and the forms of its texts and blocks. Raises IssueError."""
    newsroom, edition = state.newsroom(), state.edition(requested({**query, "draft": ""}))
    issue = open_issue(newsroom, edition, everybodys=query.get("file") == "all")
    try:
        stories = state.view(requested({**query, "draft": "", "who": ""})).build.selection.stories
    except DigestError:
        stories = ()  # the page says what is wrong; a block stands after none of them meanwhile
    recurring = {block.where for blocks in newsroom.config.recurring.values() for block in blocks}
    written = {block.where for blocks in issue.file.blocks.values() for block in blocks}
    return JSONResponse({
        "file": state.saves.name(issue.path),
        "version": version(issue.data),
        "language": issue.scope("blocks"),
        "fields": forms.fields_data(TEXTS),
        "values": issue.texts(),
        "blocks": [_listed(block) for block in issue.blocks()],
        "others": [
            {**_other(block), "recurring": block.where in recurring}
            for block in newsroom.issue(edition).blocks
            if block.where not in written
        ],
        "kinds": [
            {"name": kind.name, "use": kind.use, "fields": forms.fields_data(_fields(kind, stories))}
            for kind in KINDS.values()
        ],
    })  # fmt: skip


def save(state: PreviewState, body: dict[str, Any]) -> Response:
    """Make one change. Raises UsageError, FaultyForm, DigestError."""
    newsroom, edition = state.newsroom(), state.edition(requested({**body, "draft": ""}))
    everybodys = body.get("file") == "all"
    issue = open_issue(newsroom, edition, everybodys=everybodys)
    try:
        state.saves.insist(issue.source, forms.text_of(body, "version"))
        changes, index = _changes(issue, body)
        after, _ = _edited(state, issue, changes, index)
        made = state.saves.save(f"Saved: {state.saves.name(issue.path)}", _files(issue, after))
    except EditConflict as error:
        now = open_issue(newsroom, edition, everybodys=everybodys)
        return forms.conflict(error, version(now.data), _values_now(now, body))
    state.changed()
    now = open_issue(newsroom, edition, everybodys=everybodys)
    return forms.saved(
        made, version(now.data), index=index, values=_values_now(now, {"do": body.get("do"), "index": index})
    )


def save_stories(state: PreviewState, edition: Edition, hand: Sequence[SetStories], read: str) -> tuple[Save, str]:
    """Pin, skip and order in the edition's own file, which was `read` as this version. Raises as `save` does."""
    issue = open_issue(state.newsroom(), edition)
    state.saves.insist(issue.source, read)
    keep = replace(issue, path=issue.source)  # an overrides file can say all of it
    after, _ = _edited(state, keep, hand, None)
    made = state.saves.save(f"Saved: {state.saves.name(issue.source)}", _files(keep, after))
    state.changed()
    return made, version(after)


def draft(state: PreviewState, body: dict[str, Any]) -> tuple[IssueFile, ...]:
    """The edition's issue files as they would be with what is typed. Raises UsageError, FaultyForm, IssueError."""
    newsroom, edition = state.newsroom(), state.edition(requested({**body, "draft": ""}))
    everybodys = body.get("file") == "all"
    issue = open_issue(newsroom, edition, everybodys=everybodys)
    changes, index = _changes(issue, body)
    _, typed = _edited(state, issue, changes, index)
    own, shared = newsroom.issue_files(edition)
    return (own, typed) if everybodys else (typed, shared)


def open_issue(newsroom: Newsroom, edition: Edition, *, everybodys: bool = False) -> OpenedIssue:
    """The edition's own issue file, or that of every audience. Raises IssueError for one that cannot be read."""
    folder = newsroom.root / "issues" / edition.period.id
    own = newsroom.config.audience(edition.audience).languages
    every = tuple(dict.fromkeys(tag for each in newsroom.config.audiences.values() for tag in each.languages))
    path = folder / f"{EVERY_AUDIENCE if everybodys else edition.audience}.yaml"
    source = path if everybodys else newsroom.issue_path(edition)
    data, languages = contents(source), every if everybodys else own
    file = issue_file.parse(data or b"", _name(newsroom, source), languages=languages, stories_only=source != path)
    return OpenedIssue(path=path, source=source, data=data, file=file, languages=languages, language=edition.language)


def place_of(view: ShownEdition, place: str, line: int) -> dict[str, Any] | None:
    """What stands on a line of one of the view's issue files: which file, which block or text, and its field."""
    newsroom, typed = view.newsroom, view.typed
    for everybodys in (False, True):
        issue = open_issue(newsroom, view.edition, everybodys=everybodys)
        if typed:
            issue = replace(issue, file=typed[everybodys])
        if (issue.data is None and not typed) or not _same(newsroom, place, issue.source):
            continue
        lines = issue.file.document.lines
        known = [(at, len(path), path) for path, at in lines.items() if path and at <= line]
        path = max(known, key=lambda each: each[:2])[2] if known else ()
        file = "all" if everybodys else "own"
        if path[:1] != ("blocks",):
            field = str(path[0]) if path else ""
            return {"file": file, "block": -1, "kind": "", "field": field, "words": issue.texts().get(field, "")}
        depth = next((place for place, part in enumerate(path) if isinstance(part, int)), None)
        if depth is None:
            return {"file": file, "block": -1, "kind": "", "field": "", "words": ""}
        number, blocks, inner = path[depth], issue.blocks(), next(iter(path[depth + 1 :]), "")
        block = _listed(blocks[number] if isinstance(number, int) and number < len(blocks) else {})
        return {"file": file, "block": number, "kind": block["kind"], "field": str(inner), "words": block["title"]}
    return None


def _same(newsroom: Newsroom, place: str, path: Path) -> bool:
    return (newsroom.root / place).resolve() == path.resolve() or place.endswith(_name(newsroom, path))


def _name(newsroom: Newsroom, path: Path) -> str:
    return path.relative_to(newsroom.root).as_posix()


def _changes(issue: OpenedIssue, body: dict[str, Any]) -> tuple[list[Change], int | None]:
    """What is to be changed, and the number that the block has then. Raises UsageError."""
    do, count = forms.text_of(body, "do"), len(issue.blocks())
    language, index = issue.scope("blocks"), _index(issue, body)
    match do:
        case "texts":
            texts = forms.values_of(body, TEXTS)
            return [SetText(key=key, text=str(text), language=issue.scope(key)) for key, text in texts.items()], None  # type: ignore[arg-type]
        case "add":
            kind = KINDS.get(forms.text_of(body, "kind"))
            if kind is None:
                message = "there is no such kind of block; reload the page"
                raise UsageError(message)
            values = _written(forms.values_of(body, _fields(kind, ())))
            return [AddBlock(block={"kind": kind.name, **values}, language=language)], count
        case "change" if index is not None:
            kind = KINDS[str(issue.blocks()[index]["kind"])]
            values = _written(forms.values_of(body, _fields(kind, ())))
            return [ChangeBlock(index=index, fields=values, language=language)], index
        case "move" if index is not None and (to := _number(body, "to", count)) is not None:
            return [MoveBlock(index=index, to=to, language=language)], to
        case "remove" if index is not None:
            return [RemoveBlock(index=index, language=language)], None
    message = "that block is not there any more; reload the page"
    raise UsageError(message)


def _index(issue: OpenedIssue, body: Mapping[str, Any]) -> int | None:
    """Which block is meant: that of the number, or where the block is now that the form showed (`kind` and `was`)."""
    blocks = issue.blocks()
    index = _number(body, "index", len(blocks))
    if "was" not in body:
        return index
    was = {"kind": body.get("kind"), **body["was"]} if isinstance(body["was"], dict) else {}
    found = [number for number, block in enumerate(blocks) if {"kind": block.get("kind"), **_shown(block)} == was]
    if index in found or not found:
        return index if index is not None and blocks[index].get("kind") == body.get("kind") else None
    return found[0]


def _number(body: Mapping[str, Any], key: str, count: int) -> int | None:
    number = body.get(key)
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < count else None


def _edited(
    state: PreviewState, issue: OpenedIssue, changes: Sequence[Change], index: int | None
) -> tuple[bytes, IssueFile]:
    """The file's octets with the changes, read back. Raises UsageError, FaultyForm with each mistake at its field."""
    name = state.saves.name(issue.path)
    try:
        after = issue_edit.edit((issue.data or b"").decode("utf-8"), changes).encode()
    except ValueError as error:
        message = f"{name}: {error}"
        raise UsageError(message) from None
    try:
        stories_only = issue.path.parent.parent.name == "overrides"
        return after, issue_file.parse(after, name, languages=issue.languages, stories_only=stories_only)
    except IssueError as error:
        raise forms.FaultyForm(_at_field(fault, index) for fault in error.faults) from None


def _at_field(fault: Fault, index: int | None) -> Fault:
    """The fault, its key that of the form's field where it is in the block that the form shows."""
    if not (found := _OF_BLOCK.fullmatch(fault.key)):
        return fault
    if index is None or int(found[1]) != index:
        return replace(fault, key="", message=f"block {int(found[1]) + 1}: {found[2]}: {fault.message}")
    field, _, rest = found[2].partition("[")
    field = _WHERE if field in ("at", "after") else field
    number, _, inner = rest.partition("]")
    told = f"{int(number) + 1}, {inner.lstrip('.')}: {fault.message}" if number.isdecimal() else fault.message
    return replace(fault, key=field, message=told)


def _files(issue: OpenedIssue, after: bytes) -> list[FileChange]:
    if issue.path == issue.source:
        return [FileChange(path=issue.path, before=issue.data, after=after)]
    return [
        FileChange(path=issue.path, before=None, after=after),
        FileChange(path=issue.source, before=issue.data, after=None),
    ]


def _values_now(issue: OpenedIssue, body: Mapping[str, Any]) -> dict[str, Any]:
    if body.get("do") == "texts":
        return issue.texts()
    index = _index(issue, body)
    return _shown(issue.blocks()[index]) if index is not None else {}


def _fields(kind: BlockKind, stories: Iterable[Story]) -> tuple[FormField, ...]:
    """The form of a kind, from its table; last where it stands, which may be after one of the stories."""
    stories = tuple(stories)
    choices = ("", *PLACES, *(f"{_AFTER}{story.id}" for story in stories))
    usual = f"its usual place, {_PLACES[kind.place]}"
    labels = (usual, *(_PLACES[place] for place in PLACES), *(f"after “{story.title}”" for story in stories))
    where = FormField(key=_WHERE, label="Where it stands", kind="choice", choices=choices, labels=labels)
    return (*(_field(row) for row in kind.fields), where)


def _field(row: BlockField) -> FormField:
    label = row.name.replace("_", " ").capitalize()
    return FormField(
        key=row.name, label=label, kind=_KINDS[row.holds], help=row.tells, required=row.required,
        choices=("", *row.choices) if row.holds == "choice" else (), rows=tuple(_field(each) for each in row.rows),
    )  # fmt: skip


def _written(values: Mapping[str, forms.Value]) -> dict[str, Any]:
    """The form's values as the file says them: one field for the place becomes `at` or `after`."""
    written: dict[str, Any] = {key: value for key, value in values.items() if key != _WHERE}
    if _WHERE in values:
        where = str(values[_WHERE])
        story = where.removeprefix(_AFTER) if where.startswith(_AFTER) else ""
        written |= {"at": "" if story else where, "after": story}
    return written


def _shown(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block's values as its form shows them."""
    where = f"{_AFTER}{block['after']}" if block.get("after") else block.get("at", "")
    return {**{key: value for key, value in block.items() if key not in ("kind", "at", "after")}, _WHERE: where}


def _listed(block: Mapping[str, Any]) -> dict[str, Any]:
    title = next((str(block[key]) for key in _SHOWN if block.get(key)), "")
    return {"kind": str(block.get("kind", "")), "title": title[:120], "values": _shown(block)}


def _other(block: Block) -> dict[str, Any]:
    title = next((str(text) for key in _SHOWN if (text := getattr(block, key, ""))), "")
    return {"kind": block.kind, "title": title[:120], "where": block.where}
