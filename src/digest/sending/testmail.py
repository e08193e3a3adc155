"""One test mail: the edition as it would go now, to one address, its subject marked; nothing is recorded.

It goes through the same relay, signature and checks of the bytes as every other mail, so that what arrives is what
readers would get. It never touches the ledger, and never mails anybody but the address that was asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from digest.delivery import Delivery
from digest.editions.builder import build_edition
from digest.errors import NothingToSend, SendStopped, UsageError
from digest.mail.address import canonical
from digest.model import Recipient
from digest.sending.messages import letters
from digest.sending.readers import Readers

if TYPE_CHECKING:
    from datetime import datetime

    from digest.delivery import Outcome
    from digest.model import Edition, Rendering
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import Transport

PREFIX = "[Test] "


def send_test(newsroom: Newsroom, edition: Edition, address: str, transport: Transport, now: datetime) -> Outcome:
    """Send it and return what the server said. Raises NothingToSend, UsageError, SendStopped, TransportError."""
    rendering = build_edition(newsroom, edition, now=now).rendering
    if rendering is None:
        message = f"{edition.id}: nothing to send: too few stories"
        raise NothingToSend(message)
    reader = _reader(newsroom, edition, address, rendering)
    made = letters(newsroom, rendering, now=now, live=False, prefix=PREFIX)
    delivery = Delivery(
        id=0, edition=edition.id, address=reader.address, name=reader.name, fields=json.dumps(dict(reader.fields))
    )
    session = transport.open()
    try:
        for outcome in session.deliver(iter([made.outgoing(delivery)]), lambda _: True):
            return outcome
    finally:
        session.close()
    message = "the connection ended before the test mail was answered"
    raise SendStopped(message)


def _reader(newsroom: Newsroom, edition: Edition, address: str, rendering: Rendering) -> Recipient:
    """The reader of this address on the audience's list; for anybody else, merge fields show their own names."""
    try:
        wanted = canonical(address)
    except ValueError as error:
        message = f"--to {address!r}: {error}"
        raise UsageError(message) from None
    audience = newsroom.config.audience(edition.audience)
    if newsroom.config.settings.audiences[audience.name].recipients is not None:
        for reader in Readers(newsroom.sending_setup.source(audience), edition, audience):
            if reader.address.casefold() == wanted.casefold():
                return reader
    columns = (slot.removeprefix("field.") for slot in rendering.slots if slot.startswith("field."))
    return Recipient(address=wanted, fields={column: f"[{column}]" for column in columns})
