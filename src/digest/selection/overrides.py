"""An editor's hand on one period and audience: which stories to pin, to skip, and in which order, kept in a YAML file.

`overrides/2022-02/everyone.yaml`, so that it is reproducible and can be reviewed. A file that is not there says
nothing. `save` writes the file anew: comments in it are not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest import yamlfile
from digest.errors import Fault, OverridesError
from digest.files import write_whole
from digest.model import Overrides, story_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

KEYS = ("pin", "skip", "order")


def load(path: Path) -> Overrides:
    """Read an overrides file. Raises OverridesError with every mistake in it.

    Stories are named by id, or by file: `stories/2022/a.md` is `2022/a`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Overrides()
    except OSError as error:
        raise OverridesError([Fault(file=str(path), message=f"cannot be read ({error.strerror})")]) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OverridesError([Fault(file=str(path), line=line, message="is not UTF-8; save it as UTF-8")]) from None
    document = yamlfile.parse(text, str(path))
    faults = list(document.faults)
    lists = {key: _ids(document, key, faults) for key in KEYS}
    faults += [
        document.fault((key,), f"is not a key here{yamlfile.did_you_mean(key, KEYS)}")
        for key in document.data
        if key not in KEYS
    ]
    for number, name in enumerate(lists["skip"]):
        if other := next((key for key in ("pin", "order") if name in lists[key]), None):
            faults.append(document.fault(("skip", number), f"{name} is skipped, and in {other} too; keep one"))
    if faults:
        raise OverridesError(sorted(faults, key=lambda fault: fault.line))
    return Overrides(**lists)


def misnamed(path: Path, name: str, problem: str, *, known: Iterable[str]) -> Fault:
    """A Fault on the line of the overrides file that names the story `name`, with the nearest of the `known` ids."""
    near = yamlfile.did_you_mean(name, known)
    message = f"{name!r} cannot be used, {problem}{near if near.startswith(',') else ''}"
    document = yamlfile.parse(path.read_text("utf-8-sig"), str(path))
    for key in KEYS:
        given = document.data.get(key, [])
        for number, written in enumerate(given if isinstance(given, list) else [given]):
            if story_id(written) == name:
                return document.fault((key, number) if isinstance(given, list) else (key,), message)
    return Fault(file=str(path), message=message)


def strays(folder: Path, audiences: Collection[str]) -> Iterator[Fault]:
    """Files in a period's folder that no audience would read, though somebody meant them to be."""
    for path in sorted(folder.glob("*.y*ml")):
        if path.suffix != ".yaml":
            yield Fault(file=str(path), message=f"is not read; rename it to {path.stem}.yaml")
        elif path.stem not in audiences:
            near = yamlfile.did_you_mean(path.stem, audiences)
            yield Fault(file=str(path), message=f"is named after no audience of config.yaml{near}")


def save(path: Path, overrides: Overrides) -> None:
    """Write an overrides file, whole or not at all. Raises OSError."""
    lines = ["# What this digest shows by an editor's hand: story ids, one a line.\n"]
    for key in KEYS:
        if ids := getattr(overrides, key):
            lines += [f"{key}:\n", *(f"  - {yamlfile.quoted(name)}\n" for name in ids)]
    write_whole(path, "".join(lines).encode())


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
