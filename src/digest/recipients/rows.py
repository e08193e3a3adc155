"""A row becomes a reader: what a cell may hold. The same for CSV files, sheets and SQL.

    Columns, row of cells ─RowReader─▶ Recipient, InactiveReader where a status says so, or BadRow with the reason

A cell is cleaned only where that cannot change its meaning (blanks at the ends, line breaks in a name); anything else
that is wrong makes the row a bad one, named and left out. Nothing here opens a file.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from msgspec import MsgspecError, json
from msgspec.structs import replace

from digest.errors import Fault
from digest.mail.address import canonical
from digest.mail.address import key as address_key
from digest.model import InactiveReader, Recipient
from digest.recipients.columns import SPOKEN, BadRow, folded, worst
from digest.text.cleaning import multiline, one_line
from digest.text.counting import counted
from digest.text.language import shortest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from digest.model import InactiveReason
    from digest.recipients.columns import Columns, StatusColumn

Value = TypeVar("Value")
Row = Recipient | InactiveReader | Fault

MAX_NAME = 200  # characters; the longest real names have fewer
MAX_CELL = 10_000
_REMEMBERED = 10_000  # distinct domains, languages and topic lists kept, so that memory stays flat
_SHOWN = 80  # characters of a status in a message
_SHORT = 64  # an address this long at most has a local part within RFC 5321, 4.5.3.1.1

_ATOM = r"[A-Za-z0-9_+-]++"
_PLAIN_LOCALS = re.compile(rf"(?:{_ATOM}(?:\.{_ATOM})*+@[a-z0-9.-]++(?:\n|$))++").fullmatch  # one on each line
# Wider than a tag is: a list may have what other tools make of one, and its reader is mailed all the same.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}").fullmatch
_NOT_UTF8 = re.compile("[\ud800-\udfff]")


class RowFault(Fault, frozen=True, kw_only=True):
    """A bad row of which it is known whose it is; `doubt` is a status of theirs that is not understood."""

    reader: Recipient
    doubt: str = ""


def row_fault(bad: BadRow, *, file: str, line: int = 0, key: str) -> Fault:
    """What is wrong in a row, for a person."""
    if bad.reader is None:
        return Fault(file=file, line=line, key=key, message=str(bad))
    return RowFault(file=file, line=line, key=key, message=str(bad), reader=bad.reader, doubt=bad.doubt)


class RowReader:
    """Turns rows of cells into Recipients. It remembers domains, languages and topic lists that it has judged.

    So the second million rows cost nothing that the first ones have paid for, and memory stays flat.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._common: set[str] = set()  # the domains that are written as they are mailed
        self._languages: dict[str, str] = {"": ""}
        self._topics: dict[str, tuple[str, ...]] = {"": ()}
        self._active: list[set[str]] = [set() for _ in columns.statuses]  # values that let a reader be mailed

    def one(self, row: list[str]) -> Recipient | InactiveReader:
        """The reader in one row. Raises BadRow."""
        at = self._columns
        if len(row) != at.width:
            row = _fit(row, at.width)
        address = self._address(row[at.email])
        try:
            if at.statuses and (stopped := self._stopped(row)):
                known = self._as_far_as_read(address, row)
                return InactiveReader(recipient=known, reason=stopped[0], detail=stopped[1])
            return self._recipient(address, row)
        except BadRow as bad:
            bad.reader = self._as_far_as_read(address, row)
            raise

    def _recipient(self, address: str, row: list[str]) -> Recipient:
        at = self._columns
        language = row[at.language] if at.language >= 0 else ""
        topics = row[at.topics] if at.topics >= 0 else ""
        return Recipient(
            address=address,
            name=self._name(row),
            language=self._languages[language] if language in self._languages else _language(language, self._languages),
            topics=self._topics[topics] if topics in self._topics else self._parted(topics),
            fields={key: _field(key, row[place]) for key, place in at.fields},
        )

    def _as_far_as_read(self, address: str, row: list[str]) -> Recipient:
        """The reader of a row that stops them, whatever else is wrong in it: that cell counts as empty."""
        at = self._columns
        for _ in at.keys:
            try:
                return self._recipient(address, row)
            except BadRow as bad:
                wrong = {at.first, at.last} if bad.key == "name" and at.name < 0 else {at.keys.index(bad.key)}
                row = ["" if place in wrong else cell for place, cell in enumerate(row)]
        return Recipient(address=address)

    def many(self, rows: list[list[str]]) -> list[Recipient] | None:
        """What one() gives for each row, a column at a time; None when a row among them is out of the ordinary."""
        at = self._columns
        if set(map(len, rows)) != {at.width} or not self._all_active(rows):
            return None
        columns = [*zip(*rows, strict=True), ("",) * len(rows)]  # the last is what stands at -1: nothing
        addresses = columns[at.email]
        if not _PLAIN_LOCALS("\n".join(addresses)) or max(map(len, addresses)) > _SHORT:
            return None
        if not self._common.issuperset([address.partition("@")[2] for address in addresses]):
            return None
        names = list(map(str.strip, columns[at.name]))
        if at.first >= 0 or at.last >= 0:
            whole = map(" ".join, zip(map(str.strip, columns[at.first]), map(str.strip, columns[at.last]), strict=True))
            names = [name or joined.strip() for name, joined in zip(names, whole, strict=True)]
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

    def _all_active(self, rows: list[list[str]]) -> bool:
        statuses = zip(self._active, self._columns.statuses, strict=True)
        return all(known.issuperset([row[status.place] for row in rows]) for known, status in statuses)

    def _stopped(self, row: list[str]) -> tuple[InactiveReason, str] | None:
        """Why a status stops the reader, and its words; None where none does. Raises BadRow for one not understood."""
        stopped: dict[InactiveReason, str] = {}
        strange: StatusColumn | None = None
        for known, status in zip(self._active, self._columns.statuses, strict=True):
            text = row[status.place]
            if text in known:
                continue
            reason = status.reason(text)
            if reason is None:
                strange = strange or status
            elif reason:
                stopped.setdefault(reason, f"{status.name}: {' '.join(text.split())[:_SHOWN]}")
            else:
                _add(known, text)
        if stopped:
            reason = worst(stopped)
            return reason, stopped[reason]
        if strange is not None:
            value = " ".join(row[strange.place].split())[:_SHOWN]
            message = f"{value!r} is not known to mean that a reader may be mailed; write subscribed, or unsubscribed; "
            message += "a column that says something else needs another name"
            raise BadRow(message, strange.name, f"{strange.name}: {value}")
        return None

    def _name(self, row: list[str]) -> str:
        at = self._columns
        name = _name(row[at.name]) if at.name >= 0 else ""
        if name or at.first < 0 > at.last:
            return name
        return _name(" ".join(row[place].strip() for place in (at.first, at.last) if place >= 0))

    def _parted(self, text: str) -> tuple[str, ...]:
        return _topics(text, self._topics, tags=self._columns.tags)

    def _address(self, text: str) -> str:
        address = _canonical(text)
        domain = address.rpartition("@")[2]
        if text.endswith(f"@{domain}"):
            _add(self._common, domain)
        return address


def stopped_once(read: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a list with statuses, which is read twice: whom one row stops, no other row of theirs brings back.

    Nor where it is not understood whether it stops them. Never confirmed in a row says nothing of the others.
    """
    stopped: dict[str, tuple[InactiveReason, str]] = {}
    doubted: dict[str, RowFault] = {}
    for row in read():
        if isinstance(row, InactiveReader) and row.reason != "unconfirmed":
            stopped[address_key(row.address)] = row.reason, row.detail
        elif isinstance(row, RowFault) and row.doubt:
            doubted[address_key(row.reader.address)] = row
    for row in read():
        address = address_key(row.address) if isinstance(row, Recipient) else ""
        if isinstance(row, Recipient) and (why := stopped.get(address)):
            yield InactiveReader(recipient=row, reason=why[0], detail=why[1])
        elif isinstance(row, Recipient) and (doubt := doubted.get(address)):
            message = f"another row of {row.address} is left out, too, as {doubt.doubt!r} is not understood"
            yield replace(doubt, message=message, reader=row)
        else:
            yield row


def _fit(row: list[str], width: int) -> list[str]:
    """Fill up a row whose last cells were not written; refuse one that has values outside the columns."""
    if any(cell.strip() for cell in row[width:]):
        message = (
            f"has {counted(len(row), 'value')} for {counted(width, 'column')}; a value with the delimiter in it needs "
            "quotes around it"
        )
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
    return _remember(known, text, language_named(text))


def language_named(text: str) -> str:
    """The tag of a language as people and other tools write it: `fr_CA`, `en_GB.UTF-8`, `fra`, `French`, `Français`.

    Raises BadRow for what is none.
    """
    tag = re.split("[.@]", _sound("language", text.strip()))[0].strip()
    if tag and not _LANGUAGE(tag):
        spoken = _named_languages()
        named = spoken.get(folded(tag)) or spoken.get(folded(tag.partition("(")[0]))
        if not named:
            message = f"{tag[:40]!r} is no language; write it like en, fr or pt-BR, or leave it empty"
            raise BadRow(message, "language")
        tag = named
    return shortest(tag.replace("_", "-"))


@cache
def _named_languages() -> dict[str, str]:
    """Tags by the languages' names in English, French, Spanish, German and themselves (CLDR); read when first met."""
    from babel import Locale

    names = {folded(name): tag for tag in reversed(SPOKEN[:4]) for tag, name in Locale(tag).languages.items()}
    return names | {folded(Locale(tag).get_language_name(tag) or tag): tag for tag in SPOKEN}


def topic_key(topic: str) -> str:
    """A topic as it is kept: without case, one blank between words.

    >>> topic_key("  Green   JOBS ")
    'green jobs'
    """
    return " ".join(topic.casefold().split())


def topics_cell(topics: Sequence[str]) -> str:
    """The topics as one cell that is read as the same topics again: in quotes where one has a separator in it.

    >>> [topics_cell(topics) for topics in (("water", "green jobs"), ("green jobs",), ("big, red",))]
    ['water;green jobs', 'green jobs;', '"big, red"']
    """
    if any(re.search("[;|,]", topic) for topic in topics):
        return ";".join(f'"{topic}"' for topic in topics)
    return f"{topics[0]};" if len(topics) == 1 and " " in topics[0] else ";".join(topics)


def _topics(text: str, known: dict[str, tuple[str, ...]], *, tags: bool = False) -> tuple[str, ...]:
    """Split at `;`, `|` or `,`; where there is none of them, at blanks: `green jobs; skills`, and `gender skills`.

    What stands in quotes is one topic (Mailchimp's `"Green jobs","Water"`), and tags are never parted by blanks.
    """
    sound = one_line(_field("topics", text))
    if sound[:1] == "[":  # a list of JSON, as Buttondown and databases write it
        with suppress(MsgspecError):
            sound = topics_cell(json.decode(sound, type=list[str]))
    if sound[:1] == "{" and sound[-1:] == "}":  # an array of PostgreSQL
        sound = sound[1:-1]
    if '"' in sound:
        parts = re.split(r'[;|,]|"([^"]*)"', sound)
    elif re.search(r"[;|,]", sound):
        parts = re.split(r"[;|,]", sound)
    else:
        parts = [sound] if tags else sound.split()
    topics = (topic_key(part) for part in parts if part)
    return _remember(known, text, tuple(dict.fromkeys(topic for topic in topics if topic)))


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


def _add(known: set[str], value: str) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known.add(value)


def _remember(known: dict[str, Value], text: str, value: Value) -> Value:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[text] = value
    return value
