"""Find config.yaml, lay the environment over it, validate it, and hand out one frozen Config, or every fault at once.

    config.yaml ─parse─▶ Document ─environment─▶ Document ─Settings─▶ Config(root, newsroom, audiences, settings)

Paths in it are relative to its own folder, whatever folder a command is run from. Secrets are never in it: a setting
names the environment variable or the file that holds one. Nothing is read but that file and the mapping handed in.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest import yamlfile
from digest.config import remembered
from digest.errors import ConfigError, Fault, UsageError
from digest.model import Audience, Match, NewsroomProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from digest.config.schema import AudienceSection, MatchSection, Settings

NAME = "config.yaml"
PREFIX = "DIGEST_"
_AUDIENCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MAX_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Config:
    """A newsroom's settings. `root` is the folder of config.yaml; every relative path starts there."""

    root: Path
    newsroom: NewsroomProfile
    audiences: Mapping[str, Audience]
    settings: Settings
    read: Callable[[], yamlfile.Document] = field(repr=False, compare=False)

    @cached_property
    def document(self) -> yamlfile.Document:
        """What the file says and where, for messages about it. Raises ConfigError."""
        return self.read()

    def path(self, relative: str) -> Path:
        """A path as config.yaml writes it, made absolute."""
        return self.root / Path(relative).expanduser()

    def audience(self, name: str) -> Audience:
        """The audience of this name. Raises UsageError with the nearest name."""
        if name not in self.audiences:
            message = f"there is no audience {name!r}{yamlfile.did_you_mean(name, self.audiences)}"
            raise UsageError(message)
        return self.audiences[name]


def find(start: Path) -> Path:
    """config.yaml in `start` or the nearest folder above it. Raises UsageError when there is none."""
    for folder in (start, *start.parents):
        if (folder / NAME).is_file():
            return folder / NAME
    message = f"there is no {NAME} in {start} or above it; make a newsroom with `digest init DIR`, or name one with -c"
    raise UsageError(message)


def load(file: Path, environ: Mapping[str, str], *, cache: str = "") -> Config:
    """Read and validate the file with the environment laid over it. Raises ConfigError with every fault.

    `cache` names a folder beside the file, in which what a file said is remembered until it changes.
    """
    file = Path(os.path.abspath(file))  # noqa: PTH100 - resolve() would follow a link away from the newsroom's folder
    name = _shown(file)
    data = _data(file, name)
    overridden = any(_overrides(variable) for variable in environ)
    key = remembered.key_of(data) if cache and not overridden else ""
    settings = remembered.recall(file.parent / cache, key) if key else None

    def read() -> yamlfile.Document:
        document = yamlfile.parse(_text(data, name), name)
        if overridden:
            from digest.config.schema import Settings

            _override(document, environ, Settings)
        return document

    if settings is None:
        settings = _validated(read())
        if key:
            remembered.keep(file.parent / cache, key, settings)
    newsroom = _newsroom(settings)
    audiences = {key: _audience(key, part, newsroom) for key, part in settings.audiences.items()}
    return Config(root=file.parent, newsroom=newsroom, audiences=audiences, settings=settings, read=read)


def _validated(document: yamlfile.Document) -> Settings:
    from digest.config import timetable, titles
    from digest.config.schema import Settings

    settings, faults = yamlfile.validate(Settings, document)
    faults += [*_cross_faults(document), *timetable.faults(document), *titles.faults(document)]
    if settings is None or faults:
        raise ConfigError(sorted(faults, key=lambda fault: (fault.file, fault.line)))
    return settings


def schema() -> dict[str, Any]:
    """The JSON Schema of config.yaml, for editors."""
    from digest.config.schema import Settings

    made = Settings.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "digest: config.yaml"}


def _data(file: Path, name: str) -> bytes:
    try:
        data = file.read_bytes()
    except IsADirectoryError:
        raise ConfigError([Fault(file=name, message="is a folder; name the file in it")]) from None
    except OSError as error:
        raise ConfigError([Fault(file=name, message=f"cannot be read: {error.strerror}")]) from None
    if len(data) > MAX_BYTES:
        raise ConfigError([Fault(file=name, message=f"is larger than {MAX_BYTES:,} bytes; is this the right file?")])
    return data


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([Fault(file=name, line=line, message="is not UTF-8; save it as UTF-8")]) from None


def _shown(file: Path) -> str:
    """The path as a person in the current folder would type it."""
    relative = os.path.relpath(file)
    return relative if not relative.startswith("..") else str(file)


def _override(document: yamlfile.Document, environ: Mapping[str, str], settings: type[Settings]) -> None:
    """Lay `DIGEST_SMTP__HOST=…` over smtp.host. Names without `__` are other things (DIGEST_SMTP_PASSWORD)."""
    sections = {info.alias or name for name, info in settings.model_fields.items()}
    for variable in sorted(environ):
        if not _overrides(variable):
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        origin = f"environment {variable}"
        if path[0] not in sections:
            hint = yamlfile.did_you_mean(path[0], sections)
            document.faults.append(Fault(file=origin, message=f"{path[0]!r} is not a section of {NAME}{hint}"))
            continue
        _put(document, path, _value(environ[variable]), origin)


def _overrides(variable: str) -> bool:
    return variable.startswith(PREFIX) and "__" in variable.removeprefix(PREFIX)


def _put(document: yamlfile.Document, path: tuple[str, ...], value: Any, origin: str) -> None:
    place = document.data
    for part in path[:-1]:
        below = place.setdefault(part, {})
        if not isinstance(below, dict):
            document.faults.append(Fault(file=origin, message=f"{part!r} in {NAME} holds one value, not several"))
            return
        place = below
    place[path[-1]] = value
    document.origins[path] = origin


def _value(text: str) -> Any:
    """A value from the environment: a text, or a list or mapping in YAML's flow style."""
    if text.lstrip()[:1] in ("[", "{"):
        inner = yamlfile.parse(f"value: {text}", "environment")
        if not inner.faults:
            return inner.data.get("value", "")
    return text


def _cross_faults(document: yamlfile.Document) -> Iterator[Fault]:
    """What no single key can tell. Works on raw data, so that it is said together with everything else."""
    audiences = document.data.get("audiences")
    for name, part in (audiences if isinstance(audiences, dict) else {}).items():
        if not _AUDIENCE.fullmatch(name):
            message = "is no name for an audience: small letters, digits, - and _, as it is in paths and commands"
            yield document.fault(("audiences", name), message)
        recipients = part.get("recipients") if isinstance(part, dict) else None
        if isinstance(recipients, dict) and ("csv" in recipients) == ("sql" in recipients):
            yield document.fault(("audiences", name, "recipients"), "give either csv or sql, one of them")
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
    yield from _fleet_faults(document)


def _fleet_faults(document: yamlfile.Document) -> Iterator[Fault]:
    send = document.data.get("send")
    if not isinstance(send, dict) or send.get("engine") != "procrastinate" or send.get("ledger_env"):
        return
    if not str(send.get("ledger", "")).startswith("postgresql"):
        message = "a fleet shares a PostgreSQL: write postgresql://user@host/database, or set ledger_env"
        yield document.fault(("send", "ledger"), message)


def _newsroom(settings: Settings) -> NewsroomProfile:
    part = settings.newsroom
    return NewsroomProfile(
        name=part.name,
        contact=part.contact,
        sender=part.sender,
        sender_name=part.sender_name or part.name,
        timezone=part.timezone,
        language=part.language,
        url=part.url,
        postal_address=part.postal_address,
    )


def _audience(name: str, part: AudienceSection, newsroom: NewsroomProfile) -> Audience:
    return Audience(
        name=name,
        title=_first_title(part, newsroom),
        titles=tuple(part.title.items()) if isinstance(part.title, dict) else (),
        description=part.description,
        select=_match(part.select),
        exclude=_match(part.exclude),
        languages=part.languages or (newsroom.language,),
        group_by=part.group_by,
        limit=part.limit,
        min_items=part.min_items,
        thin=part.thin,
        late=part.late,
        contact=part.contact or newsroom.contact,
        subject=part.subject,
        preheader=part.preheader,
        more_url=part.more_url or newsroom.url,
    )


def _first_title(part: AudienceSection, newsroom: NewsroomProfile) -> str:
    """The one title, or the title in the audience's first language."""
    return part.title if isinstance(part.title, str) else part.title[(*part.languages, newsroom.language)[0]]


def _match(part: MatchSection) -> Match:
    return Match(
        channels=part.channels,
        topics=part.topics,
        countries=tuple(code.upper() for code in part.countries),
        languages=part.languages,
        kickers=part.kickers,
    )
