"""What DNS says about who may send for the newsroom: SPF, DKIM and DMARC, and whether they align with From.

Asked on request only, through a dnspython resolver that is handed in. SPF: RFC 7208; DKIM keys: RFC 6376 3.6.1; DMARC
and its alignment: RFC 7489 3.1. Which relay sends is not known here, so nothing is said about its own address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from digest.checks.context import Hit, check
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext

MAX_LOOKUPS = 10  # RFC 7208 4.6.4; more is a permanent error
MIN_RSA_BYTES = 290  # the DER of a 2048-bit public key has 294, that of a 1024-bit one 162
_COSTS = re.compile(r"[+?~-]?(include|a|mx|ptr|exists)(?=[:/\s]|$)|(redirect)=", re.IGNORECASE)
# Second levels under which organizations register: co.uk, com.au, or.jp, gov.br.
_REGISTRY = re.compile(r"\.(?:ac|co|com|edu|go|gob|gov|gouv|govt|gv|ltd|mil|ne|net|nhs|or|org|plc|sch)\.[a-z]{2}\Z")


class Unanswered(Exception):
    """DNS gave no answer in time."""


def texts(context: CheckContext, name: str) -> list[str]:
    """The TXT records of a name; none is an empty list. Raises Unanswered when DNS does not answer."""
    answers = context.once(_answers)
    if name not in answers:
        answers[name] = _ask(context, name)
    answer = answers[name]
    if isinstance(answer, str):
        raise Unanswered(answer)
    return answer


def _asked(context: CheckContext) -> bool:
    return context.online is not None and context.online.dns


def _answers(_: CheckContext) -> dict[str, list[str] | str]:
    return {}


class _NoSuchName(list[str]):
    """The records of a name that is not in DNS at all (NXDOMAIN): none."""


def _ask(context: CheckContext, name: str) -> list[str] | str:
    import dns.exception
    import dns.resolver

    resolver: Any = context.online.resolver if context.online else None
    try:
        resolver = resolver or dns.resolver.Resolver()
        found = resolver.resolve(name, "TXT", lifetime=context.online.seconds if context.online else 10)
    except dns.resolver.NXDOMAIN:
        return _NoSuchName()
    except dns.resolver.NoAnswer:
        return []
    except (dns.exception.DNSException, OSError, ValueError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return [b"".join(record.strings).decode("utf-8", "replace") for record in found]


def domain_in(address: str) -> str:
    """The domain of an address, in small letters."""
    return address.rpartition("@")[2].strip(" >").lower()


@check("dns-unanswered", Severity.WARNING, "network", "What DNS does not answer now, a relay cannot verify either.")
def dns_unanswered(context: CheckContext) -> Iterator[Hit]:
    """A question about SPF, DKIM or DMARC that DNS left open."""
    if not _asked(context):
        return
    for name in _names(context):
        try:
            texts(context, name)
        except Unanswered as error:
            yield Hit(f"dns:{name}", f"DNS does not answer: {error}")


@check("spf", Severity.ERROR, "network", "Without one good SPF record, nobody knows which machines may send for us.")
def spf(context: CheckContext) -> Iterator[Hit]:
    """No SPF record, two of them, one that lets everybody, or one that asks DNS too often."""
    if not _asked(context):
        return
    domain = domain_in(context.newsroom.sender)
    try:
        known = texts(context, domain)
        if isinstance(known, _NoSuchName):
            yield Hit(f"dns:{domain}", "is not in DNS: no mail from it is taken; is newsroom.from spelled right?")
            return
        records = [text for text in known if re.match(r"v=spf1(?:\s|$)", text, re.IGNORECASE)]
        if len(records) != 1:
            told = "no SPF record" if not records else f"{len(records)} SPF records, which counts as none"
            yield Hit(f"dns:{domain}", f"has {told}; add one TXT record like 'v=spf1 include:relay.example -all'")
            return
        if re.search(r"(?:^|\s)\+?all(?:\s|$)", records[0], re.IGNORECASE):
            yield Hit(f"dns:{domain}", "its SPF record lets everybody send (+all); end it with -all or ~all")
        elif not re.search(r"[-~?]all(?:\s|$)|redirect=", records[0], re.IGNORECASE):
            yield Hit(f"dns:{domain}", "its SPF record says nothing about other machines; end it with -all or ~all")
        if (count := _lookups(context, records[0], {domain})) > MAX_LOOKUPS:
            yield Hit(
                f"dns:{domain}", f"its SPF record takes {count} DNS questions; over {MAX_LOOKUPS} it counts as broken"
            )
    except Unanswered:
        return  # dns-unanswered says so


@check("dkim", Severity.ERROR, "network", "A signature without its key in DNS is as good as none.")
def dkim(context: CheckContext) -> Iterator[Hit]:
    """No key in DNS, a revoked, broken or short one, or a signing domain that From does not align with."""
    if not _asked(context) or (signed_by := signer(context)) is None:
        return
    domain, selector = signed_by
    name = f"{selector}._domainkey.{domain}"
    sender = domain_in(context.newsroom.sender)
    if not aligned(sender, domain):
        yield Hit("mail:DKIM-Signature", f"signs for {domain}, which does not align with From's {sender}")
    try:
        records = texts(context, name)
    except Unanswered:
        return
    tags = [tags_of(text) for text in records if "p=" in text]
    if len(tags) != 1:
        yield Hit(
            f"dns:{name}",
            "has no DKIM key; publish it as a TXT record" if not tags else "has several DKIM keys; keep one",
        )
        return
    key, kind = tags[0].get("p", ""), tags[0].get("k", "rsa")
    if not key:
        yield Hit(f"dns:{name}", "its key is revoked (p= is empty); publish the new one, or sign with another selector")
    elif not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", key):
        yield Hit(f"dns:{name}", "its key is no base64; publish it again")
    elif kind == "rsa" and len(key) * 3 // 4 < MIN_RSA_BYTES:
        yield Hit(f"dns:{name}", "its RSA key is shorter than 2048 bits; make a new one")


@check("dmarc", Severity.WARNING, "network", "Gmail and Yahoo ask bulk senders for a DMARC record, and for alignment.")
def dmarc(context: CheckContext) -> Iterator[Hit]:
    """No DMARC record for From's domain or one above it, two, or one without a policy that can be read."""
    if not _asked(context):
        return
    sender = domain_in(context.newsroom.sender)
    try:
        for domain in _upwards(sender):
            name = f"_dmarc.{domain}"
            records = [text for text in texts(context, name) if re.match(r"v\s*=\s*DMARC1\b", text)]
            if not records:
                continue
            policy = tags_of(records[0]).get("p", "")
            if len(records) > 1:
                yield Hit(f"dns:{name}", f"has {len(records)} DMARC records, which counts as none; keep one")
            elif policy not in ("none", "quarantine", "reject"):
                yield Hit(f"dns:{name}", f"its policy is {policy or 'missing'!r}; write p=none, quarantine or reject")
            return
        yield Hit(f"dns:_dmarc.{sender}", "has no DMARC record; begin with 'v=DMARC1; p=none; rua=mailto:…'")
    except Unanswered:
        return


@check("dkim-absent", Severity.WARNING, "network", "Bulk mail without a signature of its own domain ends in spam.")
def dkim_absent(context: CheckContext) -> Iterator[Hit]:
    """Neither the mail nor the configuration says who signs."""
    if _asked(context) and signer(context) is None:
        yield Hit(
            "mail", "is not signed, and no DKIM domain and selector are configured; make sure that the relay signs"
        )


def _names(context: CheckContext) -> Iterator[str]:
    sender = domain_in(context.newsroom.sender)
    yield sender
    yield f"_dmarc.{sender}"
    if signed_by := signer(context):
        yield f"{signed_by[1]}._domainkey.{signed_by[0]}"


def signer(context: CheckContext) -> tuple[str, str] | None:
    """The domain and the selector of who signs, by the mail or the configuration; None where neither says."""
    if value := context.message.value("DKIM-Signature"):
        tags = tags_of(value)
        if tags.get("d") and tags.get("s"):
            return tags["d"].lower(), tags["s"].lower()
    return context.dkim


def tags_of(text: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record, or of a signature (RFC 6376, 3.2), blanks taken out of their values."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): re.sub(r"\s+", "", value) for name, _, value in pairs}


def aligned(sender: str, other: str) -> bool:
    """Relaxed alignment (RFC 7489, 3.1.1): both are in one organization's domain.

    Without the list of public suffixes: `co.uk` and its like are known by their form.

    >>> [aligned("news.example.org", each) for each in ("example.org", "bounce.example.org", "example.net")]
    [True, True, False]
    >>> aligned("one.co.uk", "two.co.uk")
    False
    """
    return _organization(sender) == _organization(other)


def _organization(domain: str) -> str:
    labels = domain.rstrip(".").split(".")
    return ".".join(labels[-3 if _REGISTRY.search(domain.rstrip(".")) else -2 :])


def _upwards(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        yield ".".join(labels[start:])


def _lookups(context: CheckContext, record: str, seen: set[str]) -> int:
    """How many DNS questions the record costs, included records counted too; a loop is counted once."""
    count = 0
    for term in record.split()[1:]:
        if not _COSTS.match(term):
            continue
        count += 1
        found = re.fullmatch(r"[+?~-]?include:(\S+)|redirect=(\S+)", term, re.IGNORECASE)
        target = ((found[1] or found[2]) if found else "").lower().rstrip(".")
        if target and "%" not in target and target not in seen and count <= MAX_LOOKUPS:
            seen.add(target)
            inner = [text for text in texts(context, target) if text.lower().startswith("v=spf1")]
            count += _lookups(context, inner[0], seen) if inner else 0
    return count
