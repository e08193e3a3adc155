"""Every check by its code, and the one function that runs them.

    Subject ─CHECKS─▶ spots ─Policy─▶ Findings, errors first

A dict is the registry: a code, its Check. The policy of config.yaml can make a code louder, quieter or silent, each
with a reason. Running never raises for what is examined; a mistake in the policy is a ConfigError before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from digest.checks import (
    authentication,
    choice,
    clients,
    composed,
    contrast,
    images,
    letter,
    links,
    online,
    spamd,
    stories,
    structure,
)
from digest.checks.check import Check
from digest.checks.subject import Subject
from digest.errors import ConfigError, Fault, UsageError
from digest.model import Finding, Severity
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CHECKS", "Check", "Policy", "Ruling", "Subject", "explain", "run"]

_ROOMS = (stories, choice, images, links, composed, structure, contrast, clients, letter, online, spamd, authentication)
_LOUDNESS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def _gathered() -> dict[str, Check]:
    found = [one for room in _ROOMS for one in vars(room).values() if isinstance(one, Check)]
    found += links.LINK_CHECKS
    return {one.code: one for one in found}


CHECKS: Mapping[str, Check] = MappingProxyType(_gathered())


class Ruling(NamedTuple):
    """What a newsroom makes of a code, and why. `off` silences it."""

    severity: Severity | Literal["off"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The newsroom's rulings, by code."""

    rulings: Mapping[str, Ruling] = field(default_factory=dict)

    @classmethod
    def parse(
        cls, given: Mapping[str, tuple[str, str]], *, others: Iterable[str] = (), file: str = "config.yaml"
    ) -> Policy:
        """Read `{code: (severity or "off", reason)}`. Raises ConfigError with every mistake in it.

        `others` are codes of findings that are made elsewhere (the composer's), and may be ruled on too.
        """
        known = {*CHECKS, *others}
        faults: list[Fault] = []
        rulings: dict[str, Ruling] = {}
        for code, (severity, reason) in given.items():
            if code not in known:
                message = f"is no check{_meant(code, known)}"
                faults.append(Fault(file=file, key=f"checks.{code}", message=message))
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

    def apply(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings as the newsroom wants to hear them, errors first, then by place, none twice."""
        heard = []
        for one in findings:
            ruling = self.rulings.get(one.code)
            if ruling is None:
                heard.append(one)
            elif ruling.severity != "off":
                heard.append(Finding(code=one.code, severity=ruling.severity, where=one.where, message=one.message))
        return tuple(sorted(set(heard), key=_order))


def run(subject: Subject, *, network: bool = False, policy: Policy | None = None) -> tuple[Finding, ...]:
    """Run every check (those that need the network only with `network`), and say what was found, errors first.

    The same subject gives the same findings in the same order. Checks that the policy silences do not run. Raises
    UsageError when the subject names a mail client that nobody knows.
    """
    rules = policy or Policy()
    silent = {code for code, ruling in rules.rulings.items() if ruling.severity == "off"}
    wanted = [one for one in CHECKS.values() if one.code not in silent and (network or one.scope != "network")]
    return rules.apply(
        Finding(code=one.code, severity=one.severity, where=spot.where, message=spot.message)
        for one in wanted
        for spot in one.run(subject)
    )


def explain(code: str) -> str:
    """What a code means, why it matters and how to rule on it. Raises UsageError for a code that there is not."""
    one = CHECKS.get(code)
    if one is None:
        message = f"{code!r} is no check{_meant(code, CHECKS)}"
        raise UsageError(message)
    finds = " ".join((one.run.__doc__ or "").split())
    lines = [f"{one.code} ({one.severity}; looks at {one.scope})", f"Why: {one.why}"]
    if finds:
        lines.append(f"Finds: {finds}")
    lines.append(f"To change it: checks: {{{one.code}: {{severity: off, reason: …}}}} in config.yaml")
    return "\n".join(lines)


def _meant(code: str, known: Iterable[str]) -> str:
    hint = did_you_mean(code, known)
    return hint if hint.startswith(", did you mean") else "; `digest check --explain list` names them all"


def _order(one: Finding) -> tuple[int, str, int, str, str]:
    place, _, line = one.where.rpartition(":")
    number = int(line) if line.isascii() and line.isdigit() and len(line) < 10 else 0  # noqa: PLR2004 - a line's digits
    return (_LOUDNESS[one.severity], place if number else one.where, number, one.code, one.message)
