"""Paths of a newsroom: its folders, how paths are shown, where caches are, and which files may be read by name.

It never follows a name out of the newsroom's folder, by `..` or by a link.
"""

from __future__ import annotations

from errno import ENOENT
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from digest.files import spelled_below

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE = ".digest"  # caches and the ledger; not committed
BUILD = "build"
ARCHIVE = "archive"  # what was sent, as it was sent: private
PUBLIC = "public"  # what the world may read of it
MAX_BYTES = 50_000_000


def theme_cache(environ: Mapping[str, str]) -> Path | None:
    """The folder of this user's compiled themes (XDG Base Directory Specification); None where there is no home.

    Compiled themes are code. They are not kept in the newsroom: whoever hands one over must not hand over a program.
    """
    try:
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return base / "digest" / "themes" if base.is_absolute() else None


def inside(root: Path, name: str) -> bytes:
    """The bytes of the file that `name` names inside `root`, as it is or as an address has it: `my%20photo.jpg`.

    Raises OSError when there is none, or it is too large.
    """
    base = root.resolve()
    for spelled in dict.fromkeys((name, unquote(name))):
        if "\0" in spelled:
            continue
        path = spelled_below(base, spelled.lstrip("/")).resolve()
        if path.is_relative_to(base) and path.is_file() and path.stat().st_size <= MAX_BYTES:
            return path.read_bytes()
    raise FileNotFoundError(ENOENT, "there is no such file in the newsroom's folder", name)
