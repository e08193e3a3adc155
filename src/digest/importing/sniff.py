"""Tell what kind of source some bytes are, and make text of them. By their content first, then by what they claim.

It never guesses a character set: what says it is Latin-1 is read so, what says nothing must be UTF-8.
"""

from __future__ import annotations

import codecs
import re
from typing import Literal, get_args

from digest.errors import ImportFailed
from digest.importing import table

Format = Literal["text", "html", "feed", "jsonfeed", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Only sets in which a `<` is a `<`: UTF-7 and its like hide markup from who looks for it.
_ENCODINGS = re.compile(
    r"utf-?8|us-ascii|utf-?16(?:-?[lb]e)?|(?:iso|windows|cp|koi8|gb|big5|shift|euc|mac)[\w-]*|latin-?\d"
)
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_OTHER_FILES = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP file (a Word or Excel document is one)",
    b"\x1f\x8b": "packed with gzip",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\xd0\xcf\x11\xe0": "an old Word or Excel document",
}
_ROOT = re.compile(
    r"(?:<!--.*?-->|<\?[^>]*\?>|<!DOCTYPE[^>\[]*(?:\[[^\]]*\])?[^>]*>|\s)*<([A-Za-z:]+)", re.DOTALL | re.IGNORECASE
)
_FEED_ROOTS = {"rss", "feed", "rdf:rdf", "atom:feed"}
_HEAD = 4_096


def decode(data: bytes, source: str, content_type: str = "") -> str:
    """Text of the bytes. Raises ImportFailed naming the line, for what is no text or not in the set it says."""
    for magic, what in _OTHER_FILES.items():
        if data.startswith(magic):
            message = f"{source}: is {what}; save the listing as text, HTML or CSV"
            raise ImportFailed(message)
    encoding, start = _encoding(data, content_type)
    try:
        text = data[start:].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, start + error.start) + 1
        message = f"{source}:{line}: is not {encoding.upper()} here; save it as UTF-8"
        raise ImportFailed(message) from None
    if "\x00" in text:
        message = f"{source}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: holds a NUL; this is no text"
        raise ImportFailed(message)
    return text


def detect(text: str, content_type: str = "") -> Format:
    """Which reader suits. A page wins over what the server called it: many call everything text/html."""
    head = text[:_HEAD].lstrip("\ufeff \t\r\n")
    media = content_type.split(";", maxsplit=1)[0].strip().lower()
    if head.startswith("{"):
        return "jsonfeed"
    if found := _ROOT.match(head):
        return "feed" if found[1].lower() in _FEED_ROOTS else "html"
    if head.startswith("<!"):
        return "html"
    if media == "text/csv" or table.columns(text):
        return "csv"
    return "html" if media in ("text/html", "application/xhtml+xml") else "text"


def _encoding(data: bytes, content_type: str) -> tuple[str, int]:
    """The character set, and where the text begins."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name, len(mark)
    declared = re.search(r"charset\s*=\s*[\"']?([\w:.-]{2,40})", content_type, re.IGNORECASE)
    inside = _DECLARED.search(data[:1024]) if data.lstrip()[:1] == b"<" else None
    name = (declared[1] if declared else inside[1].decode("ascii") if inside else "utf-8").lower()
    if not _ENCODINGS.fullmatch(name):
        return "utf-8", 0
    try:
        known = codecs.lookup(name).name
    except LookupError:
        return "utf-8", 0
    # What calls itself Latin-1 or ASCII is Windows-1252 on the web (WHATWG Encoding, 4.2); UTF-16 has a mark or isn't.
    return {"iso8859-1": "cp1252", "ascii": "utf-8", "utf-16": "utf-8"}.get(known, known), 0
