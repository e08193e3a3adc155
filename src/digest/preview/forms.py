"""What a form of the page is made of: its fields as data for the page, and what the page sends back, checked.

A form shows a file. It is sent back with the version that it showed and the values that a person changed, nothing else;
so what nobody touched stays as it is written. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, to_builtins
from starlette.responses import JSONResponse

from digest.errors import FaultyInput, UsageError
from digest.text.cleaning import multiline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from digest.errors import EditConflict, Fault
    from digest.preview.saves import Save

Kind = Literal["line", "markdown", "address", "picture", "words", "date", "choice", "truth", "rows"]
Value = str | list[str] | list[dict[str, str]]
LONGEST = 200_000  # characters of one value: a file has at most a megabyte
MANY = 200  # values of a list


class FormField(Struct, frozen=True, kw_only=True):
    """One field. `words` is a list of texts, `rows` one of values that have fields of their own; `more` may be hidden.

    `labels` say in words what each of `choices` means, where it does not itself.
    """

    key: str
    label: str
    kind: Kind = "line"
    help: str = ""
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    rows: tuple[FormField, ...] = ()
    more: bool = False
    required: bool = False


def fields_data(fields: Iterable[FormField]) -> list[dict[str, Any]]:
    """The fields for the page."""
    return [to_builtins(field) for field in fields]


def values_of(body: Mapping[str, Any], fields: Iterable[FormField]) -> dict[str, Value]:
    """The changed values that the page sent, cleaned. Raises UsageError for anything else."""
    given, known = body.get("values"), {field.key: field for field in fields}
    if not isinstance(given, dict) or not all(key in known and _suits(known[key], each) for key, each in given.items()):
        message = "the page sent values that the form does not have; reload it"
        raise UsageError(message)
    return {key: _typed(known[key], value) for key, value in given.items()}


def text_of(body: Mapping[str, Any], key: str, longest: int = 400) -> str:
    """One text of the body; empty when it is not there. Raises UsageError for what is no text, or far too long."""
    value = body.get(key, "")
    if not isinstance(value, str) or len(value) > longest:
        message = f"{key} is a text of at most {longest} characters"
        raise UsageError(message)
    return value


def saved(save: Save, version: str, **more: Any) -> Response:
    """What the page hears of a save that was made."""
    return JSONResponse({"said": save.title, "undo": save.id, "version": version, **more})


def conflict(error: EditConflict, version: str, values: Mapping[str, Any]) -> Response:
    """What the page hears of a file that is not as it was read: how it is now, to be shown beside what was typed.

    Without `values`, what was edited is there no more.
    """
    now = {"version": version, "values": dict(values), "gone": not values}
    return JSONResponse({"errors": [str(error)], "conflict": now}, 409)


class FaultyForm(FaultyInput):
    """Values that make no file that can be read. Nothing was written; each fault names its field."""

    def by_field(self) -> dict[str, str]:
        """The messages, by the key of the field; those of the file as a whole under an empty key."""
        found: dict[str, list[str]] = {}
        for fault in self.faults:
            key = fault.key.partition(".")[0].partition("[")[0]
            found.setdefault(key, []).append(fault.message)
        return {key: "; ".join(messages) for key, messages in found.items()}


def refuse(faults: Iterable[Fault]) -> None:
    """Raise FaultyForm when there are any."""
    if faults := tuple(faults):
        raise FaultyForm(faults)


def _suits(field: FormField, value: Any) -> bool:
    if field.kind not in ("words", "rows"):
        return isinstance(value, str) and len(value) <= LONGEST
    if not isinstance(value, list) or len(value) > MANY:
        return False
    if field.kind == "words":
        return all(isinstance(part, str) and len(part) <= LONGEST for part in value)
    known = {row.key: row for row in field.rows}
    return all(
        isinstance(part, dict) and all(key in known and _suits(known[key], each) for key, each in part.items())
        for part in value
    )


def _typed(field: FormField, value: Any) -> Any:
    """A value without what nobody sees and pasting brings along: a file with it is refused (PowerPoint's line ends)."""
    match value:
        case str():
            text = multiline(value, isolates=True, escapes=False)
            return text if field.kind == "markdown" else text.replace("\n", " ")
        case list():
            return [_typed(field, part) for part in value]
        case _:
            rows = {row.key: row for row in field.rows}
            return {key: _typed(rows[key], part) for key, part in value.items()}
