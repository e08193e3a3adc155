"""The checks by their code, what a newsroom makes of them, and the one function that runs them: the room's door.

    CheckContext ─CHECKS─▶ hits ─┬─Policy─▶ Findings, errors first
    the composer's findings ─┘

A plain dict is the registry: a check is in it because it stands in one of the modules below. Running never raises for
what is examined; a mistake in the policy is a ConfigError before anything runs.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from digest.checks import (
    authentication,
    blocks,
    bulk_sender,
    clients,
    contrast,
    images,
    links,
    message,
    network,
    rendering,
    sent_stories,
    stories,
    structure,
)
from digest.checks.context import Check
from digest.checks.origins import traced
from digest.errors import ConfigError, Fault, UsageError
from digest.model import Finding, Severity
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from digest.checks.context import CheckContext

_MODULES = (
    stories,
    sent_stories,
    blocks,
    images,
    links,
    rendering,
    structure,
    contrast,
    clients,
    message,
    network,
    authentication,
    bulk_sender,
)


def _gathered() -> dict[str, Check]:
    checks = [value for module in _MODULES for value in vars(module).values() if isinstance(value, Check)]
    gathered: dict[str, Check] = {}
    for check in (*checks, *links.LINK_CHECKS):
        if gathered.setdefault(check.code, check) is not check:
            message = f"two checks are called {check.code}: newsrooms name them by it in their settings"
            raise ValueError(message)
    return gathered


CHECKS: Mapping[str, Check] = MappingProxyType(_gathered())

# What the composer says while it composes, with why it says so. Its other codes are those of checks above.
COMPOSED: Mapping[str, str] = MappingProxyType(
    {
        "archive-unpublished": "An archive with an address and no editions would give every reader a dead link.",
        "field-unknown": "A column that the list does not have: no mail could be made for its readers.",
        "images-heavy": "Images of more than 600 KB together are not waited for, and make some servers refuse a mail.",
        "image-type": "A photo in a format that many mail programs do not show is left out.",
        "image-unresolved": "A photo by a path needs an address on the web, or to travel in the mail (cid).",
        "list-unread": "Nobody could see whether the list has the columns that the theme names.",
        "size-cut": "The last stories are shown as titles, so that Gmail does not clip the mail.",
        "size-over": "The mail is over its limit even with every story cut to its title.",
        "summary-footnote": "A footnote without its mark, or a mark without its note, is lost on readers.",
        "summary-html": "HTML in a summary is shown as it is typed; summaries are Markdown.",
        "summary-markup": "A mark of Markdown that does nothing, as beside a blank, is shown to readers as typed.",
        "words-missing": "The theme lacks words in this language and says them in English.",
    }
)
# A finding of the composer's is left out where a check says the same of the same place, with the line.
SAID_BY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "image-missing": frozenset({"image-missing"}),
        "image-type": frozenset({"image-format", "image-broken"}),
        "image-unsafe": frozenset({"image-unsafe"}),
        "link-relative": frozenset({"link-relative", "link-malformed"}),
        "link-unsafe": frozenset({"link-unsafe", "link-malformed", "link-disguised", "link-private"}),
    }
)


_LOUDNESS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


class Ruling(NamedTuple):
    """What a newsroom makes of a code, and why. `off` silences it."""

    severity: Severity | Literal["off"]
    reason: str


class Policy(Struct, frozen=True, kw_only=True):
    """The newsroom's rulings, by code."""

    rulings: Mapping[str, Ruling] = field(default_factory=dict)

    @classmethod
    def parse(cls, given: Mapping[str, tuple[str, str]], *, file: str = "config.yaml") -> Policy:
        """Read `{code: (severity or "off", reason)}`. Raises ConfigError with every mistake in it."""
        faults: list[Fault] = []
        rulings: dict[str, Ruling] = {}
        for code, (severity, reason) in given.items():
            if code not in CHECKS and code not in COMPOSED:
                faults.append(Fault(file=file, key=f"checks.{code}", message=f"is no check{meant(code)}"))
            elif severity not in (*Severity, "off"):
                message = f"{severity!r} is none of error, warning, info, off"
                faults.append(Fault(file=file, key=f"checks.{code}.severity", message=message))
            elif not reason.strip():
                message = "is empty; say why, the next person will ask"
                faults.append(Fault(file=file, key=f"checks.{code}.reason", message=message))
            else:
                rulings[code] = Ruling("off" if severity == "off" else Severity(severity), reason.strip())
        if faults:
            raise ConfigError(faults)
        return cls(rulings=rulings)

    def silences(self, code: str) -> bool:
        """Tell whether nothing of this code is to be heard."""
        return code in self.rulings and self.rulings[code].severity == "off"

    def apply(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings as the newsroom wants to hear them, errors first, then by place, none twice."""
        heard = (finding for finding in findings if not self.silences(finding.code))
        return tuple(sorted({self._ruled(finding) for finding in heard}, key=_order))

    def _ruled(self, finding: Finding) -> Finding:
        ruling = self.rulings.get(finding.code)
        return finding if ruling is None else replace(finding, severity=Severity(ruling.severity))


def _order(finding: Finding) -> tuple[int, str, tuple[int, ...], str, str]:
    place = _file(finding)
    numbers = tuple(int(digits) for digits in finding.where[len(place) :].split(":") if digits)
    return (_LOUDNESS[finding.severity], place, numbers, finding.code, finding.message)


def run(
    context: CheckContext, *, network: bool = False, policy: Policy | None = None, composed: Iterable[Finding] = ()
) -> tuple[Finding, ...]:
    """Run every check (those that need the network only with `network`), and say what was found, errors first.

    `composed` are findings that the composer made before: the policy rules on them too, and one that a check
    repeats more exactly is left out. The same context gives the same findings in the same order. Checks that the
    policy silences do not run. Raises UsageError when the context names a mail client that nobody knows.
    """
    rules = policy or Policy()
    found = [
        traced(
            context,
            Finding(code=check.code, severity=check.severity, where=hit.where, message=hit.message),
            hit.of,
        )
        for check in CHECKS.values()
        if not rules.silences(check.code) and (network or check.scope != "network")
        for hit in check.run(context)
    ]
    return rules.apply([*(_placed(context, each) for each in _unsaid(composed, found)), *found])


def _unsaid(composed: Iterable[Finding], found: Iterable[Finding]) -> Iterator[Finding]:
    said = {(finding.code, _file(finding)) for finding in found}
    for finding in composed:
        if not any((code, _file(finding)) in said for code in SAID_BY.get(finding.code, ())):
            yield finding


def _placed(context: CheckContext, finding: Finding) -> Finding:
    """With the line of the story's file; the composer, which reads no file, says what stands there."""
    if not finding.code.startswith("summary-"):
        return finding
    words = re.search(r"\[\^[^\]]+\]|</?[a-zA-Z][^<>]*>|<!--", finding.message)
    story = next((each for each in context.stories if each.file and each.file == finding.where), None)
    return (
        replace(finding, where=context.place(story, "summary", words=words[0] if words else "")) if story else finding
    )


def _file(finding: Finding) -> str:
    """Where it was found, without line and column."""
    return re.sub(r"(?::[0-9]{1,9}){1,2}$", "", finding.where)


def explain(code: str) -> str:
    """What a code means, why it matters and how to rule on it. Raises UsageError for a code that there is not."""
    if code in COMPOSED:
        lines = [f"{code} (found while composing)", f"Why: {COMPOSED[code]}"]
    elif code in CHECKS:
        check = CHECKS[code]
        lines = [f"{code} ({check.severity}; looks at {_SCOPES[check.scope]})", f"Why: {check.why}"]
        lines.append(f"Finds: {' '.join((check.run.__doc__ or '').split())}")
    else:
        message = f"{code!r} is no check{meant(code)}"
        raise UsageError(message)
    lines.append(f"To change it, in config.yaml: checks: {{{code}: {{severity: off, reason: …}}}}")
    return "\n".join(lines)


def meant(code: str) -> str:
    """`, did you mean 'alt-missing'?`, or where to find all codes."""
    hint = did_you_mean(code, known())
    return hint if hint.startswith(", did you mean") else f"; there are {', '.join(known())}"


def known() -> Iterable[str]:
    """Every code that a policy may rule on, in order."""
    return sorted({*CHECKS, *COMPOSED})


_SCOPES = {
    "stories": "the stories",
    "rendering": "the composed edition",
    "mail": "the finished mail",
    "network": "the network, on request",
}
