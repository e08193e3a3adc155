"""Which editions are published, and what each of their pages is made of: found in the archive, the ledger, the stories.

    archive/*/*/*/edition.json, sent.json ─found─▶ Record        stories/*.md of today ─since_sent─▶ StoryChange

An edition is published when its audience says so and its first reader was mailed; when that was is written down beside
it, once. Of a story's file of today only this counts: that it was corrected (then it is shown as it is now), or that it
was withdrawn, since it was sent. It writes nothing of what the pages say.
"""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from digest.delivery import MAILED
from digest.editions import archive, sent_edition
from digest.errors import DigestError, PeriodError
from digest.files import write_whole, writing
from digest.model import Selection, Status
from digest.newsroom.history import MANIFEST, folder, read_manifest
from digest.newsroom.paths import ARCHIVE
from digest.selection.ranking import grouped
from digest.stories.index import dump_story, load_story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from digest.editions.sent_edition import SentEdition
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition, Story
    from digest.newsroom.newsroom import Newsroom

TOLD = "told.json"  # in the archive: what pages said of stories since they were sent
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_OLD = "was sent by a version that kept less for its page; it is made of today's stories, and stays so from now on"


class Record(Struct, frozen=True, kw_only=True):
    """A published edition: where it is kept, to whom it belongs by today's names, and when its first reader had it."""

    edition: Edition
    audience: str
    home: Path
    first: datetime


class StoryChange(Struct, frozen=True, kw_only=True):
    """What happened to a story since it was sent. `story` is as it is today; `day` is unknown when nobody wrote it."""

    story: Story
    withdrawn: bool
    day: datetime | None
    words: str


def found(newsroom: Newsroom, ledger: SqlLedger | None, note: Callable[[str], None]) -> Iterator[Record]:
    """Every published edition. `note` hears what was passed over, and why."""
    _take_shared(newsroom, ledger, note)
    base = newsroom.root / ARCHIVE
    for home in sorted(path for path in base.glob("*/*/*") if path.is_dir()):
        name = "/".join(home.relative_to(base).parts)
        edition = _edition(newsroom, name)
        if edition is None:
            note(f"{home} is no edition's: its name is not like 2022-02/everyone/en; it is passed over")
        elif not newsroom.edition_setup.published(edition.audience):
            if newsroom.config.known_audience(edition.audience) is None:
                note(f"{name}: config.yaml has no audience {edition.audience}, so it is not published")
        elif first := _first(newsroom, ledger, edition, home):
            audience = newsroom.config.audience(edition.audience).name
            yield Record(edition=edition, audience=audience, home=home, first=first)


def _edition(newsroom: Newsroom, name: str) -> Edition | None:
    try:
        edition = newsroom.edition_of(name)
    except (PeriodError, ValueError):
        return None
    parts = (edition.audience, edition.language)
    return edition if edition.id == name and all(_PART.fullmatch(part) for part in parts) else None


def _first(newsroom: Newsroom, ledger: SqlLedger | None, edition: Edition, home: Path) -> datetime | None:
    """When the first reader was mailed: as it was written down, or by the ledger, which is asked once."""
    if (first := archive.first_sent(home)) is not None or ledger is None:
        return first
    mailing = ledger.mailing(edition.id)
    if mailing is None or not any(ledger.counts(edition.id).get(state) for state in MAILED):
        return None
    if ledger.sharing is not None and (shared := ledger.sharing.first_mailed(edition.id)):
        archive.mark_sent(home, shared)
        return shared
    moments = [start for start, state, _count in ledger.timeline(edition.id, 1.0) if state in MAILED]
    moment = datetime.fromtimestamp(min(moments), UTC).astimezone(newsroom.config.newsroom.timezone)
    archive.mark_sent(home, moment)
    return moment


def _take_shared(newsroom: Newsroom, ledger: SqlLedger | None, note: Callable[[str], None]) -> None:
    """In a fleet another machine may have frozen an edition: what its page is made of lies in the ledger's database."""
    if ledger is None or ledger.sharing is None:
        return
    for mailing in ledger.mailings():
        edition = _edition(newsroom, mailing.edition)
        if edition is None or not mailing.content or not newsroom.edition_setup.published(edition.audience):
            continue
        home = folder(newsroom.root / ARCHIVE, edition)
        known = home / f"{archive.PAGE}.of"
        if (home / MANIFEST).exists() or (known.exists() and known.read_text() == mailing.content):
            continue
        data = ledger.sharing.get(f"edition {mailing.content}")
        if data is None:
            note(f"{edition.id}: what its page is made of is not in the ledger; run this where it was frozen")
            continue
        write_whole(home / archive.PAGE, data)
        write_whole(known, mailing.content.encode())


def recall(newsroom: Newsroom, record: Record, note: Callable[[str], None]) -> SentEdition | None:
    """The edition as it was sent. One of an older version is put together once; None, and a note, for a damaged one."""
    zone = newsroom.config.newsroom.timezone
    path = record.home / archive.PAGE
    try:
        return sent_edition.from_data(path.read_bytes(), record.edition, zone)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        note(
            f"{path}: cannot be read ({error}); put it back from your backup; its page stays as it was"
            ", unless it was withdrawn"
        )
        return None
    try:
        made = _put_together(newsroom, record)
    except DigestError as error:
        note(f"{record.edition.id}: {str(error).splitlines()[0]}; it has no page")
        return None
    note(f"{record.edition.id}: {_OLD}")
    write_whole(path, sent_edition.as_data(made))
    return made


def _put_together(newsroom: Newsroom, record: Record) -> SentEdition:
    """An edition of which only the manifest tells: its stories by their ids, as they are today."""
    manifest = read_manifest(record.home / MANIFEST)
    audience = newsroom.config.audience(record.edition.audience)
    stories = [story for part in manifest["stories"] if (story := _today(newsroom, part["id"])) is not None]
    groups = grouped(stories, audience, record.edition)
    selection = Selection(edition=record.edition, groups=groups, more=manifest["more"])
    domain, year = newsroom.edition_setup.list_domain, record.first.year
    made = sent_edition.of_selection(selection, audience, domain=domain, year=year)
    subject = str(manifest.get("subject", ""))
    return structs.replace(made, subject="" if "[" in subject else subject)  # [name]: it differed per reader


def _today(newsroom: Newsroom, story: str) -> Story | None:
    try:
        return newsroom.stories.story(story)
    except DigestError:
        return None


def today(newsroom: Newsroom, story: str) -> Story | None:
    """The story as its file says it today, when that says that it was corrected or withdrawn; else None.

    Raises StoryError for a file with faults.
    """
    known = newsroom.stories.story(story)
    return dataclasses.replace(known, file="") if known.corrected or known.status is Status.WITHDRAWN else None


def told(newsroom: Newsroom) -> dict[str, Story]:
    """By id, the stories of which pages said last that they were corrected or withdrawn, as they were then.

    A file that has a mistake today, or is gone, takes none of it back. Raises DigestError for a record with a fault.
    """
    path, zone = newsroom.root / ARCHIVE / TOLD, newsroom.config.newsroom.timezone
    try:
        texts = json.loads(path.read_bytes())["stories"]
        read = {name: load_story(text, story_id=name, file="", zone=zone)[0] for name, text in texts.items()}
        return {name: story for name, story in read.items() if story is not None}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path}: is no record of corrections and withdrawals; put it back as it was ({error})"
        raise DigestError(message) from None


def remember_told(newsroom: Newsroom, stories: Mapping[str, Story]) -> None:
    """Write the record anew. Raises DigestError."""
    texts = {name: dump_story((story, ())) for name, story in sorted(stories.items())}
    data = json.dumps({"format": 1, "stories": texts}, ensure_ascii=False, indent=1) + "\n"
    path = newsroom.root / ARCHIVE / TOLD
    with writing(path):
        write_whole(path, data.encode())


def since_sent(sent: Story, now: Story) -> StoryChange | None:
    """What happened to the story since it was sent; None when nothing that is to be shown."""
    withdrawn = now.status is Status.WITHDRAWN
    if not withdrawn and (now.corrected, now.correction) == (sent.corrected, sent.correction):
        return None
    day = now.corrected if now.corrected != sent.corrected else None
    return StoryChange(story=now, withdrawn=withdrawn, day=day, words=now.correction)
