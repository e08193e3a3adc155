"""Listing pages as content systems write them, and what on a page is no story: read right without selectors."""

# ruff: noqa: E501, ISC004 - pages are as wide as they are, and each is one text of several lines

from __future__ import annotations

import contextlib
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from digest.importing import dates, listing_html

ZURICH = ZoneInfo("Europe/Zurich")
HEAD = '<!DOCTYPE html><html lang="{lang}"><head><title>News</title><link rel="canonical" href="https://news.example/"></head>'


def read(body, lang="en"):
    return listing_html.parse(f"{HEAD.format(lang=lang)}<body>{body}</body></html>", "news.html", zone=ZURICH)


def card(name, day, more="", tag="div"):
    return (
        f'<{tag} class="card"><h3><a href="/{name}">Story {name}</a></h3>\n<span class="date">{day}</span>\n'
        f"<p>Words of {name}.</p>{more}</{tag}>\n"
    )


def days(listing):
    return [
        (item.title, f"{item.date:%Y-%m-%d}" if item.date_only else f"{item.date:%Y-%m-%d %H:%M}")
        for item in listing.items
    ]


TWO = card("A", "14 February 2022") + card("B", "10 February 2022")
BOTH = [("Story A", "2022-02-14"), ("Story B", "2022-02-10")]


@pytest.mark.parametrize(
    "furniture",
    [
        '<header><a href="/">Agency</a> <span>Monday, 28 February 2022</span></header>',
        '<footer><a href="/about">About</a> <span>1 March 2022</span></footer>',
        '<nav><ul><li><a href="/e">Fair</a> 14 February 2022</li></ul></nav>',
        f"<aside>{card('T', '1 February 2022')}</aside>",
        f"<template>{card('T', '1 February 2022')}</template>",
        f"<noscript>{card('T', '1 February 2022')}</noscript>",
        "<div hidden><h3>Hidden</h3><span>3 February 2022</span></div>",
        f'<div aria-hidden="true">{card("T", "1 February 2022")}</div>',
        f'<div style="color:red; display: none">{card("T", "1 February 2022")}</div>',
        f'<div role="navigation">{card("T", "1 February 2022")}</div>',
        "<select><option>14 February 2022</option><option>January 2022</option></select>",
        '<p><a href="/imprint">Imprint</a> Page updated: 28 February 2022</p>',
        "<p>Date modified: <time>2022-02-28</time></p>",
        "<p>Last updated on 28 February 2022</p>",
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_what_belongs_to_the_site_or_is_not_seen_is_no_story(furniture, before):
    """Heads and feet of the page, menus, templates, what is hidden, the day on which somebody touched the page."""
    listing = read(f"{furniture if before else ''}<main><h1>News</h1>{TWO}</main>{'' if before else furniture}")
    assert days(listing) == BOTH
    assert listing.faults == ()


def test_the_head_and_foot_of_a_card_are_its_own():
    """A header in an article, or one of many, holds the title and the day of its story."""
    articles = "".join(
        f'<article><header><h2><a href="/{name}">Story {name}</a></h2></header><footer>{day}</footer></article>'
        for name, day in (("A", "14 February 2022"), ("B", "10 February 2022"))
    )
    cards = "".join(
        f'<div class="c"><header><h2><a href="/{name}">Story {name}</a></h2><time>{day}</time></header></div>'
        for name, day in (("A", "14 February 2022"), ("B", "10 February 2022"))
    )
    assert days(read(articles)) == days(read(f"<div>{cards}</div>")) == BOTH


@pytest.mark.parametrize("tag", ["div", "article", "li", "section", "a"])
def test_a_card_without_a_day_that_can_be_read_is_named_whatever_it_is_made_of(tag):
    """Its neighbours have one: so it is a story, and it is said that it was left out."""
    day = "some day in spring"
    listing = read(
        f"<main>{card('A', '14 February 2022', tag=tag)}{card('C', day, tag=tag)}{card('B', '10 February 2022', tag=tag)}</main>"
    )
    assert days(listing) == BOTH
    assert [fault.message for fault in listing.faults] == ["'Story C' has no date; left out"]


@pytest.mark.parametrize(
    "body",
    [
        '<dl><dt>14 February 2022</dt><dd><a href="/A">Story A</a><p>Words</p></dd>'
        '<dt>10 February 2022</dt><dd><a href="/B">Story B</a><p>Words</p></dd></dl>',
        '<p>14 February 2022</p><p><a href="/A">Story A</a></p><p>Words</p>'
        '<p>10 February 2022</p><p><a href="/B">Story B</a></p><p>Words</p>',
        '<div class="d">14 February 2022</div><div class="e"><h3><a href="/A">Story A</a></h3><p>Words</p></div>'
        '<div class="d">10 February 2022</div><div class="e"><h3><a href="/B">Story B</a></h3><p>Words</p></div>',
        '<table><tr><td>14 February 2022</td><td><a href="/A">Story A</a><br>Words</td></tr>'
        '<tr><td>10 February 2022</td><td><a href="/B">Story B</a><br>Words</td></tr></table>',
    ],
)
def test_the_day_may_come_first(body):
    """In a term, a paragraph, a box or a cell before the story."""
    listing = read(f"<h1>News</h1>{body}")
    assert days(listing) == BOTH
    assert [item.link for item in listing.items] == ["https://news.example/A", "https://news.example/B"]
    assert [item.summary for item in listing.items] == ["Words", "Words"]
    assert listing.faults == ()


@pytest.mark.parametrize(
    "box",
    [
        "<span>{d}</span><span>Feb</span><span>2022</span>",
        "<b>{d}</b> <i>Feb</i> <i>2022</i>",
        "<p>{d}</p><p>Feb</p><p>2022</p>",
        "<span>Feb</span> <span>{d}</span>, <span>2022</span>",
    ],
)
def test_a_date_in_boxes_is_one_date_and_no_kicker(box):
    """Day, month and year each in an element of its own."""
    listing = read(
        "<ul>"
        + "".join(
            f'<li><div class="date">{box.format(d=day)}</div><h3><a href="/{name}">Story {name}</a></h3><p>W</p></li>'
            for name, day in (("A", 14), ("B", 10))
        )
        + "</ul>"
    )
    assert days(listing) == BOTH
    assert [(item.kicker, item.summary) for item in listing.items] == [("", "W"), ("", "W")]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("14 – 16 February 2022", "2022-02-14"),
        ("14-16 February 2022", "2022-02-14"),
        ("31 January – 2 February 2022", "2022-01-31"),
        ("30 December – 2 January 2022", "2021-12-30"),
        ("30 December 2021 – 2 January 2022", "2021-12-30"),
        ("February 14–16, 2022", "2022-02-14"),
        ("14 to 16 February 2022", "2022-02-14"),
        ("du 14 au 16 février 2022", "2022-02-14"),
        ("del 14 al 16 de febrero de 2022", "2022-02-14"),
        ("14. bis 16. Februar 2022", "2022-02-14"),
    ],
)
def test_a_range_of_days_begins_on_its_first(text, first):
    """The end lends it month and year; it is never the last day."""
    listing = read(
        f'<ul><li><a href="/a">Fair</a><span>{text}</span></li><li><a href="/b">Talk</a><span>5 January 2022</span></li></ul>'
    )
    assert days(listing) == [("Fair", first), ("Talk", "2022-01-05")]


def test_a_range_that_cannot_be_read_is_named_and_never_its_last_day():
    """A weekday beside each day is more than the reader knows."""
    listing = read(
        '<ul><li><a href="/a">Fair</a><span>Wed 14 – Friday 16 February 2022</span></li>'
        '<li><a href="/b">Talk</a><span>5 January 2022</span></li></ul>'
    )
    assert days(listing) == [("Talk", "2022-01-05")]
    assert [fault.message.partition(":")[0] for fault in listing.faults] == ["'Fair'"]


@pytest.mark.parametrize(
    "dates_",
    [
        '<p>Updated <time datetime="2022-03-01">1 March 2022</time></p><p>Published <time>14 February 2022</time></p>',
        "<p>Last updated: 1 March 2022</p><p>14 February 2022</p>",
        '<time itemprop="dateModified" datetime="2022-03-01">1 March 2022</time><time itemprop="datePublished">14 February 2022</time>',
        "<p>14 February 2022</p><p>Updated: 1 March 2022</p>",
        "<span>Actualisé</span><p>Mise à jour : 1 mars 2022</p><p>14 février 2022</p>",
    ],
)
def test_a_story_came_out_when_it_was_published_and_not_when_it_was_changed(dates_):
    """Whichever of the two stands first."""
    listing = read(
        f'<article><h3><a href="/A">Story A</a></h3>{dates_}<p>Words.</p></article>'
        '<article><h3><a href="/B">Story B</a></h3><time>10 February 2022</time></article>'
    )
    assert days(listing) == BOTH
    assert listing.items[0].summary.endswith("Words.")


def test_articles_of_others_in_the_page_for_machines_are_not_the_listing():
    """Most read, related: what the page shows is read, and it is said; what a script draws is read from there."""
    script = (
        '<script type="application/ld+json">[{"@type":"NewsArticle","headline":"Most read X","datePublished":"2019-01-01",'
        '"url":"https://e.example/x"},{"@type":"NewsArticle","headline":"Most read Y","datePublished":"2019-01-02"}]</script>'
    )
    listing = read(script + TWO)
    assert days(listing) == BOTH
    assert listing.notes == ("news.html: its JSON-LD tells of other articles; what the page shows was read",)
    alone = read(
        '<script type="application/ld+json">{"@type":"NewsArticle","headline":"Story","datePublished":"2022-02-14","description":"one\ntwo"}</script><h1>Story</h1>'
    )
    assert [(item.title, item.summary) for item in alone.items] == [("Story", "one two")]


@pytest.mark.parametrize(
    ("pictures", "image"),
    [
        ('<img src="/spacer.gif" width="1" height="1"><img src="/i/d.jpg">', "/i/d.jpg"),
        ('<img src="/img/placeholder.gif" data-original="/i/c.jpg">', "/i/c.jpg"),
        ('<picture><source srcset="/i/a.webp 400w"><img src="data:image/gif;base64,R0lGOD" data-srcset="/i/a.jpg 400w"></picture>', "/i/a.jpg"),
        ('<img srcset="/i/s.jpg 300w, /i/l.jpg 1200w, /i/m.jpg 600w" src="/i/s.jpg">', "/i/l.jpg"),
        ('<img srcset="/i/a,b.jpg 1x, /i/a,b@2.jpg 2x" src="/i/a.jpg">', "/i/a,b@2.jpg"),
        ('<img data-lazy-src="/i/z.jpg" src="/1x1.png">', "/i/z.jpg"),
        ('<img src="/i/blank-page-project.jpg">', "/i/blank-page-project.jpg"),
        ('<img src="data:image/gif;base64,R0lGOD">', ""),
        ('<img src="/i/f-40.jpg" data-src="/i/f-300.jpg" data-srcset="/i/f-300.jpg 300w, /i/f.jpg 900w">', "/i/f.jpg"),
        ('<img src="/i/g.jpg" data-lazy="true">', "/i/g.jpg"),
        ('<img src="https://secure.gravatar.com/ab" alt="Ana"><img src="/emoji/1f600.png"><img src="/i/h.jpg">', "/i/h.jpg"),
        ('<img src="/i/mail.png" width="24" height="24"><img src="/logo.svg"><img src="/i/i.jpg">', "/i/i.jpg"),
    ],
)  # fmt: skip
def test_the_picture_is_the_largest_real_one(pictures, image):
    """Not what holds its place, counts readers or is drawn from the page itself."""
    listing = read(
        f'<article>{pictures}<h3><a href="/A">Story A</a></h3><time>14 February 2022</time></article>{card("B", "10 February 2022")}'
    )
    assert listing.items[0].image == (f"https://news.example{image}" if image else "")


def test_a_caption_is_no_credit_but_says_what_is_seen():
    """It stands in for the text that a picture lacks; with "Photo:" or a sign it is a credit."""
    listing = read(
        '<article><figure><img src="/i/a.jpg"><figcaption>Women at work in Dhaka</figcaption></figure>'
        '<h3><a href="/A">Story A</a></h3><time>14 February 2022</time></article>'
        '<article><figure><img src="/i/b.jpg" alt="A weaver"><figcaption>© Jane Doe 2022</figcaption></figure>'
        '<h3><a href="/B">Story B</a></h3><time>10 February 2022</time></article>'
    )
    assert [(i.image_alt, i.credit, i.kicker, i.summary) for i in listing.items] == [
        ("Women at work in Dhaka", "", "", ""),
        ("A weaver", "© Jane Doe 2022", "", ""),
    ]


def test_a_thing_with_a_date_that_is_unlike_its_neighbours_is_a_note():
    """Not lost in silence, and no story."""
    listing = read(f'<main><div class="box"><h3>Office closed</h3><p>1 March 2022</p></div>{TWO}</main>')
    assert days(listing) == BOTH
    assert listing.notes == ("news.html:1: 'Office closed' has a date but no link, as all others have; left out",)


DRUPAL_VIEWS = """<div class="view view-news"><div class="view-filters"><form><select><option>2022</option><option>2021</option></select></form></div>
<div class="view-content"><div class="views-row"><div class="views-field views-field-field-image"><div class="field-content"><a href="/en/news/a"><img src="/sites/default/files/styles/thumb/public/a.jpg?itok=x1" width="220" height="147" alt="A well"></a></div></div>
<div class="views-field views-field-created"><span class="field-content">Mon, 02/14/2022 - 09:30</span></div><div class="views-field views-field-title"><span class="field-content"><a href="/en/news/a">Wells that last</a></span></div><div class="views-field views-field-body"><div class="field-content">Three villages have water again.</div></div></div>
<div class="views-row"><div class="views-field views-field-created"><span class="field-content">Thu, 02/10/2022 - 12:00</span></div><div class="views-field views-field-title"><span class="field-content"><a href="/en/news/b">A school opens</a></span></div><div class="views-field views-field-body"><div class="field-content">The first pupils came on Monday.</div></div></div></div>
<nav class="pager"><ul><li><a href="?page=1">Next</a></li></ul></nav></div>"""
WORDPRESS_BLOCKS = """<main class="wp-block-group"><h1 class="wp-block-query-title">News</h1><ul class="wp-block-post-template"><li class="wp-block-post post-12"><figure class="wp-block-post-featured-image"><a href="https://news.example/a/"><img src="https://news.example/a-300.jpg" srcset="https://news.example/a-300.jpg 300w, https://news.example/a-1024.jpg 1024w" alt="A well"></a></figure>
<h2 class="wp-block-post-title"><a href="https://news.example/a/">Wells that last</a></h2><div class="wp-block-post-date"><time datetime="2022-02-14T09:30:00+01:00"><a href="https://news.example/a/">February 14, 2022</a></time></div><div class="wp-block-post-excerpt"><p class="wp-block-post-excerpt__excerpt">Three villages have water again.</p></div></li>
<li class="wp-block-post post-11"><h2 class="wp-block-post-title"><a href="https://news.example/b/">A school opens</a></h2><div class="wp-block-post-date"><time datetime="2022-02-10T12:00:00+01:00"><a href="https://news.example/b/">February 10, 2022</a></time></div><div class="wp-block-post-excerpt"><p class="wp-block-post-excerpt__excerpt">The first pupils came on Monday.</p></div></li></ul></main>
<footer class="wp-block-template-part"><p>© 2022 News</p></footer>"""
TYPO3 = """<div class="news"><div class="news-list-view"><div class="article articletype-0"><div class="header"><h3><a title="Wells that last" href="/news/detail/a"><span itemprop="headline">Wells that last</span></a></h3></div><div class="teaser-text"><div itemprop="description"><p>Three villages have water again.</p></div><a class="more" href="/news/detail/a">Read more</a></div>
<div class="footer"><p><span class="news-list-date"><time itemprop="datePublished" datetime="2022-02-14">14.02.2022</time></span></p></div></div>
<div class="article articletype-0"><div class="header"><h3><a title="A school opens" href="/news/detail/b"><span itemprop="headline">A school opens</span></a></h3></div><div class="teaser-text"><div itemprop="description"><p>The first pupils came on Monday.</p></div><a class="more" href="/news/detail/b">Read more</a></div><div class="footer"><p><span class="news-list-date"><time itemprop="datePublished" datetime="2022-02-10">10.02.2022</time></span></p></div></div></div></div>"""
SHAREPOINT = """<div data-automation-id="newsfeed"><div class="newsItem_3f"><a href="/sites/news/a.aspx" data-automation-id="newsItemTitle">Wells that last</a><div class="text_9c">Three villages have water again.</div><div class="meta_1"><span>Ana Silva</span><span>14 February 2022</span></div></div>
<div class="newsItem_3f"><a href="/sites/news/b.aspx" data-automation-id="newsItemTitle">A school opens</a><div class="text_9c">The first pupils came on Monday.</div><div class="meta_1"><span>Ben Okoro</span><span>10 February 2022</span></div></div></div>"""
UN_AGENCY = """<header><div>Monday, 28 February 2022</div><nav><a href="/">Home</a></nav></header><main><h1>Newsroom</h1><section><h2>February 2022</h2><ul class="list"><li><p class="type">Press release</p><h3><a href="/a">Wells that last</a></h3><p class="dateline">GENEVA, 14 February 2022</p><p>Three villages have water again.</p></li>
<li><p class="type">Feature</p><h3><a href="/b">A school opens</a></h3><p class="dateline">NAIROBI, 10 February 2022</p><p>The first pupils came on Monday.</p></li></ul></section></main><footer>Page last updated 1 March 2022</footer>"""


@pytest.mark.parametrize(
    ("page", "lang", "times"),
    [
        (DRUPAL_VIEWS, "en-US", ("09:30", "12:00")),
        (WORDPRESS_BLOCKS, "en-US", ("", "")),
        (TYPO3, "de", ("", "")),
        (SHAREPOINT, "en", ("", "")),
        (UN_AGENCY, "en", ("", "")),
    ],
)
def test_pages_of_well_known_systems_are_read_without_selectors(page, lang, times):
    """Drupal views, a WordPress block theme, TYPO3, SharePoint, an agency of the United Nations."""
    listing = read(page, lang)
    assert listing.faults == ()
    assert [(item.title, item.summary) for item in listing.items] == [
        ("Wells that last", "Three villages have water again."),
        ("A school opens", "The first pupils came on Monday."),
    ]
    assert [item.date.date().isoformat() for item in listing.items] == ["2022-02-14", "2022-02-10"]
    assert [item.link.rpartition("/")[2] or item.link for item in listing.items]
    for item, at in zip(listing.items, times, strict=True):
        assert not at or f"{item.date:%H:%M}" == at


SPELLINGS = [
    ("February 14, 2022 9:30 am", "en", "2022-02-14T09:30"),
    ("3:15 PM, 14 February 2022", "en", "2022-02-14T15:15"),
    ("12:05 am, 14 February 2022", "en", "2022-02-14T00:05"),
    ("14 February 2022, 9.30 am", "en", "2022-02-14T09:30"),
    ("Mon, 02/14/2022 - 09:30", "en-US", "2022-02-14T09:30"),
    ("27/09/2016 - 18:26", "fr", "2016-09-27T18:26"),
    ("14 février 2022 à 14h30", "fr", "2022-02-14T14:30"),
    ("Publié le 14 février 2022 à 09:30", "fr", "2022-02-14T09:30"),
    ("14.02.2022 09:30", "de", "2022-02-14T09:30"),
    ("14.02.2022, 9:30 Uhr", "de", "2022-02-14T09:30"),
    ("14 February 2022 09:30 GMT", "en", "2022-02-14T10:30"),
    ("Montag, 14.02.2022", "de", "2022-02-14"),
    ("14-Feb-2022", "en", "2022-02-14"),
    ("14.2.22", "de", "2022-02-14"),
    ("2022. 2. 14.", "ko", "2022-02-14"),
    ("Le 14 février 2022", "fr", "2022-02-14"),
    ("14. Mrz 2022", "de", "2022-03-14"),
    ("14 mrt. 2022", "nl", "2022-03-14"),
    ("14 лютого 2022 р.", "uk", "2022-02-14"),
    ("2022年2月14日", "ja", "2022-02-14"),
    ("14 Şubat 2022 Pazartesi", "tr", "2022-02-14"),
    ("Published on 14 February 2022", "en", "2022-02-14"),
    ("GENEVA, 29 July 2022", "en", "2022-07-29"),
    ("14 February 2022 | Press release", "en", "2022-02-14"),
    ("Communiqué de presse | 14 février 2022", "fr", "2022-02-14"),
    ("03/04/2022", "fr", "2022-04-03"),
    ("03/04/2022", "en-GB", "2022-04-03"),
    ("03/04/2022", "en-US", "2022-03-04"),
    ("02.03.2022", "de", "2022-03-02"),
]


@pytest.mark.parametrize(("text", "language", "right"), SPELLINGS)
def test_dates_as_newsrooms_spell_them(text, language, right):
    """With a clock, a weekday, a place, what the item is, in the order of the page's language."""
    moment = dates.parse(text, ZURICH, language)
    assert moment is not None
    assert moment.at == datetime.fromisoformat(right).replace(tzinfo=ZURICH)
    assert moment.date_only is ("T" not in right)


@pytest.mark.parametrize(
    ("text", "language"),
    [("03/04/2022", "en"), ("03/04/2022", "zh"), ("3.4.22 pm", "en"), ("2022", "en"), ("Mon, 01 Jan 0001 00:00:00 +0000", "en"), ("13:00 pm, 14 February 2022", "en"), ("1/2/22", "en"), ("16 – 14 February 2022", "en")],
)  # fmt: skip
def test_what_can_be_two_days_or_none_is_never_guessed(text, language):
    """It is refused with a reason, or is no date at all."""
    with contextlib.suppress(dates.NoSuchDay):
        assert dates.parse(text, ZURICH, language) is None
