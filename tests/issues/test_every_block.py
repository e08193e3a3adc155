"""A mail with every block, twelve stories and pictures: sound, readable and whole, in every look, scheme and width."""

from __future__ import annotations

import io
import re
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import html5lib
import pytest
from every_block import EVERY_BLOCK, newsroom
from PIL import Image

from accessibility import violations
from digest.editions.builder import build_edition
from digest.model import Severity
from digest.newsroom.newsroom import open_newsroom

NOW = datetime(2022, 3, 1, 9, tzinfo=ZoneInfo("Europe/Zurich"))
LOOKS = pytest.mark.parametrize("look", ["default", "quiet"])
BOTH = pytest.mark.parametrize("language", ["en", "ar"])
OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  return [...document.querySelectorAll('body *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && (box.right > wide + 0.5 || box.left < -0.5);
  }).map(e => e.outerHTML.slice(0, 120));
}"""


@cache
def picture():
    data = io.BytesIO()
    Image.new("RGB", (240, 180), "#1e2dbe").save(data, "PNG")
    return data.getvalue()


def spoken(language):
    """Every block as written in a language, so that it does not fall back."""
    return EVERY_BLOCK.replace("intro: ", f"intro:\n  {language}: ").replace("blocks:\n", f"blocks:\n  {language}:\n")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """An edition with every block, built once for each look and language."""
    made = {}

    def build(look="default", language="en", *, fallen=False):
        if (look, language, fallen) not in made:
            root = newsroom(tmp_path_factory.mktemp("newsroom"), picture())
            config = root / "config.yaml"
            config.write_text(config.read_text().replace("theme: {", f"theme: {{name: {look}, "))
            file = root / "issues" / "2022-02" / "everyone.yaml"
            file.parent.mkdir(parents=True)
            file.write_text(EVERY_BLOCK if fallen or language == "en" else spoken(language))
            found = open_newsroom(config, {})
            made[look, language, fallen] = build_edition(found, found.edition("2022-02", "everyone", language), now=NOW)
        return made[look, language, fallen]

    return build


@pytest.fixture
def show(browser, built):
    pages = []

    def open_page(look, language, width, *, scheme="light", images=True, fallen=False):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page = context.new_page()
        pages.append(context)

        def answer(route):
            if images and route.request.url.endswith(".jpg"):
                route.fulfill(body=picture(), content_type="image/png")
            else:
                route.abort()

        page.route("http*://**", answer)
        page.set_content(built(look, language, fallen=fallen).parts["index.html"].decode(), wait_until="load")
        return page

    yield open_page
    for context in pages:
        context.close()


@LOOKS
@BOTH
def test_the_checks_find_nothing(built, look, language):
    """Every block is in both parts, with its links in one order, below the size at which Gmail clips."""
    build = built(look, language)
    assert [(each.code, each.message) for each in build.findings if each.severity is not Severity.INFO] == [
        ("merge-tag", "'{{ braces }}' is not filled in: an issue has the same words for everybody")
    ]
    assert len(build.selection.stories) == 12
    assert len(build.rendering.html.encode()) < 102 * 1024
    assert build.rendering.cut == 0


@LOOKS
@BOTH
def test_the_html_is_valid(built, look, language):
    """A strict HTML5 parser finds fault with nothing but what mails need: attributes for old programs."""
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(built(look, language).rendering.html)
    assert parser.errors == []


def test_the_text_part_says_it_all(built):
    """The text part has every block in its form, in 72 columns; links of Markdown are numbered as they come."""
    text = built().rendering.text
    for part in (
        "\nCORRECTION:\nJanuary’s digest gave the wrong year for the safety convention [1]. It\nis 1981.\n\n[1] https://example.org/c155\n\n",
        "\nSee what changed:\nhttps://example.org/corrections\n",
        "Twelve stories, and one more thing\u00a0[2].\n",
        "\nREAD ALOUD\n",
        "\n   Noor Haddad, Editor\n\n[3] https://example.org/signed\n\n",
        "NUMBER OF THE MONTH\n\n   160 million\n   children were at work",
        "Source: Global estimates\nhttps://example.org/estimates\n",
        "   “Nobody asked us what time the last bus leaves. So we wrote it into\n   the agreement.”\n\n",
        "\n   Mariam Okello, Shop steward, night shift\nhttps://example.org/interview\n",
        "Photo: © Middlebury\nWatch the film (3 minutes):\nhttps://example.org/film\n",
        "COMING UP\n=========\n\n8 March: Women at work: ten years of figures\nTuesday · 14:00 Geneva time · online\n",
        "\n\n17 March: Press briefing: employment outlook\nThursday · 11:00 · Press room III, Geneva\nhttps://",
        "* Why nurses leave, and what brings them back (The Lakeside Post)\n  https://example.org/nurses\n",
        "ADVERTISEMENT · paid for by Harbour Books\n\nA short history of the weekend\n",
        "Answer the survey:\nhttps://example.org/survey\n",
    ):
        assert part.replace("\u00a0", " ") in text.replace("\u00a0", " "), part
    numbers = [int(number) for number in re.findall(r"^\[(\d+)\] http", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert text.index("CORRECTION") < text.index("Twelve stories") < text.index("READ ALOUD") < text.index("[4]")


def test_an_editors_words_are_never_a_template(built):
    """What looks like a template is words, in the subject as in a block; links lose what only follows readers."""
    rendering = built().rendering
    assert rendering.subject == "Beans, {{ braces }} and contracts"
    assert rendering.preheader == "A letter, a number, and what comes in March"
    assert "utm_source" not in rendering.html + rendering.text
    assert "https://example.org/weekend?edition=2" in rendering.text


def test_portraits_are_cropped_and_pictures_kept(built):
    """A portrait of the newsroom's own travels square; a sponsor's picture keeps its form."""
    sizes = sorted(Image.open(io.BytesIO(image.data)).size for image in built().rendering.images)
    assert len(sizes) == 2
    assert sizes[0][0] == sizes[0][1] <= 96
    assert sizes[1][0] * 3 == sizes[1][1] * 4


def test_a_block_after_a_story_ends_its_run(built):
    """The quote stands right after the second story and before the third, in both parts."""
    rendering = built().rendering
    for part in (rendering.html, rendering.text):
        places = [part.index(words) for words in ("bikes 1", "160 million", "bikes 2", "Nobody asked", "bikes 3")]
        assert places == sorted(places)


@pytest.mark.browser
@LOOKS
@BOTH
def test_nothing_is_wider_than_the_screen(show, look, language):
    """From 320 to 1,024 pixels nothing sticks out, with and without pictures."""
    for images in (True, False):
        page = show(look, language, 320, images=images)
        for width in (320, 375, 640, 800, 1024):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(OVERFLOW) == [], (width, images)


@pytest.mark.browser
@LOOKS
@BOTH
def test_axe_finds_nothing(show, look, language):
    """The rules of axe-core are kept in both schemes: contrast, headings, lists, names of links."""
    for scheme in ("light", "dark"):
        assert violations(show(look, language, 800, scheme=scheme)) == [], scheme


@pytest.mark.browser
def test_the_button_fills_a_phone(show):
    """On a phone the button is as wide as the text, on a desktop as its words; it is 48 pixels high."""
    box = "() => { const b = document.querySelector('.button a').getBoundingClientRect(); return [b.width, b.height]; }"
    narrow, wide = (show("default", "en", width).evaluate(box) for width in (375, 800))
    assert narrow[0] > 300 > wide[0]
    assert min(narrow[1], wide[1]) >= 46


@pytest.mark.browser
def test_a_forced_dark_scheme_loses_nothing(show):
    """Where a program turns all colours round, the button and the advertisement keep an edge of their own."""
    page = show("default", "en", 800)
    edges = page.evaluate(
        "() => ['.button td', '.tint.edge > table > tbody > tr > td'].map(s =>"
        " parseFloat(getComputedStyle(document.querySelector(s)).borderTopWidth))"
    )
    assert min(edges) >= 1


ENGLISH = (
    "Twelve stories", "Read aloud", "A contract is", "January’s digest", "See what changed", "Correction",
    "160 million", "children were", "“Nobody asked us", "Repair is a trade", "Watch the film",
    "From the calendar", "Coming up", "Also in the news",
    "Why nurses leave", "Advertisement", "A short history", "How two days", "Tell us what",
    "Answer the survey",
)  # fmt: skip
SPOKEN = """words => words.map(begin => {
  const all = [...document.querySelectorAll('body *')].filter(e => e.textContent.trim().startsWith(begin));
  const e = all[all.length - 1];
  return [begin, e && e.closest('[lang]').lang, e && getComputedStyle(e).direction];
})"""


@LOOKS
@pytest.mark.browser
def test_a_block_that_fell_back_is_in_its_own_language(show, built, look):
    """English blocks of an Arabic edition say so, run from left to right and fit; no word of theirs is Arabic."""
    page = show(look, "ar", 800, fallen=True)
    assert page.evaluate(SPOKEN, ENGLISH) == [[each, "en", "ltr"] for each in ENGLISH]
    assert "Tuesday · 14:00 Geneva time" in page.locator("body").inner_text()
    assert page.evaluate("document.documentElement.lang + document.documentElement.dir") == "arrtl"
    assert violations(page) == []
    assert show(look, "ar", 320, fallen=True).evaluate(OVERFLOW) == []
    assert not [each for each in built(look, "ar", fallen=True).findings if each.severity is Severity.ERROR]
    assert "CORRECTION:\nJanuary" in built(look, "ar", fallen=True).rendering.text
