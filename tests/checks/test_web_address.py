"""An address is judged by its form: every known fault has its code, and sound addresses none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.checks.links import faults
from digest.text.urls import host_of, is_private


@pytest.mark.parametrize(
    "url",
    [
        "https://www.ilo.org/skills/Whatsnew/WCMS_836761/lang--en/index.htm",
        "https://voices.ilo.org/stories/from-refugee-to-digital-worker",
        "https://ilo.org:8443/a?b=c&d=e#f",
        "https://example.org/a/(b)",
        "https://münchen.de/",
        "https://xn--mnchen-3ya.de/",
        "https://почта.рф/",
        "https://web.archive.org/web/2022/https://ilo.org/",
        "https://archive.ph/https://ilo.org/a",
        "https://example.org/login?next=https://example.org/a",
        "https://[2606:4700::1111]/",
        "HTTPS://ILO.ORG/A",
        "mailto:newsroom@ilo.org?subject=x",
        "tel:+41227996111",
        "tel:+41 22 799 61 11",
        " https://ilo.org/ ",
    ],
)
def test_a_sound_address_has_no_fault(url):
    """Nothing is said about an address that works, however it looks."""
    assert list(faults(url)) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "link-malformed"),
        ("  ", "link-malformed"),
        ("https://", "link-malformed"),
        ("https:///a", "link-malformed"),
        ("https://ilo..org/a", "link-malformed"),
        ("https://ilo.org:0/a", "link-malformed"),
        ("https://ilo.org:99999/a", "link-malformed"),
        ("https://[::1/a", "link-malformed"),
        ("https://ilo.org/a\tb", "link-malformed"),
        ("https://ilo.org/\u200ba", "link-malformed"),
        ("mailto:nobody", "link-malformed"),
        ("ana@harbour.pt", "link-malformed"),
        ("https//harbour.pt/a", "link-malformed"),
        ("http;//harbour.pt", "link-malformed"),
        ("#top", "link-malformed"),
        ("medium.com/@ana", "link-relative"),
        ("http/2.html", "link-relative"),
        ("//ilo.org/a", "link-relative"),
        ("/a/b", "link-relative"),
        ("a.html", "link-relative"),
        ("?a=b", "link-relative"),
        ("ilo.org:8080/a", "link-relative"),
        ("www.ilo.org", "link-relative"),
        ("mailto:mailto:a@x.org", "link-malformed"),
        ("mailto:a@x.org;b@y.org", "link-malformed"),
        ("https://urldefense.com/v3/__https://www.ilo.org/x__;!!abc$", "link-wrapped"),
        ("javascript:alert(1)", "link-unsafe"),
        ("JaVaScRiPt:alert(1)", "link-unsafe"),
        ("data:text/html;base64,AA==", "link-unsafe"),
        ("file:///etc/passwd", "link-unsafe"),
        ("vbscript:x", "link-unsafe"),
        ("ftp://ilo.org/a", "link-unsafe"),
        ("https://x.org/https://y.org/a", "link-doubled-host"),
        ("https://https://x.org/a", "link-doubled-host"),
        ("https://https//x.org/a", "link-doubled-host"),
        ("https://x.orghttps://x.org/a", "link-doubled-host"),
        ("https://www.ilo.org/www.ilo.org/a", "link-doubled-host"),
        ("https://x.org/http:/y.org", "link-doubled-host"),
        ("https://ilo.org@evil.example/", "link-disguised"),
        ("https://user:secret@ilo.org/", "link-disguised"),
        ("http://localhost/a", "link-private"),
        ("https://intranet/a", "link-private"),
        ("https://wiki.corp/a", "link-private"),
        ("https://127.0.0.1/", "link-private"),
        ("https://10.1.2.3/", "link-private"),
        ("http://169.254.169.254/", "link-private"),
        ("https://[::1]/", "link-private"),
        ("https://[fd00::1]/", "link-private"),
        ("https://2130706433/", "link-private"),
        ("https://0x7f.1/", "link-private"),
        ("https://www.ilо.org/", "link-lookalike"),
        ("https://xn--l-7sb7b.org/", "link-lookalike"),
        ("https://аррӏе.com/", "link-lookalike"),
        ("https://xn--80ak6aa92e.com/", "link-lookalike"),
        ("https://ilo.org/" + "a" * 2000, "link-long"),
        ("http://ilo.org/", "link-http"),
        ("https://ilo.org/?utm_source=x", "link-tracking"),
        ("https://ilo.org/?a=1&fbclid=x", "link-tracking"),
    ],
)
def test_a_fault_is_named_by_its_code(url, code):
    """Each kind of bad address is found, with a sentence of one line."""
    found = dict(faults(url))
    assert code in found
    assert all("\n" not in message and message for message in found.values())


@given(st.text(max_size=80), st.sampled_from(["", "https://", "http://", "https://[", "mailto:", "//", "https://xn--"]))
def test_no_address_makes_it_fall_over(text, start):
    """Any text is judged, never raised at."""
    for code, message in faults(start + text):
        assert code.startswith("link-")
        assert message
    host_of(start + text)


@given(st.ip_addresses())
def test_an_address_in_numbers_is_private_unless_the_world_can_reach_it(address):
    """Every range that is not global counts as private, in both families; an IPv4 address in an IPv6 one by itself."""
    inside = getattr(address, "sixtofour", None) or getattr(address, "ipv4_mapped", None)
    assert is_private(str(address)) or (inside or address).is_global
