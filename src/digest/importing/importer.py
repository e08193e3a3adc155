"""Import listings into story files: read, plan, look, apply.

    bytes ─read─▶ Listing ─plan─▶ ImportPlan (new, changed) ─insist─▶ nothing suspicious ─apply─▶ files, then the record

`plan` is pure: it decides everything and touches nothing, so `--dry-run` shows exactly what would be written. A file
that changed between plan and apply is not overwritten, and a person's edits never are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.errors import ImportFailed
from digest.files import write_whole
from digest.importing import provenance, sniff
from digest.importing.plan import ImportPlan, plan
from digest.importing.provenance import load as load_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from digest.importing.listing import Listing

__all__ = ["MAX_BYTES", "ImportPlan", "apply", "insist", "load_record", "plan", "read", "text_of"]

MAX_BYTES = 20_000_000  # as for what is fetched


def read(
    source: str,
    data: bytes,
    *,
    content_type: str = "",
    zone: ZoneInfo,
    language: str,
    selectors: Mapping[str, str] | None = None,
    format: sniff.Format | None = None,  # noqa: A002 - what it is called on the command line
) -> Listing:
    """Read one source. `source` is its path, address or `-`, for messages and for relative links.

    With `selectors` (`listing_html`) it is read as HTML. Raises ImportFailed for what is no listing of any kind.
    """
    source = provenance.without_credentials(source)
    if len(data) > MAX_BYTES:
        message = f"{source}: has {len(data):,} bytes, and a listing at most {MAX_BYTES:,}"
        raise ImportFailed(message)
    text = sniff.decode(data, source, content_type)
    kind = format or ("html" if selectors else sniff.detect(text, content_type))
    match kind:
        case "feed" | "jsonfeed":
            from digest.importing import feeds

            parse = feeds.parse_xml if kind == "feed" else feeds.parse_json
            return parse(text, source, zone=zone, language=language)
        case "csv":
            from digest.importing import table

            return table.parse(text, source, zone=zone, language=language)
        case "html":
            from digest.importing import listing_html

            return listing_html.parse(text, source, zone=zone, language=language, selectors=selectors)
        case "text":
            from digest.importing import listing_text

            return listing_text.parse(text, source, zone=zone, language=language)


def insist(plan: ImportPlan, *, force: bool = False) -> None:
    """Raise ImportFailed when a source gave nothing, or far less than the last time; `force` allows the second."""
    for verdict in plan.verdicts:
        if verdict.kind == "empty":
            message = f"{verdict}; nothing was imported: look at the source, or name its parts with selectors"
            raise ImportFailed(message)
        if not force:
            message = f"{verdict}; nothing was imported: look at the source, or use --force when it really shrank"
            raise ImportFailed(message)


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
        write_whole(folder / new.path, new.text.encode())
    for change in plan.changed:
        write_whole(folder / change.path, change.after.encode())
    if plan.record != plan.before:
        write_whole(folder / provenance.NAME, plan.record.text.encode())


def text_of(folder: Path, story_id: str) -> str:
    """A story file's text to the character, with its byte order mark and line ends: what `plan` asks for."""
    return (folder / f"{story_id}.md").read_bytes().decode()
