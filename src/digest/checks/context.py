"""What a check is, and what it looks at: an edition's selection, rendering and mail, with what is known around them.

A check only finds: a code, a severity, one sentence of why, and a function from a CheckContext to its hits. Whether it
is heard is for the registry and the newsroom's policy to say. A context holds values and callables only; it opens
nothing by itself, and what several checks derive from it is worked out once, when first asked for.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

from msgspec import Struct, field

from digest.model import STORY_SUFFIX
from digest.text.likeness import likeness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from digest.blocks.kinds import Block
    from digest.checks.css import Stylesheet
    from digest.checks.document import HtmlDocument
    from digest.checks.parsed_mail import Message
    from digest.errors import Fault
    from digest.model import Audience, NewsroomProfile, Origin, PastEdition, Rendering, Selection, Severity, Story

T = TypeVar("T")
Scope = Literal["stories", "rendering", "mail", "network"]


class Hit(NamedTuple):
    """Where something was found, and what. `where` is like Finding.where: `stories/a.md:4`, `html:2:341`, `subject`."""

    where: str
    message: str
    of: str = ""  # in HTML, what of the element: an attribute's name, or "text"; empty for the element itself


class Check(Struct, frozen=True, kw_only=True, eq=False):
    """One named check. `why` is one sentence: what it protects the reader or the newsroom from."""

    code: str
    severity: Severity
    scope: Scope
    why: str
    run: Callable[[CheckContext], Iterable[Hit]]


def check(
    code: str, severity: Severity, scope: Scope, why: str
) -> Callable[[Callable[[CheckContext], Iterable[Hit]]], Check]:
    """Make the function below it a Check; `run` is the function itself."""

    def decorated(function: Callable[[CheckContext], Iterable[Hit]]) -> Check:
        return Check(code=code, severity=severity, scope=scope, why=why, run=function)

    return decorated


class WebAnswer(NamedTuple):
    """What a fetch brought, after redirects."""

    status: int
    content_type: str
    data: bytes = b""


class Online(Struct, frozen=True, kw_only=True, eq=False):
    """The ways out, each None when it is not to be used.

    `fetch(url)` raises a DigestError for what it refuses or cannot reach, and may be called from several threads.
    `dns` asks for SPF, DKIM and DMARC; `resolver` is a dnspython Resolver, None the system's. `spamd` is (host, port).
    """

    fetch: Callable[[str], WebAnswer] | None = None
    dns: bool = True
    resolver: Any = None
    spamd: tuple[str, int] | None = None
    seconds: float = 10.0  # for spamd and for one DNS question


class HtmlTrace(Protocol):
    """How the HTML part came about. Places are offsets into it; None where nothing is known of one."""

    def value(self, start: int, end: int) -> Origin | None:
        """The first value that was written between two places."""
        ...

    def at(self, place: int, words: str) -> Origin | None:
        """What wrote the character at a place; of the theme, the line there that has most of `words`."""
        ...


# With a dict, as functools.cached_property keeps what it worked out in the instance's __dict__.
class CheckContext(Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """The thing examined: an edition as it was made. What is empty beside it is not there, and finds nothing.

    `read_file(path)` gives the bytes of a file of the newsroom by the path that a story wrote, or None. `clients`
    narrows the mail clients to look at (`gmail`, `outlook.windows`). `dkim` is (domain, selector) when digest or its
    relay signs.
    """

    newsroom: NewsroomProfile
    audience: Audience
    selection: Selection
    rendering: Rendering
    mail: bytes
    now: datetime  # when the edition is made
    read_file: Callable[[str], bytes | None]
    history: Sequence[PastEdition] = ()
    stories_by_id: Mapping[str, Story] = field(default_factory=dict)
    clients: tuple[str, ...] = ()
    dkim: tuple[str, str] | None = None
    online: Online | None = None
    pictures_in: Callable[[str], Sequence[tuple[str, str]]] = lambda _: ()  # (address, alt) of those in a Markdown text
    carried: bool = False  # the newsroom's own pictures travel in the mail, as large as they are shown
    logo: str = ""  # an address or a path, as config.yaml has it
    sent: Mapping[str, Sequence[Story]] = field(default_factory=dict)  # by edition, its stories as readers got them
    page_url: str = ""  # of the edition's own page in the public archive, which is there when the first mail goes
    envelope: str = ""  # to which reports come back; From's own address when empty
    rated: bool = False  # the relay, or a reader's domain, has a rate
    trace: Callable[[], HtmlTrace | None] = lambda: None  # how the HTML came about; asked when something is found in it
    readers: Callable[[], Iterable[str]] | None = None  # the addresses of the list, streamed; raises DigestError
    either_days: Sequence[Fault] = ()  # cron lines that come more often than they seem to
    unfilled: Sequence[Fault] = ()  # values of config.yaml that are still placeholders
    _derived: dict[Callable[[CheckContext], Any], Any] = field(default_factory=dict)
    _peeked: dict[str, tuple[int, bytes] | None] = field(default_factory=dict)

    def once(self, derive: Callable[[CheckContext], T]) -> T:
        """What `derive` makes of this context; it is called when somebody first asks, and never again."""
        if derive not in self._derived:
            self._derived[derive] = derive(self)
        result: T = self._derived[derive]
        return result

    @property
    def stories(self) -> tuple[Story, ...]:
        """The stories of the edition, in reading order."""
        return self.selection.stories

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What stands beside them, in the order of the file."""
        return self.selection.issue.blocks

    @cached_property
    def document(self) -> HtmlDocument:
        """The HTML part as a browser would read it."""
        from digest.checks.document import read

        return read(self.rendering.html)

    @cached_property
    def stylesheet(self) -> Stylesheet:
        """All `<style>` blocks of the HTML part, in order."""
        from digest.checks.css import parse

        return parse(self.document.styles)

    @cached_property
    def message(self) -> Message:
        """The built mail, taken apart."""
        from digest.checks.parsed_mail import read

        return read(self.mail)

    def marked_down(self) -> Iterator[tuple[str | Story, str, str]]:
        """The pictures in the texts: by whom (the story, or the file and line of what is beside them), address, alt."""
        yield from ((story, *each) for story in self.stories for each in self.pictures_in(story.summary))
        issue = self.selection.issue
        yield from ((issue.places.get("intro", "intro"), *each) for each in self.pictures_in(issue.intro))
        for block in self.blocks:
            texts = (text for row, text in block.said() if row.holds == "markdown")
            yield from ((block.where, *each) for text in texts for each in self.pictures_in(text))

    def is_slot(self, value: str) -> bool:
        """Tell whether this value holds a slot: it becomes another for each reader, so its form says nothing."""
        return f"slot-{self.rendering.nonce}-" in value

    def peek(self, path: str) -> tuple[int, bytes] | None:
        """The size and the first 1,024 bytes of a file of the newsroom, read once; None when it cannot be read."""
        if path not in self._peeked:
            data = self.read_file(path)
            self._peeked[path] = None if data is None else (len(data), data[:1024])
        return self._peeked[path]

    def place(self, story: Story | str, *keys: str, words: str = "") -> str:
        """Where in the story's file the first of `keys` that is written stands: `stories/a.md:4`.

        Without a line when the file cannot be read. `summary` means the text below the front matter: its first line, or
        the one that has `words`, or says most of them. What is a place already stays as it is.
        """
        if isinstance(story, str):
            return story
        name = story.file or story.id
        # By its id first: its name is as a person would type it, from wherever they stand.
        data = self.read_file(f"stories/{story.id}{STORY_SUFFIX}") or self.read_file(name)
        if not data:
            return name
        lines = data.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
        fences = [number for number, line in enumerate(lines, 1) if line.rstrip() == "---"][:2]
        if len(fences) < 2:  # noqa: PLR2004 - a front matter has two fences, or the file has none
            return name
        for key in keys:
            if key == "summary":
                text = (number for number, line in enumerate(lines, 1) if number > fences[1] and line.strip())

                def near(number: int) -> tuple[bool, float]:
                    return words in lines[number - 1], likeness(lines[number - 1], words)

                best = max(text, key=near, default=fences[1])
                return f"{name}:{best}"
            for number in range(fences[0] + 1, fences[1]):
                if re.match(rf"{re.escape(key)}\s*:", lines[number - 1]):
                    return f"{name}:{number}"
        return f"{name}:{fences[0]}"
