"""The public archive: built pages from one folder, and nothing else from this machine.

A path is taken apart and each part judged before the file system is asked: no `..`, no hidden name, no backslash, no
NUL; what a symbolic link leads to must lie in the folder too; only kinds of files that a page is made of are served.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
}
POLICY = (
    "default-src 'none'; img-src 'self' https: data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
MAX_FILE = 30_000_000  # bytes; a page's picture has fewer


def find(root: Path, path: str) -> Path | None:
    """The file that `path` (already percent-decoded, without a leading slash) means below `root`, or None.

    A folder means its index.html.
    """
    parts = [part for part in path.split("/") if part]
    if any(part.startswith(".") or "\\" in part or "\0" in part or ":" in part for part in parts):
        return None
    try:
        home = root.resolve(strict=True)
        found = home.joinpath(*parts).resolve(strict=True)
        if found.is_dir():
            found = (found / "index.html").resolve(strict=True)
    except (OSError, RuntimeError):  # not there, not allowed, a loop of links, a name too long
        return None
    inside = found.is_relative_to(home) and not any(part.startswith(".") for part in found.relative_to(home).parts)
    return found if inside and found.suffix.lower() in KINDS else None


def needs_slash(root: Path, path: str) -> bool:
    """Tell whether `path`, for which find() has a file, names a folder without the slash that its links count from."""
    return bool(path) and not path.endswith("/") and root.joinpath(path).is_dir()


def content(file: Path) -> bytes | None:
    """What a regular file holds, or None when it is none (any more), or too large for a page. Follows no link."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
            return None
        return opened.read(MAX_FILE)
