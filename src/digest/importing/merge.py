"""Let sources tell one story, and never talk over a person. Pure.

    the file's values + what each source said last + what one says now ─hear─▶ changes, and what was kept

For each field: a source that says what it said before changes nothing. A source that says something new is followed
where the file still has its old word, or nothing. Where the file has a person's word, that is kept and the difference
is shown. Where it has another source's word, that stands: who spoke first is followed. Lists only grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.importing.identity import fold
from digest.importing.provenance import Words, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.importing.listing import Item

SINGLE = ("title", "date", "kicker", "credit", "link", "image", "image_alt", "language", "guid", "summary")
LISTS = ("topics", "countries", "channels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A field in which a person's word was kept although `source` says `theirs`."""

    file: str
    field: str
    ours: str
    theirs: str
    source: str

    def __str__(self) -> str:
        """One line for the terminal."""
        return f"{self.file}: {self.field}: kept {_short(self.ours)}; {self.source} says {_short(self.theirs)}"


def fields(items: Sequence[Item], channel: str) -> dict[str, object]:
    """What a source says about one story, out of all its items that are this story; earlier ones count more."""
    said: dict[str, object] = {}
    for item in items:
        for key in SINGLE:
            value = item.date.date() if key == "date" and item.date_only else getattr(item, key)
            if value and key not in said:
                said[key] = value
        for key, more in (
            ("topics", item.topics),
            ("countries", item.countries),
            ("channels", tuple(filter(None, (channel or item.channel,)))),
        ):
            said[key] = _more(said.get(key), more)
    return said


class StoryDraft:
    """One story while sources tell it. `values` are those of its file (none: a new story), `words` the record's."""

    def __init__(self, values: Mapping[str, object], words: Mapping[str, Words], file: str = "") -> None:
        self.values = dict(values)
        self.words: dict[str, Words] = {name: dict(said) for name, said in words.items()}
        self.file = file
        self.changed: dict[str, None] = {}  # in the order of the changes
        self.kept: list[Kept] = []

    def hear(self, source: str, said: Mapping[str, object]) -> None:
        """Let `source` say all that it has to say about this story (`fields`)."""
        skipped = self._split_kicker(source, said)
        for key in SINGLE:
            if key not in skipped:
                self._hear_single(source, key, said.get(key) or "")
        before = self.words.get(source, {})
        words: Words = {key: word(key, value) for key in SINGLE if (value := said.get(key))}
        for key in LISTS:
            known, new = before.get(key, []), said.get(key) or ()
            heard = _more(known, new)
            if more := [one for one in heard if one not in known and one not in _more((), self.values.get(key))]:
                self._set(key, _more(self.values.get(key), more))
            if heard:
                words[key] = list(heard)
        self.words[source] = words

    def _hear_single(self, source: str, key: str, value: object) -> None:
        spoke = source in self.words
        new, old = word(key, value), self.words.get(source, {}).get(key, "")
        ours = word(key, self.values.get(key))
        if new == ours or (spoke and new == old):
            return
        others = {str(said[key]) for name, said in self.words.items() if name != source and key in said}
        agreed = str(ours) in others
        first = bool(new) and not ours and not others
        if first or (spoke and ours and ours == old and (new or not agreed)):
            self._set(key, value)
        elif new and not agreed:
            theirs, mine = str(value), str(self.values.get(key) or "")
            self.kept.append(Kept(file=self.file, field=key, ours=mine, theirs=theirs, source=source))

    def _split_kicker(self, source: str, said: Mapping[str, object]) -> tuple[str, ...]:
        """See that `ILO in action` + `Our objective` is `ILO in action: Our objective`, and prefer the first."""
        title, kicker = str(said["title"]), str(said.get("kicker") or "")
        mine, own = str(self.values.get("title") or ""), str(self.values.get("kicker") or "")
        if bool(kicker) == bool(own) or not mine or fold(kicker) + fold(title) != fold(own) + fold(mine):
            return ()
        imported = any(said.get("title") == mine for said in self.words.values())
        if kicker and imported and source not in self.words:
            self._set("title", title)
            self._set("kicker", kicker)
        return ("title", "kicker")

    def _set(self, key: str, value: object) -> None:
        self.values[key] = value
        self.changed[key] = None


def _more(known: object, new: object) -> tuple[str, ...]:
    both = (*(known if isinstance(known, list | tuple) else ()), *(new if isinstance(new, list | tuple) else ()))
    return tuple(dict.fromkeys(map(str, both)))


def _short(text: str, longest: int = 60) -> str:
    text = " ".join(text.split())
    return f"'{text[: longest - 1]}…'" if len(text) > longest else f"'{text}'"
