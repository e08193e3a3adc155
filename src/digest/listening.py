"""What our servers have in common: a socket that is bound before its address is said, headers of every answer."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises UsageError, with the system's reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # Python adds the address, which we say ourselves
        message = f"{host}:{port} cannot be listened on ({reason}); --port 0 takes a free port"
        raise UsageError(message) from None


def in_network(host: str) -> str:
    """The address at which other machines reach this one, where `host` is all that it has: nobody can open 0.0.0.0."""
    try:
        family, elsewhere = {
            "0.0.0.0": (socket.AF_INET, "192.0.2.1"),  # noqa: S104 - compared
            "::": (socket.AF_INET6, "2001:db8::1"),
        }[host]
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((elsewhere, 9))  # sends nothing: the system says by which of its addresses it would
            return str(asked.getsockname()[0])
    except (KeyError, OSError):  # one address; or no network
        return host


def base(host: str, port: int) -> str:
    """`http://127.0.0.1:8025`: how a server is reached, an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


class SafeHeaders:
    """ASGI middleware that gives every answer the headers which it has no reason to be without."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        """`headers` are set where `app` has not set them."""
        self._app, self._headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_safely)
