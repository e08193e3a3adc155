"""A row becomes a reader: which column is what, and what a cell may hold. The same for CSV files and for SQL.

    column names ─header()─▶ Columns ─reader()─▶ function: row of cells ─▶ Recipient, or BadRow with the reason

A cell is cleaned only where that cannot change its meaning (blanks at the ends, line breaks in a name); anything else
that is wrong makes the row a bad one, named and left out. Nothing here opens a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from digest.mail.address import canonical
from digest.model import Recipient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Value = TypeVar("Value")

MAX_COLUMNS = 200
MAX_NAME = 200  # characters; the longest real names have fewer
MAX_CELL = 10_000
_REMEMBERED = 10_000  # distinct domains, languages and topic lists kept, so that memory stays flat
_SHORT = 64  # an address this long at most has a local part within RFC 5321, 4.5.3.1.1

_ALIASES = {
    "e-mail": "email",
    "mail": "email",
    "email address": "email",
    "e-mail address": "email",
    "email_address": "email",
    "lang": "language",
    "topic": "topics",
}
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*").fullmatch
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}").fullmatch
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
# C0 and C1 controls, and the marks that turn the direction of the text around them (Unicode TR 9, "Trojan Source")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class BadRow(ValueError):
    """A row that names no usable reader. `key` is the column, `str()` says what is wrong."""

    def __init__(self, message: str, key: str = "") -> None:
        self.key = key
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where a row's values stand, counted from 0; -1 for a column that is not there. `fields` are merge fields."""

    width: int
    email: int
    name: int = -1
    language: int = -1
    topics: int = -1
    fields: tuple[tuple[str, int], ...] = ()


def header(names: Sequence[str]) -> Columns:
    """Understand column names, in any order and case. Raises BadRow for a header that cannot be one, with the reason.

    Other names become merge fields, spelled as an identifier: `First name` is the field `first_name`.
    """
    if len(names) > MAX_COLUMNS:
        message = f"has {len(names)} columns; more than {MAX_COLUMNS} cannot be a list of readers"
        raise BadRow(message)
    places: dict[str, int] = {}
    for index, raw in enumerate(names):
        key = field_name(raw)
        if not key:
            continue  # a column without a name: a row with something in it is a bad one
        if key in places:
            message = f"stands twice in the header, as columns {places[key] + 1} and {index + 1}; keep one"
            raise BadRow(message, key)
        places[key] = index
    if "email" not in places:
        data = any("@" in name for name in names)
        what = "there is no header" if data else "is not among the columns"
        message = f"{what}; the first line must name them: email,name,language,topics"
        raise BadRow(message, "email")
    known = {key: places.pop(key) for key in ("email", "name", "language", "topics") if key in places}
    return Columns(width=len(names), fields=tuple(places.items()), **known)


def field_name(raw: str) -> str:
    """The key of a column: `email`, `name`, `language`, `topics`, or a merge field's name."""
    name = " ".join(raw.split()).casefold()
    return _ALIASES.get(name) or re.sub(r"\W+", "_", name).strip("_")


def reader(columns: Columns) -> Callable[[Sequence[str]], Recipient]:
    """Make the function that turns a row of cells into a Recipient. It raises BadRow.

    It remembers domains, languages and topic lists that it has judged, so that the second million rows cost nothing
    that the first ones have paid for.
    """
    width, email, name, language = columns.width, columns.email, columns.name, columns.language
    topics, fields = columns.topics, columns.fields
    domains: dict[str, str] = {}
    languages: dict[str, str] = {"": ""}
    topic_lists: dict[str, tuple[str, ...]] = {"": ()}
    # A frozen dataclass pays for its own guard once per field; a million rows would pay twice what reading costs.
    create = Recipient.__new__
    set_address, set_name, set_language, set_topics, set_fields = (
        vars(Recipient)[slot].__set__ for slot in ("address", "name", "language", "topics", "fields")
    )

    def read(row: Sequence[str]) -> Recipient:
        if len(row) != width:
            row = _fit(row, width)
        address = row[email]
        local, _, domain = address.rpartition("@")
        known = domains.get(domain)
        if known is None or len(address) > _SHORT or not _PLAIN_LOCAL(local):
            address = _address(address, domains)
        elif known is not domain:
            address = f"{local}@{known}"
        new = create(Recipient)
        set_address(new, address)
        text = row[name].strip() if name >= 0 else ""
        set_name(new, text if text.isprintable() and len(text) <= MAX_NAME else _name(text))
        text = row[language] if language >= 0 else ""
        found = languages.get(text)
        set_language(new, _language(text, languages) if found is None else found)
        text = row[topics] if topics >= 0 else ""
        listed = topic_lists.get(text)
        set_topics(new, _topics(text, topic_lists) if listed is None else listed)
        set_fields(new, {key: _field(key, row[place]) for key, place in fields} if fields else {})
        return new

    return read


def _fit(row: Sequence[str], width: int) -> Sequence[str]:
    """Fill up a row whose last cells were not written; refuse one that has values outside the columns."""
    if any(cell.strip() for cell in row[width:]):
        message = f"has {len(row)} values for {width} columns; a value with the delimiter in it needs quotes around it"
        raise BadRow(message)
    return [*row[:width], *([""] * (width - len(row)))]


def _address(text: str, domains: dict[str, str]) -> str:
    text = _sound("email", text.strip(" \t\u00a0"))  # never a line break: that is two rows run together
    try:
        address = canonical(text)
    except ValueError as error:
        message = f"{text[:80]!r} {error}" if text else str(error)
        raise BadRow(message, "email") from None
    if len(domains) >= _REMEMBERED:
        domains.clear()
    given, domain = text.rpartition("@")[2], address.rpartition("@")[2]
    domains[given] = given if given == domain else domain
    return address


def _name(text: str) -> str:
    text = " ".join(_UNSEEN.sub(" ", _sound("name", text)).split())
    if len(text) > MAX_NAME:
        message = f"has {len(text)} characters; {MAX_NAME} are the most"
        raise BadRow(message, "name")
    return text


def _language(text: str, known: dict[str, str]) -> str:
    tag = _sound("language", text.strip())
    if tag and not _LANGUAGE(tag):
        message = f"{tag[:40]!r} is no language tag; write it like en, fr or pt-BR, or leave it empty"
        raise BadRow(message, "language")
    first, *rest = tag.replace("_", "-").split("-")
    parts = (part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part.lower() for part in rest)  # noqa: PLR2004 - RFC 5646, 2.1.1: region, script
    return _remember(known, text, "-".join((first.lower(), *parts)))


def _topics(text: str, known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Split at `;`, `|` or `,`; where there is none of them, at blanks: `green jobs; skills`, and `gender skills`."""
    sound = _UNSEEN.sub(" ", _field("topics", text))
    parts = re.split(r"[;|,]", sound) if re.search(r"[;|,]", sound) else sound.split()
    return _remember(known, text, tuple(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip())))


def _field(key: str, text: str) -> str:
    text = text.strip()
    if not text.isprintable():
        text = _sound(key, text).replace("\r\n", "\n").replace("\r", "\n")
        text = "\n".join(" ".join(_UNSEEN.sub(" ", line).split()) for line in text.split("\n"))
    if len(text) > MAX_CELL:
        message = f"has {len(text)} characters; {MAX_CELL} are the most"
        raise BadRow(message, key)
    return text


def _sound(key: str, text: str) -> str:
    """Refuse what no text holds: bytes that were not UTF-8 (they arrive as lone surrogates) and NUL."""
    if broken := _NOT_UTF8.search(text):
        message = f"is not UTF-8 (byte 0x{ord(broken[0]) & 0xFF:02x}); save the list as 'CSV UTF-8'"
        raise BadRow(message, key)
    if "\0" in text:
        message = "has a NUL in it; the file is damaged there"
        raise BadRow(message, key)
    return text


def _remember(known: dict[str, Value], text: str, value: Value) -> Value:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[text] = value
    return value
