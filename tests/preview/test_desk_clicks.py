"""A click in the mail opens the form of what was clicked; nothing in the mail runs, and no link of it leads away."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from previewed import opened, rest, route, settled, until

from digest.composer import trace

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("width", [375, 1280])
FILE = "issues/2022-02/everyone.yaml"
ISSUE = """intro: A word before.
blocks:
  - kind: letter
    text: Dear readers, this month is about skills.
    name: Ana Silva
  - kind: events
    title: Coming up
    events:
      - {date: 2022-03-08, title: Women at work, link: "https://www.example.org/women"}
"""


def mail(page):
    return page.frame_locator("iframe[name=first]")


def title(page, words):
    expect(page.locator("#editor-title")).to_have_text(words)


def field(page, label):
    return page.locator("#editor").get_by_label(label, exact=True)


@BOTH
def test_a_click_on_a_story_opens_its_form(browser, shown, width):
    """On its headline, which is a link, on its words and on its picture; the mail stays where it is."""
    with opened(browser, shown, width) as page:
        for name, value in (
            ("Digitally and financially", "Digitally"),
            ("Strengthening digital TVET", "Strengthening"),
        ):
            mail(page).get_by_role("heading", name=re.compile(f"^{name}")).click()
            expect(field(page, "Title (needed)")).to_have_value(re.compile(f"^{value}"))
        mail(page).locator("img.photo").first.click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Helping Women"))
        mail(page).get_by_text("In Jordan, the ILO").click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Supporting employment"))
        assert "/frame?" in page.frame("first").url
        assert page.context.pages[1:] == [page]


@BOTH
def test_a_click_on_a_block_opens_its_form(browser, shown, width):
    """The letter, an event that is a link, the intro; of a block of every issue it says where that is written."""
    shown.write(FILE, ISSUE)
    config = (shown.root / "config.yaml").read_text()
    config += "\nrecurring:\n  - {kind: heading, title: Every month}\n"
    shown.write("config.yaml", config)
    line = config.count("\n")
    with opened(browser, shown, width) as page:
        mail(page).get_by_text("Dear readers").click()
        title(page, "Edit the letter")
        expect(field(page, "Name")).to_have_value("Ana Silva")
        mail(page).get_by_role("link", name="Women at work").click()
        title(page, "Edit the events")
        mail(page).get_by_text("A word before.").click()
        title(page, "The issue’s words")
        expect(field(page, "Intro")).to_be_focused()
        mail(page).get_by_text("Every month").click()
        expect(page.locator("#said")).to_contain_text(f"That is written in config.yaml:{line}.")
        assert page.context.pages[1:] == [page]


@BOTH
def test_a_click_on_a_block_that_is_being_typed_stays_in_its_form(browser, shown, width):
    """Its lines are not those of the file yet, nor after a save; the next block's click opens that one's form."""
    shown.write(FILE, ISSUE)
    with opened(browser, shown, width, "panels=issue") as page:
        asked = []
        said = page.locator("#said")
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
        page.get_by_label("Add a block").select_option("notice")
        page.get_by_role("button", name="Add", exact=True).click()
        text = field(page, "Text (needed)")
        text.fill("One line.\n\nAnd quite another.")
        mail(page).get_by_text("And quite another.").click()
        title(page, "A new notice")
        expect(text).to_be_focused()
        mail(page).get_by_text("Dear readers").click()
        title(page, "Edit the letter")
        for words in ("Dear all,\n\nlisten:\n\nthis is", "Dear you,\n\nlisten:\n\nhere is"):
            page.get_by_label("Add a block").focus()
            text.fill(f"{words} about skills.")
            mail(page).get_by_text(f"{words.split()[-2]} is about skills.").click()
            expect(text).to_be_focused()
            title(page, "Edit the letter")
            said.evaluate("said => said.replaceChildren()")
            page.keyboard.press("Control+s")
            expect(said).to_contain_text("Saved")
        assert asked == ["Throw away what you typed here?"]  # the notice
        text.fill("Dear you,\n\nwait.\n\nAnd so on, and so on.")
        expect(mail(page).get_by_text("And so on")).to_be_visible()
        mail(page).get_by_role("link", name="Women at work").click()
        title(page, "Edit the events")


def test_a_click_counts_though_lines_of_the_file_moved(shown):
    """Nothing of the mail changed: a comment was written above the block."""
    shown.write(FILE, ISSUE)
    frame = shown.get("/frame", period="2022-02").text
    made = re.search('data-made="([0-9a-f]+)"', frame)[1]
    nth = str([text[:12] for text in re.findall(r"<p\b[^>]*>([^<]*)", frame)].index("Dear readers"))
    query = {"period": "2022-02", "tag": "p", "nth": nth, "made": made}
    before = shown.get("/api/written", **query).json()["issue"]
    assert before["words"].startswith("Dear readers")
    was = shown.get("/api/edition").json()["revision"]
    shown.edit(FILE, "blocks:", "# one\n# two\n# three\n# four\nblocks:")
    assert shown.get("/api/edition", period="2021-01").json()["revision"] > was
    assert shown.get("/api/written", **query).json()["issue"] == before


@BOTH
@pytest.mark.parametrize("part", [".name", "h1"])
def test_a_click_on_the_masthead_says_that_it_is_the_themes(browser, shown, width, part):
    """With nothing open, and with a story's form open before it: what no form is for is answered in words."""
    with opened(browser, shown, width) as page:
        mail(page).locator(part).first.click()
        expect(page.locator("#said")).to_contain_text("That is the theme’s")
        mail(page).get_by_role("heading", name=re.compile("^Strengthening digital TVET")).click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Strengthening"))
        page.locator("#said").evaluate("said => said.replaceChildren()")
        mail(page).locator(part).first.click()
        expect(page.locator("#said")).to_contain_text("That is the theme’s")


@BOTH
def test_a_click_counts_before_the_last_picture_is_there(browser, shown, width):
    """What can be seen can be clicked on; a link in it leads nowhere then either."""
    story = "stories/2022-02-10-supporting-young-people-through-quality.md"
    shown.edit(story, "stories/pictures/", "https://pictures.example.org/")
    with opened(browser, shown, width, expected="net::ERR") as page:
        late = []
        route(page, "https://pictures.example.org/*", lambda route: late.append(route))  # noqa: PLW0108 - as Playwright wants it
        page.get_by_role("button", name="Dark").click()
        until(page, lambda: late)
        mail(page).locator(".name").click()
        expect(page.locator("#said")).to_contain_text("That is the theme’s")
        mail(page).get_by_role("heading", name=re.compile("^Strengthening digital TVET")).click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Strengthening"))
        assert not page.locator("iframe[data-ready]").count()
        for each in late:
            each.abort()


@BOTH
def test_a_click_counts_though_the_mail_changes_meanwhile(browser, shown, width):
    """An answer that comes between the button's down and up is drawn after it: the mail is still under the pointer."""
    with opened(browser, shown, width) as page:
        heading = mail(page).get_by_role("heading", name=re.compile("^Strengthening digital TVET"))
        settled(page)
        heading.hover()
        page.mouse.down()
        with page.expect_response(re.compile("/api/edition")) as answered:
            shown.edit("stories/2022-02-10-strengthening-digital-tvet-in-ukraine.md", "title: S", "title: Really s")
        answered.value.finished()
        rest(page)
        expect(heading).to_be_visible()
        page.mouse.up()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Really strengthening"))
        expect(mail(page).get_by_role("heading", name=re.compile("^Really strengthening"))).to_be_visible()


@BOTH
def test_a_link_opens_beside_with_control_and_marked_words_open_nothing(browser, shown, width):
    """Who holds a key wants the link itself, as everywhere; who marks words wants the words."""
    with opened(browser, shown, width, expected="Blocked script execution") as page:
        asked = []
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        page.context.route("https://**", lambda route: route.fulfill(body="there"))
        with page.context.expect_page():
            mail(page).get_by_role("link", name=re.compile("^Digitally and financially")).click(modifiers=["Control"])
        settled(page)
        text = mail(page).get_by_text("In Jordan, the ILO")
        text.scroll_into_view_if_needed()
        words = text.bounding_box()
        mouse = page.context.new_cdp_session(page)  # Playwright's own waits for a script in the frame, which runs none
        for deed, along in (("mousePressed", 5), ("mouseMoved", 90), ("mouseReleased", 90)):
            place = {"x": words["x"] + along, "y": words["y"] + 10, "button": "left", "buttons": 1, "clickCount": 1}
            mouse.send("Input.dispatchMouseEvent", {"type": deed, **place})
        assert text.evaluate("words => words.ownerDocument.getSelection().toString()")
        mail(page).get_by_text("Few women in").click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Helping Women"))
        assert asked.count("/api/written") == 1  # of this click alone


def test_a_click_counts_in_the_last_good_mail_of_a_theme_that_is_broken(shown):
    """Nobody had clicked before it broke, here or in another run: what marks the theme is not made yet."""
    trace._compiled.cache_clear()
    for kept in Path(os.environ["XDG_CACHE_HOME"]).rglob("marks-*.json"):
        kept.unlink(missing_ok=True)
    frame = shown.get("/frame", period="2022-02").text
    assert shown.get("/api/edition", period="2022-02").json()["errors"] == []
    shown.write("templates/default/credit.mjml.j2", "\n{{ 1 + }}\n")
    assert shown.get("/api/edition", period="2022-02").json()["errors"]
    made = re.search('data-made="([0-9a-f]+)"', frame)[1]
    query = {"period": "2022-02", "tag": "h2", "nth": "0"}
    assert shown.get("/api/written", **query).json()["story"]
    assert shown.get("/api/written", **query, made=made).json()["story"]


def test_a_click_in_a_mail_that_is_long_gone_is_refused_in_words(shown):
    """Whose words those were is not known any more; nor is it guessed."""
    answer = shown.get("/api/written", period="2022-02", tag="h2", nth="0", made="0" * 64)
    assert answer.status_code in (409, 422)
    assert answer.json()["errors"] == ["the mail has changed meanwhile; look again, then click"]


@pytest.mark.parametrize("query", [{"tag": "h2", "nth": "999"}, {"tag": "h2"}, {"tag": "<", "nth": "-1"}])
def test_an_element_that_is_not_there_is_nobodys(shown, query):
    """The mail changed since, or somebody asks for what it never had."""
    answer = shown.get("/api/written", period="2022-02", **query)
    assert (answer.status_code, answer.json()) == (200, {"story": "", "issue": None, "elsewhere": ""})
