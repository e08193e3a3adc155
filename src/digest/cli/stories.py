"""`digest stories`, `import` and `sources`: what the newsroom has, why it is in or out, and how stories get in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args

from typer import Argument, Option

from digest.cli.call import Call
from digest.cli.flags import Common, EditionFlags, SkipBad, When, name_option
from digest.cli.output import tell
from digest.cli.verbs import verb
from digest.errors import ImportFailed, UsageError
from digest.files import typed
from digest.model import ImportFormat
from digest.text.counting import one_of

if TYPE_CHECKING:
    from datetime import datetime

    from digest.importing.sources import SourceState
    from digest.model import Selection, Story


@verb("stories")
def stories(
    common: Common,
    chosen: EditionFlags,
    explain: Annotated[bool, Option("--explain", help="Every story, in or out, and the rule that decided.")] = False,
    skip_bad: SkipBad = False,
) -> None:
    """List stories; with a period and --explain, say why each is in or out."""
    call = Call(common, skip_bad=skip_bad)
    if explain or chosen.named or chosen.audience or chosen.language:
        selections = [call.newsroom.select(each, now=call.now, every=explain) for each in call.editions(chosen)]
        _explained(call, selections, everything=explain)
    else:
        span = call.span(chosen)
        edges = (span.start, span.end) if span else ()
        _listed(call, call.newsroom.stories.stories(*edges))
    for fault in call.newsroom.stories.faults:
        tell(f"left out: {fault}")


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
    from digest.model import STORY_KEYS, STORY_TIMES

    values = {"id": story.id, **{key: getattr(story, key) for key in STORY_KEYS}}
    values |= {key: when.isoformat() for key in STORY_TIMES if (when := values[key])}
    return values | ({"date": story.date.date().isoformat()} if story.date_only else {})


@verb("new")
def new(
    common: Common,
    title: Annotated[str, Argument(metavar="TITLE", help="The story's title, in quotes.")],
    date: Annotated[str, Option("--date", metavar="DAY", help="Its day; today if not said.")] = "",
    kicker: Annotated[str, Option("--kicker", help="The short line above the title.")] = "",
    channel: Annotated[str, Option("--channel", metavar="NAME", help="The channel it is shown in.")] = "",
    language: Annotated[str, name_option("--language", metavar="TAG", tells="Its language.")] = "",
    topics: Annotated[str, name_option("--topics", metavar="A,B", tells="Its topics.")] = "",
) -> None:
    """Begin a story: a file with its title and day, a draft until you say otherwise."""
    from digest.importing.new_story import begin

    call = Call(common)
    fields = {
        "title": title, "kicker": kicker, "channels": [channel] if channel else [], "language": language,
        "topics": [topic.strip() for topic in topics.split(",") if topic.strip()],
    }  # fmt: skip
    ours = call.newsroom.config.newsroom
    day = date or f"{call.now.astimezone(ours.timezone):%Y-%m-%d}"
    path = begin(call.newsroom.root / "stories", fields, day, ours.timezone, ours.language)
    shown = typed(path)
    call.out.line(f"{shown}: write its summary below the second line of dashes, then take `status: draft` out")
    if common.json:
        call.out.data({"file": str(shown)})


@verb("import")
def import_(
    common: Common,
    source: Annotated[
        list[str] | None,
        Argument(help="Files, folders, - for standard input, http(s) addresses; none: the sources of config.yaml."),
    ] = None,
    channel: Annotated[str, Option("--channel", metavar="NAME", help="The channel these stories are shown in.")] = "",
    kind: Annotated[str, Option("--format", help=f"{one_of(get_args(ImportFormat))}; found out if not said.")] = "",
    language: Annotated[
        str, Option("--language", metavar="TAG", help="The language of all these stories, like fr.")
    ] = "",
    topics: Annotated[
        str, name_option("--topics", metavar="A,B", tells="Topics to add to each of these stories.")
    ] = "",
    base: Annotated[
        str,
        Option("--base", metavar="URL", help="Where a saved page or an export is from: its links count from it."),
    ] = "",
    sheet: Annotated[
        str, Option("--sheet", metavar="NAME", help="The sheet of an Excel workbook; the first if not said.")
    ] = "",
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would change, as a diff; write nothing.")] = False,
    force: Annotated[
        bool, Option("--force", help="Take a source that holds far fewer stories than last time.")
    ] = False,
) -> None:
    """Turn listing pages, feeds and tables (CSV, Excel) into story files; a second run changes nothing."""
    from digest.importing.importer import ImportOptions, run_import

    call = Call(common)
    if not source:
        _read_sources(call, odd=channel or kind or language or topics or sheet or base, dry_run=dry_run, force=force)
        return
    if source.count("-") > 1:
        message = "standard input can be read once; give - one time"
        raise UsageError(message)
    options = ImportOptions(
        channel=channel, kind=kind, language=language, topics=topics.split(","), force=force, write=not dry_run
    )
    report = run_import(call.newsroom, source, options, now=call.now, sheet=sheet, base=base)
    if common.json:
        call.out.data(report.as_data())
        return
    for line in report.lines(verbose=common.verbose or dry_run):
        call.out.line(line)


def _read_sources(call: Call, *, odd: str, dry_run: bool, force: bool) -> None:
    """Read every source of config.yaml; one that fails keeps no other from being read."""
    from digest.importing import sources

    if odd or not call.newsroom.config.settings.sources:
        flags = "--channel, --format, --language, --topics, --base and --sheet go with a SOURCE"
        what = flags if odd else "config.yaml has no sources; name a SOURCE"
        message = f"{what}, or write sources: [{{name: …, url: …, channel: …}}]"
        raise UsageError(message)
    reports = sources.refresh(call.newsroom, call.now, everything=True, write=not dry_run, force=force)
    if call.common.json:
        call.out.data([_source_facts(report.name, report.state) for report in reports])
    for report in reports:
        if report.state.trouble:
            tell(report.line)
        elif not call.common.json:
            for line in report.lines[:-1]:
                call.out.line(f"{report.name}: {line}")
            call.out.line(report.line)
    if failed := [report.name for report in reports if report.state.trouble]:
        message = f"{', '.join(failed)} could not be read, see above; the others were"
        raise ImportFailed(message)


@verb("sources")
def sources_(
    common: Common,
    when: When,
    without: Annotated[
        str, Option("--without", metavar="NAME", help="Let the period's editions go without this source.")
    ] = "",
    by: Annotated[str, Option("--by", metavar="WHO", help="With --without: whose word that is.")] = "",
) -> None:
    """Show the sources that are read by themselves: when, what came, what is wrong."""
    from digest.importing import sources

    call = Call(common)
    if without:
        period = call.period(when)
        path = sources.waive(call.newsroom, without, period, by, call.now)
        shown = path.relative_to(call.newsroom.root)
        call.out.line(f"{shown} says it: editions of {period.id} go without {without}")
        if common.json:
            call.out.data({"file": str(shown), "period": period.id, "source": without})
        return
    rows = list(sources.rows(call.newsroom))
    if common.json:
        call.out.data([_source_facts(section.name, state) for section, state in rows])
        return

    def at(moment: datetime | None) -> str:
        return f"{moment.astimezone(call.newsroom.config.newsroom.timezone):%Y-%m-%d %H:%M}" if moment else "never"

    call.out.table(
        ("source", "channel", "read", "stories", "changed", "trouble"),
        [
            (section.name, section.channel, at(state.read), str(state.items), at(state.changed), state.trouble)
            for section, state in rows
        ],
        right=(3,),
    )


def _source_facts(name: str, state: SourceState) -> dict[str, Any]:
    times = {key: getattr(state, key) for key in ("tried", "read", "changed", "failing")}
    return {
        "name": name, "url": state.url, "stories": state.items, "new": state.new, "updated": state.updated,
        "trouble": state.trouble, **{key: moment.isoformat() if moment else "" for key, moment in times.items()},
    }  # fmt: skip
