"""Bring the public archive up to date: look what was sent, make the pages, feeds and lists that changed, write those.

    found ─▶ Records ─overlay, pictures─▶ EditionPages ─stamp as before? keep─▶ pages ─▶ lists, feeds, sitemap ─▶ update

Everything is made before anything is written. What a page is made of is remembered as a stamp under .digest/, so that a
thousand editions of which one is new cost one page, its neighbours and the lists that name it. One run at a time.
"""

from __future__ import annotations

import dataclasses
import filecmp
import hashlib
import traceback
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field, structs

from digest import files
from digest.composer.photos import size, sniff
from digest.distribution import version
from digest.editions.archive import PAGE
from digest.errors import DigestError, StoryError
from digest.files import spelled_below
from digest.ledger.locks import file_lock
from digest.newsroom import paths
from digest.newsroom.edition_setup import page_path
from digest.publishing import public_folder, sent_editions, withdrawals
from digest.publishing.archive_lists import ArchiveLists
from digest.publishing.edition_page import Card, EditionPage, EditionPageMaker, pictures_of_issue, pictures_of_story
from digest.publishing.made_pages import MadePages, stamp
from digest.publishing.page_images import PICTURES, Pictures, copies_taken
from digest.publishing.page_templates import PageTemplates
from digest.publishing.published_edition import PublishedEdition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from digest.editions.sent_edition import SentEdition
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition, Story
    from digest.newsroom.newsroom import Newsroom
    from digest.publishing.public_folder import Update
    from digest.publishing.sent_editions import Record
    from digest.publishing.withdrawals import Withdrawal

_MOMENT = timedelta(seconds=1)


def publishes(newsroom: Newsroom) -> bool:
    """Whether anything of this newsroom is, or was, published: then its folder is kept up to date."""
    audiences = newsroom.config.settings.audiences.values()
    return any(part.archive == "public" for part in audiences) or (newsroom.root / paths.PUBLIC).exists()


def publish(
    newsroom: Newsroom,
    ledger: SqlLedger | None,
    *,
    out: Path | None = None,
    note: Callable[[str], None],
    online: bool = True,
    retry: bool = False,
) -> Update:
    """Bring `out` (public/ in the newsroom's folder) up to date. `note` hears what a person should know.

    Pictures from elsewhere are fetched when `online`; with `retry`, those that could not be had are asked for again.
    Raises ThemeError, RenderError, FaultyInput and DigestError; then nothing was written.
    """
    newsroom = dataclasses.replace(newsroom, skip_bad=True)  # a broken story of today changes nothing that was sent
    folder = out or newsroom.root / paths.PUBLIC
    state = newsroom.root / paths.STATE
    with file_lock(state / "public.lock", "digest archive", "the public archive", wait=True):
        publication = _Publication(
            newsroom=newsroom, ledger=ledger, folder=folder, note=note, online=online, retry=retry
        )
        try:
            return publication.run()
        except OSError as error:  # of the archive, where pictures and first moments are written down
            raise DigestError(public_folder.refused(newsroom.root / paths.ARCHIVE, error)) from None


class _Publication(Struct, kw_only=True, dict=True):
    """One run."""

    newsroom: Newsroom
    ledger: SqlLedger | None
    folder: Path
    note: Callable[[str], None]
    online: bool
    retry: bool
    stories: dict[str, list[Any]] = field(default_factory=dict)  # by id: the file's stamp, whether it tells news
    faults: list[str] = field(default_factory=list)  # of stories' files of today
    left: bool = False  # whether a page is as it was because what it is made of cannot be read

    def run(self) -> Update:
        known = [
            each
            for record in sent_editions.found(self.newsroom, self.ledger, self.note)
            if (each := self._known(record)) is not None
        ]
        self._strays()
        if not known and (self.left or not self.folder.exists()):
            return public_folder.Update(written=(), removed=(), unchanged=0)
        public_folder.claim(self.folder)
        if known:
            self._site(known)
        update = structs.replace(self.pages.write(), faults=tuple(self.faults))
        self.newsroom.edition_setup.theme.save_cache()
        self._remember(known)
        return update

    @cached_property
    def pages(self) -> MadePages:
        return MadePages.of(self.newsroom.root, self.folder)

    @cached_property
    def withdrawn(self) -> dict[str, Withdrawal]:
        return withdrawals.load(self.newsroom.root)

    def _strays(self) -> None:
        """Say which records of withdrawals withdraw nothing: whoever wrote one believes that something is gone."""
        archive = self.newsroom.root / paths.ARCHIVE
        for path in withdrawals.files_in(self.newsroom.root):
            name = withdrawals.name_of(path)
            if name not in self.withdrawn or not (archive / name).is_dir():
                self.note(
                    f"{files.typed(path)} withdraws nothing: it is no edition's that was sent; give it the name of the "
                    "edition's folder: archive/2022-02/everyone/en has withdrawn/2022-02/everyone/en.yaml"
                )

    @cached_property
    def templates(self) -> PageTemplates:
        return PageTemplates(newsroom=self.newsroom, logo=self._logo())

    def _logo(self) -> str:
        """The logo's address elsewhere, or its file, by the hash of its content as pictures are."""
        logo = self.newsroom.config.settings.theme.logo
        data = None if not logo or "://" in logo else self.newsroom.edition_setup.read_image(logo)
        suffix = {"image/png": "png", "image/jpeg": "jpg"}.get(sniff(data)) if data else None
        if data is None or suffix is None:
            return logo if logo.startswith("https://") else ""
        name = f"{hashlib.sha256(data).hexdigest()[:20]}-{size(data)[0]}.{suffix}"
        self.pages.add(f"img/{name}", name, lambda: data)
        return name

    @cached_property
    def common(self) -> str:
        return stamp([version(), self.templates.stamp])

    # What each edition is made of

    def _known(self, record: Record) -> PublishedEdition | None:
        """The edition with the ids of its stories, from memory when what was kept of it is as it was."""
        kept = _stamp_of(record.home / PAGE)
        said = self.pages.known("editions").get(record.edition.id)
        sent = None
        if not (kept and said and said["kept"] == kept):
            sent = sent_editions.recall(self.newsroom, record, self.note)
            if sent is None:
                self._leave(record)
                return None
            said = {
                "ids": [story.id for story in sent.stories],
                "images": {
                    **{name: image for story in sent.stories for name, image in pictures_of_story(story).items()},
                    **{image: image for image in pictures_of_issue(sent.selection.issue)},
                },
                "hash": hashlib.sha256((record.home / PAGE).read_bytes()).hexdigest(),
            }
        return PublishedEdition(
            record=record,
            ids=said["ids"],
            images=said["images"],
            kept=said["hash"],
            written=kept,
            sent=sent,
            withdrawal=self.withdrawn.get(record.edition.id),
        )

    def _leave(self, record: Record) -> None:
        """The page of an edition that cannot be read stays, with its pictures; not that of a withdrawn one."""
        path = f"{page_path(record.edition)}index.html"
        if path in self.pages.before and record.edition.id not in self.withdrawn:
            self.left = True
            self.pages.wanted[path] = ""
            for name in copies_taken(record.home):
                self._image(name)

    def _sent(self, known: PublishedEdition) -> SentEdition:
        if known.sent is None:
            known.sent = sent_editions.recall(self.newsroom, known.record, self.note)
            assert known.sent is not None, "it was read when it was remembered"
        return known.sent

    def _overlay(self, editions: Sequence[PublishedEdition]) -> None:
        """Which stories were corrected or withdrawn since."""
        told = self._told(sorted({story for known in editions for story in known.ids}))
        for known in editions:
            for name in told.keys() & set(known.ids):
                sent = next(each for each in self._sent(known).stories if each.id == name)
                if change := sent_editions.since_sent(sent, told[name]):
                    known.changes[name] = change

    def _told(self, names: Iterable[str]) -> dict[str, Story]:
        """Of these stories, by id, those that say today that they were corrected or withdrawn, or said so last.

        Only files that are not as they were are read. What was told once stands while a file cannot say it: no slip
        brings back what was taken away.
        """
        root, before = self.newsroom.root / "stories", sent_editions.told(self.newsroom)
        told = dict(before)
        for name in names:
            stamp, known = _stamp_of(spelled_below(root, f"{name}.md")), self.pages.known("stories").get(name)
            if not stamp:
                if name in told:
                    self.note(f"stories/{name}.md is gone; pages say what it said, that it was corrected or withdrawn")
                continue
            if known != [stamp, name in told]:
                try:
                    story = sent_editions.today(self.newsroom, name)
                except StoryError as error:
                    self.faults += str(error).splitlines()
                    continue
                told.pop(name, None)
                told |= {name: story} if story else {}
            self.stories[name] = [stamp, name in told]
        if told != before:
            sent_editions.remember_told(self.newsroom, told)
        return told

    # The files

    def _site(self, editions: Sequence[PublishedEdition]) -> None:
        self._overlay(editions)
        pictures = Pictures(newsroom=self.newsroom, note=self.note, online=self.online, retry=self.retry)
        for known in editions:
            shown = {**known.images}
            for name, change in known.changes.items():
                shown = {key: image for key, image in shown.items() if key.split("\n")[0] != name}
                shown |= {} if change.withdrawn else pictures_of_story(change.story)
            known.pictures = pictures.of(known.edition.id, known.record.home, filter(None, shown.values()))
        lists: dict[tuple[str, str], list[PublishedEdition]] = {}
        rounds: dict[tuple[str, str], list[PublishedEdition]] = {}
        for known in editions:
            lists.setdefault((known.record.audience, known.edition.language), []).append(known)
            rounds.setdefault((known.edition.period.id, known.record.audience), []).append(known)
        for group in lists.values():
            group.sort(key=_order)
        for group in lists.values():
            for number, known in enumerate(group):
                earlier = group[number - 1].edition if number else None
                later = group[number + 1].edition if number + 1 < len(group) else None
                same = rounds[known.edition.period.id, known.record.audience]
                self._edition(known, earlier, later, [each.edition for each in same])
        ArchiveLists(templates=self.templates, pages=self.pages, common=self.common).add(lists)
        self.pages.add("style.css", self.common, self.templates.style)
        self.pages.add("search.js", self.common, self.templates.script)
        for known in editions:
            self._images(known)

    def _edition(
        self, known: PublishedEdition, earlier: Edition | None, later: Edition | None, languages: Sequence[Edition]
    ) -> None:
        path = f"{page_path(known.edition)}index.html"
        made_of = stamp(
            [
                self.common,
                known.kept,
                known.record.first.isoformat(),
                known.record.audience,
                [earlier and earlier.id, later and later.id, [each.id for each in languages]],
                str(known.withdrawal),
                sorted((name, repr(change)) for name, change in known.changes.items()),
                sorted((name, repr(picture)) for name, picture in known.pictures.items()),
            ]
        )
        known.stamp = made_of
        said = self.pages.known("editions").get(known.edition.id, {})
        if said.get("card") and self.pages.is_as_made(path, made_of):
            known.card = _card(said["card"])
            self.pages.wanted[path] = made_of
            return
        page = EditionPage(
            sent=self._sent(known),
            audience=known.record.audience,
            first=known.record.first,
            changes=known.changes,
            pictures=known.pictures,
            earlier=earlier,
            later=later,
            languages=languages,
            withdrawal=known.withdrawal,
            updated=self._updated(known),
        )
        self.pages.changed[path], known.card = EditionPageMaker(templates=self.templates).page(page)
        self.pages.wanted[path] = made_of

    def _updated(self, known: PublishedEdition) -> datetime:
        """When the page last said something else to its readers: corrections and withdrawals, and nothing else."""
        first = known.record.first
        days = [change.day for change in known.changes.values() if change.day]
        if known.withdrawal:
            zone = self.newsroom.config.newsroom.timezone
            days.append(
                datetime(known.withdrawal.on.year, known.withdrawal.on.month, known.withdrawal.on.day, tzinfo=zone)
            )
        # A day begins before what was sent on it, and a feed must still tell that there is something new.
        return max([first, *(max(day, first + _MOMENT) for day in days)]).astimezone(first.tzinfo)

    def _images(self, known: PublishedEdition) -> None:
        if known.withdrawal:
            return
        for picture in known.pictures.values():
            for name, _width, _height in () if isinstance(picture, str) else picture.files:
                self._image(name)

    def _image(self, name: str) -> None:
        path, kept = f"img/{name}", self.newsroom.root / paths.ARCHIVE / PICTURES / name
        there = self.folder / path
        if not self.pages.is_as_made(path, name) and (
            path not in self.pages.before or there.is_symlink() or not filecmp.cmp(there, kept, shallow=False)
        ):
            self.pages.changed[path] = kept.read_bytes()
        self.pages.wanted[path] = name  # its content's hash

    def _remember(self, editions: Iterable[PublishedEdition]) -> None:
        self.pages.remember(
            {
                "editions": {
                    known.edition.id: {
                        "kept": known.written,
                        "hash": known.kept,
                        "ids": known.ids,
                        "images": known.images,
                        "card": known.card and structs.asdict(known.card),
                    }
                    for known in editions
                },
                "stories": self.stories,
            }
        )


def _card(said: dict[str, Any]) -> Card:
    image = said["image"]
    return Card(**{**said, "tags": tuple(said["tags"]), "image": tuple(image) if image else None})


def _order(edition: PublishedEdition) -> tuple[datetime, datetime, str]:
    return edition.edition.period.start, edition.published, edition.edition.id


def _stamp_of(path: Path) -> list[int]:
    """When a file changed and how long it is; empty when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_mtime_ns, status.st_size]


def keeping_current(
    newsroom: Newsroom, ledger: SqlLedger | None, warn: Callable[[str], None]
) -> Callable[[bool], None]:
    """What whoever sends calls when the first mail is out (False), and at the end (True): then what was sent is there.

    It never keeps a send from going on: what goes wrong is told to `warn`, with what to do.
    """

    def publish_now(done: bool) -> None:
        if not publishes(newsroom):
            return
        try:
            for fault in publish(newsroom, ledger, note=warn, online=done).faults:
                warn(f"{fault}; its public pages say what they said before")
        except (DigestError, OSError) as error:
            lines = "; ".join(str(error).splitlines())
            warn(f"the public archive is not up to date: {lines}; then `digest archive`")
        except Exception:  # noqa: BLE001 - a bug met by a page keeps no mail from going
            warn(f"the public archive is not up to date, for a bug of digest: {traceback.format_exc()}")

    return publish_now
