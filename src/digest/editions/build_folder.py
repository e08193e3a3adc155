"""The folder of built editions: `build/2022-02/everyone/en/`, written whole or not at all, and read back as memory.

    Build ─write─▶ a folder beside the old one ─swap─▶ index.html digest.txt digest.eml manifest.json
    manifests ─history─▶ what earlier editions held (PastEdition)

The manifest is the folder's own account of itself: stories with reasons, hashes, sizes, versions. This room never
selects, composes or sends, and never reads anything but manifests.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from digest import files, period
from digest.errors import DigestError, PeriodError, UsageError
from digest.model import Edition, Finding, PastEdition, Rendering, Selection
from digest.selection.selector import had_their_chance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, tzinfo
    from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = 1  # of the manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """An edition made, not yet written. `parts` maps file names to bytes; empty when the period was too thin."""

    selection: Selection
    rendering: Rendering | None
    mail: bytes = b""
    findings: tuple[Finding, ...] = ()
    parts: Mapping[str, bytes] = field(default_factory=dict)
    made: datetime

    @property
    def edition(self) -> Edition:
        """Which edition this is."""
        return self.selection.edition


def folder(root: Path, edition: Edition) -> Path:
    """Where the edition lives below `root` (a newsroom's `build/` or `archive/`)."""
    return root / edition.period.id / edition.audience / edition.language


def write(root: Path, build: Build, facts: Mapping[str, Any]) -> Path:
    """Write the build and its manifest into the edition's folder, replacing the old folder as a whole.

    `facts` are further manifest entries (versions, hashes of inputs). Returns the folder. Raises DigestError when the
    disk refuses; then the old folder is untouched.
    """
    target = folder(root, build.edition)
    parts = {**build.parts, MANIFEST: as_json(manifest(build, facts))}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _swap(target, parts)
    except OSError as error:
        reason = error.strerror or error
        message = f"{target}: could not be written: {reason}; what was there before is unchanged"
        raise DigestError(message) from error
    return target


def manifest(build: Build, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The folder's account of itself, as plain data."""
    selection, rendering = build.selection, build.rendering
    edition = selection.edition
    reasons = {decision.story.id: decision.rule for decision in selection.decisions}
    account: dict[str, Any] = {
        "format": FORMAT,
        "edition": edition.id,
        "period": edition.period.id,
        "start": edition.period.start.isoformat(),
        "end": edition.period.end.isoformat(),
        "audience": edition.audience,
        "language": edition.language,
        "built": build.made.isoformat(),
        "verdict": selection.verdict,
        "stories": [{"id": s.id, "title": s.title, "why": reasons.get(s.id, "")} for s in selection.stories],
        "more": selection.more,
        "candidates": sorted(had_their_chance(selection)),
        "carried": sorted(s.id for s in selection.stories) if selection.verdict == "carry-over" else [],
        "findings": [
            {"code": f.code, "severity": f.severity.value, "where": f.where, "message": f.message}
            for f in build.findings
        ],
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(build.parts.items())
        },
        **facts,
    }
    if rendering is not None:
        account |= {
            "subject": rendering.subject,
            "preheader": rendering.preheader,
            "fingerprint": rendering.fingerprint,
            "cut": rendering.cut,
            "html_bytes": len(rendering.html.encode()),
            "bytes_per_story": dict(rendering.bytes_per_story),
        }
    return account


def as_json(value: Any) -> bytes:
    """JSON as digest writes it everywhere: two blanks, letters as they are, one line end at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


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


def damaged(folder: Path, account: Mapping[str, Any]) -> str:
    """The first file that is not what its manifest says, or nothing."""
    for name, facts in account["files"].items():
        try:
            data = (folder / name).read_bytes()
        except OSError:
            return str(name)
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            return str(name)
    return ""


def history(root: Path, audience: str, language: str, zone: tzinfo, *, sent: bool) -> Iterator[PastEdition]:
    """What the editions below `root` for this audience and language held, oldest period first."""
    found = (
        _past(path, audience, language, zone, sent=sent) for path in root.glob(f"*/{audience}/{language}/{MANIFEST}")
    )
    yield from sorted((past for past in found if past), key=lambda past: (past.edition.period.first, past.edition.id))


def _past(path: Path, audience: str, language: str, zone: tzinfo, *, sent: bool) -> PastEdition | None:
    try:
        span = period.parse(path.parents[2].name, zone)
    except PeriodError:
        return None  # a folder of somebody else's
    data = read_manifest(path)
    return PastEdition(
        edition=Edition(period=span, audience=audience, language=language),
        included=frozenset(s["id"] for s in data["stories"]) if data["verdict"] == "send" else frozenset(),
        candidates=frozenset(data["candidates"]),
        carried=frozenset(data["carried"]),
        sent=sent,
    )


def _swap(target: Path, parts: Mapping[str, bytes]) -> None:
    """Write a new folder beside the old one, then exchange them by two renames."""
    fresh = target.parent / f".{target.name}-{secrets.token_hex(4)}"
    fresh.mkdir()
    try:
        for name, data in parts.items():
            files.write_whole(fresh / name, data)
        old = fresh.with_name(fresh.name + ".old")
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
