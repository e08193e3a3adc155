"""When a deferred reader is tried again: pure arithmetic over what was said and how often it was tried.

A connection that broke says nothing about the reader, so that one is tried again at once, then ever less often. A 4xx
is the server asking for time: greylisting wants minutes (RFC 6647, 4.1), a full mailbox hours. The delays double up to
a cap (RFC 5321, 4.5.4.1). The jitter is derived from delivery and attempt, so the same past gives the same future.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from digest.delivery import Phase

if TYPE_CHECKING:
    from digest.delivery import Outcome

LOST = 1.0  # seconds until the first new try after a broken connection
ASKED = 300.0  # the same after a 4xx
OURS = 60.0  # after a 5xx that is not held against the reader: somebody has to mend something first
CAP = 4 * 3600.0
JITTER = 0.1  # of the delay, so that readers deferred together do not come back together
LONGEST = CAP * (1 + JITTER)  # a waiting time beyond this was written by a clock that has since been set back
LEASE = 900.0  # a claim's time: longer than the longest wait for a server's reply (RFC 5321, 4.5.3.2.6)

FAILED = 500  # from here on a reply code is a "never"


def delay(outcome: Outcome | None, *, delivery: int, attempts: int) -> float:
    """Seconds until the next try of a delivery that has now been tried `attempts` times (at least once)."""
    if outcome is not None and outcome.code >= FAILED:
        first = OURS
    elif outcome is not None and outcome.ours:  # we were too fast: the run waits, and this reader is as good as new
        return max(LOST, outcome.wait)
    elif outcome is None or not outcome.answered or outcome.phase is Phase.CONNECT:
        first = LOST
    else:
        first = ASKED
    plain = min(first * 2.0 ** min(attempts - 1, 32), CAP)
    seed = hashlib.blake2b(f"{delivery}/{attempts}".encode(), digest_size=4).digest()
    return plain * (1 + JITTER * int.from_bytes(seed) / 2**32)
