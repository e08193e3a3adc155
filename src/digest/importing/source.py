"""What a source is, bytes with a name, and what every format makes of it: a Listing of Items with its faults.

It never guesses a character set: what says it is Latin-1 is read so, what says nothing must be UTF-8.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.errors import ImportFailed
from digest.importing.html_to_markdown import C1
from digest.model import StoryContent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    from digest.errors import Fault

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Only sets in which a `<` is a `<`: UTF-7 and its like hide markup from who looks for it.
_ENCODINGS = re.compile(
    r"utf-?8|us-ascii|utf-?16(?:-?[lb]e)?|(?:iso|windows|cp|koi8|gb|big5|shift|sjis|euc|ks_c|tis|mac)[\w-]*|latin-?\d"
)
_RAW = C1 | {0x85: "\x85"}  # which ends a line, in some texts
_SINGLE_BYTE = ("cp125", "iso8859", "koi8", "mac", "cp874")
# What calls itself Latin-1 or ASCII is Windows-1252 on the web, and so on (WHATWG Encoding, 4.2); UTF-16 has a mark or
# isn't.
_LABELS = {"windows-874": "cp874", "windows-949": "cp949", "iso-8859-8-i": "iso-8859-8"}  # which Python lacks
_AS_ON_THE_WEB = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "ascii": "utf-8",
    "utf-16": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_MULTIBYTE = re.compile(rb"[\xc3-\xdf][\x80-\xbf](?![\x80-\xbf])|[\xe1-\xef][\x80-\xbf]{2}(?![\x80-\xbf])")
_OTHER_FILES = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP file (a Word document is one)",
    b"\x1f\x8b": "packed with gzip",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\xd0\xcf\x11\xe0": "an old Word or Excel document",
}
_HEAD = 4_096


class Source(Struct, frozen=True, kw_only=True):
    """What came from one place. `name` is its path, address or `-`, for messages and for the record.

    `base` is where it came from in the end, after redirects: links are read from there. `zone` and `language` are the
    newsroom's; `selectors` (CSS) name the parts of a page, and `sheet` that of a workbook, where a person gave some.
    """

    name: str
    data: bytes
    content_type: str = ""
    base: str = ""
    zone: ZoneInfo
    language: str
    selectors: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""

    @property
    def head(self) -> str:
        """The first characters, read as well as can be: enough to tell a format. Nothing is raised."""
        encoding, start = self._encoding()
        return self.data[start:_HEAD].decode(encoding, "replace").lstrip("\ufeff \t\r\n")

    @property
    def media_type(self) -> str:
        """What the server called it: `text/html`, in lower case and without parameters."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The text of the bytes. Raises ImportFailed, with the line, for what is no text or not in the set it says."""
        for magic, what in _OTHER_FILES.items():
            if self.data.startswith(magic):
                message = f"{self.name}: is {what}; save the listing as text, HTML or CSV"
                raise ImportFailed(message)
        encoding, start = self._encoding()
        try:
            text = self.data[start:].decode(encoding)
        except UnicodeDecodeError as error:
            if not self._is_utf8_with_bad_bytes(encoding):
                line = self._line(start + error.start)
                message = f"{self.name}:{line}: is not {encoding.upper()} here; save it as UTF-8"
                raise ImportFailed(message) from None
            text = self.data[start:].decode(encoding, "windows-1252 where bad")
        text = text.translate(_RAW)
        if "\x00" in text:
            message = f"{self.name}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: holds a NUL; this is no text"
            raise ImportFailed(message)
        return text

    @property
    def damage(self) -> str:
        """What was read as well as could be: bytes that are not UTF-8 in a text that is. Empty when there is none."""
        encoding, start = self._encoding()
        said = self._declared()
        if said and said[0] != encoding and not start:
            return f"{self.name}: says that it is {said[0].upper()}, and is {encoding.upper()}; read as that"
        if encoding == "utf-8" and not self.data.startswith(b"PK"):
            try:
                self.data[start:].decode()
            except UnicodeDecodeError as error:
                place = start + error.start
                what = f"the byte 0x{self.data[place]:02X} is not UTF-8; it and its like are read as Windows-1252"
                return f"{self.name}:{self._line(place)}: {what}"
        return ""

    def _line(self, place: int) -> int:
        return self.data.count(b"\n", 0, place) + 1

    def _is_utf8_with_bad_bytes(self, encoding: str) -> bool:
        """Tell a file that says or shows that it is UTF-8, and has bad bytes, from one in another character set."""
        told = (self.data[:1024].lower(), self.content_type.lower().encode())
        says = any(b"utf-8" in _DECLARED.findall(part) for part in told)
        return encoding == "utf-8" and (says or bool(_MULTIBYTE.search(self.data)))

    def _encoding(self) -> tuple[str, int]:
        """The character set, and where the text begins.

        What was declared is not believed where the bytes prove another: UTF-8 of which each byte is right, or the set
        that the text itself names where a server says that it is UTF-8 and it is not.
        """
        for mark, name in _BOMS:
            if self.data.startswith(mark):
                return name, len(mark)
        said = self._declared() or ["utf-8"]
        if said[0].startswith(_SINGLE_BYTE) and _MULTIBYTE.search(self.data) and _is_utf8(self.data):
            return "utf-8", 0
        return (said[-1] if said[0] == "utf-8" != said[-1] and not _is_utf8(self.data) else said[0]), 0

    def _declared(self) -> list[str]:
        """The character sets that are named: by the server, then in the text."""
        found = _DECLARED.search(self.content_type.encode("ascii", "replace"))
        inside = _DECLARED.search(self.data[:1024]) if self.data.lstrip()[:1] == b"<" else None
        names = (one[1].decode("ascii").lower().removeprefix("x-") for one in (found, inside) if one)
        return [known for name in names if _ENCODINGS.fullmatch(name) and (known := _known(name))]


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """One bad byte as its Windows-1252 character: what most often slips into a file that is UTF-8 otherwise."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.start + 1].decode("cp1252", "replace"), error.start + 1


codecs.register_error("windows-1252 where bad", _as_windows_1252)


def _known(name: str) -> str:
    try:
        known = codecs.lookup(_LABELS.get(name, name)).name
    except LookupError:
        return ""
    return _AS_ON_THE_WEB.get(known, known)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(StoryContent):
    """One item of a source: a story that has no file yet.

    `date` is in the newsroom's zone. Texts of one line are clean (no control characters, NFC); `link` and `image` are
    absolute http(s) addresses.
    """

    line: int = 0  # where the item begins in its source, from 1; 0 when that has no lines (a feed)


def told_apart(reads: Iterable[Item | Fault]) -> tuple[tuple[Item, ...], tuple[Fault, ...]]:
    """The items that were read, and why the others are none."""
    every = list(reads)
    return tuple(one for one in every if isinstance(one, Item)), tuple(
        one for one in every if not isinstance(one, Item)
    )


class Listing(Struct, frozen=True, kw_only=True):
    """A source as it was read. `faults` name items that are lost; `notes` say what a person may want to know."""

    source: str
    format: str = ""  # one of formats.FORMATS; else a folder of texts
    title: str = ""
    id: str = ""  # by which the source tells itself from others: a feed's own id or address
    contact: str = ""  # the media contact's address, offered for config.yaml
    language: str = ""
    items: tuple[Item, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
