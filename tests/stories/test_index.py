"""The index makes things fast and never changes what comes out: any change of a file is seen, any damage is mended."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storytree import ZURICH, plant, story_text

from digest.errors import StoryError
from digest.stories import frontmatter
from digest.stories.folder import FolderSource
from digest.stories.index import load_story


@pytest.fixture
def old_enough(monkeypatch):
    """Let the index keep what was written just now: nothing in a test is two seconds old."""
    monkeypatch.setattr("digest.stories.index._YOUNG", -(10**10))


@pytest.fixture
def room(tmp_path, old_enough):  # noqa: ARG001 - in force while the test runs
    """A newsroom with three stories and its index, warm."""
    plant(tmp_path / "stories", {name: {"title": name, "date": f"2022-02-0{n}"} for n, name in enumerate("abc", 1)})
    newsroom = Room(tmp_path)
    assert newsroom.titles() == ["a", "b", "c"]
    return newsroom


class Room:
    def __init__(self, path):
        self.root = path / "stories"
        self.index = path / ".digest" / "stories.db"

    def source(self, **options):
        return FolderSource(self.root, **{"zone": ZURICH, "language": "en", "index": self.index, **options})

    def titles(self, **options):
        return [story.title for story in self.source(**options).stories()]

    def truth(self):
        return [story.title for story in self.source(index=None).stories()]

    def parsed(self, monkeypatch, **options):
        """How many files one call parses."""
        calls = []
        real = frontmatter.parse

        def counting(*arguments, **keywords):
            calls.append(keywords["story_id"])
            return real(*arguments, **keywords)

        with monkeypatch.context() as patch:
            patch.setattr(frontmatter, "parse", counting)
            self.titles(**options)
        return calls


def test_unchanged_files_are_not_parsed_again(room, monkeypatch):
    """A second run parses nothing, and gives the same stories in every field."""
    assert room.parsed(monkeypatch) == []
    assert room.source().stories() == room.source(index=None).stories()


@pytest.mark.usefixtures("old_enough")
def test_every_field_survives_the_index(tmp_path, monkeypatch):
    """A story from the index equals the story from its file, whatever it holds."""
    rich = {
        "date": "2022-02-14T09:00:30.5-05:00",
        "kicker": "K",
        "credit": "© É",
        "link": "https://example.org/1",
        "image": "a.jpg",
        "image_alt": "Alt",
        "topics": "[a, b]",
        "countries": "[PK]",
        "channels": "[c]",
        "language": "fr",
        "translation_of": "b",
        "guid": "g",
        "status": "withdrawn",
        "embargo": "2022-02-14T09:00+01:00",
        "weight": "-5",
        "lead": "true",
        "repeat": "true",
        "summary": "Été 😀\n\nmore",
    }
    plant(tmp_path / "stories", {"a": rich, "b": {}})
    newsroom = Room(tmp_path)
    first, again = newsroom.source().stories(), newsroom.source().stories()
    assert first == again
    assert [story.date.tzinfo for story in again] == [ZURICH, ZURICH]
    assert newsroom.parsed(monkeypatch) == []


@pytest.mark.parametrize(
    ("key", "time"), [("corrected", "soon"), ("corrected", ""), ("date", ""), ("date", "tomorrow")]
)
def test_a_time_that_is_none_makes_no_story(key, time):
    """A text that was damaged or written by hand is refused, in the index and in the archive; no story has it."""
    values = {"title": "A", "date": "2022-02-14", key: time}
    with pytest.raises(ValueError, match="isoformat"):
        load_story(json.dumps(values), story_id="a", file="a.md", zone=ZoneInfo("Europe/Zurich"))


def test_faulty_files_are_remembered_as_faulty(room, monkeypatch):
    """A file with faults has the same faults the second time, without being parsed."""
    plant(room.root, {"bad": {"title": "''", "weight": "x"}})
    messages = []
    for _ in range(2):
        with pytest.raises(StoryError) as error:
            room.source().stories()
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert len(messages[0].split("\n")) == 2
    assert room.parsed(monkeypatch, skip_bad=True) == []


def test_changes_are_seen(room, monkeypatch):
    """A changed, a new, a deleted and a renamed file are noticed; only those that changed are parsed."""
    plant(room.root, {"a": {"title": "A!"}, "new/d": {"title": "d", "date": "2022-03-01"}})
    assert sorted(room.parsed(monkeypatch)) == ["a", "new/d"]
    (room.root / "b.md").unlink()
    (room.root / "c.md").rename(room.root / "c2.md")
    assert room.titles() == ["c", "A!", "d"]
    shutil.rmtree(room.root / "new")
    assert room.titles() == room.truth() == ["c", "A!"]
    with closing(sqlite3.connect(room.index)) as connection, connection:
        assert connection.execute("SELECT folder FROM page").fetchall() == [("",)]
        assert connection.execute("SELECT count(*) FROM story WHERE path LIKE 'new/%'").fetchone() == (0,)
    connection.close()


def test_same_size_and_same_mtime_is_still_seen(room):
    """A file rewritten in the same length with its old modification time put back is read again."""
    path = room.root / "a.md"
    before = path.stat()
    path.write_text(path.read_text().replace("title: a", "title: X"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert room.titles() == ["X", "b", "c"]


def test_young_files_are_not_trusted(tmp_path, monkeypatch):
    """A file written twice within the clock's grain is not taken for unchanged: young stamps are not believed."""
    monkeypatch.setattr("digest.stories.index._YOUNG", 3600 * 10**9)  # however long this machine takes from here
    plant(tmp_path / "stories", {"a": {"title": "a"}}, age=0)
    newsroom = Room(tmp_path)
    newsroom.titles()
    with closing(sqlite3.connect(newsroom.index)) as index:
        (stamps,) = index.execute("SELECT stamps FROM page").fetchone()
        assert int.from_bytes(stamps[:8], sys.byteorder, signed=True) == -1
        assert index.execute("SELECT count(*) FROM story").fetchone() == (0,)


def test_a_file_of_the_future_is_read_each_time(room, monkeypatch):
    """A modification time ahead of the clock is never trusted."""
    ahead = time.time_ns() + 3600 * 10**9
    os.utime(room.root / "a.md", ns=(ahead, ahead))
    assert room.parsed(monkeypatch) == ["a"]
    assert room.parsed(monkeypatch) == ["a"]


@pytest.mark.parametrize("other", [{"zone": ZoneInfo("Asia/Tokyo")}, {"language": "fr"}])
def test_another_zone_or_language_is_another_index(room, other):
    """What depends on the newsroom's settings is not answered from before they changed."""
    stories = room.source(**other).stories()
    assert stories == room.source(**other, index=None).stories()
    assert room.source().stories() == room.source(index=None).stories()


def test_another_folder_is_another_index(room, tmp_path):
    """An index that was made for another folder answers nothing for this one."""
    other = plant(tmp_path / "other", {"a": {"title": "other a", "date": "2022-02-01"}})
    source = FolderSource(other, zone=ZURICH, language="en", index=room.index)
    assert [story.title for story in source.stories()] == ["other a"]
    assert room.titles() == ["a", "b", "c"]


def test_a_newer_reader_reads_again(room, monkeypatch):
    """When the reader of story files changed, the index is made anew."""
    monkeypatch.setattr(frontmatter, "VERSION", frontmatter.VERSION + 1)
    assert sorted(room.parsed(monkeypatch)) == ["a", "b", "c"]


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_index_is_replaced(room, content, monkeypatch):
    """An empty or a foreign file in its place is replaced by an index, silently."""
    room.index.write_bytes(content)
    assert room.titles() == ["a", "b", "c"]
    assert room.parsed(monkeypatch) == []


def test_an_older_schema_is_replaced(room, monkeypatch):
    """An index of another version of the program is made anew."""
    with closing(sqlite3.connect(room.index)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("DROP TABLE story")
    connection.close()
    assert room.titles() == ["a", "b", "c"]
    assert room.parsed(monkeypatch) == []


def test_another_program_s_database_is_left_alone(room):
    """A healthy database that is not an index is not touched: it may be somebody's ledger."""
    room.index.unlink()
    with closing(sqlite3.connect(room.index)) as connection, connection:
        connection.execute("CREATE TABLE ledger (id INTEGER)")
    connection.close()
    before = room.index.read_bytes()
    assert room.titles() == ["a", "b", "c"]
    assert room.index.read_bytes() == before


@settings(max_examples=60)
@given(place=st.floats(0, 1), junk=st.binary(min_size=1, max_size=3000))
def test_damage_anywhere_never_changes_the_answer(room, place, junk):
    """Whatever bytes of the index are overwritten, the stories are those of the files."""
    truth = room.source(index=None).stories()
    room.source().stories()
    data = bytearray(room.index.read_bytes())
    start = int(place * (len(data) - 1))
    data[start : start + len(junk)] = junk
    room.index.write_bytes(data)
    assert room.source().stories() == truth
    assert room.source().stories() == truth


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE page SET days = zeroblob(length(days))",
        f"UPDATE page SET days = x'{'01000000' * 9}'",  # days of the year 1
        "UPDATE page SET days = x'0102030405'",
        "UPDATE page SET days = ''",
        "UPDATE page SET days = 7, stamps = 'x'",
        "UPDATE page SET names = 'a.md'",
        "UPDATE page SET names = 7",
        "UPDATE page SET stamps = substr(stamps, 9)",
        "UPDATE page SET days = (SELECT days || days FROM page)",
        "UPDATE story SET record = replace(record, '2022', '2023')",
        "UPDATE story SET record = '{}', checksum = 2745614147",
        "UPDATE story SET record = '[]', checksum = 223132457",
        "UPDATE story SET path = 'c.md' WHERE path = 'nope.md'",
        "UPDATE story SET path = 7, mtime = 'x' WHERE path = 'a.md'",
        "DELETE FROM story",
        "DROP TABLE story",
        "DROP TABLE page",
        "DROP TABLE owner",
    ],
)
def test_damage_within_the_rows_is_seen(room, change):
    """What a row says is believed only with its checksum and in its form; otherwise the files are read."""
    with closing(sqlite3.connect(room.index)) as connection, connection:
        connection.execute(change)
    connection.close()
    february = {"start": datetime(2022, 2, 1, tzinfo=ZURICH), "end": datetime(2022, 3, 1, tzinfo=ZURICH)}
    assert [story.title for story in room.source().stories(**february)] == ["a", "b", "c"]
    assert room.titles() == ["a", "b", "c"]


def test_a_cut_index_is_mended(room, monkeypatch):
    """An index that lost its end, at any page, is replaced."""
    data = room.index.read_bytes()
    for size in range(0, len(data), 1024):
        room.index.write_bytes(data[:size])
        assert room.titles() == ["a", "b", "c"]
    assert room.parsed(monkeypatch) == []


def test_a_place_where_nothing_can_be_written(room):
    """A folder in the index's place, or no permission to write, means no index, and the same stories."""
    room.index.unlink()
    room.index.mkdir()
    assert room.titles() == ["a", "b", "c"]
    assert room.titles(index=Path("/proc/stories.db")) == ["a", "b", "c"]


def test_a_busy_index_is_done_without(room, monkeypatch):
    """While another process writes, the stories come all the same, and what was learnt is lost without harm."""
    monkeypatch.setattr("digest.stories.index._PATIENCE", 0.05)
    with closing(sqlite3.connect(room.index, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        plant(room.root, {"a": {"title": "A!", "date": "2022-02-01"}})
        assert room.titles() == ["A!", "b", "c"]
        other.execute("ROLLBACK")
    assert room.titles() == ["A!", "b", "c"]


def test_two_processes_at_once(tmp_path):
    """Four processes that read while files change all finish, and afterwards the index tells the truth."""
    newsroom = Room(tmp_path)
    plant(newsroom.root, {f"s{n}": {"title": f"t{n}", "date": f"2022-02-{n % 28 + 1:02}"} for n in range(300)})
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from zoneinfo import ZoneInfo
        from digest.stories.folder import FolderSource
        for _ in range(4):
            source = FolderSource(Path(sys.argv[1]), zone=ZoneInfo("Europe/Zurich"), language="en",
                                  index=Path(sys.argv[2]))
            assert len(source.stories()) == 300
    """)
    command = [sys.executable, "-c", program, str(newsroom.root), str(newsroom.index)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    done = threading.Event()

    def disturb():
        number = 0
        while not done.is_set():
            number += 1
            path = newsroom.root / f"s{number % 300}.md"
            fresh = path.with_suffix(".tmp")
            fresh.write_text(story_text(title=f"new {number}", date="2022-02-05"))
            fresh.replace(path)

    thread = threading.Thread(target=disturb)
    thread.start()
    errors = [process.communicate(timeout=120)[1] for process in running]
    done.set()
    thread.join()
    assert errors == [""] * 4
    assert newsroom.source().stories() == newsroom.source(index=None).stories()


names = st.sampled_from([f"{folder}s{number}" for folder in ("", "x/", "x/y/") for number in range(4)])
steps = st.lists(
    st.tuples(st.sampled_from(["write", "delete", "rename", "bad"]), names, names, st.integers(0, 9)),
    max_size=12,
)


@pytest.mark.usefixtures("old_enough")
@settings(max_examples=40)
@given(steps)
def test_after_any_changes_the_index_agrees_with_the_files(tmp_path_factory, steps):
    """For any sequence of edits, the stories with the index are those without it, after each one."""
    newsroom = Room(tmp_path_factory.mktemp("room"))
    newsroom.root.mkdir()
    for turn, (action, name, other, number) in enumerate(steps):
        path, target = newsroom.root / f"{name}.md", newsroom.root / f"{other}.md"
        if action == "write":
            plant(newsroom.root, {name: {"title": f"t{number}", "link": f"https://e.org/{number % 3}"}})
        elif action == "bad":
            plant(newsroom.root, {name: {"title": "''"}})
        elif action == "delete":
            path.unlink(missing_ok=True)
        elif action == "rename" and path.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        if path.exists():
            os.utime(path, (number, turn))  # a time of its own: steps are faster than the kernel's clock
        with_index, without = newsroom.source(skip_bad=True), newsroom.source(skip_bad=True, index=None)
        assert with_index.stories() == without.stories()
        assert with_index.faults == without.faults


@pytest.mark.usefixtures("old_enough")
def test_pages_keep_their_place_when_a_file_comes_or_goes(tmp_path):
    """One new file among thousands changes one page of the index, and the others are left as they are."""
    newsroom = Room(tmp_path)
    plant(newsroom.root, {f"s{n:05}": {"date": "2022-02-01"} for n in range(3000)})
    source = newsroom.source()
    source.stories()

    def pages():
        with closing(sqlite3.connect(newsroom.index)) as connection, connection:
            return dict(connection.execute("SELECT folder || last, names FROM page"))

    before = pages()
    assert len(before) > 3
    plant(newsroom.root, {"one-more": {"date": "2022-02-01"}})
    assert len(source.stories()) == 3001
    after = pages()
    assert sum(1 for key in before.keys() & after.keys() if before[key] == after[key]) >= len(before) - 2
