"""What every reader of a source gives back: a Listing of Items, with the faults of what could not be read.

Values only. An Item is what the source says, cleaned, with nothing added: topics, countries and names of files are
decided later and elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from digest.errors import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a source. `date` is aware, in the newsroom's zone; `summary` is Markdown; `line` counts from 1.

    Texts of one line are clean (no control characters, NFC). `link` and `image` are absolute http(s) addresses.
    """

    title: str
    date: datetime
    date_only: bool = True
    kicker: str = ""
    credit: str = ""
    link: str = ""
    image: str = ""
    image_alt: str = ""
    guid: str = ""
    summary: str = ""
    topics: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    channel: str = ""
    language: str = ""
    line: int = 0  # where the item begins in its source; 0 when that has no lines (a feed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A source as it was read. `faults` name items that are lost; `notes` say what a person may want to know."""

    source: str
    title: str = ""
    contact: str = ""  # the media contact's address, offered for config.yaml
    language: str = ""
    items: tuple[Item, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
