"""Whether a run that nobody has accepted a mail from yet should go on. Pure: outcomes in, a sentence or nothing out.

A relay that refuses the first few readers in the same words most likely refuses us: our address, our content, our
login. Going on would mark the whole list as refused. Until somebody was accepted, refusals are therefore not recorded
as such; they are given to `reason_to_stop`, and when that speaks, these readers are only put off.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from digest.delivery import Event, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.delivery import Outcome

FIRST = 5  # the same refusal for this many readers, and nobody accepted: it is about us
# A status 5.1.x says that this mailbox does not exist (RFC 3463, 3.2). A list may well begin with a few dead ones.
FIRST_UNKNOWN = 20

_UNKNOWN_MAILBOX = re.compile(r"(?:\A|\D)5\.1\.\d", re.ASCII)
_ABOUT_US = frozenset({Phase.CONNECT, Phase.BANNER, Phase.EHLO, Phase.STARTTLS, Phase.AUTH, Phase.MAIL})
_PERMANENT = 500


def about_us(outcome: Outcome) -> bool:
    """Whether a refusal was said before any reader was named: it must not be held against one."""
    return outcome.event is Event.REFUSE and outcome.code >= _PERMANENT and outcome.phase in _ABOUT_US


def proves(outcome: Outcome) -> bool:
    """Whether it shows that the relay takes our mails."""
    return outcome.event is Event.ACCEPT


def reason_to_stop(refusals: Sequence[Outcome], *, first: int = FIRST, unknown: int = FIRST_UNKNOWN) -> str:
    """Why the run should stop, after these refusals and not one acceptance; empty when it should go on.

    `first` readers with the same code in the same phase are enough; for mailboxes that do not exist, `unknown`. 0 means
    that no number is.
    """
    for outcome in refusals:
        if about_us(outcome):
            return f"the server refuses us ({outcome.phase}): {_said(outcome)}"
    alike = Counter(_kind(outcome) for outcome in refusals)
    for (code, phase, missing), count in alike.items():
        enough = unknown if missing else first
        if enough and count >= enough:
            last = next(each for each in reversed(refusals) if _kind(each) == (code, phase, missing))
            where = f"refused at {phase}" if code else "impossible to write a mail for"
            return f"the first {count} readers were all {where}, and nobody was accepted: {_said(last)}"
    return ""


def _kind(outcome: Outcome) -> tuple[int, Phase, bool]:
    return outcome.code, outcome.phase, bool(outcome.code and _UNKNOWN_MAILBOX.search(outcome.detail))


def _said(outcome: Outcome) -> str:
    return f"{outcome.code} {outcome.detail}" if outcome.code else outcome.detail
