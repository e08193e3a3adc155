"""How to reach the relay, and how fast: plain values. Nothing here opens a socket, and no secret shows in a repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digest.delivery import Phase


Tls = Literal["none", "starttls", "tls"]
Auth = Literal["auto", "plain", "login", "xoauth2"]


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds to wait in each phase, by RFC 5321, 4.5.3.2 where it names one.

    Each bounds a whole reply, however slowly it drips. `block` bounds the writing of every 64 KiB of a body.
    """

    connect: float = 30.0  # the RFC leaves it open; Postfix takes 30
    banner: float = 300.0  # 4.5.3.2.1
    ehlo: float = 300.0
    starttls: float = 120.0
    auth: float = 120.0
    mail: float = 300.0  # 4.5.3.2.2
    rcpt: float = 300.0  # 4.5.3.2.3
    data: float = 120.0  # 4.5.3.2.4
    block: float = 180.0  # 4.5.3.2.5
    dot: float = 600.0  # 4.5.3.2.6: a slow 250 is waited for, as giving up on it leaves a mail in doubt
    rset: float = 20.0
    quit: float = 2.0  # what was accepted stays accepted, so nobody waits for a goodbye

    @classmethod
    def each(cls, seconds: float) -> Timeouts:
        """The same time for every phase, but no more than a moment for the goodbye."""
        given = dict.fromkeys(cls.__struct_fields__, seconds)
        return cls(**given | {"quit": min(seconds, cls().quit)})

    def of(self, phase: Phase) -> float:
        """The seconds that the reply of `phase` may take."""
        return self.block if phase.value == "body" else float(getattr(self, phase.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """One relay and how to use it. Raises ValueError for values that contradict each other.

    `rate` and `per_domain` are mails a second (`pacing.parse_rate` reads "50/s"); 0 is no limit. Domains are in lower
    case. `tls`: `starttls` and `tls` are never given up for clear text; `none` is refused unless the peer is loopback.
    """

    host: str = "localhost"
    port: int = 25
    tls: Tls = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    oauth_token: str = field(default="", repr=False)  # for XOAUTH2; with `auth` xoauth2 the password may hold it too
    token: Callable[[str], str] | None = field(default=None, repr=False)  # gives a token for XOAUTH2; asked again with
    # the one that is refused, it gives another
    auth: Auth = "auto"  # XOAUTH2 with a token, else PLAIN, else LOGIN, as the server offers
    ca_file: str = ""  # PEM; only these authorities are trusted then, not the system's
    local_hostname: str = ""  # for EHLO; this machine's full name, or its address, when empty
    connections: int = 4
    rate: float = 0.0
    per_domain: Mapping[str, float] = field(default_factory=dict)
    messages_per_connection: int = 0  # 0: as many as the server takes
    timeouts: Timeouts = field(default_factory=Timeouts)
    # The price of these two: whatever is in flight when the connection dies is in doubt, and is held for a person.
    # With DATA (RFC 5321) that is at most one mail for each connection. With BDAT (RFC 3030), where the relay offers
    # it, nothing waits for a 354, and up to `window` mails for each connection can be left in doubt at once.
    bdat: bool = False
    window: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not self.host or any(character.isspace() for character in self.host):
            message = f"{self.host!r} is no host name"
        elif not 0 < self.port < 65536:  # noqa: PLR2004 - the width of a TCP port
            message = f"{self.port} is no TCP port: give one from 1 to 65535"
        elif not (
            self.local_hostname.isascii() and self.local_hostname.isprintable() and " " not in self.local_hostname
        ):
            message = f"{self.local_hostname!r} is no host name for EHLO"
        elif self.window < 1 or self.connections < 1 or self.messages_per_connection < 0:
            message = "window and connections are at least 1, messages_per_connection at least 0"
        elif self.window > 1 and not self.bdat:
            message = "a window above 1 needs bdat: with DATA each mail waits for the server's 354"
        elif (self.password or self.oauth_token) and not self.username:
            message = "a password or token needs a username"
        elif self.username and not (self.password or self.oauth_token or self.token):
            message = "a username needs a password or a token"
        else:
            return
        raise ValueError(message)

    @property
    def peer(self) -> str:
        """`host:port`, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
