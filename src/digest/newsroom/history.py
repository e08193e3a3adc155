"""What earlier editions held: the manifests in the folders `build/` and `archive/`, read back.

    build/2022-02/everyone/en/manifest.json ─▶ PastEdition

A manifest is a folder's own account of itself. This module reads nothing else of a folder, and writes nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from digest import period
from digest.errors import PeriodError, UsageError
from digest.model import Edition, PastEdition
from digest.newsroom.paths import ARCHIVE, BUILD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo
    from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = 1  # of the manifest


def folder(root: Path, edition: Edition) -> Path:
    """Where the edition lives below `root` (a newsroom's `build/` or `archive/`)."""
    return root / edition.period.id / edition.audience / edition.language


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest's data. Raises UsageError that names the file when it is not one, with what to do."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        data = None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        message = f"{path}: is not a manifest of this digest; remove its folder and build the edition again"
        raise UsageError(message)
    return data


def history(root: Path, edition: Edition, zone: tzinfo, was: Sequence[str] = ()) -> tuple[PastEdition, ...]:
    """What all editions of this audience and language held, in the newsroom's folder: sent ones, and those only built.

    An edition that was sent counts as it was sent. `was` are the audience's former names: what went under them was
    sent to the same readers.
    """
    names = (*was, edition.audience)  # of one period the edition of today's name counts
    built = {past.edition.id: past for name in names for past in _below(root / BUILD, name, edition, zone, sent=False)}
    sent = {past.edition.id: past for name in names for past in _below(root / ARCHIVE, name, edition, zone, sent=True)}
    return tuple({**built, **sent}.values())


def _below(root: Path, name: str, edition: Edition, zone: tzinfo, *, sent: bool) -> Iterator[PastEdition]:
    """Oldest period first."""
    manifests = root.glob(f"*/{name}/{edition.language}/{MANIFEST}")
    past = (_past(path, edition, zone, sent=sent) for path in manifests)
    yield from sorted(filter(None, past), key=lambda held: (held.edition.period.first, held.edition.id))


def _past(path: Path, edition: Edition, zone: tzinfo, *, sent: bool) -> PastEdition | None:
    try:
        span = period.parse(path.parents[2].name, zone)
    except PeriodError:
        return None  # a folder of somebody else's
    data = read_manifest(path)
    return PastEdition(
        edition=Edition(period=span, audience=edition.audience, language=edition.language),
        included=frozenset(s["id"] for s in data["stories"]) if data["verdict"] == "send" else frozenset(),
        candidates=frozenset(data["candidates"]),
        carried=frozenset(data["carried"]),
        sent=sent,
    )
