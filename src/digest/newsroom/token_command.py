"""Access tokens for XOAUTH2, as a command of the newsroom's gives them; another one when one has expired.

The command is run without a shell; the first line that it prints is the token. It is kept in this process only.
"""

from __future__ import annotations

import shlex
import subprocess
import threading
from typing import TYPE_CHECKING

from digest.errors import SendStopped
from digest.text.cleaning import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECONDS = 60.0  # which a command may take: it asks somebody over the network
_SHOWN = 200  # characters of what it says when it fails


class TokenCommand:
    """The tokens of one command, shared by all connections. `key` is the setting that names it."""

    def __init__(self, command: str, *, key: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._command = command
        self._key = key
        self._folder = folder
        self._environ = environ
        self._lock = threading.Lock()
        self._token = ""

    def __call__(self, stale: str = "") -> str:
        """The token; another one when there is none yet, or when it is `stale`. Raises SendStopped with the reason."""
        with self._lock:
            if not self._token or self._token == stale:
                self._token = self._run()
            return self._token

    def _run(self) -> str:
        try:
            done = subprocess.run(
                shlex.split(self._command),
                cwd=self._folder,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            message = f"{self._key}: gave no token within {SECONDS:g} s"
            raise SendStopped(message) from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            message = f"{self._key}: {self._command.partition(' ')[0]} cannot be run: {reason}"
            raise SendStopped(message) from None
        if done.returncode:
            words = one_line(done.stderr.decode("utf-8", "replace"))[-_SHOWN:]
            message = f"{self._key}: failed with {done.returncode}: {words or 'it said nothing'}"
            raise SendStopped(message)
        token = next(iter(done.stdout.decode("utf-8", "replace").split("\n")), "").strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            message = f"{self._key}: printed no token; it should print one on its first line, and nothing else there"
            raise SendStopped(message)
        return token
