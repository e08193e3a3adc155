"""`digest archive` is killed anywhere: files are whole, old or new, and the next run ends it."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from crash_zygote import Zygote

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
newsroom:
  name: Harbour Newsroom
  contact: press@harbour.test
  from: digest@harbour.test
  timezone: Europe/Zurich
  postal_address: Quay 4, Geneva
audiences:
  everyone: {title: All harbour news, archive: public, recipients: {csv: readers.csv}}
archive: {url: "https://news.harbour.test"}
theme: {images: embed}
"""
STORY = """\
---
title: {}
date: {}
link: https://harbour.test/1
image: pictures/{}.png
image_alt: A quay
---

A summary.
"""
MONTHS = ("2022-01", "2022-02")


@pytest.fixture(scope="module")
def zygote():
    process = Zygote()
    yield process
    process.close()


@pytest.fixture(scope="module")
def sent(tmp_path_factory, zygote) -> Path:
    """A newsroom that sent two editions; then a story of the first was withdrawn, one of the second corrected."""
    from PIL import Image

    root = tmp_path_factory.mktemp("sent") / "newsroom"
    for name in ("stories", "pictures"):
        (root / name).mkdir(parents=True)
    (root / "config.yaml").write_text(CONFIG)
    (root / "readers.csv").write_text("email\nann@reader.test\n")
    for month, colour in zip(MONTHS, ("teal", "navy"), strict=True):
        Image.new("RGB", (640, 400), colour).save(root / f"pictures/{month}.png")
        (root / f"stories/{month}.md").write_text(STORY.format(f"News of {month}", f"{month}-14", month))
    for month, day in zip(MONTHS, ("2022-02-01", "2022-03-01"), strict=True):
        now = f"{day}T09:00:00+01:00"
        command = ["send", "--month", month, "--live", "--yes", "--yes-now", now, "--now", now, "--eml", "out", "-q"]
        assert zygote.run(root, command=command) == 0
    for month, line in zip(MONTHS, ("status: withdrawn", "correction: Not in Geneva."), strict=True):
        story = root / f"stories/{month}.md"
        story.write_text(story.read_text().replace("\n---\n", f"\n{line}\ncorrected: 2022-03-05\n---\n", 1))
    return root


def files(folder: Path) -> dict[str, bytes]:
    """What a web server would hand out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.mark.parametrize("anew", [False, True], ids=["brought up to date", "made anew"])
def test_killed_anywhere_in_the_archive(zygote, sent, tmp_path, anew):
    """Killed at an fsync, a rename or an unlink: each file is the old or the new one; the next run ends it alike."""

    def newsroom(name: str) -> Path:
        root = tmp_path / name
        shutil.copytree(sent, root)  # with times: what is remembered of files holds
        if anew:
            shutil.rmtree(root / "public")
        return root

    counted = newsroom("count")
    before = {} if anew else files(counted / "public")
    assert zygote.run(newsroom("warm"), command=["archive", "-q"], here=True) == 0
    assert zygote.run(counted, command=["archive", "-q"]) == 0
    after = files(counted / "public")
    assert set(before) - set(after) or anew, "a picture goes with the story that was withdrawn"
    points = int((counted / "points").read_text())
    assert points > 20
    between = 0
    for point in range(1, points + 1, 5):
        root = newsroom(f"at-{point}")
        assert zygote.run(root, command=["archive", "-q"], kill_at=point) == -signal.SIGKILL
        left = files(root / "public") if (root / "public").exists() else {}
        for path, data in left.items():
            assert data in (before.get(path), after.get(path)), f"killed at {point}: {path}"
        between += left not in (before, after)
        assert zygote.run(root, command=["archive", "-q"]) == 0, f"killed at {point}"
        assert files(root / "public") == after, f"killed at {point}"
        shutil.rmtree(root)
    assert between > 3, "some were killed in the middle"
