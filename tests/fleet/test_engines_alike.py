"""A fleet of one behaves like the local engine: the same readers get the same mail, and the ledger says the same."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import psycopg
import pytest

from digest.delivery import Event, Phase, State
from digest.errors import LedgerBusy, SendStopped, TransportError
from digest.fleet import chunks
from digest.fleet.chunks import send_chunk
from digest.fleet.pacing import SharedClock
from digest.ledger.opening import open_ledger
from digest.ledger.sharing import join
from digest.sending.engines import send_edition
from digest.sending.run import Patience
from digest.testing import FlakyTransport, MemoryTransport, plain_mail, readers
from digest.testing.memory_transport import ACCEPTED, ScriptedReply

EDITION = "2022-02/everyone/en"


class Local:
    """The local engine on a SQLite file."""

    def __init__(self, tmp_path):
        self.ledger = open_ledger("sqlite:///ledger.db", newsroom="Fleet Newsroom", root=tmp_path)

    def send(self, transport, **options):
        patience = Patience(budget=20.0, deferred=0.5)
        return send_edition(self.ledger, transport, plain_mail, edition=EDITION, patience=patience, **options)


class Fleet:
    """A fleet of one on PostgreSQL: chunks until there is nothing to be had."""

    def __init__(self, database):
        self.ledger = open_ledger(database, newsroom="Fleet Newsroom")
        self.sharing = join(self.ledger)

    def send(self, transport, limit=1000, only=""):
        while True:
            chunk = send_chunk(
                self.sharing, transport, plain_mail, edition=EDITION, owner="me", clock=SharedClock(self.sharing.now),
                stop=threading.Event(), connections=4, size=limit, only=only, relay_patience=20.0,
            )  # fmt: skip
            due = self.sharing.due(EDITION, self.sharing.now(), 1)
            if limit != 1000 or only or chunk.stopped or not due:
                return chunk


@pytest.fixture(params=["local", "fleet"])
def engine(request, tmp_path):
    made = Local(tmp_path) if request.param == "local" else Fleet(request.getfixturevalue("database"))
    yield made
    made.ledger.close()


def frozen(engine, count):
    engine.ledger.freeze(EDITION, "hash", readers(count), now=time.time())
    return engine


def got(transport):
    return sorted(mail.recipient for mail in transport.sent)


def test_each_reader_once(engine):
    """Each reader gets one mail, over several connections."""
    transport = MemoryTransport()
    frozen(engine, 600).send(transport)
    assert got(transport) == sorted(reader.address for reader in readers(600))
    assert engine.ledger.counts(EDITION) == {State.SENT: 600}


def test_answers(engine):
    """Refusals, put-offs and lost answers are recorded alike."""

    def answer(mail):
        return {
            "reader2@example.org": ScriptedReply(
                event=Event.REFUSE, phase=Phase.RCPT, code=550, detail="5.1.1 unknown"
            ),
            "reader3@example.org": ScriptedReply(
                event=Event.DEFER, phase=Phase.RCPT, code=450, detail="4.2.0 greylisted"
            ),
            "reader4@example.org": ScriptedReply(
                event=Event.DOUBT, phase=Phase.DOT, code=0, detail="lost", error=TransportError("lost")
            ),
        }.get(mail.recipient, ACCEPTED)

    frozen(engine, 8).send(MemoryTransport(answer))
    counts = engine.ledger.counts(EDITION)
    assert counts == {State.SENT: 5, State.REFUSED: 1, State.DEFERRED: 1, State.IN_DOUBT: 1}
    (later,) = engine.ledger.deliveries(EDITION, [State.DEFERRED])
    assert later.attempts == 1
    assert later.next_try > later.changed + 250


def test_refused_as_a_whole(engine):
    """A relay that refuses us stops the run, and marks nobody."""

    def answer(_mail):
        return ScriptedReply(event=Event.RELEASE, phase=Phase.MAIL, code=550, detail="no", error=SendStopped("no"))

    report = frozen(engine, 8).send(MemoryTransport(answer))
    assert isinstance(report.stopped, SendStopped)
    assert engine.ledger.counts(EDITION) == {State.PLANNED: 8}


def test_limit_and_one_reader(engine):
    """A limit bounds the mails of a run; one reader can be mailed alone."""
    transport = MemoryTransport()
    frozen(engine, 8).send(transport, limit=3)
    assert len(transport.sent) == 3
    engine.send(transport, only="reader8@example.org")
    assert got(transport)[-1] == "reader8@example.org"
    assert engine.ledger.counts(EDITION) == {State.PLANNED: 4, State.SENT: 4}


def test_left_meanwhile(engine):
    """Who leaves while it is being sent is not mailed."""

    def answer(mail):
        if mail.recipient == "reader1@example.org":
            engine.ledger.suppress("reader8@example.org", "everyone", "unsubscribed", "", time.time())
        return ACCEPTED

    transport = MemoryTransport(answer)
    engine.ledger.freeze(EDITION, "hash", readers(8), now=time.time())
    engine.send(transport, limit=2)
    engine.send(transport)
    assert "reader8@example.org" not in got(transport)
    assert engine.ledger.counts(EDITION) == {State.SENT: 7, State.SUPPRESSED: 1}


def test_paused_in_the_middle(engine):
    """A pause, from wherever, lets no further mail go; the rest waits."""

    def answer(_mail):
        if len(transport.sent) == 5:
            engine.ledger.pause(EDITION)
        return ACCEPTED

    transport = MemoryTransport(answer)
    frozen(engine, 300).send(transport)
    assert len(transport.sent) < 20
    counts = engine.ledger.counts(EDITION)
    assert counts == {State.SENT: len(transport.sent), State.PLANNED: 300 - len(transport.sent)}


@pytest.mark.parametrize("seed", [1, 2])
def test_random_faults(engine, seed):
    """A relay that fails at every step, one time in ten: nobody twice, and everybody accounted for."""
    transport = FlakyTransport(seed)
    frozen(engine, 200).send(transport)
    assert len(set(got(transport))) == len(transport.sent)
    missing = {reader.address for reader in readers(200)} - set(got(transport))
    states = {each.address: each.state for each in engine.ledger.deliveries(EDITION)}
    assert all(states[address] is not State.SENT for address in missing)
    assert not {State.CLAIMED, State.SENDING} & set(states.values())


def test_alone_or_together(database):
    """Who sends alone keeps the fleet out, and the fleet keeps out who would send alone; a fleet's own get along."""
    one, two = Fleet(database), Fleet(database)
    one.ledger.freeze(EDITION, "hash", readers(4), now=time.time())
    transport = MemoryTransport()
    with one.ledger.lock(EDITION, "alone"):
        assert isinstance(two.send(transport).stopped, LedgerBusy)
    with one.sharing.database.together(EDITION, "one"):
        with pytest.raises(LedgerBusy, match="one since"), two.ledger.lock(EDITION, "alone"):
            pass
        assert two.send(transport).stopped is None
    assert len(transport.sent) == 4
    one.ledger.close()
    two.ledger.close()


def test_who_lets_go_of_an_edition_has_let_go(database):
    """The lock is free once its holder is done, not some moments after: two sends in a row do not meet."""
    fleet = Fleet(database)
    held = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database AND datname = current_database()"
    with psycopg.connect(database, autocommit=True) as watcher:
        for _ in range(50):
            with fleet.ledger.lock(EDITION, "one"):
                assert watcher.execute(f"{held} WHERE locktype = 'advisory'").fetchone() == (1,)
            assert watcher.execute(f"{held} WHERE locktype = 'advisory'").fetchone() == (0,)
    fleet.ledger.close()


def test_a_fleets_transport_says_its_connections(monkeypatch):
    """A process of a fleet opens as many as its transport asks for, whatever config.yaml says of a relay."""
    settings = SimpleNamespace(smtp=SimpleNamespace(connections=9), send=SimpleNamespace(relay_patience=1.0))
    newsroom = SimpleNamespace(config=SimpleNamespace(settings=settings))
    transport = MemoryTransport()
    transport.connections = 3
    monkeypatch.setattr(chunks, "send_chunk", lambda *_, connections, **__: connections)
    monkeypatch.setattr(chunks.ChunkSender, "_mails", lambda *_: SimpleNamespace(outgoing=plain_mail))
    sender = chunks.ChunkSender(
        newsroom=newsroom, sharing=None, stop=threading.Event(), tell=print, _transport=transport
    )
    assert sender.send(EDITION, "me", None) == 3
