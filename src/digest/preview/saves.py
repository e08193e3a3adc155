"""Every write of the page to the newsroom's files: only over what the page had read, all or none, each with its undo.

    changes (path, what was read, what shall be) ─compared with the disk─▶ written whole ─▶ Save, which can be undone

A file that is not as it was read is never written over: whoever changed it, in an editor or from another page, sees
both. Undoing is a save like any other. What was saved is remembered as long as the page is served; git does so longer.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from digest.errors import DigestError, EditConflict, UsageError
from digest.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

KEPT = 100  # saves that can be undone
OFFERED = 8  # offers that can still be taken
_MOST = 64 * 1024 * 1024  # octets that these may hold together
Deed = Literal["save", "undo", "take"]


class FileChange(Struct, frozen=True, kw_only=True):
    """One file: its octets as they were read and as they shall be; None where there is no file."""

    path: Path
    before: bytes | None
    after: bytes | None


class Save(Struct, frozen=True, kw_only=True):
    """One save that was made. `title` says what it was, in words."""

    id: int
    title: str
    changes: tuple[FileChange, ...]

    @property
    def size(self) -> int:
        """Octets that it holds on to."""
        return sum(len(change.before or b"") + len(change.after or b"") for change in self.changes)


class Offer(Struct, frozen=True, kw_only=True):
    """Changes that were shown to a person, who may take just them. `then` is done once they are written."""

    title: str
    changes: tuple[FileChange, ...]
    then: Callable[[], None] = lambda: None


def contents(path: Path) -> bytes | None:
    """The file's octets; None when there is no such file. Raises DigestError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise DigestError(message) from None


def version(data: bytes | None) -> str:
    """What tells one content of a file from another; empty for no file."""
    return "" if data is None else hashlib.sha256(data).hexdigest()


class Saves:
    """The saves made through one served page. Safe to call from several threads."""

    def __init__(self, root: Path) -> None:
        """`root` is the newsroom's folder: files are named from there."""
        self._root = root
        self._lock = threading.Lock()
        self._made: OrderedDict[int, Save] = OrderedDict()
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._written: dict[Path, str] = {}  # the version of each file as it was written last
        self._count = secrets.randbelow(1 << 32)  # a page that is older than this knows no number of these

    def wrote(self, path: Path) -> bool:
        """Whether the file is as this page has written it last."""
        known = self._written.get(path.absolute())
        return known is not None and known == version(contents(path))

    def insist(self, path: Path, read: str) -> None:
        """Let pass a file whose version is what was `read`. Raises EditConflict."""
        if version(contents(path)) != read:
            raise self._changed(path)

    def save(self, title: str, changes: Sequence[FileChange]) -> Save:
        """Write all changes, or none. Raises EditConflict, DigestError when the disk refuses."""
        with self._lock:
            return self._save(title, changes)

    def undo(self, number: int) -> Save:
        """Put back what one save changed. Raises EditConflict when a file has changed since, UsageError."""
        with self._lock:
            if (done := self._made.get(number)) is None:
                message = "that can no longer be undone here; git knows what the file was"
                raise UsageError(message)
            back = [FileChange(path=each.path, before=each.after, after=each.before) for each in done.changes]
            saved = self._save(f"Undone: {done.title}", back, "undo")
            del self._made[number]
            return saved

    def offer(self, offer: Offer) -> str:
        """Keep what is shown, and give the name by which it is taken."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._offers[name] = offer
            while len(self._offers) > OFFERED:
                self._offers.popitem(last=False)
        return name

    def take(self, name: str) -> Save | None:
        """Write what was offered under this name; None where that was nothing. Raises UsageError, as `save` does."""
        with self._lock:
            if (offer := self._offers.pop(name, None)) is None:
                message = "that was taken, or shown too long ago; read it anew"
                raise UsageError(message)
            saved = self._save(offer.title, offer.changes, "take") if offer.changes else None
        offer.then()
        return saved

    def all(self) -> list[Save]:
        """What can be undone, the newest first."""
        with self._lock:
            return [*reversed(self._made.values())]

    def name(self, path: Path) -> str:
        """A file as a person in the newsroom's folder would type it."""
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else str(path)

    def _changed(self, path: Path, deed: Deed = "save") -> EditConflict:
        what = {
            "save": "changed since you opened it; look at both, then keep one",
            "undo": "changed after that; take back first what came later",
            "take": "changed since this was shown; read it anew",
        }
        message = f"{self.name(path)} {what[deed]}"
        return EditConflict(message)

    def _save(self, title: str, changes: Sequence[FileChange], deed: Deed = "save") -> Save:
        for change in changes:
            if contents(change.path) != change.before:
                raise self._changed(change.path, deed)
        written: list[FileChange] = []
        try:
            for change in changes:
                written.append(change)
                _put(change.path, change.after)
        except OSError as error:
            for change in written:
                with contextlib.suppress(OSError):  # the first error is the one to tell
                    _put(change.path, change.before)
            message = f"{self.name(written[-1].path)}: cannot be written: {error.strerror}; nothing was saved"
            raise DigestError(message) from error
        self._written |= {change.path.absolute(): version(change.after) for change in changes}
        self._count += 1
        saved = Save(id=self._count, title=title, changes=tuple(changes))
        self._made[saved.id] = saved
        while len(self._made) > 1 and (
            len(self._made) > KEPT or sum(each.size for each in self._made.values()) > _MOST
        ):
            self._made.popitem(last=False)
        return saved


def _put(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, data)
