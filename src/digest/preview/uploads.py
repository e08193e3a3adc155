"""A picture that a person hands in: read, turned upright, made no larger than a mail needs, and written anew.

    octets, a file's name ─Pillow─▶ pixels ─encoded here─▶ images/helping-women.jpg

Nothing of the file that was sent is kept but its pixels: no EXIF, no second file behind the first, no script. SVG and
what only calls itself a picture are refused. The name is made from words of the one that was given; it is never a path.
"""

from __future__ import annotations

import io
import warnings
from itertools import count
from pathlib import PurePath
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from digest.composer.recompress import QUALITIES, Box, recompress
from digest.errors import UsageError
from digest.importing.naming import slug
from digest.preview.saves import FileChange, contents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.responses import Response

    from digest.preview.state import PreviewState

FOLDER = "images"
MAX_BYTES = 16 * 1024 * 1024
MAX_PIXELS = 60_000_000  # a camera's; a picture of few octets may unpack to gigabytes
_LARGEST = Box(width=800, height=1200)  # more than is shown at the width of the mail
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")


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
    if len(data) > MAX_BYTES:
        message = f"the picture has {len(data) // 1024**2} MB; at most {MAX_BYTES // 1024**2} are taken"
        raise UsageError(message)
    try:
        (width, height), frames = _header(data)
        if width * height <= MAX_PIXELS:
            kept = recompress(data, _LARGEST, QUALITIES[0], anew=True)
    except Exception:  # noqa: BLE001 - a decoder may fail in any way on what somebody made to break it
        message = "this is no picture that can be read; take a JPEG, PNG, GIF or WebP"
        raise UsageError(message) from None
    if width * height > MAX_PIXELS:
        message = f"the picture has {width} x {height} pixels; make it smaller first"
        raise UsageError(message)
    notes = ["it moves; only its first picture was kept"] if frames > 1 else []
    if {kept.width, kept.height} != {width, height}:
        notes.append(f"made smaller: {width} x {height} is now {kept.width} x {kept.height}")
    return kept.data, ".png" if kept.media_type == "image/png" else ".jpg", notes


def _header(data: bytes) -> tuple[tuple[int, int], int]:
    """Width and height, and how many pictures are in it; of the formats that are taken, nothing is unpacked."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what is refused right after
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            return picture.size, getattr(picture, "n_frames", 1)


def _free(root: Path, name: str, suffix: str, data: bytes) -> Path:
    """A path in the images' folder that no other picture has. Raises UsageError where that folder leads elsewhere."""
    folder = root / FOLDER
    if not folder.resolve().is_relative_to(root.resolve()):
        message = f"{FOLDER}/ leads out of the newsroom's folder; make it a folder of its own"
        raise UsageError(message)
    paths = (folder / f"{name}{f'-{number}' if number > 1 else ''}{suffix}" for number in count(1))
    return next(path for path in paths if not path.is_symlink() and contents(path) in (None, data))
