"""Which readers an audience takes, by topics and by any column."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import Recipient
from digest.recipients.segments import Condition, Segment

READER = Recipient(
    address="ann@example.org",
    name="Ann",
    language="fr-CH",
    topics=("water", "green jobs"),
    fields={"country": "ch", "role": "Press; Donor", "joined": "2021-05-05 10:00:00", "age": "41.5", "empty": " ",
            "odd": "soon"},
)  # fmt: skip

CASES = [
    ("country", {"values": ("CH", "FR")}, True),
    ("country", {"values": ("DE",)}, False),
    ("role", {"values": ("donor",)}, True),
    ("role", {"values": ("press; donor",)}, False),
    ("topics", {"values": ("Green  JOBS",)}, True),
    ("topics", {"values": ("gender",)}, False),
    ("language", {"values": ("fr",)}, True),
    ("language", {"values": ("fr-ch",)}, True),
    ("language", {"values": ("fr-latn",)}, False),
    ("language", {"values": ("en",)}, False),
    ("name", {"present": True}, True),
    ("empty", {"present": True}, False),
    ("empty", {"present": False}, True),
    ("nothing", {"present": False}, True),
    ("nothing", {"values": ("x",)}, None),
    ("empty", {"values": ("x",)}, None),
    ("joined", {"before": date(2021, 5, 6)}, True),
    ("joined", {"before": date(2021, 5, 5)}, False),
    ("joined", {"after": date(2021, 5, 5)}, False),
    ("joined", {"after": date(2021, 5, 4), "before": date(2021, 5, 6)}, True),
    ("odd", {"before": date(2021, 5, 5)}, None),
    ("age", {"at_least": 41.5}, True),
    ("age", {"at_most": 41.5}, True),
    ("age", {"at_least": 40.0, "at_most": 41.0}, False),
    ("odd", {"at_least": 1.0}, None),
    ("age", {"present": True, "at_least": 41.5}, True),
    ("age", {"present": True, "at_least": 50.0}, False),
    ("age", {"values": ("41.5",), "at_most": 40.0}, False),
    ("odd", {"present": True, "at_least": 1.0}, None),
    ("empty", {"present": True, "at_least": 1.0}, False),
]


@pytest.mark.parametrize(("column", "what", "holds"), CASES)
def test_only_and_except(column, what, holds):
    """A value that is missing, or no date or number, fails `only` and passes `except`; why is said in words."""
    condition = Condition(column=column, **what)
    assert condition.holds(READER)[0] is holds
    only, excepted = Segment(only=(condition,)).why_not(READER), Segment(excepted=(condition,)).why_not(READER)
    assert (bool(only), bool(excepted)) == (not holds, holds is True)
    assert all(column in words for words in (only, excepted) if words)


def test_an_exception_that_cannot_be_read_is_told_of_whom_it_does_not_hold_back():
    """A date as people write it is none: who has one is mailed, and counted; who has nothing there is not."""
    segment = Segment(excepted=(Condition(column="joined", before=date(2021, 1, 1)),))
    days = {"31.12.2019": "joined is no date that can be read", "2021-05-05": "", "2019-12-31": "", " ": "", "": ""}
    readers = [Recipient(address="a@example.org", fields={"joined": day}) for day in days]
    assert [segment.unsure(reader) for reader in readers] == list(days.values())
    assert not segment.why_not(readers[0])


def test_the_words_are_the_same_for_all_of_whom_they_are_true():
    """So that they can be counted: they tell the column and what was asked, not the reader's own value."""
    segment = Segment(only=(Condition(column="country", values=("CH", "FR")),))
    others = [Recipient(address="a@example.org", fields={"country": country}) for country in ("DE", "IT", "")]
    assert [segment.why_not(reader) for reader in others] == [
        "country is none of CH, FR",
        "country is none of CH, FR",
        "has no country",
    ]


def test_topics_compare_without_case_and_blanks_on_both_sides():
    """`Water` in config.yaml and ` water` on the list are one topic."""
    segment = Segment(topics=("Water", "Green Jobs"))
    assert not segment.why_not(READER)
    assert segment.why_not(Recipient(address="b@example.org", topics=("gender",))) == (
        "has none of the topics Water, Green Jobs"
    )


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", ""])), st.data())
def test_all_of_only_and_none_of_except(fields, data):
    """Property: a reader is in when every key of `only` holds and no key of `except` does."""
    some = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))
    only, excepted = data.draw(some), data.draw(some)
    segment = Segment(
        only=tuple(Condition(column=column, values=(value,)) for column, value in only.items()),
        excepted=tuple(Condition(column=column, values=(value,)) for column, value in excepted.items()),
    )
    expected = all(fields.get(column) == value for column, value in only.items()) and not any(
        fields.get(column) == value for column, value in excepted.items()
    )
    assert (not segment.why_not(Recipient(address="a@example.org", fields=fields))) is expected
