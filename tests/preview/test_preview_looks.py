"""The ways to look at a mail, without a browser: what each takes away and what it leaves."""

from __future__ import annotations

import colorsys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.checks.document import read
from digest.errors import UsageError
from digest.preview.compare import difference
from digest.preview.mail_structure import fields, order_page, spot, steps, tree
from digest.preview.modes import ViewMode, force_dark, in_mode, local_images, turned, view_mode

MAIL = (
    '<!DOCTYPE html><html lang="en"><head><meta name="color-scheme" content="light dark"><style>'
    ":root { color-scheme: light dark; } p { color: #3a3d45; font-size: 16px }"
    "@media (prefers-color-scheme: dark) { p { color: #eeeeee !important; } }</style></head>"
    '<body bgcolor="#ffffff"><!--[if mso]><b>Outlook</b><![endif]--><h1 style="color:#14161c;font-size:28px">News</h1>'
    '<div style="background-color:#1e2dbe;color:#fff"><p>Words</p></div>'
    '<img src="https://cdn.example.org/a/b.png" alt="A bridge"></body></html>'
)


def lightness(colour: str) -> float:
    return colorsys.rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))[1]


@given(st.integers(0, 0xFFFFFF))
def test_a_turned_colour_is_on_the_other_side(number):
    """What was light is dark, what was dark is light, and nothing becomes pure black or pure white."""
    colour = f"#{number:06x}"
    before, after = lightness(colour), lightness(turned(colour))
    assert (before < 0.495) <= (after > 0.5) or abs(before - 0.5) < 0.01
    assert (before > 0.505) <= (after < 0.5) or abs(before - 0.5) < 0.01
    assert 0.06 <= after <= 0.94


def test_partial_inversion_leaves_dark_grounds_and_light_words_alone():
    """White paper turns dark and dark words light; a dark band with white words stays as it is."""
    html = force_dark(MAIL, "partial")
    assert 'bgcolor="#121212"' in html
    assert "background-color:#1e2dbe;color:#fff" in html
    assert "color:#14161c" not in html


def test_full_inversion_turns_the_band_too():
    """Where everything is turned, a dark band becomes light and its white words dark."""
    html = force_dark(MAIL, "full")
    assert f"background-color:{turned('#1e2dbe')};color:#121212" in html


def test_forced_dark_forgets_the_authors_dark_styles():
    """A program that forces its own dark mode does not ask for the author's."""
    assert "#eeeeee" not in in_mode(MAIL, ViewMode(scheme="full")).replace(turned("#111111"), "")
    assert "prefers-color-scheme" not in in_mode(MAIL, ViewMode(scheme="partial"))


@pytest.mark.parametrize(("scheme", "condition"), [("light", "(max-width: 0)"), ("dark", "(min-width: 0)")])
def test_the_scheme_is_the_looks_and_not_the_editors(scheme, condition):
    """What the reader's system would answer is decided by the look, whatever the editor's machine says."""
    html = in_mode(MAIL, ViewMode(scheme=scheme))
    assert "prefers-color-scheme" not in html
    assert f"@media {condition} {{ p" in html
    assert f'<meta name="color-scheme" content="{scheme}">' in html


def test_images_off_leaves_their_alt_text():
    """Without images an `<img>` has no source and keeps its words."""
    html = in_mode(MAIL, ViewMode(images=False))
    assert "cdn.example.org" not in html
    assert 'alt="A bridge"' in html


def test_without_style_only_inline_styles_remain():
    """Some programs drop every `<style>` and keep style attributes."""
    html = in_mode(MAIL, ViewMode(style=False))
    assert "<style" not in html
    assert "color:#14161c" in html


def test_large_text_doubles_sizes_and_nothing_else():
    """Text at 200 % doubles what is set in pixels; the words are the same."""
    html = in_mode(MAIL, ViewMode(large=True))
    assert "font-size:56px" in html
    assert "font-size: 32px" in html
    assert "<p>Words</p>" in html


def test_comments_for_outlook_are_not_shown_to_a_browser():
    """Conditional comments say nothing to a browser, and the frame leaves them out."""
    assert "Outlook" not in in_mode(MAIL, ViewMode())


def test_links_open_beside_the_page():
    """A link in the frame must not replace the mail."""
    assert '<head><base target="_blank">' in in_mode(MAIL, ViewMode())


def test_a_look_is_read_from_the_address():
    """Every setting is in the address, and one that does not exist is named."""
    assert view_mode({"scheme": "full", "images": "off", "style": "off", "size": "200"}) == ViewMode(
        scheme="full", images=False, style=False, large=True
    )
    with pytest.raises(UsageError, match="no scheme 'sepia'; there are light, dark, partial, full"):
        view_mode({"scheme": "sepia"})


def test_the_newsrooms_own_file_stands_for_its_address():
    """An image that will be served from the newsroom's files is shown from them, before it is online."""
    have = {"a/b.png"}.__contains__
    assert 'src="/image/a/b.png"' in local_images(MAIL, "https://cdn.example.org/", have)
    assert "https://cdn.example.org/a/b.png" in local_images(MAIL, "https://other.example.org", have)
    assert "https://cdn.example.org/a/b.png" in local_images(MAIL, "https://cdn.example.org", {"x"}.__contains__)


def test_reading_order_is_what_a_screen_reader_says():
    """Headings, links, images and words come in the order of the document, hidden ones not at all."""
    html = (
        '<body><div aria-hidden="true">x</div><h2>A <a href="/x">head</a></h2><p>w<a href="/y">link</a></p>'
        '<img src="q"><img alt="" src="r"><img alt="B" src="s">'
    )
    assert list(steps(html)) == [
        ("heading 2", "A head"), ("text", "w"), ("link", "link"), ("no alt", "q"), ("image", "B"),
    ]  # fmt: skip


def test_a_place_of_the_source_is_an_element_of_what_is_shown():
    """A finding's line and column name one element, also where slots were filled and everything stands elsewhere."""
    html = "<!doctype html><title>t</title>\n<p>a</p><table><tr><td><a href=x>SLOT</a><A HREF=y>two</A></table>"
    second = [element for element in read(html).elements if element.tag == "a"][1]
    assert second.place == "html:2:51"
    found = spot(html, html.replace("SLOT", "a much longer name"), second.line, second.column)
    assert (found["tag"], found["nth"], found["line"]) == ("a", 1, 2)
    assert html.replace("SLOT", "a much longer name").split("\n")[1][found["start"] : found["end"]] == "<A HREF=y>"
    assert spot(html, html, 7, 7) is None
    row = next(element for element in read(html).elements if element.tag == "tr")
    assert spot(html, html, row.line, row.column)["tag"] == "tr"  # and not the tbody that HTML puts around it


def test_reading_order_escapes_what_it_shows():
    """Words that look like HTML stay words."""
    assert "<script" not in order_page("<h2>&lt;script&gt;alert(1)&lt;/script&gt;</h2>", "en", "ltr")


def test_the_mime_tree_counts_what_goes_over_the_wire():
    """A multipart's size is its parts' sizes; header fields come unfolded, in order."""
    mail = (
        b'Subject: A\r\n long one\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>Hello\r\n--b--\r\n"
    )
    found = tree(mail)
    assert [part["type"] for part in found["parts"]] == ["text/plain", "text/html"]
    assert found["bytes"] == sum(part["bytes"] for part in found["parts"]) == len("Hello<p>Hello")
    assert fields(mail)[0] == ("Subject", "A long one")


def test_a_difference_marks_lines():
    """Each line is the same, gone or new; a text without change has no rows."""
    rows = difference("one\ntwo\nthree", "one\n2\nthree")
    assert [(row["mark"], row["line"]) for row in rows] == [
        ("same", "one"), ("gone", "two"), ("new", "2"), ("same", "three"),
    ]  # fmt: skip
    assert difference("a\nb", "a\nb") == []
