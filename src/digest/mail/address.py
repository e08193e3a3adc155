"""One canonical form for every mail address, and a plain reason for each that cannot be mailed.

The domain is folded to lower-case A-labels (RFC 5891), the local part stays as given (RFC 5321, 2.4: its case may
matter). Stricter than the grammar where mailing lists are: no quoted local part, comment, address literal, source
route, nor a non-ASCII local part (it would need SMTPUTF8 on every hop). Never asks DNS, never guesses a correction.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_LOCAL = 64  # octets, RFC 5321, 4.5.3.1.1
MAX_DOMAIN = 253  # octets in dotted form: 255 on the wire (RFC 1035, 2.3.4)
MAX_ADDRESS = 254  # a path is 256 octets with its angle brackets (RFC 5321, 4.5.3.1.3)

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*", re.ASCII)
_ATOM_CHARACTER = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]", re.ASCII)
_LABEL = r"(?![a-z0-9-]{2}--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_COMMON_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[a-z]{{2,63}}", re.ASCII)
# Names that no mail can reach (RFC 6761, 6762, 7686). `.test` is left in: a newsroom rehearses with it.
_UNREACHABLE = frozenset({"arpa", "invalid", "local", "localhost", "onion"})

# What is wrong, in the order in which a person would see it; each pattern alone makes the address unusable.
_TELLTALES = (
    (re.compile(r"[\r\n\x85\u2028\u2029]"), "holds a line break"),
    (re.compile(r"[\x00-\x1f\x7f-\x9f]"), "holds a control character"),
    (re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"), "holds an invisible character"),
    (re.compile(r"\A[^@]*@[^,;]*[,;].*@"), "holds more than one address; give each a row of its own"),
    (re.compile(r"[<>]"), "has angle brackets; give the bare address, and the name apart from it"),
    (re.compile(r"[()]"), "has a comment in parentheses; give the bare address"),
    (re.compile(r'"'), "has a quoted part before the @; such addresses are not mailed"),
    (re.compile(r"@\["), "has an IP address in place of a domain"),
    (re.compile(r"\s"), "holds a blank"),
)


def canonical(text: str) -> str:
    """The address with its domain as lower-case A-labels; blanks and tabs around it are taken off.

    Raises ValueError with a reason that reads on from the address: "has no @", "the domain 'localhost' has no dot".

    >>> canonical(" Anna.Schmidt+news@BÜCHER.example ")
    'Anna.Schmidt+news@xn--bcher-kva.example'
    """
    local, at, domain = text.strip(" \t").rpartition("@")
    if at and len(local) <= MAX_LOCAL and _LOCAL.fullmatch(local):
        address = f"{local}@{folded_domain(domain)}"
        if len(address) <= MAX_ADDRESS:
            return address
    raise ValueError(_reason(text.strip(" \t")))


def key(address: str) -> str:
    """The form in which suppressions are compared: without regard to case, the local part's too.

    A reader who left as `Anna@example.org` has left as `anna@example.org`. `address` is canonical, hence ASCII.
    """
    return address.lower()


def typed_key(text: str) -> str:
    """The key of an address as somebody types it, also one with a domain in other letters; of what is none, the text's.

    >>> typed_key("Anna@Bücher.example") == key("anna@xn--bcher-kva.example")
    True
    """
    try:
        return key(canonical(text))
    except ValueError:
        return text.strip().lower()


def domain_of(address: str) -> str:
    """What stands after the @ of a canonical address."""
    return address.rpartition("@")[2]


@lru_cache(maxsize=65_536)  # a list of a million readers has some thousand domains
def folded_domain(domain: str) -> str:
    """A domain as lower-case A-labels. Raises ValueError with the reason."""
    folded = domain.lower() if domain.isascii() else ""
    if _COMMON_DOMAIN.fullmatch(folded) and len(folded) <= MAX_DOMAIN and _top(folded) not in _UNREACHABLE:
        return folded
    if reason := _fault(f"@{domain}") or _domain_fault(domain):
        raise ValueError(reason)
    return _idna(domain)


def _idna(domain: str) -> str:
    """The A-labels of a domain that is not plain ASCII, or that already has A-labels, by UTS 46 and IDNA 2008."""
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(f"a@{domain}", check_deliverability=False, test_environment=True, allow_smtputf8=True)
    except EmailNotValidError as error:
        detail = str(error).replace("The part after the @-sign", "it").rstrip(".")
        message = f"the domain {domain!a} is not one: {detail[:1].lower()}{detail[1:]}"
        raise ValueError(message) from None
    folded = (checked.ascii_domain or "").lower()
    if reason := _domain_fault(folded):  # other scripts have other dots and digits: look again at what they became
        raise ValueError(reason)
    return folded


def _top(domain: str) -> str:
    return domain.rpartition(".")[2]


def _reason(text: str) -> str:
    """Why `text` is no address that can be mailed."""
    if reason := _fault(text):
        return reason
    local, at, _domain_part = text.rpartition("@")
    if not at:
        return "has no @"
    return _local_fault(local) or f"is longer than {MAX_ADDRESS} characters"


def _fault(text: str) -> str:
    if not text:
        return "is empty"
    return next((reason for pattern, reason in _TELLTALES if pattern.search(text)), "")


def _local_fault(local: str) -> str:
    if not local:
        return "has nothing before the @"
    if "@" in local:
        return "has more than one @"
    if len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL:
        return f"has more than {MAX_LOCAL} characters before the @"
    if not local.isascii():
        return "has letters before the @ that are not ASCII; too few mail servers take them (SMTPUTF8)"
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return "has a misplaced dot before the @"
    odd = next((character for character in local if not _ATOM_CHARACTER.fullmatch(character)), "")
    return f"has {odd!a} before the @, which has no place there" if odd else ""


def _domain_fault(domain: str) -> str:  # noqa: PLR0911 - one return per reason
    if not domain:
        return "has nothing after the @"
    if domain.endswith("."):
        return "ends with a dot"
    if "." not in domain.replace("\u3002", "."):
        return f"the domain {domain!a} has no dot"
    if domain.startswith(".") or ".." in domain:
        return f"the domain {domain!a} has an empty part"
    if len(domain) > MAX_DOMAIN or max(map(len, domain.split("."))) > 63:  # noqa: PLR2004 - RFC 1035, 2.3.4
        return "has a domain, or a part of one, that is too long"
    if _top(domain).lower() in _UNREACHABLE:
        return f"no mail can reach a domain under .{_top(domain).lower()}"
    if _top(domain).isdigit():
        return f"the domain {domain!a} ends in a number"
    return ""
