"""What the page looks at: an edition made from the files as they are now, or the last good one beside what is wrong.

    Asked(period, audience, language, who) ─sight─▶ Sight(build, reader, errors)

Makes each edition once until a file changes. Safe to call from several threads. It never writes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from digest.editions.build import build as make_build
from digest.editions.build import page, values_for
from digest.errors import DigestError, UsageError
from digest.mail.message_id import message_id
from digest.mail.template import MailTemplate
from digest.model import Edition, Overrides
from digest.period import containing
from digest.preview.stress import CASES

if TYPE_CHECKING:
    from datetime import datetime

    from digest.editions.build import EditionSetup
    from digest.editions.build_folder import Build
    from digest.model import Recipient
    from digest.preview.actions import Actions, Room

KEPT = 24  # editions that are remembered; an editor looks at one
READERS = 50  # of a list that are offered at a time
SCANNED = 1_000_000  # rows of a list that a search reads at most


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRequest:
    """What the page wants to see. `who` is empty, `case:NAME` (a stress case) or `reader:ADDRESS`."""

    period: str = ""
    audience: str = ""
    language: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """An edition as it was made, for one reader. With `errors`, it is the last good one; they say what is wrong now."""

    room: Room
    desk: EditionSetup
    edition: Edition  # as it was asked for; a stress case may be made in another language
    build: Build
    reader: Recipient | None = None
    errors: tuple[str, ...] = ()

    @property
    def example(self) -> dict[str, str]:
        """The values of the slots for this reader."""
        values = dict(self.desk.example)
        if self.reader:
            values |= {"name": self.reader.name, "address": self.reader.address}
            values |= {f"field.{column}": text for column, text in self.reader.fields.items()}
        return values

    @property
    def html(self) -> str:
        """The HTML part as this reader gets it, embedded images inside; empty when there is nothing to send."""
        return page(self.build.rendering, self.example) if self.build.rendering else ""

    @property
    def text(self) -> str:
        """The text part as this reader gets it."""
        from digest.mail.merge import fill_text

        made = self.build.rendering
        return fill_text(made.text, made.nonce, values_for(made, self.example)) if made else ""

    @property
    def mail(self) -> bytes:
        """The whole mail as this reader gets it, but for the relay's and the signature's lines."""
        if self.build.rendering is None:
            return b""
        template = MailTemplate.compile(self.build.rendering, self.desk.letterhead, date=self.build.made)
        example = self.example
        values = {slot: example.get(slot, f"[{slot.removeprefix('field.')}]") for slot in template.slots}
        name = self.reader.address if self.reader else ""
        identity = message_id(self.edition.id, name, domain=self.desk.letterhead.id_domain)
        return template.join(self.reader, values, identity)


class Studio:
    """Makes sights, and keeps the last good ones."""

    def __init__(self, hands: Actions, first: ViewRequest) -> None:
        """`first` is what the page opens with."""
        self.hands = hands
        self.first = first
        self.revision = 0
        self._lock = threading.RLock()
        self._room: Room | None = None
        self._made: OrderedDict[tuple[ViewRequest, int, datetime], Sight] = OrderedDict()
        self._good: OrderedDict[ViewRequest, Sight] = OrderedDict()

    def changed(self) -> None:
        """A file changed: nothing that was made holds any longer."""
        with self._lock:
            self.revision += 1
            self._room = None
            self._made.clear()

    def room(self) -> Room:
        """The newsroom as its files are now. Raises ConfigError."""
        with self._lock:
            if self._room is None:
                self._room = self.hands.open()
            return self._room

    def edition(self, asked: ViewRequest) -> Edition:
        """Which edition is asked for. Raises UsageError, PeriodError, ConfigError."""
        room = self.room()
        audience = asked.audience or next(iter(room.config.audiences))
        return room.edition(asked.period or self._newest(room), audience, asked.language)

    def sight(self, asked: ViewRequest) -> Sight:
        """The edition now, or the last good one with what is wrong. Raises DigestError when there never was one."""
        with self._lock:
            asked = replace(asked, period=asked.period or self.first.period)
            key = (asked, self.revision, self.hands.now().replace(second=0, microsecond=0))
            if key in self._made:
                return self._made[key]
            try:
                sight = self._make(asked)
            except DigestError as error:
                if asked not in self._good:
                    raise
                return replace(self._good[asked], errors=tuple(str(error).splitlines()))
            self._made[key] = self._good[asked] = sight
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
            while len(self._good) > KEPT:
                self._good.popitem(last=False)
            return sight

    def readers(self, asked: ViewRequest, words: str) -> list[Recipient]:
        """The first readers of the edition's list whose name or address has these words. Raises DigestError."""
        words = words.casefold()
        rows = islice(self.hands.readers(self.room(), self.edition(asked)), SCANNED)
        return list(islice((r for r in rows if words in f"{r.name} {r.address}".casefold()), READERS))

    def _make(self, asked: ViewRequest) -> Sight:
        room, edition, now = self.room(), self.edition(asked), self.hands.now()
        desk = room.desk(edition.audience, edition.language)
        kind, _, name = asked.who.partition(":")
        if kind == "case":
            return self._stressed(room, desk, edition, name, now)
        reader = self._reader(room, edition, name) if kind == "reader" else None
        return Sight(room=room, desk=desk, edition=edition, build=room.build(edition, now=now), reader=reader)

    def _stressed(self, room: Room, desk: EditionSetup, edition: Edition, name: str, now: datetime) -> Sight:
        case = CASES.get(name)
        if case is None:
            message = f"there is no stress case {name[:40]!r}; there are {', '.join(CASES)}"
            raise UsageError(message)
        if case.stories is None:
            build = room.build(edition, now=now)
            return Sight(room=room, desk=desk, edition=edition, build=build, reader=case.reader)
        # Only what would be in is stressed: all of it is to be seen, whatever rule would leave it out.
        chosen = case.stories(room.select(edition, now=now).stories)
        language = case.language or edition.language
        stressed = replace(edition, language=language)
        audience = replace(desk.audience, languages=(language,), limit=None, min_items=1)
        build = make_build(
            replace(desk, audience=audience), stressed, chosen, history=(),
            overrides=Overrides(pin=tuple(story.id for story in chosen)), now=now,
        )  # fmt: skip
        return Sight(room=room, desk=desk, edition=edition, build=build, reader=case.reader)

    def _reader(self, room: Room, edition: Edition, address: str) -> Recipient:
        for reader in self.hands.readers(room, edition):
            if reader.address == address:
                return reader
        message = f"{edition.id} has no reader {address[:80]!r}; choose another one"
        raise UsageError(message)

    def _newest(self, room: Room) -> str:
        return self.first.period or newest_month(room, self.hands.now())


def newest_month(room: Room, now: datetime) -> str:
    """The newest month that has stories, or this one. Raises StoryError."""
    newest = max((story.date for story in room.stories.stories()), default=now)
    return containing(newest, "month", room.config.newsroom.timezone).id
