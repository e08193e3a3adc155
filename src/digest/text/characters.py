"""Which characters a story may hold, and how a line of text is cleaned.

The rule: text is NFC. In a field of one line, tabs count as blanks and the ends are trimmed; line breaks are refused.
Anywhere, control characters and what silently turns the reading direction (bidi embeddings and overrides, isolates
that are not closed) are refused: nobody sees them, and they forge headers, terminals and names. Joiners, direction
marks and closed isolates stay, since Persian, emoji and Arabic need them. Nothing is dropped silently on reading;
`clean_line` is for what comes from machines.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

from digest.errors import Fault
from digest.text import cleaning

# C0 without tab and line feed, DEL, C1, line and paragraph separators, embeddings and overrides, byte order mark
# inside the text, lone surrogates, noncharacters, tags. Written as escapes: none of them can be seen.
_NEVER = f"\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\ufeff\ud800-\udfff{cleaning.NOWHERE}"
_BREAKS = "\n\x85\u2028\u2029"
_REFUSED = re.compile(f"[{_NEVER}{_BREAKS}]|{cleaning.LOOSE_TAGS}")
_REFUSED_IN_TEXT = re.compile(f"[{_NEVER}]|{cleaning.LOOSE_TAGS}")
_ISOLATES = re.compile("[\u2066-\u2069]")
_POP_ISOLATE = "\u2069"
_LOOSE = "turns the reading direction and does not turn it back (U+2066 to U+2068 want a U+2069); remove that"
_NAMES = {"\r": "carriage return", "\n": "line feed", "\x00": "NUL", "\x1b": "escape", "\ufeff": "byte order mark"}


def decoded(data: bytes, file: str) -> str | Fault:
    """The text of a file in UTF-8, with its line ends as LF; or why it is none."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Fault(file=file, line=1, message="is UTF-16; save the file as UTF-8")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 here (byte 0x{data[error.start]:02X}); save the file as UTF-8"
        return Fault(file=file, line=line, message=message)


def checked_line(text: str) -> str:
    """Return `text` as a field of one line has it. Raises ValueError saying which character is refused."""
    text = unicodedata.normalize("NFC", text.replace("\t", " ")).strip(" \xa0")
    if found := _REFUSED.search(text):
        character = found[0][0]
        if character in _BREAKS + "\r\x0b\x0c":
            message = f"holds a line break ({named(character)}); keep it on one line"
        else:
            message = f"holds the invisible character {named(character)}; remove it"
        raise ValueError(message)
    if loose_isolate(text):
        raise ValueError(_LOOSE)
    return text


def refused(text: str) -> re.Match[str] | None:
    """What a text of many lines must not hold, where it first does: a character, or tags that spell one."""
    return _REFUSED_IN_TEXT.search(text)


def checked_text(text: str) -> str:
    """Return `text` as a field of many lines has it. Raises ValueError saying which character is refused."""
    if found := refused(text):
        message = f"holds the invisible character {named(found[0][0])}; remove it"
        raise ValueError(message)
    if loose_isolate(text):
        raise ValueError(_LOOSE)
    return text.strip("\n").rstrip()


def loose_isolate(text: str) -> bool:
    """Tell whether a bidi isolate is opened and not closed, or closed and not opened (UAX 9, X5a to X6a)."""
    depth = 0
    for found in _ISOLATES.findall(text):
        depth += -1 if found == _POP_ISOLATE else 1
        if depth < 0:
            return True
    return depth > 0


def clean_line(text: str) -> str:
    """The one clean line of a text, in the normal form of story files: `checked_line` takes it."""
    return unicodedata.normalize("NFC", cleaning.one_line(text))


def blank(text: str) -> bool:
    """Tell whether nothing of `text` can be seen: it is empty, or blanks, joiners and marks only."""
    return all(unicodedata.category(character) in {"Zs", "Cf", "Mn", "Cc"} for character in text)


def filled(text: str) -> str:
    """`text` as it is. Raises ValueError when nothing of it can be seen."""
    if blank(text):
        message = "is blank, give it a text"
        raise ValueError(message)
    return text


def named(character: str) -> str:
    """`U+202E right-to-left override`, as a message has it."""
    name = _NAMES.get(character) or unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X} {name}".rstrip()
