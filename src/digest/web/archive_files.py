"""The public archive: pages and feeds from one folder (see publishing), and nothing else from this machine.

A path is taken apart and each part judged before the file system is asked: no `..`, no hidden name, no backslash, no
NUL; what a symbolic link leads to must lie in the folder too; only kinds of files that a page is made of are served.
"""

from __future__ import annotations

import hashlib
import os
import stat
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".atom": "application/atom+xml; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
}
_FEEDS = {"feed.json": "application/feed+json"}  # no other JSON is a page's
_GONE = "gone.txt"  # the addresses of withdrawn editions, one a line; itself for servers only
POLICY = (
    "default-src 'none'; img-src 'self' https: data:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
MAX_FILE = 30_000_000  # bytes; a page's picture has fewer


class PublicFile(Struct, frozen=True, kw_only=True):
    """What a file holds, of which media type, and since when."""

    data: bytes
    media_type: str
    modified: datetime

    @property
    def headers(self) -> dict[str, str]:
        """What a cache asks with the next time (RFC 9110, 8.8). The tag is of the content alone."""
        tag = hashlib.sha256(self.data).hexdigest()[:32]
        return {"ETag": f'"{tag}"', "Last-Modified": format_datetime(self.modified, usegmt=True)}

    def is_known(self, request: Mapping[str, str]) -> bool:
        """Whether these request headers say that the client has just this (RFC 9110, 13.2.2)."""
        if tags := request.get("if-none-match", ""):
            own = self.headers["ETag"]
            return tags.strip() == "*" or own in (tag.strip().removeprefix("W/") for tag in tags.split(","))
        try:
            since = parsedate_to_datetime(request.get("if-modified-since", ""))
        except (ValueError, OverflowError):  # none, or no date
            return False
        return self.modified <= (since if since.tzinfo else since.replace(tzinfo=UTC))


def find(root: Path, path: str) -> Path | None:
    """The file that `path` (already percent-decoded, without a leading slash) means below `root`, or None.

    A folder means its index.html.
    """
    parts = path.removesuffix("/").split("/") if path else []
    if any(not part or part.startswith(".") or "\\" in part or "\0" in part or ":" in part for part in parts):
        return None
    try:
        home = root.resolve(strict=True)
        found = home.joinpath(*parts).resolve(strict=True)
        if path.endswith("/") and not found.is_dir():  # its links would count from elsewhere
            return None
        if found.is_dir():
            found = (found / "index.html").resolve(strict=True)
    except (OSError, RuntimeError):  # not there, not allowed, a loop of links, a name too long
        return None
    inside = found.is_relative_to(home) and not any(part.startswith(".") for part in found.relative_to(home).parts)
    return found if inside and found.name != _GONE and _media_type(found) else None


def needs_slash(root: Path, path: str) -> bool:
    """Tell whether `path`, for which find() has a file, names a folder without the slash that its links count from."""
    return bool(path) and not path.endswith("/") and root.joinpath(path).is_dir()


def is_gone(root: Path, file: Path) -> bool:
    """Tell whether a file that find() has found is the page of an edition that was withdrawn."""
    try:
        withdrawn = (root / _GONE).read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return False
    return f"{file.parent.relative_to(root.resolve()).as_posix()}/" in withdrawn and file.name == "index.html"


def read(file: Path) -> PublicFile | None:
    """A regular file; None when it is none (any more), or too large for a page. Follows no link."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
            return None
        modified = datetime.fromtimestamp(int(status.st_mtime), UTC)
        return PublicFile(data=opened.read(MAX_FILE), media_type=_media_type(file), modified=modified)


def _media_type(file: Path) -> str:
    return _FEEDS.get(file.name) or KINDS.get(file.suffix.lower(), "")
