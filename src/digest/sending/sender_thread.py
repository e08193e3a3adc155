"""The life of one connection: open, send as long as there is work, open again when it broke. One thread runs each.

    work ─▶ build ─▶ session: envelope, intend (durable), body, answer ─▶ heard by the run ─▶ told to the ledger

It never marks a reader by itself, and it decides nothing that concerns the others: that is the run's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from digest.delivery import Event, Outcome, Phase
from digest.errors import DigestError, TransportError

if TYPE_CHECKING:
    from digest.delivery import Outgoing
    from digest.ports import Session, Transport
    from digest.sending.run import Run

_GLANCE = 0.25  # seconds between two looks for work that others may have left


class Connection:
    """One connection of a run."""

    def __init__(self, run: Run, transport: Transport) -> None:
        self._run = run
        self._transport = transport
        self._feed = Feed(run)

    def live(self) -> None:
        """Send until there is nothing left to do. What goes wrong here ends the run, and is raised there."""
        try:
            self._deliver_all()
        except BaseException as error:  # noqa: BLE001 - the one who waits for all threads raises it
            self._run.halt(error)
        finally:
            self._feed.close()

    def _deliver_all(self) -> None:
        failures = 0
        while self._await_work():
            try:
                self._converse(self._transport.open())
                failures = 0
            except TransportError as error:
                failures = failures + 1 if self._run.failing else 0
                self._run.back_off(error, failures)

    def _await_work(self) -> bool:
        """Whether there is a mail to send. Waits for one that is due soon, or that another connection may leave."""
        run = self._run
        while not run.stop.is_set():
            if self._feed.ready():
                return True
            seconds = run.work.pause()
            if seconds is not None and seconds <= run.patience.deferred:
                run.stop.wait(min(max(seconds, 0.01), _GLANCE))
            elif not run.wait_for_others(_GLANCE):
                return False
        return False

    def _converse(self, session: Session) -> None:
        self._run.talking(+1)
        try:
            run = self._run
            for outcome in session.deliver(self._feed, run.intend, run.announce if run.ahead else None):
                run.hear(outcome)
        finally:
            session.close()
            self._run.committer.flush()  # so that the others see what was put off
            self._run.talking(-1)


class Feed:
    """The mails of one connection, made when they are asked for. It ends when there is none now, or the run ends."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next: Outgoing | None = None

    def __iter__(self) -> Self:
        """Itself: it can be handed to one session after another."""
        return self

    def __next__(self) -> Outgoing:
        """The next mail. Raises LedgerError when none can be claimed."""
        if not self._run.stop.is_set() and self.ready():
            mail, self._next = self._next, None
            assert mail is not None
            return mail
        raise StopIteration

    def ready(self) -> bool:
        """Whether there is a mail now; it is made and kept."""
        while self._next is None and (delivery := self._run.work.take()) is not None:
            try:
                self._next = self._run.build(delivery)
            except DigestError as error:
                self._run.hear(
                    Outcome(delivery=delivery.id, event=Event.REFUSE, phase=Phase.CONNECT, detail=str(error))
                )
        return self._next is not None

    def close(self) -> None:
        """Give back what was made and not sent."""
        if self._next is not None:
            self._run.committer.tell(self._next.delivery, Event.RELEASE)
            self._next = None
