"""The public pages in a real browser and a strict parser, and the feeds in parsers that are not ours."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import warnings
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from accessibility import violations
from digest import files
from digest.editions import archive
from digest.editions.builder import build_edition
from digest.model import STORY_DEFAULTS, STORY_SHOWN, Story
from digest.newsroom.newsroom import open_newsroom
from digest.publishing.edition_page import _now, feed_body
from digest.publishing.page_images import PictureError, take
from digest.publishing.publisher import publish
from digest.publishing.sent_editions import StoryChange
from digest.sending.messages import content_of
from needed import needs

ROOT = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node"
ZURICH = ZoneInfo("Europe/Zurich")
MONTHS = ("2021-06", "2021-08", "2021-12", "2022-01", "2022-02")
SHOTS = os.environ.get("DIGEST_SCREENSHOTS", "")  # a folder, when somebody wants to look
PICTURED = {  # pictures in summaries, of a story that stays and of one that is withdrawn
    "2022-02-14-helping-women-workers-manage-cultural": "A pier",
    "2022-02-25-digitally-and-financially-empowered": "Another pier",
}
FRENCH = """---
title: Les ouvrières du Pakistan apprennent à se faire entendre
date: 2022-02-14
language: fr
translation_of: 2022-02-14-helping-women-workers-manage-cultural
channels: [all-content]
---

Peu de femmes ont un emploi rémunéré dans les villes du Pakistan.
"""


def send(newsroom, month: str, language: str) -> None:
    """What a send leaves behind of an edition, without its readers."""
    year, number = map(int, month.split("-"))
    first = datetime(year + number // 12, number % 12 + 1, 1, 9, tzinfo=ZURICH)
    build = build_edition(newsroom, newsroom.edition(month, "everyone", language), now=first)
    archive.mark_sent(archive.keep(newsroom, build, content_of(newsroom, build.rendering)), first)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The sample's public folder: five months, one in French too; one story corrected since, one withdrawn."""
    root = tmp_path_factory.mktemp("site")
    for name in ("config.yaml", "stories", "recipients", "issues"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    config = (root / "config.yaml").read_text()
    (root / "config.yaml").write_text(config.replace("    group_by: month\n", "    languages: [en, fr]\n", 1))
    (root / "stories/ouvrieres.md").write_text(FRENCH)
    (root / "images").mkdir()
    Image.new("RGB", (1600, 800), "teal").save(root / "images/pier.png")
    for name, words in PICTURED.items():
        told = root / f"stories/{name}.md"
        told.write_text(told.read_text() + f"\n![{words}](images/pier.png)\n")
    newsroom = open_newsroom(root / "config.yaml", {})
    for month in MONTHS:
        send(newsroom, month, "en")
    send(newsroom, "2022-02", "fr")
    corrected = root / "stories/2022-02-10-strengthening-digital-tvet-in-ukraine.md"
    corrected.write_text(
        corrected.read_text().replace("\n---\n", "\ncorrected: 2022-03-04\ncorrection: A year.\n---\n", 1)
    )
    withdrawn = root / "stories/2022-02-25-digitally-and-financially-empowered.md"
    withdrawn.write_text(
        withdrawn.read_text().replace("\n---\n", "\nstatus: withdrawn\ncorrected: 2022-03-05\n---\n", 1)
    )
    notes: list[str] = []
    publish(open_newsroom(root / "config.yaml", {}), None, note=notes.append)
    assert notes == []
    return root / "public"


PAGES = ("", "everyone/", "everyone/en/", "everyone/en/2021/", "everyone/fr/", "2022-02/everyone/en/",
         "2022-02/everyone/fr/", "2021-12/everyone/en/", "2021-06/everyone/en/")  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_pages_are_accessible_and_fit(browser, site, scheme, width):
    """No rule of axe is broken on any kind of page, nothing overflows, and wide screens are used."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    try:
        for path in PAGES:
            page.goto((site / path / "index.html").as_uri())
            assert violations(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert page.evaluate(
                "[...document.images].every((image) => image.loading == 'lazy' || image.naturalWidth > 0)"
            )
            if SHOTS:
                name = path.strip("/").replace("/", "-") or "index"
                page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
        page.goto((site / "2022-02/everyone/en/index.html").as_uri())
        wide = page.locator("main .wide").bounding_box()["width"]
        assert wide > (1000 if width == 1280 else 300)
    finally:
        context.close()


@pytest.mark.browser
def test_the_search_hides_what_does_not_match_and_asks_nobody(browser, site):
    """Accents and case do not matter, every word counts; nothing is loaded but the page's own files."""
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    try:
        page.goto((site / "everyone/en/index.html").as_uri())
        shown = page.locator("[data-text]:visible")
        assert shown.count() == len(MONTHS)
        page.get_by_label("Search the issues").fill("WOMEN pakistán")
        assert shown.count() == 1
        assert page.locator("section:visible").count() == 2  # the year's, and how to subscribe
        page.get_by_label("Search the issues").fill("zebra")
        assert shown.count() == 0
        assert page.get_by_text("No issue has all of these words.").is_visible()
        assert all(url.startswith(site.as_uri()) for url in asked), asked
    finally:
        page.close()


@pytest.mark.browser
def test_without_script_all_is_there_and_no_dead_search(browser, site):
    """The page is whole before any script runs."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    try:
        page.goto((site / "everyone/en/index.html").as_uri())
        assert page.locator("[data-text]:visible").count() == len(MONTHS)
        assert not page.locator("form.search").is_visible()
    finally:
        context.close()


@pytest.mark.browser
def test_printed_it_is_black_on_white_with_addresses_and_without_navigation(browser, site):
    """A printout has the stories and where they are, and nothing to click."""
    page = browser.new_page(color_scheme="dark")
    try:
        page.goto((site / "2022-02/everyone/en/index.html").as_uri())
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('.top')).color") == "rgb(0, 0, 0)"
        assert not page.locator(".contents").is_visible()
        link = page.evaluate("getComputedStyle(document.querySelector('.story h2 a'), '::after').content")
        assert "https://" in link
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / "print.png", full_page=True)
    finally:
        page.close()


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_valid_and_every_link_within_leads_somewhere(site, path):
    """A strict HTML parser finds nothing; relative links and anchors are there; the canonical address is its own."""
    text = (site / path / "index.html").read_text(encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
        tree = parser.parse(text)
    assert parser.errors == []
    anchors = {element.get("id") for element in tree.iter() if element.get("id")}
    assert len(anchors) == len([element for element in tree.iter() if element.get("id")])
    for element in tree.iter():
        for address in filter(None, (element.get("href"), element.get("src"))):
            if address.startswith("#"):
                assert address[1:] in anchors
            elif not re.match(r"https?://|mailto:", address):
                target = site / path / address
                assert (target / "index.html" if target.is_dir() else target).exists(), address
    assert tree.find(".//link[@rel='canonical']").get("href") == f"https://news.example.org/{path}"


def test_the_head_of_an_edition_says_what_others_need(site):
    """Languages, neighbours, feeds and a card for those who share it, with the lead's picture."""
    text = (site / "2022-02/everyone/en/index.html").read_text(encoding="utf-8")
    base = "https://news.example.org"
    for line in (
        f'<link rel="alternate" hreflang="fr" href="{base}/2022-02/everyone/fr/">',
        '<a href="../../../2022-02/everyone/fr/" hreflang="fr" lang="fr" dir="ltr">français</a>',
        f'<link rel="prev" href="{base}/2022-01/everyone/en/">',
        f'<link rel="alternate" type="application/atom+xml" title="All ILO Newsroom content" href="{base}/everyone/en/feed.atom">',  # noqa: E501
        '<meta property="og:title" content="All ILO Newsroom content: February 2022">',
        '<meta property="og:locale" content="en_US">',
        '<meta property="og:locale:alternate" content="fr_FR">',
        '<meta name="twitter:card" content="summary_large_image">',
        'id="2022-02-14-helping-women-workers-manage-cultural"',
    ):
        assert line in text, line
    picture = re.search(rf'<meta property="og:image" content="{base}/(img/[0-9a-f]{{20}}-\d+\.\w+)">', text)
    assert (site / picture[1]).exists()
    assert 'rel="next"' not in text
    assert 'rel="next"' in (site / "2022-01/everyone/en/index.html").read_text(encoding="utf-8")


def node(path: Path) -> dict:
    """What feedsmith reads of it."""
    needs("node" if shutil.which("node") and (NODE / "node_modules").is_dir() else None,
          "feedsmith (npm install --no-package-lock in tests/publishing/node)")  # fmt: skip
    command = ["node", str(NODE / "parse.mjs")]
    return json.loads(subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True).stdout)


def test_an_issues_blocks_are_part_of_what_was_sent(site):
    """The letter at the top, the number after the lead, links and button at the end; in the feed, too."""
    text = (site / "2021-06/everyone/en/index.html").read_text(encoding="utf-8")
    places = [
        text.index(words)
        for words in ("A child who works", "The editors", "160 million", "To read on", "Tell us about it")
    ]
    assert places == sorted(places)
    assert 'href="mailto:newsroom@example.org?subject=A%20town%20near%20me"' in text
    assert "160 million" in (site / "everyone/en/feed-2021.atom").read_text(encoding="utf-8")


def test_a_picture_in_a_summary_is_on_the_page_and_in_the_feed(site):
    """As a copy by the hash of its bytes, with its size and its words; not of a story that was withdrawn."""
    text = (site / "2022-02/everyone/en/index.html").read_text(encoding="utf-8")
    [(path, width, height)] = re.findall(
        r'<img src="../../../(img/[0-9a-f]{20}-1280\.(?:png|jpg))" alt="A pier" width="(\d+)" height="(\d+)">', text
    )
    assert (width, height) == ("592", "296")
    assert (site / path).exists()
    assert "Another pier" not in text
    assert 'alt="A pier" width="592"' in (site / "everyone/en/feed.json").read_text().replace('\\"', '"')


def test_only_addresses_become_absolute_in_a_feed():
    """Words that look like a path stay as they were sent."""
    body = (
        '<!--stories--><p>../../../a and "../../../b"</p><img src="../../../c" srcset="d, ../../../e"><!--/stories-->'
    )
    said = '<p>../../../a and "../../../b"</p><img src="https://x/c" srcset="d, https://x/e">'
    assert feed_body(body, "https://x/") == said


def test_atom_is_read_alike_by_parsers_that_are_not_ours(site):
    """feedparser, feedsmith and a plain XML parser find the same ids, links, dates and whole content."""
    feedparser = needs(pytest.importorskip("feedparser"), "feedparser")
    for name in ("everyone/en/feed.atom", "everyone/en/feed-2021.atom", "everyone/fr/feed.atom", "feed.atom"):
        path = site / name
        read = feedparser.parse(path.read_bytes())
        assert not read.bozo, read.bozo_exception
        other = node(path)["feed"]
        tree = ET.parse(path).getroot()
        atom = "{http://www.w3.org/2005/Atom}"
        ids = [entry.id for entry in read.entries]
        assert (
            ids
            == [entry["id"] for entry in other["entries"]]
            == [e.findtext(f"{atom}id") for e in tree.iter(f"{atom}entry")]
        )
        assert all(re.fullmatch(r"tag:example\.org,20\d\d:digest/20\d\d-\d\d/everyone/(en|fr)", each) for each in ids)
        for entry in read.entries:
            assert entry.link.startswith("https://news.example.org/20")
            assert entry.published_parsed <= entry.updated_parsed
            assert "<article" in entry.content[0].value
        for content in tree.iter(f"{atom}content"):
            assert not re.search(r'(?:src|srcset|href)="(?!https?://|mailto:|#)', content.text)
        assert read.feed.author_detail.name == "ILO Newsroom"


def test_a_feeds_past_years_are_closed_documents_that_lead_to_each_other(site):
    """RFC 5005: the feed has this year, and leads to the document of the one before; all share one id."""
    fh = "{http://purl.org/syndication/history/1.0}archive"
    feed, past = (ET.parse(site / f"everyone/en/{name}.atom").getroot() for name in ("feed", "feed-2021"))
    atom = "{http://www.w3.org/2005/Atom}"
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{atom}link")}
    assert links["prev-archive"] == "https://news.example.org/everyone/en/feed-2021.atom"
    assert links["self"] == "https://news.example.org/everyone/en/feed.atom"
    assert feed.find(fh) is None
    assert past.find(fh) is not None
    assert feed.findtext(f"{atom}id") == past.findtext(f"{atom}id") == "tag:example.org,2021:digest/everyone/en"


def test_json_feed_says_what_atom_says_and_keeps_to_its_rules(site):
    """JSON Feed 1.1: required keys, RFC 3339 dates, the same ids; read by feedsmith and by our own importer."""
    for folder in ("everyone/en/", "everyone/fr/", ""):
        path = site / f"{folder}feed.json"
        feed = json.loads(path.read_bytes())
        assert feed["version"] == "https://jsonfeed.org/version/1.1"
        assert feed["feed_url"] == f"https://news.example.org/{folder}feed.json"
        assert {"title", "home_page_url", "language", "authors", "items"} <= feed.keys()
        for item in feed["items"]:
            assert isinstance(item["id"], str)
            assert item["content_html"].strip()
            assert datetime.fromisoformat(item["date_published"]) <= datetime.fromisoformat(item["date_modified"])
        ids = [item["id"] for item in feed["items"]]
        assert ids == [item["id"] for item in node(path)["feed"]["items"]]
        atom = ET.parse(path.with_suffix(".atom")).getroot()
        assert ids == [each.text for each in atom.findall("*/{http://www.w3.org/2005/Atom}id")]


def test_of_a_withdrawn_story_its_headline_is_left():
    """Whatever else its readers saw of it, a field that was added yesterday too, is as in a story that never had it."""
    written = {
        key: f"what {key} says" if default == "" else default
        for key, default in STORY_DEFAULTS.items()
        if key != "date"
    }
    day = datetime(2022, 2, 14, tzinfo=ZURICH)
    story = Story(id="a", file="stories/a.md", **written | {"title": "Told", "date": day, "topics": ("Skills",)})
    left = _now(story, {"a": StoryChange(story=story, withdrawn=True, day=None, words="")})
    shown = {key: getattr(left, key) for key in STORY_SHOWN} | {"topics": left.topics}
    bare = {key: STORY_DEFAULTS[key] for key in STORY_SHOWN}
    assert shown == bare | {"title": story.title, "date": day, "topics": ()}


def test_only_pictures_of_the_web_are_unpacked(tmp_path):
    """What comes from another server meets the decoders of picture formats that mails can carry, and no others."""
    with pytest.raises(PictureError, match="it is no picture that can be read; use JPEG, PNG, GIF or WebP"):
        take(b"P6 2 2 255 " + bytes(12), tmp_path)
    picture = io.BytesIO()
    Image.new("RGB", (12, 9), "#1e2dbe").save(picture, "PNG")
    assert take(picture.getvalue(), tmp_path).largest[1:] == (12, 9)


WORLD = {  # what may be said otherwise between two runs: a file, what stands there, what stands there then
    "renamed": ("config.yaml", "  everyone:\n", "  friends:\n    was: [everyone]\n"),
    "private": ("config.yaml", "archive: public", "archive: none"),
    "moved": ("config.yaml", "https://news.example.org", "https://www.example.org/a/news"),
    "painted": ("config.yaml", "#1e2dbe", "#aa0000"),
    "untranslated": ("config.yaml", "[en, fr]", "[en]"),
    "unlisted": ("config.yaml", "\narchive:\n", "\narchive:\n  index: false\n  feed_items: 1\n"),
    "withdrawn": ("withdrawn/2022-02/everyone/en.yaml", "", "on: 2022-03-08\nbecause: A mistake\n"),
    "corrected": (f"stories/{next(iter(PICTURED))}.md", "\n---\n", "\ncorrected: 2022-03-09\n---\n"),
}  # fmt: skip


@settings(max_examples=10)
@given(happens=st.lists(st.sampled_from([*WORLD, "scratched", "forgotten", "killed"]), min_size=2, max_size=6))
def test_whatever_happens_between_two_runs_the_folder_is_as_one_made_anew(site, tmp_path_factory, happens):
    """And a run before which nothing happened writes nothing. What happens twice is undone."""
    root = tmp_path_factory.mktemp("world") / "newsroom"
    shutil.copytree(site.parent, root)

    def run(folder: str = "public"):
        return publish(open_newsroom(root / "config.yaml", {}), None, out=root / folder, note=len, online=False)

    def held(folder: str) -> dict[str, bytes]:
        paths = (path for path in (root / folder).rglob("*") if path.is_file() and not path.name.startswith("."))
        return {path.relative_to(root / folder).as_posix(): path.read_bytes() for path in paths}

    for what in happens:
        if what == "scratched":
            for number, path in enumerate(sorted(held("public"))[::3]):
                file = root / "public" / path
                file.unlink() if number % 2 else file.write_bytes(file.read_bytes()[::-1])
        elif what == "forgotten":
            shutil.rmtree(root / ".digest", ignore_errors=True)
        elif what in WORLD:
            path, old, new = WORLD[what]
            file = root / path
            text = file.read_text() if file.exists() else ""
            file.parent.mkdir(parents=True, exist_ok=True)
            if not old:
                file.unlink() if text else file.write_text(new)
            else:
                file.write_text(text.replace(new, old) if new in text else text.replace(old, new))
            with pytest.MonkeyPatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
                if "killed" in happens:
                    patch.setattr(files, "write_whole", killed_after(3))
                run()
        run()
        again = run()
        assert (again.written, again.removed) == ((), ())
    run("anew")
    assert held("public") == held("anew")


def killed_after(writes: int):
    """What writes files, and is killed at the next one."""
    left, write = iter(range(writes)), files.write_whole

    def written(path: Path, data: bytes, **values: object) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        write(path, data, **values)

    return written
