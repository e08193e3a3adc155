"""The text part is composed from the same stories, never converted from HTML."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from composer_samples import AUDIENCE, NEWSROOM, TITLES, render, selection, stories, story
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from digest.composer.compose import finish
from digest.composer.files import themes
from digest.composer.options import ThemeOptions
from digest.composer.theme import load_theme, theme_files
from digest.text.wrapping import COLUMNS, width


def test_a_digest_reads_like_this():
    """Masthead, story, links beneath it, footer: the whole page, as a reader sees it."""
    made = render(selection(story(1, summary="A word with [a link](https://a.example/x).")))
    assert (
        re.sub(r"slot-\w+-", "slot-", made.text)
        == """\
HARBOUR NEWSROOM
February 2022
All harbour news · 1 story
========================================================================

ON THE QUAY
A new school on the southern quay opens its doors to forty
apprentices [1]
----------------------------------------------------------
11 February 2022

A word with a link [2].

[1] https://www.harbour.example/news/1
[2] https://a.example/x


========================================================================

Media contact: press@harbour.example

You get this mail because you subscribed to “All harbour news”.
Sent to slot-address-tols.

Unsubscribe:
slot-unsubscribe-url-tols

Harbour Newsroom
Quay 4
CH-1200 Geneva
"""
    )


@pytest.mark.parametrize("layout", ["auto", "list", "full"])
def test_a_theme_without_pictures_credits_none_and_says_the_rest_in_both_parts(layout):
    """Quiet shows no photo: its text speaks of none, and what stands above a title in one part does in the other."""
    told = (
        story(n, kicker=f"Series {n}", credit=f"© Person {n}", image="https://img.example/a.png", image_alt="A pier")
        for n in range(1, 10)
    )
    made = render(selection(*told), ThemeOptions(name="quiet", layout=layout))
    assert "Photo" not in made.text
    for said in (*(f"Series {n}" for n in range(1, 10)), *(f"© Person {n}" for n in range(1, 10))):
        assert (said.casefold() in made.text.casefold()) == (said in made.html), said


def test_a_theme_of_ones_own_shows_pictures_however_it_spells_them(tmp_path):
    """Then its text credits them."""
    path = tmp_path / "quiet" / "theme.mjml.j2"
    path.parent.mkdir()
    ours = theme_files([], ThemeOptions(name="quiet")).get("theme.mjml.j2").text
    for said, shown in (("story.image", True), ("story['image']", True), ("block.image", False)):
        path.write_text(ours.replace("{{ story.kicker }}", f"{{{{ {said} }}}}{{{{ story.kicker }}}}"))
        assert load_theme([tmp_path], ThemeOptions(name="quiet")).constants["pictures"] is shown, said


def links_of(part):
    return list(dict.fromkeys(re.findall(r"https://[^\s\"<>]+", part)))


def test_an_edition_with_rows_reads_like_this():
    """The view in the browser below the title, rows under a line of their own, the places where one can follow."""
    newsroom = structs.replace(NEWSROOM, social=(("Mastodon", "https://a.example/mast"),))
    made = render(
        selection(*stories(7, summary="")),
        ThemeOptions(layout="auto"),
        newsroom=newsroom,
        archive_url="https://v.example",
    )
    top, rest = made.text.split("=" * 72, 1)
    assert top.endswith("All harbour news · 7 stories\nView in browser: https://v.example\n")
    rows, foot = rest.partition("MORE STORIES\n")[2].split("=" * 72)
    assert (
        rows
        == """\
============

Dockers learn to weld under water [5]
On the quay · 15 February 2022
[5] https://www.harbour.example/news/5

A new school on the southern quay opens its doors to forty apprentices
16 February 2022


"""
    )
    assert "\nFollow us:\nMastodon: https://a.example/mast\n" in foot


@pytest.mark.parametrize("name", themes([]))
@pytest.mark.parametrize("layout", ["auto", "full", "list"])
@pytest.mark.parametrize("count", [1, 5, 40])
def test_both_parts_have_the_same_stories_and_links_in_the_same_order(name, layout, count):
    """Titles and addresses come in one order, also when the tail is cut."""
    picked = [replace(one, title=f"{one.title} {one.id}", summary=f"[x](https://a.example/{one.id})")
              for one in stories(count)]  # fmt: skip
    options = ThemeOptions(name=name, layout=layout, size_limit=24 * 1024, contents_over=99, forward=True)
    newsroom = structs.replace(NEWSROOM, social=(("Mastodon", "https://a.example/mast"),))
    made = render(selection(*picked, more=2), options, newsroom=newsroom, archive_url="https://v.example/1")
    html = re.sub(r"<style.*?</style>|xmlns\S+", "", made.html, flags=re.DOTALL).replace("&amp;", "&")
    assert links_of(html) == links_of(made.text)
    flat = " ".join(made.text.split())
    places = [flat.index(one.title) for one in picked]
    assert places == sorted(places)


def test_no_line_is_over_72_columns_but_addresses():
    """Long titles, wide characters and long words are wrapped; addresses stay whole."""
    picked = [
        story(0, title="漢字" * 60, kicker="K" * 100, credit="© " + "名" * 50, summary="語" * 200 + " " + "x" * 300),
        story(1, title="A " * 90, link="https://a.example/" + "y" * 200),
    ]
    made = render(
        selection(*picked),
        newsroom=structs.replace(NEWSROOM, name="N" * 100),
        audience=structs.replace(AUDIENCE, title="T " * 60),
    )
    for line in made.text.split("\n"):
        assert width(line) <= COLUMNS or "https://" in line or line.startswith("slot-"), line


HOSTILE = ["-- ", "--", "\x1b[2J\x1b]0;owned\x07", "\r\n.\r\n", "\x0c", "From nobody", ".", "a\u2028b", "\u202egnp"]


@pytest.mark.parametrize("words", HOSTILE)
def test_content_cannot_play_tricks_in_plain_text(words):
    """No escape code, form feed, lone CR, forged signature or reversed text comes through (FAULTS 20)."""
    made = render(selection(story(0, title=words or "x", summary=f"one\n\n{words}\n\ntwo", credit=words)))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", made.text)
    assert not re.search(r"(?m)^-- ?$", made.text)


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_whatever_a_summary_says_the_page_keeps_its_form(words):
    """One line feed as line end, none at the end but one, no blanks at line ends, no signature."""
    text = render(selection(story(0, summary=words))).text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not re.search(r"[ \t]\n|\n{4}|(?m:^-- ?$)|\r", text)


def test_finishing_is_done_when_it_is_done():
    """Finishing twice changes nothing."""
    text = "\n\n a \n\n\n\n\n--\n--\n-- \nb\t\n\n"
    assert finish(finish(text)) == finish(text) == " a\n\n\n––\n––\n––\nb\n"


def test_the_credit_stands_in_the_text_too():
    """Credits are readers' right in plain text as well."""
    assert "© Ana Lúcia / Harbour" in render(selection(story(0))).text


def test_contents_are_numbered():
    """The contents list of a long edition numbers its titles."""
    assert f"\n7. {TITLES[1][:30]}" in render(selection(*stories(7))).text
