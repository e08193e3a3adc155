"""A ledger on a real disk that fills up or turns read-only: nothing goes without an intent, nothing is lost."""

from __future__ import annotations

import os
import resource
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import smalldisk
from digest.delivery import State
from digest.errors import LedgerError
from digest.ledger.opening import open_ledger
from digest.sending.engines import send_edition
from digest.sending.run import Patience
from digest.testing import ACCEPTED, MemoryTransport, plain_mail, readers

EDITION = "2022-02/everyone/en"
SOON = Patience(ledger=0.2)


@pytest.fixture
def disk():
    """A real file system of 12 MiB, where that may be mounted."""
    with smalldisk.mounted("12m") as folder:
        yield folder


def remount(disk, options):
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


def fill(disk, leave=0):
    """Use up the disk but for some bytes."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        size = file.tell()
    os.truncate(disk / "ballast", max(0, size - leave))


def opened(disk, **options):
    return open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=disk, **options)


def send(ledger, relay):
    return send_edition(ledger, relay, plain_mail, edition=EDITION, owner="me", connections=2, patience=SOON)


@pytest.mark.parametrize("leave", [0, 20_000, 60_000])
def test_full_while_sending(disk, leave):
    """The disk fills up in the middle: the run stops with a clear line; with space again it goes on, nobody twice."""
    ledger = opened(disk)
    ledger.freeze(EDITION, "hash", readers(500))
    relay = MemoryTransport(lambda _mail: (fill(disk, leave) if len(relay.sent) == 20 else None) or ACCEPTED)
    report = send(ledger, relay)
    assert "the disk is full" in str(report.stopped)
    assert "digest resume" in str(report.stopped)
    assert report.exit_code == 1
    assert 20 <= len(relay.sent) < 500
    ledger.close()

    (disk / "ballast").unlink()
    ledger = opened(disk)
    again = MemoryTransport()
    report = send(ledger, again)
    assert report.stopped is None
    got = Counter(mail.recipient for mail in (*relay.sent, *again.sent))
    assert max(got.values()) == 1
    held = {row.address for row in ledger.deliveries(EDITION, [State.IN_DOUBT])}
    assert len(held) <= 4
    assert {reader.address for reader in readers(500)} - set(got) <= held
    assert report.counts[State.SENT] + len(held) == 500
    ledger.close()


def test_full_before_the_freeze(disk):
    """A disk that cannot hold the audience refuses the freeze, whole: no half edition, no mail."""
    ledger = opened(disk)
    fill(disk, 50_000)
    with pytest.raises(LedgerError, match="disk is full"):
        ledger.freeze(EDITION, "hash", readers(5_000))
    assert ledger.mailings() == []
    (disk / "ballast").unlink()
    assert ledger.freeze(EDITION, "hash", readers(500))["planned"] == 500
    ledger.close()


@pytest.mark.parametrize("leave", [0, *range(4_096, 180_000, 12_288)])
def test_no_room_for_a_ledger(disk, leave):
    """However little room there is, a ledger is made whole or not at all, and with room it opens the next time."""
    fill(disk, leave)
    made = False
    try:
        opened(disk).close()
        made = True
    except LedgerError as error:
        assert "ledger.db" in str(error)  # noqa: PT017 - from some size on there is room, and no error
    (disk / "ballast").unlink()
    assert made or leave < 150_000
    ledger = opened(disk)
    assert ledger.freeze(EDITION, "hash", readers(5))["planned"] == 5
    ledger.close()


def test_readonly(disk):
    """A read-only disk refuses before the first mail."""
    ledger = opened(disk)
    ledger.freeze(EDITION, "hash", readers(5))
    ledger.close()
    remount(disk, "ro")
    with pytest.raises(LedgerError, match="may be written to"):
        opened(disk)
    remount(disk, "rw")
    ledger = opened(disk)
    assert send(ledger, MemoryTransport()).counts == {State.SENT: 5}
    ledger.close()


def test_file_size_limit(tmp_path):
    """A limit on file sizes (ulimit -f, a quota) in the middle of a run stops it like a full disk."""
    ledger = opened(tmp_path)
    ledger.freeze(EDITION, "hash", readers(2_000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = Path(f"{tmp_path}/ledger.db-wal")

    def limit(_mail):
        if len(relay.sent) == 20:
            resource.setrlimit(resource.RLIMIT_FSIZE, (min(log.stat().st_size, 200_000), before[1]))
        return ACCEPTED

    relay = MemoryTransport(limit)
    try:
        report = send(ledger, relay)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(report.stopped, LedgerError)
    assert len(relay.sent) < 2_000
    again = MemoryTransport()
    send(ledger, again)
    got = Counter(mail.recipient for mail in (*relay.sent, *again.sent))
    held = {row.address for row in ledger.deliveries(EDITION, [State.IN_DOUBT])}
    assert max(got.values()) == 1
    assert {reader.address for reader in readers(2_000)} - set(got) <= held
    ledger.close()
