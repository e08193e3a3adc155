"""What an editor does from the page: pin, skip, move, test, approve, compare, export; and what that writes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import anyio.lowlevel
import pytest
import yaml
from aiosmtpd.controller import Controller
from playwright.sync_api import expect
from previewed import Late, opened, serving, settled

from digest.editions import archive
from digest.editions.builder import build_edition
from digest.newsroom.newsroom import open_newsroom
from digest.preview.live import Live

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
BOTH = pytest.mark.parametrize("width", [375, 1280])
FILE = "issues/2022-02/everyone.yaml"
UKRAINE = "2022-02-10-strengthening-digital-tvet-in-ukraine"
WOMEN = "2022-02-14-helping-women-workers-manage-cultural"
URUGUAY = "2022-02-25-digitally-and-financially-empowered"
PRISON = "2021-01-27-from-prison-to-a-better-life"


def hand(shown):
    path = shown.root / FILE
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def mail(page, name="first"):
    return page.frame_locator(f"iframe[name={name}]")


def press(page, label, story):
    page.locator(f"li[data-id='{story}']").get_by_role("button", name=re.compile(f"^{label}:")).click()


def files(shown):
    return {str(p.relative_to(shown.root)) for p in shown.root.rglob("*") if p.is_file() and ".digest" not in p.parts}


@BOTH
def test_pin_and_skip_write_the_overrides_file_and_nothing_else(browser, shown, width):
    """A pinned story comes in from another month, a skipped one goes; one file says so, and can be emptied again."""
    before = files(shown)
    with opened(browser, shown, width, "panels=stories") as page:
        press(page, "Skip", UKRAINE)
        expect(page.locator(f"li[data-id='{UKRAINE}']")).to_contain_text("Out: the editor skips it")
        expect(mail(page).locator("body", has_text="Unsubscribe", has_not_text="TVET in Ukraine")).to_be_visible()
        page.locator("#search").fill("prison")
        press(page, "Pin", PRISON)
        expect(mail(page).locator("body")).to_contain_text("From prison to a better life")
        assert hand(shown) == {"pin": [PRISON], "skip": [UKRAINE]}
        assert files(shown) - before == {FILE}
        page.locator("#search").fill("")
        page.get_by_role("button", name="Undo every pin, skip and move").click()
        expect(mail(page).locator("body")).to_contain_text("TVET in Ukraine")
        assert not hand(shown)


def test_the_mail_follows_though_nothing_tells_of_files(browser, folder, monkeypatch):
    """As on a disk of the network, that tells of no change: what is pressed is in the mail all the same."""
    monkeypatch.setattr(Live, "watch", lambda _: anyio.lowlevel.checkpoint())
    with serving(folder), opened(browser, folder, 1280, "panels=stories") as page:
        press(page, "Skip", UKRAINE)
        expect(mail(page).locator("body", has_text="Unsubscribe", has_not_text="TVET in Ukraine")).to_be_visible()
        press(page, "Move down", WOMEN)
        expect(mail(page).locator("h2").first).to_contain_text("Digitally and financially")


@BOTH
def test_a_press_counts_though_the_list_grows_meanwhile(browser, shown, width):
    """An answer that comes between a button's down and up is drawn after it: the button is still under the pointer."""
    with opened(browser, shown, width, "panels=stories") as page:
        press(page, "Skip", UKRAINE)
        expect(mail(page).locator("body", has_text="Unsubscribe", has_not_text="TVET in Ukraine")).to_be_visible()
        page.locator("#search").fill("prison")
        expect(page.locator(".rows li")).to_have_count(1)
        late = Late(page, "/api/selection.*&q=$")
        page.locator("#search").fill("")
        late.asked()
        page.get_by_role("button", name="Undo every pin, skip and move").hover()
        page.mouse.down()
        late.come()
        page.mouse.up()
        expect(mail(page).locator("body")).to_contain_text("TVET in Ukraine")
        assert not hand(shown)
        expect(page.locator(".rows li").nth(5)).to_be_attached()


@BOTH
def test_stories_are_moved_by_buttons_and_keys(browser, shown, width):
    """Up, down and Alt with an arrow move a story; the mail follows, and the focus stays with the story."""
    with opened(browser, shown, width, "panels=stories") as page:
        press(page, "Move down", WOMEN)
        expect(mail(page).locator("h2").first).to_contain_text("Digitally and financially")
        assert hand(shown)["order"][:2] == [URUGUAY, WOMEN]
        assert page.evaluate("document.activeElement.dataset.focus") == f"down {WOMEN}"
        page.keyboard.press("Alt+ArrowUp")
        expect(mail(page).locator("h2").first).to_contain_text("Helping Women Workers")
        assert hand(shown)["order"][:2] == [WOMEN, URUGUAY]


def test_no_key_is_lost_while_the_list_is_drawn_anew(browser, shown):
    """Each of many quick keys moves the story by one place, while files change and answers come late."""
    with opened(browser, shown, 1280, "panels=stories") as page:
        ids = page.locator("#stories-in li").evaluate_all("rows => rows.map((row) => row.dataset.id)")
        assert len(ids) >= 4
        page.locator(f"[data-focus='down {ids[0]}']").focus()
        for turn in range(3):
            page.keyboard.press("Alt+ArrowDown")
            shown.edit(f"stories/{UKRAINE}.md", "title: ", f"title: {turn} ")
        assert page.evaluate("document.activeElement.dataset.focus") == f"down {ids[0]}"
        for _ in range(2):
            page.keyboard.press("Alt+ArrowUp")
        expect(page.get_by_role("button", name="Pin: 2 1 0")).to_be_visible()
        moved = [ids[1], ids[0], *ids[2:]]
        expect(page.locator("#stories-in li").nth(1)).to_have_attribute("data-id", ids[0])
        settled(page)
        assert page.locator("#stories-in li").evaluate_all("rows => rows.map((row) => row.dataset.id)") == moved
        assert page.evaluate("document.activeElement.dataset.focus") == f"down {ids[0]}"
        expect(mail(page).locator("h2").first).to_contain_text(page.locator("#stories-in .story").first.text_content())
        assert hand(shown)["order"] == moved


def test_the_focus_stays_with_a_story_that_reaches_the_top(browser, shown):
    """The button that has nothing more to do keeps the focus, so that the next key is for the same story."""
    with opened(browser, shown, 1280, "panels=stories") as page:
        page.locator(f"[data-focus='up {URUGUAY}']").press("Enter")
        expect(mail(page).locator("h2").first).to_contain_text("Digitally and financially")
        expect(page.locator(f"[data-focus='up {URUGUAY}']")).to_have_attribute("aria-disabled", "true")
        page.keyboard.press("Enter")
        page.keyboard.press("Alt+ArrowDown")
        expect(mail(page).locator("h2").first).to_contain_text("Helping Women Workers")
        assert hand(shown)["order"][:2] == [WOMEN, URUGUAY]
        page.locator(f"[data-focus='skip {URUGUAY}']").press("Enter")
        expect(page.locator(f"#stories-out li[data-id='{URUGUAY}']")).to_be_visible()
        assert page.evaluate("document.activeElement.dataset.focus") == f"skip {URUGUAY}"


@BOTH
def test_a_list_comes_along_with_what_is_dragged(browser, shown, width):
    """In a low window the first row is out of sight: held at the edge, the list moves, a row at a time."""
    with opened(browser, shown, width, "panels=stories") as page:
        page.set_viewport_size({"width": width, "height": 420})
        last = page.locator("#stories-in li").last
        story = last.get_attribute("data-id")
        grip = last.locator(".grip")
        settled(page)
        grip.scroll_into_view_if_needed()
        start = grip.bounding_box()
        page.mouse.move(start["x"] + 5, start["y"] + 5)
        page.mouse.down()
        page.mouse.move(start["x"] + 5, start["y"] - 60, steps=3)
        page.mouse.move(start["x"] + 5, 190 if width == 1280 else 40, steps=3)
        expect(page.locator("#stories-in li").first).to_have_class(re.compile("drop"))
        page.mouse.up()
        expect(page.locator("#stories-in li").first).to_have_attribute("data-id", story)


@BOTH
def test_a_story_is_dragged_to_the_top(browser, shown, width):
    """A story follows the pointer; where it is dropped it stays, in the file and in the mail."""
    with opened(browser, shown, width, "panels=stories") as page:
        grip = page.locator(f"li[data-id='{URUGUAY}'] .grip")
        settled(page)
        grip.scroll_into_view_if_needed()
        start, target = grip.bounding_box(), page.locator(f"li[data-id='{WOMEN}']").bounding_box()
        page.mouse.move(start["x"] + 5, start["y"] + 5)
        page.mouse.down()
        page.mouse.move(start["x"] + 5, target["y"] + 4, steps=5)
        page.mouse.up()
        expect(mail(page).locator("h2").first).to_contain_text("Digitally and financially")
        assert hand(shown)["order"][:2] == [URUGUAY, WOMEN]


def test_an_order_with_a_story_that_does_not_exist_is_refused(shown):
    """What names no story is not written."""
    answer = shown.post("/api/overrides", {"period": "2022-02", "pin": ["../../etc/passwd"], "skip": [], "order": []})
    assert answer.status_code in (409, 422)
    assert not hand(shown)


@BOTH
def test_what_is_shown_is_built_and_signed(browser, shown, width):
    """Approving signs the bytes on the page under the editor's name; a story that changes voids it, visibly."""
    with opened(browser, shown, width, "panels=act") as page:
        page.get_by_role("button", name="Approve exactly this").click()
        expect(page.locator("#approve-result")).to_contain_text("say who approves")
        page.get_by_label("Your name").fill("Ada")
        page.get_by_role("button", name="Approve exactly this").click()
        expect(page.locator("#act")).to_contain_text("holds: it may go")
        signed = json.loads((shown.root / "approvals/2022-02/everyone/en.json").read_text())
        assert [each["who"] for each in signed["signatures"]] == ["Ada"]
        built = json.loads((shown.root / "build/2022-02/everyone/en/manifest.json").read_text())
        assert signed["fingerprint"] == built["fingerprint"]
        shown.edit(f"stories/{URUGUAY}.md", "title: ", "title: Later – ")
        expect(page.locator("#act")).to_contain_text("the approval is void")


def test_what_changed_since_it_was_shown_is_not_signed(shown):
    """Nobody signs what they have not seen."""
    body = {"period": "2022-02", "audience": "everyone", "by": "Ada", "fingerprint": "0" * 64}
    answer = shown.post("/api/approve", body)
    assert answer.status_code == 409
    assert answer.json()["errors"] == ["2022-02/everyone/en changed while you looked; look again, then approve"]
    assert not (shown.root / "approvals").exists()
    assert not (shown.root / "build").exists()
    draft = shown.post("/api/draft", {"id": URUGUAY, "values": {"title": "Typed"}}).json()["draft"]
    seen = shown.get("/api/edition", period="2022-02", draft=draft).json()["fingerprint"]
    answer = shown.post("/api/approve", {**body, "fingerprint": seen, "draft": draft})
    assert answer.json()["errors"] == ["the mail shows what you typed; save it, or close its form, then approve"]


class Mailbox(Controller):
    """A relay on a free port that keeps what it gets. aiosmtpd connects to itself once: it must learn its port."""

    def __init__(self):
        self.mails: list[tuple[list[str], bytes]] = []
        super().__init__(self, hostname="127.0.0.1", port=0)

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append((envelope.rcpt_tos, envelope.original_content))
        return "250 OK"


@BOTH
def test_a_test_mail_goes_to_a_listed_address_only(browser, shown, width):
    """The page mails the addresses that config.yaml lists, through the newsroom's relay; any other is refused."""
    relay = Mailbox()
    relay.start()
    try:
        config = (shown.root / "config.yaml").read_text()
        config = re.sub(r"smtp:\n(  .*\n)+", f"smtp: {{host: 127.0.0.1, port: {relay.port}, tls: none}}\n", config)
        shown.write("config.yaml", f"{config}preview: {{test_addresses: [desk@example.org]}}\n")
        with opened(browser, shown, width, "panels=act") as page:
            page.get_by_role("button", name="Send a test").click()
            expect(page.locator("#test-result")).to_have_text(
                "A test mail went to desk@example.org; no reader got one."
            )
        ((to, data),) = relay.mails
        assert to == ["desk@example.org"]
        assert b"Subject: [Test] All ILO Newsroom content: February 2022" in data
        answer = shown.post("/api/test", {"period": "2022-02", "address": "reader@example.org"})
        assert answer.json()["errors"][0].startswith("'reader@example.org' is not among preview.test_addresses")
        assert len(relay.mails) == 1
        draft = shown.post("/api/draft", {"id": URUGUAY, "values": {"title": "Typed"}}).json()["draft"]
        typed = {"period": "2022-02", "address": "desk@example.org", "draft": draft}
        assert shown.post("/api/test", typed).json()["said"].endswith("What you typed is not in it: save it first.")
        assert b"Typed" not in relay.mails.pop()[1]
        shown.edit("config.yaml", "\nsend:\n", "\nsend:\n  transport: memory\n")
        answer = shown.post("/api/test", {"period": "2022-02", "address": "desk@example.org"})
        assert answer.json()["said"] == "send.transport is memory, which is for tests: nobody is mailed"
        assert len(relay.mails) == 1
    finally:
        relay.stop()


@BOTH
def test_an_edition_is_compared_with_the_last_build(browser, shown, width):
    """The text's changes are marked line by line, and both mails stand side by side."""
    with opened(browser, shown, width, "panels=compare,act") as page:
        expect(page.locator("#compare")).to_contain_text("was never built")
        page.get_by_label("Your name").fill("Ada")
        page.get_by_role("button", name="Approve exactly this").click()
        expect(page.locator("#act")).to_contain_text("holds: it may go")
        shown.edit(f"stories/{URUGUAY}.md", "title: ", "title: Anew – ")
        expect(page.locator(".diff ins").first).to_contain_text("Anew")
        expect(page.locator(".diff del").first).to_contain_text("Digitally")
        page.get_by_role("button", name="Side by side").click()
        expect(mail(page, "second").locator("h2", has_text="Anew")).to_have_count(1)
        expect(mail(page).locator("h2", has_text=re.compile("^Digitally"))).to_have_count(1)


@BOTH
def test_the_export_opens_from_disk(browser, shown, tmp_path, width):
    """One file, opened without the tool and without scripts, shows the mail at several widths, its text and checks."""
    with opened(browser, shown, width, "panels=act") as page, page.expect_download() as download:
        page.get_by_role("link", name="Export one file").click()
    file = tmp_path / download.value.suggested_filename
    assert file.name == "digest-2022-02-everyone-en.html"
    file.write_bytes(shown.get("/export").content)
    context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=False, offline=True)
    try:
        page = context.new_page()
        page.goto(file.as_uri())
        expect(page.get_by_role("heading", level=1)).to_have_text("All ILO Newsroom content: February 2022")
        expect(page.frame_locator("iframe.w640light").locator("h1")).to_have_text("February 2022")
        page.get_by_label("375 px, dark").check()
        expect(page.locator("iframe.w375dark")).to_be_visible()
        expect(page.locator("iframe.w640light")).to_be_hidden()
        expect(page.locator("pre")).to_contain_text("Unsubscribe")
        assert page.locator("main").evaluate("e => document.documentElement.scrollWidth") <= width
    finally:
        context.close()


@BOTH
def test_an_edition_is_compared_with_what_was_sent(browser, shown, width):
    """What readers have got lies in the archive: the page shows what has changed since, line by line."""
    newsroom = open_newsroom(shown.root / "config.yaml", {})
    made = build_edition(newsroom, newsroom.edition("2022-02", "everyone"))
    archive.keep(newsroom, made, archive.EditionContent(rendering=made.rendering))
    shown.edit(f"stories/{URUGUAY}.md", "title: ", "title: Anew – ")
    with opened(browser, shown, width, "panels=compare&at=sent") as page:
        expect(page.locator(".diff ins").first).to_contain_text("Anew")
        expect(page.locator(".diff del").first).to_contain_text("Digitally")


def test_a_column_that_the_list_lacks_is_a_finding_on_the_page(folder):
    """It is seen while the issue is made, with the template's line and what the list has."""
    shutil.copytree(ROOT / "templates/default", folder.root / "templates/default")
    text = folder.root / "templates/default/text.txt.j2"
    text.write_text(f"{text.read_text()}\n{{{{ reader.field.membership }}}}\n")
    folder.write("recipients/everyone.csv", "email,City\na@example.org,Bern\n")
    with serving(folder):
        findings = folder.get("/api/edition").json()["findings"]
    (unknown,) = [finding for finding in findings if finding["code"] == "field-unknown"]
    assert unknown["severity"] == "error"
    assert "text.txt.j2:" in str(unknown)
    assert "this list has: city" in str(unknown)
