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
    for part in (
        _of_audiences, _of_segments, _of_names, _of_sender, _of_fleet, _of_schedule, _of_sources, _of_titles,
        _of_archive, _of_theme,
    ):  # fmt: skip
        yield from part(document)
    yield from document.cut_texts(lambda path: not _IN_WORDS.isdisjoint(path))


def _section(document: Document, name: str) -> Mapping[str, Any]:
    """A section's keys; none where it is no mapping, which is a fault of its own."""
    section = document.data.get(name)
    return section if isinstance(section, dict) else {}


def _audiences(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each audience with its keys."""
    for name, part in _section(document, "audiences").items():
        yield name, part if isinstance(part, dict) else {}


def _of_audiences(document: Document) -> Iterator[Fault]:
    """Names that cannot stand in a path, and lists of readers in two places or none."""
    for name, part in _audiences(document):
        if not _AUDIENCE.fullmatch(name):
            message = "is no name for an audience: small letters, digits, - and _, as it is in paths and commands"
            yield document.fault(("audiences", name), message)
        recipients = part.get("recipients")
        if isinstance(recipients, dict) and ("csv" in recipients) == ("sql" in recipients):
            yield document.fault(("audiences", name, "recipients"), "give either csv or sql, one of them")


def _of_segments(document: Document) -> Iterator[Fault]:
    """Conditions on readers that no value can meet."""
    for name, part in _audiences(document):
        recipients = part.get("recipients")
        for key, said in recipients.items() if isinstance(recipients, dict) else ():
            where = ("audiences", name, "recipients", key)
            if key not in ("only", "except") or not isinstance(said, dict):
                continue
            for column, asked in said.items():
                keys = set(asked) if isinstance(asked, dict) else set()
                if keys & {"before", "after"} and keys & {"at_least", "at_most"}:
                    yield document.fault(
                        (*where, column), "asks for a day and a number; no value is both, so ask for one"
                    )


def _of_theme(document: Document) -> Iterator[Fault]:
    """What the theme would refuse when it is loaded: its numbers and choices have limits of their own here."""
    for key, value in _section(document, "theme").items():
        if key in _THEMES and isinstance(value, str) and (value.strip() or key == "brand"):
            given: dict[str, Any] = {key: value.strip()}
            for _, message in ThemeOptions(**given).faults():
                yield document.fault(("theme", key), message)


def _of_names(document: Document) -> Iterator[Fault]:
    """A former name that two audiences claim, or that is one's name today."""
    owners: dict[str, str] = {}
    for name, part in _audiences(document):
        for old in _texts(part.get("was")):
            path = ("audiences", name, "was")
            if old in document.data["audiences"]:
                yield document.fault(path, f"{old!r} is an audience today; a former name is nobody's any more")
            elif owners.setdefault(old, name) != name:
                yield document.fault(path, f"{old!r} is a former name of {owners[old]!r} already; one can have it")


def _of_sender(document: Document) -> Iterator[Fault]:
    """A sender's name that reads as another address, and a signature without its key."""
    newsroom, dkim = _section(document, "newsroom"), _section(document, "dkim")
    sender = str(newsroom.get("from", "")).lower()
    for key in ("name", "from_name"):
        # A name that reads as an address makes readers believe the mail is from there (FAULTS 22).
        shown = str(newsroom.get(key, "")).lower()
        if re.search(r"\S@\S", shown) and shown != sender:
            yield document.fault(("newsroom", key), "looks like a mail address other than `from`; use a name")
    if dkim.get("signer") == "digest":
        for key in ("domain", "selector", "key_file"):
            if not dkim.get(key):
                yield document.fault(("dkim", key), "is missing; signer: digest needs domain, selector and key_file")


def _of_fleet(document: Document) -> Iterator[Fault]:
    """A fleet without a database that it can share."""
    send = _section(document, "send")
    shared = send.get("ledger_env") or str(send.get("ledger", "")).startswith("postgres")
    if send.get("engine") == "procrastinate" and not shared:
        message = "a fleet shares a PostgreSQL: write postgresql://user@host/database, or set ledger_env"
        yield document.fault(("send", "ledger"), message)


def _of_schedule(document: Document) -> Iterator[Fault]:
    """Days and cron lines that cannot be read, audiences that do not exist."""
    rules, known = document.data.get("schedule"), _section(document, "audiences")
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict):
            yield from _when(document, number, rule)
            yield from _whose(document, number, rule, known)


def _of_archive(document: Document) -> Iterator[Fault]:
    """An audience that is published, and no address for it: pages, feeds and mails name it in full."""
    for name, part in _audiences(document):
        if part.get("archive") == "public" and not _section(document, "archive").get("url"):
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
    named = rule.get("audiences")
    for place, name in enumerate(named if isinstance(named, list) else [named]):
        if not isinstance(name, str):
            continue  # a fault of its own
        path = ("schedule", number, "audiences", *((place,) if isinstance(named, list) else ()))
        if name not in known:
            yield document.fault(path, f"there is no audience {name!r}{did_you_mean(name, known)}")
        elif isinstance(known[name], dict) and "recipients" not in known[name]:
            yield document.fault(path, f"{name} has no readers; give it a list: recipients: {{csv: FILE}}")


def _of_titles(document: Document) -> Iterator[Fault]:
    """A language without a title, a title without a language."""
    own = _section(document, "newsroom").get("language", "en")
    for name, part in _audiences(document):
        title = part.get("title")
        if not isinstance(title, dict) or not title:
            continue
        wanted = _texts(part.get("languages")) or [own]
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


def _texts(value: Any) -> list[str]:
    """The texts of a list, for which one text may stand; what is no text is a fault of its own."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
