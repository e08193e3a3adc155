"""Take the README's pictures: the built digest in Chromium, at a phone's and a desktop's width, light and dark.

python docs/screenshots.py    writes docs/pictures/*.png from a build of the repository's own newsroom
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from digest.wiring import open_newsroom

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).with_name("pictures")
VIEWS = [("digest-800-light", 800, "light"), ("digest-375-dark", 375, "dark")]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Build February 2022 for everyone and take each view of it."""
    newsroom = open_newsroom(ROOT / "config.yaml", {})
    edition = newsroom.edition("2022-02", "everyone")
    made = newsroom.build(edition, now=datetime(2022, 3, 1, 9, tzinfo=UTC))
    html = made.parts["index.html"].decode()
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, width, scheme in VIEWS:
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
            page.set_content(html)
            page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
