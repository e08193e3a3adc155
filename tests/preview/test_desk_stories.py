"""A story written and edited on the page, by mouse and by keyboard alone: the file is what a person would write."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from previewed import opened, route, settled

from accessibility import violations

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("width", [375, 1280])
URUGUAY = "2022-02-25-digitally-and-financially-empowered"
FILE = f"stories/{URUGUAY}.md"
TITLE = "Small firms in Uruguay learn to handle money"


def mail(page, name="first"):
    return page.frame_locator(f"iframe[name={name}]")


def text(shown, path=FILE):
    return (shown.root / path).read_bytes().decode()


def edit(page, story=URUGUAY):
    page.locator(f"li[data-id='{story}']").get_by_role("button", name=re.compile("^Edit:")).click()
    expect(page.locator("#editor")).to_be_visible()


def field(page, label):
    return page.locator("#editor").get_by_label(label, exact=True)


def save(page):
    page.locator("#editor").get_by_role("button", name="Save", exact=True).click()


@BOTH
def test_a_saved_story_is_the_file_with_that_line_changed(browser, shown, width):
    """Title, kicker and summary are changed; comments, order, quotes and line ends of the file stay as they were."""
    odd = text(shown).replace("---\ntitle:", "---\n# Ana writes this one\nlanguage: 'en'   # always\ntitle:", 1)
    odd = odd.replace("language: en\n", "", 1).replace("\n", "\r\n")
    (shown.root / FILE).write_bytes(odd.encode())
    before = text(shown)
    with opened(browser, shown, width, "panels=stories") as page:
        edit(page)
        field(page, "Title (needed)").fill(TITLE)
        expect(mail(page).locator("body")).to_contain_text(TITLE)  # typed and not saved
        assert text(shown) == before
        expect(page.locator("html")).to_have_attribute("data-draft", "yes")
        field(page, "Kicker").fill("Social finance")
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        expect(page.locator("html")).to_have_attribute("data-draft", "no")
        expect(mail(page).locator("body")).to_contain_text("Social finance")
        after = text(shown)
        changed = [line for line in after.split("\r\n") if line not in before.split("\r\n")]
        assert changed == [f"title: {TITLE}", "kicker: Social finance"]
        assert "# Ana writes this one\r\nlanguage: 'en'   # always\r\n" in after
        page.locator("#said").get_by_role("button", name="Undo").click()
        expect(page.locator("#said")).to_contain_text("Undone")
        assert text(shown) == before
        expect(field(page, "Kicker")).to_have_value("")


@BOTH
def test_a_story_that_changed_underneath_is_shown_in_both_versions(browser, shown, width):
    """Nothing is saved over what somebody else wrote: both are shown, and one of them is chosen."""
    with opened(browser, shown, width, "panels=stories") as page:
        edit(page)
        field(page, "Title (needed)").fill(TITLE)
        shown.edit(FILE, "title: Digitally", "title: Theirs, digitally")
        save(page)
        both = page.get_by_role("group", name="Both versions")
        expect(both).to_contain_text("Nothing was saved")
        expect(both.get_by_role("row", name=re.compile("^Title"))).to_contain_text("Theirs, digitally")
        expect(both.get_by_role("row", name=re.compile("^Title"))).to_contain_text(TITLE)
        assert "Theirs, digitally" in text(shown)
        both.get_by_role("button", name="Save mine over it").click()
        expect(page.locator("#said")).to_contain_text("Saved")
        assert f"title: {TITLE}\n" in text(shown)
        field(page, "Kicker").fill("Mine")
        shown.edit(FILE, TITLE, "Theirs again")
        save(page)
        page.get_by_role("button", name="Take what is in the file").click()
        expect(field(page, "Title (needed)")).to_have_value("Theirs again")
        expect(field(page, "Kicker")).to_have_value("")
        assert "Mine" not in text(shown)


@BOTH
def test_a_story_that_was_deleted_under_its_form_is_written_anew(browser, shown, width):
    """It is said in the form as soon as something is typed; all that it has can still be saved, as a new story."""
    with opened(browser, shown, width, "panels=stories") as page:
        edit(page)
        (shown.root / FILE).unlink()
        expect(page.locator(f"li[data-id='{URUGUAY}']")).to_have_count(0)
        field(page, "Title (needed)").fill(TITLE)
        expect(page.locator("#editor .form > .fault")).to_contain_text(f"there is no story '{URUGUAY}'")
        save(page)
        both = page.get_by_role("group", name="Both versions")
        expect(both).to_contain_text("It was deleted since you opened it. Nothing was saved.")
        expect(both.get_by_role("row", name=re.compile("^Date"))).to_contain_text("2022-02-25")
        both.get_by_role("button", name="Write mine anew").click()
        anew = "stories/2022-02-25-small-firms-in-uruguay-learn-to-handle.md"
        expect(page.locator("#said")).to_contain_text(f"Written: {anew}")
        assert "\nimage: stories/pictures/" in text(shown, anew)
        field(page, "Kicker").fill("Social finance")
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {anew}")
        assert "kicker: Social finance\n" in text(shown, anew)


@BOTH
def test_what_is_typed_back_is_no_change(browser, shown, width):
    """The mail shows the file again; and a second Ctrl S takes the Undo of the first one away from nobody."""
    with opened(browser, shown, width, "panels=stories") as page:
        edit(page)
        before = field(page, "Title (needed)").input_value()
        for words, drafted in ((TITLE, "yes"), (before, "no"), (TITLE, "yes")):
            field(page, "Title (needed)").fill(words)
            expect(page.locator("html")).to_have_attribute("data-draft", drafted)
        for _ in range(2):
            page.keyboard.press("Control+s")
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        page.keyboard.press("Control+s")
        field(page, "Kicker").fill("Social finance")
        expect(mail(page).get_by_text("Social finance")).to_be_visible()
        expect(page.locator("#said").get_by_role("button", name="Undo")).to_be_visible()


def test_what_a_control_does_not_show_is_no_change(browser, shown):
    """Blanks around a title, a comma within a topic: nobody is asked of them, and they stay when more is saved."""
    odd = 'title: " Small firms "\ndate: 2022-02-25\nkicker: " News, "\ntopics: ["Work, decent", skills]\n'
    shown.write(FILE, f"---\n{odd}language: en\n---\n\nA few words.\n")
    with opened(browser, shown, 1280, f"story={URUGUAY}") as page:
        expect(field(page, "Title (needed)")).to_have_value("Small firms")
        page.locator("#editor").get_by_role("button", name="Close").click()
        expect(page.locator("#editor")).to_be_hidden()  # Playwright answers no to a question, and it would stay
        page.goto(f"{shown.url}/?story={URUGUAY}")
        page.locator("#editor .more summary").click()
        field(page, "Topics").fill("Work, decent, skills, more")
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        assert odd.replace("skills]", "skills, more]") in text(shown)


def test_a_save_that_hangs_is_given_up(browser, shown):
    """Nothing answers, and nothing is refused (a VPN that went away): it is said, and the form can be closed."""
    soon = "const timeout = AbortSignal.timeout; AbortSignal.timeout = () => timeout.call(AbortSignal, 300);"
    with opened(browser, shown, 1280) as page:
        page.add_init_script(soon)
        page.goto(f"{shown.url}/?story={URUGUAY}")
        page.on("dialog", lambda dialog: dialog.accept())
        route(page, "**/api/story", lambda _: None)
        field(page, "Kicker").fill("Never there")
        save(page)
        expect(page.locator("#said")).to_contain_text("the preview does not answer")
        page.locator("#editor").get_by_role("button", name="Close").click()
        expect(page.locator("#editor")).to_be_hidden()


def test_what_nobody_sees_is_not_pasted_along(browser, shown):
    """PowerPoint ends lines by U+000B, addresses come with marks of direction: a file with them would be refused."""
    with opened(browser, shown, 1280, f"story={URUGUAY}") as page:
        field(page, "Summary").fill("One\vtwo\ufeff \u2067three\u2069")
        field(page, "Kicker").fill("\u202aNews\u202c\u2028today")
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        assert "\nkicker: News today\n" in text(shown)
        assert text(shown).endswith("\n\nOne\ntwo \u2067three\u2069\n")
        page.locator("#editor").get_by_role("button", name="Close").click()
        expect(page.locator("#editor")).to_be_hidden()


@pytest.mark.parametrize("words", ["A few words. ", "A few words.\n\n", "\nA few words."])
def test_what_was_saved_is_nothing_to_be_thrown_away(browser, shown, words):
    """A blank at the end is not in the file, and the form is closed without a question; further words are asked of."""
    asked = []
    with opened(browser, shown, 1280, f"story={URUGUAY}") as page:
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        field(page, "Summary").fill(words)
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        assert text(shown).endswith("\nA few words.\n")
        field(page, "Summary").fill(f"{words}More")
        page.locator("#editor").get_by_role("button", name="Close").click()
        assert len(asked) == 1
        field(page, "Summary").fill(words)
        page.locator("#editor").get_by_role("button", name="Close").click()
        expect(page.locator("#editor")).to_be_hidden()
        assert len(asked) == 1


def test_two_lines_of_a_title_are_mended_into_one(browser, shown):
    """A control has one line: what stood on two is put together with a blank, and Save is all that it needs."""
    shown.write(FILE, "---\ntitle: |\n  Small firms\n  in Uruguay\ndate: 2022-02-25\n---\n\nA few words.\n")
    with opened(browser, shown, 1280, f"story={URUGUAY}") as page:
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        assert "title: Small firms in Uruguay\n" in text(shown)


@BOTH
def test_no_field_has_the_focus_under_the_forms_buttons(browser, shown, width):
    """By Tab alone, in a window that is lower than the form."""
    under = """() => {
        const [field, buttons] = [document.activeElement, document.querySelector('#editor > .buttons')];
        const [down, top] = [field.getBoundingClientRect().bottom, buttons.getBoundingClientRect().top];
        return down > top && field.matches('input, button, select, summary') && !buttons.contains(field);
    }"""
    with opened(browser, shown, width, "panels=stories") as page:
        page.set_viewport_size({"width": width, "height": 600})
        edit(page)
        expect(page.locator("#editor-title")).to_be_focused()
        settled(page)  # the mail scrolls to the story as soon as it is there
        while page.evaluate("document.activeElement.id") != "editor-save":
            page.keyboard.press("Tab")
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert not page.evaluate(under), page.evaluate("document.activeElement.outerHTML")


@BOTH
def test_a_mistake_stands_at_its_field_and_nothing_is_written(browser, shown, width):
    """A day that does not exist, a link with a blank: each is named at its field, which gets the focus."""
    before = text(shown)
    with opened(browser, shown, width, "panels=stories") as page:
        edit(page)
        field(page, "Date (needed)").fill("2022-02-31")
        field(page, "Link").fill("https://example.org/a b")
        save(page)
        expect(field(page, "Link")).to_be_focused()
        expect(field(page, "Link")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#editor")).to_contain_text("holds a blank")
        expect(page.locator("#editor")).to_contain_text("does not exist in the calendar")
        assert text(shown) == before


@BOTH
def test_a_file_with_a_mistake_is_mended_in_its_form(browser, shown, width):
    """A story that cannot be read is opened all the same, its mistake at the field, and saved when it is mended."""
    shown.edit(FILE, "date: 2022-02-25", "date: 2022-02-31")
    with opened(browser, shown, width, f"story={URUGUAY}") as page:
        expect(page.locator("#editor")).to_contain_text("does not exist in the calendar")
        field(page, "Date (needed)").fill("2022-02-24")
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        expect(page.locator("#errors")).to_be_hidden()
        assert "date: 2022-02-24\n" in text(shown)


@BOTH
def test_a_new_story_is_written_by_keyboard_alone(browser, shown, width):
    """`n` opens the form; Tab leads through it, Ctrl B makes bold, Ctrl S saves; the mail has the story."""
    with opened(browser, shown, width) as page:
        page.keyboard.press("n")
        expect(page.locator("#editor-title")).to_be_focused()
        page.keyboard.press("Tab")  # Close
        page.keyboard.press("Tab")
        page.keyboard.type("Desk")
        page.keyboard.press("Tab")
        page.keyboard.type("Written in the browser")
        for _ in range(6):  # the marks above the summary
            page.keyboard.press("Tab")
        expect(field(page, "Summary")).to_be_focused()
        page.keyboard.type("Nobody needed a terminal")
        page.keyboard.press("Shift+Home")
        page.keyboard.press("Control+b")
        expect(field(page, "Summary")).to_have_value("**Nobody needed a terminal**")
        page.keyboard.press("Control+s")
        expect(page.locator("#said")).to_contain_text("Written: stories/2022-02-28-written-in-the-browser.md")
        expect(mail(page).locator("strong")).to_contain_text("Nobody needed a terminal")
        wanted = (
            "---\ntitle: Written in the browser\ndate: 2022-02-28\nkicker: Desk\n---\n\n**Nobody needed a terminal**\n"
        )
        assert text(shown, "stories/2022-02-28-written-in-the-browser.md") == wanted
        page.keyboard.press("Escape")
        expect(page.locator("#editor")).to_be_hidden()


@BOTH
def test_a_picture_is_handed_in_and_named_by_its_story(browser, shown, tmp_path, width):
    """A chosen file lands among the newsroom's images, is shown in the form, and the story names it."""
    data = io.BytesIO()
    Image.new("RGB", (900, 600), (30, 120, 60)).save(data, "JPEG")
    (tmp_path / "Market in Montevideo.JPG").write_bytes(data.getvalue())
    with opened(browser, shown, width, "panels=stories", expected="404") as page:
        edit(page)
        page.get_by_label("Picture: a file of yours").set_input_files(tmp_path / "Market in Montevideo.JPG")
        expect(field(page, "Picture")).to_have_value("images/market-in-montevideo.jpg")
        expect(page.locator(".thumbnail img")).to_have_js_property("naturalWidth", 900)
        field(page, "Words for the picture").fill("A market hall")
        field(page, "Credit").fill("ILO")
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        assert "image: images/market-in-montevideo.jpg\nimage_alt: A market hall\n" in text(shown)
        assert (shown.root / "images/market-in-montevideo.jpg").exists()
        page.locator("#panel-saves summary").click()
        page.get_by_role("button", name=re.compile(r"^Undo: Picture:")).click()
        expect(page.locator("#said")).to_contain_text("Undone: Picture")
        assert not (shown.root / "images/market-in-montevideo.jpg").exists()


@BOTH
def test_a_finding_leads_into_the_form_at_its_field(browser, shown, width):
    """The finding about a link opens the story's form with the link in focus; mended and saved, it is gone."""
    with opened(browser, shown, width) as page:
        finding = page.locator("#checks li", has_text="is not encrypted").filter(has_text=URUGUAY)
        finding.get_by_role("button", name=re.compile("^Mend:")).click()
        expect(field(page, "Link")).to_be_focused()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("https://www.ilo.org/uruguay")
        save(page)
        expect(page.locator("#said")).to_contain_text(f"Saved: {FILE}")
        expect(finding).to_have_count(0)
        assert "link: https://www.ilo.org/uruguay\n" in text(shown)


@BOTH
def test_a_finding_in_the_mail_leads_to_the_very_element(browser, shown, width):
    """A link that says nothing is outlined itself, not its story, and `Mend` opens the story that it stands in."""
    shown.edit(FILE, "Most jobs", "[Click here](https://www.ilo.org/a) for more. Most jobs")
    with opened(browser, shown, width) as page:
        finding = page.locator("#checks li", has_text="does not say where it goes")
        finding.get_by_role("button").first.click()
        marked = mail(page).locator("[data-preview-mark]")
        expect(marked).to_have_text("Click here")
        expect(marked).to_have_count(1)
        expect(marked).to_be_in_viewport()
        finding.get_by_role("button", name=re.compile("^Mend:")).click()
        expect(field(page, "Title (needed)")).to_have_value(re.compile("^Digitally and financially"))


@BOTH
def test_what_is_typed_is_not_thrown_away_by_a_slip(browser, shown, width):
    """Escape in a form with unsaved words asks first; what is said there holds."""
    with opened(browser, shown, width, "panels=stories") as page:
        edit(page)
        field(page, "Kicker").fill("Half a thought")
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.keyboard.press("Escape")
        expect(field(page, "Kicker")).to_have_value("Half a thought")
        page.once("dialog", lambda dialog: dialog.accept())
        page.keyboard.press("Escape")
        expect(page.locator("#editor")).to_be_hidden()
        expect(page.locator(f"[data-focus='edit {URUGUAY}']")).to_be_focused()
        expect(page.locator("html")).to_have_attribute("data-draft", "no")


@BOTH
def test_what_was_typed_is_there_again_when_the_page_is_loaded_anew(browser, shown, width):
    """A phone does so without a word. What another wrote meanwhile is not written over; what was closed is gone."""
    with opened(browser, shown, width, "panels=stories") as page:
        page.on("dialog", lambda dialog: dialog.accept())
        edit(page)
        field(page, "Title (needed)").fill(TITLE)
        page.locator("#editor .more summary").click()
        field(page, "Topics").fill("one, two")
        field(page, "On top of the issue").check()
        expect(mail(page).locator("h2").first).to_have_text(TITLE)
        shown.edit(FILE, "date: 2022-02-25", "date: 2022-02-24")
        page.reload()
        expect(page.locator("#said")).to_contain_text("What you typed here before is here again")
        expect(mail(page).locator("h2").first).to_have_text(TITLE)
        save(page)
        both = page.get_by_role("group", name="Both versions")
        expect(both.get_by_role("row", name=re.compile("^Title"))).to_contain_text(TITLE)
        both.get_by_role("button", name="Save mine over it").click()
        expect(page.locator("#said")).to_contain_text("Saved")
        assert f"title: {TITLE}\ndate: 2022-02-24\n" in text(shown)
        assert "topics: [one, two]\n" in text(shown)
        field(page, "Kicker").fill("Half a thought")
        expect(mail(page).get_by_text("Half a thought")).to_be_visible()
        page.locator("#editor").get_by_role("button", name="Close").click()
        expect(page.locator("#editor")).to_be_hidden()
        edit(page)
        expect(field(page, "Title (needed)")).to_have_value(TITLE)
        expect(field(page, "Kicker")).to_have_value("")


@BOTH
def test_the_keys_are_where_they_are_on_any_keyboard(browser, shown, width):
    """On an Arabic one, and under Caps Lock; a letter that is written with AltGr saves nothing."""
    with opened(browser, shown, width, "panels=stories") as page:
        edit(page)
        press = """(keys) => {
            const common = { code: 'KeyS', ctrlKey: true, bubbles: true, cancelable: true };
            document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { ...common, ...keys }));
        }"""
        for number, keys in enumerate(({"key": "س"}, {"key": "S"})):
            field(page, "Kicker").fill(f"Number {number}")
            expect(page.locator("html")).to_have_attribute("data-draft", "yes")
            page.evaluate(press, {**keys, "key": "ś", "altKey": True})
            page.evaluate(press, keys)
            expect(page.locator("html")).to_have_attribute("data-draft", "no")
            assert f"kicker: Number {number}\n" in text(shown)
        assert len(shown.get("/api/saves").json()["saves"]) == 2


@BOTH
def test_what_the_toolbar_writes_is_undone_like_what_is_typed(browser, shown, width):
    """Ctrl Z takes a mark back, and then the words before it; Ctrl Y brings them again."""
    with opened(browser, shown, width, "panels=stories") as page:
        edit(page)
        area = field(page, "Summary")
        before = area.input_value()
        area.focus()
        page.keyboard.press("Control+End")
        page.keyboard.type(" more")
        page.keyboard.press("Control+Shift+ArrowLeft")
        page.get_by_role("button", name="Bold").click()
        expect(area).to_have_value(f"{before} **more**")
        page.keyboard.press("Control+z")
        expect(area).to_have_value(f"{before} more")
        page.keyboard.press("Control+z")
        expect(area).to_have_value(before)
        page.keyboard.press("Control+y")
        expect(area).to_have_value(f"{before} more")


def test_escape_ends_the_input_method_and_not_the_form(browser, shown):
    """Who writes Japanese presses Esc to leave a word that is being composed: the form stays, and asks nothing."""
    asked = []
    with opened(browser, shown, 1280, "panels=stories") as page:
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
        edit(page)
        field(page, "Summary").focus()
        keys = page.context.new_cdp_session(page)
        keys.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
        keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Escape", "windowsVirtualKeyCode": 229})
        expect(page.locator("html")).to_have_attribute("data-draft", "yes")
        assert asked == []
        expect(page.locator("#editor")).to_be_visible()


def test_a_file_that_is_dropped_beside_its_place_opens_nothing(browser, shown):
    """On the page, in the mail or in a text the browser would open it, in place of the page; words go into a text."""
    dropped = """(place, words) => {
        const dataTransfer = new DataTransfer();
        if (words) dataTransfer.setData('text/plain', words);
        else dataTransfer.items.add(new File(['x'], 'seen.html'));
        const { DragEvent } = place.ownerDocument.defaultView;
        const event = new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer });
        return place.dispatchEvent(event) ? 'taken' : 'nothing';
    }"""
    with opened(browser, shown, 1280, "panels=stories") as page:
        edit(page)
        expect(page.locator("iframe[data-ready]")).to_be_visible()
        area, picture = page.locator("#editor textarea").first, page.locator("#editor [type=file]").first
        for place in (page.locator("#title"), mail(page).get_by_role("heading").first, area):
            assert place.evaluate(dropped) == "nothing"
        assert picture.evaluate(dropped) == area.evaluate(dropped, "words") == "taken"


EVIL = "<img src=x onerror=top.hacked=1><script>top.hacked=1</script>"


@BOTH
def test_hostile_words_stay_words_in_the_form(browser, shown, width):
    """FAULTS 59: what a story says of itself runs nothing in its form, in both versions, in what was said or undone."""
    shown.story("evil", title=f"'{EVIL}'", kicker=f"'{EVIL}'", summary=EVIL, date="2022-02-28")
    with opened(browser, shown, width, "story=evil&panels=stories,saves") as page:
        expect(field(page, "Kicker")).to_have_value(EVIL)
        field(page, "Kicker").fill(f"{EVIL} twice")
        shown.edit("stories/evil.md", "date: 2022-02-28", "date: 2022-02-27")
        save(page)
        expect(page.get_by_role("group", name="Both versions")).to_contain_text("onerror=")
        page.get_by_role("button", name="Save mine over it").click()
        expect(page.locator("#said")).to_contain_text("Saved")
        assert page.locator("[onerror], #editor script, img[src='x']").count() == 0
        assert page.evaluate("window.hacked") is None


@BOTH
def test_axe_finds_nothing_in_the_form(browser, shown, width):
    """A form with mistakes, both versions, its more fields and the steps' detail open passes axe in both schemes."""
    query = f"story={URUGUAY}&panels=checks,stories,import,act,saves"
    with opened(browser, shown, width, query, bypass_csp=True) as page:
        expect(page.locator("#editor")).to_be_visible()
        page.locator("#editor .more summary").click()
        field(page, "Date (needed)").fill("2022-02-31")
        save(page)
        expect(page.locator("#editor")).to_contain_text("does not exist")
        field(page, "Date (needed)").fill("2022-02-24")
        shown.edit(FILE, "title: ", "title: Theirs – ")
        save(page)
        expect(page.get_by_role("group", name="Both versions")).to_be_visible()
        page.locator("[data-step=checks]").click()
        expect(page.locator("#step-detail")).to_be_visible()
        settled(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert violations(page, iframes=False) == [], scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= width
