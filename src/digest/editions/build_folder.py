"""The folder of a built edition: `build/2022-02/everyone/en/`, written whole or not at all.

    Build ─write─▶ a folder beside the old one ─swap─▶ index.html digest.txt digest.eml manifest.json

The manifest is the folder's own account of itself: stories with reasons, hashes, sizes, versions, and a hash of
everything that went in. What reads manifests back is `newsroom.history`.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from typing import TYPE_CHECKING, Any

from digest import distribution, files
from digest.errors import DigestError
from digest.model import Issue, content_hash
from digest.newsroom.history import FORMAT, MANIFEST, folder
from digest.newsroom.paths import BUILD
from digest.selection.selector import had_their_chance
from digest.text.merge import shown_subject

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from digest.editions.builder import Build
    from digest.newsroom.newsroom import Newsroom

# The settings that change what a reader gets; how it is sent (smtp, send) is not among them.
_SHAPING = {"newsroom", "theme", "mail", "unsubscribe"}
_SHORT = 16  # hex digits of a hash in a manifest: enough to see that something changed
_LIBRARIES = ("jinja2", "mjml-python", "premailer", "markdown-it-py", "nh3", "babel")  # in the manifest


def write(newsroom: Newsroom, build: Build, root: Path | None = None) -> Path:
    """Write the build and its manifest into the edition's folder, replacing the old folder as a whole.

    The folder is below build/, or below `root`. Returns it. Raises DigestError when the disk refuses; then the old
    folder is untouched.
    """
    target = folder(root or newsroom.root / BUILD, build.edition)
    parts = {**build.parts, MANIFEST: files.readable_json(manifest(newsroom, build))}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _swap(target, parts)
    except OSError as error:
        reason = error.strerror or error
        message = f"{target}: could not be written: {reason}; what was there before is unchanged"
        raise DigestError(message) from error
    return target


def manifest(newsroom: Newsroom, build: Build) -> dict[str, Any]:
    """The folder's account of itself, as plain data."""
    from importlib import metadata

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
        "findings": [finding.as_data() for finding in build.findings],
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(build.parts.items())
        },
        "inputs": inputs(newsroom, build),
        "versions": {"digest": distribution.version(), **{name: metadata.version(name) for name in _LIBRARIES}},
    }
    if rendering is not None:
        account |= {
            "subject": shown_subject(rendering),
            "preheader": rendering.preheader,
            "fingerprint": rendering.fingerprint,
            "cut": rendering.cut,
            "html_bytes": len(rendering.html.encode()),
            "bytes_per_story": dict(rendering.bytes_per_story),
        }
    return account


def inputs(newsroom: Newsroom, build: Build) -> dict[str, str]:
    """A hash of everything that shaped the build: each story, the theme, the editor's hand, and the settings."""
    settings = newsroom.config.settings
    shaping = settings.model_dump(by_alias=True, mode="json", include=_SHAPING, exclude_defaults=True)
    if settings.archive.url:  # nothing else of the archive is in a mail
        shaping["archive"] = {"url": settings.archive.url}
    audience = settings.audiences[newsroom.config.audience(build.edition.audience).name]
    shaping["audience"] = audience.model_dump(by_alias=True, mode="json", exclude_defaults=True)
    shapers: dict[str, object] = {f"story {story.id}": story for story in build.selection.stories}
    shapers |= {"config": shaping, "overrides": newsroom.overrides(build.edition)}
    if build.selection.issue != Issue():  # what nobody wrote is not named: approvals from before hold
        issue = build.selection.issue
        shapers["issue"] = (issue, [block.kind for block in issue.blocks])
    hashes = {name: content_hash(shaper)[:_SHORT] for name, shaper in shapers.items()}
    if build.rendering is not None:
        hashes["theme"] = newsroom.edition_setup.theme.hash
    return hashes


def damaged(place: Path, account: Mapping[str, Any]) -> str:
    """The first file that is not what its manifest says, or nothing."""
    for name, facts in account["files"].items():
        try:
            data = (place / name).read_bytes()
        except OSError:
            return str(name)
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            return str(name)
    return ""


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
