"""The folder gives the stories of a range, in order, and says what is wrong with every file that may be in it."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storytree import ZURICH, plant, story_text

from digest import period
from digest.errors import StoryError
from digest.model import Status
from digest.newsroom.paths import inside
from digest.stories import frontmatter
from digest.stories.folder import FolderSource
from digest.stories.frontmatter import MAX_BYTES
from digest.stories.header_peek import day_of


@pytest.fixture(params=["no index", "index", "warm"])
def source(request, tmp_path, monkeypatch):
    """Make a FolderSource, in each way in which it can know its files; all ways give the same."""
    monkeypatch.setattr("digest.stories.index._YOUNG", -(10**10))  # else no file of a test is old enough to be kept
    root = tmp_path / "stories"

    def make(files, *, zone=ZURICH, **options):
        plant(root, files)
        index = None if request.param == "no index" else tmp_path / ".digest" / "stories.db"
        if request.param == "warm":
            FolderSource(root, zone=zone, language="en", index=index, skip_bad=True).stories()
        return FolderSource(root, zone=zone, language="en", index=index, **options)

    return make


def month(text, zone=ZURICH):
    wanted = period.parse(text, zone)
    return {"start": wanted.start, "end": wanted.end}


def ids(stories):
    return [story.id for story in stories]


def refusal(source, **span):
    with pytest.raises(StoryError) as error:
        source.stories(**span)
    return str(error.value).split("\n")


def test_stories_of_a_month_in_order(source):
    """A month gives its stories by date, then id, from all folders, drafts and withdrawn ones too; no more."""
    folder = source(
        {
            "2022/b": {"date": "2022-02-14"},
            "2022/a": {"date": "2022-02-14"},
            "z": {"date": "2022-02-01", "status": "draft"},
            "deep/er/y": {"date": "2022-02-28", "status": "withdrawn"},
            "early": {"date": "2022-01-31"},
            "late": {"date": "2022-03-01"},
        }
    )
    stories = folder.stories(**month("2022-02"))
    assert ids(stories) == ["z", "2022/a", "2022/b", "deep/er/y"]
    assert [story.status for story in stories] == [Status.DRAFT, Status.PUBLISHED, Status.PUBLISHED, Status.WITHDRAWN]
    assert stories[1].file.endswith("stories/2022/a.md")
    assert ids(folder.stories()) == ["early", "z", "2022/a", "2022/b", "deep/er/y", "late"]
    assert ids(folder.stories(start=month("2022-02")["end"])) == ["late"]
    assert ids(folder.stories(end=month("2022-02")["start"])) == ["early"]


def test_the_edges_of_a_period_are_half_open(source):
    """The last microsecond of January is January's, the first of February is February's, in the newsroom's zone."""
    folder = source(
        {
            "january": {"date": "2022-01-31T23:59:59.999999+01:00"},
            "february": {"date": "2022-02-01T00:00:00+01:00"},
            "february-day": {"date": "2022-02-01"},
            "february-elsewhere": {"date": "2022-01-31T18:00-05:00"},
            "march": {"date": "2022-03-01T00:00:00+01:00"},
            "february-end": {"date": "2022-02-28T22:59:59.999999Z"},
        }
    )
    february = ids(folder.stories(**month("2022-02")))
    assert february == ["february", "february-day", "february-elsewhere", "february-end"]
    assert ids(folder.stories(**month("2022-01"))) == ["january"]
    assert ids(folder.stories(**month("2022-03"))) == ["march"]


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Etc/GMT+12", "America/Sao_Paulo", "Asia/Kathmandu"])
def test_each_story_is_in_exactly_one_month_in_any_zone(tmp_path, name):
    """Over a year of months, every story is in one of them, however far its zone is from the newsroom's."""
    zone = ZoneInfo(name)
    moment = datetime(2021, 12, 30, tzinfo=UTC)
    files = {}
    for number in range(60):
        moment += timedelta(days=6, hours=5, minutes=7)
        offset = timedelta(hours=number % 27 - 12)
        files[f"s{number}"] = {"date": (moment + offset).strftime("%Y-%m-%dT%H:%M") + f"{_sign(offset)}"}
    folder = FolderSource(plant(tmp_path, files), zone=zone, language="en")
    months = [period.parse(f"{year}-{number:02}", zone) for year in (2021, 2022, 2023) for number in range(1, 13)]
    seen = [story.id for one in months for story in folder.stories(one.start, one.end)]
    assert sorted(seen) == sorted(files)


def _sign(offset):
    minutes = int(offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def test_a_story_that_moves_to_another_month(source, tmp_path):
    """When its date is edited, a story is in its new month and no longer in the old."""
    folder = source({"a": {}, "b": {"date": "2022-01-03"}})
    assert ids(folder.stories(**month("2022-02"))) == ["a"]
    plant(tmp_path / "stories", {"b": {"date": "2022-02-03"}})
    assert ids(folder.stories(**month("2022-02"))) == ["b", "a"]
    assert ids(folder.stories(**month("2022-01"))) == []


def test_faults_of_every_file_that_may_be_in_the_range(source):
    """Bad files of the month, and those that do not say their date, stop it; bad files of other months do not."""
    folder = source(
        {
            "a": {"date": "2022-02-14", "weight": "heavy"},
            "b": {"date": "2022-02-30"},
            "c": {"date": None},
            "d": "no front matter",
            "e": {"date": "2022-02-15", "countries": "\n  - XX"},
            "f": "---\ntitle: two dates\ndate: 2022-02-14\ndate: 2019-02-14\n---\n",
            "old": {"date": "2019-05-05", "weight": "heavy"},
            "old-and-odd": {"date": "2019-05-05", "topics": '\n  - "x"', "weight": "heavy"},
        }
    )
    faults = refusal(folder, **month("2022-02"))
    assert [fault.split("stories/")[1].split(":")[0] for fault in faults] == [f"{name}.md" for name in "abcdef"]
    assert len(refusal(folder)) == 8


def test_skipping_bad_files(source):
    """With skip_bad the good stories come, and the faults can be read afterwards."""
    folder = source({"a": {}, "b": {"title": "''"}}, skip_bad=True)
    assert ids(folder.stories()) == ["a"]
    assert ["b.md:2: title: is blank" in str(fault) for fault in folder.faults] == [True]


@pytest.mark.parametrize("key", ["link", "guid"])
def test_one_address_may_be_that_of_two_stories(source, key):
    """A landing page, or a number that two sources count by: both stories are there, and a check names the pair."""
    value = "https://example.org/live"
    folder = source({"a": {"date": "2022-02-10", key: value}, "b": {"date": "2022-02-11", key: value}})
    assert ids(folder.stories(**month("2022-02"))) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x", "---\ntitle: 'half\ndate: 2022-02-14\ncredit: [a\n"),
        ("x", "---\ntitle: A: B\ndate: '2022-02-14'\n---\n"),
        ("2022-02-14-x", "---\ntitle: half"),
        ("2022/2022-02-14-x", b"\xff\xfe-\x00"),
        ("2022-02-14-x", "---\ntitle: A\ndate: 2022-02-30\n---\n"),
        ("2019-01-01-x", "---\ntitle: A\ndate: 2022-02-14\nweight: heavy\n---\n"),
    ],
)
def test_a_half_edited_file_stops_its_own_month_only(source, name, text):
    """Its day is in the lines that can be read, else in its name; other months go on without a word."""
    folder = source({name: text, "a": {"date": "2022-01-31"}, "b": {"date": "2022-03-01"}})
    assert "x.md" in refusal(folder, **month("2022-02"))[0]
    assert ids(folder.stories(**month("2022-01"))) == ["a"]
    assert ids(folder.stories(**month("2022-03"))) == ["b"]
    assert folder.faults == ()


@pytest.mark.parametrize("text", ["---\ntitle: half", "---\ntitle: A: B\ndate: 2022-02-14\ndate: 2022-03-14\n---\n"])
def test_a_file_of_no_day_stops_every_month_and_says_so(source, text):
    """Nothing tells of which day it is: it could be of any."""
    folder = source({"x": text})
    for name in ("2022-01", "2022-03"):
        assert refusal(folder, **month(name))[0].endswith("so it holds up every edition")


def test_what_an_edition_looks_back_at_does_not_stop_it(source):
    """A bad file from before the edition's own period is left out and named."""
    folder = source({"old": {"date": "2022-01-31", "weight": "heavy"}, "a": {"date": "2022-02-01"}})
    span = month("2022-02")
    start = datetime(2022, 1, 1, tzinfo=ZURICH)
    assert ids(folder.stories(start, span["end"], own=span["start"])) == ["a"]
    assert [fault.key for fault in folder.faults] == ["weight"]
    plant(folder._reader.root, {"bad": {"date": "2022-02-02", "weight": "heavy"}})
    with pytest.raises(StoryError, match=r"bad\.md") as error:
        folder.stories(start, span["end"], own=span["start"])
    assert "old" not in str(error.value)


def test_names_that_differ_in_spelling_only(source):
    """é as one character or as two is the same id: two such files are named."""
    folder = source({unicodedata.normalize(form, "café"): {"title": form} for form in ("NFC", "NFD")})
    (fault,) = refusal(folder)
    assert "in spelling only; rename one" in fault


def test_links_are_not_followed(source, tmp_path):
    """A symbolic link to a file or folder is named, wherever it leads, and what it leads to is not read."""
    (tmp_path / "secret.md").write_text(story_text(title="Secret"))
    plant(tmp_path / "elsewhere", {"a": {}})
    folder = source({"good": {}}, skip_bad=True)
    root = tmp_path / "stories"
    (root / "out.md").symlink_to(tmp_path / "secret.md")
    (root / "folder").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (root / "in.md").symlink_to(root / "good.md")
    (root / "picture.jpg").symlink_to(tmp_path / "secret.md")
    assert ids(folder.stories()) == ["good"]
    named = sorted(fault.file.rsplit("/", 1)[1] for fault in folder.faults)
    assert named == ["folder", "in.md", "loop", "out.md"]


def test_the_root_itself_may_be_a_link(source, tmp_path):
    """A stories folder that is a link to the real one works."""
    source({"a": {}})
    (tmp_path / "linked").symlink_to(tmp_path / "stories")
    assert ids(FolderSource(tmp_path / "linked", zone=ZURICH, language="en").stories()) == ["a"]


def test_what_is_no_story_file(source, tmp_path):
    """Hidden files, folders, pictures are passed over; pipes, odd suffixes and names that are not UTF-8 are named."""
    folder = source({"a": {}, ".hidden": "x", ".git/b": "x"}, skip_bad=True)
    root = tmp_path / "stories"
    (root / "picture.jpg").write_bytes(b"\xff")
    (root / "folder.md").mkdir()
    plant(root / "folder.md", {"inside": {}})
    (root / "B.MD").write_text(story_text())
    (root / "c.markdown").write_text(story_text())
    (root / "d.md.txt").write_text(story_text())
    os.mkfifo(root / "pipe.md")
    (root / os.fsdecode(b"caf\xe9.md")).write_text(story_text())
    assert ids(folder.stories()) == ["a", "folder.md/inside"]
    named = sorted(fault.file.rsplit("/", 1)[1] for fault in folder.faults)
    assert named == ["B.MD", "c.markdown", "caf\\xe9.md", "d.md.txt", "pipe.md"]


def test_a_file_over_the_cap(source):
    """A file of more than a megabyte is named with its size, and the others are read."""
    folder = source({"a": {}, "big": {"summary": "x" * MAX_BYTES}}, skip_bad=True)
    assert ids(folder.stories()) == ["a"]
    assert "big.md: has 1,000,0" in str(folder.faults[0])


def test_a_file_that_cannot_be_read():
    """A file without permission is named with the system's words."""
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, into which only root could look
        root = plant(Path(folder), {"a": {}, "b": {}})
        root.chmod(0o755)
        source = FolderSource(root, zone=ZURICH, language="en")
        assert ids(source.stories()) == ["a", "b"]
        (root / "b.md").chmod(0)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)  # root reads everything
        try:
            assert "b.md: cannot be read (Permission denied)" in refusal(source)[0]
        finally:
            os.seteuid(before)


def test_a_folder_that_is_not_there(tmp_path):
    """A missing stories folder is an error, not an empty month."""
    folder = FolderSource(tmp_path / "none", zone=ZURICH, language="en")
    assert "none: cannot be opened (No such file or directory)" in refusal(folder)[0]


def test_one_story_by_its_id(source):
    """A story is found by id or by its file's path; what lies outside, or is not there, is refused."""
    folder = source({"2022/a": {"title": "One"}, "bad": {"title": "''"}})
    assert folder.story("2022/a").title == "One"
    assert folder.story("stories/2022/a.md") == folder.story("2022/a")
    for name, expected in {
        "nope": "is not there",
        "../secret": "outside",
        "/etc/x": "outside",
        "bad": "is blank",
    }.items():
        with pytest.raises(StoryError, match=expected):
            folder.story(name)


def test_many_files_in_one_folder(source):
    """Some thousand files, in pages, come in order and whole."""
    files = {f"s{number:04}": {"date": f"2022-02-{number % 28 + 1:02}"} for number in range(1500)}
    stories = source(files).stories(**month("2022-02"))
    assert sorted(ids(stories)) == sorted(files)
    assert list(stories) == sorted(stories, key=lambda story: (story.date, story.id))


# A glance and a parse must agree, or stories get lost in the first run.

header_lines = st.sampled_from(
    [
        "title: A title",
        'title: "quoted"',
        "title: 'it''s'",
        'title: "two\nlines"',
        'title: "a\ndate: 2020-01-01\nb"',
        "title: a\n  b",
        "date: 2022-02-14",
        "date: 2022-02-15 ",
        "date: 2022-02-16T09:00+01:00",
        'date: "2022-02-17"',
        "date:\n  2022-02-18",
        "date : 2022-02-19",
        "'date': 2022-02-20",
        "date: 2022-02-21 # a comment",
        "date: 2022-02-30",
        "kicker: >\n  folded\n  date: 2022-03-01",
        "credit: |\n  block\n",
        "topics: [a, b]",
        "topics: [a,\ndate: 2022-03-02]",
        "topics:\n- a\n- b",
        "topics:\n  - a",
        "channels:\n  - 'a\ndate: 2022-03-03\n  b'",
        "# date: 2022-03-04",
        "",
        "link: https://example.org/1",
        "link: 'https://example.org/1'",
        "link: &a https://example.org/1",
        "guid: 1",
        "guid: >-\n  1",
        "...",
        "{}",
    ]
)


@settings(max_examples=400)
@given(st.lists(header_lines, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_a_glance_never_contradicts_the_parser(lines, newline):
    """Where a glance answers for a file that is a story, it has the story's day."""
    data = newline.join(("---", "\n".join(lines).replace("\n", newline), "---", "", "Text.")).encode()
    seen = day_of(data)
    story, _ = frontmatter.parse(data, story_id="a", file="a.md", zone=ZURICH, language="en")
    if story and seen:
        assert seen == story.date.toordinal()


@pytest.mark.parametrize("path", ["a%00b.jpg", "%2e%2e/secret", "images/%2e%2e/%2e%2e/secret"])
def test_an_address_of_a_picture_leads_to_no_other_place(tmp_path, path):
    """What an address spells as codes is no way out of the folder, and no text without end."""
    (tmp_path / "secret").write_text("x")
    (tmp_path / "newsroom/images").mkdir(parents=True)
    with pytest.raises(FileNotFoundError):
        inside(tmp_path / "newsroom", path)
    (tmp_path / "newsroom/images/our photo.jpg").write_text("x")
    assert inside(tmp_path / "newsroom", "images/our%20photo.jpg") == b"x"
