"""The first walk over a folder, of which nothing is known: it asks no file for its stamp before it opens it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storytree import ZURICH, plant, story_text

from digest.stories import frontmatter, scan
from digest.stories.folder import FolderSource
from digest.stories.header_peek import UNKNOWN, day_of

LINES = st.sampled_from(
    [
        "title: A title",
        'title: "Quoted"',
        "title: 'Single'",
        "date: 2022-02-14",
        "date: 2022-02-14T09:00+01:00",
        "date:  2022-02-15",
        "datelines: [2022-02-16]",
        "link: https://example.org/a",
        "link: /b",
        "links: x",
        "guid: tag:x",
        "guide: y",
        "guid: 'quoted'",
        "kicker: >",
        "  date: 2022-02-17",
        "topics:",
        "- skills",
        "topics: [skills, gender]",
        "# date: 2022-02-18",
        "lead: true",
        "gallery: two",
        "",
    ]
)


@given(st.lists(LINES, max_size=9), st.sampled_from(["\n", "\r\n"]))
def test_a_glance_says_what_parsing_says(lines, ending):
    """Where a glance answers at all, the day is that which a parsed story has."""
    data = ending.join(["---", *lines, "---", "Text.", ""]).encode()
    seen = day_of(data)
    story, _ = frontmatter.parse(data, story_id="a", file="a.md", zone=ZURICH, language="en")
    if seen and story:
        assert seen == story.date.toordinal()


@pytest.mark.parametrize("between", ["", "title: T\n", "link: /x\n"])
def test_a_second_date_is_for_the_parser(between):
    """Of two dates a glance takes neither."""
    assert day_of(f"---\ndate: 2022-02-14\n{between}---\n".encode())
    assert day_of(f"---\ndate: 2022-02-14\n{between}date: 2022-02-15\n---\n".encode()) == UNKNOWN


def test_stamps_come_with_the_first_look(tmp_path):
    """A page of an unknown folder has no stamps until its files are opened, and then those that the system gives."""
    plant(tmp_path, {name: {"title": name, "date": "2022-02-01"} for name in "abc"})
    walk = scan.pages(tmp_path, lambda _: frozenset(), [])
    page = next(walk)  # its folder is open as long as the walk stands here
    assert not page.stamps
    listed = [page.stamp(number) for number in range(3)]
    page.heads(range(3), 10, stamps=True)
    assert [page.stamp(number) for number in range(3)] == listed
    for name, (mtime, ctime, size) in zip(page.names, listed, strict=True):
        status = os.lstat(tmp_path / name)
        assert (mtime, ctime, size) == (status.st_mtime_ns, status.st_ctime_ns, status.st_size)


@pytest.mark.parametrize("index", [True, False])
def test_a_file_that_goes_away_meanwhile_is_no_fault(tmp_path, monkeypatch, index):
    """A file that was listed and is gone when it is opened is left out, and its neighbours keep their own stamps."""
    monkeypatch.setattr("digest.stories.index._YOUNG", -(10**10))
    root = tmp_path / "stories"
    plant(root, {name: {"title": name, "date": "2022-02-01"} for name in "abc"})
    real = scan.ScanPage.heads

    def heads(page, *given, **named):
        (root / "b.md").unlink(missing_ok=True)
        return real(page, *given, **named)

    monkeypatch.setattr(scan.ScanPage, "heads", heads)
    kept = tmp_path / "stories.db" if index else None
    source = FolderSource(root, zone=ZURICH, language="en", index=kept)
    assert [story.id for story in source.stories()] == ["a", "c"]
    (root / "b.md").write_text(story_text(title="b", date="2022-02-01"), "utf-8")
    monkeypatch.setattr(scan.ScanPage, "heads", real)
    assert [story.id for story in source.stories()] == ["a", "b", "c"]


def test_what_is_no_file_is_named_on_the_first_walk_too(tmp_path):
    """A folder, a link and a pipe with the name of a story are told from stories without a stamp."""
    plant(tmp_path, {"a": {"title": "a", "date": "2022-02-01"}})
    (tmp_path / "link.md").symlink_to(tmp_path / "a.md")
    os.mkfifo(tmp_path / "pipe.md")
    source = FolderSource(tmp_path, zone=ZURICH, language="en", skip_bad=True)
    assert [story.id for story in source.stories()] == ["a"]
    told = sorted(fault.file.rpartition("/")[2] for fault in source.faults)
    assert told == ["link.md", "pipe.md"]
