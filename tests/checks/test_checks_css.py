"""Style sheets are read as browsers read them, and selectors pick what they should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.checks.contrast import looks, matched
from digest.checks.css import declarations, parse
from digest.checks.document import read
from digest.text import colour as colours
from digest.text.colour import Colour, contrast

PAGE = (
    '<!doctype html><html lang="en"><head><title>x</title><style>{}</style></head><body class="page">'
    '<div class="sheet wide" id="a"><p><a class="more" href="https://ilo.org/a.pdf" data-kind="pdf-x" title="one two">x'
    "</a></p></div></body></html>"
)


def red(style: str) -> set[str]:
    """The elements in the body that this style makes red."""
    document = read(PAGE.replace("{}", style))
    seen = looks(document, matched(document, parse(document.styles)), "light")
    return {element.tag for element, look in seen if str(look.colour) == "#ff0000" and not look.hidden}


@pytest.mark.parametrize(
    ("text", "picked"),
    [
        ("a", True),
        ("*", True),
        ("A.more", True),
        (".more.less", False),
        (".sheet a", True),
        (".sheet > a", False),
        (".sheet>p>a", True),
        ("body .wide p > a.more[href]", True),
        ("#a a", True),
        ("#b a", False),
        (":root a", True),
        ("a:link", True),
        ("a:not(.x)", True),
        ('[href^="https:"]', True),
        ("[href$=pdf]", True),
        ("[href*='ilo']", True),
        ("[data-kind|=pdf]", True),
        ("[title~=two]", True),
        ("[title~=tw]", False),
        ('[title="one two"]', True),
        ("[data-ogsc] a", False),
        ("a[href=x]", False),
    ],
)
def test_a_selector_picks_what_it_says(text, picked):
    """Types, classes, ids, attributes, children and descendants decide as CSS says."""
    assert ("a" in red(f"{text} {{ color: red }}")) is picked


@pytest.mark.parametrize("text", ["a:hover", "a + b", "a ~ b", "::before", "a::after", "", ">", "a >", "&", "p:link"])
def test_what_is_not_seen_at_first_or_not_read_picks_nothing(text):
    """A selector for what a pointer does, for made-up content, or of no sense colours nothing."""
    assert red(f"{text} {{ color: red }}") == set()


def test_specificity_counts_ids_classes_and_types():
    """An id weighs more than any classes, a class more than any types, and of equals the last one wins."""
    assert red("#a a { color: red } .wide .more[href] { color: blue }") == {"a"}
    assert red(".more { color: red } html body div p a { color: blue }") == {"a"}
    assert red(".more { color: red } .more { color: blue }") == set()


def test_rules_media_and_lines_are_read():
    """Nested conditions, comments, strings with braces and broken rules do not lead astray."""
    text = (
        "/* } */ a { color: red }\n@media (min-width: 480px) {\n  .x { content: '}'; width: 1px }\n"
        "  @supports (display: grid) { .y { gap: 1px } }\n}\n@import url(x.css);\n"
        "@font-face { font-family: x }\n.z { color: blue !important; broken; : no; margin: }\n.open { top: 0"
    )
    sheet = parse([(text, 10)])
    assert [(rule.prelude, rule.media, rule.line) for rule in sheet.rules] == [
        ("a", (), 10),
        (".x", ("(min-width: 480px)",), 12),
        (".y", ("(min-width: 480px)", "(display: grid)"), 13),
        (".z", (), 17),
        (".open", (), 18),
    ]
    assert [(one.name, one.line) for one in sheet.at_rules] == [
        ("media", 11),
        ("supports", 13),
        ("import", 15),
        ("font-face", 16),
    ]
    assert sheet.rules[3].declarations == (("color", "blue", True),)


def test_a_stray_brace_or_semicolon_spoils_only_the_next_rule():
    """As in a browser: what stands before the next brace belongs to that rule, which then picks nothing."""
    sheet = parse([("a { top: 0 } } b { top: 0 } c { top: 0 } oops; d { top: 0 } e { top: 0 }", 1)])
    assert [rule.prelude for rule in sheet.rules if rule.selectors] == ["a", "c", "e"]


def test_declarations_keep_what_is_in_brackets_and_quotes():
    """A semicolon in an address or a string ends no declaration."""
    found = declarations('background: url(data:image/png;base64,AA==); font: "a;b" ; COLOR : Red !IMPORTANT;;')
    assert [(one.property, one.value, one.important) for one in found] == [
        ("background", "url(data:image/png;base64,AA==)", False),
        ("font", '"a;b"', False),
        ("color", "Red", True),
    ]


@given(st.text(alphabet="ab{};:@/*\"'()[]!,> \n\\", max_size=60))
def test_any_style_is_read(text):
    """Parsing never raises, nor does looking for what the selectors pick."""
    for rule in parse([(text, 1)]).rules:
        assert isinstance(rule.selectors, tuple)
    declarations(text)


def test_brackets_in_a_thousand_brackets_are_read():
    """No depth of nesting makes the reader fall over; what nobody can mean is left out."""
    sheet = parse([("a { width: " + "(" * 5_000 + ")" * 5_000 + "; color: red }", 1)])
    assert [declaration.property for rule in sheet.rules for declaration in rule.declarations] == ["color"]


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#fff", (255, 255, 255, 1)),
        ("#1E2DBE", (30, 45, 190, 1)),
        ("#00000080", (0, 0, 0, 128 / 255)),
        ("rgb(1, 2, 3)", (1, 2, 3, 1)),
        ("rgba(255 0 0 / 50%)", (255, 0, 0, 0.5)),
        ("RGB(100%, 0%, 0%)", (255, 0, 0, 1)),
        ("url(white.png) navy", (0, 0, 128, 1)),
        ("transparent", (0, 0, 0, 0)),
        ("hsl(1 2% 3%)", None),
        ("#ggg", None),
        ("inherit", None),
        ("rgb(1.2.3, 4, 5)", (0, 4, 5, 1)),
    ],
)
def test_colours_are_read_or_left_unknown(text, colour):
    """Every notation that is read gives its numbers; any other gives None and no guess."""
    assert colours.parse(text) == (None if colour is None else Colour(*colour))


def test_contrast_is_the_ratio_of_wcag():
    """Black on white is 21 to 1, #767676 on white just passes 4.5, and the order does not matter."""
    black, white, grey = Colour(0, 0, 0), Colour(255, 255, 255), Colour(0x76, 0x76, 0x76)
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(white, white) == pytest.approx(1)
    assert contrast(grey, white) == pytest.approx(4.54, abs=0.005)
    assert contrast(grey, white) == contrast(white, grey)


def test_half_transparent_is_laid_over_what_is_below():
    """Half black over white is grey."""
    assert str(Colour(0, 0, 0, 0.5).over(Colour(255, 255, 255))) == "#808080"
