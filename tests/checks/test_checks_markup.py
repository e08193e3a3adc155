"""HTML is read as a browser reads it, by the quick way and by html5lib alike."""

from __future__ import annotations

import pytest
from check_subjects import html, story
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.checks.markup import read, repaired
from digest.checks.wellformed import read_wellformed

SOUND = html([story(1), story(2)])
PIECES = [
    *("<p>", "</p>", "<div>", "</div>", "<a href='x'>", '<a href="x">', "</a>", "<b>", "</b>", "<h2>", "</h2>"),
    *("<h3>", "</h3>", "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<tbody>", "</tbody>", "<ul>", "</ul>"),
    *("<li>", "</li>", "<br>", "<br/>", "<hr>", '<img src="a" alt="b">', "<div/>", '<i a="1" A="2">', "</i>", "text"),
    *(" ", "\n", "&amp;", "&copy;", "&copy", "&", "&#38;", "&#0;", "&#128;", "&nosuch;", "<!-- c -->", "<!-->"),
    *("<!-- -- -->", "<!--[if mso]><td><![endif]-->", "<!--[if !mso]><!-->", "<!--<![endif]-->", "<![if x]>", "<", ">"),
    *("\0", "\x0c", "<style>p{}</style>", "<title>x</title>", "<script>x</script>", "<form>", "</form>", "<svg>"),
    *("</svg>", "</br>", "<section>", "</section>", "<blockquote>", "</blockquote>", "<span hidden>", "</span>"),
    *('<td style="a">', "<th>", "</th>", "<dl>", "</dl>", "<dt>", "</dt>", "</body>", "</html>", "<body>", "<head>"),
    *("é", "\ud800", "\U0001fffe"),
]
TAGS = ("p", "div", "a", "b", "h2", "h3", "table", "tbody", "tr", "td", "th", "ul", "li", "span", "section", "dl", "dt")
BODIES = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
# Nested and closed, so that the quick way has something to say yes to.
NESTED = st.recursive(
    st.sampled_from(["text", "a &amp; b", "<br>", "<!-- c -->", '<img src="a" alt="">', "", " "]),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from([*TAGS, "dd", "blockquote", "strong", "ol"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=14,
)


def shape(document):
    return [(e.tag, dict(e.attributes), e.parent.tag if e.parent else "", e.text) for e in document.elements]


def page(body: str) -> str:
    return SOUND.replace("<h1>February 2022</h1>", body)


@settings(max_examples=300, deadline=None)
@given(st.one_of(BODIES, NESTED, st.lists(NESTED, max_size=4).map("".join)))
@example("<p><div>x</div></p>")
@example("<p><b><p>x</p></b></p>")
@example('<a href="x"><b><a href="y">z</a></b></a>')
@example("<h2><span><h3>x</h3></span></h2>")
@example("<h2><h3>x</h3></h2>")
@example("<table><p>x</p></table>")
@example("<table>x<tr><td>a</td></tr></table>")
@example("<ul><li>a<li>b</li></li></ul>")
@example("<p><table><tr><td><p>x</p></td></tr></table></p>")
@example("<td>x</td>")
@example("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>")
@example("<table><tr><td>a</td></tr><tbody><tr><td>b</td></tr></tbody><tr><td>c</td></tr></table>")
@example('<p><a href="x"><b>y</b></a></p><h2>a<br>b</h2>')
def test_what_the_quick_way_takes_a_browser_reads_alike_and_without_repair(body):
    """Whenever the quick reader gives a tree, html5lib gives the same tree and no error."""
    source = page(body)
    if read_wellformed(source) is None:
        return
    quick, slow = read(source), repaired(source)
    assert slow.errors == ()
    assert shape(quick) == shape(slow)


def test_a_well_formed_mail_takes_the_quick_way():
    """The mails that we make are read without html5lib, and every element has its line."""
    assert read_wellformed(SOUND) is not None
    document = read(SOUND)
    source = SOUND.split("\n")
    assert all(f"<{e.tag}" in source[e.line - 1] for e in document.elements)


def test_html5lib_gives_the_same_lines():
    """The place of an element does not depend on which reader found it."""
    assert [e.line for e in read(SOUND).elements] == [e.line for e in repaired(SOUND).elements]


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


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read(text):
    """Reading never raises, for any text."""
    assert read(text).root.tag == "#document"
