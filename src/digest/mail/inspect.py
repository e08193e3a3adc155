"""Looks at finished bytes as a stranger would, and says what a relay or a mail program would stumble over.

    bytes ─inspect─▶ findings          `demand_sound` raises instead

It shares no code with what writes the mail, so that a mistake there is seen here: line ends, 7-bit, lengths, header
syntax, fields that must be there once, fields that must not be there, folding, encoded words, boundaries. Never mends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.errors import CheckFailed
from digest.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 998  # RFC 5322, 2.1.1, without the CRLF
MAX_ENCODED_LINE = 76  # RFC 2045, 6.7 and 6.8

_TEMPTING = (b".", b"From ")  # SMTP doubles the dot (RFC 5321, 4.5.2), mbox puts a > before From
_ALTERNATIVES = 2  # a multipart here has at least two parts
_ONCE = (b"from", b"reply-to", b"subject", b"date", b"message-id", b"mime-version", b"content-type")
_AT_MOST_ONCE = (b"to", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"sender", b"content-language")
_NEVER = (b"bcc", b"cc", b"resent-bcc", b"return-path", b"received", b"x-mailer")
_LEGAL = bytes((9, 10, 13, *range(32, 127), *range(128, 256)))
_FIELD = re.compile(rb"([!-9;-~]+):(?: [^\r\n]*)?\r\n(?:[ \t]+[^\s][^\r\n]*\r\n)*")
_QUOTED_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_ENCODED = re.compile(rb"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")
_BOUNDARY = re.compile(rb'boundary="([^"]+)"')
_BAD_QUOTED = re.compile(rb"=(?![0-9A-F]{2}|\r\n)")


def inspect(mail: bytes) -> tuple[Finding, ...]:
    """Everything that is wrong with a finished mail (CRLF, without SMTP's final dot); nothing when it is sound."""
    head, gap, body = mail.partition(b"\r\n\r\n")
    findings = [*_octets(mail)]
    if not gap:
        findings.append(_finding("mail-no-body", "header", "the header is not ended by an empty line"))
    findings += _header(head + b"\r\n")
    findings += _parts(head, body)
    return tuple(findings)


def demand_sound(mail: bytes) -> None:
    """Raise CheckFailed with the first thing that is wrong, if anything is."""
    if findings := inspect(mail):
        first = findings[0]
        message = f"the finished mail is not sound: {first.where}: {first.message} ({first.code})"
        raise CheckFailed(message)


def _finding(code: str, where: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, where=where, message=message)


def _octets(mail: bytes) -> Iterator[Finding]:
    """What must hold for every octet and every line."""
    rows = mail.split(b"\r\n")
    if not mail.count(b"\r") == mail.count(b"\n") == len(rows) - 1:
        yield _finding("mail-bare-line-end", "mail", "a CR or LF stands alone; servers read it in different ways")
    if not mail.isascii():
        yield _finding("mail-8-bit", "mail", "an octet above 127; not every server takes them")
    if controls := mail.translate(None, _LEGAL):
        yield _finding("mail-control", _line(mail, mail.index(controls[:1])), "a control character")
    if rows[-1]:
        yield _finding("mail-no-end", "mail", "the last line has no CRLF")
    for number, row in enumerate(rows, start=1):
        if row.startswith(_TEMPTING):
            code, why = ("mail-dot", "a dot, which SMTP doubles") if row[:1] == b"." else ("mail-from", "'From '")
            yield _finding(code, f"line {number}", f"begins with {why}")
    if (longest := max(map(len, rows))) > MAX_LINE:
        yield _finding("mail-long-line", "mail", f"a line has {longest} octets; the limit is {MAX_LINE}")


def _line(mail: bytes, position: int) -> str:
    number = mail.count(b"\n", 0, position) + 1
    return f"line {number}"


def _header(head: bytes) -> Iterator[Finding]:
    """Header syntax, and which fields there are."""
    fields: list[tuple[bytes, bytes]] = []
    position = 0
    while position < len(head):
        match = _FIELD.match(head, position)
        if not match:
            yield _finding(
                "mail-header-syntax", _line(head, position), "this is no header field, nor a folded line of one"
            )
            return
        fields.append((match[1].lower(), match[0]))
        position = match.end()
    names = [name for name, _ in fields]
    for name in _ONCE:
        if names.count(name) != 1:
            yield _finding("mail-header-count", name.decode(), f"is there {names.count(name)} times instead of once")
    for name in _AT_MOST_ONCE:
        if names.count(name) > 1:
            yield _finding("mail-header-count", name.decode(), f"is there {names.count(name)} times")
    for name in _NEVER:
        if name in names:
            yield _finding("mail-header-stranger", name.decode(), "has no place in a mail to one reader")
    for name, field in fields:
        yield from _field(name.decode("ascii", "replace"), name, field)


def _field(where: str, name: bytes, field: bytes) -> Iterator[Finding]:
    rows = field.split(b"\r\n")[:-1]
    for word in _ENCODED.findall(field):
        if len(word) > 75:  # noqa: PLR2004 - RFC 2047, 2
            yield _finding("mail-encoded-word", where, f"an encoded word of {len(word)} columns; the limit is 75")
    if any(_ENCODED.search(row) and len(row) > MAX_ENCODED_LINE for row in rows):
        yield _finding("mail-encoded-word", where, "a line with an encoded word is longer than 76 columns")
    if name in (b"to", b"from", b"reply-to"):
        unquoted = _QUOTED_STRING.sub(b"", field)
        if b"," in unquoted or unquoted.count(b"@") != 1:
            yield _finding("mail-addresses", where, "does not hold exactly one address")
    if name.startswith(b"list-unsubscribe") and (b"=?" in field or not _whole_urls(name, field)):
        yield _finding("mail-list-url", where, "a URL is encoded, folded or not in angle brackets")


def _whole_urls(name: bytes, field: bytes) -> bool:
    if name == b"list-unsubscribe-post":
        return field == b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return bool(re.fullmatch(rb"[^:]+: <[!-;=?-~]+>(?:,\r\n <[!-;=?-~]+>)*\r\n", field))


def _parts(head: bytes, body: bytes) -> Iterator[Finding]:
    """The multipart frame: each boundary opens, divides and closes, and occurs nowhere else."""
    boundaries = _BOUNDARY.findall(head) + _BOUNDARY.findall(body)
    if not boundaries:
        yield _finding("mail-boundary", "header", "no multipart boundary")
    rows = body.split(b"\r\n")
    for boundary in boundaries:
        opening, closing = b"--" + boundary, b"--" + boundary + b"--"
        openings, closings = rows.count(opening), rows.count(closing)
        if openings < _ALTERNATIVES or closings != 1 or opening in rows[rows.index(closing) :]:
            yield _finding("mail-boundary", "body", "a boundary does not open, divide and close the body's parts")
        announced = body.count(b'boundary="' + boundary + b'"')
        if body.count(boundary) != openings + closings + announced:
            yield _finding("mail-boundary", "body", "a boundary occurs inside a part")
        for part in body.split(b"--" + boundary)[1:-1]:
            part_head, _, content = part.partition(b"\r\n\r\n")
            if b"Content-Type: multipart/" not in part_head:
                yield from _leaf(part_head, content)


def _leaf(head: bytes, content: bytes) -> Iterator[Finding]:
    """The encoding of one part."""
    longest = max(map(len, content.split(b"\r\n")))
    if longest > MAX_ENCODED_LINE:
        yield _finding("mail-encoded-line", "body", f"an encoded line has {longest} columns; the limit is 76")
    if b"Content-Transfer-Encoding: quoted-printable" not in head:
        return
    if match := _BAD_QUOTED.search(content):
        yield _finding("mail-quoted-printable", "body", f"{match[0]!r} begins no escape")
    if b" \r\n" in content or b"\t\r\n" in content:
        yield _finding("mail-trailing-blank", "body", "a blank stands before a line end, where servers drop it")
