"""Walk the stories folder: every story file with its stamp, page by page, in the order in which the system lists them.

A page ends after a name at which one ended before, so that a file that comes or goes changes its own page and no
other; new pages have 512 files, none has more than 1,024, and memory holds one. It reads no file, follows no symbolic
link, and names what it does not take. Where nothing is known there is nothing to compare with: then no file is asked
for its stamp until it is opened, which is cheaper.
"""

from __future__ import annotations

import os
import stat
from array import array
from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.errors import Fault
from digest.model import STORY_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

_NEW, _MOST = 512, 1024  # files in a page where none is known, and where some are
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REGULAR, _KIND = stat.S_IFREG, 0o170000  # the kind's bits in a mode (inode(7))

PER_STAMP = 3
Stamp = tuple[int, int, int]  # mtime_ns, ctime_ns, size: equal ones mean that nobody wrote to the file
_NEVER: Stamp = (-1, -1, -1)  # no file's


class ScanPage(Struct, eq=False):
    """Some story files of one folder. `folder` is relative to the root, empty or with a slash at its end.

    `descriptor` is the open folder, while this page is being looked at and no longer. `stamps` has PER_STAMP
    numbers for each name; none at all in a folder of which nothing is known, until `heads` has opened its files.
    """

    folder: str
    descriptor: int
    names: list[str] = field(default_factory=list)
    stamps: array[int] = field(default_factory=lambda: array("q"))

    def stamp(self, number: int) -> Stamp:
        """The stamp of the file at this place. Raises OSError where it has to be asked for."""
        if not self.stamps:
            found = os.stat(self.names[number], dir_fd=self.descriptor, follow_symlinks=False)
            return found.st_mtime_ns, found.st_ctime_ns, found.st_size
        mtime, ctime, size = self.stamps[number * PER_STAMP : (number + 1) * PER_STAMP]
        return mtime, ctime, size

    def path(self, number: int) -> str:
        """The path of the file at this place, relative to the root."""
        return self.folder + self.names[number]

    def read(self, number: int, limit: int) -> bytes:
        """The first `limit` bytes of the file at this place. Raises OSError."""
        file = os.open(self.names[number], _FILE, dir_fd=self.descriptor)
        try:
            return os.read(file, limit)
        finally:
            os.close(file)

    def heads(self, numbers: Iterable[int], limit: int, *, stamps: bool = False) -> list[bytes | None]:
        """The first `limit` bytes of the files at these places, None for one that cannot be read.

        With `stamps` these are asked for too, where the page has none: then the places must be all that there are.
        """
        # A line of this loop runs once for each file there is: hence the bound functions.
        names, descriptor, open_file, read, close = self.names, self.descriptor, os.open, os.read, os.close
        found: list[bytes | None] = []
        fresh = array("q")
        add, add_stamp = found.append, fresh.extend
        for number in numbers:
            head, stamp = None, _NEVER
            try:
                file = open_file(names[number], _FILE, dir_fd=descriptor)
                try:
                    if stamps:  # before it is read: a later write has a later stamp
                        status = os.fstat(file)
                        stamp = status.st_mtime_ns, status.st_ctime_ns, status.st_size
                    head = read(file, limit)
                finally:
                    close(file)
            except OSError:
                stamp = self._stamp_of_unreadable(number) if stamps and stamp == _NEVER else stamp
            add(head)
            if stamps:
                add_stamp(stamp)
        if stamps:
            self.stamps = fresh
        return found

    def _stamp_of_unreadable(self, number: int) -> Stamp:
        try:
            return self.stamp(number)
        except OSError:
            return _NEVER


def pages(root: Path, ends: Callable[[str], AbstractSet[str]], faults: list[Fault]) -> Iterator[ScanPage]:
    """Every story file below `root`. What is in the way (links, unreadable folders, odd names) is added to `faults`.

    `ends` gives the names in a folder at which pages ended before.
    """
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            # Only the root itself may be a link.
            descriptor = os.open(root / folder, _FOLDER | (os.O_NOFOLLOW if folder else 0))
        except OSError as error:
            message = f"cannot be opened ({error.strerror}); it holds the stories"
            faults.append(Fault(file=str(root / folder), message=message))
            continue
        try:
            for found in _listed(folder, descriptor, ends(folder)):
                if isinstance(found, ScanPage):
                    yield found
                elif found.name[0] != "." and found.is_dir(follow_symlinks=False):
                    stack.append(f"{folder}{found.name}/")
                elif message := _oddity(found):
                    faults.append(Fault(file=_shown(root / folder / found.name), message=message))
        finally:
            os.close(descriptor)


def _listed(folder: str, descriptor: int, ends: AbstractSet[str]) -> Iterator[ScanPage | os.DirEntry[str]]:
    """The folder's pages, and every entry that is no story file."""
    # The loop runs once for each file there is: hence the bound methods, and checks in the order of what they cost.
    most, known = (_MOST, True) if ends else (_NEW, False)
    page = ScanPage(folder, descriptor)
    names, add_name, add_number = page.names, page.names.append, page.stamps.append
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = entry.name
            if name[-3:] != STORY_SUFFIX or name[0] == "." or not (name.isascii() or _encodable(name)):
                yield entry
                continue
            try:
                if known:
                    found = entry.stat(follow_symlinks=False)
                    regular = found.st_mode & _KIND == _REGULAR
                else:
                    regular = entry.is_file(follow_symlinks=False)
            except OSError:
                regular = False
            if not regular:
                yield entry
                continue
            add_name(name)
            if known:
                add_number(found.st_mtime_ns)
                add_number(found.st_ctime_ns)
                add_number(found.st_size)
            if name in ends or len(names) == most:
                yield page
                page = ScanPage(folder, descriptor)
                names, add_name, add_number = page.names, page.names.append, page.stamps.append
    if names:
        yield page


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _oddity(entry: os.DirEntry[str]) -> str:
    """What is wrong with an entry that looks like a story, or like a folder of them, and is neither; else nothing."""
    name, message = entry.name, ""
    if name[0] == ".":
        return ""
    try:
        if entry.is_symlink():
            if name.endswith(STORY_SUFFIX) or entry.is_dir():
                message = "is a symbolic link, and links are not followed here; put the thing itself there"
        elif name.endswith(STORY_SUFFIX):
            entry.stat(follow_symlinks=False)
            if not _encodable(name):
                message = "has a name that is not UTF-8; rename it"
            elif not entry.is_file():
                message = "is no file; put a story there, or nothing"
        elif name.lower().endswith((STORY_SUFFIX, ".markdown", f"{STORY_SUFFIX}.txt")):
            message = "is not taken for a story, whose file name ends in .md; rename it"
    except FileNotFoundError:
        message = ""  # it went away since it was listed
    except OSError as error:
        message = f"cannot be looked at ({error.strerror})"
    return message


def _shown(path: Path) -> str:
    """A path that can be printed, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
