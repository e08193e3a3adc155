"""The rate of a whole fleet, from above and from below: never more than 5 % over, nor under while somebody could send.

Arrival patterns are played with a clock of their own, so no test here depends on how busy the machine is.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.errors import LedgerBusy
from digest.fleet.pacing import AHEAD, LATE, SLACK, FleetPacing
from digest.ledger import sharing as sharing_room
from digest.ledger.opening import open_ledger
from digest.ledger.sharing import Reservation, join


@dataclass
class Row:
    """`Sharing.pace` on a clock that the test moves. That it does what the database does is tested below."""

    now: float = 1000.0
    due: dict[str, float] = field(default_factory=dict)
    asked: int = 0

    def pace(self, bucket, *, span, slack, ahead):
        self.asked += 1
        due = self.due.get(bucket, self.now)
        if due > self.now + ahead + max(span, 60):
            due = self.now
        if due >= self.now + ahead:
            return Reservation(start=due, now=self.now, granted=False)
        start = max(due, self.now - slack)
        self.due[bucket] = start + span
        return Reservation(start=start, now=self.now, granted=True)


def play(seed, *, rate, workers, connections, hold, oversleep, seconds, slow=0.0):
    """When mails left: each holds its connection for about `hold` s; sleepers wake up to `oversleep` s late.

    `slow` is the share of mails to a domain that may have half of the rate. Returns the row, too.
    """
    rnd, row = random.Random(seed), Row()
    limits = {"slow.example": rate / 2} if slow else {}
    fleet = [
        FleetPacing(row, lambda: row.now, relay="r:25", rate=rate, per_domain=limits, stop=threading.Event())
        for _ in range(workers)
    ]
    number, end = itertools.count(), row.now + seconds
    idle = [(row.now + rnd.random() * 0.1, next(number), worker, "") for worker in fleet * connections]
    heapq.heapify(idle)
    sent = []
    while idle[0][0] < end:
        row.now, _, worker, domain = heapq.heappop(idle)
        domain = domain or ("slow.example" if rnd.random() < slow else "example.org")
        if lack := worker.ask(domain):
            heapq.heappush(idle, (row.now + lack + rnd.random() * oversleep, next(number), worker, domain))
        else:
            sent.append(row.now)
            heapq.heappush(idle, (row.now + hold * rnd.uniform(0.5, 1.5), next(number), worker, ""))
    return sent, row


def windows(sent, first, last):
    """How many mails left in each ten seconds, a second apart."""
    start = first
    while start + 10 <= last:
        yield bisect_left(sent, start + 10) - bisect_left(sent, start)
        start += 1


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    rate=st.sampled_from([5.0, 20.0, 100.0, 300.0]),
    workers=st.integers(1, 12),
    connections=st.integers(1, 8),
    room=st.floats(1.5, 20.0),
    oversleep=st.floats(0.0, 0.02),
    slow=st.sampled_from([0.0, 0.05]),
)
# A mail to the slow domain wants two turns at once: it, and who waited behind it, lost a fifth of all turns here.
@example(
    seed=4237027641, rate=5.0, workers=7, connections=1, room=18.933742756573416, oversleep=0.017877969115720885,
    slow=0.05,
)  # fmt: skip
@example(
    seed=330657648, rate=5.0, workers=11, connections=1, room=3.73662535873597, oversleep=0.01230330673752496, slow=0.05
)
def test_the_rate_is_kept_from_above_and_below(seed, rate, workers, connections, room, oversleep, slow):
    """Whoever sends how slowly over how many connections: any ten seconds are within 5 % of the rate.

    A window's two ends may cut off a mail each. `room` is how much more the connections could carry than the rate asks
    of them; at first they are all free at once, so what is looked at begins when that has evened out.
    """
    hold = workers * connections / (rate * room)
    seconds = 25 + 3 * hold
    sent, _ = play(
        seed, rate=rate, workers=workers, connections=connections, hold=hold, oversleep=oversleep, seconds=seconds,
        slow=slow,
    )  # fmt: skip
    most = max(bisect_left(sent, start + 10) - index for index, start in enumerate(sent))
    assert most <= rate * 10 * 1.05 + 1
    fewest = min(windows(sent, 1003 + 3 * hold, 1000 + seconds))
    assert fewest >= rate * 10 * 0.95 - 2, (fewest, hold)


def test_many_slow_workers_reach_the_rate():
    """Forty workers whose relay takes a second for each mail: no turn is kept by one that cannot use it."""
    sent, _ = play(1, rate=100.0, workers=40, connections=4, hold=1.0, oversleep=0.005, seconds=25)
    assert min(windows(sent, 1005, 1025)) >= 950


def test_a_worker_asks_some_times_a_second():
    """However high the rate, and however many connections wait for a turn, a worker asks some twenty times a second."""
    for rate, workers, connections, hold in ((100.0, 1, 8, 0.01), (1000.0, 1, 32, 0.01), (100.0, 4, 32, 0.5)):
        _, row = play(1, rate=rate, workers=workers, connections=connections, hold=hold, oversleep=0.001, seconds=10)
        assert row.asked <= 25 * 10 * workers, (rate, workers, connections)


def test_turns_do_not_outlive_their_moment():
    """A worker that slept for longer than LATE sends none of the turns it held, and the others were not held up."""
    row = Row()
    one, other = (
        FleetPacing(row, lambda: row.now, relay="r:25", rate=100.0, per_domain={}, stop=threading.Event())
        for _ in range(2)
    )
    for _ in range(60):  # going, so that it takes several at once
        while one.ask("x.org"):
            row.now += 0.001
    assert one.ask("x.org") == 0.0 or len(one._all._turns) > 1
    held = len(one._all._turns)
    row.now += 30.0
    now = 0
    while one.ask("x.org") == 0.0:
        now += 1
    assert now <= 100 * SLACK + 1, "no more than what anybody may catch up"
    assert held
    assert other.ask("x.org") >= 0.0


def test_while_the_database_is_away_nobodys_turn_comes():
    """An unreachable database is asked again in half a second; nothing is sent on a guess."""

    class Away(Row):
        def pace(self, *_, **__):
            message = "away"
            raise LedgerBusy(message)

    pacer = FleetPacing(Away(), lambda: 0.0, relay="r:25", rate=100.0, per_domain={}, stop=threading.Event())
    assert pacer.ask("x.org") == 0.5


@pytest.mark.parametrize("step", [-86400.0, 86400.0])
def test_a_databases_clock_that_is_set_stops_nobody(step):
    """Set back or forward by a day: once the worker has learned of it, its mails go on, at the rate."""
    row, worker = Row(), [1000.0]
    pacer = FleetPacing(row, lambda: worker[0], relay="r:25", rate=10.0, per_domain={}, stop=threading.Event())

    def sent(seconds):
        count, end = 0, worker[0] + seconds
        while worker[0] < end:
            wait = pacer.ask("x.org")
            count += not wait
            assert wait < 60
            row.now += wait or 0.001
            worker[0] += wait or 0.001
        return count

    assert 95 <= sent(10) <= 105
    row.now += step
    sent(3)  # by its own idea of the time
    worker[0] += step
    assert 95 <= sent(10) <= 105


@pytest.mark.parametrize("step", [-86400.0, 86400.0])
def test_a_turn_that_was_kept_before_the_clock_was_set_holds_up_no_domain(step):
    """It was kept for a mail that never asked for it: the domain waits a moment for that one, and not for a day."""
    row, worker = Row(), [1000.0]
    limits = {"slow.example": 1.0}
    pacer = FleetPacing(row, lambda: worker[0], relay="r:25", rate=0, per_domain=limits, stop=threading.Event())
    assert pacer.offer("slow.example") == 0.0
    row.now += step
    worker[0] += step
    for _ in range(20):
        row.now += 0.25
        worker[0] += 0.25
        if not pacer.offer("slow.example"):
            break
    else:
        pytest.fail("its turn does not come")


def test_what_a_clock_says_that_was_set_back_makes_no_worker_greedy():
    """It takes as many turns as it has just used, and remembers no more of them, whatever the clock said before."""
    row, worker = Row(), [1000.0]
    pacer = FleetPacing(row, lambda: worker[0], relay="r:25", rate=100.0, per_domain={}, stop=threading.Event())
    for step in (0.0, -86400.0):
        row.now += step
        worker[0] += step
        for _ in range(50):
            while wait := pacer.ask("x.org"):
                row.now += wait
                worker[0] += wait
            row.now += 0.05
            worker[0] += 0.05
    assert len(pacer._all._used) <= 10


def test_a_domains_limit_leaves_the_relays_turns_alone():
    """A mail whose domain must wait takes no turn of the relay's, and any spelling of the domain is the same."""
    row = Row()
    pacer = FleetPacing(
        row, lambda: row.now, relay="r:25", rate=100.0, per_domain={"Slow.example": 1.0, "free.example": 0.0},
        stop=threading.Event(),
    )  # fmt: skip
    assert pacer.ask("SLOW.example") == 0.0
    before = row.due["relay r:25"]
    assert pacer.ask("slow.example") > 0.5
    assert row.due["relay r:25"] == before
    assert set(row.due) == {"relay r:25", "domain slow.example"}
    while pacer.ask("free.example"):
        row.now += 0.001
    assert set(row.due) == {"relay r:25", "domain slow.example"}


@pytest.fixture
def sharing(database, monkeypatch):
    """The database's turns, each told by one look at its clock: it may be interrupted between two."""
    for name in ("_PACE", "_PACE_DUE"):
        words = getattr(sharing_room, name).replace("clock_timestamp()", "statement_timestamp()")
        monkeypatch.setattr(sharing_room, name, words)
    ledger = open_ledger(database, newsroom="Fleet Newsroom")
    yield join(ledger)
    ledger.close()


def test_the_database_loses_no_turn_while_somebody_asks(sharing):
    """Two who ask at once get turns that follow one another without overlap; a gap is there only if nobody asked."""
    span, found, lock = 0.002, [], threading.Lock()

    def ask():
        while sum(turn.granted for turn in found) < 100:
            turn = sharing.pace("relay r:25", span=span, slack=SLACK, ahead=AHEAD)
            with lock:
                found.append(turn)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    granted = sorted((turn for turn in found if turn.granted), key=lambda turn: turn.start)
    for before, after in itertools.pairwise(granted):
        gap = after.start - (before.start + span)
        assert gap > -1e-6, "two have one moment"
        if gap > 1e-6:
            assert after.now - (before.start + span) > SLACK - 1e-6, "a turn was lost though somebody asked"
    for turn in found:
        if turn.granted:
            assert turn.now - SLACK - 1e-6 <= turn.start <= turn.now + AHEAD


def test_idle_time_is_not_saved_up(sharing):
    """After a pause the first turns are the pause's last moments: no burst, whoever asks."""
    sharing.pace("relay r:25", span=0.001, slack=0.02, ahead=AHEAD)
    time.sleep(0.1)
    turn = sharing.pace("relay r:25", span=0.001, slack=0.02, ahead=AHEAD)
    assert turn.granted
    assert turn.start == pytest.approx(turn.now - 0.02, abs=1e-6)


def test_the_row_of_the_tests_is_the_databases(sharing):
    """The stand-in for the clock's sake grants, refuses and lets lapse as PostgreSQL does."""
    row = Row()
    for ask, seconds in enumerate((0.05, 0.05, 0.2, 0.05)):
        real = sharing.pace("relay x:25", span=seconds, slack=0.0, ahead=0.08)
        ours = row.pace("relay x:25", span=seconds, slack=0.0, ahead=0.08)
        if ask < 3:
            assert (real.granted, ours.granted) == (True, True) or real.now - row.now > 0.02
    assert not ours.granted
    assert sharing.pace("relay y:25", span=600.0, slack=0.1, ahead=0.05).granted
    assert not sharing.pace("relay y:25", span=600.0, slack=0.1, ahead=0.05).granted
    with sharing.database.writing() as transaction:
        transaction.run("UPDATE paces SET due = due + 86400")
    turn = sharing.pace("relay y:25", span=0.05, slack=0.1, ahead=0.08)
    assert turn.granted, "a clock that was set back wrote it"
    assert abs(turn.start - turn.now) < 1e-6
    assert LATE > SLACK, "what may be caught up can still be used"
