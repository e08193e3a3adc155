"""`digest import` for one newsroom: get the sources, read them, plan, and write what the plan says.

    sources ─fetch or read─▶ bytes ─format─▶ Listing ─plan─▶ ImportPlan ─insist─▶ nothing suspicious ─apply─▶ files

A source that gives nothing, or far less than the last time, is an error that keeps what was fetched as evidence; it is
never taken for an empty month. Nothing is written before every source was read and the plan is sound; `--dry-run`
shows exactly what would be written. A file that changed in between is not overwritten, and a person's edits never are.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs
from msgspec.structs import asdict

from digest import files
from digest.errors import DigestError, ImportFailed, SourceShrank, UsageError
from digest.importing import formats, front_matter, languages, provenance
from digest.importing import plan as planning
from digest.importing.naming import slug
from digest.importing.source import Source
from digest.model import story_id
from digest.text.counting import counted
from digest.text.urls import absolute, host_of, without_credentials
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from digest.config.sections import SelectorSection
    from digest.importing.plan import ImportPlan
    from digest.importing.source import Listing
    from digest.newsroom.newsroom import Newsroom

EVIDENCE = "evidence"
_LACKING = {"image": "a picture", "image_alt": "words for their picture", "link": "a link", "summary": "a summary"}
# What helps where nothing was found, by the format of the source.
_ADVICE = dict.fromkeys(("html", "text"), "look at the source, or name its parts with selectors") | {
    "": f"stories are its files in Markdown ({', '.join(front_matter.ENDINGS)}) that begin with a title and a date; "
    "name other files one by one"
}
_LIKE_AN_ADDRESS = re.compile(r"www\.|[\w-]+(?:\.[\w-]+)+/")
_SUFFIX = {"text/html": "html", "application/xhtml+xml": "html", "text/csv": "csv", "application/json": "json"}


class ImportOptions(Struct, frozen=True, kw_only=True):
    """How sources are taken in, as the person says who imports them."""

    channel: str = ""  # in which the newsroom shows them
    kind: str = ""  # their format; found out where it is not said
    language: str = ""  # that of all their stories, whatever they say themselves
    topics: Sequence[str] = ()  # are added to each
    force: bool = False  # also what gave far less than the last time
    write: bool = True


class ImportReport(Struct, frozen=True, kw_only=True):
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
        if missing := [f"{len(ids)} without {_LACKING[key]}" for key, ids in self.lacking().items()]:
            yield f"look at the new stories: {', '.join(missing)}"
        would = "" if self.written else "would be "
        yield f"{len(plan.new)} {would}new, {len(plan.changed)} {would}changed, {plan.unchanged} unchanged"

    def lacking(self) -> dict[str, list[str]]:
        """What new stories have not and mostly should: the key, and the stories' ids."""
        found = {key: [new.id for new in self.plan.new if key in new.lacks] for key in _LACKING}
        return {key: ids for key, ids in found.items() if ids}

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
            "lacking": self.lacking(),
            "contacts": sorted({listing.contact for listing in self.listings} - {""}),
        }


def run_import(
    newsroom: Newsroom,
    names: Sequence[str],
    options: ImportOptions,
    *,
    now: datetime,
    sheet: str = "",
    base: str = "",
) -> ImportReport:
    """Import the sources (paths, `-`, http(s) addresses) into the newsroom's stories.

    `sheet` names the one of Excel workbooks that is read; `base` is the address that the links of files are seen from.

    Raises ImportFailed (exit 6) with the place of the evidence, FetchError, StoryError, UsageError, DigestError.
    """
    if options.kind and options.kind not in formats.FORMATS:
        message = f"--format {options.kind!r} is no format{did_you_mean(options.kind, formats.FORMATS)}"
        raise UsageError(message)
    tag = languages.read(options.language)
    if options.language and not tag:
        message = f"--language {options.language!r} is no language; write a tag like en or pt-BR"
        raise UsageError(message)
    if base and not absolute(base):
        message = f"--base {base!r} is no http or https address"
        raise UsageError(message)
    folders = [Path(name) for name in names if Path(name).is_dir()]
    own = (newsroom.root / "stories").resolve()
    for folder in folders:
        if own.is_relative_to(folder.resolve()) or folder.resolve().is_relative_to(own):
            message = f"{folder}: has the newsroom's own stories in it; name another folder"
            raise UsageError(message)
    spoken = tag or newsroom.config.newsroom.language
    zone = newsroom.config.newsroom.timezone
    listings = [front_matter.read_folder(folder, zone=zone, language=spoken, base=base) for folder in folders]
    files_ = [_source(newsroom, name) for name in names if not Path(name).is_dir()]
    sources = [structs.replace(source, language=spoken, sheet=sheet, base=base or source.base) for source in files_]
    return import_sources(newsroom, sources, structs.replace(options, language=tag), now=now, listings=listings)


def import_sources(
    newsroom: Newsroom,
    sources: Sequence[Source],
    options: ImportOptions,
    *,
    now: datetime,
    listings: Sequence[Listing] = (),
) -> ImportReport:
    """Import sources that were read already, and `listings` of folders, that were understood already."""
    folder = newsroom.root / "stories"
    most = newsroom.config.settings.imports.max_bytes
    try:
        read = (
            *map(formats.as_meant, listings), *(formats.read(source, options.kind, most=most) for source in sources)
        )  # fmt: skip
        listings = tuple(_as_told(listing, options) for listing in read)
        files_of_stories = replace(newsroom, skip_bad=True).stories  # a file with a fault stops no import
        existing = files_of_stories.stories() if folder.exists() else ()
        root = folder.resolve()
        places = {fault: Path(fault.file).parent.resolve() / Path(fault.file).name for fault in files_of_stories.faults}
        faulty = {story_id(os.path.relpath(place, root)): fault for fault, place in places.items()}
        plan = planning.plan(
            listings,
            existing,
            lambda story: text_of(folder, story),
            provenance.load(folder),
            options.channel or None,
            faulty,
        )
        insist(plan, force=options.force)
        plan = structs.replace(plan, notes=(*plan.notes, *_ahead(plan, now)))
    except ImportFailed as error:
        try:
            kept = _keep_evidence(newsroom, sources, now)  # of folders none: they stay
            where = f" (what was read is kept in {', '.join(map(str, kept))})" if kept else ""
        except DigestError as unkept:
            where = f" ({unkept})"
        message = f"{error}{where}"
        raise type(error)(message) from None
    if options.write:
        try:
            apply(plan, folder)
        except OSError as error:
            message = f"{error.filename or folder}: cannot be written: {error.strerror}"
            raise DigestError(message) from error
    return ImportReport(plan=plan, listings=listings, written=options.write, contact=newsroom.config.newsroom.contact)


def source_from_web(newsroom: Newsroom, address: str) -> Source:
    """What an http(s) address holds now. Raises FetchError."""
    from digest.fetching.fetch import fetch

    limits = newsroom.config.settings.imports
    found = fetch(address, max_bytes=limits.max_bytes, timeout=limits.timeout, allow_private=limits.allow_private)
    return source_of(newsroom, address, found.data, content_type=found.content_type, base=found.url)


def selectors_for(newsroom: Newsroom, address: str, own: SelectorSection | None = None) -> dict[str, str]:
    """The CSS selectors for a page: its own, else what config.yaml says of its host."""
    section = own or newsroom.config.settings.imports.selectors.get(host_of(address))
    return section.model_dump() if section else {}


def source_of(newsroom: Newsroom, name: str, data: bytes, *, content_type: str = "", base: str = "") -> Source:
    """What somebody has read already, as a source of the newsroom's."""
    return Source(
        name=without_credentials(name),
        data=data,
        content_type=content_type,
        base=base,
        zone=newsroom.config.newsroom.timezone,
        language=newsroom.config.newsroom.language,
        selectors=selectors_for(newsroom, name),
    )


def _source(newsroom: Newsroom, name: str) -> Source:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name):
        return source_from_web(newsroom, name)
    settings = newsroom.config.settings
    try:
        data = sys.stdin.buffer.read(settings.imports.max_bytes + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        hint = ""
        if name in {source.name for source in settings.sources}:
            hint = "; the sources of config.yaml are read by `digest import` alone, all of them"
        elif isinstance(error, FileNotFoundError) and _LIKE_AN_ADDRESS.match(name):
            hint = "; an address begins with https://"
        message = f"{name}: cannot be read: {error.strerror}{hint}"
        raise UsageError(message) from None
    return source_of(newsroom, name, data)


def _keep_evidence(newsroom: Newsroom, sources: Sequence[Source], now: datetime) -> list[Path]:
    """Write what was read below .digest/evidence/, so that a person can see what the newsroom's page really said."""
    kept: list[Path] = []
    for source in sources:
        name, ending = slug(source.name, 60) or "stdin", _SUFFIX.get(source.media_type, "txt")
        path = newsroom.root / ".digest" / EVIDENCE / f"{now:%Y-%m-%dT%H%M%S}-{name}.{ending}"
        try:
            files.write_whole(path, source.data)
        except OSError as error:
            message = f"{path}: the evidence cannot be written: {files.refusal(error, path)}"
            raise DigestError(message) from error
        kept.append(path)
    return kept


def _as_told(listing: Listing, options: ImportOptions) -> Listing:
    """The listing as the person who imports it says it is."""
    topics = tuple(filter(None, map(slug, options.topics)))
    items = tuple(
        replace(item, language=options.language or item.language, topics=tuple(dict.fromkeys((*item.topics, *topics))))
        for item in listing.items
    )
    return structs.replace(listing, items=items)


def insist(plan: ImportPlan, *, force: bool = False) -> None:
    """Raise ImportFailed when a source gave nothing, SourceShrank when far less than before; `force` allows that."""
    for verdict in plan.verdicts:
        if verdict.kind == "empty":
            message = f"{verdict}; nothing was imported: {_ADVICE.get(verdict.format, 'look at the source')}"
            raise ImportFailed(message)
        if not force:
            message = f"{verdict}; nothing was imported: look at the source, or use --force when it really shrank"
            raise SourceShrank(message)


def _ahead(plan: ImportPlan, now: datetime) -> Iterator[str]:
    """A note where new stories are of a day that is still to come: planned, or dated by a slip of the pen."""
    ahead = [new.id for new in plan.new if new.id[: len("2022-02-14")] > now.date().isoformat()]
    if ahead:
        many = counted(len(ahead), "new story", "new stories")
        yield f"{many} with a date that is still to come: {', '.join(ahead[:3])}"


def apply(plan: ImportPlan, folder: Path) -> None:
    """Write the plan's files whole into the stories' `folder`, then the record.

    Raises ImportFailed, before anything is written, when a file is not as it was planned on; OSError as it comes.
    """
    for new in plan.new:
        if (folder / new.path).exists():
            message = f"{folder / new.path}: was made in the meantime; run the import again"
            raise ImportFailed(message)
    for change in plan.changed:
        if text_of(folder, change.id) != change.before:
            message = f"{folder / change.path}: was changed in the meantime; run the import again"
            raise ImportFailed(message)
    for new in plan.new:
        files.write_whole(folder / new.path, new.text.encode())
    for change in plan.changed:
        files.write_whole(folder / change.path, change.after.encode())
    if plan.record != plan.before:
        files.write_whole(folder / provenance.NAME, plan.record.text.encode())


def text_of(folder: Path, story_id: str) -> str:
    """A story file's text to the character, with its byte order mark and line ends: what `plan` asks for."""
    return (folder / f"{story_id}.md").read_bytes().decode()
