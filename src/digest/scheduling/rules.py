"""The schedule of config.yaml as rules: whose editions, when, in which zone, with whose holidays. Reads no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.config.schedule import ScheduleLine, weekdays_only

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from digest.config.load import Config
    from digest.config.schema import ScheduleSection


def rules(config: Config) -> tuple[ScheduleLine, ...]:
    """A Rule for each line of `schedule:`; one that names no audience is for all that have recipients."""
    reached = tuple(name for name, part in config.settings.audiences.items() if part.recipients is not None)
    return tuple(
        ScheduleLine(
            period=part.period,
            zone=config.newsroom.timezone,
            on=part.on,
            at=part.at,
            cron=part.cron,
            audiences=part.audiences or reached,
            approval=part.approval,
            catch_up=part.catch_up,
            country=part.country,
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
    >>> words(Rule(period="month", zone=ZoneInfo("Europe/Zurich")), "everyone")
    'everyone: every month, first working day at 09:00 Europe/Zurich'
    """
    when = f"cron {rule.cron}" if rule.cron else f"{rule.on.strip().lower()} at {rule.at:%H:%M}"
    holidays = f", without the holidays of {rule.country}" if rule.country else ""
    return f"{audience}: every {rule.period}, {when} {rule.zone}{holidays}"
