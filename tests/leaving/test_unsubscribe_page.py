"""The unsubscribe page in a real browser: it can be read, heard, reached by keyboard and used on a phone."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import uvicorn

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
LANGUAGES = ("en", "fr", "es", "ar")
SHOTS = os.environ.get("DIGEST_SCREENSHOTS", "")  # a folder, when somebody wants to look


@pytest.fixture
def suppressions():
    return MemoryLedger()


@pytest.fixture
def base(suppressions):
    audiences = {"everyone": Audience(name="everyone", title="All ILO Newsroom content")}
    made = app(secrets=[SECRET], suppressions=suppressions, newsroom=NEWSROOM, audiences=audiences)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(made, access_log=False, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    listener.close()


@pytest.fixture
def link(base):
    return f"{base}/u/{tokens.token([SECRET], 'everyone', 'margarethe.longstocking-featherstone@example.org')}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_page_is_accessible_and_fits(browser, link, scheme, width):
    """In four languages, light and dark, from 320 px: axe finds nothing, nothing overflows, buttons are large."""
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 760}, bypass_csp=True)
    try:
        for language in LANGUAGES if width != 375 or SHOTS else ("en",):
            page.set_extra_http_headers({"Accept-Language": language})
            for name, path in (("ask", link), ("nowhere", link + "x")):
                page.goto(path)
                if name == "ask" or language == "en":
                    report = Axe().run(page)
                    assert not report.response["violations"], report.generate_report()
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert page.evaluate("document.documentElement.lang") == language
                direction = page.evaluate("getComputedStyle(document.body).direction")
                assert direction == ("rtl" if language == "ar" else "ltr")
                assert all(button.bounding_box()["height"] >= 44 for button in page.locator("button").all())
                if SHOTS:
                    page.screenshot(path=Path(SHOTS) / f"{name}-{language}-{scheme}-{width}.png", full_page=True)
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
