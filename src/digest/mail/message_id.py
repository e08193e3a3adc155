"""The Message-ID of one reader's mail, derived from edition and address: the same for ever, telling nobody anything.

A mail that is sent again carries the same Message-ID, so the relay's log and the reader's mail program can know it
again. It names neither the reader nor this machine nor its user (FAULTS 63). No clock, no randomness.
"""

from __future__ import annotations

import hmac

_OCTETS = 20  # 160 bits: no two of all the mails ever sent will meet


def message_id(edition: str, address: str, *, domain: str, secret: bytes = b"") -> str:
    """`<40 hexadecimal digits@domain>` for the reader `address` (canonical) in the edition with the id `edition`.

    `secret` is any key that stays the newsroom's. Without one, whoever guesses an address can confirm the guess.
    """
    digest = hmac.digest(b"digest message-id\0" + secret, f"{edition}\0{address}".encode(), "sha256")
    return f"<{digest[:_OCTETS].hex()}@{domain}>"
