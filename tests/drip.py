"""A web server that answers one byte at a time, for as long as somebody listens."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Dripping:
    """`most` bytes are dripped at the most, a twentieth of a second apart, so that no test hangs for good."""

    url: str = ""
    most: int = 300
    dripped: int = 0
    asked: list[bytes] = field(default_factory=list)
    on_first: Callable[[], None] = lambda: None


@contextmanager
def dripping(head: bytes):
    """Serve on loopback: `head` at once to whoever asks, then bytes without end."""
    listener = socket.create_server(("127.0.0.1", 0))
    server, stop = Dripping(url=f"http://127.0.0.1:{listener.getsockname()[1]}"), threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            server.asked.append(connection.recv(65_536))
            connection.sendall(head)
            server.on_first()
            try:
                for _ in range(server.most):
                    if stop.wait(0.05):
                        return
                    connection.sendall(b"x")
                    server.dripped += 1
            except OSError:
                return  # nobody listens any more

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
