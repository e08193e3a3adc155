"""An edition that is named in full and that the ledger knows: what resume, pause, cancel and resolve are about."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.cli.call import Call
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition

Needed = Annotated[str, typer.Argument(metavar="EDITION", help="2022-02/everyone/en.")]


@contextmanager
def frozen(call: Call, name: str, *, unfinished: bool = False) -> Iterator[tuple[Edition, SqlLedger]]:
    """An edition that the ledger knows, and the ledger. Raises UsageError, and AlreadySent for one that is finished."""
    chosen = call.edition_named(name)
    with call.opened(create=False) as (_, ledger):
        if ledger.mailing(chosen.id) is None:
            message = f"{chosen.id} was never sent: there is nothing to settle, pause or go on with"
            raise UsageError(message)
        if unfinished:
            from digest.sending.post import refuse_finished

            refuse_finished(ledger, chosen.id)
        yield chosen, ledger
