"""Take the README's pictures in Chromium: the built digest and the preview, for a phone and a desktop, light and dark.

python docs/screenshots.py    writes docs/pictures/*.png from the repository's own newsroom
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from digest.editions.builder import build_edition
from digest.newsroom.newsroom import open_newsroom

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).with_name("pictures")
VIEWS = [
    ("digest-800-light", "2022-02", 800, "light"),
    ("digest-375-dark", "2022-02", 375, "dark"),
    ("blocks-800-light", "2021-06", 800, "light"),
    ("blocks-375-dark", "2021-06", 375, "dark"),
]
PREVIEWS = [
    ("preview-1280", 1280, 900, "light", "second=375&scheme=light&panels=checks,calendar"),
    ("preview-375-dark", 375, 1500, "dark", "scheme=dark"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Build the months for everyone and take each view of them."""
    newsroom = open_newsroom(ROOT / "config.yaml", {})
    pages = {
        month: build_edition(newsroom, newsroom.edition(month, "everyone"), now=datetime(2022, 3, 1, 9, tzinfo=UTC))
        .parts["index.html"]
        .decode()
        for month in {month for _, month, _, _ in VIEWS}
    }
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, month, width, scheme in VIEWS:
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
            page.set_content(pages[month])
            page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
            page.close()
        preview(browser)
        browser.close()


def preview(browser: Browser) -> None:
    """Serve the newsroom as `digest preview` does, and take the page as an editor sees it."""
    command = [sys.executable, "-c", "from digest.cli import main; main()", "preview", "--month", "2022-02"]
    command += ["--no-open", "--port", "0", "--now", "2022-03-01T09:00"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        try:
            address = program.stdout.readline().split()[0] if program.stdout else ""
            for name, width, height, scheme, query in PREVIEWS:
                size = {"width": width, "height": height}
                page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
                page.goto(f"{address}&{query}")
                page.wait_for_selector("html[data-live=yes]")
                page.wait_for_selector("iframe[data-ready]")
                page.screenshot(path=PICTURES / f"{name}.png")
                page.close()
        finally:
            program.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
