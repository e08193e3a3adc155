"""`digest run` where nothing can be written: said in a line, told, and done once there is room again."""

from __future__ import annotations

import shutil
import subprocess

import pytest

READERS = 6


def begin(newsroom):
    assert newsroom.run("2022-02-20T10:00").code == 0


def test_a_freeze_that_fails_at_its_very_end_is_gone_on_with(newsroom, sink):
    """The ledger has the readers, and the second record of it cannot be written: nothing goes, and later all of it."""
    begin(newsroom)
    sent = newsroom.root / ".digest/sent"
    sent.write_text("in the way of a folder")
    done = newsroom.run("2022-03-01T09:00")
    assert (done.code, "nothing more was sent" in done.out, sink.readers) == (1, True, {})
    sent.unlink()
    assert newsroom.run("2022-03-01T09:10").code == 0
    assert (len(sink.readers), set(sink.readers.values())) == (READERS, {1})


@pytest.mark.parametrize("room", [8, 72, 128, 192, 248])
def test_a_disk_that_fills_up_at_any_point(newsroom, sink, room):
    """However few KiB are left: no traceback, nobody twice, and with room again everybody has it or is named."""
    disk = newsroom.root / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        for name in ("config.yaml", "stories", "recipients"):
            shutil.move(newsroom.root / name, disk / name)
        newsroom.root = disk
        begin(newsroom)
        with (disk / "ballast").open("wb", buffering=0) as file:
            file.write(bytes(max(0, shutil.disk_usage(disk).free - 1024 * room)))
        assert newsroom.run("2022-03-01T09:00").code in (0, 1)
        (disk / "ballast").unlink()
        done = newsroom.run("2022-03-01T09:10")
        doubtful = sum("in doubt" in line for line in done.out.splitlines())
        assert done.code == (1 if doubtful else 0), (done.out, done.err)
        assert set(sink.readers.values()) == {1}
        assert len(sink.readers) == READERS or doubtful
        assert newsroom.run("2022-03-01T09:20").out.startswith("nothing is due")
    finally:
        newsroom.monkeypatch.chdir("/")
        subprocess.run(["umount", "-l", disk], check=True)
