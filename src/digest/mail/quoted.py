"""Quoted-printable (RFC 2045, 6.7), written so that nothing on the way has a reason to touch it.

Lines of at most 76 octets with the soft break, CRLF ends, no blank before a line end. A line never begins with a dot
(SMTP would stuff it) nor with `From ` (mbox would quote it): `=2E`, `=46rom `. The octets of one character stay on
one line. Never decodes, never guesses a charset: it is UTF-8.

A body is encoded in pieces, cut where a slot begins and ends. Each piece starts a line of its own behind a soft break,
so a piece's bytes do not depend on its neighbours: what is encoded once and joined is what would be encoded in one go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SOFT_BREAK = b"=\r\n"
WIDTH = 75  # and one column for the soft break's `=`

_SHORT = re.compile(r"(?!From )(?!\.)[!-<>-~]+(?: [!-<>-~]+)*")
_ODD = re.compile(r"[^\n\t -~]")
_BEFORE_END = re.compile(r"[ \t]$", re.MULTILINE)


def piece(text: str) -> bytes:
    r"""Encode `text` (line ends are `\n`) as if it began a line and anything might follow.

    >>> piece("Café = 2\n.\nFrom here")
    b'Caf=C3=A9 =3D 2\r\n=2E\r\n=46rom here'
    """
    if len(text) <= WIDTH and _SHORT.fullmatch(text):
        return text.encode("ascii")
    escaped = _ODD.sub(lambda match: escape(match[0]), text.replace("=", "=3D"))
    escaped = _BEFORE_END.sub(lambda match: escape(match[0]), escaped)
    lines = [_wrap(line) for line in escaped.split("\n")]
    return "\r\n".join(lines).encode("ascii")


def escape(character: str) -> str:
    """Every octet of a character as `=XX`."""
    return "".join(f"={octet:02X}" for octet in character.encode())


def around(literals: Sequence[str]) -> list[bytes]:
    r"""Encode the literals around slots (n + 1 for n slots) with the soft breaks that set each slot on its own line.

    Between two of the results belongs `piece(value)` of a slot's value. The last literal must end with `\n`.
    """
    encoded = []
    last = len(literals) - 1
    for index, literal in enumerate(literals):
        data = piece(literal)
        if index and not literal.startswith("\n"):
            data = SOFT_BREAK + data
        if index < last and literal and not literal.endswith("\n"):
            data += SOFT_BREAK
        encoded.append(data)
    return encoded


def _wrap(line: str) -> str:
    """Cut an escaped line into encoded lines with soft breaks."""
    rows = []
    position, length = 0, len(line)
    while True:
        first = ""
        if line.startswith((".", "From "), position):
            first = escape(line[position])
            position += 1
        end = position + WIDTH - len(first)
        if end >= length:
            rows.append(first + line[position:])
            return "=\r\n".join(rows)
        cut = _cut(line, end)
        rows.append(first + line[position:cut])
        position = cut


def _cut(line: str, end: int) -> int:
    """The last place at or before `end` that is inside no escape and between no octets of one character."""
    if line[end - 1] == "=":
        end -= 1
    elif line[end - 2] == "=":
        end -= 2
    while line[end] == "=" and line[end + 1] in "89AB":  # a continuation octet: its character began earlier
        end -= 3
    return end
