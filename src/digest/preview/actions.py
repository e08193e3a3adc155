"""What the page needs of the newsroom and of those above it, as small protocols and callables.

The command line hands them in: this room never opens a config, a list of readers, a relay or an approval itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from digest.ports import StorySource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from digest.config.load import Config
    from digest.editions.build import EditionSetup
    from digest.editions.build_folder import Build
    from digest.model import Edition, Overrides, PastEdition, Recipient, Selection, Story
    from digest.period import Period


class Stories(StorySource, Protocol):
    """The story files, and any one of them by its name."""

    def story(self, name: str) -> Story:
        """The story of this id. Raises StoryError when there is none."""
        ...


class Room(Protocol):
    """A newsroom whose config was read (`digest.newsroom.newsroom.Newsroom`)."""

    @property
    def config(self) -> Config:
        """Its settings."""
        ...

    @property
    def root(self) -> Path:
        """The folder of config.yaml."""
        ...

    @property
    def stories(self) -> Stories:
        """Its story files."""
        ...

    def period(self, text: str) -> Period:
        """Read a period. Raises PeriodError."""
        ...

    def edition(self, when: Period | str, audience: str, language: str = "") -> Edition:
        """Name one edition. Raises UsageError, PeriodError."""
        ...

    def history(self, edition: Edition) -> tuple[PastEdition, ...]:
        """What other editions of this audience and language held."""
        ...

    def overrides(self, edition: Edition) -> Overrides:
        """The editor's hand on this edition. Raises OverridesError."""
        ...

    def overrides_file(self, edition: Edition) -> Path:
        """Where that is written down."""
        ...

    def candidates(
        self, edition: Edition, history: Sequence[PastEdition], overrides: Overrides, *, every: bool = False
    ) -> tuple[Story, ...]:
        """The stories that selection must see."""
        ...

    def select(self, edition: Edition, *, now: datetime | None = None, every: bool = False) -> Selection:
        """Select the edition's stories."""
        ...

    def build(self, edition: Edition, *, now: datetime | None = None) -> Build:
        """Make an edition with all its files, in memory."""
        ...

    def write(self, build: Build, out: Path | None = None) -> Path:
        """Put a build into its folder below build/."""
        ...

    def facts(self, build: Build) -> dict[str, Any]:
        """What a manifest says about how it was made."""
        ...

    def desk(self, audience: str, language: str = "") -> EditionSetup:
        """Everything that one audience's editions are made with."""
        ...

    def read_image(self, name: str) -> bytes | None:
        """The bytes of an image inside the newsroom's folder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What the page may do beyond looking. Each takes the newsroom as it is at that moment.

    `readers` yields an edition's readers; `send_test` mails one address and says what the server answered; `approve`
    signs what was just built and returns the standing in words; `standing` says who approved. All raise DigestError.
    """

    open: Callable[[], Room]
    now: Callable[[], datetime]
    readers: Callable[[Room, Edition], Iterator[Recipient]]
    send_test: Callable[[Room, Edition, str], str]
    approve: Callable[[Room, Edition, str], list[str]]
    standing: Callable[[Room, Edition], list[str]]
