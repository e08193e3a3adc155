"""The Message-ID of one reader's mail, derived from edition and address: the same for ever, telling nobody anything.

A mail that is sent again carries the same Message-ID, so the relay's log and the reader's mail program can know it
again. It names neither the reader nor this machine nor its user (FAULTS 63). No clock, no randomness.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

_OCTETS = 20  # 160 bits: no two of all the mails ever sent will meet
_BLOCK = 64  # octets of SHA-256's block


def message_id(edition: str, address: str, *, domain: str, secret: bytes = b"") -> str:
    """`<40 hexadecimal digits@domain>` for the reader `address` (canonical) in the edition with the id `edition`.

    `secret` is any key that stays the newsroom's. Without one, whoever guesses an address can confirm the guess.
    """
    begun, around = _keyed(b"digest message-id\0" + secret)
    inner, outer = begun.copy(), around.copy()
    inner.update(f"{edition}\0{address}".encode())
    outer.update(inner.digest())
    return f"<{outer.digest()[:_OCTETS].hex()}@{domain}>"


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> tuple[_Hash, _Hash]:
    """The two hashes of HMAC-SHA256 (RFC 2104, 4) that have taken in their key: done once, not for each reader."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return hashlib.sha256(bytes(each ^ 0x36 for each in block)), hashlib.sha256(bytes(each ^ 0x5C for each in block))
