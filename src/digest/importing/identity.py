"""Which items are the same story. By guid, else by link, else by the day and the title with its kicker.

    known stories + one listing's items ─guid─link─day and title─▶ for each item, the number of its story

A guid is one within its source; beyond it only one that is an address, a tag: or a UUID joins, and one that a listing
gives to items with other links and titles is none. A link joins unless the titles contradict it: another headline of a
later day is another story on one landing page. A listing's own word counts: two items that it shows with two guids or
two links are two stories, however alike. But a link or a guid that merely changed since the last time, or that another
listing spells otherwise, parts nothing that the day and the title join. Pure: it compares values and touches nothing.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.importing.html_to_markdown import unescaped
from digest.text.urls import comparable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

UNKNOWN = "?"  # the scope of a guid of which nobody knows from where it came
_GLOBAL = re.compile(
    r"https?://[^/\s]+/\S|tag:\S+,\d{4}|(?:urn:uuid:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE
)
_CANDIDATES = 50  # stories of one day and title that an item is compared with; real listings have two
_COMPARED = 200  # letters of a title
_ALIKE = 0.6  # of two titles' letters; a corrected headline keeps more, another story's has less


class Identity(Struct, frozen=True, kw_only=True):
    """What is compared. `day` is an ISO date in the newsroom's zone; the others as `identity` folds them.

    `scope` names the source within which the guid is one: `feed …`, or `channel …` where that is all that is known of
    it; UNKNOWN for a guid that stands in a file without a record.
    """

    guid: str
    link: str
    day: str
    kicker: str
    title: str
    scope: str = ""

    @property
    def whole(self) -> str:
        """The title with its kicker before it: `ILO in action` + `Our objective` is `ILO in action: Our objective`."""
        return f"{self.kicker}{self.title}"


def identity(*, title: str, day: str, kicker: str = "", link: str = "", guid: str = "", scope: str = "") -> Identity:
    """Fold a story's or an item's values for comparing. An older import left HTML's escapes in titles."""
    title, kicker = unescaped(title), unescaped(kicker)
    return Identity(
        guid=guid.strip(), link=comparable(link), day=day, kicker=fold(kicker), title=fold(title), scope=scope
    )


def is_global(guid: str) -> bool:
    """Tell a guid that is one in all the world (RFC 3986, 4151, 9562) from one that a source counts by."""
    return bool(_GLOBAL.match(guid.strip()))


def fold(text: str) -> str:
    """Letters and digits only, without case and accents: `ILO in Action:` is `iloinaction`.

    A title of signs and emoji only is left as it is, so that two of them stay two.
    """
    bare = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(char for char in bare if unicodedata.category(char)[0] in "LNM" and not _is_accent(char))
    return kept or text.strip()


def _is_accent(char: str) -> bool:
    """Marks above and below letters; the vowel signs of Indic scripts are not (combining classes 0, 7, 9)."""
    return unicodedata.combining(char) in (202, 216, 220, 230)


def unite(known: Sequence[Iterable[Identity]], items: Sequence[Identity]) -> list[int]:
    """For each item of one listing the number of its story.

    `known` has, per story, the identities by which it was ever known. Numbers from `len(known)` on are new stories, in
    the order of the items.
    """
    book = _Book(known, items)
    for key, agree in ((_by_guid, _one_guid), (book.by_link, _one_link), (_by_whole, _always), (_by_title, _always)):
        book.match(key, agree)
    return book.numbers()


def _by_guid(one: Identity) -> Iterator[str]:
    if one.guid:
        yield one.guid


def _by_whole(one: Identity) -> Iterator[str]:
    yield f"{one.day} {one.whole}"


def _by_title(one: Identity) -> Iterator[str]:
    yield f"{one.day} {one.title}"


class _Book:
    """Stories, known and new, with the items of the listing that were found to be theirs."""

    def __init__(self, known: Sequence[Iterable[Identity]], items: Sequence[Identity]) -> None:
        self.known = [tuple(names) for names in known]
        self.items = items
        self.story: dict[int, int] = {}  # item -> known story
        self.taken: dict[int, dict[Identity, None]] = {}  # known story -> items of this listing
        self.shared = _shared_links(items)

    def by_link(self, one: Identity) -> Iterator[str]:
        if one.link and one.link not in self.shared:
            yield one.link

    def match(self, key: Callable[[Identity], Iterator[str]], agree: Callable[[Identity, Identity], bool]) -> None:
        """Give items that have no story yet the known one with the same key, where the rest does not speak against."""
        index: dict[str, list[tuple[int, Identity]]] = {}
        for number, names in enumerate(self.known):
            for each in dict.fromkeys(names):
                for value in key(each):
                    index.setdefault(value, []).append((number, each))
        for place, item in enumerate(self.items):
            if place in self.story:
                continue
            candidates = islice((pair for name in key(item) for pair in index.get(name, ())), _CANDIDATES)
            for number in dict.fromkeys(number for number, known in candidates if agree(known, item)):
                if not any(_two(item, other) for other in self.taken.get(number, ())):
                    self.story[place] = number
                    self.taken.setdefault(number, {})[item] = None
                    break

    def numbers(self) -> list[int]:
        """Number the items; those without a known story are united among themselves, first come first."""
        new: list[dict[Identity, None]] = []
        index: dict[str, list[int]] = {}
        for place, item in enumerate(self.items):
            if place in self.story:
                continue
            names = [f"{n} {value}" for n, key in enumerate((_by_guid, self.by_link, _by_title)) for value in key(item)]
            names.append(f"2 {item.day} {item.whole}")
            found = islice((number for name in names for number in index.get(name, ())), _CANDIDATES)
            number = next((one for one in found if not any(_two(item, other) for other in new[one])), len(new))
            if number == len(new):
                new.append({})
            if len(new[number]) < _CANDIDATES:
                new[number][item] = None
            self.story[place] = len(self.known) + number
            for name in names:
                index.setdefault(name, []).append(number)
        return [self.story[place] for place in range(len(self.items))]


def _always(_known: Identity, _item: Identity) -> bool:
    return True


def _one_guid(known: Identity, item: Identity) -> bool:
    """Tell whether equal guids are one: in all the world, within one feed, or where link or title says so too."""
    if is_global(item.guid) or (known.scope == item.scope and not item.scope.startswith(("channel ", UNKNOWN))):
        return True
    if known.scope != item.scope and UNKNOWN not in (known.scope, item.scope):
        return False
    return not (known.link and item.link and known.link != item.link and known.title != item.title)


def _one_link(known: Identity, item: Identity) -> bool:
    """Tell whether equal links are one story's, and not a landing page's on which the next story stands."""
    if known.guid and item.guid and known.guid != item.guid and known.scope == item.scope != "":
        return False
    return item.day <= known.day or alike(known, item)


def alike(one: Identity, other: Identity) -> bool:
    """Tell whether two titles can be one that was corrected."""
    pairs = [(a[:_COMPARED], b[:_COMPARED]) for a in (one.title, one.whole) for b in (other.title, other.whole)]
    return any(a in b or b in a or SequenceMatcher(None, a, b).ratio() >= _ALIKE for a, b in pairs)


def _two(one: Identity, other: Identity) -> bool:
    """Tell two items that one listing itself shows as two stories."""
    if one.guid and other.guid:
        return one.guid != other.guid
    if one.link and other.link and one.link != other.link:
        return True
    same = one.day == other.day and (one.whole == other.whole or not (one.kicker and other.kicker))
    return not same and not (one.link and one.link == other.link)


def _shared_links(items: Sequence[Identity]) -> frozenset[str]:
    """Links that one listing gives to items with different titles: a landing page, which identifies nothing."""
    titles: dict[str, set[str]] = {}
    for item in items:
        titles.setdefault(item.link, set()).add(item.title)
    return frozenset(link for link, names in titles.items() if link and len(names) > 1)
