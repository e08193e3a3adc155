"""A mail carries only addresses that every client reads the same, and that run nothing (FAULTS 9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composer.links import resolve

BASE = "https://www.harbour.example/newsroom/"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://a.example/x?a=1&b=2#c", "https://a.example/x?a=1&b=2#c"),
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
