"""The rows of a ledger in memory, and the moves that they may make: what a database's tables and statements are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from digest.delivery import Delivery, Event, Mailing, MailingStatus, Outcome, State
from digest.errors import LedgerError
from digest.ledger import backoff
from digest.ledger.transitions import AT_WORK, SOURCES, TARGET, TRIES, WAITING, audience_of, words
from digest.testing.memory_suppressions import MemorySuppressions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from digest.model import Recipient


class MemoryTable(MemorySuppressions):
    """Editions and their deliveries, with one lock around them. What the moves mean is the ledger's business."""

    def __init__(self) -> None:
        super().__init__()
        self._mailings: dict[str, Mailing] = {}
        self._rows: dict[int, Delivery] = {}
        self._owners: dict[int, tuple[str, float]] = {}
        self._senders: dict[str, str] = {}
        self._numbers = 0

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
        for recipient in recipients:
            seen += 1
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

    def _newest(self) -> list[list[Delivery]]:
        with self._lock:
            return [self._of(edition) for edition in reversed(self._mailings)]

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
