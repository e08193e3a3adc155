"""Header fields by property: folded, decodable word by word, and closed to whatever a value holds (FAULTS 2, 3)."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import datetime, timedelta, timezone
from email.header import decode_header, make_header
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.mail import header
from digest.mail.body import html_body, plain_body
from digest.mail.encodedword import clusters, encoded_words
from digest.text.cleaning import one_line

ANY = st.text(max_size=300)
WORD = re.compile(r"=\?utf-8\?[qb]\?[!->@-~]*\?=")


def decoded(field):
    value = field.decode("ascii").partition(":")[2].replace("\r\n", "").strip()
    return str(make_header(decode_header(value)))


@given(ANY)
@example("a" * 5000)
@example("a " * 2500)
@example("=?" * 100)
@example("x" * 68 + " y")
@example("é" * 2000)
def test_any_text_is_a_legal_subject_that_says_the_same(text):
    """FAULTS 3: folded at 78 columns, 76 with encoded words, none over 75; what decodes is the cleaned text."""
    field = header.unstructured("Subject", text)
    assert re.fullmatch(rb"Subject: ?[ -~]*\r\n(?: [!-~][ -~]*\r\n)*", field)
    for line in field.split(b"\r\n"):
        assert len(line) <= (76 if b"=?" in line else 78)
    assert decoded(field) == one_line(text)
    parsed = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    assert parsed["Subject"] == one_line(text)
    assert len(parsed) == 1


@given(ANY.filter(bool), st.integers(min_value=40, max_value=75))
@example("👨‍👩‍👧‍👦" * 30, 60)
@example("e" + "\u0301" * 300, 75)
def test_each_encoded_word_stands_alone(text, first):
    """FAULTS 3: at most 75 columns each, each decodes by itself, and together they are the text."""
    text = one_line(text) or "x"
    words = encoded_words(text, first)
    assert all(WORD.fullmatch(word) and len(word) <= 75 for word in words)
    assert len(words[0]) <= first
    assert "".join(str(make_header(decode_header(word))) for word in words) == text


@pytest.mark.parametrize(
    "unit",
    ["👨‍👩‍👧‍👦", "🇨🇭", "e\u0301", "👋🏽", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "क्षि"],
)
def test_no_encoded_word_splits_what_people_see_as_one_character(unit):
    """FAULTS 3: joined emoji, flags, marks and skin tones stay in one word."""
    for lead in range(12):
        for word in encoded_words("x" * lead + unit * 20, 66):
            assert str(make_header(decode_header(word))).lstrip("x") in {unit * count for count in range(21)}


def test_a_flag_is_two_letters_and_a_family_one_cluster():
    """Clusters end where people see the next character begin."""
    assert list(clusters("🇨🇭🇵🇰a👨‍👩‍👧e\u0301")) == ["🇨🇭", "🇵🇰", "a", "👨‍👩‍👧", "e\u0301"]


@given(ANY)
@example('"')
@example("\\")
@example(", <x@example.org>")
@example("see =?utf-8?b?QmNj?= here")
def test_any_name_leaves_one_address(name):
    """FAULTS 15: whatever a name holds, the field has one mailbox, ours, and the name that was meant."""
    field = header.mailbox("To", name, "anna@example.org")
    parsed = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    (box,) = parsed["To"].addresses
    assert box.addr_spec == "anna@example.org"
    assert "".join(box.display_name.split()) == "".join(one_line(name).split())  # CPython adds blanks in phrases
    assert not parsed.defects
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))


@pytest.mark.parametrize(
    "bad", ["anna", "a@b@c.org", "a b@c.org", "a@b.org\r\nBcc: x@y.org", "<a@b.org>", "", "é@b.org"]
)
def test_an_address_that_is_none_is_refused(bad):
    """A header is the last place where an address could break out of its line."""
    with pytest.raises(ValueError, match="canonical"):
        header.mailbox("To", "Anna", bad)


def test_list_urls_are_neither_folded_nor_encoded():
    """A long URL stays whole, in one line, as it is: else one-click unsubscription is dead."""
    url = "https://example.org/u/" + "a" * 400 + "?b=%20c&d=e"
    field = header.urls("List-Unsubscribe", [url, "mailto:leave@example.org?subject=unsubscribe"])
    assert field == f"List-Unsubscribe: <{url}>,\r\n <mailto:leave@example.org?subject=unsubscribe>\r\n".encode()


@pytest.mark.parametrize(
    "bad",
    [
        "http://example.org",
        "javascript:x",
        "https://",
        "https://a b",
        "https://a>",
        "https://a\r\nBcc:x",
        "https://é",
        'https://a"',
        "https://" + "a" * 900,
        "ftp://x",
        "https://a\\b",
        "HTTPS://x",
    ],
)
def test_a_url_that_could_break_out_of_its_brackets_is_refused(bad):
    """List headers take https and mailto, plain ASCII, of a length that fits a line."""
    with pytest.raises(ValueError, match="https or mailto"):
        header.urls("List-Unsubscribe", [bad])


@pytest.mark.parametrize(
    ("build", "value"),
    [
        (header.message_id, "<a b@c>"),
        (header.message_id, "a@b.org"),
        (header.message_id, "<a@b.org>\r\nBcc: x"),
        (header.message_id, "<" + "a" * 990 + "@b.org>"),
        (lambda value: header.list_id("", value), "no dots"),
        (lambda value: header.list_id("", value), "a.b>\r\n"),
        (lambda value: header.literal("Feedback-ID", value), "a\r\nBcc: x"),
        (lambda value: header.literal("Feedback-ID", value), "é"),
        (lambda value: header.literal("Feedback-ID", value), "a" * 100),
    ],
)
def test_a_machines_value_is_refused_rather_than_mended(build, value):
    """FAULTS 2: identifiers with line breaks, blanks or letters that are not ASCII raise, and write nothing."""
    with pytest.raises(ValueError, match=re.escape(ascii(value)[:20])):
        build(value)


def test_the_date_has_the_offset_of_its_zone():
    """FAULTS 54: summer and winter time, zones with minutes, English whatever the locale; a naive time is refused."""
    winter = datetime(2022, 3, 1, 9, 5, 7, tzinfo=ZoneInfo("Europe/Zurich"))
    assert header.date(winter) == b"Date: Tue, 01 Mar 2022 09:05:07 +0100\r\n"
    assert header.date(winter.replace(month=7)) == b"Date: Fri, 01 Jul 2022 09:05:07 +0200\r\n"
    west = timezone(-timedelta(hours=3, minutes=30))
    assert header.date(winter.replace(tzinfo=west)) == b"Date: Tue, 01 Mar 2022 09:05:07 -0330\r\n"
    with pytest.raises(ValueError, match="zone"):
        header.date(datetime(2022, 3, 1))  # noqa: DTZ001 - that is the mistake


@given(st.text())
def test_cleaned_text_stays_clean(text):
    """The rule can be applied twice; nothing of a control, a line end or a direction override is left."""
    cleaned = one_line(text)
    assert one_line(cleaned) == cleaned
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", cleaned)
    assert plain_body(plain_body(text)) == plain_body(text)
    assert html_body(html_body(text)) == html_body(text)


def test_text_keeps_what_writing_needs_and_loses_what_deceives():
    """Joiners, marks and right-to-left marks stay; terminal escapes and overrides go (FAULTS 20)."""
    assert one_line("👨‍👩‍👧 e\u0301 \u200fשלום") == "👨‍👩‍👧 e\u0301 \u200fשלום"
    assert one_line("a\x1b[31mred\x1b[0m \x1b]0;title\x07b \x9b2Jc") == "ared b c"
    assert plain_body("\u2068https://example.org\u2069 \u202ea") == "\u2068https://example.org\u2069 a\n"
    assert plain_body("a\r\nb\rc\fd\x00e\x1b[1mf\n-- \nx") == "a\nb\nc\ndef\n--\nx\n"
