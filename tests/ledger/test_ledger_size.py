"""A long list takes no more memory than a short one, and a long run no more files."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from digest.delivery import State
from digest.ledger.opening import open_ledger
from digest.model import Recipient
from digest.sending.eml import EmlFolder
from digest.sending.engines import send_edition
from digest.testing import plain_mail

EDITION = "2022-02/everyone/en"


def list_of(count):
    return (Recipient(address=f"reader{number}@example.org", name="x" * 100) for number in range(count))


def peak(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_flat(tmp_path):
    """Freezing and listing 40,000 readers takes the memory of 10,000."""
    ledger = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=tmp_path)
    peaks = {}
    for count in (500, 10_000, 40_000):  # the first one warms up
        name = f"2022-02/everyone-{count}/en"
        peaks[count] = (
            peak(lambda name=name, count=count: ledger.freeze(name, "hash", list_of(count))),
            peak(lambda name=name: sum(1 for _ in ledger.deliveries(name))),
        )
    ledger.close()
    for few, many in zip(peaks[10_000], peaks[40_000], strict=True):
        assert many < few * 1.3 + 500_000


def test_descriptors_are_constant(tmp_path):
    """A run over 2,000 readers and files opens no more descriptors at the end than in the beginning."""
    ledger = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=tmp_path)
    ledger.freeze(EDITION, "hash", list_of(2_000))
    open_files = []

    def build(delivery):
        if delivery.id % 500 == 0:
            open_files.append(len(list(Path("/proc/self/fd").iterdir())))
        return plain_mail(delivery)

    before = len(list(Path("/proc/self/fd").iterdir()))
    report = send_edition(ledger, EmlFolder(tmp_path / "out"), build, edition=EDITION, owner="me", connections=2)
    assert report.counts == {State.SENT: 2_000}
    ledger.close()
    assert max(open_files) <= open_files[0] + 4
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
