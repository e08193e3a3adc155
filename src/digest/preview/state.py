"""What the page looks at: an edition made from the files as they are now, or the last good one beside what is wrong.

    ViewRequest(period, audience, language, who) ─view─▶ ShownEdition(build, reader, errors)

Makes each edition once until a file changes, or as it would be with what is typed and not saved yet (a Draft). Safe to
call from several threads. It never writes.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections import OrderedDict
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from digest.editions.builder import assemble, build_edition, page, values_for
from digest.errors import ConfigError, DigestError, UsageError
from digest.issues.issue_file import overrides_of
from digest.mail.message_id import message_id
from digest.mail.template import MailTemplate
from digest.model import Edition, Overrides
from digest.preview.saves import Saves
from digest.preview.stress import CASES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from digest.editions.builder import Build
    from digest.issues.issue_file import IssueFile
    from digest.mail.sender_identity import SenderIdentity
    from digest.model import Audience, Recipient, Story
    from digest.newsroom.newsroom import Newsroom

KEPT = 24  # editions that are remembered; an editor looks at one
READERS = 50  # of a list that are offered at a time
SEEN = 6  # views of files that have changed since: frames still show them
SCANNED = 1_000_000  # rows of a list that a search reads at most
CHANGED = "the mail has changed meanwhile; look again, then click"


class ViewRequest(Struct, frozen=True, kw_only=True):
    """What the page wants to see. `who` is empty, `case:NAME` (a stress case), `reader:ADDRESS`; `draft`: a Draft."""

    period: str = ""
    audience: str = ""
    language: str = ""
    who: str = ""
    draft: str = ""


def requested(query: Mapping[str, Any]) -> ViewRequest:
    """What a query or a body asks to see. Raises UsageError for values longer than any name."""
    values = {key: str(query.get(key) or "") for key in ("period", "audience", "language", "who", "draft")}
    if any(len(value) > 400 for value in values.values()):  # noqa: PLR2004 - an address has at most 254
        message = "that is no edition; open the page anew"
        raise UsageError(message)
    return ViewRequest(**values)


class Draft(Struct, frozen=True, kw_only=True):
    """What is typed and not saved: stories by their id, instead of those of the files or beside them; issue files.

    `issues` are the edition's own and everybody's, in this order; none where they are as they are read.
    """

    stories: Mapping[str, Story] = field(default_factory=dict)
    issues: tuple[IssueFile, ...] = ()


class ShownEdition(Struct, frozen=True, kw_only=True):
    """An edition as it was made, for one reader. With `errors`, it is the last good one; they say what is wrong now."""

    newsroom: Newsroom
    audience: Audience
    edition: Edition  # as it was asked for; a stress case may be made in another language
    build: Build
    reader: Recipient | None = None
    errors: tuple[str, ...] = ()
    typed: tuple[IssueFile, ...] = ()  # a draft's

    @property
    def identity(self) -> SenderIdentity:
        """What the mail says of its sender."""
        return self.newsroom.edition_setup.identity(self.audience, self.edition)

    @property
    def fingerprint(self) -> str:
        """What tells this mail from another; empty when there is nothing to send."""
        return self.build.rendering.fingerprint if self.build.rendering else ""

    @property
    def example(self) -> dict[str, str]:
        """The values of the slots for this reader."""
        values = self.newsroom.edition_setup.example(self.audience)
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
        from digest.mail.body import fill_text

        made = self.build.rendering
        return fill_text(made.text, made.nonce, values_for(made, self.example), made.slots) if made else ""

    @property
    def mail(self) -> bytes:
        """The whole mail as this reader gets it, but for the relay's and the signature's lines."""
        if self.build.rendering is None:
            return b""
        template = MailTemplate.compile(self.build.rendering, self.identity, date=self.build.made)
        example = self.example
        values = {slot: example.get(slot, f"[{slot.removeprefix('field.')}]") for slot in template.slots}
        name = self.reader.address if self.reader else ""
        identity = message_id(self.edition.id, name, domain=self.identity.id_domain)
        return template.join(self.reader, values, identity)


class PreviewState:
    """Makes views of editions, and keeps the last good ones. `open_newsroom` reads the files as they are now."""

    def __init__(self, open_newsroom: Callable[[], Newsroom], now: Callable[[], datetime], first: ViewRequest) -> None:
        """`first` is what the page opens with."""
        self.now = now
        self.first = first
        self.revision = 0
        self._open = open_newsroom
        self._lock = threading.RLock()
        self._newsroom: Newsroom | None = None
        self._file: Path | None = None  # config.yaml, once it is known which
        self._read: tuple[int, ...] = ()
        self._made: OrderedDict[tuple[ViewRequest, int, datetime, bool], ShownEdition] = OrderedDict()
        self._good: OrderedDict[ViewRequest, ShownEdition] = OrderedDict()
        self._drafts: OrderedDict[str, Draft] = OrderedDict()

    @cached_property
    def saves(self) -> Saves:
        """What the page wrote, to be undone."""
        return Saves(self.newsroom().root)

    def keep_draft(self, draft: Draft) -> str:
        """Remember what is typed, and give the name by which it is asked for."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._drafts[name] = draft
            while len(self._drafts) > KEPT:
                self._drafts.popitem(last=False)
        return name

    def changed_on_disk(self, paths: Collection[Path]) -> None:
        """These files changed, or none that is known. What the page itself wrote just now is known already."""
        if not paths or not all(map(self.saves.wrote, paths)):
            self.changed()

    def changed(self) -> None:
        """A file changed: nothing that was made holds any longer, but for who looks at it still."""
        with self._lock:
            self.revision += 1
            self._newsroom = None
            while len(self._made) > SEEN:
                self._made.popitem(last=False)

    def newsroom(self) -> Newsroom:
        """The newsroom as its files are now. Raises ConfigError."""
        with self._lock:
            # The watcher may not have said so yet, or not watch yet: nobody is answered by an older configuration.
            if self._newsroom is not None and _version(self._file) != self._read:
                self.changed()
            if self._newsroom is None:
                if self._file is None:
                    config = self._open().config
                    self._file = config.path(Path(config.document.file).name)
                self._read = _version(self._file)  # before it is read: what is written meanwhile is another version
                self._newsroom = self._open()
            return self._newsroom

    def edition(self, asked: ViewRequest) -> Edition:
        """Which edition is asked for. Raises UsageError, PeriodError, ConfigError."""
        newsroom = self.newsroom()
        audience = asked.audience or next(iter(newsroom.config.audiences))
        when = asked.period or self.first.period or newest_period(newsroom, self.now(), audience)
        return newsroom.edition(when, audience, asked.language)

    def view(self, asked: ViewRequest, *, checked: bool = True) -> ShownEdition:
        """The edition now, or the last good one with what is wrong. Raises DigestError when there never was one.

        Not `checked`, it may lack its findings: the mail is on the screen before they are found.
        """
        with self._lock:
            asked = replace(asked, period=asked.period or self.first.period)
            with contextlib.suppress(ConfigError):
                self.newsroom()  # what was made with another configuration goes
            key = (asked, self.revision, self.now().replace(second=0, microsecond=0))
            if known := self._made.get((*key, True)) or self._made.get((*key, checked)):
                return known
            try:
                view = self._make(asked, checked=checked)
            except DigestError as error:
                if (good := self._good.get(asked) or self._good.get(replace(asked, draft=""))) is None:
                    raise
                return replace(good, errors=tuple(str(error).splitlines()))
            self._made[*key, checked] = view
            if checked:
                self._good[asked] = view
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
            while len(self._good) > KEPT:
                self._good.popitem(last=False)
            return view

    def seen(self, fingerprint: str) -> ShownEdition:
        """The edition as a frame shows it, though files have changed since. Raises UsageError when that is long ago."""
        with self._lock:
            for view in reversed(self._made.values()):
                if view.fingerprint == fingerprint:
                    return view
        raise UsageError(CHANGED)

    def readers(self, asked: ViewRequest, words: str) -> list[Recipient]:
        """The first readers of the edition's list whose name or address has these words. Raises DigestError."""
        words = words.casefold()
        rows = islice(readers(self.newsroom(), self.edition(asked)), SCANNED)
        return list(islice((r for r in rows if words in f"{r.name} {r.address}".casefold()), READERS))

    def _make(self, asked: ViewRequest, *, checked: bool) -> ShownEdition:
        newsroom, edition, now = self.newsroom(), self.edition(asked), self.now()
        audience = newsroom.config.audience(edition.audience).in_language(edition.language)
        kind, _, name = asked.who.partition(":")
        if kind == "case":
            return self._stressed(newsroom, audience, edition, name, now)
        draft = self._drafts.get(asked.draft)
        reader = self._reader(newsroom, edition, name) if kind == "reader" else None
        return ShownEdition(
            newsroom=newsroom,
            audience=audience,
            edition=edition,
            build=_drafted(newsroom, edition, draft, now, checked=checked)
            if draft
            else build_edition(newsroom, edition, now=now, checked=checked),
            reader=reader,
            typed=draft.issues if draft else (),
        )

    def _stressed(
        self, newsroom: Newsroom, audience: Audience, edition: Edition, name: str, now: datetime
    ) -> ShownEdition:
        case = CASES.get(name)
        if case is None:
            message = f"there is no stress case {name[:40]!r}; there are {', '.join(CASES)}"
            raise UsageError(message)
        if case.stories is None:
            build = build_edition(newsroom, edition, now=now)
            return ShownEdition(newsroom=newsroom, audience=audience, edition=edition, build=build, reader=case.reader)
        # Only what would be in is stressed: all of it is to be seen, whatever rule would leave it out.
        chosen = case.stories(newsroom.select(edition, now=now).stories)
        language = case.language or edition.language
        stressed = replace(edition, language=language)
        build = assemble(
            newsroom.edition_setup, stressed, chosen, history=(),
            audience=replace(audience, languages=(language,), limit=None, min_items=1),
            overrides=Overrides(pin=tuple(story.id for story in chosen)), now=now,
        )  # fmt: skip
        return ShownEdition(newsroom=newsroom, audience=audience, edition=edition, build=build, reader=case.reader)

    def _reader(self, newsroom: Newsroom, edition: Edition, address: str) -> Recipient:
        for reader in readers(newsroom, edition):
            if reader.address == address:
                return reader
        message = f"{edition.id} has no reader {address[:80]!r}; choose another one"
        raise UsageError(message)


def _drafted(newsroom: Newsroom, edition: Edition, draft: Draft, now: datetime, *, checked: bool) -> Build:
    """The edition as it would be if what is typed were saved."""
    history, files = newsroom.history(edition), draft.issues or newsroom.issue_files(edition)
    overrides = overrides_of(files)
    stories = {story.id: story for story in newsroom.candidates(edition, history, overrides)}
    stories.update(draft.stories)
    return assemble(
        newsroom.edition_setup, edition, tuple(stories.values()), history=history, overrides=overrides,
        issue=newsroom.issue_from(files, edition), now=now, checked=checked,
        audience=newsroom.config.audience(edition.audience).in_language(edition.language),
    )  # fmt: skip


def _version(file: Path | None) -> tuple[int, ...]:
    """What a changed config.yaml shows by: when and where it was written, and its size. Empty while there is none."""
    try:
        status = file.stat() if file else None
    except OSError:
        return ()
    return (status.st_mtime_ns, status.st_ino, status.st_size) if status else ()


def readers(newsroom: Newsroom, edition: Edition) -> Iterator[Recipient]:
    """Whom the edition would be mailed to. Raises DigestError for a list that cannot be read."""
    from digest.sending.edition_readers import readers_of

    return iter(readers_of(newsroom, edition))


def newest_period(newsroom: Newsroom, now: datetime, audience: str = "") -> str:
    """The newest period that has stories, or this one: a month, or what the schedule says. Raises StoryError."""
    newest = max((story.date for story in newsroom.stories.stories()), default=now)
    return newsroom.usual_period(newest, audience).id
