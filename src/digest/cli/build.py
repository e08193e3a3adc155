"""`digest build`: HTML, text, .eml and a manifest for each edition of a period."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from digest.cli.call import Call
from digest.cli.flags import Common, EditionFlags, SkipBad
from digest.cli.output import size, tally, tell, told_once
from digest.cli.verbs import verb
from digest.errors import CheckFailed, NothingToSend
from digest.files import typed
from digest.text.counting import counted, them

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.editions.builder import Build
    from digest.model import Edition

LONG = 4  # editions; fewer are done before a bar could be read


@verb("build")
def build(
    common: Common,
    chosen: EditionFlags,
    out: Annotated[Path | None, Option("--out", metavar="DIR", help="Write below DIR instead of build/.")] = None,
    skip_bad: SkipBad = False,
) -> None:
    """Make the editions of a period: HTML, text, .eml and a manifest."""
    call = Call(common, skip_bad=skip_bad)
    editions = call.editions(chosen)
    with _progress(call, len(editions)) as step:
        made = [step(edition) for edition in editions]
    # Everything is made before anything is written: an edition that fails leaves no other half done.
    written, warnings = _write(call, made, out)
    for fault in call.newsroom.stories.faults:
        tell(f"left out: {fault}")
    _report(call, written)
    _next(call, written, chosen)
    for warning in warnings:
        tell(warning)
    _end(made)


def _write(call: Call, made: list[Build], out: Path | None) -> tuple[list[tuple[Build, Path]], tuple[str, ...]]:
    """Write them, and tell the hooks what is new in build/. Returns where each is, and which hooks failed."""
    from digest.editions import build_folder

    if out is not None or not call.newsroom.config.settings.hooks.built:
        return [(each, build_folder.write(call.newsroom, each, out)) for each in made], ()
    from digest.scheduling import hook_reporter

    fresh = [each for each in made if hook_reporter.is_new(call.newsroom, each)]
    written = [(each, build_folder.write(call.newsroom, each)) for each in made]
    return written, hook_reporter.tell_built(call.newsroom, fresh)


@contextmanager
def _progress(call: Call, count: int) -> Iterator[Callable[[Edition], Build]]:
    from digest.editions.builder import build_edition

    def make(edition: Edition) -> Build:
        return build_edition(call.newsroom, edition, now=call.now)

    if count < LONG or call.common.quiet or not sys.stderr.isatty():
        yield make
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("building", total=count)

        def step(edition: Edition) -> Build:
            bar.update(task, description=edition.id)
            made = make(edition)
            bar.advance(task)
            return made

        yield step


def _report(call: Call, written: list[tuple[Build, Path]]) -> None:
    if call.common.json:
        from digest.newsroom.history import MANIFEST, read_manifest

        call.out.data([{"folder": str(place), **read_manifest(place / MANIFEST)} for _, place in written])
        return
    from digest.text.merge import shown_subject

    head = ("edition", "stories", "HTML", "text", "pictures", "findings")
    call.out.table(head, [_row(each) for each, _ in written], right=(1, 2, 3, 4))
    for (each, _), fresh in zip(written, told_once(each.findings for each, _ in written), strict=True):
        if call.common.verbose or tally(each.findings) != "none":
            call.out.line()
            call.out.line(f"{each.edition.id}: {shown_subject(each.rendering) if each.rendering else ''}")
            call.out.findings(each.findings, fresh)


def _row(each: Build) -> tuple[str, ...]:
    count = len(each.selection.stories)
    if each.rendering is None:
        return each.edition.id, str(count), "", "", "", each.why_nothing
    html, text = (size(len(part.encode())) for part in (each.rendering.html, each.rendering.text))
    pictures = sum(len(image.data) for image in each.rendering.images)
    shown = f"{count} and {each.selection.more} more" if each.selection.more else str(count)
    return each.edition.id, shown, html, text, size(pictures) if pictures else "", tally(each.findings)


def _next(call: Call, written: list[tuple[Build, Path]], chosen: EditionFlags) -> None:
    if call.common.json:
        return
    if not call.common.verbose:
        fresh = told_once(each.findings for each, _ in written)
        notes = sum(finding.severity.value == "info" for findings in fresh for finding in findings)
        if notes:
            call.out.line(f"\n{counted(notes, 'note')} beside: -v shows {them(notes)}")
    pages = [place / "index.html" for each, place in written if each.rendering]
    call.out.line()
    if pages:
        call.out.line(f"Open {typed(pages[0])} in a browser, or digest.eml beside it in a mail program.")
    call.out.line(f"Why these stories: digest stories {chosen.again()} --explain")


def _end(made: list[Build]) -> None:
    if not any(each.rendering for each in made):
        names = ", ".join(f"{each.edition.id} ({_row(each)[-1]})" for each in made)
        message = f"nothing to send: {names}"
        raise NothingToSend(message)
    from digest.model import Severity

    fresh = told_once(each.findings for each in made)
    errors = [f for findings in fresh for f in findings if f.severity is Severity.ERROR]
    if errors:
        message = f"built, but {tally(errors)} must be mended before it is sent"
        raise CheckFailed(message)
