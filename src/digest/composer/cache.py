"""Files of what took long to work out: JSON under its own checksum, written whole or not at all.

A cache is only ever a short cut: what is damaged counts as not there, and a folder that cannot be written costs time
and nothing else. It must lie where only its user writes: the checksum finds damage, not malice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from digest.files import make_folder


def load(path: Path) -> Any:
    """What was stored at `path`; None when there is nothing, or when it is damaged in any way."""
    try:
        checksum, _, payload = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return json.loads(payload) if checksum.decode("ascii", errors="replace") == _sha(payload) else None


def use(path: Path) -> Any:
    """What `load` gives, which counts as used now: of its family it is the last to go."""
    if (found := load(path)) is not None:
        with contextlib.suppress(OSError):
            os.utime(path)
    return found


def store(path: Path, value: Any, *, family: str, most: int) -> None:
    """Keep `value` at `path`, and of the files beside it that `family` (a glob) matches the `most` last used."""
    import tempfile

    payload = json.dumps(value, ensure_ascii=False).encode()
    with contextlib.suppress(OSError):
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_sha(payload).encode() + b"\n" + payload)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        kept = sorted(path.parent.glob(family), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in kept[most:]:
            old.unlink(missing_ok=True)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
