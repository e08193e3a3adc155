"""Read one mail that came back and say what it claims to be: a bounce, a complaint, a wish to leave, or none of these.

Delivery reports (RFC 3464) and what passes for them, complaints (ARF, RFC 5965), unsubscribe mails. Pure: bytes in, a
value out, for any bytes. Nothing is believed here: a Report holds claims; `settle` asks the ledger which mail is meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import BytesParser
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.bounces import text
from digest.mail.address import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PARTS = 100
_PROSE_END = re.compile(  # where a bounce in prose ends and the mail that came back begins
    r"^(?:-+ ?(?:this is a copy|below this line|original message)|message-id:)", re.IGNORECASE | re.MULTILINE
)


class ReportKind(StrEnum):
    """What a mail that came back is."""

    BOUNCE = "bounce"  # not delivered, for good
    DELAY = "delay"  # not delivered yet; the relay goes on trying
    DELIVERED = "delivered"  # a report of success
    COMPLAINT = "complaint"  # a reader pressed "this is spam"
    UNSUBSCRIBE = "unsubscribe"  # a reader wants to leave
    AUTOMATIC = "automatic"  # out of office, a receipt, a challenge: nothing to do
    OTHER = "other"  # for a person to read


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceReport:
    """What a mail claims. `message_ids` are those it may be about, best first; `tokens` are unread unsubscribe tokens.

    `status` is an enhanced status code (RFC 3463) or empty; `detail` are the server's words; `why` says in our words
    what the mail is. `sender` is for a person to see and proves nothing.
    """

    kind: ReportKind
    why: str
    message_ids: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    status: str = ""
    detail: str = ""
    sender: str = ""
    key: str = ""  # what its mailbox calls it


def read(message: bytes, *, key: str = "") -> BounceReport:
    """What this mail claims to be. Never raises: bytes that are no mail are a Report too."""
    try:
        mail = BytesParser().parsebytes(message)
        parts = [part for part, _ in zip(mail.walk(), range(MAX_PARTS), strict=False)]
        report = _understood(mail, parts)
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError):
        # Python's parser gives up on some of what spammers send; such a mail is for a person, not for a traceback.
        return BounceReport(kind=ReportKind.OTHER, why="cannot be read as a mail", key=key)
    return replace(report, sender=text.header(mail, "From")[:200], key=key)


def _understood(mail: Message, parts: list[Message]) -> BounceReport:
    types = [part.get_content_type() for part in parts]
    if "message/feedback-report" in types:
        return _complaint(parts, parts[types.index("message/feedback-report")])
    if "message/delivery-status" in types:
        return _delivery(mail, parts, parts[types.index("message/delivery-status")])
    subject = text.header(mail, "Subject")
    return _unsubscribe(subject, parts) or _prose(mail, parts, subject)


def _prose(mail: Message, parts: list[Message], subject: str) -> BounceReport:
    if text.is_daemon(mail, subject):
        return _sloppy(mail, parts)
    receipt = any(part.get_content_type() == "message/disposition-notification" for part in parts)
    if why := "a receipt (MDN)" if receipt else text.automatic(mail, subject):
        return BounceReport(kind=ReportKind.AUTOMATIC, why=why)
    return BounceReport(kind=ReportKind.OTHER, why=f"no report that is known here: {subject[:80]!r}")


def _complaint(parts: list[Message], part: Message) -> BounceReport:
    fields = next(text.blocks(part), Message())
    kind = (fields.get("Feedback-Type") or "").strip().lower()
    if kind not in ("abuse", "fraud", "opt-out", "opt-out-list", "other", ""):
        return BounceReport(kind=ReportKind.AUTOMATIC, why=f"feedback of type {kind[:30]!r}, no complaint")
    returned = _returned(parts)
    return BounceReport(
        kind=ReportKind.COMPLAINT,
        why=f"a complaint ({kind or 'abuse'})",
        message_ids=text.message_ids(returned),
        addresses=_addresses(fields.get_all("Original-Rcpt-To") or []),
        tokens=text.tokens(returned),
        detail=" ".join(filter(None, (kind, fields.get("User-Agent"), fields.get("Reporting-MTA"))))[:300],
    )


def _delivery(mail: Message, parts: list[Message], part: Message) -> BounceReport:
    groups = [block for block in text.blocks(part) if block.get("Action") or block.get("Status")]
    actions = [_action(group) for group in groups]
    returned = _returned(parts)
    answered = " ".join(str(mail.get(name, "")) for name in ("In-Reply-To", "References"))
    common = BounceReport(
        kind=ReportKind.OTHER,
        why="a delivery report without a result",
        message_ids=(*text.message_ids(returned), *text.bare_ids(answered)),
        addresses=_addresses(
            value
            for group in groups
            for value in (group.get("Original-Recipient"), group.get("Final-Recipient"))
            if value
        ),
        tokens=text.tokens(returned),
    )
    for action, kind, why in (
        # In this order: a mail that reached one of an alias's mailboxes has reached its reader.
        ("delivered", ReportKind.DELIVERED, "a report of success"),
        ("failed", ReportKind.BOUNCE, "a delivery report"),
        ("delayed", ReportKind.DELAY, "a warning: the relay goes on trying"),
    ):
        if action in actions:
            group = groups[actions.index(action)]
            diagnostic = " ".join(str(group.get("Diagnostic-Code") or "").split())
            status = text.best_status(str(group.get("Status") or ""), diagnostic)
            return replace(common, kind=kind, why=why, status=status, detail=diagnostic[:300])
    return common


def _action(group: Message) -> str:
    """The group's action; one that is left out or unknown follows from the status."""
    action = str(group.get("Action") or "").split("(")[0].strip().lower()
    if action in ("relayed", "expanded"):
        return "delivered"
    if action in ("failed", "delayed", "delivered"):
        return action
    status = str(group.get("Status") or "").strip()
    return {"2": "delivered", "4": "delayed", "5": "failed"}.get(status[:1], "")


def _unsubscribe(subject: str, parts: list[Message]) -> BounceReport | None:
    found = text.wish(subject)
    if found is None:
        return None
    body = next((text.content(part) for part in parts if part.get_content_type() == "text/plain"), "")
    tokens = found or text.wish(body[:2_000].strip()) or ()
    return BounceReport(kind=ReportKind.UNSUBSCRIBE, why="an unsubscribe mail", tokens=tokens)


def _sloppy(mail: Message, parts: list[Message]) -> BounceReport:
    """A bounce in prose, as Exim, qmail and others write it: what can be found in it is taken."""
    body = "\n".join(text.content(part) for part in parts if part.get_content_maintype() == "text")
    returned = _returned(parts) or body
    reason = _PROSE_END.split(body, maxsplit=1)[0]
    status = text.best_status("", reason)
    kind = ReportKind.DELAY if status.startswith("4") or text.still_trying(reason) else ReportKind.BOUNCE
    answered = " ".join(str(mail.get(name, "")) for name in ("In-Reply-To", "References"))
    return BounceReport(
        kind=kind,
        why="a bounce in prose" if kind is ReportKind.BOUNCE else "a warning in prose: the relay goes on trying",
        message_ids=(*text.message_ids(returned), *text.bare_ids(answered)),
        addresses=_addresses(str(mail.get("X-Failed-Recipients") or "").split(",")),
        tokens=text.tokens(returned),
        status=status,
        detail=text.reason(reason),
    )


def _returned(parts: list[Message]) -> str:
    """The head of the mail that is reported, as text; empty when the report does not carry it."""
    for part in parts[1:]:
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                return "\n".join(f"{name}: {value}" for name, value in inner[0].items())
        if kind in ("text/rfc822-headers", "message/rfc822-headers", "message/partial"):
            return text.content(part)
    return ""


def _addresses(values: Iterator[str] | list[str]) -> tuple[str, ...]:
    """The addresses of fields like `rfc822; <ann@example.org>`, those that are ones."""
    found: dict[str, None] = {}
    for value in values:
        bare = str(value).rpartition(";")[2].strip().removeprefix("<").removesuffix(">")
        try:
            found[canonical(bare)] = None
        except ValueError:
            continue  # a report may name a mailbox of its own server: it is only shown, never relied on
    return tuple(found)
