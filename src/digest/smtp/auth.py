"""Saying who we are: AUTH PLAIN, LOGIN or XOAUTH2 (RFC 4954), one try for all connections of a run.

A wrong password tried by every connection locks the account, so the first connection tries alone, and a refusal is
remembered. Nothing that is secret goes into a message, even when the server repeats it.
"""

from __future__ import annotations

import base64
import binascii
import threading
from typing import TYPE_CHECKING

from digest.errors import SendStopped, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.smtp.replies import Reply
    from digest.smtp.settings import SmtpSettings

ACCEPTED, CHALLENGE, CLOSING = 235, 334, 421
MASK = "***"


class Login:
    """The login of one transport, shared by its connections, so that a refusal is final for all of them."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._proven = False
        self._refused = ""

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
        answers = self._answers(mechanism)
        line = f"AUTH {mechanism}" if mechanism == "LOGIN" else f"AUTH {mechanism} {next(answers)}"
        reply = ask(line)
        while reply.code == CHALLENGE:
            answer = next(answers, None)
            if answer is None:
                answer = "" if mechanism == "XOAUTH2" else "*"  # the token's fault is told after an empty line
                reply = ask(answer)
                break
            reply = ask(answer)
        if reply.code == ACCEPTED:
            return
        words = f"{self._settings.peer}: {self._mask(str(reply))}"
        if reply.code == CLOSING:
            raise TransportError(words)
        self._refused = (
            f"{words} (AUTH {mechanism} as {self._settings.username}, tried once); "
            f"check the username and the {'token' if mechanism == 'XOAUTH2' else 'password'}"
        )
        raise SendStopped(self._refused)

    def _mechanism(self, offered: str) -> str:
        """The best mechanism that both sides have."""
        settings = self._settings
        names = set(offered.upper().split())
        if settings.auth == "auto":
            wanted = ["XOAUTH2"] if settings.oauth_token else ["PLAIN", "LOGIN"]
        else:
            wanted = [settings.auth.upper()]
        found = next((name for name in wanted if name in names), "")
        if not found:
            has = f"offers only {', '.join(sorted(names))}" if names else "offers no AUTH"
            message = (
                f"{settings.peer}: the server {has}, but {' or '.join(wanted)} is wanted; check smtp.port and smtp.auth"
            )
            raise SendStopped(message)
        return found

    def _answers(self, mechanism: str) -> Iterator[str]:
        """What to say, in order, in base64. UTF-8 (RFC 4616), where smtplib knows only ASCII."""
        settings = self._settings
        if mechanism == "PLAIN":
            said = [f"\0{settings.username}\0{settings.password}"]
        elif mechanism == "LOGIN":
            said = [settings.username, settings.password]
        else:
            token = settings.oauth_token or settings.password
            said = [f"user={settings.username}\1auth=Bearer {token}\1\1"]
        return (base64.b64encode(text.encode()).decode("ascii") for text in said)

    def _mask(self, words: str) -> str:
        """The server's words without our secrets, as they are or in the base64 that we said."""
        settings = self._settings
        secrets = [text for text in (settings.password, settings.oauth_token) if text]
        for mechanism in ("PLAIN", "LOGIN", "XOAUTH2"):
            secrets += list(self._answers(mechanism))
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            words = words.replace(secret, MASK)
        return " ".join(MASK if self._hides_secret(word) else word for word in words.split(" "))

    def _hides_secret(self, word: str) -> bool:
        """Whether a word is base64 of something that holds a secret."""
        try:
            inside = base64.b64decode(word, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return False
        return any(secret in inside for secret in (self._settings.password, self._settings.oauth_token) if secret)
