"""`digest import` for one newsroom: get the sources, read them, plan, and write what the plan says.

    sources ─fetch or read─▶ bytes ─importer─▶ ImportPlan ─▶ story files, the record, a report

A source that gives nothing, or far less than the last time, is an error that keeps what was fetched as evidence; it is
never taken for an empty month. Nothing is written before every source was read and the plan is sound.
"""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from digest import files
from digest.errors import DigestError, ImportFailed, UsageError
from digest.importing import importer, sniff
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from digest.importing.importer import ImportPlan
    from digest.importing.listing import Listing
    from digest.newsroom.newsroom import Newsroom

EVIDENCE = "evidence"
_SUFFIX = {"text/html": "html", "application/xhtml+xml": "html", "text/csv": "csv", "application/json": "json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source's bytes, and what it was said to be."""

    name: str
    data: bytes
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, or with `written` False what it would do."""

    plan: ImportPlan
    listings: tuple[Listing, ...]
    written: bool
    contact: str  # the newsroom's, from config.yaml

    def lines(self, *, verbose: bool = False) -> Iterator[str]:
        """The report for people: the diff when `verbose`, then what was kept, then the counts."""
        plan = self.plan
        if verbose and (diff := plan.diff()):
            yield diff.rstrip("\n")
        for kept in plan.kept:
            yield f"kept: {kept}"
        for note in plan.notes:
            yield f"note: {note}"
        for fault in plan.faults:
            yield f"left out: {fault}"
        for offered in sorted({listing.contact for listing in self.listings} - {"", self.contact}):
            yield f"the page names a media contact, {offered}; for config.yaml: newsroom: {{contact: {offered}}}"
        would = "" if self.written else "would be "
        yield f"{len(plan.new)} {would}new, {len(plan.changed)} {would}changed, {plan.unchanged} unchanged"

    def as_data(self) -> dict[str, Any]:
        """The report for programs."""
        plan = self.plan
        return {
            "written": self.written,
            "new": [one.id for one in plan.new],
            "changed": [{"id": one.id, "fields": list(one.fields)} for one in plan.changed],
            "unchanged": plan.unchanged,
            "kept": [asdict(one) for one in plan.kept],
            "notes": list(plan.notes),
            "faults": [str(fault) for fault in plan.faults],
            "contacts": sorted({listing.contact for listing in self.listings} - {""}),
        }


def run_import(
    newsroom: Newsroom,
    names: Sequence[str],
    *,
    channel: str = "",
    kind: str = "",
    now: datetime,
    force: bool = False,
    write: bool = True,
) -> ImportReport:
    """Import the sources (paths, `-`, http(s) addresses) into the newsroom's stories.

    Raises ImportFailed (exit 6) with the place of the evidence, FetchError, StoryError, UsageError, DigestError.
    """
    if kind and kind not in get_args(sniff.Format):
        message = f"--format {kind!r} is not one of {', '.join(get_args(sniff.Format))}{did_you_mean(kind, ())}"
        raise UsageError(message)
    sources = [_source(newsroom, name) for name in names]
    try:
        listings = tuple(_listing(newsroom, source, kind) for source in sources)
        plan = _plan(newsroom, listings, channel)
        importer.insist(plan, force=force)
    except ImportFailed as error:
        kept = _keep_evidence(newsroom, sources, now)
        message = f"{error} (what was read is kept in {', '.join(map(str, kept))})"
        raise type(error)(message) from None
    if write:
        try:
            importer.apply(plan, _folder(newsroom))
        except OSError as error:
            message = f"{error.filename or _folder(newsroom)}: cannot be written: {error.strerror}"
            raise DigestError(message) from error
    return ImportReport(plan=plan, listings=listings, written=write, contact=newsroom.config.newsroom.contact)


def _folder(newsroom: Newsroom) -> Path:
    return newsroom.root / "stories"


def _source(newsroom: Newsroom, name: str) -> Source:
    limits = newsroom.config.settings.imports
    if name == "-":
        return Source(name=name, data=sys.stdin.buffer.read(limits.max_bytes + 1))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name):
        from digest.fetching.fetch import fetch

        found = fetch(name, max_bytes=limits.max_bytes, timeout=limits.timeout, allow_private=limits.allow_private)
        return Source(name=name, data=found.data, content_type=found.content_type)
    try:
        return Source(name=name, data=Path(name).read_bytes())
    except OSError as error:
        message = f"{name}: cannot be read: {error.strerror}"
        raise UsageError(message) from None


def _listing(newsroom: Newsroom, source: Source, kind: str) -> Listing:
    config = newsroom.config
    section = config.settings.imports.selectors.get(urlsplit(source.name).hostname or "")
    selectors = {key: value for key, value in section.model_dump().items() if value} if section else None
    chosen = next((each for each in get_args(sniff.Format) if each == kind), None)
    return importer.read(
        source.name,
        source.data,
        content_type=source.content_type,
        zone=config.newsroom.timezone,
        language=config.newsroom.language,
        selectors=selectors,
        format=chosen,
    )


def _plan(newsroom: Newsroom, listings: tuple[Listing, ...], channel: str) -> ImportPlan:
    folder = _folder(newsroom)
    return importer.plan(
        listings,
        newsroom.stories.stories(),
        lambda story: importer.text_of(folder, story),
        importer.load_record(folder),
        channel or None,
    )


def _keep_evidence(newsroom: Newsroom, sources: Sequence[Source], now: datetime) -> list[Path]:
    """Write what was read below .digest/evidence/, so that a person can see what the newsroom's page really said."""
    kept: list[Path] = []
    for source in sources:
        slug = re.sub(r"[^a-z0-9]+", "-", source.name.lower()).strip("-")[:60] or "stdin"
        ending = _SUFFIX.get(source.content_type.partition(";")[0].strip().lower(), "txt")
        path = newsroom.root / ".digest" / EVIDENCE / f"{now:%Y-%m-%dT%H%M%S}-{slug}.{ending}"
        try:
            files.write_whole(path, source.data)
        except OSError as error:
            message = f"{path}: the evidence cannot be written: {error.strerror}"
            raise DigestError(message) from error
        kept.append(path)
    return kept
