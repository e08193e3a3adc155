"""Fetch one page or feed over http or https, inside limits, and from nowhere that is not public.

    url ─resolve─▶ every address checked ─connect to the checked one─▶ response ─redirect? again─▶ bytes

Where it may connect is decided by `guard`, on each hop anew. One deadline covers names, handshakes, headers, body and
redirects; one limit covers the bytes, also after unpacking. It never takes another scheme, a proxy from the
environment, or credentials to another host.
"""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import httpcore
import httpx
from msgspec import Struct

from digest.errors import FetchError
from digest.fetching.guard import Deadline, GuardedBackend, GuardedTransport, system_addresses
from digest.text.urls import without_credentials as shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from threading import Event

    Resolver = Callable[[str, int], Sequence[str]]

MAX_BYTES = 20_000_000  # the largest listing page seen has 2 MB; a feed with all its articles may have 10
TIMEOUT = 30.0  # seconds for everything; a newsroom's page takes 1 to 5
MAX_REDIRECTS = 5  # http to https, to www, to a language, to a slash, and one to spare
USER_AGENT = "digest (newsroom digest importer)"

_READABLE = (
    "text/",
    "application/xml",
    "application/json",
    "application/csv",
    "application/octet-stream",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
# What to do about an answer that is none.
_ADVICE = dict.fromkeys((401, 403, 407), "; it lets no program in: ask the site to, or save the page from your browser")
_ADVICE |= dict.fromkeys((404, 410), "; give the address that it has now")
_ADVICE |= dict.fromkeys((429, 500, 502, 503, 504), "; try again later")
_LONGEST_WAIT, _DIGITS = 86_400, 9  # seconds for which a server is left alone at its word, at most; figures of them
_CONDITIONS = {"if-none-match", "if-modified-since"}
_REDIRECTS = {301, 302, 303, 307, 308}
_BLOCK = 65_536
_ENOUGH = 4096  # to tell an image by its first bytes
T = TypeVar("T")


class Fetched(Struct, frozen=True, kw_only=True):
    """What came. `url` is where it came from in the end, without credentials; `content_type` as the server says it."""

    url: str
    data: bytes
    content_type: str
    etag: str = ""
    modified: str = ""
    unchanged: bool = False  # the server says that it is what it was: nothing came (RFC 9110, 13)


def fetch(
    url: str,
    *,
    max_bytes: int = MAX_BYTES,
    timeout: float = TIMEOUT,
    allow_private: bool = False,
    resolve: Resolver | None = None,
    etag: str = "",
    modified: str = "",
    stop: Event | None = None,
) -> Fetched:
    """Get `url`. `timeout` is in seconds and for everything; `max_bytes` counts unpacked bytes.

    `allow_private` takes addresses of an intranet, or of this machine. `resolve` gives the addresses of a host and
    port (default: the system's). With the `etag` and `modified` of what came before, nothing comes where nothing
    changed. `stop` ends the wait at once. Raises FetchError, which names the address and what to do.
    """
    asked = {"if-none-match": etag, "if-modified-since": modified}
    headers = {name: value for name, value in asked.items() if value}
    take = partial(_take, max_bytes=max_bytes)
    return _visit(url, take, timeout, allow_private=allow_private, headers=headers, resolve=resolve, stop=stop)


class FetchAnswer(Struct, frozen=True, kw_only=True):
    """What an address answers, whatever its status is. `data` are the first bytes of the body, no more than asked."""

    status: int
    content_type: str
    data: bytes


def ask(
    url: str,
    *,
    max_bytes: int = _ENOUGH,
    timeout: float = TIMEOUT,
    allow_private: bool = False,
) -> FetchAnswer:
    """Look whether an address answers, with the guards of `fetch`; an error status is an answer. Raises FetchError."""

    def take(response: httpx.Response, deadline: Deadline) -> FetchAnswer:
        data = bytearray()
        for block in response.iter_raw(_BLOCK):
            deadline.left()
            data += block
            if len(data) >= max_bytes:
                break
        kind = response.headers.get("content-type", "")
        return FetchAnswer(status=response.status_code, content_type=kind, data=bytes(data[:max_bytes]))

    as_it_is = {"accept-encoding": "identity"}
    return _visit(url, take, timeout, allow_private=allow_private, headers=as_it_is)


def notify(
    url: str,
    *,
    data: bytes | None = None,
    kind: str = "text/plain; charset=utf-8",
    timeout: float,
    stop: Event | None = None,
    by_proxy: bool = False,
) -> int:
    """Ask `url`, or POST it `data` of this `kind`, and return the status that it answers; the body is not waited for.

    For addresses that the newsroom itself names (webhooks, watchdogs): those of its own network too. `timeout` is for
    everything, and `stop` ends the wait at once. `by_proxy` takes the environment's proxy and follows redirects.
    Raises FetchError with the reason only: such an address is often a secret.
    """
    context = httpx.create_ssl_context()  # reads a megabyte of certificates: that is not the server's time
    deadline = Deadline(timeout, stop)
    guard = GuardedBackend(deadline, system_addresses, allow_private=True)
    try:
        place = _checked(url, "the address")
        transport = GuardedTransport(guard, context, proxy=_proxy(place) if by_proxy else None)
        with httpx.Client(transport=transport, trust_env=False, follow_redirects=by_proxy) as client:
            method = "GET" if data is None else "POST"
            headers = {"user-agent": USER_AGENT} | ({} if data is None else {"content-type": kind})
            with client.stream(method, place, content=data, headers=headers, timeout=timeout) as response:
                return response.status_code
    except (httpcore.TimeoutException, httpx.TimeoutException):
        message = f"took longer than {timeout:g} s"
        raise FetchError(message) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise FetchError(type(error).__name__) from None


def _proxy(place: httpx.URL) -> httpx.Proxy | None:
    from urllib.request import getproxies, proxy_bypass

    proxy = "" if proxy_bypass(place.host) else getproxies().get(place.scheme, "")
    return httpx.Proxy(proxy) if proxy.startswith(("http://", "https://")) else None


def _visit(
    url: str,
    take: Callable[[httpx.Response, Deadline], T],
    timeout: float,
    *,
    allow_private: bool,
    headers: Mapping[str, str],
    resolve: Resolver | None = None,
    stop: Event | None = None,
) -> T:
    context = httpx.create_ssl_context()
    deadline = Deadline(timeout, stop)
    guard = GuardedBackend(deadline, resolve or system_addresses, allow_private=allow_private)
    place = _checked(url, shown(url))
    with httpx.Client(transport=GuardedTransport(guard, context), trust_env=False, follow_redirects=False) as client:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                with client.stream("GET", place, headers={**_HEADERS, **headers}, timeout=timeout) as response:
                    if response.status_code not in _REDIRECTS:
                        return take(response, deadline)
                    place = _checked(str(place.join(response.headers.get("location", ""))), shown(str(place)))
            except (httpcore.TimeoutException, httpx.TimeoutException):
                message = f"{shown(str(place))}: took longer than {timeout:g} s; try again later, or save the page"
                raise FetchError(message) from None
            except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                reason = (str(error) or type(error).__name__).splitlines()[0]
                message = f"{shown(str(place))}: could not be fetched: {reason}"
                raise FetchError(message) from None
    message = f"{shown(url)}: more than {MAX_REDIRECTS} redirects; give the address that they lead to"
    raise FetchError(message)


_HEADERS = {"user-agent": USER_AGENT, "accept-encoding": "gzip, deflate", "accept": "*/*"}


def _checked(url: str, whence: str) -> httpx.URL:
    try:
        place = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        message = f"{whence.rpartition('@')[2]}: is not an address: {error}"  # a password may be what is wrong with it
        raise FetchError(message) from None
    if place.scheme not in ("http", "https") or not place.host:
        message = f"{shown(url)}: only http and https addresses are fetched; give a file as a path"
        raise FetchError(message)
    return place


def _take(response: httpx.Response, deadline: Deadline, *, max_bytes: int) -> Fetched:
    place = shown(str(response.url))
    known = {"etag": response.headers.get("etag", ""), "modified": response.headers.get("last-modified", "")}
    if response.status_code == httpx.codes.NOT_MODIFIED and _CONDITIONS.intersection(response.request.headers):
        return Fetched(url=place, data=b"", content_type="", **known, unchanged=True)
    if response.status_code != httpx.codes.OK:
        said = f"{response.status_code} {response.reason_phrase}".rstrip()
        wait = response.headers.get("retry-after", "").strip()  # in seconds; the few dates are not read
        seconds = min(int(wait), _LONGEST_WAIT) if wait.isdecimal() and len(wait) <= _DIGITS else 0
        advice = f"; try again in {seconds:,} s" if seconds else _ADVICE.get(response.status_code, "")
        message = f"{place}: the server answered {said}{advice}"
        raise FetchError(message, wait=seconds)
    content_type = response.headers.get("content-type", "")
    media = content_type.split(";")[0].strip().lower()
    if media and not media.startswith(_READABLE) and not media.endswith(("+xml", "+json")):
        message = f"{place}: is {media}, and a listing is a page, a feed or a table"
        raise FetchError(message)
    too_large = f"{place}: has more than {max_bytes:,} bytes; a listing page has far fewer"
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise FetchError(too_large)
    data = bytearray()
    for block in _unpacked(response.iter_raw(_BLOCK), response.headers.get("content-encoding", ""), place):
        deadline.left()
        data += block
        if len(data) > max_bytes:
            raise FetchError(too_large)
    return Fetched(url=place, data=bytes(data), content_type=content_type, **known)


def _unpacked(blocks: Iterable[bytes], encoding: str, place: str) -> Iterator[bytes]:
    """The body as it was before packing, in pieces of bounded size, so that a gzip bomb stops at the limit."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from blocks
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        message = f"{place}: came packed as '{encoding[:40]}', which was not asked for"
        raise FetchError(message)
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | (32 if "gzip" in encoding else 0))
    try:
        for block in blocks:
            piece = unpacker.decompress(block, _BLOCK)
            yield piece
            while unpacker.unconsumed_tail or len(piece) == _BLOCK:
                piece = unpacker.decompress(unpacker.unconsumed_tail, _BLOCK)
                yield piece
        if not unpacker.eof:
            message = f"{place}: the answer broke off; try again later"
            raise FetchError(message)
    except zlib.error:
        message = f"{place}: came packed as {encoding}, and cannot be unpacked"
        raise FetchError(message) from None
