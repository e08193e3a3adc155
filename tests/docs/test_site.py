"""The site of docs/ in a real browser: built strictly, read without a server, asking nobody, searchable, accessible."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from pages import ROOT

from accessibility import violations

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
SEEN = ["index.html", "first-issue.html", "story-files.html", "trouble.html", "write-an-issue.html"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as .ci/run builds it: a page without a place, or a link or heading that is not there, fails."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site):
    """No script, style, font or picture of any page has an address with a host."""
    loaded = re.compile(
        r"""<(?:script|img|iframe|link(?=[^>]*stylesheet))[^>]*?(?:src|href)="?((?:https?:)?//[^"\s>]+)"""
    )
    assert {file.name: hits for file in site.rglob("*.html") if (hits := loaded.findall(file.read_text("utf-8")))} == {}


@pytest.mark.browser
def test_the_search_works_from_a_folder(site, browser):
    """Opened as a file, without a server: a word is typed, its page is found, and nobody is asked for anything."""
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "index.html").as_uri())
    box = page.locator("input[name=query]").first
    box.focus()
    page.wait_for_function("!document.querySelector('.md-search-result__meta').textContent.includes('Initializing')")
    box.press_sequentially("relay_patience")
    page.wait_for_selector(".md-search-result__link[href*='settings.html']")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "name"), [("light", "default"), ("dark", "slate")])
def test_pages_are_accessible(site, browser, scheme, name):
    """Axe finds nothing wrong with pages of each kind, in light and in dark."""
    page = browser.new_page(color_scheme=scheme, reduced_motion="reduce")  # no colour is on its way to another
    found = []
    for seen in SEEN:
        page.goto((site / seen).as_uri())
        page.wait_for_selector(f"body[data-md-color-scheme={name}]")
        found += [(seen, *wrong) for wrong in violations(page, **AXE)]
    page.close()
    assert found == []
