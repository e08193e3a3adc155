"""One connected socket: replies in, bytes out, each under a deadline. It never decides what a reply means.

It knows exactly what was handed to the kernel, because that is what tells "surely not accepted" from "in doubt".
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
import struct
import time
from typing import TYPE_CHECKING

from digest.smtp.replies import MAX_BYTES, NotSmtp, Reply, parse_reply

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORD = 16 * 1024  # what one TLS record holds (RFC 8446, 5.1)
GONE = "the server closed the connection"


class Lost(Exception):
    """The conversation cannot go on: closed, reset, silent for too long, or not SMTP any more. Says which."""


class TlsSocket(ssl.SSLSocket):
    """Closed for certain: ssl lets one fall open when the peer resets just before the handshake."""

    def __del__(self) -> None:
        """Give the descriptor back."""
        self.close()


class Wire:
    """A socket that is never waited on for longer than asked. Not shared between threads."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0.0)
        self._sock = sock
        self._buffer = bytearray(MAX_BYTES)
        self._start = self._end = 0
        self._inward = select.poll()
        self._inward.register(sock, select.POLLIN)
        self.handed = 0  # bytes of the last write that the kernel took; with TLS, that it may have taken

    @property
    def sock(self) -> socket.socket:
        """The socket, for asking what it is connected to."""
        return self._sock

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return isinstance(self._sock, ssl.SSLSocket)

    def read(self, seconds: float) -> Reply:
        """The next reply. Raises Lost when there is none within `seconds`, drips included."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                parsed = parse_reply(self._buffer, self._start, self._end)
            except NotSmtp as wrong:
                raise Lost(str(wrong)) from None
            if parsed is not None:
                reply, self._start = parsed
                return reply
            self._fill(deadline, seconds)

    @property
    def pending(self) -> bool:
        """Whether bytes that were received are not read yet."""
        return self._start < self._end

    def heard(self) -> bool:
        """Whether bytes, or the connection's end, wait to be read. Asked where no reply is owed."""
        if self._start < self._end:
            return True
        try:
            return self._receive() is not None
        except Lost:
            return True

    def write(self, parts: Sequence[bytes], seconds: float, *, silent_until: int = 0) -> bool:
        """Say all of `parts`, in one system call where the kernel takes it. Raises Lost; see `handed` then.

        False, with the rest unsaid, when the server speaks (or leaves) before `silent_until` bytes were handed over.
        """
        deadline = time.monotonic() + seconds
        self.handed = 0
        if not self.secure:
            try:
                self.handed = sent = self._sock.sendmsg(parts)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                raise Lost(reason(error)) from None
            if sent == sum(map(len, parts)):
                return True
        return self._rest(b"".join(parts), deadline, seconds, silent_until)

    def _rest(self, data: bytes, deadline: float, seconds: float, silent_until: int) -> bool:
        """Say what of `data` is not said yet, waiting for the kernel to take it."""
        view = memoryview(data)
        said = self.handed
        while said < len(view):
            piece = view[said : said + RECORD] if self.secure else view[said:]
            self.handed = said + len(piece) if self.secure else said  # TLS does not tell how much of a record left
            events = select.POLLOUT
            try:
                said += self._sock.send(piece)
                self.handed = said
                continue
            except ssl.SSLWantReadError:
                events = select.POLLIN
            except (BlockingIOError, ssl.SSLWantWriteError):
                pass
            except OSError as error:
                raise Lost(reason(error)) from None
            self.handed = said  # what waits for room has not left: at most a part of a record, which nobody can read
            if said < silent_until:
                events |= select.POLLIN
                if self._start < self._end or self._receive() is not None:
                    return False
            self._poll(events, deadline, f"the server took no bytes for {seconds:g} s")
        return True

    def handshake(self, context: ssl.SSLContext, hostname: str, seconds: float) -> None:
        """Speak TLS from here on. What was received before is forgotten: anybody could have put it there.

        Raises ssl.SSLError with the reason, or Lost.
        """
        self._start = self._end = 0
        deadline = time.monotonic() + seconds
        secured: ssl.SSLSocket | None = None
        while True:
            try:
                if secured is None:
                    secured = context.wrap_socket(self._sock, server_hostname=hostname, do_handshake_on_connect=False)
                    self._sock = secured
                secured.do_handshake()
            except ssl.SSLWantReadError:
                events = select.POLLIN
            except ssl.SSLWantWriteError:
                events = select.POLLOUT
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                raise Lost(GONE) from None
            except ssl.SSLError:
                raise
            except OSError as error:
                raise Lost(reason(error)) from None
            else:
                return
            self._poll(events, deadline, f"no TLS within {seconds:g} s")

    def close(self) -> None:
        """End the connection in order. Never raises."""
        try:
            self._sock.close()
        except OSError:
            return

    def abort(self) -> None:
        """End the connection at once: the kernel forgets what it has not sent yet, so that nothing leaves later."""
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        finally:
            self.close()

    def _fill(self, deadline: float, seconds: float) -> None:
        """Receive something, or raise Lost."""
        if not self.secure:  # what is waited for has seldom come already; TLS may hold it where poll() does not look
            self._poll(select.POLLIN, deadline, f"no reply within {seconds:g} s")
        while (count := self._receive()) is None:
            self._poll(select.POLLIN, deadline, f"no reply within {seconds:g} s")
        if count == 0:
            raise Lost(GONE)

    def _receive(self) -> int | None:
        """Receive what is there: how many bytes, 0 at the connection's end, None when nothing is there yet."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer):
            self._buffer[: self._end - self._start] = self._buffer[self._start : self._end]
            self._start, self._end = 0, self._end - self._start
        try:
            count = self._sock.recv_into(memoryview(self._buffer)[self._end :])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0
        except OSError as error:
            raise Lost(reason(error)) from None
        self._end += count
        return count

    def _poll(self, events: int, deadline: float, message: str) -> None:
        poller = self._inward
        if events != select.POLLIN:
            poller = select.poll()
            poller.register(self._sock, events)
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise Lost(message)


def reason(error: OSError) -> str:
    """A socket's error in words."""
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"
    if isinstance(error, ConnectionError) or error.errno == errno.ENOTCONN:
        return "the server reset the connection"
    return (error.strerror or str(error)).lower()
