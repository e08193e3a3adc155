"""`digest bounces` for one newsroom: open the mailbox, settle what is in it, and say what was done.

It puts rooms together and decides nothing: what a mail is, and what it may change, is judged in `recipients/bounces`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.bounces.log import BounceLog
from digest.bounces.mailbox import open_mailbox
from digest.bounces.settle import settle_mailbox
from digest.mail.message_id import message_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.bounces.settle import BounceSummary
    from digest.ledger.ledger import SqlLedger
    from digest.newsroom.sending_setup import SendingSetup

LOG = "bounces.db"


def take_in(parts: SendingSetup, ledger: SqlLedger, source: str, now: float, *, dry: bool = False) -> BounceSummary:
    """Settle every mail of `source` (file, mbox, Maildir, imaps URL).

    Raises UsageError (without a secret, too), FaultyInput, TransportError, LedgerError.
    """
    section = parts.newsroom.config.settings.bounces
    # Without it Message-IDs can be worked out by anybody who knows a reader, and a report could be forged.
    secrets = parts.demand_secrets("a report of ours cannot be told from a forged one")
    domain = parts.newsroom.config.newsroom.sender.rpartition("@")[2]
    key = secrets[-1].encode()

    def identify(edition: str, address: str) -> str:
        return message_id(edition, address, domain=domain, secret=key)

    folder = parts.newsroom.root / ".digest"
    folder.mkdir(exist_ok=True)
    log = BounceLog(f"sqlite:///{folder / LOG}")
    ca_file = str(parts.newsroom.config.path(section.ca_file)) if section.ca_file else ""
    try:
        with open_mailbox(source, password=parts.environ.get(section.password_env, ""), ca_file=ca_file) as mailbox:
            return settle_mailbox(
                mailbox,
                ledger=ledger,
                suppressions=ledger,
                log=log,
                identify=identify,
                secrets=secrets,
                now=now,
                dry=dry,
            )
    finally:
        log.close()


def lines(summary: BounceSummary, *, verbose: bool) -> Iterator[str]:
    """What was done, for people: each mail that a person must look at, all of them when `verbose`, then the counts."""
    for verdict in summary.verdicts:
        if verbose or not verdict.handled:
            yield f"{verdict.report.key or verdict.report.kind}: {verdict.note}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary.kinds.items()) or "nothing"
    yield f"read: {kinds}"
    words = ", ".join(f"{count} {reason}" for reason, count in summary.suppressed.items())
    yield f"not mailed any more: {words or 'nobody'}"
    if summary.settled:
        yield f"{summary.settled} mails that were in doubt had arrived at the relay"
    if summary.unsettled:
        yield f"{len(summary.unsettled)} for a person to look at, left where they are"
