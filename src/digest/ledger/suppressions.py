"""Addresses that must not be mailed: kept, asked for, and marked in every edition before the next claim or intent.

Suppressions are numbered, and an edition remembers up to which number they are marked in it ("swept"), so that asking
again at the last moment costs one look at the newest number. Addresses are compared casefolded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict
from sqlalchemy import delete, insert, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from digest.delivery import EVERYWHERE, Suppression
from digest.ledger import statements
from digest.ledger.schema import lifted, suppressions
from digest.ledger.transitions import words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Select

    from digest.ledger.database import Database, Transaction

_PAGE = 2_000
_ASKED = 500  # addresses in one question
_ROWS = select(*(suppressions.c[name] for name in Suppression.__struct_fields__))


def sweep(transaction: Transaction, now: float) -> None:
    """Mark, in every edition, the readers who were suppressed since it was last swept."""
    newest = transaction.run(statements.NEWEST_SUPPRESSION)[0][0]
    for edition, audience, round_, swept in transaction.run(statements.UNSWEPT, newest=newest) if newest else ():
        transaction.run(statements.SWEEP, now=now, round=round_, audience=audience, swept=swept)
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


def suppress(database: Database, suppression: Suppression, scopes: Sequence[str]) -> bool:
    """`Suppressions.suppress`, under each of these scopes, of which the first counts."""
    with database.writing() as transaction:
        _number_in_order(transaction)
        values = {
            "address": suppression.address.casefold(),
            "reason": suppression.reason,
            "detail": words(suppression.detail),
            "since": suppression.since,
        }
        added = [_insert(transaction, [{**values, "scope": scope}]) for scope in scopes]
        return added[0] > 0


def share(database: Database, formerly: Mapping[str, Sequence[str]]) -> None:
    """See to it that what is suppressed under one of an audience's names is so under all of them."""
    lacking: list[dict[str, Any]] = []
    with database.reading() as transaction:
        for audience, former in formerly.items():
            names = (audience, *former)
            asked = _ROWS.where(suppressions.c.scope.in_(names)).order_by(suppressions.c.seq)
            rows = _read(transaction, asked)
            known = {(row.address, row.reason, row.scope) for row in rows}
            wanted = {(row.address, row.reason, name): row for row in reversed(rows) for name in names}  # the oldest
            lacking += [{**asdict(row), "scope": key[2]} for key, row in wanted.items() if key not in known]
    if lacking:
        with database.writing() as transaction:
            _number_in_order(transaction)
            for start in range(0, len(lacking), _ASKED):
                _insert(transaction, lacking[start : start + _ASKED])


def _number_in_order(transaction: Transaction) -> None:
    """Numbers are given out in the order of the commits: nobody sweeps past one that is not there yet."""
    if transaction.core.dialect.name == "postgresql":
        transaction.core.execute(text("LOCK TABLE suppressions IN EXCLUSIVE MODE"))


def _insert(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
    dialect = postgresql if transaction.core.dialect.name == "postgresql" else sqlite
    added = dialect.insert(suppressions).values(rows).on_conflict_do_nothing().returning(suppressions.c.seq)
    return len(transaction.core.execute(added).all())


def unsuppress(
    database: Database, address: str, scopes: Sequence[str], reasons: Collection[str], now: float, because: str
) -> Sequence[Suppression]:
    """`Suppressions.unsuppress`, under each of these scopes, of which the first counts."""
    with database.writing() as transaction:
        which = (
            suppressions.c.address == address.casefold(),
            suppressions.c.scope.in_(scopes),
            suppressions.c.reason.in_(list(reasons)),
        )
        gone = _read(transaction, _ROWS.where(*which).order_by(suppressions.c.seq))
        if gone:
            transaction.core.execute(delete(suppressions).where(*which))
            rows = [
                {"address": row.address, "scope": row.scope, "reason": row.reason, "since": row.since,
                 "lifted": now, "because": words(because)}
                for row in gone
            ]  # fmt: skip
            transaction.core.execute(insert(lifted), rows)
        return [row for row in gone if row.scope == scopes[0]]


def of_address(database: Database, address: str) -> Sequence[Suppression]:
    """`Suppressions.reasons`."""
    asked = _ROWS.where(suppressions.c.address == address.casefold()).order_by(
        suppressions.c.scope, suppressions.c.reason
    )
    with database.reading() as transaction:
        return _read(transaction, asked)


def listed(database: Database) -> Iterator[Suppression]:
    """`Suppressions.suppressions`, a page at a time."""
    key = (suppressions.c.address, suppressions.c.scope, suppressions.c.reason)
    last: tuple[str, str, str] | None = None
    while True:
        page = _ROWS.order_by(*key).limit(_PAGE)
        if last is not None:
            page = page.where(tuple_(*key) > tuple_(*last))
        with database.reading() as transaction:
            rows = _read(transaction, page)
        yield from rows
        if len(rows) < _PAGE:
            return
        last = (rows[-1].address, rows[-1].scope, rows[-1].reason)


def _read(transaction: Transaction, asked: Select[Any]) -> list[Suppression]:
    return [Suppression(**row) for row in transaction.core.execute(asked).mappings()]
