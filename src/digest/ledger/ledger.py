"""The ledger's port over a database: each method is one transaction around the module that does the work.

It decides nothing. `opening.open_ledger` makes one, after looking at what it opens.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from digest.delivery import Event, MailingStatus, Outcome, Phase, State, Suppression
from digest.errors import LedgerError
from digest.ledger import backoff, claims, editions, place, queries, sidecar, suppressions
from digest.ledger.schema import deliveries, meta, places
from digest.ledger.transitions import WAITING, audience_of, round_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from digest.delivery import Delivery, Mailing
    from digest.ledger.database import Database, Transaction
    from digest.ledger.editions import EditionRow
    from digest.ledger.sharing import Sharing
    from digest.model import Recipient

_SETTLED = 500  # addresses settled in one statement


class SqlLedger:
    """`ports.Ledger` and `ports.Suppressions` on SQLite or PostgreSQL. Safe to use from many threads."""

    def __init__(
        self,
        database: Database,
        *,
        ledger_id: str,
        identity: str,
        witnesses: Path | None,
        formerly: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.database = database
        self.id = ledger_id
        self.identity = identity  # the newsroom's, as newsroom.id has it
        self._formerly = formerly or {}
        self.lease = backoff.LEASE  # seconds that a claim holds; a fleet, which renews its claims, makes it short
        self.sharing: Sharing | None = None  # when a fleet shares it
        self._witnesses = witnesses
        self._rows: dict[str, EditionRow] = {}

    def _row(self, name: str) -> EditionRow:
        """The edition, which never changes once it is frozen."""
        if name not in self._rows:
            with self.database.reading() as transaction:
                self._rows[name] = editions.must_find(transaction, name)
        return self._rows[name]

    def freeze(
        self,
        edition: str,
        content: str,
        recipients: Iterable[Recipient],
        now: float | None = None,
        message_id: Callable[[str], str] | None = None,
    ) -> Mapping[str, int]:
        """Record one edition with the hash of its rendering, and one delivery per canonical address, all or nothing.

        Addresses are one and the same reader without regard to case; the first spelling is mailed. Suppressed
        addresses are recorded as such. `message_id(address)` gives the Message-ID to store. A second call with the
        same content adds nothing and does not read `recipients`; with another content it raises LedgerError. Who has
        the mail of this period and audience in another edition is left out, as one who is on the list twice. With no
        recipient at all nothing is recorded. Returns counts: `planned`, `suppressed`, `duplicates`.
        """
        counts = self._freeze(
            editions.Freeze(contents={edition: content}, now=_moment(now), names=self._rounds(edition)),
            ((edition, reader) for reader in recipients),
            (lambda _, address: message_id(address)) if message_id else None,
        )
        return counts[edition]

    def freeze_round(
        self,
        contents: Mapping[str, str],
        recipients: Iterable[tuple[str, Recipient]],
        now: float | None = None,
        message_id: Callable[[str, str], str] | None = None,
        *,
        shrink: bool = False,
    ) -> Mapping[str, Mapping[str, int]]:
        """Record all editions of a round with their readers, in one pass over them and all or nothing.

        `contents` has each edition's hash, empty for one whose content is not ready: it waits for `open_edition`, with
        its readers. Each of `recipients` comes with its edition. Nothing is added to a round later; a second call
        opens what it has contents for. Raises LedgerError for another content, CheckFailed when the list is far
        shorter than the audience's last one and `shrink` is not said, NothingToSend when what has content has no reader
        but the rest has. Returns each edition's counts as `freeze` does.
        """
        first = next(iter(contents))
        plan = editions.Freeze(
            contents=contents, now=_moment(now), names=self._rounds(first), complete=True, shrink=shrink
        )
        return self._freeze(plan, recipients, message_id)

    def _freeze(
        self,
        plan: editions.Freeze,
        recipients: Iterable[tuple[str, Recipient]],
        message_id: Callable[[str, str], str] | None,
    ) -> Mapping[str, Mapping[str, int]]:
        counts, fresh = editions.freeze(self.database, plan, recipients, message_id)
        for edition, count in counts.items():
            if any(count.values()):
                self._witness(edition, plan.now, {} if fresh else None)
        return counts

    def open_edition(self, edition: str, content: str, now: float | None = None) -> None:
        """Give an edition that waits its content: it may go from now on. Raises LedgerError when it has another."""
        with self.database.writing() as transaction:
            editions.open_edition(transaction, edition, content)
        self._witness(edition, _moment(now), None)

    def names(self, audience: str) -> tuple[str, ...]:
        """An audience's name, and those that it had before."""
        return (audience, *self._formerly.get(audience, ()))

    def _rounds(self, edition: str) -> tuple[str, ...]:
        """The name of an edition's round, under its audience's name and those before."""
        period = edition.partition("/")[0]
        former = self._formerly.get(audience_of(edition), ())
        return (round_of(edition), *(f"{period}/{name}" for name in former))

    def mark(self, key: str) -> str:
        """What was noted under this key; empty when nothing was."""
        with self.database.reading() as transaction:
            return transaction.core.scalar(select(meta.c.value).where(meta.c.key == f"mark {key}")) or ""

    def set_mark(self, key: str, value: str) -> None:
        """Note it, in the place of what was noted before."""
        with self.database.writing() as transaction:
            transaction.core.execute(delete(meta).where(meta.c.key == f"mark {key}"))
            transaction.core.execute(insert(meta).values(key=f"mark {key}", value=value))

    def elsewhere(self) -> str:
        """Why nothing may be sent from here: the ledger sent from another place. Empty when it did not."""
        return place.elsewhere(self.database)

    def demand_place(self) -> None:
        """Raise LedgerError when the ledger sent from another place, with what to do."""
        if words := self.elsewhere():
            raise LedgerError(words)

    def settle_place(self) -> None:
        """The same, and remember this place where none is known: before the first mail."""
        place.settle(self.database)

    def move(self, now: float) -> bool:
        """Let the ledger send from here from now on, by a person's word. False when it did so already."""
        return place.move(self.database, now)

    def is_new(self) -> bool:
        """Whether nothing was ever sent with it, and no person has said that it sends from here."""
        return place.is_new(self.database)

    def audiences(self, period: str = "") -> frozenset[str]:
        """Every audience for which anything was ever frozen, or this period."""
        with self.database.reading() as transaction:
            return editions.audiences(transaction, period)

    def round(self, edition: str) -> Sequence[Mailing] | None:
        """The editions of this edition's round, None when it is not frozen, or not in all its languages."""
        with self.database.reading() as transaction:
            return editions.of_round(transaction, self._rounds(edition))

    def lock(self, edition: str, owner: str) -> AbstractContextManager[None]:
        """See `ports.Ledger.lock`."""
        return self.database.exclusive(edition, owner)

    def recover(self, edition: str, now: float) -> Mapping[State, int]:
        """See `ports.Ledger.recover`."""
        row = self._row(edition)
        with self.database.writing() as transaction:
            return claims.recover(transaction, row, now)

    def claim(
        self,
        edition: str,
        owner: str,
        limit: int,
        now: float,
        only: str = "",
        *,
        without: Collection[str] = (),
        after: int = 0,
    ) -> Sequence[Delivery]:
        """See `ports.Ledger.claim`."""
        row = self._row(edition)
        with self.database.writing() as transaction:
            return claims.claim(
                transaction, row, owner, limit, now, only, lease=self.lease, without=without, after=after
            )

    def record(
        self, events: Sequence[tuple[int, Event, Outcome | None]], now: float, owner: str = ""
    ) -> frozenset[int]:
        """See `ports.Ledger.record`."""
        with self.database.writing() as transaction:
            return claims.record(transaction, events, now, owner)

    def settle(self, edition: str, addresses: Iterable[str], event: Event, detail: str, now: float) -> frozenset[str]:
        """Apply SETTLE_SENT or SETTLE_RESEND to these readers. Returns the addresses it did not fit, as given."""
        if event not in (Event.SETTLE_SENT, Event.SETTLE_RESEND):
            message = f"a person or a log settles; {event} is for a sender to say"
            raise ValueError(message)
        row = self._row(edition)
        by_fold: dict[str, str] = {address.casefold(): address for address in addresses}
        unfit: set[str] = set()
        with self.database.writing() as transaction:
            called_off = editions.mailings(transaction, edition)[0].standing is MailingStatus.CANCELLED
            if called_off and event is Event.SETTLE_RESEND:
                return frozenset(by_fold.values())
            folded = list(by_fold)
            for start in range(0, len(folded), _SETTLED):
                part = folded[start : start + _SETTLED]
                ids = _ids(transaction, row, part, event)
                told = [(ids[each], event, _said(ids[each], event, detail)) for each in part if each in ids]
                left = claims.record(transaction, told, now, "")
                unfit.update(by_fold[each] for each in part if each not in ids or ids[each] in left)
        return frozenset(unfit)

    def expire(self, edition: str, now: float, *, age: float, attempts: int) -> int:
        """See `ports.Ledger.expire`."""
        row = self._row(edition)
        with self.database.writing() as transaction:
            return claims.expire(transaction, row, now, age=age, attempts=attempts)

    def pause(self, edition: str) -> None:
        """Let no further mail of this edition go, from any machine. Raises LedgerError when it is not known."""
        with self.database.writing() as transaction:
            editions.stand(transaction, edition, MailingStatus.PAUSED)

    def resume(self, edition: str) -> None:
        """Undo `pause`. Raises LedgerError when the edition was cancelled."""
        with self.database.writing() as transaction:
            editions.stand(transaction, edition, MailingStatus.OPEN)

    def cancel(self, edition: str, now: float) -> int:
        """Call the edition off for all who have not been mailed. Returns how many readers that spared."""
        with self.database.writing() as transaction:
            row = editions.stand(transaction, edition, MailingStatus.CANCELLED)
            spared = transaction.core.execute(
                update(deliveries)
                .where(row.rows, deliveries.c.state.in_(WAITING))
                .values(state=State.CANCELLED, next_try=0, changed=now)
            )
            return spared.rowcount

    def replace_content(self, edition: str, before: str, content: str, now: float) -> None:
        """Let who is left of an edition get another content. Raises LedgerError when it is not as it was `before`."""
        with self.database.writing() as transaction:
            editions.replace_content(transaction, edition, before, content)
        self._witness(edition, now, None)

    def thaw(self, edition: str) -> Sequence[str]:
        """Take back an edition of which nobody was mailed; see `editions.thaw`. Raises LedgerError."""
        with self.database.writing() as transaction:
            gone = editions.thaw(transaction, edition)
            sidecar.forget(transaction, gone)  # what other machines' witnesses say of it
            if self._witnesses is not None:
                # Before the commit: a ledger that knows more than its witnesses is no ledger that lost something.
                for name in gone:
                    sidecar.place(self._witnesses, name).unlink(missing_ok=True)
        for name in (*gone, edition):
            self._rows.pop(name, None)
        return gone

    def took_back(self, edition: str) -> bool:
        """Whether it is known, and was taken back before anybody was mailed."""
        with self.database.reading() as transaction:
            return sidecar.forgotten(transaction, edition)

    def mailing(self, edition: str) -> Mailing | None:
        """See `ports.Ledger.mailing`."""
        with self.database.reading() as transaction:
            return next(iter(editions.mailings(transaction, edition)), None)

    def mailings(self) -> Sequence[Mailing]:
        """Every edition that was frozen, in that order."""
        with self.database.reading() as transaction:
            return editions.mailings(transaction)

    def next_try(self, edition: str, now: float) -> float | None:
        """See `ports.Ledger.next_try`."""
        row = self._row(edition)
        with self.database.reading() as transaction:
            return claims.next_try(transaction, row, now)

    def counts(self, edition: str) -> Mapping[State, int]:
        """See `ports.Ledger.counts`."""
        row = self._row(edition)
        with self.database.reading() as transaction:
            return queries.counts(transaction, row)

    def domains(self, edition: str) -> Mapping[str, Mapping[State, int]]:
        """The same for each domain, the domain with the most readers first."""
        return queries.domains(self.database, self._row(edition))

    def refusals(self, edition: str) -> Mapping[tuple[int, str], int]:
        """How often each reason (reply code, words without the address) was given, the most frequent first."""
        return queries.refusals(self.database, self._row(edition))

    def timeline(self, edition: str, step: float) -> Sequence[tuple[float, State, int]]:
        """How many came into the state they are in, per span of `step` seconds: (start of the span, state, count)."""
        row = self._row(edition)
        with self.database.reading() as transaction:
            return queries.timeline(transaction, row, step)

    def deliveries(self, edition: str, states: Iterable[State] = ()) -> Iterator[Delivery]:
        """The edition's deliveries in these states (all when empty), streamed in the order of the freeze."""
        return queries.listed(self.database, self._row(edition), states)

    def find(self, message_ids: Iterable[str]) -> Sequence[Delivery]:
        """The deliveries with these Message-IDs, of whichever editions, the newest edition's first."""
        return queries.by_message_id(self.database, message_ids)

    def latest(self, address: str, count: int, states: Iterable[State] = ()) -> Sequence[Delivery]:
        """This reader's last `count` deliveries in these states (all when empty), the newest edition's first."""
        return queries.latest(self.database, address, count, states)

    def witness(self, edition: str, now: float) -> None:
        """See `ports.Ledger.witness`."""
        self._witness(edition, now, None)

    def _witness(self, edition: str, now: float, counts: Mapping[State, int] | None) -> None:
        """Bring the second record up to date; `counts` where they are known, or else they are counted."""
        if self._witnesses is None:
            return
        row = self._row(edition)
        with self.database.writing() as transaction:
            generation = int(transaction.core.scalars(select(meta.c.value).where(meta.c.key == "generation")).one()) + 1
            transaction.core.execute(update(meta).where(meta.c.key == "generation").values(value=str(generation)))
            counts = queries.counts(transaction, row) if counts is None else counts
            content = editions.mailings(transaction, edition)[0].content
        testimony = sidecar.Testimony(
            edition=edition,
            content=content,
            ledger=self.id,
            generation=generation,
            sent=counts.get(State.SENT, 0),
            held=counts.get(State.IN_DOUBT, 0),
            written=sidecar.moment(now),
        )
        sidecar.write(self._witnesses, testimony)

    def suppressed(self, addresses: Sequence[str], audience: str) -> frozenset[str]:
        """See `ports.Suppressions.suppressed`."""
        return suppressions.suppressed(self.database, addresses, audience)

    def suppress(self, address: str, scope: str, reason: str, detail: str, now: float) -> bool:
        """See `ports.Suppressions.suppress`. Under an audience's former names too: it may get one of them back."""
        added = Suppression(address=address, scope=scope, reason=reason, detail=detail, since=now)
        return suppressions.suppress(self.database, added, self.names(scope))

    def unsuppress(
        self, address: str, scope: str, reasons: Collection[str], now: float, because: str = ""
    ) -> Sequence[Suppression]:
        """See `ports.Suppressions.unsuppress`."""
        return suppressions.unsuppress(self.database, address, self.names(scope), reasons, now, because)

    def reasons(self, address: str) -> Sequence[Suppression]:
        """See `ports.Suppressions.reasons`."""
        return suppressions.of_address(self.database, address)

    def suppressions(self) -> Iterator[Suppression]:
        """See `ports.Suppressions.suppressions`."""
        return suppressions.listed(self.database)

    def close(self) -> None:
        """Let go of files and connections."""
        self.database.close()


def _ids(transaction: Transaction, row: EditionRow, folded: Sequence[str], event: Event) -> dict[str, int]:
    """The deliveries of these readers in this edition.

    Who has the round's place in another edition, as ledgers of version 2 could have it, is only settled as sent.
    """
    asked = (
        select(places.c.recipient, places.c.id)
        .join(deliveries, deliveries.c.id == places.c.id)
        .where(places.c.round == row.round, places.c.recipient.in_(folded), deliveries.c.edition == row.id)
    )
    ids = dict(transaction.core.execute(asked).all())
    if event is Event.SETTLE_SENT and (others := [name for name in folded if name not in ids]):
        placeless = select(deliveries.c.recipient, deliveries.c.id)
        ids.update(transaction.core.execute(placeless.where(row.rows, deliveries.c.recipient.in_(others))).all())
    return ids


def _moment(now: float | None) -> float:
    return time.time() if now is None else now


def _said(delivery: int, event: Event, detail: str) -> Outcome:
    return Outcome(delivery=delivery, event=event, phase=Phase.DOT, detail=detail)
