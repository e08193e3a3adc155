"""`digest bounces imaps://` by access tokens (XOAUTH2), with Dovecot's own oauth2 passdb deciding which are good."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from digest.bounces.mailbox import Imap
from realdovecot import USER, Dovecot

FEBRUARY = ("--month", "2022-02", "--audience", "everyone")
LOST = ("newsdesk@example.com", "wei.chen@example.net")


class AuthorizationServer:
    """Hands out tokens at /token, each good until the next or until it expires, and tells at /introspect (RFC 7662)."""

    def __init__(self) -> None:
        self.active, self.given, self.asked_about = "", 0, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(20)

    def expire(self) -> None:
        self.active = ""

    def answer(self, path: str, body: str) -> str:
        if path == "/token":
            self.given += 1
            self.active = f"secret-token-{self.given}"
            return self.active
        (token,) = parse_qs(body)["token"]
        self.asked_about.append(token)
        return json.dumps({"active": True, "username": USER} if token == self.active else {"active": False})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                data = outer.answer(self.path, body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def authorization():
    """A server that knows which tokens are good."""
    server = AuthorizationServer()
    yield server
    server.close()


@pytest.fixture
def dovecot(authorization, tmp_path_factory):
    """A real Dovecot, which asks that server."""
    with Dovecot(tmp_path_factory.mktemp("dovecot"), introspection=f"{authorization.url}/introspect") as server:
        yield server


@pytest.fixture
def waiting(newsroom, dovecot, authorization):
    """A newsroom whose February went out, two reports in its mailbox, and a command that asks for a token."""
    assert newsroom("send", *FEBRUARY, "--live", "--yes", "--eml", "out").code == 0
    outgoing = [path.read_bytes() for path in (newsroom.root / "out").glob("*.eml")]
    dovecot.fill([_report(address, outgoing) for address in LOST])
    newsroom.write(
        "token.py",
        "import sys, urllib.request\n"
        "print(urllib.request.urlopen(sys.argv[1], data=b'grant_type=refresh_token').read().decode())\n",
    )
    config = (newsroom.root / "config.yaml").read_text(encoding="utf-8")
    command = f"{sys.executable} token.py {authorization.url}/token"
    section = f"bounces: {{token_command: {json.dumps(command)}, ca_file: {json.dumps(dovecot.ca_file)}}}\n"
    newsroom.write("config.yaml", config + section)
    return newsroom


def _report(address: str, outgoing: list[bytes]) -> bytes:
    """What the server of `address` writes back: there is no such user. It holds the head of the mail that it had."""
    (head,) = [data.partition(b"\r\n\r\n")[0] for data in outgoing if address.encode() in data]
    return (
        b"From: MAILER-DAEMON@mx.example.com\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        b"Final-Recipient: rfc822; " + address.encode() + b"\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + head + b"\r\n\r\n--b--\r\n"
    )


def test_a_mailbox_is_read_by_a_token_of_the_command(waiting, dovecot, authorization):
    """One token for all reports; both readers are stopped, and a second run finds nothing left."""
    done = waiting("bounces", dovecot.url)
    assert (done.code, done.err) == (0, ""), dovecot.log()
    assert "2 bounced" in done.out
    assert all(address in waiting("subscribers", "suppressed").out for address in LOST)
    assert authorization.given == 1
    assert "bounced" not in waiting("bounces", dovecot.url).out


def test_a_token_that_expires_between_two_reports_is_renewed(waiting, dovecot, authorization, monkeypatch):
    """Dovecot ends the session and calls the token no longer good: the command gives another, and nothing is lost."""
    letters = Imap.letters

    def interrupted(box):
        for number, letter in enumerate(letters(box)):
            yield letter
            if number == 0:
                authorization.expire()
                dovecot.hang_up()

    monkeypatch.setattr(Imap, "letters", interrupted)
    done = waiting("bounces", dovecot.url)
    assert (done.code, done.err) == (0, ""), dovecot.log()
    assert "2 bounced" in done.out
    assert authorization.given == 2
    assert authorization.asked_about == ["secret-token-1", "secret-token-1", "secret-token-2"]
    assert "secret-token" not in done.out
    monkeypatch.undo()
    assert "bounced" not in waiting("bounces", dovecot.url).out


def test_a_token_that_dovecot_never_takes_is_one_line(waiting, dovecot, authorization):
    """Exit code 2, without the token; nobody is stopped."""
    waiting.write("token.py", "print('secret-token-of-somebody-else')\n")
    done = waiting("bounces", dovecot.url)
    assert done.code == 2
    assert len(done.lines) == 1
    assert "the login by token was refused" in done.err
    assert "secret-token" not in done.err
    assert authorization.asked_about == ["secret-token-of-somebody-else"]
    assert waiting("subscribers", "suppressed", "--json").out.strip() == "[]"
