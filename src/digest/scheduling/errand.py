"""Do one task: each edition of one audience and period is built, approved, frozen, sent, and said to be where it is.

    Item ─build─▶ build/ ─check, approval, archive─▶ frozen ─send─▶ Result(kind, a sentence, an exit code)

What was begun goes on, however late it is. What is settled in the ledger is only reported. Every refusal becomes part
of the Result, so that one audience's trouble is never another's; it remembers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from digest import builds, hooks
from digest.errors import AlreadySent, ApprovalError, DigestError, LedgerBusy, TransportError
from digest.mailing import post
from digest.report import sentence
from digest.scheduling import agenda
from digest.sender.tally import HELD, UNFINISHED
from digest.wiring import ARCHIVE, BUILD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from digest.approval import Needed
    from digest.builds import Build
    from digest.delivery import State
    from digest.engines.local import Stopping
    from digest.ledger.ledger import SqlLedger
    from digest.mailing.parts import Parts
    from digest.model import Edition
    from digest.ports import Transport
    from digest.scheduling.agenda import Item


class Kind(StrEnum):
    """How a task stands after a run, the worst last."""

    NOTHING = "nothing"  # by the audience's policy there is no edition: settled
    SENT = "sent"  # as far as the machine can bring it: settled; who was refused is named
    RETRY = "retry"  # some readers, or the relay, are tried again at the next run
    UNAPPROVED = "unapproved"  # its time has come, and nobody's word
    HELD = "held"  # its time is long past, or its rule is newer: a person must decide
    FAILED = "failed"  # it cannot go before something is mended


_ORDER = list(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one edition stands. `message` is a sentence without the edition's name; `code` an exit code (errors.py)."""

    edition: Edition
    kind: Kind
    message: str
    code: int = 0
    stories: int = 0
    counts: Mapping[State, int] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """For programs: hooks, --json."""
        return {
            "edition": self.edition.id,
            "state": self.kind.value,
            "message": self.message,
            "stories": self.stories,
            "counts": {state.value: count for state, count in self.counts.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a task stands: as its worst edition does."""

    item: Item
    outcomes: tuple[Outcome, ...]

    @property
    def worst(self) -> Outcome:
        """The outcome that speaks for all."""
        return max(self.outcomes, key=lambda each: _ORDER.index(each.kind))

    @property
    def kind(self) -> Kind:
        """Of the worst."""
        return self.worst.kind

    @property
    def settled(self) -> bool:
        """Whether there is nothing left that the machine may do."""
        return self.kind in (Kind.SENT, Kind.NOTHING)

    @property
    def counts(self) -> dict[State, int]:
        """The readers of all its editions."""
        states = dict.fromkeys(state for each in self.outcomes for state in each.counts)
        return {state: sum(each.counts.get(state, 0) for each in self.outcomes) for state in states}

    @property
    def code(self) -> int:
        """The exit code of the worst."""
        return max(self.outcomes, key=lambda each: (_ORDER.index(each.kind), each.code)).code

    def as_data(self) -> dict[str, Any]:
        """For programs."""
        period, audience = self.item.task.key
        editions = [each.as_data() for each in self.outcomes]
        return {"period": period, "audience": audience, "state": self.kind.value, "editions": editions}


@dataclass(frozen=True, kw_only=True)
class Office:
    """What an errand works with. `transport` opens the way out when it is first needed."""

    parts: Parts
    ledger: SqlLedger
    transport: Callable[[], Transport]
    now: datetime
    stopping: Stopping
    warn: Callable[[str], None]

    def hook(self, event: hooks.Event, facts: Mapping[str, Any]) -> None:
        """Tell the hooks of this event; those that fail are warned of."""
        newsroom = self.parts.newsroom
        for warning in hooks.fire(newsroom.config, newsroom.environ, event, facts):
            self.warn(warning)


def carry_out(office: Office, item: Item, *, force: bool = False) -> Result:
    """Do the task as far as it can be done now. With `force`, what is held goes too."""
    newsroom, task = office.parts.newsroom, item.task
    editions = newsroom.editions(task.period, [task.audience])
    if item.hold and not force and not any(office.ledger.mailing(each.id) for each in editions):
        held = (Outcome(edition=each, kind=Kind.HELD, message=item.why, code=1) for each in editions)
        return Result(item=item, outcomes=tuple(held))
    demand = agenda.needed(newsroom, task.rule)
    return Result(item=item, outcomes=tuple(_edition(office, each, demand) for each in editions))


def _edition(office: Office, edition: Edition, demand: Needed) -> Outcome:
    if _settled(office.ledger, edition):
        return _sent(office, edition)
    if office.stopping.signal:
        return Outcome(edition=edition, kind=Kind.RETRY, message="not begun: asked to end", code=75)
    try:
        if office.ledger.mailing(edition.id) is None:
            build = _build(office, edition)
            if build.rendering is None:
                return Outcome(edition=edition, kind=Kind.NOTHING, message=_thin(build))
        return _send(office, edition, demand)
    except AlreadySent:
        return _sent(office, edition)  # somebody else was faster
    except DigestError as error:
        return _stopped(office, edition, error)


def _send(office: Office, edition: Edition, demand: Needed) -> Outcome:
    transport = office.transport()
    ready = post.freeze(office.parts, office.ledger, edition, office.now, needed=demand)
    for said in (*ready.faults, *ready.notes):
        office.warn(f"{edition.id}: {said}")
    report = post.send(
        office.parts, office.ledger, ready, transport,
        now=office.now, connections=office.parts.smtp().connections, stopping=office.stopping,
    )  # fmt: skip
    if report.stopped is not None:
        raise report.stopped
    return _waiting(office, edition) if report.left else _sent(office, edition)


def _build(office: Office, edition: Edition) -> Build:
    """Build it, and write it where an editor looks, unless the same is there already."""
    newsroom = office.parts.newsroom
    build = newsroom.build(edition, now=office.now)
    fingerprint = build.rendering.fingerprint if build.rendering else None
    manifest = builds.folder(newsroom.root / BUILD, edition) / builds.MANIFEST
    if manifest.exists():
        before = builds.read_manifest(manifest)
        if before.get("fingerprint") == fingerprint and before.get("inputs") == newsroom.inputs(build):
            return build
    place = newsroom.write(build)
    office.hook("built", {
        "edition": edition.id, "stories": len(build.selection.stories), "fingerprint": fingerprint or "",
        "folder": str(place.relative_to(newsroom.root)),
    })  # fmt: skip
    return build


def _settled(ledger: SqlLedger, edition: Edition) -> bool:
    return ledger.mailing(edition.id) is not None and not set(UNFINISHED) & set(ledger.counts(edition.id))


def _sent(office: Office, edition: Edition) -> Outcome:
    counts, stories = office.ledger.counts(edition.id), _stories(office, edition)
    message = f"{stories} stor{'y' if stories == 1 else 'ies'}, {sentence(counts)}"
    code = 1 if any(counts.get(state) for state in HELD) else 0
    return Outcome(edition=edition, kind=Kind.SENT, message=message, code=code, stories=stories, counts=counts)


def _waiting(office: Office, edition: Edition) -> Outcome:
    counts = office.ledger.counts(edition.id)
    message = f"{sentence(counts)}; the next run goes on"
    return Outcome(
        edition=edition, kind=Kind.RETRY, message=message, code=75, stories=_stories(office, edition), counts=counts
    )


def _stopped(office: Office, edition: Edition, error: DigestError) -> Outcome:
    kinds = {ApprovalError: Kind.UNAPPROVED, TransportError: Kind.RETRY, LedgerBusy: Kind.RETRY}
    kind = next((kind for known, kind in kinds.items() if isinstance(error, known)), Kind.FAILED)
    message = "; ".join(str(error).removeprefix(f"{edition.id}: ").splitlines())
    counts = office.ledger.counts(edition.id) if office.ledger.mailing(edition.id) else {}
    # An edition without a reader is somebody's mistake with a list: never settled as if it had gone.
    code = error.exit_code if error.exit_code in (1, 2, 5, 75) else 1
    return Outcome(edition=edition, kind=kind, message=message, code=code, counts=counts)


def _stories(office: Office, edition: Edition) -> int:
    """How many stories the archive says it had; the ledger does not know."""
    manifest = builds.folder(office.parts.newsroom.root / ARCHIVE, edition) / builds.MANIFEST
    return len(builds.read_manifest(manifest)["stories"]) if manifest.exists() else 0


def _thin(build: Build) -> str:
    count = len(build.selection.stories)
    if not count:
        return "nothing was sent: no stories"
    verdict = build.selection.verdict
    what = "carried over to the next" if verdict == "carry-over" else "left out"
    return f"nothing was sent: only {count} stor{'y' if count == 1 else 'ies'}, {what} by `thin: {verdict}`"
