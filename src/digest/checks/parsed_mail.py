"""A finished mail taken apart again: header fields, parts, lines. Only for looking; nothing here writes a mail.

It reads what is there byte by byte and repairs nothing, because a check must see what a relay will see: Python's own
parser forgives too much. RFC 5322 2.2 (fields, folding), RFC 2046 5.1 (parts).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PARTS = 100
_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_MAILBOX = re.compile(
    r"\s*(?:(?P<name>\"(?:\\.|[^\"\\])*\"|[^<>\"]*?)\s*<(?P<angle>[^<>\s]+)>|(?P<bare>[^<>\s,;\"]+))\s*"
)


class Field(Struct, frozen=True, kw_only=True):
    """One header field. `name` is in lower case; `value` is unfolded; `lines` are as written, without line ends."""

    name: str
    value: str
    lines: tuple[str, ...]


class Message(Struct, frozen=True, kw_only=True, eq=False):
    """A mail, taken apart. A line of its header that is no field has an empty name.

    `parts` are the types of the mail and its parts, outermost first: `multipart/alternative`, `text/plain`…
    """

    fields: tuple[Field, ...]
    parts: tuple[str, ...]

    def all(self, name: str) -> list[Field]:
        """Every field of this name."""
        return [field for field in self.fields if field.name == name.lower()]

    def value(self, name: str) -> str:
        """The first value of this field, stripped, or an empty text."""
        return next((field.value.strip() for field in self.fields if field.name == name.lower()), "")


def read(mail: bytes) -> Message:
    """Take a mail apart. Never raises, whatever it holds."""
    head, _, body = mail.partition(b"\r\n\r\n")
    header = tuple(fields(head))
    return Message(fields=header, parts=tuple(_types(header, body, MAX_PARTS)))


def fields(head: bytes) -> Iterator[Field]:
    """Read a header block."""
    lines: list[str] = []
    for raw in [*head.decode("latin-1").split("\r\n"), ""]:
        if raw[:1] in (" ", "\t") and lines:
            lines.append(raw)
            continue
        if lines:
            found = _FIELD.fullmatch("".join(lines))
            name, value = (found[1].lower(), found[2]) if found else ("", "".join(lines))
            yield Field(name=name, value=value, lines=tuple(lines))
        lines = [raw] if raw else []


def mailbox(value: str) -> tuple[str, str] | None:
    """The (display name, address) of a field that holds one mailbox, encoded words decoded; None for anything else."""
    found = _MAILBOX.fullmatch(value)
    if not found:
        return None
    address = found["angle"] or found["bare"]
    name = (found["name"] or "").strip()
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return (decoded(name), address) if address.count("@") == 1 and not address.startswith("@") else None


def decoded(text: str) -> str:
    """The text with its encoded words (RFC 2047) read; one that cannot be read stays as it is."""
    if "=?" not in text:
        return text
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, UnicodeError, LookupError, ValueError):
        return text


def _types(head: tuple[Field, ...], body: bytes, left: int) -> Iterator[str]:
    value = next((field.value for field in head if field.name == "content-type"), "text/plain")
    kind = value.partition(";")[0].strip().lower()
    yield kind
    boundary = re.search(r";\s*boundary=(?:\"([^\"]+)\"|([^\s;\"]+))", value, re.IGNORECASE)
    if not kind.startswith("multipart/") or not boundary or left <= 0:
        return
    mark = re.escape((boundary[1] or boundary[2]).encode("latin-1", "replace"))
    pieces = re.split(rb"(?:\A|\r\n)--" + mark + rb"(?:--)?[ \t]*(?=\r\n|\Z)", body)
    for piece in pieces[1:-1][:left]:
        inner, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        yield from _types(tuple(fields(inner)), content, left // 2)
