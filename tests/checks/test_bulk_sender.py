"""Who sends much to a big mailbox provider is told what it asks for and does not get, in one line; others are not."""

from __future__ import annotations

import pytest
from check_subjects import MAIL, NEWSROOM, subject
from msgspec.structs import replace

from digest.checks.authentication import aligned
from digest.checks.bulk_sender import BULK, provider_of
from digest.checks.registry import run
from digest.errors import Fault, FaultyInput

SOUND = {"dkim": ("ilo.org", "s1"), "rated": True}
NO_POST = MAIL.replace(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b"")


def said(addresses, **changes):
    """What the check says, at most one finding."""
    context = subject(**(SOUND | {"readers": lambda: iter(addresses)} | changes))
    found = [finding for finding in run(context) if finding.code == "bulk-sender"]
    assert len(found) <= 1
    return f"{found[0].where}: {found[0].message}" if found else ""


def many(*domains, count=BULK):
    return [f"r{number}@{domains[number % len(domains)]}" for number in range(count)]


@pytest.mark.parametrize(
    ("domains", "provider"),
    [
        (("gmail.com", "googlemail.com"), "Gmail"),
        (("outlook.com", "hotmail.co.uk", "live.fr", "msn.com"), "Outlook.com"),
        (("yahoo.com", "yahoo.com.br", "aol.com", "ymail.com"), "Yahoo and AOL"),
        (("icloud.com", "me.com", "mac.com"), "iCloud"),
    ],
)
def test_a_provider_is_counted_over_all_its_domains(domains, provider):
    """5,000 readers at one provider matter, in whichever of its domains; one less do not."""
    assert f"at {provider};" in said(many(*domains), rated=False)
    assert said(many(*domains, count=BULK - 1), rated=False) == ""


def test_readers_all_over_the_world_are_nobodys_bulk():
    """No provider's share is large, and a domain that only looks like one's is another's."""
    spread = many("gmail.com", "yahoo.fr", "icloud.com", "hotmail.com", count=4 * (BULK - 1))
    assert said(spread, rated=False) == ""
    assert said(many("gmail.com.example.org", "notgmail.com", "live.example.org"), rated=False) == ""
    assert provider_of("outlook.example.com") == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"mail": NO_POST},
            "config.yaml: unsubscribe.url: the list has 5,000 readers or more at Gmail; missing: one-cl",
        ),
        ({"dkim": None}, "a DKIM signature (dkim.domain, dkim.selector)"),
        ({"mail": b"DKIM-Signature: v=1; d=ilo.org; s=a; h=From:List-Unsubscribe; b=x\r\n" + MAIL}, "over List-Unsub"),
        ({"dkim": ("relay.example", "s"), "envelope": "b@relay.example"}, "ilo.org is neither relay.example nor"),
        ({"newsroom": replace(NEWSROOM, sender="ilo@gmail.com")}, "is Gmail's, whose mail only they send"),
        ({"newsroom": replace(NEWSROOM, sender="ilo@example.org")}, "ilo@example.org is an example"),
        ({"mail": MAIL.replace(b"Reply-To: newsroom@ilo.org", b"Reply-To: x@example.org")}, "newsroom.contact"),
        ({"rated": False}, "smtp.rate, or smtp.per_domain"),
    ],
)
def test_what_is_missing_is_named_with_its_setting(changes, words):
    """Each demand that is not met is said, with the setting that mends it."""
    assert words in said(many("gmail.com"), **changes)


def test_all_that_is_missing_is_one_message():
    """Three lacks are one finding, in the order of their weight."""
    words = said(many("gmail.com"), mail=NO_POST, dkim=None, rated=False)
    assert words.index("unsubscribe.url") < words.index("dkim.domain") < words.index("smtp.rate")


def test_either_dkim_or_the_envelope_aligns():
    """A relay's own bounce address is fine where DKIM signs for us, and the reverse, below one organization."""
    assert said(many("gmail.com"), envelope="bounce@relay.example") == ""
    assert said(many("gmail.com"), dkim=("relay.example", "s"), envelope="b@bounce.ilo.org") == ""
    assert aligned("news.ilo.org", "bounce.ilo.org")
    assert not aligned("one.org.uk", "two.org.uk")


def test_the_list_is_read_only_when_something_is_missing():
    """Where all is in place nobody is counted; where it is not, reading ends with the answer."""

    def untouched():
        raise AssertionError

    assert "bulk-sender" not in {finding.code for finding in run(subject(**SOUND, readers=untouched))}
    endless = iter(lambda: "r@gmail.com", None)
    assert said(endless, rated=False)


def test_a_list_that_cannot_be_read_is_no_warning():
    """What is wrong with a list is said where it is sent to, not here."""

    def broken():
        raise FaultyInput([Fault(file="list.csv", message="is not there")])
        yield

    assert said([], rated=False, readers=broken) == ""
