"""Make one reader's mail from the edition's: the values that are theirs, joined into the template.

    Rendering, config ─letters─▶ MessageBuilder ─outgoing(Delivery)─▶ the bytes for one envelope

Nothing here is sent or recorded. What a reader's row lacks is an error for that reader alone, with the reason.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from digest.delivery import NO_FIELDS, Outgoing
from digest.errors import ConfigError, Fault
from digest.mail.message_id import message_id
from digest.mail.template import MailTemplate
from digest.model import Recipient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from digest.delivery import Delivery
    from digest.model import Edition, Rendering
    from digest.newsroom.newsroom import Newsroom

_FIELD = "field."


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBuilder:
    """An edition's mails, one for each delivery that is asked for."""

    template: MailTemplate
    sender: str
    audience: str
    leave: Callable[[str], str]  # the link with which the reader of an address leaves
    leave_by_mail: Callable[[str], str]  # the mailto with which they do
    identify: Callable[[str], str]  # the Message-ID of an address's mail
    prefix: str = ""  # before the subject: `[Test] `

    def outgoing(self, delivery: Delivery) -> Outgoing:
        """The finished mail. Raises RenderError or ValueError, with the reason, for a reader who cannot have one."""
        fields = json.loads(delivery.fields) if delivery.fields != NO_FIELDS else {}
        reader = Recipient(address=delivery.address, name=delivery.name, language=delivery.language, fields=fields)
        identifier = delivery.message_id or self.identify(delivery.address)
        data = self.template.join(reader, self.values(reader), identifier, self.prefix)
        # Quoted-printable begins no line with a dot here, whatever the value, and compile() looked through a specimen.
        return Outgoing(delivery=delivery.id, sender=self.sender, recipient=delivery.address, data=data, dotless=True)

    def values(self, reader: Recipient) -> Mapping[str, str]:
        """A value for each slot of the template. Raises ValueError naming a column that the list does not have."""
        return {slot: self._value(slot, reader) for slot in self.template.slots}

    def _value(self, slot: str, reader: Recipient) -> str:
        if slot.startswith(_FIELD):
            column = slot.removeprefix(_FIELD)
            if column not in reader.fields:
                message = f"the template asks for the column {column!r}, which this reader's row does not have"
                raise ValueError(message)
            return reader.fields[column]
        if slot == "unsubscribe_url":
            return self.leave(reader.address)
        if slot == "unsubscribe_mailto":
            return self.leave_by_mail(reader.address)
        return reader.name if slot == "name" else reader.address


def letters(newsroom: Newsroom, rendering: Rendering, *, now: datetime, live: bool, prefix: str = "") -> MessageBuilder:
    """Compile the edition's mail with everything config.yaml says of it.

    With `live`, readers must be able to leave and the key must sign: raises ConfigError for what is missing.
    """
    edition = rendering.edition
    audience = newsroom.config.audience(edition.audience).in_language(edition.language)
    secrets = newsroom.sending_setup.unsubscribe_secrets()
    # Who leaves by mail must prove whose mail it was: with a secret, each reader's mailto carries a token.
    head = newsroom.edition_setup.identity(audience, own_mailto=bool(secrets))
    template = MailTemplate.compile(rendering, head, date=now, signer=newsroom.sending_setup.signer())
    identify = message_ids(newsroom)
    return MessageBuilder(
        template=template,
        sender=newsroom.config.newsroom.sender,
        audience=audience.name,
        leave=_leave(newsroom, edition, secrets, live=live),
        leave_by_mail=_leave_by_mail(newsroom, edition, secrets),
        identify=lambda address: identify(edition.id, address),
        prefix=prefix,
    )


def message_ids(newsroom: Newsroom) -> Callable[[str, str], str]:
    """The Message-ID of a mail by its edition's id and its reader's address, which needs no content yet."""
    secrets = newsroom.sending_setup.unsubscribe_secrets()
    domain = newsroom.config.newsroom.sender.rpartition("@")[2]
    # The oldest secret: it outlives a rotation, so a mail that is sent again keeps its Message-ID.
    key = secrets[-1].encode() if secrets else b""
    return lambda edition, address: message_id(edition, address, domain=domain, secret=key)


def _leave_by_mail(newsroom: Newsroom, edition: Edition, secrets: tuple[str, ...]) -> Callable[[str], str]:
    from digest.recipients import tokens

    mailbox = newsroom.config.settings.unsubscribe.mailto or newsroom.config.newsroom.contact
    if not secrets:
        plain = f"mailto:{quote(mailbox, safe='@+')}?subject=unsubscribe%20{edition.audience}"
        return lambda _: plain
    return lambda address: tokens.mailto(mailbox, secrets, edition.audience, address)


def _leave(newsroom: Newsroom, edition: Edition, secrets: tuple[str, ...], *, live: bool) -> Callable[[str], str]:
    from digest.recipients import tokens

    config = newsroom.config
    section, document = config.settings.unsubscribe, config.document
    if not section.url:
        return _leave_by_mail(newsroom, edition, secrets)
    faults = [
        document.fault(("unsubscribe", "url"), problem)
        for problem in tokens.unsubscribe_problems(section.url, allow_local=section.allow_local)
    ]
    if not secrets:
        message = f"needs a secret: set {section.secret_env}, or secret_file, to 32 random characters"
        faults.append(Fault(file=document.file, key="unsubscribe", message=message))
    if faults and live:
        raise ConfigError(faults)
    if faults:
        return lambda _: f"{section.url.rstrip('/')}/u/example"
    return lambda address: tokens.url(section.url, secrets, edition.audience, address)
