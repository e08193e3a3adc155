"""What hooks hear of a build or a send, whoever asked for it: the same facts by hand as by schedule.

    digest build ─tell_built(new ones)─▶ hooks       digest send, resume ─HookReporter─▶ hooks, once for each audience

`built`: build/ holds another edition than before. `sent`: no reader is left to be mailed. `failed`: a live send was
refused or given up. Plans, test mails, previews, builds into another folder, an interruption, and a mistake in what was
typed are nobody's news. A hook that fails is a warning; it changes nothing of what was done.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from digest import hooks
from digest.editions import build_folder
from digest.errors import AlreadySent, DigestError, LedgerBusy, NothingToSend, UsageError
from digest.model import Severity
from digest.newsroom import history
from digest.newsroom.paths import BUILD
from digest.scheduling import outcome
from digest.scheduling.journal import remember_told
from digest.scheduling.outcome import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from digest.editions.builder import Build
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom
    from digest.scheduling.outcome import EditionOutcome

# The command line was wrong, or somebody else is at it and tells; nothing is known to have failed.
_NO_NEWS = (UsageError, NothingToSend, AlreadySent, LedgerBusy)


def is_new(newsroom: Newsroom, build: Build) -> bool:
    """Whether the newsroom's build/ holds something else. Asked before it is written."""
    manifest = history.folder(newsroom.root / BUILD, build.edition) / history.MANIFEST
    if not manifest.exists():
        return True
    before = history.read_manifest(manifest)
    fingerprint = build.rendering.fingerprint if build.rendering else None
    return before.get("fingerprint") != fingerprint or before.get("inputs") != build_folder.inputs(newsroom, build)


def build_facts(newsroom: Newsroom, build: Build) -> dict[str, Any]:
    """What the hooks of `built` are told."""
    severities = [finding.severity for finding in build.findings]
    return {
        "edition": build.edition.id,
        "stories": len(build.selection.stories),
        "fingerprint": build.rendering.fingerprint if build.rendering else "",
        "folder": str(history.folder(newsroom.root / BUILD, build.edition).relative_to(newsroom.root)),
        "errors": severities.count(Severity.ERROR),
        "warnings": severities.count(Severity.WARNING),
    }


def tell_built(newsroom: Newsroom, made: Sequence[Build]) -> tuple[str, ...]:
    """Tell the hooks of builds that were written; of an edition with nothing to send there is nothing to tell."""
    return tuple(
        warning
        for each in made
        if each.rendering is not None
        for warning in hooks.fire(newsroom.config, newsroom.environ, "built", build_facts(newsroom, each))
    )


class HookReporter(Struct, frozen=True, kw_only=True):
    """A live send by hand, as its hooks hear of it. `warn` takes a line for each that could not be told."""

    newsroom: Newsroom
    ledger: SqlLedger
    now: datetime
    warn: Callable[[str], None]
    _found: dict[tuple[str, str], list[EditionOutcome]] = field(default_factory=dict)

    @contextmanager
    def about(self, edition: Edition) -> Iterator[None]:
        """Whatever is raised inside is why this edition did not go out."""
        try:
            yield
        except DigestError as error:
            if not isinstance(error, _NO_NEWS):
                self._keep(partial(outcome.stopped, self.ledger, edition, error))
            raise

    def ended(self, edition: Edition, stopped: DigestError | None) -> None:
        """The send came back; `stopped` is why it ended early."""

        def found() -> EditionOutcome | None:
            if outcome.is_settled(self.ledger, edition):
                return outcome.sent(self.newsroom.root, self.ledger, edition)
            news = stopped is not None and not isinstance(stopped, LedgerBusy)
            return outcome.stopped(self.ledger, edition, stopped) if news and stopped else None

        self._keep(found)

    def tell(self) -> None:
        """Call the hooks, and let the schedule's next run know of what they heard, so that it does not repeat it."""
        newsroom = self.newsroom
        for key, outcomes in self._found.items():
            kinds = {each.kind for each in outcomes} - {TaskStatus.NOTHING}  # who called it off knows
            event: hooks.HookEvent = "failed" if kinds - {TaskStatus.SENT} else "sent"
            if not kinds or not getattr(newsroom.config.settings.hooks, event):
                continue
            warnings: tuple[str, ...] = ()
            if event == "sent" and self._is_all(outcomes[0].edition):  # first: a hook may hang until we are killed
                warnings = remember_told(self.newsroom, f"{'/'.join(key)} {TaskStatus.SENT} hook", self.now)
            warnings += hooks.fire(newsroom.config, newsroom.environ, event, outcome.as_data(key, outcomes))
            for warning in warnings:
                self.warn(warning)

    def _is_all(self, edition: Edition) -> bool:
        """Whether the audience's other languages went out as well: the schedule tells of all together."""
        everyone = self.newsroom.editions(edition.period, [edition.audience])
        return all(outcome.is_settled(self.ledger, each) for each in everyone)

    def _keep(self, make: Callable[[], EditionOutcome | None]) -> None:
        """Note how an edition stands, where somebody wants to hear it. What cannot be read is warned of, no more."""
        section = self.newsroom.config.settings.hooks
        if not section.sent and not section.failed:
            return
        try:
            if (found := make()) is not None:
                self._found.setdefault((found.edition.period.id, found.edition.audience), []).append(found)
        except DigestError as error:
            self.warn(f"hooks were not told: {error}")


@contextmanager
def reporting(
    newsroom: Newsroom, ledger: SqlLedger, now: datetime, warn: Callable[[str], None]
) -> Iterator[HookReporter]:
    """A HookReporter whose hooks are called when the block ends, however it ends."""
    made = HookReporter(newsroom=newsroom, ledger=ledger, now=now, warn=warn)
    try:
        yield made
    finally:
        made.tell()
