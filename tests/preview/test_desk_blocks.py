"""The issue's own words on the page: subject, preheader, intro and blocks, written, moved and removed, in its file."""

from __future__ import annotations

import re

import pytest
import yaml
from playwright.sync_api import expect
from previewed import opened, settled, until

from accessibility import violations
from digest.blocks.kinds import KINDS

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("width", [375, 1280])
FILE = "issues/2022-02/everyone.yaml"
WOMEN = "2022-02-14-helping-women-workers-manage-cultural"
TWO = """# Ana's issue
blocks:
  # the editor's word
  - kind: letter
    text: Dear readers, this month is about skills.
    name: Ana Silva   # she signs
  - kind: button
    label: Answer the survey
    link: https://www.example.org/survey
"""


def mail(page):
    return page.frame_locator("iframe[name=first]")


def field(page, label):
    return page.locator("#editor").get_by_label(label, exact=True)


def save(page):
    page.locator("#editor").get_by_role("button", name="Save", exact=True).click()


def said(page, words="Saved"):
    expect(page.locator("#said")).to_contain_text(words)


def data(shown, file=FILE):
    return yaml.safe_load((shown.root / file).read_text())


def becomes(page, shown, text, file=FILE):
    """Wait until the file says this."""
    until(page, lambda: (shown.root / file).read_text() == text)


def press(page, label):
    page.locator("#blocks").get_by_role("button", name=re.compile(f"^{label}")).click()


@BOTH
def test_subject_preheader_and_intro_are_written(browser, shown, width):
    """What is typed shows in the inbox line and the mail before it is saved; then the file has it, and undone not."""
    with opened(browser, shown, width, "panels=issue") as page:
        page.get_by_role("button", name="Edit subject, preheader, intro").click()
        field(page, "Subject").fill("Skills that pay the rent")
        expect(page.locator(".desktop .subject")).to_have_text("Skills that pay the rent")
        field(page, "Preheader").fill("Five stories")
        field(page, "Intro").fill("Words of the **editor**")
        expect(mail(page).locator("body")).to_contain_text("Words of the editor")
        assert not (shown.root / FILE).exists()
        save(page)
        said(page, f"Saved: {FILE}")
        wanted = {
            "subject": "Skills that pay the rent",
            "preheader": "Five stories",
            "intro": "Words of the **editor**",
        }
        assert data(shown) == wanted
        page.locator("#said").get_by_role("button", name="Undo").click()
        said(page, "Undone")
        assert not (shown.root / FILE).exists()


@BOTH
def test_a_letter_is_written_by_keyboard_alone(browser, shown, width):
    """From the panel to a block in the mail without a mouse: kind, words, signature, save."""
    with opened(browser, shown, width, "panels=issue") as page:
        page.get_by_label("Add a block").focus()
        page.keyboard.press("End")
        page.keyboard.press("Home")  # typed letters are one word only as long as they come fast
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#editor-title")).to_be_focused()
        for _ in range(7):  # Close, and the five marks
            page.keyboard.press("Tab")
        expect(field(page, "Text (needed)")).to_be_focused()
        page.keyboard.type("Dear readers")
        for _ in range(2):
            page.keyboard.press("Tab")
        page.keyboard.type("Ana Silva")
        page.keyboard.press("Control+s")
        said(page, f"Saved: {FILE}")
        assert data(shown) == {"blocks": [{"kind": "letter", "text": "Dear readers", "name": "Ana Silva"}]}
        expect(mail(page).locator("body")).to_contain_text("Dear readers")
        page.keyboard.type(", and friends")  # the form is that block's now
        page.keyboard.press("Control+s")
        page.keyboard.press("Escape")  # waits for what is being saved
        expect(page.locator("#editor")).to_be_hidden()
        assert [each["name"] for each in data(shown)["blocks"]] == ["Ana Silva, and friends"]


@BOTH
def test_blocks_are_moved_changed_and_removed_and_comments_stay(browser, shown, width):
    """Buttons and Alt with an arrow move a block, and the focus stays with it; each change is undone by itself."""
    shown.write(FILE, TWO)
    with opened(browser, shown, width, "panels=issue") as page:
        press(page, "Move down: letter")
        expect(page.locator("#said").get_by_role("button", name="Undo")).to_be_visible()
        expect(page.locator("#blocks li").first).to_contain_text("Answer the survey")
        expect(page.locator("[data-focus='down 1']")).to_be_focused()
        assert [block["kind"] for block in data(shown)["blocks"]] == ["button", "letter"]
        assert "  # the editor's word\n  - kind: letter" in (shown.root / FILE).read_text()
        page.keyboard.press("Alt+ArrowUp")
        expect(page.locator("#blocks li").first).to_contain_text("Dear readers")
        becomes(page, shown, TWO)
        press(page, "Edit: letter")
        field(page, "Name").fill("Ana Lima")
        save(page)
        becomes(page, shown, TWO.replace("Ana Silva", "Ana Lima"))
        settled(page)  # its Undo is there before the next one
        press(page, "Remove: button")
        expect(page.locator("#blocks li")).to_have_count(1)
        expect(page.locator("#said").get_by_role("button", name="Undo")).to_be_visible()
        assert [block["kind"] for block in data(shown)["blocks"]] == ["letter"]
        page.locator("#said").get_by_role("button", name="Undo").click()
        expect(page.locator("#blocks li")).to_have_count(2)
        becomes(page, shown, TWO.replace("Ana Silva", "Ana Lima"))


@BOTH
def test_a_block_is_dragged(browser, shown, width):
    """A block follows the pointer, and stays where it is dropped."""
    shown.write(FILE, TWO)
    with opened(browser, shown, width, "panels=issue") as page:
        settled(page)
        page.locator("#blocks li").nth(1).locator(".grip").hover()
        page.mouse.down()
        target = page.locator("#blocks li").first.bounding_box()
        page.mouse.move(target["x"] + 5, target["y"] + 4, steps=5)
        page.mouse.up()
        said(page)
        assert [block["kind"] for block in data(shown)["blocks"]] == ["button", "letter"]


@BOTH
def test_the_rows_of_a_block_are_fields_of_their_own(browser, shown, width):
    """Events have as many rows as there are dates; a mistake in one is said at the block's field; a place is chosen."""
    with opened(browser, shown, width, "panels=issue") as page:
        page.get_by_label("Add a block").select_option("events")
        page.get_by_role("button", name="Add", exact=True).click()
        field(page, "Title (needed)").first.fill("Coming up")
        rows = page.locator("#editor .items li")
        rows.nth(0).get_by_label("Date (needed)").fill("2022-03-31")
        rows.nth(0).get_by_label("Title (needed)").fill("A day of skills")
        page.get_by_role("button", name="Add one").click()
        rows.nth(1).get_by_label("Date (needed)").fill("2022-03-99")
        rows.nth(1).get_by_label("Title (needed)").fill("No such day")
        field(page, "Where it stands").select_option(f"after {WOMEN}")
        with page.expect_response(re.compile("/api/issue$")):  # a draft says as much
            save(page)
        expect(page.locator("#editor")).to_contain_text("2, date: '2022-03-99' is not a day that exists")
        assert not (shown.root / FILE).exists()
        rows.nth(1).get_by_role("button", name="Remove").click()
        save(page)
        said(page)
        assert data(shown)["blocks"] == [
            {
                "kind": "events", "after": WOMEN, "title": "Coming up",
                "events": [{"date": "2022-03-31", "title": "A day of skills"}],
            }
        ] or str(data(shown)["blocks"][0]["events"][0]["date"]) == "2022-03-31"  # fmt: skip
        expect(mail(page).locator("body")).to_contain_text("A day of skills")


@BOTH
def test_an_issue_file_that_changed_underneath_is_not_written_over(browser, shown, width):
    """A block in a form, and its file changed meanwhile: both are shown; a press on an old list is refused."""
    shown.write(FILE, TWO)
    with opened(browser, shown, width, "panels=issue") as page:
        press(page, "Edit: letter")
        field(page, "Name").fill("Mine")
        shown.edit(FILE, "Ana Silva", "Theirs")
        save(page)
        both = page.get_by_role("group", name="Both versions")
        expect(both.get_by_role("row", name=re.compile("^Name"))).to_contain_text("Theirs")
        assert "Theirs" in (shown.root / FILE).read_text()
        both.get_by_role("button", name="Save mine over it").click()
        becomes(page, shown, TWO.replace("Ana Silva", "Mine"))
    answer = shown.post("/api/issue", {"period": "2022-02", "version": "old", "do": "remove", "index": 0})
    assert answer.status_code == 409
    assert len(data(shown)["blocks"]) == 2


@BOTH
def test_a_block_that_was_deleted_under_its_form_is_written_anew(browser, shown, width):
    """With its file or without: what was typed becomes a block again, and is that block from then on."""
    shown.write(FILE, TWO)
    with opened(browser, shown, width, "panels=issue") as page:
        press(page, "Edit: letter")
        field(page, "Name").fill("Mine")
        (shown.root / FILE).unlink()
        save(page)
        page.get_by_role("button", name="Write mine anew").click()
        said(page, f"Saved: {FILE}")
        letter = {"kind": "letter", "text": "Dear readers, this month is about skills.", "name": "Mine"}
        assert data(shown)["blocks"] == [letter]
        settled(page)  # nothing is a draft any more
        field(page, "Name").fill("Mine too")
        expect(page.locator("html")).to_have_attribute("data-draft", "yes")
        save(page)
        expect(page.locator("html")).to_have_attribute("data-draft", "no")
        assert data(shown)["blocks"] == [letter | {"name": "Mine too"}]


@BOTH
def test_words_for_every_audience_go_into_their_own_file(browser, shown, width):
    """What is for all is written to all.yaml, and each audience's issue shows it as what it is."""
    shown.write(FILE, TWO)
    with opened(browser, shown, width, "panels=issue") as page:
        page.get_by_label("What is written here is for").select_option("all")
        page.get_by_label("Add a block").select_option("heading")
        page.get_by_role("button", name="Add", exact=True).click()
        field(page, "Title (needed)").fill("From the archive")
        save(page)
        said(page, "Saved: issues/2022-02/all.yaml")
        assert data(shown, "issues/2022-02/all.yaml") == {"blocks": [{"kind": "heading", "title": "From the archive"}]}
        page.get_by_label("What is written here is for").select_option("own")
        expect(page.locator("#issue")).to_contain_text("heading, from issues/2022-02/all.yaml")


def test_an_overrides_file_becomes_an_issue_file_when_it_is_to_say_more(shown):
    """Pins stay where they were written until a text is added; then one file says both, and one undo puts both back."""
    old = "# Ana\nskip: [2022-02-10-strengthening-digital-tvet-in-ukraine]\n"
    shown.write("overrides/2022-02/everyone.yaml", old)
    form = shown.get("/api/issue", period="2022-02").json()
    body = {"period": "2022-02", "version": form["version"], "do": "texts", "values": {"subject": "New"}}
    saved = shown.post("/api/issue", body).json()
    assert data(shown) == {"skip": ["2022-02-10-strengthening-digital-tvet-in-ukraine"], "subject": "New"}
    assert "# Ana" in (shown.root / FILE).read_text()
    assert not (shown.root / "overrides/2022-02/everyone.yaml").exists()
    shown.post("/api/undo", {"id": saved["undo"]})
    assert (shown.root / "overrides/2022-02/everyone.yaml").read_text() == old
    assert not (shown.root / FILE).exists()


def test_every_kind_has_a_form_of_its_fields(shown):
    """The forms are made from the table: no field of a kind is missing, and what is needed says so."""
    kinds = {each["name"]: each["fields"] for each in shown.get("/api/issue", period="2022-02").json()["kinds"]}
    assert kinds.keys() == KINDS.keys()
    for name, fields in kinds.items():
        own = {each["key"]: each["required"] for each in fields if each["key"] != "where"}
        assert own == {row.name: row.required for row in KINDS[name].fields}


@pytest.mark.parametrize("wrong", [-1, 2, 99, "0", None, True, [0], 1.5])
def test_a_block_that_is_not_there_is_said(shown, wrong):
    """A number that names no block changes nothing."""
    shown.write(FILE, TWO)
    read = shown.get("/api/issue", period="2022-02").json()["version"]
    for body in ({"do": "remove", "index": wrong}, {"do": "move", "index": 0, "to": wrong}):
        answer = shown.post("/api/issue", {"period": "2022-02", "version": read, **body})
        assert answer.status_code == 409
        assert "not there any more" in answer.json()["errors"][0]
    assert (shown.root / FILE).read_text() == TWO


@BOTH
def test_axe_finds_nothing_in_the_forms_of_blocks(browser, shown, width):
    """The panel and the form with rows pass axe in both schemes, and nothing is wider than the window."""
    shown.write(FILE, TWO)
    with opened(browser, shown, width, "panels=issue", bypass_csp=True) as page:
        page.get_by_label("Add a block").select_option("events")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("#editor .items li")).to_have_count(1)
        settled(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert violations(page, iframes=False) == [], scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= width


LANGUAGES = "    languages: [en, fr]\n    recipients: {csv: recipients/everyone.csv}"


def test_each_language_has_its_own_words_and_shares_what_is_said_once(shown):
    """In an audience of two languages a text is written for one; what the file says once for all stays so."""
    shown.edit("config.yaml", "    recipients: {csv: recipients/everyone.csv}", LANGUAGES)
    shown.write(FILE, "subject: For all\nblocks:\n  default:\n    - kind: divider\n")

    def write(language, **values):
        asked = {"period": "2022-02", "language": language}
        read = shown.get("/api/issue", **asked).json()
        answer = shown.post("/api/issue", {**asked, "version": read["version"], **values})
        assert answer.status_code == 200, answer.text

    write("fr", do="texts", values={"preheader": "Cinq articles"})
    write("fr", do="texts", values={"subject": "Pour tous"})
    write("en", do="add", kind="heading", values={"title": "More"})
    assert data(shown) == {
        "subject": "Pour tous",
        "preheader": {"fr": "Cinq articles"},
        "blocks": {"default": [{"kind": "divider"}, {"kind": "heading", "title": "More"}]},
    }
    assert shown.get("/api/issue", period="2022-02", language="en").json()["values"]["preheader"] == ""
    shown.write(FILE, "subject: {en: Skills, fr: Compétences}\n")
    write("fr", do="texts", values={"subject": "Métiers"})
    write("en", do="add", kind="divider", values={})
    assert data(shown) == {"subject": {"en": "Skills", "fr": "Métiers"}, "blocks": {"en": [{"kind": "divider"}]}}


@BOTH
def test_a_form_saves_where_it_was_opened(browser, shown, width):
    """Words typed for February stay February's, though one looks at January before saving them."""
    with opened(browser, shown, width, "panels=issue") as page:
        page.get_by_role("button", name="Edit subject, preheader, intro").click()
        field(page, "Subject").fill("February's own")
        page.get_by_role("button", name="The period before").click()
        expect(page.locator("#period")).to_have_value("2022-01")
        save(page)
        said(page, f"Saved: {FILE}")
        assert data(shown) == {"subject": "February's own"}
        assert not (shown.root / "issues/2022-01").exists()


def test_a_block_that_moved_meanwhile_is_still_the_one_that_is_changed(shown):
    """The number that a form remembers may be another block's by now; what the form showed tells which is meant."""
    shown.write(FILE, "blocks:\n  - {kind: letter, text: Second}\n  - {kind: letter, text: First}\n  - kind: divider\n")
    form = shown.get("/api/issue", period="2022-02").json()
    body = {
        "period": "2022-02",
        "version": form["version"],
        "do": "change",
        "kind": "letter",
        "values": {"name": "Ana"},
    }
    was = {"text": "First", "where": ""}
    assert shown.post("/api/issue", {**body, "index": 0, "was": was}).json()["index"] == 1
    assert data(shown)["blocks"][:2] == [
        {"kind": "letter", "text": "Second"}, {"kind": "letter", "text": "First", "name": "Ana"},
    ]  # fmt: skip
    version = shown.get("/api/issue", period="2022-02").json()["version"]
    gone = shown.post("/api/issue", {**body, "version": version, "index": 2, "was": was})
    assert gone.status_code == 409
    assert "not there any more" in gone.json()["errors"][0]


@BOTH
def test_a_block_of_every_issue_says_where_it_is_edited(browser, shown, width):
    """It is not of this issue's file, so the page has no form for it, but the file and the line."""
    config = (shown.root / "config.yaml").read_text() + "recurring:\n  - {kind: heading, title: Every month}\n"
    shown.write("config.yaml", config)
    with opened(browser, shown, width, "panels=issue") as page:
        line = config.count("\n")
        expect(page.locator("#issue")).to_contain_text(f"heading, in every issue; edit it in config.yaml:{line}")
