"""How languages write days in words and numbers: the names of months and weekdays, and which number comes first.

    CLDR, by Babel, for the languages below and the page's own ─▶ names and forms, with the spellings that CLDR lacks

It reads no date: that is for `dates`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from digest.text.language import primary
from digest.text.likeness import unaccented

if TYPE_CHECKING:
    from collections.abc import Mapping

    from babel import Locale as LocaleData

# Locales rather than languages where one language has several calendars' worth of names (Arabic has four).
LOCALES = (
    "en", "en_GB", "fr", "es", "ar", "ar_LB", "ar_TN", "ar_MA", "de", "pt", "it", "ru", "zh", "ja", "ko", "nl", "tr",
    "uk",
)  # fmt: skip
# Spellings in use that CLDR does not list, by language.
_SPELLINGS = {
    "de": {"mrz": 3, "sept": 9},
    "en": {"sept": 9},
    "es": {"set": 9, "sept": 9, "setiembre": 9},
    "fr": {"janv": 1, "fevr": 2, "fev": 2, "avr": 4, "juil": 7, "sept": 9},
    "it": {"sett": 9},
    "nl": {"mrt": 3},
    "pt": {"fev": 2, "set": 9},
}
_JOINING = {"of": {"en"}, "de": {"es", "pt"}, "del": {"es"}, "d": {"fr"}, "di": {"it"}}


@cache
def order(language: str) -> str:
    """Which comes first in numbers, `d` or `M`, by CLDR; empty where that is not certain.

    English without a country can be either, and where the year comes first the order of the others says nothing.
    """
    from babel import Locale, UnknownLocaleError

    if language.lower() in ("", "en"):
        return ""
    try:
        pattern = Locale.parse(language.replace("-", "_")).date_formats["short"].pattern
    except (ValueError, UnknownLocaleError):
        return ""
    letter = next((char for char in pattern if char in "dMy"), "")
    return letter if letter in "dM" else ""


def fold(text: str) -> str:
    """A name for comparing: without case, accents and dots."""
    bare = "".join(char for char in unaccented(text) if unicodedata.category(char) != "Cf")
    return " ".join(re.sub(r"[.,'’]", " ", bare).split())


def month(name: str, language: str) -> tuple[int, frozenset[str]] | None:
    """The month that `name` names, with the languages in which it does. `شباط/فبراير` must agree with itself."""
    words = fold(name).split()
    joining = [_JOINING[word] for word in words if word in _JOINING]
    bare = " ".join(word for word in words if word not in _JOINING)
    numbers: set[int] = set()
    languages: set[str] = set()
    for part in bare.split("/"):
        known = _months(language).get(part.strip(), {})
        own = {number for number, tongues in known.items() if primary(language) in tongues}
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
                    if not (folded := fold(name)).isdigit():
                        names.setdefault(folded, {}).setdefault(number, set()).add(tongue)
        for folded, number in _SPELLINGS.get(tongue, {}).items():
            short.setdefault(folded, {}).setdefault(number, set()).add(tongue)
    return short | table


@cache
def own_forms(language: str) -> tuple[re.Pattern[str], ...]:
    """How a language that is not in LOCALES writes a day in words, by CLDR: `2022. február 14.`, `14 בפברואר 2022`."""
    fields = {"y": r"(?P<year>\d{4})", "d": r"(?P<day>\d{1,2})", "M": "(?P<month>.+?)", "G": r"\s\S+?"}
    fields |= dict.fromkeys("Ec", r"(?P<weekday>\D+?)")
    patterns = (
        unicodedata.normalize("NFKC", locale.date_formats[width].pattern)
        for _, locale in _locales(language)[len(LOCALES) :]
        for width in ("medium", "long", "full")
    )
    return tuple(
        re.compile(
            "".join(
                fields[field] if field else re.sub(r"\\?\s", r"\\s*", re.escape((words or sign).lower()))
                for words, _, field, sign in re.findall(r"'([^']*)'|(([A-Za-z])\3*)|(.)", pattern)
            )
        )
        for pattern in patterns
        if "MMM" in pattern
    )


@cache
def weekdays(language: str) -> Mapping[str, set[int]]:
    """The names of weekdays, folded, with the days that each can be: 0 is Monday."""
    days = [locale.days[context] for _, locale in _locales(language) for context in ("format", "stand-alone")]
    table: dict[str, set[int]] = {}
    for names in days:
        for width in ("wide", "abbreviated"):
            for number, name in names[width].items():
                table.setdefault(fold(name), set()).add(number)
    return table


def _locales(language: str) -> list[tuple[str, LocaleData]]:
    from babel import Locale, UnknownLocaleError

    tag = language.replace("-", "_")
    result = [(name[:2], Locale.parse(name)) for name in LOCALES]
    if tag and tag not in LOCALES:
        try:
            result.append((primary(language), Locale.parse(tag)))
        except (ValueError, UnknownLocaleError):
            return result  # a language that Babel does not know has no month names to add
    return result
