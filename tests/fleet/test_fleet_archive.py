"""The public archive of a fleet: on the machine of whoever sends or asks for it, from the ledger, on no worker."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from fleetparts import EDITION, Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def published(machine: Fleet) -> None:
    """This machine's copy of a newsroom whose one audience the world may read."""
    machine.root.mkdir()
    machine.write(12)
    config = machine.root / "config.yaml"
    text = config.read_text().replace("    title: Everyone\n", "    title: Everyone\n    archive: public\n")
    config.write_text(f"{text}archive: {{url: https://news.example.org}}\n")


@pytest.fixture
def machines(tmp_path: Path, database: str, sink) -> Iterator[tuple[Fleet, Fleet]]:
    """Two machines with a folder each, a database and a relay between them."""
    made = (Fleet(tmp_path / "desk", database, sink), Fleet(tmp_path / "cloud", database, sink))
    for machine in made:
        published(machine)
    yield made
    for machine in made:
        machine.end()


def page(machine: Fleet) -> Path:
    return machine.root / "public" / EDITION / "index.html"


def test_the_machine_of_send_has_the_page_and_a_worker_has_none(machines):
    """Workers elsewhere mail it; when `send` is done its page, lists and feeds are where it was typed."""
    desk, cloud = machines
    worker = cloud.worker()
    sending = desk.send()
    assert sending.wait(60) == 0, desk.log(sending) + cloud.log(worker)
    assert "Women at work" in page(desk).read_text()
    assert EDITION in (desk.root / "public/everyone/en/feed.atom").read_text()
    worker.terminate()
    assert worker.wait(20) == 0, cloud.log(worker)
    assert not (cloud.root / "public").exists()


def test_another_machine_makes_the_same_pages_of_what_the_ledger_has(machines):
    """Its own archive/ lacks the edition, and its story says something else by now: the page shows what was sent."""
    desk, cloud = machines
    worker = desk.worker()
    sending = desk.send()
    assert sending.wait(60) == 0, desk.log(sending) + desk.log(worker)
    assert not (cloud.root / "archive").exists()
    story = cloud.root / "stories/one.md"
    story.write_text(story.read_text().replace("Women at work", "Men at work"))
    done = cloud.run("archive")
    assert done.returncode == 0, done.stderr
    assert page(cloud).read_bytes() == page(desk).read_bytes()
    shutil.rmtree(desk.root / "archive")
    shutil.rmtree(desk.root / "public")
    again = desk.run("archive")
    assert again.returncode == 0, again.stderr
    assert page(desk).read_bytes() == page(cloud).read_bytes()
