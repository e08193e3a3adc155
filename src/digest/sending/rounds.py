"""The round of an edition: all its languages, which are settled together, and what is known of it already.

    edition ─▶ languages that are offered ─▶ one pass over the list      edition ─▶ as the ledger knows it, or why not

A round is a period and an audience, whatever the audience was called. Nothing here writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from digest.editions import archive
from digest.errors import DigestError, NoLedger, NothingToSend
from digest.newsroom.paths import ARCHIVE
from digest.sending.edition_readers import readers_of
from digest.sending.progress import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom
    from digest.sending.edition_readers import Readers


def round_readers(newsroom: Newsroom, edition: Edition, now: datetime) -> Readers:
    """One pass over the list of the edition's audience, for its round as it is made now.

    In those languages that have something to send, and this one. One whose stories cannot be read is among them: its
    readers wait until that is mended.
    """
    languages = (
        language
        for language in newsroom.config.audience(edition.audience).languages
        if language == edition.language or may_have_stories(newsroom, replace(edition, language=language), now)
    )
    return readers_of(newsroom, edition, tuple(languages))


def may_have_stories(newsroom: Newsroom, edition: Edition, now: datetime) -> bool:
    """Whether the edition has something to send, or may have: its stories cannot be read."""
    try:
        selection = newsroom.select(edition, now=now)
    except DigestError:
        return True
    return bool(selection.stories) and selection.verdict == "send"


def frozen_as(ledger: SqlLedger, edition: Edition) -> Edition:
    """The edition as the ledger knows it: under a former name of its audience, where it was frozen under that."""
    if ledger.mailing(edition.id) is None:
        for name in ledger.names(edition.audience)[1:]:
            former = replace(edition, audience=name)
            if ledger.mailing(former.id) is not None:
                return former
    return edition


def whole_rounds(newsroom: Newsroom, ledger: SqlLedger, editions: Sequence[Edition]) -> list[Edition]:
    """The editions as the ledger knows them, and those of their rounds that wait in a language that is gone since."""
    found = {each.id: each for each in (frozen_as(ledger, edition) for edition in editions)}
    ours = {(each.period.id, name) for each in editions for name in ledger.names(each.audience)}
    for name in (mailing.edition for mailing in ledger.mailings()):
        edition = newsroom.edition_of(name)
        # Counted last: that of every edition that was ever sent takes seconds.
        if (edition.period.id, edition.audience) in ours and set(UNFINISHED) & set(ledger.counts(name)):
            found.setdefault(name, edition)
    return list(found.values())


def unoffered(ledger: SqlLedger, edition: Edition) -> str:
    """Why an edition can have no readers any more: its round was settled without it. Empty when that is not so."""
    round_ = ledger.round(edition.id) if ledger.mailing(edition.id) is None else None
    if round_ is None:
        return ""
    names = ", ".join(mailing.edition for mailing in round_)
    return (
        f"nobody to send it to: the readers of this period were settled in {names}, without this language; who came to "
        "the list since gets the next issue"
    )


def demand_open(newsroom: Newsroom, ledger: SqlLedger, edition: Edition) -> None:
    """Raise for an edition that cannot be frozen: NothingToSend, ConfigError for an unexplained rename, LedgerError."""
    if why := unoffered(ledger, edition):
        message = f"{edition.id}: {why}"
        raise NothingToSend(message)
    period = edition.id.partition("/")[0]
    newsroom.config.demand_explained(edition.audience, ledger.audiences(), ledger.audiences(period))
    demand_unbegun(newsroom, ledger, edition)
    demand_known(newsroom, ledger)


def demand_unbegun(newsroom: Newsroom, ledger: SqlLedger, edition: Edition) -> None:
    """Raise LedgerError when another ledger knows to whom an edition of the round went.

    Of one that was taken back, a kill in the midst of that, or another machine, may have kept a record.
    """
    kept = newsroom.root / ARCHIVE
    for each in archive.begun(kept, edition, ledger.names(edition.audience)):
        if ledger.mailing(each.id) is None and not ledger.took_back(each.id):
            archive.refuse_begun(kept, each, ledger_place(newsroom, ledger))


def demand_known(newsroom: Newsroom, ledger: SqlLedger | NoLedger) -> None:
    """Raise LedgerError when another ledger sent before this one began or will, and alone knows who has left."""
    if isinstance(ledger, NoLedger):
        archive.refuse_new(newsroom.root / ARCHIVE, ledger.place.removeprefix(f"{newsroom.root}/"))
    elif ledger.is_new():
        archive.refuse_new(newsroom.root / ARCHIVE, ledger_place(newsroom, ledger))


def ledger_place(newsroom: Newsroom, ledger: SqlLedger) -> str:
    """Where the ledger is, without its password, and seen from the newsroom: both may move together."""
    return ledger.database.name.removeprefix(f"{newsroom.root}/")
