"""The ways in which mails leave, by name. A new one is a module, a row here, and its name in config/sections.py.

docs/adding-a-transport.md goes through it. `--eml DIR` chooses `files` or `maildir`; without it `send.transport` of
config.yaml says which one.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.errors import ConfigError, TransportError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from threading import Event

    from digest.delivery import Outcome, Outgoing
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import Transport
    from digest.smtp.rates import Pacing


class TransportSetup(Struct, frozen=True, kw_only=True):
    """What a transport may be made from. `tell` takes what a person should know of it before a mail goes that way.

    `stop`, once set, ends a wait for a slow rate.
    """

    newsroom: Newsroom
    tell: Callable[[str], None]
    folder: Path | None = None  # where files go
    stop: Event | None = None
    # A fleet's: (relay, rate, rates of domains).
    pacer: Callable[[str, float, Mapping[str, float]], Pacing] | None = None


def _smtp(made_from: TransportSetup) -> Transport:
    from digest.smtp.rates import Pacing
    from digest.smtp.transport import SmtpTransport

    settings = made_from.newsroom.sending_setup.smtp()
    if made_from.pacer is not None:
        return SmtpTransport(settings, made_from.pacer(settings.peer, settings.rate, settings.per_domain))
    return SmtpTransport(settings, Pacing(settings.rate, settings.per_domain, stop=made_from.stop))


def _files(made_from: TransportSetup) -> Transport:
    from digest.sending.eml import EmlFolder

    return EmlFolder(_folder(made_from))


def _maildir(made_from: TransportSetup) -> Transport:
    from digest.sending.eml import Maildir

    return Maildir(_folder(made_from))


def _memory(made_from: TransportSetup) -> Transport:
    from digest.testing import MemoryTransport

    made_from.tell("send.transport is memory, which is for tests: nobody is mailed")
    return MemoryTransport()


TRANSPORTS: Mapping[str, Callable[[TransportSetup], Transport]] = {
    "smtp": _smtp,
    "files": _files,
    "maildir": _maildir,
    "memory": _memory,
}


def open_transport(made_from: TransportSetup, name: str = "") -> Transport:
    """The transport of this name, or the one of config.yaml. Raises ConfigError, UsageError, SendStopped."""
    newsroom = made_from.newsroom
    name = name or newsroom.config.settings.send.transport
    if name not in TRANSPORTS:
        message = f"{name!r} is no transport; there are {', '.join(TRANSPORTS)}"
        raise ConfigError([newsroom.config.document.fault(("send", "transport"), message)])
    return TRANSPORTS[name](made_from)


def send_one(transport: Transport, mail: Outgoing) -> Outcome:
    """Send a mail that is no reader's, and which no ledger knows. Raises SendStopped, TransportError."""
    with closing(transport.open()) as session:
        for outcome in session.deliver(iter([mail]), lambda _: True):
            return outcome
    message = f"the transport did not say what became of the mail to {mail.recipient}"  # one of somebody's own
    raise TransportError(message)


def _folder(made_from: TransportSetup) -> Path:
    if made_from.folder is None:
        message = "mails as files need a folder: digest send --live --eml DIR"
        raise UsageError(message)
    return made_from.folder
