"""Decide what an import changes, and write nothing. Pure but for the texts that it is given to edit.

listings + stories + record ─unite─▶ one draft a story ─apply─▶ values ─▶ new files, changed files, the next record

For each field: a source that says what it said before changes nothing. A source that says something new is followed
where the file still has its old word, or nothing. Where the file has a person's word, that is kept and the difference
is shown. Where it has another source's word, that stands: who spoke first is followed. Lists only grow.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct, field, structs

from digest.errors import Fault
from digest.importing import identity, provenance
from digest.importing.identity import UNKNOWN, fold, is_global
from digest.importing.naming import slug, story_name
from digest.importing.provenance import ImportRecord, Words, word
from digest.model import STORY_DEFAULTS, STORY_LISTS, STORY_SUFFIX
from digest.stories import frontmatter, writing
from digest.text.counting import counted
from digest.text.wrapping import clipped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from digest.importing.identity import Identity
    from digest.importing.source import Item, Listing
    from digest.model import Story

_SINGLE = tuple(key for key in STORY_DEFAULTS if key not in (*STORY_LISTS, "date_only"))
_UTC = ZoneInfo("UTC")
FAR_FEWER = 0.5  # of the last import's items; a list that rolls over keeps its length, one that broke loses most of it
_DOUBLES = 3  # stories gone that had one time; of more it says nothing: a batch was published at once
_BELOW = "stories"  # the folder of the newsroom in which they lie


class NewFile(Struct, frozen=True, kw_only=True):
    """A story that has no file yet. `path` is relative to the stories' folder."""

    id: str
    path: str
    text: str
    lacks: tuple[str, ...] = ()  # keys that say nothing: a picture, its words, the link, the summary


class ChangedFile(Struct, frozen=True, kw_only=True):
    """A story file in which `fields` change."""

    id: str
    path: str
    before: str
    after: str
    fields: tuple[str, ...]


class ItemChange(Struct, frozen=True, kw_only=True):
    """A source that gave nothing (`empty`), or far fewer items than the last time (`shrunk`)."""

    source: str
    format: str  # of the source
    kind: str
    items: int
    before: int
    why: tuple[str, ...] = ()  # the first of what could not be read, and of the notes

    def __str__(self) -> str:
        """What happened, without what to do."""
        found = f"{self.source}: {counted(self.items, 'item') if self.items else 'no items'} found"
        text = f"{found}, and {self.before} the last time" if self.before else found
        return f"{text} ({'; '.join(self.why)})" if self.why else text


class ImportPlan(Struct, frozen=True, kw_only=True):
    """What an import would do. `faults` are items and files that it cannot do, each with its reason."""

    new: tuple[NewFile, ...] = ()
    changed: tuple[ChangedFile, ...] = ()
    unchanged: int = 0
    kept: tuple[Kept, ...] = ()
    verdicts: tuple[ItemChange, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    before: ImportRecord = field(default_factory=ImportRecord)
    record: ImportRecord = field(default_factory=ImportRecord)

    def diff(self) -> str:
        """All changes as one unified diff, new files against /dev/null."""
        changes = [("/dev/null", one.path, "", one.text) for one in self.new]
        changes += [(f"a/{_BELOW}/{one.path}", one.path, one.before, one.after) for one in self.changed]
        lines: list[str] = []
        for origin, path, before, after in changes:
            old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
            lines += difflib.unified_diff(old, new, origin, f"b/{_BELOW}/{path}")
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def plan(
    listings: Sequence[Listing],
    existing: Sequence[Story],
    texts: Callable[[str], str],
    record: ImportRecord,
    channel: str | None = None,
    faulty: Mapping[str, Fault] = MappingProxyType({}),
) -> ImportPlan:
    """Decide what the listings change. `texts` gives a story file's whole text by the story's id, as it is.

    `channel` is put on every story; None takes each listing's title as a name, `""` puts none. `faulty` are the files
    that cannot be read just now, by their story's id: they are left as they are.
    """
    planner = _Planner(existing, record, faulty)
    for listing in listings:
        planner.listen(listing, channel)
    return planner.finish(texts)


class _Planner:
    """Drafts of all stories, known and new, into which listings are read one after another."""

    def __init__(self, existing: Sequence[Story], before: ImportRecord, faulty: Mapping[str, Fault]) -> None:
        self.before = before
        self.faulty = faulty
        self.listings: list[Listing] = []
        self.sources = dict(before.sources)
        self.ids = [story.id for story in existing]
        self.drafts: list[StoryDraft] = []
        self.known: list[list[Identity]] = []
        self.heard: set[int] = set()  # numbers of the stories that the listings hold
        self.faults: list[Fault] = []
        self.notes = [f"{fault}; the file is left as it is" for fault in faulty.values()]
        near = next((story.date for story in existing), datetime.now(UTC))
        records = {name: words for name, words in before.stories.items() if name not in {*self.ids}}
        moved = _moved(existing, before, records, near)
        for story in existing:
            words = before.stories.get(story.id) or records.pop(moved.get(story.id, ""), {})
            values = {**writing.as_fields(story), "summary": story.summary}
            self.drafts.append(StoryDraft(values, words, story.file or f"{story.id}.md"))
            # Also as sources know it: a person may have given it another title or date.
            names, own = _names(words, story.date), _identity(values, story.date, UNKNOWN)
            counted = own.guid in {name.guid for name in names} and not is_global(own.guid)
            self.known.append([*names, structs.replace(own, guid="") if counted else own])
        # Files that cannot be read, or are no more, known by what sources said of them: neither is made a second time.
        for name, words in sorted(records.items()):
            self.ids.append(name)
            self.drafts.append(StoryDraft({}, words, f"{name}.md"))
            self.known.append(_names(words, near))
        self.readable, self.old = len(existing), len(self.ids)
        self.record = {name: draft.words for name, draft in zip(self.ids, self.drafts, strict=True) if draft.words}

    def listen(self, listing: Listing, channel: str | None) -> None:
        """Read one listing into the drafts."""
        name = self.name(listing)
        self.listings.append(listing)
        if name != provenance.STDIN:
            self.sources[name] = len(listing.items)
        listing = self.without_shared_guids(listing)
        scope = _scope(listing)
        identities = [_identity(fields_of([item], ""), item.date, scope) for item in listing.items]
        told: dict[int, list[Item]] = {}
        for item, number in zip(listing.items, identity.unite(self.known, identities), strict=True):
            told.setdefault(number, []).append(item)
        for number, items in sorted(told.items()):
            if self.readable <= number < self.old:
                self.withhold(number, listing.source, items[0])
                continue
            if number == len(self.drafts):
                self.drafts.append(StoryDraft({}, {}, listing.source, items[0].line))
                self.known.append([])
            said = fields_of(items, slug(listing.title) if channel is None else channel)
            self.drafts[number].apply(name, said, scope)
            self.known[number].append(_identity(said, items[0].date, scope))
            self.heard.add(number)
        self.notes += self.doubles(listing.source, name, told)

    def doubles(self, source: str, name: str, told: Collection[int]) -> Iterator[str]:
        """New stories of a source that may be old ones of it: those are gone from it, and of the same time or alike."""
        left: dict[object, list[int]] = {}  # by their time
        for number in sorted({*range(self.readable)}.difference(told)):
            left.setdefault(self.drafts[number].words.get(name, {}).get("date", ""), []).append(number)
        for new in (number for number in told if number >= self.old):
            when = self.drafts[new].words[name].get("date")
            gone = left.get(when, [])
            timed = "T" in str(when) and len(gone) <= _DOUBLES
            for old in gone[:20]:
                if timed or identity.alike(self.known[new][-1], self.known[old][-1]):
                    what = f"{_short(str(self.drafts[new].values['title']))} may be {self.drafts[old].file}"
                    yield f"{source}: {what} with another title and address, gone from the source; if so, delete one"
                    gone.remove(old)
                    break

    def without_shared_guids(self, listing: Listing) -> Listing:
        """The listing without guids that it gives to items of other links and titles: they identify nothing."""
        places: dict[str, set[tuple[str, str]]] = {}
        for item in listing.items:
            if item.guid:
                places.setdefault(item.guid, set()).add((item.link, fold(item.title)))
        shared = {
            guid: len(pairs)
            for guid, pairs in places.items()
            if len({link for link, _ in pairs}) > 1 and len({title for _, title in pairs}) > 1
        }
        self.notes += [
            f"{listing.source}: the guid {_short(guid)} is that of {count} items; it is not used"
            for guid, count in shared.items()
        ]
        items = tuple(replace(item, guid="") if item.guid in shared else item for item in listing.items)
        return structs.replace(listing, items=items)

    def withhold(self, number: int, source: str, item: Item) -> None:
        """Say why an item is not taken whose story has a file with faults, or had one that a person took away."""
        name, title = self.drafts[number].file, _short(item.title)
        if self.ids[number] in self.faulty:
            self.notes.append(f"{source}: {title} waits until {name} is mended")
        else:
            hint = f"take it out of {provenance.NAME} to have it again"
            self.notes.append(f"{source}: {title} is not brought back, since {name} was deleted or renamed; {hint}")

    def name(self, listing: Listing) -> str:
        """The listing's name in the record; two files of one name in one import are two sources."""
        name = provenance.source_name(listing.source)
        number = 1 + sum(provenance.source_name(other.source) == name for other in self.listings)
        return name if number == 1 else f"{name} ({number})"

    def finish(self, texts: Callable[[str], str]) -> ImportPlan:
        """The plan, with names for the new stories. What a story file cannot say is left out, and named."""
        taken = {story.casefold() for story in (*self.ids, *self.faulty)}
        new: list[NewFile] = []
        changed: list[ChangedFile] = []
        kept: list[Kept] = []
        stories = dict(self.record)
        for number in sorted(self.heard):
            draft = self.drafts[number]
            try:
                if number >= self.old:
                    story = story_name(_day(draft.values["date"]), str(draft.values["title"]), taken)
                    new.append(_new(story, draft))
                    taken.add(story.casefold())
                    self.ids.append(story)
                elif draft.changed:
                    story = self.ids[number]
                    changed.append(_changed(story, draft, texts(story)))
                else:
                    story = self.ids[number]
            except ValueError as error:
                self.faults.append(Fault(file=draft.file, line=draft.line, message=str(error)))
                continue
            kept += draft.kept
            stories[story] = draft.words
        return ImportPlan(
            new=tuple(new),
            changed=tuple(changed),
            unchanged=len(self.heard) - len(new) - len(changed) - len(self.faults),
            kept=tuple(kept),
            verdicts=tuple(self.verdicts()),
            faults=(*(fault for listing in self.listings for fault in listing.faults), *self.faults),
            notes=(*(note for listing in self.listings for note in listing.notes), *self.notes),
            before=self.before,
            record=ImportRecord(sources=self.sources, stories=stories),
        )

    def verdicts(self) -> Iterator[ItemChange]:
        """What is suspicious about how much the sources gave."""
        for listing in self.listings:
            items, before = len(listing.items), self.before.sources.get(provenance.source_name(listing.source), 0)
            if kind := "empty" if not items else "shrunk" if items < before * FAR_FEWER else "":
                told = (*map(str, listing.faults[:1]), *listing.notes[:1])
                why = tuple(one.removeprefix(f"{listing.source}: ") for one in told)
                yield ItemChange(
                    source=listing.source, format=listing.format, kind=kind, items=items, before=before, why=why
                )


def _new(story: str, draft: StoryDraft) -> NewFile:
    """The file of a new story. Raises ValueError when it would be none that the reader of story files takes."""
    title = _short(str(draft.values["title"]))
    front = {key: value for key, value in draft.values.items() if key != "summary"}
    try:
        text = writing.serialise(front, str(draft.values.get("summary") or ""))
        _insist_readable(story, text)
    except ValueError as error:
        message = f"{title} cannot be a story file ({error}); left out"
        raise ValueError(message) from None
    wanted = ("image", *(("image_alt",) if draft.values.get("image") else ()), "link", "summary")
    lacks = tuple(key for key in wanted if not draft.values.get(key))
    return NewFile(id=story, path=f"{story}{STORY_SUFFIX}", text=text, lacks=lacks)


def _changed(story: str, draft: StoryDraft, before: str) -> ChangedFile:
    """The change of a file. Raises ValueError when it cannot be made, or the file could not be read after it."""
    after = writing.edit(before, {key: draft.values[key] for key in draft.changed})
    _insist_readable(story, after)
    return ChangedFile(id=story, path=f"{story}{STORY_SUFFIX}", before=before, after=after, fields=tuple(draft.changed))


def _insist_readable(story: str, text: str) -> None:
    """Raise ValueError with the first fault that the reader of story files finds. Any zone and language will do."""
    _, faults = frontmatter.parse(text.encode(), story_id=story, file="", zone=_UTC, language="en")
    if faults:
        raise ValueError(": ".join(filter(None, (faults[0].key, faults[0].message))))


def _scope(listing: Listing) -> str:
    """The source within which a listing's guids are one: never a file's path, which differs from desk to desk."""
    own = listing.id or (listing.source if listing.source.startswith(("http://", "https://")) else "")
    if own:
        return f"feed {own.partition('://')[2] or own}"
    return f"channel {slug(listing.title)}"


def _moved(
    existing: Sequence[Story], before: ImportRecord, gone: Mapping[str, Mapping[str, Words]], near: datetime
) -> dict[str, str]:
    """The files that a person renamed: the story's id now, and that under which the record knows it."""
    names = list(gone)
    strangers = [story for story in existing if story.id not in before.stories]
    own = [_identity(writing.as_fields(story), story.date, UNKNOWN) for story in strangers] if names else []
    numbers = identity.unite([_names(gone[name], near) for name in names], own)
    return {story.id: names[number] for story, number in zip(strangers, numbers, strict=False) if number < len(names)}


def _names(words: Mapping[str, Words], near: datetime) -> list[Identity]:
    """The identities by which sources know a story."""
    result = []
    for source, said in words.items():
        scope = str(said.get("feed") or "") or (f"feed {source.partition('://')[2]}" if "://" in source else UNKNOWN)
        if "title" in said:
            result.append(_identity(said, near, scope))
    return result


def _identity(said: Mapping[str, object], near: datetime, scope: str) -> Identity:
    """The identity of a story's values, or of what a source said; `near` is a time in the newsroom's zone."""
    return identity.identity(
        title=str(said["title"]),
        day=_day(said.get("date"), near),
        kicker=str(said.get("kicker") or ""),
        link=str(said.get("link") or ""),
        guid=str(said.get("guid") or ""),
        scope=scope,
    )


def _day(value: object, near: datetime | None = None) -> str:
    """The day of a date, a time or a word of the record, in the zone of `near`."""
    if isinstance(value, str) and "T" in value:
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        value = (value.astimezone(near.tzinfo) if near else value).date()
    return value.isoformat() if isinstance(value, date) else str(value or "")


class Kept(Struct, frozen=True, kw_only=True):
    """A field in which a person's word was kept although `source` says `theirs`."""

    file: str
    field: str
    ours: str
    theirs: str
    source: str

    def __str__(self) -> str:
        """One line for the terminal."""
        return f"{self.file}: {self.field}: kept {_short(self.ours)}; {self.source} says {_short(self.theirs)}"


def fields_of(items: Sequence[Item], channel: str) -> dict[str, object]:
    """What a source says about one story, out of all its items that are this story; earlier ones count more."""
    said: dict[str, object] = {}
    for item in items:
        for key in _SINGLE:
            value = item.date.date() if key == "date" and item.date_only else getattr(item, key)
            if value != STORY_DEFAULTS[key] and key not in said:
                said[key] = value
        for key in STORY_LISTS:
            more = (channel,) if channel and key == "channels" else getattr(item, key)
            said[key] = _more(said.get(key), more)
    return said


class StoryDraft:
    """One story while sources tell it. `values` are those of its file (none: a new story), `words` the record's."""

    def __init__(self, values: Mapping[str, object], words: Mapping[str, Words], file: str = "", line: int = 0) -> None:
        self.values = dict(values)
        self.words: dict[str, Words] = {name: dict(said) for name, said in words.items()}
        self.file = file  # of a story that has none yet: the source, with the item's line there
        self.line = line
        self.changed: dict[str, None] = {}  # in the order of the changes
        self.kept: list[Kept] = []

    def apply(self, source: str, said: Mapping[str, object], scope: str) -> None:
        """Let `source` say all that it has to say about this story (`fields_of`). Its guid is one within `scope`."""
        skipped = self._split_kicker(source, said)
        for key in _SINGLE:
            if key not in skipped:
                self._apply_single(source, key, said.get(key) or "")
        before = self.words.get(source, {})
        words: Words = {key: word(key, value) for key in _SINGLE if (value := said.get(key))}
        for key in STORY_LISTS:
            known, new = before.get(key, []), said.get(key) or ()
            grown = _more(known, new)
            if more := [one for one in grown if one not in known and one not in _more((), self.values.get(key))]:
                self._set(key, _more(self.values.get(key), more))
            if grown:
                words[key] = list(grown)
        if "guid" in words and not is_global(str(words["guid"])):
            words["feed"] = scope
        self.words[source] = words

    def _apply_single(self, source: str, key: str, value: object) -> None:
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


def _short(text: str) -> str:
    return f"'{clipped(' '.join(text.split()), 60)}'"
