"""Let connections out to public addresses only, and end every wait at one deadline, or when somebody asks to stop.

    host ─resolve─▶ addresses ─all public?─▶ connect to one of these very addresses ─▶ a stream with a deadline

The address that was checked is the address that is connected to, so a name that changes its mind in between (DNS
rebinding) gains nothing. It reads no proxy and no setting from the environment but SSL_CERT_FILE and SSL_CERT_DIR.
"""

from __future__ import annotations

import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import httpcore
import httpx

from digest.errors import FetchError
from digest.text.urls import is_public

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Resolver = Callable[[str, int], Sequence[str]]

T = TypeVar("T")
_LOOK = 0.2  # seconds between two looks whether somebody asked to stop


class Deadline:
    """A moment on the monotonic clock after which everything is too late, or the moment at which `stop` is set."""

    def __init__(self, seconds: float, stop: threading.Event | None = None) -> None:
        self.at = time.monotonic() + seconds
        self.stop = stop or threading.Event()

    def left(self, at_most: float | None = None) -> float:
        """Seconds that are left, `at_most` at most. Raises httpcore.ReadTimeout when none are, FetchError at a stop."""
        if self.stop.is_set():
            message = "was ended before it answered"
            raise FetchError(message)
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds if at_most is None else min(seconds, at_most)

    def within(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. It runs in a thread, which is left alone when the deadline comes first."""
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(self.left(_LOOK))
        for error in errors:
            raise error
        return results[0]


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
                connect = partial(self.inner.connect_tcp, address, port, left, local_address, socket_options)
                return _Stream(self.deadline.within(connect), self.deadline)
            except httpcore.ConnectError:
                if place == len(addresses):
                    raise
        message = f"{host} has no address"
        raise httpcore.ConnectError(message)

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses, all of them public. The system's resolver knows no deadline."""
        try:
            answer = self.deadline.within(partial(self.resolve, host, port))
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(_unknown(host, error)) from None
        refused = [] if self.allow_private else [address for address in answer if not is_public(address)]
        if refused:
            name = "" if host == refused[0] else f"{host}: "
            way = "for an intranet write `import: {allow_private: true}` in config.yaml"
            message = f"{name}{refused[0]} is not a public address; {way}"
            raise FetchError(message)
        return answer


def _unknown(host: str, error: OSError | UnicodeError) -> str:
    """Why a name has no address, and what to look at."""
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return f"{host} cannot be looked up now: DNS does not answer"
    if isinstance(error, socket.gaierror):
        return f"{host} is not known to DNS; is it spelled right?"
    return f"{host} cannot be looked up: {error}"


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
        while True:
            try:
                return self.inner.read(max_bytes, self.deadline.left(_LOOK if timeout is None else min(timeout, _LOOK)))
            except httpcore.ReadTimeout:
                self.deadline.left()  # raises when it is over; else this was one look of many

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, self.deadline.left(timeout))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        start = partial(self.inner.start_tls, ssl_context, server_hostname, self.deadline.left(timeout))
        return _Stream(self.deadline.within(start), self.deadline)

    def get_extra_info(self, info: str) -> object:
        return self.inner.get_extra_info(info)


class GuardedTransport(httpx.BaseTransport):
    """httpx on a connection pool of httpcore that has our guard at its bottom."""

    def __init__(self, guard: GuardedBackend, context: ssl.SSLContext, *, proxy: httpx.Proxy | None = None) -> None:
        self.pool = (
            httpcore.HTTPProxy(
                str(proxy.url), proxy_auth=proxy.raw_auth, ssl_context=context, network_backend=guard, max_connections=1
            )
            if proxy
            else httpcore.ConnectionPool(ssl_context=context, network_backend=guard, max_connections=1)
        )

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
                content=request.stream,
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
