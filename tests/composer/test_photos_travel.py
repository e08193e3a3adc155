"""Images are linked or carried; what mail programs do not show is left out and said (FAULTS 8)."""

from __future__ import annotations

import struct
import zlib

import pytest
from composer_samples import render, selection, story
from hypothesis import given
from hypothesis import strategies as st

from digest.composer.options import ThemeOptions
from digest.composer.photos import LARGEST, size, sniff
from digest.model import Severity

EMBED = ThemeOptions(images="embed")


def png(width=3, height=2):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080140028001011100ffd9")
GIF = b"GIF89a" + struct.pack("<HH", 7, 5) + b"\0" * 20


@pytest.mark.parametrize(("data", "kind", "measure"), [
    (png(640, 320), "image/png", (640, 320)),
    (JPEG, "image/jpeg", (640, 320)),
    (GIF, "image/gif", (7, 5)),
    (b"RIFF\0\0\0\0WEBPVP8 ", "", (0, 0)),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "", (0, 0)),
    (b"", "", (0, 0)),
    (JPEG[:20], "image/jpeg", (0, 0)),
])  # fmt: skip
def test_images_are_known_by_their_first_bytes(data, kind, measure):
    """Type and size come from the bytes, never from the name."""
    assert (sniff(data), size(data)) == (kind, measure)


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b""]))
def test_broken_images_are_measured_without_an_error(data, magic):
    """However a file is cut short, measuring it ends."""
    width, height = size(magic + data)
    assert width >= 0 <= height


def codes(made):
    return [(finding.code, finding.severity) for finding in made.findings]


def test_a_path_is_joined_to_the_base_address():
    """With a base address a path is linked, its blanks escaped; with none it is left out and said."""
    options = ThemeOptions(image_base_url="https://img.example/digest/")
    made = render(selection(story(0, image="2022/a photo.jpg")), options)
    assert 'src="https://img.example/digest/2022/a%20photo.jpg"' in made.html
    bare = render(selection(story(0, image="2022/a.jpg")))
    assert "<img" not in bare.html
    assert codes(bare) == [("image-unresolved", Severity.WARNING)]
    assert bare.findings[0].where == "stories/2022-02-10-story-0.md"


@pytest.mark.parametrize(
    "image",
    [
        "file:///etc/passwd",
        "javascript:x",
        "data:image/png;base64,AAAA",
        "ftp://a.example/x.jpg",
        "https://a@b.example/x.jpg",
    ],
)
def test_addresses_that_are_none_for_a_mail_are_errors(image):
    """An image may come from http(s) or a path; anything else stops the edition."""
    made = render(selection(story(0, image=image)))
    assert "<img" not in made.html
    assert codes(made) == [("image-unsafe", Severity.ERROR)]


@pytest.mark.parametrize("image", ["https://a.example/x.svg", "https://a.example/x.WEBP?v=1", "a/b.avif"])
def test_formats_that_mail_programs_do_not_show_are_left_out(image):
    """SVG, WebP and AVIF are said by their name and not linked."""
    assert codes(render(selection(story(0, image=image)), EMBED)) == [("image-type", Severity.WARNING)]


def test_a_carried_image_is_in_the_mail_once():
    """Two stories with one photo: one part, referred to by both; its size gives the height."""
    picked = (story(0, image="a.png", image_alt="A"), story(1, image="b.png"))
    made = render(selection(*picked), EMBED, read_image=lambda _: png(1280, 640))
    [image] = made.images
    assert image.media_type == "image/png"
    assert made.html.count(f'src="cid:{image.cid}"') == 2
    assert 'width="640" height="320"' in made.html


def missing(path):
    raise FileNotFoundError(2, "No such file or directory", path)


@pytest.mark.parametrize(
    ("read", "code"),
    [
        (missing, "image-missing"),
        (None, "image-missing"),
        (lambda _: b"", "image-type"),
        (lambda _: b"<svg/>", "image-type"),
        (lambda _: png() + b"\0" * LARGEST, "image-size"),
    ],
)
def test_an_image_that_cannot_be_carried_is_said(read, code):
    """Missing, empty, of another kind, or too large: left out, with the story's file."""
    made = render(selection(story(0, image="a.png")), EMBED, read_image=read)
    assert [finding.code for finding in made.findings] == [code]
    assert made.images == ()
    assert "<img" not in made.html


def test_a_changed_file_is_seen():
    """Images are read anew each time: a file may change under a name that stays."""
    first = render(selection(story(0, image="a.png")), EMBED, read_image=lambda _: png(10, 10))
    second = render(selection(story(0, image="a.png")), EMBED, read_image=lambda _: png(20, 10))
    assert first.images != second.images
    assert first.fingerprint != second.fingerprint


def test_a_cut_story_carries_no_image():
    """Stories that became titles do not make the mail heavy with images nobody sees."""
    options = ThemeOptions(images="embed", size_limit=20 * 1024)
    picked = [story(number, image=f"{number}.png") for number in range(12)]
    made = render(selection(*picked), options, read_image=lambda path: png(10, int(path.split(".")[0]) + 1))
    assert made.cut > 0
    assert len(made.images) == 12 - made.cut == made.html.count("<img")
