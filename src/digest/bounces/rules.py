"""What a report that came back means for its reader. Pure: a report, the delivery it is about, and what went before.

    dead    the address is gone: 5.1.1 and its like              suppressed for every audience, at once
    soft    a full mailbox, a relay that gave up, other 5.x.x    suppressed after 3 issues in a row came back
    us      policy, blocklists, limits on what we send           never counts against the address
    later   greylisting, a reader who gets too much just now     never counts either
    a complaint                                                  suppressed for every audience, at once
    an unsubscribe mail with its token                           suppressed for that audience
    out of office, receipts, challenges                          nothing, and said

Servers give wrong codes: words and codes in their text that contradict "dead" win over the status, and words that say
that there is no such user over one that says nothing (5.0.0). A report that proves
neither by our Message-ID nor by our token which mail it is about changes nothing: anybody can write one, about anybody.
It is named for a person, with the command to use.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.bounces.report import ReportKind
from digest.delivery import EVERYWHERE, State, Suppression
from digest.smtp.refusals import ADDRESS, BUSY_READER, LIMIT_WORDS, POLICY_WORDS, any_of

if TYPE_CHECKING:
    from digest.bounces.report import BounceReport
    from digest.delivery import Delivery

IN_A_ROW = 3  # issues, of as many periods


class BounceClass(StrEnum):
    """Whose fault a bounce is, and whether it will pass."""

    DEAD = "dead"
    SOFT = "soft"
    US = "us"
    LATER = "later"


# RFC 3463 and the IANA registry: no such mailbox, no such domain, no such address, moved, null MX (RFC 7505), disabled.
_DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
# Something of this kind, as the registry calls them: words tell. Exim and cPanel give 5.0.0, Outlook.com 5.5.0.
_UNSAID = frozenset({"5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.5.0"})
_OF_A_MAILBOX = any_of(r"\b(?:user|mailbox|recipient|account|addressee)s?\b")
_GONE = any_of(
    r"(?:unknown|no such|invalid|not a valid|non-?existent) (?:local )?(?:user|recipient|mailbox|account|addressee)\b",
    r"\b(?:user|recipient|mailbox|account|addressee)[s<> ]{1,6}(?:is )?(?:unknown|not found|does(?:n.t| not) exist)",
    r"no mailbox (?:here )?by that name|no such person",
)
_OF_A_SENDER = any_of(r"\bsender|\bfrom\b|return.path|callout|callback")
_WHO_SAID = re.compile(r"\bhost \S{1,255} said:")  # a server's name may have spam in it
# Sender addresses, limits on what one sends, protocol, content, policy: nothing of the reader's.
_OURS = re.compile(r"5\.(?:1\.[789]|2\.[34]|3\.4|4\.5|5\.\d+|6\.\d+|7\.\d+)")
_CODE = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")
_TRY_LATER = re.compile(r"(?:^|;)\s{0,9}4[0-5]\d[ -]")
_ABOUT_US = any_of(
    LIMIT_WORDS.pattern,
    POLICY_WORDS.pattern,
    r"spam|junk|bulk mail|unsolicited|suspicious|phish|malware|virus",
    r"\bcontent\b.{0,40}(?:rejected|denied|refused|blocked)",
)
_FOR_NOW = any_of(
    r"gr[ea]y ?list|try (?:again|later)|temporar",
    BUSY_READER.pattern,
    r"too much mail|rate.{0,10}limit|throttl",
)
_FULL = any_of(
    r"quota|(?:mailbox|inbox|account|disk).{0,20}(?:full|out of storage|exceeded)|out of storage",
    r"insufficient (?:system )?(?:storage|disk)|exceed.{0,20}storage",
)


def classify(status: str, detail: str) -> BounceClass | None:
    """What a failure with this status (RFC 3463) and these words of the server's is; None when neither says enough.

    >>> str(classify("5.1.1", "smtp; 552 5.2.2 Over quota"))
    'soft'
    """
    words = _WHO_SAID.sub(" ", ADDRESS.sub(" ", detail))
    codes = set(_CODE.findall(f"{status} {words}"))
    ours = codes - _UNSAID if _OF_A_MAILBOX.search(words) else codes
    if any(map(_OURS.fullmatch, ours)) or _ABOUT_US.search(words):
        return BounceClass.US
    # A status of 4 in a report of failure: the relay has tried for days, and given up.
    contradicted = not status.startswith("4") and (any(code[0] == "4" for code in codes) or _TRY_LATER.search(words))
    if contradicted or _FOR_NOW.search(words):
        return BounceClass.LATER
    gone = codes <= _DEAD | _UNSAID and _GONE.search(words) and not _OF_A_SENDER.search(words)
    if not (codes <= _DEAD or gone) or _FULL.search(words):
        return BounceClass.SOFT
    return BounceClass.DEAD if codes or gone else None


class BounceVerdict(Struct, frozen=True, kw_only=True):
    """What is to be done about one report. `note` is a sentence for a person; `handled` lets its mailbox forget it."""

    report: BounceReport
    note: str
    delivery: Delivery | None = None
    suppression: Suppression | None = None
    arrived: bool = False  # proves that the relay had accepted a mail that was held in doubt
    counts: bool = False  # one more mail in a row that came back
    handled: bool = True


def decide(
    report: BounceReport, delivery: Delivery | None, reader: tuple[str, str] | None, in_a_row: int, now: float
) -> BounceVerdict:
    """Judge one report.

    `delivery` is the mail that its Message-ID proves it is about, `reader` the (audience, address) that its token
    proves; None where there is no proof. `in_a_row` counts this reader's last issues that came back, this one included.
    """
    if report.kind in (ReportKind.AUTOMATIC, ReportKind.OTHER):
        note = f"{report.why}: ignored"
        if report.kind is ReportKind.OTHER:
            note = f"{report.why}, from {report.sender or 'nobody'}: left for a person"
        return BounceVerdict(report=report, note=note, handled=report.kind is ReportKind.AUTOMATIC)
    proven = delivery is not None or (reader is not None and report.kind is not ReportKind.UNSUBSCRIBE)
    if report.kind is ReportKind.UNSUBSCRIBE:
        return _leave(report, reader, now)
    if not proven:
        return _unproven(report)
    address = delivery.address if delivery else reader[1] if reader else ""
    arrived = delivery is not None and delivery.state is State.IN_DOUBT
    if report.kind is ReportKind.COMPLAINT:
        row = Suppression(address=address, scope=EVERYWHERE, reason="complained", detail=report.detail, since=now)
        note = f"{address} complained: suppressed everywhere"
        return BounceVerdict(report=report, delivery=delivery, suppression=row, arrived=arrived, note=note)
    if report.kind is not ReportKind.BOUNCE:
        return BounceVerdict(report=report, delivery=delivery, arrived=arrived, note=f"{address}: {report.why}")
    return _bounce(report, delivery, address, in_a_row, now, arrived=arrived)


def _bounce(
    report: BounceReport, delivery: Delivery | None, address: str, in_a_row: int, now: float, *, arrived: bool
) -> BounceVerdict:
    said = report.status or "no code"
    kind = classify(report.status, report.detail)
    counts = kind in (BounceClass.DEAD, BounceClass.SOFT)
    if kind is BounceClass.DEAD or (kind is BounceClass.SOFT and in_a_row >= IN_A_ROW):
        dead = kind is BounceClass.DEAD
        detail = f"{said} {report.detail}" if dead else f"{in_a_row} issues in a row came back, the last with {said}"
        row = Suppression(address=address, scope=EVERYWHERE, reason="bounced", detail=detail[:300], since=now)
        note = f"{address} came back ({said}): suppressed everywhere"
        return BounceVerdict(
            report=report, delivery=delivery, suppression=row, arrived=arrived, counts=counts, note=note
        )
    why = {
        BounceClass.SOFT: f", {in_a_row} in a row of {IN_A_ROW}",
        BounceClass.US: f", which is about us and not the reader: {report.detail[:120]}",
        BounceClass.LATER: ", which is not for good",
        None: ", which says too little",
    }[kind]
    note = f"{address} came back ({said}){why}: kept"
    return BounceVerdict(report=report, delivery=delivery, arrived=arrived, counts=counts, note=note)


def _leave(report: BounceReport, reader: tuple[str, str] | None, now: float) -> BounceVerdict:
    if reader is None:
        what = "with a token that is not ours" if report.tokens else "without its token"
        note = (
            f"{report.why} {what}, from {report.sender or 'nobody'}: nothing is changed, for anybody can write it; "
            "look, then `digest subscribers suppress ADDRESS`"
        )
        return BounceVerdict(report=report, note=note, handled=False)
    audience, address = reader
    row = Suppression(address=address, scope=audience, reason="unsubscribed", detail="by mail", since=now)
    what = "all mails" if audience == EVERYWHERE else audience
    return BounceVerdict(report=report, suppression=row, note=f"{address} left {what} by mail")


def _unproven(report: BounceReport) -> BounceVerdict:
    about = ", ".join(report.addresses) or "nobody that it names"
    note = (
        f"{report.why} about {about} ({report.status or 'no code'}) that names no mail of ours: nothing is changed; "
        "look, then `digest subscribers suppress ADDRESS`"
    )
    return BounceVerdict(report=report, note=note, handled=False)
