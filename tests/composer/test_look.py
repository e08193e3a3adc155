"""How the digest looks, measured in a real browser: widths, schemes, directions, clients that take things away."""

from __future__ import annotations

import re
import struct
from functools import cache

import pytest
from composer_samples import NEWSROOM, render, selection, stories, story
from msgspec.structs import replace

from accessibility import violations
from digest.composer.files import themes
from digest.composer.options import ThemeOptions

pytestmark = pytest.mark.browser

# Each look by its options: the themes, and what one theme can look like.
LOOKS = {
    **{name: {"name": name} for name in themes([])},
    "auto": {"layout": "auto", "masthead": "plain", "logo": "https://img.example/logo.png", "logo_alt": "Harbour"},
    "list": {"layout": "list", "masthead_color": "#0a5c36"},
    "quiet auto": {"name": "quiet", "layout": "auto"},
}
SOCIAL = replace(NEWSROOM, social=(("LinkedIn", "https://a.example/in"), ("ماستودون", "https://a.example/mast")))
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="800"><rect width="99%" height="99%"/></svg>'
TALL = '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="1200"><rect width="99%" height="99%"/></svg>'
PNG_HEAD = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 400, 1200) + b"\x08\0\0\0\0"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2


def photo(number, **changes):
    return story(number, **{"image": "https://img.example/photo.jpg", "image_alt": "A welder at work", **changes})


@cache
def rich(look="default", language="en"):
    """Everything a digest can have: photos, lists, quotations, code, contents, another language, long words."""
    markdown = (
        "A **word**, [a link](https://a.example/x).\n\n- one\n- two\n\n> quoted\n\n`code`\n\n---\n\n"
        "![A pier at dawn](https://img.example/pier.jpg)\n\n| a | b |\n|---|---|\n"
        "| ![A pier](https://img.example/pier.jpg) | words |\n\n    " + "code " * 40
    )
    picked = [
        photo(0),
        story(1, summary=markdown),
        photo(2, summary=markdown),
        photo(3, credit="", image_alt=""),
        story(4, title=LONG, kicker=LONG, credit=LONG, summary=LONG),
        story(5, language="ar", title="خبر من الميناء", kicker="قصص", summary="كلمات قليلة عن السفن.\n\n- أولى"),
        photo(6, language="he", title="חדשות", summary="מילים"),
        *stories(3),
    ]
    options = ThemeOptions(size_limit=40 * 1024, forward=True, **LOOKS[look])
    chosen = selection(*picked, language=language, more=3)
    return render(chosen, options, newsroom=SOCIAL, archive_url="https://a.example/web").html


@pytest.fixture(scope="module")
def context(browser):
    """One context for all pages: making one costs more than showing a mail."""
    made = browser.new_context()
    yield made
    made.close()


@pytest.fixture
def show(context):
    """Open a mail's HTML at a width; nothing is fetched, images are drawn here. Gives the page."""
    opened = []

    def open_page(html, width, *, scheme="light", images=True, picture=SVG):
        page = context.new_page()
        opened.append(page)
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.asked = []

        def answer(route):
            page.asked.append(route.request.url)
            if images and "img.example" in route.request.url:
                route.fulfill(body=picture, content_type="image/svg+xml")
            else:
                route.abort()

        page.route("**/*", answer)
        page.set_content(html, wait_until="load")
        return page

    yield open_page
    for page in opened:
        page.close()


OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  return [...document.querySelectorAll('body *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && (box.right > wide + 0.5 || box.left < -0.5);
  }).map(e => e.outerHTML.slice(0, 120)).concat(
    document.documentElement.scrollWidth > wide ? ['page ' + document.documentElement.scrollWidth] : []);
}"""

CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || !e.getClientRects().length || ['STYLE', 'TITLE'].includes(e.tagName)) continue;
    const [a, b] = [lum(parse(getComputedStyle(e).color)), lum(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.push([n.data.trim().slice(0, 40), ratio.toFixed(2)]);
  }
  return bad;
}"""


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_nothing_is_wider_than_the_screen(show, look, language):
    """From 320 to 1024 pixels nothing sticks out, whatever the direction and however long a word is."""
    page = show(rich(look, language), 320)
    for width in (320, 375, 640, 800, 1024):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(OVERFLOW) == [], width


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_sticks_out_when_clients_take_things_away(show, look):
    """Without style sheets, without images, and with text at 200 %, the mail still fits a phone."""
    html = rich(look)
    bare = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    for width in (320, 800):
        assert show(bare, width).evaluate(OVERFLOW) == []
        assert show(html, width, images=False).evaluate(OVERFLOW) == []
    page = show(html, 375)
    page.evaluate(
        "() => { const all = [...document.querySelectorAll('body *')];"
        "const sizes = all.map(e => parseFloat(getComputedStyle(e).fontSize));"
        "all.forEach((e, i) => e.style.setProperty('font-size', sizes[i] * 2 + 'px', 'important')); }"
    )
    assert page.evaluate(OVERFLOW) == []


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("brand", ["#1e2dbe", "#ffd400"])
def test_every_word_can_be_read(show, look, brand):
    """The contrast of all text is at least 4.5 in both schemes, whatever the brand."""
    markdown = "A **word**, [a link](https://a.example/x), `code`.\n\n- one\n\n> quoted"
    picked = (photo(0), story(1, summary=markdown), photo(3, summary=markdown), *stories(5))
    options = ThemeOptions(brand=brand, forward=True, **LOOKS[look])
    html = render(selection(*picked, more=2), options, newsroom=SOCIAL, archive_url="https://a.example/web").html
    for images in (True, False):
        page = show(html, 640, images=images)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(CONTRAST) == [], scheme


def test_dark_mode_is_dark(show):
    """With a dark scheme page and sheet are dark, by the theme's own colours."""
    page = show(rich(), 800, scheme="dark")
    colours = page.evaluate(
        "() => ['.page', '.sheet', '.band'].map(s => getComputedStyle(document.querySelector(s)).backgroundColor)"
    )
    assert colours[:2] == ["rgb(16, 18, 24)", "rgb(24, 27, 35)"]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_axe_finds_nothing(show, look, language):
    """The accessibility rules of axe-core are all kept, in both schemes and directions."""
    groups = render(
        selection(photo(0), story(1), photo(3, image_alt=""), *stories(6)[2:], language=language, more=2),
        ThemeOptions(forward=True, **LOOKS[look]),
        newsroom=SOCIAL,
        archive_url="https://a.example/web",
    )
    page = show(groups.html, 800)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme


HOSTILE = (
    "</div></td></tr></table></body><div style='position:fixed;inset:0;background:red'>x</div>",
    "<style>.sheet{display:none}*{font-size:90px}@import url(https://evil.example/x.css)</style>",
    "<script>document.body.innerHTML='owned'</script><img src=https://evil.example/t.gif onerror=alert(1)>",
    "<!--[if mso]><table><tr><td><![endif]--> <!-- ",
    "</title></head><body onload=alert(1)>",
    "{% for i in range(9) %}{{ i }}{% endfor %}</mj-text>",
    "\u202e\u2066reversed",
)


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_change_nothing_around_them(show, words):
    """Whatever the fields of a story say: the frame stands, nothing is fetched, nothing runs (FAULTS 17-19)."""
    bad = story(0, title=words, kicker=words, credit=words, summary=f"{words}\n\n{words}", image_alt=words)
    page = show(render(selection(bad, story(1))).html, 320)
    assert page.evaluate(OVERFLOW) == []
    assert page.asked == []
    assert page.locator("h2").count() == 2
    assert page.locator("script, iframe, form").count() == 0
    assert page.evaluate("() => [...document.querySelectorAll('*')].filter(e => "
                         "getComputedStyle(e).position === 'fixed').length") == 0  # fmt: skip
    assert "Unsubscribe" in page.inner_text("body")
    assert page.evaluate("() => getComputedStyle(document.querySelector('h1')).fontSize") == "34px"


def test_arabic_is_the_mirror_of_english(show):
    """Headlines begin at the right, the photo stands at the left: English the other way round."""
    boxes = {}
    for language in ("en", "ar"):
        html = render(selection(story(0, title="A"), photo(1, title="B"), language=language)).html
        page = show(html, 800)
        image, title = page.locator("img").bounding_box(), page.locator("h2").nth(1)
        align = title.evaluate("e => getComputedStyle(e).textAlign")
        period = page.locator("h1").evaluate("e => getComputedStyle(e).textAlign")
        boxes[language] = (image["x"], image["x"] + image["width"], align, period)
    english, arabic = boxes["en"], boxes["ar"]
    assert english[2:] == ("left", "left")
    assert arabic[2:] == ("right", "right")
    assert arabic[0] == pytest.approx(800 - english[1], abs=1)
    assert arabic[1] == pytest.approx(800 - english[0], abs=1)


def test_headlines_look_like_links_and_the_others_do_not(show):
    """A headline that can be clicked has a line of its own colour under it, in both schemes; another has none."""
    page = show(render(selection(story(0), story(2))).html, 640)
    drawn = """() => [...document.querySelectorAll('h2')].map(e => {
      const look = getComputedStyle(e.querySelector('a') || e);
      return [look.textDecorationLine, look.textDecorationThickness, look.textDecorationColor, look.color].join() })"""
    linked, unlinked = page.evaluate(drawn)
    assert linked.startswith("underline,1px,rgb(")
    assert linked.count("rgb(20, 22, 28)") == 1  # the ink; the line is lighter
    assert unlinked.startswith("none")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(drawn)[0] not in (linked, unlinked)


def test_the_lead_is_offered_once_more_by_a_name_that_says_which_story(show):
    """Read the story: what one sees begins what a screen reader says, which has the title; only the lead has it."""
    page = show(render(selection(*stories(3))).html, 640)
    link = page.get_by_role("link", name="Read the story: Dockers learn to weld under water", exact=True)
    assert link.inner_text() == "Read the story"
    assert page.locator("[aria-label^='Read the story']").count() == 1


@pytest.mark.parametrize("width", [375, 800])
def test_a_row_keeps_its_small_picture_beside_its_words(show, width):
    """In rows a picture is within 96 by 72 pixels, whole, at the end of its row on every screen, and says nothing."""
    options = ThemeOptions(layout="list", image_base_url="https://img.example/")
    picked = [story(0), photo(1), photo(3, image="photos/tall.png")]  # of one the size is known
    html = render(selection(*picked), options, read_image=lambda _: PNG_HEAD).html
    page = show(html.replace("tall.png", "tall.jpg"), width, picture=TALL)
    for row in page.locator("table.hairs").all():
        image, title = row.locator("img"), row.locator("h2").bounding_box()
        box = image.bounding_box()
        assert (box["width"], box["height"]) == (24, 72)
        assert box["x"] >= title["x"] + title["width"]
        assert image.get_attribute("alt") == ""


@pytest.mark.parametrize(
    ("layout", "count", "full", "rows", "heads"),
    [
        ("full", 9, 9, 0, ["In this issue"]),
        ("auto", 6, 6, 0, []),
        ("auto", 7, 5, 2, ["More stories"]),
        ("list", 4, 1, 3, []),
        ("list", 1, 1, 0, []),
    ],
)
def test_a_layout_says_how_many_stories_are_in_full(show, layout, count, full, rows, heads):
    """`full` has a list of contents beyond six; `auto` then the lead and four; `list` the lead alone."""
    page = show(render(selection(*stories(count)), ThemeOptions(layout=layout)).html, 640)
    assert page.locator(".headline").count() == full
    assert page.locator("table.hairs").count() == rows
    assert page.locator("h2.section").all_inner_texts() == heads


def test_a_logo_keeps_its_colours_after_dark(show):
    """In the plain masthead a logo stands on white when the sheet is dark; its width is what was asked for."""
    options = ThemeOptions(masthead="plain", logo="https://img.example/logo.png", logo_width=200)
    page = show(render(selection(story(0)), options).html, 640, scheme="dark")
    plate = page.locator(".plate")
    assert plate.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert plate.locator("img").bounding_box()["width"] == 200


def test_photos_stand_beside_the_words_or_above_them(show):
    """On a wide screen a photo is beside its story, on a phone above it and as wide as the column."""
    html = render(selection(story(0), photo(1))).html
    for width, beside in ((800, True), (375, False)):
        page = show(html, width)
        image, title = page.locator("img").bounding_box(), page.locator("h2").nth(1).bounding_box()
        assert (image["x"] > title["x"] + title["width"] / 2) == beside
        assert (image["y"] + image["height"] <= title["y"]) != beside
        if not beside:
            assert image["width"] == pytest.approx(375 - 48, abs=1)


@pytest.mark.parametrize("width", [375, 700])
@pytest.mark.parametrize("known", [True, False], ids=["size known", "size unknown"])
def test_a_tall_photo_is_kept_in_bounds(show, width, known):
    """A portrait is no taller than 252 pixels beside its words and 480 above them, and keeps its proportions."""
    image = "photos/tall.png" if known else "https://img.example/tall.jpg"
    picked = [photo(0, lead=True, image=image, link=""), photo(1, image=image, link="")]
    options = ThemeOptions(image_base_url="https://img.example/")
    html = render(selection(*picked), options, read_image=lambda _: PNG_HEAD).html
    page = show(html.replace("tall.png", "tall.jpg"), width, picture=TALL)
    sizes = page.evaluate("[...document.querySelectorAll('img.photo')].map((each) => [each.width, each.height])")
    assert sizes == [[160, 480], [84, 252]]
    if known:  # Outlook goes by the attributes alone
        assert re.findall(r'<img class="photo"[^>]* width="(\d+)" height="(\d+)"', html) == [
            ("160", "480"),
            ("84", "252"),
        ]


def test_a_photo_that_is_not_tall_fills_its_column(show):
    """A landscape is as wide as there is room: the lead as the mail, another as its column, on a phone too."""
    data = PNG_HEAD.replace(struct.pack(">II", 400, 1200), struct.pack(">II", 1200, 800))
    options = ThemeOptions(image_base_url="https://img.example/")
    picked = selection(photo(0), photo(1, image="photos/wide.png"))
    html = render(picked, options, read_image=lambda _: data).html
    for width, wanted in ((375, [375, 327]), (700, [640, 189])):
        page = show(html, width)
        assert page.evaluate("[...document.querySelectorAll('img.photo')].map((each) => each.width)") == wanted


def test_the_preheader_is_not_seen(show):
    """The inbox's line is in the page's source but takes no room and no colour trick."""
    page = show(render(selection(*stories(3)), preheader="Only for the inbox").html, 640)
    assert "Only for the inbox" not in page.inner_text("body")
    assert "Only for the inbox" in page.content()
    assert page.evaluate("() => document.querySelector('h1').getBoundingClientRect().top") < 150


@pytest.mark.parametrize("look", LOOKS)
def test_the_masthead_does_not_follow_the_preheader_in_the_inbox(show, look):
    """Behind the preheader come more blanks than an inbox's line has letters, each kept apart from the next."""
    html = render(selection(*stories(3)), ThemeOptions(**LOOKS[look]), preheader="Short").html
    hidden = show(html, 640).evaluate("() => document.querySelector('body div[aria-hidden]').textContent")
    assert hidden.startswith("Short")
    padding = hidden.removeprefix("Short")
    assert padding.count("\N{NO-BREAK SPACE}") >= 150
    assert "\N{NO-BREAK SPACE}" * 2 not in padding, "neighbours would be one blank"
    assert set(padding) == {"\N{NO-BREAK SPACE}", "\N{ZERO WIDTH NON-JOINER}", "\N{COMBINING GRAPHEME JOINER}"}


# What Apple's and Google's programs make of a date or a number: a link of theirs, in their blue.
DETECTED = """() => ['a[x-apple-data-detectors=true]', 'a.x-gmail-data-detectors'].flatMap((selector) =>
  [...document.querySelectorAll('h1, h2, p, td')].filter((e) => e.childNodes.length && e.innerText.trim()).map((e) => {
    const link = document.createElement('a');
    link.href = 'tel:5551234';
    link.textContent = '555 1234';
    if (selector.includes('apple')) link.setAttribute('x-apple-data-detectors', 'true');
    else link.className = 'x-gmail-data-detectors';
    link.style = 'color: rgb(0, 0, 255); text-decoration: underline; border-bottom: 1px dashed; font-size: 9px';
    e.append(link);
    const [own, around] = [getComputedStyle(link), getComputedStyle(e)];
    return own.color === around.color && own.fontSize === around.fontSize && own.textDecorationLine === 'none'
      && own.borderBottomWidth === '0px';
  }))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("look", LOOKS)
def test_what_a_phone_makes_a_link_of_looks_like_the_words_around_it(show, look, scheme):
    """A date, a number, an address; and the page asks that none be made."""
    page = show(rich(look), 375, scheme=scheme)
    same = page.evaluate(DETECTED)
    assert len(same) > 40
    assert all(same)
    assert "telephone=no" in page.get_attribute("meta[name=format-detection]", "content")


def test_the_page_is_the_same_without_a_style_sheet_where_it_matters(show):
    """Sizes, colours and faces of headlines are on the elements: clients that drop <style> show them all the same."""
    html = rich()
    look = (
        "() => [...document.querySelectorAll('h1, h2, .summary p, .kicker')].map(e => { const s = getComputedStyle(e);"
        "return [s.color, s.fontFamily, s.fontWeight, s.lineHeight, s.margin].join() })"
    )
    bare = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    assert show(html, 800).evaluate(look) == show(bare, 800).evaluate(look)


def test_the_small_pictures_of_rows_have_their_credits_below(show):
    """Each credit once, in a line after the rows, in both parts; a picture that is none of theirs is not counted."""
    options = ThemeOptions(layout="list")
    given = ("© Lead", "© Ana", "© Ben", "© Ana", "Illustration: Cy", "")
    picked = [photo(number, credit=credit) for number, credit in enumerate(given)]
    picked.append(story(6, credit="© Nobody's"))
    made = render(selection(*picked), options)
    page = show(made.html, 375)
    assert page.locator("p.credit").all_inner_texts() == ["Photo: © Lead", "Photos: © Ana, © Ben · Illustration: Cy"]
    assert page.evaluate(OVERFLOW) == []
    assert made.text.count("Photos: © Ana, © Ben · Illustration: Cy") == 1
    single = render(selection(photo(0), photo(1, credit="© Ana"), story(2)), options)
    assert show(single.html, 375).locator("p.credit").last.inner_text() == "Photo: © Ana"
    assert "Photo: © Ana" in single.text
    assert "Photos:" not in render(selection(*picked), ThemeOptions(layout="full")).html
