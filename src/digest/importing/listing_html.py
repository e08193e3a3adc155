"""Read a listing page in HTML: what it says about itself for machines, or the shape in which it shows its stories.

    page ─▶ JSON-LD articles ─────┐
         ─▶ elements with a date ─┼─▶ the reading that found most, completed by the other ─▶ Listing
         ─▶ OpenGraph (one story) ┘      or, with selectors, exactly what these name

libxml2 parses without network and with its limits on; scripts are never run, and of the stories' HTML only prose is
kept. It never follows a link.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from digest.importing import identity, metadata
from digest.importing.dom_heuristics import by_selectors, by_shape
from digest.importing.listing import Item, Listing
from digest.importing.page import ListingPage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

_FILLED = ("kicker", "credit", "link", "image", "image_alt", "summary")


def parse(
    text: str, source: str, *, zone: tzinfo, language: str = "", selectors: Mapping[str, str] | None = None
) -> Listing:
    """Read a page. `selectors` are CSS: `item`, and within it `title`, `date`, `kicker`, `credit`, `link`, ….

    Raises ImportFailed for what is not HTML, UsageError for a selector that cannot be read.
    """
    page = ListingPage.parse(text, source, zone, language)
    if selectors:
        items, faults = by_selectors(page, selectors)
    else:
        items, faults = by_shape(page)
        said = metadata.articles(page)
        if len(said) >= max(len(items), 1):
            items, faults = _completed(said, items), [] if len(said) > len(items) else faults
        elif said:
            items = _completed(items, said)
        if not items and (alone := metadata.open_graph(page)):
            items, faults = [alone], []
    return Listing(
        source=source,
        title=page.title,
        contact=page.contact,
        language=page.language,
        items=tuple(items),
        faults=tuple(faults),
        notes=tuple(page.notes),
    )


def _completed(items: Sequence[Item], others: Sequence[Item]) -> list[Item]:
    """The items, with what only the other reading of the same stories has."""
    known = [[_identity(item)] for item in others]
    result = []
    for item, number in zip(items, identity.unite(known, [_identity(item) for item in items]), strict=True):
        other = others[number] if number < len(others) else item
        missing = {key: value for key in _FILLED if not getattr(item, key) and (value := getattr(other, key))}
        result.append(replace(item, **missing))
    return result


def _identity(item: Item) -> identity.Identity:
    return identity.identity(title=item.title, day=item.date.date().isoformat(), kicker=item.kicker, link=item.link)
