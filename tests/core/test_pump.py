"""Ten times the input costs about ten times the time: every parser that somebody outside can reach, pumped.

A stranger writes the pages and feeds that are imported, the mails that come back, what a relay and a web server answer,
the forms of the public page; a colleague pastes stories, lists and style sheets. Each parser is given one piece of text
over and over, in two sizes, and the two times are compared: processor time of this thread alone, again where once is
too much, as what else the machine does can only add, and then for more of it. A few milliseconds prove nothing, and
pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import json
import time
from dataclasses import replace
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import pytest

from digest.errors import DigestError
from digest.model import Audience, Edition, Group, NewsroomProfile, Rendering, Selection, Story
from digest.period import parse as period

ZONE = ZoneInfo("Europe/Zurich")
SIZE = 1_000  # characters, and ten times as many
NOISE = 0.004  # seconds of processor time below which a measurement is mostly noise
SUSPECT = 10  # ten times the input costs so many times the time: worth another look
# Let a·n be what is in proportion, b·n² what is not. What costs LIMIT times as much at MORE, (10a+800b)/(a+8b) ≥ 25,
# costs (10a+100b)/(a+b) ≥ 12.2 times as much here; what is in proportion costs 10 times, and need not be seen there.
SQUARE = 11.5
MORE = 8 * SIZE
LIMIT = 25  # at that size: caches and other people's work bring a line to 18, a square is on its way to a hundred
ROUNDS = 3  # what else the machine does can only add: the first round within the limit will do
PIECES = (
    *("-", "@", "a@", "[", "![", "[a](", "](", "(", ")", " ", "\t", "\n", "\r\n", "\n ", "\n\n", "<", ">", "a", "a."),
    *("1", ",", "/", "//", ";", "&", "&amp;", '"', "'", "\\", "*", "_", "`", "#", ":", "- ", "\n- ", "1. a\n"),
    *("\n1. a\n", "x. ", "<a>x", "<p>a", "<li>a", "<!--", "<!---->", "<![CDATA[", "]]>", "<?", "<?x?>", "<?xml "),
    *("<!DOCTYPE ", "<x@y.z>", "http://", "https://x.y ", "www.", "=?utf-8?q?a?= ", "=41", "a: b\n", "- a\n", "a, "),
    *("a; ", "x@y.z ", "\u2028", "é", "\u2066", "a\u0301", "{", "{a:b}", "/*", "url(", "5.1.1 ", "550 ", "photo: "),
    *("unsubscribe ", "Message-ID: <", "<http:", "postfix", "postfix/cleanup[1]: ", "1abcde-1abcde-1a <= ", "2022 "),
    *("[a]: http://x.y\n", "[a][a] ", "~~", "**a", "\x1b]", "\x9d", "{{", "{% if %}", "slot-0f3a-"),
    *("14 February 2022\n", "TK ", "insert ", "%20", "^", "<link "),
)
STORY = Story(id="a", file="stories/a.md", title="A headline", date=dt.datetime(2022, 2, 14, tzinfo=ZONE))
NEWSROOM = NewsroomProfile(name="N", contact="n@ilo.org", sender="d@ilo.org", timezone=ZONE)
EDITION = Edition(period=period("2022-02", ZONE), audience="everyone", language="en")
DAEMON = "From: Mail Delivery System <MAILER-DAEMON@x.org>\r\nSubject: Undelivered Mail Returned to Sender\r\n"


def one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def listing_in_text(text):
    from digest.importing.listing_text import parse

    parse(text, "a.txt", zone=ZONE)
    parse(f"1. Kicker\n   Title\n   14 February 2022\n   {text}\n", "a.txt", zone=ZONE)


def listing_in_html(text):
    from digest.importing.listing_html import parse

    parse(f"<ul><li><h3>T</h3><time>14 February 2022</time><p>{text}</p></li></ul>", "a.html", zone=ZONE)
    parse(f"<html><body>{text}", "a.html", zone=ZONE)
    parse(text, "a.html", zone=ZONE)


def feed(text):
    from digest.importing.feeds import parse_xml

    head = "<rss version='2.0'><channel><title>x</title><item><title>a</title>"
    for body in (
        f"<pubDate>Mon, 14 Feb 2022 09:00:00 +0100</pubDate><description>{escape(text)}</description>",
        f"<link>{escape(text)}</link><pubDate>{escape(text)}</pubDate><guid>{escape(text)}</guid>",
    ):
        with contextlib.suppress(DigestError):
            parse_xml(f"{head}{body}</item></channel></rss>", "a.xml", zone=ZONE)
    with contextlib.suppress(DigestError):
        parse_xml(head + text, "a.xml", zone=ZONE)
    with contextlib.suppress(DigestError):
        parse_xml(text, "a.xml", zone=ZONE)


def json_feed(text):
    from digest.importing.feeds import parse_json

    item = dict.fromkeys(("title", "url", "content_html", "content_text", "summary", "id", "language", "image"), text)
    item |= {"date_published": "2022-02-14T09:00:00Z", "tags": [text]}
    parse_json(json.dumps({"items": [item]}), "a.json", zone=ZONE)
    parse_json(json.dumps({"items": [{"title": "a", "date_published": text}]}), "a.json", zone=ZONE)
    parse_json(text, "a.json", zone=ZONE)


def table(text):
    from digest.importing.table import parse

    quoted = '"' + text.replace('"', '""') + '"'
    parse(f"date,title,link,summary,topics\n2022-02-14,{text}", "a.csv", zone=ZONE)
    parse(f"date,title,link,summary,topics\n2022-02-14,{quoted},https://x.org,{quoted},{quoted}", "a.csv", zone=ZONE)
    parse(f"date,title,{one_line(text)}\n2022-02-14,a", "a.csv", zone=ZONE)


def prose(text):
    from digest.importing import dates, html_to_markdown, identity, naming
    from digest.text import characters, urls

    html_to_markdown.from_html(text)
    html_to_markdown.plain(text)
    html_to_markdown.escape(one_line(text))
    urls.absolute(text, "https://x.org")
    html_to_markdown.EMAIL.search(text)
    dates.parse(text, ZONE)
    dates.is_period(text)
    identity.identity(title=text, day="2022-02-14", kicker=text, link=f"https://x.org/?{text}", guid=text)
    naming.slug(text)
    characters.clean_line(text)


def source(text):
    from digest.importing import formats
    from digest.importing.source import Source

    formats.read(Source(name="a", data=octets(text), content_type="", zone=ZONE, language="en"), "")


def story_file(text):
    from digest.stories import frontmatter, header_peek

    for data in (
        f"---\ntitle: {one_line(text)}\nlink: {one_line(text)}\ndate: 2022-02-14\n---\n{text}\n",
        f"---\ndate: 2022-02-14\ntopics: [{one_line(text)}]\n---\nx\n",
        f"---\n{text}\n---\nx\n",
        text,
    ):
        frontmatter.parse(octets(data), story_id="a", file="a.md", zone=ZONE, language="en")
        header_peek.day_of(octets(data)[: header_peek.SIZE])


def edited_story(text):
    from digest.stories.writing import edit

    edit(f"---\ntitle: {json.dumps(one_line(text))}\ndate: 2022-02-14\n---\n{text}\n", {"kicker": "new"})


def yaml(text):
    from digest import yamlfile

    for document in (text, f"a: {text}", f'a: "{text}"', f"a:\n  - {text}"):
        yamlfile.parse(document, "a.yaml")


def report(text):
    from digest.bounces.report import read

    line = one_line(text)
    status = f"--b\r\nContent-Type: message/delivery-status\r\n\r\n{text}\r\n\r\nAction: failed {line}\r\nStatus: 5.1"
    returned = (
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {line}\r\nList-Unsubscribe: {line}\r\n\r\n{text}"
    )
    complaint = f"Feedback-Type: abuse\r\nUser-Agent: {line}\r\nOriginal-Rcpt-To: {line}\r\n{text}\r\n--b--\r\n"
    several = "Content-Type: multipart/report; boundary=b\r\n\r\n"
    for mail in (
        text,
        f"{DAEMON}X-Failed-Recipients: {line}\r\nMessage-ID: {line}\r\nReferences: {line}\r\n\r\n{text}",
        f"From: {line}\r\nSubject: {line}\r\nReturn-Path: <>\r\nPrecedence: {line}\r\n\r\nx",
        f"From: a@x.org\r\nSubject: unsubscribe {line}\r\n\r\n{text}",
        f"{DAEMON}Content-Type: {line}\r\nContent-Transfer-Encoding: {line}\r\n\r\n{text}",
        f"{DAEMON}{several}{status}.1 {line}\r\nDiagnostic-Code: smtp; {line}\r\n{returned}\r\n--b--\r\n",
        f"{several}--b\r\nContent-Type: message/feedback-report\r\n\r\n{complaint}",
    ):
        read(octets(mail))


def relays_log(text):
    from digest.smtp.maillog import accepted

    begun = ("", "postfix/cleanup[1]: ", "postfix/qmgr[1]: A: from=", "1abcde-1abcde-1a <= ")
    list(accepted(f"{head}{one_line(text)}" for head in begun))


def relays_reply(text):
    from digest.smtp.replies import NotSmtp, parse_reply

    for data in (octets(f"250-{text}\r\n250 {text}\r\n"), octets(text) + b"\r\n"):
        with contextlib.suppress(NotSmtp):
            parse_reply(bytearray(data), 0, len(data))


def spam_report(text):
    from digest.checks.network import read

    for reply in (text, f"SPAMD/1.1 0 EX_OK\n{text}", f"SPAMD/1.1 0 EX_OK\nSpam: True ; 9 / 5\n\n{text}"):
        with contextlib.suppress(OSError):
            read(octets(reply))


def public_form(text):
    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    from digest.web.form import read_form

    async def receive():
        return {"type": "http.request", "body": octets(text), "more_body": False}

    for kind in ("application/x-www-form-urlencoded", f"multipart/form-data; boundary={one_line(text)}"):
        headers = [(b"content-type", octets(kind))]
        with contextlib.suppress(HTTPException):
            asyncio.run(read_form(Request({"type": "http", "method": "POST", "headers": headers}, receive)))


def public_page(text):
    from digest.recipients import tokens
    from digest.web.leave_page import preferred

    tokens.read(["x" * 32], text)
    preferred(one_line(text))


def list_of_readers(text, folder):
    from digest.recipients.csvfile import CsvSource

    quoted = '"' + text.replace('"', '""') + '"'
    file = folder / "list.csv"
    for rows in (
        f"email,name,topics\na@x.org,{text}\n",
        f"email,name,topics\na@x.org,{quoted},{quoted}\n{quoted},a,b\n",
    ):
        file.write_bytes(octets(rows))
        with contextlib.suppress(DigestError):
            list(CsvSource(file).recipients())


def style(text):
    from digest.checks import css

    css.parse([(text, 1), (f"a {{ {text} }}", 1), (f"a {{ color: {text} }}", 1), (f"{text} {{ color: red }}", 1)])
    css.declarations(text)


def checked_story(text):
    from digest.checks.context import CheckContext
    from digest.checks.registry import run

    story = replace(STORY, title=text, kicker=text, credit=text, link=text, image=text, image_alt=text, summary=text)
    chosen = Selection(edition=EDITION, groups=(Group(key="", stories=(story,)),))
    written = Rendering(edition=EDITION, subject=text, preheader=text, html="<p>x</p>", text=text, nonce="0f3a")
    parts = {"newsroom": NEWSROOM, "selection": chosen, "rendering": written}
    run(
        CheckContext(
            **parts, audience=Audience(name="a", title="A"), mail=b"", now=story.date, read_file=lambda _: None
        )
    )


def composed_story(text):
    from digest.composer.summary import Markdown
    from digest.text import cleaning, merge, urls, wrapping

    Markdown({"p": "margin:0"}).read(text, lambda url: urls.resolve(url, "https://x.org")).text(lambda _: 1)
    wrapping.wrap(text)
    wrapping.shorten(text, 70)
    cleaning.one_line(text)
    merge.titled(text)
    urls.resolve(f"https://x.org/{text}")


def theme(text):
    from digest.composer.compile import tighten
    from digest.composer.lint import lint

    body = f'<mjml><mj-body><mj-section><mj-column><mj-text a="{text}" {text}>{text}</mj-text></mj-column>'
    for source in (text, f"{body}</mj-section></mj-body></mjml>", f"<mjml><mj-head><mj-style>{text}</mj-style>"):
        lint(source, lambda _: ("t", 1))
        tighten(source)


def mail(text):
    from digest.mail import address, header, quoted, sender_identity, slots

    quoted.piece(text)
    header.unstructured("Subject", text)
    header.mailbox("To", text, "a@x.org")
    identity = sender_identity.SenderIdentity(sender="a@x.org", reply_to="b@x.org", sender_name=text)
    sender_identity.problems(identity)
    for parse in (
        lambda: slots.places(f"<p>{text}</p><a href='slot-0f3a-name-tols'>x</a>", "0f3a", {"name"}),
        lambda: address.canonical(text),
        lambda: slots.escaped(text, slots.SlotContext.URL),
    ):
        with contextlib.suppress(DigestError, ValueError):
            parse()


PARSERS = (
    listing_in_text, listing_in_html, feed, json_feed, table, prose, source, story_file, edited_story, yaml, report,
    relays_log, relays_reply, spam_report, composed_story, theme, mail, public_form, public_page, list_of_readers,
    style, checked_story,
)  # fmt: skip


def seconds(parse, piece, size, *more):
    """Processor time for this much of it; what is refused with a message was read, too."""
    text = piece * (size // len(piece))
    gc.disable()  # what other tests left in memory would be looked through again and again, at this one's cost
    try:
        start = time.thread_time()
        with contextlib.suppress(DigestError, ValueError):
            parse(text, *more)
        return time.thread_time() - start
    finally:
        gc.enable()


def times_as_much(parse, piece, size, *more):
    """What ten times this much of it costs, against this much."""
    return seconds(parse, piece, 10 * size, *more) / max(NOISE, seconds(parse, piece, size, *more))


def looks_square(parse, piece, *more):
    """Whether it still costs too much when the least of several times is taken: of each size, as noise only adds."""
    if times_as_much(parse, piece, SIZE, *more) < SUSPECT:
        return False
    small = min(seconds(parse, piece, SIZE, *more) for _ in range(2 * ROUNDS))
    return all(seconds(parse, piece, 10 * SIZE, *more) >= SQUARE * small for _ in range(ROUNDS))


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
def test_ten_times_the_input_costs_about_ten_times_the_time(parse, tmp_path):
    """No piece of text, however often it is repeated, makes a parser take the square of its length."""
    more = (tmp_path,) if parse is list_of_readers else ()
    seconds(parse, "x", SIZE, *more)  # load what it needs
    for piece in PIECES:
        if not looks_square(parse, piece, *more):
            continue
        ratios = []
        while len(ratios) < ROUNDS and min(ratios, default=LIMIT) >= LIMIT:
            ratios.append(times_as_much(parse, piece, MORE, *more))
        if min(ratios) >= LIMIT:
            shown = ", ".join(f"{ratio:.1f}" for ratio in ratios)
            pytest.fail(f"{piece!r} costs {shown} times as much when there is ten times as much of it")


def line_of_keys(text):
    from digest import yamlfile

    yamlfile.parse("x: {" + ", ".join(f"k{n}: {'v' * 160}" for n in range(len(text) // 170)) + "} # c\n", "a.yaml")


def captions_of_a_figure(text):
    from digest.importing.html_to_markdown import from_html

    from_html("<figure><img src=a>" + "<figcaption>a</figcaption>a " * (len(text) // 28))


@pytest.mark.parametrize("parse", [line_of_keys, captions_of_a_figure])
def test_a_long_text_is_not_copied_whole_for_each_of_its_parts(parse):
    """Copies are quick: it takes megabytes of one line, or of one figure, until their square is seen."""
    most = 12
    seconds(parse, "x", SIZE)  # load what it needs
    ratios = []
    while len(ratios) < ROUNDS and min(ratios, default=most) >= most:
        ratios.append(seconds(parse, "x", 500 * MORE) / seconds(parse, "x", 500 * SIZE))
    assert min(ratios) < most
