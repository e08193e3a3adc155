"""Header fields, byte for byte (RFC 5322, 2047, 2369, 2919): folded, encoded where needed, never open to injection.

Lines have at most 78 columns where the value has a place to fold, 76 where they hold an encoded word, and never more
than 998. Text for people is cleaned by `cleaning.one_line`; a machine's value (an address, a URL, an identifier) is
refused with ValueError when it holds anything it should not. URLs are never folded inside and never encoded.
Each function returns a whole field with its CRLF.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.mail.address import MAX_ADDRESS
from digest.mail.encodedword import encoded_words
from digest.text.cleaning import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

LINE = 78  # RFC 5322, 2.1.1
ENCODED_LINE = 76  # RFC 2047, 2: a line that holds an encoded word
MAX_URL = 900  # keeps the line under 998 octets

_FOLD = "\r\n "
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_ATOMS = re.compile(rf"{_ATEXT}+(?: {_ATEXT}+)*", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]*", re.ASCII)
_TOKEN = re.compile(r"[!-~]+(?: [!-~]+)*", re.ASCII)
_ADDRESS = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_URL = re.compile(r"(?:https://|mailto:)[!#-;=?-\[\]_a-z{-~]+", re.ASCII)
_MESSAGE_ID = re.compile(rf"<{_ATEXT}+(?:\.{_ATEXT}+)*@{_ATEXT}+(?:\.{_ATEXT}+)*>", re.ASCII)
_LIST_ID = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)+", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
# What digest writes (see head), what would add a reader, and what only a relay may say (RFC 5322, 3.6; RFC 6376).
_TAKEN = frozenset(
    (
        *("from", "reply-to", "to", "cc", "bcc", "apparently-to", "sender", "subject", "date", "message-id"),
        *("in-reply-to", "references", "mime-version", "list-id", "list-unsubscribe", "list-unsubscribe-post"),
        *("auto-submitted", "precedence", "feedback-id", "organization", "return-path", "dkim-signature"),
        *("domainkey-signature", "authentication-results", "delivered-to", "envelope-to", "errors-to", "bounces-to"),
        *("disposition-notification-to", "return-receipt-to", "x-mailer"),
    )
)
_TAKEN_FAMILIES = ("content-", "resent-", "arc-", "received")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def unstructured(name: str, text: str) -> bytes:
    """A field of free text, such as Subject (RFC 5322, 2.2.1). The text is cleaned first."""
    text = one_line(text)
    if not _PRINTABLE.fullmatch(text) or "=?" in text:
        return _encoded(name, text)
    line = f"{name}: {text}"
    if len(line) <= LINE:
        return f"{line}\r\n".encode()
    lines = [f"{name}:"]
    for word in text.split(" "):
        if len(lines[-1]) + 1 + len(word) <= LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    if len(lines[0]) == len(name) + 1 or max(map(len, lines)) > LINE:  # a word that fits on no line
        return _encoded(name, text)
    return "\r\n".join((*lines, "")).encode()


def mailbox(name: str, display: str, address: str) -> bytes:
    """A field with one mailbox, such as From or To: a display name, which may be empty, and a canonical address."""
    if not _ADDRESS.fullmatch(address) or len(address) > MAX_ADDRESS:
        message = f"{address!a} cannot stand in {name}: it is not a canonical address"
        raise ValueError(message)
    if len(name) + len(display) + len(address) <= LINE - 5 and _ATOMS.fullmatch(display) and "=?" not in display:
        return f"{name}: {display} <{address}>\r\n".encode()
    return _with_phrase(name, display, f"<{address}>" if one_line(display) else address)


def list_id(display: str, identifier: str) -> bytes:
    """List-Id (RFC 2919): a name for people and an identifier in the shape of a domain."""
    if not _LIST_ID.fullmatch(identifier):
        message = f"{identifier!a} is no List-Id: it is words joined by dots, like news.2.example.org"
        raise ValueError(message)
    return _with_phrase("List-Id", display, f"<{identifier}>")


def urls(name: str, addresses: Iterable[str]) -> bytes:
    """A list header (RFC 2369): URLs in angle brackets, one a line, whole and as they are."""
    return f"{name}: {f',{_FOLD}'.join(f'<{url(one)}>' for one in addresses)}\r\n".encode()


def url(address: str) -> str:
    """`address`, if it can stand in a list header: https or mailto, ASCII, nothing that would end it early."""
    if len(address) <= MAX_URL and _URL.fullmatch(address):
        return address
    message = f"is no https or mailto address of at most {MAX_URL} ASCII characters without blanks, quotes or brackets"
    raise ValueError(message)


def literal(name: str, value: str) -> bytes:
    """A field for machines, such as Feedback-ID, in ASCII that is written as it is."""
    if not _TOKEN.fullmatch(value) or len(name) + 2 + len(value) > LINE:
        message = f"{value!a} cannot stand in {name}: at most {LINE - 2 - len(name)} ASCII characters"
        raise ValueError(message)
    return f"{name}: {value}\r\n".encode()


def own(name: str, value: str) -> bytes:
    """A field that a newsroom adds: none that we write, or that a relay writes, and in ASCII as it is.

    Raises ValueError with what is wrong with it.
    """
    folded = name.lower()
    if not _NAME.fullmatch(name):
        message = "is no name of a header field; write letters, digits and -, like X-Campaign"
        raise ValueError(message)
    if folded in _TAKEN or folded.startswith(_TAKEN_FAMILIES):
        message = "is written by digest or on the way, and cannot be set here"
        raise ValueError(message)
    return literal(name, value)


def message_id(identifier: str) -> bytes:
    """Message-ID (RFC 5322, 3.6.4), with its angle brackets."""
    if len(identifier) > MAX_URL or not _MESSAGE_ID.fullmatch(identifier):
        message = f"{identifier!a} is no Message-ID: write <left@right>"
        raise ValueError(message)
    return f"Message-ID: {identifier}\r\n".encode()


def date(when: datetime) -> bytes:
    """Date (RFC 5322, 3.3), with the offset of the zone that `when` is in. English whatever the locale."""
    offset = when.utcoffset()
    if offset is None:
        message = "the Date header needs a time with a zone"
        raise ValueError(message)
    minutes = round(offset.total_seconds() / 60)
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    day = f"{_DAYS[when.weekday()]}, {when.day:02} {_MONTHS[when.month - 1]} {when.year:04}"
    return f"Date: {day} {when:%H:%M:%S} {zone}\r\n".encode()


def _with_phrase(name: str, display: str, rest: str) -> bytes:
    """`Name: phrase rest`, the rest on its own line when the first would grow too long."""
    display = one_line(display)
    if not display:
        return f"{name}: {rest}\r\n".encode()
    phrase = _phrase(name, display)
    last = len(phrase) - (phrase.rfind("\r\n") + 2) if "\r\n" in phrase else len(name) + 2 + len(phrase)
    limit = ENCODED_LINE if phrase.startswith("=?") else LINE
    gap = " " if last + 1 + len(rest) <= limit else _FOLD
    return f"{name}: {phrase}{gap}{rest}\r\n".encode()


def _phrase(name: str, display: str) -> str:
    """A display name as atoms, else as a quoted string, else as encoded words (RFC 5322, 3.2.5; RFC 2047, 5)."""
    room = ENCODED_LINE - len(name) - 2
    if "=?" not in display and len(display) <= room:
        if _ATOMS.fullmatch(display):
            return display
        quoted = '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if _PRINTABLE.fullmatch(display) and len(quoted) <= room:
            return quoted
    return _FOLD.join(encoded_words(display, room))


def _encoded(name: str, text: str) -> bytes:
    return f"{name}: {_FOLD.join(encoded_words(text, ENCODED_LINE - len(name) - 2))}\r\n".encode()
