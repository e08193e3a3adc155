"""What no single key of config.yaml can tell: keys that contradict each other, names that name nothing.

What a room refuses by rules of its own is asked of it.

    Document ─contradictions─▶ faults, each on its line

Works on the raw data, so that these mistakes are told together with those of single keys. Reads no file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from digest.composer.options import ThemeOptions
from digest.errors import Fault, UsageError
from digest.period import KINDS
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from digest.period import Kind
    from digest.yamlfile import Document

_AUDIENCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Where a comment that touches its sign is text; anywhere else people write `port: 25 #ours`.
_IN_WORDS = frozenset({
    "title", "name", "from_name", "description", "postal_address", "social", "subject", "preheader", "recurring",
    "brand", "brand_dark", "masthead_color", "logo_alt", "select", "exclude", "only", "except", "topics", "selectors",
})  # fmt: skip
_THEMES = frozenset(("name", "brand", "brand_dark", "masthead_color", "heading_font", "body_font"))
_DAY = "first working day"  # where a line says nothing


def contradictions(document: Document) -> Iterator[Fault]:
    """Every such mistake."""
    parts = (
        _of_audiences,
        _of_names,
        _of_sender,
        _of_fleet,
        _of_schedule,
        _of_sources,
        _of_titles,
        _of_archive,
        _of_theme,
    )
    for part in parts:
        yield from part(document)
    yield from document.cut_texts(lambda path: not _IN_WORDS.isdisjoint(path))


def _of_audiences(document: Document) -> Iterator[Fault]:
    """Names that cannot stand in a path, and lists of readers in two places or none."""
    audiences = document.data.get("audiences")
    for name, part in (audiences if isinstance(audiences, dict) else {}).items():
        if not _AUDIENCE.fullmatch(name):
            message = "is no name for an audience: small letters, digits, - and _, as it is in paths and commands"
            yield document.fault(("audiences", name), message)
        recipients = part.get("recipients") if isinstance(part, dict) else None
        if isinstance(recipients, dict) and ("csv" in recipients) == ("sql" in recipients):
            yield document.fault(("audiences", name, "recipients"), "give either csv or sql, one of them")


def _of_theme(document: Document) -> Iterator[Fault]:
    """What the theme would refuse when it is loaded: its numbers and choices have limits of their own here."""
    theme = document.data.get("theme")
    for key, value in theme.items() if isinstance(theme, dict) else ():
        if key in _THEMES and isinstance(value, str) and (value.strip() or key == "brand"):
            given: dict[str, Any] = {key: value.strip()}
            for _, message in ThemeOptions(**given).faults():
                yield document.fault(("theme", key), message)


def _of_names(document: Document) -> Iterator[Fault]:
    """A former name that two audiences claim, or that is one's name today."""
    audiences = document.data.get("audiences")
    if not isinstance(audiences, dict):
        return
    owners: dict[str, str] = {}
    for name, part in audiences.items():
        former = part.get("was", []) if isinstance(part, dict) else []
        for old in former if isinstance(former, list) else [former]:
            path = ("audiences", name, "was")
            if old in audiences:
                yield document.fault(path, f"{old!r} is an audience today; a former name is nobody's any more")
            elif owners.setdefault(str(old), name) != name:
                yield document.fault(path, f"{old!r} is a former name of {owners[str(old)]!r} already; one can have it")


def _of_sender(document: Document) -> Iterator[Fault]:
    """A sender's name that reads as another address, and a signature without its key."""
    newsroom = document.data.get("newsroom")
    if isinstance(newsroom, dict):
        sender = str(newsroom.get("from", "")).lower()
        for key in ("name", "from_name"):
            # A name that reads as an address makes readers believe the mail is from there (FAULTS 22).
            shown = str(newsroom.get(key, "")).lower()
            if re.search(r"\S@\S", shown) and shown != sender:
                yield document.fault(("newsroom", key), "looks like a mail address other than `from`; use a name")
    dkim = document.data.get("dkim")
    if isinstance(dkim, dict) and dkim.get("signer") == "digest":
        for key in ("domain", "selector", "key_file"):
            if not dkim.get(key):
                yield document.fault(("dkim", key), "is missing; signer: digest needs domain, selector and key_file")


def _of_fleet(document: Document) -> Iterator[Fault]:
    """A fleet without a database that it can share."""
    send = document.data.get("send")
    if not isinstance(send, dict) or send.get("engine") != "procrastinate" or send.get("ledger_env"):
        return
    if not str(send.get("ledger", "")).startswith("postgresql"):
        message = "a fleet shares a PostgreSQL: write postgresql://user@host/database, or set ledger_env"
        yield document.fault(("send", "ledger"), message)


def _of_schedule(document: Document) -> Iterator[Fault]:
    """Days and cron lines that cannot be read, audiences that do not exist."""
    rules, audiences = document.data.get("schedule"), document.data.get("audiences")
    known = audiences if isinstance(audiences, dict) else {}
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict):
            yield from _when(document, number, rule)
            yield from _whose(document, number, rule, known)


def _of_archive(document: Document) -> Iterator[Fault]:
    """An audience that is published, and no address for it: pages, feeds and mails name it in full."""
    archive = document.data.get("archive")
    audiences = document.data.get("audiences")
    for name, part in (audiences if isinstance(audiences, dict) else {}).items():
        published = isinstance(part, dict) and part.get("archive") == "public"
        if published and not (isinstance(archive, dict) and archive.get("url")):
            message = "needs the address at which public/ will be served: archive: {url: https://…}"
            yield document.fault(("audiences", name, "archive"), message)


def _of_sources(document: Document) -> Iterator[Fault]:
    """Two sources of one name, which a person could not tell apart."""
    sources, names = document.data.get("sources"), set[str]()
    for number, source in enumerate(sources if isinstance(sources, list) else ()):
        name = str(source.get("name", "")) if isinstance(source, dict) else ""
        if name in names:
            yield document.fault(("sources", number, "name"), f"there is another source called {name!r}; rename one")
        names.add(name)


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
    from digest.config import schedule_lines

    kind: Kind = next((each for each in KINDS if each == rule.get("period")), "month")  # another is a fault of its own
    checks: dict[str, Callable[[str], None]] = {
        "on": lambda text: schedule_lines.check_on(text, kind),
        "cron": lambda text: schedule_lines.check_cron(text, kind),
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


def _of_titles(document: Document) -> Iterator[Fault]:
    """A language without a title, a title without a language."""
    audiences = document.data.get("audiences")
    newsroom = document.data.get("newsroom")
    own = newsroom.get("language", "en") if isinstance(newsroom, dict) else "en"
    for name, part in (audiences if isinstance(audiences, dict) else {}).items():
        title = part.get("title") if isinstance(part, dict) else None
        if not isinstance(title, dict) or not title:
            continue
        wanted = _listed(part.get("languages")) or [own]
        for language in wanted:
            if language not in title:
                message = f"has no title in {language!r}, one of its languages; add {language}: …"
                yield document.fault(("audiences", name, "title"), message)
        for language in title:
            if language not in wanted:
                message = (
                    f"is none of the audience's languages ({', '.join(map(str, wanted))}); add it there, or drop it"
                )
                yield document.fault(("audiences", name, "title", language), message)


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else value if isinstance(value, list) else []
