"""`digest subscribers …`: who is on a list, who must not be mailed, and how people come and go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.verbs import group, verb
from digest.errors import CheckFailed, Fault

if TYPE_CHECKING:
    from digest.recipients.subscribers import Change

subscribers = group("subscribers", "List, add, remove, suppress and export readers.")
Name = Annotated[str, typer.Option("-a", "--audience", metavar="NAME", help="Whose readers.")]
Scope = Annotated[
    str, typer.Option("-a", "--audience", metavar="NAME", help="For this audience only; all if not said.")
]
Reader = Annotated[str, typer.Argument(metavar="ADDRESS", help="A reader's mail address.")]


@verb("list", subscribers)
def list_(common: Common, audience: Name) -> None:
    """Every reader of an audience, and who of them is not mailed."""
    from digest.recipients.subscribers import listed

    call, bad = Call(common), 0
    with call.ledger() as ledger:
        found = listed(call.newsroom.sending_setup.source(call.newsroom.config.audience(audience)), ledger, audience)
        for entry in found:
            if isinstance(entry, Fault):
                bad += 1
                typer.echo(f"digest: left out: {entry}", err=True)
                continue
            reader = entry.recipient
            words = [reader.address, reader.name, reader.language, "not mailed" if entry.suppressed else ""]
            call.out.line("  ".join(word for word in words if word))
    _demand_sound(bad)


@verb("add", subscribers)
def add(
    common: Common,
    audience: Name,
    address: Reader,
    name: Annotated[str, typer.Option("--name", help="The reader's name.")] = "",
    language: Annotated[str, typer.Option("--language", metavar="TAG", help="The reader's language.")] = "",
) -> None:
    """Put a reader on an audience's list."""
    from digest.model import Recipient
    from digest.recipients import subscribers as lists

    call = Call(common)
    with call.ledger() as ledger:
        path = call.newsroom.sending_setup.csv_file(call.newsroom.config.audience(audience), "add readers")
        reader = Recipient(address=address, name=name, language=language)
        _tell(call, lists.add(path, reader, ledger, audience, name=_shown(path)))


@verb("remove", subscribers)
def remove(common: Common, audience: Name, address: Reader) -> None:
    """Take a reader off an audience's list (who wants to leave is suppressed instead)."""
    from digest.recipients import subscribers as lists

    call = Call(common)
    path = call.newsroom.sending_setup.csv_file(call.newsroom.config.audience(audience), "remove readers")
    _tell(call, lists.remove(path, address, name=_shown(path)))


@verb("suppress", subscribers)
def suppress(common: Common, address: Reader, audience: Scope = "") -> None:
    """Never mail an address again, whatever list it is on."""
    from digest.recipients import subscribers as lists

    call = Call(common)
    with call.ledger() as ledger:
        new = lists.suppress(ledger, address, _scope(call, audience), now=call.now.timestamp())
    call.out.line(f"{address} is not mailed any more" if new else f"{address} was suppressed already")


@verb("unsuppress", subscribers)
def unsuppress(
    common: Common,
    address: Reader,
    audience: Scope = "",
    because: Annotated[
        str,
        typer.Option("--because", metavar="WORDS", help="Why one who left, complained or was held back by hand."),
    ] = "",
) -> None:
    """Mail an address again: after a bounce as such, else with a reason that is kept."""
    from digest.recipients import subscribers as lists

    call = Call(common)
    with call.ledger() as ledger:
        lifting = lists.unsuppress(ledger, address, _scope(call, audience), now=call.now.timestamp(), because=because)
    if lifting.lifted:
        call.out.line(f"{address}: lifted: {', '.join(row.reason for row in lifting.lifted)}")
    else:
        call.out.line(f"nothing kept {address} from being mailed" + (" there" if lifting.held else ""))
    for row in lifting.held:
        where = "everywhere" if row.scope == "*" else f"for {row.scope}"
        call.out.line(f"  still held back {where}: {row.reason} {row.detail}".rstrip())


@verb("suppressed", subscribers)
def suppressed(common: Common) -> None:
    """Every address that is not mailed, since when and why."""
    from datetime import datetime

    call = Call(common)
    zone = call.newsroom.config.newsroom.timezone
    with call.ledger() as ledger:
        rows = [
            (each.address, each.scope, each.reason, f"{datetime.fromtimestamp(each.since, zone):%Y-%m-%d}", each.detail)
            for each in ledger.suppressions()
        ]
    head = ("address", "audience", "reason", "since", "detail")
    if common.json:
        call.out.data([dict(zip(head, row, strict=True)) for row in rows])
    else:
        call.out.table(head, rows)


@verb("import", subscribers)
def import_(
    common: Common,
    audience: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with readers.")],
) -> None:
    """Add every reader of a CSV file who is not on the audience's list yet."""
    from digest.recipients import subscribers as lists
    from digest.recipients.csvfile import CsvSource

    call = Call(common)
    with call.ledger() as ledger:
        path = call.newsroom.sending_setup.csv_file(call.newsroom.config.audience(audience), "add readers")
        change = lists.take_in(path, CsvSource(file, name=str(file)), ledger, audience, name=_shown(path))
    _tell(call, change)
    _demand_sound(len(change.faults))


@verb("export", subscribers)
def export(
    common: Common,
    audience: Name,
    everyone: Annotated[bool, typer.Option("--everyone", help="Those who are not mailed, too.")] = False,
) -> None:
    """Print an audience's readers as CSV, without those who are not mailed."""
    from digest.recipients import subscribers as lists

    call = Call(common)
    with call.ledger() as ledger:
        entries = lists.listed(
            call.newsroom.sending_setup.source(call.newsroom.config.audience(audience)), ledger, audience
        )
        for text in lists.export(entries, everyone=everyone):
            sys.stdout.write(text)


def _scope(call: Call, audience: str) -> str:
    return call.newsroom.config.audience(audience).name if audience else "*"


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _tell(call: Call, change: Change) -> None:
    for fault in change.faults:
        typer.echo(f"digest: left out: {fault}", err=True)
    if call.common.json:
        call.out.data({"added": change.added, "removed": change.removed, "already": change.already,
                       "suppressed": list(change.suppressed), "notes": list(change.notes),
                       "faults": [str(fault) for fault in change.faults]})  # fmt: skip
        return
    for note in change.notes:
        call.out.line(note)
    counts = [(change.added, "added"), (change.removed, "removed"), (change.already, "there already")]
    words = [f"{count} {word}" for count, word in counts if count]
    call.out.line(", ".join(words) or "nothing changed")


def _demand_sound(bad: int) -> None:
    if bad:
        message = (
            f"{bad} row{'s' * (bad != 1)} could not be read and {'were' if bad != 1 else 'was'} left out, see above"
        )
        raise CheckFailed(message)
