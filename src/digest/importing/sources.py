"""The sources of config.yaml, read by themselves: which is due, what came of it, and which editions must wait for one.

    config.yaml, .digest/sources.json ─due─▶ fetch (ETag, Last-Modified) ─import─▶ story files; SourceState, saved

Each is read alone: one that fails, or gives far less than the last time, keeps no other from being read. A failing one
is tried again, at growing intervals, and an edition whose rule takes its channel waits for it: never a thin month
because a feed was down. A person's word that an edition goes without it is a file in approvals/.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from digest import files
from digest.errors import DigestError, FetchError, ImportFailed, SourceShrank, UsageError
from digest.importing.formats import detect
from digest.importing.importer import ImportOptions, import_sources, selectors_for, source_of
from digest.model import content_hash
from digest.newsroom.paths import STATE
from digest.selection.rules import shared
from digest.text.urls import without_credentials
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import Event

    from digest.config.sections import SourceSection
    from digest.importing.plan import ImportPlan
    from digest.importing.source import Source
    from digest.model import Audience
    from digest.newsroom.newsroom import Newsroom
    from digest.period import Period

NAME = "sources.json"
FOLDER = "approvals"
FORMAT = 1
_PAGES = ("html", "text")
ROBOTS_FOR = timedelta(days=1)  # how long a robots.txt counts (RFC 9309, 2.4)
WHOLE_AFTER = timedelta(days=1)  # a server may say for ever that nothing changed: then it is asked for all of it
FIRST_AGAIN = timedelta(minutes=5)  # after a failure; then twice as long each time, up to the source's own interval


class SourceState(Struct, frozen=True, kw_only=True):
    """What is known of one source. `trouble` says why it could not be read at the last try; empty when it was.

    `read` is when it last was, `failing` since when it is not; `changed` when it last brought anything. `whole` is when
    its bytes last came: a server may say since then that they are what they were.
    """

    url: str = ""
    etag: str = ""
    modified: str = ""
    told: str = ""  # a hash of what config.yaml says of how it is read
    tried: datetime | None = None
    read: datetime | None = None
    whole: datetime | None = None
    changed: datetime | None = None
    failing: datetime | None = None
    again: datetime | None = None  # until when its server asked to be left alone (Retry-After)
    failures: int = 0
    trouble: str = ""
    odd: bool = False  # it came, and is not what it was: empty, far smaller, or no listing
    items: int = 0
    new: int = 0
    updated: int = 0
    robots: datetime | None = None  # when the site's robots.txt last let the page be read; never asked for feeds
    forbidden: bool = False  # it does not

    def due(self, every: timedelta, now: datetime) -> bool:
        """Whether it is to be read again."""
        if self.tried is None or self.tried > now:  # never, or by a clock that ran ahead
            return True
        if self.again and now < self.again:
            return False
        wait = min(every, FIRST_AGAIN * 2 ** min(self.failures - 1, 16)) if self.failures else every
        return now - self.tried >= wait


class SourceReport(Struct, frozen=True, kw_only=True):
    """What came of reading one source now."""

    name: str
    state: SourceState
    lines: tuple[str, ...] = ()
    plan: ImportPlan | None = None  # what would change, or changed; none where there was nothing new to read
    shrank: bool = False  # refused, because it holds far fewer stories than before

    @property
    def line(self) -> str:
        """One line for a person."""
        if self.state.trouble:
            return f"{self.name}: {self.state.trouble}"
        state = self.state
        return f"{self.name}: {state.new} new, {state.updated} changed, {state.items} in all"


def refresh(
    newsroom: Newsroom,
    now: datetime,
    *,
    since: datetime | None = None,
    write: bool = True,
    force: bool = False,
    everything: bool = False,
    stop: Event | None = None,
) -> tuple[SourceReport, ...]:
    """Read the sources that are due, those not read `since` then, or `everything`; and remember what came of it.

    `force` takes one that shrank. With `write` False nothing is written, and nothing remembered. `stop` ends the wait
    for a source, which is no failure of its own, and those that come after are not begun.
    """
    states, reports = load(newsroom.root), []
    for section, state in rows(newsroom):
        stale = since is not None and (state.read is None or state.read < since) and state.due(FIRST_AGAIN, now)
        if everything or stale or state.due(section.every, now):
            heed = section.robots == "heed" and not everything  # everything is read by a person's hand
            # For an edition it is not enough that its server says that nothing changed.
            known = replace(state, whole=None) if stale else state
            report = _read(newsroom, section, known, now, write=write, force=force, heed=heed, stop=stop)
            if stop is not None and stop.is_set():
                break
            states[section.name] = report.state
            reports.append(report)
            if write:
                save(newsroom.root, states)
    return tuple(reports)


def look(newsroom: Newsroom, name: str, now: datetime, *, force: bool = False) -> SourceReport:
    """What one source holds now and would change; nothing is written or remembered. Raises UsageError.

    `force` takes one that shrank.
    """
    section, state = _named(newsroom, name)
    return _read(newsroom, section, state, now, write=False, force=force, heed=False, stop=None)


def remember(newsroom: Newsroom, report: SourceReport) -> None:
    """Remember what came of reading one source, once what it brought is written. Raises DigestError."""
    save(newsroom.root, load(newsroom.root) | {report.name: report.state})


def wanting(newsroom: Newsroom, audience: Audience, period: Period) -> tuple[str, ...]:
    """The sources that an audience's edition of this period must wait for, each as a line: name, and what is wrong."""
    return tuple(
        f"{section.name}: {state.trouble or 'was never read'}"
        for section, state in rows(newsroom)
        if takes(audience, section.channel)
        and (state.trouble or state.read is None)
        and not waived(newsroom.root, section.name, period)
    )


def takes(audience: Audience, channel: str) -> bool:
    """Whether the audience's rule may select stories that this channel brings."""
    wanted, unwanted = audience.select.channels, audience.exclude.channels
    return bool(not wanted or shared([channel], wanted)) and not shared([channel], unwanted)


def waived(root: Path, name: str, period: Period) -> bool:
    """Whether a person said that editions of this period go without the source."""
    return _waiver(root, name, period).is_file()


def waive(newsroom: Newsroom, name: str, period: Period, who: str, now: datetime) -> Path:
    """Write down that editions of this period go without the source, by whose word. Raises UsageError."""
    _named(newsroom, name)
    if not who.strip():
        message = "--without takes the word of a person: --by NAME"
        raise UsageError(message)
    path = _waiver(newsroom.root, name, period)
    data = {"format": FORMAT, "source": name, "period": period.id, "by": who.strip(), "when": now.isoformat()}
    _write(path, data)
    return path


def load(root: Path) -> dict[str, SourceState]:
    """What is known of the sources; nothing where there is no record, or a damaged one: they are only read again."""
    try:
        data = json.loads((root / STATE / NAME).read_bytes())
        return {name: _state(values) for name, values in data["sources"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save(root: Path, states: dict[str, SourceState]) -> None:
    """Write the record whole. Raises DigestError when the disk refuses."""
    sources = {
        name: {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(state).items()}
        for name, state in states.items()
    }
    _write(root / STATE / NAME, {"format": FORMAT, "sources": sources})


def rows(newsroom: Newsroom) -> Iterator[tuple[SourceSection, SourceState]]:
    """Every source of config.yaml with what is known of it."""
    states = load(newsroom.root)
    for section in newsroom.config.settings.sources:
        state = states.get(section.name, SourceState())
        yield section, state if state.url == section.url else SourceState(url=section.url)


def _named(newsroom: Newsroom, name: str) -> tuple[SourceSection, SourceState]:
    known = {section.name: (section, state) for section, state in rows(newsroom)}
    if name not in known:
        message = f"there is no source {name!r}{did_you_mean(name, known)}"
        raise UsageError(message)
    return known[name]


def _read(
    newsroom: Newsroom,
    section: SourceSection,
    state: SourceState,
    now: datetime,
    *,
    write: bool,
    force: bool,
    heed: bool,
    stop: Event | None,
) -> SourceReport:
    try:
        if heed and state.forbidden:  # then the page is left alone
            state = _let(newsroom, section, state, now)
        source, known = _fetch(newsroom, section, state, now, stop)
        if heed and (state.robots if source is None else _is_page(section, source)):
            state = _let(newsroom, section, state, now)
        if source is None:
            return SourceReport(name=section.name, state=_read_well(state, now, new=0, updated=0))
        options = ImportOptions(
            channel=section.channel, kind=section.format, language=section.language, force=force, write=write
        )
        report = import_sources(newsroom, [source], options, now=now)
    except DigestError as error:
        trouble = "; ".join(str(error).splitlines())
        failed = replace(
            state, tried=now, failing=state.failing or now, failures=state.failures + 1,
            trouble=trouble, odd=not isinstance(error, FetchError),
            again=now + timedelta(seconds=error.wait) if isinstance(error, FetchError) and error.wait else None,
            forbidden=state.forbidden or isinstance(error, _Forbidden),
        )  # fmt: skip
        return SourceReport(name=section.name, state=failed, shrank=isinstance(error, SourceShrank))
    plan = report.plan
    items = len(plan.new) + len(plan.changed) + plan.unchanged
    told = _told(newsroom, section)
    found = replace(state, etag=known[0], modified=known[1], told=told, items=items, whole=now)
    return SourceReport(
        name=section.name,
        state=_read_well(found, now, new=len(plan.new), updated=len(plan.changed)),
        lines=tuple(report.lines(verbose=not write)),
        plan=plan,
    )


class _Forbidden(FetchError):
    """The site's robots.txt does not let the page be read by a program that comes by itself."""


def _is_page(section: SourceSection, source: Source) -> bool:
    """Whether it is for people, and read by us all the same; feeds and tables are there for programs."""
    return bool(source.base) and (section.format or ("html" if source.selectors else detect(source))) in _PAGES


def _let(newsroom: Newsroom, section: SourceSection, state: SourceState, now: datetime) -> SourceState:
    """The state of a page that its site lets us read, as was asked within a day. Raises _Forbidden, FetchError."""
    from digest.fetching.robots import forbidden

    if state.robots and not state.forbidden and timedelta() <= now - state.robots < ROBOTS_FOR:
        return state
    limits = newsroom.config.settings.imports
    if rule := forbidden(section.url, timeout=limits.timeout, allow_private=limits.allow_private):
        message = (
            f"{without_credentials(section.url)}: {rule} forbids that programs read it by themselves; ask "
            "the site to allow `User-agent: digest`, read it by hand (digest import), or, if you may, write `robots: "
            f"ignore` at the source {section.name}"
        )
        raise _Forbidden(message)
    return replace(state, robots=now, forbidden=False)


def _read_well(state: SourceState, now: datetime, *, new: int, updated: int) -> SourceState:
    return replace(
        state, tried=now, read=now, failing=None, again=None, failures=0, trouble="", odd=False, new=new,
        updated=updated, changed=now if new or updated else state.changed,
    )  # fmt: skip


def _told(newsroom: Newsroom, section: SourceSection) -> str:
    profile = newsroom.config.newsroom
    how = (section.channel, section.format, section.sheet, section.language or profile.language, str(profile.timezone))
    return content_hash((how, selectors_for(newsroom, section.url, section.selectors)))[:16]


def _fetch(
    newsroom: Newsroom, section: SourceSection, state: SourceState, now: datetime, stop: Event | None
) -> tuple[Source | None, tuple[str, str]]:
    """The source's bytes, None where the server says that they are what they were; and what to ask it with next."""
    limits = newsroom.config.settings.imports
    content_type, base, known = "", "", ("", "")
    if re.match(r"https?://", section.url):
        from digest.fetching.fetch import fetch

        # Where config.yaml says otherwise since how it is read, the same bytes are another thing: they are read anew.
        lately = state.whole is not None and timedelta() <= now - state.whole < WHOLE_AFTER
        as_before = lately and state.told == _told(newsroom, section)
        answer = fetch(
            section.url, max_bytes=limits.max_bytes, timeout=limits.timeout, allow_private=limits.allow_private,
            etag=state.etag if as_before else "", modified=state.modified if as_before else "", stop=stop,
        )  # fmt: skip
        if answer.unchanged:
            return None, (state.etag, state.modified)
        data, content_type, base = answer.data, answer.content_type, answer.url
        known = (answer.etag, answer.modified)
    else:
        try:
            data = newsroom.config.path(section.url).read_bytes()
        except OSError as error:
            message = f"{section.url}: cannot be read: {error.strerror}"
            raise ImportFailed(message) from None
    source = source_of(newsroom, section.url, data, content_type=content_type, base=base)
    selectors, language = selectors_for(newsroom, section.url, section.selectors), section.language or source.language
    return replace(source, selectors=selectors, language=language, sheet=section.sheet), known


def _waiver(root: Path, name: str, period: Period) -> Path:
    return root / FOLDER / period.id / f"source-{name}.json"


def _write(path: Path, data: dict[str, Any]) -> None:
    with files.writing(path):
        files.write_whole(path, files.readable_json(data))


def _state(values: dict[str, Any]) -> SourceState:
    times = {
        key: datetime.fromisoformat(values[key])
        for key in ("tried", "read", "whole", "changed", "failing", "again", "robots")
        if values.get(key)
    }
    return SourceState(**{**values, **times})
