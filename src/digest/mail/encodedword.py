"""Encoded words (RFC 2047): text that is not ASCII, for places where only ASCII may stand.

Each word has at most 75 columns and can be decoded by itself: no character is split between two, and what people see
as one character (a base with its marks, a joined emoji, a flag) is not either, unless it alone is longer than a word.
The alphabet is the narrowest of RFC 2047, 5 (3), so that a word may stand in a phrase too. Never decodes.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDTH = 75
_FRAME = len("=?utf-8?q??=")
_PLAIN = re.compile(r"[A-Za-z0-9!*+/-]", re.ASCII)
_VIRAMA = 9  # the combining class of the sign that joins Indic consonants into one
_JOINER = "\u200d"
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_TAGS = ("\U000e0020", "\U000e007f")


def encoded_words(text: str, first: int = WIDTH) -> list[str]:
    """Cut `text` into encoded words; the first has at most `first` columns. Join them with folding white space.

    >>> encoded_words("Café au lait")
    ['=?utf-8?q?Caf=C3=A9_au_lait?=']
    """
    in_q = sum(_q_width(character) for character in text)
    if in_q <= 4 * -(-len(text.encode()) // 3):
        return [f"=?utf-8?q?{''.join(map(_q, chunk))}?=" for chunk in _chunks(text, first, _q_width, _q_room)]
    return [
        f"=?utf-8?b?{b64encode(chunk.encode()).decode('ascii')}?=" for chunk in _chunks(text, first, _size, _b_room)
    ]


def _q(character: str) -> str:
    if character == " ":
        return "_"
    if _PLAIN.fullmatch(character):
        return character
    return "".join(f"={octet:02X}" for octet in character.encode())


def _q_width(character: str) -> int:
    return 1 if character == " " or _PLAIN.fullmatch(character) else 3 * _size(character)


def _size(character: str) -> int:
    return len(character.encode())


def _q_room(columns: int) -> int:
    return columns - _FRAME


def _b_room(columns: int) -> int:
    """How many octets Base64 can hold in that many columns."""
    return (columns - _FRAME) // 4 * 3


def _chunks(text: str, first: int, width: Callable[[str], int], room: Callable[[int], int]) -> Iterator[str]:
    """Cut `text` so that each chunk fills a word, between clusters where that is possible, else between characters."""
    limit, whole = room(min(first, WIDTH)), room(WIDTH)
    chunk, used = "", 0
    for cluster in clusters(text):
        size = sum(map(width, cluster))
        units = (cluster,) if used + size <= limit or (used and size <= whole) else tuple(cluster)
        for unit in units:
            more = sum(map(width, unit))
            if used + more > limit:
                yield chunk
                chunk, used, limit = "", 0, whole
            chunk += unit
            used += more
    yield chunk


def clusters(text: str) -> Iterator[str]:
    """What people see as one character, near enough to UAX 29: bases with marks, joined emoji, flags."""
    cluster = ""
    for character in text:
        if cluster and not _continues(cluster, character):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _continues(cluster: str, character: str) -> bool:
    if character in _FLAG_LETTERS:  # a flag is two of them
        return cluster[-1] in _FLAG_LETTERS and len(cluster) == 1
    return (
        cluster.endswith(_JOINER)
        or character == _JOINER
        or unicodedata.category(character).startswith("M")
        or (unicodedata.combining(cluster[-1]) == _VIRAMA and character.isalpha())
        or _SKIN_TONES[0] <= character <= _SKIN_TONES[1]
        or _TAGS[0] <= character <= _TAGS[1]
    )
