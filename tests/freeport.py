"""A port of loopback for a program that must be told one before it starts."""

from __future__ import annotations

import contextlib
import secrets
import socket


def free_port() -> int:
    """A port on which nobody listens, from below those that the system hands out.

    Of those, any other test's server or connection may get it before the program does; and who asks again and again
    whether it listens may come to be connected with itself.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
