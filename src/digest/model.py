"""The values that flow through digest: story, audience, edition, selection, rendering, recipient, finding.

All are frozen and keyword-only. Times are aware. Nothing here reads a file, a clock or a socket, and nothing
here knows YAML, MJML, SMTP or SQL.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import asdict, replace

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from digest.blocks.kinds import Block
    from digest.period import Period

_SPELLED = re.compile(r"[\w-]+")

GroupBy = Literal["none", "month", "year", "kicker", "channel", "topic", "country", "language"]
Thin = Literal["send", "skip", "carry-over"]
Late = Literal["include", "ignore"]
Needed = Literal["none", "required", "two"]  # whose word an edition needs before it goes
Direction = Literal["ltr", "rtl"]
GMAIL_CLIPS_AT = 102 * 1024  # bytes of HTML after which Gmail shows "[Message clipped]"
# The formats in which stories come, in the order in which people are told of them. An export is imported by hand, once:
# it is no format of what is read again and again. How each is read is a row of importing/formats.py.
_Listings = Literal["text", "html", "feed", "jsonfeed"]
_Exports = Literal["ghost"]
_Tables = Literal["csv", "xlsx"]
SourceFormat = Literal[_Listings, _Tables]
ImportFormat = Literal[_Listings, _Exports, _Tables]


class Status(StrEnum):
    """Where a story stands with its newsroom."""

    DRAFT = "draft"  # not yet for anybody
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"  # was published, must vanish


class Severity(StrEnum):
    """What a finding asks of a person."""

    ERROR = "error"  # the edition must not go out like this
    WARNING = "warning"  # a person should look
    INFO = "info"  # worth knowing


class NewsroomProfile(Struct, frozen=True, kw_only=True):
    """Whose digest it is. `contact` becomes Reply-To; `sender` is the From address."""

    name: str
    contact: str
    sender: str
    timezone: ZoneInfo
    language: str = "en"
    sender_name: str = ""  # shown with the From address; `name` when empty
    url: str = ""
    postal_address: str = ""
    social: tuple[tuple[str, str], ...] = ()  # where else one can follow it: (name, address)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryContent:
    """What a story says, in a file of ours or in somebody's feed, in the order in which a story file says it.

    `date` is aware; `date_only` says that a day was given, not a time (then it is that day's start in the newsroom's
    zone). `summary` is Markdown, possibly empty. `language` is a BCP 47 tag. Countries are ISO 3166-1 alpha-2, in
    capitals. A field that is added here, and in the schema of a story file, is written, read, indexed, imported, taken
    from tables and shown.
    """

    title: str
    date: datetime
    date_only: bool = True
    kicker: str = ""
    credit: str = ""
    link: str = ""
    read: str = ""  # the words of its link, where the theme's own will not do: Watch the film
    image: str = ""
    image_alt: str = ""
    topics: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    language: str = ""
    translation_of: str = ""
    guid: str = ""
    status: Status = Status.PUBLISHED
    embargo: datetime | None = None
    weight: int = 0
    lead: bool = False
    repeat: bool = False  # may go to an audience again in an overlapping period
    corrected: datetime | None = None  # when it was corrected, or withdrawn, after it had been sent
    correction: str = ""  # what was wrong and what is right, for who reads it in the archive
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story(StoryContent):
    """One newsroom item, as its story file tells it.

    `id` is the file's path below `stories/`, with forward slashes and without `.md`.
    """

    id: str
    # The file's path as a person would type it, for messages: where a story lies is not what it says.
    file: str = field(default="", metadata={"said": False})


# The keys of a story file's front matter, in its order; the summary stands below it, and a date says its own precision.
STORY_KEYS = tuple(each.name for each in fields(StoryContent) if each.name not in {"date_only", "summary"})
STORY_DEFAULTS: Mapping[str, object] = {
    each.name: None if each.default is MISSING else each.default for each in fields(StoryContent)
}
STORY_LISTS = tuple(key for key, default in STORY_DEFAULTS.items() if isinstance(default, tuple))
# Where a story is sorted to, and what became of it, is not for its readers; every other field is shown to them.
_NOT_SHOWN = frozenset({
    "date_only", "topics", "countries", "channels", "language", "translation_of", "guid", "status", "embargo", "weight",
    "lead", "repeat", "corrected", "correction",
})  # fmt: skip
STORY_SHOWN = tuple(each.name for each in fields(StoryContent) if each.name not in _NOT_SHOWN)
STORY_WORDS = tuple(name for name in STORY_SHOWN if name not in {"date", "link", "image"})
STORY_TIMES = tuple(each.name for each in fields(StoryContent) if "datetime" in str(each.type))
STORY_SUFFIX = ".md"
EVERY_AUDIENCE = "all"  # an issue file for every audience is called so


def language_tags(language: str) -> list[str]:
    """The tags under which what is said in a language is looked up, the exact one first (RFC 4647, 3.4).

    >>> language_tags("zh-Hant-TW")
    ['zh-hant-tw', 'zh-hant', 'zh']
    """
    parts = language.replace("_", "-").lower().split("-")
    return ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]


def story_id(text: str) -> str:
    """The id that a person means who types it, or the file's path: `./`, `stories/` and `.md` are taken off.

    >>> story_id("stories/2022/helping-women.md")
    '2022/helping-women'
    """
    text = unicodedata.normalize("NFC", text.strip().replace("\\", "/"))
    return text.removeprefix("./").removeprefix("stories/").removesuffix(STORY_SUFFIX)


class Match(Struct, frozen=True, kw_only=True):
    """Values a story must have (any of each key that is given), or must not have. Empty keys do not decide."""

    channels: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kickers: tuple[str, ...] = ()


class Audience(Struct, frozen=True, kw_only=True):
    """A named group of readers and the rule that says which stories suit it."""

    name: str
    title: str
    description: str = ""
    select: Match = msgspec.field(default_factory=Match)
    exclude: Match = msgspec.field(default_factory=Match)
    languages: tuple[str, ...] = ("en",)  # one edition per language
    group_by: GroupBy = "none"
    limit: int | None = None
    min_items: int = 1
    thin: Thin = "send"
    late: Late = "include"
    contact: str = ""  # Reply-To for this audience; the newsroom's when empty
    subject: str = ""  # templates; the newsroom-wide ones when empty
    preheader: str = ""
    more_url: str = ""  # where "and 7 more" leads; the newsroom's url when empty
    titles: tuple[tuple[str, str], ...] = ()  # (language, title) where each language has its own
    was: tuple[str, ...] = ()  # the names that it had before

    def in_language(self, language: str) -> Audience:
        """The audience under its title in that language; `fr` stands for `fr-CA` where there is no other.

        >>> both = Audience(name="a", title="Jobs", titles=(("en", "Jobs"), ("fr", "Emploi")))
        >>> [both.in_language(tag).title for tag in ("fr", "FR-ca", "de", "")]
        ['Emploi', 'Emploi', 'Jobs', 'Jobs']
        """
        titles = {tag.lower(): title for tag, title in self.titles}
        found = next((titles[tag] for tag in language_tags(language) if tag in titles), "")
        return replace(self, title=found) if found else self


class Edition(Struct, frozen=True, kw_only=True):
    """The digest for one period, one audience, one language: the thing that is sent."""

    period: Period
    audience: str
    language: str

    @property
    def id(self) -> str:
        """`2022-02/everyone/en`: the edition's name in the ledger, in paths and in every message."""
        return f"{self.period.id}/{self.audience}/{self.language}"


class Decision(Struct, frozen=True, kw_only=True):
    """Why one candidate is in or out: the one rule that decided, and a sentence a person can read."""

    story: Story
    included: bool
    rule: str
    reason: str


class Group(Struct, frozen=True, kw_only=True):
    """Stories under one heading, in order. `key` is what they share (a month is `2022-02`); empty means no heading."""

    key: str
    stories: tuple[Story, ...]


class LateGroup(Struct, frozen=True, kw_only=True):
    """Stories of an earlier period that were first seen after its edition was made ("also from February")."""

    period: Period
    stories: tuple[Story, ...]


class PastEdition(Struct, frozen=True, kw_only=True):
    """What an earlier edition to the same audience held: the memory that selection needs.

    `included` and `candidates` are story ids. `sent` tells a mailed edition from one that was only built.
    """

    edition: Edition
    included: frozenset[str]
    candidates: frozenset[str]
    sent: bool
    carried: frozenset[str] = frozenset()  # held back because the period was thin; the next edition takes them


class Overrides(Struct, frozen=True, kw_only=True):
    """An editor's hand on one period and audience, from a file, so that it is reproducible. Values are story ids."""

    pin: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What an editor says of one edition beside its stories, in its language: approved and frozen with them.

    An empty text leaves the line to what the settings say. `places` has the file and line of each text, and of each
    story that is pinned, skipped or ordered, by its name.
    """

    subject: str = ""
    preheader: str = ""
    intro: str = ""  # Markdown
    intro_language: str = ""  # where it is not the edition's
    blocks: tuple[Block, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, metadata={"said": False})


class Selection(Struct, frozen=True, kw_only=True):
    """What select() decided: every candidate with its reason, and the stories that are in, grouped and in order.

    `groups` excludes `late`. `more` counts stories that suited but were over the limit. `verdict` says whether the
    edition should go: `send`, or `skip` / `carry-over` when there were fewer than the audience's `min_items`. `issue`
    is what stands beside the stories.
    """

    edition: Edition
    groups: tuple[Group, ...]
    late: tuple[LateGroup, ...] = ()
    decisions: tuple[Decision, ...] = ()
    more: int = 0
    verdict: Thin = "send"
    issue: Issue = msgspec.field(default_factory=Issue)
    foreign: tuple[Story, ...] = ()  # pinned, and in no language that the edition takes

    @property
    def stories(self) -> tuple[Story, ...]:
        """Every story of the edition, in reading order, late ones last."""
        groups: tuple[Group | LateGroup, ...] = (*self.groups, *self.late)
        return tuple(story for group in groups for story in group.stories)


class Finding(Struct, frozen=True, kw_only=True):
    """One result of a check. `code` is stable (`story-credit-missing`); `where` names a file:line, story or part.

    What was found in the HTML part has its place there as `html` (`html:56:3041`), and its `element`, shortened. Its
    `where` is the line of the story, issue, setting or template that wrote it; `html` again where that is not known.
    """

    code: str
    severity: Severity
    where: str
    message: str
    element: str = ""
    html: str = ""

    @property
    def fact(self) -> tuple[str, str, str, str]:
        """What is found, whichever edition shows it: a line of config.yaml or of a story is the same in all of them."""
        return self.code, self.where, self.element, self.message

    @property
    def sentence(self) -> str:
        """`stories/a.md:9: <a href="https://…">: “here” does not say where it goes (html:56:3041)`."""
        place = f" ({self.html})" if self.html and self.html != self.where else ""
        return ": ".join(filter(None, (self.where, self.element, self.message))) + place

    def as_data(self) -> dict[str, str]:
        """For programs."""
        return asdict(self)


class Origin(Struct, frozen=True, kw_only=True):
    """What wrote a place of the HTML: a line of the theme; and where that showed a value, its `name` there.

    `name` is as the template has it (`story.image_alt`); empty for the theme's own words. `story` is the id of the
    story and `block` the place of the block that was being shown, each empty outside of any; `place` says that it is
    one of the newsroom's places on the web.
    """

    file: str
    line: int
    name: str = ""
    story: str = ""
    block: str = ""
    place: bool = False


class InlineImage(Struct, frozen=True, kw_only=True):
    """An image that travels in the mail (RFC 2392). `cid` is without brackets; `media_type` is like `image/jpeg`.

    `width` is its own, in pixels; 0 where nobody measured it.
    """

    cid: str
    media_type: str
    data: bytes
    width: int = 0


class Rendering(Struct, frozen=True, kw_only=True):
    r"""An edition composed once: what every reader gets, with slots for what differs per reader.

    A slot is a token in `subject`, `html` and `text`, spelled by `slot_token(nonce, name)`. The nonce is derived from
    the content, so content cannot forge a slot. `slots` names those that occur. `html` and `text` use `\n` line ends.
    """

    edition: Edition
    subject: str
    preheader: str
    html: str
    text: str
    direction: Direction = "ltr"
    nonce: str
    slots: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    cut: int = 0  # stories shown as title and link only, to stay below the size at which Gmail clips
    bytes_per_story: Mapping[str, int] = msgspec.field(default_factory=dict)
    images: tuple[InlineImage, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all that a reader can see, in hex: what is frozen, approved and compared."""
        digest = hashlib.sha256()
        for part in (self.edition.id, self.subject, self.preheader, self.html, self.text):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        for image in self.images:
            digest.update(hashlib.sha256(image.data).digest())
        return digest.hexdigest()


class Recipient(Struct, frozen=True, kw_only=True):
    """One reader. `address` is canonical (domain folded to lower-case A-labels, local part as given)."""

    address: str
    name: str = ""
    language: str = ""
    topics: tuple[str, ...] = ()
    fields: Mapping[str, str] = msgspec.field(default_factory=dict)


# Why a list itself says that a reader is not to be mailed; empty where it does not.
InactiveReason = Literal["", "unconfirmed", "manual", "unsubscribed", "bounced", "complained"]


class InactiveReader(Struct, frozen=True, kw_only=True):
    """A row of a list that says itself that its reader is not to be mailed. `detail` is what stands there."""

    recipient: Recipient  # what cannot be read in the row is empty
    reason: InactiveReason
    detail: str = ""

    @property
    def address(self) -> str:
        """The reader's."""
        return self.recipient.address


def slot_token(nonce: str, name: str) -> str:
    """Spell the token of slot `name`: letters, digits and hyphens only, so that no encoder or escaper changes it.

    >>> slot_token("0f3a", "unsubscribe_url")
    'slot-0f3a-unsubscribe-url-tols'
    """
    spelled = name.replace("_", "-").replace(".", "--")
    if not _SPELLED.fullmatch(spelled):  # an expression
        spelled = f"x{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return f"slot-{nonce}-{spelled}-tols"


def content_hash(value: object) -> str:
    """SHA-256, in hex, over what a value of this module, or plain data, says.

    Of a value only what differs from its defaults counts, by the field's name: a field that is new voids nothing.
    """
    return text_hash(canonical_json(value))


def canonical_json(value: object) -> str:
    """What content_hash() hashes: JSON with sorted keys and no blanks. Mappings have texts as keys."""
    return _ENCODER.encode(value)


def text_hash(text: str) -> str:
    """SHA-256, in hex, over a text that may hold anything."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _said(value: object) -> object:
    """What a value says that JSON has no word for."""
    if is_dataclass(value) or isinstance(value, Struct):
        said: Iterable[tuple[str, object]] = _saying(value.__class__)
        return {name: part for name, default in said if (part := getattr(value, name)) != default}
    if isinstance(value, datetime):
        return value.isoformat()
    return dict(value) if isinstance(value, Mapping) else str(value)


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_said)


@lru_cache(maxsize=64)  # an edition's stories are asked one after the other
def _saying(kind: Any) -> tuple[tuple[str, object], ...]:
    """The fields of a value that count, each with its default."""
    if issubclass(kind, Struct):
        names, defaults = kind.__struct_fields__, kind.__struct_defaults__  # the last ones have defaults
        none = (NODEFAULT,) * (len(names) - len(defaults))
        made = (each.factory() if hasattr(each, "factory") else each for each in (*none, *defaults))
        return tuple(zip(names, made, strict=True))
    return tuple(
        (each.name, each.default if each.default_factory is MISSING else each.default_factory())
        for each in fields(kind)
        if each.metadata.get("said", True)
    )
