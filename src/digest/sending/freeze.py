"""Settle what an edition's readers get and who they are, once: nothing of either changes after that.

    build ─checks, approval─▶ archive ─▶ ledger.freeze_round(readers of all languages) ─▶ Frozen
    an edition whose readers wait for its content ─build, checks, approval─▶ archive ─▶ ledger.open_edition ─▶ Frozen
    an edition that is frozen already ─recall─▶ Frozen, with the same content
    one of which nobody was mailed ─thaw─▶ as if it had never been frozen

The first edition of a period that is sent settles the readers of all its languages, so that nobody falls between two.

Everything that can refuse does so before the first reader is frozen. Once frozen, the content is what the archive and
the ledger agree on, whatever happened to the stories since.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from digest.config.unfilled import unfilled
from digest.delivery import FINAL, MailingStatus, State
from digest.editions import archive
from digest.editions.approval import demand
from digest.editions.builder import build_edition
from digest.errors import (
    AlreadySent,
    CheckFailed,
    ConfigError,
    DigestError,
    EditionPaused,
    Fault,
    LedgerBusy,
    LedgerError,
    NothingToSend,
)
from digest.model import Severity
from digest.newsroom import own_secret
from digest.newsroom.paths import ARCHIVE
from digest.sending.edition_readers import plan_send, readers_of
from digest.sending.messages import content_of, message_builder, message_ids
from digest.sending.rounds import demand_open, round_readers
from digest.sending.stopping import this_process
from digest.text.counting import counted
from digest.text.urls import nobody_reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from digest.config.load import Config
    from digest.editions.archive import EditionContent
    from digest.editions.builder import Build
    from digest.ledger.ledger import SqlLedger
    from digest.ledger.sharing import Sharing
    from digest.model import Edition, Needed, Recipient, Rendering
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import Ledger

_PATIENCE = 120.0  # seconds to wait while another process freezes the edition
_LOOK = 0.2


class Frozen(Struct, frozen=True, kw_only=True):
    """An edition whose readers and content are settled. `fresh` when this run settled them."""

    content: EditionContent
    fresh: bool
    planned: int = 0
    suppressed: int = 0
    duplicates: int = 0
    bad: int = 0
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    account: str = ""  # what became of each row of the list


def finished(ledger: Ledger, edition: str) -> bool:
    """Whether the edition was frozen and every reader's mail came to an end; one in doubt has not."""
    return ledger.mailing(edition) is not None and FINAL.issuperset(ledger.counts(edition))


def refuse_finished(ledger: Ledger, edition: str) -> None:
    """Raise AlreadySent (exit 4) when there is nothing left to do, saying what became of it."""
    if finished(ledger, edition):
        from digest.report import sentence

        mailing = ledger.mailing(edition)
        off = mailing is not None and mailing.standing is MailingStatus.CANCELLED
        message = f"{edition} was {'called off' if off else 'sent already'}: {sentence(ledger.counts(edition))}"
        raise AlreadySent(message)


def paused(ledger: Ledger, edition: str) -> bool:
    """Whether a person holds it back."""
    mailing = ledger.mailing(edition)
    return mailing is not None and mailing.standing is MailingStatus.PAUSED


def refuse_paused(ledger: Ledger, edition: str) -> None:
    """Raise EditionPaused (exit 2) when a person holds it back."""
    if paused(ledger, edition):
        message = f"{edition} is paused; when it may go on: digest resume {edition}"
        raise EditionPaused(message)


def freeze(
    newsroom: Newsroom,
    ledger: SqlLedger,
    edition: Edition,
    now: datetime,
    *,
    needed: Needed = "none",
    shrink: bool = False,
    as_configured: bool = False,
) -> Frozen:
    """Settle content and readers, or recall them when they are settled. `needed` counts beside what config.yaml asks.

    With `shrink`, a list may be far shorter than last time's. With `as_configured`, who is left of a settled edition
    gets what would be made now, which must be approved as such. Raises NothingToSend, CheckFailed, ApprovalError,
    ConfigError, LedgerError; then nothing was frozen. Raises LedgerBusy when another process holds it for long.
    """
    with _alone(ledger, edition, always=as_configured):
        # Asked inside: somebody else may have settled it while this process waited.
        mailing = ledger.mailing(edition.id)
        settled, frozen = mailing.content if mailing else "", None
        with _settled_secret(newsroom, ledger, make=mailing is None) as said:
            if mailing is None:
                demand_open(newsroom, ledger, edition)
                frozen = _frozen(newsroom, ledger, _ready(newsroom, ledger, edition, now, needed), now, shrink=shrink)
            elif not settled:  # its readers wait for it
                frozen = _opened(ledger, _ready(newsroom, ledger, edition, now, needed), now)
            elif as_configured:
                frozen = _replaced(newsroom, ledger, edition, settled, now, needed)
    if frozen is None:
        frozen = _recalled(newsroom, ledger, edition, settled, now)
    return replace(frozen, notes=(*frozen.notes, *filter(None, [said])))


@contextmanager
def _settled_secret(newsroom: Newsroom, ledger: SqlLedger, *, make: bool) -> Iterator[str]:
    """See `settle_secret`. Where nothing is frozen, nobody is mailed with another secret: the ledger's stays."""
    known = ledger.mark(own_secret.MARK)
    said = newsroom.sending_setup.settle_secret(ledger, make=make)
    try:
        yield said
    except BaseException:
        if said:
            with suppress(LedgerError):  # what went wrong first is told
                ledger.set_mark(own_secret.MARK, known)
        raise


@contextmanager
def _alone(ledger: SqlLedger, edition: Edition, *, always: bool) -> Iterator[None]:
    """Hold the edition, so that archive and ledger are written as one.

    One that is settled needs no holding, but `always`: its content is to be replaced, and nobody may be sending it.
    """
    with ExitStack() as stack:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                stack.enter_context(ledger.lock(edition.id, this_process()))
                break
            except LedgerBusy:
                mailing = ledger.mailing(edition.id)
                if not always and mailing is not None and mailing.content:
                    break
                if always or time.monotonic() > end:
                    raise
                time.sleep(_LOOK)
        yield


def _replaced(
    newsroom: Newsroom, ledger: SqlLedger, edition: Edition, fingerprint: str, now: datetime, needed: Needed
) -> Frozen:
    """Give who is left what would be made now."""
    before = _content(newsroom, ledger, edition, fingerprint)
    build, content = _built(newsroom, edition, now, needed)
    if content.fingerprint == fingerprint:
        return Frozen(content=content, fresh=False)
    archive.replace(newsroom, build, content, before)
    if ledger.sharing is not None:
        publish(ledger.sharing, content, archive.page_data(newsroom, build))
    ledger.replace_content(edition.id, fingerprint, content.fingerprint, now.timestamp())
    note = "who is left gets what is configured now, not what the others got; both are in the archive"
    return Frozen(content=content, fresh=False, notes=(note,))


def _built(newsroom: Newsroom, edition: Edition, now: datetime, needed: Needed) -> tuple[Build, EditionContent]:
    """What would be sent now, sound and approved. Raises what `freeze` raises of these."""
    build = build_edition(newsroom, edition, now=now)
    content = content_of(newsroom, demand_ready(newsroom, build, needed))
    message_builder(newsroom, content, now=now, live=True)  # what a mail lacks is said before anybody is frozen
    return build, content


def demand_ready(newsroom: Newsroom, build: Build, needed: Needed = "none") -> Rendering:
    """The rendering of a build that may go: it has something to say, no errors, and its approval.

    Raises NothingToSend, CheckFailed, ApprovalError.
    """
    edition = build.edition
    if build.rendering is None:
        count = len(build.selection.stories)
        why = f"{counted(count, 'story', 'stories')}, thin: {build.selection.verdict}" if count else "no stories"
        message = f"{edition.id}: nothing to send: {why}"
        raise NothingToSend(message)
    if errors := [finding for finding in build.findings if finding.severity is Severity.ERROR]:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        first = f"{errors[0].code}: {errors[0].sentence}"
        message = f"{edition.id}: {first}{more}; `digest check` lists what must be mended"
        raise CheckFailed(message)
    demand(newsroom, build, needed)
    return build.rendering


def foreseen_readers(newsroom: Newsroom, ledger: SqlLedger | None, edition: Edition, now: datetime) -> int:
    """How many readers the edition would have if it were frozen now. Raises what `freeze` raises of its list.

    Goes through the list twice, and writes nothing.
    """
    if ledger is not None:
        demand_open(newsroom, ledger, edition)
    readers = round_readers(newsroom, edition, now)
    for _ in _filled(readers.in_languages(), newsroom.config):
        pass
    count = plan_send(readers_of(newsroom, edition, readers.offered), ledger, 0.0, {}).readers
    if not count:
        raise _nobody(edition)
    return count


def _nobody(edition: Edition) -> NothingToSend:
    return NothingToSend(
        f"{edition.id}: nobody to send it to: the list of {edition.audience} has no reader who can be mailed"
    )


def _ready(newsroom: Newsroom, ledger: SqlLedger, edition: Edition, now: datetime, needed: Needed) -> EditionContent:
    """What the edition's readers get: built, checked, approved and kept. Raises what `freeze` raises of these."""
    build, content = _built(newsroom, edition, now, needed)
    archive.keep(newsroom, build, content)
    if ledger.sharing is not None:
        publish(ledger.sharing, content, archive.page_data(newsroom, build))
    return content


def _frozen(newsroom: Newsroom, ledger: SqlLedger, content: EditionContent, now: datetime, *, shrink: bool) -> Frozen:
    """Settle the readers of the round, all languages in one pass; those of the others wait for their content."""
    edition = content.edition
    readers = round_readers(newsroom, edition, now)
    ids = {language: replace(edition, language=language).id for language in readers.offered}
    whole = not any(map(ledger.mailing, ids.values()))  # no language was settled before there were rounds
    try:
        counts = ledger.freeze_round(
            {name: content.fingerprint if name == edition.id else "" for name in ids.values()},
            _filled(((ids[language], reader) for language, reader in readers.in_languages()), newsroom.config),
            now.timestamp(),
            message_ids(newsroom),
            shrink=shrink,
        )
    except BaseException:
        if not _known(ledger, edition):
            archive.forget(newsroom.root / ARCHIVE, edition)
        raise
    if not any(counts[edition.id].values()):
        archive.forget(newsroom.root / ARCHIVE, edition)
        raise _nobody(edition)
    others = (
        f"{counted(count['planned'], f'reader of {name} is', f'readers of {name} are')} settled with it, and to wait "
        "until that is sent"
        for name, count in counts.items()
        if name != edition.id and count["planned"]
    )
    return Frozen(
        content=content,
        fresh=True,
        planned=counts[edition.id]["planned"],
        suppressed=counts[edition.id]["suppressed"],
        duplicates=counts[edition.id]["duplicates"],
        bad=readers.bad,
        faults=tuple(readers.faults),
        notes=(*readers.notes(), *others),
        account=readers.account(counts) if whole else "",
    )


def _opened(ledger: SqlLedger, content: EditionContent, now: datetime) -> Frozen:
    """Give the readers who were settled with another language their content."""
    edition = content.edition.id
    ledger.open_edition(edition, content.fingerprint, now.timestamp())
    counts = ledger.counts(edition)
    left = counts.get(State.SUPPRESSED, 0)
    return Frozen(content=content, fresh=True, planned=sum(counts.values()) - left, suppressed=left)


def _known(ledger: SqlLedger, edition: Edition) -> bool:
    """Whether the edition is frozen, or may be: then what its readers get must stay.

    A disk can fill up between the ledger's commit and the second record of it: the freeze fails, and yet it holds.
    """
    try:
        return ledger.mailing(edition.id) is not None
    except DigestError:
        return True


def _filled(readers: Iterable[tuple[str, Recipient]], config: Config) -> Iterator[tuple[str, Recipient]]:
    """The readers, as long as nobody real would get a mail with a placeholder in it. Raises ConfigError."""
    blanks = unfilled(config.document)
    for edition, reader in readers:
        if blanks and not nobody_reads(reader.address):
            message = f"{reader.address} is a real reader, and nobody is mailed before all of this is filled in"
            raise ConfigError([Fault(file=edition, message=message), *blanks])
        yield edition, reader


def _recalled(newsroom: Newsroom, ledger: SqlLedger, edition: Edition, fingerprint: str, now: datetime) -> Frozen:
    content = _content(newsroom, ledger, edition, fingerprint)
    note = (
        "stories or settings changed since it was frozen; the readers left get what the others got "
        f"(what is configured now: digest resume {edition.id} --as-configured)"
    )
    try:
        rendering = build_edition(newsroom, edition, now=now).rendering
    except DigestError as error:  # a story broken since: nobody who waits depends on it
        return Frozen(content=content, fresh=False, notes=(f"{note} ({str(error).splitlines()[0]})",))
    today = content_of(newsroom, rendering) if rendering else None
    frozen = content if content.identity else content_of(newsroom, content.rendering)
    return Frozen(
        content=content, fresh=False, notes=() if today and today.fingerprint == frozen.fingerprint else (note,)
    )


def _content(newsroom: Newsroom, ledger: SqlLedger, edition: Edition, fingerprint: str) -> EditionContent:
    if ledger.sharing is not None:  # another machine may have frozen it
        return recall_published(ledger.sharing, edition, fingerprint)
    return archive.recall(newsroom.root / ARCHIVE, edition, fingerprint)


def frozen_content(newsroom: Newsroom, ledger: SqlLedger, edition: Edition) -> EditionContent | None:
    """What the edition's readers get, where that is settled."""
    mailing = ledger.mailing(edition.id)
    return _content(newsroom, ledger, edition, mailing.content) if mailing and mailing.content else None


def thaw(newsroom: Newsroom, ledger: SqlLedger, edition: Edition) -> tuple[str, ...]:
    """Take back an edition of which nobody was mailed, with all languages of its period, to be made anew.

    Returns the editions that are gone; none where readers have another language: then all keep their place and
    language, and only the content is made anew. Raises LedgerError when somebody has it, or may have it; LedgerBusy.
    """
    with ledger.lock(edition.id, this_process()):
        gone = ledger.thaw(edition.id)
    for name in gone or (edition.id,):
        archive.forget(newsroom.root / ARCHIVE, newsroom.edition_of(name))
    return tuple(gone)


def call_off(newsroom: Newsroom, ledger: SqlLedger, edition: Edition, now: datetime) -> int:
    """Call the edition off for all who have not been mailed. Returns how many that spares.

    Where nobody was mailed, its stories have not been sent: the archive forgets it.
    """
    spared = ledger.cancel(edition.id, now.timestamp())
    counts = ledger.counts(edition.id)
    if not any(counts.get(state) for state in (State.CLAIMED, State.SENDING, State.SENT, State.IN_DOUBT)):
        archive.forget(newsroom.root / ARCHIVE, edition)
    # Who waits in another process's hands is spared too: it asks before each mail.
    return spared + counts.get(State.CLAIMED, 0)


def publish(sharing: Sharing, content: EditionContent, page: bytes = b"") -> None:
    """Put a content where every worker of a fleet finds it; and what its page is made of, where that is known."""
    sharing.put(f"rendering {content.fingerprint}", archive.as_data(content))
    if page:
        sharing.put(f"edition {content.fingerprint}", page)


def recall_published(sharing: Sharing, edition: Edition, fingerprint: str) -> EditionContent:
    """The content that was published with this fingerprint. Raises LedgerError when it is not there, or another."""
    data = sharing.get(f"rendering {fingerprint}")
    try:
        content = archive.from_data(data or b"", edition)
    except (ValueError, KeyError, TypeError):
        content = None
    if content is None or content.fingerprint != fingerprint:
        message = (
            f"{edition.id}: what its readers so far have got is not in the ledger's database; put the table `shelf` "
            f"back from your backup, or call the rest off with `digest cancel {edition.id}`"
        )
        raise LedgerError(message)
    return content
