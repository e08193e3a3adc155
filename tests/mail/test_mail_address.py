"""Addresses: one canonical form, and a plain reason for each that cannot be mailed (FAULTS 12, 13)."""

from __future__ import annotations

import re

import pytest
from email_validator import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from digest.mail.address import canonical, domain_of, key


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ("anna@example.org", "anna@example.org"),
        ("Anna.Schmidt@EXAMPLE.Org", "Anna.Schmidt@example.org"),
        ("anna+news@example.org", "anna+news@example.org"),
        ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@XN--BCHER-KVA.example", "anna@xn--bcher-kva.example"),
        ("anna@faß.de", "anna@xn--fa-hia.de"),
        ("anna@例え。jp", "anna@xn--r8jz45g.jp"),
        ("anna@ｅxample.org", "anna@example.org"),
        (" \tanna@example.org ", "anna@example.org"),
        ("o'hara!#$%&*+-/=?^_`{|}~@example.org", "o'hara!#$%&*+-/=?^_`{|}~@example.org"),
        ("rehearsal@newsroom.test", "rehearsal@newsroom.test"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_the_domain_is_folded_and_the_local_part_is_kept(given_as, expected):
    """The canonical form has a lower-case A-label domain and the local part as it was given."""
    assert canonical(given_as) == expected


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("anna", "has no @"),
        ("a@b@c", "more than one @"),
        ("a@b.org@c.org", "more than one @"),
        ("a@", "nothing after the @"),
        ("@example.org", "nothing before the @"),
        ('"x@evil y"@good', "quoted part"),
        ('"anna"@example.org', "quoted part"),
        ("a@localhost", "has no dot"),
        ("a@printer.local", "no mail can reach a domain under .local"),
        ("a@bücher.localhost", "no mail can reach a domain under .localhost"),
        ("a@example.invalid", "no mail can reach"),
        ("a@[127.0.0.1]", "IP address"),
        ("a@127.0.0.1", "ends in a number"),
        ("a@example.org:25", "':'"),
        ("a" * 65 + "@example.org", "more than 64 characters before the @"),
        ("a@" + "b" * 64 + ".org", "too long"),
        ("a@" + ".".join(["b" * 60] * 5) + ".org", "too long"),
        ("x" * 64 + "@" + ".".join(["b" * 60] * 3) + ".organisation", "longer than 254"),
        ("a@example.org.", "ends with a dot"),
        ("a@.example.org", "empty part"),
        ("a@example..org", "empty part"),
        ("a(comment)@example.org", "comment"),
        ("a@example.org (Anna)", "comment"),
        ("a@b,c@d", "more than one address"),
        ("a@b.org; c@d.org", "more than one address"),
        ("Anna <a@example.org>", "angle brackets"),
        ("a@example.org\r\nBcc: victim@example.org", "line break"),
        ("a@example.org\n", "line break"),
        ("a\u2028@example.org", "line break"),
        ("a\x00@example.org", "control character"),
        ("a@exam\u200bple.org", "invisible"),
        ("\u202ea@example.org", "invisible"),
        ("a b@example.org", "blank"),
        ("a@exa mple.org", "blank"),
        ("a@example.org\u00a0", "blank"),
        ("jürgen@example.org", "SMTPUTF8"),
        ("\ud800@example.org", "SMTPUTF8"),
        (".anna@example.org", "misplaced dot"),
        ("anna.@example.org", "misplaced dot"),
        ("an..na@example.org", "misplaced dot"),
        ("a:b@example.org", "':'"),
        ("a@x_y.org", "'_'"),
        ("a@-b.org", "hyphen"),
        ("a@xn--a.de", "IDNA"),
        ("a@\ud800.org", "not one"),
    ],
)
def test_each_bad_address_is_refused_with_its_own_reason(address, reason):
    """FAULTS 13: an address that cannot be mailed is refused with a reason that is one printable line."""
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        canonical(address)
    assert str(caught.value).isprintable()


def test_two_spellings_of_one_reader_have_one_canonical_form():
    """FAULTS 12: case and IDN form of the domain make no second reader; the local part's case and +tag do."""
    spellings = {"anna@Bücher.example", "anna@bücher.EXAMPLE", "anna@xn--bcher-kva.example", " anna@BÜCHER.example "}
    assert {canonical(one) for one in spellings} == {"anna@xn--bcher-kva.example"}
    others = {"anna@example.org", "Anna@example.org", "anna+x@example.org"}
    assert {canonical(one) for one in others} == others


def test_suppressions_compare_without_regard_to_case():
    """FAULTS 14: who left as Anna@ has left as anna@."""
    assert key(canonical("Anna@Example.org")) == key(canonical("aNNA@exAMPLE.ORG")) == "anna@example.org"
    assert domain_of("Anna@example.org") == "example.org"


@given(st.text(max_size=80))
@example("a@b.org\n")
@example("a@İ.org")
def test_any_text_is_refused_or_becomes_a_harmless_address(text):
    """Whatever a list holds, what passes is ASCII, has one @, no blank, no special, and is a fixed point."""
    try:
        address = canonical(text)
    except ValueError as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        assert reason.isprintable()
        return
    assert address.isascii()
    assert address.count("@") == 1
    assert not set(address) & set(' \t\r\n<>()[],;:\\"')
    assert canonical(address) == address


@given(st.emails())
def test_the_fast_path_agrees_with_the_library(address):
    """What passes here passes email-validator too, and is the same address there."""
    try:
        mine = canonical(address)
    except ValueError:
        return
    theirs = validate_email(address, check_deliverability=False, test_environment=True)
    assert mine == theirs.ascii_email
