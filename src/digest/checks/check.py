"""What a check is: a code, a severity, one sentence of why, and a function from a Subject to the spots it found.

A check only finds. Its severity, and whether it is heard at all, are decided by the registry and the newsroom's policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from digest.checks.context import CheckContext
    from digest.model import Severity

Scope = Literal["stories", "rendering", "mail", "network"]


class Hit(NamedTuple):
    """Where something was found, and what. `where` is like Finding.where: `stories/a.md:4`, `html:12`, `subject`."""

    where: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One named check. `why` is one sentence: what it protects the reader or the newsroom from."""

    code: str
    severity: Severity
    scope: Scope
    why: str
    run: Callable[[CheckContext], Iterable[Hit]]


def check(
    code: str, severity: Severity, scope: Scope, why: str
) -> Callable[[Callable[[CheckContext], Iterable[Hit]]], Check]:
    """Make the function below it a Check; `run` is the function itself."""

    def made(function: Callable[[CheckContext], Iterable[Hit]]) -> Check:
        return Check(code=code, severity=severity, scope=scope, why=why, run=function)

    return made
