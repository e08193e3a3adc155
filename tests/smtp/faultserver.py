"""An SMTP server that fails on purpose: in any phase, in any way, on loopback, one thread for each connection.

A script decides: a function from a Visit (phase, how often it was reached, on which connection, for which reader) to a
fault, or None for what a good server does. What it accepted, what it was told and what broke the protocol is kept.
It never touches the network beyond 127.0.0.1, and ends with its `with` block.
"""

from __future__ import annotations

import base64
import random
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from digest.delivery import Phase

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

FULL = ("PIPELINING", "SIZE 33554432", "8BITMIME", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True)
class Say:
    """Answer with these words; a 2xx or 3xx lets the command take effect. `then` what: go on, or one more fault."""

    words: str | bytes
    then: Fault | None = None

    @property
    def data(self) -> bytes:
        return self.words if isinstance(self.words, bytes) else self.words.encode() + b"\r\n"


@dataclass(frozen=True)
class Drop:
    """Hang up. With `accept` (at the dot) the mail is kept first: what the client cannot see."""

    accept: bool = False


@dataclass(frozen=True)
class Reset:
    """Hang up with a TCP reset."""

    accept: bool = False


@dataclass(frozen=True)
class Hang:
    """Say nothing more and read nothing more."""


@dataclass(frozen=True)
class Slow:
    """Do what a good server does, after so many seconds."""

    seconds: float


Fault = Say | Drop | Reset | Hang | Slow
GARBAGE = Say(b"\x00\xfe\xff no SMTP at all \x1b[2J\r\n")


@dataclass(frozen=True)
class Visit:
    """A phase that was reached: the how-manieth time in all (from 1), on which connection (from 1), with which line."""

    phase: Phase
    count: int
    connection: int
    line: str = ""
    recipient: str = ""


@dataclass(frozen=True)
class Accepted:
    sender: str
    recipient: str
    data: bytes
    connection: int


@dataclass
class Transcript:
    """What the server saw, over all connections."""

    accepted: list[Accepted] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)  # connection, command line
    violations: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)  # every byte that came outside TLS
    connections: int = 0


def at(phase: Phase, fault: Fault, *, first: int = 1, times: int | None = None) -> Callable[[Visit], Fault | None]:
    """A script with one fault: in `phase`, from the `first` time it is reached on, `times` times (None: always)."""

    def script(visit: Visit) -> Fault | None:
        due = visit.count >= first and (times is None or visit.count < first + times)
        return fault if visit.phase is phase and due else None

    return script


def at_random(seed: int, share: float, faults: Sequence[Fault]) -> Callable[[Visit], Fault | None]:
    """A script that fails in `share` of all visits, by one of `faults`, the same way for the same seed and order."""
    chance = random.Random(seed)
    return lambda _: chance.choice(faults) if chance.random() < share else None


class Gone(Exception):
    """This connection is over."""


class FaultServer:
    """Use as a context manager; `port` is where it listens, `seen` is what it saw."""

    def __init__(
        self,
        script: Callable[[Visit], Fault | None] = lambda _: None,
        *,
        extensions: Sequence[str] = FULL,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        users: dict[str, str] | None = None,
        mechanisms: str = "PLAIN LOGIN XOAUTH2",
        small_window: bool = False,
    ) -> None:
        self.seen = Transcript()
        self.script = script
        self.extensions = tuple(extensions)
        self.tls, self.implicit_tls = tls, implicit_tls
        self.users = users or {}
        self.mechanisms = mechanisms
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.open: set[int] = set()  # the connections of the moment
        self.visits: Counter[Phase] = Counter()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        if small_window:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with socket.socket() as waker:  # accept() does not notice a close
            waker.connect_ex(("127.0.0.1", self.port))
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.ended.is_set():
                sock.close()
                return
            self.seen.connections += 1
            self._start(Conversation(self, sock, self.seen.connections).run)


class Conversation:
    """One connection, as the server lives it."""

    def __init__(self, server: FaultServer, sock: socket.socket, number: int) -> None:
        self.server, self.sock, self.number = server, sock, number
        self.buffer = bytearray()
        self.extended = False
        self.secure = False
        self.sender: str | None = None
        self.recipient: str | None = None
        self.chunks = bytearray()

    def run(self) -> None:
        self.server.open.add(self.number)
        self.sock.settimeout(0.1)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.server.implicit_tls:
                self.handshake()
            self.answer(Phase.BANNER, "220 faults.test ESMTP")
            while True:
                self.command(self.line())
        except (Gone, OSError):
            pass
        finally:
            self.server.open.discard(self.number)
            self.sock.close()

    def ask(self, phase: Phase, line: str = "") -> Fault | None:
        server = self.server
        with server.lock:
            server.visits[phase] += 1
            visit = Visit(phase, server.visits[phase], self.number, line, self.recipient or "")
            return server.script(visit)

    def answer(self, phase: Phase, words: str, line: str = "") -> bool:
        """Answer as the script wants, else with `words`. Whether the command takes effect."""
        fault = self.ask(phase, line)
        if fault is None or isinstance(fault, Slow):
            if fault is not None:
                self.server.ended.wait(fault.seconds)
            self.send(words.encode() + b"\r\n")
            return words[0] in "23"
        self.fail(fault)
        assert isinstance(fault, Say)
        return fault.data[:1] in (b"2", b"3")

    def fail(self, fault: Fault) -> None:
        """Do what the fault says. Returns only from words after which the conversation goes on."""
        if isinstance(fault, Say):
            self.send(fault.data)
            if fault.then is None:
                return
            self.fail(fault.then)
        elif isinstance(fault, Hang):
            self.server.ended.wait()
        elif isinstance(fault, Reset):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view) :]
            except TimeoutError:
                if self.server.ended.is_set():
                    raise Gone from None

    def receive(self) -> None:
        while True:
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                if self.server.ended.is_set():
                    raise Gone from None
                continue
            if not data:
                raise Gone
            self.buffer += data
            if not self.secure:
                self.server.seen.received += data
            return

    def line(self) -> str:
        while (end := self.buffer.find(b"\n")) < 0:
            self.receive()
        raw = bytes(self.buffer[: end + 1])
        del self.buffer[: end + 1]
        if not raw.endswith(b"\r\n"):
            self.violation(f"a line without CRLF: {raw!r}")
        if self.buffer and not self.offers("PIPELINING"):
            self.violation(f"said more after {raw!r} without PIPELINING")
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not text.isascii() and not self.offers("SMTPUTF8"):
            self.violation(f"not ASCII: {text!r}")
        self.server.seen.lines.append((self.number, text))
        return text

    def violation(self, what: str) -> None:
        self.server.seen.violations.append(what)

    def offers(self, name: str) -> bool:
        return self.extended and any(item.split()[0] == name for item in self.server.extensions)

    def command(self, line: str) -> None:
        verb = line.split(" ", 1)[0].upper()
        handler = getattr(self, f"do_{verb.lower()}", None)
        if handler is None:
            self.violation(f"unknown command {line!r}")
            self.send(b"500 5.5.2 what?\r\n")
        else:
            handler(line)

    def do_ehlo(self, line: str) -> None:
        features = list(self.server.extensions)
        if self.server.tls and not self.secure and not self.server.implicit_tls:
            features.append("STARTTLS")
        if self.server.users:
            features.append(f"AUTH {self.server.mechanisms}")
        words = ["faults.test", *features]
        text = "\r\n".join(f"250{'-' if n < len(words) - 1 else ' '}{word}" for n, word in enumerate(words))
        self.forget()
        self.extended = self.answer(Phase.EHLO, text, line)

    def do_helo(self, line: str) -> None:
        self.forget()
        self.extended = False
        self.answer(Phase.EHLO, "250 faults.test", line)

    def do_starttls(self, line: str) -> None:
        if self.answer(Phase.STARTTLS, "220 2.0.0 go ahead", line):
            self.buffer.clear()
            self.extended = False
            self.handshake()

    def handshake(self) -> None:
        assert self.server.tls
        self.sock.settimeout(5)
        self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        self.sock.settimeout(0.1)
        self.secure = True

    def do_auth(self, line: str) -> None:
        if not self.secure:
            self.violation("AUTH in clear")
        mechanism, _, initial = line.removeprefix("AUTH ").partition(" ")
        self.server.seen.logins.append(mechanism)
        words = [self.decoded(initial)] if initial else []
        if mechanism == "LOGIN":
            for prompt in (b"Username:", b"Password:"):
                self.send(b"334 " + base64.b64encode(prompt) + b"\r\n")
                words.append(self.decoded(self.line()))
            given = (words[-2], words[-1])
        elif mechanism == "PLAIN":
            given = tuple(words[0].split("\0")[1:])
        else:
            user, token = words[0].rstrip("\1").split("\1")
            given = (user.removeprefix("user="), token.removeprefix("auth=Bearer "))
            if self.server.users.get(given[0]) != given[1]:
                self.send(b"334 " + base64.b64encode(b'{"status":"400"}') + b"\r\n")
                self.line()
        good = self.server.users.get(given[0]) == given[1]
        self.answer(Phase.AUTH, "235 2.7.0 welcome" if good else "535 5.7.8 wrong", line)

    @staticmethod
    def decoded(word: str) -> str:
        return base64.b64decode(word).decode()

    def do_mail(self, line: str) -> None:
        if self.sender is not None:
            self.violation("MAIL inside a transaction")
            self.send(b"503 5.5.1 nested MAIL\r\n")
            return
        for word, extension in ((" SIZE=", "SIZE"), (" BODY=", "8BITMIME"), (" SMTPUTF8", "SMTPUTF8")):
            if word in line and not self.offers(extension):
                self.violation(f"{line!r} without {extension}")
        if self.answer(Phase.MAIL, "250 2.1.0 Ok", line):
            self.sender = line.partition("<")[2].partition(">")[0]

    def do_rcpt(self, line: str) -> None:
        if self.sender is None:
            self.send(b"503 5.5.1 MAIL first\r\n")
            return
        recipient = line.partition("<")[2].partition(">")[0]
        self.recipient = recipient
        if not self.answer(Phase.RCPT, "250 2.1.5 Ok", line):
            self.recipient = None

    def do_data(self, line: str) -> None:
        if self.recipient is None:
            fault = self.ask(Phase.DATA, line) if self.sender is not None else None
            if not (isinstance(fault, Say) and fault.data.startswith(b"354")):
                self.send(b"554 5.5.1 no valid recipients\r\n")
                return
            self.send(fault.data)
        elif not self.answer(Phase.DATA, "354 go", line):
            return
        self.body()

    def body(self) -> None:
        if not self.buffer:
            self.receive()
        fault = self.ask(Phase.BODY)
        if fault is not None:
            self.fail(fault)
        self.buffer[:0] = b"\r\n"  # so that a body that is a lone dot has the same end
        searched = 0
        while (end := self.buffer.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(self.buffer) - 4)
            self.receive()
        data = bytes(self.buffer[: end + 2]).replace(b"\r\n..", b"\r\n.")[2:]
        del self.buffer[: end + 5]
        if not data.isascii() and not self.offers("8BITMIME"):
            self.violation("a body that is not 7-bit")
        if isinstance(fault, Say) and not fault.data.startswith(b"2"):
            self.forget()  # refused before its end: that was the answer
        else:
            self.settle(data)

    def do_bdat(self, line: str) -> None:
        size, last = int(line.split()[1]), line.upper().endswith(" LAST")
        while len(self.buffer) < size:
            self.receive()
        self.chunks += self.buffer[:size]
        del self.buffer[:size]
        if self.recipient is None:
            self.chunks.clear()
            self.send(b"503 5.5.1 no valid recipients\r\n")
        elif last:
            data = bytes(self.chunks)
            self.chunks.clear()
            self.settle(data)
        else:
            self.send(b"250 2.0.0 more\r\n")

    def settle(self, data: bytes) -> None:
        """The mail is whole: keep it or not, and say so or not."""
        sender, recipient = self.sender or "", self.recipient
        fault = self.ask(Phase.DOT)
        said = fault.data if isinstance(fault, Say) else b"2"
        kept = (
            said.startswith(b"2") if fault is None or isinstance(fault, Say | Slow) else getattr(fault, "accept", False)
        )
        if kept and recipient is not None:
            with self.server.lock:
                self.server.seen.accepted.append(Accepted(sender, recipient, data, self.number))
        self.forget()
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        elif fault is not None:
            self.fail(fault)
            return
        self.send(b"250 2.0.0 queued\r\n" if recipient is not None else b"554 5.5.1 no valid recipients\r\n")

    def do_rset(self, line: str) -> None:
        self.forget()
        self.answer(Phase.RSET, "250 2.0.0 Ok", line)

    def do_quit(self, line: str) -> None:
        self.answer(Phase.QUIT, "221 2.0.0 bye", line)
        raise Gone

    def forget(self) -> None:
        self.sender = self.recipient = None
        self.chunks.clear()
