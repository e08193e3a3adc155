"""Mails as files: one .eml for each reader in a folder, or a Maildir. Accepted means: file and name are on the disk.

    intend ─▶ write under a temporary name ─▶ fsync ─▶ rename ─▶ fsync of the folder (shared by a few) ─▶ accepted

A short file never stands under a final name, and a name never leaves its folder, whatever an address holds. A second
mail of the same edition to the same reader replaces the first .eml file; a Maildir keeps both, as mailboxes do.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import secrets
import socket
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from digest.delivery import Event, Outcome, Phase
from digest.errors import SendStopped
from digest.files import sync_folder
from digest.smtp.lookahead import Lookahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from digest.delivery import Outgoing

WINDOW = 8  # mails that share the ledger's commit and the folder's fsync; a crash leaves as many in doubt
_UNSAFE = re.compile(r"[^a-z0-9@.+-]+", re.ASCII)
_LONGEST = 120  # of the address in a name; with the rest it stays well below the 255 bytes that a name can have
_DONE = "written"


class _Files(ABC):
    """A digest.ports.Transport that writes files below a folder."""

    shared = False  # the folder is this machine's
    connections = 1  # more would wait for one disk
    pacing = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> FileSession:
        """A new session. Raises SendStopped when the folder cannot be used."""
        return FileSession(self)

    @abstractmethod
    def make(self) -> None:
        """Create what is missing of the folder."""

    @abstractmethod
    def temporary(self) -> Path:
        """Where a file is written."""

    @abstractmethod
    def final(self, mail: Outgoing) -> Path:
        """Where it goes when it is whole."""


class EmlFolder(_Files):
    """Writes `to-ana@example.org-<hash>.eml` files into a folder."""

    def make(self) -> None:
        """Create the folder if it is missing."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def temporary(self) -> Path:
        """A hidden name in the same folder, so that the rename stays on one file system."""
        return self.folder / f".digest-{secrets.token_hex(8)}.tmp"

    def final(self, mail: Outgoing) -> Path:
        """The file for this reader's mail of this edition; one of another edition, or audience, stays beside it."""
        return self.folder / eml_name(mail.recipient, _message_id(mail.data))


class Maildir(_Files):
    """Delivers into a Maildir (https://cr.yp.to/proto/maildir.html)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
        self._count = itertools.count(1)

    def make(self) -> None:
        """Create the Maildir if it is missing."""
        for part in ("tmp", "new", "cur"):
            (self.folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)

    def temporary(self) -> Path:
        """A unique name in tmp/, where readers do not look."""
        seconds, micros = divmod(time.time_ns() // 1000, 1_000_000)
        unique = f"{seconds}.M{micros:06}P{os.getpid()}Q{next(self._count)}R{secrets.token_hex(4)}.{self._host}"
        return self.folder / "tmp" / unique

    def final(self, mail: Outgoing) -> Path:
        """A unique name in new/."""
        del mail  # a mailbox's file names say nothing about its readers
        return self.folder / "new" / self.temporary().name


def eml_name(address: str, edition: str) -> str:
    """A reader's file name: readable, of letters that every file system takes, told apart by a hash.

    >>> eml_name("../Ana@Example.org", "2022-02/everyone/en")
    'to-.._ana@example.org-1b6482113079196f.eml'
    """
    readable = _UNSAFE.sub("_", address.lower())[:_LONGEST]
    told_apart = hashlib.sha256(f"{edition}\0{address}".encode()).hexdigest()[:16]
    return f"to-{readable}-{told_apart}.eml"


def _message_id(data: bytes) -> str:
    """A mail's Message-ID, which is the same whenever the edition is sent to this reader; empty when it has none."""
    head = data.partition(b"\r\n\r\n")[0]
    line = re.search(rb"(?im)^message-id:\s*(<[^>\r\n]+>)", head)
    return line[1].decode("ascii", "replace") if line else ""


class FileSession:
    """A digest.ports.Session that writes files."""

    def __init__(self, place: _Files) -> None:
        self._place = place
        self._folder = place.folder
        try:
            place.make()
        except OSError as error:
            raise _refused(place.folder, error) from None

    def deliver(
        self,
        mails: Iterable[Outgoing],
        intend: Callable[[Outgoing], bool],
        announce: Callable[[Outgoing], None] | None = None,
    ) -> Iterator[Outcome]:
        """Write mails one after another; see digest.ports.Session. Raises SendStopped when the disk refuses."""
        taken = Lookahead(mails)
        renamed: list[tuple[Outgoing, Path]] = []
        left = 0  # of the mails that share one commit before they are written, and one sync after it
        while (mail := taken.first()) is not None:
            if not left:
                yield from self._accept(renamed)
                left = _announced(taken, announce)
            left -= 1
            taken.drop()
            if not intend(mail):
                yield from self._accept(renamed)
                yield _outcome(mail, Event.SUPPRESS, "not to be mailed")
                continue
            try:
                renamed.append((mail, self._write(mail)))
            except OSError as error:
                yield from self._accept(renamed)
                yield _outcome(mail, Event.DEFER, str(error.strerror or error))
                for following in taken.rest():
                    yield _outcome(following, Event.RELEASE, "the disk refused the one before it")
                raise _refused(self._folder, error) from None
        yield from self._accept(renamed)
        taken.check(None)

    def close(self) -> None:
        """Nothing is left open between two mails."""

    def _write(self, mail: Outgoing) -> Path:
        temporary = self._place.temporary()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - from a descriptor
                left = memoryview(mail.data)
                while left:
                    left = left[file.write(left) :]
                os.fsync(descriptor)
            final = self._place.final(mail)
            temporary.rename(final)
        except BaseException:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                temporary.unlink()
            raise
        return final

    def _accept(self, renamed: list[tuple[Outgoing, Path]]) -> Iterator[Outcome]:
        """Make the names durable, and only then say so. When that fails nobody knows what a power cut would leave."""
        if not renamed:
            return
        batch, renamed[:] = tuple(renamed), ()
        try:
            sync_folder(batch[0][1].parent)
        except OSError as error:
            for mail, _ in batch:
                yield _outcome(mail, Event.DOUBT, f"written, but its name may not be on the disk: {error.strerror}")
            raise _refused(self._folder, error) from None
        for mail, path in batch:
            yield _outcome(mail, Event.ACCEPT, f"{_DONE} {path.name}")


def _announced(taken: Lookahead, announce: Callable[[Outgoing], None] | None) -> int:
    """Fetch and announce the mails that come next. Returns how many there are."""
    count = 0
    while count < WINDOW and (mail := taken.at(count)) is not None:
        count += 1
        if announce is not None:
            announce(mail)
    return count


def _outcome(mail: Outgoing, event: Event, detail: str) -> Outcome:
    phase = {Event.ACCEPT: Phase.DOT, Event.DOUBT: Phase.DOT}.get(event, Phase.BODY)
    return Outcome(delivery=mail.delivery, event=event, phase=phase, detail=detail)


def _refused(folder: Path, error: OSError) -> SendStopped:
    return SendStopped(f"{folder}: {(error.strerror or str(error)).lower()}; nothing more was written there")
