"""`digest archive`: what was sent, as pages and feeds for any web server; and an edition withdrawn as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec import structs
from typer import Option

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.output import tell
from digest.cli.verbs import verb
from digest.errors import UsageError
from digest.text.counting import counted


@verb("archive")
def archive(
    common: Common,
    out: Annotated[
        Path | None, Option("--out", metavar="DIR", help="Write the pages into DIR instead of public/.")
    ] = None,
    withdraw: Annotated[
        str, Option("--withdraw", metavar="EDITION", help="Withdraw an edition as a whole: 2022-02/everyone/en.")
    ] = "",
    because: Annotated[str, Option("--because", metavar="WORDS", help="Why; its page shows it.")] = "",
) -> None:
    """Write what was sent as a folder of pages and feeds, for any web server."""
    from digest.publishing.publisher import publish, publishes

    call = Call(common)
    if bool(withdraw) != bool(because.strip()):
        message = "--withdraw EDITION and --because WORDS go together: its page says why it is gone"
        raise UsageError(message)
    if not publishes(call.newsroom) and out is None:
        message = (
            "no audience is published; write `archive: public` under an audience, and `archive: {url: https://…}`, "
            "the address at which public/ will be served"
        )
        raise UsageError(message)
    with call.known_ledger(lambda error: tell(f"{error}; only what is known without it is published")) as ledger:
        if withdraw:
            _withdraw(call, withdraw, because)
        update = publish(call.newsroom, ledger, out=out, note=tell, retry=True)
    for fault in update.faults:
        tell(f"{fault}; its pages say what they said before")
    if common.json:
        call.out.data({"written": list(update.written), "removed": list(update.removed), "unchanged": update.unchanged})
        raise typer.Exit(2 if update.faults else 0)
    folder = out or Path("public")
    counts = f"{counted(len(update.written), 'file')} written"
    counts += f", {len(update.removed):,} removed, {update.unchanged:,} as they were"
    call.out.line(f"{folder}: {counts}")
    if common.verbose:
        for word, paths in (("written", update.written), ("removed", update.removed)):
            for path in paths:
                call.out.line(f"  {word}  {path}")
    if update.faults:
        raise typer.Exit(2)


def _withdraw(call: Call, name: str, because: str) -> None:
    from digest.files import typed
    from digest.newsroom.history import folder
    from digest.newsroom.paths import ARCHIVE
    from digest.publishing import withdrawals

    edition = call.newsroom.edition_of(name) if name.count("/") == 2 else call.edition_named(name)  # noqa: PLR2004
    known = call.newsroom.config.known_audience(edition.audience)
    names = (edition.audience, *((known.name, *known.was) if known else ()))
    called = (structs.replace(edition, audience=name) for name in names)
    there = next((each for each in called if folder(call.newsroom.root / ARCHIVE, each).is_dir()), None)
    if there is None:
        message = f"{edition.id} was never sent, so there is nothing to withdraw"
        raise UsageError(message)
    zone = call.newsroom.config.newsroom.timezone
    record = withdrawals.Withdrawal(on=call.now.astimezone(zone).date(), because=" ".join(because.split()))
    path = withdrawals.withdraw(call.newsroom.root, there, record)
    call.out.line(f"{typed(path)}: commit it; whoever removes it brings {there.id} back")
