"""Which bytes left, exactly: the line between "surely not accepted" and "in doubt", on sockets and on scripted ones.

The kernel cannot be made to take a body and half of what follows it, so where that decides, a scripted wire stands in.
"""

from __future__ import annotations

import contextlib
import socket

import pytest
from smtprun import QUICK, mails

from digest.delivery import Event, Phase
from digest.errors import TransportError
from digest.smtp.connect import Connected
from digest.smtp.relay_settings import SmtpSettings
from digest.smtp.replies import Reply
from digest.smtp.socket import Lost, Wire
from digest.smtp.transport import SmtpSession


@pytest.fixture
def pair():
    """Both ends of a TCP connection with small buffers, the client's as a Wire."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    wire = Wire(client)
    yield wire, server
    wire.close()
    server.close()


def drained(server: socket.socket) -> bytes:
    """All that comes, up to the connection's end. Raises ConnectionResetError when it was cut off."""
    server.settimeout(10)
    found = bytearray()
    while data := server.recv(65536):
        found += data
    return bytes(found)


def test_what_was_handed_over_is_what_can_arrive(pair):
    """A write that runs out of time tells how many bytes the kernel took, and no others arrive."""
    wire, server = pair
    data = bytes(range(256)) * 4000
    with pytest.raises(Lost, match="took no bytes"):
        wire.write((data[:1000], data[1000:]), 0.2)
    assert 0 < wire.handed < len(data)
    wire.close()
    assert drained(server) == data[: wire.handed]


def test_after_an_abort_nothing_leaves_later(pair):
    """What the kernel had taken and not sent yet is forgotten: the other end is cut off."""
    wire, server = pair
    with pytest.raises(Lost):
        wire.write((b"x" * 1_000_000,), 0.2)
    wire.abort()
    with pytest.raises(ConnectionResetError):
        drained(server)


def test_a_write_stops_when_the_other_end_speaks_or_leaves(pair):
    """Before `silent_until` bytes were handed over, words from the server end the write; they can be read."""
    wire, server = pair
    server.sendall(b"451 4.3.0 enough\r\n")
    assert not wire.write((b"x" * 1_000_000,), 20.0, silent_until=1_000_000)
    assert wire.handed < 1_000_000
    assert str(wire.read(20.0)) == "451 4.3.0 enough"


def test_replies_are_read_however_they_drip(pair):
    """Byte by byte, many at once, across the end of the buffer: each is heard once, in order."""
    wire, server = pair
    count = 3000
    said = b"".join(b"250 2.0.0 reply %d\r\n" % number for number in range(count))
    server.settimeout(0.0)
    heard, at = 0, 0
    for byte in said[:40]:
        server.send(bytes([byte]))
    at = 40
    while heard < count:
        with contextlib.suppress(BlockingIOError):
            at += server.send(said[at : at + 30_000])
        assert wire.read(20.0).text == f"2.0.0 reply {heard}"
        heard += 1
    assert not wire.pending


def test_a_reply_that_drips_for_ever_is_bounded_in_time(pair):
    """Each byte is no reason to wait as long again."""
    wire, server = pair
    server.sendall(b"250-")
    with pytest.raises(Lost, match="no reply within"):
        wire.read(0.1)


class ScriptedWire:
    """A wire whose writes and replies are told beforehand. A write is True, or the bytes that left before it broke."""

    pending = False
    handed = 0

    def __init__(self, writes: list[int | bool], replies: str) -> None:
        self.writes = writes
        self.replies = [Reply(int(code), f"{code} ok\r\n".encode()) for code in replies.split()]
        self.said: list[bytes] = []

    def write(self, parts, _seconds, *, silent_until=0) -> bool:
        del silent_until
        self.said.append(b"".join(parts))
        result = self.writes.pop(0) if self.writes else True
        if result is True:
            return True
        self.handed = result
        message = "the server reset the connection"
        raise Lost(message)

    def read(self, _seconds) -> Reply:
        if not self.replies:
            message = "the server closed the connection"
            raise Lost(message)
        return self.replies.pop(0)

    def heard(self) -> bool:
        return False

    def abort(self) -> None:
        pass

    close = abort


class Eager:
    """A pacer without limits."""

    def ask(self, _domain: str) -> float:
        return 0.0

    def wait(self, _seconds: float) -> bool:
        return True


def events(wire: ScriptedWire, count: int = 2, **changes) -> list[tuple[Event, Phase]]:
    link = Connected(wire=wire, pipelining=True, chunking=True)
    session = SmtpSession(lambda: link, SmtpSettings(timeouts=QUICK, **changes), Eager())
    found = []
    with pytest.raises(TransportError):
        found.extend(session.deliver(mails(count), lambda _: True))
    return [(outcome.event, outcome.phase) for outcome in found]


BODY = len(mails(1)[0].data)


@pytest.mark.parametrize(
    ("left", "first"),
    [
        (0, (Event.DEFER, Phase.BODY)),
        (BODY - 1, (Event.DEFER, Phase.BODY)),
        (BODY, (Event.DEFER, Phase.BODY)),  # the dot itself did not leave
        (BODY + 1, (Event.DOUBT, Phase.DOT)),  # it did: a careless server may take it for the end
        (BODY + 3, (Event.DOUBT, Phase.DOT)),
        (BODY + 30, (Event.DOUBT, Phase.DOT)),  # in the middle of the next envelope
    ],
)
def test_the_dot_is_the_line_between_not_accepted_and_in_doubt(left, first):
    """One byte decides, wherever a write broke that holds a body, its dot and the next envelope."""
    wire = ScriptedWire([True, left], "250 250 354")
    second = (Event.RELEASE, Phase.MAIL)
    assert events(wire) == [first, second]


def test_an_answer_that_came_before_the_break_counts():
    """The write broke in the next envelope, but the dot's 250 is there to be read: sent, and not in doubt."""
    wire = ScriptedWire([True, BODY + 30], "250 250 354 250")
    assert events(wire) == [(Event.ACCEPT, Phase.DOT), (Event.DEFER, Phase.MAIL)]


def test_nothing_is_said_after_a_chunk_that_is_not_whole():
    """With BDAT the next mail's bytes would complete the broken one: it is never said, the broken one is put off."""
    wire = ScriptedWire([True, 10], "250 250 250")
    found = events(wire, 4, bdat=True, window=4)
    assert found[:2] == [(Event.ACCEPT, Phase.DOT), (Event.DEFER, Phase.BODY)]
    assert {event for event, _ in found[2:]} == {Event.RELEASE}
    assert len(wire.said) == 2


def test_a_chunk_that_left_whole_is_in_doubt():
    """The kernel took the last byte before the connection broke: it may have arrived."""
    wire = ScriptedWire([True, 10_000], "250 250 250")
    assert events(wire, 3, bdat=True, window=2)[:2] == [(Event.ACCEPT, Phase.DOT), (Event.DOUBT, Phase.DOT)]
