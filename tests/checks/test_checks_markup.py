"""HTML is read as a browser reads it, with every element's line and every repair."""

from __future__ import annotations

import re

import pytest
from check_subjects import html, story
from hypothesis import given, settings
from hypothesis import strategies as st
from tinyhtml5 import inputstream

from digest.checks import document
from digest.checks.document import read

SOUND = html([story(1), story(2)])
PIECES = [
    *"<>&\"'=`- \n^]\\\0é", "<p a=b c>", "</p>", "<p a='", "<table>", "<!--", "-->", "<![CDATA[", "]]>", "&amp",
    "&#x0;", "<script>", "</script>", "<style>", "</style>", "<title>", "</title>",
    "<svg>", "<!DOCTYPE a PUBLIC \"b\" 'c'>",
]  # fmt: skip


def page(body: str) -> str:
    return SOUND.replace("<h1>February 2022</h1>", body)


def test_every_element_has_its_line_and_a_sound_mail_no_error():
    """The line of an element is the one on which its tag stands."""
    document, source = read(SOUND), SOUND.split("\n")
    assert document.errors == ()
    assert all(f"<{e.tag}" in source[e.line - 1] for e in document.elements)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<div><span></div>", "end tag"),
        ('<p id="a" id="b">x</p>', "given twice"),
        ("</i>", "closes nothing"),
        ("<p>\x00</p>", "character"),
    ],
)
def test_what_a_browser_repairs_is_said_with_its_line(body, words):
    """A repair is an error with words and the line of the source."""
    document = read(page(f"\n\n{body}"))
    line = page(f"\n\n{body}").split("\n").index(body) + 1
    assert any(words in error.message and error.line == line for error in document.errors)


def test_a_missing_doctype_is_an_error_and_outlooks_conditions_are_not():
    """Quirks mode is worth a word; a downlevel-revealed condition is Outlook's business."""
    assert "doctype" in read(SOUND.replace("<!doctype html>", "")).errors[0].message
    assert read(page("<![if !mso]><p>x</p><![endif]>")).errors == ()
    old = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
    )
    assert read(SOUND.replace("<!doctype html>", old)).errors == ()


def test_deep_nesting_is_read_without_recursion():
    """Fifteen hundred elements in one another are no reason to fall over."""
    deep = page("<div>" * 1_500 + "</div>" * 1_500)
    assert sum(e.tag == "div" for e in read(deep).elements) == 1_501


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_any_text_is_read(text):
    """Reading never raises, for any text."""
    assert read(text).root.tag == "#document"


def test_patterns_are_written_once():
    """What tinyhtml5 reads up to is looked for under the name by which it is kept."""
    read(SOUND)
    kept = dict(inputstream.characters_until_regex)
    read(SOUND)
    assert kept
    assert inputstream.characters_until_regex == kept
    assert not any(isinstance(characters, re.Pattern) for characters, _ in kept)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_kept_patterns_read_what_new_ones_read(markup):
    """Whatever is broken in it."""

    def seen():
        found = read(markup)
        return [(e.tag, e.attributes, e.line, e.column, e.own_text) for e in found.elements], found.errors

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "_UP_TO", {})  # what tinyhtml5 finds nothing in, it writes itself
        new = seen()
    assert seen() == new
