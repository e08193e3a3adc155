"""What can be wrong with a web address, found by looking at it: never by asking anybody.

`faults(url)` is the whole door: pairs of a check's code and a sentence. Both a story's links and the finished mail's
are put through it, so that the same address gets the same words wherever it stands.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from digest.text.urls import LONGEST, is_private, is_tracking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_BLANKS = re.compile('[\u0000-\u0020\u007f-\u00a0\u2028\u2029\u200b\ufeff<>"]')
_LOOKS_LIKE_HOST = re.compile(
    r"(?:www\.|[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|int|edu|gov|info|eu|[a-z]{2})(?=[/?#]|:\d|$))"
)
_DOUBLED = re.compile(
    r"https?:/{0,2}[^/?#]*/{1,2}https?:/|https?:/{0,2}https?(?::|//)|https?://[^/?#]*https?://", re.IGNORECASE
)
# Archives put the archived page's address behind their own, and mean it.
_ARCHIVES = frozenset({"web.archive.org", "archive.org", "archive.ph", "archive.today", "archive.is"})
# Cyrillic and Greek letters that a reader takes for Latin ones.
_LOOKALIKES = frozenset("асԁеһіјӏорԛѕԝхуүьвмнтк" + "αεικνορτυχ")


def faults(url: str) -> Iterator[tuple[str, str]]:
    """Everything wrong with `url`, as (code, sentence), the worst first. An address without fault yields nothing."""
    shown = _short(url)
    address = url.strip(" \t\n\r\f")
    if not address:
        yield "link-malformed", "the link is empty; give an address or remove it"
        return
    if blank := _BLANKS.search(address):
        what = "a blank" if blank[0] == " " else f"U+{ord(blank[0]):04X}"
        yield "link-malformed", f"'{shown}' has {what} in it; write it as %{ord(blank[0]) % 256:02X} or take it out"
    scheme = found[1].lower() if (found := _SCHEME.match(address)) else ""
    if scheme in ("http", "https"):
        yield from _web(address, shown, scheme)
    elif not scheme or _LOOKS_LIKE_HOST.match(address):  # `example.org:8080/a` has no scheme either
        yield from _without_scheme(address, shown)
    elif scheme == "mailto":
        if not re.match(r"mailto:[^@\s]+@[^@\s?]+", address, re.IGNORECASE):
            yield "link-malformed", f"'{shown}' has no mail address; write mailto:name@example.org"
    elif scheme != "tel":
        yield "link-unsafe", f"'{shown}' is a {scheme}: link, which mail programs remove; use https"
    if len(address) > LONGEST:
        yield "link-long", f"'{shown}' has {len(address)} characters; over {LONGEST} some programs cut it"


def _without_scheme(address: str, shown: str) -> Iterator[tuple[str, str]]:
    if address.startswith("//"):
        yield "link-relative", f"'{shown}' has no scheme, and a mail has none to lend; write https:{shown}"
    elif _LOOKS_LIKE_HOST.match(address):
        yield "link-relative", f"'{shown}' lacks its scheme; write https://{shown}"
    else:
        yield (
            "link-relative",
            f"'{shown}' is relative, and a mail has no address of its own; write it out, with https://",
        )


def _web(address: str, shown: str, scheme: str) -> Iterator[tuple[str, str]]:
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port
    except ValueError as error:
        yield "link-malformed", f"'{shown}' is no web address: {str(error).lower()}"
        return
    doubled = _is_doubled(address, host, parts)
    if doubled:
        yield "link-doubled-host", f"'{shown}' holds two addresses; keep the second"
    if not host or port == 0 or ".." in host or host.startswith("."):
        if not doubled:
            yield "link-malformed", f"'{shown}' has no host that could exist; write https://host/path"
        return
    if scheme == "http" and not doubled:
        yield "link-http", f"'{shown}' is not encrypted; if the site answers to https, write that"
    if parts.username is not None or parts.password is not None:
        yield "link-disguised", f"'{shown}' shows {parts.username!r} and leads to {host}; remove what is before the @"
    if is_private(host) and not doubled:
        yield "link-private", f"'{shown}' leads to {host}, which readers cannot reach"
    if told := _lookalike(host):
        yield "link-lookalike", f"'{shown}' leads to {told}"
    if names := sorted({name for name, _ in parse_qsl(parts.query) if is_tracking(name)}):
        yield "link-tracking", f"'{shown}' follows the reader ({', '.join(names)}); remove that from the address"


def _is_doubled(address: str, host: str, parts: SplitResult) -> bool:
    if host in _ARCHIVES:
        return False
    first = parts.path.lstrip("/").partition("/")[0].lower()
    return bool(_DOUBLED.match(address)) or ("." in host and first == host)


def _lookalike(host: str) -> str:
    """Say what is odd about an international name: letters of two scripts, or of one that mimics Latin."""
    for label in host.split("."):
        text = label
        if label.startswith("xn--"):
            try:
                text = label[4:].encode("ascii").decode("punycode")
            except (UnicodeError, OverflowError):
                return f"{host}, whose part {label!r} cannot be decoded"
        letters = [letter for letter in text if letter.isalpha()]
        scripts = {unicodedata.name(letter, "?").partition(" ")[0] for letter in letters}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            return f"{host}, where {text!r} mixes letters of {' and '.join(sorted(scripts)).title()}"
        if (
            letters
            and not text.isascii()
            and all(letter in _LOOKALIKES for letter in letters)
            and host.rpartition(".")[2].isascii()
        ):
            return f"{host}, where {text!r} only looks like Latin letters"
    return ""


def _short(url: str, most: int = 80) -> str:
    flat = "".join(letter if letter.isprintable() else "\ufffd" for letter in url.strip())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
