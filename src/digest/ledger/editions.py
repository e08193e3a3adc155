"""Rounds and editions in the ledger: frozen once with their readers, opened, paused, resumed, cancelled, listed.

    readers ─batches─▶ deliveries, in the list's order ─sorted by address─▶ places ─▶ doubles dropped, suppressed marked

All languages of a round are frozen in one pass and one transaction, so that nobody falls between two of them; an
edition whose content is not ready waits with its readers, and is opened later. `freeze` streams: a million readers take
no more memory than a thousand. Nothing here decides whether an edition should be sent.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from digest.delivery import Mailing, MailingStatus, State
from digest.errors import CheckFailed, LedgerError, NothingToSend
from digest.ledger import statements
from digest.ledger.database import as_json
from digest.ledger.schema import deliveries, editions, places, rounds
from digest.ledger.transitions import audience_of
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement

    from digest.ledger.database import Database, Transaction
    from digest.model import Recipient

_ROWS = 5_000  # rows in memory at once
_READERS = 200  # few at a time: what is held longer, Python looks through for garbage again and again
_NOBODY = {"planned": 0, "suppressed": 0, "duplicates": 0}
_HANDED_OVER = (State.CLAIMED, State.SENDING, State.SENT, State.IN_DOUBT)
_SHRUNK = 0.6  # of the audience's last round: a list that is shorter
_FEWER = 20  # and lacks at least so many is perhaps not whole
_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=("\x01", ": ")).encode


class EditionRow(Struct, frozen=True, kw_only=True):
    """What never changes about a frozen edition."""

    id: int
    name: str
    round: int
    audience: str
    frozen: float
    duplicates: int
    first: int
    last: int

    @property
    def rows(self) -> ColumnElement[bool]:
        """Its deliveries, by their ids: read in their order, not through an index."""
        return deliveries.c.id.between(self.first, self.last) & (deliveries.c.edition + 0 == self.id)


_ROW = tuple(editions.c[name] for name in EditionRow.__struct_fields__)


def find(transaction: Transaction, name: str) -> EditionRow | None:
    """The edition of this name."""
    row = transaction.core.execute(select(*_ROW).where(editions.c.name == name)).mappings().first()
    return EditionRow(**row) if row else None


def must_find(transaction: Transaction, name: str) -> EditionRow:
    """The edition of this name. Raises LedgerError when there is none."""
    row = find(transaction, name)
    if row is None:
        message = f"{name} is not in the ledger; `digest send` puts it there"
        raise LedgerError(message)
    return row


class Freeze(Struct, frozen=True, kw_only=True):
    """What a freeze is about: editions of one round, each with its content, empty for one that is to wait for it.

    `names` are the round's own name and those it would have under the audience's former names. `complete` says that
    these are all its languages, so that nobody comes to it later. `shrink` takes a list that is far shorter than last
    time's.
    """

    contents: Mapping[str, str]
    now: float
    names: Sequence[str]
    complete: bool = False
    shrink: bool = False

    @property
    def audience(self) -> str:
        """Whose editions."""
        return audience_of(next(iter(self.contents)))


def freeze(
    database: Database,
    plan: Freeze,
    recipients: Iterable[tuple[str, Recipient]],
    message_id: Callable[[str, str], str] | None,
) -> tuple[dict[str, dict[str, int]], bool]:
    """`SqlLedger.freeze_round`: counts for each edition, and whether this added any, so that nobody was mailed yet.

    Raises LedgerError for an edition that was frozen with another content, CheckFailed for a list that shrank, and
    NothingToSend when no edition with content has a reader, but others have.
    """
    with database.writing() as transaction:
        if transaction.core.dialect.name == "postgresql":  # a slow list may keep it waiting, and holds nobody's rows
            transaction.run("SET LOCAL idle_in_transaction_session_timeout = 0")
        number, complete, taken = _round(transaction, plan)
        known = {name: row for name in plan.contents if (row := find(transaction, name))}
        for name in known:
            open_edition(transaction, name, plan.contents[name])
        wanted = [] if complete else [name for name in plan.contents if name not in known]
        added = _add(transaction, plan, number, wanted, recipients, message_id) if wanted else {}
        ready = [name for name in wanted if plan.contents[name]]
        if plan.complete and added and ready and added.keys().isdisjoint(ready):  # only others would be settled
            message = f"{ready[0]}: nobody to send it to: no reader of {plan.names[0]} gets it in this language"
            raise NothingToSend(message)
        if not added and not known and not taken:
            transaction.core.execute(rounds.delete().where(rounds.c.id == number))
        counts = {name: _counts(transaction, row) for name, row in known.items()}
        return {name: counts.get(name) or added.get(name) or dict(_NOBODY) for name in plan.contents}, bool(added)


def _round(transaction: Transaction, plan: Freeze) -> tuple[int, bool, bool]:
    """The round's number, whether all its languages are frozen, and whether it was there before."""
    dialect = sqlite if transaction.core.dialect.name == "sqlite" else postgresql
    values = {
        "name": plan.names[0],
        "audience": plan.audience,
        "complete": int(plan.complete),
        "readers": 0,
        "frozen": plan.now,
    }
    former = select(rounds.c.id, rounds.c.complete).where(rounds.c.name.in_(plan.names)).with_for_update()
    if row := transaction.core.execute(former).first():
        return row.id, bool(row.complete), True
    added = dialect.insert(rounds).values(values).on_conflict_do_nothing().returning(rounds.c.id)
    if (number := transaction.core.execute(added).scalar()) is not None:
        return number, False, False
    row = transaction.core.execute(former).one()  # another machine was faster
    return row.id, bool(row.complete), True


def _add(
    transaction: Transaction,
    plan: Freeze,
    number: int,
    wanted: Sequence[str],
    recipients: Iterable[tuple[str, Recipient]],
    message_id: Callable[[str, str], str] | None,
) -> dict[str, dict[str, int]]:
    """Add editions to a round, with those of their readers who have no place in it yet."""
    newest = transaction.run(statements.NEWEST_SUPPRESSION)[0][0]
    ids: dict[str, int] = {}
    for name in wanted:
        values = {
            "name": name,
            "audience": plan.audience,
            "content": plan.contents[name],
            "standing": MailingStatus.OPEN if plan.contents[name] else MailingStatus.WAITING,
            "frozen": plan.now,
            "duplicates": 0,
            "swept": newest,
            "first": 0,
            "last": 0,
            "round": number,
        }
        ids[name] = transaction.core.execute(editions.insert().values(values).returning(editions.c.id)).scalar_one()
    rows: Counter[int] = Counter()
    if len(ids) < len(plan.contents):  # the readers of an edition that is frozen already stay who they are
        recipients = (pair for pair in recipients if pair[0] in ids)
    for columns in _batches(ids, recipients, plan.now, message_id):
        rows.update(columns[0])
        transaction.insert(columns)
    if not rows:
        transaction.core.execute(editions.delete().where(editions.c.id.in_(ids.values())))
        return {}
    ends = [transaction.run(statements.SPAN, edition=edition)[0] for edition in rows]
    first, last = min(end[0] for end in ends), max(end[1] for end in ends)
    left = _placed(transaction, plan, number, rows, first, last)
    _demand_no_shrink(transaction, plan, number, left.total())
    nobody = [edition for edition in ids.values() if not left[edition]]
    more = sum(rows[edition] for edition in nobody)  # all of them are in another edition: they are counted with that
    for edition in ids.values():
        if left[edition]:
            values = {"first": first, "last": last, "duplicates": rows[edition] - left[edition] + more}
            transaction.core.execute(update(editions).where(editions.c.id == edition).values(values))
            more = 0
    transaction.core.execute(editions.delete().where(editions.c.id.in_(nobody)))
    complete = {"complete": 1} if plan.complete else {}
    transaction.core.execute(
        update(rounds).where(rounds.c.id == number).values(readers=rounds.c.readers + left.total(), **complete)
    )
    if transaction.core.dialect.name == "postgresql":  # without it the first claims sort the whole edition
        transaction.core.exec_driver_sql("ANALYZE deliveries, places")
    transaction.change(statements.SWEEP, now=plan.now, round=number, audience=plan.audience, swept=0)
    kept = (find(transaction, name) for name in wanted)
    return {row.name: _counts(transaction, row) for row in kept if row}


def _placed(
    transaction: Transaction, plan: Freeze, number: int, rows: Counter[int], first: int, last: int
) -> Counter[int]:
    """Give each reader a place in the round, once, and drop the rows without one. How many each edition keeps."""
    span = {"first": first, "last": last, "round": number, "ids": as_json(sorted(rows))}
    readers = transaction.change(statements.PLACE, **span)
    left = rows
    if readers < rows.total():
        transaction.run(statements.DECIDE_LANGUAGE, **span)
        transaction.run(statements.DROP_DOUBLES, **span)
        asked = select(deliveries.c.edition, func.count()).where(
            deliveries.c.id.between(first, last), (deliveries.c.edition + 0).in_(list(rows))
        )
        left = Counter(dict(transaction.core.execute(asked.group_by(deliveries.c.edition)).all()))
    if left.total() != readers:  # a reader with two rows would be mailed twice
        message = (
            f"{plan.names[0]}: {left.total():,} mails for {readers:,} readers, so nothing was frozen; please report it"
        )
        raise LedgerError(message)
    return left


def _demand_no_shrink(transaction: Transaction, plan: Freeze, number: int, readers: int) -> None:
    """Raise CheckFailed when the round has far fewer readers than the audience's last one."""
    audiences = [audience_of(name) for name in plan.names]
    before = (
        select(rounds.c.name, rounds.c.readers)
        .where(rounds.c.audience.in_(audiences), rounds.c.id != number)
        .order_by(rounds.c.id.desc())
    )
    last = transaction.core.execute(before).first()
    if plan.shrink or not plan.complete or last is None:
        return
    if readers < last.readers * _SHRUNK and last.readers - readers >= _FEWER:
        message = (
            f"{plan.names[0]}: its list has {counted(readers, 'reader')}, and {last.name} went to {last.readers:,}; "
            "nothing was frozen. Is the list whole? If so, say --shrink"
        )
        raise CheckFailed(message)


def open_edition(transaction: Transaction, name: str, content: str) -> None:
    """Give an edition that waits its content. Raises LedgerError when it has another one already, or is not known."""
    must_find(transaction, name)
    row = transaction.core.execute(select(editions.c.content).where(editions.c.name == name)).one()
    if row.content and content and row.content != content:
        message = (
            f"{name} was frozen with another content ({row.content[:12]}, now {content[:12]}), and readers may have it "
            "already: undo the change to its stories or theme, or call the rest off with `digest cancel`"
        )
        raise LedgerError(message)
    if content and not row.content:
        waits = editions.c.standing == MailingStatus.WAITING
        transaction.core.execute(
            update(editions)
            .where(editions.c.name == name)
            .values(content=content, standing=case((waits, MailingStatus.OPEN.value), else_=editions.c.standing))
        )


def _counts(transaction: Transaction, row: EditionRow) -> dict[str, int]:
    suppressed = func.count().filter(deliveries.c.state == State.SUPPRESSED)
    total, left = transaction.core.execute(select(func.count(), suppressed).where(row.rows)).one()
    return {"planned": total - left, "suppressed": left, "duplicates": row.duplicates}


def _columns(
    ids: Mapping[str, int],
    some: Sequence[tuple[str, Recipient]],
    now: float,
    message_id: Callable[[str, str], str] | None,
) -> tuple[Sequence[object], ...]:
    """What to insert, as the columns `statements.FREEZE`."""
    names, readers = zip(*some, strict=True)
    addresses = [reader.address for reader in readers]
    folded = [address.casefold() for address in addresses]
    rows = len(readers)
    return (
        [ids[name] for name in names],
        folded,
        [None if one == other else other for one, other in zip(folded, addresses, strict=True)],
        [reader.name for reader in readers],
        [reader.language for reader in readers],
        _fields([reader.fields for reader in readers]),
        list(map(message_id, names, addresses)) if message_id else [""] * rows,
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
    ids: Mapping[str, int],
    readers: Iterable[tuple[str, Recipient]],
    now: float,
    message_id: Callable[[str, str], str] | None,
) -> Iterator[Sequence[Sequence[Any]]]:
    """The columns of all rows, some thousand rows at a time."""
    walk = iter(readers)
    while True:
        columns: tuple[list[Any], ...] = tuple([] for _ in statements.FREEZE)
        while len(columns[0]) < _ROWS and (some := list(islice(walk, _READERS))):
            for column, values in zip(columns, _columns(ids, some, now, message_id), strict=True):
                column.extend(values)
        if not columns[0]:
            return
        yield columns


def stand(transaction: Transaction, name: str, standing: MailingStatus) -> EditionRow:
    """Pause, resume or cancel. Raises LedgerError for what is not known, and for what was cancelled already."""
    row = must_find(transaction, name)
    value: Any = standing.value
    if standing is MailingStatus.OPEN:  # one without content goes on waiting for it
        value = case((editions.c.content == "", MailingStatus.WAITING.value), else_=standing.value)
    changed = transaction.core.execute(
        update(editions)
        .where(editions.c.id == row.id, editions.c.standing != MailingStatus.CANCELLED)
        .values(standing=value)
        .returning(editions.c.id)
    ).all()
    if not changed and standing is not MailingStatus.CANCELLED:
        message = f"{name} was cancelled, which is final; `digest status` shows who had been mailed by then"
        raise LedgerError(message)
    return row


def replace_content(transaction: Transaction, name: str, before: str, content: str) -> None:
    """Give who is left another content than the others got. Raises LedgerError when somebody else did so meanwhile."""
    row = must_find(transaction, name)
    same = (editions.c.id == row.id, editions.c.content == before, editions.c.standing != MailingStatus.CANCELLED)
    changed = transaction.core.execute(update(editions).where(*same).values(content=content))
    if not changed.rowcount:
        message = f"{name}: its content is another one meanwhile, or it was called off; nothing was changed"
        raise LedgerError(message)


def thaw(transaction: Transaction, name: str) -> Sequence[str]:
    """Take back what nobody was mailed of, to be frozen anew: the whole round, or only the edition's content.

    Where readers have another edition of the round, everybody keeps their place and language, and the edition waits
    for its content. Returns the names of the editions that are gone; none in that case. Raises LedgerError when
    somebody has the edition, may have it, or is being mailed.
    """
    row = must_find(transaction, name)
    transaction.core.execute(select(rounds.c.id).where(rounds.c.id == row.round).with_for_update()).all()
    if mailed := _mailed(transaction, editions.c.id == row.id):
        message = (
            f"{name}: {counted(mailed, 'reader has', 'readers have')} it, may have it, or may be getting "
            "it now, so it cannot be taken back; `digest cancel` calls it off for the others"
        )
        raise LedgerError(message)
    whole = editions.c.round == row.round
    if _mailed(transaction, whole):
        stand(transaction, name, MailingStatus.OPEN)  # refuses one that was called off
        values = {"content": "", "standing": MailingStatus.WAITING.value}
        transaction.core.execute(update(editions).where(editions.c.id == row.id).values(values))
        return ()
    gone = list(transaction.core.scalars(select(editions.c.name).where(whole)))
    transaction.core.execute(places.delete().where(places.c.round == row.round))
    for each in gone:
        transaction.core.execute(deliveries.delete().where(must_find(transaction, each).rows))
    transaction.core.execute(editions.delete().where(whole))
    transaction.core.execute(rounds.delete().where(rounds.c.id == row.round))
    return gone


def _mailed(transaction: Transaction, which: ColumnElement[bool]) -> int:
    """How many readers of these editions have the mail, may have it, or are in somebody's hands."""
    joined = deliveries.join(editions, deliveries.c.edition == editions.c.id)
    asked = select(func.count()).select_from(joined).where(which, deliveries.c.state.in_(_HANDED_OVER))
    return transaction.core.execute(asked).scalar_one()


def audiences(transaction: Transaction, period: str = "") -> frozenset[str]:
    """Every audience for which anything was ever frozen, or this period."""
    asked = select(rounds.c.audience).distinct()
    of_period = asked.where(rounds.c.name == f"{period}/" + rounds.c.audience)
    return frozenset(transaction.core.scalars(of_period if period else asked))


def of_round(transaction: Transaction, names: Sequence[str]) -> Sequence[Mailing] | None:
    """The editions of a round by any of its names, None when there is none or not all of it was frozen."""
    asked = select(rounds.c.id).where(rounds.c.name.in_(names), rounds.c.complete == 1)
    number = transaction.core.scalar(asked)
    return None if number is None else _mailings(transaction, editions.c.round == number)


def mailings(transaction: Transaction, name: str = "") -> Sequence[Mailing]:
    """Every edition in the order of the freeze, or the one of this name."""
    return _mailings(transaction, *([editions.c.name == name] if name else []))


def _mailings(transaction: Transaction, *which: ColumnElement[bool]) -> Sequence[Mailing]:
    chosen = (
        select(editions.c.name, editions.c.content, editions.c.standing, editions.c.frozen, editions.c.duplicates)
        .where(*which)
        .order_by(editions.c.id)
    )
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
