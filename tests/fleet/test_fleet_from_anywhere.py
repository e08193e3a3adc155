"""What a person sees and does from any machine: progress, pause, cancel, metrics, and a relay that refuses us."""

from __future__ import annotations

import json
import re
import signal
import threading
import urllib.error
import urllib.request
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fleetparts import EDITION, wait_until
from msgspec.structs import replace
from sqlalchemy.engine import make_url

from digest.delivery import State
from digest.errors import LedgerError
from digest.fleet.chunks import Chunk, ChunkSender
from digest.fleet.engine import FleetEngine
from digest.fleet.monitor import FleetCounts, exposition, serving
from digest.fleet.pacing import SharedClock
from digest.fleet.worker import ScheduleTick
from digest.ledger.opening import open_ledger
from digest.ledger.sharing import join
from digest.newsroom.newsroom import open_newsroom
from digest.scheduling import due, journal
from digest.scheduling.journal import JournalFile, SharedJournal
from digest.scheduling.scheduler import Scheduler
from digest.sending.engines import SendJob, send
from digest.sending.freeze import freeze
from digest.sending.stopping import Stopping
from digest.sending.transports import TransportSetup, open_transport


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()


def test_pause_resume_and_cancel(fleet, sink):
    """From any machine one pauses, looks, goes on and calls off, while workers send; metrics say what they did."""
    fleet.write(400, rate="20/s")
    worker = fleet.worker()
    sending = fleet.send()
    sink.wait_for(20)
    paused = fleet.run("pause", EDITION)
    assert paused.returncode == 0, paused.stderr
    assert sending.wait(60) == 75, "it follows until nothing moves any more, and says that some are left"
    count = len(sink.taken)
    assert count < 400
    looked = fleet.run("status")
    assert looked.returncode == 75
    assert "paused" in looked.stdout
    again = fleet.run(
        "send", "--month", "2022-02", "--live", "--yes", "--now", "2022-03-01T09:00", "--yes-now", "2022-03-01T09:00"
    )
    assert (again.returncode, "is paused; when it may go on: digest resume" in again.stderr) == (2, True), again.stderr
    resumed = fleet.start("resume", EDITION, "--yes")
    sink.wait_for(count + 20)
    cancelled = fleet.run("cancel", EDITION, "--yes")
    assert "is called off" in cancelled.stdout
    assert resumed.wait(60) == 0, fleet.log(resumed)
    wait_until(lambda: fleet.run("status").returncode == 0)
    assert len(sink.got) == len(sink.taken) < 400
    page = read(fleet.address(worker) + "/metrics")[1]
    assert f'digest_worker_mails_total{{outcome="sent"}} {len(sink.taken)}' in page
    assert read(fleet.address(worker) + "/healthz") == (200, "ok\n")


def test_relay_refuses_us(fleet, sink):
    """A relay that refuses the sender stops the edition for the whole fleet, marks nobody, and says why."""
    sink.refuse_sender = True
    fleet.write(50)
    worker = fleet.worker()
    sending = fleet.send()
    assert sending.wait(60) == 1
    assert "550 5.7.1 we do not know you" in fleet.log(sending)
    assert "held back" in fleet.log(worker)
    status = fleet.run("status").stdout
    assert "50 waiting, paused" in status
    assert "held back by" in status
    assert "550 5.7.1 we do not know you" in status
    sink.refuse_sender = False
    resumed = fleet.run("resume", EDITION, "--yes")
    assert resumed.returncode == 0, resumed.stderr
    assert len(sink.got) == 50


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        (", username: us, password_env: NOT_SET", "NOT_SET"),
        ("}\ndkim: {signer: digest, domain: example.org, selector: a, key_file: not-there.pem", "not-there.pem"),
    ],
)
def test_a_worker_that_lacks_something_of_its_own_does_not_begin(fleet, lacks, said):
    """It says what, and holds no edition back from the others."""
    fleet.write(5, more=lacks)
    worker = fleet.start("worker", "--port", "0")
    assert worker.wait(60) == 2
    assert said in fleet.log(worker)


def test_a_worker_with_another_secret_mails_nobody(fleet, sink, monkeypatch):
    """Readers could not leave by the links that it makes: the edition is held back, and the worker is named."""
    fleet.write(20)
    monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "mistyped " * 4)
    worker = fleet.worker()
    monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "the-newsrooms-own " * 4)
    sending = fleet.send()
    assert sending.wait(60) == 1
    said = fleet.log(sending)
    assert f"process {worker.pid}: " in said
    assert "this machine's secret is not that of the mails that the ledger knows" in said
    assert not sink.taken


def test_the_fleet_is_done_before_one_looks(fleet):
    """Workers that have sent it all before whoever resumed it looks: a success, that says what became of it."""
    fleet.write(5)
    some = (
        "send",
        "--month",
        "2022-02",
        "--live",
        "--yes",
        "--now",
        "2022-03-01T09:00",
        "--yes-now",
        "2022-03-01T09:00",
    )
    begun = fleet.run(*some, "--limit", "4")
    assert (begun.returncode, "4 accepted" in begun.stdout) == (75, True), begun
    assert fleet.run("pause", EDITION).returncode == 0
    newsroom, now = open_newsroom(fleet.root / "config.yaml", fleet.environ), datetime.now(UTC)

    class Late(FleetEngine):
        def send(self, job):
            assert fleet.run(*some, "--limit", "1").returncode == 0  # it is open again by now
            return super().send(job)

    with closing(newsroom.sending_setup.ledger()) as ledger:
        job = SendJob(
            newsroom=newsroom,
            ledger=ledger,
            content=freeze(newsroom, ledger, newsroom.edition_of(EDITION), now).content,
            transport=open_transport(TransportSetup(newsroom=newsroom, tell=print)),
            now=now,
            stopping=Stopping(),
            go_on=True,
        )
        report = send(job, Late())
    assert (report.exit_code, report.counts) == (0, {State.SENT: 5})


def test_leaving_and_nobody_there(fleet, sink, monkeypatch):
    """Ctrl-C ends the following and not the sending; a worker told to end gives its readers back to the next."""
    fleet.write(120, rate="20/s")
    worker = fleet.worker()
    sink.take_only(20)
    sending = fleet.send()
    sink.wait_for(20)
    sending.send_signal(signal.SIGINT)
    assert sending.wait(30) == 130
    sink.take_only(30)
    sink.wait_for(30)
    worker.terminate()
    sink.take_only(None)
    assert worker.wait(30) == 0, fleet.log(worker)
    count = len(sink.taken)
    assert count < 120
    assert f"{count} accepted, {120 - count} waiting" in fleet.run("status").stdout
    monkeypatch.setattr("digest.fleet.engine.ABSENT", 1.0)  # nobody is there, however long one looks
    alone = fleet.run("resume", EDITION, "--yes")
    assert alone.returncode == 75
    assert "no worker of the fleet is there" in alone.stderr
    assert len(sink.taken) == count
    fleet.worker()
    sink.wait_for(120)
    wait_until(lambda: fleet.run("status").returncode == 0)
    assert set(sink.got.values()) == {1}


def test_some_from_here(fleet, sink):
    """`--only` and `--limit` send from this machine at once, as one of the fleet, without a worker."""
    fleet.write(20)
    period = ("--month", "2022-02", "--live", "--yes", "--now", "2022-03-01T09:00", "--yes-now", "2022-03-01T09:00")
    assert fleet.run("send", *period, "--only", "reader7@d0.example.org").returncode == 75
    assert list(sink.got) == ["reader7@d0.example.org"]
    once_more = fleet.run("send", *period, "--only", "reader7@d0.example.org")
    assert (once_more.returncode, "does not wait for" in once_more.stderr) == (3, True), once_more.stderr
    assert fleet.run("send", *period, "--limit", "5").returncode == 75
    assert len(sink.got) == 6


def scheduled(fleet, catch_up):
    """A schedule that has been in force since before an edition was due, two hours ago; returns the edition's name."""
    at = datetime.now(UTC) - timedelta(hours=2)
    month = f"{at.replace(day=1) - timedelta(days=1):%Y-%m}"
    config = fleet.root / "config.yaml"
    rule = f"{{period: month, on: day {at.day}, at: '{at:%H:%M}', catch_up: {catch_up}}}"
    config.write_text(f"{config.read_text()}schedule: [{rule}]\n")
    story = fleet.root / "stories" / "one.md"
    story.write_text(story.read_text().replace("2022-02", month))
    before = at - timedelta(days=1)  # between the last time and this one
    in_force = dict.fromkeys(due.lines(routine(fleet).rules), before)
    return f"{month}/everyone", journal.Journal(since=before, last=before, in_force=in_force)


def routine(fleet, said=None):
    newsroom = open_newsroom(fleet.root / "config.yaml", fleet.environ)
    say = (said if said is not None else []).append
    return Scheduler(newsroom=newsroom, now=newsroom.now(), say=say, warn=say)


def rounds(fleet, said):
    """What a worker does once a minute."""
    newsroom = open_newsroom(fleet.root / "config.yaml", fleet.environ)
    return ScheduleTick(newsroom=newsroom, stopping=Stopping(), say=said.append)


def test_schedule_once_in_the_fleet(fleet, sink, database):
    """What is due goes out once, though each worker is asked; the second finds the journal in the database."""
    fleet.write(5)
    fleet.worker()  # before there is a schedule: it sends, and the rounds are made here
    _, begun = scheduled(fleet, "31 days")
    said: list[str] = []
    with closing(open_ledger(database, newsroom="Fleet Newsroom")) as ledger:
        join(ledger).put("schedule", journal.dump(begun))
    for _machine in range(2):
        (fleet.root / ".digest" / journal.NAME).unlink(missing_ok=True)
        rounds(fleet, said).go()
        readers = {address: count for address, count in sink.got.items() if address.startswith("reader")}
        assert len(readers) == 5, said
        assert set(readers.values()) == {1}
    reports = [address for address in sink.got.elements() if address == "newsroom@ilo.org"]
    assert len(reports) == 1, "the newsroom hears of it once"


def test_a_worker_on_whom_the_schedule_falls_writes_no_public_archive(fleet, sink, database):
    """It sends what is due; the pages are made on a machine that somebody serves, when that asks for them."""
    fleet.write(5)
    config = fleet.root / "config.yaml"
    text = config.read_text().replace("    title: Everyone\n", "    title: Everyone\n    archive: public\n")
    config.write_text(f"{text}archive: {{url: https://news.example.org}}\n")
    fleet.worker()
    name, begun = scheduled(fleet, "31 days")
    said: list[str] = []
    with closing(open_ledger(database, newsroom="Fleet Newsroom")) as ledger:
        join(ledger).put("schedule", journal.dump(begun))
    for _minute in range(2):  # what is due, and nothing
        rounds(fleet, said).go()
    assert len([address for address in sink.got if address.startswith("reader")]) == 5, said
    assert not (fleet.root / "public").exists()
    done = fleet.run("archive")
    assert done.returncode == 0, done.stderr
    assert (fleet.root / "public" / name / "en/index.html").exists()


def test_what_is_held_is_settled_from_any_machine(fleet, sink):
    """`digest run --skip` on a person's machine settles it for the workers; a newsroom's own file is taken over."""
    fleet.write(5)
    name, begun = scheduled(fleet, "1 hour")
    JournalFile(fleet.root).save(begun, begun.last)  # from before there was a fleet
    said: list[str] = []
    for _minute in range(2):
        rounds(fleet, said).go()
    assert any("longer ago than catch_up allows" in line for line in said)
    assert sink.got == {"newsroom@ilo.org": 1}
    (fleet.root / ".digest" / journal.NAME).unlink()  # a person's machine never had it
    skipped = fleet.run("run", "--skip", name)
    assert (skipped.returncode, f"{name} is settled" in skipped.stderr + skipped.stdout) == (0, True), skipped.stderr
    assert routine(fleet).pending(routine(fleet).recall()[0]) == ()
    said.clear()
    rounds(fleet, said).go()
    assert said == []


def test_two_machines_with_the_journal_in_their_hands(fleet, database):
    """A run that lasts an hour does not undo what a person settled meanwhile."""
    fleet.write(5)
    name, begun = scheduled(fleet, "31 days")
    now = datetime.now(UTC)
    with closing(open_ledger(database, newsroom="Fleet Newsroom")) as ledger:
        one, two = (SharedJournal(join(ledger), JournalFile(fleet.root)) for _ in range(2))
        assert not one.exists()
        one.save(begun, now)
        long_run, _ = one.load(now)
        two.save(two.load(now)[0].settle(name, now), now)
        one.save(long_run.tell("2000-01/everyone sent", now), now)
        found, _ = two.load(now)
        assert found.settled == {tuple(name.split("/"))}
        assert found.was_told("2000-01/everyone sent", now)
        ahead = now + timedelta(days=400)
        one.save(replace(found.settle("2099-01/everyone", ahead), last=ahead), ahead)
        back, warning = two.load(now)
        two.save(back, now)
        assert "clocks was wrong" in warning
        assert set(two.load(now)[0].done) == {name}, "what a clock that ran ahead settled does not come back"
        assert one.exists()


def test_hooks_of_a_send_by_hand_in_a_fleet(fleet, sink, database):
    """Whoever follows the fleet to the end tells the hooks; the workers' schedule does not tell them again."""
    fleet.write(5)
    fleet.worker()
    name, begun = scheduled(fleet, "31 days")
    (fleet.root / "hook.sh").write_text("#!/bin/sh\ncat >> heard; echo >> heard\n")
    (fleet.root / "hook.sh").chmod(0o755)
    config = fleet.root / "config.yaml"
    config.write_text(f"{config.read_text()}hooks: {{sent: ./hook.sh, failed: ./hook.sh}}\n")
    with closing(open_ledger(database, newsroom="Fleet Newsroom")) as ledger:
        join(ledger).put("schedule", journal.dump(begun))
    sent = fleet.run("send", "--month", name.partition("/")[0], "--live", "--yes")
    assert sent.returncode == 0, sent.stderr
    said: list[str] = []
    rounds(fleet, said).go()
    assert sink.got["newsroom@ilo.org"] == 1, said
    (told,) = [json.loads(line) for line in (fleet.root / "heard").read_text().splitlines() if line]
    assert (told["event"], told["editions"][0]["counts"]) == ("sent", {"sent": 5})


def test_a_schedule_that_cannot_be_read_is_said(fleet):
    """A mistake in config.yaml while the workers run: each minute says so, with its line, and nothing is raised."""
    fleet.write(1)
    scheduled(fleet, "1 day")
    said: list[str] = []
    made = rounds(fleet, said)
    config = fleet.root / "config.yaml"
    config.write_text(re.sub(r"on: day \d+", "on: day 77", config.read_text()))
    made.go()
    assert any("'day 77' is not a day" in line for line in said)


def test_local_config_says_so(fleet):
    """`digest worker` without a fleet's config says what to write; a fleet on a file is refused by key."""
    fleet.write(1)
    config = fleet.root / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("engine: procrastinate, ledger_env: FLEET_LEDGER", "engine: local"))
    alone = fleet.run("worker", "--port", "0")
    assert alone.returncode == 2
    assert "a fleet needs send: {engine: procrastinate" in alone.stderr
    config.write_text(text.replace("ledger_env: FLEET_LEDGER", "ledger: sqlite:///x.db"))
    wrong = fleet.run("worker", "--port", "0")
    assert wrong.returncode == 2
    assert "send.ledger: a fleet shares a PostgreSQL" in wrong.stderr


def test_a_database_that_was_put_back_as_another(fleet, sink, fleet_server):
    """A worker takes none of the readers of a copied database, nor the jobs in its queue, before a person says so."""
    fleet.write(2)
    sending = fleet.send()
    worker = fleet.worker()
    assert sending.wait(120) == 0
    worker.terminate()
    assert worker.wait(60) == 0
    original = make_url(fleet.url)
    copy = f"{original.database}_copy"
    with psycopg.connect(fleet_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {copy} TEMPLATE {original.database}")
    try:
        fleet.url = original.set(database=copy).render_as_string(hide_password=False)
        refused = fleet.run("worker", "--port", "0")
        assert (refused.returncode, "not where it last sent from" in refused.stderr) == (1, True)
        newsroom = open_newsroom(fleet.root / "config.yaml", fleet.environ)
        with closing(newsroom.sending_setup.ledger()) as ledger:
            sender = ChunkSender(newsroom=newsroom, sharing=ledger.sharing, stop=threading.Event(), tell=print)
            with pytest.raises(LedgerError, match="not where it last sent from"):
                sender.send(EDITION, "me", SharedClock(ledger.sharing.now))
        assert fleet.run("config", "--moved").returncode == 0
        worker = fleet.worker()
        worker.terminate()
        assert worker.wait(60) == 0
        assert set(sink.got.values()) == {1}
    finally:
        with psycopg.connect(fleet_server, autocommit=True) as server:
            server.execute(f"DROP DATABASE {copy} WITH (FORCE)")


def test_pages():
    """The pages: metrics in Prometheus' text format, health with a reason, and nothing else."""
    tally, trouble = FleetCounts(), [""]
    tally.add(Chunk(outcomes={State.SENT: 3}, seconds=1.5))

    def metrics():
        return exposition(tally, version="1", beat_age=2.0, editions={'a"b': {State.PLANNED: 7}})

    with serving("127.0.0.1", 0, metrics, lambda: trouble[0]) as port:
        page = read(f"http://127.0.0.1:{port}/metrics")[1]
        for line in page.splitlines():
            assert line.startswith("# ") or line.rpartition(" ")[2].replace(".", "").isdigit(), line
        assert 'digest_deliveries{edition="a\\"b",state="planned"} 7' in page
        assert "digest_worker_busy_seconds_total 1.500" in page
        trouble[0] = "the database was last reached 40 s ago"
        with pytest.raises(urllib.error.HTTPError) as caught:
            read(f"http://127.0.0.1:{port}/healthz")
        assert caught.value.code == 503
        assert caught.value.read() == b"the database was last reached 40 s ago\n"
        caught.value.close()
        with pytest.raises(urllib.error.HTTPError) as caught:
            read(f"http://127.0.0.1:{port}/etc/passwd")
        assert caught.value.code == 404
        caught.value.close()


def test_rolling_upgrade(fleet, sink, database):
    """A worker whose ledger was brought to a newer version under it finishes, says what to do, and ends."""
    fleet.write(5)
    worker = fleet.worker()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE digest.meta SET value = '99' WHERE key = 'version'")
    assert worker.wait(60) == 1
    assert "was brought to version 99 by a newer digest" in fleet.log(worker)
    assert "Traceback" not in fleet.log(worker)
    assert fleet.run("worker", "--port", "0").returncode == 1
    assert sink.taken == []
