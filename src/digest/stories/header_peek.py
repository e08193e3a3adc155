"""What a story file says at a glance: its day, and marks of its link and guid, without parsing it.

Fifty times cheaper than YAML, and right where it answers: it answers only for front matter in which every line is
complete in itself, so that no `date:` can hide in a quoted text or a block. Otherwise it says None, and the file must
be parsed. It finds no faults.
"""

from __future__ import annotations

import re
import zlib
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digest.model import Story

SIZE = 4096  # bytes worth looking at: they hold nearly every front matter, and a file system's block
UNKNOWN = 0  # no day: the file must be read whenever anything is asked

# Possessive throughout: no part of a line can be read in two ways, and what was read is not gone back to.
_END = rb"[ \t]*+\r?+\n"
_BARE = rb"[^\"'\[{|>&*!%@`\n][^\n]*+\n"  # a scalar that ends on its line, if nothing indented follows
_QUOTED = rb"\"[^\"\\\n]*+\"" + _END + rb"|'[^'\n]*+'" + _END
_VALUE = rb"(?: (?:" + _BARE + rb"|" + _QUOTED + rb"|\[[^\[\]{}\"'\n]*+\]" + _END + rb")|" + _END + rb")"
_HEADER = re.compile(
    rb"(?:\xef\xbb\xbf)?---" + _END + rb"(?:"
    rb"[a-ce-fh-km-z_][a-z_]*+:" + _VALUE + rb"|"
    rb"(?(1)(?!))date: (\d{4}-\d\d-\d\d)(?:[Tt ][0-9:.+Zz -]+)?" + _END + rb"|"
    rb"link: ([a-zA-Z0-9/][!-~]*)" + _END + rb"|"
    rb"guid: ([a-zA-Z0-9/][!-~]*)" + _END + rb"|"
    rb"(?!date|link|guid)[dlg][a-z_]*+:" + _VALUE + rb"|"
    rb"[ \t]*- " + _BARE + rb"|"
    rb"#[^\n]*\n"
    rb")*+---" + _END
)
_MANY = 20_000  # days to remember: more than fifty years of them
_days: dict[bytes, int] = {}


# Three numbers. The day is the date as written, as a proleptic ordinal: the instant lies within a day of it, whatever
# the zone. Link and guid are checksums, 0 for none: files with equal ones may be the same story, others cannot be.
Glance = tuple[int, int, int]


def glance(data: bytes) -> Glance | None:
    """Look at the first SIZE bytes of a file. None when only parsing it can tell."""
    found = _HEADER.match(data)
    if not found:
        return None
    written, link, guid = found.groups()
    if written is None:
        return None
    day = _days.get(written)
    if day is None:
        try:
            day = date.fromisoformat(written.decode()).toordinal()
        except ValueError:
            return None
        if len(_days) >= _MANY:
            _days.clear()
        _days[written] = day
    return day, (zlib.crc32(link) or 1) if link else 0, (zlib.crc32(guid) or 1) if guid else 0


def of_story(story: Story) -> Glance:
    """The same of a story that was parsed."""
    return story.date.toordinal(), mark(story.link.encode()), mark(story.guid.encode())


def mark(value: bytes) -> int:
    """A checksum that is 0 for nothing only."""
    return zlib.crc32(value) or int(value != b"")
