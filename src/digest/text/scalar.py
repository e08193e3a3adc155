"""Write a text as a YAML scalar, which reads back as the same text."""

from __future__ import annotations

import json
import re

# What YAML 1.1 or 1.2 would take for something else than text: null, booleans, numbers, base 60, times, merge keys.
_NOT_TEXT = re.compile(
    r"~|=|<<|null|true|false|yes|no|on|off|y|n|[-+]?\.(?:inf|nan)|[-+.]{0,2}[0-9][-+0-9a-fox_.:tz ]*", re.IGNORECASE
)
_SPECIAL = re.compile(r"""\A(?:[-?:,\[\]{}#&*!|>'"%@` ]|\.\.\.)|[ :]\Z|: | \#""")
_SPECIAL_IN_LIST = re.compile(r"[,\[\]{}:?]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_FOUR_DIGITS = 0xFFFF


def quoted(text: str, *, in_list: bool = False, typed: bool = False) -> str:
    """`text` as a YAML scalar on one line: bare when that is safe, else in the quotes that need fewer escapes.

    What is written reads back as the same text, in YAML 1.1 and 1.2 alike: `no`, `12:30` and `1e3` get quotes. With
    `typed` they get none, since they are meant as a truth, a time or a number.
    """
    if typed and _NOT_TEXT.fullmatch(text):
        return text
    unprintable = _UNPRINTABLE.search(text)
    if text and not (unprintable or _NOT_TEXT.fullmatch(text) or _SPECIAL.search(text)):  # noqa: SIM102 - two reasons
        if not (in_list and _SPECIAL_IN_LIST.search(text)):
            return text
    if not unprintable and ('"' in text or "\\" in text):
        return "'" + text.replace("'", "''") + "'"
    # JSON's escapes are YAML's; it leaves some characters alone that YAML wants escaped.
    return _UNPRINTABLE.sub(_escape, json.dumps(text, ensure_ascii=False))


def literal(text: str) -> bool:
    """Whether a text of several lines reads back as it is when it stands in lines of its own, below `|-`."""
    return (
        "\n" in text
        and not text[:1].isspace()
        and not text[-1:].isspace()
        and not re.search(r"[^\S\n]\n", text)
        and not _UNPRINTABLE.search(text.replace("\n", "").replace("\t", ""))
    )


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= _FOUR_DIGITS else f"\\U{code:08x}"
