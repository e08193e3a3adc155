"""One mail about everything that is held: a machine that was off for a year is one piece of news, not twelve.

Pure. Which of it is news, and whether the mail could go, is the caller's to know.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from digest.scheduling import telling
from digest.scheduling.notices import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from digest.scheduling.notices import Notice
    from digest.scheduling.task import Result


def held_back(results: Sequence[Result], now: datetime) -> Notice:
    """The notice about `results`, all of them held; the first is named in the subject, each of them in the text."""
    notices = [made for each in results if (made := telling.notice(each, None, now)) is not None]
    if len(notices) == 1:
        return notices[0]
    first, more = results[0].item.task, len(notices) - 1
    what = f"{name_of(first.period)}, {first.audience}, and {more} more"
    return replace(
        notices[0],
        subject=f"{len(notices)} editions have NOT gone out: {what}",
        lines=(
            *(f"{each.edition.id}: {each.message}." for result in results for each in result.outcomes),
            "All of them, once you have looked at them: digest run --held",
        ),
    )
