"""Listing pages in plain text."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.importing import listing_text
from digest.importing.html_to_markdown import escape

ZURICH = ZoneInfo("Europe/Zurich")
DATA = Path(__file__).parent / "data"


def read(text, language="en"):
    return listing_text.parse(text, "page.txt", zone=ZURICH, language=language)


def facts(listing):
    return [(item.title, item.kicker, item.credit, item.date, item.summary) for item in listing.items]


def test_the_listing_of_all_content_is_read_whole():
    """Contact, title, month headings, credits, kickers, titles, dates and summaries of ten items."""
    listing = read((DATA / "all-content.txt").read_text())
    assert (listing.title, listing.contact, listing.faults) == ("All ILO Newsroom content", "newsroom@ilo.org", ())
    assert len(listing.items) == 10
    first = listing.items[0]
    assert first.title == "Helping Women Workers Manage Cultural and Professional Barriers in Pakistan"
    assert (first.kicker, first.credit) == ("Better Work programme", "© Better Work 2022")
    assert (first.date.date(), first.date_only, first.line) == (date(2022, 2, 14), True, 9)
    assert first.summary.startswith("Few women in Pakistan’s cities")
    assert [item.kicker for item in listing.items].count("Skills stories") == 3


def test_the_listing_of_impact_has_credits_and_no_kickers():
    """Credits with letters beyond ASCII and slashes are credits; a title alone is no kicker."""
    listing = read((DATA / "impact-and-people.txt").read_text())
    assert listing.title == "Impact and people"
    assert {item.kicker for item in listing.items} == {""}
    assert [item.credit for item in listing.items if item.credit] == [
        "© Kıvanç Özvardar / ILO 2022",
        "© Thon Mabior Jok 2022",
        "© GPE/Kelley Lynch 2022",
        "© René Levita 2022",
    ]


@pytest.mark.parametrize("name", ["all-content.txt", "impact-and-people.txt"])
@pytest.mark.parametrize("lost", ["indents", "blank lines", "both", "LF"])
def test_a_listing_that_lost_its_layout_says_the_same(name, lost):
    """Copied text loses indents or blank lines, and saved text may have CRLF; nothing else changes."""
    text = (DATA / name).read_text()
    lines = text.splitlines()
    if lost in ("indents", "both"):
        lines = [line.strip() for line in lines]
    if lost in ("blank lines", "both"):
        lines = [line for line in lines if line.strip()]
    changed = read(("\r\n" if lost == "LF" else "\n").join(lines))
    assert facts(changed) == facts(read(text))
    assert (changed.title, changed.contact) == (read(text).title, read(text).contact)


@pytest.mark.parametrize(
    ("name", "language", "title", "days"),
    [
        ("listing-fr.txt", "fr", "Toute l’actualité", ["2021-05-04", "2021-05-01", "2021-04-30"]),
        ("listing-es.txt", "es", "Impacto y personas", ["2024-03-07", "2024-02-29"]),
        ("listing-de.txt", "de", "Alle Beiträge", ["2021-06-03", "2021-06-01"]),
        ("listing-ar.txt", "ar", "كل الأخبار", ["2022-02-14", "2022-01-03"]),
    ],
)
def test_listings_in_other_languages_are_read_and_tell_their_language(name, language, title, days):
    """The names of the months say what language an English newsroom was handed."""
    listing = read((DATA / name).read_text())
    assert listing.faults == ()
    assert listing.title == title
    assert [item.date.date().isoformat() for item in listing.items] == days
    assert {item.language for item in listing.items} == {listing.language} == {language}


def test_each_part_may_be_missing():
    """No contact, no heading, an empty kicker line, no summary, several paragraphs."""
    listing = read(
        "News\n\n1. \n\n   First\n\n   1 May 2021\n\n2. Second\n\n   2 May 2021\n\n   One.\n\n   Two\n   lines.\n"
    )
    assert [(item.title, item.kicker, item.summary) for item in listing.items] == [
        ("First", "", ""),
        ("Second", "", "One.\n\nTwo lines."),
    ]
    assert read("1. Only\n\n1 May 2021").title == ""


@pytest.mark.parametrize("bullet", ["-", "*", "•", "1)", "(1)", "1.", "◦", "–", "١."])
def test_other_bullets_begin_items_too(bullet):
    """What stands before an item does not matter, as long as something does."""
    text = f"News\n\n{bullet} Kicker\n\n  First\n\n  1 May 2021\n\n{bullet} Second\n\n  2 May 2021\n"
    assert [(item.kicker, item.title) for item in read(text).items] == [("Kicker", "First"), ("", "Second")]


def test_a_list_in_a_summary_is_not_taken_for_items():
    """Bullets further in, or of another kind, stay in the summary as a list."""
    summary = "     Three things:\n\n     - red\n     - green\n\n"
    listing = read(f"News\n\n  1. One\n\n     1 May 2021\n\n{summary}  2. Two\n\n     2 May 2021\n")
    assert listing.faults == ()
    assert [item.summary for item in listing.items] == ["Three things:\n\n- red\n- green", ""]


def test_what_cannot_be_read_is_a_fault_with_its_line_and_the_others_go_on():
    """No date, 30 February, no title, too many lines: each named, none lost in silence."""
    text = (
        "News\n\n1. Good\n\n   1 May 2021\n\n2. No date here\n\n   Words.\n\n3. Bad day\n\n   30 February 2022\n\n"
        "4. © A 2021\n\n   2 May 2021\n\n5. a\n\n   b\n\n   c\n\n   3 May 2021\n\n6. Last\n\n   4 May 2021\n"
    )
    listing = read(text)
    assert [item.title for item in listing.items] == ["Good", "Last"]
    assert [(fault.file, fault.line) for fault in listing.faults] == [
        ("page.txt", 7),
        ("page.txt", 13),
        ("page.txt", 15),
        ("page.txt", 19),
    ]
    assert "'No date here' has no line that is a date" in listing.faults[0].message
    assert "30 February 2022" in listing.faults[1].message


def test_an_item_that_lost_its_date_is_not_taken_for_the_contact():
    """Below the items an address in a text is no media contact, so the item is a fault."""
    listing = read("News\n\n1. A\n\n   1 May 2021\n\n2. Press call\n\n   Write to press@example.org\n")
    assert listing.contact == ""
    assert [fault.line for fault in listing.faults] == [7]


def test_a_title_that_is_a_year_is_a_title():
    """The year 1984 right above a date, inside an item, is no heading."""
    listing = read("News\n\n  1. Books\n\n    1984\n\n    1 May 2021\n\n2020\n\n  1. Other\n\n    2 May 2020\n")
    assert [(item.kicker, item.title) for item in listing.items] == [("Books", "1984"), ("", "Other")]


def test_signs_that_mean_something_in_markdown_are_escaped():
    """A summary is text, so its stars and brackets are shown and not obeyed."""
    listing = read("News\n\n1. A\n\n   1 May 2021\n\n   # 5 * 3 <b> [x](javascript:y)\n")
    assert listing.items[0].summary == r"\# 5 \* 3 \<b> \[x](javascript:y)"


def test_invisible_characters_are_cleaned_away():
    """Controls and overrides do not reach a title; joiners that scripts need do."""
    listing = read("News\n\n1. A\u202e\x07b \u200dc\xa0d\n\n   1 May 2021\n")
    assert listing.items[0].title == "Ab \u200dc d"


def test_a_hostile_listing_is_read_in_linear_time():
    """Half a million bullets, or one endless item, end with an answer and not with a hang."""
    assert len(read("- x\n" * 20_000).faults) >= 1
    assert read("1. A\n\n1 May 2021\n\n" + "  - y\n" * 20_000).items[0].title == "A"


WORD = st.text("abcdefghij éüñ’", min_size=1, max_size=12).map(str.strip).filter(bool)
LINE = st.lists(WORD, min_size=2, max_size=6).map(" ".join).map(lambda text: " ".join(text.split())).map("T{}".format)
ITEM = st.fixed_dictionaries(
    {
        "title": LINE,
        "kicker": st.one_of(st.just(""), LINE),
        "credit": st.one_of(st.just(""), LINE.map("© {} / ILO 2022".format)),
        "day": st.dates(date(1990, 1, 1), date(2100, 1, 1)),
        "summary": st.lists(LINE, max_size=3),
    }
)
MONTHS = [date(2000, month, 1).strftime("%B") for month in range(1, 13)]


def rendered(groups, *, contact, title, indent, bullet):
    lines = ["Media contact", "", f"{indent}{bullet(1)} {contact}", ""] if contact else []
    lines += [title, ""]
    for heading, items in groups:
        lines += [heading, ""] if heading else []
        for number, item in enumerate(items, 1):
            day = item["day"]
            head = [item["credit"], item["kicker"], item["title"], f"{day.day:02} {MONTHS[day.month - 1]} {day.year}"]
            parts = [part for part in head if part] + item["summary"]
            lines += [f"{indent}{bullet(number)} {parts[0]}", ""]
            for part in parts[1:]:
                lines += [f"{indent}  {part}", ""]
    return "\n".join(lines)


@given(
    groups=st.lists(
        st.tuples(
            st.sampled_from(["", "2022", "February 2022", "mayo de 2021"]), st.lists(ITEM, min_size=1, max_size=4)
        ),
        min_size=1,
        max_size=4,
    ),
    contact=st.sampled_from(["", "newsroom@example.org"]),
    title=LINE,
    indent=st.sampled_from(["", "  ", "\t"]),
    bullet=st.sampled_from([lambda n: f"{n}.", lambda _: "-", lambda n: f"({n})", lambda _: "•"]),
)
def test_what_is_written_as_a_listing_is_read_back(groups, contact, title, indent, bullet):
    """Any items, with or without each optional part, come back as they went in."""
    text = rendered(groups, contact=contact, title=title, indent=indent, bullet=bullet)
    listing = read(text)
    wanted = [item for _, items in groups for item in items]
    assert listing.faults == ()
    assert (listing.title, listing.contact) == (title, contact)
    assert [(one.title, one.kicker, one.credit, one.date.date()) for one in listing.items] == [
        (item["title"], item["kicker"], item["credit"], item["day"]) for item in wanted
    ]
    assert [one.summary for one in listing.items] == ["\n\n".join(map(escape, item["summary"])) for item in wanted]


@given(st.text(max_size=400))
def test_no_text_makes_the_reader_fail(text):
    """Whatever is handed in, the answer is a listing."""
    assert read(text).source == "page.txt"


@pytest.mark.parametrize("bullet", ["·", "o", "§", "Ø", "ü", "\uf0b7", "\uf0a7"])
def test_what_word_puts_before_an_item_is_a_bullet(bullet):
    """Letters of Symbol and Wingdings before a tab, as they are copied."""
    text = "".join(f"{bullet}\tStory {n}\n\t{n} February 2022\n\tText.\n\n" for n in (1, 2))
    listing = listing_text.parse(f"News\n\n{text}", "a.txt", zone=ZURICH, language="en")
    assert [(item.title, item.summary) for item in listing.items] == [("Story 1", "Text."), ("Story 2", "Text.")]
