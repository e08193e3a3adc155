"""What config.yaml said when it was last read, kept so that a file that did not change is not validated again.

    file's bytes ─hash─▶ .digest/config.json ─hit─▶ plain values under the same names      (pydantic is not imported)
                                             └miss─▶ validate ─▶ keep

Only what the file itself says is kept: with an override in the environment nothing is kept or recalled, so no secret
of the environment reaches the disk. It is a cache: whatever is damaged or of another version counts as not there, and a
folder that cannot be written costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.config.schema import Settings

NAME = "config.json"
# Whatever decides what a config.yaml means.
_OURS = ("config/load.py", "config/remembered.py", "config/schema.py", "config/timetable.py", "mail/address.py")


_KINDS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (ZoneInfo, "zone", lambda zone: zone.key),
    (time, "time", time.isoformat),
    (timedelta, "seconds", timedelta.total_seconds),
)
_MADE: dict[str, Callable[[Any], Any]] = {
    "zone": ZoneInfo,
    "time": time.fromisoformat,
    "seconds": lambda seconds: timedelta(seconds=seconds),
}


class Remembered:
    """A section of the settings as plain attributes: what its pydantic model says, without pydantic."""

    def __init__(self, values: dict[str, Any], dump: dict[str, Any], changed: dict[str, Any]) -> None:
        """Take the values by attribute name, and what `model_dump` gives, with and without what is as by default."""
        self.__dict__.update(values)
        self._dump, self._changed = dump, changed

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Pairs of name and value, as pydantic's models give them."""
        return ((name, value) for name, value in self.__dict__.items() if name[0] != "_")

    def model_dump(
        self,
        *,
        mode: str = "json",  # noqa: ARG002 - there is no other
        by_alias: bool = True,  # noqa: ARG002 - nor other names
        include: set[str] | None = None,
        exclude_defaults: bool = False,
    ) -> dict[str, Any]:
        """The section as JSON has it, with the keys that the file uses."""
        dump = self._changed if exclude_defaults else self._dump
        return {name: value for name, value in dump.items() if include is None or name in include}


def key_of(data: bytes) -> str:
    """The hash of a config.yaml's bytes and of all that decides what they mean."""
    digest = hashlib.sha256(data)
    package = Path(__file__).parent.parent
    for name in (*_OURS, "yamlfile.py"):
        digest.update(package.joinpath(name).read_bytes())
    digest.update(sys.version.encode())
    return digest.hexdigest()


def recall(folder: Path, key: str) -> Settings | None:
    """The settings that were kept under this key; None when there are none, or when they are damaged."""
    try:
        kept = json.loads(folder.joinpath(NAME).read_bytes())
        if kept["key"] != key or kept["checksum"] != _checksum(kept["settings"]):
            return None
        return cast("Settings", _unpack(kept["settings"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def keep(folder: Path, key: str, settings: Settings) -> None:
    """Keep the settings, whole or not at all, if the newsroom has its folder for caches already."""
    with contextlib.suppress(OSError, TypeError):  # TypeError: a kind of value that nobody has taught us to keep
        packed = _pack(settings)
        data = json.dumps({"key": key, "checksum": _checksum(packed), "settings": packed}).encode()
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{NAME}-")  # readable by its owner alone
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(folder / NAME)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _checksum(packed: Any) -> str:
    return hashlib.sha256(json.dumps(packed, sort_keys=True).encode()).hexdigest()


def _pack(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        values = {name: _pack(each) for name, each in value}
        # By the names in the file, which differ from ours where those are Python's own (`from`, `import`).
        dumps = [value.model_dump(by_alias=True, mode="json", exclude_defaults=less) for less in (False, True)]
        return {"section": values, "dumps": dumps}
    if isinstance(value, tuple):
        return {"tuple": [_pack(each) for each in value]}
    if isinstance(value, dict):
        return {"dict": {name: _pack(each) for name, each in value.items()}}
    for kind, name, plain in _KINDS:
        if isinstance(value, kind):
            return {name: plain(value)}
    if value is not None and not isinstance(value, str | int | float):
        message = f"{type(value).__name__} is not kept"
        raise TypeError(message)
    return value


def _unpack(packed: Any) -> Any:
    if not isinstance(packed, dict):
        return packed
    if "section" in packed:
        return Remembered({name: _unpack(each) for name, each in packed["section"].items()}, *packed["dumps"])
    ((kind, value),) = packed.items()
    if kind == "tuple":
        return tuple(_unpack(each) for each in value)
    if kind == "dict":
        return {name: _unpack(each) for name, each in value.items()}
    return _MADE[kind](value)
