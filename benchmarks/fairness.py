"""What a slow domain costs the others: a list sorted by domain against the same list shuffled.

Run `python -m benchmarks.fairness [--quick]`. Forty readers are in a domain that takes five mails a second, a hundred
in others; all go to one smtp-sink over four connections, through the ledger and the engine; then by two workers of a
fleet, which share a PostgreSQL and the domain's rate. The slow domain alone sets how long that takes, wherever it
stands on the list. Times are by the clock, and in turns.
"""

from __future__ import annotations

import itertools
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import fleet, relay
from benchmarks.harness import Contestant, Table, Target, alone, compete, ratio
from digest.delivery import Outgoing, State
from digest.fleet.chunks import send_chunk
from digest.fleet.pacing import FleetPacing, SharedClock
from digest.ledger.opening import open_ledger
from digest.ledger.sharing import join
from digest.model import Recipient
from digest.sending.engines import send_edition
from digest.sending.progress import UNFINISHED
from digest.smtp.relay_settings import SmtpSettings
from digest.smtp.transport import SmtpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.delivery import Delivery
    from digest.ledger.ledger import SqlLedger

SLOW, RATE, CONNECTIONS = "a-slow.example", 5.0, 4
EDITION = "2022-02/everyone/en"
AT_MOST = 1.05


def measure(quick: bool) -> list[Table]:
    """Both orders of one list: a table for one machine, one for two workers of a fleet."""
    slow, others = (20, 50) if quick else (40, 100)
    ordered = [f"r{number:03}@{SLOW}" for number in range(slow)]
    ordered += [f"r{number:03}@b{number % 10}.example" for number in range(others)]
    mixed = random.Random(2022).sample(ordered, len(ordered))
    title = f"{slow} readers of a domain with {RATE:g} mails a second, {others} others"
    with relay.sink() as port, fleet.server() as url:
        settings = SmtpSettings(
            host="127.0.0.1", port=port, tls="none", per_domain={SLOW: RATE}, connections=CONNECTIONS
        )
        with closing(open_ledger(url, newsroom="Harbour News")) as ledger:
            editions = (f"2022-02/list-{number}/en" for number in itertools.count())
            shared = partial(_fleet_turn, settings, ledger, editions)
            rounds = 2 if quick else 5
            return [
                _both(title, partial(_turn, settings), mixed, ordered, rounds),
                _both(f"{title}, a fleet of two workers", shared, mixed, ordered, rounds),
            ]


def _both(
    title: str, turn: Callable[[list[str]], Callable[[], float]], mixed: list[str], ordered: list[str], rounds: int
) -> Table:
    shuffled = Contestant("shuffled", turn(mixed))
    by_domain = Contestant("sorted by domain, the slow one first", turn(ordered))
    compete([shuffled, by_domain], rounds)
    what = "a list sorted by domain, time to the same shuffled"
    target = Target(what=what, measured=ratio(by_domain, shuffled), at_most=AT_MOST)
    return Table(title=title, contestants=[shuffled, by_domain], peer=shuffled, targets=[target])


def build(delivery: Delivery) -> Outgoing:
    """A small mail to this reader."""
    data = b"Subject: February\r\n\r\nStories\r\n"
    return Outgoing(delivery=delivery.id, sender="digest@harbour.example", recipient=delivery.address, data=data)


def _fleet_turn(
    settings: SmtpSettings, ledger: SqlLedger, editions: Iterator[str], addresses: list[str]
) -> Callable[[], float]:
    """Two workers' sends at once, in one process: what they share is in the database."""
    sharing, stop = join(ledger), threading.Event()
    clock = SharedClock(sharing.now)

    def work(edition: str, owner: str) -> None:
        pacing = FleetPacing(sharing, clock, relay="sink", rate=0.0, per_domain=settings.per_domain, stop=stop)
        transport = SmtpTransport(settings, pacing)
        while any(ledger.counts(edition).get(state, 0) for state in UNFINISHED):
            send_chunk(sharing, transport, build, edition=edition, owner=owner, clock=clock, stop=stop,
                       connections=CONNECTIONS, size=16)  # fmt: skip

    def turn() -> float:
        edition = next(editions)
        ledger.freeze(edition, "hash", [Recipient(address=address) for address in addresses], sharing.now())
        start = time.perf_counter()
        with ThreadPoolExecutor(2) as workers:
            for ended in [workers.submit(work, edition, owner) for owner in ("one", "two")]:
                ended.result()
        seconds = time.perf_counter() - start
        assert ledger.counts(edition) == {State.SENT: len(addresses)}, ledger.counts(edition)
        return seconds / len(addresses)

    return turn


def _turn(settings: SmtpSettings, addresses: list[str]) -> Callable[[], float]:
    def turn() -> float:
        with tempfile.TemporaryDirectory() as folder:
            ledger = open_ledger("sqlite:///ledger.db", newsroom="Harbour News", root=Path(folder))
            ledger.freeze(EDITION, "hash", [Recipient(address=address) for address in addresses], 0.0)
            start = time.perf_counter()
            report = send_edition(ledger, SmtpTransport(settings), build, edition=EDITION, connections=CONNECTIONS)
            seconds = time.perf_counter() - start
            ledger.close()
        assert report.counts == {State.SENT: len(addresses)}, report.counts
        return seconds / len(addresses)

    return turn


if __name__ == "__main__":
    alone(measure, __doc__)
