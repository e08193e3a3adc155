"""Editions in the ledger: frozen once with their readers, paused, resumed, cancelled, listed.

    readers ─batches─▶ deliveries, in the list's order ─sorted by address─▶ places ─▶ doubles dropped, suppressed marked

`freeze` streams: a million readers take no more memory than a thousand, and one transaction holds them all. Nothing
here decides whether an edition should be sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from digest.delivery import Mailing, MailingStatus, State
from digest.errors import LedgerError
from digest.ledger import statements
from digest.ledger.schema import deliveries, editions
from digest.ledger.transitions import audience_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement

    from digest.ledger.database import Database, Transaction
    from digest.model import Recipient

_ROWS = 5_000  # rows in memory at once
_READERS = 200  # few at a time: what is held longer, Python looks through for garbage again and again
_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=("\x01", ": ")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionRow:
    """What never changes about a frozen edition."""

    id: int
    name: str
    audience: str
    content: str
    frozen: float
    duplicates: int
    first: int
    last: int

    @property
    def rows(self) -> ColumnElement[bool]:
        """Its deliveries, by their ids: read in their order, not through an index."""
        return deliveries.c.id.between(self.first, self.last) & (deliveries.c.edition + 0 == self.id)


_ROW = (
    editions.c.id,
    editions.c.name,
    editions.c.audience,
    editions.c.content,
    editions.c.frozen,
    editions.c.duplicates,
    editions.c.first,
    editions.c.last,
)


def find(transaction: Transaction, name: str) -> EditionRow | None:
    """The edition of this name."""
    row = transaction.core.execute(select(*_ROW).where(editions.c.name == name)).mappings().first()
    return EditionRow(**row) if row else None


def freeze(
    database: Database,
    name: str,
    content: str,
    recipients: Iterable[Recipient],
    now: float,
    message_id: Callable[[str], str] | None,
) -> tuple[dict[str, int], bool]:
    """`Ledger.freeze`, and whether that was done only now, so that nobody was mailed yet.

    Raises LedgerError for an edition that was frozen with another content.
    """
    with database.writing() as transaction:
        newest = transaction.run(statements.NEWEST_SUPPRESSION)[0][0]
        values = {
            "name": name,
            "audience": audience_of(name),
            "content": content,
            "standing": MailingStatus.OPEN,
            "frozen": now,
            "duplicates": 0,
            "swept": newest,
            "first": 0,
            "last": 0,
        }
        dialect = sqlite if transaction.core.dialect.name == "sqlite" else postgresql
        if dialect is postgresql:  # a slow list may keep it waiting; it holds nobody else's rows
            transaction.run("SET LOCAL idle_in_transaction_session_timeout = 0")
        added = transaction.core.execute(
            dialect.insert(editions).values(values).on_conflict_do_nothing().returning(editions.c.id)
        ).scalar()
        if added is None:
            return _again(transaction, name, content), False
        seen = 0
        for columns in _batches(added, recipients, now, message_id):
            seen += len(columns[0])
            transaction.insert(columns)
        if not seen:
            transaction.core.execute(editions.delete().where(editions.c.id == added))
            return {"planned": 0, "suppressed": 0, "duplicates": 0}, True
        ((first, last),) = transaction.run(statements.SPAN, edition=added)
        span = {"edition": added, "first": first, "last": last}
        readers = transaction.change(statements.PLACE, **span)
        dropped = transaction.change(statements.DROP_DOUBLES, **span) if readers < seen else 0
        if seen - dropped != readers:  # a reader with two rows would be mailed twice
            message = (
                f"{name}: {seen - dropped:,} mails for {readers:,} readers, so nothing was frozen; please report it"
            )
            raise LedgerError(message)
        transaction.core.execute(
            update(editions).where(editions.c.id == added).values(first=first, last=last, duplicates=seen - readers)
        )
        if dialect is postgresql:  # without it the first claims sort the whole edition
            transaction.core.exec_driver_sql("ANALYZE deliveries, places")
        left = transaction.change(statements.SWEEP, now=now, edition=added, audience=values["audience"], swept=0)
        return {"planned": readers - left, "suppressed": left, "duplicates": seen - readers}, True


def _again(transaction: Transaction, name: str, content: str) -> dict[str, int]:
    """The same edition a second time: nothing new is taken in, and nothing else is sent under its name."""
    row = _must(find(transaction, name), name)
    if row.content != content:
        message = (
            f"{name} was frozen with another content ({row.content[:12]}, now {content[:12]}), and readers may have it "
            "already: undo the change to its stories or theme, or call the rest off with `digest cancel`"
        )
        raise LedgerError(message)
    return _counts(transaction, row)


def _counts(transaction: Transaction, row: EditionRow) -> dict[str, int]:
    suppressed = func.count().filter(deliveries.c.state == State.SUPPRESSED)
    total, left = transaction.core.execute(select(func.count(), suppressed).where(row.rows)).one()
    return {"planned": total - left, "suppressed": left, "duplicates": row.duplicates}


def _columns(
    edition: int, readers: Sequence[Recipient], now: float, message_id: Callable[[str], str] | None
) -> tuple[Sequence[object], ...]:
    """What to insert, as the columns `statements.FREEZE`."""
    addresses = [reader.address for reader in readers]
    folded = [address.casefold() for address in addresses]
    rows = len(readers)
    return (
        [edition] * rows,
        folded,
        [None if one == other else other for one, other in zip(folded, addresses, strict=True)],
        [reader.name for reader in readers],
        [reader.language for reader in readers],
        _fields([reader.fields for reader in readers]),
        [message_id(address) for address in addresses] if message_id else [""] * rows,
        [State.PLANNED.value] * rows,
        [now] * rows,
    )


def _fields(values: Sequence[Mapping[str, str]]) -> list[str]:
    r"""Each reader's merge fields as JSON.

    One list of objects is written, by the encoder's own loop, and cut apart: a control character between two values
    can be no part of either, where JSON writes it as `\u0001`.
    """
    if not any(values):
        return ["{}"] * len(values)
    text = (
        _ENCODE([each if type(each) is dict else dict(each) for each in values])
        .replace("}\x01{", "}\x02{")
        .replace("\x01", ", ")
    )
    texts = text[1:-1].split("\x02")
    if len(texts) == len(values):
        return texts
    return [_ENCODE(dict(each)).replace("\x01", ", ") for each in values]  # a value that is a list of objects


def _batches(
    edition: int, readers: Iterable[Recipient], now: float, message_id: Callable[[str], str] | None
) -> Iterator[Sequence[Sequence[object]]]:
    """The columns of all rows, some thousand rows at a time."""
    walk = iter(readers)
    while True:
        columns: tuple[list[object], ...] = tuple([] for _ in statements.FREEZE)
        while len(columns[0]) < _ROWS and (some := list(islice(walk, _READERS))):
            for column, values in zip(columns, _columns(edition, some, now, message_id), strict=True):
                column.extend(values)
        if not columns[0]:
            return
        yield columns


def _must(row: EditionRow | None, name: str) -> EditionRow:
    if row is None:
        message = f"{name} is not in the ledger; `digest send` puts it there"
        raise LedgerError(message)
    return row


def must_find(transaction: Transaction, name: str) -> EditionRow:
    """The edition of this name. Raises LedgerError when there is none."""
    return _must(find(transaction, name), name)


def stand(transaction: Transaction, name: str, standing: MailingStatus) -> EditionRow:
    """Pause, resume or cancel. Raises LedgerError for what is not known, and for what was cancelled already."""
    row = must_find(transaction, name)
    changed = transaction.core.execute(
        update(editions)
        .where(editions.c.id == row.id, editions.c.standing != MailingStatus.CANCELLED)
        .values(standing=standing)
        .returning(editions.c.id)
    ).all()
    if not changed and standing is not MailingStatus.CANCELLED:
        message = f"{name} was cancelled, which is final; `digest status` shows who had been mailed by then"
        raise LedgerError(message)
    return row


def mailings(transaction: Transaction, name: str = "") -> Sequence[Mailing]:
    """Every edition in the order of the freeze, or the one of this name."""
    chosen = select(
        editions.c.name, editions.c.content, editions.c.standing, editions.c.frozen, editions.c.duplicates
    ).order_by(editions.c.id)
    if name:
        chosen = chosen.where(editions.c.name == name)
    return [
        Mailing(
            edition=row.name,
            content=row.content,
            standing=MailingStatus(row.standing),
            frozen=row.frozen,
            duplicates=row.duplicates,
        )
        for row in transaction.core.execute(chosen)
    ]
