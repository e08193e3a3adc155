"""What each source said last, so that a source that changed can be told from a file that a person edited.

The record is `.imports.json` beside the stories: committed with them, sorted, one value a line, so that its changes
read well. Long values are kept as hashes. Without it nothing is lost: every difference then counts as edited by hand.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.errors import Fault, StoryError
from digest.text.urls import without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Word = str | list[str]
Words = dict[str, Word]  # what one source said about one story: field -> value

NAME = ".imports.json"
STDIN = "-"  # a pipe has no name: today's may be another than yesterday's
_LONG = ("summary",)
_VERSION = 1


class ImportRecord(Struct, frozen=True, kw_only=True):
    """`sources` counts each source's items; `stories` has, by story id and source, what was said."""

    sources: Mapping[str, int] = field(default_factory=dict)
    stories: Mapping[str, Mapping[str, Words]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The file's content."""
        data = {"version": _VERSION, "sources": self.sources, "stories": self.stories}
        return json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def load(folder: Path) -> ImportRecord:
    """The record in the stories' folder; an empty one when there is none. Raises StoryError when it is damaged."""
    path = folder / NAME
    try:
        data = json.loads(path.read_bytes())
        if data["version"] != _VERSION:
            message = f"was written by another version of digest ({data['version']})"
            raise StoryError([Fault(file=str(path), message=message)])
        return ImportRecord(
            sources={without_credentials(str(name)): int(count) for name, count in data["sources"].items()},
            stories={
                str(story): {without_credentials(str(name)): _words(words) for name, words in said.items()}
                for story, said in data["stories"].items()
            },
        )
    except FileNotFoundError:
        return ImportRecord()
    except OSError as error:
        message = f"cannot be read ({error.strerror}); make it a file that can be"
        raise StoryError([Fault(file=str(path), message=message)]) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message = (
            "is damaged; restore it from version control, or delete it: then what differs counts as edited by hand"
        )
        raise StoryError([Fault(file=str(path), message=message)]) from None


def source_name(source: str) -> str:
    """The name of a source in the record: an address as it is, a file by its name, wherever it lies today."""
    name = source if source.startswith(("http://", "https://")) else PurePath(source).name or source
    return without_credentials(name)


def word(key: str, value: object) -> Word:
    """A field's value as the record has it. Two values are the same when their words are."""
    match value:
        case None:
            return ""
        case list() | tuple():
            return [str(one) for one in value]
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case _ if key in _LONG and value:
            return f"sha256:{hashlib.sha256(str(value).encode()).hexdigest()[:16]}"
        case _:
            return str(value)


def _words(said: Mapping[str, object]) -> Words:
    return {
        str(key): [str(one) for one in value] if isinstance(value, list) else str(value) for key, value in said.items()
    }
