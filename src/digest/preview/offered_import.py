"""An import as the page does it: read an address, a file or a source, show what would change, and take just that.

    address, file, source ─import_sources(write=False)─▶ Offer, kept under a name ─take─▶ Saves

What is taken is what was shown, to the character, however the source changed meanwhile; and it can be undone.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from digest.errors import UsageError
from digest.importing import formats, importer, languages, provenance, sources
from digest.preview.forms import text_of
from digest.preview.saves import FileChange, Offer, contents
from digest.text.counting import counted
from digest.text.urls import without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.responses import Response

    from digest.importing.importer import ImportReport
    from digest.importing.plan import ImportPlan
    from digest.importing.source import Source
    from digest.newsroom.newsroom import Newsroom
    from digest.preview.state import PreviewState

_SHOWN = 60_000  # characters of a diff


def from_address(state: PreviewState, body: dict[str, Any]) -> Response:
    """What an http(s) address would bring. Raises UsageError, FetchError, ImportFailed, StoryError."""
    address = text_of(body, "address", 2000).strip()
    if not re.match(r"https?://", address):  # never a path: this page reads no file of the machine that it is asked for
        message = f"{address[:80]!r} is no web address; paste one that begins with https://"
        raise UsageError(message)
    newsroom = state.newsroom()
    return _offer(state, importer.source_from_web(newsroom, address), body)


def from_file(state: PreviewState, query: Mapping[str, str], data: bytes) -> Response:
    """What a file would bring. Its name says where it came from; it is never opened. Raises as `from_address` does."""
    newsroom = state.newsroom()
    most = min(formats.MAX_BYTES, newsroom.config.settings.imports.max_bytes)
    if not data or len(data) > most:
        message = f"the file has {len(data):,} bytes; one to {most:,} are read"
        raise UsageError(message)
    name = PurePath(query.get("name", "").replace("\\", "/")).name[:120]
    return _offer(state, importer.source_of(newsroom, name if name.isprintable() and name else "a file", data), query)


def from_source(state: PreviewState, body: dict[str, Any]) -> Response:
    """What a source of config.yaml has now. Raises UsageError; what kept it from being read is in its lines.

    One that shrank is offered only when it is asked for again with `force`, by somebody who has seen how much.
    """
    newsroom, force = state.newsroom(), body.get("force") is True
    report = sources.look(newsroom, text_of(body, "name"), state.now(), force=force)
    changes = _changes(newsroom, report.plan)
    offer = Offer(title=_title(report.name, changes), changes=changes, then=partial(sources.remember, newsroom, report))
    lines = list(report.lines) or [report.line]
    return _shown(state, report.name, offer, report.plan, lines, shrank=report.shrank, forced=force)


def take(state: PreviewState, body: dict[str, Any]) -> Response:
    """Write what was shown. Raises UsageError, EditConflict, DigestError."""
    saved = state.saves.take(text_of(body, "offer"))
    state.changed()
    return JSONResponse(
        {"said": saved.title if saved else "There was nothing to change.", "undo": saved.id if saved else 0}
    )


def listed(state: PreviewState, _query: Mapping[str, str]) -> Response:
    """The sources of config.yaml: when each was read, what came, what is wrong."""
    newsroom = state.newsroom()
    zone = newsroom.config.newsroom.timezone
    rows = [
        {
            "name": section.name,
            "url": without_credentials(section.url),
            "channel": section.channel,
            "read": f"{known.read.astimezone(zone):%Y-%m-%d %H:%M}" if known.read else "",
            "stories": known.items,
            "trouble": known.trouble,
        }
        for section, known in sources.rows(newsroom)
    ]
    return JSONResponse({"sources": rows})


def _offer(state: PreviewState, source: Source, given: Mapping[str, Any]) -> Response:
    newsroom = state.newsroom()
    tag = languages.read(text_of(given, "language"))
    if text_of(given, "language") and not tag:
        message = "that is no language; write a tag like en or pt-BR"
        raise UsageError(message)
    channel, topics = text_of(given, "channel").strip(), text_of(given, "topics").split(",")
    options = importer.ImportOptions(channel=channel, language=tag, topics=topics, write=False)
    report: ImportReport = importer.import_sources(newsroom, [source], options, now=state.now())
    changes = _changes(newsroom, report.plan)
    offer = Offer(title=_title(source.name, changes), changes=changes)
    return _shown(state, source.name, offer, report.plan, list(report.lines()))


def _title(name: str, changes: tuple[FileChange, ...]) -> str:
    count = sum(change.path.name != provenance.NAME for change in changes)
    return f"Imported: {name}, {counted(count, 'story', 'stories')}"


def _shown(
    state: PreviewState, name: str, offer: Offer, plan: ImportPlan | None, lines: list[str], **more: bool
) -> Response:
    diff = plan.diff() if plan else ""
    return JSONResponse({
        "offer": state.saves.offer(offer),
        "name": name,
        "new": len(plan.new) if plan else 0,
        "changed": len(plan.changed) if plan else 0,
        "lines": lines,
        "diff": diff[:_SHOWN],
        "cut": len(diff) > _SHOWN,
        **more,
    })  # fmt: skip


def _changes(newsroom: Newsroom, plan: ImportPlan | None) -> tuple[FileChange, ...]:
    if plan is None:
        return ()
    folder: Path = newsroom.root / "stories"
    changes = [FileChange(path=folder / new.path, before=None, after=new.text.encode()) for new in plan.new]
    changes += [
        FileChange(path=folder / each.path, before=each.before.encode(), after=each.after.encode())
        for each in plan.changed
    ]
    if plan.record != plan.before:
        record = folder / provenance.NAME
        changes.append(FileChange(path=record, before=contents(record), after=plan.record.text.encode()))
    return tuple(changes)
