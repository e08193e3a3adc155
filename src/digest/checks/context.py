"""What is examined: an edition's selection, rendering and mail, with what is known around them.

Whatever several checks derive from it (the HTML as a tree, its style sheets, a story's place in its file) is worked out
once, when first asked for. It holds values and callables only; it opens nothing by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from digest.checks.check import Hit
    from digest.checks.css import Stylesheet
    from digest.checks.network import Online
    from digest.checks.parsed_mail import Message
    from digest.checks.spamd import SpamVerdict
    from digest.checks.tree import HtmlDocument
    from digest.model import Audience, NewsroomProfile, PastEdition, Rendering, Selection, Story


# No slots: functools.cached_property keeps what it worked out in the instance's __dict__.
@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """The thing examined. What is None or empty is not there, and checks that need it find nothing.

    `read_file(path)` gives the bytes of a file of the newsroom by the path that a story wrote, or None. `kickers` and
    `topics` are those the newsroom uses; when empty, the other stories in `stories_by_id` tell. `clients` narrows the
    mail clients to look at (`gmail`, `outlook.windows`). `dkim` is (domain, selector) when digest or its relay signs.
    """

    newsroom: NewsroomProfile
    audience: Audience | None = None
    selection: Selection | None = None
    rendering: Rendering | None = None
    mail: bytes | None = None
    history: Sequence[PastEdition] = ()
    kickers: Collection[str] = ()
    topics: Collection[str] = ()
    stories_by_id: Mapping[str, Story] = field(default_factory=dict)
    read_file: Callable[[str], bytes | None] | None = None
    clients: tuple[str, ...] = ()
    dkim: tuple[str, str] | None = None
    online: Online | None = None

    @property
    def stories(self) -> tuple[Story, ...]:
        """The stories of the edition, in reading order."""
        return self.selection.stories if self.selection else ()

    @cached_property
    def document(self) -> HtmlDocument | None:
        """The HTML part as a browser would read it."""
        if self.rendering is None:
            return None
        from digest.checks.markup import read

        return read(self.rendering.html)

    @cached_property
    def stylesheet(self) -> Stylesheet:
        """All `<style>` blocks of the HTML part, in order."""
        from digest.checks.css import parse

        blocks = self.document.styles if self.document else ()
        return parse(blocks)

    @cached_property
    def message(self) -> Message | None:
        """The built mail, taken apart."""
        if self.mail is None:
            return None
        from digest.checks.parsed_mail import Message

        return Message(data=self.mail)

    @cached_property
    def link_faults(self) -> tuple[tuple[str, Hit], ...]:
        """What is wrong with the links of stories and HTML, by code."""
        from digest.checks.links import link_faults

        return tuple(link_faults(self))

    @cached_property
    def fetched(self) -> dict[str, list[tuple[Any, Any]]]:
        """What the network checks fetched, so that each address is asked once."""
        return {}

    @cached_property
    def resolved(self) -> dict[str, list[str] | str]:
        """The TXT records that DNS gave for a name, or the reason why it gave none."""
        return {}

    @cached_property
    def verdict(self) -> SpamVerdict | str | None:
        """SpamAssassin's verdict, or why there is none; None when it was not asked for."""
        if self.mail is None or self.online is None or self.online.spamd is None:
            return None
        from digest.checks.spamd import addressed, ask

        try:
            return ask(addressed(self.mail), *self.online.spamd, self.online.seconds)
        except OSError as error:
            return str(error)

    @cached_property
    def triggers(self) -> dict[str, int]:
        """What the HTML part uses of HTML and CSS, as `clients` names it, each with its first line."""
        if self.document is None:
            return {}
        from digest.checks.clients import used

        return used(self.document, self.stylesheet)

    def is_slot(self, value: str) -> bool:
        """Tell whether this value holds a slot: it becomes another for each reader, so its form says nothing."""
        return self.rendering is not None and f"slot-{self.rendering.nonce}-" in value

    @cached_property
    def _peeked(self) -> dict[str, tuple[int, bytes] | None]:
        return {}

    def peek(self, path: str) -> tuple[int, bytes] | None:
        """The size and the first 1,024 bytes of a file of the newsroom, read once; None when it cannot be read."""
        if path not in self._peeked:
            data = self.read_file(path) if self.read_file else None
            self._peeked[path] = None if data is None else (len(data), data[:1024])
        return self._peeked[path]

    def _source(self, story: Story) -> bytes | None:
        """The story's file, by its id first: its name is as a person would type it, from wherever they stand."""
        if self.read_file is None:
            return None
        return self.read_file(f"stories/{story.id}.md") or self.read_file(story.file or story.id)

    def place(self, story: Story, *keys: str) -> str:
        """Where in the story's file the first of `keys` that is written stands: `stories/a.md:4`.

        Without a line when the file cannot be read. `summary` means the text below the front matter.
        """
        name = story.file or story.id
        data = self._source(story)
        if not data:
            return name
        lines = data.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
        fences = [number for number, line in enumerate(lines, 1) if line.rstrip() == "---"][:2]
        if len(fences) < 2:  # noqa: PLR2004 - a front matter has two fences, or the file has none
            return name
        for key in keys:
            if key == "summary":
                text = (number for number, line in enumerate(lines, 1) if number > fences[1] and line.strip())
                return f"{name}:{next(text, fences[1])}"
            for number in range(fences[0] + 1, fences[1]):
                if re.match(rf"{re.escape(key)}\s*:", lines[number - 1]):
                    return f"{name}:{number}"
        return f"{name}:{fences[0]}"
