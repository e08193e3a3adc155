"""DKIM: verified by dkimpy and opendkim, also after what relays do; bad keys are refused, never an unsigned mail."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from mail_parts import ANNA, HERE, VALUES, identifier, letterhead, mail, rendering, slot, template
from mail_reference import slow_join

from digest.errors import ConfigError
from digest.mail.dkim import load_signer, relaxed
from digest.mail.inspect import inspect
from digest.model import Recipient
from needed import needs


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
KEYS = {"rsa": pem(RSA), "ed25519": pem(ED25519)}


def signer(kind="rsa", domain="example.org"):
    return load_signer(KEYS[kind], domain=domain, selector="digest1", file="dkim.pem")


def verified(data, signing):
    """Whether dkimpy, given the DNS record that we would publish, finds the signature good."""
    asked = []

    def dns(name, **_options):
        asked.append(name.decode().rstrip("."))
        return signing.record.encode()

    good = dkim.verify(data, dnsfunc=dns)
    assert set(asked) <= {f"digest1._domainkey.{signing.domain}"}
    return good


@pytest.mark.parametrize("kind", KEYS)
def test_dkimpy_verifies_every_readers_mail(kind):
    """Each joined mail has one valid signature of the From domain, and is the plainly made one byte for byte."""
    signing = signer(kind)
    made = template(rendering(subject=f"{slot('name')}: février"), signer=signing)
    for name in ("Anna", "Zoë, Dr.", "=?utf-8?q?x?=", "汉字" * 60):
        reader = Recipient(address="b+x@xn--bcher-kva.example", name=name)
        data = made.join(reader, {**VALUES, "name": name}, identifier(reader))
        assert verified(data, signing)
        assert data.count(b"DKIM-Signature:") == 1
        assert data == slow_join(made, reader, {**VALUES, "name": name}, identifier(reader))
        assert inspect(data) == ()
    assert verified(made.join(None, VALUES, identifier()), signing)
    for one in (made, template(signer=signing)):  # a subject with a slot, and one that all share
        assert verified(one.join(ANNA, VALUES, identifier(), subject_prefix="[TEST] "), signing)


def opendkim(data, signing, folder):
    """Whether OpenDKIM's library finds the signature good (it knows no Ed25519)."""
    needs(shutil.which("opendkim-testmsg"), "OpenDKIM's library (apt-get install opendkim-tools)")
    records = folder / "records"
    records.write_text(f"digest1._domainkey.{signing.domain} {signing.record}\n")
    command = [sys.executable, str(HERE / "opendkim_verify.py"), str(records)]
    done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=60)
    assert not done.stderr, done.stderr.decode()
    return done.returncode == 0


def received(data):
    """What a relay and a mailbox put on top."""
    return (
        b"Return-Path: <bounces@example.org>\r\nX-Original-To: anna.schmidt@example.net\r\n"
        b"Delivered-To: anna.schmidt@example.net\r\n"
        b"Received: from a (a [192.0.2.1])\r\n\tby mx.example.net (Postfix) with ESMTPS id 4F\r\n"
        b"\tfor <anna.schmidt@example.net>; Tue,  1 Mar 2022 09:00:01 +0100 (CET)\r\n"
    ) + data


# What happens to mails on their way that leaves them what they are: the signature must live through it.
HARMLESS = {
    "nothing": lambda data: data,
    "trace headers on top": received,
    "empty lines at the end": lambda data: data + b"\r\n\r\n",
    "a header unfolded": lambda data: data.replace(b">,\r\n <mailto", b">, <mailto"),
    "a header refolded with a tab": lambda data: data.replace(
        b"Content-Type: multipart/alternative;\r\n ", b"Content-Type: multipart/alternative;\r\n\t"
    ),
    "header names in other case": lambda data: data.replace(b"\r\nSubject:", b"\r\nSUBJECT:").replace(
        b"\nMIME-V", b"\nMime-V"
    ),
    "blanks after the colon": lambda data: data.replace(b"\r\nDate: ", b"\r\nDate:   "),
    "through mbox quoting": lambda data: re.sub(rb"(?m)^(>*From )", rb">\1", data),
    "through dot-stuffing that nobody undid": lambda data: data.replace(b"\r\n.", b"\r\n.."),
    "trailing blanks stripped": lambda data: re.sub(rb"[ \t]+\r\n", b"\r\n", data),
    "bare line feeds to a mailbox and back": lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "a strange header added": lambda data: b"X-Spam-Status: No\r\n" + data,
}
FORGERIES = {
    "another body": lambda data: data.replace(b"five stories", b"five s tories"),
    "a body appended": lambda data: data + b"<p>more</p>\r\n",
    "another subject": lambda data: data.replace(b"February", b"March"),
    "a second From on top": lambda data: b"From: ceo@bank.example\r\n" + data,
    "a second From below": lambda data: data.replace(b"\r\nTo:", b"\r\nFrom: ceo@bank.example\r\nTo:"),
    "a second Subject": lambda data: b"Subject: You have won\r\n" + data,
    "a second To": lambda data: b"To: other@example.net\r\n" + data,
    "another Reply-To": lambda data: data.replace(b"newsroom@ilo.org", b"newsroom@i1o.org"),
    "another way to leave": lambda data: data.replace(b"https://digest.example.org/u/", b"https://evil.example/u/", 1),
    "no List-Unsubscribe-Post": lambda data: re.sub(rb"List-Unsubscribe-Post[^\n]*\n", b"", data),
    "List-Unsubscribe-Post twice": lambda data: b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" + data,
    "another type": lambda data: data.replace(b"multipart/alternative;", b"multipart/mixed;", 1),
    "another date": lambda data: data.replace(b"Tue, 01 Mar", b"Wed, 02 Mar"),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_the_signature_lives_through_what_relays_do(change, tmp_path):
    """FAULTS 61: trace headers, refolding, blanks, mbox, a mailbox's line ends: both verifiers still say yes."""
    signing = signer()
    text = "From here\n.\n..dots\nblank \n\n\n"
    data = HARMLESS[change](mail(template(rendering(text=text), signer=signing)))
    assert verified(data, signing)
    assert opendkim(data, signing, tmp_path)


@pytest.mark.parametrize("change", FORGERIES)
def test_the_signature_dies_of_what_forgers_do(change, tmp_path):
    """FAULTS 61: no header that we wrote can be changed, and none that must be there once can be added."""
    signing = signer()
    good = mail(template(signer=signing))
    forged = FORGERIES[change](good)
    assert forged != good
    assert not verified(forged, signing)
    assert not opendkim(forged, signing, tmp_path)


def test_the_signature_covers_what_the_design_says():
    """FAULTS 61: what is there once named twice, all our headers, no length or expiry, simple body, short lines."""
    field = re.match(rb"DKIM-Signature: (?:.*\r\n)(?: .*\r\n)*", mail(template(signer=signer())))[0]
    tags = dict(re.findall(r"(\w+)=([^;]*)(?:;|$)", re.sub(r"\s", "", field.decode())))
    signed = tags["h"].split(":")
    once = "from to subject date message-id reply-to mime-version content-type list-unsubscribe list-unsubscribe-post"
    assert {name: signed.count(name) for name in once.split()} == dict.fromkeys(once.split(), 2)
    assert "list-id" in signed
    assert {
        "v": "1",
        "a": "rsa-sha256",
        "c": "relaxed/simple",
        "d": "example.org",
        "s": "digest1",
    }.items() <= tags.items()
    assert set(tags) == {"DKIM-Signature:v", "v", "a", "c", "d", "s", "t", "h", "bh", "b"} - {"DKIM-Signature:v"}
    assert max(map(len, field.split(b"\r\n"))) <= 78


def bad_keys():
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "encrypted", pem(RSA, BestAvailableEncryption(b"secret")), "is encrypted"
    yield "1024 bits", pem(small), "has 1024 bits"
    yield "public", public, "public key"
    yield "empty", b"", "no private key"
    yield "noise", b"\x00\xff" * 100, "no private key"
    yield "cut", KEYS["rsa"][:400], "can be read"
    yield "damaged", KEYS["rsa"][:60] + b"x" + KEYS["rsa"][61:], "can be read"
    yield "elliptic", pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"


@pytest.mark.parametrize(
    ("key", "reason"), [(key, reason) for _, key, reason in bad_keys()], ids=[one[0] for one in bad_keys()]
)
def test_a_key_that_cannot_sign_well_is_refused(key, reason):
    """FAULTS 61: missing, encrypted, short, unreadable: one line names the file and the next step, without the key."""
    with pytest.raises(ConfigError, match=reason) as caught:
        load_signer(key, domain="example.org", selector="digest1", file="secrets/dkim.pem")
    message = str(caught.value)
    assert message.startswith("secrets/dkim.pem: this DKIM key ")
    assert "\n" not in message
    assert not any(line in message for line in key.decode("ascii", "ignore").splitlines() if len(line) > 30)


@pytest.mark.parametrize(
    ("domain", "selector", "reason"),
    [
        ("Example.org", "digest1", "canonical form: write example.org"),
        ("localhost", "digest1", "no dot"),
        ("example.org", "", "selector"),
        ("example.org", "a;b=c", "selector"),
        ("example.org", "a\r\nX: y", "selector"),
    ],
)
def test_a_domain_or_selector_that_dns_cannot_have_is_refused(domain, selector, reason):
    """What would end up in the signature is checked before it can break one."""
    with pytest.raises(ConfigError, match=reason):
        load_signer(KEYS["rsa"], domain=domain, selector=selector, file="dkim.pem")


def test_the_signing_domain_is_the_from_addresss_own():
    """FAULTS 61: d= is the From domain or above it; for any other domain nothing is compiled."""
    assert verified(mail(template(head=letterhead(sender="digest@news.example.org"), signer=signer())), signer())
    for sender in ("digest@ilo.org", "digest@notexample.org", "digest@org"):
        with pytest.raises(ConfigError):
            template(head=letterhead(sender=sender), signer=signer())


def test_a_signer_tells_nothing_of_its_key():
    """FAULTS 57: neither repr nor str of a signer or of a template holds the key or its PEM."""
    signing = signer()
    shown = repr(signing) + str(template(signer=signing))
    assert "PRIVATE" not in shown
    assert "raw_sign" not in shown
    assert str(RSA.private_numbers().d) not in shown


HEADERS = st.lists(
    st.tuples(
        st.from_regex(r"\A[A-Za-z][A-Za-z-]{0,20}\Z"),
        st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), min_size=1, max_size=6),
        st.sampled_from([" ", "  ", "\t", "\r\n ", "\r\n\t ", " \r\n "]),
    ),
    max_size=5,
)


@given(HEADERS)
def test_relaxed_headers_are_dkimpys(fields):
    """RFC 6376, 3.4.2: our canonical form is the one that a verifier computes, whatever the folding and blanks."""
    block = "".join(f"{name}:{gap}{gap.join(words)}\r\n" for name, words, gap in fields).encode()
    parsed = [(name.encode(), f"{gap}{gap.join(words)}\r\n".encode()) for name, words, gap in fields]
    theirs = dkim.canonicalization.Relaxed.canonicalize_headers(parsed)
    assert relaxed(block) == b"".join(name + b":" + value for name, value in theirs)
