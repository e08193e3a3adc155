"""A picture that a person hands in: read, turned upright, made no larger than a mail needs, and written anew.

    octets, a file's name ─Pillow─▶ pixels ─encoded here─▶ images/helping-women.jpg

Nothing of the file that was sent is kept but its pixels: no EXIF, no second file behind the first, no script. SVG and
what only calls itself a picture are refused. The name is made from words of the one that was given; it is never a path.
"""

from __future__ import annotations

import io
import warnings
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from digest.errors import DigestError, UsageError
from digest.importing.naming import slug
from digest.preview.saves import FileChange, contents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from PIL.Image import Image
    from starlette.responses import Response

    from digest.preview.state import PreviewState

FOLDER = "images"
MAX_BYTES = 16 * 1024 * 1024
MAX_PIXELS = 60_000_000  # a camera's; a picture of few octets may unpack to gigabytes
_LARGEST = (1600, 2400)  # twice what is shown at the width of the mail
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
_QUALITY = 85


def upload(state: PreviewState, query: Mapping[str, str], data: bytes) -> Response:
    """Keep a picture among the newsroom's images. Answers with its path, as a story names it. Raises UsageError."""
    picture, suffix, notes = encoded(data)
    root = state.newsroom().root
    path = _free(root, slug(PurePath(query.get("name", "").replace("\\", "/")).stem) or "picture", suffix, picture)
    name = path.relative_to(root).as_posix()
    if contents(path) == picture:
        return JSONResponse(
            {"path": name, "said": f"{name} is there already, the same picture", "undo": 0, "notes": notes}
        )
    saved = state.saves.save(f"Picture: {name}", [FileChange(path=path, before=None, after=picture)])
    state.changed()
    return JSONResponse({"path": name, "said": saved.title, "undo": saved.id, "notes": notes})


def encoded(data: bytes) -> tuple[bytes, str, list[str]]:
    """The picture as it is kept, the ending of its name, and what a person should know. Raises UsageError."""
    from PIL import Image, ImageOps

    if len(data) > MAX_BYTES:
        message = f"the picture has {len(data) // 1024**2} MB; at most {MAX_BYTES // 1024**2} are taken"
        raise UsageError(message)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is asked below, or raised
            picture: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
            _insist_on_pixels(picture)
            notes = ["it moves; only its first picture was kept"] if getattr(picture, "n_frames", 1) > 1 else []
            drawn = picture.format in ("PNG", "GIF")
            picture = ImageOps.exif_transpose(picture)
            picture = _in_srgb(picture)
            before = picture.size
            picture.thumbnail(_LARGEST)
            if picture.size != before:
                notes.append(f"made smaller: {before[0]} x {before[1]} is now {picture.width} x {picture.height}")
            return *_written(picture, drawn=drawn), notes
    except DigestError:
        raise
    except Exception:  # noqa: BLE001 - a decoder may fail in any way on what somebody made to break it
        message = "this is no picture that can be read; take a JPEG, PNG, GIF or WebP"
        raise UsageError(message) from None


def _insist_on_pixels(picture: Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        message = f"the picture has {picture.width} x {picture.height} pixels; make it smaller first"
        raise UsageError(message)


def _in_srgb(picture: Image) -> Image:
    """In the colours that mail programs assume, with transparency where there was any."""
    from PIL import ImageCms

    clear = picture.has_transparency_data
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            changed: Any = ImageCms.profileToProfile(
                picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError):
            changed = None  # a profile that says nothing: the numbers are taken as they are
        picture = changed or picture
    return picture.convert("RGBA" if clear else "RGB")


def _written(picture: Image, *, drawn: bool) -> tuple[bytes, str]:
    """JPEG for photos; PNG for what has transparency, and for drawings where that is no larger."""
    photo, drawing = io.BytesIO(), io.BytesIO()
    # A picture of its own, which has nothing of the file but the pixels.
    picture.info.clear()
    if picture.mode == "RGBA" or drawn:
        picture.save(drawing, "PNG", optimize=True)
    if picture.mode == "RGB":
        picture.save(photo, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    if drawing.tell() and (not photo.tell() or drawing.tell() <= photo.tell()):
        return drawing.getvalue(), ".png"
    return photo.getvalue(), ".jpg"


def _free(root: Path, name: str, suffix: str, data: bytes) -> Path:
    """A path in the images' folder that no other picture has. Raises UsageError where that folder leads elsewhere."""
    folder = root / FOLDER
    if not folder.resolve().is_relative_to(root.resolve()):
        message = f"{FOLDER}/ leads out of the newsroom's folder; make it a folder of its own"
        raise UsageError(message)
    number = 1
    while True:
        path = folder / (f"{name}{suffix}" if number == 1 else f"{name}-{number}{suffix}")
        if not path.is_symlink() and contents(path) in (None, data):
            return path
        number += 1
