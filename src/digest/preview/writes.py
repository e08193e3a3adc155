"""What the page may change, and nothing else: the overrides file, an approval, and a test mail to a listed address.

Each takes the body of a POST that the guard let through, and raises DigestError with what to do.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from digest.errors import ApprovalError, DigestError, UsageError
from digest.model import Overrides
from digest.preview.views import asked

if TYPE_CHECKING:
    from starlette.responses import Response

    from digest.preview.state import Studio

MOST = 2000  # stories that one file may name
_KEYS = ("pin", "skip", "order")


def body_of(data: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises UsageError."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        message = "the page sent something that is not JSON; reload it"
        raise UsageError(message)
    return value


def overrides(studio: Studio, body: dict[str, Any]) -> Response:
    """Write the editor's hand on the edition's period and audience. Raises UsageError, StoryError, DigestError."""
    from digest.selection.overrides import save

    room, edition = studio.room(), studio.edition(asked(_texts(body)))
    lists = {key: _ids(body.get(key)) for key in _KEYS}
    for name in {name for names in lists.values() for name in names}:
        room.stories.story(name)  # raises StoryError for one that does not exist
    if both := {*lists["skip"]} & {*lists["pin"], *lists["order"]}:
        message = f"{min(both)} is skipped, and pinned or ordered too; keep one"
        raise UsageError(message)
    path = room.overrides_file(edition)
    try:
        save(path, Overrides(**lists))
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise DigestError(message) from error
    studio.changed()
    return JSONResponse({"saved": f"overrides/{edition.period.id}/{edition.audience}.yaml"})


def send_test(studio: Studio, body: dict[str, Any]) -> Response:
    """Send the edition to one of the addresses that config.yaml allows. Raises UsageError for any other."""
    room, address = studio.room(), str(body.get("address", ""))
    allowed = room.config.settings.preview.test_addresses
    if address not in allowed:
        message = f"{address[:80]!r} is not among preview.test_addresses in config.yaml"
        raise UsageError(message)
    said = studio.hands.send_test(room, studio.edition(asked(_texts(body))), address)
    return JSONResponse({"said": said})


def approve(studio: Studio, body: dict[str, Any]) -> Response:
    """Build and sign exactly what the page shows. Raises ApprovalError when that changed since it was shown."""
    who = str(body.get("by", "")).strip()
    if not who or len(who) > 200 or not who.isprintable():  # noqa: PLR2004 - nobody's name is longer
        message = "say who approves: your name"
        raise UsageError(message)
    sight = studio.sight(asked(_texts(body) | {"who": ""}))
    made = sight.build.rendering
    if sight.errors or made is None or made.fingerprint != body.get("fingerprint"):
        message = f"{sight.edition.id} changed while you looked; look again, then approve"
        raise ApprovalError(message)
    sight.room.write(sight.build)
    return JSONResponse({"lines": studio.hands.approve(sight.room, sight.edition, who)})


def _texts(body: dict[str, Any]) -> dict[str, str]:
    return {key: str(body.get(key, "")) for key in ("period", "audience", "language", "who")}


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST or not all(isinstance(each, str) for each in value):
        message = "pin, skip and order are lists of story ids"
        raise UsageError(message)
    return tuple(dict.fromkeys(value))
