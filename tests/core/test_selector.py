"""Selection: which stories an edition holds, in what order, and the one rule that decided for each."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import period
from digest.model import Audience, Edition, GroupBy, Match, Overrides, PastEdition, Status, Story
from digest.selection.selector import had_their_chance, select

ZURICH = ZoneInfo("Europe/Zurich")
FEBRUARY = period.parse("2022-02", ZURICH)
NOW = datetime(2022, 3, 1, 9, tzinfo=ZURICH)


def story(name: str, day: str = "2022-02-14", **more) -> Story:
    values = {"language": "en", "title": name.title(), **more}
    return Story(id=name, date=datetime.fromisoformat(day).replace(tzinfo=ZURICH), **values)


def audience(**more) -> Audience:
    return Audience(**{"name": "everyone", "title": "Everyone", **more})


def edition(span=FEBRUARY, language="en") -> Edition:
    return Edition(period=span, audience="everyone", language=language)


def chosen(stories, *, history=(), overrides=None, now=NOW, span=FEBRUARY, language="en", **more):
    return select(
        stories,
        edition=edition(span, language),
        audience=audience(**more),
        now=now,
        history=history,
        overrides=overrides,
    )


def ids(selection):
    return [each.id for each in selection.stories]


def rule(selection, name):
    return next((d.included, d.rule) for d in selection.decisions if d.story.id == name)


def past(text, *, included=(), candidates=(), carried=(), sent=False):
    return PastEdition(
        edition=edition(period.parse(text, ZURICH)),
        included=frozenset(included),
        candidates=frozenset(candidates) | frozenset(included),
        carried=frozenset(carried),
        sent=sent,
    )


def test_the_period_is_half_open_at_local_midnight():
    """The first and last instants of the month are in, the next midnight is not, and each is in one month only."""
    edge = FEBRUARY.end
    stories = [
        story("first", "2022-02-01"),
        Story(id="last", title="Last", date=edge - timedelta(microseconds=1), language="en"),
        Story(id="next", title="Next", date=edge, language="en"),
        story("before", "2022-01-31T23:59:59.999999"),
    ]
    assert sorted(ids(chosen(stories))) == ["first", "last"]
    assert ids(chosen(stories, span=FEBRUARY.step(1))) == ["next"]
    assert ids(chosen(stories, span=FEBRUARY.step(-1))) == ["before"]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (story("s", status=Status.DRAFT), (False, "draft")),
        (story("s", status=Status.WITHDRAWN), (False, "withdrawn")),
        (story("s", embargo=NOW + timedelta(seconds=1)), (False, "embargoed")),
        (story("s", embargo=NOW), (True, "in-period")),
        (story("s", "2022-03-01"), (False, "outside-period")),
        (story("s", language="fr"), (False, "language")),
        (story("s", language="en-GB"), (True, "in-period")),
        (story("s", language="eng"), (False, "language")),
        (story("s"), (True, "in-period")),
    ],
)
def test_one_rule_decides_for_each_story(made, expected):
    """Status, embargo, date and language each have their rule, and its name is told."""
    assert rule(chosen([made]), "s") == expected


@pytest.mark.parametrize("key", ["channels", "topics", "countries", "kickers"])
def test_audiences_take_and_leave_by_value(key):
    """`select` wants any of its values, `exclude` wants none of them, and case does not matter."""
    name = {"channels": "channel", "topics": "topic", "countries": "country", "kickers": "kicker"}[key]
    field = "kicker" if key == "kickers" else key
    with_value = story("with", **{field: "Skills" if key == "kickers" else ("Skills", "other")})
    without = story("without")
    taken = chosen([with_value, without], select=Match(**{key: ("skills",)}))
    assert (rule(taken, "with"), rule(taken, "without")) == ((True, "in-period"), (False, name))
    left = chosen([with_value, without], exclude=Match(**{key: ("skills",)}))
    assert (rule(left, "with"), rule(left, "without")) == ((False, name), (True, "in-period"))


def test_several_keys_must_all_suit():
    """A story that has the topic but not the channel is out, and the channel is named."""
    made = story("s", topics=("skills",), channels=("other",))
    found = chosen([made], select=Match(topics=("skills",), channels=("impact",)))
    assert rule(found, "s") == (False, "channel")


def test_languages_can_be_widened():
    """An audience that lists languages takes stories in any of them."""
    found = chosen([story("fr", language="fr"), story("de", language="de")], select=Match(languages=("en", "fr")))
    assert ids(found) == ["fr"]


def test_a_translation_replaces_its_original():
    """Where both languages are taken, the story in the edition's own language stands, and its original does not."""
    stories = [story("original", language="fr"), story("copy", translation_of="original")]
    found = chosen(stories, select=Match(languages=("en", "fr")))
    assert ids(found) == ["copy"]
    assert rule(found, "original") == (False, "translated")


def test_a_draft_translation_replaces_nothing():
    """A translation that is still a draft leaves its original in."""
    stories = [story("original", language="fr"), story("copy", translation_of="original", status=Status.DRAFT)]
    assert ids(chosen(stories, select=Match(languages=("en", "fr")))) == ["original"]


def test_the_order_is_lead_weight_newest_then_id():
    """The lead comes first, then more weight, then the newer, and equals are ordered by id."""
    stories = [
        story("b"),
        story("a"),
        story("new", "2022-02-20"),
        story("heavy", "2022-02-02", weight=3),
        story("lead", "2022-02-01", lead=True),
    ]
    assert ids(chosen(stories)) == ["lead", "heavy", "new", "a", "b"]


def test_the_editors_hand_beats_every_rule_but_the_newsrooms():
    """A pin brings in what rules leave out, and on top; a skip takes out; but a withdrawn or secret story stays out."""
    stories = [
        story("normal"),
        story("other", topics=("other",)),
        story("old", "2021-05-01"),
        story("gone", status=Status.WITHDRAWN),
        story("secret", embargo=NOW + timedelta(days=1)),
        story("unwanted", topics=("skills",)),
    ]
    hand = Overrides(pin=("old", "other", "gone", "secret"), skip=("unwanted",))
    found = chosen(stories, overrides=hand, exclude=Match(topics=("other",)))
    assert ids(found) == ["old", "other", "normal"]
    assert rule(found, "old") == (True, "pinned")
    assert rule(found, "gone") == (False, "withdrawn")
    assert rule(found, "secret") == (False, "embargoed")
    assert rule(found, "unwanted") == (False, "skipped")


def test_the_editors_order_is_kept():
    """Stories in `order` come first and as listed; the rest follow by the usual rank."""
    stories = [story("a"), story("b"), story("c"), story("lead", lead=True)]
    assert ids(chosen(stories, overrides=Overrides(order=("c", "a")))) == ["c", "a", "lead", "b"]


def test_the_limit_counts_what_is_left_out_and_never_cuts_a_pin():
    """Over the limit a story is out with its place said, the rest are counted, and pinned ones always stay."""
    stories = [story(f"s{n}", f"2022-02-{n:02}") for n in range(1, 10)]
    found = chosen(stories, limit=3)
    assert (ids(found), found.more) == (["s9", "s8", "s7"], 6)
    assert rule(found, "s1") == (False, "over-limit")
    pinned = chosen(stories, limit=1, overrides=Overrides(pin=("s1", "s2")))
    assert ids(pinned) == ["s1", "s2"]


@pytest.mark.parametrize("policy", ["send", "skip", "carry-over"])
def test_a_thin_period_follows_the_audiences_policy(policy):
    """Fewer stories than min_items give the policy as the verdict; enough give `send`."""
    assert chosen([story("one")], min_items=2, thin=policy).verdict == policy
    assert chosen([story("one"), story("two")], min_items=2, thin=policy).verdict == "send"


def test_a_late_story_is_offered_once():
    """Dated in a built month but unknown to its edition, a story comes as late; known there, it does not."""
    history = [past("2022-01", included=("known",), candidates=("left-out",))]
    stories = [story("known", "2022-01-10"), story("left-out", "2022-01-11"), story("late", "2022-01-12"), story("new")]
    found = chosen(stories, history=history)
    assert ids(found) == ["new", "late"]
    assert [(group.period.id, [s.id for s in group.stories]) for group in found.late] == [("2022-01", ["late"])]
    assert rule(found, "late") == (True, "late")
    # March: February's edition has had it.
    seen = past("2022-02", included=ids(found), candidates=had_their_chance(found))
    march = chosen(stories, history=[*history, seen], span=FEBRUARY.step(1))
    assert ids(march) == []


def test_a_draft_or_embargoed_story_has_not_had_its_chance():
    """What was a draft when its month was built is offered as late once it is published."""
    january = FEBRUARY.step(-1)
    draft = story("slow", "2022-01-20", status=Status.DRAFT)
    first = chosen([draft], span=january)
    memory = past("2022-01", candidates=had_their_chance(first))
    assert ids(chosen([story("slow", "2022-01-20")], history=[memory])) == ["slow"]


def test_late_stories_can_be_ignored_and_must_suit():
    """An audience may ignore late stories, and a late story must match the audience's rule like any other."""
    history = [past("2022-01")]
    late = story("late", "2022-01-12", topics=("other",))
    assert ids(chosen([late], history=history, late="ignore")) == []
    assert rule(chosen([late], history=history, select=Match(topics=("skills",))), "late") == (False, "topic")


def test_nothing_is_late_when_no_edition_was_made():
    """Without an earlier edition, an older story is simply outside the period."""
    assert rule(chosen([story("old", "2022-01-12")]), "old") == (False, "outside-period")


def test_a_thin_month_is_carried_into_the_next_one_only():
    """What a thin month held back comes with the next edition, and not again with the one after."""
    history = [past("2022-01", candidates=("held",), carried=("held",))]
    found = chosen([story("held", "2022-01-12"), story("new")], history=history)
    assert ids(found) == ["new", "held"]
    assert rule(found, "held") == (True, "carried-over")
    history.append(past("2022-02", included=ids(found)))
    assert ids(chosen([story("held", "2022-01-12")], history=history, span=FEBRUARY.step(1))) == []


def test_a_story_goes_once_to_an_audience_unless_it_says_so():
    """A story mailed in an overlapping edition is out, a built-only edition does not count, and `repeat` wins."""
    quarter = past("2022-Q1", included=("s",), sent=True)
    assert rule(chosen([story("s")], history=[quarter]), "s") == (False, "sent-before")
    assert rule(chosen([story("s", repeat=True)], history=[quarter]), "s") == (True, "in-period")
    assert rule(chosen([story("s")], history=[past("2022-Q1", included=("s",))]), "s") == (True, "in-period")
    assert rule(chosen([story("s")], history=[past("2022-02", included=("s",), sent=True)]), "s") == (True, "in-period")


def test_another_audiences_history_does_not_count():
    """What went to other readers says nothing about these."""
    other = PastEdition(
        edition=Edition(period=period.parse("2022-Q1", ZURICH), audience="other", language="en"),
        included=frozenset({"s"}),
        candidates=frozenset({"s"}),
        sent=True,
    )
    assert ids(chosen([story("s")], history=[other])) == ["s"]


def test_groups_stand_in_the_order_of_their_first_story():
    """Sections follow rank, the section without a name comes last, and months go newest first."""
    stories = [
        story("a", "2022-02-20", kicker="Films"),
        story("b", "2022-02-19"),
        story("c", "2022-02-18", kicker="Films"),
        story("d", "2022-02-17", kicker="Reports"),
    ]
    groups = chosen(stories, group_by="kicker").groups
    assert [(g.key, [s.id for s in g.stories]) for g in groups] == [
        ("Films", ["a", "c"]),
        ("Reports", ["d"]),
        ("", ["b"]),
    ]
    year = period.parse("2022", ZURICH)
    months = chosen([story("x", "2022-01-05", weight=9), story("y", "2022-02-05")], group_by="month", span=year).groups
    assert [g.key for g in months] == ["2022-02", "2022-01"]


def test_stories_are_grouped_by_year_and_language():
    """Years go newest first, languages in the order of their first story."""
    both = period.parse("2021-12-01--2022-02-01", ZURICH)
    stories = [story("x", "2021-12-30", weight=9), story("y", "2022-01-05"), story("z", "2021-12-31")]
    assert sections(stories, group_by="year", span=both) == [("2022", ["y"]), ("2021", ["x", "z"])]
    stories = [story("a"), story("b", language="fr"), story("c")]
    select = Match(languages=("en", "fr"))
    assert sections(stories, group_by="language", select=select) == [("en", ["a", "c"]), ("fr", ["b"])]


def test_a_lead_stands_on_top_whatever_the_stories_are_grouped_by():
    """A lead of an older month, or without a kicker, is above all sections; one whose section is first stays in it."""
    year = period.parse("2022", ZURICH)
    stories = [story("x", "2022-01-05", lead=True), story("y", "2022-02-05"), story("z", "2022-01-04")]
    assert sections(stories, group_by="month", span=year) == [("", ["x"]), ("2022-02", ["y"]), ("2022-01", ["z"])]
    stories = [story("lead", lead=True), story("a", kicker="Films"), story("b")]
    assert sections(stories, group_by="kicker") == [("", ["lead"]), ("Films", ["a"]), ("", ["b"])]
    stories = [story("lead", lead=True, kicker="Films"), story("a", kicker="Films"), story("b")]
    assert sections(stories, group_by="kicker") == [("Films", ["lead", "a"]), ("", ["b"])]


def sections(stories, **rule) -> list[tuple[str, list[str]]]:
    return [(group.key, [each.id for each in group.stories]) for group in chosen(stories, **rule).groups]


def test_a_story_of_several_topics_stands_under_the_one_asked_for():
    """With two topics, the audience's own choice names the section; else the story's first."""
    made = story("s", topics=("gender", "skills"))
    assert chosen([made], group_by="topic", select=Match(topics=("skills",))).groups[0].key == "skills"
    assert chosen([made], group_by="topic").groups[0].key == "gender"


def test_a_label_is_the_same_however_its_words_are_joined():
    """An import writes `green-jobs`, a person "Green jobs": one topic, one section, one rule."""
    stories = [story("a", topics=("Green jobs",)), story("b", topics=("green-jobs",)), story("c", topics=("water",))]
    assert ids(chosen(stories, select=Match(topics=("green_JOBS",)))) == ["a", "b"]
    assert ids(chosen(stories, exclude=Match(topics=("Green  Jobs",)))) == ["c"]
    assert sections(stories, group_by="topic") == [("Green jobs", ["a", "b"]), ("water", ["c"])]


WORDS = st.sampled_from(["a", "b", "c"])
STORIES = st.lists(
    st.builds(
        Story,
        id=st.text("abcdef", min_size=1, max_size=3),
        title=st.just("T"),
        date=st.datetimes(datetime(2021, 11, 1), datetime(2022, 4, 1)).map(lambda d: d.replace(tzinfo=UTC)),  # noqa: DTZ001
        language=st.sampled_from(["en", "fr"]),
        topics=st.lists(WORDS, max_size=2).map(tuple),
        kicker=st.sampled_from(["", "K", "L"]),
        status=st.sampled_from(Status),
        weight=st.integers(-2, 2),
        lead=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda s: s.id,
)


@given(
    stories=STORIES,
    limit=st.none() | st.integers(1, 5),
    group_by=st.sampled_from(get_args(GroupBy)),
    seed=st.integers(0, 99),
)
def test_selection_is_total_and_does_not_depend_on_the_order_given(stories, limit, group_by, seed):
    """Every candidate is decided once, the stories are exactly those that are in, and shuffling changes nothing."""
    history = [past("2022-01", candidates=("a", "bb")), past("2021-12", carried=("c",))]
    shuffled = random.Random(seed).sample(stories, len(stories))
    one = chosen(stories, limit=limit, group_by=group_by, history=history)
    two = chosen(shuffled, limit=limit, group_by=group_by, history=history)
    assert one == two
    assert sorted(d.story.id for d in one.decisions) == sorted(s.id for s in stories)
    assert sorted(ids(one)) == sorted(d.story.id for d in one.decisions if d.included)
    assert all(d.reason for d in one.decisions)
    assert limit is None or len(ids(one)) <= limit
