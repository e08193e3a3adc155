"""Read the addresses that stories give and say which of them a mail may carry, spelled as every client reads them.

    what was written ─▶ absolute http(s), mailto or tel, ASCII only │ or why not

Pure. It never fetches, and it never lets a scheme through that it does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

_DROPPED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")  # as browsers do, and more
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KEPT = "/%:@!$&'()*+,;=~-._"
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_LABEL = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeLink:
    """An address that may go out, or (with `url` empty) the code and the reason why it may not."""

    url: str = ""
    code: str = ""
    reason: str = ""


@lru_cache(maxsize=4096)
def resolve(raw: str, base: str = "") -> SafeLink:
    """The address `raw` as it may stand in a mail; a relative one is joined to `base`.

    Problems: `link-unsafe` (a scheme that runs code or reads files, a login in the address, no host) and
    `link-relative` (nothing to join it to).
    """
    url = _DROPPED.sub("", raw).strip()
    if not url:
        return SafeLink(code="link-relative", reason="the address is empty")
    if url.startswith(("//", "\\\\")):
        url = "https:" + url
    scheme = _SCHEME.match(url)
    if not scheme:
        if not base:
            return SafeLink(code="link-relative", reason=f"{_shown(raw)} is relative, and newsroom.url is not set")
        url = urljoin(base, url)
        scheme = _SCHEME.match(url)
    kind = scheme[1].lower() if scheme else ""
    if kind in ("http", "https"):
        return _web(url, raw)
    if kind in ("mailto", "tel") and len(url) > len(kind) + 1:
        return SafeLink(url=f"{kind}:{_quote(url[len(kind) + 1 :], _KEPT + '?')}")
    return SafeLink(code="link-unsafe", reason=f"{_shown(raw)} is not an address for a mail; use https://")


def _web(url: str, raw: str) -> SafeLink:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return SafeLink(code="link-unsafe", reason=f"{_shown(raw)} is not an address")
    if "@" in parts.netloc:
        return SafeLink(
            code="link-unsafe", reason=f"{_shown(raw)} hides its host behind a login; leave the part before @ out"
        )
    host = f"[{host}]" if ":" in host else _ascii(host)
    if not host or not _HOST.fullmatch(host):
        return SafeLink(code="link-unsafe", reason=f"{_shown(raw)} has no host that exists")
    place = f"{host}:{port}" if port is not None else host
    path = _quote(parts.path, _KEPT)
    query, fragment = _quote(parts.query, _KEPT + "?"), _quote(parts.fragment, _KEPT + "?")
    return SafeLink(url=urlunsplit((parts.scheme, place, path, query, fragment)))


def _ascii(host: str) -> str:
    """The host in A-labels (RFC 5891), lower-case; empty when it has none."""
    host = host.rstrip(".")
    if host.isascii():
        return host if all(0 < len(label) <= _LABEL for label in host.split(".")) else ""
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""


def _quote(part: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", part), safe=safe, errors="replace")


def _shown(raw: str) -> str:
    text = _DROPPED.sub("", raw)
    longest = 80
    return repr(text if len(text) <= longest else text[: longest - 1] + "…")
