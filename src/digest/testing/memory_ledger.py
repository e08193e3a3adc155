"""A ledger in memory that keeps every promise of the port but durability. The real ones pass the same tests.

Beside what a sender asks, it can be filled (`freeze`), held back, called off, settled and looked at (`deliveries`).
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from digest.delivery import EVERYWHERE, Delivery, Event, Mailing, MailingStatus, Outcome, Phase, State, Suppression
from digest.errors import LedgerBusy, LedgerError
from digest.ledger import backoff, transitions
from digest.ledger.transitions import AT_WORK, SOURCES, TARGET, TRIES, WAITING, audience_of, round_of, words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from digest.model import Recipient


class MemorySuppressions:
    """`ports.Suppressions` in memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._suppressions: dict[tuple[str, str, str], Suppression] = {}

    def reason(self, address: str, audience: str) -> str:
        """Why the address must not be mailed for this audience; empty when it may."""
        held = [row.reason for row in self.reasons(address) if row.scope in (EVERYWHERE, audience)]
        return max(held, default="")

    def suppressed(self, addresses: Sequence[str], audience: str) -> frozenset[str]:
        """See `ports.Suppressions.suppressed`."""
        with self._lock:
            return frozenset(address for address in addresses if self.reason(address, audience))

    def suppress(self, address: str, scope: str, reason: str, detail: str, now: float) -> bool:
        """See `ports.Suppressions.suppress`."""
        key = (address.casefold(), scope, reason)
        with self._lock:
            if key in self._suppressions:
                return False
            self._suppressions[key] = Suppression(
                address=key[0], scope=scope, reason=reason, detail=words(detail), since=now
            )
            return True

    def unsuppress(
        self, address: str, scope: str, reasons: Collection[str], now: float, because: str = ""
    ) -> Sequence[Suppression]:
        """See `ports.Suppressions.unsuppress`; nothing is remembered of it."""
        del now, because
        with self._lock:
            keys = [(address.casefold(), scope, reason) for reason in reasons]
            return [self._suppressions.pop(key) for key in keys if key in self._suppressions]

    def reasons(self, address: str) -> Sequence[Suppression]:
        """See `ports.Suppressions.reasons`."""
        with self._lock:
            return [self._suppressions[key] for key in sorted(self._suppressions) if key[0] == address.casefold()]

    def suppressions(self) -> Iterator[Suppression]:
        """See `ports.Suppressions.suppressions`."""
        with self._lock:
            return iter([self._suppressions[key] for key in sorted(self._suppressions)])


class MemoryLedger(MemorySuppressions):
    """`ports.Ledger` and `ports.Suppressions` in memory: one lock around the rows."""

    def __init__(self) -> None:
        super().__init__()
        self._mailings: dict[str, Mailing] = {}
        self._rows: dict[int, Delivery] = {}
        self._owners: dict[int, tuple[str, float]] = {}
        self._senders: dict[str, str] = {}
        self._numbers = 0

    def freeze(
        self,
        edition: str,
        content: str,
        recipients: Iterable[Recipient],
        now: float | None = None,
        message_id: Callable[[str], str] | None = None,
    ) -> Mapping[str, int]:
        """See `SqlLedger.freeze`."""
        with self._lock:
            known = self._mailings.get(edition)
            if known is not None and known.content != content:
                message = f"{edition} was frozen with another content"
                raise LedgerError(message)
            if known is None:
                self._freeze(edition, content, recipients, now or 0.0, message_id)
            rows = self._of(edition)
            left = sum(row.state is State.SUPPRESSED for row in rows)
            known = self._mailings.get(edition)
            duplicates = known.duplicates if known else 0
            return {"planned": len(rows) - left, "suppressed": left, "duplicates": duplicates}

    @contextmanager
    def lock(self, edition: str, owner: str) -> Iterator[None]:
        """See `ports.Ledger.lock`."""
        with self._lock:
            if edition in self._senders:
                message = f"{edition} is being sent by {self._senders[edition]}"
                raise LedgerBusy(message)
            self._senders[edition] = owner
        try:
            yield
        finally:
            with self._lock:
                del self._senders[edition]

    def recover(self, edition: str, now: float) -> Mapping[State, int]:
        """See `ports.Ledger.recover`."""
        found: Counter[State] = Counter()
        with self._lock:
            called_off = self._must(edition).standing is MailingStatus.CANCELLED
            for row in self._of(edition):
                if row.state is State.SENDING:
                    self._put(row, State.IN_DOUBT, now, attempts=row.attempts + 1, detail=transitions.FOUND_SENDING)
                    found[State.IN_DOUBT] += 1
                elif row.state is State.CLAIMED:
                    self._put(row, State.PLANNED, now, next_try=0.0)
                    found[State.PLANNED] += 1
                elif row.state is State.DEFERRED and row.code >= backoff.FAILED:
                    self._rows[row.id] = replace(row, next_try=now)
            if called_off:
                self._call_off(edition, now)
        return dict(found)

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
        with self._lock:
            if self._must(edition).standing is not MailingStatus.OPEN:
                return []
            self._sweep(now)
            due = [
                row
                for row in self._of(edition)
                if row.state in WAITING
                and (row.next_try <= now or row.next_try > now + backoff.LONGEST)
                and (not only or row.address.casefold() == only.casefold())
                and not (without and not only and row.address.casefold().rpartition("@")[2] in without)
                and not (without and not only and not row.next_try and row.id <= after)
            ]
            due.sort(key=lambda row: (row.next_try, row.id))
            for row in due[:limit]:
                self._put(row, State.CLAIMED, now)
                self._owners[row.id] = (owner, now + backoff.LEASE)
            return [self._rows[row.id] for row in due[:limit]]

    def record(
        self, events: Sequence[tuple[int, Event, Outcome | None]], now: float, owner: str = ""
    ) -> frozenset[int]:
        """See `ports.Ledger.record`."""
        if any(event is Event.CLAIM for _, event, _ in events):
            message = "a claim is made with claim(), which gives the lease"
            raise ValueError(message)
        with self._lock:
            if any(event is Event.INTEND for _, event, _ in events):
                self._sweep(now)
            return frozenset(
                number for number, event, said in events if not self._apply(number, event, said, now, owner)
            )

    def settle(self, edition: str, addresses: Iterable[str], event: Event, detail: str, now: float) -> frozenset[str]:
        """See `SqlLedger.settle`."""
        if event not in (Event.SETTLE_SENT, Event.SETTLE_RESEND):
            message = f"a person or a log settles; {event} is for a sender to say"
            raise ValueError(message)
        with self._lock:
            called_off = self._must(edition).standing is MailingStatus.CANCELLED
            asked = {address.casefold(): address for address in addresses}
            if called_off and event is Event.SETTLE_RESEND:
                return frozenset(asked.values())
            numbers = {row.address.casefold(): row.id for row in self._of(edition)}
            unfit = set()
            for folded, address in asked.items():
                number = numbers.get(folded, 0)
                said = Outcome(delivery=number, event=event, phase=Phase.DOT, detail=detail)
                if not self._apply(number, event, said, now, ""):
                    unfit.add(address)
            return frozenset(unfit)

    def expire(self, edition: str, now: float, *, age: float, attempts: int) -> int:
        """See `ports.Ledger.expire`."""
        with self._lock:
            last = self._must(edition).frozen + age
            late = [
                row
                for row in self._of(edition)
                if row.state is State.DEFERRED and row.attempts >= attempts and last <= min(row.changed, now)
            ]
            for row in late:
                detail = f"given up after {row.attempts} tries; the last answer: {row.detail}"
                self._put(row, State.REFUSED, now, detail=detail)
            return len(late)

    def pause(self, edition: str) -> None:
        """See `SqlLedger.pause`."""
        self._stand(edition, MailingStatus.PAUSED)

    def resume(self, edition: str) -> None:
        """See `SqlLedger.resume`."""
        self._stand(edition, MailingStatus.OPEN)

    def cancel(self, edition: str, now: float) -> int:
        """See `SqlLedger.cancel`."""
        with self._lock:
            self._stand(edition, MailingStatus.CANCELLED)
            return self._call_off(edition, now)

    def mailing(self, edition: str) -> Mailing | None:
        """See `ports.Ledger.mailing`."""
        return self._mailings.get(edition)

    def next_try(self, edition: str, now: float) -> float | None:
        """See `ports.Ledger.next_try`."""
        due = [
            now if row.state is State.PLANNED or row.next_try > now + backoff.LONGEST else max(now, row.next_try)
            for row in self._known(edition)
            if row.state in WAITING
        ]
        return min(due, default=None)

    def counts(self, edition: str) -> Mapping[State, int]:
        """See `ports.Ledger.counts`."""
        found = Counter(row.state for row in self._known(edition))
        return {state: found[state] for state in State if found[state]}

    def deliveries(self, edition: str, states: Iterable[State] = ()) -> Iterator[Delivery]:
        """See `SqlLedger.deliveries`."""
        wanted = set(states)
        return iter([row for row in self._known(edition) if not wanted or row.state in wanted])

    def witness(self, edition: str, now: float) -> None:
        """See `ports.Ledger.witness`; what lives in memory has none."""
        del now
        self._must(edition)

    def close(self) -> None:
        """See `SqlLedger.close`."""

    def _freeze(
        self,
        edition: str,
        content: str,
        recipients: Iterable[Recipient],
        now: float,
        message_id: Callable[[str], str] | None,
    ) -> None:
        unique: dict[str, Recipient] = {}
        seen = 0
        others = [row for row in self._rows.values() if round_of(row.edition) == round_of(edition)]
        placed = {row.address.casefold() for row in others}
        for recipient in recipients:
            seen += 1
            if recipient.address.casefold() not in placed:
                unique.setdefault(recipient.address.casefold(), recipient)
        if not unique:
            return
        self._mailings[edition] = Mailing(edition=edition, content=content, frozen=now, duplicates=seen - len(unique))
        for recipient in unique.values():
            self._numbers += 1
            self._rows[self._numbers] = Delivery(
                id=self._numbers,
                edition=edition,
                address=recipient.address,
                name=recipient.name,
                language=recipient.language,
                fields=json.dumps(dict(recipient.fields), ensure_ascii=False, sort_keys=True),
                message_id=message_id(recipient.address) if message_id else "",
                changed=now,
            )
        self._sweep(now)

    def _of(self, edition: str) -> list[Delivery]:
        return [row for row in self._rows.values() if row.edition == edition]

    def _must(self, edition: str) -> Mailing:
        try:
            return self._mailings[edition]
        except KeyError:
            message = f"{edition} is not in the ledger"
            raise LedgerError(message) from None

    def _known(self, edition: str) -> list[Delivery]:
        """The rows of an edition, at one moment. Raises LedgerError when there is none."""
        with self._lock:
            self._must(edition)
            return self._of(edition)

    def _put(self, row: Delivery, state: State, now: float, **values: Any) -> None:
        self._rows[row.id] = replace(row, state=state, changed=now, **values)
        if state not in AT_WORK:
            self._owners.pop(row.id, None)

    def _sweep(self, now: float) -> None:
        """Mark who was suppressed since."""
        for row in list(self._rows.values()):
            if (
                row.state in SOURCES[Event.SUPPRESS]
                and self._mailings[row.edition].standing is not MailingStatus.CANCELLED
            ):
                why = self.reason(row.address, audience_of(row.edition))
                if why:
                    self._put(row, State.SUPPRESSED, now, detail=why, next_try=0.0)

    def _apply(self, number: int, event: Event, said: Outcome | None, now: float, owner: str) -> bool:
        row = self._rows.get(number)
        holder = self._owners.get(number, ("", 0.0))[0]
        if row is None or row.state not in SOURCES[event] or (owner and holder not in ("", owner)):
            return False
        if event is Event.INTEND:
            standing = self._mailings[row.edition].standing
            if standing is not MailingStatus.OPEN:
                back = State.CANCELLED if standing is MailingStatus.CANCELLED else State.PLANNED
                self._put(row, back, now, next_try=0.0)
                return False
            self._put(row, State.SENDING, now)
            return True
        detail = words(said.detail) if said else ""
        values: dict[str, Any] = {"next_try": 0.0}
        if event in TRIES:
            values |= {"code": said.code if said else 0, "detail": detail}
            values["attempts"] = row.attempts + (row.state is not State.DEFERRED)
        elif said and detail:
            values |= {"code": said.code, "detail": detail}
        if event is Event.DEFER:
            values["next_try"] = now + backoff.delay(said, delivery=number, attempts=row.attempts + 1)
        state = TARGET[event]
        if state in WAITING and self._mailings[row.edition].standing is MailingStatus.CANCELLED:
            state, values["next_try"] = State.CANCELLED, 0.0
        elif state in WAITING and (why := self.reason(row.address, audience_of(row.edition))):
            state, values["next_try"], values["detail"] = State.SUPPRESSED, 0.0, why
        self._put(row, state, now, **values)
        return True

    def _call_off(self, edition: str, now: float) -> int:
        spared = [row for row in self._of(edition) if row.state in WAITING]
        for row in spared:
            self._put(row, State.CANCELLED, now, next_try=0.0)
        return len(spared)

    def _stand(self, edition: str, standing: MailingStatus) -> None:
        with self._lock:
            known = self._must(edition)
            if known.standing is MailingStatus.CANCELLED and standing is not MailingStatus.CANCELLED:
                message = f"{edition} was cancelled, which is final"
                raise LedgerError(message)
            self._mailings[edition] = replace(known, standing=standing)
