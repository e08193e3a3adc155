"""One machine's place in a fleet: a worker with its crew, what it shows, and what is due, done once in the fleet.

The journal of the schedule travels with the ledger's database, so it does not matter which worker's turn it is.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from digest.errors import DigestError, UsageError
from digest.fleet.engine import ChunkSender
from digest.newsroom.newsroom import Newsroom, open_newsroom

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.ledger.ledger import SqlLedger
    from digest.newsroom.newsroom import Newsroom
    from digest.sending.local import Stopping


def run_worker(
    newsroom: Newsroom, ledger: SqlLedger, *, host: str, port: int, stopping: Stopping, say: Callable[[str], None]
) -> None:
    """Be a worker of the fleet until `stopping`. Raises UsageError when the newsroom has none, or the port is taken."""
    from digest.fleet.jobs import Queue
    from digest.fleet.monitor import serving
    from digest.fleet.worker import Worker

    if ledger.sharing is None:
        message = (
            "config.yaml sends from one machine; a fleet needs send: {engine: procrastinate, ledger: postgresql://…}"
        )
        raise UsageError(message)
    crew = ChunkSender(newsroom=newsroom, sharing=ledger.sharing, stop=stopping.event)
    rounds = ScheduleTick(newsroom=newsroom, stopping=stopping, say=say)
    made = Worker(
        ledger.sharing,
        Queue(ledger.sharing),
        name=f"{socket.gethostname()}, process {os.getpid()}",
        version=version("digest"),
        send=crew.send,
        due=rounds.go if newsroom.config.settings.schedule and has_stories(newsroom) else None,
        stop=stopping.event,
        say=say,
    )
    try:
        with serving(host, port, made.metrics, made.trouble) as bound:
            say(f"at work; http://{host}:{bound}/metrics and /healthz")
            made.run()
    except OSError as error:
        message = f"{host}:{port}: /metrics cannot be served there: {error.strerror}; give another --host or --port"
        raise UsageError(message) from None


def has_stories(newsroom: Newsroom) -> bool:
    """Whether this machine has the newsroom's folder, and not only its config.yaml."""
    return (newsroom.root / "stories").is_dir()


@dataclass(frozen=True, kw_only=True)
class ScheduleTick:
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
            Scheduler(newsroom=newsroom, now=newsroom.now(), say=self.say, warn=self.say).run(self.stopping)
        except DigestError as error:
            self.say(str(error))
