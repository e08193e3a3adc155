"""A published edition while the archive is brought up to date: what was kept of it, and what became of it since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from digest.editions.sent_edition import SentEdition
    from digest.model import Edition
    from digest.publishing.edition_page import Card
    from digest.publishing.page_images import PageImage
    from digest.publishing.sent_editions import Record, StoryChange
    from digest.publishing.withdrawals import Withdrawal


class PublishedEdition(Struct, kw_only=True):
    """The edition. `card` and `stamp` are set once its page was made, or is as it was."""

    record: Record
    ids: Sequence[str]
    images: Mapping[str, str]  # by story; those of its summary, and of blocks, by names of their own
    kept: str
    written: list[int]  # the stamp of what was kept, as it was before that was read
    sent: SentEdition | None = None
    changes: dict[str, StoryChange] = field(default_factory=dict)
    pictures: dict[str, PageImage | str] = field(default_factory=dict)
    withdrawal: Withdrawal | None = None
    card: Card | None = None
    stamp: str = ""

    @property
    def edition(self) -> Edition:
        """Which one."""
        return self.record.edition

    @property
    def published(self) -> datetime:
        """When it was sent first."""
        return self.record.first
