"""A language as sources write it (`en-us`, `uz-UZ-Latn`, `en_GB.UTF-8`, `Deutsch`), as a story's BCP 47 tag."""

from __future__ import annotations

import re
from functools import cache

from digest.text.language import PRIMARY, primary, shortest

_REGION, _SCRIPT = re.compile(r"[a-z]{2}|\d{3}"), re.compile(r"[a-z]{4}")
_NAMED_IN = ("en", "fr", "es", "de", "pt", "it")
# Languages whose own names are known too: those of the UN, and of many newsrooms.
_NAMES_OF = (
    "ar", "bn", "cs", "de", "el", "en", "es", "fa", "fr", "he", "hi", "hu", "id", "it", "ja", "ko",
    "nl", "pl", "pt", "ro", "ru", "sv", "sw", "ta", "th", "tr", "uk", "ur", "uz", "vi", "zh",
)  # fmt: skip


def read(text: object) -> str:
    """The tag in its usual case, language, script, region; empty when it is none that is understood.

    >>> read("uz-UZ-Latn"), read("en_GB.UTF-8"), read("Deutsch"), read("x-none")
    ('uz-Latn-UZ', 'en-GB', 'de', '')
    """
    written = re.split(r"[.@;,(]", text[:100])[0].strip().lower() if isinstance(text, str) else ""
    first, *others = written.replace("_", "-").split("-")
    if not PRIMARY.fullmatch(first):
        return _names().get(written, "")
    script = next((one.title() for one in others if _SCRIPT.fullmatch(one)), "")
    region = next((one.upper() for one in others if _REGION.fullmatch(one)), "")
    return shortest("-".join(filter(None, (first, script, region))))


def language(text: object, own: str) -> str:
    """The tag for a newsroom that writes `own`, which stands for what is the same, or for none.

    `en-us` in a newsroom that writes `en` is `en`: the two are one audience there.
    """
    tag = read(text)
    return own if not tag or primary(own) == primary(tag) else tag


@cache
def _names() -> dict[str, str]:
    from babel import Locale

    names: dict[str, str] = {}
    for code in _NAMES_OF:
        names.setdefault(str(Locale(code).languages.get(code, "")).lower(), code)
    for spoken in _NAMED_IN:
        for code, name in Locale(spoken).languages.items():
            if PRIMARY.fullmatch(code):
                names.setdefault(name.lower(), code)
    return names
