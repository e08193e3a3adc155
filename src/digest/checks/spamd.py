"""Ask SpamAssassin what it thinks of the mail: the spamd protocol (SPAMC/1.5), on request only.

    REPORT SPAMC/1.5 ─▶        ◀─ SPAMD/1.1 0 EX_OK, Spam: False ; 1.2 / 5.0, the rules that fired

One connection, a time-out on every wait, a limit on what is read. No daemon, no answer or nonsense is a finding too:
who asked for a score must not take silence for a good one.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.checks.check import Hit, check
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext

MAX_REPLY = 1_000_000  # bytes; a report has a few thousand
_SPAM = re.compile(r"^Spam:\s*(True|False|Yes|No)\s*;\s*(-?[\d.]+)\s*/\s*(-?[\d.]+)", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s+([A-Z][A-Z0-9_]{2,})\s+(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpamVerdict:
    """SpamAssassin's answer. `rules` are (points, name, words), those that cost most first."""

    spam: bool
    score: float
    threshold: float
    rules: tuple[tuple[float, str, str], ...] = ()


def ask(mail: bytes, host: str, port: int, seconds: float) -> SpamVerdict:
    """The verdict of the spamd at host:port. Raises OSError when it cannot be had in time or cannot be read."""
    import socket

    until = time.monotonic() + seconds
    request = b"REPORT SPAMC/1.5\r\nContent-length: %d\r\nUser: digest\r\n\r\n" % len(mail)
    reply = b""
    with socket.create_connection((host, port), timeout=seconds) as connection:
        connection.sendall(request + mail)
        connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65_536):
            reply += chunk
            left = until - time.monotonic()
            if len(reply) > MAX_REPLY or left <= 0:
                message = "the answer is too long" if left > 0 else "the answer takes too long"
                raise OSError(message)
            connection.settimeout(left)
    return read(reply)


def addressed(mail: bytes) -> bytes:
    """The mail as one reader would get it: the built copy is nobody's, and lacking a To costs points of its own."""
    head, end, body = mail.partition(b"\r\n\r\n")
    if re.search(rb"^To:", head, re.IGNORECASE | re.MULTILINE) or not end:
        return mail
    return head + b"\r\nTo: reader@example.org" + end + body


def read(reply: bytes) -> SpamVerdict:
    """Read spamd's reply. Raises OSError for an error code or anything that is no verdict."""
    head, _, report = reply.decode("utf-8", "replace").replace("\r\n", "\n").partition("\n\n")
    status = head.partition("\n")[0]
    if not re.match(r"SPAMD/[\d.]+ 0 ", status):
        message = f"it says {status[:80]!r}" if status else "it says nothing"
        raise OSError(message)
    found = _SPAM.search(head)
    try:
        numbers = (float(found[2]), float(found[3])) if found else None
    except ValueError:
        numbers = None
    if found is None or numbers is None:
        message = "its answer has no score"
        raise OSError(message)
    rules = sorted(((float(p), name, words.strip()) for p, name, words in _RULE.findall(report)), reverse=True)
    spam = found[1].lower() in ("true", "yes")
    return SpamVerdict(spam=spam, score=numbers[0], threshold=numbers[1], rules=tuple(rules))


@check("spam-score", Severity.ERROR, "network", "What SpamAssassin calls spam, most filters of readers will.")
def spam_score(subject: CheckContext) -> Iterator[Hit]:
    """A score at or over the daemon's threshold, with the rules that cost most."""
    verdict = subject.verdict
    if verdict and not isinstance(verdict, str) and verdict.spam:
        worst = ", ".join(f"{name} {points}" for points, name, _ in verdict.rules[:5])
        yield Hit("mail", f"SpamAssassin gives {verdict.score} where {verdict.threshold} is spam: {worst}")


@check("spam-rules", Severity.INFO, "network", "Each rule that fired is a point nearer to the spam folder.")
def spam_rules(subject: CheckContext) -> Iterator[Hit]:
    """Every rule of SpamAssassin that cost points."""
    verdict = subject.verdict
    if verdict and not isinstance(verdict, str):
        for points, name, words in verdict.rules:
            if points > 0:
                yield Hit("mail", f"SpamAssassin: {points} {name}: {words}")


@check("spam-unasked", Severity.WARNING, "network", "Silence is not a good score.")
def spam_unasked(subject: CheckContext) -> Iterator[Hit]:
    """A spamd that is configured and gave no verdict."""
    if isinstance(subject.verdict, str) and subject.online and subject.online.spamd:
        host, port = subject.online.spamd
        yield Hit("mail", f"SpamAssassin at {host}:{port} gave no verdict: {subject.verdict}")
