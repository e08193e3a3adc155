"""Dates as newsrooms write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from digest.importing import dates

ZURICH = ZoneInfo("Europe/Zurich")
FURTHER = "fa he hi bn ta te ur th vi id sw pl cs sk hu ro bg sr hr sl el sv da nb fi et lv lt ca eu hy kk uz mn my ne"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("14 February 2022", "2022-02-14"),
        ("03 June 2021", "2021-06-03"),
        ("February 14, 2022", "2022-02-14"),
        ("Monday, 14 February 2022", "2022-02-14"),
        ("3rd Feb. 2022", "2022-02-03"),
        ("4 mai 2021", "2021-05-04"),
        ("1er mars 2021", "2021-03-01"),
        ("lundi 14 février 2022", "2022-02-14"),
        ("7 de marzo de 2024", "2024-03-07"),
        ("viernes, 4 de junio de 2021", "2021-06-04"),
        ("3. Juni 2021", "2021-06-03"),
        ("1º de maio de 2021", "2021-05-01"),
        ("5 maggio 2021", "2021-05-05"),
        ("9 мая 2021 г.", "2021-05-09"),
        ("١٤ فبراير ٢٠٢٢", "2022-02-14"),
        ("14 شباط/فبراير 2022", "2022-02-14"),
        ("14 كانون الثاني 2022", "2022-01-14"),
        ("14 جويلية 2021", "2021-07-14"),
        ("2022年2月14日", "2022-02-14"),
        ("2022年2月14日 星期一", "2022-02-14"),
        ("2022-02-14", "2022-02-14"),
        ("14.02.2022", "2022-02-14"),
        ("14/02/2022", "2022-02-14"),
        ("02/14/2022", "2022-02-14"),
        ("14-Feb-2022", "2022-02-14"),
        ("14-Feb-1998", "1998-02-14"),
        ("14/Feb/1999", "1999-02-14"),
        ("14-Feb-22", "2022-02-14"),  # as Excel shows a day when it is left alone
        ("\u200f14 فبراير 2022", "2022-02-14"),
    ],
)
def test_a_date_is_read_in_many_languages(text, day):
    """Months in words, ordinals, weekdays, other digits and other orders all mean the same day."""
    moment = dates.parse(text, ZURICH, "en")
    assert moment is not None
    assert moment.date_only
    assert moment.at == datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=ZURICH)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2022-02-14T09:00:00Z", "2022-02-14T09:00+00:00"),
        ("2022-02-14 09:00", "2022-02-14T08:00+00:00"),
        ("Mon, 14 Feb 2022 09:00:00 +0100", "2022-02-14T08:00+00:00"),
        ("14 February 2022, 14:30", "2022-02-14T13:30+00:00"),
        ("Mon Feb 14 09:00:00 2022", "2022-02-14T08:00+00:00"),
        ("Mon, 14 Feb 2022 09:00:00 -0000", "2022-02-14T09:00+00:00"),
        ("Mon, 14 Feb 2022 09:00:00 -0000 (UTC)", "2022-02-14T09:00+00:00"),
    ],
)
def test_a_time_keeps_its_zone_or_takes_the_newsrooms(text, instant):
    """A time with an offset is that instant; one without is meant in the newsroom's zone."""
    moment = dates.parse(text, ZURICH)
    assert moment is not None
    assert not moment.date_only
    assert moment.at.astimezone(UTC) == datetime.fromisoformat(instant)
    assert moment.at.tzinfo is ZURICH


@pytest.mark.parametrize("text", ["2022-02-14T00:00:00+00:00", "2022-02-14T00:00:00", "2022-02-13T23:00:00Z"])
def test_midnight_is_a_day_without_a_time(text):
    """Machines write a day as midnight: in UTC, in its own offset, or in the newsroom's zone."""
    moment = dates.parse(text, ZURICH)
    assert moment is not None
    assert moment.date_only
    assert moment.at.date() == date(2022, 2, 14)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("30 February 2022", "no day that the calendar has"),
        ("31 avril 2021", "no day that the calendar has"),
        ("2022-14-02", "no day that the calendar has"),
        ("0000-01-01", "no day that the calendar has"),
        ("9999-12-31", "1900 to 2199"),
        ("03/04/2022", "two days; write it as 2022-04-03"),
        ("2022-02-14T09:00+99:00", "no offset"),
        ("Thu, 01 Jan 1970 00:00:00 +0000", "what programs write where they have no date"),
        ("Wed, 31 Dec 1969 19:00:00 -0500", "what programs write where they have no date"),
        ("1970-01-01", "what programs write where they have no date"),
    ],
)
def test_a_day_that_does_not_exist_or_could_be_two_is_refused_with_its_reason(text, reason):
    """It is never guessed, and never taken for a text that is no date."""
    with pytest.raises(dates.NoSuchDay, match=reason):
        dates.parse(text, ZURICH, "en")


@pytest.mark.parametrize(
    "text",
    [
        "Since 14 February 2022",
        "In 12 May 2021",
        "From 9-5 to web development",
        "14 Foobar 2022",
        "2022",
        "",
        "x" * 500,
    ],
)
def test_a_text_that_is_not_wholly_a_date_is_none(text):
    """A title with a date in it stays a title."""
    assert dates.parse(text, ZURICH) is None


def test_the_order_of_numbers_follows_the_language():
    """Only English writes the month first, so 05/04 is the fifth of April in French."""
    moment = dates.parse("05/04/2021", ZURICH, "fr")
    assert moment is not None
    assert moment.at.date() == date(2021, 4, 5)


def test_a_language_that_is_not_in_the_table_is_read_when_the_newsroom_writes_it():
    """Polish month names are known to Babel, and used in a Polish newsroom."""
    assert dates.parse("4 czerwca 2021", ZURICH) is None
    moment = dates.parse("4 czerwca 2021", ZURICH, "pl")
    assert moment is not None
    assert moment.at.date() == date(2021, 6, 4)


@pytest.mark.parametrize(
    "text", ["2022", "February 2022", "février 2022", "Febrero de 2022", "2022年2月", "فبراير 2022"]
)
def test_a_month_or_a_year_alone_is_a_heading(text):
    """In any language, with or without the year."""
    assert dates.is_period(text)


@pytest.mark.parametrize("text", ["1984 revisited", "Shared future 2022", "1234", "ILO 2022", "5 stories", ""])
def test_other_headings_are_no_periods(text):
    """A number in a heading does not make it one."""
    assert not dates.is_period(text)


@given(
    day=st.dates(date(1990, 1, 1), date(2100, 12, 31)),
    language=st.sampled_from(["en_GB", "en_US", "fr", "es", "de", "pt", "it", "ru", "zh", "ar", "nl", "tr"]),
    width=st.sampled_from(["long", "full"]),
)
def test_every_day_that_babel_writes_is_read_back(day, language, width):
    """Babel's long and full dates, in each language that we promise, are that day again."""
    text = format_date(day, width, locale=language)
    moment = dates.parse(text, ZURICH, language[:2])
    assert moment is not None, text
    assert moment.at.date() == day


@given(
    day=st.dates(date(1990, 1, 1), date(2100, 12, 31)),
    language=st.sampled_from(FURTHER.split()),
    width=st.sampled_from(["medium", "long", "full"]),
)
def test_a_further_language_is_read_as_it_writes_itself(day, language, width):
    """Year first, with signs and words between, a letter before the month: as CLDR has it for the page's language."""
    text = format_date(day, width, locale=language)
    moment = dates.parse(text, ZURICH, language)
    assert moment is not None, text
    assert moment.at.date() == day


@pytest.mark.parametrize(
    ("text", "language", "right"),
    [
        ("Mon Feb 14 2022 09:30:00 GMT+0100 (Central European Standard Time)", "en", "2022-02-14T09:30"),
        ("Mon Feb 14 2022 00:30:00 GMT-0800 (PST)", "en", "2022-02-14T09:30"),
        ("2022-02-14 08:30:00+00", "en", "2022-02-14T09:30"),
        ("2022-02-14 00:30:00-08", "en", "2022-02-14T09:30"),
        ("2022년 2월 14일 오전 9:30", "ko", "2022-02-14T09:30"),
        ("2022년 2월 14일 오전 12:30", "ko", "2022-02-14T00:30"),
        ("2022.02.14 (월)", "ko", "2022-02-14"),
        ("2022年2月14日 下午3:15", "zh", "2022-02-14T15:15"),
        ("2022年2月14日 午後3時15分", "ja", "2022-02-14T15:15"),
        ("令和4年2月14日", "ja", "2022-02-14"),
        ("平成元年3月1日", "ja", "1989-03-01"),
        ("中華民國111年2月14日", "zh-TW", "2022-02-14"),
        ("14 กุมภาพันธ์ 2565", "th", "2022-02-14"),
        ("14 กุมภาพันธ์ พ.ศ. 2565", "th", "2022-02-14"),
        ("14 lutego 2022 r.", "pl", "2022-02-14"),
        ("den 14 februari 2022", "sv", "2022-02-14"),
        ("Ngày 14 tháng 2 năm 2022", "vi", "2022-02-14"),
        ("the 14th of February 2022", "en", "2022-02-14"),
        ("Feb.14,2022", "en", "2022-02-14"),
        ("14/feb/2022", "es", "2022-02-14"),
        ("Huwebes, 17 Pebrero 2022", "fil", "2022-02-17"),
        ("週一, 14 二月 2022", "zh-Hant", "2022-02-14"),
        ("Feb 14, 2022 · 5 min read", "en", "2022-02-14"),
    ],
)
def test_other_eras_clocks_and_zones_are_read_and_not_half_of_them(text, language, right):
    """An offset behind GMT counts, the half of a day may come first, a year may be the emperor's or the Buddha's."""
    moment = dates.parse(text, ZURICH, language)
    assert moment is not None
    assert moment.at.replace(tzinfo=None) == datetime.fromisoformat(right)
    assert moment.date_only == ("T" not in right)


def test_a_year_of_another_era_is_never_taken_for_ours_in_silence():
    """A Thai year in two digits is of either era; what is in another calendar altogether is no day of ours."""
    for text in ("14/2/65", "14.2.65"):
        with pytest.raises(dates.NoSuchDay, match="can be several days; write the year in full"):
            dates.parse(text, ZURICH, "th")
    assert dates.parse("14/2/2565", ZURICH, "th").at.date() == date(2022, 2, 14)
    for text in ("۱۴۰۰/۱۱/۲۵", "1443-07-13"):
        with pytest.raises(dates.NoSuchDay, match="or another calendar"):
            dates.parse(text, ZURICH, "fa")
    assert dates.parse("۲۵ بهمن ۱۴۰۰", ZURICH, "fa") is None


@pytest.mark.parametrize("language", ["", "en", "en-US", "de", "fr"])
def test_a_weekday_says_which_of_two_days_a_date_in_numbers_is(language):
    """`Tue, 02/01/2022`, as Drupal writes it, was a Sunday in January in all but American English."""
    for text in ("Tue, 02/01/2022 - 9:30am", "Tuesday 02/01/2022", "Tue 01/02/2022"):
        assert dates.parse(text, ZURICH, language).at.date() == date(2022, 2, 1)
    assert dates.parse("Mon, 02/14/2022 - 09:30", ZURICH, language).at.date() == date(2022, 2, 14)
    assert dates.parse("Di., 01.02.2022", ZURICH, language).at.date() == date(2022, 2, 1)
