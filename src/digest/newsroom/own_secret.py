"""The secret that digest makes for a newsroom which names none: `.digest/secret`, 32 random bytes in hex (0600).

With it a mail by which a reader leaves, and a report of a bounce, prove whose they are. `digest init` makes it, or the
first live send. The ledger keeps a mark of it, so that a copy of the newsroom without it, or with another, is noticed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

from digest.errors import ConfigError, Fault
from digest.files import make_folder, sync_folder
from digest.newsroom.paths import STATE

if TYPE_CHECKING:
    from pathlib import Path

FILE = f"{STATE}/secret"
MODE = 0o600
MARK = "secret"  # the ledger's key for the mark
_DIGITS = 64


def fresh() -> bytes:
    """A secret, as the file has it."""
    return f"{secrets.token_hex(_DIGITS // 2)}\n".encode()


def make(root: Path) -> Path:
    """Make the newsroom in `root` its secret; one that another process made meanwhile stays. Raises ConfigError."""
    path = root / FILE
    try:
        make_folder(path.parent)
        temporary = path.parent / f"secret-{secrets.token_hex(8)}.tmp"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:  # noqa: PTH123
            file.write(fresh())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # never in the place of another
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        sync_folder(path.parent)
    except OSError as error:
        message = f"the secret of this newsroom cannot be written: {error.strerror}"
        raise ConfigError([Fault(file=str(path), message=message)]) from None
    return path


def mark(secret: str) -> str:
    """What tells this secret from another one, and tells nothing else of it."""
    return hmac.new(secret.encode(), b"digest: which secret", hashlib.sha256).hexdigest()[:32]
