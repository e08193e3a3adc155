"""How the bytes of a list are read as text: UTF-8, UTF-16, a Windows-1252 that the whole file proves, or not at all.

    file ─encoding_of─▶ "utf-8", "utf-16", "cp1252", or FaultyInput        file, encoding ─as_utf8─▶ a stream of UTF-8

A file is never read half: one strange byte says that every name with a mark in it may be wrong.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING, Any

from digest.errors import Fault, FaultyInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

BLOCK = 1 << 18
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# What Western text never has: three letters with marks running (Cyrillic, Greek, Arabic); a sign within a word (Polish
# and Romanian in Windows-1250, DOS), a low quote behind one (DOS); a capital behind a small letter with a mark (Mac).
_NOT_WESTERN = re.compile(
    r"(?:(?![\x00-\x7f×÷])\w){3}|(?<=[^\W\d_])[²³¹¼½¾](?=[^\W\d_])|(?<=[^\W\d_])[^\w\s\x00-\x7f’‘·–—´](?=[^\W\d_])|(?<=[^\W\d_])[‚„]|(?<=[a-zß-öø-ÿ])[À-ÖØ-ÞŠŽŸ]"
)
# Letters by which other languages' Windows pages give themselves away when they are read as Western.
_CENTRAL = (frozenset("øì"), frozenset("øù"), frozenset("øò"), frozenset("õû"), frozenset("þã"), frozenset("ðæè"))


def encoding_of(file: BinaryIO, name: str, *, only: str = "") -> str:
    """The encoding of the whole file; it is left at its beginning.

    Raises FaultyInput for one that is not certain, or not `only` this one, as whoever adds to a file must write in it.
    """
    head = file.read(256)
    encoding = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "") or _without_mark(head)
    try:
        bad = _first_bad(file, encoding or "utf-8")
        if bad and not encoding and not (bad := _first_not_western(file)):
            encoding = "cp1252"
    finally:
        file.seek(0)
    if bad:
        what = f"is no whole {encoding.upper()}" if encoding else "is neither UTF-8 nor surely Windows-1252"
        message = f"{what}; save the list as 'CSV UTF-8', nothing of it was read"
        raise FaultyInput([Fault(file=name, line=bad, message=message)])
    if only and encoding not in ("", only):
        message = f"is {encoding.upper()}; save the list as 'CSV UTF-8', so that digest can write into it"
        raise FaultyInput([Fault(file=name, line=1, message=message)])
    return encoding or "utf-8"


def as_utf8(file: BinaryIO, encoding: str) -> BinaryIO:
    """The file's text as UTF-8; the file itself where it is that."""
    return file if encoding == "utf-8" else io.BufferedReader(_Recoded(file, encoding))


class _Recoded(io.RawIOBase):
    """A file in another encoding, read as UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next."""
        while not self._ready and (data := self._file.read(BLOCK)):
            self._ready = self._decoder.decode(data).encode()
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


def _without_mark(head: bytes) -> str:
    """UTF-16 that does not say so: every other byte of its first letters is empty."""
    if len(head) >= 16 and b"\0" in head:  # noqa: PLR2004 - fewer letters prove nothing
        if not any(head[1:16:2]) and all(head[0:16:2]):
            return "utf-16-le"
        if not any(head[0:16:2]) and all(head[1:16:2]):
            return "utf-16-be"
    return ""


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(BLOCK):
        yield block


def _first_bad(file: BinaryIO, encoding: str) -> int:
    """The line on which the first byte stands that this encoding cannot have; 0 when there is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        for block in _blocks(file):
            line += decoder.decode(block).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + error.object[: error.start].count(b"\n")
    return 0


def _first_not_western(file: BinaryIO) -> int:
    """The first line that is not Windows-1252 for certain; 0 when all of them are, taken together."""
    letters: set[str] = set()
    file.seek(0)
    for number, raw in enumerate(file, start=1):
        if raw.isascii():
            continue
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError:
            return number
        if _UTF8_LETTER.search(raw) or _NOT_WESTERN.search(text):
            return number
        letters.update(text.casefold())
        foreign = any(letters >= signs for signs in _CENTRAL) or (letters & {"š", "ž"} and letters & set("øìèùòæð"))
        if foreign or ("ø" in letters and not letters & {"å", "æ"} and letters & set("áíý")):
            return number
    return 0
