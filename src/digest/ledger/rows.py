"""From a row of the deliveries to the value that flows through the rest of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.delivery import Delivery, State
from digest.ledger.schema import deliveries
from digest.ledger.statements import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATES = {str(state): state for state in State}
SELECTED = tuple(deliveries.c[name] for name in COLUMNS.split(", "))


def delivery_of(edition: str, row: Sequence[Any]) -> Delivery:
    """The delivery in a row of `COLUMNS`."""
    number, recipient, address, name, language, fields, message_id, state, attempts, code, detail, due, changed = row
    return Delivery(
        id=number,
        edition=edition,
        address=recipient if address is None else address,
        name=name,
        language=language,
        fields=fields,
        state=_STATES[state],
        attempts=attempts,
        message_id=message_id,
        code=code,
        detail=detail,
        next_try=due,
        changed=changed,
    )
