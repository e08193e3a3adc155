"""Which stories an editor pins, skips and orders in an issue file or an overrides file; or what is wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import IssueError
from digest.issues.issue_edit import SetStories, edit
from digest.issues.issue_file import overrides_of, read
from digest.model import Overrides


def test_no_file_says_nothing(tmp_path):
    """A file that is not there, or is empty, overrides nothing."""
    assert overrides_of([read(tmp_path / "none.yaml")]) == Overrides()
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    assert overrides_of([read(tmp_path / "empty.yaml")]) == Overrides()


def test_stories_are_named_by_id_or_by_file(tmp_path):
    """`stories/a.md`, `./a.md` and `a` are one story; one story needs no list."""
    path = tmp_path / "everyone.yaml"
    path.write_bytes(b"\xef\xbb\xbfpin: stories/2022/a.md\r\nskip: [b.md, ./c]\r\norder:\r\n- d\r\n- 2022/a\r\n")
    assert overrides_of([read(path)]) == Overrides(pin=("2022/a",), skip=("b", "c"), order=("d", "2022/a"))


def test_every_mistake_at_once(tmp_path):
    """Unknown keys, doubles, contradictions and things that are no ids are all named with their lines."""
    path = tmp_path / "everyone.yaml"
    path.write_text("pins: [a]\npin: [a, a.md]\nskip: [a, {b: c}]\norder: [[x]]\npin: [z]\n")
    with pytest.raises(IssueError) as error:
        overrides_of([read(path)])
    assert [str(fault).removeprefix(f"{path}:") for fault in error.value.faults] == [
        "1: pins: is not a key here, did you mean 'pin'?",
        "2: pin[1]: a is named twice; keep one",
        "3: skip[1]: expected a story's id here, like 2022-02-14-helping-women",
        "3: skip[0]: a is skipped, and in pin too; keep one",
        "4: order[0]: expected a story's id here, like 2022-02-14-helping-women",
        "5: pin: is given twice, first on line 2; keep one",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"pin: [\n", ":2: this is not YAML"),
        (b"\n\xff", ":2: is not UTF-8"),
        (b"\xff\xfep\x00i\x00n\x00", ":1: is UTF-16; save the file as UTF-8"),
        (b"- a\n", ":1: expected keys and values"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, content, expected):
    """A file that is no YAML mapping in UTF-8 is refused with the line."""
    path = tmp_path / "everyone.yaml"
    path.write_bytes(content)
    with pytest.raises(IssueError, match=expected):
        overrides_of([read(path)])


def test_a_folder_in_its_place_is_named(tmp_path):
    """What the system refuses is one line for a person."""
    with pytest.raises(IssueError, match=r"cannot be read \(Is a directory\)"):
        read(tmp_path)


ids = st.lists(
    st.sampled_from(["2022-02-14-helping", "2022/a", "no", "12:30", "é", "a: b", "- x", "#1", "with blank"]),
    unique=True,
).map(tuple)


@given(pin=ids, skip=ids, order=ids)
def test_what_is_saved_is_loaded(tmp_path, pin, skip, order):
    """Overrides come back as they were saved, in their order, from a folder that was made for them."""
    skip = tuple(name for name in skip if name not in {*pin, *order})
    wanted = Overrides(pin=pin, skip=skip, order=order)
    path = tmp_path / "overrides" / "2022-02" / "everyone.yaml"
    changes = [SetStories(key="pin", ids=pin), SetStories(key="skip", ids=skip), SetStories(key="order", ids=order)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(edit("", changes), encoding="utf-8")
    assert overrides_of([read(path)]) == wanted
    assert [one.name for one in path.parent.iterdir()] == ["everyone.yaml"]
