"""What the public page of an edition is made of, kept when its readers get it: its stories as they were, in order.

    Build ─of_build─▶ SentEdition ─as_data─▶ archive/2022-02/everyone/en/edition.json ─from_data─▶ SentEdition

The page shows what was sent, whatever its stories say today. It holds nothing of any reader: a subject in which
something differs per reader is left out. Pure: values in, values and bytes out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from digest import period
from digest.files import readable_json
from digest.issues import issue_file
from digest.model import Group, Issue, LateGroup, Selection
from digest.stories.index import dump_story, load_story

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from digest.model import Audience, Edition, Rendering, Story

FILE = "edition.json"
FORMAT = 1


class SentEdition(Struct, frozen=True, kw_only=True):
    """An edition as its readers got it, without what was a reader's own.

    `id` is a tag URI (RFC 4151), by which feeds know it for ever. `subject` and `preheader` are empty where they
    differed per reader. `selection` has groups and late stories, and no decisions.
    """

    id: str
    title: str
    description: str
    subject: str
    preheader: str
    selection: Selection

    @property
    def edition(self) -> Edition:
        """Which edition this is."""
        return self.selection.edition

    @property
    def stories(self) -> tuple[Story, ...]:
        """Every story, in reading order."""
        return self.selection.stories


def of_selection(
    selection: Selection, audience: Audience, *, domain: str, year: int, subject: str = "", preheader: str = ""
) -> SentEdition:
    """The edition of these stories under the audience's title. `domain` and `year` go into its id for ever."""
    titled = audience.in_language(selection.edition.language)
    return SentEdition(
        id=tag_uri(domain, year, selection.edition.id),
        title=titled.title,
        description=titled.description,
        subject=subject,
        preheader=preheader,
        selection=Selection(
            edition=selection.edition,
            groups=selection.groups,
            late=selection.late,
            more=selection.more,
            issue=selection.issue,
        ),
    )


def tag_uri(domain: str, year: int, name: str) -> str:
    """An id for ever (RFC 4151): `tag:example.org,2022:digest/2022-02/everyone/en`."""
    return f"tag:{domain},{year:04}:digest/{name}"


def as_data(sent: SentEdition) -> bytes:
    """It as bytes, from which `from_data` makes the same one."""
    selection = sent.selection
    return readable_json(
        {
            "format": FORMAT,
            "id": sent.id,
            "edition": sent.edition.id,
            "title": sent.title,
            "description": sent.description,
            "subject": sent.subject,
            "preheader": sent.preheader,
            "stories": {story.id: json.loads(dump_story((story, ()))) for story in sent.stories},
            "groups": [{"key": group.key, "stories": _ids(group)} for group in selection.groups],
            "late": [{"period": group.period.id, "stories": _ids(group)} for group in selection.late],
            "more": selection.more,
            **({"issue": issue_file.as_record(selection.issue)} if selection.issue != Issue() else {}),
        }
    )


def from_data(data: bytes, edition: Edition, zone: ZoneInfo) -> SentEdition:
    """What `as_data` wrote. Raises ValueError, KeyError or TypeError for what it did not write."""
    kept = json.loads(data)
    if kept["format"] != FORMAT:
        message = f"format {kept['format']!r}, and this program reads {FORMAT}"
        raise ValueError(message)
    stories: dict[str, Story] = {}
    for name, fields in kept["stories"].items():
        story, _faults = load_story(json.dumps(fields), story_id=name, file=f"stories/{name}.md", zone=zone)
        if story is None:
            message = f"{name} is not whole"
            raise ValueError(message)
        stories[name] = story

    def told(part: dict[str, Any]) -> tuple[Story, ...]:
        return tuple(stories[name] for name in part["stories"])

    return SentEdition(
        id=kept["id"],
        title=kept["title"],
        description=kept["description"],
        subject=kept["subject"],
        preheader=kept["preheader"],
        selection=Selection(
            edition=edition,
            groups=tuple(Group(key=part["key"], stories=told(part)) for part in kept["groups"]),
            late=tuple(
                LateGroup(period=period.parse(part["period"], zone), stories=told(part)) for part in kept["late"]
            ),
            more=kept["more"],
            issue=issue_file.of_record(kept.get("issue", {})),
        ),
    )


def read(home: Path, edition: Edition, zone: ZoneInfo) -> SentEdition | None:
    """What was kept of the edition in the folder `home`; None where nothing was, or where it cannot be read."""
    try:
        return from_data((home / FILE).read_bytes(), edition, zone)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def neutral(line: str, rendering: Rendering) -> str:
    """A line of the rendering that is the same for every reader; empty where it is not."""
    return "" if f"slot-{rendering.nonce}-" in line else line


def _ids(group: Group | LateGroup) -> list[str]:
    return [story.id for story in group.stories]
