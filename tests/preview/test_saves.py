"""The one mechanism by which the page writes: over what it read only, all or nothing, and back again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DigestError, EditConflict, UsageError
from digest.preview.saves import FileChange, Offer, Saves, contents, version

NAMES = ("a.md", "b.md", "sub/c.md")


def change(root, name, after):
    return FileChange(path=root / name, before=contents(root / name), after=after)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(NAMES), st.none() | st.binary(max_size=20), min_size=1, max_size=3), max_size=8
    )
)
def test_every_save_can_be_taken_back_to_the_octet(tmp_path_factory, steps):
    """Whatever was written, made and removed: undone from the last to the first, all files are what they were."""
    root = tmp_path_factory.mktemp("saves")
    (root / "a.md").write_bytes(b"one")
    saves, states = Saves(root), []
    for step in steps:
        states.append({name: contents(root / name) for name in NAMES})
        saves.save("step", [change(root, name, after) for name, after in step.items()])
        assert all(contents(root / name) == after for name, after in step.items())
    for saved, before in zip(saves.all(), reversed(states), strict=True):
        saves.undo(saved.id)
        assert {name: contents(root / name) for name in NAMES} == before


def test_what_changed_underneath_is_not_written_over(tmp_path):
    """A file that somebody else changed, made or removed meanwhile stops the whole save, also in the other files."""
    saves = Saves(tmp_path)
    (tmp_path / "a.md").write_bytes(b"one")
    for name, before in (("a.md", b"other"), ("a.md", None), ("none.md", b"was there")):
        mine = [change(tmp_path, "b.md", b"new"), FileChange(path=tmp_path / name, before=before, after=b"two")]
        with pytest.raises(EditConflict, match=f"{name} changed since you opened it"):
            saves.save("mine", mine)
    assert contents(tmp_path / "a.md") == b"one"
    assert contents(tmp_path / "b.md") is None
    assert saves.all() == []


def test_a_save_that_was_changed_since_is_not_undone(tmp_path):
    """Undoing would lose what came after; it is refused, and can be asked for again."""
    saves = Saves(tmp_path)
    saved = saves.save("mine", [change(tmp_path, "a.md", b"one")])
    (tmp_path / "a.md").write_bytes(b"somebody else's")
    with pytest.raises(EditConflict, match=r"a\.md changed after that; take back first what came later"):
        saves.undo(saved.id)
    (tmp_path / "a.md").write_bytes(b"one")
    undone = saves.undo(saved.id)
    assert contents(tmp_path / "a.md") is None
    with pytest.raises(UsageError, match="no longer"):
        saves.undo(saved.id)
    saves.undo(undone.id)  # and that is a save, too
    assert contents(tmp_path / "a.md") == b"one"


def test_a_disk_that_refuses_leaves_nothing_half_done(tmp_path):
    """When the second file cannot be written, the first is put back, and the person is told that nothing was saved."""
    saves = Saves(tmp_path)
    (tmp_path / "a.md").write_bytes(b"one")
    (tmp_path / "file").write_bytes(b"")
    mine = [change(tmp_path, "a.md", b"two"), FileChange(path=tmp_path / "file" / "b.md", before=None, after=b"x")]
    with pytest.raises(DigestError, match="cannot be"):
        saves.save("mine", mine)
    assert contents(tmp_path / "a.md") == b"one"
    assert saves.all() == []


def test_an_offer_is_taken_once_and_as_it_was_shown(tmp_path):
    """What was shown is written, and only then its consequence; a second time, or under a made-up name, nothing is."""
    saves, told = Saves(tmp_path), []
    offer = Offer(title="import", changes=(change(tmp_path, "a.md", b"one"),), then=lambda: told.append(1))
    name = saves.offer(offer)
    assert contents(tmp_path / "a.md") is None
    assert saves.take(name).title == "import"
    assert (contents(tmp_path / "a.md"), told) == (b"one", [1])
    for again in (name, "made-up"):
        with pytest.raises(UsageError, match="read it anew"):
            saves.take(again)
    name = saves.offer(Offer(title="import", changes=(change(tmp_path, "a.md", b"two"),)))
    (tmp_path / "a.md").write_bytes(b"somebody else's")
    with pytest.raises(EditConflict, match=r"a\.md changed since this was shown; read it anew"):
        saves.take(name)
    assert told == [1]


def test_a_version_tells_no_file_from_an_empty_one(tmp_path):
    """Who opened a form for a new file must not write over one that came meanwhile, be it empty."""
    (tmp_path / "a.md").write_bytes(b"")
    assert version(contents(tmp_path / "a.md")) != version(contents(tmp_path / "b.md")) == ""
    with pytest.raises(EditConflict):
        Saves(tmp_path).insist(tmp_path / "a.md", "")


def test_what_the_page_wrote_is_no_news(tmp_path):
    """The watcher hears of the page's own saves, too: they are known, until somebody else writes the file."""
    saves = Saves(tmp_path)
    assert not saves.wrote(tmp_path / "a.md")
    saved = saves.save("mine", [change(tmp_path, "a.md", b"one")])
    assert saves.wrote(tmp_path / "a.md")
    (tmp_path / "a.md").write_bytes(b"two")
    assert not saves.wrote(tmp_path / "a.md")
    (tmp_path / "a.md").write_bytes(b"one")
    saves.undo(saved.id)
    assert saves.wrote(tmp_path / "a.md")
