r"""Clean text that strangers wrote: no control characters, no terminal codes, no reversed lines.

    what a story, a feed, a list or a server says ─▶ one line, or lines, of characters that only show

The rule: terminal escapes, byte order marks, noncharacters, tags that hide text (in a flag they show) and the nine
controls that reorder their neighbours (U+202A-202E, U+2066-2069) vanish, and so do control characters, but tabs and
line ends (U+0085, U+2028 and U+2029 too), which become one blank in a line. Half a surrogate pair becomes U+FFFD. All
else stays: joiners in emoji, Arabic and Indic words, no-break spaces, the marks U+200E, U+200F and U+061C that
right-to-left text needs.
"""

from __future__ import annotations

import re

# Escape sequences of terminals (ECMA-48): OSC that has an end, CSI and the others; then whatever ESC or CSI is left.
_ESCAPES = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d\n]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]?"
)
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# What no text has a use for, whatever it is in: noncharacters, and the first tags, which were for languages.
NOWHERE = "\ufdd0-\ufdef\U000e0000-\U000e001f" + "".join(
    chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
# Tags spell a text that nobody sees, but after a black flag, where they are the flag of Scotland or Wales (UTS 51).
LOOSE_TAGS = "(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+"
_UNSEEN = f"\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufeff{NOWHERE}"
_VANISH = re.compile(f"[{_UNSEEN}\u2066-\u2069]|{LOOSE_TAGS}")
_VANISH_BUT_ISOLATES = re.compile(f"[{_UNSEEN}]|{LOOSE_TAGS}")
_HALVES = re.compile("[\ud800-\udfff]")
_BLANKS = re.compile("[ \t\n]+")
# What is clean as it is, in Latin, Greek, Cyrillic and Hebrew letters and the usual punctuation: most lines; and the
# joiners with which a mail's HTML fills its preheader up.
_SEEN = "!-~\u00a1-\u00ac\u00ae-\u05ff\u200b-\u2027\u2030-\u205e\u20a0-\u2bff"
_CLEAN_LINE = re.compile(f"[{_SEEN}]+(?: [{_SEEN}]+)*")
_CLEAN_LINES = re.compile(f"[{_SEEN} \t\n\xa0]*")


def one_line(text: str) -> str:
    r"""One line for people to read, harmless in a header, in HTML source and on a terminal; runs of blanks are one.

    >>> one_line(" Jobs\r\nBcc: all@example.org\u2028\x1b[31mnow ")
    'Jobs Bcc: all@example.org now'
    """
    if _CLEAN_LINE.fullmatch(text):
        return text
    return _BLANKS.sub(" ", multiline(text)).strip()


def multiline(text: str, *, isolates: bool = False, escapes: bool = True) -> str:
    r"""`text` with `\n` line ends, and nothing in it that does not show. Blank lines and tabs stay.

    `isolates` leaves U+2066 to U+2069 in: a right-to-left theme sets names and links apart with them. Without `escapes`
    only the characters themselves vanish, as in markup, where what follows an ESC is a tag.
    """
    if _CLEAN_LINES.fullmatch(text):
        return text
    text = _LINE_ENDS.sub("\n", _ESCAPES.sub("", text) if escapes else text)
    return _HALVES.sub("\ufffd", (_VANISH_BUT_ISOLATES if isolates else _VANISH).sub("", text))
