"""Addresses that must not be mailed: kept, asked for, and marked in every edition before the next claim or intent.

Suppressions are numbered, and an edition remembers up to which number they are marked in it ("swept"), so that asking
again at the last moment costs one look at the newest number. Addresses are compared casefolded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, text
from sqlalchemy.dialects import postgresql, sqlite

from digest.delivery import Suppression
from digest.ledger import statements
from digest.ledger.schema import suppressions
from digest.ledger.transitions import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.ledger.database import Database, Transaction

EVERYWHERE = "*"
_PAGE = 2_000
_ASKED = 500  # addresses in one question


def sweep(transaction: Transaction, now: float) -> None:
    """Mark, in every edition, the readers who were suppressed since it was last swept."""
    newest = transaction.run(statements.NEWEST_SUPPRESSION)[0][0]
    for edition, audience, swept in transaction.run(statements.UNSWEPT, newest=newest) if newest else ():
        transaction.run(statements.SWEEP, now=now, edition=edition, audience=audience, swept=swept)
        transaction.run(statements.SWEPT, edition=edition, newest=newest)


def suppressed(database: Database, addresses: Sequence[str], audience: str) -> frozenset[str]:
    """`Suppressions.suppressed`."""
    found: set[str] = set()
    with database.reading() as transaction:
        if not transaction.run(statements.NEWEST_SUPPRESSION)[0][0]:
            return frozenset()  # nobody is suppressed: nobody need be looked for
        for start in range(0, len(addresses), _ASKED):
            folded = [address.casefold() for address in addresses[start : start + _ASKED]]
            asked = select(suppressions.c.address).where(
                suppressions.c.address.in_(folded), suppressions.c.scope.in_((EVERYWHERE, audience))
            )
            found.update(transaction.core.scalars(asked))
    return frozenset(address for address in addresses if address.casefold() in found)


def suppress(database: Database, suppression: Suppression) -> bool:
    """`Suppressions.suppress`."""
    with database.writing() as transaction:
        on_postgres = transaction.core.dialect.name == "postgresql"
        if on_postgres:
            # Numbers are given out in the order of the commits: nobody sweeps past one that is not there yet.
            transaction.core.execute(text("LOCK TABLE suppressions IN EXCLUSIVE MODE"))
        values = {
            "address": suppression.address.casefold(),
            "scope": suppression.scope,
            "reason": suppression.reason,
            "detail": words(suppression.detail),
            "since": suppression.since,
        }
        dialect = postgresql if on_postgres else sqlite
        added = dialect.insert(suppressions).values(values).on_conflict_do_nothing().returning(suppressions.c.seq)
        return transaction.core.execute(added).first() is not None


def unsuppress(database: Database, address: str, scope: str) -> bool:
    """`Suppressions.unsuppress`."""
    with database.writing() as transaction:
        gone = delete(suppressions).where(suppressions.c.address == address.casefold(), suppressions.c.scope == scope)
        return transaction.core.execute(gone).rowcount > 0


def listed(database: Database) -> Iterator[Suppression]:
    """`Suppressions.suppressions`, a page at a time."""
    address, scope = suppressions.c.address, suppressions.c.scope
    last: tuple[str, str] | None = None
    while True:
        page = (
            select(address, scope, suppressions.c.reason, suppressions.c.detail, suppressions.c.since)
            .order_by(address, scope)
            .limit(_PAGE)
        )
        if last is not None:
            page = page.where((address > last[0]) | ((address == last[0]) & (scope > last[1])))
        with database.reading() as transaction:
            rows = transaction.core.execute(page).all()
        for row in rows:
            yield Suppression(address=row[0], scope=row[1], reason=row[2], detail=row[3], since=row[4])
        if len(rows) < _PAGE:
            return
        last = (rows[-1][0], rows[-1][1])
