"""The page in a real Chromium, at a phone's width and a desktop's: what an editor sees, presses, drags and reads."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect
from previewed import opened, settled

from accessibility import violations
from digest.editions.builder import build_edition
from digest.newsroom.newsroom import open_newsroom

pytestmark = pytest.mark.browser
WIDTHS = (375, 1280)
BOTH = pytest.mark.parametrize("width", WIDTHS)
LEAD = "Helping Women Workers Manage Cultural and Professional Barriers in Pakistan"
URUGUAY = "2022-02-25-digitally-and-financially-empowered"
STRESS = {
    "case:long-name": "Featherstonehaugh", "case:no-name": "r@example.org", "case:arabic": "محمد",
    "case:forty": "", "case:no-summary": "", "case:no-images": "",
}  # fmt: skip


def mail(page, name="first"):
    return page.frame_locator(f"iframe[name={name}]")


def style(page, selector, what, name="first"):
    return mail(page, name).locator(selector).first.evaluate(f"e => getComputedStyle(e)['{what}']")


def inner(page, script, name="first"):
    return page.evaluate(f"n => document.querySelector('iframe[name=' + n + ']').contentWindow.{script}", name)


def query(page):
    return {key: value[0] for key, value in parse_qs(urlsplit(page.url).query).items()}


def press(page, label):
    page.get_by_role("button", name=label, exact=True).click()


def box(page, name="first"):
    return inner(page, "innerWidth", name)


@BOTH
def test_the_inbox_line_is_what_a_list_of_mails_shows(browser, served, width):
    """From, subject and preheader stand as a phone and a desktop show them, with their lengths and Reply-To."""
    with opened(browser, served, width) as page:
        for kind in ("desktop", "phone"):
            expect(page.locator(f".{kind}")).to_contain_text("ILO Newsroom")
            expect(page.locator(f".{kind} .subject")).to_have_text("All ILO Newsroom content: February 2022")
        expect(page.locator(".phone .rest")).to_contain_text("Helping Women Workers")
        expect(page.locator("#subject-count")).to_have_text("Subject: 39 characters")
        expect(page.locator("#addresses")).to_contain_text("Replies go to newsroom@ilo.org")


@BOTH
def test_nothing_is_wider_than_the_window(browser, served, width):
    """The page needs no sideways scrolling, at a phone's width either, with everything open."""
    with opened(browser, served, width, "panels=checks,stories,calendar,compare,act&second=1024") as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@BOTH
def test_the_keys_choose_the_width(browser, served, width):
    """1 to 6 give the mail exactly that many pixels, and the address says so."""
    with opened(browser, served, width) as page:
        for key, pixels in enumerate((320, 375, 414, 600, 768, 1024), 1):
            page.keyboard.press(str(key))
            page.wait_for_function("w => document.querySelector('iframe').contentWindow.innerWidth === w", arg=pixels)
        assert query(page)["width"] == "1024"
        mail(page).locator("h1").click()
        page.keyboard.press("1")
        page.wait_for_function("() => document.querySelector('iframe').contentWindow.innerWidth === 320")


@BOTH
def test_the_edge_can_be_dragged_and_moved_by_keys(browser, served, width):
    """The frame's edge follows the mouse and the arrow keys, and the address keeps where it was left."""
    with opened(browser, served, width, "width=414") as page:
        edge = page.get_by_role("slider")
        edge.focus()
        page.keyboard.press("ArrowLeft")
        assert box(page) == 404
        settled(page)
        place = edge.bounding_box()
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 20, y, steps=4)
        page.mouse.up()
        assert 340 <= box(page) < 404
        assert query(page)["width"] == str(box(page)) == edge.get_attribute("aria-valuenow")


def test_an_address_that_may_not_be_changed_holds_nothing_up(browser, served):
    """Safari throws at the hundred and first change in half a minute: the frame is dragged on, the address follows."""
    few = """() => {
        let left = 3;
        const replaceState = history.replaceState.bind(history);
        history.replaceState = (...given) => { if (!left--) throw new DOMException(); replaceState(...given); };
    }"""
    with opened(browser, served, 1280, "width=414") as page:
        page.evaluate(few)
        page.get_by_role("slider").focus()
        for _ in range(4):
            page.keyboard.press("ArrowLeft")
        assert box(page) == 374
        page.wait_for_url(re.compile("width=374"))


def test_seven_tabs_of_the_page_are_seven_pages(browser, shown):
    """A browser opens six connections to a server: those of the tabs that nobody looks at wait for none of its news."""
    hide = "yes => { Object.defineProperty(document, 'hidden', { value: yes, configurable: true }); \
        document.dispatchEvent(new Event('visibilitychange')); }"
    with opened(browser, shown, 1280) as page:
        tabs = [page]
        for _ in range(6):
            tabs[-1].evaluate(hide, arg=True)
            tabs.append(page.context.new_page())
            tabs[-1].goto(shown.url)
            tabs[-1].wait_for_selector("html[data-live=yes]")
        tabs[-1].evaluate(hide, arg=True)
        shown.edit(f"stories/{URUGUAY}.md", "title: ", "title: Changed meanwhile, ")
        tabs[0].evaluate(hide, arg=False)
        expect(mail(page).locator("body")).to_contain_text("Changed meanwhile, ")


def test_a_browser_that_keeps_nothing_shows_the_page(browser, served):
    """Told to keep no site's data it refuses the page its store, by an error."""
    with opened(browser, served) as page:
        for name in ("localStorage", "sessionStorage"):
            refuse = "{ get() { throw new DOMException('no', 'SecurityError'); } }"
            page.add_init_script(f"Object.defineProperty(window, '{name}', {refuse})")
        page.goto(f"{served.url}/?panels=act")
        page.wait_for_selector("html[data-live=yes]")
        page.get_by_label("Your name").fill("Ana")


@BOTH
def test_two_widths_stand_side_by_side(browser, served, width):
    """A second frame shows the same mail at another width."""
    with opened(browser, served, width, "width=600") as page:
        press(page, "Two")
        expect(mail(page, "second").get_by_role("heading", name=LEAD)).to_be_visible()
        assert (box(page), box(page, "second")) == (600, 375)


@BOTH
def test_a_link_shows_the_same_view(browser, served, width):
    """Every setting lives in the address: another window that opens it sees the same."""
    wanted = "period=2021-12&audience=skills&width=414&scheme=dark&images=off&size=200&panels=calendar&second=600"
    with opened(browser, served, width, wanted) as page:
        expect(page.locator("#period")).to_have_value("2021-12")
        expect(page.locator("#audience")).to_have_value("skills")
        for name in ("414", "Dark", "No images", "Text 200 %", "Two"):
            expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".months")).to_be_visible()
        expect(page.locator("#panel-checks")).not_to_have_attribute("open", "")


@BOTH
def test_the_modes_are_what_readers_programs_do(browser, served, width):
    """Light, the author's dark, forced dark in part and in full: the paper and the band have the colours of each."""
    white, band = "rgb(255, 255, 255)", "rgb(30, 45, 190)"
    expected = {
        "light": (white, band),
        "dark": ("rgb(24, 27, 35)", None),
        "partial": ("rgb(18, 18, 18)", band),
        "full": ("rgb(18, 18, 18)", None),
    }
    with opened(browser, served, width, color_scheme="dark") as page:
        for scheme, (sheet, top) in expected.items():
            expect(mail(page).locator(".sheet").first).to_have_css("background-color", sheet)
            if top:
                assert style(page, ".band", "backgroundColor") == top
            else:
                assert style(page, ".band", "backgroundColor") != band
            assert query(page).get("scheme", "light") == scheme
            page.keyboard.press("d")
        expect(mail(page).locator(".sheet").first).to_have_css("background-color", white)


@BOTH
def test_images_styles_and_size_are_switches(browser, shown, width):
    """Images off leaves alt texts, without <style> a phone's layout goes, text at 200 % is twice as tall."""
    text = (shown.root / f"stories/{URUGUAY}.md").read_text()
    text = re.sub("(?m)^image: .*", "image: https://img.example.org/a.jpg", text)
    shown.write(f"stories/{URUGUAY}.md", re.sub("(?m)^image_alt: .*", "image_alt: A market", text))
    with opened(browser, shown, width, expected="img.example.org|ERR_") as page:
        expect(mail(page).get_by_alt_text("A market")).to_have_attribute("src", "https://img.example.org/a.jpg")
        page.keyboard.press("i")
        expect(mail(page).get_by_alt_text("A market")).not_to_have_attribute("src", re.compile(""))
        press(page, "No <style>")
        expect(mail(page).locator("style")).to_have_count(0)
        press(page, "No <style>")
        expect(mail(page).locator("style")).not_to_have_count(0)
        before = float(style(page, ".summary", "fontSize")[:-2])
        press(page, "Text 200 %")
        expect(mail(page).locator(".summary").first).to_have_css("font-size", f"{before * 2:g}px")


@BOTH
def test_the_tabs_show_every_face_of_the_mail(browser, served, width):
    """Text with its 72-column ruler, source, MIME tree with raw headers, manifest, reading order."""
    with opened(browser, served, width) as page:
        page.keyboard.press("t")
        expect(page.locator("pre.ruled")).to_contain_text(LEAD[:40])
        ruler = page.locator(".ruler").evaluate("e => e.getBoundingClientRect().width")
        column = page.locator("pre.ruled").evaluate("e => parseFloat(getComputedStyle(e, '::after').left)")
        assert abs(ruler - column) < 1
        page.get_by_role("tab", name="Source").click()
        expect(page.locator(".numbered span").first).to_have_text("<!DOCTYPE html>")
        page.get_by_role("tab", name="MIME").click()
        expect(page.locator(".tree")).to_contain_text("multipart/alternative")
        expect(page.locator(".fields")).to_contain_text("List-Unsubscribe")
        expect(page.locator(".numbered")).to_contain_text("Content-Transfer-Encoding: quoted-printable")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".paper")).to_contain_text('"fingerprint"')
        page.get_by_role("tab", name="Reading order").click()
        expect(mail(page).locator("li.heading").first).to_contain_text("February 2022")


@BOTH
def test_stress_cases_are_a_choice_away(browser, served, width):
    """The hardest readers and stories are shown in the mail itself; forty stories are forty headlines."""
    with opened(browser, served, width) as page:
        for case, address in STRESS.items():
            page.locator("#who").select_option(case)
            page.wait_for_function("who => new URLSearchParams(location.search).get('who') === who", arg=case)
            if address and case != "case:arabic":
                expect(page.locator("#addresses")).to_contain_text(address)
            if case == "case:arabic":
                expect(mail(page).locator("html")).to_have_attribute("dir", "rtl")
            if case == "case:forty":
                expect(page.locator("#checks")).to_contain_text("of the 102 KB")
                expect(mail(page).locator("h2, h3, .short, .item").nth(39)).to_be_attached()
            if case == "case:no-summary":
                expect(page.locator("iframe[src*=no-summary][data-ready]")).to_be_visible()
                expect(mail(page).locator(".summary")).to_have_count(0)


@BOTH
def test_a_reader_from_the_list_is_shown_their_mail(browser, served, width):
    """Choosing a reader shows the mail with their address in it."""
    with opened(browser, served, width) as page:
        page.locator("#who").select_option("list")
        option = page.locator("#readers option").first
        expect(option).to_have_attribute("value", re.compile("^reader:.+@"))
        value = option.get_attribute("value")
        page.locator("#who").select_option(value)
        expect(mail(page).locator("body")).to_contain_text(value.removeprefix("reader:"))


@BOTH
def test_the_month_and_the_audience_are_chosen_above(browser, served, width):
    """The period can be stepped and typed, the audience chosen; a month without stories says so."""
    with opened(browser, served, width) as page:
        page.get_by_role("button", name="The period before").click()
        expect(mail(page).locator("h1")).to_have_text("January 2022")
        page.locator("#audience").select_option("impact")
        expect(mail(page).locator("body")).to_contain_text("Impact and people")
        page.locator("#period").fill("2021-03")
        page.locator("#period").press("Enter")
        expect(mail(page).locator("h1")).to_have_text("Nothing to send")
        page.locator("#period").fill("2022-13")
        page.locator("#period").press("Enter")
        expect(page.locator("#errors")).to_contain_text("'2022-13' is not a month that exists")
        page.locator("#period").fill("2021")
        page.locator("#period").press("Enter")
        expect(page.locator("#errors")).to_be_hidden()


@BOTH
def test_a_finding_leads_to_its_place(browser, served, width):
    """A click on a finding shows the story in the frame, and names its file and line."""
    with opened(browser, served, width) as page:
        finding = page.locator("#checks button", has_text="is not encrypted")
        lines = (served.root / f"stories/{URUGUAY}.md").read_text().splitlines()
        line = next(number for number, text in enumerate(lines, 1) if text.startswith("link: "))
        expect(finding).to_contain_text(f"stories/{URUGUAY}.md:{line}")
        before = inner(page, "scrollY")
        finding.click()
        expect(mail(page).locator("[data-preview-mark]")).to_contain_text("Digitally and financially empowered")
        page.wait_for_function("y => document.querySelector('iframe').contentWindow.scrollY > y", arg=before)
        expect(mail(page).locator("[data-preview-mark]")).to_be_in_viewport()


@BOTH
def test_what_is_outlined_in_the_mail_stays_so(browser, shown, width):
    """Though another story is written and the colours are changed; not once its form is closed."""
    with opened(browser, shown, width) as page:
        marked = mail(page).locator("[data-preview-mark]")
        page.locator("#checks button", has_text="is not encrypted").first.click()
        expect(marked).to_contain_text("Digitally and financially empowered")
        shown.story("another", title="Quite another", date="2022-02-27")
        expect(mail(page).locator("h2", has_text="Quite another")).to_be_attached()
        expect(marked).to_contain_text("Digitally and financially empowered")
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("iframe.dark[data-ready]")).to_be_visible()
        expect(marked).to_contain_text("Digitally and financially empowered")
        page.get_by_role("button", name="Mend").click()
        expect(page.locator("#editor-title")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#editor")).to_be_hidden()
        expect(marked).to_have_count(0)


@BOTH
def test_what_was_scrolled_stays_so_when_it_is_drawn_anew(browser, shown, width):
    """The months, the comparison and the text, when another story is written."""
    for month in range(1, 13):
        shown.story(f"old-{month}", date=f"2019-{month:02}-10")
    with opened(browser, shown, width, "panels=calendar,compare,stories&tab=text") as page:
        seen = shown.get("/api/edition").json()["fingerprint"]
        assert shown.post("/api/approve", {"by": "Ada", "fingerprint": seen}).status_code == 200
        shown.story("long", title="A long one", date="2022-02-26", summary="Words. " * 600)
        places = {".months": "scrollLeft", "#compare .diff": "scrollTop", ".paper": "scrollTop"}
        expect(page.locator("#compare .diff")).to_contain_text("A long one")
        expect(page.locator(".paper")).to_contain_text("A long one")
        expect(page.locator(".months [aria-current]")).to_have_accessible_name("February 2022: 6 stories")
        for place, way in places.items():
            page.locator(place).evaluate(f"place => {{ place.{way} = 120; }}")
        shown.story("another", title="Quite another", date="2022-02-27")
        expect(page.locator("#compare .diff")).to_contain_text("Quite another")
        expect(page.locator(".months [aria-current]")).to_have_accessible_name("February 2022: 7 stories")
        for place, way in places.items():
            assert page.locator(place).evaluate(f"place => place.{way}") == 120, place
        page.get_by_role("button", name="December 2021").click()
        expect(page.locator(".months [aria-current]")).to_be_in_viewport()


@BOTH
def test_sizes_are_told_against_gmails_limit(browser, served, width):
    """The bar says how much of 102 KB is used; each story has its bytes."""
    with opened(browser, served, width) as page:
        expect(page.get_by_role("img", name=re.compile(r"\d+ KB of the 102 KB"))).to_be_visible()
        expect(page.locator(".sizes tr")).to_have_count(5)


@BOTH
def test_a_month_is_clicked_in_the_calendar(browser, served, width):
    """Stories per month are a picture; a click shows that month, and what it has of each series."""
    with opened(browser, served, width, "panels=calendar") as page:
        expect(page.locator("#calendar .legend")).to_contain_text("Skills stories: 3")
        expect(page.get_by_role("button", name="February 2022: 5 stories")).to_have_attribute("aria-current", "true")
        page.get_by_role("button", name="April 2021: 2 stories").click()
        expect(mail(page).locator("h1")).to_have_text("April 2021")
        expect(page.locator("#calendar .legend")).not_to_contain_text("Skills stories: 3")
        expect(page.get_by_role("button", name="March 2021: 0 stories")).to_be_attached()


def test_a_series_may_have_any_name(browser, shown):
    """Also one that every object of the page's own has: a month without it says nothing of it."""
    for number in range(9):
        shown.story(f"builders-{number}", kicker="constructor", date="2022-01-20")
    with opened(browser, shown, query="period=2022-02&panels=calendar") as page:
        expect(page.locator("#calendar .legend")).to_contain_text("Skills stories: 3")
        expect(page.locator("#calendar .legend li", has_text="constructor")).to_have_text("constructor")


def test_a_contrast_theme_shows_what_is_pressed_and_chosen(browser, served):
    """Windows takes a page's colours away there: a width, a scheme, a tab and a measure can still be told apart."""
    with opened(browser, served, 1280, "width=600") as page:
        page.emulate_media(forced_colors="active")
        look = "(e, of) => getComputedStyle(e, of[0])[of[1]]"

        def seen(selector, what="backgroundColor", part=""):
            return page.locator(selector).first.evaluate(look, [part, what])

        assert seen("#widths [data-focus='600']") != seen("#widths [data-focus='375']")
        assert seen("#tab-html", "borderBottomColor") != seen("#tab-text", "borderBottomColor")
        assert len({seen("#inbox"), seen(".meter"), seen(".meter", part="::before")}) == 3
        page.emulate_media(forced_colors="none")


def test_single_keys_can_be_turned_off(browser, served):
    """WCAG 2.2, 2.1.4: who dictates says letters; in this browser they then stay letters, after a reload too."""
    with opened(browser, served, 1280, "width=600") as page:
        press(page, "Keys ?")
        page.get_by_label("Single keys").uncheck()
        press(page, "Close")
        page.reload()
        page.wait_for_selector("html[data-live=yes]")
        page.keyboard.press("1")
        page.keyboard.press("t")
        assert "width" not in query(page) or query(page)["width"] == "600"
        expect(page.locator("#tab-html")).to_have_attribute("aria-selected", "true")


@BOTH
def test_a_saved_story_appears_where_one_was(browser, shown, width):
    """A change on disk shows by itself; scroll, width and mode stay."""
    with opened(browser, shown, width, "width=375&scheme=dark") as page:
        expect(page.locator("iframe[data-ready]")).to_be_visible()
        page.evaluate("document.querySelector('iframe').contentWindow.scrollTo(0, 300)")
        shown.edit(f"stories/{URUGUAY}.md", "title: ", "title: Changed while you look – ")
        expect(mail(page).get_by_role("heading", name="Changed while you look")).to_have_count(1)
        expect(page.locator("iframe[name=first][data-ready]")).to_be_visible()
        assert (inner(page, "scrollY"), box(page)) == (300, 375)
        assert style(page, ".sheet", "backgroundColor") == "rgb(24, 27, 35)"


@BOTH
def test_an_error_stands_over_the_last_good_mail(browser, shown, width):
    """A mistake in a story or a theme is named by file and line, the last good mail stays, and mending clears it."""
    with opened(browser, shown, width) as page:
        expect(mail(page).get_by_role("heading", name=LEAD)).to_be_visible()
        shown.edit(f"stories/{URUGUAY}.md", "date: 2022-02-25", "date: 2022-02-31")
        expect(page.locator("#errors")).to_contain_text(f"{URUGUAY}.md:")
        expect(page.locator("#errors")).to_contain_text("the last good mail")
        expect(mail(page).get_by_role("heading", name=LEAD)).to_be_visible()
        shown.edit(f"stories/{URUGUAY}.md", "date: 2022-02-31", "date: 2022-02-25")
        expect(page.locator("#errors")).to_be_hidden()
        shown.write("templates/default/credit.mjml.j2", "\n{{ 1 + }}\n")
        expect(page.locator("#errors")).to_contain_text(re.compile(r"credit\.mjml\.j2:2"))
        expect(mail(page).get_by_role("heading", name=LEAD)).to_be_visible()
        mail(page).get_by_role("heading", name=LEAD).click()
        with page.expect_response(re.compile(r"/api/edition\?.*draft=[^&]")):
            page.locator("#editor").get_by_label("Kicker").fill("Typed under it")
        expect(page.locator("#errors")).to_contain_text("the last good mail")
        expect(mail(page).get_by_role("heading", name=LEAD)).to_be_visible()
        page.locator("#period").fill("2022-01")
        page.locator("#period").press("Enter")
        expect(page.locator("#errors")).to_contain_text("This does not work.")
        page.get_by_role("button", name="Dark").click()
        expect(mail(page).locator("h1")).to_have_text("This mail cannot be shown")
        expect(mail(page).locator("p")).to_contain_text("credit.mjml.j2:2")


@BOTH
def test_the_search_and_the_help_have_keys(browser, served, width):
    """`/` goes to the search, which finds any story; `?` lists the keys."""
    with opened(browser, served, width) as page:
        page.keyboard.press("/")
        expect(page.locator("#search")).to_be_focused()
        page.keyboard.type("prison")
        expect(page.locator(".rows li")).to_have_count(1)
        expect(page.locator(".rows li")).to_contain_text("not in 2022-02")
        page.locator("#search").fill("")
        page.locator("#search").blur()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()


@BOTH
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, served, width, scheme):
    """The page with everything open, each face of the mail, and the mail itself pass axe in both schemes."""
    everything = "panels=checks,stories,calendar,compare,act"
    with opened(browser, served, width, everything, color_scheme=scheme, bypass_csp=True) as page:
        if scheme == "dark":
            page.locator("#tab-mime").click()
            page.wait_for_selector(".paper[data-tab=mime]")
            # Lines of the raw mail differ in nothing but their words: some stand for two thousand, which take seconds.
            page.evaluate("[...document.querySelectorAll('.numbered span')].slice(50).forEach((line) => line.remove())")
        assert violations(page, iframes=False) == []
        newsroom = open_newsroom(served.root / "config.yaml", {})
        page.set_content(build_edition(newsroom, newsroom.edition("2022-02", "everyone")).parts["index.html"].decode())
        assert violations(page) == []


def test_axe_would_find_something(browser, served):
    """The same examination finds what is wrong when something is: its silence means something."""
    with opened(browser, served, bypass_csp=True) as page:
        page.evaluate("document.querySelector('label[for=period]').remove()")
        assert [rule for rule, *_ in violations(page)] == ["label"]


EVIL = "<img src=x onerror=parent.hacked=top.hacked=1><script>top.hacked=1</script>"


@BOTH
def test_hostile_stories_run_nothing(browser, shown, width):
    """FAULTS 59: scripts in titles, kickers, summaries, file names, errors, searches and the address stay words."""
    quoted = f"'{EVIL}'"
    shown.story("evil", title=quoted, kicker=quoted, summary=f"{EVIL} [x](javascript:alert(1))", date="2022-02-28")
    everything = "panels=checks,stories,calendar,compare,act"
    with opened(browser, shown, width, everything) as page:
        expect(page.locator(".rows .story", has_text="onerror=")).to_have_count(1)
        expect(mail(page).locator("h2", has_text="onerror=")).to_have_count(1)
        assert mail(page).locator("script, img[src=x], [onerror]").count() == 0
        page.locator("#search").fill(EVIL)
        expect(page.locator(".rows li")).to_have_count(1)
        shown.write(f"stories/{EVIL.replace('/', '')}.md", "---\ntitle: <script>top.hacked=1</script>\n---\n")
        expect(page.locator("#errors")).to_contain_text("top.hacked=1")
        for tab in ("order", "text", "source", "mime", "manifest"):
            page.locator(f"#tab-{tab}").click()
        page.goto(f"{shown.url}/?period={EVIL}&who={EVIL}&tab={EVIL}&at={EVIL}&q={EVIL}")
        expect(page.locator("#errors")).to_be_visible()
        assert page.evaluate("window.hacked") is None


def test_a_script_in_the_frame_would_not_run(browser, served):
    """Even if a script came through everything else, neither the sandbox nor the policy lets it run."""
    with opened(browser, served, expected="Blocked script|Executing inline|Failed to load") as page:
        page.wait_for_function("() => document.querySelector('iframe').contentDocument?.querySelector('table')")
        page.evaluate("""() => {
            const inside = document.querySelector('iframe').contentDocument;
            const script = inside.createElement('script');
            script.textContent = 'top.hacked = 1';
            inside.body.append(script);
            inside.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="top.hacked = 1">');
            return new Promise((done) => inside.body.lastChild.addEventListener('error', () => done()));
        }""")
        assert page.evaluate("window.hacked") is None
