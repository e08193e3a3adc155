"""Approve a newsroom's editions: what was built, held against what would go now.

The build folder is what the editor looked at; what would go is made anew from the files as they are. Both must be the
same before anybody signs, so nobody signs bytes that no reader will get. It puts rooms together and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from digest import hooks
from digest.editions import approval, build_folder
from digest.errors import ApprovalError, DigestError, UsageError
from digest.newsroom.newsroom import BUILD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from digest.editions.approval import Approval
    from digest.editions.build_folder import Build
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalStatus:
    """An edition's approval and whether it holds. `problem` says why not; empty when it does."""

    edition: str
    subject: str
    approval: Approval | None
    needed: str
    problem: str
    warnings: tuple[str, ...] = ()  # hooks that could not be told

    def lines(self) -> Iterator[str]:
        """For people."""
        signed = self.approval.signatures if self.approval else ()
        yield f"{self.edition}: {self.subject}"
        for each in signed:
            yield f"  approved by {each.who}, {each.when}"
        if self.problem:
            yield f"  {self.problem}"
        elif signed:
            yield "  holds: it may go"
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
        }


def account_of(newsroom: Newsroom, build: Build) -> dict[str, Any]:
    """What an approval names of a build: its fingerprint and its inputs."""
    fingerprint = build.rendering.fingerprint if build.rendering else ""
    return {"fingerprint": fingerprint, "inputs": newsroom.inputs(build)}


def demand(newsroom: Newsroom, build: Build, needed: approval.Needed) -> None:
    """Let the build go. Raises ApprovalError (exit 5) when its approval is missing, void or one word short."""
    signed = approval.load(approval.path_of(newsroom.root, build.edition))
    approval.judge(signed, build.edition.id, account_of(newsroom, build), needed)


def state(newsroom: Newsroom, edition: Edition, now: datetime) -> ApprovalStatus:
    """Who approved the edition, and whether that holds for what would go now."""
    build = newsroom.build(edition, now=now)
    return _standing(newsroom, build, approval.load(approval.path_of(newsroom.root, edition)))


def approve(newsroom: Newsroom, edition: Edition, who: str, now: datetime) -> ApprovalStatus:
    """Sign the edition as it was built. Raises ApprovalError when the build is missing, or is not what would go."""
    account = _built(newsroom, edition)
    build = newsroom.build(edition, now=now)
    ours = account_of(newsroom, build)
    again = f"digest build {_flags(edition)}"
    if account["fingerprint"] != ours["fingerprint"] or account["inputs"] != ours["inputs"]:
        what = ", ".join(approval.changes(account["inputs"], ours["inputs"])) or "how it is put together"
        message = f"{edition.id}: changed since it was built: {what}; `{again}`, look at it, and approve that"
        raise ApprovalError(message)
    path = approval.path_of(newsroom.root, edition)
    signed = approval.sign(approval.load(path), edition.id, account, who, now)
    try:
        approval.save(path, signed)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise DigestError(message) from error
    standing = _standing(newsroom, build, signed)
    return replace(
        standing, warnings=hooks.fire(newsroom.config, newsroom.environ, "approved", {**standing.as_data(), "by": who})
    )


def _standing(newsroom: Newsroom, build: Build, signed: Approval | None) -> ApprovalStatus:
    needed = newsroom.config.settings.send.approval
    try:
        # Shown as if one word were needed even where none is: whoever asks wants to know whether it holds.
        approval.judge(
            signed, build.edition.id, account_of(newsroom, build), needed if needed != "none" else "required"
        )
        problem = ""
    except ApprovalError as error:
        problem = str(error)
    subject = build.rendering.subject if build.rendering else "no stories"
    return ApprovalStatus(edition=build.edition.id, subject=subject, approval=signed, needed=needed, problem=problem)


def _built(newsroom: Newsroom, edition: Edition) -> dict[str, Any]:
    """The manifest of what was built and looked at, its files checked against their hashes."""
    folder = build_folder.folder(newsroom.root / BUILD, edition)
    if not (folder / build_folder.MANIFEST).exists():
        message = f"{edition.id} was not built; `digest build {_flags(edition)}`, look at it, and approve that"
        raise UsageError(message)
    account = build_folder.read_manifest(folder / build_folder.MANIFEST)
    if changed := build_folder.damaged(folder, account):
        message = f"{folder / changed} was changed after it was built; `digest build {_flags(edition)}`"
        raise ApprovalError(message)
    if not account.get("fingerprint"):
        message = f"{edition.id} has nothing to approve: it was built with verdict {account['verdict']}"
        raise UsageError(message)
    return account


def _flags(edition: Edition) -> str:
    kind = edition.period.kind
    when = (
        f"--since {edition.period.first} --until {edition.period.after}"
        if kind == "span"
        else f"--{kind} {edition.period.id}"
    )
    return f"{when} --audience {edition.audience}"
