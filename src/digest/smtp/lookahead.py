"""The mails that were taken from the run and have had no Outcome yet, in order. It decides nothing.

A source that has `ready()` is asked before it would make us wait, as long as there is a mail at hand: what is in flight
must have its answer heard, and what can go must not stand behind a mail whose turn is not yet.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from digest.delivery import Outgoing


class Lookahead:
    """Takes mails from an iterable before they are needed. What it raises is kept until what was taken is settled."""

    def __init__(self, mails: Iterable[Outgoing]) -> None:
        self._source = iter(mails)
        self._ready: Callable[[], bool] | None = getattr(mails, "ready", None)
        self._taken: deque[Outgoing] = deque()
        self._ended = False
        self._failure: Exception | None = None

    def fetch(self, count: int) -> None:
        """Have `count` mails at hand, if there are as many."""
        while not self._ended and len(self._taken) < count:
            try:
                if self._taken and self._ready is not None and not self._ready():
                    return
                self._taken.append(next(self._source))
            except StopIteration:
                self._ended = True
            except Exception as error:  # noqa: BLE001 - raised again by check(), after what is in flight
                self._ended, self._failure = True, error

    def first(self) -> Outgoing | None:
        """The mail whose turn it is."""
        return self.at(0)

    def second(self) -> Outgoing | None:
        """The one after it."""
        return self.at(1)

    def at(self, place: int) -> Outgoing | None:
        """The mail that is `place` behind the first."""
        self.fetch(place + 1)
        return self._taken[place] if len(self._taken) > place else None

    def drop(self) -> Outgoing:
        """The first one has its Outcome."""
        return self._taken.popleft()

    def rest(self) -> list[Outgoing]:
        """All that were taken and have no Outcome; nothing more is taken after that."""
        self._ended = True
        left = list(self._taken)
        self._taken.clear()
        return left

    def check(self, stop: Exception | None) -> None:
        """Raise what the source raised, now that everything taken is settled."""
        if self._failure is not None:
            raise self._failure from stop
