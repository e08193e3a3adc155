"""Mails to the newsroom: what went out, what waits for approval, what has NOT gone out. Silence is never good news.

    Notice ─mail─▶ bytes, made and checked like every reader's mail ─post─▶ the relay, to newsroom.contact

The picture of `digest status --html` is drawn as coloured table cells, since Gmail and Outlook show no SVG. A notice is
recorded in no ledger; whether it must be sent again is the caller's to remember.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from digest.delivery import Event, Outgoing
from digest.errors import SendStopped
from digest.mail.message_id import message_id
from digest.mail.sender_identity import SenderIdentity
from digest.mail.template import MailTemplate
from digest.model import Recipient, Rendering
from digest.report import COLOURS, WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from digest.delivery import State
    from digest.model import Edition
    from digest.newsroom.sending_setup import SendingSetup
    from digest.period import Period
    from digest.ports import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One mail to the newsroom. `kind` is one word for what it tells; `counts` is drawn where there are readers."""

    kind: str
    edition: Edition
    subject: str
    lines: tuple[str, ...]
    counts: Mapping[State, int] = field(default_factory=dict)


def name_of(period: Period) -> str:
    """A period as the newsroom says it.

    >>> from digest.period import parse
    >>> from zoneinfo import ZoneInfo
    >>> [name_of(parse(text, ZoneInfo("UTC"))) for text in ("2022-02", "2022-Q1", "2022-W07")]
    ['February 2022', '2022-Q1', 'week 2022-W07']
    """
    if period.kind == "month":
        return f"{period.first:%B %Y}"
    return f"week {period.id}" if period.kind == "week" else period.id


def post(parts: SendingSetup, notice: Notice, transport: Transport, now: datetime) -> None:
    """Mail it. Raises SendStopped or TransportError if the relay does not take it; ConfigError, CheckFailed."""
    newsroom = parts.newsroom.config.newsroom
    outgoing = Outgoing(delivery=0, sender=newsroom.sender, recipient=newsroom.contact, data=mail(parts, notice, now))
    session = transport.open()
    try:
        outcome = next(iter(session.deliver(iter([outgoing]), lambda _: True)), None)
    finally:
        session.close()
    if outcome is None or outcome.event is not Event.ACCEPT:
        said = f"{outcome.code or ''} {outcome.detail}".strip() if outcome else "the connection was lost"
        message = f"{newsroom.contact} could not be told ({notice.subject}): {said}"
        raise SendStopped(message)


def mail(parts: SendingSetup, notice: Notice, now: datetime) -> bytes:
    """The finished mail. Raises ConfigError, CheckFailed."""
    newsroom = parts.newsroom.config.newsroom
    head = SenderIdentity(
        sender=newsroom.sender,
        sender_name=newsroom.sender_name,
        reply_to=newsroom.contact,
        organization=newsroom.name,
        language="en",
    )
    rendering = Rendering(
        edition=notice.edition,
        subject=notice.subject,
        preheader="",
        html=_html(notice),
        text="\n".join((notice.subject, "", *notice.lines, "")),
        nonce="notice",
    )
    template = MailTemplate.compile(rendering, head, date=now, signer=parts.signer())
    identifier = message_id(f"{notice.kind} {notice.edition.id} {now.isoformat()}", newsroom.contact,
                            domain=head.id_domain)  # fmt: skip
    return template.join(Recipient(address=newsroom.contact), {}, identifier)


def _html(notice: Notice) -> str:
    paragraphs = Markup().join(Markup('<p style="margin:0 0 12px">{}</p>\n').format(line) for line in notice.lines)
    return str(_PAGE.format(subject=notice.subject, bar=_bar(notice.counts), lines=paragraphs))


def _bar(counts: Mapping[State, int]) -> Markup:
    """One bar over the whole width, made of states; below it each colour with its word and number."""
    total = sum(counts.values())
    if not total:
        return Markup()
    shown = [(state, counts[state]) for state in COLOURS if counts.get(state)]
    cells = Markup().join(
        Markup('<td width="{}%" height="18" bgcolor="{}" style="font-size:0;line-height:0">&nbsp;</td>').format(
            max(1, round(100 * count / total)), COLOURS[state]
        )
        for state, count in shown
    )
    legend = Markup(" &nbsp; ").join(
        Markup('<span style="color:{}">&#9632;</span>&nbsp;{:,}&nbsp;{}').format(COLOURS[state], count, WORDS[state])
        for state, count in shown
    )
    return Markup(
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>{}</tr></table>\n'
        '<p style="margin:6px 0 16px;font-size:14px">{}</p>\n'
    ).format(cells, legend)


_PAGE = Markup("""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{subject}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 Arial,sans-serif">
<h1 style="font:bold 20px/1.3 Georgia,serif;margin:0 0 16px">{subject}</h1>
{bar}{lines}</body>
</html>
""")
