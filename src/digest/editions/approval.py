"""Approvals: an editor's word for the exact bytes, by whom and when it was given, and whether it still holds.

    manifest of a build ─sign─▶ approvals/2022-02/everyone/en.json ─judge(what would go now)─▶ holds, or why not

The file names the rendering's fingerprint and a hash of everything that went into it (stories, theme, settings, the
editor's overrides), so that any change voids it and can be named. It is meant to be committed and reviewed. The build
folder is what the editor looked at; what would go is made anew from the files as they are. Both must be the same before
anybody signs, so nobody signs bytes that no reader will get.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from digest import files, hooks
from digest.editions import build_folder
from digest.editions.builder import build_edition
from digest.errors import ApprovalError, NothingToSend, UsageError
from digest.model import Severity
from digest.newsroom.history import MANIFEST, folder, read_manifest
from digest.newsroom.paths import BUILD
from digest.text.likeness import unaccented
from digest.text.merge import shown_subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from digest.editions.builder import Build
    from digest.model import Edition, Needed
    from digest.newsroom.newsroom import Newsroom

FOLDER = "approvals"
VERSION = 2  # raise it when the same content has other hashes than before: approvals are then void, and say so
_COUNT: dict[Needed, int] = {"none": 0, "required": 1, "two": 2}


class Signature(Struct, frozen=True, kw_only=True):
    """One person's word. `when` is ISO 8601 with its offset."""

    who: str
    when: str


class Approval(Struct, frozen=True, kw_only=True):
    """What was approved. `inputs` maps what went into it (`story 2022-02-14-…`, `theme`, `config`) to its hash."""

    edition: str
    fingerprint: str
    inputs: Mapping[str, str]
    signatures: tuple[Signature, ...] = field(default=())
    version: int = VERSION


class ApprovalStatus(Struct, frozen=True, kw_only=True):
    """An edition's approval and whether it holds. `problem` says why not; empty when it does."""

    edition: str
    subject: str
    approval: Approval | None
    needed: str
    problem: str
    warnings: tuple[str, ...] = ()  # hooks that could not be told
    errors: tuple[str, ...] = ()  # what must be mended before it is sent, whoever approved it

    def lines(self) -> Iterator[str]:
        """For people."""
        signed = self.approval.signatures if self.approval else ()
        yield f"{self.edition}: {self.subject}"
        for signature in signed:
            yield f"  approved by {signature.who}, {signature.when}"
        if self.problem:
            yield f"  {self.problem}"
        elif signed and not self.errors:
            yield "  holds: it may go"
        for error in self.errors:
            yield f"  must be mended before it is sent: {error}"
        yield from (f"  {warning}" for warning in self.warnings)

    def as_data(self) -> dict[str, Any]:
        """For programs."""
        signed = self.approval.signatures if self.approval else ()
        return {
            "edition": self.edition,
            "fingerprint": self.approval.fingerprint if self.approval else "",
            "signatures": [{"who": each.who, "when": each.when} for each in signed],
            "needed": self.needed,
            "holds": not self.problem,
            "problem": self.problem,
            "errors": list(self.errors),
        }


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
    if any(_person(signature.who) == _person(who) for signature in made.signatures):
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
        what = ", ".join(changed) or "a picture, or how it is put together"
        message = f"{edition}: the approval is void, as this changed since: {what}; look again, then `{again}`"
        raise ApprovalError(message)
    if len({_person(signature.who) for signature in approval.signatures}) < count:
        names = ", ".join(each.who for each in approval.signatures) or "nobody"
        message = f"{edition}: approved by {names}, and {count} people must; the other one: `{again} --by NAME`"
        raise ApprovalError(message)


def _person(who: str) -> frozenset[str]:
    """A name as one person's, however it is spelled: its words without case, accents, marks and order.

    >>> len({_person(who) for who in ("Zoë Lee", "lee,  zoe", "zoe.lee@example.org", "Zoë Lee <zl@example.org>")})
    1
    """
    name = who.partition("<")[0].strip() or who.strip("<> ")
    return frozenset(re.findall(r"\w+", unaccented(name.partition("@")[0])))


def demanded(newsroom: Newsroom, edition: Edition) -> Needed:
    """What an edition needs, whoever sends it: what send.approval says, or a line of the schedule that brings it out.

    Lines for the period's kind count; for a kind that no line brings out, all lines of the audience do.
    """
    settings = newsroom.config.settings
    lines = [line for line in settings.schedule if not line.audiences or edition.audience in line.audiences]
    kind = [line for line in lines if line.period == edition.period.kind] or lines
    return functools.reduce(stricter, (line.approval for line in kind), settings.send.approval)


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
    files.write_whole(path, files.readable_json(to_builtins(approval, order="sorted")))


def account_of(newsroom: Newsroom, build: Build) -> dict[str, Any]:
    """What an approval names of a build: its fingerprint and its inputs."""
    fingerprint = build.rendering.fingerprint if build.rendering else ""
    return {"fingerprint": fingerprint, "inputs": build_folder.inputs(newsroom, build)}


def demand(newsroom: Newsroom, build: Build, needed: Needed = "none") -> None:
    """Let the build go. Raises ApprovalError (exit 5) when its approval is missing, void or one word short.

    `needed` counts beside what the newsroom's settings demand.
    """
    signed = load(path_of(newsroom.root, build.edition))
    needed = stricter(needed, demanded(newsroom, build.edition))
    judge(signed, build.edition.id, account_of(newsroom, build), needed)


def state(newsroom: Newsroom, edition: Edition, now: datetime) -> ApprovalStatus:
    """Who approved the edition, and whether that holds for what would go now."""
    build = build_edition(newsroom, edition, now=now)
    return standing(newsroom, build)


def standing(newsroom: Newsroom, build: Build) -> ApprovalStatus:
    """Who approved the edition of this build, and whether that holds for it."""
    signed = load(path_of(newsroom.root, build.edition))
    needed = demanded(newsroom, build.edition)
    try:
        # Shown as if one word were needed even where none is: whoever asks wants to know whether it holds.
        judge(signed, build.edition.id, account_of(newsroom, build), needed if needed != "none" else "required")
        problem = ""
    except ApprovalError as error:
        problem = str(error)
    subject = shown_subject(build.rendering) if build.rendering else "no stories"
    errors = tuple(
        f"{finding.code}: {finding.sentence}" for finding in build.findings if finding.severity is Severity.ERROR
    )
    return ApprovalStatus(
        edition=build.edition.id, subject=subject, approval=signed, needed=needed, problem=problem, errors=errors
    )


def approve(newsroom: Newsroom, edition: Edition, who: str, now: datetime) -> ApprovalStatus:
    """Sign the edition as it was built. Raises ApprovalError when the build is missing, or is not what would go."""
    account = _built(newsroom, edition)
    build = build_edition(newsroom, edition, now=now)
    ours = account_of(newsroom, build)
    again = f"digest build {flags(edition)}"
    if account["fingerprint"] != ours["fingerprint"] or account["inputs"] != ours["inputs"]:
        what = ", ".join(changes(account["inputs"], ours["inputs"])) or "a picture, or how it is put together"
        message = f"{edition.id}: changed since it was built: {what}; `{again}`, look at it, and approve that"
        raise ApprovalError(message)
    path = path_of(newsroom.root, edition)
    with files.writing(path):
        save(path, sign(load(path), edition.id, account, who, now))
    status = standing(newsroom, build)
    return replace(
        status, warnings=hooks.fire(newsroom.config, newsroom.environ, "approved", {**status.as_data(), "by": who})
    )


def _built(newsroom: Newsroom, edition: Edition) -> dict[str, Any]:
    """The manifest of what was built and looked at, its files checked against their hashes."""
    home = folder(newsroom.root / BUILD, edition)
    if not (home / MANIFEST).exists():
        message = f"{edition.id} was not built; `digest build {flags(edition)}`, look at it, and approve that"
        raise UsageError(message)
    account = read_manifest(home / MANIFEST)
    if changed := build_folder.damaged(home, account):
        message = f"{home / changed} was changed after it was built; `digest build {flags(edition)}`"
        raise ApprovalError(message)
    if not account.get("fingerprint"):
        why = f"thin, {account['verdict']}" if account["stories"] else "no stories"
        message = f"{edition.id}: nothing to approve: {why}"
        raise NothingToSend(message)
    return account


def flags(edition: Edition) -> str:
    """What names the edition on the command line: `--month 2022-02 --audience everyone`."""
    kind = edition.period.kind
    when = (
        f"--since {edition.period.first} --until {edition.period.after}"
        if kind == "span"
        else f"--{kind} {edition.period.id}"
    )
    return f"{when} --audience {edition.audience}"
