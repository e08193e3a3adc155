"""Make text that strangers wrote safe to set: no control characters, no terminal codes, no reversed lines.

    what a story file or a feed says ─▶ one line, or paragraphs, of characters that only show

Pure. It never changes what a reader would see of honest text: joiners in emoji, Arabic and Indic words stay.
"""

from __future__ import annotations

import re

# Escape sequences of terminals (ECMA-48): CSI, OSC and the two-byte ones, then whatever control is left.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[@-_]?"
)
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# C0 but tab and line feed, DEL, C1; marks that reverse text beyond their word; the byte order mark; lone surrogates,
# noncharacters and the tags that hide text.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e001f]"
)
_RUNS = re.compile(r"[ \t\n]+")
_HONEST = re.compile(r"[ -~\u00a1-\u00ac\u00ae-\u05ff\u2010-\u2027\u2030-\u205e\u20a0-\u2bff]*")


def multiline(text: str) -> str:
    r"""`text` with `\n` line ends and without anything that does not show. Blank lines stay."""
    text = _BREAKS.sub("\n", _ESCAPES.sub("", text))
    return _UNSEEN.sub("", text)


def one_line(text: str) -> str:
    """`text` as one line, without anything that does not show, its runs of blanks made one."""
    if _HONEST.fullmatch(text) and "  " not in text:
        return text.strip(" ")
    return _RUNS.sub(" ", multiline(text)).strip(" ")
