"""Whether a run should stop for what the relay says. Pure: refusals in, a sentence or nothing out.

| what was refused, with no acceptance since | stops at |
|---|---|
| us, before any reader was named; or for how much we send | 1 |
| for who we are or what we send | 2 readers of two domains, else 5 |
| for the same reason as the others, before anybody was accepted | 5, of mailboxes that do not exist 20 |
| the same, after somebody was accepted | 5 (20) readers of at least two domains |

A relay that refuses readers one after another in the same words most likely refuses us: our address, our content, our
login, our number of mails. Going on would mark the whole list as refused. So no refusal is recorded as such before
another mail is accepted; refusals are given to `reason_to_stop`, and when that speaks, these readers are only put off.
One domain that refuses all its readers stops nothing while others are accepted: it may well know none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.delivery import Concern, Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.delivery import Outcome

FIRST = 5  # the same refusal for this many readers: it is about us
FIRST_UNKNOWN = 20  # where it says that there is no such mailbox: a list may well have a few dead ones together
DOMAINS = 2  # so many different ones say the same only if it is about us


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An outcome that is no acceptance for good, and the domain of its reader."""

    outcome: Outcome
    domain: str = ""


def about_us(outcome: Outcome) -> bool:
    """Whether a refusal was said before any reader was named."""
    return outcome.event is Event.REFUSE and outcome.about is Concern.US


def proves(outcome: Outcome) -> bool:
    """Whether it shows that the relay takes our mails."""
    return outcome.event is Event.ACCEPT


def limited(refusals: Sequence[Refusal]) -> bool:
    """Whether one of them is for how much we send, so that the rest may go later as they are."""
    return any(refusal.outcome.about is Concern.LIMIT for refusal in refusals)


def reason_to_stop(
    refusals: Sequence[Refusal], *, proven: bool = False, first: int = FIRST, unknown: int = FIRST_UNKNOWN
) -> str:
    """Why the run should stop, after these refusals and no acceptance since; empty when it should go on.

    `proven`: somebody was accepted before them. `first` and `unknown` are the numbers of the table, 0: no number is
    enough.
    """
    for refusal in refusals:
        outcome = refusal.outcome
        if about_us(outcome) or outcome.about is Concern.LIMIT:
            what = "takes no more of our mails for now" if outcome.about is Concern.LIMIT else "refuses us"
            return f"the server {what} ({outcome.phase}): {outcome.words}"
    policy = [refusal for refusal in refusals if refusal.outcome.about is Concern.POLICY]
    if first and (len(policy) >= first or _domains(policy) >= DOMAINS):
        return f"the server refuses us or what we send: {policy[-1].outcome.words}"
    for group in _alike(refusals):
        last = group[-1].outcome
        enough = unknown if last.about is Concern.MAILBOX else first
        if not enough or len(group) < enough or (proven and _domains(group) < DOMAINS):
            continue
        how = f"refused at {last.phase}" if last.answered else "impossible to write a mail for"
        if proven:
            return f"{len(group)} readers in a row were all {how}: {last.words}"
        return f"the first {len(group)} readers were all {how}, and nobody was accepted: {last.words}"
    return ""


def _domains(refusals: Sequence[Refusal]) -> int:
    return len({refusal.domain for refusal in refusals})


def _alike(refusals: Sequence[Refusal]) -> list[list[Refusal]]:
    """The refusals, those that resemble each other together."""
    groups: list[list[Refusal]] = []
    for refusal in refusals:
        group = next((group for group in groups if group[0].outcome.resembles(refusal.outcome)), None)
        if group is None:
            groups.append([refusal])
        else:
            group.append(refusal)
    return groups
