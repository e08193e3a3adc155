"""Whether a run should stop for what the relay says. Pure: refusals in, a sentence or nothing out.

| what was refused, with no acceptance since | stops at |
|---|---|
| us, before any reader was named; or for how much we send | 1 |
| for who we are or what we send | 2 readers of two domains, else 5 |
| for the same reason as the others, before anybody was accepted | 5, of mailboxes that do not exist 20 |
| the same, after somebody was accepted | 5 (20) readers of at least two domains |

| what was put off (4xx), with no acceptance since | stops at |
|---|---|
| for a quota of hours or days, or with a time to wait that is longer than the run's patience | 1 |
| for how fast we send, again after each wait | 5 waits |
| before a reader was named, or for the name we go by, in the same words | 5 |
| in the same words at another phase, but for greylisting | 10 readers of three domains |

A relay that refuses readers one after another in the same words most likely refuses us: our address, our content, our
login, our number of mails. Going on would mark the whole list as refused. So no refusal is recorded as such before
another mail is accepted; refusals are given to `reason_to_stop`, and when that speaks, these readers are only put off.
One domain that refuses all its readers stops nothing while others are accepted: it may well know none of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import Concern, Event, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.delivery import Outcome

FIRST = 5  # the same refusal for this many readers: it is about us
FIRST_UNKNOWN = 20  # where it says that there is no such mailbox: a list may well have a few dead ones together
WAITS = 5  # for a relay that finds us too fast
PUT_OFF = 10  # readers in a row, in the same words
_LONG = re.compile(r"daily|hour|per day|\bday\b|quota|24 ?h|4\.4\.5", re.IGNORECASE | re.ASCII)
_GREYLISTING = re.compile(r"gr[ea]y.?list", re.IGNORECASE | re.ASCII)
DOMAINS = 2  # so many different ones say the same only if it is about us


class Refusal(Struct, frozen=True, kw_only=True):
    """An outcome that is no acceptance for good, and the domain of its reader."""

    outcome: Outcome
    domain: str = ""


def throttled(outcome: Outcome) -> bool:
    """Whether it was put off for how much or how fast we send."""
    later = outcome.event in (Event.DEFER, Event.RELEASE) and outcome.code
    return bool(later) and outcome.about in (Concern.LIMIT, Concern.CONNECTIONS)


def greylisted(outcome: Outcome) -> bool:
    """Whether a server wants each reader's first mail to come again."""
    return _GREYLISTING.search(outcome.detail) is not None


def reason_to_pause(outcome: Outcome, waits: int, patience: float) -> str:
    """Why a run should end for a throttling that it has met `waits` times in a row; empty when it should wait."""
    if not (_LONG.search(outcome.detail) or outcome.wait > patience or waits >= WAITS):
        return ""
    asked = f", and asks for {outcome.wait:,.0f} s" if outcome.wait else ""
    return f"the server takes no more of our mails for now ({outcome.phase}): {outcome.words}{asked}"


def reason_to_put_off(deferrals: Sequence[Refusal]) -> str:
    """Why the run should end, when all these were put off and nobody accepted since; empty when it should go on."""
    for group in _alike([each for each in deferrals if not greylisted(each.outcome)]):
        last = group[-1].outcome
        early = (last.phase is Phase.MAIL or last.ours) and len(group) >= FIRST
        if early or (len(group) >= PUT_OFF and _domains(group) > DOMAINS):
            return f"{len(group)} readers in a row were put off at {last.phase}: {last.words}"
    return ""


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
        words = f"{last.words} (if it is about them, not us: digest subscribers suppress ADDRESS, for each)"
        if proven:
            return f"{len(group)} readers in a row were all {how}: {words}"
        return f"the first {len(group)} readers of this run were all {how}, and nobody was accepted: {words}"
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
