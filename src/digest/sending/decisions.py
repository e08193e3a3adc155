"""Whether a run that nobody has accepted a mail from yet should go on. Pure: outcomes in, a sentence or nothing out.

A relay that refuses the first few readers in the same words most likely refuses us: our address, our content, our
login. Going on would mark the whole list as refused. Until somebody was accepted, refusals are therefore not recorded
as such; they are given to `reason_to_stop`, and when that speaks, these readers are only put off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.delivery import Concern, Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.delivery import Outcome

FIRST = 5  # the same refusal for this many readers, and nobody accepted: it is about us
FIRST_UNKNOWN = 20  # where it says that there is no such mailbox: a list may well begin with a few dead ones


def about_us(outcome: Outcome) -> bool:
    """Whether a refusal must not be held against a reader."""
    return outcome.event is Event.REFUSE and outcome.about is Concern.US


def proves(outcome: Outcome) -> bool:
    """Whether it shows that the relay takes our mails."""
    return outcome.event is Event.ACCEPT


def reason_to_stop(refusals: Sequence[Outcome], *, first: int = FIRST, unknown: int = FIRST_UNKNOWN) -> str:
    """Why the run should stop, after these refusals and not one acceptance; empty when it should go on.

    `first` readers who were refused in the same way are enough; for mailboxes that do not exist, `unknown`. 0 means
    that no number is.
    """
    for refusal in refusals:
        if about_us(refusal):
            return f"the server refuses us ({refusal.phase}): {refusal.words}"
    alike: list[list[Outcome]] = []
    for refusal in refusals:
        group = next((group for group in alike if group[0].resembles(refusal)), None)
        if group is None:
            alike.append([refusal])
        else:
            group.append(refusal)
    for group in alike:
        last = group[-1]
        enough = unknown if last.about is Concern.MAILBOX else first
        if enough and len(group) >= enough:
            how = f"refused at {last.phase}" if last.answered else "impossible to write a mail for"
            return f"the first {len(group)} readers were all {how}, and nobody was accepted: {last.words}"
    return ""
