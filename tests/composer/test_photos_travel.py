"""Images are linked or carried; what mail programs do not show is left out and said (FAULTS 8)."""

from __future__ import annotations

import random
import re
import struct
import zlib
from contextlib import suppress
from functools import partial
from io import BytesIO

import pytest
from composer_samples import render, selection, story
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from digest.blocks.kinds import LetterBlock, SponsorBlock
from digest.composer import photos
from digest.composer.options import ThemeOptions
from digest.composer.photos import BESIDE, LEAD, MOST, ROW, CarriedImage, ImageRoute, size, sniff, within
from digest.composer.recompress import QUALITIES, Box, recompress
from digest.model import Issue, Severity
from digest.newsroom.paths import inside

SPONSOR = {"name": "A press", "title": "A book", "link": "https://a.example/", "link_text": "Look inside"}

EMBED = ThemeOptions(images="embed")


def png(width=3, height=2, rows=None):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height) if rows is None else rows
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
    spelled = render(selection(story(0, image="2022/a%20photo.jpg")), options)  # as an address has it
    assert 'src="https://img.example/digest/2022/a%20photo.jpg"' in spelled.html
    bare = render(selection(story(0, image="2022/a.jpg")))
    assert "<img" not in bare.html
    assert codes(bare) == [("image-unresolved", Severity.WARNING)]
    assert bare.findings[0].where == "stories/2022-02-10-story-0.md"


@pytest.mark.parametrize(
    ("files", "image", "address"),
    [
        (["a%20b.png"], "a%20b.png", "a%2520b.png"),
        (["a%20b.png", "a b.png"], "a%20b.png", "a%2520b.png"),
        (["a b.png"], "a%20b.png", "a%20b.png"),
        (["100%.png"], "100%.png", "100%25.png"),
        ([], "a%20b.png", "a%20b.png"),
    ],
)
def test_a_file_with_a_percent_sign_in_its_own_name_is_linked_by_that_name(tmp_path, files, image, address):
    """The file that is there tells whether `%20` is a blank, as it does where pictures travel in the mail."""
    for name in files:
        (tmp_path / name).write_bytes(b"GIF89a")
    route = ImageRoute(base_url="https://img.example", read=partial(inside, tmp_path))
    assert route.place(image, LEAD).src == f"https://img.example/{address}"


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


@pytest.mark.parametrize("image", ["https://a.example/x.svg", "https://a.example/x.WEBP?v=1", "a/b.svg"])
def test_formats_that_mail_programs_do_not_show_are_left_out(image):
    """SVG and WebP are said by their name and not linked; a drawing in SVG nothing here can turn into another."""
    assert codes(render(selection(story(0, image=image)), EMBED)) == [("image-type", Severity.WARNING)]


def test_a_carried_image_is_in_the_mail_once():
    """Two stories with one photo: one part, referred to by both; its size gives the height."""
    picked = (story(3), story(0, image="a.png", image_alt="A"), story(1, image="b.png"))
    made = render(selection(*picked), EMBED, read_image=lambda _: png(1280, 640))
    [image] = made.images
    assert image.media_type == "image/png"
    assert made.html.count(f'src="cid:{image.cid}"') == 2
    assert 'width="189" height="94"' in made.html


def missing(path):
    raise FileNotFoundError(2, "No such file or directory", path)


@pytest.mark.parametrize(
    ("read", "code"),
    [
        (missing, "image-missing"),
        (None, "image-missing"),
        (lambda _: b"", "image-type"),
        (lambda _: b"<svg/>", "image-type"),
        (lambda _: png(20_000, 20_000, rows=b""), "image-type"),
        (lambda _: JPEG, "image-type"),
    ],
)
def test_an_image_that_cannot_be_carried_is_said(read, code):
    """Missing, empty, of another kind, cut short, or of more pixels than fit in memory: left out, with the file."""
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


def picture(width, height, kind="JPEG", mode="RGB", **options):
    """A picture in which every pixel differs from its neighbours: nothing of it can be left out."""
    made = Image.frombytes("RGB", (width, height), random.Random(width * height).randbytes(3 * width * height))
    file = BytesIO()
    made.convert(mode).save(file, kind, **options)
    return file.getvalue()


def opened(image):
    return Image.open(BytesIO(image.data))


def carried(*images, **options):
    """What a mail carries of stories with these files, in order."""
    files = {f"{number}.jpg": data for number, data in enumerate(images)}
    picked = [story(number, image=name) for number, name in enumerate(files)]
    return render(selection(*picked), ThemeOptions(**options), read_image=files.__getitem__)


def test_a_file_is_carried_as_large_as_it_is_shown():
    """Twice the pixels of where it stands: the lead, beside its words (on a phone above them), at a row's end."""
    big = picture(3000, 2000)
    made = carried(big, big, big, layout="auto")
    assert [opened(image).size for image in made.images] == [(1280, 853), (656, 437)]  # the two beside are one file
    row = carried(big, big, layout="list").images[1]
    assert opened(row).size == (192, 128)
    assert opened(carried(picture(300, 200)).images[0]).size == (300, 200)  # and never larger than it is


def test_pictures_are_linked_where_they_are_served_and_else_carried():
    """`auto` is the default: with a base address a file is linked, without one carried; what is written down stays."""
    data = png(640, 320)
    picked, served = selection(story(0, image="a.png")), {"image_base_url": "https://img.example"}

    def sources(**options):
        made = render(picked, ThemeOptions(**options), read_image=lambda _: data)
        return re.findall(r'<img class="photo" src="(\w+:)', made.html), len(made.images)

    assert sources() == (["cid:"], 1)
    assert sources(**served) == (["https:"], 0)
    assert sources(images="embed", **served) == (["cid:"], 1)
    assert sources(images="link") == ([], 0)


def test_what_a_camera_wrote_stays_at_home():
    """A photo taken upright stands upright, in the size that it then has, and says nothing of where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90 degrees
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    lying = Image.new("RGB", (400, 200), "white")
    lying.paste("black", (0, 0, 200, 200))  # the left half, which is to be on top
    file = BytesIO()
    lying.save(file, "JPEG", exif=exif, comment=b"secret", quality=95)
    made = carried(file.getvalue())
    [image] = made.images
    assert opened(image).size == (200, 400)
    assert opened(image).getpixel((100, 50))[0] < 20
    assert opened(image).getpixel((100, 350))[0] > 235
    assert not opened(image).getexif()
    assert b"secret" not in image.data
    assert 'width="240" height="480"' in made.html
    assert size(file.getvalue()) == (200, 400)  # and where it is linked, too: browsers turn it


def profile():
    """An ICC profile in which red is what everybody else calls green (ICC.1:2010, 8.3)."""

    def number(value):
        return struct.pack(">i", round(value * 65536))

    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    tags = {b"wtpt": (0.9642, 1.0, 0.8249), b"rXYZ": green, b"gXYZ": red, b"bXYZ": blue}
    parts = {name: b"XYZ \0\0\0\0" + b"".join(map(number, value)) for name, value in tags.items()}
    parts |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), b"curv\0\0\0\0" + struct.pack(">IH", 1, 563) + b"\0\0")
    parts |= {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + b"\0" * 82, b"cprt": b"text\0\0\0\0x\0\0\0"}
    table, body, start = b"", b"", 128 + 4 + 12 * len(parts)
    for name, data in parts.items():
        padded = data + b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += padded
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2022, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28 + b"".join(map(number, tags[b"wtpt"]))
    return head.ljust(128, b"\0") + struct.pack(">I", len(parts)) + table + body


def test_colours_are_those_that_every_screen_knows():
    """A profile is applied and left out; one that is broken is left out; what is for print becomes RGB."""
    file = BytesIO()
    Image.new("RGB", (20, 20), (255, 0, 0)).save(file, "JPEG", icc_profile=profile(), quality=95)
    made = opened(carried(file.getvalue()).images[0])
    red, green, _ = made.getpixel((10, 10))
    assert (red < 60, green > 200) == (True, True)
    assert "icc_profile" not in made.info
    for data in (picture(20, 20, icc_profile=b"no profile"), picture(20, 20, mode="CMYK"), picture(20, 20, mode="L")):
        assert opened(carried(data).images[0]).mode in ("RGB", "L")


def test_any_kind_of_picture_becomes_one_that_every_program_shows():
    """WebP, TIFF and BMP become JPEG; a drawing stays PNG, so does what something shines through."""
    for kind in ("WEBP", "TIFF", "BMP"):
        assert carried(picture(30, 20, kind)).images[0].media_type == "image/jpeg"
    drawn, clear = BytesIO(), BytesIO()
    Image.new("RGB", (600, 400), "#0a5c36").save(drawn, "PNG")
    Image.new("RGBA", (600, 400), (1, 2, 3, 100)).save(clear, "PNG")
    for file in (drawn, clear):
        assert carried(file.getvalue()).images[0].media_type == "image/png"
    assert opened(carried(clear.getvalue()).images[0]).getpixel((1, 1)) == (1, 2, 3, 100)


@pytest.mark.parametrize(
    ("drawn", "box", "mode"),
    [
        ((20, 20, 30, 255), LEAD, "RGB"),
        ((250, 200, 40, 255), LEAD, "RGBA"),
        ((20, 20, 30, 255), Box(width=640, height=480), "RGBA"),  # a logo, which has a ground of its own
    ],
)
def test_dark_letters_on_nothing_get_a_white_ground(drawn, box, mode):
    """A chart with a see-through ground is read after dark, too; by day it looks as before, on the white sheet."""
    chart = Image.new("RGBA", (600, 300), (0, 0, 0, 0))
    chart.paste(drawn, (50, 50, 250, 90))
    saved = BytesIO()
    chart.save(saved, "PNG")
    made = Image.open(BytesIO(recompress(saved.getvalue(), box, QUALITIES[0]).data))
    assert made.mode == mode
    assert made.getpixel((0, 0)) == ((255, 255, 255) if mode == "RGB" else (0, 0, 0, 0))
    assert made.getpixel((100, 70)) == drawn[: len(mode)]


def test_an_animation_moves_on():
    """A small animated GIF is carried as it is."""
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "green", "blue")]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert carried(file.getvalue()).images[0].data == file.getvalue()


def test_all_pictures_of_a_mail_have_600_kb_together():
    """Quality falls until they have, the same for all; under it nobody loses anything."""
    few = carried(picture(440, 330), layout="list")
    many = carried(*(picture(440 + number, 330) for number in range(7)))
    assert sum(len(image.data) for image in many.images) <= MOST
    assert not [finding for finding in many.findings if finding.code == "images-heavy"]
    best = [recompress(picture(440 + number, 330), LEAD if not number else BESIDE, 85) for number in range(7)]
    assert sum(len(image.data) for image in best) > MOST
    assert few.images[0].data == best[0].data


def test_pictures_that_are_too_heavy_at_any_quality_are_said():
    """Nothing is left out in silence: a finding has their bytes, and what can be done."""
    made = carried(*(picture(1300 + number, 960) for number in range(4)), *(picture(700 + n, 700) for n in range(9)))
    [finding] = made.findings
    total = sum(len(image.data) for image in made.images)
    assert (finding.code, finding.severity) == ("images-heavy", Severity.WARNING)
    assert f"have {total // 1024} KB together" in finding.message
    assert total > MOST
    assert len(made.images) == 13


def test_a_theme_without_pictures_carries_none():
    """The quiet theme shows none, so its mails are as small as they look."""
    made = carried(picture(400, 300), name="quiet")
    assert made.images == ()
    assert "cid:" not in made.html


def test_a_portrait_is_cropped_square_from_its_middle():
    """What is asked for square is filled, whatever its shape; the middle stays."""
    middle = Image.new("RGB", (300, 100), "white")
    middle.paste("black", (100, 0, 200, 100))
    file = BytesIO()
    middle.save(file, "PNG")
    made = recompress(file.getvalue(), Box(width=48, height=48, square=True), QUALITIES[0])
    assert (made.width, made.height) == (96, 96)
    shown = Image.open(BytesIO(made.data)).convert("L")
    assert max(shown.crop((4, 4, 92, 92)).getextrema()) < 40


def test_a_picture_is_made_once_and_its_name_holds_at_any_quality(tmp_path, monkeypatch):
    """The second time it comes from the cache, in another process too; its cid says which file and how large."""
    data = picture(400, 300)
    [first], _ = within([CarriedImage(cid="a@digest", data=data, box=LEAD, cache=tmp_path)])
    monkeypatch.setattr(photos, "_made", {})
    with monkeypatch.context() as patch:
        patch.setattr(photos, "recompress", None)
        [again], _ = within([CarriedImage(cid="a@digest", data=data, box=LEAD, cache=tmp_path)])
    assert again == first
    lead, row = carried(data, data, layout="list").images
    assert lead.cid != row.cid


@given(st.binary(max_size=300), st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF"]), st.data())
def test_no_file_breaks_anything(junk, kind, draw):
    """Whatever stands in a picture's file, it becomes a picture or a sentence that says why not."""
    whole = picture(9, 7, kind)
    cut = draw.draw(st.integers(0, len(whole)))
    for data in (junk, whole[:cut] + junk, whole[:cut] + junk + whole[cut + len(junk) :]):
        with suppress(ValueError):
            made = recompress(data, ROW, 85)
            assert sniff(made.data) == made.media_type


@pytest.mark.parametrize("data", [b"", b"this is text", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_said_without_an_object_of_pythons(data):
    """An editor who saved the wrong file read `<_io.BytesIO object at 0x7f…>`."""
    with pytest.raises(ValueError, match=r"^cannot be read as a picture$"):
        recompress(data, ROW, 85)


def test_pictures_of_markdown_travel_as_a_storys_photo_does():
    """In a summary, a letter and an intro: carried once, sized to where they stand, in one budget; else linked."""
    words = "![A pier](images/pier.png)"
    chosen = replace(
        selection(story(0, summary=words), story(1, summary=words, image="photo.png", image_alt="A")),
        issue=Issue(intro=words, blocks=(LetterBlock(text=words), SponsorBlock(**SPONSOR, text=words))),
    )
    made = render(chosen, ThemeOptions(images="embed"), read_image=lambda _: png(1600, 800))
    shown = re.findall(r'<img src="cid:([^"]+)" alt="A pier" width="(\d+)" height="(\d+)" style="[^"]+">', made.html)
    assert [(width, height) for _, width, height in shown] == [
        ("592", "296"),  # the intro
        ("592", "296"),  # the letter
        ("592", "296"),  # the lead's summary
        ("382", "191"),  # beside a photo
        ("550", "275"),  # the sponsor's
    ]
    assert {image.cid for image in made.images} >= {cid for cid, _, _ in shown}
    assert len({cid for cid, _, _ in shown}) == 3  # one for each size
    assert made.text.count("[A pier]") == 5
    linked = render(chosen, ThemeOptions(image_base_url="https://img.example/"), read_image=lambda _: png(1600, 800))
    assert linked.images == ()
    assert linked.html.count('<img src="https://img.example/images/pier.png" alt="A pier"') == 5
    assert "[1] https://img.example/images/pier.png" in linked.text


@pytest.mark.parametrize(("own", "shown"), [(300, ("300", "150")), (1600, ("550", "275"))])
def test_an_advertisers_picture_is_not_blown_up(own, shown):
    """A logo is shown as wide as it is; a photo as wide as there is room."""
    block = SponsorBlock(**SPONSOR, text="Half.", image="logo.png", alt="A press")
    chosen = replace(selection(story(0)), issue=Issue(blocks=(block,)))
    made = render(chosen, EMBED, read_image=lambda _: png(own, own // 2))
    assert re.findall(r'<img class="ad-photo"[^>]* width="(\d+)" height="(\d+)"', made.html) == [shown]


def test_pictures_of_markdown_count_in_what_a_mail_may_weigh():
    """All of a mail together: a summary full of photos lowers the quality, then it is said."""
    files = {f"{number}.png": picture(1200, 900 + number) for number in range(4)}
    summary = "\n\n".join(f"![Picture {name}]({name})" for name in files)
    made = render(selection(story(0, summary=summary)), EMBED, read_image=files.__getitem__)
    assert len(made.images) == 4
    assert [code for code, _ in codes(made)] == ["images-heavy"]


def test_another_picture_of_the_same_name_makes_another_edition():
    """What an approval stands for holds the pictures of summaries, too, and a file that changed is read again."""
    picked = selection(story(0, summary="![A pier](pier.png)"))
    first, second = (render(picked, EMBED, read_image=lambda _, w=width: png(w, 8)) for width in (10, 20))
    assert first.fingerprint != second.fingerprint
    assert first.nonce != second.nonce


def test_a_missing_picture_of_a_summary_is_said_and_its_words_stand():
    """With the story's file, as an error: a mail must not go with a hole."""
    made = render(selection(story(0, summary="See ![A pier](pier.png).")), EMBED, read_image=missing)
    assert codes(made) == [("image-missing", Severity.ERROR)]
    assert "See A pier." in made.html
