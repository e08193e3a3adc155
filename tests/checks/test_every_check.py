"""Every check has something that trips it and something near it that does not."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from check_subjects import (
    EDITION,
    JPEG,
    MAIL,
    NEWSROOM,
    PNG,
    UNSUBSCRIBE,
    ZONE,
    codes,
    files,
    html,
    mailed,
    past,
    pictured,
    rendered,
    rendering,
    selection,
    story,
    subject,
    text,
    with_html,
)
from msgspec import structs

from digest.blocks.kinds import (
    ButtonBlock,
    DividerBlock,
    EventRow,
    EventsBlock,
    HeadingBlock,
    LetterBlock,
    SponsorBlock,
)
from digest.checks import registry
from digest.checks.context import CheckContext, check
from digest.checks.registry import CHECKS, run
from digest.composer.summary import pictures
from digest.errors import Fault
from digest.model import Audience, Decision, Edition, Finding, InlineImage, Issue, Severity, Status, Story

BUTTON = ButtonBlock(label="Answer", link="https://www.ilo.org/survey")
SPONSOR = SponsorBlock(
    name="Harbour Books", title="A book", text="Half.", link="https://www.ilo.org/book", link_text="Look inside"
)
EVENTS = EventsBlock(title="Coming", events=(EventRow(date=dt.date(2022, 2, 28), title="A talk"),))


TOLD = (story(1), story(2))


def beside(*blocks, **changes) -> CheckContext:
    """An edition with blocks, in all else without fault."""
    placed = tuple(replace(block, where=f"issues/2022-02/everyone.yaml:{line}") for line, block in enumerate(blocks, 2))
    return subject(selection=selection([story(1), story(2)], issue=Issue(blocks=placed)), **changes)


class Case(NamedTuple):
    """`trips` must give the code; `clean`, as near to it as can be, must not."""

    trips: CheckContext
    clean: CheckContext


def small(width: int) -> CheckContext:
    """A picture of this width that is shown 600 wide."""
    carried = InlineImage(cid="a@b", media_type="image/jpeg", data=JPEG, width=width)
    return rendered(html=html(after=IMAGE.replace("https://www.ilo.org/a.jpg", "cid:a@b")), images=(carried,))


def placed(address: str) -> CheckContext:
    return subject(story(link=address))


def since_sent(now: Story, then: Story) -> CheckContext:
    return subject(now, stories_by_id={now.id: now}, sent={"2022-01/everyone/en": [then]})


def moved(now: Story, then: Story) -> CheckContext:
    """The file of a story that was sent is gone."""
    return subject(now, read_file=lambda _: None, sent={"2022-01/everyone/en": [then]})


def held(rule: str) -> CheckContext:
    """A story that the editor pins, and that is not in by this rule."""
    out = Decision(story=story(7), included=False, rule=rule, reason="still a draft")
    places = Issue(places={f"pin {story(7).id}": "issues/2022-02/everyone.yaml:1"})
    return subject(selection=selection([story()], decisions=(out,), issue=places))


KNOWN = {str(number): story(number, topics=("gender",)) for number in (7, 8)}
DAY = story().date
IMAGE = '<p><img src="https://www.ilo.org/a.jpg" alt="A loom" width="600"></p>'
LINK_A = '<p><a href="https://www.ilo.org/a">Skills</a></p>'
ARABIC = Edition(period=EDITION.period, audience="everyone", language="ar")
LONG = "word " * 40
LATE = dt.datetime(2022, 3, 1, tzinfo=ZONE)
YEAR = [past(f"2021-{month:02}", *(f"{month}-{n}" for n in range(9))) for month in range(1, 13)]
PIN = (Decision(story=story(date=LATE), included=True, rule="pinned", reason="the editor pins it"),)

GMAIL = [f"r{number}@{('gmail', 'googlemail')[number % 2]}.com" for number in range(5000)]
BULK = {"readers": lambda: iter(GMAIL), "dkim": ("ilo.org", "s1"), "rated": True}

CASES: dict[str, Case] = {
    # --- what the big providers ask
    "bulk-sender": Case(subject(**BULK | {"rated": False}), subject(**BULK)),
    # --- stories
    "credit-missing": Case(subject(pictured(credit=" ")), subject(pictured())),
    "alt-missing": Case(subject(pictured(image_alt="")), subject(pictured())),
    "alt-file-name": Case(subject(pictured(image_alt="IMG_2041.jpg")), subject(pictured(image_alt="A loom, 1804.2"))),
    "kicker-unknown": Case(subject(story(kicker="Skill stories"), stories_by_id=KNOWN), subject(stories_by_id=KNOWN)),
    "topic-unknown": Case(
        subject(story(topics=("genders",)), stories_by_id=KNOWN),
        subject(story(topics=("gender",)), stories_by_id=KNOWN),
    ),
    "channel-unknown": Case(
        subject(
            story(channels=("impact-and-peple",)),
            stories_by_id={str(n): story(n, channels=("impact-and-people",)) for n in (7, 8)},
        ),
        subject(story(channels=("impact",)), stories_by_id={str(n): story(n, channels=("skills",)) for n in (7, 8)}),
    ),
    "words-html": Case(
        subject(story(title="Fish &amp; <em>chips</em>")),
        subject(story(title="Fish & chips, 3 < 4; M&As; List<String>")),
    ),
    "placeholder": Case(
        subject(story(summary="Quote TK from the minister")), subject(story(title="TK Maxx hires 9,000"))
    ),
    "hidden-characters": Case(subject(story(title="Safe\u202egpj.exe")), subject(story(title="می‌خواهم 👩‍🏭 é"))),
    "title-empty": Case(subject(story(title=" \u200b ")), subject(story(title="?"))),
    "title-long": Case(subject(story(title="wide " * 31)), subject(story(title="wide " * 29))),
    "summary-empty": Case(subject(story(summary=" \n")), subject()),
    "summary-long": Case(
        subject(story(summary="word " * 200)), subject(story(summary=f"[word](https://e.org/{'x' * 950})"))
    ),
    # --- the choice
    "date-outside-period": Case(
        subject(story(date=LATE)),
        subject(story(date=LATE), selection=selection([story(date=LATE)], decisions=PIN)),
    ),
    "headline-near-duplicate": Case(
        subject(story(1), story(2, title="Helping Women Workers Manage Barriers in Pakistan!")),
        subject(story(1, title="Skills in Action, part 1"), story(2, title="Skills in Action, part 2")),
    ),
    "sent-before": Case(
        subject(story(1), history=[past("2022-01", story(1).id)]),
        subject(story(1, repeat=True), history=[past("2022-01", story(1).id)]),
    ),
    "sent-story-changed": Case(
        since_sent(story(), story(title="Another")), since_sent(story(corrected=DAY), story(title="Another"))
    ),
    "sent-as-another": Case(
        moved(story(2, title=story(1).title, link=story(1).link), story(1)),
        moved(story(2, link=story(1).link), story(1)),
    ),
    "withdrawn-undated": Case(
        since_sent(story(status=Status.WITHDRAWN), story()),
        since_sent(story(status=Status.WITHDRAWN, corrected=DAY), story()),
    ),
    "thin-month": Case(subject(history=YEAR), subject(*map(story, range(5, 10)), history=YEAR)),
    "link-twice": Case(subject(story(1), story(2, link=story(1).link)), subject(story(1, link=""), story(2, link=""))),
    # --- what stands beside the stories
    "block-long": Case(beside(HeadingBlock(title="word " * 13)), beside(HeadingBlock(title="word " * 11))),
    "block-unplaced": Case(
        beside(DividerBlock(after="2022-02-11-stroy")), beside(DividerBlock(after="2022-02-11-story"))
    ),
    "button-twice": Case(beside(BUTTON, BUTTON), beside(BUTTON)),
    "event-past": Case(beside(EVENTS, now=LATE), beside(EVENTS, now=LATE - dt.timedelta(days=1))),
    "sponsor-above-lead": Case(beside(replace(SPONSOR, at="top")), beside(replace(SPONSOR, at="lead"))),
    "pin-language": Case(
        subject(selection=selection([story()], foreign=(story(language="fr"),))),
        subject(selection=selection([story()])),
    ),
    "pin-held": Case(held("draft"), held("outside-period")),
    "block-not-shown": Case(
        beside(HeadingBlock(title="Coming up")),
        beside(
            HeadingBlock(title="Coming up"),
            rendering=rendering(TOLD, html=html(TOLD, after="<p>COMING up</p>"), text=text(TOLD) + "COMING\nUP\n"),
        ),
    ),
    # --- images
    "image-unsafe": Case(subject(pictured(image="file:///etc/passwd")), subject(pictured())),
    "image-http": Case(
        subject(pictured(image="http://www.ilo.org/a.jpg")), subject(pictured(image="https://www.ilo.org/a.jpg"))
    ),
    "image-format": Case(
        subject(pictured(image="a.png"), read_file=files(**{"a.png": b"<svg/>"})),
        subject(pictured(image="https://www.ilo.org/a.png?as=a.svg")),
    ),
    "image-missing": Case(subject(pictured(image="photos/gone.jpg")), subject(pictured())),
    "image-broken": Case(
        subject(pictured(), read_file=files(**{"photos/ada.jpg": PNG})), subject(pictured(image="photos/ada.jpg"))
    ),
    "image-heavy": Case(
        subject(pictured(), read_file=files(**{"photos/ada.jpg": JPEG + b"\0" * 1_000_000})),
        subject(pictured(), read_file=files(**{"photos/ada.jpg": JPEG + b"\0" * 1_000_000}), carried=True),
    ),
    "image-too-big": Case(
        subject(pictured(), read_file=files(**{"photos/ada.jpg": JPEG + b"\0" * 10_000_000})),
        subject(pictured(), read_file=files(**{"photos/ada.jpg": JPEG + b"\0" * 1_000_000})),
    ),
    "image-source": Case(
        with_html(after=IMAGE.replace("https://www.ilo.org/a.jpg", "cid:a@b")),
        rendered(
            html=html(after=IMAGE.replace("https://www.ilo.org/a.jpg", "cid:a@b")),
            images=(InlineImage(cid="a@b", media_type="image/jpeg", data=JPEG),),
        ),
    ),
    "image-width": Case(with_html(after=IMAGE.replace(' width="600"', "")), with_html(after=IMAGE)),
    "image-small": Case(small(479), small(480)),
    "image-tall": Case(
        with_html(after=IMAGE.replace(' width="600"', ' width="600" height="1800"')),
        with_html(after=IMAGE.replace(' width="600"', ' width="600" height="1700"')),
    ),
    "image-alt": Case(
        with_html(after=IMAGE.replace(' alt="A loom"', "")), with_html(after=IMAGE.replace("A loom", ""))
    ),
    "image-tracker": Case(with_html(after=IMAGE.replace("600", "1")), with_html(after=IMAGE)),
    # --- links
    "link-malformed": Case(placed("https://www.ilo.org/a b"), placed("https://www.ilo.org/a%20b")),
    "link-relative": Case(placed("www.ilo.org/news"), placed("/news/1")),  # made absolute with the newsroom's url
    "link-unsafe": Case(
        subject(story(summary="[x](javascript:alert(1))")), subject(story(summary="[write](mailto:a@ilo.org)"))
    ),
    "link-doubled-host": Case(
        placed("https://ilo.org/https://ilo.org/a"), placed("https://web.archive.org/web/2022/https://ilo.org/a")
    ),
    "link-disguised": Case(placed("https://www.ilo.org@evil.example.com/"), placed("https://www.ilo.org/@ilo")),
    "link-private": Case(placed("http://169.254.169.254/latest"), placed("https://93.184.215.14/")),
    "link-lookalike": Case(placed("https://www.ilо.org/"), placed("https://münchen.de/")),  # a Cyrillic о
    "link-wrapped": Case(
        placed(
            "https://eur02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.ilo.org%2Fa&data=05%7Canna%40ilo.org"
        ),
        placed("https://www.ilo.org/safelinks.protection.outlook.com"),
    ),
    "link-long": Case(placed(f"https://www.ilo.org/{'x' * 2000}"), placed(f"https://www.ilo.org/{'x' * 1900}")),
    "link-http": Case(placed("http://www.ilo.org/a"), placed("https://www.ilo.org/a")),
    "link-tracking": Case(placed("https://www.ilo.org/a?utm_source=x&y=2"), placed("https://www.ilo.org/a?y=2")),
    "text-links": Case(
        rendered(text=text([story(2), story(1)])), rendered(text=text([story(1), story(2)]).replace("/2", "/2)."))
    ),
    # --- the composed edition
    "subject-empty": Case(rendered(subject=" "), subject()),
    "subject-long": Case(rendered(subject="x" * 79), rendered(subject="x" * 78)),
    "preheader-missing": Case(rendered(preheader=""), subject()),
    "preheader-long": Case(rendered(preheader="x" * 141), rendered(preheader="x" * 140)),
    "html-clipped": Case(with_html(after="x" * 105_000), with_html(after="x" * 102_000)),
    "html-near-clip": Case(with_html(after="x" * 100_000), with_html(after="x" * 90_000)),
    "text-empty": Case(rendered(text="\n"), subject()),
    "text-lines": Case(
        rendered(text=text([story(1), story(2)]) + LONG),
        rendered(text=text([story(1), story(2)]) + f"[1] https://www.ilo.org/{'x' * 90}"),
    ),
    "text-control": Case(rendered(text=text([story(1), story(2)]) + "\x1b[2J"), subject()),
    "text-signature": Case(
        rendered(text="-- \n" + text([story(1), story(2)])), rendered(text=text([story(1), story(2)]) + "-- \nILO")
    ),
    "merge-tag": Case(
        rendered(subject="News for {{ name }}"), subject(story(title="Why {{ name }} is not a greeting"))
    ),
    "story-not-shown": Case(
        rendered(text=text([story(1)])),
        rendered(text=text([story(1), story(2)]).replace("Strengthening digital", "STRENGTHENING\n  DIGITAL")),
    ),
    "unsubscribe-missing": Case(
        rendered(text=text([story(1), story(2)]).replace(UNSUBSCRIBE, "")),
        rendered(text=text([story(1), story(2)]).replace(UNSUBSCRIBE, "https://ilo.org/unsubscribe/1")),
    ),
    # --- HTML
    "html-parse-error": Case(with_html(after="<div><span></div>"), with_html(after="<!--[if mso]><table><![endif]-->")),
    "html-lang": Case(with_html(html='<html dir="ltr">'), with_html(html='<html lang="en-GB" dir="ltr">')),
    "html-dir": Case(
        rendered(edition=ARABIC, direction="rtl", html=html(html='<html lang="ar">')),
        rendered(edition=ARABIC, direction="rtl", html=html(html='<html lang="ar" dir="rtl">')),
    ),
    "html-title": Case(with_html(title=""), subject()),
    "table-role": Case(
        with_html(after="<table><tr><td>x</td></tr></table>"),
        with_html(after='<table role="presentation"><tr><td>x</td></tr></table><table><tr><th>x</th></tr></table>'),
    ),
    "heading-order": Case(with_html(after="<h4>Deep</h4>"), with_html(after="<h3>Deep</h3><h2>Up again</h2>")),
    "link-text": Case(
        with_html(after=LINK_A.replace("Skills", "Read more →")),
        with_html(after=LINK_A.replace("Skills", "Read more about skills")),
    ),
    "link-text-twice": Case(with_html(after=LINK_A + LINK_A.replace("/a", "/b")), with_html(after=LINK_A + LINK_A)),
    "html-active": Case(with_html(after="<script>x()</script>"), subject(story(title="onload is not an onion"))),
    "html-external": Case(
        with_html(style="@import url(https://fonts.example.com/a.css);"),
        with_html(style="a { color: #1e2dbe; background-image: url(cid:dots) }"),
    ),
    "html-overlay": Case(
        with_html(after='<p style="position:fixed;top:0">Pay here</p>'), with_html(after='<p style="top:0">x</p>')
    ),
    "contrast-light": Case(
        with_html(after='<p style="color:#999999">Grey</p>'), with_html(after='<p style="color:#767676">Grey</p>')
    ),
    "contrast-dark": Case(
        with_html(after='<p style="color:#14161c">Forgotten</p>'),
        with_html(after='<p style="color:#14161c;background:#ffffff">A light box</p>'),
    ),
    "client-breaks": Case(
        with_html(after='<div style="display:flex">x</div>'),
        structs.replace(with_html(after='<div style="display:flex">x</div>'), clients=("apple-mail",)),
    ),
    "styles-dropped": Case(
        with_html(style="@media screen { @media (max-width: 479px) { a { color: #1e2dbe } } }"),
        with_html(style="@media screen { a { color: #1e2dbe } } @media (max-width: 479px) { a { color: #1e2dbe } }"),
    ),
    "client-degrades": Case(
        with_html(after='<p style="border-radius:4px">x</p>'),
        structs.replace(with_html(style=""), clients=("apple-mail.macos",)),
    ),
    # --- the mail
    "mail-line-ends": Case(mailed(b"2022\r\n\r\n--", b"2022\n\r\n--"), subject()),
    "mail-8bit": Case(mailed(b"<p>F", "<p>é".encode()), subject()),
    "mail-line-length": Case(mailed(b"<p>F", b"<p>" + b"F" * 80), mailed(b"<p>F", b"<p>" + b"F" * 40)),
    "mail-header-missing": Case(mailed(b"Date: ", b"X-Date: "), subject()),
    "mail-header-twice": Case(
        mailed(b"Subject: ", b"subject: b\r\nSubject: "), mailed(b"\r\nTo: ", b"\r\nX-A: 1\r\nX-A: 2\r\nTo: ")
    ),
    "mail-header-form": Case(mailed(b"\r\nTo: ", b"\r\nBcc: other@example.net\r\nTo: "), subject()),
    "mail-parts": Case(mailed(b"text/plain", b"text/calendar"), subject()),
    "mail-unsubscribe": Case(
        mailed(b"<https://news.ilo.org/u/abc>, ", b""),
        subject(mail=MAIL.replace(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b"")),
    ),
    "from-spoof": Case(
        subject(newsroom=structs.replace(NEWSROOM, sender_name="ceo@bank.com")),
        subject(newsroom=structs.replace(NEWSROOM, sender_name="digest@ilo.org")),
    ),
    "reply-to": Case(
        mailed(b"Reply-To: newsroom@ilo.org", b"Reply-To: a@ilo.org, b@ilo.org"),
        mailed(b"Reply-To: newsroom@ilo.org", b"Reply-To: ILO <newsroom@ilo.org>"),
    ),
    "from-invalid": Case(mailed(b"<digest@ilo.org>", b"<digest@evil.example>"), subject()),
    "schedule-days": Case(
        subject(either_days=[Fault(file="config.yaml", line=40, key="schedule[0].cron", message="'0 9 1-7 * 1': …")]),
        subject(),
    ),
    "address-placeholder": Case(
        subject(unfilled=[Fault(file="config.yaml", line=11, key="newsroom.postal_address", message="is still […]")]),
        subject(),
    ),
    "from-no-reply": Case(subject(newsroom=structs.replace(NEWSROOM, sender="no-reply@ilo.org")), subject()),
}


def test_every_check_has_a_case_that_trips_it_and_one_that_does_not():
    """No check is without its two cases; those of the network have theirs in test_checks_network."""
    assert set(CASES) == {code for code, check in CHECKS.items() if check.scope != "network"}


@pytest.mark.parametrize("code", CASES)
def test_a_check_finds_what_it_is_for(code):
    """What should trip the check does, with its code and severity, a place, and a sentence."""
    found = [finding for finding in run(CASES[code].trips) if finding.code == code]
    assert found
    assert all(finding.severity is CHECKS[code].severity and finding.where for finding in found)
    assert all(finding.message and "\n" not in finding.message for finding in found)


@pytest.mark.parametrize("code", CASES)
def test_a_check_lets_the_next_best_thing_pass(code):
    """What is near to it and right gives no false alarm."""
    assert code not in codes(CASES[code].clean)


def test_a_sound_edition_has_no_findings_but_what_is_worth_knowing():
    """Nothing in an edition without fault is an error or a warning."""
    assert {(f.code, f.message) for f in run(subject()) if f.severity is not Severity.INFO} == set()


def test_the_logo_is_checked_as_a_photo_is():
    """A logo that is not there, or no image, is found as a story's photo is, at the setting that names it."""
    found = run(subject(logo="images/logo.png"))
    assert [(f.code, f.where) for f in found if f.severity is Severity.ERROR] == [
        ("image-missing", "config.yaml: theme.logo")
    ]
    broken = subject(logo="logo.png", read_file=files(**{"logo.png": b"GIF89a" + bytes(20)}))
    assert ("image-broken", "config.yaml: theme.logo") in {(f.code, f.where) for f in run(broken)}


def test_what_is_unpacked_for_the_mail_may_be_in_any_format():
    """A local WebP that travels in the mail becomes a JPEG; linked, or as SVG, it stays blank for some."""
    webp = {"read_file": files(**{"a.webp": b"RIFF0000WEBPVP8 "}), "carried": True}
    assert "image-format" not in codes(subject(pictured(image="a.webp"), **webp))
    assert "image-format" in codes(subject(pictured(image="a.webp"), **(webp | {"carried": False})))
    assert "image-format" in codes(subject(pictured(image="https://www.ilo.org/a.webp"), carried=True))
    svg = {"read_file": files(**{"a.svg": b"<svg/>"}), "carried": True}
    assert "image-format" in codes(subject(pictured(image="a.svg"), **svg))


@pytest.mark.parametrize("title", ["A **new** quay", "这是**重点**内容", "See [the report](https://a.example/r)"])
def test_markdown_in_a_line_of_words_is_said(title):
    """Readers would see the stars: only summaries and longer texts are Markdown."""
    assert "words-html" in codes(subject(story(title=title)))
    assert "words-html" in codes(beside(HeadingBlock(title=title)))
    for plain in ("5 ** stars **", "[sic] (he said)", "2**3", "f[x](y", "A* and B*"):
        assert "words-html" not in codes(subject(story(title=plain)))
    for plain in ("2**3 and 2**4", "f**k and s**t", "Rated ***** or ****", "Prize [sic](x)"):
        assert "words-html" not in codes(subject(story(title=plain)))


@pytest.mark.parametrize(
    ("written", "html_has", "text_has"),
    [
        (
            "5. Mai 2022 war ein Sonntag.",
            '<ol start="5"><li>Mai 2022 war ein Sonntag.</li></ol>',
            "5. Mai 2022 war ein Sonntag.",
        ),
        (
            "1) > - Deep down",
            "<ol><li><blockquote><ul><li>Deep down</li></ul></blockquote></li></ol>",
            "1. > • Deep down",
        ),
        (
            "| Year | What |\n|---|---|\n| 2022 | Much |",
            "<table><tr><th>Year</th><th>What</th></tr><tr><td>2022</td><td>Much</td></tr></table>",
            "Year: 2022\nWhat: Much",
        ),
    ],
)
def test_what_markdown_makes_of_a_texts_beginning_is_no_missing_block(written, html_has, text_has):
    """A number is a list's, and a wide table is told row by row: the block is shown all the same."""
    context = beside(
        LetterBlock(text=written),
        rendering=rendering(TOLD, html=html(TOLD, after=html_has), text=f"{text(TOLD)}\n{text_has}\n"),
    )
    assert not [finding for finding in run(context) if finding.code == "block-not-shown"]


def test_style_sheets_that_gmail_finds_too_long_are_said():
    """All of them together count, and it drops them all."""
    rules = "".join(f".a{number} {{ color: #1e2dbe; }}\n" for number in range(650))
    assert "styles-dropped" not in codes(with_html(style=rules[:16_000]))
    assert "styles-dropped" in codes(with_html(style=rules))


def test_a_rule_for_two_media_is_said():
    """Yahoo keeps the first and drops the rest of the style sheet."""
    rule = "@media (max-width: 450px), (orientation: landscape) { a { color: #1e2dbe } }"
    assert "styles-dropped" in codes(with_html(style=rule))
    assert "styles-dropped" not in codes(with_html(style=rule.replace(",", " and")))


def test_a_tag_in_an_issues_own_words_names_its_line():
    """What a letter says is the same for everybody; the finding leads to the file, once."""
    said = "Dear {{ reader.name }}, hello"
    context = beside(
        LetterBlock(text=said),
        rendering=rendering(TOLD, html=html(TOLD, after=f"<p>{said}</p>"), text=text(TOLD) + said),
    )
    found = [finding for finding in run(context) if finding.code == "merge-tag"]
    assert [finding.where for finding in found] == ["issues/2022-02/everyone.yaml:2"]


def test_an_address_with_a_fault_is_said_once():
    """Not again for what the mail made of it: a host without its scheme becomes a path on that host."""
    typed = replace(BUTTON, link="www.ilo.org/survey")
    joined = '<p><a href="https://www.ilo.org/www.ilo.org/survey">Answer</a></p>'
    context = beside(typed, rendering=rendering(TOLD, html=html(TOLD, after=joined)))
    assert [finding.code for finding in run(context) if finding.code.startswith("link-")] == ["link-relative"]


def test_a_list_of_contents_does_not_put_links_into_another_order():
    """What the HTML has twice may come in the text where it comes the second time."""
    told = [story(1), story(2)]
    contents = f'<p><a href="{told[1].link}">B</a> <a href="{told[0].link}">A</a></p>'
    assert "text-links" not in codes(subject(*told, rendering=rendering(told, html=html(told, before=contents))))
    assert "text-links" in codes(subject(*told, rendering=rendering(told, text=text(told[::-1]))))


def test_an_address_in_the_words_is_not_out_of_order():
    """It stands where it is said, before the numbers of its story; and it may end in what is punctuation elsewhere."""
    told = [story(1)]
    here, quoted = "https://a.example/x", "https://a.example/?q='b'"
    linked = f'<p><a href="{here}">{here}</a> <a href="{quoted}">a search</a></p>'
    plain = (
        text(told)
        .replace(told[0].link, f"{told[0].link}\n[2] {quoted}")
        .replace(told[0].title, f"{here}\n{told[0].title}")
    )
    shown = rendering(told, html=html(told, after=linked), text=plain)
    assert "text-links" not in codes(subject(*told, rendering=shown))
    unlinked = rendering(told, html=html(told, after=linked.replace(f'href="{here}"', "")), text=plain)
    assert "text-links" in codes(subject(*told, rendering=unlinked))


def test_an_address_that_readers_cannot_reach_is_said_as_such():
    """It stays words in the HTML on purpose, so nobody is told to link it."""
    plain = text([story(1)]).replace(story(1).title, f"http://intranet/wiki\n{story(1).title}")
    (found,) = [
        each
        for each in run(subject(story(1), rendering=rendering([story(1)], text=plain)))
        if each.code == "text-links"
    ]
    assert found.message == "http://intranet/wiki leads to where readers cannot come, so it is words and no link"


def test_an_address_in_the_words_is_linked_as_a_mail_spells_it():
    """What was typed with an umlaut is quoted in the HTML."""
    told = [story(1)]
    typed, spelled = "https://de.wikipedia.org/wiki/Köln", "https://de.wikipedia.org/wiki/K%C3%B6ln"
    plain = text(told).replace(told[0].link, f"{told[0].link}\n{typed} [2]\n[2] {spelled}")
    shown = rendering(told, html=html(told, after=f'<p><a href="{spelled}">{typed}</a></p>'), text=plain)
    assert "text-links" not in codes(subject(*told, rendering=shown))


@pytest.mark.parametrize(
    ("href", "words"),
    [
        ("https://www.ilo.org/a", "https://www.ilo.org/a"),
        ("https://de.wikipedia.org/wiki/K%C3%B6ln", "https://de.wikipedia.org/wiki/Köln"),
        ("https://www.ilo.org/a?id=3", "https://www.ilo.org/a?id=3&amp;utm_source=x"),
    ],
)
def test_an_address_that_is_a_link_says_where_it_goes(href, words):
    """Editors may write it alone; one that shows another than it opens is said."""
    assert "link-text" not in codes(with_html(after=f'<p><a href="{href}">{words}</a></p>'))
    assert "link-text" in codes(with_html(after=f'<p><a href="{href}/b">{words}</a></p>'))


def test_a_picture_that_the_text_links_is_shown_in_the_html():
    """The picture in a summary is an image in one part and an address in the other."""
    told = [story(1)]
    pier = "https://img.example/pier.png"
    plain = text(told).replace(told[0].link, f"{told[0].link}\n{pier}")
    image = f'<img src="{pier}" alt="The pier" width="9">'
    assert "text-links" in codes(subject(*told, rendering=rendering(told, text=plain)))
    shown = rendering(told, html=html(told, before=image), text=plain)
    assert "text-links" not in codes(subject(*told, rendering=shown))


def test_findings_are_the_same_every_time():
    """The same subject gives the same findings in the same order, errors first."""
    trouble = subject(
        pictured(credit="", image_alt="", link="http://ilo.org@10.0.0.1/a b", summary=""),
        story(2, title="TK", link="javascript:x"),
        audience=Audience(name="everyone", title="x", min_items=9),
    )
    first = run(trouble)
    again = run(structs.replace(trouble))
    assert first == again
    assert len(first) > 8
    ranks = [list(Severity).index(finding.severity) for finding in first]
    assert ranks == sorted(ranks)


def test_a_code_can_be_had_once(monkeypatch):
    """A second check of one code would take the first one's place without a word."""
    other = check("credit-missing", Severity.WARNING, "stories", "Another reason.")(lambda _: ())
    monkeypatch.setattr(registry, "_MODULES", (*registry._MODULES, SimpleNamespace(other=other)))
    with pytest.raises(ValueError, match="two checks are called credit-missing"):
        registry._gathered()


def test_a_finding_about_a_story_names_its_file_and_line():
    """With the story's file at hand the place is file and line; the key that is missing stands where it should be."""
    told = pictured(credit="", summary="TK")
    source = b"---\r\ntitle: A\r\ndate: 2022-02-11\r\nimage: photos/ada.jpg\r\n---\r\n\r\nTK\r\n"
    found = run(subject(told, read_file=files(**{told.file: source})))
    assert ("credit-missing", f"{told.file}:4") in {(f.code, f.where) for f in found}
    assert ("placeholder", f"{told.file}:7") in {(f.code, f.where) for f in found}


def test_what_is_wrong_in_a_summary_is_told_with_its_own_line():
    """A link, words to come, a footnote, HTML: where it stands, not where the summary begins."""
    body = "Fine here.\n\nA <b>bold</b> word.[^9]\n\nLorem ipsum.\n\n[away](foo:bar)"
    written = story(1, summary=body, file="stories/a.md")
    where = {"where": written.file, "severity": Severity.WARNING}
    composed = [
        Finding(code="summary-footnote", message="[^9] has no footnote; write a line [^9]: …", **where),
        Finding(
            code="summary-html", message="HTML in a summary is shown as it is typed (<b>); write Markdown", **where
        ),
    ]
    source = f"---\ntitle: One\n---\n\n{body}\n".encode()
    found = run(subject(written, read_file=lambda _: source), composed=composed)
    lines = {
        finding.code: finding.where.rpartition(":")[2] for finding in found if finding.where.startswith("stories/")
    }
    told = ("summary-footnote", "summary-html", "placeholder", "link-unsafe")
    assert [lines[code] for code in told] == ["7", "7", "9", "11"]


def test_an_rtl_edition_is_sound_too():
    """The Arabic edition is not warned about its direction."""
    told = (story(1, title="مساعدة العاملات"),)
    arabic = rendering(told, edition=ARABIC, direction="rtl", html=html(told, html='<html lang="ar" dir="rtl">'))
    assert codes(subject(*told, rendering=arabic)) & {"html-dir", "html-lang"} == set()


def test_a_kicker_of_another_language_is_no_misspelling():
    """Where no kickers are listed, those in use are those of the story's own language."""
    english = [story(number, kicker="Series A", language="en") for number in (1, 2, 3)]
    spanish, misspelt = (story(4, kicker="Serie A", language=language) for language in ("es", "en"))
    known = {each.id: each for each in english}
    assert "kicker-unknown" not in codes(subject(spanish, stories_by_id={**known, spanish.id: spanish}))
    assert "kicker-unknown" in codes(subject(misspelt, stories_by_id={**known, misspelt.id: misspelt}))


def test_pictures_in_a_text_are_looked_at_as_a_storys_photo_is():
    """Whatever stands in a summary, an intro or a block: its words, its file, its address, each with its line."""
    told = story(summary="![](photos/gone.jpg)\n\n![IMG_2041.jpg](http://www.ilo.org/a.jpg)")
    source = f"---\ntitle: A\ndate: 2022-02-11\n---\n\n{told.summary}\n".encode()
    letter = LetterBlock(text="![](file:///etc/passwd)", where="issues/2022-02/all.yaml:9")
    issue = Issue(intro="![A loom](photos/ada.jpg)", blocks=(letter,), places={"intro": "issues/2022-02/all.yaml:2"})
    context = subject(
        told,
        selection=selection([told], issue=issue),
        read_file=files(**{told.file: source}),
        pictures_in=pictures,
    )
    about = {(f.code, f.where) for f in run(context) if f.code.startswith(("alt-", "image-"))}
    assert about == {
        ("alt-missing", f"{told.file}:6"),
        ("image-missing", f"{told.file}:6"),
        ("alt-file-name", f"{told.file}:8"),
        ("image-http", f"{told.file}:8"),
        ("alt-missing", letter.where),
        ("image-unsafe", letter.where),
    }


def test_what_git_left_of_two_versions_is_no_text():
    """A merge that nobody finished was mailed with its marks; a row of signs that are not git's is text."""
    torn = story(1, summary="<<<<<<< HEAD\nThe old quay.\n=======\nThe new quay.\n>>>>>>> ana")
    (found,) = (each for each in run(subject(torn)) if each.code == "placeholder")
    assert found.message == "'<<<<<<<' in summary is git's mark of a conflict; keep one version"
    assert "placeholder" not in codes(subject(story(1, summary="Quotes: <<< old >>> and\n\n=======\n")))
