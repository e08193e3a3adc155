"""Photos: files that are not there, empty, too heavy or not what their name says; formats that mail cannot show.

A local file is judged by its bytes, which the context's `read_file` gives; a remote one by its address only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.checks.context import Hit, check
from digest.checks.links import faults
from digest.model import Severity
from digest.text.urls import host_of, is_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext
    from digest.model import Story

HEAVY = 1_000_000  # bytes; on a phone's network that is seconds
TOO_BIG = 10_000_000  # bytes; image proxies (Gmail's among them) give up
ENLARGED = 1.25  # times its own size, beyond which anybody sees it
TALLEST = 1728  # pixels; a page of Word, which draws mails there
MAGIC = (
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("avif", re.compile(rb"....ftyp(?:avif|avis)", re.DOTALL)),
    ("heic", re.compile(rb"....ftyp(?:heic|heix|mif1|hevc)", re.DOTALL)),
    ("tiff", re.compile(rb"II\*\0|MM\0\*")),
    ("bmp", re.compile(rb"BM....\0\0\0\0", re.DOTALL)),
    ("svg", re.compile(rb"(?:\xef\xbb\xbf)?(?>(?:<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE[^>]*>|\s)*)<svg\b", re.DOTALL)),
)
SUFFIXES = {
    "jpg": "jpeg", "jpeg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "png": "png", "gif": "gif", "webp": "webp",
    "avif": "avif", "heic": "heic", "heif": "heic", "tif": "tiff", "tiff": "tiff", "bmp": "bmp", "svg": "svg",
    "svgz": "svg",
}  # fmt: skip
SHOWN_EVERYWHERE = frozenset({"jpeg", "png", "gif"})
_UNPACKED = frozenset({"webp", "avif", "bmp", "tiff"})  # and written anew, when they travel in the mail


def kind_of(data: bytes) -> str:
    """The format that a file with these first bytes is in (`jpeg`, `svg` …); empty when it is none we know."""
    return next((name for name, magic in MAGIC if magic.match(data)), "")


def suffix_kind(address: str) -> str:
    """The format that a path or address claims by its suffix, or an empty text."""
    path = re.split(r"[?#]", address, maxsplit=1)[0]
    return SUFFIXES.get(path.rpartition(".")[2].lower(), "") if "." in path.rpartition("/")[2] else ""


def _pictured(context: CheckContext) -> Iterator[tuple[Story | str, str, str]]:
    """Each image that the newsroom names, after where it does: a story and its key, or a file and line."""
    if context.logo:
        yield "config.yaml: theme.logo", "", context.logo.strip()
    for story in context.stories:
        if story.image.strip():
            yield story, "image", story.image.strip()
    for block in context.blocks:
        yield from ((block.where, "", text) for row, text in block.said() if row.holds == "image")
    yield from ((where, "summary", address) for where, address, _ in context.marked_down())


def _scheme(address: str) -> str:
    found = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", address)
    return found[1].lower() if found else ""


@check("image-unsafe", Severity.ERROR, "stories", "A photo must come from a file of the newsroom or from the web.")
def image_unsafe(context: CheckContext) -> Iterator[Hit]:
    """`file:`, `data:` and other schemes, addresses no browser reads, and hosts that readers cannot reach."""
    for where, key, image in _pictured(context):
        scheme = _scheme(image)
        if scheme and scheme not in ("http", "https"):
            message = f"'{image[:60]}' is a {scheme}: address; use https, or a file of the newsroom"
        elif scheme and (bad := [text for code, text in faults(image) if code in ("link-malformed", "link-disguised")]):
            message = bad[0]
        elif scheme and is_private(host_of(image)):
            message = f"'{image[:60]}' is on {host_of(image)}, which readers cannot reach"
        elif ".." in image.split("/") and not scheme:
            message = f"'{image[:60]}' leaves the newsroom's folder; put the photo inside"
        else:
            continue
        yield Hit(context.place(where, key, words=image), message)


@check(
    "image-http", Severity.WARNING, "stories", "Many mail programs do not load images over an unencrypted connection."
)
def image_http(context: CheckContext) -> Iterator[Hit]:
    """An image address with http."""
    for where, key, image in _pictured(context):
        if _scheme(image) == "http":
            yield Hit(context.place(where, key, words=image), f"'{image[:80]}' is not encrypted; use https")


@check(
    "image-format",
    Severity.WARNING,
    "stories",
    "SVG, WebP and other newer formats stay blank in several mail programs.",
)
def image_format(context: CheckContext) -> Iterator[Hit]:
    """A format other than JPEG, PNG and GIF, by the file's bytes or, for a remote image, its suffix.

    What travels in the mail becomes one of these, if it can be unpacked.
    """
    for where, key, image in _pictured(context):
        size, head = _local(context, image)
        kind = kind_of(head) if size else suffix_kind(image)
        shown = SHOWN_EVERYWHERE | _UNPACKED if context.carried and size else SHOWN_EVERYWHERE
        if kind and kind not in shown:
            yield Hit(context.place(where, key, words=image), f"'{image[:80]}' is {kind}; save it as JPEG or PNG")


@check("image-missing", Severity.ERROR, "stories", "A photo that is not there is a hole in the mail.")
def image_missing(context: CheckContext) -> Iterator[Hit]:
    """A local image that cannot be read, or is empty."""
    for where, key, image in _pictured(context):
        if not _is_file(image):
            continue
        peeked = context.peek(image)
        if peeked is None:
            message = f"'{image[:80]}' is not there (or is over 50 MB); put the file in the newsroom's folder"
            yield Hit(context.place(where, key, words=image), message)
        elif not peeked[0]:
            yield Hit(
                context.place(where, key, words=image), f"'{image[:80]}' is empty (0 bytes); save the photo again"
            )


@check(
    "image-broken", Severity.ERROR, "stories", "A file that is no image, or not the one its name says, is not shown."
)
def image_broken(context: CheckContext) -> Iterator[Hit]:
    """Bytes that are no image, or another format than the suffix promises."""
    for where, key, image in _pictured(context):
        size, head = _local(context, image)
        if not size:
            continue
        kind, claimed = kind_of(head), suffix_kind(image)
        if not kind:
            yield Hit(
                context.place(where, key, words=image),
                f"'{image[:80]}' is no image that is known; save the photo again",
            )
        elif claimed and claimed != kind:
            message = f"'{image[:80]}' is {kind} inside; rename it, or save it as {claimed}"
            yield Hit(context.place(where, key, words=image), message)


@check("image-heavy", Severity.WARNING, "stories", "A heavy photo is not waited for on a phone.")
def image_heavy(context: CheckContext) -> Iterator[Hit]:
    """A local image over HEAVY bytes that is linked; what travels in the mail is made smaller first."""
    for where, key, image in () if context.carried else _pictured(context):
        size, _ = _local(context, image)
        if HEAVY < size <= TOO_BIG:
            yield Hit(
                context.place(where, key, words=image), f"'{image[:80]}' has {_megabytes(size)}; 0.3 MB are enough here"
            )


@check("image-too-big", Severity.ERROR, "stories", "Image proxies drop photos of this size, so nobody sees them.")
def image_too_big(context: CheckContext) -> Iterator[Hit]:
    """A local image over TOO_BIG bytes that is linked; what travels in the mail is made smaller first."""
    for where, key, image in () if context.carried else _pictured(context):
        size, _ = _local(context, image)
        if size > TOO_BIG:
            yield Hit(context.place(where, key, words=image), f"'{image[:80]}' has {_megabytes(size)}; make it smaller")


@check(
    "image-source", Severity.ERROR, "rendering", "An image with a relative or unsafe source stays blank in every mail."
)
def image_source(context: CheckContext) -> Iterator[Hit]:
    """An `img` in the HTML that is neither https, http nor carried in the mail (cid)."""
    carried = {image.cid for image in context.rendering.images}
    for element in context.document.elements:
        source = element.attributes.get("src", "").strip()
        if element.tag != "img" or context.is_slot(source):
            continue
        if _scheme(source) == "cid" and source[4:] not in carried:
            yield Hit(element.place, f"'{source[:80]}' names an image that the mail does not carry", "src")
        elif _scheme(source) not in ("https", "http", "cid"):
            yield Hit(element.place, f"'{source[:80]}' is no source that a mail can show; use https", "src")


@check("image-width", Severity.WARNING, "rendering", "Without a width Outlook shows a photo as large as it is.")
def image_width(context: CheckContext) -> Iterator[Hit]:
    """An `img` in the HTML whose width attribute is missing or no number."""
    for element in context.document.elements:
        if element.tag == "img" and not re.fullmatch(r"\d+%?|auto", element.attributes.get("width", "").strip()):
            yield Hit(element.place, f"img {element.attributes.get('src', '')[:60]!r} has no width attribute")


@check("image-small", Severity.WARNING, "rendering", "A picture that is shown larger than it is looks blurred.")
def image_small(context: CheckContext) -> Iterator[Hit]:
    """A picture that travels in the mail and is shown more than a quarter wider than it is."""
    widths = {f"cid:{image.cid}": image.width for image in context.rendering.images if image.width}
    for element in context.document.elements:
        own, shown = widths.get(element.attributes.get("src", "")), element.attributes.get("width", "")
        if element.tag == "img" and own and shown.isdecimal() and int(shown) > own * ENLARGED:
            message = f"is {own} pixels wide and shown {shown} wide, so blurred; take one of {2 * int(shown)}"
            yield Hit(element.place, message, "src")


@check(
    "image-tall", Severity.WARNING, "rendering", "Outlook on Windows shows the beginning of a very tall picture only."
)
def image_tall(context: CheckContext) -> Iterator[Hit]:
    """An `img` in the HTML that is shown over 1,728 pixels high."""
    for element in context.document.elements:
        height = element.attributes.get("height", "")
        if element.tag == "img" and height.isdecimal() and int(height) > TALLEST:
            message = f"is shown {height} pixels high, and Outlook cuts it at {TALLEST:,}; make two of it"
            yield Hit(element.place, message, "src")


@check("image-alt", Severity.ERROR, "rendering", "An image without an alt attribute is read aloud as its address.")
def image_alt(context: CheckContext) -> Iterator[Hit]:
    """An `img` in the HTML without alt (an empty one is right for decoration)."""
    for element in context.document.elements:
        if element.tag == "img" and "alt" not in element.attributes:
            yield Hit(element.place, f"img {element.attributes.get('src', '')[:60]!r} has no alt attribute")


@check(
    "image-tracker",
    Severity.WARNING,
    "rendering",
    "An invisible image reports who opened the mail; this digest follows nobody.",
)
def image_tracker(context: CheckContext) -> Iterator[Hit]:
    """A remote `img` of at most one pixel."""
    for element in context.document.elements:
        sizes = [element.attributes.get(side, "").strip().removesuffix("px") for side in ("width", "height")]
        if element.tag == "img" and any(size in ("0", "1") for size in sizes):
            yield Hit(element.place, f"img {element.attributes.get('src', '')[:60]!r} is too small to be seen")


def _local(context: CheckContext, image: str) -> tuple[int, bytes]:
    return (_is_file(image) and context.peek(image)) or (0, b"")


def _is_file(image: str) -> bool:
    """Whether it is a path within the newsroom's folder."""
    return not (_scheme(image) or image.startswith("//") or ".." in image.split("/"))


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
