"""The inspection of finished bytes: silent on a sound mail, and one finding for each thing that can be wrong."""

from __future__ import annotations

import re

import pytest
from mail_parts import mail, rendering, template

from digest.errors import CheckFailed
from digest.mail.inspect import demand_sound, inspect
from digest.model import InlineImage, Severity

FLAWS = {
    "mail-bare-line-end": lambda data: data.replace(b"\r\nTo:", b"\nTo:"),
    "mail-8-bit": lambda data: data.replace(b"Dear", b"D\xe9ar"),
    "mail-control": lambda data: data.replace(b"Dear", b"D\x00ar"),
    "mail-no-end": lambda data: data[:-2],
    "mail-dot": lambda data: data.replace(b"=2E", b"."),
    "mail-from": lambda data: data.replace(b"=46rom", b"From"),
    "mail-long-line": lambda data: data.replace(b"Subject: ", b"Subject: " + b"x" * 1000),
    "mail-no-body": lambda data: data.partition(b"\r\n\r\n")[0] + b"\r\n",
    "mail-header-syntax": lambda data: data.replace(b"Subject: ", b"Sub ject: "),
    "mail-header-stranger": lambda data: data.replace(b"Subject: ", b"Bcc: all@example.org\r\nSubject: "),
    "mail-encoded-word": lambda data: data.replace(b"Subject: ", b"Subject: =?utf-8?q?" + b"x" * 70 + b"?="),
    "mail-addresses": lambda data: data.replace(b"<anna.", b"<bob@example.org>, <anna."),
    "mail-list-url": lambda data: data.replace(b"<https://digest", b"<https://\r\n digest"),
    "mail-encoded-line": lambda data: data.replace(b"Dear", b"x" * 80),
    "mail-quoted-printable": lambda data: data.replace(b"=C3", b"=c3"),
    "mail-trailing-blank": lambda data: data.replace(b"=20=\r\n", b" \r\n"),
}


@pytest.mark.parametrize("code", FLAWS)
def test_each_flaw_is_found_by_its_code(code):
    """A sound mail gets no finding; the same mail with one flaw gets the finding for it, as an error."""
    sound = mail()
    assert inspect(sound) == ()
    flawed = FLAWS[code](sound)
    assert flawed != sound
    found = inspect(flawed)
    assert code in {one.code for one in found}
    assert all(one.severity is Severity.ERROR and one.where and one.message for one in found)
    with pytest.raises(CheckFailed, match="not sound"):
        demand_sound(flawed)


@pytest.mark.parametrize(
    "name", ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type"]
)
def test_a_header_that_must_be_there_once_is_missed_or_seen_twice(name):
    """RFC 5322, 3.6: one From, To, Date, Message-ID, Subject; two of any is an error, and none of all but To."""
    data = mail()
    field = re.search(rb"^%s: .*\r\n(?: .*\r\n)*" % name.encode(), data, re.MULTILINE)[0]
    twice = inspect(data.replace(field, field + field, 1))
    assert "mail-header-count" in {one.code for one in twice if one.where == name.lower()}
    none = {one.where for one in inspect(data.replace(field, b"", 1))}
    assert (name.lower() in none) == (name != "To")


def test_boundaries_that_do_not_match_are_found():
    """A boundary that is not announced, not closed, doubled, or quoted in a body is an error."""
    data = mail()
    boundary = re.search(rb'boundary="([^"]+)"', data)[1]
    for flawed in (
        data.replace(b"--" + boundary + b"--\r\n", b""),
        data.replace(boundary, b"=_other", 1),
        data.replace(b"Dear", b"Dear " + boundary),
        data.replace(b"Dear", b"\r\n--" + boundary + b"--\r\n"),
        data.replace(b'boundary="', b'border="'),
    ):
        assert "mail-boundary" in {one.code for one in inspect(flawed)}


def test_inner_boundaries_are_looked_at_too():
    """With inline images, the multipart/related inside is held to the same rules."""
    image = InlineImage(cid="logo", media_type="image/png", data=bytes(range(256)) * 3)
    data = mail(template(rendering(images=(image,))))
    assert inspect(data) == ()
    assert inspect(re.sub(rb"--=_related_\w+--\r\n", b"", data))
    broken = data.replace(b'picture-1.png"\r\n\r\n', b'picture-1.png"\r\n\r\n' + b"A" * 77 + b"\r\n")
    assert {one.code for one in inspect(broken)} == {"mail-encoded-line"}


@pytest.mark.parametrize("junk", [b"", b"\r\n", b"\r\n\r\n", b"x", b"\xff" * 100, b"From: a\r\n\r\n", b"\n" * 50])
def test_junk_is_a_finding_and_never_a_crash(junk):
    """Whatever the bytes, the answer is findings."""
    assert inspect(junk)
