"""A ledger in memory that keeps every promise of the port but durability. The real ones pass the same tests."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from digest.delivery import Delivery, Event, Mailing, MailingStatus, Outcome, Phase, State
from digest.errors import LedgerBusy, LedgerError
from digest.ledger import backoff
from digest.ledger.transitions import AT_WORK, WAITING
from digest.testing import memory_overview as overview
from digest.testing.memory_table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from digest.model import Recipient


class MemoryLedger(MemoryTable):
    """`ports.Ledger` and `ports.Suppressions` in memory."""

    def freeze(
        self,
        edition: str,
        content: str,
        recipients: Iterable[Recipient],
        now: float | None = None,
        message_id: Callable[[str], str] | None = None,
    ) -> Mapping[str, int]:
        """See `ports.Ledger.freeze`."""
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

    def recover(self, edition: str, now: float, *, expired: bool = False) -> Mapping[State, int]:
        """See `ports.Ledger.recover`."""
        found: Counter[State] = Counter()
        with self._lock:
            called_off = self._must(edition).standing is MailingStatus.CANCELLED
            for row in self._of(edition):
                if row.state in AT_WORK and expired and self._owners[row.id][1] >= now:
                    continue
                if row.state is State.SENDING:
                    detail = "its sender stopped between the intent and the answer: it may have been accepted"
                    self._put(row, State.IN_DOUBT, now, attempts=row.attempts + 1, detail=detail)
                    found[State.IN_DOUBT] += 1
                elif row.state is State.CLAIMED:
                    self._put(row, State.PLANNED, now, next_try=0.0)
                    found[State.PLANNED] += 1
                elif row.state is State.DEFERRED and row.code >= backoff.FAILED and not expired:
                    self._rows[row.id] = replace(row, next_try=0.0)
            if called_off:
                self._call_off(edition, now)
        return dict(found)

    def claim(self, edition: str, owner: str, limit: int, now: float, only: str = "") -> Sequence[Delivery]:
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
            ]
            due.sort(key=lambda row: (row.next_try, row.id))
            for row in due[:limit]:
                self._put(row, State.CLAIMED, now)
                self._owners[row.id] = (owner, now + backoff.LEASE)
            return [self._rows[row.id] for row in due[:limit]]

    def renew(self, edition: str, owner: str, now: float) -> int:
        """See `ports.Ledger.renew`."""
        with self._lock:
            self._must(edition)
            held = [number for number, (who, _) in self._owners.items() if who == owner]
            held = [number for number in held if self._rows[number].edition == edition]
            for number in held:
                self._owners[number] = (owner, now + backoff.LEASE)
            return len(held)

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
        """See `ports.Ledger.settle`."""
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
            if self._must(edition).frozen + age > now:
                return 0
            late = [row for row in self._of(edition) if row.state is State.DEFERRED and row.attempts >= attempts]
            for row in late:
                detail = f"given up after {row.attempts} tries; the last answer: {row.detail}"
                self._put(row, State.REFUSED, now, detail=detail)
            return len(late)

    def pause(self, edition: str) -> None:
        """See `ports.Ledger.pause`."""
        self._stand(edition, MailingStatus.PAUSED)

    def resume(self, edition: str) -> None:
        """See `ports.Ledger.resume`."""
        self._stand(edition, MailingStatus.OPEN)

    def cancel(self, edition: str, now: float) -> int:
        """See `ports.Ledger.cancel`."""
        with self._lock:
            self._stand(edition, MailingStatus.CANCELLED)
            return self._call_off(edition, now)

    def mailing(self, edition: str) -> Mailing | None:
        """See `ports.Ledger.mailing`."""
        return self._mailings.get(edition)

    def mailings(self) -> Sequence[Mailing]:
        """See `ports.Ledger.mailings`."""
        return list(self._mailings.values())

    def next_try(self, edition: str, now: float) -> float | None:
        """See `ports.Ledger.next_try`."""
        return overview.next_try(self._known(edition), now)

    def counts(self, edition: str) -> Mapping[State, int]:
        """See `ports.Ledger.counts`."""
        return overview.counts(self._known(edition))

    def domains(self, edition: str) -> Mapping[str, Mapping[State, int]]:
        """See `ports.Ledger.domains`."""
        return overview.domains(self._known(edition))

    def refusals(self, edition: str) -> Mapping[tuple[int, str], int]:
        """See `ports.Ledger.refusals`."""
        return overview.refusals(self._known(edition))

    def timeline(self, edition: str, step: float) -> Sequence[tuple[float, State, int]]:
        """See `ports.Ledger.timeline`."""
        return overview.timeline(self._known(edition), step)

    def deliveries(self, edition: str, states: Iterable[State] = ()) -> Iterator[Delivery]:
        """See `ports.Ledger.deliveries`."""
        wanted = set(states)
        return iter([row for row in self._known(edition) if not wanted or row.state in wanted])

    def find(self, message_ids: Iterable[str]) -> Sequence[Delivery]:
        """See `ports.Ledger.find`."""
        return overview.find(self._newest(), message_ids)

    def latest(self, address: str, count: int, states: Iterable[State] = ()) -> Sequence[Delivery]:
        """See `ports.Ledger.latest`."""
        return overview.latest(self._newest(), address, count, states)

    def witness(self, edition: str, now: float) -> None:
        """See `ports.Ledger.witness`; what lives in memory has none."""
        del now
        self._must(edition)

    def close(self) -> None:
        """See `ports.Ledger.close`."""
