"""A newsroom with its config read: its periods, editions and stories, selected and composed.

    config.yaml ─open_newsroom─▶ Newsroom ─┬▶ edition_setup: what editions are made with
                                           └▶ sending_setup: what they are sent with

It decides nothing about stories or mails; it opens files where it must and hands what it read to the rooms that decide.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from digest import period
from digest.config import load as config_file
from digest.config.nearest import find
from digest.errors import ConfigError, Fault, IssueError, StoryError, UsageError
from digest.files import typed
from digest.model import EVERY_AUDIENCE, Edition
from digest.newsroom import history as past
from digest.newsroom import paths
from digest.newsroom.edition_setup import EditionSetup
from digest.newsroom.sending_setup import SendingSetup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from digest.config.load import Config
    from digest.issues.issue_file import IssueFile
    from digest.model import Issue, Overrides, PastEdition, Rendering, Selection, Story
    from digest.period import Period
    from digest.stories.folder import FolderSource


def open_newsroom(file: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Newsroom:
    """Read config.yaml (the nearest one when `file` is None). Raises UsageError or ConfigError."""
    environ = os.environ if environ is None else environ
    place = Path(file) if file else find(Path.cwd())
    return Newsroom(config=config_file.load(place, environ), environ=environ)


@dataclass(frozen=True, kw_only=True, eq=False)
class Newsroom:
    """A newsroom: the way to its stories and editions, and to what these are made and sent with."""

    config: Config
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)  # holds secrets
    skip_bad: bool = False

    @property
    def root(self) -> Path:
        """The folder of config.yaml."""
        return self.config.root

    @cached_property
    def edition_setup(self) -> EditionSetup:
        """What editions are made with."""
        return EditionSetup(config=self.config, environ=self.environ)

    @cached_property
    def sending_setup(self) -> SendingSetup:
        """What editions are sent with."""
        return SendingSetup(config=self.config, environ=self.environ)

    @cached_property
    def stories(self) -> FolderSource:
        """The story files under stories/, with their index."""
        from digest.stories.folder import FolderSource

        newsroom = self.config.newsroom
        return FolderSource(
            typed(self.root / "stories"),
            zone=newsroom.timezone,
            language=newsroom.language,
            index=self.root / paths.STATE / "stories.db",
            skip_bad=self.skip_bad,
        )

    def demand_sound(self) -> None:
        """Raise ConfigError with every mistake in config.yaml that shows only in what is made from it."""
        setup, faults = self.edition_setup, dict[Fault, None]()
        parts: tuple[Callable[[], object], ...] = (
            lambda: setup.options,
            lambda: setup.policy,
            setup.demand_theme,
            setup.demand_logo,
            setup.demand_links,
            self.sending_setup.demand_sound,
        )
        for part in parts:
            try:
                part()
            except ConfigError as error:
                faults |= dict.fromkeys(error.faults)
        if faults:
            raise ConfigError(sorted(faults, key=lambda fault: (fault.file, fault.line)))

    def period(self, text: str) -> Period:
        """Read a period in the newsroom's zone: `2022-02`, `2022-Q1`, `2021`, `2022-W07`. Raises PeriodError."""
        return period.parse(text, self.config.newsroom.timezone)

    def edition(self, when: Period | str, audience: str, language: str = "") -> Edition:
        """Name one edition; the language is the audience's first when empty. Raises UsageError, PeriodError."""
        known = self.config.audience(audience).languages
        if language and language not in known:
            message = f"audience {audience!r} has no language {language!r}; it has {', '.join(known)}"
            raise UsageError(message)
        span = self.period(when) if isinstance(when, str) else when
        return Edition(period=span, audience=audience, language=language or known[0])

    def edition_of(self, name: str) -> Edition:
        """An edition by its id, also when config.yaml has its audience or language no more. Raises PeriodError."""
        when, audience, language = name.split("/")
        return Edition(period=self.period(when), audience=audience, language=language)

    def usual_period(self, moment: datetime, audience: str = "") -> Period:
        """The period with `moment` in it, of the kind that the schedule has for the audience, or for its first line.

        A month where nothing is scheduled.
        """
        lines = self.config.settings.schedule
        kinds = (line.period for line in lines if not line.audiences or audience in ("", *line.audiences))
        return period.containing(moment, next(kinds, "month"), self.config.newsroom.timezone)

    def editions(self, when: Period, audiences: Iterable[str] = (), language: str = "") -> tuple[Edition, ...]:
        """The editions of a period: every audience and language, or only those that are named. Raises UsageError."""
        chosen = [self.config.audience(name) for name in audiences] or list(self.config.audiences.values())
        found = tuple(
            Edition(period=when, audience=audience.name, language=each)
            for audience in chosen
            for each in audience.languages
            if language in ("", each)
        )
        if not found:
            names = ", ".join(audience.name for audience in chosen)
            message = f"no edition of {names} is in {language!r}; see `languages:` of the audiences in config.yaml"
            raise UsageError(message)
        return found

    def history(self, edition: Edition) -> tuple[PastEdition, ...]:
        """What the editions of this audience and language held: those sent, and those only built."""
        was = self.config.audience(edition.audience).was
        return past.history(self.root, edition, self.config.newsroom.timezone, was)

    def issue_path(self, edition: Edition) -> Path:
        """The file in which an editor's hand on this edition's period and audience is, or would be, written down."""
        old = self._issues(edition, "overrides", edition.audience)
        new = self._issues(edition, "issues", edition.audience)
        return old if old.exists() and not new.exists() else new

    def issue_files(self, edition: Edition) -> tuple[IssueFile, ...]:
        """What an editor wrote for this edition: its audience's own file first, then that of all audiences.

        Raises IssueError with every mistake in them, and for files that nobody would read.
        """
        from digest.issues import issue_file

        audience, config = edition.audience, self.config
        old, new = (typed(self._issues(edition, name, audience)) for name in ("overrides", "issues"))
        every = typed(self._issues(edition, "issues", EVERY_AUDIENCE))
        faults = [
            *issue_file.strays(old.parent, config.audiences),
            *issue_file.strays(new.parent, (*config.audiences, EVERY_AUDIENCE)),
            *issue_file.misplaced(new.parent.parent, (*config.audiences, EVERY_AUDIENCE)),
        ]
        if EVERY_AUDIENCE in config.audiences and every.exists():
            message = "is for every audience, and config.yaml has one of this name; rename that, with `was: [all]`"
            faults.append(Fault(file=str(every), message=message))
        if old.exists() and new.exists():
            message = f"is for {audience}, and {new} too; put all of it into {new}, and remove this one"
            faults.append(Fault(file=str(old), message=message))
        languages = config.audience(audience).languages
        everybodys = {language: None for each in config.audiences.values() for language in each.languages}
        files = []
        for path, known in ((new if new.exists() else old, languages), (every, tuple(everybodys))):
            try:
                files.append(issue_file.read(path, languages=known, stories_only=path == old))
            except IssueError as error:
                faults += error.faults
        if faults or (faults := list(issue_file.contradicted(issue_file.overrides_of(files), files))):
            raise IssueError(faults)
        return tuple(files)

    def overrides(self, edition: Edition) -> Overrides:
        """Which stories an editor pins, skips and orders in this edition. Raises IssueError."""
        from digest.issues.issue_file import overrides_of

        return overrides_of(self.issue_files(edition))

    def issue(self, edition: Edition) -> Issue:
        """What stands beside the stories of this edition, in its language. Raises IssueError."""
        return self.issue_from(self.issue_files(edition), edition)

    def issue_from(self, files: Sequence[IssueFile], edition: Edition) -> Issue:
        """The same of these files: what they say for no language is in the newsroom's, or the audience's first."""
        from digest.issues.issue_file import issue_of

        own, languages = self.config.newsroom.language, self.config.audience(edition.audience).languages
        otherwise = own if own in languages else languages[0]
        return issue_of(files, edition.language, self.config.recurring, otherwise=otherwise)

    def _issues(self, edition: Edition, folder: str, name: str) -> Path:
        return self.root / folder / edition.period.id / f"{name}.yaml"

    def candidates(
        self, edition: Edition, history: Sequence[PastEdition], overrides: Overrides, *, every: bool = False
    ) -> tuple[Story, ...]:
        """The stories that selection must see: the period's, older ones that may be late, and pinned ones.

        With `every`, all the newsroom's stories, so that each can be explained. Raises StoryError, and IssueError for
        an editor's pin, skip or order that names no story.
        """
        if every:
            found = {story.id: story for story in self.stories.stories()}
        else:
            own = edition.period.start
            start = min([own, *(past.edition.period.start for past in history)])
            found = {story.id: story for story in self.stories.stories(start, edition.period.end, own=own)}
        for named in (*overrides.pin, *overrides.skip, *overrides.order):
            if named not in found:
                try:
                    found[named] = self.stories.story(named)
                except StoryError as error:
                    from digest.issues.issue_file import misnamed

                    files = self.issue_files(edition)
                    faults = [misnamed(files, named, str(each), known=found) for each in error.faults]
                    raise IssueError(faults) from None
        return tuple(self._with_translations(edition, overrides, found).values())

    def _with_translations(self, edition: Edition, overrides: Overrides, found: dict[str, Story]) -> dict[str, Story]:
        """The stories, with those that are named in another language in this edition's: a pin means both."""
        from digest.selection.rules import suits, translation

        audience = self.config.audience(edition.audience)
        for named in (*overrides.pin, *overrides.skip, *overrides.order):
            story = found[named]
            if suits(story, edition, audience) or translation(story, edition, audience, found.values()):
                continue
            if ours := translation(story, edition, audience, self.stories.stories()):
                found[ours.id] = ours
        return found

    def select(self, edition: Edition, *, now: datetime | None = None, every: bool = False) -> Selection:
        """Select the edition's stories. Raises StoryError, IssueError, UsageError."""
        from digest.selection.selector import select

        history, overrides = self.history(edition), self.overrides(edition)
        return select(
            self.candidates(edition, history, overrides, every=every),
            edition=edition,
            audience=self.config.audience(edition.audience),
            now=now or self.now(),
            history=history,
            overrides=overrides,
            issue=self.issue(edition),
        )

    def compose(self, selection: Selection, *, now: datetime | None = None) -> Rendering:
        """Compose a selection. Raises ThemeError, RenderError."""
        edition = selection.edition
        audience = self.config.audience(edition.audience).in_language(edition.language)
        rendering = self.edition_setup.compose(selection, audience, now or self.now())
        self.edition_setup.theme.save_cache()
        return rendering

    def now(self) -> datetime:
        """This moment in the newsroom's zone, or the one that SOURCE_DATE_EPOCH names (reproducible-builds.org)."""
        zone = self.config.newsroom.timezone
        if epoch := self.environ.get("SOURCE_DATE_EPOCH"):
            try:
                return datetime.fromtimestamp(int(epoch), zone)
            except (ValueError, OverflowError, OSError):
                message = f"SOURCE_DATE_EPOCH is {epoch!r}; it must be whole seconds since 1970"
                raise UsageError(message) from None
        return datetime.now(zone).replace(microsecond=0)
