"""What keeps a fleet's promise: leases that end, owners that are refused, one pace, one clock, jobs made anew."""

from __future__ import annotations

import re
import threading
import time
from zoneinfo import ZoneInfo

import psycopg
import pytest
from fleetparts import waiting
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery import Event, MailingStatus, Outcome, Phase, State
from digest.editions import archive
from digest.editions.archive import EditionContent
from digest.errors import LedgerBusy, LedgerError, RelayLimit, SendStopped, TransportError
from digest.fleet import queue as jobs
from digest.fleet.chunks import Chunk
from digest.fleet.pacing import AHEAD, SLACK, FleetPacing, SharedClock
from digest.fleet.queue import Queue
from digest.fleet.worker import Worker
from digest.ledger.opening import open_ledger
from digest.ledger.sharing import LEASE, join
from digest.model import Edition, Rendering
from digest.period import parse as period
from digest.sending.freeze import recall_published
from digest.sending.run import Patience, Run
from digest.testing import plain_mail, readers

EDITION = "2022-02/everyone/en"


@pytest.fixture
def shared(database):
    """Opens the fleet's ledger, as each machine does."""
    ledgers = []

    def one():
        ledgers.append(open_ledger(database, newsroom="Fleet Newsroom"))
        return join(ledgers[-1])

    yield one
    for ledger in ledgers:
        ledger.close()


def lapse(database, owner):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE digest.deliveries SET lease = 1 WHERE owner = %s", [owner])


@pytest.fixture(autouse=True)
def _long_up(monkeypatch):
    """The test's server has only just started; a real one's leases are reaped when it has been up for a while."""
    from digest.ledger import sharing

    monkeypatch.setattr(sharing, "_REAP", sharing._REAP.replace("+ :lease", "+ :lease * 0"))


def test_dead_workers_readers(shared, database):
    """What a dead worker had claimed is planned again, what it was sending is in doubt, and each has a reason."""
    one, two = shared(), shared()
    one.ledger.freeze(EDITION, "hash", readers(4), now=one.now())
    taken = one.ledger.claim(EDITION, "dead", 3, one.now())
    one.ledger.record([(taken[0].id, Event.INTEND, None)], one.now(), "dead")
    assert two.reap() == {}, "its lease is not over"
    lapse(database, "dead")
    assert two.reap() == {"in_doubt": 1, "planned": 2}
    assert two.ledger.counts(EDITION) == {State.PLANNED: 3, State.IN_DOUBT: 1}
    (held,) = two.ledger.deliveries(EDITION, [State.IN_DOUBT])
    assert "may have been accepted" in held.detail
    assert held.attempts == 1
    planned = two.ledger.deliveries(EDITION, [State.PLANNED])
    assert {each.attempts for each in planned} == {0}, "nobody tried to mail them"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT DISTINCT owner FROM digest.deliveries").fetchall() == [("",)]


def test_left_while_a_dead_worker_had_them(shared, database):
    """Who leaves while a dead worker holds the mail is not planned again, and the ledger says why."""
    one = shared()
    one.ledger.freeze(EDITION, "hash", readers(2), now=one.now())
    one.ledger.claim(EDITION, "dead", 2, one.now())
    one.ledger.suppress("reader1@example.org", "everyone", "unsubscribed", "", one.now())
    lapse(database, "dead")
    one.reap()
    assert one.ledger.counts(EDITION) == {State.SUPPRESSED: 1, State.PLANNED: 1}


def test_nothing_is_due_before_its_time(shared):
    """Jobs are made for readers whose turn has come, not for those who were put off, nor for a paused edition."""
    one = shared()
    one.ledger.freeze(EDITION, "hash", readers(3), now=one.now())
    (first,) = one.ledger.claim(EDITION, "me", 1, one.now())
    one.ledger.record([(first.id, Event.INTEND, None)], one.now(), "me")
    put_off = Outcome(delivery=first.id, event=Event.DEFER, phase=Phase.RCPT, code=450, detail="later")
    one.ledger.record([(first.id, Event.DEFER, put_off)], one.now(), "me")
    assert one.ledger.counts(EDITION) == {State.PLANNED: 2, State.DEFERRED: 1}
    assert one.due(EDITION, one.now(), 100) == 2
    assert one.due(EDITION, one.now() + 90_000, 100) == 3
    assert one.due(EDITION, one.now(), 1) == 1
    assert one.due(EDITION, one.now() - 90_000, 100) == 3, "a clock that was set back put the third off"
    assert one.due("2000-01/nobody/en", one.now(), 100) == 0
    one.ledger.pause(EDITION)
    assert one.due(EDITION, one.now() + 90_000, 100) == 0


def test_one_keeps_house_at_a_time(shared):
    """While one puts right what others left, the next one does not; when it is done, anybody may."""
    one, two = shared(), shared()
    with one.alone() as first, two.alone() as second:
        assert (first, second) == (True, False)
    with two.alone() as third:
        assert third


def test_who_is_there(shared, database):
    """A worker counts while it is heard, not when it has left, was silent for long, or is forgotten."""
    one = shared()
    for name in ("a", "b", "c"):
        one.beat(name, "1", ())
        one.beat(name, "1", ())
    assert one.present() == 3
    one.leave("a")
    assert one.present() == 2
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE digest.workers SET seen = seen - 20 WHERE name = 'b'")
        assert (one.present(), one.present(within=60)) == (1, 2)
        connection.execute("UPDATE digest.workers SET seen = seen - 60 WHERE name = 'b'")
        one.reap()
        assert connection.execute("SELECT name FROM digest.workers").fetchall() == [("c",)]


def test_what_is_kept_is_changed_by_one_at_a_time(shared):
    """Two machines that change the same thing at once both have their say."""
    sharings = [shared(), shared()]

    def add(sharing):
        for _ in range(20):
            sharing.change("count", lambda data: str(int(data or b"0") + 1).encode())

    threads = [threading.Thread(target=add, args=[each]) for each in sharings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sharings[0].get("count") == b"40"


def test_a_content_that_is_lost_or_another_goes_to_nobody(shared):
    """Readers who are left get what the others got, or nothing, with what to do: never what is in its place."""
    sharing = shared()
    edition = Edition(period=period("2022-02", ZoneInfo("UTC")), audience="everyone", language="en")
    first, second = (
        EditionContent(
            rendering=Rendering(edition=edition, subject=each, preheader="", html="<p>x</p>", text="x", nonce="0f3a")
        )
        for each in ("first", "second")
    )
    name = f"rendering {first.fingerprint}"
    for data in (None, b"", b"{", b"{}", archive.as_data(second)):
        if data is not None:
            sharing.put(name, data)
        with pytest.raises(LedgerError, match="put the table `shelf` back"):
            recall_published(sharing, edition, first.fingerprint)
    sharing.put(name, archive.as_data(first))
    assert recall_published(sharing, edition, first.fingerprint) == first


class Bench:
    """A worker whose parts can be tried one by one; `chunks` are what its sends come to, the next one first."""

    def __init__(self, sharing, due=None):
        self.sharing, self.said, self.chunks, self.stop = sharing, [], [], threading.Event()
        self.queue = Queue(sharing)
        self.owners = []
        self.worker = Worker(
            sharing, self.queue, name="bench", version="1", send=self._send, due=due, stop=self.stop,
            say=self.said.append,
        )  # fmt: skip

    def _send(self, _edition, owner, _clock):
        self.owners.append((owner, set(self.worker._owners)))
        chunk = self.chunks.pop(0)
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk


def test_a_beat_puts_right_what_others_left(shared, database):
    """A dead worker's readers are planned and have a job; who was put off for five days is given up; it is said."""
    one = shared()
    now = one.now()
    one.ledger.freeze(EDITION, "hash", readers(3), now=now - 6 * 86400)
    one.ledger.claim(EDITION, "dead", 2, now)
    with psycopg.connect(database, autocommit=True) as connection:
        put_off = "UPDATE digest.deliveries SET state = 'deferred', attempts = 9, next_try = %s, changed = %s "
        connection.execute(f"{put_off} WHERE state = 'planned'", [now + 999, now - 99])
    bench = Bench(shared())
    ledger = bench.sharing.ledger
    lapse(database, "dead")
    bench.worker._beat()
    assert ledger.counts(EDITION) == {State.PLANNED: 2, State.REFUSED: 1}
    assert bench.said == ["found 2 readers of a worker that is gone, now planned"]
    assert waiting(bench.queue) == 1
    assert bench.sharing.present() == 1


def test_a_clock_that_was_set_back_puts_off_no_housekeeping(shared, monkeypatch):
    """Who was put off for five days is given up though the last look was, by the database's clock, tomorrow."""
    from digest.fleet import worker

    monkeypatch.setattr(worker, "_HOUSEKEEPING", 0.0)
    bench, aged = Bench(shared()), []
    bench.sharing.ledger.freeze(EDITION, "hash", readers(3), now=bench.sharing.now())
    monkeypatch.setattr(bench.sharing.ledger, "expire", lambda _edition, now, **_: aged.append(now))
    told, now = bench.sharing.beat, bench.sharing.now()
    for day in (86400.0, 0.0):
        monkeypatch.setattr(bench.sharing, "beat", lambda *said, day=day: told(*said) + day)
        bench.worker._beat()
    assert [round((each - now) / 86400) for each in aged] == [1, 0]


def test_an_edition_that_is_held_back_gives_nobody_up(shared):
    """A relay that refuses us for a week, until somebody mends it, costs no reader the mail."""
    bench = Bench(shared())
    sharing, ledger, now = bench.sharing, bench.sharing.ledger, bench.sharing.now()
    ledger.freeze(EDITION, "hash", readers(1), now=now - 6 * 86400)
    for _ in range(9):
        (row,) = ledger.claim(EDITION, "me", 1, now + 86400)
        refusal = Outcome(delivery=row.id, event=Event.DEFER, phase=Phase.RCPT, code=550, detail="5.7.1 blocked")
        ledger.record([(row.id, Event.DEFER, refusal)], now, "me")
    sharing.halt(EDITION, "blocked")
    bench.worker._beat()
    assert ledger.counts(EDITION) == {State.DEFERRED: 1}


def test_what_stops_the_fleet_and_what_does_not(shared):
    """A refusal of us, or a machine that cannot send, holds the edition back for all; a relay that is away does not."""
    bench = Bench(shared())
    sharing, ledger = bench.sharing, bench.sharing.ledger
    ledger.freeze(EDITION, "hash", readers(3), now=sharing.now())
    bench.chunks = [Chunk(stopped=TransportError("the relay is away")), LedgerBusy("away")]
    bench.worker._chunk(EDITION)
    bench.worker._chunk(EDITION)
    assert ledger.mailing(EDITION).standing is MailingStatus.OPEN
    assert bench.said == [f"{EDITION}: the relay is away", "away"]
    for error in (Chunk(stopped=SendStopped("who are you")), LedgerError("no rendering")):
        bench.chunks = [error]
        bench.worker._chunk(EDITION)
        assert ledger.mailing(EDITION).standing is MailingStatus.PAUSED
        assert sharing.halted(EDITION) == f"bench: {getattr(error, 'stopped', error)}"
        sharing.resume(EDITION)
        assert sharing.halted(EDITION) == ""
        assert ledger.mailing(EDITION).standing is MailingStatus.OPEN
    assert all(owner in held for owner, held in bench.owners), "its leases are renewed while it sends"
    assert not bench.worker._owners
    bench.chunks = [Chunk(outcomes={State.SENT: 3}, seconds=2.0)]
    bench.worker._chunk(EDITION)
    tally = bench.worker.tally
    assert (tally.chunks, tally.failures, tally.seconds, tally.outcomes) == (3, 2, 2.0, {State.SENT: 3})
    assert len({owner for owner, _ in bench.owners}) == 5, "each run has a name of its own"


def test_a_bug_in_one_edition_holds_that_edition_back_only(shared):
    """It is shown whole and told to the ledger, so that no other worker runs into it; this one goes on."""
    bench, other = Bench(shared()), "2022-02/impact/en"
    sharing = bench.sharing
    for edition in (EDITION, other):
        sharing.ledger.freeze(edition, "hash", readers(3), now=sharing.now())
    bench.chunks = [ZeroDivisionError("by chance"), Chunk(outcomes={State.SENT: 3})]
    bench.worker._chunk(EDITION)
    bench.worker._chunk(other)
    assert not bench.stop.is_set()
    assert "Traceback" in bench.said[0]
    told = "bench: a bug of digest, ZeroDivisionError: by chance; this worker's output shows where"
    assert sharing.halted(EDITION) == told
    assert sharing.ledger.mailing(EDITION).standing is MailingStatus.PAUSED
    assert sharing.ledger.mailing(other).standing is MailingStatus.OPEN
    assert bench.worker.tally.outcomes == {State.SENT: 3}


def test_an_edition_rests_when_the_relay_takes_no_more(shared, monkeypatch):
    """It stays open and says so once; its jobs find nothing to do for a while, and then it goes on."""
    bench, other = Bench(shared()), "2022-02/impact/en"
    for edition in (EDITION, other):
        bench.sharing.ledger.freeze(edition, "hash", readers(3), now=bench.sharing.now())
    bench.chunks = [Chunk(stopped=RelayLimit("no more for now"))]
    for _ in range(3):
        bench.worker._chunk(EDITION)
    assert bench.said == [f"{EDITION}: no more for now"]
    assert bench.sharing.ledger.mailing(EDITION).standing is MailingStatus.OPEN
    sent = Chunk(outcomes={State.SENT: 3})
    bench.chunks = [sent, sent]
    bench.worker._chunk(other)
    now = time.monotonic()
    monkeypatch.setattr("digest.fleet.worker.time.monotonic", lambda: now + 3600.0)
    bench.worker._chunk(EDITION)
    assert not bench.chunks


def test_a_bug_in_what_is_due_is_shown(shared):
    """The schedule's job never fails in silence, and never stops the mails."""

    def due():
        message = "a bug"
        raise ZeroDivisionError(message)

    bench = Bench(shared(), due=due)
    bench.worker._do_due()
    assert "ZeroDivisionError: a bug" in bench.said[0]
    assert not bench.stop.is_set()


def test_a_worker_that_has_not_reached_the_database_is_not_well(shared):
    """Past a lease `/healthz` says since when; `/metrics` shows the unfinished editions and no others."""
    bench = Bench(shared())
    ledger = bench.sharing.ledger
    assert bench.worker.trouble() == ""
    ledger.freeze(EDITION, "hash", readers(1), now=bench.sharing.now())
    ledger.freeze("2022-03/everyone/en", "hash", readers(1), now=bench.sharing.now())
    ledger.cancel("2022-03/everyone/en", bench.sharing.now())
    page = bench.worker.metrics()
    assert f'digest_deliveries{{edition="{EDITION}",state="planned"}} 1' in page
    assert "2022-03" not in page
    bench.worker._beaten -= LEASE + 1
    age = re.fullmatch(r"the database was last reached (\d+) s ago", bench.worker.trouble())[1]
    assert int(age) > LEASE


def test_woken_worker_is_refused(shared, database):
    """A worker that wakes past its lease may begin nothing it had claimed, and its late answer still ends a doubt."""
    one, two = shared(), shared()
    one.ledger.freeze(EDITION, "hash", readers(2), now=one.now())
    first, second = one.ledger.claim(EDITION, "frozen", 2, one.now())
    one.ledger.record([(first.id, Event.INTEND, None)], one.now(), "frozen")
    lapse(database, "frozen")
    two.reap()
    assert one.ledger.record([(second.id, Event.INTEND, None)], one.now(), "frozen") == {second.id}
    assert [each.id for each in two.ledger.claim(EDITION, "other", 5, two.now())] == [second.id]
    assert one.ledger.record([(second.id, Event.INTEND, None)], one.now(), "frozen") == {second.id}
    assert one.ledger.record([(first.id, Event.ACCEPT, None)], one.now(), "frozen") == frozenset()
    assert two.ledger.counts(EDITION) == {State.SENT: 1, State.CLAIMED: 1}


def test_a_lease_of_a_clock_that_was_set_back_ends(shared, database, monkeypatch):
    """A worker claims, the database's clock is set back by a day, and the worker dies: its reader waits for no day."""
    from digest.ledger import sharing

    tomorrow = sharing._REAP.replace("pg_postmaster_start_time()", "now() + interval '1 day'")  # when it started
    monkeypatch.setattr(sharing, "_REAP", tomorrow)
    one, two = shared(), shared()
    with psycopg.connect(database, autocommit=True) as connection:
        one.beat("dead", "1.0", ())
        assert two.present() == 1
        connection.execute("UPDATE digest.workers SET seen = seen + 86400")
        assert two.present() == 0
    one.ledger.freeze(EDITION, "hash", readers(1), now=one.now())
    one.ledger.claim(EDITION, "dead", 1, one.now() + 86400)
    assert two.reap() == {}, "it may live, and has the time to renew"
    with psycopg.connect(database) as connection:
        ((lease,),) = connection.execute("SELECT lease FROM digest.deliveries").fetchall()
        assert connection.execute("SELECT name FROM digest.workers").fetchall() == []
    assert abs(lease - one.now() - LEASE) < 5
    lapse(database, "dead")
    assert two.reap() == {"planned": 1}


def test_what_a_worker_has_in_hand_it_takes_no_second_time(shared, database):
    """A reader whose lease ended beneath a worker is given back, and claimed by it again: there is one mail to send.

    The second of two would be refused its intent, and give back the first, which is on its way.
    """
    one, two = shared(), shared()
    one.ledger.freeze(EDITION, "hash", readers(1), now=one.now())
    run = Run(
        ledger=one.ledger, edition=EDITION, owner="woken", build=plain_mail, clock=one.now, patience=Patience(),
        ahead=False,
    )  # fmt: skip
    mail = plain_mail(run.queue.take())
    lapse(database, "woken")
    assert two.reap() == {"planned": 1}
    assert run.queue.take() is None, "it is in hand"
    assert run.intend(mail)
    assert two.ledger.counts(EDITION) == {State.SENDING: 1}
    run.hear(Outcome(delivery=mail.delivery, event=Event.DEFER, phase=Phase.DOT, code=421))
    run.committer.flush()
    wait = one.ledger.next_try(EDITION, one.now()) - one.now()
    time.sleep(max(0.0, wait))
    assert plain_mail(run.queue.take()) == mail, "it was put off, and may come again"
    run.close()


def test_frozen_in_a_transaction(shared, database):
    """A worker that is frozen inside a transaction keeps the others from nothing: its rows are stepped over."""
    one, two = shared(), shared()
    one.ledger.freeze(EDITION, "hash", readers(2), now=one.now())
    first, _ = one.ledger.claim(EDITION, "frozen", 2, one.now())
    lapse(database, "frozen")
    with one.database.writing() as transaction:
        transaction.core.exec_driver_sql(f"SELECT id FROM deliveries WHERE id = {first.id} FOR UPDATE")
        assert two.reap() == {"planned": 1}
        assert transaction.core.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == f"{LEASE:.0f}s"


def test_a_claim_is_as_short_as_a_renewal(shared, database):
    """From the claim itself on a lease is LEASE seconds: a worker that dies at once keeps nobody for longer."""
    one = shared()
    now = one.now()
    one.ledger.freeze(EDITION, "hash", readers(2), now=now)
    one.ledger.claim(EDITION, "mine", 1, now)
    with psycopg.connect(database) as connection:
        (lease,) = connection.execute("SELECT lease FROM digest.deliveries WHERE owner = 'mine'").fetchone()
        assert lease == pytest.approx(now + LEASE, abs=1e-3)
        before = one.now()
        one.beat("here", "1", ["mine"])
        connection.rollback()
        (lease,) = connection.execute("SELECT lease FROM digest.deliveries WHERE owner = 'mine'").fetchone()
        assert before + LEASE <= lease <= one.now() + LEASE


def test_beat_renews(shared, database):
    """A beat renews the leases of its own runs and of no others."""
    one = shared()
    one.ledger.freeze(EDITION, "hash", readers(4), now=one.now())
    one.ledger.claim(EDITION, "mine", 2, one.now())
    one.ledger.claim(EDITION, "dead", 2, one.now())
    lapse(database, "mine")
    lapse(database, "dead")
    one.beat("here", "1", ["mine"])
    assert one.reap() == {"planned": 2}
    assert one.ledger.counts(EDITION) == {State.PLANNED: 2, State.CLAIMED: 2}
    assert one.present() == 1


def test_leases_stand_while_the_server_was_away(shared, database, monkeypatch):
    """Nobody could renew while the server was down: right after its start no lease is over."""
    monkeypatch.undo()
    one = shared()
    one.ledger.freeze(EDITION, "hash", readers(1), now=one.now())
    one.ledger.claim(EDITION, "mine", 1, one.now())
    lapse(database, "mine")
    monkeypatch.setattr("digest.ledger.sharing.LEASE", 1e9)  # the server has not been up for as long
    assert one.reap() == {}
    monkeypatch.setattr("digest.ledger.sharing.LEASE", 0.0)
    assert one.reap() == {"planned": 1}


def test_cancelled_meanwhile(shared, database):
    """What a dead worker held of an edition that was called off is called off too, and not planned again."""
    one = shared()
    one.ledger.freeze(EDITION, "hash", readers(2), now=one.now())
    one.ledger.claim(EDITION, "dead", 2, one.now())
    one.ledger.cancel(EDITION, one.now())
    lapse(database, "dead")
    one.reap()
    assert one.ledger.counts(EDITION) == {State.CANCELLED: 2}


def test_newer_ledger(shared, database):
    """A ledger that was upgraded under a running worker is refused by it, with what to do."""
    one = shared()
    one.check_version()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE digest.meta SET value = '99' WHERE key = 'version'")
    with pytest.raises(LedgerError, match="version 99 by a newer digest"):
        one.check_version()


def test_not_on_sqlite(tmp_path):
    """A fleet cannot share a file."""
    ledger = open_ledger("sqlite:///ledger.db", newsroom="Fleet Newsroom", root=tmp_path)
    with pytest.raises(LedgerError, match="a fleet shares a PostgreSQL"):
        join(ledger)
    ledger.close()


def test_jobs_are_made_anew(shared, database):
    """A job that is lost, with its worker or from the table, is replaced as long as somebody waits for a mail."""
    one = shared()
    one.ledger.freeze(EDITION, "hash", readers(3), now=one.now())
    queue = Queue(one)
    assert Queue(one).schema == queue.schema, "the second one finds the tables"
    assert queue.fill(EDITION, 4_001) == 3
    assert queue.tend() == 0, "there are jobs"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"SET search_path = {queue.schema}")
        connection.execute("UPDATE procrastinate_jobs SET status = 'doing'")  # by a worker that is not there
    assert queue.tend() == 1
    assert waiting(queue) == 1
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"SET search_path = {queue.schema}")
        assert connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (1,), "the lost are gone"
        connection.execute("DELETE FROM procrastinate_jobs")
    one.ledger.pause(EDITION)
    assert queue.tend() == 0, "a paused edition needs none"


def test_a_job_is_lost_when_its_worker_is_silent(shared, database):
    """A job is left to a worker that is heard, and made anew when it was not heard for half a minute."""
    one = shared()
    one.ledger.freeze(EDITION, "hash", readers(3), now=one.now())
    queue = Queue(one)
    queue.fill(EDITION, 1)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"SET search_path = {queue.schema}")
        (worker,) = connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id").fetchone()
        connection.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", [worker])
        queue.tend()
        doing = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'"
        assert connection.execute(doing).fetchone() == (1,)
        connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '31 seconds'")
        queue.tend()
        assert connection.execute(doing).fetchone() == (0,)
    assert waiting(queue) == 1


def test_an_edition_of_millions_does_not_flood_the_queue(shared, monkeypatch):
    """No more jobs than MOST are put in at once, and one that nobody needs is not put in."""
    monkeypatch.setattr(jobs, "MOST", 3)
    queue = Queue(shared())
    assert queue.fill(EDITION, 10_000_000) == 3
    assert queue.fill(EDITION, 0) == 0
    assert waiting(queue) == 3


def paced(sharing, **limits):
    stop = threading.Event()
    limits = {"relay": "relay:25", "rate": 0.0, "per_domain": {}} | limits
    return FleetPacing(sharing, SharedClock(sharing.now), stop=stop, **limits), stop


def test_one_pace_for_all(shared):
    """Two workers that send as fast as they may keep one rate between them, and one rate for a domain."""
    mails, slow, began = [], [], time.monotonic()

    def work(pacer):
        end = time.monotonic() + 60
        while len(slow) < 10 and time.monotonic() < end:
            domain = "slow.example" if pacer.ask("slow.example") == 0.0 else ""
            if domain:
                slow.append(domain)
            elif (seconds := pacer.ask("example.org")) > 0.0:
                pacer.wait(min(seconds, 0.02))
                continue
            mails.append(domain)

    pacers = [paced(shared(), rate=100.0, per_domain={"slow.example": 5.0})[0] for _ in range(2)]
    threads = [threading.Thread(target=work, args=[pacer]) for pacer in pacers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began  # a thread may stand still between its turn and the next line, however long
    for sent, rate in ((mails, 100.0), (slow, 5.0)):
        assert len(sent) <= rate * (took + SLACK + AHEAD) + 1, "more than these seconds' worth, and what may be late"
    assert len(slow) >= 10, "the slow domain gets its share"


def test_no_limit_asks_nobody(shared):
    """Without a limit there is no question to the database."""
    sharing = shared()
    pacer, stop = paced(sharing)
    sharing.ledger.close()
    assert pacer.ask("example.org") == 0.0
    stop.set()
    assert pacer.wait(60) is False


def test_what_was_slept_through_is_lost(shared):
    """Turns that a frozen worker slept through are not sent in a burst when it wakes."""
    sharing, skipped = shared(), [0.0]
    clock = SharedClock(sharing.now, monotonic=lambda: time.monotonic() + skipped[0])
    pacer = FleetPacing(sharing, clock, relay="r:25", rate=200.0, per_domain={}, stop=threading.Event())
    while len(pacer._all._turns) < 2:  # it takes several once it sends
        if pacer.ask("example.org") > 0.0:
            time.sleep(0.002)
    turns = len(pacer._all._turns)
    assert turns > 1
    skipped[0] = 30.0
    assert pacer.ask("example.org") != 0.0 or len(pacer._all._turns) != turns - 1


@given(
    offset=st.floats(-1e6, 1e6),
    questions=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.floats(0, 50)), min_size=1, max_size=20),
)
def test_clock(offset, questions):
    """However long the questions took, the clock is never further off than half of the shortest recent one."""
    local = [0.0]
    clock = SharedClock(lambda: offset, monotonic=lambda: local[0])
    for there, back, pause in questions:
        before = local[0]
        told = before + there + offset
        local[0] = before + there + back
        clock.learn(told, before, local[0])
        assert abs(clock() - (local[0] + offset)) <= (there + back) / 2 + 1e-6 or clock._doubt < there + back
        assert abs(clock() - (local[0] + offset)) <= clock._doubt / 2 + 1e-6
        local[0] += pause


@given(step=st.floats(-1e6, 1e6).filter(lambda step: abs(step) > 5), took=st.floats(0, 4))
def test_a_databases_clock_that_is_set(step, took):
    """A standby that takes over with another clock is believed with its first answer, or no new lease would hold."""
    local = [100.0]
    clock = SharedClock(lambda: 1e9 + local[0], monotonic=lambda: local[0])
    clock.learn(1e9 + local[0] + step + took / 2, local[0], local[0] + took)
    local[0] += took
    assert abs(clock() - (1e9 + local[0] + step)) <= took / 2 + 1e-3
