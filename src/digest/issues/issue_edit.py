"""Change single things in an issue file, and leave every comment, order and spelling of the rest as it was.

    text + changes ─yaml_lines─▶ text ─read back, compared─▶ text

Nothing is given back that does not read back as asked. Whoever writes it sees to it that it has no mistake, and that it
goes over nothing that somebody else wrote meanwhile. Values are written in the block style that people write; comments
above a block go where it goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from digest import yamlfile
from digest.blocks.kinds import KINDS
from digest.issues import yaml_lines
from digest.issues.issue_file import EVERY_LANGUAGE, KEYS, OTHERWISE
from digest.model import story_id

HEAD = "# What this issue says beside its stories, and which of them an editor chose: see docs/issue-files.md.\n"


class SetStories(Struct, frozen=True, kw_only=True):
    """The stories that are pinned, skipped or ordered from now on, by id; none removes the list."""

    key: Literal["pin", "skip", "order"]
    ids: tuple[str, ...]


class SetText(Struct, frozen=True, kw_only=True):
    """A text of the issue from now on, in one language or in all; an empty one removes it."""

    key: Literal["subject", "preheader", "intro"]
    text: str
    language: str = EVERY_LANGUAGE


class AddBlock(Struct, frozen=True, kw_only=True):
    """A block that is new, as the file would say it; `index` counts from 0, None is the end."""

    block: Mapping[str, Any]
    index: int | None = None
    language: str = EVERY_LANGUAGE


class ChangeBlock(Struct, frozen=True, kw_only=True):
    """Fields of a block from now on; an empty value removes its field. Fields that are not named stay."""

    index: int
    fields: Mapping[str, Any]
    language: str = EVERY_LANGUAGE


class MoveBlock(Struct, frozen=True, kw_only=True):
    """A block that goes to another place in the file's order."""

    index: int
    to: int
    language: str = EVERY_LANGUAGE


class RemoveBlock(Struct, frozen=True, kw_only=True):
    """A block that goes."""

    index: int
    language: str = EVERY_LANGUAGE


Change = SetStories | SetText | AddBlock | ChangeBlock | MoveBlock | RemoveBlock


def edit(text: str, changes: Sequence[Change]) -> str:
    """The file's text with the changes made, one after the other; it begins with a comment when it was empty.

    Raises ValueError for text that is no YAML, a block that is not there, and what cannot be changed alone.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    text = text.removeprefix(mark).replace("\r\n", "\n") or HEAD
    if not text.endswith("\n"):
        text += "\n"
    for change in changes:
        text = _changed(text, change)
    return mark + text.replace("\n", newline)


def _changed(text: str, change: Change) -> str:
    before = yamlfile.data_of(text)
    wanted = _applied(dict(before), change)
    if wanted == before:
        return text
    try:
        changed = _rewritten(text, (), before, wanted)
        if yamlfile.data_of(changed) == wanted:
            return changed
    except yaml_lines.NotAloneError:
        pass
    # Written in another style than line by line: the whole value anew, where no comment would be lost.
    key = "blocks" if not isinstance(change, SetStories | SetText) else change.key
    try:
        changed = yaml_lines.set_key(text, (), key, wanted.get(key), KEYS)
    except yaml_lines.NotAloneError:
        changed = ""
    if not changed or yamlfile.data_of(changed) != wanted:
        message = f"{key} cannot be changed alone here; edit the file by hand"
        raise ValueError(message)
    return changed


def _applied(data: dict[str, Any], change: Change) -> dict[str, Any]:
    """What the file is to say: `data`, in which what stays is the same object."""
    match change:
        case SetStories():
            old = data.get(change.key)
            names = {story_id(str(name)): name for name in old} if isinstance(old, list) else {}
            _put(data, change.key, [names.get(name, name) for name in change.ids])
        case SetText():
            _set_in_language(data, change.key, change.text.strip("\n").rstrip(), change.language)
        case _:
            blocks = list(_of_language(data, "blocks", change.language) or [])
            _set_in_language(data, "blocks", _with_blocks(blocks, change), change.language)
    return data


def _with_blocks(blocks: list[Any], change: AddBlock | ChangeBlock | MoveBlock | RemoveBlock) -> list[Any]:
    if not isinstance(change, AddBlock) and not 0 <= change.index < len(blocks):
        message = f"there is no block {change.index}; there are {len(blocks)}"
        raise ValueError(message)
    match change:
        case AddBlock():
            blocks.insert(len(blocks) if change.index is None else change.index, _plain(change.block))
        case ChangeBlock():
            block = dict(blocks[change.index])
            for name, value in change.fields.items():
                _put(block, name, _plain(value))
            blocks[change.index] = block
        case MoveBlock():
            blocks.insert(change.to, blocks.pop(change.index))
        case RemoveBlock():
            del blocks[change.index]
    return blocks


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    if value in ("", [], {}, None):
        data.pop(key, None)
    else:
        data[key] = value


def _plain(value: Any) -> Any:
    """A value as it reads back: texts, lists and keys; what is empty is left out."""
    match value:
        case Mapping():
            pairs = ((str(key), _plain(part)) for key, part in value.items())
            return {key: part for key, part in pairs if part not in ("", [], {}, None)}
        case list() | tuple():
            return [_plain(part) for part in value]
        case None:
            return None
        case _:
            return str(value).replace("\r\n", "\n").strip("\n").rstrip()


def _language_key(value: Any, language: str) -> str:
    """The key of a language in a value that is given by language; empty where the value is for all of them."""
    if not isinstance(value, dict):
        return language.lower()
    name = language or OTHERWISE
    return next((key for key in value if key.lower() == name.lower()), name.lower())


def _of_language(data: Mapping[str, Any], key: str, language: str) -> Any:
    value = data.get(key)
    if isinstance(value, dict):
        return value.get(_language_key(value, language))
    return value if not language else None


def _set_in_language(data: dict[str, Any], key: str, new: Any, language: str) -> None:
    value, name = data.get(key), _language_key(data.get(key), language)
    if not isinstance(value, dict) and not name:
        _put(data, key, new)
        return
    by_language = dict(value) if isinstance(value, dict) else {OTHERWISE: value} if value is not None else {}
    _put(by_language, name, new)
    _put(data, key, by_language)


def _rewritten(text: str, path: tuple[str | int, ...], old: dict[str, Any], new: dict[str, Any]) -> str:
    """The text with the mapping at `path` changed from `old` to `new`, line by line. Raises NotAloneError."""
    in_block = any(isinstance(part, int) for part in path)
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, list) and isinstance(after, dict):  # what was for all languages is now for all others
            text, before = yaml_lines.nested(text, key, OTHERWISE), {OTHERWISE: before}
        if not in_block and isinstance(before, dict) and isinstance(after, dict):
            text = _rewritten(text, (*path, key), before, after)
        elif not in_block and isinstance(before, list) and isinstance(after, list):
            text = _rearranged(text, (*path, key), before, after)
        else:
            text = yaml_lines.set_key(text, path, key, after, _order(new) if in_block else () if path else KEYS)
    return text


def _rearranged(text: str, path: tuple[str | int, ...], old: list[Any], new: list[Any]) -> str:
    """The text with the list at `path` changed; an item that stays, in whatever place, is the same object in both."""
    known = {id(item): number for number, item in enumerate(old)}
    places: list[Any] = [known.get(id(item), item) for item in new]
    changed = [number for number, place in enumerate(places) if place != number]
    if len(old) != len(new) or not all(isinstance(item, dict) for n in changed for item in (old[n], places[n])):
        return yaml_lines.arranged(text, path, places)
    for number in changed:
        text = _rewritten(text, (*path, number), old[number], new[number])
    return text


def _order(block: Mapping[str, Any]) -> tuple[str, ...]:
    kind = KINDS.get(str(block.get("kind", "")))
    return ("kind", "at", "after", *(row.name for row in kind.fields)) if kind else ("kind",)
