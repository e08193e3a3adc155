"""Process what came back: find the mails that are meant, decide about all of them, then do it.

    mailbox ─▶ reports ─Message-IDs, tokens─▶ deliveries ─rules.decide─▶ verdicts ─▶ suppressions, ledger, log

What proves which mail is meant is the Message-ID that the ledger knows (derived with a secret, so that nobody can guess
it), or an unsubscribe token that was made here. Running it twice over the same reports changes nothing more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from digest.bounces.log import BounceLog
from digest.bounces.mailbox import ImapLogin, is_imap, open_mailbox
from digest.bounces.report import BounceReport, ReportKind, read
from digest.bounces.rules import IN_A_ROW, BounceClass, BounceVerdict, classify, decide
from digest.delivery import Event, State
from digest.files import make_folder
from digest.mail.address import domain_of, key
from digest.mail.message_id import message_id
from digest.newsroom.paths import STATE
from digest.recipients import tokens
from digest.sending.messages import message_ids
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from digest.bounces.mailbox import Letter, Mailbox
    from digest.delivery import Delivery
    from digest.ledger.ledger import SqlLedger
    from digest.model import Audience
    from digest.newsroom.newsroom import Newsroom
    from digest.ports import Suppressions

LOG = "bounces.db"
_COUNT = (BounceClass.DEAD, BounceClass.SOFT)
DEPTH = 24  # editions whose Message-IDs are derived, when the ledger does not hold them; the newest ones
_WENT = frozenset({State.SENT, State.IN_DOUBT})  # what the relay refused is between the two of us
_PAST = 8 * IN_A_ROW  # mails of a reader that are looked at: there may be several a period


class BounceSummary(Struct, frozen=True, kw_only=True):
    """What was done. `suppressed` counts new suppressions by reason, `settled` mails taken out of doubt."""

    verdicts: tuple[BounceVerdict, ...] = ()
    suppressed: Mapping[str, int]
    settled: int = 0

    @property
    def kinds(self) -> Mapping[ReportKind, int]:
        """How many reports of each kind there were."""
        return Counter(verdict.report.kind for verdict in self.verdicts)

    @property
    def unsettled(self) -> tuple[BounceVerdict, ...]:
        """Those that a person must look at."""
        return tuple(verdict for verdict in self.verdicts if not verdict.handled)

    def as_data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "reports": [
                {
                    "key": verdict.report.key,
                    "kind": verdict.report.kind.value,
                    "note": verdict.note,
                    "handled": verdict.handled,
                }
                for verdict in self.verdicts
            ],
            "suppressed": dict(self.suppressed),
            "settled": self.settled,
        }


class BounceRecords(Struct, frozen=True, kw_only=True):
    """What reports are judged by, and where it is written what follows from them.

    `identify(edition, address)` derives the Message-ID of a delivery whose row does not hold it. `audiences` are those
    of today, by name. `domain` is that of our Message-IDs: with it a report is known by the address to which it came,
    too (VERP).
    """

    ledger: SqlLedger
    log: BounceLog
    identify: Callable[[str, str], str]
    secrets: Sequence[str]
    now: float
    audiences: Mapping[str, Audience] = field(default_factory=dict)
    domain: str = ""

    def message_id(self, delivery: Delivery) -> str:
        """The Message-ID of a delivery's mail."""
        return delivery.message_id or self.identify(delivery.edition, delivery.address)


def process(newsroom: Newsroom, ledger: SqlLedger, source: str, now: float, *, dry: bool = False) -> BounceSummary:
    """Settle every mail of `source` (file, mbox, Maildir, imaps URL).

    Raises UsageError (without a secret, too), FaultyInput, TransportError, LedgerError.
    """
    section = newsroom.config.settings.bounces
    # Without it Message-IDs can be worked out by anybody who knows a reader, and a report could be forged.
    secrets = newsroom.sending_setup.demand_secrets("a report of ours cannot be told from a forged one")
    folder = newsroom.root / STATE
    make_folder(folder)
    log = BounceLog(folder / LOG)
    ca_file = str(newsroom.config.path(section.ca_file)) if section.ca_file else ""
    try:
        login = None
        if is_imap(source):
            password, token = newsroom.sending_setup.imap_login()
            login = ImapLogin(password=password, token=token)
        records = BounceRecords(
            ledger=ledger,
            log=log,
            identify=message_ids(newsroom),
            secrets=secrets,
            now=now,
            audiences=newsroom.config.audiences,
            domain=domain_of(newsroom.config.newsroom.sender),
        )
        with open_mailbox(source, login=login, ca_file=ca_file) as mailbox:
            return settle_mailbox(mailbox, records, dry=dry)
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
        yield f"{counted(summary.settled, 'mail')} in doubt had arrived at the relay"
    if summary.unsettled:
        yield f"{len(summary.unsettled)} for a person to look at, left where they are"


def settle_mailbox(mailbox: Mailbox, records: BounceRecords, *, dry: bool = False) -> BounceSummary:
    """Settle every mail that waits in `mailbox`, then mark those as done that need no person. See settle()."""
    reports = [_known_by_address(_read(letter), records.domain) for letter in mailbox.letters()]
    summary = settle(reports, records, dry=dry)
    if not dry:
        mailbox.done(verdict.report.key for verdict in summary.verdicts if verdict.handled)
    return summary


def settle(reports: Sequence[BounceReport], records: BounceRecords, *, dry: bool = False) -> BounceSummary:
    """Decide about `reports` and, unless `dry`, carry it out: suppressions first, each durable by itself.

    Raises LedgerError.
    """
    ledger, now = records.ledger, records.now
    verdicts = _judge(reports, records)
    if dry:
        return _foreseen(verdicts, ledger)
    new: Counter[str] = Counter()
    for verdict in verdicts:
        row = verdict.suppression
        if row and ledger.suppress(row.address, row.scope, row.reason, row.detail, row.since):
            new[row.reason] += 1
    arrived: dict[str, dict[str, None]] = defaultdict(dict)  # each reader once, by edition
    for one in verdicts:
        if one.arrived and one.delivery:
            arrived[one.delivery.edition][one.delivery.address] = None
    settled = 0
    for edition, addresses in arrived.items():
        left = ledger.settle(edition, addresses, Event.SETTLE_SENT, "the relay had it: a report came back", now)
        settled += len(addresses) - len(left)
    records.log.note(
        ((records.message_id(one.delivery), one.report.status) for one in verdicts if one.counts and one.delivery), now
    )
    return BounceSummary(verdicts=verdicts, suppressed=new, settled=settled)


def _foreseen(verdicts: tuple[BounceVerdict, ...], suppressions: Suppressions) -> BounceSummary:
    """What carrying it out would count: nobody who is suppressed so already, and each reader and mail once."""
    rows = {(key(one.suppression.address), one.suppression.scope, one.suppression.reason)
            for one in verdicts if one.suppression}  # fmt: skip
    known = {
        (key(row.address), row.scope, row.reason) for address, _, _ in rows for row in suppressions.reasons(address)
    }
    arrived = {(one.delivery.edition, key(one.delivery.address)) for one in verdicts if one.arrived and one.delivery}
    new = Counter(reason for _, _, reason in sorted(rows - known))
    return BounceSummary(verdicts=verdicts, suppressed=new, settled=len(arrived))


def _known_by_address(report: BounceReport, domain: str) -> BounceReport:
    """The report with the Message-IDs of the addresses to which it came first: no relay rewrites those (VERP)."""
    ids = tuple(f"<{detail.lower()}@{domain}>" for detail in report.returned_to) if domain else ()
    return replace(report, message_ids=(*ids, *report.message_ids)) if ids else report


def _read(letter: Letter) -> BounceReport:
    if not letter.data:
        return BounceReport(kind=ReportKind.OTHER, why="empty, or too large for a report", key=letter.key)
    return read(letter.data, key=letter.key)


def _judge(reports: Sequence[BounceReport], records: BounceRecords) -> tuple[BounceVerdict, ...]:
    """A verdict for each report, in their order. Changes nothing."""
    meant = _found(reports, records)
    about = [next((meant[one] for one in report.message_ids if one in meant), None) for report in reports]
    bounced = [
        (report, delivery)
        for report, delivery in zip(reports, about, strict=True)
        if delivery and report.kind is ReportKind.BOUNCE
    ]
    # The last mails that went to each of these readers, the newest first.
    past = {
        address: records.ledger.latest(address, _PAST, _WENT) for address in {key(one.address) for _, one in bounced}
    }
    known = records.log.bounced({records.message_id(one) for rows in past.values() for one in rows})
    # Reports of this very run count too: three months of bounces may lie in one mailbox.
    known |= {
        records.message_id(delivery) for report, delivery in bounced if classify(report.status, report.detail) in _COUNT
    }
    verdicts: list[BounceVerdict] = []
    for report, delivery in zip(reports, about, strict=True):
        reader = next(filter(None, (tokens.read(records.secrets, token) for token in report.tokens)), None)
        if reader and records.audiences:
            reader = (tokens.scope_of(reader[0], records.audiences), reader[1])
        rows = past.get(key(delivery.address), []) if delivery else []
        # In how many periods, the newest first, this reader's mails came back without one that did not.
        came_back = takewhile(lambda row: records.message_id(row) in known, rows)
        count = len({row.edition.partition("/")[0] for row in came_back}) if rows else 1
        verdicts.append(decide(report, delivery, reader, count, records.now))
    return tuple(verdicts)


def _found(reports: Sequence[BounceReport], records: BounceRecords) -> dict[str, Delivery]:
    """The deliveries that the reports name by their Message-IDs, those with derived ones too."""
    ledger = records.ledger
    missing = {identifier for report in reports for identifier in report.message_ids}
    stored = ledger.find(missing)
    found = {row.message_id: row for row in stored if not _guessable(row)}
    missing -= {row.message_id for row in stored}
    for mailing in reversed(ledger.mailings()[-DEPTH:]):
        if not missing:
            break
        rows = ledger.deliveries(mailing.edition)
        first = next(rows, None)
        if first is None or first.message_id:
            continue  # an edition is frozen with all its Message-IDs, or with none: then they are derived
        for delivery in chain([first], rows):
            identifier = records.message_id(delivery)
            if identifier in missing:
                found[identifier] = delivery
                missing.discard(identifier)
    return found


def _guessable(row: Delivery) -> bool:
    """Whether a stored Message-ID was made without a secret: whoever knows the reader can write it."""
    return row.message_id == message_id(row.edition, row.address, domain=row.message_id.rpartition("@")[2].rstrip(">"))
