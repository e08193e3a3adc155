"""Web addresses: which of them a mail may carry and how it is spelled there, which are the same, whom they reach.

    what was written ─▶ absolute http(s), mailto or tel, ASCII only │ or why not

Pure: nothing is fetched and no name is looked up, and a scheme that is not known is never let through.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from msgspec import Struct

from digest.text.cleaning import one_line
from digest.text.wrapping import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_LEDGER_URL = "is no ledger URL; write sqlite:///.digest/ledger.db or postgresql://user@host/database"
LONGEST = 2_000  # characters; some mail programs and proxies cut beyond it

# As browsers do, and more; joiners stay, since Persian and Indic words in a path are others without them.
_DROPPED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# An address in the midst of words, which no blank need end: no quotation mark, brace or Chinese letter is in one.
_BARE = re.compile(
    '(?<![A-Za-z0-9+.-])[Hh][Tt][Tt][Pp][Ss]?://[^\\s<>{}"“”„«»‹›\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]+',
)
UNENDED = ("/", "=")  # where a word goes on directly behind these, it is likely the address's own
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KEPT = "/%:@!$&'()*+,;=~-._"
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_LABEL = 63
_LOGIN = re.compile(r"(?<=://)([^/?#@:\s]*):[^/?#\s]*@")
_USER = re.compile(r"^([^/?#]*://)[^/?#]*@")
_SECRET_VALUE = re.compile(
    r"([?&;](?:[a-z]{1,20}[-_.]?)??(?:passwords?|passwd|pwd|pass|passphrase|secret|tokens?|key|auth|authorization|signature|sig"
    r"|credentials?|sas)=)[^&;#\s\"'<>]*",
    re.IGNORECASE,
)
_INDEX_PAGE = re.compile(r"/(?:index\.(?:html?|php))?$")
_TRACKING = re.compile(
    r"utm_\w+|mtm_\w+|pk_\w+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|ttclid|twclid|igshid|mc_[ce]id|mkt_tok"
    r"|_hs(?:enc|mi)|vero_id|oly_(?:anon|enc)_id|s_cid",
    re.IGNORECASE,
)

# RFC 6761, 6762, 8375, and what companies call their own networks. `.test` and `.example` serve rehearsals.
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "home.arpa", "corp", "invalid")
_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid)\.?$", re.IGNORECASE)
# 2130706433 and 0x7f.1 are 127.0.0.1 to a browser; nobody writes a public address like that.
_NUMBERS = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+))*")
# IANA's special-purpose registries, by hand: Python's `is_global` takes several of these for public, and which ones
# depends on its version. Of IPv6 only 2000::/3 is given out at all.
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
            *("2001::/23", "2001:db8::/32", "3fff::/20"),
        ),
    )
)
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")
_EMBEDDED_IPV4 = (  # networks whose addresses hold an IPv4 address that a gateway on the way may unpack
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped, RFC 4291, 2.5.5.2
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4, RFC 3056
)


class SafeLink(Struct, frozen=True, kw_only=True):
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
    url = _DROPPED.sub("", raw).strip().replace("&amp;", "&")  # as it is copied out of a page's source
    if not url:
        return SafeLink(code="link-relative", reason="the address is empty")
    if url.startswith(("//", "\\\\")):
        url = "https:" + url
    scheme = SCHEME.match(url)
    if not scheme:
        if not base:
            return SafeLink(code="link-relative", reason=f"{_shown(raw)} is relative, and newsroom.url is not set")
        url = urljoin(base, url)
        scheme = SCHEME.match(url)
    kind = scheme[1].lower() if scheme else ""
    if kind in ("http", "https"):
        return _web(url, raw)
    if kind in ("mailto", "tel") and len(url) > len(kind) + 1:
        rest = url[len(kind) + 1 :]
        return SafeLink(url=f"{kind}:{_quote(''.join(rest.split()) if kind == 'tel' else rest, _KEPT + '?')}")
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
    return repr(clipped(_DROPPED.sub("", raw), 80))


def bare_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where the web addresses in a line of words begin and end, without the punctuation behind them.

    One whose end cannot be told, as in `https://a.org/東京` and `https://a.org/{{ id }}`, is left out.
    """
    for found in _BARE.finditer(text):
        address = found[0]
        end, extra = len(address), address.count(")") - address.count("(")
        while address[end - 1] in ".,;:!?'’…*]" or (address[end - 1] == ")" and extra > 0):
            extra -= address[end - 1] == ")"
            end -= 1
        after = text[found.end() : found.end() + 1]
        if after != "{" and not (address.endswith(UNENDED) and after.isalnum()):
            yield found.start(), found.start() + end


def absolute(text: str, base: str = "") -> str:
    """The http(s) address that `text` is, seen from `base`, as it is spelled; empty when it is none, or too long."""
    text = one_line(text).replace(" ", "%20")
    if not text:
        return ""
    try:
        address = urljoin(base, text) if base.startswith(("http://", "https://")) else text
        parts = urlsplit(address)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return address if usable and len(address) <= LONGEST else ""


def comparable(link: str) -> str:
    """An address for comparing: no scheme, `www.`, default port, fragment, tracking, index page or last slash."""
    try:
        parts = urlsplit(link.strip())
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return link.strip()
    if not host:
        return link.strip()
    place = host if port in (None, 80, 443) else f"{host}:{port}"
    query = urlencode([pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not is_tracking(pair[0])])
    return place + _INDEX_PAGE.sub("", parts.path) + (f"?{query}" if query else "")


def is_tracking(parameter: str) -> bool:
    """Tell whether a query's parameter only says who clicked where, and nothing about the page."""
    return _TRACKING.fullmatch(parameter) is not None


def untracked(url: str) -> str:
    """The address without the parameters that only say who clicked where; all else stays as it is spelled.

    >>> untracked("https://example.org/a?utm_source=rss&id=3&lang=en#top")
    'https://example.org/a?id=3&lang=en#top'
    """
    address, mark, fragment = url.partition("#")
    place, question, query = address.partition("?")
    kept = "&".join(part for part in query.split("&") if not is_tracking(part.partition("=")[0]))
    return place + (question + kept if kept or not query else "") + mark + fragment


def database_url(text: str) -> str:
    """A database's address as SQLAlchemy spells it: hosters, and psql, write `postgres` as well.

    >>> database_url("postgres://u@db/news ")
    'postgresql://u@db/news'
    """
    return re.sub("^postgres(?=[:+])", "postgresql", text.strip())


def without_secrets(text: str) -> str:
    """An address, or a text with some in it, as it may be shown and stored: passwords, keys and tokens are `***`.

    >>> without_secrets("postgresql://digest:hunter2@db/ledger?sslmode=require&password=hunter2")
    'postgresql://digest:***@db/ledger?sslmode=require&password=***'
    """
    return _SECRET_VALUE.sub(r"\1***", _LOGIN.sub(r"\1:***@", text))


def without_credentials(address: str) -> str:
    """An address without the user name and password in it; keys in its query are `***`. A file's name is as it is.

    >>> without_credentials("https://ana:pw@example.org?by=ana@example.net&token=aZ3")
    'https://example.org?by=ana@example.net&token=***'
    >>> without_credentials("stories?key=2.html")
    'stories?key=2.html'
    """
    return without_secrets(_USER.sub(r"\1", address)) if "://" in address else address


def host_of(url: str) -> str:
    """The host of a web address in lower case, or an empty text where there is none that can be read."""
    try:
        return (urlsplit(url.strip()).hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_private(host: str) -> bool:
    """Tell whether only machines nearby can reach this host: loopback, private ranges, bare or internal names."""
    name = host.rstrip(".").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        internal = any(name == one or name.endswith(f".{one}") for one in _PRIVATE_NAMES)
        return "." not in name or internal or _NUMBERS.fullmatch(name) is not None
    return not is_public(name)


def is_reserved(host: str) -> bool:
    """Tell whether the name is kept for examples and tests (RFC 2606, RFC 6761): it is nobody's.

    >>> [is_reserved(host) for host in ("example.org", "mail.example.org", "myexample.org", "harbour.example")]
    [True, True, False, True]
    """
    return _RESERVED.search(host) is not None


def nobody_reads(address: str) -> bool:
    """Tell whether a mail address is in such a domain, or on this machine alone.

    >>> [nobody_reads(each) for each in ("a@example.org", "a@mail.example.org", "a@myexample.org", "a@desk.test")]
    [True, True, False, True]
    """
    domain = address.rpartition("@")[2]
    return is_reserved(domain) or is_loopback(domain)


def is_loopback(host: str) -> bool:
    """Tell whether `host`, a name or an address, is this machine itself: nobody can listen on the way.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "mail.example.org")]
    [True, True, True, False, False]
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet: not of a machine, a network or a cloud itself."""
    try:
        place = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(place, ipaddress.IPv6Address):
        if place.scope_id:
            return False
        for network, shift in _EMBEDDED_IPV4:
            if place in network:
                return is_public(str(ipaddress.IPv4Address(int(place) >> shift & 0xFFFFFFFF)))
        if place not in _GIVEN_OUT:
            return False
    return not any(place in network for network in _NOT_PUBLIC)
