"""Read issue files: an editor's pins, subject, intro and blocks for one period, for one audience or for all of them.

    issues/2022-02/everyone.yaml ┐
    issues/2022-02/all.yaml      ┴─read─▶ IssueFile ─in_language─▶ Overrides, Issue

An audience's own key wins over that of all, and its blocks stand before theirs. A file that is not there says nothing.
`overrides/2022-02/everyone.yaml`, which knows stories only, is read as before there were issue files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from datetime import UTC
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from digest import period, yamlfile
from digest.errors import Fault, IssueError, PeriodError
from digest.model import Issue, Overrides, language_tags, story_id
from digest.text.characters import checked_line, checked_text, decoded, filled, loose_isolate, refused
from digest.text.cleaning import multiline
from digest.text.language import primary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from digest.blocks.kinds import Block

STORY_LISTS = ("pin", "skip", "order")
LINES = ("subject", "preheader")  # of one line each
KEYS = (*STORY_LISTS, *LINES, "intro", "blocks")
EVERY_LANGUAGE = ""  # of a value that is not given by language
OTHERWISE = "default"  # the language of those that have no value of their own
MAX_BYTES = 1_000_000
_RECORDED = (*LINES, "intro", "intro_language")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueFile:
    """What one file says.

    `texts` and `blocks` are by language; EVERY_LANGUAGE where a value is not given by language.
    """

    file: str
    document: yamlfile.Document = field(default_factory=lambda: yamlfile.Document(file=""), repr=False, compare=False)
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    blocks: Mapping[str, tuple[Block, ...]] = field(default_factory=dict)


def read(path: Path, *, languages: Collection[str] = (), stories_only: bool = False) -> IssueFile:
    """Read an issue file; with `stories_only`, an overrides file. Raises IssueError with every mistake in it.

    `languages` are those that a value may be given in; any tag may stand there when they are empty. Stories are named
    by id, or by file: `stories/2022/a.md` is `2022/a`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return IssueFile(file=str(path))
    except OSError as error:
        raise IssueError([Fault(file=str(path), message=f"cannot be read ({error.strerror})")]) from None
    return parse(data, str(path), languages=languages, stories_only=stories_only)


def parse(data: bytes, file: str, *, languages: Collection[str] = (), stories_only: bool = False) -> IssueFile:
    """Read the bytes of an issue file; everything else is as for `read`."""
    if len(data) > MAX_BYTES:
        raise IssueError([Fault(file=file, message=f"is larger than {MAX_BYTES:,} bytes; is this the right file?")])
    text = decoded(data, file)
    if isinstance(text, Fault):
        raise IssueError([text])
    document = yamlfile.parse(text, file)
    faults = [*document.faults, *document.cut_texts(lambda path: path[0] not in STORY_LISTS)]
    known = STORY_LISTS if stories_only else KEYS
    for key in document.data:
        if key not in known:
            where = f"; {file.replace('overrides', 'issues')} may say it" if key in KEYS else ""
            faults.append(document.fault((key,), f"is not a key here{where or yamlfile.did_you_mean(key, known)}"))
    overrides = {key: _ids(document, key, faults) for key in STORY_LISTS if key in document.data}
    _contradicted(document, overrides, faults)
    texts = {
        key: by_language(document, key, partial(_read_text, lines=key not in LINES), languages, faults)
        for key in (*LINES, "intro")
        if key in document.data
    }
    blocks: dict[str, tuple[Block, ...]] = {}
    if "blocks" in document.data:
        from digest.issues.block_reader import read_blocks

        blocks = by_language(document, "blocks", read_blocks, languages, faults)
    if faults:
        raise IssueError(sorted(faults, key=lambda fault: fault.line))
    return IssueFile(file=file, document=document, overrides=overrides, texts=texts, blocks=blocks)


def by_language(
    document: yamlfile.Document,
    key: str,
    read_value: Callable[..., Any],
    languages: Collection[str],
    faults: list[Fault],
) -> dict[str, Any]:
    """What stands under `key`, once for all languages or for each: `read_value(document, path, value, faults)`."""
    given = document.data[key]
    if not isinstance(given, dict):
        return {EVERY_LANGUAGE: read_value(document, (key,), given, faults)}
    if key in ("blocks", "recurring") and "kind" in given:
        faults.append(document.fault((key,), "is one block, and a list is wanted: begin it with `- kind:`"))
        return {}
    known = {tag.lower() for tag in languages}
    found = {}
    for language, value in given.items():
        tag = language.lower()
        # `fr` stands for `fr-CA` as well
        if known and tag != OTHERWISE and not any(f"{own}-".startswith(f"{tag}-") for own in known):
            offered = yamlfile.did_you_mean(language, (*languages, OTHERWISE))
            if key in ("blocks", "recurring") and _is_block(language):
                offered += f"; a block is an item of a list, `- kind: {language}`"
            faults.append(document.fault((key, language), f"is no language of this audience{offered}"))
            continue
        found[tag] = read_value(document, (key, language), value, faults)
    return found


def _is_block(word: str) -> bool:
    from digest.blocks.kinds import KINDS

    return word in KINDS


def in_language(values: Mapping[str, Any], language: str) -> Any:
    """The value for a language: its own, that of the language it is a variety of, the one for all others; or None.

    >>> [in_language({"fr": "Bonjour", "default": "Hello"}, tag) for tag in ("fr-CA", "FR", "es")]
    ['Bonjour', 'Bonjour', 'Hello']
    """
    names = (*language_tags(language), OTHERWISE, EVERY_LANGUAGE)
    return next((values[name] for name in names if name in values), None)


def overrides_of(files: Sequence[IssueFile]) -> Overrides:
    """Which stories the editor pins, skips and orders; the first of `files` that has a key decides it."""
    lists = {key: next((file.overrides[key] for file in files if key in file.overrides), ()) for key in STORY_LISTS}
    return Overrides(**lists)


def written_in(values: Mapping[str, Any], language: str, otherwise: str) -> str:
    """The language of the value for `language`, where it is another: what is written for none is in `otherwise`.

    >>> [written_in({"fr": "Bonjour", "default": "Hello"}, tag, "en") for tag in ("fr-CA", "en-GB", "es")]
    ['', '', 'en']
    """
    own = not values.keys().isdisjoint(language_tags(language)) or primary(language) == primary(otherwise)
    return "" if own else otherwise


def issue_of(
    files: Sequence[IssueFile],
    language: str,
    recurring: Mapping[str, tuple[Block, ...]] = MappingProxyType({}),
    *,
    otherwise: str = "",
) -> Issue:
    """What stands beside the stories in this language: of each text the first file's that has one, of blocks all.

    `recurring` are the blocks of every issue, by language; they come last. `otherwise` is the language of what was
    written for none, or for all others.
    """
    texts: dict[str, str] = {}
    intro_language = ""
    places: dict[str, str] = {}
    for file in files:
        for key, values in file.texts.items():
            if key not in texts and (text := in_language(values, language)) is not None:
                texts[key] = text
                places[key] = file.document.where((key,))
                intro_language = written_in(values, language, otherwise) if key == "intro" else intro_language
        for key, names in file.overrides.items():
            for index, name in enumerate(names):
                places.setdefault(f"{key} {name}", file.document.where((key, index)))
    blocks: list[Block] = []
    for given in (*(file.blocks for file in files), recurring):
        tag = written_in(given, language, otherwise)
        blocks += (replace(block, language=tag) for block in in_language(given, language) or ())
    return Issue(**texts, intro_language=intro_language, blocks=tuple(blocks), places=places)


def as_record(issue: Issue) -> dict[str, Any]:
    """The issue as plain data, as a file would say it: what `of_record` reads."""
    texts = {key: text for key in _RECORDED if (text := getattr(issue, key))}
    return {**texts, "blocks": [{"kind": block.kind, **_plain(block)} for block in issue.blocks]}


def of_record(record: Mapping[str, Any]) -> Issue:
    """What `as_record` wrote. Raises ValueError for what it did not write."""
    from digest.issues.block_reader import read_blocks

    document = yamlfile.Document(file="", data=dict(record))
    faults: list[Fault] = []
    kept = record.get("blocks", [])
    said = [_seen({key: value for key, value in block.items() if key != "language"}) for block in kept]
    blocks = read_blocks(document, ("blocks",), said, faults)
    if faults:
        raise ValueError(str(faults[0]))
    spoken = (replace(block, language=each.get("language", "")) for block, each in zip(blocks, kept, strict=True))
    texts: dict[str, Any] = {key: str(record.get(key, "")) for key in _RECORDED}
    return Issue(**texts, blocks=tuple(spoken))


def _seen(kept: Any) -> Any:
    """What was kept, without what an older version took and no mail showed: it was sent, and is refused no more."""
    match kept:
        case dict():
            return {key: _seen(value) for key, value in kept.items()}
        case list():
            return [_seen(value) for value in kept]
        case str() if refused(kept) or loose_isolate(kept):
            return multiline(kept)
        case _:
            return kept


def _plain(value: Any) -> dict[str, Any]:
    """What a block or an item of its list says, of what is not empty."""
    found: dict[str, Any] = {}
    for part in fields(value):
        given = getattr(value, part.name)
        if given and part.metadata.get("said", True):
            found[part.name] = [_plain(item) for item in given] if isinstance(given, tuple) else str(given)
    return found


def contradicted(overrides: Overrides, files: Sequence[IssueFile]) -> Iterator[Fault]:
    """A story that one file skips and another pins or orders."""
    for name in overrides.skip:
        for key in ("pin", "order"):
            if name in getattr(overrides, key):
                skipper = next(file for file in files if name in file.overrides.get("skip", ()))
                other = next(file for file in files if name in file.overrides.get(key, ()))
                index = skipper.overrides["skip"].index(name)
                message = f"{name} is skipped, and in {key} of {other.file} too; keep one"
                yield skipper.document.fault(("skip", index), message)


def misnamed(files: Sequence[IssueFile], name: str, problem: str, *, known: Iterable[str]) -> Fault:
    """A Fault on the line of the file that names the story `name`, with the nearest of the `known` ids."""
    message = f"{name!r} cannot be used, {problem}{yamlfile.nearest(name, known)}"
    for file in files:
        for key, names in file.overrides.items():
            if name in names:
                written = file.document.data[key]
                return file.document.fault((key, names.index(name)) if isinstance(written, list) else (key,), message)
    return Fault(file=files[0].file if files else "", message=message)


def strays(folder: Path, audiences: Collection[str]) -> Iterator[Fault]:
    """Files in a period's folder that nobody would read, though somebody meant them to be."""
    for path in _issue_like(folder):
        if path.parent != folder:
            whole = folder / f"{path.relative_to(folder).parts[0]}.yaml"
            yield Fault(file=str(path), message=f"is not read; an audience has one file for all its languages, {whole}")
        elif path.suffix != ".yaml":
            yield Fault(file=str(path), message=f"is not read; rename it to {path.name.partition('.')[0]}.yaml")
        elif path.stem not in audiences:
            near = yamlfile.did_you_mean(path.stem, audiences)
            yield Fault(file=str(path), message=f"is named after no audience of config.yaml{near}")


def misplaced(folder: Path, audiences: Collection[str]) -> Iterator[Fault]:
    """Issue files below `issues/` that belong to no period. What is kept aside has a name that begins with `_`."""
    for path in _issue_like(folder):
        first = path.relative_to(folder).parts[0]
        if path.parent == folder:
            yield Fault(file=str(path), message=f"is not read; put it into its period's folder: {folder}/2022-02/")
        elif path.name.partition(".")[0] in audiences and not _is_period(first):
            message = f"is not read, since {first!r} is no period; name the folder like 2022-02, or _{first} to keep it"
            yield Fault(file=str(path), message=message)


def _issue_like(folder: Path) -> Iterator[Path]:
    """Every file below the folder that is YAML by its name, or was before a program added `.txt` to it."""
    for path in sorted(folder.rglob("*")):
        kept = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if not kept and re.search(r"\.ya?ml(?:\.txt)?$", path.name, re.IGNORECASE) and path.is_file():
            yield path


def _is_period(name: str) -> bool:
    try:
        return period.parse(name, UTC).id == name
    except PeriodError:
        return False


def schema() -> dict[str, Any]:
    """The JSON Schema of an issue file, for editors."""
    from digest.issues.block_reader import block_schema

    text = {"type": "string", "minLength": 1}
    ids = {"anyOf": [text, {"type": "array", "items": text}]}
    blocks = {"type": "array", "items": {"$ref": "#/$defs/block"}}
    tells = {
        "pin": "Stories that are in, whatever else the audience's rule says.",
        "skip": "Stories that are out.",
        "order": "Stories in the order in which they come first.",
        "subject": "The mail's subject.",
        "preheader": "The line after the subject in an inbox.",
        "intro": "A few words before the stories, in Markdown.",
        "blocks": "What stands beside the stories.",
    }
    kinds: dict[str, Any] = {key: ids if key in STORY_LISTS else _by_language(text) for key in KEYS}
    kinds["blocks"] = _by_language(blocks)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "digest: an issue file",
        "type": "object",
        "properties": {key: {**kinds[key], "description": tells[key]} for key in KEYS},
        "additionalProperties": False,
        "$defs": {"block": block_schema()},
    }


def _by_language(kind: dict[str, Any]) -> dict[str, Any]:
    """A value, or one for each language."""
    return {"anyOf": [kind, {"type": "object", "additionalProperties": kind, "minProperties": 1}]}


def _read_text(
    document: yamlfile.Document, path: yamlfile.Path, given: Any, faults: list[Fault], *, lines: bool
) -> str:
    try:
        return _text(given, lines=lines)
    except ValueError as error:
        faults.append(document.fault(path, str(error)))
        return ""


def _text(given: Any, *, lines: bool) -> str:
    if not isinstance(given, str):
        message = "expected one text here, or one for each language: {en: …, fr: …}"
        raise ValueError(message)  # noqa: TRY004 - a person's mistake in a file, like the others
    return filled(checked_text(given) if lines else checked_line(given))


def _contradicted(document: yamlfile.Document, lists: Mapping[str, tuple[str, ...]], faults: list[Fault]) -> None:
    for number, name in enumerate(lists.get("skip", ())):
        if other := next((key for key in ("pin", "order") if name in lists.get(key, ())), None):
            faults.append(document.fault(("skip", number), f"{name} is skipped, and in {other} too; keep one"))


def _ids(document: yamlfile.Document, key: str, faults: list[Fault]) -> tuple[str, ...]:
    given = document.data.get(key, [])
    ids: dict[str, int] = {}
    if not isinstance(given, list):
        given = [given]  # one story needs no list
    for number, name in enumerate(given):
        if not isinstance(name, str) or not story_id(name):
            faults.append(document.fault((key, number), "expected a story's id here, like 2022-02-14-helping-women"))
        elif (found := story_id(name)) in ids:
            faults.append(document.fault((key, number), f"{found} is named twice; keep one"))
        else:
            ids[found] = number
    return tuple(ids)
