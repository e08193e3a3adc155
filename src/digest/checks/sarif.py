"""Findings as code hosts and editors read them: SARIF 2.1.0.

SARIF is the OASIS standard "Static Analysis Results Interchange Format 2.1.0": one run, a rule for every code that
occurs, a result for every finding with its file and line. It returns a value; writing that is the caller's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from digest.checks.registry import CHECKS, COMPOSED
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digest.model import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PLACE = re.compile(r"(?P<name>.+?)(?::(?P<line>[1-9]\d{0,8})(?::(?P<column>\d{1,9}))?)?")
# Where the parts of an edition are, once built.
_PARTS = {"html": "index.html", "text": "digest.txt", "mail": "digest.eml"}


def sarif(findings: Iterable[tuple[str, Finding]], *, version: str, build: str = "build") -> dict[str, Any]:
    """A SARIF log of (edition id, finding) pairs; an edition's parts are named below `build/EDITION/`.

    Paths are relative to the newsroom's folder (`%SRCROOT%`). Findings of one place and code keep one fingerprint when
    lines move, so that a code host shows them as the same.
    """
    pairs = list(findings)
    codes = sorted({one.code for _, one in pairs})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "digest", "version": version, "rules": [_rule(code) for code in codes]}},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The newsroom's folder."}}},
                "results": [_result(edition, one, codes.index(one.code), build) for edition, one in pairs],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    one = CHECKS.get(code)
    rule: dict[str, Any] = {"id": code, "name": "".join(part.title() for part in code.split("-"))}
    if one:
        rule["shortDescription"] = {"text": one.why}
        rule["defaultConfiguration"] = {"level": _LEVELS[one.severity]}
        rule["properties"] = {"scope": one.scope}
    elif code in COMPOSED:
        rule["shortDescription"] = {"text": COMPOSED[code]}
    return rule


def _result(edition: str, one: Finding, index: int, build: str) -> dict[str, Any]:
    name, _ = _parted(one.where)
    said = ": ".join(filter(None, (one.element, one.message)))
    result: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": _LEVELS[one.severity],
        "message": {"text": said if _is_file(name) else f"{one.where}: {said}"},
        "partialFingerprints": {"digest/v1": f"{edition}:{one.code}:{name}:{re.sub(r'[0-9]+', '#', one.message)}"},
        "properties": {"edition": edition},
    }
    result["locations"] = [_location(one.where, f"{build}/{edition}")]
    if one.html and one.html != one.where:
        result["relatedLocations"] = [_location(one.html, f"{build}/{edition}")]
    return result


def _parted(where: str) -> tuple[str, int]:
    """The name and the line of a place; no line where it has none."""
    found = _PLACE.fullmatch(where)
    return (found["name"], int(found["line"] or 0)) if found else (where, 0)


def _location(where: str, folder: str) -> dict[str, Any]:
    """A place by its file and line; `folder` has the edition's parts. What is in no file is in config.yaml."""
    name, line = _parted(where)
    part = _PARTS.get(name.partition(":")[0])
    uri = f"{folder}/{part}" if part else name if _is_file(name) else "config.yaml"
    artifact = {"uri": quote(uri)} if uri.startswith("/") else {"uri": quote(uri), "uriBaseId": "%SRCROOT%"}
    region = {"region": {"startLine": line}} if line and (part or _is_file(name)) else {}
    physical = {"artifactLocation": artifact, **region}
    return {"physicalLocation": physical, "logicalLocations": [{"name": where, "kind": "member"}]}


def _is_file(name: str) -> bool:
    """`stories/a.md` and `config.yaml` are files; `subject`, `mail` and `2022-02/everyone/en` are not."""
    return bool(re.search(r"\.[A-Za-z0-9]{1,8}$", name)) and ":" not in name
