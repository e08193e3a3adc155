"""A story's file as a form, and back: what a person changed is changed, and every other character of the file stays.

    stories/a.md ─read─▶ values, version ─▶ the page ─▶ changed values ─edit─▶ text, read again ─▶ Saves

A file with mistakes is shown all the same, each at its field, so that it can be mended here. What could not be read
afterwards is never written.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from starlette.responses import JSONResponse

from digest import yamlfile
from digest.errors import EditConflict, Fault, UsageError
from digest.files import spelled_below
from digest.importing.naming import story_name
from digest.model import STORY_DEFAULTS, STORY_SUFFIX, STORY_WORDS, Status, story_id
from digest.preview import forms
from digest.preview.forms import FormField
from digest.preview.saves import FileChange, contents, version
from digest.preview.state import requested
from digest.stories import frontmatter, writing
from digest.stories.fields import StoryFields
from digest.stories.walk import names_taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.responses import Response

    from digest.model import Story
    from digest.newsroom.newsroom import Newsroom
    from digest.preview.state import PreviewState

_ARRANGED = (
    FormField(key="kicker", label="Kicker", help="The short line above the title: a series, a programme."),
    FormField(key="title", label="Title", required=True),
    FormField(key="summary", label="Summary", kind="markdown"),
    FormField(key="link", label="Link", kind="address", help="Where the whole story is."),
    FormField(key="read", label="Words of the link", more=True, help="Watch the film; “Read the story” if empty."),
    FormField(key="image", label="Picture", kind="picture", help="A file of the newsroom, or an https address."),
    FormField(key="image_alt", label="Words for the picture", help="What it shows, for who cannot see it."),
    FormField(key="credit", label="Credit", help="Whose picture it is."),
    FormField(key="date", label="Date", kind="date", required=True, help="A day like 2022-02-14, or a time with zone."),
    FormField(key="channels", label="Channels", kind="words", more=True, help="Parted by commas."),
    FormField(key="topics", label="Topics", kind="words", more=True, help="Parted by commas."),
    FormField(key="countries", label="Countries", kind="words", more=True, help="Two letters each, parted by commas."),
    FormField(key="language", label="Language", more=True, help="A tag like en or pt-BR; the newsroom's own if empty."),
    FormField(key="status", label="Status", kind="choice", more=True, choices=tuple(each.value for each in Status)),
    FormField(key="lead", label="On top of the issue", kind="truth", more=True),
    FormField(key="corrected", label="Corrected", kind="date", more=True, help="When it was mended after it was sent."),
    FormField(key="correction", label="What was corrected", more=True, help="In a sentence; the public page says it."),
)
# What readers see of a story and nobody has found a place for stands below, by its own name.
FIELDS = (
    *_ARRANGED,
    *(
        FormField(
            key=key,
            label=key.replace("_", " ").capitalize(),
            more=True,
            help=StoryFields.model_fields[key].description or "",
        )
        for key in STORY_WORDS
        if key not in {field.key for field in _ARRANGED}
    ),
)
_KEYS = frozenset(field.key for field in FIELDS)
_BODY = "summary"
_LONGEST = 250  # octets of a name; file systems take 255, with its ending


class StoryFile(Struct, frozen=True, kw_only=True):
    """A story's file as it is now. `data` is None where there is none yet."""

    id: str
    path: Path
    data: bytes | None

    @property
    def text(self) -> str:
        """Its text, to the character. Raises UsageError for what is no UTF-8."""
        try:
            return (self.data or b"").decode()
        except UnicodeDecodeError:
            message = f"{self.id} is not UTF-8; save the file as UTF-8, then edit it here"
            raise UsageError(message) from None


def show(state: PreviewState, query: Mapping[str, str]) -> Response:
    """The form of the story `id`; without one, that of a new story for the edition that is shown."""
    newsroom = state.newsroom()
    if not query.get("id"):
        edition = state.edition(requested(query))
        audience, last = newsroom.config.audience(edition.audience), edition.period.after - timedelta(days=1)
        other = edition.language != newsroom.config.newsroom.language
        values = {
            "date": max(edition.period.first, min(state.now().date(), last)).isoformat(),
            "channels": list(audience.select.channels[:1]),
            "topics": list(audience.select.topics[:1]),
            "language": edition.language if other else "",
            "status": Status.PUBLISHED.value,
        }
        about: dict[str, Any] = {"id": "", "file": "", "version": "", "values": _all(values), "faults": {}}
    else:
        story = file_of(newsroom, query["id"])
        faults = _read(newsroom, story.id, story.text)[1]
        about = {
            "id": story.id, "file": state.saves.name(story.path), "version": version(story.data),
            "values": values_in(story.text), "faults": forms.FaultyForm(faults).by_field() if faults else {},
        }  # fmt: skip
    return JSONResponse({**about, "fields": forms.fields_data(FIELDS)})


def save(state: PreviewState, body: dict[str, Any]) -> Response:
    """Save the changed values of a story, or a new story. Raises UsageError, FaultyForm, DigestError."""
    newsroom = state.newsroom()
    values = forms.values_of(body, FIELDS)
    name, read = forms.text_of(body, "id"), forms.text_of(body, "version")
    if not name:
        story, after = _new(newsroom, values)
        title = f"Written: {state.saves.name(story.path)}"
    elif not (story := file_of(newsroom, name, gone=bool(read))).path.is_file():
        deleted = EditConflict(f"{state.saves.name(story.path)} was deleted since you opened it")
        return forms.conflict(deleted, "", {})
    else:
        after = _edit(story, values)
        forms.refuse(_read(newsroom, story.id, after)[1])
        title = f"Saved: {state.saves.name(story.path)}"
    try:
        state.saves.insist(story.path, read)
        change = FileChange(path=story.path, before=story.data, after=after.encode())
        made = state.saves.save(title, [change])
    except EditConflict as error:
        now = StoryFile(id=story.id, path=story.path, data=contents(story.path))
        return forms.conflict(error, version(now.data), values_in(now.text))
    state.changed()
    return forms.saved(made, version(change.after), id=story.id, values=values_in(after))


def draft(newsroom: Newsroom, body: dict[str, Any]) -> Story:
    """The story as it would be with the values that were typed so far. Raises UsageError, FaultyForm."""
    values = forms.values_of(body, FIELDS)
    if name := forms.text_of(body, "id"):
        story = file_of(newsroom, name)
        text = _edit(story, values)
    else:
        story = StoryFile(id="draft", path=newsroom.root, data=None)
        text = writing.serialise(values, str(values.pop(_BODY, "")))
    made, faults = _read(newsroom, story.id, text)
    if made is None:
        raise forms.FaultyForm(faults)
    return made


def file_of(newsroom: Newsroom, name: str, *, gone: bool = False) -> StoryFile:
    """The file of a story, faulty ones too, or `gone`. Raises UsageError for what is none of the newsroom's stories."""
    folder = (newsroom.root / "stories").resolve()
    parts = story_id(name).split("/")
    path = spelled_below(folder, "/".join(parts) + STORY_SUFFIX)
    hidden = any(not part or part.startswith(".") or "\0" in part or len(part.encode()) > _LONGEST for part in parts)
    if hidden or not path.resolve().is_relative_to(folder) or not (gone or path.is_file()):
        message = f"there is no story {name[:120]!r}"
        raise UsageError(message)
    path = newsroom.root / "stories" / path.relative_to(folder)
    return StoryFile(id=story_id(name), path=path, data=contents(path))


def values_in(text: str) -> dict[str, forms.Value]:
    """What the form shows of a story's text; fields that cannot be read are empty. Raises UsageError."""
    try:
        layout = frontmatter.cut(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    data = yamlfile.parse(layout.header, "").data
    return _all({**data, _BODY: frontmatter.summary_of(layout.body)})


def field_at(text: str, line: int) -> str:
    """The form's field that a line of the file belongs to; empty for none."""
    try:
        layout = frontmatter.cut(text.replace("\r\n", "\n"))
    except ValueError:
        return ""
    if line > layout.header.count("\n") + 2:
        return _BODY
    lines = yamlfile.parse(layout.header, "", first_line=2).lines
    found = [(at, path[0]) for path, at in lines.items() if path and at <= line]
    key = str(max(found, key=lambda each: each[0])[1]) if found else ""
    return key if key in _KEYS else ""


def _all(data: Mapping[str, Any]) -> dict[str, forms.Value]:
    """A value for each field of the form, as texts."""
    values: dict[str, forms.Value] = {}
    for field in FIELDS:
        given = data.get(field.key, "")
        if field.kind == "words":
            values[field.key] = (
                [str(part) for part in given] if isinstance(given, list) else [str(given)] if given else []
            )
        else:
            default = STORY_DEFAULTS.get(field.key) if field.kind == "choice" else ""
            values[field.key] = str(given or default or "") if not isinstance(given, list | dict) else ""
    return values


def _read(newsroom: Newsroom, name: str, text: str) -> tuple[Story | None, tuple[Fault, ...]]:
    own = newsroom.config.newsroom
    return frontmatter.parse(
        text.encode(), story_id=name, file=f"stories/{name}{STORY_SUFFIX}", zone=own.timezone, language=own.language
    )


def _edit(story: StoryFile, values: Mapping[str, forms.Value]) -> str:
    try:
        return writing.edit(story.text, values)
    except ValueError as error:
        raise forms.FaultyForm([Fault(file=f"{story.id}{STORY_SUFFIX}", message=str(error))]) from None


def _new(newsroom: Newsroom, values: dict[str, forms.Value]) -> tuple[StoryFile, str]:
    """The text of a new story, and the file that it is to have: named after its day and title, never as was typed."""
    text = writing.serialise(
        {key: value for key, value in values.items() if key != _BODY and value != STORY_DEFAULTS.get(key)},
        str(values.get(_BODY, "")),
    )
    story, faults = _read(newsroom, "new", text)
    if story is None:
        raise forms.FaultyForm(faults)
    folder = newsroom.root / "stories"
    name = story_name(f"{story.date:%Y-%m-%d}", story.title, names_taken(folder))
    return StoryFile(id=name, path=folder / f"{name}{STORY_SUFFIX}", data=None), text
