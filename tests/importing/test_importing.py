"""Importing into story files: once, again, beside a person's edits, and never by mistake."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import ImportFailed, StoryError
from digest.importing import formats, importer, provenance
from digest.importing import plan as planning
from digest.importing.source import Source
from digest.stories import frontmatter, writing

ZURICH = ZoneInfo("Europe/Zurich")
DATA = Path(__file__).parent / "data"
REPO = Path(__file__).parents[2]


def stories(folder):
    """The stories of a folder, read as the product reads them."""
    result = []
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).as_posix().removesuffix(".md")
        story, faults = frontmatter.parse(
            path.read_bytes(), story_id=name, file=f"stories/{name}.md", zone=ZURICH, language="en"
        )
        assert faults == ()
        result.append(story)
    return result


def plan(folder, *sources, channel=None):
    listings = [formats.read(Source(name=name, data=data, zone=ZURICH, language="en")) for name, data in sources]
    return planning.plan(
        listings, stories(folder), lambda story: importer.text_of(folder, story), provenance.load(folder), channel
    )


def bring_in(folder, *sources, channel=None, force=False):
    planned = plan(folder, *sources, channel=channel)
    importer.insist(planned, force=force)
    importer.apply(planned, folder)
    return planned


def page(name):
    return name, (DATA / name).read_bytes()


def listing(*items, title="News"):
    """A text listing of (title, day, summary, kicker)."""
    lines = [title, ""]
    for number, (name, day, *rest) in enumerate(items, 1):
        summary, kicker = [*rest, "", ""][:2]
        lines += [f"{number}. {kicker}", "", f"   {name}", "", f"   {day}", "", f"   {summary}", ""]
    return "\n".join(lines).encode()


def counts(planned):
    return len(planned.new), len(planned.changed), planned.unchanged


@pytest.fixture
def newsroom(tmp_path):
    folder = tmp_path / "stories"
    folder.mkdir()
    return folder


def test_two_listings_of_ten_are_nineteen_stories_and_again_nothing_changes(newsroom):
    """One item is in both, with a kicker in one: one file, both channels, the kicker. The second time: 0 changes."""
    both = (page("all-content.txt"), page("impact-and-people.txt"))
    first = bring_in(newsroom, *both)
    assert (len(first.new), first.faults, first.kept) == (19, (), ())
    found = stories(newsroom)
    assert sum(story.date.year == 2021 for story in found) == 13
    assert sum(story.date.strftime("%Y-%m") == "2022-02" for story in found) == 5
    (iman,) = (story for story in found if story.title.startswith("Missed schooling"))
    assert iman.kicker == "Our impact, their voices"
    assert iman.channels == ("all-ilo-newsroom-content", "impact-and-people")
    before = {path.name: path.read_bytes() for path in newsroom.iterdir()}
    assert counts(bring_in(newsroom, *both)) == (0, 0, 19)
    assert {path.name: path.read_bytes() for path in newsroom.iterdir()} == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_after_the_other_gives_the_same_stories_in_either_order(newsroom, order):
    """The second import adds what it knows to the file that the first one made."""
    pages = (page("all-content.txt"), page("impact-and-people.txt"))
    for number in order:
        bring_in(newsroom, pages[number], channel=("all-content", "impact-and-people")[number])
    found = stories(newsroom)
    assert len(found) == 19
    assert sum("all-content" in story.channels for story in found) == 10
    assert {story.kicker for story in found if story.title.startswith("Missed")} == {"Our impact, their voices"}
    for number in order:
        assert counts(bring_in(newsroom, pages[number], channel=("all-content", "impact-and-people")[number]))[:2] == (
            0,
            0,
        )


def test_a_table_of_links_fills_links_and_makes_no_story(newsroom):
    """Eleven addresses for nineteen stories; the other eight stay without."""
    bring_in(newsroom, page("all-content.txt"), page("impact-and-people.txt"))
    filled = bring_in(newsroom, page("links.csv"))
    assert counts(filled) == (0, 11, 0)
    assert {change.fields for change in filled.changed} == {("link",)}
    assert sum(bool(story.link) for story in stories(newsroom)) == 11
    assert counts(bring_in(newsroom, page("links.csv"))) == (0, 0, 11)


def test_the_repositorys_own_stories_are_these_nineteen():
    """Same facts; a re-import of both listings and the links would change nothing but a picture of our own's credit."""
    folder = REPO / "stories"
    assert len(stories(folder)) == 19
    listings = [
        formats.read(Source(name=name, data=data, zone=ZURICH, language="en"))
        for name, data in map(page, ("all-content.txt", "links.csv"))
    ]
    planned = planning.plan(
        listings,
        stories(folder),
        lambda story: importer.text_of(folder, story),
        provenance.ImportRecord(),
        "all-content",
    )
    assert planned.new == ()
    assert {field for change in planned.changed for field in change.fields} <= {"channels"}
    assert {(kept.field, kept.ours) for kept in planned.kept} == {("credit", "Illustration: digest")}


def test_a_series_that_is_a_kicker_here_and_the_first_words_there_is_one_story(newsroom):
    """Split wins over joined, whichever comes first, and stays split."""
    joined = listing(("ILO in Action: Our objective", "5 January 2022"))
    split = listing(("Our objective", "5 January 2022", "", "ILO in action"))
    bring_in(newsroom, ("joined.txt", joined))
    assert counts(bring_in(newsroom, ("split.txt", split))) == (0, 1, 0)
    for _ in range(2):
        (story,) = stories(newsroom)
        assert (story.kicker, story.title) == ("ILO in action", "Our objective")
        assert counts(bring_in(newsroom, ("joined.txt", joined), ("split.txt", split))) == (0, 0, 1)


def test_a_persons_edits_are_never_overwritten_and_a_changed_source_is_shown(newsroom):
    """Each edited field is kept; a source that says something new about it is shown; other fields follow the source."""
    bring_in(newsroom, ("a.txt", listing(("Old title", "5 January 2022", "Old summary.", "Old kicker"))))
    (path,) = newsroom.glob("*.md")
    edited = path.read_text().replace("Old summary.", "A person's summary.").replace("title: Old", "# ours\ntitle: My")
    path.write_text(edited)
    again = bring_in(newsroom, ("a.txt", listing(("Old title", "5 January 2022", "Old summary.", "Old kicker"))))
    assert counts(again) == (0, 0, 1)
    assert again.kept == ()
    changed = bring_in(newsroom, ("a.txt", listing(("Old title", "5 January 2022", "New summary.", "New kicker"))))
    assert [change.fields for change in changed.changed] == [("kicker",)]
    assert path.read_text() == edited.replace("Old kicker", "New kicker")
    (kept,) = changed.kept
    assert (kept.field, kept.ours, kept.theirs, kept.source) == (
        "summary",
        "A person's summary.",
        "New summary.",
        "a.txt",
    )
    assert "kept 'A person's summary.'; a.txt says 'New summary.'" in str(kept)


def test_what_a_person_removed_stays_removed(newsroom):
    """A channel or a kicker that was taken out of the file does not come back."""
    source = ("a.txt", listing(("A title", "5 January 2022", "S.", "Kicker")))
    bring_in(newsroom, source)
    (path,) = newsroom.glob("*.md")
    lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith(("kicker", "channels"))]
    path.write_text("".join(lines))
    assert counts(bring_in(newsroom, source)) == (0, 0, 1)
    assert path.read_text() == "".join(lines)


def test_a_source_that_changes_its_word_is_followed_where_nobody_edited(newsroom):
    """Also to nothing; and another source that never agreed is not asked."""
    bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "One.", "Kicker"))))
    changed = bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "Two."))))
    assert [change.fields for change in changed.changed] == [("kicker", "summary")]
    other = bring_in(newsroom, ("b.txt", listing(("A title", "5 January 2022", "Three."))))
    assert counts(other) == (0, 0, 1)
    (story,) = stories(newsroom)
    assert (story.kicker, story.summary) == ("", "Two.")


def test_of_two_sources_that_agreed_the_one_that_moves_on_is_followed(newsroom):
    """The other may be an address that is no longer read; when it is, its old word changes nothing back."""
    old, new = (listing(("A title", "5 January 2022", text, "K")) for text in ("Old.", "New."))
    bring_in(newsroom, ("a.txt", old), ("b.txt", old))
    assert counts(bring_in(newsroom, ("b.txt", new))) == (0, 1, 0)
    assert counts(bring_in(newsroom, ("a.txt", old))) == (0, 0, 1)
    assert counts(bring_in(newsroom, ("b.txt", listing(("A title", "5 January 2022", "New."))))) == (0, 0, 1)
    (story,) = stories(newsroom)
    assert (story.summary, story.kicker) == ("New.", "K")


def test_what_a_person_removed_does_not_come_back_from_a_second_source(newsroom):
    """It is shown that the other source says it."""
    bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "S.", "Kicker"))))
    bring_in(newsroom, ("b.txt", listing(("A title", "5 January 2022", "S."))))
    (path,) = newsroom.glob("*.md")
    path.write_text(writing.edit(path.read_text(), {"kicker": ""}))
    again = bring_in(newsroom, ("b.txt", listing(("A title", "5 January 2022", "S.", "Kicker 2"))))
    assert counts(again) == (0, 0, 1)
    assert [(kept.field, kept.ours, kept.theirs) for kept in again.kept] == [("kicker", "", "Kicker 2")]


def test_without_the_record_every_difference_counts_as_edited(newsroom):
    """It is shown, nothing is overwritten, and what is missing is filled."""
    bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "One."))))
    (newsroom / provenance.NAME).unlink()
    planned = bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "Two.", "Kicker"))))
    assert [change.fields for change in planned.changed] == [("kicker",)]
    assert [(kept.field, kept.theirs) for kept in planned.kept] == [("summary", "Two.")]


def test_a_title_that_a_person_changed_is_still_the_same_story(newsroom):
    """The record knows it by the source's title, so that no second file is made."""
    source = ("a.txt", listing(("A title", "5 January 2022", "One.")))
    bring_in(newsroom, source)
    (path,) = newsroom.glob("*.md")
    path.write_text(path.read_text().replace("A title", "A better one").replace("2022-01-05", "2022-01-06"))
    assert counts(bring_in(newsroom, source)) == (0, 0, 1)


def test_a_dry_run_shows_what_would_be_written_and_writes_nothing(newsroom):
    """A unified diff of every file; the plan itself touches none."""
    bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "One."))))
    before = {path.name: path.read_bytes() for path in newsroom.iterdir()}
    planned = plan(newsroom, ("a.txt", listing(("A title", "5 January 2022", "Two."), ("B", "6 January 2022"))))
    assert {path.name: path.read_bytes() for path in newsroom.iterdir()} == before
    shown = planned.diff()
    assert "--- /dev/null\n+++ b/stories/2022-01-06-b.md\n" in shown
    assert "\n-One.\n+Two.\n" in shown
    importer.apply(planned, newsroom)
    assert importer.text_of(newsroom, "2022-01-06-b") == planned.new[0].text


def test_the_files_edited_style_survives(newsroom):
    """CRLF, a byte order mark, comments and the order of keys stay when one field changes."""
    bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "One.", "K1"))))
    (path,) = newsroom.glob("*.md")
    styled = b"\xef\xbb\xbf" + path.read_bytes().replace(b"kicker: K1\n", b"kicker: K1   # series\n").replace(
        b"\n", b"\r\n"
    )
    path.write_bytes(styled)
    bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "One.", "K2"))))
    assert path.read_bytes() == styled.replace(b"K1", b"K2")


@pytest.mark.parametrize("data", [b"News\n\nNothing here.\n", b"<html><p>Be right back</p></html>", b"title,date\n"])
def test_a_source_that_gives_nothing_is_a_loud_error(newsroom, data):
    """Exit code 6, also with --force, and nothing is written: it is never an empty month."""
    planned = plan(newsroom, ("a", data))
    with pytest.raises(ImportFailed, match=r"a: no items found.*; nothing was imported") as caught:
        importer.insist(planned, force=True)
    assert caught.value.exit_code == 6
    assert list(newsroom.iterdir()) == []


def test_a_source_that_gives_far_less_than_the_last_time_is_a_loud_error_unless_forced(newsroom):
    """Fewer than half. With --force it really shrank, and that is the new measure."""
    ten = [(f"Story {n}", f"{n} January 2022") for n in range(1, 11)]
    bring_in(newsroom, ("a.txt", listing(*ten)))
    assert counts(bring_in(newsroom, ("a.txt", listing(*ten[:5])))) == (0, 0, 5)
    bring_in(newsroom, ("a.txt", listing(*ten)))
    with pytest.raises(ImportFailed, match=r"a\.txt: 4 items found, and 10 the last time.*--force"):
        bring_in(newsroom, ("a.txt", listing(*ten[:4])))
    assert counts(bring_in(newsroom, ("a.txt", listing(*ten[:4])), force=True)) == (0, 0, 4)
    assert counts(bring_in(newsroom, ("a.txt", listing(*ten[:4])))) == (0, 0, 4)


def test_a_page_whose_dates_changed_their_form_is_a_loud_error_that_names_the_first_line(newsroom):
    """Items that cannot be read do not count, so a broken page is noticed."""
    bring_in(newsroom, ("a.txt", listing(*[(f"Story {n}", f"{n} January 2022") for n in range(1, 5)])))
    broken = listing(*[(f"Story {n}", f"day {n} of 2022") for n in range(1, 5)])
    with pytest.raises(
        ImportFailed, match=r"a\.txt: no items found, and 4 the last time \(a\.txt:3: 'Story 1' has no line"
    ):
        bring_in(newsroom, ("a.txt", broken))


def test_what_changed_since_the_plan_is_not_overwritten(newsroom):
    """Neither an edited file nor one that was made in the meantime, and then nothing is written at all."""
    bring_in(newsroom, ("a.txt", listing(("A title", "5 January 2022", "One."))))
    planned = plan(newsroom, ("a.txt", listing(("A title", "5 January 2022", "Two."), ("B", "6 January 2022"))))
    (newsroom / "2022-01-06-b.md").write_text("mine")
    with pytest.raises(ImportFailed, match=r"2022-01-06-b\.md: was made in the meantime"):
        importer.apply(planned, newsroom)
    (newsroom / "2022-01-06-b.md").unlink()
    path = newsroom / "2022-01-05-a-title.md"
    path.write_text(path.read_text() + "\nMore.\n")
    with pytest.raises(ImportFailed, match=r"2022-01-05-a-title\.md: was changed in the meantime"):
        importer.apply(planned, newsroom)
    assert not (newsroom / "2022-01-06-b.md").exists()


def test_stories_of_one_name_get_numbers(newsroom):
    """The same day and the same words, with two links, are two files."""
    table = b"title,date,link\nStatement,2022-02-14,https://x.org/1\nStatement,2022-02-14,https://x.org/2\n"
    assert [new.path for new in bring_in(newsroom, ("a.csv", table)).new] == [
        "2022-02-14-statement.md",
        "2022-02-14-statement-2.md",
    ]
    assert counts(bring_in(newsroom, ("a.csv", table))) == (0, 0, 2)


def test_hostile_titles_are_only_text(newsroom):
    """YAML, Jinja, paths and signs come back as they were, from a file inside the folder."""
    titles = ["{{ config.smtp.password }}", "no", "a: b # c", "!!python/object:os.system", "../../etc/passwd", "'\"\\"]
    rows = "".join(f'"{title.replace(chr(34), chr(34) * 2)}",2022-02-{n:02}\n' for n, title in enumerate(titles, 1))
    bring_in(newsroom, ("a.csv", f"title,date\n{rows}".encode()))
    assert [story.title for story in stories(newsroom)] == titles
    assert {path.parent for path in newsroom.rglob("*.md")} == {newsroom}


def test_the_record_is_readable_sorted_and_holds_no_secret_and_no_path(newsroom, tmp_path):
    """Names of files without their folders, addresses without passwords, one value a line, the same bytes each time."""
    url = "https://user:hunter2@x.org/list?page=1"
    other = "https://y.org?by=ana@example.org"  # whose host is not example.org
    sources = ((str(tmp_path / "a.txt"), listing(("A", "5 January 2022"))), (url, listing(("B", "5 January 2022"))))
    bring_in(newsroom, *sources, (other, listing(("C", "6 January 2022"))))
    text = (newsroom / provenance.NAME).read_text()
    assert sorted(json.loads(text)["sources"]) == ["a.txt", "https://x.org/list?page=1", other]
    assert "hunter2" not in text
    assert str(tmp_path) not in text
    assert provenance.load(newsroom).text == text


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 9, "sources": {}, "stories": {}}'])
def test_a_damaged_record_is_named_and_not_guessed(newsroom, text):
    """It says how to go on."""
    (newsroom / provenance.NAME).write_text(text)
    with pytest.raises(StoryError, match=r"\.imports\.json: (is damaged; restore it|was written by another version)"):
        provenance.load(newsroom)


def test_a_source_read_from_a_pipe_is_not_compared_with_the_last_one(newsroom):
    """A pipe has no name, so that two lines after ten are no alarm."""
    bring_in(newsroom, ("-", listing(*[(f"Story {n}", f"{n} January 2022") for n in range(1, 11)])))
    assert counts(bring_in(newsroom, ("-", listing(("Story 1", "1 January 2022"))))) == (0, 0, 1)


ROW = st.tuples(st.sampled_from("ABC"), st.sampled_from("12"), st.sampled_from("xyz"), st.sampled_from("Kk"))


@settings(max_examples=30)
@given(
    runs=st.lists(
        st.tuples(
            st.sampled_from(["a.txt", "b.txt"]),
            st.lists(
                st.tuples(st.sampled_from("ABC"), st.sampled_from("12"), st.sampled_from("xyz"), st.sampled_from("Kk"))
            ),
            st.booleans(),
        ),
        max_size=5,
    )
)
def test_whatever_was_imported_and_edited_a_second_run_changes_nothing_and_edits_stay(tmp_path_factory, runs):
    """Any sources in any order, with edits by hand between them."""
    folder = tmp_path_factory.mktemp("stories")
    mine = {}
    for name, rows, edit in runs:
        items = [(f"T{title}", f"{day} January 2022", f"S{summary}", kicker) for title, day, summary, kicker in rows]
        if not items:
            continue
        bring_in(folder, (name, listing(*items)), force=True)
        assert counts(bring_in(folder, (name, listing(*items)), force=True))[:2] == (0, 0)
        for story in stories(folder):
            assert story.summary == mine.get(story.id, story.summary)
        if edit:
            path = min(folder.glob("*.md"))
            mine[path.stem] = "By hand."
            path.write_text(writing.edit(path.read_text(), {"summary": "By hand."}))
