"""Listing pages in HTML, in the shapes that sites have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import ImportFailed, UsageError
from digest.importing import listing_html

ZURICH = ZoneInfo("Europe/Zurich")
DATA = Path(__file__).parent / "data"


def read(html, source="https://news.example/all/", **options):
    return listing_html.parse(html, source, zone=ZURICH, language="en", **options)


def shown(listing):
    return [(item.title, item.date.date().isoformat(), item.link, item.summary) for item in listing.items]


def test_a_page_of_list_items_under_months_is_read_whole():
    """Title, contact, kickers, credits, pictures, links, summaries; faults for what has no day."""
    listing = read((DATA / "listing.html").read_text())
    assert (listing.title, listing.contact, listing.language) == ("Impact and people", "newsroom@example.org", "en")
    first, second, third = listing.items
    assert (first.kicker, first.title, first.credit) == ("Skills stories", "A trade for life", "© René Levita 2022")
    assert (first.link, first.image) == ("https://news.example/all/a-trade", "https://news.example/pictures/a.jpg")
    assert (first.image_alt, first.summary) == ("A bricklayer at work", "Sergio **learned** a trade.\n\nHe tells how.")
    assert (second.title, second.kicker, second.summary) == ("No frills", "", "")
    assert third.date.date() == date(2021, 12, 9)
    assert [(fault.line, fault.message) for fault in listing.faults] == [
        (29, "'Of a day that is none': '30 February 2022' is no day that the calendar has; left out"),
        (33, "'Without a day' has no date; left out"),
    ]


SHAPES = {
    "articles": '<article><h2><a href="/1">One</a></h2><time datetime="2022-02-14">14 February 2022</time><p>S.</p>'
    '</article><article><h2><a href="/2">Two</a></h2><time datetime="2022-02-13">13 February 2022</time></article>',
    "cards in links": '<a href="/1"><div class="card"><p class="date">14 Feb 2022</p><div class="card-title">One</div>'
    '<p>S.</p></div></a><a href="/2"><div class="card"><p class="date">13 Feb 2022</p><div class="card-title">Two</div>'
    "</div></a>",
    "flat": '<h3><a href="/1">One</a></h3><p>14 February 2022</p><p>S.</p><h3><a href="/2">Two</a></h3>'
    "<p>13 February 2022</p>",
    "flat, dates first": '<p>14 February 2022</p><h3><a href="/1">One</a></h3><p>S.</p><p>13 February 2022</p>'
    '<h3><a href="/2">Two</a></h3>',
    "lines": '<ul><li><a href="/1">One</a><br>14 February 2022<br>S.</li>'
    '<li>13 February 2022 – <a href="/2">Two</a></li></ul>',
    "a table": "<table><tr><th>Day</th><th>Title</th><th>Text</th></tr>"
    '<tr><td>14.02.2022</td><td><a href="/1">One</a></td><td>S.</td></tr>'
    '<tr><td>13.02.2022</td><td><a href="/2">Two</a></td><td></td></tr></table>',
    "terms": '<dl><dt><a href="/1">One</a></dt><dd>14 February 2022</dd><dd>S.</dd><dt><a href="/2">Two</a></dt>'
    "<dd>13 February 2022</dd></dl>",
    "spans": '<ul><li><span><a href="/1">One</a></span> <span>14 February 2022</span> <span>S.</span></li>'
    '<li><span><a href="/2">Two</a></span> <span>13 February 2022</span></li></ul>',
    "a line with a place": '<div class="i"><h4><a href="/1">One</a></h4><p>Geneva | 14 February 2022</p><p>S.</p></div>'
    '<div class="i"><h4><a href="/2">Two</a></h4><p>Geneva | 13 February 2022</p></div>',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_stories_are_found_in_every_shape(shape):
    """Articles, cards, flat headings, lines, tables, terms: two stories, one with a summary."""
    listing = read(f"<html lang=en><h1>News</h1>{SHAPES[shape]}</html>")
    assert listing.title == "News"
    assert listing.faults == ()
    assert shown(listing) == [
        ("One", "2022-02-14", "https://news.example/1", "S."),
        ("Two", "2022-02-13", "https://news.example/2", ""),
    ]


def test_a_page_in_another_language_keeps_it():
    """The page's lang is its items', and its dates are read in it."""
    listing = read('<html lang="fr-FR"><h1>Actualités</h1><article><h2>Un</h2><p>4 mai 2021</p></article></html>')
    assert [(item.title, item.date.date(), item.language) for item in listing.items] == [
        ("Un", date(2021, 5, 4), "fr-FR")
    ]


def test_one_story_under_a_month_is_not_named_after_the_month():
    """A heading of a period belongs to the list, and so does the page's own title."""
    listing = read(
        "<h1>News</h1><section><h2>February 2022</h2><div><h3>One</h3><p>14 February 2022</p></div></section>"
    )
    assert [item.title for item in listing.items] == ["One"]


def test_a_story_with_two_dates_has_the_first():
    """Published, then updated."""
    listing = read(
        "<h1>N</h1><article><h2>One</h2><p>Published: 14 February 2022</p><p>Updated: 15 February 2022</p></article>"
        "<article><h2>Two</h2><p>13 February 2022</p></article>"
    )
    assert [item.date.day for item in listing.items] == [14, 13]


def test_a_date_in_a_sentence_is_no_storys_date():
    """Neither in plain words nor in bold."""
    listing = read(
        "<h1>N</h1><article><h2>One</h2><time>14 February 2022</time>"
        "<p>It was agreed in the meeting of <b>1 May 2021</b> by all of them.</p></article>"
    )
    assert [(item.title, item.date.date()) for item in listing.items] == [("One", date(2022, 2, 14))]


def test_what_the_page_tells_machines_is_used_and_completed_by_what_it_shows():
    """JSON-LD gives times and pictures, the list gives the kicker."""
    listing = read((DATA / "json-ld.html").read_text())
    one, two = listing.items
    assert (one.title, one.link, one.summary) == ("One & only", "https://news.example/1", "What it is.")
    assert one.date == datetime(2022, 2, 14, 8, tzinfo=UTC)
    assert (one.credit, one.image) == ("© Z", "https://news.example/i.jpg")
    assert (two.title, two.kicker, two.summary) == ("Two", "Skills", "Shown only.")


def test_json_ld_that_is_broken_or_endless_is_a_note():
    """The page itself is still read."""
    script = '<script type="application/ld+json">{"a": </script><script type="application/ld+json">'
    listing = read(f"{script}{'[' * 100_000}</script><h1>N</h1><article><h2>One</h2><p>1 May 2021</p></article>")
    assert len(listing.items) == 1
    assert len(listing.notes) == 2


def test_a_page_of_one_story_is_told_by_opengraph():
    """Title, time, description; the text that is not Markdown is escaped."""
    listing = read(
        '<head><meta property="og:title" content="Alone"><meta property="og:description" content="5 * 3">'
        '<meta property="article:published_time" content="2022-02-14T09:00:00Z"></head><body><p>…</p></body>'
    )
    assert [(item.title, item.date_only, item.summary) for item in listing.items] == [("Alone", False, r"5 \* 3")]


def test_selectors_name_exactly_the_parts():
    """For a site that needs them; an element without a date is a fault."""
    html = (
        '<div class=r><b>One</b><i>14 February 2022</i><u>K</u><s>S1.</s><s>S2.</s><q>© A</q><a href="/1">x</a></div>'
        '<div class="r"><b>Two</b><i>some day</i></div>'
    )
    chosen = {"item": ".r", "title": "b", "date": "i", "kicker": "u", "summary": "s", "credit": "q", "link": "a"}
    listing = read(html, selectors=chosen)
    (item,) = listing.items
    assert (item.title, item.kicker, item.credit, item.summary) == ("One", "K", "© A", "S1.\n\nS2.")
    assert item.link == "https://news.example/1"
    assert [fault.message for fault in listing.faults] == ["'Two' has no date; left out"]


@pytest.mark.parametrize("selectors", [{"item": "div:::x"}, {"item": "div", "title": "]["}, {"title": "b"}])
def test_a_selector_that_cannot_be_read_names_its_key(selectors):
    """It is config's mistake, not the page's."""
    with pytest.raises(UsageError, match=r"selectors: (item|title)"):
        read("<div></div>", selectors=selectors)


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "http://"]
)
def test_an_unsafe_link_is_left_out_and_noted(href):
    """The story stays, without it."""
    listing = read(f'<h1>N</h1><article><h2><a href="{href}">One</a></h2><p>1 May 2021</p></article>')
    assert listing.items[0].link == ""
    assert "is no http or https address" in listing.notes[0]


def test_a_saved_page_whose_address_is_not_known_says_so():
    """Relative links lead nowhere from a file, unless the page says where it was."""
    html = '<h1>N</h1><article><h2><a href="/1">One</a></h2><p>1 May 2021</p></article>'
    assert "import it from there" in read(html, source="saved.html").notes[0]
    known = read(f'<link rel="canonical" href="https://x.org/news">{html}', source="saved.html")
    assert known.items[0].link == "https://x.org/1"


def test_scripts_and_tags_do_not_reach_a_summary():
    """Of a story's HTML only prose is kept."""
    listing = read(
        "<h1>N</h1><article><h2>One<script>x</script></h2><p>1 May 2021</p>"
        '<div><p onclick=x>Text <img src=x onerror=y> <a href="javascript:z">here</a></p><style>p{}</style></div>'
    )
    assert (listing.items[0].title, listing.items[0].summary) == ("One", "Text here")


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 99_000,
        "<b><i>" * 20_000,
        "<p>x" * 40_000,
        "<a href=x>" * 20_000,
        "<br>x" * 20_000,
        "<i>1 May 2021</i>" * 5_000,
    ],
    ids=["depth", "misnesting", "width", "links", "lines", "dates"],
)
def test_pages_made_to_hurt_end_with_an_answer(html):
    """Depth and width cost what they are long, not its square (this once took minutes)."""
    assert len(read(f"<h1>N</h1>{html}").items) <= 1


def test_a_page_with_too_many_elements_is_refused():
    """With its number, so that a person can split an archive."""
    with pytest.raises(ImportFailed, match="elements; a listing page has a few thousand"):
        read("<i></i>" * 100_001)


@given(st.text(alphabet="<>/ab=\"' 1 May 2021hp\n&;", max_size=200))
def test_no_text_makes_the_reader_fail(text):
    """Tag soup gives a listing, or a refusal of one line."""
    try:
        faults = read(text).faults
    except ImportFailed as refused:
        faults = (refused,)
    assert not any("\n" in str(fault) for fault in faults)


STORIES = "".join(
    f'<article><h2><a href="/{n}">Story {n}</a></h2><time>{n} May 2022</time><img src="{{}}{n}.jpg"><p>T.</p></article>'
    for n in (1, 2)
)


@pytest.mark.parametrize("beside", ["./News of May_files/", "News%20of%20May-Dateien/"])
def test_a_picture_that_the_browser_saved_beside_the_page_is_counted_and_no_broken_address(beside):
    """`News_files/a.jpg` is on this machine alone; the page says from where it was saved."""
    page = (
        f"<!-- saved from url=(0026)https://h.example/news/all --><html><body>{STORIES.format(beside, beside)}</body>"
    )
    listing = listing_html.parse(page, "in/News of May.html", zone=ZURICH, language="en")
    assert [(item.link, item.image) for item in listing.items] == [(f"https://h.example/{n}", "") for n in (1, 2)]
    reason = "left out: give the page's address instead of the file"
    assert listing.notes == (
        f"in/News of May.html: 2 pictures in the folder that the browser saved beside it; {reason}",
    )
    whole = listing_html.parse(page.replace(beside, "News_files/"), "All.html", zone=ZURICH, language="en")
    assert [item.image for item in whole.items] == [f"https://h.example/news/News_files/{n}.jpg" for n in (1, 2)]


def test_a_picture_with_blanks_in_its_name_is_one_address():
    """`src` is one address, `srcset` is several."""
    page = f"<html><body>{STORIES.format('/media/my photo ', '/media/my photo ')}</body>"
    listing = listing_html.parse(page, "https://h.example/news", zone=ZURICH, language="en")
    assert [item.image for item in listing.items] == [f"https://h.example/media/my%20photo%20{n}.jpg" for n in (1, 2)]


def test_a_page_that_word_saved_has_its_titles_in_bold():
    """There are no headings: a paragraph that is bold from end to end is one."""
    told = "".join(f"<p><b>Story {n}</b><o:p></o:p></p><p>{n} February 2022</p><p>Text <b>{n}</b>.</p>" for n in (1, 2))
    listing = listing_html.parse(f"<html><body><div>{told}</div></body></html>", "a.html", zone=ZURICH, language="en")
    assert [(item.title, item.summary) for item in listing.items] == [(f"Story {n}", f"Text **{n}**.") for n in (1, 2)]


def test_an_address_is_no_title():
    """A sheet that was published as a page shows addresses where a listing has headlines."""
    rows = "".join(f'<tr><td>2022-02-0{n}</td><td><a href="/{n}">https://e.org/{n}</a></td></tr>' for n in (1, 2))
    listing = listing_html.parse(f"<html><table>{rows}</table></html>", "a.html", zone=ZURICH, language="en")
    assert listing.items == ()
    assert [fault.message for fault in listing.faults] == [
        f"'https://e.org/{n}' is an address and no title; left out" for n in (1, 2)
    ]


LOGIN = '<title>Sign in</title><form><input type="password"></form>'


@pytest.mark.parametrize(
    ("html", "base", "said"),
    [
        (LOGIN, "", "it asks for a password; save the page from a browser that is logged in, and import the file"),
        ("<p>Soon.</p>", "https://news.example/closed", "the address led to https://news.example/closed"),
        (
            "<h2><a href=/a>A</a></h2><time>3 days ago</time>",
            "https://www.news.example/all/",
            "no day stands on it that can be read, like 14 February 2022",
        ),
        (
            '<link rel="alternate" type="application/rss+xml" href="/feed/"><h1>Blog</h1>',
            "",
            "it names a feed, https://news.example/feed/; import that",
        ),
        (
            "<META content='0;URL=new.html' http-equiv='Refresh'>",
            "",
            "it sends browsers on to https://news.example/all/new.html; import that",
        ),
        (
            "<div id=root></div><script src=/a.js></script>",
            "",
            "it has hardly any words: scripts draw it; import its feed",
        ),
    ],
)
def test_a_page_without_stories_says_where_they_may_be(html, base, said):
    """A login, a cookie wall, a page that scripts draw: it is no page that selectors would help."""
    listing = read(html, base=base)
    assert listing.items == ()
    assert listing.notes == (f"https://news.example/all/: {said}",)


CARD = """<li><h2><a href="/a{n}">Story {n}</a></h2><div class="post-author"><p>By <a href="/ana">Ana</a></p></div>
<time>{n} February 2022</time><p>One sentence{end}</p></li>"""


@pytest.mark.parametrize(
    ("end", "summary"),
    [
        ('… <a class="more-link" href="/a{n}">Continue reading <span>“Story {n}”</span></a>', "One sentence…"),
        (' with <a href="/a{n}">a link</a>', "One sentence with [a link](https://news.example/a1)"),
        ('. <a href="/b">Another one</a>', "One sentence. [Another one](https://news.example/b)"),
    ],
)
def test_who_wrote_it_and_the_way_to_read_on_are_no_summary(end, summary):
    """As WordPress's themes have them: in the mail the link stands below each story, in the newsroom's words."""
    cards = "".join(CARD.replace("{end}", end).replace("{n}", str(n)) for n in (1, 2))
    item = read(f"<ul>{cards}</ul>").items[0]
    assert (item.title, item.summary, item.kicker) == ("Story 1", summary, "")


@pytest.mark.parametrize(
    ("below", "summary"),
    [
        (
            '<div class="text with author"><p>A first sentence.</p><p>More of it.</p></div>',
            "A first sentence.\n\nMore of it.",
        ),
        ('<p class="author interview">We talk to the author of a book…</p>', "We talk to the author of a book…"),
        (f'<p class="author">{"We talk to her " * 9}</p>', " ".join(["We talk to her"] * 9)),
    ],
)
def test_a_summary_is_kept_whose_class_speaks_of_an_author(below, summary):
    """A byline is short, and no sentence; these were thrown away without a word."""
    cards = "".join(
        f'<article><time>{n} February 2022</time><h3><a href="/{n}">Story {n}</a></h3>{below}</article>' for n in (1, 2)
    )
    assert [item.summary for item in read(cards).items] == [summary, summary]
