"""Read one mail that came back and say what it claims to be: a bounce, a complaint, a wish to leave, or none of these.

Delivery reports (RFC 3464) and what passes for them, complaints (ARF, RFC 5965), unsubscribe mails. Pure: bytes in, a
value out, for any bytes, by patterns over text of bounded length. Nothing is believed here: a report holds claims;
`process` asks the ledger which mail is meant.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import email
import quopri
import re
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from digest.mail.address import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PARTS = 100
MAX_FIELD = 1_000  # characters of a field that can hold an address
_SHOWN = 4
MAX_TEXT = 200_000  # characters that are searched
_BLANK_BEFORE_COLON = re.compile(r"^([A-Za-z][A-Za-z-]{0,40})[ \t]{1,8}:", re.MULTILINE)
_NAMED = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_ID = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
_ID_FIELD = re.compile(r"^[>\s]{0,4}Message-ID:\s{0,80}(<[^<>\s]{1,400}>)", re.IGNORECASE | re.MULTILINE)
_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_DETAIL = re.compile(r"\+([0-9a-f]{40})@", re.IGNORECASE)
_SEAL = r"[A-Za-z0-9_-]{60,1000}"
_LINK = re.compile(rf"/u/({_SEAL})(?![A-Za-z0-9_-])|unsubscribe(?:%20|\+|\s){{1,3}}({_SEAL})(?![A-Za-z0-9_-])")
_WISH = re.compile(  # also behind what gateways put before a subject: [EXT], [SPAM?]
    rf"(?:\s*(?:\[[^\[\]]{{1,40}}\]|\b(?:re|aw|fwd?|ext(?:ern(?:al)?)?)\s*:))*\s*unsubscribe\b[:\s]*({_SEAL})?\s*(?:\n|$)",
    re.IGNORECASE,
)
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BASIC = re.compile(r"(?:^|[\s:;<(\[#-])([45]\d\d)(?=[\s:;>)\]#-])")
_DAEMON = re.compile(
    r"mailer-daemon|postmaster|mail delivery (?:sub)?system|mail-daemon|interscan|trend ?micro"
    r"|(?:dion|ezweb|au)\.ne\.jp",
    re.IGNORECASE,
)
_FAILURE = re.compile(
    r"undeliver|returned mail|failure notice|delivery (?:has )?(?:status|fail)|mail delivery|non remis|unzustellbar"
    r"|no se ha podido entregar|delivery.{0,20}delayed|delayed.{0,20}delivery|delivery warning|could not be delivered"
    r"|mail system error|mancato recapito|配信できません|配信に失敗",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"^(?:auto(?:matic)?[- ]?(?:reply|response|réponse)|auto:|out of (?:the )?office|ooo\b|away from|abwesen"
    r"|automatische|absence|réponse automatique|respuesta automática|fuera de la oficina|رد تلقائي|risposta automatica"
    r"|fuori (?:ufficio|sede)|assen(?:te|za)|resposta automática|ausência|ausente|afwezig|frånvaro|fravær|nieobecność"
    r"|自动回复|自動返信|不在)",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"(?:confirm|verify).{0,30}(?:e-?mail|message|sender)|sender verification|challenge|whitelist|spam ?arrest|boxbe",
    re.IGNORECASE,
)
_TRYING = re.compile(
    r"will (?:keep trying|be retried|continue|retry)|do(?:es)? not need to re-?send|warning.{0,40}delayed"
    r"|not yet (?:been )?delivered",
    re.IGNORECASE | re.DOTALL,
)
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


class BounceReport(Struct, frozen=True, kw_only=True):
    """What a mail claims. `message_ids` are those it may be about, best first; `tokens` are unread unsubscribe tokens.

    `status` is an enhanced status code (RFC 3463) or empty; `detail` are the server's words; `why` says in our words
    what the mail is. `sender` is for a person to see and proves nothing.
    """

    kind: ReportKind
    why: str
    message_ids: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    returned_to: tuple[str, ...] = ()  # the details (`bounces+DETAIL@…`) of the addresses to which it was sent
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
    return replace(report, sender=_header(mail, "From")[:200], returned_to=_details(mail), key=key)


def _details(mail: Message) -> tuple[str, ...]:
    """The tokens in the addresses to which the mail itself was sent: what a relay rewrites in ours is not asked."""
    fields = (str(value)[:MAX_FIELD] for name in _TO for value in (mail.get_all(name) or ()))
    return tuple(dict.fromkeys(found for field in fields for found in _DETAIL.findall(field)))


def _understood(mail: Message, parts: list[Message]) -> BounceReport:
    types = [_kind(part) for part in parts]
    if "message/feedback-report" in types:
        return _complaint(parts, parts[types.index("message/feedback-report")])
    if "message/delivery-status" in types:
        return _delivery(mail, parts, parts[types.index("message/delivery-status")])
    subject = _header(mail, "Subject")
    return _unsubscribe(subject, parts) or _prose(mail, parts, subject)


def _prose(mail: Message, parts: list[Message], subject: str) -> BounceReport:
    receipt = any(_kind(part) == "message/disposition-notification" for part in parts)
    if receipt or _away(
        mail, subject
    ):  # first: who is away writes of numbers too, and may write from a postmaster's desk
        return BounceReport(
            kind=ReportKind.AUTOMATIC, why="a receipt (MDN)" if receipt else "an automatic reply (out of office)"
        )
    if _is_daemon(mail, subject):
        return _sloppy(mail, parts)
    if why := _automatic(mail, subject):
        return BounceReport(kind=ReportKind.AUTOMATIC, why=why)
    return BounceReport(kind=ReportKind.OTHER, why=f"no report that is known here: {subject[:80]!r}")


def _complaint(parts: list[Message], part: Message) -> BounceReport:
    fields = next(_blocks(part), Message())
    kind = (fields.get("Feedback-Type") or "").strip().lower()
    if kind not in ("abuse", "fraud", "opt-out", "opt-out-list", "other", ""):
        return BounceReport(kind=ReportKind.AUTOMATIC, why=f"feedback of type {kind[:30]!r}, no complaint")
    returned = _returned(parts)
    return BounceReport(
        kind=ReportKind.COMPLAINT,
        why=f"a complaint ({kind or 'abuse'})",
        message_ids=_message_ids(returned),
        addresses=_addresses(fields.get_all("Original-Rcpt-To") or []),
        tokens=_tokens(returned),
        detail=" ".join(filter(None, (kind, fields.get("User-Agent"), fields.get("Reporting-MTA"))))[:300],
    )


def _delivery(mail: Message, parts: list[Message], part: Message) -> BounceReport:
    groups = [block for block in _blocks(part) if block.get("Action") or block.get("Status")]
    actions = [_action(group) for group in groups]
    returned = _returned(parts)
    common = BounceReport(
        kind=ReportKind.OTHER,
        why="a delivery report without a result",
        message_ids=(*_message_ids(returned), *_answered_ids(mail)),
        addresses=_addresses(
            value
            for group in groups
            for value in (group.get("Original-Recipient"), group.get("Final-Recipient"))
            if value
        ),
        tokens=_tokens(returned),
    )
    for action, kind, why in (
        # In this order: a mail that reached one of an alias's mailboxes has reached its reader.
        ("delivered", ReportKind.DELIVERED, "a report of success"),
        ("failed", ReportKind.BOUNCE, "a delivery report"),
        ("delayed", ReportKind.DELAY, "a warning: the relay goes on trying"),
    ):
        if action in actions:
            group = groups[actions.index(action)]
            said = group.get("Diagnostic-Code") or group.get("X-Supplementary-Info") or ""
            diagnostic = " ".join(str(said).split())
            status = _best_status(str(group.get("Status") or ""), diagnostic)
            return replace(common, kind=kind, why=why, status=status, detail=diagnostic[:300])
    return common


def _action(group: Message) -> str:
    """The group's action; one that is left out or unknown follows from the status."""
    action = str(group.get("Action") or "").split("(")[0].strip().lower()
    if action in ("relayed", "expanded"):
        return "delivered"
    if action in ("failed", "delayed", "delivered"):
        return action
    if action == "expired":  # as SendGrid says that it gave up
        return "failed"
    status = str(group.get("Status") or "").strip()
    return {"2": "delivered", "4": "delayed", "5": "failed"}.get(status[:1], "")


def _unsubscribe(subject: str, parts: list[Message]) -> BounceReport | None:
    found = _wish(subject)
    if found is None:
        return None
    body = next((_content(part) for part in parts if part.get_content_type() == "text/plain"), "")
    tokens = found or _wish(body[:2_000].strip()) or ()
    return BounceReport(kind=ReportKind.UNSUBSCRIBE, why="an unsubscribe mail", tokens=tokens)


def _sloppy(mail: Message, parts: list[Message]) -> BounceReport:
    """A bounce in prose, as Exim, qmail and others write it: what can be found in it is taken."""
    body = "\n".join(_content(part) for part in parts if part.get_content_maintype() == "text")
    returned = _returned(parts) or body
    reason = _PROSE_END.split(body, maxsplit=1)[0]
    status = _best_status("", reason)
    warning = status.startswith("4") or _TRYING.search(reason[:MAX_TEXT])
    kind = ReportKind.DELAY if warning else ReportKind.BOUNCE
    return BounceReport(
        kind=kind,
        why="a bounce in prose" if kind is ReportKind.BOUNCE else "a warning in prose: the relay goes on trying",
        message_ids=(*_message_ids(returned), *_answered_ids(mail)),
        addresses=_addresses(str(mail.get("X-Failed-Recipients") or "").split(",")) or _addresses(_named(reason)),
        tokens=_tokens(returned),
        status=status,
        detail=_reason(reason),
    )


def _returned(parts: list[Message]) -> str:
    """The head of the mail that is reported, as text; empty when the report does not carry it."""
    for part in parts[1:]:
        kind = _kind(part)
        if kind == "message/rfc822":
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                return "\n".join(f"{name}: {value}" for name, value in _decoded(part, inner[0]).items())
        if kind in ("text/rfc822-headers", "message/rfc822-headers", "message/partial"):
            return _content(part)
    return ""


def _kind(part: Message) -> str:
    """The type of a part; one for mails in UTF-8 (RFC 6533) as what it is otherwise."""
    kind = part.get_content_type()
    if kind in ("message/global", "message/global-headers"):
        return kind.replace("global", "rfc822")
    return kind.replace("message/global-", "message/")


def _decoded(part: Message, inner: Message) -> Message:
    """The mail within; one that was encoded, which RFC 2046 forbids and some do, was not taken apart by the parser."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if inner.items() or encoding not in ("base64", "quoted-printable"):
        return inner
    raw = str(inner.get_payload())
    with contextlib.suppress(binascii.Error, ValueError):
        data = base64.b64decode(raw) if encoding == "base64" else quopri.decodestring(raw.encode())
        return BytesParser().parsebytes(data, headersonly=True)
    return inner


def _named(text: str) -> list[str]:
    """The first addresses that a text in prose names."""
    return [match[0] for match, _ in zip(_NAMED.finditer(text[:20_000]), range(_SHOWN), strict=False)]


def _addresses(values: Iterator[str] | list[str]) -> tuple[str, ...]:
    """The addresses of fields like `rfc822; <ann@example.org>`, those that are ones."""
    found: dict[str, None] = {}
    for value in values:
        if len(str(value)) > MAX_FIELD:
            continue
        bare = str(value).rpartition(";")[2].strip().removeprefix("<").removesuffix(">")
        try:
            found[canonical(bare)] = None
        except ValueError:
            continue  # a report may name a mailbox of its own server: it is only shown, never relied on
    return tuple(found)


def _header(mail: Message, name: str) -> str:
    """A field as text on one line, encoded words decoded where they can be."""
    # Not mail.get(): it gives up on bytes that are not ASCII, which many senders leave unencoded.
    value = next((str(value) for key, value in mail.raw_items() if key.lower() == name.lower()), "")
    raw = value[:2_000].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    with contextlib.suppress(LookupError, ValueError, binascii.Error):  # an unknown charset: then it stays raw
        raw = str(make_header(decode_header(raw)))
    return " ".join(raw.split())


def _content(part: Message) -> str:
    """The text of a part, decoded as well as it can be, up to MAX_TEXT characters."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return "\n\n".join(map(_whole, part.get_payload()))[:MAX_TEXT] if part.is_multipart() else ""
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")[:MAX_TEXT]
    except LookupError:
        return data.decode("latin-1")[:MAX_TEXT]


def _whole(message: Message) -> str:
    """Fields and text as they came: str(message) would fold each field anew, in the square of its length."""
    payload = message.get_payload()
    head = "\n".join(f"{name}: {value}" for name, value in message.raw_items())
    return f"{head}\n\n{payload if isinstance(payload, str) else ''}".encode("utf-8", "replace").decode()


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a message/delivery-status or message/feedback-report, encoded though they may not be."""
    raw = _content(part)
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    with contextlib.suppress(binascii.Error, ValueError):  # or it only says that it is encoded
        if encoding == "base64":
            raw = base64.b64decode("".join(raw.split()), validate=True).decode()
        elif encoding == "quoted-printable":
            raw = quopri.decodestring(raw.strip().encode()).decode()
    raw = _BLANK_BEFORE_COLON.sub(r"\1:", raw)  # `Action : failed`, which ends the fields for a strict reader
    for block in re.split(r"(?:\r?\n[ \t]*){2,}", raw.strip()):
        yield email.message_from_string(f"{block}\n\n")


def _message_ids(text: str) -> tuple[str, ...]:
    """What stands in Message-ID fields of a returned head, in their order."""
    return tuple(dict.fromkeys(_ID_FIELD.findall(text[:MAX_TEXT])))


def _answered_ids(mail: Message) -> tuple[str, ...]:
    """Every id of its In-Reply-To and References fields, the last one (the nearest) first."""
    text = " ".join(str(mail.get(name, "")) for name in ("In-Reply-To", "References"))
    return tuple(dict.fromkeys(reversed(_ID.findall(text[:10_000]))))


def _tokens(text: str) -> tuple[str, ...]:
    """Unsubscribe tokens in a List-Unsubscribe field that was returned; whether they are ours is not known here."""
    unfolded = re.sub(r"\r?\n[ \t]+", " ", text[:MAX_TEXT])
    fields = re.findall(r"(?im)^List-Unsubscribe:(.*)$", unfolded)
    found = (one or other for field in fields for one, other in _LINK.findall(field))
    return tuple(dict.fromkeys(found))[:4]


def _wish(text: str) -> tuple[str, ...] | None:
    """The token after the word `unsubscribe`: () when there is only the word, None when not even that."""
    found = _WISH.match(text)
    if found is None:
        return None
    return (found[1],) if found[1] else ()


def _best_status(status: str, diagnostic: str) -> str:
    """The enhanced status code that says most: the server's own in its words beats a general x.0.0 (RFC 3463)."""
    given = _ENHANCED.search(status)
    told = _ENHANCED.search(diagnostic)
    if given and not given[1].endswith(".0.0"):
        return given[1]
    if told and (not given or told[1][0] == given[1][0]):
        return told[1]
    if given:
        return given[1]
    basic = _BASIC.search(f" {diagnostic} ")
    return f"{basic[1][0]}.0.0" if basic else ""


def _reason(text: str) -> str:
    """The line of a bounce in prose that says why: the one with a code, else the first."""
    lines = [" ".join(line.split()) for line in text[:MAX_TEXT].splitlines() if line.strip()]
    return next((line for line in lines if _ENHANCED.search(line) or _BASIC.search(f" {line} ")), "".join(lines[:1]))[
        :300
    ]


def _is_daemon(mail: Message, subject: str) -> bool:
    """Tell whether a mail without a machine-readable part looks like a bounce: from a mail system, about a failure."""
    empty = str(mail.get("Return-Path", "")).strip() == "<>"
    from_daemon = _DAEMON.search(_header(mail, "From")) is not None
    return bool(mail.get("X-Failed-Recipients")) or ((from_daemon or empty) and _FAILURE.search(subject) is not None)


def _away(mail: Message, subject: str) -> bool:
    """Tell whether a reader's own robot says that they are away. A mail system answers automatically as well."""
    if mail.get("X-Failed-Recipients"):
        return False
    marks = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From")
    precedence = str(mail.get("Precedence", "")).strip().lower()
    if precedence == "auto_reply" or any(mail.get(mark) for mark in marks) or _AWAY.search(subject):
        return True
    return _auto_submitted(mail) == "auto-replied" and _DAEMON.search(_header(mail, "From")) is None


def _auto_submitted(mail: Message) -> str:
    return str(mail.get("Auto-Submitted", "no")).split(";")[0].strip().lower()


def _automatic(mail: Message, subject: str) -> str:
    """What kind of robot wrote this, or nothing. A person's answer has none of these marks (RFC 3834)."""
    if _CHALLENGE.search(subject):
        return "a challenge: the reader's system asks for proof, which we don't give"
    return "an automatic reply (out of office)" if _auto_submitted(mail) != "no" else ""
