"""Mails leave by SMTP: sessions to one relay, in each of which mails go one after another, each with its Outcome.

SmtpTransport ─open─▶ SmtpSession ─data or bdat─▶ Outcome for each mail      it never marks a ledger
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.delivery import Event, Outcome, Phase
from digest.errors import SendStopped
from digest.smtp import bdat, data
from digest.smtp.connect import Connector, Login, tls_context
from digest.smtp.lookahead import Lookahead
from digest.smtp.protocol import Channel
from digest.smtp.rates import Pacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from digest.delivery import Outgoing
    from digest.smtp.connect import Connected
    from digest.smtp.relay_settings import SmtpSettings


class SmtpTransport:
    """Sessions to the relay that `settings` names; all share one pacer and one try at logging in.

    Raises SendStopped when the file of certificates that the settings name (`ca_file`) cannot be used.
    """

    shared = True  # a relay takes mails from many machines at once

    def __init__(self, settings: SmtpSettings, pacer: Pacing | None = None) -> None:
        self.connections = settings.connections
        self._settings = settings
        self._pacer = self.pacing = pacer or Pacing(settings.rate, settings.per_domain)
        self._connector = Connector(settings, Login(settings), tls_context(settings))

    def open(self) -> SmtpSession:
        """A new session, ready for mail. Raises TransportError (try later) or SendStopped (do not)."""
        return SmtpSession(self._connector.connect, self._settings, self._pacer)


class SmtpSession:
    """A digest.ports.Session over SMTP. Not shared between threads."""

    def __init__(self, connect: Callable[[], Connected], settings: SmtpSettings, pacer: Pacing) -> None:
        self._channel = Channel(connect, settings, pacer)
        self._window = settings.window if settings.bdat else 0

    def deliver(
        self,
        mails: Iterable[Outgoing],
        intend: Callable[[Outgoing], bool],
        announce: Callable[[Outgoing], None] | None = None,
    ) -> Iterator[Outcome]:
        """Send mails one after another and yield one Outcome for each, in order. See digest.ports.Session.

        Takes up to three mails from `mails` (with BDAT one more than the window) before the first one's Outcome, so
        `mails` must not wait for that. An error that `mails` raises is raised again when all that was taken has its
        Outcome. When the pacer says that the run is to stop, what was not said yet is given back (RELEASE). Events are
        those of `verdict.VERDICTS`; RELEASE with TransportError means that the session ended before anything was said
        about these readers.
        """
        taken = Lookahead(mails)
        try:
            if self._window and self._channel.talk.link.chunking and self._channel.talk.link.pipelining:
                yield from bdat.converse(self._channel, taken, intend, self._window)
            else:
                yield from data.converse(self._channel, taken, intend, announce)
        except SendStopped as stop:
            yield from _given_back(taken, str(stop))
            taken.check(stop)
            raise
        yield from _given_back(taken, "the run was stopped before this mail was spoken of")
        taken.check(None)

    def close(self) -> None:
        """Say QUIT where nothing is open, wait a moment for the goodbye, and end the connection. Never raises."""
        self._channel.close()


def _given_back(taken: Lookahead, detail: str) -> Iterator[Outcome]:
    """RELEASE for every mail that was taken and whose turn had not come."""
    for mail in taken.rest():
        yield Outcome(delivery=mail.delivery, event=Event.RELEASE, phase=Phase.MAIL, detail=detail)
