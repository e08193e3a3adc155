"""Answers come late, and panels are drawn anew: what a person typed, chose or pressed meanwhile is what counts."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import yaml
from PIL import Image
from playwright.sync_api import expect
from previewed import Late, Shown, opened, rest, route, serving, settled

pytestmark = pytest.mark.browser
FILE = "issues/2022-02/everyone.yaml"
UKRAINE = "2022-02-10-strengthening-digital-tvet-in-ukraine"
WOMEN = "2022-02-14-helping-women-workers-manage-cultural"
URUGUAY = "2022-02-25-digitally-and-financially-empowered"
ABC = """blocks:
  - {kind: heading, title: Alpha}
  - {kind: heading, title: Beta}
  - {kind: heading, title: Gamma}
"""
AWAY = "Failed to load|chrome-error|Blocked a frame"  # what a browser says of a server that is not there
ZERO = "blocks:\n  - {kind: heading, title: Zero}\n"


def mail(page):
    return page.frame_locator("iframe[name=first]")


def field(page, label):
    return page.locator("#editor").get_by_label(label, exact=True)


def edit(page, story):
    page.locator(f"li[data-id='{story}'] [data-do=edit]").click()


def press(page, label):
    page.locator("#blocks").get_by_role("button", name=label, exact=True).click()


def becomes(page, shown, wanted):
    """The file has these blocks, soon, and the panel shows them."""
    for _ in range(400):
        if titles(shown) == wanted:
            break
        page.wait_for_timeout(50)
    assert titles(shown) == wanted
    expect(page.locator("#blocks .story")).to_have_text(wanted)


def press_story(page, label, story):
    page.locator(f"li[data-id='{story}']").get_by_role("button", name=re.compile(f"^{label}:")).click()


@contextmanager
def answered(page, key):
    """What saves a hand with something under this key is answered, and its Undo is there."""
    with page.expect_response(lambda each: "overrides" in each.url and each.request.post_data_json[key]) as saved:
        yield
    saved.value.finished()
    rest(page)


def hand(page, shown, wanted):
    """The issue file says this, soon, and nothing of what was pressed was refused."""
    for _ in range(400):
        if yaml.safe_load((shown.root / FILE).read_text() or "{}") == wanted:
            break
        page.wait_for_timeout(50)
    assert yaml.safe_load((shown.root / FILE).read_text()) == wanted
    expect(page.locator("#said")).to_contain_text("Saved")


def titles(shown):
    return [block["title"] for block in yaml.safe_load((shown.root / FILE).read_text()).get("blocks", [])]


def test_a_late_form_takes_the_place_of_none_that_was_asked_for_later(browser, shown):
    """Edit one story, then another, and type: the first one's answer is not wanted any more."""
    with opened(browser, shown, query="panels=stories") as page:
        late = Late(page, rf"/api/story\?.*id={UKRAINE}")
        edit(page, UKRAINE)
        late.asked()
        edit(page, WOMEN)
        title = field(page, "Title (needed)")
        expect(title).to_have_value(re.compile("^Helping"))
        title.fill("Typed by me")
        late.come()
        expect(title).to_have_value("Typed by me")


def test_what_is_typed_while_the_next_form_is_late_is_asked_about(browser, shown):
    """Nobody was asked when the next form was asked for, as nothing was typed then."""
    with opened(browser, shown, query="panels=stories") as page:
        edit(page, WOMEN)
        title = field(page, "Title (needed)")
        expect(title).to_have_value(re.compile("^Helping"))
        late = Late(page, rf"/api/story\?.*id={UKRAINE}")
        edit(page, UKRAINE)
        late.asked()
        title.fill("Typed by me")
        asked = []
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        late.come()
        expect(title).to_have_value("Typed by me")
        assert asked == ["Throw away what you typed here?"]


def test_a_form_stays_under_the_caret(browser, shown):
    """Another file changed: the form that follows it is answered when somebody is about to type in it."""
    with opened(browser, shown, query="panels=stories") as page:
        edit(page, WOMEN)
        title = field(page, "Title (needed)")
        expect(title).to_have_value(re.compile("^Helping"))
        page.locator("#search").focus()
        late = Late(page, rf"/api/story\?.*id={WOMEN}", 1)
        shown.story("another")
        late.asked()
        title.focus()
        page.keyboard.press("End")
        late.come()
        page.keyboard.type(" nid")
        expect(title).to_have_value(re.compile("^Helping.* nid$"))


def test_a_late_form_leaves_the_focus_where_somebody_types(browser, shown):
    """Edit was pressed, and then the search was chosen: letters go on there."""
    with opened(browser, shown, query="panels=stories") as page:
        late = Late(page, rf"/api/story\?.*id={UKRAINE}")
        edit(page, UKRAINE)
        late.asked()
        page.locator("#search").click()
        page.keyboard.type("pri")
        late.come()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Strengthening"))
        page.keyboard.type("son")
        expect(page.locator("#search")).to_have_value("prison")


def test_a_form_follows_the_file_as_it_was_when_it_was_asked_for_last(browser, shown):
    """The file changed twice, and the answer to the first change comes last: who types now goes on from the second."""
    file = f"stories/{WOMEN}.md"
    with opened(browser, shown, query="panels=stories") as page:
        edit(page, WOMEN)
        title = field(page, "Title (needed)")
        expect(title).to_have_value(re.compile("^Helping"))
        page.locator("#search").focus()
        late = Late(page, rf"/api/story\?.*id={WOMEN}", 1, early=True)
        shown.edit(file, "title: H", "title: First h")
        late.asked()
        shown.edit(file, "title: First h", "title: Then h")
        expect(title).to_have_value(re.compile("^Then helping"))
        late.come()
        expect(title).to_have_value(re.compile("^Then helping"))


def test_a_picture_on_its_way_is_not_lost(browser, shown, tmp_path):
    """A change of another file, as of the picture itself, draws no form anew that waits for one."""
    Image.new("RGB", (90, 60), (30, 120, 60)).save(tmp_path / "m.jpg", "JPEG")
    with opened(browser, shown, query="panels=stories", expected="404") as page:
        edit(page, URUGUAY)
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Digitally"))
        late = Late(page, "/api/picture")
        page.get_by_label("Picture: a file of yours").set_input_files(tmp_path / "m.jpg")
        late.asked()
        page.locator("#search").focus()
        with page.expect_response(re.compile("/api/edition")):
            shown.story("another")
        expect(page.locator("li[data-id='another']")).to_be_visible()
        late.come()
        expect(page.locator("#said")).to_contain_text("m.jpg")
        expect(field(page, "Picture")).to_have_value("images/m.jpg")


def test_a_form_that_is_saved_while_the_edition_is_turned(browser, shown):
    """Its answer finds no form any more; the next form is opened and saved as ever."""
    with opened(browser, shown, query="panels=issue,stories") as page:
        page.get_by_label("Add a block").select_option("divider")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("#editor-title")).to_have_text("A new divider")
        late = Late(page, "/api/issue$")
        page.locator("#editor-save").click()
        late.asked()
        page.locator("#previous").click()
        expect(page.locator("#editor")).to_be_hidden()
        late.come()
        expect(page.locator("#period")).to_have_value("2022-01")
        page.locator("#next").click()
        expect(page.locator("#period")).to_have_value("2022-02")
        edit(page, WOMEN)
        field(page, "Title (needed)").fill("Anew")
        page.locator("#editor-save").click()
        expect(page.locator("#said")).to_contain_text("Saved: stories/")
        assert "divider" in (shown.root / FILE).read_text()


def test_what_is_typed_while_it_is_saved_is_shown(browser, shown):
    """The mail does not fall back to what was saved."""
    with opened(browser, shown, query="panels=stories") as page:
        edit(page, WOMEN)
        title = field(page, "Title (needed)")
        title.fill("First")
        expect(mail(page).locator("h2", has_text="First")).to_be_visible()
        late = Late(page, "/api/story$")
        page.keyboard.press("Control+s")
        late.asked()
        title.press("End")
        page.keyboard.type(" second")
        late.come()
        expect(page.locator("#said")).to_contain_text("Saved")
        settled(page)
        expect(mail(page).locator("h2", has_text="First second")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("data-draft", "yes")


def test_a_save_by_keys_keeps_the_focus_and_a_late_refusal_takes_none(browser, shown):
    """The button is off while it works; what is refused is shown at its field, and whoever typed on types on."""
    with opened(browser, shown, query="panels=stories") as page:
        edit(page, WOMEN)
        field(page, "Title (needed)").fill("Anew")
        page.locator("#editor-save").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("Saved")
        expect(page.locator("#editor-save")).to_be_focused()
        field(page, "Date (needed)").fill("nonsense")
        late = Late(page, "/api/story$")
        page.keyboard.press("Control+s")
        late.asked()
        field(page, "Kicker").fill("One")
        late.come()
        expect(field(page, "Date (needed)")).to_have_attribute("aria-invalid", "true")
        page.keyboard.type(" two")
        expect(field(page, "Kicker")).to_have_value("One two")


def test_two_quick_presses_mean_the_rows_that_were_pressed(browser, shown):
    """The second is pressed before the first is saved, as two keys are."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue") as page:
        late = Late(page, "/api/issue$", 1)
        press(page, "Move down: heading “Alpha”")
        press(page, "Move down: heading “Alpha”")
        late.come()
        becomes(page, shown, ["Beta", "Gamma", "Alpha"])
        late = Late(page, "/api/issue$", 1)
        press(page, "Remove: heading “Beta”")
        press(page, "Remove: heading “Gamma”")
        late.come()
        becomes(page, shown, ["Alpha"])


def test_a_press_is_of_the_edition_in_which_it_was_made(browser, shown):
    """It waits for the one before it, and the period is turned meanwhile."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue&period=2022-02") as page:
        late = Late(page, "/api/issue$", 1)
        press(page, "Remove: heading “Alpha”")
        press(page, "Move down: heading “Beta”")
        page.locator("#previous").click()
        expect(page.locator("#blocks")).to_have_count(0)
        late.come()
        expect(page.locator("#period")).to_have_value("2022-01")
        page.locator("#next").click()
        becomes(page, shown, ["Gamma", "Beta"])
        assert sorted(path.name for path in (shown.root / "issues").iterdir()) == ["2022-02"]


def test_after_one_that_is_refused_no_other_press_goes(browser, shown):
    """The file changed underneath: its rows are others, and the presses meant those that were shown."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue") as page:
        expect(page.locator("#blocks li")).to_have_count(3)
        late, facts = Late(page, "/api/issue$", 1), Late(page, "/api/edition")
        press(page, "Remove: heading “Alpha”")
        press(page, "Remove: heading “Beta”")
        late.asked()
        shown.edit(FILE, "blocks:\n", ZERO)
        facts.asked()
        late.come()
        expect(page.locator("#said")).to_contain_text("was refused; so this was not done")
        becomes(page, shown, ["Zero", "Alpha", "Beta", "Gamma"])


def test_a_row_that_is_older_than_the_file(browser, shown):
    """Another person's block came before it: what is edited and removed is what was pressed."""
    shown.write(FILE, "intro: A word.\n" + ABC)
    with opened(browser, shown, query="panels=issue") as page:
        expect(page.locator("#blocks li")).to_have_count(3)
        late = Late(page, "/api/edition")
        shown.edit(FILE, "blocks:\n", ZERO)
        late.asked()
        press(page, "Edit: heading “Alpha”")
        expect(field(page, "Title (needed)")).to_have_value("Alpha")
        expect(page.locator("#blocks .story")).to_have_text(["Zero", "Alpha", "Beta", "Gamma"])  # rows and version
        press(page, "Remove: heading “Beta”")
        becomes(page, shown, ["Zero", "Alpha", "Gamma"])
        late.come()


def test_a_block_that_is_moved_while_its_form_is_open(browser, shown):
    """The form is that block's wherever it goes, and another one in its old place is another."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue") as page:
        press(page, "Edit: heading “Alpha”")
        title = field(page, "Title (needed)")
        expect(title).to_have_value("Alpha")
        title.fill("Alpha anew")
        press(page, "Move down: heading “Alpha”")
        becomes(page, shown, ["Beta", "Alpha", "Gamma"])
        page.locator("#editor-save").click()
        becomes(page, shown, ["Beta", "Alpha anew", "Gamma"])
        press(page, "Move down: heading “Alpha anew”")
        becomes(page, shown, ["Beta", "Gamma", "Alpha anew"])
        title.fill("Alpha again")
        page.locator("#editor-save").click()
        becomes(page, shown, ["Beta", "Gamma", "Alpha again"])
        press(page, "Move up: heading “Alpha again”")
        becomes(page, shown, ["Beta", "Alpha again", "Gamma"])
        press(page, "Edit: heading “Gamma”")
        expect(title).to_have_value("Gamma")


def test_a_late_move_leaves_the_focus_where_somebody_types(browser, shown):
    """It is shown at once, and its answer takes nothing."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue,stories") as page:
        late = Late(page, "/api/issue$", 1)
        press(page, "Move down: heading “Alpha”")
        expect(page.locator("[data-focus='down 1']")).to_be_focused()
        late.asked()
        page.locator("#search").click()
        page.keyboard.type("prison")
        late.come()
        becomes(page, shown, ["Beta", "Alpha", "Gamma"])
        page.keyboard.type(" to")
        expect(page.locator("#search")).to_have_value("prison to")


def test_a_width_that_is_dragged_while_the_mail_changes(browser, shown):
    """The frame is drawn anew when the hand lets go, and is to be clicked in as before."""
    with opened(browser, shown, query="width=375") as page:
        settled(page)
        box = page.locator(".handle").bounding_box()
        at, down = box["x"] + box["width"] / 2, box["y"] + 200
        page.mouse.move(at, down)
        page.mouse.down()
        page.mouse.move(at + 20, down)
        with page.expect_response(re.compile("/api/edition")) as answered:
            shown.story("another", title="Quite another", date="2022-02-27")
        answered.value.finished()
        rest(page)
        page.mouse.move(at + 40, down)
        expect(page.locator(".handle")).to_have_attribute("aria-valuenow", "455")
        page.mouse.up()
        expect(mail(page).locator("h2", has_text="Quite another")).to_be_visible()
        expect(page.locator("body")).to_have_class("")


def test_a_key_under_a_press_takes_no_mail_from_under_it_and_holds_nothing_back(browser, shown):
    """The other colours are there when the button is up, and so is what changes after it."""
    with opened(browser, shown) as page:
        mail(page).get_by_role("heading", name=re.compile("^Strengthening digital TVET")).hover()
        page.mouse.down()
        page.keyboard.press("d")
        expect(page.locator("iframe.dark[data-ready]")).to_be_attached()
        rest(page)
        expect(page.locator("iframe.dark")).to_be_hidden()
        page.mouse.up()
        expect(page.locator("iframe.dark")).to_be_visible()
        shown.story("another", title="Quite another", date="2022-02-27")
        expect(mail(page).locator("h2", has_text="Quite another")).to_be_visible()


@pytest.mark.parametrize("look", [False, True])
def test_what_is_said_of_a_draft_waits_for_no_picture(browser, shown, look):
    """Nor for a frame that was taken away: the colours were changed meanwhile."""
    story = "stories/2022-02-10-supporting-young-people-through-quality.md"
    shown.edit(story, "stories/pictures/", "https://pictures.example.org/")
    with opened(browser, shown, query="panels=issue", expected="net::ERR") as page:
        pictures = []
        route(page, "https://pictures.example.org/*", lambda route: pictures.append(route))  # noqa: PLW0108 - Playwright
        page.get_by_role("button", name="Edit subject, preheader, intro").click()
        frames = Late(page, r"/frame\?", 1) if look else None
        field(page, "Subject").fill("Quite another subject")
        if frames:
            frames.asked()
            page.get_by_role("button", name="Dark").click()
        expect(page.locator("#inbox .desktop .subject")).to_have_text("Quite another subject")
        for each in pictures:
            each.abort()


def test_what_is_said_of_a_draft_waits_for_no_frame_that_failed(browser, shown):
    """The mail could not be fetched once: what is known of it is shown, and the next frame as ever."""
    with opened(browser, shown, query="panels=issue", expected="net::ERR|chrome-error|Blocked a frame") as page:
        page.get_by_role("button", name="Edit subject, preheader, intro").click()
        subject = field(page, "Subject")
        expect(subject).to_be_visible()
        route(page, re.compile(r"/frame\?"), lambda route: route.abort(), times=1)
        subject.fill("Quite another subject")
        expect(page.locator("#inbox .desktop .subject")).to_have_text("Quite another subject")
        subject.fill("And one more")
        expect(mail(page).locator("h2").first).to_be_visible()


def test_the_text_of_the_edition_that_was_asked_for_last(browser, shown):
    """An older answer comes after the newer one."""
    with opened(browser, shown, query="tab=text&period=2022-02") as page:
        paper = page.locator(".paper")
        expect(paper).to_contain_text("February 2022")
        late = Late(page, r"/api/part\?.*period=2022-01")
        page.locator("#previous").click()
        late.asked()
        expect(page.locator("#period")).to_have_value("2022-01")
        with page.expect_response(re.compile("/api/part")):
            page.locator("#next").click()
        expect(page.locator("#period")).to_have_value("2022-02")
        expect(paper).to_contain_text("February 2022")
        late.come()
        expect(paper).to_contain_text("February 2022")


@pytest.mark.parametrize(
    ("button", "first", "then"), [("previous", "2022-01", "2021-12"), ("next", "2022-03", "2022-04")]
)
def test_the_second_press_goes_on_from_where_the_first_one_leads(browser, shown, button, first, then):
    """The first one is answered late; one the other way takes one back, and a period that is typed stands."""
    with opened(browser, shown, query="period=2022-02") as page:
        expect(page.locator("#period")).to_have_value("2022-02")
        late = Late(page, rf"/api/edition\?.*period={first}")
        page.locator(f"#{button}").click()
        late.asked()
        page.locator(f"#{button}").click()
        late.come()
        expect(page.locator("#period")).to_have_value(then)
        expect(page).to_have_url(re.compile(f"period={then}"))
        late = Late(page, r"/api/edition\?.*period=2021-07")
        page.locator("#period").fill("2021-07")
        page.locator("#period").press("Enter")
        late.asked()
        for each in ("next", "next", "previous"):
            page.locator(f"#{each}").click()
        late.come()
        expect(page.locator("#period")).to_have_value("2021-08")
        late = Late(page, r"/api/edition\?.*period=2021-09")
        page.locator("#next").click()
        late.asked()
        page.locator("#next").click()
        page.locator("#period").fill("2020-05")
        page.locator("#period").press("Enter")
        late.come()
        settled(page)
        expect(page.locator("#period")).to_have_value("2020-05")
        expect(page).to_have_url(re.compile("period=2020-05"))


@pytest.mark.parametrize(("button", "begin", "broken", "then"), [
    ("previous", "2022-03", "2022-02", "2022-01"), ("next", "2022-01", "2022-02", "2022-03"),
])  # fmt: skip
def test_an_edition_that_cannot_be_read_is_gone_past(browser, shown, button, begin, broken, then):
    """It is named, its period stands above, and the next press leads on; so do two at once."""
    shown.write(f"issues/{broken}/everyone.yaml", "blocks: [")
    with opened(browser, shown, query=f"period={begin}") as page:
        period = page.locator("#period")
        page.locator(f"#{button}").click()
        expect(page.locator("#errors")).to_contain_text(f"issues/{broken}/everyone.yaml")
        expect(period).to_have_value(broken)
        page.locator(f"#{button}").click()
        expect(period).to_have_value(then)
        expect(page.locator("#errors")).to_be_hidden()
        back = "next" if button == "previous" else "previous"
        late = Late(page, rf"/api/edition\?.*period={broken}")
        page.locator(f"#{back}").click()
        late.asked()
        page.locator(f"#{back}").click()
        late.come()
        expect(period).to_have_value(begin)
        expect(page.locator("#errors")).to_be_hidden()


def test_a_click_in_an_older_mail_is_for_what_was_clicked(browser, shown):
    """Another story leads by now, or the period was turned: the frame shows none of it yet."""
    with opened(browser, shown, query="period=2022-02") as page:
        expect(mail(page).locator("h2", has_text="Helping")).to_be_visible()
        late = Late(page, "/api/edition")
        shown.write(FILE, f"pin: [{UKRAINE}]\nskip: [{WOMEN}]\n")
        late.asked()
        mail(page).locator("h2", has_text="Helping").click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Helping"))
        page.locator("#previous").click()
        late.asked(2)
        mail(page).locator("h2", has_text="Digitally").click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Digitally"))
        late.come()


@pytest.mark.parametrize("width", [375, 1280])
def test_a_click_counts_while_the_mail_is_on_its_way_anew(browser, shown, width):
    """The mail that is seen stays to be clicked on, and to be scrolled, until there is another to be seen."""
    with opened(browser, shown, width, expected="Blocked script execution") as page:
        late = Late(page, "/frame")
        shown.edit(f"stories/{UKRAINE}.md", "title: S", "title: Really s")
        late.asked()
        seen = page.frame_locator("iframe[data-ready]")
        seen.get_by_role("heading", name=re.compile("^Strengthening digital TVET")).click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Really strengthening"))
        page.locator("iframe[data-ready]").evaluate("frame => frame.contentWindow.scrollTo(0, 77)")
        late.come()
        expect(mail(page).get_by_role("heading", name=re.compile("^Really strengthening"))).to_be_visible()
        expect(page.locator("iframe")).to_have_count(1)
        if width < 1024:  # beside the form, the mail is scrolled to its story
            assert page.locator("iframe").evaluate("frame => frame.contentWindow.scrollY") == 77


def test_the_mail_that_is_seen_stays_while_nothing_answers(browser, shown):
    """There is no browser's own error page in its place; the next one that comes is shown."""
    with opened(browser, shown, expected=AWAY) as page:
        route(page, re.compile("/frame"), lambda route: route.abort())
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("iframe.dark[data-failed]")).to_be_attached()
        rest(page)
        expect(page.locator("iframe:not(.dark)")).to_be_visible()
        expect(page.frame_locator("iframe:not(.dark)").locator("h2").first).to_be_visible()
        page.unroute_all()
        page.get_by_role("button", name="Forced, fully").click()
        expect(mail(page).locator("h2").first).to_be_visible()
        expect(page.locator("iframe")).to_have_count(1)


@pytest.mark.parametrize("held", [".handle", "iframe"])
def test_a_mail_that_is_drawn_anew_keeps_the_focus(browser, shown, held):
    """Who widens the frame by keys, or reads in it, goes on."""
    with opened(browser, shown) as page:
        settled(page)  # a frame that nothing is in yet hears no key
        page.locator(held).focus()
        page.keyboard.press("d")
        expect(page.locator("iframe.dark")).to_be_visible()
        expect(page.locator("iframe")).to_have_count(1)
        expect(page.locator(held)).to_be_focused()


def test_a_click_on_a_block_in_an_older_mail_opens_no_other(browser, shown):
    """Its number is another one's by now: that is said, and the next click is for what it is on."""
    shown.write(FILE, ABC)
    with opened(browser, shown) as page:
        expect(mail(page).get_by_text("Beta")).to_be_visible()
        late = Late(page, "/api/edition")
        shown.edit(FILE, "blocks:\n", ZERO)
        late.asked()
        mail(page).get_by_text("Beta").click()
        expect(page.locator("#said")).to_contain_text("the mail has changed meanwhile")
        expect(page.locator("#editor")).to_be_hidden()
        late.come()
        expect(mail(page).get_by_text("Zero")).to_be_visible()
        mail(page).get_by_text("Beta").click()
        expect(field(page, "Title (needed)")).to_have_value("Beta")


def test_what_is_pressed_right_after_undo_goes_over_what_that_left(browser, shown):
    """Undo is answered late, or the list after it: the pin that was taken back stays so, and the others are saved."""
    with opened(browser, shown, query="panels=stories") as page:
        for story in (WOMEN, URUGUAY):
            with answered(page, "pin"):
                press_story(page, "Pin", story)
        hand(page, shown, {"pin": [WOMEN, URUGUAY]})
        late = Late(page, "/api/undo")
        page.locator("#said").get_by_role("button", name="Undo").click()
        late.asked()
        press_story(page, "Pin", UKRAINE)
        press_story(page, "Move down", UKRAINE)
        with answered(page, "order"):
            late.come()
        expect(page.locator(f"[data-focus='pin {UKRAINE}']")).to_have_attribute("aria-pressed", "true")
        settled(page)
        order = page.locator("#stories-in li").evaluate_all("rows => rows.map((row) => row.dataset.id)")
        hand(page, shown, {"pin": [WOMEN, UKRAINE], "order": order})
        late = Late(page, "/api/selection")
        page.locator("#said").get_by_role("button", name="Undo").click()
        late.asked(2)
        press_story(page, "Skip", URUGUAY)
        late.come()
        hand(page, shown, {"pin": [WOMEN, UKRAINE], "skip": [URUGUAY]})


def test_a_block_that_is_pressed_right_after_undo_is_that_block(browser, shown):
    """It has another place since, and stories are pinned before and after it from the same page."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue,stories") as page:
        press_story(page, "Pin", WOMEN)
        with page.expect_response(re.compile("/api/issue$")) as removed:
            press(page, "Remove: heading “Alpha”")
        removed.value.finished()
        becomes(page, shown, ["Beta", "Gamma"])
        late = Late(page, "/api/undo")
        page.locator("#said").get_by_role("button", name="Undo").click()
        late.asked()
        press(page, "Remove: heading “Beta”")
        late.come()
        becomes(page, shown, ["Alpha", "Gamma"])
        late = Late(page, "/api/issue$")
        press(page, "Move down: heading “Alpha”")
        late.asked()
        press_story(page, "Pin", URUGUAY)
        late.come()
        becomes(page, shown, ["Gamma", "Alpha"])
        expect(page.locator(f"[data-focus='pin {URUGUAY}']")).to_have_attribute("aria-pressed", "true")
        hand(page, shown, {**yaml.safe_load((shown.root / FILE).read_text()), "pin": [WOMEN, URUGUAY]})


def drag(page, rows, start, end, *, let_go=True):
    """A row by its grip to above another one."""
    page.locator(rows).nth(start).locator(".grip").hover()
    page.mouse.down()
    box = page.locator(rows).nth(end).bounding_box()
    for down in (9, 2):
        page.mouse.move(box["x"] + 5, box["y"] + down)
    if let_go:
        page.mouse.up()


@pytest.mark.parametrize("held", [False, True])
def test_what_is_dragged_right_after_undo_goes_over_what_that_left(browser, shown, held):
    """A block to before another one, by their words; and the hand may still hold it when the answer comes."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue") as page:
        with page.expect_response(re.compile("/api/issue$")) as removed:
            press(page, "Remove: heading “Alpha”")
        removed.value.finished()
        becomes(page, shown, ["Beta", "Gamma"])
        rest(page)
        late = Late(page, "/api/undo")
        page.locator("#said").get_by_role("button", name="Undo").click()
        late.asked()
        drag(page, "#blocks li", 1, 0, let_go=not held)
        late.come()
        if held:
            page.mouse.up()
        becomes(page, shown, ["Alpha", "Gamma", "Beta"])


@pytest.mark.parametrize("held", [False, True])
def test_a_story_that_is_dragged_right_after_undo(browser, shown, held):
    """It goes to before the row at which it was let go, though another story is there again."""
    shown.write(FILE, "intro: A word.\n")
    with opened(browser, shown, query="panels=stories") as page:
        expect(page.locator("#stories-in li")).to_have_count(5)
        order = page.locator("#stories-in li").evaluate_all("rows => rows.map((row) => row.dataset.id)")
        with answered(page, "skip"):
            press_story(page, "Skip", order[0])
        expect(page.locator("#stories-in li")).to_have_count(4)
        late = Late(page, "/api/undo")
        page.locator("#said").get_by_role("button", name="Undo").click()
        late.asked()
        drag(page, "#stories-in li", 2, 0, let_go=not held)
        late.come()
        if held:
            page.mouse.up()
        hand(page, shown, {"intro": "A word.", "order": [order[0], order[3], order[1], order[2], order[4]]})


def test_an_answer_from_before_a_save_is_not_what_the_next_press_goes_over(browser, shown):
    """It was read before the form was saved, and comes after: what is pressed then goes over what the form left."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue") as page:
        press(page, "Edit: heading “Beta”")
        field(page, "Title (needed)").fill("Beta too")
        old = Late(page, r"/api/issue\?", early=True)
        for _ in range(2):
            page.locator("#panel-issue summary").first.click()
        old.asked()
        with page.expect_response(re.compile("/api/issue$")) as saved:
            page.locator("#editor").get_by_role("button", name="Save", exact=True).click()
        saved.value.finished()
        old.kept[0]()
        rest(page)
        with page.expect_response(re.compile("/api/issue$")) as removed:
            press(page, "Remove: heading “Gamma”")
        assert removed.value.ok
        assert titles(shown) == ["Alpha", "Beta too"]


def test_what_changes_before_the_page_listens_is_seen(browser, shown):
    """Its mail was asked for before, its stream of changes begins after."""
    with opened(browser, shown) as page:
        events = Late(page, "/api/events")
        page.reload()
        events.asked()
        expect(mail(page).locator("h2").first).to_be_visible()
        with httpx.stream("GET", f"{shown.url}/api/events", timeout=30) as other:
            told = other.iter_lines()
            assert "event: hello" in (next(told), next(told))
            shown.edit(f"stories/{WOMEN}.md", "title: H", "title: Really h")
            assert "event: change" in told
        events.kept[0]()
        expect(mail(page).locator("h2", has_text="Really helping")).to_be_visible()


def anew(shown, number):
    """A story more, saved at another desk, and in config.yaml a person and a source more."""
    values = {"title": f"Number {number}", "date": f"2020-06-0{number}", "summary": "A few words."}
    assert shown.post("/api/story", {"id": "", "version": "", "values": values}).status_code == 200
    people = ["Ada", "Grace"][:number]
    sources = [{"name": f"news-{each}", "url": "feed.xml", "channel": "all-content"} for each in range(number)]
    text = (shown.root / "config.yaml").read_text().partition("# desk\n")[0]
    shown.write("config.yaml", f"{text}# desk\n{yaml.safe_dump({'preview': {'people': people}, 'sources': sources})}")


@pytest.mark.parametrize(
    ("panel", "address", "second"),
    [
        ("calendar", "/api/calendar", "[aria-label='June 2020: 2 stories']"),
        ("import", "/api/sources", "[data-focus='source news-1']"),
        ("act", "/api/people", "option[value=Grace]"),
        ("saves", "/api/saves", "li:nth-child(2)"),
    ],
)
def test_an_answer_that_is_overtaken_is_not_shown_over_the_newer_one(browser, shown, panel, address, second):
    """Two changes, and the panel's answer to the first one comes last."""
    with opened(browser, shown, query=f"panels={panel}") as page:
        settled(page)
        late = Late(page, address, 1, early=True)
        anew(shown, 1)
        late.asked()
        anew(shown, 2)
        expect(page.locator(f"#{panel} {second}")).to_be_attached()
        late.come()
        assert page.locator(f"#{panel} {second}").count() == 1


def test_what_is_typed_outlives_a_preview_that_is_started_anew(browser, folder):
    """It is said while nothing answers; then the mail shows it again, and it is saved. An older Undo does nothing."""
    story = f"stories/{WOMEN}.md"
    with ExitStack() as pages:
        with serving(folder) as access:
            page = pages.enter_context(opened(browser, folder, query="panels=stories", expected=AWAY))
            edit(page, WOMEN)
            field(page, "Title (needed)").fill("Saved before")
            page.keyboard.press("Control+s")
            expect(page.locator("#said")).to_contain_text("Saved")
            undo = page.locator("#said").get_by_role("button", name="Undo").element_handle()
            field(page, "Title (needed)").fill("Typed before")
            expect(mail(page).locator("h2", has_text="Typed before")).to_be_visible()
        expect(page.locator("#errors")).to_contain_text("the preview does not answer")
        with serving(folder, port=access.port):
            expect(page.locator("#errors")).to_be_hidden()
            folder.post("/api/overrides", {"period": "2022-02", "version": "", "pin": [WOMEN], "skip": [], "order": []})
            undo.evaluate("button => { document.body.append(button); button.click(); }")
            expect(page.locator("#said")).to_contain_text("can no longer be undone here")
            expect(mail(page).locator("h2", has_text="Typed before")).to_be_visible()
            page.locator("#editor-save").click()
            expect(page.locator("#said")).to_contain_text("Saved")
            assert "title: Typed before\n" in (folder.root / story).read_text()
            assert yaml.safe_load((folder.root / FILE).read_text()) == {"pin": [WOMEN]}


def test_what_is_typed_goes_to_its_edition_though_the_preview_opens_with_another_now(browser, folder):
    """Neither a form that stays open nor what is loaded anew: the page's address names no edition."""
    with ExitStack() as pages:
        with serving(folder) as access:
            page = pages.enter_context(opened(browser, folder, query="panels=issue", expected=AWAY))
            page.get_by_role("button", name="Edit subject, preheader, intro").click()
            field(page, "Subject").fill("Typed for February")
            expect(page.locator("html")).to_have_attribute("data-draft", "yes")
        with serving(folder, port=access.port, first="2022-01"):
            expect(page.locator("#period")).to_have_value("2022-01")
            page.locator("#editor-save").click()
            expect(page.locator("#said")).to_contain_text("Saved")
            assert yaml.safe_load((folder.root / FILE).read_text()) == {"subject": "Typed for February"}
            field(page, "Preheader").fill("Not saved")
            page.on("dialog", lambda dialog: dialog.accept())
            page.reload()
            page.get_by_role("button", name="Edit subject, preheader, intro").click()
            expect(field(page, "Preheader")).to_have_value("")
            assert not (folder.root / "issues/2022-01").exists()


def test_a_browser_that_keeps_nothing_has_a_form_all_the_same(browser, shown):
    """It is told to refuse what pages store, or is full: the mail shows what is typed, and it is saved and closed."""
    with opened(browser, shown, query="panels=stories") as page:
        page.evaluate("""() => Object.defineProperty(window, 'sessionStorage', {
            get() { throw new DOMException('refused', 'SecurityError'); },
        })""")
        edit(page, WOMEN)
        for words in ("Typed first", "Typed then"):
            field(page, "Title (needed)").fill(words)
            expect(mail(page).locator("h2", has_text=words)).to_be_visible()
            with page.expect_response(re.compile("/api/story$")):
                page.keyboard.press("Control+s")
        expect(page.locator("#said")).to_contain_text("Saved")
        assert "title: Typed then\n" in (shown.root / f"stories/{WOMEN}.md").read_text()
        page.locator("#editor").get_by_role("button", name="Close").click()
        expect(page.locator("#editor")).to_be_hidden()


def test_what_is_in_the_file_is_taken_when_it_can_be_had(browser, shown):
    """Until then that is said, and what is typed stays."""
    with opened(browser, shown, query="panels=stories", expected=AWAY) as page:
        edit(page, WOMEN)
        field(page, "Title (needed)").fill("Typed by me")
        shown.edit(f"stories/{WOMEN}.md", "title: H", "title: Really h")
        page.keyboard.press("Control+s")
        route(page, re.compile(r"/api/story\?"), lambda route: route.abort())
        page.get_by_role("button", name="Take what is in the file").click()
        expect(page.locator("#said")).to_contain_text("the preview does not answer")
        expect(field(page, "Title (needed)")).to_have_value("Typed by me")
        page.unroute_all()
        page.get_by_role("button", name="Take what is in the file").click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Really helping"))


def test_an_answer_that_is_cut_says_so_and_what_is_typed_can_be_saved_again(browser, shown):
    """The preview ended in the midst of it: nobody knows what it was to say."""
    with opened(browser, shown, query="panels=stories") as page:
        edit(page, WOMEN)
        field(page, "Title (needed)").fill("Typed by me")
        route(page, re.compile("/api/story$"), lambda route: route.fulfill(body='{"id": '))
        page.locator("#editor-save").click()
        expect(page.locator("#said")).to_contain_text("no answer that can be read")
        page.unroute_all()
        page.locator("#editor-save").click()
        expect(page.locator("#said")).to_contain_text("Saved")
        assert "title: Typed by me\n" in (shown.root / f"stories/{WOMEN}.md").read_text()


def test_a_panel_that_is_drawn_anew_does_not_scroll_back_to_its_focus(browser, shown):
    """Who pressed in it, and reads on elsewhere, stays where they read."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue,stories,calendar") as page:
        press(page, "Move down: heading “Alpha”")
        becomes(page, shown, ["Beta", "Alpha", "Gamma"])
        settled(page)
        page.locator("#panel-calendar").scroll_into_view_if_needed()
        before = page.evaluate("document.querySelector('.panels').scrollTop")
        assert before > 0
        shown.edit(FILE, "Gamma", "Delta")
        expect(page.locator("#blocks .story")).to_have_text(["Beta", "Alpha", "Delta"])
        settled(page)
        assert page.evaluate("document.activeElement.dataset.focus") == "down 1"
        assert page.evaluate("document.querySelector('.panels').scrollTop") == before


@pytest.mark.parametrize("rows", ["#blocks li", "#stories-in li"])
def test_another_button_than_the_first_drags_nothing(browser, shown, rows):
    """It asks for the browser's menu, which may keep its way up to itself."""
    shown.write(FILE, ABC)
    with opened(browser, shown, query="panels=issue,stories") as page:
        expect(page.locator(rows).nth(2)).to_be_visible()
        page.locator(f"{rows} .grip").first.hover()
        page.mouse.down(button="right")
        page.locator(rows).nth(2).hover()
        expect(page.locator(".moved, .drop")).to_have_count(0)
        page.mouse.up(button="right")
        settled(page)
        assert (shown.root / FILE).read_text() == ABC


def test_a_page_of_another_newsroom_writes_nothing_here(browser, folder, tmp_path):
    """Its preview ended, and that of this newsroom took its port: the page says so, and what is typed stays in it."""
    other = Shown(tmp_path / "other" / "newsroom")
    shutil.copytree(folder.root, other.root)
    with ExitStack() as pages:
        with serving(other) as access:
            page = pages.enter_context(opened(browser, other, query="panels=stories", expected=AWAY))
            edit(page, WOMEN)
            field(page, "Title (needed)").fill("Typed there")
            expect(page.locator("html")).to_have_attribute("data-draft", "yes")
        expect(page.locator("html")).to_have_attribute("data-live", "no")
        with serving(folder, port=access.port):
            expect(page.locator("html")).to_have_attribute("data-live", "yes")
            page.locator("#editor-save").click()
            expect(page.locator("#said")).to_contain_text("the preview was started anew; reload the page")
            assert "Typed there" not in (folder.root / f"stories/{WOMEN}.md").read_text()


def test_a_story_with_a_fault_leaves_the_search_to_who_types(browser, shown):
    """What is wrong is listed under it, and goes when it is mended."""
    with opened(browser, shown, query="panels=stories") as page:
        page.locator("#search").click()
        page.keyboard.type("pri")
        expect(page.locator("#stories-tally")).to_contain_text("found")
        broken = shown.write("stories/broken.md", "---\ntitle: [\n---\n")
        expect(page.locator("#stories")).to_contain_text("stories/broken.md")
        page.keyboard.type("son")
        expect(page.locator("#search")).to_be_focused()
        expect(page.locator("#search")).to_have_value("prison")
        broken.unlink()
        expect(page.locator("#stories")).not_to_contain_text("stories/broken.md")
        expect(page.locator("#search")).to_be_focused()
        expect(page.locator(".rows li")).to_have_count(1)


def test_an_error_that_is_overtaken_is_nobodys(browser, shown):
    """It was mended meanwhile: what was wrong with it comes last."""
    with opened(browser, shown, query="panels=stories") as page:
        late = Late(page, "/api/selection", 1, early=True)
        broken = shown.write("stories/broken.md", "---\ntitle: [\n---\n")
        late.asked()
        broken.unlink()
        shown.story("another")
        expect(page.locator("#stories li[data-id='another']")).to_be_visible()
        late.come()
        expect(page.locator("#stories")).not_to_contain_text("stories/broken.md")


def test_of_two_clicks_in_the_mail_the_last_one_counts(browser, shown):
    """The first one is answered late."""
    with opened(browser, shown) as page:
        late = Late(page, "/api/written", 1)
        mail(page).get_by_role("heading", name=re.compile("^Strengthening digital TVET")).click()
        late.asked()
        mail(page).get_by_role("heading", name=re.compile("^Helping")).click()
        title = field(page, "Title (needed)")
        expect(title).to_have_value(re.compile("^Helping"))
        late.come()
        settled(page)
        expect(title).to_have_value(re.compile("^Helping"))


def test_an_approval_is_told_of_the_edition_that_was_approved(browser, shown):
    """Another edition is looked at when the answer comes; a refusal stays to be read when the mail is drawn anew."""
    with opened(browser, shown, query="panels=act&period=2022-02") as page:
        page.get_by_label("Your name").fill("Ada")
        late = Late(page, "/api/approve")
        page.get_by_role("button", name="Approve exactly this").click()
        late.asked()
        with page.expect_response(re.compile("/api/people")):
            page.locator("#previous").click()
        expect(page.locator("#period")).to_have_value("2022-01")
        late.come()
        expect(page.locator("#act")).not_to_contain_text("2022-02")
        page.locator("#next").click()
        expect(page.locator("#period")).to_have_value("2022-02")
        expect(page.locator("#act")).to_contain_text("holds: it may go")
        late = Late(page, "/api/edition")
        shown.edit(f"stories/{UKRAINE}.md", "title: S", "title: Really s")
        late.asked()
        page.get_by_role("button", name="Approve exactly this").click()
        refused = page.locator("#approve-result")
        expect(refused).to_contain_text("changed")
        late.come()
        expect(mail(page).locator("body")).to_contain_text("Really strengthening")
        settled(page)
        expect(refused).to_contain_text("changed")


def test_the_list_of_readers_stays_to_be_chosen_from(browser, shown):
    """A change of another file draws the choices anew."""
    with opened(browser, shown) as page:
        page.get_by_label("Who reads").select_option("list")
        readers = page.locator("#readers option[value^=reader]")
        expect(readers).to_have_count(6)
        shown.story("another")
        settled(page)
        expect(readers).to_have_count(6)
