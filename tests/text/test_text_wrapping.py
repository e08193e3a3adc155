"""The text part is set in 72 columns as a terminal counts them."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st
from wcwidth import wcswidth, wcwidth

from digest.text import wrapping
from digest.text.wrapping import COLUMNS, clusters, shorten, width, wrap

words = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]),
        st.sampled_from("漢字かなカナ、。「」한글👩‍🚀👨‍👩‍👧é́  العربية-"),
    ),
    max_size=400,
)


@given(words, st.sampled_from(["", "• ", "> ", "12. "]))
@example("x" * 500, "")
@example("漢" * 100, "> ")
@example("👩‍🚀" * 60, "")
def test_no_line_is_wider_than_the_page(text, margin):
    """Only an address may be wider than 72 columns; nothing of the text is lost on the way."""
    set_text = wrap(text, first=margin, rest=" " * len(margin))
    lines = set_text.split("\n")
    for line in lines:
        assert width(line) <= COLUMNS or "http" in line or "slot-" in line or "mailto:" in line
        assert line != "--"
    kept = "".join(set_text.split()).replace("\u2013\u2013", "--")
    assert kept == "".join((margin + text).replace("\u00a0", " ").replace("\u202f", " ").split()).replace(
        "\u2013\u2013", "--"
    )


def test_wide_characters_take_two_columns_and_accents_none():
    """East Asian wide characters count twice, combining marks and joiners not at all."""
    assert width("漢字") == 4
    assert width("e\u0301") == 1
    assert width("abc") == 3


@given(words)
def test_characters_are_not_split(text):
    """Cut into characters and joined again a text is itself, and none begins with a mark or a joiner."""
    parts = clusters(text)
    assert "".join(parts) == text
    assert all(not part.startswith("\u200d") for part in parts[1:])


def test_a_family_and_a_flag_stay_whole():
    """Emoji joined by zero-width joiners, skin tones and flags are one character each."""
    assert clusters("👨‍👩‍👧a👍🏽🇨🇭🇫🇷") == ["👨‍👩‍👧", "a", "👍🏽", "🇨🇭", "🇫🇷"]


def test_an_address_has_a_line_for_itself():
    """An address wider than the page is not broken, so that it can still be clicked."""
    url = "https://www.harbour.example/" + "a" * 90
    assert wrap(f"See {url} for more.").split("\n") == ["See", url, "for more."]


def test_no_break_spaces_hold_together():
    """What a no-break space joins moves to the next line together, and then is an ordinary blank."""
    text = "x" * 68 + " 20\u00a0000 dockers"
    assert wrap(text).split("\n")[1] == "20 000 dockers"


def test_ideographs_break_anywhere_but_before_closing_marks():
    """A line of Chinese ends between characters, never so that a full stop begins the next."""
    lines = wrap("漢" * 36 + "。" + "字" * 10).split("\n")
    assert [width(line) for line in lines] == [70, 24]
    assert lines[1].startswith("漢。")


def test_shortening_ends_at_a_word():
    """A headline that is too long ends at a word with an ellipsis; one that fits stays."""
    assert shorten("Dockers learn to weld under water", 20) == "Dockers learn to…"
    assert shorten("Dockers", 20) == "Dockers"


@given(words, st.integers(2, 80))
def test_shortened_text_fits(text, columns):
    """However odd the text, what is left fits."""
    assert width(shorten(text, columns)) <= columns


@given(words)
def test_columns_are_those_of_wcwidth(text):
    """Whatever the script, and whether or not the short cut for Latin, Greek and Cyrillic was taken."""
    assert width(text) == wcswidth(text)


def test_every_character_of_the_short_cut_takes_one_column():
    """A text of these has as many columns as characters."""
    narrow = [char for char in map(chr, range(0x20, 0x3000)) if wrapping._NARROW.fullmatch(char)]
    assert len(narrow) > 1000
    assert [char for char in narrow if wcwidth(char) != 1] == []
    assert all(unicodedata.combining(char) == 0 for char in narrow)


def test_controls_take_no_column():
    """A text that nobody cleaned is measured all the same."""
    assert width("漢\x07\x1b字") == 4
