"""Take the README's pictures in Chromium: the built digest and the preview, for a phone and a desktop, light and dark.

python docs/screenshots.py            writes docs/pictures/*.png from the repository's own newsroom
python docs/screenshots.py --mails    only those of mails
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from digest.editions import archive as kept
from digest.editions.builder import build_edition
from digest.newsroom.newsroom import open_newsroom
from digest.publishing.publisher import publish
from digest.sending.messages import content_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).with_name("pictures")
# Each of an edition: a month, one with blocks, a year with few stories in full and a plain masthead, one in Arabic.
VIEWS = [
    ("digest-800-light", "month", 800, "light"),
    ("digest-375-light", "month", 375, "light"),
    ("digest-375-dark", "month", 375, "dark"),
    ("blocks-800-light", "blocks", 800, "light"),
    ("blocks-375-dark", "blocks", 375, "dark"),
    ("digest-list-640-light", "year", 640, "light"),
    ("digest-rtl-800-light", "arabic", 800, "light"),
    ("digest-rtl-375-dark", "arabic", 375, "dark"),
]
ARABIC = {
    "sewing": (
        "عاملات من المنزل يتعلمن إدارة المال",
        "تتعلم العاملات في دورة جديدة إدارة أموالهن، والأهم: أن يطالبن بحقوقهن.",
    ),
    "workshop": (
        "مئات الشباب يتعلمون حرفة في أثناء العمل",
        "تجمع التلمذة المهنية بين المدرسة والورشة، بدعم من شركاء محليين.",
    ),
    "lesson": ("مدارس التدريب المهني تنتقل إلى التعليم عن بعد", "أعدت المدارس دروسًا رقمية جديدة في كل المناطق."),
}
STORY = "2022-02-25-digitally-and-financially-empowered"
PREVIEWS = [
    ("preview-1280", 1280, 900, "light", "second=375&scheme=light&panels=checks,calendar"),
    ("preview-375-dark", 375, 1500, "dark", "scheme=dark"),
    ("desk-1280", 1280, 900, "light", f"story={STORY}&panels=issue,stories"),
    ("desk-375", 375, 900, "light", f"story={STORY}&panels=issue,stories"),
]
ARCHIVES = [
    ("archive-1280", "everyone/en", 1280, 900, "light"),
    ("archive-edition-1280", "2022-02/everyone/en", 1280, 900, "light"),
    ("archive-edition-375-dark", "2022-02/everyone/en", 375, 1200, "dark"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Build each edition, and take each view of it."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = {"month": page_of(ROOT, "2022-02"), "year": page_of(listed(Path(folder) / "year"), "2021")}
        pages["blocks"] = page_of(ROOT, "2021-06")
        pages["arabic"] = page_of(arabic(Path(folder) / "arabic"), "2022-02")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, edition, width, scheme in VIEWS:
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
            page.set_content(pages[edition])
            page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
            page.close()
        if "--mails" not in sys.argv:
            preview(browser)
            archive(browser)
        browser.close()


def page_of(root: Path, period: str) -> str:
    """The edition for everyone, as one file."""
    newsroom = open_newsroom(root / "config.yaml", {})
    edition = newsroom.edition(period, "everyone")
    made = build_edition(newsroom, edition, now=datetime(2022, 3, 1, 9, tzinfo=UTC))
    return made.parts["index.html"].decode()


def listed(folder: Path) -> Path:
    """The sample newsroom with a plain masthead, and pictures in some stories of 2021."""
    shutil.copytree(ROOT / "stories", folder / "stories")
    config = (ROOT / "config.yaml").read_text(encoding="utf-8").replace("group_by: month", "group_by: none")
    (folder / "config.yaml").write_text(config.replace("theme:\n", "theme:\n  masthead: plain\n"), encoding="utf-8")
    shown = {"12-09": "lesson", "10-08": "shop", "08-25": "workshop", "06-03": "workshop", "04-01": "lesson"}
    for day, picture in shown.items():
        for file in (folder / "stories").glob(f"2021-{day}-*.md"):
            said = f"\nimage: stories/pictures/{picture}.png\nimage_alt: A drawing\ntopics:"
            text = re.sub(r"\ncredit: .*", "", file.read_text(encoding="utf-8"))  # somebody's, of another picture
            file.write_text(text.replace("\ntopics:", said, 1), encoding="utf-8")
    return folder


def arabic(folder: Path) -> Path:
    """A newsroom that writes Arabic, with three stories."""
    shutil.copytree(ROOT / "stories/pictures", folder / "stories/pictures")
    config = (ROOT / "config.yaml").read_text(encoding="utf-8").replace("language: en", "language: ar")
    config = config.replace("All ILO Newsroom content ", "كل أخبارنا ")
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    for day, (picture, (title, summary)) in enumerate(ARABIC.items(), 10):
        (folder / f"stories/{picture}.md").write_text(
            f"---\ntitle: {title}\ndate: 2022-02-{day}\nkicker: مهارات\ncredit: © الأخبار\n"
            f"link: https://www.example.org/{picture}\nimage: stories/pictures/{picture}.png\nimage_alt: رسم\n"
            f"channels: [all-content]\nlanguage: ar\n---\n\n{summary}\n",
            encoding="utf-8",
        )
    return folder


def archive(browser: Browser) -> None:
    """Publish a year of the newsroom, and take its list on a desktop and one edition on a phone, in the dark."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("config.yaml", "stories", "recipients"):
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, root / name)
        newsroom = open_newsroom(root / "config.yaml", {})
        for month in ("2021-08", "2021-09", "2021-10", "2021-12", "2022-01", "2022-02"):
            edition = newsroom.edition(month, "everyone")
            sent = edition.period.end.replace(hour=9)
            build = build_edition(newsroom, edition, now=sent)
            assert build.rendering is not None, "the sample has stories in each of these"
            kept.mark_sent(kept.keep(newsroom, build, content_of(newsroom, build.rendering)), sent)
        publish(newsroom, None, note=print)
        for name, path, width, height, scheme in ARCHIVES:
            size = {"width": width, "height": height}
            page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto((root / "public" / path / "index.html").as_uri())
            page.screenshot(path=PICTURES / f"{name}.png")
            page.close()


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
                if "story=" in query:
                    page.wait_for_selector("#editor:not([hidden])")
                    page.wait_for_timeout(1000)  # until the mail has scrolled to the story
                page.screenshot(path=PICTURES / f"{name}.png")
                page.close()
        finally:
            program.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
