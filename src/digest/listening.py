"""A socket to serve on, bound before anything is said of it: so the address that is printed is the real one."""

from __future__ import annotations

import socket

from digest.errors import UsageError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises UsageError, with the system's reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # Python adds the address, which we say ourselves
        message = f"{host}:{port} cannot be listened on ({reason}); --port 0 takes a free port"
        raise UsageError(message) from None


def base(host: str, listener: socket.socket) -> str:
    """`http://127.0.0.1:8025`: how the listener is reached, an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
