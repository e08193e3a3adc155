"""The send loop over a ledger and a relay in memory: who is mailed, who is put off, what the report says."""

from __future__ import annotations

import json
import threading
from collections import Counter

import pytest
from msgspec.structs import replace

from digest.delivery import Event, Outcome, Phase, State
from digest.errors import (
    AlreadySent,
    LedgerBusy,
    LedgerError,
    NothingToSend,
    RenderError,
    SendStopped,
    TransportError,
    UsageError,
)
from digest.ledger.opening import open_ledger
from digest.sending.engines import send_edition
from digest.sending.run import Patience, Run
from digest.testing import ACCEPTED, FlakyTransport, MemoryLedger, MemoryTransport, ScriptedReply, plain_mail, readers

EDITION = "2022-02/everyone/en"
QUICK = Patience(budget=20.0, shortest=0.01, longest=0.05, deferred=0.0, ledger=0.2)
SPENT = replace(QUICK, budget=0.3)  # for who waits until it is

GREYLISTED = ScriptedReply(event=Event.DEFER, phase=Phase.RCPT, code=450, detail="4.2.0 greylisted")
UNKNOWN = ScriptedReply(event=Event.REFUSE, phase=Phase.RCPT, code=550, detail="5.1.1 no such user")
SPAM = ScriptedReply(event=Event.REFUSE, phase=Phase.DOT, code=554, detail="5.7.1 looks like spam")
DOUBT = ScriptedReply(event=Event.DOUBT, phase=Phase.DOT, code=0, detail="lost", error=TransportError("lost"))
CUT = ScriptedReply(event=Event.DEFER, phase=Phase.BODY, code=0, detail="lost", error=TransportError("lost"))
LEAVING = ScriptedReply(event=Event.RELEASE, phase=Phase.MAIL, code=421, detail="bye", error=TransportError("421 bye"))


@pytest.fixture
def ledger():
    ledger = MemoryLedger()
    ledger.freeze(EDITION, "hash", readers(30), now=0.0)
    return ledger


def send(ledger, transport, **options):
    options = {"edition": EDITION, "owner": "me", "patience": QUICK, "clock": lambda: 1000.0} | options
    build = options.pop("build", plain_mail)
    return send_edition(ledger, transport, build, **options)


def addressees(transport):
    return Counter(mail.recipient for mail in transport.sent)


def answering(**said):
    """A relay that answers some readers differently: `reader3=SPAM`."""
    return MemoryTransport(lambda mail: said.get(mail.recipient.partition("@")[0], ACCEPTED))


@pytest.mark.parametrize("stopped", [False, True])
def test_the_second_record_is_as_new_as_the_report(tmp_path, stopped):
    """However a run ends, a backup of the ledger from before it is known to be too old."""
    relay = MemoryTransport(lambda mail: LEAVING if stopped and mail.recipient.startswith("reader9@") else ACCEPTED)
    ledger = open_ledger("sqlite:///ledger.db", newsroom="N", root=tmp_path)
    ledger.freeze(EDITION, "hash", readers(12), now=0.0)
    report = send(ledger, relay, connections=1, patience=SPENT)
    ledger.close()
    said = json.loads((tmp_path / "sent/2022-02~everyone~en.json").read_text())
    assert (report.stopped is not None, said["sent"]) == (stopped, report.counts[State.SENT])
    assert 0 < said["sent"] < 12 if stopped else said["sent"] == 12


def test_what_is_given_back_is_there_for_every_connection_at_once(ledger, monkeypatch):
    """Another connection may commit and claim at any moment: no reader stays claimed, with nobody to mail them."""
    run = Run(ledger=ledger, edition=EDITION, owner="me", build=plain_mail, clock=float, patience=QUICK, ahead=False)
    handed = [run.queue.take() for _ in range(30)]
    tell, again = run.committer.tell, []

    def interrupted(*said):
        tell(*said)
        run.committer.flush()
        again.append(run.queue.take())

    monkeypatch.setattr(run.committer, "tell", interrupted)
    run.hear(Outcome(delivery=handed[7].id, event=Event.RELEASE, phase=Phase.MAIL))
    assert [each and each.address for each in again] == [handed[7].address]


def test_a_relay_that_answers_is_not_away(ledger):
    """Connections that break count against the run's patience only until something is said about a reader."""
    run = Run(ledger=ledger, edition=EDITION, owner="me", build=plain_mail, clock=float, patience=QUICK, ahead=False)
    for event, code, failing in (
        (Event.REFUSE, 550, False),
        (Event.DEFER, 450, False),
        (Event.DEFER, 0, True),  # lost: nothing was said
        (Event.RELEASE, 450, True),  # said of no reader
        (Event.ACCEPT, 250, False),
    ):
        run.back_off(TransportError("lost"), 0)
        assert run.failing
        run.hear(Outcome(delivery=1, event=event, phase=Phase.RCPT, code=code, detail="words"), "example.org")
        assert run.failing is failing, (event, code)


class TestWhoIsMailed:
    @pytest.mark.parametrize("connections", [1, 3, 50])
    def test_each_once(self, ledger, connections):
        """Every reader gets one mail, over however many connections, and each connection is closed."""
        relay = MemoryTransport()
        report = send(ledger, relay, connections=connections)
        assert addressees(relay) == Counter({reader.address: 1 for reader in readers(30)})
        assert report.counts == {State.SENT: 30}
        assert (report.sent, report.left, report.held, report.exit_code) == (30, 0, 0, 0)
        assert relay.opened == relay.closed <= 30

    def test_finished(self, ledger):
        """A second run of a finished edition sends nothing, and says so with exit code 4."""
        relay = MemoryTransport()
        send(ledger, relay)
        with pytest.raises(AlreadySent, match="30 sent") as caught:
            send(ledger, relay)
        assert caught.value.exit_code == 4
        assert len(relay.sent) == 30

    def test_not_the_suppressed(self, ledger):
        """Who leaves while the edition is being sent is not mailed after that was stored."""
        relay = MemoryTransport()

        def leave_meanwhile(mail):
            if mail.recipient == "reader5@example.org":
                ledger.suppress("reader9@example.org", "everyone", "unsubscribed", "", 0.0)
            return ACCEPTED

        relay = MemoryTransport(leave_meanwhile)
        report = send(ledger, relay, connections=1)
        assert addressees(relay)["reader9@example.org"] == 0
        assert report.counts == {State.SENT: 29, State.SUPPRESSED: 1}
        assert report.exit_code == 0

    def test_limit(self, ledger):
        """A limit bounds the mails that are tried; the rest waits, and the exit code says so."""
        relay = MemoryTransport()
        report = send(ledger, relay, limit=7)
        assert len(relay.sent) == 7
        assert (report.left, report.exit_code) == (23, 75)
        assert send(ledger, relay).sent == 23

    def test_only(self, ledger):
        """One reader can be mailed before the others; one who does not wait is an error."""
        relay = MemoryTransport()
        send(ledger, relay, only="READER7@example.org")
        assert addressees(relay) == Counter({"reader7@example.org": 1})
        for nobody in ("reader7@example.org", "who@example.org"):
            with pytest.raises(NothingToSend, match=nobody):
                send(ledger, relay, only=nobody)
        assert send(ledger, relay).sent == 29

    def test_never_frozen(self):
        """An edition that is not in the ledger is nothing to send."""
        with pytest.raises(NothingToSend, match="not in the ledger"):
            send(MemoryLedger(), MemoryTransport())

    def test_one_sender(self, ledger):
        """While one sends, another is turned away, and sends nothing."""
        relay = MemoryTransport()
        with ledger.lock(EDITION, "newsroom-1, process 42"), pytest.raises(LedgerBusy, match="newsroom-1"):
            send(ledger, relay)
        assert relay.opened == 0


class TestAnswers:
    def test_put_off(self, ledger):
        """A reader whom the server puts off stays deferred, with its words; the exit code is 75."""
        report = send(ledger, answering(reader3=GREYLISTED))
        assert report.counts == {State.SENT: 29, State.DEFERRED: 1}
        assert report.exit_code == 75
        assert report.next_try is not None
        assert 1300 <= report.next_try <= 1330
        (row,) = ledger.deliveries(EDITION, [State.DEFERRED])
        assert (row.address, row.code, row.detail) == ("reader3@example.org", 450, "4.2.0 greylisted")

    def test_tried_again_in_the_same_run(self, ledger):
        """A reader who is due again soon is waited for: a broken connection costs a second, not a run."""
        tries = Counter()

        def once(mail):
            tries[mail.recipient] += 1
            return CUT if mail.recipient == "reader3@example.org" and tries[mail.recipient] == 1 else ACCEPTED

        relay = MemoryTransport(once)
        report = send_edition(
            ledger, relay, plain_mail, edition=EDITION, owner="me", patience=Patience(deferred=5.0, shortest=0.01)
        )
        assert report.counts == {State.SENT: 30}
        assert addressees(relay)["reader3@example.org"] == 1
        assert report.exit_code == 0

    def test_refused(self, ledger):
        """A reader who is refused is named, the others are mailed, the exit code is 1."""
        report = send(ledger, answering(reader1=UNKNOWN, reader4=SPAM))
        assert report.counts == {State.SENT: 28, State.REFUSED: 2}
        assert report.exit_code == 1
        assert {row.address for row in ledger.deliveries(EDITION, [State.REFUSED])} == {
            "reader1@example.org",
            "reader4@example.org",
        }
        with pytest.raises(AlreadySent):
            send(ledger, MemoryTransport())

    def test_all_refused_of_a_few(self):
        """A few readers who are all refused are refused: there are too few to blame ourselves."""
        ledger = MemoryLedger()
        ledger.freeze(EDITION, "hash", readers(3), now=0.0)
        report = send(ledger, MemoryTransport(lambda _mail: SPAM))
        assert (report.counts, report.exit_code) == ({State.REFUSED: 3}, 1)

    @pytest.mark.parametrize("arrives", [False, True])
    def test_in_doubt(self, ledger, arrives):
        """Lost after the dot: held, named, never sent again, whether it arrived or not."""
        lost = ScriptedReply(event=Event.DOUBT, phase=Phase.DOT, code=0, arrives=arrives, error=TransportError("lost"))
        report = send(ledger, answering(reader3=lost))
        assert report.counts == {State.SENT: 29, State.IN_DOUBT: 1}
        assert report.exit_code == 1
        relay = MemoryTransport()
        again = send(ledger, relay)
        assert (again.counts, again.exit_code, relay.opened) == (report.counts, 1, 0)

    def test_mail_that_cannot_be_made(self, ledger):
        """A reader for whom no mail can be made is refused with the reason, and the others are mailed."""

        def build(delivery):
            if delivery.address == "reader3@example.org":
                message = "slot 'city' has no value"
                raise RenderError(message)
            return plain_mail(delivery)

        report = send(ledger, MemoryTransport(), build=build)
        assert report.counts == {State.SENT: 29, State.REFUSED: 1}
        (row,) = ledger.deliveries(EDITION, [State.REFUSED])
        assert row.detail == "slot 'city' has no value"

    def test_a_bug_is_no_refusal(self, ledger):
        """Any other error in making a mail is a bug: it is raised, and everybody else still waits."""

        def build(delivery):
            if delivery.address == "reader3@example.org":
                raise KeyError
            return plain_mail(delivery)

        with pytest.raises(KeyError):
            send(ledger, MemoryTransport(), build=build, connections=1)
        assert State.REFUSED not in ledger.counts(EDITION)
        assert send(ledger, MemoryTransport()).counts == {State.SENT: 30}


class TestStops:
    @pytest.mark.parametrize("connections", [1, 4])
    def test_the_same_refusal_for_everybody(self, ledger, connections):
        """A relay that refuses everybody in the same words stops the run, and nobody is marked as refused."""
        relay = MemoryTransport(lambda _mail: SPAM)
        report = send(ledger, relay, connections=connections)
        assert isinstance(report.stopped, SendStopped)
        assert "554 5.7.1 looks like spam" in str(report.stopped)
        assert report.exit_code == 1
        assert State.REFUSED not in report.counts
        assert 5 <= report.counts[State.DEFERRED] <= 5 + connections
        assert send(ledger, MemoryTransport()).counts == {State.SENT: 30}

    def test_not_after_a_success(self, ledger):
        """Once somebody was accepted, refusals are about readers, those before it too."""
        refused = {f"reader{number}": SPAM for number in (1, 2, 3, 4, *range(6, 20))}
        report = send(ledger, answering(**refused), connections=1)
        assert report.stopped is None
        assert report.counts == {State.SENT: 12, State.REFUSED: 18}

    def test_the_sender_is_refused(self, ledger):
        """A 5xx at MAIL is about us: one is enough, and nobody is burnt."""
        no = ScriptedReply(event=Event.REFUSE, phase=Phase.MAIL, code=550, detail="5.7.1 not your domain")
        report = send(ledger, MemoryTransport(lambda _mail: no))
        assert "not your domain" in str(report.stopped)
        assert report.exit_code == 1
        assert set(report.counts) <= {State.PLANNED, State.DEFERRED}

    def test_every_mail_fails_to_be_made(self, ledger):
        """A template that fails for everybody stops the run before the list is burnt."""

        def build(_delivery):
            message = "slot 'city' has no value"
            raise RenderError(message)

        report = send(ledger, MemoryTransport(), build=build)
        assert "slot 'city' has no value" in str(report.stopped)
        assert set(report.counts) <= {State.PLANNED, State.DEFERRED}

    def test_nobody_there(self, ledger):
        """A relay that cannot be reached is tried for a while; then exit code 75, and nobody is marked."""

        class Away(MemoryTransport):
            def open(self):
                self.opened += 1
                message = "connection refused"
                raise TransportError(message)

        relay = Away()
        report = send(ledger, relay, patience=SPENT)
        assert isinstance(report.stopped, TransportError)
        assert (report.counts, report.exit_code) == ({State.PLANNED: 30}, 75)
        assert relay.opened > 1

    def test_wrong_password(self, ledger):
        """What another try would not mend is tried once for each connection at most."""

        class Refusing(MemoryTransport):
            def open(self):
                self.opened += 1
                message = "535 5.7.8 wrong password"
                raise SendStopped(message)

        relay = Refusing()
        report = send(ledger, relay, connections=3)
        assert (report.counts, report.exit_code) == ({State.PLANNED: 30}, 1)
        assert relay.opened <= 3

    def test_a_server_that_always_leaves(self, ledger):
        """A relay that takes no mail on any connection is given up, with everybody still planned."""
        report = send(ledger, MemoryTransport(lambda _mail: LEAVING), patience=SPENT)
        assert isinstance(report.stopped, TransportError)
        assert (report.counts, report.exit_code) == ({State.PLANNED: 30}, 75)

    def test_a_server_that_leaves_now_and_then(self, ledger):
        """A limit of five mails a connection loses nobody and doubles nobody."""
        count = Counter()

        def five_each(_mail):
            count["mails"] += 1
            return LEAVING if count["mails"] % 6 == 0 else ACCEPTED

        relay = MemoryTransport(five_each)
        report = send(ledger, relay)
        assert report.counts == {State.SENT: 30}
        assert max(addressees(relay).values()) == 1

    def test_asked_to_stop(self, ledger):
        """Asked to stop, what is in flight is finished, the rest is given back, and the next run goes on."""
        stop = threading.Event()

        def stop_at_ten(_mail):
            if len(relay.sent) >= 10:
                stop.set()
            return ACCEPTED

        relay = MemoryTransport(stop_at_ten)
        report = send(ledger, relay, stop=stop, limit=12)
        assert report.counts[State.SENT] == len(relay.sent)
        assert set(report.counts) <= {State.SENT, State.PLANNED}
        assert report.exit_code in (75, 130)
        assert send(ledger, MemoryTransport()).counts == {State.SENT: 30}

    def test_stopped_before_it_began(self, ledger):
        """A stop that came before the first mail sends few or none, and says that it was interrupted."""
        stop = threading.Event()
        stop.set()
        gate = threading.Event()

        def slow(_mail):
            gate.wait(0.2)
            return ACCEPTED

        relay = MemoryTransport(slow)
        report = send(ledger, relay, stop=stop, connections=1)
        assert (report.interrupted, report.exit_code) == (True, 130)
        assert report.counts[State.SENT] == len(relay.sent) < 30


class TestStanding:
    def test_paused(self, ledger):
        """A paused edition is not sent, and the way to go on is named."""
        ledger.pause(EDITION)
        with pytest.raises(UsageError, match="digest resume"):
            send(ledger, MemoryTransport())

    @pytest.mark.parametrize(("change", "left"), [("pause", State.PLANNED), ("cancel", State.CANCELLED)])
    def test_called_off_while_it_is_sent(self, ledger, change, left):
        """A pause or a cancellation from elsewhere takes effect before the next mail."""

        def call_off(_mail):
            if len(relay.sent) == 4:
                ledger.pause(EDITION) if change == "pause" else ledger.cancel(EDITION, 0.0)
            return ACCEPTED

        relay = MemoryTransport(call_off)
        report = send(ledger, relay, connections=1)
        assert len(relay.sent) == 4
        assert report.counts == {State.SENT: 4, left: 26}
        assert (report.stopped, report.interrupted) == (None, False)

    def test_cancelled(self, ledger):
        """A cancelled edition is finished."""
        ledger.cancel(EDITION, 0.0)
        with pytest.raises(AlreadySent, match="30 cancelled"):
            send(ledger, MemoryTransport())


class TestTheLedgerFails:
    class Failing(MemoryLedger):
        """Fails from the fourth intent on, and takes outcomes again after `mended`."""

        mended = threading.Event()
        intents = 0

        def record(self, events, now, owner=""):
            self.intents += sum(event is Event.INTEND for _, event, _ in events)
            if self.intents >= 4 and not self.mended.is_set():
                message = "ledger.db: the disk is full"
                raise LedgerError(message)
            return super().record(events, now, owner)

    def test_nothing_goes_without_an_intent(self):
        """When an intent cannot be made durable no further mail goes, and the report says why."""
        ledger = self.Failing()
        ledger.mended.clear()
        ledger.freeze(EDITION, "hash", readers(30), now=0.0)
        relay = MemoryTransport()
        report = send(ledger, relay, connections=1)
        assert "disk is full" in str(report.stopped)
        assert report.exit_code == 1
        assert len(relay.sent) == 3
        ledger.mended.set()
        again = MemoryTransport()
        report = send(ledger, again)
        assert max((addressees(relay) + addressees(again)).values()) == 1
        assert report.counts[State.SENT] + report.counts.get(State.IN_DOUBT, 0) == 30

    def test_what_is_known_waits_for_the_disk(self):
        """A disk that comes back in time takes the answers that were already heard: nobody is in doubt."""
        ledger = self.Failing()
        ledger.mended.clear()
        ledger.freeze(EDITION, "hash", readers(30), now=0.0)
        timer = threading.Timer(0.3, ledger.mended.set)
        timer.start()
        relay = MemoryTransport()
        report = send(ledger, relay, connections=1, patience=Patience(ledger=30.0))
        timer.join()
        assert len(relay.sent) == 3
        assert report.counts == {State.SENT: 3, State.PLANNED: 27}


class TestAtRandom:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_a_relay_that_fails_a_tenth_of_everything(self, seed):
        """Over 500 readers: nobody twice, nobody lost, and whoever is missing is named by the ledger."""
        ledger = MemoryLedger()
        ledger.freeze(EDITION, "hash", readers(500), now=0.0)
        relay = FlakyTransport(seed)
        now = 0.0
        for _ in range(12):
            now += 20_000.0
            report = send(ledger, relay, clock=lambda now=now: now, patience=Patience(deferred=0.0, shortest=0.001))
            assert report.stopped is None
            if not report.left:
                break
        got = addressees(relay)
        assert max(got.values()) == 1
        rows = list(ledger.deliveries(EDITION))
        assert {row.address for row in rows if row.state is State.SENT} <= set(got)
        named = {row.address for row in rows if row.state in (State.REFUSED, State.IN_DOUBT)}
        assert {row.address for row in rows} - set(got) <= named
        assert report.left == 0


def test_progress(ledger):
    """Progress counts up to the total, and knows a rate and the time that is left."""
    seen = []
    send(ledger, answering(reader3=GREYLISTED, reader9=UNKNOWN), progress=seen.append)
    last = seen[-1]
    assert (last.total, last.done, last.outcomes[State.SENT]) == (30, 30, 28)
    assert last.rate > 0
    assert last.remaining == 0.0


def test_a_closed_terminal(ledger):
    """A progress bar that cannot be written any more ends the run in order; its error is raised afterwards."""

    def closed(_progress):
        raise BrokenPipeError

    relay = MemoryTransport()
    with pytest.raises(BrokenPipeError):
        send(ledger, relay, progress=closed)
    assert ledger.counts(EDITION).get(State.SENT, 0) == len(relay.sent)
    assert State.SENDING not in ledger.counts(EDITION)


def test_a_clock_that_jumps(ledger):
    """A clock that is set forward a year and back a month gives nobody up and mails nobody twice."""
    first = send(ledger, answering(reader3=GREYLISTED), clock=lambda: 365 * 86400.0)
    assert first.counts == {State.SENT: 29, State.DEFERRED: 1}
    relay = MemoryTransport()
    assert send(ledger, relay, clock=lambda: 30 * 86400.0).counts == {State.SENT: 30}
    assert addressees(relay) == Counter({"reader3@example.org": 1})
