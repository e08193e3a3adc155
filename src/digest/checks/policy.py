"""What a newsroom makes of the checks: a code louder, quieter or silent, each with a reason.

It decides what is heard of what was found; it finds nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from digest.checks.catalogue import CHECKS, COMPOSED, meant
from digest.errors import ConfigError, Fault
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from digest.model import Finding

_LOUDNESS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


class Ruling(NamedTuple):
    """What a newsroom makes of a code, and why. `off` silences it."""

    severity: Severity | Literal["off"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
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
        heard = (one for one in findings if not self.silences(one.code))
        return tuple(sorted({self._ruled(one) for one in heard}, key=_order))

    def _ruled(self, one: Finding) -> Finding:
        ruling = self.rulings.get(one.code)
        return one if ruling is None else replace(one, severity=Severity(ruling.severity))


def _order(one: Finding) -> tuple[int, str, int, str, str]:
    place, _, line = one.where.rpartition(":")
    number = int(line) if line.isascii() and line.isdigit() and len(line) < 10 else 0  # noqa: PLR2004 - a line's digits
    return (_LOUDNESS[one.severity], place if number else one.where, number, one.code, one.message)
