"""Read blocks from YAML's plain data by the table of their kinds: every mistake at once, each on its line.

    Document at a path ─KINDS─▶ blocks + faults            KINDS ─▶ JSON Schema

Values are data: nothing in them is read as a template. It opens no file.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from digest.blocks.kinds import KINDS, PLACES
from digest.issues.yaml_lines import DAY
from digest.model import story_id
from digest.text.characters import checked_line, checked_text, filled
from digest.text.urls import resolve
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from digest.blocks.kinds import Block, BlockField
    from digest.errors import Fault
    from digest.yamlfile import Document, Path

_PLACING = ("kind", "at", "after")
# Whether a relative address has something to be joined to is a check's question.
_ANY_BASE = "https://newsroom.invalid/"


def read_blocks(document: Document, path: Path, given: Any, faults: list[Fault]) -> tuple[Block, ...]:
    """The blocks that `given`, the value at `path`, lists; what is wrong with them is added to `faults`."""
    if not isinstance(given, list):
        faults.append(document.fault(path, "expected a list of blocks here, each beginning with `- kind: letter`"))
        return ()
    blocks = (read_block(document, (*path, index), value, faults) for index, value in enumerate(given))
    return tuple(block for block in blocks if block is not None)


def read_block(document: Document, path: Path, given: Any, faults: list[Fault]) -> Block | None:
    """The block that stands at `path`; None when something is wrong with it, which is then in `faults`."""
    if not isinstance(given, dict):
        faults.append(document.fault(path, "expected a block here: `kind: letter` and its fields"))
        return None
    kind = KINDS.get(str(given.get("kind", "")))
    if kind is None:
        names = did_you_mean(str(given["kind"]), KINDS) if "kind" in given else f"; known here: {', '.join(KINDS)}"
        message = f"{given['kind']!r} is no kind of block{names}" if "kind" in given else f"is missing{names}"
        faults.append(document.fault((*path, "kind"), message))
        return None
    before = len(faults)
    rows = {key: value for key, value in given.items() if key not in _PLACING}
    values = _fields(document, path, rows, kind.fields, faults, known=_PLACING)
    values |= _placing(document, path, given, faults)
    if len(faults) > before:
        return None
    return kind.type(**values, where=document.where(path))


def _placing(document: Document, path: Path, given: Mapping[str, Any], faults: list[Fault]) -> dict[str, Any]:
    at, after = given.get("at", ""), given.get("after", "")
    if at and at not in PLACES:
        faults.append(document.fault((*path, "at"), f"{at!r} is no place{did_you_mean(str(at), PLACES)}"))
    if after and (not isinstance(after, str) or not story_id(after)):
        faults.append(document.fault((*path, "after"), "expected a story's id here, like 2022-02-14-helping-women"))
        return {}
    if at and after:
        faults.append(document.fault((*path, "at"), "stands beside `after`; a block is in one place, keep one"))
    return {"at": at, "after": story_id(after)}


def _fields(
    document: Document,
    path: Path,
    given: Mapping[str, Any],
    table: tuple[BlockField, ...],
    faults: list[Fault],
    *,
    known: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The values of a block's own fields, or of one item of its list."""
    names = [row.name for row in table]
    faults += [
        document.fault((*path, key), f"is not a field here{did_you_mean(key, (*names, *known))}")
        for key in given
        if key not in names
    ]
    values: dict[str, Any] = {}
    for row in table:
        place = (*path, row.name)
        if row.name not in given or given[row.name] in ("", []):
            if row.required:
                faults.append(document.fault(place, f"is missing: {row.tells[0].lower()}{row.tells[1:]}"))
            continue
        try:
            values[row.name] = _value(document, place, given[row.name], row, faults)
        except ValueError as error:
            faults.append(document.fault(place, str(error)))
    for row in table:
        if row.needs and row.name in given and row.needs not in given:
            faults.append(document.fault((*path, row.name), f"wants `{row.needs}` beside it"))
    return values


def _value(document: Document, path: Path, given: Any, row: BlockField, faults: list[Fault]) -> Any:
    """One value as its block holds it. Raises ValueError."""
    if row.holds == "rows":
        if not isinstance(given, list):
            message = "expected a list here"
            raise ValueError(message)
        return tuple(_rows(document, path, given, row, faults))
    if not isinstance(given, str):
        message = "expected one text here"
        raise ValueError(message)  # noqa: TRY004 - a person's mistake in a file, like the others
    return _text(given, row)


def _rows(document: Document, path: Path, given: list[Any], row: BlockField, faults: list[Fault]) -> Iterator[Any]:
    assert row.item is not None
    for index, value in enumerate(given):
        place, before = (*path, index), len(faults)
        if not isinstance(value, dict):
            faults.append(
                document.fault(place, f"expected keys and values here: {', '.join(each.name for each in row.rows)}")
            )
            continue
        values = _fields(document, place, value, row.rows, faults)
        if len(faults) == before:
            yield row.item(**values)


def _text(given: str, row: BlockField) -> Any:
    """What a text means in this field. Raises ValueError."""
    text = filled(checked_text(given) if row.holds == "markdown" else checked_line(given))
    if row.holds == "day":
        return _day(text)
    if row.holds == "choice" and text not in row.choices:
        message = f"{text!r} is none of {', '.join(row.choices)}{did_you_mean(text, row.choices)}"
        raise ValueError(message)
    if row.holds in ("link", "image") and (unsafe := _unsafe(text, row)):
        raise ValueError(unsafe)
    return text


def _day(text: str) -> date:
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    message = f"{text!r} is not a day that exists; write it like 2022-03-08"
    raise ValueError(message)


def _unsafe(address: str, row: BlockField) -> str:
    """Why a mail cannot carry the address; a path may be one of the newsroom's."""
    spaced = any(character.isspace() for character in address) and not address.lower().startswith("tel:")
    if spaced and row.holds == "link":
        return "holds a blank; an address has none (write %20)"
    if row.holds == "image" and re.match(r"(?!https?:)[a-z][a-z0-9+.-]+:", address, re.IGNORECASE):
        return f"{address[:60]!r} is no picture for a mail; use an https address, or a file of the newsroom"
    link = resolve(address, _ANY_BASE)
    return "" if link.url or row.holds == "image" else link.reason


def block_schema() -> dict[str, Any]:
    """The JSON Schema of one block."""
    return {
        "oneOf": [
            {
                "title": kind.name,
                "description": kind.use,
                **_object(kind.fields, {
                    "kind": {"const": kind.name},
                    "at": {"enum": list(PLACES), "default": kind.place, "description": "Where it stands."},
                    "after": {"type": "string", "description": "The story after which it stands."},
                }, ("kind",)),
            }
            for kind in KINDS.values()
        ]
    }  # fmt: skip


def _object(table: tuple[BlockField, ...], more: dict[str, Any], wanted: tuple[str, ...] = ()) -> dict[str, Any]:
    needs = {row.name: [row.needs] for row in table if row.needs}
    return {
        "type": "object",
        "properties": {**more, **{row.name: _property(row) for row in table}},
        "required": [*wanted, *(row.name for row in table if row.required)],
        **({"dependentRequired": needs} if needs else {}),
        "additionalProperties": False,
    }


def _property(row: BlockField) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "string", "minLength": 1}
    match row.holds:
        case "rows":
            kind = {"type": "array", "items": _object(row.rows, {}), "minItems": 1}
        case "choice":
            kind = {"enum": list(row.choices)}
        case "day":
            kind |= {"format": "date"}
        case _:
            pass
    return {**kind, "description": row.tells}
