"""Language tags (BCP 47): which text is one, how it is spelled, and what two of them have in common.

`model.language_tags` says under which tags a value in a language is looked up.
"""

from __future__ import annotations

import re
from functools import cache

from digest.model import language_tags

# RFC 5646, 2.1, without the grandfathered tags and those longer than any in use.
_TAG = re.compile(
    r"[a-z]{2,3}(?:-[a-z]{3}){0,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*"
    r"(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?",
    re.IGNORECASE | re.ASCII,
)
PRIMARY = re.compile(r"[a-z]{2,3}")
_REGION, _THREE, _SCRIPT = 2, 3, 4  # letters
_FORMER = frozenset(("in", "iw", "ji"))  # codes of Indonesian, Hebrew and Yiddish until 1989


def is_tag(text: str) -> bool:
    """Tell whether `text` is a language tag, in whatever case."""
    return _TAG.fullmatch(text) is not None


def checked(text: str) -> str:
    """The tag as it is. Raises ValueError for what is none, with the right one where it is plain."""
    if is_tag(text):
        return text
    hyphened = text.replace("_", "-")
    right = hyphened if is_tag(hyphened) else "it like en, fr or pt-BR"
    message = f"{text!r} is no language tag (BCP 47); write {right}"
    raise ValueError(message)


def cased(tag: str) -> str:
    """The tag in its usual case (RFC 5646, 2.1.1): the region in capitals, the script with a capital.

    >>> [cased(tag) for tag in ("PT-br", "zh-hant-tw", "EN-X-US")]
    ['pt-BR', 'zh-Hant-TW', 'en-x-us']
    """
    first, *others = tag.lower().split("-")
    parts, plain = [first], False
    for part in others:
        plain = plain or len(part) == 1  # what follows a singleton has no case of its own
        region, script = not plain and len(part) == _REGION, not plain and len(part) == _SCRIPT
        parts.append(part.upper() if region else part.title() if script else part)
    return "-".join(parts)


def shortest(tag: str) -> str:
    """The tag in its usual case, its language by two letters where it has them (ISO 639-1), and by today's code.

    >>> [shortest(tag) for tag in ("fra-ca", "ger", "iw", "fil")]
    ['fr-CA', 'de', 'he', 'fil']
    """
    first, hyphen, rest = tag.partition("-")
    if len(first) == _THREE or first.lower() in _FORMER:
        first = _codes().get(first.lower(), first)
    return cased(f"{first}{hyphen}{rest}")


@cache
def _codes() -> dict[str, str]:
    """`eng` is `en`, `iw` was Hebrew."""
    from babel.core import get_global

    return {old: code for old, code in get_global("language_aliases").items() if PRIMARY.fullmatch(code)}


def spelled(text: str) -> str:
    """The tag in its usual case. Raises ValueError for what is none."""
    return cased(checked(text))


def primary(tag: str) -> str:
    """The language alone, in small letters: `zh` of `zh-Hant-TW`."""
    return language_tags(tag)[-1]


def script(tag: str) -> str:
    """The script that the tag says itself: `Hant` of `zh-Hant-TW`; empty when it says none (RFC 5646, 2.2.3)."""
    parts = cased(tag.replace("_", "-")).split("-")[1:]
    return next((part for part in parts if len(part) == _SCRIPT and part.isalpha() and part.istitle()), "")


def usual_script(tag: str) -> str:
    """The script in which it is written, also where the tag does not say: `Hant` for `zh-HK` (CLDR's likely subtags).

    Empty where nobody knows.
    """
    if said := script(tag):
        return said
    from babel.core import get_global

    likely = get_global("likely_subtags")
    first, *others = shortest(tag.replace("_", "-")).split("-")
    region = next((part for part in others if len(part) == _REGION), "")
    if (
        others and len(others[0]) == _THREE and others[0].isalpha()
    ):  # a language of its own, written as one of a family: zh-yue
        first = others[0]
    known: str = likely.get(f"{first}_{region}") or likely.get(first, "")
    return next(iter(known.split("_")[1:]), "")
