"""What a report that came back means for its reader. Pure: a report, the delivery it is about, and what went before.

    permanent about the address (5.1.1 and its like)   suppressed for every audience, at once
    any other permanent failure (5.x.x)                suppressed after 3 mails in a row came back
    temporary (4.x.x), even when the relay gave up     never
    a complaint                                        suppressed for every audience, at once
    an unsubscribe mail with its token                 suppressed for that audience
    out of office, receipts, challenges                nothing, and said

A report that proves neither by our Message-ID nor by our token which mail it is about changes nothing: anybody can
write one, about anybody. It is named for a person, with the command to use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.bounces.report import ReportKind
from digest.delivery import State, Suppression

if TYPE_CHECKING:
    from digest.bounces.report import BounceReport
    from digest.delivery import Delivery

EVERYWHERE = "*"
IN_A_ROW = 3
# RFC 3463 and the IANA registry: no such mailbox, no such domain, no such address, moved, null MX (RFC 7505), disabled.
ADDRESS_IS_DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceVerdict:
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
    proves; None where there is no proof. `in_a_row` counts this reader's last mails that came back, this one included.
    """
    if report.kind in (ReportKind.AUTOMATIC, ReportKind.OTHER):
        note = f"{report.why}: ignored" if report.kind is ReportKind.AUTOMATIC else f"{report.why}: left for a person"
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
    dead = report.status in ADDRESS_IS_DEAD
    permanent = not report.status.startswith("4") and bool(report.status)
    if dead or (permanent and in_a_row >= IN_A_ROW):
        detail = f"{said} {report.detail}" if dead else f"{in_a_row} mails in a row came back, the last with {said}"
        row = Suppression(address=address, scope=EVERYWHERE, reason="bounced", detail=detail[:300], since=now)
        note = f"{address} came back ({said}): suppressed everywhere"
        return BounceVerdict(
            report=report, delivery=delivery, suppression=row, arrived=arrived, counts=permanent, note=note
        )
    note = f"{address} came back ({said}), {in_a_row} in a row of {IN_A_ROW}: kept"
    if not permanent:
        note = f"{address} came back ({said}), which is not for good: kept"
    return BounceVerdict(report=report, delivery=delivery, arrived=arrived, counts=permanent, note=note)


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
    return BounceVerdict(report=report, suppression=row, note=f"{address} left {audience} by mail")


def _unproven(report: BounceReport) -> BounceVerdict:
    about = ", ".join(report.addresses) or "nobody that it names"
    note = (
        f"{report.why} about {about} ({report.status or 'no code'}) that names no mail of ours: nothing is changed; "
        "look, then `digest subscribers suppress ADDRESS`"
    )
    return BounceVerdict(report=report, note=note, handled=False)
