"""A row becomes a reader: which column is what, and what a cell may hold. The same for CSV files and for SQL.

    column names ─header()─▶ Columns ─Reader─▶ rows of cells ─▶ Recipients, or BadRow with the reason

A cell is cleaned only where that cannot change its meaning (blanks at the ends, line breaks in a name); anything else
that is wrong makes the row a bad one, named and left out. Nothing here opens a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from digest.mail.address import canonical
from digest.model import Recipient
from digest.text.cleaning import multiline, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_ATOM = r"[A-Za-z0-9_+-]++"
_PLAIN_LOCALS = re.compile(rf"(?:{_ATOM}(?:\.{_ATOM})*+@[a-z0-9.-]++(?:\n|$))++").fullmatch  # one on each line
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}").fullmatch
_NOT_UTF8 = re.compile("[\ud800-\udfff]")


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


class RowReader:
    """Turns rows of cells into Recipients. It remembers domains, languages and topic lists that it has judged.

    So the second million rows cost nothing that the first ones have paid for, and memory stays flat.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._common: set[str] = set()  # the domains that are written as they are mailed
        self._languages: dict[str, str] = {"": ""}
        self._topics: dict[str, tuple[str, ...]] = {"": ()}

    def one(self, row: list[str]) -> Recipient:
        """The reader in one row. Raises BadRow."""
        at = self._columns
        if len(row) != at.width:
            row = _fit(row, at.width)
        language = row[at.language] if at.language >= 0 else ""
        topics = row[at.topics] if at.topics >= 0 else ""
        return Recipient(
            address=self._address(row[at.email]),
            name=_name(row[at.name]) if at.name >= 0 else "",
            language=self._languages[language] if language in self._languages else _language(language, self._languages),
            topics=self._topics[topics] if topics in self._topics else _topics(topics, self._topics),
            fields={key: _field(key, row[place]) for key, place in at.fields},
        )

    def many(self, rows: list[list[str]]) -> list[Recipient] | None:
        """What one() gives for each row, a column at a time; None when a row among them is out of the ordinary."""
        at = self._columns
        if set(map(len, rows)) != {at.width}:
            return None
        columns = [*zip(*rows, strict=True), ("",) * len(rows)]  # the last is what stands at -1: nothing
        addresses = columns[at.email]
        if not _PLAIN_LOCALS("\n".join(addresses)) or max(map(len, addresses)) > _SHORT:
            return None
        if not self._common.issuperset([address.partition("@")[2] for address in addresses]):
            return None
        names = list(map(str.strip, columns[at.name]))
        cells = [list(map(str.strip, columns[place])) for _key, place in at.fields]
        if not _ordinary(names, MAX_NAME) or not all(_ordinary(each, MAX_CELL) for each in cells):
            return None
        try:
            languages = [self._languages[each] for each in columns[at.language]]
            topics = [self._topics[each] for each in columns[at.topics]]
        except KeyError:
            return None
        fields: list[dict[str, str]] = [{} for _ in rows]
        for (key, _place), values in zip(at.fields, cells, strict=True):
            for known, value in zip(fields, values, strict=True):
                known[key] = value
        return [
            Recipient(address=address, name=name, language=language, topics=topics_, fields=values)
            for address, name, language, topics_, values in zip(
                addresses, names, languages, topics, fields, strict=True
            )
        ]

    def _address(self, text: str) -> str:
        address = _canonical(text)
        domain = address.rpartition("@")[2]
        if text.endswith(f"@{domain}"):
            if len(self._common) >= _REMEMBERED:
                self._common.clear()
            self._common.add(domain)
        return address


def _fit(row: list[str], width: int) -> list[str]:
    """Fill up a row whose last cells were not written; refuse one that has values outside the columns."""
    if any(cell.strip() for cell in row[width:]):
        message = f"has {len(row)} values for {width} columns; a value with the delimiter in it needs quotes around it"
        raise BadRow(message)
    return [*row[:width], *([""] * (width - len(row)))]


def _canonical(text: str) -> str:
    text = _sound("email", text.strip(" \t\u00a0"))  # never a line break: that is two rows run together
    try:
        return canonical(text)
    except ValueError as error:
        message = f"{text[:80]!r} {error}" if text else str(error)
        raise BadRow(message, "email") from None


def _name(text: str) -> str:
    text = text.strip()
    if text.isprintable() and len(text) <= MAX_NAME:
        return text
    text = one_line(_sound("name", text))
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
    sound = one_line(_field("topics", text))
    parts = re.split(r"[;|,]", sound) if re.search(r"[;|,]", sound) else sound.split()
    return _remember(known, text, tuple(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip())))


def _ordinary(values: Sequence[str], longest: int) -> bool:
    """Tell whether all can be taken as they are."""
    return "".join(values).isprintable() and max(map(len, values)) <= longest


def _field(key: str, text: str) -> str:
    text = text.strip()
    if not text.isprintable():
        text = "\n".join(map(one_line, multiline(_sound(key, text)).split("\n")))
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
