"""How an edition stands after somebody tried to send it: a kind, a sentence, an exit code, and data for programs.

    edition, ledger ─sent, waiting─▶ EditionOutcome          edition, ledger, error ─stopped─▶ EditionOutcome

It reads the ledger and the archive, and writes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from digest.delivery import State
from digest.errors import ApprovalError, DigestError, EditionPaused, LedgerBusy, TransportError
from digest.newsroom import history
from digest.newsroom.paths import ARCHIVE
from digest.report import sentence
from digest.sending.progress import HELD, UNFINISHED
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition


class TaskStatus(StrEnum):
    """How a task stands after a run, the worst last."""

    NOTHING = "nothing"  # by the audience's policy there is no edition, or all of it was called off: settled
    DUE = "due"  # foreseen only: nothing stands in its way, and a run sends it
    SENT = "sent"  # as far as the machine can bring it: settled; who was refused is named
    PAUSED = "paused"  # a person holds it back, and only a person lets it go on
    RETRY = "retry"  # some readers, or the relay, are tried again at the next run
    UNAPPROVED = "unapproved"  # its time has come, and nobody's word
    SOURCE = "source"  # its time has come, and a source of its stories cannot be read, or is not what it was
    HELD = "held"  # its time is long past, or its rule is newer: a person must decide
    FAILED = "failed"  # it cannot go before something is mended


_ORDER = list(TaskStatus)


class EditionOutcome(Struct, frozen=True, kw_only=True):
    """How one edition stands. `message` is a sentence without the edition's name; `code` an exit code (errors.py)."""

    edition: Edition
    kind: TaskStatus
    message: str
    code: int = 0
    stories: int = 0
    counts: Mapping[State, int] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[int, int]:
        """More is worse."""
        return _ORDER.index(self.kind), self.code

    def as_data(self) -> dict[str, Any]:
        """For programs: hooks, --json."""
        return {
            "edition": self.edition.id,
            "state": self.kind.value,
            "message": self.message,
            "stories": self.stories,
            "counts": dict(self.counts),
        }


def as_data(key: tuple[str, str], outcomes: Sequence[EditionOutcome]) -> dict[str, Any]:
    """The editions of one (period id, audience), for programs: together they stand as the worst of them does."""
    period, audience = key
    editions = [each.as_data() for each in outcomes]
    worst = max(outcomes, key=lambda each: each.rank)
    return {"period": period, "audience": audience, "state": worst.kind.value, "editions": editions}


def is_settled(ledger: SqlLedger, edition: Edition) -> bool:
    """Whether the edition was frozen and there is nothing left that the machine may do about its readers."""
    return ledger.mailing(edition.id) is not None and not set(UNFINISHED) & set(ledger.counts(edition.id))


def is_begun(ledger: SqlLedger, edition: Edition) -> bool:
    """Whether what the edition's readers get is settled: then nobody is asked about it any more."""
    mailing = ledger.mailing(edition.id)
    return mailing is not None and bool(mailing.content)


def sent(root: Path, ledger: SqlLedger, edition: Edition) -> EditionOutcome:
    """It went out as far as the machine can bring it, which is nowhere when it was called off before anybody had it.

    `root` is the newsroom's folder.
    """
    counts, stories = ledger.counts(edition.id), _stories(root, edition)
    known = f"{counted(stories, 'story', 'stories')}, " if stories else ""  # in a fleet another may have them
    message = f"{known}{sentence(counts)}"
    code = 1 if any(counts.get(state) for state in HELD) else 0
    nobodys = set(counts) <= {State.CANCELLED, State.SUPPRESSED} and counts.get(State.CANCELLED)
    kind = TaskStatus.NOTHING if nobodys else TaskStatus.SENT
    return EditionOutcome(edition=edition, kind=kind, message=message, code=code, stories=stories, counts=counts)


def waiting(root: Path, ledger: SqlLedger, edition: Edition) -> EditionOutcome:
    """Some of its readers are tried again."""
    counts = ledger.counts(edition.id)
    message = f"{sentence(counts)}; the next run goes on"
    return EditionOutcome(
        edition=edition, kind=TaskStatus.RETRY, message=message, code=75, stories=_stories(root, edition), counts=counts
    )


def paused(ledger: SqlLedger, edition: Edition) -> EditionOutcome:
    """A person holds it back: nothing failed, and no run goes on with it. A fleet that was refused does as much."""
    counts = ledger.counts(edition.id)
    if ledger.sharing is not None and (reason := ledger.sharing.halted(edition.id)):
        message = f"{sentence(counts)}; held back by {reason}; mended, `digest resume {edition.id}`"
        return EditionOutcome(edition=edition, kind=TaskStatus.FAILED, message=message, code=1, counts=counts)
    message = f"paused: {sentence(counts)}; when it may go on: digest resume {edition.id}"
    return EditionOutcome(edition=edition, kind=TaskStatus.PAUSED, message=message, counts=counts)


def going_on(ledger: SqlLedger, edition: Edition) -> EditionOutcome:
    """Its readers and content are settled, and some are left to be mailed."""
    counts = ledger.counts(edition.id)
    return EditionOutcome(edition=edition, kind=TaskStatus.DUE, message=sentence(counts), counts=counts)


def stopped(ledger: SqlLedger | None, edition: Edition, error: DigestError) -> EditionOutcome:
    """It was refused, or could not go on."""
    if isinstance(error, EditionPaused) and ledger is not None:
        return paused(ledger, edition)
    kinds = {ApprovalError: TaskStatus.UNAPPROVED, TransportError: TaskStatus.RETRY, LedgerBusy: TaskStatus.RETRY}
    kind = next((kind for known, kind in kinds.items() if isinstance(error, known)), TaskStatus.FAILED)
    message = "; ".join(str(error).removeprefix(f"{edition.id}: ").splitlines())
    counts = ledger.counts(edition.id) if ledger is not None and ledger.mailing(edition.id) else {}
    # An edition without a reader is somebody's mistake with a list: never settled as if it had gone.
    code = error.exit_code if error.exit_code in (1, 2, 5, 75) else 1
    return EditionOutcome(edition=edition, kind=kind, message=message, code=code, counts=counts)


def bug(error: Exception, *, shown_by: str = "the output of `digest run`") -> DigestError:
    """What nobody foresaw, as something that a person can be told of; whoever catches it shows its traceback."""
    return DigestError(f"a bug of digest, {type(error).__name__}: {error}; {shown_by} shows where")


def _stories(root: Path, edition: Edition) -> int:
    """How many stories the archive says it had; the ledger does not know."""
    manifest = history.folder(root / ARCHIVE, edition) / history.MANIFEST
    return len(history.read_manifest(manifest)["stories"]) if manifest.exists() else 0
