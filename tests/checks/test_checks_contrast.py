"""Contrast is computed from what the mail says, and agrees with a real browser about every element's look."""

from __future__ import annotations

import pytest
from check_subjects import html, rendered, story, with_html

from digest.checks.contrast import looks, matched
from digest.checks.css import parse
from digest.checks.document import read
from digest.checks.registry import run
from digest.text import colour as colours

STYLED = html(
    [story(1), story(2)],
    style=(
        "body { background: #fafafa } p { color: #333 } .page p { color: #222222 } #late { color: teal }"
        " .quiet { font-size: 13px } .loud { font: bold 20px/1.2 Georgia, serif } h2 { font-weight: 400 }"
        " p.forced { color: purple !important } @media print { p { color: white } }"
        " @media (prefers-color-scheme: dark) { .page { background-color: #101218 !important; color: #eee !important }"
        " .page p { color: #cccccc !important } .page a { color: #9db0ff !important } h2 { color: #ffffff } }"
        " @media only screen and (prefers-color-scheme: light) { .only { color: #444444 } }"
    ),
    after=(
        '<p id="late" class="x">teal</p><p class="quiet">quiet <small>small</small> <b>bold</b></p>'
        '<p class="loud">loud</p><p style="color:rgba(0,0,0,0.5)">half</p>'
        '<p class="forced" style="color:red">forced</p><p class="only">only</p>'
        '<div style="background:rgba(255,0,0,0.5);font-size:1.5em">tinted<span>in</span></div>'
        '<table role="presentation" bgcolor="#ffff00"><tr><td>old <font color="green">green</font></td></tr></table>'
        '<div style="font-size:10pt;font-weight:bold">points<i style="font:inherit">inherit</i></div>'
    ),
)
PROBE = """() => [...document.querySelectorAll('body *')].map(e => {
  const s = getComputedStyle(e);
  let at = e; const grounds = [];
  while (at) { grounds.push(getComputedStyle(at).backgroundColor); at = at.parentElement; }
  return [e.tagName.toLowerCase(), s.color, grounds, parseFloat(s.fontSize), Number(s.fontWeight) >= 600];
})"""


def seen(grounds, page):
    below = page
    for ground in reversed(grounds):
        below = colours.parse(ground).over(below)
    return below


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_element_looks_as_in_chromium(browser, scheme):
    """Colour, what is behind it, size and weight are those that a real browser computes, in both schemes."""
    page = browser.new_page(color_scheme=scheme)
    page.set_content(STYLED)
    truth = page.evaluate(PROBE)
    page.close()
    document = read(STYLED)
    computed = [
        (e, look)
        for e, look in looks(document, matched(document, parse(document.styles)), scheme)
        if "body" in above(e)
    ]
    assert len(computed) == len(truth)
    canvas = colours.parse("#ffffff" if scheme == "light" else "#121212")
    for (element, look), (tag, colour, grounds, size, bold) in zip(computed, truth, strict=True):
        where = (element.tag, element.text)
        assert element.tag == tag
        assert str(look.colour) == str(colours.parse(colour)), where
        assert look.colour.alpha == pytest.approx(colours.parse(colour).alpha, abs=0.01), where
        assert str(look.behind) == str(seen(grounds, canvas)), where
        assert look.size == pytest.approx(size, rel=0.01), where
        assert look.bold == bold, where


def above(element):
    tags = set()
    while element := element.parent:
        tags.add(element.tag)
    return tags


@pytest.mark.parametrize(
    "after",
    [
        '<p style="color:#fff;display:none">hidden</p>',
        '<div style="visibility:hidden"><p style="color:#fff">hidden</p></div>',
        '<p style="color:#fff;opacity:0">hidden</p>',
        '<p style="color:#fff;max-height:0;overflow:hidden">preheader</p>',
        '<p style="color:#fff;font-size:0">nothing</p>',
        '<p style="color:#fff">·&#160;—</p>',
        '<p style="color:#fff;background:url(cid:a)">on a picture</p>',
        '<p style="color:#fff;background:linear-gradient(red, blue)">on a gradient</p>',
        '<p style="color:#949494;font-size:24px">large needs 3 to 1</p>',
        '<p style="color:#949494;font-size:14pt;font-weight:700">large and bold</p>',
        '<p style="color:hsl(0 0% 90%);background:#000">a colour that is not read changes nothing</p>',
    ],
)
def test_what_is_not_seen_or_not_known_is_not_blamed(after):
    """Hidden text, punctuation, large text that is strong enough and text over pictures give no finding."""
    found = {f.code for f in run(with_html(after=after))}
    if "hsl" in after:
        assert "contrast-light" in found  # dark text is inherited, and black is behind it
    else:
        assert "contrast-light" not in found


def test_one_weakness_in_many_places_is_one_finding():
    """The same two colours are told once, with how often they occur."""
    after = "".join(f'<p style="color:#999">Grey {n}</p>' for n in range(5))
    found = [f for f in run(with_html(after=after)) if f.code == "contrast-light"]
    assert len(found) == 1
    assert "“Grey 0” is #999999 on #ffffff, 2.8 to 1 where 4.5 is needed, and 4 more places" in found[0].message


def test_a_mail_without_dark_styles_is_not_judged_in_the_dark():
    """What a program's own inversion makes of it is for the preview to show."""
    found = {f.code for f in run(rendered(html=html([story(1), story(2)], style="a { color: #1e2dbe }")))}
    assert "contrast-dark" not in found


@pytest.mark.parametrize(("attribute", "pale"), [("", False), (" data-ogsc", True)])
def test_a_rule_for_an_attribute_counts_where_it_occurs(attribute, pale):
    """A rule that asks for an attribute decides only in a mail in which an element has it."""
    after = f'<div{attribute}><p class="pale">Hard to read</p></div>'
    made = html([story(1)], style="[data-ogsc] .pale { color: #eeeeee }", after=after)
    document = read(made)
    told = {
        look.colour
        for e, look in looks(document, matched(document, parse(document.styles)), "light")
        if e.attributes.get("class") == "pale"
    }
    assert (told == {colours.parse("#eeeeee")}) is pale
