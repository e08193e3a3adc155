"""What a slow domain costs the others: a list sorted by domain against the same list shuffled.

Run `python -m benchmarks.fairness [--quick]`. Forty readers are in a domain that takes five mails a second, a hundred
in others; all go to one smtp-sink over four connections, through the ledger and the engine. The slow domain alone sets
how long that takes, wherever it stands on the list. Times are by the clock, and in turns.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import relay
from benchmarks.harness import Contestant, Table, Target, alone, compete, ratio
from digest.delivery import Outgoing, State
from digest.ledger.opening import open_ledger
from digest.model import Recipient
from digest.sending.engines import send_edition
from digest.smtp.relay_settings import SmtpSettings
from digest.smtp.transport import SmtpTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Delivery

SLOW, RATE, CONNECTIONS = "a-slow.example", 5.0, 4
EDITION = "2022-02/everyone/en"
AT_MOST = 1.05


def measure(quick: bool) -> list[Table]:
    """One table: both orders of one list."""
    slow, others = (20, 50) if quick else (40, 100)
    ordered = [f"r{number:03}@{SLOW}" for number in range(slow)]
    ordered += [f"r{number:03}@b{number % 10}.example" for number in range(others)]
    mixed = random.Random(2022).sample(ordered, len(ordered))
    with relay.sink() as port:
        shuffled = Contestant("shuffled", _turn(port, mixed))
        by_domain = Contestant("sorted by domain, the slow one first", _turn(port, ordered))
        compete([shuffled, by_domain], 2 if quick else 5)
    what = "a list sorted by domain, time to the same shuffled"
    target = Target(what=what, measured=ratio(by_domain, shuffled), at_most=AT_MOST)
    title = f"{slow} readers of a domain with {RATE:g} mails a second, {others} others"
    return [Table(title=title, contestants=[shuffled, by_domain], peer=shuffled, targets=[target])]


def _turn(port: int, addresses: list[str]) -> Callable[[], float]:
    settings = SmtpSettings(host="127.0.0.1", port=port, tls="none", per_domain={SLOW: RATE}, connections=CONNECTIONS)

    def build(delivery: Delivery) -> Outgoing:
        data = b"Subject: February\r\n\r\nStories\r\n"
        return Outgoing(delivery=delivery.id, sender="digest@harbour.example", recipient=delivery.address, data=data)

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
