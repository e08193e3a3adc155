"""A fleet as its people know it: workers killed, frozen and stopped; every reader has one mail, or a name."""

from __future__ import annotations

import re
import signal
from bisect import bisect
from contextlib import closing

from fleetparts import EDITION, SHORT_LEASE, Fleet, wait_until

import realpostgres
from digest.delivery import State
from digest.ledger.opening import open_ledger


def opened(url):
    """The ledger, as somebody who only looks."""
    return open_ledger(url, newsroom="Fleet Newsroom", create=False)


def held_by(ledger, worker):
    """How many readers the ledger says this worker has in its hands."""
    with ledger.database.reading() as transaction:
        asked = "SELECT count(*) FROM deliveries WHERE state IN ('claimed', 'sending') AND owner LIKE :owner"
        return transaction.run(asked, owner=f"%, process {worker.pid}, run %")[0][0]


def at_work(ledger, workers):
    """One that has readers in its hands, as soon as there is one."""
    wait_until(lambda: any(held_by(ledger, worker) for worker in workers))
    return max(workers, key=lambda worker: held_by(ledger, worker))


def test_one_worker_sends_all(fleet, sink):
    """A fleet of one sends every reader one mail, and `send` follows it to the end with the local engine's words."""
    fleet.write(300)
    worker = fleet.worker()
    sending = fleet.send()
    out, _ = sending.communicate(timeout=60)
    assert sending.returncode == 0, fleet.log(sending) + fleet.log(worker)
    assert "300 accepted" in out
    assert len(sink.got) == 300
    assert set(sink.got.values()) == {1}
    again = fleet.run(
        "send", "--month", "2022-02", "--live", "--yes", "--now", "2022-03-01T09:00", "--yes-now", "2022-03-01T09:00"
    )
    assert again.returncode == 4
    worker.terminate()
    assert worker.wait(20) == 0, fleet.log(worker)


def test_two_killed_one_frozen(fleet, sink, database):
    """Four workers, two killed in the middle, one frozen past its lease and woken: no reader twice, none missing.

    The rate of config.yaml holds over any ten seconds; who was in flight on a killed worker is held by name.
    """
    rate, readers = 30, 600
    fleet.main = SHORT_LEASE
    fleet.write(readers, rate=f"{rate}/s", connections=2)
    workers = fleet.workers(4)
    sending = fleet.send()
    with closing(opened(database)) as ledger:
        for _ in range(2):
            killed = at_work(ledger, workers)
            killed.kill()
            workers.remove(killed)
        frozen = at_work(ledger, workers)
        frozen.send_signal(signal.SIGSTOP)
        wait_until(lambda: not held_by(ledger, frozen))  # its lease is over, and what it held was taken from it
    frozen.send_signal(signal.SIGCONT)
    sending.communicate(timeout=150)

    with closing(opened(database)) as ledger:
        held = {each.address for each in ledger.deliveries(EDITION, [State.IN_DOUBT])}
        states = {each.address: each.state for each in ledger.deliveries(EDITION)}
    assert set(sink.got.values()) == {1}, "somebody was mailed twice"
    assert len(states) == readers
    missing = [address for address in states if address not in sink.got and address not in held]
    assert missing == []
    assert len(held) <= 2 * 2 * 4, "more than the mails in flight are in doubt"
    assert set(states.values()) <= {State.SENT, State.IN_DOUBT}
    assert sending.returncode == (1 if held else 0)
    times = sink.times
    most = max(bisect(times, start + 10) - number for number, start in enumerate(times))
    assert most <= rate * 10 * 1.05
    assert fleet.log(frozen).count("Traceback") == 0, fleet.log(frozen)
    assert frozen.poll() is None, "the woken worker goes on working"


def test_database_restarted(tmp_path, sink, tmp_path_factory):
    """PostgreSQL is stopped in the middle of a send and started again: the fleet waits, goes on, and loses nobody."""
    with realpostgres.running(tmp_path_factory.mktemp("runtime")) as server:
        fleet = Fleet(tmp_path, server.get_uri(), sink)
        try:
            fleet.write(120, rate="30/s")
            workers = fleet.workers(2)
            sending = fleet.send()
            sink.wait_for(40)
            server.stop()
            wait_until(lambda: any(re.search("again|cannot", fleet.log(worker)) for worker in workers))
            assert len(sink.taken) < 120
            server.start()
            sending.communicate(timeout=90)
            assert all(worker.poll() is None for worker in workers), [fleet.log(worker) for worker in workers]
            sink.wait_for(120, 90)
            wait_until(lambda: fleet.run("status").returncode == 0)
            assert set(sink.got.values()) == {1}
            status = fleet.run("status").stdout
            assert "120 accepted" in status, status
        finally:
            fleet.end()
