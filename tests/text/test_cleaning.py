"""What strangers wrote is made to show, and nothing else."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import digest
from digest.mail.slots import fill_line
from digest.text.characters import checked_line, clean_line, refused
from digest.text.cleaning import multiline, one_line


def test_terminal_codes_and_controls_vanish():
    """Colours, window titles, bells and form feeds leave no trace in a line."""
    assert one_line("\x1b[31mred\x1b[0m \x1b]0;owned\x07title\x07\x00 a\x0cb\x9b5mc") == "red title a bc"


def test_a_code_without_an_end_takes_nothing_with_it():
    """A window title that is never closed would take the rest of the text with it: only its beginning goes."""
    assert one_line("\x1b]0;Ships sail\nagain \x9dand again") == "0;Ships sail again and again"


def test_line_breaks_of_all_kinds_become_blanks():
    """CR, LF, U+2028, U+0085 and form feed cannot begin a new line in a headline."""
    assert one_line("a\r\nb\u2028c\x85d\x0be\tf") == "a b c d e f"


def test_text_is_not_turned_round():
    """Overrides and isolates that would reverse what follows are taken out; marks that Arabic needs stay."""
    assert one_line("safe\u202egpj.exe\u202c \u2066x\u2069") == "safegpj.exe x"
    assert one_line("\u200fعربي\u200d") == "\u200fعربي\u200d"


def test_paragraphs_stay():
    """Blank lines of a summary are its paragraphs."""
    assert multiline("one\r\n\r\ntwo\x1b[2J") == "one\n\ntwo"


@given(st.text())
def test_one_line_is_one_line(text):
    """Whatever goes in, one line without controls comes out, and cleaning it again changes nothing."""
    line = one_line(text)
    assert "\n" not in line
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in line)
    assert one_line(line) == line


@pytest.mark.parametrize(
    ("character", "left"),
    [
        *((chr(code), "") for code in (*range(9), *range(0x0E, 0x1B), 0x1F, 0x7F, *range(0x80, 0x85), 0x86, 0x9F)),
        *((mark, " ") for mark in "\t\n\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029 "),
        *((mark, "") for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufdd0\uffff\U0001fffe"),
        *((mark, "\ufffd") for mark in "\ud800\udbff\udc00\udfff"),
        *((mark, mark) for mark in "\xa0\xad\u061c\u200b\u200c\u200d\u200e\u200f\u202f\u2060\u3000\ufe0f\u0301é漢"),
    ],
)
def test_the_rule_character_by_character(character, left):
    """What vanishes, what becomes a blank, what is replaced, what stays: the same wherever a line is cleaned."""
    assert one_line(f"a{character}b") == f"a{left}b"
    assert clean_line(f"a{character}b") == unicodedata.normalize("NFC", f"a{left}b")
    assert fill_line([f"a{character}b"], [], {}) == f"a{left}b"


# Where what nobody sees is: the first plane, the ends of all others, the tags and what follows them.
UNSEEN = [
    *range(0x10000),
    *(plane * 0x10000 + last for plane in range(1, 17) for last in (0xFFFD, 0xFFFE, 0xFFFF)),
    *range(0xE0000, 0xE0200),
]


def test_what_a_story_may_hold_is_not_dropped_where_it_is_shown():
    """The reader of story files refuses all that would vanish later: nothing is lost in silence."""
    lost = []
    for code in UNSEEN:
        text = f"a{chr(code)}b"
        try:
            taken = checked_line(text)
        except ValueError:
            continue
        if one_line(taken) != taken or (refused(text) is None and multiline(text) != text):
            lost.append(f"U+{code:04X}")
    assert lost == []


def test_tags_are_flags_or_nothing():
    """Tags spell words that nobody sees; behind a black flag they are the flag of Scotland, in one piece."""
    flag = "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f"
    spelled = "".join(chr(0xE0000 + ord(letter)) for letter in "buy")
    assert checked_line(f"To {flag}!") == one_line(f"To {flag}!") == f"To {flag}!"
    assert one_line(f"To{spelled} you {flag}") == f"To you {flag}"
    with pytest.raises(ValueError, match=r"holds the invisible character U\+E0062 tag latin small letter b; remove it"):
        checked_line(f"To{spelled} you")


def test_each_rule_about_text_has_one_home():
    """No other room counts columns, weighs colours, judges networks or lists tracking parameters by itself."""
    marks = ("east_asian_width", "0.2126", ".is_global", "fbclid|")
    sources = Path(digest.__file__).parent.rglob("*.py")
    homes = {
        (mark, file.parent.name)
        for file in sources
        for mark in marks
        if mark in file.read_text(encoding="utf-8").lower()
    }
    assert {room for _mark, room in homes} == {"text"}
