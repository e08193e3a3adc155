"""`digest subscribers …`: who is on a list, who must not be mailed, and how people come and go."""

from __future__ import annotations

import sys
from collections import Counter
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from digest.cli.call import Call
from digest.cli.flags import Common, name_option
from digest.cli.output import tell
from digest.cli.verbs import group, verb
from digest.errors import CheckFailed, Fault, UsageError, gathered
from digest.files import typed
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.ledger.ledger import SqlLedger
    from digest.recipients.subscribers import Change, ListEntry

subscribers = group("subscribers", "List, add, remove, suppress and export readers.")
Name = Annotated[str, name_option("-a", "--audience", metavar="NAME", tells="Whose readers.")]
Scope = Annotated[
    str, name_option("-a", "--audience", metavar="NAME", tells="For this audience only; all if not said.")
]
Reader = Annotated[str, Argument(metavar="ADDRESS", help="A reader's mail address.")]


@verb("list", subscribers)
def list_(common: Common, audience: Name) -> None:
    """Every reader of an audience with language and topics, and who of them is not mailed, and why."""
    call, faults, rows = Call(common), list[Fault](), list[dict[str, Any]]()
    for entry in _entries(call, audience):
        if isinstance(entry, Fault):
            faults.append(entry)
            continue
        reader = entry.recipient
        if common.json:
            rows.append(_facts(entry))
            continue
        why = f"not mailed: {entry.why}" if entry.why else ""
        words = [reader.address, reader.name, reader.language, ";".join(reader.topics), why]
        call.out.line("  ".join(word for word in words if word))
    notes = _unread(call, audience)
    if common.json:
        call.out.data({"readers": rows, "faults": [str(fault) for fault in faults], "notes": notes})
    _demand_sound(faults)


def _facts(entry: ListEntry) -> dict[str, Any]:
    reader = entry.recipient
    return {
        "address": reader.address, "name": reader.name, "language": reader.language,
        "topics": list(reader.topics), "fields": dict(reader.fields), "not_mailed": entry.why,
    }  # fmt: skip


@verb("add", subscribers)
def add(
    common: Common,
    audience: Name,
    address: Reader,
    name: Annotated[str, Option("--name", help="The reader's name.")] = "",
    language: Annotated[str, Option("--language", metavar="TAG", help="The reader's language.")] = "",
    topics: Annotated[str, name_option("--topics", metavar="A,B", tells="What the reader wants to read of.")] = "",
) -> None:
    """Put a reader on an audience's list."""
    from digest.recipients import subscribers as lists

    call = Call(common)
    with call.ledger() as ledger:
        path = call.newsroom.sending_setup.csv_file(call.newsroom.config.audience(audience), "add readers")
        reader = lists.reader(address, name, language, topics)
        _tell(call, lists.add(path, reader, ledger, audience, name=str(typed(path))))


@verb("remove", subscribers)
def remove(common: Common, audience: Name, address: Reader) -> None:
    """Take a reader off an audience's list (who wants to leave is suppressed instead)."""
    from digest.recipients import subscribers as lists

    call = Call(common)
    path = call.newsroom.sending_setup.csv_file(call.newsroom.config.audience(audience), "remove readers")
    with call.ledger() as ledger:
        name, now, sharing = str(typed(path)), call.now.timestamp(), _sharing(call, audience, path)
        _tell(call, lists.remove(path, address, ledger, audience, now=now, name=name, sharing=sharing))


@verb("suppress", subscribers)
def suppress(common: Common, address: Reader, audience: Scope = "") -> None:
    """Never mail an address again, whatever list it is on."""
    from digest.recipients import subscribers as lists

    call = Call(common)
    with call.ledger() as ledger:
        new = lists.suppress(ledger, address, _scope(call, audience), now=call.now.timestamp())
    call.out.line(f"{address} is not mailed any more" if new else f"{address} was suppressed already")
    if common.json:
        call.out.data({"address": address, "audience": audience or "*", "new": new})


@verb("unsuppress", subscribers)
def unsuppress(
    common: Common,
    address: Reader,
    audience: Scope = "",
    because: Annotated[
        str,
        Option("--because", metavar="WORDS", help="Why one who left, complained or was held back by hand."),
    ] = "",
) -> None:
    """Mail an address again: after a bounce as such, else with a reason that is kept."""
    from digest.recipients import subscribers as lists

    call = Call(common)
    with call.ledger() as ledger:
        lifting = lists.unsuppress(ledger, address, _scope(call, audience), now=call.now.timestamp(), because=because)
        standing = dict(_standing(call, ledger, address, audience))
    if lifting.lifted:
        call.out.line(f"{address}: lifted: {', '.join(row.reason for row in lifting.lifted)}")
    else:
        call.out.line(f"{address}: nothing was suppressed {f'for {audience}' if audience else 'for all audiences'}")
    for row in lifting.held:
        where, how = ("everywhere", "without") if row.scope == "*" else (f"for {row.scope}", "with")
        lifts = f"{how} --audience{'' if row.scope == '*' else f' {row.scope}'}"
        call.out.line(f"  still held back {where}: {row.reason} {row.detail}".rstrip() + f"; to lift that, ask {lifts}")
    for name, why in standing.items():
        call.out.line(f"  {name}: {f'not mailed: {why}' if why else 'is mailed'}")
    if common.json:
        call.out.data({
            "address": address, "lifted": [row.reason for row in lifting.lifted],
            "held": [{"audience": row.scope, "reason": row.reason, "detail": row.detail} for row in lifting.held],
            "audiences": standing,
        })  # fmt: skip


def _standing(call: Call, ledger: SqlLedger, address: str, audience: str) -> Iterator[tuple[str, str]]:
    """Of each audience with a list, or the one that is asked for: why the address is not mailed; empty when it is."""
    from digest.mail.address import key, typed_key
    from digest.recipients.subscribers import listed

    wanted, parts = typed_key(address), call.newsroom.sending_setup
    for name in call.newsroom.config.with_readers:
        if audience and name != audience:
            continue
        chosen = call.newsroom.config.audiences[name]
        rows = listed(parts.source(chosen), ledger, name, parts.segment(chosen))
        found = [row.why for row in rows if not isinstance(row, Fault) and key(row.recipient.address) == wanted]
        yield name, min(found, key=bool, default="not on its list")  # one row that is mailed is enough


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
    file: Annotated[Path, Argument(metavar="FILE", help="A CSV file with readers, of whatever tool.")],
    update: Annotated[
        str,
        Option("--update", metavar="A,B", help="Let these columns of known readers be overwritten: name,topics."),
    ] = "",
    clear: Annotated[bool, Option("--clear", help="With --update: by empty cells, too.")] = False,
    sync: Annotated[bool, Option("--sync", help="Take off who is not in the file.")] = False,
    shrink: Annotated[bool, Option("--shrink", help="With --sync: however many that are.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Say what would change; change nothing.")] = False,
) -> None:
    """Add every reader of a CSV file who is not on the list yet; who left there is suppressed here."""
    from digest.recipients.csvfile import CsvSource
    from digest.recipients.list_import import Intake, bring_in, take_gone

    if (clear and not update) or (shrink and not sync):
        message = "--clear goes with --update name,language,topics" if clear else "--shrink goes with --sync"
        raise UsageError(message)
    call = Call(common)
    columns = tuple(column.strip().casefold() for column in update.split(",") if column.strip())
    how = Intake(update=columns, clear=clear, sync=sync, shrink=shrink, dry_run=dry_run)
    with call.ledger() as ledger:
        source, now = CsvSource(file, name=str(file)), call.now.timestamp()
        chosen = call.newsroom.config.audience(audience)
        section = call.newsroom.config.settings.audiences[chosen.name].recipients
        if section and section.sql and not (update or sync) and source.columns().statuses:
            change = take_gone(source, ledger, audience, now=now, dry_run=dry_run)
        else:
            path = call.newsroom.sending_setup.csv_file(chosen, "add readers")
            name, sharing = str(typed(path)), _sharing(call, audience, path)
            change = bring_in(path, source, ledger, audience, how, now=now, name=name, sharing=sharing)
    _tell(call, change, dry_run=dry_run)
    _demand_sound(change.faults)


@verb("export", subscribers)
def export(
    common: Common,
    audience: Name,
    everyone: Annotated[
        bool, Option("--everyone", help="Those who are not mailed, too, with a status column.")
    ] = False,
) -> None:
    """Print an audience's readers as CSV, without those who are not mailed."""
    from digest.recipients import subscribers as lists

    call, out, faults = Call(common), Counter[str](), list[Fault]()

    def noted() -> Iterator[ListEntry | Fault]:
        for entry in _entries(call, audience):
            if isinstance(entry, Fault):
                faults.append(entry)
            elif entry.why:
                out[entry.why if entry.status == "subscribed" else entry.status] += 1
            yield entry

    if common.json:
        readers = [_facts(entry) for entry in noted() if not isinstance(entry, Fault) and (everyone or not entry.why)]
        notes = _unread(call, audience)
        call.out.data({"readers": readers, "faults": [str(fault) for fault in faults], "notes": notes})
    else:
        if isinstance(sys.stdout, TextIOWrapper) and not sys.stdout.isatty():
            sys.stdout.reconfigure(encoding="utf-8")  # a list is that, whatever the letters of this terminal
        for text in lists.export(noted(), everyone=everyone):
            sys.stdout.write(text)
        _unread(call, audience)
    for why, count in sorted(out.items()):
        tell(f"not mailed: {count:,}, {why}")
    _demand_sound(faults)


def _entries(call: Call, audience: str) -> Iterator[ListEntry | Fault]:
    from digest.recipients.subscribers import listed

    chosen, parts = call.newsroom.config.audience(audience), call.newsroom.sending_setup
    with call.ledger() as ledger:
        yield from listed(parts.source(chosen), ledger, audience, parts.segment(chosen))


def _unread(call: Call, audience: str) -> list[str]:
    """What of the list's file is not read: other sheets of a workbook. It is told beside the readers, too."""
    notes = list(call.newsroom.sending_setup.source(call.newsroom.config.audience(audience)).unread())
    for note in notes:
        call.out.warn(note)
    return notes


def _scope(call: Call, audience: str) -> str:
    return call.newsroom.config.audience(audience).name if audience else "*"


def _sharing(call: Call, audience: str, path: Path) -> tuple[str, ...]:
    """Other audiences whose list is the same file."""
    config = call.newsroom.config
    others = ((name, each.recipients) for name, each in config.settings.audiences.items() if name != audience)
    return tuple(
        name
        for name, section in others
        if section and section.csv and config.path(section.csv).resolve() == path.resolve()
    )


def _tell(call: Call, change: Change, *, dry_run: bool = False) -> None:
    if call.common.json:
        call.out.data({"added": change.added, "removed": change.removed, "updated": change.updated,
                       "already": change.already, "suppressed": list(change.suppressed),
                       "inactive": dict(change.inactive), "stopped": change.stopped, "notes": list(change.notes),
                       "faults": [str(fault) for fault in change.faults], "dry_run": dry_run})  # fmt: skip
        return
    for note in change.notes:
        call.out.line(note)
    if change.inactive:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(change.inactive.items()))
        new = f"{change.stopped:,} would be" if dry_run else counted(change.stopped, "is", "are")
        call.out.line(f"not to be mailed by the file: {reasons}; {new} newly suppressed")
    counts = [
        (change.added, "added"), (change.updated, "updated"), (change.removed, "removed"),
        (change.already, "there already"), (len(change.suppressed), "of the added suppressed here"),
    ]  # fmt: skip
    nothing = f"nothing {'else ' if change.stopped else ''}changed"
    words = ", ".join(f"{count:,} {word}" for count, word in counts if count) or nothing
    call.out.line(f"{'it would be: ' if dry_run else ''}{words}")


def _demand_sound(faults: Sequence[Fault]) -> None:
    for line in gathered(faults):
        tell(f"left out: {line}")
    if bad := len(faults):
        message = f"{counted(bad, 'row was', 'rows were')} left out as not readable, see above"
        raise CheckFailed(message)
