"""A reader's Message-ID is the HMAC of edition and address, the same for ever."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from digest.mail.message_id import message_id


@given(secret=st.binary(max_size=200), address=st.text(max_size=80))
def test_is_the_hmac(secret, address):
    """Whatever the secret's length, it is HMAC-SHA256 as RFC 2104 says, cut to 160 bits."""
    whole = hmac.digest(b"digest message-id\0" + secret, b"2022-02/everyone/en\0" + address.encode(), "sha256")
    made = message_id("2022-02/everyone/en", address, domain="example.org", secret=secret)
    assert made == f"<{whole[:20].hex()}@example.org>"


def test_of_another_reader():
    """Readers, editions and secrets do not get into each other's way, in whatever turn they are asked for."""
    asked = [(edition, reader, secret) for edition in "ab" for reader in "rs" for secret in (b"", b"k", b"l")] * 2
    made = [message_id(edition, reader, domain="d.example", secret=secret) for edition, reader, secret in asked]
    assert made[:12] == made[12:]
    assert len(set(made)) == 12
