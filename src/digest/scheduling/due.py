"""What is due by the schedule of config.yaml: what goes now, what is held and why, what comes next, who must approve.

    config.yaml ─schedule_lines─▶ rules        rules, Journal, now ─pending─▶ DueTasks        rules, now ─coming─▶ Tasks

Deciding takes values only; `approval_state` and `obstacle` alone look at editions and who signed them. Nothing here
sends, writes or remembers.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from digest.config.schedule_lines import ScheduleLine, due, upcoming, weekdays_only
from digest.editions import approval
from digest.editions.builder import build_edition
from digest.errors import ApprovalError, DigestError
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    from digest.config.load import Config
    from digest.config.schedule_lines import Task
    from digest.config.sections import ScheduleSection
    from digest.model import Edition, Needed
    from digest.newsroom.newsroom import Newsroom
    from digest.period import Period
    from digest.scheduling.journal import Journal

Hold = Literal["", "late", "new"]


def schedule_lines(config: Config) -> tuple[ScheduleLine, ...]:
    """A ScheduleLine for each line of `schedule:`; one that names no audience is for all that have recipients."""
    return tuple(
        ScheduleLine(
            **{**dict(part), "audiences": part.audiences or config.with_readers},
            zone=config.newsroom.timezone,
            works=working_days(part),
        )
        for part in config.settings.schedule
    )


def working_days(part: ScheduleSection) -> Callable[[date], bool]:
    """What tells a working day: Monday to Friday, or the country's own week without its holidays."""
    if not part.country:
        return weekdays_only
    import holidays

    land, _, region = part.country.partition("-")
    known = holidays.country_holidays(land, subdiv=region or None)
    return known.is_working_day


def words(rule: ScheduleLine, audience: str) -> str:
    """When a rule sends an audience's editions, in words that change when that changes.

    >>> from zoneinfo import ZoneInfo
    >>> words(ScheduleLine(period="month", zone=ZoneInfo("Europe/Zurich")), "everyone")
    'everyone: every month, first working day at 09:00 Europe/Zurich'
    """
    when = f"cron {rule.cron}" if rule.cron else f"{rule.on.strip().lower()} at {rule.at:%H:%M}"
    holidays = f", without the holidays of {rule.country}" if rule.country else ""
    return f"{audience}: every {rule.period}, {when} {rule.zone}{holidays}"


class DueTask(Struct, frozen=True, kw_only=True):
    """A task whose time has come. `hold` says why it does not go by itself; empty when it goes."""

    task: Task
    hold: Hold = ""

    @property
    def name(self) -> str:
        """The task's."""
        return self.task.name

    def why(self, nothing: str = "") -> str:
        """Why it is held, and what to do, on one line. `nothing` says why there would be nothing to send."""
        at = f"{self.task.at:%-d %B %Y at %H:%M}"
        what = "and its schedule is newer than that" if self.hold == "new" else "longer ago than catch_up allows"
        send = f"send it with `digest send {flag(self.task.period)} --audience {self.task.audience} --live`, or"
        return f"it was due on {at}, {what}; {nothing or send} let it be: `digest run --skip {self.name}`"


def pending(rules: Sequence[ScheduleLine], journal: Journal, now: datetime) -> tuple[DueTask, ...]:
    """Everything whose time has come and that is not settled, the oldest first. `journal` has met these rules."""
    assert journal.since is not None, "a journal meets the rules first"
    return tuple(
        DueTask(task=task, hold="late" if task.held else "new" if _newer(task, journal) else "")
        for task in due(rules, now, journal.settled, journal.since)
    )


def coming(rules: Sequence[ScheduleLine], journal: Journal, now: datetime, count: int) -> tuple[Task, ...]:
    """The next `count` times of each audience; what was settled ahead of its time is left out."""
    tasks = upcoming(rules, now, count)
    first = {task.key: task for task in reversed(tasks)}  # two rules for one edition: the earlier time counts
    return tuple(task for task in tasks if first[task.key] is task and task.key not in journal.settled)


def needed(newsroom: Newsroom, rule: ScheduleLine) -> Needed:
    """Whose word an edition of this rule needs: the rule's own demand or send.approval, the stricter."""
    return approval.stricter(newsroom.config.settings.send.approval, rule.approval)


def approval_state(newsroom: Newsroom, edition: Edition, demand: Needed, now: datetime) -> tuple[bool, str]:
    """Whether the edition may go as it is now, and where its approval stands, in words."""
    if demand == "none":
        return True, "not needed"
    signed = approval.load(approval.path_of(newsroom.root, edition))
    if signed is None:
        return False, "missing" if demand == "required" else "two missing"
    from digest.editions.approval import account_of

    names = ", ".join(each.who for each in signed.signatures)
    try:
        approval.judge(signed, edition.id, account_of(newsroom, build_edition(newsroom, edition, now=now)), demand)
    except ApprovalError as error:
        return False, "void" if " void" in str(error) else f"one missing, {names} has"
    except DigestError as error:
        return False, _unbuilt(error)
    return True, f"by {names}"


def obstacle(newsroom: Newsroom, edition: Edition, demand: Needed, now: datetime) -> str:
    """What a person must do before the edition can go, in words; empty when nothing, or when it has no stories."""
    holds, words = approval_state(newsroom, edition, demand, now)
    if holds:
        return ""
    try:
        return words if build_edition(newsroom, edition, now=now).rendering else ""
    except DigestError as error:
        return _unbuilt(error)


def _unbuilt(error: DigestError) -> str:
    return f"it cannot be built: {'; '.join(str(error).splitlines())}"


def flag(period: Period) -> str:
    """The period as a flag: `--month 2022-02`."""
    return f"--{period.kind} {period.id}"


def away(task: Task, now: datetime) -> str:
    """How far off it is: `in 12 days`, `tomorrow`, `in 3 hours`, `now`, `2 days ago`; days are the zone's own."""
    zone = task.rule.zone
    days = (task.at.astimezone(zone).date() - now.astimezone(zone).date()).days
    if days in (-1, 1):
        return "tomorrow" if days > 0 else "yesterday"
    if days:
        return f"in {days} days" if days > 0 else f"{-days} days ago"
    minutes = round((task.at - now.astimezone(UTC)).total_seconds() / 60)
    if not minutes:
        return "now"
    count, unit = (abs(minutes), "minute") if abs(minutes) < 100 else (round(abs(minutes) / 60), "hour")  # noqa: PLR2004
    text = counted(count, unit)
    return f"in {text}" if minutes >= 0 else f"{text} ago"


def lines(rules: Sequence[ScheduleLine]) -> tuple[str, ...]:
    """The whole schedule in words, a line for each audience of each rule."""
    return tuple(dict.fromkeys(words(rule, audience) for rule in rules for audience in rule.audiences))


def _newer(task: Task, journal: Journal) -> bool:
    return task.at < journal.in_force[words(task.rule, task.audience)]
