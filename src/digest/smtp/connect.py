"""From a host name to a connection that is ready for mail: TCP, banner, EHLO, TLS, AUTH. It never sends a mail.

smtplib connects and reads the server's extensions; the waiting, the reading of replies and the policy are ours:
replies and time are bounded, TLS is never given up for clear text, and a password is said only inside TLS.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.delivery import Phase
from digest.errors import SendStopped, TransportError
from digest.smtp.settings import is_loopback
from digest.smtp.socket import Lost, TlsSocket, Wire, reason

if TYPE_CHECKING:
    from digest.smtp.auth import Login
    from digest.smtp.replies import Reply
    from digest.smtp.settings import SmtpSettings

READY, DONE = 220, 250
PERMANENT = 5  # the first digit
SIZE_DIGITS = 20  # RFC 1870, 4


@dataclass(slots=True, kw_only=True)
class Connected:
    """A connection that is ready for mail, and what its server can do. `size` 0: the server named no limit."""

    wire: Wire
    pipelining: bool = False  # RFC 2920
    chunking: bool = False  # RFC 3030
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


class Connector:
    """Opens connections to one relay. Safe to use from many threads."""

    def __init__(self, settings: SmtpSettings, login: Login, context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._login = login
        self._context = context

    def connect(self) -> Connected:
        """A new connection, ready for mail.

        Raises TransportError where another try may do (refused, lost, 4xx), SendStopped where it will not (5xx,
        TLS that cannot be had, a certificate that is not to be trusted, a login that is refused).
        """
        opening = _Opening(self._settings, self._login, self._context)
        try:
            return opening.link()
        except (Lost, OSError) as lost:  # OSError: asking a socket that was reset whom it is connected to
            opening.abort()
            words = reason(lost) if isinstance(lost, OSError) else lost
            message = f"{self._settings.peer}: {words} ({opening.phase.value})"
            raise TransportError(message) from None
        except BaseException:
            opening.abort()
            raise


class _Opening:
    """One connection on its way to being ready; `phase` is how far it has come."""

    def __init__(self, settings: SmtpSettings, login: Login, context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._login = login
        self._context = context
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
        """Go on at `code`; stop the run at 5xx; anything else may be better another time."""
        if reply.code == code:
            return
        message = f"{self._settings.peer}: {what}: {reply}"
        if reply.code // 100 == PERMANENT:
            raise SendStopped(message)
        raise TransportError(message)

    def _greet(self, client: _Client) -> None:
        """EHLO, or HELO where EHLO is not known (RFC 5321, 3.2): then there is no extension, no TLS and no AUTH."""
        self._step(client, Phase.EHLO)
        client.ehlo()
        if client.replied.code // 100 == PERMANENT:
            client.esmtp_features = {}
            client.helo()
        self._expect(client.replied, DONE, "the server refuses our greeting")

    def _starttls(self, client: _Client) -> None:
        peer = self._settings.peer
        self._step(client, Phase.STARTTLS)
        if "starttls" not in client.esmtp_features:
            message = (
                f"{peer}: the server offers no STARTTLS, and nothing is sent in clear; "
                "somebody between may have removed it, or smtp.tls is wrong for this port"
            )
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
            other = "mismatch" in error.verify_message  # of names: a whole chain would not help
            hint = (
                "smtp.host must be a name in it"
                if other
                else "if it is your own authority's, name that in smtp.ca_file"
            )
            why = error.verify_message.rstrip(".")
            message = f"{settings.peer}: the server's certificate is not to be trusted: {why}; {hint}"
            raise SendStopped(message) from None
        except ssl.SSLError as error:
            clear = settings.tls == "tls" and error.reason == "WRONG_VERSION_NUMBER"
            hint = "; this port speaks clear text first: try smtp.tls: starttls" if clear else ""
            message = f"{settings.peer}: TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}{hint}"
            raise TransportError(message) from None
        client.sock = client.wire.sock

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


def tls_context(settings: SmtpSettings) -> ssl.SSLContext | None:
    """The rules for TLS: certificates and names are checked, TLS 1.2 at least. None when TLS is not used.

    Raises SendStopped when a file that is named cannot be read.
    """
    if settings.tls == "none":
        return None
    name, path = "smtp.ca_file", settings.ca_file
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.client_cert:
            name, path = "smtp.client_cert", settings.client_cert
            context.load_cert_chain(settings.client_cert, settings.client_key or None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"{name}: {path}: {words}; give a PEM file"
        raise SendStopped(message) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TlsSocket
    return context


def _own_name(sock: socket.socket) -> str:
    """What EHLO says: the full name of this machine, else its address as a literal (RFC 5321, 4.1.4)."""
    name = socket.gethostname()
    if "." in name.strip(".") and name.isascii() and name.isprintable() and " " not in name:
        return name
    address = sock.getsockname()[0]
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"
