"""A text that makes a machine run `digest run`, and the place that it is for. Values only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

EVERY = 10  # minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFile:
    """One text, and the file that it is for; `crontab` stands for the user's own."""

    place: str
    text: str


def slug(root: Path) -> str:
    """A newsroom's folder as a name for units: small letters, digits and hyphens.

    >>> slug(Path("/srv/News & Co"))
    'news-co'
    """
    return re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-") or "newsroom"
