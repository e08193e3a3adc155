"""`digest init` and `digest config`: a newsroom to start with, and what its settings are and where they come from."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.verbs import verb
from digest.errors import ImportFailed, UsageError
from digest.smtp.providers import PROVIDERS
from digest.text.counting import counted

_FIRST = {False: "digest build --month 2022-02", True: 'digest new "Title"'}  # whether it is empty


@verb("init")
def init(
    common: Common,
    folder: Annotated[Path, Argument(metavar="DIR", help="A new or empty folder.")] = Path(),
    name: Annotated[str, Option("--name", help="The newsroom's name.")] = "",
    contact: Annotated[str, Option("--contact", help="The newsroom's address: it becomes Reply-To.")] = "",
    archive: Annotated[
        str, Option("--archive", metavar="URL", help="Where past editions will be read on the web.")
    ] = "",
    theme: Annotated[bool, Option("--theme/--no-theme", help="Copy the default theme, to change it.")] = True,
    empty: Annotated[bool, Option("--empty", help="Without sample stories and readers, with one audience.")] = False,
    language: Annotated[str, Option("--language", metavar="TAG", help="The newsroom's language, like fr.")] = "",
    from_feed: Annotated[
        str,
        Option("--from-feed", metavar="URL|FILE", help="Begin with the stories of this feed, and keep reading it."),
    ] = "",
    provider: Annotated[
        str, Option("--provider", metavar="NAME", help=f"Whose relay sends: {', '.join(PROVIDERS)}.")
    ] = "",
) -> None:
    """Make a newsroom that can be built at once: config, theme, sample stories."""
    from digest.newsroom import starter

    call = Call(common)
    if not archive and sys.stdin.isatty() and sys.stdout.isatty():
        question = "Where will past editions be read on the web (https://…; empty: nowhere yet)?"
        archive = typer.prompt(question, default="", show_default=False).strip()
    made = starter.make(
        folder,
        name=name,
        contact=contact,
        theme=theme,
        archive_url=starter.web_address(archive),
        empty=empty or bool(from_feed),
        language=language,
        feed=starter.feed_address(from_feed, folder),
        provider=provider,
    )
    read, trouble = _read_feed(call, folder) if from_feed else ("", "")
    if common.json:
        call.out.data({
            "folder": str(folder),
            "files": [str(path) for path in made.files],
            "fill_in": [{"where": blank.where, "what": blank.what} for blank in made.blanks],
            "read": [read] if read else [],
        })  # fmt: skip
    call.out.line(f"{counted(len(made.files), 'file')} in {folder}")
    if read:
        call.out.line(read)
    enter = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    first = "digest import" if trouble else "digest" if from_feed else _FIRST[empty]
    call.out.line(f"Next: {enter}{first}")
    call.out.to_fill_in(f"{blank.where}: {blank.what}" for blank in made.blanks)
    if trouble:
        message = f"the newsroom is made, and its feed could not be read: {trouble}; `digest import` tries again"
        raise ImportFailed(message)


def _read_feed(call: Call, folder: Path) -> tuple[str, str]:
    """Read the stories of the new newsroom's feed. Returns what came of it in a line, or why nothing did."""
    from digest.importing import sources
    from digest.newsroom.newsroom import open_newsroom

    newsroom = open_newsroom(folder / "config.yaml")
    now = call.now if call.common.now else newsroom.now()
    (report,) = sources.refresh(newsroom, now, everything=True, write=True)
    trouble = report.state.trouble
    return ("", trouble) if trouble else (report.line, "")


@verb("config")
def config(
    common: Common,
    schema: Annotated[bool, Option("--schema", help="Print the JSON Schema of config.yaml, for editors.")] = False,
    issue_schema: Annotated[
        bool, Option("--issue-schema", help="Print the JSON Schema of an issue file, for editors.")
    ] = False,
    show: Annotated[bool, Option("--print", help="Print what is in force, and where each value is from.")] = False,
    new_id: Annotated[
        bool, Option("--new-id", help="Make this copy of a newsroom one of its own, with a ledger of its own.")
    ] = False,
    moved: Annotated[
        bool, Option("--moved", help="Send from here: its ledger was moved, and knows all that was sent.")
    ] = False,
) -> None:
    """Check config.yaml; print what is in force, or the JSON Schema."""
    from digest.config import load
    from digest.config.schedule_lines import either_days
    from digest.config.show import rows
    from digest.newsroom import newsroom_id

    call = Call(common)
    if new_id:
        path = newsroom_id.write(call.newsroom.root, newsroom_id.fresh())
        call.out.line(f"{path}: a new id; this newsroom needs a ledger of its own (send.ledger)")
        if common.json:
            call.out.data({"file": str(path)})
        return
    if moved:
        with call.known_ledger() as ledger:
            if ledger is None:
                message = (
                    "there is no ledger here, and nothing was moved; correct this. If it is gone for good, `digest "
                    "subscribers suppress` whom you know to have left, of nobody `suppressed`: either begins a new one"
                )
                raise UsageError(str(call.newsroom.config.document.fault(("send", "ledger"), message)))
            empty = ledger.is_new()
            changed, name = ledger.move(call.now.timestamp()), ledger.database.name
        done = "it sends from here from now on; the other place must not" if changed else "it was not moved"
        done += "; it is new, and knows of nothing that was sent before" if empty else ""
        call.out.line(f"{name}: {done}")
        if common.json:
            call.out.data({"ledger": name, "moved": changed})
        return
    if schema or issue_schema:
        from digest.issues import issue_file

        call.out.data(issue_file.schema() if issue_schema else load.schema())
        return
    settings = list(rows(call.newsroom.config))
    call.newsroom.demand_sound()
    call.tell_exposed()
    if common.json:
        blank = {fault.key.partition("[")[0] for fault in call.unfilled}
        call.out.data({
            key: {"value": value, "from": origin, "to_fill_in": key in blank} for key, value, origin in settings
        })  # fmt: skip
    elif show:
        call.out.table(("setting", "value", "from"), settings)
    else:
        call.out.line(f"{call.newsroom.config.document.file}: no mistakes; --print shows what is in force")
        for fault in either_days(call.newsroom.config.document):
            call.out.line(str(fault))
        call.out.to_fill_in(call.unfilled)
