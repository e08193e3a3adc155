"""A finished mail is taken apart without being repaired."""

from __future__ import annotations

import pytest
from check_subjects import MAIL, codes, mailed, subject
from hypothesis import given
from hypothesis import strategies as st

from digest.checks.parsed_mail import decoded, mailbox, read
from digest.checks.registry import run


def test_fields_and_parts_are_found():
    """Names, unfolded values and part types come out as they went in."""
    message = read(MAIL.replace(b"women workers", b"women\r\n workers"))
    assert message.value("subject") == "ILO Newsroom: women workers in Pakistan"
    assert message.parts == ("multipart/alternative", "text/plain", "text/html")
    assert len(message.all("From")) == 1


@pytest.mark.parametrize(
    ("value", "box"),
    [
        ("a@b.org", ("", "a@b.org")),
        (' "Last, First" <a@b.org>', ("Last, First", "a@b.org")),
        ('"a \\"b\\" c" <a@b.org> ', ('a "b" c', "a@b.org")),
        ("=?utf-8?q?R=C3=A9daction?= <a@b.org>", ("Rédaction", "a@b.org")),
        ("Name a@b.org", None),
        ("a@b.org, c@d.org", None),
        ("<a@b.org", None),
        ("a@b@c.org", None),
        ("", None),
        ("Group: a@b.org;", None),
    ],
)
def test_one_mailbox_is_read_and_anything_else_refused(value, box):
    """The display name and address are those that were meant, or None."""
    assert mailbox(value) == box


def test_an_encoded_word_that_cannot_be_read_stays():
    """An unknown character set is shown as it stands."""
    assert decoded("=?nosuch?q?x?=") == "=?nosuch?q?x?="


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"Message-ID: <2022-02.abc@ilo.org>", b"Message-ID: abc", "mail-header-form"),
        (b"Tue, 01 Mar 2022 09:00:00 +0100", b"2022-03-01T09:00:00Z", "mail-header-form"),
        (b"ILO Newsroom: women workers in Pakistan", b"=?utf-8?q?" + b"x" * 80 + b"?=", "mail-header-form"),
        (b"ILO Newsroom: women workers in Pakistan", b"=?utf-8?q?never closed", "mail-header-form"),
        (b"\r\nTo: reader@example.net", b"\r\nno field at all", "mail-header-form"),
        (b"<https://news.ilo.org/u/abc>", b"=?us-ascii?q?=3Chttps=3A?=", "mail-unsubscribe"),
        (b"<https://news.ilo.org/u/abc>", b"<http://news.ilo.org/u/abc>", "mail-unsubscribe"),
        (b"One-Click", b"Click", "mail-unsubscribe"),
        (b"multipart/alternative", b"multipart/mixed", "mail-parts"),
        (b"text/plain; charset", b"text/html; charset", "mail-parts"),
        (b"Reply-To: newsroom@ilo.org\r\n", b"", "reply-to"),
        (b"Reply-To: newsroom@ilo.org", b"Reply-To: other@ilo.org", "reply-to"),
        (b"ILO Newsroom <digest@ilo.org>", b'"ceo@bank.com" <digest@ilo.org>', "from-spoof"),
        (b"ILO Newsroom <digest@ilo.org>", b"=?utf-8?q?ceo=40bank=2Ecom?= <digest@ilo.org>", "from-spoof"),
        (b"ILO Newsroom <digest@ilo.org>", b"ILO <digest@ilo.org>, x@y.org", "from-invalid"),
        (b"<p>February", b"<p>\rFebruary", "mail-line-ends"),
        (b"<p>February", b"<p>\0February", "mail-8bit"),
        (b"reader@example.net", b"reader@example.net" + b" " * 990, "mail-line-length"),
    ],
)
def test_a_fault_in_the_bytes_is_found(old, new, code):
    """Each way in which a mail can be malformed has its finding, and nothing else turns up as an error for it."""
    assert code in codes(mailed(old, new))


def test_inline_images_are_a_form_that_is_allowed():
    """multipart/related inside the alternative is sound."""
    related = (
        b'Content-Type: multipart/related; boundary="=_r"\r\n\r\n--=_r\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n'
        b"--=_r\r\nContent-Type: image/jpeg\r\n\r\nAA\r\n--=_r--\r\n"
    )
    start = MAIL.index(b"Content-Type: text/html")
    mail = MAIL[:start] + related + b"\r\n--=_b--\r\n"
    assert read(mail).parts[-3:] == ("multipart/related", "text/html", "image/jpeg")
    assert "mail-parts" not in codes(subject(mail=mail))


@given(st.one_of(st.binary(max_size=300), st.builds(lambda head: head + b"\r\n\r\n" + MAIL, st.binary(max_size=200))))
def test_any_bytes_are_examined(data):
    """No mail, however broken, makes a check raise."""
    run(subject(mail=data))
