"""Mails leave by SMTP: a digest.ports.Transport that opens one session after another to one relay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.smtp.auth import Login
from digest.smtp.connect import Connector, tls_context
from digest.smtp.pacing import Pacing
from digest.smtp.session import SmtpSession

if TYPE_CHECKING:
    from digest.smtp.pacing import Pacer
    from digest.smtp.settings import SmtpSettings


class SmtpTransport:
    """Sessions to the relay that `settings` names; all share one pacer and one try at logging in.

    Raises SendStopped when a file that the settings name (`ca_file`, `client_cert`) cannot be used.
    """

    def __init__(self, settings: SmtpSettings, pacer: Pacer | None = None) -> None:
        self._settings = settings
        self._pacer = pacer or Pacing(settings.rate, settings.per_domain)
        self._connector = Connector(settings, Login(settings), tls_context(settings))

    def open(self) -> SmtpSession:
        """A new session, ready for mail. Raises TransportError (try later) or SendStopped (do not)."""
        return SmtpSession(self._connector.connect, self._settings, self._pacer)
