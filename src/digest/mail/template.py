"""One edition's mail, encoded once and cut at its slots; joining it for a reader costs little more than copying it.

    Rendering, SenderIdentity, date ─compile─▶ MailTemplate ─join(recipient, values, message_id)─▶ bytes
                                             │ the header that all share, bodies in quoted-printable, their hash so far

`compile` does all that is slow, and inspects a finished specimen. `join` fills what differs, escaped for its place, and
signs. The bytes are those of the filled mail encoded in one go (tested). A mail has
one recipient and one To; nothing of one reader outlives the call. Never opens anything, never asks for the time.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from digest.errors import ConfigError, Fault, RenderError
from digest.mail import body, head, header
from digest.mail.dkim import demand_alignment, relaxed
from digest.mail.head import UNSUBSCRIBE_BY_MAIL, HeaderRow
from digest.mail.inspect import demand_sound
from digest.mail.message_id import message_id as derive_message_id
from digest.mail.quoted import piece
from digest.mail.sender_identity import problems
from digest.mail.slots import Hole, SlotContext, SlotFill, cut, fillings, holes
from digest.text.cleaning import one_line
from digest.text.merge import needed, slot_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from digest.mail.dkim import Seal, Signer
    from digest.mail.sender_identity import SenderIdentity
    from digest.model import Recipient, Rendering

_SPECIMEN = "https://example.org/"  # a value that may stand in every place but one
_MAILTO = "mailto:leave@example.org"
_BODY = len(HeaderRow)  # the first part of the body
_TO, _SUBJECT, _ID, _LEAVE = map(int, (HeaderRow.TO, HeaderRow.SUBJECT, HeaderRow.ID, HeaderRow.LEAVE))


class MailTemplate(Struct, frozen=True, kw_only=True, eq=False):
    """An edition's mail with holes. `slots` names the values that each reader must have. Made by `compile`."""

    rendering: Rendering
    identity: SenderIdentity
    date: datetime
    signer: Signer | None
    slots: frozenset[str]
    mark: str  # how the tokens of its slots begin
    subject: head.Line
    parts: tuple[bytes, ...]  # the head's rows, then the body, both with empty holes
    fillings: tuple[SlotFill, ...]
    variants: tuple[tuple[int, Hole, bytes], ...]  # a part's number, what it is, its words encoded
    leave: head.ListUnsubscribe
    seal: Seal | None
    relaxed_head: tuple[bytes, ...]  # the head's rows in DKIM's relaxed form
    body_hash: Any  # SHA-256 over the body up to its first hole; copied, never updated

    @classmethod
    def compile(
        cls, rendering: Rendering, identity: SenderIdentity, *, date: datetime, signer: Signer | None = None
    ) -> MailTemplate:
        """Encode everything that all readers share. `date` is aware, in the newsroom's zone: its offset is shown.

        Raises ConfigError for an identity or signer that cannot be used, RenderError for a slot that stands where no
        value is safe or a subject that is empty, CheckFailed when a finished specimen is not sound.
        """
        if faults := problems(identity):
            raise ConfigError(Fault(file="config.yaml", message=message) for message in faults)
        if signer:
            demand_alignment(signer, identity.sender)
        template = cls._encode(rendering, identity, date, signer)
        identifier = derive_message_id(rendering.edition.id, "", domain=identity.id_domain)
        specimen = {slot: _MAILTO if slot == UNSUBSCRIBE_BY_MAIL else _SPECIMEN for slot in template.slots}
        demand_sound(template.join(None, specimen, identifier))
        if template.variants:
            empty = {slot: "" if template.may_be_empty(slot) else value for slot, value in specimen.items()}
            demand_sound(template.join(None, empty, identifier))
        return template

    @classmethod
    def _encode(
        cls, rendering: Rendering, identity: SenderIdentity, date: datetime, signer: Signer | None
    ) -> MailTemplate:
        bodies = body.encode(rendering)
        subject = holes(*cut(one_line(rendering.subject), rendering.nonce, rendering.slots))
        rows = head.shared(identity, subject, date, rendering.edition.language, bodies.content_type)
        leave = head.ListUnsubscribe(identity)
        return cls(
            rendering=rendering,
            identity=identity,
            date=date,
            signer=signer,
            slots=_needed((*subject[1], *bodies.holes)) | {*leave.slots},
            mark=f"slot-{rendering.nonce}-",
            subject=subject,
            parts=(*rows[: HeaderRow.REST], rows[HeaderRow.REST] + b"\r\n", *bodies.parts),
            fillings=fillings(bodies.holes, first=_BODY + 1),
            variants=tuple(
                (_BODY + 1 + 2 * index, hole, piece(hole.words))
                for index, hole in enumerate(bodies.holes)
                if not hole.plain
            ),
            leave=leave,
            seal=signer.prepare(head.names(rows, identity), int(date.timestamp())) if signer else None,
            relaxed_head=tuple(b"" if row is HeaderRow.RELAY else relaxed(rows[row]) for row in HeaderRow),
            body_hash=hashlib.sha256(bodies.parts[0]),
        )

    def join(
        self, recipient: Recipient | None, values: Mapping[str, str], message_id: str, subject_prefix: str = ""
    ) -> bytes:
        """One reader's finished mail, signed if there is a signer. `values` has exactly the names in `slots`.

        `recipient` None makes the sample of `digest build`: it has no To at all, as RFC 5322, 3.6 allows, so that a
        mail program shows it without inventing a reader, and no reader's address is in it. `message_id` has its angle
        brackets. `subject_prefix` ("[TEST] ") is for test mails. Raises RenderError, naming the slot, for a value that
        is missing, unknown, or cannot stand in its place; ValueError for an address or Message-ID that is none.
        """
        if values.keys() != self.slots or self.mark in "".join(values.values()):
            raise RenderError(self._mismatch(values))
        parts = [*self.parts]
        if recipient is not None:
            parts[_TO] = header.mailbox("To", recipient.name, recipient.address)
        parts[_ID] = header.message_id(message_id)
        if subject_prefix or self.subject[1]:
            parts[_SUBJECT] = head.subject_field(self.subject, values, subject_prefix)
        try:
            if self.leave.slots:
                parts[_LEAVE] = self.leave.field(values)
            for filling in self.fillings:
                filling.into(parts, values)
        except ValueError as error:
            message = f"{self.rendering.edition.id}: {error}"
            raise RenderError(message) from None
        for number, hole, words in self.variants:
            parts[number] = words if words and hole.applies(values) else piece(hole.text(values))
        if self.seal:
            parts[HeaderRow.SIGNATURE] = self._sign(self.seal, parts)
        return b"".join(parts)

    def may_be_empty(self, slot: str) -> bool:
        """Whether a mail can be made for a reader who has no value for `slot`."""
        places = (hole.place for _, hole, _ in self.variants if slot in needed([hole.slot]))
        plain = (place for filling in self.fillings if filling.name == slot for place in filling.places)
        return slot not in self.leave.slots and SlotContext.URL not in (*places, *plain)

    def _sign(self, seal: Seal, parts: list[bytes]) -> bytes:
        hashed = self.body_hash.copy()
        hashed.update(b"".join(parts[_BODY + 1 :]))
        rows = zip(self.relaxed_head, self.parts[:_BODY], parts[:_BODY], strict=True)
        signed = [known if part is own else relaxed(part) for known, own, part in rows]
        return seal.signature(b"".join(signed), hashed.digest())

    def _mismatch(self, values: Mapping[str, str]) -> str:
        edition = self.rendering.edition.id
        if missing := ", ".join(sorted(self.slots - values.keys())):
            return f"{edition}: a reader has no value for the slot {missing}; no hole is left empty"
        if values.keys() == self.slots:
            return f"{edition}: a reader's value holds a slot of this edition, which no list can know; correct the list"
        unknown, known = ", ".join(sorted(values.keys() - self.slots)), ", ".join(sorted(self.slots)) or "none"
        return f"{edition}: the mail has no slot {unknown}; its slots are: {known}"


def _needed(found: Sequence[Hole]) -> frozenset[str]:
    """The values that a reader must have for these holes, and for their conditions."""
    shown = {hole.slot for hole in found if hole.slot}
    return needed(shown | {slot_name(condition) for hole in found for condition, _ in hole.under})
