"""What strangers wrote is made to show, and nothing else."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from digest.composer.clean import multiline, one_line


def test_terminal_codes_and_controls_vanish():
    """Colours, window titles, bells and form feeds leave no trace in a line."""
    assert one_line("\x1b[31mred\x1b[0m \x1b]0;owned\x07title\x07\x00 a\x0cb\x9b5mc") == "red title a bc"


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
