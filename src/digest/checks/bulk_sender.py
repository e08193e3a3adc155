"""What the big mailbox providers ask of who sends them much mail, and which of it an edition lacks.

Their pages: support.google.com/a/answer/81126, senders.yahooinc.com/best-practices, Microsoft's "Outlook's New
Requirements for High-Volume Senders". All want one-click unsubscribe by https (RFC 8058) that is signed, and From
aligned with SPF or DKIM. The list is read only when something is missing, and no further than to the answer.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from digest.checks.authentication import aligned, domain_in, signer, tags_of
from digest.checks.context import Hit, check
from digest.checks.parsed_mail import mailbox
from digest.errors import DigestError
from digest.model import Severity
from digest.text.urls import nobody_reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from digest.checks.context import CheckContext

BULK = 5_000  # mails a day to one provider: Google's and Microsoft's figure
_COUNTRY = r"\.(?:[a-z]{2,3}|com?\.[a-z]{2})"
_PROVIDERS = {
    "Gmail": re.compile(r"(?:gmail|googlemail)\.com"),
    "Outlook.com": re.compile(rf"(?:outlook|hotmail|live|msn){_COUNTRY}"),
    "Yahoo and AOL": re.compile(rf"(?:yahoo|aol){_COUNTRY}|(?:ymail|rocketmail)\.com"),
    "iCloud": re.compile(r"(?:icloud|me|mac)\.com"),
}
_SIGNED = frozenset({"list-unsubscribe", "list-unsubscribe-post"})


class _Lack(NamedTuple):
    """What is missing, and the setting that mends it."""

    what: str
    setting: str


@check(
    "bulk-sender",
    Severity.WARNING,
    "mail",
    "The big mailbox providers put off or refuse mail from who sends them much and lacks one of these.",
)
def bulk_sender(context: CheckContext) -> Iterator[Hit]:
    """A list with 5,000 readers at one provider, and no one-click, signature, alignment, sane From or rate."""
    if context.readers is None or not (lacks := list(_lacks(context))):
        return
    try:
        provider = _much_at(context.readers())
    except DigestError:  # what is wrong with a list is said where it is sent to
        return
    if provider:
        missing = "; ".join(f"{lack.what} ({lack.setting})" for lack in lacks)
        setting = lacks[0].setting.partition(",")[0]
        yield Hit(f"config.yaml: {setting}", f"the list has {BULK:,} readers or more at {provider}; missing: {missing}")


def provider_of(domain: str) -> str:
    """The big provider whose mailboxes are in this domain; empty for any other.

    >>> [provider_of(each) for each in ("gmail.com", "hotmail.co.uk", "yahoo.fr", "live.example.org")]
    ['Gmail', 'Outlook.com', 'Yahoo and AOL', '']
    """
    return next((name for name, domains in _PROVIDERS.items() if domains.fullmatch(domain)), "")


def _much_at(addresses: Iterable[str]) -> str:
    """The first provider of whose readers there are many; empty when there is none."""
    counts: Counter[str] = Counter()
    known: dict[str, str] = {}  # a list has far fewer domains than readers
    for address in addresses:
        domain = domain_in(address)
        if domain not in known:
            known[domain] = provider_of(domain)
        if provider := known[domain]:
            counts[provider] += 1
            if counts[provider] == BULK:
                return provider
    return ""


def _lacks(context: CheckContext) -> Iterator[_Lack]:
    message = context.message
    one_click = message.value("List-Unsubscribe-Post") and "<https://" in message.value("List-Unsubscribe")
    if not one_click:
        yield _Lack("one-click unsubscribe by https", "unsubscribe.url")
    yield from _unsigned(context)
    yield from _unsound_addresses(context)
    if not context.rated:
        yield _Lack("a rate that they bear", "smtp.rate, or smtp.per_domain")


def _unsigned(context: CheckContext) -> Iterator[_Lack]:
    """No DKIM domain that is known, or one that leaves the unsubscribe fields out, or nothing that fits From."""
    sender = domain_in(context.newsroom.sender)
    signed_by = signer(context)
    if signed_by is None:
        yield _Lack("a DKIM signature", "dkim.domain, dkim.selector")
    signature = context.message.value("DKIM-Signature")
    if signature and not set(tags_of(signature).get("h", "").lower().split(":")) >= _SIGNED:
        yield _Lack("a DKIM signature over List-Unsubscribe and List-Unsubscribe-Post", "dkim.signer")
    domains = [domain_in(context.envelope or context.newsroom.sender), *(signed_by or ())[:1]]
    if not any(aligned(sender, domain) for domain in domains):
        what = f"a From in the domain that signs or takes reports: {sender} is neither {' nor '.join(domains)}"
        yield _Lack(what, "newsroom.from, newsroom.bounces_to, dkim.domain")


def _unsound_addresses(context: CheckContext) -> Iterator[_Lack]:
    """From and Reply-To that no newsroom has: a provider's own domain, one for examples, or no address."""
    sender = context.newsroom.sender
    if provider := provider_of(domain_in(sender)):
        yield _Lack(
            f"a From in a domain of yours: {sender} is {provider}'s, whose mail only they send", "newsroom.from"
        )
    elif nobody_reads(sender):
        yield _Lack(f"a From that is real: {sender} is an example", "newsroom.from")
    answered = mailbox(context.message.value("Reply-To"))
    if answered is None or nobody_reads(answered[1]):
        yield _Lack("a Reply-To that reaches you", "newsroom.contact")
