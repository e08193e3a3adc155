"""The one function that runs the checks, and the room's door: what others use stands here.

    CheckContext ─CHECKS─▶ spots ─┬─Policy─▶ Findings, errors first
    the composer's findings ─┘

Running never raises for what is examined; a mistake in the policy is a ConfigError before anything runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.checks.catalogue import CHECKS, SAID_BY, explain
from digest.checks.check import Check
from digest.checks.context import CheckContext
from digest.checks.policy import Policy, Ruling
from digest.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["CHECKS", "Check", "CheckContext", "Policy", "Ruling", "explain", "run"]


def run(
    subject: CheckContext, *, network: bool = False, policy: Policy | None = None, made: Iterable[Finding] = ()
) -> tuple[Finding, ...]:
    """Run every check (those that need the network only with `network`), and say what was found, errors first.

    `made` are findings that were made before, by the composer: the policy rules on them too, and one that a check
    repeats more exactly is left out. The same subject gives the same findings in the same order. Checks that the
    policy silences do not run. Raises UsageError when the subject names a mail client that nobody knows.
    """
    rules = policy or Policy()
    found = [
        Finding(code=one.code, severity=one.severity, where=spot.where, message=spot.message)
        for one in CHECKS.values()
        if not rules.silences(one.code) and (network or one.scope != "network")
        for spot in one.run(subject)
    ]
    return rules.apply([*_unsaid(made, found), *found])


def _unsaid(made: Iterable[Finding], found: Sequence[Finding]) -> Iterator[Finding]:
    said = {(one.code, _file(one)) for one in found}
    for one in made:
        if not any((code, _file(one)) in said for code in SAID_BY.get(one.code, ())):
            yield one


def _file(one: Finding) -> str:
    return re.sub(r":[0-9]+$", "", one.where)
