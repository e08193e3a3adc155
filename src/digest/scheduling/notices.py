"""Mails to the newsroom: what went out, what waits for approval, what has NOT gone out. Silence is never good news.

    Result ─notice_about─▶ Notice ─mail─▶ bytes, made and checked like every reader's mail ─post─▶ newsroom.contact

`AGAIN` says after how long the same thing is said again; a machine that was off for a year is one mail, not twelve.

The picture of `digest status --html` is drawn as coloured table cells, since Gmail and Outlook show no SVG. A notice is
recorded in no ledger; whether it must be sent again is the caller's to remember.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct, field
from msgspec.structs import replace

from digest.delivery import Event, Outgoing, State
from digest.errors import SendStopped
from digest.mail.message_id import message_id
from digest.mail.sender_identity import SenderIdentity
from digest.mail.template import MailTemplate
from digest.model import Recipient, Rendering
from digest.report import COLOURS, WORDS
from digest.scheduling.due import away, flag
from digest.scheduling.outcome import TaskStatus
from digest.sending.progress import HELD
from digest.sending.transports import send_one
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from digest.config.schedule_lines import Task
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom
    from digest.period import Period
    from digest.ports import Transport
    from digest.scheduling.task import Result

DAY = timedelta(days=1)
LATE = timedelta(hours=2)  # a relay that is away, or greylists, is back by then; longer is news
_DAILY = (TaskStatus.PAUSED, TaskStatus.RETRY, TaskStatus.UNAPPROVED, TaskStatus.SOURCE, TaskStatus.FAILED)
AGAIN = dict.fromkeys(_DAILY, DAY)  # the others: once
_NAMED = 20  # readers, or editions, in a mail


class Notice(Struct, frozen=True, kw_only=True):
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


def notice_about(result: Result, ledger: SqlLedger | None, now: datetime) -> Notice | None:
    """The mail to the newsroom about how a task stands; None while it is only being tried again.

    Without a ledger that can be read nobody is named.
    """
    task, kind, worst = result.item.task, result.kind, result.worst
    what = f"{name_of(task.period)}, {task.audience}"
    several = len(result.outcomes) > 1
    lines = tuple(f"{each.edition.id}: {each.message}." for each in result.outcomes)
    if kind in (TaskStatus.SENT, TaskStatus.NOTHING):
        told = [each for each in result.outcomes if each.kind is TaskStatus.SENT] or result.outcomes
        said = "; ".join(f"{each.edition.language}: {each.message}" if several else each.message for each in told)
        subject = f"{what}: {said}"
        lines += tuple(_named(result, ledger, HELD))
    elif kind is TaskStatus.PAUSED:
        subject = f"{what} has NOT gone out{' to everybody' if result.counts.get(State.SENT) else ''}: it is paused"
        lines += (_overdue(task, now), "No more of it goes until somebody says so. To call it off: digest cancel.")
        lines += tuple(_named(result, ledger, HELD))
    elif kind is TaskStatus.RETRY:
        if now.astimezone(UTC) - task.at < LATE:
            return None
        waiting = result.counts.get(State.DEFERRED)
        left = f"{waiting:,} to be tried again" if waiting else "it is being tried again"
        subject = f"{what} has NOT gone out to everybody: {left}"
        lines += (
            "Nothing needs to be done, unless the relay stays away: every run goes on where the last one stopped.",
            *_named(result, ledger, (State.DEFERRED, *HELD)),
        )
    elif kind is TaskStatus.UNAPPROVED:
        subject = f"{what} has NOT gone out: it waits for approval"
        lines += (_overdue(task, now), *_until(task, "approved", now))
    elif kind is TaskStatus.SOURCE:
        subject = f"{what} has NOT gone out: it waits for a source of its stories"
        without = f"To let it go as it is: digest sources --without NAME {flag(task.period)} --by YOUR-NAME"
        lines += (_overdue(task, now), *_until(task, "read again", now), without)
    else:
        subject = f"{what} has NOT gone out"
        mended = kind is TaskStatus.FAILED and not result.counts
        lines += (_overdue(task, now), *(_until(task, "mended", now) if mended else ()))
    return Notice(kind=kind.value, edition=worst.edition, subject=subject, lines=lines, counts=result.counts)


def notice_of_held(results: Sequence[Result], now: datetime) -> Notice:
    """The notice about `results`, all of them held; the first is named in the subject, each of them in the text."""
    notices = [made for each in results if (made := notice_about(each, None, now)) is not None]
    if len(notices) == 1:
        return notices[0]
    first, more = results[0].item.task, len(notices) - 1
    what = f"{name_of(first.period)}, {first.audience}, and {more} more"
    return replace(
        notices[0],
        subject=f"{len(notices)} editions have NOT gone out: {what}",
        lines=(
            *(f"{line}." for line in held_lines(results)),
            "All of them, once you have looked at them: digest run --held",
            f"None of them: digest run {' '.join(f'--skip {each.item.name}' for each in results)}",
        ),
    )


def held_lines(results: Sequence[Result]) -> Iterator[str]:
    """What is held, edition by edition: the first ones, how many more there are, and where to see all."""
    lines = [f"{each.edition.id}: {each.message}" for result in results for each in result.outcomes]
    yield from lines[:_NAMED]
    if (more := len(lines) - _NAMED) > 0:
        yield f"and {counted(more, 'more edition is', 'more editions are')} held; all of them: digest run --dry-run"


def reminder(task: Task, missing: Mapping[Edition, str], now: datetime) -> Notice:
    """The mail that says, the day before, what each of these editions still needs from a person: mostly an approval."""
    build = f"digest build {flag(task.period)} --audience {task.audience}"
    named = ", ".join(f"digest approve {edition.id}" for edition in missing)
    return Notice(
        kind="reminder",
        edition=next(iter(missing)),
        subject=f"{name_of(task.period)}, {task.audience} goes out {away(task, now)}, if it is approved",
        lines=(
            *(f"{each.id} is due {_when(task.at)}. Its approval: {words}." for each, words in missing.items()),
            f"To look at it and approve it: {build}, digest preview, {named}",
        ),
    )


def about_source(name: str, trouble: str, since: datetime, edition: Edition) -> Notice:
    """The mail about a source that cannot be read while nothing waits for it yet; `edition` is the next that may."""
    return Notice(
        kind="source",
        edition=edition,
        subject=f"The source {name} cannot be read",
        lines=(
            f"{trouble}.",
            f"It has been so since {_when(since)[3:]}. Editions that take its stories wait for it when they are due.",
            "What is known of all sources: digest sources",
        ),
    )


def _named(result: Result, ledger: SqlLedger | None, wanted: Sequence[State]) -> Iterator[str]:
    """Readers in these states, by name, with the server's words; nobody without a ledger."""
    for each in result.outcomes:
        states = [state for state in wanted if each.counts.get(state)]
        if ledger is None or not states:
            continue
        for delivery in islice(ledger.deliveries(each.edition.id, states), _NAMED):
            said = f"{delivery.code or ''} {delivery.detail}".strip()
            yield f"{delivery.address}: {WORDS[delivery.state]}: {said}"
        yield f"All of them by name: digest status {each.edition.id}"


def _overdue(task: Task, now: datetime) -> str:
    return f"It was due {_when(task.at)}, {away(task, now)}."


def _until(task: Task, done: str, now: datetime) -> Iterator[str]:
    """How long it may still go by itself, if this is done."""
    last = (task.at.astimezone(UTC) + task.rule.catch_up).astimezone(task.rule.zone)
    if now <= last:
        yield f"Once it is {done} it goes out by itself, until {_when(last)[3:]}; after that a person must send it."


def _when(at: datetime) -> str:
    return f"on {at:%A, %-d %B %Y at %H:%M}"


def post(newsroom: Newsroom, notice: Notice, transport: Transport, now: datetime) -> None:
    """Mail it. Raises SendStopped or TransportError if the relay does not take it; ConfigError, CheckFailed."""
    profile = newsroom.config.newsroom
    outgoing = Outgoing(delivery=0, sender=profile.sender, recipient=profile.contact, data=mail(newsroom, notice, now))
    outcome = send_one(transport, outgoing)
    if outcome.event is not Event.ACCEPT:
        said = f"{outcome.code or ''} {outcome.detail}".strip()
        message = f"{profile.contact} could not be told ({notice.subject}): {said}"
        raise SendStopped(message)


def mail(newsroom: Newsroom, notice: Notice, now: datetime) -> bytes:
    """The finished mail. Raises ConfigError, CheckFailed."""
    profile = newsroom.config.newsroom
    head = SenderIdentity(
        sender=profile.sender,
        sender_name=profile.sender_name,
        reply_to=profile.contact,
        organization=profile.name,
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
    template = MailTemplate.compile(rendering, head, date=now, signer=newsroom.sending_setup.signer())
    identifier = message_id(f"{notice.kind} {notice.edition.id} {now.isoformat()}", profile.contact,
                            domain=head.id_domain)  # fmt: skip
    return template.join(Recipient(address=profile.contact), {}, identifier)


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
