"""A fleet as its people know it: workers are started, killed, frozen and stopped; every reader has one mail or a name."""

from __future__ import annotations


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
    again = fleet.run("send", "--month", "2022-02", "--live", "--yes", "--now", "2022-03-01T09:00")
    assert again.returncode == 4
    worker.terminate()
    assert worker.wait(20) == 0, fleet.log(worker)
