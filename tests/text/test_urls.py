"""A mail carries only addresses that every client reads the same, and that run nothing (FAULTS 9)."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.urls import comparable, is_private, is_public, is_tracking, resolve

BASE = "https://www.harbour.example/newsroom/"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://a.example/x?a=1&b=2#c", "https://a.example/x?a=1&b=2#c"),
        ("https://a.example/x?a=1&amp;b=2", "https://a.example/x?a=1&b=2"),
        ("HTTP://A.Example:8080/x", "http://a.example:8080/x"),
        ("  https://a.example/a b\n", "https://a.example/a%20b"),
        ("https://a.example/ü/100%?q=é", "https://a.example/%C3%BC/100%25?q=%C3%A9"),
        ("https://a.example/%C3%BC", "https://a.example/%C3%BC"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("https://例え.example/", "https://xn--r8jz45g.example/"),
        ("//a.example/x", "https://a.example/x"),
        ("story/7", "https://www.harbour.example/newsroom/story/7"),
        ("/news", "https://www.harbour.example/news"),
        ("mailto:press@a.example?subject=Hi there", "mailto:press@a.example?subject=Hi%20there"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https://a.example/" + "x" * 3000, "https://a.example/" + "x" * 3000),
        ('https://a.example/"><script>', "https://a.example/%22%3E%3Cscript%3E"),
    ],
)
def test_good_addresses_are_spelled_in_ascii(written, url):
    """Absolute, ASCII, host in A-labels; a relative address is joined to the newsroom's."""
    assert resolve(written, BASE).url == url


@pytest.mark.parametrize(
    "written",
    [
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "https://bank.example@evil.example/",
        "https://bank.example\\@evil.example/",
        "https:///x",
        "https://a..example/",
        "https://[::1/",
        "https://a.example:99999/",
        "https://exa mple/",
        "cid:x",
    ],
)
def test_bad_addresses_are_refused_with_a_reason(written):
    """Schemes that run or read something, logins before the host, and hosts that cannot be: refused, and said."""
    link = resolve(written, BASE)
    assert (link.url, link.code) == ("", "link-unsafe")
    assert link.reason


def test_a_relative_address_without_a_base_is_refused():
    """With no newsroom.url a relative address leads nowhere in a mail."""
    assert resolve("story/7").code == "link-relative"
    assert resolve("").code == "link-relative"


@given(st.text(max_size=60))
def test_nothing_else_comes_through(text):
    """Whatever is written, what comes out is ASCII without blanks or quotes, and of a known scheme."""
    url = resolve(text, BASE).url
    assert url.isascii()
    assert not set(url) & set(' "<>\\\n\t')
    assert not url or url.split(":")[0] in ("http", "https", "mailto", "tel")


@pytest.mark.parametrize("path", ["\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0d28\u0d4d\u200d"])
def test_joiners_in_a_path_stay(path):
    """Persian and Malayalam words are other words without them, and such a page would not be found."""
    assert unquote(resolve(f"https://a.example/{path}").url) == f"https://a.example/{path}"


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.9.8.7", "100.64.0.1", "127.8.0.1", "169.254.169.254", "172.31.0.1", "192.168.1.1"),
        *("192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "198.19.0.1", "198.51.100.7", "203.0.113.9"),
        *("224.0.1.1", "239.255.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "3fff::1", "5f00::1"),
        *("fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1", "nonsense", ""),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::"),
    ],
)
def test_what_is_not_of_the_public_internet_is_told(address):
    """Every range of IANA's special registries, whatever this Python's own list thinks of it."""
    assert not is_public(address)
    assert not address or is_private(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "2001:4860:4860::8888"]
)
def test_what_is_of_the_public_internet_is_told(address):
    """Neighbours of special ranges are as public as any."""
    assert is_public(address)
    assert not is_private(address)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.ilo.org/a/", "http://ilo.org/a"),
        ("https://ilo.org:443/a/index.html", "https://ilo.org/a"),
        ("https://ilo.org/a?id=3&utm_source=x&fbclid=y&gclid=z&mtm_campaign=w", "https://ilo.org/a?id=3#top"),
    ],
)
def test_spellings_of_one_address_are_one(one, other):
    """Scheme, `www.`, port, index page, last slash, fragment and tracking make no other page."""
    assert comparable(one) == comparable(other)


def test_what_only_tells_who_clicked_is_tracking():
    """One list, for what is compared and for what is checked; a parameter that names the page is none."""
    assert all(map(is_tracking, ("utm_source", "UTM_id", "fbclid", "msclkid", "mc_eid", "pk_campaign", "_hsenc")))
    assert not any(map(is_tracking, ("id", "lang", "page", "utm", "gclidx", "p")))
