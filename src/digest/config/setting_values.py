"""What a value of config.yaml may be: a time zone, an address, a colour, a length of time; and what every section is.

Each is read from the text that stands in the file, with a message that says how it is written.
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from digest.mail.address import canonical
from digest.mail.header import own
from digest.text.characters import checked_line, checked_text
from digest.text.counting import counted
from digest.text.countries import country
from digest.text.language import checked
from digest.text.urls import NO_LEDGER_URL, database_url, without_secrets


def listed(value: Any) -> Any:
    """One text stands for a list of one: `topics: skills`."""
    return [value] if isinstance(value, str) else value


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):
        message = f"{value!r} is not a time zone; use an IANA name, like Europe/Zurich"
        raise ValueError(message) from None


def _address(value: str) -> str:
    try:
        return canonical(value)
    except ValueError as error:
        message = f"{value!r} is not a mail address: {error}"
        raise ValueError(message) from None


def _web(value: str) -> str:
    if value and not re.match(r"https?://[^\s/]+", value):
        message = f"{value!r} is not a web address; write it out, like https://www.example.org/news"
        raise ValueError(message)
    return value


def _host(value: str) -> str:
    """A relay's name or address, and nothing beside it: what cannot be found in DNS would be tried again for ever.

    What `digest init` leaves to be filled in, in brackets, is told of elsewhere.
    """
    filled = re.sub(r"\[[^\]:]+\]", "x", value)
    if re.fullmatch(r"(?!-)[\w-]+(\.[\w-]+)*\.?|(?:[\da-f]*:){2,}[\da-f.]*(?:%[\w.-]+)?", filled, re.IGNORECASE):
        return value
    meant = "; variables are not filled in here: DIGEST_SMTP__HOST sets it" if "$" in value else ""
    message = f"{value!r} is no host name; write the name alone, like smtp.example.org; its port is smtp.port{meant}"
    raise ValueError(message)


def _variable(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII):
        # Not shown: it may be the secret itself.
        message = (
            "is no name of an environment variable: letters, digits and _, like DIGEST_SMTP_PASSWORD; put the secret "
            "into a variable of such a name, or into a file, and name that"
        )
        raise ValueError(message)
    return value


def _ledger(value: str) -> str:
    if value and not re.match(r"(?:sqlite(?:\+\w+)?:///|postgresql(?:\+\w+)?://).", database_url(value)):
        message = f"{without_secrets(value)!r} {NO_LEDGER_URL}"
        raise ValueError(message)
    return value


def _colour(value: str) -> str:
    return value.lower()  # pydantic reads what is called here: str.lower's is text in C, which takes 3 ms of a start


def _title(value: Any) -> str | dict[str, str]:
    """One text, or one for each language."""
    if isinstance(value, str):
        return _title_text(value)
    if not isinstance(value, dict) or not value:
        message = "expected one text here, or one for each language: {en: …, fr: …}"
        raise ValueError(message)
    return {checked(language): _title_text(text, f"{language}: ") for language, text in value.items()}


def _title_text(value: Any, where: str = "") -> str:
    if not isinstance(value, str):
        message = f"{where}expected one text here"
        raise ValueError(message)  # noqa: TRY004 - pydantic takes a ValueError for a fault
    if not value.strip():
        message = f"{where}is empty, give it a value"
        raise ValueError(message)
    try:
        return checked_line(value)
    except ValueError as error:
        message = f"{where}{error}"
        raise ValueError(message) from None


def _clock(value: Any) -> time:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", str(value), re.ASCII)
    if found is None:
        message = f"{value!r} is not a time of day; write it like 09:00"
        raise ValueError(message)
    return time(int(found[1]), int(found[2]))


def _stretch(value: Any) -> timedelta:
    found = re.fullmatch(r"(\d{1,4}) ?(day|hour|minute)s?", str(value), re.ASCII)
    if found is None:
        message = f"{value!r} is not a length of time; write it like 3 days or 12 hours"
        raise ValueError(message)
    return int(found[1]) * timedelta(**{f"{found[2]}s": 1})


def in_words(length: timedelta) -> str:
    """As it is written: `3 days`, `12 hours`."""
    minutes = length // timedelta(minutes=1)
    count, unit = next((minutes // size, unit) for size, unit in _UNITS if minutes % size == 0)
    return counted(count, unit)


_UNITS = ((24 * 60, "day"), (60, "hour"), (1, "minute"))
Line = Annotated[str, AfterValidator(checked_line)]
Lines = Annotated[str, AfterValidator(checked_text)]
Text = Annotated[Line, Field(min_length=1)]
Words = Annotated[tuple[str, ...], BeforeValidator(listed)]
Countries = Annotated[tuple[Annotated[str, AfterValidator(country)], ...], BeforeValidator(listed)]
Host = Annotated[Line, AfterValidator(_host)]
Variable = Annotated[str, AfterValidator(_variable)]
LedgerUrl = Annotated[str, AfterValidator(_ledger)]
Address = Annotated[str, AfterValidator(_address)]
Language = Annotated[str, AfterValidator(checked)]  # not spelled anew: editions are known by it
LanguageOrNone = Annotated[str, AfterValidator(lambda value: value and checked(value))]
Languages = Annotated[tuple[Language, ...], BeforeValidator(listed)]
Web = Annotated[str, AfterValidator(_web)]
Colour = Annotated[str, AfterValidator(_colour)]
Title = Annotated[
    str | dict[str, str],
    PlainValidator(_title),
    WithJsonSchema({
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}, "minProperties": 1},
        ],
        "examples": ["Jobs and skills", {"en": "Jobs and skills", "fr": "Emploi et compétences"}],
    }),
]  # fmt: skip
Zone = Annotated[
    ZoneInfo,
    BeforeValidator(_zone),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
Clock = Annotated[
    time,
    BeforeValidator(_clock),
    PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["09:00"]}),
]
Stretch = Annotated[
    timedelta,
    BeforeValidator(_stretch),
    PlainSerializer(in_words, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["3 days", "12 hours"]}),
]


def _headers(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        try:
            own(name, value)
        except ValueError as error:
            message = f"{name}: {error}"
            raise ValueError(message) from None
    return values


Headers = Annotated[dict[str, str], AfterValidator(_headers)]


class Section(BaseModel):
    """A part of config.yaml: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, arbitrary_types_allowed=True)
