"""The issue on its way, on the page: its steps, who signs with which key, and stories that come in by import."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from playwright.sync_api import expect
from previewed import Late, opened, serving, settled

from accessibility import violations

BROWSER = pytest.mark.browser
BOTH = pytest.mark.parametrize("width", [375, 1280])
URUGUAY = "2022-02-25-digitally-and-financially-empowered"
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><link>https://www.example.org/</link>
<item><title>{title}</title><link>https://www.example.org/a</link><guid>https://www.example.org/a</guid>
<pubDate>Mon, 21 Feb 2022 09:00:00 +0100</pubDate><description>From the feed.</description></item></channel></rss>"""
SOURCE = "sources: [{name: news, url: feed.xml, channel: all-content}]\n"


def mail(page):
    return page.frame_locator("iframe[name=first]")


def step(page, name):
    return page.locator(f"[data-step={name}]")


def configured(shown, text):
    shown.write("config.yaml", (shown.root / "config.yaml").read_text() + text)


def feed(shown, title="A story of the feed"):
    return shown.write("feed.xml", FEED.format(title=title))


def steps(shown):
    return {each["name"]: each for each in shown.get("/api/steps", period="2022-02").json()["steps"]}


@BROWSER
@BOTH
def test_the_steps_say_what_is_done_and_what_is_missing(browser, shown, width):
    """Six steps stand above the issue; each opens to what is missing, the command, and the way there."""
    configured(shown, "schedule: [{period: month, on: first working day, at: '10:00', approval: two}]\n")
    shown.edit(f"stories/{URUGUAY}.md", "Most jobs in the world", "\nMost jobs")
    shown.story("bare", title="Bare", summary="", date="2022-02-20")
    with opened(browser, shown, width) as page:
        expect(step(page, "stories")).to_contain_text("6 stories")
        expect(step(page, "words")).to_contain_text("1 missing")
        step(page, "words").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#step-detail")).to_contain_text("a summary for “Bare”")
        expect(step(page, "test")).to_contain_text("not sent")
        expect(step(page, "approve")).to_contain_text("two people must")
        expect(step(page, "send")).to_contain_text("by itself, 1 March at 10:00")
        step(page, "send").click()
        expect(page.locator("#step-detail")).to_contain_text("digest run")
        step(page, "approve").click()
        expect(page.locator("#step-detail")).to_contain_text("nobody has approved it")
        page.get_by_role("button", name="Go there").click()
        expect(page.locator("#panel-act summary")).to_be_focused()
        page.get_by_label("Your name").fill("Ada")
        page.get_by_role("button", name="Approve exactly this").click()
        expect(step(page, "approve")).to_contain_text("by Ada; one more")
        page.get_by_label("Your name").fill("Grace")
        page.get_by_role("button", name="Approve exactly this").click()
        expect(step(page, "approve")).to_contain_text("by Ada, Grace")
        shown.edit("stories/bare.md", "title: Bare", "title: Bare no more")
        expect(step(page, "approve")).to_contain_text("void")


def test_a_step_that_stops_the_issue_says_so(shown):
    """Too few stories, a source that is awaited, an edition nobody sends by itself: each is said in its step."""
    configured(shown, SOURCE)
    found = steps(shown)
    assert found["stories"]["state"] == "todo"
    assert found["stories"]["missing"] == ["the source news: was never read"]
    assert (found["send"]["state"], found["send"]["words"]) == ("todo", "by hand")
    assert found["send"]["command"] == "digest send --month 2022-02 --audience everyone --live"
    none = {each["name"]: each for each in shown.get("/api/steps", period="2021-03").json()["steps"]}
    assert (none["stories"]["state"], none["stories"]["words"]) == ("wrong", "none is in")


def keyed(shown, people):
    return serving(shown, host="0.0.0.0", keys=people)


@pytest.fixture
def visitor():
    """Makes a browser that opened the page with a key, or without one."""
    with contextlib.ExitStack() as closing:

        def enter(shown, key="") -> httpx.Client:
            headers = {"Origin": shown.url, "X-Digest-Token": shown.token}
            client = closing.enter_context(httpx.Client(base_url=shown.url, headers=headers, timeout=30))
            client.get("/", params={"key": key})
            return client

        yield enter


def sign(client, by=""):
    shown = client.get("/api/edition", params={"period": "2022-02"}).json()
    body = {"period": "2022-02", "audience": "everyone", "by": by, "fingerprint": shown["fingerprint"]}
    return client.post("/api/approve", json=body)


def signatures(shown):
    path = shown.root / "approvals/2022-02/everyone/en.json"
    return [each["who"] for each in json.loads(path.read_text())["signatures"]] if path.exists() else []


def test_two_words_need_two_keys(folder, visitor):
    """Away from this machine the key says who signs: nobody lends the other's name, and two words are two people's."""
    configured(folder, "preview: {people: [Ada Lovelace, Grace Hopper]}\n")
    with keyed(folder, {"ada-key": "Ada Lovelace", "grace-key": "Grace Hopper"}):
        ada, grace = visitor(folder, "ada-key"), visitor(folder, "grace-key")
        assert ada.get("/api/people").json() == {"listed": ["Ada Lovelace", "Grace Hopper"], "you": "Ada Lovelace"}
        refused = sign(ada, "Grace Hopper")
        assert refused.json()["errors"] == [
            "this page was opened with Ada Lovelace's key; Grace Hopper signs with a key of their own"
        ]
        assert sign(ada).status_code == 200
        assert "has approved this already" in sign(ada, "Ada Lovelace").json()["errors"][0]
        assert signatures(folder) == ["Ada Lovelace"]
        assert sign(grace).status_code == 200
        assert signatures(folder) == ["Ada Lovelace", "Grace Hopper"]


def test_one_key_for_all_stands_for_one_person(folder, visitor):
    """Where config.yaml names nobody, the first who signs with the key is its person: a second name is refused."""
    with keyed(folder, {"the-key": ""}):
        first = visitor(folder, "the-key")
        assert first.get("/api/people").json()["you"] == ""
        assert sign(first, "Ada").status_code == 200
        assert "Ada's key" in sign(visitor(folder, "the-key"), "Grace").json()["errors"][0]
        assert first.get("/api/people").json()["you"] == "Ada"
        assert signatures(folder) == ["Ada"]


def test_on_this_machine_a_name_is_one_of_the_people(shown, visitor):
    """Where config.yaml names people, nobody else's name goes under an approval; otherwise it is typed."""
    configured(shown, "preview: {people: [Ada Lovelace, Grace Hopper]}\n")
    client = visitor(shown)
    assert "is not among preview.people" in sign(client, "Mallory").json()["errors"][0]
    assert sign(client, "Grace Hopper").status_code == 200
    assert signatures(shown) == ["Grace Hopper"]


@BROWSER
@BOTH
def test_a_name_is_chosen_among_the_people_or_typed_once(browser, shown, width):
    """The page offers the people of config.yaml; without any, it keeps the name that was typed."""
    with opened(browser, shown, width, "panels=act") as page:
        page.get_by_label("Your name").fill("Ada")
        page.get_by_role("button", name="Approve exactly this").click()
        expect(page.locator("#act")).to_contain_text("holds: it may go")
        page.reload()
        expect(page.get_by_label("Your name")).to_have_value("Ada")
        configured(shown, "preview: {people: [Ada Lovelace, Grace Hopper]}\n")
        expect(page.locator("select#by option")).to_have_text(["Choose…", "Ada Lovelace", "Grace Hopper"])


@BROWSER
@BOTH
def test_what_is_typed_and_chosen_stays_when_the_panel_is_drawn_anew(browser, shown, width):
    """The address for a test, the name, and the place in it where the next letter goes."""
    configured(shown, "preview: {test_addresses: [a@example.org, b@example.org]}\n")
    with opened(browser, shown, width, "panels=act") as page:
        page.get_by_label("A test mail to").select_option("b@example.org")
        page.get_by_label("Your name").fill("Ada")
        page.keyboard.press("ArrowLeft")
        shown.story("another")
        settled(page)
        page.keyboard.type("l")
        expect(page.get_by_label("Your name")).to_have_value("Adla")
        expect(page.get_by_label("A test mail to")).to_have_value("b@example.org")


@BROWSER
def test_a_mistake_of_an_import_stays_when_the_sources_are_answered_late(browser, shown, tmp_path):
    """The answer that another change asked for draws the panel anew, not over what a person was told meanwhile."""
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with opened(browser, shown, 375, "panels=import") as page:
        late = Late(page, "/api/sources", 1)
        page.get_by_text("More", exact=True).click()
        page.evaluate("() => document.activeElement.blur()")
        shown.story("another")
        late.asked()
        page.get_by_label("Or a file").set_input_files(tmp_path / "a.pdf")
        expect(page.locator("#import-result")).to_contain_text("is a PDF")
        late.come()
        expect(page.locator("#import-result")).to_contain_text("is a PDF; save the listing as text")
        expect(page.get_by_label("Channel")).to_be_visible()


@BROWSER
@BOTH
def test_a_file_is_looked_at_before_it_is_taken(browser, shown, tmp_path, width):
    """A dropped feed is shown as a diff, file by file; taken it is story files, and undone it never was."""
    (tmp_path / "news.xml").write_text(FEED.format(title="A story of the feed"))
    path = shown.root / "stories/2022-02-21-a-story-of-the-feed.md"
    with opened(browser, shown, width, "panels=import") as page:
        page.get_by_label("Or a file").set_input_files(tmp_path / "news.xml")
        offer = page.get_by_role("group", name="What would change")
        expect(offer).to_be_focused()
        expect(offer.locator("ins").nth(1)).to_have_text("title: A story of the feed")
        expect(offer).to_contain_text("1 would be new, 0 would be changed")
        assert not path.exists()
        page.get_by_role("button", name="Take it: 1 new, 0 changed").click()
        expect(page.locator("#said")).to_contain_text("Imported: news.xml, 1 story")
        expect(mail(page).locator("body")).to_contain_text("A story of the feed")
        assert "guid: https://www.example.org/a" in path.read_text()
        page.locator("#said").get_by_role("button", name="Undo").click()
        expect(page.locator("#said")).to_contain_text("Undone")
        assert not path.exists()
        assert not (shown.root / "stories/.imports.json").exists()


@BROWSER
def test_an_offer_keeps_the_focus_when_the_sources_are_answered_late(browser, shown, tmp_path):
    """Asked for before the offer was there, the list of sources is answered after it: the offer has the focus still."""
    (tmp_path / "news.xml").write_text(FEED.format(title="A story of the feed"))
    with opened(browser, shown, 1280, "panels=import") as page:
        page.get_by_label("Or a file").wait_for()
        late = Late(page, "/api/sources", 1)
        page.evaluate("document.dispatchEvent(new Event('saved'))")
        late.asked()
        page.get_by_label("Or a file").set_input_files(tmp_path / "news.xml")
        offer = page.get_by_role("group", name="What would change")
        expect(offer).to_be_focused()
        late.come()
        expect(offer).to_be_focused()


def test_what_is_taken_is_what_was_shown(shown):
    """The source changed by then, or a person changed the file: what was shown is written, or nothing is."""
    configured(shown, SOURCE)
    feed(shown)
    offer = shown.post("/api/import/source", {"name": "news"}).json()
    assert (offer["new"], offer["changed"]) == (1, 0)
    feed(shown, "Another title by now")
    assert shown.post("/api/import/take", {"offer": offer["offer"]}).json()["said"] == "Imported: news, 1 story"
    path = shown.root / "stories/2022-02-21-a-story-of-the-feed.md"
    assert path.exists()
    assert shown.get("/api/sources").json()["sources"][0]["stories"] == 1
    offer = shown.post("/api/import/source", {"name": "news"}).json()
    assert (offer["new"], offer["changed"]) == (0, 1)
    shown.edit("stories/2022-02-21-a-story-of-the-feed.md", "title: ", "title: Mine, ")
    refused = shown.post("/api/import/take", {"offer": offer["offer"]})
    assert refused.status_code == 409
    assert "title: Mine, A story of the feed" in path.read_text()


def months(shown, count):
    """The feed with that many stories."""
    head, _, item = FEED.partition("<item>")
    item, _, end = item.partition("</item>")
    items = ("<item>" + item.replace("/a<", f"/{n}<").format(title=f"Story {n}") + "</item>" for n in range(count))
    return shown.write("feed.xml", head + "".join(items) + end)


@BROWSER
@BOTH
def test_a_source_that_really_shrank_is_taken_by_somebody_who_saw_how_much(browser, shown, width):
    """Refused first, with the two numbers; shown when somebody insists, and remembered when they take it."""
    configured(shown, SOURCE)
    months(shown, 6)
    shown.post("/api/import/take", {"offer": shown.post("/api/import/source", {"name": "news"}).json()["offer"]})
    months(shown, 2)
    before = sorted(path.name for path in shown.root.glob("stories/*.md"))
    with opened(browser, shown, width, "panels=import") as page:
        page.get_by_role("button", name="Read news now").click()
        offer = page.get_by_role("group", name="What would change")
        expect(offer).to_contain_text("2 items found, and 6 the last time")
        expect(offer.get_by_role("button", name=re.compile("^Take it"))).to_have_count(0)
        offer.get_by_role("button", name="It really has fewer: show what would change").press("Enter")
        expect(offer).to_contain_text("0 new")
        assert shown.get("/api/sources").json()["sources"][0]["stories"] == 6
        offer.get_by_role("button", name="Take it: 0 new, 0 changed").press("Enter")
        expect(page.locator("#import")).to_contain_text("2 stories")
        assert violations(page, iframes=False) == []
    again = shown.post("/api/import/source", {"name": "news"}).json()
    assert (again["shrank"], again["lines"][:1] != []) == (False, True)
    assert sorted(path.name for path in shown.root.glob("stories/*.md")) == before


class Listing(BaseHTTPRequestHandler):
    """A newsroom's feed on the web."""

    def do_GET(self):
        data = FEED.format(title="From the web").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@BROWSER
@BOTH
def test_an_address_is_pasted_and_a_source_read(browser, shown, width):
    """An address shows what it would bring, by keyboard alone; a source of config.yaml says when it was read."""
    server = HTTPServer(("127.0.0.1", 0), Listing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    feed(shown)
    configured(shown, f"import: {{allow_private: true}}\n{SOURCE}")
    try:
        with opened(browser, shown, width, "panels=import") as page:
            page.get_by_label("A listing page, a feed, a table").focus()
            page.keyboard.type(f"http://127.0.0.1:{server.server_port}/feed")
            page.keyboard.press("Enter")
            offer = page.get_by_role("group", name="What would change")
            expect(offer).to_contain_text("title: From the web")
            page.get_by_role("button", name="Leave it").click()
            expect(offer).to_have_count(0)
            expect(page.locator("#import")).to_contain_text("never read")
            page.get_by_role("button", name="Read news now").click()
            page.get_by_role("button", name=re.compile("^Take it: 1 new")).press("Enter")
            expect(page.locator("#import")).to_contain_text("read 2022-03-01 09:00, 1 story")
            assert violations(page, iframes=False) == []
    finally:
        server.shutdown()
        server.server_close()


@BROWSER
def test_what_cannot_be_read_is_said_where_it_was_asked(browser, shown, tmp_path):
    """A file that is no listing, an address that is none: one line at the form, and nothing is offered."""
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with opened(browser, shown, 375, "panels=import") as page:
        page.get_by_label("Or a file").set_input_files(tmp_path / "a.pdf")
        expect(page.locator("#import-result")).to_contain_text("is a PDF; save the listing as text")
        page.get_by_label("A listing page, a feed, a table").fill("config.yaml")
        page.keyboard.press("Enter")
        expect(page.locator("#import-result")).to_contain_text("'config.yaml' is no web address")
        expect(page.locator("#offer")).to_have_count(0)


def test_the_mail_that_is_shown_first_is_the_one_that_is_checked(shown):
    """The frame does not wait for findings; what it shows is to the octet what is approved afterwards."""
    first = shown.get("/frame", period="2022-02").content
    assert shown.get("/api/edition", period="2022-02").json()["findings"]
    assert shown.get("/frame", period="2022-02").content == first
