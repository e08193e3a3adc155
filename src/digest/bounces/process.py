"""Process what came back: find the mails that are meant, decide about all of them, then do it.

    mailbox ─▶ reports ─Message-IDs, tokens─▶ deliveries ─rules.decide─▶ verdicts ─▶ suppressions, ledger, log

What proves which mail is meant is the Message-ID that the ledger knows (derived with a secret, so that nobody can guess
it), or an unsubscribe token that was made here. Running it twice over the same reports changes nothing more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Any

from digest.bounces.log import BounceLog
from digest.bounces.mailbox import ImapLogin, is_imap, open_mailbox
from digest.bounces.report import BounceReport, ReportKind, read
from digest.bounces.rules import IN_A_ROW, BounceClass, BounceVerdict, classify, decide
from digest.delivery import Event, State
from digest.files import make_folder
from digest.mail.address import key
from digest.mail.message_id import message_id
from digest.recipients import tokens
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceSummary:
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


def process(newsroom: Newsroom, ledger: SqlLedger, source: str, now: float, *, dry: bool = False) -> BounceSummary:
    """Settle every mail of `source` (file, mbox, Maildir, imaps URL).

    Raises UsageError (without a secret, too), FaultyInput, TransportError, LedgerError.
    """
    section = newsroom.config.settings.bounces
    # Without it Message-IDs can be worked out by anybody who knows a reader, and a report could be forged.
    secrets = newsroom.sending_setup.demand_secrets("a report of ours cannot be told from a forged one")
    domain = newsroom.config.newsroom.sender.rpartition("@")[2]
    secret = secrets[-1].encode()

    def identify(edition: str, address: str) -> str:
        return message_id(edition, address, domain=domain, secret=secret)

    folder = newsroom.root / ".digest"
    make_folder(folder)
    log = BounceLog(f"sqlite:///{folder / LOG}")
    ca_file = str(newsroom.config.path(section.ca_file)) if section.ca_file else ""
    try:
        login = None
        if is_imap(source):
            password, token = newsroom.sending_setup.imap_login()
            login = ImapLogin(password=password, token=token)
        with open_mailbox(source, login=login, ca_file=ca_file) as mailbox:
            return settle_mailbox(
                mailbox,
                ledger=ledger,
                suppressions=ledger,
                log=log,
                identify=identify,
                secrets=secrets,
                now=now,
                audiences=newsroom.config.audiences,
                domain=domain,
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
        yield f"{counted(summary.settled, 'mail')} in doubt had arrived at the relay"
    if summary.unsettled:
        yield f"{len(summary.unsettled)} for a person to look at, left where they are"


def settle_mailbox(
    mailbox: Mailbox,
    *,
    ledger: SqlLedger,
    suppressions: Suppressions,
    log: BounceLog,
    identify: Callable[[str, str], str],
    secrets: Sequence[str],
    now: float,
    audiences: Mapping[str, Audience] | None = None,
    domain: str = "",
    dry: bool = False,
) -> BounceSummary:
    """Settle every mail that waits in `mailbox`, then mark those as done that need no person. See settle().

    `domain` is that of our Message-IDs: with it a report is known by the address to which it came, too (VERP).
    """
    reports = [_known_by_address(_read(letter), domain) for letter in mailbox.letters()]
    summary = settle(
        reports,
        ledger=ledger,
        suppressions=suppressions,
        log=log,
        identify=identify,
        secrets=secrets,
        now=now,
        audiences=audiences,
        dry=dry,
    )
    if not dry:
        mailbox.done(verdict.report.key for verdict in summary.verdicts if verdict.handled)
    return summary


def settle(
    reports: Sequence[BounceReport],
    *,
    ledger: SqlLedger,
    suppressions: Suppressions,
    log: BounceLog,
    identify: Callable[[str, str], str],
    secrets: Sequence[str],
    now: float,
    audiences: Mapping[str, Audience] | None = None,
    dry: bool = False,
) -> BounceSummary:
    """Decide about `reports` and, unless `dry`, carry it out: suppressions first, each durable by itself.

    `identify(edition, address)` derives the Message-ID of a delivery whose row does not hold it. Raises LedgerError.
    """
    verdicts = judge(reports, ledger=ledger, log=log, identify=identify, secrets=secrets, now=now, audiences=audiences)
    if dry:
        return _foreseen(verdicts, suppressions)
    new: Counter[str] = Counter()
    for verdict in verdicts:
        row = verdict.suppression
        if row and suppressions.suppress(row.address, row.scope, row.reason, row.detail, row.since):
            new[row.reason] += 1
    settled = 0
    for edition, addresses in _grouped(verdict.delivery for verdict in verdicts if verdict.arrived):
        left = ledger.settle(edition, addresses, Event.SETTLE_SENT, "the relay had it: a report came back", now)
        settled += len(addresses) - len(left)
    log.note(
        ((_identifier(one.delivery, identify), one.report.status) for one in verdicts if one.counts and one.delivery),
        now,
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


def judge(
    reports: Sequence[BounceReport],
    *,
    ledger: SqlLedger,
    log: BounceLog,
    identify: Callable[[str, str], str],
    secrets: Sequence[str],
    now: float,
    audiences: Mapping[str, Audience] | None = None,
) -> tuple[BounceVerdict, ...]:
    """A verdict for each report, in their order. Changes nothing. `audiences` are those of today, by name."""
    meant = _found(ledger, reports, identify)
    about = [next((meant[one] for one in report.message_ids if one in meant), None) for report in reports]
    uncertain = {
        delivery.address.lower()
        for report, delivery in zip(reports, about, strict=True)
        if delivery and report.kind is ReportKind.BOUNCE
    }
    past = _past(ledger, uncertain)
    known = log.bounced({_identifier(one, identify) for rows in past.values() for one in rows})
    # Reports of this very run count too: three months of bounces may lie in one mailbox.
    known |= {
        _identifier(delivery, identify)
        for report, delivery in zip(reports, about, strict=True)
        if delivery and report.kind is ReportKind.BOUNCE and classify(report.status, report.detail) in _COUNT
    }
    verdicts: list[BounceVerdict] = []
    for report, delivery in zip(reports, about, strict=True):
        reader = next(filter(None, (tokens.read(secrets, token) for token in report.tokens)), None) if secrets else None
        if reader and audiences:
            reader = (tokens.scope_of(reader[0], audiences), reader[1])
        rows = past.get(delivery.address.lower(), []) if delivery else []
        count = _in_a_row(rows, known, identify) if rows else 1
        verdicts.append(decide(report, delivery, reader, count, now))
    return tuple(verdicts)


def _in_a_row(rows: Sequence[Delivery], known: frozenset[str], identify: Callable[[str, str], str]) -> int:
    """In how many periods, newest first, a reader's mails came back without one that did not."""
    came_back = takewhile(lambda row: _identifier(row, identify) in known, rows)
    return len({row.edition.partition("/")[0] for row in came_back})


def _found(
    ledger: SqlLedger, reports: Sequence[BounceReport], identify: Callable[[str, str], str]
) -> dict[str, Delivery]:
    """The deliveries that the reports name by their Message-IDs, those with derived ones too."""
    wanted = {identifier for report in reports for identifier in report.message_ids}
    stored = ledger.find(wanted)
    found = {row.message_id: row for row in stored if not _guessable(row)}
    wanted -= {row.message_id for row in stored}
    if not wanted:
        return found
    missing = wanted
    for mailing in reversed(ledger.mailings()[-DEPTH:]):
        rows = ledger.deliveries(mailing.edition)
        first = next(rows, None)
        if first is None or first.message_id:
            continue  # an edition is frozen with all its Message-IDs, or with none: then they are derived
        for delivery in chain([first], rows) if missing else ():
            identifier = identify(delivery.edition, delivery.address)
            if identifier in missing:
                found[identifier] = delivery
                missing.discard(identifier)
    return found


def _guessable(row: Delivery) -> bool:
    """Whether a stored Message-ID was made without a secret: whoever knows the reader can write it."""
    return row.message_id == message_id(row.edition, row.address, domain=row.message_id.rpartition("@")[2].rstrip(">"))


def _past(ledger: SqlLedger, addresses: set[str]) -> dict[str, Sequence[Delivery]]:
    """The last mails that went to each of these readers, newest first."""
    return {address: ledger.latest(address, _PAST, _WENT) for address in addresses}


def _grouped(deliveries: Iterable[Delivery | None]) -> Iterable[tuple[str, list[str]]]:
    groups: dict[str, dict[str, None]] = defaultdict(dict)
    for one in deliveries:
        if one:
            groups[one.edition][one.address] = None
    return [(edition, list(addresses)) for edition, addresses in groups.items()]


def _identifier(delivery: Delivery, identify: Callable[[str, str], str]) -> str:
    return delivery.message_id or identify(delivery.edition, delivery.address)
