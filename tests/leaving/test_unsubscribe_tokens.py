"""Unsubscribe tokens: only the newsroom can make or read one, and a wrong one tells nothing."""

from __future__ import annotations

import base64
import random
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from digest.errors import UsageError
from digest.recipients import tokens

SECRET, OLD = "s3cret-of-this-year-0123456789ab", "s3cret-of-last-year-0123456789ab"
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80)


@given(texts, texts, st.text(min_size=16, max_size=60).filter(lambda text: text.isprintable()))
def test_what_was_sealed_is_read_back(audience, address, secret):
    """Round trip for any audience, address and secret; the token is URL-safe as it is."""
    token = tokens.token([secret], audience, address)
    assert tokens.read([secret], token) == (audience, address)
    assert token.replace("-", "a").replace("_", "a").isalnum()
    assert token.isascii()


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_token_with_any_bit_changed_is_none(position, change):
    """No byte can be altered, in the seal or in the sealed."""
    raw = bytearray(base64.urlsafe_b64decode(tokens.token([SECRET], "everyone", "ann@example.org") + "=="))
    raw[position % len(raw)] ^= change
    assert tokens.read([SECRET], base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) is None


@given(st.text(max_size=200))
def test_any_other_text_is_none(text):
    """Whatever stands in the URL, the answer is None and never an error."""
    assert tokens.read([SECRET], text) is None


@given(st.integers(0, 200), st.sampled_from("ABCdef019-_=+/ %\n"))
def test_a_token_has_one_spelling(position, letter):
    """Base64 has spare bits and optional padding; another spelling of the same bytes is another text, and wrong."""
    token = tokens.token([SECRET], "everyone", "ann@example.org")
    position %= len(token) + 1
    changed = token[:position] + letter + token[position + 1 :]
    assume(changed != token)
    assert tokens.read([SECRET], changed) is None


def test_the_spare_bits_of_the_last_letter_are_read():
    """Of the 64 letters that a token could end with, one is right."""
    token = tokens.token([SECRET], "everyone", "ann@example.org")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert [letter for letter in letters if tokens.read([SECRET], token[:-1] + letter)] == [token[-1]]


def test_a_thousand_guesses_find_nothing():
    """FAULTS 60: random tokens of the right form are wrong, and only hashed: nothing is decrypted for them."""
    generator = random.Random(7)
    length = len(base64.urlsafe_b64decode(tokens.token([SECRET], "everyone", "ann@example.org") + "=="))
    cipher, _ = tokens._keys(SECRET)
    opened = []
    tokens._keys.cache_clear()
    original = tokens._keys

    class Watched:
        def decrypt(self, *arguments):
            opened.append(arguments)
            return cipher.decrypt(*arguments)

    tokens._keys = lambda secret: (Watched(), original(secret)[1])
    try:
        for _ in range(1_000):
            guess = base64.urlsafe_b64encode(generator.randbytes(length)).decode()
            assert tokens.read([SECRET], guess) is None
    finally:
        tokens._keys = original
    assert not opened


def test_secrets_can_be_changed_without_breaking_old_mails():
    """The first secret makes tokens, all of them read: a mail of last year still unsubscribes."""
    old = tokens.token([OLD], "everyone", "ann@example.org")
    new = tokens.token([SECRET, OLD], "everyone", "ann@example.org")
    assert new == tokens.token([SECRET], "everyone", "ann@example.org")
    assert tokens.read([SECRET, OLD], old) == tokens.read([SECRET, OLD], new) == ("everyone", "ann@example.org")
    assert tokens.read([SECRET], old) is None


def test_a_token_is_the_same_every_time():
    """Deterministic: a reader's link is the same in every edition and every process."""
    program = f"from digest.recipients.tokens import token; print(token(['{SECRET}'], 'everyone', 'ann@example.org'))"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert other == tokens.token([SECRET], "everyone", "ann@example.org")


def test_a_link_shows_neither_address_nor_its_length():
    """No part of the address is in the URL, and addresses of like length give links of one length."""
    links = [tokens.url("https://d.example.org/", [SECRET], "everyone", f"{'a' * n}@example.org") for n in range(1, 9)]
    assert len({len(link) for link in links}) == 1
    assert all(link.startswith("https://d.example.org/u/") and "@" not in link for link in links)
    assert len(set(links)) == 8


def test_audiences_and_readers_have_tokens_of_their_own():
    """Leaving one audience is not leaving another; where one value ends and the next begins is part of the token."""
    pairs = [("a", "bc@x.org"), ("ab", "c@x.org"), ("a", "Bc@x.org"), ("b", "bc@x.org")]
    assert len({tokens.token([SECRET], *pair) for pair in pairs}) == len(pairs)


def test_the_mail_form_carries_the_token():
    """The mailto link has the token in its subject, ready for `digest bounces`."""
    link = tokens.mailto("leave@example.org", [SECRET], "everyone", "ann@example.org")
    assert link.startswith("mailto:leave@example.org?subject=unsubscribe%20")
    assert tokens.read([SECRET], link.rpartition("%20")[2]) == ("everyone", "ann@example.org")


@pytest.mark.parametrize("secrets", [[], [""], ["short"], [SECRET, "short"], SECRET])
def test_a_secret_that_is_none_is_refused(secrets):
    """A missing, short or misplaced secret stops everything, without being shown."""
    for call in (
        lambda: tokens.token(secrets, "everyone", "ann@example.org"),
        lambda: tokens.read(secrets, "x"),
    ):
        with pytest.raises(UsageError, match="openssl rand -hex 32") as refusal:
            call()
        assert "s3cret" not in repr(refusal.value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is missing"),
        ("http://digest.example.org", "must begin with https://"),
        ("https://localhost:8443", "is reached from this machine only"),
        ("https://127.0.0.1", "is reached from this machine only"),
        ("https://[::1]/", "is reached from this machine only"),
        ("https://10.0.0.7/", "is reached from its own network only"),
        ("https://news.local", "is reached from its own network only"),
        ("https://intranet", "is reached from its own network only"),
        ("https://", "has no host"),
        ("https://user:pw@digest.example.org", "must be a plain address"),
        ("https://digest.example.org/?a=1", "must be a plain address"),
        ("https://[::1", "is not an address"),
        ("digest.example.org", "must begin with https://"),
    ],
)
def test_a_base_url_nobody_can_reach_is_a_problem(url, problem):
    """FAULTS 60: `send` refuses when the base URL is http or local."""
    assert any(problem in one for one in tokens.unsubscribe_problems(url))


@pytest.mark.parametrize("url", ["https://127.0.0.1", "http://localhost:8025", "https://10.0.0.7/"])
def test_a_url_nearby_comes_with_the_switch_for_trials(url):
    """Whoever tries things out on a machine of theirs is told of the switch, with its section; its key is said once."""
    told = [problem for problem in tokens.unsubscribe_problems(url) if "is reached from" in problem]
    assert len(told) == 1
    assert "`unsubscribe: {allow_local: true}`" in told[0]
    assert "unsubscribe.url" not in told[0]


def test_a_public_https_url_is_no_problem():
    """With or without a path and a port; a local one only when it is asked for."""
    assert tokens.unsubscribe_problems("https://digest.example.org/mail/") == ()
    assert tokens.unsubscribe_problems("https://digest.example.org:8443") == ()
    assert tokens.unsubscribe_problems("http://127.0.0.1:8025", allow_local=True) == ()
    assert tokens.unsubscribe_problems("http://digest.harbour.eu", allow_local=True) != ()
    assert tokens.unsubscribe_problems("http://leave.harbour.test", allow_local=True) == ()
