"""Let connections out to public addresses only, and end every wait at one deadline.

    host ─resolve─▶ addresses ─all public?─▶ connect to one of these very addresses ─▶ a stream with a deadline

The address that was checked is the address that is connected to, so a name that changes its mind in between (DNS
rebinding) gains nothing. It reads no proxy and no setting from the environment but SSL_CERT_FILE and SSL_CERT_DIR.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from typing import TYPE_CHECKING

import httpcore
import httpx

from digest.errors import FetchError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Resolver = Callable[[str, int], Sequence[str]]

_EMBEDDED_IPV4 = (  # networks whose addresses hold an IPv4 address that a gateway on the way may unpack
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (ipaddress.IPv6Network("::/96"), 0),  # IPv4-compatible, RFC 4291, 2.5.5.1
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4, RFC 3056
)


class Deadline:
    """A moment on the monotonic clock after which everything is too late."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds that are left, `at_most` at most. Raises httpcore.ReadTimeout when none are."""
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds if at_most is None else min(seconds, at_most)


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses that it has looked at, and to no other."""

    def __init__(self, deadline: Deadline, resolve: Resolver, *, allow_private: bool) -> None:
        self.deadline = deadline
        self.resolve = resolve
        self.allow_private = allow_private
        self.inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection to one of the host's checked addresses. Raises FetchError for one that is not public."""
        addresses = self.addresses(host, port)
        for place, address in enumerate(addresses, 1):
            try:
                left = self.deadline.left(timeout)
                stream = self.inner.connect_tcp(address, port, left, local_address, socket_options)
                return _Stream(stream, self.deadline)
            except httpcore.ConnectError:
                if place == len(addresses):
                    raise
        message = f"{host} has no address"
        raise httpcore.ConnectError(message)

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses, all of them public. Asked in a thread: the system's resolver knows no deadline."""
        answer: list[Sequence[str] | OSError | UnicodeError] = []

        def ask() -> None:
            try:
                answer.append(self.resolve(host, port))
            except (OSError, UnicodeError) as error:
                answer.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(self.deadline.left())
        if not answer:
            raise httpcore.ConnectTimeout
        if isinstance(answer[0], Exception):
            message = f"{host} is not known ({answer[0]})"
            raise httpcore.ConnectError(message)
        refused = [] if self.allow_private else [address for address in answer[0] if not is_public(address)]
        if refused:
            name = "" if host == refused[0] else f"{host}: "
            message = f"{name}{refused[0]} is not a public address; for an intranet set allow_private in config.yaml"
            raise FetchError(message)
        return answer[0]


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet: not of a machine, a network or a cloud itself."""
    try:
        place = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(place, ipaddress.IPv6Address):
        if place.scope_id:
            return False
        inner = [place.ipv4_mapped, *(place.teredo or ())]
        for network, shift in _EMBEDDED_IPV4:
            if place in network:
                inner.append(ipaddress.IPv4Address(int(place) >> shift & 0xFFFFFFFF))
        if any(one is not None and not is_public(str(one)) for one in inner):
            return False
        if place.ipv4_mapped:
            return True
    return place.is_global and not (place.is_multicast or place.is_reserved or place.is_unspecified)


def system_addresses(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver gives. Raises OSError and UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Stream(httpcore.NetworkStream):
    """A connection on which every wait ends at the deadline, however slowly the other side drips."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self.inner = inner
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, self.deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, self.deadline.left(timeout))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self.inner.start_tls(ssl_context, server_hostname, self.deadline.left(timeout)), self.deadline)

    def get_extra_info(self, info: str) -> object:
        return self.inner.get_extra_info(info)


class GuardedTransport(httpx.BaseTransport):
    """httpx on a connection pool of httpcore that has our guard at its bottom."""

    def __init__(self, guard: GuardedBackend) -> None:
        context = httpx.create_ssl_context()
        self.pool = httpcore.ConnectionPool(ssl_context=context, network_backend=guard, max_connections=1)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises httpcore's exceptions as they are."""
        answer = self.pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        """Close every connection."""
        self.pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self.answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self.answer.iter_stream()

    def close(self) -> None:
        self.answer.close()
