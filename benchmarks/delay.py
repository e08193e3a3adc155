"""A TCP proxy on loopback that makes every round trip longer, as a relay far away would.

Run `python -m benchmarks.delay PORT MILLISECONDS`: it prints the port on which it listens, hands everything on to PORT,
holds back what comes from there for so long, and ends when its standard input does. Each direction has threads of its
own that sleep to the moment: an event loop rounds its waits up to whole milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import sys
import threading
import time


def main(target: int, delay: float) -> None:
    """Serve until standard input ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=_accept, args=(server, target, delay), daemon=True).start()
        sys.stdin.read()
        os._exit(0)  # with whatever is still open


def _accept(server: socket.socket, target: int, delay: float) -> None:
    while True:
        near, _ = server.accept()
        far = socket.create_connection(("127.0.0.1", target))
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=_carry, args=(near, far), daemon=True).start()
        threading.Thread(target=_receive, args=(far, waiting, delay), daemon=True).start()
        threading.Thread(target=_release, args=(near, waiting), daemon=True).start()


def _carry(near: socket.socket, far: socket.socket) -> None:
    """Hand on what comes, at once."""
    with contextlib.suppress(OSError):
        while data := near.recv(1 << 18):
            far.sendall(data)
        far.shutdown(socket.SHUT_WR)


def _receive(far: socket.socket, waiting: queue.SimpleQueue[tuple[float, bytes]], delay: float) -> None:
    """Take what comes, and note when it may go on; an empty piece is the end."""
    data = b"-"
    while data:
        try:
            data = far.recv(1 << 16)
        except OSError:
            data = b""
        waiting.put((time.monotonic() + delay, data))


def _release(near: socket.socket, waiting: queue.SimpleQueue[tuple[float, bytes]]) -> None:
    """Hand on each piece when its time has come, in order."""
    with contextlib.suppress(OSError):
        while True:
            due, data = waiting.get()
            if (left := due - time.monotonic()) > 0:
                time.sleep(left)
            if not data:
                near.shutdown(socket.SHUT_RDWR)
                return
            near.sendall(data)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) / 1000)
