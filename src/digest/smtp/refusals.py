"""Whom a refusal is about, by the phase in which it was said, its codes and its words. Pure.

    relay ─ 5xx ─▶ concern(phase, code, words) ─▶ this mail · no such mailbox · our policy or limits · us

Words beat codes, as servers give whatever code is at hand: a limit on what we send comes as 5.1.1, 5.4.5 or 5.7.1.
Whoever reads reports of bounces judges by the same words.
"""

from __future__ import annotations

import re

from digest.delivery import Concern, Phase

PERMANENT = 500
# Said before any reader was named.
_BEFORE_READERS = frozenset({Phase.CONNECT, Phase.BANNER, Phase.EHLO, Phase.STARTTLS, Phase.AUTH, Phase.MAIL})
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[\w.-]{1,253}")  # a reader called policy@ says nothing
_NO_SUCH_MAILBOX = re.compile(r"(?<![\d.])5\.(?:1\.\d{1,3}|2\.1)(?![\d.])", re.ASCII)  # RFC 3463, 3.2 and 3.3


def _any(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE | re.ASCII)


LIMIT_WORDS = _any(  # how much we send
    r"(?<![\d.])5\.4\.5(?![\d.])",
    r"too many (?:recipients|messages|e?mails)|(?:e?mails?|messages|recipients) (?:per|this) (?:hour|day|minute)",
    r"(?:sent|sending|send|submission|daily|hourly|outbound).{0,30}(?:limit|quota)|quotaexceeded",
)
POLICY_WORDS = _any(  # who we are; that one server calls a mail spam is its own judgement
    r"(?<![\d.])5\.7\.\d{2,3}(?![\d.])",
    r"black ?list|block ?list|\b(?:dns|r)bl\b|/bl\?|[?&]ip=|reputation|polic(?:y|ies)|banned",
    r"(?:has been|was|is|are) blocked|blocked (?:using|by|for|because)",
    r"authenticat(?:e|ion)|\b(?:spf|dkim|dmarc|ptr|helo)\b|reverse dns",
    r"\b(?:sender|ip)\b.{0,40}(?:rejected|denied|refused|blocked|listed)",
    r"relay(?:ing)? (?:access )?(?:denied|not permitted)",
)


def concern(phase: Phase, code: int, detail: str) -> Concern:
    """Whom a reply with this code and these words is about.

    >>> str(concern(Phase.RCPT, 550, "5.1.1 203.0.113.222 has sent to too many recipients this hour"))
    'limit'
    """
    if code < PERMANENT:
        return Concern.MAIL
    words = _ADDRESS.sub(" ", detail)
    if LIMIT_WORDS.search(words):
        return Concern.LIMIT
    if phase in _BEFORE_READERS:
        return Concern.US
    if POLICY_WORDS.search(words):
        return Concern.POLICY
    return Concern.MAILBOX if _NO_SUCH_MAILBOX.search(detail) else Concern.MAIL
