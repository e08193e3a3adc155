"""What a run has done so far, for a progress bar, and what it did in all, for a person and an exit code.

Counts of a run are kept in memory while it goes; the report's counts come from the ledger, which is the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.delivery import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.errors import DigestError

UNFINISHED = (State.PLANNED, State.CLAIMED, State.SENDING, State.DEFERRED)
HELD = (State.IN_DOUBT, State.REFUSED)
DONE, TROUBLED, RETRY, INTERRUPTED = 0, 1, 75, 130
STOPPED = "stopped "  # and an edition: the ledger's mark that says why its last run from this machine ended early


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run is. `total` is what it set out to send, `outcomes` what became of those; times in seconds."""

    total: int
    outcomes: Mapping[State, int]
    elapsed: float

    @property
    def done(self) -> int:
        """Readers this run has an answer for, whatever it was."""
        return min(self.total, sum(self.outcomes.values()))

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.done / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds to go at this rate; None as long as there is none."""
        return (self.total - self.done) / self.rate if self.done else None


class RunReport(Struct, frozen=True, kw_only=True):
    """What a run did. `counts` is the whole edition, from the ledger; `outcomes` is this run; `seconds` its length."""

    edition: str
    counts: Mapping[State, int]
    outcomes: Mapping[State, int] = field(default_factory=dict)
    stopped: DigestError | None = None  # why the run ended before its work did
    interrupted: bool = False  # a signal asked for the end
    next_try: float | None = None  # seconds since the epoch: when the first of what is left is due
    seconds: float = 0.0

    @property
    def sent(self) -> int:
        """Accepted in this run."""
        return self.outcomes.get(State.SENT, 0)

    @property
    def left(self) -> int:
        """Readers who are still to be mailed."""
        return sum(self.counts.get(state, 0) for state in UNFINISHED)

    @property
    def held(self) -> int:
        """Readers who were refused or are in doubt: each is named by `status`."""
        return sum(self.counts.get(state, 0) for state in HELD)

    @property
    def exit_code(self) -> int:
        """0 only when nothing is left to do and nobody is held."""
        if self.stopped is not None:
            return self.stopped.exit_code
        if self.interrupted:
            return INTERRUPTED
        if self.left:
            return RETRY
        return TROUBLED if self.held else DONE
