"""The theme's own words and the calendar's, in the edition's language: plurals, dates, periods, countries, direction.

    language tag ─▶ catalogue (templates/locale/) + CLDR (Babel) ─▶ Wording

Rules of CLDR, never of a programmer: Arabic has six plurals, Spanish says `de`, English here is `14 February 2022`.
Importing Babel and merging a language's data takes longer than composing the edition, so its answers are kept beside
the compiled themes. They depend on the language and on Babel's version alone; both are in the file's name.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from digest.composer import cache
from digest.model import language_tags
from digest.period import parse
from digest.text.language import usual_script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from babel import Locale

    from digest.model import Direction, GroupBy
    from digest.period import Period

Catalogue = dict[str, "str | dict[str, str]"]
PLURALS = ("zero", "one", "two", "few", "many", "other")
DEFAULT = "en"
PLACE = re.compile(r"\{(\w+)\}")  # a value's place in a text
PAGE = "page_"  # how the words begin that only public pages say

_MOST = 5_000  # answers in a file; a year has 365 days
_FILES = 32  # languages, or versions of Babel
_TERRITORIES = {"en": "en_GB"}  # what a bare tag means where CLDR's own choice would mislead: `en` is American order
_SKELETONS = {"year": "y", "quarter": "yQQQQ", "month": "yMMMM"}
_RIGHT_TO_LEFT = frozenset(("Adlm", "Arab", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"))
_COUNTRY = re.compile(r"[A-Z]{2}")


class Answers:
    """Answers by their questions, in one language. Without a `path` they last as long as the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        found = cache.load(path) if path else None
        self._known: dict[str, str] = found if isinstance(found, dict) else {}
        self._fresh = False

    def get(self, question: str, find: Callable[[], str]) -> str:
        """The answer to `question`: the one that is known, or what `find` finds."""
        answer = self._known.get(question)
        if answer is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            answer = self._known[question] = find()
            self._fresh = True
        return answer

    def save(self) -> None:
        """Write down what is new."""
        if self._path and self._fresh:
            self._fresh = False
            cache.store(self._path, self._known, family="cldr-*.json", most=_FILES)


class Wording:
    """What to say in one language. A word that it lacks is the one of its base language, else English.

    `missing` says that the theme has no catalogue for it; `lacking`, which words are English for want of its own.
    """

    def __init__(self, language: str, catalogues: Mapping[str, Catalogue], answers: Answers | None = None) -> None:
        self.language = language
        self._answers = answers or Answers()
        own: Catalogue = {}
        exact, *broader = language_tags(language)
        for tag in (*reversed(broader), exact):
            if tag in catalogues and (tag == exact or self._script(tag) == self._script(language)):
                own |= catalogues[tag]
        self.missing = not own
        self.catalogue: Catalogue = {**catalogues[DEFAULT], **own}
        self.lacking = tuple(key for key in catalogues[DEFAULT] if key not in own)
        direction_ = self._answers.get("direction of its script", lambda: direction(language))
        self.direction: Direction = "rtl" if direction_ == "rtl" else "ltr"

    @cached_property
    def locale(self) -> Locale:
        """What Babel knows of the language."""
        return _locale(self.language)

    @property
    def regional_tag(self) -> str:
        """The language with a territory, as Open Graph wants it: its own, or where most of its readers are."""
        return self._answers.get("regional tag", lambda: _regional_tag(self.language))

    def save(self) -> None:
        """Write down what was asked of Babel, for the next process."""
        self._answers.save()

    def say(self, key: str, **values: object) -> str:
        """The catalogue's text for `key`, with `{name}` replaced by the value of that name."""
        text = self.catalogue[key]
        assert isinstance(text, str), key
        return fill(text, **values)

    def count(self, key: str, number: int) -> str:
        """The catalogue's text for this many things, by the language's own plural rule."""
        forms = self.catalogue[key]
        assert isinstance(forms, dict), key
        language = DEFAULT if key in self.lacking else self.language  # whose plurals these are
        form = self._answers.get(f"plural {language} {number}", lambda: _locale(language).plural_form(number))
        return fill(forms.get(form, forms["other"]), n=number)

    def day(self, day: date) -> str:
        """`14 February 2022`, `14 de febrero de 2022`, `2022年2月14日`."""
        return self._answers.get(f"day {day}", lambda: self._day(day))

    def _day(self, day: date) -> str:
        from babel.dates import format_date

        return format_date(day, "long", locale=self.locale)

    def day_of_month(self, day: date) -> str:
        """`8`, `8日`: the day without its month."""
        return self._skeleton("d", day)

    def day_and_month(self, day: date) -> str:
        """`8 March`."""
        return self._skeleton("MMMMd", day)

    def month_with_day(self, day: date) -> str:
        """`March`, as it stands beside a day: where a language declines it, not its name by itself (марта, март)."""
        question = f"month {day.month} with a day"
        return self._answers.get(question, lambda: str(self.locale.months["format"]["wide"][day.month]))

    def weekday(self, day: date) -> str:
        """`Tuesday`, as a line begins with it."""
        name = f"weekday {day.weekday()}"
        return first_upper(self._answers.get(name, lambda: str(self.locale.days["format"]["wide"][day.weekday()])))

    def period(self, period: Period) -> str:
        """The period's name as a heading: `February 2022`, `1st quarter 2022`, `2021`, `Week of 14–20 Feb 2022`."""
        return first_upper(self.period_name(period))

    def period_name(self, period: Period) -> str:
        """The same inside a sentence, in the language's own case: `février 2022`, `week of 14–20 Feb 2022`."""
        if skeleton := _SKELETONS.get(period.kind):
            return self._skeleton(skeleton, period.first)
        from datetime import timedelta

        first, last = period.first, period.after - timedelta(days=1)
        days = self._answers.get(f"from {first} to {last}", lambda: self._interval(first, last))
        days = re.sub(r"\s*[\u2009\u202f]\s*", " ", days)
        return self.say("week_of", days=days) if period.kind == "week" else days

    def _interval(self, first: date, last: date) -> str:
        from babel.dates import format_interval

        return format_interval(first, last, "yMMMMd", locale=self.locale)

    def also_from(self, period: Period, now: Period) -> str:
        """`Also from January`, with the year when it is not the edition's."""
        if period.kind == "month" and period.first.year == now.first.year:
            month = period.first.month
            name = self._answers.get(f"month {month}", lambda: self._month(month))
        else:
            name = self.period_name(period)
        return self.say("also_from", period=name)

    def heading(self, key: str, group_by: GroupBy, zone: Any) -> str:
        """What stands over a group of stories: a period, country or language by its name, else its newsroom's words."""
        if group_by in ("month", "year"):
            return self.period(parse(key, zone))
        if group_by == "country" and _COUNTRY.fullmatch(key):
            return self._answers.get(f"country {key}", lambda: str(self.locale.territories.get(key, key)))
        if group_by == "language":
            return first_upper(self._answers.get(f"language {key}", lambda: self._language(key)))
        if " " in key or key != key.lower():
            return key
        return first_upper(key.replace("-", " ").replace("_", " "))

    def _month(self, month: int) -> str:
        """A month's name by itself, which is not its name in a date where a language declines it (январь, января)."""
        from babel.localedata import load

        # Not by Babel's own "LLLL": where a language borrows these names, 2.18 resolves the loan once for all of them.
        names = load(str(self.locale))["months"]["stand-alone"]["wide"]
        own: dict[int, str] = names[1] if isinstance(names, tuple) else {}
        return own.get(month) or str(self.locale.months["format"]["wide"][month])

    def _language(self, tag: str) -> str:
        from babel import Locale, UnknownLocaleError

        try:
            return str(Locale.parse(tag, sep="-").get_display_name(self.locale) or tag)
        except (UnknownLocaleError, ValueError):
            return tag

    def _script(self, tag: str) -> str:
        return self._answers.get(f"script {tag}", lambda: usual_script(tag))

    def _skeleton(self, skeleton: str, day: date) -> str:
        return self._answers.get(f"{skeleton} {day}", lambda: self._formatted(skeleton, day))

    def _formatted(self, skeleton: str, day: date) -> str:
        from babel.dates import format_skeleton

        return format_skeleton(skeleton, day, locale=self.locale)


def fill(text: str, **values: object) -> str:
    """Replace `{name}` by its value; unlike str.format() it reads nothing else into braces, nor into a value."""
    if len(values) == 1 and text.count("{") == 1:  # nearly every text
        ((name, value),) = values.items()
        place = f"{{{name}}}"
        return str(text).replace(place, str(value)) if place in text else str(text)
    return PLACE.sub(lambda place: str(values.get(place[1], place[0])), text)


def direction(language: str) -> Direction:
    """The direction in which `language` is written."""
    return "rtl" if usual_script(language) in _RIGHT_TO_LEFT else "ltr"


def _regional_tag(language: str) -> str:
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return language.replace("-", "_")
    likely = get_global("likely_subtags")
    territory = locale.territory or (likely.get(str(locale)) or likely.get(locale.language, "")).rpartition("_")[2]
    return f"{locale.language}_{territory}" if _COUNTRY.fullmatch(territory) else locale.language


def _locale(language: str) -> Locale:
    from babel import Locale, UnknownLocaleError

    tag = language.replace("-", "_")
    for candidate in (_TERRITORIES.get(tag.lower(), tag), tag.split("_", maxsplit=1)[0]):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(_TERRITORIES[DEFAULT])


def first_upper(text: str) -> str:
    """The text as a heading or a line begins with it."""
    return text[:1].upper() + text[1:]
