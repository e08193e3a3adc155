"""The header of an edition's mails, in the order in which it is written: what all share, and holes for what differs.

Each row of a head is some whole fields, or is empty until a mail is joined: To, Message-ID, and, where they differ
between readers, Subject and List-Unsubscribe. The header functions write the fields; this module only chooses them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from digest.errors import RenderError
from digest.mail import header
from digest.mail.slots import Hole, fill_line
from digest.text.cleaning import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from digest.mail.sender_identity import SenderIdentity

UNSUBSCRIBE = "unsubscribe_url"  # the value that List-Unsubscribe needs when readers can leave over https
UNSUBSCRIBE_BY_MAIL = "unsubscribe_mailto"  # and when the mail with which they leave must prove whose it is

# Amazon SES, Postmark, Mailgun, Brevo, SendGrid, Mailchimp, Mailjet, SparkPost, and what they call their instructions.
_INSTRUCTIONS = ("x-ses-", "x-pm-", "x-mailgun-", "x-mailin-", "x-sib-", "x-smtpapi", "x-mc-", "x-mj-", "x-msys-")

Line = tuple[tuple[str, ...], tuple[Hole, ...]]  # a line's literals, and what stands between them


class HeaderRow(IntEnum):
    """The rows of a head, in order."""

    SIGNATURE = 0
    RELAY = 1  # what the relay is told and takes off again; a signature over it would break on the way
    SENDER = 2  # From, Reply-To
    TO = 3
    SUBJECT = 4
    DATE = 5
    ID = 6  # Message-ID
    LIST = 7  # List-Id
    LEAVE = 8  # List-Unsubscribe
    REST = 9


def shared(head: SenderIdentity, subject: Line, date: datetime, language: str, content_type: bytes) -> list[bytes]:
    """The rows, with all that every mail of the edition has in common."""
    rows = [b""] * len(HeaderRow)
    rows[HeaderRow.SENDER] = header.mailbox("From", head.sender_name, head.sender)
    rows[HeaderRow.SENDER] += header.mailbox("Reply-To", head.reply_to_name, head.reply_to)
    rows[HeaderRow.DATE] = header.date(date)
    if not subject[1]:
        rows[HeaderRow.SUBJECT] = subject_field(subject, {})
    if head.list_id:
        rows[HeaderRow.LIST] = header.list_id(head.list_name, head.list_id)
    if head.leave_by_mail and not (head.unsubscribe_https or head.unsubscribe_own_mailto):
        rows[HeaderRow.LEAVE] = header.urls("List-Unsubscribe", [head.leave_by_mail])
    if head.unsubscribe_https:
        rows[HeaderRow.REST] += header.literal("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")  # RFC 8058, 3.1
    # No out-of-office answers, please (RFC 3834, 5); the second says the same to programs older than that.
    rows[HeaderRow.REST] += header.literal("Auto-Submitted", "auto-generated") + header.literal("Precedence", "bulk")
    if head.feedback_id:
        rows[HeaderRow.REST] += header.literal("Feedback-ID", head.feedback_id)
    if head.organization:
        rows[HeaderRow.REST] += header.unstructured("Organization", head.organization)
    for name, value in head.headers:
        row = HeaderRow.RELAY if name.lower().startswith(_INSTRUCTIONS) else HeaderRow.REST
        rows[row] += header.own(name, value)
    rows[HeaderRow.REST] += header.literal("MIME-Version", "1.0")
    rows[HeaderRow.REST] += header.literal("Content-Language", head.language or language)
    rows[HeaderRow.REST] += content_type
    return rows


def subject_field(subject: Line, values: Mapping[str, str], prefix: str = "") -> bytes:
    """Subject, filled. Raises RenderError when nothing is left of it."""
    text = fill_line(*subject, values)
    if not text:
        message = "the subject is empty; give the edition one"
        raise RenderError(message)
    return header.unstructured("Subject", one_line(prefix + text))


class ListUnsubscribe:
    """Writes a reader's own List-Unsubscribe: the https address first, as RFC 8058, 3.1 asks, then the mailto."""

    __slots__ = ("_shared", "slots")

    def __init__(self, identity: SenderIdentity) -> None:
        own = identity.unsubscribe_own_mailto
        self._shared = [] if own or not identity.leave_by_mail else [identity.leave_by_mail]
        wanted = ((identity.unsubscribe_https, UNSUBSCRIBE), (own, UNSUBSCRIBE_BY_MAIL))
        self.slots = tuple(slot for needed, slot in wanted if needed)

    def field(self, values: Mapping[str, str]) -> bytes:
        """The field with a reader's own addresses, in the order of `slots`, and with the one that all readers share.

        Raises ValueError, naming the slot, for a value that cannot stand there.
        """
        listed = ">,\r\n <".join([*[_leaving(slot, values[slot]) for slot in self.slots], *self._shared])
        return f"List-Unsubscribe: <{listed}>\r\n".encode()


def _leaving(slot: str, value: str) -> str:
    try:
        if slot == UNSUBSCRIBE and not value.startswith("https://"):
            fault = "is no https address, which one-click unsubscription asks for (RFC 8058)"
        elif slot == UNSUBSCRIBE_BY_MAIL and not value.startswith("mailto:"):
            fault = "is no mailto address, which leaving by mail asks for"
        else:
            return header.url(value)
    except ValueError as error:
        fault = str(error)
    message = f"the value of the slot {slot!r} {fault}"
    raise ValueError(message)


def names(rows: Sequence[bytes], head: SenderIdentity) -> list[str]:
    """The names of all fields of a finished head that are signed, in order, those that differ included."""
    later = {HeaderRow.TO: "To", HeaderRow.SUBJECT: "Subject", HeaderRow.ID: "Message-ID"}
    if head.leave_by_mail or head.unsubscribe_https or head.unsubscribe_own_mailto:
        later[HeaderRow.LEAVE] = "List-Unsubscribe"
    found = []
    for row in HeaderRow:
        if row in later:
            found.append(later[row])
        elif row is not HeaderRow.RELAY:
            fields = rows[row].decode("ascii").split("\r\n")
            found += [field.partition(":")[0] for field in fields if field and not field.startswith(" ")]
    return found
