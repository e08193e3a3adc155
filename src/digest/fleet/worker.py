"""One worker of a fleet: takes jobs, keeps its leases, and puts right what others left, until it is told to end.

    main thread   procrastinate: one chunk at a time, and what is due once a minute, once in the fleet
    beat thread   every 5 s: I live · leases renewed · dead workers' readers and jobs given to others

Told to end, it finishes the mails in flight and gives the rest back. While the database is away it waits for it, and
keeps what it knows. It decides nothing about mails. The journal of the schedule travels with the ledger's database, so
it does not matter which worker's turn it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING

from msgspec import Struct

from digest import distribution
from digest.delivery import MailingStatus
from digest.errors import DigestError, LedgerBusy, LedgerError, RelayLimit, SendStopped, TransportError, UsageError
from digest.fleet import queue
from digest.fleet.chunks import ChunkSender
from digest.fleet.engine import FleetEngine
from digest.fleet.monitor import FleetCounts, exposition, serving
from digest.fleet.pacing import SharedClock
from digest.fleet.queue import Queue
from digest.ledger.sharing import BEAT, LEASE
from digest.newsroom.newsroom import open_newsroom
from digest.scheduling.outcome import bug
from digest.sending.engines import MAX_AGE, MIN_TRIES
from digest.sending.progress import UNFINISHED
from digest.sending.transports import TransportSetup, open_transport
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digest.delivery import State
    from digest.fleet.chunks import Chunk
    from digest.ledger.ledger import SqlLedger
    from digest.ledger.sharing import Sharing
    from digest.newsroom.newsroom import Newsroom
    from digest.sending.stopping import Stopping

_GLANCE = 0.2  # seconds between two looks whether to end
_AGAIN = 1.0  # seconds until a database that went away is tried again
_FRESH = 15.0  # seconds for which counted deliveries are shown again
_REST = 900.0  # seconds for which a worker leaves an edition alone of which the relay takes no more for now
_HOUSEKEEPING = 60.0  # seconds between two looks for readers to be given up


class Worker:
    """A worker. `send(edition, owner, clock)` sends a chunk; `due` does what the schedule asks for, None: nothing.

    `stop`, once set, ends it; `say` takes what a person should read, a line at a time.
    """

    def __init__(
        self,
        sharing: Sharing,
        queue: Queue,
        *,
        name: str,
        version: str,
        send: Callable[[str, str, SharedClock], Chunk],
        due: Callable[[], None] | None,
        stop: threading.Event,
        say: Callable[[str], None],
    ) -> None:
        self.tally = FleetCounts()
        self._sharing = sharing
        self._queue = queue
        self._name = name
        self._version = version
        self._send = send
        self._due = due
        self._stop = stop
        self._say = say
        self._owners: set[str] = set()
        self._resting: dict[str, float] = {}  # editions, and the monotonic second at which each may go on
        self._clock = SharedClock(sharing.now)
        self._beaten = time.monotonic()
        self._tidied = float("-inf")
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._away = False
        self._counted: tuple[float, Mapping[str, Mapping[State, int]]] = (float("-inf"), {})

    def run(self) -> None:
        """Work until `stop` is set. Raises LedgerError when the ledger is newer than this program."""
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL + 1)  # what matters is said here, in a line
        beating = threading.Thread(target=self._beat_until_over, name="beat")
        beating.start()
        try:
            asyncio.run(self._work())
        finally:
            self._over.set()
            beating.join()
            with contextlib.suppress(LedgerError):  # it is forgotten in a minute anyway
                self._sharing.leave(self._name)
        if self._failure is not None:
            raise self._failure

    def trouble(self) -> str:
        """What is wrong, in words for `/healthz`; empty when all is well."""
        age = time.monotonic() - self._beaten
        return f"the database was last reached {age:.0f} s ago" if age > LEASE else ""

    def metrics(self) -> str:
        """The page for `/metrics`."""
        counted, editions = self._counted
        if time.monotonic() - counted > _FRESH:
            with contextlib.suppress(LedgerError):  # its age says that the database is away
                editions = self._unfinished()
                self._counted = time.monotonic(), editions
        age = time.monotonic() - self._beaten
        return exposition(self.tally, version=self._version, beat_age=age, editions=editions)

    def _unfinished(self) -> dict[str, Mapping[State, int]]:
        ledger = self._sharing.ledger
        found = {mailing.edition: ledger.counts(mailing.edition) for mailing in ledger.mailings()}
        return {edition: counts for edition, counts in found.items() if any(state in counts for state in UNFINISHED)}

    async def _work(self) -> None:
        """Serve the queues, and again when the database comes back after it went away."""
        import psycopg
        import psycopg_pool
        from procrastinate.exceptions import ProcrastinateException

        # A job that was given to another while this worker was frozen cannot be ended here: that is as it should be.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        away = (ProcrastinateException, OSError, psycopg.Error, psycopg_pool.PoolTimeout)
        while not self._stop.is_set():
            try:
                await self._serve()
            except away as error:
                self._say_away(error)
            if not self._stop.is_set():
                await asyncio.sleep(_AGAIN)

    async def _serve(self) -> None:
        from procrastinate import PsycopgConnector

        connector = PsycopgConnector(
            conninfo=self._queue.conninfo, kwargs=self._queue.options, min_size=1, max_size=4, timeout=10.0
        )
        app = queue.tasks(connector, self._chunk, self._do_due if self._due else None)
        names = [queue.MAILS, queue.SCHEDULE] if self._due else [queue.MAILS]
        async with app.open_async():
            running = [
                asyncio.create_task(
                    app.run_worker_async(
                        queues=[name],
                        name=self._name,
                        install_signal_handlers=False,
                        delete_jobs="always",
                        fetch_job_polling_interval=BEAT,
                        update_heartbeat_interval=BEAT,
                        stalled_worker_timeout=queue.STALLED,
                    )
                )
                for name in names
            ]
            while not self._stop.is_set() and not any(task.done() for task in running):
                await asyncio.wait(running, timeout=_GLANCE)
            for task in running:
                task.cancel()  # procrastinate ends the jobs that run before it ends
            for ended in await asyncio.gather(*running, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    def _chunk(self, edition: str) -> None:
        """A job of the queue."""
        if time.monotonic() < self._resting.get(edition, float("-inf")):
            return
        owner = f"{self._name}, run {secrets.token_hex(4)}"
        self._owners.add(owner)
        try:
            chunk = self._send(edition, owner, self._clock)
        except LedgerBusy as error:
            self._say_away(error)
        except DigestError as error:
            self._halt(edition, error)
        except Exception as error:  # noqa: BLE001 - a bug met in one edition keeps no other from going
            self._say(f"{edition}: {traceback.format_exc()}")
            self._halt(edition, bug(error, shown_by="this worker's output"))
        else:
            self.tally.add(chunk)
            if isinstance(chunk.stopped, SendStopped) and not isinstance(chunk.stopped, TransportError):
                self._halt(edition, chunk.stopped)
            elif chunk.stopped is not None:
                if isinstance(chunk.stopped, RelayLimit):
                    self._resting[edition] = time.monotonic() + _REST
                self._say(f"{edition}: {chunk.stopped}")
        finally:
            self._owners.discard(owner)

    def _do_due(self) -> None:
        """The other job. A bug in it is shown and stops nobody's mails: the next minute tries again."""
        assert self._due is not None
        try:
            self._due()
        except LedgerBusy as error:
            self._say_away(error)
        except Exception:  # noqa: BLE001 - procrastinate would swallow it
            self._say(f"what is due could not be done\n{traceback.format_exc()}")

    def _halt(self, edition: str, error: DigestError) -> None:
        """Hold the edition back for all: the others would be refused as this one was."""
        self._say(f"{edition}: held back: {error}")
        try:
            self._sharing.halt(edition, f"{self._name}: {error}")
        except LedgerError as failure:
            self._say(f"{edition}: {failure}")

    def _beat_until_over(self) -> None:
        while not self._over.is_set():
            try:
                self._beat()
            except LedgerError as error:
                self._say_away(error)
            except BaseException as error:  # noqa: BLE001 - a bug: run() raises it
                self._failure = error
                self._stop.set()
            self._over.wait(BEAT)

    def _beat(self) -> None:
        before = time.monotonic()
        told = self._sharing.beat(self._name, self._version, tuple(self._owners))
        after = time.monotonic()
        self._clock.learn(told, before, after)
        self._beaten, self._away = after, False
        try:
            self._sharing.check_version()
        except LedgerBusy:
            raise
        except LedgerError as error:
            self._failure = error
            self._stop.set()
            return
        with self._sharing.alone() as alone:
            if alone:
                self._tend()

    def _tend(self) -> None:
        for state, count in self._sharing.reap().items():
            self._say(f"found {counted(count, 'reader')} of a worker that is gone, now {state}")
        now, ledger = self._clock(), self._sharing.ledger
        if time.monotonic() - self._tidied > _HOUSEKEEPING:
            self._tidied = time.monotonic()
            for mailing in ledger.mailings():
                if mailing.standing is MailingStatus.OPEN:  # one that is held back waits for a person, however long
                    ledger.expire(mailing.edition, now, age=MAX_AGE, attempts=MIN_TRIES)
        self._queue.tend()

    def _say_away(self, error: Exception) -> None:
        if not self._away:
            self._say(" ".join(str(error).split()))
        self._away = True


def run_worker(
    newsroom: Newsroom, ledger: SqlLedger, *, host: str, port: int, stopping: Stopping, say: Callable[[str], None]
) -> None:
    """Be this machine's worker of the fleet until `stopping`.

    Raises UsageError when the newsroom has no fleet, or the port is taken; ConfigError when this machine lacks a
    password or a key; LedgerError in another place than where the ledger sent from.
    """
    if ledger.sharing is None:
        message = (
            "config.yaml sends from one machine; a fleet needs send: {engine: procrastinate, ledger: postgresql://…}"
        )
        raise UsageError(message)
    ledger.demand_place()
    # What this machine lacks, it says now: met in a chunk, it would hold the edition back for all.
    open_transport(TransportSetup(newsroom=newsroom, tell=say, stop=stopping.event))
    newsroom.sending_setup.signer()
    sender = ChunkSender(newsroom=newsroom, sharing=ledger.sharing, stop=stopping.event, tell=say)
    tick = ScheduleTick(newsroom=newsroom, stopping=stopping, say=say)
    worker = Worker(
        ledger.sharing,
        Queue(ledger.sharing),
        name=f"{socket.gethostname()}, process {os.getpid()}",
        version=distribution.version(),
        send=sender.send,
        due=tick.go if newsroom.config.settings.schedule and has_stories(newsroom) else None,
        stop=stopping.event,
        say=say,
    )
    try:
        with serving(host, port, worker.metrics, worker.trouble) as bound:
            say(f"at work; http://{host}:{bound}/metrics and /healthz")
            worker.run()
    except OSError as error:
        message = f"{host}:{port}: /metrics cannot be served there: {error.strerror}; give another --host or --port"
        raise UsageError(message) from None


def has_stories(newsroom: Newsroom) -> bool:
    """Whether this machine has the newsroom's folder, and not only its config.yaml."""
    return (newsroom.root / "stories").is_dir()


class ScheduleTick(Struct, frozen=True, kw_only=True):
    """What the schedule asks for, on whichever worker's turn it is."""

    newsroom: Newsroom
    stopping: Stopping
    say: Callable[[str], None]

    def go(self) -> None:
        """Do what is due. What a person must mend is said; the next minute tries again."""
        from digest.scheduling.scheduler import Scheduler

        try:
            # Opened anew each time: stories, config and approvals are what they are now.
            newsroom = open_newsroom(self.newsroom.config.document.file, self.newsroom.environ)
            if not has_stories(newsroom):
                # Without this, a volume that is not mounted would be a month without stories, settled for good.
                message = f"{newsroom.root}: has no stories/; what is due is left to workers that have the newsroom"
                raise UsageError(message)
            scheduler = Scheduler(
                newsroom=newsroom,
                now=newsroom.now(),
                say=self.say,
                warn=self.say,
                engine=FleetEngine(),
                publishes=False,  # workers come and go with their disks; no web server serves any of them
            )
            scheduler.run(self.stopping)
        except DigestError as error:
            self.say(str(error))
