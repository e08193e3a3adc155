"""The desk under a finger: what is tapped opens in sight, is wide enough to be hit, and holds nothing back."""

from __future__ import annotations

import re

import pytest
import yaml
from playwright.sync_api import expect
from previewed import opened, settled

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("width", [375, 768])
FILE = "issues/2022-02/everyone.yaml"
UKRAINE = "2022-02-10-strengthening-digital-tvet-in-ukraine"
URUGUAY = "2022-02-25-digitally-and-financially-empowered"
ISSUE = """blocks:
  - {kind: heading, title: Alpha}
  - {kind: heading, title: Beta}
"""


def mail(page):
    return page.frame_locator("iframe[name=first]")


def hand(shown):
    return yaml.safe_load((shown.root / FILE).read_text())


IN_SIGHT = """element => {
    element.scrollIntoViewIfNeeded();
    return element.getBoundingClientRect().toJSON();
}"""


def tap(page, label, story):
    page.locator(f"li[data-id='{story}']").get_by_role("button", name=re.compile(f"^{label}:")).tap()


def middle(locator):
    settled(locator.page)
    while not (box := locator.evaluate(IN_SIGHT))["width"]:  # a row that was drawn anew meanwhile has none
        locator.page.wait_for_timeout(50)
    return box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 200)


def drawn(page, *points, end="touchEnd"):
    """A finger goes down at the first point, over the others, and up; or the phone takes it away."""
    finger = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(points):
        kind = "touchMove" if number else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    finger.send("Input.dispatchTouchEvent", {"type": end, "touchPoints": []})


def dragged(page, rows, start, end):
    """A row is drawn by its grip to before another one."""
    x, y = middle(page.locator(rows).nth(start).locator(".grip"))
    top = page.locator(rows).nth(end).bounding_box()["y"]
    drawn(page, (x, y), (x, (y + top) / 2), (x, top + 2))


@BOTH
def test_a_story_is_edited_by_taps(browser, shown, width):
    """Its form comes into sight, and is saved, taken back and closed."""
    with opened(browser, shown, width, touch=True) as page:
        mail(page).get_by_role("heading", name=re.compile("^Strengthening")).tap()
        expect(page.locator("#editor-title")).to_be_in_viewport()
        title = page.locator("#editor").get_by_label("Title (needed)")
        title.fill("By a finger")
        page.locator("#editor-save").tap()
        expect(mail(page).get_by_role("heading", name="By a finger")).to_be_attached()
        page.locator("#said").get_by_role("button", name="Undo").tap()
        expect(title).to_have_value(re.compile("^Strengthening"))
        page.locator("#editor").get_by_role("button", name="Close").tap()
        expect(page.locator("#editor")).to_be_hidden()


@BOTH
def test_the_form_of_a_block_comes_into_sight(browser, shown, width):
    """Opened by its button, and by a tap in the mail: in sight, and not under what was said."""
    shown.write(FILE, ISSUE)
    with opened(browser, shown, width, "panels=issue", touch=True) as page:
        page.locator("#blocks").get_by_role("button", name="Move down: heading “Alpha”").tap()
        expect(page.locator("#said")).to_contain_text("Saved")
        page.locator("#blocks").get_by_role("button", name="Edit: heading “Alpha”").tap()
        expect(page.locator("#editor").get_by_label("Title (needed)")).to_have_value("Alpha")
        settled(page)
        expect(page.locator("#editor-title")).to_be_in_viewport()
        x, y = (page.locator("#editor").get_by_role("button", name="Close").bounding_box()[each] for each in "xy")
        assert page.evaluate("([x, y]) => document.elementFromPoint(x + 9, y + 9).textContent", [x, y]) == "Close"
        mail(page).get_by_text("Beta").tap()
        expect(page.locator("#editor").get_by_label("Title (needed)")).to_have_value("Beta")
        settled(page)
        expect(page.locator("#editor").get_by_label("Title (needed)")).to_be_in_viewport()


@BOTH
def test_stories_and_blocks_are_chosen_and_moved_by_a_finger(browser, shown, width):
    """Pin, skip, Undo, the arrows, and the grips, which do not scroll the page."""
    shown.write(FILE, ISSUE)
    with opened(browser, shown, width, "panels=issue,stories", touch=True) as page:
        tap(page, "Pin", UKRAINE)
        tap(page, "Skip", URUGUAY)
        expect(page.locator(f"#stories-out li[data-id='{URUGUAY}']")).to_be_visible()
        settled(page)  # Undo is of the second, not of the first
        page.locator("#said").get_by_role("button", name="Undo").tap()
        expect(page.locator(f"#stories-in li[data-id='{URUGUAY}']")).to_be_visible()
        page.locator("#blocks").get_by_role("button", name="Move down: heading “Alpha”").tap()
        expect(page.locator("#blocks .story")).to_have_text(["Beta", "Alpha"])
        expect(page.locator("#said")).to_contain_text("Saved")
        dragged(page, "#blocks li", 1, 0)
        expect(page.locator("#blocks .story")).to_have_text(["Alpha", "Beta"])
        expect(page.locator("#said")).to_contain_text("Saved")
        story = page.locator("#stories-in li").nth(2).get_attribute("data-id")
        dragged(page, "#stories-in li", 2, 1)
        expect(page.locator("#stories-in li").nth(1)).to_have_attribute("data-id", story)
        expect(mail(page).get_by_role("heading", level=2).nth(1)).to_have_text(
            page.locator("#stories-in .story").nth(1).text_content()
        )
        assert hand(shown)["pin"] == [UKRAINE]
        assert hand(shown)["order"][:2] == [UKRAINE, story]
        assert [each["title"] for each in hand(shown)["blocks"]] == ["Alpha", "Beta"]


@BOTH
def test_what_is_pressed_is_wide_enough_for_a_finger(browser, shown, width):
    """44 pixels high; the grip of the width is 24 wide and is drawn without the page."""
    shown.write(FILE, ISSUE)
    with opened(browser, shown, width, "panels=issue,stories", touch=True) as page:
        expect(page.locator("#blocks li")).to_have_count(2)
        tap(page, "Pin", UKRAINE)
        expect(page.locator("#said button")).to_be_visible()
        settled(page)  # the mail with the story pinned has come, and with it another frame and its grip
        low = "all => all.filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)"
        assert page.locator("button, summary").evaluate_all(f"all => ({low})(all).map((each) => each.outerHTML)") == []
        handle = page.locator(".handle")
        assert handle.bounding_box()["width"] >= 24
        before = int(handle.get_attribute("aria-valuenow"))
        x, y = middle(handle)
        drawn(page, (x, y), (x - 10, y), (x - 20, y))
        expect(handle).not_to_have_attribute("aria-valuenow", str(before))
        assert page.evaluate("[document.body.className, document.documentElement.scrollWidth]") == ["", width]


@BOTH
def test_what_is_said_covers_nothing_of_a_form(browser, shown, width):
    """Its head, its buttons and Undo are all to be tapped, with the phone's keyboard, too, and at the page's end."""
    with opened(browser, shown, width, "panels=saves,stories", touch=True) as page:
        page.set_viewport_size({"width": width, "height": 667})
        page.locator("#stories-in [data-do=edit]").first.tap()
        title = page.locator("#editor").get_by_label("Title (needed)")
        title.fill("By a finger")
        page.locator("#editor-save").tap()
        expect(page.locator("#said button")).to_be_visible()
        settled(page)
        on_top = """({ id, gone }) => {
            const box = document.querySelector(id).getBoundingClientRect();
            const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
            return y < window.innerHeight - gone && document.elementFromPoint(x, y)?.closest(id) !== null;
        }"""
        for top in ("#editor-title", "#editor .row:last-of-type"):
            page.locator(top).first.evaluate("row => row.scrollIntoView()")
            for each in (top, "#editor-save", "#said button"):
                assert page.evaluate(on_top, {"id": each, "gone": 0}), (top, each)
        # No keyboard comes up in a test: this is how a phone tells of it that puts it over the page.
        page.evaluate("""() => {
            const height = { configurable: true, get: () => window.innerHeight - 260 };
            Object.defineProperty(visualViewport, 'height', height);
            visualViewport.dispatchEvent(new Event('resize'));
            document.querySelector('#editor-title').scrollIntoView();
        }""")
        for each in ("#editor-title", "#editor-save", "#said button"):
            assert page.evaluate(on_top, {"id": each, "gone": 260}), each
        assert "interactive-widget=resizes-content" in page.locator("meta[name=viewport]").get_attribute("content")
        page.evaluate("() => { delete visualViewport.height; visualViewport.dispatchEvent(new Event('resize')); }")
        page.wait_for_function("""() => {
            scrollTo(0, document.documentElement.scrollHeight); // again, when the page has heard of its height
            const box = (id) => document.querySelector(id).getBoundingClientRect();
            return box('#saves button').bottom <= box('#said').top;
        }""")


@BOTH
def test_a_field_stays_in_sight_when_the_keyboard_comes(browser, shown, width):
    """The phone makes the window lower: the field is above the form's buttons, not under them."""
    with opened(browser, shown, width, "panels=stories", touch=True) as page:
        page.set_viewport_size({"width": width, "height": 700})
        page.locator("#stories-in [data-do=edit]").first.tap()
        expect(page.locator("#editor-title")).to_be_focused()
        for label in ("Title (needed)", "Words for the picture", "Date (needed)"):
            page.locator("#editor").get_by_label(label, exact=True).tap()
            page.set_viewport_size({"width": width, "height": 420})
            page.wait_for_function("""() => {
                const [field, buttons] = [document.activeElement, document.querySelector('#editor > .buttons')];
                const box = field.getBoundingClientRect();
                return field.matches('input') && box.top >= 0 && box.bottom <= buttons.getBoundingClientRect().top;
            }""")
            page.set_viewport_size({"width": width, "height": 700})


@BOTH
def test_every_control_is_in_sight_and_wide_enough_for_a_finger(browser, shown, width):
    """44 pixels each way, none over another or beyond the window's edge: forms, import, calendar, test, approval."""
    config = (shown.root / "config.yaml").read_text()
    people = "preview: {people: [Ana Silva], test_addresses: [desk@example.org]}\n"
    shown.write("config.yaml", f"{config}\n{people}sources: [{{name: news, url: 'https://example.org/feed'}}]\n")
    shown.write(FILE, ISSUE + "  - {kind: events, title: Coming, events: [{date: 2022-03-08, title: Women}]}\n")
    with opened(browser, shown, width, "panels=checks,issue,import,calendar,compare,act,saves", touch=True) as page:
        narrow = """all => all.filter((each) => {
            const box = each.getBoundingClientRect();
            const strip = each.closest('.months, .tabs'); // scrolled by a finger
            const out = !strip && (box.left < 0 || box.right > window.innerWidth);
            const over = each.matches('button') && each.scrollWidth > each.clientWidth + 1;
            const small = box.height < 44 || box.width < 44;
            return each.checkVisibility() && !each.matches('.skip') && (small || over || out);
        }).map((each) => each.outerHTML)"""
        controls = page.locator("a, button, summary, input, select, textarea")
        expect(page.locator("#blocks li")).to_have_count(3)
        expect(page.locator(".months")).to_be_visible()
        for kind in ("events", "heading"):
            page.locator("#blocks").get_by_role("button", name=re.compile(f"^Edit: {kind}")).first.tap()
            expect(page.locator("#editor-title")).to_have_text(f"Edit the {kind}")
            settled(page)
            assert controls.evaluate_all(narrow) == []
        mail(page).get_by_role("heading", name=re.compile("^Strengthening")).tap()
        expect(page.locator("#editor-title")).to_have_text("Edit the story")
        page.locator("#editor .more summary").tap()
        settled(page)
        assert controls.evaluate_all(narrow) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


@BOTH
def test_a_file_is_taken_tested_and_approved_by_taps(browser, shown, width):
    """Import, the diff, Take it; a refused test mail is said beside its button; the approval is for this edition."""
    config = (shown.root / "config.yaml").read_text()
    shown.write("config.yaml", f"{config}\npreview: {{people: [Ana Silva], test_addresses: [desk@example.org]}}\n")
    listing = shown.root.parent / "news.csv"
    listing.write_text("date,title,link,summary\n2022-02-27,By a finger,https://example.org/finger,Quite new.\n")
    with opened(browser, shown, width, "panels=import,calendar,compare,act", touch=True) as page:
        page.locator("#import-file").set_input_files(listing)
        expect(page.locator("#offer")).to_be_focused()
        expect(page.locator("#offer")).to_be_in_viewport()
        page.get_by_role("button", name="Take it: 1 new").tap()
        expect(mail(page).get_by_role("heading", name="By a finger")).to_be_attached()
        expect(page.locator("#steps")).to_contain_text("6 stories")  # the mail comes before what is approved with it
        page.get_by_label("Your name").select_option("Ana Silva")
        page.get_by_role("button", name="Approve exactly this").tap()
        expect(page.locator("#approve-result")).to_contain_text("holds: it may go")
        expect(page.locator("#approve-result")).to_be_in_viewport()
        page.get_by_role("button", name="Send a test").tap()
        expect(page.locator("#test-result")).to_contain_text("localhost:2525")
        expect(page.locator("#test-result")).to_be_in_viewport()
        page.get_by_role("button", name=re.compile("^January 2022")).tap()
        expect(page.locator("#period")).to_have_value("2022-01")


@BOTH
def test_a_finger_that_scrolls_or_is_taken_away_holds_nothing_back(browser, shown, width):
    """What changes after it is shown: the mail was moved, or the phone's own gesture took the finger."""
    with opened(browser, shown, width, touch=True) as page:
        x, y = middle(page.locator("iframe[name=first]"))
        drawn(page, (x, y), *((x, y - step) for step in range(20, 160, 20)))
        shown.story("one", title="One more", date="2022-02-27")
        expect(mail(page).locator("h2", has_text="One more")).to_be_attached()
        drawn(page, (x, y), end="touchCancel")
        shown.story("two", title="Two more", date="2022-02-28")
        expect(mail(page).locator("h2", has_text="Two more")).to_be_attached()
        expect(page.locator("#editor")).to_be_hidden()
