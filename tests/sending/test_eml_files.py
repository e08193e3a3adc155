"""Mails as files: whole or not there, one for each reader, under names that every file system takes."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import smalldisk
from digest.delivery import Event, Outgoing, State
from digest.errors import SendStopped
from digest.model import Recipient
from digest.sending.eml import WINDOW, EmlFolder, Maildir, eml_name
from digest.sending.engines import send_edition
from digest.testing import MemoryLedger, plain_mail, readers

EDITION = "2022-02/everyone/en"
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def mail(number=1, recipient="ana@example.org", data=b"Subject: x\r\n\r\nHello\r\n"):
    return Outgoing(delivery=number, sender="digest@example.org", recipient=recipient, data=data)


def deliver(transport, mails, intend=lambda _mail: True):
    session = transport.open()
    try:
        return list(session.deliver(mails, intend))
    finally:
        session.close()


@given(address=st.text(min_size=1, max_size=400), edition=st.text(max_size=40))
def test_names_are_safe(address, edition):
    """Whatever an address holds, its name is one short, plain, visible file name."""
    name = eml_name(address, edition)
    assert re.fullmatch(r"to-[a-z0-9@._+-]*-[0-9a-f]{16}\.eml", name)
    assert len(name.encode()) < 200
    assert not RESERVED.match(name)


@pytest.mark.parametrize("address", ["../../etc/passwd@x", "a/b@x", "a\0b@x", "CON@x", ".hidden@x", "-rf@x", "é" * 300])
def test_nothing_leaves_the_folder(tmp_path, address):
    """Hostile addresses end up as files in the folder, and nowhere else."""
    folder = tmp_path / "out"
    (outcome,) = deliver(EmlFolder(folder), [mail(recipient=address)])
    assert outcome.event is Event.ACCEPT
    assert [path.name for path in tmp_path.rglob("*")] == ["out", eml_name(address, "")]


def test_case_does_not_clash():
    """Two addresses that differ in case, and two editions, have different names without regard to case."""
    names = [eml_name("Ana@x.org", "a"), eml_name("ana@x.org", "a"), eml_name("ana@x.org", "b")]
    assert len({name.lower() for name in names}) == 3


def test_one_each(tmp_path):
    """Over several connections each reader has one file with the whole mail, and no temporary file is left."""
    ledger = MemoryLedger()
    ledger.freeze(EDITION, "hash", readers(50))
    report = send_edition(ledger, EmlFolder(tmp_path / "a" / "out"), plain_mail, edition=EDITION, owner="me")
    assert report.counts == {State.SENT: 50}
    files = list((tmp_path / "a" / "out").iterdir())
    found = Counter(re.search(rb"^To: (\S+)\r$", path.read_bytes(), re.MULTILINE)[1].decode() for path in files)
    assert found == Counter({reader.address: 1 for reader in readers(50)})
    assert {path.suffix for path in files} == {".eml"}


def test_the_bytes_of_the_mail(tmp_path):
    """The file holds the mail's bytes, nothing more and nothing less."""
    data = b"Subject: x\r\n\r\n" + bytes(range(256)) * 400
    deliver(EmlFolder(tmp_path), [mail(data=data)])
    assert (tmp_path / eml_name("ana@example.org", "")).read_bytes() == data


def test_accepted_after_the_folder_is_synced(tmp_path, monkeypatch):
    """Accepted is said after file and folder are on the disk; a few mails share the folder's fsync."""
    done = []
    fsync = os.fsync

    def watched(descriptor):
        done.append("folder" if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir() else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    session = EmlFolder(tmp_path).open()
    for outcome in session.deliver([mail(n, f"r{n}@x.org") for n in range(WINDOW)], lambda _mail: True):
        assert outcome.event is Event.ACCEPT
        done.append("accepted")
    assert done == ["file"] * WINDOW + ["folder"] + ["accepted"] * WINDOW


def test_intent_first(tmp_path):
    """Nothing is written for a mail whose intent is refused, and the outcomes keep their order."""
    mails = [mail(number, f"r{number}@x.org") for number in range(1, 5)]
    outcomes = deliver(EmlFolder(tmp_path), mails, lambda each: each.delivery != 3)
    assert [(each.delivery, each.event) for each in outcomes] == [
        (1, Event.ACCEPT),
        (2, Event.ACCEPT),
        (3, Event.SUPPRESS),
        (4, Event.ACCEPT),
    ]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_source_that_fails(tmp_path):
    """When the run cannot give another mail, those that were taken are finished first."""

    def source():
        yield mail(1, "r1@x.org")
        message = "no more"
        raise RuntimeError(message)

    outcomes = []
    session = EmlFolder(tmp_path).open()
    with pytest.raises(RuntimeError, match="no more"):
        outcomes.extend(session.deliver(source(), lambda _mail: True))
    assert [each.event for each in outcomes] == [Event.ACCEPT]


@pytest.mark.parametrize("kind", [EmlFolder, Maildir])
def test_no_folder(tmp_path, kind):
    """A file where the folder should be stops the run before the first mail, and is named."""
    (tmp_path / "out").write_text("")
    with pytest.raises(SendStopped, match=f"{tmp_path}/out"):
        kind(tmp_path / "out").open()


class TestMaildir:
    def test_new_and_unique(self, tmp_path):
        """Mails appear in new/ under unique names; tmp/ is empty afterwards."""
        box = Maildir(tmp_path / "box")
        deliver(box, [mail(number) for number in range(30)])
        deliver(box, [mail(number) for number in range(30)])
        assert len(list((tmp_path / "box" / "new").iterdir())) == 60
        assert list((tmp_path / "box" / "tmp").iterdir()) == []
        assert (tmp_path / "box" / "cur").is_dir()

    def test_read_by_another_program(self, tmp_path):
        """Python's own mailbox module finds the mails."""
        import mailbox

        deliver(Maildir(tmp_path / "box"), [mail()])
        (found,) = mailbox.Maildir(tmp_path / "box", create=False)
        assert found["subject"] == "x"


@pytest.fixture
def small_disk():
    """A real file system of 256 KiB, where that may be mounted."""
    with smalldisk.mounted("256k") as folder:
        yield folder


@pytest.mark.parametrize("kind", [EmlFolder, Maildir])
def test_full_disk(small_disk, kind):
    """A full disk stops the run with its name; no short mail is left, and with space the rest goes."""
    ledger = MemoryLedger()
    ledger.freeze(EDITION, "hash", [Recipient(address=f"r{number}@x.org") for number in range(40)])

    def build(delivery):
        return mail(delivery.id, delivery.address, b"Subject: x\r\n\r\n" + b"y" * 20_000 + b"\r\n")

    box = kind(small_disk / "out")
    report = send_edition(ledger, box, build, edition=EDITION, owner="me", clock=lambda: 100.0)
    assert str(report.stopped) == f"{small_disk}/out: no space left on device; nothing more was written there"
    assert report.exit_code == 1
    written = [path for path in small_disk.rglob("*") if path.is_file()]
    assert {path.stat().st_size for path in written} == {20_016}
    assert report.counts[State.SENT] == len(written) > 3
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    report = send_edition(ledger, box, build, edition=EDITION, owner="me", clock=lambda: 200.0)
    assert report.counts == {State.SENT: 40}
    assert len([path for path in small_disk.rglob("*") if path.is_file()]) == 40


def test_readonly_disk(small_disk):
    """A folder on a read-only disk stops the run before the first mail."""
    (small_disk / "out").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    ledger = MemoryLedger()
    ledger.freeze(EDITION, "hash", readers(3))
    report = send_edition(ledger, EmlFolder(small_disk / "out"), plain_mail, edition=EDITION, owner="me")
    assert "read-only file system" in str(report.stopped)
    assert State.SENT not in report.counts
