"""Read the dates that newsrooms write: "14 February 2022", "4 mai 2021", "7 de marzo de 2024", "2022年2月14日", ISO.

    text ─normalise─▶ ASCII digits, folded words ─forms─▶ year, month, day (and time) ─zone─▶ an aware datetime

Month names come from Babel, for the languages below and the page's own. It never guesses: a date that could be two
days ("03/04/2022" in English) is refused, and so is a day that the calendar does not have.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

    from babel import Locale as LocaleData

# Locales rather than languages where one language has several calendars' worth of names (Arabic has four).
LOCALES = ("en", "en_GB", "fr", "es", "ar", "ar_LB", "ar_TN", "ar_MA", "de", "pt", "it", "ru", "zh", "nl", "tr")
_SHORTEST, _LONGEST = 6, 60  # characters: "1 mai 2021" .. a long weekday
YEARS = range(1900, 2200)  # a number outside is a slip of the pen in a date, and no heading


class NoSuchDay(ValueError):
    """Text that has the form of a date but names no day, or two. The message is one clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a date says: an aware time, whether only the day was given, and the languages in which it can be read."""

    at: datetime
    date_only: bool
    languages: frozenset[str] = frozenset()  # empty: any


_ORDINAL = r"(?:(?:st|nd|rd|th|er|re|e|[oa°]|-?го|-?е)(?!\w))?"
_CLOCK = (
    r"(?:[\s,·|–-]+(?:at|à|a las|um|às|alle|в)?\s*(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::\d{2})?\s*(?:uhr|hrs?|h)?)?"
)
_YEAR_END = r"(?:\s*(?:г\.?|года|م))?"
_DAY_FIRST = re.compile(
    rf"(?:(?P<weekday>\D+?)[\s,،]+)?(?P<day>\d{{1,2}})\s*{_ORDINAL}(?P<dot>\.)?\s*(?P<month>\D+?)"
    rf"[\s,،]*(?P<year>\d{{4}}){_YEAR_END}{_CLOCK}(?:[\s,،]+(?P<weekday_last>[^\d\s]+))?"
)
_MONTH_FIRST = re.compile(
    rf"(?:(?P<weekday>\D+?)[\s,،]+)?(?P<month>\D+?)\s*(?P<day>\d{{1,2}})\s*{_ORDINAL}(?P<dot>\.)?\s*[,،]?\s+(?P<year>\d{{4}}){_CLOCK}(?:[\s,،]+(?P<weekday_last>[^\d\s]+))?"
)
_CJK = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日号號일](?:\D{0,8}?)?")
_ISO = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
    r"(?:[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?",
    re.IGNORECASE,
)
_NUMERIC = re.compile(r"(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4})")
_MONTH_YEAR = re.compile(rf"(\D+?)[\s,./-]*(\d{{4}}){_YEAR_END}")
_YEAR_MONTH = re.compile(r"(\d{4})(?:\s*[年년]\s*(\d{1,2})\s*[月월]|[-/](\d{1,2}))|(\d{1,2})/(\d{4})")
_YEAR = re.compile(rf"(\d{{4}})(?:\s*[年년])?{_YEAR_END}")
_INTERNET_ZONE = re.compile(r"\d:\d\d(?::\d\d)?\s+(?:UT|UTC|GMT|Z|[ECMP][SD]T|[+-]\d{4})", re.IGNORECASE)
_JOINING = {"of": {"en"}, "de": {"es", "pt"}, "del": {"es"}, "d": {"fr"}, "di": {"it"}}


def parse(text: str, zone: tzinfo, language: str = "") -> Moment | None:
    """Read a text that is a date and nothing else. None when it is not one.

    `language` (BCP 47) goes before others where a word or an order is read differently. A date without a zone is
    meant in `zone`; a time of exactly midnight, in its own zone or in `zone`, is a day. Raises NoSuchDay.
    """
    shown = " ".join(text.split())
    if not _SHORTEST <= len(shown) <= _LONGEST or not any(map(str.isdigit, shown)):
        return None
    plain = _plain_digits(shown)
    if found := _ISO.fullmatch(plain):
        return _from_iso(found, shown, zone)
    if found := _CJK.fullmatch(plain):
        return _day(shown, *map(int, found.groups()), zone=zone)
    if found := _NUMERIC.fullmatch(plain):
        return _from_numbers(found, shown, zone, language)
    if moment := _from_internet_date(plain, zone):
        return moment
    return _from_words(plain, shown, zone, language)


def is_period(text: str, language: str = "") -> bool:
    """Tell whether a heading is only a month, a month and a year, or a year, in any language known here."""
    shown = " ".join(text.split())
    if len(shown) > _LONGEST:
        return False
    plain = _plain_digits(shown).strip(" :.-–—#*")
    if found := _YEAR.fullmatch(plain):
        return int(found[1]) in YEARS
    if found := _YEAR_MONTH.fullmatch(plain):
        year, month = int(found[1] or found[5]), int(found[2] or found[3] or found[4])
        return year in YEARS and 1 <= month <= 12  # noqa: PLR2004 - months of a year
    if found := _MONTH_YEAR.fullmatch(plain):
        return int(found[2]) in YEARS and bool(_month(found[1], language))
    return bool(_month(plain, language))


def _from_iso(found: re.Match[str], shown: str, zone: tzinfo) -> Moment:
    year, month, day = (int(part) for part in found.groups()[:3])
    if not found[4]:
        return _day(shown, year, month, day, zone=zone)
    offset = _offset(found[7]) if found[7] else zone
    clock = (int(found[4]), int(found[5]), int(found[6] or 0))
    return _time(shown, (year, month, day), clock, offset, zone)


def _from_numbers(found: re.Match[str], shown: str, zone: tzinfo, language: str) -> Moment:
    """14/02/2022, 14.02.2022, 02/14/2022. Only English writes the month first, and only some of it."""
    first, sign, second, year = int(found[1]), found[2], int(found[3]), int(found[4])
    english = language[:2].lower() in ("", "en")
    months = 12
    if sign == "." or not english or first > months or first == second:
        return _day(shown, year, second, first, zone=zone)
    if second > months:
        return _day(shown, year, first, second, zone=zone)
    message = f"'{shown}' can be two days; write it as {year:04}-{second:02}-{first:02}"
    raise NoSuchDay(message)


def _from_internet_date(plain: str, zone: tzinfo) -> Moment | None:
    """`Mon, 14 Feb 2022 09:00:00 +0100` (RFC 5322, 3.3). An offset of `-0000` means UTC."""
    if not _INTERNET_ZONE.search(plain):
        return None
    try:
        at = parsedate_to_datetime(plain)
    except (ValueError, TypeError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return _settle(at, plain, zone)


def _from_words(plain: str, shown: str, zone: tzinfo, language: str) -> Moment | None:
    for form in (_DAY_FIRST, _MONTH_FIRST):
        found = form.fullmatch(plain.lower())
        if not found:
            continue
        around = {_fold(found[group]) for group in ("weekday", "weekday_last") if found[group]}
        if not around <= _weekdays(language[:2].lower()):
            continue
        if month := _month(found["month"], language):
            return _spelled(found, month, shown, zone)
    return None


def _spelled(found: re.Match[str], month: tuple[int, frozenset[str]], shown: str, zone: tzinfo) -> Moment:
    number, languages = month
    if found["dot"] or len(languages) > 1:  # "4. Mai" is German, "4 mai" is French
        german = languages & {"de"}
        languages = (german if found["dot"] else languages - german) or languages
    date = (int(found["year"]), number, int(found["day"]))
    clock = (int(found["hour"] or 0), int(found["minute"] or 0), 0)
    moment = _time(shown, date, clock, zone, zone)
    return Moment(at=moment.at, date_only=moment.date_only, languages=languages)


def _day(shown: str, year: int, month: int, day: int, *, zone: tzinfo) -> Moment:
    return _time(shown, (year, month, day), (0, 0, 0), zone, zone)


def _time(shown: str, date: tuple[int, int, int], clock: tuple[int, int, int], offset: tzinfo, zone: tzinfo) -> Moment:
    try:
        at = datetime(*date, *clock, tzinfo=offset)
    except ValueError:
        message = f"'{shown}' is no day that the calendar has"
        raise NoSuchDay(message) from None
    return _settle(at, shown, zone)


def _settle(at: datetime, shown: str, zone: tzinfo) -> Moment:
    """Put a time into the newsroom's zone. Midnight is how machines write a day that has no time."""
    if at.year not in YEARS:
        message = f"'{shown}' is not in the years {YEARS.start} to {YEARS.stop - 1}; a slip of the pen?"
        raise NoSuchDay(message)
    local = at.astimezone(zone)
    if at.time() == time.min:
        return Moment(at=datetime(at.year, at.month, at.day, tzinfo=zone), date_only=True)
    if local.time() == time.min:
        return Moment(at=local, date_only=True)
    return Moment(at=local, date_only=False)


def _offset(text: str) -> tzinfo:
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if minutes >= 24 * 60:
        message = f"'{text}' is no offset from UTC"
        raise NoSuchDay(message)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _plain_digits(text: str) -> str:
    """ASCII digits for those of other scripts (٢٠٢٢), and no direction marks."""
    kept = (char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in kept)


def _fold(text: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return " ".join(re.sub(r"[.,'’]", " ", bare).split())


def _month(name: str, language: str) -> tuple[int, frozenset[str]] | None:
    """The month that `name` names, with the languages in which it does. `شباط/فبراير` must agree with itself."""
    words = _fold(name).split()
    joining = [_JOINING[word] for word in words if word in _JOINING]
    bare = " ".join(word for word in words if word not in _JOINING)
    numbers: set[int] = set()
    languages: set[str] = set()
    for part in bare.split("/"):
        known = _months(language.replace("-", "_")).get(part.strip(), {})
        own = {number for number, tongues in known.items() if language[:2].lower() in tongues}
        if len(meant := own or set(known)) != 1:
            return None
        numbers |= meant
        languages |= known[next(iter(meant))]
    if len(numbers) != 1:
        return None
    for allowed in joining:
        languages = (languages & allowed) or languages
    return numbers.pop(), frozenset(languages)


@cache
def _months(language: str) -> dict[str, dict[int, set[str]]]:
    """Folded month name -> month -> languages. A name in full says more about the language than a short one."""
    table: dict[str, dict[int, set[str]]] = {}
    short: dict[str, dict[int, set[str]]] = {}
    for tongue, locale in _locales(language):
        for context in ("format", "stand-alone"):
            for width, names in (("wide", table), ("abbreviated", short)):
                for number, name in locale.months[context][width].items():
                    if not (folded := _fold(name)).isdigit():
                        names.setdefault(folded, {}).setdefault(number, set()).add(tongue)
    return short | table


@cache
def _weekdays(language: str) -> frozenset[str]:
    names = set()
    for _, locale in _locales(language):
        for width in ("wide", "abbreviated"):
            names |= {_fold(name) for name in locale.days["format"][width].values()}
    return frozenset(names)


def _locales(language: str) -> list[tuple[str, LocaleData]]:
    from babel import Locale, UnknownLocaleError

    result = [(name[:2], Locale.parse(name)) for name in LOCALES]
    if language and language not in LOCALES:
        try:
            result.append((language[:2].lower(), Locale.parse(language)))
        except (ValueError, UnknownLocaleError):
            return result  # a language that Babel does not know has no month names to add
    return result
