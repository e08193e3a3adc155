"""Say what is in force and where each setting comes from: `digest config --print`. Never shows a password.

A pure room: it is handed a Config and returns rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.text.urls import without_secrets
from digest.yamlfile import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.config.load import Config
    from digest.yamlfile import Document


def rows(config: Config) -> Iterator[tuple[str, str, str]]:
    """Every setting as (dotted key, value, where from): `config.yaml:12`, `environment DIGEST_…` or `default`."""
    data = config.settings.model_dump(by_alias=True, mode="json")
    yield from _leaves(data, (), config.document)


def _leaves(value: Any, path: tuple[str | int, ...], document: Document) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _leaves(below, (*path, key), document)
        return
    if isinstance(value, list) and value and all(isinstance(below, dict) for below in value):
        for number, below in enumerate(value):
            yield from _leaves(below, (*path, number), document)
        return
    yield dotted(path), _plain(value), _origin(path, document)


def _plain(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return without_secrets(str(value))


def _origin(path: tuple[str | int, ...], document: Document) -> str:
    if origin := document.origin(path):
        return origin
    return f"{document.file}:{document.lines[path]}" if path in document.lines else "default"
