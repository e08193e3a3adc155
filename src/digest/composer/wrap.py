"""Set plain text in columns: 72 of them, counted as a terminal shows them (wide East Asian characters take two).

    text ─▶ pieces that may not be split ─▶ lines no wider than asked, but for addresses, which stay whole

Pure. It never splits a character from its accents, an emoji from its joiners, or an address.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

COLUMNS = 72
_ADDRESS = re.compile(r"(?:https?://|mailto:|slot-)\S+")
_BLANKS = re.compile(r"[ \t\n\r\f\v]+")
_ZERO = frozenset({"Mn", "Me", "Cf"})
_JOINER = "\u200d"
_NOT_AT_START = frozenset("、。，．：；？！）］｝〉》」』】〕・ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ%),.:;?!]}")
_NOT_AT_END = frozenset("（［｛〈《「『【〔([{")
_ASCII = 0x7F


def width(text: str) -> int:
    """How many columns `text` takes: 0 for combining marks, 2 for wide and full-width characters, else 1."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


@lru_cache(maxsize=4096)
def _columns(char: str) -> int:
    if ord(char) <= _ASCII:
        return 1
    if unicodedata.category(char) in _ZERO:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clusters(text: str) -> list[str]:
    """`text` cut into characters as a reader sees them: a base with its marks, emoji with what is joined to them."""
    found: list[str] = []
    for char in text:
        joined = found and (found[-1].endswith(_JOINER) or _columns(char) == 0 or _is_modifier(char))
        if joined or (found and _is_flag(found[-1]) and _is_regional(char)):
            found[-1] += char
        else:
            found.append(char)
    return found


def wrap(text: str, columns: int = COLUMNS, *, first: str = "", rest: str = "") -> str:
    r"""`text` (one paragraph) in lines of at most `columns`, joined by `\n`.

    The first line begins with `first`, the others with `rest`. Only an address (`https://…`) may be wider; it then
    has its line for itself. Words that are too wide are cut between characters.
    """
    return "\n".join(_lines(text, columns, first, rest))


@lru_cache(maxsize=2048)
def _lines(text: str, columns: int, first: str, rest: str) -> tuple[str, ...]:
    lines: list[str] = []
    line, taken, empty = first, width(first), True
    for word in filter(None, _BLANKS.split(text)):  # a no-break space breaks no line
        for glued, piece in _pieces(word, columns - max(width(first), width(rest))):
            blank = 0 if glued or empty else 1
            if not empty and taken + blank + width(piece) > columns:
                lines.append(line.rstrip())
                line, taken, blank = rest, width(rest), 0
            line += " " * blank + piece
            taken += blank + width(piece)
            empty = False
    lines.append(line.rstrip())
    return tuple(_no_signature(line.replace("\u00a0", " ").replace("\u202f", " ")) for line in lines)


def _no_signature(line: str) -> str:
    """A line of two hyphens starts the signature (RFC 3676, 4.3), and what follows is hidden: ours is never one."""
    return "\u2013\u2013" if line == "--" else line


def _pieces(word: str, room: int) -> list[tuple[bool, str]]:
    """The parts of a word that stay whole, each with whether it is glued to the one before."""
    if width(word) <= room and (word.isascii() or not any(_columns(char) == 2 for char in word)):  # noqa: PLR2004
        return [(False, word)]
    if _ADDRESS.search(word):
        return [(False, word)]
    room = max(room, 2)
    pieces: list[tuple[bool, str]] = []
    piece, taken = "", 0
    for cluster in clusters(word):
        size = width(cluster)
        if piece and (taken + size > room or _may_break(piece, cluster)):
            pieces.append((bool(pieces), piece))
            piece, taken = "", 0
        piece += cluster
        taken += size
    pieces.append((bool(pieces), piece))
    return pieces


def _may_break(before: str, after: str) -> bool:
    """Between ideographs a line may end, but not before closing punctuation nor after opening punctuation."""
    wide = _columns(before[-1]) == 2 or _columns(after[0]) == 2  # noqa: PLR2004
    return wide and after[0] not in _NOT_AT_START and before[-1] not in _NOT_AT_END


def _is_modifier(char: str) -> bool:
    return "\U0001f3fb" <= char <= "\U0001f3ff"


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_flag(cluster: str) -> bool:
    return len(cluster) == 1 and _is_regional(cluster)


@lru_cache(maxsize=256)
def shorten(text: str, columns: int) -> str:
    """`text` cut at a word so that it takes at most `columns`, with an ellipsis when something was cut."""
    if width(text) <= columns:
        return text
    kept, taken, end = "", 0, 0
    for cluster in clusters(text):
        if taken + width(cluster) > columns - 1:
            break
        if cluster.isspace():
            end = len(kept)
        kept += cluster
        taken += width(cluster)
    words = kept[:end] if end > len(kept) // 2 else kept
    return words.rstrip(" ,;:.–—-·") + "…"
