"""Feeds and tables: RSS, Atom, JSON Feed, CSV, and telling them apart."""

from __future__ import annotations

import json
import socket
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from markdown_it import MarkdownIt

from digest.errors import ImportFailed
from digest.importing import feeds, formats, html_to_markdown, table
from digest.importing.source import Source

ZURICH = ZoneInfo("Europe/Zurich")
DATA = Path(__file__).parent / "data"
FEED = "https://news.example/feed"


def read(data, source=FEED, **options):
    kind = options.pop("format", "")
    return formats.read(Source(name=source, data=data, zone=ZURICH, language="en", **options), kind)


def text_of(data, content_type=""):
    return Source(name="x", data=data, content_type=content_type, zone=ZURICH, language="en").text


def test_rss_gives_titles_links_guids_times_pictures_credits_and_topics():
    """Times are instants in the newsroom's zone; HTML descriptions become Markdown; what is unsafe is left out."""
    listing = read((DATA / "feed.rss").read_bytes())
    assert (listing.title, listing.language) == ("Impact & people", "en")
    one, two = listing.items
    assert (one.title, one.link, one.guid) == ("Skills & jobs", "https://news.example/a", "g1")
    assert one.date == datetime(2022, 2, 14, 23, 30, tzinfo=UTC)
    assert one.date.date() == date(2022, 2, 15)
    assert (one.image, one.credit, one.topics) == ("https://news.example/i.jpg", "© A", ("skills-work", "youth"))
    assert one.summary == "Hello [you](https://news.example/y), *dear*.\n\n- one\n- two"
    assert (two.link, two.date_only) == ("", True)
    assert two.summary.startswith("First paragraph")
    assert "Third" not in two.summary
    assert [str(fault) for fault in listing.faults] == [
        f"{FEED}: 'Bad day': 'Wed, 30 Feb 2022 09:00:00 GMT' is no day that the calendar has; left out",
        f"{FEED}: 'No day': has no date; left out",
    ]
    assert "javascript" in listing.notes[0]


def test_named_values_of_any_format_become_an_item_as_a_row_of_a_table_does():
    """Every key is taken; several values may stand apart already, where a story has several; the others are refused."""
    row = {"title": "A\nB", "date": "2022-02-14", "link": "https://e.org/a", "summary": "One.\n\nTwo.", "other": ["x"]}
    notes = []
    item = table.item({**row, "topics": ["Clean water", "\n"], "language": "?"}, 3, "a", ZURICH, "en", notes)
    assert (item.title, item.link, item.topics, item.line) == ("A B", "https://e.org/a", ("clean-water",), 3)
    assert (item.summary, item.language, item.date_only) == ("One.\n\nTwo.", "en", True)
    assert notes == ["a:3: language: '?' is no language; left out"]
    for key, value, reason in (
        ("title", ["A", "B"], "has several values, and a story has one"),
        ("summary", ["A"], "has several values, and a story has one"),
        ("date", "", "is missing; write it like 2022-02-14"),
        ("link", "javascript:x", "'javascript:x' is no http or https address, and no path of the newsroom's"),
    ):
        fault = table.item({**row, key: value}, 3, "a", ZURICH, "en", [])
        assert str(fault) == f"a:3: {key}: {reason}; the row is left out"


IMAGE = '<description>&lt;img src="x.jpg"&gt; &lt;a href="more"&gt;More&lt;/a&gt;</description>'
SITE, PAGE = "<link>https://h.example/</link>", "<link>https://h.example/2022/a/</link>"
ITSELF = '<link xmlns="http://www.w3.org/2005/Atom" rel="self" href="https://h.example/feeds/all.xml"/>'


@pytest.mark.parametrize(
    ("attributes", "channel", "item", "source", "image"),
    [
        ("", "", IMAGE, "https://h.example/f/all.xml", "https://h.example/f/x.jpg"),
        ("", ITSELF, IMAGE, "all.xml", "https://h.example/feeds/x.jpg"),
        ("", SITE, IMAGE, "all.xml", "https://h.example/x.jpg"),
        ("", SITE, PAGE + IMAGE, FEED, "https://h.example/2022/a/x.jpg"),
        ("", SITE, "<link>2022/a/</link>" + IMAGE, "all.xml", "https://h.example/2022/a/x.jpg"),
        ("", "", PAGE + IMAGE, "all.xml", "https://h.example/2022/a/x.jpg"),
        ("", SITE, "<link>https://other.example/b/</link>" + IMAGE, "all.xml", "https://h.example/x.jpg"),
        (' xml:base="https://b.example/q/"', SITE, PAGE + IMAGE, FEED, "https://b.example/q/x.jpg"),
        (' xml:base="q/"', SITE, IMAGE, FEED, "https://news.example/q/x.jpg"),
        (' xml:base="file:///etc/"', SITE, PAGE + IMAGE, FEED, "https://h.example/2022/a/x.jpg"),
        ("", SITE, PAGE + '<enclosure url="x.jpg" type="image/jpeg"/>', FEED, "https://news.example/x.jpg"),
        ("", "", PAGE + '<enclosure url="/x.jpg"/>', "all.xml", "https://h.example/x.jpg"),
        ("", "", PAGE + '<m:thumbnail url="/x.jpg"/>', "all.xml", "https://h.example/x.jpg"),
    ],
)
def test_relative_addresses_in_a_feed_are_read_from_where_it_says(attributes, channel, item, source, image):
    """From xml:base; else in HTML from the entry's page, where the site has it, else from the feed or the site."""
    media = ' xmlns:m="http://search.yahoo.com/mrss/"'
    dated = f"<item><title>A</title><pubDate>2022-02-14</pubDate>{item}</item>"
    listing = read(f"<rss{media}{attributes}><channel>{channel}{dated}</channel></rss>".encode(), source)
    assert [one.image for one in listing.items] == [image]
    assert IMAGE not in item or listing.items[0].summary == f"[More]({image.replace('x.jpg', 'more')})"
    assert listing.notes == ()


def test_relative_addresses_of_atom_and_json_are_read_alike():
    """xml:base may stand on the text, and on what is in it; a JSON Feed has its page, its site and its own address."""
    text = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://h.example/f/"><entry><title>A</title>'
        '<updated>2022-02-14T00:00:00Z</updated><link href="a"/><content type="xhtml" xml:base="c/">'
        '<div xmlns="http://www.w3.org/1999/xhtml" xml:base="d/"><img src="x.jpg"/></div></content></entry></feed>'
    )
    (one,) = read(text.encode(), "all.xml").items
    assert (one.link, one.image) == ("https://h.example/f/a", "https://h.example/f/c/d/x.jpg")
    item = {"title": "A", "date_published": "2022-02-14", "url": "/2022/a/", "content_html": "<img src='x.jpg'>"}
    feed = {"home_page_url": "https://h.example/", "items": [item, {**item, "title": "B", "image": "/b.jpg"}]}
    one, two = read(json.dumps(feed).encode(), "all.json").items
    assert (one.link, one.image) == ("https://h.example/2022/a/", "https://h.example/2022/a/x.jpg")
    assert two.image == "https://h.example/b.jpg"


def test_the_picture_that_an_item_names_is_its_picture():
    """However wide those in its text say that they are (JSON Feed 1.1, `image`)."""
    text = {"title": "A", "date_published": "2022-02-14", "content_html": "<img src='/in.jpg' width='900'>"}
    feed = {"home_page_url": "https://h.example/", "items": [{**text, "image": "/main.jpg"}, text]}
    listing = read(json.dumps(feed).encode(), "all.json")
    assert [one.image for one in listing.items] == ["https://h.example/main.jpg", "https://h.example/in.jpg"]


@pytest.mark.parametrize("picture", [IMAGE, '<enclosure url="x.jpg"/>'])
def test_a_picture_whose_address_cannot_be_told_is_counted_and_not_lost_in_silence(picture):
    """Nothing says from where the feed is: then the note says how to."""
    items = "".join(f"<item><title>{n}</title><pubDate>2022-02-14</pubDate>{picture}</item>" for n in "AB")
    listing = read(f"<rss><channel>{items}</channel></rss>".encode(), "all.xml")
    reason = "'x.jpg' is no http or https address; --base https://… says from where the feed is"
    assert listing.notes == (f"all.xml: 2 pictures left out: {reason}",)
    assert [one.image for one in listing.items] == ["", ""]


def test_atom_gives_the_same():
    """Published before updated, alternate links, HTML and XHTML contents."""
    listing = read((DATA / "feed.atom").read_bytes())
    assert [
        (item.title, item.guid, item.link, item.date.date().isoformat(), item.summary) for item in listing.items
    ] == [
        ("A < B", "tag:x,1", "https://news.example/1", "2022-02-14", "The *summary*."),
        ("Second", "tag:x,2", "https://news.example/2", "2022-02-13", "Only content."),
    ]


def test_json_feed_gives_the_same():
    """Version 1.1, with HTML or plain content."""
    items = [
        {
            "id": "1",
            "url": "/1",
            "title": "One",
            "date_published": "2022-02-14T09:00:00+01:00",
            "content_html": "<p>A</p>",
        },
        {
            "id": "2",
            "title": "Two",
            "date_published": "2022-02-13",
            "content_text": "5 * 3\r\n \r\nB",
            "tags": ["Skills"],
        },
        {"id": "3", "title": "Three"},
        "nonsense",
    ]
    data = json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "News", "items": items}).encode()
    listing = read(data, content_type="application/feed+json")
    assert [(item.title, item.link, item.guid, item.summary) for item in listing.items] == [
        ("One", "https://news.example/1", "1", "A"),
        ("Two", "", "2", "5 \\* 3\n\nB"),
    ]
    assert len(listing.faults) == 2


BILLION_LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><rss><channel><title>&j;</title></channel></rss>"
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (BILLION_LAUGHS.encode(), "declares XML entities"),
        (BILLION_LAUGHS.encode("utf-16"), "declares XML entities"),
        (b'<?xml version="1.0" encoding="utf-7"?><!DOCTYPE x [<!ENTITY a "b">]><rss/>', "declares XML entities"),
        (
            b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><title>&x;</title></rss>',
            "declares XML entities",
        ),
        (b"<rss>" + b"<a>" * 100_000, "within each other"),
        (b'{"items": ' + b"[" * 100_000, "is not JSON"),
        (b'{"a": 1}', "no JSON Feed"),
        (b"%PDF-1.7", "is a PDF"),
        (b"PK\x03\x04", "is a ZIP file"),
        (b"\x1f\x8b", "packed with gzip"),
        (b"News\n\n\xff", "feed:3: is not UTF-8 here"),
        (b"News\n\0", "holds a NUL"),
        (b"x" * 20_000_001, "has 20,000,001 bytes"),
    ],
    ids=range(13),
)
def test_what_is_hostile_or_no_listing_is_refused_with_its_reason(data, reason):
    """Bombs, entities, depth, documents, damage: one line each."""
    with pytest.raises(ImportFailed, match=reason) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_a_page_that_is_said_to_be_a_feed_is_refused():
    """The format that a person gave is believed, and what comes of it is said."""
    with pytest.raises(ImportFailed, match="neither RSS nor Atom"):
        read(b"<html><p>No feed</p></html>", format="feed")


def test_a_feed_opens_nothing(monkeypatch, tmp_path):
    """Not the external DTD, not a stylesheet, not a file or address that its text happens to be."""
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: asked.append(args))
    monkeypatch.setattr(socket.socket, "connect", lambda *args: asked.append(args))
    monkeypatch.chdir(tmp_path)
    data = (
        b'<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?>'
        b'<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://127.0.0.1:1/rss.dtd"><rss version="0.91"><channel>'
        b"<title>T</title><item><title>A</title><pubDate>Mon, 14 Feb 2022 09:00:00 GMT</pubDate></item></channel></rss>"
    )
    assert len(read(data).items) == 1
    (tmp_path / "feed").write_bytes(data)
    for text in (b"http://127.0.0.1:1/feed", b"feed"):
        with pytest.raises(ImportFailed, match="neither RSS nor Atom"):
            read(text, format="feed")
    assert asked == []


def test_a_damaged_feed_is_read_as_far_as_it_goes_and_says_so():
    """The items that are whole are items."""
    data = (DATA / "feed.rss").read_bytes().split(b"<item><title>Bad day")[0]
    listing = read(data)
    assert [item.title for item in listing.items] == ["Skills & jobs"]
    assert any("damaged XML" in note for note in listing.notes)


@pytest.mark.parametrize("damage", ["<b>", "a < b", "AT&T", "<>", "\x01"])
def test_what_is_damaged_in_one_entry_takes_no_letter_of_the_next(damage):
    """Once a feed is damaged, libxml2 drops each `&lt;` and `&amp;` behind the damage: `em` and `ATT` remained."""
    entry = "<item><title>%s</title><pubDate>2022-02-14</pubDate><link>https://h.example/%d?a=1&amp;b=2</link></item>"
    sound = entry % ("Q&amp;A: &lt;em&gt;5 &lt; 6&lt;/em&gt;", 2)
    feed = f"<rss><channel>{entry % (f'One {damage}', 1)}{sound}</channel></rss>"
    (two,) = (item for item in read(feed.encode()).items if "Q" in item.title)
    assert (two.title, two.link) == ("Q&A: 5 < 6", "https://h.example/2?a=1&b=2")


def test_a_sign_that_should_be_escaped_is_counted():
    """Each by itself: what was meant is read, and whoever makes the feed can be told."""
    listing = read(
        b"<rss><channel><item><title>5 < 6 & 7 < 8</title><pubDate>2022-02-14</pubDate></item></channel></rss>"
    )
    assert [item.title for item in listing.items] == ["5 < 6 & 7 < 8"]
    told = "has 2 '<' that should be written '&lt;' and 1 '&' that should be written '&amp;'; read as meant"
    assert listing.notes == (f"{FEED}: {told}",)


@pytest.mark.parametrize(
    ("above", "shown"),
    [
        ("<br />\n<b>Warning</b>:  Undefined variable in <b>/x.php</b><br />", "Warning: Undefined variable in /x.php"),
        ("Content-Type: application/rss+xml\n", "Content-Type: application/rss+xml"),
        ("\ufeff\n<!-- generator=a:b -->\n", ""),
    ],
)
def test_what_a_server_says_before_a_feed_is_left_out_and_shown(above, shown):
    """A warning of PHP's, of which the feed was taken for a page without stories; a comment is no such thing."""
    feed = "<rss><channel><item><title>A</title><pubDate>2022-02-14</pubDate></item></channel></rss>"
    for start in ("", '<?xml version="1.0" encoding="UTF-8"?>\n') if shown else ("",):
        listing = read(f"{above}\n{start}{feed}".encode(), content_type="text/html")
        assert [item.title for item in listing.items] == ["A"]
        assert listing.notes == ((f"{FEED}: begins with what is no feed, left out: {shown}",) if shown else ())


@pytest.mark.parametrize(
    "root",
    ['ns0:feed xmlns:ns0="http://www.w3.org/2005/Atom"', 'RDF xmlns="http://purl.org/rss/1.0/"'],
)
@pytest.mark.parametrize("word", ["&lt;b>", "<rss >", "<?xml ?>"])
def test_a_feed_whose_root_has_another_name_begins_at_its_root(root, word):
    """And not at what an article says of feeds: whatever stood above was cut away, the stories among it."""
    name, prefix = root.split(" ", 1)[0], "ns0:" if root.startswith("ns0") else ""
    entry, when = ("entry", "updated") if prefix else ("item", "pubDate")
    inside = f"<{prefix}title>A</{prefix}title><{prefix}{when}>2022-02-14</{prefix}{when}>"
    inside += f"<{prefix}summary><![CDATA[<p>How to write {word}</p>]]></{prefix}summary>"
    feed = f"<{root}><{prefix}{entry}>{inside}</{prefix}{entry}></{name}>"
    listing = read(feed.encode(), format="feed")
    assert [item.title for item in listing.items] == ["A"]
    assert listing.notes == ()


@pytest.mark.parametrize(
    ("xml", "title", "summary", "image"),
    [
        ("<title>One&lt;br/&gt;two</title>", "One two", "", ""),
        ("<title>&lt;p&gt;One&lt;/p&gt;&lt;p&gt;t&lt;b&gt;w&lt;/b&gt;o&lt;/p&gt;</title>", "One two", "", ""),
        ("<title>A</title><description><![CDATA[<![CDATA[B]]]]><![CDATA[>]]></description>", "A", "B", ""),
        ('<title>A</title><enclosure url="/a.jpg" type="application/octet-stream"/>', "A", "", "a.jpg"),
        ('<title>A</title><enclosure url="/a.jpg" type="jpg"/>', "A", "", "a.jpg"),
        ('<title>A</title><enclosure url="/a.jpg" type="video/mp4"/>', "A", "", ""),
        ("<title>A</title><image>https://news.example/a</image>", "A", "", "a"),
        ("<title>A</title><image>123</image>", "A", "", ""),
        ("<title>A</title><image><url>/a.jpg</url><title>B</title></image>", "A", "", "a.jpg"),
    ],
)
def test_a_feed_that_is_made_by_hand_is_read_as_it_is_meant(xml, title, summary, image):
    """Words of two lines are two, what is wrapped twice is unwrapped, a picture is one whatever it is called."""
    feed = f"<rss><channel><item>{xml}<pubDate>2022-02-14</pubDate></item></channel></rss>"
    (item,) = read(feed.encode()).items
    assert (item.title, item.summary) == (title, summary)
    assert item.image == (f"https://news.example/{image}" if image else "")


def test_a_json_feed_may_count_its_items_and_attach_their_picture():
    """A number is an id, by its digits; a picture among the attachments is one; a date in seconds is named."""
    picture = {"url": "https://h.example/a.jpg", "mime_type": "image/jpeg"}
    one = {"id": 7, "title": "A", "date_published": "2022-02-14", "attachments": [{"url": "/a.mp3"}, picture]}
    listing = read(json.dumps({"items": [one, {"id": "b", "title": "B", "date_published": 1644827400}]}).encode())
    assert [(item.guid, item.image) for item in listing.items] == [("7", picture["url"])]
    assert [fault.message for fault in listing.faults] == ["'B': its date '1644827400' cannot be read; left out"]


def test_a_feed_that_spells_its_elements_in_another_case_is_read():
    """`pubdate` was no date, and each of its stories was left out."""
    feed = "<RSS><Channel><Item><TITLE>A</TITLE><PubDate>14 Feb 2022 09:30:00 MEST</PubDate></Item></Channel></RSS>"
    (item,) = read(feed.encode()).items
    assert (item.title, item.date) == ("A", datetime(2022, 2, 14, 7, 30, tzinfo=UTC))


@pytest.mark.parametrize("head", ["Publish date", "published_on", "Post Date", "Date de parution", "Erscheinungsdatum"])
def test_the_heads_that_other_programs_give_a_date_are_known(head):
    """A sheet of which no other column was wrong gave no story."""
    (item,) = read(f"title,{head}\nA,2022-02-14".encode(), "a.csv").items
    assert item.date.date() == date(2022, 2, 14)


@pytest.mark.parametrize(
    ("heads", "unread"),
    [
        ("Title,Date,publish_date", "publish_date"),
        ("Title,Post date,Date", "Post date"),
        ("Titel,Datum,Erscheinungsdatum", "Erscheinungsdatum"),
        ("title,date,post_title", "post_title"),
        ("title,Publish date,Post date", "Post date"),
    ],
)
def test_a_second_date_of_an_export_is_noted_and_not_read(heads, unread):
    """A sheet that came in every night was refused whole."""
    cells = ["2021-01-01" if head == unread else "A" if head[0] in "Tt" else "2022-02-14" for head in heads.split(",")]
    listing = read(f"{heads}\n{','.join(cells)}".encode(), "a.csv")
    assert [(item.title, item.date.date()) for item in listing.items] == [("A", date(2022, 2, 14))]
    (note,) = listing.notes
    assert f"column '{unread}' is not known" in note
    (fault,) = read(b"Title,Date,published\nA,2022-02-14,2022-02-15", "a.csv").faults
    assert str(fault) == "a.csv:1: date: this column is given twice (Date, published); keep one"


def test_a_table_is_read_by_its_heads():
    """Other names for columns, semicolons, a byte order mark, quotes, several lines in a cell."""
    text = (
        "\ufeffHeadline;Published;URL;Series;Description;Tags;Country;Section\r\n"
        '"One; and ""two""";14.02.2022;https://x.org/1;Skills;"5 * 3\r\n\r\nMore";Skills, Youth;pk;Impact & People\r\n'
        "\r\n"
        "Two;2022-02-13;;;;;;\r\n"
    )
    listing = read(text.encode(), "stories.csv")
    one, two = listing.items
    assert (one.title, one.link, one.kicker, one.summary) == (
        'One; and "two"',
        "https://x.org/1",
        "Skills",
        "5 \\* 3\n\nMore",
    )
    assert (one.topics, one.countries, one.channels, one.line) == (("skills", "youth"), ("PK",), ("impact-people",), 2)
    assert (two.title, two.line, listing.faults, listing.title) == ("Two", 6, (), "")


def test_rows_that_cannot_be_read_are_faults_with_their_lines():
    """No title, no day, a bad day, a bad address, a bad country, too many values: the others go on."""
    rows = ["title,date,link,country,colour", ",2022-02-14,,,", "A,soon,,,", "B,2022-02-30,,,"]
    rows += ["C,2022-02-14,javascript:x,,", "D,2022-02-14,,Pakistan,", "E,2022-02-14,,,,,x", "Good,2022-02-14,,,"]
    listing = read("\n".join(rows).encode(), "a.csv")
    assert [item.title for item in listing.items] == ["Good"]
    assert [(fault.line, fault.key) for fault in listing.faults] == [
        (2, "title"),
        (3, "date"),
        (4, "date"),
        (5, "link"),
        (6, "countries"),
        (7, ""),
    ]
    assert listing.notes[0].startswith("a.csv:1: column 'colour' is not known")


def test_a_summary_that_a_cms_wrote_as_html_is_its_prose():
    """An export has paragraphs as elements; words that merely hold a sign stay as they are."""
    cells = ['"<p>See <a href=""https://e.org/"">it</a> &amp; go</p>\n<p>Two</p>"', '"5 < 6 > 4, <b>bold</b>"']
    text = "title,date,summary\n" + "".join(f"A,2022-02-14,{cell}\n" for cell in cells)
    assert [item.summary for item in table.parse(text, "a.csv", zone=ZURICH).items] == [
        "See [it](https://e.org/) & go\n\nTwo",
        "5 < 6 > 4, \\<b>bold\\</b>",
    ]


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#NAME?", "#DIV/0!", "#ERROR!"])
def test_an_error_of_the_sheet_is_no_title(error):
    """Who looks a headline up and finds none has #N/A in the cell."""
    listing = table.parse(f"title,date\n{error},2022-02-14\n#1 in jobs,2022-02-15\n", "a.csv", zone=ZURICH)
    assert [item.title for item in listing.items] == ["#1 in jobs"]
    message = f"a.csv:2: title: '{error}' is an error of the sheet; mend it there; the row is left out"
    assert [str(fault) for fault in listing.faults] == [message]


def test_a_status_is_read_as_people_and_programs_write_it():
    """With a capital in a sheet; in WordPress's words in what it exports, of which no row was taken."""
    words = ("Draft", "publish", "Live", "future", "private", "trash")
    rows = "".join(f"A{n},2022-02-14,{word}\n" for n, word in enumerate(words))
    listing = table.parse(f"title,date,status\n{rows}", "a.csv", zone=ZURICH)
    assert [item.status for item in listing.items] == ["draft", *["published"] * 2, *["draft"] * 2, "withdrawn"]


def test_of_several_addresses_in_a_cell_the_first_is_taken_and_said():
    """`a.jpg|b.jpg` was one address, under which nothing lies."""
    listing = read(b"title,date,image\nA,2022-02-14,https://h.example/a.jpg|https://h.example/b.jpg\n", "a.csv")
    assert [item.image for item in listing.items] == ["https://h.example/a.jpg"]
    assert listing.notes == ("a.csv:2: image: has 2 addresses; the first is taken",)


def test_an_address_that_holds_another_is_one():
    """What stands behind the comma of `?u=1,https://y.org` was cut away."""
    listing = read(b'title,date,link\nA,2022-02-14,"https://x.org/a?u=1,https://y.org/"\n', "a.csv")
    assert [item.link for item in listing.items] == ["https://x.org/a?u=1,https://y.org/"]
    assert listing.notes == ()


def test_what_columns_are_known_is_said_once():
    """A sheet of twenty columns told it seventeen times."""
    notes = read(b"title,date,slug,item id,hue\nA,2022-02-14,a,b,c\n", "a.csv").notes
    assert [note.partition(";")[0] for note in notes] == [
        f"a.csv:1: column '{name}' is not known" for name in ("slug", "item id", "hue")
    ]
    assert ["known here" in note for note in notes] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("title,title,date\na,b,2022-02-14", "given twice"),
        ('title,date\n"a', "a quote that opens in this row is never closed; the row is left out"),
        ("a,b\n1,2", "must name the columns"),
    ],
)
def test_a_table_that_is_none_says_why(text, fault):
    """And gives no item."""
    listing = table.parse(text, "a.csv", zone=ZURICH)
    assert listing.items == ()
    assert fault in listing.faults[0].message


@pytest.mark.parametrize(
    ("data", "content_type", "kind"),
    [
        (b"<!DOCTYPE html><p>1", "", "html"),
        (b"\xef\xbb\xbf<!-- c --><html>", "text/plain", "html"),
        (b"<?xml version='1.0'?><rss version='2.0'/>", "text/html", "feed"),
        (b"<rdf:RDF xmlns='x'/>", "", "feed"),
        (b'<?xml version="1.0"?><html xmlns="x"/>', "application/xml", "html"),
        (b' {"version": 1}', "", "jsonfeed"),
        (b"date,title,link\n", "", "csv"),
        (b"News\n\n1. A", "", "text"),
        (b"5 < 6", "text/plain", "text"),
        (b'title,date,link\n"How to read an <rss > feed",2022-02-14,', "", "csv"),
        (b'title,date\n"<?xml ?> explained",2022-02-14', "", "csv"),
        (b"title,date\n\"<rss version='2.0'>\",2022-02-14", "", "csv"),
        (b'<div><?xml version="1.0"?><svg></svg></div><article><h2>A</h2></article>', "", "html"),
        (b"News\n\nHow <feed> works\n14 February 2022", "", "text"),
        (b"Warning: x\n<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'/>", "", "feed"),
    ],
)
def test_a_source_is_told_by_its_content(data, content_type, kind):
    """Whatever the server called it."""
    assert formats.detect(Source(name="x", data=data, content_type=content_type, zone=ZURICH, language="en")) == kind


@pytest.mark.parametrize(
    ("text", "real", "own", "server", "said"),
    [
        ("Café Zürich", "utf-8", "ISO-8859-1", "", "CP1252"),
        ("Café Zürich", "utf-8", "UTF-8", "iso-8859-1", "CP1252"),
        ("Привет, мир", "windows-1251", "windows-1251", "utf-8", "UTF-8"),
        ("Café Zürich", "cp1252", "ISO-8859-1", "iso-8859-1", ""),
        ("新聞镕", "gbk", "gb2312", "", ""),
        ("서울 뷁", "cp949", "ks_c_5601-1987", "", ""),
        ("ข่าว", "cp874", "tis-620", "", ""),
        ("ข่าว", "cp874", "windows-874", "", ""),
        ("חדשות", "iso-8859-8", "iso-8859-8-i", "", ""),
        ("①ニュース", "cp932", "x-sjis", "", ""),
    ],
)
def test_a_character_set_that_the_bytes_disprove_is_not_believed(text, real, own, server, said):
    """UTF-8 that calls itself Latin-1, a server that calls all UTF-8: read as it is, and said; else as the web does."""
    xml = (
        f'<?xml version="1.0" encoding="{own}"?><rss><channel><item><title>{text}</title><pubDate>2022-02-14</pubDate>'
    )
    data = f"{xml}</item></channel></rss>".encode(real)
    listing = read(data, content_type=f"text/xml; charset={server}" if server else "")
    assert [one.title for one in listing.items] == [text]
    real = "CP1251" if real == "windows-1251" else real.upper()
    assert listing.notes == ((f"{FEED}: says that it is {said}, and is {real}; read as that",) if said else ())


@pytest.mark.parametrize("written", ["It&#146;s &#150; new&#133;", "It&#x92;s &#x96; new…", "It\x92s \x96 new…"])
def test_an_apostrophe_of_windows_is_one(written):
    """References and characters from U+0080 to U+009F mean those of Windows-1252, as browsers read them."""
    feed = f"<rss><channel><item><title>{written}</title><pubDate>2022-02-14</pubDate></item></channel></rss>"
    assert [one.title for one in read(feed.encode()).items] == ["It’s – new…"]


@pytest.mark.parametrize("root", ["urlset", "sitemapindex", "opml"])
def test_what_has_addresses_and_no_headlines_says_what_it_is(root):
    """A sitemap is no listing, and no page."""
    with pytest.raises(ImportFailed, match=r"without headlines; give the site's feed, or the page that lists its news"):
        read(f'<?xml version="1.0"?><{root}><url><loc>https://h.example/</loc></url></{root}>'.encode())


@pytest.mark.parametrize(
    ("xml", "summary", "image", "alt"),
    [
        (
            '<m:group><m:description>About it.\n\nMore.</m:description><m:thumbnail url="https://h.example/t.jpg"/></m:group>',
            "About it.\n\nMore.",
            "https://h.example/t.jpg",
            "",
        ),
        (
            (
                '<i:summary>About it.</i:summary><i:image href="https://h.example/e.jpg"/>'
                '<enclosure url="https://h.example/a.mp3" type="audio/mpeg"/>'
            ),
            "About it.",
            "https://h.example/e.jpg",
            "",
        ),
        (
            (
                "<description>&lt;figure>&lt;img src='https://h.example/p.jpg'>&lt;figcaption>The pier&lt;/figcaption>"
                "&lt;/figure>&lt;p>About it.&lt;/p></description>"
            ),
            "About it.",
            "https://h.example/p.jpg",
            "The pier",
        ),
    ],
)
def test_films_podcasts_and_captions_are_read_as_they_are_meant(xml, summary, image, alt):
    """A film's and an episode's words and picture are the story's; a caption is its picture's, and no summary."""
    spaces = 'xmlns:m="http://search.yahoo.com/mrss/" xmlns:i="http://www.itunes.com/dtds/podcast-1.0.dtd"'
    item = f"<item><title>A</title><pubDate>2022-02-14</pubDate>{xml}</item>"
    (one,) = read(f"<rss {spaces}><channel>{item}</channel></rss>".encode()).items
    assert (one.summary, one.image, one.image_alt) == (summary, image, alt)


def test_the_fields_of_drupal_that_are_elements_are_read_for_what_they_say():
    """A view of Drupal puts its fields into a feed with their HTML: title, link and date."""
    day = '&lt;time datetime="2022-02-14T09:30:00+01:00">Mon, 02/14/2022 - 09:30&lt;/time>'
    link = '&lt;a href="/news/a" hreflang="en">A&lt;/a>'
    items = "".join(
        f"<item><title>{link}</title><link>{link}</link><pubDate>{when}</pubDate></item>"
        for when in (day, "&lt;span>14 February 2022&lt;/span>")
    )
    listing = read(f"<rss><channel>{items}</channel></rss>".encode())
    read_ = [(one.title, one.link, one.date.isoformat()) for one in listing.items]
    link = "https://news.example/news/a"
    assert read_ == [("A", link, "2022-02-14T09:30:00+01:00"), ("A", link, "2022-02-14T00:00:00+01:00")]


def test_other_character_sets_are_read_when_they_are_declared():
    """In the header, in the page, or by a mark; Latin-1 is what the web means by it."""
    page = "<meta charset='{}'>é“"
    assert text_of(page.format("iso-8859-1").encode("cp1252")).endswith("é“")
    assert text_of("é".encode("cp1251", "ignore") + "я".encode("cp1251"), "text/html; charset=windows-1251") == "я"
    assert text_of("é".encode("utf-16")) == "é"


@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp", "Cs", "Cn"]), max_size=60)
)
def test_escaped_text_shows_exactly_itself_in_markdown(text):
    """Whatever a source's text holds, a reader sees it and nothing else."""
    line = " ".join(text.split())
    shown = lxml_html.fromstring(f"<div>{MarkdownIt().render(html_to_markdown.escape(line))}</div>")
    assert not {one.tag for one in shown.iter()} - {"div", "p"}
    assert " ".join("".join(shown.itertext()).split()) == line


@given(st.text(alphabet="<>/abip=\"' &;*_[]()#-\n", max_size=120))
def test_any_html_becomes_markdown_without_a_tag(text):
    """Rendered, it holds prose, lists, links and emphasis only."""
    shown = MarkdownIt().render(html_to_markdown.from_html(text))
    assert not {one.tag for one in lxml_html.fromstring(f"<div>{shown}</div>").iter()} - {
        *("div", "p", "ul", "li", "a", "em", "strong", "hr"),
    }


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail(data):
    """Bytes are a listing, or are refused."""
    try:
        assert read(data, "x").source == "x"
    except ImportFailed:
        assert data


def test_feeds_are_bounded():
    """After 5,000 entries the rest is left out, and said to be."""
    entry = "<item><title>A</title><pubDate>Mon, 14 Feb 2022 09:00:00 GMT</pubDate></item>"
    text = f'<rss version="2.0"><channel><title>T</title>{entry * 5_002}</channel></rss>'
    listing = feeds.parse_xml(text, FEED, zone=ZURICH)
    assert len(listing.items) == feeds.MAX_ENTRIES
    assert "the rest is left out" in listing.faults[0].message


def test_a_formula_that_makes_a_link_gives_its_words_and_its_address():
    """It was the title, with its brackets, and the story had no link; another formula is no word of a story's."""
    linked = '"=HYPERLINK(""https://x.org/{0}""{1}""The """"{0}"""" pier"")"'
    rows = (
        f"{linked.format('a', ',')},2022-02-14,",
        f"{linked.format('b', '; ')},2022-02-14,https://x.org/own",
        'Third,2022-02-14,"=HYPERLINK(""https://x.org/c"")"',
        "=A1&B1,2022-02-14,https://x.org/d",
        '"=CONCATENATE(A1,B1)",2022-02-14,https://x.org/e',
        "= is a sign,2022-02-14,https://x.org/f",
    )
    listing = read("\n".join(("title,date,link", *rows)).encode(), "a.csv")
    assert [(item.title, item.link) for item in listing.items] == [
        ('The "a" pier', "https://x.org/a"),
        ('The "b" pier', "https://x.org/own"),
        ("Third", "https://x.org/c"),
        ("= is a sign", "https://x.org/f"),
    ]
    assert [(fault.line, fault.key, "is a formula" in fault.message) for fault in listing.faults] == [
        (5, "title", True),
        (6, "title", True),
    ]


def test_what_no_story_takes_from_a_cell_costs_no_row():
    """A formula in a column that is not read, and what leads from a title into the sheet or to somebody's mailbox."""
    linked = '"=HYPERLINK(""{}"",""{}"")"'
    rows = (
        "A,2022-02-14,=LEN(A2),=A2,Words",
        f"{linked.format('#Two!A1', 'B')},2022-02-14,,,Words",
        f"{linked.format('mailto:ana@x.org', 'C')},2022-02-14,,,Words",
        f"{linked.format('', 'D')},2022-02-14,,,{linked.format('https://x.org/d', 'Words')}",
    )
    listing = read("\n".join(("title,date,length,,summary", *rows)).encode(), "a.csv")
    assert [(item.title, item.link, item.summary) for item in listing.items] == [
        (title, "", "Words") for title in "ABCD"
    ]
    assert listing.faults == ()


def test_a_row_with_a_quote_too_many_costs_no_other_row():
    """One fault, with its line and what to do; what follows was left out, or swallowed by a quote that stays open."""
    rows = ("A,2022-02-14", '"He said "hello" to me",2022-02-15', "B,2022-02-16", '"Open,2022-02-17', "C,2022-02-18")
    listing = read("\n".join(("title,date", *rows)).encode(), "a.csv")
    assert [item.title for item in listing.items] == ["A", "B", "C"]
    assert [fault.line for fault in listing.faults] == [3, 5]
    assert 'write a quote within a value twice, like ""; the row is left out' in listing.faults[0].message
    many = read("\n".join(("title,date", *['"a"b,2022-02-14'] * 1_000)).encode(), "a.csv")
    assert (len(many.faults), many.faults[-1].message) == (51, "is not CSV from here on; the rest is left out")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (
            (
                '<feed xmlns="http://www.w3.org/2005/Atom"><entry>'
                "<title>Tom &amp;amp; Jerry&amp;#8217;s &amp;lt;b></title>"
                "<published>2022-02-14</published><summary>It&amp;amp;rsquo;s 5 &amp;gt; 4 *</summary></entry></feed>"
            ),
            "a.xml",
        ),
        (
            (
                '<rss version="2.0"><channel><item>'
                "<title><![CDATA[Tom &amp;amp; Jerry&amp;#8217;s &amp;lt;b&gt;]]></title><pubDate>2022-02-14</pubDate>"
                "<description><![CDATA[It&amp;rsquo;s 5 &amp;gt; 4 *]]></description></item>"
                "</channel></rss>"
            ),
            "a.xml",
        ),
        (
            (
                '{"version":"https://jsonfeed.org/version/1.1","items":[{"title":"Tom &amp; Jerry&#8217;s &lt;b>",'
                '"date_published":"2022-02-14","summary":"It&#8217;s 5 &gt; 4 *"}]}'
            ),
            "a.json",
        ),
        ("title,date,summary\nTom &amp; Jerry&#x2019;s &lt;b>,2022-02-14,It&#8217;s 5 &gt; 4 *\n", "a.csv"),
    ],
)
def test_what_was_escaped_twice_is_read_as_meant(data, name):
    """Readers saw `&#8217;` in a headline; what would be markup stays, and it is said."""
    listing = read(data.encode(), name)
    (item,) = listing.items
    assert (item.title, item.summary) == ("Tom & Jerry’s &lt;b>", "It’s 5 \\&gt; 4 \\*")
    assert "has HTML's escapes in its words" in listing.notes[-1]
    assert html_to_markdown.unescaped("&#10;&#8238;&#x2a;&nosuch;&amp") == "&#10;&#8238;&#x2a;&nosuch;&amp"


def test_no_escape_becomes_a_mark_or_a_sign_that_a_story_cannot_have():
    """At the beginning of a line a `#` is a heading; a line separator refuses a title, half a sign is none."""
    kept = "&#35; A &#45; B 1&#46; C&lpar;D&#41; E&#58; F&vert; &num; &#8232; &#8296; &#55357;"
    assert html_to_markdown.unescaped(kept) == kept
    (item,) = read(b"title,date,kicker,summary\n&nbsp;A&nbsp;B ,2022-02-14,&nbsp;,&#35; C\n", "a.csv").items
    assert (item.title, item.kicker, item.summary) == ("A\u00a0B", "", "\\&#35; C")


def test_cells_of_a_table_are_apart():
    """2023 and 7 were 20237."""
    html = "<table><tr><th>Year</th><th>Wells</th></tr><tr><td>2023</td><td>7</td></tr></table>"
    assert html_to_markdown.from_html(html) == "Year Wells\n\n2023 7"


def test_a_column_without_a_name_is_told_where_something_stands_in_it():
    """Sheets have empty ones at their right; what is written into one was lost in silence."""
    listing = read(b"title,,date,,\nA,Anna,2022-02-14,,\nB,Bert,2022-02-14,,\n", "a.csv")
    assert ([item.title for item in listing.items], listing.notes) == (
        ["A", "B"],
        ("a.csv: column 2 has no name; not read",),
    )
