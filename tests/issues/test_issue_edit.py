"""An issue file is changed in single things: comments, order and spelling of the rest stay, and nothing is lost."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from digest.blocks.kinds import KINDS
from digest.issues.issue_edit import (
    AddBlock,
    ChangeBlock,
    MoveBlock,
    RemoveBlock,
    SetStories,
    SetText,
    edit,
)
from digest.issues.issue_file import parse

TEXT = """\
# February, by Ada
pin:   # both from the field
  - a  # the coffee story
  - b
subject: Beans and contracts  # short!

# Noor writes it
blocks:
  # keep first
  - kind: letter
    text: |-
      Dear all,

      # not a comment
    name: Noor  # with one o? no
  # asked for by the board
  - kind: button
    label: Answer
    link: https://example.org/survey

  - kind: divider
# the end
"""


def changed(*changes, text=TEXT):
    """The lines that are gone, and those that are new, in their order."""
    before, after = text.splitlines(), edit(text, changes).splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def test_a_text_is_replaced_with_its_comment_kept():
    """Only the value changes; a comment behind it stays."""
    assert changed(SetText(key="subject", text="New: now")) == (
        ["subject: Beans and contracts  # short!"],
        ['subject: "New: now"  # short!'],
    )


def test_a_text_in_one_language_leaves_the_other_to_all():
    """What was said for all languages is then for all others."""
    text = edit(TEXT, [SetText(key="subject", text="Haricots", language="fr")])
    assert "subject:  # short!\n  default: Beans and contracts\n  fr: Haricots\n" in text
    again = edit(text, [SetText(key="subject", text="", language="fr"), SetText(key="subject", text="Beans")])
    assert yaml.safe_load(again)["subject"] == {"default": "Beans"}


def test_a_list_of_stories_keeps_what_is_said_of_each():
    """A story that stays takes its comment along, wherever it goes."""
    text = edit(TEXT, [SetStories(key="pin", ids=("b", "c", "a"))])
    assert text.startswith(
        "# February, by Ada\npin:   # both from the field\n  - b\n  - c\n  - a  # the coffee story\nsubject"
    )


def test_a_story_that_is_named_by_its_file_keeps_its_spelling_and_its_comment():
    """What stays is not written anew: its comment would have stopped the change."""
    text = edit("pin:\n  - stories/a.md  # why\n  - b\n", [SetStories(key="pin", ids=("c", "a"))])
    assert text == "pin:\n  - c\n  - stories/a.md  # why\n"


def test_a_block_moves_with_the_comment_above_it():
    """The comment above a block is about that block."""
    text = edit(TEXT, [MoveBlock(index=0, to=2)])
    assert text.endswith(
        "  # keep first\n" + TEXT[TEXT.index("  - kind: letter") : TEXT.index("  # asked")] + "# the end\n"
    )
    assert edit(text, [MoveBlock(index=2, to=0)]).split() == TEXT.split()


def test_fields_of_a_block_are_set_in_the_order_of_their_table():
    """What is not named stays, what is empty goes, and what is new stands where a person would look for it."""
    text = edit(TEXT, [ChangeBlock(index=0, fields={"name": "", "title": "Dear all", "text": "One\n\ntwo"})])
    block = text[text.index("  # keep") : text.index("  # asked")]
    assert block == "  # keep first\n  - kind: letter\n    text: |-\n      One\n\n      two\n    title: Dear all\n"


def test_blocks_come_and_go():
    """A new block stands where it is asked for; with the last one its key goes, and comments elsewhere stay."""
    events = {"kind": "events", "title": "Coming", "events": [{"date": "2022-03-08", "title": "Women: work"}]}
    text = edit(TEXT, [AddBlock(block=events, index=1), RemoveBlock(index=0)])
    assert [each["kind"] for each in yaml.safe_load(text)["blocks"]] == ["events", "button", "divider"]
    assert '      - date: 2022-03-08\n        title: "Women: work"\n' in text
    bare = edit(text, [RemoveBlock(index=0)] * 3)
    assert bare.endswith("# Noor writes it\n# the end\n")


def test_a_block_in_one_language_leaves_the_others_to_all():
    """The list that was for all languages is then for all others, with its comments."""
    text = edit(TEXT, [AddBlock(block={"kind": "divider"}, language="fr")])
    assert "blocks:\n  default:\n    # keep first\n    - kind: letter\n      text: |-\n        Dear all,\n" in text
    assert yaml.safe_load(text)["blocks"]["fr"] == [{"kind": "divider"}]


def test_values_in_braces_are_written_anew():
    """A list in brackets becomes one of lines when it changes, and its comment stays."""
    text = edit(
        "pin: [a, b]  # two\nblocks: [{kind: divider}]\n", [SetStories(key="pin", ids=("b",)), MoveBlock(index=0, to=0)]
    )
    assert text == "pin:  # two\n  - b\nblocks: [{kind: divider}]\n"


def test_comments_that_would_be_lost_stop_the_change():
    """Where a value cannot be changed without losing what is said inside it, a person is asked to do it."""
    with pytest.raises(ValueError, match="pin cannot be changed alone here; edit the file by hand"):
        edit("pin: [a,  # why\n  b]\n", [SetStories(key="pin", ids=("b",))])


def test_windows_line_ends_and_marks_stay():
    """A file that was written elsewhere keeps its own way of ending lines."""
    text = edit("\ufeffsubject: a\r\npin: [b]\r\n", [SetText(key="subject", text="c")])
    assert text == "\ufeffsubject: c\r\npin: [b]\r\n"


words = st.text("ab: #-é\n'\"|>{}[]&*!%@`,?\t\u2028", max_size=12)
lines = st.text("ab: #-é'\"|>{}", max_size=12)
kinds = st.sampled_from(sorted(KINDS))


@given(
    st.lists(
        st.one_of(
            st.builds(
                SetText, key=st.sampled_from(["subject", "intro"]), text=words, language=st.sampled_from(["", "fr"])
            ),
            st.builds(
                SetStories,
                key=st.sampled_from(["pin", "skip"]),
                ids=st.lists(lines.filter(str.strip), unique=True, max_size=3).map(tuple),
            ),
            st.builds(
                AddBlock,
                block=st.fixed_dictionaries({"kind": kinds, "text": words}),
                index=st.integers(0, 2),
                language=st.sampled_from(["", "fr"]),
            ),
        ),
        max_size=6,
    )
)
def test_whatever_is_set_reads_back(changes):
    """Any text in any key comes back as it was given, and the comments of the file are all still there."""
    text = TEXT
    for change in changes:
        text = edit(text, [change])
        data = yaml.load(text, yaml.BaseLoader)
        if isinstance(change, AddBlock):
            blocks = data["blocks"]
            listed = blocks if isinstance(blocks, list) else blocks[change.language or "default"]
            clean = change.block["text"].strip("\n").rstrip()
            assert {"kind": change.block["kind"], **({"text": clean} if clean else {})} in listed
    for comment in ("# February, by Ada", "# Noor writes it", "# keep first", "# asked for by the board", "# the end"):
        assert comment in text


def test_a_file_that_was_empty_says_what_it_is():
    """A new file begins with a line for the person who finds it, and says its keys in one order."""
    text = edit(
        "",
        [
            AddBlock(block={"kind": "heading", "title": "H"}),
            SetText(key="subject", text="S"),
            SetStories(key="order", ids=("q",)),
        ],
    )
    assert text.startswith("# What this issue says")
    assert list(yaml.safe_load(text)) == ["order", "subject", "blocks"]
    assert parse(text.encode(), "x").blocks[""][0].title == "H"
