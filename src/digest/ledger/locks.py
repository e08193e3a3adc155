"""One sender for one edition: a lock on a file that a crash lets go of. There is no stale pid file to be judged.

The file says who holds it, for the message that the other one gets. It stays when the lock is let go: removing it
would let two senders hold two different files of the same name.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from digest.errors import LedgerBusy, LedgerError
from digest.files import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator


def edition_lock(ledger: Path, edition: str) -> Path:
    """The lock file of an edition, in a folder beside the ledger."""
    return Path(f"{ledger}-locks") / f"{file_name(edition)}.lock"


def file_name(edition: str) -> str:
    """An edition's id as the name of a file: `2022-02~everyone~en`."""
    return quote(edition, safe="").replace("%2F", "~")


@contextmanager
def file_lock(path: Path, owner: str, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock on `path` (flock(2)) while inside.

    Raises LedgerBusy, naming the holder, when another process or thread has it; with `wait`, waits for it instead.
    """
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        message = f"{path}: {refusal(error, path)}; the folder of the ledger must be writable"
        raise LedgerError(message) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise LedgerBusy(busy(what, _holder(descriptor))) from None
        except OSError as error:
            message = f"{path}: this file system has no locks ({error.strerror}); put the ledger on a local disk"
            raise LedgerError(message) from None
        _sign(descriptor, path, owner)
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def busy(what: str, holder: str) -> str:
    """What the second sender is told."""
    return f"{what} is being sent by {holder}; wait until that one is done, or stop it, then start again"


def _sign(descriptor: int, path: Path, owner: str) -> None:
    line = json.dumps({"owner": owner, "since": time.strftime("%Y-%m-%d %H:%M:%S %z")}) + "\n"
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, line.encode(), 0)
    except OSError as error:
        message = f"{path}: {(error.strerror or str(error)).lower()}; nothing was sent"
        raise LedgerError(message) from None


def _holder(descriptor: int) -> str:
    try:
        said = json.loads(os.pread(descriptor, 4096, 0))
        return f"{said['owner']} since {said['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"  # it has the lock but has not signed yet
