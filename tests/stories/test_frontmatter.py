"""A story file says what it says, and everything that is wrong with it is said at once, with its line."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from storytree import ZURICH, story_text

from digest.model import STORY_KEYS, Status
from digest.stories import frontmatter, writing
from digest.text.characters import checked_line, clean_line
from digest.text.countries import CODES
from digest.text.scalar import quoted


def read(data, zone=ZURICH, language="en"):
    data = data if isinstance(data, bytes) else data.encode()
    return frontmatter.parse(data, story_id="2022/a", file="stories/2022/a.md", zone=zone, language=language)


def good(data, **options):
    story, faults = read(data, **options)
    assert not faults, "\n".join(map(str, faults))
    return story


def bad(data, **options):
    story, faults = read(data, **options)
    assert story is None
    return [str(fault) for fault in faults]


def test_a_whole_story():
    """Every key of a story file arrives, converted, and the rest of the file is the summary."""
    story = good("""---
# an editor's note
title: Helping Women Workers Manage Cultural and Professional Barriers in Pakistan
date: 2022-02-14
kicker: Better Work programme
credit: © Better Work 2022
link: https://www.example.org/a?b=c&d=e#f
image: https://www.example.org/a.jpg
image_alt: A woman at work
topics: [skills, gender, skills]
countries: [PK, no]
channels: all-content
language: PT-br
translation_of: stories/2022/b.md
guid: tag:example.org,2022:1
status: draft
embargo: 2022-02-14T09:00+01:00
weight: -3
lead: yes
repeat: true
---


First *paragraph*.

---

Second.

""")
    assert story.id == "2022/a"
    assert story.file == "stories/2022/a.md"
    assert story.title.startswith("Helping Women")
    assert (story.date, story.date_only) == (datetime(2022, 2, 14, tzinfo=ZURICH), True)
    assert story.topics == ("skills", "gender")
    assert story.countries == ("PK", "NO")
    assert story.channels == ("all-content",)
    assert story.language == "pt-BR"
    assert story.translation_of == "2022/b"
    assert story.status is Status.DRAFT
    assert story.embargo == datetime(2022, 2, 14, 8, tzinfo=UTC)
    assert (story.weight, story.lead, story.repeat) == (-3, True, True)
    assert story.link == "https://www.example.org/a?b=c&d=e#f"
    assert story.summary == "First *paragraph*.\n\n---\n\nSecond."


def test_every_fault_at_once_with_its_line():
    """A file with a dozen mistakes gets a dozen messages, in the order of the lines, each with what to do."""
    faults = bad("""---
titel: x
date: 2022-02-30
countries: [Pakistan, UK]
link: javascript:alert(1)
language: pt_BR
status: drafted
embargo: 2022-02-14T09:00
tags: a
weight: heavy
lead: perhaps
topics: a, b
kicker: "a\\nb"
image: {url: a}
---
""")
    assert faults == [
        "stories/2022/a.md:2: title: is missing, give it a value",
        "stories/2022/a.md:2: titel: is not a key here, did you mean 'title'?",
        "stories/2022/a.md:3: date: '2022-02-30' does not exist in the calendar (day is out of range for month); correct it",  # noqa: E501
        "stories/2022/a.md:4: countries[0]: 'Pakistan' is no two-letter country code (ISO 3166-1), did you mean 'PK'?",
        "stories/2022/a.md:4: countries[1]: 'UK' is no two-letter country code (ISO 3166-1), did you mean 'GB'?",
        "stories/2022/a.md:5: link: the scheme javascript: is not safe in a mail; use an https address",
        "stories/2022/a.md:6: language: 'pt_BR' is no language tag (BCP 47); write pt-BR",
        "stories/2022/a.md:7: status: 'drafted' is none of 'draft', 'published' or 'withdrawn', did you mean 'draft'?",
        "stories/2022/a.md:8: embargo: '2022-02-14T09:00' has a time but no zone; in Europe/Zurich it would be 2022-02-14T09:00:00+01:00",  # noqa: E501
        "stories/2022/a.md:9: tags: is called topics here",
        "stories/2022/a.md:10: weight: 'heavy' is not a number",
        "stories/2022/a.md:11: lead: 'perhaps' is neither true nor false",
        "stories/2022/a.md:12: topics: 'a, b' looks like several; write them as a list: [a, b]",
        "stories/2022/a.md:13: kicker: holds a line break (U+000A line feed); keep it on one line",
        "stories/2022/a.md:14: image: expected one text here",
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "a.md:1: a story file begins with a line ---"),
        (b"title: a\n", "a.md:1: a story file begins with a line ---"),
        (b"+++\ntitle = 1\n+++\n", "TOML (+++) is not read here"),
        (b"---\ntitle: a\ndate: 2022-02-14\n", "a.md:1: the front matter that begins here is never closed"),
        (b"---", "is never closed"),
        (b"---\ntitle: caf\xe9\n---\n", "a.md:2: is not UTF-8 here (byte 0xE9); save the file as UTF-8"),
        ("---\ntitle: a\n---\n".encode("utf-16"), "a.md:1: is UTF-16; save the file as UTF-8"),
        (b"---\ntitle: a\n---\n\nx\n\0\n", "a.md:6: holds the character U+0000 NUL"),
        (b"---\ntitle: a\x1b[31m\n---\n", "a.md:2: holds the character U+001B escape"),
        (b"---\rtitle: a\r---\r", "a.md:1: holds the character U+000D carriage return"),
        ("---\ntitle: a\u2028b\n---\n".encode(), "a.md:2: holds the line break U+2028 line separator"),
        ("---\ntitle: a\n---\nx\n\u202ey\n".encode(), "a.md:5: holds the character U+202E right-to-left override"),
        (b"---\n\ttitle: a\n---\n", "a.md:2: this is not YAML"),
        (b"---\n- a\n---\n", "a.md:2: expected keys and values"),
        (b"---\ntitle: !!python/object/apply:os.system [ls]\n---\n", "a.md:2: title: tags like"),
        (b"---\ntitle: a\ndate: 2022-02-14\ndate: 2022-02-15\n---\n", "a.md:4: date: is given twice, first on line 3"),
        (b"---\ntitle: a\n---\n", "date: is missing, give it a value"),
        (b"---\ntitle: a\ndate:\n---\n", "date: is missing, give it a value"),
        (b"---\ntitle: a\ndate: [2022-02-14, 2022-02-15]\n---\n", "a.md:3: date: expected one text here"),
        (b"---\ntitle: ''\ndate: 2022-02-14\n---\n", "a.md:2: title: is blank, give it a text"),
        (b"---\ntitle: '  '\ndate: 2022-02-14\n---\n", "a.md:2: title: is blank, give it a text"),
        ("---\ntitle: '\u200b\u200d'\ndate: 2022-02-14\n---\n".encode(), "a.md:2: title: is blank"),
        (b'---\ntitle: "a\\u202eb"\ndate: 2022-02-14\n---\n', "a.md:2: title: holds the invisible character U+202E"),
        (b'---\ntitle: "a\\u2066b"\ndate: 2022-02-14\n---\n', "a.md:2: title: turns the reading direction"),
        (b'---\ntitle: "a\\0b"\ndate: 2022-02-14\n---\n', "a.md:2: title: holds the invisible character U+0000 NUL"),
        (b"---\ntitle: " + b"[" * 50_000 + b"\n---\n", "a.md:2: this is not YAML: more than 1000 levels deep"),
        (b"---\ntitle:\n  " + b"- " * 50_000 + b"\n---\n", "a.md:3: this is not YAML: more than 1000 levels deep"),
        (b"---\nlink: file:///etc/passwd\n---\n", "a.md:2: link: the scheme file: is not safe in a mail"),
        (b"---\nimage: data:image/png;base64,AAAA\n---\n", "a.md:2: image: the scheme data: is not safe in a mail"),
        (b"---\nlink: https://a b\n---\n", "a.md:2: link: holds a blank"),
        (b"---\nlanguage: english\n---\n", "a.md:2: language: 'english' is no language tag (BCP 47)"),
        (b"---\nweight: 99999999999\n---\n", "a.md:2: weight:"),
    ],
)
def test_what_is_refused(data, expected):
    """Each way in which a file can be unusable is named with the place and the remedy."""
    assert expected in "\n".join(bad(data))


def test_an_unreadable_header_is_not_also_missing_everything():
    """When the YAML cannot be read, that is the only fault: nothing else is known to be wrong."""
    assert len(bad("---\ntitle: a\n  b: [\n---\n")) == 1


def test_an_alias_bomb_is_refused_in_no_time_and_space():
    """Anchors that multiply to 10^9 values are refused as such."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert any("aliases that repeat themselves" in fault for fault in bad("---\n" + "\n".join(lines) + "\n---\n"))


def test_a_file_over_the_cap_is_named_and_not_read():
    """A megabyte is more than a story: the file is refused with its size."""
    (fault,) = bad(story_text(summary="x" * frontmatter.MAX_BYTES))
    assert fault.startswith("stories/2022/a.md: has 1,000,0")


def test_byte_order_mark_and_crlf_are_taken():
    """A file from a Windows editor reads as the same story as one without BOM and with LF."""
    text = story_text(summary="One.\n\nTwo.")
    assert good(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == good(text)


def test_lines_are_the_file_s_with_crlf_too():
    """Lines in faults count as an editor counts them, whatever the line ends."""
    text = "---\r\ntitle: a\r\n# c\r\ndate: x\r\n---\r\n"
    assert "a.md:4: date: 'x' is no date" in bad(text)[0]


@pytest.mark.parametrize(
    ("written", "instant", "date_only"),
    [
        ("2022-02-14", "2022-02-13T23:00:00+00:00", True),
        ("2022-07-14", "2022-07-13T22:00:00+00:00", True),
        ("2022-02-14T09:00+01:00", "2022-02-14T08:00:00+00:00", False),
        ("2022-02-14T09:00:30Z", "2022-02-14T09:00:30+00:00", False),
        ("2022-02-14 09:00:00 +0100", "2022-02-14T08:00:00+00:00", False),
        ("2022-02-14T23:59:59.999999-05:00", "2022-02-15T04:59:59.999999+00:00", False),
        ("2022-10-30T02:30+01:00", "2022-10-30T01:30:00+00:00", False),
        ('"2022-02-14"', "2022-02-13T23:00:00+00:00", True),
    ],
)
def test_dates_that_are_read(written, instant, date_only):
    """A day is a day in the newsroom's zone, a time keeps its instant; both come in the newsroom's zone."""
    story = good(story_text(date=written))
    assert story.date.astimezone(UTC).isoformat() == instant
    assert story.date_only is date_only
    assert story.date.tzinfo is ZURICH


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2022-02-30", "does not exist in the calendar"),
        ("2022-14-02", "does not exist in the calendar"),
        ("2021-02-29", "does not exist in the calendar"),
        ("0000-01-01", "does not exist in the calendar"),
        ("2022-02-14T25:00+01:00", "does not exist in the calendar"),
        ("2022-02-14T09:00+99:00", "does not exist in the calendar"),
        ("0001-01-01", "is a placeholder"),
        ("9999-12-31", "is a placeholder"),
        ("9999-12-31T23:59-05:00", "is a placeholder"),
        ("2022-02-14T09:00", "has a time but no zone; in Europe/Zurich it would be 2022-02-14T09:00:00+01:00"),
        ("14 February 2022", "is no date; write a day like 2022-02-14"),
        ("14.02.2022", "is no date"),
        ("20220214", "is no date"),
        ("2022-2-14", "is no date"),
        ("now", "is no date"),
        ("٢٠٢٢-٠٢-١٤", "is no date"),
    ],
)
def test_dates_that_are_refused(written, expected):
    """What is no date, does not exist or has no zone is named with its line; it never becomes "now"."""
    (fault,) = bad(story_text(date=written))
    assert fault.startswith("stories/2022/a.md:3: date: ")
    assert expected in fault


def test_a_day_begins_after_the_gap_where_midnight_is_skipped():
    """In Beirut the clocks went from 23:59 to 01:00 on 27 March 2022: that is when the day began."""
    zone = ZoneInfo("Asia/Beirut")
    assert good(story_text(date="2022-03-27"), zone=zone).date.isoformat() == "2022-03-27T01:00:00+03:00"


def test_words_that_yaml_would_take_for_something_else_stay_words():
    """`no`, `on`, 12:30 and 1e3 as titles are the words that somebody wrote."""
    for word in ("no", "on", "12:30", "1e3", "2022-02-14", "0x1F", "1_000"):
        assert good(story_text(title=word)).title == word


def test_a_single_line_may_hold_what_languages_need():
    """Joiners, direction marks and closed isolates are content; the line is trimmed, tabs are blanks, text is NFC."""
    for title in ("👩‍👩‍👧 at work", "می‌خواهم", "\u2067عمل\u2069 – work", "Cafe\u0301 ouvert"):
        assert good(story_text(title=title)).title == unicodedata.normalize("NFC", title)
    assert good(story_text(title='"\ta\tb  "')).title == "a b"


def test_a_title_may_be_long():
    """A title of 5,000 characters is a title; folding it is the mail's work."""
    assert len(good(story_text(title="é" * 5000)).title) == 5000


def test_a_header_in_encoded_words_is_only_text():
    """An encoded word that hides a line feed is kept as the characters it is."""
    title = "=?UTF-8?Q?=0ABcc:x?="
    assert good(story_text(title=f"'{title}'")).title == title


def test_separators_in_a_summary_are_line_ends():
    """U+2028, U+2029 and NEL, which word processors leave behind, become ordinary line ends."""
    assert good(story_text(summary="a\u2028b\u2029c\x85d")).summary == "a\nb\n\nc\nd"


def test_country_codes_are_those_of_cldr():
    """Our list of codes is the list of regular two-letter territories that Babel knows."""
    from babel import Locale

    known = {code for code in Locale("en").territories if len(code) == 2 and code.isalpha()}
    not_countries = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
    assert known - not_countries <= CODES
    assert known >= CODES


# Writing

characters = st.characters(exclude_categories=("Cs",)).filter(lambda one: clean_line(f"a{one}a") == f"a{one}a")
lines = (
    st.text(characters, min_size=1, max_size=40)
    .map(clean_line)
    .filter(lambda text: text == clean_line(text) and any(one.isalnum() for one in text))
)
ODD = r"""
    no|12:30|- x|a: b|#x|a #b|~|null|'|"|it's|say "x"|a\b|[a]|{a}|a,b|x:|? a|!tag|&a|*a|%a|@a|`a|>|=|<<|...|---
    1e3|0o7|.5|-1|é|日本語|😀|«»|y|NO|True|2022-02-14|1:2:3|+.inf|.NaN|0x1_f|190:20
"""
odd_lines = st.sampled_from([word.strip() for line in ODD.strip().splitlines() for word in line.split("|")])
text_values = lines | odd_lines


@given(text_values)
def test_any_text_survives_being_written(text):
    """A text reads back as itself, for our reader and for other YAML readers, which take it for text too."""
    for written, take in (
        (f"a: {quoted(text)}", lambda data: data["a"]),
        (f"a: [{quoted(text, in_list=True)}]", lambda data: data["a"][0]),
    ):
        assert take(yaml.load(written, yaml.CBaseLoader)) == text
        assert take(yaml.safe_load(written)) == text


@given(
    st.from_regex(
        r"[A-Za-zÀ-ÿ]{3,9}( [A-Za-zÀ-ÿ(“][A-Za-z0-9À-ÿ'’“”\"/&;.!?)–-]{0,8}[a-z?!.)”\"]){1,5}", fullmatch=True
    )
)
def test_ordinary_headlines_get_no_quotes(text):
    """Words with the punctuation of a headline stand bare."""
    assert quoted(text) == text


moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from([UTC, ZURICH])).filter(  # noqa: DTZ001 - hypothesis wants naive bounds
    lambda one: one.utcoffset() == timedelta(seconds=one.utcoffset().total_seconds() // 60 * 60)
)
days = st.dates(date(1900, 1, 1), date(2200, 1, 1))
field_values = st.fixed_dictionaries(
    {"title": text_values, "date": days | moments},
    optional={
        "kicker": text_values,
        "credit": text_values,
        "image_alt": text_values,
        "guid": text_values,
        "link": st.just("https://example.org/a?b=c#d"),
        "topics": st.lists(text_values, min_size=1, max_size=3, unique=True),
        "countries": st.lists(st.sampled_from(sorted(CODES)), min_size=1, max_size=3, unique=True),
        "channels": st.lists(text_values, min_size=1, max_size=2, unique=True),
        "language": st.sampled_from(["en", "pt-BR", "zh-Hant-TW"]),
        "status": st.sampled_from(Status),
        "embargo": moments,
        "weight": st.integers(-1000, 1000),
        "lead": st.booleans(),
        "repeat": st.booleans(),
    },
)


def visible(fields):
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def instant(value):
    # In UTC: hypothesis makes times that a zone skips, which come back as the instant that they mean.
    return value.astimezone(UTC) if isinstance(value, datetime) else value


@settings(max_examples=50)
@given(field_values, st.lists(lines, max_size=3).map("\n\n".join))
def test_what_is_written_reads_back(fields, summary):
    """A story written and read is the same story, in every field."""
    story = good(writing.serialise(fields, summary))
    expected = visible(fields)
    expected["date"] = (
        fields["date"]
        if isinstance(fields["date"], datetime)
        else datetime.combine(fields["date"], datetime.min.time())
    )
    got = {key: getattr(story, key) for key in fields}
    if story.date_only:
        assert not isinstance(fields["date"], datetime)
        assert got.pop("date").date() == expected.pop("date").date()
    assert {key: instant(value) for key, value in got.items()} == {key: instant(one) for key, one in expected.items()}
    assert story.summary == summary.strip("\n").rstrip()
    assert good(writing.serialise(writing.as_fields(story), story.summary)) == story


def test_a_written_file_looks_as_a_person_would_write_it():
    """Known order, quotes only where they are needed, lists on one line, one line end at the end."""
    fields = {
        "countries": ["PK", "NO"],
        "title": "Women at work: a story",
        "date": date(2022, 2, 14),
        "embargo": datetime(2022, 2, 14, 9, tzinfo=timezone(timedelta(hours=1))),
        "kicker": 'The "other" half',
        "credit": "© Better Work 2022",
        "topics": ("skills",),
        "link": "",
        "image": None,
        "lead": True,
        "weight": 0,
    }
    assert writing.serialise(fields, "\n\nText.\n\n") == (
        '---\ntitle: "Women at work: a story"\ndate: 2022-02-14\n'
        'kicker: The "other" half\ncredit: © Better Work 2022\n'
        'topics: [skills]\ncountries: [PK, "NO"]\nembargo: 2022-02-14T09:00+01:00\nweight: 0\nlead: true\n---\n'
        "\nText.\n"
    )


def test_a_caller_s_mistakes_are_the_caller_s():
    """Keys that no story file has, and times without a zone, are refused when writing."""
    with pytest.raises(ValueError, match="a story file has no titel"):
        writing.serialise({"titel": "x"}, "")
    with pytest.raises(ValueError, match="has no zone"):
        writing.serialise({"title": "x", "date": datetime(2022, 2, 14)}, "")  # noqa: DTZ001 - that is the mistake


# Editing

FILE = """---
# top
title: "foo"   # c
kicker:   # none yet
date: 2022-02-14
topics:  # what it is about
  - a
  - b # last

# second
link: >
  https://
  foo

countries: [PK, UA]   # x
---

Body
"""


@pytest.mark.parametrize("dress", ["plain", "crlf", "bom", "both"])
def test_editing_leaves_every_other_byte(dress):
    """Keys change in their place; comments, order, blanks, BOM and line ends stay."""

    def dressed(text):
        text = text.replace("\n", "\r\n") if dress in ("crlf", "both") else text
        return "\ufeff" + text if dress in ("bom", "both") else text

    changes = {"title": "a: b", "kicker": "K", "topics": ["x", "z"], "link": "https://e/", "countries": ["NO"]}
    edited = writing.edit(dressed(FILE), {**changes, "credit": "© Me", "guid": "g", "summary": "New\n\npara"})
    assert edited == dressed("""---
# top
title: "a: b"   # c
kicker: K   # none yet
date: 2022-02-14
credit: © Me
topics: [x, z]  # what it is about # last

# second
link: https://e/

countries: ["NO"]   # x
guid: g
---

New

para
""")


def test_editing_nothing_changes_nothing():
    """What is said already, in whatever spelling, is left as it is spelled."""
    same = {"title": "foo", "topics": ("a", "b"), "countries": ["PK", "UA"], "date": date(2022, 2, 14), "kicker": ""}
    assert writing.edit(FILE, {**same, "summary": "Body"}) == FILE
    assert writing.edit(story_text(topics="a"), {"topics": ["a"]}) == story_text(topics="a")


def test_editing_removes_a_key_that_becomes_empty():
    """An empty value takes the key's lines away, and no comment that is not its own."""
    edited = writing.edit(FILE, {"topics": [], "link": None, "countries": ()})
    assert (
        edited == '---\n# top\ntitle: "foo"   # c\nkicker:   # none yet\ndate: 2022-02-14\n\n# second\n\n---\n\nBody\n'
    )


def test_editing_refuses_what_it_cannot_do_alone():
    """Aliases and keys in braces hang together: the file is then left to a person."""
    for text in (
        "---\ntitle: &t foo\ndate: 2022-02-14\nkicker: *t\n---\n",
        "---\n{title: foo, date: 2022-02-14}\n---\n",
    ):
        with pytest.raises(ValueError, match="by hand"):
            writing.edit(text, {"title": "bar", "credit": "c"})


@settings(max_examples=50)
@given(field_values, field_values)
def test_editing_one_story_into_another(before, after):
    """Setting every field of another story makes it that story, whatever was there."""
    changes = {key: after.get(key) for key in STORY_KEYS}
    edited = writing.edit(writing.serialise(before, "Old."), {**changes, "summary": "New."})
    assert good(edited) == good(writing.serialise(after, "New."))


@given(st.text(max_size=30))
def test_cleaning_makes_any_text_a_line(text):
    """Whatever comes from a machine, its cleaned form is one that a story file accepts."""
    assert checked_line(clean_line(text)) == clean_line(text)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    """Any bytes are a story or have faults: nothing is raised."""
    for content in (data, b"---\n" + data + b"\n---\n", b"---\ntitle: a\ndate: 2022-01-01\n---\n" + data):
        story, faults = read(content)
        assert (story is None) == bool(faults)
