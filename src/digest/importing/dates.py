"""Read the dates that newsrooms write: "14 February 2022", "Le 4 mai 2021", "14.2.22", "2022年2月14日", ISO.

    text ─normalise─▶ ASCII digits ─peel─▶ what stands around a date, a clock ─forms─▶ day and time ─zone─▶ datetime

The names of months are in `date_names`. Of a range of days it is the first. It never guesses: a date that could be two
days in the page's language ("03/04/2022" in English) is refused, and so is a day that the calendar does not have.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from digest.importing import date_names
from digest.text.language import primary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST, _LONGEST = 6, 90  # characters: "14.2.22" .. a long weekday, a clock, and what the item is
YEARS = range(1900, 2200)  # a number outside is a slip of the pen in a date, and no heading


class NoSuchDay(ValueError):
    """Text that has the form of a date but names no day, or two. The message is one clause."""


class Moment(Struct, frozen=True, kw_only=True):
    """What a date says: an aware time, whether only the day was given, and the languages in which it can be read."""

    at: datetime
    date_only: bool
    languages: frozenset[str] = frozenset()  # empty: any


# What newsrooms write before a date and what adds nothing to it. "Since" and "In" do: these make it part of a sentence.
_BEFORE = re.compile(
    r"(?:(?:date|published|posted|issued|released|publication date|date published)(?: on)?(?: the)?|on(?: the)?|the"
    r"|(?:publié|posté|mis en ligne|paru)e?(?: le)?|date de publication|le"
    r"|(?:publicado|fecha de publicación|fecha)(?: el)?|el"
    r"|(?:veröffentlicht|erschienen|erstellt|publiziert|datum)(?: am)?|am|vom|den|ngày"
    r"|(?:publicado|data de publicação|data)(?: em)?|em"
    r"|(?:pubblicato|data)(?: il)?|il|(?:gepubliceerd|geplaatst|datum)(?: op)?|op"
    r"|опубликовано|дата|опубліковано|yayınlanma tarihi|tarih|تاريخ النشر|نشر في|发布时间|发布日期|公開日)"
    r"\s*[:：]?\s+(?=\S)",
    re.IGNORECASE,
)
# What stands beside it between signs, and says what kind of item it is.
_KINDS = re.compile(
    r"(?:press release|news release|media release|press statement|statement|news(?: story| item)?|article"
    r"|feature(?: story)?|story|blog(?: post)?|report|video|event|speech|interview|opinion|briefing"
    r"|communiqué(?: de presse)?|actualités?|reportage|discours|nota de prensa|comunicado(?: de prensa)?|noticias?"
    r"|artículo|pressemitteilung|meldung|artikel|nachricht(?:en)?|comunicato stampa|notizia|persbericht"
    r"|nieuws(?:bericht)?|notícia|nota à imprensa|пресс-релиз|новости|новина|новини"
    r"|\d{1,3}\s?min(?:ute)?s?\.?(?:\s(?:read|de lecture|de lectura|di lettura|lesezeit|leestijd))?)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"(?P<place>[^\W\d_][^\d,|·•:]{1,38}),\s*(?P<date>.*\d.*)")  # GENEVA, 29 July 2022
_HALF = r"(?P<half>[ap]\.?\s?m\b\.?)"
_AT = r"(?:at|à|a las|um|às|alle|om|kl\.?|в|о|saat)"
_ZONE = r"(?:\s*(?P<zone>Z|UTC|UT|GMT|[ECMP][SD]T|CES?T|[+-]\d{2}:?\d{2}))?"
_CLOCK = (
    r"(?P<hour>\d{1,2})(?:\s?[:.h]\s?(?P<minute>\d{2})(?::\d{2})?)?"
    rf"\s*(?:{_HALF}|(?P<unit>uhr|hrs?|h|ч)\b\.?)?{_ZONE}"
)
_CLOCK_LAST = re.compile(rf"(?P<date>.*\d\S*)(?:\s+{_AT}\s+|\s*[,·|/–—-]\s*(?:{_AT}\s+)?|\s+){_CLOCK}", re.IGNORECASE)
_CLOCK_FIRST = re.compile(rf"{_CLOCK}(?:\s*[,·|/–—-]\s*|\s+)(?:on\s+)?(?P<date>.*\d.*)", re.IGNORECASE)
ZONES = {  # names with one meaning; BST is two, IST three
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7, "CET": 1, "CEST": 2,
}  # fmt: skip
_FROM = r"(?:from|du|de|del|vom|dal|с|з|von|van)\s+"
_RANGE = re.compile(
    rf"(?:{_FROM})?(?P<first>.*?\d.*?)"
    r"(?:\s*[–—]\s*|\s+-\s+|\s*(?<=[\d.])-(?=\d{1,2}\s*[^\d\s/-])|\.?\s+(?:to|until|au|al|a|bis|tot|até|по|до)\s+)"
    r"(?P<last>.*\d.*)",
    re.IGNORECASE,
)
_MONTH_RANGE = re.compile(
    r"(?P<month>[^\W\d]\D*?)\s*(?P<first>\d{1,2})\s*[–—-]\s*(?P<last>\d{1,2}),?\s+(?P<year>\d{4})"
)
_ORDINAL = r"(?:(?:st|nd|rd|th|er|re|e|[oa°]|-?го|-?е)(?!\w))?"
_YEAR_END = r"(?:\s*(?:г\.?|року|р\.?|r\.|года|م))?"
_DAY_FIRST = re.compile(
    rf"(?:(?P<weekday>\D+?)[\s,،]+)?(?P<day>\d{{1,2}})\s*{_ORDINAL}(?P<dot>\.)?\s*(?P<month>\D+?)"
    rf"[\s,،]*(?P<year>\d{{4}}){_YEAR_END}(?:[\s,،]+(?P<weekday_last>[^\d\s]+))?"
)
_MONTH_FIRST = re.compile(
    rf"(?:(?P<weekday>\D+?)[\s,،]+)?(?P<month>\D+?)\s*(?P<day>\d{{1,2}})\s*{_ORDINAL}(?P<dot>\.)?\s*[,،\s]\s*(?P<year>\d{{4}})(?:[\s,،]+(?P<weekday_last>[^\d\s]+))?"
)
_CJK = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日号號일](?:\D{0,8}?)?")
_ISO = re.compile(
    r"(\d{4})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{1,2})\.?"
    r"(?:[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
    r"(?:\s*\([^\d()]{1,4}\))?",  # 2022.02.14 (월)
    re.IGNORECASE,
)
_NUMERIC = re.compile(
    r"(?:(?P<weekday>[^\d,]+?)\.?,?\s+)?(\d{1,2})([./-])\s?(\d{1,2})\3\s?(\d{4}|\d{2})\.?" + _YEAR_END
)
_HYPHENED = re.compile(r"(\d{1,2})([-/])([^\W\d]{3,12}\.?)\2(\d{4}|\d{2})")  # 14-Feb-2022, or -22 as Excel has it
_MONTH_YEAR = re.compile(rf"(\D+?)[\s,./-]*(\d{{4}}){_YEAR_END}")
_YEAR_MONTH = re.compile(r"(\d{4})(?:\s*[年년]\s*(\d{1,2})\s*[月월]|[-/](\d{1,2}))|(\d{1,2})/(\d{4})")
_YEAR = re.compile(rf"(\d{{4}})(?:\s*[年년])?{_YEAR_END}")
# With a zone, or as C's asctime writes it: `Mon Feb 14 09:00:00 2022`.
_INTERNET_ZONE = re.compile(r"\d:\d\d(?::\d\d)?\s+(?:UT|UTC|GMT|Z|[ECMP][SD]T|[+-]\d{4}|\d{4}$)", re.IGNORECASE)
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "民國": 1911, "民国": 1911}  # the year before their first
_ERA = re.compile(rf"(?:中[華华])?({'|'.join(_ERAS)})\s*(\d{{1,3}}|元)(?=\s*年)")
_BUDDHIST = re.compile(r"(?<!\d)2[4-7]\d\d(?!\d)")
_HALF_DAY = re.compile(r"(오전|上午|午前|오후|下午|午後)\s*(\d{1,2})\s?[:시時时点]\s?(\d{2})[분分]?")
_FROM_GMT = re.compile(r"\b(?:GMT|UTC)\s?([+-]\d{2}:?\d{2})(?:\s*\([^\d()]{1,40}\)$)?")  # as JavaScript writes it
_MORNINGS = ("오전", "上午", "午前")
_NOON = 12  # hours


def parse(text: str, zone: tzinfo, language: str = "", *, place: bool = False) -> Moment | None:
    """Read a text that is a date, with what newsrooms write around one. None when it is not one.

    `language` (BCP 47) goes before others where a word or an order is read differently. A date without a zone is
    meant in `zone`; a time of exactly midnight, in its own zone or in `zone`, is a day. Of a range the first day
    counts. With `place`, names may stand before it (`Geneva, 29 July 2022`); in capitals they always may. Raises
    NoSuchDay.
    """
    shown = " ".join(text.split())
    if not _SHORTEST <= len(shown) <= _LONGEST or not any(map(str.isdigit, shown)):
        return None
    plain = _western(_plain_digits(shown), language)
    for candidate in _without_company(plain, place=place):
        moment = (
            _whole(candidate, shown, zone, language)
            or _with_clock(candidate, shown, zone, language)
            or _range(candidate, shown, zone, language)
        )
        if moment:
            return moment
    return None


def _without_company(plain: str, *, place: bool) -> Iterator[str]:
    """The text, then what is left of it without the words that stand before or beside a date."""
    yield plain
    parts = [part.strip() for part in re.split(r"[|·•]", plain)]
    others = [part for part in parts if not _KINDS.fullmatch(part)]
    if len(others) == 1 < len(parts):
        plain = others[0]
        yield plain
    if bare := _BEFORE.match(plain):
        plain = plain[bare.end() :]
        yield plain
    if (found := _PLACE.fullmatch(plain)) and (
        found["place"].isupper() or (place and all(word[:1].isupper() for word in re.findall(r"\w+", found["place"])))
    ):
        yield found["date"]


def _whole(plain: str, shown: str, zone: tzinfo, language: str) -> Moment | None:
    """Read a date in one of its forms, without a clock unless the form has one."""
    if found := _ISO.fullmatch(plain):
        return _from_iso(found, shown, zone)
    if found := _CJK.fullmatch(plain):
        year, month, day = map(int, found.groups())
        return _time(shown, (year, month, day), zone)
    if found := _NUMERIC.fullmatch(plain):
        return _from_numbers(found, shown, zone, language)
    if moment := _from_internet_date(plain, zone):
        return moment
    if found := _HYPHENED.fullmatch(plain):
        century = "" if len(found[4]) == 4 else "20"  # noqa: PLR2004 - a year in full
        plain = f"{found[1]} {found[3]} {century}{found[4]}"
    return _from_words(plain, shown, zone, language)


def _with_clock(plain: str, shown: str, zone: tzinfo, language: str) -> Moment | None:
    """Read a date and a time of day, whichever comes first."""
    for form in (_CLOCK_LAST, _CLOCK_FIRST):
        found = form.fullmatch(plain)
        if not found or not (found["minute"] or found["half"] or found["unit"]):
            continue
        day = _whole(found["date"].strip(" ,"), shown, zone, language)
        if day is None or not day.date_only:
            continue
        hour, minute, half = int(found["hour"]), int(found["minute"] or 0), (found["half"] or "").lower()[:1]
        if half and not 1 <= hour <= _NOON:
            message = f"'{shown}' has no time that a clock shows"
            raise NoSuchDay(message)
        if half:
            hour = hour % _NOON + _NOON * (half == "p")
        offset = _offset(found["zone"]) if found["zone"] else zone
        date = (day.at.year, day.at.month, day.at.day)
        return replace(_time(shown, date, zone, (hour, minute, 0), offset), languages=day.languages)
    return None


def _range(plain: str, shown: str, zone: tzinfo, language: str) -> Moment | None:
    """The first day of a range, whose end may lend it month and year."""
    borrowed = False  # the year, from the end
    if found := _MONTH_RANGE.fullmatch(plain):
        first, last = (f"{found['month']} {found[which]}, {found['year']}" for which in ("first", "last"))
        candidates = [first]
    elif found := _RANGE.fullmatch(plain):
        first, last = found["first"].strip(), found["last"].strip()
        number, year = re.fullmatch(r"(\d{1,2})\.?", first), re.search(r"\d{4}", last)
        candidates = [first]
        if number:
            candidates = [re.sub(r"\d{1,2}", number[1], last, count=1)]
        elif year and not re.search(r"\d{4}", first):
            candidates, borrowed = [f"{first} {year[0]}", f"{first}{year[0]}"], True
    else:
        return None
    end = _whole(last, shown, zone, language)
    if end is None:
        return None
    begin = next((moment for text in candidates if (moment := _whole(text, shown, zone, language))), None)
    if begin is None:
        return None
    if begin.at > end.at and borrowed:  # 30 December - 2 January 2022
        begin = replace(begin, at=begin.at.replace(year=begin.at.year - 1))
    if begin.at > end.at:
        message = f"'{shown}' ends before it begins"
        raise NoSuchDay(message)
    return begin


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
        return int(found[2]) in YEARS and bool(date_names.month(found[1], language))
    return bool(date_names.month(plain, language))


def _from_iso(found: re.Match[str], shown: str, zone: tzinfo) -> Moment:
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    return _time(shown, (year, month, day), zone, (hour, minute, second), _offset(found[7]) if found[7] else zone)


def _from_numbers(found: re.Match[str], shown: str, zone: tzinfo, language: str) -> Moment | None:
    """14/02/2022, 14.02.22, Mon 02/14/2022, in the order of the page's language; by dots the day is always first."""
    named = date_names.weekdays(language).get(date_names.fold(found["weekday"])) if found["weekday"] else ()
    if named is None:
        return None
    first, sign, second, digits = int(found[2]), found[3], int(found[4]), found[5]
    order = "d" if sign == "." else date_names.order(language)
    if len(digits) == 2:  # noqa: PLR2004 - a year without its century, in Thai of either era
        if not order or primary(language) == "th":
            message = f"'{shown}' can be several days; write the year in full"
            raise NoSuchDay(message)
        digits = f"20{digits}"
    year, months = int(digits), 12
    fitting = {pair for pair in ((second, first), (first, second)) if named and _weekday(year, *pair) in named}
    if len(fitting) == 1 and sign != ".":
        return _time(shown, (year, *fitting.pop()), zone)
    if order == "d" or first > months or first == second:
        return _time(shown, (year, second, first), zone)
    if order == "M" or second > months:
        return _time(shown, (year, first, second), zone)
    message = f"'{shown}' can be two days; write it as {year:04}-{second:02}-{first:02}"
    raise NoSuchDay(message)


def _weekday(year: int, month: int, day: int) -> int:
    try:
        return date(year, month, day).weekday()
    except ValueError:
        return -1


def _from_internet_date(plain: str, zone: tzinfo) -> Moment | None:
    """`Mon, 14 Feb 2022 09:00:00 +0100` (RFC 5322, 3.3). An offset of `-0000` means UTC."""
    if not _INTERNET_ZONE.search(plain):
        return None
    try:
        at = parsedate_to_datetime(plain)
    except (ValueError, TypeError, OverflowError):
        return None
    # The library makes 2001 of the year 0001; only two digits may be completed (RFC 5322, 4.3).
    if f"{at.year}" not in plain and re.search(r"\b\d{4}\b", plain[: plain.find(":")]):
        message = f"'{plain}' is not in the years {YEARS.start} to {YEARS.stop - 1}; a slip of the pen?"
        raise NoSuchDay(message)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC if " -0000" in plain else zone)
    return _settle(at, plain, zone)


def _from_words(plain: str, shown: str, zone: tzinfo, language: str) -> Moment | None:
    for form in (_DAY_FIRST, _MONTH_FIRST, *date_names.own_forms(language)):
        found = form.fullmatch(plain.lower())
        if not found:
            continue
        around = {date_names.fold(said) for key, said in found.groupdict().items() if said and "weekday" in key}
        if not around <= date_names.weekdays(language).keys():
            continue
        if month := date_names.month(found["month"], language):
            return _spelled(found, month, shown, zone)
    return None


def _spelled(found: re.Match[str], month: tuple[int, frozenset[str]], shown: str, zone: tzinfo) -> Moment:
    number, languages = month
    dot = found.groupdict().get("dot")
    if dot or len(languages) > 1:  # "4. Mai" is German, "4 mai" is French
        german = languages & {"de"}
        languages = (german if dot else languages - german) or languages
    date = (int(found["year"]), number, int(found["day"]))
    return replace(_time(shown, date, zone), languages=languages)


def _time(
    shown: str,
    date: tuple[int, int, int],
    zone: tzinfo,
    clock: tuple[int, int, int] = (0, 0, 0),
    offset: tzinfo | None = None,
) -> Moment:
    """The moment of a date and a clock in `offset`, else in the newsroom's `zone`."""
    try:
        at = datetime(*date, *clock, tzinfo=offset or zone)
    except ValueError:
        message = f"'{shown}' is no day that the calendar has"
        raise NoSuchDay(message) from None
    return _settle(at, shown, zone)


def _settle(at: datetime, shown: str, zone: tzinfo) -> Moment:
    """Put a time into the newsroom's zone. Midnight is how machines write a day that has no time."""
    if at.year not in YEARS:
        message = f"'{shown}' is not in the years {YEARS.start} to {YEARS.stop - 1}; a slip, or another calendar?"
        raise NoSuchDay(message)
    if at == _EPOCH or (at.date() == _EPOCH.date() and at.time() == time.min):
        message = f"'{shown}' is what programs write where they have no date"
        raise NoSuchDay(message)
    local = at.astimezone(zone)
    if at.time() == time.min:
        return Moment(at=datetime(at.year, at.month, at.day, tzinfo=zone), date_only=True)
    if local.time() == time.min:
        return Moment(at=local, date_only=True)
    return Moment(at=local, date_only=False)


def _offset(text: str) -> tzinfo:
    if (hours := ZONES.get(text.upper())) is not None:
        return timezone(timedelta(hours=hours)) if hours else UTC
    minutes = int(text[1:3]) * 60 + int(text[3:].strip(":") or 0)
    if minutes >= 24 * 60:
        message = f"'{text}' is no offset from UTC"
        raise NoSuchDay(message)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _plain_digits(text: str) -> str:
    """ASCII digits for those of other scripts (٢٠٢٢), and no direction marks."""
    kept = (char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in kept)


def _western(plain: str, language: str) -> str:
    """The text with years of other eras as ours, a clock's half behind its time, and `GMT+0100` as `+0100`."""
    plain = _ERA.sub(lambda found: str(_ERAS[found[1]] + (1 if found[2] == "元" else int(found[2]))), plain)
    if primary(language) == "th":
        plain = _BUDDHIST.sub(lambda found: str(int(found[0]) - 543), plain)
    plain = plain.replace(" năm ", ", ")
    plain = _HALF_DAY.sub(lambda found: f"{found[2]}:{found[3]} {'ap'[found[1] not in _MORNINGS]}m", plain)
    return _FROM_GMT.sub(r"\1", plain)
