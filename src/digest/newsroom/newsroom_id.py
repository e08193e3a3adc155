"""The random id by which a newsroom and its ledger know each other, whatever the newsroom is called: `newsroom.id`.

It stands beside config.yaml and is committed with it. `digest init` writes it, or the first live send, which takes the
ledger's. A copy that is to be a newsroom of its own needs another one: `digest config --new-id`.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from digest.errors import ConfigError, Fault
from digest.files import write_whole, writing

if TYPE_CHECKING:
    from pathlib import Path

FILE = "newsroom.id"
_ID = re.compile(r"[0-9a-f]{32}")


def fresh() -> str:
    """An id that no other newsroom has."""
    return secrets.token_hex(16)


def as_data(identity: str) -> bytes:
    """The file's content."""
    return f"{identity}\n".encode()


def read(root: Path) -> str:
    """The id of the newsroom in `root`; empty when it has none yet. Raises ConfigError for a file without one."""
    path = root / FILE
    try:
        text = path.read_bytes()[:100].decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigError([Fault(file=str(path), message=f"cannot be read: {error.strerror}")]) from None
    if not _ID.fullmatch(text):
        message = "holds no id of 32 digits; put it back from your repository: the ledger knows this newsroom by it"
        raise ConfigError([Fault(file=str(path), message=message)])
    return text


def write(root: Path, identity: str) -> Path:
    """Put it there, whole. Raises DigestError when the disk refuses."""
    path = root / FILE
    with writing(path, "; the ledger knows this newsroom by it"):
        write_whole(path, as_data(identity))
    return path
