"""From a host name to a connection that is ready for mail: TCP, banner, EHLO, TLS, AUTH. It never sends a mail.

smtplib connects and reads the server's extensions; the waiting, the reading of replies and the policy are ours:
replies and time are bounded, TLS is never given up for clear text, and a password is said only inside TLS.

AUTH is PLAIN, LOGIN or XOAUTH2 (RFC 4954). A wrong password tried by every connection locks the account, so the first
connection tries alone, and a refusal is remembered. Nothing that is secret goes into a message, even when the server
repeats it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import smtplib
import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import Concern, Phase
from digest.errors import RelayLimit, SendStopped, TransportError
from digest.smtp.refusals import TEMPORARY, TOO_MANY_LOGINS, concern
from digest.smtp.socket import Lost, TlsSocket, Wire, reason
from digest.text.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.smtp.relay_settings import SmtpSettings
    from digest.smtp.replies import Reply

READY, ACCEPTED, DONE, CHALLENGE = 220, 235, 250, 334
MASK = "***"  # in the place of a secret
PERMANENT = 5  # the first digit
_TOO_OLD = frozenset({"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"})
TLS_PORT = 465  # RFC 8314, 7.3
SIZE_DIGITS = 20  # RFC 1870, 4


class Connected(Struct, kw_only=True):
    """A connection that is ready for mail, and what its server can do. `size` 0: the server named no limit."""

    wire: Wire
    pipelining: bool = False  # RFC 2920
    chunking: bool = False  # RFC 3030
    eight_bit: bool = False  # 8BITMIME, RFC 6152
    smtputf8: bool = False  # RFC 6531
    declares_size: bool = False  # RFC 1870
    size: int = 0
    carried: int = 0  # mails that were offered over it


class _Client(smtplib.SMTP):
    """smtplib's connection and EHLO, on a wire with deadlines. `replied` is the last reply as ours."""

    wire: Wire
    seconds: float
    replied: Reply

    def send(self, s: str | bytes) -> None:  # type: ignore[override] # typeshed admits any buffer
        """Say a command. When that fails, the reading that follows finds why, and a server's last words if any."""
        with contextlib.suppress(Lost):
            self.wire.write([s.encode("ascii") if isinstance(s, str) else s], self.seconds)

    def getreply(self) -> tuple[int, bytes]:
        """Hear a reply, bounded in bytes, lines and time, which smtplib's own is not."""
        self.replied = self.wire.read(self.seconds)
        return self.replied.code, "\n".join(self.replied.lines).encode()

    def ask(self, line: str) -> Reply:
        """Say one line and hear the reply."""
        self.docmd(line)
        return self.replied


class Login:
    """The login of one transport, shared by its connections, so that a refusal is final for all of them."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._proven = False
        self._refused = ""
        self._accepted = ""  # the token with which a login last went well
        self._tokens: set[str] = set()  # all that were said, to be hidden in messages

    def perform(self, ask: Callable[[str], Reply], offered: str) -> None:
        """Log in on one connection: `ask` says a line and gives the reply; `offered` is what EHLO said after AUTH.

        Raises SendStopped when the server refuses, or offers nothing that fits; TransportError when it is leaving.
        """
        if self._proven:
            self._try(ask, offered)
            return
        with self._lock:
            self._try(ask, offered)
            self._proven = True

    def _try(self, ask: Callable[[str], Reply], offered: str) -> None:
        if self._refused:
            raise SendStopped(self._refused)
        mechanism = self._mechanism(offered)
        token = self._token(mechanism)
        reply = self._say(ask, mechanism, token)
        if reply.code // 100 == PERMANENT and token and token == self._accepted:  # it was good, and has expired
            token = self._token(mechanism, stale=token)
            reply = self._say(ask, mechanism, token)
        if reply.code == ACCEPTED:
            self._accepted = token
            return
        words = f"{self._settings.peer}: {self._mask(str(reply))}"
        # 454 (RFC 4954, 6): whoever checks passwords is away, and said nothing of ours
        if reply.code >= TEMPORARY and (error := _for_now(Phase.AUTH, reply, words)):
            raise error
        self._refused = (
            f"{words} (AUTH {mechanism} as {self._settings.username}, tried once); "
            f"check the username and the {'token' if token else 'password'}"
        )
        raise SendStopped(self._refused)

    def _say(self, ask: Callable[[str], Reply], mechanism: str, token: str) -> Reply:
        """One try with one mechanism; the server's last word."""
        answers = self._answers(mechanism, token)
        line = f"AUTH {mechanism}" if mechanism == "LOGIN" else f"AUTH {mechanism} {next(answers)}"
        reply = ask(line)
        while reply.code == CHALLENGE:
            answer = next(answers, None)
            if answer is None:
                answer = "" if mechanism == "XOAUTH2" else "*"  # the token's fault is told after an empty line
                return ask(answer)
            reply = ask(answer)
        return reply

    def _token(self, mechanism: str, stale: str = "") -> str:
        """The token of the moment; empty where a password is said."""
        settings = self._settings
        if mechanism != "XOAUTH2":
            return ""
        token = settings.token(stale) if settings.token else settings.oauth_token or settings.password
        self._tokens.add(token)
        return token

    def _mechanism(self, offered: str) -> str:
        """The best mechanism that both sides have."""
        settings = self._settings
        names = set(offered.upper().split())
        if settings.auth == "auto":
            wanted = ["XOAUTH2"] if settings.oauth_token or settings.token else ["PLAIN", "LOGIN"]
        else:
            wanted = [settings.auth.upper()]
        found = next((name for name in wanted if name in names), "")
        if not found:
            has = f"offers only {', '.join(sorted(names))}" if names else "offers no AUTH"
            hint = "smtp.port and smtp.auth" if names else "smtp.port; where none is asked for, take smtp.username out"
            message = f"{settings.peer}: the server {has}, but {' or '.join(wanted)} is wanted; check {hint}"
            raise SendStopped(message)
        return found

    def _answers(self, mechanism: str, token: str) -> Iterator[str]:
        """What to say, in order, in base64. UTF-8 (RFC 4616), where smtplib knows only ASCII."""
        settings = self._settings
        if mechanism == "PLAIN":
            said = [f"\0{settings.username}\0{settings.password}"]
        elif mechanism == "LOGIN":
            said = [settings.username, settings.password]
        else:
            said = [f"user={settings.username}\1auth=Bearer {token}\1\1"]
        return (base64.b64encode(text.encode()).decode("ascii") for text in said)

    def _mask(self, words: str) -> str:
        """The server's words without our secrets, as they are or in the base64 that we said."""
        secrets = self._secrets()
        for mechanism in ("PLAIN", "LOGIN"):
            secrets += self._answers(mechanism, "")
        for token in self._tokens:
            secrets += self._answers("XOAUTH2", token)
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            words = words.replace(secret, MASK)
        return " ".join(MASK if self._hides_secret(word) else word for word in words.split(" "))

    def _hides_secret(self, word: str) -> bool:
        """Whether a word is base64 of something that holds a secret."""
        try:
            inside = base64.b64decode(word, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return False
        return any(secret in inside for secret in self._secrets())

    def _secrets(self) -> list[str]:
        return [text for text in (self._settings.password, self._settings.oauth_token, *self._tokens) if text]


class Connector:
    """Opens connections to one relay. Safe to use from many threads."""

    def __init__(self, settings: SmtpSettings, login: Login, context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._login = login
        self._context = context
        self._reached = False  # a connection was ready once: what is wrong with a later one may pass

    def connect(self) -> Connected:
        """A new connection, ready for mail.

        Raises TransportError where another try may do (refused, lost, 4xx), SendStopped where it will not (5xx,
        TLS that cannot be had, a certificate that is not to be trusted, a login that is refused).
        """
        settings = self._settings
        opening = _Opening(settings, self._login, self._context, first=not self._reached)
        try:
            link = opening.link()
        except (Lost, OSError) as lost:  # OSError: asking a socket that was reset whom it is connected to
            opening.abort()
            words = reason(lost) if isinstance(lost, OSError) else lost
            silent = opening.phase is Phase.BANNER and settings.port == TLS_PORT and settings.tls != "tls"
            hint = "; this port waits for TLS to begin: try smtp.tls: tls" if silent else ""
            message = f"{settings.peer}: {words} ({opening.phase.value}){hint}"
            raise TransportError(message) from None
        except BaseException:
            opening.abort()
            raise
        self._reached = True
        return link


class _Opening:
    """One connection on its way to being ready; `phase` is how far it has come. `first`: none has been ready yet."""

    def __init__(self, settings: SmtpSettings, login: Login, context: ssl.SSLContext | None, *, first: bool) -> None:
        self._settings = settings
        self._login = login
        self._context = context
        self._first = first
        self._client: _Client | None = None
        self.phase = Phase.CONNECT

    def abort(self) -> None:
        """Leave without a word."""
        if self._client is not None:
            self._client.wire.abort()

    def link(self) -> Connected:
        settings = self._settings
        client = self._connect()
        if settings.tls == "tls":
            self._handshake(client)
        elif settings.tls == "none":
            self._allow_clear_text(client)
        self._step(client, Phase.BANNER)
        _, _ = client.getreply()
        self._expect(client.replied, READY, "the server does not take us")
        self._greet(client)
        if settings.tls == "starttls":
            self._starttls(client)
        if settings.username:
            self._step(client, Phase.AUTH)
            self._login.perform(client.ask, client.esmtp_features.get("auth", ""))
        features = client.esmtp_features
        size = features.get("size", "")
        return Connected(
            wire=client.wire,
            pipelining="pipelining" in features,
            chunking="chunking" in features,
            eight_bit="8bitmime" in features,
            smtputf8="smtputf8" in features,
            declares_size="size" in features,
            size=int(size) if size.isascii() and size.isdigit() and len(size) <= SIZE_DIGITS else 0,
        )

    def _connect(self) -> _Client:
        settings = self._settings
        try:
            sock = socket.create_connection((settings.host, settings.port), settings.timeouts.connect)
        except UnicodeError:  # a label that no resolver can be asked for
            message = f"{settings.peer}: this cannot be a host name; check smtp.host"
            raise SendStopped(message) from None
        except OSError as error:
            late = f"no connection within {settings.timeouts.connect:g} s"
            words = late if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
            if isinstance(error, ConnectionResetError):  # as soon as it was there: said as if it came a moment later
                words = reason(error)
            message = f"{settings.peer}: {words}; is the relay up, and smtp.host right?"
            raise TransportError(message) from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = _Client(local_hostname=settings.local_hostname or _own_name(sock))
        client.sock = sock
        client.wire = Wire(sock)
        self._client = client
        return client

    def _step(self, client: _Client, phase: Phase) -> None:
        self.phase = phase
        client.seconds = self._settings.timeouts.of(phase)

    def _expect(self, reply: Reply, code: int, what: str) -> None:
        """Go on at `code`; stop the run at 5xx; anything else, and a limit, may be better another time."""
        if reply.code == code:
            return
        message = f"{self._settings.peer}: {what}: {reply}"
        raise _for_now(self.phase, reply, message) or SendStopped(message)

    def _greet(self, client: _Client) -> None:
        """EHLO, or HELO where EHLO is not known (RFC 5321, 3.2): then there is no extension, no TLS and no AUTH."""
        self._step(client, Phase.EHLO)
        client.ehlo()
        if client.replied.code // 100 == PERMANENT:
            client.esmtp_features = {}
            client.helo()
        self._expect(client.replied, DONE, _refused_greeting(client.local_hostname, self._settings.local_hostname))

    def _starttls(self, client: _Client) -> None:
        peer = self._settings.peer
        self._step(client, Phase.STARTTLS)
        if "starttls" not in client.esmtp_features:
            hint = self._clear_here() or "; somebody between may have removed it, or smtp.tls is wrong for this port"
            message = f"{peer}: the server offers no STARTTLS, and nothing is sent in clear{hint}"
            raise SendStopped(message)
        self._expect(client.ask("STARTTLS"), READY, "no TLS to be had")
        self._handshake(client)
        client.esmtp_features = {}  # what was said in clear binds nobody (RFC 3207, 4.2)
        self._greet(client)

    def _handshake(self, client: _Client) -> None:
        settings = self._settings
        self._step(client, Phase.STARTTLS)
        assert self._context is not None
        try:
            client.wire.handshake(self._context, settings.host, client.seconds)
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message.rstrip(".")
            if "mismatch" in why:  # of names: a whole chain would not help
                hint = "smtp.host must be a name in it"
            elif "expired" in why or "not yet valid" in why:
                hint = "whoever runs the server must renew it, unless this machine's clock is wrong"
            elif not (settings.ca_file or _knows_authorities()):
                hint = "this machine knows no authorities at all: install ca-certificates"
            else:
                hint = "if it is your own authority's, name that in smtp.ca_file"
            hint += self._clear_here()
            message = f"{settings.peer}: the server's certificate is not to be trusted: {why}; {hint}"
            raise SendStopped(message) from None
        except ssl.SSLError as error:
            clear = settings.tls == "tls" and error.reason == "WRONG_VERSION_NUMBER"
            old = error.reason in _TOO_OLD
            hint = "; this port speaks clear text first: try smtp.tls: starttls" if clear else ""
            hint = "; the server knows no TLS 1.2, which is the least" if old else hint
            message = f"{settings.peer}: {reason(error)}{hint}"
            raise (SendStopped if (clear or old) and self._first else TransportError)(message) from None
        client.sock = client.wire.sock

    def _clear_here(self) -> str:
        """What else may be done where the relay is on this machine and asks for no login; empty elsewhere."""
        assert self._client is not None
        here = is_loopback(self._client.wire.sock.getpeername()[0]) and not self._settings.username
        return "; a relay on this machine may be spoken to in clear: smtp.tls: none" if here else ""

    def _allow_clear_text(self, client: _Client) -> None:
        """Only to this machine itself, whatever its name says, and never with a password."""
        settings = self._settings
        address = client.wire.sock.getpeername()[0]
        if not is_loopback(address):
            message = f"{settings.peer}: smtp.tls is none, but {address} is another machine; use starttls or tls"
            raise SendStopped(message)
        if settings.username:
            message = f"{settings.peer}: smtp.tls is none, and a password is never said in clear; use starttls or tls"
            raise SendStopped(message)


def _for_now(phase: Phase, reply: Reply, message: str) -> TransportError | None:
    """The error for a reply that may be another one later; None for one that is for good."""
    about = concern(phase, reply.code, reply.text)
    logins = about is not Concern.CONNECTIONS and TOO_MANY_LOGINS.search(reply.text)
    if logins or (reply.code // 100 == PERMANENT and about is Concern.LIMIT):
        return RelayLimit(message)
    if reply.code // 100 == PERMANENT and about is not Concern.CONNECTIONS:
        return None
    error = TransportError(message)
    error.crowded = about is Concern.CONNECTIONS
    return error


def _refused_greeting(name: str, given: str) -> str:
    """What is refused, and what to do. Some relays answer "try later" for ever to a name that is no full one."""
    whose = "smtp.helo" if given else "this machine's own"
    return f"the server refuses our greeting EHLO {name} ({whose}); set smtp.helo to a full name of yours"


def tls_context(settings: SmtpSettings) -> ssl.SSLContext | None:
    """The rules for TLS: certificates and names are checked, TLS 1.2 at least. None when TLS is not used.

    Raises SendStopped when the file that is named cannot be read.
    """
    if settings.tls == "none":
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        known = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else ""
        words = known or "it holds no certificate"
        message = f"smtp.ca_file: {settings.ca_file}: {words}; give a PEM file"
        raise SendStopped(message) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TlsSocket
    return context


def _knows_authorities() -> bool:
    """Whether this machine has a list of whom to trust; a slim container has none."""
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile) or (paths.capath is not None and any(Path(paths.capath).iterdir()))


def _own_name(sock: socket.socket) -> str:
    """What EHLO says: the full name of this machine, else its address as a literal (RFC 5321, 4.1.4)."""
    name = socket.gethostname()
    if "." in name.strip(".") and name.isascii() and name.isprintable() and " " not in name:
        return name
    address = sock.getsockname()[0]
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"
