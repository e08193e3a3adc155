"""Unsubscribe links: which audience and which reader, in a token that only the newsroom can read or make.

    audience, address ─pad─▶ AES-SIV (RFC 5297) ─▶ HMAC-SHA256 (first 16 bytes) ─▶ base64url ─▶ https://…/u/TOKEN

The token is stateless and the same in every edition. Nothing is ever decrypted before its HMAC was found right, in
constant time, under one of the secrets; a wrong token costs one hash per secret and tells nothing. No address stands
in the link, not even its length: the text is padded. Secrets stay in this process and are in no message and no repr.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from digest.errors import UsageError
from digest.text.urls import is_loopback, is_private, is_reserved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    from digest.model import Audience

SHORTEST_SECRET = 16
LONGEST_TOKEN = 1024
_TAG = 16  # bytes kept of the HMAC: 128 bits, as RFC 2104 (5) allows
_IV = 16  # bytes by which AES-SIV lengthens
_BLOCK = 16


def token(secrets: Sequence[str], audience: str, address: str) -> str:
    """The token for one reader of one audience, under the first of `secrets`: letters, digits, `-` and `_`.

    Raises UsageError for a secret that is missing or too short, ValueError for an audience or address with a NUL.
    """
    if "\0" in audience or "\0" in address:
        message = "an audience or an address cannot hold a NUL"
        raise ValueError(message)
    cipher, mac_key = _keys(_first(secrets))
    plain = f"{audience}\0{address}\0".encode()
    sealed = cipher.encrypt(plain + bytes(-len(plain) % _BLOCK), None)
    return base64.urlsafe_b64encode(_tag(mac_key, sealed) + sealed).rstrip(b"=").decode()


def url(base_url: str, secrets: Sequence[str], audience: str, address: str) -> str:
    """The link with which this reader leaves this audience, for the page and for RFC 8058's one click."""
    return f"{base_url.rstrip('/')}/u/{token(secrets, audience, address)}"


def mailto(mailbox: str, secrets: Sequence[str], audience: str, address: str) -> str:
    """The same by mail (RFC 2369, RFC 6068): a mail whose subject is `unsubscribe TOKEN`."""
    subject = quote(f"unsubscribe {token(secrets, audience, address)}")
    return f"mailto:{quote(mailbox, safe='@+')}?subject={subject}"


def plain_mailto(mailbox: str, audience: str) -> str:
    """The same without proof of who asks: the mail's own From says it."""
    return f"mailto:{quote(mailbox, safe='@+')}?subject=unsubscribe%20{audience}"


def example_url(base_url: str) -> str:
    """The link in a mail that belongs to no reader: it leads to the page, and nobody leaves by it."""
    return f"{base_url.rstrip('/')}/u/example"


def read(secrets: Sequence[str], text: str) -> tuple[str, str] | None:
    """`(audience, address)` of a token made under any of `secrets`, else None. Raises UsageError for no secret.

    Every secret is tried whichever fits, so that time says nothing about which was used.
    """
    _first(secrets)
    raw = _decode(text)
    if raw is None:
        return None
    tag, sealed = raw[:_TAG], raw[_TAG:]
    opener: AESSIV | None = None
    for secret in secrets:
        cipher, mac_key = _keys(secret)
        if hmac.compare_digest(_tag(mac_key, sealed), tag):
            opener = cipher
    if opener is None:
        return None
    audience, address, _padding = opener.decrypt(sealed, None).decode().split("\0", 2)
    return audience, address


def scope_of(audience: str, audiences: Mapping[str, Audience]) -> str:
    """What the audience of a token means today: itself, the one that it became, or, when it is gone, all of them (`*`).

    Who leaves a list that is no more wants no mail; what they press must not say so and change nothing.
    """
    from digest.delivery import EVERYWHERE  # a build, which makes tokens, knows no deliveries

    if audience in audiences:
        return audience
    return next((name for name, known in audiences.items() if audience in known.was), EVERYWHERE)


def unsubscribe_problems(base_url: str, *, allow_local: bool = False) -> tuple[str, ...]:
    """Why links below `base_url` must not go out: it is not https, or nobody outside can reach it. Empty when fine.

    `allow_local` takes loopback and private hosts, with http too: for tests and trials on one machine only.
    """
    if not base_url:
        return ("is missing; give the https address at which `digest serve` is reached",)
    try:
        parts = urlsplit(base_url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return ("is not an address; write it like https://digest.example.org",)
    problems: list[str] = []
    local = is_private(host)
    rehearsed = allow_local and (local or is_reserved(host))
    if parts.scheme != "https" and not (rehearsed and parts.scheme == "http"):
        problems.append("must begin with https://; mail programs take one-click links no other way")
    if not host:
        problems.append("has no host; write it like https://digest.example.org")
    elif local and not allow_local:
        where = "this machine" if is_loopback(host) else "its own network"
        way = "to try things out, write `unsubscribe: {allow_local: true}`"
        problems.append(f"{host} is reached from {where} only; give the public address, or, {way}")
    if parts.query or parts.fragment or parts.username is not None:
        problems.append("must be a plain address, without user, ? or #")
    return tuple(problems)


def _first(secrets: Sequence[str]) -> str:
    if isinstance(secrets, str) or not secrets or any(len(secret) < SHORTEST_SECRET for secret in secrets):
        message = (
            f"the unsubscribe secret is missing or shorter than {SHORTEST_SECRET} characters; "
            "make one with `openssl rand -hex 32` and put it where unsubscribe.secret_env says"
        )
        raise UsageError(message)
    return secrets[0]


@lru_cache(maxsize=16)
def _keys(secret: str) -> tuple[AESSIV, bytes]:
    """Derive a secret's two keys (HKDF, RFC 5869), once per process."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(algorithm=SHA256(), length=96, salt=None, info=b"digest unsubscribe 1").derive(secret.encode())
    return AESSIV(derived[:64]), derived[64:]


def _tag(key: bytes, sealed: bytes) -> bytes:
    return hmac.digest(key, sealed, "sha256")[:_TAG]


def _decode(text: str) -> bytes | None:
    if len(text) > LONGEST_TOKEN or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    if len(raw) < _TAG + _IV + _BLOCK or (len(raw) - _TAG) % _BLOCK:
        return None
    # One spelling per token: base64 ignores the last character's spare bits, we do not.
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None
