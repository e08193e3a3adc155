"""Which items are the same story."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.importing.identity import fold, identity, unite
from digest.importing.naming import slug, story_name
from digest.text.urls import comparable


def one(title="A story", day="2022-02-14", **values):
    return identity(title=title, day=day, **values)


def same(first, second):
    """Tell whether an item of another listing is the story that is known."""
    return unite([[first]], [second]) == [0]


def test_a_guid_is_enough():
    """Title, day and link may all have changed."""
    assert same(one(guid="g1", link="https://x.org/1"), one("B", "2020-01-01", guid="g1", link="https://x.org/2"))


def test_a_link_is_enough():
    """However it is spelled: scheme, www, tracking, index page, last slash."""
    known = one(link="https://www.ilo.org/news/a/?utm_source=rss&id=1#top")
    assert same(known, one("B", "2020-01-01", link="http://ilo.org/news/a?id=1"))
    assert not same(known, one("B", "2020-01-01", link="http://ilo.org/news/a?id=2"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (one("Our objective", kicker="ILO in action"), one("ILO in Action: Our objective")),
        (one("ILO in Action – Our objective"), one("Our objective", kicker="ILO in action")),
        (one("Missed schooling", kicker="Our impact, their voices"), one("Missed schooling")),
        (one("L’été à Genève"), one("L'ete a Geneve")),
        (one("Same", kicker="Skills"), one("Same", kicker="Impact")),
    ],
)
def test_the_day_and_the_title_are_enough_with_or_without_the_kicker(first, second):
    """A series is a kicker in one listing and the title's first words in another, or missing."""
    assert same(first, second)
    assert same(second, first)


@pytest.mark.parametrize("second", [one("Another"), one(day="2022-02-15"), one("A story 2")])
def test_another_title_or_another_day_is_another_story(second):
    """Nothing is taken for the same by being alike."""
    assert not same(one(), second)


def test_one_listing_that_shows_two_links_shows_two_stories():
    """Two statements of one day with one title stay two, and keep apart the next time too."""
    first, second = one("Statement", link="https://x.org/1"), one("Statement", link="https://x.org/2")
    assert unite([], [first, second]) == [0, 1]
    assert unite([[first], [second]], [second, first]) == [1, 0]


def test_one_listing_that_shows_two_guids_shows_two_stories():
    """Also when everything else is the same: the feed means two."""
    first, second = one(guid="g1", link="https://x.org/1"), one(guid="g2", link="https://x.org/1")
    assert unite([], [first, second]) == [0, 1]
    assert unite([[first], [second]], [second, first]) == [1, 0]


def test_a_link_that_moved_parts_nothing():
    """A site that gave its pages new addresses does not give the newsroom its stories twice."""
    assert same(one(link="https://old.org/1"), one(link="https://new.org/one"))


def test_a_landing_page_that_many_items_link_to_joins_nothing():
    """An address that one listing gives to items with different titles is no identity."""
    link = "https://x.org/campaign"
    assert unite([], [one("A", link=link), one("B", link=link)]) == [0, 1]


def test_an_item_that_a_listing_shows_twice_is_one_story():
    """Once on top and once in the list, the second time without its link."""
    assert unite([], [one(link="https://x.org/1"), one("B"), one()]) == [0, 1, 0]


def test_every_name_by_which_a_story_was_known_counts():
    """A person gave it another title; the source's own still finds it."""
    assert unite([[one("Edited by hand"), one("As imported")]], [one("As imported")]) == [0]


def test_titles_of_signs_and_of_other_scripts_are_told_apart():
    """Folding takes accents and signs, never the letters of another script."""
    assert fold("🎉") != fold("🚀")
    assert fold("काम") != fold("कम")
    assert fold("Ça va?") == fold("ca va")


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["", "K"]), st.sampled_from(["", "1", "2"])), max_size=8)
)
def test_a_listing_that_is_read_again_finds_its_own_stories(rows):
    """Whatever it holds: nothing new the second time."""
    items = [one(title, kicker=kicker, link=link and f"https://x.org/{link}") for title, kicker, link in rows]
    numbers = unite([], items)
    known = [
        [items[n] for n in range(len(items)) if numbers[n] == story] for story in range(max(numbers, default=-1) + 1)
    ]
    assert all(number < len(known) for number in unite(known, items))


@given(st.text(max_size=60))
def test_any_link_can_be_compared(text):
    """What is no address is compared as it is."""
    assert comparable(text) == comparable(text.strip())


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Helping Women Workers Manage Cultural and Professional Barriers", "helping-women-workers-manage-cultural"),
        ("Kıvanç Özvardar, Łódź: Straße", "kivanc-ozvardar-lodz-strasse"),
        ("From 9-5: Honey Sta Ana's story", "from-9-5-honey-sta-anas-story"),
        ("تمكين المرأة", "تمكين-المرأة"),
        ("青年就业", "青年就业"),
        ("../../etc/passwd\x00.md", "etc-passwd-md"),
        ("🎉", "story"),
    ],
)
def test_files_have_readable_names(title, name):
    """The day and the title's words, without accents in Latin and with the letters of other scripts."""
    assert story_name("2022-02-14", title, set()) == f"2022-02-14-{name}"


def test_a_taken_name_gets_a_number():
    """Also when it differs in case only, as some file systems have it."""
    assert story_name("2022-02-14", "ÄB", {"2022-02-14-ab", "2022-02-14-ab-2"}) == "2022-02-14-ab-3"


@given(st.text(max_size=300))
def test_a_name_is_safe_on_every_file_system(title):
    """Short, no separators, dots or blanks, the same in both normal forms' comparison, and never empty."""
    import unicodedata

    name = story_name("2022-02-14", title, set())
    assert len(name.encode()) <= 200
    assert not set(name) & set('/\\:*?"<>|. \0')
    assert name == unicodedata.normalize("NFC", name)
    assert slug(slug(title)) == slug(title)
