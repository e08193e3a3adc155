"""The flags that many verbs share, written once, and the decorator that gives them to a verb.

    @verb("build")                 a verb's function takes whole groups of flags (`common: Common, when: When`);
    def build(common, when): …     typer sees each flag of each group as a parameter of its own

A group is a frozen Struct whose fields carry typer's own annotations. This module opens nothing and prints nothing.
"""

from __future__ import annotations

import functools
import inspect
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct, field, structs
from typer import Argument, Option

from digest import period
from digest.cli import candidates
from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, tzinfo

    from digest.period import Period

_NAMES: Mapping[str, Callable[[typer.Context, str], list[str]]] = {
    "--audience": candidates.audiences, "--language": candidates.languages, "--topics": candidates.topics,
}  # fmt: skip


def name_option(*flags: str, metavar: str, tells: str) -> Any:
    """An option whose value is the name of something in this newsroom, so that a shell can complete it."""
    return Option(*flags, metavar=metavar, help=tells, autocompletion=candidates.offered(_NAMES[flags[-1]]))


Yes = Annotated[bool, Option("--yes", help="Do not ask (for scripts).")]
SkipBad = Annotated[bool, Option("--skip-bad", help="Leave story files with mistakes out, and go on.")]
YesNow = Annotated[
    str, Option("--yes-now", metavar="TIME", help="Mail readers at a --now far from the clock: repeat it.")
]


class Common(Struct, frozen=True, kw_only=True):
    """What every verb takes."""

    config: Annotated[
        Path | None,
        Option("-c", "--config", metavar="FILE", envvar="DIGEST_CONFIG", help="The newsroom's config.yaml."),
    ] = None
    json: Annotated[bool, Option("--json", help="Print JSON for programs.")] = False
    quiet: Annotated[bool, Option("-q", "--quiet", help="Print errors only.")] = False
    verbose: Annotated[bool, Option("-v", "--verbose", help="Print more.")] = False
    no_color: Annotated[bool, Option("--no-color", help="No colours (NO_COLOR works too).")] = False
    now: Annotated[
        str, Option("--now", metavar="TIME", help="Pretend that it is this time, for reproducible runs.")
    ] = ""
    verb: str = ""  # no flag: the one that was typed, for messages that say what to type instead


class When(Struct, frozen=True, kw_only=True):
    """Which period: one of these."""

    month: Annotated[str, Option(metavar="2022-02", help="A month.")] = ""
    quarter: Annotated[str, Option(metavar="2022-Q1", help="A quarter.")] = ""
    year: Annotated[str, Option(metavar="2021", help="A year.")] = ""
    week: Annotated[str, Option(metavar="2022-W07", help="An ISO week.")] = ""
    since: Annotated[str, Option(metavar="DAY", help="From this day, with --until.")] = ""
    until: Annotated[str, Option(metavar="DAY", help="The first day that is left out.")] = ""
    last: Annotated[str, Option(metavar="KIND", help="The last whole month, quarter, year or week.")] = ""

    def period(self, now: datetime, zone: tzinfo) -> Period:
        """The one period that was asked for. Raises UsageError when there is none, or more than one."""
        found = self.optional(now, zone)
        if found is None:
            message = "say which period: --month 2022-02 (or --quarter, --year, --week, --since and --until, --last)"
            raise UsageError(message)
        return found

    def optional(self, now: datetime, zone: tzinfo) -> Period | None:
        """The period that was asked for, or None. Raises UsageError for more than one, PeriodError for a bad one."""
        named = {kind: text for kind in period.KINDS if (text := getattr(self, kind))}
        spans = bool(self.since or self.until)
        if len(named) + spans + bool(self.last) > 1:
            message = "more than one period; give one of --month, --quarter, --year, --week, --since/--until, --last"
            raise UsageError(message)
        if spans:
            if not (self.since and self.until):
                message = "--since and --until go together; the day of --until is the first one left out"
                raise UsageError(message)
            return period.span(self.since, self.until, zone)
        if self.last:
            kind = next((kind for kind in period.KINDS if kind == self.last.lower()), None)
            if kind is None:
                message = f"--last {self.last!r}: write one of {', '.join(period.KINDS)}"
                raise UsageError(message)
            return period.last(kind, now, zone)
        return next((period.parse(text, zone, kind=kind) for kind, text in named.items()), None)

    def again(self) -> str:
        """The flags as they were typed, for the next command to type."""
        pairs = ((name, getattr(self, name)) for name in (*period.KINDS, "since", "until", "last"))
        return " ".join(f"--{name} {text}" for name, text in pairs if text)


class EditionFlags(When, frozen=True, kw_only=True):
    """Which editions: by name (`2022-02/everyone/en`), or by a period, audiences and a language. Never both."""

    named: Annotated[
        list[str],
        Argument(
            metavar="[EDITION]...",
            help="2022-02/everyone/en, or 2022-02/everyone for all its languages.",
            show_default=False,
            autocompletion=candidates.offered(candidates.editions),
        ),
    ] = field(default_factory=list)
    audience: Annotated[
        list[str], name_option("-a", "--audience", metavar="NAME", tells="Only this audience; may be repeated.")
    ] = field(default_factory=list)
    language: Annotated[str, name_option("-l", "--language", metavar="TAG", tells="Only this language.")] = ""

    def demand_one_way(self) -> None:
        """Raise UsageError when editions are named, and described by flags as well."""
        described = super().again() or " ".join(self._whose())
        if self.named and described:
            message = f"{self.named[0]} says which edition; leave out {described}, or say it by flags alone"
            raise UsageError(message)

    def again(self) -> str:
        """The names and flags as they were typed, for the next command to type."""
        return " ".join(filter(None, (*self.named, super().again(), *self._whose())))

    @property
    def described(self) -> bool:
        """Whether flags say which."""
        return bool(super().again() or self.audience or self.language)

    @property
    def whole(self) -> bool:
        """Whether all languages are meant."""
        return not self.language and all(name.strip("/").count("/") == 1 for name in self.named)

    def _whose(self) -> list[str]:
        flags = [f"--audience {name}" for name in self.audience]
        return [*flags, f"--language {self.language}"] if self.language else flags


class EditionAndReaders(EditionFlags, frozen=True, kw_only=True):
    """One edition, said either way, and addresses of its readers behind it."""

    named: Annotated[
        list[str],
        Argument(
            metavar="[EDITION] [ADDRESS]...",
            help="2022-02/everyone/en, then readers who are held.",
            show_default=False,
            autocompletion=candidates.offered(candidates.editions),
        ),
    ] = field(default_factory=list)

    def parted(self) -> tuple[EditionFlags, list[str]]:
        """The edition, and the addresses: what has an @, which no edition's name has."""
        readers = [word for word in self.named if "@" in word]
        return structs.replace(self, named=[word for word in self.named if "@" not in word]), readers


class SendFlags(Struct, frozen=True, kw_only=True):
    """How a send goes."""

    live: Annotated[bool, Option("--live", help="Really send. Without it: a plan.")] = False
    yes: Yes = False
    to: Annotated[str, Option("--to", metavar="ADDRESS", help="One test mail to this address, not recorded.")] = ""
    limit: Annotated[int | None, Option("--limit", min=1, metavar="N", help="At most N mails in this run.")] = None
    only: Annotated[str, Option("--only", metavar="ADDRESS", help="Only this reader of the list.")] = ""
    eml: Annotated[Path | None, Option("--eml", metavar="DIR", help="Write .eml files instead of SMTP.")] = None
    maildir: Annotated[bool, Option("--maildir", help="With --eml: make DIR a Maildir.")] = False
    shrink: Annotated[
        bool,
        Option("--shrink", help="The list may be far shorter than last time's: it is whole."),
    ] = False
    yes_now: YesNow = ""
    # No flags of `send`:
    as_configured: bool = False
    go_on: bool = False  # one that is paused goes on, when all is asked and ready: for then the fleet sends, too
    whole: bool = False  # who waits in a language that is gone from config.yaml is mailed as well


def refuse(*rules: tuple[object, str]) -> None:
    """Raise UsageError with the words of the first rule that is broken."""
    for broken, message in rules:
        if broken:
            raise UsageError(message)


GROUPS = (SendFlags, Common, When, EditionFlags, EditionAndReaders)


def flat(function: Callable[..., None], verb: str) -> Callable[..., None]:
    """Show typer each flag of the groups that `function` takes, and hand the groups over when `verb` is typed."""
    hints = typing.get_type_hints(function, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if hint in GROUPS}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in groups:
            parameters.extend(_flags(groups[name]))
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(annotation=hints[name], kind=kind))
    # The verb's own flags come first in its help, the common ones last.
    last = {f.name for f in structs.fields(Common)}
    parameters.sort(key=lambda parameter: parameter.name in last)

    def call(**values: Any) -> None:
        made = {
            name: group(
                **{flag.name: values.pop(flag.name) for flag in _flags(group)},
                **({"verb": verb} if group is Common else {}),
            )
            for name, group in groups.items()
        }
        function(**made, **values)

    call.__name__, call.__doc__ = function.__name__, function.__doc__
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


@functools.cache  # thirty verbs share three groups, and reading annotations takes longer than all else here
def _flags(group: type[Any]) -> tuple[inspect.Parameter, ...]:
    return tuple(
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default_factory() if callable(each.default_factory) else each.default,
            annotation=each.type,
        )
        for each in structs.fields(group)
        if typing.get_origin(each.type) is Annotated
    )
