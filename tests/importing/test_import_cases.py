"""Feeds, tables and pages as real life sends them: damaged, ambiguous, padded. Each stands for a kind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from newsdesk import CONFIG, Desk

from digest.importing.sources import wanting
from digest.newsroom.newsroom import open_newsroom

CASES = Path(__file__).parent / "data" / "cases"
ITEM = "<item><title>{}</title><link>https://e.org/{}</link><pubDate>{}</pubDate>{}</item>"
SMALL = '<media:content url="https://e.org/s.jpg" width="100" medium="image"/>'
LARGE = '<media:content url="https://e.org/l.jpg" width="900" medium="image"/>'
THUMBNAIL = '<media:thumbnail url="https://e.org/t.jpg" width="80"/>'
DAY = "Mon, 14 Feb 2022 09:30:00 +0100"


def rss(*items, head=""):
    """An RSS feed of `(title, further XML)`, all of 14 February."""
    body = "".join(ITEM.format(title, number, DAY, more) for number, (title, more) in enumerate(items))
    spaces = 'xmlns:media="http://search.yahoo.com/mrss/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f'<rss version="2.0" {spaces}><channel><title>Agency</title>{head}{body}</channel></rss>'


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An empty newsroom that writes English, in Zurich."""
    return Desk(tmp_path, monkeypatch)


def test_a_date_that_no_calendar_has_costs_its_own_item_only(desk):
    """The other one is new; the item is named; nothing is guessed."""
    report = desk.take("01-zero-date.xml")
    assert [story.title for story in desk.stories()] == ["Good story"]
    assert "'Draft without a date': '0000-00-00 00:00:00' is no day" in report.faults[0]


@pytest.mark.parametrize(
    ("title", "at"),
    [
        ("A", date(2022, 2, 14)),
        ("B", datetime(2022, 2, 14, 9, 30, tzinfo=UTC)),
        ("C", date(2022, 2, 14)),
        ("D", None),
        ("E", datetime(2022, 2, 15, 5, 30, tzinfo=UTC)),
        ("F", datetime(2022, 1, 31, 22, 30, tzinfo=UTC)),
        ("G", datetime(2022, 2, 14, 21, 30, tzinfo=UTC)),
    ],
)
def test_a_feeds_date_is_read_or_named_and_never_guessed(desk, title, at):
    """Week days, names of zones, halves of a day; seconds since 1970 are named."""
    report = desk.take("02-guessed-dates.xml")
    found = {story.title: story for story in desk.stories()}.get(title)
    if at is None:
        assert any(f"'{title}': its date '1644827400' cannot be read" in fault for fault in report.faults)
    else:
        assert (found.date.date() if found.date_only else found.date) == at


def test_a_zones_name_with_several_meanings_is_named(desk):
    """BST is Britain's summer and Bangladesh's year."""
    other = ITEM.format("A", 1, "14 Feb 2022 09:30 BST", "")
    report = desk.take(rss(("B", "")).replace("</channel>", f"{other}</channel>"))
    assert "which zone 'BST' is meant" in report.faults[0]


def test_a_title_of_invisible_characters_is_none(desk):
    """The item is named, and the others go on."""
    report = desk.take("03-zero-width-title.xml")
    assert [story.title for story in desk.stories()] == ["Good"]
    assert "has no title" in report.faults[0]


@pytest.mark.parametrize(
    ("written", "language"),
    [
        ("uz-UZ-Latn", "uz-Latn-UZ"),
        ("en_GB.UTF-8", "en"),
        ("FR_be@euro", "fr-BE"),
        ("German", "de"),
        ("français", "fr"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("i-klingon", "en"),
        ("x", "en"),
    ],
)
def test_a_language_in_another_shape_is_understood_or_left_out_with_a_note(desk, written, language):
    """Never a story that the next command cannot read."""
    report = desk.take(rss(("A", ""), head=f"<language>{written}</language>"))
    assert [story.language for story in desk.stories()] == [language]
    assert bool(report.notes) == (written in ("i-klingon", "x"))


@pytest.mark.parametrize(("name", "language"), [("05-lang-name.csv", "en"), ("04-lang-uz-UZ-Latn.xml", "uz-Latn-UZ")])
def test_a_language_by_its_name_and_with_its_script_last(desk, name, language):
    """`English` is en, and the next command works."""
    desk.take(name)
    assert [story.language for story in desk.stories()] == [language]
    assert desk("stories").code == 0


def test_two_items_with_one_link_are_two_stories(desk):
    """The next import, `stories` and `build` work."""
    desk.take("06-landing-link.xml")
    assert desk.take("06-landing-link.xml").counts == (0, 0, 2)
    assert [story.title for story in desk.stories()] == ["Conference opens", "Conference closes"]
    assert desk("stories").code == 0
    assert desk("build", "--month", "2022-02").code == 0


def test_the_next_story_of_a_landing_page_is_another_story(desk):
    """Also when the earlier one is in the feed no more; a corrected headline of the same day is the same one."""
    opens, closes = rss(("Conference opens", "")), rss(("Everything about water", ""))
    desk.take(opens)
    assert desk.take(closes.replace("14 Feb", "21 Feb").replace("Mon", "Mon")).counts == (1, 0, 0)
    assert desk.take(rss(("Conference is open", ""))).counts == (0, 1, 0)


def test_a_guid_that_all_items_share_is_none(desk):
    """Three stories, and the note says why the guid is not used; again 0 changes."""
    report = desk.take("07-guid-same.xml")
    assert [story.guid for story in desk.stories()] == ["", "", ""]
    assert "the guid 'N/A' is that of 3 items" in report.notes[0]
    assert desk.take("07-guid-same.xml").counts == (0, 0, 3)


@pytest.mark.parametrize("together", [True, False])
def test_a_number_that_two_feeds_count_by_joins_nothing(desk, together):
    """Two stories, in one import or in two, and the second time no change."""
    names = ("08-guid-one.xml", "08-guid-two.xml")
    for run in (names,) if together else ((names[0],), (names[1],)):
        desk.take(*run)
    assert len(desk.stories()) == 2
    assert desk.take(*names).counts == (0, 0, 2)


def test_raw_ampersands_are_read_as_they_were_meant(desk):
    """`&lang=` and `&copy=` are parts of an address, `AT&T` is a name."""
    report = desk.take("09-raw-amp.xml")
    (story,) = desk.stories()
    assert (story.title, story.link) == ("AT&T agrees", "https://news.example.org/doc?id=3&lang=en&copy=2")
    assert "3 '&'" in report.notes[0]


def test_what_is_no_picture_is_not_taken_for_one(desk):
    """A film without its type, an avatar, a placeholder, a counter, an icon; of a group the largest."""
    desk.take("25-enclosure-no-type.xml")
    assert [story.image for story in desk.stories()] == ["", "https://e.org/real.jpg"]


@pytest.mark.parametrize(
    ("xml", "image"),
    [
        ('<enclosure url="https://e.org/a.JPG?x=1"/>', "https://e.org/a.JPG?x=1"),
        ('<enclosure url="https://e.org/a" type="image/png"/>', "https://e.org/a"),
        ('<enclosure url="https://e.org/a.pdf" type="application/pdf"/>', ""),
        (
            f"<media:group>{SMALL}{LARGE}</media:group>",
            "https://e.org/l.jpg",
        ),
        (
            f"{THUMBNAIL}<description>&lt;img src='https://e.org/b.jpg'&gt;</description>",
            "https://e.org/b.jpg",
        ),
        (THUMBNAIL, "https://e.org/t.jpg"),
        ("<description>&lt;img src='https://e.org/pixel.gif' width=1&gt;</description>", ""),
        (
            "<description>&lt;img src='data:image/gif;base64,R' data-src='/c.jpg'&gt;</description>",
            "https://e.org/c.jpg",
        ),
        ("<description>&lt;img src='https://e.org/emoji/1.png'&gt;</description>", ""),
        ("<description>&lt;img src='https://e.org/clear-water.jpg'&gt;</description>", "https://e.org/clear-water.jpg"),
        (
            "<description>&lt;img src='https://e.org/my photo.jpg' data-image='/m.jpg'&gt;</description>",
            "https://e.org/m.jpg",
        ),
        (
            "<description>&lt;img src='https://e.org/d.jpg' data-original-title='A view'&gt;</description>",
            "https://e.org/d.jpg",
        ),
        (
            "<description>&lt;img data-lazy-sizes='(a: 9px) 9px' data-lazy-src='/z.jpg'&gt;</description>",
            "https://e.org/z.jpg",
        ),
        ("<description>&lt;img src='photo123' data-lazy='true'&gt;</description>", "https://e.org/photo123"),
    ],
)
def test_which_picture_is_the_storys(desk, xml, image):
    """By type, by the end of its name, by its width."""
    desk.take(rss(("A", xml)))
    assert [story.image for story in desk.stories()] == [image]


def test_one_bad_byte_is_the_character_that_it_is_in_windows_1252(desk):
    """Both stories, and a note with the line."""
    report = desk.take("26-one-bad-byte.xml")
    assert [story.title for story in desk.stories()] == ["Good", "It’s here"]
    assert ":4: " in report.notes[0]


def test_the_word_entity_in_text_is_text_and_harmless_names_are_read(desk):
    """In CDATA and in a comment; `nbsp` declared or not."""
    desk.take("29-entity-in-cdata.xml")
    (story,) = desk.stories()
    assert story.summary == "How to write \\<!ENTITY nbsp> in a DTD"
    declared = '<!DOCTYPE rss [<!ENTITY nbsp "&#160;"><!ENTITY eacute "&#233;">]>'
    desk.take("<!-- <!ENTITY x --> " + declared + rss(("Caf&eacute;&nbsp;noir", "")))
    assert "Café\xa0noir" in {story.title for story in desk.stories()}


@pytest.mark.parametrize("swap", [False, True])
def test_a_pictures_description_is_no_summary(desk, swap):
    """Whatever the order of the elements."""
    text = (CASES / "30-media-description-plain.xml").read_text()
    if swap:
        head, rest = text.split("<description>")
        description, tail = rest.split("</description>")
        text = f"{head}{tail.split('</item>')[0]}<description>{description}</description></item></channel></rss>"
    desk.take(text)
    (story,) = desk.stories()
    assert (story.summary, story.image_alt) == ("Hello **you**.", "Alt words")


def test_wordpress_as_it_comes(desk):
    """No tracking, no leftovers, no `uncategorized`; the largest picture with its alt and credit."""
    desk.take("31-wordpress.xml")
    (story,) = desk.stories()
    assert story.summary == "Three villages have water again after two dry years."
    assert story.link == "https://news.example.org/2022/02/wells/"
    assert story.topics == ("wash-health",)
    assert story.image == "https://news.example.org/wp-content/uploads/well-1024x683.jpg"
    assert (story.image_alt, story.credit) == ("A girl fills a can at a new well", "Photo: R. Okello")


@pytest.mark.parametrize(
    "leftover",
    [
        " […]",
        " [...]",
        " [&hellip;]</p><p><a href='/a'>Continue reading <span>→</span></a>",
        "</p><p>L’article <a href='/a'>A</a> est apparu en premier sur <a href='/'>B</a>.",
        "</p><p>La entrada A se publicó primero en B.",
        "</p><p>Der Beitrag A erschien zuerst auf B.",
        " … <a href='/a'>Weiterlesen</a>",
        "</p><p><a href='/a'>Lire la suite</a>",
    ],
)
def test_what_programs_put_below_an_excerpt_goes(desk, leftover):
    """In English, French, Spanish and German."""
    desk.take(rss(("A", f"<description><![CDATA[<p>Words of A.{leftover}</p>]]></description>")))
    assert [story.summary for story in desk.stories()] == ["Words of A."]


def test_a_german_excel_sheet(desk):
    """`sep=;`, heads and language in German, a column that is not known named in the sheet's words."""
    report = desk.take("32-excel-stories.csv")
    (story,) = desk.stories()
    assert (story.title, story.language, story.date.date()) == ("Brunnen für drei Dörfer", "de", date(2022, 2, 14))
    assert story.summary == "Drei Dörfer haben wieder Wasser."
    (note,) = report.notes
    assert "column 'Farbe' is not known" in note
    assert "Titel" in note


def test_everything_is_named_in_json_too(desk):
    """Faults and notes with where and why."""
    desk.write("a.xml", (CASES / "01-zero-date.xml").read_bytes())
    data = json.loads(desk("import", "a.xml", "--json").out)
    assert data["faults"] == [
        "a.xml: 'Draft without a date': '0000-00-00 00:00:00' is no day that the calendar has; left out"
    ]


def sheet(*rows):
    """The bytes of an Excel workbook."""
    import io

    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_an_excel_workbook_is_a_table(desk):
    """Days and times as Excel has them, numbers, empty rows; heads in any of the languages."""
    desk.write(
        "stories.xlsx",
        sheet(
            ["Titre", "Date de publication", "Résumé", "Mots clés", "Langue", "Poids"],
            ["Trois puits", date(2022, 2, 14), "De l’eau.", "eau, santé", "français", 3],
            [None],
            ["Deux puits", datetime(2022, 2, 15, 9, 30), 2022, None, None, None],  # noqa: DTZ001 - Excel knows no zone
            ["Sans date", None],
        ),
    )
    data = json.loads(desk("import", "stories.xlsx", "--json").out)
    one, two = desk.stories()
    assert (one.title, one.summary, one.topics, one.language) == ("Trois puits", "De l’eau.", ("eau", "sante"), "fr")
    assert (two.date.isoformat(), two.summary) == ("2022-02-15T09:30:00+01:00", "2022")
    assert "stories.xlsx:5: date: is missing" in data["faults"][0]
    assert "column 'Poids' is not known" in data["notes"][0]
    assert "Titre" in data["notes"][0]


def test_what_a_library_thinks_of_a_workbooks_styles_is_told_to_nobody(desk):
    """Programs that write workbooks leave the default style out; it is no word of the newsroom's."""
    data = sheet(["Title", "Date"], ["A", date(2022, 2, 14)])
    with ZipFile(BytesIO(data)) as old, ZipFile(desk.root / "a.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, re.sub(rb"<cellStyles>.*</cellStyles>|<cellStyles .*</cellStyles>", b"", old.read(name)))
    code = "import sys; from digest.cli.app import main; main(sys.argv[1:])"
    ran = subprocess.run(
        [sys.executable, "-c", code, "import", "a.xlsx"], check=False, cwd=desk.root, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_first_sheet_that_is_no_list_names_the_others(desk):
    """They stood in a note, which nobody was shown where the import failed; and selectors, for pages, were advised."""
    import io

    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Read me first"])
    book.create_sheet("Stories").append(["title", "date"])
    data = io.BytesIO()
    book.save(data)
    desk.write("a.xlsx", data.getvalue())
    ran = desk("import", "a.xlsx")
    assert (ran.code, "the sheet 'Stories' is not read; --sheet reads it" in ran.err) == (6, True)
    assert "nothing was imported: look at the source (what was read" in ran.err


def test_the_sheets_that_are_not_read_are_named(desk):
    """The first is read, or the one that is said; the others are named, but for empty ones; a wrong name helps on."""
    import io

    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "News"
    for sheet_, title in ((book.active, "A"), (book.create_sheet("Reports"), "B")):
        sheet_.append(["title", "date"])
        sheet_.append([title, "2022-02-14"])
    book.create_sheet("Sheet3")
    data = io.BytesIO()
    book.save(data)
    desk.write("all.xlsx", data.getvalue())
    report = json.loads(desk("import", "all.xlsx", "--json").out)
    assert report["notes"] == ["all.xlsx: the sheet 'Reports' is not read; --sheet reads it"]
    assert [story.title for story in desk.stories()] == ["A"]
    report = json.loads(desk("import", "all.xlsx", "--sheet", "Reports", "--json").out)
    assert report["notes"] == ["all.xlsx: the sheet 'News' is not read; --sheet reads it"]
    assert [story.title for story in desk.stories()] == ["A", "B"]
    ran = desk("import", "all.xlsx", "--sheet", "Report")
    assert (ran.code, ran.err.strip()) == (2, "digest: all.xlsx: has no sheet 'Report', did you mean 'Reports'?")
    desk.write("a.csv", b"title,date\nA,2022-02-14\n")
    ran = desk("import", "a.csv", "--sheet", "News")
    assert (ran.code, ran.err.strip()) == (
        2,
        "digest: a.csv: has no sheets, as it is no Excel workbook; leave --sheet out",
    )


@pytest.mark.parametrize("cut", [30, 400, -200])
def test_a_workbook_that_is_damaged_is_refused_in_one_line(desk, cut):
    """Exit code 6, and no traceback."""
    desk.write("a.xlsx", sheet(["title", "date"], ["A", "2022-02-14"])[:cut])
    ran = desk("import", "a.xlsx", "--format", "xlsx")
    assert (ran.code, ran.err.count("\n")) == (6, 1)
    assert "is no Excel workbook that can be read" in ran.err


def test_a_sheet_of_stories_with_keys_that_only_we_have(desk):
    """Every key of a story file may be a column."""
    desk.take("title,date,status,weight,lead,embargo\nA,2022-02-14,draft,3,yes,2022-02-15 09:00\n")
    (story,) = desk.stories()
    assert (story.status, story.weight, story.lead) == ("draft", 3, True)
    assert story.embargo.isoformat() == "2022-02-15T09:00:00+01:00"


HALF = "---\ntitle: 'half\ndate: 2022-02-14\n"


def test_a_half_edited_story_file_stops_no_import(desk):
    """It is named and left as it is, its item is not made a second time, and the others come in."""
    desk.take(rss(("A", ""), ("B", "")))
    path = desk.root / "stories" / "2022-02-14-a.md"
    path.write_text(HALF)
    report = desk.take(rss(("A new", ""), ("B", ""), ("C", "")).replace("e.org/0", "e.org/0"))
    assert report.counts == (1, 0, 1)
    assert path.read_text() == HALF
    assert any("2022-02-14-a.md:1: " in note for note in report.notes), report.notes
    assert any("'A new' waits until 2022-02-14-a.md is mended" in note for note in report.notes)
    ran = desk("build", "--month", "2022-02")
    assert (ran.code, "2022-02-14-a.md:1: " in ran.err) == (2, True)
    path.write_text("---\ntitle: A\ndate: 2022-02-14\n---\n")
    assert desk("build", "--month", "2022-02").code == 0


@pytest.mark.parametrize("moved", [True, False])
def test_a_file_that_a_person_took_away_does_not_come_back(desk, moved):
    """Renamed it is found again; deleted it is remembered, and named each time."""
    desk.take(rss(("A", ""), ("B", "")))
    path = desk.root / "stories" / "2022-02-14-a.md"
    if moved:
        path.rename(path.with_name("our-name.md"))
    else:
        path.unlink()
    for _ in range(2):
        report = desk.take(rss(("A", ""), ("B", "")))
        assert report.counts == ((0, 0, 2) if moved else (0, 0, 1))
        assert any("'A' is not brought back" in note for note in report.notes) != moved
    assert len(desk.stories()) == (2 if moved else 1)


def test_a_renamed_and_corrected_file_still_follows_its_source(desk):
    """What the source said is remembered under the new name: a correction comes in, a person's edits stay."""
    desk.take(rss(("A", "<description>One.</description>")))
    path = desk.root / "stories" / "2022-02-14-a.md"
    path.rename(path.with_name("our-name.md"))
    assert desk.take(rss(("A", "<description>Two.</description>"))).data["changed"] == [
        {"id": "our-name", "fields": ["summary"]}
    ]


def test_what_a_story_file_cannot_say_is_left_out_and_named(desk):
    """The rest comes in: one entry that is larger than a story file may be stops nothing."""
    large = f"<description>{'word ' * 250_000}</description>"
    report = desk.take(rss(("A", ""), ("Too large", large)))
    assert report.counts == (1, 0, 0)
    assert "'Too large' cannot be a story file (has 1,2" in report.faults[0]


def test_credits_and_links_of_a_text_in_other_words(desk):
    """`Photo by …`, a name before the sign, an address on its own line."""
    desk.write("17.txt", (CASES / "17-credit-kicker.txt").read_bytes())
    assert desk("import", "17.txt").code == 0
    found = {story.title: story for story in desk.stories()}
    assert sorted(found) == ["Story B", "Story D", "Story E"]
    assert [found[f"Story {name}"].credit for name in "BDE"] == ["Photo by Jane Doe / Agency", "Jane Doe © 2022", ""]
    assert found["Story E"].link == "https://www.example.org/e"
    assert [story.kicker for story in found.values()] == ["", "", ""]


def test_a_list_that_is_numbered_in_chinese(desk):
    """`1、` needs no blank."""
    desk.write("18.txt", (CASES / "18-chinese.txt").read_bytes())
    assert desk("import", "18.txt").code == 0
    assert [(story.title, story.summary) for story in desk.stories()] == [("标题二", ""), ("标题一", "摘要。")]


@pytest.mark.parametrize(
    ("line", "fault"), [("We are #1 in jobs", True), ("All # a comment", False), ('"We are #1"', False)]
)
def test_a_title_that_a_sign_cuts_is_a_fault(desk, line, fault):
    """YAML takes what follows ` #` for a comment; whoever writes `#1` does not mean one."""
    desk.write("stories/a.md", (CASES / "28-hash-title.md").read_text().replace("We are #1 in jobs", line))
    ran = desk("stories")
    assert (ran.code == 0) != fault
    assert ("stories/a.md:2: title: ends at 'We are', since ' #' begins a comment; put quotes" in ran.err) == fault


@pytest.mark.parametrize("key", ["kicker", "credit", "read", "image_alt", "correction"])
def test_no_other_line_of_words_is_cut_in_silence(desk, key):
    """What holds for a title holds for every key that takes words."""
    story = (CASES / "28-hash-title.md").read_text().replace("We are #1 in jobs", f"All of us\n{key}: We are #1")
    desk.write("stories/a.md", story)
    assert f"stories/a.md:3: {key}: ends at 'We are', since ' #' begins a comment" in desk("stories").err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kicker: #8M", "3: kicker: is empty, since '#' begins a comment; put quotes around the whole text"),
        ("kicker: We\n  are #1", "3: kicker: ends at 'We are', since ' #' begins a comment"),
        ("topics: #jobs", "3: topics: is empty, since '#' begins a comment"),
        ("topics:\n- work #1", "4: topics[0]: ends at 'work', since ' #' begins a comment"),
        ("kicker: #1\n  in jobs", "3: kicker: lacks '#1', since '#' begins a comment"),
        ("kicker: We are\n  #1 in jobs", "3: kicker: lacks '#1 in jobs', since '#' begins a comment"),
        ("topics:\n  #jobs\n  #water", "3: topics: is empty, since '#' begins a comment"),
        ("topics: [work,\n  #jobs,\n  water]", "3: topics: lacks '#jobs,', since '#' begins a comment"),
        ("topics: [work, #jobs\n  water]", "3: topics: lacks '#jobs', since '#' begins a comment"),
        ("topics: [work #1, jobs]", "4: this is not YAML: "),
        ("kicker: We are\n#link: https://e.org/", ""),
        ("kicker: We are\n  # 1 in jobs", ""),
        ("topics:\n  #- jobs\n  - water", ""),
        ("topics: #from the list\n  #main ones\n  - water\n  #-jobs\n  #later\n  - work\n  #!x\n  #----", ""),
        ("topics:\n  - work\n  - We are\n    #1 in jobs", "3: topics: lacks '#1 in jobs', since '#' begins a comment"),
        ("topics:\n  - work\n  - #8M", "5: topics[1]: is empty, since '#' begins a comment"),
        ("topics: [work, water] #todo", ""),
        ('kicker: "We are" #1', ""),
        ("kicker: ## the series", ""),
        ("weight: 3 #up", ""),
        ("kicker: |-\n  We are #1", ""),
    ],
)
def test_what_a_sign_takes_away_is_said_wherever_it_stands(desk, line, said):
    """Also where nothing is left, on a second line or a line of its own, and in a list; a remark is none of these."""
    desk.write(
        "stories/a.md", (CASES / "28-hash-title.md").read_text().replace("We are #1 in jobs", f"All of us\n{line}")
    )
    ran = desk("stories")
    assert (f"stories/a.md:{said}" in ran.err) if said else ran.code == 0


def test_a_folder_of_texts_is_not_cut_either(desk):
    """Texts of Hugo and Jekyll are named, not taken in with half a title."""
    desk.write("posts/a.md", "---\ntitle: We are #1 in jobs\ndate: 2022-02-14\n---\nWords.\n")
    desk.write("posts/b.md", "---\ntitle: All of us # ours\ndate: 2022-02-14\n---\nWords.\n")
    desk.write("posts/c.md", "---\ntitle: Others\ndate: 2022-02-14\ntags:\n  #jobs\n  #water\n---\nWords.\n")
    ran = desk("import", "posts")
    assert "posts/c.md:4: tags: is empty, since '#' begins a comment" in ran.out
    assert "posts/a.md:2: title: ends at 'We are', since ' #' begins a comment" in ran.out
    assert [story.title for story in desk.stories()] == ["All of us"]


@pytest.mark.parametrize(("most", "size", "taken"), [(2_000, 3_000, False), (30_000_000, 21_000_000, True)])
def test_one_limit_holds_for_what_is_read(desk, most, size, taken):
    """`import.max_bytes` is for files as for what is fetched, below 20 MB and above."""
    desk.write("config.yaml", f"{CONFIG}import: {{max_bytes: {most}}}\n")
    item = '{"id": "1", "title": "Harbour", "date_published": "2022-02-14T09:00:00Z"}'
    desk.write("a.json", f'{{"version": "https://jsonfeed.org/version/1.1", "_": "{"x" * size}", "items": [{item}]}}')
    ran = desk("import", "a.json")
    assert (ran.code == 0) == taken
    assert (f"import.max_bytes allows {most:,}" in ran.err) != taken


def test_a_table_holds_what_a_story_file_may(desk):
    """A picture of the newsroom's own and a link that its address completes are taken; what is neither is not."""
    rows = "title,date,link,image\n" + "".join(
        f"Story {number},2022-02-14,{link},{image}\n"
        for number, (link, image) in enumerate(
            [("/news/b", "images/the harbour.jpg"), ("n/a", ""), ("//x", ""), ("", "tbd"), ("", "../a.jpg")]
        )
    )
    desk.write("a.csv", rows)
    ran = desk("import", "a.csv")
    assert [(story.title, story.link, story.image) for story in desk.stories()] == [
        ("Story 0", "/news/b", "images/the harbour.jpg")
    ]
    assert ran.out.count("left out: a.csv:") == 4


@pytest.mark.parametrize(
    ("rule", "channel", "waits"),
    [
        ("select: {channels: [news]}", "News", True),
        ("select: {channels: [World news]}", "world-news", True),
        ("select: {channels: [news]}", "events", False),
        ("exclude: {channels: [Events]}", "events", False),
        ("exclude: {channels: [Events]}", "news", True),
    ],
)
def test_an_audience_waits_for_the_sources_whose_stories_it_takes(desk, rule, channel, waits):
    """By the very rule that selects them: else a thin edition goes, or one waits for nothing."""
    audience = CONFIG.replace("{title: All,", f"{{title: All, {rule},")
    desk.write("config.yaml", f"{audience}sources: [{{name: site, url: site.csv, channel: {channel}}}]\n")
    newsroom = open_newsroom(desk.root / "config.yaml")
    edition = newsroom.edition("2022-02", "everyone")
    assert bool(wanting(newsroom, newsroom.config.audience("everyone"), edition.period)) == waits


def test_language_and_topics_are_what_the_person_says(desk):
    """`--language` goes before what the feed says of itself, `--topics` are added; `--dry-run` writes nothing."""
    feed = rss(("A", "<category>Water</category>"), head="<language>en</language>")
    options = ("--language", "French", "--topics", "Health, Water")
    assert desk.take(feed, options=(*options, "--dry-run")).counts == (1, 0, 0)
    assert not (desk.root / "stories").exists()
    desk.take(feed, options=options)
    (story,) = desk.stories()
    assert (story.language, story.topics) == ("fr", ("water", "health"))
    assert "--language 'klingonese' is no language" in desk("import", "source-0.xml", "--language", "klingonese").err


def test_an_import_ends_with_what_to_look_at(desk):
    """What the new stories lack, counted for people and by id for programs."""
    desk.write(
        "a.xml", rss(("A", '<enclosure url="https://e.org/a.jpg"/>'), ("B", "<description>Words.</description>"))
    )
    assert desk("import", "a.xml").out.splitlines()[-2:] == [
        "look at the new stories: 1 without a picture, 1 without words for their picture, 1 without a summary",
        "2 new, 0 changed, 0 unchanged",
    ]
    assert desk("import", "a.xml").out == "0 new, 0 changed, 2 unchanged\n"


WXR = """<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/" xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<title>Agency</title>
<item><title>Wells</title><link>https://e.org/wells</link><pubDate>Mon, 14 Feb 2022 09:30:00 +0000</pubDate>
 <guid isPermaLink="false">https://e.org/?p=1</guid><content:encoded><![CDATA[<p>Long.</p>]]></content:encoded>
 <excerpt:encoded><![CDATA[Three villages.]]></excerpt:encoded><wp:post_type>post</wp:post_type>
 <wp:status>publish</wp:status><category domain="post_tag" nicename="water"><![CDATA[Water]]></category>
 <wp:postmeta><wp:meta_key>_thumbnail_id</wp:meta_key><wp:meta_value>7</wp:meta_value></wp:postmeta></item>
<item><title>Not yet</title><pubDate>Wed, 30 Nov -0001 00:00:00 +0000</pubDate><wp:post_type>post</wp:post_type>
 <wp:post_date>2022-02-15 10:00:00</wp:post_date><wp:status>draft</wp:status></item>
<item><title>About us</title><wp:post_type>page</wp:post_type></item>
<item><title>well</title><wp:post_type>attachment</wp:post_type><wp:post_id>7</wp:post_id>
 <wp:attachment_url>https://e.org/well.jpg</wp:attachment_url>
 <wp:postmeta><wp:meta_key>_wp_attachment_image_alt</wp:meta_key><wp:meta_value>A well</wp:meta_value></wp:postmeta>
</item></channel></rss>"""


def test_a_day_that_is_still_to_come_is_said(desk):
    """A slip of the pen, or when an event is: no month before it would have the story, and nobody heard of it."""
    desk.write("a.csv", "title,date\nA,2022-02-14\nB,2064-02-06\n")
    assert json.loads(desk("import", "a.csv", "--json", "--now", "2022-03-01T09:00+01:00").out)["notes"] == [
        "1 new story with a date that is still to come: 2064-02-06-b"
    ]


def test_a_wordpress_export(desk):
    """Posts with excerpt, tags and featured picture; a draft stays one; pages and attachments are counted."""
    report = desk.take(WXR)
    published, draft = desk.stories()
    assert (published.title, published.summary, published.topics) == ("Wells", "Three villages.", ("water",))
    assert (published.image, published.image_alt) == ("https://e.org/well.jpg", "A well")
    assert (draft.title, draft.status, draft.date.date()) == ("Not yet", "draft", date(2022, 2, 15))
    assert [note.partition(": ")[2] for note in report.notes] == [
        "1 of kind 'page' are no posts; not read",
        "1 of kind 'attachment' are no posts; not read",
    ]


def post(content, more=""):
    item = f"<item><title>A pier</title><pubDate>Mon, 14 Feb 2022 09:30:00 +0000</pubDate>{more}"
    end = "</item></channel></rss>"
    return f"{WXR.partition('<item>')[0]}{item}<content:encoded><![CDATA[{content}]]></content:encoded>{end}"


RAW = "<wp:post_type>post</wp:post_type><wp:status>publish</wp:status>"
CAPTION = '[caption id="a_1" width="300"]<img src="https://e.org/pier.jpg" alt="A pier" /> In 1960[/caption]'


@pytest.mark.parametrize(
    ("content", "more", "summary"),
    [
        (f"{CAPTION}\n\nOne line.\n\nTwo\nlines.", RAW, "One line.\n\nTwo lines."),
        ("<p>One [sic] line.</p>[vc_row][vc_column]\n\nTwo.[/vc_column][/vc_row]", "", "One [sic] line.\n\nTwo."),
        ('One.[gallery]\n\n[youtube src="https://e.org/v"]\n\n<!--more-->\n\nTwo.', RAW, "One."),
        ("<!-- wp:paragraph -->\n<p>One.</p>\n\n<!-- wp:more --><!--more Go on--><p>Two.</p>", RAW, "One."),
        ('<p>One.</p><p><span id="more-12"></span></p><p>Two.</p>', "", "One."),
        ("<!--more-->All of it.", RAW, "All of it."),
        (
            'Waves <img class="wp-smiley" alt="\U0001f30a" src="https://s.w.org/images/core/emoji/72x72/1f30a.png" />!',
            "",
            "Waves \U0001f30a!",
        ),
    ],
)
def test_a_wordpress_post_is_read_as_its_site_shows_it(desk, content, more, summary):
    """Its short codes are no words, its blank lines part paragraphs, its author says where the teaser ends."""
    desk.take(post(content, more))
    (story,) = desk.stories()
    assert story.summary == summary
    assert story.image == ("https://e.org/pier.jpg" if "pier.jpg" in content else "")


def test_what_a_password_locks_is_for_nobody_yet(desk):
    """Its words are in the export, and went out to every reader."""
    desk.take(post("For members.", f"{RAW}<wp:post_password>s3cret</wp:post_password>"))
    assert [story.status for story in desk.stories()] == ["draft"]


def test_a_folder_of_another_tool(desk):
    """Hugo's YAML and TOML, Jekyll's day in the name; drafts, tags, covers; what has no place is told once."""
    desk.write(
        "site/posts/wells.md",
        "---\ntitle: Wells\ndate: 2022-02-14T09:30:00+01:00\nlastmod: 2022-03-01\ntags: [Water, Health]\n"
        "categories: [News]\nauthor: Ana\nslug: w\ncover: {image: https://e.org/w.jpg, alt: x}\n---\n"
        "{{< figure src=x >}}\nThree *villages*.\n\n![a](b.jpg)\n\n## More\n",
    )
    desk.write("site/posts/toml.md", '+++\ntitle = "In TOML"\ndate = 2022-02-15T10:00:00Z\ndraft = true\n+++\nText.\n')
    desk.write("site/_includes/2022-02-16-x.md", "---\ntitle: hidden\n---\n")
    desk.write(
        "site/_posts/2022-02-16-jekyll.markdown", "---\nlayout: post\ntitle: Jekyll\n---\nText {% include x %} here.\n"
    )
    desk.write("site/bad.md", "---\ntitle: 'half\n")
    data = json.loads(desk("import", "site", "--json").out)
    wells, toml, jekyll = desk.stories()
    assert (wells.topics, wells.image) == (("water", "health", "news"), "https://e.org/w.jpg")
    assert wells.summary == "Three *villages*.\n\nMore"
    assert (toml.title, toml.status) == ("In TOML", "draft")
    assert (jekyll.date.date(), jekyll.summary) == (date(2022, 2, 16), "Text here.")
    assert [fault.partition(": ")[0] for fault in data["faults"]] == ["site/bad.md:1"]
    assert "site: 'author' has no place in a story; not read (files: 1)" in data["notes"]
    assert json.loads(desk("import", "site", "--json").out)["unchanged"] == 3


def test_relative_links_and_pictures_of_a_folder_are_seen_from_its_base_or_counted(desk):
    """Hugo and Jekyll write `/img/x.jpg`, and name a picture that lies beside its text alone."""
    desk.write("site/a.md", "---\ntitle: A\ndate: 2022-02-14\nurl: /news/a/\nimage: a.jpg\n---\n[More](/more)\n")
    desk.write("site/b.md", "---\ntitle: B\ndate: 2022-02-14\ncover: {image: /img/b.jpg, alt: The quay}\n---\nText.\n")
    desk.write("site/c.html", "---\ntitle: C\ndate: 2022-02-14\n---\nText.\n")
    hint = "--base https://… says from where they are seen"
    assert json.loads(desk("import", "site", "--dry-run", "--json").out)["notes"] == [
        "site: texts that are no Markdown are not read: 1 in .html",
        f"site: 'link' is no http or https address; left out (files: 1); {hint}",
        f"site: 'image' is no http or https address; left out (files: 2); {hint}",
    ]
    desk("import", "site", "--base", "https://e.org/")
    one, two = desk.stories()
    assert (one.link, one.image, one.summary) == (
        "https://e.org/news/a/",
        "https://e.org/news/a/a.jpg",
        "[More](https://e.org/more)",
    )
    assert (two.image, two.image_alt) == ("https://e.org/img/b.jpg", "The quay")


def test_a_picture_that_lies_beside_a_text_has_no_address_that_could_be_guessed(desk):
    """A bundle of Hugo's: of its base and the picture's name an address was made under which nothing lies."""
    desk.write("site/pier/index.md", "---\ntitle: A\ndate: 2022-02-14\nimage: pier.jpg\n---\n")
    desk.write("site/pier/pier.jpg", "x")
    desk.write("site/b.md", "---\ntitle: B\ndate: 2022-02-14\nimage: img/b.jpg\n---\n")
    data = json.loads(desk("import", "site", "--base", "https://e.org/", "--json").out)
    assert {story.title: story.image for story in desk.stories()} == {"A": "", "B": "https://e.org/img/b.jpg"}
    assert data["notes"] == ["site: 'image' is no http or https address; left out (files: 1)"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "---\nTitle: A\nDate: 2022-02-14\nTags: [Clean water]\n---\nText.\n"),
        ("a.md", '+++\nTitle = "A"\nDATE = 2022-02-14\ntags = ["Clean water"]\n+++\nText.\n'),
        ("a.md", "Title: A\nDate: 2022-02-14\nTags: Clean water\n\nText.\n"),
        ("2022-02-14-a/index.md", "---\ntitle: A\ntags: [Clean water]\n---\nText.\n"),
    ],
)
def test_front_matter_as_other_tools_let_it_be_written(desk, name, text):
    """Keys in any case (Hugo), no lines around them (Pelican), the day in the folder's name (Docusaurus)."""
    desk.write(f"site/{name}", text)
    assert desk("import", "site").err == ""
    (story,) = desk.stories()
    assert (story.title, story.date.date(), story.topics, story.summary) == (
        "A",
        date(2022, 2, 14),
        ("clean-water",),
        "Text.",
    )


@pytest.mark.parametrize(
    ("text", "line"), [("---\nTitle: A\nDate: soon\n---\n", 3), ("Title: A\nDate: soon\n\nText.\n", 2)]
)
def test_what_is_wrong_in_such_front_matter_has_its_line(desk, text, line):
    """The key is called by its own name."""
    desk.write("site/a.md", text)
    assert f"(site/a.md:{line}: date: 'soon' is no date; the file is left out)" in desk("import", "site").err


@pytest.mark.parametrize("line", ["og:title:", "<<: *x", 'emoji: &smile ":)"', "layout: &l post", "more: !post x"])
def test_what_nobody_reads_of_such_front_matter_costs_no_file(desk, line):
    """It is named, as what has no place; where a key is read, a word would be lost, and the file is left out."""
    desk.write("site/a.md", f"---\nx: &x {{a: 1}}\ntitle: A\ndate: 2022-02-14\n{line}\n---\nText.\n")
    data = json.loads(desk("import", "site", "--json").out)
    assert data["faults"] == []
    key = line.partition(": ")[0].removesuffix(":")
    assert f"site: '{key}' has no place in a story; not read (files: 1)" in data["notes"]
    assert [story.title for story in desk.stories()] == ["A"]


@pytest.mark.parametrize(
    "front", ["title: &Us and them", "title: A\nkicker: &Co and more", f"x: {'[' * 60}1{']' * 60}\ntitle: A", "[a]: b"]
)
def test_front_matter_of_which_words_would_be_lost_is_left_out(desk, front):
    """What follows too many levels is not taken, either."""
    desk.write("site/a.md", f"---\ndate: 2022-02-14\n{front}\n---\nText.\n")
    desk.write("site/b.md", "---\ntitle: B\ndate: 2022-02-14\n---\nText.\n")
    (fault,) = json.loads(desk("import", "site", "--json").out)["faults"]
    assert fault.startswith("site/a.md:")
    assert [story.title for story in desk.stories()] == ["B"]


def test_what_obsidian_and_kramdown_have_besides_markdown_is_no_text(desk):
    """Comments are for nobody else; embedded files, attributes and footnotes say nothing; links say their words."""
    text = (
        "![[pier.png]]\n\nOn [[Ports|the quay]] of [[Lisbon]][^1]. %%Ask Jo\nfirst.%%{: .lead} ^b1\n\n[^1]: Or Porto.\n"
    )
    desk.write(
        "vault/a.md", f"---\ntitle: A\ndate: 2022-02-14\n---\n{text}\n> [!note] Mind\n> the gap\n\n100 %% of 5 %.\n"
    )
    desk("import", "vault")
    assert [story.summary for story in desk.stories()] == ["On the quay of Lisbon.\n\nMind the gap\n\n100 %% of 5 %."]


def test_a_file_of_a_folder_that_cannot_be_read_stops_no_other(desk):
    """A link to nowhere, a link in a circle, another character set: each is named, and what it is."""
    desk.write("site/a.md", "---\ntitle: A\ndate: 2022-02-14\n---\nText.\n")
    desk.write("site/b.md", "---\ntitle: Café\n---\n".encode("latin-1"))
    for name, target in (("c.md", "nowhere.md"), ("d.md", "d.md")):
        (desk.root / "site" / name).symlink_to(target)
    data = json.loads(desk("import", "site", "--json").out)
    assert len(data["new"]) == 1
    assert data["faults"] == [
        "site/b.md:2: is not UTF-8 here (byte 0xE9); save the file as UTF-8",
        "site/c.md: cannot be read (No such file or directory); left out",
        "site/d.md: cannot be read (Too many levels of symbolic links); left out",
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("notes.txt", "Nothing here.", " (texts that are no Markdown are not read: 1 in .txt)"),
        ("a.md", "---\ndate: 2022-02-14\n---\n", " (site/a.md:2: title: is missing; the file is left out)"),
    ],
)
def test_a_folder_without_stories_says_what_its_stories_are(desk, name, text, reason):
    """Its files lie where they lay, so that none is kept as evidence; selectors, for pages, are not spoken of."""
    desk.write(f"site/{name}", text)
    done = desk("import", "site")
    assert done.code == 6
    assert done.err == (
        f"digest: site: no items found{reason}; nothing was imported: stories are its files in Markdown (.md, "
        ".markdown, .mdown, .mkd) that begin with a title and a date; name other files one by one\n"
    )
    assert not (desk.root / ".digest/evidence").exists()


@pytest.mark.parametrize("folder", ["stories", ".", "stories/2022"])
def test_the_newsrooms_own_stories_are_no_source(desk, folder):
    """They would all get a channel called `stories`, and with it other readers."""
    text = "---\ntitle: A\ndate: 2022-02-14\n---\n"
    story = desk.write("stories/2022/a.md", text)
    ran = desk("import", folder)
    assert (ran.code, ran.err) == (
        2,
        f"digest: {folder}: has the newsroom's own stories in it; name another folder\n",
    )
    assert story.read_text() == text


def test_a_story_file_that_is_a_link_to_elsewhere_stops_no_import(desk):
    """It is named, and left as it is."""
    desk.write("elsewhere.md", "---\ntitle: A\ndate: 2022-02-14\n---\n")
    (desk.root / "stories").mkdir()
    (desk.root / "stories/a.md").symlink_to(desk.root / "elsewhere.md")
    report = desk.take(rss(("B", "")))
    assert report.counts == (1, 0, 0)
    assert "stories/a.md: is a symbolic link" in report.notes[0]


def test_a_record_that_cannot_be_read_is_one_line(desk):
    """A folder of its name, or stories that are no folder."""
    (desk.root / "stories/.imports.json").mkdir(parents=True)
    desk.write("f.xml", rss(("B", "")))
    ran = desk("import", "f.xml")
    assert ran.code == 2
    assert ran.err.endswith("stories/.imports.json: cannot be read (Is a directory); make it a file that can be\n")


def test_a_file_with_a_key_in_its_name_is_called_by_its_name(desk):
    """What a program saves is often called after its address: two such files are two sources."""
    for name in ("list?key=1.xml", "list?key=2.xml"):
        desk.write(name, rss((name, "")))
        assert desk("import", name).code == 0
    record = json.loads((desk.root / "stories/.imports.json").read_bytes())
    assert {"list?key=1.xml", "list?key=2.xml"} <= set(record["sources"])


def test_what_was_read_beside_such_a_folder_is_kept(desk):
    """A feed that was fetched with it would be gone otherwise."""
    desk.write("site/notes.txt", "Nothing here.")
    desk.write("a.xml", rss(("A", "")))
    done = desk("import", "site", "a.xml")
    (kept,) = (desk.root / ".digest/evidence").iterdir()
    assert "(what was read is kept in " in done.err
    assert kept.name in done.err


def test_a_format_misspelled_is_answered_with_the_one_that_is_meant(desk):
    """And one that is like none with all of them, once."""
    desk.write("a.csv", "title,date\nA,2022-02-14\n")
    assert "--format 'cvs' is no format, did you mean 'csv'?" in desk("import", "a.csv", "--format", "cvs").err
    assert desk("import", "a.csv", "--format", "parquet").err.count("jsonfeed") == 1


@pytest.mark.parametrize("name", ["stories.csv", "stories.TSV"])
def test_a_table_without_a_date_is_told_what_its_columns_must_be(desk, name):
    """It was taken for a text, in which nothing was found, and selectors were spoken of."""
    desk.write(name, "Headline,When\nA,2022-02-14\n")
    done = desk("import", name)
    assert (done.code, len(done.err.splitlines())) == (6, 1)
    assert f"{name}:1: the first row must name the columns, at least title and date" in done.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("site", "; the sources of config.yaml are read by `digest import` alone, all of them"),
        ("news.example.org/feed", "; an address begins with https://"),
        ("www.example.org", "; an address begins with https://"),
        ("stories.csv", ""),
        ("../there/stories.csv", ""),
    ],
)
def test_what_is_no_file_is_told_what_it_may_be_meant_for(desk, name, said):
    """A source's name, or an address that was typed as one says it."""
    desk.write("config.yaml", f"{CONFIG}sources:\n  - {{name: site, url: 'https://news.example.org/feed'}}\n")
    done = desk("import", name)
    assert (done.code, done.err) == (2, f"digest: {name}: cannot be read: No such file or directory{said}\n")


def test_a_story_that_changed_its_guid_link_and_title_at_once_is_told_as_a_possible_double(desk):
    """Nothing joins it to the old one but its time, or its day and a title much alike, and that the old one is gone."""

    def item(number, title, day=DAY):
        return f"<item><title>{title}</title><link>https://e.org/{number}</link><guid>{number}</guid><pubDate>{day}</pubDate></item>"

    whole = "Mon, 14 Feb 2022 00:00:00 +0100"
    feed = '<rss version="2.0"><channel><title>N</title>{}</channel></rss>'
    first = desk.take(feed.format(item(1, "Pier opens") + item(2, "Fish is back in town", whole)))
    assert (first.counts, first.notes) == ((2, 0, 0), [])
    again = desk.take(feed.format(item(3, "The mayor came") + item(4, "Fish are back in our town", whole)))
    assert again.counts == (2, 0, 0)
    assert [note.partition(" with another")[0] for note in again.notes] == [
        "source-0.xml: 'The mayor came' may be stories/2022-02-14-pier-opens.md",
        "source-0.xml: 'Fish are back in our town' may be stories/2022-02-14-fish-is-back-in-town.md",
    ]
    more = item(5, "Another thing of that day", whole)
    third = desk.take(feed.format(item(3, "The mayor came") + item(4, "Fish are back in our town", whole) + more))
    assert (third.counts, third.notes) == ((1, 0, 2), [])


def test_what_was_published_in_one_batch_is_not_told_as_doubles(desk):
    """Each new one was named with twenty old ones, of which a feed that rolls on knows no more."""
    words = ["Harbour", "Market", "Bridge", "Fire", "Tram", "Library", "School", "Ferry", "Lamp", "Museum"]

    def feed(part):
        items = (f"<item><title>{word * 2}</title><guid>{word}</guid><pubDate>{DAY}</pubDate></item>" for word in part)
        return f'<rss version="2.0"><channel><title>N</title>{"".join(items)}</channel></rss>'

    assert desk.take(feed(words[:5])).notes == []
    again = desk.take(feed(words[5:]))
    assert (again.counts, again.notes) == ((5, 0, 0), [])


def test_a_cell_of_a_workbook_that_leads_somewhere_gives_its_address(desk):
    """Titles are linked by hand in most sheets: the stories had no link. What is typed as an address goes before."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(["title", "date", "link"])
    for title in ('A "linked" one', '=HYPERLINK("https://e.org/b?x=1&y=2","By a formula")', "Mail", "Own", "Word"):
        sheet.append([title, "2022-02-14"])
    sheet["B1"].hyperlink = "https://e.org/calendar"
    sheet["A2"].hyperlink = "https://e.org/a?x=1&y=2"
    sheet["A4"].hyperlink = "mailto:ana@e.org"
    sheet["C5"].hyperlink, sheet["C5"].value = "https://e.org/old", "https://e.org/new"
    sheet["C6"].hyperlink, sheet["C6"].value = "https://e.org/word", "here"
    sheet["D1"], sheet["D2"] = "summary", "One.\n\nTwo."
    sheet["D2"].hyperlink = "https://e.org/summary"
    book.save(desk.root / "linked.xlsx")
    assert desk("import", "linked.xlsx").code == 0
    assert {story.title: story.link for story in desk.stories()} == {
        'A "linked" one': "https://e.org/a?x=1&y=2",
        "By a formula": "https://e.org/b?x=1&y=2",
        "Mail": "",
        "Own": "https://e.org/new",
        "Word": "https://e.org/word",
    }
    assert next(story.summary for story in desk.stories() if story.title == 'A "linked" one') == "One.\n\nTwo."


def test_a_title_with_escapes_that_an_older_version_took_in_is_the_same_story(desk):
    """Without a link it was a second story beside the first."""
    desk.write("old.csv", "title,date\nTom &amp; Jerry&#8217;s,2022-02-14\n")
    assert desk("import", "old.csv").code == 0
    (story,) = desk.stories()
    path = desk.root / "stories" / f"{story.id}.md"
    path.write_text(path.read_text().replace(story.title, "Tom &amp; Jerry&#8217;s"))
    assert "0 new" in desk("import", "old.csv").out
    assert len(desk.stories()) == 1
