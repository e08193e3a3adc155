"""Read config.yaml, lay the environment over it, validate it, and hand out one frozen Config, or every fault at once.

    config.yaml ─parse─▶ Document ─environment─▶ Document ─Settings─▶ Config(root, newsroom, audiences, settings)

Paths in it are relative to its own folder, whatever folder a command is run from. Secrets are never in it: a setting
names the environment variable or the file that holds one. Nothing is read but that file and the mapping handed in.
"""

from __future__ import annotations

import os
import re
import types
import typing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest import yamlfile
from digest.config.contradictions import contradictions
from digest.config.nearest import MAX_BYTES, NAME
from digest.errors import ConfigError, Fault, UsageError
from digest.files import typed
from digest.model import Audience, Match, NewsroomProfile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from digest.blocks.kinds import Block
    from digest.config.sections import AudienceSection, Settings

PREFIX = "DIGEST_"
_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"


@dataclass(frozen=True, kw_only=True)
class Config:
    """A newsroom's settings. `root` is the folder of config.yaml; every relative path starts there."""

    root: Path
    newsroom: NewsroomProfile
    audiences: Mapping[str, Audience]
    settings: Settings
    recurring: Mapping[str, tuple[Block, ...]] = field(default_factory=dict)  # the blocks of every issue, by language
    document: yamlfile.Document = field(repr=False, compare=False)  # what the file says and where, for messages

    @property
    def with_readers(self) -> tuple[str, ...]:
        """The audiences that have a list of readers."""
        return tuple(name for name, part in self.settings.audiences.items() if part.recipients is not None)

    def path(self, relative: str) -> Path:
        """A path as config.yaml writes it, made absolute. `~name` without a home stays as it is, and is not found."""
        return self.root / os.path.expanduser(relative)  # noqa: PTH111 - pathlib's raises a RuntimeError there

    def audience(self, name: str) -> Audience:
        """The audience of this name, or of this former name. Raises UsageError with the nearest name."""
        if found := self.known_audience(name):
            return found
        message = f"there is no audience {name!r}{yamlfile.did_you_mean(name, self.audiences)}"
        raise UsageError(message)

    def known_audience(self, name: str) -> Audience | None:
        """The same; None where there is none."""
        return self.audiences.get(name) or next((each for each in self.audiences.values() if name in each.was), None)

    def placed(self, text: str) -> str:
        """`config.yaml: mail.preheader: …` with the line on which that key stands; any other text as it is."""
        name, _, rest = text.partition(": ")
        key, colon, words = rest.partition(": ")
        if name != NAME or not re.fullmatch(r"[\w.-]+", key):
            return text
        return f"{self.document.where(tuple(key.split('.')))}: {key}{colon}{words}"

    def demand_explained(self, audience: str, sent: Collection[str], now: Collection[str] = ()) -> None:
        """Raise ConfigError when an audience that was never sent may be one that is gone, under another name.

        `sent` are all audiences that were ever sent; `now` those to which this very period went: one of them may be
        it, that has an old name of its own back. A rename that is not told would mail everybody again, also who
        left; two lines tell it from a new audience, and the message has both to paste.
        """
        explained = {*self.audiences, *self.settings.retired}
        explained.update(name for known in self.audiences.values() for name in known.was)
        gone = sorted(set(sent) - explained)
        before = not {audience, *self.audience(audience).was}.isdisjoint(sent)
        if not (gone := [name for name in gone if name in now] if before else gone):
            return
        names = ", ".join(gone)
        message = (
            f"was {'not sent yet' if before else 'never sent'}, and {names}, which was, is gone from {NAME}; say which "
            f"it is. Renamed: put `was: [{gone[0]}]` under {audience}; ended: put `retired: [{names}]` at the top level"
        )
        raise ConfigError([self.document.fault(("audiences", audience), message)])


def load(file: Path, environ: Mapping[str, str]) -> Config:
    """Read and validate the file with the environment laid over it. Raises ConfigError with every fault."""
    file = Path(os.path.abspath(file))  # noqa: PTH100 - resolve() would follow a link away from the newsroom's folder
    document = _read(file, environ)
    settings = _validated(document)
    newsroom = _newsroom(settings)
    audiences = {key: _audience(key, part, newsroom) for key, part in settings.audiences.items()}
    return Config(
        root=file.parent,
        newsroom=newsroom,
        audiences=audiences,
        settings=settings,
        recurring=recurring(document, []),
        document=document,
    )


@cache
def _model() -> type[Settings]:
    """What config.yaml may say, made without what others hook into pydantic.

    To find such plugins it reads the metadata of every distribution that is installed, at each start. They are turned
    off for this moment only: the environment is that of the hooks, too.
    """
    said = os.environ.get(_PLUGINS)
    os.environ[_PLUGINS] = "__all__"
    try:
        from digest.config.sections import Settings
    finally:
        del os.environ[_PLUGINS]
        if said is not None:
            os.environ[_PLUGINS] = said
    return Settings


def _read(file: Path, environ: Mapping[str, str]) -> yamlfile.Document:
    name = str(typed(file))
    document = yamlfile.parse(_text(_data(file, name), name), name)
    _override(document, environ)
    return document


def _validated(document: yamlfile.Document) -> Settings:
    settings, faults = yamlfile.validate(_model(), document)
    faults += contradictions(document)
    recurring(document, faults)
    if settings is None or faults:
        raise ConfigError(sorted(faults, key=lambda fault: (fault.file, fault.line)))
    return settings


def recurring(document: yamlfile.Document, faults: list[Fault]) -> dict[str, tuple[Block, ...]]:
    """The blocks of every issue, by language; what is wrong with them is added to `faults`."""
    if "recurring" not in document.data:
        return {}
    from digest.issues.block_reader import read_blocks
    from digest.issues.issue_file import by_language

    return by_language(document, "recurring", read_blocks, (), faults)


def schema() -> dict[str, Any]:
    """The JSON Schema of config.yaml, for editors."""
    made = _model().model_json_schema(by_alias=True)
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


def _override(document: yamlfile.Document, environ: Mapping[str, str]) -> None:
    """Lay `DIGEST_SMTP__HOST=…` over smtp.host. Names without `__` are other things (DIGEST_SMTP_PASSWORD).

    But one that is a setting's name, with one underscore for two, is a slip: DIGEST_SEND_APPROVAL would ask nobody.
    """
    sections = {info.alias or name: info.annotation for name, info in _model().model_fields.items()}
    audiences = document.data.get("audiences")
    own = list(audiences) if isinstance(audiences, dict) else []
    for variable in sorted(environ):
        if not (variable.startswith(PREFIX) and "__" in variable.removeprefix(PREFIX)):
            section = variable.removeprefix(PREFIX).lower()
            if section in sections and variable.startswith(PREFIX) and environ[variable].lstrip()[:1] in ("[", "{"):
                kind = sections[section]
                keys = hasattr(kind, "model_fields") or typing.get_origin(kind) is dict
                each = ", and each of its keys has a variable" if keys else ""
                message = f"is not read: {section} as a whole stands in {NAME}{each}"
                document.faults.append(Fault(file=f"environment {variable}", message=message))
            elif meant := _meant(variable, environ, document.data):
                message = f"is not read; what sets {meant} is {PREFIX}{meant.replace('.', '__').upper()}"
                document.faults.append(Fault(file=f"environment {variable}", message=message))
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        origin = f"environment {variable}"
        if path[0] not in sections:
            hint = yamlfile.did_you_mean(path[0], sections)
            document.faults.append(Fault(file=origin, message=f"{path[0]!r} is not a section of {NAME}{hint}"))
            continue
        if path[0] == "audiences" and path[1] not in own:
            near = yamlfile.did_you_mean(path[1], own)
            # Another name may be a new audience, as skills2 is beside skills.
            if near.startswith(",") and not re.search(r"\d", path[1]):
                document.faults.append(Fault(file=origin, message=f"there is no audience {path[1]!r}{near}"))
                continue
        value, wrong = _value(environ[variable], yamlfile.kind_at(_model(), path))
        document.faults += [Fault(file=origin, message=fault.message) for fault in wrong]
        _put(document, path, value, origin)


def _meant(variable: str, environ: Mapping[str, str], data: Mapping[str, Any]) -> str:
    """The setting whose variable this would be with two underscores; empty for a name that config.yaml gives itself.

    And for what Kubernetes gives every container of its services, one called digest-smtp among them.
    """
    service = environ[variable].startswith(("tcp://", "udp://"))
    if not variable.startswith(PREFIX) or service or any(variable in text for text in _texts(data)):
        return ""
    name = variable.removeprefix(PREFIX).lower()
    for field_name, info in _model().model_fields.items():
        section = info.alias or field_name
        keys = {part.alias or key for key, part in getattr(info.annotation, "model_fields", {}).items()}
        key = name.removeprefix(f"{section}_")
        if key in keys and key != name and f"{PREFIX}{section}__{key}".upper() not in environ:
            return f"{section}.{key}"
    return ""


def _texts(data: Any) -> Iterator[str]:
    """What config.yaml says, in which it may name variables: `ledger_env: DIGEST_LEDGER`, `failed: $DIGEST_FAILED`."""
    for value in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        if isinstance(value, str):
            yield value
        yield from _texts(value)


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
    document.empty = [each for each in document.empty if each != path[: len(each)]]


def _value(text: str, kind: Any) -> tuple[Any, list[Fault]]:
    """A value from the environment, and what is wrong with it: a text, or a list or mapping in YAML's flow style.

    What is a text by its kind stays one: `{{ edition.title }}` is a subject.
    """
    if text.lstrip()[:1] in ("[", "{") and kind is not str:
        inner = yamlfile.parse(f"value: {text}", "environment")
        if not inner.faults or not (isinstance(kind, types.UnionType) and str in typing.get_args(kind)):
            return inner.data.get("value", ""), inner.faults
    return text, []


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
        social=tuple(part.social.items()),
    )


def _audience(name: str, part: AudienceSection, newsroom: NewsroomProfile) -> Audience:
    languages = part.languages or (newsroom.language,)
    return Audience(
        name=name,
        title=part.title if isinstance(part.title, str) else part.title[languages[0]],
        titles=tuple(part.title.items()) if isinstance(part.title, dict) else (),
        was=part.was,
        description=part.description,
        select=Match(**dict(part.select)),
        exclude=Match(**dict(part.exclude)),
        languages=languages,
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
