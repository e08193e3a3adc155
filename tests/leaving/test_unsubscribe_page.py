"""The public pages in a real browser: they can be read, heard, reached by keyboard and used on a phone."""

from __future__ import annotations

import base64
import os
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
import uvicorn

from accessibility import violations
from digest.composer.options import ThemeOptions
from digest.composer.page_theme import load_page_theme
from digest.model import Audience, NewsroomProfile
from digest.recipients import tokens
from digest.testing import MemoryLedger
from digest.web.app import app

pytestmark = pytest.mark.browser
SECRET = "0123456789abcdef0123456789abcdef"
NEWSROOM = NewsroomProfile(
    name="ILO Newsroom",
    contact="newsroom@example.org",
    sender="digest@example.org",
    timezone=ZoneInfo("Europe/Zurich"),
    url="https://www.example.org/newsroom",
)
LINK = f"/u/{tokens.token([SECRET], 'everyone', 'margarethe.longstocking-featherstone@example.org')}"
LANGUAGES = ("en", "fr", "es", "ar", "ru", "zh", "de")
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one PNG pixel
)
SHOTS = os.environ.get("DIGEST_SCREENSHOTS", "")  # a folder, when somebody wants to look


@pytest.fixture
def suppressions():
    return MemoryLedger()


@contextmanager
def serving(suppressions, archive=None, **options):
    """The endpoint on a free port, its theme with these options; `{base}` in one is its own address."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    theme = load_page_theme([], ThemeOptions(**{key: value.format(base=address) for key, value in options.items()}))
    audiences = {"everyone": Audience(name="everyone", title="All ILO Newsroom content")}
    made = app(secrets=[SECRET], suppressions=suppressions, newsroom=NEWSROOM, audiences=audiences, theme=theme,
               archive=archive)  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(made, access_log=False, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


@pytest.fixture
def base(suppressions):
    with serving(suppressions) as address:
        yield address


@pytest.fixture
def link(base):
    return base + LINK


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_page_is_accessible_and_fits(browser, link, scheme, width):
    """In each language, light and dark, from 320 px: axe finds nothing, nothing overflows, buttons are large."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 760}, bypass_csp=True)
    try:
        for language in LANGUAGES if width != 375 or SHOTS else ("en",):
            page.set_extra_http_headers({"Accept-Language": language})
            for name, path in (("ask", link), ("nowhere", link + "x")):
                page.goto(path)
                if name == "ask" or language == "en":
                    assert violations(page) == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert page.evaluate("document.documentElement.lang") == language
                direction = page.evaluate("getComputedStyle(document.body).direction")
                assert direction == ("rtl" if language == "ar" else "ltr")
                assert all(button.bounding_box()["height"] >= 44 for button in page.locator("button").all())
                if SHOTS:
                    page.screenshot(path=Path(SHOTS) / f"{name}-{language}-{scheme}-{width}.png", full_page=True)
    finally:
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("brand", "masthead"), [("#ffd500", "band"), ("#777777", "band"), ("#000000", "plain"), ("#ffffff", "band")]
)
def test_any_brand_can_be_read(browser, suppressions, brand, masthead, scheme):
    """A brand too light, too dark or in between colours the page all the same: asked, done, or leading nowhere."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": 375, "height": 760}, bypass_csp=True)
    try:
        with serving(suppressions, brand=brand, masthead=masthead) as address:
            page.goto(address + LINK)
            for name in ("ask", "done", "nowhere"):
                assert violations(page) == []
                if scheme == "light":
                    part = "backgroundColor" if masthead == "band" else "borderTopColor"
                    shown = page.evaluate(f"getComputedStyle(document.querySelector('header')).{part}")
                    assert shown == f"rgb({', '.join(str(int(brand[at : at + 2], 16)) for at in (1, 3, 5))})"
                if SHOTS:
                    page.screenshot(path=Path(SHOTS) / f"{name}-{brand[1:]}-{scheme}.png", full_page=True)
                if name == "ask":
                    page.locator("button").first.click()
                    page.get_by_role("heading", name="You are unsubscribed").wait_for()
                elif name == "done":
                    page.goto(address + LINK + "x")
    finally:
        page.close()


def test_the_logo_is_all_that_the_policy_lets_in(browser, suppressions, tmp_path):
    """The newsroom's logo shows, at its width or the screen's; another picture of the same server would not."""
    for name in ("logo.png", "other.png"):
        (tmp_path / name).write_bytes(base64.b64decode(PIXEL))
    page = browser.new_page(viewport={"width": 320, "height": 760})
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    try:
        with serving(suppressions, tmp_path, logo="{base}/archive/logo.png?v=2", logo_alt="The <ILO>") as address:
            page.goto(address + LINK, wait_until="load")
            logo = page.get_by_role("img", name="The <ILO>")
            assert logo.evaluate("image => image.naturalWidth") == 1
            assert logo.bounding_box()["width"] == 160
            assert not complaints
            logo.evaluate("(image, url) => { image.src = url }", f"{address}/archive/other.png")
            page.wait_for_function("document.querySelector('header img').complete")
            assert logo.evaluate("image => image.naturalWidth") == 0
            assert "img-src" in complaints[0]
    finally:
        page.close()


def test_leaving_by_keyboard_under_the_real_policy(browser, link, suppressions):
    """Tab, Enter: done. Nothing on the page is blocked by its own Content-Security-Policy, and nothing else loads."""
    page = browser.new_page(locale="en-GB")
    complaints, requested = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: requested.append((request.method, request.url)))
    try:
        page.goto(link)
        assert page.evaluate("getComputedStyle(document.querySelector('button')).fontWeight") == "700"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="You are unsubscribed").wait_for()
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / "done-en.png", full_page=True)
        assert [(row.address, row.scope) for row in suppressions.suppressions()] == [
            ("margarethe.longstocking-featherstone@example.org", "everyone")
        ]
        page.reload()
        assert not complaints
        assert {url for _, url in requested} <= {link, link.partition("/u/")[0] + "/favicon.ico"}
    finally:
        page.close()


def test_a_link_scanner_with_a_browser_changes_nothing(browser, link, suppressions):
    """Some scanners load the page, run what it holds and follow its links: all without a POST."""
    page = browser.new_page()
    try:
        page.goto(link)
        page.wait_for_load_state("networkidle")
        assert page.locator("script").count() == 0
        assert not list(suppressions.suppressions())
    finally:
        page.close()


def test_the_archives_own_style_and_script_work_and_no_other(browser, suppressions, tmp_path):
    """Its pages may use the style sheet and the script that lie beside them; a script in a story does nothing."""
    (tmp_path / "style.css").write_text("h1 { color: rgb(1, 2, 3) }")
    (tmp_path / "search.js").write_text("document.querySelector('h1').textContent = 'Found'")
    (tmp_path / "index.html").write_text(
        "<!DOCTYPE html><html lang=en><title>x</title><link rel=stylesheet href=style.css>"
        "<h1>All</h1><p>Story</p><script src=search.js></script>"
        "<script>document.querySelector('p').textContent = 'Bad'</script>"
    )
    page = browser.new_page()
    try:
        with serving(suppressions, tmp_path) as address:
            page.goto(f"{address}/archive/", wait_until="load")
            assert page.locator("h1").text_content() == "Found"
            assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
            assert page.locator("p").text_content() == "Story"
    finally:
        page.close()


def test_a_logo_that_travels_in_the_mail_is_no_picture_here(suppressions):
    """`cid:` leads nowhere on the web: the newsroom's name stands there, and no policy names it."""
    with serving(suppressions, logo="cid:abc@digest", logo_alt="ILO") as address:
        shown = httpx.get(address + LINK, timeout=30)
    assert "cid:" not in shown.text + shown.headers["content-security-policy"]
    assert f"<bdi>{NEWSROOM.name}</bdi>" in shown.text
