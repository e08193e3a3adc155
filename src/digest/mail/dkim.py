"""DKIM signatures (RFC 6376; Ed25519: RFC 8463): relaxed headers, simple body, no length, no expiry.

    key ─load_signer─▶ Signer ─sign(headers, body hash)─▶ DKIM-Signature field

Every header that we write is signed, and each that a mail may have only once is signed once more than it occurs, so
that none can be added on the way. A key that cannot make a signature that receivers accept is refused when it is
loaded: never an unsigned mail where a signed one was asked for (FAULTS 61). Reads no file, asks no DNS: it is handed
the key's PEM.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.errors import ConfigError, Fault
from digest.mail.address import canonical, domain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

MIN_RSA_BITS = 2048  # RFC 8301, 3.2: 1024 may be verified, and must not be chosen
MAX_RSA_BITS = 4096  # what every verifier must take; a longer one is often ignored
# RFC 5322, 3.6, and 6376, 5.4: fields that occur once; one more of them would change what a reader sees.
_ONCE = frozenset(
    (
        *("from", "reply-to", "to", "subject", "date", "message-id", "mime-version", "content-type"),
        *("list-unsubscribe", "list-unsubscribe-post"),
    )
)
_SELECTOR = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_FOLDS = re.compile(rb"\r\n(?=[ \t])")
_BLANKS = re.compile(rb"[ \t]+")
_COLUMNS = 72


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signer:
    """A private key that signs for a domain. `repr` shows neither the key nor anything derived from it."""

    domain: str  # d=, canonical
    selector: str  # s=
    algorithm: str  # rsa-sha256 or ed25519-sha256
    public_key: bytes = field(repr=False)  # as it is published: SubjectPublicKeyInfo for RSA, 32 octets for Ed25519
    raw_sign: Callable[[bytes], bytes] = field(repr=False, compare=False)

    @property
    def record(self) -> str:
        """The TXT record that belongs at `selector._domainkey.domain` (RFC 6376, 3.6.1)."""
        kind = self.algorithm.partition("-")[0]
        return f"v=DKIM1; k={kind}; p={b64encode(self.public_key).decode('ascii')}"

    def aligned(self, sender: str) -> bool:
        """Whether DMARC sees the From address and this domain as one organization's: the same, or a parent of it."""
        domain = domain_of(sender).lower()
        return domain == self.domain or domain.endswith(f".{self.domain}")

    def prepare(self, names: Iterable[str], timestamp: int) -> Seal:
        """All of the signature that is the same for every mail with these header names (in order) and this time."""
        listed = [name.lower() for name in names]
        signed = [name for own in listed for name in ([own, own] if own in _ONCE else [own])]
        lines = [
            f"v=1; a={self.algorithm}; c=relaxed/simple;",
            f"d={self.domain}; s={self.selector}; t={timestamp};",
            *_fold([f"{name}:" for name in signed[:-1]] + [f"{signed[-1]};"], "h="),
            "bh=",
        ]
        return Seal(signer=self, head="DKIM-Signature: {}".format("\r\n ".join(lines)).encode("ascii"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A signature that lacks only what differs from mail to mail: the headers' values and the body's hash."""

    signer: Signer
    head: bytes  # the field up to and with `bh=`
    canonical_head: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Work out the signed form of the head, once."""
        object.__setattr__(self, "canonical_head", relaxed(self.head + b"\r\n")[:-2])

    def signature(self, canonical_headers: bytes, body_hash: bytes) -> bytes:
        """The DKIM-Signature field for headers in relaxed form, in the order of `prepare`, and the body's SHA-256."""
        digest = b64encode(body_hash)
        # RFC 6376, 3.7: the field itself is signed last, with an empty b= and without its CRLF.
        signed = self.signer.raw_sign(canonical_headers + self.canonical_head + digest + b"; b=")
        value = b64encode(signed)
        rows = [value[start : start + _COLUMNS] for start in range(0, len(value), _COLUMNS)]
        return self.head + digest + b";\r\n b=" + b"\r\n ".join(rows) + b"\r\n"


def relaxed(fields: bytes) -> bytes:
    """Header fields in relaxed form (RFC 6376, 3.4.2). `fields` is whole fields, each with its CRLF."""
    rows = []
    for row in _FOLDS.sub(b"", fields).split(b"\r\n")[:-1]:
        name, _, value = row.partition(b":")
        rows.append(name.rstrip(b" \t").lower() + b":" + _BLANKS.sub(b" ", value).strip(b" ") + b"\r\n")
    return b"".join(rows)


def load_signer(pem: bytes, *, domain: str, selector: str, file: str) -> Signer:
    """Make a Signer of a private key in PEM: RSA of 2048 to 4096 bits, or Ed25519.

    `file` names the key's source in messages. Raises ConfigError: one line on what is wrong with it, and what to do.
    """
    faults = [message for message in (_domain_fault(domain), _selector_fault(selector)) if message]
    if faults:
        raise ConfigError(Fault(file=file, message=message) for message in faults)
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key = _key(pem, file)
    algorithm, public, raw_sign = _rsa(key) if isinstance(key, RSAPrivateKey) else _ed25519(key)
    return Signer(domain=domain, selector=selector, algorithm=algorithm, public_key=public, raw_sign=raw_sign)


def demand_alignment(signer: Signer, sender: str) -> None:
    """Raise ConfigError when receivers would not see `signer` as the From address's own (RFC 7489, 3.1.1)."""
    if not signer.aligned(sender):
        message = (
            f"DKIM would sign for {signer.domain}, but the From address is {sender}: "
            f"sign for {domain_of(sender)} or a domain above it, else DMARC does not count the signature"
        )
        raise ConfigError([Fault(file="config.yaml", key="dkim.domain", message=message)])


def _key(pem: bytes, file: str) -> RSAPrivateKey | Ed25519PrivateKey:
    """Load and weigh the key. Nothing of the PEM is ever part of a message."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    make = "make one with: openssl genrsa -out dkim.pem 2048"
    if b"PUBLIC KEY-----" in pem:
        raise _refused(file, "holds a public key; DKIM signs with the private one")
    if b"PRIVATE KEY-----" not in pem:
        raise _refused(file, f"holds no private key in PEM; {make}")
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        advice = "store it without a passphrase (openssl pkey -in KEY -out NEW) and let only the sender read it"
        raise _refused(file, f"is encrypted; {advice}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _refused(file, f"is no private key that can be read; {make}") from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, RSAPrivateKey):
        raise _refused(file, f"is neither RSA nor Ed25519, which is all that DKIM knows; {make}")
    if key.key_size < MIN_RSA_BITS:
        raise _refused(file, f"has {key.key_size} bits; receivers distrust less than {MIN_RSA_BITS}; {make}")
    if key.key_size > MAX_RSA_BITS:
        raise _refused(file, f"has {key.key_size} bits; receivers need take no more than {MAX_RSA_BITS}; {make}")
    return key


def _rsa(key: RSAPrivateKey) -> tuple[str, bytes, Callable[[bytes], bytes]]:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    padding, algorithm, sign = PKCS1v15(), SHA256(), key.sign
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "rsa-sha256", public, lambda data: sign(data, padding, algorithm)


def _ed25519(key: Ed25519PrivateKey) -> tuple[str, bytes, Callable[[bytes], bytes]]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    sign = key.sign
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    # RFC 8463, 3: what PureEdDSA signs is the SHA-256 of the headers.
    return "ed25519-sha256", public, lambda data: sign(hashlib.sha256(data).digest())


def _refused(file: str, problem: str) -> ConfigError:
    return ConfigError([Fault(file=file, message=f"this DKIM key {problem}")])


def _domain_fault(domain: str) -> str:
    try:
        folded = domain_of(canonical(f"dkim@{domain}"))
    except ValueError as error:
        return f"the DKIM domain {domain!a} is not usable: {error}"
    return "" if folded == domain else f"the DKIM domain {domain!a} is not in its canonical form: write {folded}"


def _selector_fault(selector: str) -> str:
    if len(selector) <= 63 and _SELECTOR.fullmatch(selector):  # noqa: PLR2004 - one DNS label, usually
        return ""
    return f"the DKIM selector {selector!a} is not a DNS name: use letters, digits and hyphens"


def _fold(words: list[str], start: str) -> list[str]:
    """Rows of at most 72 columns, broken between words; the first begins with `start`."""
    rows = [start]
    for word in words:
        if len(rows[-1]) + len(word) > _COLUMNS:
            rows.append("")
        rows[-1] += word
    return rows
