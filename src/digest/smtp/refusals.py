"""Whom a refusal is about, by the phase in which it was said, its codes and its words. Pure.

    relay ─ 5xx ─▶ concern(phase, code, words) ─▶ this mail · no such mailbox · our policy or limits · us
          ─ 4xx ─▶ this mail (a full mailbox, greylisting) · how much, how fast, over how many connections we send

Words beat codes, as servers give whatever code is at hand: a limit on what we send comes as 5.1.1, 5.4.5 or 5.7.1.
Whoever reads reports of bounces judges by the same words.
"""

from __future__ import annotations

import re

from digest.delivery import Concern, Phase

PERMANENT = 500
_TOO_MANY_CONNECTIONS, _UNAVAILABLE, _CLOSING = 432, 454, 421
TEMPORARY = 400
_BEFORE_MAIL = frozenset({Phase.CONNECT, Phase.BANNER, Phase.EHLO, Phase.STARTTLS, Phase.AUTH})
_BEFORE_READERS = _BEFORE_MAIL | {Phase.MAIL}  # said before any reader was named
ADDRESS = re.compile(r"[^\s<>@]{1,64}@[\w.-]{1,253}")  # a reader called policy@ says nothing
_NO_SUCH_MAILBOX = re.compile(r"(?<![\d.])5\.(?:1\.(?:[0-6]|10)|2\.1)(?![\d.])", re.ASCII)  # RFC 3463, 3.2 and 3.3


def any_of(*words: str) -> re.Pattern[str]:
    """One pattern for all of these, as servers write them: in whatever case, in ASCII."""
    return re.compile("|".join(words), re.IGNORECASE | re.ASCII)


LIMIT_WORDS = any_of(  # how much we send
    r"(?<![\d.])5\.(?:4\.5|1\.90)(?![\d.])",
    r"too many (?:recipients|messages|e?mails)",
    r"(?:e?mails?|messages|recipients|failures) (?:per|this) (?:hour|day|minute)",
    r"(?:sent|sending|send|submission|daily|hourly|outbound|messaging).{0,30}(?:limit|quota)|quotaexceeded|refusequota",
    r"(?:insufficient|maximum|sending|e?mail) credits|not enough credit|unusual sending",
    r"versand(?:limit|kontingent)|limite d.envoi|l.mite de env.o|limite di invio",
)
# The same, where no mailbox is named: a reader's has plans and quotas as well.
_PLAN_WORDS = any_of(r"\b(?:monthly|plan(?:'s)?) .{0,20}(?:limit|quota|allowance)")
_OF_A_MAILBOX = any_of(r"(?<![\d.])5\.2\.\d|\b(?:mailbox|recipient)\b")
TOO_BIG = any_of(  # what we send, whoever it is for
    r"(?<![\d.])5\.(?:2\.3|3\.4)(?![\d.])",
    r"\bmessage.{0,20}too (?:big|large)|message (?:size|length) exceed|(?<!mailbox )size limit",
)
POLICY_WORDS = any_of(  # who we are; that one server calls a mail spam is its own judgement
    TOO_BIG.pattern,
    r"(?<![\d.])5\.(?:7\.\d{2,3}|1\.[78])(?![\d.])",
    r"black ?list|block ?list|\b(?:dns|r)bl\b|/bl\?|[?&]ip=|^ip=|reputation|polic(?:y|ies)|banned",
    r"(?:has been|was|is|are) blocked|blocked (?:using|by|for|because)",
    r"authenticat(?:e|ion)|\b(?:spf|dkim|dmarc|ptr|helo|smtp auth)\b|reverse dns|credentials",
    r"\b(?:sender|client host|ip)\b.{0,40}(?:rejected|denied|refused|blocked|listed)",
    r"\b(?:mail|messages?) from \[?\d.{0,60}(?:rejected|denied|refused|blocked)",
    r"relay(?:ing)? (?:access )?(?:(?:is )?not (?:permitted|allowed)|denied|disallowed)|unable to relay",
    # what the relay that we log in to says of the account, or of the From (SES, Postmark, SendGrid, Mailgun, Exchange)
    r"not (?:allowed|authori[sz]ed|permitted) to (?:send|perform)|unauthori[sz]ed ip|to submit messages|sendasdenied",
    r"e?mail address is not verified|verified sender|sender (?:signature|verif|address must)|test purposes",
    r"your (?:smtp )?account|sending paused|account (?:is )?(?:pending|not activated)",
)
# The same of us, unless a status says that there is no such mailbox: then it is how that is worded.
_RELAYING_WORDS = any_of(
    r"(?:not|allowed to|cannot) relay|deliver mail for|allowed rcpthosts|delivery is not allowed",
    r"unauthori[sz]ed sender|sender (?:mismatch|(?:is )?not (?:allowed|authori[sz]ed)(?! to post))|outboundspam",
    r"\b(?:from|domain|address)\b.{0,40} not verified|not valid for your login|trial account",
    r"mail from .{0,20}must |sending from .{0,30}not (?:permitted|allowed)",
)

# Whom the relay itself mails no more: a list of ours there, whatever else it says of policy.
_LEFT_OUT = any_of(
    r"(?<!\bip )(?<!sender )(?<!from )\b(?:recipient|address)\b(?! ?\[?\d)"
    r".{0,30}(?:suppress|unsubscribed|(?:black|block) ?listed in)|suppression list"
)
BUSY_READER = any_of(r"receiving (?:e?mail|messages) (?:at a rate|too quickly)")  # Google says so with 5xx, too
# At the end of a mail: of the account that we send by (Mailgun), as a reader's would have been named before.
_ACCOUNT_WORDS = any_of(r"\baccount\b.{0,60}\b(?:disabled|suspended|deactivated)")
_OF_THE_MAIL = frozenset({Phase.DATA, Phase.BODY, Phase.DOT})

# The same while it may pass: rates, quotas of an hour or a day, throttling (SES, Exchange, Google, cPanel's Exim).
_SLOW_WORDS = any_of(
    LIMIT_WORDS.pattern,
    _PLAN_WORDS.pattern,
    r"(?<![\d.])4\.(?:4\.5|7\.\d{3})(?![\d.])|throttl|rate.?limit|too (?:fast|quickly|much mail)",
    r"(?:sending|submission|unusual|maximum) rate",
    r"\b(?:relay|hourly|daily) (?:limit|quota)|(?:limit|quota) (?:exceeded|reached)|try again (?:in|after) \d",
)
_CROWD_WORDS = any_of(
    r"concurrent connection|too many (?:[a-z]{1,14} ){0,2}(?:connections|sessions)|sender thread limit"
)
TOO_MANY_LOGINS = any_of(r"too many (?:failed |invalid |unsuccessful )?(?:log.?in|auth)")  # a further try counts, too
_READER_WORDS = any_of(  # one reader's mailbox, or a stranger's first mail: the next reader may have another answer
    r"gr[ea]y.?list|user you are trying to contact|mailbox(?! unavailable)|(?<![\d.])4\.2\.2",
    r"recipient\b.{0,40}(?:quota|full|rate|too)",
)
GREETING = any_of(r"\b(?:helo|ehlo)\b")  # the name with which we greet
_NAMES_OF_US = any_of(GREETING.pattern, r"(?:client host|sender address) rejected")  # Postfix says so of all, at RCPT
_STATUS_OF_US = re.compile(r"(?<![\d.])4\.7\.\d{1,3}(?![\d.])", re.ASCII)
_WAIT = re.compile(
    r"\b(?:in|after|for|wait|retry(?:ing)?(?: in| after)?) {0,2}(\d{1,5}) ?(s|sec|seconds?|m|min|minutes?|h|hours?)\b",
    re.IGNORECASE | re.ASCII,
)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_TO_LOOK_AT = 1000  # characters of a reply


def asked_wait(detail: str) -> float:
    """The seconds that a reply asks us to wait; 0 where it names no time.

    >>> asked_wait("4.7.1 rate limit exceeded, try again in 5 minutes"), asked_wait("4.3.2 busy")
    (300.0, 0.0)
    """
    found = _WAIT.search(detail[:_TO_LOOK_AT])
    return float(int(found[1]) * _UNITS[found[2][0].lower()]) if found else 0.0


def _for_now(phase: Phase, code: int, words: str) -> Concern:
    """Whom a 4xx is about. At RCPT a server that greylists says 4.7.1 as well, so there only words tell."""
    if code == _TOO_MANY_CONNECTIONS or _CROWD_WORDS.search(words):
        return Concern.CONNECTIONS
    if _READER_WORDS.search(words):
        return Concern.MAIL
    if _SLOW_WORDS.search(words) or (code == _UNAVAILABLE and phase not in _BEFORE_MAIL):
        return Concern.LIMIT
    if _NAMES_OF_US.search(words):
        return Concern.POLICY
    of_us = code == _CLOSING or phase is not Phase.RCPT
    return Concern.LIMIT if of_us and _STATUS_OF_US.search(words) else Concern.MAIL


def concern(phase: Phase, code: int, detail: str) -> Concern:
    """Whom a reply with this code and these words is about.

    >>> str(concern(Phase.RCPT, 550, "5.1.1 203.0.113.222 has sent to too many recipients this hour"))
    'limit'
    """
    words = ADDRESS.sub(" ", detail)
    if code < PERMANENT:
        return _for_now(phase, code, words) if code >= TEMPORARY else Concern.MAIL
    if LIMIT_WORDS.search(words) or (_PLAN_WORDS.search(words) and not _OF_A_MAILBOX.search(words)):
        return Concern.LIMIT
    if phase in _BEFORE_MAIL and _CROWD_WORDS.search(words):
        return Concern.CONNECTIONS
    if phase in _BEFORE_READERS:
        return Concern.US
    left_out = _LEFT_OUT.search(words) is not None
    gone = left_out or (_NO_SUCH_MAILBOX.search(detail) is not None and not BUSY_READER.search(words))
    unless_gone = _RELAYING_WORDS.search(words) or (phase in _OF_THE_MAIL and _ACCOUNT_WORDS.search(words))
    ours = POLICY_WORDS.search(words) or (unless_gone and not gone)
    if ours and not left_out:
        return Concern.POLICY
    return Concern.MAILBOX if gone else Concern.MAIL
