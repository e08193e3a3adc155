"""What can be read: the page's data, the frame's content, the parts of the mail. GET changes nothing.

Each is a plain function of the studio and the query; `app` gives it a path and runs it off the event loop.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from digest.composer.photos import sniff
from digest.editions import build_folder
from digest.errors import UsageError
from digest.preview import compare, mime, serialize
from digest.preview.export import exported
from digest.preview.modes import dressed, local_images, look_of
from digest.preview.reading import order_page
from digest.preview.state import Sight, ViewRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.preview.state import Studio

    Query = Mapping[str, str]

# allow-same-origin lets the page scroll and mark the mail; without allow-scripts nothing in it can run.
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
FRAME_POLICY = (
    "default-src 'none'; img-src 'self' data: https: http:; style-src 'unsafe-inline'; base-uri 'none'; "
    f"form-action 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
)
_EMPTY = (
    '<!doctype html><html lang="en"><head><title>Nothing to send</title><style>:root{color-scheme:light dark}'
    "body{font:1.1rem/1.5 Georgia,serif;padding:3rem 1.5rem;text-align:center;background:#fff;color:#3a3d45}"
    "@media(prefers-color-scheme:dark){body{background:#181b23;color:#c3c8d4}}</style></head>"
    "<body><main><h1>Nothing to send</h1><p>Too few stories suit this edition.</p></main></body></html>"
)


def asked(query: Query) -> ViewRequest:
    """What the query asks to see. Raises UsageError for values longer than any name."""
    values = {key: query.get(key, "") for key in ("period", "audience", "language", "who")}
    if any(len(value) > 400 for value in values.values()):  # noqa: PLR2004 - an address has at most 254
        message = "that is no edition; open the page anew"
        raise UsageError(message)
    return ViewRequest(**values)


def edition(studio: Studio, query: Query) -> Response:
    """Everything about the edition that the page shows at once."""
    sight = studio.sight(asked(query))
    return JSONResponse(serialize.edition(sight, studio.revision))


def selection(studio: Studio, query: Query) -> Response:
    """Every candidate, in or out, and why."""
    room, edition_ = studio.room(), studio.edition(asked(query))
    chosen = room.select(edition_, now=studio.hands.now(), every=True)
    return JSONResponse(serialize.selection(chosen, room, query.get("q", "")))


def calendar(studio: Studio, _query: Query) -> Response:
    """Stories per month and kicker."""
    room = studio.room()
    return JSONResponse(serialize.calendar(room.stories.stories(), room))


def readers(studio: Studio, query: Query) -> Response:
    """A few readers from the list, to look as."""
    found = studio.readers(asked(query), query.get("q", ""))
    return JSONResponse([{"name": each.name, "address": each.address} for each in found])


def standing(studio: Studio, query: Query) -> Response:
    """Who approved the edition, and whether that holds."""
    return JSONResponse({"lines": studio.hands.standing(studio.room(), studio.edition(asked(query)))})


def parts(studio: Studio, query: Query) -> Response:
    """The mail's other faces: text, source, MIME tree with the raw mail, manifest."""
    sight, name = studio.sight(asked(query)), query.get("part", "")
    if name == "text":
        return JSONResponse({"text": sight.text})
    if name == "source":
        return JSONResponse({"text": sight.html})
    if name == "mime":
        mail = sight.mail
        raw = mail.decode("utf-8", "replace").replace("\r\n", "\n")
        return JSONResponse({"tree": mime.tree(mail), "fields": mime.fields(mail), "text": raw})
    if name == "manifest":
        data = build_folder.manifest(sight.build, sight.room.facts(sight.build))
        return JSONResponse({"text": json.dumps(data, ensure_ascii=False, indent=2)})
    message = f"the mail has no part {name[:40]!r}"
    raise UsageError(message)


def frame(studio: Studio, query: Query) -> Response:
    """The mail as the frame shows it; `at=built` or `at=sent` shows an earlier one, `tab=order` its reading order."""
    sight, look, at = studio.sight(asked(query)), look_of(query), query.get("at", "")
    html = compare.earlier(sight.room.root, sight.edition, at, "index.html") if at else sight.html
    if not html:
        page = _EMPTY
    elif query.get("tab") == "order":
        made = sight.build.rendering
        page = order_page(html, sight.edition.language, made.direction if made else "ltr")
    else:
        page = dressed(_with_local_images(sight, html), look)
    return _page(page)


def difference(studio: Studio, query: Query) -> Response:
    """The text now against the text as it was last built or sent."""
    sight = studio.sight(asked(query))
    before = compare.earlier(sight.room.root, sight.edition, query.get("at", "built"), "digest.txt")
    return JSONResponse({"rows": compare.difference(before, sight.text)})


def export(studio: Studio, query: Query) -> Response:
    """One file for a reviewer without the tool."""
    sight = studio.sight(asked(query))
    shown = serialize.edition(sight, studio.revision)
    rows = serialize.selection(sight.build.selection, sight.room)["rows"]
    name = sight.edition.id.replace("/", "-")
    headers = {"Content-Disposition": f'attachment; filename="digest-{name}.html"'}
    return Response(exported(shown, sight.html, sight.text, rows), headers=headers, media_type="text/html")


def image(studio: Studio, name: str) -> Response:
    """An image inside the newsroom's folder; nothing else, whatever it is called."""
    hidden = any(part.startswith(".") or "\\" in part or "\0" in part for part in name.split("/"))
    data = None if hidden else studio.room().read_image(name)
    kind = sniff(data) if data else ""
    if data is None or not kind:
        return JSONResponse({"errors": ["there is no such image"]}, 404)
    return Response(data, media_type=kind)


def _with_local_images(sight: Sight, html: str) -> str:
    base = sight.room.config.settings.theme.image_base_url
    return local_images(html, base, lambda name: sight.room.read_image(name) is not None)


def _page(html: str) -> Response:
    return Response(html, headers={"Content-Security-Policy": FRAME_POLICY}, media_type="text/html")
