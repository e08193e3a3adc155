"""Header fields that a newsroom adds: in the mail as they were written, signed, and never in the place of ours."""

from __future__ import annotations

import re

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from mail_parts import ANNA, VALUES, letterhead, template

from digest.mail import header
from digest.mail.dkim import load_signer
from digest.mail.inspect import inspect

OWN = (("X-Campaign", "monthly"), ("X-PM-Message-Stream", "broadcast"), ("List-Owner", "<mailto:desk@example.org>"))


@pytest.fixture(scope="module")
def rsa_signer():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return load_signer(pem, domain="example.org", selector="digest1", file="dkim.pem")


def signed(signer, **changes):
    made = template(head=letterhead(headers=OWN, **changes), signer=signer)
    return made.join(ANNA, VALUES, "<0a@example.org>")


def test_they_stand_in_the_mail_as_they_were_written(rsa_signer):
    """Each once, whole, beside ours."""
    mail = signed(rsa_signer)
    assert not inspect(mail)
    for name, value in OWN:
        assert mail.count(f"\r\n{name}: {value}\r\n".encode()) == 1


def test_a_signature_covers_them_but_what_the_relay_takes_off(rsa_signer):
    """A changed one breaks it; an instruction to the relay, which does not arrive, does not."""
    mail = signed(rsa_signer)

    def good(data):
        return dkim.verify(data, dnsfunc=lambda *_, **__: rsa_signer.record.encode())

    assert good(mail)
    assert not good(mail.replace(b"X-Campaign: monthly", b"X-Campaign: weekly"))
    assert good(re.sub(rb"X-PM-Message-Stream: broadcast\r\n", b"", mail))


@given(st.text(max_size=20), st.text(max_size=90))
def test_whatever_is_asked_for_is_one_field_or_refused(name, value):
    """No value makes a second field, and no name takes the place of one that digest or a relay writes."""
    try:
        field = header.own(name, value)
    except ValueError:
        return
    assert field == f"{name}: {value}\r\n".encode()
    assert field.count(b"\n") == 1


@pytest.mark.parametrize(
    "name", ["From", "to", "LIST-UNSUBSCRIBE", "Received", "ARC-Seal", "Resent-To", "DKIM-Signature"]
)
def test_the_fields_of_others_cannot_be_set(name):
    """Whatever their case."""
    with pytest.raises(ValueError, match="cannot be set"):
        header.own(name, "x")
