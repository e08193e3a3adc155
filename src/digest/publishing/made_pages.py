"""The pages of one run, each with a stamp of what it is made of: what was made of the same before is not made again.

    path, stamp, make ─add─▶ as it was │ make() ─▶ changed files ─remember─▶ .digest/public-….json, for the next run

A file that somebody touched since is made anew. What is remembered is a short cut and nothing else: without it, all is
made again, to the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from digest.composer import cache as stored
from digest.distribution import version
from digest.newsroom.paths import STATE
from digest.publishing import public_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from digest.publishing.public_folder import Update


class MadePages(Struct, kw_only=True):
    """The files of `folder`: those that are wanted, and what of them has to be written. `memory` is the last run's."""

    folder: Path
    place: Path
    memory: dict[str, Any]
    before: Mapping[str, tuple[int, int]]
    changed: dict[str, bytes] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)  # path: the stamp of what it is made of

    @classmethod
    def of(cls, root: Path, folder: Path) -> MadePages:
        """The pages in `folder` of the newsroom in `root`, as the last run left them."""
        name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
        place = root / STATE / f"public-{name}.json"
        said = stored.load(place)
        memory = said["memory"] if said and said["version"] == version() else {}
        return cls(folder=folder, place=place, memory=memory, before=public_folder.stamps(folder))

    def known(self, kind: str) -> dict[str, Any]:
        """What the last run remembered under this name."""
        found: dict[str, Any] = self.memory.get(kind, {})
        return found

    def is_as_made(self, path: str, made_of: str) -> bool:
        """Whether the file was made of this, and nobody touched it since."""
        said = self.known("pages").get(path)
        return said is not None and said[0] == made_of and list(self.before.get(path, ())) == said[1]

    def add(self, path: str, made_of: str, make: Callable[[], bytes]) -> None:
        """Want this file; make it when it is not there, made of this."""
        if not self.is_as_made(path, made_of):
            self.changed[path] = make()
        self.wanted[path] = made_of

    def add_now(self, path: str, data: bytes) -> None:
        """Want this file with this content."""
        self.add(path, hashlib.sha256(data).hexdigest(), lambda: data)

    def content(self, path: str) -> bytes:
        """What the file holds, or will. Raises OSError."""
        return self.changed[path] if path in self.changed else (self.folder / path).read_bytes()

    def write(self) -> Update:
        """Write what changed, remove what is not wanted any more. Raises DigestError."""
        return public_folder.update(self.folder, self.changed, self.wanted, self.before)

    def remember(self, more: Mapping[str, Any]) -> None:
        """Keep for the next run of what each page is made, with `more`."""
        after = dict(self.before)
        for path in self.changed:
            status = (self.folder / path).stat()
            after[path] = (status.st_mtime_ns, status.st_size)
        pages = {path: [made_of, after[path]] for path, made_of in self.wanted.items() if path in after}
        memory = {"version": version(), "memory": {**more, "pages": pages}}
        stored.store(self.place, memory, family=self.place.name, most=1)


def stamp(value: object) -> str:
    """A hash of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]
