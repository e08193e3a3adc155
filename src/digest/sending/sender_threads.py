"""The threads of a run: each holds one connection and sends over it as long as there is work; another watches them.

    claim queue ─▶ build ─▶ session: envelope, intent (durable), body, answer ─▶ Run.hear ─▶ the ledger's next commit

A connection that broke is opened again. A thread marks no reader and decides nothing that concerns the others: that is
the run's.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from digest.delivery import Concern, Event, Outcome, Phase
from digest.errors import DigestError, RelayLimit, TransportError
from digest.sending.decisions import greylisted, throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Outgoing
    from digest.ports import Session, Transport
    from digest.sending.run import Run

_TICK = 0.1  # seconds between two looks at the connections
BAD = 3  # mails put off in a row over one connection: it may be the connection
ASIDE = 60.0  # seconds at most, for which such a connection leaves the work to the others
_GLANCE = 0.25  # seconds between two looks for work that others may have left


class SenderThread:
    """One connection of a run, and what is done over it."""

    def __init__(self, run: Run, transport: Transport) -> None:
        self._run = run
        self._transport = transport
        self._feed = Feed(run)
        self._bad = 0  # put off in a row over this connection
        self._bad_domains: set[str] = set()  # of their readers
        self._accepted = 0  # what the run had had accepted when the first of them was
        self._superfluous = False

    def work(self) -> None:
        """Send until there is nothing left to do. What goes wrong here ends the run, and is raised there."""
        try:
            self._deliver_all()
        except BaseException as error:  # noqa: BLE001 - the one who waits for all threads raises it
            self._run.halt(error)
        finally:
            self._feed.close()

    def _deliver_all(self) -> None:
        failures = bad = 0
        while self._await_work():
            try:
                self._converse(self._transport.open())
                failures = 0
            except RelayLimit:
                raise  # another connection would hear the same
            except TransportError as error:
                if self._superfluous or (error.crowded and self._run.others_talk(besides=0)):
                    return  # the relay has enough connections of ours; the others do the work
                failures = failures + 1 if self._run.failing else 0
                self._run.back_off(error, failures)
            bad = bad + 1 if self._bad >= BAD else 0
            if bad:
                self._stand_aside(min(2.0 ** (bad - 1), ASIDE))

    def _stand_aside(self, seconds: float) -> None:
        """Leave the work to the others for a while: this connection puts everybody off, theirs may not."""
        until = time.monotonic() + seconds
        self._run.stop.wait(min(self._run.patience.shortest, seconds))
        while time.monotonic() < until and not self._run.stop.is_set() and self._run.wait_for_others(_GLANCE):
            pass

    def _await_work(self) -> bool:
        """Whether there is a mail to send. Waits for one that is due soon, or that another connection may leave."""
        run = self._run
        while not run.stop.is_set():
            if self._feed.ready():
                return True
            seconds = run.held or run.queue.pause()
            if seconds is not None and (run.held or run.queue.waiting or seconds <= run.patience.deferred):
                run.stop.wait(min(max(seconds, 0.01), _GLANCE))
            elif not run.wait_for_others(_GLANCE):
                return False
        return False

    def _converse(self, session: Session) -> None:
        self._run.talking(+1)
        doubt = False
        try:
            run = self._run
            self._bad, self._superfluous = 0, False
            for outcome in session.deliver(self._feed, run.intend, run.announce if run.ahead else None):
                doubt = doubt or outcome.event is Event.DOUBT
                self._superfluous = outcome.about is Concern.CONNECTIONS and run.others_talk()
                domain = self._feed.domain_of(outcome)
                run.hear(outcome, domain)
                self._weigh(outcome, domain)
        finally:
            self._feed.ended = False
            session.close()
            if doubt:
                self._run.lost_at_the_end()
            self._run.committer.flush()  # so that the others see what was put off
            self._run.talking(-1)

    def _weigh(self, outcome: Outcome, domain: str) -> None:
        """End a connection over which mails are put off one after another: to several domains, or while others go."""
        if outcome.event is not Event.DEFER or not outcome.answered or throttled(outcome) or greylisted(outcome):
            self._bad = 0 if outcome.event is Event.ACCEPT else self._bad
            return
        if not self._bad:
            self._accepted = self._run.accepted
            self._bad_domains.clear()
        self._bad += 1
        self._bad_domains.add(domain)
        if self._bad >= BAD and (len(self._bad_domains) > 1 or self._run.accepted > self._accepted):
            self._feed.ended = True


class Feed:
    """The mails of one connection, made when they are asked for. It ends when there is none now, or the run ends."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next: Outgoing | None = None
        self._domains: dict[int, str] = {}  # of the readers whose mails were handed out
        self.ended = False  # nothing more over this connection

    def __iter__(self) -> Self:
        """Itself: it can be handed to one session after another."""
        return self

    def __next__(self) -> Outgoing:
        """The next mail; waits where only its turn is waited for. Raises LedgerError when none can be claimed."""
        run = self._run
        while not (run.stop.is_set() or self.ended):
            if self.ready():
                mail, self._next = self._next, None
                assert mail is not None
                self._domains[mail.delivery] = mail.recipient.rpartition("@")[2].lower()
                return mail
            if not (run.held or run.queue.waiting):
                break
            run.stop.wait(min(max(run.held or run.queue.pause() or 0.0, 0.01), _GLANCE))
        raise StopIteration

    def ready(self) -> bool:
        """Whether there is a mail now; it is made and kept."""
        if self._run.held or self.ended:
            return False
        while self._next is None and (delivery := self._run.queue.take()) is not None:
            try:
                self._next = self._run.build(delivery)
            except DigestError as error:
                refusal = Outcome(delivery=delivery.id, event=Event.REFUSE, phase=Phase.CONNECT, detail=str(error))
                self._run.hear(refusal, delivery.address.rpartition("@")[2].lower())
        return self._next is not None

    def domain_of(self, outcome: Outcome) -> str:
        """The domain of the reader whom an outcome is about; it is forgotten then."""
        return self._domains.pop(outcome.delivery, "")

    def close(self) -> None:
        """Give back what was made and not sent."""
        if self._next is not None:
            self._run.tell(self._next.delivery, Event.RELEASE)
            self._next = None


def drive(run: Run, transport: Transport, connections: int, stop: threading.Event, look: Callable[[], None]) -> bool:
    """Let the connections work until there is nothing left, then settle. Returns whether somebody asked for the end.

    `look` is called about ten times a second; what it raises ends the run. Raises what is no DigestError: a bug.
    """
    run.connections = connections
    threads = [
        threading.Thread(target=SenderThread(run, transport).work, name=f"connection {number}")
        for number in range(1, connections + 1)
    ]
    interrupted = _watch(run, threads, stop, look)
    try:
        run.close()
    except DigestError as error:
        run.halt(error)
    if run.halted is not None and not isinstance(run.halted, DigestError):
        raise run.halted
    return interrupted


def _watch(run: Run, threads: list[threading.Thread], stop: threading.Event, look: Callable[[], None]) -> bool:
    """Wait for the connections, having a look ten times a second. Returns whether somebody asked for the end."""
    interrupted = False
    _start(threads)
    while (thread := next((each for each in threads if each.is_alive()), None)) is not None:
        try:
            thread.join(_TICK)
            if stop.is_set():
                interrupted = True
                run.stop.set()
            if run.halted is None:
                look()
        except KeyboardInterrupt:  # where nobody handles the signal: the same as `stop`
            interrupted = True
            run.stop.set()
        except BaseException as error:  # noqa: BLE001 - told, or raised, when the connections are done
            run.halt(error)
    return interrupted and run.halted is None


def _start(threads: list[threading.Thread]) -> None:
    """Start the connections, or as many as the machine can bear. Raises RuntimeError when that is none."""
    for number, thread in enumerate(threads):
        try:
            thread.start()
        except RuntimeError:
            if not number:
                raise
            return
