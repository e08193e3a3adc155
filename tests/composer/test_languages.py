"""Words, plurals, dates and directions follow the edition's language."""

from __future__ import annotations

import re
from datetime import date

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from composer_samples import AUDIENCE, NEWSROOM, ZURICH, render, selection, story, theme
from msgspec.structs import replace

from digest.checks.context import CheckContext
from digest.checks.registry import run
from digest.composer.files import builtin
from digest.composer.i18n import Wording, direction, fill
from digest.model import Group
from digest.period import parse
from digest.sending.edition_readers import language_of


def plain(text):
    """Which blanks stand where, and beside which dash, is CLDR's affair, and changes with its releases."""
    return re.sub(r" ?– ?", "–", re.sub(r"\s", " ", text))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["1 story", "5 stories", "14 February 2022", "February 2022"]),
        ("en-US", ["1 story", "5 stories", "February 14, 2022", "February 2022"]),
        ("fr", ["1 article", "5 articles", "14 février 2022", "Février 2022"]),
        ("es", ["1 noticia", "5 noticias", "14 de febrero de 2022", "Febrero de 2022"]),
        ("ar", ["خبر واحد", "5 أخبار", "14 فبراير 2022", "فبراير 2022"]),
        ("ru", ["1 материал", "5 материалов", "14 февраля 2022 г.", "Февраль 2022 г."]),
        ("de", ["1 Beitrag", "5 Beiträge", "14. Februar 2022", "Februar 2022"]),
        ("zh-Hans", ["1 篇报道", "5 篇报道", "2022年2月14日", "2022年2月"]),
        ("zh-HK", ["1 story", "5 stories", "2022年2月14日", "2022年2月"]),
        ("sr-Latn", ["1 story", "5 stories", "14. februar 2022.", "Februar 2022."]),
    ],
)
def test_counts_and_dates_are_the_languages_own(language, expected):
    """Order, prepositions and plurals come from CLDR; a language without a catalogue of its script speaks English."""
    words = theme().wording(language)
    found = [words.count("stories", 1), words.count("stories", 5), words.day(date(2022, 2, 14))]
    assert list(map(plain, [*found, words.period(parse("2022-02", ZURICH))])) == expected


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Media contact: press@"), ("fr", "Contact presse\u00a0: press@")]
)
def test_a_colon_stands_as_the_language_sets_it(language, said):
    """French keeps a blank before it, one at which no line breaks."""
    assert said in render(selection(story(language=language), language=language)).text


@pytest.mark.parametrize(
    ("language", "tag"),
    [
        ("en-GB", "en_GB"), ("en", "en_US"), ("fr", "fr_FR"), ("ar", "ar_EG"), ("zh-Hans", "zh_CN"),
        ("zh-Hant", "zh_TW"), ("sr-Latn", "sr_RS"), ("pt-BR", "pt_BR"), ("eo", "eo"), ("x-own", "x_own"),
    ],
)  # fmt: skip
def test_whoever_wants_a_territory_gets_the_tags_own_or_the_likely_one(language, tag):
    """As Open Graph names a language; one of the whole world, or one that nobody knows, has none."""
    assert theme().wording(language).regional_tag == tag


def test_arabic_has_six_plurals():
    """Zero, one, two, few, many and other are all different."""
    words = theme().wording("ar")
    assert len({words.count("stories", number).replace(str(number), "") for number in (0, 1, 2, 3, 11, 100)}) == 6


@pytest.mark.parametrize(
    ("period", "name"),
    [
        ("2022-Q1", "1st quarter 2022"),
        ("2021", "2021"),
        ("2022-W07", "Week of 14–20 Feb 2022"),
        ("2022-02-01--2022-02-15", "1–14 Feb 2022"),
    ],
)
def test_periods_have_names(period, name):
    """Each kind of period reads as a person would say it; the last day of a span is the last day that is in it."""
    assert plain(theme().wording("en").period(parse(period, ZURICH))) == name


def test_late_stories_name_their_month():
    """The year is said when it is not the edition's."""
    words, now = theme().wording("en"), parse("2022-02", ZURICH)
    assert words.also_from(parse("2022-01", ZURICH), now) == "Also from January"
    assert words.also_from(parse("2021-12", ZURICH), now) == "Also from December 2021"


@pytest.mark.parametrize(
    ("language", "period", "subject"),
    [
        ("en", "2022-02", "All harbour news: February 2022"),
        ("fr", "2022-02", "All harbour news : février 2022"),
        ("fr", "2022-W07", "All harbour news : semaine du 14–20 févr. 2022"),
        ("es", "2022-02", "All harbour news: febrero de 2022"),
        ("de", "2022-02", "All harbour news: Februar 2022"),
        ("ru", "2022-02", "All harbour news: февраль 2022 г."),
        ("zh", "2022-02", "All harbour news：2022年2月"),
    ],
)
def test_a_period_inside_a_sentence_is_in_the_languages_own_case(language, period, subject):
    """A heading begins with a capital letter; in a subject, a month is written as the language writes months."""
    made = render(selection(story(0, language=language), language=language, period=period))
    assert plain(made.subject) == subject


def test_a_month_by_itself_is_not_declined():
    """Russian has январь by itself and 14 января in a date; what follows "Also from" is the month by itself."""
    now = parse("2022-02", ZURICH)
    assert theme().wording("ru").also_from(parse("2022-01", ZURICH), now) == "Также за период: январь"
    assert plain(theme().wording("ru").also_from(parse("2021-12", ZURICH), now)) == "Также за период: декабрь 2021 г."


@pytest.mark.parametrize(
    ("language", "group_by", "key", "heading"),
    [
        ("en", "month", "2022-01", "January 2022"),
        ("fr", "month", "2022-01", "Janvier 2022"),
        ("en", "year", "2022", "2022"),
        ("zh", "year", "2022", "2022年"),
        ("en", "country", "PK", "Pakistan"),
        ("en", "topic", "2030", "2030"),
        ("en", "topic", "impact-and-people", "Impact and people"),
        ("en", "kicker", "Skills stories", "Skills stories"),
        ("en", "channel", "ILO", "ILO"),
        ("en", "language", "fr", "French"),
        ("fr", "language", "fr", "Français"),
        ("fr", "language", "pt-BR", "Portugais (Brésil)"),
        ("en", "language", "x-house", "X-house"),
    ],
)
def test_group_keys_become_headings(language, group_by, key, heading):
    """Periods, countries and languages are named in the language; a slug becomes words; a spelling of its own stays."""
    assert theme().wording(language).heading(key, group_by, ZURICH) == heading


def test_stories_stand_under_their_languages():
    """An edition of several languages says which is which; one of a single language has nothing to say."""
    first, second = story(0), story(1, language="fr")
    groups = (Group(key="en", stories=(first,)), Group(key="fr", stories=(second,)))
    audience = replace(AUDIENCE, group_by="language")
    assert "French" in render(selection(first, second, groups=groups), audience=audience).html
    assert "English" not in render(selection(first, groups=groups[:1]), audience=audience).html


def test_months_of_one_language_do_not_turn_up_in_another():
    """Babel 2.18 mixes borrowed month names between languages; digests in Hebrew and Catalan do not show it."""
    for language in ("he", "ca", "zh", "fr", "he", "ru"):
        period = parse("2022-01", ZURICH)
        words = theme().wording(language)
        text = words.period(period) + words.also_from(period, period)
        is_hebrew = any("\u05d0" <= char <= "\u05ea" for char in text)
        assert is_hebrew == (language == "he"), (language, text)


def test_every_language_of_cldr_has_dates():
    """No language that Babel knows fails on a period, a day or a count."""
    from babel import localedata

    periods = [parse(text, ZURICH) for text in ("2022-02", "2022-Q1", "2021", "2022-W07", "2022-02-01--2022-02-15")]
    for language in localedata.locale_identifiers():
        if "_" not in language and language != "root":
            words = Wording(language, theme().catalogues)
            texts = [words.period(period) for period in periods] + [words.day(date(2022, 2, 14))]
            assert all(texts), language


def test_each_catalogue_says_who_has_checked_it():
    """Nobody takes words that a program's authors wrote for those of a person who speaks the language."""
    for path in builtin().glob("locale/*.yaml"):
        assert re.search(r"^# Checked by: \S", path.read_text("utf-8"), re.MULTILINE), path.name


def test_directions():
    """Arabic, Hebrew, Persian and Urdu run right to left, also with a territory or a script."""
    assert [direction(tag) for tag in ("ar", "he", "fa", "ur", "ar-EG", "ur-PK")] == ["rtl"] * 6
    assert [direction(tag) for tag in ("en", "fr", "zh-Hant", "az", "xx", "")] == ["ltr"] * 6


def test_directions_are_those_of_the_script():
    """As CLDR says of every language; where it has no more than a language's usual script, or the tag says it, too."""
    for name in locale_identifiers():
        known = Locale.parse(name).text_direction
        assert direction(name.replace("_", "-")) == ("rtl" if known == "rtl" else "ltr"), name
    assert [direction(tag) for tag in ("arz", "azb", "pa-PK", "heb", "ara", "fas", "ar-001")] == ["rtl"] * 7
    assert [direction(tag) for tag in ("sd-Deva", "ar-Latn")] == ["ltr"] * 2


@pytest.mark.parametrize("language", ["ks", "pa-Arab", "az-Arab", "syr", "mzn", "ar-Latn", "zh-Hant"])
def test_an_edition_in_any_language_passes_the_checks_of_its_direction(language):
    """The checks had a list of languages of their own, and refused editions in others that run from the right."""
    chosen = selection(story(1), language=language)
    parts = {"newsroom": NEWSROOM, "audience": AUDIENCE, "selection": chosen, "rendering": render(chosen)}
    found = run(CheckContext(**parts, mail=b"", now=story(1).date, read_file=lambda _: None))
    assert {finding.code for finding in found} & {"html-dir", "html-lang"} == set()


@pytest.mark.parametrize(
    ("reader", "offered", "language"),
    [
        ("zh-TW", ("zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh-HK", ("zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh-CN", ("zh-Hant", "zh-Hans"), "zh-Hans"),
        ("zh-TW", ("en", "zh-Hans"), "zh-Hans"),
        ("zh-Hant", ("en", "zh-Hans"), "en"),
        ("zh-TW", ("zh", "zh-Hant"), "zh-Hant"),
        ("zh-TW", ("en", "zh"), "zh"),
        ("sr-Latn", ("sr", "en"), "sr"),
        ("en-GB", ("en-US", "en"), "en"),
        ("fr", ("eng", "fra"), "fra"),
        ("he", ("en", "iw"), "iw"),
        ("pa-PK", ("pa-Guru", "pa-Arab"), "pa-Arab"),
    ],
)
def test_a_reader_gets_the_edition_in_the_script_of_the_place(reader, offered, language):
    """Traditional Chinese is read in Taiwan and Hong Kong, and a list says no more of its reader than that."""
    assert language_of(reader, offered) == language


def test_a_story_in_another_script_of_its_language_says_so():
    """Punjabi for Pakistan runs the other way than Punjabi for India."""
    html = render(selection(story(1, language="pa-Arab"), language="pa")).html
    assert 'lang="pa-Arab" dir="rtl"' in html


def test_filling_reads_nothing_into_braces():
    """A title with braces or dots in it is only text."""
    assert fill("“{title}” by {who}", title="{who.__class__}") == "“{who.__class__}” by {who}"


def test_all_catalogues_say_the_same_things():
    """Each language has every word, every placeholder, and the plural forms that its rule asks for."""
    english = theme().catalogues["en"]
    for language, catalogue in theme().catalogues.items():
        assert set(catalogue) == set(english), language
        plural = theme().wording(language).locale.plural_form
        for key, value in english.items():
            if isinstance(value, dict):
                assert set(plural.tags) | {"other"} <= set(catalogue[key]) | {"many"}, (language, key)
            else:
                placeholders = {
                    word for word in ("{title}", "{credit}", "{period}", "{address}", "{days}") if word in value
                }
                assert all(word in catalogue[key] for word in placeholders), (language, key)


def test_the_sample_date_is_a_day_in_the_newsrooms_zone():
    """A story's date is shown as the newsroom's wall calendar has it."""
    assert story(0).date.astimezone(ZURICH).date() == date(2022, 2, 10)
