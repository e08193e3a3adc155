"""What a newsroom's people would do next: told from its stories, what was built and approved, and what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from digest.config.unfilled import unfilled
from digest.delivery import MailingStatus, State
from digest.editions import archive
from digest.errors import DigestError, LedgerError, NoLedger, UsageError
from digest.model import Recipient
from digest.newsroom.history import MANIFEST, folder, read_manifest
from digest.newsroom.paths import ARCHIVE, BUILD
from digest.report import sentence
from digest.sending.freeze import finished
from digest.sending.rounds import demand_unbegun, may_have_stories, unoffered
from digest.text.counting import counted, them
from digest.text.urls import nobody_reads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from digest.delivery import Mailing
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition, Story
    from digest.newsroom.newsroom import Newsroom
    from digest.period import Period


class NextStep(Struct, frozen=True, kw_only=True):
    """Where a newsroom stands, in lines, and the one command that comes next, with why."""

    standing: tuple[str, ...]
    command: str
    why: str


def next_step(newsroom: Newsroom, now: datetime) -> NextStep:
    """What comes next. Raises StoryError for story files with mistakes, LedgerError for a ledger that has faults."""
    stories = newsroom.stories.stories()
    first = f"{newsroom.config.newsroom.name}: {counted(len(stories), 'story', 'stories')}"
    if not stories:
        return NextStep(standing=(first,), command='digest new "Title"', why="or digest import, from pages and feeds")
    try:
        ledger = newsroom.sending_setup.ledger(create=False)
    except NoLedger:  # nothing was sent from here yet
        return _before(newsroom, stories, first, None, now)
    try:
        if moved := ledger.elsewhere():
            why = "compare it with the relay's log, then say so: digest config --moved"
            return NextStep(standing=(first, moved), command="digest status", why=why)
        begun = [mailing for mailing in ledger.mailings() if not finished(ledger, mailing.edition)]
        if begun:
            return _under_way(ledger, first, begun[-1])
        return _before(newsroom, stories, first, ledger, now)
    finally:
        ledger.close()


def _under_way(ledger: SqlLedger, first: str, mailing: Mailing) -> NextStep:
    name, counts = mailing.edition, ledger.counts(mailing.edition)
    paused = "paused, " if mailing.standing is MailingStatus.PAUSED else ""
    standing = (first, f"{name}: {paused}{sentence(counts)}")
    if counts.get(State.IN_DOUBT) and not any(
        counts.get(state) for state in (State.PLANNED, State.CLAIMED, State.SENDING, State.DEFERRED)
    ):
        return NextStep(standing=standing, command=f"digest status {name}", why="who is in doubt, and how to settle it")
    return NextStep(standing=standing, command=f"digest resume {name}", why="the readers who are left")


def _before(
    newsroom: Newsroom, stories: Sequence[Story], first: str, ledger: SqlLedger | None, now: datetime
) -> NextStep:
    """Nothing is on its way: the newest period with stories is to be built, looked at, approved, or it was sent.

    The one that is running is the newest where no other has stories: its issue is made when it is over.
    """
    newest = max(story.date for story in stories)
    editions = [
        edition
        for name, section in newsroom.config.settings.audiences.items()
        if section.recipients is not None
        for edition in newsroom.editions(_newest_over(newsroom, stories, name, now), [name])
    ]
    standing: tuple[str, ...] = (f"{first}, the newest of {newest:%Y-%m-%d}",)
    if not editions:
        why, when = "no audience of config.yaml has recipients yet: give one a list", newsroom.usual_period(newest)
        return NextStep(standing=standing, command=f"digest build --{when.kind} {when.id}", why=why)
    left = [edition for edition in editions if _may_go(newsroom, ledger, edition, now)]
    if not left:
        periods = ", ".join(dict.fromkeys(edition.period.id for edition in editions))
        begun = [mailing for edition in editions if ledger and (mailing := ledger.mailing(edition.id))]
        off = begun and all(mailing.standing is MailingStatus.CANCELLED for mailing in begun)
        return NextStep(
            standing=(*standing, f"{periods}: {'called off' if off else 'sent'}"),
            command='digest new "Title"',
            why=f"or digest import: the next {editions[0].period.kind}",
        )
    edition = left[0]
    built = _is_built(newsroom, edition)
    standing = (*standing, f"{edition.id}: {'built' if built else 'not built'}, not sent")
    blanks = unfilled(newsroom.config.document)
    if blanks:
        what = f"{counted(len(blanks), 'value')} of config.yaml to fill in before readers are mailed"
        standing = (*standing, f"{what}: digest config lists {them(len(blanks))}")
    if not built:
        return NextStep(standing=standing, command=f"digest build {edition.id}", why="then open it in a browser")
    from digest.editions import approval

    status = approval.state(newsroom, edition, now)
    if status.problem and status.needed != "none":
        return NextStep(standing=standing, command=f"digest preview {edition.id}", why=f"and approve: {status.problem}")
    if blanks and _has_real_reader(newsroom, edition):
        return NextStep(standing=standing, command="digest config", why="what to fill in: a live send would refuse it")
    return NextStep(standing=standing, command=f"digest send {edition.id}", why="a plan; nothing goes without --live")


def _newest_over(newsroom: Newsroom, stories: Sequence[Story], audience: str, now: datetime) -> Period:
    running = newsroom.usual_period(now, audience)
    over = [story.date for story in stories if story.date < running.start]
    return newsroom.usual_period(max(over or (story.date for story in stories)), audience)


def _may_go(newsroom: Newsroom, ledger: SqlLedger | None, edition: Edition, now: datetime) -> bool:
    """Whether it was not sent yet, and has something for somebody: a language without stories waits for nothing.

    Without a ledger, on a desk that does not send, archive/ tells.
    """
    if ledger is None:
        names = (edition.audience, *newsroom.config.audience(edition.audience).was)
        return not any(archive.begun(newsroom.root / ARCHIVE, edition, names))
    if ledger.mailing(edition.id) is not None or unoffered(ledger, edition):
        return False
    try:
        demand_unbegun(newsroom, ledger, edition)
    except LedgerError:  # with another ledger it was
        return False
    return may_have_stories(newsroom, edition, now)


def _has_real_reader(newsroom: Newsroom, edition: Edition) -> bool:
    """Whether somebody on the edition's list is no example. A list that cannot be read is told by the plan."""
    source = newsroom.sending_setup.source(newsroom.config.audience(edition.audience))
    try:
        return any(isinstance(row, Recipient) and not nobody_reads(row.address) for row in source.recipients())
    except DigestError:
        return False


def _is_built(newsroom: Newsroom, edition: Edition) -> bool:
    try:
        read_manifest(folder(newsroom.root / BUILD, edition) / MANIFEST)
    except UsageError:
        return False
    return True
