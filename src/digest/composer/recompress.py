"""Make a picture file into what a mail carries: as large as it is shown, upright, in sRGB, with nothing else in it.

    bytes of a JPEG, PNG, WebP … + box ─▶ JPEG, or PNG where that is smaller or something shines through ─▶ Recompressed

Pure: bytes in, bytes out. Pillow loads when the first picture comes.
"""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from PIL import Image

DENSITY = 2  # pixels of the file for each one that is asked for: screens of phones show as many
QUALITIES = (85, 75, 65, 55, 45)  # of a JPEG, from the first that is tried to the last that may be shown
# As Pillow calls them; its readers of other formats never see what somebody hands in.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")
_MOST_PIXELS = 150_000_000  # unpacked in memory: half a gigabyte
_GRAPHICS = ("PNG", "GIF")  # drawn, not taken: letters and areas, which JPEG blurs
# What Pillow tells of a file that has nothing in it but the picture: such a file is kept where it is the smaller one.
_BARE = frozenset(
    ("dpi", "interlace", "jfif", "jfif_density", "jfif_unit", "jfif_version", "progression", "progressive")
)
_MODES = ("RGB", "L")
_COLOURS = 256
_DARK = 100  # of 255: what is darker has less than 3 to 1 on the sheet after dark
_OPAQUE = 127  # of 255
_SOME = 20  # one in so many pixels
_MOVING = 300_000  # bytes of an animation, which is carried as it is


class Box(Struct, frozen=True, kw_only=True):
    """The room in which a picture is shown, in CSS pixels; `square` ones are cropped to fill it.

    `on_sheet` is a picture that stands among words, whose ground is light by day and dark after dark.
    """

    width: int
    height: int
    square: bool = False
    on_sheet: bool = False


class Recompressed(Struct, frozen=True, kw_only=True):
    """A picture for a mail; `width` and `height` in its own pixels."""

    media_type: str
    data: bytes
    width: int
    height: int


def recompress(data: bytes, box: Box, quality: int, *, anew: bool = False) -> Recompressed:
    """The picture at the size of `box`, never larger than it is. Raises ValueError, saying why, for what is none.

    With `anew`, nothing of the file but its pixels is kept, though it may be the smaller one, or move.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    warnings.filterwarnings("ignore", module="PIL")  # of odd metadata, which is thrown away
    Image.MAX_IMAGE_PIXELS = None  # what is too large is refused below, in words
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                message = f"has {opened.width} x {opened.height} pixels; save it at {DENSITY * box.width} across"
                raise ValueError(message)
            if not anew and getattr(opened, "is_animated", False) and opened.format == "GIF" and len(data) <= _MOVING:
                return Recompressed(media_type="image/gif", data=data, width=opened.width, height=opened.height)
            drawn = opened.format in _GRAPHICS
            bare = not anew and opened.mode in _MODES and not opened.info.keys() - _BARE
            size = opened.size
            picture = ImageOps.exif_transpose(_fitted(opened, box))
            if box.square:
                picture = ImageOps.fit(picture, (DENSITY * box.width, DENSITY * box.height))
            picture = _standard(picture, opened.info.get("icc_profile"))
            if box.on_sheet and picture.mode == "RGBA" and _darkens(picture):
                ground = Image.new("RGB", picture.size, "white")
                ground.paste(picture, mask=picture)
                picture = ground
    except (OSError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError, struct.error) as error:
        why = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"  # which names an object of Python's
        message = f"cannot be read as a picture{why}"
        raise ValueError(message) from None
    picture.info = {}  # or a JPEG's comment would be written again
    media_type, made = _encoded(picture, quality, drawn=drawn)
    if bare and picture.size == size and len(data) <= len(made) and data.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        media_type, made = ("image/jpeg" if data.startswith(b"\xff") else "image/png"), data
    return Recompressed(media_type=media_type, data=made, width=picture.width, height=picture.height)


def _fitted(picture: Image.Image, box: Box) -> Image.Image:
    """The picture within the box, or filling a square one; a large JPEG is not even unpacked whole."""
    from PIL import Image

    width, height = DENSITY * box.width, DENSITY * box.height
    if picture.getexif().get(0x0112, 1) > 4:  # noqa: PLR2004 - EXIF's orientations from 5 on lie on their side
        width, height = height, width
    if box.square:
        covering = max(width / picture.width, height / picture.height)
        width, height = round(picture.width * covering + 1), round(picture.height * covering + 1)
    picture.thumbnail((width, height), Image.Resampling.LANCZOS)
    return picture


def _standard(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """In sRGB: RGB, or RGBA where something shines through."""
    from PIL import ImageCms

    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        picture = picture.convert("I").point(lambda value: value // 256).convert("L")
    see_through = picture.has_transparency_data
    if profile and not see_through and picture.mode in ("RGB", "CMYK", "L"):
        try:
            own, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(picture, own, srgb, outputMode="RGB") or picture
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that is broken, or for another kind of picture
    if not see_through:
        return picture.convert("RGB")
    made = picture.convert("RGBA")
    return made if any(made.getchannel("A").histogram()[:255]) else made.convert("RGB")


def _darkens(picture: Image.Image) -> bool:
    """Whether some of what is drawn on nothing is so dark that it vanishes on a dark ground: letters, outlines."""
    drawn = picture.getchannel("A").point(lambda alpha: 255 * (alpha > _OPAQUE))
    shades = picture.convert("L").histogram(mask=drawn)
    return sum(shades[:_DARK]) * _SOME > sum(shades)


def _encoded(picture: Image.Image, quality: int, *, drawn: bool) -> tuple[str, bytes]:
    from PIL import Image

    made = BytesIO()
    if picture.mode == "RGBA":
        if quality < QUALITIES[0]:
            picture = picture.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE)
        picture.save(made, "PNG", optimize=True)
        return "image/png", made.getvalue()
    picture.save(made, "JPEG", quality=quality, optimize=True, progressive=True)
    if drawn:
        sharp = BytesIO()
        picture.save(sharp, "PNG", optimize=True)
        if sharp.tell() <= made.tell():
            return "image/png", sharp.getvalue()
    return "image/jpeg", made.getvalue()
