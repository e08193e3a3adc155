"""The README is one screen, and what others read in it stands there as they read it."""

from __future__ import annotations

from pages import PAGES

README = PAGES["README.md"]


def test_the_two_commands_are_there():
    """The two commands that set everything up on a fresh machine stand in the README as they must be typed."""
    install = "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e"
    assert f"{install} . && .venv/bin/digest build --month 2022-02\n" in README
    assert f"{install} '.[test]' && .venv/bin/pytest\n" in README


def test_it_is_one_screen():
    """What takes longer to say has a page."""
    assert len(README.splitlines()) < 80
