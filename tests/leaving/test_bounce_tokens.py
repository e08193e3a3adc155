"""Reading a mailbox by tokens (XOAUTH2), against a strict IMAP server that ends what an expired token opened."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading

import pytest

from digest.bounces.mailbox import ImapLogin, open_mailbox
from digest.errors import UsageError

MAILS = {b"1": b"Subject: one\r\n\r\nFirst\r\n", b"2": b"Subject: two\r\n\r\nSecond\r\n"}


class TokenServer:
    """IMAP on loopback: takes the one token that is valid, and hangs up on whoever goes on with one that is not."""

    def __init__(self) -> None:
        self.valid = "token-1"
        self.expire_after = 0  # letters that are handed out before the token expires once; 0: never
        self.logins: list[str] = []
        self.seen: set[bytes] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"imap://bounces@127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, connection.makefile("rwb", buffering=0) as stream, contextlib.suppress(OSError):
                    self._converse(stream)

    def _converse(self, stream) -> None:
        stream.write(b"* OK hello\r\n")
        opened_by = ""
        for line in stream:
            tag, verb, *rest = line.split()
            if verb == b"UID" and opened_by != self.valid:
                stream.write(b"* BYE the access token has expired\r\n")
                return
            if verb == b"AUTHENTICATE":
                opened_by = self._authenticate(stream, rest)
                stream.write(tag + (b" OK in\r\n" if opened_by else b" NO AUTHENTICATE failed.\r\n"))
            elif verb == b"CAPABILITY":
                stream.write(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n" + tag + b" OK done\r\n")
            elif verb == b"SELECT":
                stream.write(b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] \r\n" + tag + b" OK [READ-WRITE] done\r\n")
            elif verb == b"UID":
                self._answer(stream, tag, *rest)
            else:
                stream.write((b"* BYE\r\n" if verb == b"LOGOUT" else b"") + tag + b" OK done\r\n")

    def _authenticate(self, stream, rest) -> str:
        assert rest == [b"XOAUTH2"]
        stream.write(b"+ \r\n")
        user, bearer, *end = base64.b64decode(stream.readline()).decode().split("\1")
        assert (user, end) == ("user=bounces", ["", ""])
        token = bearer.removeprefix("auth=Bearer ")
        self.logins.append(token)
        if token == self.valid:
            return token
        stream.write(b"+ " + base64.b64encode(b'{"status":"400"}') + b"\r\n")
        assert stream.readline() == b"\r\n", "the fault is told after an empty line"
        return ""

    def _answer(self, stream, tag, command, *rest) -> None:
        if command == b"SEARCH":
            stream.write(b"* SEARCH " + b" ".join(sorted(MAILS.keys() - self.seen)) + b"\r\n")
        elif command == b"STORE":
            self.seen.update(rest[0].split(b","))
        elif rest[1] == b"(RFC822.SIZE)":
            stream.write(b"* %b FETCH (UID %b RFC822.SIZE %d)\r\n" % (rest[0], rest[0], len(MAILS[rest[0]])))
        else:
            data = MAILS[rest[0]]
            stream.write(b"* %b FETCH (UID %b BODY[] {%d}\r\n%b)\r\n" % (rest[0], rest[0], len(data), data))
            self.expire_after -= 1
            if self.expire_after == 0:
                self.valid = "token-2"
        stream.write(tag + b" OK done\r\n")


@pytest.fixture
def server():
    opened = TokenServer()
    yield opened
    opened.close()


def tokens(asked):
    """A command's tokens: the first until it is said to be stale, then the second."""

    def give(stale=""):
        asked.append(stale)
        return "token-2" if stale or "token-1" in asked else "token-1"

    return ImapLogin(token=give)


def test_a_mailbox_is_read_by_token(server):
    """One login for all; each letter is read, and marked."""
    with open_mailbox(server.url, login=tokens([])) as box:
        found = list(box.letters())
        box.done(letter.key for letter in found)
    assert [letter.data for letter in found] == list(MAILS.values())
    assert server.logins == ["token-1"]
    assert server.seen == set(MAILS)


def test_a_token_that_expires_in_the_middle_is_renewed(server):
    """After the first letter the server hangs up: another token is asked for, and each letter comes once."""
    server.expire_after, asked = 1, []
    with open_mailbox(server.url, login=tokens(asked)) as box:
        found = list(box.letters())
        box.done(letter.key for letter in found)
    assert [letter.data for letter in found] == list(MAILS.values())
    assert server.logins == ["token-1", "token-1", "token-2"]
    assert "token-1" in asked, "the command is told which one is stale"
    assert server.seen == set(MAILS)


def test_a_token_that_is_refused_at_once_is_one_line(server):
    """A token that never was good is tried once, and the message does not show it."""
    server.valid = "another"
    with (
        pytest.raises(UsageError, match="the login by token was refused") as refused,
        open_mailbox(server.url, login=tokens([])),
    ):
        pass
    assert "token-1" not in str(refused.value)
    assert server.logins == ["token-1"]
