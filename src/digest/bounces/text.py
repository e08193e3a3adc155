"""Find in a mail's text what a report is made of: fields, ids, tokens, status codes, and the words of robots.

Patterns only, over text of bounded length; nothing here decides what becomes of a reader.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import email
import quopri
import re
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

MAX_TEXT = 200_000  # characters that are searched
_ID = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
_ID_FIELD = re.compile(r"^[>\s]{0,4}Message-ID:\s{0,80}(<[^<>\s]{1,400}>)", re.IGNORECASE | re.MULTILINE)
_SEAL = r"[A-Za-z0-9_-]{60,1000}"
_LINK = re.compile(rf"/u/({_SEAL})(?![A-Za-z0-9_-])|unsubscribe(?:%20|\+|\s){{1,3}}({_SEAL})(?![A-Za-z0-9_-])")
_WISH = re.compile(rf"\s*(?:(?:re|aw|fwd?)\s*:\s*)?unsubscribe\b[:\s]*({_SEAL})?\s*(?:\n|$)", re.IGNORECASE)
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BASIC = re.compile(r"(?:^|[\s:;<(\[#-])([45]\d\d)(?=[\s:;>)\]#-])")
_DAEMON = re.compile(r"mailer-daemon|postmaster|mail delivery (?:sub)?system|mail-daemon", re.IGNORECASE)
_FAILURE = re.compile(
    r"undeliver|returned mail|failure notice|delivery (?:has )?(?:status|fail)|mail delivery|non remis|unzustellbar"
    r"|no se ha podido entregar|delivery.{0,20}delayed|delayed.{0,20}delivery|delivery warning",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"^(?:auto(?:matic)?[- ]?(?:reply|response|réponse)|auto:|out of (?:the )?office|ooo\b|away from|abwesen"
    r"|automatische|absence|réponse automatique|respuesta automática|fuera de la oficina|رد تلقائي)",
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


def header(mail: Message, name: str) -> str:
    """A field as text on one line, encoded words decoded where they can be."""
    # Not mail.get(): it gives up on bytes that are not ASCII, which many senders leave unencoded.
    value = next((str(value) for key, value in mail.raw_items() if key.lower() == name.lower()), "")
    raw = value[:2_000].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    with contextlib.suppress(LookupError, ValueError, binascii.Error):  # an unknown charset: then it stays raw
        raw = str(make_header(decode_header(raw)))
    return " ".join(raw.split())


def content(part: Message) -> str:
    """The text of a part, decoded as well as it can be, up to MAX_TEXT characters."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return "\n\n".join(str(inner) for inner in part.get_payload())[:MAX_TEXT] if part.is_multipart() else ""
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")[:MAX_TEXT]
    except LookupError:
        return data.decode("latin-1")[:MAX_TEXT]


def blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a message/delivery-status or message/feedback-report, encoded though they may not be."""
    raw = content(part)
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    with contextlib.suppress(binascii.Error, ValueError):  # or it only says that it is encoded
        if encoding == "base64":
            raw = base64.b64decode("".join(raw.split()), validate=True).decode()
        elif encoding == "quoted-printable":
            raw = quopri.decodestring(raw.strip().encode()).decode()
    for block in re.split(r"(?:\r?\n[ \t]*){2,}", raw.strip()):
        yield email.message_from_string(f"{block}\n\n")


def message_ids(text: str) -> tuple[str, ...]:
    """What stands in Message-ID fields of a returned head, in their order."""
    return tuple(dict.fromkeys(_ID_FIELD.findall(text[:MAX_TEXT])))


def bare_ids(text: str) -> tuple[str, ...]:
    """Every id of an In-Reply-To or References field, the last one (the nearest) first."""
    return tuple(dict.fromkeys(reversed(_ID.findall(text[:10_000]))))


def tokens(text: str) -> tuple[str, ...]:
    """Unsubscribe tokens in a List-Unsubscribe field that was returned; whether they are ours is not known here."""
    unfolded = re.sub(r"\r?\n[ \t]+", " ", text[:MAX_TEXT])
    fields = re.findall(r"(?im)^List-Unsubscribe:(.*)$", unfolded)
    found = (one or other for field in fields for one, other in _LINK.findall(field))
    return tuple(dict.fromkeys(found))[:4]


def wish(text: str) -> tuple[str, ...] | None:
    """The token after the word `unsubscribe`: () when there is only the word, None when not even that."""
    found = _WISH.match(text)
    if found is None:
        return None
    return (found[1],) if found[1] else ()


def best_status(status: str, diagnostic: str) -> str:
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


def still_trying(text: str) -> bool:
    """Tell whether a bounce in prose is only a warning."""
    return _TRYING.search(text[:MAX_TEXT]) is not None


def reason(text: str) -> str:
    """The line of a bounce in prose that says why: the one with a code, else the first."""
    lines = [" ".join(line.split()) for line in text[:MAX_TEXT].splitlines() if line.strip()]
    return next((line for line in lines if _ENHANCED.search(line) or _BASIC.search(f" {line} ")), "".join(lines[:1]))[
        :300
    ]


def is_daemon(mail: Message, subject: str) -> bool:
    """Tell whether a mail without a machine-readable part looks like a bounce: from a mail system, about a failure."""
    empty = str(mail.get("Return-Path", "")).strip() == "<>"
    from_daemon = _DAEMON.search(header(mail, "From")) is not None
    return bool(mail.get("X-Failed-Recipients")) or ((from_daemon or empty) and _FAILURE.search(subject) is not None)


def automatic(mail: Message, subject: str) -> str:
    """What kind of robot wrote this, or nothing. A person's answer has none of these marks (RFC 3834)."""
    if _CHALLENGE.search(subject):
        return "a challenge: the reader's system asks for proof, which we don't give"
    marks = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From")
    submitted = str(mail.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    precedence = str(mail.get("Precedence", "")).strip().lower()
    if (
        submitted != "no"
        or precedence == "auto_reply"
        or any(mail.get(mark) for mark in marks)
        or _AWAY.search(subject)
    ):
        return "an automatic reply (out of office)"
    return ""
