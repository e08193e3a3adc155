"""Where reports lie: one file, an mbox, a Maildir, or a folder on an IMAP server. Read first, mark as done later.

A mail is marked only when what it says was carried out, so that a crash in between reads it again (settling twice
changes nothing). What a person must look at is left as it was. Nothing is ever deleted.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from digest.errors import Fault, FaultyInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_MAIL = 10_000_000  # bytes; a larger one is no report
_SEEN = re.compile(r":2,[A-Za-z]*S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail in a mailbox. `key` is what the mailbox calls it; `data` is empty for one that is too large."""

    key: str
    data: bytes


class Mailbox(Protocol):
    """A place with mails that were not dealt with yet."""

    def letters(self) -> Iterator[Letter]:
        """Those that were not marked as done, streamed."""
        ...

    def done(self, keys: Iterable[str]) -> None:
        """Mark these as done, so that letters() does not give them again."""
        ...


@contextmanager
def open_mailbox(where: str, *, password: str = "", ca_file: str = "") -> Iterator[Mailbox]:
    """Open a file, an mbox, a Maildir or `imaps://user@host/folder`. Raises FaultyInput, UsageError, TransportError.

    The password never stands in `where`; `ca_file` is for an IMAP server whose certificate the system does not know.
    """
    if re.match(r"imaps?://", where, re.IGNORECASE):
        from digest.bounces.imap import Imap

        with Imap.connect(where, password, ca_file) as server:
            yield server
        return
    path = Path(where)
    if (path / "new").is_dir() and (path / "cur").is_dir():
        yield MaildirSource(path)
    elif path.is_file():
        yield MailFile(path)
    else:
        what = "is neither a file nor a Maildir (no new/ and cur/ in it)" if path.exists() else "is not there"
        raise FaultyInput([Fault(file=where, message=f"{what}; name a mail, an mbox, a Maildir or imaps://user@host")])


class MailFile:
    """A file with one mail, or an mbox with many (RFC 4155). It is never changed: reading it again changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def letters(self) -> Iterator[Letter]:
        """Each mail, by the line on which it begins. Raises FaultyInput."""
        lines: list[bytes] = []
        size, start, number, blank, mbox = 0, 1, 0, True, False
        try:
            with self._path.open("rb") as file:
                while line := file.readline(MAX_MAIL):
                    number += 1
                    if blank and line.startswith(b"From "):
                        if lines:
                            yield self._letter(start, lines, size)
                        lines, size, start, mbox = [], 0, number, True
                        continue
                    blank = line in (b"\n", b"\r\n")
                    size += len(line)
                    if size <= MAX_MAIL:
                        lines.append(line.removeprefix(b">") if mbox and re.match(rb">+From ", line) else line)
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            raise FaultyInput([Fault(file=str(self._path), message=message)]) from None
        if lines or size:
            yield self._letter(start, lines, size)

    def done(self, keys: Iterable[str]) -> None:
        """Nothing: the file is somebody's copy."""

    def _letter(self, line: int, lines: list[bytes], size: int) -> Letter:
        return Letter(key=f"{self._path}:{line}", data=b"".join(lines) if size <= MAX_MAIL else b"")


class MaildirSource:
    """A Maildir: what is in new/, or in cur/ without the flag S, is unread. Done means cur/ with the flag S."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def letters(self) -> Iterator[Letter]:
        """Each unread mail, by its path below the Maildir. Raises FaultyInput for one that cannot be read."""
        for folder in ("new", "cur"):
            for file in sorted((self._path / folder).iterdir()):
                if file.name.startswith(".") or _SEEN.search(file.name) or not file.is_file():
                    continue
                try:
                    data = file.read_bytes() if file.stat().st_size <= MAX_MAIL else b""
                except FileNotFoundError:
                    continue  # somebody else has read it meanwhile, and moved it
                except OSError as error:
                    message = f"cannot be read: {error.strerror}"
                    raise FaultyInput([Fault(file=str(file), message=message)]) from None
                yield Letter(key=f"{folder}/{file.name}", data=data)

    def done(self, keys: Iterable[str]) -> None:
        """Move to cur/ with the flag S. One that is gone meanwhile is somebody else's. Raises FaultyInput."""
        for key in keys:
            file = self._path / key
            name, _, flags = file.name.partition(":2,")
            target = self._path / "cur" / f"{name}:2,{''.join(sorted({*flags, 'S'}))}"
            try:
                file.rename(target)
            except FileNotFoundError:
                continue
            except OSError as error:
                message = f"cannot be marked as read: {error.strerror}; it will be read again, which changes nothing"
                raise FaultyInput([Fault(file=str(file), message=message)]) from None
