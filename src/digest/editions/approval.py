"""An editor's word for the exact bytes: what was approved, by whom, when; and whether it still holds.

    manifest of a build ─sign─▶ approvals/2022-02/everyone/en.json ─judge(what would go now)─▶ holds, or why not

The file names the rendering's fingerprint and a hash of everything that went into it (stories, theme, settings, the
editor's overrides), so that any change voids it and can be named. It is meant to be committed and reviewed. This room
never builds and never sends; deciding takes values, only `load` and `save` touch the file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from digest import files
from digest.errors import ApprovalError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from digest.model import Edition

FOLDER = "approvals"
VERSION = 2  # raise it when the same content has other hashes than before: approvals are then void, and say so
Needed = Literal["none", "required", "two"]
_COUNT: dict[Needed, int] = {"none": 0, "required": 1, "two": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One person's word. `when` is ISO 8601 with its offset."""

    who: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What was approved. `inputs` maps what went into it (`story 2022-02-14-…`, `theme`, `config`) to its hash."""

    edition: str
    fingerprint: str
    inputs: Mapping[str, str]
    signatures: tuple[Signature, ...] = field(default=())
    version: int = VERSION


def path_of(root: Path, edition: Edition) -> Path:
    """Where an edition's approval lives in a newsroom's folder."""
    return root / FOLDER / edition.period.id / edition.audience / f"{edition.language}.json"


def sign(before: Approval | None, edition: str, account: Mapping[str, Any], who: str, now: datetime) -> Approval:
    """Add `who`'s word for what the build's manifest (`account`) describes.

    An approval of other content is replaced, not added to. Raises UsageError when `who` has signed this already.
    """
    made = Approval(edition=edition, fingerprint=account["fingerprint"], inputs=dict(account["inputs"]))
    if before is not None and (before.fingerprint, before.inputs) == (made.fingerprint, made.inputs):
        made = before
    if any(each.who.casefold() == who.casefold() for each in made.signatures):
        message = f"{edition}: {who} has approved this already; a second word must be another person's"
        raise UsageError(message)
    return replace(made, signatures=(*made.signatures, Signature(who=who, when=now.isoformat())))


def judge(approval: Approval | None, edition: str, account: Mapping[str, Any], needed: Needed) -> None:
    """Let what `account` describes pass. Raises ApprovalError (exit 5): missing, void with what changed, or too few."""
    count = _COUNT[needed]
    if not count:
        return
    again = f"digest approve {edition}"
    if approval is None:
        message = f"{edition}: nobody has approved it; look at it with `digest preview`, then `{again}`"
        raise ApprovalError(message)
    if approval.version != VERSION:
        message = f"{edition}: it was approved with an older version of digest; look again, then `{again}`"
        raise ApprovalError(message)
    changed = list(changes(approval.inputs, account["inputs"]))
    if changed or approval.fingerprint != account["fingerprint"]:
        what = ", ".join(changed) or "how it is put together"
        message = f"{edition}: the approval is void, as this changed since: {what}; look again, then `{again}`"
        raise ApprovalError(message)
    if len(approval.signatures) < count:
        names = ", ".join(each.who for each in approval.signatures) or "nobody"
        message = f"{edition}: approved by {names}, and {count} people must; the other one: `{again} --by NAME`"
        raise ApprovalError(message)


def stricter(one: Needed, other: Needed) -> Needed:
    """The one of two demands that asks for more people.

    >>> stricter("none", "two"), stricter("required", "none")
    ('two', 'required')
    """
    return max(one, other, key=_COUNT.__getitem__)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """What differs between two sets of inputs, in words."""
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"{name} is gone"
        elif name not in before:
            yield f"{name} is new"
        elif before[name] != after[name]:
            yield name


def load(path: Path) -> Approval | None:
    """The approval in the file; None when there is none. Raises ApprovalError for a file that is no approval."""
    try:
        data = json.loads(path.read_bytes())
        return Approval(
            edition=data["edition"],
            fingerprint=data["fingerprint"],
            inputs=dict(data["inputs"]),
            signatures=tuple(Signature(who=each["who"], when=each["when"]) for each in data["signatures"]),
            version=int(data.get("version", 1)),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        message = f"{path}: is not an approval that can be read; remove it and approve again"
        raise ApprovalError(message) from None


def save(path: Path, approval: Approval) -> None:
    """Write the approval whole. Raises OSError."""
    text = json.dumps(asdict(approval), ensure_ascii=False, indent=2, sort_keys=True)
    files.write_whole(path, f"{text}\n".encode())
