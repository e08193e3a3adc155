"""Put the parts of one newsroom together: Config in, concrete sources, themes and desks out.

The only room that knows all the others. It decides nothing about stories or mails; it opens files where it must and
hands what it found to the rooms that decide.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest import period
from digest.config import load as config_file
from digest.editions import build_folder
from digest.errors import OverridesError, StoryError, UsageError
from digest.model import Edition, content_hash
from digest.newsroom import paths
from digest.newsroom.edition_setup import Outfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digest.config.load import Config
    from digest.editions.build_folder import Build
    from digest.model import Overrides, PastEdition, Rendering, Selection, Story
    from digest.period import Period
    from digest.stories.folder import FolderSource

STATE = ".digest"  # caches and the ledger; not committed
BUILD = "build"
ARCHIVE = "archive"
# The settings that change what a reader gets; how it is sent (smtp, send) is not among them.
_SHAPING = {"newsroom", "theme", "mail", "unsubscribe", "archive"}
_SHORT = 16  # hex digits of a hash in a manifest: enough to see that something changed


def open_newsroom(file: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Newsroom:
    """Read config.yaml (the nearest one when `file` is None). Raises UsageError or ConfigError."""
    environ = os.environ if environ is None else environ
    place = Path(file) if file else config_file.find(Path.cwd())
    return Newsroom(config=config_file.load(place, environ, cache=STATE), environ=environ)


@dataclass(frozen=True, kw_only=True)
class Newsroom(Outfit):
    """A newsroom with its config read: the way to its stories, editions and builds."""

    config: Config
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)  # holds secrets
    skip_bad: bool = False

    @cached_property
    def stories(self) -> FolderSource:
        """The story files under stories/, with their index."""
        from digest.stories.folder import FolderSource

        newsroom = self.config.newsroom
        return FolderSource(
            paths.typed(self.root / "stories"),
            zone=newsroom.timezone,
            language=newsroom.language,
            index=self.root / STATE / "stories.db",
            skip_bad=self.skip_bad,
        )

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
        """What other editions of this audience and language held: those sent, and those only built."""
        zone = self.config.newsroom.timezone
        where = (edition.audience, edition.language, zone)
        sent = {past.edition.id: past for past in build_folder.history(self.root / ARCHIVE, *where, sent=True)}
        built = {past.edition.id: past for past in build_folder.history(self.root / BUILD, *where, sent=False)}
        return tuple({**built, **sent}.values())

    def overrides_file(self, edition: Edition) -> Path:
        """Where an editor's hand on this edition is written down."""
        return self.root / "overrides" / edition.period.id / f"{edition.audience}.yaml"

    def overrides(self, edition: Edition) -> Overrides:
        """The editor's hand on this edition; empty when there is none. Raises OverridesError."""
        from digest.selection import overrides

        path = paths.typed(self.overrides_file(edition))
        if faults := list(overrides.strays(path.parent, self.config.audiences)):
            raise OverridesError(faults)
        return overrides.load(path)

    def candidates(
        self, edition: Edition, history: Sequence[PastEdition], overrides: Overrides, *, every: bool = False
    ) -> tuple[Story, ...]:
        """The stories that selection must see: the period's, older ones that may be late, and pinned ones.

        With `every`, all the newsroom's stories, so that each can be explained. Raises StoryError, and OverridesError
        for an override that names no story.
        """
        if every:
            found = {story.id: story for story in self.stories.stories()}
        else:
            first = min((past.edition.period.start for past in history), default=edition.period.start)
            start = min(first, edition.period.start)
            found = {story.id: story for story in self.stories.stories(start, edition.period.end)}
        for named in (*overrides.pin, *overrides.skip, *overrides.order):
            if named not in found:
                try:
                    found[named] = self.stories.story(named)
                except StoryError as error:
                    from digest.selection.overrides import misnamed

                    where = paths.typed(self.overrides_file(edition))
                    faults = [misnamed(where, named, str(each), known=found) for each in error.faults]
                    raise OverridesError(faults) from None
        return tuple(found.values())

    def select(self, edition: Edition, *, now: datetime | None = None, every: bool = False) -> Selection:
        """Select the edition's stories. Raises StoryError, OverridesError, UsageError."""
        from digest.selection.selector import select

        history, overrides = self.history(edition), self.overrides(edition)
        return select(
            self.candidates(edition, history, overrides, every=every),
            edition=edition,
            audience=self.config.audience(edition.audience),
            now=now or self.now(),
            history=history,
            overrides=overrides,
        )

    def compose(self, selection: Selection, *, now: datetime | None = None) -> Rendering:
        """Compose a selection. Raises ThemeError, RenderError."""
        from digest.editions.build import render

        desk = self.desk(selection.edition.audience, selection.edition.language)
        rendering = render(desk, selection, now or self.now())
        desk.theme.keep()
        return rendering

    def build(self, edition: Edition, *, now: datetime | None = None, network: bool = False) -> Build:
        """Make an edition with all its files, in memory; with `network`, run the checks that need one too.

        Raises what `select` and `compose` raise.
        """
        from digest.editions.build import build

        history, overrides = self.history(edition), self.overrides(edition)
        made = build(
            self.desk(edition.audience, edition.language),
            edition,
            self.candidates(edition, history, overrides),
            history=history,
            overrides=overrides,
            now=now or self.now(),
            online=self.online() if network else None,
        )
        self.theme.keep()
        return made

    def write(self, build: Build, out: Path | None = None) -> Path:
        """Put a build into its folder below build/ (or `out`). Raises DigestError when the disk refuses."""
        return build_folder.write(out or self.root / BUILD, build, self.facts(build))

    def facts(self, build: Build) -> dict[str, Any]:
        """What a manifest says about how it was made: what went in, each with its hash, and by which versions."""
        from digest.newsroom.installed import versions

        names = ("digest", "jinja2", "mjml-python", "premailer", "markdown-it-py", "nh3", "babel")
        return {"inputs": self.inputs(build), "versions": versions(names)}

    def inputs(self, build: Build) -> dict[str, str]:
        """A hash of everything that shaped the build: each story, the theme, the editor's hand, and the settings."""
        settings = self.config.settings
        shaping = settings.model_dump(by_alias=True, mode="json", include=_SHAPING, exclude_defaults=True)
        audience = settings.audiences[build.edition.audience]
        shaping["audience"] = audience.model_dump(by_alias=True, mode="json", exclude_defaults=True)
        said: dict[str, object] = {f"story {story.id}": story for story in build.selection.stories}
        said |= {"config": shaping, "overrides": self.overrides(build.edition)}
        found = {name: content_hash(value)[:_SHORT] for name, value in said.items()}
        if build.rendering is not None:
            found["theme"] = self.theme.key
        return found

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
