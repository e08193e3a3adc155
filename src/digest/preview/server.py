"""Serve the page until Ctrl-C: bind first, so that the address is known, then run uvicorn on that socket.

Loopback unless told otherwise; elsewhere a key is demanded of every browser. No access log: its lines would hold keys.
"""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from digest.preview.guard import Door
from digest.web.listening import listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    import uvicorn

    from digest.preview.state import Studio

MAX_HEAD = 16_384  # octets of a request's header
MAX_CLIENTS = 128


@contextlib.contextmanager
def bound(host: str, port: int) -> Iterator[tuple[socket.socket, Door]]:
    """A socket and the door to it, with a fresh token; port 0 takes a free one. Raises UsageError."""
    with listen(host, port) as listener:
        key = "" if is_loopback(host) else secrets.token_urlsafe(24)
        yield listener, Door(host=host, port=listener.getsockname()[1], token=secrets.token_urlsafe(24), key=key)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address.

    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "news.example.org")]
    [True, True, True, False, False]
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(door: Door, query: dict[str, str]) -> str:
    """The address to open."""
    name = f"[{door.host}]" if ":" in door.host else door.host
    given = {key: value for key, value in query.items() if value} | ({"key": door.key} if door.key else {})
    return f"http://{name}:{door.port}/" + (f"?{urlencode(given)}" if given else "")


def serve(studio: Studio, listener: socket.socket, door: Door, ready: Callable[[], None]) -> None:
    """Serve until a signal comes; `ready` is called once the page can be opened. Ctrl-C ends it quietly."""
    server = server_of(studio, door, ready)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it is done
        server.run(sockets=[listener])


def server_of(studio: Studio, door: Door, ready: Callable[[], None]) -> uvicorn.Server:
    """The server, not yet running. Setting its `should_exit` ends it from another thread."""
    import uvicorn

    from digest.preview.app import app

    application, live = app(studio, door)

    class Server(uvicorn.Server):
        """Ends the streams of events when it is told to end: they would hold it up."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            live.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        server_header=False,
        http="h11",
        ws="none",
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
        limit_concurrency=MAX_CLIENTS,
    )
    return Server(config)
