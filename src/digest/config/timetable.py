"""What no single key of `schedule:` can tell: days and cron lines that cannot be read, audiences that do not exist.

Works on the raw data, so that these mistakes are said together with all others, each on its line. Reads no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.config import schedule
from digest.errors import Fault, UsageError
from digest.period import KINDS
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from digest.period import Kind
    from digest.yamlfile import Document

_DAY = "first working day"  # where a line says nothing


def faults(document: Document) -> Iterator[Fault]:
    """Every such mistake."""
    rules, audiences = document.data.get("schedule"), document.data.get("audiences")
    known = audiences if isinstance(audiences, dict) else {}
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict):
            yield from _when(document, number, rule)
            yield from _whose(document, number, rule, known)


def country(code: str) -> None:
    """Refuse a country whose holidays are not known. Raises UsageError."""
    import holidays

    land, _, part = code.partition("-")
    try:
        holidays.country_holidays(land, subdiv=part or None)
    except (NotImplementedError, AttributeError):
        message = f"{code!r} is no country whose holidays are known; write ISO 3166 codes, like CH or CH-GE"
        raise UsageError(message) from None


def _when(document: Document, number: int, rule: Mapping[str, Any]) -> Iterator[Fault]:
    kind: Kind = next((each for each in KINDS if each == rule.get("period")), "month")  # another is a fault of its own
    checks: dict[str, Callable[[str], None]] = {
        "on": lambda text: schedule.check_on(text, kind),
        "cron": lambda text: schedule.check_cron(text, kind),
        "country": country,
    }
    for key, check in checks.items():
        text = rule.get(key)
        if isinstance(text, str) and text:
            try:
                check(text)
            except UsageError as error:
                yield document.fault(("schedule", number, key), str(error))
                continue
            if key == "country" and not rule.get("cron") and "working day" not in str(rule.get("on", _DAY)).lower():
                message = f"has no say in `on: {rule['on']}`, only in working days; leave it out"
                yield document.fault(("schedule", number, key), message)
    if rule.get("cron"):
        for key in ("on", "at", "country"):
            if key in rule:
                yield document.fault(("schedule", number, key), "is not used beside cron; keep one of the two")


def _whose(document: Document, number: int, rule: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Fault]:
    named = rule.get("audiences", [])
    listed = isinstance(named, list)
    for place, name in enumerate(named if listed else [named]):
        path = ("schedule", number, "audiences", place) if listed else ("schedule", number, "audiences")
        if name not in known:
            yield document.fault(path, f"there is no audience {name!r}{did_you_mean(str(name), known)}")
        elif isinstance(known[name], dict) and "recipients" not in known[name]:
            yield document.fault(path, f"{name} has no readers; give it a list: recipients: {{csv: FILE}}")
