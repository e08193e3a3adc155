"""Make one reader's mail from the edition's: the values that are theirs, joined into the template.

    EditionContent, config ─message_builder─▶ MessageBuilder ─outgoing(Delivery)─▶ the bytes for one envelope

Nothing here is sent or recorded. What a reader's row lacks is an error for that reader alone, with the reason.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import NO_FIELDS, Outgoing
from digest.editions.archive import EditionContent
from digest.errors import ConfigError
from digest.mail.message_id import message_id
from digest.mail.template import MailTemplate
from digest.model import Recipient
from digest.recipients import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from digest.delivery import Delivery
    from digest.model import Edition, Rendering
    from digest.newsroom.newsroom import Newsroom

_FIELD = "field."


class MessageBuilder(Struct, frozen=True, kw_only=True):
    """An edition's mails, one for each delivery that is asked for."""

    template: MailTemplate
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
        sender = self.template.identity.envelope_for(identifier)
        return Outgoing(delivery=delivery.id, sender=sender, recipient=delivery.address, data=data, dotless=True)

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


def content_of(newsroom: Newsroom, rendering: Rendering) -> EditionContent:
    """The rendering with what config.yaml says of its sender now, and of how readers leave."""
    audience = newsroom.config.audience(rendering.edition.audience).in_language(rendering.edition.language)
    # Who leaves by mail must prove whose mail it was: with a secret, each reader's mailto carries a token.
    own_mailto = bool(newsroom.sending_setup.unsubscribe_secrets())
    return EditionContent(
        rendering=rendering,
        identity=newsroom.edition_setup.identity(audience, rendering.edition, own_mailto=own_mailto),
        unsubscribe_url=newsroom.config.settings.unsubscribe.url,
    )


def message_builder(
    newsroom: Newsroom, content: EditionContent, *, now: datetime, live: bool, prefix: str = ""
) -> MessageBuilder:
    """Compile the edition's mail with its own sender, and with the key and the secrets that config.yaml names.

    With `live`, readers must be able to leave and the key must sign: raises ConfigError for what is missing.
    """
    if content.identity is None:
        content = content_of(newsroom, content.rendering)
    identity, edition = content.identity, content.edition
    assert identity is not None, "content_of gives one"
    secrets = newsroom.sending_setup.unsubscribe_secrets()
    identify = message_ids(newsroom)
    # A relay's log, a report or a mailbox that drops doubles must not take a test mail for the edition's.
    name = edition.id if live else f"{edition.id} {now.isoformat()}"
    signer = newsroom.sending_setup.signer()
    if signer and not signer.aligned(identity.sender) and signer.aligned(newsroom.config.newsroom.sender):
        message = (
            f"{signer.domain} signs no mail from {identity.sender}, which {edition.id} came from so far: put that "
            f"domain back, or give who is left what is configured now: digest resume {edition.id} --as-configured"
        )
        raise ConfigError([newsroom.config.document.fault(("dkim", "domain"), message)])
    template = MailTemplate.compile(content.rendering, identity, date=now, signer=signer)
    by_mail = _leave_by_mail(identity.unsubscribe_mailto, edition, secrets)
    return MessageBuilder(
        template=template,
        leave=_leave(newsroom, content, secrets, by_mail, live=live),
        leave_by_mail=by_mail,
        identify=lambda address: identify(name, address),
        prefix=prefix,
    )


def message_ids(newsroom: Newsroom) -> Callable[[str, str], str]:
    """The Message-ID of a mail by its edition's id and its reader's address, which needs no content yet."""
    secrets = newsroom.sending_setup.unsubscribe_secrets()
    domain = newsroom.config.newsroom.sender.rpartition("@")[2]
    # The oldest secret: it outlives a rotation, so a mail that is sent again keeps its Message-ID.
    key = secrets[-1].encode() if secrets else b""
    return lambda edition, address: message_id(edition, address, domain=domain, secret=key)


def _leave_by_mail(mailbox: str, edition: Edition, secrets: tuple[str, ...]) -> Callable[[str], str]:
    if not secrets:
        return lambda _: tokens.plain_mailto(mailbox, edition.audience)
    return lambda address: tokens.mailto(mailbox, secrets, edition.audience, address)


def _leave(
    newsroom: Newsroom, content: EditionContent, secrets: tuple[str, ...], by_mail: Callable[[str], str], *, live: bool
) -> Callable[[str], str]:
    section, url = newsroom.config.settings.unsubscribe, content.unsubscribe_url
    if not url:
        return by_mail
    setup = newsroom.sending_setup
    faults = [*setup.unsound_leave_url()] if url == section.url else []  # another was looked at when it was frozen
    if not secrets:
        faults += setup.missing_leave_secret()
    if faults and live:
        raise ConfigError(faults)
    if faults:
        return lambda _: tokens.example_url(url)
    return lambda address: tokens.url(url, secrets, content.edition.audience, address)
