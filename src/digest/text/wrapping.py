"""The columns that text takes, and text set in them: 72, counted as a terminal shows them (wide characters take two).

    text ─▶ pieces that may not be split ─▶ lines no wider than asked, but for addresses, which stay whole

Pure. It never splits a character from its accents, an emoji from its joiners, or an address. wcwidth knows the widths;
it is imported only for a text that has letters beyond Latin, Greek and Cyrillic.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

COLUMNS = 72
_HAN = "\u2e80-\u312f\u3190-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\U00020000-\U0003fffd"  # and kana
# Not Chinese, Japanese or Korean, where no blank need be beside what is emphasised.
SPACED_LETTER = r"[^\W\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003fffd]"
_ADDRESS = re.compile(r"(?:https?://|mailto:|slot-)\S+")
_BLANKS = re.compile(r"[ \t\n\r\f\v]+")
# A column each, whatever stands beside them (a test compares all of them with wcwidth).
_NARROW = re.compile("[ -~\u00a0-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u202f-\u205e\u20a0-\u20c0]*")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_NOT_AT_START = frozenset("、。，．：；？！）］｝〉》」』】〕・ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ%),.:;?!]}")
_NOT_AT_END = frozenset("（［｛〈《「『【〔([{")


def unspaced(text: str) -> str:
    """Lines of Chinese or Japanese as one: a sentence goes on without a blank after their ends. Others stay."""
    return _ends().sub("", text) if "\n" in text and max(text) >= _HAN[0] else text


@cache
def _ends() -> re.Pattern[str]:
    return re.compile(f"(?<=[{_HAN}])\n(?=[{_HAN}])")  # which takes 2 ms to make


def width(text: str) -> int:
    """How many columns `text` takes on a terminal: emoji and East Asian characters two, marks and controls none."""
    return len(text) if _NARROW.fullmatch(text) else _width(text)


@lru_cache(maxsize=4096)
def _width(text: str) -> int:
    from wcwidth import wcswidth

    return wcswidth(_CONTROLS.sub("", text))


def clusters(text: str) -> list[str]:
    """`text` cut into characters as a reader sees them: a base with its marks, emoji with what is joined to them."""
    if _NARROW.fullmatch(text):
        return list(text)
    from wcwidth import iter_graphemes

    found: list[str] = []
    for cluster in iter_graphemes(text):
        if found and not width(cluster):
            found[-1] += cluster
        else:
            found.append(cluster)
    return found


@lru_cache(maxsize=2048)  # a month is composed for many audiences, and checked before it is sent
def wrap(text: str, columns: int = COLUMNS, first: str = "", rest: str | None = None) -> str:
    r"""`text` (one paragraph) in lines of at most `columns`, joined by `\n`.

    The first line begins with `first`, the others with `rest` or as many blanks. Only an address (`https://…`) may be
    wider; it then has its line for itself. Words that are too wide are cut between characters.
    """
    if rest is None:
        rest = " " * width(first)
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
    return "\n".join(_no_signature(line.replace("\u00a0", " ").replace("\u202f", " ")) for line in lines)


def _no_signature(line: str) -> str:
    """A line of two hyphens starts the signature (RFC 3676, 4.3), and what follows is hidden: ours is never one."""
    return "\u2013\u2013" if line == "--" else line


def _pieces(word: str, room: int) -> list[tuple[bool, str]]:
    """The parts of a word that stay whole, each with whether it is glued to the one before."""
    if width(word) <= room and not _has_wide(word):
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
    wide = _has_wide(before[-1]) or _has_wide(after[0])
    return wide and after[0] not in _NOT_AT_START and before[-1] not in _NOT_AT_END


def _has_wide(text: str) -> bool:
    """Tell whether a character in `text` takes two columns by itself."""
    return not _NARROW.fullmatch(text) and any(width(char) == 2 for char in text)  # noqa: PLR2004


def clipped(text: str, most: int) -> str:
    """`text` in at most so many characters, for messages that name it, with an ellipsis when something was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


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
