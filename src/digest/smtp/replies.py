"""An SMTP reply, read out of bytes (RFC 5321, 4.2). Bounded and pure: it holds no socket and waits for nothing."""

from __future__ import annotations

import re
import unicodedata

from msgspec import Struct

from digest.text.wrapping import clipped

MAX_BYTES = 16 * 1024  # of one reply; RFC 5321, 4.5.3.1.5 has 512 for a line, and a long EHLO has twenty lines
MAX_LINES = 128
MAX_WORDS = 400  # characters of a server's words that are kept
ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)", re.ASCII)
CODE_LENGTH = 3
HYPHEN = ord("-")
MARKS = frozenset(b" -\r\n")  # what may follow a code
ONE_LINE = re.compile(rb"([2-5][0-9]{2})(?:\n|[ \r][^\n]*\n)")


class NotSmtp(Exception):
    """What the server said is no SMTP reply, or one without end."""


class Reply(Struct, frozen=True):
    """What the server answered: its code, and the bytes of all its lines, for whoever wants the words."""

    code: int
    raw: bytes

    @property
    def lines(self) -> tuple[str, ...]:
        """The text of each line without the code, made safe for a terminal and a log."""
        return tuple(_printable(line[CODE_LENGTH + 1 :]) for line in self.raw.rstrip(b"\r\n").split(b"\n"))

    @property
    def text(self) -> str:
        """All words on one line, an enhanced status code (RFC 3463) only once, and never more than a person reads."""
        line = self.raw[CODE_LENGTH + 1 :].rstrip(b"\r\n")
        if b"\n" not in line and len(line) <= MAX_WORDS:  # nearly all have one line
            return _printable(line).strip()
        first, *others = self.lines or ("",)
        found = ENHANCED.match(first)
        status = f"{found[0]} " if found else ""
        words = " ".join([first, *(line.removeprefix(status) for line in others)]).strip()
        return clipped(words, MAX_WORDS)

    @property
    def status(self) -> str:
        """The enhanced status code (`5.1.1`) when there is one of the reply's own class, else nothing (RFC 2034)."""
        found = ENHANCED.match(self.lines[0]) if self.lines else None
        return found[0] if found and found[1] == str(self.code)[0] else ""

    def __str__(self) -> str:
        """The code and the words, as a person would quote them."""
        return f"{self.code} {self.text}".rstrip()


def parse_reply(data: bytearray, start: int, end: int) -> tuple[Reply, int] | None:
    """The reply that begins at `start`, and where the next one begins; None when `data[start:end]` has only a part.

    Takes a bare LF for a line's end as well, as every client does. Raises NotSmtp when the bytes cannot become a
    reply: no code, codes of two classes, more lines or bytes than any server needs.
    """
    if usual := ONE_LINE.match(data, start, end):
        return Reply(int(usual[1]), bytes(usual[0])), usual.end()
    position, code = start, b""
    for _ in range(MAX_LINES):
        newline = data.find(b"\n", position, end)
        if newline < 0:
            if end - start >= MAX_BYTES:
                message = f"a reply of more than {MAX_BYTES} bytes"
                raise NotSmtp(message)
            return None
        code_end = position + CODE_LENGTH
        first = bytes(data[position : min(code_end, newline)])
        well_formed = newline >= code_end and first.isdigit() and b"200" <= first <= b"599" and data[code_end] in MARKS
        # Servers that ask a filter behind them mix codes in one reply. Of one class they say the same; a yes and a no
        # in one reply say nothing.
        if not well_formed or (code and first[:1] != code[:1]):
            message = f"not an SMTP reply: {_printable(bytes(data[position : min(newline, position + 60)]))!r}"
            raise NotSmtp(message)
        position = newline + 1
        if data[code_end] != HYPHEN:
            return Reply(int(first), bytes(data[start:position])), position
        code = first
    message = f"a reply of more than {MAX_LINES} lines"
    raise NotSmtp(message)


def _printable(line: bytes) -> str:
    """A server's words without what could steer a terminal or forge a line: controls, escapes, bidi marks."""
    text = line.rstrip(b"\r").decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "?" if unicodedata.category(character)[0] in "CZ" and character != " " else character for character in text
    )
