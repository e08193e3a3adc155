"""Write a story file as a person would: known order, quotes only where they are needed, lists on one line.

What is written reads back as the same values, in YAML 1.1 and 1.2 alike: `no`, `12:30` and `1e3` as titles get
quotes, other words get none. It opens no file.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from digest.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.model import Story

ORDER = (
    *("title", "date", "kicker", "credit", "link", "image", "image_alt", "topics", "countries", "channels"),
    *("language", "translation_of", "guid", "status", "embargo", "weight", "lead", "repeat"),
)
_TYPED = {"date", "embargo", "weight", "lead", "repeat"}  # whose values other YAML readers may take for what they are

# What YAML 1.1 or 1.2 would take for something else than text: null, booleans, numbers, base 60, times, merge keys.
_NOT_TEXT = re.compile(
    r"~|=|<<|null|true|false|yes|no|on|off|y|n|[-+]?\.(?:inf|nan)|[-+.]{0,2}[0-9][-+0-9a-fox_.:tz ]*", re.IGNORECASE
)
_SPECIAL = re.compile(r"""\A(?:[-?:,\[\]{}#&*!|>'"%@` ]|\.\.\.)|[ :]\Z|: | \#""")
_SPECIAL_IN_LIST = re.compile(r"[,\[\]{}:?]")
_UNPRINTABLE = re.compile("[^ -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_FOUR_DIGITS = 0xFFFF


def as_fields(story: Story) -> dict[str, object]:
    """The front matter that says what `story` says; what is as it is by default is left out."""
    fields: dict[str, object] = {key: getattr(story, key) for key in ORDER}
    fields["date"] = story.date.date() if story.date_only else story.date
    if story.status is Status.PUBLISHED:
        fields["status"] = None
    return {key: value for key, value in fields.items() if value}


def serialise(fields: Mapping[str, object], summary: str) -> str:
    """The text of a story file. None, empty texts and empty lists are left out; the order is that of ORDER.

    A value is a text, a list of texts, a date, an aware datetime, a number, a truth or a Status. Raises ValueError
    for a key that a story file does not have, and for a time without a zone.
    """
    if unknown := fields.keys() - set(ORDER):
        message = f"a story file has no {', '.join(sorted(unknown))}"
        raise ValueError(message)
    lines = [f"{key}: {written(key, fields[key])}\n" for key in ORDER if key in fields and not empty(fields[key])]
    text = summary.strip("\n").rstrip()
    return f"---\n{''.join(lines)}---\n" + (f"\n{text}\n" if text else "")


def empty(value: object) -> bool:
    """Tell whether a value says nothing, so that its key is left out."""
    return value is None or value in ("", (), [])


def plain(value: object) -> str | list[str]:
    """The value as it reads back: a text, or a list of texts. Raises ValueError for a time without a zone."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return [str(one) for one in value]
        case datetime():
            if value.tzinfo is None:
                message = f"{value} has no zone"
                raise ValueError(message)
            return value.isoformat(timespec="auto" if value.second or value.microsecond else "minutes")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def written(key: str, value: object) -> str:
    """The value as it stands after `key: ` in a file. Raises ValueError for a time without a zone."""
    text = plain(value)
    if isinstance(text, list):
        return "[" + ", ".join(quoted(one, in_list=True) for one in text) + "]"
    return text if key in _TYPED and _NOT_TEXT.fullmatch(text) else quoted(text)


def quoted(text: str, *, in_list: bool = False) -> str:
    """`text` as a YAML scalar on one line: bare when that is safe, else in the quotes that need fewer escapes."""
    unprintable = _UNPRINTABLE.search(text)
    if text and not (unprintable or _NOT_TEXT.fullmatch(text) or _SPECIAL.search(text)):  # noqa: SIM102 - two reasons
        if not (in_list and _SPECIAL_IN_LIST.search(text)):
            return text
    if not unprintable and ('"' in text or "\\" in text):
        return "'" + text.replace("'", "''") + "'"
    # JSON's escapes are YAML's; it leaves some characters alone that YAML wants escaped.
    return _UNPRINTABLE.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= _FOUR_DIGITS else f"\\U{code:08x}"
