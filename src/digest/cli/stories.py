"""`digest stories` and `digest import`: what the newsroom has, why each story is in or out, and how stories get in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.call import Call
from digest.cli.flags import Common, When, Which
from digest.cli.verbs import verb
from digest.errors import UsageError
from digest.model import STORY_KEYS, STORY_TIMES

if TYPE_CHECKING:
    from digest.model import Selection, Story


@verb("stories")
def stories(
    common: Common,
    when: When,
    which: Which,
    explain: Annotated[
        bool, typer.Option("--explain", help="Every story, in or out, and the rule that decided.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave story files with mistakes out, and go on.")
    ] = False,
) -> None:
    """List stories; with a period and --explain, say why each is in or out."""
    call = Call(common).skipping_bad(skip_bad)
    if explain or which.audience or which.language:
        chosen = [call.newsroom.select(each, now=call.now, every=explain) for each in call.editions(when, which)]
        _explained(call, chosen, everything=explain)
    else:
        span = when.optional(call.now, call.newsroom.config.newsroom.timezone)
        edges = (span.start, span.end) if span else ()
        _listed(call, call.newsroom.stories.stories(*edges))
    for fault in call.newsroom.stories.faults:
        typer.echo(f"digest: left out: {fault}", err=True)


def _explained(call: Call, chosen: list[Selection], *, everything: bool) -> None:
    rows = [
        {
            "edition": selection.edition.id,
            "story": decision.story.id,
            "title": decision.story.title,
            "included": decision.included,
            "rule": decision.rule,
            "reason": decision.reason,
        }
        for selection in chosen
        for decision in sorted(selection.decisions, key=lambda d: (not d.included, d.story.date, d.story.id))
        if decision.included or everything
    ]
    if call.common.json:
        call.out.data(rows)
        return
    for number, selection in enumerate(chosen):
        if number:
            call.out.line()
        mine = [row for row in rows if row["edition"] == selection.edition.id]
        taken = len([row for row in mine if row["included"]])
        call.out.line(f"{selection.edition.id}: {taken} in, {len(mine) - taken} out")
        call.out.table(("", "story", "rule", "reason"), [_cells(row) for row in mine])
        for row in mine if call.common.verbose else ():
            call.out.line(f"  {row['story']}: {row['title']}")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return "in" if row["included"] else "out", row["story"], row["rule"], row["reason"]


def _listed(call: Call, found: tuple[Story, ...] | list[Story] | Any) -> None:
    if call.common.json:
        call.out.data([_facts(story) for story in found])
        return
    call.out.table(
        ("date", "story", "kicker", "title"), [(f"{s.date:%Y-%m-%d}", s.id, s.kicker, s.title) for s in found]
    )


def _facts(story: Story) -> dict[str, Any]:
    values = {"id": story.id, **{key: getattr(story, key) for key in STORY_KEYS}}
    values |= {key: when.isoformat() for key in STORY_TIMES if (when := values[key])}
    return values | ({"date": story.date.date().isoformat()} if story.date_only else {})


@verb("import")
def import_(
    common: Common,
    source: Annotated[list[str], typer.Argument(help="Files, - for standard input, or http(s) addresses.")],
    channel: Annotated[
        str, typer.Option("--channel", metavar="NAME", help="The channel these stories are shown in.")
    ] = "",
    kind: Annotated[
        str, typer.Option("--format", help="text, html, feed, jsonfeed or csv; found out if not said.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, as a diff; write nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take a source that holds far fewer stories than last time.")
    ] = False,
) -> None:
    """Turn listing pages, feeds and CSV files into story files; a second run changes nothing."""
    from digest.importing.importer import run_import

    call = Call(common)
    if source.count("-") > 1:
        message = "standard input can be read once; give - one time"
        raise UsageError(message)
    report = run_import(call.newsroom, source, channel=channel, kind=kind, now=call.now, force=force, write=not dry_run)
    if common.json:
        call.out.data(report.as_data())
        return
    for line in report.lines(verbose=common.verbose or dry_run):
        call.out.line(line)
