"""Summaries are Markdown; what they become is clean, styled, and the same in both parts of the mail."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from composer_samples import render, selection, story
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it.ruler import Ruler

from digest.composer.markdown_dialect import parser
from digest.composer.summary import ELEMENTS, Markdown, pictures
from digest.text.cleaning import multiline
from digest.text.urls import resolve
from digest.text.wrapping import width

STYLES = {"p": "margin:0 0 10px;font-family:'Times New Roman'", "a": "color:#1e2dbe", "li": "margin:0"}


@pytest.fixture(scope="module")
def markdown():
    return Markdown(STYLES)


def from_home(url):
    return resolve(url, "https://www.harbour.example/")


def read(markdown, source):
    return markdown.read(source, from_home)


def test_the_first_text_is_read_by_all_rules_in_every_thread(monkeypatch):
    """The parser that threads share is whole when they get it: none finds it while another puts its rules together."""
    text = "A ![photo](a.jpg) and *more*\n\n- one\n\n| a |\n|---|\n| b[^1] |\n\n[^1]: c\n"
    parser.cache_clear()
    parser()
    monkeypatch.setattr(Ruler, "__compile__", None)
    assert [address for address, _ in pictures(text)] == ["a.jpg"]
    assert "<em" in Markdown(STYLES).read(text, from_home).html


def numbered(summary):
    numbers = {}
    return summary.text(lambda url: numbers.setdefault(url, len(numbers) + 1))


class Elements(HTMLParser):
    """The elements and attributes that a parser finds in a fragment."""

    def __init__(self, fragment):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(fragment)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_comment(self, data):
        self.tags.append(f"!--{data}")

    def handle_decl(self, decl):
        self.tags.append(f"!{decl}")


plain = st.lists(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60), min_size=1, max_size=4
).map("\n\n".join)


@given(plain)
@example("It's “quoted” — 5 % of 20, isn't it?\nSecond line.\n\nSecond paragraph: 1) this.")
@example("1986\\. A great year")
@example("a  \nb")
@example("AT&T; &amp; x")
@example("= not a heading")
@example("www.example.org and me@example.org")
@example("[](0)")
@example("\ufffe")
def test_the_short_cut_gives_the_same_bytes(source):
    """Plain paragraphs take a short cut past the Markdown parser, and nobody can tell."""
    markdown = Markdown(STYLES)
    cleaned = multiline(source)
    short, full = read(markdown, source), markdown.full(cleaned, from_home)
    if cleaned.strip():
        assert short.html == full.html
        assert numbered(short) == numbered(full)


def test_styles_stand_on_each_element(markdown):
    """Every element that the theme styles has its style as an attribute, whatever the client does to style sheets."""
    made = read(markdown, "A [link](https://a.example/?a=1&b=2).\n\n- one").html
    assert (
        '<p style="margin:0 0 10px;font-family:\'Times New Roman\'">A <a href="https://a.example/?a=1&amp;b=2"' in made
    )
    assert '<li style="margin:0">one</li>' in made


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<style>@import 'https://evil.example/x.css'; body{display:none}</style>",
    "</mj-text><mj-raw><script>x</script></mj-raw>",
    '<mj-include path="/etc/passwd" />',
    "<!--[if mso]><b>x</b><![endif]-->",
    "<div><table><tr><td>",
    "]]> --> </td></tr></table></body>",
    '<p style="position:fixed;top:0;background:url(https://evil.example/t.gif)">x</p>',
    "<a href='javascript:alert(1)' style='width:expression(alert(1))'>x</a>",
    "<svg/onload=alert(1)>",
    "<iframe src=//evil.example>",
    "{{ config.smtp.password }} {% include '/etc/passwd' %} {{ ''.__class__ }}",
    "[x](javascript:alert(1)) ![x](https://evil.example/t.gif) <javascript:alert(1)>",
    '[x](https://a.example/"onmouseover="alert(1))',
    "[x]: javascript:alert(1)\n\n[x]",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_html_in_a_summary_is_shown_not_obeyed(markdown, source):
    """No element, attribute or style comes out that we did not put there (FAULTS 18, 19)."""
    found = Elements(read(markdown, source).html)
    assert set(found.tags) <= {"p", "a", "strong", "img"}
    assert {name for name, _ in found.attributes} <= {"style", "href", "src", "alt", "width"}
    assert {value for name, value in found.attributes if name == "style"} <= set(STYLES.values())
    assert all(value.startswith("https://") for name, value in found.attributes if name in ("href", "src"))


@given(st.text(st.sampled_from("<>[]()!\"'`*_{}%#&;:=/ \n-+1.ajspt\\"), max_size=80))
def test_no_mixture_breaks_out(source):
    """Whatever is typed, the summary is a balanced fragment of the allowed elements."""
    made = read(Markdown(STYLES), source).html
    open_tags = []
    for closing, tag in re.findall(r"<(/?)([a-z0-9]+)", made):
        if tag in ("br", "hr", "img"):
            continue
        if closing:
            assert open_tags.pop() == tag
        else:
            open_tags.append(tag)
    assert not open_tags
    assert made.count("<") == made.count(">") or "&gt;" in made


def test_an_unsafe_link_is_dropped_and_said(markdown):
    """The words stay, the address goes, and a finding will say which."""
    made = read(markdown, "See [the page](javascript:alert(1)) now.")
    assert "See the page now." in made.html
    assert [code for code, _ in made.problems] == ["link-unsafe"]


def test_typed_html_is_said(markdown):
    """An editor who types tags learns that they are shown as typed."""
    made = read(markdown, "so <b>bold</b>")
    assert "so &lt;b&gt;bold&lt;/b&gt;" in made.html
    assert numbered(made) == "so <b>bold</b>"
    assert [code for code, _ in made.problems] == ["summary-html"]
    for text in ("3 < 4 > 2", "See <https://example.org/a> and <ana@example.org>."):
        assert read(markdown, text).problems == ()


@pytest.mark.parametrize(
    "source",
    [
        "See <https://a.example/x> and <me@a.example>.",
        "Press `<b>`, or\n\n```\n<div class='x'>\n```",
        "5 < 6 and 7 > 4, said [a <b](https://a.example)",
        "written \\*\\*so\\*\\* on purpose, `**` too, and [sic] (he said)",
        "a ~~b~~ **c** [d](https://a.example) 5*",
        "Rated ***** by critics",
        "f**k this",
        "2**10 is 1024",
        "rose by 0.3** (of 5)",
        "so [sic] (https://a.example)",
    ],
)
def test_what_is_meant_to_be_read_as_it_stands_is_no_finding(markdown, source):
    """Addresses in angle brackets are links; code shows its tags."""
    assert read(markdown, source).problems == ()


@pytest.mark.parametrize(
    "source",
    [
        "**Note:**text",
        "this is **bold **word",
        "so ** spaced ** out",
        "**Note: **text",
        "前文** 重点**后文",
        "~~ gone ~~",
        "read [the report] (https://a.example/report)",
        "read [the report](the report of the year)",
    ],
)
def test_a_mark_of_markdown_that_readers_would_see_is_said(markdown, source):
    """Word processors put the blank inside the stars, where Markdown has them for stars."""
    assert [code for code, _ in read(markdown, source).problems] == ["summary-markup"]


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("See https://a.example/x?a=1&b=2.", "https://a.example/x?a=1&amp;b=2"),
        ("(as on https://a.example/Quay_(old))", "https://a.example/Quay_(old)"),
        ("详见https://a.example/x新。谢谢", "https://a.example/x"),
        ("详见https://a.example/。谢谢", "https://a.example/"),
        ("https://a.example/x or https://a.example/*x*", "https://a.example/x"),
        ("*https://a.example/* and *x*", "https://a.example/"),
        ("**https://a.example/x**", "https://a.example/x"),
        ("said “https://a.example/x”…", "https://a.example/x"),
        ("HTTPS://A.example/x, and", "https://a.example/x"),
    ],
)
def test_an_address_in_the_words_is_a_link(source, address):
    """Outlook makes none of it by itself; the sentence's own punctuation is no part of it."""
    made = read(Markdown({}), source)
    assert re.findall(r'href="([^"]*)"', made.html) == [address]
    assert made.problems == ()


@pytest.mark.parametrize(
    "words",
    [
        "Mehr: https://ja.wikipedia.org/wiki/東京",
        "https://a.example/?q=東京",
        "https://a.example/*x*",
        "https://a.example/?q=**x**",
        "https://a.example/{{ id }}",
        "https://a.example/x{{ id }}",
    ],
)
def test_an_address_whose_end_cannot_be_told_is_no_link(words):
    """Half of it would lead to another page."""
    assert "<a" not in read(Markdown({}), words).html


@pytest.mark.parametrize(
    "address", ["http://localhost/y", "http://10.0.0.1/", "https://192.0.2.1/", "http://nas.local"]
)
def test_an_address_that_readers_cannot_reach_is_words(address):
    """Who tells how to set a machine up means no link; one that is made by hand is, and a check says what of it."""
    made = read(Markdown({}), f"Open {address} now.")
    assert (made.html, made.problems) == (f"<p>Open {address} now.</p>", ())
    assert "<a" in read(Markdown({}), f"<{address}>").html


def test_an_address_in_the_words_needs_no_number_in_the_text_part():
    """It stands there already; in code, in a link and where none can be read, it is left as it is."""
    made = read(Markdown({}), "See https://a.example/x or <https://a.example/y>, [here](https://a.example/z).")
    assert numbered(made) == "See https://a.example/x or https://a.example/y, here [1]."
    for source in ("`https://a.example`", "https:// is no address", "https://user:pass@a.example/"):
        assert "<a" not in read(Markdown({}), source).html
    assert read(Markdown({}), "[https://a.example](https://b.example)").html.count("<a") == 1


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("**重点：**这是", "<strong>重点：</strong>这是"),
        ("他说**“没有”**就", "他说<strong>“没有”</strong>就"),
        ("前文**（测试）**后文**（又）**。", "前文<strong>（测试）</strong>后文<strong>（又）</strong>。"),
        ("**この文は太字。**次の", "<strong>この文は太字。</strong>次の"),
        ("**강조(설명)**은 중요", "<strong>강조(설명)</strong>은 중요"),
        ("~~删除（字）。~~这个", "<s>删除（字）。</s>这个"),
        ("第一行\n第二行，\n**重**\n点", "第一行第二行，<strong>重</strong>点"),
        ("第一行\n第二行", "第一行第二行"),
        ("版本 2\n更新\nNew", "版本 2\n更新\nNew"),
        ("첫 줄\n둘째 줄", "첫 줄\n둘째 줄"),
    ],
)
def test_chinese_japanese_and_korean_are_read_as_they_are_written(source, html):
    """What is emphasised may end in a bracket or a full stop; where no blank is between words, a line's end is none."""
    made = read(Markdown({}), source)
    assert (made.html, made.problems) == (f"<p>{html}</p>", ())
    assert numbered(made) == re.sub(r"<s>(.*)</s>", r"-\1-", html).replace("\n", " ").replace("<strong>", "").replace(
        "</strong>", ""
    )


def test_bullets_that_were_pasted_are_a_list():
    """Word and Google Docs hand over the bullet itself; its lines would run into one another."""
    made = read(Markdown({}), "Bring:\n• a pen\n• paper")
    assert made.html == "<p>Bring:</p><ul><li>a pen</li><li>paper</li></ul>"
    assert read(Markdown({}), "• one").html == "<ul><li>one</li></ul>"
    assert read(Markdown({}), "Open • daily\n•••").html == "<p>Open • daily\n•••</p>"


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("```\n• code\n```", "<pre><code>• code\n</code></pre>"),
        ("So:\n\n    • code", "<p>So:</p><pre><code>• code\n</code></pre>"),
        ("• ```\n  • code\n  ```\n• b", "<ul><li><pre><code>• code\n</code></pre></li><li>b</li></ul>"),
        ("• a\n\n      • code\n\n• b", "<ul><li><p>a</p><pre><code>• code\n</code></pre></li><li><p>b</p></li></ul>"),
    ],
)
def test_a_bullet_in_code_is_shown_as_it_is(source, html):
    """Code is meant to be seen."""
    assert read(Markdown({}), source).html == html


def test_a_table_is_aligned_though_its_cells_have_a_style():
    """A style wins over `align`, in every browser and in most mail programs."""
    made = read(
        Markdown({"th": "text-align:inherit", "td": "text-align:inherit"}), "| A | B |\n|---|--:|\n| a | 1 |"
    ).html
    assert '<th style="text-align:inherit">A</th>' in made
    assert '<td align="right" style="text-align:inherit;text-align:right">1</td>' in made


def test_the_text_part_has_the_same_words_and_links(markdown):
    """Lists, quotations, code and numbered links, in 72 columns."""
    source = (
        "A **bold** word and [a link](https://a.example/x), [again](https://a.example/x).\n\n- one\n- two\n  1. deep\n"
        "\n> quoted\n> text\n\n    code   stays\n\n# Heading\n\n![alt text](https://a.example/i.png)\n\n***"
    )
    assert numbered(read(markdown, source)) == (
        "A bold word and a link [1], again [1].\n\n• one\n• two\n\n  1. deep\n\n> quoted text\n\ncode   stays\n\n"
        "Heading\n\n[alt text] [2]\n\n* * *"
    )


def test_headings_become_a_line_in_bold(markdown):
    """A summary has no headings of its own, which would break the mail's outline; what was one still stands out."""
    made = read(markdown, "# A *new* quay\n\nIt is open.\n\nLater\n-----")
    assert "<h1" not in made.html
    assert "<strong>A <em>new</em> quay</strong></p>" in made.html
    assert "<strong>Later</strong></p>" in made.html
    assert numbered(made) == "A new quay\n\nIt is open.\n\nLater"


def test_an_empty_summary_is_empty(markdown):
    """Blanks make no paragraph."""
    assert read(markdown, " \n\t\n").html == ""


@pytest.mark.parametrize(
    ("source", "html", "text"),
    [
        ("~~gone~~ now", "<p><s>gone</s> now</p>", "-gone- now"),
        ("- [ ] to do\n- [x] done", "<ul><li>☐ to do</li><li>☑ done</li></ul>", "• ☐ to do\n• ☑ done"),
        ("one  \ntwo\\\nthree", "<p>one<br>\ntwo<br>\nthree</p>", "one\ntwo\nthree"),
        ("It fell[^1].\n\n[^1]: A note.", "<p>It fell¹.</p><p>¹&nbsp;A note.</p>", "It fell¹.\n\n¹ A note."),
        ("Said^[In passing.].", "<p>Said¹.</p><p>¹&nbsp;In passing.</p>", "Said¹.\n\n¹ In passing."),
        (
            "| Year | Rate |\n|------|-----:|\n| 2021 | 6.2 |",
            (
                '<table><thead><tr><th>Year</th><th align="right">Rate</th></tr></thead>'
                '<tbody><tr><td>2021</td><td align="right">6.2</td></tr></tbody></table>'
            ),
            "Year  Rate\n----  ----\n2021  6.2",
        ),
    ],
)
def test_markdown_is_read_as_people_write_it(source, html, text):
    """What is struck out, tasks, breaks, footnotes and small tables come out as a person expects, in both parts."""
    made = read(Markdown({}), source)
    assert (made.html, numbered(made), made.problems) == (html, text, ())


def test_a_wide_table_is_told_row_by_row_in_the_text():
    """Where columns have no room, each cell stands under its own name, and no line is too long."""
    head = "| Who | " + "What it says in many words " * 2 + "|\n|---|---|\n"
    text = numbered(read(Markdown({}), head + "".join(f"| Row {n} | {'word ' * 20}|\n" for n in (1, 2))))
    assert text.startswith("Who: Row 1\nWhat it says in many words What it says in many words: word word")
    assert "\n\nWho: Row 2\n" in text
    assert max(map(len, text.split("\n"))) <= 72


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("- - [ ] one\n  - two\n- three", "• • ☐ one\n  • two\n• three"),
        ("- > said\n- one\n  1. counted", "• > said\n• one\n\n  1. counted"),
        ("- ```\n  code\n  ```\n- next", "• code\n• next"),
        ("1. | A | B |\n   |---|---|\n   | 1 | 2 |", "1. A  B\n   -  -\n   1  2"),
        ("1. one\n2.\n\nAfter it.", "1. one\n2.\n\nAfter it."),
        ("0. nought\n1. one", "0. nought\n1. one"),
    ],
)
def test_each_item_of_a_list_has_its_own_mark_in_the_text(source, text):
    """Once, whatever begins it: another list, a quotation, code, a table, or nothing."""
    assert numbered(read(Markdown({}), source)) == text


def test_a_quotation_of_several_paragraphs_is_one_in_the_text():
    """Its mark stands between them; another quotation, or none, begins behind an empty line."""
    source = "> one\n>\n> two\n>\n> - a\n\n> another\n\n- x\n\n  > y\n  >\n  > z"
    assert numbered(read(Markdown({}), source)) == (
        "> one\n>\n> two\n>\n> • a\n\n> another\n\n• x\n\n  > y\n  >\n  > z"
    )


@pytest.mark.parametrize(("edition", "own"), [("ar", ""), ("en", "ar")])
def test_a_table_from_the_right_begins_where_its_words_do(edition, own):
    """The room between its columns is behind each of them, on whichever side that is."""
    made = render(selection(story(1, summary="| A | B |\n|---|---|\n| 1 | 2 |", language=own), language=edition)).html
    assert (made.count("padding:5px 0 5px 20px"), made.count("padding:5px 20px 5px 0")) == (4, 0)


@pytest.mark.parametrize(
    "style",
    [
        "margin:0 0 10px;padding:0 22px;border:1px solid red",
        "padding:0;font-family:Georgia, 'Times New Roman', Times, serif",
        "padding:5px 20px 5px !important",
        "padding:5px calc(1px + 2px) 5px 0",
        "padding:5px 0 5px 20px",
    ],
)
def test_nothing_else_is_turned_round(style):
    """What has no room on its right alone is as its theme says: one that was made for words from the right, too."""
    markdown = Markdown(dict.fromkeys(ELEMENTS, style))
    assert markdown.towards("rtl").styles == markdown.styles
    quotation = "padding:0 20px 0 0;border-right:1px solid red"
    assert Markdown({"blockquote": quotation}).towards("rtl").styles["blockquote"] == quotation
    assert Markdown({"td": "padding:5px 20px 5px 0px"}).towards("rtl").styles["td"] == "padding:5px 0px 5px 20px"


def test_a_table_with_links_is_as_straight_and_as_numbered_as_one_without():
    """Its columns are measured with the numbers in them, and these count as in the HTML."""
    first, second = "[Report](https://example.org/1)", "[Bern](https://example.org/2)"
    small = numbered(read(Markdown({}), f"| What | Where |\n|---|---|\n| {first} | Geneva |\n| None | {second} |"))
    assert small == "What        Where\n----------  --------\nReport\u00a0[1]  Geneva\nNone        Bern\u00a0[2]"
    wide = numbered(read(Markdown({}), f"| A | {second} |\n|---|---|\n| {first} | {'word ' * 20}|"))
    assert wide.startswith("A: Report\u00a0[2]\nBern [1]: word")
    empty = numbered(read(Markdown({}), f"| {'A' * 40} | {'B' * 40} |\n|---|---|"))
    assert empty == f"{'A' * 40}\n{'B' * 40}"


def test_code_in_wide_characters_is_broken_at_the_margin():
    """A terminal shows them twice as wide."""
    made = numbered(read(Markdown({}), f"```\n{'漢字' * 30}\n```"))
    assert max(map(width, made.split("\n"))) <= 72


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("tel:+41 22 799 61 11", "tel:+41227996111"),
        ("mailto:press@herald.example?subject=Hello World", "mailto:press@herald.example?subject=Hello%20World"),
        ("mailto:?subject=Look at this", "mailto:?subject=Look%20at%20this"),
        ("files/my minutes.pdf", "https://www.harbour.example/files/my%20minutes.pdf"),
        ("https://fa.example/نیم‌فاصله", "https://fa.example/%D9%86%DB%8C%D9%85%E2%80%8C%D9%81%D8%A7%D8%B5%D9%84%D9%87"),
    ],
)
def test_an_address_may_have_blanks_and_joiners_in_it(written, address):
    """Telephone numbers, subjects and names of files are links as people type them; joiners are part of a word."""
    made = read(Markdown({}), f"Call [us]({written}) now.")
    assert made.links == (address,)
    assert made.problems == ()


def test_words_in_brackets_after_brackets_are_no_link():
    """Only what looks like an address is one; code is left alone."""
    for source in ("[y](a b)", "`[x](tel:1 2)`"):
        assert read(Markdown({}), source).links == ()


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("Mark[^9] here", "summary-footnote"),
        ("Nothing.\n\n[^1]: A note that nobody refers to.", "summary-footnote"),
        ("![A ship](https://a.example/x.svg)", "image-type"),
        ("![A ship](javascript:alert(1))", "image-unsafe"),
        ("![A ship](images/ship.png)", "image-unresolved"),
    ],
)
def test_what_a_summary_cannot_show_is_said(source, code):
    """A footnote without its other half, and a picture that no mail can show, are not lost in silence."""
    made = read(Markdown({}), source)
    assert [found for found, _ in made.problems] == [code]
    if code.startswith("image"):
        assert made.html == "<p>A ship</p>"


def test_a_picture_in_a_summary_is_a_picture():
    """In HTML with its words and as wide as the column at most; as `[words]` with its address in the text part."""
    made = read(Markdown({}), 'Look: ![A *red* "ship"](https://a.example/x.png "Title") and on.')
    found = Elements(made.html)
    assert found.tags == ["p", "img"]
    assert dict(found.attributes) == {"src": "https://a.example/x.png", "alt": 'A red "ship"', "width": "592"}
    assert numbered(made) == 'Look: [A red "ship"] [1] and on.'
    assert made.links == ("https://a.example/x.png",)
    assert made.opening == "Look: and on."


def test_a_picture_that_is_a_link_has_that_link_in_the_text_part():
    """Not its own address beside it: where it leads is what matters."""
    made = read(Markdown({}), "[![A ship](https://a.example/x.png)](https://a.example/film)")
    assert Elements(made.html).tags == ["p", "a", "img"]
    assert (numbered(made), made.links) == ("[A ship] [1]", ("https://a.example/film",))


def test_the_pictures_of_a_text_are_listed_as_they_are_written():
    """By reference or in place, with blanks or %20; what stands in code is none."""
    source = "![a b](images/my photo.jpg) ![c][r] ![](images/x%20y.png) `![no](z.png)`\n\n[r]: https://x.example/1.png"
    assert pictures(source) == (
        ("images/my photo.jpg", "a b"),
        ("https://x.example/1.png", "c"),
        ("images/x y.png", ""),
    )
    assert pictures("No [link](https://a.example) is one!") == ()
